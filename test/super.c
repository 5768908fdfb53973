/* See LICENSE file for copyright and license details.
 *
 * Random superpackets through tunread() and random streams of packets through
 * deliver(), of udpbond.c, which is included here, against a reference that
 * segments in the plainest way. What was segmented must be the packets that
 * the reference makes; what was coalesced must be sound, and be the packets
 * again, byte for byte and in the order of each flow, when the reference
 * segments it. The reference has a checksum of its own.
 *
 * super [-s seed] [-n packets]. Begin with main(), then testcoalesce().
 */
#include <sys/mman.h>
#include <stdio.h>
#include <stdlib.h>

#define main udpbond_main
#define mmap(at, n, p, flags, fd, o) calloc(1, n) /* ASan looks at it */
#include "../udpbond.c"
#undef mmap
#undef main
#include "pkt.h"

/* sizes */
enum { Room = VnetLen + 65536, Nkeys = 64, Nwant = 4096 };

/* types */
typedef struct {
	uint8_t d[MtuMax];
	int len;
} Packet;

/* packets of a flow that were delivered and not yet seen on the TUN */
typedef struct {
	Packet *p[Nwant];
	unsigned in, out;
} Want;

/* a sender of TCP segments */
typedef struct {
	int v6, mss, options, stamp, id, window, tos, ttl;
	int calm;                 /* of so many packets one is another */
	int ace;                  /* flags that AccECN counts with */
	uint32_t seq, ack;
} Sender;

/* variables */
static Want wants[Nkeys];
static Packet made[64];
static int lanfd;
static uint64_t packets, coalesced, singles, failed;

static void
fail(const char *what)
{
	if (failed++ < 20)
		printf("not ok - super: packet %" PRIu64 ": %s\n", packets,
		    what);
}

/* the packets that a superpacket stands for, into made; how many; CWR is kept
 * in all of them where it counts, RFC 9768 */
static int
refsegment(const uint8_t *d, int len, int size, int keep)
{
	int l4 = l4of(d), tcp = protoof(d) == IPPROTO_TCP, n = 0, at;
	int hdrlen = l4 + (tcp ? (d[l4 + 12] >> 4) * 4 : 8);
	Packet *p;

	for (at = hdrlen; at < len; at += size, n++) {
		p = &made[n];
		p->len = hdrlen + MIN(size, len - at);
		memcpy(p->d, d, hdrlen);
		memcpy(p->d + hdrlen, d + at, p->len - hdrlen);
		if (d[0] >> 4 == 4)
			put(p->d + 4, get(d + 4, 2) + n, 2);
		if (tcp) {
			put(p->d + l4 + 4, get(d + l4 + 4, 4) + at - hdrlen,
			    4);
			if (at + size < len)
				p->d[l4 + 13] &= ~0x09;
			if (n > 0 && !keep)
				p->d[l4 + 13] &= ~0x80;
		}
		finish(p->d, p->len);
	}
	return n;
}

/* headers and payload at random; payload bytes behind the headers */
static int
packet(uint8_t *d, const Sender *s, int proto, int flags, int payload, int key)
{
	int l4 = s->v6 ? 40 : 20, hdrlen, i;
	uint8_t from[16] = { s->v6 ? 0xfd : 10 }, to[16] = { from[0] };

	hdrlen = l4 + (proto == IPPROTO_TCP ? 20 + s->options : 8);
	from[s->v6 ? 15 : 3] = key;
	to[s->v6 ? 15 : 3] = 99;
	iphead(d, s->v6, proto, hdrlen + payload, from, to);
	if (s->v6) {
		d[0] |= s->tos >> 4;
		d[1] = s->tos << 4;
	} else {
		d[1] = s->tos;
		put(d + 4, s->id, 2);
		d[6] = 0x40;
	}
	d[s->v6 ? 7 : 8] = s->ttl;
	for (i = hdrlen; i < hdrlen + payload; i++)
		d[i] = seed >> i % 57;
	if (proto == IPPROTO_TCP) {
		tcphead(d + l4, 5201, 40000, s->seq, s->ack, s->options, flags,
		    s->window);
		memset(d + l4 + 20, 1, s->options);
		for (i = 2; i < s->options; i++)
			d[l4 + 20 + i] = s->stamp >> i % 24;
	} else {
		udphead(d + l4, 5201, 40000, 8 + payload);
	}
	finish(d, hdrlen + payload);
	return hdrlen + payload;
}

static void
newsender(Sender *s)
{
	static const int options[] = { 0, 12, 12, 12, 20, 36, 40 };

	s->v6 = rnd(2);
	s->options = options[rnd(LEN(options))];
	s->mss = rnd(8) ? 1461 - 20 - s->options - (s->v6 ? 40 : 20) :
	    1 + rnd(1000);
	s->id = rnd(65536);
	s->window = rnd(65536);
	s->tos = rnd(8) ? 0 : rnd(256);
	s->ttl = 1 + rnd(255);
	s->seq = rnd(4) ? (uint32_t)rnd(INT_MAX) * 2 :
	    UINT32_MAX - rnd(100000);
	s->ack = rnd(INT_MAX);
	s->stamp = rnd(INT_MAX);
	s->calm = rnd(2) ? 60 : 2000;
	s->ace = rnd(2) ? 0 : rnd(2) << 8 | rnd(4) << 6;
}

/* segment */

static void
samepackets(Queue *q, int n)
{
	Pkt *p;
	int i;

	for (i = 0; i < n; i++) {
		if (!(p = queueget(q))) {
			fail("segment: there are too few");
			return;
		}
		if (p->len != made[i].len ||
		    memcmp(p->data, made[i].d, p->len))
			fail("segment: not as the reference");
		pktfree(p);
		packets++;
	}
	if (q->head)
		fail("segment: there are too many");
}

/* a superpacket or a packet whose checksum is to be finished, as the kernel
 * hands it over; sometimes spoilt */
static void
testsegment(void)
{
	static uint8_t buf[Room], *d = buf + VnetLen;
	static const int flags[] =
	    { 0x10, 0x10, 0x18, 0x11, 0x19, 0x90, 0x50, 0x150, 0x1d0 };
	Queue q = { 0 };
	Sender s;
	Vnet v = { VnetPartial, 0, 0, 0, 0, 0 };
	int tcp, len, n, l4, i, payload, hdrlen, ecn;

	newsender(&s);
	tcp = rnd(4) > 0;
	l4 = s.v6 ? 40 : 20;
	hdrlen = l4 + (tcp ? 20 + s.options : 8);
	n = rnd(4) ? 1 + rnd(MIN(45, (65000 - hdrlen) / s.mss)) : 1;
	payload = n * s.mss - rnd(s.mss);
	len = packet(d, &s, tcp ? IPPROTO_TCP : IPPROTO_UDP,
	    flags[rnd(LEN(flags))], payload, 1);
	ecn = !tcp || rnd(2) ? 0 : rnd(2) ? GsoAccEcn : GsoEcn;
	n = refsegment(d, len, s.mss, ecn == GsoAccEcn);
	if (n > 1 || rnd(2)) {
		v.type = (!tcp ? GsoUdp : s.v6 ? GsoTcp6 : GsoTcp4) | ecn;
		v.size = s.mss;
		v.hdrlen = rnd(2) ? hdrlen : rnd(65536);
	}
	v.start = l4;
	v.offset = tcp ? 16 : 6;
	put(d + l4 + v.offset, pseudo(d, len), 2);
	memcpy(buf, &v, VnetLen);
	if (rnd(8) == 0) {
		n = -1;
		for (i = rnd(20); i >= 0; i--)
			buf[rnd(VnetLen + hdrlen)] = rnd(256);
		if (rnd(4) == 0)
			len = rnd(len + 1);
	}
	if (send(lanfd, buf, VnetLen + len, 0) < 0)
		die("send:");
	tunread(&q);
	if (n >= 0) {
		samepackets(&q, n);
		return;
	}
	while (q.head) {
		if (q.head->len < 0 || q.head->len > MtuMax)
			fail("segment: length");
		pktfree(queueget(&q));
	}
	packets++;
}

/* coalesce */

static void
wantput(int key, const uint8_t *d, int len)
{
	Want *w = &wants[key];
	Packet *p = malloc(sizeof(*p));

	if (!p || w->in - w->out == Nwant)
		die("too many packets wait");
	memcpy(p->d, d, len);
	p->len = len;
	w->p[w->in++ % Nwant] = p;
}

static void
wantget(const uint8_t *d, int len)
{
	Want *w = &wants[(d[0] >> 4 == 4 ? d[15] : d[23]) % Nkeys];
	Packet *p;

	if (w->in == w->out) {
		fail("coalesce: a packet that was not given");
		return;
	}
	p = w->p[w->out++ % Nwant];
	if (p->len != len || memcmp(p->d, d, len))
		fail("coalesce: a packet is another, or in another place");
	free(p);
}

/* what the kernel takes for good in a superpacket */
static int
sound(const Vnet *v, const uint8_t *d, int len)
{
	int l4 = l4of(d), n;

	n = (len - v->hdrlen + v->size - 1) / MAX(v->size, 1);
	return v->flags == VnetPartial && v->start == l4 && v->offset == 16 &&
	    v->type == (d[0] >> 4 == 4 ? GsoTcp4 : GsoTcp6) && v->size > 0 &&
	    v->hdrlen == l4 + (d[l4 + 12] >> 4) * 4 && n > 1 && n <= 64 &&
	    (d[0] >> 4 == 4 ? checksum(d, l4, 0) == 0xffff &&
	    (int)get(d + 2, 2) == len : (int)get(d + 4, 2) == len - 40) &&
	    (int)get(d + l4 + 16, 2) == pseudo(d, len);
}

/* all that came out of the TUN */
static void
lanread(void)
{
	static uint8_t buf[Room], *d = buf + VnetLen;
	int len, n, i;
	Vnet v;

	while ((len = recv(lanfd, buf, sizeof(buf), MSG_DONTWAIT) - VnetLen) >
	    0) {
		memcpy(&v, buf, VnetLen);
		if (v.type == GsoNone) {
			singles++;
			if (v.flags)
				fail("coalesce: flags of a single packet");
			wantget(d, len);
			continue;
		}
		coalesced++;
		if (!sound(&v, d, len)) {
			fail("coalesce: a superpacket is not sound");
			continue;
		}
		n = refsegment(d, len, v.size, 0);
		for (i = 0; i < n; i++)
			wantget(made[i].d, made[i].len);
	}
}

/* the next packet of a sender, mostly what can be coalesced; its key */
static int
nextpacket(Sender *s, int key, uint8_t *d, int *len)
{
	int flags = 0x10, payload = s->mss, proto = IPPROTO_TCP, spoil = 0;
	int v6;

	if (rnd(s->calm) == 0)
		s->ace ^= 1 << (6 + rnd(3));
	switch (rnd(s->calm)) {
	case 0: payload = 1 + rnd(s->mss); break;
	case 1: flags = 0x18; break;
	case 2: flags = 0x11; payload = 1 + rnd(s->mss); break;
	case 3: flags = 0x50; break;
	case 4: flags = 0x90; break;
	case 5: flags = 0x30; break;
	case 6: flags = 0x14; break;
	case 7: flags = 0x02; payload = 0; break;
	case 8: payload = 0; break;
	case 9: s->window = rnd(65536); break;
	case 10: s->ack += rnd(10000); break;
	case 11: s->seq += rnd(3) * s->mss - s->mss; break;
	case 12: s->id += rnd(3); break;
	case 13: s->ttl = 1 + rnd(255); break;
	case 14: s->tos = rnd(256); break;
	case 15: spoil = 1; break;
	case 16: spoil = 2; break;
	case 17: spoil = 3; break;
	case 18: proto = IPPROTO_UDP; key += Nkeys / 2; break;
	case 21: spoil = s->v6 ? 0 : 4; key += s->v6 ? 0 : Nkeys / 2; break;
	case 19: s->stamp = rnd(INT_MAX); break;
	case 20: /* the same flow, as the kernel sees it */
		v6 = s->v6;
		do
			newsender(s);
		while (s->v6 != v6);
		payload = s->mss;
		break;
	}
	*len = packet(d, s, proto, flags | s->ace, payload, key);
	s->seq += payload;
	s->id = (s->id + 1) & 0xffff;
	if (spoil == 1) /* of TCP, or nothing at all */
		d[*len - 1 - rnd(MIN(payload, 30))] ^= rnd(256);
	else if (spoil == 2 && !s->v6)
		d[10 + rnd(2)] ^= 1 << rnd(8);
	else if (spoil == 3 && !s->v6)
		d[6] ^= 0x40;
	else if (spoil == 4 && !s->v6) { /* a fragment */
		put(d + 6, rnd(2) ? 0x2000 : 1 + rnd(100), 2);
		put(d + 10, 0, 2);
		put(d + 10, ~checksum(d, 20, 0) & 0xffff, 2);
	}
	return key;
}

static void
testcoalesce(void)
{
	static uint8_t d[Room];
	Sender s[Nkeys / 2];
	int i, n, len, key, nsenders = 1 + rnd(6);
	Pkt *p;

	for (i = 0; i < nsenders; i++)
		newsender(&s[i]);
	for (n = rnd(300), i = rnd(nsenders); n > 0; n--) {
		if (rnd(4) == 0)
			i = rnd(nsenders);
		key = nextpacket(&s[i], i, d, &len);
		if (!(p = pktalloc()))
			die("the pool is empty");
		memcpy(p->data, d, len);
		p->len = len;
		wantput(key, d, len);
		deliver(p);
		packets++;
		if (n % 16 == 0)
			lanread();
	}
	groflushall();
	lanread();
	for (i = 0; i < Nkeys; i++)
		if (wants[i].in != wants[i].out)
			fail("coalesce: a packet is missing");
	if (pool.used != pool.nfrees)
		fail("a packet is not in the pool");
}

int
main(int argc, char *argv[])
{
	uint64_t most = 200000;
	int c, fd[2];

	while ((c = getopt(argc, argv, "s:n:")) != -1) {
		if (c == 's')
			seed = strtoull(optarg, NULL, 0) * 2 + 1;
		else if (c == 'n')
			most = strtoull(optarg, NULL, 0);
		else
			die("usage: super [-s seed] [-n packets]");
	}
	lannets = NULL;
	memory();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd) < 0)
		die("socketpair:");
	setopt(fd[0], SOL_SOCKET, SO_SNDBUFFORCE, 1 << 23);
	tun.fd = fd[0];
	lanfd = fd[1];
	setopt(lanfd, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	tun.hdr = VnetLen;
	tun.mtu = MtuMax;
	offload[OffSegment] = offload[OffCoalesce] = Running;
	while (packets < most) {
		testsegment();
		if (rnd(16) == 0)
			testcoalesce();
	}
	if (drops[DropTun] > 0)
		fail("coalesce: the TUN did not take it");
	printf("%s - super: %" PRIu64 " packets, coalesced to %" PRIu64
	    " superpackets and %" PRIu64 " alone\n", failed ? "not ok" : "ok",
	    packets, coalesced, singles);
	printf("%d passed, %d failed\n", failed == 0, failed > 0);
	return failed > 0;
}
