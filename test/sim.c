/* See LICENSE file for copyright and license details.
 *
 * sim runs both ends of udpbond in virtual time, over links that are as bad
 * as one likes, with hosts behind them that talk TCP, UDP and QUIC. The same
 * seed gives the same trace. To build it, with DIR any directory of its own:
 *
 *	cp udpbond.c DIR
 *	sed '/Linkconf links/s/const //; /int parity/s/const //;
 *		/int compress/s/const //' \
 *		config.def.h >DIR/config.h
 *	for i in 0 1; do
 *		cc -std=c99 -D_GNU_SOURCE -DVERSION='"sim"' -O2 -IDIR \
 *			-DSIDE=side$i -c -o DIR/side$i.o test/side.c
 *	done
 *	cc -std=c99 -D_GNU_SOURCE -O2 -o test/sim test/sim.c test/simtcp.c \
 *		test/simquic.c DIR/side?.o
 *
 *	host ---- TUN [client] ====links==== [server] TUN ---- host
 *	192.168.1.100                                   203.0.113.1
 *
 * All that happens is a Timer that fires, in the order of their times. A
 * packet: tcpsend, quicsend or flowfire, hostsend, fake_read, through the
 * program, fake_sendmmsg, linksend, linkarrive, fake_recvmmsg, through the
 * program, fake_write, hostarrive. What must hold for every packet is checked
 * where it passes from one to the other, see the section on invariants.
 * Begin with main(), then simulate(), then endturn().
 *
 * sim runs the set in scenarios.h, sim -r NAME one of it, sim -s SEED -n COUNT
 * random scenarios; -v traces them, -P only the links, each so many ms, see
 * tracelinks(); -k gives both ends a key, -j makes use of several processors,
 * -S limits for how long others keep an end from running, in ms.
 * sim -L LINKS -T TRAFFIC -C CHANGES runs what it is told, in the words that
 * sim -l and scenarios.h show, sim -H HOURS light traffic with a fault each
 * minute. sim -u compares sets of links that are not alike, or LINKS, with the
 * best of them alone, for some loads or TRAFFIC; sim -u -r NUMBER one set. The
 * last line counts what passed and failed.
 */
#include <sys/mman.h>

#define WORLD
#include "fake.h"
#include "pkt.h"
#include "sim.h"
#include "simtcp.h"
#include "simquic.h"

#ifndef UDP_SEGMENT /* newer than some headers */
#define UDP_SEGMENT     103
#endif

/* enums */
enum { Client, Server };          /* ends, and the hosts behind them */
enum { FdFree, FdTun, FdSocket, FdKey, FdOther };
enum { Unknown, Ordered, Express }; /* classes of packets */
enum { May, Must };               /* an end knows of a packet */
enum { Icmp = 1, Tcpip = 6, Udp = 17 };
enum { KindTcp, KindEcho, KindWeb, KindUdp, KindQuic };
enum { Set, Random, Own, Unlike }; /* where scenarios come from */
enum { Steady, Walk, Jump, Traced }; /* how the rate of a link moves */
enum { Nowhere, Near, Far };      /* where a flow is */
enum {
	FdBase = 1000, Nfds = 64, Nbufs = 1 << 16, Ntimers = 4096,
	Nseen = 1 << 18, Ngroups = 16, Nflows = 512, Nmeasures = 512,
	Nchanges = 128, Nlog = 24, Nmem = 16,
	Nbulk = 64, Nexpress = 4096, Npkts = 4096, Nrecords = 1 << 16,
	Nread = 4096, Nkeys = 32, Nparities = 256, Nlast = 1024, Nms = 1024,
	WebSegs = 256, BulkSegs = 8192, QuicPkts = 16384,
	Request = 200,            /* bytes, and of an answer to an upload */
	UdpIp = 28,               /* bytes of headers */
	Foresight = 100,          /* ms */
	Overhead = 60,            /* bytes that a link adds, as linkoverhead */
	Opportunity = 1500,       /* bytes that a line of a trace lets leave */
	Nolimit = 1000000000,     /* Mbit/s */
	Bin = 100 * Ms,           /* of goodput */
	HostDelay = 100 * Us,     /* from a host to the TUN */
	Latency = 20 * Us,        /* from a packet to the turn it wakes */
	StallEvery = 50,          /* ms, in the mean */
	Drain = 8,                /* s, after the traffic */
	SocketMax = 3600,         /* datagrams, SO_RCVBUF */
	Away = 500,               /* ms, that a restart takes */
	RefusedMax = 300,         /* ms that this may wait */
	Recover = 1500,           /* ms, and eight RTTs */
	Natport = 1000,           /* from mapping to mapping */
	MaxIdle = 300,            /* turns without work in a bin */
	ExpressWait = 10, AckWait = 50, /* ms, longer than by another link */
	Unforeseen = 16,          /* part of a wait: heartbeats, repairs */
	LiveWait = 250,           /* ms, for a missing packet: UDP */
	FreeWait = 20,            /* ms, for others that a repair set free, */
	FreeRate = 32768,         /* or while so many bytes leave in a ms */
	LateWake = 5,             /* ms, from a deadline to the turn */
	RingMin = 4096,           /* packets that wait for a missing one */
	Settle = 3,               /* s, from a start to a session */
	ParityWait = 10,          /* ms, longer than by the same link */
	ParityDepth = 120,        /* ms, as much may be sent at once */
	ParityPart = 8,           /* of what a full link carries in a s */
	ParitySaved = 100,        /* ms, of which it may have saved that up */
	Full = 97,                /* percent of the rate that it does then */
	ParityPps = 2000,         /* of an end */
	StayRun = 8, StayFor = 100, /* packets, ms: a flow is where they go */
	StayPause = 300,          /* ms, after it a flow begins anew */
	StayFurther = 10000,      /* us, than by the quick link */
	SpareScore = 12000,       /* above the best: of use in need only; more
	                           * than satweight, as scores change */
	BackupPrio = 61,          /* of no use while another link is up */
	Known = 50,               /* ms that a link has been so */
	IdleSlack = 5,            /* ms that it has had room */
	SlowRate = 2400000,       /* bit/s, as OrderedMin: slower links may be
	                           * left out */
	Further = 35,             /* ms, so may what is so much longer */
	NextAt = 70,              /* offset of the next seq in a heartbeat */
	Nsets = 36,               /* of unlike links */
	Fewlate = 5               /* when the delay of a link grows unseen */
};

/* types */
typedef struct {
	Buf *head, *tail;
	int len;
} Fifo;

/* A file that begins again when it ends: of a trace the bytes that may have
 * left before each ms of the period, of delays the delay then. */
typedef struct {
	int64_t period;           /* ms */
	double *v;                /* one more than that */
} Series;

typedef struct {
	int how;
	double mbit;              /* Mbit/s, 0: unlimited */
	double range[3];          /* Mbit/s from and to, ms between changes */
	double outage[2];         /* ms, means: between two, of one */
	const Series *trace;
} Rate;

/* what a link does to what goes one way */
typedef struct {
	Rate rate;
	double police;            /* ms of rate, instead of a queue; 0: none */
	double pkts;              /* that the queue holds; 0: see queue */
	double delay, jitter, queue; /* ms */
	double shift[2];          /* ms: period, most extra delay */
	const Series *delays;
	double loss, burst;       /* percent; mean length, packets */
	double silent;            /* 0 or 1 */
	double spike[3];          /* ms: period, length, extra delay */
	double dup, swap, swapby; /* percent; percent, and ms that they wait */
	double corrupt;           /* percent of which a bit is turned */
	double error, errors;     /* of sending; percent that fail */
	double conf;              /* Mbit/s in config.h, -1: the true rate */
	double segloss;           /* percent of segmented messages */
} Conf;

/* what a link carries, until the next piece */
typedef struct {
	int64_t at;
	double rate;              /* Mbit/s; of a trace the mean */
	int out;                  /* nothing leaves */
	const Series *trace;
} Piece;

/* the pieces so far; more are made when somebody looks ahead */
typedef struct {
	Rate r;
	uint64_t rng[2];          /* for the rate, for outages */
	double mbit;
	int out;
	int64_t step, toggle;     /* when those change */
	Piece *pieces;
	int n;
	int64_t ms;               /* of a trace: when the last packet left */
	double left;              /* bytes that may leave in it still */
} Move;

typedef struct {
	int link, to;             /* to: end */
	Conf c;
	Move move;
	uint64_t seed;            /* of how it moves */
	Fifo q, odd;              /* odd: those that others overtake */
	Timer timer, oddtimer;
	int64_t depart, deliver;
	int64_t departs[Npkts];   /* of the newest packets */
	unsigned nput;
	int bad;                  /* within a burst of losses */
	uint64_t rng;
	int64_t refused;          /* the newest error */
	int64_t slow, slowtime;   /* the least rate lately, and when */
	int64_t tat;              /* when all that was sent may have left */
	int64_t sent, parity, top; /* bytes in this s; its highest rate */
	int64_t full, down;       /* last times that it had no room, that the
	                           * sender did not use it */
	int64_t shut;             /* that it took no ordered packets */
	int64_t spare;            /* that it was no spare link */
	int64_t *bins;            /* bytes of packets sent first, each s */
	int64_t bulk[Nbulk];      /* turns in which ordered packets were sent */
	unsigned nbulk;
	int64_t bytes, wait;      /* in this bin; the longest queue */
	int64_t waitmax, allbytes, used; /* used: of the window */
	int64_t lost;             /* datagrams, or not in order */
} Dir;

typedef struct {
	int there, gone;          /* in the scenario; the client's device is */
	int mtu, prio;
	int nat, host;            /* port and address that are seen */
	int addr;                 /* the client's own, of its sockets */
	int fd[2];
	Dir d[2];                 /* up, down */
} Net;

typedef struct {
	int kind, end, link, port, addr;
	Fifo in;
} Fd;

/* from a host to the TUN or back, in HostDelay */
typedef struct {
	int end, out;
	Fifo q;
	Timer timer;
} Pipe;

/* a data record of the running session */
typedef struct {
	uint64_t seq;             /* 0: none */
	int packet;               /* in seen; -1: not sent yet */
	int after;                /* seqs from the packet it follows; 0: none */
	int link;                 /* that carried it first; -1: none yet */
	int covered;              /* by a parity */
	int64_t came;             /* when it was read; NEVER: not yet */
	int64_t missed[2];        /* since when one may, must know of it */
	int64_t passed;           /* when the TUN got it; NEVER: not yet */
} Record;

typedef struct {
	const SimSide *side;
	int running;
	Timer wake;
	int64_t last;             /* end of its last turn */
	int64_t paused;           /* stopped till then, but not ended */
	int64_t born;             /* its start */
	int delivered, tcp;       /* to its TUN, to a TCP host there, since the
	                           * start of either */
	int tunerror;             /* of reading and writing */
	int held;                 /* most packets in use */
	int starts;
	void *mem[Nmem];          /* that it took */
	int nmem;
	int64_t stall, goon;      /* when others have the processor */
	int64_t resumed;          /* when it ran again after a pause */
	int64_t parityread;       /* when a parity came */
	int64_t total, totals[Nms]; /* bytes to its TUN; until each ms */
	int64_t ms;               /* the newest of these */
	int express[Nexpress], nexpress; /* in seen, sent in this turn */
	Record *records;          /* that it sent, by seq */
	uint64_t top;             /* the newest of them */
	uint64_t known[2];        /* the newest that it may, must know of */
	int64_t begun;            /* its session, as its peer may see it */
	uint64_t read[Nread];     /* seqs of the peer, in this turn */
	int nread;
	struct { uint64_t seq; int link, len; int64_t left; }
	        parities[Nparities]; /* left: when it will have */
	int nparities;            /* sent in this turn */
	int64_t paritytat;        /* when so many may have been sent */
	int64_t nparity, paritybytes, databytes; /* sent */
	int64_t misplaced;        /* parities by the link of the packets */
	int64_t offset;           /* of its clock */
	int qlen;
	Fifo tun;                 /* to be read */
	Pipe in, out;
	int sent, idle;           /* datagrams; turns for nothing, in this bin */
	uint64_t lost;            /* packets that it has given up */
	uint64_t late, overtaken; /* packets: before this turn; in it */
	uint64_t light, toolate;  /* TCP data that is express; comes late */
	uint64_t tundrops;
	struct { uint64_t key, count; } keys[Nkeys]; /* it has sealed with */
	unsigned nkeys;
} End;

/* a packet that was read from a TUN */
typedef struct {
	uint64_t key, body;
	int64_t time, arrival;    /* arrival: as the sender expects it */
	uint32_t order;           /* in its flow */
	int end, port, len, ack, class, sent, done;
	int live;                 /* neither TCP nor DNS: soon of no use */
	int data;                 /* of TCP, which is to stay in order, whatever
	                           * the class */
	int patient;              /* TCP or QUIC: waits for what is missing */
	int quic;                 /* UDP of port 443: never out of order */
	uint64_t seq;             /* of its newest record */
	int64_t owd[SimLinks];    /* us, as its sender saw it then; 0: down */
	int64_t rate[SimLinks];
	int best;                 /* the link that it would take, then */
	int quick;                /* that, if others are further, or -1 */
	int next;
} Seen;

typedef struct {
	char name[16];
	int kind, up, cc, ecn, n, port, proto;
	int reno, hystartpp, open; /* of QUIC; open: connections are kept */
	double at, end, every, bytes, rate, size, acks;
	double win[3][2];         /* s */
	int64_t *bins;            /* bytes */
	int burst;                /* most packets of a flow in a ms */
	double *times, *came;     /* ms, and s at which it was so */
	int ntimes, maxtimes, started;
	int64_t sent, got;
	int64_t quick, away;      /* packets: by the best link, by others */
	int moves;                /* away from it, most of a flow */
} Group;

/* where a flow is: by the quick link, or by those that are further */
typedef struct {
	int side, moves;
	int link;                 /* the quick one, -1: there is none */
	int run;                  /* packets lately that went elsewhere, less
	                           * three for each that did not */
	int64_t from, last;       /* the first of these; its newest packet */
	int64_t went;             /* when it went far, 0: not since a pause */
} Stay;

typedef struct {
	Group *g;
	int port, done;
	Timer timer;
	Tcp tcp[2];
	Quic quic[2];
	int64_t begin, bytes;     /* begin: of the next burst, too */
	Stay stay[2];             /* up, down */
	double *rtt;              /* ms, of each sent; -1: lost; QUIC: of each
	                           * fetch from its request on */
	int nsent, maxsent;
	int64_t last[Nlast];      /* when the newest packets came */
	unsigned nlast, oldlast;  /* all; the first of the last ms */
} Flow;

typedef struct {
	Timer timer;
	char text[128];
} Change;

typedef struct {
	char name[40];
	double value;
} Measure;

typedef struct {
	const char *name;
	int secs;
	const char *links, *traffic, *changes;
	const char *checks;       /* what fails the test */
	const char *want;         /* what the design asks for */
} Scenario;

typedef struct {
	const char *name;
	size_t off;
	int n;                    /* values, with colons between */
} Key;

/* of a run: what all downloads and uploads took of the links, Mbit/s with all
 * headers; ms, of the last game or ping */
typedef struct {
	double carried, p99;
} Result;

/* a load, bonded and by the best of the links alone */
typedef struct {
	Result bond, alone, run;  /* run: the newest */
} Pair;

typedef struct {
	char name[32];
	uint64_t seed;
	pid_t pid;
	FILE *out;
} Job;

/* function declarations */
/* util */
static void violate(const char *, ...);
static uint64_t mix(uint64_t *);
static double unit(uint64_t);
static ssize_t logwrite(void *, const char *, size_t);
static void *need(size_t, size_t);
/* timers and packets */
static int sooner(const Timer *, const Timer *);
static void heapput(int, Timer *);
static void heapfix(int);
static void buffree(Buf *);
static void fifoput(Fifo *, Buf *);
static Buf *fifoget(Fifo *);
static void fifoclear(Fifo *);
/* invariants */
static uint64_t hash(const uint8_t *, int, uint64_t);
static uint64_t keyof(const uint8_t *, int);
static int portof(const uint8_t *, int);
static int issyn(const uint8_t *);
static Seen *seenfind(uint64_t);
static void seenread(End *, const uint8_t *, int);
static Record *recordof(int, uint64_t);
static void sessionbegin(End *);
static Record *recordsent(End *, uint64_t, const Seen *);
static void staycheck(End *, const Dir *, const Seen *);
static int needed(End *, const Dir *, int, int);
static void priocheck(End *, const Dir *, int);
static void seensent(End *, Dir *, const uint8_t *, int, uint64_t, int, int);
static int intact(const uint8_t *, int);
static int64_t patience(End *, const Seen *);
static void waitcheck(End *, const Seen *);
static void ordercheck(End *, const Seen *);
static void seenwritten(End *, const uint8_t *, int);
static void seenfailed(const uint8_t *, int);
static void paritysent(End *, Dir *, const uint8_t *, int, uint64_t, int);
static void parityplace(End *, int);
static void paritycheck(End *);
static void seenrecords(End *, Dir *, const uint8_t *, int);
static void sealcheck(End *, const Net *, const uint8_t *, int, uint64_t);
static uint8_t plain[1600]; /* records of the datagram that is being sent */
static int opened;          /* their length */
static void knows(End *, int, uint64_t);
static void readrecords(End *, const uint8_t *, int);
static void readcheck(End *, int);
static void paced(End *, Dir *, const uint8_t *, int);
static void roomcheck(End *);
static int bestlink(End *);
static int64_t chance(const Dir *, const Seen *);
static int64_t learned(End *, const Seen *);
static void expresscheck(End *);
static void poolcheck(End *, int);
static void delivered(End *);
static void tcpback(void);
static int wasout(Move *);
static double longest(const Conf *);
static int serves(Net *);
static void happened(void);
static void wellcheck(void);
static void answerarrive(int64_t);
/* moving */
static const Series *seriesread(const char *, int);
static double exponential(uint64_t *, double);
static double root(double);
static double between(double, double, double);
static void pieceput(Move *, Piece);
static void piecemake(Move *);
static int pieceat(Move *, int64_t);
static int64_t pieceend(const Move *, int);
static double opportunities(const Series *, int64_t);
static double capacity(Move *, int64_t, int64_t);
static int64_t traceserve(Move *, int64_t, double);
static int64_t serve(Move *, int64_t, double);
static void moveset(Dir *);
static void requeue(Dir *, Move *);
/* links */
static int wirelen(int);
static int linksend(End *, Fd *, const uint8_t *, int, int);
static void linkcarry(Dir *, const uint8_t *, int, int, int);
static int lose(Dir *);
static int full(Dir *, int);
static int64_t waits(const Dir *);
static double extra(const Dir *, int64_t);
static void linkput(Dir *, const uint8_t *, int, int, int);
static int outside(const Fd *, const Net *);
static void arrive(Dir *, Buf *);
static void linkarrive(void *);
static void oddarrive(void *);
/* hosts */
static void pipeput(Pipe *, Buf *, int);
static void pipefire(void *);
static void hostarrive(int, Buf *);
/* system calls */
static Fd *fdof(int);
static int fdnew(int);
static int linkof(const struct sockaddr *);
static int placeof(const void *, const Fd *);
/* ends */
static void wakeup(End *);
static void endstart(void *);
static void endstop(End *, int);
static void endturn(void *);
/* traffic */
static void flowstart(Flow *);
static int64_t udpsend(Flow *);
static void flowfire(void *);
static int64_t quicsize(const Group *, int);
static void quicask(Flow *);
static void quicread(Quic *, int64_t);
static void rttadd(Flow *, double);
static void echosend(Flow *);
static void echoarrive(int, Flow *, Buf *);
static void udparrive(Flow *, Buf *);
static void tcpread(Tcp *, int64_t);
static void timeadd(Group *, double);
static void count(Group *, int64_t);
/* scenario */
static void bad(const char *);
static int number(char *, double *);
static char *keyvalue(char *, char **);
static void values(const char *, double *, int);
static const Key *keyfind(const Key *, int, const char *);
static int rateset(Dir *, const char *, const char *);
static void confset(Net *, const char *, const char *);
static void parselinks(const char *);
static void parsetraffic(const char *);
static void parsechanges(const char *);
static void linkchange(char *, char *);
static int errorof(const char *);
static void endchange(End *, char *);
static void change(void *);
/* measuring */
static void measure(const char *, const char *, double);
static double mean(const Group *, double, double);
static int bynumber(const void *, const void *);
static double percentile(double *, int, double);
static void measureall(const Scenario *);
static int checkall(const char *);
static void tracelinks(int);
static void traceflows(void);
static void trace(void *);
static void foresee(void *);
static void partcheck(void);
static void checktimes(void *);
/* life */
static int mishap(char *, int, double, int, int);
static void mishaps(void *);
static int movement(char *, int, double, uint64_t *);
static int streams(char *, int, uint64_t *);
static unsigned priority(unsigned, uint64_t *);
static void invent(Scenario *, uint64_t);
static void describe(const Scenario *);
static int simulate(const Scenario *, uint64_t);
static void unlikelinks(char *, int, int);
static const char *lightonly(const char *);
static double ratio(const Pair *);
static int runfresh(Scenario, const char *, const char *, uint64_t, Result *);
static int compare(const Scenario *, uint64_t, Pair *);
static void comparesum(int);
static void jobstart(Job *, const Scenario *, uint64_t);
static int jobend(Job *);
static int nextpair(Scenario *, uint64_t);
static int nextjob(Scenario *, uint64_t *);
static void usage(void);

/* variables */
int64_t simnow;
int tcpmss = 1460;
static FILE *fake_log;            /* stdout and stderr of the ends */

static const SimSide *sides[] = { &side0, &side1 };
static const char *endname[] = { "client", "server" };
static double hours;              /* of mishaps */
static int verbose, keyed, secs, violations;
static int raw;                   /* no tunnel, link 0 carries all */
static int oracle;                /* the ends are told what links carry */
static int gap = 50 * Us;         /* least time from turn to turn */
static double stall = 3;          /* ms, longest that an end is held up */
static int stopped;               /* the traffic has */
static int mode;
static uint64_t first = 1, nseeds = 1;
static const char *only;          /* scenario */
static uint64_t runseed, rng;
static double drift;              /* of the server's clock, parts */
static const char *title;

static Timer *heap[Ntimers];
static int nheap, ntimers;
static Buf *freebufs;
static int nbufs;
static uint8_t block[2][65536 + 2048]; /* noise; text */
static uint32_t blocksum[2][LEN(*block) / 2 + 1];

static Seen *seen;
static int isexpress;             /* the record that is being sent */
static int segmenting;            /* the kernel can do so */
static int vanishes;              /* the message that is being sent */
static int segmentoff;            /* how often the log said so */
static int64_t joint;             /* datagrams in messages of several */
static int *buckets;
static unsigned nseen;
static uint32_t ordernext[2][65536], ordermax[2][65536];
static int parity = -1, compress = -1; /* of both ends; -1: as config.h */
static int shrinks;               /* what hosts send is text */

static int64_t changed, reopened; /* when anything, what a socket needs */
static int64_t answered;          /* the newest answer to what came later */
static int answer;                /* there was one since the change */
static int64_t healmax;           /* ns, longest from a change to it */
static int64_t backmax;           /* from a start till both TUNs got some */
static int64_t tcpmax;            /* till a TCP host got data */
static int64_t livemax;           /* oldest live packet delivered */
static int64_t watched = NEVER;   /* from then on there are echoes */
static int odd;                   /* links have not kept their order */
static int restless;              /* they delay what is on its way already */
static int damaged;               /* they have altered something */

static Net net[SimLinks];
static End end[2];
static End *cur;                  /* whose turn it is */
static Fd fds[Nfds];
static int nextport = 40000;

static Group groups[Ngroups];
static int ngroups;
static Flow *flows[Nflows], *flowat[65536];
static int nflows;
static Change changes[Nchanges];
static Timer checktimer, tracetimer, oracletimer, mishaptimer, starttimer[2];

/* in which the links' shares are measured: that of the first download or
 * upload */
static struct {
	int64_t from, to;
	int up;
} window = { Sec, NEVER, 0 };
static double every;              /* ms, from line to line of the trace */

static Measure measures[Nmeasures];
static Result result;
/* what -u compares, and what it counts; all processes share the results */
static const char *loads[] = { "cubic", "bbr", "cubic n=8", "cubic; game" };
static int nloads = LEN(loads);
static const double enough = 0.97, soon = 3; /* ratio; ms */
static const char *ownlinks;
static Pair *pairs, *pair;
static int nmeasures;
static char summary[4096];
static char logline[Nlog][256], logpart[200];
static int nlog, loglen;

static const Key confkeys[] = {
	{ "pkts",   offsetof(Conf, pkts), 1 },
	{ "police", offsetof(Conf, police), 1 },
	{ "delay",  offsetof(Conf, delay), 1 },
	{ "jitter", offsetof(Conf, jitter), 1 },
	{ "queue",  offsetof(Conf, queue), 1 },
	{ "loss",   offsetof(Conf, loss), 1 },
	{ "burst",  offsetof(Conf, burst), 1 },
	{ "silent", offsetof(Conf, silent), 1 },
	{ "conf",   offsetof(Conf, conf), 1 },
	{ "dup",    offsetof(Conf, dup), 1 },
	{ "swap",   offsetof(Conf, swap), 1 },
	{ "swapby", offsetof(Conf, swapby), 1 },
	{ "corrupt", offsetof(Conf, corrupt), 1 },
	{ "errors", offsetof(Conf, errors), 1 },
	{ "segloss", offsetof(Conf, segloss), 1 },
	{ "spike",  offsetof(Conf, spike), 3 },
	{ "shift",  offsetof(Conf, shift), 2 },
};
static const Key netkeys[] = {
	{ "gone",   offsetof(Net, gone), 1 },
	{ "mtu",    offsetof(Net, mtu), 1 },
	{ "prio",   offsetof(Net, prio), 1 },
	{ "nat",    offsetof(Net, nat), 1 },
	{ "host",   offsetof(Net, host), 1 },
	{ "addr",   offsetof(Net, addr), 1 },
};
/* those of them that are of Rate; how: what they make of it, or -1 */
static const struct { Key key; int how; } ratekeys[] = {
	{ { "rate",   offsetof(Rate, mbit), 1 },   Steady },
	{ { "walk",   offsetof(Rate, range), 3 },  Walk },
	{ { "jump",   offsetof(Rate, range), 3 },  Jump },
	{ { "outage", offsetof(Rate, outage), 2 }, -1 },
};
static const struct { const char *name; int error; } errornames[] = {
	{ "none", 0 }, { "ENOBUFS", ENOBUFS }, { "EAGAIN", EAGAIN },
	{ "EPERM", EPERM }, { "ENETUNREACH", ENETUNREACH },
	{ "EHOSTUNREACH", EHOSTUNREACH }, { "ECONNREFUSED", ECONNREFUSED },
	{ "ENODEV", ENODEV }, { "EINVAL", EINVAL }, { "EIO", EIO },
	{ "ENOMEM", ENOMEM }
};
static const struct {
	const char *name;
	int kind, cc, proto, port;
} kinds[] = {
	{ "cubic", KindTcp,  Cubic, Tcpip, 5201 },
	{ "bbr",   KindTcp,  Bbr,   Tcpip, 5201 },
	{ "web",   KindWeb,  Cubic, Tcpip, 80 },
	{ "game",  KindEcho, 0,     Udp,   27015 },
	{ "ping",  KindEcho, 0,     Icmp,  0 },
	{ "udp",   KindUdp,  0,     Udp,   443 },
	{ "quic",  KindQuic, 0,     Udp,   443 },
};
static const Key groupkeys[] = {
	{ "at",     offsetof(Group, at), 1 },
	{ "end",    offsetof(Group, end), 1 },
	{ "every",  offsetof(Group, every), 1 },
	{ "bytes",  offsetof(Group, bytes), 1 },
	{ "rate",   offsetof(Group, rate), 1 },
	{ "size",   offsetof(Group, size), 1 },
	{ "acks",   offsetof(Group, acks), 1 },
};

/* util */
static void
violate(const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (violations++ < 20)
		printf("# %s: seed %" PRIu64 ", %.6f s: %s\n", title, runseed,
		    simnow / 1e9, what);
}

/* splitmix64 */
static uint64_t
mix(uint64_t *s)
{
	uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static double
unit(uint64_t r)
{
	return (r >> 11) / 9007199254740992.0;
}

uint64_t
draw(void)
{
	return mix(&rng);
}

/* what an end logs: shown, or kept for when something fails */
static ssize_t
logwrite(void *cookie, const char *s, size_t n)
{
	size_t i;

	(void)cookie;
	for (i = 0; i < n; i++) {
		if (s[i] != '\n') {
			if (loglen < (int)sizeof(logpart) - 1)
				logpart[loglen++] = s[i];
			continue;
		}
		logpart[loglen] = '\0';
		loglen = 0;
		segmentoff += !!strstr(logpart, "UDP_SEGMENT is off");
		snprintf(logline[nlog++ % Nlog], sizeof(logline[0]),
		    "%.6f %s: %s", simnow / 1e9,
		    cur ? endname[cur - end] : "sim", logpart);
		if (verbose)
			puts(logline[(nlog - 1) % Nlog]);
	}
	return n;
}

static void *
need(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p) {
		fputs("sim: no memory\n", stderr);
		exit(2);
	}
	return p;
}

/* timers and packets */
void
timerinit(Timer *t, void (*fire)(void *), void *arg)
{
	t->at = NEVER;
	t->pos = -1;
	t->id = ntimers++;
	t->fire = fire;
	t->arg = arg;
}

static int
sooner(const Timer *a, const Timer *b)
{
	return a->at < b->at || (a->at == b->at && a->id < b->id);
}

static void
heapput(int i, Timer *t)
{
	heap[i] = t;
	t->pos = i;
}

static void
heapfix(int i)
{
	Timer *t = heap[i];
	int k;

	for (; i > 0 && sooner(t, heap[(i - 1) / 2]); i = (i - 1) / 2)
		heapput(i, heap[(i - 1) / 2]);
	for (; (k = 2 * i + 1) < nheap; i = k) {
		if (k + 1 < nheap && sooner(heap[k + 1], heap[k]))
			k++;
		if (!sooner(heap[k], t))
			break;
		heapput(i, heap[k]);
	}
	heapput(i, t);
}

void
timerset(Timer *t, int64_t at)
{
	Timer *last;
	int i = t->pos;

	t->at = at;
	if (at == NEVER && i >= 0) {
		t->pos = -1;
		last = heap[--nheap];
		if (last != t) {
			heapput(i, last);
			heapfix(i);
		}
	} else if (at != NEVER) {
		if (i < 0) {
			if (nheap == Ntimers)
				abort();
			heapput(i = nheap++, t);
		}
		heapfix(i);
	}
}

Buf *
bufnew(void)
{
	Buf *b = freebufs;

	if (b) {
		freebufs = b->next;
		return b;
	}
	if (nbufs++ == Nbufs) {
		fputs("sim: too many packets on their way\n", stderr);
		exit(2);
	}
	return need(1, sizeof(*b));
}

static void
buffree(Buf *b)
{
	b->next = freebufs;
	freebufs = b;
}

static void
fifoput(Fifo *f, Buf *b)
{
	b->next = NULL;
	if (f->tail)
		f->tail->next = b;
	else
		f->head = b;
	f->tail = b;
	f->len++;
}

static Buf *
fifoget(Fifo *f)
{
	Buf *b = f->head;

	if (!b)
		return NULL;
	if (!(f->head = b->next))
		f->tail = NULL;
	f->len--;
	return b;
}

static void
fifoclear(Fifo *f)
{
	Buf *b;

	while ((b = fifoget(f)))
		buffree(b);
}

/* of a packet that the host behind an end sends */
void
ipheader(uint8_t *d, int from, int proto, int len, int id, int ecn)
{
	static const uint8_t addr[2][4] = {
		{ 192, 168, 1, 100 }, { 203, 0, 113, 1 }
	};

	iphead(d, 0, proto, len, addr[from], addr[!from]);
	d[1] = ecn;
	put(d + 4, id, 2);
	put(d + 6, 0x4000, 2);
	ipfinish(d);
}

/* random bytes, or text; their sum for the checksum */
int
payload(uint8_t *d, uint32_t which, int len)
{
	int at = (which * UINT32_C(2654435761) >> 17) << 1;
	uint32_t s;

	memcpy(d, block[shrinks] + at, len);
	s = blocksum[shrinks][(at + len) / 2] - blocksum[shrinks][at / 2];
	if (len & 1)
		s += d[len - 1] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* invariants: nothing is invented or altered or comes twice, each flow is in
 * order, no packet waits for another flow's or longer than it should, express
 * packets do not wait, parity is rare and has a way of its own, flows do not
 * go to and fro, spare links are for need, pacers are obeyed, memory stays in
 * its pool */

static uint64_t
hash(const uint8_t *d, int len, uint64_t h)
{
	uint64_t a = h, b = ~h, w[2];

	for (; len >= 16; len -= 16, d += 16) {
		memcpy(w, d, 16);
		a = (a ^ w[0]) * UINT64_C(0x9e3779b97f4a7c15);
		b = (b ^ w[1]) * UINT64_C(0xc2b2ae3d27d4eb4f);
		a ^= a >> 32;
		b ^= b >> 29;
	}
	w[0] = w[1] = 0;
	memcpy(w, d, len);
	a = (a ^ w[0]) * UINT64_C(0x9e3779b97f4a7c15);
	b = (b ^ w[1]) * UINT64_C(0xc2b2ae3d27d4eb4f);
	return (a ^ a >> 32) + (b ^ b >> 29);
}

static int
issyn(const uint8_t *d)
{
	return d[9] == Tcpip && d[33] & 2;
}

/* which packet it is: the header without what may be changed: ECN, and in a
 * SYN the MSS, and their checksums */
static uint64_t
keyof(const uint8_t *d, int len)
{
	uint8_t h[64] = { 0 };

	memcpy(h, d, MIN(len, 56));
	h[1] &= 0xfc;
	h[10] = h[11] = 0;
	if (issyn(d))
		memset(h + 36, 0, sizeof(h) - 36);
	return hash(h, sizeof(h), len);
}

/* the port that names its flow */
static int
portof(const uint8_t *d, int from)
{
	if (d[9] == Icmp)
		return get(d + 24, 2);
	return get(d + (from == Client ? 20 : 22), 2);
}

static Seen *
seenfind(uint64_t key)
{
	int i;

	for (i = buckets[key % Nseen]; i >= 0; i = seen[i].next)
		if (seen[i].key == key)
			return &seen[i];
	return NULL;
}

static void
seenread(End *e, const uint8_t *d, int len)
{
	Seen *s = &seen[nseen % Nseen];
	SimLink l;
	int *at, i;

	if (nseen >= Nseen) {
		at = &buckets[s->key % Nseen];
		while (&seen[*at] != s)
			at = &seen[*at].next;
		*at = s->next;
	}
	s->key = keyof(d, len);
	s->body = issyn(d) ? 0 : hash(d + 20, len - 20, 0);
	s->time = simnow;
	s->end = e - end;
	s->port = portof(d, s->end);
	s->order = ++ordernext[s->end][s->port];
	s->len = len;
	s->ack = d[9] == Tcpip && !(d[33] & 7) &&
	    len == 20 + (d[32] >> 4) * 4;
	s->live = d[9] != Tcpip;
	s->data = d[9] == Tcpip && !s->ack && !issyn(d);
	s->quic = d[9] == Udp &&
	    (get(d + 20, 2) == 443 || get(d + 22, 2) == 443);
	s->patient = d[9] == Tcpip || s->quic;
	s->class = s->sent = s->done = 0;
	s->seq = 0;
	s->quick = -1;
	for (i = 0; i < SimLinks; i++) {
		e->side->link(i, &l);
		s->owd[i] = l.up ? l.owd : 0;
		s->rate[i] = l.rate;
		if (l.quick)
			s->quick = i;
	}
	s->best = bestlink(e);
	s->next = buckets[s->key % Nseen];
	buckets[s->key % Nseen] = nseen++ % Nseen;
}

/* the record of that seq in the session of an end, or NULL */
static Record *
recordof(int from, uint64_t seq)
{
	Record *r = &end[from].records[seq % Nrecords];

	return seq && r->seq == seq ? r : NULL;
}

/* seqs begin again */
static void
sessionbegin(End *e)
{
	memset(e->records, 0, Nrecords * sizeof(*e->records));
	e->top = 0;
	e->begun = simnow;
	memset(end[e == end].known, 0, sizeof(end[0].known));
}

/* Returns the record, which is made when the packet is first sent. Links are
 * served one after the other, so newer ones may be sent before. */
static Record *
recordsent(End *e, uint64_t seq, const Seen *s)
{
	Record *r = recordof(e - end, seq);

	if (seq <= e->top && (!r ||
	    (r->packet >= 0 && r->packet != s - seen)))
		sessionbegin(e);
	if (seq > e->top + Nrecords)
		e->top = seq - Nrecords;
	while (e->top < seq) {
		r = &e->records[++e->top % Nrecords];
		*r = (Record){ .seq = e->top, .packet = -1, .link = -1,
		    .came = NEVER, .missed = { NEVER, NEVER },
		    .passed = NEVER };
		if (e->top <= end[e == end].known[May])
			r->missed[May] = 0; /* told by a heartbeat */
	}
	return recordof(e - end, seq);
}

/* A flow goes away from the quick link once a second at most. It is where
 * three of four packets go, StayRun at least and for StayFor: that a full
 * quick link leaves some packets to others is no move. Nor is another quick
 * link, and after a pause a flow begins anew. If links move, or the quick one
 * is more than a quarter of the others, only packets for which the other side
 * had room say where the flow is: a heavy one takes all links. */
static void
staycheck(End *e, const Dir *dir, const Seen *s)
{
	Flow *f = flowat[s->port];
	Stay *t = f ? &f->stay[e - end] : NULL;
	int i, room[2] = { 0, 0 }, to = Nowhere;
	int64_t others = 0;

	if (!t || f->g->kind == KindEcho || s->ack || (!s->data && !s->live))
		return;
	if (dir->link == s->best)
		f->g->quick++;
	else
		f->g->away++;
	if (t->link != s->quick || simnow - t->last > StayPause * Ms)
		*t = (Stay){ .link = s->quick, .moves = t->moves };
	t->last = simnow;
	if (t->link < 0 || !s->owd[dir->link])
		return;
	for (i = 0; i < SimLinks; i++) {
		room[i == t->link] |= s->owd[i] &&
		    net[i].d[e - end].full < simnow - IdleSlack * Ms;
		others += s->owd[i] && i != t->link ? s->rate[i] : 0;
	}
	if (!restless && s->rate[t->link] <= others / 4)
		room[0] = room[1] = 1;
	if (dir->link == t->link)
		to = room[0] ? Near : Nowhere;
	else if (s->owd[dir->link] > s->owd[t->link] + StayFurther)
		to = room[1] ? Far : Nowhere;
	if (to == Nowhere || to == t->side) {
		t->run = MAX(t->run - 3, 0);
		return;
	}
	if (t->run++ == 0)
		t->from = simnow;
	if (t->run < StayRun || simnow - t->from < StayFor * Ms)
		return;
	if (to == Far && t->side == Near) {
		if (t->went && t->from - t->went < Sec - StayFor * Ms)
			violate("%s: a flow of port %d goes away from link %d "
			    "%.3f s after it did so before", endname[e - end],
			    s->port, t->link, (t->from - t->went) / 1e9);
		t->went = t->from;
		f->g->moves = MAX(f->g->moves, ++t->moves);
	}
	t->side = to;
	t->run = 0;
}

/* Is there no other link that could carry len bytes now: one that has been up
 * for some time, is not spare, and has had room; for backup links it need not
 * have room? The best link may be kept for those in a hurry. Returns -1, or
 * the number of that link. */
static int
needed(End *e, const Dir *dir, int len, int backup)
{
	const Dir *d;
	SimLink l, b;
	int i, others = 0, best = bestlink(e);
	int64_t slowest = 0;

	e->side->link(best, &b);
	for (i = 0; i < SimLinks; i++) {
		e->side->link(i, &l);
		others += net[i].there &&
		    net[i].d[e - end].spare >= simnow - Known * Ms;
		if (l.works)
			slowest = MAX(slowest, l.rate < SlowRate ?
			    l.rate / 2 : SlowRate);
	}
	for (i = 0; i < SimLinks; i++) {
		d = &net[i].d[e - end];
		e->side->link(i, &l);
		if (!net[i].there || d == dir || !l.up || len > l.payload ||
		    net[i].prio >= BackupPrio || !strcmp(l.state, "stalled") ||
		    d->down >= simnow - Known * Ms)
			continue;
		if (backup)
			return i;
		if (d->spare < simnow - Known * Ms || (i == best &&
		    others > 1) || l.owd > b.owd + Further * Ms / Us ||
		    d->c.delay > net[best].d[e - end].c.delay + Further ||
		    l.rate < slowest)
			continue;
		if (MAX(d->full, d->shut) < simnow - IdleSlack * Ms &&
		    d->shut < e->last)
			return i;
	}
	return -1;
}

/* A backup link carries no packets, copies, parities or repairs while another
 * link is up, a spare one only while others are full. */
static void
priocheck(End *e, const Dir *dir, int len)
{
	int backup = net[dir->link].prio >= BackupPrio, other;

	if (!backup && dir->spare >= simnow - Known * Ms)
		return;
	other = needed(e, dir, len, backup);
	if (other >= 0)
		violate("%s: link %d, of priority %d, carries %d bytes while "
		    "link %d, of %d, %s", endname[e - end], dir->link,
		    net[dir->link].prio, len, other, net[other].prio,
		    backup ? "is up" : "has room");
}

/* on its way for the first time, or again; a copy may go before */
static void
seensent(End *e, Dir *dir, const uint8_t *d, int len, uint64_t seq, int flags,
    int head)
{
	int after = flags & FlagOrder ? get(d, 2) : 0;
	int ip = flags & FlagOrder ? 2 : 0;
	const Record *o;
	Record *r;
	Seen *s;
	SimLink l;
	int64_t arrival;

	if (len < ip + 20 || (flags & FlagOrder && !after)) {
		violate("%s sends %d bytes, order %d", endname[e - end], len,
		    after);
		return;
	}
	s = seenfind(keyof(d + ip, len - ip));
	if (!s || s->end != e - end) {
		violate("%s sends a packet that it was not given",
		    endname[e - end]);
		return;
	}
	e->databytes += len;
	r = recordsent(e, seq, s);
	if (r->packet >= 0 && (r->after != after ||
	    r->covered != !!(flags & FlagParity)))
		violate("%s sends seq %" PRIu64 " of port %d again, order %d "
		    "was %d", endname[e - end], seq, s->port, after, r->after);
	if (r->packet < 0) {
		r->packet = s - seen;
		if (s->done) /* a parity had it */
			r->passed = simnow;
		r->after = after;
		r->covered = !!(flags & FlagParity);
		s->seq = seq;
		o = recordof(s->end, seq - MIN((uint64_t)after, seq));
		if (after && (!o || (o->packet >= 0 &&
		    seen[o->packet].port != s->port)))
			violate("%s: seq %" PRIu64 " of port %d follows %d "
			    "before, %s", endname[e - end], seq, s->port,
			    after, o ? "of another flow" : "which nobody sent");
	}
	s->sent++;
	priocheck(e, dir, len);
	if (!(flags & FlagRepair)) {
		dir->bins[simnow / Sec] += wirelen(HdrLen + len);
		staycheck(e, dir, s);
	}
	if (!(flags & FlagRepair) && s->class == Unknown) {
		r->link = dir->link;
		s->arrival = NEVER;
		s->class = !head ? Unknown : isexpress ? Express : Ordered;
		if (s->class == Ordered && (!dir->nbulk || simnow -
		    dir->bulk[(dir->nbulk - 1) % Nbulk] >= Ms))
			dir->bulk[dir->nbulk++ % Nbulk] = simnow;
		else if (s->class == Express && e->nexpress < Nexpress)
			e->express[e->nexpress++] = s - seen;
	}
	if (s->class != Express)
		return;
	e->side->link(dir->link, &l);
	arrival = simnow + l.owd * Us + (int64_t)(len * 8e9 / l.rate);
	s->arrival = MIN(s->arrival, arrival);
}

/* Without a key what the links alter comes out, and hosts drop it by the
 * checksums. */
static int
intact(const uint8_t *d, int len)
{
	const Seen *s;

	if (keyed || !damaged)
		return 1;
	if (len < 28 || get(d + 2, 2) != (uint64_t)len ||
	    ipsum(d) != 0xffff)
		return 0;
	s = seenfind(keyof(d, len));
	if (!s || s->done)
		return 0; /* with another seq it may come twice */
	return d[9] == Tcpip ?
	    checksum(d + 12, len - 12, Tcpip + len - 20) == 0xffff :
	    s->body == hash(d + 20, len - 20, 0);
}

/* Returns ns that a missing packet is waited for. */
static int64_t
patience(End *e, const Seen *s)
{
	SimStat st;

	e->side->stat(&st);
	return (s->patient ? st.reorderms : LiveWait) * (int64_t)Ms;
}

/* A packet leaves as soon as the one it follows has done so, or has been
 * missed for long enough; not before, and not a turn later. */
static void
waitcheck(End *e, const Seen *s)
{
	Record *r = recordof(s->end, s->seq), *o;
	int64_t due, limit, most = 0, wait;

	if (!r || r->packet != s - seen || (damaged && !keyed))
		return;
	r->passed = simnow;
	if (simnow - MAX(MAX(end[0].born, end[1].born), end[s->end].begun) <
	    Settle * (int64_t)Sec)
		return;
	due = r->came;
	o = r->after ? recordof(s->end, s->seq - r->after) : NULL;
	if (o) {
		limit = patience(e, s);
		if (o->packet >= 0 && /* else a parity may have had it */
		    o->passed == NEVER && (o->missed[May] == NEVER ||
		    simnow < o->missed[May] + limit - Ms) &&
		    e->known[May] - o->seq < RingMin)
			violate("%s delivers seq %" PRIu64 " of port %d, not "
			    "%" PRIu64 " before it, missed for %.1f ms",
			    endname[e - end], s->seq, s->port, o->seq,
			    o->missed[May] == NEVER ? 0 :
			    (simnow - o->missed[May]) / 1e6);
		if (o->missed[Must] != NEVER)
			limit += o->missed[Must] + Ms;
		else
			limit = NEVER;
		limit = MIN(limit, o->passed);
		/* what a parity has given may come again */
		if (!s->data && (r->came <= limit ||
		    s->time < e->resumed ||
		    simnow - e->parityread < LiveWait * Ms))
			most = FreeWait * Ms;
		due = MAX(MAX(due, limit), e->resumed);
		if (most && due != NEVER)
			most += (e->total - e->totals[due / Ms % Nms]) * Ms /
			    FreeRate;
	}
	if (due == NEVER)
		return;
	wait = simnow - MAX(MAX(due, e->resumed), MIN(e->goon, simnow));
	if (due + most < e->last || wait > most + LateWake * Ms)
		violate("%s delivers seq %" PRIu64 " of port %d %.3f ms late: "
		    "it came %.3f ms ago, %d before it %s",
		    endname[e - end], s->seq, s->port, (simnow - due) / 1e6,
		    (simnow - r->came) / 1e6, r->after, !o ? "is none" :
		    o->passed == NEVER ? "is lost" : "has passed");
}

/* Packets that have an order come in order, or were missed for long enough to
 * be given up. Those that were are counted as late; those before them of the
 * same flow may be, nobody knew that they were of this flow. */
static void
ordercheck(End *e, const Seen *s)
{
	const Record *r = recordof(s->end, s->seq);
	uint32_t *max = &ordermax[s->end][s->port];
	SimStat st;

	if (s->ack)
		return;
	e->light += s->data && s->class == Express;
	if (s->order > *max) {
		*max = s->order;
		return;
	}
	if ((s->class != Ordered && !s->data && !s->quic) ||
	    s->time < e->resumed) /* it was in a socket meanwhile */
		return;
	e->side->stat(&st);
	if ((++e->overtaken <= st.late - e->late && !s->quic) ||
	    (damaged && !keyed) || (r && r->missed[May] != NEVER &&
	    simnow >= r->missed[May] + patience(e, s) - Ms))
		return;
	if (s->quic)
		violate("%s delivers QUIC packet %u of port %d after %u",
		    endname[e - end], s->order, s->port, *max);
	else if (s->class == Ordered)
		violate("%s delivers packet %u of port %d after %u, and does "
		    "not count it as late", endname[e - end], s->order,
		    s->port, *max);
	else if (++e->toolate > Fewlate + e->light / 100 && !odd && !restless)
		violate("%s delivers %" PRIu64 " of %" PRIu64
		    " packets of light flows too late", endname[e - end],
		    e->toolate, e->light);
}

static void
seenwritten(End *e, const uint8_t *d, int len)
{
	Seen *s;

	if (len < 20 || ipsum(d) != 0xffff) {
		violate("%s: IP header of %d bytes is damaged",
		    endname[e - end], len);
		return;
	}
	if (d[9] == Icmp && d[20] == 3 && d[21] == 4)
		return; /* its own: fragmentation needed */
	s = seenfind(keyof(d, len));
	if (!s || s->end == e - end) {
		violate("%s delivers a packet that nobody sent",
		    endname[e - end]);
		return;
	}
	if (s->done++)
		violate("%s delivers a packet of port %d twice",
		    endname[e - end], s->port);
	if (!issyn(d) && s->body != hash(d + 20, len - 20, 0))
		violate("%s delivers an altered packet of port %d",
		    endname[e - end], s->port);
	if (s->class == Express && s->live)
		livemax = MAX(livemax, simnow - s->time);
	waitcheck(e, s);
	ordercheck(e, s);
	e->total += len;
}

/* the TUN did not take it, so nobody waits for it any longer */
static void
seenfailed(const uint8_t *d, int len)
{
	Seen *s = len < 20 ? NULL : seenfind(keyof(d, len));
	Record *r = s ? recordof(s->end, s->seq) : NULL;

	if (r && r->packet == s - seen)
		r->passed = simnow;
}

/* A parity is well formed and covers what was said to be covered, links have
 * lost something, and it takes only a part of what they carry. */
static void
paritysent(End *e, Dir *dir, const uint8_t *d, int len, uint64_t head,
    int flags)
{
	int i, n = head >> 56 & 127, list = head >> 63 ? 2 * (n - 1) : 0;
	int64_t lost = 0;
	uint64_t seq = head << 8 >> 8, last = seq, by;
	const Record *r;
	SimLink l;

	e->nparity += !stopped;
	e->paritybytes += len;
	priocheck(e, dir, len);
	if (n < 1 || n > 16 || len < (flags & FlagOrder ? 2 : 0) + 20 + list) {
		violate("%s sends a parity over %d packets in %d bytes",
		    endname[e - end], n, len);
		return;
	}
	for (i = 0; i < n; i++, seq -= by) {
		r = recordof(e - end, seq);
		by = i == n - 1 ? 0 : list ? get(d + len - list + 2 * i, 2) :
		    1;
		if ((!r && seq <= e->top) || /* else: about to be sent */
		    (r && r->packet >= 0 && !r->covered) ||
		    (i < n - 1 && (!by || by >= seq)))
			violate("%s sends a parity over seq %" PRIu64 ", which "
			    "is not covered", endname[e - end], seq);
	}
	if (parity == 2)
		return;
	for (i = 0; i < SimLinks; i++)
		lost += net[i].d[e - end].lost;
	if (!lost)
		violate("%s sends a parity, but no link loses",
		    endname[e - end]);
	e->side->link(dir->link, &l);
	dir->parity += HdrLen + len + UdpIp + Overhead;
	if (e->paritytat - simnow > ParityDepth * Ms)
		violate("%s sends more than %d parities a second",
		    endname[e - end], ParityPps);
	e->paritytat = MAX(e->paritytat, simnow) + Sec / ParityPps;
	if (e->nparities == Nparities)
		return;
	e->parities[e->nparities].seq = last;
	e->parities[e->nparities].link = dir->link;
	e->parities[e->nparities].left = dir->tat;
	e->parities[e->nparities++].len = len;
}

/* Is there no other link that was idle, and brings it about as soon? The
 * program's idea of delays may be another one, for a few. */
static void
parityplace(End *e, int which)
{
	int i, len = e->parities[which].len, link = e->parities[which].link;
	int64_t ns, same;
	SimLink l, o;

	e->side->link(link, &l);
	same = l.owd * Us + MAX(e->parities[which].left - simnow, 0);
	for (i = 0; i < SimLinks; i++) {
		e->side->link(i, &o);
		ns = MAX(net[i].d[e - end].tat - simnow, 0);
		if (i == link || !net[i].there || !o.up || ns > 0 ||
		    HdrLen + len + (keyed ? SealLen : 8) + UdpIp > net[i].mtu)
			continue;
		ns += o.owd * Us + (int64_t)(len * 8e9 / o.rate);
		if (llabs(ns - same) < ParityWait * Ms / 2 &&
		    ++e->misplaced > Fewlate + e->nparity / 20)
			violate("%s sends a parity by link %d as the last "
			    "packet, link %d brings it %.1f ms later",
			    endname[e - end], link, i, (ns - same) / 1e6);
	}
}

/* the parities of this turn, once all that they cover is sent */
static void
paritycheck(End *e)
{
	const Record *r;
	int i;

	for (i = 0; i < e->nparities; i++) {
		r = recordof(e - end, e->parities[i].seq);
		if (r && r->link == e->parities[i].link)
			parityplace(e, i);
	}
	e->nparities = 0;
}

/* Returns order and packet that a record of len bytes carries, if it is
 * compressed what it expands to, or NULL. */
static const uint8_t *
carried(const End *e, const uint8_t *d, int *len)
{
	static uint8_t plain[2 + 1500];
	int order = d[8] & FlagOrder ? 2 : 0, n;

	if (!(d[8] & FlagCompressed))
		return d + HdrLen;
	if (*len < order || (n = e->side->unsqueeze(plain + order, 1500,
	    d + HdrLen + order, *len - order)) < 0)
		return NULL;
	memcpy(plain, d + HdrLen, order);
	*len = order + n;
	return plain;
}

/* what a datagram carries of what was read from the TUN */
static void
seenrecords(End *e, Dir *dir, const uint8_t *d, int len)
{
	int flags, n, has, head = 1;
	const uint8_t *c;

	for (; len >= HdrLen; d += n, len -= n, head = 0) {
		flags = d[8];
		n = HdrLen + get(d + 9, 2);
		if (n > len) {
			violate("%s sends a record cut short", endname[e - end]);
			return;
		}
		has = n - HdrLen;
		if (flags & FlagCompressed && flags & FlagParity)
			violate("%s compresses what a parity covers",
			    endname[e - end]);
		if (flags & FlagData && !(c = carried(e, d, &has)))
			violate("%s sends what is no block", endname[e - end]);
		else if (flags & FlagData)
			seensent(e, dir, c, has, get(d, 8), flags, head);
		else if (flags & FlagParity && !(flags & FlagData))
			paritysent(e, dir, d + HdrLen, n - HdrLen, get(d, 8),
			    flags);
	}
}

/* An end may, or must, know now of all the peer's packets up to seq. */
static void
knows(End *e, int how, uint64_t seq)
{
	const End *o = &end[e == end];
	Record *r;

	seq = MIN(seq, o->top + Nrecords);
	if (e->known[how] + Nrecords < seq)
		e->known[how] = seq - Nrecords;
	while (e->known[how] < seq)
		if ((r = recordof(o - end, ++e->known[how])))
			r->missed[how] = simnow;
}

/* what a datagram tells that is read */
static void
readrecords(End *e, const uint8_t *d, int len)
{
	int from = e == end, flags, n, has, ip;
	const uint8_t *c;
	const Record *r;
	uint64_t seq;

	for (; len >= HdrLen; d += n, len -= n) {
		flags = d[8];
		seq = get(d, 8);
		n = HdrLen + get(d + 9, 2);
		has = n - HdrLen;
		ip = flags & FlagOrder ? 2 : 0;
		if (flags & FlagBeat && n >= HdrLen + BeatLen &&
		    !d[HdrLen + HelloAt])
			knows(e, May, get(d + HdrLen + NextAt, 8) - 1);
		if (flags & FlagParity && !(flags & FlagData)) {
			knows(e, May, seq << 8 >> 8);
			e->parityread = simnow;
		}
		if (!(flags & FlagData) || n > len ||
		    !(r = recordof(from, seq)) || r->packet < 0 ||
		    !(c = carried(e, d, &has)) ||
		    seen[r->packet].key != keyof(c + ip, has - ip))
			continue;
		knows(e, May, seq);
		if (e->nread < Nread)
			e->read[e->nread++] = seq;
	}
}

/* After a turn: what was read in it has come, unless something was dropped. */
static void
readcheck(End *e, int dropped)
{
	Record *r;
	int i;

	for (i = 0; i < e->nread && !dropped; i++) {
		knows(e, Must, e->read[i]);
		if ((r = recordof(e == end, e->read[i])))
			r->came = MIN(r->came, simnow);
	}
	e->nread = 0;
}

/* Sent at the pacer's rate: packets may start until the burst is used up.
 * Heartbeats and requests go whenever they like, but they count, except for
 * answers to hellos, as anybody may have sent those. What was refused goes
 * later all at once, it was paced before. */
static void
paced(End *e, Dir *d, const uint8_t *data, int len)
{
	SimLink l;
	int64_t ahead;

	if (data[8] & FlagBeat && data[HdrLen + HelloAt] == 2)
		return;
	e->side->link(d->link, &l);
	ahead = MAX(d->tat - simnow, 0);
	if (d->refused && simnow - d->refused < RefusedMax * Ms)
		ahead = MIN(ahead, l.burst);
	if (data[8] & (FlagData | FlagParity) && ahead > l.burst + 20 * Us)
		violate("%s: %s is %.3f ms ahead of its pacer, the burst is "
		    "%.3f", endname[e - end], l.name, ahead / 1e6,
		    l.burst / 1e6);
	d->tat = simnow + ahead +
	    (int64_t)((len + UdpIp + Overhead) * 8e9 / (l.rate * 1.0002));
	d->sent += len + UdpIp + Overhead;
	d->top = MAX(d->top, l.rate);
}

/* remember which links were busy */
static void
roomcheck(End *e)
{
	int i, dir = e - end;
	SimLink l, best;

	e->side->link(bestlink(e), &best);
	for (i = 0; i < SimLinks; i++) {
		if (!net[i].there)
			continue;
		e->side->link(i, &l);
		if (l.shut)
			net[i].d[dir].shut = simnow;
		if (!l.works || !best.up ||
		    l.score <= best.score + SpareScore)
			net[i].d[dir].spare = simnow;
		if (l.rate <= net[i].d[dir].slow ||
		    simnow - net[i].d[dir].slowtime > Sec) {
			net[i].d[dir].slow = l.rate;
			net[i].d[dir].slowtime = simnow;
		}
		if (!l.up || (net[i].gone && dir == Client) ||
		    (net[i].d[dir].refused && simnow -
		    net[i].d[dir].refused < 2 * RefusedMax * Ms))
			net[i].d[dir].down = simnow;
		else if (net[i].d[dir].tat > simnow)
			net[i].d[dir].full = simnow;
	}
}

/* when the packet could first have been sent by this link, because it was
 * idle or took bulk instead */
static int64_t
chance(const Dir *d, const Seen *s)
{
	int64_t from = MAX(s->time, d->down), at = MAX(from, d->full);
	unsigned i;

	for (i = d->nbulk - MIN(d->nbulk, Nbulk); i < d->nbulk; i++)
		if (d->bulk[i % Nbulk] > from && d->bulk[i % Nbulk] < at)
			at = d->bulk[i % Nbulk];
	return at;
}

/* the one with the least score */
static int
bestlink(End *e)
{
	int i, best = 0, least = INT_MAX;
	SimLink l;

	for (i = 0; i < SimLinks; i++) {
		e->side->link(i, &l);
		if (l.up && l.score < least) {
			best = i;
			least = l.score;
		}
	}
	return best;
}

/* How much has been learned about the links since the packet came, ns: a link
 * that died taught all, and so did another that is the best one now. A packet
 * waits at most for what the best link is quicker, and longer by as much as
 * that turns out to be slower than thought. */
static int64_t
learned(End *e, const Seen *s)
{
	const Dir *d = &net[s->best].d[e - end];
	int64_t most = 0, quicker = 0;
	SimLink l, b;
	int i;

	if (s->best != bestlink(e))
		return NEVER / 2;
	e->side->link(s->best, &b);
	if (d->slowtime >= s->time)
		b.rate = MIN(b.rate, d->slow);
	for (i = 0; i < SimLinks; i++) {
		e->side->link(i, &l);
		if (s->owd[i] && !l.up)
			return NEVER / 2;
		if (!s->owd[i])
			continue;
		most = MAX(most, llabs(l.owd - s->owd[i]) * Us);
		quicker = MAX(quicker, (l.owd - b.owd) * Us);
	}
	return most + (int64_t)(quicker *
	    MAX(1.0 * s->rate[s->best] / b.rate - 1, 0));
}

/* Express packets that were sent in this turn may have waited for a better
 * link, but not when another would have brought them there sooner, by what
 * was known then. */
static void
expresscheck(End *e)
{
	const Seen *s;
	int64_t at, most, sooner;
	SimLink l;
	int i, k;

	for (i = 0; i < e->nexpress; i++) {
		s = &seen[e->express[i]];
		most = (s->ack ? AckWait : ExpressWait) * Ms *
		    (restless ? 2 : 1) + learned(e, s) +
		    (simnow - s->time) / Unforeseen;
		for (k = 0; simnow - s->time > most && k < SimLinks; k++) {
			if (!net[k].there)
				continue;
			e->side->link(k, &l);
			at = chance(&net[k].d[e - end], s);
			sooner = s->arrival - at - l.owd * Us -
			    (int64_t)(s->len * 8e9 / l.rate);
			if (!l.up || simnow - at <= most || sooner <= most)
				continue;
			violate("%s: an express packet%s waited %.1f ms, and "
			    "by %s would have been there %.1f ms sooner",
			    endname[e - end], s->ack ? " (ACK)" : "",
			    (simnow - s->time) / 1e6, l.name, sooner / 1e6);
			break;
		}
	}
	e->nexpress = 0;
}

static void
poolcheck(End *e, int atend)
{
	SimStat s;
	int i, files = 0;

	if (!e->running)
		return;
	e->side->stat(&s);
	e->held = MAX(e->held, s.held);
	for (i = 0; i < Nfds; i++)
		files += fds[i].kind && fds[i].end == e - end;
	if (files > SimLinks + 9)
		violate("%s has %d files open", endname[e - end], files);
	if (s.held < 0 || s.held > s.pool)
		violate("%s: the list of free packets is broken",
		    endname[e - end]);
	if (s.nopool)
		violate("%s: the pool was empty %" PRIu64 " times",
		    endname[e - end], s.nopool);
	if (e->idle > MaxIdle)
		violate("%s wakes for nothing %d times in 100 ms",
		    endname[e - end], e->idle);
	e->idle = 0;
	if (atend && s.held != 0)
		violate("%s: at the end %d packets are in use; %d queued, %d "
		    "express, %d ACKs, %d to be sent again", endname[e - end],
		    s.held, s.queued, s.express, s.acks, s.again);
}

/* to both TUNs since an end was started? */
static void
delivered(End *e)
{
	int64_t born = MAX(end[0].born, end[1].born);

	if (e->delivered)
		return;
	e->delivered = 1;
	if (end[0].delivered && end[1].delivered && born > Sec) {
		backmax = MAX(backmax, simnow - born);
		if (verbose)
			printf("%.6f back: %.1f ms after the start\n",
			    simnow / 1e9, (simnow - born) / 1e6);
	}
}

/* the first data that a TCP flow has got since */
static void
tcpback(void)
{
	int64_t born = MAX(end[0].born, end[1].born);

	if (end[0].tcp || born < Sec || !end[0].running || !end[1].running)
		return;
	end[0].tcp = 1;
	tcpmax = MAX(tcpmax, simnow - born);
}

/* has it an outage, or had one within a second? */
static int
wasout(Move *m)
{
	int i = pieceat(m, simnow);

	for (; i >= 0 && pieceend(m, i) > simnow - Sec; i--)
		if (m->pieces[i].out)
			return 1;
	return 0;
}

/* ms that a packet may take */
static double
longest(const Conf *c)
{
	int moves = c->rate.how == Walk || c->rate.how == Jump;
	double least = c->rate.trace ? 1 : moves ? c->rate.range[0] :
	    c->rate.mbit, queue = c->queue;

	if (c->pkts && least)
		queue = c->pkts * Opportunity / 125 / least;
	else if (moves)
		queue *= c->rate.range[1] / least;
	return queue + c->delay + c->jitter + c->swapby + c->spike[2] +
	    c->shift[1] + (c->delays ? Foresight : 0);
}

/* can it carry anything both ways? */
static int
serves(Net *n)
{
	const Conf *c;
	int i;

	if (!n->there || n->gone || n->mtu < 576)
		return 0;
	for (i = 0; i < 2; i++) {
		c = &n->d[i].c;
		if (wasout(&n->d[i].move))
			return 0;
		if (c->silent || c->error || c->loss > 10 || c->corrupt > 10 ||
		    c->swap > 20 || (!keyed && n->host))
			return 0;
	}
	return keyed || !n->addr;
}

/* something has changed, what is sent from now on is to be answered */
static void
happened(void)
{
	changed = simnow;
	answer = 0;
}

/* As long as a link serves, and both ends run, there are answers again after
 * some RTTs, or when a dead link had time for a new socket. */
static void
wellcheck(void)
{
	int64_t limit = Recover * Ms;
	int i, k, n = 0;

	for (i = 0; i < SimLinks; i++) {
		n += serves(&net[i]);
		for (k = 0; k < 2 && net[i].there; k++)
			limit = MAX(limit, (int64_t)(Recover + 16 *
			    longest(&net[i].d[k].c)) * Ms);
	}
	for (k = 0; k < 2; k++)
		if (!end[k].running || end[k].tunerror || end[k].paused)
			n = 0;
	if (!n || stopped || simnow < watched)
		happened();
	if (changed - reopened < 5 * (int64_t)Sec)
		limit += 4 * (int64_t)Sec;
	if (simnow - MAX(changed, answered) > limit) {
		violate("no answer for %.3f s, and none to what was sent "
		    "since %.3f s", (simnow - answered) / 1e9, changed / 1e9);
		happened();
	}
}

/* at the host that had sent it then */
static void
answerarrive(int64_t sent)
{
	if (sent < changed)
		return;
	answered = simnow;
	if (answer++)
		return;
	healmax = MAX(healmax, simnow - changed);
	if (verbose)
		printf("%.6f answered: %.1f ms after the last change\n",
		    simnow / 1e9, (simnow - changed) / 1e6);
}

/* moving: what a link carries from time to time */

/* a trace: the ms at which Opportunity bytes may leave; or delays: the ms and
 * the delay from then on, in ms */
static const Series *
seriesread(const char *name, int delays)
{
	FILE *f = fopen(name, "r");
	Series *s = need(1, sizeof(*s));
	char line[64];
	int64_t ms = 0, last = 0, i = 0;
	double v = 0;

	if (!f)
		bad(name);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNd64 " %lf", &ms, &v) < 1 + delays ||
		    ms < last || ms > INT32_MAX)
			bad(name);
		last = ms;
	}
	s->period = delays ? MAX((last + 999) / 1000 * 1000, 1000) : last;
	if (!s->period)
		bad(name);
	s->v = need(s->period + 1, sizeof(*s->v));
	/* before the first delay the last one holds */
	for (rewind(f); fgets(line, sizeof(line), f); ) {
		ms = strtoll(line, NULL, 10);
		if (!delays)
			s->v[ms % s->period + 1] += Opportunity;
		for (; delays && i < ms; i++)
			s->v[i] = v;
		sscanf(line, "%*s %lf", &v);
	}
	for (; i <= s->period; i++)
		s->v[i] = delays ? v : s->v[i] + (i ? s->v[i - 1] : 0);
	fclose(f);
	return s;
}

/* von Neumann's way, which needs no logarithm */
static double
exponential(uint64_t *r, double mean)
{
	double x, last, next;
	int i, n;

	for (i = 0; ; i++) {
		x = last = unit(mix(r));
		for (n = 1; (next = unit(mix(r))) < last; n++)
			last = next;
		if (n % 2)
			return (i + x) * mean;
	}
}

static double
root(double x)
{
	double r = x + 1;
	int i;

	for (i = 0; i < 64; i++)
		r = (r + x / r) / 2;
	return r;
}

/* Returns lo to hi for u from 0 to 1, evenly in its logarithm. */
static double
between(double lo, double hi, double u)
{
	double step = hi / lo;
	int i;

	for (i = 0; i < 32; i++) {
		step = root(step);
		u *= 2;
		if (u < 1)
			continue;
		u--;
		lo *= step;
	}
	return lo;
}

static void
pieceput(Move *m, Piece p)
{
	if (m->n % 64 == 0 && !(m->pieces = realloc(m->pieces, (m->n + 64) *
	    sizeof(p))))
		exit(2);
	m->pieces[m->n++] = p;
}

/* the next piece: the rate changes, or an outage begins or ends */
static void
piecemake(Move *m)
{
	int64_t at = MIN(m->step, m->toggle);
	const double *range = m->r.range;
	double u;

	if (at == m->step) {
		u = unit(mix(&m->rng[0]));
		m->step += range[2] * Ms;
		m->mbit = m->r.how == Jump ?
		    range[0] + u * (range[1] - range[0]) :
		    m->mbit * between(0.5, 2, u);
		while (m->mbit < range[0] || m->mbit > range[1])
			m->mbit = range[m->mbit > range[1]] / m->mbit *
			    range[m->mbit > range[1]];
	}
	if (at == m->toggle) {
		m->out = !m->out;
		m->toggle += exponential(&m->rng[1], m->r.outage[m->out]) *
		    Ms + 1;
	}
	pieceput(m, (Piece){ at, m->mbit, m->out, m->r.trace });
}

static int
pieceat(Move *m, int64_t t)
{
	int i;

	while (MIN(m->step, m->toggle) <= t)
		piecemake(m);
	for (i = m->n - 1; i > 0 && m->pieces[i].at > t; i--)
		;
	return i;
}

static int64_t
pieceend(const Move *m, int i)
{
	return i + 1 < m->n ? m->pieces[i + 1].at : MIN(m->step, m->toggle);
}

/* bytes that may leave in the ms that begin before t */
static double
opportunities(const Series *s, int64_t t)
{
	int64_t ms = (t + Ms - 1) / Ms;

	return ms / s->period * s->v[s->period] + s->v[ms % s->period];
}

/* bytes that may leave from a time to another */
static double
capacity(Move *m, int64_t from, int64_t to)
{
	const Piece *p;
	int64_t till;
	double sum = 0;
	int i;

	for (; from < to; from = till) {
		i = pieceat(m, from);
		p = &m->pieces[i];
		till = MIN(pieceend(m, i), to);
		if (!p->out)
			sum += p->trace ? opportunities(p->trace, till) -
			    opportunities(p->trace, from) :
			    (till - from) * p->rate / 8000;
	}
	return sum;
}

/* a packet may take what other packets have left of its ms */
static int64_t
traceserve(Move *m, int64_t t, double bytes)
{
	int64_t ms = t / Ms;

	if (ms != m->ms)
		m->left = capacity(m, ms * Ms, ms * Ms + 1);
	for (; bytes > m->left; ms++) {
		bytes -= m->left;
		m->left = capacity(m, (ms + 1) * Ms, (ms + 1) * Ms + 1);
	}
	m->left -= bytes;
	m->ms = ms;
	return MAX(t, ms * Ms);
}

/* when the last of so many bytes leaves, if the first does not before t */
static int64_t
serve(Move *m, int64_t t, double bytes)
{
	const Piece *p;
	int64_t till;
	double room;
	int i;

	for (; ; t = till) {
		i = pieceat(m, t);
		p = &m->pieces[i];
		till = pieceend(m, i);
		if (p->trace)
			return traceserve(m, t, bytes);
		room = p->out ? 0 : (till - t) * p->rate / 8000;
		if (bytes <= room)
			break;
		bytes -= room;
	}
	t += bytes * 8000 / p->rate;
	return t;
}

/* From now on it moves as its Rate says, and so does what waits. The pieces
 * until now are kept for capacity(). */
static void
moveset(Dir *d)
{
	Move was = d->move, *m = &d->move;
	const Rate *r = &d->c.rate;
	int i;

	memset(m, 0, sizeof(*m));
	m->r = *r;
	m->rng[0] = d->seed + 1;
	m->rng[1] = d->seed + 2;
	m->ms = -1;
	for (i = 0; i < was.n && was.pieces[i].at < simnow; i++)
		pieceput(m, was.pieces[i]);
	m->mbit = r->mbit ? r->mbit : Nolimit;
	if (r->how == Walk)
		m->mbit = root(r->range[0] * r->range[1]);
	if (r->trace)
		m->mbit = r->trace->v[r->trace->period] * 8e-3 /
		    r->trace->period;
	m->step = m->toggle = NEVER;
	if (r->how == Walk || r->how == Jump)
		m->step = simnow + (int64_t)(r->range[2] * Ms);
	if (r->how == Jump)
		m->step = simnow;
	if (r->outage[0])
		m->toggle = simnow + exponential(&m->rng[1], r->outage[0]) * Ms + 1;
	if (r->how != Jump)
		pieceput(m, (Piece){ simnow, m->mbit, 0, r->trace });
	requeue(d, &was);
	free(was.pieces);
}

/* What waits for its departure leaves at another rate. */
static void
requeue(Dir *d, Move *was)
{
	int64_t t = simnow, deliver = 0;
	double done = 0, bytes;
	Buf *b;

	memset(d->departs, 0, sizeof(d->departs));
	for (b = d->q.head; b; b = b->next) {
		if (b->depart > simnow) {
			bytes = capacity(was, simnow, b->depart);
			t = b->depart = serve(&d->move, t, bytes - done);
			done = bytes;
			b->deliver = MAX(b->depart + b->hold, deliver);
			d->departs[d->nput++ % Npkts] = t;
		}
		deliver = b->deliver;
	}
	if (d->depart > simnow)
		d->depart = serve(&d->move, t,
		    capacity(was, simnow, d->depart) - done);
	if (deliver)
		d->deliver = deliver;
	if (d->q.head)
		timerset(&d->timer, d->q.head->deliver);
}

/* links: as those of linkem.c. Departure and delivery are known when a packet
 * is sent. */

/* bytes that it takes of a link */
static int
wirelen(int len)
{
	return len + Overhead + (raw ? 0 : UdpIp);
}

/* 0 or an error */
static int
linksend(End *e, Fd *f, const uint8_t *data, int len, int to)
{
	Net *n;
	Dir *d;
	int from;
	uint64_t key = 0;

	if (f->link < 0)
		return EDESTADDRREQ;
	n = &net[f->link];
	d = &n->d[e - end];
	e->sent++;
	if (n->gone && e == &end[Client])
		return ENODEV;
	if (d->c.error && unit(mix(&d->rng)) * 100 < d->c.errors) {
		d->refused = simnow;
		d->lost++;
		return d->c.error;
	}
	if (len + UdpIp > n->mtu) {
		d->refused = simnow; /* but the pacer has counted it */
		return EMSGSIZE;
	}
	opened = e->side->open(plain, data, len, &key);
	if (opened < 0) {
		violate("%s seals by another key", endname[e - end]);
		opened = 0;
	}
	if (keyed)
		sealcheck(e, n, data, len, key);
	paced(e, d, plain, len);
	seenrecords(e, d, plain, opened);
	from = e == &end[Server] ? f->port :
	    f->addr == n->addr ? outside(f, n) : -1;
	linkcarry(d, data, len, from, to);
	return 0;
}

/* The length of a sealed datagram says little, unless it is the most that the
 * link takes, or took once; and no count is used twice with one key: they go
 * up. */
static void
sealcheck(End *e, const Net *n, const uint8_t *d, int len, uint64_t key)
{
	static int leastmtu[SimLinks];
	uint64_t count = get(d, 8) & UINT64_MAX >> 8;
	int i, *least = &leastmtu[n - net];

	*least = *least ? MIN(*least, n->mtu) : MIN(1280, n->mtu);
	if ((len - SealLen - (d[8] & 3 ? 40 : 0)) % 16 &&
	    len + UdpIp < 1280 && len + UdpIp != *least)
		violate("%s sends %d bytes", endname[e - end], len);
	for (i = 0; i < Nkeys && e->keys[i].key != key; i++)
		;
	if (i == Nkeys) {
		i = e->nkeys++ % Nkeys;
		e->keys[i].key = key;
		e->keys[i].count = 0;
	}
	if (count <= e->keys[i].count)
		violate("%s counts %d after %d", endname[e - end], (int)count,
		    (int)e->keys[i].count);
	e->keys[i].count = count;
}

/* sent, but it may not arrive; with a false address, -1, it does not */
static void
linkcarry(Dir *d, const uint8_t *data, int len, int from, int to)
{
	int lost = lose(d) || vanishes || d->c.silent ||
	    net[d->link].gone || from < 0;

	d->lost += lost;
	d->bytes += wirelen(len);
	if (!stopped)
		d->allbytes += wirelen(len);
	if (lost || full(d, wirelen(len))) {
		d->lost += !lost;
		return;
	}
	linkput(d, data, len, from, to);
	if (d->c.dup && unit(mix(&d->rng)) * 100 < d->c.dup)
		linkput(d, data, len, from, to);
}

static void
linkput(Dir *d, const uint8_t *data, int len, int from, int to)
{
	Buf *b = bufnew(), **at;
	uint64_t r;

	memcpy(b->data, data, len);
	b->len = len;
	memcpy(b->plain, plain, opened);
	b->plainlen = opened;
	b->from = from;
	b->to = to;
	b->damaged = 0;
	if (d->c.corrupt && unit(mix(&d->rng)) * 100 < d->c.corrupt) {
		if (raw) { /* who gets it would drop it */
			buffree(b);
			return;
		}
		r = mix(&d->rng);
		b->damaged = damaged = 1;
		d->lost++;
		odd |= !keyed;
		b->data[r % len] ^= 1 << (r >> 32) % 8;
		if (r >> 40 & 1)
			b->len -= (r >> 48) % len;
	}
	d->wait = MAX(d->wait, waits(d));
	if (!stopped)
		d->waitmax = MAX(d->waitmax, d->wait);
	d->depart = serve(&d->move, MAX(simnow, d->depart), wirelen(len));
	b->depart = d->c.police ? simnow : d->depart;
	d->departs[d->nput++ % Npkts] = b->depart;
	if (b->depart >= window.from && b->depart < window.to)
		d->used += wirelen(len);
	b->hold = (d->c.delay + extra(d, b->depart) +
	    d->c.jitter * unit(mix(&d->rng))) * Ms;
	if (d->c.swap && unit(mix(&d->rng)) * 100 < d->c.swap) {
		b->deliver = b->depart + b->hold +
		    d->c.swapby * unit(mix(&d->rng)) * Ms;
		d->lost++;
		for (at = &d->odd.head; *at && (*at)->deliver <= b->deliver;
		    at = &(*at)->next)
			;
		b->next = *at;
		*at = b;
		timerset(&d->oddtimer, d->odd.head->deliver);
		return;
	}
	b->deliver = d->deliver = MAX(b->depart + b->hold, d->deliver);
	fifoput(&d->q, b);
	if (d->q.head == b)
		timerset(&d->timer, b->deliver);
}

/* port and address of a client's socket, as the server sees them */
static int
outside(const Fd *f, const Net *n)
{
	int host = n->host + n->addr;

	return ((f->port + n->nat * Natport) & 0xffff) |
	    (host ? 100 + host : 1) << 16;
}

/* Gilbert-Elliott: the bad state loses all, its mean length is burst */
static int
lose(Dir *d)
{
	double p = d->c.loss / 100, n = d->c.burst, u = unit(mix(&d->rng));

	if (n <= 1 || p >= 1)
		return u < p;
	d->bad = d->bad ? u >= 1 / n : u < p / (n * (1 - p));
	return d->bad;
}

/* has the queue no room, or the policer no tokens? */
static int
full(Dir *d, int bytes)
{
	double waiting = capacity(&d->move, simnow, d->depart), perms;
	int at = pieceat(&d->move, simnow);
	const Piece *p = &d->move.pieces[at];

	perms = p->rate * 125;
	if (d->c.police)
		return p->out || waiting + bytes > d->c.police * perms;
	if (d->c.pkts)
		return d->departs[(d->nput - (unsigned)d->c.pkts) % Npkts] >
		    simnow;
	return waiting > d->c.queue * perms;
}

/* ns until all that it has has left */
static int64_t
waits(const Dir *d)
{
	return d->c.police ? 0 : MAX(d->depart - simnow, 0);
}

/* Returns ms: each period ends with its spike; another delay from shift to
 * shift; what a file says. */
static double
extra(const Dir *d, int64_t t)
{
	const double *s = d->c.spike;
	int64_t period = s[0] * Ms, shift = d->c.shift[0] * Ms;
	uint64_t r = d->seed + (shift ? t / shift : 0);
	double ms = 0;

	if (period && t % period >= period - s[1] * Ms)
		ms += s[2];
	if (shift)
		ms += unit(mix(&r)) * d->c.shift[1];
	if (d->c.delays) {
		period = (d->c.rate.trace ? d->c.rate.trace :
		    d->c.delays)->period;
		ms += d->c.delays->v[MIN(t / Ms % period,
		    d->c.delays->period)];
	}
	return ms;
}

/* into the socket, if there is one and it has room */
static void
arrive(Dir *d, Buf *b)
{
	Net *n = &net[d->link];
	Fd *f = n->fd[d->to] ? &fds[n->fd[d->to] - FdBase] : NULL;

	if (raw && !n->gone && b->len <= n->mtu) {
		pipeput(&end[d->to].out, b, HostDelay);
		return;
	}
	if (!f || n->gone || f->in.len >= SocketMax || b->to !=
	    (d->to == Client ? outside(f, n) : f->port) ||
	    (d->to == Client && f->addr != n->addr)) {
		d->lost++;
		buffree(b);
		return;
	}
	fifoput(&f->in, b);
	wakeup(&end[d->to]);
}

static void
linkarrive(void *arg)
{
	Dir *d = arg;
	Buf *b;

	while ((b = d->q.head) && b->deliver <= simnow) {
		fifoget(&d->q);
		arrive(d, b);
	}
	timerset(&d->timer, b ? b->deliver : NEVER);
}

static void
oddarrive(void *arg)
{
	Dir *d = arg;
	Buf *b;

	while ((b = d->odd.head) && b->deliver <= simnow) {
		d->odd.head = b->next;
		arrive(d, b);
	}
	timerset(&d->oddtimer, b ? b->deliver : NEVER);
}

/* hosts */
static void
pipeput(Pipe *p, Buf *b, int delay)
{
	b->deliver = simnow + delay;
	fifoput(&p->q, b);
	if (p->q.head == b)
		timerset(&p->timer, b->deliver);
}

void
hostsend(int from, Buf *b)
{
	pipeput(&end[from].in, b, HostDelay);
}

static void
pipefire(void *arg)
{
	Pipe *p = arg;
	End *e = &end[p->end];
	Buf *b;

	while ((b = p->q.head) && b->deliver <= simnow) {
		fifoget(&p->q);
		if (p->out) {
			hostarrive(p->end, b);
		} else if (raw) {
			linkcarry(&net[0].d[p->end], b->data, b->len, 0, 0);
			buffree(b);
		} else if (!e->running || e->tun.len >= e->qlen) {
			e->tundrops += e->running;
			buffree(b);
		} else {
			fifoput(&e->tun, b);
			wakeup(e);
		}
	}
	timerset(&p->timer, b ? b->deliver : NEVER);
}

static void
hostarrive(int at, Buf *b)
{
	Flow *f = flowat[portof(b->data, !at)];

	if (!f || b->data[9] != f->g->proto) {
		buffree(b);
		return;
	}
	switch (f->g->kind) {
	case KindTcp:
	case KindWeb:
		if (!stopped)
			tcpinput(&f->tcp[at], b->data, b->len);
		buffree(b);
		break;
	case KindEcho:
		echoarrive(at, f, b);
		break;
	case KindUdp:
		udparrive(f, b);
		break;
	case KindQuic:
		if (!stopped)
			quicinput(&f->quic[at], b->data);
		buffree(b);
		break;
	}
}

/* system calls */
static Fd *
fdof(int fd)
{
	if (fd < FdBase || fd >= FdBase + Nfds || !fds[fd - FdBase].kind) {
		violate("%s uses file descriptor %d, which is closed",
		    endname[cur - end], fd);
		fd = FdBase + Nfds - 1;
	}
	return &fds[fd - FdBase];
}

static int
fdnew(int kind)
{
	int i;

	for (i = 0; i < Nfds - 1; i++) {
		if (fds[i].kind)
			continue;
		memset(&fds[i], 0, sizeof(fds[i]));
		fds[i].kind = kind;
		fds[i].end = cur - end;
		fds[i].link = -1;
		return FdBase + i;
	}
	violate("%s has too many files open", endname[cur - end]);
	errno = EMFILE;
	return -1;
}

/* the link that has an address, 10.200.LINK.END */
static int
linkof(const struct sockaddr *sa)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;
	uint32_t a = ntohl(sin->sin_addr.s_addr);
	int link = a >> 8 & 255;

	if (sa->sa_family != AF_INET || a >> 16 != 0x0ac8 || link >= SimLinks ||
	    !net[link].there)
		return -1;
	return link;
}

/* where the server sends to, port and last byte of the address; the client's
 * sockets are connected */
static int
placeof(const void *name, const Fd *f)
{
	const struct sockaddr_in *sin = name;

	if (!sin || f->end == Client)
		return 9001 + f->link;
	return ntohs(sin->sin_port) |
	    (ntohl(sin->sin_addr.s_addr) & 255) << 16;
}

int
fake_clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t t = simnow + cur->offset;

	if (cur == &end[Server])
		t += simnow * drift;
	if (id == CLOCK_REALTIME)
		violate("%s reads the wall clock", endname[cur - end]);
	ts->tv_sec = t / Sec;
	ts->tv_nsec = t % Sec;
	return 0;
}

int
fake_getrandom(void *buf, size_t len)
{
	uint64_t r;
	size_t i;

	for (i = 0; i < len; i += sizeof(r)) {
		r = draw();
		memcpy((char *)buf + i, &r, MIN(sizeof(r), len - i));
	}
	return len;
}

int
fake_open(const char *name)
{
	if (!strcmp(name, "/dev/net/tun"))
		return fdnew(FdTun);
	if (!strcmp(name, "key"))
		return fdnew(FdKey);
	errno = ENOENT;
	return -1;
}

int
fake_fstat(int fd, struct stat *st)
{
	fdof(fd);
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFREG | 0600;
	return 0;
}

int
fake_read(int fd, void *buf, size_t len)
{
	static const char key[] = "00112233445566778899aabbccddeeff"
	    "ffeeddccbbaa99887766554433221100\n";
	Fd *f = fdof(fd);
	Buf *b;

	if (f->kind == FdKey) {
		memcpy(buf, key, MIN(len, sizeof(key) - 1));
		return MIN(len, sizeof(key) - 1);
	}
	if (f->kind != FdTun || !(b = fifoget(&cur->tun))) {
		errno = EAGAIN;
		return -1;
	}
	if (cur->tunerror) {
		buffree(b);
		errno = cur->tunerror;
		return -1;
	}
	len = MIN(len, (size_t)b->len);
	memcpy(buf, b->data, len);
	seenread(cur, buf, len);
	buffree(b);
	return len;
}

int
fake_write(int fd, const void *buf, size_t len)
{
	Buf *b;

	if (fd == 2) /* what it logs */
		return fwrite(buf, 1, len, fake_log);
	if (fdof(fd)->kind == FdOther)
		return len;
	if (fdof(fd)->kind != FdTun || len > sizeof(b->data)) {
		errno = EINVAL;
		return -1;
	}
	if (cur->tunerror) {
		seenfailed(buf, len);
		errno = cur->tunerror;
		return -1;
	}
	if (!intact(buf, len))
		return len;
	seenwritten(cur, buf, len);
	delivered(cur);
	b = bufnew();
	memcpy(b->data, buf, len);
	b->len = len;
	pipeput(&cur->out, b, HostDelay);
	return len;
}

int
fake_close(int fd)
{
	Fd *f;

	if (fd < 0) {
		errno = EBADF;
		return -1;
	}
	f = fdof(fd);
	fifoclear(&f->in);
	if (f->link >= 0 && net[f->link].fd[f->end] == fd)
		net[f->link].fd[f->end] = 0;
	f->kind = FdFree;
	return 0;
}

int
fake_ioctl(int fd, unsigned long what, void *arg)
{
	struct ifreq *ifr = arg;
	int i = 0;

	fdof(fd);
	switch (what) {
	case TUNSETIFF:
		if (!(ifr->ifr_flags & IFF_VNET_HDR))
			return 0;
		/* FALLTHROUGH */
	case TUNSETOFFLOAD:
	case TUNSETVNETHDRSZ:
		errno = EINVAL;
		return -1;
	case TUNGETFEATURES:
		*(unsigned *)arg = IFF_TUN | IFF_NO_PI;
		return 0;
	case SIOCSIFTXQLEN:
		cur->qlen = ifr->ifr_qlen;
		return 0;
	case SIOCGIFNAME:
		snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "wg%d",
		    ifr->ifr_ifindex - 1);
		return 0;
	case SIOCGIFMTU:
		if (sscanf(ifr->ifr_name, "wg%d", &i) != 1)
			return -1;
		ifr->ifr_mtu = net[i].mtu;
		return 0;
	}
	return 0;
}

int
fake_socket(int family)
{
	if (family == AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return fdnew(family == AF_INET ? FdSocket : FdOther);
}

int
fake_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	Fd *f = fdof(fd);
	int link;

	(void)len;
	if (f->kind == FdOther)
		return 0;
	if ((link = linkof(sa)) < 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	f->link = link;
	f->port = ntohs(((const struct sockaddr_in *)sa)->sin_port);
	if (!f->port)
		f->port = nextport++;
	net[link].fd[f->end] = fd;
	return 0;
}

int
fake_connect(int fd, const struct sockaddr *sa)
{
	Fd *f = fdof(fd);
	int link = linkof(sa);

	if (link < 0) {
		errno = ENETUNREACH;
		return -1;
	}
	f->link = link;
	f->addr = net[link].addr;
	return 0;
}

int
fake_setsockopt(int fd, int level, int name, const void *value)
{
	int link;

	fdof(fd);
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE &&
	    (sscanf(value, "wg%d", &link) != 1 || link < 0 ||
	    link >= SimLinks || !net[link].there || net[link].gone)) {
		errno = ENODEV;
		return -1;
	}
	if (level == IPPROTO_UDP && !(name == UDP_SEGMENT && segmenting)) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return 0;
}

int
fake_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	Fd *f = fdof(fd);

	(void)len;
	if (level != IPPROTO_IP || name != IP_MTU || f->link < 0) {
		errno = ENOTCONN;
		return -1;
	}
	memcpy(value, &net[f->link].mtu, sizeof(int));
	return 0;
}

int
fake_sendmmsg(int fd, struct mmsghdr *mm, int n)
{
	Fd *f = fdof(fd);
	Dir *d = f->link < 0 ? NULL : &net[f->link].d[cur - end];
	struct iovec *v;
	int i, k, e, several;

	for (i = 0; i < n; i++) {
		several = mm[i].msg_hdr.msg_iovlen > 1;
		if (several && !segmenting)
			violate("%s sends segments", endname[cur - end]);
		vanishes = several && d &&
		    unit(mix(&d->rng)) * 100 < d->c.segloss;
		for (e = k = 0; !e && k < (int)mm[i].msg_hdr.msg_iovlen; k++) {
			v = &mm[i].msg_hdr.msg_iov[k];
			isexpress = cur->side->express(f->link, v->iov_base);
			e = linksend(cur, f, v->iov_base, v->iov_len,
			    placeof(mm[i].msg_hdr.msg_name, f));
			joint += several;
		}
		vanishes = 0;
		if (e) {
			errno = e;
			return i ? i : -1;
		}
	}
	return n;
}

/* what rtnetlink is asked for: the device to the client's address on a link */
static int rttype, rtlink;

int
fake_sendto(int fd, const void *buf, size_t len, const void *to,
    socklen_t tolen)
{
	Fd *f = fdof(fd);
	const uint8_t *d = buf;
	int e;

	(void)tolen;
	if (f->kind != FdSocket) {
		rttype = fake_rttype(buf);
		if (rttype == RTM_GETROUTE)
			rtlink = d[34];
		return len;
	}
	e = linksend(cur, f, buf, len, placeof(to, f));
	errno = e;
	return e ? -1 : (int)len;
}

int
fake_recvmmsg(int fd, struct mmsghdr *mm, int n)
{
	Fd *f = fdof(fd);
	struct sockaddr_in *sin;
	struct msghdr *m;
	Buf *b;
	int i;

	for (i = 0; i < n && (b = fifoget(&f->in)); i++) {
		m = &mm[i].msg_hdr;
		mm[i].msg_len = MIN((size_t)b->len, m->msg_iov[0].iov_len);
		m->msg_flags = mm[i].msg_len < (unsigned)b->len ? MSG_TRUNC : 0;
		memcpy(m->msg_iov[0].iov_base, b->data, mm[i].msg_len);
		if (!b->damaged)
			readrecords(cur, b->plain, b->plainlen);
		if (m->msg_name) {
			sin = m->msg_name;
			memset(sin, 0, sizeof(*sin));
			sin->sin_family = AF_INET;
			sin->sin_port = htons(b->from & 0xffff);
			sin->sin_addr.s_addr = htonl(0x0ac80000 | f->link << 8 |
			    (cur == &end[Server] ? b->from >> 16 : 2));
			m->msg_namelen = sizeof(*sin);
		}
		buffree(b);
	}
	if (i > 0)
		return i;
	errno = EAGAIN;
	return -1;
}

int
fake_recvmsg(int fd, struct msghdr *m)
{
	fdof(fd);
	return fake_rtnetlink(m->msg_iov->iov_base, rttype, rtlink + 1);
}

int
fake_if_nametoindex(const char *name)
{
	(void)name;
	return 1;
}

/* whoever asks is listened to */
int
fake_ppoll(struct pollfd *pfd, int n, const struct timespec *ts)
{
	(void)n;
	(void)ts;
	if (pfd)
		pfd->revents = POLLOUT;
	return 1;
}

/* these TUNs have no header, so packets are read and written in one part */
int
fake_writev(int fd, const struct iovec *iov, int n)
{
	(void)iov;
	violate("%s writes %d parts to %d", endname[cur - end], n, fd);
	return -1;
}

void *
fake_mmap(size_t n)
{
	void *p = NULL;

	if (cur->running)
		violate("%s takes memory while it runs", endname[cur - end]);
	if (cur->nmem == Nmem)
		violate("%s takes memory %d times", endname[cur - end], Nmem);
	else
		cur->mem[cur->nmem++] = p = calloc(1, n);
	return p;
}

void
fake_exit(int status)
{
	fflush(fake_log);
	violate("%s ends with status %d: %s", endname[cur - end], status,
	    nlog ? logline[(nlog - 1) % Nlog] : "");
	printf("not ok - %s: it ended\n", title);
	exit(1);
}

/* ends */
static void
wakeup(End *e)
{
	int64_t at = MAX(MAX(simnow + Latency, e->last + gap), e->paused);

	if (e->running && at < e->wake.at)
		timerset(&e->wake, at);
}

static void
endstart(void *arg)
{
	End *e = arg;
	SimConf c;
	int i, j;

	if (e->running || raw)
		return;
	memset(&c, 0, sizeof(c));
	c.server = e == &end[Server];
	c.keyed = keyed;
	c.parity = parity;
	c.compress = compress;
	for (i = 0; i < SimLinks; i++) {
		net[i].d[e - end].down = simnow;
		c.link[i].up = oracle ? 0 : net[i].d[0].c.conf;
		c.link[i].down = oracle ? 0 : net[i].d[1].c.conf;
		c.link[i].prio = net[i].prio;
		for (j = 0; j < 2; j++)
			if (net[i].d[j].to != e - end)
				net[i].d[j].tat = 0;
	}
	while (e->nmem > 0)
		free(e->mem[--e->nmem]);
	e->side = sides[e - end];
	e->paused = 0;
	e->born = simnow;
	e->starts++;
	end[0].delivered = end[1].delivered = end[0].tcp = 0;
	e->last = simnow;
	cur = e;
	e->side->start(&c);
	e->running = 1;
	timerset(&e->wake, simnow + gap);
	happened();
}

static void
endstop(End *e, int clean)
{
	int i;

	if (!e->running)
		return;
	e->paused = 0;
	cur = e;
	if (clean)
		e->side->stop();
	for (i = 0; i < Nfds; i++)
		if (fds[i].kind && fds[i].end == e - end)
			fake_close(FdBase + i);
	fifoclear(&e->tun);
	e->running = 0;
	timerset(&e->wake, NEVER);
}

/* what run() does between two calls of ppoll() */
static void
endturn(void *arg)
{
	End *e = arg;
	Dir *d;
	int i, links = 0, more = 0, was;
	int64_t us;
	uint64_t dropped;
	SimStat s;

	if (simnow < e->paused) {
		timerset(&e->wake, e->paused);
		return;
	}
	if (e->paused) {
		e->paused = 0;
		e->resumed = simnow;
		for (i = 0; i < SimLinks; i++)
			net[i].d[e - end].down = simnow;
		happened();
	}
	while (stall > 0 && simnow >= e->goon) {
		e->stall = e->goon + draw() % (2 * StallEvery * Ms);
		e->goon = e->stall + unit(draw()) * stall * Ms;
	}
	if (simnow < e->goon && simnow >= e->stall) {
		timerset(&e->wake, e->goon);
		return;
	}
	for (i = 0; i < Nfds; i++)
		if (fds[i].kind && fds[i].end == e - end && fds[i].in.head)
			links |= 1 << fds[i].link;
	for (i = 0; i < SimLinks; i++) { /* busy since the last turn, too */
		d = &net[i].d[e - end];
		d->full = MAX(d->full, MIN(d->tat, simnow));
	}
	while (e->ms < simnow / Ms)
		e->totals[++e->ms % Nms] = e->total;
	cur = e;
	was = e->sent - (links || e->tun.head);
	e->side->stat(&s);
	e->late = s.late;
	e->overtaken = 0;
	dropped = s.dropped;
	e->side->turn(!!e->tun.head, links);
	e->side->stat(&s);
	e->idle += e->sent == was && e->lost == s.lost;
	e->lost = s.lost;
	e->last = simnow;
	readcheck(e, s.dropped != dropped);
	expresscheck(e);
	paritycheck(e);
	roomcheck(e);
	for (i = 0; i < Nfds; i++)
		if (fds[i].kind && fds[i].end == e - end && fds[i].in.head)
			more = 1;
	us = e->side->timeout();
	if (more || e->tun.head)
		us = 0;
	timerset(&e->wake, simnow + MAX(us * Us + Latency, (int64_t)gap));
}

/* traffic */
static void
count(Group *g, int64_t bytes)
{
	g->bins[simnow / Bin] += bytes;
	g->got += bytes;
}

static void
timeadd(Group *g, double ms)
{
	if (g->ntimes == g->maxtimes) {
		g->maxtimes = MAX(1024, 2 * g->maxtimes);
		g->times = realloc(g->times, g->maxtimes * sizeof(double));
		g->came = realloc(g->came, g->maxtimes * sizeof(double));
		if (!g->times || !g->came)
			exit(2);
	}
	g->came[g->ntimes] = simnow / 1e9;
	g->times[g->ntimes++] = ms;
}

/* the data of TCP and QUIC goes down, from the server's host, unless up is
 * said; web and QUIC ask first */
static void
flowstart(Flow *f)
{
	Group *g = f->g;
	uint64_t id;
	int i;

	if (f->port)
		flowat[f->port] = NULL;
	f->port = 10000 + g->started++ % 50000;
	while (flowat[f->port])
		f->port = f->port == 60000 ? 10000 : f->port + 1;
	flowat[f->port] = f;
	f->begin = simnow;
	f->done = 0;
	memset(f->stay, 0, sizeof(f->stay));
	if (g->kind == KindQuic) {
		id = draw();
		for (i = 0; i < 2; i++) {
			quicopen(&f->quic[i], i, f->port, g->port, id);
			f->quic[i].app = f;
			f->quic[i].onread = quicread;
			f->quic[i].reno = g->reno;
			f->quic[i].hystartpp = g->hystartpp;
			f->quic[i].acks = g->acks;
		}
		quicask(f);
		return;
	}
	for (i = 1; i >= 0; i--) {
		tcpclose(&f->tcp[i]);
		tcpopen(&f->tcp[i], i, f->port, g->port, g->cc);
		f->tcp[i].app = f;
		f->tcp[i].onread = tcpread;
		f->tcp[i].ecn = g->ecn;
	}
	if (g->kind == KindWeb)
		f->tcp[0].end = 200;
	else
		f->tcp[g->up ? 0 : 1].end = g->bytes ? g->bytes : NEVER / 2;
}

static void
tcpread(Tcp *t, int64_t bytes)
{
	Flow *f = t->app;
	Group *g = f->g;

	if (stopped)
		return;
	f->bytes += bytes;
	if (g->kind == KindTcp) {
		tcpback();
		count(g, bytes);
		return;
	}
	if (t->side == Server) {
		if (t->rcvnxt == 200) {
			t->end = g->bytes;
			t->fin = 1;
		}
		return;
	}
	count(g, bytes);
	if (t->rcvnxt < g->bytes || f->done)
		return;
	f->done = 1;
	timeadd(g, (simnow - f->begin) / 1e6);
	timerset(&f->timer, simnow + (int64_t)(g->every * Ms));
}

/* Of the rate, so many bytes go at once each so many ms, as keyframes do, the
 * rest in between. Returns ns until the next packet. */
static int64_t
udpsend(Flow *f)
{
	Group *g = f->g;
	int n = 1;
	uint8_t *d;
	Buf *b;

	if (g->bytes && simnow >= f->begin) {
		f->begin = simnow + (int64_t)(g->every * Ms);
		n = MAX(g->bytes / g->size, 1);
	}
	for (; n > 0; n--) {
		b = bufnew();
		d = b->data;
		b->len = g->size;
		ipheader(d, !g->up, Udp, b->len, f->nsent, 0);
		udphead(d + 20, g->up ? f->port : g->port,
		    g->up ? g->port : f->port, b->len - 20);
		put(d + 28, f->nsent, 4);
		put(d + 32, simnow, 8);
		payload(d + 40, f->nsent, b->len - 40);
		f->nsent++;
		g->sent++;
		hostsend(!g->up, b);
	}
	return g->size * 8000 / (g->rate - g->bytes * 8e-3 / g->every);
}

/* Returns the bytes of a request, or of an answer; without bytes= there is one
 * transfer, which does not end. */
static int64_t
quicsize(const Group *g, int back)
{
	return back == g->up ? Request : g->bytes ? g->bytes : NEVER / 4;
}

static void
quicask(Flow *f)
{
	quicwrite(&f->quic[0], quicsize(f->g, 0));
}

static void
quicread(Quic *q, int64_t bytes)
{
	Flow *f = q->app;
	Group *g = f->g;
	int64_t size = quicsize(g, q->side == Client);

	if (stopped)
		return;
	if (q->side == (g->up ? Server : Client)) {
		f->bytes += bytes;
		count(g, bytes);
	}
	if (q->got < size)
		return;
	q->got -= size;
	if (q->side == Server) {
		quicwrite(&f->quic[1], quicsize(g, 1));
		return;
	}
	timeadd(g, (simnow - f->begin) / 1e6);
	rttadd(f, (simnow - MAX(f->begin, q->ready)) / 1e6);
	timerset(&f->timer, simnow + (int64_t)(g->every * Ms));
}

static void
flowfire(void *arg)
{
	Flow *f = arg;
	Group *g = f->g;
	int64_t next = NEVER;

	if ((stopped && g->at < secs) || simnow >= g->end * Sec)
		return;
	switch (g->kind) {
	case KindTcp:
	case KindWeb:
		flowstart(f);
		break;
	case KindQuic:
		if (!f->port || !g->open) {
			flowstart(f);
			break;
		}
		f->begin = simnow;
		quicask(f);
		break;
	case KindEcho:
		echosend(f);
		next = simnow + g->every * Ms;
		break;
	case KindUdp:
		next = simnow + udpsend(f);
		break;
	}
	timerset(&f->timer, next);
}

static void
rttadd(Flow *f, double ms)
{
	if (f->nsent == f->maxsent) {
		f->maxsent = MAX(1024, 2 * f->maxsent);
		f->rtt = realloc(f->rtt, f->maxsent * sizeof(double));
		if (!f->rtt)
			exit(2);
	}
	f->rtt[f->nsent++] = ms;
}

/* a game's packet or a ping, from the client's host */
static void
echosend(Flow *f)
{
	Group *g = f->g;
	Buf *b = bufnew();
	uint8_t *d = b->data;

	b->len = g->size;
	ipheader(d, Client, g->proto, b->len, f->nsent, 0);
	if (g->proto == Icmp) {
		put(d + 20, 0x0800, 2);
		put(d + 24, f->port, 2);
		put(d + 26, f->nsent, 2);
	} else {
		udphead(d + 20, f->port, g->port, b->len - 20);
	}
	put(d + 28, f->nsent, 4);
	put(d + 32, simnow, 8);
	payload(d + 40, f->nsent, b->len - 40);
	if (g->proto == Icmp)
		finish(d, b->len);
	rttadd(f, -1);
	hostsend(Client, b);
}

static void
echoarrive(int at, Flow *f, Buf *b)
{
	uint8_t *d = b->data;
	int n = get(d + 28, 4);

	if (at == Client) {
		if (n < f->nsent && f->rtt[n] < 0)
			f->rtt[n] = (simnow - (int64_t)get(d + 32, 8)) / 1e6;
		answerarrive(get(d + 32, 8));
		buffree(b);
		return;
	}
	ipheader(d, Server, f->g->proto, b->len, n, 0);
	if (f->g->proto == Icmp) {
		put(d + 20, 0, 2);
		finish(d, b->len);
	} else {
		udphead(d + 20, f->g->port, f->port, b->len - 20);
	}
	hostsend(Server, b);
}

static void
udparrive(Flow *f, Buf *b)
{
	Group *g = f->g;

	count(g, b->len);
	timeadd(g, (simnow - (int64_t)get(b->data + 32, 8)) / 1e6);
	f->last[f->nlast++ % Nlast] = simnow;
	while (f->nlast - f->oldlast > Nlast ||
	    f->last[f->oldlast % Nlast] <= simnow - Ms)
		f->oldlast++;
	g->burst = MAX(g->burst, (int)(f->nlast - f->oldlast));
	buffree(b);
}

/* scenario: what it says in words */
static int
number(char *s, double *v)
{
	char *rest;

	*v = strtod(s, &rest);
	return *rest || rest == s ? -1 : 0;
}

static void
bad(const char *what)
{
	fprintf(stderr, "sim: %s: %s: what is that?\n", title, what);
	exit(2);
}

/* cuts off the value */
static char *
keyvalue(char *s, char **value)
{
	if ((*value = strchr(s, '=')))
		*(*value)++ = '\0';
	return s;
}

/* numbers with colons between; those left out are 0 */
static void
values(const char *text, double *v, int n)
{
	char *rest;
	int i;

	memset(v, 0, n * sizeof(*v));
	for (i = 0; i < n; i++, text = rest + 1) {
		v[i] = strtod(text, &rest);
		if (rest == text || (*rest && *rest != ':'))
			break;
		if (!*rest)
			return;
	}
	bad(text);
}

static const Key *
keyfind(const Key *keys, int n, const char *name)
{
	for (; n > 0; n--, keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

/* Does it say how the rate moves? Then that is set. */
static int
rateset(Dir *d, const char *name, const char *value)
{
	Rate *r = &d->c.rate;
	int i, had = r->outage[0] > 0, traced = !strcmp(name, "trace");

	for (i = 0; i < LEN(ratekeys); i++)
		if (!strcmp(ratekeys[i].key.name, name))
			break;
	if (i == LEN(ratekeys) && !traced)
		return 0;
	if (traced || ratekeys[i].how >= 0) {
		r->how = traced ? Traced : ratekeys[i].how;
		r->trace = traced ? seriesread(value, 0) : NULL;
	}
	if (!traced)
		values(value, (void *)((char *)r + ratekeys[i].key.off),
		    ratekeys[i].key.n);
	if (((r->how == Walk || r->how == Jump) && (r->range[0] <= 0 ||
	    r->range[1] < r->range[0] || r->range[2] < 1)) ||
	    (r->outage[0] && (r->outage[0] < 1 || r->outage[1] < 0)))
		bad(value);
	restless |= r->how != Steady || r->outage[0];
	if (traced || ratekeys[i].how >= 0 || had || r->outage[0])
		moveset(d);
	return 1;
}

/* up.KEY=VALUE, down.KEY=VALUE or KEY=VALUE for both */
static void
confset(Net *n, const char *name, const char *value)
{
	const Key *key = keyfind(netkeys, LEN(netkeys), name);
	int i, from = 0, to = 1;
	double v;

	if (key) {
		values(value, &v, 1);
		*(int *)((char *)n + key->off) = v;
		if (!strcmp(name, "gone") || !strcmp(name, "addr"))
			reopened = simnow;
		return;
	}
	if (!strncmp(name, "up.", 3) || !strncmp(name, "down.", 5)) {
		from = to = *name == 'd';
		name = strchr(name, '.') + 1;
	}
	odd |= !strcmp(name, "swap");
	restless |= !strcmp(name, "shift") || !strcmp(name, "delays");
	segmenting |= !strcmp(name, "segloss");
	key = keyfind(confkeys, LEN(confkeys), name);
	for (i = from; i <= to; i++) {
		if (rateset(&n->d[i], name, value))
			continue;
		if (!strcmp(name, "error"))
			n->d[i].c.error = errorof(value);
		else if (!strcmp(name, "delays"))
			n->d[i].c.delays = seriesread(value, 1);
		else if (!key)
			bad(name);
		else
			values(value, (void *)((char *)&n->d[i].c + key->off),
			    key->n);
		if (n->d[i].c.pkts < 0 || n->d[i].c.pkts > Npkts)
			bad(value);
	}
}

/* links by semicolons, xN before those that are N times the same; before them
 * the switches */
static void
parselinks(const char *text)
{
	static const Conf usual = {
		.queue = 100, .burst = 1, .conf = -1, .swapby = 30,
		.errors = 100
	};
	static const struct { const char *name; int *on; } switches[] = {
		{ "key", &keyed }, { "raw", &raw }, { "oracle", &oracle },
		{ "text", &shrinks }
	};
	char buf[2048], copy[1024], *part, *word, *value, *save, *save2;
	int i, k, n, link = 0;
	Conf *c;

	snprintf(buf, sizeof(buf), "%s", text);
	for (part = strtok_r(buf, ";", &save); part;
	    part = strtok_r(NULL, ";", &save)) {
		part += strspn(part, " ");
		n = sscanf(part, "parity=%d", &parity) != 1 &&
		    sscanf(part, "compress=%d", &compress) != 1;
		for (i = 0; i < LEN(switches); i++)
			if (!strcmp(part, switches[i].name))
				n = !(*switches[i].on = 1);
		for (k = 0; k < n; k++, link++) {
			if (link == SimLinks)
				bad("so many links");
			net[link].there = 1;
			net[link].mtu = 1420;
			net[link].prio = 2;
			for (i = 0; i < 2; i++) {
				net[link].d[i].c = usual;
				moveset(&net[link].d[i]);
			}
			snprintf(copy, sizeof(copy), "%s", part);
			for (word = strtok_r(copy, " ", &save2); word;
			    word = strtok_r(NULL, " ", &save2)) {
				if (sscanf(word, "x%d", &n) == 1)
					continue;
				word = keyvalue(word, &value);
				if (!value)
					bad(word);
				confset(&net[link], word, value);
			}
			for (i = 0; i < 2; i++) {
				c = &net[link].d[i].c;
				if (c->conf < 0)
					c->conf = c->rate.how == Steady ?
					    c->rate.mbit : 0;
			}
		}
	}
}

static Group *
groupnew(int kind)
{
	Group *g = &groups[ngroups];
	int i, same = 0;

	if (ngroups++ == Ngroups)
		bad("so much traffic");
	for (i = 0; i < ngroups - 1; i++)
		same += groups[i].kind == kinds[kind].kind &&
		    groups[i].cc == kinds[kind].cc &&
		    groups[i].proto == kinds[kind].proto;
	snprintf(g->name, sizeof(g->name), same ? "%s%d" : "%s",
	    kinds[kind].name, same + 1);
	g->kind = kinds[kind].kind;
	g->cc = kinds[kind].cc;
	g->proto = kinds[kind].proto;
	g->port = kinds[kind].port;
	g->n = 1;
	g->at = 2;
	g->end = secs;
	g->every = g->kind == KindWeb || g->kind == KindQuic ? 300 :
	    g->proto == Icmp ? 10 : 15;
	g->bytes = g->kind == KindWeb ? 60000 : 0;
	g->rate = 40;
	g->acks = 10;
	g->size = g->kind == KindUdp ? 1280 : g->proto == Icmp ? 84 : 128;
	g->bins = need((secs + Drain + 1) * (Sec / Bin), sizeof(*g->bins));
	return g;
}

/* KIND [up|down|ecn|reno|hystartpp|open] [KEY=VALUE...], by semicolons */
static void
parsetraffic(const char *text)
{
	char buf[2048], *part, *word, *value, *save, *save2;
	Group *g;
	int i, w;
	double v;

	snprintf(buf, sizeof(buf), "%s", text);
	for (part = strtok_r(buf, ";", &save); part;
	    part = strtok_r(NULL, ";", &save)) {
		word = strtok_r(part, " ", &save2);
		for (i = 0; word && i < LEN(kinds); i++)
			if (!strcmp(kinds[i].name, word))
				break;
		if (!word || i == LEN(kinds))
			bad(word ? word : part);
		g = groupnew(i);
		while ((word = strtok_r(NULL, " ", &save2))) {
			word = keyvalue(word, &value);
			if (!strcmp(word, "up"))
				g->up = 1;
			else if (!strcmp(word, "ecn"))
				g->ecn = 1;
			else if (!strcmp(word, "reno"))
				g->reno = 1;
			else if (!strcmp(word, "hystartpp"))
				g->hystartpp = 1;
			else if (!strcmp(word, "open"))
				g->open = 1;
			if (!value)
				continue;
			if (sscanf(word, "w%d", &w) == 1 && w > 0 &&
			    w <= LEN(g->win)) {
				sscanf(value, "%lf-%lf", &g->win[w - 1][0],
				    &g->win[w - 1][1]);
				continue;
			}
			if (number(value, &v) < 0)
				bad(value);
			for (i = 0; i < LEN(groupkeys); i++)
				if (!strcmp(groupkeys[i].name, word))
					break;
			if (i < LEN(groupkeys))
				memcpy((char *)g + groupkeys[i].off, &v,
				    sizeof(v));
			else if (!strcmp(word, "n"))
				g->n = v;
			else if (!strcmp(word, "port"))
				g->port = v;
			else
				bad(word);
		}
		if (g->kind == KindUdp &&
		    g->rate <= g->bytes * 8e-3 / g->every)
			bad("such bursts");
	}
}

static void
flowsmake(Group *g)
{
	Flow *f;
	int i, k, segs = g->kind == KindWeb ? WebSegs : BulkSegs;

	for (i = 0; i < g->n; i++) {
		if (nflows == Nflows)
			bad("so many flows");
		f = flows[nflows++] = need(1, sizeof(*f));
		f->g = g;
		timerinit(&f->timer, flowfire, f);
		if (g->proto == Tcpip) {
			for (k = 0; k < 2; k++)
				tcpinit(&f->tcp[k], g->n > 8 ? segs / 4 : segs);
		} else if (g->kind == KindQuic) {
			for (k = 0; k < 2; k++)
				quicinit(&f->quic[k], g->n > 8 ? QuicPkts / 4 :
				    QuicPkts);
		} else {
			f->port = 61000 + nflows;
			flowat[f->port] = f;
		}
		/* not all in one moment */
		timerset(&f->timer, g->at * Sec + (i ? draw() % (100 * Ms) : 0));
	}
}

/* TIME: LINKS KEY=VALUE... or TIME: client|server restart|crash, by
 * semicolons */
static void
parsechanges(const char *text)
{
	char buf[2048], *part, *save, *what;
	Change *c;
	int i;

	if (!text)
		return;
	snprintf(buf, sizeof(buf), "%s", text);
	for (part = strtok_r(buf, ";", &save); part;
	    part = strtok_r(NULL, ";", &save)) {
		for (i = 0; i < Nchanges && changes[i].timer.fire &&
		    changes[i].timer.at != NEVER; i++)
			;
		if (!(what = strchr(part, ':')) || i == Nchanges)
			bad(part);
		c = &changes[i];
		snprintf(c->text, sizeof(c->text), "%s", what + 1);
		if (!c->timer.fire)
			timerinit(&c->timer, change, c);
		timerset(&c->timer, atof(part) * Sec);
	}
}

static void
linkchange(char *which, char *rest)
{
	char *word, *value, *save;
	int i, from = 0, to = SimLinks - 1;

	if (strcmp(which, "all") && sscanf(which, "%d-%d", &from, &to) == 1)
		to = from;
	for (word = strtok_r(rest, " ", &save); word;
	    word = strtok_r(NULL, " ", &save)) {
		keyvalue(word, &value);
		if (!value)
			bad(word);
		for (i = from; i <= to && i < SimLinks; i++)
			confset(&net[i], word, value);
	}
}

static int
errorof(const char *name)
{
	int i;

	for (i = 0; i < LEN(errornames); i++)
		if (!strcmp(errornames[i].name, name))
			return errornames[i].error;
	bad(name);
	return 0;
}

/* restart or crash, and the s till it is back; pause and for how long;
 * tun=ERROR, of reading and writing */
static void
endchange(End *e, char *what)
{
	double s = Away / 1e3;
	char *arg = strchr(what, ' ');

	if (arg)
		*arg++ = '\0';
	if (arg && *arg && number(arg, &s) < 0)
		bad(arg);
	if (!strcmp(what, "restart") || !strcmp(what, "crash")) {
		endstop(e, *what == 'r');
		timerset(&starttimer[e - end], simnow + (int64_t)(s * Sec));
	} else if (!strcmp(what, "pause")) {
		e->paused = simnow + (int64_t)(s * Sec);
		odd = 1; /* what came meanwhile comes all at once */
	} else if (!strncmp(what, "tun=", 4)) {
		e->tunerror = errorof(what + 4);
	} else {
		bad(what);
	}
	happened();
}

static void
change(void *arg)
{
	Change *c = arg;
	char buf[128], *word, *save;
	int i;

	if (verbose)
		printf("%.6f change:%s\n", simnow / 1e9, c->text);
	snprintf(buf, sizeof(buf), "%s", c->text);
	word = strtok_r(buf, " ", &save);
	for (i = 0; i < 2; i++) {
		if (!word || strcmp(word, endname[i]))
			continue;
		endchange(&end[i], save);
		return;
	}
	if (!word)
		bad(c->text);
	linkchange(word, save);
	happened();
}

/* measuring */
static void
measure(const char *group, const char *what, double value)
{
	Measure *m = &measures[nmeasures];

	if (nmeasures++ == Nmeasures)
		bad("so much to measure");
	snprintf(m->name, sizeof(m->name), "%.15s.%.15s", group, what);
	m->value = value;
}

static void
say(const char *fmt, ...)
{
	size_t n = strlen(summary);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(summary + n, sizeof(summary) - n, fmt, ap);
	va_end(ap);
}

/* Mbit/s */
static double
mean(const Group *g, double from, double to)
{
	int i;
	int64_t bytes = 0;

	for (i = from * Sec / Bin; i < to * Sec / Bin; i++)
		bytes += g->bins[i];
	return bytes * 8 / 1e6 / MAX(to - from, 0.1);
}

static int
bynumber(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
percentile(double *v, int n, double p)
{
	int i = n * p / 100;

	if (n == 0)
		return -1;
	qsort(v, n, sizeof(*v), bynumber);
	return v[MIN(i, n - 1)];
}

/* when its share is measured, s */
static void
groupspan(const Group *g, double *from, double *to)
{
	*from = g->at + 1;
	*to = MIN(g->end, (double)secs);
}

/* Percent of what all links could carry that way, with all headers of packets
 * that hold so much for those who use it. */
static double
share(const Group *g, int packet, int use)
{
	double from, to, could = 0;
	int i;

	packet = wirelen(packet + (raw ? 0 : HdrLen) +
	    (keyed && !raw ? SealLen : 0));
	groupspan(g, &from, &to);
	result.carried += mean(g, g->at, to) * packet / use;
	for (i = 0; i < (raw ? 1 : SimLinks); i++)
		if (net[i].there)
			could += capacity(&net[i].d[!g->up].move, from * Sec,
			    to * Sec);
	return could && from < to ? mean(g, from, to) * (to - from) *
	    125000 * packet / use / could * 100 : 0;
}

static void
measuretcp(Group *g)
{
	double dur = MIN(g->end, (double)secs) - g->at, steady, cold, sum = 0;
	double squares = 0;
	int i, mss = 1, run = 0, idle = 0, begun = 0;

	steady = mean(g, g->at + dur - MIN(10, dur / 2), g->at + dur);
	cold = mean(g, g->at, g->at + MIN(15, dur));
	for (i = g->at * Sec / Bin; i < (g->at + dur) * Sec / Bin; i++) {
		run = g->bins[i] ? 0 : run + begun;
		begun |= g->bins[i] > 0;
		idle = MAX(idle, run);
	}
	measure(g->name, "steady", steady);
	measure(g->name, "cold", cold);
	measure(g->name, "stall", idle / 10.0);
	measure(g->name, "mean", mean(g, g->at, g->at + dur));
	for (i = 0; i < nflows; i++)
		if (flows[i]->g == g)
			mss = flows[i]->tcp[!g->up].mss;
	measure(g->name, "share", g->kind == KindQuic ? share(g, QuicIp,
	    QuicMss) : share(g, mss + 52, mss));
	say("%s %.1f / %.1f Mbit/s, share %.1f %%", g->name, steady, cold,
	    measures[nmeasures - 1].value);
	for (i = 0; i < LEN(g->win); i++) {
		if (g->win[i][1] <= g->win[i][0])
			continue;
		measure(g->name, (const char *[]){ "w1", "w2", "w3" }[i],
		    mean(g, g->win[i][0], g->win[i][1]));
		say(", %g-%g s %.1f", g->win[i][0], g->win[i][1],
		    measures[nmeasures - 1].value);
	}
	for (i = 0; i < nflows; i++) {
		if (flows[i]->g != g)
			continue;
		sum += flows[i]->bytes;
		squares += (double)flows[i]->bytes * flows[i]->bytes;
	}
	measure(g->name, "fair", sum ? sum * sum / squares / g->n : 0);
	if (g->n > 1)
		say(", fair %.2f", measures[nmeasures - 1].value);
	if (idle > 1)
		say(", stood still %.1f s", idle / 10.0);
}

/* fetches: ms from the start of a connection and from the request, the first
 * apart */
static void
measurefetch(Group *g)
{
	int i, k;

	measure(g->name, "first", g->ntimes ? g->times[0] : -1);
	measure(g->name, "p50", percentile(g->times, g->ntimes, 50));
	measure(g->name, "p90", percentile(g->times, g->ntimes, 90));
	measure(g->name, "max", percentile(g->times, g->ntimes, 100));
	measure(g->name, "n", g->ntimes);
	say("%s first %.0f p50 %.0f p90 %.0f max %.0f ms of %d", g->name,
	    measures[nmeasures - 5].value, measures[nmeasures - 4].value,
	    measures[nmeasures - 3].value, measures[nmeasures - 2].value,
	    g->ntimes);
	g->ntimes = 0;
	for (i = 0; i < nflows; i++)
		for (k = 0; flows[i]->g == g && k < flows[i]->nsent; k++)
			timeadd(g, flows[i]->rtt[k]);
	measure(g->name, "rfirst", g->ntimes ? g->times[0] : -1);
	measure(g->name, "rp50", percentile(g->times, g->ntimes, 50));
	say(", from the request %.0f %.0f", measures[nmeasures - 2].value,
	    measures[nmeasures - 1].value);
}

static void
measureecho(Group *g)
{
	int i, k, run, most = 0, lost = 0;

	for (i = 0; i < nflows; i++) {
		if (flows[i]->g != g)
			continue;
		for (k = run = 0; k < flows[i]->nsent; k++) {
			if (flows[i]->rtt[k] >= 0) {
				timeadd(g, flows[i]->rtt[k]);
				run = 0;
			} else {
				lost++;
				run++;
				most = MAX(most, run);
			}
		}
	}
	measure(g->name, "p50", percentile(g->times, g->ntimes, 50));
	measure(g->name, "p99", percentile(g->times, g->ntimes, 99));
	measure(g->name, "max", percentile(g->times, g->ntimes, 100));
	result.p99 = measures[nmeasures - 2].value;
	measure(g->name, "lost", lost);
	measure(g->name, "run", most);
	measure(g->name, "n", g->ntimes);
	say("%s p50 %.1f p99 %.1f max %.1f ms, lost %d", g->name,
	    measures[nmeasures - 6].value, measures[nmeasures - 5].value,
	    measures[nmeasures - 4].value, lost);
	if (lost)
		say(" (%d in a row)", most);
}

/* ms, of what came from a time to another */
static double
delayin(const Group *g, const double *win, double percent)
{
	double *v = need(g->ntimes + 1, sizeof(*v)), ms;
	int i, n = 0;

	for (i = 0; i < g->ntimes; i++)
		if (g->came[i] >= win[0] && g->came[i] < win[1])
			v[n++] = g->times[i];
	ms = percentile(v, n, percent);
	free(v);
	return ms;
}

static void
measureudp(Group *g)
{
	double rate = mean(g, g->at, MIN(g->end, (double)secs)), lost, part;
	double p50, p99;
	int i;

	for (i = 0; i < LEN(g->win); i++) {
		if (g->win[i][1] <= g->win[i][0])
			continue;
		p50 = delayin(g, g->win[i], 50);
		measure(g->name, (const char *[]){ "w1", "w2", "w3" }[i], p50);
		say("%s %g-%g s p50 %.1f p99 %.1f ms, ", g->name,
		    g->win[i][0], g->win[i][1], p50,
		    delayin(g, g->win[i], 99));
	}
	lost = g->sent ? 100 - 100.0 * (g->got / g->size) / g->sent : 0;
	p50 = percentile(g->times, g->ntimes, 50);
	p99 = percentile(g->times, g->ntimes, 99);
	part = share(g, g->size, g->size);
	measure(g->name, "rate", rate);
	measure(g->name, "lost", lost);
	measure(g->name, "p50", p50);
	measure(g->name, "p99", p99);
	measure(g->name, "share", part);
	measure(g->name, "burst", g->burst);
	say("%s %.1f Mbit/s, share %.1f %%, %.3f %% lost, p50 %.1f p99 %.1f "
	    "ms, %d in a ms", g->name, rate, part, lost, p50, p99, g->burst);
}

/* Where its packets went, percent of them by the best link; how often one of
 * its flows went away from that. */
static void
measurestay(const Group *g)
{
	measure(g->name, "quick", 100.0 * g->quick /
	    MAX(g->quick + g->away, 1));
	measure(g->name, "moves", g->moves);
	if (g->away)
		say(", %.1f %% by the best link, %d moves",
		    measures[nmeasures - 2].value, g->moves);
}

/* What was sent first by each link, Mbit/s, the way that is measured; rest: by
 * all but the first, the way in which that is more. How full the first was in
 * those s in which the others had more than a fiftieth of it, percent: in the
 * mean, and least. */
static void
measuredata(int tell)
{
	int i, k, from = window.from / Sec, n = 0;
	int t, to = MIN(window.to / Sec, (int64_t)secs);
	double mbit, could, rest, all[2] = { 0 }, sum = 0, part, least = 100;
	char name[16];
	Dir *d;

	say(tell ? "; sent" : "");
	for (i = 0; i < SimLinks; i++) {
		for (k = 0; k < 2; k++) {
			for (mbit = 0, t = from; t < to; t++)
				mbit += net[i].d[k].bins[t] * 8e-6 /
				    (to - from);
			all[k] += i ? mbit : 0;
			if (k == window.up)
				continue;
			snprintf(name, sizeof(name), "data%d", i);
			measure("link", name, mbit);
			if (tell)
				say(" %.2f", mbit);
		}
	}
	measure("link", "rest", MAX(all[0], all[1]));
	for (t = from; t < to; t++) {
		for (rest = 0, i = 1; i < SimLinks; i++)
			rest += net[i].d[!window.up].bins[t];
		d = &net[0].d[!window.up];
		could = capacity(&d->move, t * (int64_t)Sec,
		    (t + 1) * (int64_t)Sec);
		if (rest <= could / 50)
			continue;
		part = d->bins[t] / could * 100;
		sum += part;
		least = MIN(least, part);
		n++;
	}
	measure("link", "full", n ? sum / n : 100);
	measure("link", "least", least);
	if (tell)
		say(", the first %.0f %% full in %d s, %.0f at least",
		    measures[nmeasures - 2].value, n, least);
}

/* its longest queue, ns */
static int64_t
measurelink(int i)
{
	static const char *whats[] = { "queue", "up", "down", "share" };
	Dir *d = net[i].d, *w = &d[!window.up];
	int64_t queue = MAX(d[0].waitmax, d[1].waitmax);
	double could = !net[i].there ? 0 : capacity(&w->move, window.from,
	    MIN(window.to, (int64_t)secs * Sec));
	double v[] = { queue / 1e6, d[0].allbytes * 8e-6 / secs,
	    d[1].allbytes * 8e-6 / secs, could ? w->used / could * 100 : 0 };
	char name[16];
	int k;

	for (k = 0; k < LEN(whats); k++) {
		snprintf(name, sizeof(name), "%s%d", whats[k], i);
		measure("link", name, v[k]);
	}
	return queue;
}

static void
measureall(const Scenario *s)
{
	int64_t most = 0, nparity = end[0].nparity + end[1].nparity;
	SimStat st[2] = { { 0 }, { 0 } };
	Group *g;
	int i;

	for (g = groups; g < groups + ngroups - 1; g++) {
		switch (g->kind) {
		case KindTcp:
			measuretcp(g);
			break;
		case KindQuic:
			if (g->bytes)
				measurefetch(g);
			else
				measuretcp(g);
			break;
		case KindEcho:
			measureecho(g);
			break;
		case KindWeb:
			measure(g->name, "p50", percentile(g->times,
			    g->ntimes, 50));
			measure(g->name, "p90", percentile(g->times,
			    g->ntimes, 90));
			measure(g->name, "max", percentile(g->times,
			    g->ntimes, 100));
			measure(g->name, "n", g->ntimes);
			say("%s p50 %.0f p90 %.0f max %.0f ms of %d", g->name,
			    measures[nmeasures - 4].value,
			    measures[nmeasures - 3].value,
			    measures[nmeasures - 2].value, g->ntimes);
			break;
		case KindUdp:
			measureudp(g);
			break;
		}
		measurestay(g);
		say("; ");
	}
	for (i = 0; i < SimLinks; i++)
		most = MAX(most, measurelink(i));
	measure("link", "queue", most / 1e6);
	say("queue %.1f ms", most / 1e6);
	measure("link", "off", segmentoff);
	measure("link", "joint", joint);
	for (i = 0; i < 2; i++)
		if (end[i].running)
			end[i].side->stat(&st[i]);
	measure("parity", "sent", nparity);
	measure("parity", "share", 100.0 * (end[0].paritybytes +
	    end[1].paritybytes) / MAX(end[0].databytes + end[1].databytes, 1));
	measure("parity", "found", st[0].recovered + st[1].recovered);
	if (nparity)
		say(", %" PRId64 " parities of %.1f %% found %.0f", nparity,
		    measures[nmeasures - 2].value,
		    measures[nmeasures - 1].value);
	measure("end", "back", backmax / 1e6);
	measure("end", "tcp", tcpmax / 1e6);
	measure("end", "heal", healmax / 1e6);
	measure("end", "age", livemax / 1e6);
	if (hours)
		say(", %d and %d starts, %d and %d packets at most",
		    end[0].starts, end[1].starts, end[0].held, end[1].held);
	if (end[0].starts + end[1].starts > 2)
		say(", back %.0f tcp %.0f", backmax / 1e6, tcpmax / 1e6);
	if (s->changes)
		say(", healed %.0f, age %.0f", healmax / 1e6, livemax / 1e6);
	if (end[0].tundrops + end[1].tundrops)
		say("; the TUNs dropped %" PRIu64, end[0].tundrops +
		    end[1].tundrops);
	measuredata(s->checks && (strstr(s->checks, "link.rest") ||
	    strstr(s->checks, "link.full") || strstr(s->checks, "link.data")));
	if (s->checks && strstr(s->checks, "link.down"))
		for (i = 0; i < SimLinks; i++)
			say("%s%.2f", i ? " " : "; down ",
			    net[i].d[1].allbytes * 8e-6 / secs);
}

/* NAME>NUMBER and NAME<NUMBER, by spaces: those that do not hold are named.
 * With ? in front they are goals, and do not fail the test. */
static int
checkall(const char *checks)
{
	char buf[512], *word, *save, *op;
	int i, below, goal, failed = 0;
	double limit;

	snprintf(buf, sizeof(buf), "%s", checks ? checks : "");
	for (word = strtok_r(buf, " ", &save); word;
	    word = strtok_r(NULL, " ", &save)) {
		goal = *word == '?';
		word += goal;
		op = word + strcspn(word, "<>");
		below = *op == '<';
		if (!*op || number(op + 1, &limit) < 0)
			bad(word);
		*op = '\0';
		for (i = 0; i < nmeasures; i++)
			if (!strcmp(measures[i].name, word))
				break;
		if (i == nmeasures)
			bad(word);
		if (below ? measures[i].value < limit :
		    measures[i].value > limit)
			continue;
		say("; %s is not %s%c %g", word, goal ? "yet " : "",
		    below ? '<' : '>', limit);
		failed += !goal;
	}
	return failed;
}

/* one way, for each link: Mbit/s that it could carry, that the pacer has, that
 * was sent; ms of its queue and its delay; the first letter of its state. In
 * front of them the packets that wait for a link. */
static void
tracelinks(int way)
{
	int64_t from = simnow - (int64_t)(every * Ms), queue;
	End *e = &end[way];
	SimLink l;
	SimStat s;
	Dir *d;
	int i;

	if (!e->running)
		return;
	e->side->stat(&s);
	printf("%8.3f %-4s %4d", simnow / 1e9, way ? "down" : "up",
	    s.queued + s.express + s.acks + s.again);
	for (i = 0; i < SimLinks; i++) {
		if (!net[i].there)
			continue;
		d = &net[i].d[way];
		e->side->link(i, &l);
		queue = MAX(d->wait, waits(d));
		printf(" | %6.2f %6.2f %6.2f %5.1f %5.1f %c",
		    MIN(capacity(&d->move, from, simnow) * 8e-3 / every, 999),
		    l.rate / 1e6, d->bytes * 8e-3 / every, queue / 1e6,
		    l.up ? l.owd / 1e3 - (end[!way].offset - e->offset) / 1e6 :
		    0, *l.state);
		d->bytes = d->wait = 0;
	}
	putchar('\n');
}

/* the first flow of each kind, since the last time */
static void
traceflows(void)
{
	static const char *ca[] = { "", " disorder", " cwr", " recovery", " loss" };
	static int64_t had[Ngroups];
	int64_t min;
	Quic *q;
	Tcp *t;
	int i, k;

	for (i = 0; i < nflows; i++) {
		if ((i && flows[i]->g == flows[i - 1]->g) || !flows[i]->port)
			continue;
		k = flows[i]->g - groups;
		q = &flows[i]->quic[flows[i]->g->up ? 0 : 1];
		if (q->id)
			printf("%8.3f %s %.1f Mbit/s cwnd %" PRId64
			    " ssthresh %" PRId64 " rtt %.1f min %.1f lost %"
			    PRId64 "%s\n", simnow / 1e9, flows[i]->g->name,
			    (flows[i]->g->got - had[k]) * 8e-3 / every,
			    q->cwnd, q->ssthresh == NEVER ? -1 : q->ssthresh,
			    q->latest / 1e6, q->minrtt / 1e6, q->lost,
			    q->css ? " css" : "");
		if (flows[i]->g->proto != Tcpip) {
			had[k] = flows[i]->g->got;
			continue;
		}
		t = &flows[i]->tcp[flows[i]->g->up ? 0 : 1];
		min = t->cc == Cubic ? t->minrtt : t->bbrmin;
		printf("%8.3f %s %.1f Mbit/s cwnd %d ssthresh %d rtt %.1f min "
		    "%.1f lost %" PRId64 "%s reordering %d%s\n", simnow / 1e9,
		    flows[i]->g->name, (flows[i]->g->got - had[k]) * 8e-3 /
		    every, t->cwnd, t->ssthresh > 1 << 20 ? -1 :
		    t->ssthresh, t->srtt / 1e6, min / 1e6, t->losses,
		    ca[t->ca], t->reordering, t->cc == Cubic ? "" :
		    (const char *[]){ " startup", " drain", " probebw",
		    " probertt" }[t->mode]);
		had[k] = flows[i]->g->got;
	}
}

static void
trace(void *arg)
{
	(void)arg;
	if (stopped && !verbose)
		return;
	timerset(&tracetimer, simnow + (int64_t)(every * Ms));
	if (verbose || !window.up)
		tracelinks(Server);
	if (verbose || window.up)
		tracelinks(Client);
	if (verbose)
		traceflows();
}

/* Each end gets to know what its links will carry. */
static void
foresee(void *arg)
{
	int64_t till = simnow + Foresight * Ms;
	double bps;
	int i, k;

	(void)arg;
	timerset(&oracletimer, simnow + Foresight * Ms / 10);
	for (i = 0; i < SimLinks; i++) {
		for (k = 0; k < 2 && net[i].there; k++) {
			bps = capacity(&net[i].d[k].move, simnow, till) *
			    8000 / Foresight * 0.97;
			if (end[k].running)
				end[k].side->rate(i, MIN(bps, 1e10));
		}
	}
}

/* Parity leaves a full link to the packets: it had a part of it in this s. */
static void
partcheck(void)
{
	Dir *d;
	int i;

	for (i = 0; i < 2 * SimLinks; i++) {
		d = &net[i / 2].d[i % 2];
		if (d->sent * 8 > d->top / 100 * Full && parity != 2 &&
		    d->parity > (d->sent + d->top / 8 * ParitySaved / 1000) /
		    ParityPart)
			violate("%s: of %.3f Mbit/s by link %d, which is full, "
			    "%.3f are parity", endname[i % 2],
			    d->sent * 8e-6, i / 2, d->parity * 8e-6);
		d->sent = d->parity = d->top = 0;
	}
}

static void
checktimes(void *arg)
{
	int k;

	(void)arg;
	timerset(&checktimer, simnow + Bin);
	if (simnow % Sec == 0)
		partcheck();
	for (k = 0; k < 2; k++)
		poolcheck(&end[k], 0);
	wellcheck();
}

/* the regression set */
#define ADSL    "rate=10 delay=10 prio=1"
#define FAR     "x4 rate=70 delay=40"
#define LAB     ADSL "; " FAR
#define LAB0    ADSL " conf=0; " FAR " conf=0"
#define CALL    "udp rate=3 size=1228 port=5000"
/* both ways, of Mbit/s, and what it takes by the quick link */
#define STREAM(rate) \
	"udp port=5000 rate=" #rate "; udp up port=5000 rate=" #rate
#define FALLS \
	"udp port=5000 rate=6 w1=4-10 w2=13-20 w3=80-90;" \
	"udp up port=5000 rate=6 w3=80-90"
#define NEAR \
	"udp.p50<12.3 udp.p99<16 udp2.p50<12.3 udp2.p99<16 link.rest<0.001 " \
	"udp.quick>99.9 udp2.quick>99.9 udp.lost<0.01 udp2.lost<0.01"
/* mobile and satellite, 14 and 45 Mbit/s in the mean, and the rates that one
 * would configure, with a number in front of them */
#define LTE     "walk=3:40:300 outage=8000:200 pkts=300 delay=25"
#define LEO     "walk=30:65:500 shift=15000:60 delay=20 up.rate=10"
#define MIXED(a, b, c) \
	ADSL " conf=" #a "; " LEO " conf=" #b "; " LTE " conf=" #c

static const Scenario scenarios[] = {
#include "scenarios.h"
};

/* A fault that begins at that time, in the words of changes, and its end; how
 * long they are. The first ones last. */
static int
mishap(char *c, int size, double at, int nlinks, int lasting)
{
	static const char *ways[] = { "", "", "up.", "down." };
	double len = (5 + draw() % 40) / 10.0, till = at + len;
	const char *way = ways[draw() % LEN(ways)], *error;
	unsigned r = draw() >> 33, kind = lasting ? draw() % 20 :
	    2 + draw() % 18;
	char which[8];
	int k = draw() % nlinks;

	error = errornames[1 + draw() % (LEN(errornames) - 1)].name;
	snprintf(which, sizeof(which), draw() % 3 ? "%d" : "all", k);
	switch (kind) {
	case 0:
		return snprintf(c, size, "%g: %d rate=%g;", at, k,
		    0.5 + r % 80);
	case 1:
		return snprintf(c, size, "%g: %d delay=%u;", at, k,
		    3 + r % 100);
	case 2: /* FALLTHROUGH */
	case 3:
		return snprintf(c, size, "%g: %s %ssilent=1; %g: %s "
		    "silent=0;", at, which, way, till, which);
	case 4:
		return snprintf(c, size, "%g: %d loss=50 burst=10; %g: %d "
		    "loss=0;", at, k, at + len / 8, k);
	case 5:
		return snprintf(c, size, "%g: %s gone=1; %g: %s gone=0;", at,
		    which, till, which);
	case 6: /* FALLTHROUGH */
	case 7:
		return snprintf(c, size, "%g: %s %s %g;", at, endname[r % 2],
		    r & 2 ? "restart" : "crash", (1 + (r >> 2) % 20) / 10.0);
	case 8:
		return snprintf(c, size, "%g: server %s %g; %g: client %s %g;",
		    at, r & 1 ? "restart" : "crash",
		    (1 + (r >> 1) % 10) / 10.0,
		    at, r & 2 ? "restart" : "crash",
		    (1 + (r >> 5) % 10) / 10.0);
	case 9:
		if (!keyed)
			return 0;
		return snprintf(c, size, "%g: %s nat=%u;", at, which,
		    1 + r % 30);
	case 10:
		if (!keyed)
			return 0;
		return snprintf(c, size, "%g: %s host=%u;", at, which,
		    1 + r % 60);
	case 11:
		if (!keyed)
			return 0;
		return snprintf(c, size, "%g: %s addr=%u;", at, which,
		    1 + r % 60);
	case 12: /* FALLTHROUGH */
	case 13:
		return snprintf(c, size, "%g: %s %serror=%s errors=%d; %g: %s "
		    "error=none;", at, which, way, error, r % 3 ? 100 : 30,
		    till, which);
	case 14:
		return snprintf(c, size, "%g: %s mtu=%u; %g: %s mtu=1420;", at,
		    which, 800 + r % 620, till, which);
	case 15:
		return snprintf(c, size, "%g: %s tun=EIO; %g: %s tun=none;",
		    at, endname[r % 2], at + len / 4, endname[r % 2]);
	case 16:
		return snprintf(c, size, "%g: %s pause %g;", at,
		    endname[r % 2], (1 << (r >> 1) % 8) * 0.08);
	case 17:
		return snprintf(c, size, "%g: %s dup=%u; %g: %s dup=0;", at,
		    which, 1 + r % 50, till, which);
	case 18:
		return snprintf(c, size, "%g: %s swap=%u swapby=%u; %g: %s "
		    "swap=0;", at, which, 1 + r % 20, 5 + (r >> 8) % 100, till,
		    which);
	default:
		return snprintf(c, size, "%g: %s corrupt=%u; %g: %s "
		    "corrupt=0;", at, which, 1 + r % 10, till, which);
	}
}

/* one after the other, as long as it takes */
static void
mishaps(void *arg)
{
	char c[256] = "";

	(void)arg;
	if (stopped)
		return;
	mishap(c, sizeof(c), simnow / (100 * Ms) / 10.0 + 0.2, SimLinks, 0);
	parsechanges(c);
	timerset(&mishaptimer, simnow + (int64_t)(draw() % 120 * Sec + 10));
}

/* a way in which a link of that rate moves */
static int
movement(char *text, int size, double rate, uint64_t *r)
{
	unsigned kind = mix(r) % 6, a = mix(r) >> 40, b = mix(r) >> 40;
	unsigned ms = 50 << b % 6;

	switch (kind) {
	case 0:
		return snprintf(text, size, " walk=%g:%g:%u", rate / 8, rate,
		    ms);
	case 1:
		return snprintf(text, size, " jump=%g:%g:%u", rate / 10, rate,
		    ms);
	case 2:
		return snprintf(text, size, " outage=%u:%u", 1000 + a % 9000,
		    ms / 2);
	case 3:
		return snprintf(text, size, " shift=%u:%u", 1000 + a % 15000,
		    5 + b % 80);
	case 4:
		return snprintf(text, size, " police=%u", 10 + ms);
	default:
		return snprintf(text, size, " pkts=%u", 20 + a % 500);
	}
}

/* some streams that may go by one link */
static int
streams(char *text, int size, uint64_t *r)
{
	static const char *rates[] = {
		"0.2", "0.5", "1", "1.5", "2.5", "3", "4", "6", "8"
	};
	int i, n = 0;
	unsigned a, b;

	for (i = 1 + mix(r) % 3; i > 0; i--) {
		a = mix(r) >> 40;
		b = mix(r) >> 40;
		n += snprintf(text + n, size - n, "udp%s port=5000 rate=%s "
		    "size=%u n=%u at=%u%s; ", a % 3 ? "" : " up",
		    rates[b % LEN(rates)], 300 + a / 3 % 1000,
		    1 + b / 16 % 8 / 5 * (b / 128 % 4), 1 + b / 512 % 6,
		    b / 4096 % 4 || b % LEN(rates) < 3 ? "" :
		    " bytes=50000 every=2000");
	}
	return n;
}

/* that of a link: usual, spare or backup */
static unsigned
priority(unsigned usual, uint64_t *r)
{
	unsigned a = mix(r) % 8;

	return a < 5 ? usual : a < 7 ? BackupPrio - 1 : BackupPrio;
}

/* a scenario out of a seed */
static void
invent(Scenario *s, uint64_t n)
{
	static const char *rates[] = {
		"0.5", "1", "2", "5", "10", "20", "20", "50", "70", "70", "100"
	};
	static const char *traffics[] = {
		"cubic", "cubic", "bbr", "cubic up", "bbr up", "cubic n=4",
		"cubic n=16", "web", "web every=50 n=2 bytes=20000",
		"web bytes=400000", "udp rate=3", "udp rate=30 up",
		"udp rate=200", "udp port=5000 rate=1 size=300", "cubic ecn"
	};
	static const char *quics[] = {
		"quic", "quic up", "quic reno n=3", "quic hystartpp acks=2",
		"quic bytes=15000 every=100", "quic bytes=60000 open n=2",
		"quic up bytes=400000"
	};
	static const char *light[] = { "game", "ping", "game n=5", "ping every=50" };
	static char name[32], links[2048], traffic[512], faults[2048];
	char *l = links, *t = traffic, *c = faults;
	char *lend = links + sizeof(links), *tend = traffic + sizeof(traffic);
	char *cend = faults + sizeof(faults);
	uint32_t r[16];
	uint64_t moves, needs;
	int i, k, nlinks, moving, ranked;
	double rate, up, conf, at;
	unsigned prio;

	rng = n;
	/* of their own, so that others stay the same */
	moves = n << 32;
	needs = n << 32 | 1;
	moving = mix(&moves) % 2;
	ranked = mix(&needs) % 3 == 0;
	*l = *t = *c = '\0';
	nlinks = 1 + draw() % SimLinks;
	s->secs = 10 + draw() % 11;
	for (i = 0; i < nlinks; i++) {
		/* not as arguments: those have no order */
		for (k = 0; k < LEN(r); k++)
			r[k] = draw() >> 32;
		rate = atof(rates[r[0] % LEN(rates)]);
		up = rate / (2 + r[1] % 15);
		if (up < 0.5 || r[2] % 3)
			up = rate;
		conf = r[3] % 10 < 5 ? 1 : r[3] % 10 < 7 ? 1.3 :
		    r[3] % 10 < 8 ? 0.7 : 0;
		prio = 1 + r[8] % 2;
		if (ranked)
			prio = priority(prio, &needs);
		l += snprintf(l, lend - l, "%srate=%g up.rate=%g conf=%.3g "
		    "up.conf=%.3g delay=%u queue=%u prio=%u", i ? "; " : "",
		    rate, up, conf * rate, conf * up,
		    r[4] % 12 ? 3 + r[5] % 60 : 200 + r[5] % 200,
		    r[6] % 4 ? 100 : 30 + r[7] % 400, prio);
		if (r[9] % 3 == 0)
			l += snprintf(l, lend - l, " jitter=%u",
			    1 + r[10] % 30);
		if (r[11] % 4 == 0)
			l += snprintf(l, lend - l, " loss=%g burst=%u",
			    (1 + r[12] % 300) / 100.0, 1 + r[13] % 8);
		if (r[14] % 5 == 0)
			l += snprintf(l, lend - l, " spike=%u:140:%u",
			    3000 + r[15] % 12000, 20 + r[10] % 80);
		for (k = mix(&moves) % 4; moving && k > 1; k--)
			l += movement(l, lend - l, rate, &moves);
	}
	for (i = 1 + draw() % 3; i > 0; i--) {
		t += snprintf(t, tend - t, "%s", traffics[draw() %
		    LEN(traffics)]);
		t += snprintf(t, tend - t, " at=%d; ", (int)(1 + draw() % 4));
	}
	if (mix(&moves) % 4 == 0)
		t += snprintf(t, tend - t, "%s at=1.5; ", quics[mix(&moves) %
		    LEN(quics)]);
	if (mix(&needs) % 2)
		t += streams(t, tend - t, &needs);
	t += snprintf(t, tend - t, "%s", light[draw() % LEN(light)]);
	keyed = draw() % 2;
	for (i = draw() % 6; i > 0; i--) {
		at = 2 + draw() % (10 * (s->secs - 2)) / 10.0;
		c += mishap(c, cend - c, at, nlinks, 1);
	}
	drift = (draw() % 200 - 100.0) / 1e6;
	gap = (20 + draw() % 300) * Us;
	stall = draw() % 5;
	snprintf(name, sizeof(name), "seed %" PRIu64, n);
	s->name = name;
	s->links = links;
	s->traffic = traffic;
	s->changes = *faults ? faults : NULL;
	s->checks = s->want = NULL;
}

/* runs until nothing is to come before that time */
static void
rununtil(int64_t until)
{
	Timer *t;

	while (nheap > 0 && heap[0]->at <= until) {
		t = heap[0];
		simnow = t->at;
		timerset(t, NEVER);
		t->fire(t->arg);
	}
	simnow = until;
}

static void
setup(const Scenario *s)
{
	static cookie_io_functions_t io = { .write = logwrite };
	double from, to;
	int i, j;

	seen = need(Nseen, sizeof(*seen));
	buckets = need(Nseen, sizeof(*buckets));
	for (i = 0; i < Nseen; i++)
		buckets[i] = -1;
	for (i = 0; i < LEN(*block); i++) {
		block[0][i] = draw();
		block[1][i] = i % 16 < 6 ? block[0][i] : 'a' + i % 16;
	}
	for (j = 0; j < 2; j++)
		for (i = 0; i + 1 < LEN(*block); i += 2)
			blocksum[j][i / 2 + 1] = blocksum[j][i / 2] +
			    (block[j][i] << 8 | block[j][i + 1]);
	if (!(fake_log = fopencookie(NULL, "w", io)))
		exit(2);
	setvbuf(fake_log, NULL, _IONBF, 0);
	for (i = 0; i < SimLinks; i++) {
		net[i].prio = 2;
		for (j = 0; j < 2; j++) {
			net[i].d[j].link = i;
			net[i].d[j].to = !j;
			net[i].d[j].bins = need(secs + Drain + 2,
			    sizeof(int64_t));
			net[i].d[j].seed = net[i].d[j].rng = draw();
			timerinit(&net[i].d[j].timer, linkarrive,
			    &net[i].d[j]);
			timerinit(&net[i].d[j].oddtimer, oddarrive,
			    &net[i].d[j]);
		}
	}
	for (i = 0; i < 2; i++) {
		end[i].qlen = 500;
		end[i].records = need(Nrecords, sizeof(*end[i].records));
		end[i].offset = i == Client ? INT64_C(12) * Sec :
		    INT64_C(7654321) * Sec + 123456789;
		end[i].in.end = end[i].out.end = i;
		end[i].out.out = 1;
		timerinit(&end[i].wake, endturn, &end[i]);
		timerinit(&end[i].in.timer, pipefire, &end[i].in);
		timerinit(&end[i].out.timer, pipefire, &end[i].out);
		timerinit(&starttimer[i], endstart, &end[i]);
		timerset(&starttimer[i], i == Client ? 100 * Ms : 0);
	}
	timerinit(&checktimer, checktimes, NULL);
	timerset(&checktimer, Bin);
	timerinit(&tracetimer, trace, NULL);
	timerinit(&oracletimer, foresee, NULL);
	if (verbose && !every)
		every = Bin / Ms;
	if (every > 0)
		timerset(&tracetimer, every * Ms);
	parselinks(s->links);
	parsetraffic(s->traffic);
	parsechanges(s->changes);
	if (oracle)
		timerset(&oracletimer, Ms);
	if (raw)
		tcpmss = net[0].mtu - 40;
	timerinit(&mishaptimer, mishaps, NULL);
	if (hours) {
		timerset(&mishaptimer, 20 * (int64_t)Sec);
		/* ms pass 31 and 32 bits midway */
		end[Client].offset = (INT64_C(1) << 31) * Ms -
		    (int64_t)secs / 2 * Sec;
		end[Server].offset = (INT64_C(1) << 32) * Ms -
		    (int64_t)secs / 2 * Sec;
	}
	groupnew(4);
	groups[ngroups - 1].at = secs + Drain - 3;
	groups[ngroups - 1].end = secs + Drain - 2;
	groups[ngroups - 1].every = 50;
	for (i = 0; i < ngroups; i++)
		flowsmake(&groups[i]);
	for (i = 0; i < ngroups - 1; i++)
		if (groups[i].kind == KindTcp || groups[i].kind == KindUdp ||
		    groups[i].kind == KindQuic)
			break;
	if (i < ngroups - 1) {
		window.up = groups[i].up;
		groupspan(&groups[i], &from, &to);
		window.from = from * Sec;
		window.to = to * Sec;
	}
}

static void
describe(const Scenario *s)
{
	printf("%s: %d s, -L '%s' -T '%s'", s->name, s->secs, s->links,
	    s->traffic);
	if (s->changes)
		printf(" -C '%s'", s->changes);
	putchar('\n');
}

/* the number of things that were wrong */
static int
simulate(const Scenario *s, uint64_t n)
{
	char heal[] = "silent=0 loss=0 gone=0 host=0 addr=0 error=none "
	    "swap=0 dup=0 corrupt=0 outage=0", all[] = "all";
	int i, k, failed, alive = 0;

	title = s->name;
	runseed = rng = n;
	secs = s->secs;
	if (verbose)
		describe(s);
	setup(s);
	for (i = 0; i < ngroups - 1; i++)
		if (groups[i].kind == KindEcho)
			watched = MIN(watched, (int64_t)(groups[i].at * Sec) +
			    Sec);
	rununtil((int64_t)secs * Sec);
	/* the traffic ends, the links are well: the tunnel has to be */
	stopped = 1;
	linkchange(all, heal);
	for (k = 0; k < 2; k++) {
		end[k].tunerror = 0;
		end[k].paused = MIN(end[k].paused, simnow);
		if (end[k].paused)
			wakeup(&end[k]);
	}
	for (i = 0; i < nflows; i++) {
		for (k = 0; k < 2; k++) {
			if (flows[i]->g->proto == Tcpip)
				tcpclose(&flows[i]->tcp[k]);
			else if (flows[i]->g->kind == KindQuic)
				quicclose(&flows[i]->quic[k]);
		}
	}
	rununtil((int64_t)(secs + Drain) * Sec);
	for (i = 0; i < flows[nflows - 1]->nsent; i++)
		alive += flows[nflows - 1]->rtt[i] >= 0;
	if (!alive)
		violate("nothing gets through after the end, over links that "
		    "are well");
	for (k = 0; k < 2; k++)
		poolcheck(&end[k], 1);
	measureall(s);
	failed = checkall(s->checks) + violations;
	if (violations)
		say("; %d violations", violations);
	if (!failed && mode == Unlike && !verbose)
		return 0;
	printf("%s - %s: %s%s%s%s\n", failed ? "not ok" : "ok", s->name,
	    summary, s->want ? " (want " : "", s->want ? s->want : "",
	    s->want ? ")" : "");
	if (verbose)
		for (k = 0; k < 2; k++)
			if (end[k].running)
				printf("%s: %s", endname[k],
				    end[k].side->report());
	if (violations && !verbose) {
		fputs("# ", stdout);
		describe(s);
		for (i = MAX(nlog - Nlog, 0); i < nlog; i++)
			printf("#\t%s\n", logline[i % Nlog]);
	}
	return failed;
}

/* links out of a seed that have little in common, of unknown rates */
static void
unlikelinks(char *text, int size, int set)
{
	double most, rate, delay, loss, jitter;
	int i, n = 2 + set % 3 / 2, len = 0;

	rng = set;
	most = between(5, 100, unit(draw()));
	for (i = 0; i < n; i++) {
		rate = i ? most / between(1, 50, unit(draw())) : most;
		delay = between(2.5, 300, unit(draw()));
		loss = draw() % 2 ? 0 : between(0.05, 5, unit(draw()));
		jitter = draw() % 2 ? 0 : between(1, 50, unit(draw()));
		len += snprintf(text + len, size - len, "%srate=%.3g "
		    "delay=%.3g loss=%.2g jitter=%.2g conf=0", i ? "; " : "",
		    rate, delay, loss, jitter);
	}
}

/* only the games and pings */
static const char *
lightonly(const char *traffic)
{
	static char text[512];
	char buf[512], *part, *save;
	int len = 0;

	text[0] = '\0';
	snprintf(buf, sizeof(buf), "%s", traffic);
	for (part = strtok_r(buf, ";", &save); part;
	    part = strtok_r(NULL, ";", &save)) {
		part += strspn(part, " ");
		if (!strncmp(part, "game", 4) || !strncmp(part, "ping", 4))
			len += snprintf(text + len, sizeof(text) - len, "%s;",
			    part);
	}
	return text;
}

static double
ratio(const Pair *p)
{
	return p->bond.carried / MAX(p->alone.carried, 1e-3);
}

/* in a process of its own, where all variables are fresh */
static int
runfresh(Scenario s, const char *links, const char *traffic, uint64_t n,
    Result *r)
{
	int status;
	pid_t pid;

	s.links = links;
	s.traffic = traffic;
	fflush(stdout);
	if ((pid = fork()) < 0)
		return 1;
	if (pid == 0) {
		status = simulate(&s, n);
		*r = result;
		fflush(stdout);
		_exit(status > 0);
	}
	return waitpid(pid, &status, 0) != pid || status != 0;
}

/* all links together, then without a tunnel each alone; its games without the
 * rest of the load, too. Returns how many runs failed. */
static int
compare(const Scenario *s, uint64_t n, Pair *p)
{
	const char *light = lightonly(s->traffic);
	char buf[1024], raws[1024], *part, *save;
	Result *best = &p->alone;
	int failed;

	failed = runfresh(*s, s->links, s->traffic, n, &p->bond);
	snprintf(buf, sizeof(buf), "%s", s->links);
	for (part = strtok_r(buf, ";", &save); part;
	    part = strtok_r(NULL, ";", &save)) {
		if (!strchr(part, '='))
			continue;
		snprintf(raws, sizeof(raws), "raw; %s", part);
		failed += runfresh(*s, raws, s->traffic, n, &p->run);
		best->carried = MAX(best->carried, p->run.carried);
		if (!*light)
			continue;
		failed += runfresh(*s, raws, light, n, &p->run);
		if (!best->p99 || p->run.p99 < best->p99)
			best->p99 = p->run.p99;
	}
	printf("%s, %s: %.2f Mbit/s, best alone %.2f, ratio %.3f", s->name,
	    s->traffic, p->bond.carried, best->carried, ratio(p));
	if (*light)
		printf("; p99 %.1f ms, best alone %.1f", p->bond.p99,
		    best->p99);
	printf(" (%s)\n", s->links);
	return failed;
}

/* what became of a load over all sets */
static void
comparesum(int load)
{
	double sum = 0, least = 1e9, late = 0, by;
	int n = 0, below = 0, later = 0;
	const Pair *p;

	for (p = pairs + load; p < pairs + Nsets * nloads; p += nloads) {
		if (!p->bond.carried && !p->bond.p99)
			continue;
		by = p->bond.p99 - p->alone.p99;
		n++;
		sum += ratio(p);
		least = MIN(least, ratio(p));
		below += ratio(p) < enough;
		late += by;
		later += by > soon;
	}
	n = MAX(n, 1);
	printf("%s: ratio %.3f in the mean, %.3f at least, %d below %g; p99 "
	    "%.1f ms later in the mean, %d over %g ms\n", loads[load], sum / n,
	    least, below, enough, late / n, later, soon);
}

/* in a process of its own, for the same reason */
static void
jobstart(Job *j, const Scenario *s, uint64_t n)
{
	int failed;

	fflush(stdout);
	snprintf(j->name, sizeof(j->name), "%s", s->name);
	j->seed = n;
	if (!(j->out = tmpfile()) || (j->pid = fork()) < 0) {
		fputs("sim: no process for a scenario\n", stderr);
		exit(2);
	}
	if (j->pid > 0)
		return;
	alarm(hours ? 7200 : 600);
	dup2(fileno(j->out), 1);
	failed = mode == Unlike ? compare(s, n, pair) : simulate(s, n);
	fflush(stdout);
	_exit(failed > 0);
}

/* what it printed; 0 if it passed */
static int
jobend(Job *j)
{
	char buf[4096];
	size_t n;
	int status;

	if (waitpid(j->pid, &status, 0) != j->pid)
		status = -1;
	rewind(j->out);
	while ((n = fread(buf, 1, sizeof(buf), j->out)) > 0)
		fwrite(buf, 1, n, stdout);
	fclose(j->out);
	if (WIFSIGNALED(status))
		printf("not ok - %s: killed by signal %d\n", j->name,
		    WTERMSIG(status));
	fflush(stdout);
	return status != 0;
}

/* the next scenario and its seed, 0 if there is none */
static int
nextjob(Scenario *s, uint64_t *n)
{
	static uint64_t i;
	int more;

	*n = first;
	switch (mode) {
	case Own:
		return i++ == 0;
	case Random:
		if (i == nseeds)
			return 0;
		*n = first + i++;
		invent(s, *n);
		return 1;
	case Unlike:
		do
			more = nextpair(s, i++);
		while (more && only && atoi(only) != (int)(i - 1) / nloads);
		return more;
	}
	while (i < LEN(scenarios)) {
		*s = scenarios[i++];
		if (!only || !strcmp(only, s->name))
			return 1;
	}
	return 0;
}

/* the next set and load, or of those that the command line has */
static int
nextpair(Scenario *s, uint64_t i)
{
	static char name[32], links[512];
	int set = i / nloads;

	if (set == (ownlinks ? 1 : Nsets))
		return 0;
	pair = &pairs[i];
	snprintf(name, sizeof(name), ownlinks ? "own" : "set %d", set);
	unlikelinks(links, sizeof(links), set);
	s->name = name;
	s->links = ownlinks ? ownlinks : links;
	s->traffic = loads[i % nloads];
	return 1;
}

static void
usage(void)
{
	fputs("usage: sim [-kv] [-j jobs] [-P ms] [-S ms] [-s seed] [-r name]\n"
	    "       sim [-v] [-j jobs] -s seed [-n count]\n"
	    "       sim [-kv] [-P ms] [-S ms] [-s seed] [-t secs] -L links"
	    " -T traffic\n\t   [-C changes]\n"
	    "       sim [-kv] [-s seed] -H hours [-L links] [-T traffic]\n"
	    "       sim -u [-kv] [-j jobs] [-P ms] [-S ms] [-s seed] [-t secs]"
	    " [-r set]\n\t   [-L links] [-T traffic]\n"
	    "       sim -l\n", stderr);
	exit(2);
}

int
main(int argc, char *argv[])
{
	Scenario s = { .name = "own" };
	Job jobs[16];
	uint64_t n;
	int c, i, njobs = 1, more, begun = 0, ended = 0, failed = 0;
	int compares = 0;

	while ((c = getopt(argc, argv, "vlkuj:s:n:r:t:H:L:P:T:C:S:")) != -1) {
		switch (c) {
		case 'v':
			verbose = 1;
			break;
		case 'l':
			for (i = 0; i < LEN(scenarios); i++)
				describe(&scenarios[i]);
			return 0;
		case 'k':
			keyed = 1;
			break;
		case 'u':
			compares = 1;
			break;
		case 'j':
			njobs = CLAMP(atoi(optarg), 1, LEN(jobs));
			break;
		case 's':
			mode = Random;
			first = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			mode = Random;
			nseeds = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			only = optarg;
			break;
		case 't':
			s.secs = atoi(optarg);
			break;
		case 'H':
			hours = atof(optarg);
			break;
		case 'P':
			every = atof(optarg);
			break;
		case 'S':
			stall = atof(optarg);
			break;
		case 'L':
			s.links = optarg;
			break;
		case 'T':
			s.traffic = optarg;
			break;
		case 'C':
			s.changes = optarg;
			break;
		default:
			usage();
		}
	}
	if (hours) {
		s.name = "hours";
		s.secs = hours * 3600;
		s.links = s.links ? s.links : LAB;
		s.traffic = s.traffic ? s.traffic : "ping every=100; "
		    "game every=50; web every=30000; "
		    "web every=1200000 bytes=60000000";
	}
	if (optind < argc || (!s.links != !s.traffic && !compares))
		usage();
	if (!s.secs)
		s.secs = compares ? 22 : 30;
	if (compares) {
		mode = Unlike;
		ownlinks = s.links;
		if (s.traffic) {
			loads[0] = s.traffic;
			nloads = 1;
		}
		pairs = mmap(NULL, Nsets * LEN(loads) * sizeof(*pairs),
		    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (pairs == MAP_FAILED)
			exit(2);
	} else if (only)
		mode = Set;
	else if (s.links)
		mode = Own;
	while ((more = nextjob(&s, &n)) || ended < begun) {
		if (more)
			jobstart(&jobs[begun++ % njobs], &s, n);
		if (!more || begun - ended == njobs)
			failed += jobend(&jobs[ended++ % njobs]);
	}
	for (i = 0; compares && i < nloads; i++)
		comparesum(i);
	printf("%d passed, %d failed\n", begun - failed, failed);
	return failed > 0;
}
