/* See LICENSE file for copyright and license details.
 *
 * udpbond joins several UDP links to one peer into one TUN device. Client and
 * server differ in who says hello and in who knows the other's address; all
 * else, and so both directions, is the same code.
 *
 * Down, TUN to links: tunread, cut, classify, enqueue; then, as soon as the
 * pacer of a link has room: dequeue, selectlink, encode, linksend, seal.
 * Up, links to TUN: linkrecv, verify, decode, replaycheck, then by kind of
 * record: beatpkt, expresspkt, orderedpkt and reorder, nackpkt; then join.
 *
 * There are two lanes with sequence numbers of their own. Express packets are
 * few or small, go by the quickest link and are delivered as they come. All
 * others are ordered: they wait in flow queues until a link is free for them,
 * and at the receiver for those that were sent before.
 *
 * Heartbeats on each link measure it in both directions; all that is known
 * about a link comes from them (measure). Nothing is believed that verify and
 * the session have not let in.
 *
 * There is one ppoll(), in run(). Time is read once a turn, into now. Begin
 * with main(), then run(), then tunpkt(), schedule() and linkpkt().
 */
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/net.h>
#include <linux/seccomp.h>

/* macros */
#define LEN(x)          ((int)(sizeof(x) / sizeof((x)[0])))
#define MIN(a, b)       ((a) < (b) ? (a) : (b))
#define MAX(a, b)       ((a) > (b) ? (a) : (b))
#define CLAMP(x, a, b)  ((x) < (a) ? (a) : (x) > (b) ? (b) : (x))
#define MS(x)           ((int64_t)(x) * 1000) /* ms to us */
#define MBIT(x)         ((int64_t)((x) * 1000000)) /* Mbit/s to bit/s */

/* newer than some headers */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT     103
#endif
#ifndef UDP_GRO
#define UDP_GRO         104
#endif
#ifndef TUN_F_USO4
#define TUN_F_USO4      0x20
#define TUN_F_USO6      0x40
#endif

/* sizes */
enum {
	HdrLen = 11, TagLen = 8, KeyLen = 16, BeatLen = 90,
	HelloAt = 17,             /* in a heartbeat */
	MtuMax = 1500,            /* of the TUN */
	MtuMin = 576,             /* of a link */
	MtuBelieved = 1280,       /* of one with a key, as IPv6 has it */
	PktSize = HdrLen + MtuMax + TagLen,
	Small = 256,              /* bytes of records that share a datagram */
	Batch = 64,               /* datagrams a system call */
	TunBatch = 256,           /* packets from the TUN in a turn */
	Supers = 8,               /* that are received in one */
	SuperMax = 65535,         /* bytes, of a superpacket */
	SegMax = 64,              /* datagrams or packets in it */
	Njoins = 8,               /* in the making, power of 2 */
	VnetLen = 10,             /* bytes, of the header of the TUN */
	Nflows = 1024,            /* flow queues, power of 2 */
	Nbeats = 64,              /* heartbeats remembered a link */
	Nsamples = 64,            /* of when seqs were sent, power of 2 */
	Nranges = 51,             /* of missing packets in a nack: MtuMin */
	ReplayWords = 128,        /* 64 bits each, RFC 6479 */
	TextSize = 65536,         /* of a status report */
};

/* where it does for all that is to be done with sockets; -1: nowhere */
#ifdef __NR_socketcall
enum { Socketcall = __NR_socketcall };
#else
enum { Socketcall = -1 };
#endif

/* times in us, and what goes with them */
enum {
	Second = 1000000,
	Coalesce = 200,           /* of packets under load */
	Burst = 1000,             /* least that a pacer may be ahead */
	BurstMax = 5000,          /* and most: a turn of the loop comes late */
	Grace = 3000,             /* a link may swap packets sent this close */
	MtuEvery = 60 * Second,   /* looks at what the links carry */
	Alive = 3 * Second,       /* express traffic keeps its reserve */
	Pause = 3 * Second,       /* a flow that paused so long is a new one */
	Settle = 300000,          /* till an ordered flow may turn express */
	Stay = 30000,             /* that a light flow keeps to its link */
	Stale = Second,           /* no packet waits longer for a link */
	StaleLive = 250000,       /* a game's or a call's not even so long */
	Single = 10 * Second,     /* after an error with several datagrams */
	LogEvery = 6 * Second,    /* a line about a link, on average */
	Reopen = 3 * Second,      /* a dead link gets a new socket */
	Seek = 10 * Second,       /* with no link up: more heartbeats so long */
	Doubt = 30000,            /* a missing packet may be lost */
	BurstEnd = 5000,          /* no ordered packet: a burst has ended */
	BeatMin = 20000,          /* between heartbeats that tell so */
	SameDelay = 10000,        /* links this close are alike for a flow */
	MoreDelay = 50000,        /* and this slow they are no help to it */
	QueueMax = 12000,         /* delay above the base: a queue */
	Spike = 200000,           /* and this long it stands */
	RateHold = Second,        /* before a rate is tried again */
	Keep = 250000,            /* sent packets are kept to send again */
	SparseBurst = 200000,     /* of a sparse flow's rate, at once */
	Lump = 20000, LumpEvery = 400000, /* of ACKs that wait for each other */
	CodelTarget = 50000, CodelInterval = 200000,
	SparseLen = 500,          /* bytes, mean of a sparse flow at most */
	SparsePps = 300,          /* its packets a second at most */
	Tries = 2,                /* to get a missing packet */
	Tell = 128, TellTime = 2000, /* packets that came in so short a time */
	Heavy = 48 * 1024,        /* bytes since a pause: a heavy flow */
	Quantum = 1514,           /* bytes a flow sends in its turn */
	SeqJump = 65536,          /* packets beyond the known ones: nonsense */
	Far = 4096,               /* packets ahead, without a key: doubted */
	FarBeat = 16,             /* heartbeats of each link */
	RateMin = 256000, RateStart = 5000000, /* bit/s, of an unknown link */
	RateMax = 2000000000,     /* bit/s */
	PeerMax = 100000000,      /* kbit/s, that the peer's links may have */
	BulkMin = 2400000,        /* bit/s, 5 ms a packet */
};

/* enums */
enum { Client, Server, Both };                         /* roles */
enum { LinkDown, LinkProbing, LinkUp, LinkLossy };     /* link states */
enum { LaneOrdered, LaneExpress, LaneBeat, LaneControl, LaneLast };
enum { Ordered, Express, Ack };                        /* classes of packets */
enum { CtlNack = 1, CtlBye };                          /* control records */
enum { KeyNone = -1, KeySession, KeyNext, KeyHello };  /* what verify says */
enum { TcpFin = 0x01, TcpSyn = 0x02, TcpRst = 0x04, TcpPsh = 0x08,
       TcpAck = 0x10, TcpCwr = 0x80 };
enum {                                        /* <linux/virtio_net.h> */
	GsoNone = 0, GsoTcp4 = 1, GsoTcp6 = 4, GsoUdp = 5, GsoEcn = 0x80,
	VnetPartial = 1
};
enum { OffCut, OffJoin, OffSegment, OffGro, OffBatch, OffLast };
enum { Disabled, Missing, Failed, Running };           /* offload states */
enum {
	FlagBeat = 0x01, FlagData = 0x02, FlagExpress = 0x04, FlagRepair = 0x08,
	FlagControl = 0x10, FlagSealed = 0x80,
	FlagKind = FlagBeat | FlagData | FlagControl,
	FlagUnknown = 0x60
};
enum { WhyScore, WhyOverflow, WhyHeavy, WhyCopy, WhyRepair, WhyLast };
enum {
	GaugeUp, GaugeRtt, GaugeLoss, GaugeScore, GaugeRate, GaugeTxbytes,
	GaugeRxbytes, GaugeTxpkts, GaugeRxpkts, GaugeLast
};
enum {
	CntInorder, CntReordered, CntLate, CntLost, CntRepaired, CntDup,
	CntCopies, CntMerged, CntLast
};
enum {
	DropShort, DropForm, DropAddr, DropAuth, DropSession, DropReplay,
	DropWindow, DropQueue, DropCodel, DropStale, DropSize, DropSend,
	DropTun, DropPool, DropLast
};

/* types */
typedef struct {
	const char *device, *client, *server;
	int port, priority;
	double up, down;          /* Mbit/s, 0: unknown */
} Linkconf;

typedef struct Pkt Pkt;
struct Pkt {
	Pkt *next;
	uint8_t *data;            /* the IP packet, HdrLen into buf or later */
	uint8_t *wire;            /* the datagram */
	int len, wirelen;         /* bytes */
	int class, link, key;
	int flow;                 /* index into flows */
	int asked;                /* waits to be sent again */
	int light;                /* its flow was light when it came */
	int l4;                   /* offset of the TCP header of an ACK */
	int64_t due;              /* us, when an ACK is to be sent, or an
	                           * express packet is of no use any more */
	int sealed;               /* the tag is in its place */
	uint64_t seq;
	int64_t time;             /* us, when it came or was sent */
	uint8_t buf[PktSize];
};

typedef struct {
	Pkt *head, *tail;
	int len, bytes;
} Queue;

typedef struct Flow Flow;
struct Flow {
	Flow *next;               /* among those with packets waiting */
	int listed;               /* is on a list */
	Queue queue;
	int deficit;              /* bytes, RFC 8290 */
	int dropping, count;      /* CoDel, RFC 8289 */
	int64_t above, dropnext;  /* us */
	int64_t last;             /* us, its newest packet */
	int64_t lastordered;      /* us, its newest ordered packet */
	int64_t lastaside;        /* us, one in the express lane all the same */
	int link;                 /* of its newest express packet */
	int64_t notbefore;        /* us, arrival of that */
	int64_t clock;            /* us, runs ahead when it is not sparse */
	int mean;                 /* bytes, of its packets */
	int64_t sent;             /* bytes since its last pause */
	Pkt *ack;                 /* the ACK that newer ones may replace */
	uint32_t ackno;           /* of its newest ACK */
	int64_t acked;            /* bytes since its last pause */
	int64_t lastack;          /* us, when an ACK was sent */
};

typedef struct {
	Flow *head, *tail;
} Flowlist;

typedef struct {
	int proto, frag, dscp;
	int l4, l4len;            /* offset and bytes of what follows IP */
	int sport, dport, tcpflags, payload;
	uint32_t hash;            /* of what makes a flow */
} Ip;

typedef struct {
	uint8_t flags, type;      /* as struct virtio_net_hdr */
	uint16_t hdrlen, size, start, offset;
} Vnet;

typedef struct {
	Pkt *p[SegMax];           /* one after the other, of one TCP flow */
	int n, len;               /* len: bytes, of the packet they make */
	int hdrlen, l4, size;     /* headers, TCP header, payload of each */
	uint32_t seq;             /* that follows them */
} Join;

/* control data of a message: the size of its segments or nothing */
typedef struct {
	uint64_t space[CMSG_SPACE(sizeof(int)) / 8 + 1];
} Segment;

typedef struct {
	uint64_t seq;
	int flags, len;
} Rec;

typedef struct {
	uint64_t id, peer;        /* session ids of sender and receiver */
	int link;
	int hello;                /* 1 from a client, 2 from a server */
	int64_t time, echo;       /* us, sender's clock, receiver's clock */
	uint32_t held;            /* us, from the echoed one to this one */
	uint64_t txpkts, txbytes; /* sent on this link, this one included */
	uint64_t rxpkts, rxbytes; /* received when the echoed one came */
	uint64_t next;            /* next ordered seq */
	int prio;
	uint32_t up, down;        /* kbit/s, of the client's configuration */
} Beat;

typedef struct {
	uint64_t last;            /* the highest seq seen */
	uint64_t doubted;         /* see believable */
	uint64_t bits[ReplayWords];
} Replay;

typedef struct {
	int64_t time;             /* us, when it was sent or came, per peer */
	uint64_t pkts, bytes;
} Tally;

/* a link is made of these parts */
typedef struct {
	struct sockaddr_storage local, remote; /* of its row; family 0: any */
	struct sockaddr_storage peer; /* where to send */
	socklen_t peerlen;        /* 0: not known yet */
	int v6, mtu;              /* mtu: bytes, of an IP packet */
} Addr;

/* the pacer: the times at which the bytes sent so far will have left at the
 * full rate and at satpercent of it */
typedef struct {
	int64_t ceil[2];          /* bit/s configured: sending, receiving */
	int64_t rate;             /* bit/s */
	int64_t cost;             /* ps a byte */
	int64_t clock, satclock;  /* ns */
	int64_t burst;            /* ns that they may be ahead of now */
} Pace;

typedef struct {
	Pkt *pkts[Batch];         /* to be sent at the end of the turn */
	int n;
	int64_t single;           /* us, till then without UDP_SEGMENT */
} Out;

typedef struct {
	Tally tx, rx;             /* all that was sent and received */
	Tally lasttx, lastrx;     /* a second ago */
	int64_t bw, bwmax;        /* bit/s, busier way of the last second */
	int64_t rxbest;           /* bit/s, most received in a second */
	int use;                  /* percent, of bwmax */
} Meter;

typedef struct {
	Tally sent[Nbeats];       /* by number */
	unsigned n;
	int64_t next, last;       /* us, when the next is due; sent */
	uint64_t gaptx;           /* bytes sent by the last one */
} Beats;

/* what came by it in this session */
typedef struct {
	Tally in;                 /* newest heartbeat, with rx of then */
	int64_t came;             /* us, when it came; 0: none */
	uint64_t seq;             /* its seq */
	uint64_t lastseq;         /* of the newest record */
	uint64_t top;             /* one above the newest known to be sent */
	int64_t toptime;          /* us, when that was moved by a packet */
} Heard;

/* the newest of our heartbeats that was echoed in this session */
typedef struct {
	int64_t sent, came;       /* us */
	Tally tx, rx;             /* tx then and the peer's rx, at the end of
	                           * what is measured */
	int good, wasup;          /* echoes since it was down; it ever was up */
} Echo;

typedef struct {
	int64_t srtt, rttvar;     /* us, RFC 6298 */
	int64_t owd, owdin;       /* us, to the peer and from it; the offset of
	                           * the two clocks is in both, for all links */
	int64_t base;             /* us, owd without a queue */
	int64_t jitter, owdjitter; /* us, mean deviations of owdin and owd */
} Delay;

typedef struct {
	double sent, lost;        /* packets, decaying */
	double ratio;             /* 0 to 1 */
} Loss;

/* rate estimation */
typedef struct {
	int starting, draining;   /* never known yet; empties its queue */
	int step;                 /* percent, of the next growth */
	int64_t late;             /* us, since when there is a queue; 0: none */
	int64_t knee, before;     /* bit/s, where a queue was; the rate then */
	int64_t cut, hold;        /* us of that, and without growth after it */
} Control;

/* a token bucket for lines about a link */
typedef struct {
	int64_t clock;            /* us, ahead of now by the newest lines */
	int left;                 /* lines left out since then */
	int error;                /* errno of the last failure, 0: none */
} Log;

typedef struct Link Link;
struct Link {
	const Linkconf *conf;     /* its row */
	char name[64];
	int fd, state, prio;
	int score;                /* not saturated */
	int open;                 /* has room for some packets of heavy flows */
	int64_t reopen;           /* us, new socket if not up by then */
	int64_t lastordered;      /* us, newest ordered packet sent by it */
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
	Control control;
	Log log;
};

typedef struct {
	uint64_t id, peer;        /* ours, the peer's; 0: none */
	uint64_t beats;           /* seq of the next heartbeat */
	uint8_t txkey[KeyLen], rxkey[KeyLen];
} Session;

typedef struct {
	Pkt *p;
	int64_t since;            /* us, when it was missed */
	int64_t asked;            /* us, when it was last asked for */
	int tries;                /* how often it was asked for */
} Slot;

typedef struct {
	char buf[TextSize];
	int len;
} Text;

/* function declarations */
/* util */
static void vtext(Text *, const char *, va_list);
static void text(Text *, const char *, ...);
static void output(int, const Text *);
static void vlog(const char *, va_list);
static void die(const char *, ...);
static void warn(const char *, ...);
static void logmsg(const char *, ...);
static int64_t monotime(void);
static uint64_t random64(void);
static int udpsocket(int, int);
static void nocore(void);
static void wipe(void *, int);
static Pkt *pktalloc(void);
static Pkt *pkthold(Pkt *);
static void pktfree(Pkt *);
static void pktdrop(Pkt *, int);
static void queueput(Queue *, Pkt *);
static Pkt *queueget(Queue *);
/* addr */
static int parseaddr(const char *, int, struct sockaddr_storage *);
static int parseprefix(const char *, struct sockaddr_storage *, int *);
static const uint8_t *addrbytes(const struct sockaddr_storage *, int *);
static int addrport(const struct sockaddr_storage *);
static int sameaddr(const struct sockaddr_storage *,
                    const struct sockaddr_storage *);
static const char *addrtext(const struct sockaddr_storage *);
static int private(const char *);
/* wire */
static inline void put(uint8_t *, uint64_t, int);
static inline uint64_t get(const uint8_t *, int);
static void encode(Pkt *, uint64_t, int);
static int decode(const uint8_t *, int, Rec *);
static void beatencode(uint8_t *, const Beat *);
static int beatdecode(const uint8_t *, int, Beat *);
/* auth */
static uint64_t getle(const uint8_t *);
static uint64_t siphash(const uint8_t *, const uint8_t *, int);
static void derive(uint8_t *, uint64_t, uint64_t, int);
static void sessionkeys(Session *);
static int hexdigit(int);
static void keyload(void);
static void seal(Pkt *);
static int tagged(const Pkt *, const uint8_t *);
static int verify(Pkt *);
/* offload */
static void offloadfail(int, int);
static int segmentworks(int);
static void offloadprobe(void);
static void offloads(Text *);
/* tun */
static void tunopen(void);
static void tunsuper(void);
static void tunaddr(const char *, int);
static void tunmtu(void);
static int tunread(Queue *);
static int tunwrite(Pkt *);
static void tungone(void);
/* super */
static void sumfinish(Pkt *, int, int);
static void piece(Pkt *, const Ip *, int, int, int);
static int cut(const uint8_t *, int, const Vnet *, Queue *);
static int joinable(const Pkt *, const Ip *);
static int sameip(const uint8_t *, const uint8_t *, int);
static int sametcp(const uint8_t *, const uint8_t *, int);
static int follows(const Join *, const Pkt *, const Ip *);
static void join(Pkt *);
static void joinflush(Join *);
static void joinflushall(void);
/* link */
static int setopt(int, int, int, int);
static int linkpayload(const Link *);
static void linkopen(Link *);
static void linkdrop(Link *, int);
static void linkclose(Link *);
static void linkmtu(Link *);
static int wireoverhead(const Link *);
static void charge(Link *, int);
static void linksend(Link *, Pkt *);
static int segments(const Link *, int);
static int linkmsgs(Link *, struct mmsghdr *, struct iovec *, Segment *,
                    int *);
static int sendmsgs(int, struct mmsghdr *, int);
static void linkflush(Link *);
static void linksingle(Link *, int);
static int linksent(Link *, int, int);
static void linkerror(Link *, int);
static int recvmsgs(int, struct mmsghdr *, int);
static void linkrecv(Link *);
static void linkrecvsuper(Link *);
static int segmentsize(struct msghdr *, int);
/* ip */
static int ip4parse(const uint8_t *, int, Ip *);
static int ip6parse(const uint8_t *, int, Ip *);
static int l4parse(const uint8_t *, Ip *);
static uint32_t flowhash(const uint8_t *, int, const Ip *);
static int ipparse(const uint8_t *, int, Ip *);
static uint32_t sum(const uint8_t *, int, uint32_t);
static uint32_t pseudosum(const uint8_t *, int, int);
static void change16(uint8_t *, int, int, uint8_t *);
static int maysyn(const uint8_t *, int);
static void ipclamp(uint8_t *, int, int);
static int ipmark(uint8_t *);
static int icmperror(const uint8_t *, const Ip *);
static void iptoobig(const Pkt *, int);
/* down */
static void tunpkt(void);
/* classify */
static int classify(Pkt *);
static int urgent(const Ip *);
static void flowcount(Flow *, int);
static int heavy(const Flow *);
static int settled(const Flow *);
static int capped(int);
static int sparse(Flow *, int);
/* flow */
static int toobig(const Pkt *);
static void enqueue(Pkt *);
static void dropfattest(void);
static Pkt *flowget(Flow *);
static void flowappend(Flowlist *, Flow *);
static int isqrt(int);
static int64_t codeltarget(void);
static Pkt *flowdequeue(Flow *);
static Pkt *dequeue(Flowlist *, Link **);
/* ack */
static int ackplain(const uint8_t *);
static int ackreplaces(const Pkt *, const Pkt *);
static int64_t ackgap(const Flow *);
static void ackenqueue(Flow *, Pkt *);
static Pkt *ackget(void);
static void acksend(void);
/* select */
static int score(int, int64_t, double, int);
static int usable(const Link *, const Pkt *);
static int carries(const Link *, const Pkt *);
static int room(const Link *, int64_t);
static int saturated(const Link *);
static int better(const Link *, const Link *);
static int64_t arrival(const Link *, int);
static int early(const Link *, const Flow *);
static Link *bestlink(const Pkt *);
static Link *selectexpress(const Pkt *, int);
static Link *selectack(const Pkt *);
static int step(void);
static Link *reserved(void);
static Link *selectlink(const Flow *);
static Link *selectlight(const Flow *);
static Link *selectheavy(const Flow *);
static int64_t bulkdelay(void);
static Link *quickest(void);
static Link *soonest(const Pkt *);
/* schedule */
static int aside(const Link *, const Pkt *);
static void expresssent(Flow *, const Pkt *, const Link *);
static void transmit(Link *, Pkt *);
static void copy(const Link *, const Pkt *);
static void stale(Queue *);
static void expresssend(void);
static void schedule(void);
/* repair */
static void keep(Pkt *);
static void forget(uint64_t);
static void resend(Pkt *);
static void retransmit(Link *, Pkt *);
static void rescue(const Link *);
static void nackpkt(const uint8_t *, int);
static int overbudget(int);
/* up */
static void linkpkt(Link *);
static int trusted(const Link *, const struct sockaddr_storage *);
static void datagram(Link *, Pkt *, const struct sockaddr_storage *);
static void record(Link *, Pkt *, const Rec *,
                   const struct sockaddr_storage *);
static int replaycheck(Replay *, uint64_t);
static int believable(uint64_t, uint64_t, uint64_t, uint64_t *);
static int isnew(Pkt *, int);
static void beatpkt(Link *, Pkt *, const struct sockaddr_storage *);
static void linkpeer(Link *, const Beat *, const struct sockaddr_storage *);
static void expresspkt(Pkt *);
static void orderedpkt(Link *, Pkt *, int);
static void controlpkt(Pkt *);
static void deliver(Pkt *);
/* reorder */
static void reorderreset(uint64_t);
static Slot *slotof(uint64_t);
static void reordertop(uint64_t);
static void reorderinsert(Pkt *, int);
static void reorderpass(void);
static void reorderdrain(void);
static int64_t slotdeadline(const Slot *);
static int64_t asktime(void);
static int64_t doubttime(void);
static void reorderask(void);
static void reordertell(void);
static uint64_t frontier(void);
static void sample(int64_t, uint64_t);
static uint64_t sentby(int64_t);
/* session */
static uint64_t answerid(uint64_t);
static int proposed(const Beat *);
static void hello(Link *);
static void hellopkt(Link *, const Beat *, const struct sockaddr_storage *);
static void newsession(const Session *);
static void byepkt(void);
static void control(Link *, const uint8_t *, int);
/* measure */
static void beat(Link *);
static void beatsend(Link *, Session *, int);
static void hellosend(Link *, Session *, const struct sockaddr_storage *);
static int beatwire(void);
static int beatput(Link *, Session *, int, Beat *,
                   const struct sockaddr_storage *);
static void measurertt(Link *, int64_t);
static void measure(Link *, const Beat *);
static void measureloss(Link *, const Tally *, const Tally *);
static void ratelearn(Link *, const Tally *, const Tally *, int64_t);
static void ratecut(Link *, int64_t);
static int64_t tallyrate(const Link *, const Tally *, const Tally *);
static void rateceil(Link *, int64_t, int64_t);
static void ratecost(Link *);
static int linktells(Link *);
static void linkstate(Link *, int, const char *, ...);
static int64_t deadtime(const Link *);
static int linkheard(const Link *);
static void linkcheck(Link *);
static void second(void);
static int64_t beatgap(Link *);
static int64_t burstend(const Link *);
static void timers(void);
static int64_t polltimeout(void);
/* ctl */
static const char *linkword(const Link *);
static void metrics(Text *);
static void statistics(Text *);
static void totals(Text *);
static double gauge(const Link *, int);
static void describe(Text *, const char *, const char *, const char *);
static void prometheus(Text *);
static void reasons(Text *);
static void status(Text *);
static void printreport(void);
static socklen_t ctladdr(struct sockaddr_un *);
static void ctlopen(void);
static int ctlname(void);
static void ctlpkt(void);
static void ctlask(int);
/* confine */
static int needscap(int);
static int callsfilter(void);
static void emptydir(void);
static void confinefiles(void);
static void confineuser(void);
static void confinecaps(void);
static void confinecalls(void);
static void confine(void);
static void confinement(void);
/* check */
static int bad(const char *, ...);
static int checkaddr(int, const char *, const char *);
static int checkint(const char *, int, int, int);
static int checkrate(int, const char *, double);
static int checklink(int);
static int checkconf(void);
static int checkdevices(void);
static void explain(int);
static int check(void);
/* commands */
static int shell(const char *);
static void commands(const char *, const char **, int);
static pid_t forkbare(const char *);
static void runup(const char *, const char **, int);
static void preparedown(const char *, const char **, int);
static void rundown(void);
static void await(pid_t, const char *);
/* life */
static void onsignal(int);
static void linkinit(Link *, int);
static void memory(void);
static void setup(void);
static void turn(const struct pollfd *);
static void rest(void);
static void run(void);
static void cleanup(void);
static void usage(void);
static int options(int, char *[]);
static int printed(void);

/* variables */
static const char *statename[] = { "down", "probing", "up", "lossy" };
static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
static const struct { const char *text, *metric, *help; } countname[] = {
	{ "in order", "in_order_packets_total",
	  "Ordered packets that came in order." },
	{ "reordered", "reordered_packets_total",
	  "Ordered packets held until those before them came." },
	{ "late", "late_packets_total",
	  "Ordered packets that came after they had been given up." },
	{ "lost", "lost_packets_total",
	  "Ordered packets given up." },
	{ "repaired", "repaired_packets_total",
	  "Ordered packets that came when asked for again." },
	{ "duplicates", "duplicate_packets_total",
	  "Packets that had come before." },
	{ "copies", "copied_packets_total",
	  "Express packets that came twice, as they were sent." },
	{ "ACKs merged", "merged_acks_total",
	  "TCP ACKs replaced by a newer one before they were sent." },
};
static const struct { const char *name, *type, *help; } gaugename[] = {
	{ "link_up", "gauge", "Whether the link carries packets." },
	{ "link_rtt_seconds", "gauge", "Smoothed round trip time." },
	{ "link_loss_ratio", "gauge", "Share of packets lost on the way out." },
	{ "link_score", "gauge", "Score, lower is better." },
	{ "link_rate_bytes_per_second", "gauge", "Rate of the pacer." },
	{ "link_transmit_bytes_total", "counter", "Bytes sent in datagrams." },
	{ "link_receive_bytes_total", "counter", "Bytes received." },
	{ "link_transmit_packets_total", "counter", "Datagrams sent." },
	{ "link_receive_packets_total", "counter", "Datagrams received." },
};
static const char *whyname[] = {
	"score", "overflow", "heavy", "copy", "repair"
};
static const char *offname[] = {
	"TUN in", "TUN out", "UDP_SEGMENT", "UDP_GRO", "batches"
};
static const char *offstate[] = {
	"off", "not in this kernel", "off after an error", "on"
};
static const char *dropname[] = {
	"short", "malformed", "address", "auth", "session", "replay",
	"window", "queue", "codel", "stale", "size", "send", "tun", "pool"
};
static int role, quiet;
static int64_t now;               /* us */
static uint64_t counts[CntLast], drops[DropLast];
static int offload[OffLast];      /* their states */
static Join joins[Njoins];        /* by flow */

static struct {
	volatile sig_atomic_t stop, report, reopen;
} signaled;

static struct {
	int status;               /* of exit */
	int interval;             /* s, between reports */
	int handled, unread;      /* packets in this ms; some were left */
	int64_t nextsecond, nextreport, nextmtu; /* us */
	int64_t since, pause;     /* us, see rest */
	int turns;
} loop = { .interval = 5 };

static struct {
	int fd, mtu;
	int hdr;                  /* bytes, in front of a packet there */
} tun = { .fd = -1 };

static struct {
	int fd, named;
} ctl = { .fd = -1 };

static struct {
	Pkt *pkts, **frees;       /* all; those that were freed */
	int size, used, nfrees;   /* all; ever taken; freed */
	uint16_t *refs;           /* places that hold each */
} pool;

static struct {
	uint8_t master[KeyLen], hello[KeyLen], secret[KeyLen];
} keys;

static struct {
	Session session, proposed; /* the running one; the next */
	uint64_t helloid;         /* client: of the hello to be answered */
	uint64_t epoch;           /* server: sessions so far */
	int64_t lonely;           /* us, since when no link is up */
} peer;

/* packets on their way out; they outlive a session */
static struct {
	Flow *flows;
	Flowlist newflows, oldflows;
	Queue express, acks;
	int queued, listed;       /* packets in flow queues; flows on lists */
	int64_t peak;             /* bit/s, of all links, decaying */
	int64_t lightbytes;       /* bytes of light flows that wait */
	int64_t lastexpress;      /* us, when express traffic was seen */
	int64_t lastheavy;        /* us, newest packet sent of a heavy flow */
	int64_t capclock;         /* us */
	int64_t nextack;          /* us, when the next ACK is due */
} queues;

/* what was sent in this session */
static struct {
	uint64_t seq[LaneLast];   /* of the next record */
	Pkt **sent;               /* ordered packets by seq, to send again */
	uint64_t oldest;          /* of them */
	Queue repairs;            /* to be sent again */
	int64_t budget;           /* us, runs ahead with repairs */
} tx;

/* what came in this session */
static struct {
	Replay replay[LaneLast];
	Slot *slots;              /* ordered packets by seq */
	uint64_t expected;        /* next seq to be delivered */
	uint64_t known;           /* one above the newest known to be sent */
	uint64_t doubted;         /* see believable */
	uint64_t acked;           /* the peer knows that all below have come */
	int64_t ackedtime;        /* us, when that would have been told */
	uint64_t ready, pending;  /* frontiers, one Grace old and newer */
	int64_t readytime;        /* us, of the newer one */
	struct { int64_t time; uint64_t top; } samples[Nsamples];
	unsigned nsamples;
} rx;

/* what selection has to know of all links */
static struct {
	int64_t bulkmin;          /* bit/s of a link for ordered packets */
} survey;

static pid_t uppid, downpid;      /* run the up and down commands */
static int downfd = -1;           /* tells the latter to */

#include "config.h"

enum { PfdTun, PfdCtl, PfdLink, PfdLast = PfdLink + LEN(links) };
static Link bond[LEN(links)];

/* compile-time checks */
typedef char checklinks[LEN(links) > 0 && LEN(links) <= 255 ? 1 : -1];
typedef char checkflows[(Nflows & (Nflows - 1)) == 0 ? 1 : -1];

/* util */
/* append to a text, which is cut when it is full */
static void
vtext(Text *t, const char *fmt, va_list ap)
{
	int left = (int)sizeof(t->buf) - t->len;
	int n = vsnprintf(t->buf + t->len, left, fmt, ap);

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

/* unless nobody reads there: that is not to hold up packets */
static void
output(int fd, const Text *t)
{
	struct pollfd pfd = { fd, POLLOUT, 0 };
	struct timespec none = { 0, 0 };
	int n, at;

	for (at = 0; at < t->len; at += n) {
		if (ppoll(&pfd, 1, &none, NULL) != 1 ||
		    !(pfd.revents & POLLOUT))
			return;
		/* a pipe has room for so much, or for nothing */
		n = write(fd, t->buf + at, MIN(t->len - at, PIPE_BUF));
		if (n <= 0)
			return;
	}
}

static void
vlog(const char *fmt, va_list ap)
{
	static Text t;
	int saved = errno;

	t.len = 0;
	text(&t, "udpbond: ");
	vtext(&t, fmt, ap);
	if (fmt[0] && fmt[strlen(fmt) - 1] == ':')
		text(&t, " %s", strerror(saved));
	text(&t, "\n");
	output(2, &t);
}

static void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(fmt, ap);
	va_end(ap);
	exit(1);
}

static void
warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(fmt, ap);
	va_end(ap);
}

static void
logmsg(const char *fmt, ...)
{
	va_list ap;

	if (quiet)
		return;
	va_start(ap, fmt);
	vlog(fmt, ap);
	va_end(ap);
}

/* us since some time in the past; wall clock is never used */
static int64_t
monotime(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) < 0)
		die("clock_gettime:");
	return (int64_t)ts.tv_sec * Second + ts.tv_nsec / 1000;
}

/* never 0, which means none */
static uint64_t
random64(void)
{
	uint64_t r;

	do {
		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			die("getrandom:");
	} while (!r);
	return r;
}

/* of IP datagrams; by a call of which the filter can see the arguments */
static int
udpsocket(int family, int flags)
{
	flags |= SOCK_DGRAM | SOCK_CLOEXEC;
	return Socketcall < 0 ? socket(family, flags, 0) :
	    syscall(__NR_socket, family, flags, 0);
}

/* it would have the key */
static void
nocore(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* a secret that is no longer needed; a plain memset() may be left out */
static void
wipe(void *p, int n)
{
	volatile uint8_t *d = p;

	while (n-- > 0)
		*d++ = 0;
}

/* A packet from the pool, whose pages are not touched before they are needed;
 * NULL: all are in use. What is asked about packets long sent stands aside,
 * so that freeing them does not bring them back into the cache. */
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
	p->data = p->buf + HdrLen;
	pool.refs[p - pool.pkts] = 1;
	return p;
}

/* one more place holds it */
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

/* the address family, -1 if it is no address */
static int
parseaddr(const char *s, int port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (s && inet_pton(AF_INET, s, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		return AF_INET;
	}
	if (s && inet_pton(AF_INET6, s, &sin6->sin6_addr) == 1) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(port);
		return AF_INET6;
	}
	return -1;
}

/* an address with its prefix length */
static int
parseprefix(const char *s, struct sockaddr_storage *ss, int *prefix)
{
	char buf[64], *slash, *end;
	long n;

	snprintf(buf, sizeof(buf), "%s", s);
	if (!(slash = strchr(buf, '/')))
		return -1;
	*slash = '\0';
	n = strtol(slash + 1, &end, 10);
	if (parseaddr(buf, 0, ss) < 0 || *end || end == slash + 1 || n < 0 ||
	    n > (ss->ss_family == AF_INET ? 32 : 128))
		return -1;
	*prefix = n;
	return 0;
}

/* IPv4 or IPv6; a mapped one, as a socket for both sees it, is IPv4 */
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
	return ntohs(ss->ss_family == AF_INET6 ?
	    ((const struct sockaddr_in6 *)ss)->sin6_port :
	    ((const struct sockaddr_in *)ss)->sin_port);
}

static int
sameaddr(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	int n, m;
	const uint8_t *x = addrbytes(a, &n), *y = addrbytes(b, &m);

	return n == m && !memcmp(x, y, n);
}

/* address:port, the address in brackets when it is IPv6 */
static const char *
addrtext(const struct sockaddr_storage *ss)
{
	static char buf[INET6_ADDRSTRLEN + 8], a[INET6_ADDRSTRLEN];
	int len;
	const uint8_t *d = addrbytes(ss, &len);

	inet_ntop(len == 4 ? AF_INET : AF_INET6, d, a, sizeof(a));
	snprintf(buf, sizeof(buf), len == 4 ? "%s:%d" : "[%s]:%d", a,
	    addrport(ss));
	return buf;
}

/* an address that only hosts of one site can have, RFC 1918, 6598, 4193 */
static int
private(const char *s)
{
	static const struct { const char *net; int bits; } nets[] = {
		{ "10.0.0.0", 8 }, { "172.16.0.0", 12 }, { "192.168.0.0", 16 },
		{ "100.64.0.0", 10 }, { "127.0.0.0", 8 }, { "169.254.0.0", 16 },
		{ "fc00::", 7 }, { "fe80::", 10 }, { "::1", 128 },
	};
	uint8_t a[16], n[16];
	int i, j, af = strchr(s, ':') ? AF_INET6 : AF_INET;

	inet_pton(af, s, a);
	for (i = 0; i < LEN(nets); i++) {
		if (inet_pton(af, nets[i].net, n) != 1)
			continue;
		for (j = 0; j < nets[i].bits; j++)
			if ((a[j / 8] ^ n[j / 8]) & 0x80 >> j % 8)
				break;
		if (j == nets[i].bits)
			return 1;
	}
	return 0;
}

/* wire
 *
 *	 0               8       9      11
 *	+---------------+-------+-------+---------+  +---------+
 *	| seq           | flags | len   | payload |..| tag 8   |
 *	+---------------+-------+-------+---------+  +---------+
 *
 * in network byte order, several records back to back, then the tag if the
 * datagram is sealed. A heartbeat's payload:
 *
 *	 0 id        8 peer      16 link   17 hello  18 time
 *	26 echo     34 held      38 txpkts 46 txbytes
 *	54 rxpkts   62 rxbytes   70 next   78 prio   80 up  84 down  88 zero
 */
static inline void
put(uint8_t *d, uint64_t v, int n)
{
	if (n == 8) {
		put(d, v >> 32, 4);
		put(d + 4, v, 4);
	} else if (n == 4) {
		put(d, v >> 16, 2);
		put(d + 2, v, 2);
	} else if (n == 2) {
		d[0] = v >> 8;
		d[1] = v;
	} else {
		for (; n-- > 0; v >>= 8)
			d[n] = v;
	}
}

/* with n known, compilers make one load of it */
static inline uint64_t
get(const uint8_t *d, int n)
{
	uint64_t v = 0;

	if (n == 2)
		return d[0] << 8 | d[1];
	if (n == 4)
		return (uint32_t)d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3];
	if (n == 8)
		return get(d, 4) << 32 | get(d + 4, 4);
	while (n-- > 0)
		v = v << 8 | *d++;
	return v;
}

/* the header in front of the packet's data */
static void
encode(Pkt *p, uint64_t seq, int flags)
{
	p->seq = seq;
	p->wire = p->data - HdrLen;
	p->wirelen = HdrLen + p->len;
	p->sealed = 0;
	put(p->wire, seq, 8);
	put(p->wire + 8, flags | (keyfile ? FlagSealed : 0), 1);
	put(p->wire + 9, p->len, 2);
}

/* bytes of the record at d, -1 if there is none that makes sense */
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
	if (r->len > len - HdrLen || r->flags & FlagUnknown)
		return -1;
	if (kind != FlagBeat && kind != FlagData && kind != FlagControl)
		return -1;
	if (r->flags & (FlagExpress | FlagRepair) && kind != FlagData)
		return -1;
	if (!(r->flags & FlagSealed) != !keyfile)
		return -1;
	return HdrLen + r->len;
}

static void
beatencode(uint8_t *d, const Beat *b)
{
	put(d, b->id, 8);
	put(d + 8, b->peer, 8);
	put(d + 16, b->link, 1);
	put(d + HelloAt, b->hello, 1);
	put(d + 18, b->time, 8);
	put(d + 26, b->echo, 8);
	put(d + 34, b->held, 4);
	put(d + 38, b->txpkts, 8);
	put(d + 46, b->txbytes, 8);
	put(d + 54, b->rxpkts, 8);
	put(d + 62, b->rxbytes, 8);
	put(d + 70, b->next, 8);
	put(d + 78, b->prio, 2);
	put(d + 80, b->up, 4);
	put(d + 84, b->down, 4);
	put(d + 88, 0, 2);
}

/* longer ones may come from a newer version */
static int
beatdecode(const uint8_t *d, int len, Beat *b)
{
	if (len < BeatLen)
		return -1;
	b->id = get(d, 8);
	b->peer = get(d + 8, 8);
	b->link = get(d + 16, 1);
	b->hello = get(d + HelloAt, 1);
	b->time = get(d + 18, 8);
	b->echo = get(d + 26, 8);
	b->held = get(d + 34, 4);
	b->txpkts = get(d + 38, 8);
	b->txbytes = get(d + 46, 8);
	b->rxpkts = get(d + 54, 8);
	b->rxbytes = get(d + 62, 8);
	b->next = get(d + 70, 8);
	b->prio = get(d + 78, 2);
	b->up = get(d + 80, 4);
	b->down = get(d + 84, 4);
	/* nothing has run that long, and sums must not overflow */
	return !b->id || b->time < 0 || b->time >> 56 || b->echo < 0 ||
	    b->echo >> 56 || b->next >> 56 ? -1 : 0;
}

/* auth */
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
	return (uint64_t)d[7] << 56 | (uint64_t)d[6] << 48 |
	       (uint64_t)d[5] << 40 | (uint64_t)d[4] << 32 |
	       (uint64_t)d[3] << 24 | (uint64_t)d[2] << 16 |
	       (uint64_t)d[1] << 8 | (uint64_t)d[0];
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
	int left;

	for (left = len; left >= 8; left -= 8, d += 8) {
		m = getle(d);
		v3 ^= m;
		SIPROUND;
		SIPROUND;
		v0 ^= m;
	}
	memcpy(last, d, left);
	last[7] = len;
	m = getle(last);
	v3 ^= m;
	SIPROUND;
	SIPROUND;
	v0 ^= m;
	v2 ^= 0xff;
	SIPROUND;
	SIPROUND;
	SIPROUND;
	SIPROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

/* a key from the master key, two session ids and what it is for */
static void
derive(uint8_t *key, uint64_t a, uint64_t b, int use)
{
	uint8_t in[18];
	int i;

	put(in, a, 8);
	put(in + 8, b, 8);
	in[16] = use;
	for (i = 0; i < 2; i++) {
		in[17] = i;
		put(key + 8 * i, siphash(keys.master, in, sizeof(in)), 8);
	}
}

/* both directions, from the ids of client and server */
static void
sessionkeys(Session *s)
{
	uint64_t client = role == Client ? s->id : s->peer;
	uint64_t server = role == Client ? s->peer : s->id;

	derive(role == Client ? s->txkey : s->rxkey, client, server, 1);
	derive(role == Client ? s->rxkey : s->txkey, client, server, 2);
}

static int
hexdigit(int c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *d = c ? strchr(digits, c) : NULL;

	return d ? (d - digits) % 16 : -1;
}

/* the key file: 32 hex digits, readable by its owner only */
static void
keyload(void)
{
	struct stat st;
	char buf[2 * KeyLen + 3] = { 0 };
	int fd, i, n, high, low;

	if (!keyfile)
		return;
	nocore();
	if ((fd = open(keyfile, O_RDONLY | O_CLOEXEC)) < 0)
		die("keyfile: open %s:", keyfile);
	if (fstat(fd, &st) < 0)
		die("keyfile: stat %s:", keyfile);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		die("keyfile: %s belongs to another user: chown root %s",
		    keyfile, keyfile);
	if (st.st_mode & 077)
		die("keyfile: %s can be read by others: chmod 600 %s",
		    keyfile, keyfile);
	if ((n = read(fd, buf, sizeof(buf) - 1)) < 0)
		die("keyfile: read %s:", keyfile);
	close(fd);
	for (i = 0; i < KeyLen; i++) {
		high = hexdigit(buf[2 * i]);
		low = high < 0 ? -1 : hexdigit(buf[2 * i + 1]);
		if (low < 0)
			break;
		keys.master[i] = high << 4 | low;
	}
	if (i < KeyLen || (n > 2 * i && (n > 2 * i + 1 || buf[2 * i] != '\n')))
		die("keyfile: %s is not 32 hex digits: make one with "
		    "udpbond -k", keyfile);
	wipe(buf, sizeof(buf));
	derive(keys.hello, 0, 0, 0);
}

/* the tag behind the datagram, under the key that p->key names */
static void
seal(Pkt *p)
{
	const uint8_t *key[] = { peer.session.txkey, peer.proposed.txkey, keys.hello };

	if (!keyfile || p->sealed)
		return;
	p->sealed = 1;
	put(p->wire + p->wirelen, siphash(key[p->key], p->wire, p->wirelen), 8);
	p->wirelen += TagLen;
}

static int
tagged(const Pkt *p, const uint8_t *key)
{
	int len = p->wirelen - TagLen;

	return siphash(key, p->wire, len) == get(p->wire + len, 8);
}

/* Says under which key the datagram was sealed and takes the tag off. What
 * a server should hold against a session that it only proposed is computed
 * from the heartbeat itself, so that proposing takes no memory. */
static int
verify(Pkt *p)
{
	Beat b;
	Rec r;
	int key = KeyNone;

	if (!keyfile)
		return p->wire[8] & FlagSealed ? KeyNone :
		    p->wire[8] & FlagBeat && p->wirelen >= HdrLen + BeatLen &&
		    p->wire[HdrLen + HelloAt] ? KeyHello : KeySession;
	if (p->wirelen < HdrLen + TagLen || !(p->wire[8] & FlagSealed))
		return KeyNone;
	if (peer.session.id && tagged(p, peer.session.rxkey)) {
		key = KeySession;
	} else if (p->wire[8] & FlagBeat &&
	    decode(p->wire, p->wirelen - TagLen, &r) > 0 &&
	    !beatdecode(p->wire + HdrLen, r.len, &b)) {
		if (b.hello) {
			key = tagged(p, keys.hello) ? KeyHello : KeyNone;
		} else {
			if (proposed(&b) && tagged(p, peer.proposed.rxkey))
				key = KeyNext;
		}
	}
	p->wirelen -= TagLen;
	return key;
}

/* offload: what the kernel does for many packets at once
 *
 * Each is tried at start and given up by itself, later too, when it does not
 * work: then there is a system call for each packet. */
static void
offloadfail(int what, int error)
{
	if (offload[what] != Running)
		return;
	offload[what] = Failed;
	errno = error;
	warn("offload: %s is off:", offname[what]);
}

/* Linux 7.0 and 7.1 damage headers, depending on the network card. */
static int
segmentworks(int fd)
{
	struct utsname u;
	char *minor;

	if (setopt(fd, IPPROTO_UDP, UDP_SEGMENT, 0) < 0 || uname(&u) < 0)
		return 0;
	return udpsegment > 1 || strtol(u.release, &minor, 10) != 7 ||
	    *minor != '.' || strtol(minor + 1, NULL, 10) > 1;
}

static void
offloadprobe(void)
{
	int want[] = { tunsegment, tunsegment, udpsegment, udpgro, batches };
	int has[OffLast] = { 0 }, fd, i;
	unsigned features = 0;

	if ((fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC)) >= 0) {
		if (ioctl(fd, (int)TUNGETFEATURES, &features) < 0)
			features = 0;
		close(fd);
	}
	has[OffCut] = has[OffJoin] = !!(features & IFF_VNET_HDR);
	if ((fd = udpsocket(AF_INET, 0)) >= 0) {
		has[OffSegment] = segmentworks(fd);
		has[OffGro] = setopt(fd, IPPROTO_UDP, UDP_GRO, 1) == 0;
		close(fd);
	}
	has[OffBatch] = 1;
	for (i = 0; i < OffLast; i++)
		offload[i] = !want[i] ? Disabled : !has[i] ? Missing : Running;
}

/* for udpbond -t and -l */
static void
offloads(Text *t)
{
	const Link *l;
	int i;

	text(t, "Offload -");
	for (i = 0; i < OffLast; i++)
		text(t, "%s %s: %s", i ? "," : "", offname[i],
		    offstate[offload[i]]);
	for (l = bond; l < bond + LEN(bond); l++)
		if (now < l->out.single)
			text(t, ", not on %s", l->name);
	text(t, "\n");
}

/* tun */
static void
tunopen(void)
{
	struct timespec pause = { 0, 50000000 };
	struct ifreq ifr;
	char *addrs, *a, *save;
	int s, tries, n = 0;

	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_flags = IFF_TUN | IFF_NO_PI |
	    (offload[OffCut] == Running ? IFF_VNET_HDR : 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tundev);
	tun.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun.fd < 0)
		die("open /dev/net/tun (is the tun module loaded?):");
	for (tries = 0; ioctl(tun.fd, TUNSETIFF, &ifr) < 0; tries++) {
		if (errno != EBUSY || tries == 20)
			die("tundev: cannot make %s (already there, or not "
			    "root?):", tundev);
		nanosleep(&pause, NULL); /* an instance may be just ending */
	}
	if (offload[OffCut] == Running)
		tunsuper();
	if (!(addrs = strdup(role == Client ? clientaddr : serveraddr)))
		die("strdup:");
	for (a = strtok_r(addrs, " ", &save); a; a = strtok_r(NULL, " ", &save))
		tunaddr(a, n++);
	free(addrs);
	tunmtu();
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

/* superpackets, also of UDP if the kernel has them */
static void
tunsuper(void)
{
	unsigned long tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	tun.hdr = VnetLen;
	if (ioctl(tun.fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) < 0 &&
	    ioctl(tun.fd, TUNSETOFFLOAD, tcp) < 0)
		offloadfail(OffCut, errno);
}

/* the nth address with its prefix length, IPv4 or IPv6; of IPv4 there is one
 * with each label */
static void
tunaddr(const char *s, int nth)
{
	struct { struct in6_addr addr; uint32_t prefix; int index; } ifr6;
	struct sockaddr_storage ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)&ss;
	struct ifreq ifr;
	int fd, prefix, v6;

	if (parseprefix(s, &ss, &prefix) < 0)
		die("%s: %s is not an address", tundev, s);
	v6 = ss.ss_family == AF_INET6;
	if ((fd = udpsocket(ss.ss_family, 0)) < 0)
		die("%s: address %s: socket:", tundev, s);
	memset(&ifr, 0, sizeof(ifr));
	if (snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), nth > 0 && !v6 ?
	    "%s:%d" : "%s", tundev, nth) >= IFNAMSIZ)
		die("%s: the name is too long for several addresses", tundev);
	if (v6) {
		memcpy(&ifr6.addr, &((struct sockaddr_in6 *)&ss)->sin6_addr, 16);
		ifr6.prefix = prefix;
		ifr6.index = if_nametoindex(tundev);
		if (ioctl(fd, SIOCSIFADDR, &ifr6) < 0)
			die("%s: set address %s:", tundev, s);
	} else {
		memcpy(&ifr.ifr_addr, &ss, sizeof(*sin));
		if (ioctl(fd, SIOCSIFADDR, &ifr) < 0)
			die("%s: set address %s:", tundev, s);
		sin->sin_addr.s_addr = htonl(prefix ?
		    UINT32_C(0xffffffff) << (32 - prefix) : 0);
		memcpy(&ifr.ifr_netmask, &ss, sizeof(*sin));
		if (ioctl(fd, SIOCSIFNETMASK, &ifr) < 0)
			die("%s: set netmask of %s:", tundev, s);
	}
	close(fd);
}

/* what fits through every link */
static void
tunmtu(void)
{
	struct ifreq ifr;
	int i, s, mtu = MtuMax;

	for (i = 0; i < LEN(bond); i++)
		mtu = MIN(mtu, linkpayload(&bond[i]));
	if (mtu == tun.mtu)
		return;
	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tundev);
	ifr.ifr_mtu = mtu;
	if ((s = udpsocket(AF_INET, 0)) < 0 ||
	    ioctl(s, SIOCSIFMTU, &ifr) < 0)
		warn("%s: set mtu %d:", tundev, mtu);
	else
		logmsg("%s: mtu %d", tundev, mtu);
	if (mtu < 1280 && strchr(role == Client ? clientaddr : serveraddr, ':'))
		warn("%s: mtu %d: IPv6 needs 1280, the kernel has taken its "
		    "addresses off", tundev, mtu);
	if (s >= 0)
		close(s);
	tun.mtu = mtu;
}

/* What is there, cut into packets that the links carry, is appended to the
 * queue; 0: nothing. A packet lands in its place, only the rest of a
 * superpacket elsewhere. */
static int
tunread(Queue *q)
{
	static uint8_t super[SuperMax];
	struct iovec iov[3];
	Vnet v = { 0 };
	Pkt *p;
	int n;

	if (!(p = pktalloc())) {
		n = read(tun.fd, super, SuperMax);
		drops[DropPool] += n > 0;
		return n > 0;
	}
	iov[0].iov_base = &v;
	iov[0].iov_len = VnetLen;
	iov[1].iov_base = p->data;
	iov[1].iov_len = MtuMax;
	iov[2].iov_base = super + MtuMax;
	iov[2].iov_len = SuperMax - MtuMax;
	n = tun.hdr ? readv(tun.fd, iov, 3) - tun.hdr :
	    read(tun.fd, p->data, MtuMax);
	if (n <= 0) {
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			drops[DropTun]++;
		pktfree(p);
		return 0;
	}
	p->len = n;
	p->time = now;
	if (v.type == GsoNone && n <= MtuMax) {
		if (v.flags & VnetPartial)
			sumfinish(p, v.start, v.offset);
		queueput(q, p);
		return 1;
	}
	memcpy(super, p->data, MtuMax);
	pktfree(p);
	if (cut(super, n, &v, q) < 0)
		drops[DropForm]++;
	return 1;
}

/* 0: it is not taken. The kernel's header, which says nothing here, fits in
 * front of any packet. */
static int
tunwrite(Pkt *p)
{
	memset(p->data - tun.hdr, 0, tun.hdr);
	if (write(tun.fd, p->data - tun.hdr, p->len + tun.hdr) >= 0)
		return 1;
	drops[DropTun]++;
	return 0;
}

/* Somebody deleted it. Whoever starts the program again gives it another. */
static void
tungone(void)
{
	warn("%s: the device is gone, stopping", tundev);
	signaled.stop = loop.status = 1;
}

/* super: superpackets
 *
 * The kernel's TCP hands over up to 64 kB at once, to be cut as a network card
 * would do it, and takes as much; that saves most of the system calls and of
 * its own work. Each packet still finds its way by itself. What is joined here
 * was one after the other in one flow, and cutting it gives the same packets
 * again, byte for byte. */

/* the checksum that was left to be done */
static void
sumfinish(Pkt *p, int start, int offset)
{
	uint32_t s;

	if (start + offset + 2 > p->len)
		return;
	s = ~sum(p->data + start, p->len - start, 0) & 0xffff;
	put(p->data + start + offset, s ? s : 0xffff, 2);
}

/* Lengths, numbers, flags and checksums of piece i of a superpacket, whose
 * payload is at bytes from its first. Where the checksum goes stands the sum
 * of the pseudo header so far. */
static void
piece(Pkt *p, const Ip *ip, int i, int at, int last)
{
	int l4len = p->len - ip->l4, tcp = ip->proto == IPPROTO_TCP;
	uint8_t *d = p->data, *t = d + ip->l4, *sumat = t + (tcp ? 16 : 6);

	if (d[0] >> 4 == 4) {
		put(d + 2, p->len, 2);
		put(d + 4, get(d + 4, 2) + i, 2);
		put(d + 10, 0, 2);
		put(d + 10, ~sum(d, (d[0] & 15) * 4, 0) & 0xffff, 2);
	} else {
		put(d + 4, p->len - 40, 2);
	}
	if (tcp) {
		put(t + 4, get(t + 4, 4) + at, 4);
		if (!last)
			t[13] &= ~(TcpFin | TcpPsh);
		if (i > 0)
			t[13] &= ~TcpCwr;
	} else {
		put(t + 4, l4len, 2);
	}
	put(sumat, sum(sumat, 2, (~ip->l4len & 0xffff) + l4len), 2);
	sumfinish(p, ip->l4, tcp ? 16 : 6);
}

/* -1: it makes no sense. The kernel's hdrlen is not to be trusted. */
static int
cut(const uint8_t *d, int len, const Vnet *v, Queue *q)
{
	int type = v->type & ~GsoEcn, hdrlen, at, n, i;
	Pkt *p;
	Ip ip;

	if (!(v->flags & VnetPartial) ||
	    ipparse(d, len, &ip) < 0 || ip.frag || v->size == 0 ||
	    type != (ip.proto == IPPROTO_UDP ? GsoUdp :
	    ip.proto != IPPROTO_TCP ? -1 : d[0] >> 4 == 4 ? GsoTcp4 : GsoTcp6))
		return -1;
	hdrlen = type == GsoUdp ? ip.l4 + 8 : len - ip.payload;
	if (hdrlen + v->size > MtuMax || hdrlen >= len)
		return -1;
	for (i = 0, at = hdrlen; at < len; i++, at += n) {
		if (!(p = pktalloc())) {
			drops[DropPool]++;
			return 0;
		}
		n = MIN(v->size, len - at);
		p->len = hdrlen + n;
		p->time = now;
		memcpy(p->data, d, hdrlen);
		memcpy(p->data + hdrlen, d + at, n);
		piece(p, &ip, i, at - hdrlen, at + n == len);
		queueput(q, p);
	}
	return 0;
}

/* TCP with data, nothing special, and sound: joining hides what is not */
static int
joinable(const Pkt *p, const Ip *ip)
{
	const uint8_t *d = p->data, *t = d + ip->l4;
	int v4 = d[0] >> 4 == 4;

	return ip->proto == IPPROTO_TCP && !ip->frag && ip->payload > 0 &&
	    ip->l4 == (v4 ? 20 : 40) &&
	    (t[13] & ~(TcpPsh | TcpFin)) == TcpAck &&
	    (!v4 || sum(d, 20, 0) == 0xffff) &&
	    sum(t, ip->l4len, pseudosum(d, ip->proto, ip->l4len)) == 0xffff;
}

/* IP headers that differ in length and checksum only, and an IPv4
 * identification that is n further */
static int
sameip(const uint8_t *d, const uint8_t *e, int n)
{
	if (d[0] >> 4 == 6)
		return !memcmp(d, e, 4) && !memcmp(d + 6, e + 6, 34);
	return !memcmp(d, e, 2) && !memcmp(d + 6, e + 6, 4) &&
	    !memcmp(d + 12, e + 12, 8) &&
	    get(d + 4, 2) == ((get(e + 4, 2) + n) & 0xffff);
}

/* TCP headers of len bytes that differ in seq, flags and checksum only */
static int
sametcp(const uint8_t *t, const uint8_t *u, int len)
{
	return !memcmp(t, u, 4) && !memcmp(t + 8, u + 8, 5) &&
	    !memcmp(t + 14, u + 14, 2) && !memcmp(t + 18, u + 18, len - 18);
}

/* the packet is the next one after those in the join, which has room for it:
 * as the kernel's GRO sees it, and the window and TTL are the same, too */
static int
follows(const Join *j, const Pkt *p, const Ip *ip)
{
	const uint8_t *d = p->data, *e = j->p[0]->data;

	return j->n < SegMax && j->len + ip->payload <= SuperMax &&
	    ip->l4 == j->l4 && p->len - ip->payload == j->hdrlen &&
	    ip->payload <= j->size && get(d + j->l4 + 4, 4) == j->seq &&
	    sameip(d, e, j->n) &&
	    sametcp(d + j->l4, e + j->l4, j->hdrlen - j->l4);
}

/* a packet for the TUN: it waits for its neighbours until the end of the
 * turn, or goes at once, behind those of its flow that wait */
static void
join(Pkt *p)
{
	Join *j;
	Ip ip;
	int able;

	if (offload[OffJoin] != Running || ipparse(p->data, p->len, &ip) < 0) {
		tunwrite(p);
		pktfree(p);
		return;
	}
	j = &joins[ip.hash & (Njoins - 1)];
	able = joinable(p, &ip);
	if (j->n > 0 && (!able || !follows(j, p, &ip)))
		joinflush(j);
	if (!able) {
		tunwrite(p);
		pktfree(p);
		return;
	}
	if (j->n == 0) {
		j->len = j->hdrlen = p->len - ip.payload;
		j->l4 = ip.l4;
		j->size = ip.payload;
		j->seq = get(p->data + ip.l4 + 4, 4);
	}
	j->p[j->n++] = p;
	j->len += ip.payload;
	j->seq += ip.payload;
	if (ip.payload < j->size || ip.tcpflags & (TcpPsh | TcpFin))
		joinflush(j);
}

/* A kernel that does not take it gets the packets one by one, from now on if
 * it does not know what it is, or again and again. */
static void
joinflush(Join *j)
{
	uint8_t hdr[VnetLen + 40 + 60], *d = hdr + VnetLen, *t = d + j->l4;
	struct iovec iov[1 + SegMax];
	Vnet v = { VnetPartial, 0, 0, 0, 0, 16 };
	static int errors;
	int i, n = j->n, error = 0, taken = 0, v4;

	j->n = 0;
	if (n > 1) {
		v4 = j->p[0]->data[0] >> 4 == 4;
		v.type = v4 ? GsoTcp4 : GsoTcp6;
		v.hdrlen = j->hdrlen;
		v.size = j->size;
		v.start = j->l4;
		memcpy(hdr, &v, VnetLen);
		memcpy(d, j->p[0]->data, j->hdrlen);
		t[13] |= j->p[n - 1]->data[j->l4 + 13];
		put(d + (v4 ? 2 : 4), j->len - (v4 ? 0 : 40), 2);
		put(t + 16, pseudosum(d, IPPROTO_TCP, j->len - j->l4), 2);
		if (v4) {
			put(d + 10, 0, 2);
			put(d + 10, ~sum(d, 20, 0) & 0xffff, 2);
		}
		iov[0].iov_base = hdr;
		iov[0].iov_len = VnetLen + j->hdrlen;
		for (i = 0; i < n; i++) {
			iov[1 + i].iov_base = j->p[i]->data + j->hdrlen;
			iov[1 + i].iov_len = j->p[i]->len - j->hdrlen;
		}
		error = writev(tun.fd, iov, 1 + n) < 0 ? errno : 0;
		errors = error ? errors + 1 : 0;
	}
	for (i = 0; i < n; i++) {
		if (n == 1 || error)
			taken += tunwrite(j->p[i]);
		pktfree(j->p[i]);
	}
	if (error && taken && (error == EINVAL || errors >= 3)) {
		offloadfail(OffJoin, error);
		joinflushall();
	}
}

static void
joinflushall(void)
{
	Join *j;

	for (j = joins; j < joins + Njoins; j++)
		if (j->n > 0)
			joinflush(j);
}

/* link */
static int
setopt(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* the largest packet that the link carries, bytes */
static int
linkpayload(const Link *l)
{
	return l->addr.mtu - (l->addr.v6 ? 48 : 28) - HdrLen - (keyfile ? TagLen : 0);
}

/* A new socket, from a port of its own on the client. A failure is logged
 * when it differs from the last one; the link stays down and tries again. */
static void
linkopen(Link *l)
{
	const Linkconf *c = l->conf;
	const char *local = role == Client ? c->client : c->server;
	struct sockaddr_storage ss;
	const char *what = "socket";
	int fd, error;

	linkclose(l);
	l->reopen = now + Reopen;
	l->beats.n = 0;
	l->out.single = 0;
	l->addr.v6 = parseaddr(local ? local : c->server ? c->server : c->client,
	    role == Client ? 0 : c->port, &ss) == AF_INET6;
	fd = udpsocket(l->addr.v6 ? AF_INET6 : AF_INET, SOCK_NONBLOCK);
	if (fd < 0)
		goto err;
	if (!local)
		parseaddr(l->addr.v6 ? "::" : "0.0.0.0",
		    role == Client ? 0 : c->port, &ss);
	what = "options";
	if (setopt(fd, SOL_IP, IP_FREEBIND, 1) < 0)
		goto err;
	if (l->addr.v6) {
		setopt(fd, SOL_IPV6, IPV6_V6ONLY, !!local);
		setopt(fd, SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
	}
	setopt(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	if (setopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20) < 0)
		setopt(fd, SOL_SOCKET, SO_RCVBUF, 4 << 20);
	if (offload[OffGro] == Running)
		setopt(fd, IPPROTO_UDP, UDP_GRO, 1);
	what = "device";
	if (role == Client && c->device && setsockopt(fd, SOL_SOCKET,
	    SO_BINDTODEVICE, c->device, strlen(c->device) + 1) < 0)
		goto err;
	what = "bind";
	if (bind(fd, (struct sockaddr *)&ss, sizeof(ss)) < 0)
		goto err;
	if (role == Client) {
		parseaddr(c->server, c->port, &l->addr.peer);
		l->addr.peerlen = sizeof(l->addr.peer);
		what = "connect";
		if (connect(fd, (struct sockaddr *)&l->addr.peer, l->addr.peerlen) < 0)
			goto err;
	}
	l->fd = fd;
	if (l->log.error && linktells(l))
		logmsg("link %s: open", l->name);
	l->log.error = 0;
	linkmtu(l);
	return;
err:
	if (errno == EADDRINUSE) /* by an instance that is just ending */
		l->reopen = now + MS(hbinterval);
	error = errno;
	if (error != l->log.error && linktells(l)) {
		errno = error;
		warn("link %s: %s:", l->name, what);
	}
	l->log.error = error;
	if (fd >= 0)
		close(fd);
}

/* what has not left yet */
static void
linkdrop(Link *l, int why)
{
	while (l->out.n > 0)
		pktdrop(l->out.pkts[--l->out.n], why);
}

static void
linkclose(Link *l)
{
	linkdrop(l, DropSend);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* what the route to the peer carries; a server without a peer's address
 * takes the usual until it knows better */
static void
linkmtu(Link *l)
{
	struct sockaddr_storage ss = l->addr.peer;
	socklen_t len = sizeof(int);
	int fd = l->fd, mtu = 0;

	if (role == Server) {
		if (!l->addr.peerlen && (!l->conf->client ||
		    parseaddr(l->conf->client, l->conf->port, &ss) < 0))
			return;
		fd = udpsocket(ss.ss_family, 0);
		if (fd < 0)
			return;
		if (connect(fd, (struct sockaddr *)&ss, sizeof(ss)) < 0) {
			close(fd);
			return;
		}
	}
	if (getsockopt(fd, l->addr.v6 ? SOL_IPV6 : SOL_IP, l->addr.v6 ? IPV6_MTU : IP_MTU,
	    &mtu, &len) < 0)
		mtu = 0;
	/* anybody can forge the ICMP message that says so */
	if (keyfile && mtu && mtu < MtuBelieved) {
		setopt(l->fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
		mtu = 0;
	}
	if (mtu >= MtuMin && mtu != l->addr.mtu) {
		if (l->addr.mtu)
			logmsg("link %s: mtu %d, was %d", l->name, mtu, l->addr.mtu);
		l->addr.mtu = mtu;
	}
	if (fd != l->fd)
		close(fd);
}

/* bytes that a datagram grows by on its way */
static int
wireoverhead(const Link *l)
{
	return (l->addr.v6 ? 48 : 28) + linkoverhead;
}

/* the pacer's clocks run ahead by the time the bytes take */
static void
charge(Link *l, int bytes)
{
	int64_t ns = bytes * l->pace.cost / 1000;

	l->pace.clock = MAX(l->pace.clock, now * 1000) + ns;
	l->pace.satclock = MAX(l->pace.satclock, now * 1000) + ns * 100 / satpercent;
	l->pace.satclock = MIN(l->pace.satclock, l->pace.clock + 2 * BurstMax * 1000);
}

/* Takes the datagram over, to be sent at the end of the turn. Small records
 * that meet here share a datagram. */
static void
linksend(Link *l, Pkt *p)
{
	Pkt *o = l->out.n > 0 ? l->out.pkts[l->out.n - 1] : NULL;

	if (o && pool.refs[o - pool.pkts] == 1 && !o->sealed && o->key == p->key &&
	    p->wirelen <= Small && o->wirelen + p->wirelen <= tun.mtu) {
		memcpy(o->wire + o->wirelen, p->wire, p->wirelen);
		o->wirelen += p->wirelen;
		charge(l, p->wirelen);
		pktfree(p);
		return;
	}
	if (l->out.n == Batch)
		linkflush(l);
	if (l->out.n == Batch) {
		pktdrop(p, DropSend);
		return;
	}
	l->out.pkts[l->out.n++] = p;
	charge(l, p->wirelen + wireoverhead(l) + (keyfile ? TagLen : 0));
}

/* Datagrams of one size that follow each other, the last one may be shorter,
 * leave in one message that the kernel cuts; how many */
static int
segments(const Link *l, int from)
{
	int size = l->out.pkts[from]->wirelen, all = size, n;

	for (n = 1; from + n < l->out.n && n < SegMax - 1 &&
	    offload[OffSegment] == Running && now >= l->out.single &&
	    l->out.pkts[from + n - 1]->wirelen == size &&
	    l->out.pkts[from + n]->wirelen <= size; n++) {
		all += l->out.pkts[from + n]->wirelen;
		if (all > SuperMax - 48)
			break;
	}
	return n;
}

/* messages to send what waits; n[i] datagrams in the i-th */
static int
linkmsgs(Link *l, struct mmsghdr *mm, struct iovec *iov, Segment *seg, int *n)
{
	struct cmsghdr *c;
	int i, m, from;
	uint16_t size;

	for (i = 0; i < l->out.n; i++) {
		seal(l->out.pkts[i]);
		iov[i].iov_base = l->out.pkts[i]->wire;
		iov[i].iov_len = l->out.pkts[i]->wirelen;
	}
	for (from = m = 0; from < l->out.n; from += n[m++]) {
		n[m] = segments(l, from);
		memset(&mm[m], 0, sizeof(mm[m]));
		mm[m].msg_hdr.msg_iov = &iov[from];
		mm[m].msg_hdr.msg_iovlen = n[m];
		if (role == Server) {
			mm[m].msg_hdr.msg_name = &l->addr.peer;
			mm[m].msg_hdr.msg_namelen = l->addr.peerlen;
		}
		if (n[m] == 1)
			continue;
		size = iov[from].iov_len;
		memset(&seg[m], 0, sizeof(seg[m]));
		mm[m].msg_hdr.msg_control = &seg[m];
		mm[m].msg_hdr.msg_controllen = CMSG_SPACE(sizeof(size));
		c = CMSG_FIRSTHDR(&mm[m].msg_hdr);
		c->cmsg_level = IPPROTO_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(size));
		memcpy(CMSG_DATA(c), &size, sizeof(size));
	}
	return m;
}

/* how many messages were taken, -1 for an error with the first */
static int
sendmsgs(int fd, struct mmsghdr *mm, int n)
{
	int r;

	if (offload[OffBatch] == Running) {
		r = sendmmsg(fd, mm, n, MSG_DONTWAIT);
		if (r >= 0 || errno != ENOSYS)
			return r;
		offloadfail(OffBatch, errno);
	}
	return sendmsg(fd, &mm->msg_hdr, MSG_DONTWAIT) < 0 ? -1 : 1;
}

/* A full socket or device keeps the rest for later and stops the pacer for a
 * while; no other error proves anything about the link, so it is counted.
 * ECONNREFUSED and the like may belong to a datagram sent before. */
static void
linkflush(Link *l)
{
	struct mmsghdr mm[Batch];
	struct iovec iov[Batch];
	Segment seg[Batch];
	int n[Batch], i, m, at = 0, done = 0, tries = 0, single = 0;

	if (l->out.n == 0)
		return;
	m = linkmsgs(l, mm, iov, seg, n);
	while (at < m) {
		i = sendmsgs(l->fd, mm + at, m - at);
		if (i > 0) {
			for (; i > 0; i--)
				done += linksent(l, done, n[at++]);
			tries = 0;
			continue;
		}
		if (errno == EAGAIN || errno == ENOBUFS) {
			l->pace.clock = MAX(l->pace.clock, (now + 2 * Burst) * 1000);
			break;
		}
		if (errno == EINTR || tries++ == 0)
			continue;
		if (n[at] > 1) {
			single = errno;
			break;
		}
		linkerror(l, errno);
		for (i = n[at++]; i > 0; i--)
			pktdrop(l->out.pkts[done++], DropSend);
		tries = 0;
	}
	l->out.n -= done;
	memmove(l->out.pkts, l->out.pkts + done, l->out.n * sizeof(l->out.pkts[0]));
	if (single) {
		linksingle(l, single);
		linkflush(l);
	}
}

/* The kernel did not take a message of several datagrams, because of the
 * device, or one of them; those that it has against one itself it names when
 * they come one by one. */
static void
linksingle(Link *l, int error)
{
	if (!l->out.single) {
		errno = error;
		logmsg("link %s: UDP_SEGMENT is off for a while:", l->name);
	}
	l->out.single = now + Single;
	linkmtu(l);
	tunmtu();
}

/* n of them, from the first that is not yet */
static int
linksent(Link *l, int from, int n)
{
	int i;

	for (i = from; i < from + n; i++) {
		l->meter.tx.pkts++;
		l->meter.tx.bytes += l->out.pkts[i]->wirelen;
		pktfree(l->out.pkts[i]);
	}
	return n;
}

/* counted by the caller; here what can be learned from it */
static void
linkerror(Link *l, int error)
{
	if (error == EMSGSIZE) {
		linkmtu(l);
		tunmtu();
	} else if (error != l->log.error && linktells(l)) {
		errno = error;
		logmsg("link %s: send:", l->name);
	}
	if (error == ENODEV || error == ENXIO || error == EADDRNOTAVAIL)
		l->reopen = MIN(l->reopen, now + Second);
	l->log.error = error;
}

/* how many messages came, as recvmmsg */
static int
recvmsgs(int fd, struct mmsghdr *mm, int n)
{
	int i, r;

	if (offload[OffBatch] == Running) {
		r = recvmmsg(fd, mm, n, MSG_DONTWAIT, NULL);
		if (r >= 0 || errno != ENOSYS)
			return r;
		offloadfail(OffBatch, errno);
	}
	for (i = 0; i < n; i++) {
		r = recvmsg(fd, &mm[i].msg_hdr, MSG_DONTWAIT);
		if (r < 0)
			return i > 0 ? i : -1;
		mm[i].msg_len = r;
	}
	return n;
}

/* a batch of datagrams and who sent them, each in its place */
static void
linkrecv(Link *l)
{
	static struct sockaddr_storage from[Batch];
	static Pkt *fresh[Batch];
	struct mmsghdr mm[Batch];
	struct iovec iov[Batch];
	Pkt *p;
	int i, n, max;

	for (max = 0; max < Batch; max++) {
		if (!fresh[max] && !(fresh[max] = pktalloc()))
			break;
		memset(&mm[max], 0, sizeof(mm[max]));
		iov[max].iov_base = fresh[max]->buf;
		iov[max].iov_len = PktSize;
		mm[max].msg_hdr.msg_iov = &iov[max];
		mm[max].msg_hdr.msg_iovlen = 1;
		mm[max].msg_hdr.msg_name = &from[max];
		mm[max].msg_hdr.msg_namelen = sizeof(from[max]);
	}
	n = recvmsgs(l->fd, mm, max);
	loop.handled += MAX(n, 0);
	loop.unread |= n == max;
	for (i = 0; i < n; i++) {
		p = fresh[i];
		fresh[i] = NULL;
		p->wire = p->buf;
		p->wirelen = mm[i].msg_hdr.msg_flags & MSG_TRUNC ? 0 :
		    mm[i].msg_len;
		p->time = now;
		datagram(l, p, &from[i]);
	}
}

/* the same where the kernel joins datagrams of one size */
static void
linkrecvsuper(Link *l)
{
	static struct sockaddr_storage from[Supers];
	static uint8_t buf[Supers][SuperMax];
	struct mmsghdr mm[Supers];
	struct iovec iov[Supers];
	Segment seg[Supers];
	int i, n, at, len, size;
	Pkt *p;

	memset(mm, 0, sizeof(mm));
	for (i = 0; i < Supers; i++) {
		iov[i].iov_base = buf[i];
		iov[i].iov_len = SuperMax;
		mm[i].msg_hdr.msg_iov = &iov[i];
		mm[i].msg_hdr.msg_iovlen = 1;
		mm[i].msg_hdr.msg_name = &from[i];
		mm[i].msg_hdr.msg_namelen = sizeof(from[i]);
		mm[i].msg_hdr.msg_control = &seg[i];
		mm[i].msg_hdr.msg_controllen = sizeof(seg[i]);
	}
	n = recvmsgs(l->fd, mm, Supers);
	loop.unread |= n == Supers;
	for (i = 0; i < n; i++) {
		len = mm[i].msg_len;
		size = segmentsize(&mm[i].msg_hdr, len);
		for (at = 0; at < len; at += size) {
			if (!(p = pktalloc())) {
				drops[DropPool]++;
				continue;
			}
			loop.handled++;
			p->time = now;
			p->wire = p->buf;
			p->wirelen = MIN(size, len - at);
			if (p->wirelen > PktSize)
				p->wirelen = 0;
			memcpy(p->wire, buf[i] + at, p->wirelen);
			datagram(l, p, &from[i]);
		}
	}
}

/* bytes of each datagram in a message: an int, other than for sending */
static int
segmentsize(struct msghdr *m, int len)
{
	struct cmsghdr *c;
	int size = 0;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
			memcpy(&size, CMSG_DATA(c), sizeof(size));
	return size > 0 ? size : MAX(len, 1);
}

/* ip */

/* offset of what follows the header, -1: it makes no sense */
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

/* the same, behind extension headers: hop-by-hop, routing, destination
 * options and fragment, which is the last that is looked at */
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

/* ports of TCP and UDP, flags and payload of TCP; -1: cut short */
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

/* of addresses, n bytes, protocol and ports; nobody outside can foresee it */
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

/* What classify wants to know of a packet, -1 if it is no IP packet. A flow
 * is addresses, protocol and ports; fragments have no ports, nor are they
 * looked into, so that those of one packet stay together. */
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

/* one's complement sum of 16 bit words, RFC 1071: in the machine's own byte
 * order and 64 bits at a time as far as that goes, with the carries aside */
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

/* of the header that TCP and UDP imagine before theirs */
static uint32_t
pseudosum(const uint8_t *d, int proto, int l4len)
{
	int v4 = d[0] >> 4 == 4;

	return sum(d + (v4 ? 12 : 8), v4 ? 8 : 32, proto + l4len);
}

/* a 16 bit word at any place of what a checksum covers, RFC 1624 */
static void
change16(uint8_t *d, int at, int value, uint8_t *check)
{
	int word = at & ~1, len = at & 1 ? 4 : 2;
	uint32_t old = sum(d + word, len, 0);

	put(d + at, value, 2);
	old = sum(d + word, len, (~get(check, 2) & 0xffff) + (~old & 0xffff));
	put(check, ~old & 0xffff, 2);
}

/* told without looking at the whole packet */
static int
maysyn(const uint8_t *d, int len)
{
	int v4 = len > 0 && d[0] >> 4 == 4, l4 = v4 ? (d[0] & 15) * 4 : 40;

	return len < l4 + 20 || (v4 ? d[9] == IPPROTO_TCP && d[l4 + 13] & TcpSyn :
	    d[6] != IPPROTO_TCP || d[l4 + 13] & TcpSyn);
}

/* lower the MSS in a SYN to what the tunnel carries */
static void
ipclamp(uint8_t *d, int len, int mtu)
{
	Ip ip;
	uint8_t *t, *o, *end;
	uint16_t mss;

	if (!maysyn(d, len) || ipparse(d, len, &ip) < 0 || !(ip.tcpflags & TcpSyn))
		return;
	mss = mtu - 20 - (d[0] >> 4 == 4 ? 20 : 40);
	t = d + ip.l4;
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

/* Congestion experienced, RFC 3168; 0 if the sender does not know ECN. The
 * IPv6 header has no checksum. */
static int
ipmark(uint8_t *d)
{
	int v4 = d[0] >> 4 == 4;
	int ecn = v4 ? d[1] & 3 : d[1] >> 4 & 3;

	if (ecn == 0)
		return 0;
	if (v4)
		change16(d, 0, get(d, 2) | 3, d + 10);
	else
		d[1] |= 0x30;
	return 1;
}

/* which must not be answered by another, RFC 1122 and 4443 */
static int
icmperror(const uint8_t *d, const Ip *ip)
{
	int type = ip->l4len > 0 ? d[ip->l4] : 0;

	if (ip->proto == IPPROTO_ICMPV6)
		return type < 128;
	return ip->proto == IPPROTO_ICMP && type != 0 && type != 8 &&
	    type < 13;
}

/* Tell the sender of a packet that is too big: RFC 1191, RFC 4443. It comes
 * from the packet's destination, since the TUN need not have an address of
 * that family. */
static void
iptoobig(const Pkt *p, int mtu)
{
	const uint8_t *d = p->data;
	uint8_t pseudo[40] = { 0 }, *o;
	Pkt *q;
	Ip ip;

	if (ipparse(d, p->len, &ip) < 0 || icmperror(d, &ip) ||
	    !(q = pktalloc()))
		return;
	o = q->data;
	memset(o, 0, 48);
	if (d[0] >> 4 == 4) {
		q->len = 28 + MIN(p->len, ip.l4 + 8);
		o[0] = 0x45;
		put(o + 2, q->len, 2);
		o[8] = 64;
		o[9] = IPPROTO_ICMP;
		memcpy(o + 12, d + 16, 4);
		memcpy(o + 16, d + 12, 4);
		put(o + 10, ~sum(o, 20, 0) & 0xffff, 2);
		put(o + 20, 0x0304, 2);
		put(o + 26, mtu, 2);
		memcpy(o + 28, d, q->len - 28);
		put(o + 22, ~sum(o + 20, q->len - 20, 0) & 0xffff, 2);
	} else {
		q->len = 48 + MIN(p->len, 1280 - 48);
		o[0] = 0x60;
		put(o + 4, q->len - 40, 2);
		o[6] = IPPROTO_ICMPV6;
		o[7] = 64;
		memcpy(o + 8, d + 24, 16);
		memcpy(o + 24, d + 8, 16);
		o[40] = 2;
		put(o + 44, mtu, 4);
		memcpy(o + 48, d, q->len - 48);
		memcpy(pseudo, o + 8, 32);
		put(pseudo + 32, q->len - 40, 4);
		pseudo[39] = IPPROTO_ICMPV6;
		put(o + 42, ~sum(o + 40, q->len - 40, sum(pseudo, 40, 0)) &
		    0xffff, 2);
	}
	tunwrite(q);
	pktfree(q);
}

/* down: from the TUN into the queues, from there to the links, as long as the
 * packets are in the cache */
static void
tunpkt(void)
{
	Queue in = { 0 };
	Pkt *p;
	int reads, n = 0, done = 0;

	for (reads = 0; reads < TunBatch && n < TunBatch; reads++) {
		if (!tunread(&in))
			break;
		for (; (p = queueget(&in)); n++) {
			ipclamp(p->data, p->len, tun.mtu);
			if ((p->class = classify(p)) < 0)
				pktdrop(p, DropForm);
			else
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

/* classify: which lane, and which flow the packet belongs to */

/* Express are the packets that a person waits for or that are too few to
 * matter. Those chosen by what they claim to be have a limit, the others are
 * measured: a sparse flow is express until it is no longer sparse. -1: this
 * is no IP packet. */
static int
classify(Pkt *p)
{
	Flow *f;
	Ip ip;
	int quic;

	if (ipparse(p->data, p->len, &ip) < 0)
		return -1;
	p->flow = ip.hash & (Nflows - 1);
	f = &queues.flows[p->flow];
	p->l4 = ip.l4;
	/* the others are sent again, but not soon */
	p->due = now + (ip.proto == IPPROTO_TCP || ip.sport == 53 ||
	    ip.dport == 53 ? Stale : StaleLive);
	flowcount(f, p->len);
	if (ip.frag || ip.tcpflags & (TcpFin | TcpRst))
		return Ordered;
	if (ip.tcpflags & TcpSyn)
		return Express;
	if (ip.tcpflags & TcpAck && !ip.payload)
		return Ack;
	/* QUIC takes three packets out of order for a loss */
	quic = ip.proto == IPPROTO_UDP && (ip.sport == 443 || ip.dport == 443);
	if ((!urgent(&ip) || capped(p->len)) && (quic || !sparse(f, p->len)))
		return Ordered;
	/* it must not overtake its own ordered packets */
	return settled(f) && now - f->lastaside > Settle && !f->queue.head ?
	    Express : Ordered;
}

static int
urgent(const Ip *ip)
{
	return ip->proto == IPPROTO_ICMP || ip->proto == IPPROTO_ICMPV6 ||
	    ip->dscp >= 32 || (ip->proto == IPPROTO_UDP &&
	    (ip->sport == 53 || ip->dport == 53));
}

/* Bytes since its last pause, less what a quarter of the best link carries:
 * a slow stream is never heavy, a heavy one stays so until it pauses. */
static void
flowcount(Flow *f, int len)
{
	const Link *l;

	if (now - f->last > Pause)
		f->sent = f->mean = f->acked = 0;
	else if (now > f->last && !heavy(f) && (l = bestlink(NULL)))
		f->sent = MAX(f->sent - (now - f->last) * (l->pace.rate / 32) /
		    Second, 0);
	f->sent += len;
	f->last = now;
}

static int
heavy(const Flow *f)
{
	return f->sent > Heavy;
}

/* none of its ordered packets is on its way any more */
static int
settled(const Flow *f)
{
	return now - f->lastordered > Settle;
}

/* more than a quarter of the best link in packets that claim to be urgent */
static int
capped(int len)
{
	const Link *l = bestlink(NULL);
	int64_t rate = l ? l->pace.rate / 4 : RateMin;

	if (queues.capclock > now + Second / 10)
		return 1;
	queues.capclock = MAX(queues.capclock, now) + (int64_t)len * 8 * Second / rate;
	return 0;
}

/* games, voice, shells: small packets, not many, no more than 1 Mbit/s */
static int
sparse(Flow *f, int len)
{
	f->mean = f->mean ? f->mean + (len - f->mean) / 8 : len;
	f->clock = MIN(MAX(f->clock, now), now + 2 * SparseBurst);
	f->clock += MAX(Second / SparsePps, len * 8);
	return f->mean <= SparseLen && f->clock <= now + SparseBurst;
}

/* flow: queues, RFC 8290; the fattest loses when there is no room */

/* links are there, but none that carries it: its sender is told */
static int
toobig(const Pkt *p)
{
	int most = 0;
	Link *l;

	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, NULL))
			most = MAX(most, linkpayload(l));
	if (!most || p->len <= most)
		return 0;
	iptoobig(p, most);
	return 1;
}

static void
enqueue(Pkt *p)
{
	Flow *f = &queues.flows[p->flow];

	if (toobig(p)) {
		pktdrop(p, DropSize);
		return;
	}
	if (p->class == Ordered) {
		if ((p->light = !heavy(f)))
			queues.lightbytes += p->len;
		queueput(&f->queue, p);
		if (!f->listed) {
			f->deficit = Quantum;
			flowappend(&queues.newflows, f);
		}
		if (++queues.queued > queuepkts)
			dropfattest();
		return;
	}
	if (p->class == Ack) {
		ackenqueue(f, p);
		return;
	}
	queues.lastexpress = now;
	queueput(&queues.express, p);
	if (queues.express.len > queuepkts / 4)
		pktdrop(queueget(&queues.express), DropQueue);
}

/* half of the longest queue, up to a batch, from its head */
static void
dropfattest(void)
{
	Flow *f, *fat = &queues.flows[0];
	int n;

	for (f = queues.flows; f < queues.flows + Nflows; f++)
		if (f->queue.bytes > fat->queue.bytes)
			fat = f;
	for (n = MIN((fat->queue.len + 1) / 2, Batch); n > 0; n--)
		pktdrop(flowget(fat), DropQueue);
}

static Pkt *
flowget(Flow *f)
{
	Pkt *p;

	if (!(p = queueget(&f->queue)))
		return NULL;
	queues.queued--;
	if (p->light)
		queues.lightbytes -= p->len;
	return p;
}

static void
flowappend(Flowlist *list, Flow *f)
{
	f->next = NULL;
	f->listed = 1;
	queues.listed++;
	if (list->tail)
		list->tail->next = f;
	else
		list->head = f;
	list->tail = f;
}

static int
isqrt(int n)
{
	int r = 1;

	while ((r + 1) * (r + 1) <= n)
		r++;
	return r;
}

/* The target is a queue in bytes at the most that the links carried of late:
 * when they fall, and come back, a sender's window still suits them. us */
static int64_t
codeltarget(void)
{
	int64_t rate = 1;
	Link *l;

	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, NULL))
			rate += l->pace.rate;
	queues.peak = MAX(queues.peak, rate);
	return MIN(CodelTarget * queues.peak / rate, 3 * CodelTarget);
}

/* CoDel, RFC 8289: drop or mark when packets have waited longer than the
 * target for an interval; those of light flows may wait for the best link.
 * The last packet is never dropped, so there is one. */
static Pkt *
flowdequeue(Flow *f)
{
	Pkt *p;

	while ((p = flowget(f))) {
		if (p->light || now - p->time < codeltarget() ||
		    f->queue.bytes <= Quantum) {
			f->above = 0;
			f->dropping = 0;
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

/* the next packet of the flows on the list and the link that takes it; NULL:
 * none that a link takes now. Flows for which there is no link are passed
 * over and keep their place. */
static Pkt *
dequeue(Flowlist *list, Link **l)
{
	Flow **at, *f, *prev = NULL;
	Pkt *p;

	for (at = &list->head; (f = *at); ) {
		while (f->queue.head && now - f->queue.head->time > Stale)
			pktdrop(flowget(f), DropStale);
		if (f->deficit > 0 && f->queue.head) {
			if ((*l = selectlink(f))) {
				p = flowdequeue(f);
				f->deficit -= p->len;
				return p;
			}
			prev = f;
			at = &f->next;
			continue;
		}
		if (!(*at = f->next))
			list->tail = prev;
		f->listed = 0;
		queues.listed--;
		if (f->queue.head)
			f->deficit += Quantum;
		else if (list == &queues.oldflows)
			continue;
		flowappend(&queues.oldflows, f);
	}
	return NULL;
}

/* ack: pure TCP ACKs
 *
 * A download at full rate makes 13000 of them in a second, where a few
 * hundred do: a newer one replaces the one of its flow that waits, if that
 * says nothing else (SACK, ECN, a duplicate). A flow that has had little data
 * gets each of them at once. While it may be in slow start fewer than 8 of
 * them go out in a round trip, for that is what cubic's HyStart wants to see
 * before it takes the step from a quick link to a slow one for congestion.
 * BBR remembers for 10 s the short RTT from before the step, and gives itself
 * too small a window; but as much larger a one as ACKs come in lumps, so that
 * every now and then a lump is made. */
static int
ackplain(const uint8_t *t)
{
	static const uint8_t stamp[] = { 1, 1, 8, 10 };

	return t[13] == TcpAck && (t[12] >> 4 == 5 ||
	    (t[12] >> 4 == 8 && !memcmp(t + 20, stamp, sizeof(stamp))));
}

/* p says all that its elder o says, and more */
static int
ackreplaces(const Pkt *p, const Pkt *o)
{
	const uint8_t *t = p->data + p->l4, *u = o->data + o->l4;
	int v4 = p->data[0] >> 4 == 4, addrs = v4 ? 12 : 8;

	return p->len == o->len && p->l4 == o->l4 &&
	    p->data[0] == o->data[0] && p->data[1] == o->data[1] &&
	    !memcmp(p->data + addrs, o->data + addrs, v4 ? 8 : 32) &&
	    !memcmp(t, u, 4) &&
	    ackplain(t) && ackplain(u) &&
	    (int32_t)(get(t + 8, 4) - get(u + 8, 4)) > 0;
}

/* us from one to the next, by the bytes that the flow has had acked */
static int64_t
ackgap(const Flow *f)
{
	static const struct { int64_t upto, gap; } gaps[] = {
		{ 16 << 10, 0 }, { 64 << 10, 4000 }, { 2 << 20, 8000 },
	};
	int i;

	for (i = 0; i < LEN(gaps); i++)
		if (f->acked < gaps[i].upto)
			return gaps[i].gap;
	return step() && now % LumpEvery < Lump ? Lump - now % LumpEvery : 2000;
}

static void
ackenqueue(Flow *f, Pkt *p)
{
	uint32_t ackno = get(p->data + p->l4 + 8, 4);
	int32_t more = f->acked ? ackno - f->ackno : 1;

	if (more > 0) {
		f->acked += more;
		f->ackno = ackno;
	}
	if (f->ack && ackreplaces(p, f->ack)) {
		memcpy(f->ack->data, p->data, p->len);
		counts[CntMerged]++;
		pktfree(p);
		return;
	}
	if (f->ack)
		f->ack->due = now;
	p->due = ackplain(p->data + p->l4) ? f->lastack + ackgap(f) : now;
	f->ack = p;
	queueput(&queues.acks, p);
	if (queues.acks.len > queuepkts / 4)
		pktdrop(ackget(), DropQueue);
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

/* those that are due, as far as there is room; the others stay in order */
static void
acksend(void)
{
	Link *l;
	Pkt *p;
	int n;

	queues.nextack = INT64_MAX;
	for (n = queues.acks.len; n > 0; n--) {
		p = queues.acks.head;
		if (now - p->time > Stale) {
			pktdrop(ackget(), DropStale);
		} else if (p->due <= now && (l = selectack(p))) {
			queues.flows[p->flow].lastack = now;
			transmit(l, ackget());
		} else {
			queues.nextack = MIN(queues.nextack, MAX(p->due, now + Burst));
			queueput(&queues.acks, queueget(&queues.acks));
		}
	}
}

/* select: which link carries the packet */

/* lower is better; rtt in us, loss from 0 to 1 */
static int
score(int prio, int64_t rtt, double loss, int saturated)
{
	return prio * prioweight + rtt * rttweight / 1000 +
	       (saturated ? satweight : 0) + (int)(loss * lossweight);
}

/* it works, and the packet fits: any packet if p is NULL */
static int
usable(const Link *l, const Pkt *p)
{
	return l->state >= LinkUp && l->fd >= 0 &&
	    (!p || p->len <= linkpayload(l));
}

/* It is for ordered packets: one that takes 5 ms and more for each is not when
 * there is a quicker one, nor when there is one twice as quick. */
static int
carries(const Link *l, const Pkt *p)
{
	return usable(l, p) && l->pace.rate >= survey.bulkmin;
}

/* the pacer has room for a packet by this one of its clocks */
static int
room(const Link *l, int64_t clock)
{
	return l->out.n < Batch && clock <= now * 1000 + l->pace.burst;
}

/* more than satpercent of its rate is in use: a fact of each packet */
static int
saturated(const Link *l)
{
	return !room(l, l->pace.satclock);
}

/* Of links whose RTTs differ by less than 5 ms the one that was used less is
 * the better one, so that they share and do not flap. */
static int
better(const Link *l, const Link *than)
{
	int d;

	if (!than)
		return 1;
	d = l->score - than->score +
	    (saturated(l) - saturated(than)) * satweight;
	return abs(d) > 5 * rttweight ? d < 0 : l->pace.clock < than->pace.clock;
}

/* when a packet that is sent by the link next will be there, us; comparable
 * between links only, see Link.owd */
static int64_t
arrival(const Link *l, int len)
{
	return MAX(now, l->pace.clock / 1000) + len * l->pace.cost / 1000000 + l->delay.owd;
}

/* it would overtake the flow's last express packet, on its way by another */
static int
early(const Link *l, const Flow *f)
{
	return l - bond != f->link && now + l->delay.owd < f->notbefore;
}

/* the link with the least score, whether or not it has room */
static Link *
bestlink(const Pkt *p)
{
	Link *l, *best = NULL;

	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, p) && (!best ||
		    l->score < best->score))
			best = l;
	return best;
}

/* Express packets take the link with the least score, saturated or not: the
 * last of it is theirs. They wait for it behind the bytes ahead, if another
 * link would not be sooner. */
static Link *
selectexpress(const Pkt *p, int ahead)
{
	Link *l, *best = bestlink(p), *to = NULL;

	if (!best || (ahead == 0 && room(best, best->pace.clock)))
		return best;
	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, p) && room(l, l->pace.clock) && l != best && (!to ||
		    arrival(l, p->len) < arrival(to, p->len)))
			to = l;
	return to && arrival(to, p->len) < arrival(best, ahead + p->len) ?
	    to : NULL;
}

/* ACKs leave that to them. */
static Link *
selectack(const Pkt *p)
{
	Link *l, *best = NULL;

	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, p) && room(l, l->pace.clock) && better(l, best))
			best = l;
	return best;
}

/* from light to heavy a flow's delay grows: the best link is quicker than most
 * of the others */
static int
step(void)
{
	const Link *best = bestlink(NULL);

	return best && best->delay.owd < bulkdelay() - SameDelay;
}

/* the link whose last part is kept for express traffic while there is some */
static Link *
reserved(void)
{
	return now - queues.lastexpress < Alive && step() ? bestlink(NULL) : NULL;
}

static Link *
selectlink(const Flow *f)
{
	return heavy(f) ? selectheavy(f) : selectlight(f);
}

/* Light flows wait for the best link as long as that brings the packet there
 * sooner than another would, behind what waits already. When not, the least
 * score decides, and when all are saturated the earliest arrival. */
static Link *
selectlight(const Flow *f)
{
	const Pkt *p = f->queue.head;
	Link *l, *best = NULL, *to = NULL;
	int64_t clock, wait;

	for (l = bond; l < bond + LEN(bond); l++)
		if (carries(l, p) && (!best || l->score < best->score))
			best = l;
	if (!best)
		return NULL;
	clock = best == reserved() ? best->pace.satclock : best->pace.clock;
	if (room(best, clock) && !early(best, f))
		return best;
	for (l = bond; l < bond + LEN(bond); l++) {
		if (l == best || !carries(l, p) || !room(l, l->pace.clock) ||
		    early(l, f))
			continue;
		if (to && saturated(l) && saturated(to) ?
		    arrival(l, p->len) < arrival(to, p->len) : better(l, to))
			to = l;
	}
	wait = MAX(clock / 1000 - now, 0) + best->pace.cost *
	    MIN(queues.lightbytes, (int64_t)f->queue.bytes * queues.listed) / 1000000;
	return to && now + wait + best->delay.owd > arrival(to, p->len) ? to : NULL;
}

/* Heavy flows keep to links of one delay, that which holds most of the
 * capacity, and share them evenly; quicker links help when those are full,
 * slower ones too when they are not much slower. A delay that changes is
 * what a sender takes for congestion, or for a lack of it. */
static Link *
selectheavy(const Flow *f)
{
	enum { Free, Full, Quick, QuickFull, Slow, None };
	const Pkt *p = f->queue.head;
	Link *l, *to = NULL, *r = reserved();
	int64_t delay = bulkdelay();
	int rank, torank = None, least = INT_MAX;

	for (l = bond; l < bond + LEN(bond); l++)
		if (carries(l, p) && !saturated(l) &&
		    llabs(l->delay.owd - delay) <= SameDelay)
			least = MIN(least, l->score);
	for (l = bond; l < bond + LEN(bond); l++) {
		if (!l->open || !carries(l, p) || !room(l, l->pace.clock) ||
		    early(l, f))
			continue;
		if (l->delay.owd > delay + SameDelay)
			rank = l->delay.owd > delay + MoreDelay ? None : Slow;
		else if (l->delay.owd < delay - SameDelay)
			rank = !saturated(l) ? Quick :
			    l == r ? None : QuickFull;
		else
			rank = !saturated(l) &&
			    l->score <= least + 5 * rttweight ? Free :
			    l == r ? None : Full;
		if (rank < torank || (to && rank == torank &&
		    l->pace.clock < to->pace.clock)) {
			to = l;
			torank = rank;
		}
	}
	return to;
}

/* where half of the capacity is as quick or quicker */
static int64_t
bulkdelay(void)
{
	Link *l, *m;
	int64_t all = 0, upto, delay = INT64_MAX;

	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, NULL))
			all += l->pace.rate;
	for (l = bond; l < bond + LEN(bond); l++) {
		if (!usable(l, NULL) || l->delay.owd >= delay)
			continue;
		for (upto = 0, m = bond; m < bond + LEN(bond); m++)
			if (usable(m, NULL) && m->delay.owd <= l->delay.owd)
				upto += m->pace.rate;
		if (upto > all / 2)
			delay = l->delay.owd;
	}
	return delay;
}

/* the link with the least RTT */
static Link *
quickest(void)
{
	Link *l, *best = NULL;

	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, NULL) && (!best || l->delay.srtt < best->delay.srtt))
			best = l;
	return best;
}

/* for packets sent again */
static Link *
soonest(const Pkt *p)
{
	Link *l, *best = NULL;

	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, p) && room(l, l->pace.clock) && (!best ||
		    arrival(l, p->len) < arrival(best, p->len)))
			best = l;
	return best;
}

/* schedule: what waits goes out while there is room */

/* A light flow that has kept to the best link needs no order but the link's
 * own. Beside heavy flows its packets go by the express lane, so that they do
 * not wait at the receiver for those; elsewhere they are better kept, to be
 * sent again. */
static int
aside(const Link *l, const Pkt *p)
{
	return p->light && now - queues.lastheavy < Alive && l == bestlink(NULL) &&
	    l->loss.ratio < 0.01 && l->pace.rate >= 2 * BulkMin && !l->control.late &&
	    !l->control.starting && settled(&queues.flows[p->flow]);
}

/* what the flow's next packets must not overtake; ACKs may be overtaken */
static void
expresssent(Flow *f, const Pkt *p, const Link *l)
{
	if (p->class == Ack)
		return;
	if (p->class == Ordered)
		f->lastaside = now;
	f->link = p->link;
	f->notbefore = now + l->delay.owd + (p->class == Ordered ? Stay : 0);
}

static void
transmit(Link *l, Pkt *p)
{
	Flow *f = &queues.flows[p->flow];
	int isheavy = p->class == Ordered && heavy(f);

	p->link = l - bond;
	l->why[isheavy ? WhyHeavy :
	    l == bestlink(p) ? WhyScore : WhyOverflow]++;
	if (isheavy)
		queues.lastheavy = now;
	if (p->class == Ordered && !aside(l, p)) {
		encode(p, tx.seq[LaneOrdered]++, FlagData);
		l->lastordered = f->lastordered = now;
		keep(p);
	} else {
		encode(p, tx.seq[LaneExpress]++, FlagData | FlagExpress);
		expresssent(f, p, l);
		if (expresscopies && p->class == Express)
			copy(l, p);
	}
	linksend(l, p);
}

/* the same express packet over another link, if one has room to spare: the
 * death of a link, or a loss, is not noticed */
static void
copy(const Link *first, const Pkt *p)
{
	Link *l, *to = NULL;
	Pkt *q;

	for (l = bond; l < bond + LEN(bond); l++)
		if (l != first && usable(l, p) && !saturated(l) &&
		    better(l, to))
			to = l;
	if (!to || !(q = pktalloc()))
		return;
	memcpy(q->data, p->data, p->len);
	q->len = p->len;
	encode(q, p->seq, FlagData | FlagExpress | FlagRepair);
	to->why[WhyCopy]++;
	linksend(to, q);
}

/* what waited too long is of no use to anyone */
static void
stale(Queue *q)
{
	while (q->head && now - q->head->time > Keep) {
		q->head->asked = 0;
		pktdrop(queueget(q), DropStale);
	}
}

/* each goes if there is a link for it now, or waits behind those that wait */
static void
expresssend(void)
{
	Link *l;
	Pkt *p;
	int n, ahead = 0;

	for (n = queues.express.len; n > 0; n--) {
		p = queueget(&queues.express);
		if (now > p->due) {
			pktdrop(p, DropStale);
			continue;
		}
		if ((l = selectexpress(p, ahead))) {
			transmit(l, p);
			continue;
		}
		ahead += p->len + HdrLen + 28 + linkoverhead;
		queueput(&queues.express, p);
	}
}

static void
schedule(void)
{
	Link *l;
	Pkt *p;

	stale(&tx.repairs);
	for (survey.bulkmin = RateMin, l = bond; l < bond + LEN(bond); l++) {
		l->open = queues.lightbytes > 0 ||
		    l->pace.clock <= now * 1000 + l->pace.burst / 4 * 3;
		if (usable(l, NULL))
			survey.bulkmin = MAX(survey.bulkmin, l->pace.rate < BulkMin ?
			    l->pace.rate / 2 : BulkMin);
	}
	expresssend();
	acksend();
	while ((p = tx.repairs.head) && (l = soonest(p)))
		retransmit(l, queueget(&tx.repairs));
	while ((p = dequeue(&queues.newflows, &l)) || (p = dequeue(&queues.oldflows, &l)))
		transmit(l, p);
	for (l = bond; l < bond + LEN(bond); l++)
		linkflush(l);
}

/* repair: ordered packets are kept for when the peer asks for them again */
static void
keep(Pkt *p)
{
	Pkt **slot = &tx.sent[p->seq & (keeppkts - 1)];

	if (*slot)
		pktfree(*slot);
	*slot = pkthold(p);
	p->time = now;
}

/* but not for long, and not when the peer has had all below that seq */
static void
forget(uint64_t below)
{
	Pkt **slot;

	tx.oldest = MAX(tx.oldest, tx.seq[LaneOrdered] - MIN(tx.seq[LaneOrdered],
	    (uint64_t)keeppkts));
	for (; tx.oldest < tx.seq[LaneOrdered]; tx.oldest++) {
		slot = &tx.sent[tx.oldest & (keeppkts - 1)];
		if (*slot && tx.oldest >= below && now - (*slot)->time < Keep)
			return;
		if (*slot)
			pktfree(*slot);
		*slot = NULL;
	}
}

static void
resend(Pkt *p)
{
	if (p->asked)
		return;
	p->asked = 1;
	queueput(&tx.repairs, pkthold(p));
}

static void
retransmit(Link *l, Pkt *p)
{
	p->asked = 0;
	p->link = l - bond;
	encode(p, p->seq, FlagData | FlagRepair);
	l->why[WhyRepair]++;
	linksend(l, p);
}

/* a link died: what it may not have delivered goes by another */
static void
rescue(const Link *l)
{
	uint64_t seq;
	Pkt *p;

	for (seq = tx.oldest; seq < tx.seq[LaneOrdered]; seq++) {
		p = tx.sent[seq & (keeppkts - 1)];
		if (p && p->link == l - bond && p->time >= l->echo.sent &&
		    now - p->time < MS(reorderms))
			resend(p);
	}
}

/* ranges of missing packets: first seq, 8 bytes, and how many, 2 bytes; none
 * is missing below a range of 0 packets */
static void
nackpkt(const uint8_t *d, int len)
{
	uint64_t seq, end;
	Pkt *p;

	for (; len >= 10; d += 10, len -= 10) {
		seq = MAX(get(d, 8), tx.oldest);
		end = MIN(get(d, 8) + get(d + 8, 2), tx.seq[LaneOrdered]);
		if (get(d + 8, 2) == 0)
			forget(end);
		for (; seq < end; seq++) {
			p = tx.sent[seq & (keeppkts - 1)];
			if (p && p->seq == seq && !overbudget(p->len))
				resend(p);
		}
	}
}

/* more repair than a sixteenth of what the links carry */
static int
overbudget(int len)
{
	const Link *l;
	int64_t rate = 1;

	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, NULL))
			rate += l->pace.rate / 16;
	if (tx.budget > now + Second)
		return 1;
	tx.budget = MAX(tx.budget, now) + (int64_t)len * 8 * Second / rate;
	return 0;
}

/* up: from the links to the TUN */
static void
linkpkt(Link *l)
{
	if (offload[OffGro] == Running)
		linkrecvsuper(l);
	else
		linkrecv(l);
}

/* without a key the address is all there is to tell the peer by */
static int
trusted(const Link *l, const struct sockaddr_storage *from)
{
	const char *want = role == Client ? l->conf->server : l->conf->client;
	struct sockaddr_storage ss;

	if (!want)
		return keyfile != NULL;
	if (keyfile && role == Server)
		return 1;
	if (l->addr.peerlen && sameaddr(&l->addr.peer, from))
		return 1;
	parseaddr(want, 0, &ss);
	return sameaddr(&ss, from);
}

/* the gates, cheapest first, then each record by itself */
static void
datagram(Link *l, Pkt *p, const struct sockaddr_storage *from)
{
	Pkt *q;
	Rec r;
	int n, len = p->wirelen;

	if (len < HdrLen) {
		pktdrop(p, DropShort);
		return;
	}
	if (!trusted(l, from)) {
		pktdrop(p, DropAddr);
		return;
	}
	if ((p->key = verify(p)) == KeyNone) {
		pktdrop(p, DropAuth);
		return;
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
		if (n == p->wirelen) {
			record(l, p, &r, from);
			return;
		}
		if (!(q = pktalloc())) {
			pktdrop(p, DropPool);
			return;
		}
		memcpy(q->data, p->data, p->len);
		q->len = p->len;
		q->key = p->key;
		q->time = p->time;
		record(l, q, &r, from);
		p->wire += n;
		p->wirelen -= n;
	}
}

/* Only heartbeats are heard before the link has brought one of this session:
 * what comes earlier was sent in an older one. */
static void
record(Link *l, Pkt *p, const Rec *r, const struct sockaddr_storage *from)
{
	p->seq = r->seq;
	if (r->flags & FlagBeat) {
		beatpkt(l, p, from);
	} else if (p->key != KeySession || !l->heard.came) {
		pktdrop(p, DropSession);
	} else if (r->flags & FlagControl) {
		controlpkt(p);
	} else {
		l->heard.lastseq = r->seq;
		if (r->flags & FlagExpress)
			expresspkt(p);
		else
			orderedpkt(l, p, r->flags & FlagRepair);
	}
}

/* 0 if the seq is new, which it then no longer is; -1 if it was there or is
 * too old to tell, RFC 6479 */
static int
replaycheck(Replay *w, uint64_t seq)
{
	uint64_t *word = &w->bits[seq / 64 % ReplayWords];
	uint64_t bit = UINT64_C(1) << seq % 64, ahead;

	if (seq > w->last) {
		ahead = MIN(seq / 64 - w->last / 64, ReplayWords);
		for (; ahead > 0; ahead--)
			w->bits[(seq / 64 - ahead + 1) % ReplayWords] = 0;
		w->last = seq;
	} else if (w->last / 64 - seq / 64 >= ReplayWords) {
		return -1;
	}
	if (*word & bit)
		return -1;
	*word |= bit;
	return 0;
}

/* Without a key a damaged seq must not shut out those that follow: one that is
 * far ahead is believed when the next one that is agrees with it. */
static int
believable(uint64_t seq, uint64_t last, uint64_t far, uint64_t *doubted)
{
	if (keyfile || seq <= last || seq - last <= far ||
	    seq - *doubted <= far)
		return 1;
	*doubted = seq;
	return 0;
}

/* a packet that came before, or whose seq is not believed, is dropped */
static int
isnew(Pkt *p, int lane)
{
	static const uint64_t far[] = {
		Far, Far, FarBeat * LEN(bond), Far
	};
	Replay *w = &rx.replay[lane];

	if (!believable(p->seq, w->last, far[lane], &w->doubted)) {
		pktdrop(p, DropWindow);
		return 0;
	}
	if (replaycheck(w, p->seq) == 0)
		return 1;
	if (lane == LaneBeat || lane == LaneControl) {
		pktdrop(p, DropReplay);
		return 0;
	}
	counts[lane == LaneOrdered ? CntDup : CntCopies]++;
	pktfree(p);
	return 0;
}

/* heartbeat: who it is from decides what may be believed */
static void
beatpkt(Link *l, Pkt *p, const struct sockaddr_storage *from)
{
	Beat b;

	if (beatdecode(p->data, p->len, &b) < 0 || b.link != l - bond) {
		pktdrop(p, DropForm);
		return;
	}
	if (b.hello) {
		hellopkt(l, &b, from);
		pktfree(p);
		return;
	}
	if (b.id != peer.session.peer || b.peer != peer.session.id) {
		if (!proposed(&b) || (keyfile && p->key != KeyNext)) {
			pktdrop(p, DropSession);
			return;
		}
		newsession(&peer.proposed);
	}
	if (!isnew(p, LaneBeat))
		return;
	if (!l->heard.came)
		l->heard.top = b.next;
	if (!l->heard.came || p->seq > l->heard.seq) {
		l->heard.seq = p->seq;
		if (role == Server)
			linkpeer(l, &b, from);
		measure(l, &b);
		if (believable(b.next, rx.known, Far, &rx.doubted)) {
			reordertop(b.next);
			sample(b.time, b.next);
			l->heard.top = MAX(l->heard.top, b.next);
		}
	}
	/* the sooner both know that they are heard the better */
	if ((l->state < LinkUp || !b.echo) && now - l->beats.last > MS(10))
		beat(l);
	pktfree(p);
}

/* the server sends to where the newest heartbeat came from */
static void
linkpeer(Link *l, const Beat *b, const struct sockaddr_storage *from)
{
	char was[64], is[64];

	if (!sameaddr(&l->addr.peer, from) || addrport(&l->addr.peer) != addrport(from)) {
		snprintf(was, sizeof(was), "%s", addrtext(&l->addr.peer));
		snprintf(is, sizeof(is), "%s", addrtext(from));
		if (linktells(l))
			logmsg("link %s: peer is at %s%s%s", l->name, is,
			    l->addr.peerlen ? ", was at " : "",
			    l->addr.peerlen ? was : "");
		l->addr.peer = *from;
		l->addr.peerlen = sizeof(*from);
		linkmtu(l);
		tunmtu();
	}
	l->prio = MIN(b->prio, 60);
	rateceil(l, MIN(b->down, PeerMax) * INT64_C(1000),
	    MIN(b->up, PeerMax) * INT64_C(1000));
}

static void
expresspkt(Pkt *p)
{
	if (isnew(p, LaneExpress))
		deliver(p);
}

static void
orderedpkt(Link *l, Pkt *p, int repair)
{
	if (p->seq >= rx.known + SeqJump) {
		pktdrop(p, DropWindow);
		return;
	}
	if (!isnew(p, LaneOrdered))
		return;
	if (!repair) {
		l->heard.top = p->seq + 1;
		l->heard.toptime = now;
		sample(now - l->delay.owdin, p->seq);
	}
	reorderinsert(p, repair);
	reorderdrain();
}

static void
controlpkt(Pkt *p)
{
	if (!isnew(p, LaneControl))
		return;
	if (p->len > 1 && p->data[0] == CtlNack)
		nackpkt(p->data + 1, p->len - 1);
	else if (p->len >= 1 && p->data[0] == CtlBye)
		byepkt();
	else
		drops[DropForm]++;
	pktfree(p);
}

static void
deliver(Pkt *p)
{
	ipclamp(p->data, p->len, tun.mtu);
	join(p);
}

/* reorder: ordered packets wait here for those sent before them
 *
 *	 delivered     missing, held ...           not sent, as far as known
 *	-------------+---------------------------+---------------------------
 *	             expected                    known
 *
 * Links are FIFO, so a packet is lost when every link has brought a newer
 * one (frontier). Then it is asked for again, and given up when that did not
 * help. The deadline of each missing packet is only the backstop. */

static void
reorderreset(uint64_t seq)
{
	int i;

	for (i = 0; i < reorderpkts; i++) {
		if (rx.slots[i].p)
			pktfree(rx.slots[i].p);
		memset(&rx.slots[i], 0, sizeof(rx.slots[i]));
	}
	rx.expected = rx.known = rx.ready = rx.pending = rx.acked = seq;
	rx.doubted = 0;
	rx.ackedtime = now;
	rx.nsamples = 0;
}

static Slot *
slotof(uint64_t seq)
{
	return &rx.slots[seq & (reorderpkts - 1)];
}

/* all below top have been sent: those not here yet are missed from now on */
static void
reordertop(uint64_t top)
{
	if (top > rx.known + SeqJump) {
		while (rx.expected < rx.known)
			reorderpass();
		reorderreset(top);
	}
	for (; rx.known < top; rx.known++) {
		if (rx.known - rx.expected >= (uint64_t)reorderpkts)
			reorderpass();
		slotof(rx.known)->p = NULL;
		slotof(rx.known)->since = now;
		slotof(rx.known)->tries = 0;
	}
}

static void
reorderinsert(Pkt *p, int repair)
{
	if (p->seq < rx.expected) {
		counts[CntLate]++;
		deliver(p);
		return;
	}
	counts[p->seq == rx.expected ? CntInorder : CntReordered]++;
	reordertop(p->seq + 1);
	if (repair && slotof(p->seq)->tries)
		counts[CntRepaired]++;
	slotof(p->seq)->p = p;
}

/* the oldest goes out, or is given up */
static void
reorderpass(void)
{
	Slot *s = slotof(rx.expected++);

	if (s->p)
		deliver(s->p);
	else
		counts[CntLost]++;
	s->p = NULL;
}

static void
reorderdrain(void)
{
	Slot *s;

	for (; rx.expected < rx.known; reorderpass()) {
		s = slotof(rx.expected);
		if (!s->p && now < slotdeadline(s))
			return;
	}
}

/* when a missing packet is given up */
static int64_t
slotdeadline(const Slot *s)
{
	int64_t backstop = s->since + MS(reorderms);

	return s->tries < Tries || rx.expected >= rx.ready ? backstop :
	    MIN(backstop, s->asked + asktime());
}

/* how long an answer to a nack takes: there by the quickest link, back by
 * any of them */
static int64_t
asktime(void)
{
	const Link *l = quickest();
	int64_t there = l ? l->delay.srtt / 2 : 0, back = 0;

	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, NULL))
			back = MAX(back, l->delay.srtt / 2 + 2 * l->delay.rttvar);
	return there + back + 2 * Grace;
}

/* A packet that is missed for so long may well be lost with its link: it is
 * asked for without proof, but not given up. */
static int64_t
doubttime(void)
{
	int64_t least = INT64_MAX, most = INT64_MIN;
	const Link *l;

	for (l = bond; l < bond + LEN(bond); l++) {
		if (!linkheard(l))
			continue;
		least = MIN(least, l->delay.owdin);
		most = MAX(most, l->delay.owdin + 4 * l->delay.jitter);
	}
	return most > least ? most - least + Doubt : Doubt;
}

/* Every Grace: what is proven lost, or in doubt, or asked for in vain is
 * asked for. The proof is as old as Grace, in which a link may still mend its
 * order. */
static void
reorderask(void)
{
	uint8_t nack[1 + Nranges * 10];
	int64_t answer = asktime(), doubt = doubttime();
	uint64_t seq, first = 0;
	Link *l = quickest();
	Slot *s;
	int due, n = 1;

	if (rx.expected == rx.known || now - rx.readytime < Grace)
		return;
	rx.ready = rx.pending;
	rx.pending = frontier();
	rx.readytime = now;
	nack[0] = CtlNack;
	for (seq = rx.expected; l && seq <= rx.known && n < LEN(nack); seq++) {
		s = slotof(seq);
		due = seq < rx.known && !s->p && (s->tries == 0 ?
		    seq < rx.ready || now - s->since >= doubt :
		    s->tries < Tries && now - s->asked >= answer);
		if (due) {
			s->tries++;
			s->asked = now;
			first = first ? first : seq;
		} else if (first) {
			put(nack + n, first, 8);
			put(nack + n + 8, seq - first, 2);
			n += 10;
			first = 0;
		}
	}
	if (n > 1)
		control(l, nack, n);
}

/* Kept packets of some ms at a high rate are more than the processor's cache
 * holds, so a peer that sends as fast is told which have come: a nack of 0
 * packets. */
static void
reordertell(void)
{
	uint8_t nack[1 + 10];

	if (rx.expected - rx.acked < Tell)
		return;
	if (now - rx.ackedtime < TellTime) {
		nack[0] = CtlNack;
		put(nack + 1, rx.expected, 8);
		put(nack + 9, 0, 2);
		control(quickest(), nack, sizeof(nack));
	}
	rx.acked = rx.expected;
	rx.ackedtime = now;
}

/* below it all that was sent has come or is lost */
static uint64_t
frontier(void)
{
	uint64_t f = rx.known, top;
	Link *l;

	for (l = bond; l < bond + LEN(bond); l++) {
		if (!linkheard(l))
			continue;
		top = l->heard.top;
		if (now - l->heard.toptime > MS(reorderms))
			top = MAX(top, sentby(now - l->delay.owdin - Grace -
			    4 * l->delay.jitter));
		f = MIN(f, top);
	}
	return f;
}

/* An idle link would have brought by now what was sent before some time,
 * known from what came on the others: all below top was sent by then, in the
 * peer's time. */
static void
sample(int64_t time, uint64_t top)
{
	int64_t d = time - rx.samples[(rx.nsamples - 1) % Nsamples].time;

	if (rx.nsamples && d > -Second && d < Grace)
		return;
	rx.samples[rx.nsamples % Nsamples].time = time;
	rx.samples[rx.nsamples++ % Nsamples].top = top;
}

static uint64_t
sentby(int64_t t)
{
	unsigned i, n = MIN(rx.nsamples, (unsigned)Nsamples);

	for (i = 1; i <= n; i++)
		if (rx.samples[(rx.nsamples - i) % Nsamples].time <= t)
			return rx.samples[(rx.nsamples - i) % Nsamples].top;
	return 0;
}

/* session: two ids, one of each end
 *
 *	client                                     server
 *	  | -- hello: C, S' ------------------------> |  C is new, S' the session
 *	  |                                           |  the client had, or 0
 *	  | <------------------------- hello: S, C -- |  nothing is remembered:
 *	  |                                           |  S is computed from C
 *	  | -- heartbeat: C, S ---------------------> |  the session is C, S
 *	  | <--------------------- heartbeat: S, C -- |
 *	  |  the session is C, S                      |
 *
 * With a key, hellos are sealed under a key of their own and the heartbeats
 * under one made from both ids, so each end has proof that the other has just
 * taken part. A recorded hello makes the server send one datagram. Recorded
 * heartbeats of an old session do not verify: S also depends on a secret made
 * at start and on the number of sessions since. */

/* server: its id in a session with this client, never 0 */
static uint64_t
answerid(uint64_t id)
{
	uint8_t in[16];

	put(in, id, 8);
	put(in + 8, peer.epoch, 8);
	return siphash(keys.secret, in, sizeof(in)) | 1;
}

/* is this heartbeat of the session that next would be? */
static int
proposed(const Beat *b)
{
	if (role == Server) {
		peer.proposed.id = answerid(b->id);
		peer.proposed.peer = b->id;
		peer.proposed.beats = 1;
		sessionkeys(&peer.proposed);
	}
	return peer.proposed.id && b->peer == peer.proposed.id && b->id == peer.proposed.peer;
}

static void
hello(Link *l)
{
	static Session s;

	if (!peer.helloid)
		peer.helloid = random64();
	s.id = peer.helloid;
	s.peer = peer.session.id ? peer.session.peer : 0;
	hellosend(l, &s, &l->addr.peer);
}

/* The server answers, unless the client knows the running session, for which
 * heartbeats answer; the client goes on under both ids. A client that missed
 * them asks again, maybe from another address. */
static void
hellopkt(Link *l, const Beat *b, const struct sockaddr_storage *from)
{
	static Session s;

	if (role == Server) {
		if (b->hello == 2 || (b->peer && b->peer == peer.session.id))
			return;
		s.id = b->id == peer.session.peer ? peer.session.id : answerid(b->id);
		s.peer = b->id;
		hellosend(l, &s, from);
	} else if (peer.helloid && b->peer == peer.helloid) {
		if (peer.proposed.peer != b->id) {
			peer.proposed.id = peer.helloid;
			peer.proposed.peer = b->id;
			peer.proposed.beats = 1;
			sessionkeys(&peer.proposed);
		}
		beatsend(l, &peer.proposed, KeyNext);
	}
}

/* all that belongs to a session starts anew, on both ends */
static void
newsession(const Session *s)
{
	Link *l;
	int i;

	peer.session = *s;
	memset(&peer.proposed, 0, sizeof(peer.proposed));
	peer.helloid = 0;
	peer.epoch++;
	memset(rx.replay, 0, sizeof(rx.replay));
	for (i = 0; i < LaneLast; i++)
		tx.seq[i] = 1;
	for (tx.oldest = 0; tx.oldest < (uint64_t)keeppkts; tx.oldest++) {
		if (tx.sent[tx.oldest])
			pktfree(tx.sent[tx.oldest]);
		tx.sent[tx.oldest] = NULL;
	}
	tx.oldest = 1;
	while (tx.repairs.head)
		pktfree(queueget(&tx.repairs));
	for (i = 0; i < Nflows; i++)
		queues.flows[i].notbefore = 0;
	reorderreset(1);
	for (l = bond; l < bond + LEN(bond); l++) {
		linkdrop(l, DropSession);
		l->heard.came = l->echo.came = 0;
		l->heard.seq = l->heard.top = 0;
		l->heard.toptime = 0;
		l->echo.sent = l->echo.tx.time = 0;
		l->echo.good = l->echo.wasup = 0;
		l->beats.next = now + MS(hbinterval) * (l - bond) / LEN(bond) / 4;
		if (l->state != LinkDown)
			linkstate(l, LinkProbing, "new session");
	}
	peer.lonely = now;
	logmsg("session: started");
}

/* the peer ended cleanly */
static void
byepkt(void)
{
	Link *l;

	logmsg("session: the peer has ended");
	for (l = bond; l < bond + LEN(bond); l++) {
		linkdrop(l, DropSession);
		linkstate(l, LinkDown, "the peer has ended");
		l->heard.came = l->echo.came = 0;
	}
	memset(&peer.session, 0, sizeof(peer.session));
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

/* measure: what heartbeats say about a link */

static void
beat(Link *l)
{
	if (l->fd < 0)
		return;
	if (role == Client && (!peer.session.id ||
	    now - l->echo.came > MS(hbinterval) * 3 / 2 + l->delay.srtt))
		hello(l);
	if (peer.session.id && l->addr.peerlen)
		beatsend(l, &peer.session, KeySession);
}

/* A heartbeat leaves at once, behind all that was given to the link before:
 * its next seq says that no lower one will follow. */
static void
beatsend(Link *l, Session *s, int key)
{
	Tally *t = &l->beats.sent[l->beats.n % Nbeats];
	Beat b = { 0 };

	linkflush(l);
	l->beats.last = now;
	if (l->out.n > 0)
		return;
	b.time = now;
	if (l->heard.came && key == KeySession) {
		b.echo = l->heard.in.time;
		b.held = now - l->heard.came;
	}
	b.txpkts = l->meter.tx.pkts + 1;
	b.txbytes = l->meter.tx.bytes + beatwire();
	b.rxpkts = l->heard.in.pkts;
	b.rxbytes = l->heard.in.bytes;
	b.next = key == KeySession ? tx.seq[LaneOrdered] : 1;
	charge(l, beatwire() + wireoverhead(l));
	if (beatput(l, s, key, &b, &l->addr.peer) < 0) {
		if (errno != EAGAIN && errno != ENOBUFS)
			linkerror(l, errno);
		return;
	}
	l->meter.tx.pkts++;
	l->meter.tx.bytes += beatwire();
	*t = l->meter.tx;
	t->time = now;
	l->beats.n++;
}

/* Hellos are not measured, and an answer to one leaves no trace: who asked may
 * be anybody who has recorded one. */
static void
hellosend(Link *l, Session *s, const struct sockaddr_storage *to)
{
	Beat b = { 0 };
	int n;

	b.hello = role == Client ? 1 : 2;
	b.time = now;
	b.next = 1;
	n = beatput(l, s, KeyHello, &b, to);
	if (role == Server)
		return;
	charge(l, beatwire() + wireoverhead(l));
	if (n < 0)
		linkerror(l, errno);
}

/* bytes of the datagram */
static int
beatwire(void)
{
	return HdrLen + BeatLen + (keyfile ? TagLen : 0);
}

/* with what is said each time; -1: not sent */
static int
beatput(Link *l, Session *s, int key, Beat *b,
        const struct sockaddr_storage *to)
{
	const struct sockaddr *sa = (const struct sockaddr *)to;
	socklen_t len = sizeof(*to);
	Pkt *p = pktalloc();
	int n, tries;

	if (!p) {
		errno = ENOBUFS;
		return -1;
	}
	b->id = s->id;
	b->peer = s->peer;
	b->link = l - bond;
	b->prio = l->conf->priority;
	b->up = l->conf->up * 1000;
	b->down = l->conf->down * 1000;
	beatencode(p->data, b);
	p->len = BeatLen;
	p->key = key;
	encode(p, s->beats++, FlagBeat);
	seal(p);
	/* the first error may be of something sent before */
	for (n = -1, tries = 0; n < 0 && tries < 2; tries++)
		n = sendto(l->fd, p->wire, p->wirelen, MSG_DONTWAIT,
		    role == Server ? sa : NULL, role == Server ? len : 0);
	pktfree(p);
	return n;
}

/* RFC 6298, with the time that the peer held the echo taken off */
static void
measurertt(Link *l, int64_t rtt)
{
	if (!l->delay.srtt) {
		l->delay.srtt = rtt;
		l->delay.rttvar = rtt / 2;
		return;
	}
	l->delay.rttvar += (llabs(l->delay.srtt - rtt) - l->delay.rttvar) / 4;
	l->delay.srtt += (rtt - l->delay.srtt) / 8;
}

static void
measure(Link *l, const Beat *b)
{
	Tally *t = NULL, arrived;
	int64_t rtt, owdin = now - b->time, owd;
	unsigned i;

	l->delay.jitter = l->heard.came ?
	    l->delay.jitter + (llabs(owdin - l->delay.owdin) - l->delay.jitter) / 8 : 0;
	l->delay.owdin = l->heard.came ? l->delay.owdin + (owdin - l->delay.owdin) / 4 : owdin;
	l->heard.in.time = b->time;
	l->heard.in.pkts = l->meter.rx.pkts;
	l->heard.in.bytes = l->meter.rx.bytes;
	l->heard.came = now;
	for (i = 0; b->echo && i < MIN(l->beats.n, (unsigned)Nbeats); i++)
		if (l->beats.sent[i].time == b->echo)
			t = &l->beats.sent[i];
	rtt = now - b->echo - b->held;
	if (!t || t->time <= l->echo.sent || rtt < 0 || b->held > deadtime(l))
		return; /* not new, or from before the link was silent */
	measurertt(l, rtt);
	arrived.time = b->time - b->held;
	arrived.pkts = b->rxpkts;
	arrived.bytes = b->rxbytes;
	owd = arrived.time - b->echo;
	l->echo.sent = t->time;
	l->echo.came = now;
	l->echo.good++;
	l->delay.owd = l->echo.tx.time ? l->delay.owd + (owd - l->delay.owd) / 4 : owd;
	if (!l->echo.tx.time) {
		l->delay.base = owd;
	} else if (t->time - l->echo.tx.time > MS(hbinterval) * 3 / 8) {
		measureloss(l, t, &arrived);
		ratelearn(l, t, &arrived, owd);
	} else {
		return; /* too short a time to measure */
	}
	l->echo.tx = *t;
	l->echo.rx = arrived;
	l->score = score(l->prio, l->delay.srtt, l->loss.ratio, 0);
}

/* between two echoes, decaying within some 30 heartbeats */
static void
measureloss(Link *l, const Tally *out, const Tally *in)
{
	double n = out->pkts - l->echo.tx.pkts;
	double got = in->pkts - l->echo.rx.pkts;

	l->loss.sent += n - l->loss.sent / 32;
	l->loss.lost += MAX(n - got, 0) - l->loss.lost / 32;
	l->loss.ratio = l->loss.sent > 20 ? l->loss.lost / l->loss.sent : 0;
}

/* Rate of the link from what arrives there while the pacer was the limit. A
 * queue that stands for longer than a satellite's spike of 140 ms, or that is
 * full and loses packets, says that what arrives is all that the link
 * carries: the rate drains the queue, then stays just below that. It is tried
 * again after a while, the sooner the less the link matters for delay, with
 * growing steps, and given up at the first sign of a queue. An idle link
 * teaches nothing, and random loss is none of its business. */
static void
ratelearn(Link *l, const Tally *out, const Tally *got, int64_t owd)
{
	int64_t sentbps = tallyrate(l, &l->echo.tx, out);
	int64_t gotbps = tallyrate(l, &l->echo.rx, got);
	int64_t n = out->pkts - l->echo.tx.pkts, lost;
	int full;

	lost = n - (int64_t)MIN(got->pkts - l->echo.rx.pkts, (uint64_t)n);
	if (owd < l->delay.base)
		l->delay.base = owd;
	else
		l->delay.base += (owd - l->delay.base) /
		    (sentbps < l->pace.rate / 4 ? 32 : 1024);
	if (sentbps < l->pace.rate / 2)
		l->delay.owdjitter += (llabs(owd - l->delay.owd) - l->delay.owdjitter) / 8;
	full = owd - l->delay.base > QueueMax +
	    2 * Quantum * l->pace.cost / 1000000 + 3 * l->delay.owdjitter;
	l->control.late = !full ? 0 : l->control.late ? l->control.late : now;
	if (full && sentbps > l->pace.rate / 4 && now - l->control.cut > RateHold / 2 &&
	    (now - l->control.late > Spike || (n >= 32 && lost > n / 8) ||
	    (l->control.knee && l->pace.rate > l->control.knee))) {
		/* a moment that says little may not cost all */
		ratecut(l, now - l->control.late > Spike ? gotbps :
		    MAX(gotbps, l->pace.rate / 3));
	} else if (l->control.draining && !full) {
		l->pace.rate = l->control.knee / 100 * 97;
		l->control.draining = 0;
	} else if (l->control.draining && now - l->control.cut > RateHold) {
		l->pace.rate = l->control.before; /* not our queue: a longer way */
		l->delay.base = owd;
		l->control.draining = 0;
	} else if (l->pace.rate < BulkMin && sentbps < l->pace.rate / 2 &&
	    now - l->control.cut > 16 * RateHold) {
		l->pace.rate = BulkMin; /* it gets no packets to show that it may */
		l->control.knee = 0;
	} else if (!l->control.draining && !full && now - l->control.cut > l->control.hold &&
	    sentbps > l->pace.rate / 100 * (l->control.starting ? 75 : 90)) {
		l->control.step = MIN(l->control.step + 1, 12);
		l->pace.rate += l->control.starting ? l->pace.rate / 2 : l->pace.rate * l->control.step / 100;
		l->pace.rate = MIN(l->pace.rate, MAX(gotbps, sentbps) / 2 * 3);
	}
	ratecost(l);
}

/* the link carries no more than that, bit/s */
static void
ratecut(Link *l, int64_t bps)
{
	int64_t most = l == bestlink(NULL) ? 64 * RateHold : 2 * RateHold;

	l->control.hold = l->control.knee && llabs(bps - l->control.knee) < l->control.knee / 10 ?
	    MIN(2 * l->control.hold, most) : RateHold;
	l->control.before = l->pace.rate;
	l->control.knee = bps;
	l->pace.rate = bps / 4 * 3;
	l->control.draining = 1;
	l->control.starting = l->control.step = 0;
	l->control.cut = now;
}

/* bit/s between two tallies, with all that the links below add; the peer may
 * say anything */
static int64_t
tallyrate(const Link *l, const Tally *from, const Tally *to)
{
	int64_t us = MAX(to->time - from->time, 1);
	int64_t bits = (int64_t)((to->bytes - from->bytes +
	    (to->pkts - from->pkts) * wireoverhead(l)) * 8);

	return CLAMP(bits, 0, INT64_MAX / Second / 4) * Second / us;
}

static void
rateceil(Link *l, int64_t up, int64_t down)
{
	if (l->pace.rate && l->pace.ceil[0] == up && l->pace.ceil[1] == down)
		return;
	l->pace.ceil[0] = up;
	l->pace.ceil[1] = down;
	l->pace.rate = up ? up : RateStart;
	l->control.starting = !up;
	l->control.knee = l->control.hold = l->control.draining = 0;
	ratecost(l);
}

static void
ratecost(Link *l)
{
	l->pace.rate = CLAMP(l->pace.rate, RateMin, l->pace.ceil[0] ? l->pace.ceil[0] : RateMax);
	l->pace.cost = INT64_C(8000000000000) / l->pace.rate;
	l->pace.burst = CLAMP(l->delay.srtt / 16, Burst, BurstMax) * 1000;
}

/* one line in LogEvery, ten at once: a link that comes and goes has said all
 * there is to say */
static int
linktells(Link *l)
{
	if (l->log.clock - now > 9 * LogEvery) {
		l->log.left++;
		return 0;
	}
	l->log.clock = MAX(l->log.clock, now) + LogEvery;
	if (l->log.left > 0)
		logmsg("link %s: %d lines were left out", l->name, l->log.left);
	l->log.left = 0;
	return 1;
}

/* the only place where a link changes state, so the log is its history */
static void
linkstate(Link *l, int state, const char *fmt, ...)
{
	va_list ap;
	char why[128];

	if (l->state == state)
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (linktells(l))
		logmsg("link %s: %s, was %s: %s", l->name, statename[state],
		    statename[l->state], why);
	l->state = state;
	if (!bestlink(NULL))
		peer.lonely = now;
	if (state != LinkDown)
		return;
	linkdrop(l, DropSend);
	rescue(l);
	l->echo.good = 0;
	l->loss.sent = l->loss.lost = l->loss.ratio = 0;
	l->echo.tx.time = 0;
	l->reopen = now + Reopen;
}

/* a link is dead when that long nothing is heard from it, us */
static int64_t
deadtime(const Link *l)
{
	return MAX(3 * MS(hbinterval), l->delay.srtt * 5 / 2);
}

/* the peer's packets come through */
static int
linkheard(const Link *l)
{
	return l->heard.came && now - l->heard.came < deadtime(l);
}

static void
linkcheck(Link *l)
{
	int64_t silent = now - l->echo.came;

	switch (l->state) {
	case LinkUp:
	case LinkLossy:
		if (silent > deadtime(l)) {
			linkstate(l, LinkDown, "no echo for %d ms",
			    (int)(silent / 1000));
		} else if (l->state == LinkUp &&
		    l->loss.ratio * 100 > losspercent + 0.001) {
			linkstate(l, LinkLossy, "%d %% lost",
			    (int)(l->loss.ratio * 100));
		} else if (l->state == LinkLossy &&
		    l->loss.ratio * 200 < losspercent) {
			linkstate(l, LinkUp, "%d %% lost",
			    (int)(l->loss.ratio * 100));
		}
		break;
	case LinkDown:
		if (l->echo.good)
			linkstate(l, LinkProbing, "it answers");
		/* FALLTHROUGH */
	case LinkProbing:
		if (l->echo.came && l->echo.good >= (l->echo.wasup ? 3 : 1)) {
			linkstate(l, LinkUp, "RTT %d.%d ms",
			    (int)(l->delay.srtt / 1000), (int)(l->delay.srtt / 100 % 10));
			l->echo.wasup = 1;
			tunmtu();
		}
		break;
	}
	if ((role == Client || l->fd < 0) && l->state < LinkUp &&
	    now >= l->reopen)
		linkopen(l);
}

/* what each link carried in the last second, in its busier direction */
static void
second(void)
{
	int64_t out, in, rxmax;
	Link *l;
	int up;

	queues.peak -= queues.peak / 32;
	for (l = bond; l < bond + LEN(bond); l++) {
		l->meter.tx.time = l->meter.rx.time = now;
		out = tallyrate(l, &l->meter.lasttx, &l->meter.tx);
		in = tallyrate(l, &l->meter.lastrx, &l->meter.rx);
		l->meter.lasttx = l->meter.tx;
		l->meter.lastrx = l->meter.rx;
		l->meter.rxbest = MAX(l->meter.rxbest, in);
		rxmax = l->pace.ceil[1] ? l->pace.ceil[1] : MAX(l->meter.rxbest, RateMin);
		up = out / (l->pace.rate / 1000) > in / (rxmax / 1000);
		l->meter.bw = up ? out : in;
		l->meter.bwmax = up ? l->pace.rate : rxmax;
		l->meter.use = l->meter.bw * 100 / l->meter.bwmax;
	}
	if (now >= loop.nextmtu) { /* it may have grown, of which nobody tells */
		loop.nextmtu = now + MtuEvery;
		for (l = bond; l < bond + LEN(bond); l++)
			if (l->fd >= 0)
				linkmtu(l);
		tunmtu();
	}
	if (uppid > 0 && waitpid(uppid, NULL, WNOHANG) == uppid)
		uppid = 0;
	if (!ctl.named)
		ctlname();
}

/* us to the next heartbeat: half as long when there is much to measure */
static int64_t
beatgap(Link *l)
{
	int busy = (int64_t)(l->meter.tx.bytes - l->beats.gaptx) * 8 * Second >
	    l->pace.rate / 2 * MS(hbinterval);

	l->beats.gaptx = l->meter.tx.bytes;
	if (!bestlink(NULL) && now - peer.lonely < Seek)
		return MAX(MS(hbinterval) / 4, BeatMin);
	return MS(hbinterval) / (busy ? 2 : 1);
}

/* when to tell that a burst of ordered packets has ended, so that the loss of
 * its last ones shows */
static int64_t
burstend(const Link *l)
{
	return !usable(l, NULL) || l->lastordered <= l->beats.last ? INT64_MAX :
	    MAX(l->lastordered + BurstEnd, l->beats.last + BeatMin);
}

static void
timers(void)
{
	Link *l;

	for (l = bond; l < bond + LEN(bond); l++) {
		linkcheck(l);
		if (now >= l->beats.next)
			l->beats.next = MAX(l->beats.next + beatgap(l), now);
		else if (now < burstend(l))
			continue;
		beat(l);
	}
	forget(0);
	reorderask();
	reorderdrain();
	reordertell();
	if (now >= loop.nextsecond) {
		loop.nextsecond = now + Second;
		second();
	}
	if (loop.interval && now >= loop.nextreport) {
		loop.nextreport = now + (int64_t)loop.interval * Second;
		signaled.report = 1;
	}
	if (signaled.report) {
		signaled.report = 0;
		printreport();
	}
	if (signaled.reopen) {
		signaled.reopen = 0;
		for (l = bond; l < bond + LEN(bond); l++)
			linkopen(l);
		tunmtu();
	}
}

/* us until something is due; heavy flows wait until some packets can go at
 * once */
static int64_t
polltimeout(void)
{
	int64_t at = MIN(loop.nextsecond, queues.nextack), ahead, room;
	Link *l;

	for (l = bond; l < bond + LEN(bond); l++) {
		at = MIN(at, MIN(l->beats.next, burstend(l)));
		if (!queues.express.head && !tx.repairs.head && !queues.queued && !l->out.n)
			continue;
		at = MIN(at, now + BurstMax);
		ahead = queues.express.head || tx.repairs.head || queues.lightbytes || l->out.n ?
		    l->pace.burst : l->pace.burst / 4 * 3;
		room = (l->pace.clock - ahead) / 1000 + 1;
		if (room > now)
			at = MIN(at, room);
		room = (l->pace.satclock - ahead) / 1000 + 1;
		if (room > now)
			at = MIN(at, room);
	}
	if (rx.expected < rx.known) {
		at = MIN(at, slotdeadline(slotof(rx.expected)));
		at = MIN(at, rx.readytime + Grace);
	}
	return MAX(at - now, 0);
}

/* ctl: what the program tells about itself */

static const char *
linkword(const Link *l)
{
	if (l->state < LinkUp)
		return "DOWN";
	if (l->state == LinkLossy)
		return "LOSSY";
	return l->meter.use > satpercent ? "SATURATED" : "OK";
}

static void
metrics(Text *t)
{
	const Link *l;
	int i;

	text(t, "=== Link Metrics ===\n");
	for (i = 0; i < LEN(bond); i++) {
		l = &bond[i];
		text(t, "Link%d (%s) - RTT: %.1fms, BW: %.1f/%.1f Mbps (%d%%), "
		    "Score: %d, %s\n", i, l->conf->client ? l->conf->client :
		    l->name, l->delay.srtt / 1e3,
		    l->meter.bw / 1e6, l->meter.bwmax / 1e6, l->meter.use, l->score, linkword(l));
	}
	totals(t);
}

static void
statistics(Text *t)
{
	const Link *l;

	text(t, "=== Link Statistics ===\n");
	for (l = bond; l < bond + LEN(bond); l++)
		text(t, "%s - Packets: %" PRIu64 ", Bytes: %" PRIu64
		    ", Last seq: %" PRIu64 ", RTT: %dms\n",
		    l->addr.peerlen ? addrtext(&l->addr.peer) : l->name, l->meter.rx.pkts,
		    l->meter.rx.bytes, l->heard.lastseq, (int)((l->delay.srtt + 500) / 1000));
	totals(t);
}

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

/* Prometheus text format 0.0.4: seconds, bytes and ratios */
static double
gauge(const Link *l, int which)
{
	switch (which) {
	case GaugeUp:      return l->state >= LinkUp;
	case GaugeRtt:     return l->delay.srtt / 1e6;
	case GaugeLoss:    return l->loss.ratio;
	case GaugeScore:   return l->score;
	case GaugeRate:    return l->pace.rate / 8e0;
	case GaugeTxbytes: return l->meter.tx.bytes;
	case GaugeRxbytes: return l->meter.rx.bytes;
	case GaugeTxpkts:  return l->meter.tx.pkts;
	case GaugeRxpkts:  return l->meter.rx.pkts;
	}
	return 0;
}

static void
describe(Text *t, const char *name, const char *type, const char *help)
{
	text(t, "# HELP udpbond_%s %s\n# TYPE udpbond_%s %s\n", name, help,
	    name, type);
}

static void
prometheus(Text *t)
{
	const Link *l;
	int i;

	for (i = 0; i < GaugeLast; i++) {
		describe(t, gaugename[i].name, gaugename[i].type,
		    gaugename[i].help);
		for (l = bond; l < bond + LEN(bond); l++)
			text(t, "udpbond_%s{link=\"%s\"} %.15g\n",
			    gaugename[i].name, l->name, gauge(l, i));
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
}

/* for udpbond -l: how each link is used for sending, and why */
static void
reasons(Text *t)
{
	int64_t least = INT64_MAX, total;
	const Link *l;
	const Flow *f;
	int i, bytes = 0;
	int64_t oldest = now;

	for (l = bond; l < bond + LEN(bond); l++)
		if (usable(l, NULL))
			least = MIN(least, l->delay.owd - l->delay.srtt / 2);
	for (l = bond; l < bond + LEN(bond); l++) {
		text(t, "%s - %s, rate: %.1f Mbps, delay: %.1fms, loss: %.1f%%, "
		    "sent for", l->name, statename[l->state], l->pace.rate / 1e6,
		    usable(l, NULL) ? (l->delay.owd - least) / 1e3 : 0.0,
		    l->loss.ratio * 100);
		for (total = 0, i = 0; i < WhyLast; i++)
			total += l->why[i];
		for (i = 0; i < WhyLast; i++)
			text(t, "%s %s: %d%%", i ? "," : "", whyname[i],
			    (int)(l->why[i] * 100 / MAX(total, 1)));
		text(t, "\n");
	}
	for (f = queues.flows; f < queues.flows + Nflows; f++) {
		bytes += f->queue.bytes;
		if (f->queue.head)
			oldest = MIN(oldest, f->queue.head->time);
	}
	text(t, "Queue - flows: %d, packets: %d, bytes: %d, oldest: %.1fms, "
	    "express: %d, ACKs: %d, to repeat: %d\n", queues.listed, queues.queued, bytes,
	    (now - oldest) / 1e3, queues.express.len, queues.acks.len, tx.repairs.len);
	offloads(t);
}

static void
status(Text *t)
{
	if (role == Client)
		metrics(t);
	else
		statistics(t);
}

static void
printreport(void)
{
	static Text t;

	t.len = 0;
	status(&t);
	output(1, &t);
}

/* The control socket is named in the network namespace, not in the file
 * system: it leaves nothing behind and works from a chroot. */
static socklen_t
ctladdr(struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	    snprintf(sun->sun_path + 1, sizeof(sun->sun_path) - 1,
	    "udpbond/%s", tundev);
}

static void
ctlopen(void)
{
	ctl.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ctl.fd < 0)
		die("control socket:");
	if (setopt(ctl.fd, SOL_SOCKET, SO_PASSCRED, 1) < 0)
		die("control socket: SO_PASSCRED:");
	if (ctlname() < 0)
		warn("control socket: is udpbond already running with %s?",
		    tundev);
}

/* Anybody may have taken the name, or an instance that is just ending has it
 * still: it is the TUN device that there can be one of. */
static int
ctlname(void)
{
	struct sockaddr_un sun;
	socklen_t len = ctladdr(&sun);

	ctl.named = bind(ctl.fd, (struct sockaddr *)&sun, len) == 0;
	return ctl.named ? 0 : -1;
}

/* One letter asks, one datagram answers; only root is answered. */
static void
ctlpkt(void)
{
	static Text t;
	struct sockaddr_un from;
	char ask;
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { &ask, 1 };
	struct ucred cred = { 0, -1, -1 };
	struct msghdr m = { 0 };
	struct cmsghdr *c;

	m.msg_name = &from;
	m.msg_namelen = sizeof(from);
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control.buf;
	m.msg_controllen = sizeof(control.buf);
	if (recvmsg(ctl.fd, &m, MSG_DONTWAIT) != 1)
		return;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	t.len = 0;
	if (cred.uid != 0)
		text(&t, "udpbond: only root may ask\n");
	else if (ask == 'p')
		prometheus(&t);
	else
		status(&t);
	if (cred.uid == 0 && ask == 'l')
		reasons(&t);
	if (sendto(ctl.fd, t.buf, t.len, MSG_DONTWAIT, m.msg_name,
	    m.msg_namelen) < 0)
		return;
}

/* the other end: udpbond -l and -p */
static void
ctlask(int what)
{
	struct sockaddr_un sun;
	struct pollfd pfd;
	static Text t;
	int i;
	char ask = what;
	sa_family_t family = AF_UNIX;

	pfd.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pfd.events = POLLIN;
	/* only a family: the kernel chooses a name */
	if (pfd.fd < 0 ||
	    bind(pfd.fd, (struct sockaddr *)&family, sizeof(family)) < 0)
		die("control socket:");
	if (sendto(pfd.fd, &ask, 1, MSG_DONTWAIT, (struct sockaddr *)&sun,
	    ctladdr(&sun)) < 0 && errno != EAGAIN)
		die("no running udpbond with %s in this network namespace",
		    tundev);
	if (poll(&pfd, 1, 2000) != 1 ||
	    (t.len = recv(pfd.fd, t.buf, sizeof(t.buf), 0)) < 0)
		die("the running udpbond does not answer");
	for (i = 0; i < t.len; i++) /* who answers may be anybody */
		if ((t.buf[i] < ' ' && t.buf[i] != '\n') || t.buf[i] == 127 ||
		    t.buf[i] & 0x80)
			t.buf[i] = '?';
	fwrite(t.buf, 1, t.len, stdout);
	if (!strncmp(t.buf, "udpbond: ", MIN(t.len, 9)))
		exit(1);
}

/* confine: what is not needed any more is given up, once all is set up
 *
 * Whoever finds a hole in what follows has a process without a user, without
 * files and without most system calls. */

/* of which the kernel's number for this kind of processor is known here */
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

static const int calls[] = {
	__NR_read, __NR_readv, __NR_write, __NR_writev, __NR_close,
	__NR_bind, __NR_connect, __NR_getsockopt, __NR_getsockname,
	__NR_sendto, __NR_recvfrom, __NR_sendmsg, __NR_recvmsg,
	__NR_sendmmsg, __NR_getrandom, __NR_wait4, __NR_waitid, __NR_brk,
	__NR_munmap, __NR_lseek, __NR_uname, __NR_getpid, __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_rt_sigreturn,
	__NR_restart_syscall, __NR_exit, __NR_exit_group,
#ifdef __NR_ppoll
	__NR_ppoll, __NR_recvmmsg, __NR_nanosleep,
#endif
#ifdef __NR_mmap
	__NR_mmap,
#endif
#ifdef __NR_mmap2
	__NR_mmap2,
#endif
#ifdef __NR_fstat
	__NR_fstat,
#endif
#ifdef __NR_fstat64
	__NR_fstat64,
#endif
#ifdef __NR_newfstatat
	__NR_newfstatat,
#endif
#ifdef __NR_fstatat64
	__NR_fstatat64,
#endif
#ifdef __NR_statx
	__NR_statx,
#endif
#ifdef __NR__llseek
	__NR__llseek,
#endif
#ifdef __NR_send
	__NR_send,
#endif
#ifdef __NR_recv
	__NR_recv,
#endif
#ifdef __NR_sigreturn
	__NR_sigreturn,
#endif
#ifdef __NR_waitpid
	__NR_waitpid,
#endif
#ifdef __NR_clock_gettime
	__NR_clock_gettime, __NR_clock_nanosleep,
#endif
#ifdef __NR_clock_gettime32 /* musl's name where there are both */
	__NR_clock_gettime32, __NR_clock_nanosleep_time32,
#endif
#ifdef __NR_clock_gettime64
	__NR_clock_gettime64, __NR_clock_nanosleep_time64,
	__NR_ppoll_time64, __NR_recvmmsg_time64,
#endif
};

static const struct { int number; const char *name; } caps[] = {
	{ CAP_NET_ADMIN, "net_admin" },       /* MTU, large buffers */
	{ CAP_NET_RAW, "net_raw" },           /* sockets bound to a device */
	{ CAP_NET_BIND_SERVICE, "net_bind_service" }, /* ports below 1024 */
};

static int
needscap(int number)
{
	int i;

	if (number != CAP_NET_BIND_SERVICE)
		return 1;
	for (i = 0; i < LEN(links) && role != Client; i++)
		if (links[i].port < 1024)
			return 1;
	return 0;
}

/* the kernel has not the filter, or not for this processor */
static int
callsfilter(void)
{
	return ARCH && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) <
	    0 && errno == EFAULT;
}

/* A directory that is made anew is empty, and rmdir() takes no other one. An
 * instance that has it as its root does not mind. */
static void
emptydir(void)
{
	if (rmdir(chrootdir) < 0 && errno != ENOENT)
		die("chrootdir: %s has to be empty, or not there:", chrootdir);
	if (mkdir(chrootdir, 0555) < 0 && errno != EEXIST)
		die("chrootdir: make %s:", chrootdir);
}

/* one that starts at the same time may come in between */
static void
confinefiles(void)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		emptydir();
		if (chroot(chrootdir) == 0 && chdir("/") == 0)
			return;
	}
	die("chrootdir: make %s the root directory:", chrootdir);
}

/* By the kernel's own calls: the C library's know of threads, which there are
 * not. */
static void
confineuser(void)
{
#ifdef SYS_setresuid32
	enum { Setgroups = SYS_setgroups32, Setgid = SYS_setresgid32,
	    Setuid = SYS_setresuid32 };
#else
	enum { Setgroups = SYS_setgroups, Setgid = SYS_setresgid,
	    Setuid = SYS_setresuid };
#endif

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		die("runas: keep capabilities:");
	if (syscall(Setgroups, 0, NULL) < 0 ||
	    syscall(Setgid, runas, runas, runas) < 0 ||
	    syscall(Setuid, runas, runas, runas) < 0)
		die("runas: become user %d:", runas);
}

/* of those that it has; another user id has put them out of effect */
static void
confinecaps(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];
	uint32_t needed = 0;
	int i;

	for (i = 0; i < LEN(caps); i++)
		if (needscap(caps[i].number))
			needed |= UINT32_C(1) << caps[i].number;
	if (syscall(SYS_capget, &h, d) < 0)
		die("dropcaps: get capabilities:");
	for (i = 0; i < LEN(d); i++) {
		if (dropcaps)
			d[i].permitted &= i ? 0 : needed;
		d[i].effective = d[i].permitted;
		d[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &h, d) < 0)
		die("dropcaps: set capabilities:");
}

/* All but those calls fail, and of some others all but what is needed: an
 * interface's MTU, options of sockets but not those that rewrite the firewall,
 * sockets for UDP. Where one call does for all that is to be done with
 * sockets, it makes none. */
static void
confinecalls(void)
{
	struct sock_filter f[2 * LEN(calls) + 33];
	struct sock_fprog prog = { LEN(f), f };
	int i, n = 0, low = ISBIG ? 4 : 0;

#define STATEMENT(what, value) f[n++] = \
	(struct sock_filter)BPF_STMT(what, value)
#define ALLOW STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENY STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define LOAD(field, more) STATEMENT(BPF_LD | BPF_W | BPF_ABS, \
	offsetof(struct seccomp_data, field) + (more))
#define JUMP(what, value, yes, no) f[n++] = \
	(struct sock_filter)BPF_JUMP(BPF_JMP | (what) | BPF_K, value, yes, no)
#define EQUALS(value, yes, no) JUMP(BPF_JEQ, value, yes, no)
	LOAD(arch, 0);
	EQUALS(ARCH, 1, 0);
	DENY;
	LOAD(nr, 0);
	for (i = 0; i < LEN(calls); i++) {
		EQUALS(calls[i], 0, 1);
		ALLOW;
	}
	EQUALS(__NR_ioctl, 0, 4);
	LOAD(args[1], low);
	EQUALS(SIOCSIFMTU, 0, 1);
	ALLOW;
	DENY;
	EQUALS(__NR_setsockopt, 0, 7);
	LOAD(args[1], low);
	EQUALS(SOL_IP, 1, 0);
	EQUALS(SOL_IPV6, 0, 2);
	LOAD(args[2], low);
	JUMP(BPF_JGE, 64, 1, 0);
	ALLOW;
	DENY;
	EQUALS(Socketcall, 0, 4);
	LOAD(args[0], low);
	EQUALS(SYS_SOCKET, 1, 0);
	ALLOW;
	DENY;
	EQUALS(__NR_socket, 0, 9);
	LOAD(args[0], low);
	EQUALS(AF_INET, 1, 0);
	EQUALS(AF_INET6, 0, 6);
	LOAD(args[1], low);
	STATEMENT(BPF_ALU | BPF_AND | BPF_K, 15);
	EQUALS(SOCK_DGRAM, 0, 3);
	LOAD(args[2], low);
	EQUALS(0, 0, 1);
	ALLOW;
	DENY;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		die("seccomp:");
}

/* The order is that in which each step still may. */
static void
confine(void)
{
	if (chrootdir)
		confinefiles();
	if (runas > 0)
		confineuser();
	confinecaps();
	nocore(); /* another user id has undone it */
	if (nonewprivs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		warn("nonewprivs:");
	if (seccomp && callsfilter())
		confinecalls();
	else if (seccomp)
		warn("seccomp: not in this kernel, or not for this processor");
}

/* for udpbond -t */
static void
confinement(void)
{
	int i;

	puts("When that is done it is confined:");
	printf(runas > 0 ? "  user and group: %d\n" : "  user: off\n", runas);
	printf("  root directory: %s\n", chrootdir ? chrootdir : "off");
	printf("  capabilities:%s", dropcaps ? "" : " off");
	for (i = 0; i < LEN(caps); i++)
		if (dropcaps && needscap(caps[i].number))
			printf(" %s", caps[i].name);
	printf("\n  new privileges: %s\n", nonewprivs ? "none" : "off");
	if (!seccomp || !callsfilter())
		printf("  system calls: %s\n", seccomp ?
		    "not in this kernel, or not for this processor" : "off");
	else
		printf("  system calls: %d\n", LEN(calls) + 3);
}

/* check: the configuration, and what would be done with it */

/* one more thing wrong with the configuration */
static int
bad(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(fmt, ap);
	va_end(ap);
	return 1;
}

static int
checkaddr(int i, const char *field, const char *s)
{
	struct sockaddr_storage ss;

	if (s && parseaddr(s, 0, &ss) < 0)
		return bad("links[%d] (%s): %s: \"%s\" is not an IPv4 or IPv6 "
		    "address", i, bond[i].name, field, s);
	return 0;
}

static int
checkint(const char *name, int value, int min, int max)
{
	if (value < min || value > max)
		return bad("%s: %d is not in %d to %d", name, value, min, max);
	return 0;
}

static int
checkrate(int i, const char *field, double rate)
{
	if (rate != 0 && !(rate * 1e6 >= RateMin && rate <= 100000))
		return bad("links[%d] (%s): %s: %g is not a rate in Mbit/s, "
		    "%g to 100000, nor 0", i, bond[i].name, field, rate,
		    RateMin / 1e6);
	return 0;
}

static int
checklink(int i)
{
	const Linkconf *c = &links[i];
	const char *name = bond[i].name;
	int j, n = 0;

	n += checkaddr(i, "client", c->client);
	n += checkaddr(i, "server", c->server);
	n += checkrate(i, "up", c->up);
	n += checkrate(i, "down", c->down);
	if (c->port < 1 || c->port > 65535)
		n += bad("links[%d] (%s): port: %d is not in 1 to 65535", i,
		    name, c->port);
	for (j = 0; j < i; j++)
		if (links[j].port == c->port)
			n += bad("links[%d] (%s): port: %d is that of links[%d] "
			    "too", i, name, c->port, j);
	for (j = 0; j < i; j++)
		if (c->device && links[j].device && c->client &&
		    links[j].client && !strcmp(links[j].client, c->client) &&
		    !strcmp(links[j].device, c->device))
			n += bad("links[%d] (%s): client: %s is that of "
			    "links[%d] too, on the same device", i, name,
			    c->client, j);
	if (c->priority < 0 || c->priority > 60)
		n += bad("links[%d] (%s): priority: %d is not in 0 to 60", i,
		    name, c->priority);
	if (c->device && (!*c->device || strlen(c->device) >= IFNAMSIZ))
		n += bad("links[%d] (%s): device: \"%s\" is not the name of an "
		    "interface", i, name, c->device);
	if (c->client && c->server &&
	    !strchr(c->client, ':') != !strchr(c->server, ':'))
		n += bad("links[%d] (%s): client and server: %s and %s are not "
		    "of one family", i, name, c->client, c->server);
	if (!keyfile && !c->client && role != Client)
		n += bad("links[%d] (%s): client: NULL needs a keyfile, or "
		    "anyone could be the client", i, name);
	if (role != Server && !c->server)
		n += bad("links[%d] (%s): server: the client must know it", i,
		    name);
	if (!keyfile && !c->server && role != Client)
		n += bad("links[%d] (%s): server: NULL is all addresses, which "
		    "needs a keyfile", i, name);
	if (!keyfile && c->server && !n && !private(c->server))
		n += bad("links[%d] (%s): server: %s is a public address, "
		    "which needs a keyfile", i, name, c->server);
	return n;
}

/* the number of things that are wrong, each of which is told */
static int
checkconf(void)
{
	static const struct { const char *name; const int *value, min, max; }
	    ints[] = {
		{ "prioweight", &prioweight, 0, 1000000 },
		{ "rttweight", &rttweight, 0, 100000 },
		{ "satweight", &satweight, 0, 10000000 },
		{ "lossweight", &lossweight, 0, 10000000 },
		{ "satpercent", &satpercent, 10, 100 },
		{ "losspercent", &losspercent, 1, 100 },
		{ "hbinterval", &hbinterval, 20, 1000 },
		{ "linkoverhead", &linkoverhead, 0, 500 },
		{ "expresscopies", &expresscopies, 0, 1 },
		{ "queuepkts", &queuepkts, 64, 1 << 20 },
		{ "keeppkts", &keeppkts, 64, 1 << 20 },
		{ "reorderpkts", &reorderpkts, 64, 1 << 15 },
		{ "reorderms", &reorderms, 10, 1000 },
		{ "niceness", &niceness, -20, 19 },
		{ "tunsegment", &tunsegment, 0, 1 },
		{ "udpsegment", &udpsegment, 0, 2 },
		{ "udpgro", &udpgro, 0, 1 },
		{ "batches", &batches, 0, 1 },
		{ "runas", &runas, 0, 65535 },
		{ "dropcaps", &dropcaps, 0, 1 },
		{ "nonewprivs", &nonewprivs, 0, 1 },
		{ "seccomp", &seccomp, 0, 1 },
	};
	struct sockaddr_storage ss;
	const char *which[] = { "clientaddr", "serveraddr" }, *s;
	char buf[256], *a, *save;
	int i, prefix, n = 0;

	if (!*tundev || strlen(tundev) >= IFNAMSIZ || strchr(tundev, '/'))
		n += bad("tundev: \"%s\" is not the name of an interface",
		    tundev);
	for (i = 0; i < 2; i++) {
		s = i == Client ? clientaddr : serveraddr;
		if (snprintf(buf, sizeof(buf), "%s", s) >= (int)sizeof(buf))
			n += bad("%s: longer than %d bytes", which[i],
			    LEN(buf) - 1);
		if (!(a = strtok_r(buf, " ", &save)))
			n += bad("%s: there is no address", which[i]);
		for (; a; a = strtok_r(NULL, " ", &save))
			if (parseprefix(a, &ss, &prefix) < 0)
				n += bad("%s: \"%s\" is not an address with a "
				    "prefix length, as 10.0.0.1/24", which[i], a);
	}
	for (i = 0; i < LEN(ints); i++)
		n += checkint(ints[i].name, *ints[i].value, ints[i].min,
		    ints[i].max);
	if (nonewprivs < seccomp)
		n += bad("seccomp: the kernel wants nonewprivs for it");
	if (chrootdir && chrootdir[0] != '/')
		n += bad("chrootdir: \"%s\" does not begin with /", chrootdir);
	if (reorderpkts & (reorderpkts - 1))
		n += bad("reorderpkts: %d is not a power of 2", reorderpkts);
	if (keeppkts & (keeppkts - 1))
		n += bad("keeppkts: %d is not a power of 2", keeppkts);
	for (i = 0; i < LEN(links); i++)
		n += checklink(i);
	return n;
}

/* a device that is missing may come later: no reason not to start */
static int
checkdevices(void)
{
	int i, n = 0;

	for (i = 0; i < LEN(links); i++)
		if (links[i].device && !if_nametoindex(links[i].device))
			n += bad("links[%d] (%s): device: there is no %s now, "
			    "the link is down until there is", i, bond[i].name,
			    links[i].device);
	return n;
}

/* what would be done, for udpbond -t */
static void
explain(int who)
{
	const Linkconf *c;
	const char **cmd = who == Client ? clientup : serverup;
	int i, n = who == Client ? LEN(clientup) : LEN(serverup);

	printf("As %s it makes %s with %s and talks over %d links, %s:\n",
	    who == Client ? "client" : "server", tundev,
	    who == Client ? clientaddr : serveraddr, LEN(links), keyfile ?
	    "each packet authenticated" : "trusted to be private");
	for (i = 0; i < LEN(links); i++) {
		c = &links[i];
		printf("  %s: ", bond[i].name);
		if (who == Client)
			printf("from %s%s%s to %s port %d",
			    c->client ? c->client : "any address",
			    c->device ? " on " : "", c->device ? c->device : "",
			    c->server ? c->server : "?", c->port);
		else
			printf("at %s port %d for %s",
			    c->server ? c->server : "all addresses", c->port,
			    c->client ? c->client : "whoever has the key");
		printf(", priority %d, Mbit/s up and down: ", c->priority);
		printf(c->up > 0 ? "%g" : "unknown", c->up);
		printf(c->down > 0 ? ", %g\n" : ", unknown\n", c->down);
	}
	for (i = 0; i < n; i++)
		printf("%s %s\n", i ? "       " : "It runs", cmd[i]);
}

/* udpbond -t: 0 if there is nothing to mend */
static int
check(void)
{
	static Text t;
	int n = checkconf();

	if (role != Server)
		n += checkdevices();
	keyload();
	offloadprobe();
	offloads(&t);
	if (role != Server)
		explain(Client);
	if (role != Client)
		explain(Server);
	fputs(t.buf, stdout);
	confinement();
	fflush(stdout);
	if (n > 0)
		warn("%d to mend", n);
	return n > 0;
}

/* commands: of the shell, run by processes that have nothing else */

/* its status as waitpid() has it */
static int
shell(const char *cmd)
{
	static const char with[] =
	    "TUN=$0 ADDR=$1 MTU=$2; export TUN ADDR MTU; eval \"$3\"";
	char mtu[16];
	int status;
	pid_t pid;

	snprintf(mtu, sizeof(mtu), "%d", tun.mtu);
	if ((pid = fork()) == 0) {
		signal(SIGPIPE, SIG_DFL);
		execl("/bin/sh", "sh", "-c", with, tundev, role == Client ?
		    clientaddr : serveraddr, mtu, cmd, (char *)NULL);
		_exit(127);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -1 : status;
}

/* shell commands, one after the other, in a process of their own */
static void
commands(const char *what, const char **cmd, int n)
{
	int i, status;

	for (i = 0; i < n; i++)
		if ((status = shell(cmd[i])) != 0)
			warn("%s: \"%s\" failed with status %d", what, cmd[i],
			    WIFEXITED(status) ? WEXITSTATUS(status) : status);
	_exit(0);
}

/* 0 in the new process, which has no more than its memory */
static pid_t
forkbare(const char *what)
{
	pid_t pid = fork();
	int i;

	if (pid < 0)
		die("%s: fork:", what);
	if (pid > 0)
		return pid;
	close(tun.fd);
	close(ctl.fd);
	for (i = 0; i < LEN(bond); i++)
		close(bond[i].fd);
	wipe(keys.master, sizeof(keys.master));
	wipe(keys.hello, sizeof(keys.hello));
	wipe(keys.secret, sizeof(keys.secret));
	return 0;
}

/* the packets do not wait for them */
static void
runup(const char *what, const char **cmd, int n)
{
	if (n == 0 || (uppid = forkbare(what)) > 0)
		return;
	signal(SIGINT, SIG_IGN); /* a ^C is for the parent, which waits */
	commands(what, cmd, n);
}

/* They are to be run as root when the program is no longer that, so a process
 * waits for it; for the MTU of then. Without that, as when the program is
 * killed, it runs nothing: another instance may be at work already. */
static void
preparedown(const char *what, const char **cmd, int n)
{
	int fd[2], i;

	if (n == 0)
		return;
	if (pipe2(fd, O_CLOEXEC) < 0)
		die("%s: pipe:", what);
	if ((downpid = forkbare(what)) > 0) {
		close(fd[0]);
		downfd = fd[1];
		return;
	}
	for (i = 0; i < LEN(signals); i++)
		signal(signals[i], SIG_IGN);
	close(fd[1]);
	if (read(fd[0], &tun.mtu, sizeof(tun.mtu)) != sizeof(tun.mtu))
		_exit(0);
	for (i = 0; i < LEN(signals); i++)
		signal(signals[i], signals[i] == SIGINT ? SIG_IGN : SIG_DFL);
	commands(what, cmd, n);
}

static void
rundown(void)
{
	if (downpid <= 0)
		return;
	if (write(downfd, &tun.mtu, sizeof(tun.mtu)) < 0)
		warn("down commands:");
	close(downfd);
	await(downpid, "down commands");
}

/* a process is given 10 s to end */
static void
await(pid_t pid, const char *what)
{
	struct timespec ts = { 0, 10000000 };
	int i;

	for (i = 0; pid > 0 && waitpid(pid, NULL, WNOHANG) == 0; i++) {
		if (i == 1000) {
			warn("%s: still running after 10 s", what);
			return;
		}
		nanosleep(&ts, NULL);
	}
}

/* life */
static void
onsignal(int sig)
{
	if (sig == SIGUSR1)
		signaled.report = 1;
	else if (sig == SIGHUP)
		signaled.reopen = 1;
	else
		signaled.stop = 1;
}

/* device, address or number, whatever there is to call it */
static void
linkinit(Link *l, int i)
{
	l->conf = &links[i];
	l->fd = -1;
	if (links[i].device)
		snprintf(l->name, sizeof(l->name), "%s", links[i].device);
	else if (links[i].client)
		snprintf(l->name, sizeof(l->name), "%s", links[i].client);
	else
		snprintf(l->name, sizeof(l->name), "link%d", i);
}

static void
memory(void)
{
	pool.size = queuepkts + queuepkts / 2 + reorderpkts + keeppkts +
	    (2 * LEN(bond) + 4 + Njoins + 2) * Batch;
	pool.pkts = calloc(pool.size, sizeof(*pool.pkts));
	pool.frees = calloc(pool.size, sizeof(*pool.frees));
	pool.refs = calloc(pool.size, sizeof(*pool.refs));
	queues.flows = calloc(Nflows, sizeof(*queues.flows));
	tx.sent = calloc(keeppkts, sizeof(*tx.sent));
	rx.slots = calloc(reorderpkts, sizeof(*rx.slots));
	if (!pool.pkts || !pool.frees || !pool.refs || !queues.flows || !tx.sent || !rx.slots)
		die("no memory for %d packets:", pool.size);
}

static void
setup(void)
{
	struct sigaction sa;
	Link *l;
	int i;

	keyload();
	if (checkconf() > 0)
		die("the configuration has to be mended first, see above");
	if (role == Client)
		checkdevices();
	if (chrootdir)
		emptydir(); /* an error then comes before the up commands */
	put(keys.secret, random64(), 8);
	put(keys.secret + 8, random64(), 8);
	memory();
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = onsignal;
	for (i = 0; i < LEN(signals); i++)
		sigaction(signals[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	now = monotime();
	offloadprobe();
	ctlopen();
	peer.lonely = now;
	for (i = 0; i < LEN(bond); i++) {
		l = &bond[i];
		l->state = LinkProbing;
		l->prio = l->conf->priority;
		l->beats.next = now + MS(hbinterval) * i / LEN(bond) / 4;
		rateceil(l, MBIT(role == Client ? l->conf->up : l->conf->down),
		    MBIT(role == Client ? l->conf->down : l->conf->up));
		linkopen(l);
		l->addr.mtu = l->addr.mtu ? l->addr.mtu : MtuMax;
	}
	tunopen();
	if (setpriority(PRIO_PROCESS, 0, niceness) < 0)
		warn("niceness %d:", niceness);
	loop.nextsecond = now + Second;
	loop.nextmtu = now + MtuEvery;
	loop.nextreport = now + (int64_t)loop.interval * Second;
	if (role == Client) {
		runup("clientup", clientup, LEN(clientup));
		preparedown("clientdown", clientdown, LEN(clientdown));
	} else {
		runup("serverup", serverup, LEN(serverup));
		preparedown("serverdown", serverdown, LEN(serverdown));
	}
	confine();
}

/* one turn of the loop: what came in, what is due, what may go out */
static void
turn(const struct pollfd *pfd)
{
	int64_t was = now;
	int i;

	now = monotime();
	/* stopped for a while: echoes that waited meanwhile measure only that */
	if (now - was > Stale)
		for (i = 0; i < LEN(bond); i++)
			bond[i].beats.n = bond[i].heard.came = 0;
	loop.unread = 0;
	for (i = 0; i < LEN(bond); i++)
		if (pfd[PfdLink + i].revents)
			linkpkt(&bond[i]);
	if (pfd[PfdTun].revents & POLLERR)
		tungone();
	else if (pfd[PfdTun].revents)
		tunpkt();
	if (pfd[PfdCtl].revents)
		ctlpkt();
	timers();
	joinflushall();
	schedule();
}

/* When many packets come one by one it is cheaper to let some more come. */
static void
rest(void)
{
	struct timespec ts = { 0, 0 };
	int64_t us;

	loop.turns++;
	if (now - loop.since >= 1000) {
		loop.pause = loop.handled >= 8 * (now - loop.since) / 1000 &&
		    loop.handled / loop.turns < Batch / 2 ? Coalesce : 0;
		loop.handled = loop.turns = 0;
		loop.since = now;
	}
	if (loop.unread || !loop.pause)
		return;
	us = MIN(loop.pause - (monotime() - now), polltimeout());
	ts.tv_nsec = MAX(us, 0) * 1000;
	if (us > 0)
		ppoll(NULL, 0, &ts, NULL);
}

static void
run(void)
{
	struct pollfd pfd[PfdLast];
	struct timespec ts;
	int64_t us;
	int i;

	/* a signal just before ppoll() waits for the next heartbeat */
	while (!signaled.stop) {
		for (i = 0; i < PfdLast; i++) {
			pfd[i].fd = i == PfdTun ? tun.fd : i == PfdCtl ? ctl.fd :
			    bond[i - PfdLink].fd;
			pfd[i].events = POLLIN;
			pfd[i].revents = 0;
		}
		us = polltimeout();
		ts.tv_sec = us / Second;
		ts.tv_nsec = us % Second * 1000;
		if (ppoll(pfd, PfdLast, &ts, NULL) < 0 && errno != EINTR)
			die("ppoll:");
		turn(pfd);
		rest();
	}
}

/* tell the peer, take the TUN away, then run the down commands */
static void
cleanup(void)
{
	const uint8_t d = CtlBye;
	Link *l;

	logmsg("stopping");
	for (l = bond; l < bond + LEN(bond); l++) {
		if (peer.session.id && usable(l, NULL)) {
			control(l, &d, 1);
			linkflush(l);
		}
		linkclose(l);
	}
	close(tun.fd);
	await(uppid, "up commands");
	rundown();
}

static void
usage(void)
{
	fputs("usage: udpbond -c | -s [-q] [-m secs]\n"
	    "       udpbond -t [-c | -s]\n"
	    "       udpbond -l | -p | -k | -v\n", stderr);
	exit(2);
}

/* sets what the flags say and returns the one that asks for something else
 * than to run, 0 if there is none */
static int
options(int argc, char *argv[])
{
	char *end;
	long secs;
	int c, what = 0;

	role = Both;
	while ((c = getopt(argc, argv, "cskltpvqm:")) != -1) {
		switch (c) {
		case 'c':
		case 's':
			if (role != Both)
				usage();
			role = c == 'c' ? Client : Server;
			break;
		case 'k':
		case 'l':
		case 'p':
		case 't':
		case 'v':
			if (what)
				usage();
			what = c;
			break;
		case 'q':
			quiet = 1;
			break;
		case 'm':
			secs = strtol(optarg, &end, 10);
			if (*end || end == optarg || secs < 0 || secs > 86400) {
				warn("-m %s: not a number of seconds, 0 to "
				    "86400", optarg);
				usage();
			}
			loop.interval = secs;
			break;
		default:
			usage();
		}
	}
	if (optind < argc || (!what && role == Both) ||
	    (what && what != 't' && role != Both))
		usage();
	return what;
}

/* the answer has been printed; 1: it could not be */
static int
printed(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	warn("stdout:");
	return 1;
}

int
main(int argc, char *argv[])
{
	int i, what;

	/* what is opened later must not be taken for these */
	while ((i = open("/dev/null", O_RDWR)) >= 0 && i <= 2)
		;
	close(i);
	what = options(argc, argv);
	for (i = 0; i < LEN(bond); i++)
		linkinit(&bond[i], i);
	switch (what) {
	case 'k':
		printf("%016" PRIx64 "%016" PRIx64 "\n", random64(),
		    random64());
		return printed();
	case 'l':
	case 'p':
		ctlask(what);
		return printed();
	case 't':
		return check();
	case 'v':
		printf("udpbond-%s\n", VERSION);
		return printed();
	}
	setup();
	run();
	cleanup();
	return loop.status;
}
