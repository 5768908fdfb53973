/* See LICENSE file for copyright and license details.
 *
 * Tests of the functions of udpbond.c, which is included here. Tables hold
 * input and expected output. The clock is the variable now; the TUN and the
 * links are socket pairs, whose far ends are lanfd and peerfd. Groups of tests
 * follow the order of the program. Each runs in a process of its own and so
 * finds all variables fresh; anew() makes them so within a group. Bytes are
 * written as hex digits (unhex). The config.h it finds is config.def.h with
 * parity, compress and traffic that can be written: see unitbuild in test.sh.
 * Begin with main(), then anew(), then any group.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* the driver of the TUN, while driver.faked; all else is the kernel's, but an
 * MTU if there is one here */
static struct {
	int faked, mtu;
	unsigned features, asked; /* asked: flags of TUNSETIFF */
} driver;
static int driveropen(const char *, int);
static int driverioctl(int, unsigned long, void *);
static int routemtus(int, int, int, void *, socklen_t *);

#define main udpbond_main
#define open(path, flags)       driveropen(path, flags)
#define ioctl(fd, what, arg) \
	driverioctl(fd, what, (void *)(uintptr_t)(arg))
#define getsockopt routemtus
#define mmap(at, n, p, flags, fd, o) calloc(1, n) /* ASan looks at it */
#include "udpbond.c"
#undef mmap
#undef getsockopt
#undef ioctl
#undef open
#undef main
#include "state.h"
#include "pkt.h"

/* macros */
#define SEC(x)  ((int64_t)(x) * Second)
#define IPV4    "4500 0014 0000 4000 40fd 25eb 0a00 0001 0a00 0002"
#define GOOD    "0000 0000 0000 0001 02 0014" IPV4 /* a record with it */
#define Stamp   "0101 080a 00a1 b2c3 00d4 e5f6"
#define Ace0    "ac0b 000001 000002 000003 01" /* AccECN, RFC 9768 */

/* sizes and values */
enum { Nlinks = LEN(links), Room = 65536, Mtu = 1420, LogSize = 1 << 14 };
enum { Ace5 = 0x100 | TcpEce | TcpAck }; /* AccECN, no marks yet */
typedef char checkexample[Nlinks == 5 ? 1 : -1]; /* links of config.def.h */
static const uint64_t ours = UINT64_C(0x0102030405060708);
static const uint64_t theirs = UINT64_C(0x1112131415161718);

/* variables */
static const char *group;
static char why[512];             /* of the first thing wrong in a test */
static int passed, failed;
static int peerfd[Nlinks], lanfd;
static int routemtuis;            /* as the kernel has it, if not 0 */

/* the MTU of a route, which an ICMP message may have lowered */
static int
routemtus(int fd, int level, int name, void *value, socklen_t *len)
{
	if (!routemtuis)
		return getsockopt(fd, level, name, value, len);
	memcpy(value, &routemtuis, sizeof(routemtuis));
	return 0;
}

/* the driver of the TUN */

static int
driveropen(const char *path, int flags)
{
	return open(driver.faked && !strcmp(path, "/dev/net/tun") ?
	    "/dev/null" : path, flags);
}

static int
driverioctl(int fd, unsigned long what, void *arg)
{
	if (driver.mtu && what == SIOCGIFMTU)
		return ((struct ifreq *)arg)->ifr_mtu = driver.mtu, 0;
	if (!driver.faked)
		return ioctl(fd, what, arg);
	if ((unsigned)what == TUNGETFEATURES)
		memcpy(arg, &driver.features, sizeof(driver.features));
	if ((unsigned)what == TUNSETIFF)
		driver.asked = ((struct ifreq *)arg)->ifr_flags;
	return 0;
}

/* results */

static void
want(const char *what, int64_t wanted, int64_t came)
{
	if (!*why && wanted != came)
		snprintf(why, sizeof(why), "%s: expected %" PRId64
		    ", came %" PRId64, what, wanted, came);
}

/* between the two, both included */
static void
wantin(const char *what, int64_t least, int64_t most, int64_t came)
{
	if (!*why && (came < least || came > most))
		snprintf(why, sizeof(why), "%s: expected %" PRId64 " to %"
		    PRId64 ", came %" PRId64, what, least, most, came);
}

static void
wanthex(const char *what, uint64_t wanted, uint64_t came)
{
	if (!*why && wanted != came)
		snprintf(why, sizeof(why), "%s: expected %016" PRIx64
		    ", came %016" PRIx64, what, wanted, came);
}

static void
wantstr(const char *what, const char *wanted, const char *came)
{
	if (!*why && strcmp(wanted, came))
		snprintf(why, sizeof(why), "%s: expected \"%.200s\", came "
		    "\"%.200s\"", what, wanted, came);
}

/* the text holds the words */
static void
wanttext(const char *words, const char *came)
{
	if (!*why && !strstr(came, words))
		snprintf(why, sizeof(why), "expected \"%s\" in \"%.300s\"",
		    words, came);
}

static void
wantbytes(const char *what, const uint8_t *wanted, int len,
    const uint8_t *came, int camelen)
{
	int i;

	want(what, len, camelen);
	for (i = 0; !*why && i < len; i++)
		if (wanted[i] != came[i])
			snprintf(why, sizeof(why), "%s: byte %d: expected "
			    "%02x, came %02x", what, i, wanted[i], came[i]);
}

/* the end of a test, which all went well if nothing is wrong so far */
static void
verdict(const char *name)
{
	if (*why) {
		failed++;
		printf("not ok - %s: %s: %s\n", group, name, why);
	} else {
		passed++;
		printf("ok - %s: %s\n", group, name);
	}
	*why = '\0';
}

/* tools */

/* to the end of a log, of which what is too much is lost */
static void
add(char *log, const char *fmt, ...)
{
	int n = strlen(log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(log + n, LogSize - n, fmt, ap);
	va_end(ap);
}

/* an IPv4 packet with a UDP datagram that carries mark */
static int
ippacket(uint8_t *d, int len, int tos, int sport, uint64_t mark)
{
	memset(d, 0, len);
	unhex("4500 0000 0000 4000 4011 0000 c0a8 0114 5db8 d822", d);
	d[1] = tos;
	put(d + 2, len, 2);
	ipfinish(d);
	udphead(d + 20, sport, 5201, len - 20);
	put(d + 28, mark, 8);
	return len;
}

/* the same with TCP */
static int
tcppacket(uint8_t *d, int len, int sport, uint64_t mark)
{
	ippacket(d, len, 0, sport, 0);
	d[9] = IPPROTO_TCP;
	ipfinish(d);
	tcphead(d + 20, sport, 5201, 0, 0, 0, TcpAck, 0);
	put(d + 40, mark, 8);
	return len;
}

static uint64_t
markof(const uint8_t *d)
{
	return get(d + (d[9] == IPPROTO_TCP ? 40 : 28), 8);
}

/* the IP packet in a record of data */
static const uint8_t *
ipof(const uint8_t *d)
{
	return d + HdrLen + (d[8] & FlagOrder ? OrderLen : 0);
}

/* such a packet, as tunread and classify give it */
static Pkt *
waiting(int class, int flow, int len, int tos, uint64_t mark)
{
	Pkt *p = pktalloc();

	if (!p)
		die("the pool is empty");
	p->len = ippacket(p->data, len, tos, 1000 + flow, mark);
	p->class = class;
	p->flow = flow;
	p->time = now;
	p->deadline = now + Second;
	ipparse(p->data, p->len, &p->ip);
	p->kind = kindof(&p->ip);
	return p;
}

/* a TCP packet without data, by way of the TUN: from host, port; options as
 * hex digits; the flow that it belongs to */
static int
tcpin(int host, int port, int flags, uint32_t ackno, const char *options)
{
	uint8_t d[100] = { 0 };
	int n = unhex(options, d + 40);
	Ip ip;

	unhex("4500 0000 0000 4000 4006 0000 c0a8 0000 5db8 d822", d);
	put(d + 14, host, 2);
	tcphead(d + 20, port, 80, 0, ackno, n, flags, 0);
	finish(d, 40 + n);
	ipparse(d, 40 + n, &ip);
	if (write(lanfd, d, 40 + n) < 0)
		die("write:");
	tunpkt();
	return ip.hash & (Nflows - 1);
}

/* The flow is heavy and stays so, or is light. */
static void
weighs(int flow, int heavily)
{
	queues.flows[flow].need.heavy = heavily;
	queues.flows[flow].need.stay = heavily ? INT64_MAX : 0;
}

/* packets that are not in the pool */
static int
inuse(void)
{
	return pool.used - pool.nfrees;
}

static void
fdpair(int *near, int *far)
{
	int fd[2];

	if (*near >= 0) {
		close(*near);
		close(*far);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd) < 0)
		die("socketpair:");
	setopt(fd[0], SOL_SOCKET, SO_SNDBUF, 1 << 18);
	*near = fd[0];
	*far = fd[1];
}

static int
fdread(int fd, uint8_t *d)
{
	return recv(fd, d, Room, MSG_DONTWAIT);
}

/* a datagram that the peer got, opened; -1 if there is none, or it is under no
 * key that it should be */
static int
peerread(int link, uint8_t *d)
{
	int len = fdread(peerfd[link], d);

	if (len < 0 || !keyfile)
		return len;
	return openwith(d, len, d[8] == (FlagSealed | SealSession) ?
	    peer.session.keys.tx : d[8] == (FlagSealed | SealConfirm) ?
	    peer.proposed.keys.tx : peer.hello.keys.tx);
}

/* the TUN is a file for a while: a socket holds some hundred packets */
static void
filelan(void)
{
	FILE *f = tmpfile();

	if (!f)
		die("tmpfile:");
	dup2(fileno(f), tun.fd);
	fclose(f);
}

/* packets of this size in it, and the mark of the last; it is emptied */
static int
filelanread(int size, uint64_t *mark)
{
	static uint8_t d[Room];
	int n = lseek(tun.fd, 0, SEEK_END) / size;

	if (n > 0 && pread(tun.fd, d, size, (n - 1) * size) == size)
		*mark = markof(d);
	if (ftruncate(tun.fd, 0) < 0 || lseek(tun.fd, 0, SEEK_SET) < 0)
		die("ftruncate:");
	return n;
}

/* nobody reads what has come out so far */
static void
discard(void)
{
	static uint8_t d[Room];
	int i;

	while (fdread(lanfd, d) >= 0)
		;
	for (i = 0; i < Nlinks; i++)
		while (fdread(peerfd[i], d) >= 0)
			;
}

/* what is written to stderr from here on, to errend, is not for the eye */
static int errsaved, errfile;

static void
errbegin(void)
{
	FILE *f = tmpfile();

	if (!f)
		die("tmpfile:");
	fflush(stderr);
	errsaved = dup(2);
	errfile = dup(fileno(f));
	fclose(f);
	dup2(errfile, 2);
}

static void
errend(char *s, int size)
{
	int n;

	fflush(stderr);
	n = pread(errfile, s, size - 1, 0);
	s[MAX(n, 0)] = '\0';
	dup2(errsaved, 2);
	close(errsaved);
	close(errfile);
}

/* what every test starts from */

/* the links of the example: wg0 over ADSL, the others over Starlink */
static void
linkanew(Link *l)
{
	int i = l - bond, mbit = i == 0 ? 10 : 70, fd = l->fd;
	int64_t rtt = i == 0 ? MS(20) : MS(80);
	Link *next = l->next;
	int pfd = l->pfd;

	memset(l, 0, sizeof(*l));
	linkinit(l, i, 0);
	l->next = next;
	l->pfd = pfd;
	l->fd = fd;
	l->state = LinkUp;
	l->prio = i == 0 ? 1 : 2;
	l->reopen = INT64_MAX;
	l->score = score(l->prio, rtt, 0, 0);
	l->addr.mtu = Mtu;
	l->addr.peerlen = sizeof(l->addr.peer);
	parseaddr(role == Client ? links[i].server : links[i].client,
	    links[i].port, &l->addr.peer);
	l->delay = (Delay){ .srtt = rtt, .rttvar = MS(1), .owd = rtt / 2,
	    .rtt = rtt,
	    .base = { { rtt / 2, rtt / 2 }, now } };
	l->beats = (Beats){ .next = now + MS(hbinterval), .last = now };
	l->heard = (Heard){
		.in = { .time = now - rtt / 2 }, .came = now, .begun = 1
	};
	l->echo = (Echo){ .came = now, .good = 1, .wasup = 1 };
	rateceil(l, MBIT(mbit), MBIT(mbit));
	windowset(l);
}

/* of all links from this one on, since ever */
static void
linksare(int first, int state)
{
	for (; first < Nlinks; first++)
		bond[first].state = state;
	queues.peak = 0;
	surveylinks();
}

/* the variables as at the start, but for what is allocated */
static void
clear(void)
{
	Flow *flows = queues.flows;
	Host *hosts = queues.hosts;
	Sent *sent = tx.sent;
	Slot *slots = rx.slots;

	memset(flows, 0, Nflows * sizeof(*flows));
	memset(hosts, 0, Nhosts * sizeof(*hosts));
	memset(sent, 0, keeppkts * sizeof(*sent));
	memset(slots, 0, reorderpkts * sizeof(*slots));
	memset(&queues, 0, sizeof(queues));
	memset(&tx, 0, sizeof(tx));
	memset(&rx, 0, sizeof(rx));
	memset(&coded, 0, sizeof(coded));
	memset(&cover, 0, sizeof(cover));
	queues.flows = flows;
	queues.hosts = hosts;
	tx.sent = sent;
	rx.slots = slots;
	pool.nfrees = pool.used = 0;
	memset(&peer, 0, sizeof(peer));
	memset(&loop, 0, sizeof(loop));
	memset(&gro, 0, sizeof(gro));
	memset(offload, 0, sizeof(offload));
	memset(counts, 0, sizeof(counts));
	memset(kinds, 0, sizeof(kinds));
	memset(&past, 0, sizeof(past));
	memset(drops, 0, sizeof(drops));
}

/* a session of this role runs, all links are up and nothing waits */
static void
anew(int as)
{
	int i;

	if (!pool.pkts) {
		memory();
		fdpair(&tun.fd, &lanfd);
		for (i = 0; i < Nlinks; i++) {
			bond[i].fd = -1;
			fdpair(&bond[i].fd, &peerfd[i]);
		}
		signal(SIGPIPE, SIG_IGN);
	}
	discard();
	clear();
	loop.quiet = 1;
	parity = 1;
	compress = 0;
	role = as;
	keyfile = lannets = NULL;
	netsinit();
	tundev = "nonesuch";
	now = SEC(1000);
	loop.nextsecond = now + Second;
	loop.nextmtu = now + Minute;
	loop.nextstall = INT64_MAX;
	memset(&peer, 0, sizeof(peer));
	peer.session = (Session){ .id = ours, .peerid = theirs, .beats = 1 };
	for (i = 0; i < KeyLen; i++) {
		keys.master[i] = i;
		keys.secret[i % SecretLen] = 0xf0 + i % SecretLen;
		peer.session.keys.tx[i] = 0x40 + i;
		peer.session.keys.rx[i] = 0x80 + i;
	}
	peer.session.keys.cookie = 1;
	peer.session.since = now;
	peer.patience = Second;
	devices.next = INT64_MAX;
	devices.fd = -1;
	sealto = 0;
	peer.lonely = now;
	peer.interval = MS(hbinterval);
	txreset();
	reorderreset(1);
	for (i = 0; i < Nlinks; i++)
		linkanew(&bond[i]);
	linkchain();
	surveylinks();
	tun.hdr = 0;
	tun.mtu = linkpayload(&bond[0]);
}

/* the same, with a key */
static void
anewkeyed(int as)
{
	anew(as);
	keyfile = "key";
	surveylinks();
	tun.mtu = linkpayload(&bond[0]);
}

/* the peer */

/* the key that the peer seals this session's datagrams with */
static uint8_t *
peerkey(void)
{
	return peer.session.keys.rx;
}

static void
arrivefrom(int link, const struct sockaddr_storage *from, const uint8_t *d,
    int len)
{
	Pkt *p = pktalloc();

	if (!p)
		die("the pool is empty");
	memcpy(p->buf, d, MIN(len, PktSize));
	p->wire = p->buf;
	p->wirelen = MIN(len, PktSize);
	p->time = now;
	p->from = from;
	datagram(&bond[link], p);
}

static void
arrive(int link, const uint8_t *d, int len)
{
	struct sockaddr_storage from = bond[link].addr.peer;

	arrivefrom(link, &from, d, len);
}

/* an IP packet that comes after the one so many seqs before, 0: after none */
static void
arriveafter(int link, uint64_t seq, int flags, int after, const uint8_t *ip,
    int len)
{
	uint8_t d[2048], e[2048];
	int n = after ? OrderLen : 0;

	put(e, after, OrderLen);
	memcpy(e + n, ip, len);
	n = putrec(d, seq, FlagData | flags | (after ? FlagOrder : 0), e,
	    n + len);
	sealto = link;
	arrive(link, d, sealwith(d, n, peerkey()));
}

/* one marked with its seq, after none */
static void
arrivedata(int link, uint64_t seq, int flags)
{
	uint8_t ip[64];

	arriveafter(link, seq, flags, 0, ip, ippacket(ip, 60, 0, 2000, seq));
}

/* the same after the one before, of a TCP flow */
static void
arrivetcp(int link, uint64_t seq, int flags)
{
	uint8_t ip[64];

	arriveafter(link, seq, flags, 1, ip, tcppacket(ip, 60, 1000, seq));
}

/* a heartbeat of this program */
static int
beatof(uint8_t *d, uint64_t seq, Beat *b)
{
	b->format = Format;
	b->interval = hbinterval;
	return putbeat(d, seq, b);
}

static void
arrivebeat(int link, uint64_t seq, Beat *b, uint8_t *key)
{
	uint8_t d[256];
	int n = beatof(d, seq, b);

	sealto = link;
	arrive(link, d, sealwith(d, n, key));
}

/* the newest datagram that the peer got by a link, without its tag if it is
 * one heartbeat; -1 if there is none */
static int
peerbeat(int link, Beat *b, uint8_t *d)
{
	Rec r;
	int len, n = -1;

	while ((len = peerread(link, d)) >= 0)
		if (decode(d, len, &r) > 0 && r.flags & FlagBeat &&
		    !beatdecode(d + HdrLen, r.len, b))
			n = len;
	return n;
}

/* IP packets that came out of the TUN, and the mark of the last */
static int
lanread(uint64_t *mark)
{
	static uint8_t d[Room];
	int n = 0;

	while (fdread(lanfd, d) > 0) {
		*mark = markof(d);
		n++;
	}
	return n;
}

/* data records that went out by a link since the last look, or of these all
 * that have not such a flag */
static int
peerbut(int link, int flag)
{
	static uint8_t d[Room];
	int len, at, size, n = 0;
	Rec r;

	while ((len = peerread(link, d)) >= 0)
		for (at = 0; (size = decode(d + at, len - at, &r)) > 0;
		    at += size)
			n += (r.flags & (FlagData | flag)) == FlagData;
	return n;
}

static int
peerdata(int link)
{
	return peerbut(link, 0);
}

/* by all of them */
static int
peerall(void)
{
	int i, n = 0;

	for (i = 0; i < Nlinks; i++)
		n += peerdata(i);
	return n;
}

/* The peer has told that all of them have come. */
static void
allcame(void)
{
	forget(tx.seq[LaneData]);
}

/* reports of the peer, and to it */

typedef struct {
	uint64_t expected;
	int64_t time, every;      /* us */
	int nof, nmissing;        /* nmissing: bytes, 8 seqs each */
	struct {
		int link;
		uint64_t newest, pkts, bytes;
		int64_t ago;      /* us */
	} of[256];
	uint8_t missing[8192];
} Said;

/* Write the bits of what is missing, zeros as 0 and how many. Returns the
 * bytes. */
static int
putmissing(uint8_t *d, const uint8_t *bits, int n)
{
	int i, zeros, len = 0;

	for (i = 0; i < n; i += MAX(zeros, 1)) {
		for (zeros = 0; i + zeros < n && zeros < 255 &&
		    !bits[i + zeros]; zeros++)
			;
		d[len++] = bits[i];
		if (zeros)
			d[len++] = zeros;
	}
	return len;
}

/* Read them again. Returns how many bytes there are, without zeros behind. */
static int
getmissing(const uint8_t *d, int len, uint8_t *bits, int size)
{
	int i, n = 0, last = 0;

	memset(bits, 0, size);
	for (i = 0; i < len && n < size; i++) {
		if (d[i]) {
			bits[n++] = d[i];
			last = n;
		} else if (++i < len) {
			n += d[i];
		}
	}
	return last;
}

static int
putsaid(uint8_t *d, const Said *s)
{
	uint8_t *e = d + 22;
	int i;

	put(d, CtlReport, 1);
	put(d + 1, s->expected, 8);
	put(d + 9, s->time, 8);
	put(d + 17, s->every, 4);
	put(d + 21, s->nof, 1);
	for (i = 0; i < s->nof; i++, e += 17) {
		put(e, s->of[i].link, 1);
		put(e + 1, s->of[i].newest, 4);
		put(e + 5, s->of[i].ago, 4);
		put(e + 9, s->of[i].pkts, 4);
		put(e + 13, s->of[i].bytes, 4);
	}
	return e + putmissing(e, s->missing, s->nmissing) - d;
}

/* -1 if it is none */
static int
getsaid(const uint8_t *d, int len, Said *s)
{
	const uint8_t *e = d + 22;
	int i;

	if (len < 22 || d[0] != CtlReport || len < 22 + d[21] * 17)
		return -1;
	s->expected = get(d + 1, 8);
	s->time = get(d + 9, 8);
	s->every = get(d + 17, 4);
	s->nof = d[21];
	for (i = 0; i < s->nof; i++, e += 17) {
		s->of[i].link = e[0];
		s->of[i].newest = get(e + 1, 4);
		s->of[i].ago = get(e + 5, 4);
		s->of[i].pkts = get(e + 9, 4);
		s->of[i].bytes = get(e + 13, 4);
	}
	s->nmissing = getmissing(e, d + len - e, s->missing,
	    sizeof(s->missing));
	return 0;
}

/* Words: <4 all below 4 have come, 0:3 link 0 brought 3 as its newest, 0:3-20
 * did so 20 ms ago, ?5 is missing, ?5-9 are, @20 it was said 20 ms ago. All
 * that a link was given up to its newest has come. */
static void
saidof(const char *words, Said *s)
{
	int a, b, n;
	const Sent *sent;

	memset(s, 0, sizeof(*s));
	s->expected = 1;
	s->time = now / Us;
	s->every = ReportEvery / Us;
	for (; *words; words += strcspn(words, ", "), words += *words != 0) {
		b = 0;
		if (sscanf(words, "<%d", &a) == 1) {
			s->expected = a;
		} else if (sscanf(words, "@%d", &a) == 1) {
			s->time -= a * 1000;
		} else if ((n = sscanf(words, "?%d-%d", &a, &b)) > 0) {
			for (b = n > 1 ? b : a; a <= b; a++) {
				n = a - (int)s->expected;
				s->missing[n / 8] |= 1 << n % 8;
				s->nmissing = MAX(s->nmissing, n / 8 + 1);
			}
		} else if (sscanf(words, "%d:%d-%d", &n, &a, &b) >= 2) {
			sent = sentof(a);
			s->of[s->nof].link = n;
			s->of[s->nof].newest = a;
			s->of[s->nof].ago = b * 1000;
			s->of[s->nof].pkts = sent->pkts;
			s->of[s->nof++].bytes = sent->bytes;
		} else {
			die("%s: not a word of a report", words);
		}
	}
}

/* the same words, to the end of a log */
static void
saidlog(const Said *s, char *log)
{
	int i;

	add(log, "<%d", (int)s->expected);
	for (i = 0; i < s->nof; i++)
		add(log, " %d:%d", s->of[i].link, (int)s->of[i].newest);
	for (i = 0; i < 8 * s->nmissing; i++)
		if (s->missing[i / 8] & 1 << i % 8)
			add(log, " ?%d", (int)s->expected + i);
}

/* a report comes by a link */
static void
arrivesaid(int link, const Said *s)
{
	uint8_t d[ReportMax + 4400], r[sizeof(d)];
	int n = putsaid(r, s);

	n = putrec(d, rx.replay[LaneControl].last + 1, FlagControl, r, n);
	sealto = link;
	arrive(link, d, sealwith(d, n, peerkey()));
}

/* reports that went to the peer; the last one, a bit for each link by which
 * it went */
static int
peersaid(Said *s, int *by)
{
	static uint8_t d[Room];
	int i, len, n = 0;
	Rec r;

	*by = 0;
	for (i = 0; i < Nlinks; i++)
		while ((len = peerread(i, d)) >= 0)
			if (decode(d, len, &r) > 0 && r.flags & FlagControl &&
			    getsaid(d + HdrLen, r.len, s) == 0) {
				*by |= 1 << i;
				n++;
			}
	return n;
}

/* packets sent, and what became of them */

/* such a packet of TCP */
static Pkt *
waitingtcp(int class, int flow, int len, uint64_t mark)
{
	Pkt *p = waiting(class, flow, len, 0, mark);

	tcppacket(p->data, len, 1000 + flow, mark);
	ipparse(p->data, len, &p->ip);
	p->kind = kindof(&p->ip);
	return p;
}

/* The next packets of a TCP flow go by these links: digits. */
static void
goes(const char *by)
{
	Link *l;

	for (; *by; by++) {
		l = &bond[*by - '0'];
		transmit(l, waitingtcp(Ordered, 7, 1000, tx.seq[LaneData]));
		linkflush(l);
	}
	discard();
}

/* What is on its way by each link, " 0: 1 4 1: 2": the seqs rise, are kept and
 * flying, no others are, and they make up the bytes. */
static void
flightlog(char *log)
{
	uint64_t seq, last, known = 0;
	int64_t bytes;
	const Flight *f;
	int i;

	for (i = 0; i < Nlinks; i++) {
		f = &bond[i].flight;
		bytes = last = 0;
		if (f->first)
			add(log, " %d:", i);
		for (seq = f->first; seq; seq = sentof(seq)->next) {
			want("flight rises", 1, seq > last);
			want("sent and kept", 1, seq >= tx.oldest &&
			    seq < tx.seq[LaneData] && sentof(seq)->p &&
			    sentof(seq)->p->seq == seq);
			want("link", i, sentof(seq)->link);
			want("flying", 1, flying(seq));
			if (*why)
				return;
			add(log, " %d", (int)seq);
			bytes += sentof(seq)->len;
			last = seq;
			known++;
		}
		want("newest in flight", last, f->last);
		want("bytes in flight", bytes, f->bytes);
	}
	for (seq = tx.oldest; seq < tx.seq[LaneData]; seq++)
		known -= flying(seq);
	want("flying, but in no flight", 0, -(int64_t)known);
}

/* util */

/* what was formatted, and its length, as vsnprintf(3) has both */
#define SAME(...) ( \
	snprintf(wanted, sizeof(wanted), __VA_ARGS__), \
	want("length", strlen(wanted), \
	    format(came, sizeof(came), __VA_ARGS__)), \
	wantstr("text", wanted, came))

static void
testtext(void)
{
	char wanted[128], came[128];

	SAME("%s", "");
	SAME("50%% of %s%s, s and d", "", "all");
	SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	SAME("%" PRIu64 " %" PRIu64 " %x", UINT64_MAX, UINT64_C(0), 0xfd00);
	SAME("%016" PRIx64, UINT64_C(0x12345678abcd));
	verdict("strings and whole numbers");

	SAME("%.1f %.1f %.1f %.1f", 0.0, 0.045, 0.055, 9.96);
	SAME("%.1f %.1f", -0.26, 123456789.9);
	SAME("%g %g %g %g", 0.0, 0.256, 10000.0, -70.0);
	SAME("%.15g", 0.0225);
	SAME("%.15g", 123456.000001);
	SAME("%.15g", 999999999999999.0);
	verdict("fractions");

	want("length", 6, format(came, 4, "%d%s", 123, "abc"));
	wantstr("text", "123", came);
	want("length", 1, format(came, 1, "x"));
	wantstr("text", "", came);
	verdict("what has no room");
}

/* pool */

static void
testpool(void)
{
	Queue q = { 0 };
	Pkt *p, *a, *b;
	int i, n;

	anew(Client);
	for (n = 0; (p = pktalloc()); n++) {
		p->len = n % 1000;
		queueput(&q, p);
	}
	want("packets", pool.size, n);
	want("queue length", n, q.len);
	want("in use", n, inuse());
	for (i = 0; (p = queueget(&q)); i++) {
		want("len", i % 1000, p->len);
		pktfree(p);
	}
	want("packets", n, i);
	want("queue length", 0, q.len);
	want("queue bytes", 0, q.bytes);
	want("tail", 1, q.tail == NULL);
	want("in use", 0, inuse());
	verdict("all of them in a queue and out again");

	a = pktalloc();
	pkthold(a);
	a->class = Express;
	pktfree(a);
	want("in use", 1, inuse());
	pktfree(a);
	want("in use", 0, inuse());
	b = pktalloc();
	want("the same one", 1, a == b);
	want("class", 0, b->class);
	want("refs", 1, pool.refs[b - pool.pkts]);
	want("data", HdrLen + OrderLen, b->data - b->buf);
	pktdrop(b, DropStale);
	want("dropped", 1, drops[DropStale]);
	want("in use", 0, inuse());
	verdict("held twice, then as new");

	anew(Client);
	while (pktalloc())
		;
	if (write(lanfd, "E", 1) < 0)
		die("write:");
	tunpkt();
	want(dropname[DropPool], 1, drops[DropPool]);
	verdict("no packet left for the TUN");
}

/* addr */

static void
testaddrs(void)
{
	static const struct {
		const char *s;
		int family, isprivate;
	} t[] = {
		{ "10.200.0.1", AF_INET, 1 }, { "10.0.0.0", AF_INET, 1 },
		{ "9.255.255.255", AF_INET, 0 }, { "11.0.0.0", AF_INET, 0 },
		{ "172.16.0.1", AF_INET, 1 }, { "172.31.255.255", AF_INET, 1 },
		{ "172.15.0.1", AF_INET, 0 }, { "172.32.0.1", AF_INET, 0 },
		{ "192.168.50.1", AF_INET, 1 }, { "192.169.0.1", AF_INET, 0 },
		{ "100.64.0.1", AF_INET, 1 }, { "100.127.9.9", AF_INET, 1 },
		{ "100.128.0.1", AF_INET, 0 }, { "127.0.0.1", AF_INET, 1 },
		{ "169.254.1.1", AF_INET, 1 }, { "203.0.113.9", AF_INET, 0 },
		{ "fd00::1", AF_INET6, 1 }, { "fc00::1", AF_INET6, 1 },
		{ "fe80::1", AF_INET6, 1 }, { "febf::1", AF_INET6, 1 },
		{ "fec0::1", AF_INET6, 0 }, { "::1", AF_INET6, 1 },
		{ "::2", AF_INET6, 0 }, { "2001:db8::1", AF_INET6, 0 },
		{ "", -1, 0 }, { "10.0.0", -1, 0 }, { "10.0.0.256", -1, 0 },
		{ "10.0.0.1/24", -1, 0 }, { " 10.0.0.1", -1, 0 },
		{ "vps.example.com", -1, 0 }, { "2001:db8::1::2", -1, 0 },
		{ "12345::", -1, 0 }, { NULL, -1, 0 },
	};
	static const struct {
		const char *s;
		int bits;             /* -1: wrong */
	} prefixes[] = {
		{ "192.168.50.1/24", 24 }, { "10.0.0.1/0", 0 },
		{ "10.0.0.1/32", 32 }, { "10.0.0.1/33", -1 },
		{ "10.0.0.1/-1", -1 }, { "10.0.0.1/", -1 },
		{ "10.0.0.1", -1 }, { "10.0.0.1/x", -1 },
		{ "10.0.0.1/24x", -1 }, { "/24", -1 }, { "x/24", -1 },
		{ "fd00::1/64", 64 }, { "fd00::1/128", 128 },
		{ "fd00::1/129", -1 }, { "", -1 },
		{ "10.0.0.1/99999999999999999999", -1 },
	};
	static const struct {
		const char *a, *b;
		int same;
		const char *text;     /* of a, port 53 */
	} pairs[] = {
		{ "10.0.0.1", "10.0.0.1", 1, "10.0.0.1:53" },
		{ "10.0.0.1", "10.0.0.2", 0, "10.0.0.1:53" },
		{ "::ffff:10.0.0.1", "10.0.0.1", 1, "10.0.0.1:53" },
		{ "2001:db8::1", "2001:DB8:0::1", 1, "[2001:db8::1]:53" },
		{ "2001:db8::1", "2001:db8::2", 0, "[2001:db8::1]:53" },
		{ "::1", "127.0.0.1", 0, "[::1]:53" },
		{ "::", "::", 1, "[::]:53" },
		{ "fd00::", "fd00::", 1, "[fd00::]:53" },
		{ "1:0:0:2:0:0:0:3", "::3", 0, "[1:0:0:2::3]:53" },
		{ "1:0:0:2:3:0:0:4", "::4", 0, "[1::2:3:0:0:4]:53" },
		{ "1:0:2:3:4:5:6:700", "::", 0, "[1:0:2:3:4:5:6:700]:53" },
		{ "0:100:2:3:4:5:0:0", "::", 0, "[0:100:2:3:4:5::]:53" },
	};
	struct sockaddr_storage a, b;
	char name[96];
	int i, bits;

	for (i = 0; i < LEN(t); i++) {
		want("family", t[i].family, parseaddr(t[i].s, 9001, &a));
		if (t[i].family >= 0) {
			want("port", 9001, addrport(&a));
			want("private", t[i].isprivate, private(t[i].s));
		}
		snprintf(name, sizeof(name), "address \"%s\"",
		    t[i].s ? t[i].s : "NULL");
		verdict(name);
	}
	for (i = 0; i < LEN(prefixes); i++) {
		if (parseprefix(prefixes[i].s, &a, &bits) < 0)
			bits = -1;
		want("bits", prefixes[i].bits, bits);
		snprintf(name, sizeof(name), "prefix \"%s\"", prefixes[i].s);
		verdict(name);
	}
	for (i = 0; i < LEN(pairs); i++) {
		parseaddr(pairs[i].a, 53, &a);
		parseaddr(pairs[i].b, 54, &b);
		want("same", pairs[i].same, sameaddr(&a, &b));
		want("same the other way", pairs[i].same, sameaddr(&b, &a));
		wantstr("text", pairs[i].text, addrtext(&a));
		snprintf(name, sizeof(name), "%s and %s", pairs[i].a,
		    pairs[i].b);
		verdict(name);
	}
}

/* wire */

static void
testencode(void)
{
	static const struct {
		const char *name;
		uint64_t seq;
		int flags, after, keyed;
		const char *payload, *wire;
	} t[] = {
		{ "data", 42, FlagData, 0, 0, "dead beef",
		  "0000 0000 0000 002a 02 0004 dead beef" },
		{ "ordered data", UINT64_C(0x0123456789abcdef), FlagData,
		  0x1234, 0, "45", "0123 4567 89ab cdef 06 0003 1234 45" },
		{ "one after the one before", 42, FlagData, 1, 0, "dead beef",
		  "0000 0000 0000 002a 06 0006 0001 dead beef" },
		{ "the farthest order, a repair", 70000, FlagData | FlagRepair,
		  UINT16_MAX, 0, "", "0000 0000 0001 1170 0e 0002 ffff" },
		{ "order with a key", 42, FlagData, 2, 1, "dead beef",
		  "0000 0000 0000 002a 06 0006 0002 dead beef" },
		{ "repair", 1, FlagData | FlagRepair, 0, 0, "6000",
		  "0000 0000 0000 0001 0a 0002 6000" },
		{ "control", 3, FlagControl, 0, 0, "02",
		  "0000 0000 0000 0003 10 0001 02" },
		{ "heartbeat", 3, FlagBeat, 0, 0, "0102 03",
		  "0000 0000 0000 0003 01 0003 0102 03" },
		{ "highest seq, no payload", UINT64_MAX, FlagData, 0, 0, "",
		  "ffff ffff ffff ffff 02 0000" },
		{ "data with a key", 42, FlagData, 0, 1, "dead beef",
		  "0000 0000 0000 002a 02 0004 dead beef" },
	};
	uint8_t d[64];
	Pkt *p;
	Rec r;
	int i, n;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		keyfile = t[i].keyed ? "key" : NULL;
		p = pktalloc();
		p->len = unhex(t[i].payload, p->data);
		p->after = t[i].after;
		encode(p, t[i].seq, t[i].flags);
		n = unhex(t[i].wire, d);
		wantbytes("datagram", d, n, p->wire, p->wirelen);
		want("decode", n, decode(d, n, &r));
		wanthex("seq", t[i].seq, r.seq);
		wanthex("flags", t[i].flags | (t[i].after ? FlagOrder : 0),
		    r.flags);
		want("len", p->len + (t[i].after ? OrderLen : 0), r.len);
		want("in its place", 1, p->wire >= p->buf);
		verdict(t[i].name);
	}
}

static void
testdecode(void)
{
	static const struct {
		const char *name;
		int keyed, bytes;     /* bytes: of the record, -1: none */
		const char *wire;
	} t[] = {
		{ "nothing", 0, -1, "" },
		{ "1 byte", 0, -1, "00" },
		{ "10 bytes", 0, -1, "0000000000000001 02 00" },
		{ "a header", 0, 11, "0000000000000001 02 0000" },
		{ "payload as said", 0, 13, "0000000000000001 02 0002 abcd" },
		{ "another behind it", 0, 12,
		  "0000000000000001 02 0001 ab 0000" },
		{ "payload one short", 0, -1, "0000000000000001 02 0002 ab" },
		{ "payload of 65535", 0, -1, "0000000000000001 02 ffff ab" },
		{ "no kind", 0, -1, "0000000000000001 00 0000" },
		{ "data and heartbeat", 0, -1, "0000000000000001 03 0000" },
		{ "data and control", 0, -1, "0000000000000001 12 0000" },
		{ "heartbeat and control", 0, -1, "0000000000000001 11 0000" },
		{ "all kinds", 0, -1, "0000000000000001 13 0000" },
		{ "order of no kind", 0, -1, "0000000000000001 04 0002 0001" },
		{ "ordered heartbeat", 0, -1,
		  "0000000000000001 05 0002 0001" },
		{ "ordered control", 0, -1, "0000000000000001 14 0002 0001" },
		{ "ordered, without order", 0, -1,
		  "0000000000000001 06 0000" },
		{ "half an order", 0, -1, "0000000000000001 06 0001 00" },
		{ "half an order, then more", 0, -1,
		  "0000000000000001 06 0001 00 ab" },
		{ "order and no packet", 0, 13,
		  "0000000000000001 06 0002 0001" },
		{ "repair of no kind", 0, -1, "0000000000000001 08 0000" },
		{ "repair heartbeat", 0, -1, "0000000000000001 09 0000" },
		{ "compressed", 0, 11, "0000000000000001 22 0000" },
		{ "parity", 0, 11, "0000000000000001 40 0000" },
		{ "parity with an order", 0, 13,
		  "0000000000000001 44 0002 0001" },
		{ "parity without its order", 0, -1,
		  "0000000000000001 44 0001 00" },
		{ "repair of a parity", 0, -1, "0000000000000001 48 0000" },
		{ "compressed parity", 0, -1, "0000000000000001 60 0000" },
		{ "covered heartbeat", 0, -1, "0000000000000001 41 0000" },
		{ "covered control", 0, -1, "0000000000000001 50 0000" },
		{ "compressed heartbeat", 0, -1, "0000000000000001 21 0000" },
		{ "compressed control", 0, -1, "0000000000000001 30 0000" },
		{ "covered by a parity", 0, 11, "0000000000000001 42 0000" },
		{ "all flags", 0, -1, "0000000000000001 ff 0000" },
		{ "sealed without a key", 0, -1, "0000000000000001 82 0000" },
		{ "with a key", 1, 11, "0000000000000001 02 0000" },
		{ "repair of an ordered packet", 0, 14,
		  "0000000000000001 0e 0003 0001 45" },
		{ "sealed in what was sealed", 1, -1, "0000000000000001 82 0000" },
	};
	uint8_t d[64], *c;
	int i, n;
	Rec r;

	for (i = 0; i < LEN(t); i++) {
		keyfile = t[i].keyed ? "key" : NULL;
		n = unhex(t[i].wire, d);
		c = exact(d, n);
		want("bytes", t[i].bytes, decode(c, n, &r));
		free(c);
		verdict(t[i].name);
	}
}

/* each field has bytes of its own */
static void
testbeat(void)
{
	static const char wire[] =
		"0102 0304 0506 0708 1112 1314 1516 1718 19 01"
		"0002 2324 2526 2728 0003 3334 3536 3738 4142 4344"
		"5152 5354 5556 5758 6162 6364 6566 6768"
		"7172 7374 7576 7778 8182 8384 8586 8788"
		"0092 9394 9596 9798 a1a2 b1b2 b3b4 c1c2 c3c4 d1 e1e2";
	static const Beat beats = {
		UINT64_C(0x0102030405060708), UINT64_C(0x1112131415161718),
		0x19, 1, INT64_C(0x0002232425262728) * 1000,
		INT64_C(0x0003333435363738) * 1000,
		INT64_C(0x41424344) * 1000,
		UINT64_C(0x5152535455565758), UINT64_C(0x6162636465666768),
		UINT64_C(0x7172737475767778), UINT64_C(0x8182838485868788),
		UINT64_C(0x0092939495969798), 0xa1, 0xa2,
		UINT32_C(0xb1b2b3b4), UINT32_C(0xc1c2c3c4), 0xd1, 0xe1e2, ""
	};
	uint8_t d[2 * BeatLen], e[BeatLen], *c;
	int n = unhex(wire, d);
	Beat b;

	beatencode(e, &beats);
	wantbytes("payload", d, n, e, BeatLen);
	verdict("encoded");

	memset(&b, 0, sizeof(b));
	want("result", 0, beatdecode(d, n, &b));
	wanthex("id", beats.id, b.id);
	wanthex("peer", beats.peerid, b.peerid);
	wanthex("link", beats.link, b.link);
	wanthex("hello", beats.hello, b.hello);
	wanthex("time", beats.time, b.time);
	wanthex("echo", beats.echo, b.echo);
	wanthex("held", beats.held, b.held);
	wanthex("txpkts", beats.txpkts, b.txpkts);
	wanthex("txbytes", beats.txbytes, b.txbytes);
	wanthex("rxpkts", beats.rxpkts, b.rxpkts);
	wanthex("rxbytes", beats.rxbytes, b.rxbytes);
	wanthex("next", beats.next, b.next);
	wanthex("slow", beats.slow, b.slow);
	wanthex("prio", beats.prio, b.prio);
	wanthex("up", beats.up, b.up);
	wanthex("down", beats.down, b.down);
	wanthex("format", beats.format, b.format);
	wanthex("interval", beats.interval, b.interval);
	want("where the format is", beats.format, d[FormatAt]);
	verdict("decoded");

	c = exact(d, n - 1);
	want("result", -1, beatdecode(c, n - 1, &b));
	free(c);
	verdict("one byte short");

	memset(d + n, 'e', n);
	want("result", 0, beatdecode(d, 2 * n, &b));
	wanthex("down", beats.down, b.down);
	verdict("longer, of a newer version");

	d[70] = 1;
	want("result", -1, beatdecode(d, n, &b));
	verdict("a next seq that nobody reaches");

	d[70] = 0;
	d[19] = 0x12;
	want("result", -1, beatdecode(d, n, &b));
	d[19] = 2;
	d[27] = 0x13;
	want("result", -1, beatdecode(d, n, &b));
	d[27] = 3;
	want("result", 0, beatdecode(d, n, &b));
	verdict("times that nobody reaches");

	memset(d, 0, 8);
	want("result", -1, beatdecode(d, n, &b));
	verdict("session id 0");
}

/* crypt: vectors by section of RFC 8439 and RFC 7748 */

/* texts */
#define IETF \
	"Any submission to the IETF intended by the " \
	"Contributor for publication as all or part of " \
	"an IETF Internet-Draft or RFC and any statement " \
	"made within the context of an IETF activity is " \
	"considered an \"IETF Contribution\". Such " \
	"statements include oral statements in IETF " \
	"sessions, as well as written and electronic " \
	"communications made at any time or place, which " \
	"are addressed to"
#define SLITHY \
	"'Twas brillig, and the slithy toves\nDid gyre " \
	"and gimble in the wabe:\nAll mimsy were the " \
	"borogoves,\nAnd the mome raths outgrabe."
#define SUNSCREEN \
	"Ladies and Gentlemen of the class of '99: If I " \
	"could offer you only one tip for the future, " \
	"sunscreen would be it."
#define ZEROS16 "00000000000000000000000000000000"

/* what ChaCha20 makes of a text, from block n on */
static void
stream(const char *key, const char *nonce, int n, const uint8_t *in, int len,
    uint8_t *out)
{
	uint8_t k[KeyLen], x[NonceLen], skip[64 * 42] = { 0 };
	Chacha c;

	want("key", sizeof(k), unhex(key, k));
	want("nonce", sizeof(x), unhex(nonce, x));
	chachabegin(&c, k, x);
	c.used = 0;
	chacha(&c, skip, 64 * n, skip);
	chacha(&c, in, len, out);
}

static const struct {
	const char *name, *key, *nonce;
	int n;
	const char *in, *out;
} chachas[] = {
	{ "2.3.2",
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "000000090000004a00000000", 1, NULL,
	  "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
	  "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e" },
	{ "A.1 1",
	  ZEROS16 ZEROS16,
	  "000000000000000000000000", 0, NULL,
	  "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
	  "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586" },
	{ "A.1 2",
	  ZEROS16 ZEROS16,
	  "000000000000000000000000", 1, NULL,
	  "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
	  "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f" },
	{ "A.1 3",
	  ZEROS16 "00000000000000000000000000000001",
	  "000000000000000000000000", 1, NULL,
	  "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
	  "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0" },
	{ "A.1 4",
	  "00ff" ZEROS16 "0000000000000000000000000000",
	  "000000000000000000000000", 2, NULL,
	  "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
	  "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096" },
	{ "A.1 5",
	  ZEROS16 ZEROS16,
	  "000000000000000000000002", 0, NULL,
	  "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
	  "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d" },
	{ "2.4.2",
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "000000000000004a00000000", 1, SUNSCREEN,
	  "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"
	  "f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8"
	  "07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
	  "5af90bbf74a35be6b40b8eedf2785e42874d" },
	{ "A.2 2",
	  ZEROS16 "00000000000000000000000000000001",
	  "000000000000000000000002", 1, IETF,
	  "a3fbf07df3fa2fde4f376ca23e82737041605d9f4f4f57bd8cff2c1d4b7955ec"
	  "2a97948bd3722915c8f3d337f7d370050e9e96d647b7c39f56e031ca5eb6250d"
	  "4042e02785ececfa4b4bb5e8ead0440e20b6e8db09d881a7c6132f420e527950"
	  "42bdfa7773d8a9051447b3291ce1411c680465552aa6c405b7764d5e87bea85a"
	  "d00f8449ed8f72d0d662ab052691ca66424bc86d2df80ea41f43abf937d3259d"
	  "c4b2d0dfb48a6c9139ddd7f76966e928e635553ba76c5c879d7b35d49eb2e62b"
	  "0871cdac638939e25e8a1e0ef9d5280fa8ca328b351c3c765989cbcf3daa8b6c"
	  "cc3aaf9f3979c92b3720fc88dc95ed84a1be059c6499b9fda236e7e818b04b0b"
	  "c39c1e876b193bfe5569753f88128cc08aaa9b63d1a16f80ef2554d7189c411f"
	  "5869ca52c5b83fa36ff216b9c1d30062bebcfd2dc5bce0911934fda79a86f6e6"
	  "98ced759c3ff9b6477338f3da4f9cd8514ea9982ccafb341b2384dd902f3d1ab"
	  "7ac61dd29c6f21ba5b862f3730e37cfdc4fd806c22f221" },
	{ "A.2 3",
	  "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
	  "000000000000000000000002", 42, SLITHY,
	  "62e6347f95ed87a45ffae7426f27a1df5fb69110044c0d73118effa95b01e5cf"
	  "166d3df2d721caf9b21e5fb14c616871fd84c54f9d65b283196c7fe4f60553eb"
	  "f39c6402c42234e32a356b3e764312a61a5532055716ead6962568f87d3f3f77"
	  "04c6a8d1bcd1bf4d50d6154b6da731b187b58dfd728afa36757a797ac188d1" },
	{ "A.4 2",
	  ZEROS16 "00000000000000000000000000000001",
	  "000000000000000000000002", 0, NULL,
	  "ecfa254f845f647473d3cb140da9e87606cb33066c447b87bc2666dde3fbb739" },
	{ "A.4 3",
	  "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
	  "000000000000000000000002", 0, NULL,
	  "965e3bc6f9ec7ed9560808f4d229f94b137ff275ca9b3fcbdd59deaad23310ae" },
	{ "2.6.2",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "000000000001020304050607", 0, NULL,
	  "8ad5a08b905f81cc815040274ab29471a833b637e3fd0da508dbb8e2fdd1a646" },
};

static void
testchacha(void)
{
	uint8_t in[512], d[512], out[512];
	int i, n;

	for (i = 0; i < LEN(chachas); i++) {
		memset(in, 0, sizeof(in));
		n = unhex(chachas[i].out, d);
		if (chachas[i].in) {
			want("text", strlen(chachas[i].in), n);
			memcpy(in, chachas[i].in, n);
		}
		stream(chachas[i].key, chachas[i].nonce, chachas[i].n, in, n,
		    out);
		wantbytes("bytes", d, n, out, n);
		verdict(chachas[i].name);
	}
}

/* draft-irtf-cfrg-xchacha-03, 2.2.1 */
static void
testhchacha(void)
{
	uint8_t key[KeyLen], in[16], d[KeyLen], out[KeyLen];
	int i;

	for (i = 0; i < KeyLen; i++)
		key[i] = i;
	unhex("000000090000004a0000000031415927", in);
	unhex("82413b4227b27bfed30e42508a877d73"
	    "a0f9e4d58a74a853c12ec41326d3ecdc", d);
	hchacha(out, key, in);
	wantbytes("key", d, sizeof(d), out, sizeof(out));
	verdict("HChaCha20");
	hchacha(key, key, in);
	wantbytes("key", d, sizeof(d), key, sizeof(key));
	verdict("the key is replaced");
}

/* the tag of bytes alone: a 1 after the last ones, which poly() has not */
static void
polytag(const uint8_t *key, const uint8_t *d, int len, uint8_t *tag)
{
	uint8_t last[16] = { 0 };
	int n = len / 16 * 16;
	Poly p;

	polybegin(&p, key);
	poly(&p, d, n);
	if (n < len) {
		memcpy(last, d + n, len - n);
		last[len - n] = 1;
		polyblock(&p, last, 0);
	}
	polyend(&p, key, tag);
}

static const struct {
	const char *name, *key, *text, *hex, *tag;
} tags[] = {
	{ "2.5.2",
	  "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
	  "Cryptographic Forum Research Group",
	  NULL,
	  "a8061dc1305136c6c22b8baf0c0127a9" },
	{ "A.3 1",
	  ZEROS16 ZEROS16, NULL,
	  ZEROS16 ZEROS16
	  ZEROS16 ZEROS16,
	  ZEROS16 },
	{ "A.3 2",
	  ZEROS16 "36e5f6b5c5e06070f0efca96227a863e", IETF,
	  NULL,
	  "36e5f6b5c5e06070f0efca96227a863e" },
	{ "A.3 3",
	  "36e5f6b5c5e06070f0efca96227a863e" ZEROS16, IETF,
	  NULL,
	  "f3477e7cd95417af89a6b8794c310cf0" },
	{ "A.3 4",
	  "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
	  SLITHY,
	  NULL,
	  "4541669a7eaaee61e708dc7cbcc5eb62" },
	{ "A.3 5: not fully reduced",
	  "02" ZEROS16 "000000000000000000000000000000", NULL,
	  "ffffffffffffffffffffffffffffffff",
	  "03000000000000000000000000000000" },
	{ "A.3 6: the key overflows",
	  "02000000000000000000000000000000ffffffffffffffffffffffffffffffff",
	  NULL,
	  "02000000000000000000000000000000",
	  "03000000000000000000000000000000" },
	{ "A.3 7: all ones and a carry",
	  "01" ZEROS16 "000000000000000000000000000000", NULL,
	  "fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff"
	  "11000000000000000000000000000000",
	  "05000000000000000000000000000000" },
	{ "A.3 8: 2^130 - 5",
	  "01" ZEROS16 "000000000000000000000000000000", NULL,
	  "fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe"
	  "01010101010101010101010101010101",
	  ZEROS16 },
	{ "A.3 9: 2^130 - 6",
	  "02" ZEROS16 "000000000000000000000000000000", NULL,
	  "fdffffffffffffffffffffffffffffff",
	  "faffffffffffffffffffffffffffffff" },
	{ "A.3 10: 131 bits on the way",
	  "010000000000000004" ZEROS16 "00000000000000", NULL,
	  "e33594d7505e43b900000000000000003394d7505e4379cd0100000000000000"
	  ZEROS16 "01000000000000000000000000000000",
	  "14000000000000005500000000000000" },
	{ "A.3 11: 131 bits at the end",
	  "010000000000000004" ZEROS16 "00000000000000", NULL,
	  "e33594d7505e43b900000000000000003394d7505e4379cd0100000000000000"
	  ZEROS16,
	  "13000000000000000000000000000000" },
};

static void
testpoly(void)
{
	uint8_t key[KeyLen], d[512], wanted[MacLen], tag[MacLen];
	int i, n;

	for (i = 0; i < LEN(tags); i++) {
		unhex(tags[i].key, key);
		unhex(tags[i].tag, wanted);
		if (tags[i].hex)
			n = unhex(tags[i].hex, d);
		else
			memcpy(d, tags[i].text, n = strlen(tags[i].text));
		polytag(key, d, n, tag);
		wantbytes("tag", wanted, MacLen, tag, MacLen);
		verdict(tags[i].name);
	}
}

/* Poly1305 by the book: numbers of 17 bytes, lowest first. */
static void
slowpoly(const uint8_t *key, const uint8_t *d, int len, uint8_t *tag)
{
	static const uint8_t clamp[16] = {
		255, 255, 255, 15, 252, 255, 255, 15,
		252, 255, 255, 15, 252, 255, 255, 15
	};
	uint8_t h[17] = { 0 }, b[17];
	uint32_t x[34], c;
	int i, k, n;

	for (; len > 0; len -= n, d += n) {
		n = MIN(len, 16);
		memset(b, 0, sizeof(b));
		memcpy(b, d, n);
		b[n] = 1;
		for (c = i = 0; i < 17; i++, c >>= 8)
			h[i] = c += h[i] + b[i];
		memset(x, 0, sizeof(x));
		for (i = 0; i < 17; i++)
			for (k = 0; k < 16; k++)
				x[i + k] += h[i] * (key[k] & clamp[k]);
		for (c = i = 0; i < 34; i++, c >>= 8) {
			c += x[i];
			x[i] = c & 255;
		}
		for (k = 0; k < 3; k++) { /* what is above 2^130, times 5 */
			for (i = 0; i < 17; i++)
				b[i] = x[16 + i] >> 2 |
				    (i < 16 ? x[17 + i] << 6 : 0);
			x[16] &= 3;
			memset(x + 17, 0, 17 * sizeof(*x));
			for (c = i = 0; i < 34; i++, c >>= 8) {
				c += x[i] + (i < 17 ? 5 * b[i] : 0);
				x[i] = c & 255;
			}
		}
		for (i = 0; i < 17; i++)
			h[i] = x[i];
	}
	for (c = 5, i = 0; i < 17; i++, c >>= 8)
		b[i] = c += h[i];
	if (b[16] >= 4)
		memcpy(h, b, sizeof(h));
	for (c = i = 0; i < 16; i++, c >>= 8)
		tag[i] = c += h[i] + key[16 + i];
}

/* sums next to the modulus and to powers of 2, words of all ones */
static void
testpolycarry(void)
{
	uint8_t key[KeyLen] = { 0 }, d[64], wanted[MacLen], tag[MacLen];
	int i, k, n;
	Poly p;

	for (i = 0; i < 20; i++) { /* the sum is 2^130 - 10 + i */
		polybegin(&p, key);
		for (k = 0; k < Words; k++)
			p.h[k] = (i < 10 ? -(Word)1 : 0) +
			    (k > 0 ? 0 : i < 10 ? i - 9 : i - 10);
		p.h[Words] = i < 10 ? 3 : 4;
		memset(wanted, i < 5 ? 255 : 0, sizeof(wanted));
		wanted[0] = i < 5 ? 246 + i : i - 5;
		polyend(&p, key, tag);
		wantbytes("tag", wanted, MacLen, tag, MacLen);
	}
	verdict("sums from 2^130 - 10 to 2^130 + 9");

	for (i = 0; i < 20000; i++) {
		for (k = 0; k < KeyLen; k++)
			key[k] = i % 3 == 0 ? 255 : i % 3 == 1 ? random() :
			    k == 0 ? 1 + i / 3 % 2 :
			    random() % 8 ? 0 : random();
		for (k = 0; k < LEN(d); k++)
			d[k] = random() % 4 ? 255 : random();
		if (i & 1)
			memset(d, 255, sizeof(d));
		d[0] = i >> 1;
		d[random() % LEN(d) / 4 * 4] = 250 + random() % 6;
		n = 1 + random() % LEN(d);
		slowpoly(key, d, n, wanted);
		polytag(key, d, n, tag);
		wantbytes("tag", wanted, MacLen, tag, MacLen);
	}
	verdict("sums next to 2^130 - 5 and words of ones");
}

/* ChaCha20 by the book: one word at a time */
static void
slowquarter(uint32_t *x, int a, int b, int c, int d)
{
	static const int turn[] = { 16, 12, 8, 7 };
	int i, t;

	for (i = 0; i < 4; i++) {
		x[a] += x[b];
		x[d] = x[d] ^ x[a];
		x[d] = x[d] << turn[i] | x[d] >> (32 - turn[i]);
		t = a, a = c, c = t; /* the next step is of c, d and b */
		t = b, b = d, d = t;
	}
}

static void
slowblock(const uint8_t *key, const uint8_t *nonce, uint32_t n, uint8_t *out)
{
	uint32_t s[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	uint32_t x[16];
	int i;

	for (i = 0; i < 32; i++)
		s[4 + i / 4] |= (uint32_t)key[i] << 8 * (i % 4);
	s[12] = n;
	for (i = 0; i < 12; i++)
		s[13 + i / 4] |= (uint32_t)nonce[i] << 8 * (i % 4);
	memcpy(x, s, sizeof(x));
	for (i = 0; i < 80; i++)
		slowquarter(x, i % 4, 4 + (i + i / 4 % 2) % 4,
		    8 + (i + i / 4 % 2 * 2) % 4, 12 + (i + i / 4 % 2 * 3) % 4);
	for (i = 0; i < 64; i++)
		out[i] = (x[i / 4] + s[i / 4]) >> 8 * (i % 4);
}

static void
slowencipher(const uint8_t *key, const uint8_t *nonce, const uint8_t *ad,
    int adlen, const uint8_t *in, int len, uint8_t *out)
{
	uint8_t block[64], d[2048] = { 0 };
	int i, at = (adlen + 15) / 16 * 16, end = at + (len + 15) / 16 * 16;

	for (i = 0; i < len; i++) {
		if (i % 64 == 0)
			slowblock(key, nonce, 1 + i / 64, block);
		out[i] = in[i] ^ block[i % 64];
	}
	for (i = 0; i < adlen; i++)
		d[i] = ad[i];
	memcpy(d + at, out, len);
	for (i = 0; i < 4; i++) {
		d[end + i] = adlen >> 8 * i;
		d[end + 8 + i] = len >> 8 * i;
	}
	slowblock(key, nonce, 0, block);
	slowpoly(block, d, end + 16, out + len);
}

static const struct {
	const char *name, *key, *nonce, *ad, *text, *out;
} sealeds[] = {
	{ "2.8.2",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	  SUNSCREEN,
	  "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	  "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	  "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	  "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd060"
	  "0691" },
	{ "A.5",
	  "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
	  "000000000102030405060708", "f33388860000000000004e91",
	  "Internet-Drafts are draft documents valid for a "
	  "maximum of six months and may be updated, "
	  "replaced, or obsoleted by other documents at "
	  "any time. It is inappropriate to use "
	  "Internet-Drafts as reference material or to "
	  "cite them other than as "
	  "/\342\200\234work in progress./\342\200\235",
	  "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2"
	  "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
	  "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
	  "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
	  "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
	  "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
	  "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
	  "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
	  "a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38" },
};

static void
testaead(void)
{
	uint8_t key[KeyLen], nonce[NonceLen], ad[16], d[512], out[512];
	const uint8_t *text;
	int i, n, adlen, len;

	for (i = 0; i < LEN(sealeds); i++) {
		unhex(sealeds[i].key, key);
		unhex(sealeds[i].nonce, nonce);
		adlen = unhex(sealeds[i].ad, ad);
		n = unhex(sealeds[i].out, d);
		text = (const uint8_t *)sealeds[i].text;
		len = strlen(sealeds[i].text);
		encipher(key, nonce, ad, adlen, text, len, out);
		wantbytes("sealed", d, n, out, len + MacLen);
		want("result", 0, decipher(key, nonce, ad, adlen, d, n, out));
		wantbytes("text", text, len, out, len);
		verdict(sealeds[i].name);
	}
}

static void
testaeadlengths(void)
{
	uint8_t key[KeyLen], nonce[NonceLen], ad[64], in[600], wanted[616];
	uint8_t *a, *b, *o;
	int i, n, adlen;

	for (n = 0; n <= LEN(in); n++) {
		for (i = 0; i < KeyLen; i++)
			key[i] = random();
		for (i = 0; i < NonceLen; i++)
			nonce[i] = random();
		for (i = 0; i < LEN(ad); i++)
			ad[i] = random();
		for (i = 0; i < n; i++)
			in[i] = random();
		adlen = n % (LEN(ad) + 1);
		slowencipher(key, nonce, ad, adlen, in, n, wanted);
		a = exact(ad, adlen);
		b = exact(in, n);
		o = exact(wanted, n + MacLen); /* of the right size */
		memset(o, 0, n + MacLen);
		encipher(key, nonce, a, adlen, b, n, o);
		wantbytes("sealed", wanted, n + MacLen, o, n + MacLen);
		want("result", 0, decipher(key, nonce, a, adlen, o, n + MacLen,
		    b));
		wantbytes("text", in, n, b, n);
		memcpy(o, in, n);
		encipher(key, nonce, a, adlen, o, n, o);
		wantbytes("in place", wanted, n + MacLen, o, n + MacLen);
		want("result", 0, decipher(key, nonce, a, adlen, o, n + MacLen,
		    o));
		wantbytes("text in place", in, n, o, n);
		free(a);
		free(b);
		free(o);
	}
	verdict("0 to 600 bytes, also in place");
}

/* Each of these is refused and writes nothing. */
static void
testaeadforged(void)
{
	static const int lengths[] = { 0, 1, 16, 63, 200 };
	uint8_t key[KeyLen] = { 1 }, nonce[NonceLen] = { 2 }, ad[19] = { 3 };
	uint8_t in[200], d[216], out[216], same[216];
	struct {
		const char *name;
		uint8_t *d;
		int len;
	} t[] = {
		{ "key", key, KeyLen }, { "nonce", nonce, NonceLen },
		{ "what is not encrypted", ad, sizeof(ad) },
		{ "encrypted", d, 0 }, { "tag", NULL, MacLen },
	};
	int i, k, n, bit;

	for (i = 0; i < LEN(in); i++)
		in[i] = i;
	memset(same, 0xa5, sizeof(same));
	memcpy(out, same, sizeof(out));
	for (k = 0; k < LEN(lengths); k++) {
		n = lengths[k];
		encipher(key, nonce, ad, sizeof(ad), in, n, d);
		t[3].len = n;
		t[4].d = d + n;
		for (i = 0; i < LEN(t); i++)
			for (bit = 0; bit < 8 * t[i].len; bit++) {
				t[i].d[bit / 8] ^= 1 << bit % 8;
				want(t[i].name, -1, decipher(key, nonce, ad,
				    sizeof(ad), d, n + MacLen, out));
				t[i].d[bit / 8] ^= 1 << bit % 8;
			}
		want("shorter", -1, decipher(key, nonce, ad, sizeof(ad), d,
		    n + MacLen - 1, out));
		want("less not encrypted", -1, decipher(key, nonce, ad,
		    sizeof(ad) - 1, d, n + MacLen, out));
		wantbytes("written", same, sizeof(same), out, sizeof(out));
		want("as it was", 0, decipher(key, nonce, ad, sizeof(ad), d,
		    n + MacLen, out));
		memcpy(out, same, sizeof(out));
	}
	verdict("a bit altered");
	for (n = 0; n < MacLen; n++)
		want("result", -1, decipher(key, nonce, ad, 0, d, n, out));
	wantbytes("written", same, sizeof(same), out, sizeof(out));
	verdict("too short for a tag");
}

/* sums, differences and products that carry as far as they may */
static const struct {
	const char *name;
	int op;
	const char *a, *b, *out;
} nums[] = {
	{ "0 + 0", '+',
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "0000000000000000000000000000000000000000000000000000000000000000" },
	{ "p + 0", '+',
	  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "0000000000000000000000000000000000000000000000000000000000000000" },
	{ "p - 1 + 0", '+',
	  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
	{ "p + 1 + 0", '+',
	  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "0100000000000000000000000000000000000000000000000000000000000000" },
	{ "2^256 - 38 + 0", '+',
	  "daffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "0000000000000000000000000000000000000000000000000000000000000000" },
	{ "2p - 1 + 0", '+',
	  "d9ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
	{ "2^255 + 0", '+',
	  "0000000000000000000000000000000000000000000000000000000000000080",
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "1300000000000000000000000000000000000000000000000000000000000000" },
	{ "2^256 - 1 + 0", '+',
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "2500000000000000000000000000000000000000000000000000000000000000" },
	{ "2^256 - 1 + 2^256 - 1", '+',
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "4a00000000000000000000000000000000000000000000000000000000000000" },
	{ "2^256 - 1 + 1", '+',
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "0100000000000000000000000000000000000000000000000000000000000000",
	  "2600000000000000000000000000000000000000000000000000000000000000" },
	{ "2^256 - 38 + 37", '+',
	  "daffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "2500000000000000000000000000000000000000000000000000000000000000",
	  "2500000000000000000000000000000000000000000000000000000000000000" },
	{ "0 - 1", '-',
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "0100000000000000000000000000000000000000000000000000000000000000",
	  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
	{ "0 - 2^256 - 1", '-',
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "c8ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
	{ "37 - 2^256 - 1", '-',
	  "2500000000000000000000000000000000000000000000000000000000000000",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "0000000000000000000000000000000000000000000000000000000000000000" },
	{ "1 - 2^255", '-',
	  "0100000000000000000000000000000000000000000000000000000000000000",
	  "0000000000000000000000000000000000000000000000000000000000000080",
	  "dbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
	{ "p - p", '-',
	  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	  "0000000000000000000000000000000000000000000000000000000000000000" },
	{ "2^256 - 1 * 2^256 - 1", '*',
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "5905000000000000000000000000000000000000000000000000000000000000" },
	{ "40 / b * b", '*',
	  "a0bdefde29e2cf365693f2e508fba015d8dde86960d38d0adac10e8a05760450",
	  "e7db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1ccd",
	  "2800000000000000000000000000000000000000000000000000000000000000" },
	{ "p * 2^256 - 1", '*',
	  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "0000000000000000000000000000000000000000000000000000000000000000" },
	{ "2^255 - 1 * 2^255 - 1", '*',
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	  "4401000000000000000000000000000000000000000000000000000000000000" },
	{ "0 * 2^256 - 1", '*',
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "0000000000000000000000000000000000000000000000000000000000000000" },
};

static void
testnum(void)
{
	uint8_t d[KeyLen], out[KeyLen];
	Num a, b;
	int i, k;

	for (i = 0; i < LEN(nums); i++) {
		unhex(nums[i].a, d);
		for (k = 0; k < 8; k++)
			a[k] = getle4(d + 4 * k);
		unhex(nums[i].b, d);
		for (k = 0; k < 8; k++)
			b[k] = getle4(d + 4 * k);
		if (nums[i].op == '*')
			nummul(a, a, b);
		else
			numadd(a, a, nums[i].op == '+' ? 1 : -1, b);
		numput(out, a);
		unhex(nums[i].out, d);
		wantbytes("number", d, KeyLen, out, KeyLen);
		verdict(nums[i].name);
	}
}

static const struct {
	const char *name, *scalar, *point, *out;
} products[] = {
	{ "5.2 1",
	  "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
	  "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
	  "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552" },
	{ "5.2 2",
	  "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
	  "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
	  "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957" },
	{ "6.1 Alice",
	  "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	  "0900000000000000000000000000000000000000000000000000000000000000",
	  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a" },
	{ "6.1 Bob",
	  "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
	  "0900000000000000000000000000000000000000000000000000000000000000",
	  "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f" },
	{ "6.1 shared by Alice",
	  "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	  "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
	  "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742" },
	{ "6.1 shared by Bob",
	  "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
	  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
	  "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742" },
	{ "point 9 + 2^255 - 19",
	  "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	  "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a" },
	{ "point 9 + 2^255",
	  "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	  "0900000000000000000000000000000000000000000000000000000000000080",
	  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a" },
};

/* 0, 1, two of order 8, -1; and with 2^255 - 19 or the top bit added */
static const char *const small[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

/* k and u are 9 at first, then u is k and k the product: RFC 7748, 5.2 */
static const struct {
	int times;
	const char *k;
} iterated[] = {
	{ 1,
	  "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079" },
	{ 1000,
	  "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51" },
};

static void
testx25519(void)
{
	uint8_t k[KeyLen], u[KeyLen], out[KeyLen], d[KeyLen];
	int i, n;

	for (i = 0; i < LEN(products); i++) {
		unhex(products[i].scalar, k);
		unhex(products[i].point, u);
		unhex(products[i].out, d);
		want("result", 0, x25519(out, k, u));
		wantbytes("product", d, KeyLen, out, KeyLen);
		want("result", 0, x25519(k, k, u));
		wantbytes("in place", d, KeyLen, k, KeyLen);
		verdict(products[i].name);
	}
	for (i = 0; i < LEN(small); i++) {
		unhex(products[2].scalar, k);
		unhex(small[i], u);
		want(small[i], -1, x25519(out, k, u));
	}
	verdict("points of small order");
	memset(k, 0, sizeof(k));
	k[0] = 9;
	memcpy(u, k, sizeof(u));
	/* a thousand take half a minute where 32 bits are emulated */
	for (n = i = 0; i < (sizeof(long) < 8 ? 1 : LEN(iterated)); i++) {
		for (; n < iterated[i].times; n++) {
			x25519(out, k, u);
			memcpy(u, k, sizeof(u));
			memcpy(k, out, sizeof(k));
		}
		unhex(iterated[i].k, d);
		wantbytes("product", d, KeyLen, k, KeyLen);
		verdict(i ? "5.2 1000 times" : "5.2 once");
	}
}

/* auth */

static void
testsiphash(void)
{
	/* key 00..0f, message 00..n-1, from the reference implementation */
	static const uint64_t vectors[64] = {
		UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd),
		UINT64_C(0x0d6c8009d9a94f5a), UINT64_C(0x85676696d7fb7e2d),
		UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
		UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137),
		UINT64_C(0x93f5f5799a932462), UINT64_C(0x9e0082df0ba9e4b0),
		UINT64_C(0x7a5dbbc594ddb9f3), UINT64_C(0xf4b32f46226bada7),
		UINT64_C(0x751e8fbc860ee5fb), UINT64_C(0x14ea5627c0843d90),
		UINT64_C(0xf723ca908e7af2ee), UINT64_C(0xa129ca6149be45e5),
		UINT64_C(0x3f2acc7f57c29bdb), UINT64_C(0x699ae9f52cbe4794),
		UINT64_C(0x4bc1b3f0968dd39c), UINT64_C(0xbb6dc91da77961bd),
		UINT64_C(0xbed65cf21aa2ee98), UINT64_C(0xd0f2cbb02e3b67c7),
		UINT64_C(0x93536795e3a33e88), UINT64_C(0xa80c038ccd5ccec8),
		UINT64_C(0xb8ad50c6f649af94), UINT64_C(0xbce192de8a85b8ea),
		UINT64_C(0x17d835b85bbb15f3), UINT64_C(0x2f2e6163076bcfad),
		UINT64_C(0xde4daaaca71dc9a5), UINT64_C(0xa6a2506687956571),
		UINT64_C(0xad87a3535c49ef28), UINT64_C(0x32d892fad841c342),
		UINT64_C(0x7127512f72f27cce), UINT64_C(0xa7f32346f95978e3),
		UINT64_C(0x12e0b01abb051238), UINT64_C(0x15e034d40fa197ae),
		UINT64_C(0x314dffbe0815a3b4), UINT64_C(0x027990f029623981),
		UINT64_C(0xcadcd4e59ef40c4d), UINT64_C(0x9abfd8766a33735c),
		UINT64_C(0x0e3ea96b5304a7d0), UINT64_C(0xad0c42d6fc585992),
		UINT64_C(0x187306c89bc215a9), UINT64_C(0xd4a60abcf3792b95),
		UINT64_C(0xf935451de4f21df2), UINT64_C(0xa9538f0419755787),
		UINT64_C(0xdb9acddff56ca510), UINT64_C(0xd06c98cd5c0975eb),
		UINT64_C(0xe612a3cb9ecba951), UINT64_C(0xc766e62cfcadaf96),
		UINT64_C(0xee64435a9752fe72), UINT64_C(0xa192d576b245165a),
		UINT64_C(0x0a8787bf8ecb74b2), UINT64_C(0x81b3e73d20b49b6f),
		UINT64_C(0x7fa8220ba3b2ecea), UINT64_C(0x245731c13ca42499),
		UINT64_C(0xb78dbfaf3a8d83bd), UINT64_C(0xea1ad565322a1a0b),
		UINT64_C(0x60e61c23a3795013), UINT64_C(0x6606d7e446282b93),
		UINT64_C(0x6ca4ecb15c5f91e1), UINT64_C(0x9f626da15c9625f3),
		UINT64_C(0xe51b38608ef25f57), UINT64_C(0x958a324ceb064572),
	};
	/* longer than the length byte at the end can say */
	static const struct {
		const char *name;
		int len;
		uint64_t hash;
	} longer[] = {
		{ "255 bytes", 255, UINT64_C(0xa9c169fec74db21a) },
		{ "256 bytes", 256, UINT64_C(0x999d0526d2a7bfd7) },
		{ "1500 bytes", 1500, UINT64_C(0xb15522cf08ed635f) },
	};
	uint8_t d[1500], *c;
	char name[32];
	int i;

	for (i = 0; i < LEN(d); i++)
		d[i] = i;
	for (i = 0; i < LEN(vectors); i++) {
		c = exact(d, i);
		snprintf(name, sizeof(name), "%d bytes", i);
		wanthex(name, vectors[i], siphash(d, c, i));
		free(c);
	}
	verdict("the 64 vectors");
	wanthex("hash", UINT64_C(0xa129ca6149be45e5), siphash(d, d, 15));
	verdict("the example of the paper");
	for (i = 0; i < LEN(longer); i++) {
		wanthex("hash", longer[i].hash, siphash(d, d, longer[i].len));
		verdict(longer[i].name);
	}
}

/* the file of the key; each is read by a child, which dies if it is bad */
static void
testkeyfile(void)
{
#define HALF "000102030405060708090a0b0c0d0e0f" 
	static const struct {
		const char *name;
		int mode;
		const char *text, *said;
	} t[] = {
		{ "as -k prints it", 0600,
		  HALF "101112131415161718191a1b1c1d1e1f\n", NULL },
		{ "no newline", 0400,
		  HALF "101112131415161718191a1b1c1d1e1f", NULL },
		{ "capitals", 0600,
		  HALF "101112131415161718191A1B1C1D1E1F\n", NULL },
		{ "readable by the group", 0640,
		  HALF "101112131415161718191a1b1c1d1e1f\n", "chmod 600" },
		{ "readable by all", 0604,
		  HALF "101112131415161718191a1b1c1d1e1f\n", "chmod 600" },
		{ "empty", 0600, "", "64 hex digits" },
		{ "63 digits", 0600, HALF "101112131415161718191a1b1c1d1e1\n",
		  "64 hex digits" },
		{ "65 digits", 0600, HALF "101112131415161718191a1b1c1d1e1f0\n",
		  "64 hex digits" },
		{ "no hex digits", 0600, HALF "101112131415161718191a1b1c1d1e1g\n",
		  "64 hex digits" },
		{ "0x before it", 0600, "0x0102030405060708090a0b0c0d0e0f" "101112131415161718191a1b1c1d1e1f\n",
		  "64 hex digits" },
		{ "space in it", 0600, HALF "1011121314151617 8191a1b1c1d1e1f\n",
		  "64 hex digits" },
		{ "a second line", 0600,
		  HALF "101112131415161718191a1b1c1d1e1f\nmore\n",
		  "64 hex digits" },
	};
	char path[] = P_tmpdir "/unit.XXXXXX", said[512];
	int i, fd, status;
	uint8_t key[KeyLen];
	pid_t pid;

	for (i = 0; i < KeyLen; i++)
		key[i] = i;
	if ((fd = mkstemp(path)) < 0)
		die("mkstemp:");
	for (i = 0; i < LEN(t); i++) {
		if (ftruncate(fd, 0) < 0 || fchmod(fd, t[i].mode) < 0 ||
		    pwrite(fd, t[i].text, strlen(t[i].text), 0) < 0)
			die("%s:", path);
		fflush(stdout);
		errbegin();
		if ((pid = fork()) == 0) {
			keyfile = path;
			memset(keys.master, 0, sizeof(keys.master));
			if (keyload())
				_exit(1);
			_exit(memcmp(keys.master, key, KeyLen) ? 2 : 0);
		}
		waitpid(pid, &status, 0);
		errend(said, sizeof(said));
		want("exit status", t[i].said ? 1 : 0,
		    WIFEXITED(status) ? WEXITSTATUS(status) : -1);
		wanttext(t[i].said ? t[i].said : "", said);
		verdict(t[i].name);
	}
	close(fd);
	unlink(path);
}

/* records as sent by each end, then with each bit of them altered */
static void
testseal(void)
{
	static const struct {
		const char *name;
		int mtu, len, v6, sealed; /* sealed: bytes */
	} t[] = {
		{ "small", 1420, 20, 0, 27 + 32 },
		{ "a multiple of 16", 1420, 5 + 16, 0, 27 + 32 },
		{ "one more", 1420, 6 + 16, 0, 27 + 48 },
		{ "the largest", 1420, 1420 - 28 - 27 - 11, 0, 1392 },
		{ "some bytes less", 1420, 1420 - 28 - 27 - 11 - 3, 0, 1389 },
		{ "1280 with its headers", 1420, 1225 - 11, 0, 1252 },
		{ "a byte less", 1420, 1225 - 12, 0, 1252 },
		{ "a byte more", 1420, 1225 - 10, 0, 1253 },
		{ "over IPv6", 1420, 1420 - 48 - 27 - 11, 1, 1372 },
	};
	static uint8_t o[PktSize], c[PktSize];
	uint64_t count;
	int i, k, n, why;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anewkeyed(Client);
		bond[2].addr.mtu = t[i].mtu;
		bond[2].addr.v6 = t[i].v6;
		p = pktalloc();
		p->len = t[i].len;
		for (k = 0; k < p->len; k++)
			p->data[k] = k;
		encode(p, 42, FlagData);
		memcpy(c, p->wire, p->wirelen);
		count = peer.session.keys.count;
		n = seal(o, p, &bond[2], SealSession, &peer.session.keys);
		want("bytes", t[i].sealed, n);
		want("as told", sealedlen(&bond[2], p->wirelen), n);
		wanthex("link and count", UINT64_C(2) << 56 | (count + 1),
		    get(o, 8));
		want("flags", FlagSealed, o[8]);
		want("len", n - HdrLen, get(o + 9, 2));
		wantbytes("the packet", c, p->wirelen, p->wire, p->wirelen);
		memcpy(peer.session.keys.rx, peer.session.keys.tx, KeyLen);
		for (k = -1; k < 8 * n; k++) {
			p->wire = p->buf;
			memcpy(p->buf, o, n);
			if (k >= 0)
				p->buf[k / 8] ^= 0x80 >> k % 8;
			p->wirelen = n;
			if (k < 0)
				continue;
			want("key", KeyNone, verify(p, &why));
			want("why", DropAuth, why);
		}
		for (k = HdrLen; k < n; k++) {
			memcpy(p->buf, o, n);
			p->wirelen = k;
			want("key when cut", KeyNone, verify(p, &why));
		}
		memcpy(p->buf, o, n);
		p->wirelen = n + 1;
		want("key when longer", KeyNone, verify(p, &why));
		p->wirelen = n;
		want("key", KeySession, verify(p, &why));
		want("bytes", n - 27, p->wirelen);
		wantbytes("inside", c, HdrLen + t[i].len, p->wire,
		    HdrLen + t[i].len);
		want("link", 2, p->link);
		p->wire = p->buf;
		memcpy(p->buf, o, n);
		p->wirelen = n;
		want("key again", KeyNone, verify(p, &why));
		want("why", DropReplay, why);
		verdict(t[i].name);
	}

	anewkeyed(Server);
	memset(&peer.session, 0, sizeof(peer.session));
	n = putrec(c, 1, FlagData, o, 20);
	n = sealwith(c, n, peer.session.keys.rx);
	p = pktalloc();
	p->wire = memcpy(p->buf, c, n);
	p->wirelen = n;
	want("key", KeyNone, verify(p, &why));
	verdict("without a session zeros are no key");
}

/* padding, and what is none */
static void
testpadding(void)
{
	static const struct {
		const char *name;
		int zeros, last, form;
	} t[] = {
		{ "none", 0, 0, 0 }, { "one", 1, 0, 0 }, { "15", 15, 0, 0 },
		{ "16", 16, 0, 1 }, { "not zero", 3, 1, 1 },
		{ "not zero, a header", 12, 1, 1 },
	};
	uint8_t d[512], nonce[NonceLen], ip[64];
	uint64_t mark;
	int i, n;

	for (i = 0; i < LEN(t); i++) {
		anewkeyed(Server);
		n = HdrLen + putrec(d + HdrLen, 1, FlagData, ip,
		    ippacket(ip, 60, 0, 2000, 5));
		memset(d + n, 0, t[i].zeros);
		n += t[i].zeros;
		d[n - 1] = t[i].last ? 1 : d[n - 1];
		put(d, 77, 8);
		d[8] = FlagSealed;
		put(d + 9, n - HdrLen + MacLen, 2);
		noncemake(nonce, d);
		encipher(peerkey(), nonce, d, HdrLen, d + HdrLen, n - HdrLen,
		    d + HdrLen);
		arrive(0, d, n + MacLen);
		want(dropname[DropForm], t[i].form, drops[DropForm]);
		if (!t[i].form)
			want("delivered", 1, lanread(&mark));
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}
}

/* ip */

/* real packets, cut where only zeros follow */
static const struct {
	const char *name;
	int class, len;               /* len: with the zeros, 0: none */
	const char *bytes;
} packets[] = {
	{ "IPv4 ICMP echo request", Express, 84,
	  "4500 0054 1c46 4000 4001 26cc c0a8 0114 5db8 d822 "
	  "0800 f7d7 0021 0007" },
	{ "IPv4 ICMP unreachable", Express, 0,
	  "45c0 0038 1c46 4000 4001 2628 c0a8 0114 5db8 d822 "
	  "0303 6571 0000 0000 4500 001c 1c46 4000 4011 26f4 c0a8 0114 5db8 "
	  "d822 14e9 829a 0008 0000" },
	{ "IPv4 DNS query", Express, 0,
	  "4500 0039 1c46 4000 4011 26d7 c0a8 0114 5db8 d822 "
	  "9d13 0035 0025 703c 2b1a 0100 0001 0000 0000 0000 0765 7861 6d70 "
	  "6c65 0363 6f6d 0000 0100 01" },
	{ "IPv4 DNS answer", Express, 0,
	  "4500 0049 1c46 4000 4011 26c7 c0a8 0114 5db8 d822 "
	  "0035 9d13 0035 d5a3 2b1a 8180 0001 0001 0000 0000 0765 7861 6d70 "
	  "6c65 0363 6f6d 0000 0100 01c0 0c00 0100 0100 0001 2c00 045d b8d8 "
	  "22" },
	{ "IPv4 DNS answer of 1200 bytes", Express, 1200,
	  "4500 04b0 1c46 4000 4011 2260 c0a8 0114 5db8 d822 "
	  "0035 9d13 049c ccd5 2b1a 8180 0001 0001 0000 0000 0765 7861 6d70 "
	  "6c65 0363 6f6d 0000 0100 01c0 0c00 0100 0100 0001 2c00 045d b8d8 "
	  "22" },
	{ "IPv4 TCP SYN", Express, 0,
	  "4500 003c 1c46 4000 4006 26df c0a8 0114 5db8 d822 "
	  "c294 0050 1d3f 02a1 0000 0000 a002 01f6 67a8 0000 0204 05b4 0402 "
	  "080a 0102 0304 0000 0000 0103 0307" },
	{ "IPv4 TCP SYN and ACK", Express, 0,
	  "4500 003c 1c46 4000 4006 26df c0a8 0114 5db8 d822 "
	  "c294 0050 1d3f 02a1 7be4 0c55 a012 01f6 df5e 0000 0204 05b4 0402 "
	  "080a 0102 0304 0000 0000 0103 0307" },
	{ "IPv4 TCP pure ACK", Ack, 0,
	  "4500 0028 1c46 4000 4006 26f3 c0a8 0114 5db8 d822 "
	  "c294 0050 1d3f 02a1 7be4 0c55 5010 01f6 4b49 0000" },
	{ "IPv4 TCP pure ACK, timestamps and SACK", Ack, 0,
	  "4500 0040 1c46 4000 4006 26db c0a8 0114 5db8 d822 "
	  "c294 0050 1d3f 02a1 7be4 0c55 b010 01f6 2080 0000 0101 080a 00a1 "
	  "b2c3 00d4 e5f6 0101 050a 7be4 11fd 7be4 17a5" },
	{ "IPv4 TCP data, 1448 bytes", Ordered, 1500,
	  "4500 05dc 1c46 4000 4006 213f c0a8 0114 5db8 d822 "
	  "c294 0050 1d3f 02a1 7be4 0c55 8010 01f6 725a 0000 0101 080a 00a1 "
	  "b2c3 00d4 e5f6" },
	{ "IPv4 TCP data, 36 bytes of a shell", Express, 0,
	  "4500 0058 1c46 4000 4006 26c3 c0a8 0114 5db8 d822 "
	  "c294 0016 1d3f 02a1 7be4 0c55 8018 01f6 44cb 0000 0101 080a 00a1 "
	  "b2c3 00d4 e5f6 0001 0203 0405 0607 0809 0a0b 0c0d 0e0f 1011 1213 "
	  "1415 1617 1819 1a1b 1c1d 1e1f 2021 2223" },
	{ "IPv4 TCP FIN", Ordered, 0,
	  "4500 0034 1c46 4000 4006 26e7 c0a8 0114 5db8 d822 "
	  "c294 0050 1d3f 02a1 7be4 0c55 8011 01f6 7801 0000 0101 080a 00a1 "
	  "b2c3 00d4 e5f6" },
	{ "IPv4 TCP RST", Ordered, 0,
	  "4500 0028 1c46 4000 4006 26f3 c0a8 0114 5db8 d822 "
	  "c294 0050 1d3f 02a1 0000 0000 5004 01f6 d38e 0000" },
	{ "IPv4 TCP RST and ACK", Ordered, 0,
	  "4500 0028 1c46 4000 4006 26f3 c0a8 0114 5db8 d822 "
	  "c294 0050 1d3f 02a1 7be4 0c55 5014 01f6 4b45 0000" },
	{ "IPv4 TCP SYN behind IP options", Express, 0,
	  "4600 0040 1c46 4000 4006 91d6 c0a8 0114 5db8 d822 9404 0000 "
	  "c294 0050 1d3f 02a1 0000 0000 a002 01f6 67a8 0000 0204 05b4 0402 "
	  "080a 0102 0304 0000 0000 0103 0307" },
	{ "IPv4 TCP pure ACK behind IP options", Ack, 0,
	  "4600 0038 1c46 4000 4006 91de c0a8 0114 5db8 d822 9404 0000 "
	  "c294 0050 1d3f 02a1 7be4 0c55 8010 01f6 7802 0000 0101 080a 00a1 "
	  "b2c3 00d4 e5f6" },
	{ "IPv4 TCP data behind IP options", Ordered, 1496,
	  "4600 05d8 1c46 4000 4006 8c3e c0a8 0114 5db8 d822 9404 0000 "
	  "c294 0050 1d3f 02a1 7be4 0c55 8010 01f6 7262 0000 0101 080a 00a1 "
	  "b2c3 00d4 e5f6" },
	{ "IPv4 QUIC, 1200 bytes to port 443", Ordered, 1228,
	  "4500 04cc 1c46 4000 4011 2244 c0a8 0114 5db8 d822 "
	  "c958 01bb 04b8 8deb c300 0000 0108 8394 c8f0 3e51 5708" },
	{ "IPv4 QUIC, 30 bytes to port 443", Ordered, 0,
	  "4500 003a 1c46 4000 4011 26d6 c0a8 0114 5db8 d822 "
	  "c958 01bb 0026 a651 4041 4243 4445 4647 4849 4a4b 4c4d 4e4f 5051 "
	  "5253 5455 5657 5859 5a5b 5c5d" },
	{ "IPv4 QUIC, 1200 bytes from port 443", Ordered, 1228,
	  "4500 04cc 1c46 4000 4011 2244 c0a8 0114 5db8 d822 "
	  "01bb c958 04b8 f34f 4083" },
	{ "IPv4 QUIC, 30 bytes from port 443", Ordered, 58,
	  "4500 003a 1c46 4000 4011 26d6 c0a8 0114 5db8 d822 "
	  "01bb c958 0026 0000 4083" },
	{ "IPv4 game, 72 bytes", Express, 100,
	  "4500 0064 1c46 4000 4011 26ac c0a8 0114 5db8 d822 "
	  "6987 697d 0050 34b2" },
	{ "IPv4 UDP, 1400 bytes", Ordered, 1428,
	  "4500 0594 1c46 4000 4011 217c c0a8 0114 5db8 d822 "
	  "9c40 1451 0580 4cc5" },
	{ "IPv4 voice, DSCP EF", Express, 200,
	  "45b8 00c8 1c46 4000 4011 2590 c0a8 0114 5db8 d822 "
	  "4000 4002 00b4 05ab 8000 0001 0000 0140" },
	{ "IPv4 video, 1200 bytes, DSCP AF41", Express, 1228,
	  "4588 04cc 1c46 4000 4011 21bc c0a8 0114 5db8 d822 "
	  "4000 4004 04b8 7ee2" },
	{ "IPv4 UDP, 1200 bytes, DSCP CS4", Express, 1228,
	  "4580 04cc 1c46 4000 4011 21c4 c0a8 0114 5db8 d822 "
	  "4000 4004 04b8 7ee2" },
	{ "IPv4 UDP, 1200 bytes, DSCP CS3", Ordered, 1228,
	  "4560 04cc 1c46 4000 4011 21e4 c0a8 0114 5db8 d822 "
	  "4000 4004 04b8 7ee2" },
	{ "IPv4 UDP, 1200 bytes, ECN only", Ordered, 1228,
	  "4503 04cc 1c46 4000 4011 2241 c0a8 0114 5db8 d822 "
	  "4000 4004 04b8 7ee2" },
	{ "IPv4 first fragment of a DNS answer", Ordered, 1500,
	  "4500 05dc 1c46 2000 4011 4134 c0a8 0114 5db8 d822 "
	  "0035 9d13 05c8 5f7e" },
	{ "IPv4 later fragment", Ordered, 120,
	  "4500 0078 1c46 00b9 4011 65df c0a8 0114 5db8 d822 "
	  "0000 0000" },
	{ "IPv4 later fragment that looks like a SYN", Ordered, 0,
	  "4500 003c 1c46 20b9 4006 4626 c0a8 0114 5db8 d822 "
	  "c294 0050 1d3f 02a1 0000 0000 a002 01f6 67a8 0000 0204 05b4 0402 "
	  "080a 0102 0304 0000 0000 0103 0307" },
	{ "IPv4 fragment of a ping", Ordered, 1500,
	  "4500 05dc 1c46 2000 4001 4144 c0a8 0114 5db8 d822 "
	  "0800 f7d7 0021 0007" },
	{ "IPv4 ESP, 1400 bytes", Ordered, 1420,
	  "4500 058c 1c46 4000 4032 2163 c0a8 0114 5db8 d822 "
	  "c0ff ee01 0000 0009" },
	{ "IPv4 GRE, 60 bytes", Express, 80,
	  "4500 0050 1c46 4000 402f 26a2 c0a8 0114 5db8 d822 "
	  "0000 0800" },
	{ "IPv6 TCP SYN", Express, 0,
	  "6000 0000 0028 0640 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "c294 0050 1d3f 02a1 0000 0000 a002 01f6 3431 0000 0204 05b4 0402 "
	  "080a 0102 0304 0000 0000 0103 0307" },
	{ "IPv6 TCP pure ACK", Ack, 0,
	  "6000 0000 0020 0640 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "c294 0050 1d3f 02a1 7be4 0c55 8010 01f6 448b 0000 0101 080a 00a1 "
	  "b2c3 00d4 e5f6" },
	{ "IPv6 TCP data, 1428 bytes", Ordered, 1460,
	  "6000 0000 058c 0640 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "c294 0050 1d3f 02a1 7be4 0c55 8010 01f6 3f1f 0000 0101 080a 00a1 "
	  "b2c3 00d4 e5f6" },
	{ "IPv6 TCP FIN", Ordered, 0,
	  "6000 0000 0020 0640 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "c294 0050 1d3f 02a1 7be4 0c55 8011 01f6 448a 0000 0101 080a 00a1 "
	  "b2c3 00d4 e5f6" },
	{ "IPv6 TCP RST", Ordered, 0,
	  "6000 0000 0014 0640 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "c294 0050 1d3f 02a1 0000 0000 5004 01f6 a017 0000" },
	{ "IPv6 DNS query", Express, 0,
	  "6000 0000 0025 1140 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "9d13 0035 0025 3cc5 2b1a 0100 0001 0000 0000 0000 0765 7861 6d70 "
	  "6c65 0363 6f6d 0000 0100 01" },
	{ "IPv6 QUIC, 1200 bytes", Ordered, 1248,
	  "6000 0000 04b8 1140 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "c958 01bb 04b8 b952 c300 0000 0108 83" },
	{ "IPv6 voice, DSCP EF", Express, 220,
	  "6b80 0000 00b4 1140 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "4000 4002 00b4 5375" },
	{ "IPv6 UDP, 1200 bytes, DSCP CS4", Express, 1248,
	  "6800 0000 04b8 1140 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "4000 4002 04b8 4b6d" },
	{ "IPv6 UDP, 1200 bytes, DSCP CS3", Ordered, 1248,
	  "6600 0000 04b8 1140 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "4000 4002 04b8 4b6d" },
	{ "IPv6 ICMPv6 echo request", Express, 104,
	  "6000 0000 0040 3a40 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "8000 544e 0021 0007" },
	{ "IPv6 ICMPv6 behind hop-by-hop", Express, 0,
	  "6000 0000 0020 0040 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "3a00 0502 0000 0100 "
	  "8300 5298 0000 0000 ff02 0000 0000 0000 0000 0000 0000 0003" },
	{ "IPv6 TCP pure ACK behind hop-by-hop", Ack, 0,
	  "6000 0000 0028 0040 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "0600 0502 0000 0100 "
	  "c294 0050 1d3f 02a1 7be4 0c55 8010 01f6 448b 0000 0101 080a 00a1 "
	  "b2c3 00d4 e5f6" },
	{ "IPv6 TCP SYN behind routing header", Express, 0,
	  "6000 0000 0040 2b40 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "0602 0201 0000 0000 2001 0db8 0000 0000 0000 0000 0000 0099 "
	  "c294 0050 1d3f 02a1 0000 0000 a002 01f6 3431 0000 0204 05b4 0402 "
	  "080a 0102 0304 0000 0000 0103 0307" },
	{ "IPv6 DNS query behind three headers", Express, 0,
	  "6000 0000 003d 0040 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "3c00 0502 0000 0100 2b00 0104 0000 0000 1100 0000 0000 0000 "
	  "9d13 0035 0025 3cc5 2b1a 0100 0001 0000 0000 0000 0765 7861 6d70 "
	  "6c65 0363 6f6d 0000 0100 01" },
	{ "IPv6 first fragment of a DNS answer", Ordered, 1456,
	  "6000 0000 0588 2c40 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "1100 0001 1234 5678 "
	  "0035 9d13 0580 2c97" },
	{ "IPv6 later fragment", Ordered, 148,
	  "6000 0000 006c 2c40 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "1100 0580 1234 5678 "
	  "0000 0000" },
	{ "IPv6 fragment of a ping", Ordered, 1256,
	  "6000 0000 04c0 2c40 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "3a00 0001 1234 5678 "
	  "8000 4fd6 0021 0007" },
	{ "IPv6 fragment behind hop-by-hop", Ordered, 0,
	  "6000 0000 0038 0040 fd00 0001 0000 0000 0000 0000 0000 0020 2001 "
	  "0db8 0000 0000 0000 0000 0000 0034 "
	  "2c00 0502 0000 0100 0600 0001 1234 5678 "
	  "c294 0050 1d3f 02a1 0000 0000 a002 01f6 3431 0000 0204 05b4 0402 "
	  "080a 0102 0304 0000 0000 0103 0307" },
};

/* what no IP stack sends */
static const struct {
	const char *name, *bytes;
} misfits[] = {
	{ "1 byte", "45" },
	{ "19 bytes", "4500 0013 0000 4000 40fd 0000 0a00 0001 0a00 00" },
	{ "version 5", "5500 0014 0000 4000 40fd 0000 0a00 0001 0a00 0002" },
	{ "version 0", "0500 0014 0000 4000 40fd 0000 0a00 0001 0a00 0002" },
	{ "IPv4 header of 16 bytes",
	  "4400 0014 0000 4000 4001 0000 0a00 0001 0a00 0002" },
	{ "IPv4 header longer than the packet",
	  "4600 0014 0000 4000 4001 0000 0a00 0001 0a00 0002" },
	{ "IPv4 length too small",
	  "4500 0014 0000 4000 4001 0000 0a00 0001 0a00 0002 0800" },
	{ "IPv4 length too large",
	  "4500 0054 0000 4000 4001 0000 0a00 0001 0a00 0002 0800" },
	{ "IPv4 length 0",
	  "4500 0000 0000 4000 4001 0000 0a00 0001 0a00 0002 0800" },
	{ "TCP header cut",
	  "4500 0022 0000 4000 4006 0000 0a00 0001 0a00 0002"
	  "c294 0050 1d3f 02a1 0000 0000 5002" },
	{ "TCP data offset of 4 words",
	  "4500 0028 0000 4000 4006 0000 0a00 0001 0a00 0002"
	  "c294 0050 1d3f 02a1 0000 0000 4002 01f6 0000 0000" },
	{ "TCP data offset beyond the packet",
	  "4500 0028 0000 4000 4006 0000 0a00 0001 0a00 0002"
	  "c294 0050 1d3f 02a1 0000 0000 6002 01f6 0000 0000" },
	{ "IPv6 header cut", "6000 0000 0000 3a40 fd00 0001 0000 0000" },
	{ "IPv6 length too large",
	  "6000 0000 0008 3a40 fd00 0001 0000 0000 0000 0000 0000 0020"
	  "2001 0db8 0000 0000 0000 0000 0000 0034 8000" },
	{ "IPv6 length too small",
	  "6000 0000 0000 3a40 fd00 0001 0000 0000 0000 0000 0000 0020"
	  "2001 0db8 0000 0000 0000 0000 0000 0034 8000" },
	{ "IPv6 extension header cut",
	  "6000 0000 0004 0040 fd00 0001 0000 0000 0000 0000 0000 0020"
	  "2001 0db8 0000 0000 0000 0000 0000 0034 3a00 0502" },
	{ "IPv6 extension header beyond the packet",
	  "6000 0000 0008 0040 fd00 0001 0000 0000 0000 0000 0000 0020"
	  "2001 0db8 0000 0000 0000 0000 0000 0034 3a01 0502 0000 0100" },
	{ "IPv6 fragment header cut",
	  "6000 0000 0004 2c40 fd00 0001 0000 0000 0000 0000 0000 0020"
	  "2001 0db8 0000 0000 0000 0000 0000 0034 1100 0001" },
	{ "IPv6 SYN cut",
	  "6000 0000 000e 0640 fd00 0001 0000 0000 0000 0000 0000 0020"
	  "2001 0db8 0000 0000 0000 0000 0000 0034"
	  "c294 0050 1d3f 02a1 0000 0000 5002" },
};

/* the bytes of packets[i] */
static int
realpacket(int i, uint8_t *d)
{
	memset(d, 0, MtuMax);
	return packets[i].len ? (unhex(packets[i].bytes, d), packets[i].len) :
	    unhex(packets[i].bytes, d);
}

static Pkt *
packetof(const uint8_t *d, int len)
{
	Pkt *p = pktalloc();

	if (!p)
		die("the pool is empty");
	memcpy(p->data, d, len);
	p->len = len;
	p->time = now;
	ipparse(d, len, &p->ip);
	p->kind = kindof(&p->ip);
	return p;
}

static void
clampmss(uint8_t *d, int len, int mtu)
{
	Ip ip;

	if (ipparse(d, len, &ip) == 0)
		ipclamp(d, &ip, mtu);
}

/* nobody reads beyond a packet, and one that is cut is none */
static void
testparse(void)
{
	uint8_t d[MtuMax], *c;
	int i, n, len;
	Ip ip;

	for (i = 0; i < LEN(packets); i++) {
		len = realpacket(i, d);
		for (n = 0; n < len; n += n < 200 ? 1 : 97) {
			c = exact(d, n);
			want(packets[i].name, -1, ipparse(c, n, &ip));
			clampmss(c, n, 1280);
			free(c);
		}
	}
	verdict("every packet at every length");
	for (i = 0; i < 50000; i++) {
		len = realpacket(rnd(LEN(packets)), d);
		len = MIN(len, 160);
		if (d[0] >> 4 == 4)
			put(d + 2, len, 2);
		else
			put(d + 4, len - 40, 2);
		for (n = rnd(4); n >= 0; n--)
			d[rnd(MIN(len, 90))] = rnd(256);
		c = exact(d, len);
		if (ipparse(c, len, &ip) == 0) {
			want("l4 and l4len", len, ip.l4 + ip.l4len);
			wantin("l4", 20, len, ip.l4);
			wantin("payload", 0, len, ip.payload);
		}
		clampmss(c, len, 1280);
		free(c);
	}
	verdict("50000 damaged packets");
}

/* the MSS of a SYN, lowered to what the tunnel carries */
static void
testclamp(void)
{
	static const struct {
		const char *name;
		int flags, mtu;
		const char *options;  /* of TCP */
		int at, mss4, mss6;   /* then at this offset, 0: as it was */
	} t[] = {
		{ "first option", TcpSyn, 1400, "0204 05b4", 2, 1360, 1340 },
		{ "SYN and ACK", TcpSyn | TcpAck, 1400, "0204 05b4", 2, 1360,
		  1340 },
		{ "behind others", TcpSyn, 1300,
		  "0402 080a 0102 0304 0000 0000 0204 05b4", 14, 1260, 1240 },
		{ "odd offset", TcpSyn, 1400, "0102 0405 b401 0101", 3, 1360,
		  1340 },
		{ "odd offset, behind window scale", TcpSyn, 1400,
		  "0303 0702 0405 b400", 5, 1360, 1340 },
		{ "jumbo", TcpSyn, 1400, "0204 2300", 2, 1360, 1340 },
		{ "65535", TcpSyn, 1400, "0204 ffff", 2, 1360, 1340 },
		{ "just fits IPv4", TcpSyn, 1400, "0204 0550", 2, 1360, 1340 },
		{ "just fits both", TcpSyn, 1400, "0204 053c", 2, 0, 0 },
		{ "small", TcpSyn, 1400, "0204 0218", 2, 0, 0 },
		{ "no options", TcpSyn, 1400, "", 2, 0, 0 },
		{ "no MSS", TcpSyn, 1400, "0402 0101", 2, 0, 0 },
		{ "no SYN", TcpAck, 1400, "0204 05b4", 2, 0, 0 },
		{ "behind the end of options", TcpSyn, 1400,
		  "0000 0000 0204 05b4", 6, 0, 0 },
		{ "option of length 0", TcpSyn, 1400, "0300 0204 05b4 0101", 4,
		  0, 0 },
		{ "option of length 1", TcpSyn, 1400, "0301 0204 05b4 0101", 4,
		  0, 0 },
		{ "option beyond the header", TcpSyn, 1400, "0309 0204", 0, 0,
		  0 },
		{ "MSS of length 3", TcpSyn, 1400, "0203 0501", 0, 0, 0 },
		{ "MSS cut by the header", TcpSyn, 1400, "0101 0204", 0, 0,
		  0 },
	};
	static const uint8_t host[16] = { 10, 0, 0, 20 };
	static uint8_t d[Room], was[Room];
	uint8_t *c;
	int i, v6, ip, n, len, mss;
	char name[64];

	for (i = 0; i < LEN(t); i++)
		for (v6 = 0; v6 < 2; v6++) {
			memset(d, 0, 128);
			ip = v6 ? 40 : 20;
			n = unhex(t[i].options, d + ip + 20);
			len = ip + 20 + n;
			iphead(d, v6, IPPROTO_TCP, len, host, host);
			tcphead(d + ip, 80, 0, 0x1d3f02a1, 0, n, t[i].flags,
			    0);
			finish(d, len);
			memcpy(was, d, len);
			mss = v6 ? t[i].mss6 : t[i].mss4;
			if (mss)
				put(was + ip + 20 + t[i].at, mss, 2);
			c = exact(d, len);
			clampmss(c, len, t[i].mtu);
			want("checksum", 0xffff, l4sum(c, len));
			if (mss)
				memcpy(was + ip + 16, c + ip + 16, 2);
			wantbytes("packet", was, len, c, len);
			free(c);
			snprintf(name, sizeof(name), "%s, IPv%d", t[i].name,
			    v6 ? 6 : 4);
			verdict(name);
		}

	for (i = 0; i < 20000; i++) {
		len = 60;
		ip = 20;
		for (n = 0; n < len; n++)
			d[n] = rnd(256);
		unhex("4500 003c", d);
		d[6] = d[7] = 0;
		d[9] = IPPROTO_TCP;
		d[ip + 12] = 0xa0;
		d[ip + 13] |= TcpSyn;
		n = rnd(17);
		memset(d + ip + 20, 1, 20);
		put(d + ip + 20 + n, 0x0204, 2);
		put(d + ip + 22 + n, rnd(65536), 2);
		finish(d, len);
		mss = MIN((int)get(d + ip + 22 + n, 2), 1360);
		clampmss(d, len, 1400);
		want("MSS", mss, get(d + ip + 22 + n, 2));
		want("checksum", 0xffff, l4sum(d, len));
	}
	verdict("20000 at any place and value");

	for (i = 0; strcmp(packets[i].name,
	    "IPv4 later fragment that looks like a SYN"); i++)
		;
	len = realpacket(i, d);
	memcpy(was, d, len);
	clampmss(d, len, 1000);
	wantbytes("packet", was, len, d, len);
	verdict("a fragment that looks like a SYN is left alone");

	anew(Client);
	memset(d, 0, sizeof(d));
	len = unhex("4500 002c 0000 4000 4006 0000 c0a8 0114 5db8 d822"
	    "c294 0050 1d3f 02a1 0000 0000 6002 01f6 0000 0000 0204 05b4", d);
	finish(d, len);
	if (write(lanfd, d, len) < 0)
		die("write:");
	tunpkt();
	schedule();
	n = peerread(0, was);
	want("bytes", HdrLen + len, n);
	want("MSS out", tun.mtu - 40, get(was + HdrLen + 42, 2));
	want("checksum", 0xffff, l4sum(was + HdrLen, len));
	n = putrec(was, 1, FlagData, d, len);
	arrive(0, was, n);
	n = fdread(lanfd, was);
	want("bytes", len, n);
	want("MSS in", tun.mtu - 40, get(was + 42, 2));
	want("checksum", 0xffff, l4sum(was, len));
	verdict("both ways through the tunnel");
}

static void
testmark(void)
{
	static const struct {
		const char *name;
		int version, class, marked; /* class: the byte, with DSCP */
	} t[] = {
		{ "IPv4 that knows no ECN", 4, 0xb8, -1 },
		{ "IPv4 ECT(0)", 4, 0xba, 0xbb },
		{ "IPv4 ECT(1)", 4, 0x01, 0x03 },
		{ "IPv4 marked before", 4, 0x03, 0x03 },
		{ "IPv6 that knows no ECN", 6, 0xb8, -1 },
		{ "IPv6 ECT(0)", 6, 0xba, 0xbb },
		{ "IPv6 ECT(1)", 6, 0x01, 0x03 },
		{ "IPv6 marked before", 6, 0x03, 0x03 },
	};
	uint8_t d[64];
	int i, class;

	for (i = 0; i < LEN(t); i++) {
		if (t[i].version == 4) {
			ippacket(d, 60, t[i].class, 1000, 0);
		} else {
			memset(d, 0, sizeof(d));
			put(d, UINT64_C(0x60012345) | t[i].class << 20, 4);
		}
		want("marks", t[i].marked >= 0, ipmark(d));
		class = t[i].version == 4 ? d[1] : get(d, 2) >> 4 & 0xff;
		want("class", t[i].marked >= 0 ? t[i].marked : t[i].class,
		    class);
		if (t[i].version == 4)
			want("checksum", 0xffff, ipsum(d));
		else
			want("flow label", 0x12345, get(d, 4) & 0xfffff);
		verdict(t[i].name);
	}
	for (i = 0; i < 0x10000; i += 5) {
		ippacket(d, 60, rnd(64) << 2 | 2, 1000, 0);
		put(d + 4, i, 2);
		ipfinish(d);
		ipmark(d);
		want("checksum", 0xffff, ipsum(d));
	}
	verdict("every checksum");
}

/* the answer to a packet that no link carries */
static void
testtoobig(void)
{
	static const struct {
		const char *name, *packet;
		int mtu;              /* of the links */
		int len, icmp;        /* of the answer, 0: none; its type */
	} t[] = {
		{ "IPv4 TCP", "IPv4 TCP data, 1448 bytes", 1420, 56, 3 },
		{ "IPv4 TCP behind options", "IPv4 TCP data behind IP options",
		  1420, 60, 3 },
		{ "IPv4 UDP", "IPv4 UDP, 1400 bytes", 1420, 56, 3 },
		{ "IPv6 TCP", "IPv6 TCP data, 1428 bytes", 1420, 1280, 2 },
		{ "IPv6 UDP", "IPv6 UDP, 1200 bytes, DSCP CS3", 1200, 1280,
		  2 },
		{ "IPv4 ping", "IPv4 ICMP echo request", 100, 56, 3 },
		{ "IPv6 ping", "IPv6 ICMPv6 echo request", 120, 152, 2 },
		{ "fits", "IPv4 TCP data, 1448 bytes", 1541, 0, 0 },
		{ "fits by one byte less", "IPv4 TCP data, 1448 bytes", 1540,
		  56, 3 },
	};
	static const struct {
		const char *name;
		int v6, at;           /* of the bytes that are odd */
		const char *bytes;
		int told;
	} odd[] = {
		{ "from one host to one", 0, 12, "", 1 },
		{ "to multicast", 0, 16, "e000 0005", 0 },
		{ "to broadcast", 0, 16, "ffff ffff", 0 },
		{ "to nowhere", 0, 16, "0000 0000", 0 },
		{ "from multicast", 0, 12, "efff 0001", 0 },
		{ "from nowhere", 0, 12, "0000 0000", 0 },
		{ "from the last address there is", 0, 12, "dfff fffe", 1 },
		{ "first fragment", 0, 6, "2000", 1 },
		{ "second fragment", 0, 6, "20b9", 0 },
		{ "last fragment", 0, 6, "0001", 0 },
		{ "IPv6 from one host to one", 1, 4, "05b4", 1 },
		{ "IPv6 to multicast", 1, 4, "05b4 1140 fd09 0000 0000 0000"
		  "0000 0000 0000 0014 ff02", 0 },
		{ "IPv6 from multicast", 1, 4, "05b4 1140 ff05", 0 },
		{ "IPv6 from nowhere", 1, 4, "05b4 1140 0000 0000 0000 0000"
		  "0000 0000 0000 0000", 0 },
		{ "IPv6 first fragment", 1, 4, "05b4 2c40", 1 },
		{ "IPv6 second fragment", 1, 4, "05b4 2c40 fd09 0000 0000 0000"
		  "0000 0000 0000 0014 2001 0db8 0000 0000 0000 0000 0000 0034"
		  "1100 0009", 0 },
	};
	static uint8_t d[Room], o[Room];
	int i, j, n, len, v6, most;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; j < Nlinks; j++)
			bond[j].addr.mtu = t[i].mtu - 100 * j;
		surveylinks();
		most = t[i].mtu - 28 - HdrLen - OrderLen;
		for (j = 0; strcmp(packets[j].name, t[i].packet); j++)
			;
		len = realpacket(j, d);
		v6 = d[0] >> 4 == 6;
		enqueue(packetof(d, len));
		n = fdread(lanfd, o);
		want("bytes", t[i].len ? t[i].len : -1, n);
		want(dropname[DropSize], !!t[i].len, drops[DropSize]);
		want("packets not in the pool", !t[i].len, inuse());
		if (n > 0 && v6) {
			want("version", 6, o[0] >> 4);
			want("length", n - 40, get(o + 4, 2));
			want("protocol", IPPROTO_ICMPV6, o[6]);
			want("type and code", t[i].icmp << 8, get(o + 40, 2));
			want("checksum", 0xffff, l4sum(o, n));
			want("MTU", most, get(o + 44, 4));
			want("to", 0, memcmp(o + 24, d + 8, 16));
			wantbytes("quoted", d, n - 48, o + 48, n - 48);
		} else if (n > 0) {
			want("first byte", 0x45, o[0]);
			want("length", n, get(o + 2, 2));
			want("protocol", IPPROTO_ICMP, o[9]);
			want("checksum", 0xffff, ipsum(o));
			want("type and code", t[i].icmp << 8 | 4,
			    get(o + 20, 2));
			want("ICMP checksum", 0xffff, l4sum(o, n));
			want("MTU", most, get(o + 26, 2));
			want("to", 0, memcmp(o + 16, d + 12, 4));
			wantbytes("quoted", d, n - 28, o + 28, n - 28);
		}
		verdict(t[i].name);
	}

	anew(Client);
	memset(d, 0, sizeof(d));
	unhex("4500 05dc 0000 4000 4001 0000 c0a8 0114 5db8 d822 0301", d);
	enqueue(packetof(d, 1500));
	want("answered", -1, fdread(lanfd, o));
	want(dropname[DropSize], 1, drops[DropSize]);
	verdict("an ICMP error is not answered");

	for (i = 0; i < LEN(odd); i++) {
		anew(Client);
		memset(d, 0, sizeof(d));
		if (odd[i].v6) {
			unhex("6000 0000 05dc 1140 fd09 0000 0000 0000 0000"
			    "0000 0000 0014 2001 0db8 0000 0000 0000 0000"
			    "0000 0034 1100 0000 0000 0000", d);
		} else {
			unhex("4500 05dc 0000 0000 4011 0000 c0a8 0114"
			    "5db8 d822", d);
		}
		n = unhex(odd[i].bytes, o);
		memcpy(d + odd[i].at, o, n);
		for (j = 0; j < Nlinks; j++)
			bond[j].addr.mtu = 1300;
		surveylinks();
		enqueue(packetof(d, MtuMax));
		want("answered", odd[i].told, fdread(lanfd, o) > 0);
		verdict(odd[i].name);
	}

	anew(Client);
	for (n = i = 0; i < 400; i++) {
		unhex("4500 05dc 0000 4000 4011 0000 c0a8 0114 5db8 d822", d);
		enqueue(packetof(d, 1500));
		n += fdread(lanfd, o) > 0;
		now += i < 200 ? 0 : MS(5);
		if (i == 199)
			want("answers at once", 10, n);
	}
	wantin("answers in the next second", 90, 110, n - 10);
	want(dropname[DropSize], 400, drops[DropSize]);
	verdict("many at once");

	anew(Client);
	linksare(0, LinkDown);
	enqueue(packetof(d, 1500));
	want("answered", -1, fdread(lanfd, o));
	want(dropname[DropSize], 0, drops[DropSize]);
	verdict("no link to be too big for");
}

/* the flags that a TUN is opened with, by what the kernel can do */
static void
testtunopen(void)
{
	static const struct {
		const char *name;
		unsigned features, asked;
	} t[] = {
		{ "no features", IFF_TUN, IFF_TUN | IFF_NO_PI },
		{ "GSO packets", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR,
		  IFF_TUN | IFF_NO_PI | IFF_VNET_HDR },
		{ "backpressure", IFF_TUN | IFF_BACKPRESSURE,
		  IFF_TUN | IFF_NO_PI | IFF_BACKPRESSURE },
		{ "all features", 0xffff, IFF_TUN | IFF_NO_PI |
		  IFF_VNET_HDR | IFF_BACKPRESSURE },
	};
	int i;

	anew(Client);
	driver.faked = 1;
	for (i = 0; i < LEN(t); i++) {
		driver.features = t[i].features;
		offloadprobe();
		close(tun.fd);
		tunopen();
		wanthex("flags", t[i].asked, driver.asked & 0xffff);
		verdict(t[i].name);
	}
}

/* ECN flags in what is segmented, and coalesced */
static void
testecn(void)
{
	static const struct {
		const char *name;
		int type, flags, wanted; /* wanted: of the second segment */
	} t[] = {
		{ "segments, no flag", 0, TcpAck, TcpAck },
		{ "segments, CWR", GsoEcn, TcpAck | TcpCwr, TcpAck },
		{ "segments, CWR unannounced", 0, TcpAck | TcpCwr, TcpAck },
		{ "segments, AccECN", GsoAccEcn, 0x1d0, 0x1d0 },
		{ "segments, AccECN with both", GsoAccEcn | GsoEcn, 0x1d0,
		  0x1d0 },
		{ "segments, ECE stays", GsoEcn, 0x1d0, 0x150 },
	};
	static const struct {
		const char *name;
		int flags, flips;     /* flips: those that the next has not */
		const char *options;
		int least, most;      /* packets written of 1000 */
	} u[] = {
		{ "coalesced, no flag", TcpAck, 0, Stamp, 16, 50 },
		{ "coalesced, ECE", TcpAck | TcpEce, 0, Stamp, 16, 50 },
		{ "coalesced, AccECN", Ace5, 0, Stamp, 16, 50 },
		{ "coalesced, AccECN and options", Ace5, 0, Stamp Ace0, 16,
		  50 },
		{ "AE moves", Ace5, 0x100, Stamp, 1000, 1000 },
		{ "ECE moves", Ace5, TcpEce, Stamp, 1000, 1000 },
		{ "CWR", 0x1d0, 0, Stamp, 1000, 1000 },
	};
	static uint8_t d[Room], *ip = d + VnetLen;
	Vnet v = { .flags = VnetPartial, .size = 1000 };
	Queue q = { 0 };
	int i, j, n, len;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		v.type = GsoTcp4 | t[i].type;
		memset(d, 0, sizeof(d));
		unhex("4500 0000 0000 4000 4006 0000 c0a8 0114 5db8 d822",
		    d);
		tcphead(d + 20, 5000, 80, 0, 1000, 0, t[i].flags, 0);
		finish(d, 2040);
		segment(d, 2040, &v, &q);
		want("packets", 2, q.len);
		for (j = 0; (p = queueget(&q)); j++) {
			wanthex("flags", j ? t[i].wanted : t[i].flags,
			    get(p->data + 32, 2) & 0xfff);
			pktfree(p);
		}
		verdict(t[i].name);
	}
	for (i = 0; i < LEN(u); i++) {
		anew(Client);
		offload[OffCoalesce] = Running;
		tun.hdr = VnetLen;
		for (n = j = 0; j < 1000; j++) {
			p = pktalloc();
			memset(p->data, 0, PktSize - HdrLen);
			len = 40 + unhex(u[i].options, p->data + 40) + 1000;
			unhex("4500 0000 0000 4000 4006 0000 c0a8 0114 5db8"
			    "d822", p->data);
			tcphead(p->data + 20, 5000, 80, j * 1000, 1000,
			    len - 1040, u[i].flags ^ (j % 2 * u[i].flips), 0);
			put(p->data + 4, j, 2);
			p->len = len;
			finish(p->data, len);
			deliver(p);
			if (j % 32 == 31)
				groflushall();
			while (fdread(lanfd, d) >= 0)
				n++;
		}
		groflushall();
		while (fdread(lanfd, d) >= 0)
			n++;
		wanthex("flags", u[i].flags ^ ((j - 1) % 2 * u[i].flips),
		    get(ip + 32, 2) & 0xfff);
		wantin("written", u[i].least, u[i].most, n);
		want("packets not in the pool", 0, inuse());
		verdict(u[i].name);
	}
}

/* offload */

/* offload: what fails later is given up by itself, and nothing is lost */
static void
testfallback(void)
{
	static uint8_t d[Room];
	struct sockaddr_in sin = { 0 };
	socklen_t len = sizeof(sin);
	int i, n, fd;
	Pkt *p;

	/* a TUN that takes no more than a packet, three times */
	anew(Client);
	n = 0;
	offload[OffCoalesce] = Running;
	tun.hdr = VnetLen;
	setopt(tun.fd, SOL_SOCKET, SO_SNDBUF, 1 << 12);
	for (i = 0; i < 126; i++) {
		p = pktalloc();
		memset(p->data, 0, 1440);
		unhex("4500 05a0 0000 4000 4006 0000 c0a8 0114 5db8 d822"
		    "1451 9c40 0000 0000 0000 0000 5010 0100", p->data);
		p->len = 1440;
		put(p->data + 4, i, 2);
		put(p->data + 24, i * 1400, 4);
		finish(p->data, 1440);
		deliver(p);
		if (i % 42 != 41)
			continue;
		groflushall();
		want("state", i < 100 ? Running : Failed,
		    offload[OffCoalesce]);
		for (; fdread(lanfd, d) == VnetLen + 1440; n++)
			;
	}
	for (; (i = fdread(lanfd, d)) >= 0; n++)
		want("bytes", VnetLen + 1440, i);
	wantin("packets", 1, 126, n);
	want("dropped by a full socket", 126 - n, drops[DropTun]);
	want("state", Failed, offload[OffCoalesce]);
	want("packets not in the pool", 0, inuse());
	verdict("a TUN that takes no superpackets");

	/* a socket without checksums refuses UDP_SEGMENT */
	anew(Client);
	offload[OffUdpSegment] = Running;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		die("bind:");
	close(bond[0].fd);
	bond[0].fd = socket(AF_INET, SOCK_DGRAM, 0);
	setopt(bond[0].fd, SOL_SOCKET, SO_NO_CHECK, 1);
	if (connect(bond[0].fd, (struct sockaddr *)&sin, len) < 0)
		die("connect:");
	for (i = 0; i < 10; i++)
		enqueue(waiting(Ordered, 7, 400, 0, i));
	schedule();
	schedule();
	for (n = 0; recv(fd, d, sizeof(d), MSG_DONTWAIT) >= 0; )
		n++;
	wantin("datagrams", 2, 10, n);
	want("left", 10 - queues.queued, n);
	want("dropped", 0, drops[DropSend]);
	want("tried again", now + Retry, bond[0].out.trial.until);
	want("other links", 0, bond[1].out.trial.until);
	verdict("a link that takes no UDP_SEGMENT");
}

/* what becomes of packets that are handed over jointly, and singly, percent */
typedef struct {
	const char *name;
	int joint, single;
	int off;                  /* whose fault it is: the offload's */
} Flaw;

static const Flaw faults[] = {
	{ "nothing is lost", 0, 0, 0 },
	{ "all that are handed over jointly", 100, 0, 1 },
	{ "nine of ten", 90, 0, 1 },
	{ "nine of ten, and two of a hundred of the others", 90, 2, 1 },
	{ "two of a hundred of all", 2, 2, 0 },
	{ "half of all", 50, 50, 0 },
	{ "nine of ten of all", 90, 90, 0 },
};

static int
lostby(const Flaw *f, int joint)
{
	return rnd(100) < (joint ? f->joint : f->single);
}

/* a second on the first link, with heartbeats; datagrams that left jointly,
 * and singly */
static void
linksecond(const Flaw *f, uint64_t *rxpkts, int *joint, int *alone)
{
	static uint8_t d[Room];
	Link *l = &bond[0];
	Beat b = { 0 };
	int i, k, n;

	for (i = 1; i <= 1000; i++) {
		now += MS(1);
		for (k = 0; k < 4 && queues.flows[7].queue.len < 10; k++)
			enqueue(waiting(Ordered, 7, 1161, 0, 0));
		schedule();
		forget(0);
		if (i % 100 == 0)
			beatsend(l, &peer.session, KeySession);
		while ((n = peerread(0, d)) >= 0) {
			*(n > Mtu ? joint : alone) += (n + 1173) / 1174;
			if (d[8] & FlagBeat || !lostby(f, n > Mtu))
				*rxpkts += (n + 1173) / 1174;
		}
		if (i % 100)
			continue;
		b.time = now;
		b.echo = l->beats.sent[(l->beats.n - 1) % Remembered].time;
		b.rxpkts = *rxpkts;
		measure(l, &b);
	}
}

/* a second of eight TCP flows to the TUN, each of which sends ten packets and
 * then again what has not arrived; the rest as above */
static void
tunsecond(const Flaw *f, uint64_t *una, int *joint, int *alone)
{
	static uint8_t d[Room];
	const uint8_t *ip = d + VnetLen;
	static int id;
	int i, k, n, flow, got[10];
	uint32_t seq;
	Pkt *p;

	for (i = 0; i < 160; i++) {
		now += i % 8 ? 0 : MS(50);
		flow = i % 8;
		memset(got, 0, sizeof(got));
		for (k = 0; k < 10; k++) {
			p = pktalloc();
			memset(p->data, 0, 1040);
			unhex("4500 0410 0000 4000 4006 0000 c0a8 0114 5db8"
			    "d822", p->data);
			put(p->data + 4, id++, 2);
			tcphead(p->data + 20, 5000 + flow, 80,
			    una[flow] + k * 1000, 0, 0, TcpAck, 0);
			p->len = 1040;
			finish(p->data, 1040);
			deliver(p);
		}
		groflushall();
		while ((n = fdread(lanfd, d)) >= 0) {
			n = (n - VnetLen - 40) / 1000;
			*(n > 1 ? joint : alone) += n;
			seq = get(ip + 24, 4) - (uint32_t)una[flow];
			if (!lostby(f, n > 1))
				for (; n > 0; n--)
					got[seq / 1000 + n - 1] = 1;
		}
		for (k = 0; k < 10 && got[k]; k++)
			;
		una[flow] += k * 1000;
	}
}

/* What a link that is down says of itself: an error of sending counts while it
 * is new, and strangers' datagrams do not use up the link's log lines. */
static void
testfault(void)
{
	static char said[16384];
	struct sockaddr_storage from;
	int i, k;

	anew(Client);
	linksare(0, LinkDown);
	bond[0].fault.since = now - SEC(60);
	linkerror(&bond[0], EMSGSIZE);
	want("too long is none", 0, faultof(&bond[0]) == FaultSend);
	linkerror(&bond[0], EPERM);
	want("an error", FaultSend, faultof(&bond[0]));
	now += SEC(6);
	want("later", 0, faultof(&bond[0]) == FaultSend);
	verdict("an error of sending");

	anewkeyed(Server);
	linksare(0, LinkDown);
	memset(&bond[0].log, 0, sizeof(bond[0].log));
	from = bond[0].addr.remote;
	errbegin();
	loop.quiet = 0;
	for (i = 0; i < 40; i++, now += SEC(3)) {
		sign(&bond[0], i % 4 < 2 ? SignKey : SignPlain, &from);
		faultlog(&bond[0]);
	}
	errend(said, sizeof(said));
	wanttext("another key", said);
	want("of the link's own lines", 0, bond[0].log.clock);
	verdict("datagrams of strangers");

	memset(&bond[0].fault, 0, sizeof(bond[0].fault));
	anew(Client);
	linksare(0, LinkUp);
	bond[0].moves.with = &bond[1];
	errbegin();
	loop.quiet = 0;
	for (i = 0; i < 100; i++, now += Second) {
		bond[0].moves.with = i % 2 ? NULL : &bond[1];
		faultlog(&bond[0]);
	}
	errend(said, sizeof(said));
	want("once", 1, strstr(said, "same way") &&
	    !strstr(strstr(said, "same way") + 1, "same way"));
	verdict("links that move alike now and then");

	for (i = Client; i <= Server; i++) {
		anew(i);
		linksare(0, LinkDown);
		for (k = 0; k < Nlinks; k++)
			bond[k].present = bond[k].heard.came = 0;
		loop.online = 1;
		loop.lastonline = now - SEC(6);
		errbegin();
		loop.quiet = 0;
		tellparent();
		errend(said, sizeof(said));
		want("no client is heard", i == Server,
		    !!strstr(said, "no client"));
		verdict(i == Server ? "offline, server" : "offline, client");
	}
}

/* Offloads that lose what is handed over jointly are off within 3 s, 6 s for
 * the TUN, and tried again; links that lose the same either way keep them. */
static void
testtrial(int ontun)
{
	const char *where = ontun ? "TUN out is" : "link wg0: UDP_SEGMENT is";
	const char *told = ontun ? "TUN out: off for a while" :
	    "not UDP_SEGMENT on wg0";
	Trial *trial = ontun ? &gro.trial : &bond[0].out.trial;
	void (*step)(const Flaw *, uint64_t *, int *, int *) =
	    ontun ? tunsecond : linksecond;
	static Text t;
	char said[2000], line[100];
	uint64_t state[8];
	int i, k, joint, alone;

	for (i = 0; i < LEN(faults); i++) {
		if (ontun && faults[i].single == 2 && faults[i].off)
			continue; /* one that is lost makes ten come again */
		anew(Client);
		memset(state, 0, sizeof(state));
		linksare(1, LinkDown);
		offload[OffUdpSegment] = offload[OffCoalesce] = Running;
		rateceil(&bond[0], MBIT(50), MBIT(50));
		tun.hdr = ontun ? VnetLen : 0;
		joint = alone = t.len = 0;
		errbegin();
		loop.quiet = 0;
		for (k = 0; k < (!faults[i].off ? 90 : ontun ? 6 : 3); k++)
			step(&faults[i], state, &joint, &alone);
		errend(said, sizeof(said));
		want("off", faults[i].off, resting(trial));
		offloads(&t);
		want("told", faults[i].off, !!strstr(t.buf, told));
		want("logged", faults[i].off, !!strstr(said, "for 1 min"));
		if (faults[i].off) {
			snprintf(line, sizeof(line), "%s off for 1 min", where);
			wanttext(line, said);
			joint = alone = 0;
			step(&faults[i], state, &joint, &alone);
			want("jointly while off", 0, joint);
		} else {
			wantin("percent jointly", 90, 100,
			    100 * joint / (joint + alone));
		}
		verdict(faults[i].name);
		if (!faults[i].off)
			continue;

		now = trial->until; /* still at fault */
		bond[0].echo.tx.time = 0;
		errbegin();
		for (k = 0; k < (ontun ? 6 : 3); k++)
			step(&faults[i], state, &joint, &alone);
		errend(said, sizeof(said));
		wanttext("off for 2 min", said);
		now = trial->until; /* mended */
		bond[0].echo.tx.time = 0;
		joint = alone = 0;
		for (k = 0; k < 60; k++)
			step(&faults[0], state, &joint, &alone);
		want("off", 0, resting(trial));
		wantin("percent jointly", 90, 100,
		    100 * joint / (joint + alone));
		verdict("the same, then mended");
	}
}

/* how long most are lost, ms, until a trial begins: not for a burst, as of
 * retransmissions, not even for one of them after the other */
static void
testtrialbegins(void)
{
	static const struct {
		const char *name;
		int bad, good, times; /* ms of losses, ms without; how often */
		int trying;
	} t[] = {
		{ "a burst", 300, 0, 1, 0 },
		{ "bursts", 900, 100, 20, 0 },
		{ "an era", 1100, 0, 1, 1 },
	};
	Trial trial;
	int i, j, ms;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		memset(&trial, 0, sizeof(trial));
		for (j = 0; j < t[i].times; j++)
			for (ms = -t[i].good; ms < t[i].bad; ms++) {
				now += MS(1);
				trial.sent[0] += 400;
				trial.lost[0] += ms < 0 ? 0 : 300;
				judge(&trial, TunEra);
			}
		want("trying", t[i].trying, trial.trying);
		verdict(t[i].name);
	}
}

static void
testlinktrial(void)
{
	testtrial(0);
}

static void
testtuntrial(void)
{
	testtrial(1);
}

/* who may use the tunnel: packets to the server, and to the client */
static void
testmartian(void)
{
	enum { Neither, Up, Back, Any };
	static const struct {
		const char *name, *from, *to;
		int pass, any;        /* any: where lannets is NULL */
	} t[] = {
		{ "LAN to the internet", "192.168.1.100", "93.184.216.34", Up,
		  Any },
		{ "and back", "93.184.216.34", "192.168.1.100", Back, Any },
		{ "TUN to TUN", "192.168.50.1", "10.99.0.1", Up, Any },
		{ "LAN to LAN", "192.168.1.100", "192.168.1.101", Neither,
		  Any },
		{ "LAN to the client's TUN", "192.168.1.100", "192.168.50.1",
		  Neither, Any },
		{ "LAN to an unused address there", "192.168.1.100",
		  "192.168.50.77", Up, Any },
		{ "unused one at the server's TUN", "192.168.1.100",
		  "10.99.0.77", Up, Any },
		{ "not of the LAN", "192.168.2.100", "93.184.216.34", Neither,
		  Any },
		{ "internet to internet", "198.51.100.1", "93.184.216.34",
		  Neither, Any },
		{ "to a link's client", "93.184.216.34", "10.200.0.1",
		  Neither, Neither },
		{ "to a link's server", "192.168.1.100", "10.200.4.2",
		  Neither, Neither },
		{ "from a link's client", "10.200.2.1", "93.184.216.34",
		  Neither, Neither },
		{ "from a link's server", "10.200.2.2", "192.168.1.100",
		  Neither, Neither },
		{ "beside a link's", "192.168.1.100", "10.200.4.3", Up, Any },
		{ "link-local", "192.168.1.100", "169.254.9.9", Neither,
		  Neither },
		{ "multicast", "192.168.1.100", "224.0.0.1", Neither,
		  Neither },
		{ "broadcast", "192.168.1.100", "255.255.255.255", Neither,
		  Neither },
		{ "loopback", "127.0.0.1", "192.168.1.100", Neither,
		  Neither },
		{ "no source", "0.0.0.0", "192.168.1.100", Neither, Neither },
		{ "IPv6 LAN", "fd01:2:3:4::9", "2001:db8::1", Up, Any },
		{ "IPv6 TUN", "fd09::1", "2001:db8::1", Up, Any },
		{ "IPv6, unused there", "fd09::2", "2001:db8::1", Neither,
		  Any },
		{ "IPv6, another LAN", "fd01:2:3:5::9", "2001:db8::1",
		  Neither, Any },
		{ "router advertisement", "fe80::1", "ff02::1", Neither,
		  Neither },
		{ "IPv6 link-local", "2001:db8::1", "febf::1", Neither,
		  Neither },
		{ "IPv6 loopback", "::1", "fd09::1", Neither, Neither },
		{ "IPv6, no source", "::", "fd09::1", Neither, Neither },
	};
	const char *was = clientaddr;
	struct sockaddr_storage from, to;
	static uint8_t d[Room];
	uint8_t *c;
	int i, j, len, pass;

	anew(Client);
	clientaddr = "192.168.50.1/24 fd09::1/64";
	for (i = 0; i < LEN(t); i++) {
		for (j = 0; j < 2; j++) {
			lannets = j ? NULL : LAN " fd01:2:3:4::/64";
			netsinit();
			parseaddr(t[i].from, 0, &from);
			parseaddr(t[i].to, 0, &to);
			iphead(d, from.ss_family == AF_INET6, IPPROTO_UDP, 60,
			    addrbytes(&from, &len), addrbytes(&to, &len));
			pass = j ? t[i].any : t[i].pass;
			want("up", !(pass & Up), martian(d, 60, 1));
			want("back", !(pass & Back), martian(d, 60, 0));
		}
		verdict(t[i].name);
	}
	lannets = LAN;
	netsinit();
	for (i = 0; i < 40; i++) {
		c = exact(d, i);
		want("cut off", 0, martian(c, i, 1));
		free(c);
	}
	verdict("no IP packet");

	clientaddr = was;
	for (i = 0; i < 4; i++) {
		anew(i & 1 ? Server : Client);
		lannets = LAN;
		netsinit();
		len = ippacket(d, 60, 0, 1000, 1); /* from the LAN */
		if (i < 2) {
			if (write(lanfd, d, len) < 0)
				die("write:");
			tunpkt();
		} else {
			arrivedata(0, 1, 0);
		}
		groflushall();
		want(dropname[DropMartian], (i < 2) == (i & 1),
		    drops[DropMartian]);
		want("out of the TUN", i == 3 ? len : -1, fdread(lanfd, d));
	}
	verdict("both ways, at both ends");
}

/* link */

/* what rtnetlink says next, as a number in an attribute of so many bytes */
static void
rtsays(int far, int type, int bodylen, int attr, int attrlen, uint32_t value)
{
	struct { struct nlmsghdr head; uint8_t d[64]; } m;
	struct rtattr a = { attrlen, attr };
	int len = NLMSG_HDRLEN + bodylen + 8;

	memset(&m, 0, sizeof(m));
	m.head.nlmsg_type = type;
	m.head.nlmsg_len = len;
	memcpy(m.d + bodylen, &a, sizeof(a));
	memcpy(m.d + bodylen + 4, &value, 4);
	if (write(far, &m, len) != len)
		die("write:");
}

/* ICMP messages that lower the MTU of the route, or have done so before the
 * link was opened. Without a key none is believed, with one none that takes
 * the TUN's IPv6 addresses off; the device is always believed. */
static void
testmtu(void)
{
	static const struct {
		const char *name;
		int keyed, v6, tunv6;
		int device, icmp;     /* MTUs */
		int mtu, how;         /* what comes of it */
	} t[] = {
		{ "no key, 68", 0, 0, 0, 1420, 68, 1420, 4 },
		{ "no key, 552", 0, 0, 0, 1420, 552, 1420, 4 },
		{ "no key, 575", 0, 0, 0, 1420, 575, 1420, 4 },
		{ "no key, 576", 0, 0, 0, 1420, 576, 1420, 4 },
		{ "no key, 1280", 0, 0, 0, 1420, 1280, 1420, 4 },
		{ "no key, IPv6, 1280", 0, 1, 1, 1420, 1280, 1420, 4 },
		{ "no key, the device has less", 0, 0, 0, 1300, 1280, 1300,
		  4 },
		{ "68", 1, 0, 0, 1420, 68, 1420, 3 },
		{ "552", 1, 0, 0, 1420, 552, 1420, 3 },
		{ "575", 1, 0, 0, 1420, 575, 1420, 3 },
		{ "576", 1, 0, 0, 1420, 576, 1420, 3 },
		{ "1279", 1, 0, 0, 1420, 1279, 1420, 3 },
		{ "1280", 1, 0, 0, 1420, 1280, 1280, 2 },
		{ "1280, IPv6 in the TUN", 1, 0, 1, 1420, 1280, 1420, 3 },
		{ "1347, IPv6 in the TUN", 1, 0, 1, 1420, 1347, 1420, 3 },
		{ "1348, IPv6 in the TUN", 1, 0, 1, 1420, 1348, 1348, 2 },
		{ "1367, IPv6 in both", 1, 1, 1, 1420, 1367, 1420, 3 },
		{ "1368, IPv6 in both", 1, 1, 1, 1420, 1368, 1368, 2 },
		{ "the device has less", 1, 0, 1, 1300, 1300, 1300, 3 },
	};
	const char *was = clientaddr;
	char said[4096];
	int i, old, how, pair;
	socklen_t len;
	Link *l = &bond[0];

	for (i = 0; i < 2 * LEN(t); i++) {
		old = i % 2; /* it had that MTU before */
		(t[i / 2].keyed ? anewkeyed : anew)(Client);
		clientaddr = t[i / 2].tunv6 ? "10.0.0.1/24 fd00::1/64" : was;
		driver.mtu = t[i / 2].device;
		pair = l->fd;
		l->addr.v6 = t[i / 2].v6;
		l->fd = socket(l->addr.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
		l->addr.mtu = old ? t[i / 2].device : 0;
		linkoptions(l->fd, &l->addr);
		routemtuis = t[i / 2].icmp;
		errbegin();
		linkmtu(l);
		errend(said, sizeof(said));
		routemtuis = 0;
		len = sizeof(how);
		getsockopt(l->fd, SOL_IP, IP_MTU_DISCOVER, &how, &len);
		want("IP_MTU_DISCOVER", t[i / 2].how, how);
		if (l->addr.v6)
			getsockopt(l->fd, SOL_IPV6, IPV6_MTU_DISCOVER, &how,
			    &len);
		want("IPV6_MTU_DISCOVER", t[i / 2].how, how);
		want("MTU", t[i / 2].mtu, l->addr.mtu);
		wantin("most that fits", 1200, 1500, linkpayload(l));
		if (t[i / 2].tunv6 && t[i / 2].device >= 1420)
			wantin("MTU of the TUN", 1280, 1500, linkpayload(l));
		close(l->fd);
		l->fd = pair;
		if (old)
			verdict(t[i / 2].name);
	}

	anew(Client);
	clientaddr = was;
	l->addr.mtu = 1420;
	driver.mtu = 0;
	rtnetlink = -1;
	linkmtu(l);
	want("MTU", 1420, l->addr.mtu);
	verdict("not known");
}

/* what the kernel, or anybody in its place, answers */
static void
testrtnetlink(void)
{
	static const struct {
		const char *name;
		int type, body, attr, attrlen, device;
	} t[] = {
		{ "good one", RTM_NEWROUTE, 12, RTA_OIF, 8, 7 },
		{ "an error", NLMSG_ERROR, 12, RTA_OIF, 8, 0 },
		{ "another question's", RTM_NEWLINK, 12, RTA_OIF, 8, 0 },
		{ "another attribute", RTM_NEWROUTE, 12, RTA_PRIORITY, 8, 0 },
		{ "attribute too short", RTM_NEWROUTE, 12, RTA_OIF, 6, 0 },
		{ "attribute of no bytes", RTM_NEWROUTE, 12, RTA_OIF, 0, 0 },
		{ "attribute too long", RTM_NEWROUTE, 12, RTA_OIF, 9, 0 },
		{ "no body", RTM_NEWROUTE, 0, RTA_OIF, 8, 0 },
	};
	Link *l = &bond[0];
	Rtmsg m;
	int i, far = -1;

	anew(Client);
	rtnetlink = -1;
	for (i = 0; i < LEN(t); i++) {
		fdpair(&rtnetlink, &far);
		rtsays(far, t[i].type, t[i].body, t[i].attr, t[i].attrlen, 7);
		want("device", t[i].device, rtroute(&m, &l->addr.remote, NULL,
		    0, 0, RTA_OIF));
		want("when nothing is said", 0, rtroute(&m, &l->addr.remote,
		    NULL, 0, 0, RTA_OIF));
		verdict(t[i].name);
	}
	close(rtnetlink);
	rtnetlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	strcpy(l->device, "lo");
	wantin("lo", 1, INT_MAX, devicemtu(l));
	strcpy(l->device, "nonesuch");
	want("nonesuch", 0, devicemtu(l));
	*l->device = 0;
	parseaddr("127.0.0.1", 9, &l->addr.peer);
	parseaddr("127.0.0.2", 9, &l->addr.local);
	wantin("route to it", 1, INT_MAX, devicemtu(l));
	l->addr.any = 1;
	wantin("from anywhere", 1, INT_MAX, devicemtu(l));
	verdict("the kernel's");
}

/* no stretch of time sees more than rate * time + burst, one packet beyond */
static void
testpacer(void)
{
	enum { Charges = 20000 };
	static const struct {
		const char *name;
		int64_t rate;         /* bit/s */
		int least, most, step, sat; /* bytes, us, by satclock */
	} t[] = {
		{ "10 Mbit/s, full packets, 1 ms", 10000000, 1500, 1500, 1000,
		  0 },
		{ "10 Mbit/s, mixed packets, up to 2 ms", 10000000, 40, 1500,
		  2000, 0 },
		{ "70 Mbit/s, full packets, 100 us", 70000000, 1500, 1500,
		  100, 0 },
		{ "70 Mbit/s, small packets, up to 1 ms", 70000000, 40, 300,
		  1000, 0 },
		{ "256 kbit/s, mixed packets, up to 50 ms", 256000, 40, 1500,
		  50000, 0 },
		{ "1 Gbit/s, mixed packets, 50 us", 1000000000, 40, 1500, 50,
		  0 },
		{ "33.333 Mbit/s, odd packets", 33333333, 1, 1499, 700, 0 },
		{ "80 % of 10 Mbit/s", 10000000, 40, 1500, 1000, 1 },
		{ "80 % of 70 Mbit/s", 70000000, 1500, 1500, 300, 1 },
	};
	double bucket, most, total, rate;
	int64_t begin, last;
	Link *l = &bond[0];
	int i, n, bytes;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		rateceil(l, t[i].rate, t[i].rate);
		rate = t[i].rate / 8e9 * (t[i].sat ? satpercent : 100) / 100;
		bucket = most = total = 0;
		begin = last = now;
		for (n = 0; n < Charges; ) {
			now += (1 + rnd(t[i].step)) * Us;
			while (n < Charges && room(l, t[i].sat ?
			    l->pace.satclock : l->pace.clock)) {
				bytes = t[i].least + rnd(t[i].most + 1 -
				    t[i].least);
				charge(&l->pace, bytes);
				bucket = MAX(bucket - (now - last) * rate, 0);
				bucket += bytes;
				last = now;
				most = MAX(most, bucket);
				total += bytes;
				n++;
			}
		}
		wantin("bytes at once", 0, rate * l->pace.burst + t[i].most +
		    total * 1e-4, most);
		if (t[i].step <= 1000)
			wantin("percent of the rate", 99, 101, total * 100 /
			    ((now - begin) * rate));
		verdict(t[i].name);
	}
}

/* how far a link's clock moves, us, for what is sent by it */
static void
testcharge(void)
{
	static const struct {
		const char *name;
		int v6, keyed, len, n;
		int64_t us;           /* of 10 Mbit/s */
	} t[] = {
		{ "1000 bytes", 0, 0, 1000, 1, 879 },
		{ "1000 bytes over IPv6", 1, 0, 1000, 1, 895 },
		{ "1000 bytes with a key", 0, 1, 1000, 1, 911 },
		{ "two of 1000", 0, 0, 1000, 2, 1758 },
		{ "two of 100 in one datagram", 0, 0, 100, 2, 248 },
		{ "two of 300 in two", 0, 0, 300, 2, 638 },
		{ "three of 100 with a key in one", 0, 1, 100, 3, 360 },
	};
	Link *l = &bond[0];
	int i, j;

	for (i = 0; i < LEN(t); i++) {
		(t[i].keyed ? anewkeyed : anew)(Client);
		l->addr.v6 = t[i].v6;
		for (j = 0; j < t[i].n; j++)
			enqueue(waiting(Express, 7, t[i].len, 0, j));
		schedule();
		wantin("us", t[i].us, t[i].us + 1,
		    (l->pace.clock - now) / Us);
		wantin("us at 80 %", t[i].us * 5 / 4, t[i].us * 5 / 4 + 2,
		    (l->pace.satclock - now) / Us);
		verdict(t[i].name);
	}

	anew(Client);
	for (i = 0; i < 60000; i++) {
		now += MS(1);
		while (room(l, l->pace.clock))
			charge(&l->pace, 1500);
	}
	want("room while full", 0, room(l, l->pace.satclock));
	now += Second;
	want("room after a second of rest", 1, room(l, l->pace.satclock));
	verdict("full for a minute, then idle: not saturated");
}

/* small records share a datagram, others do not */
static void
testsharing(void)
{
	static const struct {
		const char *name;
		int role, keyed, len, n, datagrams;
	} t[] = {
		{ "one", Client, 0, 52, 1, 1 },
		{ "twenty ACKs", Client, 0, 52, 20, 1 },
		{ "a hundred ACKs", Client, 0, 52, 100, 5 },
		{ "a hundred ACKs from a server", Server, 0, 52, 100, 5 },
		{ "twenty ACKs under a key", Client, 1, 52, 20, 1 },
		{ "three large ones", Client, 0, 600, 3, 3 },
	};
	static uint8_t d[Room];
	Rec r;
	int i, j, n, at, size, len, records;

	for (i = 0; i < LEN(t); i++) {
		(t[i].keyed ? anewkeyed : anew)(t[i].role);
		rateceil(&bond[0], MBIT(1000), MBIT(1000));
		for (j = 0; j < t[i].n; j++)
			enqueue(waiting(Express, 7, t[i].len, 0, j));
		schedule();
		for (n = records = 0; (len = peerread(0, d)) >= 0; n++) {
			for (at = 0; at < len; at += MAX(size, 1)) {
				size = decode(d + at, len - at, &r);
				want("mark", records++,
				    markof(ipof(d + at)));
			}
			wantin("bytes", 0, Mtu - 28, len);
		}
		want("datagrams", t[i].datagrams, n);
		want("records", t[i].n, records);
		want("counted", n, bond[0].meter.tx.pkts);
		want("with the last", n, sentof(t[i].n)->pkts);
		want("bytes with it", bond[0].meter.tx.bytes,
		    sentof(t[i].n)->bytes);
		allcame();
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}
}

/* a socket that takes no more keeps the order; one that fails is no loss of
 * the link */
static void
testflush(void)
{
	static uint8_t d[Room];
	Link *l = &bond[0];
	int i, n, all = 0, out = 0;

	anew(Client);
	linksare(1, LinkDown);
	rateceil(l, MBIT(1000), MBIT(1000));
	setopt(l->fd, SOL_SOCKET, SO_SNDBUF, 1);
	while (l->out.n == 0 && all < 1000) {
		now += MS(1);
		enqueue(waiting(Express, 7, 1000, 0, all++));
		schedule();
	}
	want("waits", 1, l->out.n);
	want("room", 0, room(l, l->pace.clock));
	wantin("ns until it is tried again", 1, BurstMax,
	    queues.nextsend - now);
	for (i = 0; i < 200; i++) {
		enqueue(waiting(Express, 7, 1000, 0, all++));
		schedule();
		now += MS(1);
	}
	wantin("queued", 1, 200, queues.express.len);
	for (i = 0; i < 400; i++) {
		while ((n = peerread(0, d)) >= 0)
			want("mark", out++, markof(ipof(d)));
		now += MS(5);
		schedule();
	}
	want("sent", all, out);
	want("dropped", 0, drops[DropSend]);
	allcame();
	want("packets not in the pool", 0, inuse());
	verdict("full socket");

	close(peerfd[0]);
	for (i = 0; i < 3; i++)
		enqueue(waiting(Express, 7, 1000, 0, 0));
	schedule();
	want("dropped", 3, drops[DropSend]);
	want("state", LinkUp, l->state);
	allcame();
	want("packets not in the pool", 0, inuse());
	verdict("broken socket");
}

/* classify */

/* the class of a packet and its flow */
static int
classed(const uint8_t *d, int len, int *flow)
{
	Pkt *p = packetof(d, len);
	int class;

	classify(p);
	class = p->class;
	if (flow)
		*flow = p->flow;
	pktfree(p);
	return class;
}

/* parity */

/* a packet of this seq, the same in each call; lengths 36 to 1435 */
static Pkt *
covered(uint64_t seq)
{
	int i, len = 36 + seq * 611 % 1400;
	Pkt *p = waiting(Ordered, 0, len, 0, seq);

	p->seq = seq;
	p->after = seq % 5;
	for (i = 36; i < len; i++)
		p->data[i] = seq * 29 + i * i;
	return p;
}

/* the parity of packets of these seqs comes */
static void
parityin(const uint64_t *seqs, int n, Queue *found)
{
	Pkt *pkts[Window], *p = pktalloc();
	int i;

	for (i = 0; i < n; i++)
		pkts[i] = covered(seqs[i]);
	parityencode(p, pkts, n);
	for (i = 0; i < n; i++)
		pktfree(pkts[i]);
	want("taken", 0, parityadd(p, found));
	pktfree(p);
}

/* Empty found into a log of seqs. Each must be as it was sent. */
static void
foundlog(Queue *found, char *log)
{
	Pkt *p, *q;

	while ((p = queueget(found))) {
		q = covered(p->seq);
		want("order of what is found", q->after, p->after);
		wantbytes("what is found", q->data, q->len, p->data, p->len);
		add(log, "%s%" PRIu64, *log ? " " : "", p->seq);
		pktfree(q);
		pktfree(p);
	}
}

static void
testparityencode(void)
{
	static const struct {
		const char *name;
		int n;
		uint64_t seqs[3];
		int afters[3], lens[3];
		const char *hex;
	} t[] = {
		/* made by another program */
		{ "one packet", 1, { 7 }, { 0 }, { 20 },
		  "0100 0000 0000 0007 40 0014" IPV4 },
		{ "one with an order", 1, { 7 }, { 3 }, { 20 },
		  "0100 0000 0000 0007 44 0016 0003" IPV4 },
		{ "two, the last one longer", 2, { 6, 7 }, { 0, 0 },
		  { 20, 24 }, "0200 0000 0000 0007 40 0018 6300 008e 0000 e000"
		  "e0ea f363 1b00 008d 1b00 0007 1a34 2e68" },
		{ "three, the one between is the longest", 3, { 5, 6, 7 },
		  { 1, 1, 0 }, { 20, 24, 20 }, "0300 0000 0000 0007 44 001a"
		  "00a0 c900 0017 0000 a100 a19e b6e0 d000 00ba d000 0069 9733"
		  "a466" },
		{ "another packet between", 2, { 5, 7 }, { 0, 2 }, { 20, 24 },
		  "8200 0000 0000 0007 44 001c 0034 1600 00e6 0000 8f00 8f43"
		  "50ff 2f00 002d 2f00 005a 1a34 2e68 0002" },
		{ "distances, the newest first", 3, { UINT32_MAX,
		  UINT32_MAX + UINT64_C(255), UINT32_MAX + UINT64_C(511) },
		  { 1, 0, 0x102 }, { 24, 20, 20 }, "8300 0001 0000 01fe 44"
		  "001e f31d a400 0037 0000 5700 571d 56bf fb00 00c4 fb00 0095"
		  "e6d1 37bf 0100 00ff" },
		{ "the greatest distance", 2, { 1, 65536 }, { 0 }, { 20, 20 },
		  "8200 0000 0001 0000 40 0016 2100 0012 0000 ab00 abad 5149"
		  "0900 007b 0900 00f6 ffff" },
	};
	uint8_t e[128];
	Pkt *pkts[3], *p;
	int i, j, n;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; j < t[i].n; j++) {
			pkts[j] = pktalloc();
			unhex("4500 0014 0000 4000 40fd 25eb 0a00 0001"
			    "0a00 0002 0102 0304", pkts[j]->data);
			setiplen(pkts[j]->data, t[i].lens[j]);
			pkts[j]->len = t[i].lens[j];
			pkts[j]->after = t[i].afters[j];
			pkts[j]->seq = t[i].seqs[j];
		}
		n = unhex(t[i].hex, e);
		p = pktalloc();
		memset(p->buf, 0xff, sizeof(p->buf));
		parityencode(p, pkts, t[i].n);
		wantbytes("parity", e, n, p->wire, p->wirelen);
		want("byte behind it", 0xff, p->wire[p->wirelen]);
		verdict(t[i].name);
	}
}

/* Steps: +N packet N comes, =L/N parity of the N packets to L comes, ~N that
 * many other packets come, ! the session ends. */
static void
testparity(void)
{
	static const struct {
		const char *name, *steps, *found;
		int vain;
	} t[] = {
		{ "nothing lost", "+1 +2 +3 +4 =4/4", "", 1 },
		{ "a copy", "+1 =2/1", "2", 0 },
		{ "one lost", "+1 +2 +4 =4/4", "3", 0 },
		{ "the newest lost", "+1 +2 +3 =4/4", "4", 0 },
		{ "two lost, two parities", "+1 +4 =4/4 +5 =5/5", "2 3", 0 },
		{ "two lost, one comes late", "+1 +2 =4/4 +4", "3", 0 },
		{ "the other one", "+1 +2 =4/4 +3", "4", 0 },
		{ "all come late", "=4/4 +4 +2 +1 +3", "3", 0 },
		{ "parities before packets", "=3/3 =4/4 =5/3 +4 +5", "1 2 3",
		  0 },
		{ "three lost, last found of the first",
		  "+1 =4/4 +5 =6/5 +6 =7/6 +7", "2 3 4", 0 },
		{ "one parity of no use", "=2/2 =3/3 +1 +2", "3 2", 0 },
		{ "a packet twice", "+1 +1 =2/2 +1 +1", "2", 0 },
		{ "a packet after it was found", "+1 =2/2 +2 =3/3 +2", "2 3",
		  0 },
		{ "a parity twice", "+1 =3/3 =3/3 +2", "3", 1 },
		{ "a parity twice, the last one late", "+1 +2 =3/3 =3/3", "3",
		  1 },
		{ "two parities with two missing", "=2/2 =4/4 +1 +3 +4", "2 4",
		  0 },
		{ "16 of 16 but one",
		  "+1 +2 +3 +4 +5 +6 +7 +8 +9 +10 +11 +13 +14 +15 +16 =16/16",
		  "12", 0 },
		{ "column given up", "=2/2 ~63 +2", "", 1 },
		{ "column of the found packet not yet", "=2/2 ~62 +2", "1", 0 },
		{ "column given up is the pivot, rows without it stay",
		  "~62 =3/3 =4/4 ~61 +2 +3", "4", 1 },
		{ "column given up for the next of the same parity",
		  "+1 ~63 =4/4", "", 1 },
		{ "row given up", "=2/2 =4/2 =6/2 =8/2 =10/2 =12/2 =14/2 =16/2 "
		  "=18/2 =20/2 =22/2 =24/2 =26/2 =28/2 =30/2 =32/2 =34/2 +1 +3",
		  "4", 1 },
		{ "far ahead", "=2/2 =4000000000000/2 +1 +3999999999999",
		  "2 4000000000000", 0 },
		{ "the first of all", "+1 =72057594037927935/1 =1/1",
		  "72057594037927935", 1 },
		{ "a new session", "=2/2 +5 ! +1 =5/1", "5", 0 },
	};
	char log[LogSize], steps[512], *s;
	int i, j, n;
	uint64_t seq, other, seqs[Window];
	Queue found = { 0 };
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		*log = '\0';
		other = 1000;
		snprintf(steps, sizeof(steps), "%s", t[i].steps);
		for (s = strtok(steps, " "); s; s = strtok(NULL, " ")) {
			seq = strtoull(s + 1, NULL, 10);
			n = *s == '~' ? (int)seq : *s == '+';
			for (j = 0; j < n; j++) {
				p = covered(*s == '~' ? other++ : seq);
				parityknow(p, &found);
				pktfree(p);
			}
			if (*s == '=') {
				n = atoi(strchr(s, '/') + 1);
				for (j = 0; j < n; j++)
					seqs[j] = seq - n + 1 + j;
				parityin(seqs, n, &found);
			}
			if (*s == '!')
				parityreset();
			foundlog(&found, log);
		}
		wantstr("found", t[i].found, log);
		want("in vain", t[i].vain, counts[CntVain]);
		for (n = *log != '\0', s = log; *s; s++)
			n += *s == ' ';
		want("recovered", n, counts[CntRecovered]);
		parityreset();
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}
}

/* Bytes, zeros up to len, then distances. What makes no packet is taken, for
 * nothing. */
static void
testparityforged(void)
{
	static const struct {
		const char *name;
		int high;             /* byte of the seq */
		uint64_t last;
		const char *hex;
		int len;
		const char *distances;
		int r, vain, found;   /* found: bytes */
	} t[] = {
		{ "empty", 0x01, 9, "", 0, "", -1, 0, 0 },
		{ "of no packet", 0x00, 9, "", 100, "", -1, 0, 0 },
		{ "of no packet, a list", 0x80, 9, "", 100, "", -1, 0, 0 },
		{ "of 17", 0x11, 99, "", 100, "", -1, 0, 0 },
		{ "of 17, a list", 0x91, 99, "", 100, "0001 0001 0001 0001"
		  "0001 0001 0001 0001 0001 0001 0001 0001 0001 0001 0001"
		  "0001", -1, 0, 0 },
		{ "of 32", 0x20, 99, "", 100, "", -1, 0, 0 },
		{ "of 127", 0x7f, 999, "", 1000, "", -1, 0, 0 },
		{ "of 127, a list", 0xff, 999, "", 1000, "", -1, 0, 0 },
		{ "shorter than a packet", 0x02, 9, "", 19, "", -1, 0, 0 },
		{ "as long as one", 0x02, 9, "", 20, "", 0, 0, 0 },
		{ "short, a list", 0x83, 9, "", 19, "0001 0001", -1, 0, 0 },
		{ "as long, a list", 0x83, 9, "", 20, "0001 0001", 0, 0, 0 },
		{ "no more than the list", 0x83, 9, "", 0, "0001 0001", -1, 0,
		  0 },
		{ "the list cut short", 0x90, 99, "", 0, "0001 00", -1, 0, 0 },
		{ "distance 0", 0x83, 9, "", 100, "0001 0000", -1, 0, 0 },
		{ "list down to 1", 0x83, 9, "", 100, "0007 0001", 0, 0, 0 },
		{ "down to 0", 0x83, 9, "", 100, "0007 0002", -1, 0, 0 },
		{ "beyond 0", 0x83, 9, "", 100, "0008 0002", -1, 0, 0 },
		{ "beyond 0 at once", 0x82, 9, "", 100, "000a", -1, 0, 0 },
		{ "far beyond 0", 0x82, 9, "", 100, "ffff", -1, 0, 0 },
		{ "without a list down to 1", 0x09, 9, "", 100, "", 0, 0, 0 },
		{ "down to 0", 0x0a, 9, "", 100, "", -1, 0, 0 },
		{ "a list of one", 0x81, 9, IPV4, 20, "", 0, 0, 20 },
		{ "longest", 0x01, 9, "", MtuMax, "", 0, 1, 0 },
		{ "longer", 0x01, 9, "", MtuMax + 1, "", -1, 0, 0 },
		{ "longest, a list", 0x90, 99, "", MtuMax, "0001 0001 0001"
		  "0001 0001 0001 0001 0001 0001 0001 0001 0001 0001 0001"
		  "0001", 0, 0, 0 },
		{ "longer, a list", 0x82, 99, "", MtuMax + 1, "0001", -1, 0,
		  0 },
		{ "of the last seq", 0x10, (UINT64_C(1) << 56) - 1, "", 100,
		  "", 0, 0, 0 },
		{ "zeros", 0x01, 9, "", 100, "", 0, 1, 0 },
		{ "an IP packet", 0x01, 9, IPV4, 20, "", 0, 0, 20 },
		{ "with zeros behind it", 0x01, 9, IPV4, 100, "", 0, 0, 20 },
		{ "length beyond the end", 0x01, 9, "4500 0015 0000 4000 40fd"
		  "25ea 0a00 0001 0a00 0002", 20, "", 0, 1, 0 },
		{ "length at the end", 0x01, 9, "4500 0015 0000 4000 40fd"
		  "25ea 0a00 0001 0a00 0002", 21, "", 0, 0, 21 },
		{ "length short of a header", 0x01, 9, "4500 0013 0000 4000"
		  "40fd 25ec 0a00 0001 0a00 0002", 20, "", 0, 1, 0 },
		{ "length 65535", 0x01, 9, "4500 ffff", MtuMax, "", 0, 1, 0 },
		{ "IPv6", 0x01, 9, "6000 0000 0004 3b40", 44, "", 0, 0, 44 },
		{ "IPv6, short", 0x01, 9, "6000 0000 0004 3b40", 43, "", 0, 1,
		  0 },
		{ "IPv6 without anything", 0x01, 9, "6000 0000 0000 3b40", 99,
		  "", 0, 0, 40 },
		{ "IPv6, half a header", 0x01, 9, "6000 0000 0000 3b40", 20,
		  "", 0, 1, 0 },
		{ "IPv6, length 65535", 0x01, 9, "6000 0000 ffff 3b40", MtuMax,
		  "", 0, 1, 0 },
		{ "version 5", 0x01, 9, "5500 0014 0000 4000 40fd 25eb 0a00"
		  "0001 0a00 0002", 20, "", 0, 1, 0 },
	};
	Queue found = { 0 };
	Pkt *p;
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		p = pktalloc();
		memset(p->buf, 0, sizeof(p->buf));
		unhex(t[i].hex, p->data);
		p->len = t[i].len + unhex(t[i].distances, p->data + t[i].len);
		p->seq = (uint64_t)t[i].high << 56 | t[i].last;
		p->after = 3;
		want("return", t[i].r, parityadd(p, &found));
		want("in vain", t[i].vain, counts[CntVain]);
		want("found", t[i].found > 0, found.len);
		want("recovered", t[i].found > 0, counts[CntRecovered]);
		want("bytes", t[i].found, found.bytes);
		want("rows in use", !t[i].r && !t[i].vain && !t[i].found,
		    coded.rows[0].len > 0);
		pktfree(p);
		if ((p = queueget(&found))) {
			want("seq", t[i].last, p->seq);
			want("order", 3, p->after);
			pktfree(p);
		}
		parityreset();
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}
	anew(Client);
	p = pktalloc();
	p->len = unhex(IPV4, p->data);
	p->seq = UINT64_C(1) << 56 | 9;
	i = pool.size;
	pool.size = pool.used;
	want("return", 0, parityadd(p, &found));
	want("in vain", 1, counts[CntVain]);
	want("found", 0, found.len);
	pool.size = i;
	want("return", 0, parityadd(p, &found));
	want("found", 1, found.len);
	verdict("all packets are in use, and free again");
}

/* Note those found, of the first j. Returns how many had come before. */
static int
foundof(Queue *found, const uint64_t *seqs, uint8_t *has, int j)
{
	char log[LogSize] = "", *s;
	int n, twice = 0;

	foundlog(found, log);
	for (s = strtok(log, " "); s; s = strtok(NULL, " ")) {
		for (n = j; n > 0 && seqs[n] != strtoull(s, NULL, 10); n--)
			;
		twice += has[n];
		has[n] = 1;
	}
	return twice;
}

/* Packets are lost, singly or in bursts, come late and twice; between their
 * seqs are those of others. Bounds are about twice what is left. */
static void
testparityrandom(void)
{
	enum { Packets = 20000, Late = 6 };
	static const struct {
		const char *name;
		int k, loss, burst;   /* loss: of 1000; burst: mean */
		int most;             /* left of all */
	} t[] = {
		{ "nothing lost", 4, 0, 1, 0 },
		{ "2 % lost, 1 in 4", 4, 20, 1, 4 },
		{ "2 % lost, copies", 1, 20, 1, 20 },
		{ "5 % lost, 1 in 4", 4, 50, 1, 8 },
		{ "5 % lost, 1 in 8", 8, 50, 1, 280 },
		{ "5 % lost in bursts, 1 in 2", 2, 50, 4, 220 },
	};
	static uint64_t seqs[Packets];
	static uint8_t has[Packets];
	static int at[Packets];   /* step at which it comes; -1: lost */
	Queue found = { 0 };
	int i, j, n, bad, twice, left, lost;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		memset(has, 0, sizeof(has));
		twice = left = lost = bad = 0;
		for (j = 0; j < Packets; j++) {
			seqs[j] = j ? seqs[j - 1] + 1 + (rnd(8) ? 0 : rnd(300))
			    : UINT32_MAX - UINT64_C(4000);
			bad = bad && t[i].burst > 1 ? rnd(t[i].burst) > 0 :
			    rnd(1000 * t[i].burst) < t[i].loss;
			lost += bad;
			at[j] = bad ? -1 : j + (rnd(9) ? 0 : rnd(Late));
			for (n = MAX(j - Late, 0); n <= j; n++) {
				if (at[n] != j && (at[n] < 0 || at[n] > j ||
				    rnd(99)))
					continue;
				has[n] = 1;
				p = covered(seqs[n]);
				parityknow(p, &found);
				pktfree(p);
				twice += foundof(&found, seqs, has, j);
			}
			n = t[i].k == 1 ? 1 : MIN(j + 1, Window);
			if ((j + 1) % t[i].k == 0 && rnd(1000) >= t[i].loss)
				parityin(seqs + j + 1 - n, n, &found);
			twice += foundof(&found, seqs, has, j);
		}
		for (j = 0; j < Packets; j++)
			left += !has[j];
		want("found that had come", 0, twice);
		wantin("left", 0, t[i].most, left);
		parityreset();
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}
}

/* compress */

#define SmallIp "4011 b6ac c000 0201 c000 0202 13c4 13c4 0028 0000"
#define SipIp   "4500 00d0 0001 4000 4011 b618 c000 0201 c000 0202" \
		"13c4 13c4 00bc 0000"

static const char sip[] = "OPTIONS sip:a@192.0.2.2 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK7\r\nMax-Forwards: 70\r\n"
	"From: <sip:b@192.0.2.1>;tag=9\r\nTo: <sip:a@192.0.2.2>\r\n"
	"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n";

/* blocks that LZ4 1.9.4 made of packets, with the dictionary: the packet is
 * hex digits, then text, then zeros. Where squeeze makes as many bytes it
 * makes the same. */
static const struct {
	const char *name, *block, *head, *text;
	int zeros, made;          /* made: bytes */
} blocks[] = {
	{ "text that the dictionary has", "f30d" SipIp "4301 0116 02bf"
	  "6140 3139 322e 302e 322e 3221 0208 0424 001b 312a 021f 3716 020c"
	  "1562 5e00 1231 2102 1739 2202 077b 0017 3e2e 0216 312f 02b0 4f50"
	  "5449 4f4e 530d 0a0d 0a", SipIp, sip, 0, 97 },
	{ "longer than 15 and 255", "ff0c 4500 0274 0001 4000 4011 b474"
	  "c000 0201 c000 0202 13c4 0007 0260 0001 00ff ff43 5000 0000 0000",
	  "4500 0274 0001 4000 4011 b474 c000 0201 c000 0202 13c4 0007 0260",
	  "", 602, 42 },
	{ "from the dictionary into the packet",
	  "f40d 4500 003c 0001 4000" SmallIp "2200 c361 6263 6465 6667 6869"
	  "6a6b 6c0c 0050 6869 6a6b 6c", "4500 003c 0001 4000" SmallIp
	  "0102 0102 0201 4500", "abcdefghijklabcdefghijkl", 0, 53 },
	{ "literals only", "f002 4500 0011 6162 6364 6566 6768 696a 6b6c 6d",
	  "4500 0011", "abcdefghijklm", 0, 0 },
	{ "nothing", "00", "", "", 0, 0 },
};

static int
blockpacket(int i, uint8_t *d)
{
	int n = unhex(blocks[i].head, d), len = strlen(blocks[i].text);

	memcpy(d + n, blocks[i].text, len);
	memset(d + n + len, 0, blocks[i].zeros);
	return n + len + blocks[i].zeros;
}

static void
testblocks(void)
{
	uint8_t block[MtuMax + 16], d[MtuMax], o[MtuMax + 16], *c, *to;
	int i, k, n, len;

	for (i = 0; i < LEN(blocks); i++) {
		n = unhex(blocks[i].block, block);
		len = blockpacket(i, d);
		c = exact(block, n);
		to = exact(d, len);
		memset(to, 0xee, len);
		want("bytes", len, unsqueeze(to, len, c, n));
		wantbytes("packet", d, len, to, len);
		if (len)
			want("one too long", -1, unsqueeze(to, len - 1, c, n));
		free(c);
		for (k = 0; k < n; k++) {
			c = exact(block, k);
			want("cut short", 0, unsqueeze(to, len, c, k) == len &&
			    len);
			free(c);
		}
		free(to);
		k = squeeze(o, d, len);
		want("made", blocks[i].made, k);
		if (k == n)
			wantbytes("block", block, n, o, k);
		verdict(blocks[i].name);
	}
}

/* blocks that are none, and what they would make at most; DictLen + 1 bytes
 * back from the first is 01fa */
static void
testmalformed(void)
{
	static const struct {
		const char *name, *block;
		int max, len;
	} t[] = {
		{ "no token", "", 20, -1 },
		{ "no literals", "10", 20, -1 },
		{ "too few literals", "20 61", 20, -1 },
		{ "too many", "20 6162", 1, -1 },
		{ "as many as there is room for", "20 6162", 2, 2 },
		{ "no count of literals", "f0", 1500, -1 },
		{ "no end of it", "f0 ff", 1500, -1 },
		{ "more than there are", "f0 00 6162", 1500, -1 },
		{ "far too many", "f0 ffff ffff ffff ffff 00", 1500, -1 },
		{ "half an offset", "10 61 01", 20, -1 },
		{ "offset 0", "10 61 0000 00", 20, -1 },
		{ "no token behind it", "10 61 0100", 20, -1 },
		{ "before the dictionary", "00 fa01 00", 20, -1 },
		{ "its begin", "00 f901 00", 20, 4 },
		{ "before it, behind a literal", "10 61 fb01 00", 20, -1 },
		{ "its begin, behind a literal", "10 61 fa01 00", 20, 5 },
		{ "offset 65535", "10 61 ffff 00", 1500, -1 },
		{ "copy one too long", "10 61 0100 00", 4, -1 },
		{ "copy that fits", "10 61 0100 00", 5, 5 },
		{ "no count of a copy", "1f 61 0100", 1500, -1 },
		{ "copy far too long", "1f 61 0100 ffff ffff ffff 00", 1500,
		  -1 },
	};
	static const uint8_t zeros[MtuMax];
	uint8_t d[64], *c, *o;
	int i, n;

	for (i = 0; i < LEN(t); i++) {
		n = unhex(t[i].block, d);
		c = exact(d, n);
		o = exact(zeros, t[i].max);
		want("bytes", t[i].len, unsqueeze(o, t[i].max, c, n));
		free(o);
		free(c);
		verdict(t[i].name);
	}
}

/* of noise, runs, and copies of the dictionary and of what is before */
static int
mixture(uint8_t *d)
{
	int len = 1 + rnd(rnd(4) ? MtuMax : 64), k = 0, n, from, what;

	while (k < len) {
		what = rnd(4);
		from = rnd(what ? k + 1 : DictLen);
		for (n = 1 + rnd(rnd(4) ? 24 : 600); n > 0 && k < len; n--) {
			if (what == 0)
				d[k] = dictionary[from++ % DictLen];
			else if (what == 1)
				d[k] = from;
			else if (what == 2 && from < k)
				d[k] = d[from++];
			else
				d[k] = rnd(256);
			k++;
		}
	}
	return len;
}

static void
testroundtrip(void)
{
	uint8_t d[MtuMax], o[MtuMax + 16], e[MtuMax];
	int i, n, len, shrunk = 0;

	for (i = 0; i < 20000; i++) {
		len = mixture(d);
		memset(o, 0xee, sizeof(o));
		n = squeeze(o, d, len);
		wantin("bytes", 0, len - len / 10, n);
		shrunk += n > 0;
		if (n > 0)
			wantbytes("packet", d, len, e,
			    unsqueeze(e, MtuMax, o, n));
	}
	wantin("shrunk", 5000, 19000, shrunk);
	verdict("comes back as it was");
	for (i = 0; i < MtuMax; i++)
		d[i] = rnd(256);
	for (len = 0; len <= MtuMax; len++)
		want("noise", 0, squeeze(o, d, len));
	verdict("noise is left alone");
	memset(d, 0, sizeof(d));
	for (len = 40; len <= MtuMax; len++) {
		n = squeeze(o, d, len);
		wantin("zeros", 1, 30, n);
		wantbytes("zeros", d, len, e, unsqueeze(e, MtuMax, o, n));
	}
	verdict("zeros of all lengths");
}

static void
testshrinkable(void)
{
	static const struct {
		const char *name;
		int proto, sport, dport, len, frag, may;
	} t[] = {
		{ "SIP", IPPROTO_UDP, 5060, 5060, 300, 0, 1 },
		{ "a fragment of it", IPPROTO_UDP, 0, 0, 300, 1, 0 },
		{ "a small one", IPPROTO_UDP, 5060, 5060, 63, 0, 0 },
		{ "not so small", IPPROTO_UDP, 5060, 5060, 64, 0, 1 },
		{ "SQL", IPPROTO_TCP, 40000, 5432, 1000, 0, 1 },
		{ "HTTPS", IPPROTO_TCP, 40000, 443, 1000, 0, 0 },
		{ "its answer", IPPROTO_TCP, 443, 40000, 1000, 0, 0 },
		{ "QUIC", IPPROTO_UDP, 40000, 443, 1000, 0, 0 },
		{ "HTTP", IPPROTO_TCP, 40000, 80, 1000, 0, 0 },
		{ "its answer", IPPROTO_TCP, 80, 40000, 1000, 0, 0 },
		{ "HTTP by a proxy", IPPROTO_TCP, 40000, 8080, 1000, 0, 0 },
		{ "HTTPS elsewhere", IPPROTO_TCP, 40000, 8443, 1000, 0, 0 },
		{ "SSH", IPPROTO_TCP, 40000, 22, 1000, 0, 0 },
		{ "DNS over TLS", IPPROTO_TCP, 40000, 853, 1000, 0, 0 },
		{ "ESP", IPPROTO_ESP, 0, 0, 1000, 0, 0 },
		{ "ICMP", IPPROTO_ICMP, 0, 0, 1000, 0, 0 },
		{ "another tunnel", IPPROTO_IPIP, 0, 0, 1000, 0, 0 },
	};
	int i;
	Pkt p;

	for (i = 0; i < LEN(t); i++) {
		p.len = t[i].len;
		p.ip = (Ip){ .proto = t[i].proto, .frag = t[i].frag,
		    .sport = t[i].sport, .dport = t[i].dport };
		want("may shrink", t[i].may, shrinkable(&p));
		verdict(t[i].name);
	}
}

/* A packet of a flow that has text, or noise. Returns whether it shrank. */
static int
compacted(Flow *f, int text)
{
	Pkt *p = waiting(Ordered, 0, 200, 0, 0);
	uint8_t was[200];
	int i, done;

	for (i = 36; i < 200; i++)
		p->data[i] = text ? 'a' : rnd(256);
	memcpy(was, p->data, 200);
	compact(f, p);
	done = p->squeezed;
	want("shorter", done, p->len < 200 - 20);
	if (done)
		want("expands", 0, expand(p));
	wantbytes("packet", was, 200, p->data, p->len);
	pktfree(p);
	return done;
}

static void
testcompact(void)
{
	Flow f = { 0 };
	int i, n, rest;

	anew(Client);
	for (i = 0; i < 1000; i++)
		want("text", 1, compacted(&f, 1));
	verdict("all of a flow that shrinks");
	for (rest = 256; rest <= 4 * 65536; rest *= 2) {
		for (i = 0; i < SqueezeTrial; i++)
			want("noise", 0, compacted(&f, 0));
		n = 0;
		while (n < 70000 && f.squeeze.rest) {
			compacted(&f, 1);
			n++;
		}
		want("not tried", MIN(rest, 65536), n);
	}
	verdict("noise: 256 are not tried, twice as many each time");
	want("text", 1, compacted(&f, 1));
	for (i = 0; i < SqueezeTrial; i++)
		want("noise", 0, compacted(&f, 0));
	want("not tried", 256, f.squeeze.rest);
	verdict("one that shrinks begins anew");
	memset(&f, 0, sizeof(f));
	for (i = 0; i < 1000; i++)
		want("text", i % SqueezeTrial == 0,
		    compacted(&f, i % SqueezeTrial == 0));
	verdict("one in four is enough");
}

/* a compressed packet goes, by a second link too, and again: all have the
 * flag, and it comes out of the peer's TUN as it was */
static void
testcompressed(void)
{
	static uint8_t d[Room], recs[8][256];
	uint8_t was[300];
	Pkt *p;
	Rec r;
	int i, at, len, size, n = 0, first = 0;

	anew(Client);
	p = waiting(Ordered, 3, sizeof(was), 0, 7);
	memcpy(was, p->data, sizeof(was));
	compact(&queues.flows[3], p);
	transmit(&bond[1], p);
	linkflush(&bond[1]);
	copy(&bond[1], p);
	resend(p, Missed);
	repairsend();
	for (i = 0; i < Nlinks; i++) {
		linkflush(&bond[i]);
		while ((len = peerread(i, d)) > 0)
			for (at = 0; at < len && n < 8; at += size) {
				size = decode(d + at, len - at, &r);
				wantin("bytes", 20, 99, size);
				memcpy(recs[n++], d + at, MAX(size, 0));
				first += r.flags ==
				    (FlagData | FlagCompressed);
				want("flags", FlagData | FlagCompressed,
				    r.flags & ~FlagRepair);
			}
	}
	want("records", 3, n);
	want("that are no repair", 1, first);
	for (i = 0; i < n; i++) {
		anew(Server);
		decode(recs[i], sizeof(recs[i]), &r);
		arrive(0, recs[i], HdrLen + r.len);
		wantbytes("packet", was, sizeof(was), d, fdread(lanfd, d));
	}
	verdict("sent, copied, sent again");
}

/* it is malformed, or what it makes is no IP packet of that length */
static void
testexpand(void)
{
	static const struct {
		const char *name, *block;
		int form;
	} t[] = {
		{ "an IP packet", "f005" IPV4, 0 },
		{ "one byte less", "f004" "4500 0014 0000 4000 40fd 25eb"
		  "0a00 0001 0a00 00", 1 },
		{ "one byte more", "f006" IPV4 "00", 1 },
		{ "of another length", "f005 4500 0015 0000 4000 40fd 25ea"
		  "0a00 0001 0a00 0002", 1 },
		{ "IP version 5", "f005 5500 0014 0000 4000 40fd 25eb"
		  "0a00 0001 0a00 0002", 1 },
		{ "nothing", "00", 1 },
		{ "no block", "", 1 },
		{ "more than 1500 bytes", "1f 45 0100 ffff ffff ffff 00", 1 },
		{ "malformed", "f005 4500", 1 },
	};
	static uint8_t d[Room];
	uint8_t block[64], ip[64];
	int i, k, n, two;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		for (k = 0; k < 4; k++) {
			two = k & 1;
			(k & 2 ? anewkeyed : anew)(Server);
			n = unhex(t[i].block, block);
			n = putrec(d, 1, FlagData | FlagCompressed, block, n);
			if (two)
				n += putrec(d + n, 2, FlagData, ip,
				    unhex(IPV4, ip));
			arrive(0, d, sealwith(d, n, peerkey()));
			want("malformed", t[i].form, drops[DropForm]);
			for (n = 0; fdread(lanfd, d) == 20; n++)
				want("protocol", 0xfd, d[9]);
			want("packets", !t[i].form + two, n);
			want("packets not in the pool", 0, inuse());
		}
		verdict(t[i].name);
	}
	p = pktalloc();
	n = unhex("ff06 4500 05dc 0000 4000 40fd 2024 0a00 0001 0a00 0002 00"
	    "0100 ffff ffff ff b4 50 0000 0000 00", block);
	p->data = p->buf + PktSize - n;
	memcpy(p->data, block, n);
	p->len = n;
	want("expands", 0, expand(p));
	want("bytes", MtuMax, p->len);
	wantin("room", MtuMax, PktSize, p->buf + PktSize - p->data);
	verdict("all that there is room for, from the end of a datagram");
}

static void
testclassify(void)
{
	uint8_t d[MtuMax];
	int i, n;
	Ip ip;

	for (i = 0; i < LEN(packets); i++) {
		anew(Client);
		want("class", packets[i].class, classed(d, realpacket(i, d),
		    NULL));
		verdict(packets[i].name);
	}
	for (i = 0; i < LEN(misfits); i++) {
		anew(Client);
		n = unhex(misfits[i].bytes, d);
		want("parsed", -1, ipparse(d, n, &ip));
		if (write(lanfd, d, n) < 0)
			die("write:");
		tunpkt();
		want(dropname[DropForm], 1, drops[DropForm]);
		want("packets not in the pool", 0, inuse());
		verdict(misfits[i].name);
	}
}

/* which packets are of one flow: those of the first and not of the second */
static void
testflows(void)
{
	static const struct {
		const char *name;
		int at, value;        /* a byte of the second that differs */
		int same;
		const char *bytes;
	} t[] = {
		{ "payload", 28, 0xee, 1, "IPv4 game, 72 bytes" },
		{ "ident", 5, 0xee, 1, "IPv4 game, 72 bytes" },
		{ "DSCP", 1, 0x08, 1, "IPv4 game, 72 bytes" },
		{ "source", 15, 0xee, 0, "IPv4 game, 72 bytes" },
		{ "destination", 19, 0xee, 0, "IPv4 game, 72 bytes" },
		{ "source port", 21, 0xee, 0, "IPv4 game, 72 bytes" },
		{ "destination port", 23, 0xee, 0, "IPv4 game, 72 bytes" },
		{ "protocol", 9, 0x88, 0, "IPv4 game, 72 bytes" },
		{ "TCP seq", 27, 0xee, 1, "IPv4 TCP data, 1448 bytes" },
		{ "fragment offset", 7, 0x10, 1, "IPv4 later fragment" },
		{ "ports of a fragment", 21, 0xee, 1,
		  "IPv4 first fragment of a DNS answer" },
		{ "IPv6 source", 23, 0xee, 0, "IPv6 DNS query" },
		{ "IPv6 destination", 39, 0xee, 0, "IPv6 DNS query" },
		{ "IPv6 source port", 41, 0xee, 0, "IPv6 DNS query" },
		{ "IPv6 hop limit", 7, 3, 1, "IPv6 DNS query" },
	};
	uint8_t d[MtuMax];
	int i, j, len, first, other;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; strcmp(packets[j].name, t[i].bytes); j++)
			;
		len = realpacket(j, d);
		classed(d, len, &first);
		d[t[i].at] = t[i].value;
		classed(d, len, &other);
		want("one flow", t[i].same, first == other);
		verdict(t[i].name);
	}
}

/* the hash of a packet from one address and port to another */
static uint32_t
hashof(int v6, int proto, const uint8_t *from, int port, const uint8_t *to,
    int toport)
{
	uint8_t d[100] = { 0 };
	Ip ip;

	iphead(d, v6, proto, sizeof(d), from, to);
	tcphead(d + l4of(d), port, toport, 0, 0, 0, 0, 0);
	want("parsed", 0, ipparse(d, sizeof(d), &ip));
	return ip.hash;
}

/* what makes a flow makes its hash, which nobody outside can know */
static void
testhash(void)
{
	enum { Flows = 2000 };
	static int used[Nflows];
	uint8_t from[16] = { 0 }, to[16] = { 0 };
	int i, v6, a, b, most = 0, same = 0;
	uint32_t h;

	anew(Client);
	for (i = 0; i < Flows; i++) {
		v6 = rnd(2);
		a = rnd(65536);
		b = rnd(65536);
		put(from + 2 * rnd(v6 ? 8 : 2), rnd(65536), 2);
		put(to + 2 * rnd(v6 ? 8 : 2), rnd(65536), 2);
		h = hashof(v6, IPPROTO_UDP, from, a, to, b);
		used[h & (Nflows - 1)]++;
		most = MAX(most, used[h & (Nflows - 1)]);
		same += h == hashof(v6, IPPROTO_UDP, to, a, from, b);
		same += h == hashof(v6, IPPROTO_UDP, from, b, to, a);
		same += h == hashof(v6, IPPROTO_TCP, from, a, to, b);
		same += h == hashof(v6, IPPROTO_UDP, from, a, to, b ^ 1);
		to[v6 ? rnd(16) : rnd(4)]++;
		same += h == hashof(v6, IPPROTO_UDP, from, a, to, b);
		h = hashof(v6, IPPROTO_UDP, from, a, to, b);
		keys.secret[rnd(8)]++;
		same += h == hashof(v6, IPPROTO_UDP, from, a, to, b);
	}
	wantin("most in a place", 5, 12, most);
	wantin("the same by chance", 0, 1, same);
	verdict("addresses, protocol, ports and a secret");
}

/* UDP flows of one pace: how many of their packets are express */
static void
testsparse(void)
{
	static const struct {
		const char *name;
		int len, pace, n;     /* us */
		int least, most;      /* express, percent */
	} t[] = {
		{ "game, 100 bytes each 15 ms", 100, 15000, 1000, 100, 100 },
		{ "voice, 200 bytes each 20 ms", 200, 20000, 1000, 100, 100 },
		{ "290 a second of 60 bytes", 60, 3448, 3000, 100, 100 },
		{ "500 a second of 60 bytes", 60, 2000, 3000, 1, 10 },
		{ "0.96 Mbit/s of 420 bytes", 420, 3500, 3000, 100, 100 },
		{ "1.2 Mbit/s of 500 bytes", 500, 3334, 3000, 1, 40 },
		{ "600 bytes each 20 ms", 600, 20000, 300, 0, 0 },
		{ "10 Mbit/s of 1200 bytes", 1200, 960, 1000, 0, 0 },
		{ "one packet of 500 bytes", 500, 0, 1, 100, 100 },
		{ "one packet of 501 bytes", 501, 0, 1, 0, 0 },
	};
	uint8_t d[MtuMax];
	int i, j, n, class, was;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		ippacket(d, t[i].len, 0, 4000, 0);
		was = Express;
		for (n = j = 0; j < t[i].n; j++) {
			class = classed(d, t[i].len, NULL);
			if (class == Express && was == Ordered)
				want("back to express at packet", -1, j);
			was = class;
			n += class == Express;
			now += t[i].pace * Us;
		}
		wantin("percent express", t[i].least, t[i].most, n * 100 /
		    t[i].n);
		verdict(t[i].name);
	}
}

static void
testpause(void)
{
	uint8_t d[MtuMax];
	int j, flow;
	Flow *f;

	anew(Client);
	j = ippacket(d, 1400, 0, 4000, 0);
	classed(d, j, &flow);
	weighs(flow, 1);
	f = &queues.flows[flow];
	f->need.came = now;
	f->acked = 1000;
	now += Pause;
	classed(d, j, NULL);
	want("heavy after 3 s", 1, heavy(f));
	want("acknowledged", 1000, f->acked);
	now += Pause + 1;
	classed(d, j, NULL);
	want("heavy after more", 0, heavy(f));
	want("acknowledged", 0, f->acked);
	want("came back", 0, f->need.came);
	want("begun", now, f->need.begun);
	want("bytes", j + HdrLen + 28 + linkoverhead, lately(&f->need));
	verdict("a flow that has paused for 3 s is a new one");
}

/* the row of the traffic table for a packet, how urgent it is and how long of
 * use, at both ends */
static void
testtraffic(void)
{
	static const struct {
		const char *name;
		int v6, proto, from, to, dscp;
		const char *row;
		int class, ms;
	} t[] = {
		{ "TCP", 0, IPPROTO_TCP, 50000, 80, 0, "tcp", Normal, 1000 },
		{ "TCP to port 53", 0, IPPROTO_TCP, 50000, 53, 0, "tcp",
		  Normal, 1000 },
		{ "TCP to port 443", 0, IPPROTO_TCP, 50000, 443, 0, "tcp",
		  Normal, 1000 },
		{ "TCP of DSCP 32", 0, IPPROTO_TCP, 50000, 80, 32, "marked",
		  Urgent, 1000 },
		{ "TCP of DSCP 31", 0, IPPROTO_TCP, 50000, 80, 31, "tcp",
		  Normal, 1000 },
		{ "DNS", 0, IPPROTO_UDP, 50000, 53, 0, "dns", Urgent, 1000 },
		{ "its answer", 0, IPPROTO_UDP, 53, 50000, 0, "dns", Urgent,
		  1000 },
		{ "DNS of DSCP 46", 0, IPPROTO_UDP, 50000, 53, 46, "dns",
		  Urgent, 1000 },
		{ "DNS from port 443", 0, IPPROTO_UDP, 443, 53, 0, "dns",
		  Urgent, 1000 },
		{ "QUIC", 0, IPPROTO_UDP, 50000, 443, 0, "quic", Quic, 1000 },
		{ "from a QUIC server", 0, IPPROTO_UDP, 443, 50000, 0, "quic",
		  Quic, 1000 },
		{ "QUIC of DSCP 46", 0, IPPROTO_UDP, 50000, 443, 46, "quic",
		  Quic, 1000 },
		{ "a game", 0, IPPROTO_UDP, 50000, 27015, 0, "udp", Normal,
		  250 },
		{ "a game of DSCP 31", 0, IPPROTO_UDP, 50000, 27015, 31,
		  "udp", Normal, 250 },
		{ "a call of DSCP 46", 0, IPPROTO_UDP, 50000, 27015, 46,
		  "call", Urgent, 250 },
		{ "other UDP to a low port", 0, IPPROTO_UDP, 54, 442, 0,
		  "udp", Normal, 250 },
		{ "a ping", 0, IPPROTO_ICMP, 0, 0, 0, "icmp", Urgent, 250 },
		{ "a ping of DSCP 46", 0, IPPROTO_ICMP, 0, 0, 46, "icmp",
		  Urgent, 250 },
		{ "GRE", 0, 47, 0, 0, 0, "other", Normal, 1000 },
		{ "ESP", 0, 50, 0, 0, 0, "other", Normal, 1000 },
		{ "ESP of DSCP 46", 0, 50, 0, 0, 46, "marked", Urgent, 1000 },
		{ "IPv6 TCP", 1, IPPROTO_TCP, 50000, 80, 0, "tcp", Normal,
		  1000 },
		{ "IPv6 DNS", 1, IPPROTO_UDP, 50000, 53, 0, "dns", Urgent,
		  1000 },
		{ "IPv6 QUIC", 1, IPPROTO_UDP, 443, 50000, 0, "quic", Quic,
		  1000 },
		{ "an IPv6 game", 1, IPPROTO_UDP, 50000, 27015, 0, "udp",
		  Normal, 250 },
		{ "an IPv6 call of DSCP 34", 1, IPPROTO_UDP, 50000, 27015, 34,
		  "call", Urgent, 250 },
		{ "an IPv6 ping", 1, IPPROTO_ICMPV6, 0, 0, 0, "icmpv6",
		  Urgent, 250 },
		{ "no protocol that is known", 0, 253, 0, 0, 0, "other",
		  Normal, 1000 },
	};
	static const uint8_t any[16] = { 10, 0, 0, 1 };
	uint8_t d[100] = { 0 };
	int i, at;
	Pkt p;

	want("reorderms of the example", 1000, reorderms);
	for (i = 0; i < LEN(t); i++) {
		iphead(d, t[i].v6, t[i].proto, LEN(d), any, any);
		put(d, t[i].v6 ? 6 << 12 | t[i].dscp << 6 :
		    0x4500 | t[i].dscp << 2, 2);
		at = t[i].v6 ? 40 : 20;
		memset(d + at, 0, LEN(d) - at);
		if (t[i].proto == IPPROTO_UDP)
			udphead(d + at, t[i].from, t[i].to, LEN(d) - at);
		if (t[i].proto == IPPROTO_TCP)
			tcphead(d + at, t[i].from, t[i].to, 0, 0, 0, TcpAck,
			    0);
		want("parsed", 0, ipparse(d, LEN(d), &p.ip));
		want("DSCP", t[i].dscp, p.ip.dscp);
		p.kind = kindof(&p.ip);
		wantstr("row", t[i].row, p.kind->name);
		want("class", t[i].class, p.kind->class);
		want("ms", t[i].ms, usefor(&p) / MS(1));
		verdict(t[i].name);
	}

	memset(d + 20, 0, LEN(d) - 20);
	iphead(d, 0, IPPROTO_UDP, LEN(d), any, any);
	udphead(d + 20, 50000, 443, LEN(d) - 20);
	put(d + 6, 0x2000, 2);
	ipparse(d, LEN(d), &p.ip);
	p.kind = kindof(&p.ip);
	wantstr("row", "udp", p.kind->name);
	want("ms", 250, usefor(&p) / MS(1));
	verdict("a fragment has no ports");

	p.kind = &(Traffic){ "long", 0, 0, 0, Normal, reorderms + 1 };
	want("ms", reorderms, usefor(&p) / MS(1));
	verdict("no packet is waited for longer than reorderms");
}

/* what the class of a row makes of packets, and what is counted */
static void
testkinds(void)
{
	enum { Few = 8 };
	static const struct {
		const char *name;
		Traffic row;          /* the only one */
		int len, tos, express, heavy; /* 1: from the first on */
		int ms;               /* deadline of an express packet */
	} t[] = {
		{ "urgent", { "x", IPPROTO_UDP, 0, 0, Urgent, 150 }, 1000, 0,
		  1, 0, 150 },
		{ "urgent, of use as long as can be",
		  { "x", IPPROTO_UDP, 4000, 0, Urgent, 0 }, 1000, 0, 1, 0,
		  1000 },
		{ "normal, small", { "x", 0, 0, 0, Normal, 100 }, 100, 0, 1,
		  0, 100 },
		{ "normal, large", { "x", 0, 0, 0, Normal, 100 }, 1000, 0, 0,
		  0, 0 },
		{ "QUIC, small", { "x", IPPROTO_UDP, 5201, 0, Quic, 0 }, 100,
		  0, 0, 0, 0 },
		{ "bulk, small", { "x", IPPROTO_UDP, 4000, 0, Bulk, 0 }, 100,
		  0, 0, 1, 0 },
		{ "not of the port", { "x", IPPROTO_UDP, 4001, 0, Bulk, 1 },
		  100, 0, 1, 0, 1000 },
		{ "not of the protocol", { "x", IPPROTO_TCP, 0, 0, Bulk, 1 },
		  100, 0, 1, 0, 1000 },
		{ "of the DSCP", { "x", 0, 0, 46, Bulk, 0 }, 100, 46 << 2, 0,
		  1, 0 },
		{ "of a lower DSCP", { "x", 0, 0, 47, Bulk, 0 }, 100, 46 << 2,
		  1, 0, 1000 },
	};
	Traffic was[LEN(traffic)];
	const Traffic *kind = NULL;
	uint8_t d[MtuMax];
	uint64_t sum;
	int i, k, len, flow = 0;
	Pkt *p;

	memcpy(was, traffic, sizeof(was));
	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (k = 0; k < LEN(traffic); k++)
			traffic[k] = t[i].row;
		len = ippacket(d, t[i].len, t[i].tos, 4000, 0);
		for (k = 0; k < Few; k++) {
			p = packetof(d, len);
			classify(p);
			want("class", t[i].express ? Express : Ordered,
			    p->class);
			want("heavy", t[i].heavy,
			    heavy(&queues.flows[p->flow]));
			if (t[i].express)
				want("ms", t[i].ms, (p->deadline - now) /
				    MS(1));
			kind = p->kind;
			flow = p->flow;
			transmit(&bond[3], p);
			pktfree(p);
			now += MS(20);
		}
		now += SEC(2);
		flowrates();
		want("heavy, 2 s later", t[i].heavy,
		    heavy(&queues.flows[flow]));
		for (sum = 0, k = 0; k < Nlinks * LEN(traffic); k++)
			sum += kinds[k / LEN(traffic)][k % LEN(traffic)];
		want("counted", kind->name ? Few : 0, sum);
		want("of them in the row", sum, kinds[3][0]);
		verdict(t[i].name);
	}
	memcpy(traffic, was, sizeof(was));
}

/* packets that claim to be urgent: no more than a quarter of the best link */
static void
testcapped(void)
{
	static const struct {
		const char *name;
		int len, pace;        /* us */
		int least, most;      /* express, Mbit/s / 100 */
	} t[] = {
		{ "1 Mbit/s", 1000, 8000, 99, 101 },
		{ "2.4 Mbit/s", 1000, 3333, 238, 242 },
		{ "5 Mbit/s", 1000, 1600, 0, 260 },
		{ "20 Mbit/s", 1000, 400, 0, 260 },
	};
	enum { Seconds = 10 };
	uint8_t d[MtuMax];
	int64_t bytes, end;
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		ippacket(d, t[i].len, 46 << 2, 4000, 0);
		bytes = 0;
		for (end = now + SEC(Seconds); now < end;
		    now += t[i].pace * Us)
			if (classed(d, t[i].len, NULL) == Express)
				bytes += t[i].len;
		wantin("express, Mbit/s / 100", t[i].least, t[i].most,
		    bytes * 8 / Seconds / 10000);
		verdict(t[i].name);
	}
}

/* need */

/* A packet between a port of a host and a server, from 256 on of IPv6, as our
 * end of the tunnel sends it: u UDP, t TCP, q QUIC. */
static Pkt *
netpacket(int kind, int server, int port, int len)
{
	uint8_t d[MtuMax] = { 0 }, host[16] = { 192, 168, 1, 20 };
	uint8_t far[16] = { 93, 184, 216, 34 };
	int v6 = server > 255, at = v6 ? 40 : 20, down = role == Server;
	int known = kind == 'u' ? 5201 : kind == 't' ? 80 : 443;

	put(far + (v6 ? 14 : 2), server, 2);
	host[3] = port;
	iphead(d, v6, kind == 't' ? IPPROTO_TCP : IPPROTO_UDP, len,
	    down ? far : host, down ? host : far);
	if (kind == 't')
		tcphead(d + at, down ? known : port, down ? port : known, 0,
		    0, 0, TcpAck, 0);
	else
		udphead(d + at, down ? known : port, down ? port : known,
		    len - at);
	finish(d, len);
	return packetof(d, len);
}

/* Connections to servers a, b and c, at their end. Each begins heavy, +, or
 * not, -, and then s takes 200 kB or so, l more than 256. Behind = the
 * connection before goes on; . is the time for which a server is new, : that
 * for which it is known to send much, ! is 1 ns less. */
static void
testhabits(void)
{
	static const struct {
		const char *name, *script;
	} t[] = {
		{ "a new server: all at first", "a+s a+s .a-s a-s" },
		{ "each of them", "a+s b+s .a-s b-s c+s" },
		{ "after a large one", "a+l .a+s .a+s a+s" },
		{ "for some time", "a+l !a+s a+s" },
		{ "and no longer", "a+l :a-s a-s" },
		{ "since it did so last", "a+l !a+l !a+s" },
		{ "large at last", "a+s .a-s a-l a+s b+s" },
		{ "of that server only", "a+l b+s .b-s a+s" },
		{ "in the same connection", "a+s .a-s =-l a+s" },
	};
	const char *c;
	int i, j, n, port, v6, server;
	Flow *f = NULL;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		for (v6 = 0; v6 < 2; v6++) {
			anew(Server);
			now = SEC(10); /* the machine has just started */
			port = server = 0;
			for (c = t[i].script; *c; c += 3 + (c[3] == ' ')) {
				now += *c == '.' ? Pause : *c == ':' ?
				    Remember : *c == '!' ? Remember - 1 : 0;
				c += strchr(".:!", *c) != NULL;
				if (*c != '=') {
					server = 256 * v6 + *c;
					port++;
				}
				n = c[2] == 'l' ? 220 : 160;
				for (j = 0; j < n; j++) {
					p = netpacket('q', server, port,
					    1200);
					classify(p);
					f = &queues.flows[p->flow];
					pktfree(p);
				}
				want(c, c[1] == '+', heavy(f));
			}
		}
		verdict(t[i].name);
	}

	anew(Client);
	p = netpacket('q', 1, 5000, 1200);
	classify(p);
	want("habit", 1, !queues.flows[p->flow].habit);
	want("heavy", 0, heavy(&queues.flows[p->flow]));
	pktfree(p);
	anew(Server);
	for (i = 0; i < 3; i++) {
		p = netpacket(i < 2 ? 'u' : 't', 1, 5000 + i, 1200);
		put(p->data + 20, i < 1 ? 53 : 443 + (i < 2), 2);
		ipparse(p->data, p->len, &p->ip);
		classify(p);
		want("habit", 1, !queues.flows[p->flow].habit);
		pktfree(p);
	}
	verdict("only from servers of QUIC");

	/* a server whose place is another's */
	anew(Server);
	p = netpacket('q', 1, 5000, 1200);
	classify(p);
	f = &queues.flows[p->flow];
	pktfree(p);
	f->habit->tag++;
	f->habit->large = now;
	now += Minute;
	p = netpacket('q', 1, 5001, 1200);
	classify(p);
	want("heavy", 1, heavy(&queues.flows[p->flow]));
	want("large", 0, f->habit->large);
	pktfree(p);
	verdict("a place that another server had");
}

/* bytes and rate of a flow: 1252 on the wire so often, then nothing */
static void
testlately(void)
{
	static const struct {
		const char *name;
		int n, pace, idle;    /* packets, us, ms */
		int now, before, kbit; /* packets noted */
	} t[] = {
		{ "one packet", 1, 0, 0, 1, 0, 80 },
		{ "a hundred at once", 100, 0, 0, 100, 0, 8013 },
		{ "125 ms later", 100, 0, 125, 100, 0, 8013 },
		{ "250 ms later", 100, 0, 250, 100, 0, 4006 },
		{ "999 ms later", 100, 0, 999, 100, 0, 1003 },
		{ "a second later", 100, 0, 1000, 0, 100, 1002 },
		{ "1.5 s later", 100, 0, 1500, 0, 100, 668 },
		{ "two seconds later", 100, 0, 2000, 0, 0, 0 },
		{ "10 Mbit/s for 0.5 s", 500, 1000, 0, 500, 0, 10016 },
		{ "for 1.5 s", 1500, 1000, 0, 500, 1000, 10016 },
		{ "for 4.9 s", 4900, 1000, 0, 900, 1000, 10016 },
		{ "for 3 s, 0.5 s ago", 3000, 1000, 500, 0, 1000, 6677 },
		{ "for 3 s, 0.9 s ago", 3000, 1000, 900, 0, 1000, 5272 },
		{ "3 Mbit/s for 10 s", 3000, 3333, 0, 300, 300, 3005 },
	};
	enum { Wire = 1252 };
	Flow *f;
	Pkt *p;
	int i, j, ms;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		p = waiting(Ordered, 7, Wire - HdrLen - 28 - linkoverhead, 0,
		    0);
		f = &queues.flows[7];
		for (j = ms = 0; j < t[i].n || ms++ < t[i].idle; j++) {
			if (j < t[i].n)
				flowcount(f, p);
			now += j < t[i].n ? t[i].pace * Us : MS(1);
			if (now >= loop.nextsecond) {
				flowrates();
				loop.nextsecond += Second;
			}
		}
		want("begun", SEC(1000), f->need.begun);
		wantin("bytes", (t[i].now - 1) * Wire, (t[i].now + 1) * Wire,
		    f->need.bytes[0]);
		wantin("bytes before", (t[i].before - 1) * Wire,
		    (t[i].before + 1) * Wire, f->need.bytes[1]);
		want("lately", f->need.bytes[0] + f->need.bytes[1],
		    lately(&f->need));
		wantin("kbit/s", t[i].kbit - t[i].kbit / 100,
		    t[i].kbit + t[i].kbit / 100, flowrate(&f->need) / 1000);
		verdict(t[i].name);
	}
}

/* which flows take what they get */
static void
testelastic(void)
{
	static const struct {
		const char *name;
		int kind, elastic;
	} t[] = {
		{ "UDP", 'u', 0 },
		{ "TCP", 't', 1 },
		{ "QUIC", 'q', 1 },
	};
	int i, j;
	Pkt *p, *o;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		p = netpacket(t[i].kind, 1, 5000, 1000);
		o = netpacket(t[i].elastic ? 'u' : 't', 1, 5000, 1000);
		for (j = 0; j < 2; j++) {
			flowcount(&queues.flows[7], p);
			want("elastic", t[i].elastic,
			    queues.flows[7].need.elastic);
			now += Pause;
			flowcount(&queues.flows[7], o);
			want("as it began", t[i].elastic,
			    queues.flows[7].need.elastic);
			now += Pause + 1;
			flowcount(&queues.flows[7], o);
			want("after a pause", !t[i].elastic,
			    queues.flows[7].need.elastic);
			now += Pause + 1;
		}
		verdict(t[i].name);
	}
}

/* a flow of so many packets of 1252 bytes at so many kbit/s: heavy or not? */
static void
testalike(void)
{
	static const struct {
		const char *name;
		int links;            /* 0: down, 1: alike, 2: one is quick */
		int kbit, n, heavy;
	} t[] = {
		{ "2.4 Mbit/s of 10", 1, 2400, 1000, 0 },
		{ "2.6 Mbit/s", 1, 2600, 1000, 1 },
		{ "2.6 Mbit/s, 48 KiB", 1, 2600, 39, 0 },
		{ "2.6 Mbit/s, more", 1, 2600, 42, 1 },
		{ "40 Mbit/s, 48 KiB", 1, 40000, 39, 0 },
		{ "40 Mbit/s, more", 1, 40000, 40, 1 },
		{ "40 Mbit/s beside a quick link", 2, 40000, 1000, 0 },
		{ "40 Mbit/s, no link", 0, 40000, 1000, 0 },
	};
	Pkt *p;
	int i, j;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; t[i].links == 1 && j < Nlinks; j++)
			bond[j].delay = bond[0].delay;
		linksare(0, t[i].links ? LinkUp : LinkDown);
		p = waiting(Ordered, 7, 1252 - HdrLen - 28 - linkoverhead, 0,
		    0);
		for (j = 0; j < t[i].n; j++) {
			flowcount(&queues.flows[7], p);
			now += INT64_C(1252) * 8 * MS(1) / t[i].kbit;
			if (now >= loop.nextsecond) {
				flowrates();
				loop.nextsecond += Second;
			}
		}
		want("heavy", t[i].heavy, heavy(&queues.flows[7]));
		verdict(t[i].name);
	}
}

/* how long a flow stays heavy, that goes again so long after it came back */
static void
teststay(void)
{
	enum { Times = 7 };
	static const struct {
		const char *name;
		int links;            /* as in testalike; 3: the best one is
		                       * slow, 4: it is quick, by 2 s */
		int after[Times], stay[Times]; /* ms */
	} t[] = {
		{ "again and again", 2, { 0, 1, 1, 1, 1, 1, 1 },
		  { 1480, 2960, 5920, 11840, 16000, 16000, 16000 } },
		{ "after nearly 8 s", 2, { 0, 7999, 7999, 7999, 7999, 7999 },
		  { 1480, 2960, 5920, 11840, 16000, 16000, 16000 } },
		{ "after 8 s", 2, { 0, 1, 8000, 1, 1, 8000, 99999 },
		  { 1480, 2960, 1480, 2960, 5920, 1480, 1480 } },
		{ "links alike", 1, { 0, 1, 1, 1, 1, 1, 8000 },
		  { 1000, 2000, 4000, 8000, 16000, 16000, 1000 } },
		{ "the best link is slower", 3, { 0, 1, 1, 1, 1, 1, 8000 },
		  { 1000, 2000, 4000, 8000, 16000, 16000, 1000 } },
		{ "far too slow ones", 4, { 0, 1, 1, 1, 1, 1, 8000 },
		  { 16000, 16000, 16000, 16000, 16000, 16000, 16000 } },
		{ "no link", 0, { 0, 1, 1, 1, 1, 1, 8000 },
		  { 1000, 2000, 4000, 8000, 16000, 16000, 1000 } },
	};
	Need n;
	int i, j;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; t[i].links == 1 && j < Nlinks; j++)
			bond[j].delay = bond[0].delay;
		if (t[i].links > 2)
			bond[0].delay.base.least[0] =
			    bond[0].delay.base.least[1] =
			    MS(t[i].links == 3 ? 60 : -1960);
		linksare(0, t[i].links ? LinkUp : LinkDown);
		now = Second; /* the machine has just started */
		n = (Need){ 0 };
		for (j = 0; j < Times; j++) {
			now += MS(t[i].after[j]);
			flowgoes(&n);
			want("heavy", 1, n.heavy);
			want("went", now, n.went);
			want("ms", t[i].stay[j], n.stay / MS(1));
			now += n.stay;
			n.came = now;
			n.heavy = 0;
		}
		verdict(t[i].name);
	}
}

/* Flows from 1 on that sent so many Mbit/s in the last second: u not elastic,
 * e elastic; h and a the same, heavy; H and A too, but not for long enough, by
 * 1 ns; B for good; s not elastic, e elastic, silent for 250 ms. */
static void
flowsare(const char *words)
{
	double mbit;
	char how;
	Need *n;
	int i;

	queues.noted = now;
	for (i = 1; sscanf(words, "%c%lf", &how, &mbit) == 2; i++) {
		n = &queues.flows[i].need;
		*n = (Need){
			.elastic = strchr("eaAz", how) != NULL,
			.heavy = strchr("hHaAB", how) != NULL,
			.begun = now - Minute,
			.bytes = { 0, MBIT(mbit) / 8 },
			.rate = MBIT(mbit),
			.stay = how == 'B' ? INT64_MAX : Second,
			.went = now - Second + (strchr("HA", how) != NULL),
		};
		queues.flows[i].turn.last = now - Stand +
		    !strchr("sz", how);
		words += strcspn(words, " ");
		words += *words != 0;
	}
}

/* the flows of those that are heavy now, or not, and were not before */
static void
flowslog(char *log, const int *was, int heavily)
{
	int i;

	*log = '\0';
	for (i = 0; i < Nflows; i++)
		if (heavy(&queues.flows[i]) == heavily && was[i] != heavily)
			add(log, " %d", i);
}

/* of a link of 10 Mbit/s: who has to go */
static void
testtoomuch(void)
{
	static const struct {
		const char *name, *flows;
		int elastic;
		double express;       /* Mbit/s */
		const char *go;       /* one after the other */
	} t[] = {
		{ "none", "", 0, 0, "" },
		{ "three that fit", "u3 u3 u3", 0, 0, "" },
		{ "15/16 fit", "u5 u4.374", 0, 0, "" },
		{ "more does not", "u5 u4.376", 0, 0, " 2" },
		{ "the smallest that is enough", "u2 u3 u3.1 u1.5 u1.9", 0, 0,
		  " 2" },
		{ "small ones are not", "u0.5 u6 u3 u2 u0.5", 0, 0, " 3" },
		{ "just enough", "u4 u2 u2 u3 u0.375", 0, 0, " 2" },
		{ "none is enough: the largest", "u4 u4.1 u3.9 u3 u3", 0, 0,
		  " 2 1 4" },
		{ "then the smallest", "u4 u4 u3 u2 u1", 0, 0, " 1 5" },
		{ "many of a kind",
		  "u1 u1 u1 u1 u1 u1 u1 u1 u1 u1 u1 u1", 0, 0, " 1 2 3" },
		{ "one alone", "u12", 0, 0, " 1" },
		{ "elastic ones make none go", "u8 e8", 0, 0, "" },
		{ "nor do they go for others", "e1 u6 u6", 0, 0, " 2" },
		{ "elastic ones go", "u5 e6 e1 e4", 1, 0, " 2 3" },
		{ "others stay", "u12 e1 e2", 1, 0, " 3 2" },
		{ "heavy ones do not count", "u9 h9 a9", 1, 0, "" },
		{ "silent ones stay, but count", "s6 u5", 0, 0, " 2" },
		{ "all are silent", "s6 s5", 0, 0, "" },
		{ "express packets take their part", "u3 u3 u3", 0, 1,
		  " 1" },
		{ "elastic ones, too", "z9 e1", 1, 0, " 2" },
	};
	char log[LogSize];
	int i, n;
	Need *go;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		flowsare(t[i].flows);
		queues.recent = MBIT(t[i].express) / 8;
		queues.counted = now;
		*log = '\0';
		for (n = 0; n < 20 && (go = toomuch(t[i].elastic)); n++) {
			add(log, " %d", (int)((Flow *)((char *)go -
			    offsetof(Flow, need)) - queues.flows));
			flowgoes(go);
		}
		wantstr("go", t[i].go, log);
		verdict(t[i].name);
	}
}

/* A packet of flow 1 overflows so often, ms. After how many ms is it heavy, if
 * at all in 2 s? */
static void
testoverflow(void)
{
	static const struct {
		const char *name;
		int kind, every;
		const char *flows;
		int bytes;            /* of flow 1, if not 0 */
		int heavy;
		const char *go;       /* all of them */
	} t[] = {
		{ "UDP, too fast", 'u', 10, "u11", 0, 250, " 1" },
		{ "one that fits", 'u', 10, "u9", 0, -1, "" },
		{ "each 125 ms", 'u', 125, "u11", 0, 250, " 1" },
		{ "each 126 ms", 'u', 126, "u11", 0, -1, "" },
		{ "another one is enough", 'u', 10, "u5 u2 u3", 0, -1,
		  " 2" },
		{ "two have to go", 'u', 10, "u8 u7 u5", 0, 250, " 1 3" },
		{ "beside TCP", 'u', 10, "u8 e8", 0, -1, "" },
		{ "TCP of 48 KiB", 't', 10, "e0", Heavy, -1, "" },
		{ "TCP of more", 't', 10, "e0", Heavy + 1, 0, " 1" },
		{ "QUIC", 'q', 10, "e0", Heavy, -1, "" },
		{ "QUIC of more", 'q', 10, "e0", Heavy + 1, 0, " 1" },
		{ "many of TCP", 't', 10, "e0 e3 e8", Heavy, -1, " 2" },
		{ "beside UDP", 't', 10, "e0 u3 u8", Heavy, 250, " 1" },
		{ "UDP of more than 48 KiB", 'u', 10, "u0", Heavy + 1, -1,
		  "" },
	};
	int was[Nflows] = { 0 }, i, ms, at;
	char log[LogSize];
	Flow *f;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Server);
		flowsare(t[i].flows);
		f = &queues.flows[1];
		if (t[i].bytes)
			f->need.bytes[1] = t[i].bytes;
		p = netpacket(t[i].kind, 1, 5000, 1200);
		for (at = -1, ms = 0; ms < 2000 && at < 0; ms++) {
			/* all send on */
			queues.noted = now;
			for (f = queues.flows; f < queues.flows + 9; f++)
				f->turn.last = now;
			f = &queues.flows[1];
			if (ms % t[i].every == 0)
				overflowed(f);
			if (heavy(f))
				at = ms;
			now += MS(1);
		}
		want("ms", t[i].heavy, at);
		flowslog(log, was, 1);
		wantstr("gone", t[i].go, log);
		pktfree(p);
		verdict(t[i].name);
	}

	anew(Client);
	p = netpacket('u', 1, 5000, 1200);
	for (at = -1, ms = 0; ms < 2000 && at < 0; ms++) {
		if (ms % 200 == 0)
			flowsare(ms < 400 ? "u9" : "u11");
		f->turn.last = queues.noted = now;
		overflowed(f);
		if (heavy(f))
			at = ms;
		now += MS(1);
	}
	want("ms", 500, at);
	pktfree(p);
	verdict("looked at each 250 ms");
}

/* which packets overflow */
static void
testoverflows(void)
{
	static const struct {
		const char *name;
		int kind, len, class, link, heavy, step, over;
	} t[] = {
		{ "by another link", 'u', 1000, Ordered, 1, 0, 1, 1 },
		{ "by the best", 'u', 1000, Ordered, 0, 0, 1, 0 },
		{ "of a heavy flow", 'u', 1000, Ordered, 1, 1, 1, 0 },
		{ "express", 'u', 1000, Express, 1, 0, 1, 0 },
		{ "links alike", 'u', 1000, Ordered, 1, 0, 0, 0 },
		{ "QUIC", 'q', 1000, Ordered, 1, 0, 1, 1 },
	};
	Flow *f;
	Pkt *p;
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Server);
		survey.step = t[i].step;
		p = netpacket(t[i].kind, 1, 5000, t[i].len);
		p->flow = 7;
		p->class = t[i].class;
		f = &queues.flows[7];
		f->need.elastic = elastic(p);
		weighs(7, t[i].heavy);
		transmit(&bond[t[i].link], p);
		want("overflowed", t[i].over == 1, queues.overflow == now);
		want("is heavy", t[i].heavy || t[i].over == 2, heavy(f));
		verdict(t[i].name);
	}
}

/* Who comes back to a link of 10 Mbit/s, where flows that are light send so
 * much, Mbit/s. */
static void
testback(void)
{
	static const struct {
		const char *name, *flows;
		double light, steady; /* steady: not elastic */
		int ceil, idle;       /* Mbit/s, s */
		int links;            /* as in testalike, 3: without a queue */
		const char *back;
		int rate;             /* kbit/s, of the link then */
	} t[] = {
		{ "it fits", "h5", 4, 4, 10, 0, 2, " 1", 10000 },
		{ "15/16 fit", "h5", 4.374, 4.374, 10, 0, 2, " 1", 10000 },
		{ "more does not", "h5", 4.376, 4.376, 10, 0, 2, "", 10000 },
		{ "nor alone", "h9.376", 0, 0, 10, 0, 2, "", 10000 },
		{ "the smallest", "h5 h3 h6", 4, 4, 10, 0, 2, " 2", 10000 },
		{ "the smallest that fit", "h5 h2 h1 h4", 2, 2, 10, 0, 2,
		  " 2 3 4", 10000 },
		{ "not yet", "H5 h6", 1, 1, 10, 0, 2, " 2", 10000 },
		{ "never, by the table", "B1", 0, 0, 10, 0, 2, "", 10000 },
		{ "nor silent ones", "h0 a0", 0, 0, 10, 0, 2, "", 10000 },
		{ "TCP beside TCP", "a2", 8, 2, 10, 0, 2, "", 10000 },
		{ "UDP beside TCP", "h2", 8, 2, 10, 0, 2, " 1", 10000 },
		{ "TCP before UDP", "a3 h4", 0, 0, 10, 0, 2, " 1 2", 10000 },
		{ "UDP after TCP", "a5 h6", 0, 0, 10, 0, 2, " 1 2", 10000 },
		{ "TCP after UDP", "h5 a6", 0, 0, 10, 0, 2, " 1", 10000 },
		{ "links alike", "h1", 0, 0, 10, 0, 1, "", 10000 },
		{ "no link", "h1", 0, 0, 10, 0, 0, "", 10000 },
		{ "a link that may be faster", "h15", 3, 3, 0, 10, 2, " 1",
		  19200 },
		{ "not so much", "h15", 4, 4, 0, 10, 2, "", 10000 },
		{ "not yet", "h15", 3, 3, 0, 5, 2, "", 10000 },
		{ "it is known not to be", "h15", 3, 3, 10, 10, 2, "",
		  10000 },
		{ "it is fast enough", "h5", 3, 3, 0, 10, 2, " 1", 10000 },
		{ "TCP does not try that", "a7", 3, 3, 0, 10, 2, "", 10000 },
	};
	int was[Nflows], i, j;
	char log[LogSize];
	Need *n;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; t[i].links == 1 && j < Nlinks; j++)
			bond[j].delay = bond[0].delay;
		bond[0].pace.ceil[0] = MBIT(t[i].ceil);
		bond[0].pace.busy = now - SEC(t[i].idle);
		bond[0].control.hold = now;
		linksare(0, t[i].links ? LinkUp : LinkDown);
		flowsare(t[i].flows);
		queues.light = MBIT(t[i].light);
		queues.steady = MBIT(t[i].steady);
		for (j = 0; j < Nflows; j++)
			was[j] = heavy(&queues.flows[j]);
		flowsback();
		flowslog(log, was, 0);
		wantstr("back", t[i].back, log);
		want("kbit/s", t[i].rate, bond[0].pace.rate / 1000);
		want("held", t[i].rate == 10000, bond[0].control.hold != 0);
		for (n = &queues.flows[j = 1].need; j < 9;
		    n = &queues.flows[++j].need)
			want("came", was[j] && !n->heavy ? now : 0, n->came);
		verdict(t[i].name);
	}
}

/* what is noted each second */
static void
testnoted(void)
{
	static const struct {
		const char *name;
		int heavy, elastic;
		int64_t bytes[2];     /* bytes of this second, of the last */
		int silent;           /* ms */
		int begun;            /* ms ago */
		int kbit, light, steady;
	} t[] = {
		{ "light", 0, 0, { 125000, 125000 }, 0, 9999, 1000, 1000,
		  1000 },
		{ "light, elastic", 0, 1, { 125000, 125000 }, 0, 9999, 1000,
		  1000, 0 },
		{ "light, faster than before", 0, 0, { 250000, 0 }, 0, 9999,
		  1000, 1000, 1000 },
		{ "light, since a while", 0, 0, { 125000, 0 }, 0, 500, 2000,
		  2000, 2000 },
		{ "light, silent for 124 ms", 0, 0, { 125000, 125000 }, 124,
		  9999, 1000, 1000, 1000 },
		{ "light, silent for 125 ms", 0, 0, { 125000, 125000 }, 125,
		  9999, 0, 0, 0 },
		{ "heavy", 1, 0, { 125000, 125000 }, 0, 9999, 1000, 0, 0 },
		{ "heavy, faster than before", 1, 0, { 250000, 125000 }, 0,
		  9999, 2000, 0, 0 },
		{ "heavy, slower than before", 1, 1, { 125000, 250000 }, 0,
		  9999, 2000, 0, 0 },
		{ "heavy, silent", 1, 0, { 0, 125000 }, 999, 9999, 1000, 0,
		  0 },
	};
	Flow *f;
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		f = &queues.flows[7];
		weighs(7, t[i].heavy);
		f->need.elastic = t[i].elastic;
		memcpy(f->need.bytes, t[i].bytes, sizeof(t[i].bytes));
		f->need.begun = now - MS(t[i].begun);
		f->turn.last = now - MS(t[i].silent);
		queues.noted = now - Second;
		queues.light = queues.steady = 12345;
		flowrates();
		want("kbit/s", t[i].kbit, f->need.rate / 1000);
		want("of light ones", t[i].light, queues.light / 1000);
		want("not elastic", t[i].steady, queues.steady / 1000);
		want("bytes", 0, f->need.bytes[0]);
		want("bytes before", t[i].bytes[0], f->need.bytes[1]);
		want("noted", now, queues.noted);
		verdict(t[i].name);
	}

	anew(Client);
	flowsare("h4 h4.5 a4.8 u0.8");
	queues.flows[4].turn.last = now;
	flowrates();
	want("kbit/s", 800 + 4000 + 4500, queues.light / 1000);
	verdict("those that come back count");
}

/* Streams of UDP for 30 s, each packet classified, sent and acknowledged:
 * which are heavy? The best link carries 10 Mbit/s, 9.4 of that for them. */
static void
testneeds(void)
{
	static const struct {
		const char *name;
		int kbit[5];          /* for 10 s */
		int last;             /* kbit/s of the first one, after that */
		const char *heavy, *end; /* after 10 s, after 30 s */
	} t[] = {
		{ "8 Mbit/s", { 8000 }, 8000, "", "" },
		{ "3 x 2.9 Mbit/s", { 2900, 2900, 2900 }, 2900, "", "" },
		{ "12 Mbit/s", { 12000 }, 12000, " 0", " 0" },
		{ "12, then 6 Mbit/s", { 12000 }, 6000, " 0", "" },
		{ "12 beside 6 Mbit/s", { 12000, 6000 }, 12000, " 0", " 0" },
		{ "5 + 3 + 2.5, then 3 Mbit/s", { 5000, 3000, 2500 }, 3000,
		  " 2", "" },
		{ "6, 5 and 1 Mbit/s", { 6000, 5000, 1000 }, 6000, " 1",
		  " 1" },
	};
	int i, j, ms, kbit, flow[5] = { 0 };
	int64_t due[5];
	char log[LogSize];
	uint8_t d[MtuMax];
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; j < 5; j++)
			due[j] = now + j * MS(1) / 3;
		for (ms = 0; ms < 30000; ms++) {
			for (j = 0; j < 5 && t[i].kbit[j]; j++) {
				kbit = ms < 10000 || j > 0 ? t[i].kbit[j] :
				    t[i].last;
				for (; due[j] <= now; due[j] += INT64_C(1252)
				    * 8 * MS(1) / kbit) {
					p = packetof(d, ippacket(d, 1252 -
					    HdrLen - 28 - linkoverhead, 0,
					    4000 + j, 0));
					classify(p);
					flow[j] = p->flow;
					enqueue(p);
				}
			}
			schedule();
			allcame();
			discard();
			now += MS(1);
			if (now >= loop.nextsecond) {
				flowrates();
				loop.nextsecond += Second;
			}
			if (ms != 9999 && ms != 29999)
				continue;
			for (*log = '\0', j = 0; j < 5 && t[i].kbit[j]; j++)
				if (heavy(&queues.flows[flow[j]]))
					add(log, " %d", j);
			wantstr("heavy", ms == 9999 ? t[i].heavy : t[i].end,
			    log);
		}
		verdict(t[i].name);
	}
}

/* select */

static void
testscore(void)
{
	static const struct {
		const char *name;
		int prio;
		int64_t rtt;          /* us */
		double loss;
		int saturated, score;
	} t[] = {
		{ "the example's ADSL", 1, 22500, 0, 0, 1225 },
		{ "the example's first Starlink", 2, 78300, 0, 0, 2783 },
		{ "the example's second Starlink", 2, 81200, 0, 0, 2812 },
		{ "ADSL, saturated", 1, 22500, 0, 1, 11225 },
		{ "Starlink, saturated", 2, 78300, 0, 1, 12783 },
		{ "2 % lost", 2, 78300, .02, 0, 2883 },
		{ "all lost", 2, 78300, 1, 0, 7783 },
		{ "priority 0, no RTT", 0, 0, 0, 0, 0 },
		{ "half a millisecond", 0, 500, 0, 0, 5 },
		{ "priority 60, 2 s", 60, 2000000, 0, 0, 80000 },
	};
	int i;

	for (i = 0; i < LEN(t); i++) {
		want("score", t[i].score, score(t[i].prio, t[i].rtt * Us,
		    t[i].loss, t[i].saturated));
		verdict(t[i].name);
	}
}

/* Which link takes a packet. A letter says how each link is: . idle,
 * s more than 80 % in use, b full for 5 ms, f full for 100 ms, d down,
 * p probing, l lossy, m with a small MTU. */
static void
linkis(Link *l, int how)
{
	int64_t ahead = how == 'b' ? MS(5) : how == 'f' ? MS(100) : 0;

	if (how == 'd' || how == 'p')
		l->state = how == 'd' ? LinkDown : LinkProbing;
	if (how == 'm')
		l->addr.mtu = MtuMin;
	if (how == 'l') {
		l->state = LinkLossy;
		l->loss.ratio = .6;
		l->score = score(l->prio, l->delay.srtt, l->loss.ratio, 0);
	}
	if (ahead)
		l->pace.clock = l->pace.satclock = now + ahead + l->pace.burst;
	if (how == 's')
		l->pace.satclock = now + MS(100) + l->pace.burst;
	surveylinks();
}

static void
testselect(void)
{
	enum { Light, Heavily, Urgent, Acks }; /* an ACK may wait a bit */
	enum { Waits = -1 };
	static const struct {
		const char *name, *links;
		int kind, alive, link;
	} t[] = {
		{ "light, all idle", ".....", Light, 0, 0 },
		{ "light, beside a game", ".....", Light, 1, 0 },
		{ "light, first full for 5 ms", "b....", Light, 0, Waits },
		{ "light, first full for 100 ms", "f....", Light, 0, 1 },
		{ "light, first saturated, beside a game",
		  "s....", Light, 1, 0 },
		{ "light, first and second full", "ff...", Light, 0, 2 },
		{ "light, first full, second saturated",
		  "fs...", Light, 0, 2 },
		{ "light, all saturated: earliest arrival",
		  "sssss", Light, 0, 0 },
		{ "light, all saturated, beside a game",
		  "sssss", Light, 1, 0 },
		{ "light, one has room", "fffsf", Light, 0, 3 },
		{ "light, all full", "fffff", Light, 0, Waits },
		{ "light, first down", "d....", Light, 0, 1 },
		{ "light, first probing", "p....", Light, 0, 1 },
		{ "light, first two down", "dd...", Light, 0, 2 },
		{ "light, only the last is up", "dddd.", Light, 0, 4 },
		{ "light, all down", "ddddd", Light, 0, Waits },
		{ "light, first lossy", "l....", Light, 0, 1 },
		{ "light, all lossy", "lllll", Light, 0, 0 },
		{ "light, too big for the first", "m....", Light, 0, 1 },

		{ "heavy, all idle", ".....", Heavily, 0, 1 },
		{ "heavy, one full", ".f...", Heavily, 0, 2 },
		{ "heavy, one saturated", ".s...", Heavily, 0, 2 },
		{ "heavy, Starlink saturated", ".ssss", Heavily, 0, 1 },
		{ "heavy, Starlink full", ".ffff", Heavily, 0, 0 },
		{ "heavy, Starlink full, beside a game",
		  ".ffff", Heavily, 1, 0 },
		{ "heavy, full, ADSL saturated", "sffff", Heavily, 0, 0 },
		{ "heavy, full, ADSL saturated, beside a game",
		  "sffff", Heavily, 1, Waits },
		{ "heavy, all full", "fffff", Heavily, 0, Waits },
		{ "heavy, one down", ".d...", Heavily, 0, 2 },
		{ "heavy, ADSL down", "d....", Heavily, 0, 1 },
		{ "heavy, Starlink down", ".dddd", Heavily, 0, 0 },
		{ "heavy, Starlink down, beside a game",
		  ".dddd", Heavily, 1, 0 },
		{ "heavy, one lossy", ".l...", Heavily, 0, 2 },
		{ "heavy, too big for one", ".m...", Heavily, 0, 2 },
		{ "heavy, all down", "ddddd", Heavily, 0, Waits },

		{ "express, all idle", ".....", Urgent, 1, 0 },
		{ "express has the rest of a saturated link",
		  "sffff", Urgent, 1, 0 },
		{ "express, first full", "f....", Urgent, 1, 1 },
		{ "express, first down", "d....", Urgent, 1, 1 },
		{ "express, first lossy", "l....", Urgent, 1, 1 },
		{ "express, all full", "fffff", Urgent, 1, Waits },
		{ "express, all down", "ddddd", Urgent, 1, Waits },

		{ "ACK, all idle", ".....", Acks, 0, 0 },
		{ "ACK, first saturated", "s....", Acks, 0, 1 },
		{ "ACK, first full", "f....", Acks, 0, 1 },
		{ "ACK, first down", "d....", Acks, 0, 1 },
		{ "ACK, all full", "fffff", Acks, 0, Waits },
		{ "ACK, all down", "ddddd", Acks, 0, Waits },
	};
	int i, j, link, first;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; j < Nlinks; j++)
			linkis(&bond[j], t[i].links[j]);
		queues.lastexpress = t[i].alive ? now - MS(100) : 0;
		weighs(7, t[i].kind == Heavily);
		queues.flows[7].turn.last = now;
		if (t[i].kind == Acks)
			tcpin(1, 5000, TcpAck, 1000, "");
		else if (t[i].kind == Urgent)
			enqueue(waiting(Express, 7, 100, 0, 0));
		else
			enqueue(waiting(Ordered, 7, 1200, 0, 0));
		schedule();
		for (j = 0; t[i].kind == Acks && j < 4; j++) {
			now += MS(1);
			schedule();
		}
		for (first = Waits, link = Nlinks - 1; link >= 0; link--)
			if (peerdata(link))
				first = link;
		want("link", t[i].link, first);
		verdict(t[i].name);
	}

	anew(Client);
	enqueue(waiting(Express, 7, 100, 0, 0));
	schedule();
	want("by the best link", 1, peerdata(0));
	want("by others", expresscopies, peerall());
	for (i = 1; i < Nlinks; i++)
		linkis(&bond[i], 's');
	enqueue(waiting(Express, 7, 100, 0, 0));
	schedule();
	want("by the best link alone", 1, peerall());
	verdict("express, copied where there is room to spare");
}

/* how long a packet would wait for a best link of 10 Mbit/s */
static void
testlightwait(void)
{
	static const struct {
		const char *name;
		int elastic, ahead;   /* us, of what the link was given */
		int bytes, steadybytes; /* of light flows; not elastic ones */
		double light, steady, own; /* Mbit/s, as noted */
		int queue, flows, hosts; /* queue: bytes of the flow */
		int us;
	} t[] = {
		{ "nothing waits", 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0 },
		{ "the link was idle", 0, -999, 0, 0, 0, 0, 0, 0, 1, 1, 0 },
		{ "it has enough", 0, 5000, 0, 0, 0, 0, 0, 0, 1, 1, 5000 },
		{ "itself", 0, 0, 1000, 1000, 0, 0, 0, 1000, 1, 1, 800 },
		{ "behind what the link has", 0, 5000, 1000, 1000, 0, 0, 0,
		  1000, 1, 1, 5800 },
		{ "others send on", 0, 0, 1000, 1000, 5, 5, 0, 1000, 1, 1,
		  1600 },
		{ "it sends on itself", 0, 0, 1000, 1000, 5, 5, 5, 1000, 1,
		  1, 800 },
		{ "others send too much", 0, 0, 1000, 1000, 12, 12, 0, 1000,
		  1, 1, 6400 },
		{ "UDP does not wait for TCP", 0, 0, 50000, 1000, 9, 0, 0,
		  1000, 9, 9, 800 },
		{ "TCP waits for UDP", 1, 0, 5000, 4000, 5, 5, 0, 1000, 9, 9,
		  8000 },
		{ "and for TCP", 1, 0, 5000, 0, 5, 0, 0, 1000, 9, 9, 8000 },
		{ "its turn comes before that", 0, 0, 90000, 90000, 0, 0, 0,
		  1000, 3, 2, 4800 },
		{ "of TCP too", 1, 0, 90000, 0, 0, 0, 0, 2000, 1, 3, 4800 },
	};
	Flow *f;
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		f = &queues.flows[7];
		f->need.elastic = t[i].elastic;
		f->need.rate = MBIT(t[i].own);
		f->queue.bytes = t[i].queue;
		f->host = 3;
		queues.hosts[3].flows.n = t[i].flows;
		queues.round.n = t[i].hosts;
		queues.lightbytes = t[i].bytes;
		queues.steadybytes = t[i].steadybytes;
		queues.light = MBIT(t[i].light);
		queues.steady = MBIT(t[i].steady);
		bond[0].pace.clock = now + t[i].ahead * Us;
		want("us", t[i].us, lightwait(f, &bond[0]) / Us);
		verdict(t[i].name);
	}
}

/* From how many ms on a packet that would wait for the best link goes by
 * another. The others take 30 ms more. */
static void
testpatience(void)
{
	static const struct {
		const char *name;
		int kind, lately, heavy;
		const char *links;    /* as in testselect */
		int later;            /* ms, the others, than usual */
		int steady;           /* bytes of UDP that wait */
		int ms;               /* -1: never */
	} t[] = {
		{ "UDP", 'u', 0, 0, ".....", 0, 0, 60 },
		{ "UDP behind UDP", 'u', 0, 0, ".....", 0, 9000, 60 },
		{ "UDP of more than 48 KiB", 'u', Heavy + 1, 0, ".....", 0,
		  0, 60 },
		{ "TCP", 't', 0, 0, ".....", 0, 0, 30 },
		{ "TCP of 48 KiB", 't', Heavy, 0, ".....", 0, 0, 30 },
		{ "TCP of more", 't', Heavy + 1, 0, ".....", 0, 0, 20 },
		{ "QUIC", 'q', 0, 0, ".....", 0, 0, 30 },
		{ "QUIC of more", 'q', Heavy + 1, 0, ".....", 0, 0, 20 },
		{ "TCP, the others are far", 't', Heavy, 0, ".....", 100, 0,
		  130 },
		{ "TCP of more, far", 't', Heavy + 1, 0, ".....", 100, 0,
		  20 },
		{ "UDP, far", 'u', Heavy + 1, 0, ".....", 100, 0, 160 },
		{ "TCP of more, 25 ms nearer", 't', Heavy + 1, 0, ".....",
		  -25, 0, 5 },
		{ "TCP lets UDP go first", 't', 0, 0, ".....", 0, 9000, 30 },
		{ "QUIC does so, too", 'q', 0, 0, ".....", 0, 9000, 30 },
		{ "heavy", 'u', 0, 1, ".....", 0, 0, 0 },
		{ "the others are full", 'u', 0, 0, ".ffff", 0, 0, -1 },
		{ "TCP, they are full", 't', Heavy + 1, 0, ".ffff", 0, 0,
		  -1 },
		{ "all but one are", 'u', 0, 0, ".ff.f", 0, 0, 60 },
		{ "saturated", 'u', 0, 0, ".ssss", 0, 0, 60 },
		{ "the others are down", 't', 0, 0, ".dddd", 0, 0, -1 },
	};
	Flow *f;
	Link *l;
	Pkt *p;
	int i, j, ms, at;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; j < Nlinks; j++)
			linkis(&bond[j], t[i].links[j]);
		for (j = 0; j < Nlinks; j++) {
			bond[j].roomy = 1;
			bond[j].delay.owd += j > 0 ? MS(t[i].later) : 0;
		}
		p = netpacket(t[i].kind, 1, 5000, 1000);
		f = &queues.flows[p->flow = 7];
		f->need.elastic = elastic(p);
		f->need.bytes[1] = t[i].lately;
		weighs(7, t[i].heavy);
		flowput(f, p);
		queues.lightbytes += t[i].steady;
		queues.steadybytes += t[i].steady;
		l = selectlink(f);
		want("waits at once", t[i].steady && f->need.elastic, !l);
		for (at = -1, ms = 0; ms < 200 && at < 0; ms++) {
			bond[0].pace.clock = now + MS(ms);
			survey.known = 0;
			if ((l = selectlink(f)) && l != &bond[0])
				at = ms;
		}
		want("ms", t[i].ms, at);
		verdict(t[i].name);
	}

	anew(Client);
	survey.step = 0;
	f = &queues.flows[7];
	f->need.elastic = 1;
	f->need.bytes[1] = Heavy + 1;
	flowput(f, waitingtcp(Ordered, 7, 1000, 0));
	bond[0].pace.clock = now + MS(28);
	want("waits", 1, !selectlink(f));
	survey.step = 1;
	survey.known = 0;
	wantin("waits no longer", 1, 4, selectlink(f) - bond);
	verdict("TCP of more, no quick link");

	for (i = 0; i < 2; i++) {
		anew(Client);
		bond[2].delay.owd = MS(30);
		bond[2].score += 500;
		linkis(&bond[0], 'f');
		for (j = 1; i && j < Nlinks; j++)
			linkis(&bond[j], 's');
		f = &queues.flows[7];
		flowput(f, waiting(Ordered, 7, 1000, 0, 1));
		want("link", i + 1, selectlink(f) - bond);
	}
	verdict("the one of least score, or else of earliest arrival");

	anew(Client);
	f = &queues.flows[7];
	enqueue(waiting(Ordered, 7, 1000, 0, 1));
	bond[0].flight.bytes = bond[0].control.window + 1;
	schedule();
	want("sent", 0, peerall());
	bond[0].flight.bytes--;
	schedule();
	want("sent", 1, peerdata(0));
	verdict("too much is on its way by the best link: it waits");

	anew(Client);
	rateceil(&bond[0], MBIT(70), MBIT(70));
	windowset(&bond[0]);
	linksare(1, LinkDown);
	queues.flows[7].need.elastic = 1;
	for (i = 0; i < 3; i++)
		enqueue(waitingtcp(Ordered, 7, 1000, i));
	enqueue(waiting(Ordered, 8, 1200, 0, 9));
	enqueue(waitingtcp(Ordered, 7, 1000, 3));
	schedule();
	want("sent", 5, peerdata(0));
	verdict("TCP goes as soon as UDP has gone");
}

/* bytes of light flows that wait, and of those that are not elastic */
static void
testlightbytes(void)
{
	static const struct {
		const char *name;
		int tcp, heavy, then; /* then: heavy when they go */
		int light, steady;    /* packets */
	} t[] = {
		{ "light UDP", 0, 0, 0, 3, 3 },
		{ "light TCP", 1, 0, 0, 3, 0 },
		{ "heavy UDP", 0, 1, 1, 0, 0 },
		{ "heavy TCP", 1, 1, 1, 0, 0 },
		{ "UDP goes", 0, 0, 1, 3, 3 },
		{ "TCP goes", 1, 0, 1, 3, 0 },
		{ "UDP comes back", 0, 1, 0, 0, 0 },
	};
	int i, j;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		weighs(7, t[i].heavy);
		for (j = 0; j < 3; j++)
			enqueue((t[i].tcp ? waitingtcp(Ordered, 7, 1000, 0) :
			    waiting(Ordered, 7, 1000, 0, 0)));
		want("bytes", t[i].light * 1000, queues.lightbytes);
		want("steady", t[i].steady * 1000, queues.steadybytes);
		weighs(7, t[i].then);
		pktfree(flowget(&queues.flows[7]));
		want("bytes", t[i].light * 2000 / 3, queues.lightbytes);
		want("steady", t[i].steady * 2000 / 3, queues.steadybytes);
		droplongest();
		droplongest();
		want("queued", 0, queues.queued);
		want("bytes", 0, queues.lightbytes);
		want("steady", 0, queues.steadybytes);
		verdict(t[i].name);
	}
}

/* The rank of a link for heavy flows; the group is at 40 ms. f free, F full, q
 * quicker, Q that and saturated, s slower, - not at all. */
static void
testrankheavy(void)
{
	static const struct {
		const char *name;
		int way;              /* ms */
		int score;            /* above the least of the group */
		int saturated, spare, full, quick; /* quick: kept empty */
		int rank;
	} t[] = {
		{ "of the group", 40, 0, 0, 0, 0, 0, 'f' },
		{ "saturated", 40, 0, 1, 0, 0, 0, 'F' },
		{ "10 ms quicker", 30, 0, 0, 0, 0, 0, 'f' },
		{ "10 ms slower", 50, 0, 0, 0, 0, 0, 'f' },
		{ "of nearly that score", 40, 100, 0, 0, 0, 0, 'f' },
		{ "of a worse score", 40, 101, 0, 0, 0, 0, 'F' },
		{ "much quicker", 10, 0, 0, 0, 0, 0, 'q' },
		{ "11 ms quicker", 29, 0, 0, 0, 0, 0, 'q' },
		{ "much quicker, of a worse score", 10, 999, 0, 0, 0, 0,
		  'q' },
		{ "much quicker, saturated", 10, 0, 1, 0, 0, 0, 'Q' },
		{ "kept for express packets", 10, 0, 0, 0, 0, 1, 'q' },
		{ "that and saturated", 10, 0, 1, 0, 0, 1, '-' },
		{ "11 ms slower", 51, 0, 0, 0, 0, 0, 's' },
		{ "slower, saturated", 51, 0, 1, 0, 0, 0, 's' },
		{ "40 ms slower", 80, 0, 0, 0, 0, 0, 's' },
		{ "much slower", 81, 0, 0, 0, 0, 0, '-' },
		{ "full", 40, 0, 0, 0, 1, 0, '-' },
		{ "spare", 40, 20000, 0, 1, 0, 0, 'F' },
		{ "spare and quick", 10, 20000, 0, 1, 0, 0, 'q' },
		{ "spare and much slower", 999, 20000, 0, 1, 0, 0, 's' },
		{ "spare and full", 999, 20000, 0, 1, 1, 0, '-' },
	};
	static const char ranks[] = "fFqQs";
	Link *l = &bond[1];
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		want("group", MS(40), survey.groupdelay);
		l->delay.way = MS(t[i].way);
		l->score = survey.groupscore + t[i].score;
		l->spare = t[i].spare;
		l->roomy = !t[i].full;
		if (t[i].saturated)
			l->pace.satclock = now + MS(100) + l->pace.burst;
		survey.quick = t[i].quick ? l : NULL;
		queues.lastexpress = now;
		want("rank", t[i].rank == '-' ? INT64_MAX :
		    strchr(ranks, t[i].rank) - ranks, rankheavy(l));
		verdict(t[i].name);
	}

	anew(Client);
	rateceil(&bond[0], MBIT(3), MBIT(3));
	survey.quick = &bond[0];
	bond[0].roomy = 1;
	queues.lastexpress = now;
	want("a slow one is kept empty", 0, rankheavy(&bond[0]) <
	    INT64_MAX);
	survey.step = 0;
	want("not if links are alike", 1, rankheavy(&bond[0]) < INT64_MAX);
	survey.step = 1;
	queues.lastexpress = now - Pause;
	want("not without express packets", 1, rankheavy(&bond[0]) <
	    INT64_MAX);
	queues.lastexpress = now;
	rateceil(&bond[0], MBIT(70), MBIT(70));
	want("nor if it is fast", 1, rankheavy(&bond[0]) < INT64_MAX);
	verdict("a link kept for express packets");
}

/* what one turn after the other does, half a second of each load */
static void
testload(void)
{
	enum { Turns = 500 };     /* of 1 ms */
	static const struct {
		const char *name;
		int heavy, rate, game; /* rate: packets offered in 10 ms */
		int least[Nlinks], most[Nlinks]; /* percent of their rate */
	} t[] = {
		{ "nothing", 0, 0, 0,
		  { 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 } },
		{ "a game", 0, 0, 1,
		  { 1, 0, 0, 0, 0 }, { 2, 0, 0, 0, 0 } },
		{ "a light flow, 60 % of ADSL", 0, 6, 0,
		  { 58, 0, 0, 0, 0 }, { 62, 0, 0, 0, 0 } },
		{ "a light flow, all that goes", 0, 3000, 0,
		  { 95, 97, 97, 97, 97 }, { 101, 101, 101, 101, 101 } },
		{ "a heavy flow, 60 % of ADSL", 1, 6, 0,
		  { 0, 1, 1, 1, 1 }, { 0, 3, 3, 3, 3 } },
		{ "a heavy flow, all that goes", 1, 3000, 0,
		  { 97, 97, 97, 97, 97 }, { 101, 101, 101, 101, 101 } },
		{ "a heavy flow beside a game", 1, 3000, 1,
		  { 77, 97, 97, 97, 97 }, { 83, 101, 101, 101, 101 } },
	};
	static uint8_t d[Room];
	int64_t bits[Nlinks], late;
	int i, j, turns, n;
	char name[32];

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		queues.lastexpress = t[i].game ? now : 0;
		memset(bits, 0, sizeof(bits));
		late = 0;
		for (turns = 0; turns < Turns; turns++) {
			now += MS(1);
			weighs(7, t[i].heavy);
			n = t[i].rate > 100 ? 100 - queues.flows[7].queue.len :
			    turns % 10 == 0 ? t[i].rate : 0;
			while (n-- > 0)
				enqueue(waiting(Ordered, 7, 1153, 0, 0));
			if (t[i].game && turns % 15 == 0)
				enqueue(waiting(Express, 8, 100, 0, 0));
			schedule();
			late += queues.express.len;
			allcame();
			for (j = 0; j < Nlinks; j++)
				while ((n = peerread(j, d)) >= 0)
					bits[j] += (n + 88) * 8;
		}
		for (j = 0; j < Nlinks; j++) {
			snprintf(name, sizeof(name), "percent of link %d", j);
			wantin(name, t[i].least[j], t[i].most[j], bits[j] *
			    100000 / Turns / bond[j].pace.ceil[0]);
		}
		want("turns that express packets waited", 0, late);
		verdict(t[i].name);
	}
}

/* ack */

/* ACKs that say the same again, or more than where they are, all go out; of
 * the others the newest does, and none goes backwards */
static void
testacks(void)
{
	static const struct {
		const char *name;
		int flags, n, step;   /* step: bytes to the next */
		int least, most;      /* ACKs sent */
		uint32_t begin;
		const char *options, *odd; /* odd: of each third */
		int flips;            /* flags that the next has not */
	} t[] = {
		{ "duplicates", TcpAck, 20, 0, 20, 20, 1000, "", "", 0 },
		{ "with SACK", TcpAck, 20, 1448, 20, 20, 1000,
		  "0101 050a 7be4 11fd 7be4 17a5",
		  "0101 050a 7be4 11fd 7be4 17a5", 0 },
		{ "of a young flow", TcpAck, 10, 1448, 10, 10, 1000, "", "",
		  0 },
		{ "of a download", TcpAck, 3000, 2896, 50, 1000, 1000, "", "",
		  0 },
		{ "of a download, timestamps", TcpAck, 3000, 2896, 50, 1000,
		  1000, Stamp, Stamp, 0 },
		{ "across 2^32", TcpAck, 3000, 2896, 50, 1000,
		  UINT32_C(0xffc00000), "", "", 0 },
		{ "with ECE", TcpAck | TcpEce, 3000, 2896, 50, 1000, 1000, "",
		  "", 0 },
		{ "with AccECN", Ace5, 3000, 2896, 50, 1000, 1000, "", "", 0 },
		{ "with AccECN, timestamps", Ace5, 3000, 2896, 50, 1000, 1000,
		  Stamp, Stamp, 0 },
		{ "with AccECN and all its options", Ace5, 3000, 2896, 50,
		  1000, 1000, Stamp Ace0, Stamp Ace0, 0 },
		{ "with AccECN and short options", Ace5, 3000, 2896, 50, 1000,
		  1000, "ae05 0000 0101 ac02", "ac08 0000 0100 0001", 0 },
		{ "with AccECN and options at times", Ace5, 3000, 2896, 50,
		  1000, 1000, Stamp, Stamp Ace0, 0 },
		{ "with AccECN, AE moves", Ace5, 300, 2896, 300, 300, 1000,
		  Stamp Ace0, Stamp Ace0, 0x100 },
		{ "with AccECN, CWR moves", Ace5, 300, 2896, 300, 300, 1000,
		  Stamp, Stamp, TcpCwr },
		{ "with AccECN, ECE moves", Ace5, 300, 2896, 300, 300, 1000,
		  Stamp, Stamp, TcpEce },
		{ "with AccECN and SACK", Ace5, 300, 2896, 300, 300, 1000,
		  "ac02 050a 7be4 11fd 7be4 17a5",
		  "ac02 050a 7be4 11fd 7be4 17a5", 0 },
		{ "an option of no length", Ace5, 300, 2896, 300, 300, 1000,
		  "ac00 0101", "ac00 0101", 0 },
		{ "an option too long", Ace5, 300, 2896, 300, 300, 1000,
		  "0101 ac03", "0101 ac03", 0 },
		{ "an option cut short", Ace5, 300, 2896, 300, 300, 1000,
		  "0101 01ac", "0101 01ac", 0 },
	};
	static uint8_t d[Room];
	uint32_t ackno, newest;
	int i, j, k, n, at, len, out, back, first;
	Rec r;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		ackno = newest = t[i].begin;
		for (out = back = j = 0; j < t[i].n + 50; j++) {
			now += 300 * Us;
			if (j < t[i].n) {
				ackno += t[i].step;
				tcpin(1, 5000, t[i].flags ^
				    (j % 2 * t[i].flips), ackno, j % 3 ?
				    t[i].options : t[i].odd);
			}
			schedule();
			for (k = 0; k < Nlinks; k++)
				while ((len = peerread(k, d)) >= 0)
					for (at = 0; (n = decode(d + at, len -
					    at, &r)) > 0; at += n) {
						back += (int32_t)(get(d + at +
						    HdrLen + 28, 4) - newest) <
						    0;
						newest = get(d + at + HdrLen +
						    28, 4);
						out += !(r.flags &
						    FlagRepair);
					}
		}
		want("went backwards", 0, back);
		wanthex("newest", ackno, newest);
		wantin("sent", t[i].least, t[i].most, out);
		want("sent and merged", t[i].n, out + counts[CntMerged]);
		want("bytes that wait", 0, queues.acks.bytes);
		allcame();
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}

	anew(Client);
	for (i = 0; i < 20; i++)
		tcpin(1, 5000 + i, TcpAck, 1000, "");
	schedule();
	for (n = i = 0; i < Nlinks; i++)
		n += peerbut(i, FlagRepair);
	want("sent", 20, n);
	verdict("of twenty flows");

	anew(Client);
	first = tcpin(1, 5000, TcpAck, 1000, "");
	for (i = 1; i < 1000; i++) {
		now += 300 * Us;
		ackno = 1000 + i * 2896;
		tcpin(1, 5000, TcpAck, ackno, "");
		schedule();
	}
	discard();
	now += SEC(1);
	schedule();
	tcpin(1, 5000, TcpAck, ackno += 2896, "");
	schedule();
	out = counts[CntMerged];
	tcpin(1, 5000, TcpAck, ackno += 2896, "");
	for (i = 2; tcpin(i, 5000, TcpAck, ackno + 2896, "") != first; i++)
		;
	want("merged", out, counts[CntMerged]);
	verdict("of two hosts whose flows share a queue");
}

/* ACKs of a long download, one each ms, that come out in lumps */
static void
testlumps(void)
{
	static const struct {
		const char *name;
		int same, least, most; /* ms without one, at most */
	} t[] = {
		{ "one link is quicker", 0, 18, 22 },
		{ "links of one delay", 1, 1, 3 },
	};
	int i, j, gap, most;
	uint32_t ackno = 1000;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; t[i].same && j < Nlinks; j++)
			bond[j].delay = bond[0].delay;
		surveylinks();
		tcpin(1, 5000, TcpAck, ackno, "");
		tcpin(1, 5000, TcpAck, ackno += 3 << 20, "");
		schedule();
		discard();
		for (gap = most = j = 0; j < 1000; j++) {
			now += MS(1);
			tcpin(1, 5000, TcpAck, ackno += 28960, "");
			schedule();
			gap = peerall() ? 0 : gap + 1;
			most = MAX(most, gap);
		}
		wantin("ms", t[i].least, t[i].most, most);
		verdict(t[i].name);
	}
}

/* flow */

/* two flows that always have packets share a link of 10 Mbit/s */
static void
testfair(void)
{
	static const struct {
		const char *name;
		int len[2], heavy[2];
	} t[] = {
		{ "equal packets", { 1200, 1200 }, { 1, 1 } },
		{ "large and small packets", { 1300, 100 }, { 1, 1 } },
		{ "heavy and light", { 1200, 1200 }, { 1, 0 } },
		{ "many light ones", { 1200, 700 }, { 0, 0 } },
	};
	static uint8_t d[Room];
	int64_t bytes[2];
	int i, j, n, ms, out;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		linksare(1, LinkDown);
		bytes[0] = bytes[1] = 0;
		for (ms = 0; ms < 2000; ms++) {
			now += MS(1);
			for (j = 0; j < 2; j++) {
				weighs(j + 1, t[i].heavy[j]);
				/* no queue that CoDel would mind */
				while (queues.flows[j + 1].queue.bytes < 3000)
					enqueue(waiting(Ordered, j + 1,
					    t[i].len[j], 0, j));
			}
			schedule();
			forget(0);
			while ((n = peerread(0, d)) >= 0)
				bytes[markof(ipof(d))] += n - HdrLen;
		}
		wantin("bytes of 100, first flow", 48, 52, bytes[0] * 100 /
		    (bytes[0] + bytes[1]));
		want("dropped", 0, drops[DropCodel] + drops[DropQueue]);
		verdict(t[i].name);
	}

	anew(Client);
	linksare(1, LinkDown);
	for (i = 0; i < 300; i++)
		enqueue(waiting(Ordered, 1 + i % 3, 1200, 0, 1));
	for (ms = 0; ms < 20; ms++) {
		now += MS(1);
		schedule();
	}
	while (peerread(0, d) >= 0)
		;
	enqueue(waiting(Ordered, 9, 600, 0, 9));
	for (out = 0, ms = 0; ms < 20; ms++) {
		now += MS(1);
		schedule();
		while ((n = peerread(0, d)) >= 0) {
			if (markof(ipof(d)) == 9)
				ms = 20;
			out++;
		}
	}
	wantin("packets sent till it went", 1, 3, out);
	verdict("a new flow goes before the queues of old ones");
}

/* a queue that stands for 2 s, 10 Mbit/s, one link */
static void
testcodel(void)
{
	static const struct {
		const char *name;
		int ecn, packets, heavy; /* packets: in the queue */
		int drops, marks;
	} t[] = {
		{ "10 packets", 0, 10, 1, 0, 0 },
		{ "100 packets", 0, 100, 1, 1, 0 },
		{ "100 packets, ECN", 2, 100, 1, 0, 1 },
		{ "10 packets, ECN", 2, 10, 1, 0, 0 },
	};
	static uint8_t d[Room];
	int len;
	Pkt *p;
	int i, j, n, ms, marks;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		linksare(1, LinkDown);
		for (marks = 0, ms = 0; ms < 2000; ms++) {
			now += MS(1);
			weighs(1, t[i].heavy);
			while (queues.flows[1].queue.len < t[i].packets)
				enqueue(waiting(Ordered, 1, 1200, t[i].ecn,
				    1));
			schedule();
			allcame();
			while ((n = peerread(0, d)) >= 0) {
				want("checksum", 0xffff, ipsum(ipof(d)));
				marks += (ipof(d)[1] & 3) == 3;
			}
			if (ms == CodelInterval / MS(1) - 10)
				want("before an interval", 0,
				    marks + drops[DropCodel]);
		}
		wantin("dropped", t[i].drops, t[i].drops ? 200 : 0,
		    drops[DropCodel]);
		wantin("marked", t[i].marks, t[i].marks ? 200 : 0, marks);
		verdict(t[i].name);
	}

	anew(Client);
	queues.shared = now;
	want("ns", CodelTarget, codeltarget());
	verdict("target, all at their rates");
	for (j = 1; j < Nlinks; j++)
		bond[j].pace.rate /= 2;
	surveylinks();
	want("ns", CodelTarget / 100 * (29000 / 150), codeltarget());
	verdict("when rates have fallen");
	for (j = 0; j < Nlinks; j++)
		bond[j].pace.rate = 1000000;
	surveylinks();
	want("ns", 3 * CodelTarget, codeltarget());
	verdict("when they have fallen far");
	for (j = 0; j < 200; j++)
		second();
	want("ns", CodelTarget, codeltarget());
	verdict("long after that");

	for (i = 0; i < 3; i++) {
		anew(Client);
		for (j = 0; j < 3000; j++) {
			now += MS(1);
			n = i == 2 ? j % 1000 == 0 : i && j % 500 == 499;
			weighs(1 + n, 1);
			bond[1].pace.clock = bond[1].pace.satclock = 0;
			transmit(&bond[1], waiting(Ordered, 1 + n, 100, 0, 0));
			linkflush(&bond[1]);
			allcame();
			discard();
		}
		if (i == 0)
			wantin("ns", 2 * CodelTarget, INT64_MAX,
			    codeltarget());
		else if (i == 1)
			want("ns", CodelTarget, codeltarget());
		now += Second + 1;
		wantin("ns, later", 2 * CodelTarget, INT64_MAX, codeltarget());
		if (i < 2)
			verdict(i ? "two heavy flows share a queue" :
			    "a lone heavy flow may have a longer one");
	}

	anew(Client);
	linksare(0, LinkDown);
	for (i = 0; i < 50; i++)
		enqueue(waiting(Ordered, 1, 1200, 0, i));
	now += Second + 1;
	enqueue(waiting(Ordered, 1, 1200, 0, 50));
	linksare(0, LinkUp);
	schedule();
	want("dropped", 50, drops[DropStale]);
	want("sent", 1, peerall());
	verdict("no packet waits longer than a second");

	anew(Client);
	linksare(0, LinkDown);
	for (i = 0; i < 50; i++) {
		enqueue(waiting(Ordered, 1, 100, 0, i));
		enqueue(waiting(Express, 1, 100, 0, i));
		tcpin(1, i, TcpAck, 1000, "");
	}
	schedule();
	now += Second + 1;
	linksare(0, LinkUp);
	schedule();
	want("dropped", 150, drops[DropStale]);
	want("packets not in the pool", 0, inuse());
	enqueue(waiting(Ordered, 1, 1200, 0, 1));
	schedule();
	want("sent", 1, peerall());
	verdict("queues of which all is stale");

	for (i = 0; i < 3; i++) {
		anew(Client);
		linksare(0, LinkDown);
		len = ippacket(d, 100, 46 << 2, i == 1 ? 53 : 4000, 1);
		d[9] = i == 2 ? IPPROTO_ICMP : IPPROTO_UDP;
		p = packetof(d, len);
		classify(p);
		want("class", Express, p->class);
		enqueue(p);
		now += MS(250) + 1;
		linksare(0, LinkUp);
		schedule();
		want("dropped", i != 1, drops[DropStale]);
	}
	verdict("a game's packet waits a quarter of one, a question not");
}

/* more packets than there is room for, while no link works */
static void
testlongest(void)
{
	int i;

	anew(Client);
	linksare(0, LinkDown);
	for (i = 0; i < 10; i++)
		enqueue(waiting(Ordered, 2, 100, 0, i));
	for (i = 0; i < 2 * queuepkts; i++) {
		enqueue(waiting(Ordered, 1, 1200, 0, i));
		wantin("queued", 0, queuepkts, queues.queued);
	}
	want("of the thin flow", 10, queues.flows[2].queue.len);
	want("dropped", 2 * queuepkts + 10 - queues.queued, drops[DropQueue]);
	want("the newest", 2 * queuepkts - 1,
	    markof(queues.flows[1].queue.tail->data));
	want("packets not in the pool", queues.queued, inuse());
	verdict("the longest queue loses, from its head");

	anew(Client);
	linksare(0, LinkDown);
	for (i = 0; i < 2 * queuepkts; i++) {
		enqueue(waiting(Express, 1, 100, 0, i));
		tcpin(1, i, TcpAck, 1000, "");
	}
	wantin("express", 1, queuepkts / 4, queues.express.len);
	wantin("ACKs", 1, queuepkts / 4, queues.acks.len);
	want("the newest", 2 * queuepkts - 1,
	    markof(queues.express.tail->data));
	want("packets not in the pool", queues.express.len + queues.acks.len,
	    inuse());
	verdict("the other queues are bounded too");
}

/* Links of these priorities and RTTs; a letter says how each is, as linkis()
 * has it, or z, it stalls. The others are down. */
static void
spareare(const int *prio, const int *rtt, const char *how)
{
	Link *l;

	for (l = bond; l < bond + Nlinks; l++)
		l->state = LinkDown;
	for (l = bond; *how; l++, how++) {
		l->state = LinkUp;
		l->prio = *prio++;
		l->delay.srtt = l->delay.rtt = MS(*rtt++);
		l->score = score(l->prio, l->delay.rtt, 0, 0);
		if (*how == 'z')
			l->flight.stalled = now;
		else
			linkis(l, *how);
	}
	surveylinks();
}

/* Which links are used: b the best one, u another, s a spare one, - spare and
 * not used at all, x not used either. */
static void
testspare(void)
{
	static const struct {
		const char *name;
		int prio[3], rtt[3];
		const char *how, *are;
	} t[] = {
		{ "alike", { 1, 2, 2 }, { 20, 80, 80 }, "...", "buu" },
		{ "worse than saturation", { 1, 11, 11 }, { 20, 20, 21 },
		  "...", "bus" },
		{ "by RTT", { 2, 1, 2 }, { 20, 1121, 1020 }, "...", "bsu" },
		{ "not so if the best is down", { 1, 2, 60 }, { 20, 20, 20 },
		  "dd.", "xxb" },
		{ "of the others", { 1, 40, 60 }, { 20, 20, 20 }, "d..",
		  "xbs" },
		{ "a backup", { 1, 61, 60 }, { 20, 20, 20 }, "...", "b-s" },
		{ "however quick", { 60, 61, 60 }, { 999, 1, 999 }, "...",
		  "b-u" },
		{ "the other is down", { 1, 61, 61 }, { 20, 80, 600 }, "d..",
		  "xbu" },
		{ "or probing", { 1, 61, 61 }, { 20, 80, 600 }, "p..",
		  "xbu" },
		{ "or stalls", { 1, 61, 61 }, { 20, 80, 600 }, "z..",
		  "xbu" },
		{ "or is lossy", { 1, 61, 61 }, { 20, 80, 600 }, "l..",
		  "b--" },
		{ "one of two others stalls", { 1, 61, 2 }, { 20, 80, 80 },
		  "z..", "x-b" },
		{ "a spare one is left", { 1, 61, 60 }, { 20, 80, 80 },
		  "d..", "x-b" },
		{ "all stall", { 1, 61, 2 }, { 20, 80, 80 }, "zzz", "bsu" },
		{ "the others stall, and a backup", { 1, 61, 61 },
		  { 20, 80, 80 }, "zz.", "xxb" },
		{ "a backup stalls", { 1, 61, 61 }, { 20, 80, 80 }, ".z.",
		  "b--" },
		{ "nothing but backups", { 61, 61, 61 }, { 20, 80, 1100 },
		  "...", "bus" },
		{ "all are down", { 1, 61, 60 }, { 20, 80, 80 }, "ddd",
		  "x-x" },
	};
	char are[4] = "";
	int i, j;
	Link *l;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		spareare(t[i].prio, t[i].rtt, t[i].how);
		for (j = 0; j < 3; j++) {
			l = &bond[j];
			are[j] = l == survey.best ? 'b' : usable(l, NULL) ?
			    "us"[l->spare] : "x-"[l->spare];
		}
		wantstr("links", t[i].are, are);
		want("the best is spare", 0, survey.best &&
		    survey.best->spare);
		want("rate", strspn(t[i].are, "x-") == 3, !survey.rate);
		verdict(t[i].name);
	}

	anew(Client);
	bond[1].pace.rate = MBIT(100);
	bond[0].pace.rate = MBIT(.5);
	spareare((int []){ 1, 60 }, (int []){ 20, 10 }, "..");
	want("quickest", 0, survey.quickest - bond);
	want("carries", 1, carries(&bond[0]));
	want("rate", MBIT(.5), survey.rate);
	expressrate(1000000);
	queues.lastexpress = now;
	surveylinks();
	want("quick", 1, !survey.quick);
	verdict("others are judged without them");
}

/* a packet, the best link full: after so many ms it goes by the second */
static void
testsparewait(void)
{
	enum { Light, Urgent, Acks, Again };
	static const struct {
		const char *name;
		int prio, kind, ms;   /* -1: never */
	} t[] = {
		{ "light, alike", 2, Light, 0 },
		{ "light, spare", 60, Light, 31 },
		{ "light, backup", 61, Light, -1 },
		{ "express, alike", 2, Urgent, 0 },
		{ "express, spare", 60, Urgent, 31 },
		{ "express, backup", 61, Urgent, -1 },
		{ "ACK, alike", 2, Acks, 0 },
		{ "ACK, spare", 60, Acks, 31 },
		{ "ACK, backup", 61, Acks, -1 },
		{ "repair, alike", 2, Again, 0 },
		{ "repair, spare", 60, Again, 31 },
		{ "repair, backup", 61, Again, -1 },
	};
	int i, ms;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		spareare((int []){ 1, t[i].prio }, (int []){ 20, 20 }, "..");
		queues.privileged = now + Minute; /* no copies */
		if (t[i].kind == Acks) {
			linkis(&bond[0], 'f');
			tcpin(1, 1, TcpAck, 1000, "");
		} else {
			p = waiting(t[i].kind == Urgent ? Express : Ordered,
			    7, 1000, 0, 1);
			if (t[i].kind != Again)
				linkis(&bond[0], 'f');
			enqueue(p);
		}
		if (t[i].kind == Again) {
			schedule();
			want("sent", 1, peerdata(0));
			now += MS(100);
			linkis(&bond[0], 'f');
			resend(p, Missed);
		}
		for (ms = 0; ms <= 100; ms++, now += MS(1)) {
			bond[0].pace.clock = bond[0].pace.satclock =
			    now + MS(200);
			schedule();
			if (peerdata(1) > 0)
				break;
		}
		want("ms", t[i].ms < 0 ? 101 : t[i].ms, ms);
		bond[0].pace.clock = bond[0].pace.satclock = 0;
		schedule();
		want("by the best, once it has room", t[i].ms < 0,
		    peerdata(0));
		verdict(t[i].name);
	}

	/* quicker spare ones */
	anew(Client);
	spareare((int []){ 1, 60, 60 }, (int []){ 20, 20, 20 }, "...");
	bond[1].delay.owd = MS(2);
	bond[2].delay.owd = MS(9);
	for (i = 0; i < 3; i++) {
		p = waiting(Ordered, 7, 1000, 0, 1);
		p->time -= MS(31);
		bond[0].pace.clock = i ? now + MS(200) : 0;
		bond[1].pace.clock = i > 1 ? now + MS(200) : 0;
		survey.known = 0;
		want("link", i, pick(p, 0, NULL, ByArrival) - bond);
		p->time = now;
		want("not kept for others", !i,
		    pick(p, 0, NULL, ByArrival) != NULL);
		pktfree(p);
	}
	verdict("the others come first");

	for (i = 0; i < 6; i++) {
		anew(Client);
		parity = i % 2 ? 2 : 1;
		spareare((int []){ 1, i / 2 ? 59 + i / 2 : 2 },
		    (int []){ 20, 20 }, "..");
		enqueue(waiting(Express, 7, 100, 0, 1));
		schedule();
		want("sent", 1, peerdata(0));
		want("copies", i < 2, peerdata(1));
		/* not even late ones */
		p = waiting(Express, 7, 100, 0, 1);
		p->time -= MS(40);
		enqueue(p);
		schedule();
		want("sent", 1, peerdata(0));
		want("copies", i < 2, peerdata(1));
	}
	verdict("copies");

	for (i = 0; i < 3; i++) {
		anew(Client);
		spareare((int []){ 1, i ? 59 + i : 2 }, (int []){ 20, 10 },
		    "..");
		arrivedata(0, 1, 0);
		arrivedata(1, 2, 0);
		now += MS(200);
		discard();
		reportsend();
		linkflush(&bond[0]);
		linkflush(&bond[1]);
		/* by the quickest, and by another */
		wantin("by the first", 1, 200, fdread(peerfd[0], (uint8_t
		    [Room]){ 0 }));
		want("by the second", i == 0, fdread(peerfd[1], (uint8_t
		    [Room]){ 0 }) > 0);
	}
	verdict("reports");
}

/* repair */

/* adds to the log what is sent again now, which no link that works brings by
 * itself, and not by links that do not */
static void
againlog(char *log)
{
	static uint8_t d[Room];
	int times[64] = { 0 }, i, len, at, n;
	Rec r;

	schedule();
	for (i = 0; i < Nlinks; i++)
		while ((len = peerread(i, d)) >= 0)
			for (at = 0; (n = decode(d + at, len - at, &r)) > 0;
			    at += n) {
				if (!(r.flags & FlagData))
					continue;
				want("flags", FlagData | FlagRepair,
				    r.flags & ~FlagOrder);
				want("mark", r.seq, markof(ipof(d + at)));
				want("order", 1, r.flags & FlagOrder ?
				    get(d + at + HdrLen, OrderLen) : 1);
				want("by a link that works", 1,
				    usable(&bond[i], NULL));
				times[MIN(r.seq, 63)]++;
			}
	for (i = 0; i < LEN(times); i++)
		while (times[i]-- > 0)
			add(log, " %d", i);
}

/* a heartbeat that left so many ns ago has been echoed, without delay */
static void
echocomes(Link *l, int64_t ago)
{
	Tally *t = &l->beats.sent[0];
	Beat b = { 0 };

	*t = l->meter.tx;
	t->time = now - ago;
	l->beats.n = 1;
	b.echo = t->time;
	b.time = t->time + l->delay.rtt / 2;
	b.rxpkts = t->pkts;
	b.rxbytes = t->bytes;
	measure(l, &b);
}

/* Words of the script: s0110 packets go by these links, r<1,0:3,?2 a report
 * comes, see saidof(), e0-20 the echo by link 0 of a heartbeat that left 20 ms
 * ago, x0 link 0 goes down, f all links are full, u they are not, +5 5 ms go
 * by. The log has what is sent again, and | where time goes by. */
static void
sends(const char *script, char *log)
{
	char word[64];
	int link, ms, n;
	Said said;

	*log = '\0';
	for (; sscanf(script, " %63s%n", word, &n) == 1; script += n) {
		switch (word[0]) {
		case 's':
			goes(word + 1);
			break;
		case 'r':
			saidof(word + 1, &said);
			arrivesaid(0, &said);
			break;
		case 'e':
			sscanf(word, "e%d-%d", &link, &ms);
			echocomes(&bond[link], MS(ms));
			break;
		case 'x':
			linkstate(&bond[atoi(word + 1)], LinkDown, "test");
			break;
		case 'f': /* FALLTHROUGH */
		case 'u':
			for (link = 0; link < Nlinks; link++)
				bond[link].pace.clock = word[0] == 'u' ? 0 :
				    now + SEC(10);
			break;
		case '+':
			add(log, " |");
			for (ms = atoi(word); ms > 0; ms--) {
				now += MS(1);
				if (ms % 20 == 0) /* as beats() does */
					loop.nextstall = now;
				stalls();
				forget(0);
				againlog(log);
			}
			break;
		default:
			die("%s: not a word of a script", word);
		}
		againlog(log);
	}
}

/* what is on its way by each link */
static void
testflight(void)
{
	static const struct {
		const char *name, *script, *flights;
	} t[] = {
		{ "nothing", "", "" },
		{ "by one link", "s000", " 0: 1 2 3" },
		{ "by three in turn", "s01201", " 0: 1 4 1: 2 5 2: 3" },
		{ "a report of the oldest", "s000 r<1,0:1", " 0: 2 3" },
		{ "of one in the middle: those before are lost",
		  "s00000 r<1,0:3", " 0: 4 5" },
		{ "of the newest", "s000 r<1,0:3", "" },
		{ "of one link", "s0101 r<1,0:3", " 1: 2 4" },
		{ "of two links", "s010101 r<1,0:3,1:4", " 0: 5 1: 6" },
		{ "two reports", "s0000 r<1,0:2 +1 r<1,0:3", " 0: 4" },
		{ "and more packets", "s00 r<1,0:2 s0", " 0: 3" },
		{ "all gone, then more", "s01 r<3 s10", " 0: 4 1: 3" },
		{ "an echo", "s0 +2 s0 e0-1", " 0: 2" },
		{ "an echo, packets of that moment", "s00 e0-0", " 0: 1 2" },
		{ "an echo of long ago", "+9 s00 +1 e0-5", " 0: 1 2" },
		{ "an echo by another link", "s01 +5 e1-1", " 0: 1" },
		{ "an echo, then one overtaken",
		  "s0 +5 s0 +5 s0 e0-2 e0-7", " 0: 3" },
		{ "all below have come", "s0101 r<3", " 0: 3 1: 4" },
		{ "all have come", "s0101 r<5", "" },
		{ "have come, not the oldest", "s0101 r<1,1:4", " 0: 1 3" },
		{ "sent again, on its way nevertheless",
		  "s01 r<1,1:2,?1", " 0: 1" },
		{ "down", "s0101 x1", " 0: 1 3" },
		{ "down, then more by it", "s0101 x1 s11", " 0: 1 3 1: 5 6" },
		{ "down, then acknowledged", "s0101 x1 s1 r<5", " 1: 5" },
		{ "kept for a while", "s0 e0-0 +900", " 0: 1" },
		{ "not for ever", "s0 e0-0 +1600", "" },
		{ "the newest not for ever", "s0 +1000 s0 +600", " 0: 2" },
	};
	char log[LogSize];
	int i, n, most;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		sends(t[i].script, log);
		*log = '\0';
		flightlog(log);
		wantstr("flights", t[i].flights, log);
		allcame();
		*log = '\0';
		flightlog(log);
		wantstr("acknowledged", "", log);
		for (n = tx.repairs.len; n > 0; n--)
			pktfree(queueget(&tx.repairs));
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}

	/* several in a turn, behind a heartbeat */
	anew(Client);
	beat(&bond[1]);
	for (i = 0; i < 3; i++)
		transmit(&bond[1], waiting(Ordered, 7, 1000, 0, i + 1));
	linkflush(&bond[1]);
	for (i = 1; i <= 3; i++) {
		want("pkts", 1 + i, sentof(i)->pkts);
		want("bytes", 102 + i * (HdrLen + 1000) + (i - 1) * OrderLen,
		    sentof(i)->bytes);
		want("on the wire", HdrLen + 1000 + wireoverhead(&bond[1]) +
		    (i > 1 ? OrderLen : 0), sentof(i)->len);
	}
	want("pkts of the link", sentof(3)->pkts, bond[1].meter.tx.pkts);
	want("bytes of the link", sentof(3)->bytes, bond[1].meter.tx.bytes);
	want("bytes to be sent", 0, bond[1].out.bytes);
	verdict("what had been sent with each");

	anew(Client);
	for (i = most = 0; i < 3 * keeppkts; i++) {
		/* link 3 comes rarely, link 1 not after a while */
		n = i % 500 == 7 ? 3 : i % 3 == 1 && i < keeppkts ? 1 : 2;
		goes(n == 3 ? "3" : n == 1 ? "1" : "2");
		most = MAX(most, inuse());
		if (i % 1000)
			continue;
		*log = '\0';
		flightlog(log);
	}
	*log = '\0';
	flightlog(log);
	want("kept", keeppkts, most);
	want("oldest", tx.seq[LaneData] - keeppkts, tx.oldest);
	want("by link 1", 0, bond[1].flight.first);
	want("by link 1, bytes", 0, bond[1].flight.bytes);
	verdict("more than are kept");
}

/* what a report of missing packets makes the sender do */
static void
testlost(void)
{
	static const struct {
		const char *name, *script, *log;
	} t[] = {
		{ "nothing missing", "s0101 r<5,0:3,1:4", "" },
		{ "proved by its link", "s000 r<1,0:3,?1", " 1" },
		{ "two of three", "s0000 r<1,0:4,?1-2", " 1 2" },
		{ "the newest is the proof itself", "s000 r<2,0:2,?3", "" },
		{ "overtaken by another link", "s01 r<1,1:2,?1", "" },
		{ "one proved, one overtaken", "s0101 r<1,0:3,?1-2", " 1" },
		{ "proved later", "s0100 r<1,1:2,?1 +16 r<1,0:3,?1", " | 1" },
		{ "proved by an echo", "s0 +2 e0-1 s1 r<1,1:3,?1", " | 1" },
		{ "proved by the end of its link",
		  "s01 x0 r<1,1:2,?1", " 1" },
		{ "with others of its link on the way",
		  "s0000 r<1,0:2,?1 +1", " 1 |" },
		{ "bits beyond what was sent", "s000 r<1,0:3,?1,?4-40", " 1" },
		{ "acknowledged before", "s000 r<3,0:3 +1 r<1,?1-2", " |" },
		{ "all missing but the newest", "s00000 r<1,0:5,?1-4",
		  " 1 2 3 4" },
		{ "told twice within its time",
		  "s000 r<1,0:3,?1 +15 r<1,?1 +15 r<1,?1", " 1 | |" },
		{ "told when its time is over",
		  "s000 r<1,0:3,?1 +110 r<1,?1", " 1 | 1" },
		{ "each has its own time",
		  "s0000 r<1,0:4,?1 +90 r<1,?1-2 +15 r<1,?1-2",
		  " 1 | 2 | 1" },
		{ "told twice while it waits",
		  "s000 f r<1,0:3,?1 +16 r<1,?1 u", " | 1" },
		{ "overtaken and late, then proved, while it waits",
		  "s0000 f r<1,0:4,?1-3 +16 r<1,?1-3 u", " | 1 2 3" },
		{ "has come while it waits",
		  "s000 f r<1,0:3,?1 +16 r<4 u", " |" },
		{ "down: what it had goes by others", "s011 x1", " 2 3" },
		{ "waits too long", "s000 f r<1,0:3,?1 +1600 u", " |" },
		{ "told again when forgotten", "s000 +1 e0-0 +1600 r<1,0:3,?1",
		  " | |" },
	};
	char log[LogSize];
	int64_t limit;
	int i, j, n, got;
	Said said;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; j < Nlinks; j++)
			bond[j].echo.came = now + SEC(10); /* not silent */
		sends(t[i].script, log);
		wantstr("sent again", t[i].log, log);
		*log = '\0';
		flightlog(log);
		allcame();
		want("packets not in the pool", tx.repairs.len, inuse());
		verdict(t[i].name);
	}

	anew(Client);
	sends("s000 f r<1,0:3,?1", log);
	for (i = 0; i < keeppkts; i++)
		goes("1");
	sends("u", log);
	want("in its place", 1 + keeppkts, sentof(1)->p->seq);
	want("sent again", 0, sentof(1)->again);
	verdict("waits until another has its place");

	/* as much as is sent is said to be lost, again and again */
	anew(Client);
	for (got = i = 0; i < 2000; i++) {
		now += MS(1);
		for (n = 0; n < 30; n++)
			goes("1");
		if (i % 15)
			continue;
		memset(&said, 0, sizeof(said));
		said.expected = tx.oldest;
		said.time = now / Us;
		said.every = 15000;
		said.nof = 1;
		said.of[0].link = 1;
		said.of[0].newest = tx.seq[LaneData] - 1;
		said.of[0].pkts = sentof(said.of[0].newest)->pkts;
		said.of[0].bytes = sentof(said.of[0].newest)->bytes;
		said.nmissing = 400;
		memset(said.missing, 0xff, sizeof(said.missing));
		arrivesaid(0, &said);
		schedule();
		got += peerall();
		for (n = 0; n < Nlinks; n++)
			bond[n].echo.came = now;
	}
	limit = 290000000 / 8 / 1100;
	wantin("packets a second, of all that the links carry", limit / 8,
	    limit / 4, got / 3);
	verdict("repairs take a part of the links, and no more");
}

/* which links are said to have stalled, and what goes by others then */
static void
teststalls(void)
{
	static const struct {
		const char *name, *script, *log, *stalled;
	} t[] = {
		{ "on their way", "s1 +75", " |", "" },
		{ "late, may be the report", "s1 +350", " |", "" },
		{ "no report at all", "s1 +350 +20", " | | 1", "1" },
		{ "reports of many come sooner", "s111 +155 +20",
		  " | | 1 2 3", "1" },
		{ "of two not", "s11 +350 +20", " | | 1 2", "1" },
		{ "each packet once", "s111 +280 +300", " | 1 2 3 |", "1" },
		{ "later ones when they are late",
		  "s1 +340 s1 +35 +60", " | | 1 | 2", "1" },
		{ "of two links one", "s12 +75 r<1,2:2 +305", " | | 1", "1" },
		{ "of two links both", "s12 +380", " | 1 2", "12" },
		{ "a quick link sooner", "s0 +310", " | 1", "0" },
		{ "said by a report", "s1 +45 s0 +15 r<1,0:2-2 +45 s0 +15"
		  " r<1,0:3-2 +2", " | | | | 1 |", "1" },
		{ "late by a link that goes on", "s11 +90 r<1,1:1 +20 s0 +15"
		  " r<2,0:3-2", " | | | 2", "" },
		{ "late by one that goes on, once", "s11 +90 r<1,1:1 +20 s0"
		  " +15 r<2,0:3-2 s0 +5 r<2,0:4-2", " | | | 2 |", "" },
		{ "comes before it goes by another",
		  "s1 f +380 r<1,1:1 u +1", " | |", "" },
		{ "two of three do", "s111 f +280 r<1,1:2 u +1", " | 3 |",
		  "" },
		{ "goes by another, and is proved lost as it waits",
		  "s1111 f +280 r<1,1:4,?1-3 u +1", " | 1 2 3 |", "" },
		{ "progress ends it", "s1 +380 r<2,1:1 +1", " | 1 |", "" },
		{ "some progress ends it", "s11 +380 r<1,1:1 +1", " | 1 2 |",
		  "" },
		{ "progress of another does not",
		  "s12 +380 r<1,2:2 +1", " | 1 2 |", "1" },
		{ "an echo ends it", "s1 +380 e1-100 +1", " | 1 |", "" },
		{ "then again", "s1 +380 r<2,1:1 +1 s1 +380", " | 1 | | 2",
		  "1" },
		{ "after a pause", "s1 +45 r<2,1:1 +440 s1 +60", " | | |",
		  "" },
		{ "what was late before, and has come", "s1 +45 s0 +50"
		  " r<1,0:2-40 +5 e1-20 +50 s1 +10", " | | | 1 | |", "" },
		{ "nothing sent, no echo", "+990", " |", "" },
		{ "no echo for long", "+1030", " |", "01234" },
		{ "one is down, no echo for long", "x1 +1030", " |", "0234" },
		{ "an echo by one", "+1030 e2-20 +1", " | |", "0134" },
		{ "down", "s1 +380 x1 +10", " | 1 |", "" },
	};
	char log[LogSize], stalled[16];
	int i, j, n;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; j < Nlinks; j++)
			bond[j].delay.srtt = MS(400); /* 1 s is a silence */
		sends(t[i].script, log);
		wantstr("sent again", t[i].log, log);
		for (*stalled = '\0', n = j = 0; j < Nlinks; j++) {
			if (bond[j].flight.stalled)
				sprintf(stalled + strlen(stalled), "%d", j);
			n += usable(&bond[j], NULL) ? bond[j].pace.rate : 0;
		}
		wantstr("stalled", t[i].stalled, stalled);
		want("surveyed", n, survey.rate);
		want("wait to be sent again", 0, tx.repairs.len);
		*log = '\0';
		flightlog(log);
		verdict(t[i].name);
	}

	anew(Client);
	for (j = 0; j < Nlinks; j++)
		bond[j].delay.srtt = MS(400);
	sends("s1 +380", log);
	weighs(7, 1);
	for (i = 0; i < 2; i++) {
		for (j = 0; j < 100; j++) {
			enqueue(waiting(Ordered, 7, 1000, 0, 0));
			now += MS(1);
			schedule();
		}
		wantin("by it", i, i * 100, peerdata(1));
		wantin("by others", 1, 100, peerall());
		allcame();
		sends("e1-20 +1", log);
	}
	verdict("one that has stalled gets no more, until it goes on");
}

/* beat */

/* what a heartbeat says of this end */
static void
testbeatsend(void)
{
	static const struct {
		const char *name;
		uint64_t txpkts, txbytes, thenpkts, thenbytes;
	} t[] = {
		{ "small counters", 41, 5000, 42, 5102 },
		{ "32 bits are full", UINT32_MAX, UINT32_MAX,
		  UINT64_C(0x100000000), UINT64_C(0x100000065) },
		{ "64 bits wrap", UINT64_MAX, UINT64_MAX - 50, 0, 51 },
	};
	static uint8_t d[Room];
	Link *l = &bond[1];
	Beat b;
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		l->meter.tx.pkts = t[i].txpkts;
		l->meter.tx.bytes = t[i].txbytes;
		l->beats.n = 1;
		l->heard.in.time = 777 * Us;
		l->heard.in.pkts = 888;
		l->heard.in.bytes = 999;
		l->heard.came = now - 12345 * Us;
		tx.seq[LaneData] = 5555;
		beat(l);
		want("bytes", 102, peerbeat(1, &b, d));
		wanthex("id", ours, b.id);
		wanthex("peer", theirs, b.peerid);
		want("link", 1, b.link);
		want("hello", 0, b.hello);
		want("time", now, b.time);
		want("echo", 777 * Us, b.echo);
		want("held", 12345 * Us, b.held);
		wanthex("txpkts", t[i].thenpkts, b.txpkts);
		wanthex("txbytes", t[i].thenbytes, b.txbytes);
		want("rxpkts", 888, b.rxpkts);
		want("rxbytes", 999, b.rxbytes);
		want("next", 5555, b.next);
		want("format", Format, b.format);
		want("interval", hbinterval, b.interval);
		want("prio", 2, b.prio);
		want("up", 70000, b.up);
		want("down", 70000, b.down);
		wanthex("counted", t[i].thenpkts, l->meter.tx.pkts);
		wanthex("counted bytes", t[i].thenbytes, l->meter.tx.bytes);
		verdict(t[i].name);
	}

	anew(Client);
	l = &bond[1];
	linkis(&bond[0], 'd');
	enqueue(waiting(Express, 7, 1200, 0, 0));
	schedule();
	beat(l);
	want("first", HdrLen + 1200, peerread(1, d));
	want("then", 102, peerread(1, d));
	verdict("behind what was given to the link before");
}

/* So many ms go by, and heartbeats are echoed at once. Returns those of a link;
 * the newest said whether they are slow. */
static int
spends(int ms, int link, int *slow)
{
	static uint8_t d[Room];
	int i, n = 0;
	Beat b;

	for (; ms > 0; ms--) {
		now += MS(1);
		for (i = 0; i < Nlinks; i++)
			if (i != link)
				bond[i].echo.came = now;
		timers();
		schedule();
		if (peerbeat(link, &b, d) > 0) {
			n++;
			*slow = b.slow;
			bond[link].echo.came = now;
		}
	}
	return n;
}

/* what makes slow heartbeats quick, and how many ms later there is one */
static void
testslowbeats(void)
{
	enum { Sends, Gets, GetsRepair, Reports, Needed, Priority, Down, None };
	static const struct {
		const char *name;
		int what, prio, interval, least, most;
	} t[] = {
		{ "a packet is sent", Sends, 60, 100, 1, 2 },
		{ "one comes", Gets, 61, 100, 1, 1 },
		{ "one comes, spare", Gets, 60, 20, 1, 1 },
		{ "a repair comes", GetsRepair, 61, 100, 1, 1 },
		{ "a report comes", Reports, 61, 100, 1, 1 },
		{ "it is needed", Needed, 61, 250, 1, 2 },
		{ "it is the best", Needed, 60, 100, 1, 2 },
		{ "it is as good as others", Priority, 60, 100, 1, 2 },
		{ "it goes down", Down, 61, 100, 1, 2 },
		{ "nothing happens", None, 61, 100, 400, 600 },
		{ "nothing happens, long interval", None, 61, 1000, 400,
		  600 },
	};
	int i, n, slow;
	Link *l = &bond[1];
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		peer.interval = MS(t[i].interval);
		spareare((int []){ 1, t[i].prio }, (int []){ 20, 80 }, "..");
		l->used = now;
		slow = 0;
		n = spends(3000, 1, &slow);
		wantin("in 3 s", (3000 - 100) / t[i].interval - 1,
		    3000 / t[i].interval + 1, n);
		want("slow", 0, slow);
		spends(2000, 1, &slow);
		want("slow", 1, slow);
		for (n = 0; n < 10; n++)
			want("in a second", 1, spends(1000, 1, &slow));
		/* half a second after one */
		for (n = 0; n < 2000 && !spends(1, 1, &slow); n++)
			;
		spends(500, 1, &slow);
		want("state", LinkUp, l->state);
		want("stalled", 0, l->flight.stalled);
		if (t[i].what == Sends) {
			p = waiting(Ordered, 7, 1000, 0, 1);
			p->time -= MS(31);
			linkis(&bond[0], 'f');
			enqueue(p);
			schedule();
		} else if (t[i].what == Gets) {
			arrivedata(1, 1, 0);
		} else if (t[i].what == GetsRepair) {
			arrivedata(1, 1, FlagRepair);
		} else if (t[i].what == Reports) {
			arrivesaid(1, &(Said){ .expected = 1, .time = 1 });
		} else if (t[i].what == Needed) {
			bond[0].state = LinkDown;
			bond[0].reopen = INT64_MAX;
			surveylinks();
		} else if (t[i].what == Priority) {
			l->score = bond[0].score + satweight;
			surveylinks();
		} else if (t[i].what == Down) {
			linkstate(l, LinkDown, "test");
			l->reopen = INT64_MAX;
		}
		for (n = 1; n < 1000 && !spends(1, 1, &slow); n++)
			;
		wantin("ms", t[i].least, t[i].most, n);
		want("slow", t[i].what == None, slow);
		n = spends(2000, 1, &slow);
		wantin("in 2 s", t[i].what == None ? 2 :
		    2000 / t[i].interval - 1, t[i].what == None ? 2 :
		    2000 / t[i].interval + 1, n);
		verdict(t[i].name);
	}

	/* no more of them than there would be without */
	anew(Client);
	spareare((int []){ 1, 60 }, (int []){ 20, 80 }, "..");
	for (n = i = 0; i < 1000; i++) {
		l->score = i % 2 ? 99999 : 1000;
		if (i % 2)
			l->used = 0; /* for ever */
		surveylinks();
		n += spends(10, 1, &slow);
	}
	wantin("in 10 s", 10, 101, n);
	verdict("it is spare, and not, all the time");
}

/* Slow ones, here or there, and when they are quick again: a link that is
 * silent for so many ms stalls, or is dead. */
static void
testslowsilence(void)
{
	static const struct {
		const char *name;
		int own, heard, quick, silent; /* quick: ms ago, -1: never */
		int stalls, dead;
	} t[] = {
		{ "quick", 0, 0, -1, 300, 0, 0 },
		{ "quick, silent", 0, 0, -1, 301, 1, 0 },
		{ "quick, dead", 0, 0, -1, 1501, 1, 1 },
		{ "slow", 1, 1, -1, 6000, 0, 0 },
		{ "slow, dead", 1, 1, -1, 6001, 1, 1 },
		{ "slow here", 1, 0, -1, 6000, 0, 0 },
		{ "slow there", 0, 1, -1, 6000, 0, 0 },
		{ "slow there, dead", 0, 1, -1, 6001, 1, 1 },
		{ "no more", 0, 0, 0, 1000, 0, 0 },
		{ "no more, one was lost", 0, 0, 0, 3100, 0, 0 },
		{ "no more for 300 ms", 0, 0, 300, 1300, 0, 0 },
		{ "no more for 301 ms", 0, 0, 301, 1301, 1, 0 },
		{ "no more for 1.5 s", 0, 0, 1500, 2400, 1, 0 },
		{ "no more for 1501 ms", 0, 0, 1501, 2401, 1, 1 },
		{ "no more here", 0, 1, 1501, 2401, 0, 0 },
		{ "no more here, dead", 0, 1, 6001, 7000, 1, 1 },
	};
	static uint8_t d[Room];
	Link *l = &bond[1];
	Beat b = { .id = theirs, .peerid = ours, .next = 1, .prio = 200,
	    .link = 1, .slow = 1 };
	int i, n, said, dead;
	Rec r;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		l->beats.slow = t[i].own;
		l->heard.slow = t[i].heard;
		l->beats.quick = t[i].quick < 0 ? 0 : now - MS(t[i].quick);
		l->echo.came = now - MS(t[i].silent);
		want("stalls", t[i].stalls, stalling(l));
		want("has to be looked at", t[i].dead, linkdue(l) <= now);
		linkcheck(l);
		dead = l->state == LinkDown;
		want("dead", t[i].dead, dead);
		verdict(t[i].name);
	}

	for (i = 0; i < 2; i++) {
		anew(i ? Server : Client);
		b.time = now;
		arrivebeat(1, 9, &b, NULL);
		want("slow there", 1, l->heard.slow);
		want("priority", i ? 61 : 2, l->prio);
		b.slow = 0;
		arrivebeat(1, 8, &b, NULL);
		want("slow there, as an older one says", 1, l->heard.slow);
		arrivebeat(1, 10, &b, NULL);
		want("slow there, no more", 0, l->heard.slow);
		b.slow = 1;
	}
	verdict("the peer says so");

	for (i = 0; i < 2; i++) {
		anew(Client);
		l->beats.slow = i;
		l->echo.came = now - MS(1300);
		beat(l);
		for (said = 0; (n = peerread(1, d)) > 0; )
			said += decode(d, n, &r) > 0 &&
			    d[HdrLen + 17] == 1;
		want("hellos", !i, said);
	}
	verdict("no hello for want of slow ones");
}

/* protect */

static void
lossy(int permille)
{
	int i;

	for (i = 0; i < Nlinks; i++)
		bond[i].loss.ratio = permille / 1000.0;
}

/* Express packets have had their share: they have no copies. */
static void
nospare(void)
{
	queues.privileged = now + Minute;
}

/* for how many packets there is a parity, as the loss changes: of 100000,
 * then what is expected */
static void
testparityevery(void)
{
	static const struct {
		const char *name;
		int parity;
		const char *losses;
	} t[] = {
		{ "from 0.5 % on", 1, "0/0 200/0 201/0 500/0 501/8" },
		{ "down to 0.2 %", 1, "501/8 300/8 201/8 200/0 0/0" },
		{ "then again from 0.5 % on", 1, "600/8 100/0 500/0 501/8" },
		{ "the more of them the more are lost", 1, "1000/8 1100/7 "
		  "1300/6 1590/5 1610/4 2000/4 2500/3 3000/2 20000/2 "
		  "100000/2" },
		{ "and fewer again", 1, "20000/2 2500/3 1300/6 900/8 300/8" },
		{ "not if only repairs are wanted", 0, "600/0 20000/0" },
		{ "not if each packet is copied", 2, "600/0 20000/0" },
	};
	const char *s;
	int i, n, loss, every;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		parity = t[i].parity;
		for (s = t[i].losses; sscanf(s, "%d/%d%n", &loss, &every, &n)
		    == 2; s += n) {
			cover.loss = loss / 100000.0;
			want("every", every, parityevery());
		}
		verdict(t[i].name);
	}
}

static void
testcovered(void)
{
	static const struct {
		const char *name;
		int class, light, tcpflags;
		int saturated, permille, parity, covered;
	} t[] = {
		{ "light", Ordered, 1, TcpAck, 0, 20, 1, 1 },
		{ "light, a saturated link", Ordered, 1, TcpAck, 1, 20, 1, 1 },
		{ "heavy", Ordered, 0, TcpAck, 0, 20, 1, 1 },
		{ "heavy, a saturated link", Ordered, 0, TcpAck, 1, 20, 1, 0 },
		{ "express", Express, 1, 0, 0, 20, 1, 1 },
		{ "express of a heavy flow", Express, 0, 0, 1, 20, 1, 1 },
		{ "ACK", Ack, 1, TcpAck, 0, 20, 1, 0 },
		{ "SYN", Express, 1, TcpSyn, 0, 20, 1, 0 },
		{ "large SYN", Ordered, 1, TcpSyn | TcpAck, 0, 20, 1, 0 },
		{ "FIN", Ordered, 1, TcpFin | TcpAck, 0, 20, 1, 1 },
		{ "RST", Ordered, 1, TcpRst, 0, 20, 1, 1 },
		{ "nothing lost", Ordered, 1, TcpAck, 0, 0, 1, 0 },
		{ "0.5 % lost", Express, 1, 0, 0, 5, 1, 0 },
		{ "0.6 % lost", Express, 1, 0, 0, 6, 1, 1 },
		{ "only repairs are wanted", Express, 1, 0, 0, 20, 0, 0 },
		{ "each packet is copied", Express, 1, 0, 0, 20, 2, 0 },
	};
	Pkt *p;
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		lossy(t[i].permille);
		parity = t[i].parity;
		if (t[i].saturated)
			bond[1].pace.satclock = now + Second;
		p = waiting(t[i].class, 7, 100, 0, 1);
		p->waslight = t[i].light;
		p->ip.tcpflags = t[i].tcpflags;
		coverpkt(&bond[1], p);
		want("covered", t[i].covered, p->covered);
		want("of them", t[i].covered, cover.n);
		want("due", t[i].covered, cover.due);
		want("light", t[i].covered && (t[i].light ||
		    t[i].class == Express), cover.light);
		if (t[i].covered) {
			want("link", 1, cover.link - bond);
			want("no more waited for", now + MS(5), cover.next);
		}
		pktfree(p);
		want("held", t[i].covered, inuse());
		coverdrop(0);
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}

	anew(Client);
	lossy(20);
	for (i = 1; i <= 21; i++) {
		p = waiting(Ordered, 7, 100, 0, i);
		p->waslight = i == 1;
		p->seq = tx.seq[LaneData]++;
		coverpkt(&bond[i % 2], p);
		pktfree(p);
	}
	want("of them", Window, cover.n);
	for (i = 0; i < Window; i++)
		want("seq", 6 + i, cover.pkts[i]->seq);
	want("due", 21, cover.due);
	want("one is light", 1, cover.light);
	want("link of the newest", 1, cover.link - bond);
	want("packets not in the pool", Window, inuse());
	coverdrop(Window);
	want("down to 16", Window, cover.n);
	coverdrop(3);
	want("down to 3", 3, cover.n);
	want("the oldest went", 19, cover.pkts[0]->seq);
	coverdrop(0);
	want("packets not in the pool", 0, inuse());
	verdict("the newest 16");
}

/* Steps: 1/20 a packet by link 1, which loses 20 of 1000; +5 seconds pass.
 * Then so many of 100000 are reckoned to be lost. */
static void
testcoverloss(void)
{
	static const struct {
		const char *name, *steps;
		int least, most;
	} t[] = {
		{ "that of the link", "1/20", 2000, 2000 },
		{ "most of the links", "1/20 2/60 3/10", 6000, 6000 },
		{ "of two by turns", "1/20 2/0 1/20 2/0", 2000, 2000 },
		{ "a tenth is forgotten in a second", "1/20 +1 1/0", 1800,
		  1800 },
		{ "and of the rest", "1/20 +1 1/0 +1 1/0", 1620, 1620 },
		{ "a long pause counts as that", "1/20 +60 1/0", 1800, 1800 },
		{ "it is lost anew", "1/20 +1 1/20", 2000, 2000 },
		{ "more is lost", "1/20 +1 1/30", 3000, 3000 },
	};
	char word[16];
	const char *s;
	int i, n, link, permille;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (s = t[i].steps; sscanf(s, " %15s%n", word, &n) == 1;
		    s += n) {
			if (*word == '+') {
				now += SEC(atoi(word));
				continue;
			}
			sscanf(word, "%d/%d", &link, &permille);
			bond[link].loss.ratio = permille / 1000.0;
			p = waiting(Ordered, 7, 100, 0, 1);
			p->waslight = 1;
			coverpkt(&bond[link], p);
			pktfree(p);
		}
		wantin("of 100000", t[i].least, t[i].most,
		    cover.loss * 100000 + 0.5);
		verdict(t[i].name);
	}
}

/* Words: x2 link 2 is down, z2 it stalls, p2 it is spare, m2 it takes small
 * packets only, s2 it is saturated, f2 full, q2 has a queue, b2-100 is busy
 * for 100 us, d2-100 brings packets 100 us later. The packets went by link
 * 1. */
static void
testparitylink(void)
{
	static const struct {
		const char *name;
		int light;
		const char *words;
		int to;               /* -1: none */
	} t[] = {
		{ "another one that is alike", 1, "", 2 },
		{ "of these the one used least", 1, "b2-200 b3-100 b4-200",
		  3 },
		{ "even if the same is used less", 1, "b2-200 b3-200 b4-200",
		  2 },
		{ "the only one", 1, "x0 x2 x3 x4", 1 },
		{ "the others are slower", 1, "d2-10001 d3-20000 d4-20000",
		  1 },
		{ "a little slower", 1, "d2-10000 d3-20000 d4-20000", 2 },
		{ "not so if it is busy", 1,
		  "b2-1 d2-10000 d3-20000 d4-20000", 1 },
		{ "quicker", 1, "d2--10001 x3 x4", 1 },
		{ "a little quicker", 1, "d2--10000 x3 x4", 2 },
		{ "the others stall", 1, "z2 z3 z4", 1 },
		{ "or are spare", 1, "p2 p3 p4", 1 },
		{ "all are spare", 1, "p1 p2 p3 p4", -1 },
		{ "or have too small an MTU", 1, "m2 m3 m4", 1 },
		{ "or no room", 1, "b2-9000 b3-9000 b4-9000", 1 },
		{ "no room", 1, "b1-9000 b2-9000 b3-9000 b4-9000", -1 },
		{ "all are down", 1, "x0 x1 x2 x3 x4", -1 },
		{ "all have too small an MTU", 1, "m0 m1 m2 m3 m4", -1 },
		{ "full", 1, "f2 b3-100 b4-100", -1 },
		{ "a queue", 1, "q2 b3-100 b4-100", -1 },
		{ "full, the only one", 1, "f1 x0 x2 x3 x4", -1 },
		{ "a queue, the only one", 1, "q1 x0 x2 x3 x4", -1 },
		{ "light, saturated", 1, "s1 s2 s3 s4", 2 },
		{ "heavy", 0, "", 2 },
		{ "heavy, saturated", 0, "s1 s2 s3 s4", -1 },
		{ "heavy, the same is saturated", 0, "s1", 2 },
	};
	char word[16];
	const char *s;
	int i, n, link, us;
	Link *l;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		cover.link = &bond[1];
		cover.light = t[i].light;
		for (s = t[i].words; sscanf(s, " %15s%n", word, &n) == 1;
		    s += n) {
			sscanf(word + 1, "%d-%d", &link, &us);
			l = &bond[link];
			if (*word == 'x')
				l->state = LinkDown;
			else if (*word == 'z')
				l->flight.stalled = now;
			else if (*word == 'p')
				l->spare = 1;
			else if (*word == 'm')
				l->addr.mtu = 900;
			else if (*word == 's')
				l->pace.satclock = now + Second;
			else if (*word == 'f')
				l->flight.bytes = l->control.window + 1;
			else if (*word == 'q')
				l->control.queue = TargetBulk + 1;
			else if (*word == 'b')
				l->pace.clock = now + us * Us;
			else
				l->delay.owd += us * Us;
			/* what is slower has no queue */
			l->delay.base.least[0] = l->delay.base.least[1] =
			    l->delay.owd;
		}
		p = waiting(Ordered, 7, 1000, 0, 1);
		l = paritylink(p);
		want("link", t[i].to, l ? l - bond : -1);
		verdict(t[i].name);
	}
}

/* to the end of a log, the parities that went out since the last look: by
 * which link, the last seq and of how many, * is a list */
static void
paritylog(char *log)
{
	static uint8_t d[Room];
	int i, at, len, n;
	Rec r;

	for (i = 0; i < Nlinks; i++) {
		linkflush(&bond[i]);
		while ((len = peerread(i, d)) > 0)
			for (at = 0; (n = decode(d + at, len - at, &r)) > 0;
			    at += n)
				if (!(r.flags & FlagKind))
					add(log, " %d:%d/%d%s", i,
					    (int)(r.seq & 0xffffff),
					    (int)(r.seq >> 56 & 127),
					    r.seq >> 63 ? "*" : "");
	}
}

/* Set when all links have room, and when they are saturated. */
static void
clocks(int64_t clock, int64_t satclock)
{
	int i;

	for (i = 0; i < Nlinks; i++) {
		bond[i].pace.clock = clock;
		bond[i].pace.satclock = satclock;
	}
	survey.known = 0;
}

/* Steps: l11 two packets of a light flow go by link 1, h of a heavy one, e
 * express, a ACKs; L1300 bytes of those that follow; +5 ms pass; S all links
 * are saturated, F have no room either, R have both again; p0 parity is 0; n
 * a new session; x1 link 1 is down; m2 link 2 has an MTU of 900; z9 9 others
 * have gone. 2 % are lost. */
static void
testparitysent(void)
{
	static const struct {
		const char *name, *steps, *sent;
		int left;             /* that may be covered again */
	} t[] = {
		{ "one of four", "l1111", " 2:4/4", 4 },
		{ "not of three", "l111 +4", "", 3 },
		{ "when no more come", "l111 +5", " 2:3/3", 0 },
		{ "when no more of one come", "l1 +5 +9", " 2:1/1", 0 },
		{ "counted from the newest", "l1 +4 l1 +4 l1 +4", "", 3 },
		{ "counted from the newest, one of four",
		  "l1 +4 l1 +4 l1 +4 l1", " 2:4/4", 4 },
		{ "each is covered by several", "l11111111", " 2:4/4 2:8/8",
		  8 },
		{ "16 at most", "l1111111111111111 l1111",
		  " 2:4/4 2:8/8 2:12/12 2:16/16 2:20/16", 16 },
		{ "four, and then no more", "l1111 +20", " 2:4/4", 4 },
		{ "one after them", "l1111 +20 l1 +5", " 2:4/4 2:5/5", 0 },
		{ "not those that were alone", "l11 +5 l11 +5",
		  " 2:2/2 2:4/2", 0 },
		{ "by several links", "l1234", " 1:4/4", 4 },
		{ "the quick link alone", "l0000", " 0:4/4", 4 },
		{ "ACKs between", "l1 a1 l1 a1 l11", " 2:6/4*", 4 },
		{ "ACKs between others", "l1111 a1 l1111", " 2:4/4 2:9/8*",
		  8 },
		{ "nothing but ACKs", "a1111 +9", "", 0 },
		{ "heavy", "h1111 h1 +5", " 2:4/4 2:5/5", 0 },
		{ "heavy, saturated", "S h1111 +9", "", 0 },
		{ "light, saturated", "S l1111 +9", " 2:4/4", 4 },
		{ "express, saturated", "S e1111 +9", " 2:4/4", 4 },
		{ "light between heavy ones, saturated", "S h1 l1 h1 l1 h1 +5",
		  " 2:4/2*", 0 },
		{ "heavy, saturated since", "h11 S +5", "", 0 },
		{ "one of them light, saturated since", "h1 l1 h1 S +5",
		  " 2:3/3", 0 },
		{ "that of light ones is over", "l1111 h11 S +5", " 2:4/4",
		  0 },
		{ "no room", "F l1111 +4", "", 4 },
		{ "no room, then some", "F l1111 +4 R", " 2:4/4", 4 },
		{ "no room, more come", "F l111111 R", " 2:6/6", 6 },
		{ "no room for long", "F l1111 +5 R +9", "", 0 },
		{ "no room for long, then more", "F l1111 +5 R l1111",
		  " 2:8/4", 4 },
		{ "as long as fits", "L1379 l1111", " 2:4/4", 4 },
		{ "a list fits not, without the first it is none",
		  "L1379 l1 a1 l111", " 2:5/3", 3 },
		{ "a list just fits", "L1377 l1 a1 l1 +5", " 2:3/2*", 0 },
		{ "does not", "L1378 l1 a1 l1 +5", " 2:3/1", 0 },
		{ "a list of two of them", "L1377 l1 a1 l1 a1 l1 +5",
		  " 2:5/2*", 0 },
		{ "as long as fits by its link", "m2 L1300 l1 L859 l11 L200 l1",
		  " 2:4/3", 3 },
		{ "longer, but the newest is not", "m2 L1300 l1 L860 l11 L200"
		  " l1", " 2:4/1", 1 },
		{ "the newest is", "m2 L860 l1111", " 3:4/4", 4 },
		{ "65535 packets later", "l11 z65534 l1 +5", " 2:65537/3*",
		  0 },
		{ "65536 packets later", "l11 z65535 l1 +5", " 2:65538/1", 0 },
		{ "65536 packets after a parity", "l1111 +9 z65535 l1111",
		  " 2:4/4 2:65543/4", 4 },
		{ "not any longer", "l11 p0 l11 +9", "", 2 },
		{ "a new session", "l111 n +9", "", 0 },
		{ "more in a new session", "l111 n l1 +5", " 2:1/1", 0 },
		{ "its links are down", "l111 x1 x2 x3 x4 +5", "", 0 },
		{ "its link is down", "l111 x1 +5", " 2:3/3", 0 },
	};
	char word[24], log[LogSize], *w;
	const char *s;
	int i, n, ms, len;
	int64_t clock, satclock;
	Session session;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		lossy(20);
		*log = '\0';
		len = 200;
		clock = satclock = 0;
		for (s = t[i].steps; sscanf(s, " %23s%n", word, &n) == 1;
		    s += n) {
			ms = atoi(word + 1);
			if (*word == 'L') {
				len = ms;
			} else if (strchr("SFR", *word)) {
				clock = *word == 'F' ? now + SEC(9) : 0;
				satclock = *word == 'R' ? 0 : now + SEC(9);
				clocks(clock, satclock);
				paritysend();
			} else if (*word == 'p') {
				parity = ms;
			} else if (*word == 'n') {
				session = peer.session;
				newsession(&session);
				for (ms = 0; ms < Nlinks; ms++)
					linkanew(&bond[ms]);
				surveylinks();
				lossy(20);
			} else if (*word == 'm') {
				bond[ms].addr.mtu = 900;
			} else if (*word == 'z') {
				allcame();
				tx.seq[LaneData] += ms;
				tx.oldest += ms;
			} else if (*word == 'x') {
				bond[ms].state = LinkDown;
			} else if (*word == '+') {
				while (ms-- > 0) {
					now += MS(1);
					paritysend();
				}
			} else for (w = word + 1; *w; w++) {
				p = waiting(*word == 'a' ? Ack : *word == 'e' ?
				    Express : Ordered, 7, len, 0, 0);
				p->waslight = *word != 'h';
				clocks(clock, satclock);
				transmit(&bond[*w - '0'], p);
				paritylog(log);
				clocks(clock, satclock);
			}
			paritylog(log);
		}
		wantstr("parities", t[i].sent, log);
		for (n = 0, w = log; *w; w++)
			n += *w == '/';
		want("counted", n, counts[CntParity]);
		for (ms = 0; ms < Nlinks; ms++)
			n -= bond[ms].why[WhyParity];
		want("of these without a reason", 0, n);
		want("left", t[i].left, cover.n);
		coverdrop(0);
		allcame();
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}
}

/* Offer as many parities as there can be, by links with room. Returns how many
 * went. */
static int
paritiesgo(int light, int len, int odd, int saturated)
{
	int n, before = counts[CntParity];
	Pkt *p;

	for (n = 0; n < 1000; n++) {
		p = waiting(Ordered, 7, n % 2 ? odd : len, 0, 0);
		p->waslight = light;
		p->seq = tx.seq[LaneData]++;
		clocks(0, 0);
		coverpkt(&bond[1], p);
		clocks(0, saturated ? now + SEC(9) : 0);
		paritysend();
		linkdrop(&bond[2], DropSend);
		pktfree(p);
	}
	return counts[CntParity] - before;
}

/* They take work, and room from others. */
static void
testparitybudget(void)
{
	int64_t ns;

	anew(Client);
	lossy(50);
	want("at once", 201, paritiesgo(0, 1000, 1000, 0));
	now += MS(10);
	want("in 10 ms", 20, paritiesgo(1, 100, 100, 0));
	now += SEC(9);
	want("after a pause", 201, paritiesgo(1, 1000, 1000, 0));
	verdict("2000 a second, where there is room");
	anew(Client);
	lossy(50);
	/* 70 Mbit/s, of 100 ms */
	ns = ParityPart * airtime(&bond[2].pace, 1000);
	want("at once", (MS(100) + ns - 1) / ns + (MS(100) % ns == 0),
	    paritiesgo(1, 1000, 1000, 1));
	now += MS(20);
	wantin("in 20 ms", MS(20) / ns - 1, MS(20) / ns + 1,
	    paritiesgo(1, 1000, 1000, 1));
	now += SEC(9);
	wantin("among small ones", MS(100) / ns, MS(100) / ns + 2,
	    paritiesgo(1, 1000, 100, 1));
	verdict("a part of a saturated link");
}

/* What is covered is kept in the pool; if that is empty a parity waits. */
static void
testparitypool(void)
{
	int i, size;
	Pkt *p;

	anew(Client);
	lossy(20);
	for (i = 0; i < 3; i++) {
		p = waiting(Ordered, 7, 300, 0, i);
		p->waslight = 1;
		transmit(&bond[1], p);
		linkflush(&bond[1]);
	}
	allcame();
	want("covered, in the pool", 3, inuse());
	size = pool.size;
	pool.size = pool.used;
	while (pool.nfrees)
		queueput(&queues.express, pktalloc());
	now += MS(5);
	paritysend();
	want("sent", 0, counts[CntParity]);
	pool.size = size;
	paritysend();
	want("sent", 0, counts[CntParity]);
	verdict("none without a packet of the pool");
}

/* all records that went out since the last look, by link and with flags, to
 * the end of a log */
static void
recordlog(char *log)
{
	static uint8_t d[Room];
	int i, at, len, n;
	Rec r;

	for (i = 0; i < Nlinks; i++) {
		linkflush(&bond[i]);
		while ((len = peerread(i, d)) > 0)
			for (at = 0; (n = decode(d + at, len - at, &r)) > 0;
			    at += n)
				add(log, " %d:%02x", i, r.flags);
	}
}

/* the packet, its copy, then sent again */
static void
testcopies(void)
{
	static const struct {
		const char *name;
		int class, parity, permille;
		const char *words;    /* s saturated, x others are down */
		const char *sent;
	} t[] = {
		{ "ordered, once", Ordered, 1, 0, "", " 1:02 | 0:0a" },
		{ "express, twice", Express, 1, 0, "", " 0:0a 1:02 | 0:0a" },
		{ "covered", Ordered, 1, 20, "", " 1:42 | 0:4a" },
		{ "copied, so not covered", Express, 1, 20, "",
		  " 0:0a 1:02 | 0:0a" },
		{ "only repairs", Ordered, 0, 20, "", " 1:02 | 0:0a" },
		{ "express with only repairs", Express, 0, 20, "",
		  " 0:0a 1:02 | 0:0a" },
		{ "express, no room to spare", Express, 1, 0, "s",
		  " 1:02 | 0:0a" },
		{ "express, no other link", Express, 1, 0, "x",
		  " 1:02 | 1:0a" },
		{ "each is copied", Ordered, 2, 0, "", " 0:0a 1:02 | 0:0a" },
		{ "each is copied, with loss too", Ordered, 2, 20, "",
		  " 0:0a 1:02 | 0:0a" },
		{ "each, with no room to spare", Ordered, 2, 0, "s",
		  " 0:0a 1:02 | 0:0a" },
		{ "each, no other link", Ordered, 2, 0, "x", " 1:02 | 1:0a" },
		{ "each ACK", Ack, 2, 0, "", " 0:0a 1:02 | 0:0a" },
		{ "an ACK", Ack, 1, 20, "", " 1:02 | 0:0a" },
	};
	char log[LogSize];
	int i;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		lossy(t[i].permille);
		parity = t[i].parity;
		if (*t[i].words == 'x')
			bond[0].state = bond[2].state = bond[3].state =
			    bond[4].state = LinkDown;
		clocks(0, *t[i].words == 's' ? now + SEC(9) : 0);
		p = waiting(t[i].class, 7, 300, 0, 1);
		p->waslight = 1;
		transmit(&bond[1], p);
		*log = '\0';
		recordlog(log);
		add(log, " |");
		clocks(0, 0);
		resend(p, Missed);
		repairsend();
		recordlog(log);
		wantstr("sent", t[i].sent, log);
		verdict(t[i].name);
	}

	/* whatever a host has had */
	for (i = 1; i <= 2; i++) {
		anew(Client);
		parity = i;
		queues.privileged = now + SEC(9);
		p = waiting(Express, 7, 300, 0, 1);
		transmit(&bond[1], p);
		*log = '\0';
		recordlog(log);
		wantstr("sent", i == 2 ? " 0:0a 1:02" : " 1:02", log);
	}
	verdict("express packets have had their part");
}

/* Is a packet compressed on a link of 70 Mbit/s? */
static void
testcompresses(void)
{
	static const struct {
		const char *name;
		int kbit, saturated, light, permille, parity, flags;
	} t[] = {
		{ "never", 0, 1, 0, 0, 1, 0 },
		{ "a slow link that is full", 70001, 1, 0, 0, 1,
		  FlagCompressed },
		{ "not so slow", 70000, 1, 0, 0, 1, 0 },
		{ "not full", 70001, 0, 0, 0, 1, 0 },
		{ "covered, full", 70001, 1, 1, 20, 1, FlagParity },
		{ "covered, not full", 70001, 0, 0, 20, 1, FlagParity },
		{ "not covered, with loss", 70001, 1, 0, 20, 1,
		  FlagCompressed },
		{ "no parities are wanted", 70001, 1, 1, 20, 0,
		  FlagCompressed },
	};
	Pkt *p;
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		lossy(t[i].permille);
		compress = t[i].kbit;
		parity = t[i].parity;
		clocks(0, t[i].saturated ? now + SEC(9) : 0);
		p = waiting(Ordered, 7, 300, 0, 1);
		p->waslight = t[i].light;
		transmit(&bond[1], p);
		want("flags", FlagData | t[i].flags, p->wire[8]);
		want("shorter", t[i].flags == FlagCompressed, p->len < 200);
		coverdrop(0);
		linkflush(&bond[1]);
		allcame();
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}
}

/* records that went out, the packets in them by mark, and the parities among
 * them by number */
enum { WayMax = 700 };
static struct {
	int n, nparity;
	struct {
		int link, len, parity; /* parity: number, 0: a packet */
		uint64_t seq;
		uint8_t d[PktSize];
	} recs[WayMax];
	int lens[WayMax];             /* by mark */
	uint8_t ips[WayMax][MtuMax];
} way;

/* what went out since the last look, without tags */
static void
waycollect(void)
{
	static uint8_t d[Room];
	int i, at, len, n;
	Rec r;

	for (i = 0; i < Nlinks; i++) {
		linkflush(&bond[i]);
		while ((len = peerread(i, d)) > 0) {
			for (at = 0; (n = decode(d + at, len - at, &r)) > 0;
			    at += n) {
				if (r.flags & FlagRepair)
					continue;
				way.recs[way.n].link = i;
				way.recs[way.n].len = n;
				way.recs[way.n].seq = r.seq;
				way.recs[way.n].parity = r.flags & FlagData ?
				    0 : ++way.nparity;
				memcpy(way.recs[way.n++].d, d + at, n);
			}
		}
	}
}

/* A packet of a flow goes by a link: t TCP, o other ordered, e express, a an
 * ACK. Its mark is its seq. */
static void
waysend(int kind, int flow, int len, int link)
{
	uint64_t seq = tx.seq[LaneData];
	Pkt *p = kind == 't' || kind == 'a' ?
	    waitingtcp(kind == 't' ? Ordered : Ack, flow, len, seq) :
	    waiting(kind == 'o' ? Ordered : Express, flow, len, 0, seq);
	int i;

	p->waslight = 1;
	for (i = 48; i < len; i++)
		p->data[i] = seq * 29 + i * i;
	way.lens[seq] = len;
	memcpy(way.ips[seq], p->data, len);
	clocks(0, 0);
	transmit(&bond[link], p);
	waycollect();
}

static void
wayarrive(int i)
{
	uint8_t d[PktSize];

	memcpy(d, way.recs[i].d, way.recs[i].len);
	sealto = way.recs[i].link;
	arrive(way.recs[i].link, d, sealwith(d, way.recs[i].len, peerkey()));
}

/* the marks of what came out of the TUN, to the end of a log; each packet is
 * as it was */
static void
waylog(char *log)
{
	static uint8_t d[Room];
	uint64_t mark;
	int n;

	while ((n = fdread(lanfd, d)) > 0) {
		mark = markof(d);
		if (mark >= WayMax) {
			want("mark", 0, mark);
			continue;
		}
		wantbytes("packet", way.ips[mark], way.lens[mark], d, n);
		add(log, " %d", (int)mark);
	}
}

/* What goes: tt two packets of a TCP flow, o of other ordered ones, e express,
 * a ACKs. What comes of it: 4 the fourth, p1 the first parity, +9 ms pass. */
static void
testway(void)
{
	static const struct {
		const char *name, *goes, *comes, *out;
		int recovered, late, dup;
	} t[] = {
		{ "all came", "tttt", "1 2 3 4 p1", " 1 2 3 4", 0, 0, 0 },
		{ "one lost, of a flow", "tttt", "1 2 4 p1", " 1 2 3 4", 1, 0,
		  0 },
		{ "the first", "tttt", "2 3 4 p1", " 1 2 3 4", 1, 0, 0 },
		{ "the newest", "tttt", "1 2 3 p1", " 1 2 3 4", 1, 0, 0 },
		{ "one that waits for none", "eeee", "1 2 4 p1", " 1 2 4 3",
		  1, 0, 0 },
		{ "the parity comes first", "tttt", "p1 4 3 1", " 1 2 3 4", 1,
		  0, 0 },
		{ "the parity comes first, no order", "eeee", "p1 4 3 1",
		  " 4 3 1 2", 1, 0, 0 },
		{ "of two flows", "toto", "1 2 4 p1", " 1 2 4 3", 1, 0, 0 },
		{ "of UDP, which is held", "oooo", "1 3 4 p1", " 1 2 3 4", 1,
		  0, 0 },
		{ "express behind ordered", "oEEE", "2 3 4 p1", " 1 2 3 4", 1,
		  0, 0 },
		{ "two lost, two parities", "tttttttt",
		  "1 4 p1 5 6 7 8 p2", " 1 2 3 4 5 6 7 8", 2, 0, 0 },
		{ "two lost, one parity", "tttt", "1 4 p1", " 1", 0, 0, 0 },
		{ "and one of them comes later", "tttt", "1 4 p1 3",
		  " 1 2 3 4", 1, 0, 0 },
		{ "of a short burst", "ttt", "1 3 p1", " 1 2 3", 1, 0, 0 },
		{ "one that was alone", "t", "p1", " 1", 1, 0, 0 },
		{ "one that was alone, express", "e", "p1", " 1", 1, 0, 0 },
		{ "ACKs between", "tatatat", "1 2 5 4 6 7 p1",
		  " 1 2 4 6 3 5 7", 1, 0, 0 },
		{ "it comes when it was found", "tttt", "1 2 4 p1 3",
		  " 1 2 3 4", 1, 0, 1 },
		{ "a parity twice", "tttt", "1 2 4 p1 p1", " 1 2 3 4", 1, 0,
		  0 },
		{ "found when it was given up", "tttt", "1 2 4 +1100 p1",
		  " 1 2 4 3", 1, 1, 0 },
		{ "found by what was given up", "tttt",
		  "1 4 +1100 p1 3", " 1 4 3 2", 1, 2, 0 },
	};
	char word[16], log[LogSize];
	const char *s;
	int i, j, k, n, v;

	for (i = 0; i < 2 * LEN(t); i++) {
		j = i / 2;
		memset(&way, 0, sizeof(way));
		(i % 2 ? anewkeyed : anew)(Client);
		lossy(20);
		nospare();
		for (s = t[j].goes; *s; s++) {
			v = *s == 'E' ? 'e' : *s;
			waysend(v, *s == 'E' || v == 'o' ? 3 : v == 'e' ? 5 :
			    7, 60 + (s - t[j].goes) * 433 % 1200, 1);
		}
		now += MS(5);
		paritysend();
		waycollect();
		(i % 2 ? anewkeyed : anew)(Server);
		*log = '\0';
		for (s = t[j].comes; sscanf(s, " %15s%n", word, &n) == 1;
		    s += n) {
			v = atoi(word + (*word == 'p'));
			if (*word == '+') {
				now += MS(v);
				reordercheck();
			}
			for (k = 0; k < way.n && *word != '+'; k++)
				if (*word == 'p' ? way.recs[k].parity == v :
				    !way.recs[k].parity &&
				    way.recs[k].seq == (uint64_t)v)
					break;
			want("went out", 1, k < way.n);
			if (*word != '+' && k < way.n)
				wayarrive(k);
			waylog(log);
		}
		wantstr("came out", t[j].out, log);
		want("recovered", t[j].recovered, counts[CntRecovered]);
		want("late", t[j].late, counts[CntLate]);
		want("duplicates", t[j].dup, counts[CntDup]);
		parityreset();
		reorderreset(1);
		want("packets not in the pool", 0, inuse());
		if (i % 2)
			verdict(t[j].name);
	}

	/* the peer has had all the work that it may cause */
	for (i = 0; i < 2; i++) {
		memset(&way, 0, sizeof(way));
		anew(Client);
		lossy(20);
		waysend('t', 7, 100, 1);
		now += MS(5);
		paritysend();
		waycollect();
		anew(Server);
		peer.work = now + MS(10) + i;
		wayarrive(1);
		want("recovered", !i, counts[CntRecovered]);
		want("in vain", i, counts[CntVain]);
		want("malformed", 0, drops[DropForm]);
		parityreset();
		want("packets not in the pool", 0, inuse());
	}
	verdict("parities take work");
}

/* A record is lost. Returns whether it is covered by a parity. */
static int
waylose(int i, uint8_t *seen)
{
	if ((way.recs[i].d[8] & (FlagData | FlagParity)) !=
	    (FlagData | FlagParity))
		return 0;
	seen[way.recs[i].seq] = 2;
	return 1;
}

/* Packets of all kinds and lengths by three links, of which some are lost:
 * what comes out is as it was, once, and TCP in order. */
static void
testwayrandom(void)
{
	static const struct {
		const char *name;
		int permille, most;   /* of 100 that are lost, not recovered */
	} t[] = {
		{ "1 % lost", 10, 3 },
		{ "3 % lost", 30, 3 },
		{ "10 % lost", 100, 6 },
	};
	enum { Runs = 20, Packets = 300 };
	static char log[LogSize];
	char *s;
	uint8_t seen[WayMax];
	int i, j, k, run, lost, missing, tcp, mark;
	const char *kinds = "toea";

	for (i = 0; i < LEN(t); i++) {
		lost = missing = 0;
		for (run = 0; run < Runs; run++) {
			memset(&way, 0, sizeof(way));
			memset(seen, 0, sizeof(seen));
			anew(Client);
			lossy(t[i].permille);
			nospare();
			for (j = 0; j < Packets; j++) {
				k = rnd(4);
				waysend(kinds[k], k, k == 3 ? 60 : 60 +
				    rnd(rnd(2) ? 100 : 1300), 1 + rnd(3));
				now += rnd(20) ? MS(1) : MS(6);
				paritysend();
			}
			now += MS(5);
			paritysend();
			waycollect();
			anew(Server);
			*log = '\0';
			for (j = 0; j < way.n; j++) {
				now += MS(1);
				if (rnd(1000) >= t[i].permille)
					wayarrive(j);
				else
					lost += waylose(j, seen);
				waylog(log);
			}
			for (j = 0; j < 1200; j++) {
				now += MS(1);
				reordercheck();
			}
			waylog(log);
			for (tcp = 0, s = strtok(log, " "); s;
			    s = strtok(NULL, " ")) {
				mark = atoi(s);
				want("twice", 0, seen[mark] == 1);
				seen[mark] = 1;
				if (way.ips[mark][9] != IPPROTO_TCP ||
				    way.lens[mark] == 60)
					continue;
				want("in order", 1, mark > tcp);
				tcp = mark;
			}
			for (j = 1; j <= Packets; j++)
				missing += seen[j] == 2;
			parityreset();
			reorderreset(1);
			want("packets not in the pool", 0, inuse());
		}
		wantin("some are lost", 1, 9999, lost);
		wantin("missing", 0, lost * t[i].most / 100, missing);
		verdict(t[i].name);
	}
}

/* schedule */

/* Which packets say what comes before them. Words of the script: o1 an ordered
 * packet of flow 1, e1 an express one, a1 an ACK, <3 the peer has all below 3,
 * +5 5 ms go by, z7 the next seq is that many more, n a new session. The log
 * has for each packet the seq that it names, 0 for none. */
static void
testfollow(void)
{
	static const struct { const char *name, *script, *log; } t[] = {
		{ "the first of a flow", "o1", " 0" },
		{ "the next ones", "o1 o1 o1", " 0 1 2" },
		{ "two flows", "o1 o2 o1 o2 o2", " 0 0 1 2 4" },
		{ "express ones name none", "e1 e1 e1", " 0 0 0" },
		{ "ACKs neither", "o1 a1 o1 a1", " 0 0 1 0" },
		{ "ACKs are named by none", "a1 a1 o1 e1", " 0 0 0 3" },
		{ "express behind ordered", "o1 e1", " 0 1" },
		{ "and more of them", "o1 e1 e1 e1", " 0 1 2 3" },
		{ "ordered behind express", "e1 e1 o1 o1", " 0 0 2 3" },
		{ "express behind ordered of another flow", "o1 e2", " 0 0" },
		{ "the peer has it", "o1 <2 o1 o1", " 0 0 2" },
		{ "the peer has the one before", "o1 o1 <2 o1", " 0 1 2" },
		{ "express, the peer has the ordered one", "o1 <2 e1 e1",
		  " 0 0 0" },
		{ "express behind express behind ordered, which it has",
		  "o1 e1 <2 e1 <4 e1 e1", " 0 1 2 0 0" },
		{ "not kept any longer", "o1 +1501 o1", " 0 0" },
		{ "just kept", "o1 +1499 o1", " 0 1" },
		{ "65535 packets later", "o1 z65534 o1", " 0 1" },
		{ "65536 packets later", "o1 z65535 o1", " 0 0" },
		{ "a new session", "o1 n o1 o1", " 0 0 1" },
		{ "a new session, later", "o2 o2 o2 n o1 o1 o1 o1 o2",
		  " 0 1 2 0 1 2 3 0" },
	};
	char word[16], log[LogSize];
	const char *s;
	int i, n, v;
	uint8_t d[2048];
	Session session;
	Rec r;
	Pkt *p;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		*log = '\0';
		for (s = t[i].script; sscanf(s, " %15s%n", word, &n) == 1;
		    s += n) {
			v = atoi(word + 1);
			if (*word == '<') {
				forget(v);
			} else if (*word == '+') {
				now += MS(v);
				forget(0);
			} else if (*word == 'z') {
				/* as if they had been sent and were kept */
				tx.seq[LaneData] += v;
			} else if (*word == 'n') {
				session = peer.session;
				newsession(&session);
			} else {
				p = waiting(*word == 'o' ? Ordered : *word ==
				    'e' ? Express : Ack, v, 200, 0, 0);
				p->seq = tx.seq[LaneData]++;
				follow(&queues.flows[v], p);
				encode(p, p->seq, FlagData);
				memcpy(d, p->wire, p->wirelen);
				want("bytes", p->wirelen,
				    decode(d, p->wirelen, &r));
				add(log, " %d", r.flags & FlagOrder ? (int)
				    (r.seq - get(d + HdrLen, OrderLen)) : 0);
				want("the packet behind it", 0,
				    memcmp(ipof(d), p->data, p->len));
				/* kept, without the ring of keep() */
				if (sentof(p->seq)->p)
					pktfree(sentof(p->seq)->p);
				*sentof(p->seq) = (Sent){ .p = p,
				    .time = now };
			}
		}
		wantstr("named", t[i].log, log);
		verdict(t[i].name);
	}
}

/* Express packets are sent again as all others, while they are of use. */
static void
testexpressrepair(void)
{
	static const struct {
		const char *name;
		int port, class, after; /* ms till it is told */
		int room;             /* ms from then on */
		int again, stale;
	} t[] = {
		{ "a game's packet", 4000, Express, 100, 0, 1, 0 },
		{ "just of use", 4000, Express, 250, 0, 1, 0 },
		{ "not after that", 4000, Express, 251, 0, 0, 0 },
		{ "not when it has waited too long", 4000, Express, 100, 151,
		  0, 1 },
		{ "not so long", 4000, Express, 100, 150, 1, 0 },
		{ "DNS", 53, Express, 1000, 0, 1, 0 },
		{ "DNS, but late", 53, Express, 1001, 0, 0, 0 },
		{ "ordered UDP", 4000, Ordered, 251, 0, 0, 0 },
		{ "QUIC", 443, Ordered, 1000, 0, 1, 0 },
		{ "an ACK", 4000, Ack, 100, 0, 1, 0 },
	};
	uint8_t bits = 2;
	int i, j;
	Pkt *p, *q;

	for (i = 0; i < 2 * LEN(t); i++) {
		anew(Client);
		linksare(3, LinkDown);
		/* one that may wait longer stands before it */
		transmit(&bond[1], waitingtcp(Ordered, 3, 100, 1));
		p = waiting(t[i / 2].class, 7, 100, 0, 2);
		udphead(p->data + 20, t[i / 2].port, 5201, 80);
		ipparse(p->data, p->len, &p->ip);
		p->kind = kindof(&p->ip);
		transmit(&bond[1], p);
		for (j = 0; j < Nlinks; j++)
			linkflush(&bond[j]);
		memset(&bond[1].flight, 0, sizeof(bond[1].flight));
		discard();
		now += MS(t[i / 2].after);
		bits = i % 2 ? 3 : 2;
		for (j = 0; j < Nlinks; j++)
			bond[j].pace.clock = t[i / 2].room ? now + SEC(10) :
			    0;
		reportlost(1, &bits, 1);
		survey.known = 0;
		repairsend();
		now += MS(t[i / 2].room);
		for (j = 0; j < Nlinks; j++)
			bond[j].pace.clock = 0;
		survey.known = 0;
		repairsend();
		for (j = 0; j < Nlinks; j++)
			linkflush(&bond[j]);
		want("sent again", (i % 2 && t[i / 2].after <= reorderms) +
		    t[i / 2].again, peerall());
		want(dropname[DropStale], t[i / 2].stale, drops[DropStale]);
		want("waits", 0, tx.repairs.len);
		want("not asked for", Unasked, sentof(2)->p->asked);
		allcame();
		want("packets not in the pool", 0, inuse());
		if (i % 2)
			verdict(t[i / 2].name);
	}

	/* it comes again with its own order */
	anew(Client);
	transmit(&bond[1], waiting(Ordered, 7, 1000, 0, 1));
	p = waiting(Express, 7, 100, 0, 2);
	transmit(&bond[1], p);
	want("order", 1, p->after);
	for (i = j = 0; i < Nlinks; i++) {
		q = bond[i].out.n ? bond[i].out.pkts[bond[i].out.n - 1] : NULL;
		if (!q || get(q->wire, 8) != 2)
			continue;
		want("order", 1, get(q->wire + HdrLen, OrderLen));
		want("bytes", p->wirelen, q->wirelen);
		j++;
	}
	want("it and its copy", 2, j);
	memset(&bond[1].flight, 0, sizeof(bond[1].flight));
	linkflush(&bond[1]);
	discard();
	bits = 2;
	reportlost(1, &bits, 1);
	survey.known = 0;
	repairsend();
	want("flags", FlagData | FlagOrder | FlagRepair, p->wire[8]);
	want("order", 1, get(p->wire + HdrLen, OrderLen));
	wanthex("seq", 2, get(p->wire, 8));
	verdict("with its order");
}

/* the least of some seconds: of 5 at least, of no more than 10 */
static void
testleast(void)
{
	static const struct {
		const char *name;
		struct { int ms, v; } puts[8];
		int least;
	} t[] = {
		{ "one value", { { 1, 40 } }, 40 },
		{ "less", { { 1, 40 }, { 2, 30 } }, 30 },
		{ "more", { { 1, 40 }, { 2, 50 } }, 40 },
		{ "below 0", { { 1, 40 }, { 2, -50 }, { 3, 0 } }, -50 },
		{ "after 4 s", { { 1, 40 }, { 4000, 50 } }, 40 },
		{ "after 6 s", { { 1, 60 }, { 2500, 40 }, { 6000, 50 } }, 40 },
		{ "10 s of more", { { 1, 40 }, { 2000, 50 }, { 4000, 50 },
		  { 6000, 51 }, { 8000, 52 }, { 12000, 53 } }, 51 },
		{ "a pause of 11 s", { { 1, 40 }, { 11000, 50 } }, 50 },
		{ "a pause, then less and more", { { 1, 40 }, { 11000, 50 },
		  { 12000, 45 }, { 13000, 60 } }, 45 },
		{ "the least in the second half", { { 1, 40 }, { 5500, 20 },
		  { 10400, 50 } }, 20 },
	};
	Least w;
	int i, j;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		memset(&w, 0, sizeof(w));
		for (j = 0; j < LEN(t[i].puts) && t[i].puts[j].ms; j++) {
			now = SEC(1000) + MS(t[i].puts[j].ms);
			leastput(&w, t[i].puts[j].v);
		}
		want("least", t[i].least, least(&w));
		verdict(t[i].name);
	}

	/* whatever comes: never more than the least of 5 s, never less than
	 * that of 10 */
	anew(Client);
	memset(&w, 0, sizeof(w));
	for (i = 0; i < 3000; i++) {
		static int v[3000];
		int of5 = INT_MAX, of10 = INT_MAX;

		now += MS(100);
		v[i] = rnd(1000);
		leastput(&w, v[i]);
		for (j = MAX(i - 100, 0); j <= i; j++) {
			of10 = MIN(of10, v[j]);
			if (j >= i - 49)
				of5 = MIN(of5, v[j]);
		}
		wantin("least", of10, of5, least(&w));
	}
	verdict("values at random");
}

/* what express packets take of late */
static void
testexpressrate(void)
{
	static const struct {
		const char *name;
		int len, every, ms, pause; /* ms */
		int64_t least, most;  /* bit/s */
	} t[] = {
		{ "nothing", 100, 0, 0, 0, 0, 0 },
		{ "a game", 100, 10, 3000, 0, 76000, 84000 },
		{ "a call", 200, 20, 3000, 0, 76000, 84000 },
		{ "8 Mbit/s", 1000, 1, 3000, 0, 7600000, 8400000 },
		{ "one packet", 1000, 10, 10, 0, 7000, 8000 },
		{ "a game, half a second ago", 100, 10, 3000, 500, 30000,
		  60000 },
		{ "a game, a second ago", 100, 10, 3000, 1000, 0, 4000 },
		{ "a game, long ago", 100, 10, 3000, 60000, 0, 0 },
	};
	int i, ms;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (ms = 0; ms < t[i].ms; ms += t[i].every) {
			now += MS(t[i].every);
			expressrate(t[i].len);
		}
		now += MS(t[i].pause);
		wantin("bit/s", t[i].least, t[i].most, expressrate(0));
		verdict(t[i].name);
	}
}

/* A letter says what each link is to heavy flows: g in the group of those that
 * they share, q quicker, s slower and only of use when all are full, - of no
 * use. */
static void
testgroup(void)
{
	static const struct {
		const char *name;
		int mbit[Nlinks], rtt[Nlinks]; /* 0: down */
		const char *group;
	} t[] = {
		{ "one link", { 10 }, { 20 }, "g----" },
		{ "all alike", { 10, 10, 10, 10, 10 }, { 20, 20, 20, 20, 20 },
		  "ggggg" },
		{ "nearly alike", { 50, 50, 60 }, { 40, 50, 44 }, "ggg--" },
		{ "the example's", { 10, 70, 70, 70, 70 },
		  { 20, 80, 80, 80, 80 }, "qgggg" },
		{ "its ADSL as the last", { 70, 70, 70, 10 },
		  { 80, 80, 80, 20 }, "gggq-" },
		{ "ADSL down", { 0, 70, 70, 70, 70 }, { 20, 80, 80, 80, 80 },
		  "-gggg" },
		{ "only ADSL", { 10, 0, 0, 0, 0 }, { 20, 80, 80, 80, 80 },
		  "g----" },
		{ "as fast, far slower", { 50, 50 }, { 40, 600 }, "g----" },
		{ "slower, and far slower", { 10, 50 }, { 600, 40 }, "-g---" },
		{ "some ms slower, little capacity", { 100, 10 }, { 40, 90 },
		  "gs---" },
	};
	char came[Nlinks + 1];
	int i, j;
	int64_t r, rtt;
	Link *l;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; j < Nlinks; j++) {
			l = &bond[j];
			rtt = MS(t[i].rtt[j]);
			rateceil(l, MBIT(MAX(t[i].mbit[j], 1)), 0);
			l->delay = (Delay){ .srtt = rtt, .rtt = rtt, .owd =
			    rtt / 2, .base = { { rtt / 2, rtt / 2 }, now } };
			l->score = score(l->prio, rtt, 0, 0);
			l->roomy = 1;
			l->state = t[i].mbit[j] ? LinkUp : LinkDown;
		}
		surveylinks();
		for (j = 0; j < Nlinks; j++) {
			r = usable(&bond[j], NULL) ? rankheavy(&bond[j]) :
			    INT64_MAX;
			came[j] = r == INT64_MAX ? '-' : "ggqqs"[r];
		}
		came[Nlinks] = '\0';
		wantstr("group", t[i].group, came);
		verdict(t[i].name);
	}

	/* of whatever links, some are for heavy flows */
	anew(Client);
	for (i = 0; i < 5000; i++) {
		for (j = 0; j < Nlinks; j++) {
			l = &bond[j];
			rtt = MS(1 << rnd(10)) + rnd(1000000);
			rateceil(l, 100000 + (int64_t)1000 * rnd(1 << rnd(20)),
			    0);
			l->delay = (Delay){ .srtt = rtt, .rtt = rtt, .owd =
			    rtt / 2 - SEC(5), .base = { { rtt / 2 - SEC(5),
			    rtt / 2 - SEC(5) }, now } };
			l->score = score(l->prio, rtt, 0, 0);
			l->roomy = 1;
			l->state = rnd(4) ? LinkUp : LinkDown;
		}
		surveylinks();
		for (r = INT64_MAX, j = 0; j < Nlinks; j++)
			if (usable(&bond[j], NULL))
				r = MIN(r, rankheavy(&bond[j]));
		if (survey.best)
			wantin("the first rank", 0, 1, r);
	}
	verdict("links at random");
}

/* the link of which a part is kept for express packets, and how much it is */
static void
testreserved(void)
{
	static const struct {
		const char *name;
		int alike, every, pause; /* express: ms */
		int reserved, least, most; /* percent in use by others */
	} t[] = {
		{ "no express", 0, 0, 0, -1, 0, 0 },
		{ "a game, a quicker link", 0, 15, 0, 0, 60, 95 },
		{ "a game, links all alike", 1, 15, 0, 0, 60, 95 },
		{ "a ping, a quicker link", 0, 900, 0, 0, 90, 95 },
		{ "a ping, links all alike", 1, 900, 0, -1, 0, 0 },
		{ "a call that fills it, a quicker link", 0, 1, 0, 0, 60,
		  60 },
		{ "a game, 2 s ago, a quicker link", 0, 15, 2000, 0, 90, 95 },
		{ "a game, 4 s ago, a quicker link", 0, 15, 4000, -1, 0, 0 },
	};
	int i, ms;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (ms = 0; t[i].alike && ms < Nlinks; ms++) {
			bond[ms].delay = bond[0].delay;
			bond[ms].prio = 1;
			bond[ms].score = bond[0].score;
		}
		for (ms = 0; t[i].every && ms < 5000; ms += t[i].every) {
			now += MS(t[i].every);
			queues.lastexpress = now;
			expressrate(t[i].every == 1 ? 1200 : 100);
		}
		now += MS(t[i].pause);
		surveylinks();
		want("link", t[i].reserved, reserved() ? reserved() - bond :
		    -1);
		for (ms = 0; ms < Nlinks; ms++)
			if (ms == t[i].reserved)
				wantin("percent of it", t[i].least, t[i].most,
				    bond[ms].pace.percent);
			else
				want("percent of others", satpercent,
				    bond[ms].pace.percent);
		verdict(t[i].name);
	}
}

/* links too slow for ordered packets, of kbit/s, and their second chance */
static void
testcarries(void)
{
	static const struct {
		const char *name;
		int kbit[Nlinks];
		const char *carry;
	} t[] = {
		{ "the example's", { 10000, 70000, 70000, 70000, 70000 },
		  "01234" },
		{ "one slow", { 500, 50000 }, "1" },
		{ "all slow", { 2000, 1800 }, "01" },
		{ "all slow, one very much", { 2000, 300 }, "0" },
		{ "one link, however slow", { 100 }, "0" },
	};
	char carry[16];
	int i, j, s;
	Link *l;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (j = 0; j < Nlinks; j++) {
			rateceil(&bond[j], MAX(t[i].kbit[j], 1) * 1000, 0);
			bond[j].state = t[i].kbit[j] ? LinkUp : LinkDown;
		}
		surveylinks();
		for (*carry = '\0', j = 0; j < Nlinks; j++)
			if (usable(&bond[j], NULL) && carries(&bond[j]))
				sprintf(carry + strlen(carry), "%d", j);
		wantstr("links", t[i].carry, carry);
		verdict(t[i].name);
	}

	anew(Client);
	l = &bond[1];
	l->pace.rate = 500000;
	l->control.limited = now;
	surveylinks();
	want("carries", 0, carries(l));
	for (s = 1; s < 60 && !carries(l); s++) {
		now += SEC(1);
		echocomes(l, MS(80));
		surveylinks();
	}
	wantin("s", 10, 30, s);
	l->pace.rate = 500000;
	surveylinks();
	echocomes(l, MS(79));
	want("not again at once", 0, carries(l));
	verdict("one that has become slow is tried again");
}

/* control */

/* how much may be on its way by a link: what holds whatever the constants */
static void
testwindowset(void)
{
	static const int64_t rates[] = { RateMin, 1000000, 70000000,
		1000000000, RateMax };
	static const int rtts[] = { 1, 20, 80, 600, 5000, 60000 }; /* ms */
	Link *l = &bond[1];
	int64_t least, was, wider;
	int i, j;

	for (i = 0; i < LEN(rates); i++) {
		anew(Client);
		for (was = j = 0; j < LEN(rtts); j++) {
			rateceil(l, rates[i], 0);
			l->delay.rtt = l->delay.loop = MS(rtts[j]);
			l->control.got = l->control.gotmax = rates[i];
			l->control.limited = now; /* found out just now */
			windowset(l);
			least = rates[i] / 8000 * rtts[j];
			wantin("bytes", least, least + rates[i] / 8000 * 200 +
			    100000, l->control.window);
			wantin("grows with the RTT", was, INT64_MAX,
			    l->control.window);
			was = l->control.window;
			l->control.queue = MS(300);
			l->control.got /= 2;
			windowset(l);
			wantin("a queue that stands", 3000, was,
			    l->control.window);
			l->control.queue = 0;
			l->control.got = l->control.gotmax = 0;
			windowset(l);
			wantin("nothing came", 3000, was, l->control.window);
		}
	}
	verdict("enough for a round trip, and a bit");

	anew(Client);
	for (i = 0; i < LEN(rates); i++) {
		rateceil(l, rates[i], 0);
		windowset(l);
		least = rates[i] / 8000 * 80;
		wantin("bytes", least, INT64_MAX, l->control.window);
	}
	verdict("as configured, at first");

	anew(Client);
	l->control.gotmax = l->control.got = MBIT(50);
	l->control.limited = now;
	windowset(l);
	was = l->control.window;
	tx.every = MS(100);
	windowset(l);
	wider = l->control.window;
	wantin("more", was + MBIT(50) / 8000 * 50, was + MBIT(50) / 8000 * 100,
	    wider);
	verdict("wider for a peer that reports seldom");
}

/* One link in a model: a FIFO where what waits adds to the delay, and what
 * would wait longer than the buffer is lost. The far end tells each 15 ms what
 * has come, and echoes heartbeats; that takes Back. */
typedef struct {
	int64_t at;               /* ns, when it comes, and then is answered */
	uint64_t seq;             /* 0: a heartbeat */
	Tally sent, come;
} Way;

static struct {
	Way ways[1 << 14], newest;
	unsigned in, out, answered;
	int64_t free, nextsaid;   /* ns */
	Tally come;
	struct { Said said; int64_t at; } back[16];
	unsigned told, heard;
} model;

enum { Back = 40 };               /* ms */

static Way *
wayof(unsigned i)
{
	return &model.ways[i % LEN(model.ways)];
}

static void
wayin(uint64_t seq, int bytes, const Tally *sent, int64_t bps, int delay,
    int buffer)
{
	Way *w = wayof(model.in);

	model.free = MAX(model.free, now);
	if (model.free > now + MS(buffer))
		return;
	model.free += bytes * 8 * Second / bps;
	*w = (Way){ model.free + MS(delay), seq, *sent, { 0 } };
	if (model.in > 0) /* nothing is overtaken when the delay falls */
		w->at = MAX(w->at, wayof(model.in - 1)->at);
	model.in++;
}

/* what comes at the far end, each datagram so often */
static void
wayout(const Link *l, int times)
{
	Way *w;

	for (; model.out < model.in; model.out++) {
		w = wayof(model.out);
		if (w->at > now)
			return;
		model.come.pkts += times;
		model.come.bytes += (uint64_t)times * (w->seq ?
		    sentof(w->seq)->len - wireoverhead(l) : beatwire(l, SealSession));
		w->come = model.come;
		w->come.time = w->at;
		if (w->seq)
			model.newest = *w;
	}
}

/* what the far end says of that; a heartbeat is quicker by so many ms */
static void
wayback(Link *l, int quicker)
{
	const unsigned size = LEN(model.back);
	Beat b = { 0 };
	Way *w;
	Said *s;

	if (now >= model.nextsaid && model.newest.seq) {
		s = &model.back[model.told % size].said;
		model.back[model.told++ % size].at = now + MS(Back);
		memset(s, 0, sizeof(*s));
		s->expected = model.newest.seq + 1;
		s->time = now / Us;
		s->every = ReportEvery / Us;
		s->nof = 1;
		s->of[0].link = l - bond;
		s->of[0].newest = model.newest.seq;
		s->of[0].ago = (now - model.newest.at) / Us;
		s->of[0].pkts = model.newest.come.pkts;
		s->of[0].bytes = model.newest.come.bytes;
		model.newest.seq = 0;
		model.nextsaid = now + ReportEvery;
	}
	for (; model.heard < model.told &&
	    model.back[model.heard % size].at <= now; model.heard++)
		arrivesaid(l - bond, &model.back[model.heard % size].said);
	for (; model.answered < model.out; model.answered++) {
		w = wayof(model.answered);
		if (w->seq)
			continue;
		if (w->at + MS(Back) > now)
			return;
		l->beats.sent[0] = w->sent;
		l->beats.n = 1;
		b.echo = w->sent.time;
		b.time = w->at - MS(quicker);
		b.rxpkts = w->come.pkts;
		b.rxbytes = w->come.bytes;
		measure(l, &b);
		surveylinks();
	}
}

/* what is right within 3 s of a change, and stays so */
static void
testcontrol(void)
{
	typedef struct { int carried, delay, offered; } Kind; /* Mbit/s, ms */
	static const struct {
		const char *name;
		int ceil;             /* Mbit/s, as configured */
		Kind from, to;        /* up to 4 s, later */
		int game, loss, times, quicker; /* loss: percent */
		int share;            /* percent, least of each second */
		int queue;            /* ms, most in the mean */
		int rate;             /* Mbit/s, the least */
	} t[] = {
		{ "nothing changes", 70, { 70, 40, 70 }, { 70, 40, 70 },
		  0, 0, 1, 0, 90, 40, 60 },
		{ "configured too high", 200, { 70, 40, 300 },
		  { 70, 40, 300 }, 0, 0, 1, 0, 90, 40, 60 },
		{ "unknown", 0, { 70, 40, 300 }, { 70, 40, 300 },
		  0, 0, 1, 0, 90, 40, 60 },
		{ "unknown, slow", 0, { 3, 40, 300 }, { 3, 40, 300 },
		  0, 0, 1, 0, 85, 60, 2 },
		{ "unknown, beside a game", 0, { 70, 40, 300 },
		  { 70, 40, 300 }, 1, 0, 1, 0, 70, 15, 50 },
		{ "its delay grows by 20 ms", 70, { 70, 40, 300 },
		  { 70, 60, 300 }, 0, 0, 1, 0, 80, 40, 60 },
		{ "its delay grows by 50 ms", 70, { 70, 40, 300 },
		  { 70, 90, 300 }, 0, 0, 1, 0, 85, 40, 60 },
		{ "its delay grows by 100 ms", 70, { 70, 40, 300 },
		  { 70, 140, 300 }, 0, 0, 1, 0, 85, 40, 60 },
		{ "unknown, its delay grows by 50 ms", 0, { 70, 40, 300 },
		  { 70, 90, 300 }, 0, 0, 1, 0, 85, 40, 60 },
		{ "its delay falls by 30 ms", 70, { 70, 40, 300 },
		  { 70, 10, 300 }, 0, 0, 1, 0, 85, 40, 60 },
		{ "one heartbeat was 20 ms quicker", 70, { 70, 40, 300 },
		  { 70, 40, 300 }, 0, 0, 1, 20, 80, 40, 60 },
		{ "one heartbeat was 40 ms quicker", 70, { 70, 40, 300 },
		  { 70, 40, 300 }, 0, 0, 1, 40, 80, 40, 60 },
		{ "to a quarter", 70, { 70, 40, 300 }, { 17, 40, 300 },
		  0, 0, 1, 0, 85, 40, 15 },
		{ "to a quarter, its delay grows by 50 ms", 70,
		  { 70, 40, 300 }, { 17, 90, 300 }, 0, 0, 1, 0, 80, 60, 14 },
		{ "four times as much", 70, { 17, 40, 300 }, { 68, 40, 300 },
		  0, 0, 1, 0, 85, 40, 55 },
		{ "unknown, four times as much", 0, { 17, 40, 300 },
		  { 68, 40, 300 }, 0, 0, 1, 0, 85, 40, 55 },
		{ "5 % lost at random", 70, { 70, 40, 70 }, { 70, 40, 70 },
		  0, 5, 1, 0, 80, 40, 60 },
		{ "half of it used", 70, { 70, 40, 70 }, { 70, 40, 35 },
		  0, 0, 1, 0, 0, 40, 60 },
		{ "a tenth of it used", 70, { 70, 40, 70 }, { 70, 40, 7 },
		  0, 0, 1, 0, 0, 40, 60 },
		{ "used again", 70, { 70, 40, 1 }, { 70, 40, 70 },
		  0, 0, 1, 0, 90, 40, 60 },
	};
	enum { Secs = 12, Then = 4, Right = 7, Buffer = 150 };
	Link *l = &bond[1];
	const Kind *k;
	int64_t offered, least, queue, rate, turns;
	Tally sent, come;
	uint8_t d[Room];
	int i, ms, j;
	uint64_t seq;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		memset(&model, 0, sizeof(model));
		for (j = 0; j < Nlinks; j++)
			bond[j].state = &bond[j] == l ? LinkUp : LinkDown;
		rateceil(l, MBIT(t[i].ceil), MBIT(t[i].ceil));
		l->delay.base.since = l->delay.rtt = 0;
		windowset(l);
		surveylinks();
		queues.peak = survey.rate;
		offered = queue = turns = rate = 0;
		least = INT64_MAX;
		for (ms = 0; ms < Secs * 1000; ms++) {
			now += MS(1);
			k = ms < Then * 1000 ? &t[i].from : &t[i].to;
			if (t[i].game && ms % 15 == 0) {
				queues.lastexpress = now;
				expressrate(200);
			}
			if (ms % 50 == 0) {
				l->meter.tx.pkts++;
				l->meter.tx.bytes += beatwire(l, SealSession);
				sent = l->meter.tx;
				sent.time = now;
				wayin(0, beatwire(l, SealSession) + wireoverhead(l), &sent,
				    MBIT(k->carried), k->delay, Buffer);
			}
			offered = MIN(offered + MBIT(k->offered) / 8000,
			    MBIT(k->offered) / 8000 * 10);
			while (offered > 0 && room(l, l->pace.clock) &&
			    !full(l) && usable(l, NULL)) {
				seq = tx.seq[LaneData];
				transmit(l, waitingtcp(Ordered, 7, 1000, seq));
				linkflush(l);
				fdread(peerfd[1], d); /* or it gets full */
				offered -= sentof(seq)->len;
				sent = (Tally){ .time = now };
				if (rnd(100) >= t[i].loss)
					wayin(seq, sentof(seq)->len, &sent,
					    MBIT(k->carried), k->delay,
					    Buffer);
			}
			model.come.time = now;
			wayout(l, t[i].times);
			wayback(l, ms / 1000 == Then && ms % 1000 < 50 ?
			    t[i].quicker : 0);
			stalls();
			forget(0);
			if (ms < Right * 1000)
				continue;
			if (ms % 1000 == 0)
				come = model.come;
			queue += MAX(model.free - now, 0);
			turns++;
			rate += l->pace.rate;
			if (ms % 1000 == 999)
				least = MIN(least, tallyrate(l, &come,
				    &model.come) / t[i].times);
		}
		wantin("percent of what it carries", t[i].share, 100, least /
		    (MBIT(t[i].to.carried) / 100));
		wantin("queue, ms", 0, t[i].queue, queue / turns / MS(1));
		wantin("rate, Mbit/s", t[i].rate, INT_MAX, rate / turns /
		    1000000);
		verdict(t[i].name);
	}
}

/* state */

/* where state leads, seen once a turn */
static void
testlinkcheck(void)
{
	static const struct {
		const char *name;
		int state, silent, srtt, loss, good, wasup, then; /* ms, % */
	} t[] = {
		{ "up stays", LinkUp, 100, 20, 0, 9, 1, LinkUp },
		{ "more than three heartbeats silent", LinkUp, 301, 20, 0, 9,
		  1, LinkUp },
		{ "1.5 s silent", LinkUp, 1500, 20, 0, 9, 1, LinkUp },
		{ "more than 1.5 s", LinkUp, 1501, 20, 0, 9, 1, LinkDown },
		{ "2.5 RTT silent", LinkUp, 2000, 800, 0, 9, 1, LinkUp },
		{ "more than 2.5 RTT", LinkUp, 2001, 800, 0, 9, 1, LinkDown },
		{ "lossy and silent", LinkLossy, 1501, 20, 0, 9, 1, LinkDown },
		{ "5 % lost", LinkUp, 0, 20, 5, 9, 1, LinkUp },
		{ "6 % lost", LinkUp, 0, 20, 6, 9, 1, LinkLossy },
		{ "3 % lost, was lossy", LinkLossy, 0, 20, 3, 9, 1,
		  LinkLossy },
		{ "2 % lost, was lossy", LinkLossy, 0, 20, 2, 9, 1, LinkUp },
		{ "down, no echo", LinkDown, 0, 20, 0, 0, 1, LinkDown },
		{ "down, first echo", LinkDown, 0, 20, 0, 1, 1, LinkProbing },
		{ "probing, second echo", LinkProbing, 0, 20, 0, 2, 1,
		  LinkProbing },
		{ "probing, third echo", LinkProbing, 0, 20, 0, 3, 1, LinkUp },
		{ "first echo at all", LinkProbing, 0, 20, 0, 1, 0, LinkUp },
		{ "probing, no echo", LinkProbing, 0, 20, 0, 0, 0,
		  LinkProbing },
	};
	static const Linkconf nowhere =
		{ "nonesuch0", "127.0.0.1", "127.0.0.1", 9, 1, 10, 10 };
	char said[512];
	Link *l = &bond[1];
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Server);
		l->state = t[i].state;
		l->delay.srtt = MS(t[i].srtt);
		l->loss.ratio = t[i].loss / 100.0;
		l->echo.good = t[i].good;
		l->echo.wasup = t[i].wasup;
		l->echo.came = t[i].good ? now - MS(t[i].silent) : 0;
		linkcheck(l);
		want("state", t[i].then, l->state);
		verdict(t[i].name);
	}

	anew(Client);
	weighs(7, 1);
	for (i = 0; i < 10; i++)
		enqueue(waiting(Ordered, 7, 1000, 0, i));
	schedule();
	for (i = 1; i < Nlinks; i++)
		want("sent", i < 3 ? 3 : 2, peerdata(i));
	now += MS(100);
	l->echo.came = now - SEC(2);
	linkcheck(l);
	want("state", LinkDown, l->state);
	want("rate of all", MBIT(10 + 3 * 70), survey.rate);
	want("wait to be sent again", 3, tx.repairs.len);
	schedule();
	want("sent by it", 0, peerdata(1));
	want("sent by others", 3, peerall());
	verdict("down: what was on its way goes by another");

	anew(Client);
	l->delay.srtt = MS(20);
	want("ms", 3 * hbinterval, silence(l) / MS(1));
	l->delay.srtt = MS(200);
	want("ms", 500, silence(l) / MS(1));
	verdict("a silence: three heartbeats or 2.5 RTT");

	anew(Server);
	l->state = LinkDown;
	l->reopen = 5;
	linkstate(l, LinkDown, "again");
	want("reopen", 5, l->reopen);
	verdict("down again is no change");

	anew(Client);
	format(l->client, sizeof(l->client), "%s", nowhere.client);
	format(l->server, sizeof(l->server), "%s", nowhere.server);
	l->port = nowhere.port;
	addrinit(&l->addr, l);
	l->state = LinkDown;
	l->echo.good = 0;
	l->reopen = now + MS(10);
	errbegin();
	linkcheck(l);
	want("open", 1, l->fd >= 0);
	now += MS(10);
	linkcheck(l);
	linkcheck(l);
	want("open", -1, l->fd);
	want("next try", now + Reopen, l->reopen);
	now += Reopen;
	linkcheck(l);
	want("next try", now + Reopen, l->reopen);
	errend(said, sizeof(said));
	wanttext("udpbond: link wg1: ", said);
	want("lines", (int)strlen(said) - 1,
	    (int)strcspn(said, "\n"));
	want("state", LinkDown, l->state);
	verdict("down for long: a new socket, its failure told once");
}

/* measure */

/* The peer answers a heartbeat that left at 0 with an echo. Its clock has
 * nothing to do with ours. */
static void
testrtt(void)
{
	static const struct {
		const char *name;
		int came, echo, held, rtt; /* us; rtt -1: no answer */
	} t[] = {
		{ "echo at once", 20000, 0, 0, 20000 },
		{ "held for 100 ms", 120000, 0, 100000, 20000 },
		{ "held for 70 us", 370, 0, 70, 300 },
		{ "held all the time", 50000, 0, 50000, 0 },
		{ "held for longer than it took", 50000, 0, 50001, -1 },
		{ "unknown beat", 20000, 1, 0, -1 },
		{ "beat of the future", 20000, 30000, 0, -1 },
		{ "beat long ago", 20000, -5000000, 0, -1 },
	};
	static const struct {
		const char *name;
		int sample[4], srtt, rttvar; /* us */
	} series[] = {
		{ "RFC 6298, first", { 20000, 0, 0, 0 }, 20000, 10000 },
		{ "RFC 6298, second", { 20000, 28000, 0, 0 }, 21000, 9500 },
		{ "RFC 6298, third", { 20000, 28000, 13000, 0 }, 20000, 9125 },
		{ "RFC 6298, steady", { 80000, 80000, 80000, 80000 }, 80000,
		  16875 },
	};
	Link *l = &bond[0];
	Beat b = { .id = theirs, .peerid = ours };
	int64_t begin;
	int i, j;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		l->delay.srtt = l->delay.rttvar = l->echo.good = 0;
		begin = now;
		beat(l);
		now += t[i].came * Us;
		b.link = 0;
		b.time = (INT64_C(77) << 40) * Us;
		b.echo = begin + t[i].echo * Us;
		b.held = t[i].held * Us;
		b.next = 1;
		arrivebeat(0, 1, &b, peerkey());
		want("counts", t[i].rtt >= 0, l->echo.good);
		want("RTT", MAX(t[i].rtt, 0) * Us, l->delay.srtt);
		want("heard", now, l->heard.came);
		b.time += Us;
		arrivebeat(0, 2, &b, peerkey());
		want("counts twice", t[i].rtt >= 0, l->echo.good);
		verdict(t[i].name);
	}
	for (i = 0; i < LEN(series); i++) {
		l->delay.srtt = l->delay.rttvar = 0;
		for (j = 0; j < 4 && series[i].sample[j]; j++)
			measurertt(&l->delay, series[i].sample[j] * Us);
		want("srtt", series[i].srtt * Us, l->delay.srtt);
		want("rttvar", series[i].rttvar * Us, l->delay.rttvar);
		verdict(series[i].name);
	}

	anew(Client);
	for (i = 0; i < 2; i++) {
		l = &bond[i];
		begin = now;
		beat(l);
		b.link = i;
		b.echo = begin;
		b.held = MS(5);
		/* the peer's clock is some hours behind */
		b.time = now - SEC(900) + (i ? MS(40) : MS(10)) + b.held;
		now += (i ? MS(80) : MS(20)) + b.held;
		arrivebeat(i, i + 1, &b, peerkey());
	}
	want("more by link 1", MS(30), bond[1].delay.owd - bond[0].delay.owd);
	verdict("one-way delays without a common clock");
}

/* 100 ms later a heartbeat with these tallies is echoed, at once */
static void
echoes(Link *l, const Tally *out, const Tally *in)
{
	Beat b = { .rxpkts = in->pkts, .rxbytes = in->bytes };

	now += MS(100);
	b.time = b.echo = now;
	l->beats.n = 1;
	l->beats.sent[0] = *out;
	l->beats.sent[0].time = now;
	measure(l, &b);
}

/* between two echoes, counters near their end too */
static void
testloss(void)
{
	static const struct {
		const char *name;
		uint64_t tx, rx;      /* before */
		int sent, got, loss;  /* loss: of 1000 */
	} t[] = {
		{ "none", 1000, 900, 100, 100, 0 },
		{ "2 %", 1000, 900, 100, 98, 20 },
		{ "half", 1000, 900, 1000, 500, 500 },
		{ "all", 1000, 900, 100, 0, 1000 },
		{ "too few to tell", 1000, 900, 10, 5, 0 },
		{ "more than were sent", 1000, 900, 100, 110, 0 },
		{ "tx wraps at 32 bits", UINT32_MAX - 50, 900, 100, 98, 20 },
		{ "tx wraps at 64 bits", UINT64_MAX - 50, 900, 100, 98, 20 },
		{ "rx wraps at 64 bits", 1000, UINT64_MAX - 50, 100, 98, 20 },
		{ "both wrap", UINT64_MAX, UINT64_MAX - 97, 100, 98, 20 },
	};
	Link *l = &bond[0];
	Tally out = { 0 }, in = { 0 };
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		l->echo.tx.time = now;
		l->echo.tx.pkts = t[i].tx;
		l->echo.rx.pkts = t[i].rx;
		out.pkts = t[i].tx + t[i].sent;
		in.pkts = t[i].rx + t[i].got;
		echoes(l, &out, &in);
		want("of 1000", t[i].loss, (int)(l->loss.ratio * 1000 + .5));
		verdict(t[i].name);
	}

	anew(Client);
	memset(&out, 0, sizeof(out));
	memset(&in, 0, sizeof(in));
	echoes(l, &out, &in);
	for (i = 0; i < 100; i++) {
		out.pkts += 100;
		in.pkts += 95;
		echoes(l, &out, &in);
	}
	want("of 1000", 50, (int)(l->loss.ratio * 1000 + .5));
	for (i = 0; i < 100; i++) {
		out.pkts += 100;
		in.pkts += 100;
		echoes(l, &out, &in);
	}
	wantin("of 1000 later", 0, 5, (int)(l->loss.ratio * 1000 + .5));
	verdict("is forgotten");

	anew(Client);
	out.time = MS(1);
	out.pkts = UINT64_MAX - 3;
	out.bytes = UINT64_MAX - 999;
	in.time = MS(101);
	in.pkts = 6;
	in.bytes = 9000;
	want("bit/s", (10000 + 10 * 88) * 80, tallyrate(l, &out, &in));
	verdict("rate while counters wrap");
}

/* reorder */

/* what the last report said to be missing: a log of it */
static char missed[LogSize];

/* adds to the log what came out of the TUN, and what the peer is told to be
 * missing when that is something else than before */
static void
collect(char *log)
{
	static uint8_t d[Room];
	char told[LogSize];
	const char *missing;
	int by;
	Said s;

	while (fdread(lanfd, d) > 0)
		add(log, "%s%s%d", *log ? " " : "",
		    get(d + 20, 2) == 2000 ? "e" : "", (int)markof(d));
	if (peersaid(&s, &by) == 0)
		return;
	s.nof = 0;
	*told = '\0';
	saidlog(&s, told);
	missing = strchr(told, '?') ? strchr(told, '?') : "";
	if (*missing && strcmp(missed, missing))
		add(log, " %s", missing);
	strcpy(missed, missing);
}

/* turns of the loop for some ms, in which the links stay up */
static void
pass(int ms, char *log)
{
	int i;

	while (ms-- > 0) {
		now += MS(1);
		for (i = 0; i < Nlinks; i++) {
			bond[i].echo.came = now;
			bond[i].beats.next = now + MS(hbinterval);
		}
		timers();
		schedule();
		collect(log);
	}
}

/* Link by that brings a packet: kind : is TCP, u UDP, q QUIC, i ICMP, each of
 * one flow, e is UDP of another, r a repair of :, s a repair of u. It comes
 * after so many seqs, 0: after none. */
static void
bring(int by, int seq, char kind, int after)
{
	uint8_t ip[64];
	int n;

	if (kind == ':' || kind == 'r')
		n = tcppacket(ip, 60, 1000, seq);
	else
		n = ippacket(ip, 60, 0, kind == 'q' ? 443 : kind == 'e' ?
		    2000 : 3000, seq);
	if (kind == 'i') {
		ip[9] = IPPROTO_ICMP;
		ipfinish(ip);
	}
	arriveafter(by, seq, kind == 'r' || kind == 's' ? FlagRepair : 0,
	    after, ip, n);
}

/* Words of the script: 0:5 link 0 brings seq 5, 0:5-7 seqs 5 to 7, for other
 * kinds than : see bring(); each comes after the one before, 0:5<3 after 3,
 * 0:5<5 after none, as do those of kind e. 0h5 a heartbeat whose next seq is
 * 5, +4 4 ms go by, =4 they do without a turn of the loop. The log has the
 * seqs delivered, ?2 when 2 is told to be missing, and | where time goes
 * by. */
static void
play(const char *script, char *log)
{
	int link, seq, last, after, n;
	char kind;
	Beat b = { .id = theirs, .peerid = ours };

	*log = *missed = '\0';
	for (; *script; script += strcspn(script, " ")) {
		script += strspn(script, " ");
		if (*script == '+') {
			add(log, " |");
			pass(atoi(script), log);
			continue;
		}
		if (*script == '=') {
			now += MS(atoi(script + 1));
			continue;
		}
		last = n = 0;
		if (sscanf(script, "%d%c%d%n-%d%n", &link, &kind, &seq, &n,
		    &last, &n) < 3)
			die("%s: not a word of a script", script);
		after = kind == 'e' ? 0 : 1;
		if (sscanf(script + n, "<%d", &after) == 1)
			after = seq - after;
		if (kind == 'h') {
			b.link = link;
			b.time = now - (link ? MS(40) : MS(10));
			b.next = seq;
			arrivebeat(link, rx.replay[LaneBeat].last + 1, &b,
			    peerkey());
		} else {
			do {
				bring(link, seq, kind, after);
			} while (++seq <= last);
		}
		collect(log);
	}
}

/* two links are heard, RTT 20 and 80 ms */
static void
testreorder(void)
{
	static const struct {
		const char *name, *script, *log;
		int inorder, reordered, late, lost, repaired, dup;
	} t[] = {
		{ "in order", "0:1-5 +40", "1 2 3 4 5 |", 5, 0, 0, 0, 0, 0 },
		{ "two links in turn", "0:1 1:2 0:3 1:4", "1 2 3 4",
		  4, 0, 0, 0, 0, 0 },
		{ "one overtakes", "0:1 1:3 0:2 1:4", "1 2 3 4",
		  3, 1, 0, 0, 0, 0 },
		{ "backwards", "0:5 0:4 0:3 0:2 0:1", "1 2 3 4 5",
		  1, 4, 0, 0, 0, 0 },
		{ "gap filled within Grace", "0:1 0:3-4 +2 1:2 +40",
		  "1 | 2 3 4 |", 2, 2, 0, 0, 0, 0 },
		{ "gap filled in time", "0:1 0:3-4 +40 1:2 +40",
		  "1 | ?2 2 3 4 |", 2, 2, 0, 0, 0, 0 },
		{ "duplicates", "0:1 1:1 0:2 0:2 0:4 1:4 0:3 0:4", "1 2 3 4",
		  3, 1, 0, 0, 0, 4 },
		{ "without order none is held", "0:1 0:4<2 0e3 1e5 0:2 0e6",
		  "1 e3 e5 2 4 e6", 5, 1, 0, 0, 0, 0 },
		{ "the same twice", "0e1 1e1 0e2 0e1", "e1 e2",
		  2, 0, 0, 0, 0, 2 },
		{ "heartbeats tell of the last ones", "0:1 0h4 +20",
		  "1 | ?2 ?3", 1, 0, 0, 0, 0, 0 },
		{ "several gaps", "0:1 0:4 0:7-8 0:10 1:11 +20",
		  "1 | ?2 ?3 ?5 ?6 ?9", 1, 5, 0, 0, 0, 0 },
		{ "one gap more", "0:1 0:3 1:4 +20 0:6 1:7 +20",
		  "1 | ?2 | ?2 ?5", 1, 4, 0, 0, 0, 0 },
		{ "repair comes", "0:1 0:3 1:4 +20 0r2 +20",
		  "1 | ?2 2 3 4 |", 2, 2, 0, 0, 1, 0 },
		{ "repair and original", "0:1 0:3 1:4 +20 0r2 1:2 +20",
		  "1 | ?2 2 3 4 |", 2, 2, 0, 0, 1, 1 },
		{ "repair of what was not missed yet", "0:1 0:3 0r2", "1 2 3",
		  2, 1, 0, 0, 1, 0 },
		{ "a copy overtakes", "0r1 1:1 0r2 0:3 1:2", "1 2 3",
		  3, 0, 0, 0, 2, 2 },
		{ "a copy is held", "0:1 0r3 1:3 1:2", "1 2 3",
		  2, 1, 0, 0, 1, 1 },
		{ "told again and again, then given up",
		  "0:1 0:3 +20 +970 +20", "1 | ?2 | | 3", 1, 1, 0, 1, 0, 0 },
		{ "comes after all", "0:1 0:3 +1010 0r2 1:2 0:4",
		  "1 | ?2 3 2 4", 2, 1, 1, 1, 1, 1 },
		{ "each has its own time", "0:1 0:3 +500 0:5 +510 +500",
		  "1 | ?2 | ?2 ?4 3 ?4 | 5", 1, 2, 0, 2, 0, 0 },

		/* flows, and what they wait for */
		{ "the loss of a flow holds no other",
		  "0:1 0u2<2 0:5<1 0u4 +40 0:6 0u7<4 +40 0u3",
		  "1 2 5 | ?3 6 | 3 4 7", 5, 2, 0, 0, 0, 0 },
		{ "two flows in turn, both lose", "0:1 0u2<2 0:5<3 0u6<4 0:7<5"
		  " 0u8<6 +40 0u4<2 +10 0:3<1",
		  "1 2 | ?3 ?4 4 6 8 | ?3 3 5 7", 4, 4, 0, 0, 0, 0 },
		{ "UDP is held for 250 ms", "0u1 0u3-4 +240 +15 0u5",
		  "1 | ?2 | 3 4 5", 2, 2, 0, 1, 0, 0 },
		{ "from when it was missed", "0u1 0u3<3 +200 0u4<2 +40 +15",
		  "1 3 | ?2 | | 4", 2, 1, 0, 1, 0, 0 },
		{ "it was missed long ago", "0u1 0u3<3 +300 0u4<2 +2 0:5<5",
		  "1 3 | ?2 | 4 5", 3, 1, 0, 1, 0, 0 },
		{ "ICMP too", "0i1 0i3 +240 +15", "1 | ?2 | 3",
		  1, 1, 0, 1, 0, 0 },
		{ "QUIC is held as long as TCP", "0q1 0q3 +500 +490 +20",
		  "1 | ?2 | | 3", 1, 1, 0, 1, 0, 0 },
		{ "TCP behind UDP waits for itself", "0u1 0u3 0:5<4 +260 +740",
		  "1 | ?2 ?4 3 ?4 | 5", 1, 2, 0, 2, 0, 0 },
		{ "none waits for it: lost, but later", "0e1 0e3 +250 +740 +20"
		  " 0e2", "e1 e3 | ?2 | | e2", 2, 0, 1, 1, 0, 0 },
		{ "the given up one comes, the next passes",
		  "0u1 0u3 +260 0s2 0u4", "1 | ?2 3 2 4", 2, 1, 1, 1, 1, 0 },
		{ "what waits for one that is lost", "0:1 0:3 +1010 0:5<2",
		  "1 | ?2 3 5", 2, 1, 0, 1, 0, 0 },
		{ "for one that has passed", "0:1 0e3 0:5<3", "1 e3 5",
		  3, 0, 0, 0, 0, 0 },
		{ "for one that is long gone", "0:1-3 0:5<2", "1 2 3 5",
		  4, 0, 0, 0, 0, 0 },
		{ "for one below all", "0:5<-3 0:1", "5 1",
		  2, 0, 0, 0, 0, 0 },
		{ "for seq 0", "0:3<0 0:2<0 0:1", "3 2 1",
		  3, 0, 0, 0, 0, 0 },
		{ "two wait for the same, the second one goes",
		  "0:1 0:3<2 0:4<2 0:2", "1 4 2 3", 3, 1, 0, 0, 0, 0 },
		{ "two wait for the same, which is held",
		  "0:1 0:3 0:4<3 0:5<3 0:2", "1 5 2 3 4", 3, 2, 0, 0, 0, 0 },
		{ "waits again for one that was lost and is late",
		  "0:1 0:3 +1010 0:2 0:5<3 0:4<2", "1 | ?2 3 2 5 4",
		  3, 1, 1, 1, 0, 0 },
		{ "a chain over another flow's gap",
		  "0:1 0:5<1 0:6 0:8<6 0:9 0e2", "1 5 6 8 9 e2",
		  6, 0, 0, 0, 0, 0 },
		{ "held, and comes again as it is late",
		  "0u1 0u3 0u3 +260 0s3 0s2 0u2", "1 | ?2 3 2",
		  1, 1, 1, 1, 1, 3 },
	};
	char log[LogSize];
	uint8_t ip[64];
	uint64_t mark;
	int i;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		play(t[i].script, log);
		wantstr("log", t[i].log, log);
		want("in order", t[i].inorder, counts[CntInorder]);
		want("reordered", t[i].reordered, counts[CntReordered]);
		want("late", t[i].late, counts[CntLate]);
		want("lost", t[i].lost, counts[CntLost]);
		want("repaired", t[i].repaired, counts[CntRepaired]);
		want("duplicates", t[i].dup, counts[CntDup]);
		pass(1100, log);
		want("expected", rx.known, rx.expected);
		want("nothing is due", INT64_MAX, rx.next);
		want("no report", INT64_MAX, rx.nextreport);
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}

	for (i = 0; i < 4; i++) {
		anew(Client);
		bring(0, 1, i / 2 ? ':' : 'u', 1);
		bring(0, 3, i / 2 ? ':' : 'u', 1);
		now += (i / 2 ? MS(reorderms) : MS(250)) - 1 + i % 2;
		reordercheck();
		want("given up", i % 2, counts[CntLost]);
		want("next", i % 2 ? INT64_MAX : now + 1, rx.next);
	}
	verdict("held for its time and no longer");

	anew(Client);
	put(ip, 0, OrderLen);
	arriveafter(0, 1, FlagOrder, 0, ip, OrderLen);
	arriveafter(0, 2, FlagOrder, 0, ip, OrderLen);
	arriveafter(0, 4, 0, 1, ip, 0);
	ip[1] = 1;
	arriveafter(0, 3, FlagOrder, 0, ip, OrderLen);
	want("delivered", 0, lanread(&mark));
	want("expected", 5, rx.expected);
	want("packets not in the pool", 0, inuse());
	verdict("orders without a packet");
}

/* so many packets of a kind, of 1000 bytes, from that seq on: each comes after
 * the one before */
static void
bringmany(int seq, int n, char kind)
{
	uint8_t ip[1000];

	for (; n > 0; n--, seq++) {
		if (kind == ':')
			tcppacket(ip, 1000, 1000, seq);
		else
			ippacket(ip, 1000, 0, kind == 'q' ? 443 : 3000, seq);
		arriveafter(0, seq, 0, 1, ip, 1000);
	}
}

/* what is set free leaves no faster than a socket takes it, but for TCP */
static void
testpaced(void)
{
	static const struct {
		const char *name;
		char kind;
		int least[4], most[4]; /* in ms 0, 1, 2; in all */
	} t[] = {
		{ "UDP", 'u', { 60, 60, 60, 1001 }, { 70, 70, 70, 1001 } },
		{ "QUIC", 'q', { 60, 60, 60, 1001 }, { 70, 70, 70, 1001 } },
		{ "TCP", ':', { 1000, 0, 0, 1001 }, { 1001, 0, 0, 1001 } },
	};
	uint64_t mark, last;
	int i, j, ms, n, all;
	Session s;

	for (i = 0; i < LEN(t); i++) {
		for (j = 0; j < 2; j++) {
			anew(Client);
			filelan();
			bringmany(1, 1, t[i].kind);
			bringmany(3, 1000, t[i].kind);
			want("before", 1, filelanread(1000, &mark));
			if (j == 0) {
				bringmany(2, 1, t[i].kind);
			} else { /* it is given up */
				now += MS(reorderms);
				reordercheck();
			}
			for (last = 2, all = ms = 0; ms < 100; ms++) {
				n = filelanread(1000, &mark);
				if (ms < 3)
					wantin("in a ms", t[i].least[ms],
					    t[i].most[ms], n);
				if (n > 0)
					want("mark", last + n - (!ms && !j),
					    mark);
				if (n > 0)
					last = mark;
				all += n;
				if (t[i].kind != ':')
					want("next", all < 1001 - j ? now +
					    MS(1) : INT64_MAX, rx.next);
				now += MS(1);
				reordercheck();
			}
			now += SEC(1);
			reordercheck();
			want("all", t[i].most[3] - j, all);
			want("expected", rx.known, rx.expected);
			want("packets not in the pool", 0, inuse());
			reportsend();
			want("nothing is due", INT64_MAX, MIN(rx.next,
			    rx.nextreport));
			fdpair(&tun.fd, &lanfd);
		}
		verdict(t[i].name);
	}

	/* more comes than there are slots for */
	anew(Client);
	filelan();
	bringmany(1, 1, 'u');
	bringmany(3, reorderpkts - 100, 'u');
	bringmany(2, 1, 'u');
	wantin("some", 60, 70, filelanread(1000, &mark));
	n = rx.known;
	bringmany(n + 1, 220, ':');
	want("expected", rx.known - reorderpkts, rx.expected);
	for (i = 0; i < 400; i++) {
		now += MS(1);
		reordercheck();
	}
	filelanread(1000, &mark);
	want("the last one before the gap", n - 1, mark);
	want("those behind it wait", 220, inuse());
	bringmany(n, 1, ':');
	want("they come", 221, filelanread(1000, &mark));
	want("expected", rx.known, rx.expected);
	want("lost", 0, counts[CntLost]);
	want("packets not in the pool", 0, inuse());
	fdpair(&tun.fd, &lanfd);
	verdict("out of the ring while it is set free");

	/* more flows than are paced: what is too much goes at once */
	anew(Client);
	filelan();
	bringmany(1, 1, 'u');
	bringmany(3, 200, 'u');
	bringmany(2, 1, 'u');
	for (i = 0; i < 2 * Paced; i++) { /* one waits, then the first comes */
		uint8_t ip[1000];
		uint64_t seq = rx.known;

		ippacket(ip, 1000, 0, 4000 + i, seq + 1);
		arriveafter(0, seq + 1, 0, 1, ip, 1000);
		ippacket(ip, 1000, 0, 4000 + i, seq);
		arriveafter(0, seq, 0, 0, ip, 1000);
	}
	want("paced", Paced, rx.npaced);
	for (i = 0; i < 20; i++) {
		now += MS(1);
		reordercheck();
	}
	want("paced", 0, rx.npaced);
	want("all", 202 + 4 * Paced, filelanread(1000, &mark));
	want("expected", rx.known, rx.expected);
	want("packets not in the pool", 0, inuse());
	fdpair(&tun.fd, &lanfd);
	verdict("too many flows");

	anew(Client);
	filelan();
	bringmany(2, 500, 'u');
	bringmany(1, 1, 'u');
	wantin("held", 1, 500, inuse());
	want("paced", 1, rx.npaced);
	s = peer.session;
	s.peerid++;
	newsession(&s);
	want("packets not in the pool", 0, inuse());
	for (i = 0; i < Nlinks; i++)
		bond[i].heard.came = now, bond[i].heard.begun = 1;
	filelanread(1000, &mark);
	bringmany(2, 100, ':'); /* as many as were set free before */
	now += MS(2);
	rx.next = now;
	reordercheck();
	want("none is set free", 0, filelanread(1000, &mark));
	bringmany(1, 1, ':');
	want("all", 101, filelanread(1000, &mark));
	want("packets not in the pool", 0, inuse());
	fdpair(&tun.fd, &lanfd);
	verdict("a new session meanwhile");
}

static void
testwindow(void)
{
	char log[LogSize];
	uint64_t mark = 0;
	Session s;
	Beat b = { .id = theirs, .peerid = ours };
	int i, n;

	anew(Client);
	arrivetcp(0, 1, 0);
	for (n = 0, i = 3; i <= reorderpkts + 1; i++) {
		arrivetcp(0, i, 0);
		n += lanread(&mark);
	}
	want("delivered", 1, n);
	want("held", reorderpkts - 1, inuse());
	verdict("full");

	filelan();
	arrivetcp(0, i, 0);
	want("delivered", reorderpkts, filelanread(60, &mark));
	want("up to", reorderpkts + 2, mark);
	want("lost", 1, counts[CntLost]);
	want("packets not in the pool", 0, inuse());
	arrivetcp(0, 3, 0);
	want("duplicates", 1, counts[CntDup]);
	arrivetcp(0, 2, 0);
	want("too late", 0, filelanread(60, &mark));
	want(dropname[DropWindow], 1, drops[DropWindow]);
	fdpair(&tun.fd, &lanfd);
	verdict("overflow: the oldest gap is given up");

	anew(Client);
	filelan();
	arrivetcp(0, 2, 0);
	arrivetcp(0, 4, 0);
	for (i = 5; i < reorderpkts + 1; i++)
		arrivedata(0, i, 0);
	filelanread(60, &mark);
	want("held", 2, inuse());
	arrivedata(0, i, 0);
	want("lost, and what waited goes", 2, filelanread(60, &mark));
	want("held", 1, inuse());
	want("expected", 3, rx.expected);
	arrivedata(0, i + 2, 0);
	want("and again", 2, filelanread(60, &mark));
	want("expected", i + 1, rx.expected);
	want("packets not in the pool", 0, inuse());
	fdpair(&tun.fd, &lanfd);
	verdict("overflow with gaps, one by one");

	anew(Client);
	arrivetcp(0, 1, 0);
	arrivetcp(0, 5, 0);
	n = lanread(&mark);
	arrivetcp(0, 19999, 0);
	want("doubted", 0, lanread(&mark));
	arrivedata(0, 20000, 0);
	want("delivered", 2, lanread(&mark));
	want("up to", 20000, mark);
	want("lost", 20000 - reorderpkts - 2, counts[CntLost]);
	arrivedata(0, 20000 - 1000, 0);
	want("one that is missing", 1, lanread(&mark));
	arrivedata(0, 20000 - reorderpkts, 0);
	want("one too old", 0, lanread(&mark));
	want(dropname[DropWindow], 2, drops[DropWindow]);
	want("late", 0, counts[CntLate]);
	verdict("a jump by more than the window");

	anew(Client);
	arrivedata(0, 1, 0);
	arrivedata(0, 1 + SeqJump + 2, 0);
	want(dropname[DropWindow], 1, drops[DropWindow]);
	arrivedata(0, UINT64_MAX, 0);
	arrivedata(0, UINT64_MAX - reorderpkts, 0);
	arrivedata(0, (uint64_t)0 - reorderpkts, 0);
	want(dropname[DropWindow], 4, drops[DropWindow]);
	arrivedata(0, 2, 0);
	want("delivered", 2, lanread(&mark));
	verdict("a seq out of all reason");

	anew(Client);
	for (i = 0; i < Nlinks; i++)
		bond[i].heard.came = bond[i].heard.begun = 0;
	arrivedata(0, 1, 0);
	want(dropname[DropSession], 1, drops[DropSession]);
	for (i = 0; i < Nlinks; i++)
		bond[i].heard.came = now, bond[i].heard.begun = 1;
	arrivetcp(0, 1, 0);
	arrivetcp(0, 2, 0);
	arrivetcp(0, 5, 0);
	arrivetcp(0, 7, 0);
	want("delivered", 2, lanread(&mark));
	s = peer.session;
	s.peerid++;
	newsession(&s);
	want("held", 0, inuse());
	for (i = 0; i < Nlinks; i++)
		bond[i].heard.came = now, bond[i].heard.begun = 1;
	arrivetcp(0, 1, 0);
	arrivetcp(0, 3, 0);
	arrivetcp(0, 2, 0);
	want("delivered", 3, lanread(&mark));
	want("up to", 3, mark);
	want("duplicates", 0, counts[CntDup]);
	verdict("the peer restarts and counts from 1");

	anew(Client);
	for (i = 0; i < Nlinks; i++)
		bond[i].heard.came = now, bond[i].heard.begun = 1;
	play("0:1-2 0:5 0h90000 0:6 0h90000 0h90000 =20 0:90000<90000 0:90002 0:90001",
	    log);
	wantstr("log", "1 2 5 6 90000 90001 90002", log);
	want("packets not in the pool", 0, inuse());
	verdict("a heartbeat tells of a jump out of all reason");

	/* near the end of what a heartbeat may tell */
	anewkeyed(Client);
	arrivetcp(0, 2, 0);
	b.next = (UINT64_C(1) << 56) - 3;
	b.time = now;
	arrivebeat(0, 1, &b, peerkey());
	want("what was held goes", 1, lanread(&mark));
	wanthex("known", b.next, rx.known);
	wanthex("expected", b.next - reorderpkts, rx.expected);
	wanthex("lost", b.next - reorderpkts - 2, counts[CntLost]);
	now += MS(20);
	for (i = 0; i < 8; i++)
		arrivetcp(0, b.next + 7 - i, 0);
	arrivedata(0, b.next - 1, 0);
	want("in order", 9, lanread(&mark));
	wanthex("up to", b.next + 7, mark);
	now += SEC(2);
	reordercheck();
	wanthex("expected", rx.known, rx.expected);
	want("packets not in the pool", 0, inuse());
	verdict("a jump to the end of the numbers");
}

/* what a peer sends by five links, each of which keeps its order: packets of
 * flows in turn, every other one UDP */
enum { Packets = 8000, Kinds = 6 };
static struct { int64_t at; uint64_t seq; int flags; } pipes[Nlinks][1024];
static unsigned sentin[Nlinks], cameout[Nlinks];
static int64_t newest[Nlinks];    /* ns, when the newest comes */
static struct { int flow, after, had, gone; } packet[Packets + 1];

static void
launch(int link, uint64_t seq, int flags)
{
	static const int delays[] = { 10, 40, 41, 45, 50 }; /* ms */
	unsigned i = sentin[link]++ % LEN(pipes[0]);
	int64_t at = now + MS(delays[link]) + rnd(3000) * Us;

	newest[link] = MAX(newest[link], at);
	pipes[link][i].at = newest[link];
	pipes[link][i].seq = seq;
	pipes[link][i].flags = flags;
}

static void
land(int link)
{
	static uint64_t beats = 100;
	Beat b = { .id = theirs, .peerid = ours };
	uint64_t seq;
	unsigned i;
	int flags, udp;

	for (; cameout[link] != sentin[link]; cameout[link]++) {
		i = cameout[link] % LEN(pipes[0]);
		if (pipes[link][i].at > now)
			return;
		seq = pipes[link][i].seq;
		flags = pipes[link][i].flags;
		if (flags != FlagBeat) {
			udp = packet[seq].flow & 1;
			bring(link, seq, flags & FlagRepair ? "rs"[udp] :
			    ":u"[udp], packet[seq].after);
			continue;
		}
		b.link = link;
		b.time = pipes[link][i].at - MS(40);
		b.next = seq;
		arrivebeat(link, beats++, &b, peerkey());
	}
}

/* Some packets are lost, some come twice; what is asked for comes again, or
 * does not. All that is not lost is delivered once, and each flow's in order:
 * who waits for none, as one in 50, may overtake. */
static void
testreorderrandom(void)
{
	enum { Rest = 1500 }; /* ms */
	static const struct {
		const char *name;
		int lossy, answers;   /* one in so many */
	} t[] = {
		{ "long run, nothing lost", 0, 0 },
		{ "long run, 1 % lost", 100, 0 },
		{ "long run, 1 % lost and sent again", 100, 1 },
		{ "long run, a third lost and sent again", 3, 1 },
	};
	char log[LogSize], *word;
	uint64_t of[Kinds], seq;
	int i, j, f, ms, end, n, mark, lost, copies, overtook, twice;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		memset(packet, 0, sizeof(packet));
		memset(sentin, 0, sizeof(sentin));
		memset(cameout, 0, sizeof(cameout));
		memset(newest, 0, sizeof(newest));
		memset(of, 0, sizeof(of));
		lost = copies = overtook = twice = 0;
		seq = 0;
		for (ms = end = 0; ms < end + Rest; ms++) {
			end = seq < Packets ? ms : end;
			for (n = rnd(4); n > 0 && seq < Packets; n--) {
				seq++;
				f = packet[seq].flow = rnd(Kinds);
				if (of[f] && rnd(50))
					packet[seq].after = seq - of[f];
				of[f] = seq;
				packet[seq].gone = t[i].lossy &&
				    !rnd(t[i].lossy);
				lost += packet[seq].gone;
				if (packet[seq].gone)
					continue;
				launch(rnd(Nlinks), seq, FlagData);
				if (!rnd(100)) {
					launch(rnd(Nlinks), seq, FlagRepair);
					copies++;
				}
			}
			for (j = 0; ms % 100 == 0 && j < Nlinks; j++)
				launch(j, seq + 1, FlagBeat);
			for (j = 0; j < Nlinks; j++)
				land(j);
			*log = '\0';
			pass(1, log);
			for (word = strtok(log, " "); word;
			    word = strtok(NULL, " ")) {
				mark = atoi(word + (*word == '?'));
				if (*word == '?') {
					/* one that is lost, and once */
					if (t[i].answers &&
					    packet[mark].gone == 1)
						launch(0, mark, FlagRepair);
					packet[mark].gone +=
					    packet[mark].gone == 1;
					continue;
				}
				twice += packet[mark].had++;
				n = mark - packet[mark].after;
				overtook += n < mark && !packet[n].had &&
				    (t[i].answers || !packet[n].gone);
			}
		}
		want("twice", 0, twice);
		want("out of order", 0, overtook);
		want("late", 0, counts[CntLate]);
		want("lost", t[i].answers ? 0 : lost, counts[CntLost]);
		wantin("repaired", t[i].answers ? lost : 0,
		    (t[i].answers ? lost : 0) + copies, counts[CntRepaired]);
		want("duplicates", copies, counts[CntDup]);
		for (j = 1; j <= Packets; j++)
			if (!packet[j].had && (!packet[j].gone ||
			    t[i].answers))
				want("not delivered", -1, j);
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}
}

/* report */

/* what the peer is told, and what the sender makes of the same bytes */
static void
testreport(void)
{
	static const struct {
		const char *name, *sent, *came, *said, *flights, *again;
	} t[] = {
		{ "nothing came", "0", "", "", " 0: 1", "" },
		{ "one packet", "0", "0:1", "<2 0:1", "", "" },
		{ "three of a link", "0001", "0:1-3", "<4 0:3", " 1: 4", "" },
		{ "of two links", "0101", "0:1 1:2 0:3", "<4 0:3 1:2",
		  " 1: 4", "" },
		{ "of all links", "01234", "0:1 1:2 2:3 3:4 4:5",
		  "<6 0:1 1:2 2:3 3:4 4:5", "", "" },
		{ "one lost", "000", "0:1 0:3 =4", "<2 0:3 ?2", "", " 2" },
		{ "one late", "010", "0:1 0:3 =4", "<2 0:3 ?2", " 1: 2", "" },
		{ "within Grace none is missing", "000", "0:1 0:3",
		  "<2 0:3", "", "" },
		{ "the first lost", "00", "0:2 =4", "<1 0:2 ?1", "", " 1" },
		{ "lost and late", "01001", "0:1 0:4 =4", "<2 0:4 ?2 ?3",
		  " 1: 2 5", " 3" },
		{ "a newer gap", "0000000", "0:1 0:3 =4 0:7",
		  "<2 0:7 ?2", "", " 2" },
		{ "twenty lost", "0000000000000000000000", "0:1 0:22 =4",
		  "<2 0:22 ?2 ?3 ?4 ?5 ?6 ?7 ?8 ?9 ?10 ?11 ?12 ?13 ?14 ?15 "
		  "?16 ?17 ?18 ?19 ?20 ?21", "", " 2 3 4 5 6 7 8 9 10 11 12 "
		  "13 14 15 16 17 18 19 20 21" },
		{ "a heartbeat tells of the last", "000", "0:1 0h4 =4",
		  "<2 0:1 ?2 ?3", " 0: 2 3", "" },
		{ "swapped on the way", "000", "0:3 0:1 0:2", "<4 0:3", "",
		  "" },
		{ "a repair says nothing of its link", "001",
		  "0:1-2 0r3", "<4 0:2", "", "" },
		{ "nor when it is late", "0001", "0:1-2 1r3 1:4", "<5 0:2 1:4",
		  "", "" },
		{ "the original behind its repair", "011", "0:1 0r3 1:2 1:3",
		  "<4 0:1 1:3", "", "" },
		{ "those that waited for none too", "0100", "0e1 1e2 0e4 =4",
		  "<3 0:4 1:2 ?3", "", " 3" },
	};
	static const struct {
		const char *name;
		int len, gap;         /* bytes; ms */
		int least, most;      /* ms */
	} whens[] = {
		{ "each 10 ms, if much comes", 1000, 1, 10, 10 },
		{ "with what is 16 times as much, if little does", 60, 1, 16,
		  17 },
		{ "not so much comes", 60, 4, 60, 64 },
		{ "each 100 ms, if hardly anything comes", 60, 20, 100, 100 },
		{ "a packet each 90 ms", 1000, 90, 90, 180 },
		{ "a packet each 250 ms at once", 100, 250, 100, 251 },
	};
	uint8_t ip[1000];
	int len;
	char log[LogSize];
	int i, j, n, by;
	uint64_t mark;
	Said s;

	for (i = 0; i < LEN(t); i++) {
		anew(Server);
		bond[1].meter.rx.pkts = UINT32_MAX;
		bond[1].meter.rx.bytes = UINT32_MAX - UINT64_C(70);
		play(t[i].came, log);
		rx.nextreport = MIN(rx.nextreport, now);
		*log = '\0';
		if (*t[i].came) {
			reportsend();
			for (j = 0; j < Nlinks; j++)
				linkflush(&bond[j]);
		}
		saidof("<1", &s);
		if ((n = peersaid(&s, &by)) > 0) {
			saidlog(&s, log);
			want("time", now / Us, s.time);
			want("each", ReportLate / Us, s.every);
		}
		wantstr("said", t[i].said, log);
		want("twice, if of two links", s.nof > 1 ? 2 : *log != 0, n);

		/* the other end */
		anew(Client);
		goes(t[i].sent);
		now += MS(60);
		arrivesaid(0, &s);
		*log = '\0';
		againlog(log);
		wantstr("sent again", t[i].again, log);
		*log = '\0';
		flightlog(log);
		wantstr("flights", t[i].flights, log);
		want("all below", MAX(s.expected, 1), tx.oldest);
		want("form", 0, drops[DropForm]);
		verdict(t[i].name);
	}

	/* counts and times, and those near the end of 32 bits */
	anew(Server);
	bond[0].meter.rx.pkts = 41;
	bond[0].meter.rx.bytes = 5000;
	bond[1].meter.rx.pkts = UINT32_MAX - 1;
	bond[1].meter.rx.bytes = UINT32_MAX - UINT64_C(100);
	arrivedata(0, 1, 0);
	arrivedata(1, 2, 0);
	now += 700 * Us;
	arrivedata(1, 3, 0);
	now += 5300 * Us;
	arrivedata(1, 4, FlagRepair);
	rx.nextreport = now;
	reportsend();
	linkflush(&bond[0]);
	peersaid(&s, &by);
	want("links", 2, s.nof);
	want("pkts", 42, s.of[0].pkts);
	want("bytes", 5071, s.of[0].bytes);
	want("ago", 6000, s.of[0].ago);
	want("pkts", 0, s.of[1].pkts);
	want("bytes", 2 * 71 - 101, s.of[1].bytes);
	want("ago", 5300, s.of[1].ago);
	verdict("what had come with the newest");

	for (i = 0; i < LEN(whens); i++) {
		anew(Server);
		for (by = n = 0; n < 2000; n++) {
			now += MS(1);
			bond[0].echo.came = now;
			if (n < 1000 && n % whens[i].gap == 0) {
				len = ippacket(ip, whens[i].len, 0, 2000, n);
				arriveafter(0, rx.known, 0, 0, ip, len);
			}
			timers();
			for (j = 0; j < Nlinks; j++)
				linkflush(&bond[j]);
			if (peersaid(&s, &j) > 0 && n < 1000)
				by++;
			if (j && by > 1 && n < 1000)
				wantin("each", whens[i].least * 1000,
				    whens[i].most * 1000, s.every);
			want("after the load", 1, n < 1101 || !j);
			while (lanread(&mark))
				;
		}
		wantin("in 1000 ms", 1000 / whens[i].most - 1,
		    1000 / whens[i].least + 1, by);
		want("all has been told", INT64_MAX, rx.nextreport);
		verdict(whens[i].name);
	}

	anew(Server);
	arrivedata(0, 1, 0);
	arrivedata(0, 3, 0);
	for (by = i = 0; i < 300; i++) {
		now += MS(1);
		timers();
		for (j = 0; j < Nlinks; j++)
			linkflush(&bond[j]);
		by += peersaid(&s, &j) > 0;
	}
	wantin("in 300 ms", 300 / 10 - 1, 300 / 10 + 2, by);
	want("links of which there is nothing new", 0, s.nof);
	arrivedata(0, 2, 0);
	for (by = i = 0; i < 300; i++) {
		now += MS(1);
		timers();
		for (j = 0; j < Nlinks; j++)
			linkflush(&bond[j]);
		by += peersaid(&s, &j) > 0;
	}
	want("then", 1, by);
	verdict("again and again while something is missing");

	anew(Server);
	filelan();
	for (by = 0, i = 1; i <= 3 * ReportPkts; i++) {
		arrivedata(0, i, 0);
		reportsend();
		linkflush(&bond[0]);
		by += peersaid(&s, &j) > 0;
	}
	fdpair(&tun.fd, &lanfd);
	wantin("in a moment", 3, 4, by);
	verdict("sooner after many packets");

	for (i = 0; i < 2; i++) {
		anew(Server);
		bond[0].pace.rate = i ? RateMin : 300000;
		bond[0].delay.srtt = MS(10);
		linksare(1, LinkDown);
		for (by = 0, j = 1; j <= 2000; j++) {
			now += MS(1);
			bond[0].echo.came = now;
			arrivedata(0, j, 0);
			reportsend();
			linkflush(&bond[0]);
			by += peersaid(&s, &n) > 0;
			while (lanread(&mark))
				;
		}
		wantin("each, us", 15000, 100000, s.every);
		wantin("in 2 s", 20, 2000 / 16, by);
		wantin("of the link, in percent", 0, 100 / 8, i ? 0 : by / 2 *
		    (22 + 17 + 11 + 88) * 8 * 100 / 300000);
	}
	verdict("fewer by a slow link");

	/* the second one, never by a link that does not work */
	anew(Server);
	bond[3].flight.stalled = now;
	surveylinks();
	for (by = 0, i = 1; i <= 12; i += 2) {
		arrivedata(0, i, 0);
		arrivedata(1, i + 1, 0);
		rx.nextreport = now;
		reportsend();
		for (j = 0; j < Nlinks; j++)
			linkflush(&bond[j]);
		want("reports", 2, peersaid(&s, &j));
		want("quickest", 1, j & 1);
		by |= j;
	}
	want("by", 1 | 2 | 4 | 16, by);
	verdict("the second one by each other link in turn");

	anew(Server);
	linksare(1, LinkDown);
	arrivedata(0, 1, 0);
	arrivedata(1, 2, 0);
	rx.nextreport = now;
	reportsend();
	linkflush(&bond[0]);
	want("reports", 1, peersaid(&s, &j));
	linksare(0, LinkDown);
	arrivedata(0, 3, 0);
	rx.nextreport = now;
	reportsend();
	want("reports", 0, peersaid(&s, &j));
	verdict("one link, and none");
}

/* which packets are said to be missing */
static void
testmissing(void)
{
	static const struct {
		const char *name, *came;
		int max;              /* bytes */
		const char *bits;
	} t[] = {
		{ "nothing known", "", 400, "" },
		{ "all have come", "0:1-5", 400, "" },
		{ "missed this moment", "0:1 0:3", 400, "" },
		{ "missed for 2 ms", "0:1 0:3 =2", 400, "" },
		{ "missed for 3 ms", "0:1 0:3 =3", 400, "01" },
		{ "an old one and a new one", "0:1 0:3 =3 0:5", 400, "01" },
		{ "a new one before old ones is none", "0:3 =3 0:6", 400,
		  "03" },
		{ "two", "0:1 0:3 0:5 =3", 400, "05" },
		{ "eight, one byte", "0:9 =3", 400, "ff" },
		{ "nine, two bytes", "0:10 =3", 400, "ff01" },
		{ "the ninth only", "0:1 0:2-9 0:11 =3", 400, "01" },
		{ "far behind", "0:1 0:3-20 0:22 =3", 400, "01 0001 08" },
		{ "two bytes of zeros", "0:1 0:3-28 0:30 =3", 400,
		  "01 0002 08" },
		{ "zeros first", "0e2-20 0e22 0e1 =3 0h23 =3", 400, "01" },
		{ "none is missing, but one is held", "0:1 0:3", 400, "" },
		{ "nothing behind the last one", "0:2 0:4-40 =3", 400, "05" },
		{ "254 bytes of zeros", "0e2-2047 0e2049 =3", 400,
		  "01 00fe 80" },
		{ "255 bytes of zeros", "0e2-2048 0e2050 =3", 400,
		  "01 00ff 01" },
		{ "more of them than are told at once", "0e2-2499 0e2501 =3",
		  400, "01 00ff 0038 08" },
		{ "room for one", "0:1 0:3-20 0:22 =3", 3, "01" },
		{ "room for zeros, not for what follows",
		  "0:1 0:3-20 0:22 =3", 4, "01" },
		{ "just room for all", "0:1 0:3-20 0:22 =3", 6, "01 0001 08" },
		{ "two", "0:30 =3", 4, "ffff" },
		{ "no room", "0:30 =3", 2, "" },
		{ "none at all", "0:30 =3", 0, "" },
	};
	uint8_t wanted[64], d[ReportMax], *exactly;
	char log[LogSize];
	int i, n;

	for (i = 0; i < LEN(t); i++) {
		anew(Server);
		play(t[i].came, log);
		exactly = exact(d, t[i].max);
		n = reportmissing(exactly, t[i].max);
		wantbytes("bits", wanted, unhex(t[i].bits, wanted), exactly,
		    n);
		free(exactly);
		verdict(t[i].name);
	}

	/* more than fit: what is oldest is told of */
	anew(Server);
	arrivedata(0, 1, 0);
	for (i = 6000; i <= 6020; i++)
		arrivedata(0, i, 0);
	now += Grace;
	n = reportmissing(d, ReportMax);
	want("bytes", ReportMax - 2, n);
	for (i = 0; i < n; i++)
		want("bits", 0xff, d[i]);
	verdict("as many as a report has room for");
}

/* The sender reads what the receiver writes, whatever is missing. */
static void
testruns(void)
{
	static uint8_t truth[4096];
	uint8_t bits[512], *exactly;
	uint64_t from, seq;
	int i, j, n, max, rare, told, was, end;
	Slot *slot;
	Pkt *p;

	for (i = 0; i < 500; i++) {
		anew(Client);
		from = rnd(3) ? (uint64_t)1 + rnd(100000) :
		    (UINT64_C(1) << 56) - 100;
		n = rnd(LEN(truth));
		max = rnd(4) ? ReportMax - ReportHead : rnd(60);
		rare = 1 + rnd(1 << rnd(11));
		rx.expected = tx.oldest = from;
		rx.known = tx.seq[LaneData] = from + n;
		for (was = j = 0; j < n; j++) {
			slot = slotof(from + j);
			slot->state = !rnd(rare) ? Missing : 1 + rnd(3);
			if (rnd(2) && j > 0)
				slot->state = was;
			was = slot->state;
			slot->since = now - rnd(2) * Grace;
			truth[j] = slot->state == Missing &&
			    slot->since < now;
			p = waiting(Express, 7, 60, 0, 0);
			p->seq = from + j;
			*sentof(p->seq) = (Sent){ .p = p };
		}
		exactly = exact((uint8_t[ReportMax]){ 0 }, max);
		told = reportmissing(exactly, max);
		wantin("bytes", 0, max, told);
		getmissing(exactly, told, bits, sizeof(bits));
		/* up to where it had to end, all is as it is */
		for (end = n; end > 0 && (end > 8 * LEN(bits) ||
		    !(bits[(end - 1) / 8] & 1 << (end - 1) % 8)); end--)
			;
		for (j = 0; j < end; j++)
			want("bit", truth[j], bits[j / 8] >> j % 8 & 1);
		for (; j < n && told < max - 14; j++)
			want("bit left off", 0, truth[j]);
		peer.work = tx.budget = 0;
		reportlost(from, exactly, told);
		for (j = 0; j < end; j++) {
			if (!truth[j])
				continue;
			p = queueget(&tx.repairs);
			seq = p ? p->seq : 0;
			wanthex("sent again", from + j, seq);
			if (p)
				pktfree(p);
		}
		want("more is sent again", 0, tx.repairs.len);
		free(exactly);
		for (j = 0; j < n; j++)
			pktfree(sentof(from + j)->p);
	}
	verdict("at random, there and back");

	/* bytes that no receiver writes */
	anew(Client);
	goes("01010101");
	memset(&bond[0].flight, 0, sizeof(bond[0].flight));
	memset(&bond[1].flight, 0, sizeof(bond[1].flight));
	for (i = 0; i < 20000; i++) {
		n = rnd(40);
		for (j = 0; j < n; j++)
			bits[j] = rnd(3) ? rnd(256) : 0;
		exactly = exact(bits, n);
		peer.work = tx.budget = 0;
		reportlost(rnd(2) ? 1 : rnd(2) ? UINT64_MAX :
		    (uint64_t)rnd(20), exactly, n);
		free(exactly);
		if (tx.repairs.len > 8)
			want("no more than were sent", 8, tx.repairs.len);
	}
	want("in the end all", 8, tx.repairs.len);
	verdict("any bytes");
}

/* reports that are wrong, old or lies; packets 1 to 6 went by links 0 and 1 in
 * turn, 10 ms ago */
static void
testreportpkt(void)
{
	static const struct {
		const char *name;
		const char *before;   /* words of a report that came before */
		const char *said;
		int at, len;          /* a number put there into its bytes */
		uint64_t v;
		int cut;              /* bytes that are left off */
		const char *flights, *again;
		int measured, form, oldest;
	} t[] = {
		{ "good", NULL, "<1,0:5,1:4,?1,?3", 0, 0, 0, 0, " 1: 6",
		  " 1 3", 2, 0, 1 },
		{ "a byte short of the head", NULL, "<3", 0, 0, 0, 1,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 1, 1 },
		{ "a byte short of its links", NULL, "<1,0:5,1:4", 0, 0, 0, 1,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 1, 1 },
		{ "more links than bytes", NULL, "<1,0:5,?1", 21, 1, 2, 0,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 1, 1 },
		{ "255 links, no bytes", NULL, "<1", 21, 1, 255, 0,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 1, 1 },
		{ "unknown kind", NULL, "<1,0:5", 0, 1, 9, 0,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 1, 1 },
		{ "all have come", NULL, "<7", 0, 0, 0, 0, "", "", 0, 0, 7 },
		{ "more have come than were sent", NULL, "<8", 0, 0, 0, 0,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 1, 1 },
		{ "all that could be have come", NULL, "<1", 1, 8, UINT64_MAX,
		  0, " 0: 1 3 5 1: 2 4 6", "", 0, 1, 1 },
		{ "2^63 have come", NULL, "<1", 1, 8, UINT64_C(1) << 63,
		  0, " 0: 1 3 5 1: 2 4 6", "", 0, 1, 1 },
		{ "time beyond all reason", NULL, "<3,0:5", 9, 8,
		  UINT64_C(1) << 50, 0, " 0: 1 3 5 1: 2 4 6", "", 0, 1, 1 },
		{ "time below 0", NULL, "<3,0:5", 9, 8, UINT64_MAX, 0,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 1, 1 },
		{ "time 0", NULL, "<3,0:5", 9, 8, 0, 0, " 1: 2 4 6", "", 1, 0,
		  1 },
		{ "no such link", NULL, "<1,0:5,1:4,?1", 22, 1, Nlinks, 0,
		  " 0: 1 3 5 1: 6", "", 1, 0, 1 },
		{ "link 255", NULL, "<1,0:5,1:4,?1", 22, 1, 255, 0,
		  " 0: 1 3 5 1: 6", "", 1, 0, 1 },
		{ "sent by another link", NULL, "<1,0:4,?1", 0, 0, 0, 0,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 0, 1 },
		{ "not sent yet", NULL, "<1,0:5,?1", 23, 4, 7, 0,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 0, 1 },
		{ "not for long", NULL, "<1,0:5,?1", 23, 4, 0x7fffffff, 0,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 0, 1 },
		{ "seq 0", NULL, "<1,0:5,?1", 23, 4, 0, 0,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 0, 1 },
		{ "below 0", NULL, "<1,0:5,?1", 23, 4, 0xffffffff, 0,
		  " 0: 1 3 5 1: 2 4 6", "", 0, 0, 1 },
		{ "not kept any more", "<5,@9", "<5,0:3", 0, 0, 0, 0,
		  " 0: 5 1: 6", "", 0, 0, 5 },
		{ "older than what was reported", "<1,0:5,@9", "<1,0:3", 0, 0,
		  0, 0, " 1: 2 4 6", "", 1, 0, 1 },
		{ "the same again", "<1,0:5,@9", "<1,0:5,@9", 0, 0, 0, 0,
		  " 1: 2 4 6", "", 1, 0, 1 },
		{ "a copy", "<1,0:5,?1,@9", "<1,0:5,?1,@9", 0, 0, 0, 0,
		  " 1: 2 4 6", "", 1, 0, 1 },
		{ "overtaken by a newer one", "<3,0:3", "<5,1:4,?5,@2",
		  0, 0, 0, 0, " 0: 5 1: 6", "", 2, 0, 3 },
		{ "one link was twice in it", NULL, "<1,0:3,0:5", 0, 0, 0, 0,
		  " 1: 2 4 6", "", 2, 0, 1 },
		{ "all came 4000 s ago", NULL, "<1,0:5", 27, 4, 0xffffffff, 0,
		  " 1: 2 4 6", "", 1, 0, 1 },
		{ "4 billion packets have come", NULL, "<1,0:5", 31, 4,
		  0xffffffff, 0, " 1: 2 4 6", "", 1, 0, 1 },
		{ "reports each 4000 s", NULL, "<1,0:5", 17, 4, 0xffffffff, 0,
		  " 1: 2 4 6", "", 1, 0, 1 },
	};
	uint8_t d[600], r[600], *c;
	char log[LogSize];
	int i, j, n, measured;
	Said s;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		goes("010101");
		now += MS(10);
		if (t[i].before) {
			saidof(t[i].before, &s);
			arrivesaid(0, &s);
			discard();
			schedule();
			peerall();
		}
		saidof(t[i].said, &s);
		n = putsaid(r, &s) - t[i].cut;
		if (t[i].len)
			put(r + t[i].at, t[i].v, t[i].len);
		n = putrec(d, rx.replay[LaneControl].last + 1, FlagControl, r,
		    n);
		c = exact(d, n);
		arrive(0, c, n);
		free(c);
		*log = '\0';
		againlog(log);
		wantstr("sent again", t[i].again, log);
		*log = '\0';
		flightlog(log);
		wantstr("flights", t[i].flights, log);
		for (measured = j = 0; j < Nlinks; j++)
			measured += bond[j].control.n;
		want("measured", t[i].measured, measured);
		want("form", t[i].form, drops[DropForm]);
		want("oldest", t[i].oldest, tx.oldest);
		wantin("each, ms", 0, 100, tx.every / MS(1));
		for (j = 0; j < Nlinks; j++) {
			wantin("rate", RateMin, bond[j].pace.ceil[0],
			    bond[j].pace.rate);
			wantin("window", 1, INT64_C(1) << 31,
			    bond[j].control.window);
		}
		verdict(t[i].name);
	}
}

/* numbers of which 4 bytes are told */
static void
testwhole(void)
{
	static const struct {
		const char *name;
		uint64_t was;
		uint32_t low;
		uint64_t is;
	} t[] = {
		{ "the same", 1000, 1000, 1000 },
		{ "more", 1000, 1500, 1500 },
		{ "less", 1000, 500, 500 },
		{ "32 bits are full", UINT32_MAX, 0, UINT64_C(0x100000000) },
		{ "and back", UINT64_C(0x100000000), UINT32_MAX, UINT32_MAX },
		{ "far on", UINT64_C(0x123fffffff0), 0x10,
		  UINT64_C(0x12400000010) },
		{ "2^31 - 1 more", 5, 0x80000004, UINT64_C(0x80000004) },
		{ "2^31 less", UINT64_C(0x500000000), 0x80000000,
		  UINT64_C(0x480000000) },
		{ "64 bits are full", UINT64_MAX, 3, 3 },
		{ "less than nothing", 2, UINT32_MAX, UINT64_MAX },
	};
	int i;

	for (i = 0; i < LEN(t); i++) {
		wanthex("number", t[i].is, whole(t[i].was, t[i].low));
		verdict(t[i].name);
	}
}

/* session */

static void
nosession(void)
{
	Link *l;

	memset(&peer.session, 0, sizeof(peer.session));
	memset(&peer.proposed, 0, sizeof(peer.proposed));
	memset(&peer.hello, 0, sizeof(peer.hello));
	peer.proven = 0;
	for (l = bond; l < bond + Nlinks; l++) {
		l->state = LinkProbing;
		l->heard.came = l->heard.begun = l->echo.came = 0;
		l->beats.last = now - SEC(1);
		l->echo.good = l->echo.wasup = 0;
	}
	surveylinks();
}

/* the client's side, the server by hand, without a key */
static void
testclient(void)
{
	static uint8_t d[Room];
	Beat b, s = { 0 };
	uint64_t mark, client;
	int n;

	anew(Client);
	nosession();
	beat(&bond[0]);
	n = peerbeat(0, &b, d);
	want("bytes", 102, n);
	want("hello", 1, b.hello);
	want("peer", 0, b.peerid);
	want("link", 0, b.link);
	want("id is set", 1, b.id != 0);
	client = b.id;
	beat(&bond[1]);
	peerbeat(1, &b, d);
	wanthex("id by link 1", client, b.id);
	verdict("says hello");

	s.id = theirs;
	s.peerid = client + 1;
	s.hello = 2;
	s.time = Us;
	arrivebeat(0, 1, &s, NULL);
	want("says", -1, peerbeat(0, &b, d));
	wanthex("next", 0, peer.proposed.id);
	verdict("an answer to another hello is not heard");

	s.hello = 0;
	s.peerid = client;
	arrivebeat(0, 1, &s, NULL);
	wanthex("session", 0, peer.session.id);
	arrivedata(0, 1, 0);
	want("delivered", 0, lanread(&mark));
	verdict("nothing else is, without a session");

	s.hello = 2;
	arrivebeat(0, 1, &s, NULL);
	n = peerbeat(0, &b, d);
	want("bytes", 102, n);
	want("hello", 0, b.hello);
	wanthex("id", client, b.id);
	wanthex("peer", theirs, b.peerid);
	wanthex("session", 0, peer.session.id);
	verdict("goes on under both ids");

	s.hello = 0;
	s.id = theirs + 1;
	arrivebeat(0, 1, &s, NULL);
	wanthex("session", 0, peer.session.id);
	s.id = theirs;
	s.peerid = client + 1;
	arrivebeat(0, 1, &s, NULL);
	wanthex("session", 0, peer.session.id);
	verdict("forged heartbeats start nothing");

	s.peerid = client;
	s.next = 1;
	arrivebeat(0, 7, &s, NULL);
	wanthex("session", client, peer.session.id);
	wanthex("peer", theirs, peer.session.peerid);
	arrivedata(0, 1, 0);
	want("delivered", 1, lanread(&mark));
	arrivedata(1, 2, 0);
	want("by a link not heard", 0, lanread(&mark));
	verdict("the server's heartbeat is the session");

	discard();
	s.hello = 2;
	arrivebeat(0, 1, &s, NULL);
	want("says", -1, peerbeat(0, &b, d));
	wanthex("session", client, peer.session.id);
	s.hello = 0;
	arrivebeat(0, 7, &s, NULL);
	want(dropname[DropReplay], 1, drops[DropReplay]);
	verdict("answer and heartbeat again change nothing");

	now += SEC(10);
	beat(&bond[0]);
	for (n = 0; peerread(0, d) > 0; n++) {
		beatdecode(d + HdrLen, BeatLen, &b);
		if (n == 0) {
			want("hello", 1, b.hello);
			wanthex("peer", theirs, b.peerid);
			client = b.id;
		}
	}
	want("hello and heartbeat", 2, n);
	s.hello = 2;
	s.id = theirs + 9;
	s.peerid = client;
	arrivebeat(0, 1, &s, NULL);
	n = peerbeat(0, &b, d);
	wanthex("next peer", theirs + 9, b.peerid);
	wanthex("session peer", theirs, peer.session.peerid);
	arrivedata(0, 2, 0);
	want("delivered still", 1, lanread(&mark));
	s.hello = 0;
	arrivebeat(0, 1, &s, NULL);
	wanthex("session", client, peer.session.id);
	wanthex("peer", theirs + 9, peer.session.peerid);
	arrivedata(0, 1, 0);
	want("delivered anew", 1, lanread(&mark));
	want("packets not in the pool", 0, inuse());
	verdict("a server that was restarted");
}

/* the server's side, the client by hand */
static void
testserver(void)
{
	static uint8_t d[Room], greet[256], first[256];
	Beat b, c = { 0 };
	uint64_t mark, id, id2;
	int i, n, ngreet, nfirst;

	anew(Server);
	nosession();
	beat(&bond[0]);
	want("says", -1, peerbeat(0, &b, d));
	verdict("says nothing on its own");

	c.id = ours;
	c.hello = 1;
	c.time = MS(1);
	c.prio = 1;
	c.up = 10000;
	c.down = 10000;
	c.next = 1;
	ngreet = sealwith(greet, beatof(greet, 1, &c), NULL);
	arrive(0, greet, ngreet);
	n = peerbeat(0, &b, d);
	want("bytes", 102, n);
	want("hello", 2, b.hello);
	wanthex("peer", ours, b.peerid);
	want("id is set", 1, b.id != 0);
	wanthex("session", 0, peer.session.id);
	id = b.id;
	arrive(1, greet, ngreet);
	want("for another link", 0, peerbeat(1, &b, d) < 0);
	want("as another one", 1, b.link);
	verdict("answers a hello");

	c.hello = 0;
	c.peerid = id + 2;
	arrivebeat(0, 1, &c, NULL);
	c.peerid = id;
	c.id = ours + 1;
	arrivebeat(0, 1, &c, NULL);
	c.id = ours;
	wanthex("session", 0, peer.session.id);
	want("refused", 2, drops[DropSession]);
	verdict("forged heartbeats start nothing");

	now += MS(50);
	nfirst = sealwith(first, beatof(first, 1, &c), NULL);
	arrive(0, first, nfirst);
	wanthex("session", id, peer.session.id);
	wanthex("peer", ours, peer.session.peerid);
	n = peerbeat(0, &b, d);
	want("bytes", 102, n);
	wanthex("id", id, b.id);
	wanthex("peer", ours, b.peerid);
	verdict("a heartbeat under both ids is the session");

	arrivedata(0, 10068, 0);
	want("delivered", 0, lanread(&mark));
	want("known", 1, rx.known);
	c.echo = b.time;
	arrivebeat(0, 2, &c, NULL);
	arrivedata(0, 1, 0);
	arrivedata(0, 2, 0);
	want("delivered", 2, lanread(&mark));
	verdict("data before its echo is of an older session");

	for (i = 0; i < 1000; i++) {
		arrive(0, greet, ngreet);
		discard();
	}
	wanthex("session", id, peer.session.id);
	wanthex("peer", ours, peer.session.peerid);
	want("heard", now, bond[0].heard.came);
	arrivedata(0, 1, 0);
	want("duplicates", 1, counts[CntDup]);
	arrivedata(0, 3, 0);
	want("delivered", 1, lanread(&mark));
	want("packets not in the pool", 0, inuse());
	verdict("the hello again, a thousand times, changes nothing");
	now += MS(100);           /* till one is answered again */

	i = drops[DropReplay];
	arrive(0, first, nfirst);
	want(dropname[DropReplay], i + 1, drops[DropReplay]);
	wanthex("session", id, peer.session.id);
	verdict("nor does the heartbeat again");

	c.hello = 1;
	arrivebeat(0, 1, &c, NULL);
	want("says", -1, peerbeat(0, &b, d));
	verdict("a hello about the running session needs no answer");

	now += SEC(2);
	c.id = ours + 5;
	c.peerid = 0;
	arrivebeat(0, 1, &c, NULL);
	peerbeat(0, &b, d);
	id2 = b.id;
	wanthex("for", ours + 5, b.peerid);
	want("another id", 1, id2 != id && id2 != 0);
	wanthex("session", id, peer.session.id);
	arrivedata(0, 4, 0);
	want("delivered still", 1, lanread(&mark));
	verdict("a new client: the session goes on");

	c.hello = 0;
	c.peerid = id2;
	arrivebeat(0, 1, &c, NULL);
	wanthex("session", id2, peer.session.id);
	wanthex("peer", ours + 5, peer.session.peerid);
	arrivedata(0, 1, 0);
	want("delivered anew", 1, lanread(&mark));
	verdict("a new client: its heartbeat is the session");

	i = drops[DropSession];
	arrive(0, first, nfirst);
	want("refused", i + 1, drops[DropSession]);
	wanthex("session", id2, peer.session.id);
	arrive(0, greet, ngreet);
	peerbeat(0, &b, d);
	wanthex("for", ours, b.peerid);
	want("another id", 1, b.id != id);
	wanthex("session", id2, peer.session.id);
	verdict("what was recorded of an old session starts none");

	memset(d, CtlBye, 1);
	n = putrec(first, 1, FlagControl, d, 1);
	arrive(0, first, sealwith(first, n, peerkey()));
	wanthex("session", 0, peer.session.id);
	want("state", LinkDown, bond[0].state);
	arrivedata(0, 2, 0);
	want("delivered", 0, lanread(&mark));
	want("packets not in the pool", 0, inuse());
	verdict("the peer ends it");
}

/* two ends, each with variables and memory of its own, and the datagrams
 * between them */
enum { Ends = 3, Wires = 600 };
static State ends[Ends];
static int endat, endsmade;
static struct {
	int from, link, len, done;
	uint8_t d[PktSize], key[4];   /* it is sealed under a key like this */
} wires[Wires];
static int nwires;

static void
endgo(int i)
{
	int64_t was = now;

	if (i == endat)
		return;
	statesave(&ends[endat]);
	staterestore(&ends[i]);
	endat = i;
	now = was;
}

/* a client, a server and another client, none of which has a session */
static void
endsanew(void)
{
	int i;

	anew(Client);
	for (i = 0; i < Ends; i++) {
		if (!endsmade && i > 0) {
			statesave(&ends[i - 1]);
			memset(&pool, 0, sizeof(pool));
			memory();
			endat = i;
		}
		endgo(i);
		anewkeyed(i == 1 ? Server : Client);
		nosession();
	}
	endsmade = 1;
	nwires = 0;
	endgo(0);
}

/* note what this end has sent */
static void
gather(void)
{
	const uint8_t *key;
	int i, n;

	for (i = 0; i < Nlinks; i++) {
		linkflush(&bond[i]);
		while ((n = fdread(peerfd[i], wires[nwires].d)) >= 0) {
			key = wires[nwires].d[8] == FlagSealed ?
			    peer.session.keys.tx : wires[nwires].d[8] ==
			    (FlagSealed | SealConfirm) ?
			    peer.proposed.keys.tx : peer.hello.keys.tx;
			memcpy(wires[nwires].key, key, 4);
			wires[nwires].from = endat;
			wires[nwires].link = i;
			wires[nwires].len = n;
			wires[nwires].done = 0;
			if (nwires < Wires - 1)
				nwires++;
		}
	}
}

/* one of these comes, at the end it is for, as it was or with a bit altered */
static void
come(int k, int bit)
{
	uint8_t d[PktSize];

	endgo(wires[k].from == 1 ? 0 : 1);
	memcpy(d, wires[k].d, wires[k].len);
	if (bit >= 0)
		d[bit / 8] ^= 1 << bit % 8;
	wires[k].done = 1;
	sealto = wires[k].link;
	arrive(wires[k].link, d, wires[k].len);
	gather();
}

/* all that was sent comes, and what is sent for that, so many times */
static void
exchange(int times)
{
	int k, n;

	gather();
	while (times-- > 0) {
		n = nwires;
		for (k = 0; k < n; k++)
			if (!wires[k].done)
				come(k, -1);
	}
	endgo(0);
}

static void
beatall(int end)
{
	int i;

	endgo(end);
	for (i = 0; i < Nlinks; i++)
		beat(&bond[i]);
	gather();
}

/* pairs of datagrams that share key and count */
static int
twice(void)
{
	int i, k, n = 0;

	for (i = 0; i < nwires; i++)
		for (k = 0; k < i; k++)
			n += !memcmp(wires[i].key, wires[k].key, 4) &&
			    !memcmp(wires[i].d, wires[k].d, 8);
	return n;
}

static Keys *
keysof(int end)
{
	endgo(end);
	return &peer.session.keys;
}

/* the keys of both ends are each other's */
static void
wantmirrored(void)
{
	Keys c = *keysof(0), s = *keysof(1);

	wantbytes("to the server", c.tx, KeyLen, s.rx, KeyLen);
	wantbytes("to the client", c.rx, KeyLen, s.tx, KeyLen);
	want("one key", 0, !memcmp(c.tx, c.rx, KeyLen));
	endgo(0);
}

static int
zero(const void *d, int n)
{
	int i, some = 0;

	for (i = 0; i < n; i++)
		some |= ((const uint8_t *)d)[i];
	return !some;
}

static void
testhandshake(void)
{
	static const uint8_t low[][KeyLen] = { { 0 }, { 1 } };
	uint64_t id, was;
	int64_t curve;
	int i;

	endsanew();
	beat(&bond[0]);
	gather();
	want("bytes of a hello", HdrLen + ShakeLen + 112 + MacLen,
	    wires[0].len);
	want("kind", FlagSealed | SealHello, wires[0].d[8]);
	exchange(1);
	want("answered", FlagSealed | SealAnswer, wires[1].d[8]);
	want("cookie to be seen", 0, get(wires[1].d + HdrLen + KeyLen, 8) != 0);
	want("datagrams", 2, nwires);
	endgo(1);
	wanthex("session", 0, peer.session.id);
	want("key agreements", 0, peer.curve > 0);
	verdict("a hello gets an answer, and that is all");

	exchange(1);
	want("confirmed", FlagSealed | SealConfirm, wires[2].d[8]);
	wanthex("session", 0, peer.session.id);
	exchange(2);
	id = peer.session.id;
	was = peer.session.peerid;
	want("a session", 1, id != 0);
	endgo(1);
	wanthex("the client's id", id, peer.session.peerid);
	wanthex("the server's id", was, peer.session.id);
	wantmirrored();
	for (i = 0; i < 2; i++) {
		endgo(i);
		want("ephemeral key", 1, zero(&keys.ephemeral, KeyLen));
		want("proposed", 1, zero(&peer.proposed, sizeof(Session)));
		want("hello", 1, zero(&peer.hello, sizeof(Session)));
	}
	verdict("a confirm begins the session at both ends");

	endgo(0);
	want("pairs", 0, twice());
	verdict("no count twice");

	endgo(1);
	handshake(1);
	for (i = 0; i < LEN(low); i++)
		want("agreed", -1, agree(low[i], 1));
	verdict("a public key of small order");

	endsanew();
	beat(&bond[0]);
	exchange(1);
	nwires = 0;
	endgo(0);
	curve = peer.curve;
	was = peer.hello.id;
	now += SEC(1);
	beat(&bond[0]);
	wanthex("the same hello", was, peer.hello.id);
	nwires = 0;
	(void)curve;
	exchange(2);
	endsanew();
	beat(&bond[0]);
	exchange(2);          /* the answer is there, the confirm is lost */
	was = peer.hello.id;
	now += SEC(1) / 2;
	beat(&bond[0]);
	wanthex("the same hello", was, peer.hello.id);
	now += SEC(1);
	beat(&bond[0]);
	want("a new one", 1, peer.hello.id != was);
	want("patience", 2000, peer.patience / MS(1));
	want("nothing is proposed", 1, !peer.proposed.id);
	verdict("a handshake that leads to nothing");
}

static void
testattacks(void)
{
	static Session was[3];
	uint64_t epoch, rxpkts;
	int k, bit, n, role2;
	int64_t curve;

	endsanew();
	beat(&bond[0]);
	gather();
	for (k = 0; k < 4; k++) { /* hello, answer, confirm, heartbeat */
		endgo(wires[k].from == 1 ? 0 : 1);
		was[0] = peer.session;
		was[1] = peer.hello;
		was[2] = peer.proposed;
		epoch = peer.epoch;
		peer.curve = now;
		rxpkts = bond[0].meter.rx.pkts;
		n = drops[DropAuth];
		for (bit = 0; bit < 8 * wires[k].len; bit++)
			come(k, bit);
		want("refused", n + bit, drops[DropAuth]);
		want("session", 0, memcmp(&was[0], &peer.session,
		    sizeof(Session)));
		want("hello", 0, memcmp(&was[1], &peer.hello,
		    sizeof(Session)));
		wanthex("proposed", was[2].id, peer.proposed.id);
		wanthex("epoch", epoch, peer.epoch);
		want("counted", rxpkts, bond[0].meter.rx.pkts);
		want("key agreements", k == 2,
		    (peer.curve - now) / (SEC(1) / 10));
		come(k, -1);
		gather();
		verdict(k == 0 ? "each bit of a hello" : k == 1 ?
		    "of an answer" : k == 2 ? "of a confirm" :
		    "of a heartbeat");
	}
	exchange(3);
	want("session", 1, peer.session.id != 0);

	/* by now each end has proof; then all again, and to the other end */
	for (k = 0; k < 20; k++) {
		now += MS(100);
		beatall(0);
		beatall(1);
		exchange(1);
	}
	for (role2 = 0; role2 < 2; role2++) {
		endgo(role2);
		was[role2] = peer.session;
	}
	for (k = 0; k < nwires; k++) {
		endgo(wires[k].from == 1 ? 0 : 1);
		rxpkts = bond[wires[k].link].meter.rx.pkts;
		come(k, -1);
		want("counted", rxpkts, bond[wires[k].link].meter.rx.pkts);
		wires[k].from = !wires[k].from;
		endgo(wires[k].from == 1 ? 0 : 1);
		rxpkts = bond[wires[k].link].meter.rx.pkts;
		come(k, -1);
		want("counted of its own", rxpkts,
		    bond[wires[k].link].meter.rx.pkts);
		wires[k].from = !wires[k].from;
	}
	for (role2 = 0; role2 < 2; role2++) {
		endgo(role2);
		wanthex("session", was[role2].id, peer.session.id);
		wantbytes("key", was[role2].keys.rx, KeyLen,
		    peer.session.keys.rx, KeyLen);
		want("replayed", 1, drops[DropReplay] > 10);
	}
	verdict("all of it again, and back to its sender");

	/* a confirm of the epoch before, at a server that has started anew */
	for (k = 0; k < nwires && wires[k].d[8] != (FlagSealed | SealConfirm);
	    k++)
		;
	endgo(1);
	byepkt();
	n = drops[DropAuth];
	keys.secret[3] ^= 1;
	handshake(1);
	curve = peer.curve;
	come(k, -1);
	want("refused", n + 1, drops[DropAuth]);
	want("key agreements", curve, peer.curve);
	wanthex("session", 0, peer.session.id);
	verdict("an old confirm costs no key agreement");
	endgo(0);
}

/* a packet goes from the client to the server, by the link */
static void
passes(int link, uint64_t mark)
{
	endgo(0);
	clocks(0, 0);
	transmit(&bond[link], waiting(Ordered, 7, 200, 0, mark));
	gather();
}

static void
testrenewal(void)
{
	uint64_t mark, ids[2], pkts;
	Keys old;
	int i, late;

	endsanew();
	beat(&bond[0]);
	exchange(4);
	for (i = 0; i < 10; i++) {
		now += MS(100);
		beatall(0);
		beatall(1);
		exchange(1);
	}
	ids[0] = peer.session.id;
	ids[1] = peer.session.peerid;
	passes(0, 1);
	exchange(1);
	endgo(1);
	want("delivered", 1, lanread(&mark));
	endgo(0);
	peer.session.since = now - Renew - 1;
	old = peer.session.keys;
	passes(0, 2);
	late = nwires - 1;        /* it is under way all the time */
	wires[late].done = 1;
	beat(&bond[0]);
	exchange(1);
	want("asks and goes on", 1, !memcmp(peer.session.keys.tx, old.tx,
	    KeyLen));
	passes(0, 3);
	exchange(4);
	now += MS(100);
	beatall(1);
	exchange(1);
	wantmirrored();
	want("another key", 1, !!memcmp(peer.session.keys.tx, old.tx, KeyLen));
	wanthex("id", ids[0], peer.session.id);
	wanthex("the server's", ids[1], peer.session.peerid);
	endgo(1);
	wanthex("server: id", ids[1], peer.session.id);
	want("old key", 1, peer.old.cookie != 0);
	want("waits for the one under way", 0, lanread(&mark));
	come(late, -1);
	want("delivered", 2, lanread(&mark));
	want("mark", 3, mark);
	come(late, -1);
	want("delivered again", 0, lanread(&mark));
	verdict("new keys, and all goes on");

	pkts = bond[0].meter.rx.pkts;
	passes(0, 4);
	exchange(2);
	endgo(1);
	want("delivered", 1, lanread(&mark));
	want("counted", pkts + 1, bond[0].meter.rx.pkts);
	now += Minute + SEC(1);
	second();
	want("old key", 1, zero(&peer.old, sizeof(Keys)));
	endgo(0);
	want("pairs", 0, twice());
	verdict("the old key goes after a minute");

	/* the server has new keys, and the client does not hear of it */
	endsanew();
	beat(&bond[0]);
	exchange(4);
	peer.session.since = now - Renew - 1;
	beat(&bond[0]);
	exchange(2);
	for (i = 0; i < 30; i++) {
		now += MS(100);
		for (late = 0; late < nwires; late++) {
			if (!wires[late].done && wires[late].from == 0)
				come(late, -1);
			wires[late].done = 1;
		}
		want("renewed", 1, peer.old.cookie != 0);
		nwires = 0;
		beatall(0);
	}
	beatall(1);
	exchange(1);
	wantmirrored();
	want("proposed", 0, peer.proposed.id != 0);
	want("drops of both", 0, drops[DropAuth]);
	verdict("a renewal of which the client hears after 3 s");
}

/* the server is another one while its client renews; what it was told to
 * confirm is lost, or what it says then */
static void
testlostrenewal(void)
{
	static const struct {
		const char *name;
		int heard, deaf;      /* the answer came; s without any */
	} t[] = {
		{ "a server that restarts during a renewal", 1, 0 },
		{ "one that restarts before it", 0, 0 },
		{ "and is not heard for a while", 0, 2 },
	};
	uint64_t was;
	int i, k, n;

	for (i = 0; i < LEN(t); i++) {
		endsanew();
		beat(&bond[0]);
		exchange(4);
		was = peer.session.peerid;
		peer.session.since = now - Renew - 1;
		if (t[i].heard) {
			beat(&bond[0]);
			exchange(2);
			want("proposed", 1, peer.renews);
		}
		endgo(1);
		handshakeend();
		memset(&peer.session, 0, sizeof(peer.session));
		keys.secret[0] ^= 1;
		nwires = 0;
		for (n = 0; n < 60; n++) {
			now += MS(100);
			beatall(0);
			beatall(1);
			for (k = 0; k < nwires; k++)
				wires[k].done |= wires[k].from == 1 &&
				    n < 10 * t[i].deaf;
			exchange(3);
			nwires = 0;
			if (peer.session.peerid != was && peer.session.id &&
			    n > 10 * t[i].deaf)
				break;
		}
		wantin("ms till there is a session", 0, 1000 +
		    5000 * !!t[i].deaf, n * 100);
		wantmirrored();
		verdict(t[i].name);
	}
}

static void
testanother(void)
{
	uint64_t id;
	int i, k, n;

	endsanew();
	beat(&bond[0]);
	exchange(4);
	for (i = 0; i < 5; i++) {
		now += MS(100);
		beatall(0);
		beatall(1);
		exchange(2);
	}
	endgo(1);
	id = peer.session.id;
	want("alive", 1, alive());
	endgo(2);
	beat(&bond[0]);
	n = nwires;
	gather();
	come(n, -1);
	want("answers", 0, nwires - n - 1);
	wanthex("session", id, peer.session.id);
	verdict("another client has to wait");

	/* heartbeats that were held back come now, one by one */
	endgo(0);
	n = nwires;
	for (i = 0; i < 20; i++) {
		now += MS(100);
		beat(&bond[0]);
		gather();
	}
	for (k = n, n = nwires; k < n; k++) {
		now += MS(20);
		come(k, -1);
	}
	want("alive", 0, alive());
	n = nwires;
	endgo(2);
	beat(&bond[0]);
	gather();
	come(n, -1);
	want("answers", 1, nwires - n - 1);
	wanthex("session", id, peer.session.id);
	verdict("held back heartbeats keep no session");
	endgo(0);
}

/* all places that hold a packet, emptied by a new session */
static void
testfreed(void)
{
	Session s;
	Said said;
	int i, n;

	anew(Client);
	weighs(7, 1);
	for (i = 0; i < 300; i++)
		enqueue(waiting(Ordered, 7, 1000, 0, i));
	for (i = 0; i < 20; i++) {
		now += MS(1);
		schedule();
		discard();
	}
	for (i = 0; i < Nlinks; i++)
		linkis(&bond[i], 'f');
	saidof("<1,?1-100", &said);
	for (i = 1; i < Nlinks; i++) {
		said.of[said.nof].link = i;
		said.of[said.nof++].newest = bond[i].flight.last;
	}
	arrivesaid(0, &said);
	arrivetcp(0, 5, 0);
	arrivetcp(0, 7, 0);
	wantin("to be sent again", 1, 100, tx.repairs.len);
	want("held", 1, rx.slots[5].p && rx.slots[7].p);
	s = peer.session;
	s.peerid++;
	newsession(&s);
	want("to be sent again", 0, tx.repairs.len);
	want("packets not in the pool", queues.queued, inuse());
	for (i = 0; i < Nlinks; i++)
		linkanew(&bond[i]);
	surveylinks();
	for (i = 0; i < 500; i++) {
		now += MS(1);
		schedule();
		allcame();
		discard();
	}
	want("packets not in the pool", 0, inuse());
	verdict("a new session frees what the old one held");

	anew(Client);
	for (i = 0; i < Nlinks; i++)
		rateceil(&bond[i], MBIT(1000), MBIT(1000));
	for (i = 0; i < Nlinks; i++)
		bond[i].control.window = INT64_MAX;
	weighs(7, 1);
	for (n = 0; n < 2 * keeppkts; now += MS(1)) {
		for (i = 0; i < 150; i++, n++)
			enqueue(waiting(Ordered, 7, 100, 0, i));
		schedule();
		forget(0);
		discard();
	}
	want("sent", n, tx.seq[LaneData] - 1);
	wantin("kept", keeppkts - 1, keeppkts, inuse());
	verdict("no more is kept than there is room for");
}

/* hellos that a server answers: eleven at once and 100 a second of each of 16
 * kinds, on each link */
static void
testhellos(void)
{
	static uint8_t d[Room];
	Beat b = { .hello = 1, .next = 1 };
	int i, n[2] = { 0 };

	anew(Server);
	for (i = 0; i < 5000; i++) {
		b.id = i + 1;
		b.link = i % 2;
		arrivebeat(i % 2, i + 1, &b, NULL);
		now += i < 1000 ? 0 : MS(1) / 4;
		while (peerread(0, d) >= 0)
			n[0]++;
		while (peerread(1, d) >= 0)
			n[1]++;
		if (i == 999) {
			want("answers at once", 88, n[0]);
			want("answers at once by another link", 88, n[1]);
		}
	}
	wantin("answers in the next second", 780, 830, n[0] - 88);
	wantin("by another link", 780, 830, n[1] - 88);
	verdict("a flood of hellos");

	anew(Server);
	b.link = n[0] = 0;
	for (i = 0; i < 1000; i++) { /* always the same one */
		b.id = 1;
		arrivebeat(0, i + 1, &b, NULL);
		now += MS(1);
		while (peerread(0, d) >= 0)
			n[0]++;
	}
	wantin("answers", 105, 115, n[0]);
	b.id = 2;
	arrivebeat(0, 1, &b, NULL);
	want("answered", HdrLen + BeatLen, peerread(0, d));
	verdict("another client beside one that is replayed");
}

/* lines of the log that a peer and the network cause in a second: no more than
 * ten for each link and ten for all else */
static void
testlines(void)
{
	static char said[1 << 17];
	uint8_t d[256], bye = CtlBye;
	Beat b = { .next = 1 };
	const char *s;
	int i, n;

	anew(Server);
	loop.quiet = 0;
	errbegin();
	for (i = 1; i <= 200; i++, now += MS(5)) {
		b.id = i;
		b.peerid = plainid(i);
		b.time = b.echo = i * Us;
		arrivebeat(0, 1, &b, NULL);
		arrive(0, d, putrec(d, 1, FlagControl, &bye, 1));
		bond[1].addr.mtu = 1000 + i;
		tunmtu();
		bond[2].out.trial = (Trial){ 0 };
		linksingle(&bond[2], EIO);
	}
	now += Minute;
	byepkt();
	errend(said, sizeof(said));
	for (n = 0, s = said; (s = strchr(s, '\n')); s++)
		n++;
	wantin("lines", 20, 10 * (Nlinks + 1) + 2, n);
	wanttext("started", said);
	wanttext("nonesuch: set mtu", said);
	wanttext("wg2: UDP_SEGMENT", said);
	wanttext("session: 590 lines were left out", said);
	wantstr("the last", "udpbond: session: the peer has ended\n",
	    said + MAX((int)strlen(said) - 37, 0));
	verdict("what a peer says many times");
}

/* up */

/* seqs as they come: + is new, - is not */
static void
testreplay(void)
{
	static const struct {
		const char *name, *seqs;
	} t[] = {
		{ "in order", "1+ 2+ 3+ 4+" },
		{ "duplicates", "1+ 1- 2+ 2- 1- 2-" },
		{ "out of order", "5+ 3+ 4+ 1+ 2+ 3- 5- 1- 6+" },
		{ "seq 0", "0+ 0- 1+ 0-" },
		{ "gap filled", "1+ 4+ 2+ 3+ 2-" },
		{ "words of 64",
		  "63+ 64+ 65+ 127+ 128+ 63- 64- 65- 127- 128-" },
		{ "1000 behind", "1+ 1001+ 2+ 1- 1001-" },
		{ "too old", "1+ 17000+ 90000+ 1- 2- 615- 17000- 90000-" },
		{ "jump of a window", "1+ 65537+ 1- 2- 65536+ 65537-" },
		{ "jump of many", "1+ 2+ 1000000+ 2- 3- 999999+ 999999-" },
		{ "jump back into it", "100+ 1000+ 99+ 100- 1000- 999+" },
		{ "far apart, same place in the bits",
		  "8+ 131080+ 65544- 8- 131080- 131072+" },
		{ "highest", "18446744073709551614+ 18446744073709551615+ "
		  "18446744073709551615- 18446744073709551614- 1-" },
	};
	const char *s;
	char *end, what[32];
	uint64_t seq;
	Replay w;
	int i;

	for (i = 0; i < LEN(t); i++) {
		memset(&w, 0, sizeof(w));
		for (s = t[i].seqs; *s; s = end + 1) {
			seq = strtoull(s, &end, 10);
			snprintf(what, sizeof(what), "%" PRIu64, seq);
			want(what, *end == '+' ? 0 : -1, replaycheck(&w, seq));
			end += strspn(end + 1, " ");
		}
		verdict(t[i].name);
	}
}

/* against a list of all that was seen */
static void
testreplayrandom(void)
{
	enum { Seqs = 1 << 20, Steps = 300000, Back = 65536, Sure = Back - 64 };
	static uint8_t seen[Seqs];
	uint64_t seq, last = 0;
	Replay w;
	int i, new, passes = 0;

	memset(&w, 0, sizeof(w));
	for (i = 0; i < Steps; i++) {
		switch (rnd(64)) {
		case 0:
			seq = last + rnd(300);
			break;
		case 1:
			seq = rnd(last + 1);
			break;
		case 2:
			seq = last + (rnd(100) ? 0 : rnd(20000));
			break;
		default:
			seq = last + 1 - rnd(last < 30 ? 2 : 30);
		}
		if (seq >= Seqs)
			break;
		new = !replaycheck(&w, seq);
		passes += new;
		if (new && seen[seq])
			want("duplicate let in", -1, seq);
		if (new && seq + Back < last)
			want("too old let in", -1, seq);
		if (!new && !seen[seq] && seq + Sure > last)
			want("new one refused", -1, seq);
		seen[seq] |= new;
		last = MAX(last, seq);
	}
	wantin("let in", 20000, Steps, passes);
	verdict("long random run");
}

/* A seq far ahead of its lane is taken with a key only, without one when the
 * next one is as far. What follows meanwhile goes on as before: then it was
 * damaged, and so is another one as far. */
static void
testdoubt(void)
{
	static const char *t[] = { "data", "heartbeats" };
	enum { There = 1 << 15 };
	static const uint64_t seqs[] = { 1, There, 2, There + 1, There + 2 };
	static const uint64_t last[][2] = {
		{ 1, 1 }, { 1, There }, { 2, There }, { 2, There + 1 },
		{ There + 2, There + 2 },
	};
	Beat b = { .id = theirs, .peerid = ours, .next = 1 };
	uint64_t mark;
	int i, j, keyed;

	for (i = 0; i < LEN(t) * 2; i++) {
		keyed = i % 2;
		(keyed ? anewkeyed : anew)(Client);
		for (j = 0; j < LEN(seqs); j++) {
			b.time = (j + 1) * Us;
			if (i / 2)
				arrivebeat(0, seqs[j], &b, peerkey());
			else
				arrivedata(0, seqs[j], 0);
			want("the highest", last[j][keyed], i / 2 ?
			    rx.replay[LaneBeat].last : rx.known - 1);
		}
		while (lanread(&mark) > 0)
			;
		if (keyed)
			verdict(t[i / 2]);
	}
}

/* Ends that do not understand each other: both log it, and no session comes of
 * it. */
static void
testformat(void)
{
	static const struct {
		const char *name;
		int role, hello, len, format;
		int answers, version, form; /* drops */
		const char *said;
	} t[] = {
		{ "a client's hello", Server, 1, BeatLen, Format, 1, 0, 0,
		  "" },
		{ "of a newer one", Server, 1, BeatLen, Format + 1, 1, 1, 0,
		  "format 4, this udpbond knows 3" },
		{ "of a newer one, longer", Server, 1, 120, Format + 1, 1, 1,
		  0, "format 4, this udpbond knows 3" },
		{ "of a newer one, shorter", Server, 1, FormatAt + 1,
		  Format + 1, 0, 1, 0, "format 4, this udpbond knows 3" },
		{ "of an old one", Server, 1, 90, 0, 0, 1, 0,
		  "format 0, this udpbond knows 3" },
		{ "without a format", Server, 1, FormatAt, 0, 0, 0, 1, "" },
		{ "the same, longer", Server, 1, 120, Format, 1, 0, 0, "" },
		{ "a server's answer", Client, 2, BeatLen, Format, 1, 0, 0,
		  "" },
		{ "of a newer server", Client, 2, BeatLen, Format + 1, 0, 1,
		  0, "format 4, this udpbond knows 3" },
		{ "of an old server", Client, 2, 90, 0, 0, 1, 0,
		  "format 0, this udpbond knows 3" },
		{ "a heartbeat", Server, 0, BeatLen, Format, 1, 0, 0, "" },
		{ "a heartbeat of a newer one", Server, 0, BeatLen,
		  Format + 1, 0, 1, 0, "format 4, this udpbond knows 3" },
		{ "a client gets such a heartbeat", Client, 0, BeatLen,
		  Format + 1, 0, 1, 0, "format 4, this udpbond knows 3" },
	};
	static char said[4096];
	static uint8_t d[Room];
	uint8_t payload[256];
	int i, n;
	Beat b, c;

	for (i = 0; i < LEN(t); i++) {
		anew(t[i].role);
		nosession();
		loop.quiet = 1;   /* it is said nevertheless */
		peer.hello.id = ours;
		b = (Beat){ .id = theirs, .hello = t[i].hello, .next = 1,
		    .time = now, .format = t[i].format };
		b.peerid = b.hello == 1 ? 0 : b.hello ? ours :
		    t[i].role == Client ? ours : plainid(theirs);
		if (t[i].role == Client && !b.hello)
			proposal(ours, theirs);
		memset(payload, 0, sizeof(payload));
		beatencode(payload, &b);
		n = putrec(d, 1, FlagBeat, payload, t[i].len);
		errbegin();
		arrive(0, d, n);
		errend(said, sizeof(said));
		want("says something", *t[i].said != 0, *said != 0);
		wanttext(t[i].said, said);
		if (*said)
			wanttext("install the same version on both hosts",
			    said);
		want(dropname[DropVersion], t[i].version,
		    drops[DropVersion]);
		want(dropname[DropForm], t[i].form, drops[DropForm]);
		n = peerbeat(0, &c, d);
		want("answers", t[i].answers, n > 0);
		if (n > 0)
			want("format", Format, c.format);
		want("session", !b.hello && t[i].answers,
		    peer.session.id != 0);
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}

	anew(Server);
	b = (Beat){ .id = theirs, .hello = 1, .next = 1, .time = now,
	    .format = 9 };
	errbegin();
	for (i = 0; i < 1000; i++) {
		now += MS(1);
		arrive(0, d, putbeat(d, 1, &b));
		discard();
	}
	errend(said, sizeof(said));
	for (n = i = 0; said[i]; i++)
		n += said[i] == '\n';
	wantin("lines", 1, 11, n);
	want(dropname[DropVersion], 1000, drops[DropVersion]);
	verdict("said again and again, but not each time");
}

/* the client's interval between heartbeats is that of both */
static void
testinterval(void)
{
	static const struct { const char *name; int says, ms; } t[] = {
		{ "100 ms", 100, 100 }, { "250 ms", 250, 250 },
		{ "the least", 20, 20 }, { "less", 19, 20 },
		{ "none", 0, 20 }, { "the most", 1000, 1000 },
		{ "more", 1001, 1000 }, { "the most that can be said",
		  UINT16_MAX, 1000 },
	};
	static uint8_t d[Room];
	Beat b = { .id = theirs, .peerid = ours, .next = 1,
	    .format = Format }, c;
	int i, j, n;

	for (i = 0; i < LEN(t); i++) {
		for (j = 0; j < 2; j++) {
			anew(j ? Server : Client);
			b.time = now;
			b.interval = t[i].says;
			arrive(0, d, putbeat(d, 1, &b));
			want("ms", j ? t[i].ms : hbinterval,
			    peer.interval / MS(1));
			want("gap, ms", j ? t[i].ms : hbinterval,
			    beatgap(&bond[0]) / MS(1));
			want("silence, ms", 3 * peer.interval / MS(1),
			    MAX(silence(&bond[0]), 3 * peer.interval) /
			    MS(1));
		}
		/* an older one says nothing any more */
		now += MS(1);
		b.interval = 100;
		b.time = now - SEC(1);
		arrive(0, d, putbeat(d, 0, &b));
		want("ms", t[i].ms, peer.interval / MS(1));
		/* so often the server's heartbeats leave */
		discard();
		for (n = j = 0; j < 4000; j++) {
			now += MS(1);
			bond[1].echo.came = now;
			beats();
			n += peerbeat(1, &c, d) > 0;
		}
		wantin("in 4 s", 3900 / t[i].ms - 1, 4000 / t[i].ms + 2, n);
		verdict(t[i].name);
	}
}

/* where the server sends to: where the newest heartbeat came from */
static void
testaddress(void)
{
	static const struct {
		const char *name, *from;
		int keyed, port, seq;
		const char *peer;
	} t[] = {
		{ "as it was", "10.200.0.1", 0, 9001, 9, "10.200.0.1:9001" },
		{ "another port", "10.200.0.1", 0, 54322, 9,
		  "10.200.0.1:9001" },
		{ "another port, with a key", "10.200.0.1", 1, 54322, 9,
		  "10.200.0.1:54322" },
		{ "another address", "10.200.9.1", 0, 9001, 9,
		  "10.200.0.1:9001" },
		{ "another address, with a key", "198.51.100.7", 1, 1024, 9,
		  "198.51.100.7:1024" },
		{ "an older heartbeat, with a key", "198.51.100.7", 1, 1024, 4,
		  "10.200.0.1:9001" },
		{ "an IPv6 address, with a key", "2001:db8::7", 1, 1024, 9,
		  "[2001:db8::7]:1024" },
		{ "IPv4 as an IPv6 socket sees it", "::ffff:10.200.0.1", 0,
		  9001, 9, "10.200.0.1:9001" },
	};
	struct sockaddr_storage from;
	uint8_t d[256];
	char said[256];
	Beat b = { .id = theirs, .peerid = ours };
	int64_t was;
	int i, n;

	for (i = 0; i < LEN(t); i++) {
		(t[i].keyed ? anewkeyed : anew)(Server);
		b.time = Us;
		b.next = 1;
		b.prio = 7;
		b.up = 3000;
		b.down = 20000;
		arrivebeat(0, 5, &b, peerkey());
		want("priority", 7, bond[0].prio);
		want("rate", 20000000, bond[0].pace.rate);
		want("rate from the peer", 3000000, bond[0].pace.ceil[1]);
		parseaddr(t[i].from, t[i].port, &from);
		n = beatof(d, t[i].seq, &b);
		errbegin();
		arrivefrom(0, &from, d, sealwith(d, n, peerkey()));
		errend(said, sizeof(said));
		wantstr("peer", t[i].peer, addrtext(&bond[0].addr.peer));
		verdict(t[i].name);
	}

	/* a local user of the client's host has its addresses, not its port */
	for (i = 0; i < 2; i++) {
		anew(Server);
		peer.session.id = 0;
		parseaddr("10.200.0.1", i ? 9001 : 54321, &from);
		b = (Beat){ .id = 77, .peerid = plainid(77), .next = 1 };
		n = beatof(d, 1, &b);
		arrivefrom(0, &from, d, n);
		want("session", i, !!peer.session.id);
		want(dropname[DropAddr], !i, drops[DropAddr]);
	}
	verdict("no session from another port");

	/* a new address gets data once it has echoed what was sent there */
	anewkeyed(Server);
	b = (Beat){ .id = theirs, .peerid = ours, .next = 1, .time = Us };
	arrivebeat(0, 5, &b, peerkey());
	bond[0].state = LinkUp;
	surveylinks();
	now += MS(20);
	beat(&bond[0]);
	was = bond[0].beats.sent[(bond[0].beats.n - 1) % Remembered].time;
	now += MS(20);
	parseaddr("203.0.113.66", 7, &from);
	b.time = 2 * Us;
	n = beatof(d, 6, &b);
	arrivefrom(0, &from, d, sealwith(d, n, peerkey()));
	want("state", LinkProbing, bond[0].state);
	want("another link carries", LinkUp, bond[1].state);
	for (i = 0; i < 20; i++)
		enqueue(waiting(Ordered, i, 1000, 0, i));
	schedule();
	want("data there", 0, peerdata(0));
	want("heartbeats there", 1, bond[0].beats.n);
	now += MS(20);
	b.time = 3 * Us;
	b.echo = was;
	n = beatof(d, 7, &b);
	arrivefrom(0, &from, d, sealwith(d, n, peerkey()));
	want("echo of an older one", LinkProbing, bond[0].state);
	b.echo = bond[0].beats.sent[0].time;
	b.time = 4 * Us;
	n = beatof(d, 8, &b);
	arrivefrom(0, &from, d, sealwith(d, n, peerkey()));
	want("echo", LinkUp, bond[0].state);
	verdict("no data to an address that has proven nothing");
}

/* the gates of a client in a session, link 1 of which is not heard yet */
static void
testgates(void)
{
	enum { None = DropLast };
	static const char beat[] = "0000 0000 0000 0009 01 005b";
	static const struct {
		const char *name, *wire;
		int link, drop, out;  /* out: packets to the TUN */
	} t[] = {
		{ "empty", "", 0, DropShort, 0 },
		{ "10 bytes", "0000 0000 0000 0001 02 00", 0, DropShort, 0 },
		{ "length that lies", "0000 0000 0000 0001 02 0008 4500", 0,
		  DropForm, 0 },
		{ "no kind", "0000 0000 0000 0001 00 0000", 0, DropForm, 0 },
		{ "two kinds", "0000 0000 0000 0001 03 0000", 0, DropForm, 0 },
		{ "unknown flag", "0000 0000 0000 0001 22 0001 45", 0,
		  DropForm, 0 },
		{ "sealed without a key",
		  "0000 0000 0000 0001 82 0001 45 0123456789abcdef", 0,
		  DropAuth, 0 },
		{ "good one", GOOD, 0, None, 1 },
		{ "good one, then half a header", GOOD "0000 00", 0,
		  DropForm, 1 },
		{ "good one, then one of no kind",
		  GOOD "0000 0000 0000 0002 00 0000", 0, DropForm, 1 },
		{ "good one, then a length that lies",
		  GOOD "0000 0000 0000 0002 02 0009", 0, DropForm, 1 },
		{ "data before a heartbeat", GOOD, 1, DropSession, 0 },
		{ "ordered data before a heartbeat",
		  "0000 0000 0000 0001 06 0016 0001" IPV4, 1, DropSession, 0 },
		{ "ordered data", "0000 0000 0000 0001 06 0016 0001" IPV4, 0,
		  None, 1 },
		{ "control before a heartbeat",
		  "0000 0000 0000 0001 10 0001 02", 1, DropSession, 0 },
		{ "seq far beyond the window",
		  "0000 0000 0002 0000 02 0014" IPV4, 0, DropWindow, 0 },
		{ "heartbeat too short", "0000 0000 0000 0001 01 0002 1111", 0,
		  DropForm, 0 },
		{ "control of no bytes", "0000 0000 0000 0001 10 0000", 0,
		  DropForm, 0 },
		{ "control of unknown kind", "0000 0000 0000 0001 10 0001 77",
		  0, DropForm, 0 },
	};
	static const struct {
		const char *name;
		uint64_t id, peerid;
		int link, drop;
	} beats[] = {
		{ "heartbeat", UINT64_C(0x1112131415161718),
		  UINT64_C(0x0102030405060708), 0, None },
		{ "heartbeat for another link", UINT64_C(0x1112131415161718),
		  UINT64_C(0x0102030405060708), 1, DropForm },
		{ "heartbeat for no link", UINT64_C(0x1112131415161718),
		  UINT64_C(0x0102030405060708), Nlinks, DropForm },
		{ "heartbeat without an id", 0,
		  UINT64_C(0x0102030405060708), 0, DropForm },
		{ "heartbeat from another session", 99,
		  UINT64_C(0x0102030405060708), 0, DropSession },
		{ "heartbeat to another session",
		  UINT64_C(0x1112131415161718), 99, 0, DropSession },
	};
	struct sockaddr_storage from;
	uint8_t d[256];
	uint64_t mark;
	int i, j, n;
	Beat b = { 0 };

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		bond[1].heard.came = bond[1].heard.begun = 0;
		arrive(t[i].link, d, unhex(t[i].wire, d));
		for (j = 0; j < DropLast; j++)
			want(dropname[j], j == t[i].drop, drops[j]);
		want("delivered", t[i].out, lanread(&mark));
		wanthex("session", ours, peer.session.id);
		want("packets not in the pool", 0, inuse());
		verdict(t[i].name);
	}
	for (i = 0; i < LEN(beats); i++) {
		anew(Client);
		b.id = beats[i].id;
		b.peerid = beats[i].peerid;
		b.link = beats[i].link;
		b.time = Us;
		b.next = 1;
		b.format = Format;
		n = unhex(beat, d);
		beatencode(d + n, &b);
		arrive(0, d, n + BeatLen);
		for (j = 0; j < DropLast; j++)
			want(dropname[j], j == beats[i].drop, drops[j]);
		wanthex("session", ours, peer.session.id);
		want("packets not in the pool", 0, inuse());
		verdict(beats[i].name);
	}

	anew(Client);
	from = bond[1].addr.peer;
	arrivefrom(0, &from, d, unhex(GOOD, d));
	want(dropname[DropAddr], 1, drops[DropAddr]);
	want("delivered", 0, lanread(&mark));
	verdict("from an unknown address");

	anew(Client);
	b.id = theirs;
	b.peerid = ours;
	b.link = 0;
	b.time = now;
	arrivebeat(0, 5, &b, peerkey());
	b.time = now + Us;
	arrivebeat(0, 5, &b, peerkey());
	want(dropname[DropReplay], 1, drops[DropReplay]);
	verdict("the same heartbeat again");
}

/* datagrams as they come from the socket, with a key */
static void
testlinkpkt(void)
{
	static uint8_t d[Room];
	uint8_t ip[64];
	uint64_t mark = 0;
	int i, n, got;

	anewkeyed(Server);
	for (got = i = 0; i < 150; i++) {
		n = ippacket(ip, 60, 0, 1000, i);
		n = putrec(d, i + 1, FlagData, ip, n);
		if (write(peerfd[0], d, sealwith(d, n, peerkey())) < 0)
			die("write:");
		if (i % 75 < 74)
			continue;
		linkpkt(&bond[0]);
		got += lanread(&mark);
		want("mark", i / 75 * 75 + 74, mark);
		linkpkt(&bond[0]);
	}
	want("delivered", 150, got);
	want("last", 149, mark);
	want("datagrams", 150, bond[0].meter.rx.pkts);
	verdict("in batches");

	memset(d, 0, sizeof(d));
	put(d + 8, FlagData | FlagSealed, 1);
	for (i = 0; i < 4; i++)
		if (write(peerfd[0], d, i == 0 ? PktSize + 1 : i == 1 ? 9000 :
		    i == 2 ? 10 : PktSize) < 0)
			die("write:");
	linkpkt(&bond[0]);
	want(dropname[DropShort], 3, drops[DropShort]);
	want(dropname[DropAuth], 1, drops[DropAuth]);
	want("packets not in the pool", 0, inuse());
	verdict("too long and too short ones");
}

/* several records in one datagram */
static void
testrecords(void)
{
	enum { Records = 20, Size = HdrLen + 60 };
	uint8_t d[Room], ip[80], beat[256];
	uint64_t mark = 0;
	int i, n, len = 0;
	Beat b = { .id = theirs, .peerid = ours };

	anew(Client);
	for (i = 0; i < Records; i++) {
		put(ip, i, OrderLen);
		n = i & 1 ? OrderLen : 0;
		n += tcppacket(ip + n, 60, 1000, i + 1);
		len += putrec(d + len, i + 1, FlagData |
		    (i & 1 ? FlagOrder : 0), ip, n);
	}
	arrive(0, d, len);
	want("delivered", Records, lanread(&mark));
	want("last", Records, mark);
	want("datagrams", 1, bond[0].meter.rx.pkts);
	want("bytes", len, bond[0].meter.rx.bytes);
	want("packets not in the pool", 0, inuse());
	verdict("twenty, each second one with an order");

	arrive(0, d, len);
	want("delivered", 0, lanread(&mark));
	want("duplicates", Records, counts[CntDup]);
	want("packets not in the pool", 0, inuse());
	verdict("all of them again");

	anew(Client);
	bond[0].heard.came = bond[0].heard.begun = 0;
	b.time = now;
	b.next = 1;
	n = beatof(beat, 1, &b);
	memcpy(beat + n, d, Size);
	arrive(0, beat, n + Size);
	want("delivered", 1, lanread(&mark));
	verdict("data behind the first heartbeat");

	anew(Client);
	memcpy(beat, d, Size);
	n = Size + unhex("0000 0000 0000 0001 10 0001 02", beat + Size);
	memcpy(beat + n, d + Size, Size + OrderLen);
	arrive(0, beat, n + Size + OrderLen);
	want("delivered", 1, lanread(&mark));
	want("session", 0, peer.session.id);
	want(dropname[DropSession], 1, drops[DropSession]);
	want("packets not in the pool", 0, inuse());
	verdict("the end of the session in the middle");

	/* the first one is copied, and held */
	anew(Client);
	memset(d, 0, PktSize);
	put(d + 7, 2, 1);
	put(d + 8, FlagData | FlagOrder, 1);
	put(d + 9, PktSize - HdrLen - 1, 2);
	put(d + 11, 1, 2);
	arrive(0, d, PktSize);
	want("held", 1, rx.slots[2].state == Held);
	want(dropname[DropForm], 1, drops[DropForm]);
	if (rx.slots[2].p)
		wantin("its end", 0, PktSize, rx.slots[2].p->data +
		    rx.slots[2].p->len - rx.slots[2].p->buf);
	reorderreset(1);
	want("packets not in the pool", 0, inuse());
	verdict("one that fills the datagram, and a byte");

	anewkeyed(Client);
	for (len = i = 0; i < 3; i++) {
		n = ippacket(ip, 40, 0, 1000, i + 1);
		len += putrec(d + len, i + 1, FlagData, ip, n);
	}
	arrive(0, d, sealwith(d, len, peerkey()));
	want("delivered", 3, lanread(&mark));
	verdict("three under one tag");
}

/* a number that is near to this one, or that nobody expects */
static uint64_t
absurd(uint64_t n)
{
	switch (rnd(6)) {
	case 0:
		return rnd(100) - 50;
	case 1:
		return UINT64_MAX / 2 + rnd(100) - 50;
	case 2:
		return (uint64_t)1 << rnd(64);
	case 3:
		return (uint64_t)rnd(INT_MAX) << 32 | rnd(INT_MAX);
	}
	return n + rnd(1000000) - 500000;
}

/* every byte string is decoded or refused, within its bounds */
static void
testnoise(void)
{
	uint8_t d[256], *c;
	uint64_t mark;
	int i, j, n, kept;
	Beat b = { .id = theirs, .peerid = ours };

	anew(Client);
	errbegin();
	for (i = 0; i < 20000; i++) {
		n = rnd(sizeof(d));
		for (j = 0; j < n; j++)
			d[j] = rnd(256);
		if (n > 8 && rnd(4)) {
			memset(d, 0, 8);
			d[7] = rnd(64);
			d[8] = "\x01\x02\x06\x0a\x10"[rnd(5)];
			put(d + 9, rnd(4) ? MAX(n - HdrLen, 0) : rnd(64), 2);
		}
		c = exact(d, n);
		arrive(rnd(Nlinks), c, n);
		free(c);
		now += 100 * Us;
		lanread(&mark);
	}
	errend((char *)d, sizeof(d)); /* formats */
	now += SEC(2);
	timers();
	wanthex("session", ours, peer.session.id);
	newsession(&peer.session);
	for (kept = i = 0; i < Nlinks; i++)
		kept += bond[i].out.n;
	want("packets not in the pool", kept, inuse());
	verdict("20000 datagrams of noise");

	for (i = 0; i < 2000; i++) {
		if (i % 20 == 0)
			anew(i % 40 ? Client : Server);
		now += MS(1);
		b.link = rnd(Nlinks);
		b.txpkts = absurd(0);
		b.txbytes = absurd(0);
		b.rxpkts = absurd(0);
		b.rxbytes = absurd(0);
		b.next = absurd(1);
		b.prio = rnd(0x10000);
		b.up = absurd(0);
		b.down = absurd(0);
		n = beatof(d, i + 1, &b);
		/* times as they are on the wire */
		put(d + HdrLen + 18, absurd(now / Us), 8);
		put(d + HdrLen + 26, rnd(2) ? absurd(now / Us) :
		    (uint64_t)bond[b.link].beats.sent[0].time / Us, 8);
		put(d + HdrLen + 34, absurd(0), 4);
		beat(&bond[b.link]);
		arrive(b.link, d, n);
		arrivedata(b.link, absurd(i), 0);
		timers();
		schedule();
		discard();
	}
	newsession(&peer.session);
	for (kept = i = 0; i < Nlinks; i++)
		kept += bond[i].out.n;
	want("packets not in the pool", kept, inuse());
	verdict("2000 heartbeats of a peer that is mad");
}

/* ctl */

/* the line of a link, its RTT measured, its BW counted in the last second */
static void
testmetrics(void)
{
	static const struct {
		const char *line;
		int link, state;
		int64_t rtt, ceil, tx, rx; /* us, bit/s */
	} t[] = {
		{ "Link0 (10.200.0.1) - RTT: 22.5ms, BW: 8.2/10.0 Mbps "
		  "(82%), Score: 1225, SATURATED",
		  0, LinkUp, 22500, 10000000, 8200000, 300000 },
		{ "Link1 (10.200.1.1) - RTT: 78.3ms, BW: 45.1/70.0 Mbps "
		  "(64%), Score: 2783, OK",
		  1, LinkUp, 78300, 70000000, 1000000, 45100000 },
		{ "Link2 (10.200.2.1) - RTT: 81.2ms, BW: 0.0/70.0 Mbps "
		  "(0%), Score: 2812, LOSSY",
		  2, LinkLossy, 81200, 70000000, 0, 0 },
		{ "Link3 (10.200.3.1) - RTT: -, BW: -, Score: -, DOWN",
		  3, LinkDown, 80000, 70000000, 70000000, 0 },
		{ "Link4 (10.200.4.1) - RTT: 80.0ms, BW: 56.0/70.0 Mbps "
		  "(80%), Score: 2800, OK",
		  4, LinkUp, 80000, 70000000, 56000000, 56000000 },
	};
	static Text out;
	char *line;
	Link *l;
	int i;

	anew(Client);
	second();
	for (i = 0; i < LEN(t); i++) {
		l = &bond[t[i].link];
		l->state = t[i].state;
		l->delay.srtt = t[i].rtt * Us;
		l->score = score(l->prio, l->delay.srtt, 0, 0);
		rateceil(l, t[i].ceil, t[i].ceil);
		l->meter.tx.bytes += t[i].tx / 8;
		l->meter.rx.bytes += t[i].rx / 8;
	}
	now += Second;
	second();
	counts[CntInorder] = 10;
	counts[CntReordered] = 9;
	counts[CntLate] = 8;
	counts[CntLost] = 7;
	counts[CntRepaired] = 6;
	counts[CntDup] = 5;
	metrics(&out);
	line = strtok(out.buf, "\n");
	wantstr("first line", "=== Link Metrics ===", line);
	verdict("heading");
	for (i = 0; i < LEN(t); i++) {
		line = strtok(NULL, "\n");
		wantstr("line", t[i].line, line ? line : "");
		verdict(t[i].line);
	}
	line = strtok(NULL, "\n");
	wanttext("Total - in order: 10, reordered: 9, late: 8, lost: 7, "
	    "repaired: 6, duplicates: 5,", line ? line : "");
	wanttext(" dropped: none", line ? line : "");
	want("another line", 0, !!strtok(NULL, "\n"));
	verdict("totals");

	drops[DropShort] = 3;
	drops[DropQueue] = 4;
	memset(&out, 0, sizeof(out));
	totals(&out);
	wanttext("dropped: short 3, queue 4\n", out.buf);
	verdict("totals with drops");

	anew(Server);
	bond[0].meter.rx.pkts = 15234;
	bond[0].meter.rx.bytes = 18432156;
	bond[0].heard.lastseq = 15234;
	bond[0].delay.srtt = 22400 * Us;
	memset(&out, 0, sizeof(out));
	statistics(&out);
	line = strtok(out.buf, "\n");
	wantstr("first line", "=== Link Statistics ===", line);
	line = strtok(NULL, "\n");
	wantstr("line", "10.200.0.1:9001 - Packets: 15234, Bytes: 18432156, "
	    "Last seq: 15234, RTT: 22ms", line ? line : "");
	verdict("statistics of a server");

	memset(&out, 0, sizeof(out));
	bond[0].delay.srtt = 22500 * Us;
	bond[1].state = LinkDown;
	bond[1].prio = 61;
	surveylinks();
	counts[CntLost] = 7;
	kinds[1][0] = 5;
	prometheus(&out);
	wanttext("\nudpbond_traffic_packets_total{link=\"wg0\","
	    "traffic=\"dns\"} 0\n", out.buf);
	wanttext("\nudpbond_traffic_packets_total{link=\"wg1\","
	    "traffic=\"dns\"} 5\n", out.buf);
	wanttext("\nudpbond_link_up{link=\"wg0\"} 1\n", out.buf);
	wanttext("\nudpbond_link_up{link=\"wg1\"} 0\n", out.buf);
	wanttext("\nudpbond_link_spare{link=\"wg1\"} 1\n", out.buf);
	wanttext("\nudpbond_link_spare{link=\"wg2\"} 0\n", out.buf);
	wanttext("\nudpbond_link_rtt_seconds{link=\"wg0\"} 0.0225\n", out.buf);
	wanttext("\nudpbond_link_rate_bytes_per_second{link=\"wg0\"} "
	    "1250000\n", out.buf);
	wanttext("\nudpbond_link_receive_bytes_total{link=\"wg0\"} "
	    "18432156\n", out.buf);
	wanttext("\n# TYPE udpbond_lost_packets_total counter\n"
	    "udpbond_lost_packets_total 7\n", out.buf);
	for (line = strtok(out.buf, "\n"); line; line = strtok(NULL, "\n"))
		if (*line != '#')
			wanttext("udpbond_", line);
	verdict("Prometheus");

	memset(&out, 0, sizeof(out));
	kinds[4][0] = 6;
	kinds[2][LEN(traffic) - 1] = 7;
	traffictext(&out, 0);
	wantstr("text", "dns wg1: 5, wg4: 6\nother wg2: 7\n",
	    out.buf);
	verdict("traffic that there was, by link");

	memset(&out, 0, sizeof(out));
	for (i = 0; i < TextSize; i++)
		text(&out, "%d ", 12345);
	want("length", TextSize - 1, out.len);
	want("terminated", out.len, strlen(out.buf));
	verdict("a text that is full is cut");
}

/* Returns the line of a text, from 0 on; it ends with a newline. */
static const char *
lineof(const Text *t, int n)
{
	static char line[ScreenMax * 2];
	const char *s = t->buf;

	for (; n > 0 && (s = strchr(s, '\n')); n--)
		s++;
	format(line, s ? (int)strcspn(s, "\n") + 1 : 1, "%s", s ? s : "");
	return line;
}

static int
widest(const Text *t)
{
	int i, n = 0, most = 0;

	for (i = 0; i < t->len; i++) {
		n = t->buf[i] == '\n' ? 0 : n + 1;
		most = MAX(most, n);
	}
	return most;
}

static int
linesof(const Text *t)
{
	int i, n = 0;

	for (i = 0; i < t->len; i++)
		n += t->buf[i] == '\n';
	return n;
}

/* 31 s of traffic: by wg0 up at a quarter of its rate, by wg1 down at all */
static void
seconds31(void)
{
	int i;

	second();
	for (i = 0; i < 31; i++) {
		now += Second;
		bond[0].meter.tx.bytes += i < 30 ? 2500000 / 8 : 10000000 / 8;
		bond[1].meter.rx.bytes += 70000000 / 8;
		kinds[0][7] += 1;
		kinds[1][7] += 3;
		second();
	}
}

/* what udpbond -l says first: for a person */
static void
testoverview(void)
{
	static const int sizes[][4] = { /* columns, lines, links; all? */
		{ 40, 0, 5, 1 }, { 79, 0, 5, 1 }, { 80, 0, 5, 1 },
		{ 200, 0, 5, 1 }, { 80, 23, 5, 1 }, { 80, 15, 5, 1 },
		{ 80, 14, 5, 0 }, { 80, 6, 5, 0 }, { 80, 0, 98, 1 },
		{ 80, 23, 98, 0 }, { 200, 49, 98, 0 }, { 40, 4, 98, 0 },
		{ 80, 1, 98, 0 }, { 80, 27, 12, 1 }, { 80, 0, 12, 1 },
		{ 80, 0, 13, 1 },
	};
	static Text t;
	struct sockaddr_storage v6;
	char name[80];
	int i, k, s, high;
	Link *l;

	anew(Client);
	seconds31();
	peer.begun = now - 7980 * Second;
	bond[0].delay.srtt = MS(20);
	bond[0].loss.ratio = 0.004;
	t.len = 0;
	overview(&t, 80, 0);
	wantstr("head", "udpbond 0, client of 10.200.0.2", lineof(&t, 0));
	wantstr("head", "session for 2 h 13 min, 5 of 5 links up, "
	    "10.0 Mbit/s up, 70.0 down", lineof(&t, 1));
	wantstr("heading", "link     state       Mbit/s       limit in use    "
	    "30 s ago                   now", lineof(&t, 2));
	wantstr("up", "wg0      up            10.0 up     10.0 "
	    "\10\10\10\10\10\10\10\10\10 "
	    "\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\10",
	    lineof(&t, 3));
	wantstr("down", " 20.0 ms, 0.4% lost     0.0 down   10.0 .........",
	    lineof(&t, 4));
	wantstr("traffic", "tcp       sent by wg0 25%, wg1 75%", lineof(&t, 13));
	want("lines", 14, linesof(&t));
	verdict("the client's words");

	for (i = 0; i < 45; i++) {
		now += Second;
		kinds[2][0]++;
		second();
	}
	t.len = 0;
	overview(&t, 80, 0);
	wantstr("traffic", "dns       sent by wg2 100%", lineof(&t, 13));
	want("lines", 14, linesof(&t));
	verdict("only the traffic of late");

	peer.begun = now - 59 * Minute - 59 * Second;
	t.len = 0;
	overview(&t, 80, 0);
	wanttext("\nsession for 59 min 59 s, ", t.buf);
	verdict("less than an hour");

	anew(Server);
	seconds31();
	peer.session.id = 0;
	linkstate(&bond[0], LinkDown, "test");
	linkstate(&bond[2], LinkProbing, "test");
	bond[3].state = LinkLossy;
	bond[3].prio = Backup;
	bond[1].addr.peerlen = 0;
	parseaddr("2001:db8::1", 9001, &v6);
	bond[4].prio = 0;
	bond[4].addr.peer = v6;
	surveylinks();
	survey.best = &bond[4];
	t.len = 0;
	overview(&t, 80, 0);
	wantstr("head", "udpbond 0, server of 2001:db8::1", lineof(&t, 0));
	wantstr("head", "no session, 3 of 5 links up, 70.0 Mbit/s up, "
	    "10.0 down", lineof(&t, 1));
	wanttext("\nwg0      DOWN           0.0 up     10.0 ", t.buf);
	wanttext("\n -                     10.0 down   10.0 ", t.buf);
	wanttext("\nwg2      probing ", t.buf);
	wanttext("\nwg3      lossy ", t.buf);
	bond[3].state = LinkUp;
	bond[4].flight.stalled = now;
	bond[1].spare = 1;
	t.len = 0;
	overview(&t, 80, 0);
	wanttext("\nwg1      spare ", t.buf);
	wanttext("\nwg3      backup ", t.buf);
	wanttext("\nwg4      stalled ", t.buf);
	verdict("the server's words, and states");

	anew(Client);
	rateceil(&bond[2], 36000000, 36000000);
	bond[2].control.limited = now;
	bond[2].control.most = 12000000;
	t.len = 0;
	overview(&t, 80, 0);
	want("lines, not in use", 13, linesof(&t));
	for (i = 0; i < 5; i++)
		bond[2].meter.past[0][3 * i] = bond[2].pace.rate * 0.85 / 1e3;
	t.len = 0;
	overview(&t, 80, 0);
	wantstr("remark", "  up: most was 12.0 of 36.0 Mbit/s configured",
	    lineof(&t, 9));
	verdict("a rate that was never reached");

	bond[2].present = 0;
	bond[2].state = LinkDown;
	t.len = 0;
	overview(&t, 80, 0);
	wanttext("\nwg2 - waiting for a device like this\n", t.buf);
	wanttext(", 4 of 4 links up, ", t.buf);
	verdict("a row without a device");

	for (i = 0; i < LEN(sizes); i++) {
		anew(Client);
		for (k = Nlinks; k < sizes[i][2]; k++) {
			bond[k] = bond[1];
			bond[k].number = 1;
		}
		for (k = 0; k < sizes[i][2]; k++) {
			l = &bond[k];
			l->inuse = l->present = 1;
			format(l->name, sizeof(l->name), "%d-%s", k, "a long "
			    "name of the client's address, 2001:db8::12345");
			l->control.limited = k % 4 == 0;
			for (s = 0; s < 5; s++)
				l->meter.past[0][2 + s] = UINT32_MAX;
			kinds[k][k % LEN(traffic)] = 1;
			l->delay.srtt = MS(12345);
			l->loss.ratio = 1;
			l->meter.past[0][0] = UINT32_MAX;
			l->meter.past[0][Past - 1] = UINT32_MAX;
		}
		linkchain();
		surveylinks();
		t.len = 0;
		high = sizes[i][1];
		overview(&t, sizes[i][0], high);
		format(name, sizeof(name), "%d columns, %d lines, %d links",
		    sizes[i][0], high, sizes[i][2]);
		wantin("columns", 0, sizes[i][1] ? sizes[i][0] : 160,
		    widest(&t));
		wantin("lines", 4, high >= 18 ? high : 999, linesof(&t));
		want("all links", sizes[i][3], !strstr(t.buf, " more\n"));
		verdict(name);
		for (k = Nlinks; k < sizes[i][2]; k++)
			memset(&bond[k], 0, sizeof(bond[k]));
	}
}

/* what the terminal gets of it */
static void
testrender(void)
{
	static const struct {
		const char *name, *from, *words;
		int lines, blocks;
		const char *to;
	} t[] = {
		{ "blocks", "a\1\2\10b\n", "", 9, 1,
		  "a\342\226\201\342\226\202\342\226\210b\n" },
		{ "ASCII", "a\1\2\3\4\5\6\7\10b\n", "", 9, 0,
		  "a_.-:=+*#b\n" },
		{ "what cannot be printed", "\11\13\33[2J\177\200\342\n", "",
		  9, 1, "???[2J???\n" },
		{ "words before each line", "a\n\nb\n", "\33[K", 9, 1,
		  "\33[Ka\n\33[K\n\33[Kb\n" },
		{ "only so many lines", "a\nb\nc\n", "1 ", 2, 1,
		  "1 a\n1 b\n" },
	};
	static const struct {
		const char *all, *ctype, *lang;
		int is;
	} env[] = {
		{ NULL, NULL, NULL, 0 }, { NULL, NULL, "de_DE.UTF-8", 1 },
		{ "C", NULL, "de_DE.UTF-8", 0 }, { "", "", "C.utf8", 1 },
		{ "", "C.UTF-8", "C", 1 }, { "en_US.UTF-8", "C", "C", 1 },
		{ NULL, "POSIX", "C.UTF-8", 0 },
	};
	static Text in, out;
	int i;

	for (i = 0; i < LEN(t); i++) {
		in.len = out.len = 0;
		text(&in, "%s", t[i].from);
		render(&out, &in, t[i].words, t[i].lines, t[i].blocks);
		wantstr("text", t[i].to, out.buf);
		verdict(t[i].name);
	}
	for (i = 0; i < LEN(env); i++) {
		setenv("LC_ALL", env[i].all ? env[i].all : "", 1);
		setenv("LC_CTYPE", env[i].ctype ? env[i].ctype : "", 1);
		setenv("LANG", env[i].lang ? env[i].lang : "", 1);
		if (!env[i].all)
			unsetenv("LC_ALL");
		want("UTF-8", env[i].is, utf8());
	}
	verdict("the first of LC_ALL, LC_CTYPE, LANG that is set");
}

/* the socket that udpbond -l and -p ask; only root is answered, each 10 ms */
static void
testasked(void)
{
	static const struct {
		const char *name, *ask, *answer;
		int role;
	} t[] = {
		{ "client's status", "l", "\n\nTotal - in order: ", Client },
		{ "server's status", "l", "\nwg0 - up, rate: ", Server },
		{ "size of the screen", "l\x64\x05", "\n... and 4 more\n",
		  Client },
		{ "for a script", "m", "wg0          up        20.0    "
		  "0.0    0.0    0.0\nwg1 ", Client },
		{ "Prometheus", "p", "# TYPE udpbond_link_up gauge", Client },
	};
	static uint8_t d[Room];
	struct pollfd pfd[PfdLast] = { { 0 } };
	int i, n, fd[2], root = geteuid() == 0;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) < 0)
		die("socketpair:");
	setopt(fd[0], SOL_SOCKET, SO_PASSCRED, 1);
	ctl.fd = fd[0];
	for (i = 0; i < LEN(t); i++) {
		anew(t[i].role);
		if (write(fd[1], t[i].ask, strlen(t[i].ask)) < 1)
			die("write:");
		ctlpkt();
		n = fdread(fd[1], d);
		d[CLAMP(n, 0, Room - 1)] = '\0';
		if (root)
			wanttext(t[i].answer, (char *)d);
		else
			want("answered", -1, n);
		verdict(t[i].name);
		ctl.next = 0;
	}

	anew(Client);
	now = monotime();
	loop.nextsecond = loop.nextbeat = now + Second;
	rx.next = queues.nextack = queues.nextsend = INT64_MAX;
	wantin("ms to sleep, idle", 900, 1000, polltimeout() / MS(1));
	if (write(fd[1], "l", 1) != 1)
		die("write:");
	ctlpkt();
	wantin("ms to sleep, asked", 9, 10, polltimeout() / MS(1));
	want("answered", root, fdread(fd[1], d) > 0);
	now += MS(10);
	wantin("ms to sleep, later", 900, 1000, polltimeout() / MS(1));
	verdict("no more often than each 10 ms");

	/* those that are not root do not keep root waiting */
	ctl.next = 0;
	setopt(fd[0], SOL_SOCKET, SO_PASSCRED, 0);
	for (i = 0; i < 8; i++)
		if (write(fd[1], "l", 1) != 1)
			die("write:");
	setopt(fd[0], SOL_SOCKET, SO_PASSCRED, 1);
	pfd[PfdCtl].revents = POLLIN;
	turn(pfd);
	want("waits", -1, recv(fd[0], d, 1, MSG_DONTWAIT));
	verdict("others are looked at together");
	close(fd[0]);
	close(fd[1]);
}

/* timers */

/* us until something is due */
static void
testtimeout(void)
{
	static const struct {
		const char *name;
		int beat, second, full; /* us; full: the links are, so long */
		int waits, missing;   /* missing: for so long, us; 0: none */
		int least, most;
	} t[] = {
		{ "the next heartbeat", 30000, 90000, 0, 0, 0, 30000, 30000 },
		{ "the next second", 30000, 10000, 0, 0, 0, 10000, 10000 },
		{ "a heartbeat that is due", 0, 90000, 0, 0, 0, 0, 0 },
		{ "a heartbeat that is late", -5000, 90000, 0, 0, 0, 0, 0 },
		{ "full, but nothing waits", 30000, 90000, 3000, 0, 0, 30000,
		  30000 },
		{ "full and a heavy flow waits", 30000, 90000, 3000, 1, 0,
		  3250, 3350 },
		{ "full and a light flow waits", 30000, 90000, 3000, 2, 0,
		  2990, 3010 },
		{ "full for long", 30000, 90000, 50000, 1, 0, 1000, 5000 },
		{ "a packet is on its way", 90000, 90000, 0, 3, 0, 1, 5000 },
		{ "a packet has come", 90000, 90000, 0, 4, 0, 0, 0 },
		{ "one has come just after a report", 300000, 300000, 0, 5, 0,
		  100000, 100000 },
		{ "many have come just after one", 300000, 300000, 0, 6, 0,
		  10000, 10000 },
		{ "a packet is missed", 90000, 90000, 0, 0, 4000, 1, 15000 },
		{ "a packet is to be given up", 90000, 90000, 0, 0, 999000, 1,
		  1000 },
	};
	Link *l;
	int i, j;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		for (l = bond; l < bond + Nlinks; l++) {
			l->beats.next = now + t[i].beat * Us;
			l->pace.clock = l->pace.satclock = now +
			    t[i].full * Us + l->pace.burst;
		}
		loop.nextsecond = now + t[i].second * Us;
		now -= MS(10);
		timers();
		now += MS(10);
		if (t[i].waits == 3)
			goes("0");
		if (t[i].waits >= 5)
			rx.lastreport = now;
		for (j = t[i].waits == 6 ? 50 : t[i].waits >= 4; j > 0; j--)
			arrivedata(0, rx.known, 0);
		if (t[i].waits == 1 || t[i].waits == 2) {
			weighs(7, t[i].waits == 1);
			enqueue(waiting(Ordered, 7, 1200, 0, 0));
		}
		schedule();
		if (t[i].missing) {
			now -= t[i].missing * Us;
			arrivedata(0, 2, 0);
			now += t[i].missing * Us;
			reportsend();
		}
		wantin("us", t[i].least, t[i].most, polltimeout() / Us);
		verdict(t[i].name);
	}
}

/* confine */

/* what a process behind the filter gets: each bit is a call that should have
 * failed with EPERM and did not, or the other way round */
static int
filtered(void)
{
	int fd[2], n = 0, s = udpsocket(AF_INET, 0);
	struct ifreq ifr = { .ifr_name = "none0" };
	char c = 0, *none[] = { NULL };

	if (pipe(fd) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	confinecalls();
#define REFUSED(call) ((call) < 0 && errno == EPERM)
	n |= !REFUSED(open("/dev/null", O_RDONLY)) << 0;
	n |= !REFUSED(execve("/bin/true", none, none)) << 1;
	n |= !REFUSED(socket(AF_PACKET, SOCK_RAW, 0)) << 2;
	n |= !REFUSED(socket(AF_UNIX, SOCK_DGRAM, 0)) << 3;
	n |= !REFUSED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)) << 4;
	n |= !REFUSED(socket(AF_INET6, SOCK_STREAM, 0)) << 5;
	n |= !REFUSED(kill(1, 0)) << 6;
	n |= !(udpsocket(AF_INET, 0) >= 0) << 7;
	n |= !(udpsocket(AF_INET6, SOCK_NONBLOCK) >= 0) << 8;
	n |= !(write(fd[1], &c, 1) == 1 && read(fd[0], &c, 1) == 1) << 9;
	n |= !(monotime() > 0 && random64()) << 10;
	n |= !(sendto(fd[0], &c, 1, 0, NULL, 0) < 0 &&
	    errno == ENOTSOCK) << 11;
	n |= !REFUSED(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE)) << 12;
	n |= !REFUSED(ioctl(fd[0], TIOCSTI, &c)) << 13;
	n |= !REFUSED(ioctl(s, SIOCSIFFLAGS, &ifr)) << 14;
	n |= !(ioctl(s, SIOCSIFMTU, &ifr) < 0 && errno == ENODEV) << 15;
	/* what goes by socketcall() cannot be seen */
	n |= !(setsockopt(s, SOL_IP, 64, &ifr, sizeof(ifr)) < 0 &&
	    (errno == EPERM || Socketcall >= 0)) << 16;
	n |= !(setopt(s, SOL_IP, IP_FREEBIND, 1) == 0) << 17;
	n |= !(setopt(s, SOL_SOCKET, SO_RCVBUF, 4096) == 0) << 18;
	n |= !REFUSED(fork()) << 19;
	n |= !REFUSED(syscall(SYS_munmap, NULL, 4096)) << 20;
	n |= !(ioctl(s, SIOCGIFMTU, &ifr) < 0 && errno == ENODEV) << 21;
	ifr.ifr_ifindex = 1;
	n |= !(ioctl(s, SIOCGIFNAME, &ifr) == 0) << 22;
	return n;
}

static void
testfilter(void)
{
	int fd[2], n = -1;
	pid_t pid = -1;

	if (!callsfilter()) {
		verdict("not possible here");
		return;
	}
	if (pipe(fd) < 0 || (pid = fork()) < 0)
		die("pipe, fork:");
	if (pid == 0) {
		n = filtered();
		/* by the call itself: sanitizers do more before */
		syscall(SYS_exit_group, write(fd[1], &n, sizeof(n)) < 0);
	}
	close(fd[1]);
	if (read(fd[0], &n, sizeof(n)) != sizeof(n))
		n = -1;
	close(fd[0]);
	waitpid(pid, NULL, 0);
	want("calls with another outcome", 0, n);
	verdict("system calls let through and refused");
}

/* check */

/* what is wrong is told with the name of the row and the field */
static void
testconf(void)
{
	enum { Int, Rate, Address, Tundev, Clients, Servers, Root, Lans };
	static const struct {
		const char *name;
		int what, wrong;
		double value;         /* of 10 to 100, or in Mbit/s */
		const char *s, *said;
	} t[] = {
		{ "number at its least", Int, 0, 10, NULL, "" },
		{ "number at its most", Int, 0, 100, NULL, "" },
		{ "number too small", Int, 1, 9, NULL,
		  "satpercent: 9 is not in 10 to 100" },
		{ "number too large", Int, 1, 101, NULL, "satpercent: 101" },
		{ "rate unknown", Rate, 0, 0, NULL, "" },
		{ "rate of 0.5", Rate, 0, .5, NULL, "" },
		{ "rate too small", Rate, 1, .1, NULL,
		  "links[2] (wg2): up: 0.1" },
		{ "rate below 0", Rate, 1, -1, NULL,
		  "links[2] (wg2): up: -1" },
		{ "rate too large", Rate, 1, 10001, NULL,
		  "links[2] (wg2): up" },
		{ "address", Address, 0, 0, "10.0.0.1", "" },
		{ "no address", Address, 0, 0, NULL, "" },
		{ "wrong address", Address, 1, 0, "10.0.0",
		  "links[2] (wg2): client: \"10.0.0\"" },
		{ "address of nobody", Address, 1, 0, "0.0.0.0",
		  "links[2] (wg2): client: 0.0.0.0 is not the address" },
		{ "multicast", Address, 1, 0, "239.0.0.1", "239.0.0.1 is" },
		{ "broadcast", Address, 1, 0, "255.255.255.255", "5.255 is" },
		{ "the last address", Address, 0, 0, "223.255.255.255", "" },
		{ "IPv6 address of nobody", Address, 1, 0, "::", ":: is not" },
		{ "IPv6 multicast", Address, 1, 0, "ff02::1", "ff02::1 is" },
		{ "IPv6 address", Address, 0, 0, "::1", "" },
		{ "as it comes", Tundev, 0, 0, "tun-bond", "" },
		{ "no TUN", Tundev, 1, 0, "", "tundev: \"\"" },
		{ "TUN name of 15", Tundev, 0, 0, "abcdefghijklmno", "" },
		{ "TUN name of 16", Tundev, 1, 0, "abcdefghijklmnop",
		  "tundev: \"abcdefghijklmnop\"" },
		{ "TUN name with a slash", Tundev, 1, 0, "tun/0", "tundev:" },
		{ "TUN names of any kind", Tundev, 1, 0, "tun%d", "tun%d" },
		{ "TUN name with a colon", Tundev, 1, 0, "eth:0", "eth:0" },
		{ "TUN name for a shell", Tundev, 1, 0, "a;id", "a;id" },
		{ "TUN name of one dot", Tundev, 1, 0, ".", "\".\"" },
		{ "TUN name of two dots", Tundev, 1, 0, "..", "\"..\"" },
		{ "TUN name of all kinds", Tundev, 0, 0, "a-Z_0.9", "" },
		{ "all addresses", Clients, 1, 0, "10.0.0.1/0", "10.0.0.1/0" },
		{ "all IPv6 addresses", Servers, 1, 0, "fd00::1/0", "above" },
		{ "the server's address", Clients, 1, 0, "10.99.0.1/32",
		  "serveraddr: 10.99.0.1/32 is there twice" },
		{ "an address twice", Servers, 1, 0, "fd00::1/64 fd00:0::1/72",
		  "serveraddr: fd00:0::1/72 is there twice" },
		{ "network of a link", Clients, 1, 0, "10.200.2.9/24",
		  "links[2] (wg2): client or server: is in" },
		{ "network of all links", Servers, 5, 0, "10.201.0.9/13",
		  "links[4] (wg4): client or server: is in" },
		{ "network beside a link", Clients, 0, 0, "10.200.2.5/30", "" },
		{ "root directory", Root, 0, 0, "/var/run/x", "" },
		{ "no root directory", Root, 0, 0, NULL, "" },
		{ "root directory /", Root, 1, 0, "/", "chrootdir: \"/\"" },
		{ "root directory without a name", Root, 1, 0, "/var/run/",
		  "chrootdir: \"/var/run/\"" },
		{ "root directory from here", Root, 1, 0, "run/x",
		  "chrootdir: \"run/x\"" },
		{ "root directory that others may replace", Root, 1, 0,
		  "/tmp/x", "chrootdir: /tmp/ is missing, or others" },
		{ "root directory nowhere", Root, 1, 0, "/nonesuch/x",
		  "chrootdir: /nonesuch/ is missing" },
		{ "two addresses", Clients, 0, 0, "10.0.0.1/24 fd00::1/64",
		  "" },
		{ "no client address", Clients, 1, 0, "", "clientaddr:" },
		{ "client address without length", Clients, 1, 0, "10.0.0.1",
		  "clientaddr: \"10.0.0.1\"" },
		{ "networks of the LAN", Lans, 0, 0,
		  "192.168.1.0/24  10.5.0.0/16 fd01:2::/32", "" },
		{ "no network", Lans, 1, 0, "192.168.1.0/24 10.5.0.0",
		  "lannets: \"10.5.0.0\" is not a network" },
		{ "bits of a host", Lans, 1, 0, "192.168.1.130/25",
		  "lannets: 192.168.1.130/25: write 192.168.1.128/25" },
		{ "the last bit", Lans, 1, 0, "10.5.0.1/31",
		  "lannets: 10.5.0.1/31: write 10.5.0.0/31" },
		{ "bits of an IPv6 host", Lans, 1, 0, "fd01:2::1/64",
		  "lannets: fd01:2::1/64: write fd01:2::/64" },
		{ "around the client's address", Lans, 1, 0,
		  "192.168.50.0/24", "lannets: 192.168.50.0/24 overlaps "
		  "clientaddr or serveraddr, 192.168.50.1/32" },
		{ "around both", Lans, 2, 0, "0.0.0.0/0", "10.99.0.1/32" },
		{ "beside the client's address", Lans, 0, 0,
		  "192.168.50.2/31", "" },
		{ "two wrong server addresses", Servers, 2, 0, "x 10.0.0.1/33",
		  "serveraddr: \"10.0.0.1/33\"" },
	};
	const char *dev = tundev, *client = clientaddr, *server = serveraddr;
	const char *root = chrootdir;
	char said[1024];
	int i, n = 0;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		tundev = t[i].what == Tundev ? t[i].s : dev;
		clientaddr = t[i].what == Clients ? t[i].s : client;
		serveraddr = t[i].what == Servers ? t[i].s : server;
		chrootdir = t[i].what == Root ? t[i].s : root;
		lannets = t[i].what == Lans ? t[i].s : NULL;
		role = Both;
		errbegin();
		switch (t[i].what) {
		case Int:
			n = checkint("satpercent", t[i].value, 10, 100);
			break;
		case Rate:
			n = checkrate(2, "up", t[i].value);
			break;
		case Address:
			n = checkaddr(2, "client", t[i].s);
			break;
		default:
			n = checkconf();
		}
		errend(said, sizeof(said));
		want("wrong", t[i].wrong, n);
		if (t[i].wrong)
			wanttext(t[i].said, said);
		else
			wantstr("said", "", said);
		verdict(t[i].name);
	}
}

static void
testrows(void)
{
	static const struct {
		const char *name;
		int wrong;
		Traffic row;          /* 2 */
		const char *said;
	} t[] = {
		{ "all at their least", 0, { "x", 0, 0, 0, Normal, 0 }, "" },
		{ "all at their most", 0, { "A-z_0.9", IPPROTO_UDP, 65535, 63,
		  Bulk, 60000 }, "" },
		{ "protocol 255", 0, { "x", 255, 0, 0, Urgent, 0 }, "" },
		{ "protocol 256", 1, { "x", 256, 0, 0, Quic, 0 },
		  "traffic[2]: protocol: 256 is not in 0 to 255" },
		{ "protocol below 0", 1, { "x", -1, 0, 0, Quic, 0 },
		  "traffic[2]: protocol: -1" },
		{ "port 65536", 1, { "x", IPPROTO_TCP, 65536, 0, Normal, 0 },
		  "traffic[2]: port: 65536 is not in 0 to 65535" },
		{ "port below 0", 1, { "x", IPPROTO_TCP, -1, 0, Normal, 0 },
		  "traffic[2]: port: -1" },
		{ "port of any protocol", 1, { "x", 0, 53, 0, Normal, 0 },
		  "traffic[2]: port: protocol 0 has none" },
		{ "port of ESP", 1, { "x", 50, 53, 0, Normal, 0 },
		  "traffic[2]: port: protocol 50 has none" },
		{ "DSCP 64", 1, { "x", 0, 0, 64, Normal, 0 },
		  "traffic[2]: dscp: 64 is not in 0 to 63" },
		{ "class 4", 1, { "x", 0, 0, 0, 4, 0 },
		  "traffic[2]: class: 4 is not in 0 to 3" },
		{ "class -1", 1, { "x", 0, 0, 0, -1, 0 },
		  "traffic[2]: class: -1" },
		{ "of use too long", 1, { "x", 0, 0, 0, Normal, 60001 },
		  "traffic[2]: use: 60001 is not in 0 to 60000" },
		{ "of use too short", 1, { "x", 0, 0, 0, Normal, -1 },
		  "traffic[2]: use: -1" },
		{ "no name", 1, { NULL, 0, 0, 0, Normal, 0 },
		  "traffic[2]: name:" },
		{ "empty name", 1, { "", 0, 0, 0, Normal, 0 },
		  "traffic[2]: name:" },
		{ "name with quotes", 1, { "a\"", 0, 0, 0, Normal, 0 },
		  "traffic[2]: name:" },
		{ "name of two rows", 1, { "quic", 0, 0, 0, Normal, 0 },
		  "traffic[2]: name: \"quic\" is that of traffic[1] too" },
		{ "all wrong", 7, { "", -1, 65536, -1, -1, -1 },
		  "traffic[2]: class: -1" },
	};
	const Traffic was = traffic[2];
	char said[1024];
	int i, n;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		traffic[2] = t[i].row;
		role = Both;
		chrootdir = NULL;
		errbegin();
		n = checkconf();
		errend(said, sizeof(said));
		want("wrong", t[i].wrong, n);
		if (t[i].wrong)
			wanttext(t[i].said, said);
		else
			wantstr("said", "", said);
		verdict(t[i].name);
	}
	traffic[2] = was;
}

/* life */

/* all that happens to a client in some seconds, links that fail among it */
static void
testnoleak(void)
{
	enum { Busy = 2500, Rest = 4000 }; /* ms */
	static uint8_t d[Room];
	uint64_t seq = 1, beats = 1;
	int dead[Nlinks] = { 0 };
	int i, ms, n;
	Beat b;

	anew(Client);
	for (ms = 0; ms < Busy + Rest; ms++) {
		now += MS(1);
		for (n = ms < Busy ? rnd(20) : 0; n > 0; n--)
			if (write(lanfd, d, realpacket(rnd(LEN(packets)), d)) <
			    0)
				break;
		tunpkt();
		for (n = ms < Busy ? rnd(10) : 0; n > 0; n--) {
			i = rnd(Nlinks);
			if (dead[i] || rnd(50) == 0)
				seq += rnd(2);
			else if (rnd(3))
				arrivetcp(i, seq++, 0);
			else
				arrivedata(i, seq++, 0);
		}
		timers();
		schedule();
		for (i = 0; i < Nlinks; i++) {
			if (ms >= Busy)
				dead[i] = 0;
			else if (rnd(2000) == 0)
				dead[i] = !dead[i];
			if (peerbeat(i, &b, d) < 0 || dead[i] || b.hello)
				continue;
			b.id = theirs;
			b.peerid = ours;
			b.echo = b.time;
			b.held = 0;
			b.time = now;
			b.next = seq;
			arrivebeat(i, beats++, &b, peerkey());
		}
		discard();
		for (i = 0; i < Nlinks; i++)
			bond[i].reopen = INT64_MAX;
	}
	want("express", 0, queues.express.len);
	want("ACKs", 0, queues.acks.len);
	want("again", 0, tx.repairs.len);
	want("queued", 0, queues.queued);
	want("light bytes", 0, queues.lightbytes);
	want("flows on lists", 0, queues.round.n);
	want("packets not in the pool", cover.n, inuse());
	verdict("long run with links that fail: nothing is left");
}

/* the loop ends well when the kernel refuses to wait: here as many files as
 * another process of the same user may allow */
static void
testpoll(void)
{
	struct rlimit few = { 3, 0 };
	static char said[1024];
	static uint8_t d[Room];
	int i, n, bye = 0;
	Rec r;

	anew(Client);
	getrlimit(RLIMIT_NOFILE, &few);
	few.rlim_cur = 3;
	ctl.fd = -1;
	errbegin();
	setrlimit(RLIMIT_NOFILE, &few);
	run();
	want("status", 1, loop.status);
	cleanup();
	few.rlim_cur = few.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	errend(said, sizeof(said));
	wanttext("ppoll: Invalid argument", said);
	for (i = 0; i < Nlinks; i++)
		while ((n = peerread(i, d)) > 0)
			bye += decode(d, n, &r) > 0 &&
			    r.flags & FlagControl && d[HdrLen] == CtlBye;
	want("byes", Nlinks, bye);
	verdict("files are limited: the peer is told, status 1");
}

/* main */

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
	{ "text", testtext },
	{ "pool", testpool },
	{ "addresses", testaddrs },
	{ "encode", testencode },
	{ "decode", testdecode },
	{ "heartbeat", testbeat },
	{ "fault", testfault },
	{ "ChaCha20", testchacha },
	{ "HChaCha20", testhchacha },
	{ "Poly1305", testpoly },
	{ "Poly1305 carries", testpolycarry },
	{ "AEAD", testaead },
	{ "AEAD lengths", testaeadlengths },
	{ "AEAD forged", testaeadforged },
	{ "mod 2^255 - 19", testnum },
	{ "X25519", testx25519 },
	{ "SipHash", testsiphash },
	{ "key file", testkeyfile },
	{ "seal", testseal },
	{ "padding", testpadding },
	{ "ipparse", testparse },
	{ "MSS", testclamp },
	{ "ECN", testmark },
	{ "too big", testtoobig },
	{ "open", testtunopen },
	{ "ECN", testecn },
	{ "martian", testmartian },
	{ "offload", testfallback },
	{ "MTU", testmtu },
	{ "rtnetlink", testrtnetlink },
	{ "trial", testtrialbegins },
	{ "segments lost", testlinktrial },
	{ "GSO packets lost", testtuntrial },
	{ "pacer", testpacer },
	{ "charge", testcharge },
	{ "shared datagram", testsharing },
	{ "send", testflush },
	{ "parity sent", testparityencode },
	{ "parity", testparity },
	{ "parity forged", testparityforged },
	{ "random parity", testparityrandom },
	{ "LZ4", testblocks },
	{ "malformed LZ4", testmalformed },
	{ "there and back", testroundtrip },
	{ "may shrink", testshrinkable },
	{ "compact", testcompact },
	{ "compressed", testcompressed },
	{ "expand", testexpand },
	{ "classify", testclassify },
	{ "flow by", testflows },
	{ "hash", testhash },
	{ "sparse", testsparse },
	{ "pause", testpause },
	{ "traffic", testtraffic },
	{ "kinds", testkinds },
	{ "urgent", testcapped },
	{ "habits", testhabits },
	{ "lately", testlately },
	{ "elastic", testelastic },
	{ "alike", testalike },
	{ "stay", teststay },
	{ "too much", testtoomuch },
	{ "overflow", testoverflow },
	{ "overflows", testoverflows },
	{ "back", testback },
	{ "noted", testnoted },
	{ "needs", testneeds },
	{ "score", testscore },
	{ "select", testselect },
	{ "light wait", testlightwait },
	{ "patience", testpatience },
	{ "light bytes", testlightbytes },
	{ "rank", testrankheavy },
	{ "spare", testspare },
	{ "spare after", testsparewait },
	{ "load", testload },
	{ "ACKs", testacks },
	{ "lumps of ACKs", testlumps },
	{ "fair", testfair },
	{ "CoDel", testcodel },
	{ "full queues", testlongest },
	{ "flight", testflight },
	{ "lost", testlost },
	{ "stalls", teststalls },
	{ "heartbeat sent", testbeatsend },
	{ "slow heartbeats", testslowbeats },
	{ "silence of slow ones", testslowsilence },
	{ "packets per parity", testparityevery },
	{ "covered", testcovered },
	{ "loss of late", testcoverloss },
	{ "link of a parity", testparitylink },
	{ "parities", testparitysent },
	{ "parities at most", testparitybudget },
	{ "parity and pool", testparitypool },
	{ "copies", testcopies },
	{ "is compressed", testcompresses },
	{ "recovered", testway },
	{ "randomly recovered", testwayrandom },
	{ "order", testfollow },
	{ "express again", testexpressrepair },
	{ "least", testleast },
	{ "express rate", testexpressrate },
	{ "group", testgroup },
	{ "reserved", testreserved },
	{ "slow", testcarries },
	{ "window", testwindowset },
	{ "rate and delay", testcontrol },
	{ "link state", testlinkcheck },
	{ "RTT", testrtt },
	{ "loss", testloss },
	{ "reorder", testreorder },
	{ "reorder window", testwindow },
	{ "set free", testpaced },
	{ "random reorder", testreorderrandom },
	{ "report", testreport },
	{ "missing", testmissing },
	{ "runs", testruns },
	{ "report of the peer", testreportpkt },
	{ "whole numbers", testwhole },
	{ "handshake", testhandshake },
	{ "attacks on a handshake", testattacks },
	{ "renewal", testrenewal },
	{ "lost renewal", testlostrenewal },
	{ "another client", testanother },
	{ "client", testclient },
	{ "server", testserver },
	{ "new session", testfreed },
	{ "hellos", testhellos },
	{ "log", testlines },
	{ "replay", testreplay },
	{ "random replay", testreplayrandom },
	{ "doubt", testdoubt },
	{ "formats", testformat },
	{ "interval", testinterval },
	{ "peer's address", testaddress },
	{ "datagram", testgates },
	{ "received", testlinkpkt },
	{ "records", testrecords },
	{ "noise", testnoise },
	{ "metrics", testmetrics },
	{ "overview", testoverview },
	{ "render", testrender },
	{ "asked", testasked },
	{ "timeout", testtimeout },
	{ "confine", testfilter },
	{ "configuration", testconf },
	{ "traffic rows", testrows },
	{ "leaks", testnoleak },
	{ "poll", testpoll },
};

/* a process for each group: what one leaves behind is nothing to the next,
 * and one that dies takes only itself along */
int
main(int argc, char *argv[])
{
	int i, k, status, n[2], fd[2];
	pid_t pid;

	for (i = 0; i < LEN(groups); i++) {
		group = groups[i].name;
		for (k = 1; k < argc && strcmp(argv[k], group); k++)
			; /* arguments are groups to leave out */
		if (k < argc)
			continue;
		fflush(stdout);
		if (pipe(fd) < 0 || (pid = fork()) < 0)
			die("fork:");
		if (pid == 0) {
			close(fd[0]);
			passed = failed = 0;
			groups[i].run();
			n[0] = passed;
			n[1] = failed;
			if (write(fd[1], n, sizeof(n)) != sizeof(n))
				die("write:");
			exit(0);
		}
		close(fd[1]);
		if (read(fd[0], n, sizeof(n)) != sizeof(n))
			n[0] = n[1] = 0;
		close(fd[0]);
		waitpid(pid, &status, 0);
		if (status != 0 || n[0] + n[1] == 0) {
			printf("not ok - %s: expected a clean end, came "
			    "status %#x\n", group, status);
			n[1]++;
		}
		passed += n[0];
		failed += n[1];
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}
