/* See LICENSE file for copyright and license details.
 *
 * The man in the middle, for middle.sh. The client takes him for the server,
 * and the server for the client. He hands on all datagrams 5 ms late, and
 * remembers them, and does with them what he is told.
 *
 *	middle PIPE MTU NEAR FAR SERVER PORT ...
 *		For each link his IPv4 addresses, towards the client and
 *		towards the server, the server's, and the port of all three.
 *
 * The pipe takes lines, and each is answered by one on stdout:
 *
 *	count           how many were remembered
 *	hold PERCENT MS from now on so many are handed on after that time
 *	shuffle MS      from now on each is late by a random time up to that
 *	replay KINDS DIRECTION PPS
 *			Sends again all remembered so far that are of one of
 *			those kinds: 0 session, 1 hello, 2 answer, 3 confirm.
 *			DIRECTION is same, to who got it, or back, to where it
 *			came from. Answers when done, with how many went to
 *			the client and to the server.
 *	find HEX        how many bytes were remembered, and how often these
 *			are in them
 *	lengths         how many are not padded to 16 bytes, though their IP
 *			packets would not be longer than 1280 then
 *
 * Begin with main(), then run().
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pkt.h"

enum { Down, Up };                  /* to the client, to the server */
enum {
	Nlinks = 4,
	Nold = 1 << 17,             /* datagrams that are remembered */
	Late = 5000,                /* us, of what passes */
};

typedef struct Dgram Dgram;
struct Dgram {
	Dgram *next;                /* that is to leave later */
	int64_t due;                /* us */
	int link, way, len;
	uint8_t d[];
};

typedef struct {
	struct sockaddr_in to[2];   /* the client's, once it has sent */
	int fd[2], known;
} Way;

static Way links[Nlinks];
static int nlinks;
static Dgram *old[Nold], *first;
static int nold;
static int percent, hold, shuffle;  /* ms */
static int64_t now;                 /* us */
static struct {                     /* what is sent again */
	char kinds[8];
	int back, pps;
	int on, at, end;            /* place in old */
	int64_t next;               /* us */
	int sent[2];
} again;

static void
die(const char *what)
{
	fprintf(stderr, "middle: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
clockread(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static void
answer(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* Returns the kind of a sealed datagram; all others are of a session. */
static int
kindof(const Dgram *g)
{
	return g->len > 8 && g->d[8] & FlagSealed ? g->d[8] & 3 : 0;
}

static void
hand(const Dgram *g, int way)
{
	const Way *w = &links[g->link];

	if (w->known)
		sendto(w->fd[way], g->d, g->len, 0,
		    (struct sockaddr *)&w->to[way], sizeof(w->to[way]));
}

/* Remember a datagram, and say when it is to leave. */
static void
enqueue(Dgram *g)
{
	Dgram **at = &first;

	errno = ENOBUFS;
	if (nold == Nold)
		die("remember");
	old[nold++] = g;
	g->due = now + Late;
	if (rnd(100) < percent)
		g->due += hold * INT64_C(1000);
	if (shuffle)
		g->due += rnd(shuffle * 1000);
	while (*at && (*at)->due <= g->due)
		at = &(*at)->next;
	g->next = *at;
	*at = g;
}

static void
receive(int link, int way)
{
	static uint8_t buf[65536];
	Way *w = &links[link];
	struct sockaddr_in from;
	socklen_t size;
	ssize_t n;
	Dgram *g;

	for (;;) {
		size = sizeof(from);
		n = recvfrom(w->fd[!way], buf, sizeof(buf), MSG_DONTWAIT,
		    (struct sockaddr *)&from, &size);
		if (n < 0)
			return;
		if (way == Up) {
			w->to[Down] = from;
			w->known = 1;
		}
		if (!(g = malloc(sizeof(*g) + n)))
			die("memory");
		g->link = link;
		g->way = way;
		g->len = n;
		memcpy(g->d, buf, n);
		enqueue(g);
	}
}

static void
replay(void)
{
	const Dgram *g;
	int way;

	for (; again.at < again.end && again.next <= now; again.at++) {
		g = old[again.at];
		if (!strchr(again.kinds, '0' + kindof(g)))
			continue;
		way = again.back ? !g->way : g->way;
		hand(g, way);
		again.sent[way]++;
		again.next += 1000000 / again.pps;
	}
	if (again.at < again.end)
		return;
	again.on = 0;
	answer("%d %d", again.sent[Down], again.sent[Up]);
}

static void
find(const char *hex)
{
	uint8_t s[64];
	long long bytes = 0, found = 0;
	int i, k, n;

	if (strlen(hex) > 2 * sizeof(s) || (n = unhex(hex, s)) < 1) {
		answer("not found");
		return;
	}
	for (i = 0; i < nold; bytes += old[i++]->len)
		for (k = 0; k + n <= old[i]->len; k++)
			found += !memcmp(old[i]->d + k, s, n);
	answer("%lld %lld", bytes, found);
}

static void
lengths(void)
{
	int i, len, bad = 0;

	for (i = 0; i < nold; i++) {
		len = old[i]->len - SealLen - (kindof(old[i]) ? ShakeLen : 0);
		bad += len < 0 || (len % 16 != 0 && old[i]->len + 28 < 1280);
	}
	answer("%d %d", nold, bad);
}

static void
told(const char *line)
{
	char arg[160], way[8];
	int n = 0;

	if (sscanf(line, "hold %d %d", &percent, &hold) == 2 ||
	    sscanf(line, "shuffle %d", &shuffle) == 1) {
		answer("done");
	} else if (sscanf(line, "find %159s", arg) == 1) {
		find(arg);
	} else if (sscanf(line, "replay %7s %7s %d", again.kinds, way, &n) ==
	    3 && n > 0) {
		again.back = !strcmp(way, "back");
		again.pps = n;
		again.at = again.sent[Down] = again.sent[Up] = 0;
		again.end = nold;
		again.next = now;
		again.on = 1;
	} else if (!strcmp(line, "lengths")) {
		lengths();
	} else if (!strcmp(line, "count")) {
		answer("%d", nold);
	} else {
		answer("unknown: %s", line);
	}
}

static void
command(int fd)
{
	static char buf[512];
	static int len;
	char *end;
	int n = read(fd, buf + len, sizeof(buf) - 1 - len);

	if (n <= 0)
		return;
	buf[len += n] = '\0';
	while ((end = strchr(buf, '\n'))) {
		*end++ = '\0';
		told(buf);
		len -= end - buf;
		memmove(buf, end, len + 1);
	}
}

static void
run(int fd)
{
	struct pollfd pfd[1 + 2 * Nlinks];
	const Dgram *g;
	int i;

	pfd[0] = (struct pollfd){ fd, POLLIN, 0 };
	for (i = 0; i < 2 * nlinks; i++)
		pfd[1 + i] = (struct pollfd){ links[i / 2].fd[i % 2], POLLIN,
		    0 };
	for (;;) {
		poll(pfd, 1 + 2 * nlinks, first || again.on ? 1 : 1000);
		clockread();
		if (pfd[0].revents)
			command(fd);
		for (i = 0; i < 2 * nlinks; i++)
			if (pfd[1 + i].revents)
				receive(i / 2, i % 2 == Down ? Up : Down);
		while ((g = first) && g->due <= now) {
			first = g->next;
			hand(g, g->way);
		}
		if (again.on)
			replay();
	}
}

static int
listenat(const char *addr, int port, struct sockaddr_in *sin)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = 4 << 20;

	sin->sin_family = AF_INET;
	sin->sin_port = htons(port);
	if (fd < 0 || inet_pton(AF_INET, addr, &sin->sin_addr) != 1)
		die(addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)sin, sizeof(*sin)) < 0)
		die(addr);
	return fd;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in sin = { 0 };
	int fd, i;
	Way *w;

	if (argc < 6 || (argc - 2) % 4 || (argc - 2) / 4 > Nlinks) {
		fputs("usage: middle pipe near far server port ...\n", stderr);
		return 2;
	}
	for (i = 2; i < argc; i += 4) {
		w = &links[nlinks++];
		w->fd[Down] = listenat(argv[i], atoi(argv[i + 3]), &sin);
		w->fd[Up] = listenat(argv[i + 1], atoi(argv[i + 3]), &sin);
		w->to[Up] = sin;
		if (inet_pton(AF_INET, argv[i + 2], &w->to[Up].sin_addr) != 1)
			die(argv[i + 2]);
	}
	mkfifo(argv[1], 0600);
	if ((fd = open(argv[1], O_RDWR)) < 0)
		die(argv[1]);
	answer("ready");
	run(fd);
	return 0;
}
