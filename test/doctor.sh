#!/bin/sh
# See LICENSE file for copyright and license details.
#
# udpbond -t: each mistake that the host shows, and the line that says so.
# Needs root and iproute2; takes some 30 s.
#
#	dc-PID                                  ds-PID
#	10.200.1.1  eth1 =====================  10.200.1.2
#	10.200.2.1  eth2 =====================  10.200.2.2
#	192.168.77.1  eth0, the LAN             10.9.0.2, the server
#	client                                  server

# shellcheck disable=SC2317 # waitfor calls some functions

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

NETS='dc ds'
failed=0

# check STATUS TEXT
check()
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
		return
	fi
	echo "not ok - $2"
	echo "status $status"
	grep -A 99 '^Offload' "$LAB/said"
	failed=1
}

# build NAME ROW ROW [SED]: udpbond with two links
build()
{
	mkdir -p "$LAB/$1" && cp udpbond.c config.mk Makefile "$LAB/$1" &&
	sed "s/LAN \"192.168.1.0\/24\"/LAN \"192.168.77.0\/24\"/
		/^	{ \"wg[2-4]\"/d
		s|^	{ \"wg0\".*|	$2|
		s|^	{ \"wg1\".*|	$3|
		$4" config.def.h >"$LAB/$1/config.h" &&
	make -s -C "$LAB/$1" CFLAGS='-std=c99 -O0 -w' udpbond
}

# asked NS OPTION: the exit status, and what was said in said
asked()
{
	at "$1" timeout 20 "$LAB/$conf/udpbond" -t "$2" >"$LAB/said" 2>&1
	status=$?
}

# says STATUS REGEX TEXT: of the last one that was asked
says()
{
	[ "$status" -eq "$1" ] && grep -qE "$2" "$LAB/said"
	check $? "$conf: $3"
}

silent()
{
	! grep -qE "$1" "$LAB/said"
	check $? "$conf: $2"
}

# client STATUS REGEX TEXT, server the same
client()
{
	asked dc -c
	says "$@"
}

server()
{
	asked ds -s
	says "$@"
}

cable()
{
	ip link add "eth$1" netns "dc-$$" type veth \
		peer name "eth$1" netns "ds-$$" || return 1
	netaddr ds "eth$1" "$(net "$1" 2)"
	netaddr dc "eth$1" "$(net "$1" 1)"
}

net()
{
	if [ "$six" ]; then
		echo "fd10:$1::$2/64"
	else
		echo "10.200.$1.$2/24"
	fi
}

# route NUMBER METRIC: to the server's address
route()
{
	_via=$(net "$1" 2)
	at dc ip route replace "$far" via "${_via%/*}" dev "eth$1" metric "$2"
}

# lab: both links work
lab()
{
	labnets
	for _ns in $NETS; do
		at "$_ns" sysctl -qw net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.conf.default.rp_filter=0 \
			net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.all.accept_dad=0
	done
	ip link add eth0 netns "dc-$$" type veth peer name lan0 netns "ds-$$"
	at ds ip link set lan0 up
	netaddr dc eth0 192.168.77.1/24
	at ds ip addr add "$far" dev lo
	cable 1 && cable 2 && route 1 10 && route 2 20
}

# labnets of lab.sh has other hosts
labnets()
{
	for _ns in $NETS; do
		ip netns add "$_ns-$$" || exit 1
		at "$_ns" ip link set lo up
	done
}

start_server()
{
	start server ds "$LAB/${1:-$conf}/udpbond" -s -m 0
	waitfor 5 at ds "$LAB/${1:-$conf}/udpbond" -l
}

# keyed: what both IPv4 and IPv6 have to say
keyed()
{
	client 0 'warning.*eth1.*: refused by .*: is udpbond running there' \
		'the server is off'
	server 0 '^all is well$' 'the server has nothing to mend'
	start_server
	client 0 '^all is well$' 'all is well'
	says 0 '^  eth1: answered in [0-9]+ ms$' 'the server answers'
	says 0 '^  eth2: answered in [0-9]+ ms$' 'by the other link, too'
	start other dc "$LAB/$conf/udpbond" -c -m 0
	waitfor 5 at dc "$LAB/$conf/udpbond" -l
	client 0 'udpbond is running, see udpbond -l: its links were not' \
		'a client runs'
	stop other
	at dc ip link set eth2 down
	client 0 'links.1. .eth2.: the device is down' 'a device is down'
	at dc ip link set eth2 up
	netaddr dc eth2 "$(net 2 1)" 2>/dev/null
	at ds ip link set eth2 down
	waitfor 5 nocarrier
	client 0 'links.1. .eth2.: the device is down' 'it has no carrier'
	at ds ip link set eth2 up
	at ds ip addr replace "$(net 2 2)" dev eth2
	client 0 'links.1. .eth2.: no route to .*: a default route' \
		'a link without a route'
	route 2 20
	at dc ip addr flush dev eth2
	client 0 'links.1. .eth2.: the device has no address' \
		'a device has no address'
	at dc ip link set eth2 name other
	client 0 'links.1. .eth2.: device: there is no eth2 now' \
		'a device is missing'
	at dc ip link set other name eth2
	netaddr dc eth2 "$(net 2 1)"
	route 2 20
	stop server
}

nocarrier()
{
	at dc ip link show eth2 | grep -q NO-CARRIER
}

# what both ends have logged of sessions that begin and end
sessions()
{
	grep -hE 'session: (started|the peer)|: down' "$LAB/server.err" \
		"$LAB/bond.err"
}

established()
{
	at dc "$LAB/key/udpbond" -l | grep -q '^eth2 - up,'
}

configuration()
{
	conf=$1 six=$2 far=$3
	lab
}

needroot
need ip iproute2 make make nft nftables
labopen
rows()
{
	build "$1" "{ \"eth1\", NULL, \"$2\", 9001, 2, 0, 0 }," \
		"{ \"eth2\", NULL, \"$2\", 9002, 2, 0, 0 }," \
		"s|keyfile     = NULL|keyfile     = \"$LAB/keyfile\"|; $3"
}
rows key 10.9.0.2 &
rows six fd09::2 &
rows other 10.9.0.2 's|/keyfile|/otherkey|' &
rows format 10.9.0.2 &
rows two 10.9.0.2 's|tun-bond|tun-two|; s|192.168.50.1/32|192.168.51.1/32|' &
rows swapped 10.9.0.2 's|9001|9003|; s|9002|9001|; s|9003|9002|' &
wait
build plain '{ "eth1", "10.200.1.1", "10.200.1.2", 9001, 2, 0, 0 },' \
	'{ "eth2", "10.200.2.1", "10.200.2.2", 9002, 2, 0, 0 },' &
rows one 10.9.0.2 's|"eth2", NULL|NULL, "10.200.1.1"|; s|"eth1", NULL|NULL, "10.200.1.9"|' &
rows glob 10.9.0.2 '/9002/d; s|"eth1"|"eth*"|' &
rows lan 10.9.0.2 's|192.168.77.0/24|192.168.77.1/24 192.168.50.0/24|' &
wait
sed 's/Format = 3/Format = 4/' udpbond.c >"$LAB/format/udpbond.c"
make -s -C "$LAB/format" CFLAGS='-std=c99 -O0 -w' udpbond
for f in keyfile otherkey; do
	"$LAB/key/udpbond" -k >"$LAB/$f" && chmod 600 "$LAB/$f" || exit 1
done

configuration key '' 10.9.0.2
keyed

start_server
start bond dc "$LAB/key/udpbond" -c -m 0
waitfor 5 established
before=$(sessions)
conf=two
client 0 'eth1.*: no answer from' 'a client has a session'
[ "$(sessions)" = "$before" ] && established
check $? 'and keeps it'
conf=key
stop bond
stop server
start_server other
client 0 'eth1.*: no answer from .*: does udpbond run there, with this key' \
	'the server has another key'
stop server
start_server format
client 0 'eth1.*: the other end has another version: install the same' \
	'the server is of another version'
stop server
start_server swapped
client 0 'eth1.*: this is links.1. at the other end' 'rows in another order'
stop server
start_server
at ds nft 'add table inet f; add chain inet f c { type filter hook input priority 0; policy drop; };
	add rule inet f c udp dport 9001 accept'
client 0 'eth2.*: no answer from .*: is the modem online, the port right' \
	'the firewall passes one port of two'
says 0 '  eth1: answered' 'the other one answers'
stop server
server 0 'warning: firewall, table inet f: drops UDP ports 9002$' \
	'the server has a firewall that passes one'
at ds nft flush chain inet f c
server 0 'warning: firewall, table inet f: drops UDP ports 9001 9002$' \
	'the server has a firewall'
at ds nft delete table inet f
at dc nft 'add table inet f; add chain inet f c { type filter hook forward priority 0; };
	add rule inet f c ct state established accept; add rule inet f c reject'
client 0 'warning: firewall, table inet f: drops, .* for tun-bond' \
	'the client has a firewall'
at dc nft 'insert rule inet f c iifname tun-bond accept'
client 0 . 'its firewall knows the TUN'
silent 'firewall, table' 'nothing is said'
at dc nft delete table inet f
at dc sysctl -qw net.ipv4.conf.eth2.rp_filter=1
client 0 'warning: rp_filter is 1 for eth2: .*all.rp_filter=2' \
	'a device drops by rp_filter'
at dc sysctl -qw net.ipv4.conf.all.rp_filter=2
client 0 . 'rp_filter is loose for all'
silent rp_filter 'nothing is said'
at dc ip addr add 192.168.77.9/24 dev eth1
client 0 'warning: eth1 has 192.168.77.9/24, which overlaps lannets 192.168.77.0/24' \
	'a modem has the network of the LAN'
at dc ip addr del 192.168.77.9/24 dev eth1
at dc ip addr add 192.168.50.7/24 dev eth0
client 0 'warning: eth0 has 192.168.50.7/24, which overlaps clientaddr 192.168.50.1/32' \
	'clientaddr is in a network of the LAN'
start bond dc "$LAB/key/udpbond" -c -m 0
waitfor 5 grep -q 'eth0 has 192.168.50.7/24, which overlaps clientaddr' \
	"$LAB/bond.err"
check $? 'a start says so'
stop bond
at dc ip addr del 192.168.50.7/24 dev eth0
at ds ip addr add 192.168.77.5/24 dev lo
server 0 'warning: lo has 192.168.77.5/24, which overlaps lannets' \
	'the server has the network of the LAN'
at ds ip addr del 192.168.77.5/24 dev lo
at dc ip link set eth0 name lan1
client 0 'lannets: 192.168.77.0/24 is on lan1, not LANDEV' \
	'LANDEV is another device'
at dc ip addr flush dev lan1
client 0 'lannets: 192.168.77.0/24 is on no device' \
	'the LAN is not there'
at dc ip link set lan1 name eth0
netaddr dc eth0 192.168.77.1/24
at dc ip tuntap add tun-bond mode tun
client 0 'warning: tundev: tun-bond is there already, and will stay' \
	'a persistent TUN is there'
at dc ip link del tun-bond
at dc ip link add tun-bond type veth peer name tun-peer
client 1 'tundev: tun-bond is a device of another program' \
	'the name is taken'
at dc ip link del tun-bond
mkdir "$LAB/bin"
for f in ip awk sh; do
	ln -s "$(command -v $f)" "$LAB/bin/$f"
done
at dc env PATH="$LAB/bin" "$LAB/key/udpbond" -t -c >"$LAB/said" 2>&1
status=$?
says 1 'nft is not in PATH' 'nft is missing'
silent 'ip is not' 'ip is there'
at dc setpriv --reuid=65534 --regid=65534 --clear-groups "$LAB/plain/udpbond" \
	-t -c >"$LAB/said" 2>&1
status=$?
says 1 'needs root' 'nobody but root'
mv "$LAB/keyfile" "$LAB/nokey"
client 1 'keyfile: .*: copy it from the other host, or make' 'no key'
mv "$LAB/nokey" "$LAB/keyfile"
chmod 644 "$LAB/keyfile"
client 1 'keyfile: .*chmod 600' 'the key can be read by others'
says 1 '1 to mend' 'and other checks go on'
chmod 600 "$LAB/keyfile"
at dc sysctl -qw net.ipv4.ip_forward=0
at dc unshare -m sh -c "mount --bind /proc/sys /proc/sys &&
	mount -o remount,bind,ro /proc/sys && exec $LAB/key/udpbond -t -c" \
	>"$LAB/said" 2>&1
status=$?
says 0 'ip_forward is 0 and read only' '/proc is read only'

conf=glob
at dc ip link set eth0 name lan0
client 0 'eth1.: refused by' 'a pattern: devices that fit are asked'
says 0 'eth2.: refused by' 'all of them'
start_server
client 0 '  eth2: answered' 'and answered'
stop server
at dc ip link set lan0 name eth0
client 0 'eth0 has 192.168.77.1/24, which overlaps lannets' \
	'a pattern fits the LAN'
at ds ip addr del 10.9.0.2/32 dev lo
server 0 "links.0. .eth.*: no device has the address 10.9.0.2" \
	'the server has not the address of a pattern'
at ds ip addr add 10.9.0.2/32 dev lo
conf=one
client 0 'links.0. .10.200.1.9.: no device has the address 10.200.1.9' \
	'an address is on no device'
at dc ip addr add 10.200.1.9/24 dev eth1
client 0 . 'two addresses of one device'
silent 'same line' 'are thought to be two lines'
conf=lan
client 1 'lannets: 192.168.77.1/24: write 192.168.77.0/24' \
	'LAN has bits of a host'
says 1 'lannets: 192.168.50.0/24 overlaps .*192.168.50.1/32' \
	'LAN overlaps clientaddr'

conf=plain
client 0 'links.0. .eth1.: no WireGuard device: packets are NOT encrypted' \
	'no key, and no WireGuard'
says 0 'NOT encrypted, trusted to be private' 'it says what it does'
start_server
client 0 '  eth2: answered' 'the server answers'
stop server
at dc ip addr add 10.200.2.7/24 dev eth2
at dc ip addr del 10.200.2.1/24 dev eth2
client 0 'links.1. .eth2.: the device does not have the address 10.200.2.1' \
	'a device has another address'
at ds ip addr del 10.200.2.2/24 dev eth2
server 0 'links.1. .eth2.: no device has the address 10.200.2.2' \
	'the server has not the address of a row'
labstop

configuration six 6 fd09::2
keyed
exit $failed
