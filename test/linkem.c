/* See LICENSE file for copyright and license details.
 *
 * linkem joins two network namespaces by emulated links. A link is a pair of
 * TUN devices of one name, one in each namespace: what is sent into one end is
 * charged to a rate, delayed, perhaps lost, and comes out of the other.
 *
 *	linkem [-s seed] [-p fifo] nsA nsB name,addrA,addrB[,key=value...] ...
 *
 * An address has a prefix length, + joins several. The keys are for both
 * directions, after a. or b. for the one leaving namespace A or B:
 *	rate    Mbit/s, 0 is unlimited         over    bytes added to a packet
 *	delay   ms                             mtu     bytes
 *	jitter  ms, uniform on top of delay    silent  1 swallows everything
 *	loss    percent                        spike   PERIOD:LENGTH:EXTRA ms,
 *	burst   mean length of a loss                  delay at a period's end
 *	queue   ms of waiting, tail drop above
 * Nothing reorders. The pipe takes lines: "wg0 rate=5 a.loss=2", "wg0 down"
 * (the devices vanish), "wg0 up", "stats FILE".
 *
 * A packet: dirread, admit, enqueue; later dirwrite. Its departure and its
 * delivery are computed when it is read, as absolute times, so that waking up
 * late moves one packet and never the rate.
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
#define PKTWORDS(n)  ((sizeof(Pkt) + (n) + 7) / 8)
#define DEFCONF      { .burst = 1, .queue = 100e6, .mtu = 1500 }

/* enums */
enum { PfdSig, PfdCtl, PfdDev };        /* slots of pfd, two a link follow */

/* types */
typedef struct Addr Addr;
struct Addr {
	int family, prefix;
	unsigned char ip[16];
};

typedef struct Conf Conf;
struct Conf {
	double rate;                    /* Mbit/s, 0 is unlimited */
	double delay, jitter, queue;    /* ns */
	double loss, burst;             /* fraction; mean length, packets */
	double over, mtu;               /* bytes */
	double silent;                  /* 0 or 1 */
	double spike[3];                /* ns: period, length, extra delay */
};

typedef struct Key Key;
struct Key {
	const char *name;
	size_t off;
	double scale, min, max;
	int whole;
};

typedef struct Pkt Pkt;
struct Pkt {
	int64_t depart, hold, deliver;  /* ns; deliver >= depart + hold */
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
	int64_t epoch;                  /* ns, spikes count from here */
	uint64_t lossrng, jitterrng;
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

static Chunk *chunknew(void);
static Pkt *pktnew(Dir *, size_t);
static Pkt *pkthead(Dir *);
static void pktpop(Dir *);
static void pktpurge(Dir *);

static int number(const char *, double, double, int, double *);
static int confset(Link *, Conf *, const char *);
static int confspike(Conf *, const char *);
static int confcheck(const Link *, const Conf *);
static void confapply(Dir *, const Conf *);
static void rescale(Dir *, double);

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
static int64_t spike(const Dir *, int64_t);
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
static void cleanup(void);
static void usage(void);

/* variables */
static const Key keys[] = {
	/* name      field                    scale  min  max     whole */
	{ "rate",    offsetof(Conf, rate),    1,     0,   100000, 0 },
	{ "delay",   offsetof(Conf, delay),   1e6,   0,   100000, 0 },
	{ "jitter",  offsetof(Conf, jitter),  1e6,   0,   100000, 0 },
	{ "loss",    offsetof(Conf, loss),    0.01,  0,   100,    0 },
	{ "burst",   offsetof(Conf, burst),   1,     1,   100000, 0 },
	{ "queue",   offsetof(Conf, queue),   1e6,   0,   100000, 0 },
	{ "over",    offsetof(Conf, over),    1,     0,   65535,  1 },
	{ "mtu",     offsetof(Conf, mtu),     1,     68,  65535,  1 },
	{ "silent",  offsetof(Conf, silent),  1,     0,   1,      1 },
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
}

/* conf: key=value from the command line and the control pipe */
static int
number(const char *s, double min, double max, int whole, double *v)
{
	char *end;
	double x;

	x = strtod(s, &end);
	if (end == s || *end || !(x >= min && x <= max))
		return -1;
	if (whole && x != (int)x)
		return -1;
	*v = x;
	return 0;
}

static int
confset(Link *l, Conf *c, const char *arg)
{
	const char *key = arg, *val;
	size_t i, len;
	double v;
	int a = 1, b = 1;

	if (!(val = strchr(arg, '=')))
		return fail("%s: %s: not key=value", l->name, arg);
	if (!strncmp(key, "a.", 2) || !strncmp(key, "b.", 2)) {
		a = *key == 'a';
		b = *key == 'b';
		key += 2;
	}
	len = val++ - key;
	if (len == 5 && !strncmp(key, "spike", len)) {
		if ((a && confspike(&c[0], val) < 0)
		    || (b && confspike(&c[1], val) < 0))
			return fail("%s: %s: not 0 or PERIOD:LENGTH:EXTRA "
			    "in ms, LENGTH below PERIOD", l->name, arg);
		return 0;
	}
	for (i = 0; i < LEN(keys); i++)
		if (len == strlen(keys[i].name)
		    && !strncmp(key, keys[i].name, len))
			break;
	if (i == LEN(keys))
		return fail("%s: %s: no such key", l->name, arg);
	if (number(val, keys[i].min, keys[i].max, keys[i].whole, &v) < 0)
		return fail("%s: %s: not a%s number from %g to %g", l->name,
		    arg, keys[i].whole ? " whole" : "", keys[i].min,
		    keys[i].max);
	v *= keys[i].scale;
	if (a)
		memcpy((char *)&c[0] + keys[i].off, &v, sizeof(v));
	if (b)
		memcpy((char *)&c[1] + keys[i].off, &v, sizeof(v));
	return 0;
}

static int
confspike(Conf *c, const char *val)
{
	double v[3] = { 0, 0, 0 };
	int n = 0;

	if (strcmp(val, "0") && (sscanf(val, "%lf:%lf:%lf%n", &v[0], &v[1],
	    &v[2], &n) != 3 || val[n] || !(v[1] >= 0 && v[0] > v[1]
	    && v[0] <= 1e9 && v[2] >= 0 && v[2] <= 1e5)))
		return -1;
	for (n = 0; n < 3; n++)
		c->spike[n] = v[n] * 1e6;
	return 0;
}

static int
confcheck(const Link *l, const Conf *c)
{
	size_t i, j;

	for (i = 0; i < 2; i++) {
		if (c[i].loss < 1 && c[i].burst > 1
		    && c[i].loss > c[i].burst / (c[i].burst + 1))
			return fail("%s: loss=%g: more than burst=%g allows",
			    l->name, c[i].loss * 100, c[i].burst);
		for (j = 0; j < l->d[i].naddrs; j++)
			if (l->d[i].addrs[j].family == AF_INET6
			    && c[i].mtu < 1280)
				return fail("%s: mtu=%g: IPv6 needs 1280",
				    l->name, c[i].mtu);
	}
	return 0;
}

static void
confapply(Dir *d, const Conf *c)
{
	double old = d->c.rate;

	if (memcmp(d->c.spike, c->spike, sizeof(c->spike)))
		d->epoch = now;
	d->c = *c;
	if (old > 0 && old != c->rate)
		rescale(d, c->rate > 0 ? old / c->rate : 0);
}

/* what waits for its departure leaves at the new rate, f times as slowly */
static void
rescale(Dir *d, double f)
{
	Chunk *c;
	Pkt *p;
	size_t i;
	int64_t deliver = 0;

	for (c = d->first; c; c = c->next) {
		for (i = c->head; i < c->tail; i += PKTWORDS(p->len)) {
			p = (Pkt *)&c->data[i];
			if (p->depart > now) {
				p->depart = now + (p->depart - now) * f;
				p->deliver = MAX(p->depart + p->hold, deliver);
			}
			deliver = p->deliver;
		}
	}
	if (d->depart > now)
		d->depart = now + (d->depart - now) * f;
	if (deliver)
		d->deliver = deliver;
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
	if (d->depart - arrival > d->c.queue) {
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

/* each period ends with its spike */
static int64_t
spike(const Dir *d, int64_t t)
{
	int64_t period = d->c.spike[0];

	if (!period || (t - d->epoch) % period < period - d->c.spike[1])
		return 0;
	return d->c.spike[2];
}

static void
enqueue(Dir *d, size_t len, int64_t arrival)
{
	Pkt *p;
	int64_t depart;

	depart = MAX(arrival, d->depart);
	if (d->c.rate > 0)
		depart += (int64_t)((len + d->c.over) * 8000 / d->c.rate);
	if (!(p = pktnew(d, len))) {
		d->dropped++;
		return;
	}
	memcpy(p->data, buf, len);
	p->depart = depart;
	p->hold = d->c.delay + spike(d, depart);
	if (d->c.jitter > 0)
		p->hold += d->c.jitter * uniform(&d->jitterrng);
	p->deliver = MAX(depart + p->hold, d->deliver);
	d->depart = depart;
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
	const Dir *d;
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
			fprintf(fp, "%s %c packets=%" PRIu64 " bytes=%" PRIu64
			    " lost=%" PRIu64 " silent=%" PRIu64 " dropped=%"
			    PRIu64 " passed=%" PRIu64 " queue_us=%" PRId64
			    "\n", links[i].name, "ab"[j], d->packets, d->bytes,
			    d->lost, d->silent, d->dropped, d->passed,
			    MAX(d->depart - now, 0) / 1000);
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
		if (number(slash + 1, 0, a->family == AF_INET6 ? 128 : 32, 1,
		    &prefix) < 0)
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
	}
	nlinks++;
}

static void
setup(void)
{
	struct sched_param sp = { .sched_priority = 1 };
	sigset_t set;
	int i;

	pool = mmap(NULL, 2 * nlinks * CHUNKS * sizeof(Chunk),
	    PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pool == MAP_FAILED)
		die("mmap:");
	madvise(pool, 2 * nlinks * CHUNKS * sizeof(Chunk), MADV_DONTFORK);
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
	for (i = 0; i < nlinks; i++)
		links[i].d[0].epoch = links[i].d[1].epoch = now;
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
	    "name,addrA,addrB[,key=value...] ...\n", stderr);
	exit(1);
}

int
main(int argc, char *argv[])
{
	char path[4096], *end;
	uint64_t seed = 1;
	int c, i;

	while ((c = getopt(argc, argv, "s:p:")) != -1) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, &end, 0);
			if (end == optarg || *end)
				die("-s %s: not a number", optarg);
			break;
		case 'p':
			ctlname = optarg;
			break;
		default:
			usage();
		}
	}
	if (argc - optind < 3)
		usage();
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/run/netns/%s", argv[optind++]);
		if ((nsfd[i] = open(path, O_RDONLY | O_CLOEXEC)) < 0)
			die("open %s:", path);
	}
	for (; optind < argc; optind++)
		linkparse(argv[optind], seed);
	setup();
	puts("ready");
	fflush(stdout);
	run();
	cleanup();
	return 0;
}
