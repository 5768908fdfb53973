#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Attacks a bond from a host on the path of its links, see flood.c. This host
# sees all datagrams, forges addresses, makes datagrams up, alters and replays
# them, while a download and numbered packets run through the tunnel. Needs
# root, iproute2, iperf3 and sysctl; takes some 50 s.
#
#	hxc-PID              hxp-PID                          hxs-PID
#	10.66.0.1  == hx0 == 10.66.0.2, 10.67.0.1 -- sv0 -- 10.67.0.2
#	10.66.1.1  == hx1 == 10.66.1.2, 10.67.1.1 -- sv1 -- 10.67.1.2
#	client       10 ms   attacker,               veth      server
#	                     198.51.100.0/24, 2001:db8::/120
#
# IPv6 addresses are fd66:0::1 for 10.66.0.1 and so on; some attacks run over
# IPv6 as well.
#
# Only udpbond's configured rate of 30 Mbit/s limits the links, so an attack
# does not take a link's capacity from the download. Arguments are the seconds
# of each attack (1), its packets per second (2500), and how often the attacks
# beside the download are repeated (1).

# shellcheck disable=SC2317 # waitfor calls some functions

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

NETS='hxc hxp hxs'
secs=${1-1} pps=${2-2500} times=${3-1}
ms=$(echo "$secs" | awk '{ print int($1 * 1000) }')
token=$(($$ % 1000000 * 100 + 1)) failed=0 six=''

# counting

# check STATUS TEXT
check()
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
		return
	fi
	echo "not ok - $2"
	failed=1
}

# holds EXPRESSION: one of awk
holds()
{
	awk "BEGIN { exit !($1) }" 2>/dev/null
}

# field NAME FILE: the number behind that word, -1 if there is none
field()
{
	awk -v name="$1" '
	{
		for (i = 1; i < NF; i++)
			if ($i == name)
				n = $(i + 1)
	}
	END { print n == "" ? -1 : n }' "$2"
}

# the lab

way()
{
	for ns in hxc hxp hxs; do
		ip netns add $ns-$$ || return 1
		at $ns ip link set lo up
		at $ns sysctl -qw net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.conf.default.rp_filter=0 \
			net.ipv6.conf.default.accept_dad=0
	done
	at hxp sysctl -qw net.ipv4.ip_forward=1 \
		net.ipv4.conf.all.send_redirects=0 \
		net.ipv6.conf.all.forwarding=1
	start linkem hxc "$LAB/linkem" -s 1 hxc-$$ hxp-$$ \
		"$(hostilelink 0)" "$(hostilelink 1)"
	waitfor 10 grep -q ready "$LAB/linkem.out" || return 1
	for i in 0 1; do
		# what leaves the server is seen datagram by datagram, and the
		# attacker's may be longer than any of the bond's
		ip link add sv$i mtu 9000 gso_max_segs 1 netns hxs-$$ \
			type veth peer name sv$i mtu 9000 netns hxp-$$
		netaddr hxp sv$i 10.67.$i.1/24
		netaddr hxs sv$i 10.67.$i.2/24
		netaddr hxp sv$i fd67:$i::1/64
		netaddr hxs sv$i fd67:$i::2/64
		at hxc ip route add 10.67.$i.0/24 via 10.66.$i.2 dev hx$i
		at hxs ip route add 10.66.$i.0/24 via 10.67.$i.1 mtu 1420
		at hxc ip route add fd67:$i::/64 via fd66:$i::2
		at hxs ip route add fd66:$i::/64 via fd67:$i::1 mtu 1420
	done
	at hxs ip route add 198.51.100.0/24 via 10.67.0.1
	at hxp ip route add blackhole 198.51.100.0/24
	at hxs ip route add 2001:db8::/120 via fd67:0::1
	at hxp ip route add blackhole 2001:db8::/120
	# what a TUN device would say by itself is none of the numbered packets
	for ns in hxc hxs; do
		at $ns sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	done
}

# hostilelink NUMBER
hostilelink()
{
	echo "hx$1,10.66.$1.1/24+fd66:$1::1/64,10.66.$1.2/24+fd66:$1::2/64,\
delay=10,mtu=1420"
}

# bondbuild DIR KEYFILE [SED-SCRIPT]: a name in quotes, or NULL; of the
# commands only those for routes
bondbuild()
{
	build "$1" "s|^\\(.*keyfile *= \\)NULL|\\1$2|
		/\"wg[2-4]\"/d
		s|\"wg\\([01]\\)\"|\"hx\\1\"|
		s|\"10.200.\\([01]\\).1\"|\"10.66.\\1.1\"|
		s|\"10.200.\\([01]\\).2\"|\"10.67.\\1.2\"|
		s|2,  *70, 70 }|1, 30, 30 }|; s|1,  *10, 10 }|1, 30, 30 }|
		/^static const char \\*clientup/,\$ {
			/^	\"/{ /route replace/!s|\".*|\":\",|; }
		}
		${3-}" "CFLAGS=-std=c99 -O1"
}

# fresh: both ends of what is in $bond, anew
fresh()
{
	stop client
	stop server
	rm -f "$LAB"/client.err "$LAB"/server.err
	start server hxs "$bond/udpbond" -s -m 0
	start client hxc "$bond/udpbond" -c -m 0
	waitfor 10 bothup
}

# bothup: both links, at both ends
bothup()
{
	for ns in hxc hxs; do
		[ "$(at "$ns" "$bond/udpbond" -p |
			grep -c '^udpbond_link_up{.*} 1')" -eq 2 ] || return 1
	done
	at hxc ping -q -c 1 -W 1 10.99.0.1
}

# recorded FILE COMMAND...: what passes meanwhile
recorded()
{
	start record hxp "$LAB/flood" ${six:+-6} record "$1" 10000
	sleep 0.1
	shift
	"$@"
	status=$?
	stop record
	return $status
}

# what is legitimate

# marks NAME NS FROM TO PORT PPS LEN MS: numbered packets
marks()
{
	start "$1" "$2" "$LAB/flood" marks "$3" "$4" "$5" $token "$6" "$7" "$8"
}

# traffic SECONDS: those, express and ordered, in both directions
traffic()
{
	n=$(($1 * 1000)) token=$((token + 1))
	start watchserver hxs "$LAB/flood" watch tun-bond \
		10.99.0.1 192.168.50.1 $token
	start watchclient hxc "$LAB/flood" watch tun-bond \
		192.168.50.1 10.99.0.1 $token
	sleep 0.1
	marks server1 hxc 192.168.50.1 10.99.0.1 7001 100 100 $n
	marks server2 hxc 192.168.50.1 10.99.0.1 7002 400 1300 $n
	marks client1 hxs 10.99.0.1 192.168.50.1 7001 100 100 $n
	marks client2 hxs 10.99.0.1 192.168.50.1 7002 400 1300 $n
}

# trafficend LABEL: they came, once, and no others
trafficend()
{
	for i in server1 server2 client1 client2; do
		stop $i
	done
	sleep 0.3
	for end in server client; do
		stop watch$end
		f=$LAB/watch$end.out
		holds "$(field strange "$f") == 0 && $(field twice "$f") == 0"
		check $? "$1: nothing got in at the $end: $(cat "$f")"
		n=$(field marks "$LAB/${end}1.out")
		n=$((n + $(field marks "$LAB/${end}2.out")))
		holds "$n > 0 && $(field good "$f") >= 0.9 * $n"
		check $? "$1: $(field good "$f") of $n came to the $end"
		rm -f "$f" "$LAB/${end}1.out" "$LAB/${end}2.out"
	done
}

# a short session, to its end
session()
{
	fresh || return 1
	marks marks1 hxc 192.168.50.1 10.99.0.1 7001 300 100 500
	marks marks2 hxs 10.99.0.1 192.168.50.1 7002 800 700 500
	sleep 0.6
	stop marks1
	stop marks2
	stop client
	stop server
}

# received: bytes out of the client's tunnel, and when
received()
{
	at hxc cat /sys/class/net/tun-bond/statistics/rx_bytes /proc/uptime |
		awk 'NR == 1 { n = $1 } NR == 2 { print n, $1 }'
}

# speed BEFORE: Mbit/s since
speed()
{
	echo "$1 $(received)" |
		awk '{ printf "%.1f\n", ($3 - $1) * 8e-6 / ($4 - $2 + 1e-9) }'
}

# what both ends say

# count NS REASON...: dropped there, or come twice, for these reasons
count()
{
	ns=$1
	shift
	at "$ns" "$bond/udpbond" -p | awk -v why="$*" '
	{ gsub(/.*reason="|"}/, "") }
	index(" " why " ", " " $1 " ") { n += $2 }
	END { print n + 0 }'
}

# dropped: at the server and at the client, as none of this session; then all
dropped()
{
	for ns in hxs hxc; do
		count "$ns" short auth malformed address session replay
		count "$ns" short auth malformed address session replay \
			window udpbond_duplicate_packets_total
	done
}

# logged: sessions, addresses, states and MTU of links at either end
logged()
{
	cat "$LAB/server.err" "$LAB/client.err" |
		grep -v -e ': send:' -e 'UDP_SEGMENT is off for a while' \
			-e 'another client says hello' -e 'lines were left out'
}

# resident memory of both, kB
resident()
{
	echo $(($(rss server) + $(rss client)))
}

# attacks

# attack LABEL KIND SOURCE WHICH [FILE]: WHICH of what is dropped grows by
# what is sent: bad, that is none of this session, or all, or none where it is not said
attack()
{
	label=$1 kind=$2 source=$3 which=$4
	shift 4
	f=$LAB/attack
	logged >"$LAB/before"
	before=$(dropped | tr '\n' ' ')
	from=$(received)
	at hxp "$LAB/flood" ${six:+-6} "$kind" "$source" "$pps" "$ms" "$@" \
		>"$f" 2>&1
	check $? "$label: $(cat "$f")"
	noisy1=$(speed "$from")
	up=$(field up "$f") down=$(field down "$f")
	# shellcheck disable=SC2046,SC2086
	set -- $before $(dropped)
	if [ "$which" = bad ]; then
		s=$(($5 - $1)) c=$(($7 - $3)) most=1.1
	else
		s=$(($6 - $2)) c=$(($8 - $4)) most=100
	fi
	if [ "$which" != none ]; then
		holds "$s >= 0.9 * $up && $s <= $most * $up + 20 &&
			$c >= 0.9 * $down && $c <= $most * $down + 20"
		check $? "$label: dropped $s of $up, $c of $down"
	fi
	unmoved "$label"
}

# unmoved LABEL: session, addresses and links are as they were
unmoved()
{
	logged | diff "$LAB/before" - >"$LAB/diff"
	check $? "$1: session, addresses and links stay"
	sed 's/^/	/' "$LAB/diff" >&2
}

# beside KIND WHICH: an attack beside the download, and before it none
beside()
{
	from=$(received)
	sleep "$secs"
	quiet1=$(speed "$from")
	attack "$1" "$1" any "$2"
	holds "$noisy1 >= 0.4 * $quiet1"
	check $? "$1: a download has $noisy1 Mbit/s, $quiet1 without"
	sums="$sums $noisy1 $quiet1"
}

# hellos LABEL FILE SOURCE: recorded ones are answered one by one at most
hellos()
{
	attack "$1" hellos "$3" none "$2"
	holds "$up > 0 && $(field answers "$f") <= $up &&
		$(field hellos "$f") <= $up + 5 && $(field long "$f") == 0"
	check $? "$1: no more answers, and none is longer"
	sleep 0.3
	unmoved "$1, later"
}

# recordings LABEL: of a session that has ended, and of how the next begins
recordings()
{
	recorded "$LAB/old" session
	check $? "$1: a session that is recorded"
	recorded "$LAB/new" fresh
	check $? "$1: the tunnel comes up again"
}

withkey()
{
	bond=$LAB/key
	(umask 077; "$bond/udpbond" -k >"$LAB/keyfile")
	recordings key
	traffic 600
	attack 'old session' old any bad "$LAB/old"
	hellos 'old hellos' "$LAB/old" own
	hellos 'hellos' "$LAB/new" any

	start load hxc timeout 600 iperf3 -c 10.99.0.1 -R -t 500
	sleep 2
	memory=$(resident) sums='' n=0
	while [ $n -lt "$times" ]; do
		n=$((n + 1))
		beside garbage bad
		beside replay all
		beside altered bad
		beside forged bad
		beside mirrored bad
		beside icmp none
	done
	share=$(echo "$sums" | awk '{
		for (i = 1; i < NF; i += 2) {
			noisy += $i
			quiet += $(i + 1)
		}
		printf "%.1f", 100 * noisy / (quiet + 1e-9)
	}')
	holds "$share >= 70"
	check $? "the download beside them has $share % of what it has without"
	n=$(resident)
	holds "$n - $memory < 2048"
	check $? "memory: $memory kB before, $n kB after"
	stop load
	trafficend key
	bothup >/dev/null
	check $? 'key: all links are up'
}

# the same over IPv6, with no download beside it
overipv6()
{
	bond=$LAB/six six=1
	recordings IPv6
	traffic 600
	attack 'IPv6: old session' old any bad "$LAB/old"
	hellos 'IPv6: hellos' "$LAB/new" any
	attack 'IPv6: garbage' garbage any bad
	attack 'IPv6: replay' replay any all
	attack 'IPv6: altered' altered any bad
	attack 'IPv6: forged' forged any bad
	attack 'IPv6: mirrored' mirrored any bad
	attack 'IPv6: icmp' icmp any none
	trafficend IPv6
	bothup >/dev/null
	check $? 'IPv6: all links are up'
	six=
}

# without a key there is no claim but for the addresses
withoutkey()
{
	bond=$LAB/nokey
	for ns in hxc hxs; do
		at $ns ip route flush cache # of what the attacker said
	done
	recorded "$LAB/new" fresh
	check $? 'no key: the tunnel comes up'
	traffic 600
	attack 'no key: garbage' garbage own bad
	attack 'no key: replay' replay own bad
	attack 'no key: hellos' hellos own bad "$LAB/new"
	holds "$(field answers "$f") == 0"
	check $? 'no key: nothing is answered'
	attack 'no key: icmp' icmp any none
	at hxc ping -q -c 3 -i 0.2 -W 1 -s 1200 10.99.0.1 >"$LAB/large"
	check $? 'no key: icmp: a ping of 1200 bytes'
	trafficend 'no key'
}

needroot
need ip iproute2 iperf3 iperf3 ping iputils-ping sysctl procps make make
labopen
bondbuild "$LAB/key" "\"$LAB/keyfile\"" &
bondbuild "$LAB/nokey" NULL &
bondbuild "$LAB/six" "\"$LAB/keyfile\"" \
	's/"10\.\(6[67]\)\.\([01]\)\.\([12]\)"/"fd\1:\2::\3"/g' &
buildlinkem && buildflood || exit 1
wait
for i in key nokey six; do
	[ -x "$LAB/$i/udpbond" ] || exit 1
done
way
check $? 'the way between both ends'
start iperf hxs iperf3 -s
withkey
overipv6
withoutkey
exit $failed
