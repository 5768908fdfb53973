/* See LICENSE file for copyright and license details.
 *
 * Between the simulator, sim.c, and the ends of the tunnel, side.c: what an
 * end can be told and asked. The system calls that it makes are in fake.h.
 */
enum { SimLinks = 5 };

typedef struct {
	const char *name;
	int works, up;            /* up: and it is not spare */
	const char *state;
	int64_t rate, burst;      /* bit/s, ns: of the pacer */
	int64_t srtt, owd;        /* us */
	double loss;              /* 0 to 1 */
	int score;
	int payload;              /* bytes of a packet, with its order */
	int shut;                 /* gets no more ordered packets for now */
	int quick;                /* the best, and other links are further */
} SimLink;

typedef struct {
	int queued, express, acks, again; /* packets that wait for a link */
	int held, pool;           /* packets in use; that there are */
	uint64_t late, lost;      /* ordered ones */
	uint64_t recovered;       /* by parity */
	uint64_t nopool;          /* dropped for want of one in the pool */
	uint64_t dropped;         /* of what came by the links */
	int reorderms;            /* of config.h */
} SimStat;

typedef struct {
	int server, keyed;
	int parity, compress;     /* -1: as config.h has it */
	struct { double up, down; int prio; } link[SimLinks];
} SimConf;

typedef struct {
	void (*start)(const SimConf *);
	void (*stop)(void);       /* cleanly */
	void (*turn)(int, int);   /* is there something from TUN, links */
	int64_t (*timeout)(void); /* us */
	void (*link)(int, SimLink *);
	void (*rate)(int, int64_t); /* of a link, bit/s, known for sure */
	void (*stat)(SimStat *);
	int (*express)(int, const void *); /* a datagram that it sends */
	int (*open)(uint8_t *, const uint8_t *, int, uint64_t *); /* that */
	int (*unsqueeze)(uint8_t *, int, const uint8_t *, int);
	const char *(*report)(void);
} SimSide;

/* of client and server */
extern const SimSide side0, side1;
