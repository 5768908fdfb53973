#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Tests linkem. Needs root, iproute2, iperf3 and ping; takes most of a minute.
# Links that move are tested without devices or time first, then over these:
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

# received SECONDS: Mbit/s that come out of tcp0 in B, overhead included
received() {
	sleep 0.5
	{ sofar; sleep "$1"; sofar; } | awk '
		NR == 1 { was = $1; t = $2 }
		NR == 2 { print ($1 - was) * 8e-6 / ($2 - t) }'
}

# sofar: bytes that came out of it, and when
sofar() {
	ip -n "$b" -s link show tcp0 | awk -v t="$(date +%s.%N)" '
		/RX:/ { getline; print $1 + 60 * $2, t }'
}

# flooded SECONDS: the same while twice as much is sent
flooded() {
	ina timeout $(($1 * 2 + 3)) iperf3 -c 10.213.0.2 -u -b 90M -l 1300 \
	    -t $(($1 + 2)) >/dev/null 2>&1 &
	load=$!
	sleep 1
	received "$1"
	wait "$load"
}

# burst ADDRESS: answers to 20 pings of 1028 bytes sent at once
burst() {
	ina ping -n -q -c 20 -l 20 -s 1000 -W 1 "$1" |
	    sed -n 's/.* \([0-9]*\) received.*/\1/p'
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

# without devices

dry() { # keys [seed] <lines
	./linkem -t -s "${2:-7}" "l,10.0.0.1/24,10.0.0.2/24,$1" \
	    "m,10.0.1.1/24,10.0.1.2/24,$1"
}

# fates KEYS MS:LEN...: when each packet departs and is delivered, or "dropped"
fates() {
	keys=$1
	shift
	printf '%s\n' "$@" | sed 's/:/ l a /' | dry "$keys" |
	    awk '{ printf "%s%s", (NR > 1 ? " " : ""),
		($4 == "dropped" ? $4 : $4 + 0 "/" $5 + 0) }'
}

# exact <TABLE: what|keys|packets|fates
exact() {
	while IFS='|' read -r what keys packets wanted; do
		# shellcheck disable=SC2086
		got=$(fates "$keys" $packets)
		[ "$got" = "$wanted" ]
		check $? "$what: $got"
	done
}

# refused <TABLE: keys|the message
refused() {
	while IFS='|' read -r keys wanted; do
		! got=$(dry "$keys" </dev/null 2>&1) &&
		    [ "$got" = "linkem: $wanted" ]
		check $? "$keys is refused: $got"
	done
}

# offers KEYS STEP COUNT [SEED]: Mbit/s that the link offers in each step of ms
offers() {
	awk -v n="$3" -v step="$2" 'BEGIN {
		for (i = 0; i <= n; i++)
			print i * step, "l a 0"
	}' | dry "$1" "${4:-7}" |
	    awk -v step="$2" 'NR > 1 { print ($6 - was) * 8e-3 / step }
		{ was = $6 }'
}

[ "$(id -u)" -eq 0 ] || die "must be root"
if [ ! -x linkem ] || [ "$(find linkem.c -newer linkem)" ]; then
	${CC:-cc} -std=c99 -pedantic -Wall -Wextra -O2 -D_GNU_SOURCE \
	    -o "$tmp/linkem" linkem.c -lm && mv "$tmp/linkem" linkem || exit 1
fi

printf '%s\n' 10 20 >"$tmp/sparse"
printf '%s\n' 5 5 20 >"$tmp/twice"
printf '%s\n' '0 5' '500 20' >"$tmp/delays"
printf '%s\n' '10 5' '500 20' '1000 7' >"$tmp/late"
echo '0 5' >"$tmp/still"
printf '%s\n' 1 3 2 >"$tmp/unsorted"
exact <<END
a rate|rate=12,delay=5|0:1500 0:1500 9:1500|1/6 2/7 10/15
the overhead counts|rate=12,over=500|0:1000 0:1000|1/1 2/2
a full queue of 2 ms|rate=12,queue=2|0:1500 0:1500 0:1500 0:1500 1:1500|1/1 2/2 3/3 dropped 4/4
a queue of 2 packets|rate=12,pkts=2|0:1500 0:50 0:50 1:1500 1.1:50|1/1 1.03333/1.03333 dropped 2.03333/2.03333 2.06667/2.06667
a trace: what nobody uses is gone|trace=$tmp/sparse|3:1500 12:1500 31:1500 45:1500|10/10 20/20 40/40 50/50
a trace: in its ms at any time, once|trace=$tmp/sparse|10.5:1500 10.6:1500|10.5/10.5 20/20
a trace: packets by parts, with overhead|trace=$tmp/sparse,over=100|10:900 10:900 10:900 10:900|10/10 20/20 20/20 30/30
a trace: opportunities of a ms add up|trace=$tmp/twice|1:3000 5:50 30:1500|5/5 20/20 40/40
a trace begins again|trace=$tmp/twice|5:3000 25:3000 200005:3000|5/5 25/25 200005/200005
a policer of 2 ms|rate=12,police=2,delay=1|0:1500 0:1500 0:1500 1:1500 1.9:1500 2:1500|0/1 0/1 dropped 1/2 dropped 2/3
delays|delays=$tmp/delays,delay=1|0:50 499:50 500:50 999:50 1100:50 1500:50|0/6 499/505 500/521 999/1020 1100/1106 1500/1521
delays: before the first line as after the last|delays=$tmp/late|5:50 10:50 999:50 1005:50 1010:50|5/12 10/15 999/1019 1005/1019 1010/1019
delays: seconds are whole|delays=$tmp/late|1500:50 2005:50 3009:50 3011:50|1500/1520 2005/2012 3009/3016 3011/3016
delays: one line|delays=$tmp/still|0:50 2005:50|0/5 2005/2010
delays: in the time of the trace|delays=$tmp/delays,trace=$tmp/twice|20:50 505:50|20/25 505/510
no reordering|delays=$tmp/delays|999:50 1000:50 1016:50|999/1019 1000/1019 1016/1021
END
refused <<END
walk=5:50|l: walk=5:50: not LO:HI:MS from 0.1 to 1e+06
jump=50:5:100|l: walk, jump: LO above HI
jump=5:50:0|l: jump=5:50:0: not LO:HI:MS from 0.1 to 1e+06
walk=1:2:9,trace=$tmp/twice|l: trace, walk, jump: more than one
outage=5|l: outage=5: not EVERY:MEAN from 0.1 to 1e+09
shift=5:5:5|l: shift=5:5:5: not PERIOD:MAX from 0.1 to 1e+09
spike=5:5:5|l: spike: LEN not below PERIOD
pkts=1.5|l: pkts=1.5: not a whole number from 0 to 10000
trace=$tmp/none|l: $tmp/none: No such file or directory
trace=/dev/null|l: /dev/null: empty
trace=$tmp/unsorted|l: $tmp/unsorted: line 3: not ms, ms from 3 to 3600000
trace=$tmp/delays|l: $tmp/delays: line 1: not ms, ms from 0 to 3600000
delays=$tmp/sparse|l: $tmp/sparse: line 1: not ms and delay, ms from 0 to 3600000
END

offers jump=5:50:1000 500 400 | awk '
	{ if ($1 < 5 || $1 > 50) bad = 1; sum += $1 }
	NR % 2 { was = $1; next }
	{ d = $1 - was; if (d * d > 1e-6) bad = 1; seen[int($1 / 5)] = 1 }
	END {
		for (i = 1; i < 10; i++)
			if (!seen[i])
				bad = 1
		exit bad || sum / NR < 25 || sum / NR > 30
	}'
check $? "jump: each second another rate from 5 to 50 Mbit/s"
offers walk=3:40:300 300 1000 | awk '
	NR == 1 { first = $1 }
	$1 < 2.999 || $1 > 40.001 { bad = 1 }
	NR > 1 && ($1 / was < 0.4999 || $1 / was > 2.001) { bad = 1 }
	NR > 1 { half += $1 < 0.55 * was; twice += $1 > 1.8 * was }
	{ was = $1; low += $1 < 6; high += $1 > 20 }
	END { exit bad || first < 10.95 || first > 10.96 || low < 100 ||
		high < 100 || half < 20 || twice < 20 }'
check $? "walk: from the middle, by 1/2 to 2, within 3 to 40 Mbit/s"
got=$(offers rate=12,outage=2000:300 1 1000000 | awk '
	{ out += 1 - $1 / 12; if ($1 < 0.001 && was) n++; was = $1 >= 0.001 }
	END { print n / 435 * 100, out / 130435 * 100 }')
near "${got% *}" 100 15 && near "${got#* }" 100 20
check $? "outage: as many and as long as said: $got %"
got=$(awk 'BEGIN { for (i = 0; i < 20000; i += 10) print i, "l a 50" }' |
    dry rate=12,outage=2000:300,pkts=300 | awk '$4 == "dropped" { n++ }
	$4 - $1 > max { max = $4 - $1 } END { print n + 0, (max > 50) }')
[ "$got" = "0 1" ]
check $? "outage: what waits is kept"
awk 'BEGIN { for (i = 0; i < 100000; i += 500) print i, "l a 50" }' |
    dry shift=1000:60 | awk '
	{ d = int(($5 - $4) * 1e4 + 0.5) / 1e4; sum += d }
	d < 0 || d > 60 || (NR % 2 == 0 && d != was) { bad = 1 }
	{ was = d }
	END { exit bad || sum / NR < 25 || sum / NR > 35 }'
check $? "shift: each second another delay of 0 to 60 ms"
got=$(printf '%s\n' '0 l a 1500' '0 l a 1500' '0.5 l rate=1.2' '1 l a 0' \
    '2 l rate=0' '2 l a 1500' | dry rate=12 | cut -d ' ' -f 4 | tr '\n' ' ')
[ "$got" = "1.000000 2.000000 15.500000 2.000000 " ]
check $? "another rate, for what waits as well: $got"
got=$(printf '%s\n' '7 l trace='"$tmp"/twice '7 l a 50' '13 l a 50' |
    dry rate=12 | cut -d ' ' -f 4 | tr '\n' ' ')
[ "$got" = "7.000000 27.000000 " ]
check $? "a trace begins when it is set: $got"
bad=0
for keys in jump=5:50:100 walk=5:50:100 rate=10,outage=500:100; do
	for seed in 1 1 2; do
		offers $keys 100 100 $seed >"$tmp/$seed"
		[ $seed -eq 1 ] && [ -s "$tmp/was" ] &&
		    { cmp -s "$tmp/1" "$tmp/was" || bad="$keys"; }
		cp "$tmp/$seed" "$tmp/was"
	done
	cmp -s "$tmp/1" "$tmp/2" && bad="$keys"
	: >"$tmp/was"
done
[ "$bad" = 0 ]
check $? "the same seed moves a link alike, another one not"
awk 'BEGIN { for (i = 0; i < 1000; i++) {
	print i * 100, "l a 0\n" i * 100, "l b 0\n" i * 100, "m a 0" } }' |
    dry jump=5:50:100 | awk '{ v[$2 $3] = $6 } END {
	exit v["la"] == v["lb"] || v["la"] == v["ma"] || v["lb"] == v["ma"] }'
check $? "each link and direction moves by itself"

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

# two seconds of a rate that moves, and the mean of them
got=$(awk -v seed=3 -v file="$tmp/moving" 'BEGIN {
	srand(seed)
	for (ms = 1; ms <= 2000; ms++) {
		if (ms % 100 == 1)
			mbits = 10 + 50 * rand()
		for (room += mbits / 12; room >= 1; room--) {
			print ms >file
			n++
		}
	}
	while (ms > 2000) # the last line says how long it is
		print --ms >file
	print (n + 1) * 12 / 2000
}')
wanted=$got
got=$(offers trace="$tmp/moving" 2000 3 | tail -n 1)
near "$got" "$wanted" 0.1
check $? "a trace offers its mean: $got of $wanted Mbit/s"
ctl tcp0 a.trace="$tmp/moving"
measure 2 "$wanted" 3 flooded 4
check $? "a trace at full load: $got of $wanted Mbit/s"
before=$(stat tcp0 a offered) got=$(date +%s.%N)
sleep 2
got=$(awk -v was="$before" -v is="$(stat tcp0 a offered)" \
    -v t="$got" -v end="$(date +%s.%N)" \
    'BEGIN { print (is - was) * 8e-6 / (end - t) }')
near "$got" "$wanted" 20 # the times are those of this shell
check $? "the same in the stats, unused: $got of $wanted Mbit/s"
ctl tcp0 trace=0

printf '0 10\n500 30\n' >"$tmp/delays"
ctl tcp0 b.delays="$tmp/delays"
got=$(ina ping -n -i 0.05 -c 60 10.213.0.2 |
    sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | sort -n | sed -n '15p;45p' |
    tr '\n' ' ')
# shellcheck disable=SC2086
set -- $got
near "$1" 50.2 3 && near "$2" 70.2 3
check $? "delays: rtt of 50 and 70 ms: $got"
ctl tcp0 delays=0

ctl udp0 a.rate=1 a.pkts=5
got=$(burst 10.213.1.2)
[ "$got" -ge 5 ] && [ "$got" -le 6 ]
check $? "a queue of 5 packets: $got of 20"
ctl udp0 pkts=0 a.police=20
got=$(burst 10.213.1.2)
[ "$got" -eq 2 ]
check $? "a policer of 2500 bytes: $got of 20 packets of 1028"
ctl udp0 rate=0 police=0

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
