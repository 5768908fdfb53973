#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Tests linkem. Needs root, iproute2, iperf3 and ping; takes half a minute.
#
#	namespace lema-PID                      namespace lemb-PID
#	tcp0 10.213.0.1  === 50 Mbit/s, 20 ms === 10.213.0.2  tcp0
#	udp0 10.213.1.1  ===== no limits ======== 10.213.1.2  udp0

# shellcheck disable=SC2317 # cleanup is called by a trap, others by measure

cd "$(dirname "$0")" || exit 1
tmp=$(mktemp -d) || exit 1
a=lema-$$ b=lemb-$$
emulator='' server='' failed=0

cleanup() {
	for pid in $emulator $server; do
		kill "$pid" && wait "$pid"
	done 2>/dev/null
	for ns in "$a" "$b"; do
		ip netns del "$ns" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

die() {
	echo "linkem.sh: $*" >&2
	exit 1
}

check() { # status text
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
		return
	fi
	echo "not ok - $2"
	failed=1
}

near() { # value wanted percent
	awk "BEGIN { d = $1 / $2 - 1; exit !(d * d <= ($3 / 100) ^ 2) }"
}

# into got, again when it is off: the machine may have been busy
measure() { # tries wanted percent command
	tries=$1 wanted=$2 within=$3
	shift 3
	while got=$("$@"); ! near "$got" "$wanted" "$within"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
	done
}

start() { # seed
	mkfifo "$tmp/ready"
	./linkem -s "$1" -p "$tmp/ctl" "$a" "$b" \
	    tcp0,10.213.0.1/24,10.213.0.2/24,rate=50,delay=20,over=60,mtu=1420 \
	    udp0,10.213.1.1/24+fd13::1/64,10.213.1.2/24+fd13::2/64 \
	    >"$tmp/ready" 2>"$tmp/err" &
	emulator=$!
	read -r word <"$tmp/ready" || word=
	rm "$tmp/ready"
	[ "$word" = ready ] || die "$(cat "$tmp/err")"
}

stop() {
	kill "$emulator"
	wait "$emulator"
	emulator=
}

ctl() {
	echo "$*" >"$tmp/ctl"
}

# lines are done in order, so this also waits for those before
stat() { # link direction key
	rm -f "$tmp/stats"
	ctl "stats $tmp/stats"
	i=0
	until [ -e "$tmp/stats" ]; do
		i=$((i + 1))
		[ $i -lt 100 ] || die "no stats"
		sleep 0.05
	done
	awk -v l="$1" -v d="$2" -v k="$3=" '$1 == l && $2 == d {
		for (i = 3; i <= NF; i++)
			if (index($i, k) == 1)
				print substr($i, length(k) + 1)
	}' "$tmp/stats"
}

ina() {
	ip netns exec "$a" "$@"
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] + 0 }'
}

# The median second of the receiver, in Mbit/s: a stall of the machine is not
# the link's, and with -O the means of iperf3 3.12 are sometimes half.
tcp() { # seconds, after two omitted
	ina iperf3 -c 10.213.0.2 -C cubic -t "$1" -O 2 \
	    --get-server-output 2>&1 |
	    awk '/^Server output/ { on = 1 } /omitted|receiver/ { next }
		on && $8 == "Mbits/sec" { print $7 }' | median
}

rtt() { # ms
	ina ping -n -i 0.05 -c 60 "$1" |
	    sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | median
}

answers() { # count address: the sequence numbers of the answers
	ina ping -n -i 0.005 -c "$1" -W 1 "$2" |
	    sed -n 's/.*icmp_seq=\([0-9]*\) .*/\1/p' | tr '\n' ' '
}

loss() { # percent lost of 100000 small packets
	before=$(stat udp0 a packets) lost=$(stat udp0 a lost) n=0
	for _ in 1 2 3; do # iperf3's own connection suffers losses as well
		ina timeout 10 iperf3 -c 10.213.1.2 -u -l 64 -b 0 \
		    -k 100000 >/dev/null 2>&1
		n=$(($(stat udp0 a packets) - before))
		[ "$n" -ge 95000 ] && break
		sleep 1
	done
	lost=$(($(stat udp0 a lost) - lost))
	awk "BEGIN { print $n < 95000 ? 0 : 100 * $lost / $n }"
}

[ "$(id -u)" -eq 0 ] || die "must be root"
if [ ! -x linkem ] || [ "$(find linkem.c -newer linkem)" ]; then
	${CC:-cc} -std=c99 -pedantic -Wall -Wextra -O2 -D_GNU_SOURCE \
	    -o "$tmp/linkem" linkem.c -lm && mv "$tmp/linkem" linkem || exit 1
fi
ip netns add "$a" && ip netns add "$b" || exit 1
ip -n "$a" link set lo up
ip -n "$b" link set lo up

start 7
sleep 1
n=$(stat udp0 a packets)$(stat udp0 b packets)
[ "$n" = 00 ]
check $? "an unused link is silent"

# idle; 84 + 60 bytes at 50 Mbit/s are 0.02 ms
measure 4 40 2 rtt 10.213.0.2
check $? "rtt of 20 ms each way: $got ms"

# A full packet is 1420 bytes of IP, of which 20 are the IP header, 20 TCP's
# and 12 its timestamp: 1368 of payload. It is charged 1420 + 60 = 1480 bytes:
# 50 Mbit/s * 1368 / 1480 = 46.216 Mbit/s.
ip netns exec "$b" iperf3 -s >/dev/null 2>&1 & # no function: $! is iperf3
server=$!
sleep 0.3
measure 2 46.216 2 tcp 6
check $? "tcp at 50 Mbit/s: $got of 46.2 Mbit/s"

ctl tcp0 rate=10
measure 2 9.243 5 tcp 3 # 10 * 1368 / 1480
check $? "the same at 10 Mbit/s: $got of 9.24 Mbit/s"

ctl udp0 a.loss=5
measure 1 5 2 loss
check $? "loss of 5 %: $got %"
ctl udp0 a.burst=4
measure 1 5 8 loss # wider: fewer independent losses
check $? "loss of 5 % in bursts of 4: $got %"
ctl udp0 loss=0 burst=1

ctl udp0 b.silent=1
got=$(answers 20 10.213.1.2)
n=$(stat udp0 b silent)
[ ! "$got" ] && [ "$n" -eq 20 ]
check $? "silent: $n of 20 swallowed"
ctl udp0 silent=0
got=$(answers 3 fd13::2)
[ "$got" = "1 2 3 " ]
check $? "no longer silent, IPv6: answers $got"

ctl udp0 down
stat udp0 a lost >/dev/null
sleep 0.5
! ip -n "$a" link show udp0 >/dev/null 2>&1 &&
    ! ip -n "$b" link show udp0 >/dev/null 2>&1
check $? "down: the devices are gone"
ctl udp0 up
stat udp0 a lost >/dev/null
got=$(answers 3 10.213.1.2)
[ "$got" = "1 2 3 " ]
check $? "up: answers $got"

ctl tcp0 a.delay=fast
stat udp0 a lost >/dev/null
grep -q 'tcp0: a.delay=fast' "$tmp/err"
check $? "a bad line is named: $(cat "$tmp/err")"

stop
sleep 0.5
[ ! -e "$tmp/ctl" ] && ! ip -n "$a" link show tcp0 >/dev/null 2>&1
check $? "the end: pipe and devices are gone"

for run in 1 2 3; do
	start $((run / 2)) # seeds 0 1 1
	ctl udp0 loss=20
	stat udp0 a lost >/dev/null
	answers 200 10.213.1.2 >"$tmp/$run"
	stop
	sleep 0.3
done
cmp -s "$tmp/2" "$tmp/3" && ! cmp -s "$tmp/1" "$tmp/2"
check $? "the same seed loses the same packets, another one others"

exit $failed
