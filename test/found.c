/* See LICENSE file for copyright and license details.
 *
 * Tests of links that are found, in section found of udpbond.c, which is
 * included here with a table of links of its own (rows). The kernel is faked:
 * devices are in world, and rtnetlink is asked by sendto() and answers by
 * recvmsg(), maybe in ways that no kernel would. Sockets of links are true
 * ones, of which a test needs only the number. Messages are in memory of just
 * their size, so that ASan sees what reads beyond. It finds config.def.h.
 * Begin with main(), then world and look().
 */
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int fakesendto(int, const void *, size_t, int, const void *, int);
static int fakerecvmsg(int, struct msghdr *, int);

#define main udpbond_main
#define const                     /* so that the configuration can change */
#define sendto fakesendto
#define recvmsg fakerecvmsg
#define recvmmsg(fd, m, n, f, t) (-1)
#define setsockopt(fd, l, n, v, s) 0
#define bind(fd, a, len) 0
#define connect(fd, a, len) 0
#include "udpbond.c"
#undef connect
#undef bind
#undef setsockopt
#undef recvmmsg
#undef recvmsg
#undef sendto
#undef const
#undef main

enum { Rtnetlink = 1000, Mutations = 300000 };
enum { Plain, Pid, Interrupted, NoBuffers, Truncated, Silent, Empty };

static Linkconf rows[] = {
	{ "eth1",     NULL,          "10.9.0.2",    9000, 2, 0, 0 },
	{ "eth[0-4]", NULL,          "10.9.0.2",    9001, 2, 0, 0 },
	{ "eth*",     NULL,          "fd00:9::2",   9002, 2, 0, 0 },
	{ "wg%d",     "10.200.%d.1", "10.200.%d.2", 9100, 2, 0, 0 },
	{ NULL,       "10.3.0.1",    "10.3.0.2",    9003, 2, 0, 0 },
};

/* the devices that there are, each with an address of a family */
typedef struct {
	const char *name;
	int index;
	const char *addr, *more;  /* more: a second one */
	int down, oper, slave, lo, scope, addrflags, noroute;
} Dev;
static struct {
	Dev *devs;
	int n, odd;               /* how it answers */
	uint8_t answer[1 << 18];  /* messages, */
	int sizes[2048], at, next, len; /* and bytes of each */
	int asked[128];           /* questions by type */
} world;

static int passed, failed;
static char why[512];

static void
want(const char *what, int64_t wanted, int64_t came)
{
	if (!*why && wanted != came)
		snprintf(why, sizeof(why), "%s: expected %" PRId64
		    ", came %" PRId64, what, wanted, came);
}

static void
wantstr(const char *what, const char *wanted, const char *came)
{
	if (!*why && strcmp(wanted, came))
		snprintf(why, sizeof(why), "%s: expected \"%s\", came \"%s\"",
		    what, wanted, came);
}

static void
verdict(const char *name)
{
	printf("%sok - %s%s%s\n", *why ? "not " : "", name,
	    *why ? ": " : "", why);
	*why ? failed++ : passed++;
	*why = '\0';
}

/* the kernel */

static uint8_t *
attr(uint8_t *d, int type, const void *value, int len)
{
	struct rtattr a = { RTA_LENGTH(len), type };

	memset(d, 0, RTA_SPACE(len));
	memcpy(d, &a, sizeof(a));
	memcpy(d + RTA_LENGTH(0), value, len);
	return d + RTA_SPACE(len);
}

/* Write the head of a message that ends at end. */
static int
head(uint8_t *d, uint8_t *end, int type)
{
	struct nlmsghdr h = { .nlmsg_len = end - d, .nlmsg_type = type,
	    .nlmsg_flags = NLM_F_MULTI };

	if (world.odd == Interrupted)
		h.nlmsg_flags |= NLM_F_DUMP_INTR;
	memcpy(d, &h, sizeof(h));
	return end - d;
}

/* Returns bytes of what the kernel says of a device. */
static int
linkmsg(uint8_t *d, const Dev *o)
{
	struct ifinfomsg m = { .ifi_index = o->index };
	uint8_t *e = d + NLMSG_LENGTH(sizeof(m)), oper = o->oper;
	uint32_t master = 9;

	m.ifi_flags = (o->down ? 0 : IFF_UP) | (o->lo ? IFF_LOOPBACK : 0);
	memcpy(d + NLMSG_LENGTH(0), &m, sizeof(m));
	e = attr(e, IFLA_IFNAME, o->name, strlen(o->name) + 1);
	e = attr(e, IFLA_OPERSTATE, &oper, 1);
	if (o->slave)
		e = attr(e, IFLA_MASTER, &master, 4);
	return head(d, e, RTM_NEWLINK);
}

static int
addrmsg(uint8_t *d, const Dev *o, const char *addr)
{
	struct sockaddr_storage ss;
	struct ifaddrmsg m = { .ifa_index = o->index, .ifa_scope = o->scope,
	    .ifa_flags = o->addrflags };
	uint8_t *e = d + NLMSG_LENGTH(sizeof(m));
	const uint8_t *a;
	int len;

	parseaddr(addr, 0, &ss);
	a = addrbytes(&ss, &len);
	m.ifa_family = ss.ss_family;
	memcpy(d + NLMSG_LENGTH(0), &m, sizeof(m));
	if (len == 4)
		e = attr(e, IFA_ADDRESS, "\x0a\xff\xff\xff", 4); /* a peer's */
	e = attr(e, len == 4 ? IFA_LOCAL : IFA_ADDRESS, a, len);
	return head(d, e, RTM_NEWADDR);
}

static int
routemsg(uint8_t *d, const void *question, size_t len)
{
	const struct nlmsghdr *h = question;
	const uint8_t *q = question;
	uint8_t *e = d + NLMSG_LENGTH(sizeof(struct rtmsg));
	uint32_t table = 254, index = 0;
	struct rtattr a;
	size_t at;
	int i;

	memset(d, 0, e - d);
	for (at = AskRoute; at + 4 <= len; at += RTA_ALIGN(a.rta_len)) {
		memcpy(&a, q + at, sizeof(a));
		if (a.rta_type == RTA_OIF)
			memcpy(&index, q + at + 4, 4);
	}
	for (i = 0; i < world.n; i++)
		if (world.devs[i].index == (int)index &&
		    !world.devs[i].noroute) {
			e = attr(e, RTA_TABLE, &table, 4);
			return head(d, e, RTM_NEWROUTE);
		}
	return head(d, e, h->nlmsg_type ? NLMSG_ERROR : 0);
}

/* Begin a message of the dump, or go on with it. */
static void
put1(int len)
{
	world.sizes[world.len++] = len;
	world.at += len;
}

static int
fakesendto(int fd, const void *d, size_t len, int flags, const void *to,
    int tolen)
{
	const struct nlmsghdr *h = d;
	int i, type = fd == Rtnetlink ? h->nlmsg_type : 0;
	int dump = type && h->nlmsg_flags & NLM_F_DUMP;

	(void)flags, (void)to, (void)tolen;
	world.asked[type]++;
	if (type == 0)
		return len;
	world.at = world.len = world.next = 0;
	for (i = 0; dump && i < world.n; i++) {
		if (type == RTM_GETLINK)
			put1(linkmsg(world.answer + world.at,
			    &world.devs[i]));
		else if (world.devs[i].addr)
			put1(addrmsg(world.answer + world.at, &world.devs[i],
			    world.devs[i].addr));
		if (type == RTM_GETADDR && world.devs[i].more)
			put1(addrmsg(world.answer + world.at, &world.devs[i],
			    world.devs[i].more));
	}
	if (dump)
		put1(head(world.answer + world.at, world.answer + world.at +
		    NLMSG_LENGTH(4), NLMSG_DONE));
	else
		put1(routemsg(world.answer, d, len));
	world.at = 0;
	return len;
}

/* Three messages at once, as the kernel joins them. */
static int
fakerecvmsg(int fd, struct msghdr *m, int flags)
{
	struct sockaddr_nl *from = m->msg_name;
	int i, n = 0;

	(void)flags;
	m->msg_flags = 0;
	if (fd != Rtnetlink || world.next == world.len ||
	    world.odd == Silent) {
		errno = EAGAIN;
		return -1;
	}
	if (world.odd == NoBuffers && world.next == 0) {
		world.next++;
		world.at += world.sizes[0];
		errno = ENOBUFS;
		return -1;
	}
	if (world.odd == Truncated)
		m->msg_flags = MSG_TRUNC;
	for (i = 0; i < 3 && world.next < world.len; i++)
		n += world.sizes[world.next++];
	memcpy(m->msg_iov->iov_base, world.answer + world.at,
	    MIN((size_t)n, m->msg_iov->iov_len));
	if (from)
		from->nl_pid = world.odd == Pid ? 4711 : 0;
	world.at += n;
	return n;
}

/* the program as at the start */
static void
anew(int as)
{
	Link *l;

	for (l = bond; l < bond + LEN(bond); l++)
		if (l->conf && l->fd >= 0 && !shares(l))
			close(l->fd);
	if (!pool.pkts)
		memory();
	memset(bond, 0, sizeof(bond));
	memset(&devices, 0, sizeof(devices));
	memset(&world, 0, sizeof(world));
	memcpy(links, rows, sizeof(links));
	keyfile = "key";
	rtnetlink = Rtnetlink;
	tun.fd = -1;
	role = as;
	now = 1000 * Second;
	peer.interval = MS(hbinterval);
	linksinit();
	netsinit();
	for (l = bond; l; l = l->next)
		linkstart(l);
}

/* Returns the links that are there: name@place, and a ! if it has no socket */
static const char *
there(void)
{
	static char s[2048];
	const Link *l;
	int n = 0;

	s[0] = '\0';
	for (l = bond; l; l = l->next)
		if (l->present)
			n += snprintf(s + n, sizeof(s) - n, "%s%s@%d%s",
			    n ? " " : "", l->name, (int)(l - bond),
			    l->fd < 0 ? "!" : "");
	return s;
}

/* Look at these devices. */
static const char *
look(Dev *devs, int n)
{
	world.devs = devs;
	world.n = n;
	now += Second;
	devicelook();
	return there();
}

/* tests */

static void
testglobs(void)
{
	static const struct { const char *glob, *name; int is; } t[] = {
		{ "eth*", "eth0", 1 }, { "eth*", "eth", 1 },
		{ "eth*", "et", 0 }, { "eth*", "xeth0", 0 },
		{ "*", "", 1 }, { "*", "anything", 1 },
		{ "*0", "eth10", 1 }, { "*0", "eth01", 0 },
		{ "e*h*1", "eth0eth1", 1 }, { "e*h*1", "eth0eth2", 0 },
		{ "eth?", "eth1", 1 }, { "eth?", "eth", 0 },
		{ "eth?", "eth10", 0 }, { "eth[0-3]", "eth3", 1 },
		{ "eth[0-3]", "eth4", 0 }, { "eth[0-3]", "eth", 0 },
		{ "eth[13]", "eth3", 1 }, { "eth[13]", "eth2", 0 },
		{ "[ew]*", "wlan0", 1 }, { "[ew]*", "usb0", 0 },
		{ "eth[a-]", "eth-", 1 }, { "eth[", "eth", 0 },
		{ "eth[", "eth[", 0 }, { "eth[0", "eth0", 0 },
		{ "eth[]", "eth", 0 }, { "eth[]x", "ethx", 0 },
		{ "", "", 1 }, { "", "a", 0 }, { "**", "a", 1 },
		{ "*a*a*a*a*a*a*", "aaaaaaaaaaaaaab", 1 },
		{ "*a*a*a*a*a*ac", "aaaaaaaaaaaaaab", 0 },
	};
	int i;

	for (i = 0; i < LEN(t); i++) {
		want(t[i].glob, t[i].is, globs((char *)t[i].glob,
		    (char *)t[i].name));
		verdict(t[i].glob);
	}
}

static void
testrows(void)
{
	static const struct { const char *name; int row; } t[] = {
		{ "eth1", 0 }, { "eth0", 1 }, { "eth4", 1 }, { "eth5", 2 },
		{ "eth10", 2 }, { "wg0", 3 }, { "wg31", 3 }, { "wg32", -1 },
		{ "wg", -1 }, { "wg01", -1 }, { "wg-1", -1 }, { "wg+1", -1 },
		{ "wg 1", -1 }, { "wg1a", -1 }, { "wg%d", -1 }, { "w", -1 },
		{ "", -1 }, { "usb0", -1 },
		{ "wg99999999999", -1 }, { "wg4294967296", -1 },
	};
	const Linkconf *c;
	char s[IFNAMSIZ];
	int i;

	anew(Client);
	for (i = 0; i < LEN(t); i++) {
		c = rowfor((char *)t[i].name);
		want("row", t[i].row, c ? c - links : -1);
		verdict(*t[i].name ? t[i].name : "no name");
	}
	links[4].device = "eth3";
	want("row", 4, rowfor("eth3") - links);
	verdict("a name behind the pattern");
	numbered(s, sizeof(s), "10.200.%d.1", 31);
	wantstr("address", "10.200.31.1", s);
	numbered(s, sizeof(s), NULL, 31);
	wantstr("of NULL", "", s);
	numbered(s, 4, "10.200.%d.1", 31);
	wantstr("cut before it", "10.", s);
	verdict("number in place of %d");
}

/* what is found of devices, one after the other; the wanted links */
static void
testclient(void)
{
	static Dev a[] = { { "eth0", 5, .addr = "10.7.0.1" } };
	static const struct {
		const char *name;
		Dev devs[5];
		const char *links;
	} t[] = {
		{ "nothing", { { .name = NULL } }, "" },
		{ "a device", { { "eth0", 5, .addr = "10.7.0.1" } }, "eth0@1" },
		{ "it is down", { { "eth0", 5, .addr = "10.7.0.1",
		    .down = 1 } }, "" },
		{ "it has no carrier", { { "eth0", 5, .addr = "10.7.0.1",
		    .oper = 2 } }, "" },
		{ "the one below has none", { { "eth0", 5, .oper = 3,
		    .addr = "10.7.0.1" } }, "" },
		{ "its carrier is up", { { "eth0", 5, .oper = 6,
		    .addr = "10.7.0.1" } }, "eth0@1" },
		{ "a slave", { { "eth0", 5, .addr = "10.7.0.1", .slave = 1 }
		    }, "" },
		{ "loopback", { { "eth0", 5, .addr = "10.7.0.1", .lo = 1 } },
		    "" },
		{ "no address", { { "eth0", 5 } }, "" },
		{ "of the other family", { { "eth0", 5, .addr = "fd00::1" } },
		    "" },
		{ "169.254", { { "eth0", 5, .addr = "169.254.1.1" } }, "" },
		{ "169.254 and another", { { "eth0", 5, .addr = "169.254.1.1",
		    .more = "10.7.0.1" } }, "eth0@1" },
		{ "of the link", { { "eth9", 5, .addr = "fe80::1",
		    .scope = RT_SCOPE_LINK } }, "" },
		{ "tentative", { { "eth9", 5, .addr = "fd00::1",
		    .addrflags = IFA_F_TENTATIVE } }, "" },
		{ "a duplicate", { { "eth9", 5, .addr = "fd00::1",
		    .addrflags = IFA_F_DADFAILED } }, "" },
		{ "deprecated", { { "eth9", 5, .addr = "fd00::1",
		    .addrflags = IFA_F_DEPRECATED } }, "" },
		{ "IPv6", { { "eth9", 5, .addr = "fd00::1" } }, "eth9@33" },
		{ "no route", { { "eth0", 5, .addr = "10.7.0.1",
		    .noroute = 1 } }, "" },
		{ "of a number", { { "wg7", 5, .addr = "10.200.7.1" } },
		    "wg7@72" },
		{ "the address of another", { { "wg7", 5,
		    .addr = "10.200.6.1" } }, "" },
		{ "it has two", { { "wg7", 5, .addr = "10.0.0.9",
		    .more = "10.200.7.1" } }, "wg7@72" },
		{ "another device has it", { { "wg7", 5 }, { "eth9", 6,
		    .addr = "10.200.7.1" } }, "" },
		{ "own TUN", { { "tun-bond", 5, .addr = "10.0.0.1" } }, "" },
		{ "odd name", { { "eth0@x", 5, .addr = "fd00::1" } }, "" },
		{ "many", { { "eth0", 5, .addr = "10.7.0.1" },
		    { "eth3", 7, .addr = "10.7.3.1" },
		    { "eth7", 6, .addr = "fd00::7" },
		    { "wg0", 9, .addr = "10.200.0.1" },
		    { "wg31", 8, .addr = "10.200.31.1" } },
		    "eth0@1 eth3@2 eth7@33 wg0@65 wg31@96" },
		{ "the same address twice", { { "eth0", 5, .addr = "10.7.0.1" },
		    { "eth3", 7, .addr = "10.7.0.1" } }, "eth0@1 eth3@2" },
	};
	char wanted[256];
	int i, n;

	for (i = 0; i < LEN(t); i++) {
		for (n = 0; n < 5 && t[i].devs[n].name; n++)
			;
		snprintf(wanted, sizeof(wanted), "eth1@0%s%s 10.3.0.1@97",
		    *t[i].links ? " " : "", t[i].links);
		anew(Client);
		wantstr("links", wanted, look((Dev *)t[i].devs, n));
		wantstr("and again", wanted, look((Dev *)t[i].devs, n));
		verdict(t[i].name);
		if (n == 0)
			continue;
		look((Dev *)t[1].devs, 0);
		wantstr("none", "eth1@0 10.3.0.1@97", there());
		wantstr("links", wanted, look((Dev *)t[i].devs, n));
		verdict("gone and back");
	}

	/* what a link has, its device may lose, but not this */
	anew(Client);
	look(a, 1);
	a[0].oper = 2;
	wantstr("links", "eth1@0 eth0@1 10.3.0.1@97", look(a, 1));
	a[0].noroute = 1;
	wantstr("links", "eth1@0 eth0@1 10.3.0.1@97", look(a, 1));
	verdict("no carrier, no route: it stays");
	n = bond[1].fd;
	want("socket", 1, n >= 0);
	a[0].addr = "10.7.0.9";
	look(a, 1);
	want("address", 9, addrbytes(&bond[1].addr.local, &i)[3]);
	verdict("another address");
	a[0].name = "eth2";
	wantstr("links", "eth1@0 eth2@1 10.3.0.1@97", look(a, 1));
	wantstr("device", "eth2", bond[1].device);
	verdict("a name like it");
	a[0].name = "eth5";
	wantstr("links", "eth1@0 10.3.0.1@97", look(a, 1));
	want("soon again", now + Look, devices.next);
	a[0].name = "usb5";
	wantstr("links", "eth1@0 10.3.0.1@97", look(a, 1));
	verdict("names of others");
	a[0].name = "eth1";
	wantstr("links", "eth1@0 10.3.0.1@97", look(a, 1));
	want("index", 5, bond[0].index);
	verdict("a plain row takes it");
}

/* places, and what is kept */
static void
testplaces(void)
{
	static Dev a[] = {
		{ "eth0", 5, .addr = "10.7.0.1" },
		{ "eth2", 6, .addr = "10.7.2.1" },
		{ "eth3", 7, .addr = "10.7.3.1" },
	}, w[] = { { "wg3", 8, .addr = "10.200.3.1" } }, many[40], *d;
	static char names[40][8], addrs[40][16];
	int i;

	anew(Client);
	look(a, 3);
	for (i = 1; i < 4; i++) {
		bond[i].delay.srtt = MS(i);
		bond[i].pace.rate = 1000000 * i;
		bond[i].control.most = i;
		bond[i].meter.rx.pkts = i;
		bond[i].state = LinkUp;
		bond[i].heard.begun = 1;
		kinds[i][0] = i;
	}
	want("links", 7, loop.links);
	d = a + 1;
	wantstr("links", "eth1@0 eth2@2 eth3@3 10.3.0.1@97", look(d, 2));
	want("socket", -1, bond[1].fd);
	want("state", LinkDown, bond[1].state);
	want("begun", 0, bond[1].heard.begun);
	verdict("the first is gone");
	wantstr("links", "eth1@0 eth3@3 10.3.0.1@97", look(d + 1, 1));
	want("chain", 1, bond[1].next == &bond[3]);
	want("links", 6, loop.links);
	verdict("so is the second");
	wantstr("links", "eth1@0 eth2@2 eth3@3 10.3.0.1@97", look(d, 2));
	want("RTT", MS(2), bond[2].delay.srtt);
	want("rate", 2000000, bond[2].pace.rate);
	want("most", 2, bond[2].control.most);
	want("packets", 2, bond[2].meter.rx.pkts);
	want("state", LinkProbing, bond[2].state);
	verdict("it comes back to its place and knows");
	a[0].name = "eth4";
	wantstr("links", "eth1@0 eth4@1 eth2@2 eth3@3 10.3.0.1@97",
	    look(a, 3));
	want("RTT", 0, bond[1].delay.srtt);
	want("rate", RateStart, bond[1].pace.rate);
	want("most", 0, bond[1].control.most);
	want("packets", 0, bond[1].meter.rx.pkts);
	want("kinds", 0, kinds[1][0]);
	verdict("another begins anew");

	/* replaced between two looks: the same name, another device */
	anew(Client);
	a[0].name = "eth0";
	look(a, 1);
	a[0].index = 50;
	look(a, 1);
	wantstr("links", "eth1@0 eth0@1 10.3.0.1@97", look(a, 1));
	want("index", 50, bond[1].index);
	verdict("another device of this name");
	anew(Client);
	look(w, 1);
	look(w, 1);
	bond[68].reopen = 0;
	w[0].index = 51;
	wantstr("links", "eth1@0 wg3@68 10.3.0.1@97", look(w, 1));
	want("index", 51, bond[68].index);
	want("opened anew", now + Reopen, bond[68].reopen);
	verdict("and of a number");
	w[0].addr = "10.200.4.1";
	wantstr("links", "eth1@0 10.3.0.1@97", look(w, 1));
	verdict("which loses its address");
	look(a, 1);
	a[0].addr = NULL;
	wantstr("links", "eth1@0 10.3.0.1@97", look(a, 1));
	a[0].addr = "10.7.0.1";
	verdict("as does one of a name");

	anew(Client);
	for (i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "eth%d", 5 + i);
		snprintf(addrs[i], sizeof(addrs[i]), "fd00::%d", i);
		many[i] = (Dev){ names[i], 100 + i, .addr = addrs[i] };
	}
	look(many, 31);
	want("present", 31, loop.links - 4);
	want("left", 0, devices.left);
	look(many, 32);
	want("present", 32, loop.links - 4);
	want("left", 0, devices.left);
	look(many, 40);
	want("present", 32, loop.links - 4);
	want("left", 8, devices.left);
	look(many + 10, 30);
	want("present", 30, loop.links - 4);
	want("left", 0, devices.left);
	look(many, 0);
	want("none", 0, bond[33].present);
	verdict("31, 32, 40 and 30 devices");
}

static void
testserver(void)
{
	static Dev a[] = {
		{ "any0", 5, .addr = "10.200.3.2" },
		{ "any1", 6, .addr = "10.200.0.2" },
	};
	const char *both = "eth1@0 eth4@3 eth2@4 10.3.0.1@97";
	Link *l;
	int fd;

	anew(Server);
	wantstr("links", "eth1@0 10.3.0.1@97", there());
	want("socket of the row", 1, bond[1].fd >= 0);
	want("and of the other", 1, bond[33].fd >= 0);
	want("none of the number", -1, bond[65].fd);
	verdict("it listens");
	wantstr("links", "eth1@0 wg0@65 wg3@68 10.3.0.1@97", look(a, 2));
	wantstr("links", "eth1@0 wg0@65 10.3.0.1@97", look(a + 1, 1));
	want("port", 9100, bond[65].port);
	verdict("numbers, by the server's address");
	links[0].device = "wg0";
	wantstr("links", "eth1@0 wg3@68 10.3.0.1@97", look(a, 2));
	links[0].device = "eth1";
	verdict("but not of a device that has a row");
	wantstr("links", "eth1@0 10.3.0.1@97", look(a, 0));
	fd = bond[1].fd;
	l = linknamed(&bond[1], 4);
	want("link", 1, l == &bond[4]);
	want("no other row's", 1, !linknamed(&bond[1], 33) &&
	    !linknamed(&bond[1], 34) && !linknamed(&bond[1], 97) &&
	    !linknamed(&bond[1], 0) && !linknamed(&bond[1], 255) &&
	    !linknamed(&bond[65], 66) && !linknamed(&bond[0], 1) &&
	    !linknamed(&bond[2], 3));
	want("not in use yet", 0, l->inuse);
	linktold(l, "eth2");
	wantstr("links", "eth1@0 eth2@4 10.3.0.1@97", there());
	want("socket", fd, bond[4].fd);
	linktold(linknamed(&bond[1], 3), "eth4");
	wantstr("links", "eth1@0 eth4@3 eth2@4 10.3.0.1@97", there());
	verdict("a heartbeat names a link");
	bond[3].state = LinkUp;
	bond[3].delay.srtt = MS(7);
	linktold(&bond[3], "eth4");
	want("state", LinkUp, bond[3].state);
	want("RTT", MS(7), bond[3].delay.srtt);
	linktold(&bond[3], "eth0");
	want("state", LinkProbing, bond[3].state);
	want("RTT", 0, bond[3].delay.srtt);
	wantstr("links", "eth1@0 eth0@3 eth2@4 10.3.0.1@97", there());
	verdict("its name changes");
	linktold(&bond[1], "eth2");
	wantstr("links", "eth1@0 eth2@1 eth0@3 10.3.0.1@97", there());
	want("socket", fd, bond[1].fd);
	verdict("one moves to the place that has the socket");
	linktold(&bond[1], "eth3");
	want("socket", fd, bond[1].fd);
	linkgone(&bond[1], "");
	want("socket", fd, bond[1].fd);
	want("due", INT64_MAX, linkdue(&bond[1]));
	verdict("which has it without a link too");
	linktold(&bond[4], "eth2");
	linktold(&bond[3], "eth4");
	linkopen(&bond[1]);
	want("sockets", 1, bond[1].fd >= 0 && bond[3].fd == bond[1].fd &&
	    bond[4].fd == bond[1].fd && bond[33].fd != bond[1].fd);
	linkclose(&bond[4]);
	want("others", 1, bond[3].fd == bond[1].fd && bond[1].fd >= 0);
	linkopen(&bond[4]);
	wantstr("links", both, there());
	linkclose(&bond[1]);
	want("none", -3, bond[1].fd + bond[3].fd + bond[4].fd);
	want("due", 1, linkdue(&bond[1]) < INT64_MAX);
	linkopen(&bond[1]);
	verdict("sockets are shared");
	now += Minute - Second;
	linktold(&bond[4], "eth2");
	bond[4].until = now + Minute;
	loop.nextmtu = INT64_MAX;
	ctl.named = 1;
	second();
	wantstr("links", both, there());
	now += 2 * Second;
	second();
	wantstr("links", "eth1@0 eth2@4 10.3.0.1@97", there());
	verdict("not told of for a minute");
}

/* what no kernel says */
static void
testhostile(void)
{
	static Dev a[] = {
		{ "eth0", 5, .addr = "10.7.0.1" },
		{ "eth7", 6, .addr = "fd00::7" },
		{ "wg3", 7, .addr = "10.200.3.1", .more = "10.1.1.1" },
	};
	static const struct { int odd, again; const char *name; } t[] = {
		{ Plain, 0, "as it is" }, { Pid, 1, "of another process" },
		{ Interrupted, 1, "interrupted" },
		{ NoBuffers, 1, "some lost" }, { Truncated, 1, "truncated" },
		{ Silent, 1, "no answer" },
	};
	const char *all = "eth1@0 eth0@1 eth7@33 wg3@68 10.3.0.1@97";
	const char *none = "eth1@0 10.3.0.1@97";
	static char longname[301];
	uint8_t buf[512], *d;
	int i, j, k, n, len;

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		world.odd = t[i].odd;
		wantstr("links", t[i].again ? none : all, look(a, 3));
		want("next", now + (t[i].again ? Look : Minute),
		    devices.next);
		world.odd = Plain;
		wantstr("links", all, look(a, 3));
		world.odd = t[i].odd;
		wantstr("they stay", all, look(a, t[i].again ? 0 : 3));
		verdict(t[i].name);
	}

	anew(Client);
	look(a, 3);
	for (i = 0; i < 6; i++) {
		len = i < 3 ? linkmsg(buf, &a[i]) : addrmsg(buf, &a[i - 3],
		    a[i - 3].addr);
		for (n = sizeof(struct nlmsghdr); n <= len; n++)
			for (k = 0; k < 2; k++) {
				d = malloc(n);
				memcpy(d, buf, n);
				((struct nlmsghdr *)d)->nlmsg_len = n;
				if (k && n > AskLink + 2) /* no length */
					memset(d + AskLink, 0, 2);
				devices.n = MIN(devices.n, 3);
				devicelink((void *)d);
				deviceaddr((void *)d);
				free(d);
			}
	}
	verdict("messages cut anywhere");
	srand(1);
	for (j = 0; j < Mutations; j++) {
		i = rand() % 6;
		len = i < 3 ? linkmsg(buf, &a[i]) : addrmsg(buf, &a[i - 3],
		    a[i - 3].addr);
		n = 16 + rand() % (len - 15);
		d = malloc(n);
		memcpy(d, buf, n);
		for (k = rand() % 6; k > 0; k--)
			d[rand() % n] = rand();
		((struct nlmsghdr *)d)->nlmsg_len = n;
		devicelink((void *)d);
		deviceaddr((void *)d);
		if (devices.n > 250)
			devices.n = 0;
		free(d);
	}
	for (i = 0; i < devices.n; i++)
		want("name", 1, plain(devices.list[i].name) &&
		    memchr(devices.list[i].name, 0, IFNAMSIZ) != NULL &&
		    devices.list[i].row != NULL);
	verdict("messages changed anywhere");
	memset(longname, 'e', 300);
	a[0].name = longname;
	devices.n = 0;
	len = linkmsg(buf, &a[0]);
	devicelink((void *)buf);
	want("devices", 0, devices.n);
	verdict("a name of 300 bytes");
	a[0].name = "eth0";
	for (i = devices.n = 0; i < 2 * Devices; i++) {
		linkmsg(buf, &a[0]);
		devicelink((void *)buf);
	}
	want("devices", Devices, devices.n);
	verdict("more than there is room for");
}

/* The parent answers what the worker asks. Returns the questions that the
 * kernel was asked meanwhile. */
static int
parentdoes(int fd)
{
	int worker = loop.parent, asked = world.asked[RTM_GETLINK];

	heardof(fd, Linkdown);
	loop.parent = worker;
	return world.asked[RTM_GETLINK] - asked;
}

/* the worker leaves it to the parent to wait for the kernel */
static void
testparent(void)
{
	static Dev a[] = {
		{ "eth0", 5, .addr = "10.7.0.1" },
		{ "wg3", 7, .addr = "10.200.3.1" },
	};
	const char *one = "eth1@0 eth0@1 10.3.0.1@97";
	const char *both = "eth1@0 eth0@1 wg3@68 10.3.0.1@97";
	struct nlmsghdr h = { sizeof(h), NLMSG_NOOP, 0, 0, 0 };
	int fd[2], asked, i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd) < 0)
		exit(1);
	anew(Client);
	look(a, 1);
	devices.fd = -1;
	loop.parent = fd[1];
	asked = world.asked[RTM_GETLINK];
	for (i = 1; i <= 2; i++) {
		world.n = i;
		now += Second;
		devices.next = now;
		timers();
		want("asked by the worker", 0,
		    world.asked[RTM_GETLINK] - asked);
		want("not again", now + 10 * Second, devices.next);
		wantstr("links, as they were", one, there());
		want("asked by the parent", 1, parentdoes(fd[0]));
		asked = world.asked[RTM_GETLINK];
		wantstr("links, before it reads", one, there());
		deviceanswers();
		wantstr("links", i == 1 ? one : both, there());
		want("next", now + Minute, devices.next);
	}
	verdict("parent: it asks the kernel");
	for (i = 0; i < 3; i++) {
		deviceask();
		deviceask();
		now += 2 * Second;
		deviceevent();
		want("not while it waits", now + 8 * Second, devices.next);
		want("asked once", 1, parentdoes(fd[0]));
		deviceanswers();
		want("soon, something has changed", now + Look, devices.next);
		now += Second;
	}
	verdict("parent: something changes meanwhile");
	deviceask();
	world.odd = Interrupted;
	world.n = 0;
	parentdoes(fd[0]);
	deviceanswers();
	wantstr("links, all stay", both, there());
	want("soon", now + Look, devices.next);
	verdict("parent: not all");
	world.odd = Plain;
	world.n = 1;
	deviceask();
	parentdoes(fd[0]);
	world.n = 2; /* and the end of what came before is missing */
	deviceanswer(&h);
	devicedump(RTM_GETLINK, devicelink);
	deviceask();
	parentdoes(fd[0]);
	deviceanswers();
	wantstr("links", both, there());
	want("devices", 2, devices.n);
	verdict("parent: begun twice");
	for (i = 0; i < 1000 && write(fd[1], "?", 1) == 1; i++)
		;
	deviceask();
	want("soon again", now + Look, devices.next);
	verdict("parent: it does not read");
	while (read(fd[0], &i, 1) == 1)
		;
	deviceask();
	close(fd[1]);
	parentdoes(fd[0]);
	loop.parent = -1;
	close(fd[0]);
	verdict("parent: the worker has ended");
}

/* one thing that is wrong with the table, and what is said of it */
static void
testcheck(void)
{
	static const struct {
		const char *name;
		int row;
		Linkconf conf;
		int keyless, n;
	} t[] = {
		{ "all is right", 0, { "eth1", NULL, "10.9.0.2", 9000, 2, 0,
		    0 }, 0, 0 },
		{ "* without a key", 1, { "usb*", NULL, "10.9.0.2", 9001, 2,
		    0, 0 }, 1, 2 },
		{ "* with a client", 1, { "usb*", "10.1.1.1", "10.9.0.2",
		    9001, 2, 0, 0 }, 0, 1 },
		{ "[ without ]", 1, { "usb[0", NULL, "10.9.0.2", 9001, 2, 0,
		    0 }, 0, 1 },
		{ "%d in the device only", 3, { "wg%d", "10.200.0.1",
		    "10.200.%d.2", 9100, 2, 0, 0 }, 0, 1 },
		{ "no client", 3, { "wg%d", NULL, "10.200.%d.2", 9100, 2, 0,
		    0 }, 0, 1 },
		{ "%d twice", 3, { "wg%d", "10.%d.%d.1", "10.200.%d.2", 9100,
		    2, 0, 0 }, 0, 2 },
		{ "31 is too much", 3, { "wg%d", "10.200.0.25%d",
		    "10.200.%d.2", 9100, 2, 0, 0 }, 0, 1 },
		{ "ports of another", 3, { "wg%d", "10.200.%d.1",
		    "10.200.%d.2", 8999, 2, 0, 0 }, 0, 4 },
		{ "ports above 65535", 3, { "wg%d", "10.200.%d.1",
		    "10.200.%d.2", 65505, 2, 0, 0 }, 0, 1 },
		{ "the last ports", 3, { "wg%d", "10.200.%d.1",
		    "10.200.%d.2", 65504, 2, 0, 0 }, 0, 0 },
		{ "the same pattern", 2, { "eth[0-4]", NULL, "fd00:9::2",
		    9002, 2, 0, 0 }, 0, 1 },
		{ "a name that a pattern has", 0, { "wg0", NULL, "10.9.0.2",
		    9000, 2, 0, 0 }, 0, 0 },
		{ "four patterns", 4, { "usb*", NULL, "10.3.0.2", 9003, 2, 0,
		    0 }, 0, 1 },
	};
	int i, saved = dup(2), null = open("/dev/null", O_WRONLY);

	for (i = 0; i < LEN(t); i++) {
		anew(Client);
		links[t[i].row] = t[i].conf;
		keyfile = t[i].keyless ? NULL : "key";
		chrootdir = NULL;
		linksinit();
		dup2(null, 2);
		want("things wrong", t[i].n, checkconf());
		dup2(saved, 2);
		verdict(t[i].name);
	}
}

int
main(void)
{
	loop.quiet = 1;
	signal(SIGPIPE, SIG_IGN);
	testglobs();
	testrows();
	testclient();
	testplaces();
	testserver();
	testhostile();
	testparent();
	testcheck();
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}
