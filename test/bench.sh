#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Measures udpbond over five emulated links (see lab.sh), one of 10 Mbit/s
# and 20 ms and four of 70 Mbit/s and 80 ms, and in the same run kernel MPTCP.
# udpbond carries traffic between lan and inet through both of its ends; MPTCP
# runs between router and vps, directly on the links.

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
	loss|2 % lost on wg1-4, one cubic flow: Mbit/s|200
	lossudp|the same, UDP at 40 Mbit/s: lost|0.1 %
	fall|wg1-4 fall to 30 Mbit/s / come back: goodput of what is there, ping p99|95 / 95 %, 35 ms
	silent|wg0 silent for 3 s, ping each 10 ms: lost in a row|0
	light|1 Mbit/s of UDP: packets on wg1-4 beyond heartbeats|0
	cpu|CPU of both ends in a download: s/GB, of one core|-
	cpukey|the same, with a key|-
	rest|wakeups a second at rest, client / server|-
	memory|resident memory, client / server: at rest, after a download, kB|8192
	plain|one link without limits, one TCP flow, down / up: Gbit/s, CPU s/GB|6, 1.3
	plainkey|the same, with a key|-
	plain5|five links without limits, the same|-
	small|the one link, UDP of 64 B, down / up: thousands a second|-
	size|static binary, stripped: bytes|96000
	END
}

usage()
{
	echo "usage: test/bench.sh [-h] [row...]"
	echo "rows:"
	table | awk -F '|' '{ printf "\t%-8s %s\n", $1, $2 }'
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
	plaindown
	fivelinks || exit 1
	for i in 1 2 3 4; do
		at vps ip mptcp endpoint add "10.200.$i.2" signal
	done
	links=five
}

# five veths, as fast as the machine is
plain()
{
	[ "$links" = plain ] && return
	[ "$links" = five ] && stop linkem
	at vps ip mptcp endpoint flush
	for i in 0 1 2 3 4; do
		ip link add "wg$i" netns router-$$ type veth \
			peer name "wg$i" netns vps-$$
		netaddr router "wg$i" "10.200.$i.1/24"
		netaddr vps "wg$i" "10.200.$i.2/24"
	done
	links=plain
}

plaindown()
{
	[ "$links" = plain ] || return
	for i in 0 1 2 3 4; do
		at router ip link del "wg$i"
	done
}

# servers for both ways of measuring
servers()
{
	mkdir "$LAB/www"
	head -c 60000 /dev/urandom >"$LAB/www/60k"
	start iperf inet iperf3 -s
	start httpd inet busybox httpd -f -p 80 -h "$LAB/www"
	start irtt inet irtt server
	start iperfmptcp vps mptcpize run iperf3 -s
	start httpdmptcp vps mptcpize run busybox httpd -f -p 80 -h "$LAB/www"
	start irttmptcp vps irtt server
	for i in router vps; do
		at $i sysctl -qw net.mptcp.enabled=1
		at $i ip mptcp limits set subflows 8 add_addr_accepted 8
	done
}

# overmptcp COMMAND...: measures between router and vps
overmptcp()
{
	from=router host=10.200.0.2 mptcp=yes
	"$@"
}

# overbond COMMAND...: measures between lan and inet over a fresh tunnel
overbond()
{
	from=lan host=203.0.113.1 mptcp=
	if tunnel "$bond" -m 0; then
		sleep 1
		"$@"
	else
		echo 'no tunnel'
		tail "$LAB/client.err" "$LAB/server.err" >&2
	fi
	untunnel
}

# what is run over either, with from, host and mptcp from above

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

# cputimes: of both ends, in seconds
cputimes()
{
	echo "$(cputime client) $(cputime server)" | awk '{ print $1 + $2 }'
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
	at "$from" timeout 40 irtt client -Q -i 15ms -l 100 -d 20s \
		-o "$LAB/game.json" "$host"
	wait $!
	sed -n 's/^.*"rtt": \([0-9][0-9]*\),*$/\1/p' "$LAB/game.json" |
	awk '{ printf "%.1f\n", $1 / 1e6 }' >"$LAB/game"
	lost=$(sed -n 's/.*"lost": "true.*/lost/p' "$LAB/game.json" | wc -l)
	echo "$(percentile 50 <"$LAB/game") / $(percentile 99 <"$LAB/game")," \
		"$lost; $(rates <"$LAB/flow" | mean 4 23)"
}

mhttp()
{
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		run curl -s -m 5 -o /dev/null \
			-w '%{time_total}\n' "http://$host/60k"
		sleep 0.3
	done | percentile 50 | awk '{ printf "%.0f\n", $1 * 1000 }'
}

mloss()
{
	starlink loss=2
	tcp 15 -R | rates | mean 3 15
	starlink loss=0
}

# what iperf3 itself came too late for was not lost
mlossudp()
{
	was=$(udpdropped)
	starlink loss=2
	iperf 10 -R -u -b 40M -l 1200 >"$LAB/flow"
	starlink loss=0
	sed -n 's|.* \([0-9]*\)/\([0-9]*\) (.*receiver.*|\1 \2|p' "$LAB/flow" |
	awk -v late="$(($(udpdropped) - was))" '
		{ n = $1 > late ? $1 - late : 0; printf "%.2f %%\n", n / $2 * 100 }'
}

# udpdropped: datagrams that found the socket's buffer full
udpdropped()
{
	at "$from" cat /proc/net/snmp | awk '/^Udp: [0-9]/ { print $6 }'
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
	awk '{ printf "%.1f, %.0f %%\n",
		($2 - $1) / ($3 * 10 / 8 / 1000), ($2 - $1) / 10 * 100 }'
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
fast='/{ "wg/s/[0-9]*, *[0-9]* }/100000, 100000 }/; s/, *[2-9],  *100000/, 1, 100000/'
onelink="/\"wg[1-4]\"/d; $fast"

# overother NAME SED-SCRIPT COMMAND...: over a bond with another config.h
overother()
{
	[ -d "$LAB/$1" ] || build "$LAB/$1" "$2" || exit 1
	bond=$LAB/$1
	shift 2
	overbond "$@"
	bond=$LAB/bond
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
	idle|game|http|loss|fall|silent)
		both "m$1" ;;
	lossudp|light|cpu|rest|memory)
		echo "-|$(overbond "m$1")" ;;
	cpukey)
		echo "-|$(overother key "$key" mcpu)" ;;
	plainkey)
		echo "-|$(overother onekey "$onelink; $key" mplain)" ;;
	plain)
		echo "-|$(overother one "$onelink" mplain)" ;;
	plain5)
		echo "-|$(overother fast "$fast" mplain)" ;;
	small)
		echo "-|$(overother one "$onelink" msmall)" ;;
	size)
		echo "-|$(msize)" ;;
	esac
}

both()
{
	echo "$(overmptcp "$@")|$(overbond "$@")"
}

[ "${1-}" = -h ] && usage && exit
[ $# -gt 0 ] || {
	names=$(table | cut -d '|' -f 1)
	# shellcheck disable=SC2086
	set -- $names
}
for name; do
	table | grep -q "^$name|" || { usage >&2; exit 1; }
done
needroot
need cc gcc make make ip iproute2 nft nftables iperf3 iperf3 curl curl \
	ping iputils-ping fping fping mptcpize mptcpize irtt irtt busybox busybox

labopen
labnets
links=
bond=$LAB/bond
buildlinkem && build "$bond" || exit 1
"$bond/udpbond" -k >"$LAB/keyfile" && chmod 600 "$LAB/keyfile" || exit 1
key="s|^\\(.*keyfile *= \\)NULL|\\1\"$LAB/keyfile\"|"
servers
echo "$(nproc) processors, load average $(cut -d ' ' -f 1 /proc/loadavg):" \
	'what else runs here is in the figures'
row what 'to reach' 'kernel MPTCP' udpbond
for name; do
	case $name in
	plain|plainkey|plain5|small)
		plain ;;
	*)
		five ;;
	esac
	# the shell waits so that signals are heard
	measure "$name" >"$LAB/measured" &
	echo $! >"$LAB/measure.pid"
	wait $!
	rm "$LAB/measure.pid"
	measured=$(cat "$LAB/measured")
	row "$(table | sed -n "s/^$name|\(.*\)|.*/\1/p")" \
		"$(table | sed -n "s/^$name|.*|//p")" \
		"${measured%|*}" "${measured#*|}"
done
