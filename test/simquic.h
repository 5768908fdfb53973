/* See LICENSE file for copyright and license details.
 *
 * The QUIC of the simulator, simquic.c, as its world, sim.c, sees it; see
 * simtcp.h for what they have in common.
 */
enum { QuicMss = 1212, QuicIp = 1280 }; /* bytes of data; with all headers */

typedef struct {
	int64_t at;               /* when it was sent */
	int64_t off;              /* of its data */
	int len, size;            /* bytes of data; of the UDP payload */
	int out, fresh;           /* on its way; just acknowledged */
} Quicpkt;

typedef struct Quic Quic;
struct Quic {
	/* of the one who uses it, see quicopen() */
	void *app;
	void (*onread)(Quic *, int64_t); /* so many bytes more, in order */
	int reno, hystartpp, acks;
	int64_t ready;            /* when its handshake was over, or NEVER */
	int64_t got;              /* bytes that were read */

	int side, port, service;
	uint64_t id;              /* of the connection, 0: none */
	uint16_t ipid;
	Timer timer;
	int64_t losstime, pto, pace, ackdue; /* deadlines, NEVER: none */

	/* sending */
	Quicpkt *pkt;             /* those from first on, a ring */
	int size;                 /* of pkt and again, power of 2 */
	int64_t first, next;      /* packet numbers: oldest out, next */
	int64_t nxt, end;         /* offset of the next data; of its end */
	Range *again;             /* lost data, a ring */
	unsigned nagain, againhead;
	int64_t acked;            /* largest that is acknowledged, or -1 */
	int64_t inflight, cwnd, ssthresh, lost; /* bytes, lost: packets */
	int64_t cutback;          /* sent before the window was reduced */
	int count;                /* of Reno: packets acknowledged */
	int backoff, probes;
	int64_t lasteliciting;
	double budget;            /* bytes that may go at once */
	int64_t budgettime;
	int64_t srtt, rttvar, latest, minrtt; /* 0: none */

	/* cubic: bytes and s */
	int64_t epoch;            /* 0: none */
	double lastmax, origin, k, tcpcwnd, newly;

	/* HyStart and HyStart++ */
	int64_t roundend;         /* number of its last packet, -1: none */
	int64_t roundmin, lastmin, baseline;
	int samples, found, css, cssrounds;

	/* receiving */
	Range seen[32];           /* numbers of packets, ascending */
	int nseen;
	int64_t seentime;         /* when the largest came */
	int unacked, eliciting;   /* since the last ACK; in all */
	int acknow;
	Range data[512];          /* what came, ascending */
	int ndata;
	int64_t rcvnxt;
};

void quicinit(Quic *, int);
void quicopen(Quic *, int, int, int, uint64_t);
void quicwrite(Quic *, int64_t);
void quicinput(Quic *, const uint8_t *);
void quicclose(Quic *);
