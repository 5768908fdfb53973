/* See LICENSE file for copyright and license details. */

/* the networks behind the router, routed into the tunnel by the commands */
#define LAN "192.168.1.0/24"

/* the TUN device; several addresses are separated by spaces, and may be IPv6 */
static const char *tundev      = "tun-bond";
static const char *clientaddr  = "192.168.50.1/24"; /* the client's address */
static const char *serveraddr  = "10.99.0.1/24";    /* the server's address */

/* file with the key that udpbond -k prints, the same on both hosts.
 * NULL: links are private (WireGuard), packets are not authenticated and
 * only those from the addresses below count */
static const char *keyfile     = NULL;

/* links: the client's device and address may be NULL (whatever the route
 * gives), the server's address too (all addresses), but only with a key.
 * Priority 0 to 60, lower is better. The client tells the server priorities
 * and rates, so changing those means compiling the client only. */
static const Linkconf links[] = {
	/* device  client        server        port  priority  up  down (Mbit/s, 0: unknown) */
	{ "wg0",  "10.200.0.1", "10.200.0.2", 9001, 1,        10, 10 },
	{ "wg1",  "10.200.1.1", "10.200.1.2", 9002, 2,        70, 70 },
	{ "wg2",  "10.200.2.1", "10.200.2.2", 9003, 2,        70, 70 },
	{ "wg3",  "10.200.3.1", "10.200.3.2", 9004, 2,        70, 70 },
	{ "wg4",  "10.200.4.1", "10.200.4.2", 9005, 2,        70, 70 },
};

/* score: lower is better
 * priority * prioweight + RTT in ms * rttweight
 * + satweight if saturated + loss (0 to 1) * lossweight */
static const int prioweight    = 1000;
static const int rttweight     = 10;
static const int satweight     = 10000;
static const int lossweight    = 5000;

static const int satpercent    = 80;   /* of a link's rate in use: saturated */
static const int losspercent   = 5;    /* of packets lost: link is lossy */
static const int hbinterval    = 100;  /* ms between heartbeats on each link */
static const int linkoverhead  = 60;   /* bytes that the links below add to a UDP/IP packet: WireGuard over IPv4 */
static const int expresscopies = 1;    /* 1: express packets go by a second link too */

/* memory: packets of 1.6 kB, taken when they are first needed */
static const int queuepkts     = 4096; /* waiting for a link */
static const int keeppkts      = 8192; /* sent, to be sent again, power of 2 */
static const int reorderpkts   = 4096; /* waiting for one that is missing, power of 2 */
static const int reorderms     = 150;  /* ms that a packet waits for one at most */

/* offload: what the kernel does for many packets at once, if it can; 0: off */
static const int tunsegment    = 1;    /* superpackets from and to the TUN device */
static const int udpsegment    = 1;    /* one message for many datagrams; 2: on Linux 7.0 and 7.1 too, where it is broken with some cards */
static const int udpgro        = 1;    /* the same for receiving */
static const int batches       = 1;    /* sendmmsg and recvmmsg */

/* scheduling priority of the process, nice(2): a packet that waits for the
 * processor is a slow one */
static const int niceness      = -10;

/* confinement, once all is set up; see udpbond -t. Only the commands below
 * are run as root then. */
static const int runas         = 65534; /* user and group id, nobody; 0: stay root */
static const char *chrootdir   = "/var/run/udpbond"; /* empty, made if it is not there; NULL: all files can be seen */
static const int dropcaps      = 1;    /* keep only the capabilities that are needed */
static const int nonewprivs    = 1;    /* nothing that is executed gains any */
static const int seccomp       = 1;    /* allow only the system calls that are needed */

/* shell commands, run in this order once the TUN is up and, after it is
 * gone, when the program ends; TUN, ADDR and MTU are in the environment */
static const char *clientup[] = {
	"echo 1 >/proc/sys/net/ipv4/ip_forward",
	"ip route replace 10.99.0.0/24 dev $TUN",
	"ip route replace default dev $TUN table 200",
	"ip rule del priority 199 2>/dev/null; ip rule add to " LAN " lookup main priority 199",
	"ip rule del priority 200 2>/dev/null; ip rule add from " LAN " lookup 200 priority 200",
};
static const char *clientdown[] = {
	"ip rule del priority 200",
	"ip rule del priority 199",
};
static const char *serverup[] = {
	"echo 1 >/proc/sys/net/ipv4/ip_forward",
	"ip route replace 192.168.50.0/24 dev $TUN",
	"ip route replace " LAN " dev $TUN",
	"nft add table ip udpbond; nft flush table ip udpbond",
	"nft add chain ip udpbond nat '{ type nat hook postrouting priority 100; }'",
	"nft add rule ip udpbond nat ip saddr '{ 192.168.50.0/24, " LAN " }' oifname != $TUN masquerade",
};
static const char *serverdown[] = {
	"nft delete table ip udpbond",
};
