#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Links that are found: devices that come and go between two namespaces, while
# pings go through the tunnel. Needs root and iproute2; takes some 85 s.
#
#	fc-PID                                  fs-PID
#	10.200.0.1  == wg0, or eth0 ==========  10.200.0.2
#	10.200.1.1  == wg1, or eth1 ==========  10.200.1.2, and so on
#	client                                  server, with 10.9.0.2
#
# and fb-PID, with devices of others.
#
# Three configurations: "wg%d" without a key, "eth*" with one, "eth*" over IPv6.
# Each says how long it took; limits are much wider.

# shellcheck disable=SC2317 # waitfor calls some functions

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

NETS='fc fs fb'
failed=0

# check STATUS TEXT
check()
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $how: $2"
		return
	fi
	echo "not ok - $how: $2"
	tail -n 8 "$LAB/client.err" "$LAB/server.err"
	failed=1
}

# build NAME ROWS [SED]: udpbond with these rows in place of all links
build()
{
	mkdir -p "$LAB/$1" && cp udpbond.c config.mk Makefile "$LAB/$1" &&
	sed "s/LAN \"192.168.1.0\/24\"/LAN \"192.168.77.0\/24\"/
		s/linkoverhead  = 60/linkoverhead  = 0/
		s/^static const char \*\(client\|server\)\(up\|down\)\[\] = {/&\n\t\"ip route replace 10.99.0.1 dev tun-bond; ip route replace 192.168.50.1 dev tun-bond\"\n};\nstatic const char *old\1\2[] __attribute__((unused)) = {/
		/^	{ \"wg[1-4]\"/d
		s|^	{ \"wg0\".*|	$2|
		$3" config.def.h >"$LAB/$1/config.h" &&
	make -s -C "$LAB/$1" CFLAGS='-std=c99 -O1 -w' udpbond
}

# cable NUMBER [address]: a device at both ends, with address and route or
# without
cable()
{
	ip link add "$dev$1" netns "fc-$$" type veth \
		peer name "$dev$1" netns "fs-$$" || return 1
	at fs ip addr add "$(net "$1" 2)" dev "$dev$1" ${nodad:+nodad}
	at fs ip link set "$dev$1" up
	at fc ip link set "$dev$1" up
	[ "$2" = bare ] || settle "$1"
}

# settle NUMBER: the client's address and route
settle()
{
	at fc ip addr add "$(net "$1" 1)" dev "$dev$1" || return 1
	[ "$3" = noroute ] || route "$1"
}

net()
{
	if [ "$how" = IPv6 ]; then
		echo "fd10:$1::$2/64"
	else
		echo "10.200.$1.$2/24"
	fi
}

# route NUMBER: to the server's address, by that device
route()
{
	[ "$dev" = eth ] || return 0
	_via=$(net "$1" 2)
	at fc ip route replace "$server" via "${_via%/*}" dev "$dev$1" \
		metric $((100 + $1))
}

# up NAME...: both ends say that these links are up, and no more than these
up()
{
	for _end in fc fs; do
		at $_end "$bond" -l >"$LAB/l" || return 1
		[ "$(grep -cE ' - (up|lossy), ' "$LAB/l")" -eq $# ] || return 1
		for _name; do
			grep -qE "^$_name - (up|lossy), " "$LAB/l" || return 1
		done
	done
}

here()
{
	at fc "$bond" -l >"$LAB/l" && grep -q "^$dev$1 - up, " "$LAB/l"
}

gone()
{
	at fc "$bond" -l >"$LAB/l" && not grep -q "^$dev$1 - " "$LAB/l"
}

# now: ms
now()
{
	echo $(($(date +%s%N) / 1000000))
}

not()
{
	! "$@"
}

# within SECONDS TEXT COMMAND...: says how long it took
within()
{
	_begin=$(now) _secs=$1 _text=$2
	shift 2
	waitfor "$_secs" "$@"
	check $? "$_text ($(($(now) - _begin)) ms)"
}

# worst FILE: of its pings, the ms for which none came, and how many are lost in
# a row
worst()
{
	sed -n 's/^\[\([0-9.]*\)\].*icmp_seq=\([0-9]*\).*/\1 \2/p' "$1" |
	awk '
		NR > 1 && $1 - t > gap { gap = $1 - t }
		NR > 1 && $2 - n - 1 > lost { lost = $2 - n - 1 }
		{ t = $1; n = $2 }
		END { printf "%d %d", (NR > 20 ? gap * 1000 : 9999), lost }'
}

# pinged TEXT COMMAND...: of pings each 20 ms none is missing for 1 s, or what
# the command sets as limit, and for as long as those beside the tunnel: a busy
# machine runs nothing for some time. Few are lost.
pinged()
{
	_far=$(net 11 2)
	start beside fc ping -i 0.02 -D "${_far%/*}"
	start ping fc ping -i 0.02 -D -I 192.168.50.1 10.99.0.1
	sleep 0.3
	_text=$1 limit=1000
	shift
	"$@"
	sleep 1
	stop ping INT
	stop beside INT
	_gap=$(worst "$LAB/ping.out") _idle=$(worst "$LAB/beside.out")
	rm -f "$LAB/ping.out" "$LAB/beside.out"
	_lost=${_gap#* } _gap=${_gap% *} _idle=${_idle% *}
	[ "$_idle" -lt 9999 ] || _idle=0
	[ "$_gap" -lt $((limit + _idle)) ] &&
	[ $((_lost * 20)) -lt $((500 + _idle)) ]
	check $? "$_text: pings go on ($_gap ms without one, $_idle ms beside the tunnel, $_lost lost)"
}

pull()
{
	at fc ip link del "$dev$1"
}

# flap NUMBER: its carrier, ten times a second
flap()
{
	for _i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		at fs ip link set "$dev$1" down
		sleep 0.05
		at fs ip link set "$dev$1" up
		sleep 0.05
	done
	at fs ip addr replace "$(net "$1" 2)" dev "$dev$1" ${nodad:+nodad}
}

# crowd COUNT: devices that go all at once
crowd()
{
	seq "$1" | sed 's/.*/link add a& type veth peer name b&\
		link set a& group 77 up\
		link set b& group 77 up/' | at fb ip -b -
}

# busy: the kernel's lock of all devices is held, for a second or so, when both
# ends look at theirs: not at once, as they have looked just before
busy()
{
	for _do in add del; do
		at fc ip addr "$_do" 10.77.0.1/32 dev lo
		at fs ip addr "$_do" 10.77.0.1/32 dev lo
		[ "$_do" = del ] || sleep 0.08
	done
	_begin=$(now)
	at fb ip link del group 77
	limit=$((($(now) - _begin) / 2))
	[ "$limit" -gt 200 ] || limit=200
}

files()
{
	find "/proc/$(worker "$1")/fd" -type l | wc -l
}

ends()
{
	start server fs "$bond" -s -m 0
	start client fc "$bond" -c -m 0
	waitfor 5 at fc "$bond" -l
}

# both: what all three have in common
both()
{
	at fc "$bond" -l | grep -q "^$dev.* - waiting for a device like this"
	check $? 'without a device it waits'
	cable 10
	within 4 'a device that comes is used' up "${dev}10"
	cable 11
	within 4 'another one' up "${dev}10" "${dev}11"
	at fc "$bond" -p | grep -q "link_up{link=\"${dev}10\"} 1" &&
	at fs "$bond" -p | grep -q "link_up{link=\"${dev}10\"} 1"
	check $? 'the metrics of both ends name it'
	pinged 'a device is pulled' pull 10
	within 4 'it is gone at the client' gone 10
	cable 10
	within 4 'and comes back' up "${dev}10" "${dev}11"
	pinged 'its address goes' at fc ip addr del "$(net 10 1)" dev "${dev}10"
	gone 10
	check $? 'the link without an address is gone'
	settle 10
	within 6 'the address comes back' up "${dev}10" "${dev}11"
	pinged 'a carrier flaps' flap 10
	within 6 'the link is there again' up "${dev}10" "${dev}11"
	crowd 1500
	pinged 'devices of others go' busy
	_client=$(files client) _server=$(files server)
	for _i in 1 2 3 4 5 6 7 8 9 10; do
		cable 12
		sleep 0.1
		pull 12
	done
	sleep 0.6
	[ "$(files client)" -eq "$_client" ] &&
	[ "$(files server)" -le $((_server + 1)) ]
	check $? 'ten times on and off: no file is left open'
	not grep -i -e 'not permitted' -e 'bad file' "$LAB/client.err" \
		"$LAB/server.err"
	check $? 'nothing was refused by the kernel'
	crash server
	start server fs "$bond" -s -m 0
	within 10 'a server that was killed is back' up "${dev}10" "${dev}11"
	stop client
	start client fc "$bond" -c -m 0
	within 10 'a client that was restarted finds the same' \
		up "${dev}10" "${dev}11"
}

# only where any name will do
any()
{
	cable 13 bare
	sleep 1
	up eth10 eth11
	check $? 'a device without an address is left alone'
	settle 13 with noroute
	at fc ip route del default 2>/dev/null
	sleep 1
	up eth10 eth11
	check $? 'one without a route, too'
	route 13
	within 4 'its route comes' up eth10 eth11 eth13
	at fc ip link set eth13 down
	at fc ip link set eth13 name other
	within 4 'another name that does not fit' gone 13
	at fc ip link add br0 type bridge
	at fc ip link set other name eth13
	at fc ip link set eth13 master br0
	at fc ip link set eth13 up
	route 13
	sleep 1
	gone 13
	check $? 'a part of a bridge is left alone'
	at fc ip link del br0
	pull 13
	for _i in $(seq 14 45); do
		cable "$_i"
	done
	sleep 3
	[ "$(at fc "$bond" -l | grep -c ' - up, ')" -eq 32 ] &&
	[ "$(at fs "$bond" -l | grep -c ' - up, ')" -eq 32 ]
	check $? 'a row takes 32 devices'
	[ "$(grep -c 'a row takes 32 devices, [12] more' "$LAB/client.err")" -eq 1 ]
	check $? 'and says so'
	for _i in $(seq 14 45); do
		pull "$_i"
	done
	seq 100 499 | sed 's/.*/link add eth& type dummy/' | at fc ip -b -
	seq 100 499 | sed 's/.*/link del eth&/' | at fc ip -b -
	cable 14
	within 10 'four hundred came and went, then another one' here 14
}


# configuration NAME: its links come and go
configuration()
{
	how=$1 dev=$2 server=$3 bond=$LAB/$4/udpbond nodad=''
	[ "$how" = IPv6 ] && nodad=nodad
	labnets
	at fs ip addr add "$server" dev lo
	rm -f "$LAB/client.err" "$LAB/server.err"
	ends
	check $? 'both ends start'
	both
	[ "$dev" = eth ] && [ "$how" != IPv6 ] && any
	stop client
	stop server
	labstop
}

needroot
need ip iproute2 ping iputils-ping make make
labopen
build key '{ "eth*", NULL, "10.9.0.2", 9001, 2, 0, 0 },' \
	"s|keyfile     = NULL|keyfile     = \"$LAB/keyfile\"|" &
build six '{ "eth*", NULL, "fd09::2", 9001, 2, 0, 0 },' \
	"s|keyfile     = NULL|keyfile     = \"$LAB/keyfile\"|" &
build number '{ "wg%d", "10.200.%d.1", "10.200.%d.2", 9001, 2, 0, 0 },' &
wait
"$LAB/key/udpbond" -k >"$LAB/keyfile" && chmod 600 "$LAB/keyfile" || exit 1
configuration 'no key' wg 10.9.0.2 number
configuration 'a key' eth 10.9.0.2 key
configuration IPv6 eth fd09::2 six
exit $failed
