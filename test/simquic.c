/* See LICENSE file for copyright and license details.
 *
 * The QUIC of the simulator, as a tunnel sees it: UDP with the bits that tell
 * long headers from short ones, and nothing else to be read. A sender is like
 * Chromium's and quic-go's: Cubic or Reno, HyStart or HyStart++, pacing, RFC
 * 9002 for losses. The peer is another Quic.
 *
 * Both handshake and data are one stream of bytes each way; packets are never
 * sent again, what was lost goes in new ones:
 *
 *	client  hello | finished | requests ...
 *	server  flight of three packets | answers ...
 *
 * The flight waits for the hello, finished and requests for the flight, and
 * answers for finished.
 */
#include <netinet/in.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pkt.h"
#include "simtcp.h"
#include "simquic.h"

/* enums */
enum { Ping = 0x01, AckFrame = 0x02, Stream = 0x0e }; /* frames */
enum {
	Payload = 1252,           /* of UDP, most; all windows count this */
	Handshake = 1200,         /* as much is each packet of it */
	Piece = 1100,             /* of it in a packet */
	Hello = Piece, Hands = Hello + 100, Flight = 3 * Piece,
	ShortLen = 13, LongLen = 19, StreamLen = 11,
	Protected = 16,           /* bytes of the tag behind a packet */
	Ranges = 9,               /* in an ACK, at most */
	Initial = 32, Least = 2,  /* windows, packets */
	Burst = 10,               /* packets that are not paced */
	Nearly = 3,               /* packets that a full window may lack */
	LowWindow = 16, Samples = 8, CssRounds = 5, /* of HyStart */
	Threshold = 3,            /* packets, after which one is lost */
	Early = 100,              /* packets, each two of which get an ACK */
	AckDelay = 25 * Ms, Granularity = Ms,
	FirstPto = 300 * Ms
};

/* function declarations */
/* util */
static int64_t hands(int);
static Quicpkt *pktof(Quic *, int64_t);
static void settimer(Quic *);
static void fire(void *);
static int rangeadd(Range *, int *, int, Range);
/* packets out */
static int ackput(Quic *, uint8_t *);
static void emit(Quic *, Range);
static int64_t limit(const Quic *);
static int nextdata(Quic *, Range *);
static double pacerate(const Quic *);
static double budget(const Quic *);
static void paced(Quic *, int);
static void quicsend(Quic *);
/* losses and timeouts */
static void ptoarm(Quic *);
static void ptofire(Quic *);
static void gone(Quic *, Quicpkt *);
static void detect(Quic *);
static void reduce(Quic *, int64_t);
/* windows */
static void cubicgrow(Quic *, int);
static void grow(Quic *, const Quicpkt *, int64_t);
static int rising(int64_t, int64_t);
static void hystart(Quic *);
static void hystartpp(Quic *);
static void measurertt(Quic *, int64_t, int64_t);
/* packets in */
static void acked(Quic *, const Range *, int, int64_t);
static int seen(Quic *, int64_t, int);
static void came(Quic *);

/* util */

/* Returns the bytes of the handshake that a side sends. */
static int64_t
hands(int side)
{
	return side ? Flight : Hands;
}

static Quicpkt *
pktof(Quic *q, int64_t n)
{
	return &q->pkt[n & (q->size - 1)];
}

static void
settimer(Quic *q)
{
	int64_t at = MIN(MIN(q->losstime, q->pto), MIN(q->pace, q->ackdue));

	if (q->timer.at != at)
		timerset(&q->timer, at);
}

static void
fire(void *arg)
{
	Quic *q = arg;

	if (simnow >= q->losstime)
		detect(q);
	else if (simnow >= q->pto)
		ptofire(q);
	quicsend(q);
}

/* Add to ranges that ascend and do not touch. Returns 0 if all of it was
 * there, -1 if there is no room. */
static int
rangeadd(Range *v, int *n, int max, Range r)
{
	int i, j;

	for (i = 0; i < *n && v[i].b < r.a; i++)
		;
	if (i < *n && v[i].a <= r.a && v[i].b >= r.b)
		return 0;
	for (j = i; j < *n && v[j].a <= r.b; j++) {
		r.a = MIN(r.a, v[j].a);
		r.b = MAX(r.b, v[j].b);
	}
	if (i == j && *n == max)
		return -1;
	memmove(v + i + 1, v + j, (*n - j) * sizeof(*v));
	*n += i + 1 - j;
	v[i] = r;
	return 1;
}

/* packets out */

/* Write an ACK of the newest ranges. Returns its length. */
static int
ackput(Quic *q, uint8_t *o)
{
	const Range *r = &q->seen[q->nseen - 1];
	int n = 14;

	put(o, AckFrame, 1);
	put(o + 1, r->b - 1, 4);
	put(o + 5, (simnow - q->seentime) / Us, 4);
	put(o + 10, r->b - r->a, 4);
	for (o[9] = 0; r > q->seen && o[9] < Ranges - 1 &&
	    r->a - r[-1].a < 65536; r--, o[9]++, n += 4) {
		put(o + n, r->a - r[-1].b, 2);
		put(o + n + 2, r[-1].b - r[-1].a, 2);
	}
	q->unacked = q->acknow = 0;
	q->ackdue = NEVER;
	return n;
}

/* Send data, and an ACK if one is due; without data only that. */
static void
emit(Quic *q, Range r)
{
	Buf *b = bufnew();
	uint8_t *d = b->data, *h = d + 28, *o;
	Quicpkt *p = pktof(q, q->next);
	int islong = r.b > r.a ? r.a < hands(q->side) : q->ready == NEVER;
	int len;

	if (islong) {
		put(h, 0xc0 | (r.a ? 0x20 : 0), 1);
		put(h + 1, 1, 4);
		put(h + 5, 8, 1);
		put(h + 6, q->id, 8);
		put(h + 14, 0, 1);
	} else {
		put(h, 0x40, 1);
		put(h + 1, q->id, 8);
	}
	o = h + (islong ? LongLen : ShortLen);
	put(o - 4, q->next, 4);
	if (q->unacked)
		o += ackput(q, o);
	if (p->out) /* too old to be kept */
		gone(q, p);
	*p = (Quicpkt){ .at = simnow, .off = r.a };
	if (r.b > r.a) {
		len = MIN(r.b - r.a, Payload - Protected - StreamLen -
		    (o - h));
		put(o, Stream, 1);
		put(o + 1, r.a, 8);
		put(o + 9, len, 2);
		o += StreamLen;
		payload(o, q->next, len);
		o += len;
		p->len = len;
		p->out = 1;
	}
	put(o, 0, 1);
	len = MAX(o - h + Protected, islong ? Handshake : 0);
	payload(o + 1, q->next, len - (o - h) - 1);
	p->size = len;
	q->next++;
	while (q->first < q->next && !pktof(q, q->first)->out)
		q->first++;
	if (p->out) {
		q->inflight += len;
		q->lasteliciting = simnow;
		paced(q, len);
		ptoarm(q);
	}
	b->len = 28 + len;
	ipheader(d, q->side, IPPROTO_UDP, b->len, q->ipid++, 0);
	udphead(d + 20, q->side ? q->service : q->port, q->side ? q->port :
	    q->service, 8 + len);
	hostsend(q->side, b);
}

/* Returns where the data ends that may be sent already. */
static int64_t
limit(const Quic *q)
{
	if (q->ready != NEVER)
		return q->end;
	if (q->side)
		return q->rcvnxt >= Hello ? Flight : 0;
	return Hello;
}

/* Returns 0 if there is no data to be sent now. */
static int
nextdata(Quic *q, Range *r)
{
	if (q->nagain > 0)
		*r = q->again[q->againhead & (q->size - 1)];
	else
		*r = (Range){ q->nxt, limit(q) };
	if (r->a < hands(q->side))
		r->b = MIN(r->b, MIN(hands(q->side), r->a - r->a % Piece +
		    Piece));
	return r->b > r->a;
}

/* Returns bytes a s. */
static double
pacerate(const Quic *q)
{
	return q->srtt ? 1.25e9 * q->cwnd / q->srtt : 1e12;
}

/* Returns bytes that may be sent at once. */
static double
budget(const Quic *q)
{
	double most = MAX(2e-3 * pacerate(q), (double)Burst * Payload);

	return MIN(q->budget + (simnow - q->budgettime) / 1e9 * pacerate(q),
	    most);
}

static void
paced(Quic *q, int len)
{
	q->budget = MAX(budget(q) - len, 0);
	q->budgettime = simnow;
}

/* all that may be sent now */
static void
quicsend(Quic *q)
{
	Range r, *again;

	q->pace = NEVER;
	while (nextdata(q, &r)) {
		if (!q->probes && q->inflight >= q->cwnd)
			break;
		if (!q->probes && budget(q) < Payload) {
			q->pace = simnow + MAX((int64_t)Granularity,
			    (int64_t)((Payload - budget(q)) * 1e9 /
			    pacerate(q)) + 1);
			break;
		}
		again = q->nagain > 0 ? &q->again[q->againhead &
		    (q->size - 1)] : NULL;
		emit(q, r);
		q->probes -= q->probes > 0;
		r.a += pktof(q, q->next - 1)->len;
		if (!again) {
			q->nxt = r.a;
		} else if (again->b > r.a) {
			again->a = r.a;
		} else {
			q->againhead++;
			q->nagain--;
		}
	}
	if (q->unacked && (q->acknow || simnow >= q->ackdue))
		emit(q, (Range){ 0, 0 });
	settimer(q);
}

/* losses and timeouts, RFC 9002 */
static void
ptoarm(Quic *q)
{
	int64_t t = q->srtt ? q->srtt + MAX(4 * q->rttvar,
	    (int64_t)Granularity) + AckDelay : FirstPto;

	q->pto = q->inflight > 0 && q->losstime == NEVER ?
	    q->lasteliciting + (t << MIN(q->backoff, 8)) : NEVER;
}

/* Send the oldest data again in two probes; it is no sign of congestion. */
static void
ptofire(Quic *q)
{
	int64_t n;

	q->backoff++;
	q->probes = 2;
	for (n = q->first; n < q->next && q->nagain < 2; n++)
		if (pktof(q, n)->out)
			gone(q, pktof(q, n));
	q->lasteliciting = simnow;
	ptoarm(q);
}

/* Take a packet for lost: its data has to go again. */
static void
gone(Quic *q, Quicpkt *p)
{
	p->out = 0;
	q->inflight -= p->size;
	q->again[(q->againhead + q->nagain++) & (q->size - 1)] =
	    (Range){ p->off, p->off + p->len };
}

/* A packet is lost when later ones were acknowledged, three or 9/8 of an RTT
 * later. */
static void
detect(Quic *q)
{
	int64_t delay = MAX(MAX(q->latest, q->srtt) * 9 / 8,
	    (int64_t)Granularity);
	int64_t n;
	Quicpkt *p;

	q->losstime = NEVER;
	for (n = q->first; n < q->acked; n++) {
		p = pktof(q, n);
		if (!p->out)
			continue;
		if (n > q->acked - Threshold && p->at + delay > simnow) {
			q->losstime = MIN(q->losstime, p->at + delay);
			continue;
		}
		gone(q, p);
		q->lost++;
		reduce(q, n);
	}
	ptoarm(q);
}

/* once a round trip */
static void
reduce(Quic *q, int64_t n)
{
	if (n <= q->cutback)
		return;
	q->lastmax = q->cwnd + Payload < q->lastmax ? 0.85 * q->cwnd :
	    q->cwnd;
	q->cwnd = MAX(7 * q->cwnd / 10, (int64_t)Least * Payload);
	q->ssthresh = q->cwnd;
	q->cutback = q->next - 1;
	q->epoch = q->count = 0;
}

/* windows */
static void
cubicgrow(Quic *q, int bytes)
{
	double x, target;

	q->newly += bytes;
	if (!q->epoch) {
		q->epoch = simnow;
		q->newly = bytes;
		q->tcpcwnd = q->origin = q->cwnd;
		q->k = 0;
		if (q->lastmax > q->cwnd) {
			q->k = cuberoot((q->lastmax - q->cwnd) / Payload /
			    0.4);
			q->origin = q->lastmax;
		}
	}
	x = (simnow - q->epoch + q->minrtt) / 1e9 - q->k;
	target = MIN(q->origin + 0.4 * x * x * x * Payload,
	    q->cwnd + q->newly / 2);
	/* no slower than Reno would be, with this beta */
	q->tcpcwnd += q->newly * (3 * 0.3 / 1.7) * Payload / q->tcpcwnd;
	q->newly = 0;
	q->cwnd = MAX(target, q->tcpcwnd);
}

/* for a packet that was acknowledged; so much was in flight before */
static void
grow(Quic *q, const Quicpkt *p, int64_t inflight)
{
	int64_t unused = q->cwnd - inflight;

	if (q->acked <= q->cutback)
		return;
	if (unused > Nearly * Payload &&
	    (q->cwnd >= q->ssthresh || inflight <= q->cwnd / 2)) {
		q->epoch = 0;
		return;
	}
	if (q->cwnd < q->ssthresh) {
		q->cwnd += q->css ? p->size / 4 : Payload;
	} else if (!q->reno) {
		cubicgrow(q, p->size);
	} else if (++q->count >= q->cwnd / Payload) {
		q->cwnd += Payload;
		q->count = 0;
	}
	q->cwnd = MIN(q->cwnd, (int64_t)q->size / 2 * Payload);
}

/* Is a round's least RTT as much above another that a queue must grow? */
static int
rising(int64_t rtt, int64_t than)
{
	return rtt > than + CLAMP(than / 8, 4 * Ms, 16 * Ms);
}

/* Chromium's: slow start ends when the first samples of a round are above the
 * least of the connection. */
static void
hystart(Quic *q)
{
	if (q->roundend < 0) {
		q->roundend = q->next - 1;
		q->roundmin = NEVER;
		q->samples = 0;
	}
	if (++q->samples <= Samples)
		q->roundmin = MIN(q->roundmin, q->latest);
	if (q->samples == Samples && rising(q->roundmin, q->minrtt))
		q->found = 1;
	if (q->found && q->cwnd >= LowWindow * Payload)
		q->ssthresh = q->cwnd;
	else if (q->acked > q->roundend)
		q->roundend = -1;
}

/* RFC 9406: when they are above those of the round before, the window grows
 * more slowly for some rounds, to see whether that was true. */
static void
hystartpp(Quic *q)
{
	if (q->acked > q->roundend) {
		q->roundend = q->next - 1;
		q->lastmin = q->roundmin;
		q->roundmin = NEVER;
		q->samples = 0;
		if (q->css && ++q->cssrounds >= CssRounds)
			q->ssthresh = q->cwnd;
	}
	q->roundmin = MIN(q->roundmin, q->latest);
	if (++q->samples < Samples)
		return;
	if (q->css && q->roundmin < q->baseline) {
		q->css = 0;
	} else if (!q->css && q->lastmin != NEVER &&
	    rising(q->roundmin, q->lastmin)) {
		q->css = 1;
		q->cssrounds = 0;
		q->baseline = q->roundmin;
	}
}

static void
measurertt(Quic *q, int64_t rtt, int64_t delay)
{
	q->minrtt = q->minrtt ? MIN(q->minrtt, rtt) : rtt;
	if (rtt - q->minrtt >= delay)
		rtt -= delay;
	q->latest = rtt;
	if (!q->srtt) {
		q->srtt = rtt;
		q->rttvar = rtt / 2;
		return;
	}
	q->rttvar += (llabs(q->srtt - rtt) - q->rttvar) / 4;
	q->srtt += (rtt - q->srtt) / 8;
}

/* packets in */

/* what n ranges acknowledge, which descend */
static void
acked(Quic *q, const Range *r, int n, int64_t delay)
{
	int64_t top = r->b - 1, i, before = q->inflight;
	Quicpkt *p = pktof(q, top);
	int rtt = top >= q->first && p->out, any = 0;

	q->acked = MAX(q->acked, top);
	if (rtt) {
		measurertt(q, simnow - p->at, delay);
		if (q->cwnd < q->ssthresh && q->hystartpp)
			hystartpp(q);
		else if (q->cwnd < q->ssthresh)
			hystart(q);
	}
	for (; n > 0; n--, r++) {
		for (i = MAX(r->a, q->first); i < r->b; i++) {
			p = pktof(q, i);
			if (!p->out)
				continue;
			p->out = 0;
			p->fresh = 1;
			q->inflight -= p->size;
			any = 1;
		}
	}
	detect(q);
	for (i = q->first; i <= q->acked; i++) {
		p = pktof(q, i);
		if (p->fresh)
			grow(q, p, before);
		p->fresh = 0;
	}
	if (any)
		q->backoff = q->probes = 0;
	ptoarm(q);
}

/* An ACK is due for each two packets that elicit one, later for fewer of them,
 * at once if one is missing. Returns -1 if the packet has come before. */
static int
seen(Quic *q, int64_t n, int elicits)
{
	int64_t top = q->nseen ? q->seen[q->nseen - 1].b : 0;

	if (q->nseen == LEN(q->seen)) /* forget the lowest */
		memmove(q->seen, q->seen + 1, --q->nseen * sizeof(*q->seen));
	if (!rangeadd(q->seen, &q->nseen, LEN(q->seen), (Range){ n, n + 1 }))
		return -1;
	if (n >= top)
		q->seentime = simnow;
	if (!elicits)
		return 0;
	q->eliciting++;
	q->unacked++;
	if (n != top || q->eliciting == 1 ||
	    q->unacked >= (q->eliciting > Early ? q->acks : 2))
		q->acknow = 1;
	else if (q->ackdue == NEVER)
		q->ackdue = simnow + AckDelay;
	return 0;
}

/* Hand on what has come in order. */
static void
came(Quic *q)
{
	int64_t was = MAX(q->rcvnxt, hands(!q->side));

	if (q->data[0].a == 0)
		q->rcvnxt = q->data[0].b;
	if (q->ready == NEVER && q->rcvnxt >= hands(!q->side))
		q->ready = simnow;
	if (q->rcvnxt > was) {
		q->got += q->rcvnxt - was;
		q->onread(q, q->rcvnxt - was);
	}
}

void
quicinput(Quic *q, const uint8_t *d)
{
	const uint8_t *h = d + 28, *o, *a;
	int islong = *h & 0x80, n = 0, i;
	int64_t number;
	Range r[Ranges], data = { 0, 0 };

	if (get(h + (islong ? 6 : 1), 8) != q->id)
		return;
	a = o = h + (islong ? LongLen : ShortLen);
	number = get(o - 4, 4);
	if (*o == AckFrame) {
		r[0].b = get(o + 1, 4) + 1;
		r[0].a = r[0].b - get(o + 10, 4);
		for (o += 14, n = 1, i = a[9]; i > 0; i--, n++, o += 4) {
			r[n].b = r[n - 1].a - get(o, 2);
			r[n].a = r[n].b - get(o + 2, 2);
		}
	}
	if (*o == Stream) {
		data.a = get(o + 1, 8);
		data.b = data.a + get(o + 9, 2);
	}
	if ((data.b && rangeadd(q->data, &q->ndata, LEN(q->data), data) < 0) ||
	    seen(q, number, data.b > 0) < 0)
		return;
	if (n > 0)
		acked(q, r, n, get(a + 5, 4) * Us);
	if (data.b)
		came(q);
	quicsend(q);
}

/* life */

/* Send more bytes, once the handshake is over. */
void
quicwrite(Quic *q, int64_t bytes)
{
	q->end += bytes;
	quicsend(q);
}

void
quicinit(Quic *q, int size)
{
	q->size = size;
	q->pkt = calloc(size, sizeof(*q->pkt));
	q->again = calloc(size, sizeof(*q->again));
	if (!q->pkt || !q->again)
		exit(2);
	timerinit(&q->timer, fire, q);
}

/* Begin anew; who calls this sets what is his, and a client writes. */
void
quicopen(Quic *q, int side, int port, int service, uint64_t id)
{
	Quic fresh = { .pkt = q->pkt, .again = q->again, .size = q->size };

	quicclose(q);
	fresh.timer = q->timer;
	*q = fresh;
	q->side = side;
	q->port = port;
	q->service = service;
	q->id = id;
	q->ipid = id >> 16;
	q->acks = 2;
	q->end = hands(side);
	q->ready = q->losstime = q->pto = q->pace = q->ackdue = NEVER;
	q->roundmin = NEVER;
	q->acked = q->cutback = q->roundend = -1;
	q->cwnd = Initial * Payload;
	q->ssthresh = NEVER;
	q->budget = Burst * Payload;
}

void
quicclose(Quic *q)
{
	q->id = 0;
	timerset(&q->timer, NEVER);
}
