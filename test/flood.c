/* See LICENSE file for copyright and license details.
 *
 * A hostile host, for hostile.sh, test.sh and bench.sh. It stands on the way
 * between both ends of a bond over IPv4 or, with -6 before all else, IPv6,
 * sees what passes and sends what it likes:
 *
 *	flood record FILE MS
 *		Writes down the datagrams that pass.
 *	flood KIND SOURCE PPS MS [FILE]
 *		Attacks both ends for that long, with made up or recorded
 *		datagrams, those of the file or else those that pass, or with
 *		ICMP messages about such. SOURCE is peer, own or any: forged
 *		to be that of the other end, one of 198.51.100.0/24 or
 *		2001:db8::/120, or now this and now that. A client's socket
 *		is connected, so it is spared what is not from its peer.
 *	flood marks FROM TO PORT TOKEN PPS LEN MS
 *		Sends numbered packets through the tunnel.
 *	flood watch DEVICE HERE THERE TOKEN
 *		Looks at what comes out of it, until SIGTERM: numbered packets
 *		that came once, those that came again, and what nobody sent.
 *	flood stream PORT PPS LEN MS
 *		Sends numbered packets to who first asks for them at that port.
 *	flood delays TO PORT MS
 *		Asks there, and says how many came, how many of those twice,
 *		and the one-way delay that half and 99 % of them did not
 *		exceed, us. Both run on one machine, so have one clock.
 *
 * Or it is a host of the LAN, a neighbour of the server, or a user of the
 * router without privileges:
 *
 *	flood send SORT FROM TO PPS LEN MS [DEVICE]
 *		Sends PPS * MS / 1000 packets of one of the sorts below, with
 *		LEN bytes of payload, by the route or by that TUN device. The
 *		addresses are both IPv4 or both IPv6.
 *	flood steal FROM TO PORT MS
 *		Says hello from there to a server without a key, and begins a
 *		session if there is an answer.
 *	flood ask NAME MS
 *		Puts questions to the control socket NAME.
 *
 * It works in another network namespace than that of its parent only. What
 * stands on the way sends to nothing but the addresses between which datagrams
 * pass there.
 */
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "pkt.h"

/* enums */
enum { Down, Up };                     /* to the client, to the server */
enum { SrcPeer, SrcOwn, SrcAny };
enum {
	FirstPort = 9001, Nlinks = 8,  /* ports of the server */
	MarkPort = 7001, Nmarks = 4,   /* ports of numbered packets */
	HelloLen = SealLen + ShakeLen + 112, /* sealed */
	FormatAt = 88, Format = 3,     /* in a heartbeat */
	IpLen = 20, Ip6Len = 40, UdpLen = 8,
	DgramMax = 2048,               /* bytes that are remembered */
	SendMax = 1392,                /* that fit through the links */
	Nring = 4096,                  /* datagrams remembered */
	Nnumbers = 1 << 16,            /* numbered packets */
	MarkLen = 16,                  /* what all of those have */
	PpsMax = 20000, MsMax = 60000, /* no more than that */
	MarksMsMax = 600000,
	LenMax = 1400,                 /* payload of what is sent */
	Nobody = 65533,                /* a user without privileges */
};

/* types */
typedef struct {
	int link, way, len;
	int icmp;                      /* is the whole of an ICMP message */
	uint8_t d[DgramMax];
} Dgram;

typedef struct {
	uint8_t addr[2][16];           /* of the client and of the server */
	int port[2];
	int known;                     /* both have sent */
} Ends;

typedef struct {
	const char *name;
	int (*make)(Dgram *);          /* 0 if there is one to be sent */
} Kind;

typedef struct Sort Sort;
struct Sort {
	const char *name;
	/* Writes what follows the IP header: packet i, len bytes of payload.
	 * Returns the length. */
	int (*make)(uint8_t *, const Sort *, int, int);
	int proto, flags;              /* flags of TCP */
	int ports;                     /* as many ports of the sender */
	int tos, ttl;
};

/* function declarations */
static void die(const char *, ...);
static int64_t monotime(void);
static void rest(int64_t);
static int number(const char *, int);
static uint32_t address(const char *);
static int capture(const char *, int);
static int udpparse(const uint8_t *, int, int *);
static void look(void);
static void passed(const uint8_t *, int);
static int isown(const uint8_t *);
static int hashello(const Dgram *);
static int udpfill(uint8_t *, const Dgram *, const uint8_t *, int,
                   const uint8_t *, int);
static int pick(Dgram *);
static int garbage(Dgram *);
static int replay(Dgram *);
static int cutshort(Dgram *);
static int bitflip(Dgram *);
static int badlength(Dgram *);
static int joined(Dgram *);
static int parted(Dgram *);
static int altered(Dgram *);
static int forged(Dgram *);
static int mirrored(Dgram *);
static int hellos(Dgram *);
static int old(Dgram *);
static int icmp(Dgram *);
static void strike(Dgram *);
static void attack(const Kind *, int, int);
static void load(const char *);
static void record(const char *, int);
static int numbered(int, const struct sockaddr_in *, int, int, int);
static void marks(char **);
static void stream(char **);
static int order(const void *, const void *);
static void delays(char **);
static void watch(char **);
static void seen(const uint8_t *, int);
static int segment(uint8_t *, const Sort *, int, int);
static int dgram(uint8_t *, const Sort *, int, int);
static int bye(uint8_t *, const Sort *, int, int);
static int toobig(uint8_t *, const Sort *, int, int);
static int advert(uint8_t *, const Sort *, int, int);
static int anyaddress(const char *, uint8_t *, struct sockaddr_storage *);
static void sendsort(int, char **);
static void unprivileged(void);
static void hello(int, const struct sockaddr_in *, uint64_t, uint64_t, int);
static void steal(char **);
static void ask(char **);
static void onterm(int);
static void stranger(void);
static void usage(void);

/* variables */
static const Kind kinds[] = {
	{ "garbage",  garbage },  /* random, or with a header that is likely */
	{ "replay",   replay },   /* as they were */
	{ "altered",  altered },  /* shorter, a bit, the length, joined, parted */
	{ "forged",   forged },   /* hellos and heartbeats, but for the key */
	{ "mirrored", mirrored }, /* back to who sent it */
	{ "hellos",   hellos },   /* recorded ones */
	{ "old",      old },      /* all of the file, in order */
	{ "icmp",     icmp },     /* what was sent is too big, or refused */
};
static const Sort sorts[] = {
	/*          make     protocol        flags ports  tos   ttl */
	{ "syn",    segment, IPPROTO_TCP,    0x02, 1,     0,    64 },
	{ "ack",    segment, IPPROTO_TCP,    0x10, 1,     0,    64 },
	{ "rst",    segment, IPPROTO_TCP,    0x04, 60000, 0,    64 },
	{ "udp",    dgram,   IPPROTO_UDP,    0,    60000, 0,    64 },
	{ "flows",  dgram,   IPPROTO_UDP,    0,    5000,  0,    64 },
	{ "cs6",    dgram,   IPPROTO_UDP,    0,    1,     0xc0, 64 },
	{ "ttl",    dgram,   IPPROTO_UDP,    0,    1,     0,    255 },
	{ "bye",    bye,     IPPROTO_UDP,    0,    1,     0,    64 },
	{ "toobig", toobig,  IPPROTO_ICMP,   0,    1,     0,    64 },
	{ "advert", advert,  IPPROTO_ICMPV6, 0,    1,     0,    255 },
};
static int v6, iplen = IpLen, addrlen = 4; /* outside the tunnel */
static uint8_t own[16] = { 198, 51, 100 }; /* all but the last byte */
static volatile sig_atomic_t stopping;
static Dgram ring[Nring];
static unsigned nring;                 /* ever remembered */
static unsigned nextold;
static Ends ends[Nlinks];
static int source = SrcAny, keeping = 1;
static int capfd = -1, rawfd = -1;
static long long sent[2];              /* datagrams to client and server */
static long long nanswers, nlong;      /* to addresses of ours; too large */
static long long nhellos;              /* from the server to anybody */
static uint32_t here, there;           /* for watch */
static uint32_t token;                 /* of numbered packets */
static uint8_t marked[Nmarks][Nnumbers];
static long long good, twice, strange;

static void
die(const char *fmt, ...)
{
	va_list ap;
	int saved = errno;

	fputs("flood: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (fmt[0] && fmt[strlen(fmt) - 1] == ':')
		fprintf(stderr, " %s", strerror(saved));
	fputc('\n', stderr);
	exit(1);
}

/* us */
static int64_t
monotime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
rest(int64_t us)
{
	struct timespec ts;

	ts.tv_sec = us / 1000000;
	ts.tv_nsec = us % 1000000 * 1000;
	nanosleep(&ts, NULL);
}

static int
number(const char *s, int max)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (*end || end == s || n < 1 || n > max)
		die("not a number from 1 to %d: %s", max, s);
	return n;
}

static uint32_t
address(const char *s)
{
	struct in_addr a;

	if (inet_pton(AF_INET, s, &a) != 1)
		die("no address: %s", s);
	return ntohl(a.s_addr);
}

/* IP packets that come in, by any device or by that one */
static int
capture(const char *dev, int proto)
{
	struct sockaddr_ll sll;
	int fd, size = 16 << 20;

	memset(&sll, 0, sizeof(sll));
	sll.sll_family = AF_PACKET;
	sll.sll_protocol = htons(proto);
	if (dev && !(sll.sll_ifindex = if_nametoindex(dev)))
		die("%s:", dev);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("packet socket:");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&sll, sizeof(sll)) < 0)
		die("packet socket: bind:");
	return fd;
}

/* offset of the payload of a UDP packet, and its length; -1: it is none */
static int
udpparse(const uint8_t *d, int len, int *n)
{
	int ihl;

	if (len < iplen || d[0] >> 4 != (v6 ? 6 : 4) ||
	    d[v6 ? 6 : 9] != IPPROTO_UDP || (!v6 && get(d + 6, 2) & 0x3fff))
		return -1;
	ihl = v6 ? Ip6Len : (d[0] & 15) * 4;
	if (ihl < iplen || len < ihl + UdpLen)
		return -1;
	*n = (int)get(d + ihl + 4, 2) - UdpLen;
	return *n < 0 || *n > len - ihl - UdpLen ? -1 : ihl + UdpLen;
}

/* all that has passed since */
static void
look(void)
{
	static uint8_t buf[65536];
	ssize_t n;

	while ((n = recv(capfd, buf, sizeof(buf), MSG_DONTWAIT)) >= 0)
		passed(buf, n);
}

static void
passed(const uint8_t *d, int len)
{
	const uint8_t *src = d + (v6 ? 8 : 12), *dst = src + addrlen;
	int at, n, link, way, sport, dport;
	Dgram *g;

	if ((at = udpparse(d, len, &n)) < 0)
		return;
	sport = get(d + at - UdpLen, 2);
	dport = get(d + at - UdpLen + 2, 2);
	if (isown(dst)) {
		nanswers++;
		nlong += n > HelloLen;
	}
	/* without a key both ports are the same: the server's address is .2 */
	way = dport >= FirstPort && dport < FirstPort + Nlinks &&
	    (sport != dport || dst[addrlen - 1] == 2) ? Up : Down;
	link = (way == Up ? dport : sport) - FirstPort;
	if (link < 0 || link >= Nlinks || n > DgramMax)
		return;
	g = &ring[nring % Nring];
	g->link = link;
	g->way = way;
	g->len = n;
	memcpy(g->d, d + at, n);
	nhellos += way == Down && hashello(g);
	if (isown(dst))
		return;
	memcpy(ends[link].addr[way == Up ? Down : Up], src, addrlen);
	ends[link].port[way == Up ? Down : Up] = sport;
	ends[link].known |= 1 << way;
	if (keeping)
		nring++;
}

static int
isown(const uint8_t *addr)
{
	return !memcmp(addr, own, addrlen - 1);
}

static int
hashello(const Dgram *g)
{
	if (g->len >= HdrLen && g->d[8] & FlagSealed) /* hello or answer */
		return g->d[8] == 0x81 || g->d[8] == 0x82;
	return g->len >= HdrLen + BeatLen && g->d[8] & FlagBeat &&
	    g->d[HdrLen + HelloAt];
}

/* a whole packet with that datagram in it; its length */
static int
udpfill(uint8_t *d, const Dgram *g, const uint8_t *src, int sport,
        const uint8_t *dst, int dport)
{
	int n = iplen + UdpLen + g->len;

	iphead(d, v6, IPPROTO_UDP, n, src, dst);
	udphead(d + iplen, sport, dport, n - iplen);
	memcpy(d + iplen + UdpLen, g->d, g->len);
	finish(d, n);
	return n;
}

/* one of those remembered */
static int
pick(Dgram *g)
{
	if (!nring)
		return -1;
	*g = ring[rnd(MIN(nring, Nring))];
	return 0;
}

/* Random lengths and bytes; every other one with a header that could be true
 * and a packet inside, from an address that nobody has. */
static int
garbage(Dgram *g)
{
	static const uint8_t flags[] = {
		0x02, 0x06, 0x0a, 0x0e, 0x22, 0x40, 0x42, 0x82, 0x86, 0x8a,
		0x8e, 0xa2, 0xc0, 0xc2, 0x80, 0x81, 0x83, 0x90
	};
	static const int sizes[] = {
		0, 1, 10, 11, 12, 18, 19, 20, 101, 109, 1391, 1392
	};
	static const uint8_t nobody[2][4] = { /* in the tunnel */
		{ 198, 18, 6, 66 }, { 198, 18, 6, 67 }
	};
	uint8_t *ip = g->d + HdrLen;
	int i, n;

	g->link = rnd(Nlinks);
	g->way = rnd(2);
	g->len = rnd(4) ? 1 + rnd(SendMax) : sizes[rnd(LEN(sizes))];
	if (g->way == Up && !rnd(32))
		g->len = SendMax + rnd(DgramMax - SendMax);
	for (i = 0; i < g->len; i++)
		g->d[i] = rnd(256);
	n = g->len - SealLen;
	if (n < IpLen + UdpLen || rnd(2))
		return 0;
	put(g->d, rnd(100000), 8);
	g->d[8] = flags[rnd(LEN(flags))];
	put(g->d + 9, n + MacLen, 2);
	iphead(ip, 0, IPPROTO_UDP, n, nobody[0], nobody[1]);
	ipfinish(ip);
	udphead(ip + IpLen, 6666, 6666, n - IpLen);
	return 0;
}

static int
replay(Dgram *g)
{
	return pick(g) < 0 || hashello(g) ? -1 : 0;
}

static int
cutshort(Dgram *g)
{
	g->len = rnd(g->len);
	return 0;
}

static int
bitflip(Dgram *g)
{
	int bit = rnd(g->len * 8);

	g->d[bit / 8] ^= 1 << bit % 8;
	return 0;
}

/* of the first record */
static int
badlength(Dgram *g)
{
	int was = get(g->d + 9, 2), is = rnd(2) ? was - 8 + rnd(17) : rnd(65536);

	put(g->d + 9, is == was ? is + 1 : is, 2);
	return 0;
}

/* another one behind it, with or without the tag between */
static int
joined(Dgram *g)
{
	static Dgram h;
	int len = rnd(2) ? g->len : g->len - MacLen;

	if (pick(&h) < 0 || len < 0 || len + h.len > SendMax)
		return bitflip(g);
	memcpy(g->d + len, h.d, h.len);
	g->len = len + h.len;
	return 0;
}

/* without its first record, or with that one twice */
static int
parted(Dgram *g)
{
	int n = HdrLen + get(g->d + 9, 2);

	if (n >= g->len - MacLen) {
		if (g->len + n > SendMax || n > g->len)
			return bitflip(g);
		memmove(g->d + n, g->d, g->len);
		g->len += n;
		return 0;
	}
	memmove(g->d, g->d + n, g->len - n);
	g->len -= n;
	return 0;
}

static int
altered(Dgram *g)
{
	static int (*const how[])(Dgram *) = {
		cutshort, bitflip, badlength, joined, parted
	};

	if (pick(g) < 0 || g->len < SealLen)
		return -1;
	return how[rnd(LEN(how))](g);
}

/* a heartbeat as it could come next, or a hello */
static int
forged(Dgram *g)
{
	int i;

	if (pick(g) < 0 || g->len < HdrLen + BeatLen ||
	    !(g->d[8] & (FlagBeat | FlagSealed)))
		return -1;
	put(g->d, get(g->d, 8) + 1 + rnd(1000), 8);
	if (g->d[8] & FlagSealed) {
		g->d[8] = FlagSealed | rnd(4);
		for (i = rnd(2) ? HdrLen : g->len - MacLen; i < g->len; i++)
			g->d[i] = rnd(256);
		return 0;
	}
	g->d[HdrLen + HelloAt] = rnd(2);
	for (i = 0; i < 16 && !rnd(3); i++) /* ids */
		g->d[HdrLen + i] = rnd(256);
	put(g->d + HdrLen + 18, get(g->d + HdrLen + 18, 8) + rnd(1000000), 8);
	for (i = HdrLen + BeatLen; i < g->len; i++)
		g->d[i] = rnd(256);
	return 0;
}

static int
mirrored(Dgram *g)
{
	if (pick(g) < 0 || hashello(g))
		return -1;
	g->way = g->way == Up ? Down : Up;
	return 0;
}

/* to the server, those of the server as well */
static int
hellos(Dgram *g)
{
	if (pick(g) < 0 || !hashello(g))
		return -1;
	g->way = Up;
	return 0;
}

static int
old(Dgram *g)
{
	if (nextold == nring) {
		stopping = 1;
		return -1;
	}
	*g = ring[nextold++];
	return 0;
}

/* destination unreachable: a datagram of the one who gets it was too big or
 * nobody took it */
static int
icmp(Dgram *g)
{
	static const int mtus[] = { 0, 68, 552, 575, 576, 1000, 1279 };
	const Ends *e;
	uint8_t *quote = g->d + 8;
	int peer, toobig;

	g->link = rnd(Nlinks);
	g->way = rnd(2);
	g->icmp = 1;
	e = &ends[g->link];
	peer = g->way == Up ? Down : Up;
	g->len = 8 + iplen + UdpLen;
	memset(g->d, 0, g->len);
	toobig = rnd(2);
	g->d[0] = !v6 ? 3 : toobig ? 2 : 1;
	g->d[1] = v6 && toobig ? 0 : !v6 && !toobig ? 3 : 4;
	if (toobig)
		put(g->d + 4, mtus[rnd(LEN(mtus))], 4);
	iphead(quote, v6, IPPROTO_UDP, 1400, e->addr[g->way], e->addr[peer]);
	ipfinish(quote);
	udphead(quote + iplen, e->port[g->way], e->port[peer], 1400 - iplen);
	return 0;
}

static void
strike(Dgram *g)
{
	static uint8_t buf[Ip6Len + UdpLen + 2 * DgramMax];
	const Ends *e = &ends[g->link];
	const uint8_t *dst = e->addr[g->way];
	struct sockaddr_in to;
	struct sockaddr_in6 to6;
	uint8_t src[16];
	int n, proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int sport, from = g->way == Up ? Down : Up;

	if (e->known != 3)
		return;
	memcpy(src, e->addr[from], sizeof(src));
	sport = e->port[from];
	if (source == SrcOwn || (source == SrcAny && g->way == Up && rnd(2))) {
		if (g->way == Down)
			return;
		memcpy(src, own, sizeof(src));
		src[addrlen - 1] = 1 + rnd(254);
		sport = 1024 + rnd(60000);
	}
	if (g->icmp) {
		n = iplen + g->len;
		iphead(buf, v6, proto, n, src, dst);
		memcpy(buf + iplen, g->d, g->len);
		finish(buf, n);
	} else {
		n = udpfill(buf, g, src, sport, dst, e->port[g->way]);
	}
	memset(&to, 0, sizeof(to));
	to.sin_family = AF_INET;
	memcpy(&to.sin_addr, dst, sizeof(to.sin_addr));
	memset(&to6, 0, sizeof(to6));
	to6.sin6_family = AF_INET6;
	memcpy(&to6.sin6_addr, dst, sizeof(to6.sin6_addr));
	if ((v6 ? sendto(rawfd, buf, n, 0, (struct sockaddr *)&to6,
	    sizeof(to6)) : sendto(rawfd, buf, n, 0, (struct sockaddr *)&to,
	    sizeof(to))) < 0) {
		if (errno != ENOBUFS && errno != EMSGSIZE)
			die("send:");
		return;
	}
	sent[g->way]++;
}

/* the ends are known once a datagram went each way */
static void
attack(const Kind *k, int pps, int ms)
{
	static Dgram g;
	int64_t begun = monotime(), i = 0, t;
	int tries, l, known = 0;

	rawfd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC,
	    IPPROTO_RAW);
	if (rawfd < 0)
		die("raw socket:");
	capfd = capture(NULL, v6 ? ETH_P_IPV6 : ETH_P_IP);
	for (; known < 2 && monotime() - begun < 3000000; rest(1000)) {
		look();
		for (known = l = 0; l < Nlinks; l++)
			known += ends[l].known == 3;
	}
	if (!known)
		die("nothing passes");
	begun = monotime();
	nanswers = nlong = nhellos = 0;
	while (!stopping && (t = monotime() - begun) < ms * INT64_C(1000)) {
		look();
		for (; i < t * pps / 1000000 && !stopping; i++) {
			for (tries = 0; tries < 4 * Nring && !stopping; tries++)
				if (k->make(&g) == 0 && ends[g.link].known == 3)
					break;
			if (tries < 4 * Nring && !stopping)
				strike(&g);
		}
		rest(500);
	}
	rest(200000); /* for the last answers */
	look();
	printf("up %lld down %lld answers %lld long %lld hellos %lld\n",
	    sent[Up], sent[Down], nanswers, nlong, nhellos);
}

/* link, way, length, datagram */
static void
load(const char *name)
{
	FILE *f = fopen(name, "rb");
	uint8_t h[4];
	Dgram *g;

	if (!f)
		die("%s:", name);
	for (; nring < Nring && fread(h, sizeof(h), 1, f) == 1; nring++) {
		g = &ring[nring];
		g->link = h[0] % Nlinks;
		g->way = h[1] & 1;
		g->len = get(h + 2, 2);
		if (g->len > DgramMax || (g->len > 0 &&
		    fread(g->d, g->len, 1, f) != 1))
			die("%s: not a record", name);
	}
	fclose(f);
	keeping = 0;
	if (!nring)
		die("%s: nothing in it", name);
}

static void
record(const char *name, int ms)
{
	int64_t end = monotime() + ms * INT64_C(1000);
	uint8_t h[4];
	unsigned i;
	FILE *f;

	capfd = capture(NULL, v6 ? ETH_P_IPV6 : ETH_P_IP);
	for (; !stopping && nring < Nring && monotime() < end; rest(1000))
		look();
	if (!(f = fopen(name, "wb")))
		die("%s:", name);
	nring = MIN(nring, Nring);
	for (i = 0; i < nring; i++) {
		h[0] = ring[i].link;
		h[1] = ring[i].way;
		put(h + 2, ring[i].len, 2);
		fwrite(h, sizeof(h), 1, f);
		fwrite(ring[i].d, ring[i].len, 1, f);
	}
	if (fclose(f) != 0)
		die("%s:", name);
	printf("%u datagrams\n", nring);
}

/* Sends packets that begin with the token, a number and the time, us. Returns
 * how many, those counted that the socket did not take. */
static int
numbered(int fd, const struct sockaddr_in *to, int pps, int len, int ms)
{
	static uint8_t buf[DgramMax];
	int64_t begun = monotime(), t;
	int n = 0;

	put(buf, token, 4);
	while (!stopping && n < Nnumbers &&
	    (t = monotime() - begun) < ms * INT64_C(1000)) {
		for (; n < Nnumbers && n < t * pps / 1000000; n++) {
			put(buf + 4, n, 4);
			put(buf + 8, monotime(), 8);
			/* a full queue and an error are losses like others */
			if (sendto(fd, buf, len < MarkLen ? MarkLen : len, 0,
			    (const struct sockaddr *)to, sizeof(*to)) < 0)
				continue;
		}
		rest(1000);
	}
	return n;
}

/* from to port token pps len ms */
static void
marks(char **arg)
{
	struct sockaddr_in sin;
	int fd;

	token = number(arg[3], 1 << 30);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(address(arg[0]));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		die("bind to %s:", arg[0]);
	sin.sin_addr.s_addr = htonl(address(arg[1]));
	sin.sin_port = htons(number(arg[2], 65535));
	printf("marks %d\n", numbered(fd, &sin, number(arg[4], PpsMax),
	    number(arg[5], 1300), number(arg[6], MarksMsMax)));
}

/* port pps len ms */
static void
stream(char **arg)
{
	struct sockaddr_in sin;
	socklen_t size = sizeof(sin);
	uint8_t d[1];
	int fd;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(number(arg[0], 65535));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		die("bind to port %s:", arg[0]);
	if (recvfrom(fd, d, sizeof(d), 0, (struct sockaddr *)&sin, &size) < 0)
		die("nobody asks:");
	printf("stream %d\n", numbered(fd, &sin, number(arg[1], PpsMax),
	    number(arg[2], 1300), number(arg[3], MsMax)));
}

static int
order(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* to port ms; the socket's buffer is of the size that the kernel chooses */
static void
delays(char **arg)
{
	static int64_t delay[Nnumbers];
	static uint8_t d[DgramMax];
	const struct timeval tv = { 0, 100000 };
	struct sockaddr_in sin;
	int64_t end = monotime() + number(arg[2], MsMax) * INT64_C(1000);
	uint32_t i;
	int fd, n = 0;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(address(arg[0]));
	sin.sin_port = htons(number(arg[1], 65535));
	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0)
		die("socket to %s:", arg[0]);
	while (!stopping && monotime() < end) {
		if (!n && send(fd, "", 1, 0) < 0)
			rest(100000);
		if (recv(fd, d, sizeof(d), 0) < MarkLen)
			continue;
		i = get(d + 4, 4);
		if (i < Nnumbers && marked[0][i]++)
			twice++;
		else if (i < Nnumbers)
			delay[n++] = monotime() - (int64_t)get(d + 8, 8);
	}
	if (!n)
		die("nothing came");
	qsort(delay, n, sizeof(delay[0]), order);
	printf("came %d twice %lld p50 %lld p99 %lld\n", n, twice,
	    (long long)delay[n / 2], (long long)delay[n - 1 - n / 100]);
}

/* device here there token */
static void
watch(char **arg)
{
	static uint8_t buf[128];
	struct sockaddr_ll sll;
	socklen_t size = sizeof(sll);
	ssize_t n;

	here = address(arg[1]);
	there = address(arg[2]);
	token = number(arg[3], 1 << 30);
	capfd = capture(arg[0], ETH_P_ALL);
	while (!stopping) {
		n = recvfrom(capfd, buf, sizeof(buf), 0,
		    (struct sockaddr *)&sll, &size);
		if (n >= 0 && sll.sll_pkttype != PACKET_OUTGOING)
			seen(buf, n);
		size = sizeof(sll);
	}
	printf("good %lld twice %lld strange %lld\n", good, twice, strange);
}

static void
seen(const uint8_t *d, int len)
{
	int port, ihl;
	uint32_t i;

	if (len < IpLen + UdpLen + 8 || d[0] >> 4 != 4) {
		strange++;
		return;
	}
	if (get(d + 12, 4) != there || get(d + 16, 4) != here) {
		strange++;
		return;
	}
	ihl = (d[0] & 15) * 4;
	if (d[9] != IPPROTO_UDP || ihl != IpLen)
		return;
	port = (int)get(d + ihl + 2, 2) - MarkPort;
	if (port < 0 || port >= Nmarks)
		return;
	i = get(d + ihl + UdpLen + 4, 4);
	if (get(d + ihl + UdpLen, 4) != token || i >= Nnumbers) {
		strange++;
		return;
	}
	if (marked[port][i]++)
		twice++;
	else
		good++;
}

/* Each has another number, so no ACK is like another. Only a SYN has data. */
static int
segment(uint8_t *d, const Sort *s, int i, int len)
{
	tcphead(d, 1024 + rnd(s->ports), s->ports > 1 ? 1024 + rnd(60000) : 9,
	    i, 0, 0, s->flags, 1000);
	memset(d + 20, 0, len);
	return s->flags & 0x02 ? 20 + len : 20;
}

static int
dgram(uint8_t *d, const Sort *s, int i, int len)
{
	(void)i;
	udphead(d, 1024 + rnd(s->ports), s->ports > 5000 ?
	    1024 + rnd(60000) : 9, UdpLen + len);
	memset(d + UdpLen, 0, len);
	return UdpLen + len;
}

/* the peer's last word, on the first link */
static int
bye(uint8_t *d, const Sort *s, int i, int len)
{
	(void)s;
	(void)len;
	udphead(d, FirstPort, FirstPort, UdpLen + HdrLen + 1);
	put(d + UdpLen, 100 * (i + 1), 8);
	put(d + UdpLen + 8, FlagControl, 1);
	put(d + UdpLen + 9, 1, 2);
	put(d + UdpLen + HdrLen, 2, 1);
	return UdpLen + HdrLen + 1;
}

/* what the server sent over one of the five links of config.def.h is too big,
 * len is the MTU */
static int
toobig(uint8_t *d, const Sort *s, int i, int len)
{
	uint8_t from[] = { 10, 200, i % 5, 2 }, to[] = { 10, 200, i % 5, 1 };
	uint8_t *quote = d + 8;

	(void)s;
	memset(d, 0, 8);
	d[0] = 3;
	d[1] = 4;
	put(d + 4, len, 4);
	iphead(quote, 0, IPPROTO_UDP, 1400, from, to);
	ipfinish(quote);
	udphead(quote + IpLen, FirstPort + i % 5, FirstPort + i % 5,
	    1400 - IpLen);
	return 8 + IpLen + UdpLen;
}

/* a router's advertisement: a default route of high preference, a prefix */
static int
advert(uint8_t *d, const Sort *s, int i, int len)
{
	(void)s;
	(void)i;
	(void)len;
	return unhex("86000000 40080708 00000000 00000000"
	    "030440c0 00015180 00003840 00000000"
	    "20010db8 06660000 00000000 00000000", d);
}

/* Returns whether it is an IPv6 one. */
static int
anyaddress(const char *s, uint8_t *addr, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET6, s, addr) == 1) {
		sin6->sin6_family = AF_INET6;
		memcpy(&sin6->sin6_addr, addr, 16);
		return 1;
	}
	put(addr, address(s), 4);
	sin->sin_family = AF_INET;
	memcpy(&sin->sin_addr, addr, 4);
	return 0;
}

/* sort from to pps len ms [device] */
static void
sendsort(int argc, char **arg)
{
	static uint8_t buf[Ip6Len + DgramMax];
	struct sockaddr_storage to;
	struct sockaddr_ll *sll = (struct sockaddr_ll *)&to;
	const Sort *s = sorts;
	uint8_t src[16], dst[16];
	int64_t begun, t;
	int i, len, pps, all, n, family;

	while (s < sorts + LEN(sorts) && strcmp(s->name, arg[0]))
		s++;
	if (s == sorts + LEN(sorts))
		usage();
	v6 = anyaddress(arg[1], src, &to);
	if (anyaddress(arg[2], dst, &to) != v6)
		die("%s, %s: not of one family", arg[1], arg[2]);
	pps = number(arg[3], PpsMax);
	len = number(arg[4], LenMax);
	all = (int64_t)pps * number(arg[5], MsMax) / 1000;
	family = argc == 7 ? AF_PACKET : v6 ? AF_INET6 : AF_INET;
	if (argc == 7) {
		memset(&to, 0, sizeof(to));
		sll->sll_family = AF_PACKET;
		sll->sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
		if (!(sll->sll_ifindex = if_nametoindex(arg[6])))
			die("%s:", arg[6]);
	}
	rawfd = socket(family, (argc == 7 ? SOCK_DGRAM : SOCK_RAW) |
	    SOCK_CLOEXEC, argc == 7 ? 0 : IPPROTO_RAW);
	if (rawfd < 0)
		die("raw socket:");
	begun = monotime();
	for (i = 0; i < all && !stopping; rest(500)) {
		t = monotime() - begun;
		for (; i < all && i <= t * pps / 1000000 && !stopping; i++) {
			n = s->make(buf + (v6 ? Ip6Len : IpLen), s, i, len);
			n += v6 ? Ip6Len : IpLen;
			iphead(buf, v6, s->proto, n, src, dst);
			if (!v6)
				buf[1] = s->tos;
			buf[v6 ? 7 : 8] = s->ttl;
			finish(buf, n);
			if (sendto(rawfd, buf, n, 0, (struct sockaddr *)&to,
			    sizeof(to)) < 0 && errno != ENOBUFS)
				die("send:");
		}
	}
	printf("sent %d\n", i);
}

static void
unprivileged(void)
{
	if (setgroups(0, NULL) < 0 || setgid(Nobody) < 0 || setuid(Nobody) < 0)
		die("setuid:");
}

/* a heartbeat or a hello of the first link, without a key */
static void
hello(int fd, const struct sockaddr_in *to, uint64_t id, uint64_t peerid,
    int kind)
{
	uint8_t d[HdrLen + BeatLen] = { 0 };
	static uint64_t seq;

	put(d, ++seq, 8);
	put(d + 8, FlagBeat, 1);
	put(d + 9, BeatLen, 2);
	put(d + HdrLen, id, 8);
	put(d + HdrLen + 8, peerid, 8);
	put(d + HdrLen + HelloAt, kind, 1);
	put(d + HdrLen + HelloAt + 1, monotime(), 8);
	put(d + HdrLen + FormatAt, Format, 1);
	sendto(fd, d, sizeof(d), 0, (const struct sockaddr *)to, sizeof(*to));
}

/* from to port ms: from the client's port, should it be free */
static void
steal(char **arg)
{
	static uint8_t d[DgramMax];
	struct sockaddr_in sin;
	int64_t end = monotime();
	uint64_t id = 0x666;
	int fd, on = 1, answers = 0, port = number(arg[2], 65535);

	end += number(arg[3], MsMax) * INT64_C(1000);
	unprivileged();
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(address(arg[0]));
	sin.sin_port = htons(port);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0) {
		/* on another device the port may be free, and the route
		 * may be chosen for each datagram */
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
		if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0)
			puts("the port is free on another device");
		close(fd);
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		sin.sin_port = 0;
		if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
			die("bind to %s:", arg[0]);
	}
	sin.sin_addr.s_addr = htonl(address(arg[1]));
	sin.sin_port = htons(port);
	for (; !stopping && monotime() < end; rest(50000)) {
		hello(fd, &sin, id, 0, 1);
		rest(50000);
		while (recv(fd, d, sizeof(d), MSG_DONTWAIT) >= HdrLen + BeatLen)
			if (d[8] & FlagBeat && get(d + HdrLen + 8, 8) == id) {
				answers++;
				hello(fd, &sin, id, get(d + HdrLen, 8), 0);
			}
	}
	printf("answers %d\n", answers);
}

/* name ms */
static void
ask(char **arg)
{
	struct sockaddr_un sun;
	socklen_t size;
	int64_t end = monotime() + number(arg[1], MsMax) * INT64_C(1000);
	long long n = 0;
	char buf[256];
	int fd;

	unprivileged();
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	snprintf(sun.sun_path + 1, sizeof(sun.sun_path) - 1, "%s", arg[0]);
	size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(arg[0]);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* a name of its own, so that it can be answered */
	bind(fd, (struct sockaddr *)&sun, sizeof(sa_family_t));
	while (!stopping && monotime() < end) {
		if (sendto(fd, "l", 1, MSG_DONTWAIT, (struct sockaddr *)&sun,
		    size) == 1)
			n++;
		else if (errno != EAGAIN)
			die("%s:", arg[0]);
		while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	printf("asked %lld\n", n);
}

static void
onterm(int sig)
{
	(void)sig;
	stopping = 1;
}

/* not where it was started from, but in a namespace made for it */
static void
stranger(void)
{
	struct stat mine, parent;
	char name[64];

	snprintf(name, sizeof(name), "/proc/%ld/ns/net", (long)getppid());
	if (stat("/proc/self/ns/net", &mine) < 0 || stat(name, &parent) < 0)
		die("network namespace:");
	if (mine.st_dev == parent.st_dev && mine.st_ino == parent.st_ino)
		die("only in a network namespace of its own");
}

static void
usage(void)
{
	fputs("usage: flood [-6] record file ms\n"
	    "       flood [-6] kind peer|own|any pps ms [file]\n"
	    "       flood marks from to port token pps len ms\n"
	    "       flood watch device here there token\n"
	    "       flood stream port pps len ms\n"
	    "       flood delays to port ms\n"
	    "       flood send sort from to pps len ms [device]\n"
	    "       flood steal from to port ms\n"
	    "       flood ask name ms\n", stderr);
	exit(2);
}

int
main(int argc, char *argv[])
{
	static const char *sources[] = { "peer", "own", "any" };
	struct sigaction sa;
	int i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = onterm; /* and recv() is interrupted */
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	stranger();
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		die("getrandom:");
	seed |= 1; /* 0 would stay */
	if (argc > 1 && !strcmp(argv[1], "-6")) {
		v6 = 1;
		iplen = Ip6Len;
		addrlen = sizeof(own);
		inet_pton(AF_INET6, "2001:db8::", own);
		argc--;
		argv++;
	}
	if (argc == 4 && !strcmp(argv[1], "record")) {
		record(argv[2], number(argv[3], MsMax));
		return 0;
	}
	if (argc == 9 && !strcmp(argv[1], "marks")) {
		marks(argv + 2);
		return 0;
	}
	if (argc == 6 && !strcmp(argv[1], "watch")) {
		watch(argv + 2);
		return 0;
	}
	if (argc == 6 && !strcmp(argv[1], "stream")) {
		stream(argv + 2);
		return 0;
	}
	if (argc == 5 && !strcmp(argv[1], "delays")) {
		delays(argv + 2);
		return 0;
	}
	if ((argc == 8 || argc == 9) && !strcmp(argv[1], "send")) {
		sendsort(argc - 2, argv + 2);
		return 0;
	}
	if (argc == 6 && !strcmp(argv[1], "steal")) {
		steal(argv + 2);
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "ask")) {
		ask(argv + 2);
		return 0;
	}
	if (argc != 5 && argc != 6)
		usage();
	for (source = 0; source < LEN(sources); source++)
		if (!strcmp(argv[2], sources[source]))
			break;
	for (i = 0; i < LEN(kinds) && strcmp(argv[1], kinds[i].name); i++)
		;
	if (source == LEN(sources) || i == LEN(kinds))
		usage();
	if (argc == 6)
		load(argv[5]);
	attack(&kinds[i], number(argv[3], PpsMax), number(argv[4], MsMax));
	return 0;
}
