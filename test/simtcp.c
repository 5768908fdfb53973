/* See LICENSE file for copyright and license details.
 *
 * The TCP of the simulator, after Linux where it matters for a tunnel: SACK
 * with DSACK, RACK with a reordering window that learns, PRR, undo, tail loss
 * probes, cubic with HyStart, BBR with pacing, delayed ACKs. The peer is
 * another Tcp; what they exchange are real packets. Its window is as large as
 * the ring of segments.
 */
#include <netinet/in.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pkt.h"
#include "simtcp.h"

/* enums */
enum { Closed, SynSent, SynRcvd, Established };
enum { Open, Disorder, Cwr, Recovery, Loss };
enum { Startup, Drain, ProbeBw, ProbeRtt };
enum {
	Fin = 0x01, Syn = 0x02, Psh = 0x08, Ack = 0x10, Ece = 0x40, Cwrd = 0x80
};
enum {
	Infinite = 0x3fffffff,
	MinRto = 200 * Ms, DelackMax = 40 * Ms, Initial = 10,
	Reordering = 3, ReorderingMax = 300
};

/* what one ACK has told */
typedef struct {
	int acked, sacked, advanced, dsack, losses;
	int early;                /* answers what was sent before recovery */
	int64_t rtt, sackrtt, cartt; /* -1: none */
	int64_t reord;            /* least seq that was overtaken, -1: none */
	/* delivery rate */
	int64_t prior, priortime, interval, delivered, lastsent, lastseq;
	int applim;
} Sample;

/* function declarations */
static Seg *segof(Tcp *, int);
static int pipe(const Tcp *);
static uint32_t stamp(void);
static void settimer(Tcp *);
static void fire(void *);
static void emit(Tcp *, int, int64_t, int);
static void ackemit(Tcp *);
static void listadd(Tcp *, int);
static void listdel(Tcp *, int);
static void segsend(Tcp *, int);
static int newseg(Tcp *);
static int resend(Tcp *);
static int batch(const Tcp *);
static int64_t rtotime(const Tcp *);
static void rtoarm(Tcp *);
static void ptoarm(Tcp *);
static void rtofire(Tcp *);
static void probe(Tcp *);
static int after(int64_t, int64_t, int64_t, int64_t);
static void arrived(Tcp *, Seg *, Sample *);
static void sacked(Tcp *, const Range *, Sample *);
static void marklost(Tcp *, int, Sample *);
static int64_t reowindow(const Tcp *);
static void rackdetect(Tcp *, Sample *);
static void rackwindow(Tcp *, const Sample *);
static void measurertt(Tcp *, const Sample *, uint32_t);
static void reordered(Tcp *, int64_t);
static int undoable(const Tcp *, const Sample *);
static void undo(Tcp *, int);
static void reduce(Tcp *);
static void recover(Tcp *);
static void prr(Tcp *, const Sample *, int);
static void state(Tcp *, Sample *);
static void ackinput(Tcp *, int64_t, uint32_t, const Range *, int, int);
static void established(Tcp *, uint32_t);
static int64_t unwrap(uint32_t, uint32_t, int64_t);
static void receive(Tcp *, int64_t, int, int);
static int oooinsert(Tcp *, Range);
static void ackpolicy(Tcp *, int);
static void cubicreset(Tcp *);
static void cubichystart(Tcp *, int64_t);
static void cubicacked(Tcp *, int64_t);
static int cubicssthresh(Tcp *);
static void cubicgrow(Tcp *, int);
static void cubicupdate(Tcp *, int);
static int bbrbdp(const Tcp *, double, double);
static int bbrbudget(const Tcp *, int);
static int bbrinflight(const Tcp *, double, double);
static double bbrbw(const Tcp *);
static void bbrmain(Tcp *, const Sample *);
static void bbrmodel(Tcp *, const Sample *);
static void bbrcwnd(Tcp *, const Sample *);
static void bbrprobebw(Tcp *, const Sample *);
static void bbrsave(Tcp *);
static void bbrmax(Tcp *, double);

static Sample one = { .acked = 1 }; /* for what is due without an ACK */

/* util */
static Seg *
segof(Tcp *t, int k)
{
	return &t->seg[k & (t->size - 1)];
}

/* segments thought to be on their way */
static int
pipe(const Tcp *t)
{
	return t->last - t->first - t->sackedout - t->lostout + t->rtxout;
}

/* ms, of the timestamp option */
static uint32_t
stamp(void)
{
	return simnow / Ms + 1000;
}

static void
settimer(Tcp *t)
{
	const int64_t at[] = {
		t->rto, t->rack, t->pto, t->pace, t->syn, t->delack, t->comp
	};
	int64_t least = NEVER;
	int i;

	for (i = 0; i < LEN(at); i++)
		if (at[i] && at[i] < least)
			least = at[i];
	if (t->timer.at != least)
		timerset(&t->timer, least);
}

static void
fire(void *arg)
{
	Tcp *t = arg;

	if ((t->delack && simnow >= t->delack) ||
	    (t->comp && simnow >= t->comp))
		ackemit(t);
	if (t->syn && simnow >= t->syn) {
		t->syn = simnow + ((int64_t)Sec << MIN(t->backoff++, 5));
		emit(t, t->state == SynSent ? Syn : Syn | Ack, 0, 0);
	}
	if (t->pace && simnow >= t->pace)
		t->pace = 0;
	if (t->rack && simnow >= t->rack) {
		t->rack = 0;
		t->advanced = 1;
		one.losses = 0;
		rackdetect(t, &one);
		if (t->lostout && t->ca < Recovery) {
			recover(t);
			if (t->cc == Cubic)
				prr(t, &one, 0);
		}
	}
	if (t->rto && simnow >= t->rto)
		rtofire(t);
	else if (t->pto && simnow >= t->pto)
		probe(t);
	tcpsend(t);
}

/* packets out */
static void
emit(Tcp *t, int flags, int64_t off, int len)
{
	uint8_t *d, *h, *o;
	Range r[4];
	Buf *b = bufnew();
	uint32_t sum, seq = t->isn + (flags & Syn ? 0 : 1) + (uint32_t)off;
	int i, n = 0, hlen, max = 3;
	int finished = t->finseq >= 0 && t->rcvnxt >= t->finseq;

	d = b->data;
	h = d + 20;
	o = h + 20;
	memset(h, 0, 60);
	if (flags & Syn) {
		put(o, 0x02040000 + tcpmss, 4);
		put(o + 4, 0x0402, 2);
		o += 6;
	} else {
		put(o, 0x0101, 2);
		o += 2;
	}
	put(o, 0x080a, 2);
	put(o + 2, stamp(), 4);
	put(o + 6, t->tsrecent, 4);
	o += 10;
	if (flags & Syn) {
		put(o, 0x0103030e, 4);
		o += 4;
	} else if (flags & Ack && (t->nsack || t->dsack.b > t->dsack.a)) {
		if (t->dsack.b > t->dsack.a)
			r[n++] = t->dsack;
		for (i = 0; i < t->nsack && n < max; i++)
			r[n++] = t->sack[i];
		put(o, 0x01010500 + 2 + 8 * n, 4);
		o += 4;
		for (i = 0; i < n; i++, o += 8) {
			put(o, t->irs + 1 + (uint32_t)r[i].a, 4);
			put(o + 4, t->irs + 1 + (uint32_t)r[i].b, 4);
		}
	}
	hlen = o - h;
	if (flags & Ack) {
		t->rcvwup = t->rcvnxt;
		t->unacked = 0;
		t->delack = t->comp = 0;
		t->compressed = 0;
		t->dsack.a = t->dsack.b = 0;
		if (t->quick > 0)
			t->quick--;
		if (t->ece)
			flags |= Ece;
	}
	if (len > 0 && t->cwr) {
		flags |= Cwrd;
		t->cwr = 0;
	}
	tcphead(h, t->side ? t->service : t->port, t->side ? t->port :
	    t->service, seq, flags & Ack ? t->irs + 1 + (uint32_t)t->rcvnxt +
	    finished : 0, hlen - 20, flags, 0xffff);
	b->len = 20 + hlen + len;
	ipheader(d, t->side, 6, b->len, t->ipid++, t->ecn && len ? 2 : 0);
	sum = payload(o, seq, len);
	sum = checksum(d + 12, 8, sum + 6 + hlen + len);
	put(h + 16, ~checksum(h, hlen, sum), 2);
	hostsend(t->side, b);
}

static void
ackemit(Tcp *t)
{
	emit(t, Ack, t->nxt, 0);
}

/* the segments on their way, the longest sent first */
static void
listadd(Tcp *t, int k)
{
	Seg *s = segof(t, k);

	if (s->listed)
		listdel(t, k);
	s->listed = 1;
	s->next = -1;
	s->prev = t->tail;
	if (t->tail >= 0)
		segof(t, t->tail)->next = k;
	else
		t->head = k;
	t->tail = k;
}

static void
listdel(Tcp *t, int k)
{
	Seg *s = segof(t, k);

	if (!s->listed)
		return;
	s->listed = 0;
	if (s->prev >= 0)
		segof(t, s->prev)->next = s->next;
	else
		t->head = s->next;
	if (s->next >= 0)
		segof(t, s->next)->prev = s->prev;
	else
		t->tail = s->prev;
}

static void
segsend(Tcp *t, int k)
{
	Seg *s = segof(t, k);
	int fin = t->fin && s->seq + s->len >= t->end;

	s->sent = simnow;
	s->firsttx = t->firsttx;
	s->dtime = t->dtime;
	s->delivered = t->delivered;
	s->applim = t->applimited > 0;
	listadd(t, k);
	emit(t, Ack | (fin ? Fin | Psh : 0), s->seq, s->len);
}

/* 0 if there is none */
static int
newseg(Tcp *t)
{
	int64_t len = MIN((int64_t)t->mss, t->end - t->nxt);
	Seg *s;

	if (len <= 0 || t->last - t->first >= t->size)
		return 0;
	if (t->first == t->last)
		t->firsttx = t->dtime = simnow;
	s = segof(t, t->last++);
	memset(s, 0, sizeof(*s));
	s->seq = t->nxt;
	s->len = len;
	t->nxt += len;
	segsend(t, t->last - 1);
	return 1;
}

/* a lost segment again, 0 if there is none */
static int
resend(Tcp *t)
{
	Seg *s;

	if (t->lostout == t->rtxout)
		return 0;
	for (t->hint = MAX(t->hint, t->first); t->hint < t->last; t->hint++) {
		s = segof(t, t->hint);
		if (!s->lost || s->out || s->sacked)
			continue;
		s->out = s->ever = 1;
		t->rtxout++;
		if (!t->rtxstamp)
			t->rtxstamp = simnow;
		t->undortx = MAX(t->undortx, 0) + 1;
		t->prrout++;
		segsend(t, t->hint);
		return 1;
	}
	return 0;
}

/* segments that leave together, of a ms at most */
static int
batch(const Tcp *t)
{
	return CLAMP((int)(t->rate * Ms / t->mss), 2, 44);
}

/* all that may be sent now */
void
tcpsend(Tcp *t)
{
	int n = 0, burst = INT32_MAX, was = t->last, sent;
	int64_t bytes = 0;

	t->limited = 0;
	if (t->state == Established && t->cc == Bbr)
		burst = t->pace > simnow ? 0 : batch(t);
	while (t->state == Established && n < burst) {
		if (pipe(t) >= t->cwnd) {
			t->limited = 1;
			break;
		}
		sent = resend(t) || newseg(t);
		if (!sent)
			break;
		bytes += t->mss + 52;
		n++;
	}
	if (t->state == Established && t->nxt >= t->end &&
	    t->lostout <= t->rtxout && pipe(t) < t->cwnd)
		t->applimited = MAX(t->delivered + pipe(t), 1);
	if (t->last > was)
		t->prrout += t->last - was;
	if (n > 0 && t->cc == Bbr)
		t->pace = simnow + (int64_t)(bytes / t->rate);
	if (t->first >= t->maxoutseq || t->last - t->first > t->maxout) {
		t->maxout = t->last - t->first;
		t->maxoutseq = t->last;
	}
	if (n > 0 && !t->rto)
		rtoarm(t);
	if (n > 0)
		ptoarm(t);
	settimer(t);
}

/* timeouts */
static int64_t
rtotime(const Tcp *t)
{
	int64_t rto = t->srtt ? t->srtt + MAX(t->rttvar, (int64_t)MinRto) : Sec;

	return MIN(rto << MIN(t->backoff, 8), INT64_C(120) * Sec);
}

static void
rtoarm(Tcp *t)
{
	t->rto = t->first < t->last ? simnow + rtotime(t) : 0;
}

static void
ptoarm(Tcp *t)
{
	t->pto = 0;
	if (t->first == t->last)
		return;
	if ((t->ca == Open || t->ca == Cwr) && t->srtt && !t->tlphigh &&
	    !t->sackedout)
		t->pto = MIN(t->rto, simnow + 2 * t->srtt +
		    (t->last - t->first == 1 ? MinRto : 2 * Ms));
}

static void
rtofire(Tcp *t)
{
	Seg *s;
	int k;

	if (t->ca <= Disorder || t->una >= t->high ||
	    (t->ca == Loss && !t->backoff)) {
		t->priorssthresh = t->ssthresh;
		t->priorcwnd = t->cwnd;
		if (t->cc == Cubic)
			t->ssthresh = cubicssthresh(t);
		bbrsave(t);
		t->undo = t->una;
		t->undortx = t->rtxout ? t->rtxout : -1;
		t->rtxstamp = 0;
	}
	one.losses = 0;
	for (k = t->first; k < t->last; k++) {
		s = segof(t, k);
		if (s->sacked || (k != t->first && s->sent + t->rackrtt +
		    reowindow(t) > simnow))
			continue;
		marklost(t, k, &one);
	}
	if (t->cc == Cubic)
		cubicreset(t);
	else
		t->fullbw = 0;
	t->cwnd = pipe(t) + 1;
	t->cwndcnt = 0;
	t->high = t->nxt;
	t->ca = Loss;
	t->backoff++;
	t->tlphigh = 0;
	t->hint = t->first;
	t->pace = 0;
	t->rto = simnow + rtotime(t);
	t->pto = 0;
}

/* tail loss probe */
static void
probe(Tcp *t)
{
	Seg *s;

	t->pto = 0;
	t->tlprtx = !newseg(t);
	if (t->tlprtx) {
		s = segof(t, t->last - 1);
		if (s->sacked || s->lost)
			return;
		s->ever = 1;
		if (!t->rtxstamp)
			t->rtxstamp = simnow;
		segsend(t, t->last - 1);
	}
	t->tlphigh = t->nxt;
	t->rto = simnow + rtotime(t);
}

/* RACK */

/* sent later, or in the same moment and further on */
static int
after(int64_t t1, int64_t seq1, int64_t t2, int64_t seq2)
{
	return t1 > t2 || (t1 == t2 && seq1 > seq2);
}

/* a segment is known to have arrived for the first time */
static void
arrived(Tcp *t, Seg *s, Sample *r)
{
	int64_t rtt = simnow - s->sent;

	t->delivered++;
	t->dtime = simnow;
	if (r->prior < 0 || after(s->sent, s->seq, r->lastsent, r->lastseq)) {
		r->prior = s->delivered;
		r->priortime = s->dtime;
		r->applim = s->applim;
		r->interval = s->sent - s->firsttx;
		r->lastsent = s->sent;
		r->lastseq = s->seq;
		t->firsttx = s->sent;
	}
	/* too soon for it: the first one arrived, not the second */
	if (s->ever && rtt < t->minrtt)
		return;
	t->advanced = 1;
	t->rackrtt = rtt;
	if (after(s->sent, s->seq, t->rackstamp, t->rackseq)) {
		t->rackstamp = s->sent;
		t->rackseq = s->seq;
	}
}

static void
sacked(Tcp *t, const Range *b, Sample *r)
{
	int lo = t->first, hi = t->last, mid;
	Seg *s;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (segof(t, mid)->seq < b->a)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < t->last; lo++) {
		s = segof(t, lo);
		if (s->seq + s->len > b->b)
			return;
		if (s->sacked)
			continue;
		if (!s->ever) {
			if (s->seq < t->fack && (r->reord < 0 ||
			    s->seq < r->reord))
				r->reord = s->seq;
			r->sackrtt = MAX(r->sackrtt, simnow - s->sent);
			r->cartt = simnow - s->sent;
		}
		arrived(t, s, r);
		s->sacked = 1;
		t->sackedout++;
		r->sacked++;
		if (s->lost)
			t->lostout--;
		if (s->out)
			t->rtxout--;
		s->lost = s->out = 0;
		listdel(t, lo);
		t->fack = MAX(t->fack, s->seq + s->len);
	}
}

static void
marklost(Tcp *t, int k, Sample *r)
{
	Seg *s = segof(t, k);

	listdel(t, k);
	if (s->out) {
		s->out = 0;
		t->rtxout--;
	} else if (s->lost) {
		return;
	}
	if (!s->lost)
		t->lostout++;
	s->lost = 1;
	r->losses++;
	t->losses++;
	t->hint = MIN(t->hint, k);
}

static int64_t
reowindow(const Tcp *t)
{
	if (!t->reordseen && (t->ca >= Recovery ||
	    t->sackedout >= t->reordering))
		return 0;
	return MIN(t->minrtt / 4 * t->reosteps, t->srtt);
}

static void
rackdetect(Tcp *t, Sample *r)
{
	int64_t left, wait = 0, window = reowindow(t);
	int k, next;
	Seg *s;

	if (!t->advanced)
		return;
	t->advanced = 0;
	for (k = t->head; k >= 0; k = next) {
		s = segof(t, k);
		next = s->next;
		if (!after(t->rackstamp, t->rackseq, s->sent, s->seq))
			break;
		left = s->sent + t->rackrtt + window - simnow;
		if (left <= 0)
			marklost(t, k, r);
		else
			wait = MAX(wait, left);
	}
	t->rack = wait ? simnow + wait : 0;
}

/* DSACKs widen the window, for a while */
static void
rackwindow(Tcp *t, const Sample *r)
{
	if (r->prior < 0)
		return;
	if (r->prior < t->racklast)
		t->dsackseen = 0;
	if (t->dsackseen) {
		t->reosteps = MIN(255, t->reosteps + 1);
		t->dsackseen = 0;
		t->racklast = t->delivered;
		t->reopersist = 16;
	} else if (!t->reopersist) {
		t->reosteps = 1;
	}
}

static void
measurertt(Tcp *t, const Sample *r, uint32_t ecr)
{
	int64_t rtt = r->rtt >= 0 ? r->rtt : r->sackrtt, min;

	if (rtt < 0 && r->advanced && ecr)
		rtt = (int64_t)(stamp() - ecr) * Ms;
	min = r->cartt >= 0 ? r->cartt : rtt;
	if (min >= 0 && (min <= t->minrtt ||
	    simnow - t->minrtttime > INT64_C(300) * Sec)) {
		t->minrtt = MAX(min, 1);
		t->minrtttime = simnow;
	}
	if (rtt < 0)
		return;
	if (!t->srtt) {
		t->srtt = MAX(rtt, 1);
		t->rttvar = rtt * 2;
	} else {
		t->rttvar += (4 * llabs(t->srtt - rtt) - t->rttvar) / 4;
		t->srtt += (rtt - t->srtt) / 8;
	}
	t->backoff = 0;
}

/* what was thought lost had only been overtaken */
static void
reordered(Tcp *t, int64_t seq)
{
	int64_t n = (t->fack - seq + t->mss - 1) / t->mss;

	if (n > t->reordering)
		t->reordering = MIN(n, ReorderingMax);
	t->reordseen = 1;
}

static int
undoable(const Tcp *t, const Sample *r)
{
	return t->undo >= 0 && (!t->undortx || r->early);
}

static void
undo(Tcp *t, int unmark)
{
	Seg *s;
	int k;

	for (k = t->first; unmark && k < t->last; k++) {
		s = segof(t, k);
		if (s->lost) {
			s->lost = 0;
			t->lostout--;
			if (!s->listed)
				listadd(t, k);
		}
		if (s->out)
			t->rtxout--;
		s->out = 0;
	}
	if (t->cc == Cubic)
		t->cwnd = MAX(t->cwnd, t->priorcwnd);
	if (t->priorssthresh > t->ssthresh)
		t->ssthresh = t->priorssthresh;
	if (t->cc == Bbr) {
		t->fullbw = 0;
		t->fullcnt = 0;
	}
	t->undo = -1;
	t->advanced = 1;
	t->rtxstamp = 0;
}

/* the window is to be reduced, in recovery or for ECN */
static void
reduce(Tcp *t)
{
	t->high = t->nxt;
	t->undo = t->una;
	t->undortx = t->rtxout ? t->rtxout : -1;
	if (!t->rtxout)
		t->rtxstamp = 0;
	t->priorssthresh = t->ssthresh;
	t->priorcwnd = t->cwnd;
	t->tlphigh = 0;
	t->cwndcnt = 0;
	t->prrdelivered = t->prrout = 0;
	if (t->cc == Cubic)
		t->ssthresh = cubicssthresh(t);
	t->pto = 0;
}

static void
recover(Tcp *t)
{
	bbrsave(t);
	if (t->ca == Cwr)
		t->high = t->nxt;
	else
		reduce(t);
	t->ca = Recovery;
}

/* RFC 6937 */
static void
prr(Tcp *t, const Sample *r, int advanced)
{
	int n, inflight = pipe(t), newly = r->acked + r->sacked;

	t->prrdelivered += newly;
	if (t->ssthresh < inflight) {
		n = (int)(((int64_t)t->ssthresh * t->prrdelivered +
		    t->priorcwnd - 1) / t->priorcwnd) - t->prrout;
	} else {
		n = MAX(t->prrdelivered - t->prrout, newly);
		if (advanced && !r->losses)
			n++;
		n = MIN(t->ssthresh - inflight, n);
	}
	n = MAX(n, t->prrout ? 0 : 1);
	t->cwnd = inflight + n;
}

/* tcp_fastretrans_alert() */
static void
state(Tcp *t, Sample *r)
{
	if (t->ca > Disorder && t->una >= t->high) {
		if (t->ca >= Recovery && t->reopersist)
			t->reopersist--;
		if (t->ca >= Recovery && undoable(t, r))
			undo(t, 0);
		else if (t->ca != Loss && t->cc == Cubic)
			t->cwnd = t->ssthresh;
		t->ca = Open;
	}
	if (t->ca >= Recovery && r->advanced && r->early && t->undo >= 0 &&
	    (t->ca == Loss || !t->rtxout)) {
		undo(t, 1);
		t->ca = Open;
	}
	if (t->ca != Cwr && t->ca != Loss && t->undo >= 0 && !t->undortx) {
		undo(t, 0);
		t->reopersist = MIN(t->reopersist + 1, 16);
		t->ca = Open;
	}
	rackdetect(t, r);
	if (t->ca != Recovery && t->ca != Loss && t->lostout > 0)
		recover(t);
	if (t->ca <= Disorder)
		t->ca = t->sackedout ? Disorder : Open;
}

static void
ackinput(Tcp *t, int64_t ack, uint32_t ecr, const Range *blk, int nblk,
         int ece)
{
	Sample r = { .rtt = -1, .sackrtt = -1, .cartt = -1, .reord = -1,
	    .prior = -1 };
	int i = 0, j;
	int64_t before = t->delivered;
	Seg *s;
	Range b;

	if (t->fin && ack == t->end + 1)
		ack = t->end;
	if (ack > t->nxt)
		return;
	/* the first block tells of what came twice */
	if (nblk > 0 && (blk[0].a < ack || (nblk > 1 &&
	    blk[0].a >= blk[1].a && blk[0].b <= blk[1].b))) {
		i = 1;
		r.dsack = 1;
		t->dsackseen = 1;
		if (t->undo >= 0 && t->undortx > 0 && blk[0].b > t->undo)
			t->undortx = MAX(t->undortx - (int)((blk[0].b -
			    blk[0].a + t->mss - 1) / t->mss), 0);
	}
	for (; i < nblk; i++) {
		b = blk[i];
		for (j = 0; j < t->nseen; j++)
			if (t->seen[j].a == blk[i].a && t->seen[j].b <= b.b)
				b.a = t->seen[j].b;
		if (b.a < b.b)
			sacked(t, &b, &r);
	}
	t->nseen = MIN(nblk, LEN(t->seen));
	memcpy(t->seen, blk, t->nseen * sizeof(*blk));
	for (; t->first < t->last; t->first++) {
		s = segof(t, t->first);
		if (s->seq + s->len > ack)
			break;
		if (s->sacked) {
			t->sackedout--;
		} else {
			if (!s->ever) {
				if (s->seq < t->fack && (r.reord < 0 ||
				    s->seq < r.reord))
					r.reord = s->seq;
				if (r.rtt < 0)
					r.rtt = simnow - s->sent;
				r.cartt = simnow - s->sent;
			}
			arrived(t, s, &r);
			r.acked++;
			if (s->lost)
				t->lostout--;
			if (s->out)
				t->rtxout--;
			listdel(t, t->first);
		}
		r.advanced = 1;
	}
	if (ack > t->una)
		t->una = ack;
	t->fack = MAX(t->fack, t->una);
	/* Eifel: this answers a packet sent before the first retransmission */
	r.early = t->rtxstamp && ecr &&
	    (int32_t)(ecr - (uint32_t)(t->rtxstamp / Ms + 1000)) < 0;
	measurertt(t, &r, ecr);
	if (r.reord >= 0)
		reordered(t, r.reord);
	rackwindow(t, &r);
	if (ece && t->ecn && t->ca <= Disorder && t->cc == Cubic) {
		reduce(t);
		t->undo = -1;
		t->ca = Cwr;
		t->cwr = 1;
	}
	if (t->tlphigh && ack >= t->tlphigh) {
		if (t->tlprtx && !r.dsack && ack > t->tlphigh &&
		    t->ca <= Disorder && t->cc == Cubic) {
			reduce(t);
			t->cwnd = t->ssthresh;
			t->undo = -1;
		}
		t->tlphigh = 0;
	}
	state(t, &r);
	r.delivered = r.prior < 0 ? 0 : t->delivered - r.prior;
	if (t->applimited && t->delivered > t->applimited)
		t->applimited = 0;
	if (r.prior >= 0)
		r.interval = MAX(r.interval, simnow - r.priortime);
	if (t->cc == Bbr) {
		bbrmain(t, &r);
	} else {
		if (r.cartt >= 0)
			cubicacked(t, r.cartt);
		if (t->ca == Cwr || t->ca == Recovery)
			prr(t, &r, r.advanced);
		else if (r.acked || (r.sacked && t->reordering > Reordering))
			cubicgrow(t, t->delivered - before);
	}
	if (r.advanced || r.sacked) {
		rtoarm(t);
		ptoarm(t);
	}
	tcpsend(t);
}

static void
established(Tcp *t, uint32_t ecr)
{
	Sample r = { .advanced = 1, .rtt = -1, .sackrtt = -1, .cartt = -1 };

	if (!t->backoff)
		r.rtt = r.cartt = simnow - t->synsent;
	t->state = Established;
	t->syn = 0;
	t->backoff = 0;
	measurertt(t, &r, ecr);
	t->bbrmin = t->srtt;
	t->bbrminstamp = simnow;
	t->rate = 2.885 * Initial * t->mss / MAX(t->srtt, (int64_t)Ms);
}

/* packets in */
static int64_t
unwrap(uint32_t wire, uint32_t base, int64_t near)
{
	return near + (int32_t)(wire - base - 1 - (uint32_t)near);
}

void
tcpinput(Tcp *t, const uint8_t *d, int len)
{
	const uint8_t *h = d + 20, *o, *end;
	int hlen = (h[12] >> 4) * 4, flags = h[13], n = 0, i;
	uint32_t seq = get(h + 4, 4), ack = get(h + 8, 4), val = 0, ecr = 0;
	int64_t off;
	Range blk[4];
	int mss = 0;

	end = h + hlen;
	for (o = h + 20; o < end && *o; o += *o == 1 ? 1 : o[1]) {
		if (*o == 1)
			continue;
		if (*o == 2)
			mss = get(o + 2, 2);
		if (*o == 8) {
			val = get(o + 2, 4);
			ecr = get(o + 6, 4);
		}
		for (i = 2; *o == 5 && i < o[1] && n < 4; i += 8, n++) {
			blk[n].a = unwrap(get(o + i, 4), t->isn, t->una);
			blk[n].b = unwrap(get(o + i + 4, 4), t->isn, t->una);
		}
	}
	len -= 20 + hlen;
	if (flags & Syn) {
		if (t->state == Established) {
			ackemit(t);
			return;
		}
		t->irs = seq;
		t->mss = MIN(mss ? mss : 536, tcpmss) - 12;
		t->tsrecent = val;
		if (t->state == SynSent && flags & Ack) {
			established(t, ecr);
			ackemit(t);
			tcpsend(t);
			return;
		}
		t->state = SynRcvd;
		if (!t->syn) {
			t->syn = simnow + Sec;
			t->synsent = simnow;
		}
		emit(t, Syn | Ack, 0, 0);
		settimer(t);
		return;
	}
	if (t->state == SynRcvd && flags & Ack) {
		established(t, ecr);
	}
	if (t->state != Established)
		return;
	off = unwrap(seq, t->irs, t->rcvnxt);
	if (off <= t->rcvwup && (int32_t)(val - t->tsrecent) > 0)
		t->tsrecent = val;
	if ((d[1] & 3) == 3)
		t->ece = 1;
	if (flags & Cwrd)
		t->ece = (d[1] & 3) == 3;
	if (len > 0 || flags & Fin)
		receive(t, off, len, flags & Fin);
	ackinput(t, unwrap(ack, t->isn, t->una), ecr, blk, n, flags & Ece);
}

static void
receive(Tcp *t, int64_t off, int len, int fin)
{
	Range r = { off, off + len };
	int64_t was = t->rcvnxt;
	int held = t->nooo, dup;

	if (fin)
		t->finseq = r.b;
	if (r.b <= t->rcvnxt && len > 0) {
		t->dsack = r;
		ackemit(t);
		settimer(t);
		return;
	}
	if (r.a > t->rcvnxt) {
		dup = oooinsert(t, r);
		if (dup)
			t->dsack = r;
		ackpolicy(t, dup);
		settimer(t);
		return;
	}
	t->rcvnxt = MAX(t->rcvnxt, r.b);
	while (t->nooo > 0 && t->ooo[0].a <= t->rcvnxt) {
		t->rcvnxt = MAX(t->rcvnxt, t->ooo[0].b);
		memmove(t->ooo, t->ooo + 1, --t->nooo * sizeof(*t->ooo));
	}
	for (dup = 0; dup < t->nsack; )
		if (t->sack[dup].a <= t->rcvnxt)
			memmove(t->sack + dup, t->sack + dup + 1,
			    (--t->nsack - dup) * sizeof(*t->sack));
		else
			dup++;
	t->unacked++;
	if (t->onread && t->rcvnxt > was)
		t->onread(t, t->rcvnxt - was);
	ackpolicy(t, fin || (held && !t->nooo));
	settimer(t);
}

/* 1 if all of it was there */
static int
oooinsert(Tcp *t, Range r)
{
	int i, j, k;

	for (i = 0; i < t->nooo && t->ooo[i].b < r.a; i++)
		;
	if (i < t->nooo && t->ooo[i].a <= r.a && t->ooo[i].b >= r.b)
		return 1;
	for (j = i; j < t->nooo && t->ooo[j].a <= r.b; j++) {
		r.a = MIN(r.a, t->ooo[j].a);
		r.b = MAX(r.b, t->ooo[j].b);
	}
	if (i == j && t->nooo == LEN(t->ooo))
		return 0;
	memmove(t->ooo + i + 1, t->ooo + j, (t->nooo - j) * sizeof(*t->ooo));
	t->nooo += i + 1 - j;
	t->ooo[i] = r;
	for (k = 0; k < t->nsack; )
		if (t->sack[k].a >= r.a && t->sack[k].b <= r.b)
			memmove(t->sack + k, t->sack + k + 1,
			    (--t->nsack - k) * sizeof(*t->sack));
		else
			k++;
	t->nsack = MIN(t->nsack, LEN(t->sack) - 1);
	memmove(t->sack + 1, t->sack, t->nsack * sizeof(*t->sack));
	t->sack[0] = r;
	t->nsack++;
	return 0;
}

/* now, or later with others */
static void
ackpolicy(Tcp *t, int atonce)
{
	if (t->nooo && !atonce) {
		if (t->compnxt != t->rcvnxt) {
			t->compnxt = t->rcvnxt;
			t->dupacks = 0;
		}
		if (t->dupacks++ < 3 || ++t->compressed >= 44)
			atonce = 1;
		else if (!t->comp)
			t->comp = simnow + (t->srtt ? MIN((int64_t)Ms,
			    t->srtt / 20) : Ms);
	} else if (t->unacked >= 2 || t->quick > 0) {
		atonce = 1;
	} else if (!t->delack) {
		t->delack = simnow + DelackMax;
	}
	if (atonce)
		ackemit(t);
}

/* cubic, RFC 9438 */
double
cuberoot(double x)
{
	double r = x > 1 ? x : 1;
	int i;

	for (i = 0; i < 60; i++)
		r -= (r * r * r - x) / (3 * r * r);
	return r;
}

static void
cubicreset(Tcp *t)
{
	t->epoch = 0;
	t->lastmax = 0;
	t->cnt = t->ackcnt = t->tcpcwnd = t->lastcwnd = 0;
	t->delaymin = 0;
	t->found = 0;
	t->roundstart = t->lastack = simnow;
	t->roundend = t->nxt;
	t->currrtt = NEVER;
	t->samples = 0;
}

/* slow start ends when ACKs come for long, or later than the first ones */
static void
cubichystart(Tcp *t, int64_t delay)
{
	int64_t grow;

	if (t->una > t->roundend) {
		t->roundstart = t->lastack = simnow;
		t->roundend = t->nxt;
		t->currrtt = NEVER;
		t->samples = 0;
	}
	if (t->cwnd < 16)
		return;
	if (simnow - t->lastack <= 2 * Ms) {
		t->lastack = simnow;
		if (simnow - t->roundstart > (t->delaymin + Ms) / 2)
			t->found = 1;
	}
	t->currrtt = MIN(t->currrtt, delay);
	grow = CLAMP(t->delaymin / 8, 4 * Ms, 16 * Ms);
	if (t->samples < 8)
		t->samples++;
	else if (t->currrtt > t->delaymin + grow)
		t->found = 1;
	if (t->found)
		t->ssthresh = t->cwnd;
}

static void
cubicacked(Tcp *t, int64_t delay)
{
	if (t->epoch && simnow - t->epoch < Sec)
		return;
	if (!t->delaymin || delay < t->delaymin)
		t->delaymin = delay;
	if (!t->found && t->cwnd < t->ssthresh)
		cubichystart(t, delay);
}

static int
cubicssthresh(Tcp *t)
{
	t->epoch = 0;
	t->lastmax = t->cwnd < t->lastmax ? t->cwnd * 0.85 : t->cwnd;
	return MAX(t->cwnd * 717 / 1024, 2);
}

/* the window grows, if it was what limited the sender */
static void
cubicgrow(Tcp *t, int acked)
{
	int n;

	if (!t->limited && (t->cwnd >= t->ssthresh ||
	    t->cwnd >= 2 * t->maxout))
		return;
	if (t->cwnd < t->ssthresh) {
		n = MIN(acked, t->ssthresh - t->cwnd);
		t->cwnd += n;
		acked -= n;
		if (!acked)
			return;
	}
	cubicupdate(t, acked);
	if (t->cwndcnt >= t->cnt) {
		t->cwndcnt = 0;
		t->cwnd++;
	}
	t->cwndcnt += acked;
	if (t->cwndcnt >= t->cnt) {
		t->cwnd += t->cwndcnt / t->cnt;
		t->cwndcnt %= t->cnt;
	}
	t->cwnd = MIN(t->cwnd, t->size);
}

static void
cubicupdate(Tcp *t, int acked)
{
	double x, target, max;

	t->ackcnt += acked;
	if (t->lastcwnd == t->cwnd && simnow - t->lasttime <= Sec / 32)
		return;
	t->lastcwnd = t->cwnd;
	t->lasttime = simnow;
	if (!t->epoch) {
		t->epoch = simnow;
		t->ackcnt = acked;
		t->tcpcwnd = t->cwnd;
		t->k = 0;
		t->origin = t->cwnd;
		if (t->lastmax > t->cwnd) {
			t->k = cuberoot((t->lastmax - t->cwnd) / 0.4);
			t->origin = t->lastmax;
		}
	}
	x = (simnow - t->epoch + t->delaymin) / 1e9 - t->k;
	target = t->origin + 0.4 * x * x * x;
	t->cnt = target > t->cwnd ? (int)(t->cwnd / (target - t->cwnd)) :
	    100 * t->cwnd;
	if (t->lastmax == 0)
		t->cnt = MIN(t->cnt, 20);
	/* no slower than Reno would be */
	while (t->ackcnt > t->cwnd * 15 / 8) {
		t->ackcnt -= t->cwnd * 15 / 8;
		t->tcpcwnd++;
	}
	if (t->tcpcwnd > t->cwnd) {
		max = t->cwnd / (t->tcpcwnd - t->cwnd);
		t->cnt = MIN(t->cnt, max);
	}
	t->cnt = MAX(t->cnt, 2);
}

/* BBR, version 1 as in Linux */
static double
bbrbw(const Tcp *t)
{
	return t->bw[0].bw;
}

/* the best of the last 10 rounds */
static void
bbrmax(Tcp *t, double bw)
{
	int64_t dt = t->round - t->bw[0].round;

	if (bw >= t->bw[0].bw || t->round - t->bw[2].round > 10) {
		t->bw[0].bw = t->bw[1].bw = t->bw[2].bw = bw;
		t->bw[0].round = t->bw[1].round = t->bw[2].round = t->round;
		return;
	}
	if (bw >= t->bw[1].bw) {
		t->bw[1].bw = t->bw[2].bw = bw;
		t->bw[1].round = t->bw[2].round = t->round;
	} else if (bw >= t->bw[2].bw) {
		t->bw[2].bw = bw;
		t->bw[2].round = t->round;
	}
	if (dt > 10) {
		t->bw[0] = t->bw[1];
		t->bw[1] = t->bw[2];
		t->bw[2].bw = bw;
		t->bw[2].round = t->round;
		if (t->round - t->bw[0].round > 10) {
			t->bw[0] = t->bw[1];
			t->bw[1] = t->bw[2];
		}
	} else if (t->bw[1].round == t->bw[0].round && dt > 10 / 4) {
		t->bw[1].bw = t->bw[2].bw = bw;
		t->bw[1].round = t->bw[2].round = t->round;
	} else if (t->bw[2].round == t->bw[1].round && dt > 10 / 2) {
		t->bw[2].bw = bw;
		t->bw[2].round = t->round;
	}
}

/* packets; bw is packets a ns */
static int
bbrbdp(const Tcp *t, double bw, double gain)
{
	return bw * t->bbrmin * gain + 1;
}

/* and what stays in the hosts, for batches */
static int
bbrbudget(const Tcp *t, int n)
{
	n = (n + 3 * batch(t) + 1) & ~1;
	return t->mode == ProbeBw && t->cycle == 0 ? n + 2 : n;
}

static int
bbrinflight(const Tcp *t, double bw, double gain)
{
	return bbrbudget(t, bbrbdp(t, bw, gain));
}

static void
bbrmain(Tcp *t, const Sample *r)
{
	double rate;

	bbrmodel(t, r);
	if (bbrbw(t) > 0) {
		rate = bbrbw(t) * t->mss * t->pacegain * 0.99;
		if (t->full || rate > t->rate)
			t->rate = rate;
	}
	bbrcwnd(t, r);
}

static void
bbrmodel(Tcp *t, const Sample *r)
{
	int64_t expected, extra;
	double bw;
	int expired;

	/* bandwidth and rounds */
	t->roundstarted = 0;
	if (r->prior >= 0 && r->interval > 0 && r->delivered > 0) {
		if (r->prior >= t->nextround) {
			t->nextround = t->delivered;
			t->round++;
			t->roundstarted = 1;
			t->conserve = 0;
		}
		bw = (double)r->delivered / r->interval;
		if (r->interval >= t->minrtt && (!r->applim || bw >= bbrbw(t)))
			bbrmax(t, bw);
	}
	/* aggregated ACKs */
	if (r->acked + r->sacked) {
		if (t->roundstarted && ++t->extrarounds >= 5) {
			t->extrarounds = 0;
			t->extra[1] = t->extra[0];
			t->extra[0] = 0;
		}
		expected = bbrbw(t) * (simnow - t->ackepoch);
		if (t->ackepochcount <= expected || t->ackepochcount > 1 << 20) {
			t->ackepochcount = expected = 0;
			t->ackepoch = simnow;
		}
		t->ackepochcount += r->acked + r->sacked;
		extra = MIN(t->ackepochcount - expected, (int64_t)t->cwnd);
		t->extra[0] = MAX(t->extra[0], (double)extra);
	}
	bbrprobebw(t, r);
	/* the pipe is full: three rounds without growth */
	if (!t->full && t->roundstarted && !r->applim) {
		if (bbrbw(t) >= t->fullbw * 1.25) {
			t->fullbw = bbrbw(t);
			t->fullcnt = 0;
		} else if (++t->fullcnt >= 3) {
			t->full = 1;
		}
	}
	if (t->mode == Startup && t->full)
		t->mode = Drain;
	if (t->mode == Drain && pipe(t) <= bbrinflight(t, bbrbw(t), 1)) {
		t->mode = ProbeBw;
		t->cycle = 2 + draw() % 6;
		t->cyclestamp = simnow;
	}
	/* least RTT */
	expired = simnow - t->bbrminstamp > INT64_C(10) * Sec;
	if (r->cartt >= 0 && (r->cartt < t->bbrmin || expired)) {
		t->bbrmin = r->cartt;
		t->bbrminstamp = simnow;
	}
	if (expired && t->mode != ProbeRtt) {
		bbrsave(t);
		t->mode = ProbeRtt;
		t->probeend = 0;
	}
	if (t->mode == ProbeRtt) {
		t->applimited = MAX(t->delivered + pipe(t), 1);
		if (!t->probeend && pipe(t) <= 4) {
			t->probeend = simnow + 200 * Ms;
			t->probedone = 0;
			t->nextround = t->delivered;
		} else if (t->probeend) {
			if (t->roundstarted)
				t->probedone = 1;
			if (t->probedone && simnow > t->probeend) {
				t->bbrminstamp = simnow;
				t->cwnd = MAX(t->cwnd, t->savedcwnd);
				t->mode = t->full ? ProbeBw : Startup;
				t->cycle = 2 + draw() % 6;
				t->cyclestamp = simnow;
			}
		}
	}
	t->pacegain = t->mode == Startup ? 2.885 : t->mode == Drain ?
	    1 / 2.885 : t->mode == ProbeRtt ? 1 :
	    t->cycle == 0 ? 1.25 : t->cycle == 1 ? 0.75 : 1;
	t->cwndgain = t->mode <= Drain ? 2.885 : t->mode == ProbeRtt ? 1 : 2;
}

/* eight phases of one RTT each */
static void
bbrprobebw(Tcp *t, const Sample *r)
{
	int past = simnow - t->cyclestamp > t->bbrmin;
	int inflight = pipe(t), next;

	if (t->mode != ProbeBw)
		return;
	if (t->cycle == 0)
		next = past && (r->losses ||
		    inflight >= bbrinflight(t, bbrbw(t), 1.25));
	else if (t->cycle == 1)
		next = past || inflight <= bbrinflight(t, bbrbw(t), 1);
	else
		next = past;
	if (!next)
		return;
	t->cycle = (t->cycle + 1) % 8;
	t->cyclestamp = simnow;
}

static void
bbrcwnd(Tcp *t, const Sample *r)
{
	int target, acked = r->acked + r->sacked, was = t->priorca;

	if (!acked)
		goto done;
	t->cwnd = MAX(t->cwnd - r->losses, 1);
	t->priorca = t->ca;
	if (t->ca == Recovery && was != Recovery) {
		t->conserve = 1;
		t->nextround = t->delivered;
		t->cwnd = pipe(t) + acked;
	} else if (t->ca < Recovery && was >= Recovery) {
		t->conserve = 0;
		t->cwnd = MAX(t->cwnd, t->savedcwnd);
	}
	if (t->conserve) {
		t->cwnd = MAX(t->cwnd, pipe(t) + acked);
		goto done;
	}
	target = bbrbdp(t, bbrbw(t), t->cwndgain);
	if (t->full)
		target += MIN(MAX(t->extra[0], t->extra[1]),
		    bbrbw(t) * 100 * Ms);
	target = bbrbudget(t, target);
	if (t->full)
		t->cwnd = MIN(t->cwnd + acked, target);
	else if (t->cwnd < target || t->delivered < Initial)
		t->cwnd += acked;
	t->cwnd = MAX(t->cwnd, 4);
done:
	if (t->mode == ProbeRtt)
		t->cwnd = MIN(t->cwnd, 4);
	t->cwnd = MIN(t->cwnd, t->size);
}

/* to be had again after recovery */
static void
bbrsave(Tcp *t)
{
	t->savedcwnd = t->priorca < Recovery && t->mode != ProbeRtt ?
	    t->cwnd : MAX(t->savedcwnd, t->cwnd);
}

/* life */
void
tcpinit(Tcp *t, int size)
{
	t->size = size;
	if (!(t->seg = calloc(size, sizeof(*t->seg))))
		exit(2);
	timerinit(&t->timer, fire, t);
}

void
tcpopen(Tcp *t, int side, int port, int service, int cc)
{
	Seg *seg = t->seg;
	Timer timer = t->timer;
	int size = t->size;

	memset(t, 0, sizeof(*t));
	t->seg = seg;
	t->size = size;
	t->timer = timer;
	t->side = side;
	t->port = port;
	t->service = service;
	t->cc = cc;
	t->isn = draw();
	t->ipid = draw();
	t->mss = tcpmss - 12;
	t->head = t->tail = -1;
	t->cwnd = Initial;
	t->ssthresh = t->priorssthresh = Infinite;
	t->reordering = Reordering;
	t->reosteps = 1;
	t->undo = -1;
	t->minrtt = NEVER / 512;
	t->finseq = -1;
	t->quick = 16;
	t->pacegain = t->cwndgain = 2.885;
	cubicreset(t);
	timerset(&t->timer, NEVER);
	if (side)
		return;
	t->state = SynSent;
	t->syn = simnow + Sec;
	t->synsent = simnow;
	emit(t, Syn, 0, 0);
	settimer(t);
}

void
tcpclose(Tcp *t)
{
	t->state = Closed;
	timerset(&t->timer, NEVER);
}
