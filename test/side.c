/* See LICENSE file for copyright and license details.
 *
 * One end of the tunnel for the simulator: udpbond.c as it is, but its system
 * calls are sim.c's. It is compiled twice, with -DSIDE=side0 and side1, so
 * that each end has variables of its own. The config.h it finds is
 * config.def.h with links, parity and compress that can be written.
 */
#include "fake.h"
#include "sim.h"

#define JOIN(a, b)      a ## b
#define NAME(a, b)      JOIN(a, b)
#define main            NAME(SIDE, main)

#include "udpbond.c"

#undef main

#include "state.h"

typedef char checksides[LEN(links) == SimLinks ? 1 : -1];

static void
sidestart(const SimConf *c)
{
	static State fresh;
	static int saved;
	int i;

	if (!saved++)
		statesave(&fresh);
	staterestore(&fresh);
	role = c->server ? Server : Client;
	loop.interval = 0;
	chrootdir = NULL;
	keyfile = c->keyed ? "key" : NULL;
	if (c->parity >= 0)
		parity = c->parity;
	if (c->compress >= 0)
		compress = c->compress;
	for (i = 0; i < LEN(links); i++) {
		links[i].up = c->link[i].up;
		links[i].down = c->link[i].down;
		links[i].priority = c->link[i].prio;
	}
	linksinit();
	setup();
}

static void
sideturn(int fromtun, int fromlinks)
{
	static unsigned turns;
	struct pollfd pfd[PfdLast];
	int i;

	memset(pfd, 0, sizeof(pfd));
	pfd[PfdTun].revents = fromtun ? POLLIN : 0;
	for (i = 0; i < LEN(links); i++)
		pfd[PfdLink + i].revents = fromlinks & 1 << i ? POLLIN : 0;
	turn(pfd);
	if (++turns % 2048 == 0 && !poolsound()) {
		warn("packets are held wrongly");
		exit(3);
	}
}

static void
sidelink(int i, SimLink *s)
{
	const Link *l = &bond[i];

	s->name = l->name;
	s->works = usable(l, NULL);
	s->up = s->works && !l->spare;
	s->state = l->flight.stalled ? "stalled" : statename[l->state];
	s->rate = l->pace.rate;
	s->burst = l->pace.burst;
	s->srtt = l->delay.srtt / Us;
	s->owd = l->delay.owd / Us;
	s->loss = l->loss.ratio;
	s->score = l->score;
	s->payload = linkpayload(l) + OrderLen;
	s->shut = full(l);
	s->quick = survey.step && l == survey.best;
}

/* Set what the link carries. The estimate is at rest for a second. */
static void
siderate(int i, int64_t bps)
{
	Link *l = &bond[i];

	l->pace.rate = bps;
	l->control = (Control){ .got = bps, .gotmax = bps };
	ratebound(l);
	windowset(l);
	surveylinks();
}

static void
sidestat(SimStat *s)
{
	static const int gates[] = {
		DropShort, DropForm, DropAddr, DropAuth, DropSession,
		DropWindow, DropMartian, DropVersion
	};
	int i;

	s->queued = queues.queued;
	s->express = queues.express.len;
	s->acks = queues.acks.len;
	s->again = tx.repairs.len;
	s->pool = pool.size;
	s->held = pool.used - pool.nfrees;
	/* what parity needs may be held, as long as nothing else comes */
	for (i = 0; i < cover.n; i++)
		s->held -= pool.refs[cover.pkts[i] - pool.pkts] == 1;
	for (i = 0; i < Columns; i++)
		s->held -= coded.pkts[i] &&
		    pool.refs[coded.pkts[i] - pool.pkts] == 1;
	s->late = counts[CntLate];
	s->lost = counts[CntLost];
	s->recovered = counts[CntRecovered];
	s->nopool = drops[DropPool];
	s->dropped = s->nopool;
	for (i = 0; i < LEN(gates); i++)
		s->dropped += drops[gates[i]];
	s->reorderms = reorderms;
}

/* Is the first packet in a datagram of a link an express packet or an ACK? */
static int
sideexpress(int link, const void *wire)
{
	size_t at = (const uint8_t *)wire - (const uint8_t *)pool.pkts;
	size_t nth = (const uint8_t *)wire - sealed[0];

	return (keyfile ? bond[link].out.pkts[nth / sizeof(sealed[0])] :
	    &pool.pkts[at / sizeof(*pool.pkts)])->class != Ordered;
}

/* Write the records of a datagram that is being sent, and 8 bytes of its key.
 * Returns their length. */
static int
sideopen(uint8_t *o, const uint8_t *d, int len, uint64_t *with)
{
	const uint8_t *key = !keyfile ? NULL : d[8] == FlagSealed ?
	    peer.session.keys.tx : d[8] == (FlagSealed | SealConfirm) ?
	    peer.proposed.keys.tx : peer.hello.keys.tx;
	int at = HdrLen + (!keyfile || d[8] == FlagSealed ? 0 : ShakeLen);
	uint8_t nonce[NonceLen];
	Rec r;
	int n;

	if (!keyfile) {
		memcpy(o, d, len);
		return len;
	}
	*with = get(key, 8);
	noncemake(nonce, d);
	if (decipher(key, nonce, d, at, d + at, len - at, o) < 0)
		return -1;
	len -= at + MacLen;
	for (at = 0; (n = decode(o + at, len - at, &r)) > 0; at += n)
		;
	return at;
}

static int64_t
sidetimeout(void)
{
	return (polltimeout() + Us - 1) / Us;
}

static const char *
sidereport(void)
{
	static Text t;

	t.len = 0;
	metrics(&t);
	return t.buf;
}

const SimSide SIDE = {
	sidestart, cleanup, sideturn, sidetimeout, sidelink, siderate,
	sidestat, sideexpress, sideopen, unsqueeze, sidereport
};
