#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Attempts to break a session with a key, by a man in the middle, see middle.c:
# he has all datagrams from the start and sends them again, in the session and
# in later ones, or late. Pings go on meanwhile, and nothing else may happen.
# Then what he saw is looked at: neither the pings nor their addresses are in
# it. Needs root, iproute2 and fping; takes some four minutes. Arguments are
# the attempts to make, of those below; test.sh makes three.
#
#	mdc-PID           mdm-PID                          mds-PID
#	10.66.0.1 -- md0 -- 10.66.0.2, 10.67.0.3 -- sv0 -- 10.67.0.2
#	10.66.1.1 -- md1 -- 10.66.1.2, 10.67.1.3 -- sv1 -- 10.67.1.2
#	client            the man, and a second            server
#	                  client at 10.67.0.1 and 10.67.1.1
#
# The client, restarted, has another monotonic clock each time; that udpbond
# reads no other one is a test of its own in test.sh.

# shellcheck disable=SC2317 # waitfor calls some functions

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

NETS='mdc mdm mds'
failed=0
attempts='same restarts earlier nobody late twoclients renewals secrecy'
payload=d1c7a35e90f24b68137e5cadb2096ff1

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

# the lab

way()
{
	for ns in $NETS; do
		ip netns add "$ns-$$" && at "$ns" ip link set lo up || return 1
	done
	for i in 0 1; do
		ip link add md$i netns mdc-$$ type veth peer name md$i \
			netns mdm-$$
		ip link add sv$i netns mds-$$ type veth peer name sv$i \
			netns mdm-$$
		netaddr mdc md$i 10.66.$i.1/24
		netaddr mdm md$i 10.66.$i.2/24
		netaddr mdm sv$i 10.67.$i.3/24
		netaddr mdm sv$i 10.67.$i.1/24
		netaddr mds sv$i 10.67.$i.2/24
	done
}

# bondbuild DIR KEYFILE DEVICE CLIENT SERVER: links with these addresses but
# for the last two numbers
bondbuild()
{
	build "$1" "s|^\\(.*keyfile *= \\)NULL|\\1$2|
		/\"wg[2-4]\"/d
		s|\"wg\\([01]\\)\"|\"$3\\1\"|
		s|\"10.200.\\([01]\\).1\"|\"10.$4\"|
		s|\"10.200.\\([01]\\).2\"|\"10.$5\"|
		s|2,  *70, 70 }|1, 30, 30 }|; s|1,  *10, 10 }|1, 30, 30 }|
		/^static const char \\*clientup/,\$ {
			/^	\"/{ /PEER; do ip route/!s|\".*|\":\",|; }
		}" 'CFLAGS=-std=c99 -O1'
}

man()
{
	rm -f "$LAB/man.out"
	start man mdm "$LAB/middle" "$LAB/tell" \
		10.66.0.2 10.67.0.3 10.67.0.2 9001 \
		10.66.1.2 10.67.1.3 10.67.1.2 9002
	waitfor 5 grep -q ready "$LAB/man.out"
}

# tell LINE: what he answers
tell()
{
	_n=$(wc -l <"$LAB/man.out")
	echo "$1" >"$LAB/tell"
	waitfor 60 answered "$_n"
	tail -n 1 "$LAB/man.out"
}

answered()
{
	[ "$(wc -l <"$LAB/man.out")" -gt "$1" ]
}

# server and client of key/ or of $bond; the client's clock moves by so many s
server()
{
	start server mds "$LAB/${bond:-key}.s/udpbond" -s -m 0
}

client()
{
	# only a child is in the new time namespace for sure
	# shellcheck disable=SC2016
	start client mdc ${timens:+unshare -T --monotonic "${1-0}"} sh -c \
		'"$1" -c -m 0 & trap "kill $!" TERM; wait; wait' sh \
		"$LAB/${bond:-key}.c/udpbond"
}

pong()
{
	at mdc ping -q -c 1 -W 1 10.99.0.1
}

# count END NAME [REASON...]: of metrics, all links
count()
{
	case $1 in
	client) ns=mdc dir=${bond:-key}.c ;;
	server) ns=mds dir=${bond:-key}.s ;;
	esac
	at "$ns" "$LAB/$dir/udpbond" -p |
	awk -v name="udpbond_$2" -v why="$3" '
	index($0, name "{") == 1 &&
	    (!why || $0 ~ "reason=\"(" why ")\"") { n += $2 }
	END { printf "%d\n", n }'
}

# started END: how many sessions
started()
{
	grep -c 'session: started' "$LAB/$1.err"
}

# what goes on meanwhile

# sofar: sessions before an attempt
sofar()
{
	sessions="$(started client) $(started server)"
}

# pinging SECONDS
pinging()
{
	n=$(($1 * 10))
	rm -f "$LAB/pings.out"
	start pings mdc fping -c "$n" -p 100 -t 2000 10.99.0.1
}

# pinged LABEL LOST SESSIONS: so many lost in a row at most, so many sessions
# since sofar at either end
pinged()
{
	wait "$(mypid pings)"
	rm "$LAB/pings.pid"
	row=$(lostinarow "$n" <"$LAB/pings.out")
	[ "$row" -le "$2" ]
	check $? "$1: of $n pings lost in a row: $row, $2 may be"
	# shellcheck disable=SC2086
	set -- "$1" "$3" $sessions
	c=$(($(started client) - $3)) s=$(($(started server) - $4))
	[ "$c" -eq "$2" ] && [ "$s" -eq "$2" ]
	check $? "$1: sessions begun: $c, $s, $2 have to"
}

# again LABEL KINDS DIRECTION: all of these, while pings go on; what comes is
# dropped and not counted as received
again()
{
	sofar
	pinging 6
	sleep 0.5
	passed=$(tell count)
	rx1=$(count client link_receive_packets_total)
	rx2=$(count server link_receive_packets_total)
	drop1=$(count client dropped_packets_total 'auth|replay')
	drop2=$(count server dropped_packets_total 'auth|replay')
	sent=$(tell "replay $2 $3 2000")
	sleep 0.2
	# shellcheck disable=SC2086
	set -- "$1" "$2" $sent
	rx1=$(($(count client link_receive_packets_total) - rx1))
	rx2=$(($(count server link_receive_packets_total) - rx2))
	drop1=$(($(count client dropped_packets_total 'auth|replay') - drop1))
	drop2=$(($(count server dropped_packets_total 'auth|replay') - drop2))
	passed=$(($(tell count) - passed))
	[ $((rx1 + rx2)) -le $((passed + 100)) ]
	check $? "$1: $passed passed, received $rx1 + $rx2"
	case $2 in
	*0*)
		[ "$3" -ge 500 ] && [ "$4" -ge 500 ] &&
		[ "$drop1" -ge $(($3 * 8 / 10)) ] &&
		[ "$drop2" -ge $(($4 * 8 / 10)) ] ;;
	*)
		[ $(($3 + $4)) -gt 0 ]
	esac
	check $? "$1: dropped $drop1 of $3, $drop2 of $4"
	pinged "$1" 10 0
}

# traffic to be sent again
talk()
{
	at mdc fping -q -c 200 -p 10 -t 2000 10.99.0.1 >"$LAB/talk" 2>&1
}

# all of them, in both directions
allagain()
{
	again "$1: handshakes" 123 same
	again "$1: handshakes, back" 123 back
	again "$1: data" 0 same
	again "$1: data, back" 0 back
}

# attempts

same()
{
	talk
	allagain 'the same session'
}

earlier()
{
	talk
	allagain 'earlier sessions'
}

# flooding: sends all again without end, until flooded
flooding()
{
	while :; do
		tell 'replay 0123 same 1000'
		tell 'replay 0123 back 1000'
	done >"$LAB/flooding.out" &
	flooding=$!
}

flooded()
{
	kill "$flooding"
	wait "$flooding" 2>/dev/null
	sleep 5 # he ends what he has begun
}

# restarts: of either end, while all of all sessions so far is sent again
restarts()
{
	flooding
	sofar
	pinging 8
	sleep 1
	stop server
	sleep 0.5
	server
	pinged 'server restarted among replays' 40 1
	sofar
	pinging 8
	sleep 1
	crash server
	server
	pinged 'server restarted after a crash, among replays' 40 1
	for offset in 100000000 1000 0; do
		label="client restarted among replays, clock at $offset s"
		sofar
		stop client
		client "$offset"
		waitfor 10 pong
		check $? "$label: the tunnel is there"
		pinging 4
		pinged "$label" 10 1
	done
	flooded
}

# nobody: the server alone, or with a session whose client has gone without a
# word, takes up none for what was recorded
nobody()
{
	stop client
	stop server
	server
	client
	waitfor 10 pong # and the logs have room
	stop client KILL
	for pid in $(ip netns pids mdc-$$); do
		kill -KILL "$pid"
	done
	sleep 2
	before=$(started server)
	tell 'replay 0123 same 2000' >/dev/null
	[ "$(started server)" -eq "$before" ]
	check $? 'a client has crashed: replays begin no session'
	stop server
	server
	sleep 0.5
	before=$(started server)
	tell 'replay 0123 same 2000' >/dev/null
	tell 'replay 123 back 2000' >/dev/null
	[ "$(started server)" -eq "$before" ]
	check $? 'a server alone: replays begin no session'
	client
	waitfor 10 pong
	check $? 'the client comes back'
}

# late: a part of all is handed on 30 s later, all in another order
late()
{
	sofar
	pinging 8
	tell 'hold 20 30000' >/dev/null
	tell 'shuffle 30' >/dev/null
	pinged 'a fifth is held back, all is shuffled' 10 0
	tell 'hold 0 0' >/dev/null
	tell 'shuffle 0' >/dev/null
	sleep 18
	sofar
	pinging 15
	sleep 7
	rtt=$(count server link_rtt_seconds)
	pinged 'a fifth comes 30 s late' 10 0
	check "$rtt" "a fifth comes 30 s late: no round trip of $rtt s"
}

# twoclients: the second with the same key has to wait till the first has gone
twoclients()
{
	sofar
	pinging 8
	start client2 mdm "$LAB/key.2/udpbond" -c -m 0
	pinged 'a second client' 10 0
	grep -q 'another client says hello' "$LAB/server.err"
	check $? 'a second client: the server says so'
	stop client
	waitfor 10 at mdm ping -q -c 1 -W 1 10.99.0.1
	check $? 'a second client: it is taken when the first one has gone'
	stop client2
	client
	waitfor 10 pong
	check $? 'a second client: the first one comes back'
}

# renewals: with keys that serve for 2 s
renewals()
{
	bond=renew
	stop client
	stop server
	server
	client
	waitfor 10 pong
	check $? 'new keys each 2 s: the tunnel comes up'
	allagain 'new keys each 2 s'
	flooding
	sofar
	pinging 10
	pinged 'new keys each 2 s, among replays' 10 0
	flooded
	bond=
	stop client
	stop server
}

# seen LABEL YES: payload and addresses are in what he remembers, or not
seen()
{
	for hex in d1c7a35e90f24b68 137e5cadb2096ff1 c0a83201 0a630001; do
		tell "find $hex" >"$LAB/seen"
		read -r bytes times <"$LAB/seen"
		if [ "$2" -eq 1 ]; then
			[ "$times" -gt 50 ]
		else
			[ "$bytes" -gt 100000 ] && [ "$times" -le 1 ]
		fi
		check $? "$1: $hex is $times times in $bytes bytes"
	done
}

# marked pings, small ones, and such that fill a datagram, in both directions
marked()
{
	for size in 100 700 2000; do
		at mdc ping -q -i 0.02 -c 50 -s "$size" -p "$payload" 10.99.0.1
		at mds ping -q -i 0.02 -c 50 -s "$size" -p "$payload" \
			192.168.50.1
	done >"$LAB/marked"
}

secrecy()
{
	stop client
	stop server
	stop man
	man
	server
	client
	waitfor 10 pong
	marked
	seen 'with a key' 0
	tell lengths >"$LAB/seen"
	read -r all bad <"$LAB/seen"
	[ "$all" -gt 200 ] && [ "$bad" -eq 0 ]
	check $? "with a key: $bad of $all datagrams are not padded"
	stop client
	stop server
	stop man
	man
	bond=plain
	server
	client
	waitfor 10 pong
	marked
	seen 'without a key' 1
	bond=
}

needroot
need ip iproute2 fping fping ping iputils-ping unshare util-linux make make
unshare -T true 2>/dev/null && timens=1 || timens=
labopen
(umask 077
bondbuild "$LAB/key.c" NULL md '66.\1.1' '66.\1.2'
"$LAB/key.c/udpbond" -k >"$LAB/keyfile")
key="\"$LAB/keyfile\""
bondbuild "$LAB/key.c" "$key" md '66.\1.1' '66.\1.2' &
bondbuild "$LAB/key.s" "$key" md '66.\1.1' '67.\1.2' &
wait
bondbuild "$LAB/key.2" "$key" sv '67.\1.1' '67.\1.2' &
bondbuild "$LAB/plain.c" NULL md '66.\1.1' '66.\1.2' &
bondbuild "$LAB/plain.s" NULL md '67.\1.3' '67.\1.2' &
${CC:-cc} -std=c99 -D_GNU_SOURCE -O2 -o "$LAB/middle" test/middle.c || exit 1
wait
for end in c s; do
	cp -R "$LAB/key.$end" "$LAB/renew.$end"
	sed -i 's/Renew = [^,]*,/Renew = 20 * MS(100),/' \
		"$LAB/renew.$end/udpbond.c"
	make -s -C "$LAB/renew.$end" 'CFLAGS=-std=c99 -O1' udpbond &
done
wait
for i in key.c key.s key.2 plain.c plain.s renew.c renew.s; do
	[ -x "$LAB/$i/udpbond" ] || exit 1
done
way
check $? 'the way between both ends'
man
check $? 'the man in the middle'
server
client
waitfor 10 pong
check $? 'the tunnel comes up'
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $attempts
for attempt; do
	"$attempt"
done
exit $failed
