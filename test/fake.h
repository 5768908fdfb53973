/* See LICENSE file for copyright and license details.
 *
 * The system calls of udpbond.c, answered by fakes. There are two sets of
 * fakes: those in fuzz.c, and those in sim.c for the ends in side.c.
 * Include this file in front of udpbond.c; sim.c, which makes true calls
 * itself, defines WORLD and gets the declarations only. Arguments that neither
 * set looks at are left out. A call that is missing here reaches the true
 * kernel, so add each new call of udpbond.c. All headers of udpbond.c come
 * first, because the macros would spoil their declarations.
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
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>

int fake_bind(int, const struct sockaddr *, socklen_t);
int fake_clock_gettime(clockid_t, struct timespec *);
int fake_close(int);
int fake_connect(int, const struct sockaddr *);
void fake_exit(int);
int fake_fstat(int, struct stat *);
int fake_getrandom(void *, size_t);
int fake_getsockopt(int, int, int, void *, socklen_t *);
int fake_if_nametoindex(const char *);
int fake_ioctl(int, unsigned long, void *);
void *fake_mmap(size_t);
int fake_open(const char *);
int fake_ppoll(struct pollfd *, int, const struct timespec *);
int fake_read(int, void *, size_t);
int fake_recvmmsg(int, struct mmsghdr *, int);
int fake_recvmsg(int, struct msghdr *);
int fake_sendmmsg(int, struct mmsghdr *, int);
int fake_sendto(int, const void *, size_t, const void *, socklen_t);
int fake_setsockopt(int, int, int, const void *);
int fake_socket(int);
int fake_write(int, const void *, size_t);
int fake_writev(int, const struct iovec *, int);

/* What rtnetlink is asked for: a type, or NLMSG_DONE if all there is of it. */
static inline int
fake_rttype(const void *d)
{
	const struct nlmsghdr *h = d;

	return h->nlmsg_flags & NLM_F_DUMP ? NLMSG_DONE : h->nlmsg_type;
}

/* What rtnetlink answers to a request for a route's device; that there is
 * nothing. Returns its length. */
static inline int
fake_rtnetlink(void *d, int type, uint32_t value)
{
	const int body = 12;
	struct rtattr a = { RTA_LENGTH(4), RTA_OIF };
	struct nlmsghdr h = { NLMSG_HDRLEN + body + 8,
	    type == NLMSG_DONE ? type : RTM_NEWROUTE, 0, 0, 0 };

	memset(d, 0, h.nlmsg_len);
	memcpy(d, &h, sizeof(h));
	memcpy((char *)d + NLMSG_HDRLEN + body, &a, sizeof(a));
	memcpy((char *)d + NLMSG_HDRLEN + body + 4, &value, 4);
	return h.nlmsg_len;
}

#ifndef WORLD

#define bind(fd, sa, len)             fake_bind(fd, sa, len)
#define clock_gettime(clock, ts)      fake_clock_gettime(clock, ts)
#define close(fd)                     fake_close(fd)
#define connect(fd, sa, len)          fake_connect(fd, sa)
#define exit(status)                  fake_exit(status)
#define fstat(fd, st)                 fake_fstat(fd, st)
#define getrandom(d, n, flags)        fake_getrandom(d, n)
#define getsockopt(fd, l, o, v, n)    fake_getsockopt(fd, l, o, v, n)
#define if_nametoindex(name)          fake_if_nametoindex(name)
#define ioctl(fd, what, arg) \
	fake_ioctl(fd, what, (void *)(uintptr_t)(arg))
#define mmap(at, n, p, flags, fd, o)  fake_mmap(n)
#define open(path, flags)             fake_open(path)
#define poll(pfd, n, ms)              fake_ppoll(pfd, n, NULL)
#define ppoll(pfd, n, ts, mask)       fake_ppoll(pfd, n, ts)
#define read(fd, d, n)                fake_read(fd, d, n)
#define recvmmsg(fd, mm, n, f, ts)    fake_recvmmsg(fd, mm, n)
#define recvmsg(fd, m, flags)         fake_recvmsg(fd, m)
#define sendmmsg(fd, mm, n, flags)    fake_sendmmsg(fd, mm, n)
#define sendto(fd, d, n, f, sa, len)  fake_sendto(fd, d, n, sa, len)
#define setsockopt(fd, l, o, v, n)    fake_setsockopt(fd, l, o, v)
#define socket(family, type, proto)   fake_socket(family)
#define write(fd, d, n)               fake_write(fd, d, n)
#define writev(fd, iov, n)            fake_writev(fd, iov, n)

/* answered by way of the fakes above */
#define syscall(...)                  fake_syscall(__VA_ARGS__)
/* Nobody may read the wall clock: the simulator fails if an end does. */
#define time(t)               fake_clock_gettime(CLOCK_REALTIME, (void *)(t))
#define gettimeofday(tv, tz)  fake_clock_gettime(CLOCK_REALTIME, (void *)(tv))

/* without effect: processes, signals, privileges */
#define fork()                        fakechild
#define socketpair(f, type, proto, fd) ((fd)[0] = (fd)[1] = -1, 0)
#define fcntl(fd, what, arg)          fake_nothing(0, arg)
#define getpid()                      1
#define getppid()                     1
#define _exit(status)                 abort()
#define execv(...)                    fake_nothing(0, __VA_ARGS__)
#define kill(...)                     fake_nothing(0, __VA_ARGS__)
#define prctl(...)                    fake_nothing(0, __VA_ARGS__)
#define prlimit(...)                  fake_nothing(0, __VA_ARGS__)
#define setpriority(...)              fake_nothing(0, __VA_ARGS__)
#define sigaction(sig, sa, old)       ((void)(sa))
#define signal(...)                   fake_nothing(0, __VA_ARGS__)
#define sigprocmask(how, set, old)    ((void)(set))
#define waitpid(pid, status, how)     fake_waitpid(pid, status)
#define uname(u)                      (memset(u, 0, sizeof(*(u))), 0)

static pid_t fakechild; /* 0: go on as the child */

static int
fake_nothing(int zero, ...)
{
	return zero;
}

/* All has ended well. */
static pid_t
fake_waitpid(pid_t pid, int *status)
{
	if (status)
		*status = 0;
	return pid;
}

/* Opens sockets, which udpbond.c does without the library on some machines,
 * and tells of no capabilities. Other calls have no effect. */
static long
fake_syscall(long n, ...)
{
	va_list ap;
	long r = 0;

	va_start(ap, n);
	if (n == SYS_socket) {
		r = fake_socket(va_arg(ap, int));
	} else if (n == SYS_capget) {
		va_arg(ap, void *);
		memset(va_arg(ap, void *), 0,
		    2 * sizeof(struct __user_cap_data_struct));
	}
	va_end(ap);
	return r;
}

#endif
