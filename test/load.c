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
	LinkSteps = 14,           /* for each link that a packet may take */
	CoverSteps = 300,         /* for each packet that may be covered */
	Entries = 80,             /* links, most in a report here */
};

/* types */
typedef struct {
	uint64_t pkts, bytes;     /* IP packets sent, no copies */
	uint64_t expresspkts, express; /* of these express packets, and ACKs */
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
result(const char *fmt, ...)
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
sent(const uint8_t *d, const Rec *r)
{
	int order = r->flags & FlagOrder ? OrderLen : 0, len = r->len - order;
	int v6, at;
	Share *h;

	if (!(r->flags & FlagData) || r->flags & FlagRepair)
		return;
	d += order;
	v6 = d[0] >> 4 == 6;
	at = role == Client ? v6 ? 23 : 15 : v6 ? 39 : 19;
	h = &hosts[len > at ? d[at] : 0];
	h->pkts++;
	all.pkts++;
	h->bytes += len;
	all.bytes += len;
	if (sentof(r->seq)->p->class == Ordered)
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
	static uint8_t d[PktSize];
	Rec r;
	int i, at, end;

	for (i = 0; i < n; i++) {
		v = mm[i].msg_hdr.msg_iov;
		for (; v < mm[i].msg_hdr.msg_iov +
		    mm[i].msg_hdr.msg_iovlen; v++) {
			memcpy(d, v->iov_base, v->iov_len);
			end = openwith(d, v->iov_len,
			    peer.session.keys.tx);
			for (at = 0; at < end; at += HdrLen + r.len) {
				if (decode(d + at, end - at, &r) < 0)
					die("a record is malformed");
				sent(d + at + HdrLen, &r);
			}
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

	linkinit(l, i, 0);
	l->fd = FdLink + i;
	l->state = LinkUp;
	l->prio = i > 0 ? 2 : 1;
	l->score = score(l->prio, rtt, 0, 0);
	l->addr.mtu = Mtu;
	l->addr.peer = l->addr.remote;
	l->addr.peerlen = sizeof(l->addr.peer);
	l->delay = (Delay){ .srtt = rtt, .rttvar = MS(1), .rtt = rtt };
	delayput(&l->delay, rtt / 2);
	l->heard = (Heard){
		.in = { .time = now - rtt / 2 }, .came = now, .begun = 1
	};
	l->echo = (Echo){ .came = now, .good = 1, .wasup = 1 };
	rateceil(l, MBIT(mbit), MBIT(mbit));
	windowset(l);
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
	for (i = 0; i < SecretLen; i++)
		keys.secret[i] = 0xf0 + i;
	memset(&peer.session, 0, sizeof(peer.session));
	peer.session.id = 1;
	peer.session.peerid = 2;
	peer.session.beats = 1;
	memset(peer.session.keys.tx, 0x40, KeyLen);
	memset(peer.session.keys.rx, 0x80, KeyLen);
	txreset();
	reorderreset(1);
	for (i = 0; i < Nlinks; i++)
		linkanew(&bond[i]);
	linkchain();
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
	Link *l;

	for (l = bond; l < bond + Nlinks; l++) {
		l->pace.rate = 1000 * (int64_t)RateMax;
		windowset(l);
	}
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

/* The links' delays, in ms, are all different: the last is the quickest. */
static void
unlike(void)
{
	Link *l;

	for (l = bond; l < bond + Nlinks; l++) {
		l->delay.base.since = 0;
		delayput(&l->delay, MS(bond + Nlinks - l));
	}
	surveylinks();
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

/* A millisecond; the peer has all that was sent before. */
static void
nextms(void)
{
	forget(tx.seq[LaneData]);
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
	uint8_t d[4096];
	Pkt *p = pktalloc();
	uint64_t was;

	if (!p)
		die("the pool is empty");
	memcpy(d, data, len);
	sealto = link;
	len = sealwith(d, len, peer.session.keys.rx);
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
	result("%" PRIu64 " steps, %" PRIu64 " lost", n, counts[CntLost]);
	wantin("steps", 1, DatagramSteps, n);
	verdict(t[row].name);
}

/* Heartbeats that jump are not better, nor those that echo ours, behind which
 * are full flights. */
static void
testbeats(int row)
{
	static const char *const names[] = {
		"13 heartbeats, each next 65536 above the last",
		"13 heartbeats, each next 2^50 above the last",
		"13 heartbeats that echo ours"
	};
	uint8_t d[PktSize];
	uint64_t n;
	int i, len = 0;
	char name[128];
	Beat b;

	anew(Server, "key");
	unlike();
	keepmany(row == 2 ? keeppkts : 0);
	for (i = 1; i <= 13; i++) {
		now += MS(1);
		bond[0].beats.sent[bond[0].beats.n++] = (Tally){ .time = now };
		b = (Beat){ .id = 2, .peerid = 1, .time = now, .next = 1,
		    .format = Format, .interval = hbinterval };
		if (row == 2)
			b.echo = now;
		else
			b.next = (uint64_t)i << (row ? 50 : 16);
		len += putbeat(d + len, i, &b);
	}
	now += MS(1);
	n = arrive(0, d, len);
	result("%" PRIu64 " steps", n);
	wantin("steps", 1, DatagramSteps, n);
	wantin("known", row == 2 ? 1 : SeqJump, 1e18, rx.known);
	snprintf(name, sizeof(name), "%d links: %s", Nlinks, names[row]);
	verdict(name);
}

/* Write a report: entries of so many links in turn, each of the packet after
 * the last one told of, and the first of them came 40 ms before the others;
 * then what is missing. */
static int
putall(uint8_t *d, int64_t time, uint64_t expected, int nlinks, uint64_t *told,
    int missing, int runs)
{
	int n = putreport(d, expected, time / Us, 15000, nlinks), i;
	const Link *l;
	uint64_t *seq;

	for (i = 0; i < nlinks; i++) {
		l = &bond[i % Nlinks];
		seq = &told[i % Nlinks];
		*seq = *seq ? sentof(*seq)->next : l->flight.first;
		n += putcame(d + n, i % Nlinks, *seq, i < Nlinks ? 40000 : 0,
		    sentof(*seq)->pkts, sentof(*seq)->bytes);
	}
	memset(d + n, 255, missing);
	for (i = 0; runs && i < missing; i += 3) {
		d[n + i] = 1;
		d[n + i + 1] = 0;
	}
	return n + missing;
}

/* The peer has said that the newest packet of each link came, and before that
 * all were late, or not. */
static void
passall(int late)
{
	uint8_t d[PktSize], c[PktSize];
	int i, n;

	if (late) {
		n = putreport(c, tx.oldest, (now + Second) / Us, 15000, 0);
		arrive(0, d, putrec(d, 999, FlagControl, c, n));
		now += MS(1100);
	}
	for (i = 0; i < Nlinks; i++) {
		n = putreport(c, tx.oldest, now / Us + i, 15000, 1);
		n += putcame(c + n, i, bond[i].flight.last, 0, 1, 1000);
		arrive(0, d, putrec(d, 1 + i, FlagControl, c, n));
	}
}

/* What a datagram full of reports costs, and what is looked at after it. */
static void
testreports(int row)
{
	static const struct {
		const char *name;
		int past;         /* all links have been reported; 2: late */
		int reports, links; /* reports; links in each */
		int missing, late, all; /* of what was sent; missing: 2: runs
		                   * of none */
		int times;        /* datagrams, the last one counts */
		int repeats;      /* percent that wait to be sent again */
	} t[] = {
		{ "all is lost", 1, 1, 0, 1, 0, 0, 1, 100 },
		{ "all is lost, again", 1, 1, 0, 1, 0, 0, 2, 100 },
		{ "all is lost, 20 reports", 1, 20, 0, 1, 0, 0, 1, 4 },
		{ "all was late and is lost", 2, 1, 0, 1, 0, 0, 1, 100 },
		{ "all is missing and on its way", 0, 1, 0, 1, 0, 0, 1, 0 },
		{ "all is late", 0, 1, 0, 0, 1, 0, 1, 100 },
		{ "all is late, again", 0, 1, 0, 0, 1, 0, 2, 100 },
		{ "all is lost and late", 0, 1, 0, 1, 1, 0, 1, 100 },
		{ "all have come", 0, 1, 0, 0, 0, 1, 1, 0 },
		{ "255 times 8 are not, one is lost, and so on", 1, 1, 0, 2,
		  0, 0, 1, 0 },
		{ "80 links, all new", 0, 1, 80, 0, 0, 0, 1, 0 },
		{ "80 links, again", 0, 1, 80, 0, 0, 0, 2, 0 },
		{ "a link, 25 reports", 0, 25, 1, 0, 0, 0, 1, 0 },
		{ "nothing, 40 reports", 0, 40, 0, 0, 0, 0, 1, 0 },
	};
	uint8_t d[PktSize], c[PktSize];
	uint64_t told[Nlinks], n = 0, turn;
	int64_t time;
	int i, k, len, room;
	char name[128];

	anew(Server, "key");
	unlike();
	keepmany(keeppkts);
	wantin("sent", keeppkts, keeppkts, hosts[1].pkts);
	now += MS(20);
	if (t[row].past)
		passall(t[row].past > 1);
	for (i = 1; i <= t[row].times; i++) {
		memset(told, 0, sizeof(told));
		now += MS(1);
		time = now + (t[row].late ? Minute : 0);
		room = (PktSize - SealLen - Pad) / t[row].reports - HdrLen -
		    ReportHead - t[row].links * ReportLink;
		for (k = len = 0; k < t[row].reports; k++) {
			n = putall(c, time + k * Us, t[row].all ?
			    tx.seq[LaneData] : tx.oldest, t[row].links,
			    told, t[row].missing ? room / 3 * 3 : 0,
			    t[row].missing == 2);
			len += putrec(d + len, i * 1000 + k, FlagControl, c,
			    n);
		}
		n = arrive(0, d, len);
	}
	turn = steps;
	stalls();
	turn = steps - turn;
	k = tx.repairs.len;
	result("%" PRIu64 " steps, then %" PRIu64 ", %d to repeat", n, turn,
	    k);
	wantin("percent to repeat", t[row].repeats, t[row].repeats + 1,
	    100.0 * k / keeppkts);
	wantin("steps", 1, DatagramSteps, n);
	wantin("steps then", 1, SchedSteps * Nlinks, turn);
	snprintf(name, sizeof(name), "%d links, a datagram of reports: %s",
	    Nlinks, t[row].name);
	verdict(name);
}

/* Links with full flights that bring nothing: each packet goes by another way
 * once, however often a link seems to come back. */
static void
teststalls(int row)
{
	static const struct {
		const char *name;
		int echoes;       /* ms between those of heartbeats */
		int progress;     /* ms between packets that are reported */
	} t[] = {
		{ "nothing is heard", 2000, 2000 },
		{ "heartbeats each ms, no reports", 1, 2000 },
		{ "heartbeats each 100 ms, no reports", 100, 2000 },
		{ "heartbeats and reports each 50 ms", 50, 50 },
	};
	double most = 0, n;
	int ms, k, repeats = 0;
	uint64_t was;
	Link *l;
	Pkt *p;
	char name[128];

	anew(Server, "key");
	unlike();
	keepmany(keeppkts);
	for (ms = 1; ms <= 1000; ms++) {
		now += MS(1);
		for (l = bond; l < bond + Nlinks; l++) {
			if (ms % t[row].echoes == 0)
				l->echo.came = now;
			if (ms % t[row].progress == 0)
				flightpast(&l->flight, l->flight.first, 0);
		}
		loop.nextstall = now;
		was = steps;
		stalls();
		n = steps - was;
		for (k = 0; (p = queueget(&tx.repairs)); k++) {
			p->asked = Unasked;
			pktfree(p);
		}
		repeats += k;
		most = MAX(most, n / (Nlinks + k));
	}
	result("%.1f steps for a link or packet, %d repeated", most, repeats);
	wantin("repeated", keeppkts / 2, keeppkts, repeats);
	wantin("steps for a link or packet", 1, SchedSteps, most);
	snprintf(name, sizeof(name), "%d links stall: %s", Nlinks,
	    t[row].name);
	verdict(name);
}

/* Write a record with a packet that has to come so much after another one. */
static int
putorder(uint8_t *d, uint64_t seq, int order, const uint8_t *ip, int len)
{
	uint8_t payload[OrderLen + MtuMax];

	put(payload, order, OrderLen);
	memcpy(payload + OrderLen, ip, len);
	return putrec(d, seq, FlagData | FlagOrder, payload, OrderLen + len);
}

/* Packets wait for those of their flow, the first of which come last or not at
 * all. What is set free costs no more than it is, and does not come at once if
 * it is UDP. */
static void
testheld(int row)
{
	static const struct {
		const char *name;
		int proto, flows;
		int same;         /* all of a flow name its first packet */
		int never;        /* those do not come */
		int bytes;        /* kB, most in a ms; 0: all come at once */
	} t[] = {
		{ "TCP, one after the other", IPPROTO_TCP, 1, 0, 0, 0 },
		{ "TCP, 1000 flows", IPPROTO_TCP, 1000, 0, 0, 0 },
		{ "TCP, given up", IPPROTO_TCP, 1000, 0, 1, 0 },
		{ "UDP, one after the other", IPPROTO_UDP, 1, 0, 0, 67 },
		{ "UDP, 64 flows", IPPROTO_UDP, 64, 0, 0, 67 },
		{ "UDP, 64 flows, given up", IPPROTO_UDP, 64, 0, 1, 67 },
		{ "UDP, 1000 flows, given up", IPPROTO_UDP, 1000, 0, 1, 0 },
		{ "all after the same one", IPPROTO_TCP, 1, 1, 0, 0 },
	};
	enum { Len = 400 };
	uint8_t d[PktSize], ip[Len];
	uint64_t cost, most = 0, n, was;
	int flows = t[row].flows, i, ms;
	double kb = 0;
	char name[128];

	anew(Server, "key");
	offer(1, 1000, t[row].proto, TcpAck, Len);
	memcpy(ip, inbox[0].d, Len);
	ninbox = 0;
	for (i = flows + 1; i <= reorderpkts; i++) {
		cost = arrive(0, d, putorder(d, i, t[row].same ? i - 1 :
		    flows, ip, Len));
		most = MAX(most, cost);
	}
	n = t[row].same ? 1 : reorderpkts - flows;
	wantin("held", n, n, reorderpkts - flows - delivered);
	wantin("believed", 0, 0, reordertop(flows + 1));
	for (i = 1; i <= flows && !t[row].never; i++) {
		cost = arrive(0, d, putrec(d, i, FlagData, ip, Len));
		most = MAX(most, cost);
	}
	for (ms = 0; delivered + flows * t[row].never < (unsigned)reorderpkts
	    && ms < 1100; ms++) {
		now += MS(1);
		was = delivered;
		cost = steps;
		reordercheck();
		groflushall();
		most = MAX(most, steps - cost);
		kb = MAX(kb, (delivered - was) * Len / 1000.0);
	}
	result("%" PRIu64 " steps, %d ms, %.0f kB in a ms", most, ms, kb);
	wantin("steps", 1, DatagramSteps, most);
	wantin("ms", 0, reorderms + 10, ms);
	if (t[row].bytes)
		wantin("kB in a ms", 1, t[row].bytes, kb);
	wantin("delivered", reorderpkts - flows * t[row].never,
	    reorderpkts - flows * t[row].never, delivered);
	snprintf(name, sizeof(name), "%d packets wait: %s", reorderpkts,
	    t[row].name);
	verdict(name);
}

/* Records that leave gaps, and name any packet to come before: what a datagram
 * costs, and what is done each ms while gaps are there. */
static void
testgaps(int row)
{
	static const struct {
		const char *name;
		int by;           /* a seq above the last, most */
		int order;        /* 0: none, -1: any */
	} t[] = {
		{ "every other one is missing", 2, 0 },
		{ "each names the one before", 2, 1 },
		{ "each names any", 2, -1 },
		{ "gaps of up to 1000, each names any", 1000, -1 },
		{ "any seq, each names any", -1, -1 },
	};
	enum { Len = 40 };
	uint8_t d[PktSize], ip[Len];
	uint64_t cost, most = 0, check = 0, seq = 1;
	int ms, i, len, order;
	char name[128];

	anew(Server, "key");
	offer(1, 1000, IPPROTO_UDP, 0, Len);
	memcpy(ip, inbox[0].d, Len);
	ninbox = 0;
	for (ms = 0; ms < 1000; ms++) {
		now += MS(1);
		for (i = 0; i < 10; i++) {
			for (len = 0; len + Len + 64 < PktSize; ) {
				seq = t[row].by < 0 ? rx.known - reorderpkts +
				    rnd(2 * reorderpkts) : t[row].by == 2 ?
				    seq + 2 : seq + 1 + rnd(t[row].by);
				order = t[row].order < 0 ? rnd(1 << (1 +
				    rnd(16))) : t[row].order;
				len += putorder(d + len, seq, order, ip, Len);
			}
			cost = arrive(0, d, len);
			most = MAX(most, cost);
		}
		if (t[row].by > 2) /* what was dropped did not advance */
			seq = rx.known;
		cost = steps;
		reordercheck();
		reportsend();
		groflushall();
		schedule();
		check = MAX(check, steps - cost);
	}
	result("%" PRIu64 " steps, %" PRIu64 " each ms, %" PRIu64 " came",
	    most, check, delivered);
	wantin("steps", 1, DatagramSteps, most);
	wantin("steps each ms", 1, 12 * reorderpkts, check);
	snprintf(name, sizeof(name), "records with gaps: %s", t[row].name);
	verdict(name);
}

/* Packets are covered by parities, and known but for every sixteenth. Then
 * comes a datagram of as many parities or blocks as it can hold. */
static void
testparities(int row)
{
	static const struct {
		const char *name;
		int len;          /* bytes of the sum, 0: a block instead */
		int n, back;      /* of how many; from the newest, at most */
	} t[] = {
		{ "parities of 16, one of which is missing", 20, 16, 16 },
		{ "the same, from all that are known", 20, 16, 48 },
		{ "parities of 16 that are not known at all", 20, 16, -1 },
		{ "the largest parity", MtuMax, 16, 48 },
		{ "the largest parity of what is not known", MtuMax, 16, -1 },
		{ "blocks of 1500 bytes", 0, 0, 0 },
	};
	enum { Len = 1400, Known = 64, Most = 1400 };
	/* 1500 bytes of zeros: 20 literals, a copy, 5 literals */
	static const uint8_t tail[] = { 1, 0, 255, 255, 255, 255, 255, 181,
	    0x50, 0, 0, 0, 0, 0 };
	uint8_t d[PktSize], ip[MtuMax] = { 0 }, c[2 * MtuMax];
	uint64_t cost, most = 0, sum = 0, seq;
	int i, k, len, n;
	char name[128];

	anew(Server, "key");
	offer(1, 1000, IPPROTO_UDP, 0, Len);
	memcpy(ip, inbox[0].d, Len);
	ninbox = 0;
	for (seq = 1; seq <= 4 * Known; seq++)
		if (seq % 16)
			arrive(0, d, putrec(d, seq, FlagData | FlagParity, ip,
			    Len));
	for (i = 0; i < 100; i++) {
		for (len = 0; len == 0 || len + HdrLen + MAX(t[row].len, 35) <
		    Most; ) {
			if (t[row].len == 0) {
				n = 0;
				c[n++] = 0xff;   /* more literals and copies */
				c[n++] = 20 - 15;
				memcpy(c + n, ip, 20);
				put(c + n + 2, 1500, 2);
				ipfinish(c + n);
				n += 20;
				memcpy(c + n, tail, sizeof(tail));
				n += sizeof(tail);
				len += putrec(d + len, seq++, FlagData |
				    FlagCompressed, c, n);
				continue;
			}
			k = t[row].back < 0 ? rnd(100) : -rnd(t[row].back -
			    t[row].n + 1);
			n = MIN(t[row].len, Most - len - HdrLen - SealLen - Pad);
			memset(c, 0x45, n);
			len += putrec(d + len, (seq + k + (t[row].back < 0 ?
			    100 * i : 0)) | (uint64_t)t[row].n << 56,
			    FlagParity, c, n);
		}
		cost = arrive(0, d, len);
		most = MAX(most, cost);
		sum += cost;
	}
	result("%" PRIu64 " steps, %" PRIu64 " for all, %" PRIu64 " in vain, %"
	    PRIu64 " found, %" PRIu64 " came", most, sum, counts[CntVain],
	    counts[CntRecovered], delivered);
	wantin("steps", 1, DatagramSteps, most);
	wantin("steps of 100 at once", 1, 2 * DatagramSteps, sum);
	snprintf(name, sizeof(name), "a datagram of %s", t[row].name);
	verdict(name);
}

/* A flow's packets are covered while links lose 2 %, others go between them.
 * A parity is made once for four packets, if at all. */
static void
testcovered(int row)
{
	static const struct {
		const char *name;
		int permille, queue;  /* lost; the links have queues */
		int len, every;       /* so often another goes between, 0: none */
	} t[] = {
		{ "packets, nothing is lost", 0, 0, 1300, 0 },
		{ "packets are covered", 20, 0, 1300, 0 },
		{ "packets are covered, a parity has no link", 20, 1, 1300,
		  0 },
		{ "packets are covered, a list has no room", 20, 0, MtuMax,
		  3 },
	};
	uint64_t cost;
	int i, n;

	anew(Client, NULL);
	fast();
	for (i = 0; i < Nlinks; i++) {
		bond[i].loss.ratio = t[row].permille / 1000.0;
		bond[i].control.queue = t[row].queue * 2 * TargetBulk;
	}
	cost = steps;
	for (i = 0; i < 1000; i++) {
		offer(1, 1000, IPPROTO_UDP, 0, MIN(t[row].len, tun.mtu));
		if (t[row].every && i % t[row].every == 0)
			offer(1, 2000, IPPROTO_TCP, TcpSyn, 500);
		if (i % 10 == 9) {
			readall();
			now += MS(1);
		}
	}
	cost = steps - cost;
	n = all.pkts;
	result("%" PRIu64 " steps for each, %" PRIu64 " parities", cost / n,
	    counts[CntParity]);
	wantin("sent", 1000, 1400, n);
	wantin("steps for each", 1, CoverSteps, cost / n);
	verdict(t[row].name);
}

/* claims */

/* What a peer without a key may say of the packets that are on their way by a
 * link: two of them came, so long ago, and so much with them. -1 is anything,
 * 0 the truth. */
typedef struct {
	const char *name;
	int every;                /* ms between reports */
	int joint;                /* the two were sent in one turn */
	int64_t pass;             /* us that pass by its clock each ms */
	int ago[2];               /* us */
	int64_t pkts, bytes;      /* from one to the other */
} Claim;

static uint64_t
claimed(int64_t what, int n, uint64_t truth)
{
	if (!what)
		return truth;
	return what < 0 ? (int64_t)rnd(INT_MAX) * 2 : what * n;
}

/* Returns the oldest packet of those on their way by the link, or of those
 * sent in one turn with the newest. */
static uint64_t
oldest(const Link *l, int joint)
{
	const Flight *f = &l->flight;
	uint64_t seq = f->first;

	while (joint && seq && sentof(seq)->time < sentof(f->last)->time)
		seq = sentof(seq)->next;
	return seq;
}

static void
claim(const Claim *t, int n)
{
	uint8_t d[PktSize], c[PktSize], *e = c + ReportHead;
	int i, k, told = 0;
	const Sent *s;
	uint64_t seq;
	Link *l;

	for (i = 0; i < MIN(2 * Nlinks, Entries); i++) {
		l = &bond[i / 2];
		k = i % 2;
		seq = k ? l->flight.last : oldest(l, t->joint);
		if (!seq)
			continue;
		s = sentof(seq);
		told++;
		e += putcame(e, i / 2, seq, t->ago[k] < 0 ? rnd(1 << 30) :
		    t->ago[k], claimed(t->pkts, 2 * n + k, s->pkts),
		    claimed(t->bytes, 2 * n + k, s->bytes));
	}
	putreport(c, 1, 1000 * Second / Us + (t->pass < 0 ?
	    rnd(1 << 20) * INT64_C(1000000) : n * t->every * t->pass), 15000,
	    told);
	arrive(0, d, putrec(d, n, FlagControl, c, e - c));
}

/* A link of an unknown rate is not sent by at more than twice the rate at
 * which it was, and no more is on its way, whatever the peer says. */
static void
testclaims(int row)
{
	enum { Much = 0x7fffffff };
	static const Claim t[] = {
		{ "the truth", 15, 0, 1000, { 0, 0 }, 0, 0 },
		{ "2 Gbyte came", 15, 0, 1000, { 0, 0 }, 0, Much },
		{ "many packets came", 15, 0, 1000, { 0, 0 }, 40000, Much },
		{ "it came in 15 us", 15, 0, 1, { 0, 0 }, 0, 0 },
		{ "it came in no time", 15, 0, 0, { 0, 0 }, 0, Much },
		{ "it came in 15 s", 15, 0, 1000000, { 0, 0 }, 0, Much },
		{ "much came at once, now and then", 120, 1, 1000,
		  { 40000, 0 }, 0, Much },
		{ "the clock goes back", 15, 0, 1000, { 0, 1000000000 }, 0,
		  Much },
		{ "a way of 1000 s now and then", 15, 0, 1000,
		  { 1000000000, 0 }, 0, 0 },
		{ "any time", 15, 0, -1, { -1, -1 }, 0, 0 },
		{ "any time and much", 15, 0, 1000, { -1, -1 }, 8, 12000 },
		{ "any number", 15, 0, 1000, { 0, 0 }, -1, -1 },
		{ "anything", 15, 0, -1, { -1, -1 }, -1, -1 },
	};
	enum { Span = 30 };       /* ms */
	static int64_t sentby[Nlinks][4000];
	int64_t was[Nlinks], n, most[Nlinks];
	double rate = 0, window = 0, r;
	int ms, i, k;
	Link *l;

	anew(Client, NULL);
	for (l = bond; l < bond + Nlinks; l++) {
		rateceil(l, 0, 0);
		windowset(l);
	}
	surveylinks();
	memset(was, 0, sizeof(was));
	for (i = 0; i < Nlinks; i++)
		most[i] = RateStart * Span / 8 / 1000;
	for (ms = 0; ms < LEN(sentby[0]); ms++) {
		for (k = 0; ms % 40 == 0 && k < 40; k++)
			offer(1, 1000, IPPROTO_UDP, 0, 1300);
		now += MS(1);
		stalls();
		forget(0);
		readall();
		for (i = 0; i < Nlinks; i++) {
			l = &bond[i];
			l->echo.came = now;
			n = l->meter.tx.bytes + l->meter.tx.pkts *
			    wireoverhead(l);
			sentby[i][ms] = n;
			n -= ms > Span ? sentby[i][ms - Span] : 0;
			most[i] = MAX(most[i], n);
		}
		if (ms % t[row].every)
			continue;
		claim(&t[row], 1 + ms / t[row].every);
		for (i = 0; i < Nlinks; i++) {
			l = &bond[i];
			r = most[i] * 8000.0 / Span;
			rate = MAX(rate, l->pace.rate / r);
			window = MAX(window, (l->control.window - 20000) /
			    (r / 8));
		}
	}
	result("at most %.2f times the rate, %.0f ms of it in flight", rate,
	    window * 1000);
	wantin("percent of the rate", 0, 205, rate * 100);
	wantin("ms in flight", 0, 600, window * 1000);
	verdict(t[row].name);
}

/* A way that seems to become longer and shorter again and again is never taken
 * to be longer than the peer said. */
static void
testway(int row)
{
	enum { Short, Queued, Long };
	const int64_t far = (INT64_C(1) << 50) - 2000 * Second / Us;
	int ms, since = 0, phase = Short, times = 0, i, n;
	uint8_t d[PktSize], c[PktSize];
	Link *l = &bond[1];
	int64_t time, most = 0;
	const Sent *s;

	(void)row;
	anew(Client, NULL);
	for (ms = 0; ms < 8000; ms++) {
		for (i = 0; i < 10; i++)
			offer(1, 1000, IPPROTO_UDP, 0, 1300);
		now += MS(1);
		forget(0);
		readall();
		for (i = 0; i < Nlinks; i++)
			bond[i].echo.came = now;
		if (ms % 10)
			continue;
		if (phase == Short && ms - since > 130) {
			phase = Queued;
		} else if (phase == Queued && l->control.drain) {
			phase = Long;
		} else if (phase == Long && !l->control.drain) {
			phase = Short;
			since = ms;
			times++;
		}
		time = now / Us + (phase == Long ? far : phase == Queued ?
		    60000 : 0);
		n = putreport(c, 1, time, 10000, MIN(Nlinks, Entries));
		for (i = 0; i < MIN(Nlinks, Entries); i++) {
			s = sentof(bond[i].flight.last);
			n += putcame(c + n, i, bond[i].flight.last, 0,
			    s->pkts, s->bytes);
		}
		arrive(0, d, putrec(d, 1 + ms, FlagControl, c, n));
		for (i = 0; i < 2; i++)
			most = MAX(most, l->delay.base.least[i] / Second);
	}
	result("%d times, %" PRId64 " s at most, %" PRId64 " s said", times,
	    most, far * Us / Second);
	wantin("times", 5, 100, times);
	wantin("s", 0, far * Us / Second + 60, most);
	verdict("a way that seems to be longer again and again");
}

/* What the peer says that it misses, and never acknowledges, is kept for a
 * while, and only so much of it. */
static void
testmemory(int row)
{
	static const struct {
		const char *name;
		int missing, late; /* each 5 ms, of all */
	} t[] = {
		{ "nothing is acknowledged", 0, 0 },
		{ "everything is lost", 1, 0 },
		{ "everything is late", 0, 1 },
		{ "everything is lost and late", 1, 1 },
	};
	uint8_t d[PktSize], c[PktSize];
	int ms, i, n, held = 0, repairs = 0;
	double again = 0, budget; /* sent again, at most */
	Link *l;

	anew(Client, NULL);
	/* a quarter of the links, for 4 s and one saved up */
	budget = rates() / 4.0 * 5 / 8 / 600;
	for (ms = 1; ms <= 4000; ms++) {
		for (i = 0; i < 100; i++)
			offer(1 + i % 4, 1000 + i % 50, IPPROTO_UDP, 0, 600);
		now += MS(1);
		stalls();
		forget(0);
		for (l = bond; l < bond + Nlinks; l++) {
			l->echo.came = now;
			flightpast(&l->flight, 0, now - (t[row].late ? Second :
			    MS(50)));
		}
		readall();
		if (ms % 5)
			continue;
		n = putreport(c, 1, (now + t[row].late * Minute) / Us, 0, 0);
		i = t[row].missing ? PktSize - HdrLen - SealLen - Pad - n : 0;
		memset(c + n, 255, i);
		put(c + 1, tx.oldest, 8);
		arrive(0, d, putrec(d, ms, FlagControl, c, n + i));
		held = MAX(held, pool.used - pool.nfrees);
		repairs = MAX(repairs, tx.repairs.len);
	}
	n = tx.seq[LaneData] - tx.oldest;
	for (l = bond; l < bond + Nlinks; l++)
		again += l->why[WhyRepair];
	result("%d packets in use of %d, %d kept, %d to repeat, %" PRIu64
	    " sent, %.0f again", held, pool.size, n, repairs, all.pkts, again);
	wantin("kept", 1, keeppkts, n);
	wantin("sent again", 0, budget, again);
	wantin("to repeat", 0, keeppkts, repairs);
	wantin("in use", 1, keeppkts + queuepkts + 2 * Nlinks * Batch, held);
	wantin("not for want of memory", 0, 0, drops[DropPool]);
	now += Keep + Second;
	forget(0);
	wantin("kept later", 0, 0, tx.seq[LaneData] - tx.oldest);
	verdict(t[row].name);
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
	result("%" PRIu64 " steps, %d sent", cost, n);
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
		{ "a SYN of 1370 bytes is ordered", IPPROTO_TCP, TcpSyn, 1370,
		  0 },
		{ "an ACK of 40 bytes is express", IPPROTO_TCP, TcpAck, 40,
		  100 },
		{ "sparse UDP of 100 bytes is express", IPPROTO_UDP, 0, 100,
		  100 },
		{ "sparse UDP of 1370 bytes is ordered", IPPROTO_UDP, 0, 1370,
		  0 },
		{ "an ACK of 84 bytes, IPv6 with options, is express",
		  IPPROTO_ICMPV6, 0, 84, 100 },
		{ "an ACK of 1364 bytes, IPv6 with options, is ordered",
		  IPPROTO_ICMPV6, 0, 1364, 0 },
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
	result("%" PRIu64 " of %" PRIu64, all.expresspkts, all.pkts);
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
	result("%.1f Mbit/s, %.1f allowed", mbit, bound);
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
	result("%d %% of %" PRIu64 " express", n, hosts[2].pkts - was.pkts);
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
	result("%.1f and %.1f Mbit/s", was[0] * 8 / 2e6, was[1] * 8 / 2e6);
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
	{ testbeats, 3, 1, 1 },
	{ testreports, 14, 1, 1 },
	{ teststalls, 4, 1, 1 },
	{ testheld, 8, 1, 0 },
	{ testgaps, 5, 1, 0 },
	{ testparities, 6, 1, 0 },
	{ testcovered, 4, 1, 0 },
	{ testclaims, 13, 1, 0 },
	{ testway, 1, 1, 0 },
	{ testmemory, 4, 1, 0 },
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
