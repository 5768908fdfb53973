/* See LICENSE file for copyright and license details.
 *
 * What others may cost: steps for a datagram of the peer and for a pass over
 * many flows and links, and what one host of the LAN may take from the others.
 * udpbond.c is included here, and the TUN and the links are fakes: packets go
 * in by offer() and tunpkt(), and what is sent is seen by sent(). The tests
 * look at nothing else but what linkanew() and the helpers behind it set. Time
 * passes in nextms() only, so all figures are exact.
 *
 *	cp udpbond.c config.h DIR
 *	cc -std=c99 -D_GNU_SOURCE -O2 -finstrument-functions -IDIR -o load \
 *		test/load.c
 *
 * With config.h of another number of links only the tests of many links run.
 * Each test prints its figures. Begin with main(), then nextms().
 */
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "steps.h"

static int fake_read(int, void *, size_t);
static int fake_write(int, const void *, size_t);
static int fake_sendmmsg(int, struct mmsghdr *, int);

#ifndef VERSION
#define VERSION "0"
#endif
#define main                      udpbond_main
#define read(fd, d, n)            fake_read(fd, d, n)
#define write(fd, d, n)           fake_write(fd, d, n)
#define sendmmsg(fd, mm, n, f)    fake_sendmmsg(fd, mm, n)
#include "udpbond.c"
#undef main
#undef read
#undef write
#undef sendmmsg

#include "pkt.h"

/* sizes and limits */
enum {
	Nlinks = LEN(links), Naddrs = 256, Inbox = 8192, Nmany = 1024,
	FdTun = 1000, FdLink = 1001, Mtu = 1420,
	DatagramSteps = 200000,   /* for a datagram, what it delivers too */
	SchedSteps = 40,          /* for each link, flow and packet sent */
	LinkSteps = 12,           /* for each link that a packet may take */
};

/* types */
typedef struct {
	uint64_t pkts, bytes;     /* IP packets sent, no copies */
	uint64_t expresspkts, express; /* of these by the express lane */
} Share;

/* variables */
static char why[512];             /* of the first thing wrong in a test */
static char figures[512];
static int failed;
static struct { uint8_t d[MtuMax]; int len; } inbox[Inbox];
static int ninbox, inboxat;
static uint64_t delivered;
static Share hosts[Naddrs], all;   /* by the last byte of the address */

/* results */

static void
figure(const char *fmt, ...)
{
	int n = strlen(figures);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(figures + n, sizeof(figures) - n, fmt, ap);
	va_end(ap);
}

static void
wantin(const char *what, double least, double most, double came)
{
	if (!*why && (came < least || came > most))
		snprintf(why, sizeof(why), "%s: expected %.0f to %.0f, came "
		    "%.0f", what, least, most, came);
}

static void
verdict(const char *name)
{
	printf("%sok - %s%s%s (%s)\n", *why ? "not " : "", name,
	    *why ? ": " : "", why, figures);
	failed += !!*why;
	*why = *figures = '\0';
}

/* the kernel: what is called from udpbond.c does not count as its steps */

static int
fake_read(int fd, void *d, size_t n)
{
	uint64_t was = steps;
	int len = -1;

	errno = EAGAIN;
	if (fd == FdTun && inboxat < ninbox) {
		len = MIN((int)n, inbox[inboxat].len);
		memcpy(d, inbox[inboxat++].d, len);
	}
	steps = was;
	return len;
}

static int
fake_write(int fd, const void *d, size_t n)
{
	(void)d;
	delivered += fd == FdTun;
	return n;
}

/* a record as it is on the wire; the client's hosts send, the server's get */
static void
sent(const uint8_t *d, int len, int flags)
{
	int v6 = d[0] >> 4 == 6, at = role == Client ? v6 ? 23 : 15 :
	    v6 ? 39 : 19;
	Share *h = &hosts[len > at ? d[at] : 0];

	if (!(flags & FlagData) || flags & FlagRepair)
		return;
	h->pkts++;
	all.pkts++;
	h->bytes += len;
	all.bytes += len;
	if (!(flags & FlagExpress))
		return;
	h->expresspkts++;
	all.expresspkts++;
	h->express += len;
	all.express += len;
}

static int
fake_sendmmsg(int fd, struct mmsghdr *mm, int n)
{
	uint64_t was = steps;
	const struct iovec *v;
	const uint8_t *d;
	int i, at, end, tag = keyfile ? TagLen : 0;

	for (i = 0; i < n; i++) {
		v = mm[i].msg_hdr.msg_iov;
		for (; v < mm[i].msg_hdr.msg_iov +
		    mm[i].msg_hdr.msg_iovlen; v++) {
			d = v->iov_base;
			end = v->iov_len - tag;
			for (at = 0; at < end; at += HdrLen + get(d + at + 9,
			    2))
				sent(d + at + HdrLen, get(d + at + 9, 2),
				    d[at + 8]);
		}
	}
	steps = was;
	return fd >= FdLink ? n : -1;
}

/* what every test starts from */

/* the links of the example; of many links all are like its last */
static void
linkanew(Link *l)
{
	int i = l - bond, mbit = i > 0 ? 70 : 10;
	int64_t rtt = i > 0 ? MS(80) : MS(20);

	linkinit(l, i);
	l->fd = FdLink + i;
	l->state = LinkUp;
	l->prio = i > 0 ? 2 : 1;
	l->score = score(l->prio, rtt, 0, 0);
	l->addr.mtu = Mtu;
	l->addr.peer = l->addr.remote;
	l->addr.peerlen = sizeof(l->addr.peer);
	l->delay = (Delay){ .srtt = rtt, .rttvar = MS(1), .owd = rtt / 2,
	    .owdin = rtt / 2, .base = rtt / 2 };
	l->heard = (Heard){ .in = { .time = now - rtt / 2 }, .came = now,
	    .top = 1, .toptime = now };
	l->echo = (Echo){ .came = now, .good = 1, .wasup = 1 };
	rateceil(l, MBIT(mbit), MBIT(mbit));
}

/* a session of this role runs, all links are up and nothing waits */
static void
anew(int as, const char *key)
{
	int i;

	role = as;
	keyfile = key;
	lannets = NULL;
	loop.quiet = 1;
	now = 1000 * Second;
	memory();
	for (i = 0; i < KeyLen; i++)
		keys.secret[i] = keys.master[i] = 0xf0 + i;
	peer.session = (Session){ .id = 1, .peerid = 2, .beats = 1 };
	sessionkeys(&peer.session);
	txreset();
	reorderreset(1);
	for (i = 0; i < Nlinks; i++)
		linkanew(&bond[i]);
	surveylinks();
	tun.fd = FdTun;
	tun.mtu = linkpayload(&bond[0]);
}

/* bit/s of all links */
static int64_t
rates(void)
{
	int64_t bps = 0;
	int i;

	for (i = 0; i < Nlinks; i++)
		bps += bond[i].pace.rate;
	return bps;
}

/* The links take anything. */
static void
fast(void)
{
	int i;

	for (i = 0; i < Nlinks; i++)
		bond[i].pace.rate = 1000 * (int64_t)RateMax;
}

/* The links are busy for so long, ns, the first and the others. */
static void
busy(int64_t first, int64_t others)
{
	Link *l;

	for (l = bond; l < bond + Nlinks; l++)
		l->pace.clock = l->pace.satclock = now + (l == bond ? first :
		    others);
}

/* packets */

/* A packet from the TUN: of or for a host, with a port, and flags if TCP. */
static void
offer(int host, int port, int proto, int flags, int len)
{
	static const uint8_t far[] = { 93, 184, 216, 34 };
	uint8_t near[] = { 192, 168, 1, host }, *d = inbox[ninbox].d;
	int from = role == Client ? port : 443;

	if (ninbox == Inbox)
		die("too many packets");
	memset(d, 0, len);
	iphead(d, 0, proto, len, role == Client ? near : far,
	    role == Client ? far : near);
	ipfinish(d);
	if (proto == IPPROTO_TCP)
		tcphead(d + 20, from, role == Client ? 80 : port, 1, 1, 0,
		    flags, 500);
	else
		udphead(d + 20, role == Client ? port : 7000, role == Client ?
		    7000 : port, len - 20);
	inbox[ninbox++].len = len;
}

/* An ACK that is large by options for the destination, a multiple of 8. */
static void
offerack6(int host, int port, int len)
{
	uint8_t *d = inbox[ninbox].d, a[16] = { 0xfd };
	int at, n;

	a[15] = host;
	memset(d, 0, len);
	iphead(d, 1, 60, len, a, a);
	for (at = 40; at < len - 20; at += n) {
		n = MIN(len - 20 - at, 256) / 8 * 8;
		d[at] = at + n < len - 20 ? 60 : IPPROTO_TCP;
		d[at + 1] = n / 8 - 1;
		d[at + 2] = 1;    /* padding */
		d[at + 3] = MIN(n - 4, 255);
	}
	tcphead(d + at, port, 80, 1, 1, 0, TcpAck, 500);
	inbox[ninbox++].len = len;
}

/* What was offered is read, and a pass made over what waits. */
static void
readall(void)
{
	while (inboxat < ninbox)
		tunpkt();
	ninbox = inboxat = 0;
	schedule();
}

/* a millisecond */
static void
nextms(void)
{
	now += MS(1);
	readall();
}

/* Offer packets of bytes at a rate, Mbit/s, in this ms: returns how many, with
 * what is left over for the next one in the clock. */
static int
due(double *clock, double mbit, int len)
{
	int n;

	*clock += mbit * 1000 / 8 / len;
	n = *clock;
	*clock -= n;
	return n;
}

/* a datagram of the peer; returns its steps */
static uint64_t
arrive(int link, const uint8_t *data, int len)
{
	uint8_t d[PktSize + TagLen];
	Pkt *p = pktalloc();
	uint64_t was;

	if (!p)
		die("the pool is empty");
	memcpy(d, data, len);
	len = sealwith(d, len, peer.session.rxkey);
	if (len > PktSize)
		die("a datagram of %d bytes", len);
	memcpy(p->buf, d, len);
	p->wire = p->buf;
	p->wirelen = len;
	p->time = now;
	p->from = &bond[link].addr.peer;
	was = steps;
	datagram(&bond[link], p);
	groflushall();
	return steps - was;
}

/* datagrams */

/* So many of a flow's packets are sent and kept. */
static void
keepmany(int n)
{
	int i;

	fast();
	for (i = 0; i < n; i++) {
		offer(1, 1000, IPPROTO_UDP, 0, 600);
		if (ninbox == Batch)
			readall();
	}
	readall();
}

/* records without payload */
static void
testjumps(int row)
{
	static const struct {
		const char *name, *key;
		int by;
	} t[] = {
		{ "130 records, each 65535 above the last", "key",
		  SeqJump - 1 },
		{ "130 records, each 4095 above the last, no key", NULL,
		  Far - 1 },
	};
	uint8_t d[PktSize];
	uint64_t seq = 0, n;
	int i, len = 0;

	anew(Server, t[row].key);
	for (i = 0; i < 130; i++)
		len += putrec(d + len, seq += t[row].by, FlagData, NULL, 0);
	n = arrive(0, d, len);
	figure("%" PRIu64 " steps, %" PRIu64 " lost", n, counts[CntLost]);
	wantin("steps", 1, DatagramSteps, n);
	verdict(t[row].name);
}

/* heartbeats that jump are not better */
static void
testbeatjumps(int row)
{
	uint8_t d[PktSize];
	uint64_t n;
	int i, len = 0;
	Beat b;

	(void)row;
	anew(Server, "key");
	for (i = 1; i <= 13; i++) {
		b = (Beat){ .id = 2, .peerid = 1, .time = now + i * Us,
		    .next = (uint64_t)i * SeqJump };
		len += putbeat(d + len, i, &b);
	}
	n = arrive(0, d, len);
	figure("%" PRIu64 " steps", n);
	wantin("steps", 1, DatagramSteps, n);
	verdict("13 heartbeats, each next 65536 above the last");
}

static void
testnackwide(int row)
{
	uint8_t d[PktSize], c[PktSize] = { CtlNack };
	int i, n = 1;
	uint64_t cost;

	(void)row;
	anew(Server, "key");
	keepmany(keeppkts);
	for (i = 0; i < 145; i++, n += 10) {
		put(c + n, 1, 8);
		put(c + n + 8, 65535, 2);
	}
	cost = arrive(0, d, putrec(d, 1, FlagControl, c, n));
	figure("%" PRIu64 " steps, %d kept", cost, keeppkts);
	wantin("sent", keeppkts, 2 * keeppkts, hosts[1].pkts);
	wantin("steps", 1, DatagramSteps, cost);
	verdict("a nack of 145 ranges of all");
}

static void
testnackmany(int row)
{
	uint8_t d[PktSize], c[11] = { CtlNack };
	int i, len = 0;
	uint64_t cost;

	(void)row;
	anew(Server, "key");
	keepmany(keeppkts);
	put(c + 1, 1, 8);
	put(c + 9, 65535, 2);
	for (i = 1; i <= 60; i++)
		len += putrec(d + len, i, FlagControl, c, sizeof(c));
	cost = arrive(0, d, len);
	figure("%" PRIu64 " steps, %d kept", cost, keeppkts);
	wantin("steps", 1, DatagramSteps, cost);
	verdict("60 nacks of all");
}

/* what a good peer may cause: the first of many packets comes last */
static void
testheld(int row)
{
	uint8_t d[PktSize], ip[28];
	uint64_t cost, most = 0;
	int i;

	(void)row;
	anew(Server, "key");
	offer(1, 1000, IPPROTO_UDP, 0, sizeof(ip));
	memcpy(ip, inbox[0].d, sizeof(ip));
	ninbox = 0;
	for (i = 2; i <= reorderpkts; i++) {
		cost = arrive(0, d, putrec(d, i, FlagData, ip, sizeof(ip)));
		most = MAX(most, cost);
	}
	wantin("delivered", 0, 0, delivered);
	cost = arrive(0, d, putrec(d, 1, FlagData, ip, sizeof(ip)));
	figure("%" PRIu64 " steps, before %" PRIu64 ", %" PRIu64
	    " delivered", cost, most, delivered);
	wantin("delivered", reorderpkts, reorderpkts, delivered);
	wantin("steps", 1, DatagramSteps, cost);
	verdict("the packet for which 4095 wait");
}

/* many links and flows */

/* One pass over so many flows, all with a packet that waits. */
static void
testpass(int row)
{
	static const struct {
		const char *name;
		int heavy;        /* flows; the others are light */
		int first, others; /* ms that the links are busy */
	} t[] = {
		{ "heavy flows wait", Nmany, 1000, 1000 },
		{ "heavy flows go", Nmany, 0, 0 },
		{ "light flows wait", 0, 1000, 1000 },
		{ "light flows go", 0, 0, 0 },
		{ "light flows wait for the best link", 0, 20, 0 },
		{ "all but one are light and wait", 1, 1000, 1000 },
		{ "all but one are light and wait for the best link", 1, 20,
		  0 },
	};
	int i, n, heavy = t[row / 2].heavy, nhosts = row & 1 ? 200 : 1;
	uint64_t cost;
	char name[128];

	anew(Client, NULL);
	fast();
	n = heavy * (Heavy / 1300 + 1);
	for (i = 0; i < n; i++) {
		offer(1 + i % heavy % nhosts, 1000 + i % heavy, IPPROTO_UDP,
		    0, 1300);
		if (ninbox == Batch)
			readall();
	}
	readall();
	wantin("sent before", n, n, all.pkts);
	busy(Second, Second);
	for (i = 0; i < Nmany; i++)
		offer(1 + i % nhosts, 1000 + i, IPPROTO_UDP, 0, 1300);
	readall();
	wantin("sent without room", n, n, all.pkts);
	/* the first is so fast that all may wait for it */
	for (i = 1; i < Nlinks; i++)
		bond[i].pace.rate = bond[i].pace.ceil[0];
	surveylinks();
	busy(MS(t[row / 2].first), MS(t[row / 2].others));
	cost = steps;
	schedule();
	cost = steps - cost;
	n = all.pkts - n;
	figure("%" PRIu64 " steps, %d sent", cost, n);
	wantin("steps", 1, (double)SchedSteps * (Nlinks + Nmany + n) +
	    (double)LinkSteps * Nlinks * n, cost);
	snprintf(name, sizeof(name), "%d links, %d flows of %d hosts: %s",
	    Nlinks, Nmany, nhosts, t[row / 2].name);
	verdict(name);
}

/* express packets */

/* large ones are not, whatever they claim */
static void
testlarge(int row)
{
	static const struct {
		const char *name;
		int proto, flags, len;
		int express;      /* percent of the packets */
	} t[] = {
		{ "a SYN of 60 bytes is express", IPPROTO_TCP, TcpSyn, 60,
		  100 },
		{ "a SYN of 1380 bytes is ordered", IPPROTO_TCP, TcpSyn, 1380,
		  0 },
		{ "an ACK of 40 bytes is express", IPPROTO_TCP, TcpAck, 40,
		  100 },
		{ "sparse UDP of 100 bytes is express", IPPROTO_UDP, 0, 100,
		  100 },
		{ "sparse UDP of 1380 bytes is ordered", IPPROTO_UDP, 0, 1380,
		  0 },
		{ "an ACK of 84 bytes, IPv6 with options, is express",
		  IPPROTO_ICMPV6, 0, 84, 100 },
		{ "an ACK of 1384 bytes, IPv6 with options, is ordered",
		  IPPROTO_ICMPV6, 0, 1380, 0 },
	};
	int i;

	anew(Client, NULL);
	for (i = 0; i < 100; i++) {
		if (t[row].proto == IPPROTO_ICMPV6)
			offerack6(1, 1000 + i, t[row].len);
		else
			offer(1, 1000 + i, t[row].proto, t[row].flags,
			    t[row].len);
		nextms();
	}
	for (i = 0; i < 100; i++)
		nextms();
	figure("%" PRIu64 " of %" PRIu64, all.expresspkts, all.pkts);
	wantin("sent", 100, 100, all.pkts);
	wantin("express", t[row].express, t[row].express, all.expresspkts);
	verdict(t[row].name);
}

/* A host takes no more than half of the links for express packets and
 * ACKs, all hosts no more than three quarters. */
static void
testshare(int row)
{
	static const struct {
		const char *name;
		int role, hosts, flows, proto, flags, len;
		double mbit;      /* of each host */
	} t[] = {
		{ "client, a host with 5000 UDP flows", Client, 1, 5000,
		  IPPROTO_UDP, 0, 400, 290 },
		{ "server, a host with 5000 UDP flows", Server, 1, 5000,
		  IPPROTO_UDP, 0, 400, 290 },
		{ "client, a host with UDP of 100 bytes to random ports",
		  Client, 1, 60000, IPPROTO_UDP, 0, 100, 150 },
		{ "client, a host with SYNs", Client, 1, 60000, IPPROTO_TCP,
		  TcpSyn, 60, 150 },
		{ "server, a host with SYNs", Server, 1, 60000, IPPROTO_TCP,
		  TcpSyn, 60, 150 },
		{ "client, a host with ACKs", Client, 1, 60000, IPPROTO_TCP,
		  TcpAck, 60, 150 },
		{ "client, ten hosts with 1000 UDP flows", Client, 10, 1000,
		  IPPROTO_UDP, 0, 400, 29 },
		{ "server, ten hosts with 1000 UDP flows", Server, 10, 1000,
		  IPPROTO_UDP, 0, 400, 29 },
	};
	enum { Begin = 1000, End = 3000, Saved = 100 }; /* ms */
	double clock = 0, bound, mbit;
	uint64_t was = 0;
	int ms, n, i = 0, h;

	anew(t[row].role, NULL);
	for (ms = 0; ms < End; ms++) {
		if (ms == Begin)
			was = all.express;
		for (n = due(&clock, t[row].mbit, t[row].len); n > 0; n--, i++)
			for (h = 1; h <= t[row].hosts; h++)
				offer(h, 1024 + i % t[row].flows, t[row].proto,
				    t[row].flags, t[row].len);
		nextms();
	}
	mbit = (all.express - was) * 8 / 1000.0 / (End - Begin);
	bound = rates() / 1e6 * (t[row].hosts > 1 ? 3 : 2) / 4 *
	    (End - Begin + Saved) / (End - Begin);
	figure("%.1f Mbit/s, %.1f allowed", mbit, bound);
	wantin("Mbit/s express", 0, bound, mbit);
	wantin("Mbit/s sent", 50, 300, all.bytes * 8 / 1000.0 / End);
	verdict(t[row].name);
}

/* The game of one host stays express beside what another sends. */
static void
testgame(int row)
{
	static const struct {
		const char *name;
		int role, proto, flags, len, pps;
	} t[] = {
		{ "a game, 2000 RST/s", Client, IPPROTO_TCP, TcpRst, 40,
		  2000 },
		{ "a game, 16000 RST/s", Client, IPPROTO_TCP, TcpRst, 40,
		  16000 },
		{ "a game, 16000 RST/s, server", Server, IPPROTO_TCP, TcpRst,
		  40, 16000 },
		{ "a game, 16000 SYN/s", Client, IPPROTO_TCP, TcpSyn, 60,
		  16000 },
		{ "a game, 9000 UDP/s of 200 bytes", Client, IPPROTO_UDP, 0,
		  200, 9000 },
		{ "a game, 9000 UDP/s of 1300 bytes", Client, IPPROTO_UDP, 0,
		  1300, 9000 },
	};
	double clock = 0;
	int ms, n;
	Share was = { 0 };

	anew(t[row].role, NULL);
	for (ms = 0; ms < 6000; ms++) {
		if (ms == 1000)
			was = hosts[2];
		for (n = due(&clock, t[row].pps / 1e6 * t[row].len * 8,
		    t[row].len); n > 0; n--)
			offer(1, 1024 + rnd(60000), t[row].proto,
			    t[row].flags, t[row].len);
		if (ms % 15 == 0)
			offer(2, 3074, IPPROTO_UDP, 0, 100);
		nextms();
	}
	n = (hosts[2].expresspkts - was.expresspkts) * 100 /
	    MAX(hosts[2].pkts - was.pkts, 1);
	figure("%d %% of %" PRIu64 " express", n, hosts[2].pkts - was.pkts);
	wantin("sent", 320, 345, hosts[2].pkts - was.pkts);
	wantin("percent express", 95, 100, n);
	verdict(t[row].name);
}

/* One flow of a host gets a third beside the flows of another, however many
 * they are. */
static void
testfairness(int row)
{
	static const struct {
		const char *name;
		int role, flows, proto, flags, len;
	} t[] = {
		{ "one flow beside 1024 UDP flows of 400 bytes", Client, 1024,
		  IPPROTO_UDP, 0, 400 },
		{ "one flow beside 5000 UDP flows of 400 bytes", Client, 5000,
		  IPPROTO_UDP, 0, 400 },
		{ "one flow beside 5000 UDP flows of 400 bytes, server",
		  Server, 5000, IPPROTO_UDP, 0, 400 },
		{ "one flow beside 64 UDP flows of 1300 bytes", Client, 64,
		  IPPROTO_UDP, 0, 1300 },
		{ "one flow beside 5000 UDP flows of 1300 bytes, server",
		  Server, 5000, IPPROTO_UDP, 0, 1300 },
		{ "one flow beside SYNs of 1300 bytes", Client, 60000,
		  IPPROTO_TCP, TcpSyn, 1300 },
		{ "one flow beside ACKs of 1000 flows", Client, 1000,
		  IPPROTO_TCP, TcpAck, 100 },
	};
	double clock[2] = { 0 };
	uint64_t was[2] = { 0 };
	int ms, n, i = 0, percent;

	anew(t[row].role, NULL);
	for (ms = 0; ms < 3000; ms++) {
		if (ms == 1000) {
			was[0] = hosts[1].bytes;
			was[1] = hosts[2].bytes;
		}
		for (n = due(&clock[0], 500, t[row].len); n > 0; n--, i++)
			offer(1, 1024 + i % t[row].flows, t[row].proto,
			    t[row].flags, t[row].len);
		for (n = due(&clock[1], 250, 1300); n > 0; n--)
			offer(2, 5201, IPPROTO_UDP, 0, 1300);
		nextms();
	}
	was[0] = hosts[1].bytes - was[0];
	was[1] = hosts[2].bytes - was[1];
	percent = was[1] * 100 / MAX(was[0] + was[1], 1);
	figure("%.1f and %.1f Mbit/s", was[0] * 8 / 2e6, was[1] * 8 / 2e6);
	wantin("percent", 33, 100, percent);
	wantin("Mbit/s", 100, 300, (was[0] + was[1]) * 8 / 2e6);
	verdict(t[row].name);
}

/* main */

static const struct {
	void (*run)(int);
	int rows, few, many;      /* with the example's links, with more */
} tests[] = {
	{ testjumps, 2, 1, 0 },
	{ testbeatjumps, 1, 1, 0 },
	{ testnackwide, 1, 1, 0 },
	{ testnackmany, 1, 1, 0 },
	{ testheld, 1, 1, 0 },
	{ testpass, 14, 1, 1 },
	{ testlarge, 7, 1, 0 },
	{ testshare, 8, 1, 0 },
	{ testgame, 6, 1, 0 },
	{ testfairness, 7, 1, 0 },
};

/* a process for each test, which so finds all variables fresh */
int
main(void)
{
	int i, row, status, bad = 0;
	pid_t pid;

	for (i = 0; i < LEN(tests); i++) {
		for (row = 0; row < tests[i].rows; row++) {
			if (!(Nlinks > 5 ? tests[i].many : tests[i].few))
				continue;
			fflush(stdout);
			if ((pid = fork()) < 0)
				die("fork:");
			if (pid == 0) {
				alarm(60);
				tests[i].run(row);
				exit(failed);
			}
			waitpid(pid, &status, 0);
			if (!WIFEXITED(status))
				printf("not ok - test %d, row %d: status "
				    "%#x\n", i, row, (unsigned)status);
			bad += status != 0;
		}
	}
	printf("%d failed\n", bad);
	return bad > 0;
}
