/* See LICENSE file for copyright and license details.
 *
 * UDP streams of given rates for bench.sh, and a look at the links: which of
 * them carries what.
 *
 *	streams send PORT LEN MS KBIT...
 *		Waits at that port until as many have asked as there are
 *		rates, kbit/s, and sends to each at one of these for so long.
 *		Says how many packets, and the round trip times of those that
 *		came back until a second later.
 *	streams take [-b] [-e] TO PORT MS N
 *		Asks there for N streams, takes what comes within that time,
 *		and says its one-way delays. -b: into a large buffer; else it
 *		is what the kernel chooses. -e: sends it all back.
 *	streams watch PORT DEVICE...
 *		On the router, until SIGTERM: which device carried what comes
 *		from or goes to that port through a tunnel without a key. It
 *		counts packets that are sent for the first time, no copies and
 *		repairs, and bytes of IP. A flow is at home on the first
 *		device: while most of its packets go by others it is away,
 *		and it moves if that changes from one half second with
 *		packets to the next.
 *
 *	streams seen DEVICE TO LEN
 *		Until SIGTERM: when the first and the last IPv4 packet of at
 *		least LEN bytes to that address passed the device, in ms since
 *		1970, or 0, and how many did.
 *
 * Delays are in us: of half of the packets, of 99 in 100. Both ends run on one
 * machine, so have one clock. All but watch print a line for all streams, and
 * one for each: "flow N came N p50 US p99 US".
 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "pkt.h"

/* sizes */
enum {
	Nflows = 64, Npkts = 1 << 19, Ndevs = 8,
	FirstPort = 20000,        /* of the one who asks, then one for each */
	LinkPort = 9001,          /* of the server's links, then one for each */
	LenMin = 16, LenMax = 1400,
	KbitMax = 400000, MsMax = 60000,
	Least = 500,              /* us, no shorter sleep between packets */
	Late = 1000000,           /* us that the last of them may take */
	Half = 500000,            /* us */
	Buffer = 16 << 20,
};
enum { Down, Up, Nways };         /* from the port, to it */

/* types */
typedef struct {
	int flow, us;
} Sample;

typedef struct {
	uint64_t pkts, away;
	uint64_t home, others;    /* packets in this half second */
	int64_t half;
	int side, moves;          /* side: 0 unknown, 1 home, 2 away */
} Flow;

/* variables */
static volatile sig_atomic_t stopping;
static Sample samples[Npkts];
static uint8_t came[Npkts];       /* by a packet's number */
static int nsamples, twice;
static Flow flows[Nways][Nflows];
static struct { uint64_t pkts, bytes; } carried[Nways][Ndevs];

static void
die(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	fputs("streams: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (fmt[0] && fmt[strlen(fmt) - 1] == ':')
		fprintf(stderr, " %s", strerror(saved));
	fputc('\n', stderr);
	exit(1);
}

static void
usage(void)
{
	fputs("usage: streams send port len ms kbit...\n"
	    "       streams take [-b] [-e] to port ms n\n"
	    "       streams watch port device...\n"
	    "       streams seen device to len\n", stderr);
	exit(2);
}

/* us */
static int64_t
monotime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int
number(const char *s, int min, int max)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (*end || end == s || n < min || n > max)
		die("not a number from %d to %d: %s", min, max, s);
	return n;
}

/* port of this host */
static int
udpsocket(int port, int large)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd, size = Buffer;

	sin.sin_port = htons(port);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		die("bind to port %d:", port);
	if (large)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		    sizeof(size));
	return fd;
}

/* Waits for packets, so many us. */
static void
await(struct pollfd *pfd, int n, int64_t us)
{
	struct timespec ts = { .tv_sec = us / 1000000 };

	ts.tv_nsec = us % 1000000 * 1000;
	ppoll(pfd, n, &ts, NULL);
}

/* Notes the delay of a packet: flow, number and time of departure. */
static void
note(const uint8_t *d, int len)
{
	uint32_t flow = get(d, 4), i = get(d + 4, 4);

	if (len < LenMin || flow >= Nflows || i >= Npkts)
		return;
	if (came[i]++) {
		twice++;
		return;
	}
	samples[nsamples].flow = flow;
	samples[nsamples++].us = monotime() - (int64_t)get(d + 8, 8);
}

static int
order(const void *a, const void *b)
{
	const Sample *x = a, *y = b;

	if (x->flow != y->flow)
		return x->flow - y->flow;
	return (x->us > y->us) - (x->us < y->us);
}

static int
orderall(const void *a, const void *b)
{
	const Sample *x = a, *y = b;

	return (x->us > y->us) - (x->us < y->us);
}

static void
percentiles(const Sample *s, int n)
{
	printf("came %d p50 %d p99 %d", n, s[n / 2].us, s[n - 1 - n / 100].us);
}

/* ends the line that stands before it */
static void
delays(void)
{
	int i, j;

	if (nsamples) {
		qsort(samples, nsamples, sizeof(samples[0]), orderall);
		percentiles(samples, nsamples);
	} else
		printf("came 0 p50 none p99 none");
	printf(" twice %d\n", twice);
	qsort(samples, nsamples, sizeof(samples[0]), order);
	for (i = 0; i < nsamples; i = j) {
		for (j = i; j < nsamples && samples[j].flow == samples[i].flow;
		    j++)
			;
		printf("flow %d ", samples[i].flow);
		percentiles(samples + i, j - i);
		putchar('\n');
	}
}

/* Sends what is due of each stream by now, and returns when the next is. */
static int64_t
senddue(int fd, const struct sockaddr_in *to, int len, int n,
    const double *every, double *due, uint32_t *sent)
{
	static uint8_t d[LenMax];
	int64_t now = monotime(), next = now + Late;
	int i;

	for (i = 0; i < n; i++) {
		for (; due[i] <= now && *sent < Npkts; due[i] += every[i]) {
			put(d, i, 4);
			put(d + 4, (*sent)++, 4);
			put(d + 8, monotime(), 8);
			/* a full queue and an error are losses like others */
			if (sendto(fd, d, len, 0, (struct sockaddr *)&to[i],
			    sizeof(to[i])) < 0)
				continue;
		}
		next = MIN(next, (int64_t)due[i]);
	}
	return next;
}

/* port len ms kbit... */
static void
sendstreams(int argc, char **arg)
{
	static struct sockaddr_in to[Nflows], sin;
	static double every[Nflows], due[Nflows];
	static uint8_t d[LenMax];
	struct pollfd pfd = { .events = POLLIN };
	const int n = argc - 3, len = number(arg[1], LenMin, LenMax);
	socklen_t size;
	int64_t end, next, now;
	uint32_t sent = 0;
	int i, asked = 0;

	if (n < 1 || n > Nflows)
		die("not from 1 to %d streams", Nflows);
	pfd.fd = udpsocket(number(arg[0], 1, 65535), 1);
	while (!stopping && asked < n) {
		size = sizeof(sin);
		if (recvfrom(pfd.fd, d, sizeof(d), 0, (struct sockaddr *)&sin,
		    &size) == 1 && d[0] < n && !to[d[0]].sin_port) {
			to[d[0]] = sin;
			asked++;
		}
	}
	now = next = monotime();
	end = now + number(arg[2], 1, MsMax) * INT64_C(1000);
	for (i = 0; i < n; i++) {
		every[i] = len * 8e3 / number(arg[3 + i], 1, KbitMax);
		due[i] = now + every[i] * i / n;
	}
	for (; !stopping && (now = monotime()) < end + Late; ) {
		if (now < end)
			next = senddue(pfd.fd, to, len, n, every, due, &sent);
		else
			next = end + Late;
		await(&pfd, 1, MAX(next - monotime(), Least));
		while ((i = recv(pfd.fd, d, sizeof(d), MSG_DONTWAIT)) > 0)
			note(d, i);
	}
	printf("sent %d ", (int)sent);
	delays();
}

/* to port ms n */
static void
takestreams(char **arg, int large, int echo)
{
	static struct pollfd pfd[Nflows];
	static int heard[Nflows];
	static uint8_t d[LenMax];
	struct sockaddr_in sin = { .sin_family = AF_INET };
	const int n = number(arg[3], 1, Nflows);
	int64_t now = monotime(), ask = now;
	int64_t end = now + number(arg[2], 1, MsMax) * INT64_C(1000);
	int i, len;

	sin.sin_port = htons(number(arg[1], 1, 65535));
	if (inet_pton(AF_INET, arg[0], &sin.sin_addr) != 1)
		die("no address: %s", arg[0]);
	for (i = 0; i < n; i++) {
		pfd[i].fd = udpsocket(FirstPort + i, large);
		pfd[i].events = POLLIN;
		if (connect(pfd[i].fd, (struct sockaddr *)&sin,
		    sizeof(sin)) < 0)
			die("socket to %s:", arg[0]);
	}
	for (; !stopping && (now = monotime()) < end; await(pfd, n, 100000)) {
		for (i = 0; i < n; i++) {
			d[0] = i;
			if (now >= ask && !heard[i])
				send(pfd[i].fd, d, 1, 0);
			while ((len = recv(pfd[i].fd, d, sizeof(d),
			    MSG_DONTWAIT)) > 0) {
				heard[i] = 1;
				note(d, len);
				if (echo)
					send(pfd[i].fd, d, len, 0);
			}
		}
		if (now >= ask)
			ask = now + 100000;
	}
	delays();
}

/* What a flow did in the half second that is over. */
static void
settle(Flow *f)
{
	int side = f->others > f->home ? 2 : 1;

	if (!(f->home + f->others))
		return;
	f->moves += f->side && f->side != side;
	f->side = side;
	f->home = f->others = 0;
}

/* an IP packet of the tunnel, which device carries */
static void
seen(const uint8_t *d, int len, int device, int port)
{
	const int at = len < 20 ? 0 : (d[0] & 15) * 4;
	int64_t half = monotime() / Half;
	int way, mine;
	Flow *f;

	if (len < at + 8 || d[0] >> 4 != 4 ||
	    (d[9] != IPPROTO_UDP && d[9] != IPPROTO_TCP))
		return;
	if ((int)get(d + at, 2) == port)
		way = Down;
	else if ((int)get(d + at + 2, 2) == port)
		way = Up;
	else
		return;
	carried[way][device].pkts++;
	carried[way][device].bytes += get(d + 2, 2);
	mine = (int)get(d + at + (way == Down ? 2 : 0), 2) - FirstPort;
	if (mine < 0 || mine >= Nflows)
		return;
	f = &flows[way][mine];
	if (f->half != half) {
		settle(f);
		f->half = half;
	}
	f->pkts++;
	f->away += device != 0;
	if (device)
		f->others++;
	else
		f->home++;
}

static int
islink(int port)
{
	return port >= LinkPort && port < LinkPort + Ndevs;
}

/* a packet of a link, perhaps with records of the tunnel */
static void
look(const uint8_t *d, int len, int device, int port)
{
	int at = len < 20 ? 0 : (d[0] & 15) * 4 + 8, flags, n, skip;

	if (len < at || d[9] != IPPROTO_UDP ||
	    (!islink(get(d + at - 8, 2)) && !islink(get(d + at - 6, 2))))
		return;
	for (; len - at >= HdrLen; at += HdrLen + n) {
		flags = get(d + at + 8, 1);
		n = get(d + at + 9, 2);
		if (n > len - at - HdrLen)
			return;
		skip = flags & FlagOrder ? 2 : 0;
		if ((flags & ~FlagOrder) == FlagData && n > skip)
			seen(d + at + HdrLen + skip, n - skip, device, port);
	}
}

/* a socket that gets what passes a device */
static int
capture(const char *device)
{
	struct sockaddr_ll sll;
	int fd, size = Buffer;

	memset(&sll, 0, sizeof(sll));
	sll.sll_family = AF_PACKET;
	sll.sll_protocol = htons(ETH_P_ALL);
	if (!(sll.sll_ifindex = if_nametoindex(device)))
		die("%s:", device);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sll, sizeof(sll)) < 0)
		die("packet socket:");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

/* port device... */
static void
watch(int argc, char **arg)
{
	static const char *ways[] = { "down", "up" };
	static uint8_t d[2048];
	struct pollfd pfd[Ndevs];
	const int n = argc - 1, port = number(arg[0], 1, 65535);
	int i, j, len;

	if (n < 1 || n > Ndevs)
		die("not from 1 to %d devices", Ndevs);
	for (i = 0; i < n; i++) {
		pfd[i].fd = capture(arg[1 + i]);
		pfd[i].events = POLLIN;
	}
	while (!stopping) {
		await(pfd, n, 100000);
		for (i = 0; i < n; i++)
			while ((len = recv(pfd[i].fd, d, sizeof(d),
			    MSG_DONTWAIT)) > 0)
				look(d, len, i, port);
	}
	for (j = 0; j < Nways; j++) {
		for (i = 0; i < n; i++)
			printf("link %s %s %llu %llu\n", ways[j], arg[1 + i],
			    (unsigned long long)carried[j][i].pkts,
			    (unsigned long long)carried[j][i].bytes);
		for (i = 0; i < Nflows; i++) {
			settle(&flows[j][i]);
			if (flows[j][i].pkts)
				printf("flow %s %d packets %llu away %llu "
				    "moves %d last %s\n", ways[j], i,
				    (unsigned long long)flows[j][i].pkts,
				    (unsigned long long)flows[j][i].away,
				    flows[j][i].moves,
				    flows[j][i].side == 2 ? "away" : "home");
		}
	}
}

/* device to len */
static void
seenby(char **arg)
{
	static uint8_t d[2048];
	struct in_addr to;
	struct timespec ts;
	struct pollfd pfd = { .events = POLLIN };
	const int least = number(arg[2], 20, sizeof(d));
	int64_t first = 0, last = 0;
	uint64_t pkts = 0;
	int len;

	if (inet_pton(AF_INET, arg[1], &to) != 1)
		die("%s: no address", arg[1]);
	pfd.fd = capture(arg[0]);
	while (!stopping) {
		await(&pfd, 1, 100000);
		while ((len = recv(pfd.fd, d, sizeof(d), MSG_DONTWAIT)) > 0) {
			if (len < least || d[0] >> 4 != 4 ||
			    memcmp(d + 16, &to, sizeof(to)))
				continue;
			clock_gettime(CLOCK_REALTIME, &ts);
			last = ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
			if (!pkts++)
				first = last;
		}
	}
	printf("seen %llu first %lld last %lld\n", (unsigned long long)pkts,
	    (long long)first, (long long)last);
}

static void
onterm(int sig)
{
	(void)sig;
	stopping = 1;
}

int
main(int argc, char *argv[])
{
	struct sigaction sa;
	int opt, large = 0, echo = 0;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = onterm; /* and recv() is interrupted */
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	if (argc < 3)
		usage();
	argc--;
	argv++;
	if (!strcmp(argv[0], "send") && argc > 4)
		sendstreams(argc - 1, argv + 1);
	else if (!strcmp(argv[0], "watch"))
		watch(argc - 1, argv + 1);
	else if (!strcmp(argv[0], "seen") && argc == 4)
		seenby(argv + 1);
	else if (!strcmp(argv[0], "take")) {
		while ((opt = getopt(argc, argv, "be")) > 0) {
			if (opt == '?')
				usage();
			large |= opt == 'b';
			echo |= opt == 'e';
		}
		if (argc - optind != 4)
			usage();
		takestreams(argv + optind, large, echo);
	} else
		usage();
	return 0;
}
