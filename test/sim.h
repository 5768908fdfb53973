/* See LICENSE file for copyright and license details.
 *
 * Between the simulator, sim.c, and the ends of the tunnel, side.c: what an
 * end can be told and asked, and the system calls that it makes.
 */
enum { SimLinks = 5 };

typedef struct {
	const char *name;
	int up;
	const char *state;
	int64_t rate, burst;      /* bit/s, ns: of the pacer */
	int64_t srtt, owd;        /* us */
	double loss;              /* 0 to 1 */
	int score;
} SimLink;

typedef struct {
	int queued, express, acks, again; /* packets that wait for a link */
	int held, pool;           /* packets in use; that there are */
	uint64_t late, lost;      /* ordered ones */
	uint64_t nopool;          /* dropped for want of one in the pool */
} SimStat;

typedef struct {
	int server, keyed;
	struct { double up, down; int prio; } link[SimLinks];
} SimConf;

typedef struct {
	void (*start)(const SimConf *);
	void (*stop)(void);       /* cleanly */
	void (*turn)(int, int);   /* is there something from TUN, links */
	int64_t (*timeout)(void); /* us */
	void (*link)(int, SimLink *);
	void (*stat)(SimStat *);
	int (*express)(const void *); /* a datagram that it sends */
	const char *(*report)(void);
} SimSide;

/* all the same; a restart takes a fresh one */
extern const SimSide side0, side1, side2, side3;

extern FILE *sim_log;

int sim_clock_gettime(clockid_t, struct timespec *);
ssize_t sim_getrandom(void *, size_t, unsigned);
int sim_open(const char *, int, ...);
int sim_fstat(int, struct stat *);
ssize_t sim_read(int, void *, size_t);
ssize_t sim_write(int, const void *, size_t);
int sim_close(int);
int sim_ioctl(int, unsigned long, void *);
int sim_socket(int, int, int);
int sim_bind(int, const struct sockaddr *, socklen_t);
int sim_connect(int, const struct sockaddr *, socklen_t);
int sim_setsockopt(int, int, int, const void *, socklen_t);
int sim_getsockopt(int, int, int, void *, socklen_t *);
int sim_sendmmsg(int, struct mmsghdr *, unsigned, int);
int sim_recvmmsg(int, struct mmsghdr *, unsigned, int, struct timespec *);
ssize_t sim_sendto(int, const void *, size_t, int, const struct sockaddr *,
                   socklen_t);
ssize_t sim_recvmsg(int, struct msghdr *, int);
pid_t sim_waitpid(pid_t, int *, int);
void *sim_calloc(size_t, size_t);
void sim_exit(int);
