#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Shows udpbond at work on one machine, in half a minute: client and server,
# five emulated links between them, and a host behind each end. See lab.sh.

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

# say TEXT...: introduces a step
say()
{
	printf '\n*** %s\n\n' "$*"
}

# the shell waits so that ^C is heard
pause()
{
	sleep "$1" &
	wait $!
}

# load SECONDS [OPTION...]: from the internet to the LAN
load()
{
	waitfor 5 iperffree inet
	start load lan timeout $(($1 + 10)) \
		iperf3 -c 203.0.113.1 -R -f m -t "$@"
}

loadend()
{
	wait "$(mypid load)"
	rm "$LAB/load.pid"
	sed -n 's/.*sec *\([0-9.]* [A-Z]*Bytes\) *\([0-9.]* Mbits.sec\).*receiver.*/\n*** that was \1, \2/p' "$LAB/load.out" | tail -n 2
}

# latency COUNT MILLISECONDS: pings from the LAN to the internet
latency()
{
	pings lan "$1" "$2" 203.0.113.1 >"$LAB/pings"
	echo
	echo "*** $1 pings: median $(pingtimes <"$LAB/pings" | percentile 50) ms," \
		"99 % within $(pingtimes <"$LAB/pings" | percentile 99) ms," \
		"lost in a row at most $(lostinarow "$1" <"$LAB/pings")"
}

setup()
{
	echo 'building udpbond and the link emulator'
	buildlinkem && build "$LAB/bond" || exit 1
	labnets
	fivelinks || exit 1
	start iperf inet iperf3 -s
}

# starts both ends, the client's metrics go to the screen
bond()
{
	server "$LAB/bond"
	begin client router "$LAB/bond/udpbond" -c -m 2
	waitfor 10 reach && return
	echo "$0: the tunnel does not come up, the server said:" >&2
	cat "$LAB/server.err" >&2
	exit 1
}

needroot
need cc gcc make make ip iproute2 nft nftables iperf3 iperf3 fping fping \
	ping iputils-ping sysctl procps
labopen
setup

say 'a router and its server start: wg0 is ADSL (10 Mbit/s, 20 ms), wg1 to' \
	'wg4 are Starlink (70 Mbit/s, 80 ms each)'
bond
pause 2

say 'light load, 1 Mbit/s: only Link0, the quickest, carries it'
load 4 -u -b 1M -l 1000
pause 4
loadend

say 'a download, one TCP flow: all five links fill up'
load 13
pause 6

say 'the same download, now with a ping beside it: it stays near 20 ms'
latency 250 20
loadend

say 'wg0 is cut for 4 s while pings go on: Link0 is DOWN, the others take over'
linkctl 'wg0 silent=1'
latency 40 100

say 'wg0 is back: Link0 is OK again and pings return to it'
linkctl 'wg0 silent=0'
latency 40 100

say 'the end: both ends take down what they set up'
untunnel
