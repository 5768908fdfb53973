/* See LICENSE file for copyright and license details.
 *
 * The variables of udpbond.c as a whole, to save and restore, and the packets
 * that they hold. Include this file behind udpbond.c. test.sh compares STATE
 * with the variables that the compiler made, so name each new one here.
 * Static variables of functions are not saved: they hold nothing from one call
 * to the next.
 */

/* Run F on each variable that changes while the program runs. */
#define STATE(F) \
	F(role) F(now) F(counts) F(kinds) F(past) F(drops) F(offload) F(gro) \
	F(loop) F(tun) F(ctl) F(rtnetlink) F(devices) F(pool) F(keys) \
	F(peer) F(queues) \
	F(tx) F(cover) F(rx) F(coded) F(survey) F(bond) F(nets) F(host) \
	F(ways) F(warnings)

typedef struct {
#define MEMBER(v) char v[(sizeof(v) + 7) / 8 * 8]; /* pointers are aligned */
	STATE(MEMBER)
} State;

static inline void
statesave(State *s)
{
#define SAVE(v) memcpy(s->v, (void *)&v, sizeof(v));
	STATE(SAVE)
}

static inline void
staterestore(const State *s)
{
#define RESTORE(v) memcpy((void *)&v, s->v, sizeof(v));
	STATE(RESTORE)
}

/* Count one more place that holds the packets, each behind the other. */
static inline void
holds(uint8_t *refs, const Pkt *p, int all)
{
	for (; p; p = all ? p->next : NULL)
		refs[p - pool.pkts]++;
}

/* Is each packet either free, or held in as many places as it counts? */
static inline int
poolsound(void)
{
	static uint8_t refs[1 << 16];
	const Link *l;
	int i, k, free = 0;

	if (pool.used > LEN(refs))
		return 0;
	memset(refs, 0, pool.used);
	holds(refs, queues.express.head, 1);
	holds(refs, queues.acks.head, 1);
	holds(refs, tx.repairs.head, 1);
	for (i = 0; i < Nflows; i++)
		holds(refs, queues.flows[i].queue.head, 1);
	for (i = 0; i < keeppkts; i++)
		holds(refs, tx.sent[i].p, 0);
	for (i = 0; i < reorderpkts; i++)
		holds(refs, rx.slots[i].p, 0);
	for (i = 0; i < Window; i++)
		holds(refs, i < cover.n ? cover.pkts[i] : NULL, 0);
	for (i = 0; i < Columns; i++)
		holds(refs, coded.pkts[i], 0);
	for (l = bond; l; l = l->next)
		for (i = 0; i < l->out.n; i++)
			holds(refs, l->out.pkts[i], 0);
	for (i = 0; i < Ngros; i++)
		for (k = 0; k < gro.by[i].n; k++)
			holds(refs, gro.by[i].pkts[k], 0);
	for (i = 0; i < pool.used; i++) {
		if (refs[i] != pool.refs[i])
			return 0;
		free += !refs[i];
	}
	for (i = 0; i < pool.nfrees; i++) {
		k = pool.frees[i] - pool.pkts;
		if (refs[k])      /* held, or free twice */
			return 0;
		refs[k] = 1;
	}
	return free == pool.nfrees;
}
