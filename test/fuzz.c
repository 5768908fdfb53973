/* See LICENSE file for copyright and license details.
 *
 * Fuzz targets for udpbond.c, which is included here and run as it is, from
 * main() to cleanup(). All that it asks of the kernel is answered by fakes:
 * clock, TUN, links, control socket, key file. What it gets from there is made
 * of the input, and time passes in ppoll() only. A peer with the keys is
 * played too (answer, handshake, records), so that inputs pass authentication.
 * After each turn and each input the state must be consistent; abort() if not.
 *
 * Targets:
 *	datagram  what comes by the links
 *	tun       what comes from the TUN, and what is joined for it
 *	control   the control socket
 *	config    the configuration and the key file, as text
 *	parity    packets and parities, forged ones too
 *
 * For libFuzzer, one target a program:
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined \
 *		-finstrument-functions -fno-sanitize-recover=undefined -D_GNU_SOURCE \
 *		-DTARGET=datagram -o fuzz-datagram test/fuzz.c
 *	./fuzz-datagram -max_len=2048 directory test/corpus/datagram
 * Without it, all targets in one:
 *	cc -g -O1 -fsanitize=address,undefined -finstrument-functions \
 *		-fno-sanitize-recover=undefined -D_GNU_SOURCE \
 *		-o fuzz test/fuzz.c
 *	./fuzz [-n mutations] [-s seed] target file...
 * which runs the files, then so many mutations of them; both are the same in
 * every run. An input that fails is left in ./fuzz-failed.
 *
 * The first three read a byte for what the program is like (Is*), one for its
 * configuration (Conf*), then steps: a byte for what is to be done (actions,
 * by the target's table) and the bytes that it takes, 0 where there are no
 * more. Begin with once(), then fake_ppoll() and the actions.
 */
#include <setjmp.h>

#include "fake.h"
#include "steps.h"

#ifndef VERSION
#define VERSION "0"
#endif

#define main udpbond_main
#define const                     /* so that the configuration can change */
#include "../udpbond.c"
#undef const
#undef main
#undef exit
#undef signal

#include "pkt.h"
#include "state.h"

/* what the program is like */
enum {
	IsServer = 0x01, IsKeyed = 0x02, IsNew = 0x04, IsSuper = 0x08,
	IsGro = 0x10, IsSegment = 0x20, IsSingle = 0x40, IsQuiet = 0x80
};
enum {
	ConfPlain, ConfWeights, ConfQuick, ConfLoad, ConfRates, ConfAny,
	ConfV6, ConfMtu, ConfLast
};
enum {
	ConfDown = 0x08, ConfOne = 0x10, ConfPool = 0x20, ConfCopies = 0x40,
	ConfNone = 0x80
};

/* sizes */
enum {
	Nlinks = LEN(links), Queued = 256, MaxSteps = 150, MaxPkts = 3000,
	MaxLines = 12 * (Nlinks + 1) + 8, /* in the log, in a second */
	Inbox = 512, MaxInput = 1 << 16, Nfds = 64, FdFirst = 100, Extra = 8,
	DatagramSteps = 60000     /* for a datagram, what it delivers too */
};
static const int64_t RttMost = INT64_C(64000000000); /* ns, of heartbeats */

/* types */
typedef struct {
	int link, len, size;      /* size: of the segments, 0: only one */
	struct sockaddr_storage from;
	uint8_t *d;
} Dgram;

/* the newest packet that came to the peer by a link */
typedef struct {
	uint64_t seq, pkts, bytes; /* what had come with it */
	int64_t time;             /* ns */
} Came;

/* all that a datagram of nobody must leave as it is */
typedef struct {
	State state;
	unsigned tunout, linkout;
} Snapshot;

/* function declarations */
static void steptime(void);
static void steprecords(void);
static void stepanswer(void);
static void stepraw(void);
static void stepsealed(void);
static void stepbeat(void);
static void stepreport(void);
static void stepbye(void);
static void stepstream(void);
static void stepparity(void);
static void steptun(void);
static void steptunraw(void);
static void stepsuper(void);
static void stepfault(void);
static void stepask(void);
static void stepsignal(void);
static void stephandshake(void);
static void stepall(void);
static int isopen(int);

/* variables */
static void (*const datagramsteps[])(void) = {
	steptime, steprecords, stepanswer, stepraw, stepsealed, stepbeat,
	stepreport, stepbye, stepstream, steptun, stephandshake, stepfault,
	stepall, stepsignal, stepparity, steptime
};
static void (*const tunsteps[])(void) = {
	steptime, steptun, stepall, steptunraw, stepsuper, stepstream,
	stepfault, steprecords, stepreport, stepanswer, steptun, stepsuper,
	stepsignal, stepbeat, steptunraw, steptime
};
static void (*const controlsteps[])(void) = {
	stepask, steptime, stepall, steptun, steprecords, stepanswer,
	stepfault, stepsignal, stepbeat, stephandshake, stepbye, stepstream,
	stepask, stepreport, stepsuper, steptime
};
static void (*const *actions)(void);

static int settingswas[LEN(settings)];
static Linkconf linkswas[LEN(links)];
static Traffic trafficwas[LEN(traffic)];
static char *tundevwas, *clientaddrwas, *serveraddrwas;

static const uint8_t *in;         /* the input */
static int inlen, inat;

static jmp_buf dead;
static int mayexit;               /* exit() is no fault */
static int64_t fakenow;           /* ns, whole us */
static uint64_t fakerandoms;
static int fds[Nfds];             /* open ones */
static char keytext[128];
static int keylen, keymode;
static int mtu;                   /* of all routes and devices */
static int rtasked;               /* what was asked of rtnetlink */
static int features;              /* of the TUN */
static int isconf, like, begun, nsteps, npackets, ending;
static int64_t answered;          /* ns till the next turn, -1: not said */

static Dgram inbox[Inbox];
static int ninbox;
static Dgram tunin[Inbox];
static int ntunin, tungoing;
static struct { int len, name, uid, how; uint8_t what; } asks[16];
static int nasks, asking;         /* questions; how many were received */
static int64_t toldat;            /* ns, when one was answered */
static int pollfails;
static struct { int what, times, error; } injected;
enum { FailSend, FailBatch, FailWrite, FailWritev, FailRead, FailRecv,
       FailSocket, FailBind, FailConnect, FailCtl, FailIoctl, FailLast };
static int missing;

static unsigned tunout, linkout;  /* that came out */
static int64_t linesince;         /* ns, since when lines are counted */
static int nlines;                /* in the log, in this second */
static uint64_t most;             /* steps for a datagram */
static Beat peerhas[LEN(links)];  /* newest heartbeats */
static Tally peerrx[LEN(links)], peertx[LEN(links)];
static Came peercame[LEN(links)];
static int64_t peerclock;         /* ns, ahead of ours */

/* failures */

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

/* the input */

static int
byte(void)
{
	return inat < inlen ? in[inat++] : 0;
}

static uint64_t
bytes(int n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | byte();
	return v;
}

/* n of them at most; where they are */
static const uint8_t *
some(int *n)
{
	const uint8_t *d = in + inat;

	*n = CLAMP(*n, 0, inlen - inat);
	inat += *n;
	return d;
}

/* numbers that a wild peer may choose, near to n if it is not that wild */
static uint64_t
wild(uint64_t n)
{
	int b = byte();

	if (b == 255)
		return bytes(8);
	if (b >= 192)
		return ((uint64_t)1 << (b & 63)) - 1;
	if (b >= 128)
		return (uint64_t)1 << (b & 63);
	return n + b - 64;
}

/* invariants */

static void
checkqueue(const Queue *q, const char *what)
{
	const Pkt *p, *last = NULL;
	int n = 0, size = 0;

	for (p = q->head; p && n <= pool.size; p = p->next) {
		must(p >= pool.pkts && p < pool.pkts + pool.used, what);
		must(pool.refs[p - pool.pkts] > 0, what);
		must(p->len >= 0 && p->len <= MtuMax, what);
		size += p->len;
		last = p;
		n++;
	}
	must(n == q->len && size == q->bytes && last == q->tail, what);
}

/* Returns how many are on a list. */
static int
checkturns(const Turns *q)
{
	const Turn *t, *last = NULL;
	int n = 0;

	for (t = q->head; t && n <= Nflows; t = t->next) {
		must(t->listed == 1, "one on a list is not listed");
		last = t;
		n++;
	}
	must(n <= Nflows && q->tail == last, "list of flows or hosts");
	return n;
}

static int
checkround(const Round *r)
{
	int n = checkturns(&r->fresh) + checkturns(&r->old);

	must(n == r->n, "how many are on lists");
	return n;
}

static void
checkhosts(void)
{
	const Host *h = queues.hosts;
	const Flow *f;
	Pkt *p;
	int64_t light = 0, steady = 0;
	int bytes[Nhosts] = { 0 }, flows[Nhosts] = { 0 }, n = 0, i, hosts = 0;

	for (f = queues.flows; f < queues.flows + Nflows; f++) {
		checkqueue(&f->queue, "queue of a flow");
		n += f->queue.len;
		bytes[f->host] += f->queue.bytes;
		flows[f->host] += f->turn.listed;
		must(f->turn.waiting == f->queue.len, "packets of a flow");
		must(f->turn.listed || !f->queue.head, "a flow never sends");
		for (p = f->queue.head; p; p = p->next) {
			light += p->waslight ? p->len : 0;
			steady += p->waslight && !elastic(p) ? p->len : 0;
		}
		for (p = queues.acks.head; f->ack && p != f->ack; p = p->next)
			must(p != NULL, "an ACK that is replaced is queued");
	}
	must(n == queues.queued, "packets in flow queues");
	must(light == queues.lightbytes && steady == queues.steadybytes,
	    "bytes of light flows");
	for (i = 0; i < Nhosts; i++) {
		must(h[i].bytes == bytes[i], "bytes of a host");
		must(checkround(&h[i].flows) == flows[i], "flows of a host");
		must(h[i].turn.waiting == flows[i], "flows that wait");
		must(h[i].turn.listed || !flows[i], "a host never sends");
		hosts += h[i].turn.listed;
	}
	must(checkround(&queues.round) == hosts, "hosts on lists");
}

/* what flows need, and what is known of servers of QUIC */
static void
checkneeds(void)
{
	const Flow *f;
	const Need *n;
	const Habit *h;

	for (f = queues.flows; f < queues.flows + Nflows; f++) {
		n = &f->need;
		must(n->bytes[0] >= 0 && n->bytes[1] >= 0 && n->rate >= 0,
		    "bytes of a flow");
		must(f->turn.last <= now && n->begun <= f->turn.last &&
		    n->went <= now && n->came <= now, "times of a flow");
		must(!n->heavy || n->stay >= Second, "heavy for no time");
		must(n->stay <= StayMost || n->stay == INT64_MAX,
		    "heavy for too long");
		must(!f->habit || (f->habit >= queues.habits &&
		    f->habit < queues.habits + LEN(queues.habits)), "habit");
	}
	for (h = queues.habits; h < queues.habits + LEN(queues.habits); h++)
		must(h->known <= now && h->large <= now &&
		    (!h->large || h->known <= h->large), "times of a server");
	must(queues.steady >= 0 && queues.steady <= queues.light,
	    "rate of light flows");
	must(queues.noted <= now && queues.crowded <= queues.overflow &&
	    queues.overflow <= now, "when packets overflow");
}

/* What selection knows is what the links are. But which link is to have no
 * queue, and which ones are for heavy flows, is a matter of time, too. */
static void
checksurvey(void)
{
	static State was;
	Link *quick = survey.quick;
	int64_t delay = survey.groupdelay;
	int score = survey.groupscore, step = survey.step;

	if (survey.stale) /* until the end of this turn */
		return;
	statesave(&was);
	surveylinks();
	survey.quick = quick;
	survey.groupdelay = delay;
	survey.groupscore = score;
	survey.step = step;
	/* what pick() keeps stands behind it */
	must(!memcmp(was.survey, &survey, (uint8_t *)survey.found -
	    (uint8_t *)&survey), "survey");
	staterestore(&was);
}

/* Are the packets that a link has on their way those of its chain? */
static void
checkflight(const Link *l)
{
	const Flight *f = &l->flight;
	uint64_t seq, last = 0;
	int64_t bytes = 0;
	const Sent *s;

	for (seq = f->first; seq; seq = s->next) {
		must(seq > last, "packets of a link not in order");
		must(seq >= tx.oldest && seq < tx.seq[LaneData],
		    "on its way, but not kept");
		s = sentof(seq);
		must(s->link == l - bond, "on its way by another link");
		bytes += s->len;
		last = seq;
	}
	must(last == f->last, "the newest packet on its way");
	must(bytes == f->bytes, "bytes on their way");
	must(f->reported < MAX(tx.seq[LaneData], 1) &&
	    f->rescued < MAX(tx.seq[LaneData], 1), "packets not yet sent");
	must(f->progress <= now && f->stalled <= now, "times of a flight");
	must(f->reported < MAX(tx.oldest, 1) ||
	    sentof(f->reported)->link == l - bond,
	    "a report of another link's packet");
	must(l->state != LinkDown || !f->first, "on its way by no link");
}

/* what is kept to be sent again */
static void
checksent(void)
{
	uint64_t seq;
	const Sent *s;

	must(tx.oldest <= tx.seq[LaneData] && tx.seq[LaneData] -
	    tx.oldest <= (uint64_t)keeppkts, "packets that are kept");
	for (seq = tx.oldest; seq < tx.seq[LaneData]; seq++) {
		s = sentof(seq);
		must(s->p && s->p->seq == seq, "another packet is kept");
		must(s->time <= now && s->link < Nlinks && s->len > 0,
		    "what is known of a packet that is kept");
	}
	must(tx.repairs.len <= pool.size, "packets to repeat");
	must(tx.every >= 0 && tx.every <= MS(100), "how often are reports");
}

/* Is what was learned of the links in bounds, whatever the peer says? */
static void
checkcontrol(void)
{
	const Link *l;
	const Control *c;
	int64_t window, ns;

	checksent();
	for (l = bond; l; l = l->next) {
		c = &l->control;
		checkflight(l);
		must(l->pace.rate >= MIN(RateMin, l->pace.ceil[0] ?
		    l->pace.ceil[0] : RateMin) &&
		    l->pace.rate <= MAX(RateMax, l->pace.ceil[0]), "rate");
		must(l->pace.percent >= 10 && l->pace.percent <= 100,
		    "percent of a rate");
		must(c->got >= 0 && c->got <= c->most && c->gotmax >= 0 &&
		    c->gotmax <= c->most, "what was delivered");
		must(c->loss >= 0 && c->loss <= 1 && c->random >= 0 &&
		    c->random <= 1, "loss of reported packets");
		must(l->delay.rtt >= 0 && l->delay.rtt <= RttMost &&
		    l->delay.loop >= 0 && l->delay.loop <= Keep,
		    "round trip without a queue");
		ns = (l->delay.loop ? l->delay.loop : l->delay.rtt) + Second;
		window = MAX(RateMax, l->pace.ceil[0]) / 8000 * (ns / Us) /
		    1000 + 20000;
		must(c->window >= 0 && c->window <= window, "window");
	}
}

/* Is what waits for seq there? A packet that is held waits for one that is
 * missing or held as well, or is set free soon. */
static void
checkslot(uint64_t seq)
{
	const Slot *s = slotof(seq), *to;
	int i;

	must(s->state >= Missing && s->state <= Lost, "state of a slot");
	must(!s->p == (s->state != Held), "a packet is held, or is not");
	must(s->since <= now, "missed before it was sent");
	if (s->next) {
		to = slotof(s->next);
		must(s->state <= Held, "one waits for what is settled");
		must(s->next > seq && s->next < rx.known &&
		    to->state == Held && to->p->seq == s->next &&
		    s->next - to->p->after == seq, "who waits for a packet");
	}
	if (!s->p)
		return;
	must(s->p->seq == seq, "slot holds another packet");
	must(s->p->after > 0 && (unsigned)s->p->after < seq,
	    "held for none");
	for (i = 0; i < rx.npaced && rx.paced[i] != seq; i++)
		;
	must(i < rx.npaced || (seq - s->p->after >= rx.expected &&
	    slotof(seq - s->p->after)->next == seq), "held for ever");
}

/* what comes, or should */
static void
checkslots(void)
{
	uint64_t seq = rx.known > (uint64_t)reorderpkts ?
	    rx.known - reorderpkts : 1;
	int64_t due = INT64_MAX;
	const Slot *s;

	must(rx.expected <= rx.known &&
	    rx.known - rx.expected <= (uint64_t)reorderpkts, "reorder window");
	must(rx.expected == rx.known || slotof(rx.expected)->state < Passed,
	    "what has passed is expected");
	must(rx.npaced >= 0 && rx.npaced <= Paced, "packets set free soon");
	for (; seq < rx.known; seq++) {
		checkslot(seq);
		s = slotof(seq);
		must(seq >= rx.expected || s->state >= Passed,
		    "what was given up waits");
		if (s->state == Missing)
			due = MIN(due, s->since + (s->next ?
			    usefor(slotof(s->next)->p) : MS(reorderms)));
	}
	if (rx.npaced)
		due = now + MS(1);
	must(rx.next <= MAX(due, now + MS(1)), "given up too late");
	must(rx.expected == rx.known || rx.nextreport <= now + ReportLate,
	    "what is missing is not reported");
	must(rx.pkts >= 0 && rx.bytes >= 0 && (!rx.pkts ||
	    rx.nextreport <= MAX(now, rx.lastreport) + ReportLate),
	    "what came is not reported");
}

/* Is each row reduced, and does each column hold its packet? */
static void
checkcoded(void)
{
	const Row *r, *o;
	int i, n;

	must(coded.oldest >= 0 && coded.oldest < Columns, "oldest column");
	for (i = 0; i < Columns; i++)
		must(!coded.pkts[i] || (coded.pkts[i]->seq == coded.seqs[i] &&
		    coded.pkts[i]->len <= MtuMax), "packet of a column");
	for (r = coded.rows; r < coded.rows + Rows; r++) {
		if (!r->len)
			continue;
		must(r->len > Columns + OrderLen &&
		    r->len <= LEN(r->d), "length of a row");
		for (i = n = 0; i < Columns; i++) {
			n += r->d[i] != 0;
			must(!r->d[i] || !coded.pkts[i],
			    "a row lacks what has come");
		}
		must(n > 1 && r->d[r->pivot], "columns of a row");
		for (o = coded.rows; o < coded.rows + Rows; o++)
			must(o == r || !o->len || !o->d[r->pivot],
			    "two rows have a pivot");
	}
}

/* what the next parity covers */
static void
checkcover(void)
{
	int i;

	must(cover.n >= 0 && cover.n <= Window && cover.due >= 0,
	    "packets to be covered");
	for (i = 1; i < cover.n; i++)
		must(cover.pkts[i - 1]->seq < cover.pkts[i]->seq,
		    "packets to be covered not in order");
	must(!cover.due || queues.nextsend <= MAX(cover.next, now + BurstMax),
	    "a parity is due and not sent");
	must(cover.loss >= 0 && cover.loss <= 1, "loss of covered packets");
}

static void
checkturn(void)
{
	Link *l;
	const Pkt *p;
	int i;

	checkcontrol();
	if (nsteps % 8 == 0) { /* it takes long */
		checkhosts();
		checkneeds();
	}
	must(queues.queued <= queuepkts, "flow queues too long");
	checkqueue(&queues.express, "express queue");
	checkqueue(&queues.acks, "queue of ACKs");
	checkqueue(&tx.repairs, "queue of packets to repeat");
	must(queues.express.len <= queuepkts / 4 &&
	    queues.acks.len <= queuepkts / 4, "queues too long");
	for (p = tx.repairs.head; p; p = p->next)
		must(p->asked, "to be repeated, but not asked for");
	for (i = 0; i < Ngros; i++)
		must(gro.by[i].n == 0, "packets left in a join");
	checkslots();
	checkcoded();
	checkcover();
	for (l = bond; l; l = l->next) {
		must(l->out.n >= 0 && l->out.n <= Batch, "packets for a link");
		must(l->state >= LinkDown && l->state <= LinkLossy, "state");
		must(airtime(&l->pace, MtuMin) > 0 && l->pace.burst >= Burst &&
		    l->pace.burst <= BurstMax, "pacer");
		must(l->loss.ratio >= 0 && l->loss.ratio <= 1, "loss");
		must(l->delay.srtt >= 0 && l->delay.rttvar >= 0, "RTT");
		must(l->meter.use >= 0, "use");
		must(l->addr.mtu >= MtuMin, "MTU of a link");
		must(l->state < LinkUp || peer.session.id, "up without a session");
		must(l->beats.last <= now && l->heard.came <= now, "times");
		must(!l->out.n || queues.nextsend <= now + BurstMax,
		    "what the kernel did not take waits for too long");
		must(loop.nextbeat <= MAX(now, MIN(linkdue(l),
		    MIN(l->beats.next, burstend(l)))), "next heartbeat");
	}
	checksurvey();
	must(tun.mtu > 0 && tun.mtu <= MtuMax, "MTU of the TUN");
	must(isopen(tun.fd), "the TUN is closed");
}

/* between two programs */
static void
checkend(void)
{
	int i, n;

	checkhosts();
	checkneeds();
	must(poolsound(), "references of a packet");
	for (i = n = 0; i < Nfds; i++)
		n += fds[i];
	/* control, rtnetlink */
	must(n == 2 + (devices.fd >= 0), "descriptors are left open");
}

static void
snapshot(Snapshot *s)
{
	char *proposed = s->state.peer + ((char *)&peer.proposed -
	    (char *)&peer);
	int i;

	memset(s, 0, sizeof(*s));
	statesave(&s->state);
	for (i = 0; i < LEN(bond); i++) /* signs of what is wrong */
		memset(s->state.bond + ((char *)&bond[i].fault -
		    (char *)bond), 0, sizeof(bond[i].fault));
	memset(s->state.drops, 0, sizeof(drops));
	memset(s->state.pool, 0, sizeof(pool));
	if (role == Server)       /* it is computed */
		memset(proposed, 0, sizeof(peer.proposed));
	s->tunout = tunout;
	s->linkout = linkout;
}

/* bytes as an LZ4 block, and what a block is made of */
static void
blocks(uint8_t *d, int len)
{
	uint8_t *o = malloc(MtuMax + 16), *was;
	int n;

	must(o != NULL, "malloc");
	len = MIN(len, MtuMax);
	if ((n = unsqueeze(o, MtuMax / 2, d, len)) >= 0)
		must(n <= MtuMax / 2, "bytes of a block");
	if ((n = squeeze(o, d, len))) {
		must(n < len, "a block that is not smaller");
		was = exact(o, n);
		must(unsqueeze(o, len, was, n) == len && !memcmp(o, d, len),
		    "a block is not what it was made of");
		free(was);
	}
	free(o);
}

/* functions that get bytes from outside, with nothing behind these */
static void
parsers(const uint8_t *d, int len)
{
	uint8_t *c;
	int at, n;
	Beat b;
	Rec r;
	Ip ip;

	c = exact(d, len);
	for (at = 0; (n = decode(c + at, len - at, &r)) > 0; at += n) {
		must(n <= len - at && r.len == n - HdrLen, "decode");
		beatdecode(c + at + HdrLen, r.len, &b);
	}
	beatdecode(c, len, &b);
	blocks(c, len);
	if (ipparse(c, len, &ip) == 0) {
		must(ip.l4 >= 20 && ip.l4 + ip.l4len == len, "ipparse");
		must(ip.payload >= 0 && ip.payload <= ip.l4len, "payload");
		answerable(c, &ip);
		coalescable(&(Pkt){ .data = c, .len = len, .ip = ip });
		ipmark(c);
		ipclamp(c, &ip, 1300);
		must(ipparse(c, len, &ip) == 0, "clamped");
	}
	free(c);
}

/* packets */

/* an IP packet of len bytes or as many as it takes; what is chosen by its
 * bits, host and port by flow; seq and ack are of TCP. QUIC may come from its
 * server, which is the same for all. */
static int
packet(uint8_t *d, int len, int what, int flow, uint32_t seq, uint32_t ack)
{
	static const uint8_t protos[] = {
		IPPROTO_UDP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP,
		IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_TCP
	};
	static const uint8_t syn[] = { 2, 4, 5, 180, 1, 3, 3, 7 };
	static const uint8_t stamp[] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2 };
	int v6 = what & 8, kind = what & 7, proto = protos[kind];
	int l4 = v6 ? 40 : 20, n = 0, hdr, to = kind == 6 ? 443 : 80;
	int served = kind == 6 && what & 32;
	uint8_t *t = d + l4, a[2][16] = { { 0xfd }, { 0xfd } };

	if (proto == IPPROTO_ICMP && v6)
		proto = IPPROTO_ICMPV6;
	n = kind == 2 ? LEN(syn) : kind == 3 || kind == 7 ? LEN(stamp) : 0;
	hdr = l4 + (proto == IPPROTO_TCP ? 20 + n : 8);
	len = kind == 3 ? hdr : CLAMP(len, hdr, MtuMax);
	memset(d, 0, hdr);
	memset(d + hdr, flow, len - hdr);
	put(a[0] + (v6 ? 12 : 0), (v6 ? 0 : 0x0a000000) + flow, 4);
	put(a[1] + (v6 ? 12 : 0), (v6 ? 0 : 0x0a630000) + 1, 4);
	iphead(d, v6, proto, len, a[served], a[!served]);
	if (!v6)
		put(d + 4, seq / 1000, 2);
	if (what & 16)            /* ECN */
		d[1] |= v6 ? 0x20 : 2;
	if (what & 32)            /* expedited forwarding */
		d[v6 ? 0 : 1] |= v6 ? 0x0b : 0xb8;
	if (what & 64 && !v6)
		put(d + 6, 0x2000, 2);
	if (proto == IPPROTO_TCP) {
		tcphead(t, 1000 + flow % 16, to, seq, ack, n, kind == 2 ?
		    TcpSyn : kind == 5 && what & 128 ? TcpAck | TcpFin :
		    TcpAck, 500);
		memcpy(t + 20, kind == 2 ? syn : stamp, n);
	} else if (proto == IPPROTO_UDP) {
		udphead(t, served ? to : 1000 + flow % 16,
		    served ? 1000 + flow % 16 : to, len - l4);
	} else {
		t[0] = v6 ? 128 : 8;
	}
	finish(d, len);
	return len;
}

/* the peer */

static void
address(struct sockaddr_storage *ss, int link, int how)
{
	const Linkconf *c = &links[link];
	char *s = role == Client ? c->server : c->client;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in sin;

	if (parseaddr(s ? s : "192.0.2.7", role == Client || !keyfile ?
	    c->port : 4000, ss) == AF_INET && how == 3) {
		memcpy(&sin, ss, sizeof(sin));
		memset(ss, 0, sizeof(*ss));
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = sin.sin_port;
		memset(sin6->sin6_addr.s6_addr + 10, 0xff, 2);
		memcpy(sin6->sin6_addr.s6_addr + 12, &sin.sin_addr, 4);
	}
	if (how == 1)
		sin6->sin6_port = htons(4001);
	if (how == 2)
		parseaddr("198.51.100.9", 4000, ss);
	if (how == 4)
		memset(ss, 0, sizeof(*ss));
}

static int
sealedwith(const uint8_t *d, int len, uint8_t *key)
{
	static uint8_t c[GsoMax];

	if (len < SealLen || len > GsoMax || !(d[8] & FlagSealed) ||
	    (d[8] & 3 && len < SealLen + ShakeLen))
		return 0;
	memcpy(c, d, len);
	return openwith(c, len, key) >= 0;
}

/* the key of a hello or an answer; ours is the client's public key */
static uint8_t *
hellokey(int use, uint8_t *ours, uint8_t *theirs)
{
	static uint8_t key[KeyLen];

	memcpy(key, keys.master, KeyLen);
	derive(key, use, ours, theirs, 0);
	return key;
}

/* could be from the peer, of this session if that is asked */
static int
authentic(int link, const struct sockaddr_storage *from, const uint8_t *d,
    int len, int ofsession)
{
	struct sockaddr_storage right, is = *from;
	static uint8_t was[sizeof(peer)];
	uint8_t theirs[ShakeLen];
	uint64_t cookie;
	int ok;

	if (len < HdrLen)
		return 0;
	address(&right, link, 0);
	if ((!keyfile || role == Client) && !sameaddr(&right, &is) &&
	    !sameaddr(&bond[link].addr.peer, &is))
		return 0;
	if (!keyfile)
		return !(d[8] & FlagSealed);
	if ((peer.session.id && sealedwith(d, len, peer.session.keys.rx)) ||
	    (peer.old.cookie && sealedwith(d, len, peer.old.rx)) ||
	    (peer.proposed.id && sealedwith(d, len, peer.proposed.keys.rx)))
		return 1;
	if (ofsession || len < SealLen + ShakeLen)
		return 0;
	memcpy(theirs, d + HdrLen, ShakeLen);
	if (sealedwith(d, len, hellokey(UseHello, theirs, NULL)) ||
	    sealedwith(d, len, hellokey(UseAnswer, peer.hello.keys.public,
	    theirs)))
		return 1;
	cookie = get(theirs + KeyLen, CookieLen);
	if (role == Client || !peer.hello.id ||
	    cookie != answerid(theirs, KeyLen))
		return 0;
	memcpy(was, &peer, sizeof(peer));
	peer.curve = 0;
	ok = agree(theirs, cookie) == 0 &&
	    sealedwith(d, len, peer.proposed.keys.rx);
	memcpy(&peer, was, sizeof(peer));
	return ok;
}

/* the peer's public key, of a handshake */
static uint8_t *
peerpublic(void)
{
	static uint8_t secret[KeyLen] = { 1 }, base[KeyLen] = { 9 };
	static uint8_t public[KeyLen];
	static int made;

	if (!made++)
		x25519(public, secret, base);
	return public;
}

/* sealed by the peer, for a link */
static int
sealfor(int to, uint8_t *d, int len)
{
	sealto = to;
	return sealwith(d, len, peer.session.keys.rx);
}

/* no two datagrams under one key share their first 8 bytes; the same one may be
 * tried again */
static struct { uint8_t key[8]; uint64_t count, sum; } nonces[1 << 14];
static int nnonces;

static void
nonceonce(uint8_t *d, int len, const uint8_t *key)
{
	static uint8_t zeros[SecretLen];
	uint64_t count = get(d, 8), sum = siphash(zeros, d, len);
	unsigned at = count * 0x9e3779b1 >> 8, i;

	if (!keyfile || nnonces > LEN(nonces) / 2)
		return;
	for (i = 0; ; i++) {
		at = (at + 1) % LEN(nonces);
		if (!nonces[at].count)
			break;
		must(nonces[at].count != count || nonces[at].sum == sum ||
		    memcmp(nonces[at].key, key, 8), "a nonce twice");
	}
	nonces[at].count = count;
	nonces[at].sum = sum;
	memcpy(nonces[at].key, key, 8);
	nnonces++;
}

/* it is taken at once; nothing comes of it if it is not authentic */
static void
arrive(int link, int how, const uint8_t *d, int len)
{
	static Snapshot before, after;
	struct sockaddr_storage from;
	Link *l = &bond[link];
	uint64_t expected = rx.expected, epoch = peer.epoch, was;
	int ofpeer, ofsession;
	Pkt *p;

	address(&from, link, how);
	len = MIN(len, PktSize);
	ofpeer = authentic(link, &from, d, len, 0);
	ofsession = authentic(link, &from, d, len, 1);
	if (l->fd < 0 || !(p = pktalloc()))
		return;
	memcpy(p->buf, d, len);
	p->wire = p->buf;
	p->wirelen = len;
	p->time = now;
	snapshot(&before);
	p->from = &from;
	was = steps;
	datagram(l, p);
	most = MAX(most, steps - was);
	must(steps - was <= DatagramSteps, "a datagram takes too many steps");
	snapshot(&after);
	if (!ofpeer)
		must(!memcmp(&before, &after, sizeof(before)),
		    "a datagram of nobody changed something");
	if (!ofsession)
		must(before.tunout == after.tunout &&
		    !memcmp(before.state.gro, after.state.gro, sizeof(gro)) &&
		    (rx.expected == expected || peer.epoch != epoch),
		    "a datagram of no session was delivered");
	/* between turns there are none */
	groflushall();
}

/* it waits on the link's socket */
static void
incoming(int link, int how, const uint8_t *d, int len, int size)
{
	Dgram *g = &inbox[ninbox];

	parsers(d, len);
	if (ninbox == Inbox)
		return;
	g->link = link;
	g->size = size;
	g->len = len;
	g->d = exact(d, len);
	address(&g->from, link, how);
	ninbox++;
	peertx[link].pkts++;
	peertx[link].bytes += len;
}

static void
tunincoming(const uint8_t *d, int len)
{
	Dgram *g = &tunin[ntunin];

	if (ntunin == Inbox)
		return;
	g->len = len;
	g->d = exact(d, len);
	ntunin++;
}

/* one that tells the truth, as far as it is known */
static void
truebeat(Beat *b, int link)
{
	memset(b, 0, sizeof(*b));
	b->id = peer.session.peerid;
	b->peerid = peer.session.id;
	b->link = link;
	b->time = fakenow + peerclock;
	b->echo = peerhas[link].time;
	b->txpkts = peertx[link].pkts;
	b->txbytes = peertx[link].bytes;
	b->rxpkts = peerrx[link].pkts;
	b->rxbytes = peerrx[link].bytes;
	b->next = rx.known;
	b->prio = links[link].priority;
	b->up = links[link].up * 1000;
	b->down = links[link].down * 1000;
	b->format = Format;
	b->interval = hbinterval;
}

/* steps: each is called by a byte of the input */

static int
linkbyte(void)
{
	return byte() % Nlinks;
}

/* a turn */
static void
steptime(void)
{
	static const int us[] = {
		0, 100, 1000, 3000, 10000, 30000, 100000, 350000, 1000000,
		3500000, 12000000, 20000, 2000, 5000, 300, 60000
	};
	int b = byte();

	answered = (us[b & 15] + (b >> 4) * 7) * Us;
}

/* Write a record with a packet, which has to come that much after another of
 * its flow, if it is not 0. Returns its bytes. */
static int
putdata(uint8_t *d, uint64_t seq, int flags, int order, const uint8_t *ip,
    int len)
{
	uint8_t payload[OrderLen + MtuMax];

	if (!order)
		return putrec(d, seq, FlagData | flags, ip, len);
	put(payload, order, OrderLen);
	memcpy(payload + OrderLen, ip, len);
	return putrec(d, seq, FlagData | FlagOrder | flags, payload,
	    OrderLen + len);
}

/* a datagram of some records */
static void
steprecords(void)
{
	static uint8_t d[16 * PktSize], ip[MtuMax], block[MtuMax + 16];
	int to = linkbyte(), b = byte(), n, k, len, order, flags, at = 0;
	const uint8_t *payload;
	uint64_t seq;
	Beat beat;

	for (n = b % 8 + 1; n > 0 && at < PktSize; n--) {
		k = byte();
		seq = (k & 7) == 5 ? rx.replay[LaneBeat].last + 1 :
		    (k & 7) == 4 ? rx.replay[LaneControl].last + 1 :
		    k & 2 ? rx.expected : rx.known;
		seq = k & 8 ? wild(seq) : seq + n - 1;
		if ((k & 7) == 5) {
			truebeat(&beat, to);
			at += putbeat(d + at, seq, &beat);
			continue;
		}
		order = k & 64 ? byte() : 0;
		if (order & 128)
			order = wild(order & 127) & UINT16_MAX;
		len = byte();
		if (k & 16) {
			payload = some(&len);
			memcpy(ip, payload, len);
		} else {
			len = (k & 7) == 7 ? 0 : packet(ip, len * 6, byte(), k,
			    seq * 100, 1);
		}
		if (k & 128 && !(k & 16) && squeeze(block, ip, len))
			memcpy(ip, block, len = squeeze(block, ip, len));
		flags = (k & 32 ? FlagRepair : k & 1 ? FlagParity : 0) |
		    (k & 128 ? FlagCompressed : 0);
		at += (k & 7) == 4 ? putrec(d + at, seq, FlagControl, ip, len)
		    : putdata(d + at, seq, flags, order, ip, len);
	}
	at = MIN(at, PktSize - 100);
	at = sealfor(to, d, at);
	if (b & 8)
		arrive(to, 0, d, at);
	else
		incoming(to, 0, d, at, b & 16 ? at / 2 + 1 : 0);
}

static void
answer(int to, int64_t held, int lost)
{
	uint8_t d[PktSize];
	Beat b;
	int n;

	if (!peer.session.id)
		return;
	truebeat(&b, to);
	b.held = held;
	b.rxpkts -= MIN(b.rxpkts, (unsigned)lost);
	n = putbeat(d, rx.replay[LaneBeat].last + 1, &b);
	arrive(to, 0, d, sealfor(to, d, n));
}

/* the peer's heartbeat by one link, now and then late */
static void
stepanswer(void)
{
	int to = linkbyte(), b = byte();

	if (b & 64)
		peerclock += MS(b & 63);
	answer(to, b & 128 ? MS(b & 63) : 0, b & 15);
}

/* by all links */
static void
stepall(void)
{
	int i, lost = byte();

	for (i = 0; i < Nlinks; i++)
		if (!(lost & 128) || i != lost % Nlinks)
			answer(i, 0, lost & 7);
	answered = lost & 64 ? MS(100) : answered;
}

/* bytes as they are */
static void
stepraw(void)
{
	int to = linkbyte(), how = byte(), len;
	const uint8_t *d;

	len = how & 8 ? (int)bytes(2) % 4096 : byte();
	d = some(&len);
	parsers(d, len);
	if (how & 16 || !authentic(to, &bond[to].addr.peer, d, len, 0))
		arrive(to, how % 5, d, len);
	incoming(to, how % 5, d, len, how & 32 ? 100 : 0);
}

/* the same, sealed; without a key it is just complete */
static void
stepsealed(void)
{
	static uint8_t d[GsoMax];
	int to = linkbyte(), how = byte(), len;
	const uint8_t *payload;
	uint8_t *key;

	len = how & 8 ? (int)bytes(2) % 2048 : byte();
	payload = some(&len);
	memcpy(d, payload, len);
	len = MAX(len, HdrLen);
	if (how & 16)
		put(d + 9, len - HdrLen, 2);
	key = how & 64 ? peer.proposed.keys.rx : peer.session.keys.rx;
	sealto = to;
	len = how & 32 ? sealas(d, len, SealHello, hellokey(UseHello,
	    peerpublic(), NULL), peerpublic(), bytes(2)) :
	    sealwith(d, len, key);
	if (how & 128)
		incoming(to, how % 5, d, len, 0);
	else
		arrive(to, how % 5, d, len);
}

/* a heartbeat of a peer that may be mad; mask says what is wrong */
static void
stepbeat(void)
{
	static const struct { int at, n; } fields[] = { /* as in wire */
		{ HdrLen + 18, 8 }, { HdrLen + 26, 8 }, { HdrLen + 34, 4 },
		{ HdrLen + 54, 8 }, { HdrLen + 62, 8 }, { HdrLen + 70, 8 },
		{ HdrLen + 78, 2 }, { HdrLen + 80, 4 }, { HdrLen + 84, 4 },
		{ 0, 8 }
	};
	uint8_t d[PktSize], *at;
	int how = byte(), to = (how & 127) % Nlinks, mask = bytes(2), i, n;
	Beat b;

	truebeat(&b, to);
	b.hello = !!(mask & 8192);
	n = putbeat(d, rx.replay[LaneBeat].last + 1, &b);
	for (i = 0; i < LEN(fields); i++)
		if (mask & 1 << i) {
			at = d + fields[i].at;
			put(at, wild(get(at, fields[i].n)), fields[i].n);
		}
	if (how & 128) {           /* of another version */
		d[HdrLen + FormatAt] = byte();
		put(d + HdrLen + FormatAt + 1, wild(hbinterval), 2);
	}
	if (mask & 1024)
		d[HdrLen + 16] = byte();
	if (mask & 2048)
		put(d + HdrLen, wild(b.id), 8);
	if (mask & 4096)
		put(d + HdrLen + 8, wild(b.peerid), 8);
	n = mask & 16384 ? sealfor(wild(to) % 256, d, n) : sealfor(to, d, n);
	arrive(to, mask & 32768 ? byte() % 5 : 0, d, n);
}

/* Write what a report says of a link; how tells what of that is wrong. */
static int
reportentry(uint8_t *d, int link, int how)
{
	const Came *c = &peercame[link];
	uint64_t seq = c->seq, ago = (fakenow - c->time) / Us;
	uint64_t pkts = c->pkts, rxbytes = c->bytes;

	if (how & 1)
		seq = wild(seq);
	else if (how & 2)
		seq = bond[link].flight.first + byte() % 4;
	if (how & 4)
		link = byte();
	if (how & 8)
		ago = wild(0);
	if (how & 16)
		pkts = wild(pkts);
	if (how & 32)
		rxbytes = wild(rxbytes);
	return putcame(d, link, seq, ago, pkts, rxbytes);
}

/* a report of a peer that may be mad; mask says what is wrong */
static void
stepreport(void)
{
	uint8_t d[PktSize], *c, rec[PktSize];
	int to = byte(), mask = byte(), n = ReportHead, i, bits;
	uint64_t expected = tx.seq[LaneData];
	uint64_t us = (fakenow + peerclock) / Us, every = 15000;
	const uint8_t *b;

	if (mask & 1)
		expected = mask & 2 ? wild(expected) : tx.oldest + byte();
	else if (mask & 2)
		expected -= MIN(expected - 1, (unsigned)byte());
	if (mask & 4)
		us = wild(us);
	if (mask & 8)
		every = wild(every);
	putreport(d, expected, us, every, mask & 16 ? byte() : Nlinks);
	for (i = 0; i < d[21] && n + ReportLink < PktSize - HdrLen - 100;
	    i++)
		n += reportentry(d + n, i % Nlinks, mask & 32 ? byte() : 0);
	if (mask & 64) {
		bits = mask & 128 ? PktSize - HdrLen - 100 - n : byte();
		bits = CLAMP(bits, 0, PktSize - HdrLen - 100 - n);
		memset(d + n, 255, bits);
		if (!(mask & 128)) {
			i = bits;
			b = some(&i);
			memcpy(d + n, b, i);
		}
		n += bits;
	} else if (mask & 128) {
		n = ReportHead + byte() % (n - ReportHead + 1);
	}
	if (to & 128 && peer.session.id) {
		c = exact(d, n);
		reportpkt(c, n);
		free(c);
		checkcontrol();
		return;
	}
	n = putrec(rec, rx.replay[LaneControl].last + 1, FlagControl, d, n);
	arrive(to % Nlinks, 0, rec, sealfor(to, rec, n));
}

static void
stepbye(void)
{
	uint8_t d[PktSize], bye = CtlBye;
	int to = linkbyte(), n;

	n = putrec(d, rx.replay[LaneControl].last + 1, FlagControl, &bye, 1);
	arrive(to, 0, d, sealfor(to, d, n));
}

/* Some packets of which not all come, and a parity of them that may be wrong;
 * lost has a bit for each packet that is, mask tells what is wrong. */
static void
stepparity(void)
{
	static Pkt pkts[Window], made;
	static uint8_t d[PktSize];
	int to = linkbyte(), b = byte(), n = b % Window + 1, lost = bytes(2);
	int mask = byte(), size = byte() * 6, what = byte(), i, len;
	uint64_t seq = mask & 1 ? wild(rx.known) : rx.known;
	Pkt *list[Window], *p;

	for (i = 0; i < n; i++, seq += 1 + (b & 16 ? byte() : 0)) {
		list[i] = p = &pkts[i];
		p->data = p->buf + HdrLen + OrderLen;
		p->seq = seq;
		p->after = i && b & 32 ? 1 + (mask & 2 ? byte() : 0) : 0;
		p->len = packet(p->data, size + i * (b & 64), what, b & 128 ?
		    i : 5, i * 1000, 1);
		if (lost & 1 << i)
			continue;
		len = putdata(d, seq, FlagParity, p->after, p->data, p->len);
		arrive(to, 0, d, sealfor(to, d, len));
	}
	made.data = made.buf + HdrLen + OrderLen;
	parityencode(&made, list, n);
	len = made.wirelen;
	memcpy(d, made.wire, len);
	if (mask & 4)
		d[0] = byte();
	if (mask & 8)
		d[1 + byte() % 7] ^= byte();
	for (i = mask & 16 ? byte() % 8 : 0; i > 0; i--)
		d[HdrLen + (byte() | byte() << 8) % (len - HdrLen)] = byte();
	if (mask & 32) {
		len = HdrLen + wild(len - HdrLen) % (PktSize - HdrLen -
		    100);
		put(d + 9, len - HdrLen, 2);
	}
	if (mask & 64)
		d[8] ^= byte() & 0x0e;
	len = sealfor(to, d, len);
	arrive(to, 0, d, len);
	if (mask & 128)           /* what was lost comes, and that again */
		for (i = 0; i < n; i++) {
			len = putdata(d, list[i]->seq, FlagParity |
			    (i & 1 ? FlagRepair : 0), list[i]->after,
			    list[i]->data, list[i]->len);
			arrive(to, 0, d, sealfor(to, d, len));
		}
}

/* packets of one flow, each after the one before it: segments of TCP, that can
 * be joined, or UDP */
static void
stepstream(void)
{
	static uint8_t d[PktSize], ip[MtuMax];
	int to = linkbyte(), b = byte(), n = byte(), flow = byte();
	int size = byte(), odd = byte(), i, len, hdr;
	uint64_t seq = rx.known;
	uint32_t at = flow * 1000000;

	size = 100 + size * 5;
	for (i = 0; i < n && npackets < MaxPkts; i++, npackets++) {
		hdr = (b & 2 ? 60 : 40) + (b & 8 ? 12 : 0);
		len = packet(ip, odd && i % 16 == odd % 16 ? odd + hdr : size,
		    b & 64 ? 0 : (b & 8 ? 7 : 1) | (b & 2 ? 8 : 0), flow, at,
		    b & 4 ? i : 1);
		if (!(b & 2)) {   /* the identification goes up by one */
			put(ip + 4, i, 2);
			ipfinish(ip);
		}
		at += len - hdr;
		if (b & 16 && odd && i % 8 == odd % 8) {
			seq++;    /* one is lost */
			continue;
		}
		len = putdata(d, seq++, 0, i ? b & 1 : 0, ip, MIN(len,
		    MtuMax));
		incoming(b & 32 ? (to + i) % Nlinks : to, 0, d,
		    sealfor(to, d, len), 0);
	}
}

/* packets from the TUN, as a sender would make them */
static void
steptun(void)
{
	static uint8_t d[VnetLen + MtuMax + Extra];
	int what = byte(), flow = byte(), n = byte(), len = byte() * 6;
	int i, size, at, v, hdr = tun.hdr;

	at = what & 128 ? byte() : 0;
	v = what & 128 ? byte() : 0;
	for (i = 0; i <= n && npackets < MaxPkts; i++, npackets++) {
		memset(d, 0, hdr);
		size = packet(d + hdr, len, what, flow & 128 ? flow + i : flow,
		    i * len, i * 1400);
		if (what & 128)
			d[hdr + at] = v;
		tunincoming(d, size + hdr);
		if (i == 0)
			parsers(d + hdr, size);
	}
}

/* anything from it */
static void
steptunraw(void)
{
	static uint8_t d[VnetLen + GsoMax];
	int len = bytes(2), all, n;
	const uint8_t *payload;

	all = len & 0x8000 ? len & 0x7fff : 0;
	n = all ? 120 : len & 0x7ff;
	memset(d, 0x55, sizeof(d));
	payload = some(&n);
	memcpy(d, payload, n);
	n = MAX(n, all);
	n = MIN(n, tun.hdr ? VnetLen + GsoMax : MtuMax);
	if (n < 1 + tun.hdr)
		return;
	parsers(d + tun.hdr, n - tun.hdr);
	tunincoming(d, n);
}

/* a superpacket */
static void
stepsuper(void)
{
	static uint8_t d[VnetLen + GsoMax];
	uint8_t *ip = d + VnetLen;
	int what = byte(), flow = byte(), len = bytes(2), size = bytes(2);
	int hdr, v6 = what & 8, n, at, s;
	Vnet v = { 0 };

	if (!tun.hdr)
		return;
	hdr = packet(ip, 0, what & 0x7f, flow, flow << 16, 7);
	memset(ip + hdr, flow, sizeof(d) - VnetLen - hdr);
	len = CLAMP(len, hdr, GsoMax - 10);
	put(ip + (v6 ? 4 : 2), len - (v6 ? 40 : 0), 2);
	ipfinish(ip);
	v.flags = VnetPartial;
	v.type = ip[v6 ? 6 : 9] == IPPROTO_UDP ? GsoUdp : v6 ? GsoTcp6 :
	    GsoTcp4;
	v.hdrlen = hdr;
	v.size = size % 1460 + 1;
	v.start = v6 ? 40 : 20;
	v.offset = v.type == GsoUdp ? 6 : 16;
	s = pseudo(ip, len);
	put(ip + v.start + v.offset, s, 2);
	memcpy(d, &v, VnetLen);
	if (what & 128)
		for (n = byte() & 7; n > 0; n--) {
			at = byte();
			d[at] = byte();
		}
	parsers(ip, len);
	npackets += len / v.size;
	if (npackets < MaxPkts)
		tunincoming(d, VnetLen + len);
}

/* what the kernel refuses next, and how often */
static void
stepfault(void)
{
	static const int errors[] = {
		EAGAIN, ENOBUFS, EINTR, EMSGSIZE, ENODEV, ECONNREFUSED, EIO,
		EINVAL, EADDRNOTAVAIL, ENOSYS, EPERM, ENXIO
	};
	static const int mtus[] = { 576, 1280, 1420, 1500, 9000, 65535, 100 };
	int b = byte();

	injected.what = b % FailLast;
	injected.error = errors[byte() % LEN(errors)];
	injected.times = byte() & 31;
	/* the program tries these again for as long as it takes */
	if (injected.error == EINTR && injected.times > 3)
		injected.times = 3;
	if (b & 128)
		mtu = mtus[byte() % LEN(mtus)];
}

/* of the control socket */
static void
stepask(void)
{
	int b = byte();

	if (nasks == LEN(asks))
		return;
	asks[nasks].what = byte();
	asks[nasks].how = b & 7;
	asks[nasks].len = b & 8 ? b >> 6 : 1;
	asks[nasks].uid = b & 16 ? byte() - 1 : 0;
	asks[nasks].name = b & 32 ? byte() % sizeof(struct sockaddr_un) : 10;
	nasks++;
}

static void
stepsignal(void)
{
	int b = byte();

	if (b & 1)
		onsignal(SIGUSR1);
	if (b & 2)
		onsignal(SIGHUP);
	if ((b & 0x1c) == 0x1c)
		onsignal(SIGTERM);
	if ((b & 0x60) == 0x60)
		tungoing = 1;
	if ((b & 0x90) == 0x90)
		pollfails = 1;
}

/* hello, answer, first heartbeat; not all of it if the byte says so */
static void
stephandshake(void)
{
	uint8_t d[PktSize];
	int to = linkbyte(), b = byte(), n, server = role == Server;
	uint64_t id = UINT64_C(0x5111213141516170) + (b & 7);
	uint8_t *public = peerpublic();
	Beat m;

	truebeat(&m, to);
	m.id = id;
	m.peerid = !server ? peer.hello.id : b & 8 ? peer.session.id : 0;
	m.hello = !server ? HelloAnswer + (b >> 6 & 1) : b & 64 ? HelloRenew :
	    HelloNew;
	if (m.hello == HelloRenew && b & 8) {
		m.id = peer.session.peerid;
		m.peerid = server ? peer.session.id : peer.hello.id;
	}
	n = putbeat(d, 1, &m);
	sealto = to;
	n = sealas(d, n, server ? SealHello : SealAnswer, server ?
	    hellokey(UseHello, public, NULL) : hellokey(UseAnswer,
	    peer.hello.keys.public, public), public, id);
	if (!(b & 16))
		arrive(to, 0, d, n);
	if (b & 32)
		return;
	m.hello = 0;
	m.echo = 0;
	m.next = 1;
	if (m.id == id)
		m.peerid = !server ? peer.proposed.id : keyfile ?
		    answerid(public, KeyLen) : plainid(id);
	if (server && keyfile && peer.hello.id)
		agree(public, answerid(public, KeyLen));
	n = putbeat(d, b & 8 ? rx.replay[LaneBeat].last + 1 : 1, &m);
	n = sealas(d, n, server ? SealConfirm : SealSession,
	    peer.proposed.keys.rx, public, answerid(public, KeyLen));
	arrive(to, 0, d, n);
}

/* the kernel */

void
fake_exit(int status)
{
	must(status != 0, "exit");
	must(mayexit, "died");
	longjmp(dead, 1);
}

static int
fails(int what)
{
	if (injected.what != what || injected.times <= 0)
		return 0;
	injected.times--;
	errno = injected.error;
	return 1;
}

int
fake_clock_gettime(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	ts->tv_sec = fakenow / Second;
	ts->tv_nsec = fakenow % Second;
	return 0;
}

int
fake_getrandom(void *d, size_t n)
{
	fakerandoms = fakerandoms * UINT64_C(6364136223846793005) + 1442695041;
	memcpy(d, &fakerandoms, n);
	return n;
}

static int
isopen(int fd)
{
	return fd >= FdFirst && fd < FdFirst + Nfds && fds[fd - FdFirst];
}

static int
fdnew(void)
{
	int i;

	for (i = 0; i < Nfds; i++)
		if (!fds[i]) {
			fds[i] = 1;
			return FdFirst + i;
		}
	must(0, "no descriptor is free");
	return -1;
}

int
fake_open(const char *path)
{
	int fd = fdnew();

	if (strcmp(path, "/dev/net/tun"))
		fds[fd - FdFirst] = 2;
	return fd;
}

int
fake_fstat(int fd, struct stat *st)
{
	(void)fd;
	memset(st, 0, sizeof(*st));
	st->st_mode = keymode;
	return 0;
}

int
fake_close(int fd)
{
	if (fd < 0)
		return -1;
	must(isopen(fd), "close of what is not open");
	fds[(unsigned)(fd - FdFirst) % Nfds] = 0;
	return 0;
}

/* the key file, or the next packet from the TUN */
int
fake_read(int fd, void *d, size_t n)
{
	Dgram g = tunin[0];
	int len;

	if (isopen(fd) && fds[fd - FdFirst] == 2) {
		len = MIN((int)n, keylen);
		memcpy(d, keytext, len);
		return len;
	}
	if (fails(FailRead))
		return -1;
	if (ntunin == 0) {
		errno = EAGAIN;
		return -1;
	}
	memmove(tunin, tunin + 1, --ntunin * sizeof(tunin[0]));
	len = MIN((int)n, g.len);
	memcpy(d, g.d, len);
	free(g.d);
	return len;
}

int
fake_write(int fd, const void *data, size_t n)
{
	const uint8_t *d = data;
	uint8_t *c;
	int i;

	if (fd == 2 && begun) {
		if (fakenow - linesince >= Second)
			nlines = 0;
		linesince = nlines ? linesince : fakenow;
		must(++nlines <= MaxLines, "too many lines in the log");
	}
	if (fd == 1 || fd == 2)
		return n;
	must(fd == tun.fd && isopen(fd), "write to nothing");
	must((int)n >= tun.hdr && n <= VnetLen + MtuMax + HdrLen,
	    "write to the TUN");
	for (i = 0; i < tun.hdr; i++)
		must(d[i] == 0, "header of a packet");
	tunout++;
	c = exact(d, n);          /* reads it all */
	free(c);
	return fails(FailWrite) ? -1 : (int)n;
}

/* a superpacket, which must be sound */
int
fake_writev(int fd, const struct iovec *iov, int n)
{
	const uint8_t *h = iov[0].iov_base, *d = h + VnetLen;
	int i, v6, hdr = iov[0].iov_len - VnetLen, len = hdr;
	Vnet v;

	must(fd == tun.fd && tun.hdr == VnetLen, "writev");
	memcpy(&v, h, VnetLen);
	v6 = d[0] >> 4 == 6;
	must(v.flags == VnetPartial && v.type == (v6 ? GsoTcp6 : GsoTcp4) &&
	    v.hdrlen == hdr && v.start == (v6 ? 40 : 20) && v.offset == 16,
	    "header of a superpacket");
	must(n > 2 && n <= 1 + SegMax, "packets in a superpacket");
	for (i = 1; i < n; i++) {
		len += iov[i].iov_len;
		must(iov[i].iov_len == v.size || (i == n - 1 &&
		    iov[i].iov_len > 0 && iov[i].iov_len < v.size),
		    "sizes in a superpacket");
		free(exact(iov[i].iov_base, iov[i].iov_len));
	}
	must(len <= GsoMax && get((uint8_t *)d + (v6 ? 4 : 2), 2) ==
	    (uint64_t)(len - (v6 ? 40 : 0)), "length of a superpacket");
	must(v6 || ipsum(d) == 0xffff, "IP checksum");
	must((int)get((uint8_t *)d + v.start + 16, 2) ==
	    pseudo(d, len), "TCP checksum");
	tunout++;
	return fails(FailWritev) ? -1 : len;
}

int
fake_ioctl(int fd, unsigned long what, void *arg)
{
	must(isopen(fd), "ioctl");
	if ((unsigned)what == (unsigned)TUNGETFEATURES)
		memcpy(arg, &features, sizeof(features));
	if (what == SIOCGIFMTU)
		((struct ifreq *)arg)->ifr_mtu = mtu;
	return begun && fails(FailIoctl) ? -1 : 0;
}

int
fake_socket(int family)
{
	(void)family;
	return begun && fails(FailSocket) ? -1 : fdnew();
}

int
fake_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	(void)sa;
	must(isopen(fd) && len >= sizeof(sa_family_t), "bind");
	return begun && fails(FailBind) ? -1 : 0;
}

int
fake_connect(int fd, const struct sockaddr *sa)
{
	(void)sa;
	must(isopen(fd), "connect");
	return begun && fails(FailConnect) ? -1 : 0;
}

int
fake_setsockopt(int fd, int level, int name, const void *value)
{
	(void)level;
	(void)name;
	must(value != NULL, "value of an option");
	must(isopen(fd), "setsockopt");
	return 0;
}

int
fake_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	(void)fd;
	(void)level;
	(void)name;
	must(*len == sizeof(mtu), "getsockopt");
	memcpy(value, &mtu, sizeof(mtu));
	return 0;
}

/* those with an x are not there, of which -t complains */
int
fake_if_nametoindex(const char *s)
{
	missing |= s[0] == 'x';
	return s[0] != 'x';
}

static Link *
linkof(int fd)
{
	Link *l;

	for (l = bond; l; l = l->next)
		if (l->fd == fd && fd >= 0)
			return l;
	must(0, "a socket of no link");
	return NULL;
}

/* A packet names one of its flow that was sent before, if that is kept. */
static void
checkorder(const Rec *r, uint8_t *d)
{
	uint64_t order = get(d, OrderLen), before = r->seq - order;

	must(order > 0 && before > 0 && before < r->seq, "order of a packet");
	if (before >= tx.oldest)
		must(sentof(before)->p->flow == sentof(r->seq)->p->flow,
		    "a packet waits for one of another flow");
}

/* what is sent compressed is a packet */
static void
checkblock(const Rec *r, uint8_t *d)
{
	int n, order = r->flags & FlagOrder ? OrderLen : 0;
	uint8_t o[MtuMax];
	Ip ip;

	n = unsqueeze(o, sizeof(o), d + order, r->len - order);
	must(n > 0 && ipparse(o, n, &ip) == 0, "a block sent");
}

/* Returns a * b in GF(256), bit by bit. */
static int
gfproduct(int a, int b)
{
	int v = 0;

	for (; b; b >>= 1) {
		v ^= b & 1 ? a : 0;
		a = a << 1 ^ (a & 0x80 ? 0x11d : 0);
	}
	return v;
}

/* A parity is the sum of packets as they were sent, as long as these are
 * kept. */
static void
checkparity(const Rec *r, uint8_t *d)
{
	static uint8_t sum[OrderLen + PktSize], table[256];
	int n = r->seq >> 56 & 127, listed = r->seq >> 63, i, k, len;
	uint64_t last = r->seq << 8 >> 8, seq = last;
	const Pkt *p;

	memset(sum, 0, sizeof(sum));
	i = r->flags & FlagOrder ? 0 : OrderLen;
	memcpy(sum + i, d, r->len);
	len = i + r->len - 2 * (n - 1) * listed;
	must(n >= 1 && n <= Window && len > OrderLen, "length of a parity");
	for (i = 0; i < n; i++) {
		if (i)
			seq -= listed ? get(sum + len + 2 * (i - 1), 2) : 1;
		if (seq < tx.oldest || seq > last)
			return;
		p = sentof(seq)->p;
		must(p->covered && p->len <= len - OrderLen,
		    "a parity of what it does not cover");
		for (k = 0; k < 256; k++)
			table[k] = gfproduct(k, coefficient(last, seq, n));
		sum[0] ^= table[p->after >> 8];
		sum[1] ^= table[p->after & 255];
		for (k = 0; k < p->len; k++)
			sum[OrderLen + k] ^= table[p->data[k]];
	}
	for (i = 0; i < len; i++)
		must(!sum[i], "a parity of other packets");
}

/* A report names no more than what the peer has sent, and takes no more bytes
 * than it has to. */
static void
checkreport(uint8_t *d, int len)
{
	int at = ReportHead + d[21] * ReportLink;
	uint64_t seq = get(d + 1, 8);

	must(len <= ReportMax && at <= len, "length of a report");
	must(at == len || d[len - 1] > 0, "zeros at the end of a report");
	for (; at < len; at++, seq += 8)
		if (!d[at]) {
			must(at + 2 < len && d[++at] > 0, "zeros in a report");
			seq += 8 * (d[at] - 1);
			must(d[at + 1] > 0 || d[at] == 255, "zeros twice");
		}
	must(seq < rx.known + 8, "a report of what was not sent");
}

/* what a link carries is well-formed and has the right tag */
static int
sentby1(Link *l, const uint8_t *data, int len)
{
	int i = l - bond, at, n, end;
	Came *c = &peercame[i];
	uint8_t *d, *key;
	Beat b;
	Rec r;

	if (fails(FailSend))
		return -1;
	if (len + (l->addr.v6 ? 48 : 28) > mtu) {
		errno = EMSGSIZE;
		return -1;
	}
	linkout++;
	d = exact(data, len);
	must(len <= PktSize && len >= HdrLen, "length of a datagram");
	key = d[8] == (FlagSealed | SealSession) ? peer.session.keys.tx :
	    d[8] == (FlagSealed | SealConfirm) ? peer.proposed.keys.tx :
	    peer.hello.keys.tx;
	nonceonce(d, len, key);
	end = openwith(d, len, key);
	must(end >= HdrLen, "key of a datagram");
	for (at = 0; at < end; at += n) {
		n = decode(d + at, end - at, &r);
		must(n > 0, "a record sent");
		if (r.flags & FlagCompressed)
			checkblock(&r, d + at + HdrLen);
		if (!(r.flags & FlagKind))
			checkparity(&r, d + at + HdrLen);
		else if (r.flags & FlagOrder)
			checkorder(&r, d + at + HdrLen);
		if (r.flags & FlagControl && d[at + HdrLen] == CtlReport)
			checkreport(d + at + HdrLen, r.len);
		if (r.flags & FlagBeat) {
			must(at == 0 && beatdecode(d + HdrLen, r.len, &b) == 0
			    && b.link == i && b.time == now, "heartbeat sent");
			if (!b.hello)
				peerhas[i] = b;
		}
		if ((r.flags & (FlagData | FlagRepair)) == FlagData)
			*c = (Came){ r.seq, peerrx[i].pkts + 1,
			    peerrx[i].bytes + len, now };
	}
	free(d);
	peerrx[i].pkts++;
	peerrx[i].bytes += len;
	return 0;
}

int
fake_sendto(int fd, const void *d, size_t n, const void *to, socklen_t tolen)
{
	char *s;

	if (fd == rtnetlink) {
		rtasked = fake_rttype(d);
		return fails(FailCtl) ? -1 : (int)n;
	}
	if (fd != ctl.fd)
		return sentby1(linkof(fd), d, n) < 0 ? -1 : (int)n;
	s = (char *)exact(d, n);
	must(n > 0 && n < TextSize && s[n - 1] == '\n' && !memchr(s, 0, n),
	    "answer to a request");
	must(to && (int)tolen == asks[asking - 1].name, "asked by another");
	must(asks[asking - 1].uid == 0 && asks[asking - 1].how < 4,
	    "answered to others");
	must(fakenow - toldat >= MS(10), "answers too often");
	toldat = fakenow;
	free(s);
	return fails(FailCtl) ? -1 : (int)n;
}

static int
sendmessage(int fd, struct msghdr *m)
{
	Link *l = linkof(fd);
	struct cmsghdr *c;
	size_t i, all = 0;
	uint16_t size;

	must(role == Client || m->msg_name == &l->addr.peer, "to whom it is sent");
	must(m->msg_iovlen > 0 && m->msg_iovlen <= SegMax, "segments");
	if (m->msg_iovlen > 1) {
		must(offload[OffUdpSegment] == Running, "segments without it");
		c = CMSG_FIRSTHDR(m);
		must(c && c->cmsg_type == UDP_SEGMENT, "segment size");
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		for (i = 0; i < m->msg_iovlen; i++) {
			all += m->msg_iov[i].iov_len;
			must(m->msg_iov[i].iov_len == size ||
			    (i == m->msg_iovlen - 1 &&
			    m->msg_iov[i].iov_len <= size), "segments' sizes");
		}
		must(all <= GsoMax - 28, "segments of too many bytes");
	}
	for (i = 0; i < m->msg_iovlen; i++)
		if (sentby1(l, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len)
		    < 0)
			return -1;
	return 0;
}

/* how many messages the kernel handles in a call */
static int
batch(int n)
{
	return like & IsSingle || fails(FailBatch) ? 1 : n;
}

int
fake_sendmmsg(int fd, struct mmsghdr *mm, int n)
{
	int i;

	must(n > 0 && n <= Batch, "messages");
	n = batch(n);
	for (i = 0; i < n; i++)
		if (sendmessage(fd, &mm[i].msg_hdr) < 0)
			return i > 0 ? i : -1;
	return n;
}

/* of a link */
static int
linknext(const Link *l, struct msghdr *m)
{
	struct cmsghdr *c;
	Dgram g;
	int i, len;

	for (i = 0; i < ninbox && inbox[i].link != l - bond; i++)
		;
	if (i == ninbox || fails(FailRecv)) {
		errno = EAGAIN;
		return -1;
	}
	g = inbox[i];
	memmove(inbox + i, inbox + i + 1, (--ninbox - i) * sizeof(inbox[0]));
	len = MIN(g.len, (int)m->msg_iov->iov_len);
	if (len > 0)
		memcpy(m->msg_iov->iov_base, g.d, len);
	m->msg_flags = len < g.len ? MSG_TRUNC : 0;
	memcpy(m->msg_name, &g.from, sizeof(g.from));
	m->msg_namelen = sizeof(g.from);
	if (m->msg_control && g.size > 0) {
		c = CMSG_FIRSTHDR(m);
		c->cmsg_level = IPPROTO_UDP;
		c->cmsg_type = UDP_GRO;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &g.size, sizeof(int));
		m->msg_controllen = CMSG_SPACE(sizeof(int));
	} else {
		m->msg_controllen = 0;
	}
	free(g.d);
	return len;
}

int
fake_recvmmsg(int fd, struct mmsghdr *mm, int n)
{
	const Link *l = linkof(fd);
	int i, len;

	n = batch(n);
	for (i = 0; i < n; i++) {
		if ((len = linknext(l, &mm[i].msg_hdr)) < 0)
			return i > 0 ? i : -1;
		mm[i].msg_len = len;
	}
	return i;
}

/* of the control socket and of rtnetlink, which may be cut short */
int
fake_recvmsg(int fd, struct msghdr *m)
{
	struct ucred cred = { 1, 0, 0 };
	struct cmsghdr *c;
	int a = asking;

	if (fd == rtnetlink)
		return fails(FailRecv) ? injected.times : fake_rtnetlink(
		    m->msg_iov->iov_base, rtasked, 1);
	must(fd == ctl.fd, "recvmsg");
	if (a == nasks) {
		errno = EAGAIN;
		return -1;
	}
	asking++;
	*(uint8_t *)m->msg_iov->iov_base = asks[a].what;
	memset(m->msg_name, 0, asks[a].name);
	m->msg_namelen = asks[a].name;
	m->msg_flags = 0;
	cred.uid = asks[a].uid;
	if (asks[a].how >= 4) {   /* nothing is said of who asks */
		m->msg_controllen = 0;
		return asks[a].len;
	}
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(cred));
	memcpy(CMSG_DATA(c), &cred, sizeof(cred));
	return asks[a].len;
}

/* memory that stays, but is as new. Behind each packet is what nobody may
 * touch, if the compiler knows how. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
void __asan_poison_memory_region(void const volatile *, size_t);
#endif

void *
fake_mmap(size_t n)
{
	static struct { void *d; size_t all; } areas[7];
	static int turns;
	int i = turns++ % LEN(areas), pkts = n == pool.size * sizeof(Pkt);

	if (areas[i].all != n) {
		must(areas[i].all == 0, "sizes change");
		areas[i].d = calloc(1, n);
		areas[i].all = n;
		must(areas[i].d != NULL, "calloc");
#ifdef __SANITIZE_ADDRESS__
		if (pkts && sizeof(Pkt) > offsetof(Pkt, buf) + PktSize)
			for (n = 0; n < (size_t)pool.size; n++)
				__asan_poison_memory_region(((Pkt *)areas[i].d)
				    [n].buf + PktSize, sizeof(Pkt) -
				    offsetof(Pkt, buf) - PktSize);
#endif
		return areas[i].d;
	}
	if (!pkts)
		memset(areas[i].d, 0, areas[i].all);
	return areas[i].d;
}

/* a session that runs, as if it had for a while */
static void
sessionbegin(int conf)
{
	static Session s;
	Link *l;
	int i;

	begun = 1;
	if (conf & ConfPool)
		pool.size /= 8;
	if (like & IsNew)
		return;
	s.id = UINT64_C(0x0102030405060708);
	s.peerid = UINT64_C(0x1112131415161718);
	s.beats = 1;
	memset(s.keys.tx, 0x40, KeyLen);
	memset(s.keys.rx, 0x80, KeyLen);
	s.keys.cookie = 1;
	newsession(&s);
	for (i = 0; i < Nlinks; i++) {
		l = &bond[i];
		if (conf & ConfOne && i > 0)
			continue;
		l->state = conf & ConfDown && i > 1 ? LinkDown : LinkUp;
		l->delay.srtt = i == 0 ? MS(20) : MS(80);
		l->delay.rttvar = MS(1);
		l->delay.rtt = l->delay.srtt;
		delayput(&l->delay, l->delay.srtt / 2);
		l->score = score(l->prio, l->delay.srtt, 0, 0);
		address(&l->addr.peer, i, 0);
		l->addr.peerlen = sizeof(l->addr.peer);
		l->heard.came = l->echo.came = now;
		l->heard.begun = 1;
		l->beats.last = now;
		l->heard.in.time = now - l->delay.srtt / 2;
		l->echo.good = l->echo.wasup = 1;
		ratebound(l);
		windowset(l);
	}
	loop.nextbeat = 0;
	surveylinks();
}

/* the heart: what happens before the next turn */
int
fake_ppoll(struct pollfd *pfd, int n, const struct timespec *ts)
{
	static int conf;
	int64_t ns;
	int i;

	if (!pfd)
		return 0;
	if (n == 1) {             /* is there somebody to report to? */
		pfd->revents = POLLOUT;
		return 1;
	}
	must(n == PfdLink + loop.links && ts->tv_sec >= 0 && ts->tv_nsec >= 0 &&
	    ts->tv_sec <= 4000 && ts->tv_nsec < 1000000000, "timeout");
	ns = ts->tv_sec * Second + (ts->tv_nsec + Us - 1) / Us * Us;
	if (!begun) {
		conf = isconf ? 0 : in[1 % MAX(inlen, 1)];
		sessionbegin(conf);
	}
	checkturn();
	answered = -1;
	must(asking == nasks || pfd[PfdCtl].fd >= 0 || ns <= MS(10),
	    "who asks waits too long");
	if (asking == nasks)
		asking = nasks = 0;
	while (!isconf && answered < 0 && inat < inlen &&
	    nsteps++ < MaxSteps)
		actions[byte() & 15]();
	fakenow += answered >= 0 ? answered : MIN(ns, Second);
	if (answered < 0 && (inat >= inlen || nsteps >= MaxSteps)) {
		fakenow += MS(3);
		if (++ending > 6)
			loop.stop = 1;
	}
	for (i = 0; i < Nlinks; i++)
		pfd[PfdLink + i].revents = 0;
	for (i = 0; i < ninbox; i++)
		if (bond[inbox[i].link].fd >= 0)
			pfd[PfdLink + inbox[i].link].revents = POLLIN;
	pfd[PfdTun].revents = (ntunin ? POLLIN : 0) | (tungoing ? POLLERR : 0);
	pfd[PfdCtl].revents = asking < nasks && pfd[PfdCtl].fd >= 0 ?
	    POLLIN : 0;
	errno = EINVAL;
	return pollfails ? -1 : 1;
}

/* one input */

/* the variables as main() finds them */
static void
anew(void)
{
	static State fresh;
	static int saved;
	int i;

	if (!saved++)
		statesave(&fresh);
	for (i = 0; i < pool.used; i++)
		memset(&pool.pkts[i], 0, offsetof(Pkt, buf) + PktSize);
	staterestore(&fresh);
	if (nnonces)
		memset(nonces, 0, sizeof(nonces));
	nnonces = 0;
	memset(fds, 0, sizeof(fds));
	fakenow = 1000 * Second;
	begun = ending = 0;
}

static void
reset(void)
{
	int i;

	if (!linkswas[0].port) {
		memcpy(linkswas, links, sizeof(links));
		memcpy(trafficwas, traffic, sizeof(traffic));
		for (i = 0; i < LEN(settings); i++)
			settingswas[i] = *settings[i].value;
		tundevwas = tundev;
		clientaddrwas = clientaddr;
		serveraddrwas = serveraddr;
	}
	memcpy(links, linkswas, sizeof(links));
	memcpy(traffic, trafficwas, sizeof(traffic));
	for (i = 0; i < LEN(settings); i++)
		*settings[i].value = settingswas[i];
	queuepkts = keeppkts = reorderpkts = Queued;
	tundev = tundevwas;
	clientaddr = clientaddrwas;
	serveraddr = serveraddrwas;
	keyfile = chrootdir = lannets = NULL;

	anew();
	while (ninbox > 0)
		free(inbox[--ninbox].d);
	while (ntunin > 0)
		free(tunin[--ntunin].d);
	memset(&injected, 0, sizeof(injected));
	memset(peerhas, 0, sizeof(peerhas));
	memset(peerrx, 0, sizeof(peerrx));
	memset(peertx, 0, sizeof(peertx));
	memset(peercame, 0, sizeof(peercame));
	peerclock = 7 * Second;
	fakerandoms = 1;
	memcpy(keytext, "000102030405060708090a0b0c0d0e0f"
	    "101112131415161718191a1b1c1d1e1f\n", 65);
	keylen = 65;
	keymode = 0600;
	mtu = 1420;
	features = IFF_VNET_HDR | IFF_BACKPRESSURE;
	nsteps = npackets = tungoing = pollfails = 0;
	toldat = 0;
	nasks = asking = mayexit = isconf = missing = 0;
	tunout = linkout = nlines = 0;
}

static void
configure(int conf)
{
	static char *v6[] = { "fd00::1", "fd00::2", "fd01::1", "fd01::2" };
	int i;

	keyfile = like & IsKeyed ? "key" : NULL;
	tunsegment = !!(like & IsSuper);
	udpgro = !!(like & IsGro);
	udpsegment = !!(like & IsSegment);
	compress = 0;
	parity = conf & ConfCopies ? 2 : !(conf & ConfNone);
	switch (conf % ConfLast) {
	case ConfWeights:
		for (i = 0; i < 4; i++)
			*settings[i].value = settings[i].max;
		traffic[LEN(traffic) - 2].class = Bulk; /* TCP */
		break;
	case ConfQuick:
		hbinterval = 20;
		reorderms = 10;
		expresscopies = 0;
		break;
	case ConfLoad:
		satpercent = 10;
		losspercent = 1;
		linkoverhead = 500;
		compress = 1000000;
		break;
	case ConfRates:
		for (i = 0; i < Nlinks; i++)
			links[i].up = links[i].down = 0;
		break;
	case ConfAny:
		keyfile = "key";
		for (i = 0; i < Nlinks; i++) {
			links[i].client = NULL;
			links[i].server = like & IsServer ? NULL :
			    links[i].server;
			links[i].device = NULL;
		}
		break;
	case ConfV6:
		for (i = 0; i < Nlinks; i++) {
			links[i].client = v6[i & 1];
			links[i].server = v6[2 + (i & 1)];
		}
		clientaddr = "10.0.0.1/24 fd09::1/64";
		break;
	case ConfMtu:
		mtu = 576;
		break;
	}
}

static int
start(char *options, char *more)
{
	char *argv[] = { "udpbond", options, more, NULL };

	if (setjmp(dead))
		return -1;
	return udpbond_main(2 + (more != NULL), argv);
}

static void
packets(void (*const *table)(void))
{
	int conf, r;

	like = byte();
	conf = byte();
	configure(conf);
	actions = table;
	r = start(like & IsServer ? "-s" : "-c",
	    like & IsQuiet ? "-qm0" : NULL);
	must(r == 0 || (r == 1 && (tungoing || pollfails)), "ended badly");
	checkend();
}

/* the key file's text, read anew */
static int
keygood(void)
{
	static const char hex[] = "0123456789abcdef";
	const char *h;
	int i, c, key = 0;

	if (keymode & 077)
		return 0;
	for (i = 0; i < 2 * KeyLen; i++) {
		c = i < keylen ? keytext[i] : 0;
		h = memchr(hex, c >= 'A' && c <= 'F' ? c + 32 : c, 16);
		if (!h)
			return 0;
		key = (key & 15) << 4 | (h - hex);
		if (i & 1 && keys.master[i / 2] != key)
			return 0;
	}
	return keylen == 64 || (keylen == 65 && keytext[64] == '\n');
}

/* a line of a configuration: name and value, - for NULL */
static void
configline(char *name, char *value)
{
	char *s = strcmp(value, "-") ? value : NULL;
	int i, n = strlen(name), number = n ? name[n - 1] - '0' : -1;
	Linkconf *c;

	for (i = 0; i < LEN(settings); i++)
		if (!strcmp(name, settings[i].name))
			*settings[i].value = strtol(value, NULL, 0);
	if (!strcmp(name, "tundev"))
		tundev = value;
	else if (!strcmp(name, "clientaddr"))
		clientaddr = value;
	else if (!strcmp(name, "serveraddr"))
		serveraddr = value;
	else if (!strcmp(name, "keyfile"))
		keyfile = s;
	else if (!strcmp(name, "mode"))
		keymode = strtol(value, NULL, 8);
	if (number < 0 || number >= Nlinks)
		return;
	c = &links[number];
	name[n - 1] = '\0';
	if (!strcmp(name, "device"))
		c->device = s;
	else if (!strcmp(name, "client"))
		c->client = s;
	else if (!strcmp(name, "server"))
		c->server = s;
	else if (!strcmp(name, "port"))
		c->port = strtol(value, NULL, 0);
	else if (!strcmp(name, "priority"))
		c->priority = strtol(value, NULL, 0);
	else if (!strcmp(name, "up"))
		c->up = strtod(value, NULL);
	else if (!strcmp(name, "down"))
		c->down = strtod(value, NULL);
}

/* udpbond -t says the same as the start */
static void
config(void)
{
	static char *both[] = { "-c", "-s" }, text[MaxInput + 1];
	char *line, *end, *value;
	int i, said, isgood, r;

	memcpy(text, in, inlen);
	text[inlen] = '\0';
	isconf = mayexit = 1;
	like = 0;
	for (line = text; line < text + inlen; line = end + 1) {
		if (!strncmp(line, "key ", 4)) {
			keyfile = "key";
			keylen = MIN(text + inlen - line - 4,
			    (int)sizeof(keytext));
			memcpy(keytext, line + 4, keylen);
			break;
		}
		end = line + strcspn(line, "\n");
		*end = '\0';
		if (!(value = strchr(line, ' ')))
			continue;
		*value++ = '\0';
		configline(line, value);
	}
	inat = inlen;
	fakechild = 1; /* which is none, so no command runs */
	start("-t", NULL);
	for (i = 0; i < 2; i++) {
		anew();
		fakechild = 1;
		said = start("-t", both[i]);
		fakechild = 0;
		isgood = keyfile == NULL || keygood();
		must(said != 0 || isgood, "a key file that is none");
		anew();
		/* memory of all sizes is another matter */
		if (said == 0 || missing)
			queuepkts = keeppkts = reorderpkts = Queued;
		r = start(both[i], "-m1");
		must(said == 0 ? r == 0 : r != 0 || missing,
		    "-t and the start do not agree");
		if (r == 0)
			checkend();
	}
}

/* a packet of this seq, the same in each call */
static Pkt *
covered(uint64_t seq)
{
	Pkt *p = pktalloc();
	int i;

	must(p != NULL, "the pool is empty");
	p->seq = seq;
	p->after = seq % 7;
	p->len = 20 + seq * 611 % (MtuMax - 19);
	for (i = 0; i < p->len; i++)
		p->data[i] = seq * 29 + i * i;
	unhex("4500 0000 0000 4000 4011 0000 0a00 0001 0a00 0002", p->data);
	put(p->data + 2, p->len, 2);
	return p;
}

/* Nothing is found that had come; unless bad, all is found as it was. */
static void
checkfound(Queue *found, int bad)
{
	Pkt *p, *q;
	int i, n;

	while ((p = queueget(found))) {
		for (i = n = 0; i < Columns; i++)
			n += coded.pkts[i] == p;
		must(n == 1, "what is found has a column");
		must(p->len >= 20 && p->len <= MtuMax, "length");
		q = covered(p->seq);
		must(bad || (p->len == q->len && p->after == q->after &&
		    !memcmp(p->data, q->data, p->len)), "another packet");
		pktfree(q);
		pktfree(p);
	}
	checkcoded();
	must(poolsound(), "references of a packet");
}

/* a seq, near to those before */
static uint64_t
nearby(void)
{
	static const uint64_t from[] = {
		300, UINT32_MAX, (UINT64_C(1) << 56) - 999999
	};

	return from[like % LEN(from)] + byte();
}

static void
parities(void)
{
	uint64_t seqs[Window];
	Queue found = { 0 };
	Pkt *pkts[Window], *p;
	const uint8_t *s;
	int i, n, bad = 0, step;

	memory();
	like = byte();
	while (inat < inlen) {
		switch ((step = byte()) % 8) {
		case 0:           /* as it is */
			p = pktalloc();
			p->seq = nearby();
			p->after = p->seq & 255;
			n = byte();
			p->seq |= (uint64_t)n << 56;
			s = some(&n);
			p->data = exact(s, n);
			p->len = n;
			parityadd(p, &found);
			free(p->data);
			pktfree(p);
			bad = 1;
			break;
		case 1:           /* a packet, of any length */
			p = covered(nearby());
			n = bytes(2) % (MtuMax + 1);
			p->len = n;
			bad = 1;
			parityknow(p, &found);
			pktfree(p);
			break;
		case 2:
			if (step < 32) {
				parityreset();
				bad = 0;
			}
			break;
		case 3:
		case 4:           /* a parity, damaged in some steps */
			seqs[0] = nearby();
			for (n = 1; n <= step >> 4; n++)
				seqs[n] = seqs[n - 1] + 1 + byte() % 20 *
				    (step & 8 ? 20 : 1);
			for (i = 0; i < n; i++)
				pkts[i] = covered(seqs[i]);
			p = pktalloc();
			parityencode(p, pkts, n);
			if (step % 8 == 4 && byte() % 16 == 0) {
				p->data[bytes(2) % p->len] ^= byte();
				bad = 1;
			}
			must(parityadd(p, &found) == 0 || bad,
			    "a parity is refused");
			pktfree(p);
			while (n > 0)
				pktfree(pkts[--n]);
			break;
		default:
			p = covered(nearby());
			parityknow(p, &found);
			pktfree(p);
		}
		checkfound(&found, bad);
	}
	parityreset();
	must(pool.nfrees == pool.used, "packets are left");
}

static void datagrams(void) { packets(datagramsteps); }
static void tunpackets(void) { packets(tunsteps); }
static void requests(void) { packets(controlsteps); }

static const struct {
	const char *name;
	void (*run)(void);
} targets[] = {
	{ "datagram", datagrams },
	{ "tun", tunpackets },
	{ "control", requests },
	{ "config", config },
	{ "parity", parities },
};

static void
once(const char *target, const uint8_t *d, int len)
{
	uint8_t *c;
	int i;

	reset();
	c = exact(d, MIN(len, MaxInput));
	in = c;
	inlen = MIN(len, MaxInput);
	inat = 0;
	for (i = 0; i < LEN(targets); i++)
		if (!strcmp(target, targets[i].name))
			targets[i].run();
	in = NULL;
	free(c);
}

#ifdef TARGET

#define STRING(x)  #x
#define NAME(x)    STRING(x)

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t len)
{
	once(NAME(TARGET), d, len);
	return 0;
}

#else

typedef struct {
	uint8_t d[MaxInput];
	int len;
} Input;

void __sanitizer_set_death_callback(void (*)(void)) __attribute__((weak));

static void
save(void)
{
	FILE *f;

	if (!in || !(f = fopen("fuzz-failed", "wb")))
		return;
	fwrite(in, 1, inlen, f);
	fclose(f);
	fputs("fuzz: the input is in fuzz-failed\n", stderr);
}

static void
onabort(int sig)
{
	if (sig == SIGALRM)
		fprintf(stderr, "fuzz: it takes too long\n");
	save();
	signal(SIGABRT, SIG_DFL);
	abort();
}

static void
load(Input *t, const char *file)
{
	FILE *f = fopen(file, "rb");

	if (!f) {
		perror(file);
		exit(1);
	}
	t->len = fread(t->d, 1, sizeof(t->d), f);
	fclose(f);
}

/* one to eight changes */
static void
mutate(Input *t, const Input *other)
{
	static const uint8_t values[] = { 0, 1, 255, 127, 128, 64, 192, 16 };
	int changes, at, from, n;

	for (changes = 1 + rnd(8); changes > 0; changes--) {
		at = rnd(t->len + 1);
		n = 1 + rnd(rnd(4) ? 4 : 64);
		switch (rnd(7)) {
		case 0:
			if (at < t->len)
				t->d[at] ^= 1 << rnd(8);
			break;
		case 1:
			if (at < t->len)
				t->d[at] = rnd(256);
			break;
		case 2:
			if (at < t->len)
				t->d[at] = values[rnd(LEN(values))];
			break;
		case 3:           /* without some */
			n = MIN(n, t->len - at);
			memmove(t->d + at, t->d + at + n, t->len - at - n);
			t->len -= n;
			break;
		case 4:           /* some more */
			if (t->len + n > 4096)
				break;
			memmove(t->d + at + n, t->d + at, t->len - at);
			t->len += n;
			for (; n > 0; n--)
				t->d[at + n - 1] = rnd(256);
			break;
		case 5:           /* some of its own again */
			from = rnd(t->len + 1);
			n = MIN(n, t->len - from);
			if (t->len + n > 4096)
				break;
			memmove(t->d + at + n, t->d + at, t->len - at);
			t->len += n;
			if (from >= at)
				from += n;
			memmove(t->d + at, t->d + from, MIN(n, t->len - from));
			break;
		case 6:           /* the end of another */
			from = rnd(other->len + 1);
			n = MIN(other->len - from, 4096 - MIN(at, 4096));
			memcpy(t->d + at, other->d + from, n);
			t->len = at + n;
			break;
		}
	}
}

int
main(int argc, char *argv[])
{
	static Input t, other;
	const char *target;
	unsigned long i, n = 0;
	int c, nfiles;

	while ((c = getopt(argc, argv, "n:s:")) != -1) {
		if (c == 'n')
			n = strtoul(optarg, NULL, 10);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 10) | 1;
		else
			return 2;
	}
	for (i = 0; optind < argc && i < (unsigned)LEN(targets); i++)
		if (!strcmp(argv[optind], targets[i].name))
			break;
	if (argc - optind < 2 || i == (unsigned)LEN(targets)) {
		fprintf(stderr, "usage: fuzz [-n mutations] [-s seed] "
		    "datagram | tun | control | config | parity "
		    "file...\n");
		return 2;
	}
	target = argv[optind++];
	argv += optind;
	nfiles = argc - optind;
	signal(SIGABRT, onabort);
	signal(SIGALRM, onabort);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(save);
	for (i = 0; i < (unsigned)nfiles + n; i++) {
		alarm(20);
		load(&t, argv[i < (unsigned)nfiles ? (int)i : rnd(nfiles)]);
		if (i >= (unsigned)nfiles) {
			load(&other, argv[rnd(nfiles)]);
			mutate(&t, &other);
		}
		once(target, t.d, t.len);
	}
	printf("fuzz: %s: %d files and %lu mutations, %" PRIu64 " steps for a "
	    "datagram\n", target, nfiles, n, most);
	return 0;
}

#endif
