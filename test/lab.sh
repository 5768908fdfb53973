# shellcheck shell=sh
# See LICENSE file for copyright and license details.
#
# The lab: four network namespaces whose names end in the shell's process id.
# test.sh, bench.sh, demo.sh, faults.sh and hostile.sh source this file and run
# in the directory of the sources.
#
#	lan              router               vps               inet
#	192.168.1.100 -- 192.168.1.1
#	      veth       10.200.0.1 == wg0 == 10.200.0.2
#	                 10.200.1.1 == wg1 == 10.200.1.2
#	                         ... to wg4
#	                                      203.0.113.2 ----- 203.0.113.1
#	                                                  veth
#
# lan's default route is the router, and inet has no route to 192.168.0.0/16:
# udpbond's own commands set up forwarding, routes and masquerading. All files
# are in the directory LAB; a process NAME started by start() has NAME.pid,
# NAME.out and NAME.err there.

LAB=
NETS='lan router vps inet'
FAR=vps # where the links end that begin at the router
GOCODE=/usr/share/gocode
QUICGO=$GOCODE/src/github.com/lucas-clemente/quic-go

# need TOOL PACKAGE...: dies with the names of the Debian packages missing
need()
{
	_missing=
	while [ $# -gt 1 ]; do
		command -v "$1" >/dev/null || _missing="$_missing $2"
		shift 2
	done
	[ -z "$_missing" ] && return
	echo "$0: tools are missing, on Debian: apt-get install$_missing" >&2
	exit 1
}

needroot()
{
	[ "$(id -u)" -eq 0 ] && return
	echo "$0: network namespaces need root" >&2
	exit 1
}

# life of the lab

labopen()
{
	LAB=$(mktemp -d "${TMPDIR:-/tmp}/udpbond.XXXXXX") || exit 1
	chmod 755 "$LAB"
	trap labclose EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
}

labclose()
{
	_rc=$?
	trap - EXIT
	trap '' HUP INT PIPE TERM
	labstop
	rm -rf "$LAB"
	exit "$_rc"
}

# ends what runs in the lab, or beside it in labs of its own, and removes its
# namespaces
labstop()
{
	_beside=
	for _f in "$LAB"/*.beside "$LAB"/*.lane; do
		[ -f "$_f" ] && _beside="$_beside $(cat "$_f")"
	done
	# shellcheck disable=SC2086
	[ -z "$_beside" ] || { kill $_beside; wait $_beside; } 2>/dev/null
	for _f in "$LAB"/*.pid; do
		[ -f "$_f" ] && _f=${_f##*/} && stop "${_f%.pid}"
	done
	for _ns in $NETS isp; do
		[ -e "/run/netns/$_ns-$$" ] || continue
		for _pid in $(ip netns pids "$_ns-$$"); do
			kill -KILL "$_pid" 2>/dev/null
		done
		ip netns del "$_ns-$$"
	done
}

labnets()
{
	for _ns in $NETS; do
		ip netns add "$_ns-$$" || exit 1
		at "$_ns" ip link set lo up
		at "$_ns" sysctl -qw net.ipv4.tcp_no_metrics_save=1 \
			net.ipv4.tcp_rmem='4096 131072 33554432' \
			net.ipv4.tcp_wmem='4096 131072 33554432'
	done
	ip link add eth0 netns lan-$$ type veth peer name lan0 netns router-$$
	ip link add eth0 netns inet-$$ type veth peer name eth0 netns vps-$$
	netaddr lan eth0 192.168.1.100/24
	netaddr router lan0 192.168.1.1/24
	netaddr vps eth0 203.0.113.2/24
	netaddr inet eth0 203.0.113.1/24
	at lan ip route add default via 192.168.1.1
}

# netaddr NS DEVICE ADDRESS
netaddr()
{
	at "$1" ip addr add "$3" dev "$2"
	at "$1" ip link set "$2" up
}

# processes

# at NS COMMAND...: runs a command in a namespace
at()
{
	_ns=$1
	shift
	ip netns exec "$_ns-$$" "$@"
}

# begin NAME NS COMMAND...: the same in the background
begin()
{
	_name=$1 _ns=$2
	shift 2
	ip netns exec "$_ns-$$" "$@" </dev/null &
	echo $! >"$LAB/$_name.pid"
}

# start NAME NS COMMAND...: and its output to files
start()
{
	begin "$@" >>"$LAB/$1.out" 2>>"$LAB/$1.err"
}

mypid()
{
	cat "$LAB/$1.pid"
}

# worker NAME: the process of an end that carries the packets, its first child
worker()
{
	pgrep -P "$(mypid "$1")" | head -n 1
}

# crash NAME: kills both processes of an end, which run no commands then and
# say nothing to the peer: the worker is stopped before it learns of anything
crash()
{
	_worker=$(worker "$1")
	kill -s STOP "$_worker"
	kill -s KILL "$(mypid "$1")" "$_worker"
	stop "$1"
}

alive()
{
	[ -f "$LAB/$1.pid" ] && running "$(mypid "$1")"
}

# running PID: a zombie is not
running()
{
	_state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' \
		"/proc/$1/status" 2>/dev/null)
	[ -n "$_state" ] && [ "$_state" != Z ]
}

# ours PID: runs in one of our namespaces or is a child of this shell
ours()
{
	grep -q "^PPid:[[:space:]]*$$\$" "/proc/$1/status" 2>/dev/null ||
	ip netns identify "$1" 2>/dev/null | grep -q -e "-$$\$"
}

# stop NAME [SIGNAL]: ends it, by force after 5 s, and returns its status
stop()
{
	[ -f "$LAB/$1.pid" ] || return 0
	_pid=$(mypid "$1")
	rm -f "$LAB/$1.pid"
	if ours "$_pid"; then # while it ends it is nobody's: do not ask again
		kill -s "${2:-TERM}" "$_pid" 2>/dev/null
		waitfor 5 ended "$_pid" || {
			echo "$1 did not end" >&2
			kill -s KILL "$_pid"
		}
	fi
	wait "$_pid" 2>/dev/null
}

ended()
{
	! running "$1"
}

# waitfor SECONDS COMMAND...: tries it 10 times a second until it succeeds
waitfor()
(
	end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -le $end ] || return 1
		sleep 0.1
	done
)

# links

# links SPEC...: the emulated links between router and FAR, see linkem.c
links()
{
	rm -f "$LAB/ctl" "$LAB/linkem.out"
	start linkem router "$LAB/linkem" -s 1 -p "$LAB/ctl" \
		router-$$ "$FAR-$$" "$@"
	waitfor 10 grep -q ready "$LAB/linkem.out" && return
	cat "$LAB/linkem.err" >&2
	return 1
}

# fivelinks [SETTINGS]: ADSL and four times Starlink, in WireGuard if none given
# shellcheck disable=SC2120
fivelinks()
{
	_all=queue=100,${1:-over=60,mtu=1420}
	links "$(link4 0),rate=10,delay=10,$_all" \
		"$(link4 1),rate=70,delay=40,$_all" \
		"$(link4 2),rate=70,delay=40,$_all" \
		"$(link4 3),rate=70,delay=40,$_all" \
		"$(link4 4),rate=70,delay=40,$_all"
}

# link4 NUMBER: name and addresses of a link
link4()
{
	[ "$FAR" = vps ] && _far=2 || _far=254
	echo "wg$1,10.200.$1.1/24,10.200.$1.$_far/24"
}

# link6 NUMBER
link6()
{
	echo "wg$1,fd00:200:$1::1/64,fd00:200:$1::2/64"
}

# linkctl LINE...: changes links while they run
linkctl()
{
	alive linkem && printf '%s\n' "$@" >"$LAB/ctl"
}

# isp: the links end at a host on the way to the server, and so does what is
# sent there for a link that has gone; the server has all its addresses always
isp()
{
	FAR=isp
	ip netns add isp-$$ || exit 1
	ip link add eth0 netns isp-$$ type veth peer name eth1 netns vps-$$
	netaddr isp eth0 10.203.0.1/24
	netaddr vps eth1 10.203.0.2/24
	at isp sysctl -qw net.ipv4.ip_forward=1
	at isp ip route add blackhole 10.200.0.0/16
	for _addr in 10.200.0.2 10.200.1.2 10.200.2.2 10.200.3.2 10.200.4.2 \
		198.51.100.7; do
		at vps ip addr add "$_addr/32" dev eth1
		at isp ip route add "$_addr" via 10.203.0.2
	done
	at vps ip route add 10.200.0.0/16 via 10.203.0.1
}

noisp()
{
	[ "$FAR" = isp ] || return
	FAR=vps
	ip netns del isp-$$
}

# starlink SETTING...: linkctl for wg1 to wg4
starlink()
{
	linkctl "wg1 $*" "wg2 $*" "wg3 $*" "wg4 $*"
}

# everylink SETTING...: linkctl for all five
everylink()
{
	linkctl "wg0 $*"
	starlink "$@"
}

# choke NS LINK...: what is sent there waits, at 100 kbit/s, and once there is
# much of it the sockets take no more
choke()
{
	_end=$1
	shift
	for _link; do
		at "$_end" tc qdisc add dev "$_link" root \
			tbf rate 100kbit burst 1540 limit 10m || return 1
	done
}

# unchoke NS LINK...: what waits is lost
unchoke()
{
	_end=$1
	shift
	for _link; do
		at "$_end" tc qdisc del dev "$_link" root
	done
}

# linkstat: the emulator's counters, a line for each link and direction
linkstat()
{
	rm -f "$LAB/stats"
	linkctl "stats $LAB/stats" && waitfor 5 test -f "$LAB/stats" &&
	cat "$LAB/stats"
}

# starlinkpackets: sent into wg1 to wg4 by both ends
starlinkpackets()
{
	linkstat | sed -n 's/^wg[1-4] .* packets=\([0-9]*\).*/\1/p' |
	awk '{ n += $1 } END { print n + 0 }'
}

# udpbond

# build DIR [SED-SCRIPT [MAKE-ARGUMENT...]]: udpbond with a config of its own
build()
{
	_dir=$1 _sed=${2-}
	[ $# -gt 1 ] && shift
	shift
	mkdir -p "$_dir"
	cp Makefile config.mk config.def.h udpbond.c "$_dir" || return 1
	sed "$_sed" config.def.h >"$_dir/config.h"
	make -s -C "$_dir" "$@" udpbond
}

buildlinkem()
{
	[ -x "$LAB/linkem" ] || ${CC:-cc} -std=c99 -D_GNU_SOURCE -O2 \
		-o "$LAB/linkem" test/linkem.c -lm
}

buildflood()
{
	[ -x "$LAB/flood" ] || ${CC:-cc} -std=c99 -D_GNU_SOURCE -O2 \
		-o "$LAB/flood" test/flood.c
}

buildstreams()
{
	[ -x "$LAB/streams" ] || ${CC:-cc} -std=c99 -D_GNU_SOURCE -O2 \
		-o "$LAB/streams" test/streams.c
}

# goquic COMMAND...: go with the sources that Debian's package
# golang-github-lucas-clemente-quic-go-dev installs, and without a trace at home
goquic()
{
	GOCACHE="$LAB/go" GOFLAGS='' GO111MODULE=off GOPATH="$GOCODE" go "$@"
}

havequic()
{
	command -v go >/dev/null && [ -d "$QUICGO" ]
}

# buildquic: quic-go sends with Reno; here with Cubic, or Reno if RENO is in the
# environment. Its buffers are larger here: it lost what came while it did not
# run.
buildquic()
{
	altered internal/ackhandler/sent_packet_handler.go \
		's/^import (/import ( "os"; /
		s/true, \/\/ use Reno/os.Getenv("RENO") != "",/' &&
	altered internal/protocol/params.go \
		's/\(MaxConnUnprocessedPackets = \)256/\18192/
		s/\(DesiredReceiveBufferSize = .*\* \)2/\18/' || return 1
	(cd "$LAB/altered" && find . -type f) | awk -v from="$QUICGO" \
		-v to="$LAB/altered" '{
			sub(/^[.]/, "")
			s = s sep "\"" from $0 "\": \"" to $0 "\""
			sep = ", "
		} END { print "{ \"Replace\": { " s " } }" }' >"$LAB/overlay"
	goquic build -overlay "$LAB/overlay" -o "$LAB/quic" test/quic.go
}

# altered FILE SED-SCRIPT: a copy of quic-go's, which has to be another
altered()
{
	mkdir -p "$LAB/altered/${1%/*}"
	sed "$2" "$QUICGO/$1" >"$LAB/altered/$1" || return 1
	! cmp -s "$QUICGO/$1" "$LAB/altered/$1" || {
		echo "$QUICGO/$1: not as in quic-go 0.29" >&2
		return 1
	}
}

# server DIR [OPTION...]: starts the server built there; WRAP goes before it
server()
{
	_dir=$1
	shift
	# shellcheck disable=SC2086
	start server vps ${WRAP-} "$_dir/udpbond" -s "$@"
}

client()
{
	_dir=$1
	shift
	# shellcheck disable=SC2086
	start client router ${WRAP-} "$_dir/udpbond" -c "$@"
}

# tunnel DIR [OPTION...]: both, until the LAN reaches the internet
tunnel()
{
	server "$@"
	client "$@"
	waitfor 30 reach
}

untunnel()
{
	stop client
	stop server
}

reach()
{
	at lan ping -q -c 1 -W 1 203.0.113.1
}

# measuring

# cputime NAME: user and system time of an end's worker, in seconds, or of a
# process without children
cputime()
{
	_worker=$(worker "$1")
	awk -v hz="$(getconf CLK_TCK)" '{
		sub(/.*\) /, "")
		print ($12 + $13) / hz
	}' "/proc/${_worker:-$(mypid "$1")}/stat"
}

# rss NAME: resident memory of both processes of an end, kB
rss()
{
	awk '/^VmRSS:/ { n += $2 } END { print n }' \
		"/proc/$(mypid "$1")/status" "/proc/$(worker "$1")/status"
}

# pings NS COUNT MILLISECONDS HOST: fping's lines, "HOST : [0], 64 bytes, 20.6 ms"
pings()
{
	at "$1" timeout $(($2 * $3 / 1000 + 5)) \
		fping -c "$2" -p "$3" -t 2000 "$4" 2>/dev/null
}

# pingtimes <FPING-OUTPUT: the round trip times, ms
pingtimes()
{
	sed -n 's/.* bytes, \([0-9.]*\) ms.*/\1/p'
}

# lostinarow COUNT <FPING-OUTPUT: the longest run without an answer
lostinarow()
{
	sed -n 's/.*\[\([0-9]*\)\], .* bytes.*/\1/p' | sort -n |
	awk -v n="$1" '
		{ if ($1 - due > max) max = $1 - due; due = $1 + 1 }
		END { if (n - due > max) max = n - due; print max + 0 }'
}

# percentile N <NUMBERS
percentile()
{
	sort -n | awk -v p="$1" '
		{ v[NR] = $1 }
		END {
			i = int(NR * p / 100 + 0.999999)
			print NR ? v[i < 1 ? 1 : i] : "none"
		}'
}

# iperffree NS: the iperf3 server there has done with the last client
iperffree()
{
	at "$1" cat /proc/net/tcp /proc/net/tcp6 | awk '
		$2 ~ /:1451$/ && $4 == "0A" { listens = 1 }
		$2 ~ /:1451$/ && ($4 == "01" || $4 == "08") { busy = 1 }
		END { exit busy || !listens }'
}

# rates <IPERF3-OUTPUT: Mbit/s of each interval
rates()
{
	awk '/sec .*bits\/sec/ && !/sender|receiver/ {
		for (i = 1; i < NF; i++)
			if ($i == "sec")
				print $(i + 3)
	}'
}

# mean [FROM [TO]] <NUMBERS: of those lines
mean()
{
	awk -v from="${1:-1}" -v to="${2:-999999}" '
		NR >= from && NR <= to { sum += $1; n++ }
		END { printf "%.1f\n", n ? sum / n : 0 }'
}
