#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Measures udpbond over five emulated links (see lab.sh), one of 10 Mbit/s
# and 20 ms and four of 70 Mbit/s and 80 ms, and in the same run kernel MPTCP.
# udpbond carries traffic between lan and inet through both of its ends; MPTCP
# runs between router and vps, directly on the links.
#
# The rows of "floods" are over two links of 10 Mbit/s and 20 ms. One LAN host
# floods the internet; another pings, plays (UDP of 100 B each 15 ms), and has
# one cubic TCP upload and then one download.
#
# The rows of "moving" are over links that move, or whose delays are far apart.
# These begin anew before each measurement, and so move alike. Recorded links
# need a directory, TRACES in the environment, with starlink.down,
# starlink.delay, lte.down and lte.up; linkem.c says what is in such files.

# The rows of "lossy" are over the five links, while some lose packets. What
# they cost is how many bytes of datagrams the server sends for 100 of payload,
# beyond those: headers, heartbeats, copies, repairs.
#
# The rows of "sweep" are UDP streams over the five links: up to 8 Mbit/s of
# 1000 B both ways, above that of 1200 B down; those of "sweepgame" beside a
# game, of "sweepload" beside a download, of "sweepboth" beside both. Those of
# "pages" are over the links with UDP of 1 Mbit/s a stream on the ADSL. The
# rows of "prio60" and "prio61" give a link that priority; of two links that
# is the fast one. Those of "many" are streams that the ADSL cannot quite carry.
# Which link carried a stream is counted without copies and repairs: streams.c.
# The rows of "quic" are of quic.go over the five links, and for comparison over
# one Starlink without a tunnel: the column of kernel MPTCP has that. They are
# skipped without Go. SENDER=1 in the environment writes to the standard error
# what the sender knew in each second.
#
# The rows of "found" are over the five links, of which wg4 comes three times
# and goes three times beside a game and a download: ms until the first packet
# of the download takes it, and from its end until the server sends the last to
# where it was; then the game, and how many packets TCP has sent again.
#
# With a key the links are bare: nothing has WireGuard's 60 bytes and its CPU.
# Those of wireguard-go are measured in the same run: "wggo" is one tunnel of it
# alone, "cpuwg" is udpbond without a key over five, all processes together.
#
# PARITY=0,1,2 in the environment measures each row with each of these values
# in config.h, if it has a parity, and kernel MPTCP once.

TRACES=$(cd "${TRACES:-/nonexistent}" 2>/dev/null && pwd)
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

full=260.4 # Mbit/s of TCP payload that five links carry with our header
wire=290   # the same with all headers

# name|what|to reach
table()
{
	cat <<-'END'
	idle|ping, idle: p50 ms|20.6 + 0.3
	cubic|one cubic TCP download: steady / first 15 s, Mbit/s|257 / 235
	bbr|the same with BBR|255 / 225
	upload|the same with cubic, upload|257 / 235
	bbrup|the same with BBR, upload|255 / 225
	game|UDP of 100 B each 15 ms beside a download: p50 / p99 ms, lost; Mbit/s|21.5 / 24, 0; 245
	http|60 kB over HTTP, idle: p50 ms|100
	call|UDP of 1200 B each 3.2 ms, both ways: lost, p50 / p99 ms, cost|-
	callload|the same beside a download: lost, p50 / p99 ms; Mbit/s|-
	callloss|the same alone, 2 % lost on wg1-4|-
	callall|the same, 2 % lost on all five links|-
	lossudp|2 % lost on wg1-4, UDP at 40 Mbit/s: lost, p99 above p50, cost|0.1 %
	lossudpall|the same, 2 % lost on all five links|-
	loss|2 % lost on wg1-4, one cubic download: Mbit/s, cost|200
	lossbbr|2 % lost on wg1-4, BBR|-
	burst2|2 % lost on wg1-4 in bursts of 4, cubic|-
	burst5|5 % lost on wg1-4 in bursts of 4, cubic|-
	http1|60 kB over HTTP beside one download: p50 / p90 ms; Mbit/s|-
	http4|the same beside 4|-
	http16|the same beside 16|-
	httploss1|60 kB beside one download, 2 % lost on wg1-4: p50 / p90 ms; Mbit/s|-
	httploss4|the same beside 4|-
	httploss16|the same beside 16|-
	sixteen|2 % lost on wg1-4, 16 downloads: least - most, Jain; Mbit/s, cost|-
	fall|wg1-4 fall to 30 Mbit/s / come back: goodput of what is there, ping p99|95 / 95 %, 35 ms
	silent|wg0 silent for 3 s, ping each 10 ms: lost in a row|0
	rec|recorded ADSL, Starlink and LTE, cubic, 40 s: Mbit/s, share; ping p50 / p99|97 %; 22 / 26 ms
	recbbr|the same with BBR|95 %; 22 / 26 ms
	rec0|recorded links, rates 0, cubic|97 %; p99 30 ms
	rec0bbr|the same with BBR|97 %; p99 30 ms
	rec3|recorded links, rates three times too high, cubic|95 %; p99 30 ms
	rec3bbr|the same with BBR|95 %; p99 30 ms
	walk2|two links of 5 to 50 Mbit/s, new each second, rates 0, cubic, 40 s|88 %
	walk4|four such links|85 %
	far|50 Mbit/s and 40 ms with 50 Mbit/s and 600 ms, cubic, 30 s|47 Mbit/s
	far2|10 Mbit/s and 20 ms with 50 Mbit/s and 600 ms, cubic, 30 s|9.3 Mbit/s
	quiccubic|QUIC, one download, Cubic: first 12 s / 13-25 s, Mbit/s|150 / 220
	quicreno|the same with Reno|150 / 220
	quic2cubic|two at once, Cubic: together; each|-
	quic2reno|two at once, Reno|-
	quicup|one upload, Cubic|-
	quic15k|QUIC, 15 kB by new connections: first, p50; by an open one: p50 ms|20 ms a turn
	quic60k|60 kB|-
	quic1m|1 MB|-
	quicrec|recorded ADSL, Starlink and LTE: one QUIC download, Cubic|the Starlink
	quicrecreno|the same with Reno|the Starlink
	light|1 Mbit/s of UDP: packets on wg1-4 beyond heartbeats|0
	cubickey|one cubic TCP download with a key: steady / first 15 s, Mbit/s|-
	cpu|CPU of both ends in a download: s/GB, of one core; Mbit/s|-
	cpukey|the same with a key|-
	cpuwg|the same without a key, with wireguard-go under each link|-
	known|wg4, in the table, comes / goes: ms to first / last packet; game; TCP|-
	found|the same, found by wg%d|2000
	foundkey|the same, found by wg%d with a key|2000
	foundany|the same, found by wg* with a key|2000
	rest|wakeups a second at rest, client / server|-
	memory|resident memory, client / server: at rest, after a download, kB|8192
	plain|one link without limits, one TCP flow, down / up: Gbit/s, CPU s/GB|6, 1.3
	plainkey|the same with a key|2.5, 4.5
	wggo|the same without udpbond, through wireguard-go|-
	plain5|five links without limits, the same|-
	small|the one link, UDP of 64 B, down / up: thousands a second|-
	size|static binary, stripped: bytes|96000
	quiet|no flood: ping p50 / p99, lost; game the same; up / down, Mbit/s|-
	syn|a flood of SYNs with 1340 B, 1800 a second: the same|25 ms; 5
	udp|UDP of 200 B to random ports, 9000 a second: the same|25 ms; 5
	rst|TCP RSTs from random ports, 9000 a second: the same|25 ms; 5
	ack|ACKs of one flow, 12000 a second: the same|25 ms; 5
	cs6|UDP of 1300 B with DSCP CS6, 1900 a second: the same|25 ms; 5
	flows|UDP of 400 B in 5000 flows, 6250 a second: the same|25 ms; 5
	END
	pagerows | cut -d '|' -f 1-3
	sweeprows | cut -d '|' -f 1-3
	priorows | cut -d '|' -f 1-3
	manyrows | cut -d '|' -f 1-3
}

# name|what|to reach|streams of 1 Mbit/s
pagerows()
{
	what='60 kB and 1 MB by HTTP beside'
	for n in 0 4 8; do
		echo "light$n|$what $n Mbit/s of UDP: p50 / p90 ms each|-|$n"
	done
}

# name|what|to reach|beside what, and kbit/s of each stream
sweeprows()
{
	got='p50 / p99 ms, lost; Mbit/s by link'
	for beside in '' game load both; do
		case $beside in
		'')   with=alone ;;
		game) with='beside a game' ;;
		load) with='beside a download' ;;
		both) with='beside both' ;;
		esac
		for n in 0.5 1 2 3 4 6 8 9 12 20 50 100 200 270; do
			case $n in
			0.5|[1-8]) reach='23 / 27, 0; all' ;;
			*)     reach=- ;;
			esac
			echo "sweep$n$beside|$n Mbit/s of UDP $with: $got" \
				"|$reach|${beside:-alone} $(kbits 1 "$n")"
		done
		for n in 3x2.5 16x0.5; do
			echo "sweep$n$beside|${n%x*} times ${n#*x} $with: $got" \
				"|23 / 27, 0; all|${beside:-alone}" \
				"$(kbits "${n%x*}" "${n#*x}")"
		done
	done | sed 's/ |/|/'
}

# kbits N MBIT [N MBIT...]: kbit/s of so many streams of each
kbits()
{
	echo "$@" | awk '{
		for (i = 1; i < NF; i += 2)
			for (n = $i; n > 0; n--)
				printf "%s%.0f", sep, $(i + 1) * 1000, sep = " "
		print ""
	}' | sed 's/ *$//'
}

# name|what|to reach|the link, how it is measured, priority,up,down of all
priorows()
{
	for prio in 60 61; do
		two="1,10,10 $prio,70,70"
		five="1,10,10 2,70,70 2,70,70 2,70,70 $prio,70,70"
		loads="TCP of 1, 4, 12, 20"
		got="on it, %; alone, Mbit/s"
		cat <<-END
		prio${prio}two|priority $prio, two links, $loads: $got|-|wg1 streamtcp $two
		prio${prio}twoudp|the same with UDP|-|wg1 streamudp $two
		prio${prio}five|priority $prio, one of five, $loads: $got|0; all|wg4 streamtcp $five
		prio${prio}fiveudp|the same with UDP|0; all|wg4 streamudp $five
		prio${prio}idle|priority $prio, one of five, idle: MB a day on it; on wg0|50|wg4 idle $five
		END
	done
}

# name|what|to reach|kbit/s of each stream
manyrows()
{
	got='stay, away (kbit/s); moves; wg0 full'
	cat <<-END
	many1|UDP of 10 Mbit/s: $got; p50 / p99 ms|-|$(kbits 1 10)
	many4|4 streams of 1 to 5 that sum to 10.5: $got|-|$(kbits 1 5 1 3 1 1.5 1 1)
	many16|16 of 0.2 to 2.6, 10.5: $got|-|$(kbits 1 2.6 1 1.5 1 1 2 0.7 3 0.6 3 0.4 5 0.2)
	many64|64 of 0.12 to 1.2, 10.5: $got|-|$(kbits 1 1.2 3 0.6 60 0.125)
	END
}

# name|links that lose|how it is measured
lossyrows()
{
	cat <<-'END'
	call|:|alone cost call
	callload|:|alone under 1 call
	callloss|starlink loss=2|alone cost call
	callall|everylink loss=2|alone cost call
	lossudp|starlink loss=2|alone cost stream
	lossudpall|everylink loss=2|alone cost stream
	loss|starlink loss=2|both cost bulk cubic
	lossbbr|starlink loss=2|both cost bulk bbr
	burst2|starlink loss=2 burst=4|both cost bulk cubic
	burst5|starlink loss=5 burst=4|both cost bulk cubic
	http1|:|both under 1 pages
	http4|:|both under 4 pages
	http16|:|both under 16 pages
	httploss1|starlink loss=2|both under 1 pages
	httploss4|starlink loss=2|both under 4 pages
	httploss16|starlink loss=2|both under 16 pages
	sixteen|starlink loss=2|both cost fair 16
	END
}
lossy=$(lossyrows | cut -d '|' -f 1)

# name|links, of movingrows, or the five|how it is measured
quicrows()
{
	cat <<-'END'
	quiccubic||quic 1
	quicreno||quic 1 -reno
	quic2cubic||quic 2
	quic2reno||quic 2 -reno
	quicup||quic 1 -up
	quic15k||fetches 15000
	quic60k||fetches 60000
	quic1m||fetches 1000000
	quicrec|rec|quic 1
	quicrecreno|rec|quic 1 -reno
	END
}
quic=$(quicrows | cut -d '|' -f 1)

floods='quiet syn udp rst ack cs6 flows'

# name|links|priority,up,down of each in config.h|seconds, congestion control
movingrows()
{
	adsl=rate=10,delay=10
	star=a.rate=10,b.trace=$TRACES/starlink.down
	star=$star,delay=10,delays=$TRACES/starlink.delay
	lte=a.trace=$TRACES/lte.up,b.trace=$TRACES/lte.down,delay=25,pkts=300
	jump=jump=5:50:1000,delay=20,pkts=300
	rec="$adsl $star $lte"
	cat <<-END
	rec|$rec|1,10,10 2,10,60 2,10,40|40 cubic
	recbbr|$rec|1,10,10 2,10,60 2,10,40|40 bbr
	rec0|$rec|1,0,0 2,0,0 2,0,0|40 cubic
	rec0bbr|$rec|1,0,0 2,0,0 2,0,0|40 bbr
	rec3|$rec|1,30,30 2,30,180 2,30,120|40 cubic
	rec3bbr|$rec|1,30,30 2,30,180 2,30,120|40 bbr
	walk2|$jump $jump|1,0,0 1,0,0|40 cubic
	walk4|$jump $jump $jump $jump|1,0,0 1,0,0 1,0,0 1,0,0|40 cubic
	far|rate=50,delay=20 rate=50,delay=300|1,50,50 2,50,50|30 cubic
	far2|rate=10,delay=10 rate=50,delay=300|1,10,10 2,50,50|30 cubic
	END
}
moving=$(movingrows | cut -d '|' -f 1)

usage()
{
	echo "usage: test/bench.sh [-h] [row...]"
	echo 'rows, or one of these for all of its rows: floods, moving, lossy, quic,'
	echo 'pages, sweep, sweepgame, sweepload, sweepboth, prio60, prio61, many;'
	echo 'all but those of sweepgame, sweepload, sweepboth if none is named'
	table | awk -F '|' '!/^sweep.*beside/ { printf "\t%-14s %s\n", $1, $2 }'
}

# row WHAT REACH MPTCP UDPBOND
row()
{
	printf '%-72s  %-14s  %-20s  %s\n' "$@"
}

# the labs: each stands until another is asked for

# five links from linkem
five()
{
	[ "$links" = five ] && return
	linksdown
	fivelinks || exit 1
	endpoints 4
	links=five
}

# endpoints LAST: MPTCP learns of the links after wg0
endpoints()
{
	i=0
	while [ "$((i += 1))" -le "$1" ]; do
		at vps ip mptcp endpoint add "10.200.$i.2" signal
	done
}

# anew KEYS...: links that begin now; when READY ends they may have a load
anew()
{
	linksdown
	n=0
	for keys; do
		shift
		set -- "$@" "$(link4 "$n"),over=60,mtu=1420,$keys"
		n=$((n + 1))
	done
	links "$@" || exit 1
	sleep 6 >/dev/null &
	ready=$!
	endpoints $((n - 1))
}

# the five links without WireGuard
bare()
{
	[ "$links" = bare ] && return
	linksdown
	fivelinks mtu=1500 || exit 1
	links=bare
}

# the five links between router and isp
coming()
{
	[ "$links" = coming ] && return
	linksdown
	isp
	fivelinks mtu=1500 || exit 1
	links=coming
}

# two, both slow
two()
{
	[ "$links" = two ] && return
	linksdown
	all=rate=10,delay=10,queue=100,over=60,mtu=1420
	links "$(link4 0),$all" "$(link4 1),$all" || exit 1
	links=two
}

# five veths, as fast as the machine is
plain()
{
	[ "$links" = plain ] && return
	linksdown
	for i in 0 1 2 3 4; do
		ip link add "wg$i" netns router-$$ type veth \
			peer name "wg$i" netns vps-$$
		netaddr router "wg$i" "10.200.$i.1/24"
		netaddr vps "wg$i" "10.200.$i.2/24"
	done
	links=plain
}

linksdown()
{
	stop linkem
	noisp
	at vps ip mptcp endpoint flush
	[ "$links" = plain ] || return
	for i in 0 1 2 3 4; do
		at router ip link del "wg$i"
	done
}

# tunnels N COMMAND...: while wireguard-go joins router and vps over the first N
# links, as go0 to go4
tunnels()
{
	n=$1 i=0
	shift
	for end in wireguard-go wg; do
		command -v $end >/dev/null || { echo "- (no $end)"; return; }
	done
	for end in router vps; do
		wg genkey >"$LAB/$end.secret" &&
		wg pubkey <"$LAB/$end.secret" >"$LAB/$end.public" || exit 1
	done 2>/dev/null
	while [ "$i" -lt "$n" ]; do
		tunnelend router "$i" 1 vps 2
		tunnelend vps "$i" 2 router 1
		i=$((i + 1))
	done
	"$@"
	for i in 0 1 2 3 4; do
		stop "go-router$i"
		stop "go-vps$i"
	done
}

# tunnelend NS LINK HOST PEER PEER-HOST: its socket has the name that the device
# begins with, in a directory which all namespaces see
tunnelend()
{
	start "go-$1$2" "$1" wireguard-go -f "$1$2-$$"
	waitfor 5 at "$1" wg set "$1$2-$$" private-key "$LAB/$1.secret" \
		listen-port "5182$2" peer "$(cat "$LAB/$4.public")" \
		allowed-ips 0.0.0.0/0 endpoint "10.200.$2.$5:5182$2"
	at "$1" ip link set "$1$2-$$" name "go$2"
	netaddr "$1" "go$2" "10.201.$2.$3/24"
}

# servers for both ways of measuring
servers()
{
	mkdir "$LAB/www"
	head -c 60000 /dev/urandom >"$LAB/www/60k"
	head -c 1000000 /dev/urandom >"$LAB/www/1m"
	start iperf inet iperf3 -s
	start httpd inet busybox httpd -f -p 80 -h "$LAB/www"
	start irtt inet irtt server -i 0
	start iperfmptcp vps mptcpize run iperf3 -s
	start httpdmptcp vps mptcpize run busybox httpd -f -p 80 -h "$LAB/www"
	start irttmptcp vps irtt server
	for i in router vps; do
		at $i sysctl -qw net.mptcp.enabled=1
		at $i ip mptcp limits set subflows 8 add_addr_accepted 8
	done
}

# overmptcp COMMAND...: measures between router and vps, FRESH links if any
overmptcp()
{
	[ "$parity" = "${parities%% *}" ] || { echo -; return; }
	# shellcheck disable=SC2086
	[ -z "$fresh" ] || anew $fresh
	from=router there=vps host=10.200.0.2 mptcp=yes
	"$@"
}

# overlink COMMAND...: measures over one Starlink, FRESH links if any
overlink()
{
	[ "$parity" = "${parities%% *}" ] || { echo -; return; }
	# shellcheck disable=SC2086
	[ -z "$fresh" ] || anew $fresh
	from=router there=vps host=10.200.1.2
	"$@"
}

# overgo COMMAND...: measures between lan and inet, which know the way through
# the one tunnel of wireguard-go, without a firewall or masquerading
overgo()
{
	at router sysctl -qw net.ipv4.ip_forward=1
	at vps sysctl -qw net.ipv4.ip_forward=1
	at router ip route add 203.0.113.0/24 dev go0
	at vps ip route add 192.168.1.0/24 dev go0
	at inet ip route add 192.168.1.0/24 via 203.0.113.2
	from=lan there=inet host=203.0.113.1 mptcp=
	waitfor 10 reach && "$@"
	at inet ip route del 192.168.1.0/24
}

# overbond COMMAND...: measures between lan and inet over a fresh tunnel
overbond()
{
	overother bond '' "$@"
}

# overother NAME SED-SCRIPT COMMAND...: the same with another config.h
overother()
{
	built "$1" "$2" || exit 1
	shift 2
	# shellcheck disable=SC2086
	[ -z "$fresh" ] || anew $fresh
	from=lan there=inet host=203.0.113.1 mptcp=
	if tunnel "$bond" -m 0; then
		sleep 1
		"$@"
	else
		echo 'no tunnel'
		tail "$LAB/client.err" "$LAB/server.err" >&2
	fi
	untunnel
}

# built NAME SED-SCRIPT: udpbond, with this parity, in the directory bond
built()
{
	bond=$LAB/$1$parity
	[ -d "$bond" ] || build "$bond" \
		"$2; s/^\(static const int parity *= \)[0-9]*/\1$parity/"
}

# what is run over either, with from, there, host and mptcp from above

# run COMMAND...
run()
{
	at "$from" ${mptcp:+mptcpize run} "$@"
}

# iperf SECONDS [OPTION...]
iperf()
{
	secs=$1
	shift
	run timeout $((secs + 15)) iperf3 -c "$host" -f m -t "$secs" "$@"
}

# tcp SECONDS [OPTION...]: where the congestion control is no matter
tcp()
{
	iperf "$@" -C cubic
}

# flow CONGESTION-CONTROL -R: one TCP flow, steady and from cold; without -R
# the intervals that count are the server's
flow()
{
	iperf 25 -C "$@" --get-server-output >"$LAB/flow"
	case $* in
	*-R*)
		sed '/^Server output/,$d' "$LAB/flow" ;;
	*)
		sed '1,/^Server output/d' "$LAB/flow" ;;
	esac | rates >"$LAB/rates"
	echo "$(mean 16 25 <"$LAB/rates") / $(mean 1 15 <"$LAB/rates")"
}

# cputimes: of both ends and the tunnels that there are, in seconds
cputimes()
{
	for pid in "$LAB/client.pid" "$LAB/server.pid" "$LAB"/go-*.pid; do
		[ -f "$pid" ] || continue
		pid=${pid##*/}
		cputime "${pid%.pid}"
	done | awk '{ n += $1 } END { print n }'
}

# the rows: mNAME measures

midle()
{
	pings "$from" 50 100 "$host" | pingtimes | percentile 50
}

mgame()
{
	tcp 24 -R >"$LAB/flow" &
	sleep 3
	game 20
	wait $!
	gametimes >"$LAB/game"
	echo "$(score "$(wc -l <"$LAB/game")" <"$LAB/game");" \
		"$(rates <"$LAB/flow" | mean 4 23)"
}

# game SECONDS [INTERVAL BYTES]: UDP of 100 B each 15 ms, there and back
game()
{
	at "$from" timeout $(($1 + 20)) irtt client -Q -i "${2-15ms}" \
		-l "${3-100}" -d "$1s" -o "$LAB/game.json" "$host"
}

# gametimes: the round trip times, ms, or "lost"
gametimes()
{
	sed -n '/"delay": {/,/}/s/^.*"rtt": \([0-9][0-9]*\),*$/\1/p
		s/.*"lost": "true.*/lost/p' "$LAB/game.json" |
	awk '/lost/ { print; next } { printf "%.1f\n", $1 / 1e6 }'
}

# score COUNT <TIMES: p50 / p99, and how many of so many did not come
score()
{
	grep -v lost >"$LAB/came"
	echo "$(percentiles 50 99 <"$LAB/came"), $(($1 - $(wc -l <"$LAB/came")))"
}

# mflood [SORT PPS LEN]: what a host has while 192.168.1.101 floods. All begins
# before the flood does, and iperf3 gives its results when that has ended.
mflood()
{
	rm -f "$LAB/times" "$LAB/games"
	up=$(beside "$@" --get-server-output | sed '1,/^Server output/d' |
		rates | mean 4 11)
	down=$(beside "$@" -R | rates | mean 4 11)
	echo "$(score 200 <"$LAB/times");" \
		"$(score "$(wc -l <"$LAB/games")" <"$LAB/games"); $up / $down"
}

# beside [SORT PPS LEN] OPTION: a TCP flow of 15 s, and in ten seconds of it
# the flood, 100 pings and 667 moves of a game
beside()
{
	for direction; do :; done
	iperf 15 -C cubic "$direction" &
	load=$!
	sleep 1
	game 10 >/dev/null &
	load="$load $!"
	sleep 1
	[ $# -eq 1 ] || start flood lan "$LAB/flood" send "$1" 192.168.1.101 \
		"$host" "$2" "$3" 10000
	pings "$from" 100 100 "$host" | pingtimes >>"$LAB/times"
	# shellcheck disable=SC2086
	wait $load
	stop flood
	gametimes >>"$LAB/games"
}

mhttp()
{
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		page
		sleep 0.3
	done | percentile 50
}

# the rows of "lossy": each of these measures for 12 s, and cost() wants to
# know from $LAB/carried how many bytes came down

call()
{
	game 12 3.2ms 1200
	gametimes >"$LAB/times"
	sent=$(wc -l <"$LAB/times")
	came=$(grep -vc lost "$LAB/times")
	echo $((came * 1200)) >"$LAB/carried"
	echo "$(share $((sent - came)) "$sent"), $(grep -v lost "$LAB/times" |
		percentiles 50 99)"
}

# UDP of 40 Mbit/s, received by a socket with the buffer it has by default
stream()
{
	rm -f "$LAB/stream.out"
	drops=$(udpdropped)
	start stream inet "$LAB/flood" stream 7001 4167 1200 12000
	at "$from" "$LAB/flood" delays "$host" 7001 14000 >"$LAB/delays"
	stop stream
	drops=$(($(udpdropped) - drops))
	read -r _ came _ _ _ p50 _ p99 <"$LAB/delays"
	read -r _ sent <"$LAB/stream.out"
	echo $((came * 1200)) >"$LAB/carried"
	echo "$(share $((sent - came)) "$sent")" \
		"($drops of $((sent - came)) by the socket)," \
		"+$(echo "$p99 $p50" | awk '{ printf "%.1f", ($1 - $2) / 1e3 }')"
}

# udpdropped: datagrams that found the socket's buffer full
udpdropped()
{
	at "$from" cat /proc/net/snmp | awk '/^Udp: [0-9]/ { print $6 }'
}

# bulk CONGESTION-CONTROL: one download
bulk()
{
	iperf 15 -C "$1" -R -f k >"$LAB/flow"
	received 15
	rates <"$LAB/flow" | mean 3 15 | awk '{ printf "%.0f\n", $1 / 1e3 }'
}

# fair N: so many downloads
fair()
{
	tcp 15 -R -P "$1" -f k >"$LAB/flow"
	received 15
	awk '{
		sum += $1; squares += $1 * $1
		if (NR == 1 || $1 < min) min = $1
		if ($1 > max) max = $1
	} END { printf "%.1f - %.1f, %.2f; %.0f\n", min / 1e3, max / 1e3,
		squares ? sum * sum / NR / squares : 0, sum / 1e3 }' "$LAB/flows"
}

# pages [SECONDS FILE]
pages()
{
	end=$(($(date +%s) + ${1-12}))
	while [ "$(date +%s)" -lt $end ]; do
		page "${2-60k}"
		sleep 0.1
	done | percentiles 50 90
}

# page [FILE]: ms that it takes
page()
{
	run curl -s -m 5 -o /dev/null -w '%{time_total}\n' \
		"http://$host/${1-60k}" | awk '{ printf "%.0f\n", $1 * 1000 }'
}

# under N COMMAND...: while so many downloads run
under()
{
	tcp 18 -R -P "$1" -f k >"$LAB/flow" &
	load=$!
	shift
	sleep 3
	measured=$("$@")
	wait $load
	received 18
	echo "$measured; $(awk '{ n += $1 }
		END { printf "%.0f", n / 1e3 }' "$LAB/flows")"
}

# received SECONDS: kbit/s of each flow of $LAB/flow, as the receiver saw it
received()
{
	sed -n '/SUM/d; s|.* \([0-9.]*\) Kbits/sec .*receiver.*|\1|p' \
		"$LAB/flow" >"$LAB/flows"
	awk -v secs="$1" '{ n += $1 } END { printf "%.0f\n", n * secs * 125 }' \
		"$LAB/flows" >"$LAB/carried"
}

# cost COMMAND...: and how much more than that the server's links have carried
cost()
{
	[ -z "$mptcp" ] || { "$@"; return; }
	was=$(sentbytes)
	measured=$("$@")
	echo "$measured, $(share $(($(sentbytes) - was - $(cat "$LAB/carried"))) \
		"$(cat "$LAB/carried")")"
}

sentbytes()
{
	at vps "$bond/udpbond" -p | awk '/^udpbond_link_transmit_bytes/ {
		n += $2 } END { printf "%.0f\n", n }'
}

# share PART WHOLE: in percent
share()
{
	echo "$@" | awk '{ printf "%.2f %%\n", $2 ? $1 / $2 * 100 : 0 }'
}

# percentiles N M <NUMBERS
percentiles()
{
	cat >"$LAB/numbers"
	echo "$(percentile "$1" <"$LAB/numbers") /" \
		"$(percentile "$2" <"$LAB/numbers")"
}

# quic N [OPTION...]: so many downloads
quic()
{
	n=$1 i=0 load=
	shift
	[ -z "$fresh" ] || wait "$ready"
	quicserver "$@"
	while [ $((i += 1)) -le "$n" ]; do
		at "$from" timeout 40 "$LAB/quic" -c "$host:443" -t 25 "$@" \
			>"$LAB/secs$i" 2>"$LAB/sender" &
		load="$load $!"
	done
	# shellcheck disable=SC2086
	wait $load
	stop quicd
	each=
	while [ $((i -= 1)) -ge 1 ]; do
		each="$(cut -d ' ' -f 2 "$LAB/secs$i" | mean)${each:+, $each}"
	done
	[ -z "${SENDER-}" ] || cat "$LAB/quicd.err" "$LAB/sender" >&2
	cat "$LAB"/secs? | awk '{ sum[$1] += $2 }
		END { for (i = 1; i <= 25; i++) print sum[i] + 0 }' \
		>"$LAB/rates"
	rm "$LAB"/secs?
	echo "$(mean 1 12 <"$LAB/rates") / $(mean 13 25 <"$LAB/rates")$(
		[ "$n" -eq 1 ] || echo "; $each")"
}

# fetches BYTES: the first is one of a pair of hosts that nobody knows
fetches()
{
	quicserver
	fetch -b "$1" -n 21 -new
	measured="$(head -n 1 "$LAB/fetched"),\
 $(sed 1d "$LAB/fetched" | percentile 50)"
	fetch -b "$1" -n 21
	echo "$measured; $(sed 1d "$LAB/fetched" | percentile 50)"
	stop quicd
}

fetch()
{
	at "$from" timeout 60 "$LAB/quic" -c "$host:443" "$@" \
		>"$LAB/fetched" 2>/dev/null
}

quicserver()
{
	rm -f "$LAB/quicd.err"
	start quicd "$there" "$LAB/quic" -s "$host:443" "$@"
	waitfor 5 listens "$there" 443
}

# listens NS PORT: a UDP socket
listens()
{
	at "$1" cat /proc/net/udp /proc/net/udp6 |
	grep -q "$(printf ':%04X 00' "$2")"
}

# fall: 10 s at 70 Mbit/s, 10 at 30, 10 at 70
mfall()
{
	tcp 30 -R >"$LAB/flow" &
	load=$!
	sleep 10
	pings "$from" 1000 20 "$host" >"$LAB/pings" &
	load="$load $!"
	starlink rate=30
	sleep 10
	starlink rate=70
	# shellcheck disable=SC2086
	wait $load
	rates <"$LAB/flow" >"$LAB/rates"
	echo "$(mean 14 20 <"$LAB/rates") $(mean 24 30 <"$LAB/rates")" |
	awk -v full="$full" -v wire="$wire" '{
		printf "%.0f / %.0f %%, ",
			$1 / (full * 130 / wire) * 100, $2 / full * 100
	}'
	echo "$(pingtimes <"$LAB/pings" | percentile 99) ms"
}

# mmoving SECONDS CONGESTION-CONTROL: the beginning of a download in Mbit/s,
# and how much this is of what the links could carry, which bears full / wire
# of that as payload with our headers; a ping beside it
mmoving()
{
	wait "$ready"
	pings "$from" $(($1 * 20)) 50 "$host" >"$LAB/pings" &
	load=$!
	iperf $(($1 + 1)) -C "$2" -R >"$LAB/flow" &
	load="$load $!"
	was=$(offered)
	sleep "$1"
	is=$(offered)
	# shellcheck disable=SC2086
	wait $load
	rates <"$LAB/flow" | mean 1 "$1" | awk -v bytes="$((is - was))" \
		-v secs="$1" -v full="$full" -v wire="$wire" '{
		could = bytes * 8e-6 / secs * full / wire
		printf "%.1f, %.0f %%; ", $1, $1 / could * 100
	}'
	score $(($1 * 20)) <<-END
		$(pingtimes <"$LAB/pings")
	END
}

# offered: bytes that the links could carry so far, down
offered()
{
	linkstat | sed -n 's/.* b .*offered=\([0-9]*\).*/\1/p' |
	awk '{ n += $1 } END { printf "%.0f\n", n }'
}

msilent()
{
	pings "$from" 800 10 "$host" >"$LAB/pings" &
	sleep 2
	linkctl 'wg0 silent=1'
	sleep 3
	linkctl 'wg0 silent=0'
	wait $!
	lostinarow 800 <"$LAB/pings"
}

# UDP streams, see streams.c

# watched PORT COMMAND...: the links' part of it goes to $LAB/watch.out
watched()
{
	rm -f "$LAB/watch.out"
	start watch router "$LAB/streams" watch "$1" wg0 wg1 wg2 wg3 wg4
	shift
	"$@"
	stop watch
}

# streams SECONDS LEN OPTION KBIT...: what the sender says and what comes
streams()
{
	ms=$(($1 * 1000)) len=$2 option=$3
	shift 3
	rm -f "$LAB/send.out"
	start send "$there" "$LAB/streams" send 7001 "$len" "$ms" "$@"
	# shellcheck disable=SC2086
	at "$from" "$LAB/streams" take $option "$host" 7001 $((ms + 3000)) $# \
		>"$LAB/take.out"
	stop send
}

# streamed [-e]: p50 / p99 ms and how much was lost, of what came or came back
streamed()
{
	read -r _ sent rest <"$LAB/send.out"
	[ "$1" = -e ] || read -r rest <"$LAB/take.out"
	echo "$sent $rest" | awk '{
		printf "%.1f / %.1f, %.2f %%\n", $5 / 1e3, $7 / 1e3,
			$1 ? ($1 - $3) / $1 * 100 : 0
	}'
}

# bylink WAY SECONDS: Mbit/s that each link carried of what was watched
bylink()
{
	awk -v way="$1" -v secs="$2" '$1 == "link" && $2 == way {
		printf "%s%.2f", sep, $5 * 8e-6 / secs
		sep = "+"
	}' "$LAB/watch.out"
}

# msweep alone|game|load|both KBIT...
msweep()
{
	beside=$1 load=
	shift
	case $beside in
	load|both)
		tcp 18 -R >"$LAB/flow" &
		load=$!
		sleep 4 ;;
	esac
	case $beside in
	game|both)
		game 10 &
		load="$load $!" ;;
	esac
	if [ $(($(echo "$@" | tr ' ' +))) -le 8000 ]; then
		watched 7001 streams 10 1000 -e "$@"
		echo "$(streamed -e); $(bylink down 10) / $(bylink up 10)"
	else
		watched 7001 streams 10 1200 -b "$@"
		echo "$(streamed -b); $(bylink down 10)"
	fi >"$LAB/sweep"
	# shellcheck disable=SC2086
	[ -z "$load" ] || wait $load
	case $beside in
	game|both)
		gametimes >"$LAB/game"
		score "$(wc -l <"$LAB/game")" <"$LAB/game" |
		sed 's/^/; game /' ;;
	esac >>"$LAB/sweep"
	case $beside in
	load|both)
		echo "; download $(rates <"$LAB/flow" | mean 5 14)" ;;
	esac >>"$LAB/sweep"
	tr -d '\n' <"$LAB/sweep"
	echo
}

# mpages N: while so many streams of 1 Mbit/s are sent
mpages()
{
	if [ "$1" -gt 0 ]; then
		# shellcheck disable=SC2046
		streams 22 1000 '' $(kbits "$1" 1) &
		load=$!
		sleep 3
	fi
	echo "$(pages 8 60k), $(pages 8 1m)"
	[ "$1" -eq 0 ] || wait "$load"
}

# mprio LINK streamtcp|streamudp|idle: Mbit/s of load and how much of it this link
# carried, then the load that came once the others are silent
mprio()
{
	[ "$2" = idle ] && { idlebytes "$1"; return; }
	for mbit in 1 4 12 20; do
		"$2" "$mbit" >/dev/null
		linkpart "$1"
	done >"$LAB/prio"
	for i in 0 1 2 3 4; do
		[ "wg$i" = "$1" ] || linkctl "wg$i silent=1"
	done
	sleep 2
	for mbit in 1 4 12 20; do
		"$2" "$mbit"
	done >>"$LAB/prio"
	everylink silent=0
	paste -s -d '///;///' "$LAB/prio"
}

# streamtcp MBIT: TCP of that rate; what came of it, Mbit/s
streamtcp()
{
	watched 5201 tcp 8 -R -b "$1M" -f k >"$LAB/flow"
	received 8
	awk '{ n += $1 } END { printf "%.1f\n", n / 1e3 }' "$LAB/flows"
}

# streamudp MBIT: UDP of that rate
streamudp()
{
	watched 7001 streams 8 1200 -b "$(kbits 1 "$1")"
	awk 'NR == 1 { printf "%.1f\n", $2 * 1200 * 8e-6 / 8 }' "$LAB/take.out"
}

# linkpart LINK: its percentage of what was watched
linkpart()
{
	awk -v name="$1" '$1 == "link" && $2 == "down" {
		all += $5
		if ($3 == name)
			its = $5
	} END { printf "%.1f\n", all ? its / all * 100 : 0 }' "$LAB/watch.out"
}

# idlebytes LINK: with all headers and both ways, MB in a day; and on wg0
idlebytes()
{
	sleep 6
	was="$(linkbytes "$1") $(linkbytes wg0)"
	sleep 60
	echo "$was $(linkbytes "$1") $(linkbytes wg0)" |
	awk '{ printf "%.1f; %.1f\n", ($3 - $1) * 1440e-6, ($4 - $2) * 1440e-6 }'
}

# linkbytes LINK [WAY]: that it was given so far, with our 60 of overhead
linkbytes()
{
	linkstat | sed -n "s/^$1 [${2-ab}] packets=\([0-9]*\) bytes=\([0-9]*\).*/\1 \2/p" |
	awk '{ n += $1 * 60 + $2 } END { printf "%.0f\n", n }'
}

# mmany KBIT...: 20 s, of which the links are looked at for the last 10
mmany()
{
	watched 7001 streams 20 1000 -b "$@" &
	load=$!
	sleep 10
	was=$(linkbytes wg0 b)
	sleep 9
	is=$(linkbytes wg0 b)
	wait "$load"
	echo "$@" | awk -v full="$((is - was))" '
		NR == FNR { for (i = 1; i <= NF; i++) rate[i - 1] = $i; next }
		$1 == "flow" && $2 == "down" {
			n[$NF]++
			r = rate[$3]
			if (!($NF in least) || r < least[$NF]) least[$NF] = r
			if (r > most[$NF]) most[$NF] = r
			moves += $9
			if ($9 > max) max = $9
		}
		function those(where) {
			return n[where] + 0 (n[where] ? " (" least[where] "-" \
				most[where] ")" : "")
		}
		END {
			printf "%s, %s; %d, most %d; %.0f %%; ", those("home"),
				those("away"), moves, max, full * 8e-4 / 9 / 10
		}' - "$LAB/watch.out"
	streamed -b
}

# mfound [way]: with a way to the server by each link
mfound()
{
	tcp 30 -R >"$LAB/flow" &
	load=$!
	sleep 2
	game 26 &
	load="$load $!"
	for i in 1 2 3; do
		start seen isp "$LAB/streams" seen eth0 10.200.4.1 1000
		sleep 3
		up=$(date +%s%3N)
		linkctl 'wg4 up'
		[ $# -eq 0 ] || waitfor 2 "$1" 4
		sleep 4
		down=$(date +%s%3N)
		linkctl 'wg4 down'
		sleep 1
		stop seen
		echo "$up $down $(tail -n 1 "$LAB/seen.out")"
	done >"$LAB/found"
	# shellcheck disable=SC2086
	wait $load
	awk '{
		first = first sep ($6 ? $6 - $1 : "never")
		last = last sep ($6 ? $8 - $2 : "-")
		sep = ", "
	} END { printf "%s / %s; ", first, last }' "$LAB/found"
	gametimes >"$LAB/game"
	echo "$(score "$(wc -l <"$LAB/game")" <"$LAB/game"); $(sed -n \
		's/.*sec  *\([0-9]*\) *sender.*/\1/p' "$LAB/flow"), $(rates \
		<"$LAB/flow" | mean 3 29)"
}

# way LINK: to the server
way()
{
	at router ip route replace 198.51.100.7 dev "wg$1" metric "10$1"
}

# as many seconds idle as with a load
mlight()
{
	was=$(starlinkpackets)
	sleep 10
	idle=$(starlinkpackets)
	iperf 10 -u -b 1M -l 1000 -R >/dev/null &
	sleep 10
	echo $(($(starlinkpackets) - idle - (idle - was)))
	wait $!
}

mcpu()
{
	was=$(cputimes)
	tcp 10 -R | rates >"$LAB/rates"
	echo "$was $(cputimes) $(mean 1 10 <"$LAB/rates")" |
	awk '{ printf "%.1f, %.0f %%; %.0f\n", ($2 - $1) / ($3 * 10 / 8 / 1000),
		($2 - $1) / 10 * 100, $3 }'
}

mmemory()
{
	rest="$(rss client) / $(rss server)"
	tcp 5 -R >/dev/null
	echo "$rest, $(rss client) / $(rss server)"
}

# plainflow [-R]: Gbit/s, CPU seconds per GB
plainflow()
{
	was=$(cputimes)
	tcp 8 "$@" | rates >"$LAB/rates"
	echo "$was $(cputimes) $(mean 1 8 <"$LAB/rates")" |
	awk '{ printf "%.2f, %.2f\n", $3 / 1000,
		($2 - $1) / ($3 * 8 / 8 / 1000) }'
}

mplain()
{
	echo "$(plainflow -R) / $(plainflow)"
}

# smallflow [-R]: thousands of datagrams that arrive in a second
smallflow()
{
	iperf 8 -u -b 0 -l 64 "$@" | sed -n \
		's|.* \([0-9]*\)/\([0-9]*\) (.*receiver.*|\1 \2|p' |
	awk '{ printf "%.0f\n", ($2 - $1) / 8 / 1000 }'
}

msmall()
{
	echo "$(smallflow -R) / $(smallflow)"
}

# how often each end went to sleep in 10 s, for it had to wake up
mrest()
{
	was="$(sleeps client) $(sleeps server)"
	sleep 10
	echo "$was $(sleeps client) $(sleeps server)" |
	awk '{ printf "%.0f / %.0f\n", ($3 - $1) / 10, ($4 - $2) / 10 }'
}

sleeps()
{
	awk '/^voluntary/ { print $2 }' "/proc/$(worker "$1")/status"
}

# sed scripts for config.h: links without rates, one of them
fast='/{ "wg/s/\(900[1-5]\), *[0-9]*, *[0-9]*, *[0-9]*/\1, 1, 10000, 10000/'
onelink="/\"wg[1-4]\"/d; $fast"
twolinks='/"wg[2-4]"/d; s/2,  *70, 70/1, 10, 10/'

# and links that are tunnels of wireguard-go
gowire='s/"wg\([0-4]\)", /"go\1", /; s/"10[.]200[.]/"10.201./g'

# links that are bare
bare='s/^\(.*linkoverhead *= \)[0-9]*/\10/'

# pattern wg%d|wg*: one row for wg1 to wg4
pattern()
{
	case $1 in
	*%d) ends='"10.200.%d.1", "10.200.%d.2"' ;;
	*)   ends='NULL, "198.51.100.7"' ;;
	esac
	echo "/\"wg[2-4]\"/d; s/\"wg1\", .*, 9002/\"$1\", $ends, 9101/"
}

# linkrates PRIORITY,UP,DOWN...: so many links, with those
linkrates()
{
	for n in 0 1 2 3 4; do
		if [ $# -eq 0 ]; then
			echo "/\"wg$n\"/d"
			continue
		fi
		printf '%s\n' "/\"wg$n\"/s/\(900[1-5]\), *[0-9]*, *[0-9]*, *[0-9]*/\1, $1/"
		shift
	done
}

msize()
{
	mkdir "$LAB/static"
	cp Makefile config.mk config.def.h udpbond.c "$LAB/static"
	make -s -C "$LAB/static" static >&2 && strip "$LAB/static/udpbond" &&
	wc -c <"$LAB/static/udpbond"
}

# measure NAME: prints MPTCP's value and udpbond's, separated by a bar
measure()
{
	case $1 in
	cubic)  both flow cubic -R ;;
	bbr)    both flow bbr -R ;;
	upload) both flow cubic ;;
	bbrup)  both flow bbr ;;
	idle|game|http|fall|silent)
		both "m$1" ;;
	light|cpu|rest|memory)
		alone "m$1" ;;
	cubickey)
		echo "-|$(overother key "$key" flow cubic -R)" ;;
	cpukey)
		echo "-|$(overother key "$key" mcpu)" ;;
	cpuwg)
		echo "-|$(tunnels 5 overother wg "$gowire" mcpu)" ;;
	known)
		echo "-|$(comes known "$bare")" ;;
	found)
		echo "-|$(comes found "$bare; $(pattern wg%d)")" ;;
	foundkey)
		echo "-|$(comes foundkey "$key; $(pattern wg%d)")" ;;
	foundany)
		echo "-|$(comes foundany "$key; $(pattern 'wg*')" way)" ;;
	plainkey)
		echo "-|$(overother onekey "$onelink; $key" mplain)" ;;
	wggo)
		echo "-|$(tunnels 1 overgo mplain)" ;;
	plain)
		echo "-|$(overother one "$onelink" mplain)" ;;
	plain5)
		echo "-|$(overother fast "$fast" mplain)" ;;
	small)
		echo "-|$(overother one "$onelink" msmall)" ;;
	size)
		echo "-|$(msize)" ;;
	quiet)  flooded ;;
	syn)    flooded syn 1800 1340 ;;
	udp)    flooded udp 9000 200 ;;
	rst)    flooded rst 9000 1 ;;
	ack)    flooded ack 12000 1 ;;
	cs6)    flooded cs6 1900 1300 ;;
	flows)  flooded flows 6250 400 ;;
	rec*|walk*|far*)
		moved "$1" ;;
	light[048]) both mpages "${1#light}" ;;
	sweep*) streaming sweep "$1" ;;
	many*)  streaming many "$1" ;;
	prio*)  prioritized "$1" ;;
	quic*)  quicked "$1" ;;
	*)      lost "$1" ;;
	esac
}

both()
{
	echo "$(overmptcp "$@")|$(overbond "$@")"
}

alone()
{
	echo "-|$(overbond "$@")"
}

# comes NAME SED-SCRIPT [way]: with wg4 away at first
comes()
{
	linkctl 'wg4 down'
	[ $# -lt 3 ] || for i in 0 1 2 3; do
		way "$i"
	done
	# shellcheck disable=SC2086
	overother "$1" "$2" mfound ${3-}
}

# lost NAME: its row of lossyrows
lost()
{
	how=$(lossyrows | sed -n "s/^$1|//p")
	${how%|*}
	${how#*|}
	everylink loss=0 burst=1
}

# moved NAME: its row of movingrows
moved()
{
	moving "$1" || return
	# shellcheck disable=SC2086
	echo "$(overmptcp mmoving $load)|$(overother "$1" \
		"$(linkrates $rates)" mmoving $load)"
}

# moving NAME: fresh, rates and load of its row of movingrows
moving()
{
	case $1 in
	rec*)
		[ -f "$TRACES/starlink.down" ] || {
			echo '-|no traces: set TRACES to a directory with' \
				'starlink.down, starlink.delay, lte.down' \
				'and lte.up'
			return 1
		} ;;
	esac
	fresh=$(movingrows | sed -n "s/^$1|//p")
	load=${fresh##*|} fresh=${fresh%|*}
	rates=${fresh#*|} fresh=${fresh%|*}
}

# quicked NAME: its row of quicrows
quicked()
{
	[ -x "$LAB/quic" ] || {
		echo '-|skipped: no go, or no quic-go'
		return
	}
	how=$(quicrows | sed -n "s/^$1|//p")
	where=${how%|*} how=${how#*|}
	[ -z "$where" ] || moving "$where" || return
	# shellcheck disable=SC2086
	echo "alone $(overlink $how)|$(overother "${where:-bond}" \
		"${where:+$(linkrates $rates)}" $how)"
}

# streaming sweep|many NAME: its row of sweeprows or manyrows
streaming()
{
	# shellcheck disable=SC2046
	alone "m$1" $("${1}rows" | grep "^$2|" | cut -d '|' -f 4)
}

# prioritized NAME: its row of priorows
prioritized()
{
	# shellcheck disable=SC2046
	set -- "$1" $(priorows | grep "^$1|" | cut -d '|' -f 4)
	name=$1 link=$2 how=$3
	shift 3
	echo "-|$(overother "$name" "$(linkrates "$@")" mprio "$link" "$how")"
}

flooded()
{
	echo "-|$(overother two "$twolinks" mflood "$@")"
}

[ "${1-}" = -h ] && usage && exit
case $* in
'')     names=$(table | grep -v '^sweep.*beside' | cut -d '|' -f 1) ;;
floods) names=$floods ;;
moving) names=$moving ;;
lossy)  names=$lossy ;;
pages)  names=$(pagerows | cut -d '|' -f 1) ;;
many)   names=$(manyrows | cut -d '|' -f 1) ;;
prio60|prio61)
	names=$(priorows | cut -d '|' -f 1 | grep "^$1") ;;
sweep)  names=$(sweeprows | cut -d '|' -f 1 | grep '[0-9]$') ;;
sweepgame|sweepload|sweepboth)
	names=$(sweeprows | cut -d '|' -f 1 | grep "${1#sweep}\$") ;;
quic)   names=$quic ;;
*)      names=$* ;;
esac
# shellcheck disable=SC2086
set -- $names
for name; do
	table | grep -q "^$name|" || { usage >&2; exit 1; }
done
needroot
need cc gcc make make ip iproute2 nft nftables iperf3 iperf3 curl curl \
	ping iputils-ping fping fping mptcpize mptcpize irtt irtt busybox busybox

labopen
labnets
netaddr lan eth0 192.168.1.101/24 # of the host that floods
links='' fresh=
parities=$(sed -n 's/^static const int parity *= \([0-9]*\).*/\1/p' \
	config.def.h)
parities=$(echo "${parities:+${PARITY:-$parities}}" | tr , ' ')
parity=${parities%% *}
buildlinkem && buildflood && buildstreams && built bond '' || exit 1
"$bond/udpbond" -k >"$LAB/keyfile" && chmod 600 "$LAB/keyfile" || exit 1
key="s|^\\(.*keyfile *= \\)NULL|\\1\"$LAB/keyfile\"|; $bare"
servers
! havequic || buildquic || exit 1
echo "$(nproc) processors, load average $(cut -d ' ' -f 1 /proc/loadavg):" \
	'what else runs here is in the figures'
row what 'to reach' 'kernel MPTCP' udpbond
for name; do
	case $name in
	plain|plainkey|wggo|plain5|small)
		plain ;;
	cubickey|cpukey|cpuwg)
		bare ;;
	known|found*)
		coming ;;
	quiet|syn|udp|rst|ack|cs6|flows)
		two ;;
	rec*|walk*|far*|quicrec*)
		linksdown
		links= ;;
	*)
		five ;;
	esac
	what=$(table | sed -n "s/^$name|\(.*\)|.*/\1/p")
	reach=$(table | sed -n "s/^$name|.*|//p")
	for parity in ${parities:-''}; do
		# the shell waits so that signals are heard
		measure "$name" >"$LAB/measured" &
		echo $! >"$LAB/measure.pid"
		wait $!
		rm "$LAB/measure.pid"
		measured=$(cat "$LAB/measured")
		[ "$parities" = "$parity" ] || what="${what%, parity ?}, parity $parity"
		row "$what" "$reach" "${measured%|*}" "${measured#*|}"
	done
done
