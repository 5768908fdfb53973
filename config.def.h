/* See LICENSE file for copyright and license details. */

/* the networks behind the router, separated by spaces, and the devices that
 * they are on; the commands route them into the tunnel */
#define LAN "192.168.1.0/24"
#define LANDEV "eth0"

/* the LAN while no link is up: "lookup main": it has the router's own line, in
 * clear; "unreachable": its hosts are told that there is no way */
#define OFFLINE "lookup main"

/* networks behind the client, IPv4 or IPv6 with prefix length, separated by
 * spaces: only their hosts may use the tunnel, as with WireGuard's AllowedIPs.
 * NULL: any */
static const char *lannets     = LAN;

/* the TUN device; its addresses are IPv4 or IPv6, separated by spaces, and
 * in networks without a link's address */
static const char *tundev      = "tun-bond";
static const char *clientaddr  = "192.168.50.1/32"; /* the client's address */
static const char *serveraddr  = "10.99.0.1/32";    /* the server's address */

/* file with a key from udpbond -k, the same on both hosts: all is encrypted,
 * and links need no WireGuard. NULL: packets are NOT encrypted and
 * not authenticated, so links have to be private (WireGuard), and only those
 * from the addresses below are accepted */
static const char *keyfile     = NULL;

/* links: NULL as device means any; as client address, that of the route; as
 * server address, all (server only). A NULL address needs a key. A link's
 * name is its device, or else its client address; names differ. Priority is
 * 0 to 60, lower is better. A link whose score is worse than the best one's by
 * more than satweight is spare: it carries only what the others cannot. 61 is
 * a backup: it carries nothing while another link works. A rate is the most
 * that is sent. The client tells the server priorities, rates and hbinterval:
 * to change these, compile the client only.
 * Up to three rows may be patterns, each for 32 devices that come and go: %d
 * is a number, also in both addresses, that is added to the port; * ? [] are
 * any device that has an address and a route, with a key. */
static const Linkconf links[] = {
	/* device  client        server        port  priority  up  down (Mbit/s, 0: unknown) */
	{ "wg0",  "10.200.0.1", "10.200.0.2", 9001, 1,        10, 10 },
	{ "wg1",  "10.200.1.1", "10.200.1.2", 9002, 2,        70, 70 },
	{ "wg2",  "10.200.2.1", "10.200.2.2", 9003, 2,        70, 70 },
	{ "wg3",  "10.200.3.1", "10.200.3.2", 9004, 2,        70, 70 },
	{ "wg4",  "10.200.4.1", "10.200.4.2", 9005, 2,        70, 70 },
/*	{ "lte%d", "10.201.%d.1", "10.201.%d.2", 9011, 2,     0,  0  }, */
/*	{ "usb*", NULL, "198.51.100.7",       9006, 2,        0,  0  }, */
	/* a modem whose bytes cost money, 1 GB a month of them while idle */
/*	{ "wwan0", NULL, "198.51.100.7",      9007, 61,       0,  0  }, */
};

/* traffic: the first row that fits a packet says what it is. Port is that of
 * either end, DSCP the least, 0 is any. Classes:
 *	Urgent  goes first, up to a share of the best link
 *	Normal  goes first while it is sparse: small packets, not many
 *	Quic    never goes first, see QUIC in the man page; port: the server's
 *	Bulk    never goes first, takes the quick link last
 * Use is how long a packet is sent again and waited for, reorderms at most; 0
 * is reorderms. A packet that no row fits is Normal, 0. */
static const Traffic traffic[] = {
	/* name      protocol        port   dscp  class   use (ms) */
/*	{ "game",    IPPROTO_UDP,    27015, 0,    Urgent, 150 }, */
/*	{ "copies",  IPPROTO_TCP,    873,   0,    Bulk,   0   }, */
	/* clients ask again only after seconds */
	{ "dns",     IPPROTO_UDP,    53,    0,    Urgent, 0   },
	/* senders take a loss for congestion, as TCP does */
	{ "quic",    IPPROTO_UDP,    443,   0,    Quic,   0   },
	{ "icmp",    IPPROTO_ICMP,   0,     0,    Urgent, 250 },
	{ "icmpv6",  IPPROTO_ICMPV6, 0,     0,    Urgent, 250 },
	/* calls and games go on without a packet */
	{ "call",    IPPROTO_UDP,    0,     32,   Urgent, 250 },
	{ "udp",     IPPROTO_UDP,    0,     0,    Normal, 250 },
	/* TCP, and tunnels of all kinds */
	{ "marked",  0,              0,     32,   Urgent, 0   },
	{ "tcp",     IPPROTO_TCP,    0,     0,    Normal, 0   },
	{ "other",   0,              0,     0,    Normal, 0   },
};

/* score: lower is better
 * priority * prioweight + RTT in ms * rttweight
 * + satweight if saturated + loss (0 to 1) * lossweight */
static const int prioweight    = 1000;
static const int rttweight     = 10;
static const int satweight     = 10000;
static const int lossweight    = 5000;

static const int satpercent    = 80;   /* percent of a link's rate in use above which it is saturated */
static const int losspercent   = 5;    /* percent of packets lost above which a link is reported lossy */
static const int hbinterval    = 100;  /* ms between heartbeats on each link, but 1 s on idle spare ones; the client's counts for both ends */
static const int linkoverhead  = 60;   /* bytes that a link adds to a UDP/IP packet: WireGuard over IPv4; 0 without it */
static const int parity        = 1;    /* against loss: 0: repairs only, where bytes cost money; 1: parity too, as links lose and have room; 2: a copy of every packet */
static const int expresscopies = 1;    /* 1: send express packets and ACKs of downloads over a second link too */
static const int compress      = 0;    /* kbit/s: links slower than this compress packets while they are full; 0: never */

/* memory: packets of 1.7 kB each, allocated when first used */
static const int queuepkts     = 4096; /* waiting for a link */
static const int keeppkts      = 8192; /* kept after sending, to measure and to repair; a power of 2 */
static const int reorderpkts   = 8192; /* back from the newest, waited for or held; a power of 2 */
static const int reorderms     = 1000; /* ms that a missing packet is waited for at most */

/* offload: the kernel handles many packets in one call if it can; 0: off */
static const int tunsegment    = 1;    /* GSO packets from and to the TUN device */
static const int udpsegment    = 1;    /* UDP_SEGMENT */
static const int udpgro        = 1;    /* UDP_GRO */

/* scheduling priority, nice(2): packets should not wait for the processor */
static const int niceness      = -10;

/* confinement of the process that handles packets; udpbond -t prints it.
 * Its parent stays root, for the commands below. */
static const int runas         = 2000000000; /* user and group id that nothing else may use; 0: stay root */
static const char *chrootdir   = "/var/run/udpbond"; /* empty, made if missing; NULL: see all files */
static const int seccomp       = 1;    /* allow only the system calls that it needs */

/* parts of the commands below: for each network of LAN, of IP version $v; for
 * each device of the LAN, if there is IPv6; take away the rules of $prio; be an
 * IPv6 router that still takes its own address from one */
#define NETS "for net in " LAN "; do case $net in *:*) v=6;; *) v=4;; esac; "
#define DEVS "[ ! -d /proc/sys/net/ipv6 ] || for dev in " LANDEV "; do "
#define NORULES "for v in 4 6; do while ip -$v rule del priority $prio 2>/dev/null; do :; done; done"
#define ROUTER6 "for f in /proc/sys/net/ipv6/conf/*/accept_ra; do [ \"$(cat $f)$(cat ${f%/*}/forwarding)\" != 10 ] || echo 2 >$f; done; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"

/* shell commands, run in this order as root: up once the TUN device is up,
 * linkup when the first link comes up, linkdown when none has been up for 5 s,
 * down after the device is gone. TUN, ADDR (its addresses), PEER (the other
 * end's), MTU and STATE (up, linkup, linkdown, down) are in the environment.
 * Only what belongs there is forwarded: nothing with a source address of the
 * host, from the LAN what it sends, to the LAN what answers it. IPv6 of the LAN
 * is carried if both TUN devices have an IPv6 address, with NAT; else it is
 * unreachable while a link is up, and hosts take IPv4. */
static const char *clientup[] = {
	"nft \"add table inet $TUN; delete table inet $TUN; add table inet $TUN;"
	" add set inet $TUN lan4 { type ipv4_addr; flags interval; auto-merge; };"
	" add set inet $TUN lan6 { type ipv6_addr; flags interval; auto-merge; };"
	" add chain inet $TUN forward { type filter hook forward priority 0; };"
	" add rule inet $TUN forward iifname $TUN ct state new,invalid drop;"
	" add rule inet $TUN forward iifname $TUN ip daddr != @lan4 drop\"",
	NETS "nft add element inet \"$TUN\" lan$v \"{ $net }\"; done",
	"nft insert rule inet \"$TUN\" forward fib saddr type local drop",
	"nft add chain inet \"$TUN\" zone \"{ type filter hook prerouting priority -300; }\"",
	"echo 1 >/proc/sys/net/ipv4/ip_forward",
	"for peer in $PEER; do ip route replace \"${peer%/*}\" dev \"$TUN\"; done",
	"ip route replace default dev \"$TUN\" table 200",
	"[ ! -d /proc/sys/net/ipv6 ] || echo 0 >/proc/sys/net/ipv6/conf/\"$TUN\"/accept_ra",
	"case $ADDR in *:*) ip -6 route replace default dev \"$TUN\" table 200; " ROUTER6 ";"
	" nft \"add chain inet $TUN nat { type nat hook postrouting priority 100; };"
	" add rule inet $TUN nat oifname $TUN meta nfproto ipv6 masquerade\";; esac",
	"for prio in 199 200 201; do " NORULES "; done",
	NETS "ip -$v rule add to \"$net\" lookup main priority 199; done",
	NETS "ip -$v rule add from \"$net\" " OFFLINE " priority 201; done",
	DEVS "ip -6 rule add iif \"$dev\" lookup main suppress_prefixlength 0 priority 199; done",
	DEVS "ip -6 rule add iif \"$dev\" " OFFLINE " priority 201; done",
};
static const char *clientlinkup[] = {
	/* connections of another way are others, with another address; answers
	 * of the router itself and of the LAN still belong to them */
	"nft add rule inet \"$TUN\" zone iifname != \"$TUN\" ip saddr @lan4 ip daddr != @lan4 ct original zone set 200",
	NETS "ip -$v rule add from \"$net\" lookup 200 priority 200; done",
	"case $ADDR in *:*) to='lookup 200';; *) to=unreachable;; esac; "
	DEVS "ip -6 rule add iif \"$dev\" $to priority 200; done",
};
static const char *clientlinkdown[] = {
	"nft flush chain inet \"$TUN\" zone",
	"prio=200; " NORULES,
};
static const char *clientdown[] = {
	"for prio in 199 200 201; do " NORULES "; done",
	"nft delete table inet \"$TUN\"",
};
static const char *serverup[] = {
	"nft \"add table inet $TUN; delete table inet $TUN; add table inet $TUN;"
	" add set inet $TUN lan4 { type ipv4_addr; flags interval; auto-merge; };"
	" add set inet $TUN lan6 { type ipv6_addr; flags interval; auto-merge; };"
	" add chain inet $TUN forward { type filter hook forward priority 0; };"
	" add rule inet $TUN forward iifname $TUN ip saddr != @lan4 drop;"
	" add rule inet $TUN forward iifname $TUN ip6 saddr != @lan6 drop;"
	" add rule inet $TUN forward oifname $TUN ct state new,invalid drop;"
	" add chain inet $TUN nat { type nat hook postrouting priority 100; };"
	" add rule inet $TUN nat ip saddr @lan4 oifname != $TUN masquerade;"
	" add rule inet $TUN nat ip6 saddr @lan6 oifname != $TUN masquerade\"",
	"for peer in $PEER; do case $peer in *:*) v=6;; *) v=4;; esac; nft add element inet \"$TUN\" lan$v \"{ ${peer%/*} }\"; done",
	NETS "nft add element inet \"$TUN\" lan$v \"{ $net }\"; done",
	"nft insert rule inet \"$TUN\" forward fib saddr type local drop",
	"echo 1 >/proc/sys/net/ipv4/ip_forward",
	"for net in $PEER; do ip route replace \"${net%/*}\" dev \"$TUN\"; done",
	"for net in " LAN "; do ip route replace \"$net\" dev \"$TUN\"; done",
	"[ ! -d /proc/sys/net/ipv6 ] || echo 0 >/proc/sys/net/ipv6/conf/\"$TUN\"/accept_ra",
	"case $ADDR in *:*) " ROUTER6 ";; esac",
};
static const char *serverlinkup[] = { NULL };
static const char *serverlinkdown[] = { NULL };
static const char *serverdown[] = {
	"nft delete table inet \"$TUN\"",
};
