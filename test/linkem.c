/* See LICENSE file for copyright and license details.
 *
 * linkem joins two network namespaces by emulated links. A link is a pair of
 * TUN devices of one name, one in each namespace: what is sent into one end is
 * charged to a rate, delayed, perhaps lost, and comes out of the other.
 *
 *	linkem [-s seed] [-p fifo] nsA nsB name,addrA,addrB[,key=value...] ...
 *	linkem -t [-s seed] name,addrA,addrB[,key=value...] ... <lines
 *
 * An address has a prefix length, + joins several. The keys are for both
 * directions, after a. or b. for the one leaving namespace A or B:
 *	rate    Mbit/s, 0 is unlimited         over    bytes added to a packet
 *	delay   ms                             mtu     bytes
 *	jitter  ms, uniform on top of delay    silent  1 swallows everything
 *	loss    percent                        burst   mean length of a loss
 *	queue   ms of waiting, tail drop above
 *	pkts    packets waiting, instead of queue
 *	police  ms of rate in a token bucket, instead of any waiting
 * Links that move, in ms and Mbit/s; 0 is off:
 *	trace   FILE, each line the ms at which up to 1500 bytes may leave;
 *	        what nobody uses in that ms is gone; instead of rate
 *	walk    LO:HI:MS, each MS ms times a factor between 1/2 and 2; instead
 *	        of rate, from sqrt(LO * HI) on
 *	jump    LO:HI:MS, each MS ms another rate, uniform; instead of rate
 *	outage  EVERY:MEAN, nothing leaves for a while, both exponential
 *	delays  FILE of lines "ms delay", on top of delay from then on
 *	shift   PERIOD:MAX, each PERIOD another delay of 0 to MAX on top
 *	spike   PERIOD:LEN:EXTRA, delay on top at the end of a period
 * They begin when linkem does or one of them changes. A file begins again at
 * its end: a trace after the ms of its last line, delays with the trace of the
 * direction, or else after a whole number of seconds.
 * Nothing reorders. The pipe takes lines: "wg0 rate=5 a.loss=2", "wg0 down"
 * (the devices vanish), "wg0 up", "stats FILE".
 *
 * A packet: dirread, admit, enqueue; later dirwrite. Its departure and its
 * delivery are computed when it is read, as absolute times, so that waking up
 * late moves one packet and never the rate.
 * A rate that moves is a Pace: steps that draw from a seed, so that two Paces
 * of one direction take the same. One serves packets and is ahead of time, the
 * other counts for "stats" what could leave until now.
 * With -t there are no devices and no time. Lines begin with a time in ms, and
 * go on as those of the pipe do, or with link, a or b, and the length of a
 * packet: it is printed with its departure, its delivery, or "dropped" and
 * "lost", and the bytes that could leave so far.
 * The two directions of a link are two Dirs: Dir 0 carries what leaves
 * namespace A, reads the device there and writes the one of its peer, Dir 1.
 * The simulator's sim.c has links like these, with code of its own: the same
 * scenario over both shows what is wrong with one.
 * Begin with main(), then run(), then admit().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <math.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* macros */
#define LEN(a)       (sizeof(a) / sizeof((a)[0]))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAXLINKS     64
#define MAXADDRS     8
#define MAXPKT       65535
#define BATCH        64         /* packets read or written in one go */
#define TURN         150000     /* ns that a busy turn of the loop lasts */
#define LATEST       100000     /* ns, a wake later than that is a stall */
#define TXQLEN       5000       /* packets in the ring of a TUN */
#define CHUNK        131072     /* bytes, holds at least one MAXPKT */
#define CHUNKS       320        /* a direction: 1 s at 300 Mbit/s and more */
#define NEVER        INT64_MAX
#define MS           1000000    /* ns */
#define MAXMS        3600000    /* of a file */
#define MAXPKTS      10000      /* the most that pkts may be */
#define OPPORTUNITY  1500       /* bytes, of a trace's line */
#define UNLIMITED    1e9        /* bytes a ns */
#define PKTWORDS(n)  ((sizeof(Pkt) + (n) + 7) / 8)
#define AT(f)        offsetof(Conf, f)
#define DEFCONF      { .burst = 1, .queue = 100e6, .mtu = 1500 }

/* enums */
enum { PfdSig, PfdCtl, PfdDev };        /* slots of pfd, two a link follow */

/* types */
typedef struct Addr Addr;
struct Addr {
	int family, prefix;
	unsigned char ip[16];
};

/* a file, a value for each ms */
typedef struct Series Series;
struct Series {
	int64_t n;                      /* ms, then it begins again */
	double mean;
	double v[];                     /* opportunities; ns of delay */
};

/* what moves by itself */
typedef struct Moves Moves;
struct Moves {
	const Series *trace, *delays;
	double walk[3], jump[3];        /* Mbit/s: low, high; ms */
	double outage[2];               /* ns: mean time to it, its mean */
	double shift[2];                /* ns: period, most extra delay */
	double spike[3];                /* ns: period, length, extra delay */
};

typedef struct Conf Conf;
struct Conf {
	double rate;                    /* Mbit/s, 0 is unlimited */
	double delay, jitter, queue;    /* ns */
	double pkts, police;            /* packets; ns; 0 is neither */
	double loss, burst;             /* fraction; mean length, packets */
	double over, mtu;               /* bytes */
	double silent;                  /* 0 or 1 */
	Moves m;
};

typedef struct Key Key;
struct Key {
	const char *name, *form;        /* form: of what is not one number */
	size_t off;
	double scale, min, max;
	int whole;
};

/* the steps of a rate */
typedef struct Pace Pace;
struct Pace {
	int64_t t;                      /* ns, what could leave before has */
	int64_t end;                    /* ns, of the step that t is in */
	int64_t next, flip;             /* ns: of the rate, of an outage */
	double rate;                    /* Mbit/s drawn, 0 is the link's */
	double left;                    /* bytes of a trace's ms */
	int out;                        /* within an outage */
	uint64_t raterng, outrng;
};

typedef struct Pkt Pkt;
struct Pkt {
	int64_t start, depart;          /* ns, of its sending */
	int64_t hold, deliver;          /* ns; deliver >= depart + hold */
	size_t len;
	unsigned char data[];
};

/* a piece of a direction's queue; the pieces emptied last are used first,
 * which keeps memory and caches to what is in flight */
typedef struct Chunk Chunk;
struct Chunk {
	Chunk *next;
	size_t head, tail;              /* words of data */
	uint64_t data[CHUNK / 8 - 3];
};

typedef struct Dir Dir;
struct Dir {
	Dir *peer;
	Conf c;
	int fd, bad;                    /* bad: within a burst of losses */
	Addr addrs[MAXADDRS];
	size_t naddrs;
	Chunk *first, *last;
	int nchunks;
	int64_t depart, deliver;        /* ns, of the last packet */
	int64_t departs[MAXPKTS];       /* ns, of the last ones, a ring */
	uint64_t queued;                /* all ever written there */
	int64_t epoch;                  /* ns, the moves count from here */
	Pace pace, past;                /* ahead with depart; until now */
	double tokens;                  /* bytes, of police */
	double offered;                 /* bytes that could leave until now */
	uint64_t lossrng, jitterrng, moverng;
	uint64_t packets, bytes, lost, silent, dropped, passed;
};

typedef struct Link Link;
struct Link {
	char name[IFNAMSIZ];
	Dir d[2];
};

/* function declarations */
static void die(const char *, ...);
static int fail(const char *, ...);
static int64_t nanotime(void);
static uint64_t rnd(uint64_t *);
static double uniform(uint64_t *);

static void poolopen(void);
static Chunk *chunknew(void);
static Pkt *pktnew(Dir *, size_t);
static Pkt *pkthead(Dir *);
static void pktpop(Dir *);
static void pktpurge(Dir *);

static int number(const char *, char, double, double, int, double *);
static int values(const char *, const Key *, double *);
static const Key *keyfind(const char *, size_t);
static int confset(Link *, Conf *, const char *);
static int confcheck(const Link *, const Conf *);
static void confapply(Dir *, const Conf *);
static void requeue(Dir *);

static Series *seriesread(const Link *, const char *, int);
static int seriesline(const char *, int, int64_t *, double *);

static double exponential(double, uint64_t *);
static void movestart(Dir *);
static double walk(const double *, double, uint64_t *);
static void pacestep(const Dir *, Pace *);
static double pacerate(const Dir *, const Pace *);
static double pacetake(const Dir *, Pace *, double, int64_t);
static void offer(Dir *);
static int64_t serve(Dir *, double, int64_t);
static int64_t extradelay(const Dir *, int64_t);

static int devopen(Link *, int);
static int devsysctl(const char *, const char *, const char *);
static int devmtu(const Link *, int, double);
static int devaddr(int, const char *, const Addr *);
static int linkup(Link *);
static void linkdown(Link *);
static void linkgone(Link *);

static int dirread(Dir *);
static void admit(Dir *, size_t, int64_t);
static int lose(Dir *);
static int police(Dir *, double, int64_t);
static int full(const Dir *, int64_t);
static void enqueue(Dir *, size_t, int64_t);
static void dirwrite(Dir *);

static void ctlopen(void);
static void ctlread(void);
static int ctlline(char *);
static int ctllink(Link *, char *);
static int ctlstats(const char *);

static int64_t nextdue(void);
static void turnpause(void);
static void turnwait(void);
static void run(void);
static void addrparse(const Link *, Dir *, char *);
static void linkparse(char *, uint64_t);
static void setup(void);
static void drypkt(const char *, Dir *, const char *, int, size_t);
static int dryline(char *);
static void dryrun(void);
static void cleanup(void);
static void usage(void);

/* variables */
static const Key keys[] = {
	/* name   form                field         scale min  max    whole */
	{ "rate",   NULL,               AT(rate),     1,    0,   1e5,     0 },
	{ "delay",  NULL,               AT(delay),    1e6,  0,   1e5,     0 },
	{ "jitter", NULL,               AT(jitter),   1e6,  0,   1e5,     0 },
	{ "loss",   NULL,               AT(loss),     0.01, 0,   100,     0 },
	{ "burst",  NULL,               AT(burst),    1,    1,   1e5,     0 },
	{ "queue",  NULL,               AT(queue),    1e6,  0,   1e5,     0 },
	{ "pkts",   NULL,               AT(pkts),     1,    0,   MAXPKTS, 1 },
	{ "police", NULL,               AT(police),   1e6,  0,   1e5,     0 },
	{ "over",   NULL,               AT(over),     1,    0,   65535,   1 },
	{ "mtu",    NULL,               AT(mtu),      1,    68,  65535,   1 },
	{ "silent", NULL,               AT(silent),   1,    0,   1,       1 },
	{ "trace",  "FILE",             AT(m.trace),  0,    0,   0,       0 },
	{ "delays", "FILE",             AT(m.delays), 0,    0,   0,       0 },
	{ "walk",   "LO:HI:MS",         AT(m.walk),   1,    0.1, 1e6,     0 },
	{ "jump",   "LO:HI:MS",         AT(m.jump),   1,    0.1, 1e6,     0 },
	{ "outage", "EVERY:MEAN",       AT(m.outage), 1e6,  0.1, 1e9,     0 },
	{ "shift",  "PERIOD:MAX",       AT(m.shift),  1e6,  0.1, 1e9,     0 },
	{ "spike",  "PERIOD:LEN:EXTRA", AT(m.spike),  1e6,  0,   1e9,     0 },
};
static Link links[MAXLINKS];
static int nlinks;
static struct pollfd pfd[PfdDev + 2 * MAXLINKS];
static int nsfd[2];
static int64_t now;                     /* ns, read once a turn */
static int64_t late;                    /* ns, that a wake is, mean */
static int64_t lag, lead;               /* ns: read late, written early */
static int busy;                        /* turns follow closely: pause */
static int more;                        /* a BATCH was full: do not wait */
static Chunk *pool, *freechunks;
static int poolused;
static unsigned char buf[MAXPKT];
static char errtext[512];
static const char *ctlname;
static int ctlmade;

/* util */
static void
die(const char *fmt, ...)
{
	int e = errno;
	va_list ap;

	fputs("linkem: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (*fmt && fmt[strlen(fmt) - 1] == ':')
		fprintf(stderr, " %s", strerror(e));
	fputc('\n', stderr);
	cleanup();
	exit(1);
}

/* says in errtext what is wrong; the caller dies of it or goes on */
static int
fail(const char *fmt, ...)
{
	int e = errno, n;
	va_list ap;

	va_start(ap, fmt);
	n = vsnprintf(errtext, sizeof(errtext), fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(errtext) && errtext[n - 1] == ':')
		snprintf(errtext + n, sizeof(errtext) - n, " %s", strerror(e));
	return -1;
}

static int64_t
nanotime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* splitmix64 */
static uint64_t
rnd(uint64_t *s)
{
	uint64_t z;

	z = *s += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static double
uniform(uint64_t *s)
{
	return (rnd(s) >> 11) * 0x1p-53;
}

/* pool: the packets of each direction, first in first out */
static void
poolopen(void)
{
	const size_t size = 2 * nlinks * CHUNKS * sizeof(Chunk);

	pool = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pool == MAP_FAILED)
		die("mmap:");
	madvise(pool, size, MADV_DONTFORK);
}

static Chunk *
chunknew(void)
{
	Chunk *c;

	if ((c = freechunks))
		freechunks = c->next;
	else
		c = &pool[poolused++];
	c->next = NULL;
	c->head = c->tail = 0;
	return c;
}

static Pkt *
pktnew(Dir *d, size_t len)
{
	size_t n = PKTWORDS(len);
	Chunk *c = d->last;
	Pkt *p;

	if (!c || LEN(c->data) - c->tail < n) {
		if (d->nchunks == CHUNKS)
			return NULL;
		c = chunknew();
		d->nchunks++;
		if (d->last)
			d->last->next = c;
		else
			d->first = c;
		d->last = c;
	}
	p = (Pkt *)&c->data[c->tail];
	c->tail += n;
	p->len = len;
	return p;
}

static Pkt *
pkthead(Dir *d)
{
	return d->first ? (Pkt *)&d->first->data[d->first->head] : NULL;
}

static void
pktpop(Dir *d)
{
	Chunk *c = d->first;

	c->head += PKTWORDS(pkthead(d)->len);
	if (c->head < c->tail)
		return;
	if (!(d->first = c->next))
		d->last = NULL;
	d->nchunks--;
	c->next = freechunks;
	freechunks = c;
}

static void
pktpurge(Dir *d)
{
	for (; d->first; pktpop(d))
		d->dropped++;
	d->depart = d->deliver = 0;
	memset(d->departs, 0, sizeof(d->departs));
	offer(d);
	d->pace = d->past;
}

/* conf: key=value from the command line and the control pipe */
static int
number(const char *s, char last, double min, double max, int whole, double *v)
{
	char *end;
	double x;

	x = strtod(s, &end);
	if (end == s || *end != last || !(x >= min && x <= max))
		return -1;
	if (whole && x != (int)x)
		return -1;
	*v = x;
	return 0;
}

/* how many they are, or -1 */
static int
values(const char *s, const Key *k, double *v)
{
	const char *f;
	int i, n = 1;

	for (f = k->form; f && *f; f++)
		n += *f == ':';
	if (n > 1 && !strcmp(s, "0"))
		return n;
	for (i = 0; i < n; i++) {
		if (number(s, i < n - 1 ? ':' : '\0', k->min, k->max,
		    k->whole, &v[i]) < 0)
			return -1;
		v[i] *= k->scale;
		s += strcspn(s, ":") + 1;
	}
	return n;
}

static const Key *
keyfind(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < LEN(keys); i++)
		if (len == strlen(keys[i].name)
		    && !strncmp(s, keys[i].name, len))
			return &keys[i];
	return NULL;
}

static int
confset(Link *l, Conf *c, const char *arg)
{
	const char *key = arg, *val;
	const Series *file = NULL;
	const Key *k;
	double v[3] = { 0, 0, 0 };
	void *p = v;
	size_t size;
	int i, n, both = 1;

	if (!(val = strchr(arg, '=')))
		return fail("%s: %s: not key=value", l->name, arg);
	if (!strncmp(key, "a.", 2) || !strncmp(key, "b.", 2)) {
		both = 0;
		key += 2;
	}
	if (!(k = keyfind(key, val++ - key)))
		return fail("%s: %s: no such key", l->name, arg);
	if (k->form && !strcmp(k->form, "FILE")) {
		if (strcmp(val, "0") && !(file = seriesread(l, val,
		    !strcmp(k->name, "delays"))))
			return -1;
		p = &file;
		size = sizeof(file);
	} else {
		if ((n = values(val, k, v)) < 0)
			return fail("%s: %s: not %s from %g to %g", l->name,
			    arg, k->form ? k->form : k->whole ?
			    "a whole number" : "a number", k->min, k->max);
		size = n * sizeof(*v);
	}
	for (i = 0; i < 2; i++)
		if (both || *arg == "ab"[i])
			memcpy((char *)&c[i] + k->off, p, size);
	return 0;
}

static int
confcheck(const Link *l, const Conf *c)
{
	const Moves *m;
	size_t i, j;

	for (i = 0; i < 2; i++) {
		m = &c[i].m;
		if (c[i].loss < 1 && c[i].burst > 1
		    && c[i].loss > c[i].burst / (c[i].burst + 1))
			return fail("%s: loss=%g: more than burst=%g allows",
			    l->name, c[i].loss * 100, c[i].burst);
		for (j = 0; j < l->d[i].naddrs; j++)
			if (l->d[i].addrs[j].family == AF_INET6
			    && c[i].mtu < 1280)
				return fail("%s: mtu=%g: IPv6 needs 1280",
				    l->name, c[i].mtu);
		if (!!m->trace + (m->walk[0] > 0) + (m->jump[0] > 0) > 1)
			return fail("%s: trace, walk, jump: more than one",
			    l->name);
		if (m->walk[0] > m->walk[1] || m->jump[0] > m->jump[1])
			return fail("%s: walk, jump: LO above HI", l->name);
		if (m->spike[0] > 0 && m->spike[1] >= m->spike[0])
			return fail("%s: spike: LEN not below PERIOD",
			    l->name);
	}
	return 0;
}

static void
confapply(Dir *d, const Conf *c)
{
	const Conf old = d->c;

	offer(d);
	d->c = *c;
	if (memcmp(&old.m, &c->m, sizeof(c->m)))
		movestart(d);
	else if (old.rate == c->rate && old.pkts == c->pkts
	    && old.police == c->police)
		return;
	requeue(d);
}

/* what waits for its departure leaves as the links are now */
static void
requeue(Dir *d)
{
	Chunk *c;
	Pkt *p;
	size_t i;
	double part;
	int64_t deliver = 0;

	d->pace = d->past;
	d->tokens = UNLIMITED;
	memset(d->departs, 0, sizeof(d->departs));
	for (c = d->first; c; c = c->next) {
		for (i = c->head; i < c->tail; i += PKTWORDS(p->len)) {
			p = (Pkt *)&c->data[i];
			if (p->depart > now) {
				part = p->start >= now ? 1 :
				    (double)(p->depart - now)
				    / (p->depart - p->start);
				p->start = d->pace.t;
				p->depart = serve(d,
				    (p->len + d->c.over) * part, now);
				p->deliver = MAX(p->depart + p->hold, deliver);
				d->depart = p->depart;
			}
			deliver = p->deliver;
			d->departs[d->queued++ % MAXPKTS] = p->depart;
		}
	}
	if (deliver)
		d->deliver = deliver;
}

/* series: the files */
static Series *
seriesread(const Link *l, const char *name, int delays)
{
	FILE *fp;
	Series *s;
	char line[128];
	int64_t ms, first = 0, end = 0;
	double v = 0, before = 0;
	int n;

	if (!(fp = fopen(name, "r"))) {
		fail("%s: %s:", l->name, name);
		return NULL;
	}
	if (!(s = calloc(1, sizeof(*s) + (MAXMS + 1000) * sizeof(*s->v))))
		die("calloc:");
	for (n = 0; fgets(line, sizeof(line), fp); n++) {
		if (seriesline(line, delays, &ms, &v) < 0 || ms < end) {
			fail("%s: %s: line %d: not %s, ms from %d to %d",
			    l->name, name, n + 1, delays ? "ms and delay" :
			    "ms", (int)end, MAXMS);
			goto err;
		}
		if (!n)
			first = ms;
		while (end < ms)
			s->v[end++] += before;
		if (delays)
			before = v * MS;
		else
			s->v[ms]++;
	}
	if (!n || (!delays && !end)) {
		fail("%s: %s: %s", l->name, name,
		    n ? "the last line is 0 ms" : "empty");
		goto err;
	}
	fclose(fp);
	if (delays) {
		while (end % 1000 || !end)
			s->v[end++] = before;
		while (first > 0) /* the end goes on until there */
			s->v[--first] = before;
	} else {
		s->v[0] += s->v[end]; /* the end is the beginning */
		s->mean = (double)n / end;
	}
	s->n = end;
	return s;
err:
	fclose(fp);
	free(s);
	return NULL;
}

static int
seriesline(const char *line, int delays, int64_t *ms, double *v)
{
	char *end;

	*ms = strtoll(line, &end, 10);
	if (end == line || *ms > MAXMS)
		return -1;
	if (delays) {
		line = end;
		*v = strtod(line, &end);
		if (end == line || !(*v >= 0 && *v <= 100000))
			return -1;
	}
	return end[strspn(end, " \t\r\n")] ? -1 : 0;
}

/* move: the rate and the delays of a link that moves */
static double
exponential(double mean, uint64_t *rng)
{
	return -mean * log(1 - uniform(rng));
}

static void
movestart(Dir *d)
{
	d->epoch = now;
	d->past = (Pace){
		.t = now, .end = now, .next = now, .flip = now,
		.left = INFINITY, .out = 1,
		.raterng = d->moverng, .outrng = ~d->moverng,
	};
	pacestep(d, &d->past);
	d->pace = d->past;
	d->tokens = UNLIMITED;
}

/* the walk's next rate, reflected in its logarithm */
static double
walk(const double *w, double r, uint64_t *rng)
{
	if (r <= 0)
		return sqrt(w[0] * w[1]);
	r *= exp2(2 * uniform(rng) - 1);
	if (r > w[1])
		r = w[1] * w[1] / r;
	else if (r < w[0])
		r = w[0] * w[0] / r;
	return MIN(MAX(r, w[0]), w[1]);
}

static void
pacestep(const Dir *d, Pace *p)
{
	const Moves *m = &d->c.m;
	const int64_t t = p->end;

	if (t == p->next) {
		p->next = NEVER;
		if (m->trace) {
			p->left = OPPORTUNITY * m->trace->v[(t - d->epoch) / MS
			    % m->trace->n];
			p->next = t + MS;
		} else if (m->walk[2] > 0) {
			p->rate = walk(m->walk, p->rate, &p->raterng);
			p->next = t + m->walk[2] * MS;
		} else if (m->jump[2] > 0) {
			p->rate = m->jump[0] + (m->jump[1] - m->jump[0])
			    * uniform(&p->raterng);
			p->next = t + m->jump[2] * MS;
		}
	}
	if (t == p->flip) {
		p->out = !p->out;
		p->flip = NEVER;
		if (m->outage[0] > 0)
			p->flip = t + exponential(m->outage[p->out],
			    &p->outrng);
	}
	p->end = MIN(p->next, p->flip);
}

/* bytes a ns; an opportunity of a trace leaves at once */
static double
pacerate(const Dir *d, const Pace *p)
{
	const double mbits = p->rate > 0 ? p->rate : d->c.rate;

	return d->c.m.trace || mbits <= 0 ? UNLIMITED : mbits / 8000;
}

/* takes n bytes of what may leave, or less when that is all until then */
static double
pacetake(const Dir *d, Pace *p, double n, int64_t until)
{
	double got = 0, room, rate;
	int64_t end;

	while (p->t < until) {
		while (p->t >= p->end)
			pacestep(d, p);
		end = MIN(p->end, until);
		rate = pacerate(d, p);
		room = p->out ? 0 : MIN(p->left, (end - p->t) * rate);
		if (n - got <= room) {
			p->left -= n - got;
			p->t += (int64_t)((n - got) / rate);
			return n;
		}
		got += room;
		p->left -= room;
		p->t = end;
	}
	return got;
}

static void
offer(Dir *d)
{
	d->offered += pacetake(d, &d->past, INFINITY, now);
}

/* when n bytes that may leave from t on have left */
static int64_t
serve(Dir *d, double n, int64_t t)
{
	if (d->c.police > 0)
		return t;
	d->pace.t = MAX(d->pace.t, t);
	pacetake(d, &d->pace, n, NEVER);
	return d->pace.t;
}

/* what moves on top of delay, for what leaves at t */
static int64_t
extradelay(const Dir *d, int64_t t)
{
	const Moves *m = &d->c.m;
	const int64_t at = MAX(t - d->epoch, 0), period = m->spike[0];
	uint64_t rng = d->moverng;
	double ns = 0;
	int64_t i;

	if (period && at % period >= period - m->spike[1])
		ns += m->spike[2];
	if (m->delays) {
		i = at / MS % (m->trace ? m->trace : m->delays)->n;
		ns += m->delays->v[MIN(i, m->delays->n - 1)];
	}
	if (m->shift[0] > 0) {
		rng += at / (int64_t)m->shift[0];
		ns += m->shift[1] * uniform(&rng);
	}
	return ns;
}

/* dev: the TUN devices */
static int
devopen(Link *l, int end)
{
	static const char *const quiet[][2] = {
		{ "accept_dad", "0" },
		{ "accept_ra", "0" },
		{ "addr_gen_mode", "1" },       /* no link-local address */
		{ "router_solicitations", "0" },
	};
	Dir *d = &l->d[end];
	struct ifreq ifr;
	size_t i;
	int s;

	if (setns(nsfd[end], CLONE_NEWNET) < 0)
		return fail("%s: setns:", l->name);
	d->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (d->fd < 0)
		return fail("%s: open /dev/net/tun:", l->name);
	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, l->name, IFNAMSIZ);
	ifr.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL);
	if (ioctl(d->fd, TUNSETIFF, &ifr) < 0)
		return fail("%s: TUNSETIFF:", l->name);
	for (i = 0; i < LEN(quiet); i++)
		if (devsysctl(l->name, quiet[i][0], quiet[i][1]) < 0)
			return -1;
	if ((s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return fail("%s: socket:", l->name);
	ifr.ifr_mtu = d->c.mtu;
	if (ioctl(s, SIOCSIFMTU, &ifr) < 0) {
		fail("%s: mtu=%g:", l->name, d->c.mtu);
		goto err;
	}
	ifr.ifr_qlen = TXQLEN;
	if (ioctl(s, SIOCSIFTXQLEN, &ifr) < 0) {
		fail("%s: SIOCSIFTXQLEN:", l->name);
		goto err;
	}
	/* as WireGuard's: without IFF_MULTICAST no IGMP and MLD reports */
	ifr.ifr_flags = IFF_UP | IFF_POINTOPOINT | IFF_NOARP;
	if (ioctl(s, SIOCSIFFLAGS, &ifr) < 0) {
		fail("%s: SIOCSIFFLAGS:", l->name);
		goto err;
	}
	close(s);
	for (i = 0; i < d->naddrs; i++)
		if (devaddr(end, l->name, &d->addrs[i]) < 0)
			return -1;
	return 0;
err:
	close(s);
	return -1;
}

static int
devsysctl(const char *name, const char *key, const char *val)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", name,
	    key);
	if ((fd = open(path, O_WRONLY | O_CLOEXEC)) < 0)
		return errno == ENOENT ? 0 : fail("%s:", path); /* no IPv6 */
	if (write(fd, val, strlen(val)) < 0) {
		close(fd);
		return fail("%s:", path);
	}
	close(fd);
	return 0;
}

static int
devmtu(const Link *l, int end, double mtu)
{
	struct ifreq ifr;
	int s, r;

	if (setns(nsfd[end], CLONE_NEWNET) < 0)
		return fail("%s: setns:", l->name);
	if ((s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return fail("%s: socket:", l->name);
	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, l->name, IFNAMSIZ);
	ifr.ifr_mtu = mtu;
	if ((r = ioctl(s, SIOCSIFMTU, &ifr)) < 0)
		fail("%s: mtu=%g:", l->name, mtu);
	close(s);
	return r;
}

/* the namespace is that of the caller */
static int
devaddr(int end, const char *name, const Addr *a)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg m;
		struct rtattr at;
		unsigned char ip[16];
	} req;
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} ack;                  /* the request, which follows, is cut off */
	char text[INET6_ADDRSTRLEN];
	size_t n = a->family == AF_INET6 ? 16 : 4;
	int s, r = -1;

	memset(&req, 0, sizeof(req));
	req.h.nlmsg_len = NLMSG_LENGTH(sizeof(req.m)) + RTA_LENGTH(n);
	req.h.nlmsg_type = RTM_NEWADDR;
	req.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE
	    | NLM_F_EXCL;
	req.m.ifa_family = a->family;
	req.m.ifa_prefixlen = a->prefix;
	req.m.ifa_index = if_nametoindex(name);
	if (a->family == AF_INET6)
		req.m.ifa_flags = IFA_F_NODAD;
	req.at.rta_type = IFA_LOCAL;
	req.at.rta_len = RTA_LENGTH(n);
	memcpy(req.ip, a->ip, n);
	inet_ntop(a->family, a->ip, text, sizeof(text));
	s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (s < 0)
		return fail("%s: netlink:", name);
	memset(&ack, 0, sizeof(ack));
	if (send(s, &req, req.h.nlmsg_len, 0) < 0
	    || recv(s, &ack, sizeof(ack), 0) < 0)
		fail("%s: netlink:", name);
	else if ((errno = -ack.e.error))
		fail("%s: address %s/%d in namespace %c:", name, text,
		    a->prefix, "AB"[end]);
	else
		r = 0;
	close(s);
	return r;
}

static int
linkup(Link *l)
{
	int i;

	while (waitpid(-1, NULL, 0) > 0) /* the children of linkdown() */
		;
	for (i = 0; i < 2; i++) {
		if (devopen(l, i) < 0) {
			linkdown(l);
			return -1;
		}
		l->d[i].bad = 0;
		pfd[PfdDev + 2 * (l - links) + i].fd = l->d[i].fd;
	}
	return 0;
}

/* The last close of a TUN removes the device, and that takes the kernel tens
 * of ms in which no other link would be served: leave it to a child. */
static void
linkdown(Link *l)
{
	pid_t pid;
	int fd[2], i;
	char c;

	if (pipe2(fd, O_CLOEXEC) < 0)
		die("%s: pipe:", l->name);
	if ((pid = fork()) < 0)
		die("%s: fork:", l->name);
	if (!pid) {
		close(fd[1]);
		_exit(read(fd[0], &c, 1) != 0); /* until all is closed here */
	}
	close(fd[0]);
	for (i = 0; i < 2; i++) {
		pfd[PfdDev + 2 * (l - links) + i].fd = -1;
		if (l->d[i].fd >= 0)
			close(l->d[i].fd);
		l->d[i].fd = -1;
		pktpurge(&l->d[i]);
	}
	close(fd[1]);
}

/* someone else has deleted a device */
static void
linkgone(Link *l)
{
	fprintf(stderr, "linkem: %s: device deleted, link is down\n", l->name);
	linkdown(l);
}

/* packets: from the device of one end to that of the other */
static int
dirread(Dir *d)
{
	ssize_t n;
	int i;

	for (i = 0; i < BATCH; i++) {
		if ((n = read(d->fd, buf, sizeof(buf))) < 0)
			return errno == EBADFD ? -1 : 0; /* deleted */
		admit(d, n, nanotime() - lag);
	}
	more = 1;
	return 0;
}

static void
admit(Dir *d, size_t len, int64_t arrival)
{
	const double wire = len + d->c.over;
	int lost;

	d->packets++;
	d->bytes += len;
	lost = lose(d); /* always, or silence would shift the losses */
	if (d->c.silent) {
		d->silent++;
		return;
	}
	if (lost) {
		d->lost++;
		return;
	}
	if (d->c.police > 0 ? police(d, wire, arrival) < 0 :
	    full(d, arrival)) {
		d->dropped++;
		return;
	}
	enqueue(d, len, arrival);
}

/* Gilbert-Elliott: the bad state loses all, its mean length is burst */
static int
lose(Dir *d)
{
	const double p = d->c.loss, b = d->c.burst, u = uniform(&d->lossrng);

	if (p >= 1)
		return 1;
	if (b <= 1)
		return u < p;
	d->bad = d->bad ? u >= 1 / b : u < p / (b * (1 - p));
	return d->bad;
}

/* takes n bytes out of the bucket, or -1: there are less, or an outage */
static int
police(Dir *d, double n, int64_t arrival)
{
	const Series *trace = d->c.m.trace;
	double got, rate;

	got = pacetake(d, &d->pace, INFINITY, arrival);
	rate = trace ? OPPORTUNITY * trace->mean / MS : pacerate(d, &d->pace);
	d->tokens = MIN(d->tokens + got, rate * d->c.police);
	if (d->pace.out || d->tokens < n)
		return -1;
	d->tokens -= n;
	return 0;
}

static int
full(const Dir *d, int64_t arrival)
{
	if (d->c.pkts > 0) /* the packet so many before still waits */
		return d->departs[(d->queued - (unsigned)d->c.pkts) % MAXPKTS]
		    > arrival;
	return d->depart - arrival > d->c.queue;
}

static void
enqueue(Dir *d, size_t len, int64_t arrival)
{
	Pkt *p;

	if (!(p = pktnew(d, len))) {
		d->dropped++;
		return;
	}
	memcpy(p->data, buf, len);
	p->start = MAX(arrival, d->depart);
	p->depart = serve(d, len + d->c.over, p->start);
	p->hold = d->c.delay + extradelay(d, p->depart);
	if (d->c.jitter > 0)
		p->hold += d->c.jitter * uniform(&d->jitterrng);
	p->deliver = MAX(p->depart + p->hold, d->deliver);
	d->depart = p->depart;
	d->departs[d->queued++ % MAXPKTS] = p->depart;
	d->deliver = p->deliver;
}

static void
dirwrite(Dir *d)
{
	Pkt *p;
	int i;

	for (i = 0; i < BATCH; i++) {
		if (!(p = pkthead(d)) || p->deliver > now + lead)
			return;
		if (write(d->peer->fd, p->data, p->len) < 0)
			d->dropped++;
		else
			d->passed++;
		pktpop(d);
	}
	more = 1;
}

/* ctl: the control pipe */
static void
ctlopen(void)
{
	if (mkfifo(ctlname, 0600) < 0)
		die("mkfifo %s:", ctlname);
	ctlmade = 1;
	/* O_RDWR: with a writer of our own there is never an end of file */
	pfd[PfdCtl].fd = open(ctlname, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (pfd[PfdCtl].fd < 0)
		die("open %s:", ctlname);
}

static void
ctlread(void)
{
	static char line[4096];
	static size_t len;
	static int skip;
	char *s, *end, copy[64];
	ssize_t n;

	n = read(pfd[PfdCtl].fd, line + len, sizeof(line) - len);
	if (n <= 0)
		return;
	len += n;
	for (s = line; (end = memchr(s, '\n', line + len - s)); s = end + 1) {
		*end = '\0';
		snprintf(copy, sizeof(copy), "%.60s", s);
		if (!skip && ctlline(s) < 0)
			fprintf(stderr, "linkem: control line `%s': %s\n",
			    copy, errtext);
		skip = 0;
	}
	len -= s - line;
	memmove(line, s, len);
	if (len == sizeof(line)) {
		fprintf(stderr, "linkem: control line `%.60s': too long\n",
		    line);
		len = 0;
		skip = 1;
	}
}

static int
ctlline(char *s)
{
	const char *word;
	char *rest;
	int i;

	if (!(word = strtok_r(s, " \t\r", &rest)))
		return 0;
	if (!strcmp(word, "stats"))
		return ctlstats(strtok_r(NULL, " \t\r", &rest));
	for (i = 0; i < nlinks; i++)
		if (!strcmp(word, links[i].name))
			return ctllink(&links[i], rest);
	return fail("%s: no such link", word);
}

static int
ctllink(Link *l, char *s)
{
	Conf c[2];
	const char *word;
	char *rest;
	int i;

	if (!(word = strtok_r(s, " \t\r", &rest)))
		return fail("%s: nothing to do", l->name);
	if (!strcmp(word, "up"))
		return l->d[0].fd < 0 ? linkup(l) : 0;
	if (!strcmp(word, "down")) {
		if (l->d[0].fd >= 0)
			linkdown(l);
		return 0;
	}
	for (i = 0; i < 2; i++)
		c[i] = l->d[i].c;
	for (; word; word = strtok_r(NULL, " \t\r", &rest))
		if (confset(l, c, word) < 0)
			return -1;
	if (confcheck(l, c) < 0)
		return -1;
	for (i = 0; i < 2; i++)
		if (c[i].mtu != l->d[i].c.mtu && l->d[i].fd >= 0
		    && devmtu(l, i, c[i].mtu) < 0)
			return -1;
	for (i = 0; i < 2; i++)
		confapply(&l->d[i], &c[i]);
	return 0;
}

static int
ctlstats(const char *name)
{
	char tmp[4096];
	Dir *d;
	FILE *fp;
	int i, j;

	if (!name)
		return fail("stats: no file named");
	snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	if (!(fp = fopen(tmp, "w")))
		return fail("%s:", tmp);
	for (i = 0; i < nlinks; i++) {
		for (j = 0; j < 2; j++) {
			d = &links[i].d[j];
			offer(d);
			fprintf(fp, "%s %c packets=%" PRIu64 " bytes=%" PRIu64
			    " lost=%" PRIu64 " silent=%" PRIu64 " dropped=%"
			    PRIu64 " passed=%" PRIu64 " queue_us=%" PRId64
			    " offered=%.0f\n", links[i].name, "ab"[j],
			    d->packets, d->bytes, d->lost, d->silent,
			    d->dropped, d->passed,
			    MAX(d->depart - now, 0) / 1000, d->offered);
		}
	}
	i = ferror(fp);
	if (fclose(fp) || i)
		return fail("%s:", tmp);
	if (rename(tmp, name) < 0)
		return fail("rename %s:", tmp);
	return 0;
}

/* life */
static int64_t
nextdue(void)
{
	const Pkt *p;
	int64_t due = NEVER;
	int i, j;

	for (i = 0; i < nlinks; i++)
		for (j = 0; j < 2; j++)
			if ((p = pkthead(&links[i].d[j])) && p->deliver < due)
				due = p->deliver;
	return due;
}

/* Waking up is what costs most. When turns follow closely each lasts a TURN:
 * what comes meanwhile is taken to have come in the middle, what is due until
 * half a TURN later goes at once, so that the delays stay right in the mean.
 * Without load there is no pause, and every packet has a wake of its own. */
static void
turnpause(void)
{
	const int64_t until = now + TURN;
	struct timespec ts;

	ts.tv_sec = until / 1000000000;
	ts.tv_nsec = until % 1000000000;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void
turnwait(void)
{
	struct timespec ts;
	int64_t due, start, half, wait = 0, last = now;
	int n;

	due = nextdue();
	start = nanotime();
	if (!more && due - late > start)
		wait = due - late - start;
	ts.tv_sec = wait / 1000000000;
	ts.tv_nsec = wait % 1000000000;
	n = ppoll(pfd, PfdDev + 2 * nlinks,
	    due == NEVER && !more ? NULL : &ts, NULL);
	if (n < 0 && errno != EINTR)
		die("ppoll:");
	now = nanotime();
	if (!n && wait)
		late += (MIN(now - start - wait, LATEST) - late) / 16;
	half = MIN(now - last, 2 * TURN) / 2;
	lag = busy && !more && now - start < TURN / 10 ? half : late;
	busy = now - last < 2 * TURN;
	lead = busy ? half : late;
}

static void
run(void)
{
	int i;

	for (;;) {
		turnwait();
		if (pfd[PfdSig].revents)
			return;
		more = 0;
		for (i = 0; i < 2 * nlinks; i++)
			if (pfd[PfdDev + i].fd >= 0 && pfd[PfdDev + i].revents
			    && dirread(&links[i / 2].d[i % 2]) < 0)
				linkgone(&links[i / 2]);
		for (i = 0; i < 2 * nlinks; i++)
			dirwrite(&links[i / 2].d[i % 2]);
		if (pfd[PfdCtl].revents)
			ctlread();
		if (busy && !more)
			turnpause();
	}
}

static void
addrparse(const Link *l, Dir *d, char *s)
{
	char *one, *rest, *slash;
	Addr *a;
	double prefix;

	for (one = strtok_r(s, "+", &rest); one;
	    one = strtok_r(NULL, "+", &rest)) {
		if (d->naddrs == MAXADDRS)
			die("%s: %s: too many addresses", l->name, one);
		a = &d->addrs[d->naddrs++];
		if (!(slash = strchr(one, '/')))
			die("%s: %s: no prefix length", l->name, one);
		a->family = strchr(one, ':') ? AF_INET6 : AF_INET;
		if (number(slash + 1, '\0', 0, a->family == AF_INET6 ? 128 :
		    32, 1, &prefix) < 0)
			die("%s: %s: bad prefix length", l->name, one);
		a->prefix = prefix;
		*slash = '\0';
		if (inet_pton(a->family, one, a->ip) != 1)
			die("%s: %s: bad address", l->name, one);
	}
}

static void
linkparse(char *s, uint64_t seed)
{
	Link *l = &links[nlinks];
	Conf c[2] = { DEFCONF, DEFCONF };
	const char *name;
	char *addr[2], *word, *rest;
	int i;

	if (nlinks == MAXLINKS)
		die("%s: too many links", s);
	name = strtok_r(s, ",", &rest);
	if (!name || strlen(name) >= IFNAMSIZ || strpbrk(name, "/%: \t")
	    || !strcmp(name, ".") || !strcmp(name, "..")
	    || !strcmp(name, "stats"))
		die("%s: bad link name", name ? name : "");
	for (i = 0; i < nlinks; i++)
		if (!strcmp(name, links[i].name))
			die("%s: named twice", name);
	strcpy(l->name, name);
	for (i = 0; i < 2; i++)
		if (!(addr[i] = strtok_r(NULL, ",", &rest)))
			die("%s: no address for namespace %c", name, "AB"[i]);
	for (i = 0; i < 2; i++)
		addrparse(l, &l->d[i], addr[i]);
	while ((word = strtok_r(NULL, ",", &rest)))
		if (confset(l, c, word) < 0)
			die("%s", errtext);
	if (confcheck(l, c) < 0)
		die("%s", errtext);
	seed ^= rnd(&(uint64_t){ nlinks + 1 });
	for (i = 0; i < 2; i++) {
		l->d[i].peer = &l->d[!i];
		l->d[i].fd = -1;
		l->d[i].c = c[i];
		l->d[i].lossrng = rnd(&seed);
		l->d[i].jitterrng = rnd(&seed);
		l->d[i].moverng = rnd(&seed);
		l->d[i].queued = MAXPKTS;
	}
	nlinks++;
}

static void
setup(void)
{
	struct sched_param sp = { .sched_priority = 1 };
	sigset_t set;
	int i;

	poolopen();
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	if ((pfd[PfdSig].fd = signalfd(-1, &set, SFD_CLOEXEC)) < 0)
		die("signalfd:");
	pfd[PfdCtl].fd = -1;
	for (i = 0; i < PfdDev + 2 * nlinks; i++)
		pfd[i].events = POLLIN;
	for (i = 0; i < nlinks; i++)
		if (linkup(&links[i]) < 0)
			die("%s", errtext);
	if (ctlname)
		ctlopen();
	/* both are only for accuracy, and may be forbidden */
	prctl(PR_SET_TIMERSLACK, 1);
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &sp);
	now = nanotime();
	for (i = 0; i < 2 * nlinks; i++)
		movestart(&links[i / 2].d[i % 2]);
}

/* dry: lines instead of devices and time */
static void
drypkt(const char *ms, Dir *d, const char *name, int dir, size_t len)
{
	const uint64_t queued = d->queued, dropped = d->dropped;

	admit(d, len, now);
	offer(d);
	printf("%s %s %c ", ms, name, dir);
	if (d->queued > queued)
		printf("%.6f %.6f", d->depart / 1e6, d->deliver / 1e6);
	else
		printf("%s -", d->dropped > dropped ? "dropped" : "lost");
	printf(" %.0f\n", d->offered);
}

static int
dryline(char *s)
{
	const char *word;
	const Pkt *p;
	char *rest, name[IFNAMSIZ], dir;
	double ms;
	unsigned len;
	int i, end = 0;

	if (!(word = strtok_r(s, " \t\r", &rest)))
		return 0;
	if (number(word, '\0', now / 1e6, 1e9, 0, &ms) < 0)
		return fail("%s: not a time from %g ms on", word, now / 1e6);
	now = ms * MS;
	for (i = 0; i < 2 * nlinks; i++)
		while ((p = pkthead(&links[i / 2].d[i % 2]))
		    && p->deliver <= now)
			pktpop(&links[i / 2].d[i % 2]);
	if (sscanf(rest, "%15s %c %u %n", name, &dir, &len, &end) < 3
	    || rest[end] || len > MAXPKT || (dir != 'a' && dir != 'b'))
		return ctlline(rest);
	for (i = 0; i < nlinks; i++) {
		if (!strcmp(name, links[i].name)) {
			drypkt(word, &links[i].d[dir == 'b'], name, dir, len);
			return 0;
		}
	}
	return fail("%s: no such link", name);
}

static void
dryrun(void)
{
	char line[4096];
	int i, n;

	poolopen();
	for (i = 0; i < 2 * nlinks; i++)
		movestart(&links[i / 2].d[i % 2]);
	for (n = 1; fgets(line, sizeof(line), stdin); n++) {
		line[strcspn(line, "\n")] = '\0';
		if (dryline(line) < 0)
			die("line %d: %s", n, errtext);
	}
}

static void
cleanup(void)
{
	if (ctlmade)
		unlink(ctlname);
}

static void
usage(void)
{
	fputs("usage: linkem [-s seed] [-p fifo] nsA nsB "
	    "name,addrA,addrB[,key=value...] ...\n"
	    "       linkem -t [-s seed] "
	    "name,addrA,addrB[,key=value...] ...\n", stderr);
	exit(1);
}

int
main(int argc, char *argv[])
{
	char path[4096], *end;
	uint64_t seed = 1;
	int c, i, dry = 0;

	while ((c = getopt(argc, argv, "s:p:t")) != -1) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, &end, 0);
			if (end == optarg || *end)
				die("-s %s: not a number", optarg);
			break;
		case 'p':
			ctlname = optarg;
			break;
		case 't':
			dry = 1;
			break;
		default:
			usage();
		}
	}
	if (argc - optind < (dry ? 1 : 3))
		usage();
	for (i = 0; i < 2 && !dry; i++) {
		snprintf(path, sizeof(path), "/run/netns/%s", argv[optind++]);
		if ((nsfd[i] = open(path, O_RDONLY | O_CLOEXEC)) < 0)
			die("open %s:", path);
	}
	for (; optind < argc; optind++)
		linkparse(argv[optind], seed);
	if (dry) {
		dryrun();
		return 0;
	}
	setup();
	puts("ready");
	fflush(stdout);
	run();
	cleanup();
	return 0;
}
