/* See LICENSE file for copyright and license details.
 *
 * What the tests share: random numbers, hex digits, checksums, the headers of
 * packets, and records as a peer sends them. Checksums and packets are made in
 * the plainest way and call nothing of udpbond.c but put and get, so the tests
 * can check udpbond.c against them. Include this file behind udpbond.c. In a
 * program without it this file has put, get and the wire's constants as well.
 */
#ifndef LEN /* udpbond.c is not included */
#define LEN(x)          ((int)(sizeof(x) / sizeof((x)[0])))
#define MIN(a, b)       ((a) < (b) ? (a) : (b))
#define MAX(a, b)       ((a) > (b) ? (a) : (b))
#define CLAMP(x, a, b)  ((x) < (a) ? (a) : (x) > (b) ? (b) : (x))

enum {
	HdrLen = 11, MacLen = 16, SealLen = HdrLen + MacLen, ShakeLen = 40,
	BeatLen = 91, HelloAt = 17
};
enum {
	FlagBeat = 0x01, FlagData = 0x02, FlagOrder = 0x04,
	FlagRepair = 0x08, FlagControl = 0x10, FlagCompressed = 0x20,
	FlagParity = 0x40, FlagSealed = 0x80
};

static inline void
put(uint8_t *d, uint64_t v, int n)
{
	for (; n-- > 0; v >>= 8)
		d[n] = v;
}

static inline uint64_t
get(const uint8_t *d, int n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *d++;
	return v;
}
#else

static inline int
putrec(uint8_t *d, uint64_t seq, int flags, const uint8_t *payload, int len)
{
	put(d, seq, 8);
	put(d + 8, flags, 1);
	put(d + 9, len, 2);
	if (len > 0)
		memmove(d + HdrLen, payload, len);
	return HdrLen + len;
}

static inline int
putbeat(uint8_t *d, uint64_t seq, Beat *b)
{
	uint8_t payload[BeatLen];

	beatencode(payload, b);
	return putrec(d, seq, FlagBeat, payload, BeatLen);
}

/* Writes the head of a report: all below that seq have come by that time, and
 * there is one so often, us; then so many links follow. */
static inline int
putreport(uint8_t *d, uint64_t expected, uint64_t time, uint32_t every, int n)
{
	put(d, CtlReport, 1);
	put(d + 1, expected, 8);
	put(d + 9, time, 8);
	put(d + 17, every, 4);
	put(d + 21, n, 1);
	return ReportHead;
}

/* Writes what it says of a link: the newest packet, us since that came, and
 * what had come by then. */
static inline int
putcame(uint8_t *d, int link, uint32_t seq, uint32_t ago, uint32_t pkts,
    uint32_t bytes)
{
	put(d, link, 1);
	put(d + 1, seq, 4);
	put(d + 5, ago, 4);
	put(d + 9, pkts, 4);
	put(d + 13, bytes, 4);
	return ReportLink;
}

static int sealto;         /* number of the link of what is sealed next */
static uint64_t sealcount; /* of what was sealed last */

/* Seals what stands at d, if there is a key: of that kind, with public key and
 * cookie in front of it. Returns the length; there are 100 bytes more. */
static inline int
sealas(uint8_t *d, int len, int kind, uint8_t *key, uint8_t *public,
    uint64_t cookie)
{
	uint8_t o[4096], nonce[NonceLen];
	int at = HdrLen + (kind ? ShakeLen : 0);
	int padded = (len + Pad - 1) / Pad * Pad;

	if (!keyfile || len < 0)
		return len;
	put(o, (uint64_t)sealto << 56 | ++sealcount, 8);
	put(o + 8, FlagSealed | kind, 1);
	put(o + 9, at - HdrLen + padded + MacLen, 2);
	if (kind) {
		memcpy(o + HdrLen, public, KeyLen);
		put(o + HdrLen + KeyLen, cookie, CookieLen);
	}
	memset(o + at, 0, padded);
	memcpy(o + at, d, len);
	noncemake(nonce, o);
	encipher(key, nonce, o, at, o + at, padded, o + at);
	memcpy(d, o, at + padded + MacLen);
	return at + padded + MacLen;
}

/* The same for a session. */
static inline int
sealwith(uint8_t *d, int len, uint8_t *key)
{
	return sealas(d, len, SealSession, key, NULL, 0);
}

/* Opens a datagram, if there is a key and it is under this one. Returns the
 * length of its records, or -1. */
static inline int
openwith(uint8_t *d, int len, uint8_t *key)
{
	uint8_t nonce[NonceLen];
	int at = HdrLen + (d[8] & 3 ? ShakeLen : 0), n;
	Rec r;

	if (!keyfile)
		return len;
	noncemake(nonce, d);
	if (decipher(key, nonce, d, at, d + at, len - at, d + at) < 0)
		return -1;
	len -= at + MacLen;
	memmove(d, d + at, len);
	for (n = at = 0; (n = decode(d + at, len - at, &r)) > 0 && d[at + 8];
	    at += n)
		;
	return at ? at : len;
}
#endif

static uint64_t seed = 1; /* of rnd */

/* xorshift64*. Returns 0 to n - 1, the same numbers in every run. */
static inline int
rnd(int n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * UINT64_C(0x2545f4914f6cdd1d) >> 33) % n;
}

/* Skips spaces. Returns the number of bytes. */
static inline int
unhex(const char *s, uint8_t *d)
{
	static const char digits[] = "0123456789abcdef";
	int v, n = 0;

	for (; *s; s++) {
		if (*s == ' ')
			continue;
		v = strchr(digits, *s) - digits;
		d[n / 2] = n & 1 ? d[n / 2] | v : v << 4;
		n++;
	}
	return n / 2;
}

/* Copies len bytes to memory of that size, so sanitizers see reads beyond. */
static inline uint8_t *
exact(const uint8_t *d, int len)
{
	uint8_t *c = malloc(len ? len : 1);

	if (!c)
		abort();
	if (len > 0)
		memcpy(c, d, len);
	return c;
}

/* Adds words to the sum s, RFC 1071. */
static inline int
checksum(const uint8_t *d, int len, uint32_t s)
{
	for (; len > 1; len -= 2, d += 2)
		s += d[0] << 8 | d[1];
	if (len)
		s += d[0] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* offset of TCP, UDP or ICMP; packets here have no IPv6 extension headers */
static inline int
l4of(const uint8_t *d)
{
	return d[0] >> 4 == 4 ? (d[0] & 15) * 4 : 40;
}

static inline int
protoof(const uint8_t *d)
{
	return d[d[0] >> 4 == 4 ? 9 : 6];
}

/* sum of addresses, protocol and length; the checksum of ICMP has none */
static inline int
pseudo(const uint8_t *d, int len)
{
	int v4 = d[0] >> 4 == 4;

	return protoof(d) == IPPROTO_ICMP ? 0 : checksum(d + (v4 ? 12 : 8),
	    v4 ? 8 : 32, protoof(d) + len - l4of(d));
}

/* Returns 0xffff if the checksum of the IPv4 header is right. */
static inline int
ipsum(const uint8_t *d)
{
	return checksum(d, l4of(d), 0);
}

/* Returns 0xffff if the checksum of TCP, UDP or ICMP is right. */
static inline int
l4sum(const uint8_t *d, int len)
{
	return checksum(d + l4of(d), len - l4of(d), pseudo(d, len));
}

/* Writes the checksum of an IPv4 header; IPv6 has none. */
static inline void
ipfinish(uint8_t *d)
{
	if (d[0] >> 4 != 4)
		return;
	put(d + 10, 0, 2);
	put(d + 10, ~ipsum(d), 2);
}

/* Writes lengths and checksums of a whole packet. */
static inline void
finish(uint8_t *d, int len)
{
	int v4 = d[0] >> 4 == 4, proto = protoof(d), s;
	uint8_t *t = d + l4of(d), *at;

	put(d + (v4 ? 2 : 4), v4 ? len : len - 40, 2);
	ipfinish(d);
	if (proto == IPPROTO_UDP)
		put(t + 4, len - l4of(d), 2);
	at = t + (proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 2);
	put(at, 0, 2);
	s = ~l4sum(d, len) & 0xffff;
	put(at, s ? s : 0xffff, 2);
}

/* Writes an IP header without its checksum; addresses have 4 or 16 bytes. */
static inline void
iphead(uint8_t *d, int v6, int proto, int len, const void *from,
    const void *to)
{
	memset(d, 0, v6 ? 40 : 20);
	d[0] = v6 ? 0x60 : 0x45;
	put(d + (v6 ? 4 : 2), v6 ? len - 40 : len, 2);
	d[v6 ? 6 : 9] = proto;
	d[v6 ? 7 : 8] = 64;
	memcpy(d + (v6 ? 8 : 12), from, v6 ? 16 : 4);
	memcpy(d + (v6 ? 24 : 16), to, v6 ? 16 : 4);
}

/* Writes a UDP header without a checksum; len includes it. */
static inline void
udphead(uint8_t *d, int from, int to, int len)
{
	put(d, from, 2);
	put(d + 2, to, 2);
	put(d + 4, len, 2);
	put(d + 6, 0, 2);
}

/* Writes a TCP header for so many bytes of options, without a checksum. */
static inline void
tcphead(uint8_t *d, int from, int to, uint32_t seq, uint32_t ack, int options,
    int flags, int window)
{
	put(d, from, 2);
	put(d + 2, to, 2);
	put(d + 4, seq, 4);
	put(d + 8, ack, 4);
	put(d + 12, (20 + options) / 4 << 12 | flags, 2);
	put(d + 14, window, 2);
	put(d + 16, 0, 4);
}
