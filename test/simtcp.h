/* See LICENSE file for copyright and license details.
 *
 * What TCP and QUIC of the simulator and its world, sim.c, have in common.
 * Times are ns, virtual ones.
 */
#define NEVER           INT64_MAX

enum { Us = 1000, Ms = 1000000, Sec = 1000000000 };
enum { Cubic, Bbr };      /* congestion control */

/* a deadline, one event of the world */
typedef struct Timer Timer;
struct Timer {
	int64_t at;
	int pos, id;              /* in the heap; in the order of creation */
	void (*fire)(void *);
	void *arg;
};

typedef struct Buf Buf;
struct Buf {
	Buf *next;
	int64_t depart, hold, deliver;
	int len, from, to;        /* bytes, UDP ports */
	int damaged;              /* on its way */
	uint8_t data[1600];
	uint8_t plain[1600];      /* its records, if it is a datagram */
	int plainlen;
};

typedef struct {
	int64_t seq;              /* bytes from the start of the data */
	int len;
	int sacked, lost, out;    /* out: retransmitted and not yet lost again */
	int ever;                 /* was retransmitted */
	int prev, next, listed;   /* in order of sending */
	int64_t sent, firsttx, dtime, delivered; /* for the delivery rate */
	int applim;
} Seg;

typedef struct {
	int64_t a, b;             /* bytes from a to before b */
} Range;

typedef struct Tcp Tcp;
struct Tcp {
	/* of the one who uses it */
	void *app;
	void (*onread)(Tcp *, int64_t); /* so many bytes more, in order */
	int64_t end;              /* bytes to be sent in all */
	int fin;                  /* then close */

	int side, port, service, cc, ecn, state;
	Timer timer;
	uint32_t isn, irs;
	uint16_t ipid;
	int mss;

	/* sending, as Linux does it */
	Seg *seg;
	int size;                 /* of seg, power of 2 */
	int first, last;          /* numbers of segments: unacknowledged, next */
	int head, tail;           /* in order of sending */
	int sackedout, lostout, rtxout, hint;
	int64_t una, nxt, fack;
	Range seen[4];            /* SACK blocks worked off already */
	int nseen;
	int ca;                   /* state of congestion */
	int cwnd, cwndcnt, ssthresh, priorcwnd, priorssthresh;
	int prrdelivered, prrout, maxout, limited;
	int64_t maxoutseq;
	int64_t high, undo;       /* end of recovery; its start, -1: none */
	int undortx;
	int64_t rtxstamp;
	int64_t delivered, dtime, firsttx, applimited, losses;
	int64_t srtt, rttvar, minrtt, minrtttime;
	int64_t rto, rack, pto, pace, syn; /* deadlines, 0: none */
	int64_t synsent;
	int backoff;
	int64_t tlphigh;
	int tlprtx, cwr;
	uint32_t tsrecent;
	/* RACK, RFC 8985 */
	int64_t rackstamp, rackseq, rackrtt, racklast;
	int reordering, reordseen, reosteps, reopersist, dsackseen, advanced;

	/* cubic */
	int64_t epoch, lasttime, delaymin, roundstart, lastack, currrtt;
	int64_t roundend;
	double lastmax, origin, k;
	int lastcwnd, ackcnt, cnt, tcpcwnd, samples, found;

	/* BBR */
	struct { int64_t round; double bw; } bw[3];
	int mode, fullcnt, full, cycle, roundstarted, conserve, probedone;
	int priorca;
	int64_t round, nextround, cyclestamp, bbrmin, bbrminstamp, probeend;
	double fullbw, rate, pacegain, cwndgain; /* packets and bytes a ns */
	double extra[2];
	int64_t ackepoch, ackepochcount, extrarounds;
	int savedcwnd;

	/* receiving */
	int64_t rcvnxt, rcvwup, finseq;
	Range ooo[512];
	int nooo;
	Range sack[4];
	int nsack;
	Range dsack;
	int64_t delack, comp;     /* deadlines */
	int quick, dupacks, compressed, unacked, ece;
	int64_t compnxt;
};

extern int64_t simnow;
extern int tcpmss;                /* of the hosts */

uint64_t draw(void);
double uniform(void);
void timerinit(Timer *, void (*)(void *), void *);
void timerset(Timer *, int64_t);
Buf *bufnew(void);
void hostsend(int, Buf *);
void ipheader(uint8_t *, int, int, int, int, int);
int payload(uint8_t *, uint32_t, int);
double cuberoot(double);

void tcpinit(Tcp *, int);
void tcpopen(Tcp *, int, int, int, int);
void tcpsend(Tcp *);
void tcpinput(Tcp *, const uint8_t *, int);
void tcpclose(Tcp *);
