/* See LICENSE file for copyright and license details.
 *
 * udpbond joins several UDP links to one peer into one TUN device. Client and
 * server differ in who says hello and in who knows the other's address; all
 * else, and so both directions, is the same code.
 *
 * Down, TUN to links: tunread and segment, classify, enqueue; then, as soon as
 * the pacer of a link has room: dequeue, selectlink, transmit, linksend, seal.
 * Up, links to TUN: linkrecv, verify, decode, record; then by kind beatpkt,
 * controlpkt, paritypkt or datapkt, of which reorderpkt; then deliver.
 *
 * A packet on its way down is asked six questions:
 *	class?  classof: express packets are few or small and go first, so do
 *	        pure ACKs; ordered ones wait in the queue of their flow.
 *	need?   heavy: its flow is too much for the best link, see overflowed
 *	        and flowsback; quicbegins: it will be.
 *	link?   selectexpress; selectlink, which has rankheavy for heavy flows;
 *	        pick for ACKs and repairs. What selection knows of all links is
 *	        in survey, and comes from control and measure.
 *	when?   schedule: as soon as a link's pacer has room for it.
 *	after?  follow: one packet of its flow, for which it may have to wait
 *	        at the peer. All data is one sequence, but no flow waits for
 *	        another.
 *	lost?   copy, coverpkt, keep: it goes twice, a parity covers it, it is
 *	        kept to be sent again.
 *
 * What is known about a link comes from heartbeats, at all times, and under
 * load from reports: what came by each link, and what is missing. Nothing is
 * believed that verify and the session have not let in.
 *
 * The loop is run(), which waits in ppoll(). Time is read once a turn, into
 * now. Begin with main(), then run(), then tunpkt(), schedule() and linkpkt().
 *
 * The sections, in an order in which nothing needs a declaration:
 *	util      text, logs, the clock, what the kernel gives
 *	pool      packets and queues of them
 *	addr      addresses, and how they are written
 *	wire      records and heartbeats, and their bytes
 *	crypt     ChaCha20, Poly1305, X25519
 *	auth      keys, and what is sealed with them
 *	ip        places, parse a packet, checksums, changes to a header
 *	offload   what the kernel does for many packets at once
 *	gso       segment what comes from the TUN
 *	tun       open, read and write the device
 *	gro       coalesce what goes to the TUN
 *	survey    what selection has to know of all links
 *	link      sockets to the peer, their MTU, batches of datagrams
 *	parity    lost packets are made anew of others and a sum
 *	compress  LZ4 blocks, each of one packet
 *	classify  host, flow, class and deadline of a packet
 *	need      light flows have the best link, heavy ones the others
 *	select    which link carries a packet
 *	ack       pure TCP ACKs, thinned out
 *	flow      hosts take turns, a queue for each flow, FQ-CoDel
 *	repair    sent packets: on their way, kept, sent again
 *	beat      heartbeats and hellos are sent
 *	protect   copies and parities
 *	schedule  what waits goes out while there is room
 *	down      from the TUN to the links
 *	control   what a link carries, and whether it stalls
 *	state     down, probing, up, lossy
 *	measure   delay and loss, from heartbeats
 *	reorder   packets wait for those of their flow sent before them
 *	report    what came is told, and what the peer tells is used
 *	session   hellos and ids
 *	found     links that come and go with their devices
 *	up        from the links to the TUN
 *	ctl       reports, and the socket for udpbond -l and -p
 *	timers    what is due, and when the next thing is
 *	confine   privileges are given up
 *	check     the configuration, and what would be done with it
 *	commands  shell commands at start and end
 *	doctor    what of this host would keep it from working
 *	life      setup, run, cleanup, main
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/net.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>

/* macros */
#define LEN(x)          ((int)(sizeof(x) / sizeof((x)[0])))
#define MIN(a, b)       ((a) < (b) ? (a) : (b))
#define MAX(a, b)       ((a) > (b) ? (a) : (b))
#define CLAMP(x, a, b)  ((x) < (a) ? (a) : (x) > (b) ? (b) : (x))
#define MS(x)           ((int64_t)(x) * 1000000) /* ms to ns */
#define MBIT(x)         ((int64_t)((x) * 1000000)) /* Mbit/s to bit/s */
#define quit(rc, ...)   do { warn(__VA_ARGS__); exit(rc); } while (0)
#define die(...)        quit(1, __VA_ARGS__)
#define refuse(...)     quit(Misconfigured, __VA_ARGS__)
#define logmsg(...)     do { if (!loop.quiet) warn(__VA_ARGS__); } while (0)

/* newer than some headers */
#ifndef UDP_GRO
#define UDP_SEGMENT     103
#define UDP_GRO         104
#endif
#ifndef TUN_F_USO4
#define TUN_F_USO4      0x20
#define TUN_F_USO6      0x40
#endif
#ifndef IFF_BACKPRESSURE
#define IFF_BACKPRESSURE 0x80
#endif

/* sizes */
enum {
	HdrLen = 11, OrderLen = 2, BeatLen = 91,
	HelloAt = 17, FormatAt = 88, /* offsets in a heartbeat */
	Format = 3,               /* of what is sent, in a heartbeat */
	KeyLen = 32, CookieLen = 8, SecretLen = 16,
	NonceLen = 12, MacLen = 16,
	SealLen = HdrLen + MacLen, /* around what is encrypted; */
	ShakeLen = KeyLen + CookieLen, /* before it in a handshake */
	Pad = 16,                 /* to a multiple of these bytes */
	MtuMax = 1500,            /* of the TUN */
	MtuMin = 576,             /* of a link */
	MtuBelieved = 1280,       /* of a link with a key; the least of IPv6 */
	Window = 16,              /* packets that a parity covers, at most */
	PktSize = HdrLen + OrderLen + MtuMax + 2 * Window + SealLen + Pad,
	Small = 256,              /* bytes, record that shares a datagram */
	Batch = 64,               /* datagrams per system call */
	TunBatch = 256,           /* packets from the TUN in a turn */
	Supers = 2,               /* coalesced messages per recvmmsg() */
	GsoMax = 65535,           /* bytes of a GSO packet */
	SegMax = 64,              /* segments of a GSO packet */
	Ngros = 8,                /* GSO packets being assembled, power of 2 */
	VnetLen = 10,             /* bytes in front of a GSO packet */
	Nflows = 1024,            /* flow queues, power of 2 */
	Nhosts = 256,             /* hosts with packets waiting */
	Ways = 8,                 /* places in a set of these tables */
	Buckets = 1024,           /* of places to copy from, see squeeze() */
	Tries = 8,                /* of these places, at most */
	Patterns = 3,             /* rows of links that may be patterns */
	Found = 32,               /* links that are found by one */
	Devices = 256,            /* that are looked at */
	Steps = 64,               /* seconds in which links move alike, */
	Unsteady = 3000,          /* by more than this a second, us */
	Remembered = 64,          /* heartbeats sent; samples; power of 2 */
	Answers = 16,             /* buckets of hellos that are answered */
	ReplayWords = 1024,       /* 64 bits each, RFC 6479 */
	Paced = 64,               /* flows whose packets are set free */
	TextSize = 65536,         /* bytes of a status report */
	MemoryMax = 1024,         /* MB of packets, 1 MB is 2^20 bytes */
	ListSize = 256,           /* bytes of a list of addresses */
	SymMax = OrderLen + MtuMax, /* of a symbol of parity */
	Columns = 64,             /* covered packets the receiver looks back */
	Rows = 16,                /* parities that wait for packets */
	Past = 30,                /* seconds of history */
	ScreenMin = 40, ScreenMax = 200, /* columns */
	Screen = 80,              /* the same, where nobody tells */
	StateLen = 12,            /* columns of a link's state */
	TwoLines = 12,            /* links, most that get two lines each */
};

/* packets, bytes */
enum {
	SqueezeLeast = 64,        /* bytes, least that is compressed */
	SqueezeTrial = 4,         /* packets that do not shrink: of no use */
	Heavy = 48 * 1024,        /* bytes of late: a flow that may be heavy */
	Large = 256 * 1024,       /* the same: the next ones will be so, too */
	AckCopied = 1 << 20,      /* bytes acknowledged: its ACKs go twice */
	Quantum = MtuMax,         /* bytes that a flow sends in its turn */
	HostDebt = 16 * Quantum,  /* bytes, most that a host has had before */
	ClaimLen = 128,           /* bytes, most of an express SYN or ACK */
	SparseLen = 500,          /* bytes, most of a sparse flow's mean */
	SparsePps = 300,          /* packets/s, most of a sparse flow */
	Sample = 8,               /* lost packets, least to judge a trial */
	ReportPkts = 512,         /* that came, most without a report */
	ReportSize = 150,         /* bytes on the wire, of a usual one */
	ParityPart = 16,          /* of a full link that parities may take */
	ReportPart = 16,          /* of the quickest link that they may take,
	                           * and of what they report */
	SeqJump = 65536,          /* packets ahead: nonsense */
	Far = 4096,               /* packets ahead, without a key: doubted */
	FreeBytes = 65536,        /* set free in a ms, half a socket's room */
	FarBeat = 16,             /* heartbeats ahead of each link: doubted */
	Backup = 61,              /* priority of a link for want of others */
};

/* rates, bit/s */
enum {
	RateMin = 256000,
	RateStart = 5000000,      /* of an unknown link */
	RateMax = 2000000000,
	OrderedMin = 2400000,     /* 5 ms a packet */
	Interactive = 8000,       /* express packets that keep a link empty */
	PeerMax = 10000000,       /* kbit/s, most that the peer may claim */
};

/* times, ns */
static const int64_t
	Us = 1000,
	Second = MS(1000),
	Minute = MS(60000),       /* between looks at MTUs */
	Renew = 60 * MS(60000),   /* keys of a session serve so long */
	Gather = MS(1) / 5,       /* pause under load, for packets to come */
	Burst = MS(1),            /* least that a pacer may be ahead */
	BurstMax = MS(5),         /* most: a turn of the loop may be late */
	Grace = MS(3),            /* packets sent this close may swap places */
	BurstEnd = MS(5),         /* without more packets a burst is over */
	BeatMin = MS(20),         /* between heartbeats, at least; */
	BeatSlow = MS(1000),      /* of a spare link that carries nothing */
	SpareWait = MS(30),       /* for others; then a spare link is used */
	SameDelay = MS(10),       /* links this close are alike for a flow */
	MoreDelay = MS(40),       /* a link this much slower is no help */
	ReportEvery = MS(10),     /* of what came, under load; */
	ReportLate = MS(100),     /* the least often */
	TargetQuick = MS(3),      /* queue that may stand at the best link, */
	TargetBulk = MS(10),      /* at all others */
	GotTime = MS(100),        /* in which a delivered rate is measured */
	GotMax = MS(500),         /* of these the highest counts so long */
	LeastTime = MS(5000),     /* twice that is a delay the least */
	StallTime = MS(40),       /* longer than it should: it has stalled */
	Overdue = MS(60),         /* a packet this late goes by another link */
	RateAge = MS(5000),       /* unused so long, a link may be as fast */
	Stand = MS(250),          /* a queue that stands so long is tested, */
	Crept = MS(4000),         /* or was not short for so long */
	LossTime = MS(10000),     /* loss is expected to come again */
	ParityTime = MS(1) / 2,   /* for each parity: they take work */
	DeadTime = MS(1500),      /* of silence, least: longer than a stall */
	Aggregate = MS(20),       /* ACKs wait this long for each other, */
	AggregateEvery = MS(400), /* this often */
	CodelTarget = MS(50),
	CodelInterval = MS(200),  /* a queue that stands longer is ours */
	Keep = MS(1500),          /* sent packets are kept for repair */
	Pause = MS(3000),         /* a flow that paused so long is a new one */
	Patience = MS(30),        /* waited longer before another link helps */
	HeavyWait = MS(20),       /* that a flow may wait and not be heavy */
	StayMost = MS(16000),     /* a flow stays heavy, at least */
	Remember = MS(600000),    /* that a server of QUIC sends much */
	Reopen = MS(3000),        /* till a dead link gets a new socket */
	Look = MS(200),           /* between looks at devices */
	Offline = MS(5000),       /* without a link: the parent is told */
	Mute = MS(5000),          /* without an answer: a link says why, */
	MuteAgain = 10 * MS(60000), /* and says it again */
	Retry = MS(10000);        /* of UDP_SEGMENT after an error; of links,
	                           * faster, after the last one went down */

/* number of socketcall(2), which carries all socket calls on some machines */
#ifdef __NR_socketcall
enum { Socketcall = __NR_socketcall };
#else
enum { Socketcall = -1 }; /* none */
#endif

/* enums */
enum { Usage = 2, Denied = 77, Misconfigured = 78 };   /* <sysexits.h> */
enum { Client, Server, Both };                         /* roles */
enum { LinkDown, LinkProbing, LinkUp, LinkLossy };     /* used from Up on */
enum { LaneBeat, LaneControl, LaneData, LaneLast };
enum { Missing, Held, Passed, Lost };                  /* states of a slot */
enum { Outside, Inside, Nowhere };                     /* places, see ip */
enum { RowPlain, RowNumber, RowGlob };                 /* rows of links */
enum { Ordered, Express, Ack };                        /* classes of packets */
enum { Normal, Urgent, Quic, Bulk };                   /* and of traffic */
enum { CtlReport = 1, CtlBye };                        /* control records */
enum { KeyNone = -1, KeySession, KeyNext, KeyHello };  /* what opened it */
enum { SealSession, SealHello, SealAnswer, SealConfirm }; /* and FlagSealed */
enum { HelloNone, HelloNew, HelloAnswer, HelloRenew };   /* in heartbeats */
enum { UseHello = 1, UseAnswer, UseUp, UseDown };       /* of keys */
enum { TcpFin = 0x01, TcpSyn = 0x02, TcpRst = 0x04, TcpPsh = 0x08,
       TcpAck = 0x10, TcpEce = 0x40, TcpCwr = 0x80 };
enum {                                        /* <linux/virtio_net.h> */
	GsoNone = 0, GsoTcp4 = 1, GsoTcp6 = 4, GsoUdp = 5,
	GsoAccEcn = 0x10, GsoEcn = 0x80, VnetPartial = 1
};
enum { OperNotPresent = 1, OperLowerDown = 3 };  /* <linux/if.h> */
enum { OffSegment, OffCoalesce, OffUdpSegment, OffUdpGro, OffLast };
enum { Disabled, Absent, Failed, Running };            /* offload states */
enum {
	FlagBeat = 0x01, FlagData = 0x02, FlagOrder = 0x04,
	FlagRepair = 0x08, FlagControl = 0x10, FlagCompressed = 0x20,
	FlagParity = 0x40, FlagSealed = 0x80,
	FlagKind = FlagBeat | FlagData | FlagControl
};
enum { Unasked, Overtaken, Missed };   /* why packets are sent again */
enum {                                 /* signs of why a link has no answer */
	FaultNone, SignRow, SignVersion, SignKey, SignPlain, SignSealed, SignAddr,
	SignRefused, SignRejected, SignLast
};
enum { FaultDevice = SignLast, FaultLocal, FaultOpen, FaultSend, FaultOneway,
       FaultSilent, FaultUnheard, FaultShared };       /* and what else */
enum { ByScore, ByArrival, ByGroup, ByLast };            /* ranks of links */
enum {
	WhyScore, WhyOverflow, WhyHeavy, WhyCopy, WhyRepair, WhyParity,
	WhyLast
};
enum {
	CntInorder, CntReordered, CntLate, CntLost, CntRepaired, CntDup,
	CntMerged, CntParity, CntRecovered, CntVain, CntLast
};
enum {
	DropShort, DropForm, DropVersion, DropAddr, DropAuth, DropSession,
	DropReplay,
	DropWindow, DropMartian, DropQueue, DropCodel, DropStale, DropSize,
	DropSend, DropTun, DropPool, DropLast
};

/* types */
typedef struct {
	const char *device, *client, *server;
	int port, priority;
	double up, down;          /* Mbit/s, 0: unknown */
} Linkconf;

typedef struct {
	const char *name;
	int proto, port, dscp;    /* 0: any; dscp: the least */
	int class;
	int use;                  /* ms, 0: reorderms */
} Traffic;

typedef struct {
	int proto, frag, dscp;
	int l4, l4len;            /* offset and bytes of what follows IP */
	int sport, dport, tcpflags, payload;
	uint32_t hash;            /* of what makes a flow */
} Ip;

typedef struct Pkt Pkt;
struct Pkt {
	Pkt *next;
	uint8_t *data;            /* the IP packet, behind header and order */
	uint8_t *wire;            /* the datagram */
	int len, wirelen;         /* bytes */
	int squeezed;             /* data is an LZ4 block of the packet */
	int class, link;
	int key;                  /* that opened it */
	const uint8_t *shake;     /* public key and cookie, or NULL */
	int flow, host;           /* indices into flows and hosts */
	int asked;                /* it waits to be sent again: why */
	int covered;              /* by a parity */
	int waslight;             /* its flow was light when it came */
	int after;                /* how many seqs after the packet that has
	                           * to come before it; 0: there is none */
	uint64_t seq;
	int64_t time;             /* ns, when it came, was sent, or was asked
	                           * for */
	int64_t deadline;         /* ns, when it becomes useless */
	int64_t order;            /* ns, its place among express packets */
	Ip ip;
	const Traffic *kind;      /* see kindof() */
	const struct sockaddr_storage *from;
	uint8_t buf[PktSize];
};

typedef struct {
	Pkt *head, *tail;
	int len, bytes;
} Queue;

typedef struct Turn Turn;
struct Turn {                     /* begins a Flow and a Host */
	Turn *next;
	uint32_t tag;             /* of the flow or host, a hash */
	int listed;               /* it waits for its turn */
	int waiting;              /* packets of a flow, flows of a host */
	int deficit;              /* bytes, RFC 8290 */
	int64_t last;             /* ns, newest packet */
};

typedef struct {
	Turn *head, *tail;
	Turn *passed;             /* the last that was passed over, */
	unsigned look;            /* in this look at all */
} Turns;

typedef struct {
	Turns fresh, old;         /* RFC 8290 */
	int n;                    /* how many are on them */
} Round;

typedef struct {                  /* is it of use to compress a flow? */
	int failed;               /* packets in a row that did not shrink */
	int rest, pause;          /* packets not to be tried now; last time */
} Squeeze;

typedef struct {                  /* is a flow light or heavy? */
	int heavy;
	int elastic;              /* its sender takes what it gets */
	int64_t begun;            /* ns, first packet after a pause */
	int64_t bytes[2];         /* on the wire: since rates were noted, and
	                           * in the second before */
	int64_t rate;             /* bit/s, as noted; 0: light, and silent */
	int64_t went, came;       /* ns, became heavy last; light again */
	int64_t stay;             /* ns, heavy at least */
} Need;

typedef struct {                  /* of a server of QUIC */
	uint32_t tag;             /* of its address */
	int64_t known;            /* ns, since when it is */
	int64_t large;            /* ns, when it sent much last; 0: never */
} Habit;

typedef struct {
	Turn turn;
	Queue queue;
	Need need;
	Habit *habit;             /* NULL: not from a server of QUIC */
	int host;                 /* index into hosts, of what waits */
	int dropping, count;      /* CoDel, RFC 8289 */
	int64_t above, dropnext;  /* ns */
	Squeeze squeeze;
	uint64_t seq;             /* of the newest packet sent; */
	int ordered;              /* all that follow come after it */
	int64_t clock;            /* ns, ahead of now if not sparse */
	int mean;                 /* bytes of a packet */
	Pkt *ack;                 /* waiting ACK that newer ones may replace */
	uint32_t ackno;           /* of the newest ACK */
	int64_t acked;            /* bytes acknowledged since the last pause */
	int64_t ackdue;           /* ns, when the waiting ACK is sent */
	int64_t lastack;          /* ns, when an ACK was sent */
} Flow;

typedef struct {                  /* an address behind the client */
	Turn turn;
	Round flows;
	int bytes;                /* in its flow queues */
	int64_t express, claimed; /* ns, token buckets, see classof() */
} Host;

typedef struct {
	uint8_t flags, type;      /* as struct virtio_net_hdr */
	uint16_t hdrlen, size, start, offset;
} Vnet;

typedef struct {
	Pkt *pkts[SegMax];        /* in order, of one TCP flow */
	int n, len;               /* len: bytes of the GSO packet they make */
} Gro;

typedef struct {                  /* a network */
	uint64_t addr[2], mask[2]; /* bytes of the address, then 0 */
	int v6, place;            /* Outside: end of the table */
} Net;

typedef struct {                  /* a question to rtnetlink; the answer */
	struct nlmsghdr head;
	union {
		struct rtmsg route;
		char data[4096];  /* that, or another, and attributes */
	} body;
} Rtmsg;

typedef struct {                  /* are packets that leave jointly lost? */
	int64_t sent[2], lost[2]; /* packets: jointly; singly instead */
	int trying, off;          /* by turns; singly until then */
	int64_t until, hold;      /* ns; hold: from one trial to the next */
	int64_t good;             /* ns, when few were lost */
} Trial;

typedef struct {                  /* control data: the size of segments */
	uint64_t space[CMSG_SPACE(sizeof(int)) / 8 + 1];
} Segment;

typedef struct {
	uint64_t seq;
	int flags, len;
} Rec;

typedef struct {
	uint64_t id, peerid;      /* session ids of sender and receiver */
	int link;
	int hello;                /* 1 from a client, 2 from a server */
	int64_t time, echo;       /* ns, sender's clock, receiver's clock */
	int64_t held;             /* ns, since the echoed heartbeat came */
	uint64_t txpkts, txbytes; /* sent on this link, with this heartbeat */
	uint64_t rxpkts, rxbytes; /* received when the echoed one came */
	uint64_t next;            /* next seq of data */
	int slow;                 /* the sender's next one is, see BeatSlow */
	int prio;
	uint32_t up, down;        /* kbit/s, configured at the client */
	int format;               /* see Format */
	int interval;             /* ms, hbinterval of the client */
	char name[IFNAMSIZ];      /* device of a link that was found, or "" */
} Beat;

typedef struct {
	uint64_t last;            /* the highest seq seen */
	uint64_t doubted;         /* see believe() */
	uint64_t bits[ReplayWords];
} Replay;

typedef struct {                  /* a parity less the packets that came */
	int len;                  /* bytes of d; 0: the row is free */
	int pivot;                /* column that no other row has */
	uint8_t d[Columns + SymMax]; /* coefficients of columns; symbol */
} Row;

typedef struct {
	int64_t time;             /* ns, by the clock of who counts */
	uint64_t pkts, bytes;
	uint64_t joint[2];        /* pkts in a trial, as its sent */
} Tally;

/* the parts of a link */
typedef struct Link Link;
typedef struct {
	struct sockaddr_storage local, remote; /* of its row; family 0: any */
	struct sockaddr_storage peer; /* where to send */
	socklen_t peerlen;        /* 0: not known yet */
	int any;                  /* local is all addresses */
	struct sockaddr_storage own; /* one that the device has then */
	int v6, mtu;              /* mtu: bytes of an IP packet */
} Addr;

typedef struct {                  /* the pacer */
	int64_t ceil[2];          /* bit/s configured: sending, receiving */
	int64_t rate;             /* bit/s */
	int64_t clock, satclock;  /* ns, when all that was sent will have left
	                           * at the rate, and at a part of it: */
	int percent;              /* from there on it is saturated */
	int64_t burst;            /* ns that the clocks may be ahead of now */
	int64_t busy;             /* ns, when it was saturated last */
} Pace;

typedef struct {
	Pkt *pkts[Batch];         /* to be sent at the end of the turn */
	int n, bytes;
	Trial trial;              /* of UDP_SEGMENT */
} Out;

typedef struct {
	Tally tx, rx;             /* all that was sent and received */
	Tally lasttx, lastrx;     /* the same a second ago */
	int64_t bw, bwmax;        /* bit/s, in the busier direction */
	int64_t rxbest;           /* bit/s, most received in a second */
	int use;                  /* percent of bwmax */
	uint32_t past[2][Past];   /* kbit/s in a second: sent, received */
	unsigned seconds;         /* how many there were */
} Meter;

typedef struct {
	Tally sent[Remembered];   /* by number */
	unsigned n;
	int64_t next, last;       /* ns, when the next is due; last was sent */
	int64_t data;             /* ns, newest ordered packet sent; */
	int64_t burst;            /* first one without a pause since then */
	int slow;                 /* see beatpace() */
	int64_t quick;            /* ns, when they last ceased to be slow */
	int64_t answers[Answers]; /* ns, token buckets of hellos, by id */
} Beats;

typedef struct {                  /* what came in this session */
	Tally in;                 /* newest heartbeat: its time; rx so far */
	int64_t came;             /* ns, when that came; 0: none */
	int begun;                /* the peer's data is of this session */
	int slow;                 /* heartbeats come slowly */
	uint64_t seq;             /* of that */
	uint64_t lastseq;         /* of the last record of data */
	uint64_t newest;          /* seq of the newest data, */
	Tally then;               /* and what had come with it */
	int fresh;                /* that has not been reported */
} Heard;

typedef struct {                  /* our newest heartbeat that was echoed */
	int64_t sent, came;       /* ns, the heartbeat; its echo */
	Tally tx, rx;             /* our tx, the peer's rx: measured so far */
	int good, wasup;          /* echoes since down; was up once */
} Echo;

typedef struct {                  /* the least value of some seconds */
	int64_t least[2];         /* in this half of the time, in the last */
	int64_t since;            /* ns, when this half began, 0: no value */
} Least;

typedef struct {
	int64_t srtt, rttvar;     /* ns, RFC 6298 */
	int64_t owd;              /* ns, to the peer, with the same clock
	                           * offset on all links */
	Least base;               /* ns, owd without a queue; */
	int64_t way;              /* the same when links were surveyed */
	int64_t rtt;              /* ns, without a queue on the way there */
	int64_t loop;             /* ns, the same till a report comes */
} Delay;

typedef struct {
	double sent, lost;        /* packets, in the link's queue too */
	double ratio;             /* 0 to 1 */
} Loss;

typedef struct {                  /* packets on their way */
	uint64_t first, last;     /* seqs, oldest and newest; 0: none */
	uint64_t rescued;         /* seq, newest that was sent again */
	uint64_t reported;        /* seq, newest that was reported */
	int64_t bytes;            /* on the wire */
	int64_t progress;         /* ns, when some were reported */
	int64_t overdue;          /* ns, the oldest, when last reported */
	int64_t stalled;          /* ns, since when they do not come through */
} Flight;

typedef struct {                  /* what a report says of a packet */
	Tally tx, rx;             /* sent up to it, received up to it */
	int64_t at;               /* ns, when the report came */
	int64_t got;              /* bit/s delivered until then */
} Point;

typedef struct {                  /* what a link carries, see adapt() */
	Point points[Remembered];
	unsigned n;
	int64_t got, gotmax, most; /* bit/s delivered; most of late; most */
	int64_t queue;            /* ns, delay above the base */
	double loss;              /* share of packets, in GotTime as got */
	double random;            /* the share that is lost anyway */
	int through, behind;      /* as much came as was sent; less */
	int64_t window;           /* bytes, most in flight */
	int moved;                /* limits in a row that were new */
	int64_t limit, limited, hold; /* bit/s found to be too much; ns, when;
	                           * without probes after that */
	int64_t full;             /* ns, when half of the rate was sent last */
	int64_t low;              /* ns, when the queue was last short, or not
	                           * ours */
	int64_t excess;           /* ns, when there was none last */
	int64_t drain;            /* ns, since when half is sent; 0: all is */
	int64_t before, drainrate; /* bit/s, rate then; what was delivered */
	int64_t drainqueue;       /* ns, queue then */
	double drainloss;         /* loss then */
} Control;

typedef struct {                  /* a token bucket of log lines */
	int64_t clock;            /* ns, ahead of now by the newest lines */
	int left;                 /* lines left out since then */
	int error;                /* errno of the last failure, 0: none */
} Log;

typedef struct {                  /* why a link has no answer */
	int64_t since;            /* ns, it was up last, or came */
	int64_t heard;            /* ns, since when something comes, or 0 */
	const char *way;          /* what its device lacks, or NULL */
	int64_t at[SignLast];     /* ns, the newest sign of each kind */
	struct sockaddr_storage from; /* of that */
	int row;                  /* that the other end has it in */
	int64_t failed;           /* ns, the newest error of sending */
	int told;                 /* the fault that is in the log, */
	int64_t next;             /* ns, when it is said again */
	Log log;                  /* strangers may fill it, not the link's */
} Fault;

typedef struct {                  /* round trips, from second to second */
	uint64_t now, last;       /* us, the least in this second, or 0; in
	                           * the one before */
	int64_t steps[Steps];     /* us, by which these differed, */
	uint8_t idle[Steps];      /* while the link carried little */
	int wasidle;
	const Link *with;         /* that moves alike, or NULL */
} Moves;

struct Link {
	Link *next;               /* in use */
	const Linkconf *conf;     /* its row */
	int number;               /* in its row; the first is always in use */
	int inuse;
	int present;              /* its device is there */
	int seen, sees;           /* so is its address; in this look */
	int index;                /* of its device, 0: not known */
	int64_t until;            /* ns, a server believes that it is there */
	int pfd, ready;           /* index for ppoll(); there is something */
	char name[64], device[IFNAMSIZ], client[64], server[64];
	int port;
	int fd, guard;            /* guard: see linkopen() */
	int state, prio;
	int score;                /* while not saturated */
	int roomy;                /* has room for several packets */
	int spare;                /* only carries what others cannot */
	int64_t used;             /* ns, when it last carried anything but
	                           * heartbeats, or was not spare */
	int64_t reopen;           /* ns, new socket if not up by then */
	uint64_t why[WhyLast];    /* packets sent, by reason */
	Addr addr;
	Pace pace;
	Out out;
	Meter meter;
	Beats beats;
	Heard heard;
	Echo echo;
	Delay delay;
	Loss loss;
	Flight flight;
	Control control;
	Fault fault;
	Moves moves;
	Log log;
};

typedef struct {                  /* keys of one handshake */
	uint8_t tx[KeyLen], rx[KeyLen];
	uint8_t public[KeyLen];   /* the ephemeral one of who said hello */
	uint64_t cookie;          /* of who answered */
	uint64_t count;           /* datagrams sealed; the nonce, see seal() */
	Replay replay;            /* those that were opened */
} Keys;

typedef struct {
	uint64_t id, peerid;      /* ours, the peer's; 0: none */
	uint64_t beats;           /* seq of the next heartbeat */
	int64_t since;            /* ns, when it began or was renewed */
	Keys keys;
} Session;

typedef struct {                  /* a packet that was sent */
	Pkt *p;                   /* kept to be sent again */
	int64_t time;             /* ns */
	uint64_t pkts, bytes;     /* sent by the link up to this one */
	uint64_t next;            /* seq of the next one by the link */
	int link, len;            /* len: bytes on the wire */
	int64_t again;            /* ns, not to be sent again before; 0: it
	                           * has been sent once */
} Sent;

typedef struct {                  /* a packet that comes, or should */
	Pkt *p;                   /* held for the one before it */
	int64_t since;            /* ns, when the packet was missed */
	uint64_t next;            /* seq that is held for it, 0: none */
	int state;
} Slot;

typedef struct {                  /* a network device */
	char name[IFNAMSIZ];
	const Linkconf *row;      /* that it is for */
	int index, carrier;
	int type;                 /* ARPHRD_ */
	int taken;                /* by a link */
	struct sockaddr_storage addr[2]; /* IPv4, IPv6: the first */
} Device;

typedef struct {
	char buf[TextSize];
	int len;
} Text;

/* variables */
static const char statename[][8] = {
	[LinkDown] = "down", [LinkProbing] = "probing", [LinkUp] = "up",
	[LinkLossy] = "lossy"
};
static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
static const struct { const char *text, *metric, *help; } countname[] = {
	[CntInorder] = { "in order", "in_order_packets_total",
	  "Packets that waited for none." },
	[CntReordered] = { "reordered", "reordered_packets_total",
	  "Packets held until those of their flow before them came." },
	[CntLate] = { "late", "late_packets_total",
	  "Packets that came after they had been given up." },
	[CntLost] = { "lost", "lost_packets_total", "Packets given up." },
	[CntRepaired] = { "repaired", "repaired_packets_total",
	  "Packets that came when sent again, or as a copy." },
	[CntDup] = { "duplicates", "duplicate_packets_total",
	  "Packets that had come before: copies and repairs." },
	[CntMerged] = { "ACKs merged", "merged_acks_total",
	  "TCP ACKs replaced by a newer one before they were sent." },
	[CntParity] = { "parity sent", "parity_sent_packets_total",
	  "Parity packets sent." },
	[CntRecovered] = { "recovered", "parity_recovered_packets_total",
	  "Lost packets made anew of parity." },
	[CntVain] = { "in vain", "parity_unused_packets_total",
	  "Parity packets that came and gave no packet." },
};
static const char whyname[][12] = {
	[WhyScore] = "score", [WhyOverflow] = "overflow",
	[WhyHeavy] = "heavy", [WhyCopy] = "copy", [WhyRepair] = "repair",
	[WhyParity] = "parity"
};
static const char offname[][12] = {
	[OffSegment] = "TUN in", [OffCoalesce] = "TUN out",
	[OffUdpSegment] = "UDP_SEGMENT", [OffUdpGro] = "UDP_GRO"
};
static const char offstate[][20] = {
	[Disabled] = "off", [Absent] = "not in this kernel",
	[Failed] = "off after an error", [Running] = "on"
};
static const char dropname[][12] = {
	[DropShort] = "short", [DropForm] = "malformed",
	[DropVersion] = "version",
	[DropAddr] = "address", [DropAuth] = "auth",
	[DropSession] = "session", [DropReplay] = "replay",
	[DropWindow] = "window", [DropMartian] = "martian",
	[DropQueue] = "queue",
	[DropCodel] = "codel", [DropStale] = "stale", [DropSize] = "size",
	[DropSend] = "send", [DropTun] = "tun", [DropPool] = "pool"
};
static const double
	LossMost = 1 / 8.0,       /* more is for want of room */
	ParityOn = 0.005,         /* loss from which on there is parity, */
	ParityOff = 0.002,        /* and below which there is none again */
	ParityMore = 0.08;        /* packets per parity, times the loss */
static int role;
static int64_t now;               /* ns, see monotime */
static uint64_t counts[CntLast], drops[DropLast];
static int offload[OffLast];      /* their states */
static struct {
	Gro by[Ngros];            /* by hash of the flow */
	int errors;               /* of the TUN, in a row */
	Trial trial;
	struct {
		uint32_t hash, next; /* of the flow; seq behind the newest */
		int singly;       /* as the newest ones were written */
	} flows[Nflows];
} gro;

static struct {
	volatile sig_atomic_t stop, report, reopen; /* signals ask for it */
	int quiet, status;        /* only warnings; exit status */
	int parent, online;       /* socket to it; it was told that a link is up */
	int64_t lastonline;       /* ns, when one was */
	int interval;             /* s, between reports */
	int handled, turns;       /* packets, turns in this ms */
	int unread;               /* packets were left in the kernel */
	int links;                /* how many are in use */
	unsigned seconds;         /* so far */
	int64_t nextsecond, nextreport, nextmtu, nextbeat, nextstall; /* ns */
	int64_t since, pause;     /* ns, see rest() */
} loop = { .parent = -1, .online = -1, .interval = 5 };

static struct {
	int fd, mtu;
	int hdr;                  /* bytes in front of a packet: 0, VnetLen */
	unsigned features;        /* of the kernel's driver */
} tun = { .fd = -1 };

static struct {
	int fd, named;
	int64_t next;             /* ns, not to be looked at before */
} ctl = { .fd = -1 };

static int rtnetlink = -1;        /* a socket */
static int warnings;              /* of the configuration and this host */
static struct {
	int fd;                   /* tells when something has changed */
	int64_t next, last;       /* ns, when all is to be looked at; was */
	int asked, changed;       /* the parent; something since then */
	Device list[Devices];     /* that are up */
	int n, left;              /* left: have no place in a row */
} devices;

static struct {
	Pkt *pkts, **frees;       /* all; those that were freed */
	int size, used, nfrees;   /* all; ever taken; freed */
	uint16_t *refs;           /* of each */
} pool;

static struct {
	uint8_t master[KeyLen];   /* the file's */
	uint8_t ephemeral[KeyLen]; /* of the next handshake, see hello */
	uint8_t secret[SecretLen]; /* of cookies and hashes */
} keys;

static struct {
	Session session, proposed; /* the running one; the next */
	Session hello;            /* id: the client's, or that there is one;
	                           * our public key; tx: of our hellos */
	Keys old;                 /* before the session was renewed */
	int renews;               /* proposed has keys for the running one */
	int64_t begun;            /* ns, when the session did */
	int64_t proven;           /* ns, newest heartbeat that was echoed */
	int64_t patience;         /* ns, proposed sessions are waited for */
	int64_t curve;            /* ns, token bucket of key agreements */
	uint64_t epoch;           /* server: handshakes so far */
	int64_t lonely;           /* ns, since when no link is up */
	int64_t work;             /* ns, token bucket, see afford() */
	int64_t interval;         /* ns, between heartbeats of both ends */
	int format;               /* that the peer has, plus 1 */
	Log log, others;          /* of lines of no link; of other clients:
	                           * anybody can repeat a recorded hello */
} peer;

static struct {                   /* packets to be sent; outlive a session */
	Flow *flows;
	Host *hosts;
	Habit habits[Nflows];     /* by tag */
	Round round;              /* of hosts */
	Queue express, acks;
	int queued;               /* packets in flow queues */
	unsigned look;            /* number of the look at all turns */
	int64_t peak;             /* bit/s, of all links, decaying */
	int64_t lightbytes, steadybytes; /* waiting of light flows; of those
	                           * that are not elastic */
	int64_t light, steady;    /* bit/s of these, as noted */
	int64_t noted;            /* ns, when rates were */
	int64_t crowded, overflow; /* ns, since when packets overflow; the
	                           * newest that did */
	int64_t lastexpress;      /* ns, newest express packet, or of a light
	                           * flow that is not elastic */
	int heavyflow;            /* of the newest packet of a heavy flow */
	int64_t shared;           /* ns, when it was of another flow */
	double recent;            /* bytes of express packets, decaying */
	int64_t counted;          /* ns, when they were counted */
	int64_t privileged;       /* ns, token bucket of express and ACKs */
	int64_t tellclock;        /* ns, token bucket of "too big" */
	int64_t nextack;          /* ns, when the next ACK is due */
	int64_t nextsend;         /* ns, when a link has room for more */
} queues;

static struct {                   /* what was sent in this session */
	uint64_t seq[LaneLast];   /* of the next record */
	Sent *sent;               /* packets by seq */
	uint64_t oldest;          /* seq of the oldest one kept */
	Queue repairs;            /* to be sent again */
	int64_t budget;           /* ns, token bucket of repairs */
	int64_t every;            /* ns, between the peer's reports */
	int64_t newest;           /* ns, time of the newest of them */
} tx;

static struct {                   /* packets that a parity is to cover */
	Pkt *pkts[Window];        /* the newest, as they were sent */
	int n, due;               /* how many; since the last parity */
	int light;                /* one of them is of a light flow */
	Link *link;               /* by which the newest went */
	int64_t next;             /* ns, when no more are waited for */
	double loss;              /* most of late of the links they went by, */
	int64_t last;             /* ns, at this time */
	int on;                   /* that is worth it */
	int64_t clock;            /* ns, token bucket of parities */
} cover;

static struct {                   /* what came in this session */
	Replay replay[LaneData];  /* of heartbeats, of control records */
	Slot *slots;              /* packets by seq */
	uint64_t expected;        /* seq, all below were delivered, or lost */
	uint64_t known;           /* one above the newest known to be sent */
	uint64_t doubted;         /* see believe() */
	int pkts, bytes;          /* that came since the last report */
	int64_t nextreport, lastreport; /* ns, when one is due, was sent */
	int64_t every;            /* ns, between reports that are sent */
	int64_t next;             /* ns, when one is given up or set free */
	uint64_t paced[Paced];    /* seqs that are set free soon */
	int npaced;
	int64_t freeclock;        /* ns, token bucket of those */
	Link *turn, *second;      /* that is reported first; that brought the
	                           * last report the second time */
} rx;

static struct {                   /* covered packets, and their parities */
	uint64_t seqs[Columns];   /* of the packets */
	Pkt *pkts[Columns];       /* NULL: missing */
	int oldest;               /* column, given up for a new packet */
	unsigned nextrow;         /* given up for a new parity */
	Row rows[Rows];
} coded;

static struct {                   /* of all links, see surveylinks() */
	Link *best, *quickest;    /* least score, least RTT of those that are
	                           * not spare; NULL: none up */
	Link *light;              /* least score of links that carries() */
	int64_t rate;             /* bit/s, sum of all that are not spare */
	int64_t slowest;          /* bit/s, least for ordered packets */
	int64_t groupdelay;       /* ns, of the links for heavy flows */
	int groupscore;           /* least score of those */
	int step;                 /* best is quicker than they are */
	Link *quick;              /* best, if it is to have no queue */
	int stalled;              /* all links that work stall; */
	int backup;               /* all that are not backups do */
	int stale;                /* it is to be made anew in this turn */
	int payload;              /* bytes of the largest packet carried */
	struct { Link *to; const Link *but; } found[4][ByLast];
	int known;                /* bits: which of these hold, see pick() */
} survey;

#include "config.h"

/* links by the number that they have at both ends; those in use are chained,
 * of which the first is one */
static Link bond[LEN(links) + Patterns * (Found - 1)];
static uint64_t kinds[LEN(bond)][LEN(traffic)]; /* packets sent */
static struct {
	uint64_t kinds[2][LEN(bond)][LEN(traffic)]; /* the same up to half of
	                           * Past seconds ago; so long before */
	int seconds;              /* since the newer ones */
} past;
enum {
	PfdTun, PfdCtl, PfdDevices, PfdParent, PfdLink,
	PfdLast = PfdLink + LEN(bond)
};
static struct {
	Net table[2 * LEN(bond) + ListSize]; /* see netsinit() */
	struct {
		uint64_t addrs[4];
		int v6, is;
	} last[2];                /* what martian() was asked last */
} nets;

/* compile-time checks */
typedef char checklinks[LEN(links) > 0 && LEN(links) <= 255 ? 1 : -1];
typedef char checktraffic[LEN(traffic) > 0 ? 1 : -1];
typedef char checkflows[(Nflows & (Nflows - 1)) == 0 ? 1 : -1];

/* util: text, logs, the clock, what the kernel gives */

/* Returns the number that s is, or -1 if it is none or above max. */
static int
parseint(const char *s, int max)
{
	int n = *s ? 0 : -1;

	for (; *s >= '0' && *s <= '9' && n <= max; s++)
		n = 10 * n + *s - '0';
	return *s || n > max ? -1 : n;
}

/* Write a number in front of end, at least so many digits of it and so many
 * places behind a point. Returns where it begins. */
static char *
number(char *end, uint64_t v, unsigned base, int least, int places)
{
	int i;

	for (i = 0; i < least || i <= places || v; i++, v /= base) {
		if (i > 0 && i == places)
			*--end = '.';
		*--end = "0123456789abcdef"[v % base];
	}
	return end;
}

/* The same for what may be negative, with or without zeros at the end. */
static char *
decimal(char *end, double x, int places, int zeros)
{
	int minus = x < 0, n = 0;
	uint64_t v;

	for (x = minus ? -x : x; n < places && x < 1e15; n++)
		x *= 10;
	v = MIN(x, 1e18) + 0.5;
	for (; !zeros && n > 0 && v % 10 == 0; n--)
		v /= 10;
	end = number(end, v, 10, 0, n);
	if (minus)
		*--end = '-';
	return end;
}

/* Do what vsnprintf(3) does, which would be a tenth of a static udpbond. There
 * are %s, %d and %.1f, %g with up to 9 places, %u and %x, also of 64 bits. */
static int
vformat(char *to, int size, const char *fmt, va_list ap)
{
	char buf[32], *end = buf + sizeof(buf);
	const char *s, *stop;
	int n = 0, kind, least, wide;

	for (; *fmt; fmt++) {
		kind = least = wide = 0;
		if (*fmt == '%') {
			while (strchr(".0123456789l", *++fmt))
				if (*fmt == 'l')
					wide = 1;
				else if (*fmt != '.')
					least = 10 * least + *fmt - '0';
			kind = *fmt;
		}
		stop = end;
		switch (kind) {
		case 's':
			s = va_arg(ap, const char *);
			stop = s + strlen(s);
			break;
		case 'd':
			s = decimal(end, va_arg(ap, int), 0, 1);
			break;
		case 'f':
			s = decimal(end, va_arg(ap, double), least, 1);
			break;
		case 'g':
			s = decimal(end, va_arg(ap, double), 9, 0);
			break;
		case 'u':
		case 'x':
			s = number(end, wide ? va_arg(ap, uint64_t) :
			    va_arg(ap, unsigned), kind == 'u' ? 10 : 16, least,
			    0);
			break;
		default:
			s = fmt;
			stop = s + 1;
		}
		for (; s < stop; s++, n++)
			if (n < size - 1)
				to[n] = *s;
	}
	to[MIN(n, size - 1)] = '\0';
	return n;
}

static int
format(char *to, int size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vformat(to, size, fmt, ap);
	va_end(ap);
	return n;
}

/* Append to a text; what does not fit is left out. */
static void
vtext(Text *t, const char *fmt, va_list ap)
{
	int left = (int)sizeof(t->buf) - t->len;
	int n = vformat(t->buf + t->len, left, fmt, ap);

	t->len += CLAMP(n, 0, left - 1);
}

static void
text(Text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vtext(t, fmt, ap);
	va_end(ap);
}

/* Are all characters letters, digits, or of those that need no quotes? */
static int
plain(const char *s)
{
	return !s[strspn(s, "abcdefghijklmnopqrstuvwxyz._-0123456789"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

/* Write without blocking: a reader that stalls loses the rest. A pipe takes up
 * to PIPE_BUF bytes whole, or none. */
static void
output(int fd, const Text *t)
{
	struct pollfd pfd = { fd, POLLOUT, 0 };
	struct timespec none = { 0, 0 };
	int n = 1, at;

	for (at = 0; n > 0 && at < t->len; at += n) {
		if (ppoll(&pfd, 1, &none, NULL) != 1 ||
		    !(pfd.revents & POLLOUT))
			return;
		n = write(fd, t->buf + at, MIN(t->len - at, PIPE_BUF));
	}
}

/* Log a line; a colon at its end asks for the error. */
static void
warn(const char *fmt, ...)
{
	static Text t;
	int error = errno;
	va_list ap;

	t.len = 0;
	text(&t, "udpbond: ");
	va_start(ap, fmt);
	vtext(&t, fmt, ap);
	va_end(ap);
	if (fmt[0] && fmt[strlen(fmt) - 1] == ':')
		text(&t, " %s", strerror(error));
	text(&t, "\n");
	output(2, &t);
}

/* Write a text to stdout and empty it. Returns the exit status. */
static int
print(Text *t)
{
	int n = 1, at;

	for (at = 0; n > 0 && at < t->len; at += n)
		n = write(1, t->buf + at, t->len - at);
	if (n < 0)
		warn("stdout:");
	t->len = 0;
	return n < 0;
}

/* Returns ns since some time in the past. The wall clock is never used. */
static int64_t
monotime(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) < 0)
		die("clock_gettime:");
	return ts.tv_sec * Second + ts.tv_nsec;
}

/* Returns a random number, never 0, which means none. */
static uint64_t
random64(void)
{
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		die("getrandom:");
	return MAX(r, 1);
}

/* A UDP socket. Not by socketcall(2): seccomp cannot see its arguments. */
static int
udpsocket(int family, int flags)
{
	flags |= SOCK_DGRAM | SOCK_CLOEXEC;
	return Socketcall < 0 ? socket(family, flags, 0) :
	    syscall(__NR_socket, family, flags, 0);
}

/* No core dumps: they would contain the key. */
static void
nocore(void)
{
	struct rlimit none = { 0, 0 };

	prlimit(0, RLIMIT_CORE, &none, NULL);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int
setopt(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* Take cost, in ns, from a token bucket whose clock may run depth ahead of
 * now; what is negative is given back. Returns -1 if the bucket is empty. */
static int
spend(int64_t *clock, int64_t cost, int64_t depth)
{
	if (cost > 0 && *clock > now + depth)
		return -1;
	*clock = MAX(*clock, now) + cost;
	return 0;
}

/* Take n steps of work that the peer causes: a million a second, and 10 ms of
 * that at once. Returns -1 if they are used up. */
static int
afford(int64_t n)
{
	return spend(&peer.work, n * Us, MS(10));
}

static void
leastput(Least *w, int64_t v)
{
	if (!w->since || now - w->since > 2 * LeastTime)
		w->least[0] = w->least[1] = v;
	if (!w->since || now - w->since > LeastTime) {
		w->least[1] = w->least[0];
		w->least[0] = v;
		w->since = now;
	}
	w->least[0] = MIN(w->least[0], v);
}

static int64_t
least(const Least *w)
{
	return MIN(w->least[0], w->least[1]);
}

/* pool: packets and queues of them
 *
 * Reference counts live in an array of their own, so freeing a packet that was
 * sent long ago does not touch its cache lines. Pages of the pool are not
 * touched before they are needed. */

/* Returns NULL if all packets are in use. */
static Pkt *
pktalloc(void)
{
	Pkt *p;

	if (pool.nfrees > 0)
		p = pool.frees[--pool.nfrees];
	else if (pool.used < pool.size)
		p = &pool.pkts[pool.used++];
	else
		return NULL;
	memset(p, 0, offsetof(Pkt, buf));
	p->data = p->buf + HdrLen + OrderLen;
	pool.refs[p - pool.pkts] = 1;
	return p;
}

static Pkt *
pkthold(Pkt *p)
{
	pool.refs[p - pool.pkts]++;
	return p;
}

static void
pktfree(Pkt *p)
{
	if (--pool.refs[p - pool.pkts] == 0)
		pool.frees[pool.nfrees++] = p;
}

static void
pktdrop(Pkt *p, int why)
{
	drops[why]++;
	pktfree(p);
}

static void
queueput(Queue *q, Pkt *p)
{
	p->next = NULL;
	if (q->tail)
		q->tail->next = p;
	else
		q->head = p;
	q->tail = p;
	q->len++;
	q->bytes += p->len;
}

static Pkt *
queueget(Queue *q)
{
	Pkt *p = q->head;

	if (!p)
		return NULL;
	if (!(q->head = p->next))
		q->tail = NULL;
	q->len--;
	q->bytes -= p->len;
	return p;
}

/* addr: addresses, and how they are written */

/* Returns the address family, or -1 if s is no address. */
static int
parseaddr(const char *s, int port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (s && inet_pton(AF_INET, s, &sin->sin_addr) == 1)
		ss->ss_family = AF_INET;
	else if (s && inet_pton(AF_INET6, s, &sin6->sin6_addr) == 1)
		ss->ss_family = AF_INET6;
	else
		return -1;
	sin->sin_port = htons(port); /* sin6_port is at the same offset */
	return ss->ss_family;
}

/* Parse an address with its prefix length. Returns -1 if s is none. */
static int
parseprefix(const char *s, struct sockaddr_storage *ss, int *prefix)
{
	char buf[64], *slash;

	format(buf, sizeof(buf), "%s", s);
	if (!(slash = strchr(buf, '/')))
		return -1;
	*slash = '\0';
	if (parseaddr(buf, 0, ss) < 0)
		return -1;
	*prefix = parseint(slash + 1, ss->ss_family == AF_INET ? 32 : 128);
	return *prefix < 0 ? -1 : 0;
}

/* Returns the bytes of an IPv4 or IPv6 address. A mapped one, as a socket for
 * both families sees it, counts as IPv4. */
static const uint8_t *
addrbytes(const struct sockaddr_storage *ss, int *len)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)ss;

	*len = ss->ss_family == AF_INET ? 4 : ss->ss_family ? 16 : 0;
	if (*len != 16)
		return (const uint8_t *)&sin->sin_addr;
	if (!IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr))
		return sin6->sin6_addr.s6_addr;
	*len = 4;
	return sin6->sin6_addr.s6_addr + 12;
}

static int
addrport(const struct sockaddr_storage *ss)
{
	return ntohs(((const struct sockaddr_in *)ss)->sin_port);
}

/* Do two addresses begin with the same bits? */
#define sameaddr(a, b) samenet(a, b, 128)
static int
samenet(const struct sockaddr_storage *a, const struct sockaddr_storage *b,
        int bits)
{
	int n, m;
	const uint8_t *x = addrbytes(a, &n), *y = addrbytes(b, &m);

	bits = MIN(bits, 8 * n);
	return n == m && !memcmp(x, y, bits / 8) && (bits % 8 == 0 ||
	    (x[bits / 8] ^ y[bits / 8]) >> (8 - bits % 8) == 0);
}

/* Is it the address of one host, not unspecified, multicast or broadcast? */
static int
unicast(const uint8_t *a, int len)
{
	return len == 4 ? a[0] > 0 && a[0] < 224 :
	    a[0] != 0xff && memcmp(a, &in6addr_any, 16);
}

/* Returns address:port, with brackets around an IPv6 address. */
static const char *
addrtext(const struct sockaddr_storage *ss)
{
	static char buf[INET6_ADDRSTRLEN + 8];
	int i, j, n = 1, len, from = 16, zeros = 2;
	const uint8_t *d = addrbytes(ss, &len);

	if (len == 4) {
		format(buf, sizeof(buf), "%d.%d.%d.%d:%d", d[0], d[1], d[2],
		    d[3], addrport(ss));
		return buf;
	}
	for (i = 0; i < len; i += 2) { /* RFC 5952: the longest zeros, :: */
		for (j = i; j < len && !d[j] && !d[j + 1]; j += 2)
			;
		if (j - i > zeros) {
			zeros = j - i;
			from = i;
		}
	}
	buf[0] = '[';
	for (i = 0; i < len; i += i == from ? zeros : 2)
		n += format(buf + n, sizeof(buf) - n, i == from ? i ? ":" :
		    "::" : i < 14 ? "%x:" : "%x", d[i] << 8 | d[i + 1]);
	format(buf + n, sizeof(buf) - n, "]:%d", addrport(ss));
	return buf;
}

/* The same without the port, and without brackets. */
static const char *
hosttext(const struct sockaddr_storage *ss)
{
	static char buf[INET6_ADDRSTRLEN + 8];
	char *end;

	format(buf, sizeof(buf), "%s", addrtext(ss));
	end = *buf == '[' ? strchr(buf, ']') : strchr(buf, ':');
	*end = '\0';
	return buf + (*buf == '[');
}

/* Take the next network off a list. Returns 0 at its end, or if s is none. */
static int
nextnet(const char **list, char s[64], struct sockaddr_storage *ss, int *bits)
{
	size_t n;

	*list += strspn(*list, " ");
	n = strcspn(*list, " ");
	format(s, MIN(n + 1, 64), "%s", *list);
	*list += n;
	return n > 0 && parseprefix(s, ss, bits) == 0;
}

/* Is s an address of one site only, RFC 1918, 6598 and 4193? */
static int
private(const char *s)
{
	static const char *const sites[] = {
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
		"100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
		"fc00::/7", "fe80::/10", "::1/128"
	};
	struct sockaddr_storage a, net;
	int i, bits, is = 0;

	parseaddr(s, 0, &a);
	for (i = 0; i < LEN(sites) && !is; i++)
		is = parseprefix(sites[i], &net, &bits) == 0 &&
		    samenet(&a, &net, bits);
	return is;
}

/* wire
 *
 *	 0               8       9      11
 *	+---------------+-------+-------+---------+  +---------+
 *	| seq           | flags | len   | payload |..| tag 8   |
 *	+---------------+-------+-------+---------+  +---------+
 *
 * In network byte order: one record or several back to back, then the tag if
 * the datagram is sealed. The payload of data is an IP packet or an LZ4 block
 * of one. If it has to keep its place in its flow 2 bytes stand before it: by
 * how much its seq is higher than that of the packet that must come first.
 * Integers have 1, 2, 4 or 8 bytes; with a constant n a compiler makes one
 * store of put, and one load of get. */
static inline void
put(uint8_t *d, uint64_t v, int n)
{
	if (n == 8) {
		put(d, v >> 32, 4);
		put(d + 4, v, 4);
	} else if (n == 4) {
		put(d, v >> 16, 2);
		put(d + 2, v, 2);
	} else {
		if (n == 2)
			*d++ = v >> 8;
		*d = v;
	}
}

static inline uint64_t
get(const uint8_t *d, int n)
{
	if (n == 8)
		return get(d, 4) << 32 | get(d + 4, 4);
	if (n == 4)
		return (uint32_t)d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3];
	return n == 2 ? d[0] << 8 | d[1] : d[0];
}

/* Put the header in front of the packet's data, and its order. */
static void
encode(Pkt *p, uint64_t seq, int flags)
{
	int order = p->after ? OrderLen : 0;

	p->seq = seq;
	p->wire = p->data - order - HdrLen;
	p->wirelen = HdrLen + order + p->len;
	put(p->wire, seq, 8);
	put(p->wire + 8, flags | (order ? FlagOrder : 0) |
	    (p->squeezed ? FlagCompressed : 0), 1);
	put(p->wire + 9, order + p->len, 2);
	if (order)
		put(p->wire + HdrLen, p->after, 2);
}

/* Returns the bytes of the record at d, or -1 if it is malformed. */
static int
decode(const uint8_t *d, int len, Rec *r)
{
	int kind;

	if (len < HdrLen)
		return -1;
	r->seq = get(d, 8);
	r->flags = get(d + 8, 1);
	r->len = get(d + 9, 2);
	kind = r->flags & FlagKind;
	if (r->len > len - HdrLen)
		return -1;
	if (kind != FlagBeat && kind != FlagData && kind != FlagControl &&
	    (kind || (r->flags & (FlagParity | FlagRepair | FlagCompressed)) !=
	    FlagParity))
		return -1;
	if (kind & (FlagBeat | FlagControl) && r->flags & (FlagOrder |
	    FlagRepair | FlagCompressed | FlagParity))
		return -1;
	if (r->flags & FlagOrder && r->len < OrderLen)
		return -1;
	return r->flags & FlagSealed ? -1 : HdrLen + r->len;
}

/* The payload of a heartbeat: run F on the name and bytes of each field. Times
 * are in us. */
#define BEATFIELDS(F) \
	F(id, 8) F(peerid, 8) F(link, 1) F(hello, 1) F(time, 8) F(echo, 8) \
	F(held, 4) F(txpkts, 8) F(txbytes, 8) F(rxpkts, 8) F(rxbytes, 8) \
	F(next, 8) F(slow, 1) F(prio, 1) F(up, 4) F(down, 4) F(format, 1) \
	F(interval, 2)

static void
beatencode(uint8_t *d, const Beat *b)
{
	Beat w = *b;

	w.time /= Us;
	w.echo /= Us;
	w.held /= Us;
#define PUT(field, n) put(d, w.field, n), d += n;
	BEATFIELDS(PUT)
}

/* Returns -1 if the heartbeat makes no sense. A newer version's may be longer.
 * Nothing has run for 2^50 us, and sums of times must not overflow. */
static int
beatdecode(const uint8_t *d, int len, Beat *b)
{
	if (len < BeatLen)
		return -1;
#define GET(field, n) b->field = get(d, n), d += n;
	BEATFIELDS(GET)
	memset(b->name, 0, sizeof(b->name));
	memcpy(b->name, d, MIN(len - BeatLen, IFNAMSIZ - 1));
	if (!b->id || b->time >> 50 || b->echo >> 50 || b->next >> 56 ||
	    !plain(b->name))
		return -1;
	b->time *= Us;
	b->echo *= Us;
	b->held *= Us;
	return 0;
}

/* crypt: ChaCha20, Poly1305, X25519
 *
 * No branch and no address depends on a secret, and keys are wiped when done.
 * Where there are vectors, each lane makes a block of ChaCha20. Poly1305 takes
 * the widest words whose products the compiler knows, which on x86-64 makes
 * sealing a third quicker. X25519 is for handshakes only: 32 bits will do. */
#if defined(__SSE2__) || defined(__ARM_NEON) || defined(__ALTIVEC__)
typedef uint32_t Vec __attribute__((vector_size(16)));
#else
typedef uint32_t Vec;
#endif
#ifdef __SIZEOF_INT128__
#define LEWORD(x)       htole64(x)
typedef uint64_t Word;
__extension__ typedef unsigned __int128 Wide;
#else
#define LEWORD(x)       htole32(x)
typedef uint32_t Word;
typedef uint64_t Wide;
#endif
enum {
	Lanes = sizeof(Vec) / 4,
	WordBits = 8 * sizeof(Word),
	Words = 16 / sizeof(Word) /* of a block of Poly1305 */
};

typedef struct {
	Vec x[16];                /* of the next blocks, one in each lane */
	uint32_t key[Lanes][16];  /* key stream: the blocks before those */
	int used;                 /* bytes of it */
} Chacha;

typedef struct {
	Word h[Words + 1];        /* the sum, below 5 * 2^128 */
	Word r[2 * Words];        /* r * 2^128 but for its first word, r */
} Poly;

typedef uint32_t Num[8];          /* modulo 2^255 - 19, not always reduced */

static uint32_t
getle4(const uint8_t *d)
{
	uint32_t v;

	memcpy(&v, d, sizeof(v));
	return le32toh(v);
}

static void
putle4(uint8_t *d, uint32_t v)
{
	v = htole32(v);
	memcpy(d, &v, sizeof(v));
}

#define ROTL32(x, b) ((x) << (b) | (x) >> (32 - (b)))
#define QUARTER(a, b, c, d) do { \
	a += b; d ^= a; d = ROTL32(d, 16); c += d; b ^= c; b = ROTL32(b, 12); \
	a += b; d ^= a; d = ROTL32(d, 8); c += d; b ^= c; b = ROTL32(b, 7); \
} while (0)

static void
chacharounds(Vec *x)
{
	int i;

	for (i = 0; i < 10; i++) {
		QUARTER(x[0], x[4], x[8], x[12]);
		QUARTER(x[1], x[5], x[9], x[13]);
		QUARTER(x[2], x[6], x[10], x[14]);
		QUARTER(x[3], x[7], x[11], x[15]);
		QUARTER(x[0], x[5], x[10], x[15]);
		QUARTER(x[1], x[6], x[11], x[12]);
		QUARTER(x[2], x[7], x[8], x[13]);
		QUARTER(x[3], x[4], x[9], x[14]);
	}
}

/* Fill all lanes alike: 16 bytes are the count and the nonce. */
static void
chachafill(Vec *x, const uint8_t *key, const uint8_t *in)
{
	static const uint8_t sigma[] = "expand 32-byte k";
	int i;

	for (i = 0; i < 16; i++)
		x[i] = (Vec){ 0 } + getle4(i < 4 ? sigma + 4 * i :
		    i < 12 ? key + 4 * i - 16 : in + 4 * i - 48);
}

/* Make a key of a key and 16 bytes: HChaCha20, draft-irtf-cfrg-xchacha. */
static void
hchacha(uint8_t *out, const uint8_t *key, const uint8_t *in)
{
	Vec x[16];
	uint32_t w[16][Lanes];
	int i;

	chachafill(x, key, in);
	chacharounds(x);
	memcpy(w, x, sizeof(w));
	for (i = 0; i < 8; i++)
		putle4(out + 4 * i, w[i < 4 ? i : i + 8][0]);
	explicit_bzero(x, sizeof(x));
	explicit_bzero(w, sizeof(w));
}

/* Make the next blocks of key stream. */
static void
chachanext(Chacha *c)
{
	Vec x[16];
	uint32_t w[16][Lanes];
	int i, k;

	memcpy(x, c->x, sizeof(x));
	chacharounds(x);
	for (i = 0; i < 16; i++)
		x[i] += c->x[i];
	memcpy(w, x, sizeof(w));
	for (i = 0; i < 16; i++)
		for (k = 0; k < Lanes; k++)
			c->key[k][i] = htole32(w[i][k]);
	c->x[12] += Lanes;
	c->used = 0;
	explicit_bzero(x, sizeof(x));
	explicit_bzero(w, sizeof(w));
}

/* Begin with block 0, which is for the tag only. */
static void
chachabegin(Chacha *c, const uint8_t *key, const uint8_t *nonce)
{
	uint8_t in[16] = { 0 };
	uint32_t n[Lanes];
	int i;

	memcpy(in + 4, nonce, NonceLen);
	chachafill(c->x, key, in);
	for (i = 0; i < Lanes; i++)
		n[i] = i;
	memcpy(&c->x[12], n, sizeof(n));
	chachanext(c);
	c->used = 64;
}

static void
chacha(Chacha *c, const uint8_t *in, int len, uint8_t *out)
{
	const uint8_t *key;
	Vec a[4 / Lanes], b[4 / Lanes];
	int i, k, n;

	for (; len > 0; len -= n, in += n, out += n, c->used += n) {
		if (c->used == sizeof(c->key))
			chachanext(c);
		key = (const uint8_t *)c->key + c->used;
		n = MIN(len, (int)sizeof(c->key) - c->used);
		for (i = 0; i + 16 <= n; i += 16) {
			memcpy(a, in + i, sizeof(a));
			memcpy(b, key + i, sizeof(b));
			for (k = 0; k < LEN(a); k++)
				a[k] ^= b[k];
			memcpy(out + i, a, sizeof(a));
		}
		for (; i < n; i++)
			out[i] = in[i] ^ key[i];
	}
}

/* All is modulo 2^130 - 5, so 2^130 is 5. Words of r other than the first are
 * multiples of 4: times 2^128 they are 5 / 4 of what they were. */
static void
polybegin(Poly *p, const uint8_t *key)
{
	uint8_t *r;
	int i;

	memset(p, 0, sizeof(*p));
	r = (uint8_t *)(p->r + Words);
	for (i = 0; i < 16; i++)
		r[i] = key[i] & (i % 4 == 3 ? 15 : i % 4 || !i ? 255 : 252);
	for (i = 0; i < Words; i++) {
		p->r[Words + i] = LEWORD(p->r[Words + i]);
		if (i > 0)
			p->r[i] = p->r[Words + i] / 4 * 5;
	}
}

/* Add a block and top * 2^128 to the sum and multiply it by r. The 4 highest
 * bits of each word of r are 0: the sum of a row of products fits, and so does
 * what is carried over. */
static void
polyblock(Poly *p, const uint8_t *d, int top)
{
	Word h[Words + 1], in[Words], over;
	Wide c = 0;
	int i, k;

	memcpy(in, d, sizeof(in));
	for (i = 0; i < Words; i++) {
		c += (Wide)p->h[i] + LEWORD(in[i]);
		h[i] = c;
		c >>= WordBits;
	}
	h[Words] = p->h[Words] + c + top;
	for (c = i = 0; i < Words; i++) {
		for (k = 0; k <= Words; k++)
			c += (Wide)h[k] * p->r[Words + i - k];
		p->h[i] = c;
		c >>= WordBits;
	}
	over = c + h[Words] * p->r[Words];
	p->h[Words] = over & 3;
	for (c = over / 4 * 5, i = 0; i <= Words; i++) {
		c += p->h[i];
		p->h[i] = c;
		c >>= WordBits;
	}
}

/* Add bytes, and zeros up to a multiple of 16. */
static void
poly(Poly *p, const uint8_t *d, int len)
{
	uint8_t last[16] = { 0 };

	for (; len > 0; len -= 16, d += 16)
		polyblock(p, len < 16 ? memcpy(last, d, len) : d, 1);
}

/* Reduce the sum and add the other half of the key. */
static void
polyend(Poly *p, const uint8_t *key, uint8_t *tag)
{
	Word s[Words];
	Wide c = 5;
	int i;

	for (i = 0; i < Words; i++)
		c = (c + p->h[i]) >> WordBits;
	c = (c + p->h[Words]) / 4 * 5; /* 5 if the sum is 2^130 - 5 or more */
	memcpy(s, key + 16, sizeof(s));
	for (i = 0; i < Words; i++) {
		c += (Wide)p->h[i] + LEWORD(s[i]);
		s[i] = LEWORD((Word)c);
		c >>= WordBits;
	}
	memcpy(tag, s, sizeof(s));
	explicit_bzero(p, sizeof(*p));
}

/* The tag of RFC 8439: no two messages may share this key. */
static void
mac(uint8_t *tag, const uint8_t *key, const uint8_t *ad, int adlen,
    const uint8_t *in, int len)
{
	uint8_t lens[16] = { 0 };
	Poly p;

	putle4(lens, adlen);
	putle4(lens + 8, len);
	polybegin(&p, key);
	poly(&p, ad, adlen);
	poly(&p, in, len);
	poly(&p, lens, sizeof(lens));
	polyend(&p, key, tag);
}

/* The AEAD of RFC 8439. Write len + MacLen bytes at out, which may be in. */
static void
encipher(const uint8_t *key, const uint8_t *nonce, const uint8_t *ad,
         int adlen, const uint8_t *in, int len, uint8_t *out)
{
	Chacha c;
	uint8_t once[KeyLen];

	chachabegin(&c, key, nonce);
	memcpy(once, c.key, KeyLen);
	chacha(&c, in, len, out);
	mac(out + len, once, ad, adlen, out, len);
	explicit_bzero(&c, sizeof(c));
	explicit_bzero(once, sizeof(once));
}

/* The same back. Returns -1, and writes nothing, if the tag is wrong. */
static int
decipher(const uint8_t *key, const uint8_t *nonce, const uint8_t *ad,
         int adlen, const uint8_t *in, int len, uint8_t *out)
{
	Chacha c;
	uint8_t tag[MacLen];
	int i, differ = 0;

	if ((len -= MacLen) < 0)
		return -1;
	chachabegin(&c, key, nonce);
	mac(tag, (uint8_t *)c.key, ad, adlen, in, len);
	for (i = 0; i < MacLen; i++)
		differ |= tag[i] ^ in[len + i];
	if (!differ)
		chacha(&c, in, len, out);
	explicit_bzero(&c, sizeof(c));
	explicit_bzero(tag, sizeof(tag));
	return differ ? -1 : 0;
}

/* Add a carry times 2^256, which is 38. If that carries in turn, by 1 or -1,
 * the lowest word is so small or so great that nothing is carried again. */
static void
numfold(uint32_t *a, int64_t carry)
{
	int i;

	for (carry *= 38, i = 0; i < 8; i++) {
		carry += a[i];
		a[i] = carry;
		carry >>= 32;
	}
	a[0] += 38 * carry;
}

/* o = a + sign * b */
static void
numadd(uint32_t *o, const uint32_t *a, int sign, const uint32_t *b)
{
	int64_t c = 0;
	int i;

	for (i = 0; i < 8; i++) {
		c += a[i] + sign * (int64_t)b[i];
		o[i] = c;
		c >>= 32;
	}
	numfold(o, c);
}

static void
nummul(uint32_t *o, const uint32_t *a, const uint32_t *b)
{
	uint32_t t[16] = { 0 };
	uint64_t c;
	int i, k;

	for (i = 0; i < 8; i++) {
		for (c = k = 0; k < 8; k++) {
			c += (uint64_t)a[i] * b[k] + t[i + k];
			t[i + k] = c;
			c >>= 32;
		}
		t[i + 8] = c;
	}
	for (c = i = 0; i < 8; i++) {
		c += (uint64_t)t[i + 8] * 38 + t[i];
		o[i] = c;
		c >>= 32;
	}
	numfold(o, c);
	explicit_bzero(t, sizeof(t));
}

/* Swap if swap is 1, in the same time if it is 0. */
static void
numswap(uint32_t *a, uint32_t *b, uint32_t swap)
{
	uint32_t t;
	int i;

	for (i = 0; i < 8; i++) {
		t = (a[i] ^ b[i]) & -swap;
		a[i] ^= t;
		b[i] ^= t;
	}
}

/* Reduce, subtracting 2^255 - 19 as often as it goes, and write. */
static void
numput(uint8_t *d, uint32_t *a)
{
	uint64_t c;
	int i, k;

	for (k = 0; k < 2; k++) {
		for (c = 19, i = 0; i < 7; i++)
			c = (c + a[i]) >> 32;
		c = ((c + a[7]) >> 31) * 19; /* >> 31: is a + 19 2^255? */
		for (i = 0; i < 8; i++) {
			c += a[i];
			a[i] = c;
			c >>= 32;
		}
		a[7] &= 0x7fffffff;
	}
	for (i = 0; i < 8; i++)
		putle4(d + 4 * i, a[i]);
}

/* Multiply a point of Curve25519 by a scalar; the names are RFC 7748's.
 * Returns -1 if the result is 0, as it is for a point of small order. */
static int
x25519(uint8_t *out, const uint8_t *scalar, const uint8_t *point)
{
	static const Num a24 = { 121665 };
	Num x1, v[8] = { { 1 }, { 0 }, { 0 }, { 1 } };
	uint32_t *x2 = v[0], *z2 = v[1], *x3 = v[2], *z3 = v[3];
	uint32_t *a = v[4], *b = v[5], *c = v[6], *d = v[7];
	uint8_t k[KeyLen], some = 0;
	int i, bit, swap = 0;

	memcpy(k, scalar, sizeof(k));
	k[0] &= 248; /* so nothing is left swapped at the end */
	k[31] = (k[31] & 127) | 64;
	for (i = 0; i < 8; i++)
		x1[i] = x3[i] = getle4(point + 4 * i);
	x1[7] = x3[7] &= 0x7fffffff;
	for (i = 254; i >= 0; i--) {
		bit = k[i / 8] >> i % 8 & 1;
		numswap(x2, x3, swap ^ bit);
		numswap(z2, z3, swap ^ bit);
		swap = bit;
		numadd(a, x2, 1, z2);
		numadd(b, x2, -1, z2);
		numadd(c, x3, 1, z3);
		numadd(d, x3, -1, z3);
		nummul(d, d, a); /* DA */
		nummul(c, c, b); /* CB */
		numadd(x3, d, 1, c);
		nummul(x3, x3, x3);
		numadd(z3, d, -1, c);
		nummul(z3, z3, z3);
		nummul(z3, z3, x1);
		nummul(a, a, a); /* AA */
		nummul(b, b, b); /* BB */
		nummul(x2, a, b);
		numadd(b, a, -1, b); /* E */
		nummul(z2, b, a24);
		numadd(z2, z2, 1, a);
		nummul(z2, z2, b);
	}
	memcpy(a, z2, sizeof(Num));
	for (i = 253; i >= 0; i--) { /* 1 / z2 = z2 ^ (2^255 - 21) */
		nummul(a, a, a);
		if (i != 2 && i != 4)
			nummul(a, a, z2);
	}
	nummul(x2, x2, a);
	numput(out, x2);
	for (i = 0; i < KeyLen; i++)
		some |= out[i];
	explicit_bzero(v, sizeof(v));
	explicit_bzero(k, sizeof(k));
	return some ? 0 : -1;
}

/* auth: keys, and what is sealed with them
 *
 *	 0             8      9     11
 *	+-------------+------+-----+- - - - - - - - - - -+---------+--------+
 *	| link, count | kind | len | public 32, cookie 8 | records | tag 16 |
 *	+-------------+------+-----+- - - - - - - - - - -+---------+--------+
 *
 * A sealed datagram is one record whose payload is encrypted: the records as
 * above, and zeros up to a multiple of 16 bytes. ChaCha20-Poly1305, RFC 8439:
 * the nonce is 4 bytes of 0 and the first 8 bytes, the tag covers all that is
 * in front of it. The kind has FlagSealed set; of those of a handshake a public
 * key stands before the records, and a cookie, which is 0 but in a confirm: in
 * an answer it is encrypted, see hellosend(). */
#define ROTL(x, b)  ((x) << (b) | (x) >> (64 - (b)))
#define SIPROUND do { \
	v0 += v1; v1 = ROTL(v1, 13); v1 ^= v0; v0 = ROTL(v0, 32); \
	v2 += v3; v3 = ROTL(v3, 16); v3 ^= v2; \
	v0 += v3; v3 = ROTL(v3, 21); v3 ^= v0; \
	v2 += v1; v1 = ROTL(v1, 17); v1 ^= v2; v2 = ROTL(v2, 32); \
} while (0)

static uint64_t
getle(const uint8_t *d)
{
	uint64_t v;

	memcpy(&v, d, sizeof(v));
	return le64toh(v);
}

/* SipHash-2-4, Aumasson and Bernstein 2012 */
static uint64_t
siphash(const uint8_t *key, const uint8_t *d, int len)
{
	uint64_t k0 = getle(key), k1 = getle(key + 8), m;
	uint64_t v0 = k0 ^ UINT64_C(0x736f6d6570736575);
	uint64_t v1 = k1 ^ UINT64_C(0x646f72616e646f6d);
	uint64_t v2 = k0 ^ UINT64_C(0x6c7967656e657261);
	uint64_t v3 = k1 ^ UINT64_C(0x7465646279746573);
	uint8_t last[8] = { 0 };
	int i, n = len / 8;

	memcpy(last, d + 8 * n, len % 8);
	last[7] = len;
	for (i = 0; i <= n; i++) {
		m = getle(i < n ? d + 8 * i : last);
		v3 ^= m;
		SIPROUND;
		SIPROUND;
		v0 ^= m;
	}
	v2 ^= 0xff;
	for (i = 0; i < 4; i++)
		SIPROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

/* Mix bytes, a multiple of 16, into a key: each step's result is the key of
 * the next one. All that is mixed in with one key has to be of one length. */
static void
fold(uint8_t *key, const uint8_t *d, int len)
{
	for (; len > 0; len -= 16, d += 16)
		hchacha(key, key, d);
}

/* Make of a key one for a use; the public keys are those of a handshake. */
static void
derive(uint8_t *key, int use, const uint8_t *client, const uint8_t *server,
       uint64_t cookie)
{
	uint8_t in[32 + 2 * KeyLen] = "udpbond";

	in[8] = use;
	put(in + 16, cookie, 8);
	memcpy(in + 32, client, KeyLen);
	if (server)
		memcpy(in + 32 + KeyLen, server, KeyLen);
	fold(key, in, sizeof(in));
}

/* Make the key for a use of both what the two ends have always shared and what
 * they have just agreed on: to know one of these is not enough. */
static void
combine(uint8_t *key, int use, const uint8_t *agreed, const uint8_t *client,
        const uint8_t *server, uint64_t cookie)
{
	uint8_t other[KeyLen];
	int i;

	memcpy(key, keys.master, KeyLen);
	memcpy(other, agreed, KeyLen);
	derive(key, use, client, server, cookie);
	derive(other, use, client, server, cookie);
	for (i = 0; i < KeyLen; i++)
		key[i] ^= other[i];
	explicit_bzero(other, sizeof(other));
}

/* Tell one thing that is wrong. Returns 1. */
#define bad(...) (warn(__VA_ARGS__), 1)

/* Read the key file: 64 hex digits, readable by its owner only. Returns 1 if
 * there is none. */
static int
keyload(void)
{
	struct stat st;
	char buf[2 * KeyLen + 3] = { 0 };
	int fd, n;

	if (!keyfile)
		return 0;
	nocore();
	if ((fd = open(keyfile, O_RDONLY | O_CLOEXEC)) < 0)
		return bad("keyfile: %s: copy it from the other host, or make "
		    "the first with udpbond -k:", keyfile);
	if (fstat(fd, &st) < 0)
		return bad("keyfile: stat %s:", keyfile);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return bad("keyfile: %s belongs to another user: chown root %s",
		    keyfile, keyfile);
	if (st.st_mode & 077)
		return bad("keyfile: %s can be read by others: chmod 600 %s",
		    keyfile, keyfile);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n < 0)
		return bad("keyfile: read %s:", keyfile);
	if (strspn(buf, "0123456789abcdefABCDEF") != 2 * KeyLen ||
	    n > 2 * KeyLen + 1 || (n > 2 * KeyLen && buf[2 * KeyLen] != '\n'))
		return bad("keyfile: %s is not 64 hex digits: make one with "
		    "udpbond -k", keyfile);
	for (n = 0; n < 2 * KeyLen; n++) /* of a letter, & 15 is 1 to 6 */
		keys.master[n / 2] = keys.master[n / 2] << 4 |
		    ((buf[n] & 15) + (buf[n] > '9' ? 9 : 0));
	explicit_bzero(buf, sizeof(buf));
	return 0;
}

/* Has seq been seen before, or is it too old to say? RFC 6479 */
static int
replayed(const Replay *w, uint64_t seq)
{
	if (seq > w->last)
		return 0;
	return w->last / 64 - seq / 64 >= ReplayWords ||
	    w->bits[seq / 64 % ReplayWords] >> seq % 64 & 1;
}

/* Returns 0 and marks seq as seen, or -1 if it was replayed. */
static int
replaycheck(Replay *w, uint64_t seq)
{
	uint64_t ahead;

	if (replayed(w, seq))
		return -1;
	if (seq > w->last) {
		ahead = MIN(seq / 64 - w->last / 64, ReplayWords);
		for (; ahead > 0; ahead--)
			w->bits[(seq / 64 - ahead + 1) % ReplayWords] = 0;
		w->last = seq;
	}
	w->bits[seq / 64 % ReplayWords] |= UINT64_C(1) << seq % 64;
	return 0;
}

/* Returns bytes of a datagram with len bytes of records. What is encrypted is
 * padded, but not beyond the MTU that every way has: a datagram that would just
 * fit, without that, must not get too big for a way not known well. */
static int
sealedlen(const Link *l, int len)
{
	int room = MIN(MtuBelieved, l->addr.mtu) - (l->addr.v6 ? 48 : 28) -
	    SealLen;

	return keyfile ? SealLen + MAX(len, MIN(room,
	    (len + Pad - 1) / Pad * Pad)) : len;
}

static void
noncemake(uint8_t *nonce, const uint8_t *d)
{
	memset(nonce, 0, NonceLen - 8);
	memcpy(nonce + NonceLen - 8, d, 8);
}

/* Write at o the datagram that has p's records, sealed, with what its kind has
 * in front of them. The header has the number of the link and a count that no
 * two datagrams under one key share. Returns its bytes. */
static int
seal(uint8_t *o, Pkt *p, const Link *l, int kind, Keys *k)
{
	int at = HdrLen + (kind == SealSession ? 0 : ShakeLen);
	int len = sealedlen(l, p->wirelen) - SealLen;
	uint8_t nonce[NonceLen];

	put(o, (uint64_t)(l - bond) << 56 | ++k->count, 8);
	put(o + 8, FlagSealed | kind, 1);
	put(o + 9, at - HdrLen + len + MacLen, 2);
	if (kind != SealSession) {
		memcpy(o + HdrLen, k->public, KeyLen);
		put(o + HdrLen + KeyLen, kind == SealConfirm ? k->cookie : 0,
		    CookieLen);
	}
	noncemake(nonce, o);
	memset(p->wire + p->wirelen, 0, len - p->wirelen);
	encipher(k->tx, nonce, o, at, p->wire, len, o + at);
	return at + len + MacLen;
}

/* Returns the kind of a sealed datagram, or -1: it is none. */
static int
sealedkind(const Pkt *p)
{
	int kind = p->wire[8] ^ FlagSealed;
	int least = SealLen + (kind == SealSession ? 0 : ShakeLen);

	return kind > SealConfirm || p->wirelen < least ||
	    get(p->wire + 9, 2) != (uint64_t)p->wirelen - HdrLen ? -1 : kind;
}

static uint64_t
sealedcount(const Pkt *p)
{
	return get(p->wire, 8) & UINT64_MAX >> 8;
}

/* Make of a sealed datagram, in its place, what was in it. Returns -1 if it is
 * of another key. */
static int
unseal(Pkt *p, const uint8_t *key)
{
	int at = HdrLen + (p->wire[8] == FlagSealed ? 0 : ShakeLen);
	uint8_t nonce[NonceLen], *d = p->wire + at;

	noncemake(nonce, p->wire);
	if (decipher(key, nonce, p->wire, at, d, p->wirelen - at, d) < 0)
		return -1;
	p->link = p->wire[0];
	p->shake = at > HdrLen ? p->wire + HdrLen : NULL;
	p->wire = d;
	p->wirelen -= at + MacLen;
	return 0;
}

/* The same with the keys of a session, once. Returns -1 and says why not. */
static int
unsealonce(Pkt *p, Keys *k, int *why)
{
	uint64_t count = sealedcount(p);

	if (replayed(&k->replay, count)) {
		*why = DropReplay;
		return -1;
	}
	if (unseal(p, k->rx) < 0)
		return -1;
	return replaycheck(&k->replay, count);
}

/* ip: places, parse a packet, checksums, changes to a header
 *
 * A packet in the tunnel goes from the client's side to the server's or back.
 * Inside are the addresses of the client's side, outside are all others but
 * those that lie nowhere, at neither side. */

static int
placeof(const uint8_t *addr, int v6)
{
	uint64_t a[2] = { 0 };
	const Net *n;

	memcpy(a, addr, v6 ? 16 : 4);
	for (n = nets.table; n->place != Outside; n++)
		if (n->v6 == v6 && !((a[0] ^ n->addr[0]) & n->mask[0]) &&
		    !((a[1] ^ n->addr[1]) & n->mask[1]))
			break;
	return n->place;
}

/* Append a list of addresses or networks; of addresses alone, if host is set,
 * even if they are written with the prefix length of a network. */
static void
netsadd(const char *list, int place, int host)
{
	struct sockaddr_storage ss;
	char buf[ListSize], *s, *at;
	const uint8_t *d;
	int i, len, bits = 0;
	Net *n = nets.table;

	while (n->place != Outside)
		n++;
	format(buf, sizeof(buf), "%s", list ? list : "");
	for (s = strtok_r(buf, " ", &at); s; s = strtok_r(NULL, " ", &at)) {
		if (parseprefix(s, &ss, &bits) < 0)
			parseaddr(s, 0, &ss);
		d = addrbytes(&ss, &len);
		memcpy(n->addr, d, len);
		for (i = 0; i < (host ? 8 * len : bits); i++)
			((uint8_t *)n->mask)[i / 8] |= 0x80 >> i % 8;
		n->v6 = len == 16;
		n++->place = place;
	}
}

/* Fill the table, the first match counts: addresses that are no host's, those
 * of the links unless they are public, the networks behind the client, and its
 * own addresses. */
static void
netsinit(void)
{
	const Link *l;

	memset(&nets, 0, sizeof(nets));
	nets.last[0].v6 = nets.last[1].v6 = -1; /* none */
	netsadd("0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 224.0.0.0/3 ::/127 "
	    "fe80::/10 ff00::/8", Nowhere, 0);
	for (l = bond; l; l = l->next) {
		netsadd(private(l->client) ? l->client : NULL, Nowhere, 1);
		netsadd(private(l->server) ? l->server : NULL, Nowhere, 1);
	}
	netsadd(lannets, Inside, 0);
	netsadd(clientaddr, Inside, 1);
}

/* Has the packet no business in the tunnel, in this direction? The peer must
 * not forge addresses, and a packet must not go round. Most have the addresses
 * of the one before. */
static int
martian(const uint8_t *d, int len, int toserver)
{
	int v6 = len > 0 && d[0] >> 4 == 6, size = v6 ? 16 : 4, from, to;
	const uint8_t *addrs = d + (v6 ? 8 : 12);

	if (len < (v6 ? 40 : 20) || (!v6 && d[0] >> 4 != 4))
		return 0; /* not an IP packet */
	if (nets.last[toserver].v6 == v6 &&
	    !memcmp(nets.last[toserver].addrs, addrs, 2 * size))
		return nets.last[toserver].is;
	from = placeof(addrs, v6);
	to = placeof(addrs + size, v6);
	memcpy(nets.last[toserver].addrs, addrs, 2 * size);
	nets.last[toserver].v6 = v6;
	nets.last[toserver].is = from == Nowhere || to == Nowhere ||
	    (lannets && (toserver ? from != Inside || to != Outside :
	    from != Outside || to != Inside));
	return nets.last[toserver].is;
}

/* Returns the offset behind the header, or -1 if it makes no sense. */
static int
ip4parse(const uint8_t *d, int len, Ip *ip)
{
	int off = (d[0] & 15) * 4;

	if (off < 20 || get(d + 2, 2) != (uint64_t)len || off > len)
		return -1;
	ip->dscp = d[1] >> 2;
	ip->proto = d[9];
	ip->frag = (get(d + 6, 2) & 0x3fff) != 0;
	return off;
}

/* The same behind extension headers: hop-by-hop, routing, destination options
 * and fragment, which ends the search. */
static int
ip6parse(const uint8_t *d, int len, Ip *ip)
{
	int nh = d[6], off = 40;

	if (get(d + 4, 2) + 40 != (uint64_t)len)
		return -1;
	ip->dscp = (d[0] & 15) << 2 | d[1] >> 6;
	while (!ip->frag && (nh == 0 || nh == 43 || nh == 60 || nh == 44)) {
		if (off + 8 > len)
			return -1;
		ip->frag = nh == 44;
		nh = d[off];
		off += ip->frag ? 8 : d[off + 1] * 8 + 8;
	}
	ip->proto = nh;
	return off <= len ? off : -1;
}

/* Find ports, flags and payload. Returns -1 if the TCP header is cut short. */
static int
l4parse(const uint8_t *t, Ip *ip)
{
	int tcp = ip->proto == IPPROTO_TCP, hdrlen;

	if (ip->frag || (!tcp && ip->proto != IPPROTO_UDP))
		return 0;
	if (ip->l4len >= 8) {
		ip->sport = get(t, 2);
		ip->dport = get(t + 2, 2);
	}
	if (!tcp)
		return 0;
	hdrlen = ip->l4len < 20 ? 0 : (t[12] >> 4) * 4;
	if (hdrlen < 20 || hdrlen > ip->l4len)
		return -1;
	ip->tcpflags = t[13];
	ip->payload = ip->l4len - hdrlen;
	return 0;
}

/* Hash n bytes of addresses, protocol and ports; keyed, so that outsiders
 * cannot choose collisions. */
static uint32_t
flowhash(const uint8_t *addrs, int n, const Ip *ip)
{
	uint32_t addr;
	uint64_t h;

	memcpy(&h, keys.secret, sizeof(h));
	h ^= (uint64_t)ip->sport << 24 ^ (uint64_t)ip->dport << 8 ^ ip->proto;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	for (; n > 0; n -= 4, addrs += 4) {
		memcpy(&addr, addrs, sizeof(addr));
		h = (h ^ h >> 32 ^ addr) * UINT64_C(0x9e3779b97f4a7c15);
	}
	return (h ^ h >> 29) >> 16;
}

/* Returns -1 if d is no IP packet. Fragments hash without ports, so that those
 * of one packet stay together. */
static int
ipparse(const uint8_t *d, int len, Ip *ip)
{
	int v4 = len >= 20 && d[0] >> 4 == 4, v6 = len >= 40 && d[0] >> 4 == 6;

	memset(ip, 0, sizeof(*ip));
	ip->l4 = v4 ? ip4parse(d, len, ip) : v6 ? ip6parse(d, len, ip) : -1;
	if (ip->l4 < 0)
		return -1;
	ip->l4len = len - ip->l4;
	if (l4parse(d + ip->l4, ip) < 0)
		return -1;
	ip->hash = flowhash(d + (v4 ? 12 : 8), v4 ? 8 : 32, ip);
	return 0;
}

/* One's complement sum of 16 bit words, RFC 1071: in the machine's own byte
 * order and 64 bits at a time, with the carries counted apart. */
static uint32_t
sum(const uint8_t *d, int len, uint32_t s)
{
	uint64_t t = 0, carry = 0, v;
	uint16_t h;

	for (; len >= 8; len -= 8, d += 8) {
		memcpy(&v, d, 8);
		t += v;
		carry += t < v;
	}
	t = (t & 0xffffffff) + (t >> 32) + carry;
	for (; len > 1; len -= 2, d += 2) {
		memcpy(&h, d, 2);
		t += h;
	}
	while (t >> 16)
		t = (t & 0xffff) + (t >> 16);
	s += ntohs(t);
	if (len)
		s += d[0] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static uint32_t
pseudosum(const uint8_t *d, int proto, int l4len)
{
	int v4 = d[0] >> 4 == 4;

	return sum(d + (v4 ? 12 : 8), v4 ? 8 : 32, proto + l4len);
}

/* Complete a checksum, at offset from start, that the kernel left partial. */
static void
sumfinish(uint8_t *d, int len, int start, int offset)
{
	uint32_t s;

	if (start + offset + 2 > len)
		return;
	s = ~sum(d + start, len - start, 0) & 0xffff;
	put(d + start + offset, s ? s : 0xffff, 2);
}

/* Set the length in an IP header, and the checksum of IPv4. */
static void
setiplen(uint8_t *d, int len)
{
	if (d[0] >> 4 == 6) {
		put(d + 4, len - 40, 2);
		return;
	}
	put(d + 2, len, 2);
	put(d + 10, 0, 2);
	put(d + 10, ~sum(d, (d[0] & 15) * 4, 0) & 0xffff, 2);
}

/* Change 16 bits at any offset of what a checksum covers, RFC 1624. */
static void
change16(uint8_t *d, int at, int value, uint8_t *check)
{
	int word = at & ~1, len = at & 1 ? 4 : 2;
	uint32_t old = sum(d + word, len, 0);

	put(d + at, value, 2);
	old = sum(d + word, len, (~get(check, 2) & 0xffff) + (~old & 0xffff));
	put(check, ~old & 0xffff, 2);
}

/* Lower the MSS in a SYN to what the tunnel carries. */
static void
ipclamp(uint8_t *d, const Ip *ip, int mtu)
{
	uint8_t *t = d + ip->l4, *o, *end;
	uint16_t mss;

	if (!(ip->tcpflags & TcpSyn))
		return;
	mss = mtu - 20 - (d[0] >> 4 == 4 ? 20 : 40);
	end = t + (t[12] >> 4) * 4;
	for (o = t + 20; o < end && *o; o += *o == 1 ? 1 : o[1]) {
		if (*o == 1)
			continue;
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			return;
		if (*o == 2 && o[1] == 4 && get(o + 2, 2) > mss) {
			change16(t, o + 2 - t, mss, t + 16);
			return;
		}
	}
}

/* Mark congestion experienced, RFC 3168. Returns 0 if the sender does not know
 * ECN. The IPv6 header has no checksum. */
static int
ipmark(uint8_t *d)
{
	int v4 = d[0] >> 4 == 4;

	if (!(d[1] & (v4 ? 0x03 : 0x30)))
		return 0;
	if (v4)
		change16(d, 0, get(d, 2) | 3, d + 10);
	else
		d[1] |= 0x30;
	return 1;
}

/* May an ICMP error answer the packet? Not if it is one, or a later fragment,
 * or not from one host to one, RFC 1122 and 4443. */
static int
answerable(const uint8_t *d, const Ip *ip)
{
	int type = ip->l4len > 0 ? d[ip->l4] : 0;
	int v4 = d[0] >> 4 == 4, n = v4 ? 4 : 16;
	const uint8_t *from = d + (v4 ? 12 : 8);

	if (!unicast(from, n) || !unicast(from + n, n) || (ip->frag &&
	    (v4 ? get(d + 6, 2) & 0x1fff : get(d + ip->l4 - 6, 2) >> 3)))
		return 0;
	if (ip->proto == IPPROTO_ICMPV6)
		return type >= 128;
	return ip->proto != IPPROTO_ICMP || !type || type == 8 || type > 12;
}

/* Tell in o the sender of d that the packet is too big, RFC 1191 and 4443. The
 * message comes from the packet's destination, as the TUN need not have an
 * address of that family. Returns its length. */
static int
icmptoobig(uint8_t *o, const uint8_t *d, int len, const Ip *ip, int mtu)
{
	int v4 = d[0] >> 4 == 4, l4 = v4 ? 20 : 40, olen;

	olen = v4 ? 28 + MIN(len, ip->l4 + 8) : MIN(48 + len, 1280);
	memset(o, 0, l4 + 8);
	if (v4) {
		o[0] = 0x45;
		o[8] = 64;
		o[9] = IPPROTO_ICMP;
		memcpy(o + 12, d + 16, 4);
		memcpy(o + 16, d + 12, 4);
		put(o + 20, 0x0304, 2);
		put(o + 26, mtu, 2);
	} else {
		o[0] = 0x60;
		o[6] = IPPROTO_ICMPV6;
		o[7] = 64;
		memcpy(o + 8, d + 24, 16);
		memcpy(o + 24, d + 8, 16);
		o[40] = 2;
		put(o + 44, mtu, 4);
	}
	setiplen(o, olen);
	memcpy(o + l4 + 8, d, olen - l4 - 8);
	put(o + l4 + 2, ~sum(o + l4, olen - l4, v4 ? 0 :
	    pseudosum(o, IPPROTO_ICMPV6, olen - l4)) & 0xffff, 2);
	return olen;
}

/* offload: what the kernel does for many packets at once
 *
 * Each is tried at start and given up, at start or later, when it does not
 * work: then each packet is handed over singly. */
static void
offloadfail(int what, int error)
{
	if (offload[what] != Running)
		return;
	offload[what] = Failed;
	errno = error;
	warn("offload: %s is off:", offname[what]);
}

#define LinkEra         (4 * peer.interval) /* some measurements long */
#define TunEra          Second /* many RTTs: retransmissions follow in it */

/* Is it off for a while? */
static int
resting(const Trial *t)
{
	return t->off && now < t->until;
}

/* Shall packets leave singly that otherwise would leave jointly? */
static int
singly(const Trial *t, int64_t era)
{
	return resting(t) || (t->trying && now / era % 2);
}

/* Some kernels and network cards lose or damage packets that are handed over
 * jointly. Where more than a quarter gets lost for an era, packets leave
 * jointly in the next and singly in the one after that, so that a bad time of
 * the link meets both: if hardly any are lost singly, jointly is off for a
 * while, longer each time. Returns for how many minutes. */
static int
judge(Trial *t, int64_t era)
{
	int64_t *sent = t->sent, *lost = t->lost, expected;
	int i, bad;

	for (i = 0; i < 2; i++)
		if (sent[i] > 32 * Sample) {
			sent[i] /= 2;
			lost[i] /= 2;
		}
	bad = MIN(sent[0], lost[0]) >= Sample && lost[0] > sent[0] / 4;
	/* would be lost singly if that made no difference */
	expected = lost[0] * sent[1] / MAX(sent[0], 1);
	if (!bad || !t->good)
		t->good = now;
	if (now < t->until || (!t->trying ? now - t->good < era :
	    bad ? expected < Sample : sent[0] < 4 * Sample))
		return 0;
	t->off = t->trying && bad && lost[1] < expected / 4;
	if (t->off)
		t->hold = CLAMP(2 * t->hold, Minute, 16 * Minute);
	t->trying = !t->trying;
	t->until = now + (t->trying ? 4 * era : t->off ? t->hold : Minute);
	sent[0] = sent[1] = lost[0] = lost[1] = t->good = 0;
	return t->off ? t->hold / Minute : 0;
}

static void
offloadprobe(void)
{
	int want[] = { tunsegment, tunsegment, udpsegment, udpgro };
	int has[OffLast] = { 0 }, fd, i;

	if ((fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC)) >= 0) {
		ioctl(fd, (int)TUNGETFEATURES, &tun.features);
		close(fd);
	}
	has[OffSegment] = has[OffCoalesce] = !!(tun.features & IFF_VNET_HDR);
	if ((fd = udpsocket(AF_INET, 0)) >= 0) {
		has[OffUdpSegment] = !setopt(fd, IPPROTO_UDP, UDP_SEGMENT, 0);
		has[OffUdpGro] = !setopt(fd, IPPROTO_UDP, UDP_GRO, 1);
		close(fd);
	}
	for (i = 0; i < OffLast; i++)
		offload[i] = !want[i] ? Disabled : !has[i] ? Absent : Running;
}

/* Say which are in use, for udpbond -t and -l. */
static void
offloads(Text *t)
{
	const Link *l;
	int i;

	text(t, "Offload -");
	for (i = 0; i < OffLast; i++)
		text(t, "%s %s: %s", i ? "," : "", offname[i],
		    i == OffCoalesce && resting(&gro.trial) ?
		    "off for a while" : offstate[offload[i]]);
	for (l = bond; l; l = l->next)
		if (resting(&l->out.trial))
			text(t, ", not UDP_SEGMENT on %s", l->name);
	text(t, "\n");
}

/* gso: what comes from the TUN is segmented, what goes there is coalesced
 *
 * The kernel's TCP hands over up to 64 kB at once, to be segmented as a
 * network card would do it, and takes as much: that saves most of the system
 * calls, and of the kernel's own work. Each segment still finds its way by
 * itself. Only packets that follow each other in one flow are coalesced, and
 * segmenting the result gives the same packets again, byte for byte. */

/* Append a packet that is no GSO packet. */
static void
single(const uint8_t *d, int len, const Vnet *v, Queue *q)
{
	Pkt *p = pktalloc();

	if (!p) {
		drops[DropPool]++;
		return;
	}
	memcpy(p->data, d, len);
	p->len = len;
	p->time = now;
	if (v->flags & VnetPartial)
		sumfinish(p->data, len, v->start, v->offset);
	if (ipparse(p->data, len, &p->ip) < 0)
		pktdrop(p, DropForm);
	else
		queueput(q, p);
}

/* Set lengths, numbers, flags and checksums of segment i of a GSO packet; at
 * is the offset of its payload in that of the whole. CWR is an event of RFC
 * 3168 or, with AccECN, a bit of a counter. In place of the checksum the
 * kernel has left the sum of the pseudo header. */
static void
segmentfix(Pkt *p, const Vnet *v, int i, int at, int last)
{
	int l4len = p->len - p->ip.l4, tcp = p->ip.proto == IPPROTO_TCP;
	uint8_t *d = p->data, *t = d + p->ip.l4, *sumat = t + (tcp ? 16 : 6);

	if (d[0] >> 4 == 4)
		put(d + 4, get(d + 4, 2) + i, 2);
	setiplen(d, p->len);
	if (tcp) {
		put(t + 4, get(t + 4, 4) + at, 4);
		if (!last)
			t[13] &= ~(TcpFin | TcpPsh);
		if (i > 0 && !(v->type & GsoAccEcn))
			t[13] &= ~TcpCwr;
		p->ip.tcpflags = t[13];
		p->ip.payload -= p->ip.l4len - l4len;
	} else {
		put(t + 4, l4len, 2);
	}
	put(sumat, sum(sumat, 2, (~p->ip.l4len & 0xffff) + l4len), 2);
	p->ip.l4len = l4len;
	sumfinish(d, p->len, p->ip.l4, sumat - t);
}

/* Parse a GSO packet. Returns bytes of its headers, or -1 if it makes no
 * sense. The kernel's hdrlen is not trusted. */
static int
gsoparse(const uint8_t *d, int len, const Vnet *v, Ip *ip)
{
	int udp, type, hdrlen;

	if (ipparse(d, len, ip) < 0 || ip->frag)
		return -1;
	udp = ip->proto == IPPROTO_UDP;
	type = udp ? GsoUdp : ip->proto != IPPROTO_TCP ? -1 :
	    d[0] >> 4 == 4 ? GsoTcp4 : GsoTcp6;
	hdrlen = udp ? ip->l4 + 8 : len - ip->payload;
	return v->flags & VnetPartial && v->size > 0 &&
	    (v->type & ~(GsoEcn | GsoAccEcn)) == type &&
	    hdrlen + v->size <= MtuMax && hdrlen < len ? hdrlen : -1;
}

/* Append the segments of a GSO packet. */
static void
segment(const uint8_t *d, int len, const Vnet *v, Queue *q)
{
	Ip ip;
	int hdrlen = gsoparse(d, len, v, &ip), at, n, i;
	Pkt *p;

	if (hdrlen < 0) {
		drops[DropForm]++;
		return;
	}
	for (i = 0, at = hdrlen; at < len; i++, at += n) {
		if (!(p = pktalloc())) {
			drops[DropPool]++;
			return;
		}
		n = MIN(v->size, len - at);
		p->len = hdrlen + n;
		p->time = now;
		p->ip = ip;
		memcpy(p->data, d, hdrlen);
		memcpy(p->data + hdrlen, d + at, n);
		segmentfix(p, v, i, at - hdrlen, at + n == len);
		queueput(q, p);
	}
}

/* tun: open, read and write the device */

/* Take GSO packets of TCP, and of UDP if the kernel has them. */
static void
tungso(void)
{
	unsigned long tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	tun.hdr = VnetLen;
	if (ioctl(tun.fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) < 0 &&
	    ioctl(tun.fd, TUNSETOFFLOAD, tcp) < 0)
		offloadfail(OffSegment, errno);
}

/* Give the TUN its nth address with prefix length, IPv4 or IPv6. Each IPv4
 * address needs a label of its own. */
static void
tunaddr(const char *s, int nth)
{
	struct { struct in6_addr addr; uint32_t prefix; int index; } ifr6;
	struct sockaddr_storage ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&ss;
	struct ifreq ifr = { 0 };
	int fd, prefix, v6;

	if (parseprefix(s, &ss, &prefix) < 0)
		die("%s: %s is not an address", tundev, s);
	v6 = ss.ss_family == AF_INET6;
	if ((fd = udpsocket(ss.ss_family, 0)) < 0)
		die("%s: address %s: socket:", tundev, s);
	if (format(ifr.ifr_name, sizeof(ifr.ifr_name), nth > 0 && !v6 ?
	    "%s:%d" : "%s", tundev, nth) >= IFNAMSIZ)
		die("%s: the name is too long for several addresses", tundev);
	if (v6) {
		ifr6.addr = sin6->sin6_addr;
		ifr6.prefix = prefix;
		ifr6.index = if_nametoindex(tundev);
	}
	memcpy(&ifr.ifr_addr, sin, sizeof(*sin));
	if (ioctl(fd, SIOCSIFADDR, v6 ? (void *)&ifr6 : &ifr) < 0)
		die("%s: set address %s:", tundev, s);
	if (!v6) {
		sin->sin_addr.s_addr = htonl(prefix ?
		    UINT32_C(0xffffffff) << (32 - prefix) : 0);
		memcpy(&ifr.ifr_netmask, sin, sizeof(*sin));
		if (ioctl(fd, SIOCSIFNETMASK, &ifr) < 0)
			die("%s: set netmask of %s:", tundev, s);
	}
	close(fd);
}

static void
tunopen(void)
{
	struct timespec pause = { 0, 50000000 };
	struct ifreq ifr = { 0 };
	char addrs[ListSize], *a, *at;
	int s, tries, n = 0;

	/* a full TUN makes its qdisc hold packets, not drop them */
	ifr.ifr_flags = IFF_TUN | IFF_NO_PI |
	    (tun.features & IFF_BACKPRESSURE) |
	    (offload[OffSegment] == Running ? IFF_VNET_HDR : 0);
	format(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tundev);
	tun.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun.fd < 0)
		die("open /dev/net/tun (is the tun module loaded?):");
	for (tries = 0; ioctl(tun.fd, TUNSETIFF, &ifr) < 0; tries++) {
		if (errno != EBUSY || tries == 20)
			die("tundev: cannot make %s (already there, or not "
			    "root?):", tundev);
		ppoll(NULL, 0, &pause, NULL); /* another may be ending */
	}
	if (offload[OffSegment] == Running)
		tungso();
	format(addrs, sizeof(addrs), "%s", role == Client ? clientaddr :
	    serveraddr);
	for (a = strtok_r(addrs, " ", &at); a; a = strtok_r(NULL, " ", &at))
		tunaddr(a, n++);
	if ((s = udpsocket(AF_INET, 0)) < 0)
		die("socket:");
	ifr.ifr_qlen = MAX(queuepkts, 500);
	if (ioctl(s, SIOCSIFTXQLEN, &ifr) < 0)
		warn("%s: set queue length:", tundev);
	if (ioctl(s, SIOCGIFFLAGS, &ifr) < 0)
		die("%s: get flags:", tundev);
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		die("%s: set up:", tundev);
	close(s);
}

/* Read a packet, or a GSO packet, and append what becomes of it to the queue.
 * Returns 0 if there was nothing. */
static int
tunread(Queue *q)
{
	static uint8_t buf[VnetLen + GsoMax];
	uint8_t *d = buf + tun.hdr;
	Vnet v = { 0 };
	int n = read(tun.fd, buf, tun.hdr + GsoMax) - tun.hdr;

	if (n <= 0) {
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			drops[DropTun]++;
		return 0;
	}
	memcpy(&v, buf, tun.hdr);
	if (martian(d, n, role == Client))
		drops[DropMartian]++;
	else if (v.type != GsoNone || n > MtuMax)
		segment(d, n, &v, q);
	else
		single(d, n, &v, q);
	return 1;
}

/* Write a packet behind an empty header. Returns 0 if the kernel refuses. */
static int
tunwrite(Pkt *p)
{
	memset(p->data - tun.hdr, 0, tun.hdr);
	if (write(tun.fd, p->data - tun.hdr, p->len + tun.hdr) >= 0)
		return 1;
	drops[DropTun]++;
	return 0;
}

/* gro: what goes to the TUN is coalesced, see gso */

/* Is it plain TCP with data? Coalescing would hide a wrong checksum, and CWR
 * would be lost when the result is segmented. */
static int
coalescable(const Pkt *p)
{
	const Ip *ip = &p->ip;
	const uint8_t *d = p->data, *t = d + ip->l4;
	int v4 = d[0] >> 4 == 4;

	return ip->proto == IPPROTO_TCP && !ip->frag && ip->payload > 0 &&
	    ip->l4 == (v4 ? 20 : 40) &&
	    (t[13] & ~(TcpPsh | TcpFin | TcpEce)) == TcpAck &&
	    (!v4 || sum(d, 20, 0) == 0xffff) &&
	    sum(t, ip->l4len, pseudosum(d, ip->proto, ip->l4len)) == 0xffff;
}

/* Do the IP headers differ in length and checksum only, and in an IPv4
 * identification that is n further? */
static int
sameip(const uint8_t *d, const uint8_t *e, int n)
{
	if (d[0] >> 4 == 6)
		return !memcmp(d, e, 4) && !memcmp(d + 6, e + 6, 34);
	return !memcmp(d, e, 2) && !memcmp(d + 6, e + 6, 4) &&
	    !memcmp(d + 12, e + 12, 8) &&
	    get(d + 4, 2) == ((get(e + 4, 2) + n) & 0xffff);
}

/* Do TCP headers of len bytes differ in seq, PSH, FIN and checksum only? */
static int
sametcp(const uint8_t *t, const uint8_t *u, int len)
{
	return !memcmp(t, u, 4) && !memcmp(t + 8, u + 8, 5) &&
	    !((t[13] ^ u[13]) & ~(TcpPsh | TcpFin)) &&
	    !memcmp(t + 14, u + 14, 2) && !memcmp(t + 18, u + 18, len - 18);
}

/* Is the packet the next after those held, and is there room for it? As in the
 * kernel's GRO, but window and TTL have to be the same, too. */
static int
follows(const Gro *g, const Pkt *p)
{
	const Pkt *o = g->pkts[0];
	const uint8_t *t = p->data + p->ip.l4, *u = o->data + o->ip.l4;
	int hdrlen = o->len - o->ip.payload;
	uint32_t seq = get(u + 4, 4) + g->len - hdrlen;

	return g->n < SegMax && g->len + p->ip.payload <= GsoMax &&
	    p->ip.l4 == o->ip.l4 && p->len - p->ip.payload == hdrlen &&
	    p->ip.payload <= o->ip.payload && get(t + 4, 4) == seq &&
	    sameip(p->data, o->data, g->n) &&
	    sametcp(t, u, hdrlen - o->ip.l4);
}

/* Write the packets held as one GSO packet. Returns 0 or an errno. */
static int
growrite(const Gro *g)
{
	const Pkt *p = g->pkts[0];
	int i, l4 = p->ip.l4, hdrlen = p->len - p->ip.payload;
	uint8_t hdr[VnetLen + 40 + 60], *d = hdr + VnetLen, *t = d + l4;
	struct iovec iov[1 + SegMax];
	Vnet v = {
		.flags = VnetPartial, .start = l4, .offset = 16,
		.type = p->data[0] >> 4 == 4 ? GsoTcp4 : GsoTcp6,
		.hdrlen = hdrlen, .size = p->ip.payload,
	};

	memcpy(hdr, &v, VnetLen);
	memcpy(d, p->data, hdrlen);
	t[13] |= g->pkts[g->n - 1]->data[l4 + 13];
	setiplen(d, g->len);
	put(t + 16, pseudosum(d, IPPROTO_TCP, g->len - l4), 2);
	iov[0] = (struct iovec){ hdr, VnetLen + hdrlen };
	for (i = 0; i < g->n; i++) {
		p = g->pkts[i];
		iov[1 + i] = (struct iovec){ p->data + hdrlen, p->ip.payload };
	}
	return writev(tun.fd, iov, 1 + g->n) < 0 ? errno : 0;
}

/* Count what is written of a TCP flow. What comes again has been lost, in the
 * way in which the flow's packets before were written. */
static void
grocount(const Gro *g, int single)
{
	const Pkt *p = g->pkts[0];
	int i = p->ip.hash & (Nflows - 1), minutes;
	uint32_t seq = get(p->data + p->ip.l4 + 4, 4);

	if (gro.flows[i].hash == p->ip.hash &&
	    (int32_t)(seq - gro.flows[i].next) < 0) {
		gro.trial.lost[gro.flows[i].singly] += g->n;
	} else {
		gro.flows[i].hash = p->ip.hash;
		gro.flows[i].next = seq + g->len - p->len + p->ip.payload;
	}
	if (g->n > 1) {
		gro.flows[i].singly = single;
		gro.trial.sent[single] += g->n;
	}
	if ((minutes = judge(&gro.trial, TunEra)))
		warn("offload: %s is off for %d min: packets get lost",
		    offname[OffCoalesce], minutes);
}

/* Write what is held. If the kernel refuses a GSO packet, write its packets
 * singly. EINVAL, or three refusals in a row, turns coalescing off. */
static void
groflush(Gro *g)
{
	int i, error = 0, taken = 0, single = singly(&gro.trial, TunEra);

	if (g->n > 0 && offload[OffCoalesce] == Running &&
	    g->pkts[0]->ip.tcpflags && g->pkts[0]->ip.payload > 0)
		grocount(g, single);
	if (g->n > 1 && !single) {
		error = growrite(g);
		gro.errors = error ? gro.errors + 1 : 0;
	}
	for (i = 0; i < g->n; i++) {
		if (g->n == 1 || single || error)
			taken += tunwrite(g->pkts[i]);
		pktfree(g->pkts[i]);
	}
	g->n = 0;
	if (error && taken && (error == EINVAL || gro.errors >= 3))
		offloadfail(OffCoalesce, error);
}

static void
groflushall(void)
{
	Gro *g;

	for (g = gro.by; g < gro.by + Ngros; g++)
		groflush(g);
}

/* Write a packet to the TUN. One that can be coalesced waits for those behind
 * it until the end of the turn, any other goes behind what is held of its
 * flow. */
static void
deliver(Pkt *p)
{
	Gro *g;
	int able = 0;

	if (martian(p->data, p->len, role == Server)) {
		pktdrop(p, DropMartian);
		return;
	}
	if (ipparse(p->data, p->len, &p->ip) == 0) {
		ipclamp(p->data, &p->ip, tun.mtu);
		able = offload[OffCoalesce] == Running && coalescable(p);
	}
	g = &gro.by[p->ip.hash & (Ngros - 1)];
	if (g->n > 0 && (!able || !follows(g, p)))
		groflush(g);
	g->len = g->n > 0 ? g->len + p->ip.payload : p->len;
	g->pkts[g->n++] = p;
	if (!able || p->ip.payload < g->pkts[0]->ip.payload ||
	    p->ip.tcpflags & (TcpPsh | TcpFin))
		groflush(g);
}

/* survey: what selection has to know of all links
 *
 * Only heartbeats, reports, MTUs and changes of state alter it, so it is made
 * anew in the turn in which one of these has come, and not for each packet. */

/* Returns bytes of the largest packet that the link carries. */
static int
linkpayload(const Link *l)
{
	return l->addr.mtu - (l->addr.v6 ? 48 : 28) - HdrLen - OrderLen -
	    (keyfile ? SealLen : 0);
}

static int
linkworks(const Link *l)
{
	return l->state >= LinkUp && l->fd >= 0;
}

static int
backup(const Link *l)
{
	return l->prio >= Backup;
}

/* Does the link work, and does the packet fit? NULL is any packet. One that
 * stalls does not, unless all do, nor does a backup while another works. */
static int
usable(const Link *l, const Pkt *p)
{
	return linkworks(l) && (!l->flight.stalled || survey.stalled) &&
	    (!backup(l) || survey.backup) &&
	    (!p || p->len <= linkpayload(l));
}

/* Is the link fit for ordered packets: as fast as OrderedMin, or half as fast
 * as the fastest link? A slower one would hold up its flow. */
static int
carries(const Link *l)
{
	return l->pace.rate >= survey.slowest;
}

/* Returns bit/s that the link may carry: one that has not been used since some
 * time may have become faster. */
static double
assumed(const Link *l, int64_t since)
{
	double idle = (now - since) / (double)RateAge;
	double rate = l->pace.rate * CLAMP(idle, 1, 16);

	return l->pace.ceil[0] ? MIN(rate, l->pace.ceil[0]) : rate;
}

/* Find the group of links for heavy flows, those up to some delay: to be twice
 * as fast is worth four times the delay. See rankheavy(), which must admit
 * what counts here. */
static void
surveygroup(Link **bydelay, int n)
{
	double rate = 0, most = 0, worth;
	Link *l;
	int i;

	for (i = 0; i < n; i++) {
		l = bydelay[i];
		rate += assumed(l, l->beats.data);
		worth = rate * rate / (l->delay.way - bydelay[0]->delay.way +
		    bydelay[0]->delay.rtt / 2 + SameDelay);
		if (worth > most) {
			most = worth;
			survey.groupdelay = l->delay.way;
		}
	}
	survey.step = survey.best &&
	    survey.best->delay.way < survey.groupdelay - SameDelay;
	survey.groupscore = INT_MAX / 2;
	for (i = 0; i < n; i++) {
		l = bydelay[i];
		if (!carries(l))
			continue;
		if (!survey.light || l->score < survey.light->score)
			survey.light = l;
		if (llabs(l->delay.way - survey.groupdelay) <= SameDelay)
			survey.groupscore = MIN(survey.groupscore, l->score);
	}
}

/* Count bytes of an express packet. Returns bit/s of such in the last second,
 * with older ones weighing less. */
static int64_t
expressrate(int len)
{
	double part = MIN(now - queues.counted, Second) / (double)Second;

	queues.recent += len - queues.recent * part;
	queues.counted = now;
	return queues.recent * 8;
}

/* Choose the link that is to have no queue, if another one of the n that work
 * can carry the rest, and the part of it that express packets need: twice what
 * they took lately. */
static void
surveyquick(int n)
{
	Link *l;

	if (n > 1 && (survey.step || expressrate(0) > Interactive))
		survey.quick = survey.best;
	for (l = bond; l; l = l->next)
		l->pace.percent = satpercent;
	if (survey.quick && now - queues.lastexpress < Pause)
		survey.quick->pace.percent = 100 - CLAMP(200 * expressrate(0) /
		    survey.quick->pace.rate, 5, 40);
}

/* Returns the place in s for a number, %d, or NULL. */
static const char *
numberin(const char *s)
{
	while (s && *s && (s[0] != '%' || s[1] != 'd'))
		s++;
	return s && *s ? s : NULL;
}

/* Is it a row of one link, of one for each number in place of %d, or of one
 * for each device whose name is like that? */
static int
rowkind(const Linkconf *c)
{
	return !c->device ? RowPlain : numberin(c->device) ? RowNumber :
	    strpbrk(c->device, "*?[") ? RowGlob : RowPlain;
}

/* Returns the first link of the row. */
static Link *
firstof(const Link *l)
{
	return &bond[l - bond - l->number];
}

/* Does a server talk over this link by the socket of the first in its row? The
 * devices are the client's. */
static int
shares(const Link *l)
{
	return role == Server && l->number && rowkind(l->conf) == RowGlob;
}

/* Is this the link that has that socket? */
static int
serves(const Link *l)
{
	return role == Server && !l->number && rowkind(l->conf) == RowGlob;
}

/* Chain the links in use, and number what is polled. */
static void
linkchain(void)
{
	Link *l, *last = NULL;

	loop.links = 0;
	for (l = bond; l < bond + LEN(bond); l++) {
		if (!l->inuse)
			continue;
		if (last)
			last->next = l;
		l->next = NULL;
		l->pfd = PfdLink + loop.links++;
		last = l;
	}
	rx.turn = rx.second = NULL;
}

/* Returns the next link in use after this one, in turn; NULL is the first. */
static Link *
linkafter(Link *l)
{
	l = l ? l : bond;
	return l->next ? l->next : bond;
}

/* Note that a link is of use: its heartbeats are not slow then. */
static void
linkused(Link *l)
{
	l->used = now;
	if (l->beats.slow)
		loop.nextbeat = now;
}

/* Find the best link, and so the spare ones: what is worse by more than
 * saturation counts, and backups, while there is another. */
static void
surveyspare(void)
{
	const Link *b;
	Link *l;

	survey.stalled = survey.backup = 1;
	for (l = bond; l; l = l->next) {
		if (!linkworks(l) || l->flight.stalled)
			continue;
		survey.stalled = 0;
		survey.backup &= backup(l);
	}
	for (l = bond; l; l = l->next)
		if (usable(l, NULL) && (!survey.best ||
		    l->score < survey.best->score))
			survey.best = l;
	b = survey.best;
	for (l = bond; l; l = l->next) {
		l->spare = (backup(l) && !(b && backup(b))) ||
		    (b && l->score > b->score + satweight);
		if (!l->spare)
			linkused(l);
	}
}

static void
surveylinks(void)
{
	Link *bydelay[LEN(bond)], *l;
	int64_t most;
	int i, n = 0;

	memset(&survey, 0, sizeof(survey));
	surveyspare();
	survey.slowest = RateMin;
	for (l = bond; l; l = l->next) {
		if (!usable(l, NULL))
			continue;
		l->delay.way = least(&l->delay.base);
		survey.payload = MAX(survey.payload, linkpayload(l));
		if (l->spare)
			continue;
		for (i = n++; i > 0 &&
		    bydelay[i - 1]->delay.way > l->delay.way; i--)
			bydelay[i] = bydelay[i - 1];
		bydelay[i] = l;
		if (!survey.quickest ||
		    l->delay.srtt < survey.quickest->delay.srtt)
			survey.quickest = l;
		survey.rate += l->pace.rate;
		most = l->pace.rate < OrderedMin ? l->pace.rate / 2 :
		    OrderedMin;
		survey.slowest = MAX(survey.slowest, most);
	}
	surveygroup(bydelay, n);
	surveyquick(n);
	queues.peak = MAX(queues.peak, survey.rate);
}

/* link: sockets to the peer, their MTU, batches of datagrams */

/* Claim a log line: one each 6 s, ten saved up. Returns 0 if there is none. */
static int
claimline(Log *log, const char *name)
{
	if (spend(&log->clock, Minute / 10, Minute / 10 * 9) < 0) {
		log->left++;
		return 0;
	}
	if (log->left > 0)
		logmsg("%s: %d lines were left out", name, log->left);
	log->left = 0;
	return 1;
}

/* Give the TUN the MTU that fits through every link. */
static void
tunmtu(void)
{
	struct ifreq ifr = { 0 };
	int s, told, mtu = MtuMax;
	const Link *l;

	for (l = bond; l; l = l->next)
		mtu = MIN(mtu, linkpayload(l));
	if (tun.fd < 0 || mtu == tun.mtu)
		return;
	told = claimline(&peer.log, tundev);
	format(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tundev);
	ifr.ifr_mtu = mtu;
	s = udpsocket(AF_INET, 0);
	if ((s < 0 || ioctl(s, SIOCSIFMTU, &ifr) < 0) && told)
		warn("%s: set mtu %d:", tundev, mtu);
	else if (told)
		logmsg("%s: mtu %d", tundev, mtu);
	if (told && mtu < 1280 &&
	    strchr(role == Client ? clientaddr : serveraddr, ':'))
		warn("%s: mtu %d: IPv6 needs 1280, the kernel has taken its "
		    "addresses off", tundev, mtu);
	if (s >= 0)
		close(s);
	tun.mtu = mtu;
}

/* bytes of a question to rtnetlink, without attributes */
enum {
	AskLink = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
	AskRoute = NLMSG_LENGTH(sizeof(struct rtmsg))
};

/* Append an attribute. */
static void
rtput(Rtmsg *m, int type, const void *d, int len)
{
	struct rtattr *a = (void *)((char *)m + m->head.nlmsg_len);

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), d, len);
	m->head.nlmsg_len += RTA_SPACE(len);
}

/* Returns an attribute of an answer, a number, or 0 if there is none. */
static uint32_t
rtget(const Rtmsg *m, int attr)
{
	const struct rtattr *a = (const void *)((const char *)m + AskRoute);
	int n = (int)m->head.nlmsg_len - AskRoute;
	uint32_t value;

	for (; RTA_OK(a, n); a = RTA_NEXT(a, n))
		if (a->rta_type == attr && a->rta_len == RTA_LENGTH(4)) {
			memcpy(&value, RTA_DATA(a), sizeof(value));
			return value;
		}
	return 0;
}

/* Ask the kernel, which answers at once. Returns what rtget() does. */
static uint32_t
rtask(Rtmsg *m, int attr)
{
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int n;

	if (sendto(rtnetlink, m, m->head.nlmsg_len, MSG_DONTWAIT, NULL, 0) < 0)
		return 0;
	n = recvmsg(rtnetlink, &mh, MSG_DONTWAIT);
	m->head.nlmsg_len = MAX(n, 0);
	return m->head.nlmsg_type == RTM_NEWROUTE ? rtget(m, attr) : 0;
}

/* Ask for the route to an address: from one unless that is NULL, by a device
 * unless that is 0. By IPv6 the kernel would take another device for the sake
 * of a source address. Returns what rtget() does. */
static uint32_t
rtroute(Rtmsg *m, const struct sockaddr_storage *to,
        const struct sockaddr_storage *from, int index, int flags, int attr)
{
	int len;
	const uint8_t *d = addrbytes(to, &len);

	if (len == 16 && index)
		from = NULL;
	*m = (Rtmsg){
		.head = { AskRoute, RTM_GETROUTE, NLM_F_REQUEST, 0, 0 },
		.body.route.rtm_family = len == 4 ? AF_INET : AF_INET6,
		.body.route.rtm_dst_len = 8 * len,
		.body.route.rtm_src_len = from ? 8 * len : 0,
		.body.route.rtm_flags = flags
	};
	rtput(m, RTA_DST, d, len);
	if (from)
		rtput(m, RTA_SRC, addrbytes(from, &len), len);
	if (index)
		rtput(m, RTA_OIF, &index, sizeof(index));
	return rtask(m, attr);
}

/* Returns the MTU of the device by which the link's packets leave, or 0 if it
 * is not known. No ICMP message alters it. Asked in a way that needs no lock of
 * the kernel's, see found. */
static int
devicemtu(const Link *l)
{
	const Addr *a = &l->addr;
	struct ifreq ifr = { 0 };
	Rtmsg route;

	format(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", l->device);
	if (role == Server || !*l->device) {
		ifr.ifr_ifindex = rtroute(&route, a->peerlen ? &a->peer :
		    &a->remote, a->any ? NULL : &a->local, 0, 0, RTA_OIF);
		if (ioctl(rtnetlink, SIOCGIFNAME, &ifr) < 0)
			return 0;
	}
	return ioctl(rtnetlink, SIOCGIFMTU, &ifr) < 0 ? 0 : ifr.ifr_mtu;
}

/* Returns the MTU of the route to the peer, or 0 if it is not known. The
 * kernel tells it of connected sockets only, and a server's is not. */
static int
routemtu(const Link *l)
{
	const Addr *a = &l->addr;
	const struct sockaddr_storage *to = a->peerlen ? &a->peer : &a->remote;
	int fd = l->fd, error, mtu;
	socklen_t len = sizeof(mtu);

	if (role == Server && (!to->ss_family ||
	    (fd = udpsocket(to->ss_family, 0)) < 0))
		return 0;
	if (role == Server)
		connect(fd, (const struct sockaddr *)to, sizeof(*to));
	error = getsockopt(fd, a->v6 ? SOL_IPV6 : SOL_IP,
	    a->v6 ? IPV6_MTU : IP_MTU, &mtu, &len);
	if (fd != l->fd)
		close(fd);
	return error ? 0 : mtu;
}

/* Say what may lower the MTU: the values for IPv6 are those of IPv4. */
static void
mtudiscover(int fd, const Addr *a, int how)
{
	if (a->v6)
		setopt(fd, SOL_IPV6, IPV6_MTU_DISCOVER, how);
	setopt(fd, SOL_IP, IP_MTU_DISCOVER, how);
}

/* Learn the link's MTU. Anybody can forge the ICMP message that lowers that of
 * a route: without a key none is believed, with one none that takes the IPv6
 * addresses off the TUN. */
static void
linkmtu(Link *l)
{
	int mtu = keyfile ? routemtu(l) : devicemtu(l), least = MtuBelieved;

	if (strchr(role == Client ? clientaddr : serveraddr, ':'))
		least += l->addr.mtu - linkpayload(l);
	if (keyfile && mtu && mtu < least) {
		mtudiscover(l->fd, &l->addr, IP_PMTUDISC_PROBE);
		mtu = devicemtu(l);
		mtu = l->addr.mtu ? MIN(l->addr.mtu, mtu) : mtu;
	}
	if (mtu < MtuMin || mtu == l->addr.mtu)
		return;
	if (l->addr.mtu && claimline(&l->log, l->name))
		logmsg("link %s: mtu %d, was %d", l->name, mtu, l->addr.mtu);
	l->addr.mtu = mtu;
	tunmtu();
	surveylinks();
}

/* Drop what is still waiting to be sent. */
static void
linkdrop(Link *l, int why)
{
	while (l->out.n > 0)
		pktdrop(l->out.pkts[--l->out.n], why);
	l->out.bytes = 0;
}

/* Set the socket, for those too that share it. */
static void
linkfd(Link *l, int fd)
{
	Link *o;

	l->fd = fd;
	for (o = l->next; o && shares(o) && firstof(o) == l; o = o->next)
		o->fd = fd;
}

static void
linkclose(Link *l)
{
	linkdrop(l, DropSend);
	if (l->fd >= 0 && !shares(l))
		close(l->fd);
	if (l->guard >= 0)
		close(l->guard);
	linkfd(l, -1);
	l->guard = -1;
}

static void
linkoptions(int fd, const Addr *a)
{
	if (a->v6)
		setopt(fd, SOL_IPV6, IPV6_V6ONLY, !a->any);
	mtudiscover(fd, a, keyfile ? IP_PMTUDISC_DO : IP_PMTUDISC_INTERFACE);
	setopt(fd, SOL_IP, IP_FREEBIND, 1);
	if (setopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20) < 0)
		setopt(fd, SOL_SOCKET, SO_RCVBUF, 4 << 20);
	if (offload[OffUdpGro] == Running)
		setopt(fd, IPPROTO_UDP, UDP_GRO, 1);
}

/* Returns a socket bound to the link's own address, and to its device unless
 * that is NULL, or -1. Sets what failed. */
static int
linksocket(const Addr *a, const char *device, const char **what)
{
	int fd, error;

	*what = "socket";
	if ((fd = udpsocket(a->local.ss_family, SOCK_NONBLOCK)) < 0)
		return -1;
	linkoptions(fd, a);
	if (role == Client && !keyfile) /* two of one user may share a port */
		setopt(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
	    strlen(device) + 1) < 0)
		*what = "device";
	else if (bind(fd, (const struct sockaddr *)&a->local,
	    sizeof(a->local)) < 0)
		*what = "bind";
	else
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Open a new socket; with a key a client's has any port. Without one no other
 * user may have that port, not even on another device: a second socket without
 * a device sees to that. Log a failure that differs from the last one. The
 * link stays down then and is tried again. */
static void
linkopen(Link *l)
{
	const char *device = role == Client && *l->device ? l->device : NULL;
	const char *what;
	Addr *a = &l->addr;
	int fd = -1, error;

	linkclose(l);
	if (!l->present && !serves(l))
		return;
	l->reopen = now + Reopen;
	l->beats.n = 0;
	loop.nextbeat = 0;
	memset(&l->out.trial, 0, sizeof(l->out.trial));
	if (shares(l)) {
		l->fd = firstof(l)->fd;
		return;
	}
	if (device && !keyfile &&
	    (l->guard = linksocket(a, NULL, &what)) < 0)
		goto err;
	if ((fd = linksocket(a, device, &what)) < 0)
		goto err;
	what = "connect";
	if (role == Client) {
		a->peer = a->remote;
		a->peerlen = sizeof(a->peer);
		if (connect(fd, (struct sockaddr *)&a->peer, a->peerlen) < 0)
			goto err;
	}
	linkfd(l, fd);
	if (l->log.error && claimline(&l->log, l->name))
		logmsg("link %s: open", l->name);
	l->log.error = 0;
	linkmtu(l);
	surveylinks();
	return;
err:
	error = errno;
	if (error == EADDRINUSE) /* an instance is just ending */
		l->reopen = now + peer.interval;
	if (error != l->log.error && claimline(&l->log, l->name)) {
		errno = error;
		warn("link %s: %s:", l->name, what);
	}
	l->log.error = error;
	l->fd = fd;
	linkclose(l);
	surveylinks();
}

/* Returns bytes of the headers that a datagram gets on its way. */
static int
wireoverhead(const Link *l)
{
	return (l->addr.v6 ? 48 : 28) + linkoverhead;
}

/* Returns ns that the bytes take at the pacer's rate. */
static int64_t
airtime(const Pace *p, int64_t bytes)
{
	return bytes * 8 * Second / p->rate;
}

/* Run the pacer's clocks ahead by the time that the bytes take. */
static void
charge(Pace *p, int bytes)
{
	int64_t ns = airtime(p, bytes);

	survey.known = 0;
	p->clock = MAX(p->clock, now) + ns;
	p->satclock = MAX(p->satclock, now) + ns * 100 / p->percent;
	p->satclock = MIN(p->satclock, p->clock + BurstMax);
	if (p->satclock > now + p->burst)
		p->busy = now;
}

/* Note a sign of why the link has no answer. */
static void
sign(Link *l, int kind, const struct sockaddr_storage *from)
{
	l->fault.at[kind] = now;
	l->fault.from = *from;
}

/* Note what an ICMP message said, for which the kernel gives an error. */
static void
signicmp(Link *l, int error)
{
	if (error == ECONNREFUSED || error == EHOSTUNREACH)
		sign(l, error == ECONNREFUSED ? SignRefused : SignRejected,
		    &l->addr.remote);
}

/* Learn from an error of sending, which the caller counts. */
static void
linkerror(Link *l, int error)
{
	if (error == EMSGSIZE) {
		linkmtu(l);
		return;
	}
	if (error != l->log.error && claimline(&l->log, l->name)) {
		errno = error;
		logmsg("link %s: send:", l->name);
	}
	signicmp(l, error);
	l->fault.failed = now;
	if (error == ENODEV || error == ENXIO || error == EADDRNOTAVAIL)
		l->reopen = MIN(l->reopen, now + Second);
	l->log.error = error;
}

/* The kernel refused a segmented message, because of the device or of one
 * datagram: send singly for a while, so that each gets its own error. */
static void
linksingle(Link *l, int error)
{
	if (!resting(&l->out.trial) && claimline(&l->log, l->name)) {
		errno = error;
		logmsg("link %s: UDP_SEGMENT is off for a while:", l->name);
	}
	l->out.trial.off = 1;
	l->out.trial.until = now + Retry;
	linkmtu(l);
}

/* Returns how many datagrams, from the given one on, go in one message for the
 * kernel to segment: they have one size, only the last may be shorter. */
static int
segments(const Link *l, const struct iovec *iov, int from)
{
	const struct iovec *v = &iov[from];
	size_t size = v[0].iov_len;
	int n;

	if (offload[OffUdpSegment] != Running ||
	    singly(&l->out.trial, LinkEra))
		return 1;
	for (n = 1; from + n < l->out.n && n < SegMax - 1; n++)
		if (v[n - 1].iov_len != size || v[n].iov_len > size ||
		    n * size + v[n].iov_len > GsoMax - 48)
			break;
	return n;
}

/* Tell the kernel to segment a message. */
static void
setsegment(struct msghdr *m, Segment *seg, uint16_t size)
{
	struct cmsghdr *c;

	memset(seg, 0, sizeof(*seg));
	m->msg_control = seg;
	m->msg_controllen = CMSG_SPACE(sizeof(size));
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

/* Returns bytes of each datagram in a message that may be coalesced. The size
 * is an int here; for sending it is 16 bits. */
static int
getsegment(struct msghdr *m, int len)
{
	struct cmsghdr *c;
	int size = 0;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
			memcpy(&size, CMSG_DATA(c), sizeof(size));
	return size > 0 ? size : MAX(len, 1);
}

static uint8_t sealed[Batch][PktSize]; /* what linkmsgs() has sealed */

/* Make messages of what waits; the i-th has n[i] datagrams. Returns how many
 * messages there are. */
static int
linkmsgs(Link *l, struct mmsghdr *mm, struct iovec *iov, Segment *seg, int *n)
{
	struct msghdr *m;
	int i, k, from;
	Pkt *p;

	for (i = 0; i < l->out.n; i++) {
		p = l->out.pkts[i];
		iov[i] = (struct iovec){ p->wire, p->wirelen };
		if (keyfile)
			iov[i] = (struct iovec){ sealed[i], seal(sealed[i], p,
			    l, SealSession, &peer.session.keys) };
	}
	for (from = k = 0; from < l->out.n; from += n[k++]) {
		n[k] = segments(l, iov, from);
		m = &mm[k].msg_hdr;
		*m = (struct msghdr){
			.msg_iov = &iov[from], .msg_iovlen = n[k]
		};
		if (role == Server) {
			m->msg_name = &l->addr.peer;
			m->msg_namelen = l->addr.peerlen;
		}
		if (n[k] > 1)
			setsegment(m, &seg[k], iov[from].iov_len);
	}
	return k;
}

static void
linksent(Link *l, Pkt *p)
{
	l->meter.tx.pkts++;
	l->meter.tx.bytes += sealedlen(l, p->wirelen);
	l->out.bytes -= sealedlen(l, p->wirelen);
	pktfree(p);
}

/* Send what waits. A full socket or device keeps the rest for later and stops
 * the pacer for a while. Any other error proves nothing about the link, so it
 * is counted; ECONNREFUSED and the like may belong to a datagram sent before,
 * so each message is tried twice. */
static void
linkflush(Link *l)
{
	struct mmsghdr mm[Batch];
	struct iovec iov[Batch];
	Segment seg[Batch];
	int n[Batch], i, k, m, at = 0, done = 0, tries = 0, single = 0;
	Out *o = &l->out;

	m = linkmsgs(l, mm, iov, seg, n);
	while (at < m) {
		i = sendmmsg(l->fd, mm + at, m - at, MSG_DONTWAIT);
		if (i > 0) {
			for (; i > 0; i--, at++) {
				for (k = 0; k < n[at]; k++)
					linksent(l, o->pkts[done++]);
				l->meter.tx.joint[0] += n[at] > 1 ? n[at] : 0;
			}
			tries = 0;
			continue;
		}
		if (errno == EAGAIN || errno == ENOBUFS) {
			l->pace.clock = MAX(l->pace.clock, now +
			    l->pace.burst + Burst);
			break;
		}
		if (errno == EINTR || tries++ == 0)
			continue;
		if (n[at] > 1) {
			single = errno;
			break;
		}
		linkerror(l, errno);
		o->bytes -= sealedlen(l, o->pkts[done]->wirelen);
		pktdrop(o->pkts[done++], DropSend);
		at++;
		tries = 0;
	}
	if (done > 1 && singly(&o->trial, LinkEra))
		l->meter.tx.joint[1] += done;
	o->n -= done;
	o->bytes = o->n ? o->bytes : 0; /* the MTU may have changed */
	memmove(o->pkts, o->pkts + done, o->n * sizeof(o->pkts[0]));
	if (single) {
		linksingle(l, single);
		linkflush(l);
	}
}

/* Take the datagram over, to be sent at the end of the turn. Small records
 * that meet here share a datagram, for which one that is kept is copied. */
static void
linksend(Link *l, Pkt *p)
{
	Pkt *o = l->out.n > 0 ? l->out.pkts[l->out.n - 1] : NULL, *q;
	int size = sealedlen(l, p->wirelen);

	linkused(l);
	if (o && pool.refs[o - pool.pkts] == 1 && p->wirelen <= Small &&
	    o->wirelen + p->wirelen <= tun.mtu) {
		memcpy(o->wire + o->wirelen, p->wire, p->wirelen);
		size = sealedlen(l, o->wirelen + p->wirelen) -
		    sealedlen(l, o->wirelen);
		o->wirelen += p->wirelen;
		l->out.bytes += size;
		charge(&l->pace, size);
		pktfree(p);
		return;
	}
	if (l->out.n == Batch)
		linkflush(l);
	if (l->out.n == Batch) {
		pktdrop(p, DropSend);
		return;
	}
	if (p->wirelen <= Small && pool.refs[p - pool.pkts] > 1 &&
	    (q = pktalloc())) {
		q->wire = q->buf;
		q->wirelen = p->wirelen;
		q->class = p->class;
		memcpy(q->wire, p->wire, p->wirelen);
		pktfree(p);
		p = q;
	}
	l->out.pkts[l->out.n++] = p;
	l->out.bytes += size;
	charge(&l->pace, size + wireoverhead(l));
}

/* Append a datagram that came; one that is too long counts as empty. */
static void
received(const uint8_t *d, int len, const struct sockaddr_storage *from,
         Queue *q)
{
	Pkt *p = pktalloc();

	if (!p) {
		drops[DropPool]++;
		return;
	}
	p->from = from;
	p->time = now;
	p->wire = p->buf;
	p->wirelen = len > PktSize ? 0 : len;
	memcpy(p->wire, d, p->wirelen);
	queueput(q, p);
	loop.handled++;
}

/* Receive a batch, and append its datagrams; their from is valid until the
 * next call. Where the kernel coalesces, messages are fewer and larger.
 * Returns 1 if there may be more. */
static int
linkrecv(Link *l, Queue *q)
{
	static struct sockaddr_storage from[Batch];
	static uint8_t buf[Supers * (GsoMax + 1)];
	int max = offload[OffUdpGro] == Running ? Supers : Batch;
	int i, n, at, len, size = sizeof(buf) / max;
	struct mmsghdr mm[Batch];
	struct iovec iov[Batch];
	Segment seg[Batch];

	for (i = 0; i < max; i++) {
		iov[i] = (struct iovec){ buf + i * size, size };
		mm[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i], .msg_namelen = sizeof(from[i]),
			.msg_iov = &iov[i], .msg_iovlen = 1,
			.msg_control = &seg[i],
			.msg_controllen = sizeof(seg[i])
		};
	}
	if ((n = recvmmsg(l->fd, mm, max, MSG_DONTWAIT, NULL)) < 0)
		signicmp(l, errno);
	for (i = 0; i < n; i++) {
		len = mm[i].msg_len;
		size = getsegment(&mm[i].msg_hdr, len);
		at = 0;
		do {
			received((uint8_t *)iov[i].iov_base + at,
			    MIN(size, len - at), &from[i], q);
		} while ((at += size) < len);
	}
	return n == max;
}

/* parity: a sliding window code, much as in RFC 8681
 *
 * A parity covers the packet of its own seq and some before that, how many the
 * highest byte of its seq says. They follow each other, or if bit 63 is set
 * each is a distance before the one after it: these stand at the end, in 2
 * bytes each. All else is as in a packet of data, but the sum of what there is
 * in the packets, order first, each times a coefficient c that follows from
 * the seqs, over GF(256) modulo 0x11d. Short packets end in zeros.
 * The receiver has a column for each covered packet, which it holds once it
 * has come, and a row for each parity that lacks some: what is left of the sum
 * without the others. A row has a pivot, a column that no other row has; if
 * that is its only one, then the row is the packet. */

/* Double the bytes of d, and up to a word less one behind them. */
static void
gfdouble(uint8_t *d, int len)
{
	const unsigned long ones = ~0ul / 255; /* 1 in each byte */
	unsigned long w, high;

	for (; len > 0; len -= sizeof(w), d += sizeof(w)) {
		memcpy(&w, d, sizeof(w));
		high = w >> 7 & ones;
		w = (w ^ high << 7) << 1 ^ high * 0x1d;
		memcpy(d, &w, sizeof(w));
	}
}

/* d += s */
static void
gfadd(uint8_t *d, const uint8_t *s, int len)
{
	unsigned long v[2], w[2];

	for (; len >= (int)sizeof(w); len -= sizeof(w)) {
		memcpy(v, s, sizeof(v));
		memcpy(w, d, sizeof(w));
		w[0] ^= v[0];
		w[1] ^= v[1];
		memcpy(d, w, sizeof(w));
		s += sizeof(w);
		d += sizeof(w);
	}
	while (len-- > 0)
		*d++ ^= *s++;
}

/* d += c * s */
static void
gfmuladd(uint8_t *d, const uint8_t *s, int len, int c)
{
	uint8_t t[Columns + SymMax + sizeof(long)];

	memcpy(t, s, len);
	for (; c; c >>= 1, gfdouble(t, len))
		if (c & 1)
			gfadd(d, t, len);
}

/* Returns a / b, which are not 0: 2 to the power that makes a of b. */
static int
gfdivide(int a, int b)
{
	uint8_t v[sizeof(long)] = { b, 1 };

	while (v[0] != a)
		gfdouble(v, 2);
	return v[1];
}

/* Returns 1 to 255; 1 if n is 1, so that this parity is the packet. */
static int
coefficient(uint64_t last, uint64_t seq, int n)
{
	uint64_t h = last * UINT64_C(0x9e3779b97f4a7c15) ^ seq;

	h *= UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return n == 1 ? 1 : (uint32_t)(h >> 40) % 255 + 1;
}

/* Add packets to a sum, each times its c: by Horner's rule on the bits of all
 * c, so that 8 doublings are enough for all packets. */
static void
sumadd(uint8_t *d, int len, Pkt *const *pkts, const uint8_t *c, int n)
{
	uint8_t t[SymMax + sizeof(long)] = { 0 }, order[OrderLen];
	int i, bit;

	for (bit = 0x80; bit; bit >>= 1) {
		gfdouble(t, len);
		for (i = 0; i < n; i++) {
			if (!(c[i] & bit))
				continue;
			put(order, pkts[i]->after, OrderLen);
			gfadd(t, order, OrderLen);
			gfadd(t + OrderLen, pkts[i]->data, MIN(pkts[i]->len,
			    len - OrderLen));
		}
	}
	gfadd(d, t, len);
}

/* Make the parity of n packets, with ascending seqs, of what they fit with. */
static void
parityencode(Pkt *p, Pkt *const *pkts, int n)
{
	uint64_t last = pkts[n - 1]->seq;
	int i, len = 0, listed = last - pkts[0]->seq >= (uint64_t)n;
	uint8_t c[Window], *sum = p->data - OrderLen, *d;

	for (i = 0; i < n; i++) {
		c[i] = coefficient(last, pkts[i]->seq, n);
		len = MAX(len, pkts[i]->len);
	}
	memset(sum, 0, OrderLen + len);
	sumadd(sum, OrderLen + len, pkts, c, n);
	p->after = get(sum, OrderLen);
	d = p->data + len;
	for (i = n - 1; i > 0 && listed; i--, d += 2)
		put(d, pkts[i]->seq - pkts[i - 1]->seq, 2);
	p->len = d - p->data;
	encode(p, last | (uint64_t)(n | listed << 7) << 56, FlagParity);
}

static void
rowend(Row *r)
{
	counts[CntVain] += r->len > 0;
	r->len = 0;
}

/* Take the pivot of the row by out of r. */
static void
rowreduce(Row *r, const Row *by)
{
	int c = r->d[by->pivot];

	if (r == by || !r->len || !by->len || !c)
		return;
	c = gfdivide(c, by->d[by->pivot]);
	gfmuladd(r->d, by->d, by->len, c);
	r->len = MAX(r->len, by->len);
}

/* Make the oldest column of a row its pivot: when that one is given up, no
 * other row ends with it. */
static void
rowpivot(Row *r)
{
	int i = 0;
	Row *o;

	do
		r->pivot = (coded.oldest + i) % Columns;
	while (!r->d[r->pivot] && ++i < Columns);
	if (i == Columns)
		rowend(r);
	for (o = coded.rows; o < coded.rows + Rows && r->len; o++)
		rowreduce(o, r);
}

/* Returns the packet of the pivot, the row's only column, or NULL: it is none
 * or the pool is empty. */
static Pkt *
rowpkt(const Row *r)
{
	int len = r->len - Columns;
	Pkt *p = pktalloc();
	uint8_t *d;

	if (!p)
		return NULL;
	d = p->data - OrderLen;
	memset(d, 0, len);
	gfmuladd(d, r->d + Columns, len, gfdivide(1, r->d[r->pivot]));
	p->seq = coded.seqs[r->pivot];
	p->after = get(d, OrderLen);
	p->len = d[OrderLen] >> 4 == 6 ? get(p->data + 4, 2) + 40 :
	    get(p->data + 2, 2);
	if (p->len <= len - OrderLen && ipparse(p->data, p->len, &p->ip) == 0)
		return p;
	pktfree(p);
	return NULL;
}

/* Returns the column of a packet; the oldest one becomes that of a new one. */
static int
column(uint64_t seq)
{
	int i;
	Row *r;

	for (i = 0; i < Columns; i++)
		if (coded.seqs[i] == seq)
			return i;
	i = coded.oldest;
	coded.oldest = (i + 1) % Columns;
	coded.seqs[i] = seq;
	if (coded.pkts[i])
		pktfree(coded.pkts[i]);
	coded.pkts[i] = NULL;
	for (r = coded.rows; r < coded.rows + Rows; r++)
		if (r->d[i])
			rowend(r);
	return i;
}

/* Append the packets of rows with one column to found. */
static void
paritysolve(Queue *found)
{
	int i, n;
	Row *r;
	Pkt *p;

	for (r = coded.rows; r < coded.rows + Rows; r++) {
		for (i = n = 0; i < Columns; i++)
			n += r->d[i] != 0;
		if (!r->len || n > 1)
			continue;
		if (!(p = rowpkt(r))) {
			rowend(r);
			continue;
		}
		r->len = 0;
		counts[CntRecovered]++;
		coded.pkts[r->pivot] = pkthold(p);
		queueput(found, p);
	}
}

/* A covered packet has come; append those that follow from it to found. */
static void
parityknow(Pkt *p, Queue *found)
{
	int i = column(p->seq);
	Row *r;

	if (coded.pkts[i] || p->len > MtuMax)
		return;
	coded.pkts[i] = pkthold(p);
	for (r = coded.rows; r < coded.rows + Rows; r++) {
		if (!r->len || !r->d[i])
			continue;
		sumadd(r->d + Columns, r->len - Columns, &p, &r->d[i], 1);
		r->d[i] = 0;
		if (r->pivot == i)
			rowpivot(r);
	}
	paritysolve(found);
}

/* A parity has come. Returns -1 if it is malformed. */
static int
parityadd(const Pkt *p, Queue *found)
{
	int n = p->seq >> 56 & 127, listed = p->seq >> 63;
	int len = OrderLen + p->len - 2 * (n - 1) * listed;
	int i, k, col[Window];
	const uint8_t *d;
	uint64_t dist, seqs[Window] = { p->seq << 8 >> 8 };
	Pkt *pkts[Window];
	uint8_t c[Window], *sum;
	Row *r, *to;

	if (n < 1 || n > Window || len < OrderLen + 20 || len > SymMax)
		return -1;
	d = p->data + len - OrderLen;
	for (i = 1; i < n; i++, d += 2) {
		dist = listed ? get(d, 2) : 1;
		if (!dist || dist >= seqs[i - 1])
			return -1;
		seqs[i] = seqs[i - 1] - dist;
	}
	for (i = n - 1; i >= 0; i--)
		col[i] = column(seqs[i]);
	/* none is missing; or one was given up for another one just now */
	for (i = k = 0; i < n && coded.seqs[col[i]] == seqs[i]; i++)
		k += coded.pkts[col[i]] != NULL;
	if (i < n || k == n) {
		counts[CntVain]++;
		return 0;
	}
	to = &coded.rows[coded.nextrow++ % Rows];
	rowend(to);
	memset(to, 0, sizeof(*to));
	to->len = Columns + len;
	sum = to->d + Columns;
	put(sum, p->after, OrderLen);
	memcpy(sum + OrderLen, p->data, len - OrderLen);
	for (i = k = 0; i < n; i++) {
		c[k] = coefficient(seqs[0], seqs[i], n);
		if ((pkts[k] = coded.pkts[col[i]]))
			k++;
		else
			to->d[col[i]] = c[k];
	}
	sumadd(sum, len, pkts, c, k);
	for (r = coded.rows; r < coded.rows + Rows; r++)
		rowreduce(to, r);
	rowpivot(to);
	paritysolve(found);
	return 0;
}

static void
parityreset(void)
{
	int i;

	for (i = 0; i < Columns; i++)
		if (coded.pkts[i])
			pktfree(coded.pkts[i]);
	memset(&coded, 0, sizeof(coded));
}

/* compress: LZ4 blocks, each of one packet
 *
 *	+-------+- - - -+----------+----------+- - - -+
 *	| token | more  | literals | offset 2 | more  |  and so on
 *	+-------+- - - -+----------+----------+- - - -+
 *
 * The upper half of a token is the number of literals, bytes as they are. The
 * lower one, and 4, is the number of bytes to be copied from an offset back,
 * which is little-endian. To 15 are added more bytes, up to the first that is
 * not 255. The last literals, at least 5, end the block. The dictionary lies
 * in front of each packet, for offsets to reach. */

/* SIP, whose messages are long and alike, then HTTP, DNS and SNMP */
static const char dictionary[] =
	"INVITE sip: SIP/2.0\r\nVia: SIP/2.0/UDP ;branch=z9hG4bK"
	";rport=5060;received=\r\nMax-Forwards: 70\r\nFrom: <sip:>;tag="
	"\r\nTo: <sip:\r\nCall-ID: \r\nCSeq: 1 INVITE\r\nContact: <sip:"
	";transport=UDP>\r\nAllow: INVITE, ACK, CANCEL, OPTIONS, BYE, "
	"Content-Type: application/sdp\r\nContent-Length: 0\r\n\r\n"
	"v=0\r\no=- \r\ns=-\r\nc=IN IP4 \r\nt=0 0\r\nm=audio "
	" RTP/AVP 8 0 101\r\na=rtpmap:0 PCMU/8000\r\nSIP/2.0 180 Ringing\r\n"
	"HTTP/1.1 200 OK\r\nServer: \r\nUser-Agent: \r\nAccept: */*\r\n"
	"\1\0\0\1\0\0\0\0\0\0\3www\x81\x80\0\1\0\1\0\0\0\0"
	"\3com\0\0\1\0\1\xc0\x0c\0\1\0\1\0\0\0\0\x29\4\xd0\0\0\0\0\0"
	"\4\6public\xa2\x30\x0f\6\x0a\x2b\6\1\2\1\2\2\1";
enum { DictLen = sizeof(dictionary) - 1 };

/* Write what a length has beyond the 15 of its token. */
static uint8_t *
putmore(uint8_t *o, int n)
{
	if (n < 15)
		return o;
	for (n -= 15; n >= 255; n -= 255)
		*o++ = 255;
	*o++ = n;
	return o;
}

/* Add to a length of 15 what follows. Returns it, or -1 if the block ends. */
static int
getmore(const uint8_t **d, const uint8_t *end, int n)
{
	if (n < 15)
		return n;
	do {
		if (*d == end)
			return -1;
		n += **d;
	} while (*(*d)++ == 255);
	return n;
}

/* Write literals, and a copy of 4 bytes and more, if the offset is not 0. */
static uint8_t *
putcopy(uint8_t *o, const uint8_t *literals, int len, int offset, int more)
{
	*o++ = MIN(len, 15) << 4 | MIN(more, 15);
	o = putmore(o, len);
	memcpy(o, literals, len);
	o += len;
	if (offset == 0)
		return o;
	*o++ = offset;
	*o++ = offset >> 8;
	return putmore(o, more);
}

/* Returns how many bytes are the same, n at most. */
static int
alike(const uint8_t *a, const uint8_t *b, int n)
{
	int i;

	for (i = 0; i < n && a[i] == b[i]; i++)
		;
	return i;
}

/* Compress len bytes, up to MtuMax. There is room for 16 more at o. Returns
 * the bytes written, or 0 if that is not a tenth less. */
static int
squeeze(uint8_t *o, const uint8_t *d, int len)
{
	uint8_t w[DictLen + MtuMax], *start = o;
	uint16_t newest[Buckets] = { 0 }, older[DictLen + MtuMax], *b;
	int end = DictLen + len, at = DictLen, from = 0, i, k, n, best, tries;

	memcpy(w, dictionary, DictLen);
	memcpy(w + DictLen, d, len);
	for (i = 1; i <= end - 12; i++) {
		b = &newest[(uint32_t)get(w + i, 4) * 2654435761u >> 22];
		k = i < at ? 0 : *b;
		for (best = tries = 0; k && tries < Tries; tries++) {
			if ((n = alike(w + k, w + i, end - 5 - i)) > best) {
				best = n;
				from = k;
			}
			k = older[k];
		}
		older[i] = *b;
		*b = i;
		if (best < 4)
			continue;
		o = putcopy(o, w + at, i - at, i - from, best - 4);
		at = i + best;
	}
	o = putcopy(o, w + at, end - at, 0, 0);
	return o - start < len - len / 10 ? o - start : 0;
}

/* Returns the bytes written at o, max at most, or -1 if the block is
 * malformed. */
static int
unsqueeze(uint8_t *o, int max, const uint8_t *d, int len)
{
	const uint8_t *end = d + len;
	int n = 0, token, run, offset;

	while (d < end) {
		token = *d++;
		run = getmore(&d, end, token >> 4);
		if (run < 0 || run > end - d || run > max - n)
			return -1;
		memcpy(o + n, d, run);
		n += run;
		d += run;
		if (d == end)
			return n;
		if (end - d < 2)
			return -1;
		offset = d[0] | d[1] << 8;
		d += 2;
		run = getmore(&d, end, token & 15);
		if (offset == 0 || offset > DictLen + n ||
		    run < 0 || run + 4 > max - n)
			return -1;
		for (run += 4; run > 0; run--, n++)
			o[n] = offset > n ? dictionary[DictLen + n - offset] :
			    o[n - offset];
	}
	return -1;
}

/* May the packet shrink? Small and encrypted ones do not. Where others choose
 * a part of what stands beside a secret, as with HTTP and its cookies, the
 * length would tell them of it: CRIME, BREACH, VORACLE. */
static int
shrinkable(const Pkt *p)
{
	static const int never[] = { 22, 80, 443, 853, 8080, 8443 };
	const Ip *ip = &p->ip;
	int i;

	if (p->len < SqueezeLeast || ip->frag ||
	    (ip->proto != IPPROTO_UDP && ip->proto != IPPROTO_TCP))
		return 0;
	for (i = 0; i < LEN(never); i++)
		if (ip->sport == never[i] || ip->dport == never[i])
			return 0;
	return 1;
}

/* Compress the packet in its place, if it shrinks. Once some of a flow in a
 * row did not, its next 256 are not tried, then twice as many each time. */
static void
compact(Flow *f, Pkt *p)
{
	Squeeze *s = &f->squeeze;
	uint8_t o[MtuMax + 16];
	int n;

	if (!shrinkable(p))
		return;
	if (s->rest > 0) {
		s->rest--;
		return;
	}
	if ((n = squeeze(o, p->data, p->len))) {
		memset(s, 0, sizeof(*s));
		memcpy(p->data, o, n);
		p->len = n;
		p->squeezed = 1;
	} else if (++s->failed == SqueezeTrial) {
		s->failed = 0;
		s->pause = CLAMP(2 * s->pause, 256, 65536);
		s->rest = s->pause;
	}
}

/* Make a packet of the block in its place. Returns -1 if it makes none. */
static int
expand(Pkt *p)
{
	uint8_t o[MtuMax];
	int n = unsqueeze(o, sizeof(o), p->data, p->len);

	if (n < 0 || ipparse(o, n, &p->ip) < 0)
		return -1;
	p->data = p->buf + HdrLen + OrderLen;
	memcpy(p->data, o, n);
	p->len = n;
	return 0;
}

/* classify: host, flow, class and deadline of a packet */

/* Returns the place of a tag in a table of n that begin with a Turn, each of
 * size bytes: sets of places, as in CAKE, so that few who wait share one. The
 * place of who does not wait may be taken from him; if not, returns -1. */
static int
place(void *table, size_t size, int n, uint32_t tag, int take)
{
	int set = tag % (n / Ways) * Ways, i, at, to = -1;
	Turn *t, *oldest = NULL;

	for (i = 0; i < Ways; i++) {
		at = set + (tag / n + i) % Ways;
		t = (Turn *)((char *)table + at * size);
		if (t->tag == tag)
			return at;
		if (!t->listed && (!oldest || t->last < oldest->last)) {
			oldest = t;
			to = at;
		}
	}
	if (!take)
		return -1;
	if (!oldest)
		return set + tag / n % Ways;
	memset(oldest, 0, size);
	oldest->tag = tag;
	return to;
}

/* Returns the first row of the traffic table that fits. */
static const Traffic *
kindof(const Ip *ip)
{
	static const Traffic none = { .class = Normal };
	const Traffic *k;

	for (k = traffic; k < traffic + LEN(traffic); k++)
		if ((!k->proto || k->proto == ip->proto) && (!k->port ||
		    k->port == ip->sport || k->port == ip->dport) &&
		    k->dscp <= ip->dscp)
			return k;
	return &none;
}

/* Find host and flow. The host is the address behind the client; one that
 * fills many flow queues gets no more of them, as others need some, too. */
static void
locate(Pkt *p)
{
	static const Ip none = { 0 };
	int v4 = p->data[0] >> 4 == 4, n = v4 ? 4 : 16;
	const uint8_t *addr = p->data + (v4 ? 12 : 8) +
	    (role == Client ? 0 : n);
	uint32_t tag = flowhash(addr, n, &none);
	int most = CLAMP(Nflows / 4 / (queues.round.n + 1), 4, Nflows / 8);
	Host *h;

	p->host = place(queues.hosts, sizeof(*h), Nhosts, tag, 1);
	h = &queues.hosts[p->host];
	h->turn.last = now;
	p->flow = place(queues.flows, sizeof(Flow), Nflows, p->ip.hash,
	    h->flows.n < most);
	if (p->flow < 0)
		p->flow = place(queues.flows, sizeof(Flow), Nflows,
		    tag + p->ip.hash % most, 1);
}

/* Measure size and rate of a flow's packets. */
static void
flowmeter(Flow *f, int len)
{
	f->mean = f->mean ? f->mean + (len - f->mean) / 8 : len;
	f->clock = MIN(MAX(f->clock, now), now + Second / 5);
	f->clock += MAX(Second / SparsePps, len * MS(1) / 125);
}

/* Returns bytes in the last second or two. */
static int64_t
lately(const Need *n)
{
	return n->bytes[0] + n->bytes[1];
}

/* Returns bit/s in the last second or two, or since the flow began. */
static int64_t
flowrate(const Need *n)
{
	int64_t since = MAX(n->begun, queues.noted - Second);

	return lately(n) * 8 * (Second / Us) /
	    (MAX(now - since, Second / 8) / Us);
}

/* Games, voice, shells: small packets, not many, no more than 1 Mbit/s. */
static int
sparse(const Flow *f)
{
	return f->mean <= SparseLen && f->clock <= now + Second / 5;
}

/* Let a host's packets that claim to be urgent have a quarter of the best
 * link. Returns -1 if they have had that. */
static int
spendclaim(Host *h, int len)
{
	return !survey.best ? 0 : spend(&h->claimed, 4 *
	    airtime(&survey.best->pace, len), Second / 10);
}

/* Let express packets and ACKs of a host have half of what the links carry,
 * those of all hosts together three quarters, and who has had little a little
 * more: n is 1, or -1 to give back. ACKs mostly share a datagram. Returns -1
 * if they have had that. */
static int
spendprivilege(const Pkt *p, int n)
{
	int len = p->len + (p->class == Ack ? 0 : 28 + linkoverhead);
	int64_t ns = n * 8 * len * Second / MAX(survey.rate, RateMin), depth;
	Host *h = &queues.hosts[p->host];

	if (!survey.best)
		return 0;
	depth = h->express > now + Second / 20 ? Second / 10 : Second / 5;
	return spend(&h->express, 2 * ns, Second / 10) < 0 ? -1 :
	    spend(&queues.privileged, ns * 4 / 3, depth);
}

/* Express are the packets that a person waits for or that are too few to
 * matter. Packets that only claim to be urgent are rate-limited; sparse flows
 * are recognized by measurement. */
static int
classof(const Pkt *p, Flow *f, Host *h)
{
	const Ip *ip = &p->ip;
	int kind = p->kind->class;

	if (ip->frag || ip->tcpflags & (TcpFin | TcpRst))
		return Ordered;
	if (ip->tcpflags & TcpSyn)
		return p->len <= ClaimLen && spendclaim(h, p->len) == 0 ?
		    Express : Ordered;
	if (ip->tcpflags & TcpAck && !ip->payload)
		return p->len <= ClaimLen ? Ack : Ordered;
	flowmeter(f, p->len);
	if ((kind != Urgent || spendclaim(h, p->len) < 0) &&
	    (kind >= Quic || !sparse(f)))
		return Ordered;
	return f->queue.head ? Ordered : Express;
}

/* Returns ns for which a packet is sent again when it is lost, and waited for
 * by those behind it. */
static int64_t
usefor(const Pkt *p)
{
	int use = p->kind->use;

	return MS(use ? MIN(use, reorderms) : reorderms);
}

static void
fastdrop(Pkt *p)
{
	Flow *f = &queues.flows[p->flow];

	if (f->ack == p)
		f->ack = NULL;
	pktdrop(p, DropQueue);
}

/* Put a packet into a queue of those that go first, of these first whose host
 * has had least. When they are too many, the host that has had most loses its
 * oldest. */
static void
fastput(Queue *q, Pkt *p)
{
	int full = q->len >= queuepkts / 4, most = q->tail ? q->tail->host : 0;
	Pkt *o;
	int n;

	if (full && q->head->host == most) {
		fastdrop(queueget(q));
		full = 0;
	}
	n = q->tail && (full || p->order < q->tail->order) ? q->len : 0;
	while (n-- > 0) {
		o = queueget(q);
		if (p && p->order < o->order) {
			queueput(q, p);
			p = NULL;
		}
		if (full && o->host == most) {
			fastdrop(o);
			full = 0;
		} else {
			queueput(q, o);
		}
	}
	if (p)
		queueput(q, p);
}

/* need: light flows have the best link, heavy ones the others
 *
 * Light are all that the best link can carry together, at its delay, for as
 * long as they like. What is more overflows: single packets of a burst, if
 * that brings them sooner, or for good as many flows as have to go, and of
 * those that would do the smallest one. They come back when they fit. A sender
 * of TCP or QUIC takes what it gets, so that its flow goes if it overflows. */

static int
heavy(const Flow *f)
{
	return f->need.heavy;
}

/* Does the sender send as fast as the packet's flow is carried? */
static int
elastic(const Pkt *p)
{
	return p->ip.proto == IPPROTO_TCP || p->kind->class == Quic;
}

/* It stays heavy for some round trips, and longer if it had just come back. */
static void
flowgoes(Need *n)
{
	int64_t more = survey.best ?
	    survey.groupdelay - survey.best->delay.way : 0;

	n->stay = n->came && now - n->came < StayMost / 2 ? 2 * n->stay :
	    Second + 16 * MAX(more, 0);
	n->stay = MIN(n->stay, StayMost);
	n->heavy = 1;
	n->went = now;
}

/* Does the flow, which begins at the end of a QUIC server, begin heavy: if the
 * server has not been known for long, or has sent much lately? A sender with
 * HyStart takes a longer round trip for congestion, and ends slow start at the
 * step from the quick link to the others; so there is to be none. */
static int
quicbegins(Flow *f, const Pkt *p)
{
	static const Ip none = { 0 };
	int v4 = p->data[0] >> 4 == 4;
	uint32_t tag = flowhash(p->data + (v4 ? 12 : 8), v4 ? 4 : 16, &none);

	f->habit = &queues.habits[tag % Nflows];
	if (f->habit->tag != tag)
		*f->habit = (Habit){ .tag = tag, .known = now };
	return now - f->habit->known < Pause ||
	    (f->habit->large && now - f->habit->large < Remember);
}

/* Count a packet that came. Where all links are alike, a flow is heavy that
 * takes more than a quarter of the best one. */
static void
flowcount(Flow *f, const Pkt *p)
{
	Need *need = &f->need;

	if (now - f->turn.last > Pause) {
		f->mean = f->acked = 0;
		*need = (Need){ .begun = now, .elastic = elastic(p) };
		if (p->kind->class == Bulk) {
			flowgoes(need);
			need->stay = INT64_MAX;
		}
	}
	if (!f->turn.last && p->kind->class == Quic &&
	    p->ip.sport == p->kind->port && quicbegins(f, p))
		flowgoes(need);
	if (f->habit && lately(need) > Large)
		f->habit->large = now;
	need->bytes[0] += p->len + HdrLen + 28 + linkoverhead;
	f->turn.last = now;
	if (!need->heavy && !survey.step && lately(need) > Heavy &&
	    survey.best && flowrate(need) > survey.best->pace.rate / 4)
		flowgoes(need);
}

/* Returns bit/s that light flows may have of a best link of that rate. */
static int64_t
lightmost(int64_t rate)
{
	return rate / 16 * 15 - expressrate(0);
}

/* Returns the flow to go, so that the rest fits: the smallest that is enough,
 * or else the largest; NULL if they fit. Elastic flows make no other go. */
static Need *
toomuch(int elastic)
{
	int64_t excess = -lightmost(survey.light->pace.rate), rate, best = 0;
	Need *n, *go = NULL;
	Flow *f;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		for (f = queues.flows; f < queues.flows + Nflows; f++) {
			n = &f->need;
			if (n->heavy || n->elastic > elastic)
				continue;
			rate = flowrate(n);
			if (pass == 0)
				excess += rate;
			else if (n->elastic == elastic &&
			    now - f->turn.last < Stand && (!go ||
			    (best < excess ? rate > best :
			    rate >= excess && rate < best))) {
				go = n;
				best = rate;
			}
		}
		if (excess <= 0)
			return NULL;
	}
	return go;
}

/* A packet of a light flow has not gone by the best link. */
static void
overflowed(Flow *f)
{
	Need *n = &f->need;

	if (n->elastic && lately(n) > Heavy) {
		flowgoes(n);
		return;
	}
	if (now - queues.overflow > Stand / 2)
		queues.crowded = now;
	queues.overflow = now;
	if (now - queues.crowded < Stand)
		return;
	while ((n = toomuch(f->need.elastic)))
		flowgoes(n);
	queues.crowded = now;
}

/* Returns the smallest heavy flow that may come back now, or NULL. */
static Need *
smallest(void)
{
	Need *n, *least = NULL;
	Flow *f;

	for (f = queues.flows; f < queues.flows + Nflows; f++) {
		n = &f->need;
		if (n->heavy && n->rate && now - n->went >= n->stay &&
		    (!least || n->rate < least->rate))
			least = n;
	}
	return least;
}

/* Let flows that fit on the best link come back. If it was not saturated for
 * long it may have become faster: then it is taken to be so. */
static void
flowsback(void)
{
	Link *best = survey.light;
	int64_t rate;
	Need *n;

	while (survey.step && best && (n = smallest())) {
		rate = n->rate + (n->elastic ? queues.light : queues.steady);
		if (rate > lightmost(n->elastic ? best->pace.rate :
		    assumed(best, best->pace.busy)))
			return;
		if (rate > lightmost(best->pace.rate)) {
			best->pace.rate = rate / 15 * 16;
			best->control.hold = 0;
		}
		n->heavy = 0;
		n->came = now;
		queues.light += n->rate;
		queues.steady += n->elastic ? 0 : n->rate;
	}
}

/* Note the rates of flows, each second. */
static void
flowrates(void)
{
	Need *n;
	Flow *f;

	queues.light = queues.steady = 0;
	for (f = queues.flows; f < queues.flows + Nflows; f++) {
		n = &f->need;
		n->rate = n->heavy ? 8 * MAX(n->bytes[0], n->bytes[1]) :
		    now - f->turn.last < Second / 8 ? flowrate(n) : 0;
		n->bytes[1] = n->bytes[0];
		n->bytes[0] = 0;
		queues.light += n->heavy ? 0 : n->rate;
		queues.steady += n->heavy || n->elastic ? 0 : n->rate;
	}
	queues.noted = now;
	flowsback();
}

static void
classify(Pkt *p)
{
	Flow *f;
	Host *h;

	locate(p);
	f = &queues.flows[p->flow];
	h = &queues.hosts[p->host];
	p->kind = kindof(&p->ip);
	flowcount(f, p);
	p->class = classof(p, f, h);
	p->order = MAX(h->express, now);
	if (p->class != Ordered && spendprivilege(p, 1) < 0)
		p->class = Ordered;
	p->deadline = now + (p->class == Express && p->kind->use ?
	    MS(p->kind->use) : Second);
}

/* select: which link carries a packet */
#define SameScore (SameDelay / MS(1) * rttweight) /* SameDelay of RTT */

/* Returns a score, lower is better; rtt in ns, loss from 0 to 1. */
static int
score(int prio, int64_t rtt, double loss, int saturated)
{
	return prio * prioweight + rtt / Us * rttweight / 1000 +
	       (saturated ? satweight : 0) + (int)(loss * lossweight);
}

/* Has the link room for a packet, by one of its pacer's clocks? */
static int
room(const Link *l, int64_t clock)
{
	return l->out.n < Batch && clock <= now + l->pace.burst;
}

/* Is so much on its way by the link that it gets no more ordered packets? */
static int
full(const Link *l)
{
	return l->flight.bytes > l->control.window;
}

/* Is there a queue at the link? What is lost then says nothing of the link. */
static int
queued(const Link *l)
{
	return MAX(l->control.queue, l->delay.owd - least(&l->delay.base)) >
	    TargetBulk;
}

/* Is the link in use beyond its percent at this moment? */
static int
saturated(const Link *l)
{
	return !room(l, l->pace.satclock);
}

/* Returns when a packet sent next will arrive, ns, up to an offset that is the
 * same for all links, see Delay.owd. */
static int64_t
arrival(const Link *l, int len)
{
	return MAX(now, l->pace.clock) + airtime(&l->pace, len) + l->delay.owd;
}

/* Returns the link that is quicker than most of the capacity, while there is
 * traffic that waits for no other: a part of its rate is kept for that. */
static Link *
reserved(void)
{
	return now - queues.lastexpress < Pause ? survey.quick : NULL;
}

/* Heavy flows keep to the group of links of surveygroup(), and share them
 * evenly. Quicker links help when those are full, then slower ones, if not
 * much slower: a sender takes a change of delay for one of congestion. */
static int64_t
rankheavy(const Link *l)
{
	enum { Free, Full, Quick, QuickFull, Slow };
	int64_t more = l->delay.way - survey.groupdelay;

	if (!l->roomy || (more > MoreDelay && !l->spare))
		return INT64_MAX;
	if (l == reserved() && (saturated(l) || (survey.step &&
	    airtime(&l->pace, Quantum) > TargetQuick)))
		return INT64_MAX;
	if (more > SameDelay)
		return Slow;
	if (more < -SameDelay)
		return saturated(l) ? QuickFull : Quick;
	return saturated(l) || l->score > survey.groupscore + SameScore ?
	    Full : Free;
}

/* Returns a link's rank, lower is better, INT64_MAX is not at all. By score it
 * is in steps, so that links that are alike share and do not flap. */
static int64_t
rank(const Link *l, int len, int by)
{
	if (by == ByGroup)
		return rankheavy(l);
	return by == ByArrival ? arrival(l, len) :
	    (l->score + saturated(l) * satweight) / MAX(SameScore, 1);
}

/* Returns the link with room for the packet that ranks first, of equals the
 * one used less, or NULL; it is fit for ordered packets if such is asked for.
 * Spare links come last, and only for a packet that has waited for the others.
 * What holds for any packet that waits is kept until one is sent: many may ask
 * the same. */
static Link *
pick(const Pkt *p, int ordered, const Link *but, int by)
{
	int any = p->len <= tun.mtu;
	int waited = now - p->time > SpareWait, kind = 2 * ordered + waited;
	int bit = 1 << (kind * ByLast + by);
	int64_t r, first = INT64_MAX;
	Link *l, *to = NULL;

	if (survey.known & bit && survey.found[kind][by].but == but &&
	    (any || !survey.found[kind][by].to))
		return survey.found[kind][by].to;
	for (l = bond; l; l = l->next) {
		if (l == but || !usable(l, p) || !room(l, l->pace.clock) ||
		    (ordered && (!carries(l) || full(l))) ||
		    (l->spare && !waited))
			continue;
		r = rank(l, p->len, by);
		if (l->spare && r < INT64_MAX)
			r += INT64_MAX / 2;
		if (r < first || (to && r == first &&
		    l->pace.clock < to->pace.clock)) {
			to = l;
			first = r;
		}
	}
	if (any) {
		survey.found[kind][by].to = to;
		survey.found[kind][by].but = but;
		survey.known |= bit;
	}
	return to;
}

/* Returns the link of least score that the packet fits, with or without room
 * now; a link that is not the best of all has room. */
static Link *
bestlink(const Pkt *p)
{
	return !survey.best || usable(survey.best, p) ? survey.best :
	    pick(p, 0, NULL, ByScore);
}

/* Express packets take the best link, saturated or not. They wait there behind
 * the bytes ahead, unless another link brings them sooner. */
static Link *
selectexpress(const Pkt *p, int ahead)
{
	Link *best = bestlink(p), *to;

	if (!best || (ahead == 0 && room(best, best->pace.clock)))
		return best;
	to = pick(p, 0, best, ByArrival);
	return to && arrival(to, p->len) < arrival(best, ahead + p->len) ?
	    to : NULL;
}

/* Returns ns that the flow's next packet waits for the best link behind what
 * waits already, while others go on sending: TCP and QUIC let other flows go
 * first. */
static int64_t
lightwait(const Flow *f, const Link *best)
{
	int64_t ahead, others, left, rate = best->pace.rate;

	ahead = f->need.elastic ? queues.lightbytes : queues.steadybytes;
	others = (f->need.elastic ? queues.light : queues.steady) -
	    f->need.rate;
	left = MAX(rate - others, rate / 8);
	ahead = MIN(ahead, (int64_t)f->queue.bytes *
	    queues.hosts[f->host].flows.n * queues.round.n);
	return MAX(best->pace.clock - now, 0) +
	    ahead * 8 * (Second / Us) / left * Us;
}

/* Light flows wait for the best link, unless another brings the packet sooner:
 * the one of least score or, if that is saturated, of earliest arrival. Those
 * of TCP and QUIC that may be heavy do not wait for long, however late that
 * is; others wait longer, for a burst passes. */
static Link *
selectlink(const Flow *f)
{
	const Pkt *p = f->queue.head;
	Link *best = survey.light, *to;
	int64_t wait, later;

	if (heavy(f))
		return pick(p, 1, NULL, ByGroup);
	if (best && !usable(best, p))
		best = pick(p, 1, NULL, ByScore);
	if (!best)
		return NULL;
	if (room(best, best->pace.clock) && !full(best) &&
	    !(f->need.elastic && queues.steadybytes))
		return best;
	if ((to = pick(p, 1, best, ByScore)) && saturated(to))
		to = pick(p, 1, best, ByArrival);
	if (!to)
		return NULL;
	wait = lightwait(f, best);
	if (survey.step && f->need.elastic && wait > HeavyWait &&
	    lately(&f->need) > Heavy)
		return to;
	later = now + wait + best->delay.owd - arrival(to, p->len);
	return later > (f->need.elastic ? 0 : Patience) ? to : NULL;
}

/* ack: pure TCP ACKs, thinned out
 *
 * A download at full rate makes 13000 ACKs a second, where a few hundred do: a
 * newer ACK replaces the one of its flow that waits, if that says nothing else
 * (SACK, other ECN marks, a duplicate). The first ACKs of a flow go at once,
 * then fewer than 8 in a round trip: cubic's HyStart needs 8 RTT samples a
 * round before it mistakes a slower link for congestion. BBR remembers the
 * short RTT of the quick link for 10 s and makes its window too small for the
 * others, but larger when ACKs are aggregated: so every now and then they
 * are. */

/* Is it an ACK without options but NOP, timestamps and the counters of AccECN,
 * RFC 9768, which are cumulative and may be left out? */
static int
ackplain(const uint8_t *t)
{
	const uint8_t *o = t + 20, *end = t + (t[12] >> 4) * 4;

	while (o < end && (*o == 1 || ((*o == 8 || *o == 172 || *o == 174) &&
	    end - o > 1 && o[1] > 1)))
		o += *o == 1 ? 1 : o[1];
	return (t[13] & ~(TcpEce | TcpCwr)) == TcpAck && o == end;
}

/* Does the ACK p say all that the older o says, and more? The ECN flags, a
 * counter or a state, have to be the same. */
static int
ackreplaces(const Pkt *p, const Pkt *o)
{
	const uint8_t *t = p->data + p->ip.l4, *u = o->data + o->ip.l4;
	int v4 = p->data[0] >> 4 == 4, addrs = v4 ? 12 : 8;

	return p->ip.l4 == o->ip.l4 &&
	    p->data[0] == o->data[0] && p->data[1] == o->data[1] &&
	    !memcmp(p->data + addrs, o->data + addrs, v4 ? 8 : 32) &&
	    !memcmp(t, u, 4) && ackplain(t) && ackplain(u) &&
	    !((t[12] ^ u[12]) & 15) && t[13] == u[13] &&
	    (int32_t)(get(t + 8, 4) - get(u + 8, 4)) > 0;
}

/* Returns ns between ACKs, by the bytes that the flow has had acknowledged. */
static int64_t
ackgap(const Flow *f)
{
	if (f->acked < 16 << 10)
		return 0;
	if (f->acked < 2 << 20)
		return f->acked < 64 << 10 ? MS(4) : MS(8);
	return survey.step && now % AggregateEvery < Aggregate ?
	    Aggregate - now % AggregateEvery : MS(2);
}

static Pkt *
ackget(void)
{
	Pkt *p = queueget(&queues.acks);
	Flow *f = &queues.flows[p->flow];

	if (f->ack == p)
		f->ack = NULL;
	return p;
}

static void
ackenqueue(Flow *f, Pkt *p)
{
	const uint8_t *t = p->data + p->ip.l4;
	uint32_t ackno = get(t + 8, 4);
	int32_t more = f->acked ? ackno - f->ackno : 1;

	if (more > 0) {
		f->acked += more;
		f->ackno = ackno;
	}
	if (f->ack && ackreplaces(p, f->ack)) {
		memcpy(f->ack->data, p->data, p->len);
		queues.acks.bytes += p->len - f->ack->len;
		f->ack->len = p->len;
		f->ack->ip = p->ip;
		counts[CntMerged]++;
		spendprivilege(p, -1);
		pktfree(p);
		return;
	}
	f->ack = p;
	f->ackdue = ackplain(t) ? f->lastack + ackgap(f) : now;
	fastput(&queues.acks, p);
}

/* Returns when the ACK is due, ns: at once if a newer one follows it. */
static int64_t
ackdue(const Pkt *p)
{
	const Flow *f = &queues.flows[p->flow];

	return f->ack == p ? f->ackdue : 0;
}

/* flow: hosts take turns, a queue for each flow, RFC 8290, and CoDel */

/* Tell senders that a packet fits none of the links: 100 in a second. */
static void
telltoobig(const Pkt *p)
{
	Pkt *q;

	if (!answerable(p->data, &p->ip) ||
	    spend(&queues.tellclock, MS(10), MS(90)) < 0 || !(q = pktalloc()))
		return;
	q->len = icmptoobig(q->data, p->data, p->len, &p->ip, survey.payload);
	tunwrite(q);
	pktfree(q);
}

static void
turnput(Round *r, Turns *q, Turn *t)
{
	t->next = NULL;
	t->listed = 1;
	r->n++;
	if (q->tail)
		q->tail->next = t;
	else
		q->head = t;
	q->tail = t;
}

/* Returns the first of a list that has not been passed over, or NULL. */
static Turn *
turnfirst(Turns *q)
{
	if (q->look != queues.look)
		q->passed = NULL;
	q->look = queues.look;
	return q->passed ? q->passed->next : q->head;
}

/* Returns whose turn it is, or NULL. Who has used up his deficit goes to the
 * end, who has no packets leaves, but no new one at once: RFC 8290. */
static Turn *
turnnext(Round *r)
{
	Turns *q;
	Turn *t;

	while ((t = turnfirst(q = &r->fresh)) ||
	    (t = turnfirst(q = &r->old))) {
		if (t->waiting && t->deficit > 0)
			return t;
		*(q->passed ? &q->passed->next : &q->head) = t->next;
		if (q->tail == t)
			q->tail = q->passed;
		r->n -= t->listed;
		t->listed = 0;
		if (t->waiting)
			t->deficit += Quantum;
		if (t->waiting || q == &r->fresh)
			turnput(r, &r->old, t);
	}
	return NULL;
}

/* Pass over whose turn it is: he keeps his place. */
static void
turnpass(Round *r, Turn *t)
{
	(turnfirst(&r->fresh) == t ? &r->fresh : &r->old)->passed = t;
}

/* Note how much waits now. */
static void
turnwaits(Round *r, Turn *t, int n)
{
	t->waiting = n;
	if (t->listed || n == 0)
		return;
	t->deficit = Quantum;
	turnput(r, &r->fresh, t);
}

/* Note that a packet has joined the flow's queue, n = 1, or left it, -1. */
static void
flowcounts(Flow *f, const Pkt *p, int n)
{
	Host *h = &queues.hosts[f->host];

	h->bytes += n * p->len;
	queues.queued += n;
	if (p->waslight)
		queues.lightbytes += n * p->len;
	if (p->waslight && !elastic(p))
		queues.steadybytes += n * p->len;
	turnwaits(&h->flows, &f->turn, f->queue.len);
	turnwaits(&queues.round, &h->turn, h->flows.n);
}

static Pkt *
flowget(Flow *f)
{
	Pkt *p = queueget(&f->queue);

	if (p)
		flowcounts(f, p, -1);
	return p;
}

/* Drop half of the longest queue of the host whose queues are longest, up to a
 * batch, from its head. */
static void
droplongest(void)
{
	Flow *f, *longest = &queues.flows[0];
	const Host *h, *of = &queues.hosts[longest->host];
	int n;

	for (f = queues.flows; f < queues.flows + Nflows; f++) {
		h = &queues.hosts[f->host];
		if (f->queue.bytes > 0 && (h->bytes > of->bytes ||
		    (h == of && f->queue.bytes > longest->queue.bytes))) {
			longest = f;
			of = h;
		}
	}
	for (n = MIN((longest->queue.len + 1) / 2, Batch); n > 0; n--)
		pktdrop(flowget(longest), DropQueue);
}

static void
flowput(Flow *f, Pkt *p)
{
	if (!f->turn.listed)
		f->host = p->host;
	p->host = f->host; /* another's, if the place is shared */
	p->waslight = !heavy(f);
	queueput(&f->queue, p);
	flowcounts(f, p, 1);
	if (queues.queued > queuepkts)
		droplongest();
}

static void
enqueue(Pkt *p)
{
	if (survey.payload && p->len > survey.payload) {
		telltoobig(p);
		pktdrop(p, DropSize);
	} else if (p->class == Ordered) {
		flowput(&queues.flows[p->flow], p);
	} else if (p->class == Ack) {
		ackenqueue(&queues.flows[p->flow], p);
	} else {
		queues.lastexpress = now;
		fastput(&queues.express, p);
	}
}

static int
isqrt(int n)
{
	int r = 1;

	while ((r + 1) * (r + 1) <= n)
		r++;
	return r;
}

/* Returns ns. The target is a queue in bytes at the highest rate of late: when
 * links fail and come back, a sender's window still suits them. */
static int64_t
codeltarget(void)
{
	int64_t percent = queues.peak * 100 / MAX(survey.rate, 1);

	return now - queues.shared > Second ?
	    CodelTarget / 100 * CLAMP(4 * percent, 400, 800) :
	    CodelTarget / 100 * CLAMP(percent, 100, 300);
}

/* CoDel, RFC 8289: drop or mark once packets have waited longer than the
 * target for an interval. Packets of light flows may wait for the best link.
 * The last packet is never dropped, so there is one to return. */
static Pkt *
flowdequeue(Flow *f)
{
	Pkt *p;

	while ((p = flowget(f))) {
		if (p->waslight || now - p->time < codeltarget() ||
		    f->queue.bytes <= Quantum) {
			f->above = f->dropping = 0;
			return p;
		}
		if (!f->above)
			f->above = now + CodelInterval;
		if (!f->dropping && now >= f->above) {
			f->dropping = 1;
			f->count = f->count > 2 &&
			    now - f->dropnext < 16 * CodelInterval ?
			    f->count - 2 : 1;
			f->dropnext = now;
		}
		if (!f->dropping || now < f->dropnext)
			return p;
		f->dropnext += CodelInterval / isqrt(f->count++);
		if (ipmark(p->data))
			return p;
		pktdrop(p, DropCodel);
	}
	return NULL;
}

/* Returns the host's next packet that has a link, and the link, or NULL. */
static Pkt *
hostdequeue(Host *h, Link **l)
{
	Flow *f;
	Pkt *p;

	while ((f = (Flow *)turnnext(&h->flows))) {
		while (f->queue.head && now > f->queue.head->deadline)
			pktdrop(flowget(f), DropStale);
		if (f->queue.head && (*l = selectlink(f))) {
			p = flowdequeue(f);
			f->turn.deficit -= p->len;
			return p;
		}
		if (f->queue.head)
			turnpass(&h->flows, &f->turn);
	}
	turnwaits(&queues.round, &h->turn, h->flows.n);
	return NULL;
}

/* Returns the next packet and the link for it, or NULL: hosts take turns, and
 * so do the flows of each. Those without a link now keep their place. */
static Pkt *
dequeue(Link **l)
{
	Host *h;
	Pkt *p;

	while ((h = (Host *)turnnext(&queues.round))) {
		if ((p = hostdequeue(h, l)))
			return p;
		if (h->turn.waiting)
			turnpass(&queues.round, &h->turn);
	}
	return NULL;
}

/* repair: sent packets, on their way and kept to be sent again
 *
 * Links are FIFO: a packet is lost, or was overtaken on its link for once, if
 * the peer has not got it and reports a later one by the same link. */

static Sent *
sentof(uint64_t seq)
{
	return &tx.sent[seq & (keeppkts - 1)];
}

/* Take the oldest packet off those on their way by a link. */
static void
flightpop(Flight *f)
{
	const Sent *s = sentof(f->first);

	f->bytes -= s->len;
	f->first = s->next;
	if (!f->first)
		f->last = 0;
}

/* Note that packets up to seq, or sent before time, have come or are lost. */
static void
flightpast(Flight *f, uint64_t seq, int64_t time)
{
	while (f->first && (f->first <= seq ||
	    sentof(f->first)->time < time)) {
		flightpop(f);
		f->progress = now;
		f->overdue = 0;
	}
}

/* Forget the oldest packet. */
static void
forgetone(void)
{
	Sent *s = sentof(tx.oldest);

	if (bond[s->link].flight.first == tx.oldest)
		flightpop(&bond[s->link].flight);
	pktfree(s->p);
	s->p = NULL;
	tx.oldest++;
}

/* Forget packets that are older than Keep or acknowledged, seq < below. */
static void
forget(uint64_t below)
{
	while (tx.oldest < tx.seq[LaneData] && (tx.oldest < below ||
	    now > sentof(tx.oldest)->time + Keep))
		forgetone();
}

/* Keep the packet, which the link has just been given. */
static void
keep(Link *l, Pkt *p)
{
	Flight *f = &l->flight;
	Sent *s = sentof(p->seq);

	if (p->seq - tx.oldest >= (uint64_t)keeppkts)
		forgetone();
	p->time = now;
	p->deadline = now + usefor(p);
	*s = (Sent){
		.p = p, .time = now, .link = l - bond,
		.len = p->wirelen + wireoverhead(l),
		.pkts = l->meter.tx.pkts + l->out.n,
		.bytes = l->meter.tx.bytes + l->out.bytes
	};
	if (f->last)
		sentof(f->last)->next = p->seq;
	else
		f->first = p->seq;
	f->last = p->seq;
	f->bytes += s->len;
	loop.nextstall = MIN(loop.nextstall, now + BurstMax);
}

/* Is the packet on its way by the link that was given it first? */
static int
flying(uint64_t seq)
{
	const Flight *f = &bond[sentof(seq)->link].flight;

	return seq >= tx.oldest && f->first && seq >= f->first;
}

/* Queue a packet to be sent again, unless it waits for that already or is of
 * no more use. Repairs may take a quarter of what the links carry. Returns -1
 * if they have. */
static int
resend(Pkt *p, int why)
{
	if (now > p->deadline)
		return 0;
	if (!p->asked && spend(&tx.budget, p->len * 8 * Second /
	    (survey.rate / 4 + 1), Second) < 0)
		return -1;
	if (!p->asked) {
		p->time = now;
		queueput(&tx.repairs, pkthold(p));
	}
	p->asked = MAX(p->asked, why);
	return 0;
}

/* Send again by other links what the link was given by then, and has not
 * brought. */
static void
rescue(Link *l, int64_t then, int why)
{
	Flight *f = &l->flight;
	uint64_t seq = f->first;

	if (f->rescued >= f->first)
		seq = f->first ? sentof(f->rescued)->next : 0;
	for (; seq && sentof(seq)->time <= then; seq = sentof(seq)->next) {
		if (resend(sentof(seq)->p, why) < 0)
			return;
		f->rescued = seq;
	}
}

static void
control(Link *l, const uint8_t *d, int len)
{
	Pkt *p;

	if (!l || !(p = pktalloc()))
		return;
	memcpy(p->data, d, len);
	p->len = len;
	encode(p, tx.seq[LaneControl]++, FlagControl);
	linksend(l, p);
}

/* beat: heartbeats and hellos are sent */

/* Returns the name that the server is told of a link's device. */
static const char *
devicetold(const Link *l)
{
	return role == Client && rowkind(l->conf) == RowGlob ? l->device : "";
}

/* Returns bytes of the datagram that has a heartbeat. */
static int
beatwire(const Link *l, int kind)
{
	return sealedlen(l, HdrLen + BeatLen + strlen(devicetold(l))) +
	    (kind == SealSession || !keyfile ? 0 : ShakeLen);
}

/* Fill in what all heartbeats say, and send. Returns -1 if that failed. */
static int
beatput(Link *l, Session *s, int kind, Beat *b,
        const struct sockaddr_storage *to)
{
	Keys *k = kind == SealConfirm ? &peer.proposed.keys : &s->keys;
	uint8_t d[PktSize];
	Pkt *p = pktalloc();
	int n, tries;

	if (!p) {
		errno = ENOBUFS;
		return -1;
	}
	b->id = s->id;
	b->peerid = s->peerid;
	b->link = l - bond;
	b->time = now;
	b->slow = l->beats.slow;
	b->prio = l->conf->priority;
	b->up = l->conf->up * 1000;
	b->down = l->conf->down * 1000;
	b->format = Format;
	b->interval = hbinterval;
	beatencode(p->data, b);
	p->len = BeatLen + format((char *)p->data + BeatLen, IFNAMSIZ, "%s",
	    devicetold(l));
	encode(p, s->beats++, FlagBeat);
	if (keyfile) {
		p->wirelen = seal(d, p, l, kind, k);
		p->wire = d;
	}
	if (role == Client) /* the socket is connected */
		to = NULL;
	/* the first error may be of something sent before */
	for (n = -1, tries = 0; n < 0 && tries < 2; tries++)
		if ((n = sendto(l->fd, p->wire, p->wirelen, MSG_DONTWAIT,
		    (const struct sockaddr *)to, to ? sizeof(*to) : 0)) < 0
		    && !to)
			signicmp(l, errno);
	pktfree(p);
	return n;
}

/* A heartbeat leaves at once, behind all that was given to the link before:
 * its next seq says that no lower one will follow. */
static void
beatsend(Link *l, Session *s, int kind)
{
	Tally *t = &l->beats.sent[l->beats.n % Remembered];
	int running = s == &peer.session, size = beatwire(l, kind);
	Beat b = { 0 };

	linkflush(l);
	l->beats.last = now;
	if (l->out.n > 0)
		return;
	/* one without an echo is answered at once: ask at a new address */
	if (l->heard.came && running &&
	    (l->beats.n > 0 || !l->echo.came)) {
		b.echo = l->heard.in.time;
		b.held = now - l->heard.came;
	}
	b.txpkts = l->meter.tx.pkts + 1;
	b.txbytes = l->meter.tx.bytes + size;
	b.rxpkts = l->heard.in.pkts;
	b.rxbytes = l->heard.in.bytes;
	b.next = running ? tx.seq[LaneData] : 1;
	charge(&l->pace, size + wireoverhead(l));
	if (beatput(l, s, kind, &b, &l->addr.peer) < 0) {
		if (errno != EAGAIN && errno != ENOBUFS)
			linkerror(l, errno);
		return;
	}
	l->meter.tx.pkts = b.txpkts;
	l->meter.tx.bytes = b.txbytes;
	*t = l->meter.tx;
	t->time = now / Us * Us; /* as the echo will have it */
	l->beats.n++;
}

/* Hellos are not measured. An answer to one leaves no trace: whoever has
 * recorded a hello may have sent it. So it has the cookie where none but the
 * client can read it, in place of a count of packets. */
static void
hellosend(Link *l, int hello, const struct sockaddr_storage *to)
{
	int kind = role == Client ? SealHello : SealAnswer;
	Beat b = { .hello = hello, .next = 1,
	    .txpkts = peer.hello.keys.cookie };
	int n = beatput(l, &peer.hello, kind, &b, to);

	if (role == Server)
		return;
	charge(&l->pace, beatwire(l, kind) + wireoverhead(l));
	if (n < 0 && errno != EAGAIN && errno != ENOBUFS)
		linkerror(l, errno);
}

/* Heartbeats are slow on a spare link that carries nothing. The peer is told,
 * for it may think otherwise. */
static void
beatpace(Link *l)
{
	Beats *b = &l->beats;
	int slow = l->spare && now - l->used > Pause;

	if (b->slow && !slow) {
		b->quick = now;
		b->next = MIN(b->next, MAX(b->last + peer.interval, now));
	}
	b->slow = slow;
}

/* Returns when a link is to send its first heartbeat, ns: by turns. */
static int64_t
beatstart(const Link *l)
{
	return now + peer.interval * (l->pfd - PfdLink) / loop.links / 4;
}

/* Returns ns to the next heartbeat. */
static int64_t
beatgap(const Link *l)
{
	if (l->beats.slow)
		return BeatSlow;
	if (!survey.best && now - peer.lonely < Retry)
		return MAX(peer.interval / 4, BeatMin);
	return peer.interval;
}

/* Returns when a heartbeat has to say that a burst of ordered packets has
 * ended, so that the loss of its last ones shows, ns. */
static int64_t
burstend(const Link *l)
{
	return !usable(l, NULL) || l->beats.data <= l->beats.last ?
	    INT64_MAX : MAX(l->beats.data + BurstEnd, l->beats.last + BeatMin);
}

/* protect: what is lost need not be missed
 *
 * A repair takes a round trip and more. Packets that are few and urgent go by
 * a second link too. Where links lose there is a parity for each few packets:
 * those of light flows at all times, those of heavy ones while links have room
 * to spare. What that does not save is repaired. */

/* Is the packet to have a copy? */
static int
hascopy(const Flow *f, const Pkt *p)
{
	return parity == 2 || (expresscopies && (p->class == Express ||
	    (p->class == Ack && f->acked > AckCopied)));
}

/* Send by a second link too, if that has room to spare; if all packets are to
 * have a copy, any room. Returns -1 if it has not. */
static int
copy(const Link *first, const Pkt *p)
{
	Link *l = pick(p, 0, first, ByScore);
	Pkt *q;

	if (!l || l->spare || (parity != 2 && (saturated(l) ||
	    spendprivilege(p, 1) < 0)) || !(q = pktalloc()))
		return -1;
	memcpy(q->data, p->data, p->len);
	q->len = p->len;
	q->after = p->after;
	q->squeezed = p->squeezed;
	encode(q, p->seq, FlagData | FlagRepair);
	l->why[WhyCopy]++;
	linksend(l, q);
	return 0;
}

/* Returns for how many packets a parity is sent, 0: none. */
static int
parityevery(void)
{
	cover.on = parity == 1 &&
	    cover.loss > (cover.on ? ParityOff : ParityOn);
	return cover.on ? CLAMP(ParityMore / cover.loss, 2, 8) : 0;
}

/* Forget the oldest packets that were to be covered, down to n. */
static void
coverdrop(int n)
{
	int i, less = MAX(cover.n - n, 0);

	for (i = 0; i < less; i++)
		pktfree(cover.pkts[i]);
	cover.n -= less;
	memmove(cover.pkts, cover.pkts + less, cover.n * sizeof(Pkt *));
}

/* Let a parity cover a packet that is about to be sent, if that is worth it. A
 * SYN is changed when it is delivered. */
static void
coverpkt(Link *l, Pkt *p)
{
	int light = p->class == Express || p->waslight;

	if (p->class == Ack || p->ip.tcpflags & TcpSyn ||
	    (!light && saturated(l)))
		return;
	cover.loss -= cover.loss * MIN(now - cover.last, Second) / LossTime;
	cover.loss = MAX(cover.loss, l->loss.ratio);
	cover.last = now;
	if (!parityevery())
		return;
	coverdrop(Window - 1);
	/* a list has 2 bytes for a distance */
	if (cover.n > 0 && p->seq - cover.pkts[cover.n - 1]->seq > UINT16_MAX)
		coverdrop(0);
	cover.pkts[cover.n++] = pkthold(p);
	cover.due++;
	cover.light |= light;
	cover.link = l;
	cover.next = now + BurstEnd;
	p->covered = 1;
}

/* Returns the link for a parity: another one than for the packets, if it
 * brings it at about the same time. */
static Link *
paritylink(const Pkt *p)
{
	Link *same = cover.link, *to = same, *l;
	int64_t later;

	for (l = bond; l; l = l->next) {
		later = arrival(l, p->len) - arrival(same, p->len);
		if (l != same && usable(l, p) && !l->spare &&
		    room(l, l->pace.clock) && llabs(later) <= SameDelay &&
		    (to == same || l->pace.clock < to->pace.clock))
			to = l;
	}
	return usable(to, p) && !to->spare && room(to, to->pace.clock) && !full(to) &&
	    !queued(to) && (cover.light || !saturated(to)) ? to : NULL;
}

/* Make a parity of the newest packets that fit: a list needs more room. */
static void
paritymake(Pkt *p, const Link *l)
{
	parityencode(p, cover.pkts, cover.n);
	while (p->len > linkpayload(l) && cover.n > 1) {
		coverdrop(cover.n - 1);
		parityencode(p, cover.pkts, cover.n);
	}
}

/* Returns bytes of the longest packet that is covered: a parity is as long. */
static int
coverlen(void)
{
	int i, len = 0;

	for (i = 0; i < cover.n; i++)
		len = MAX(len, cover.pkts[i]->len);
	return len;
}

/* Send a parity if one is due, or no more packets come. What that one covers
 * the next does not. */
static void
paritysend(void)
{
	int every = parityevery(), late = now >= cover.next;
	const Pkt *newest = cover.pkts[MAX(cover.n - 1, 0)];
	Link *l;
	Pkt *p;

	if (!cover.due || (cover.due < every && !late))
		return;
	l = paritylink(newest);
	if (!l && !late)
		return;
	if (l && every && spend(&cover.clock, MAX(ParityTime, saturated(l) *
	    ParityPart * airtime(&l->pace, coverlen())), Second / 10) == 0 &&
	    (p = pktalloc())) {
		paritymake(p, l);
		counts[CntParity]++;
		l->why[WhyParity]++;
		linksend(l, p);
	}
	cover.due = cover.light = 0;
	if (late)
		coverdrop(0);
}

/* schedule: what waits goes out while there is room */

/* Find out after which packet of its flow the peer has to deliver this one:
 * none if it has that. Express packets need not keep the order of sending, but
 * must not overtake ordered ones. */
static void
follow(Flow *f, Pkt *p)
{
	if (p->class == Ack)
		return;
	p->after = 0;
	if (f->seq >= tx.oldest && p->seq - f->seq <= UINT16_MAX &&
	    (f->ordered || p->class == Ordered))
		p->after = p->seq - f->seq;
	f->ordered = p->after || p->class == Ordered;
	f->seq = p->seq;
}

static void
transmit(Link *l, Pkt *p)
{
	Flow *f = &queues.flows[p->flow];
	Turn *t = &queues.hosts[p->host].turn;
	int ordered = p->class == Ordered;
	int why = l == bestlink(p) ? WhyScore : WhyOverflow;

	if (ordered && heavy(f)) {
		why = WhyHeavy;
		if (p->flow != queues.heavyflow)
			queues.shared = now;
		queues.heavyflow = p->flow;
	}
	if (ordered && !heavy(f) && l != survey.light && survey.step)
		overflowed(f);
	l->why[why]++;
	p->link = l - bond;
	if (p->kind->name)
		kinds[p->link][p->kind - traffic]++;
	p->seq = tx.seq[LaneData]++;
	follow(f, p);
	if (!hascopy(f, p) || copy(l, p) < 0)
		coverpkt(l, p);
	if (compress && l->pace.rate < compress * INT64_C(1000) &&
	    saturated(l) && !p->covered)
		compact(f, p);
	t->deficit = MAX(t->deficit - p->len - wireoverhead(l), -HostDebt);
	encode(p, p->seq, FlagData | (p->covered ? FlagParity : 0));
	if (ordered) {
		if (now - l->beats.data > ReportEvery +
		    airtime(&l->pace, Quantum))
			l->beats.burst = now;
		l->beats.data = now;
		loop.nextbeat = MIN(loop.nextbeat, burstend(l));
	}
	if (!ordered && l == survey.best)
		expressrate(p->wirelen + wireoverhead(l));
	if (ordered && p->waslight && !elastic(p)) {
		queues.lastexpress = now;
		if (!queues.steadybytes)
			queues.look++; /* elastic flows were passed over */
	}
	linksend(l, pkthold(p));
	keep(l, p);
	paritysend();
}

/* Send express packets that have a link now; the others keep their order. */
static void
expresssend(void)
{
	Link *l;
	Pkt *p;
	int n, ahead = 0;

	for (n = queues.express.len; n > 0; n--) {
		p = queueget(&queues.express);
		if (now > p->deadline) {
			pktdrop(p, DropStale);
		} else if ((l = selectexpress(p, ahead))) {
			transmit(l, p);
		} else {
			ahead += p->len + HdrLen + 28 + linkoverhead;
			queueput(&queues.express, p);
		}
	}
}

/* Send the ACKs that are due while there is room; the others keep their order.
 * Saturated links come last: their last part is for express packets. */
static void
acksend(void)
{
	Link *l;
	Pkt *p;
	int n;

	queues.nextack = INT64_MAX;
	for (n = queues.acks.len; n > 0; n--) {
		p = queues.acks.head;
		if (now > p->deadline) {
			pktdrop(ackget(), DropStale);
		} else if (ackdue(p) <= now &&
		    (l = pick(p, 0, NULL, ByScore))) {
			queues.flows[p->flow].lastack = now;
			transmit(l, ackget());
		} else {
			queues.nextack = MIN(queues.nextack,
			    MAX(ackdue(p), now + Burst));
			queueput(&queues.acks, queueget(&queues.acks));
		}
	}
}

/* Send repairs where they arrive first; drop those that waited too long. */
static void
repairsend(void)
{
	Queue *q = &tx.repairs;
	Link *l = NULL;
	Pkt *p;
	int why;

	while ((p = q->head) && (now > p->deadline ||
	    (l = pick(p, 0, NULL, ByArrival)))) {
		queueget(q);
		why = p->asked;
		p->asked = Unasked;
		if (now > p->deadline) {
			pktdrop(p, DropStale);
			continue;
		}
		if (p->seq < tx.oldest ||
		    (why == Overtaken && !flying(p->seq))) {
			pktfree(p);
			continue;
		}
		sentof(p->seq)->again = now + l->delay.srtt +
		    2 * l->delay.rttvar + tx.every + Grace;
		encode(p, p->seq, FlagData | FlagRepair |
		    (p->covered ? FlagParity : 0));
		l->why[WhyRepair]++;
		linksend(l, p);
	}
}

/* Returns when a link will have room for what waits, ns: heavy flows wait
 * until several packets can go at once. */
static int64_t
nextroom(void)
{
	int first = queues.express.head || tx.repairs.head ||
	    queues.lightbytes;
	int64_t at = INT64_MAX, ahead, t;
	const Link *l;

	for (l = bond; l; l = l->next) {
		if (!first && !queues.queued && !l->out.n)
			continue;
		/* what is full has no clock */
		at = MIN(at, now + BurstMax);
		ahead = l->pace.burst * (first || l->out.n ? 4 : 3) / 4;
		t = l->pace.clock - ahead;
		at = t > now ? MIN(at, t) : at;
		t = l->pace.satclock - ahead;
		at = t > now ? MIN(at, t) : at;
	}
	return at;
}

static void
schedule(void)
{
	Link *l;
	Pkt *p;

	survey.known = 0;
	queues.look++; /* nobody has been passed over */
	for (l = bond; l; l = l->next)
		l->roomy = queues.lightbytes ||
		    room(l, l->pace.clock + l->pace.burst / 4);
	expresssend();
	acksend();
	repairsend();
	paritysend();
	while ((p = dequeue(&l)))
		transmit(l, p);
	for (l = bond; l; l = l->next)
		linkflush(l);
	queues.nextsend = MIN(nextroom(), cover.due ? cover.next : INT64_MAX);
}

/* down: from the TUN to the links */

/* Queue what came, and send batch by batch while the packets are in the
 * cache. */
static void
tunpkt(void)
{
	Queue in = { 0 };
	Pkt *p;
	int reads, n = 0, done = 0;

	for (reads = 0; reads < TunBatch && n < TunBatch && tunread(&in);
	    reads++) {
		for (; (p = queueget(&in)); n++) {
			ipclamp(p->data, &p->ip, tun.mtu);
			classify(p);
			enqueue(p);
		}
		if (n - done > Batch) {
			schedule();
			done = n;
		}
	}
	loop.handled += n;
	loop.unread |= reads == TunBatch || n >= TunBatch;
}

/* control: what a link carries, from what the peer reports
 *
 * A report says of one packet of a link when it came, and how much was sent
 * and had come up to it. The rate of the pacer is tied to what was delivered,
 * in the most of the last half second, and a part more while there is no
 * queue; so much as is delivered until a report comes, and a short queue, may
 * be on its way. What exceeds that is tested, see drain(). */

/* Returns bit/s between two tallies, overhead of the way included. The peer
 * may say anything. */
static int64_t
tallyrate(const Link *l, const Tally *from, const Tally *to)
{
	int64_t us = MAX((to->time - from->time) / Us, 1);
	int64_t bits = (int64_t)((to->bytes - from->bytes +
	    (to->pkts - from->pkts) * wireoverhead(l)) * 8);

	return CLAMP(bits, 0, INT64_MAX / 4000000) * 1000000 / us;
}

static void
ratebound(Link *l)
{
	Pace *p = &l->pace;

	p->rate = CLAMP(p->rate, RateMin, p->ceil[0] ? p->ceil[0] : RateMax);
	p->burst = CLAMP(l->delay.srtt / 16, Burst, BurstMax);
}

/* Note the delay of one packet, ns. */
static void
delayput(Delay *d, int64_t owd)
{
	d->owd = d->base.since ? d->owd + (owd - d->owd) / 4 : owd;
	leastput(&d->base, owd);
}

/* Smooth a round trip time, less what the queue on the way there is in it. */
static void
wayput(Delay *d, int64_t *smooth, int64_t rtt, int64_t owd)
{
	rtt = MAX(rtt - (owd - least(&d->base)), 0);
	*smooth += *smooth ? (rtt - *smooth) / 8 : rtt;
}

/* Measure what happened from one report to another; loss since an old one, as
 * a burst may be too short to tell. */
static void
between(Link *l, const Point *from, const Point *to, const Point *old)
{
	Control *c = &l->control;
	int64_t came = tallyrate(l, &from->rx, &to->rx);
	int64_t went;
	Tally first = from->tx;
	uint64_t n = to->tx.pkts - old->tx.pkts;

	first.time = MIN(first.time, to->tx.time - 2 * ReportEvery);
	went = tallyrate(l, &first, &to->tx);
	c->got = MIN(came, went);
	if (went > l->pace.rate / 2)
		c->full = now;
	c->most = MAX(c->most, c->got);
	c->behind = came < went / 10 * 9;
	c->through = llabs(came - went) < went / 10;
	c->loss = n < 20 ? 0 :
	    1 - (double)MIN(to->rx.pkts - old->rx.pkts, n) / n;
	c->random -= MAX(c->random - c->loss, 0) / 8;
}

/* Is the link to have no queue? Only one whose limit stays can be held below
 * it. */
static int
quick(const Link *l)
{
	return l == survey.quick && l->control.moved < 3;
}

/* Note a report. Of a quick link the rate is that of the burst of which it
 * speaks, as light use is short bursts. Returns -1 if it says too little to
 * measure by. */
static int
pointput(Link *l, const Tally *out, const Tally *in)
{
	Control *c = &l->control;
	Point *to = &c->points[c->n++ % Remembered], *from = to, *old = to, *p;
	int64_t low = in->time - out->time;
	unsigned i, n = MIN(c->n, (unsigned)Remembered);

	*to = (Point){ *out, *in, now, 0 };
	for (i = 2; i <= n; i++) {
		p = &c->points[(c->n - i) % Remembered];
		if (now - p->at > GotTime)
			break;
		low = MIN(low, p->rx.time - p->tx.time);
		old = p;
		if (!quick(l) || p->tx.time >= l->beats.burst ||
		    in->time - from->rx.time < 2 * ReportEvery)
			from = p;
	}
	if (in->time - from->rx.time < 2 * ReportEvery)
		return -1;
	between(l, from, to, old);
	to->got = c->got;
	c->queue = MAX(low - least(&l->delay.base), 0);
	for (c->gotmax = 0, i = 1; i <= n; i++) {
		p = &c->points[(c->n - i) % Remembered];
		if (now - p->at > GotMax)
			break;
		c->gotmax = MAX(c->gotmax, p->got);
	}
	return 0;
}

/* Returns ns of queue that may stand at the link. */
static int64_t
target(const Link *l)
{
	return (quick(l) ? TargetQuick : TargetBulk) +
	    airtime(&l->pace, 2 * Quantum);
}

/* Note that the link carries no more than bps. Where probes hurt they are held
 * off, the longer the more often it has been the same. */
static void
limit(Link *l, int64_t bps)
{
	Control *c = &l->control;
	int same = llabs(bps - c->limit) <= bps / 20;

	if (now - c->limited > 3 * GotTime) {
		c->moved = same ? 0 : c->moved + 1;
		c->hold = l != survey.quick && c->loss < LossMost ? 0 :
		    CLAMP(2 * c->hold * same, 2 * Second, 16 * Second);
	}
	c->limit = bps;
	c->limited = now;
}

/* End the test: ours is whether the excess was, and has gone. */
static void
drained(Link *l, int ours)
{
	Control *c = &l->control;
	int i;

	c->drain = 0;
	if (ours) {
		limit(l, c->drainrate);
		l->pace.rate = c->drainrate;
		return;
	}
	c->random = MAX(c->random, c->loss);
	for (i = 0; i < LEN(l->delay.base.least); i++)
		l->delay.base.least[i] += MIN(c->queue, LeastTime);
	l->pace.rate = c->before;
}

/* There is too long a queue, or too much loss: send half of what is delivered,
 * and see what happens. A queue of ours goes away, and so does loss for want
 * of room. If what is sent comes through and the excess stays, the way has
 * become longer, or the loss is random. The packet that has been reported was
 * sent at time out. */
static void
drain(Link *l, int64_t out)
{
	Control *c = &l->control;
	int64_t got = quick(l) ? c->gotmax : c->got;
	int quiet = c->queue < target(l) / 2;
	double loss = c->loss - c->random;

	if (!c->drain) {
		c->drain = c->low = now;
		c->drainrate = got;
		c->drainqueue = c->queue;
		c->drainloss = loss;
	}
	if (out < c->drain || c->behind)
		c->drainrate = MIN(c->drainrate, got);
	l->pace.rate = c->drainrate / 2;
	if (c->drainloss > LossMost && out - c->drain < GotTime)
		return;
	if (quiet && loss <= MAX(c->drainloss, LossMost) / 2)
		drained(l, 1);
	else if (out - c->drain > GotTime + 2 * c->drainqueue &&
	    (c->through || quiet))
		drained(l, 0);
}

/* Hold a quick link below its limit, and try a little more now and then; far
 * from it, on either side, it may be another one, and is looked for faster, as
 * in RFC 9438. */
static void
growquick(Link *l)
{
	Control *c = &l->control;
	int64_t t = target(l), most = c->gotmax, *rate = &l->pace.rate;
	int near = c->limited && llabs(*rate - c->limit) < c->limit / 8;

	most += most / (near ? 16 : 2) * (t - c->queue) / t;
	most = most * 100 / l->pace.percent;
	if (near)
		most = MIN(most, *rate / 100 * 101);
	if (c->queue > t) {
		limit(l, c->gotmax);
		*rate = c->gotmax / 10 * 9;
	} else {
		*rate = 2 * c->queue > t ? most : MAX(most, *rate);
	}
}

/* Follow what is delivered, and a part more if there is little queue. What is
 * not used keeps its rate. */
static void
grow(Link *l)
{
	Control *c = &l->control;
	int64_t t = target(l), most = c->gotmax, *rate = &l->pace.rate;

	if (2 * c->queue > t && now - c->full > GotMax)
		return; /* such a queue is not ours */
	if (c->queue <= t && now - c->limited < c->hold) {
		*rate = c->limit / 100 * 98;
	} else if (quick(l)) {
		growquick(l);
	} else {
		most += most / (c->limited ? 2 : 1) *
		    MAX(t - c->queue, 0) / t;
		*rate = 2 * c->queue > t ? most : MAX(most, *rate);
	}
}

/* Set how much may be on its way: what is delivered until a report comes, the
 * queue that is wanted, and some packets. */
static void
windowset(Link *l)
{
	Control *c = &l->control;
	int64_t t = target(l), time, rate;
	int some = quick(l) || c->queue > t ? 10000 : 20000;

	time = (l->delay.loop ? l->delay.loop : l->delay.rtt) + t +
	    MAX(tx.every, ReportEvery);
	rate = 2 * c->queue > 3 * t ? c->got : c->gotmax;
	if (c->drain)
		rate = c->drainrate;
	else if (l->pace.ceil[0] && (!c->limited ||
	    now - c->limited > 10 * Second)) /* it is believed */
		rate = l->pace.rate;
	c->window = rate / 8000 * (time / Us) / 1000 + some;
}

/* Learn from a packet of which is known how much was sent and received up to
 * it. */
static void
adapt(Link *l, const Tally *out, const Tally *in)
{
	Control *c = &l->control;
	int lossy;

	delayput(&l->delay, in->time - out->time);
	if (pointput(l, out, in) < 0)
		return;
	lossy = c->loss > c->random + LossMost;
	if (c->queue < target(l) / 2 || now - c->full > GotMax)
		c->low = now;
	if (c->queue <= target(l) && !lossy)
		c->excess = now;
	if (c->excess == now)
		c->before = l->pace.rate;
	if (c->drain || now - c->low > Crept ||
	    ((lossy || c->queue > 2 * target(l)) && now - c->excess > Stand))
		drain(l, out->time);
	else
		grow(l);
	if (!l->pace.ceil[0] || c->most >= OrderedMin) /* it may be */
		l->pace.rate = MAX(l->pace.rate, OrderedMin);
	ratebound(l);
	windowset(l);
}

/* A link too slow to be chosen gets nothing to show that it has become faster:
 * now and then it is taken to be fast enough. */
static void
retry(Link *l)
{
	Control *c = &l->control;

	if (carries(l) || l->flight.first || now - c->limited < 16 * Second)
		return;
	c->limited = now;
	c->hold = 0;
	l->pace.rate = MAX(l->pace.rate, survey.slowest);
	ratebound(l);
}

/* Set the rates configured, bit/s or 0. New ones void what was learned. */
static void
rateceil(Link *l, int64_t up, int64_t down)
{
	Pace *p = &l->pace;

	if (p->rate && p->ceil[0] == up && p->ceil[1] == down)
		return;
	p->ceil[0] = up;
	p->ceil[1] = down;
	p->rate = up ? up : RateStart;
	memset(&l->control, 0, sizeof(l->control));
	ratebound(l);
}

/* Returns ns from one echo to the next: slow heartbeats, at either end, may
 * just miss those of the other. */
static int64_t
echogap(const Link *l)
{
	return l->beats.slow || l->heard.slow ? 2 * BeatSlow :
	    peer.interval;
}

/* Returns ns after which a link should have been heard of. */
static int64_t
silence(const Link *l)
{
	return MAX(3 * echogap(l), l->delay.srtt * 5 / 2);
}

/* Returns since when a link has been silent, or could be at this pace, ns. */
static int64_t
silentsince(const Link *l)
{
	return MAX(l->echo.came, l->beats.quick);
}

/* Does nothing come through at the moment? Either the peer reports it, or does
 * not report at all. */
static int
stalling(const Link *l)
{
	const Flight *f = &l->flight;
	int few = f->bytes <= ReportPart * ReportSize;
	int64_t more = StallTime + (few ? ReportLate : tx.every);

	if (now - silentsince(l) > silence(l))
		return 1;
	if (!f->first || now - f->progress <= more)
		return 0;
	return f->overdue > StallTime || now - sentof(f->first)->time >
	    l->delay.rtt + 2 * more + MIN(l->control.queue, 2 * TargetBulk);
}

/* Find links that have stalled: they get no more, and what hangs on them goes
 * by others, as goes what is late on a link that has become slow. */
static void
stalls(void)
{
	int64_t was;
	int changed = 0, more = 0;
	Flight *f;
	Link *l;

	if (now < loop.nextstall)
		return;
	for (l = bond; l; l = l->next) {
		f = &l->flight;
		was = f->stalled;
		if (was && MAX(f->progress, l->echo.came) > was)
			f->stalled = 0;
		if (!f->stalled && l->state >= LinkUp && stalling(l))
			f->stalled = now;
		if (f->stalled && !survey.stalled)
			rescue(l, now - l->delay.rtt / 2 - StallTime,
			    Overtaken);
		changed |= !was != !f->stalled;
		more |= f->first != 0;
	}
	loop.nextstall = more ? now + BurstMax : INT64_MAX;
	if (changed) /* a burst of a link that is back has to end */
		loop.nextbeat = MIN(loop.nextbeat, now);
	if (changed || survey.stale)
		surveylinks();
}

/* state: down, probing, up, lossy; and why a link is down */

/* Returns ns of silence after which a link is dead: a base station may stall
 * for a second. */
static int64_t
deadtime(const Link *l)
{
	return MAX(DeadTime, silence(l));
}

/* Returns the likeliest reason why the link has no answer, or FaultNone: it
 * has one, or there was no time for it. */
static int
faultof(const Link *l)
{
	const Fault *f = &l->fault;
	int i;

	if (l->state >= LinkUp || (!l->present && !serves(l)) ||
	    now - f->since < Mute)
		return FaultNone;
	if (f->heard) /* an answer takes a round trip */
		return now - f->heard < Mute ? FaultNone : FaultOneway;
	for (i = SignRow; i < SignLast; i++)
		if (f->at[i] && now - f->at[i] < Mute)
			return i;
	if (l->log.error == ENODEV)
		return FaultDevice;
	if (devices.last && !l->seen && (role == Client ? l->conf->client :
	    l->conf->server))
		return FaultLocal;
	if (l->fd < 0 && l->log.error)
		return FaultOpen;
	if (f->failed && now - f->failed < Mute)
		return FaultSend;
	return !l->present ? FaultNone : role == Client || survey.best ?
	    FaultSilent : FaultUnheard;
}

/* Returns a link that seems to share a modem with this one, or NULL: the client
 * has one address on both, which it has not chosen, or their round trips have
 * moved together for long. */
static const Link *
sameway(const Link *l)
{
	const Link *o;

	for (o = bond; o && role == Server && !l->conf->client; o = o->next)
		if (o != l && o->state >= LinkUp && !o->conf->client &&
		    l->state >= LinkUp && sameaddr(&l->addr.peer,
		    &o->addr.peer))
			return o;
	return l->state < LinkUp ? NULL : l->moves.with;
}

/* Returns what is wrong with the link, and what to do, or NULL. */
static const char *
fault(const Link *l)
{
	static const char *const says[] = {
		[SignRow] = "this is links[%d] at the other end: both need the "
		    "same rows in the same order",
		[SignVersion] = "the other end has another version: install "
		    "the same one on both hosts",
		[SignKey] = "datagrams from %s have another key: copy the "
		    "keyfile to both hosts",
		[SignPlain] = "datagrams from %s are not encrypted: both ends "
		    "need a keyfile, or none",
		[SignSealed] = "datagrams from %s are encrypted: both ends "
		    "need a keyfile, or none",
		[SignAddr] = "datagrams come from %s: the row has another "
		    "address or port",
		[SignRefused] = "refused by %s: is udpbond running there, with "
		    "this row and port? does a firewall reject UDP?",
		[SignRejected] = "%s is unreachable: is the address right, "
		    "the modem on? does a firewall reject UDP?",
		[FaultDevice] = "there is no such device",
		[FaultOpen] = "%s: is there a route to the other end?",
		[FaultLocal] = "%s is not an address of %s",
		[FaultSend] = "cannot send: %s: a route or a firewall here",
		[FaultOneway] = "hears the other end, which does not hear it: "
		    "a firewall, a route or rp_filter there",
		[FaultUnheard] = "no client is heard: does it run? does a "
		    "firewall here drop UDP?",
	};
	static char buf[256];
	int kind = faultof(l);
	const Link *o;
	const char *what = kind < SignLast ? addrtext(&l->fault.from) :
	    kind != FaultLocal ? strerror(l->log.error) :
	    role == Client ? l->client : l->server;

	if (kind == FaultNone && (o = sameway(l)))
		format(buf, sizeof(buf), "seems to go the same way as %s: by "
		    "one modem?", o->name);
	else if (kind == FaultNone)
		return NULL;
	else if (l->fault.way && (kind == SignRejected || kind > FaultLocal))
		format(buf, sizeof(buf), l->fault.way,
		    hosttext(&l->addr.remote));
	else if (kind == FaultSilent && role == Client)
		format(buf, sizeof(buf), "no answer from %s: %s does a "
		    "firewall drop UDP? see the log there",
		    addrtext(&l->addr.remote), survey.best ?
		    "is the modem online, the port right?" : keyfile ?
		    "does udpbond run there, with this key?" :
		    "does udpbond run there, without a keyfile?");
	else if (kind == FaultSilent)
		format(buf, sizeof(buf), "nothing comes from the client by "
		    "this link: does it have this row? see the log there");
	else if (kind == SignRow)
		format(buf, sizeof(buf), says[kind], l->fault.row);
	else
		format(buf, sizeof(buf), says[kind], what, role == Client &&
		    *l->device ? l->device : "this host");
	return buf;
}

/* The same as faultof(), but for what is logged once for all links. */
static int
faultlogged(const Link *l)
{
	int kind = faultof(l);

	return kind == FaultUnheard ? FaultNone : kind;
}

/* Log what is wrong with a link, when that changes or has not been said for
 * long. */
static void
faultlog(Link *l)
{
	Fault *f = &l->fault;
	int kind;

	if (!l->heard.came || now - l->heard.came > Second)
		f->heard = 0;
	else if (!f->heard)
		f->heard = now;
	kind = faultlogged(l);
	if (l->state >= LinkUp)
		f->since = now;
	if (kind == FaultNone && sameway(l))
		kind = FaultShared;
	if (now < f->next && (kind == f->told ||
	    (kind == FaultNone && f->told == FaultShared)))
		return;
	if (kind != FaultNone && claimline(&f->log, l->name))
		warn("link %s: %s", l->present ? l->name : l->conf->device,
		    fault(l));
	f->told = kind;
	f->next = now + MuteAgain;
}

/* Tell the parent process, which runs commands, whether any link is up: at
 * once if one is, or after some seconds. */
static void
tellparent(void)
{
	int up = survey.best != NULL;
	const Link *l;

	if (up)
		loop.lastonline = now;
	if (up == loop.online || (!up && now - loop.lastonline < Offline))
		return;
	loop.online = up;
	for (l = bond; l && role == Server && faultlogged(l) == FaultNone; )
		l = l->next;
	logmsg("%s%s", up ? "online" : "offline: ", up ? "" : l ?
	    "no link is up" : "no client is heard: does it run? does a "
	    "firewall here drop UDP?");
	if (loop.parent > 0 && write(loop.parent, &"du"[up], 1) < 0)
		warn("tell the parent:");
}

/* The only place where a link changes state, so the log is its history. */
static void
linkstate(Link *l, int state, const char *fmt, ...)
{
	va_list ap;
	char why[128];

	if (l->state == state)
		return;
	va_start(ap, fmt);
	vformat(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (claimline(&l->log, l->name))
		logmsg("link %s: %s, was %s: %s", l->name, statename[state],
		    statename[l->state], why);
	l->state = state;
	l->used = now;
	loop.nextbeat = 0;
	surveylinks();
	tellparent();
	if (!survey.best)
		peer.lonely = now;
	if (state != LinkDown)
		return;
	linkdrop(l, DropSend);
	rescue(l, now, Missed);
	memset(&l->flight, 0, sizeof(l->flight));
	l->echo.good = 0;
	l->echo.tx.time = 0;
	memset(&l->loss, 0, sizeof(l->loss));
	l->reopen = now + Reopen / 2;
}

/* Returns when the link has to be looked at again if nothing comes, ns. */
static int64_t
linkdue(const Link *l)
{
	if (l->state >= LinkUp)
		return silentsince(l) + deadtime(l) + 1;
	return (l->fd < 0 && serves(l)) ||
	    (l->present && (l->fd < 0 || role == Client)) ?
	    l->reopen : INT64_MAX;
}

static void
linkcheck(Link *l)
{
	int64_t silent = now - l->echo.came;
	int enough = l->echo.wasup ? 3 : 1;
	double percent = l->loss.ratio * 100;

	if (l->state >= LinkUp && now - silentsince(l) > deadtime(l))
		linkstate(l, LinkDown, "no echo for %d ms",
		    (int)(silent / MS(1)));
	else if (l->state == LinkUp && percent > losspercent + 0.001)
		linkstate(l, LinkLossy, "%d %% lost", (int)percent);
	else if (l->state == LinkLossy && percent * 2 < losspercent)
		linkstate(l, LinkUp, "%d %% lost", (int)percent);
	else if (l->state == LinkDown && l->echo.good)
		linkstate(l, LinkProbing, "it answers");
	if (l->state == LinkProbing && l->echo.came &&
	    l->echo.good >= enough) {
		linkstate(l, LinkUp, "RTT %.1f ms",
		    l->delay.srtt / (MS(1) / 10) / 10.0);
		l->echo.wasup = 1;
	}
	if (l->state < LinkUp && now >= linkdue(l))
		linkopen(l);
}

/* measure: what heartbeats say of delay and loss */

/* RFC 6298 */
static void
measurertt(Delay *d, int64_t rtt)
{
	if (!d->srtt) {
		d->srtt = rtt;
		d->rttvar = rtt / 2;
		return;
	}
	d->rttvar += (llabs(d->srtt - rtt) - d->rttvar) / 4;
	d->srtt += (rtt - d->srtt) / 8;
}

/* Count packets sent and received. The counts decay within 30 heartbeats, but
 * both: with nothing but heartbeats their ratio stays for some 20 s. */
static void
measureloss(Loss *s, double n, double got)
{
	s->sent += n - s->sent / 32;
	s->lost += MAX(n - got, 0) - s->lost / 32;
	s->ratio = s->sent > 32 ? s->lost / s->sent : 0;
}

/* Are datagrams lost that the kernel has segmented? */
static void
measurejoint(Link *l, const Tally *out, const Tally *in)
{
	int64_t n = out->pkts - l->echo.tx.pkts;
	int64_t lost = n - (int64_t)MIN(in->pkts - l->echo.rx.pkts,
	    (uint64_t)n);
	int64_t joint = out->joint[0] - l->echo.tx.joint[0];
	int64_t single = out->joint[1] - l->echo.tx.joint[1];
	Trial *t = &l->out.trial;
	int minutes;

	if (!joint == !single)
		return;
	t->sent[single > 0] += joint + single;
	t->lost[single > 0] += MIN(lost, joint + single);
	if ((minutes = judge(t, LinkEra)) && claimline(&l->log, l->name))
		logmsg("link %s: UDP_SEGMENT is off for %d min: datagrams get "
		    "lost", l->name, minutes);
}

/* Note what our next heartbeat will echo. */
static void
measurein(Link *l, const Beat *b)
{
	l->heard.in = l->meter.rx;
	l->heard.in.time = b->time;
	l->heard.came = now;
	l->heard.slow = b->slow;
	/* a client goes on in its old session until it hears of this one */
	l->heard.begun |= keyfile || role == Client || b->echo;
}

/* Returns our heartbeat that is echoed, or NULL if there is none, or the echo
 * is not new or older than a silence of the link. */
static const Tally *
echoed(const Link *l, const Beat *b)
{
	const Tally *t = NULL;
	unsigned i;

	for (i = 0; b->echo && i < MIN(l->beats.n, (unsigned)Remembered); i++)
		if (l->beats.sent[i].time == b->echo)
			t = &l->beats.sent[i];
	return !t || t->time <= l->echo.sent || now - b->echo - b->held < 0 ||
	    b->held > silence(l) ? NULL : t;
}

static void
measure(Link *l, const Beat *b)
{
	Tally arrived = { b->time - b->held, b->rxpkts, b->rxbytes, { 0 } };
	const Tally *t = echoed(l, b);
	int64_t owd = arrived.time - b->echo;
	Echo *e = &l->echo;

	measurein(l, b);
	if (!t)
		return;
	measurertt(&l->delay, now - b->echo - b->held);
	l->moves.now = MIN(l->moves.now - 1, (uint64_t)(now - b->echo -
	    b->held) / Us - 1) + 1; /* 0 is none */
	e->sent = t->time;
	e->came = now;
	e->good++;
	peer.proven = MAX(peer.proven, t->time);
	flightpast(&l->flight, 0, t->time);
	delayput(&l->delay, owd);
	wayput(&l->delay, &l->delay.rtt, now - b->echo - b->held, owd);
	loop.nextstall = now;
	retry(l);
	windowset(l);
	if (e->tx.time && t->time - e->tx.time <= peer.interval / 2)
		return; /* too short a time to measure */
	if (e->tx.time) {
		if (!queued(l) && now - l->control.limited > 2 * Second)
			measureloss(&l->loss, t->pkts - e->tx.pkts,
			    arrived.pkts - e->rx.pkts);
		measurejoint(l, t, &arrived);
	}
	e->tx = *t;
	e->rx = arrived;
	l->score = score(l->prio, l->delay.rtt, l->loss.ratio, 0);
}

/* reorder: packets wait here for those of their flow sent before them
 *
 *	 passed, lost  missing, held, passed ...   not sent, as far as known
 *	-------------+---------------------------+---------------------------
 *	             expected                    known
 *
 * A packet names the one that has to come before it, which leads back to it by
 * its slot: none waits for a packet of another flow, and no table of flows is
 * needed. The peer is told what is missing, knows by which link it went and
 * how far that link has come, and sends again what is lost. */

static Slot *
slotof(uint64_t seq)
{
	return &rx.slots[seq & (reorderpkts - 1)];
}

/* Expect seq next, and hold nothing. */
static void
reorderreset(uint64_t seq)
{
	int i;

	for (i = 0; i < reorderpkts; i++)
		if (rx.slots[i].p)
			pktfree(rx.slots[i].p);
	memset(rx.slots, 0, reorderpkts * sizeof(*rx.slots));
	rx.expected = rx.known = seq;
	rx.doubted = 0;
	rx.npaced = rx.pkts = rx.bytes = 0;
	rx.next = rx.nextreport = INT64_MAX;
	rx.every = ReportEvery;
}

/* Deliver a packet that is held, and those that wait for it: UDP no faster
 * than a socket of the usual size takes it. Expect what has not passed. */
static void
release(uint64_t seq)
{
	Slot *s;

	while (seq) {
		s = slotof(seq);
		if (s->p->ip.proto != IPPROTO_TCP && rx.npaced < Paced &&
		    spend(&rx.freeclock, s->p->len * MS(1) / FreeBytes,
		    MS(1)) < 0) {
			rx.paced[rx.npaced++] = seq;
			rx.next = MIN(rx.next, now + MS(1));
			break;
		}
		deliver(s->p);
		s->p = NULL;
		s->state = Passed;
		seq = s->next;
		s->next = 0;
	}
	while (rx.expected < rx.known && slotof(rx.expected)->state >= Passed)
		rx.expected++;
}

/* Note that a packet has passed or is lost: none waits for it any more. */
static void
settle(uint64_t seq, int state)
{
	Slot *s = slotof(seq);
	uint64_t next = s->next;

	if (state == Lost)
		counts[CntLost]++;
	s->state = state;
	s->next = 0;
	release(next);
}

/* Give up the oldest packet, or let it pass. */
static void
slotpass(void)
{
	Slot *s = slotof(rx.expected);
	int state = s->p ? Passed : Lost;

	if (s->p)
		deliver(s->p);
	s->p = NULL;
	settle(rx.expected, state);
}

/* Add a slot for the next packet: it is missing. */
static void
slotadd(void)
{
	if (rx.known - rx.expected >= (uint64_t)reorderpkts)
		slotpass();
	*slotof(rx.known++) = (Slot){ .since = now };
}

/* All packets below top have been sent: those not here are missing now, and
 * those for which there are no slots are lost. Returns -1 if there is no time
 * for so many. */
static int
reordertop(uint64_t top)
{
	uint64_t slots = reorderpkts;

	if (top <= rx.known)
		return 0;
	if (afford(2 * MIN(top - rx.known, slots)) < 0)
		return -1;
	if (top - rx.known > slots) {
		while (rx.expected < rx.known)
			slotpass();
		counts[CntLost] += top - slots - rx.known;
		rx.expected = rx.known = top - slots;
	}
	while (rx.known < top)
		slotadd();
	rx.next = MIN(rx.next, now + MS(reorderms));
	rx.nextreport = MIN(rx.nextreport,
	    MAX(now + Grace, rx.lastreport + rx.every));
	return 0;
}

/* Let a packet that was missing pass, or hold it for the one before it. */
static void
reorderpkt(Pkt *p)
{
	uint64_t seq = p->seq, first = seq - p->after;
	Slot *s = slotof(seq), *before = slotof(first);

	if (!p->after || first < rx.expected || first > seq ||
	    before->state >= Passed || before->next) {
		counts[CntInorder]++;
		deliver(p);
		settle(seq, Passed);
		return;
	}
	counts[CntReordered]++;
	ipparse(p->data, p->len, &p->ip);
	p->kind = kindof(&p->ip);
	s->p = p;
	s->state = Held;
	before->next = seq;
	if (before->state == Missing)
		rx.next = MIN(rx.next, before->since + usefor(p));
}

/* Set more free. Give up what has been missing for longer than what waits for
 * it is of use. */
static void
reordercheck(void)
{
	uint64_t paced[Paced], seq;
	int i, n = rx.npaced;
	int64_t due;
	Slot *s;

	if (now < rx.next)
		return;
	rx.next = INT64_MAX;
	memcpy(paced, rx.paced, sizeof(paced));
	rx.npaced = 0;
	for (i = 0; i < n; i++)
		if (paced[i] >= rx.expected && slotof(paced[i])->p)
			release(paced[i]);
	for (seq = rx.expected; seq < rx.known; seq++) {
		s = slotof(seq);
		if (s->state != Missing)
			continue;
		due = s->since + (s->next ? usefor(slotof(s->next)->p) :
		    MS(reorderms));
		if (due <= now)
			settle(seq, Lost);
		else
			rx.next = MIN(rx.next, due);
	}
	rx.next = MAX(rx.next, now + MS(1));
}

/* report: the peer is told what came by each link, and what is missing
 *
 * A record says below which seq all have come, 8 bytes, the time, 8 bytes of
 * us, and how often there is a report, 4 bytes of us. Then, after the number
 * of them, for each link that brought packets since the last report: its
 * number, 1 byte, and of the newest of these packets the seq, how long ago it
 * came, us, and how many datagrams and bytes had come by the link with it; of
 * these four numbers the lower 4 bytes. The rest is a bit for each seq from
 * the first on, set if it is missing: of their bytes those of 0 are counted,
 * and a 0 and their number written. */

enum { ReportHead = 22, ReportLink = 17, ReportLinks = 16, ReportMax = 500 };

/* Note a packet that has come by the link it was sent by first. */
static void
reportnote(Link *l, uint64_t seq, int len)
{
	rx.pkts++;
	rx.bytes += len + HdrLen + wireoverhead(l);
	if (l->heard.fresh++ && seq < l->heard.newest)
		return;
	l->heard.newest = seq;
	l->heard.then = l->meter.rx;
	l->heard.then.time = now;
	rx.nextreport = rx.pkts > ReportPkts ? now : MIN(rx.nextreport,
	    rx.lastreport + (rx.bytes > ReportPart * ReportSize ? rx.every :
	    ReportLate));
}

/* Returns how often a link may carry a report of n bytes, ns. */
static int64_t
reporttime(const Link *l, int n)
{
	return ReportPart * airtime(&l->pace, n + HdrLen + wireoverhead(l));
}

/* Send a report by the link that should be quickest, and, if twice, by another
 * one that is fast enough, each time the next: a link may stall unseen. */
static void
reportgo(const uint8_t *d, int n, int twice)
{
	Link *l = survey.quickest;
	int i;

	if (!l)
		return;
	rx.every = CLAMP(reporttime(l, n), ReportEvery, MS(100));
	control(l, d, n);
	for (i = 0, l = rx.second; twice && i < loop.links; i++) {
		l = linkafter(l);
		if (l != survey.quickest && usable(l, NULL) && !l->spare &&
		    reporttime(l, n) <= rx.every) {
			control(l, d, n);
			twice = 0;
		}
	}
	rx.second = l;
}

/* Write what came by the links, and returns for how many there was room. */
static int
reportlinks(uint8_t *d)
{
	Link *l = rx.turn ? rx.turn : bond;
	Heard *h;
	int i, n = 0;

	for (i = 0; i < loop.links && n < ReportLinks; i++, l = linkafter(l)) {
		h = &l->heard;
		if (!h->fresh)
			continue;
		put(d, l - bond, 1);
		put(d + 1, h->newest, 4);
		put(d + 5, (now - h->then.time) / Us, 4);
		put(d + 9, h->then.pkts, 4);
		put(d + 13, h->then.bytes, 4);
		d += ReportLink;
		h->fresh = 0;
		n++;
	}
	rx.turn = l;
	return n;
}

/* Write which packets are missing, in at most max bytes; those that may only
 * have been overtaken are not. Returns the bytes. */
static int
reportmissing(uint8_t *d, int max)
{
	const Slot *s;
	uint64_t seq;
	int i, bits, zeros = 0, n = 0, end = 0;

	for (seq = rx.expected; seq < rx.known && n < max - 2; seq += 8) {
		for (bits = i = 0; i < 8 && seq + i < rx.known; i++) {
			s = slotof(seq + i);
			if (s->state == Missing && now - s->since >= Grace)
				bits |= 1 << i;
		}
		zeros = bits ? 0 : zeros % 255 + 1;
		if (zeros > 1) {
			d[n - 1] = zeros;
			continue;
		}
		d[n++] = bits;
		if (zeros)
			d[n++] = 1;
		else
			end = n;
	}
	return end;
}

static void
reportsend(void)
{
	uint8_t d[ReportMax];
	int n;

	if (now < rx.nextreport)
		return;
	put(d, CtlReport, 1);
	put(d + 1, rx.expected, 8);
	put(d + 9, now / Us, 8);
	put(d + 17, CLAMP(now - rx.lastreport, rx.every, ReportLate) / Us, 4);
	d[21] = reportlinks(d + ReportHead);
	rx.nextreport = INT64_MAX;
	rx.lastreport = now;
	rx.pkts = rx.bytes = 0;
	n = ReportHead + d[21] * ReportLink;
	reportgo(d, n + reportmissing(d + n, ReportMax - n), d[21] > 1);
	if (d[21] == ReportLinks || rx.expected < rx.known)
		rx.nextreport = now + rx.every;
}

/* Returns the number nearest to was that ends in these 4 bytes. */
static uint64_t
whole(uint64_t was, uint32_t low)
{
	return was + (int32_t)(low - (uint32_t)was);
}

/* What a report says of a link counts if the packet was sent by it, later than
 * the last one that was reported. */
static void
reportlink(Link *l, uint64_t seq, const uint8_t *d, int64_t time)
{
	Control *c = &l->control;
	const Tally *was = &c->points[(c->n - 1) % Remembered].rx;
	const Sent *s = sentof(seq);
	Tally out, in;

	if (seq < tx.oldest || seq >= tx.seq[LaneData] ||
	    s->link != l - bond || seq <= l->flight.reported)
		return;
	out = (Tally){ s->time, s->pkts, s->bytes, { 0 } };
	in = (Tally){ time - get(d + 5, 4) * Us, whole(was->pkts,
	    get(d + 9, 4)), whole(was->bytes, get(d + 13, 4)), { 0 } };
	l->flight.reported = seq;
	flightpast(&l->flight, seq, 0);
	l->flight.progress = now;
	survey.stale = 1;
	loop.nextstall = now;
	adapt(l, &out, &in);
	wayput(&l->delay, &l->delay.loop,
	    now - s->time - (int64_t)get(d + 5, 4) * Us, in.time - out.time);
}

/* Note by how much the oldest packet on its way by a link was overdue at a
 * time on the peer's clock. */
static void
reportlate(Link *l, int64_t time)
{
	Flight *f = &l->flight;

	f->overdue = !f->first ? 0 :
	    time - sentof(f->first)->time - l->delay.owd;
	if (f->overdue > Overdue && !survey.stalled)
		rescue(l, time - l->delay.owd - Overdue, Overtaken);
}

/* Is a packet that is missing lost? Not if it is on its way, or has been sent
 * again just now. */
static int
lost(uint64_t seq)
{
	const Sent *s = sentof(seq);

	return seq >= tx.oldest && seq < tx.seq[LaneData] &&
	    s->p->asked != Missed && now >= s->again &&
	    (!flying(seq) || (s->again && bond[s->link].flight.stalled));
}

/* Send packets again that are missing: bits, from a seq on. */
static void
reportlost(uint64_t seq, const uint8_t *d, int len)
{
	int i;

	if (afford(8 * len) < 0)
		return;
	for (; len > 0; d++, len--) {
		if (!*d) {
			if (--len < 1)
				return;
			seq += 8 * *++d;
			continue;
		}
		for (i = 0; i < 8; i++, seq++)
			if (*d & 1 << i && lost(seq) &&
			    resend(sentof(seq)->p, Missed) < 0)
				return;
	}
}

static void
reportpkt(const uint8_t *d, int len)
{
	uint64_t expected = get(d + 1, 8);
	int64_t time = get(d + 9, 8);
	const uint8_t *e = d + ReportHead;
	Link *l;
	int number, n = d[21];

	if (expected > tx.seq[LaneData] || time >> 50 ||
	    len < ReportHead + n * ReportLink) {
		drops[DropForm]++;
		return;
	}
	for (; n > 0; n--, e += ReportLink) {
		number = e[0];
		if (number < LEN(bond) && bond[number].inuse)
			reportlink(&bond[number],
			    whole(expected, get(e + 1, 4)), e, time * Us);
	}
	if (time * Us <= tx.newest) /* it has been overtaken, or is a copy */
		return;
	tx.newest = time * Us;
	tx.every = MIN(get(d + 17, 4), 100000) * Us;
	for (l = bond; l; l = l->next)
		reportlate(l, time * Us);
	forget(expected);
	reportlost(expected, e, d + len - e);
	loop.nextstall = now;
	survey.stale = 1;
}

/* session: two ids, one of each end, and keys
 *
 *	client                                     server
 *	  | -- hello: C, S' ------------------------> |  C is new, S' a session
 *	  |                                           |  the client had, or 0
 *	  | <------------------------ answer: S, C -- |  nothing is remembered:
 *	  |                                           |  S is computed from C
 *	  | -- confirm, heartbeat: C, S ------------> |  the session is C, S
 *	  | <--------------------- heartbeat: S, C -- |
 *	  |  the session is C, S                      |
 *
 * With a key each datagram of these has a public key in front of it that is
 * made for this handshake only, X25519, and a cookie. Keys are made of the
 * master key and of what the two ends agree on by these, as in Noise's NNpsk0:
 * who learns the master key later can read nothing that was sent before. Each
 * end has proof that the other has just taken part. A recorded hello makes the
 * server send one datagram; to agree costs time, so it is done for a confirm
 * whose cookie is right: computed from the client's public key, a secret made
 * at start and the number of handshakes since. It becomes the server's id.
 *
 * A session whose keys have served for long is renewed by another handshake:
 * it gets new keys, and all else goes on. */

/* Returns the server's id in a session with this client, never 0. */
static uint64_t
answerid(const uint8_t *client, int len)
{
	uint8_t in[KeyLen + 8];

	memcpy(in, client, len);
	put(in + len, peer.epoch, 8);
	return siphash(keys.secret, in, len + 8) | 1;
}

/* Without a key the client is known by its id. */
static uint64_t
plainid(uint64_t id)
{
	uint8_t in[8];

	put(in, id, 8);
	return answerid(in, sizeof(in));
}

static void
proposal(uint64_t id, uint64_t peerid)
{
	peer.proposed.id = id;
	peer.proposed.peerid = peerid;
	peer.proposed.beats = 1;
	peer.proposed.since = now;
}

/* The handshake is over, or given up. Nothing of it may be found later. */
static void
handshakeend(void)
{
	explicit_bzero(&peer.proposed, sizeof(peer.proposed));
	explicit_bzero(&peer.hello, sizeof(peer.hello));
	explicit_bzero(keys.ephemeral, sizeof(keys.ephemeral));
	peer.renews = 0;
}

/* Begin a handshake: id is the client's. */
static void
handshake(uint64_t id)
{
	static const uint8_t base[KeyLen] = { 9 };
	Keys *k = &peer.hello.keys;
	int i;

	handshakeend();
	peer.hello.id = id;
	if (!keyfile)
		return;
	for (i = 0; i < KeyLen; i += 8)
		put(keys.ephemeral + i, random64(), 8);
	x25519(k->public, keys.ephemeral, base);
	memcpy(k->tx, keys.master, KeyLen);
	derive(k->tx, UseHello, k->public, NULL, 0);
}

/* Make the keys of the proposed session. A few in a second are made, no more.
 * Returns -1 if there are none. */
static int
agree(const uint8_t *theirs, uint64_t cookie)
{
	static const uint8_t zeros[16];
	const uint8_t *ours = peer.hello.keys.public;
	const uint8_t *client = role == Client ? ours : theirs;
	const uint8_t *server = role == Client ? theirs : ours;
	Keys *k = &peer.proposed.keys;
	uint8_t agreed[KeyLen];

	if (spend(&peer.curve, Second / 10, Second) < 0 ||
	    x25519(agreed, keys.ephemeral, theirs) < 0)
		return -1;
	hchacha(agreed, agreed, zeros);
	explicit_bzero(k, sizeof(*k));
	combine(role == Client ? k->tx : k->rx, UseUp, agreed, client,
	    server, cookie);
	combine(role == Client ? k->rx : k->tx, UseDown, agreed, client,
	    server, cookie);
	memcpy(k->public, client, KeyLen);
	k->cookie = cookie;
	explicit_bzero(agreed, sizeof(agreed));
	return 0;
}

/* Are these the keys of that handshake? */
static int
agreed(const Keys *k, const uint8_t *client, uint64_t cookie)
{
	return cookie && k->cookie == cookie &&
	    !memcmp(k->public, client, KeyLen);
}

static int
unsealhello(Pkt *p, int use)
{
	const uint8_t *theirs = p->wire + HdrLen;
	const uint8_t *ours = peer.hello.keys.public;
	uint8_t key[KeyLen];
	int error;

	memcpy(key, keys.master, KeyLen);
	derive(key, use, use == UseHello ? theirs : ours,
	    use == UseHello ? NULL : theirs, 0);
	error = unseal(p, key);
	explicit_bzero(key, sizeof(key));
	return error ? KeyNone : KeyHello;
}

static int
unsealconfirm(Pkt *p, int *why)
{
	const uint8_t *client = p->wire + HdrLen;
	uint64_t cookie = get(client + KeyLen, CookieLen);
	Keys *k = &peer.proposed.keys;

	if (agreed(&peer.session.keys, client, cookie)) /* a repeated one */
		return unsealonce(p, &peer.session.keys, why) < 0 ? KeyNone :
		    KeySession;
	if (!peer.hello.id || cookie != answerid(client, KeyLen) ||
	    (!agreed(k, client, cookie) && agree(client, cookie) < 0))
		return KeyNone;
	return unsealonce(p, k, why) < 0 ? KeyNone : KeyNext;
}

static int
unsealsession(Pkt *p, int *why)
{
	if (peer.session.id && unsealonce(p, &peer.session.keys, why) == 0)
		return KeySession;
	if (peer.old.cookie && unsealonce(p, &peer.old, why) == 0)
		return KeySession;
	return role == Client && peer.proposed.id &&
	    unsealonce(p, &peer.proposed.keys, why) == 0 ? KeyNext : KeyNone;
}

/* Open the datagram. Returns with which key it was sealed, or says why not. */
static int
verify(Pkt *p, int *why)
{
	int kind = sealedkind(p);

	*why = DropAuth;
	if (!keyfile)
		return p->wire[8] & FlagSealed ? KeyNone :
		    p->wire[8] & FlagBeat && p->wirelen >= HdrLen + BeatLen &&
		    p->wire[HdrLen + HelloAt] ? KeyHello : KeySession;
	if (kind == SealSession)
		return unsealsession(p, why);
	if (kind == SealConfirm && role == Server)
		return unsealconfirm(p, why);
	if (kind == SealHello && role == Server)
		return unsealhello(p, UseHello);
	if (kind == SealAnswer && role == Client && peer.hello.id)
		return unsealhello(p, UseAnswer);
	return KeyNone;
}

/* Is the peer there? What it says now is worth nothing, for somebody may have
 * held it back, but for what it says about a heartbeat of the last second. */
static int
alive(void)
{
	return peer.session.id &&
	    now - peer.proven < MAX(Second, 2 * peer.interval);
}

/* Have a hello to say: one that renews the session when it is time for that.
 * If an answer did not lead to a session, for an older server gave it, begin
 * anew: then answers to earlier hellos say nothing. */
static void
hellomake(int renew)
{
	if (peer.proposed.id && !peer.renews && keyfile &&
	    now - peer.proposed.since > peer.patience) {
		peer.patience = MIN(2 * peer.patience, 4 * Second);
		peer.hello.id = 0;
	}
	if (!peer.hello.id || (renew && peer.hello.id != peer.session.id))
		handshake(renew ? peer.session.id : random64());
	peer.hello.peerid = peer.session.peerid;
}

/* A client whose heartbeats are not echoed, or not yet, says hello too. */
static void
beat(Link *l)
{
	int renew = keyfile && peer.session.id &&
	    now - peer.session.since > Renew;

	if (l->fd < 0 || !l->present)
		return;
	if (role == Client && (!peer.session.id || renew ||
	    now - silentsince(l) > echogap(l) * 3 / 2 + l->delay.srtt)) {
		hellomake(renew);
		if (peer.proposed.id && keyfile)
			beatsend(l, peer.renews ? &peer.session :
			    &peer.proposed, SealConfirm);
		hellosend(l, renew ? HelloRenew : HelloNew, &l->addr.peer);
	}
	if (peer.session.id && l->addr.peerlen)
		beatsend(l, &peer.session, SealSession);
}

/* The server answers, unless the client knows the running session, for which
 * heartbeats answer, or another client works. It always answers one that has
 * another number for this link, which leads to nothing but a line in its log.
 * A client that missed the answers asks again, maybe from another address.
 * Answers are limited: a hello that was recorded may come from any forged
 * address. */
static void
hellopkt(Link *l, const Pkt *p, const Beat *b)
{
	Session *s = &peer.session, *h = &peer.hello;
	int mine = s->id && b->id == s->peerid;
	int renews = keyfile && mine && b->peerid == s->id &&
	    b->hello == HelloRenew;
	int misplaced = b->link != l - bond;
	int known = s->id && !renews && (b->peerid == s->id ||
	    (mine && keyfile));

	if (b->hello == HelloAnswer || (known && !misplaced))
		return;
	if (!mine && !misplaced && alive()) {
		drops[DropSession]++;
		if (claimline(&peer.others, "session"))
			warn("session: another client says hello, from %s: "
			    "it has to wait for the end of this one",
			    addrtext(p->from));
		return;
	}
	if (spend(&l->beats.answers[b->id % Answers], Second / 100,
	    Second / 10) < 0)
		return;
	if (keyfile && !h->id)
		handshake(1);
	h->keys.cookie = keyfile ? answerid(p->shake, KeyLen) :
	    plainid(b->id);
	h->id = renews || mine ? s->id : h->keys.cookie;
	h->peerid = b->id;
	if (keyfile) {
		memcpy(h->keys.tx, keys.master, KeyLen);
		derive(h->keys.tx, UseAnswer, p->shake, h->keys.public, 0);
	}
	hellosend(l, renews ? HelloRenew : HelloAnswer, p->from);
}

/* The client goes on under both ids, and repeats that in beat(). Without a key
 * the newest answer counts. */
static void
answerpkt(Link *l, const Pkt *p, const Beat *b)
{
	const Session *h = &peer.hello;

	if (!h->id || b->peerid != h->id || b->hello == HelloNew)
		return;
	if (b->hello == HelloAnswer &&
	    (peer.renews || h->id == peer.session.id)) {
		handshakeend(); /* the server has lost that session */
		peer.session.since = now;
		return;
	}
	if (keyfile && !peer.proposed.id) {
		if (agree(p->shake, b->txpkts) < 0)
			return;
		peer.renews = b->hello == HelloRenew &&
		    h->id == peer.session.id && b->id == peer.session.peerid;
		proposal(h->id, b->id);
	} else if (!keyfile && peer.proposed.peerid != b->id) {
		proposal(h->id, b->id);
	}
	beatsend(l, peer.renews ? &peer.session : &peer.proposed, SealConfirm);
}

static void
txreset(void)
{
	Sent *sent = tx.sent;
	int i;

	for (i = 0; i < keeppkts; i++)
		if (sent[i].p)
			pktfree(sent[i].p);
	while (tx.repairs.head)
		pktfree(queueget(&tx.repairs));
	memset(sent, 0, keeppkts * sizeof(*sent));
	memset(&tx, 0, sizeof(tx));
	tx.sent = sent;
	tx.oldest = 1;
	for (i = 0; i < LaneLast; i++)
		tx.seq[i] = 1;
}

static void
linkreset(Link *l)
{
	linkdrop(l, DropSession);
	memset(&l->heard, 0, sizeof(l->heard));
	memset(&l->echo, 0, sizeof(l->echo));
	memset(&l->flight, 0, sizeof(l->flight));
	memset(&l->delay.base, 0, sizeof(l->delay.base));
	l->control.n = 0;
}

/* Clear all that belongs to a session, as the peer does. */
static void
newsession(const Session *s)
{
	Link *l;
	int i;

	peer.session = *s;
	peer.session.since = peer.begun = now;
	handshakeend();
	explicit_bzero(&peer.old, sizeof(peer.old));
	peer.patience = Second;
	peer.proven = 0;
	peer.epoch++;
	peer.lonely = now;
	loop.nextbeat = 0;
	txreset();
	coverdrop(0);
	memset(&cover, 0, sizeof(cover));
	parityreset();
	memset(rx.replay, 0, sizeof(rx.replay));
	reorderreset(1);
	for (i = 0; i < Nflows; i++)
		queues.flows[i].seq = 0;
	for (l = bond; l; l = l->next) {
		linkreset(l);
		l->beats.next = beatstart(l);
		if (l->state != LinkDown)
			linkstate(l, LinkProbing, "new session");
	}
	if (claimline(&peer.log, "session"))
		logmsg("session: started");
}

/* Go on with the proposed keys. What is under way has the old ones. */
static void
renew(void)
{
	peer.old = peer.session.keys;
	peer.session.keys = peer.proposed.keys;
	peer.session.since = now;
	handshakeend();
	peer.epoch++;
}

/* A heartbeat of the proposed session begins it; a server computes it, so to
 * propose takes no memory. With new keys one of the running session renews it.
 * Returns -1 if it is of neither, or another client's while one works. */
static int
begin(const Beat *b, int key)
{
	Session *s = &peer.proposed;

	if (b->id == peer.session.peerid && b->peerid == peer.session.id &&
	    peer.session.id) {
		if (key == KeyNext)
			renew();
		return 0;
	}
	if (keyfile && key != KeyNext)
		return -1;
	if (role == Server && alive())
		return -1;
	if (role == Server)
		proposal(keyfile ? s->keys.cookie : plainid(b->id), b->id);
	if (!s->id || b->peerid != s->id || b->id != s->peerid)
		return -1;
	newsession(s);
	return 0;
}

static void
byepkt(void)
{
	Link *l;

	if (claimline(&peer.log, "session"))
		logmsg("session: the peer has ended");
	for (l = bond; l; l = l->next) {
		linkdrop(l, DropSession);
		linkstate(l, LinkDown, "the peer has ended");
		linkreset(l);
	}
	explicit_bzero(&peer.session, sizeof(peer.session));
	explicit_bzero(&peer.old, sizeof(peer.old));
}

/* found: links that come and go with their devices
 *
 * A row of links that is a pattern has places for many. What the kernel says
 * of devices, addresses and routes only wakes: then all of them are looked at,
 * so that no message is missed, and none is believed. The parent asks for them,
 * for the kernel has one lock for all devices, which others may hold for long:
 * a driver, say, whose modem comes or goes. A device is used once it is up, has
 * a carrier, an address and a route; when its carrier fails it stays, as
 * heartbeats say more; when it, its address or its name goes, so does the link.
 * What was learned of it is kept, for when it comes back. */

static void
addrinit(Addr *a, const Link *l)
{
	const char *local = role == Client ? l->client : l->server;
	const char *remote = role == Client ? l->server : l->client;

	a->any = !*local;
	a->v6 = parseaddr(*local ? local : remote, 0, &a->local) == AF_INET6;
	parseaddr(*local ? local : a->v6 ? "::" : "0.0.0.0",
	    role == Client && keyfile ? 0 : l->port, &a->local);
	parseaddr(remote, l->port, &a->remote);
}

/* Copy s, which may be NULL, with a number in place of %d. */
static void
numbered(char *d, int size, const char *s, int number)
{
	const char *at = numberin(s);

	if (format(d, size, "%s", s ? s : "") < size && at)
		format(d + (at - s), size - (at - s), "%d%s", number, at + 2);
}

/* A link is named by its device, else its address, else its number. */
static void
linkinit(Link *l, int row, int number)
{
	const Linkconf *c = &links[row];
	int kind = rowkind(c);

	l->conf = c;
	l->number = number;
	l->inuse = number == 0;
	l->present = kind == RowPlain;
	l->pace.percent = satpercent;
	l->fd = l->guard = -1;
	l->port = c->port + (kind == RowNumber ? number : 0);
	numbered(l->client, sizeof(l->client), c->client, number);
	numbered(l->server, sizeof(l->server), c->server, number);
	if (kind != RowGlob)
		numbered(l->device, sizeof(l->device), c->device, number);
	addrinit(&l->addr, l);
	numbered(l->name, sizeof(l->name), c->device ? c->device : c->client,
	    number);
	if (!*l->name)
		format(l->name, sizeof(l->name), "link%d", row);
}

static void
linksinit(void)
{
	Link *l = bond;
	int i, k;

	for (i = 0; i < LEN(links); i++)
		for (k = 0; k < (rowkind(&links[i]) ? Found : 1) &&
		    l < bond + LEN(bond); k++)
			linkinit(l++, i, k);
	linkchain();
}

static void
linkstart(Link *l)
{
	const Linkconf *c = l->conf;

	l->state = l->present ? LinkProbing : LinkDown;
	l->prio = c->priority;
	l->used = l->fault.since = now;
	l->beats.next = beatstart(l);
	rateceil(l, MBIT(role == Client ? c->up : c->down),
	    MBIT(role == Client ? c->down : c->up));
	linkopen(l);
	l->addr.mtu = l->addr.mtu ? l->addr.mtu : MtuMax;
}

/* A link has come: of the device that was last in its place, or of another. */
static void
linkfound(Link *l, const char *name)
{
	if (strcmp(l->name, name)) {
		memset(&l->control, 0, sizeof(l->control));
		memset(&l->delay, 0, sizeof(l->delay));
		memset(&l->loss, 0, sizeof(l->loss));
		memset(&l->meter, 0, sizeof(l->meter));
		memset(l->why, 0, sizeof(l->why));
		memset(kinds[l - bond], 0, sizeof(kinds[0]));
		l->pace.rate = 0;
		l->addr.mtu = 0;
	}
	format(l->name, sizeof(l->name), "%s", name);
	if (claimline(&l->log, l->name))
		logmsg("link %s: found", l->name);
	l->log.error = 0;
	l->present = l->inuse = 1;
	linkchain();
	netsinit();
	linkstart(l);
	tunmtu();
	surveylinks();
}

/* What it had goes by other links. */
static void
linkgone(Link *l, const char *why)
{
	if (l->state == LinkDown && claimline(&l->log, l->name))
		logmsg("link %s: gone: %s", l->name, why);
	linkstate(l, LinkDown, "gone: %s", why);
	linkreset(l);
	if (!serves(l))
		linkclose(l);
	l->present = 0;
	l->inuse = l->number == 0;
	linkchain();
	netsinit();
	tunmtu();
	surveylinks();
}

/* A server hears that the link is there, and which device it is. */
static void
linktold(Link *l, const char *name)
{
	Link *o;

	l->until = now + Minute;
	name = *name ? name : l->conf->device;
	if (l->present && !strcmp(l->name, name))
		return;
	for (o = bond; o; o = o->next)
		if (o->present && o->conf == l->conf &&
		    (o == l || !strcmp(o->name, name)))
			linkgone(o, "there is another one instead");
	linkfound(l, name);
}

/* Is the name like the pattern: * is any text, ? any character, [a-c] one of
 * these? */
static int
globs(const char *g, const char *s)
{
	int is;

	for (; *g; g++, s++) {
		if (*g == '*') {
			while (!globs(g + 1, s))
				if (!*s++)
					return 0;
			return 1;
		}
		if (!*s)
			return 0;
		if (*g == '[') {
			for (is = 0; *++g && *g != ']'; )
				if (g[1] == '-' && g[2] && g[2] != ']') {
					is |= *s >= *g && *s <= g[2];
					g += 2;
				} else {
					is |= *s == *g;
				}
			if (!is || !*g)
				return 0;
		} else if (*g != '?' && *g != *s) {
			return 0;
		}
	}
	return !*s;
}

/* Is the name one for the row? */
static int
rowlikes(const Linkconf *c, const char *name)
{
	char buf[IFNAMSIZ];
	const char *digit;
	int kind = rowkind(c);
	size_t at = kind == RowNumber ? numberin(c->device) - c->device : 0;
	int n = 0;

	if (kind == RowGlob)
		return globs(c->device, name);
	if (kind == RowPlain || strlen(name) <= at)
		return c->device && !strcmp(c->device, name);
	for (digit = name + at; *digit >= '0' && *digit <= '9' && n < Found; )
		n = 10 * n + *digit++ - '0';
	numbered(buf, sizeof(buf), c->device, MIN(n, Found - 1));
	return !strcmp(buf, name);
}

/* Returns the row that a device is for, or NULL: a name goes before patterns,
 * and of these the first one that fits. */
static const Linkconf *
rowfor(const char *name)
{
	const Linkconf *c, *row = NULL;

	for (c = links; c < links + LEN(links); c++)
		if (rowlikes(c, name) &&
		    (!row || (rowkind(row) && !rowkind(c))))
			row = c;
	return row;
}

/* Returns a device by its index, or its name, or NULL. */
static Device *
deviceof(int index, const char *name)
{
	Device *d;

	for (d = devices.list; d < devices.list + devices.n; d++)
		if (name ? !strcmp(d->name, name) : d->index == index)
			return d;
	return NULL;
}

/* Note a device that is up and that a row wants. */
static void
devicelink(const struct nlmsghdr *h)
{
	const struct ifinfomsg *m = NLMSG_DATA(h);
	const struct rtattr *a = IFLA_RTA(m);
	int state, n = (int)h->nlmsg_len - AskLink;
	Device d = { .carrier = 1 };

	if (h->nlmsg_type != RTM_NEWLINK || n < 0 || devices.n == Devices ||
	    !(m->ifi_flags & IFF_UP) || m->ifi_flags & IFF_LOOPBACK)
		return;
	d.index = m->ifi_index;
	d.type = m->ifi_type;
	for (; RTA_OK(a, n); a = RTA_NEXT(a, n)) {
		if (a->rta_type == IFLA_IFNAME)
			memcpy(d.name, RTA_DATA(a), MIN(RTA_PAYLOAD(a),
			    sizeof(d.name) - 1));
		if (a->rta_type == IFLA_MASTER)
			return;
		if (a->rta_type == IFLA_OPERSTATE && RTA_PAYLOAD(a) > 0) {
			state = *(uint8_t *)RTA_DATA(a);
			d.carrier = state < OperNotPresent ||
			    state > OperLowerDown;
		}
	}
	d.row = rowfor(d.name);
	if (d.row && plain(d.name) && strcmp(d.name, tundev))
		devices.list[devices.n++] = d;
}

/* Does the link leave by this device, or is any right? */
static int
deviceby(const Link *l, const Device *d)
{
	if (role == Server || !*l->device)
		return 1;
	return d && (rowkind(l->conf) == RowNumber ?
	    !strcmp(l->device, d->name) : l->index == d->index);
}

/* Set the address that the kernel tells. Returns -1 if it tells none that can
 * be used. */
static int
addrtold(const struct nlmsghdr *h, struct sockaddr_storage *ss)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	const struct rtattr *a = IFA_RTA(m), *addr = NULL;
	int n = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*m)), len;
	uint8_t *d;

	if (h->nlmsg_type != RTM_NEWADDR || n < 0 ||
	    m->ifa_flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
		return -1;
	for (; RTA_OK(a, n); a = RTA_NEXT(a, n)) /* the peer's, or our own */
		if (a->rta_type == IFA_LOCAL ||
		    (a->rta_type == IFA_ADDRESS && !addr))
			addr = a;
	memset(ss, 0, sizeof(*ss));
	ss->ss_family = m->ifa_family == AF_INET ? AF_INET : AF_INET6;
	d = (uint8_t *)addrbytes(ss, &len);
	if (!addr || (int)RTA_PAYLOAD(addr) != len)
		return -1;
	memcpy(d, RTA_DATA(addr), len);
	return 0;
}

/* Note an address: of a device, and of the links that have it. */
static void
deviceaddr(const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	struct sockaddr_storage ss;
	const uint8_t *d;
	Device *o;
	Link *l;
	int len;

	if (addrtold(h, &ss) < 0)
		return;
	d = addrbytes(&ss, &len);
	o = deviceof(m->ifa_index, NULL);
	for (l = bond; l < bond + LEN(bond) && l->conf; l++)
		l->sees |= deviceby(l, o) && sameaddr(&ss, l->addr.any ?
		    &l->addr.own : &l->addr.local);
	if (o && m->ifa_scope < RT_SCOPE_LINK &&
	    !o->addr[len == 16].ss_family &&
	    !(m->ifa_flags & IFA_F_DEPRECATED) &&
	    !(len == 4 && d[0] == 169 && d[1] == 254))
		o->addr[len == 16] = ss;
}

/* Ask the kernel for all that it has of a kind, and leave no answer unread.
 * Returns -1 if that is not all, as it has changed meanwhile. */
static int
devicedump(int type, void (*note)(const struct nlmsghdr *))
{
	static uint64_t buf[4096];
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr mh = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1
	};
	Rtmsg m = { .head.nlmsg_len = AskLink, .head.nlmsg_type = type,
	    .head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP };
	const uint32_t brief = RTEXT_FILTER_SKIP_STATS;
	struct nlmsghdr *h;
	int n, most = 4096, error = 0;

	rtput(&m, IFLA_EXT_MASK, &brief, sizeof(brief));
	if (sendto(rtnetlink, &m, m.head.nlmsg_len, MSG_DONTWAIT, NULL, 0) < 0)
		return -1;
	while (most-- > 0 &&
	    ((n = recvmsg(rtnetlink, &mh, MSG_DONTWAIT)) > 0 ||
	    (n < 0 && errno == ENOBUFS))) {
		if (n < 0 || mh.msg_flags & MSG_TRUNC)
			error = -1;
		for (h = (struct nlmsghdr *)buf; n > 0 && !from.nl_pid &&
		    NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_ERROR ||
			    h->nlmsg_flags & NLM_F_DUMP_INTR)
				error = -1;
			if (h->nlmsg_type == NLMSG_DONE)
				return error;
			note(h);
		}
	}
	return -1;
}

/* Is there a route to the peer by this device, for this address? Without one
 * the kernel would take the whole internet to be next to it. */
static int
deviceroute(const Device *d, const Link *l)
{
	Rtmsg m;

	return rtroute(&m, &l->addr.remote, &d->addr[l->addr.v6], d->index,
	    RTM_F_FIB_MATCH, RTA_TABLE) != 0;
}

/* May the link begin to use the device? */
static int
deviceready(const Device *d, const Link *l)
{
	if (!d->carrier || rowkind(l->conf) == RowNumber)
		return d->carrier && l->seen;
	return d->addr[l->addr.v6].ss_family && deviceroute(d, l);
}

/* Returns what is wrong with a device, or with its way to the server, or
 * NULL. */
static const char *
devicefault(const Device *d, const Link *l)
{
	return !d || !d->carrier ?
	    "the device is down, in a bridge or has no carrier" :
	    !d->addr[l->addr.v6].ss_family ? "the device has no address" :
	    deviceroute(d, l) ? NULL : "no route to %s by this way: a "
	    "default route will do, of any metric";
}

/* A plain row need not wait for silence if its device is another one now, or
 * has another address. */
static void
deviceplain(Link *l, int first)
{
	const Device *d = role == Client && *l->device ?
	    deviceof(0, l->device) : NULL;
	const struct sockaddr_storage *a = d ? &d->addr[l->addr.v6] : NULL;
	int moved = d && l->index != d->index;

	if (d && l->addr.any && !l->seen && a->ss_family) {
		moved |= l->addr.own.ss_family != 0;
		l->addr.own = *a;
	}
	l->index = d ? d->index : l->index;
	if (role == Client && *l->device)
		l->fault.way = devicefault(d, l);
	if (moved && !first)
		linkopen(l);
	else if (l->fd < 0)
		l->reopen = MIN(l->reopen, now + BurstMax);
}

/* Look whether a link of a pattern is still there. */
static void
devicecheck(Link *l)
{
	int glob = rowkind(l->conf) == RowGlob;
	Device *d = deviceof(l->index, glob ? NULL : l->device);
	const struct sockaddr_storage *a = d ? &d->addr[l->addr.v6] : NULL;

	if (!d || d->row != l->conf || !(glob ? a->ss_family : l->seen)) {
		linkgone(l, "the device or its address is not there");
		devices.next = now + Look; /* it may have come back */
		return;
	}
	d->taken = 1;
	if (glob && !l->seen)
		l->addr.local = *a;
	if (!l->seen || d->index != l->index) {
		l->index = d->index;
		linkopen(l);
	}
	if (strcmp(l->name, d->name) && claimline(&l->log, l->name))
		logmsg("link %s: is %s now", l->name, d->name);
	format(l->device, sizeof(l->device), "%s", d->name);
	format(l->name, sizeof(l->name), "%s", d->name);
	if (glob)
		l->fault.way = devicefault(d, l);
}

/* Returns the place in its row for a device that no link has: the one it had
 * before, or else the first that is free, or NULL. */
static Link *
deviceplace(const Device *d)
{
	int glob = rowkind(d->row) == RowGlob;
	Link *l, *to = NULL;

	for (l = bond; l < bond + LEN(bond) && l->conf; l++)
		if (l->conf == d->row && !l->present &&
		    (glob ? !to || !strcmp(l->name, d->name) :
		    !strcmp(l->device, d->name)))
			to = l;
	return to;
}

static void
devicetake(const Device *d, Link *l)
{
	l->index = d->index;
	if (rowkind(l->conf) == RowGlob) {
		l->addr.local = d->addr[l->addr.v6];
		l->addr.any = 0;
		l->fault.way = NULL;
		format(l->device, sizeof(l->device), "%s", d->name);
	}
	linkfound(l, d->name);
}

/* Forget all devices and addresses, to note them anew. */
static void
devicesnone(void)
{
	Link *l;

	devices.n = 0;
	for (l = bond; l < bond + LEN(bond) && l->conf; l++)
		l->sees = 0;
}

/* All have been noted. */
static void
devicesall(void)
{
	Link *l;

	for (l = bond; l < bond + LEN(bond) && l->conf; l++)
		l->seen = l->sees;
}

/* Note all devices and addresses. Returns -1 if that failed. */
static int
devicescan(void)
{
	devicesnone();
	if (devicedump(RTM_GETLINK, devicelink) < 0 ||
	    devicedump(RTM_GETADDR, deviceaddr) < 0)
		return -1;
	devicesall();
	return 0;
}

/* Take what devices there are now, and leave those that are not. */
static void
devicesuse(int first)
{
	int kind, left = 0;
	Device *d;
	Link *l;

	for (l = bond; l < bond + LEN(bond) && l->conf; l++) {
		kind = rowkind(l->conf);
		if (kind == RowPlain)
			deviceplain(l, first);
		else if (role == Client && l->present)
			devicecheck(l);
		else if (role == Server && kind == RowNumber && l->present !=
		    (l->seen && rowfor(l->device) == l->conf)) {
			if (l->present)
				linkgone(l, "its address is not there");
			else
				linkfound(l, l->device);
		}
	}
	for (d = devices.list; role == Client &&
	    d < devices.list + devices.n; d++) {
		if (d->taken || rowkind(d->row) == RowPlain)
			continue;
		if (!(l = deviceplace(d)))
			left++;
		else if (deviceready(d, l))
			devicetake(d, l);
	}
	if (left && !devices.left)
		warn("links: a row takes %d devices, %d more are left out",
		    Found, left);
	devices.left = left;
	loop.nextbeat = MIN(loop.nextbeat, now);
}

/* Look at all devices and addresses, at least each minute. */
static void
devicelook(void)
{
	int first = !devices.last;

	devices.last = now;
	devices.next = now + Minute;
	if (devicescan() < 0)
		devices.next = now + Look;
	else
		devicesuse(first);
}

/* Have the parent look: it may have to wait. An answer that this process was
 * too slow to read ends early. */
static void
deviceask(void)
{
	if (loop.parent < 0) {
		devicelook();
		return;
	}
	devices.last = now;
	devices.asked = write(loop.parent, "?", 1) == 1;
	devices.changed = 0;
	devices.next = now + (devices.asked ? 10 * Second : Look);
}

/* Note what the parent passes on, message by message, see devicespass(). */
static void
deviceanswer(const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case NLMSG_NOOP:
		devicesnone();
		return;
	case NLMSG_DONE:
	case NLMSG_ERROR:
		devices.asked = 0;
		devices.next = now + Minute;
		if (devices.changed || h->nlmsg_type == NLMSG_ERROR)
			devices.next = now + Look;
		if (h->nlmsg_type == NLMSG_ERROR)
			return;
		devicesall();
		devicesuse(0);
		return;
	}
	devicelink(h);
	deviceaddr(h);
}

static void
deviceanswers(void)
{
	uint64_t buf[4096];
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
	int i, n;

	for (i = 0; i < Batch &&
	    (n = read(loop.parent, buf, sizeof(buf))) > 0; i++)
		if (NLMSG_OK(h, (unsigned)n))
			deviceanswer(h);
}

/* Something has changed; more may have. */
static void
deviceevent(void)
{
	uint8_t d[1024];
	int i;

	for (i = 0; i < Batch && (read(devices.fd, d, sizeof(d)) > 0 ||
	    errno == ENOBUFS); i++)
		;
	devices.changed = 1;
	if (!devices.asked)
		devices.next = MIN(devices.next,
		    MAX(devices.last + Look, now));
}

/* Be told of changes, and look at what there is. */
static void
devicewatch(void)
{
	struct sockaddr_nl to = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
		    RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE
	};

	devices.next = INT64_MAX;
	devices.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, NETLINK_ROUTE);
	if (devices.fd < 0 || bind(devices.fd, (struct sockaddr *)&to,
	    sizeof(to)) < 0)
		warn("rtnetlink:");
	else
		devicelook();
}

/* up: from the links to the TUN */

/* Can the sender be the peer? With a key a client may be anywhere. Without
 * one both ends have the row's port, which no other user can bind then. */
static int
trusted(const Link *l, const struct sockaddr_storage *from)
{
	return (keyfile && role == Server) ||
	    (sameaddr(&l->addr.remote, from) && (keyfile ||
	    addrport(&l->addr.remote) == addrport(from)));
}

/* Without a key, believe a seq that is far ahead only if the very next agrees:
 * a damaged one must not shut out all others. Returns -1 if it is doubted. */
static int
believe(uint64_t seq, uint64_t last, uint64_t far, uint64_t *doubted)
{
	int doubts = !keyfile && seq > last && seq - last > far &&
	    seq - *doubted > far;

	*doubted = doubts ? seq : 0;
	return -doubts;
}

/* Let a record in, once. Returns -1 if it was dropped as known or doubted. */
static int
admit(Pkt *p, int lane)
{
	uint64_t far = lane == LaneBeat ? FarBeat * loop.links : Far;
	Replay *w = &rx.replay[lane];

	if (believe(p->seq, w->last, far, &w->doubted) < 0)
		drops[DropWindow]++;
	else if (replaycheck(w, p->seq) == 0)
		return 0;
	else
		drops[DropReplay]++;
	pktfree(p);
	return -1;
}

/* A server learns from the newest heartbeat where to send, priority, rates and
 * interval. A new address gets heartbeats only until one sent there has been
 * echoed. */
static void
linkpeer(Link *l, const Beat *b, const struct sockaddr_storage *from)
{
	Addr *a = &l->addr;
	char was[64] = "";

	if (!sameaddr(&a->peer, from) ||
	    addrport(&a->peer) != addrport(from)) {
		if (afford(100) < 0)
			return;
		if (a->peerlen)
			format(was, sizeof(was), ", was at %s",
			    addrtext(&a->peer));
		if (claimline(&l->log, l->name))
			logmsg("link %s: peer is at %s%s", l->name,
			    addrtext(from), was);
		a->peer = *from;
		a->peerlen = sizeof(*from);
		l->beats.n = 0;
		l->echo.good = l->echo.wasup = 0;
		linkdrop(l, DropSend);
		if (l->state != LinkDown)
			linkstate(l, LinkProbing, "the peer has moved");
		linkmtu(l);
	}
	peer.interval = MS(CLAMP(b->interval, 20, 1000));
	l->prio = MIN(b->prio, Backup);
	rateceil(l, MIN(b->down, PeerMax) * INT64_C(1000),
	    MIN(b->up, PeerMax) * INT64_C(1000));
}

/* Can the two ends understand each other? If not, say so. */
static int
sameformat(const Pkt *p)
{
	int sent = p->len > FormatAt ? p->data[FormatAt] : Format;

	if (sent != Format && sent + 1 != peer.format &&
	    claimline(&peer.log, "session"))
		warn("session: the peer sends format %d, this udpbond knows "
		    "%d: install the same version on both hosts", sent,
		    Format);
	peer.format = sent + 1;
	return sent == Format;
}

/* A hello is answered, and that is all. A heartbeat of the proposed session
 * starts that session. The newest one of the session is measured. */
static void
beatpkt(Link *l, Pkt *p)
{
	int same = sameformat(p), first = role == Client && !l->heard.begun;
	Beat b;

	if (beatdecode(p->data, p->len, &b) < 0 ||
	    !b.hello != (p->key != KeyHello)) {
		pktdrop(p, same ? DropForm : DropVersion);
		return;
	}
	if (!same)
		sign(l, SignVersion, p->from);
	if (b.link != l - bond) {
		sign(l, SignRow, p->from);
		l->fault.row = b.link;
	}
	if (b.hello && role == Server) /* the peer shall log these too */
		hellopkt(l, p, &b);
	if (!same || b.link != l - bond) {
		pktdrop(p, same ? DropForm : DropVersion);
		return;
	}
	if (b.hello) {
		if (role == Client)
			answerpkt(l, p, &b);
		pktfree(p);
		return;
	}
	if (begin(&b, p->key) < 0) {
		pktdrop(p, DropSession);
		return;
	}
	if (admit(p, LaneBeat) < 0)
		return;
	if (!l->heard.came || p->seq > l->heard.seq) {
		if (role == Server && rowkind(l->conf) == RowGlob)
			linktold(l, b.name);
		l->heard.seq = p->seq;
		if (role == Server)
			linkpeer(l, &b, p->from);
		measure(l, &b);
		survey.stale = 1;
		loop.nextstall = now;
		if (l->state < LinkUp) /* death can wait for beats() */
			linkcheck(l);
		if (believe(b.next, rx.known, Far, &rx.doubted) == 0)
			reordertop(b.next);
	}
	/* the sooner both know that they are heard the better */
	if (first || ((l->state < LinkUp || !b.echo) &&
	    now - l->beats.last > MS(10)))
		beat(l);
	pktfree(p);
}

/* Take the order off a record. */
static void
takeorder(Pkt *p, int flags)
{
	if (!(flags & FlagOrder))
		return;
	p->after = get(p->data, OrderLen);
	p->data += OrderLen;
	p->len -= OrderLen;
}

/* Let a packet in, once; with link l it came by the one it was sent by first.
 * Returns -1 if it was dropped. */
static int
datain(Link *l, Pkt *p)
{
	uint64_t seq = p->seq;
	Slot *s = slotof(seq);

	if (seq + reorderpkts < rx.known || seq >= rx.known + SeqJump ||
	    believe(seq, rx.known, Far, &rx.doubted) < 0 ||
	    reordertop(seq) < 0) {
		pktdrop(p, DropWindow);
		return -1;
	}
	if (seq == rx.known)
		slotadd();
	if (l)
		reportnote(l, seq, p->len);
	if (s->state == Held || s->state == Passed) {
		counts[CntDup]++;
		pktfree(p);
		return -1;
	}
	return 0;
}

/* Hand on a packet that is new. */
static void
datanew(Pkt *p)
{
	Slot *s = slotof(p->seq);

	if (s->state == Missing) {
		reorderpkt(p);
		return;
	}
	counts[CntLate]++;
	s->state = Passed;
	deliver(p);
}

static void
datafound(Queue *found)
{
	Pkt *p;

	while ((p = queueget(found)))
		if (datain(NULL, p) == 0)
			datanew(p);
}

static void
datapkt(Link *l, Pkt *p, int flags)
{
	Queue found = { 0 };

	takeorder(p, flags);
	if (flags & FlagCompressed && expand(p) < 0) {
		pktdrop(p, DropForm);
		return;
	}
	if (datain(flags & FlagRepair ? NULL : l, p) < 0)
		return;
	if (flags & FlagRepair)
		counts[CntRepaired]++;
	if (flags & FlagParity)
		parityknow(p, &found);
	datanew(p);
	datafound(&found);
}

static void
paritypkt(Pkt *p, int flags)
{
	Queue found = { 0 };

	takeorder(p, flags);
	if (afford(2 * Window) < 0)
		counts[CntVain]++;
	else if (parityadd(p, &found) < 0)
		drops[DropForm]++;
	pktfree(p);
	datafound(&found);
}

static void
controlpkt(Pkt *p)
{
	if (admit(p, LaneControl) < 0)
		return;
	if (p->len >= ReportHead && p->data[0] == CtlReport)
		reportpkt(p->data, p->len);
	else if (p->len >= 1 && p->data[0] == CtlBye)
		byepkt();
	else
		drops[DropForm]++;
	pktfree(p);
}

/* What comes before the peer has begun the session is of an older one. */
static void
record(Link *l, Pkt *p, const Rec *r)
{
	p->seq = r->seq;
	if (r->flags & FlagBeat) {
		beatpkt(l, p);
		return;
	}
	if (p->key != KeySession || !l->heard.begun) {
		pktdrop(p, DropSession);
		return;
	}
	linkused(l);
	if (r->flags & FlagControl) {
		controlpkt(p);
	} else if (!(r->flags & FlagData)) {
		paritypkt(p, r->flags);
	} else {
		l->heard.lastseq = r->seq;
		datapkt(l, p, r->flags);
	}
}

/* Returns the link of that number if it has this one's socket, or NULL. */
static Link *
linknamed(Link *l, int number)
{
	Link *o = number < LEN(bond) ? &bond[number] : NULL;

	if (!o || !o->conf || !shares(o) || firstof(o) != l)
		return NULL;
	o->fd = l->fd;
	return o;
}

static int
padding(const uint8_t *d, int len)
{
	static const uint8_t zeros[Pad];

	return keyfile && len < Pad && !memcmp(d, zeros, len);
}

/* The gates, cheapest first. Returns the link that the datagram came by, or
 * NULL: it was dropped, and what that may be a sign of is noted. */
static Link *
gates(Link *l, Pkt *p)
{
	Link *named;
	int why;

	if (p->wirelen < HdrLen) {
		pktdrop(p, DropShort);
		return NULL;
	}
	if (!trusted(l, p->from)) {
		sign(l, !keyfile && p->wire[8] & FlagSealed ? SignSealed :
		    SignAddr, p->from);
		pktdrop(p, DropAddr);
		return NULL;
	}
	if ((p->key = verify(p, &why)) == KeyNone) {
		if (why == DropAuth && (role == Server || !peer.session.id))
			sign(l, !keyfile ? SignSealed : sealedkind(p) < 0 ?
			    SignPlain : SignKey, p->from);
		pktdrop(p, why);
		return NULL;
	}
	if (!keyfile || p->link == l - bond)
		return l;
	if ((named = linknamed(l, p->link)) || p->key == KeyHello)
		return named ? named : l; /* a hello is answered, see hellopkt() */
	pktdrop(p, DropForm);
	return NULL;
}

/* Take a datagram that came, each record by itself. */
static void
datagram(Link *l, Pkt *p)
{
	int n, len = p->wirelen;
	Pkt *q;
	Rec r;

	if (!(l = gates(l, p)))
		return;
	if (p->key == KeyNext && peer.renews) {
		renew();
		p->key = KeySession;
	}
	if (p->key != KeyHello) {
		l->meter.rx.pkts++;
		l->meter.rx.bytes += len;
	}
	for (;;) {
		if ((n = decode(p->wire, p->wirelen, &r)) < 0) {
			pktdrop(p, DropForm);
			return;
		}
		p->data = p->wire + HdrLen;
		p->len = r.len;
		if (n == p->wirelen || padding(p->wire + n, p->wirelen - n)) {
			record(l, p, &r);
			return;
		}
		if (!(q = pktalloc())) {
			pktdrop(p, DropPool);
			return;
		}
		q->data = q->buf + HdrLen; /* with its order, maybe */
		memcpy(q->data, p->data, p->len);
		q->len = p->len;
		q->key = p->key;
		q->shake = p->shake;
		q->time = p->time;
		q->from = p->from;
		record(l, q, &r);
		p->wire += n;
		p->wirelen -= n;
	}
}

/* Handle some batches, each while its packets are in the cache. */
static void
linkpkt(Link *l)
{
	Queue in = { 0 };
	int i, more = 1;
	Pkt *p;

	for (i = 0; i < 4 && more; i++) {
		more = linkrecv(l, &in);
		while ((p = queueget(&in)))
			datagram(l, p);
	}
	loop.unread |= more;
}

/* ctl: reports, and the socket for udpbond -l and -p */

static void
totals(Text *t)
{
	int i, n = 0;

	text(t, "Total -");
	for (i = 0; i < CntLast; i++)
		text(t, " %s: %" PRIu64 ",", countname[i].text, counts[i]);
	text(t, " dropped:");
	for (i = 0; i < DropLast; i++)
		if (drops[i])
			text(t, "%s %s %" PRIu64, n++ ? "," : "", dropname[i],
			    drops[i]);
	text(t, n ? "\n" : " none\n");
}

/* Does the link stand for a row that has none? */
static int
waits(const Link *l)
{
	return !l->present && (!l->next || l->next->number == 0);
}

/* Say that a row has no link. Returns 1 if there is no more to say of it. */
static int
absent(Text *t, const Link *l)
{
	if (waits(l))
		text(t, "%s - waiting for a device like this\n",
		    l->conf->device);
	return !l->present;
}

static void
metrics(Text *t)
{
	const Link *l;
	const Meter *m;

	text(t, "=== Link Metrics ===\n");
	for (l = bond; l; l = l->next) {
		m = &l->meter;
		if (absent(t, l))
			continue;
		text(t, "Link%d (%s) - RTT: ", (int)(l - bond),
		    *l->client ? l->client : l->name);
		if (l->state < LinkUp)
			text(t, "-, BW: -, Score: -, DOWN\n");
		else
			text(t, "%.1fms, BW: %.1f/%.1f Mbps (%d%%), Score: "
			    "%d, %s\n", l->delay.srtt / 1e6, m->bw / 1e6,
			    m->bwmax / 1e6, m->use, l->score,
			    l->state == LinkLossy ? "LOSSY" :
			    m->use > satpercent ? "SATURATED" : "OK");
	}
	totals(t);
}

static void
statistics(Text *t)
{
	const Link *l;

	text(t, "=== Link Statistics ===\n");
	for (l = bond; l; l = l->next)
		if (!absent(t, l))
			text(t, "%s - Packets: %" PRIu64 ", Bytes: %" PRIu64
			    ", Last seq: %" PRIu64 ", RTT: %dms\n",
			    l->addr.peerlen ? addrtext(&l->addr.peer) :
			    l->name, l->meter.rx.pkts, l->meter.rx.bytes,
			    l->heard.lastseq,
			    (int)((l->delay.srtt + MS(1) / 2) / MS(1)));
	totals(t);
}

static void
describe(Text *t, const char *name, const char *type, const char *help)
{
	text(t, "# HELP udpbond_%s %s\n# TYPE udpbond_%s %s\n", name, help,
	    name, type);
}

/* Prometheus text format 0.0.4: seconds, bytes and ratios. */
static void
prometheus(Text *t)
{
	static const char *const of[][3] = { /* of each link, as in value */
		{ "link_up", "gauge", "Whether the link carries packets." },
		{ "link_spare", "gauge",
		  "Whether it only carries what other links cannot." },
		{ "link_rtt_seconds", "gauge", "Smoothed round trip time." },
		{ "link_loss_ratio", "gauge",
		  "Share of packets lost on the way out." },
		{ "link_score", "gauge", "Score, lower is better." },
		{ "link_rate_bytes_per_second", "gauge",
		  "Rate of the pacer." },
		{ "link_transmit_bytes_total", "counter",
		  "Bytes sent in datagrams." },
		{ "link_receive_bytes_total", "counter", "Bytes received." },
		{ "link_transmit_packets_total", "counter",
		  "Datagrams sent." },
		{ "link_receive_packets_total", "counter",
		  "Datagrams received." },
	};
	const Link *l;
	int i;

	for (i = 0; i < LEN(of); i++) {
		describe(t, of[i][0], of[i][1], of[i][2]);
		for (l = bond; l; l = l->next) {
			const double value[LEN(of)] = {
				l->state >= LinkUp, l->spare,
				l->delay.srtt / 1e9, l->loss.ratio, l->score,
				l->pace.rate / 8e0,
				l->meter.tx.bytes, l->meter.rx.bytes,
				l->meter.tx.pkts, l->meter.rx.pkts
			};
			if (l->present)
				text(t, "udpbond_%s{link=\"%s\"} %g\n",
				    of[i][0], l->name, value[i]);
		}
	}
	for (i = 0; i < CntLast; i++) {
		describe(t, countname[i].metric, "counter", countname[i].help);
		text(t, "udpbond_%s %" PRIu64 "\n", countname[i].metric,
		    counts[i]);
	}
	describe(t, "dropped_packets_total", "counter", "Packets dropped.");
	for (i = 0; i < DropLast; i++)
		text(t, "udpbond_dropped_packets_total{reason=\"%s\"} %"
		    PRIu64 "\n", dropname[i], drops[i]);
	describe(t, "traffic_packets_total", "counter",
	    "Packets sent, each counted once.");
	for (l = bond; l; l = l->next)
		for (i = 0; l->present && i < LEN(traffic); i++)
			text(t, "udpbond_traffic_packets_total{link=\"%s\","
			    "traffic=\"%s\"} %" PRIu64 "\n", l->name,
			    traffic[i].name, kinds[l - bond][i]);
}

/* Returns where the last line begins. */
static int
linestart(const Text *t)
{
	int at = t->len;

	while (at > 0 && t->buf[at - 1] != '\n')
		at--;
	return at;
}

/* Cut or fill the line so that the next column begins there. */
static void
tab(Text *t, int to)
{
	int n = linestart(t) + to - t->len;

	t->len += MIN(n, 0);
	for (; n > 0; n--)
		text(t, " ");
}

/* End a line, which is cut to its width. */
static void
endline(Text *t, int wide)
{
	int at = linestart(t);

	if (t->len - at > wide) {
		t->len = at + wide - 3;
		text(t, "...");
	}
	while (t->len > at && t->buf[t->len - 1] == ' ')
		t->len--;
	text(t, "\n");
}

/* Returns how many packets of a kind a link has sent, ever or of late. */
static uint64_t
kindsent(const Link *l, int k, int lately)
{
	uint64_t n = kinds[l - bond][k], was = past.kinds[1][l - bond][k];

	return n < was || !lately ? n : n - was; /* below: a new link's */
}

/* Say by which links which traffic went: ever, as counts, or if there is a
 * width of late, as shares. Returns how many lines that is; without a text it
 * only counts them. */
static int
traffictext(Text *t, int wide)
{
	const Link *l;
	int k, n, lines = 0;
	uint64_t all, sent;

	for (k = 0; k < LEN(traffic); k++) {
		for (all = 0, l = bond; l; l = l->next)
			all += kindsent(l, k, wide);
		lines += all > 0;
		if (!all || !t)
			continue;
		text(t, "%s", traffic[k].name);
		if (wide) {
			tab(t, 9);
			text(t, " sent by");
		}
		for (n = 0, l = bond; l; l = l->next)
			if ((sent = kindsent(l, k, wide)))
				text(t, wide ? "%s %s %lu%%" : "%s %s: %lu",
				    n++ ? "," : "", l->name, wide ?
				    (sent * 100 + all / 2) / all : sent);
		endline(t, wide ? wide : INT_MAX);
	}
	return lines;
}

/* Its configured rate is too high. */
static int
belowrate(const Link *l)
{
	return l->control.limited &&
	    l->control.most < l->pace.ceil[0] / 10 * 9;
}

/* Say how each link is used for sending, and why, for udpbond -l. */
static void
reasons(Text *t)
{
	int64_t least = INT64_MAX, oldest = now, total;
	const Link *l;
	const Flow *f;
	int i, n = 0, bytes = 0;

	for (l = bond; l; l = l->next)
		if (usable(l, NULL))
			least = MIN(least, l->delay.owd - l->delay.srtt / 2);
	for (l = bond; l; l = l->next) {
		if (!l->present)
			continue;
		text(t, "%s - %s%s, rate: %.1f Mbps, delay: %.1fms, loss: "
		    "%.1f%%", l->name,
		    l->flight.stalled ? "stalled" : statename[l->state],
		    !l->spare ? "" : backup(l) ? ", backup" : ", spare",
		    l->pace.rate / 1e6,
		    usable(l, NULL) ? (l->delay.owd - least) / 1e6 : 0.0,
		    l->loss.ratio * 100);
		if (belowrate(l))
			text(t, ", most was %.1f Mbps", l->control.most / 1e6);
		text(t, ", sent for");
		for (total = 0, i = 0; i < WhyLast; i++)
			total += l->why[i];
		for (i = 0; i < WhyLast; i++)
			text(t, "%s %s: %d%%", i ? "," : "", whyname[i],
			    (int)(l->why[i] * 100 / MAX(total, 1)));
		text(t, "\n");
	}
	for (f = queues.flows; f < queues.flows + Nflows; f++) {
		n += f->turn.listed;
		bytes += f->queue.bytes;
		if (f->queue.head)
			oldest = MIN(oldest, f->queue.head->time);
	}
	text(t, "Queue - flows: %d, packets: %d, bytes: %d, oldest: %.1fms, "
	    "express: %d, ACKs: %d, to repeat: %d\n", n,
	    queues.queued, bytes, (now - oldest) / 1e6, queues.express.len,
	    queues.acks.len, tx.repairs.len);
	offloads(t);
	text(t, "=== Traffic ===\n");
	traffictext(t, 0);
}

/* Append a number of thousandths in 7 columns; below 0 is none. */
static void
figure(Text *t, int64_t n)
{
	char buf[24];
	int len = format(buf, sizeof(buf), n < 0 ? "-" : n < MS(1) ? "%.1f" :
	    "%.0f", n / 1e3);

	text(t, "%s%s", &"       "[MIN(len, 7)], buf);
}

/* Returns bit/s that a link carries at most: sending, receiving. */
static int64_t
linkmost(const Link *l, int in)
{
	return !in ? l->pace.rate : l->pace.ceil[1] ? l->pace.ceil[1] :
	    MAX(l->meter.rxbest, RateMin);
}

/* Returns kbit/s of the last second. */
static uint32_t
lastsecond(const Link *l, int in)
{
	return l->meter.past[in][(l->meter.seconds + Past - 1) % Past];
}

/* Is what is received by this end what goes up, or down, as the client says? */
static int
receives(int down)
{
	return down == (role == Client);
}

static const char *
linkword(const Link *l)
{
	if (!linkworks(l))
		return l->state == LinkProbing && !fault(l) ? "probing" :
		    "DOWN";
	return l->flight.stalled ? "stalled" : l->state == LinkLossy ? "lossy" :
	    !l->spare ? "up" : backup(l) ? "backup" : "spare";
}

/* Returns what there is to say of a link, or NULL: of its rate, that the link
 * has been full at less, and busy for some seconds. */
static const char *
remark(const Link *l)
{
	static char buf[80];
	const char *s = fault(l);
	int i, full = 0;

	for (i = 0; i < Past; i++)
		full += l->meter.past[0][i] > l->pace.rate / 2000;
	if (s || full < 5 || !belowrate(l))
		return s;
	format(buf, sizeof(buf), "%s: most was %.1f of %.1f Mbit/s configured",
	    role == Client ? "up" : "down", l->control.most / 1e6,
	    l->pace.ceil[0] / 1e6);
	return buf;
}

/* Draw rates as shares of what the link carries: 1 to 8 become blocks of that
 * height where it is printed, see show(). */
static void
level(Text *t, int n)
{
	const char s[] = { n ? n : ' ', '\0' };

	text(t, "%s", s);
}

static void
bar(Text *t, const Link *l, int in, int wide)
{
	int64_t most = linkmost(l, in) / 1000, full;

	full = (lastsecond(l, in) * (int64_t)wide + most / 2) / most;
	for (; wide > 0; wide--)
		level(t, full-- > 0 ? 8 : '.');
	text(t, " ");
}

/* From the oldest second to the last, the more of both directions or one. */
static void
history(Text *t, const Link *l, int first, int last)
{
	int i, in, n;
	int64_t k;

	for (i = 0; i < Past; i++) {
		for (n = 0, in = first; in <= last; in++) {
			k = l->meter.past[in][(l->meter.seconds + i) % Past];
			if (k)
				n = MAX(n, 1 + MIN(k * 8000 / linkmost(l, in),
				    7));
		}
		level(t, n);
	}
}

/* Say who this is, of whom, since when, and how much it carries. */
static void
headline(Text *t, int wide)
{
	const Link *l, *of = survey.best;
	int n = 0, up = 0, v6, s;
	int64_t rate[2] = { 0, 0 }; /* kbit/s */
	const char *addr;

	for (l = bond; l; l = l->next) {
		of = of || !l->addr.peerlen ? of : l;
		n += l->present;
		up += linkworks(l);
		rate[0] += lastsecond(l, receives(0));
		rate[1] += lastsecond(l, receives(1));
	}
	text(t, "udpbond %s, %s", VERSION, role == Client ? "client" :
	    "server");
	if (of && of->addr.peerlen) { /* without brackets and port */
		addr = addrtext(&of->addr.peer);
		v6 = *addr == '[';
		text(t, " of %s", addr + v6);
		t->len -= strlen(strrchr(addr, ':')) + v6;
	}
	endline(t, wide);
	if (peer.session.id) {
		s = (now - peer.begun) / Second;
		text(t, s < 3600 ? "session for %d min %d s" :
		    "session for %d h %d min", s / 60 / (s < 3600 ? 1 : 60),
		    (s < 3600 ? s : s / 60) % 60);
	} else {
		text(t, "no session");
	}
	text(t, ", %d of %d links up, %.1f Mbit/s up, %.1f down", up, n,
	    rate[0] / 1e3, rate[1] / 1e3);
	endline(t, wide);
}

/* Write a link's line, for a script without the past. */
static void
linkline(Text *t, const Link *l, int wide, int namelen, int script)
{
	int down;

	text(t, "%s", l->name);
	tab(t, namelen);
	text(t, " %s", linkword(l));
	tab(t, namelen + StateLen - 4);
	figure(t, linkworks(l) ? l->delay.srtt / Us : -1);
	figure(t, linkworks(l) ? l->loss.ratio * 100000 : -1);
	for (down = 0; down < 2; down++)
		figure(t, lastsecond(l, receives(down)));
	text(t, " ");
	if (!script)
		history(t, l, 0, 1);
	endline(t, wide);
}

/* The same in two lines: what goes up, and down. */
static void
linklines(Text *t, const Link *l, int wide, int namelen)
{
	int down, in;

	for (down = 0; down < 2; down++) {
		in = receives(down);
		if (!down) {
			text(t, "%s", l->name);
			tab(t, namelen);
			text(t, " %s", linkword(l));
		} else if (linkworks(l)) {
			text(t, " %.1f ms, %.1f%% lost",
			    l->delay.srtt / 1e6, l->loss.ratio * 100);
		} else {
			text(t, " -");
		}
		tab(t, namelen + StateLen);
		figure(t, lastsecond(l, in));
		text(t, down ? " down" : " up  ");
		figure(t, linkmost(l, in) / 1000);
		text(t, " ");
		bar(t, l, in, MIN(wide - namelen - StateLen - 51, 40));
		history(t, l, in, in);
		endline(t, wide);
	}
}

/* What a person wants to see, for udpbond -l; high is 0 or the lines that there
 * are. */
static void
overview(Text *t, int wide, int high)
{
	int n = 0, notes = 0, namelen = 8, lines, room, need;
	const Link *l;
	const char *s;

	for (l = bond; l; l = l->next) {
		n += l->present || waits(l);
		notes += remark(l) != NULL;
		if (l->present)
			namelen = MAX(namelen, (int)strlen(l->name));
	}
	namelen = MIN(namelen, 12 + MAX(wide - Screen, 0) / 2);
	room = high ? high - 3 - traffictext(NULL, 1) : INT_MAX;
	lines = n <= TwoLines && 2 * n + notes <= room ? 2 : 1;
	headline(t, wide);
	text(t, "link");
	tab(t, namelen);
	text(t, " state");
	tab(t, namelen + StateLen - 4);
	if (lines > 1) {
		text(t, "     Mbit/s       limit in use");
		tab(t, MIN(wide - 30, namelen + StateLen + 61));
	} else {
		text(t, "    RTT  loss%%     up   down ");
	}
	text(t, "30 s ago                   now");
	endline(t, wide);
	for (l = bond; l; l = l->next) {
		if (!l->present && !waits(l))
			continue;
		s = remark(l);
		need = (l->present ? lines : 1) + !!s;
		if (high && room - need < (n > 1)) {
			text(t, "... and %d more\n", n);
			break;
		}
		room -= need;
		n--;
		if (absent(t, l))
			;
		else if (lines > 1)
			linklines(t, l, wide, namelen);
		else
			linkline(t, l, wide, namelen, 0);
		if (s) {
			text(t, "  %s", s);
			endline(t, high ? wide : MAX(wide, 160));
		}
	}
	traffictext(t, wide);
}

/* Answer a question: what, columns, lines; or tell how it goes. */
static void
report(Text *t, const uint8_t *ask)
{
	const Link *l;

	if (ask[0] == 'p') {
		prometheus(t);
	} else if (ask[0] == 'm') {
		for (l = bond; l; l = l->next)
			if (!absent(t, l))
				linkline(t, l, ScreenMax, 12, 1);
	} else if (ask[0] == 'l') {
		overview(t, ask[1] ? CLAMP(ask[1], ScreenMin, ScreenMax) :
		    Screen, ask[2]);
		if (ask[2])
			return;
		text(t, "\n");
		totals(t);
		reasons(t);
	} else if (role == Client) {
		metrics(t);
	} else {
		statistics(t);
	}
}

/* Name the control socket in the network namespace, not in the file system:
 * that leaves nothing behind and works from a chroot. */
static socklen_t
ctladdr(struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	    format(sun->sun_path + 1, sizeof(sun->sun_path) - 1,
	    "udpbond/%s", tundev);
}

/* The name may be taken. That there is one instance is up to the TUN. */
static void
ctlname(void)
{
	struct sockaddr_un sun;
	socklen_t len = ctladdr(&sun);

	ctl.named = bind(ctl.fd, (struct sockaddr *)&sun, len) == 0;
}

static void
ctlopen(void)
{
	ctl.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ctl.fd < 0 || setopt(ctl.fd, SOL_SOCKET, SO_PASSCRED, 1) < 0)
		die("control socket:");
	ctlname();
	if (!ctl.named)
		warn("control socket: is udpbond already running with %s?",
		    tundev);
}

/* A letter asks, maybe with the size of the screen, and one datagram answers;
 * only root is answered. Anybody may ask all the time, so the socket is looked
 * at each 10 ms at most. Returns 1 if another question may wait behind this
 * one. */
static int
ctlpkt(void)
{
	static Text t;
	struct sockaddr_un from;
	uint8_t ask[3] = { 0 };
	uint64_t space[CMSG_SPACE(sizeof(struct ucred)) / 8 + 1];
	struct iovec iov = { ask, sizeof(ask) };
	struct ucred cred = { 0, -1, -1 };
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space)
	};
	struct cmsghdr *c;

	ctl.next = now + MS(10);
	if (recvmsg(ctl.fd, &m, MSG_DONTWAIT) < 0)
		return 0;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	if (cred.uid != 0)
		return 1;
	t.len = 0;
	report(&t, ask);
	sendto(ctl.fd, t.buf, t.len, MSG_DONTWAIT, m.msg_name, m.msg_namelen);
	return 0;
}

/* Ask a running udpbond, for -l and -p. */
static void
ctlask(const uint8_t ask[3], Text *t)
{
	int n, i, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd pfd = { fd, POLLIN, 0 };
	sa_family_t family = AF_UNIX;
	struct sockaddr_un sun;

	if (geteuid() != 0)
		quit(Denied, "needs root: only root is answered");
	/* only a family: the kernel chooses a name */
	if (fd < 0 || bind(fd, (struct sockaddr *)&family, sizeof(family)) < 0)
		die("control socket:");
	for (i = 0; (n = sendto(fd, ask, 3, MSG_DONTWAIT,
	    (struct sockaddr *)&sun, ctladdr(&sun))) < 0 &&
	    errno == EAGAIN && i < 2000; i++)
		poll(NULL, 0, 1); /* others may keep the socket full */
	if (n < 0 && errno != EAGAIN)
		die("no running udpbond with %s in this network namespace",
		    tundev);
	if (poll(&pfd, 1, 2000) != 1 ||
	    (t->len = recv(fd, t->buf, sizeof(t->buf), 0)) < 0)
		die("the running udpbond does not answer");
	close(fd);
}

/* Does the terminal take UTF-8? */
static int
utf8(void)
{
	static const char names[][12] = { "LC_ALL=?*", "LC_CTYPE=?*",
	    "LANG=?*" };
	char **e;
	int i;

	for (i = 0; i < LEN(names); i++)
		for (e = environ; *e; e++)
			if (globs(names[i], *e))
				return globs("*UTF-8*", *e) ||
				    globs("*utf8*", *e);
	return 0;
}

/* Append an answer, at most so many lines, each behind some words. Levels turn
 * into blocks, or what looks a little like them. Anybody may have answered. */
static void
render(Text *to, const Text *t, const char *words, int lines, int blocks)
{
	int i, c, last = '\n';

	for (i = 0; i < t->len && lines > 0; i++, last = c) {
		c = (uint8_t)t->buf[i];
		if (to->len > TextSize / 2 && print(to))
			exit(1);
		if (last == '\n')
			text(to, "%s", words);
		if (c >= 1 && c <= 8 && blocks) {
			text(to, "\342\226");
			level(to, 0x80 + c);
		} else if (c >= 1 && c <= 8) {
			level(to, "_.-:=+*#"[c - 1]);
		} else {
			level(to, c == '\n' || (c >= ' ' && c <= '~') ? c :
			    '?');
		}
		lines -= c == '\n';
	}
}

/* Ask, for -l and -p: with an interval again and again, for what fits on the
 * terminal, written in place; where that is none, for a line for each link, to
 * be read by a script. Returns the exit status. */
static int
asker(int what)
{
	static Text t, out;
	uint8_t ask[3] = { what, 0, 0 };
	const char *words = "";
	struct winsize w;

	do {
		if (ioctl(1, TIOCGWINSZ, &w) < 0)
			w.ws_row = w.ws_col = 0;
		ask[1] = MIN(w.ws_col, ScreenMax);
		if (loop.interval && w.ws_row > 1) {
			ask[2] = MIN(w.ws_row - 1, 255);
			words = "\033[K";
			text(&out, "\033[H");
		} else if (loop.interval) {
			ask[0] = 'm';
		}
		ctlask(ask, &t);
		render(&out, &t, words, ask[2] ? ask[2] : INT_MAX, utf8());
		if (ask[2])
			text(&out, "\033[J");
		if (print(&out))
			return 1;
		poll(NULL, 0, loop.interval * 1000);
	} while (loop.interval);
	return 0;
}

/* timers: what is due, and when the next thing is */

/* Find what the link carried in the last second, the busier way. */
static void
meter(Link *l)
{
	Meter *m = &l->meter;
	int64_t out, in, inmax;
	int up;

	m->tx.time = m->rx.time = now;
	out = tallyrate(l, &m->lasttx, &m->tx);
	in = tallyrate(l, &m->lastrx, &m->rx);
	m->lasttx = m->tx;
	m->lastrx = m->rx;
	m->past[0][m->seconds % Past] = MIN(out / 1000, UINT32_MAX);
	m->past[1][m->seconds++ % Past] = MIN(in / 1000, UINT32_MAX);
	m->rxbest = MAX(m->rxbest, in);
	inmax = linkmost(l, 1);
	up = out / (l->pace.rate / 1000) > in / (inmax / 1000);
	m->bw = up ? out : in;
	m->bwmax = up ? l->pace.rate : inmax;
	m->use = m->bw * 100 / m->bwmax;
}

/* Have the least round trips of two links, of each second, moved together? A
 * host that is late for a moment moves all but these. What both carried moves
 * both, so only seconds count in which one carried little. Apart, the squares
 * of how they differ add up to those of how they move; in one queue they are
 * much less. */
static int
together(const Moves *a, const Moves *b)
{
	int64_t x = 0, y = 0, both = 0, n = 0, least;
	int i;

	for (i = 0; i < Steps; i++) {
		if (!a->idle[i] && !b->idle[i])
			continue;
		n++;
		x += a->steps[i] * a->steps[i];
		y += b->steps[i] * b->steps[i];
		both += (a->steps[i] - b->steps[i]) *
		    (a->steps[i] - b->steps[i]);
	}
	least = n * Unsteady * Unsteady;
	return n >= Steps / 2 && x > least && y > least && 4 * both < x + y;
}

/* Note how round trips have moved in this second, and look for links that move
 * alike: those of one link in each second. If most do, a host is late. */
static void
moves(void)
{
	const Link *o, *with;
	int i = 0, n = 0, idle;
	Moves *m;
	Link *l;

	loop.seconds++;
	for (l = bond; l; l = l->next) {
		m = &l->moves;
		idle = l->meter.use < 100 / 16;
		m->steps[loop.seconds % Steps] = m->now - m->last;
		m->idle[loop.seconds % Steps] = idle && m->wasidle &&
		    m->now && m->last;
		m->wasidle = idle;
		m->last = m->now;
		m->now = 0;
	}
	for (l = bond; l; l = l->next) {
		if (i++ != (int)(loop.seconds % loop.links))
			continue;
		with = NULL;
		for (o = bond; o; o = o->next)
			if (o != l && together(&l->moves, &o->moves)) {
				with = o;
				n++;
			}
		l->moves.with = n > 1 && 2 * n >= loop.links ? NULL : with;
	}
}

static void
second(void)
{
	struct timespec none = { 0, 0 };
	sigset_t all;
	Link *l;

	sigemptyset(&all); /* run() lets no signal in while a file is ready */
	ppoll(NULL, 0, &none, &all);

	queues.peak -= queues.peak / 32;
	flowrates();
	if (++past.seconds > Past / 2) {
		memcpy(past.kinds[1], past.kinds[0], sizeof(kinds));
		memcpy(past.kinds[0], kinds, sizeof(kinds));
		past.seconds = 1;
	}
	for (l = bond; l; l = l->next) {
		meter(l);
		faultlog(l);
		if (now >= loop.nextmtu && l->fd >= 0)
			linkmtu(l); /* no error tells that an MTU has grown */
	}
	moves();
	if (now >= loop.nextmtu)
		loop.nextmtu = now + Minute;
	if (now - peer.session.since > Minute)
		explicit_bzero(&peer.old, sizeof(peer.old));
	for (l = bond; l; l = l->next)
		if (l->present && l->until && now > l->until)
			linkgone(l, "the peer does not speak of it");
	if (!ctl.named)
		ctlname();
	tellparent();
}

/* Do what signals asked for. */
static void
obey(void)
{
	static Text t;
	Link *l;

	if (loop.report) {
		loop.report = 0;
		t.len = 0;
		report(&t, (const uint8_t *)"");
		output(1, &t);
	}
	if (loop.reopen) {
		loop.reopen = 0;
		logmsg("SIGHUP: opening all links anew");
		for (l = bond; l; l = l->next)
			linkopen(l);
	}
}

static void
beats(void)
{
	int64_t due;
	Link *l;

	if (now < loop.nextbeat)
		return;
	loop.nextbeat = INT64_MAX;
	loop.nextstall = now;
	for (l = bond; l; l = l->next) {
		linkcheck(l);
		beatpace(l);
		due = MIN(l->beats.next, burstend(l));
		if (now >= l->beats.next)
			l->beats.next = MAX(l->beats.next + beatgap(l), now);
		if (now >= due)
			beat(l);
		loop.nextbeat = MIN(loop.nextbeat, MIN(linkdue(l),
		    MIN(l->beats.next, burstend(l))));
	}
}

static void
timers(void)
{
	if (now >= devices.next)
		deviceask();
	beats();
	stalls();
	forget(0);
	reordercheck();
	reportsend();
	if (now >= loop.nextsecond) {
		loop.nextsecond = now + Second;
		second();
	}
	if (loop.interval && now >= loop.nextreport) {
		loop.nextreport = now + loop.interval * Second;
		loop.report = 1;
	}
	obey();
}

/* Returns ns until something is due, as whoever left it has said. */
static int64_t
polltimeout(void)
{
	int64_t at = MIN(loop.nextsecond, loop.nextbeat);

	at = MIN(at, devices.next);
	at = MIN(at, MIN(queues.nextack, queues.nextsend));
	at = MIN(at, MIN(rx.nextreport, loop.nextstall));
	if (ctl.next > now) /* somebody has asked, and may ask again */
		at = MIN(at, ctl.next);
	return MAX(MIN(at, rx.next) - now, 0);
}

/* confine: privileges are given up once all is set up
 *
 * Whoever finds a hole in what handles packets has a process without a user,
 * without files and without most system calls. */

/* the kernel's number for this kind of processor, 0: not known here */
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARM_EABI__)
#define ARCH (ISBIG ? AUDIT_ARCH_ARMEB : AUDIT_ARCH_ARM)
#elif defined(__mips__) && _MIPS_SIM == _MIPS_SIM_ABI32
#define ARCH (ISBIG ? AUDIT_ARCH_MIPS : AUDIT_ARCH_MIPSEL)
#elif defined(__mips__) && _MIPS_SIM == _MIPS_SIM_ABI64
#define ARCH (ISBIG ? AUDIT_ARCH_MIPS64 : AUDIT_ARCH_MIPSEL64)
#elif defined(__powerpc64__)
#define ARCH (ISBIG ? AUDIT_ARCH_PPC64 : AUDIT_ARCH_PPC64LE)
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#else
#define ARCH 0
#endif
#define ISBIG (htons(1) == 1)

/* The worker allocates no memory, buffers no output, starts no process and
 * sleeps in ppoll() only, so it needs no calls for these. */
static const int calls[] = {
	__NR_read, __NR_write, __NR_writev, __NR_close,
	__NR_bind, __NR_connect, __NR_getsockopt, __NR_sendto, __NR_sendmsg,
	__NR_recvmsg, __NR_sendmmsg, __NR_getrandom, __NR_rt_sigreturn,
	__NR_exit_group,
#ifdef __NR_ppoll
	__NR_ppoll, __NR_recvmmsg,
#endif
#ifdef __NR_sigreturn
	__NR_sigreturn,
#endif
#ifdef __NR_clock_gettime
	__NR_clock_gettime,
#endif
#ifdef __NR_clock_gettime32 /* musl's name where there are both */
	__NR_clock_gettime32,
#endif
#ifdef __NR_clock_gettime64
	__NR_clock_gettime64, __NR_ppoll_time64, __NR_recvmmsg_time64,
#endif
};

static const struct { int number; char name[20]; } caps[] = {
	{ CAP_NET_ADMIN, "net_admin" },       /* MTU, large buffers */
	{ CAP_NET_RAW, "net_raw" },           /* sockets bound to a device */
	{ CAP_NET_BIND_SERVICE, "net_bind_service" }, /* ports below 1024 */
};

/* Returns 1 if seccomp filters work on this kernel and processor. */
static int
callsfilter(void)
{
	return ARCH && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) <
	    0 && errno == EFAULT;
}

/* Make chrootdir, or die unless it is empty: before anything was changed. */
static void
emptydir(void)
{
	uint64_t entries[128];
	int fd, n;

	if (mkdir(chrootdir, 0555) < 0 && errno != EEXIST)
		refuse("chrootdir: make %s:", chrootdir);
	fd = open(chrootdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (n = syscall(SYS_getdents64, fd, entries,
	    sizeof(entries))) < 0)
		refuse("chrootdir: open %s:", chrootdir);
	close(fd);
	if (n > 2 * 24) /* bytes of . and .., the least of any */
		refuse("chrootdir: %s has to be empty, or not there", chrootdir);
}

/* Raw calls: the C library's would look for other threads. */
#ifndef SYS_setresuid32 /* it exists only where ids once had 16 bits */
#define SYS_setgroups32 SYS_setgroups
#define SYS_setresgid32 SYS_setresgid
#define SYS_setresuid32 SYS_setresuid
#endif
static void
confineuser(void)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		die("runas: keep capabilities:");
	if (syscall(SYS_setgroups32, 0, NULL) < 0 ||
	    syscall(SYS_setresgid32, runas, runas, runas) < 0 ||
	    syscall(SYS_setresuid32, runas, runas, runas) < 0)
		die("runas: become user %d:", runas);
	if (chrootdir && access("/", W_OK) == 0)
		die("chrootdir: user %d may write to %s", runas, chrootdir);
}

/* Keep only what is needed of the capabilities that the process has. Another
 * user id has put them out of effect. */
static void
confinecaps(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];
	uint32_t needed = 0;
	int i;

	for (i = 0; i < LEN(caps); i++)
		needed |= UINT32_C(1) << caps[i].number;
	if (syscall(SYS_capget, &h, d) < 0)
		die("get capabilities:");
	needed &= d[0].permitted;
	memset(d, 0, sizeof(d));
	d[0].permitted = d[0].effective = needed;
	if (syscall(SYS_capset, &h, d) < 0)
		die("set capabilities:");
}

/* Allow the calls above, and four others for some uses only: ioctl for
 * MTUs, setsockopt but for iptables, socket for UDP, socketcall for all but
 * socket. All else fails with EPERM. A jump says how many instructions to skip
 * if equal, and if not. */
static void
confinecalls(void)
{
	const int low = ISBIG ? 4 : 0;
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENY BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define LOAD(field, more) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
	offsetof(struct seccomp_data, field) + (more))
#define JUMP(what, value, yes, no) \
	BPF_JUMP(BPF_JMP | (what) | BPF_K, value, yes, no)
#define EQUALS(value, yes, no) JUMP(BPF_JEQ, value, yes, no)
	const struct sock_filter head[] = {
		LOAD(arch, 0), EQUALS(ARCH, 1, 0), DENY, LOAD(nr, 0)
	}, uses[] = {
		EQUALS(__NR_ioctl, 0, 6),
		LOAD(args[1], low), EQUALS(SIOCGIFMTU, 2, 0),
		EQUALS(SIOCGIFNAME, 1, 0), EQUALS(SIOCSIFMTU, 0, 1), ALLOW, DENY,
		EQUALS(__NR_setsockopt, 0, 7),
		LOAD(args[1], low),
		EQUALS(SOL_IP, 1, 0), EQUALS(SOL_IPV6, 0, 2),
		LOAD(args[2], low), JUMP(BPF_JGE, 64, 1, 0), ALLOW, DENY,
		EQUALS(Socketcall, 0, 4),
		LOAD(args[0], low), EQUALS(SYS_SOCKET, 1, 0), ALLOW, DENY,
		EQUALS(__NR_socket, 0, 9),
		LOAD(args[0], low),
		EQUALS(AF_INET, 1, 0), EQUALS(AF_INET6, 0, 6),
		LOAD(args[1], low), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 15),
		EQUALS(SOCK_DGRAM, 0, 3),
		LOAD(args[2], low), EQUALS(0, 0, 1), ALLOW, DENY
	};
	struct sock_filter f[LEN(head) + 2 * LEN(calls) + LEN(uses)];
	struct sock_filter *at = f + LEN(head);
	struct sock_fprog prog = { LEN(f), f };
	int i;

	memcpy(f, head, sizeof(head));
	for (i = 0; i < LEN(calls); i++) {
		*at++ = (struct sock_filter)EQUALS(calls[i], 0, 1);
		*at++ = (struct sock_filter)ALLOW;
	}
	memcpy(at, uses, sizeof(uses));
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		die("seccomp:");
}

/* Take the steps in the order in which each is still allowed. */
static void
confine(pid_t parent)
{
	if (chrootdir && (chroot(chrootdir) < 0 || chdir("/") < 0))
		die("chrootdir: make %s the root directory:", chrootdir);
	if (runas > 0)
		confineuser();
	confinecaps();
	/* only now: a change of user id clears both of these */
	nocore();
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
		die("end with the parent:");
	if (getppid() != parent) /* already ended */
		loop.stop = 1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		warn("no new privileges:");
	if (seccomp && callsfilter())
		confinecalls();
	else if (seccomp)
		warn("seccomp: not in this kernel, or not for this processor");
}

/* Say how the worker is confined, for udpbond -t. */
static void
confinement(Text *t)
{
	int i;

	text(t, "The worker, its child, carries the packets and is confined:"
	    "\n");
	text(t, runas > 0 ? "  user and group: %d\n" : "  user: off\n",
	    runas);
	text(t, "  root directory: %s\n  capabilities:",
	    chrootdir ? chrootdir : "off");
	for (i = 0; i < LEN(caps); i++)
		text(t, " %s", caps[i].name);
	text(t, "\n  new privileges: none\n");
	if (!seccomp || !callsfilter())
		text(t, "  system calls: %s\n", seccomp ?
		    "not in this kernel, or not for this processor" : "off");
	else
		text(t, "  system calls: %d\n", LEN(calls) + 3 +
		    (Socketcall >= 0));
}

/* check: the configuration, and what would be done with it */

/* Returns the first link of row i. */
static const Link *
rowlink(int i)
{
	const Link *l = bond;

	while (l->conf != &links[i] && l < bond + LEN(bond) - 1)
		l++;
	return l;
}

/* Tell what is wrong with row i of links, or warn of a link. Returns how many
 * things have to be mended. */
#define badlink(i, ...) tell(i, NULL, __VA_ARGS__)
#define hint(l, ...)    tell(0, l, __VA_ARGS__)
#define caution(...)    (warnings++, warn("warning: " __VA_ARGS__))
static int
tell(int i, const Link *l, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vformat(what, sizeof(what), fmt, ap);
	va_end(ap);
	warn("%slinks[%d] (%s): %s", l ? "warning: " : "", l ?
	    (int)(l->conf - links) : i, (l ? l : rowlink(i))->name, what);
	warnings += l != NULL;
	return !l;
}

static int
checkaddr(int i, const char *field, const char *s)
{
	struct sockaddr_storage ss;
	const uint8_t *a;
	int len;

	if (s && parseaddr(s, 0, &ss) < 0)
		return badlink(i, "%s: \"%s\" is not an IPv4 or IPv6 address",
		    field, s);
	a = s ? addrbytes(&ss, &len) : NULL;
	return !s || unicast(a, len) ? 0 :
	    badlink(i, "%s: %s is not the address of one host", field, s);
}

static int
checkint(const char *name, int value, int min, int max)
{
	return value >= min && value <= max ? 0 :
	    bad("%s: %d is not in %d to %d", name, value, min, max);
}

static int
checkrate(int i, const char *field, double rate)
{
	return !rate || CLAMP(rate, RateMin / 1e6, PeerMax / 1e3) == rate ? 0 :
	    badlink(i, "%s: %g is not a rate in Mbit/s, %g to %g, nor 0",
	    field, rate, RateMin / 1e6, PeerMax / 1e3);
}

static int
same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Returns how many ports the row has. */
static int
ports(const Linkconf *c)
{
	return rowkind(c) == RowNumber ? Found : 1;
}

/* Tell what is wrong with a row that is a pattern. */
static int
checkpattern(int i)
{
	const Linkconf *c = &links[i];
	const char *const s[] = { c->device, c->client, c->server };
	const char *open = c->device ? strrchr(c->device, '[') : NULL;
	const Link *last = rowlink(i) + ports(c) - 1;
	int j, percents, n = 0;

	if (rowkind(c) == RowGlob && (c->client || !keyfile))
		n += badlink(i, "device: a pattern needs a keyfile, and NULL "
		    "as client: the address is that of the device");
	if (rowkind(c) == RowGlob && open && !strchr(open, ']'))
		n += badlink(i, "device: \"%s\" has a [ without a ]",
		    c->device);
	for (j = 0; rowkind(c) == RowNumber && j < LEN(s); j++) {
		percents = s[j] && strchr(s[j], '%') == strrchr(s[j], '%') &&
		    numberin(s[j]);
		if (!percents)
			n += badlink(i, "device, client, server: each needs "
			    "one %%d, for the number; to have one server "
			    "address for all, use *");
	}
	if (n == 0 && rowkind(c) == RowNumber) {
		n += checkaddr(i, "client", last->client);
		n += checkaddr(i, "server", last->server);
	}
	return n;
}

static int
checklink(int i)
{
	const Linkconf *c = &links[i];
	const Link *l = rowlink(i);
	int j, n = checkpattern(i);

	n += checkaddr(i, "client", c->client ? l->client : NULL);
	n += checkaddr(i, "server", c->server ? l->server : NULL);
	n += checkrate(i, "up", c->up);
	n += checkrate(i, "down", c->down);
	if (c->port < 1 || c->port + ports(c) > 65536)
		n += badlink(i, "port: %d is not in 1 to %d", c->port,
		    65536 - ports(c));
	for (j = 0; j < i; j++) {
		if (c->port < links[j].port + ports(&links[j]) &&
		    links[j].port < c->port + ports(c))
			n += badlink(i, "port: %d is that of links[%d] too",
			    MAX(c->port, links[j].port), j);
		if (c->device && links[j].device ?
		    !strcmp(links[j].device, c->device) :
		    !strcmp(rowlink(j)->name, l->name))
			n += badlink(i, "device: links[%d] has this name; "
			    "NULL means the client's address", j);
		else if (role != Server && same(links[j].client, c->client) &&
		    same(links[j].server, c->server) &&
		    (!links[j].device || !c->device))
			n += badlink(i, "device: name one, links[%d] goes the "
			    "same way", j);
	}
	if (c->client && same(c->client, c->server))
		n += badlink(i, "client and server: both are %s", c->client);
	if (c->priority < 0 || c->priority > Backup)
		n += badlink(i, "priority: %d is not in 0 to 61", c->priority);
	if (c->device && (!*c->device || strlen(c->device) >= IFNAMSIZ))
		n += badlink(i, "device: \"%s\" is not the name of an "
		    "interface", c->device);
	if (c->client && c->server &&
	    !strchr(c->client, ':') != !strchr(c->server, ':'))
		n += badlink(i, "client and server: %s and %s are not of one "
		    "family", c->client, c->server);
	if (role != Server && !c->server)
		n += badlink(i, "server: the client must know it");
	if (keyfile)
		return n;
	if (role != Client && !c->client)
		n += badlink(i, "client: NULL needs a keyfile, or anyone "
		    "could be the client");
	if (role != Client && !c->server)
		n += badlink(i, "server: NULL is all addresses, which needs a "
		    "keyfile");
	if (n == 0 && c->server && !private(l->server))
		n += badlink(i, "server: %s is a public address, which needs "
		    "a keyfile", c->server);
	return n;
}

/* Tell what is wrong with an address of the TUN, which is added to the n known
 * ones of both ends. */
static int
checktun(const char *end, const char *s, struct sockaddr_storage *known,
         int *prefixes, int n)
{
	struct sockaddr_storage *a = known + n;
	int prefix, wrong = 0;
	const Link *l;

	if (parseprefix(s, a, &prefixes[n]) < 0 || prefixes[n] == 0)
		return bad("%s: \"%s\" is not an address with a prefix "
		    "length above 0, as 10.0.0.1/24", end, s);
	prefix = prefixes[n];
	while (n-- > 0)
		if (sameaddr(a, &known[n]))
			wrong += bad("%s: %s is there twice", end, s);
	for (l = bond; l < bond + LEN(bond) && l->conf; l++)
		if (samenet(a, &l->addr.local, prefix) ||
		    samenet(a, &l->addr.remote, prefix))
			wrong += badlink(l->conf - links, "client or server: "
			    "is in the TUN's network, %s %s", end, s);
	return wrong;
}

/* Tell what is wrong with a network behind the client, with n addresses of the
 * TUN known. */
static int
checklan(const char *s, const struct sockaddr_storage *known,
         const int *prefixes, int n)
{
	struct sockaddr_storage net;
	int i, bits, len, more = 0, wrong = 0;
	uint8_t *d;

	if (parseprefix(s, &net, &bits) < 0)
		return bad("lannets: \"%s\" is not a network with a prefix "
		    "length", s);
	while (n-- > 0)
		if (samenet(&net, &known[n], MIN(bits, prefixes[n])))
			wrong += bad("lannets: %s overlaps clientaddr or "
			    "serveraddr, %s/%d: choose another, on both hosts",
			    s, hosttext(&known[n]), prefixes[n]);
	d = (uint8_t *)addrbytes(&net, &len);
	for (i = bits; i < 8 * len; i++) {
		more |= d[i / 8] << i % 8 & 0x80;
		d[i / 8] &= ~(0x80 >> i % 8);
	}
	if (more)
		wrong += bad("lannets: %s: write %s/%d", s, hosttext(&net),
		    bits);
	return wrong;
}

/* Tell what is wrong with a row of the traffic table. */
static int
checkkind(int i)
{
	static const struct { char name[12]; int max; } fields[] = {
		{ "protocol", 255 }, { "port", 65535 }, { "dscp", 63 },
		{ "class", Bulk }, { "use", 60000 },
	};
	const Traffic *k = &traffic[i];
	const int values[] = { k->proto, k->port, k->dscp, k->class, k->use };
	int j, n = 0;

	for (j = 0; j < LEN(fields); j++)
		if (values[j] < 0 || values[j] > fields[j].max)
			n += bad("traffic[%d]: %s: %d is not in 0 to %d", i,
			    fields[j].name, values[j], fields[j].max);
	if (k->port && k->proto != IPPROTO_TCP && k->proto != IPPROTO_UDP)
		n += bad("traffic[%d]: port: protocol %d has none", i,
		    k->proto);
	if (!k->name || !*k->name || !plain(k->name))
		return n + bad("traffic[%d]: name: not of letters, digits, "
		    "_ - .", i);
	for (j = 0; j < i; j++)
		if (same(traffic[j].name, k->name))
			n += bad("traffic[%d]: name: \"%s\" is that of "
			    "traffic[%d] too", i, k->name, j);
	return n;
}

/* Who may write to the directory around chrootdir may replace it. */
static int
checkroot(void)
{
	struct stat st;
	char dir[PATH_MAX];
	const char *name = strrchr(chrootdir, '/');

	if (chrootdir[0] != '/' || !name[1])
		return bad("chrootdir: \"%s\" is not a path from / to a name",
		    chrootdir);
	format(dir, MIN(sizeof(dir), (size_t)(name - chrootdir) + 2), "%s",
	    chrootdir);
	return stat(dir, &st) == 0 && !st.st_uid && !(st.st_mode & 022) ? 0 :
	    bad("chrootdir: %s is missing, or others may write there", dir);
}

/* Returns how many packets there is memory for. */
static int64_t
poolpkts(void)
{
	int n = 0;

	while (n < LEN(bond) && bond[n].conf)
		n++;
	return (int64_t)queuepkts + queuepkts / 2 + reorderpkts + keeppkts +
	    (2 * n + 4 + Ngros + Supers) * Batch + Columns + 2 * Window;
}

/* the whole numbers of config.h, and their ranges */
static const struct { const char *name; const int *value, min, max; }
    settings[] = {
	{ "prioweight", &prioweight, 0, 1000000 },
	{ "rttweight", &rttweight, 0, 100000 },
	{ "satweight", &satweight, 0, 10000000 },
	{ "lossweight", &lossweight, 0, 10000000 },
	{ "satpercent", &satpercent, 10, 100 },
	{ "losspercent", &losspercent, 1, 100 },
	{ "hbinterval", &hbinterval, 20, 1000 },
	{ "linkoverhead", &linkoverhead, 0, 500 },
	{ "expresscopies", &expresscopies, 0, 1 },
	{ "parity", &parity, 0, 2 },
	{ "compress", &compress, 0, 1000000 },
	{ "queuepkts", &queuepkts, 64, 1 << 20 },
	{ "keeppkts", &keeppkts, 64, 1 << 20 },
	{ "reorderpkts", &reorderpkts, 64, 1 << 15 },
	{ "reorderms", &reorderms, 10, 1000 },
	{ "niceness", &niceness, -20, 19 },
	{ "tunsegment", &tunsegment, 0, 1 },
	{ "udpsegment", &udpsegment, 0, 1 },
	{ "udpgro", &udpgro, 0, 1 },
	{ "runas", &runas, 0, INT_MAX },
	{ "seccomp", &seccomp, 0, 1 },
};

/* Tell what is wrong with the configuration. Returns how many things are. */
static int
checkconf(void)
{
	const char *which[] = { "clientaddr", "serveraddr", "lannets" };
	const char *addrs[] = { clientaddr, serveraddr, lannets };
	char buf[ListSize], *a, *save;
	struct sockaddr_storage known[LEN(buf)] = { { 0 } };
	int i, mb = poolpkts() * sizeof(Pkt) >> 20, addr = 0, n = 0;
	int patterns = 0, prefixes[LEN(buf)];

	if (strlen(tundev) >= IFNAMSIZ || !tundev[strspn(tundev, ".")] ||
	    !plain(tundev))
		n += bad("tundev: \"%s\" is not a name of 1 to 15 letters, "
		    "digits, _ - .", tundev);
	for (i = 0; i < LEN(addrs); i++) {
		if (format(buf, sizeof(buf), "%s", addrs[i] ? addrs[i] :
		    "") >= LEN(buf))
			n += bad("%s: longer than %d bytes", which[i],
			    LEN(buf) - 1);
		a = strtok_r(buf, " ", &save);
		if (!a && i < 2)
			n += bad("%s: there is no address", which[i]);
		for (; a; a = strtok_r(NULL, " ", &save))
			if (i < 2)
				n += checktun(which[i], a, known, prefixes,
				    addr++);
			else
				n += checklan(a, known, prefixes, addr);
	}
	for (i = 0; i < LEN(settings); i++)
		n += checkint(settings[i].name, *settings[i].value,
		    settings[i].min, settings[i].max);
	if (chrootdir)
		n += checkroot();
	if (mb > MemoryMax)
		n += bad("queuepkts, keeppkts, reorderpkts: %d MB, more than "
		    "%d", mb, MemoryMax);
	if (reorderpkts & (reorderpkts - 1))
		n += bad("reorderpkts: %d is not a power of 2", reorderpkts);
	if (keeppkts & (keeppkts - 1))
		n += bad("keeppkts: %d is not a power of 2", keeppkts);
	for (i = 0; i < LEN(links); i++)
		patterns += rowkind(&links[i]) != RowPlain;
	if (patterns > Patterns)
		return n + bad("links: %d rows are patterns, more than %d",
		    patterns, Patterns);
	if (LEN(links) + patterns * (Found - 1) > 256)
		return n + bad("links: %d, and %d of patterns, more than 256",
		    LEN(links) - patterns, patterns * Found);
	for (i = 0; i < LEN(links); i++)
		n += checklink(i);
	for (i = 0; i < LEN(traffic); i++)
		n += checkkind(i);
	return n;
}

/* the shell commands of config.h, by role */
#define COMMANDS(cmds) { #cmds, cmds, LEN(cmds) }
typedef struct {
	const char *name, **cmds;
	int n;
} Commands;
enum { Up, Linkup, Linkdown, Down, HooksLast };
static const Commands hooks[][HooksLast] = {
	{ COMMANDS(clientup), COMMANDS(clientlinkup),
	  COMMANDS(clientlinkdown), COMMANDS(clientdown) },
	{ COMMANDS(serverup), COMMANDS(serverlinkup),
	  COMMANDS(serverlinkdown), COMMANDS(serverdown) },
};

/* Say what would be done, for udpbond -t. */
static void
explain(Text *t, int who)
{
	const Commands *h = hooks[who];
	const Linkconf *c;
	int i, j;

	text(t, "As %s it makes %s with %s and talks over %d links, %s:\n",
	    who == Client ? "client" : "server", tundev,
	    who == Client ? clientaddr : serveraddr, LEN(links), keyfile ?
	    "each packet encrypted" :
	    "NOT encrypted, trusted to be private");
	text(t, "  behind the client, in the tunnel: %s\n",
	    lannets ? lannets : "any address");
	for (i = 0; i < LEN(links); i++) {
		c = &links[i];
		text(t, "  %s: client %s, server %s port %d, priority %d, "
		    "Mbit/s up and down (0: unknown): %g, %g\n",
		    c->device ? c->device : rowlink(i)->name,
		    c->client ? c->client : "any",
		    c->server ? c->server : "any", c->port, c->priority,
		    c->up, c->down);
	}
	for (j = 0; j < HooksLast; j++)
		for (i = 0; i < h[j].n && h[j].cmds[i]; i++)
			text(t, "%s: %s\n", h[j].name, h[j].cmds[i]);
}

/* commands: shell commands at start and end, run by a child of the parent: as
 * root, without the key and without sockets */

/* Run a command. Returns its status as waitpid() has it. */
static int
shell(const char *state, const char *cmd)
{
	static const char with[] = "TUN=$0 ADDR=$1 PEER=$2 MTU=$3 STATE=$4;"
	    " export TUN ADDR PEER MTU STATE; eval \"$5\"";
	char mtu[16];
	const char *addrs[] = { clientaddr, serveraddr };
	const char *argv[] = {
		"sh", "-c", with, tundev, addrs[role], addrs[!role], mtu,
		state, cmd, NULL
	};
	int status;
	sigset_t none;
	pid_t pid;

	format(mtu, sizeof(mtu), "%d", tun.mtu);
	if ((pid = fork()) == 0) {
		signal(SIGPIPE, SIG_DFL);
		signal(SIGINT, SIG_IGN); /* a ^C is for the worker */
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execv("/bin/sh", (char *const *)argv);
		_exit(127);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -1 : status;
}

/* Tell what other programs know; a server's ports are what it is asked at.
 * Returns how many things have to be mended. */
static int
checkprograms(void)
{
	static const char script[] =
	    "e=0; for p in ip nft; do command -v $p >/dev/null || { e=16;"
	    " echo \"udpbond: $p is not in PATH, the commands need it\" >&2; };"
	    "done; cd /proc/sys/net/ipv4; f=ip_forward; [ -w $f ] && f=;"
	    "nft -t list ruleset 2>/dev/null |"
	    "awk -v t=\"$TUN\" -v s=\"$STATE\" -v l=\" lo default " LANDEV " \" '"
	    "function warn(s) { print \"udpbond: warning: \" s; w++ }"
	    "function fw(s) { warn(\"firewall, table \" n \": drops\" s) }"
	    "BEGIN { c = split(s, p, \" \") }"
	    "/^table/ { n = $2 \" \" $3; i = f = u = 0; split(\"\", q) }"
	    "/^\tchain/ { h = \"\" }"
	    "/hook (input|forward)/ { h = $4 }"
	    "/policy drop|^\t*(drop|reject)/ {"
	    "i += h == \"input\"; f += h == \"forward\" }"
	    "index($0, t) { u = 1 }"
	    "/(udp|th) dport [^!]/ && (h == \"input\" || !h && !/drop|reject/) {"
	    "y = /drop|reject/ ? -1 : 1;"
	    "gsub(/.*dport|counter.*|[{},]/, \" \");"
	    "for (k = NF; k; k--) { split($k \"-\" $k, x, \"-\");"
	    "for (j = c; j; j--)"
	    "if (!q[j] && p[j] - x[1] >= 0 && p[j] - x[2] <= 0) q[j] = y } }"
	    "/^}/ { m = \"\"; for (j = 1; j <= c; j++)"
	    "if (q[j] < 0 || i && !q[j]) m = m \" \" p[j];"
	    "if (f && !u) fw(\", and has no rule for \" t);"
	    "if (m) fw(\" UDP ports\" m) }"
	    "FILENAME ~ /all.rp/ { all = $1 }"
	    "FILENAME ~ /rp_/ && $1 == 1 { split(FILENAME, x, \"/\");"
	    "if (!index(l, \" \" x[2] \" \")) r = r \" \" x[2] }"
	    "FILENAME ~ /ip_/ && !$1 { warn(FILENAME \" is 0 and read only\") }"
	    "END { if (r && all != 2 && !s) warn(\"rp_filter is 1 for\" r \": "
	    "drops what comes by another way than the route back: sysctl -w "
	    "net.ipv4.conf.all.rp_filter=2\"); exit w }'"
	    " conf/*/rp_filter $f - >&2; exit $(($? > 15 ? e : e + $?))";
	static Text t;
	int i, j, status;

	for (i = 0; i < LEN(links) && role == Server; i++)
		for (j = 0; j < ports(&links[i]); j++)
			text(&t, "%d ", links[i].port + j);
	status = WEXITSTATUS(shell(t.buf, script));
	warnings += status % 16;
	return status / 16;
}

/* Start a process that runs them one after the other, and at first tells what
 * is in their way. Returns its id, or 0. */
static pid_t
commands(const Commands *c)
{
	pid_t pid = fork();
	int i, status;

	if (pid < 0)
		warn("%s: fork:", c->name);
	if (pid != 0)
		return MAX(pid, 0);
	for (i = 0; i < c->n && c->cmds[i]; i++)
		if ((status = shell(c->name + strlen("client"),
		    c->cmds[i])) != 0)
			warn("%s: \"%s\" failed with status %d", c->name,
			    c->cmds[i], WIFEXITED(status) ?
			    WEXITSTATUS(status) : status);
	if (i > 0 && c == &hooks[role][Up])
		checkprograms();
	_exit(0);
}

/* Give a child 10 s to end. */
static void
await(pid_t pid, const char *what)
{
	const struct timespec limit = { 10, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0)
		if (sigtimedwait(&set, NULL, &limit) < 0 && errno == EAGAIN) {
			warn("%s: still running after 10 s", what);
			kill(pid, SIGKILL); /* no further command */
			return;
		}
}

/* doctor: what of this host would keep it from working
 *
 * Nothing is changed. What may mend itself, as a device that is to come, is a
 * warning. A start looks only for what may lock somebody out. */

static struct {
	struct {
		struct sockaddr_storage addr;
		int bits, index;  /* of its network; of its device */
	} own[Devices];
	int n;
} host;

typedef struct {                  /* how a link leaves, see checkway() */
	uint32_t gateway;         /* IPv4 */
	int index;                /* of the device */
	int state;
	int64_t sent;             /* ns, when it was asked; 0: never */
} Route;
static Route ways[LEN(bond)];
enum { Unusable, Asked, Answered };

/* Tell which devices are missing: they may come later. */
static void
checkdevices(void)
{
	Link *l;

	for (l = bond; l < bond + LEN(bond) && l->conf; l++)
		if (role != Server && *l->device && !rowkind(l->conf) &&
		    !(l->index = if_nametoindex(l->device)))
			hint(l, "device: there is no %s now, the link is down "
			    "until there is", l->device);
}

/* Is the word in a list, separated by spaces? */
static int
listed(const char *list, const char *word)
{
	size_t n;

	for (; *list; list += n) {
		list += strspn(list, " ");
		n = strcspn(list, " ");
		if (n == strlen(word) && !memcmp(list, word, n))
			return 1;
	}
	return 0;
}

/* Note an address of this host. */
static void
ownaddr(const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);

	if (host.n == LEN(host.own) ||
	    addrtold(h, &host.own[host.n].addr) < 0 ||
	    (int)m->ifa_index == (int)if_nametoindex(tundev))
		return;
	host.own[host.n].bits = m->ifa_prefixlen;
	host.own[host.n++].index = m->ifa_index;
}

/* Tell which networks of this host the commands would send into the tunnel;
 * for udpbond -t, also which of the LAN are not where the commands have
 * them. */
static void
checknets(int all)
{
	static const char *const which[] = {
		"lannets", "clientaddr", "serveraddr"
	};
	const char *const lists[] = {
		lannets ? lannets : "", clientaddr, serveraddr
	};
	struct sockaddr_storage net;
	const char *list;
	struct ifreq ifr = { 0 };
	const char *name = ifr.ifr_name;
	char s[64];
	int i, j, bits, on, link;

	host.n = 0;
	devicedump(RTM_GETADDR, ownaddr);
	for (j = 0; j < LEN(lists); j++)
		for (list = lists[j]; nextnet(&list, s, &net, &bits); ) {
			for (i = on = 0; i < host.n; i++) {
				if (!samenet(&host.own[i].addr, &net,
				    MIN(bits, host.own[i].bits)))
					continue;
				ifr.ifr_ifindex = host.own[i].index;
				ioctl(rtnetlink, SIOCGIFNAME, &ifr);
				on = 1;
				link = rowfor(name) || role == Server;
				if (j > 0 || link)
					caution("%s has %s/%d, which "
					    "overlaps %s %s: one must change",
					    name, hosttext(&host.own[i].addr),
					    host.own[i].bits, which[j], s);
				else if (all && !listed(LANDEV, name))
					caution("lannets: %s is on %s, not "
					    "LANDEV: its IPv6 would pass "
					    "the tunnel by", s, name);
			}
			if (all && j == 0 && !on && role == Client)
				caution("lannets: %s is on no device of "
				    "this host: is it the LAN's?", s);
		}
}

/* Tell what keeps the link's packets from going their way. */
static void
checkway(Link *l)
{
	const Addr *a = &l->addr;
	const struct sockaddr_storage *from = &a->local, *about = from;
	int named = role == Client && *l->device;
	const Device *d = named ? deviceof(0, l->device) : NULL;
	const char *why = NULL;
	Route *w = &ways[l - bond], *o;
	Rtmsg m;

	if (named && !l->index) /* see checkdevices() */
		return;
	if (a->any)
		from = d ? &d->addr[a->v6] : NULL;
	if (named && (!d || !d->carrier))
		why = "the device is down, in a bridge or has no carrier";
	else if (d && !from->ss_family)
		why = "the device has no address";
	else if (!a->any && !l->seen)
		why = named ? "the device does not have the address %s" :
		    "no device has the address %s";
	else if (a->remote.ss_family && !rtroute(&m, about = &a->remote, from,
	    d ? d->index : 0, RTM_F_FIB_MATCH, RTA_TABLE))
		why = "no route to %s by this way: a default route will do, "
		    "of any metric";
	if (why)
		hint(l, why, hosttext(about));
	if (why || role == Server || !a->remote.ss_family)
		return;
	w->gateway = rtget(&m, RTA_GATEWAY);
	w->index = rtget(&m, RTA_OIF);
	w->state = Asked;
	if (d && d->type != ARPHRD_NONE && !keyfile)
		hint(l, "no WireGuard device: packets are NOT encrypted, and "
		    "anybody on the way can forge them: set keyfile");
	for (o = ways; o < w; o++)
		if (o->state && o->index == w->index &&
		    o->gateway == w->gateway &&
		    sameaddr(&bond[o - ways].addr.local, &a->local))
			hint(l, "leaves by the same line as %s does: no gain",
			    bond[o - ways].name);
}

/* Does udpbond run here? */
static int
runs(void)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = connect(fd, (struct sockaddr *)&sun, ctladdr(&sun));

	close(fd);
	return !error;
}

/* Tell what is in the way of the TUN device. */
static int
checktundev(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int error, fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return bad("/dev/net/tun: load the module tun, OpenWrt: "
		    "install kmod-tun:");
	format(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tundev);
	if (!if_nametoindex(tundev))
		error = 0;
	else if (!(error = ioctl(fd, TUNSETIFF, &ifr) < 0))
		caution("tundev: %s is there already, and will stay: "
		    "ip link del %s", tundev, tundev);
	close(fd);
	return error ? bad("tundev: %s is a device of another program: choose "
	    "another name", tundev) : 0;
}

static void
askfailed(Link *l, int error)
{
	l->fault.failed = now;
	l->log.error = error;
}

/* Say hello, at first by a new socket. */
static void
ask(Link *l)
{
	Beat b = { .hello = HelloNew, .next = 1 };
	const char *what;

	l->addr.mtu = MtuMax;
	if ((l->fd < 0 && ((l->fd = linksocket(&l->addr, *l->device ?
	    l->device : NULL, &what)) < 0 || connect(l->fd,
	    (struct sockaddr *)&l->addr.remote, sizeof(l->addr.remote)) < 0))
	    || beatput(l, &peer.hello, SealHello, &b, NULL) < 0)
		askfailed(l, errno);
	ways[l - bond].sent = now;
}

/* Take what came: an answer, or what fault() shall make something of. */
static void
hear(Text *t, Link *l)
{
	Route *w = &ways[l - bond];
	Pkt *p = pktalloc();
	Beat b;
	int why;

	p->wire = p->buf;
	p->wirelen = recv(l->fd, p->buf, PktSize, MSG_DONTWAIT);
	if (p->wirelen < 0 && errno != EAGAIN) {
		signicmp(l, errno);
		askfailed(l, errno);
	}
	if (p->wirelen >= HdrLen && verify(p, &why) == KeyHello &&
	    beatdecode(p->wire + HdrLen, p->wirelen - HdrLen, &b) == 0 &&
	    b.hello == HelloAnswer && b.peerid == peer.hello.id) {
		w->state = Answered;
		l->fault.row = b.link;
		if (b.format != Format) {
			sign(l, SignVersion, &l->addr.remote);
		} else if (b.link != l - bond) {
			sign(l, SignRow, &l->addr.remote);
		} else {
			survey.best = l;
			l->fault.since = now;
			text(t, "  %s: answered in %d ms\n", l->name,
			    (int)((now - w->sent) / MS(1)));
		}
	}
	pktfree(p);
}

/* Say hello over each link, for 2 s, and tell what came of it. A server that
 * answers remembers nothing, and while a client works it does not answer
 * another one. */
static void
checkserver(Text *t)
{
	static Pkt only, *frees;
	static uint16_t refs;
	int64_t end;
	int i, left = 1;
	Link *l;

	pool.pkts = &only;
	pool.frees = &frees;
	pool.refs = &refs;
	pool.size = 1;
	hellomake(0);
	now = monotime();
	for (end = now + 2 * Second; left > 0 && now < end; now = monotime()) {
		for (i = left = 0; i < LEN(bond); i++) {
			l = &bond[i];
			if (ways[i].state != Asked || l->log.error)
				continue;
			if (!ways[i].sent || now - ways[i].sent > Second)
				ask(l);
			else
				hear(t, l);
			left++;
		}
		poll(NULL, 0, 1);
	}
	for (l = bond; l < bond + LEN(bond); l++)
		if (ways[l - bond].state != Unusable && fault(l))
			hint(l, "%s", fault(l));
}

/* Give each device that a pattern fits its place. */
static void
takedevices(void)
{
	const Device *d;
	Link *l;

	for (d = devices.list; d < devices.list + devices.n; d++)
		if (rowkind(d->row) && (l = deviceplace(d))) {
			if (rowkind(d->row) == RowGlob) {
				l->addr.local = d->addr[l->addr.v6];
				l->addr.any = !l->addr.local.ss_family;
				l->seen = 1;
			}
			format(l->device, IFNAMSIZ, "%s", d->name);
			format(l->name, sizeof(l->name), "%s", d->name);
			l->index = d->index;
			l->present = 1;
		}
}

/* Tell what is wrong with this host. Returns how many things have to be
 * mended. */
static int
checkhost(Text *t)
{
	int running = runs(), root = geteuid() == 0, n = 0;
	Link *l;

	checkdevices();
	if (!root)
		n += bad("needs root");
	else if (!running)
		n += checktundev();
	if (role == Both)
		return n;
	n += checkprograms();
	devicescan();
	checknets(1);
	if (role == Client)
		takedevices();
	for (l = bond; l < bond + LEN(bond) && l->conf; l++)
		if (l->present || serves(l))
			checkway(l);
		else if (role == Client && !l->number)
			hint(l, "waits for a device like this");
	if (running)
		text(t, "udpbond is running, see udpbond -l: its links were "
		    "not asked\n");
	else if (role == Client && root && n == 0)
		checkserver(t);
	return n + print(t);
}

/* Returns the exit status of udpbond -t. */
static int
check(void)
{
	static Text t;
	int who, n = 0;

	now = monotime();
	offloadprobe();
	rtnetlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	for (who = Client; who <= Server; who++)
		if (role == who || role == Both) {
			explain(&t, who);
			n += print(&t);
		}
	offloads(&t);
	confinement(&t);
	n += print(&t);
	who = keyload() + checkconf();
	n += who ? who : checkhost(&t);
	if (n + warnings > 0)
		return bad("%d to mend, %d warnings", n, warnings) &&
		    n > 0;
	text(&t, role == Both ? "all is well, more with -c or -s\n" :
	    "all is well\n");
	return print(&t);
}

/* life: setup, run, cleanup, main */

static void
onsignal(int sig)
{
	if (sig == SIGUSR1)
		loop.report = 1;
	else if (sig == SIGHUP)
		loop.reopen = 1;
	else
		loop.stop = 1;
}

/* Returns memory that is all 0, of which pages are taken when first used. */
static void *
zeros(size_t n, size_t size)
{
	void *d = mmap(NULL, n * size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (d == MAP_FAILED)
		die("no memory for %d packets:", pool.size);
	return d;
}

static void
memory(void)
{
	pool.size = poolpkts();
	pool.pkts = zeros(pool.size, sizeof(*pool.pkts));
	pool.frees = zeros(pool.size, sizeof(*pool.frees));
	pool.refs = zeros(pool.size, sizeof(*pool.refs));
	queues.flows = zeros(Nflows, sizeof(*queues.flows));
	queues.hosts = zeros(Nhosts, sizeof(*queues.hosts));
	tx.sent = zeros(keeppkts, sizeof(*tx.sent));
	rx.slots = zeros(reorderpkts, sizeof(*rx.slots));
}

static void
setup(void)
{
	struct sigaction sa = { .sa_handler = onsignal };
	sigset_t blocked;
	Link *l;
	int i;

	if (keyload() + checkconf() > 0)
		refuse("the configuration has to be mended first, "
		    "see above");
	if (chrootdir)
		emptydir();
	put(keys.secret, random64(), 8);
	put(keys.secret + 8, random64(), 8);
	memory();
	netsinit();
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, SIGIO);
	for (i = 0; i < LEN(signals); i++) {
		sigaction(signals[i], &sa, NULL);
		sigaddset(&blocked, signals[i]);
	}
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	now = monotime();
	offloadprobe();
	ctlopen();
	rtnetlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	checkdevices();
	checknets(0);
	peer.lonely = loop.lastonline = now;
	peer.interval = MS(hbinterval);
	peer.patience = Second;
	for (l = bond; l; l = l->next)
		linkstart(l);
	devicewatch();
	tunopen();
	tunmtu();
	if (setpriority(PRIO_PROCESS, 0, niceness) < 0)
		warn("niceness %d:", niceness);
	loop.nextsecond = now + Second;
	loop.nextmtu = now + Minute;
	loop.nextreport = now + loop.interval * Second;
}

/* One turn of the loop: what came in, what is due, what may go out. */
static void
turn(const struct pollfd *pfd)
{
	int64_t was = now;
	Link *l;
	int i;

	now = monotime();
	/* echoes that came while the process was stopped measure only that */
	if (now - was > Second)
		for (l = bond; l; l = l->next)
			l->beats.n = l->heard.came = 0;
	loop.unread = 0;
	for (l = bond; l; l = l->next) /* heartbeats may change the chain */
		l->ready = pfd[l->pfd].revents;
	for (l = bond; l; l = l->next)
		if (l->ready)
			linkpkt(l);
	if (pfd[PfdTun].revents & POLLERR) { /* somebody has deleted it */
		warn("%s: the device is gone, stopping", tundev);
		loop.stop = loop.status = 1;
	} else if (pfd[PfdTun].revents) {
		tunpkt();
	}
	for (i = 0; pfd[PfdCtl].revents && i < Batch && ctlpkt(); i++)
		;
	if (pfd[PfdDevices].revents)
		deviceevent();
	if (pfd[PfdParent].revents)
		deviceanswers();
	timers();
	groflushall();
	schedule();
}

/* When many packets come one by one, wait a moment to handle more at once. */
static void
rest(void)
{
	struct timespec ts = { 0, 0 };
	int64_t ns;

	loop.turns++;
	if (now - loop.since >= MS(1)) {
		loop.pause = loop.handled >= 8 * (now - loop.since) / MS(1) &&
		    loop.handled / loop.turns < Batch / 2 ? Gather : 0;
		loop.handled = loop.turns = 0;
		loop.since = now;
	}
	if (loop.unread || !loop.pause)
		return;
	ns = MIN(loop.pause - (monotime() - now), polltimeout());
	ts.tv_nsec = MAX(ns, 0);
	if (ns > 0)
		ppoll(NULL, 0, &ts, NULL);
}

static void
run(void)
{
	struct pollfd pfd[PfdLast];
	struct timespec ts;
	sigset_t none;
	const Link *l;
	int64_t ns;

	sigemptyset(&none);
	while (!loop.stop) {
		pfd[PfdTun] = (struct pollfd){ tun.fd, POLLIN, 0 };
		pfd[PfdCtl] = (struct pollfd){ now < ctl.next ? -1 : ctl.fd,
		    POLLIN, 0 };
		pfd[PfdDevices] = (struct pollfd){ devices.fd, POLLIN, 0 };
		pfd[PfdParent] = (struct pollfd){ loop.parent, POLLIN, 0 };
		for (l = bond; l; l = l->next)
			pfd[l->pfd] = (struct pollfd){ shares(l) ? -1 : l->fd,
			    POLLIN, 0 };
		ns = polltimeout();
		ts.tv_sec = ns / Second;
		ts.tv_nsec = ns % Second;
		if (ppoll(pfd, PfdLink + loop.links, &ts, &none) < 0 &&
		    errno != EINTR) {
			warn("ppoll:"); /* cleanup() still tells the peer */
			loop.status = 1;
			return;
		}
		turn(pfd);
		rest();
	}
}

/* Tell the peer and take the TUN away. */
static void
cleanup(void)
{
	const uint8_t d = CtlBye;
	Link *l;

	logmsg("stopping");
	for (l = bond; l; l = l->next) {
		if (peer.session.id && usable(l, NULL)) {
			control(l, &d, 1);
			linkflush(l);
		}
		linkclose(l);
	}
	close(tun.fd);
}

/* Make a pair of sockets: the worker says whether a link is up, and asks for
 * devices; SIGIO tells the parent, which answers. Returns the parent's end. */
static int
tellopen(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0, fd) < 0 || fcntl(fd[0], F_SETOWN, getpid()) < 0 ||
	    fcntl(fd[0], F_SETFL, O_ASYNC | O_NONBLOCK) < 0)
		die("sockets to the parent:");
	loop.parent = fd[1];
	return fd[0];
}

/* Pass a message on to the worker, unless it did not read one for a second. */
static void
passmsg(const struct nlmsghdr *h)
{
	struct pollfd pfd = { loop.parent, POLLOUT, 0 };

	if (loop.parent >= 0 && (poll(&pfd, 1, 1000) != 1 ||
	    write(loop.parent, h, h->nlmsg_len) < 0))
		loop.parent = -1;
}

/* Pass on to the worker what devices and addresses there are: a message that
 * says nothing, one for each, and one that says whether these are all. */
static void
devicespass(int fd)
{
	struct nlmsghdr h = { sizeof(h), NLMSG_NOOP, 0, 0, 0 };

	loop.parent = fd;
	passmsg(&h);
	h.nlmsg_type = devicedump(RTM_GETLINK, passmsg) < 0 ||
	    devicedump(RTM_GETADDR, passmsg) < 0 ? NLMSG_ERROR : NLMSG_DONE;
	passmsg(&h);
}

/* Returns which commands are to be run by what the worker said last, or was.
 * Answers what it asks. */
static int
heardof(int fd, int was)
{
	int i, asks = 0;
	char said;

	for (i = 0; i < Batch && read(fd, &said, 1) == 1; i++)
		if (said == '?')
			asks = 1;
		else
			was = said == 'u' ? Linkup : Linkdown;
	if (asks)
		devicespass(fd);
	return was;
}

/* The parent stays root to run the commands and asks for devices, so that
 * packets need not wait for either, and passes signals on. When the worker has
 * ended, in whatever way, the TUN is gone. Returns the exit status. */
static int
oversee(pid_t worker, int told)
{
	int sig, status, ran = Linkdown, wanted = Linkdown;
	pid_t pid, running;
	sigset_t blocked;
	Link *l;

	close(tun.fd);
	close(ctl.fd);
	close(rtnetlink);
	close(devices.fd);
	for (l = bond; l; l = l->next) {
		close(l->fd);
		close(l->guard);
	}
	close(loop.parent);
	explicit_bzero(&keys, sizeof(keys));
	rtnetlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	running = commands(&hooks[role][Up]);
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	while ((pid = waitpid(-1, &status, WNOHANG)) != worker) {
		if (pid > 0)
			running = pid == running ? 0 : running;
		else if ((sig = sigwaitinfo(&blocked, NULL)) > 0 &&
		    sig != SIGCHLD && sig != SIGIO && kill(worker, sig) < 0)
			warn("pass on signal %d:", sig);
		wanted = heardof(told, wanted);
		if (!running && wanted != ran)
			running = commands(&hooks[role][ran = wanted]);
	}
	if (WIFSIGNALED(status))
		warn("the worker was killed by signal %d", WTERMSIG(status));
	await(running, "commands");
	if (ran == Linkup)
		await(commands(&hooks[role][Linkdown]), "linkdown commands");
	await(commands(&hooks[role][Down]), "down commands");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static const char help[] =
    "usage: udpbond -c | -s [-q] [-m secs]\n"
    "       udpbond -t [-c | -s]\n"
    "       udpbond -l [-m secs]\n"
    "       udpbond -p | -k | -v | -h\n";

static void
usage(void)
{
	static Text t;

	text(&t, help);
	output(2, &t);
	exit(Usage);
}

static void
setinterval(const char *secs)
{
	if ((loop.interval = parseint(secs, 86400)) < 0) {
		warn("-m %s: not a number of seconds, 0 to 86400", secs);
		usage();
	}
}

/* Set what the flags say. Returns the one that asks for something else than
 * to run, or 0. */
static int
options(int argc, char *argv[])
{
	const char *s;
	int i, what = 0, every = 0;

	role = Both;
	for (i = 1; i < argc; i++) {
		s = argv[i];
		if (*s != '-' || !s[1])
			usage();
		while (*++s) {
			if (*s == 'q') {
				loop.quiet = 1;
			} else if (*s == 'm') {
				setinterval(s[1] ? s + 1 : i + 1 < argc ?
				    argv[++i] : "");
				every = 1;
				break;
			} else if (strchr("cs", *s) && role == Both) {
				role = *s == 'c' ? Client : Server;
			} else if (strchr("hklptv", *s) && !what) {
				what = *s;
			} else {
				usage();
			}
		}
	}
	if ((!what && role == Both) || (what && what != 't' && role != Both) ||
	    (what && what != 'l' && every))
		usage();
	if (what && !every)
		loop.interval = 0;
	return what;
}

int
main(int argc, char *argv[])
{
	static Text t;
	pid_t parent = getpid(), pid;
	int i, what, told;

	/* nothing opened later may be taken for stdin, stdout or stderr */
	while ((i = open("/dev/null", O_RDWR)) >= 0 && i <= 2)
		;
	close(i);
	what = options(argc, argv);
	linksinit();
	if (what == 't')
		return check();
	if (what == 'k')
		for (i = 0; i < KeyLen; i += 8)
			text(&t, "%016" PRIx64 "%s", random64(),
			    i + 8 < KeyLen ? "" : "\n");
	else if (what == 'v')
		text(&t, "udpbond-%s\n", VERSION);
	else if (what == 'h')
		text(&t, help);
	else if (what)
		return asker(what);
	if (what)
		return print(&t);
	if (geteuid() != 0)
		quit(Denied, "needs root");
	setup();
	told = tellopen();
	if ((pid = fork()) < 0)
		die("fork:");
	if (pid > 0)
		return oversee(pid, told);
	close(told);
	confine(parent);
	run();
	cleanup();
	return loop.status;
}
