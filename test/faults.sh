#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Measures what faults cost, over five emulated links (see lab.sh), with a key
# and with client addresses chosen by the routes. A ping each 10 ms and a TCP
# download of 60 Mbit/s run from inet to lan during each fault. Each fault is
# repeated; its median and worst cost are printed.

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

runs=10

# name|what goes wrong, and what the times count from
table()
{
	cat <<-'END'
	silent0|the quickest link falls silent for 3 s
	silent2|two of the four fast links fall silent for 3 s
	oneway|the quickest link loses all in one direction for 3 s
	allsilent|all links fall silent for 2 s; from their return
	rebind1|NAT gives one link another port
	rebindall|NAT gives all links other ports
	address|one link has another client address
	removed|a device is removed for 2 s and made again
	renamed|a device is renamed
	mtu|the MTU of a link falls from 1420 to 1300
	eperm|a firewall refuses what is sent by a link, for 2 s
	full|a link's socket takes no more for 2 s
	enetunreach|the route of the quickest link is gone for 2 s
	clientrestart|the client ends and starts; from its start
	serverrestart|the server ends and starts; from its start
	clientkill|the client is killed and starts; from its start
	serverkill|the server is killed and starts; from its start
	bothserver|both are killed, the server starts first; from the second start
	bothclient|both are killed, the client starts first; from the second start
	clientstop|the client is stopped (SIGSTOP) for 5 s; from SIGCONT
	serverstop|the server is stopped for 5 s; from SIGCONT
	tundeleted|the client's TUN device is deleted, it ends, and starts; from its start
	END
}

usage()
{
	echo "usage: test/faults.sh [-h] [-n runs] [fault...]"
	echo "faults:"
	table | awk -F '|' '{ printf "\t%-14s %s\n", $1, $2 }'
}

moment()
{
	date +%s.%N
}

# the port of the client's socket on link NUMBER
clientport()
{
	at router ss -Huan "dport = :$((9001 + $1))" |
	awk '{ sub(/.*:/, "", $4); print $4; exit }'
}

# rewrite NUMBER OUT IN: nft statements for what goes out by a link, and for
# what comes in; what comes for the old port or address is dropped
rewrite()
{
	port=$((9001 + $1))
	at router nft -f - <<-END
		table ip fault {
			chain out {
				type filter hook output priority 0
				oifname wg$1 udp dport $port $2
			}
			chain in {
				type filter hook prerouting priority -300
				iifname wg$1 udp sport $port $3
			}
		}
	END
}

rebind()
{
	mine=$(clientport "$1")
	rewrite "$1" "udp sport set $((20000 + $1))" \
		"udp dport != $((20000 + $1)) drop"
	at router nft add rule ip fault in iifname "wg$1" \
		udp dport $((20000 + $1)) udp dport set "$mine"
}

unrewrite()
{
	at router nft delete table ip fault
}

# the faults: begin at $begun, times count from $from

# silently SECONDS LINE...: of the emulator's, with and then without
silently()
{
	secs=$1 setting=$2
	shift 2
	for link; do linkctl "$link $setting=1"; done
	sleep "$secs"
	for link; do linkctl "$link $setting=0"; done
}

fault_silent0() { silently 3 silent wg0; }
fault_silent2() { silently 3 silent wg1 wg2; }
fault_oneway() { silently 3 a.silent wg0; }

fault_allsilent()
{
	silently 2 silent wg0 wg1 wg2 wg3 wg4
	from=$(moment)
}

fault_rebind1() { rebind 0; sleep 3; undo=unrewrite; }

fault_rebindall()
{
	for i in 0 1 2 3 4; do rebind $i; done
	sleep 3
	undo=unrewrite
}

fault_address()
{
	rewrite 0 "ip saddr set 10.200.0.77" "ip daddr != 10.200.0.77 drop"
	at router nft add rule ip fault in iifname wg0 \
		ip daddr 10.200.0.77 ip daddr set 10.200.0.1
	sleep 3
	undo=unrewrite
}

fault_removed()
{
	linkctl 'wg0 down'
	sleep 2
	linkctl 'wg0 up'
	sleep 4
}

fault_renamed()
{
	at router ip link set wg0 down
	at router ip link set wg0 name wan0
	at router ip link set wan0 up
	sleep 2
	at router ip link set wan0 down
	at router ip link set wan0 name wg0
	at router ip link set wg0 up
	sleep 4
}

fault_mtu()
{
	linkctl 'wg1 mtu=1300'
	sleep 3
	undo=oldmtu
}

oldmtu()
{
	linkctl 'wg1 mtu=1420'
}

fault_eperm()
{
	rewrite 0 drop accept
	sleep 2
	unrewrite
}

fault_enetunreach()
{
	at router ip route del 10.200.0.0/24 dev wg0
	sleep 2
	at router ip route add 10.200.0.0/24 dev wg0 src 10.200.0.1
}

fault_full()
{
	choke vps wg1
	choke router wg1
	sleep 2
	unchoke vps wg1
	unchoke router wg1
}

# again NAME...: starts them
again()
{
	for end; do
		from=$(moment)
		"$end" "$LAB/bond" -m 0
	done
}

fault_clientrestart() { stop client; again client; }
fault_serverrestart() { stop server; again server; }
fault_clientkill() { crash client; again client; }
fault_serverkill() { crash server; again server; }
fault_bothserver() { crash client; crash server; again server client; }
fault_bothclient() { crash client; crash server; again client server; }

pausing()
{
	kill -STOP "$(worker "$1")"
	sleep 5
	from=$(moment)
	kill -CONT "$(worker "$1")"
}

fault_clientstop() { pausing client; }
fault_serverstop() { pausing server; }

fault_tundeleted()
{
	at router ip link del tun-bond
	waitfor 5 not alive client
	again client
}

not()
{
	! "$@"
}

# what comes to lan: time and bytes, some 30 times a second
counter()
{
	while sleep 0.02; do
		echo "$(date +%s.%N) $(cat /sys/class/net/eth0/statistics/rx_bytes)"
	done
}

# gaps FROM LEAST <LINES-THAT-BEGIN-WITH-A-TIME: the longest time between two,
# and from FROM until the last gap of more than LEAST s was over; ms
gaps()
{
	awk -v from="$1" -v least="$2" '
		n++ && $1 - last > longest { longest = $1 - last }
		n > 1 && $1 - last > least && $1 > from { over = $1 - from }
		{ last = $1 }
		END { printf "%d %d\n", longest * 1000, over * 1000 }'
}

# run FAULT: pings lost, then the two of gaps for pings and for the download
run()
{
	undo=:
	waitfor 5 iperffree inet
	rm -f "$LAB/counter.out" "$LAB/pings.out" "$LAB/load.out"
	start load lan timeout 40 iperf3 -c 203.0.113.1 -C cubic -R -b 60M -t 16
	start pings lan timeout 15 ping -D -n -i 0.01 203.0.113.1
	sleep 2
	start counter lan sh test/faults.sh counter
	sleep 1
	from=$(moment)
	"fault_$1"
	sleep 3
	stop counter
	stop pings INT
	stop load
	$undo
	awk -F '[][ =]+' '/icmp_seq/ { for (i = 1; i < NF; i++)
		if ($i == "icmp_seq") { seen[$(i + 1)] = 1; max = $(i + 1) } }
		END { for (i = 1; i <= max; i++) n += !seen[i]; print n + 0 }' \
		"$LAB/pings.out"
	sed -n 's/^\[\([0-9.]*\)\].*icmp_seq.*/\1/p' "$LAB/pings.out" |
	gaps "$from" 0.1
	awk '{ if (n++ && $2 - bytes > 100000 * ($1 - last)) print
		last = $1; bytes = $2 }' "$LAB/counter.out" | gaps "$from" 0.3
	waitfor 15 reach >/dev/null
}

# column N <FILE: median and worst
column()
{
	cut -d ' ' -f "$1" "$LAB/results" | sort -n |
	awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] " / " v[NR] }'
}

if [ "${1-}" = counter ]; then
	counter
	exit
fi
while getopts hn: opt; do
	case $opt in
	n) runs=$OPTARG ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 1 ;;
	esac
done
shift $((OPTIND - 1))
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(table | cut -d '|' -f 1)
for fault; do
	table | grep -q "^$fault|" || {
		usage >&2
		exit 1
	}
done
need cc gcc make make ip iproute2 ss iproute2 tc iproute2 nft nftables \
	iperf3 iperf3 ping iputils-ping sysctl procps
needroot
labopen
buildlinkem || exit 1
make -s udpbond && ./udpbond -k >"$LAB/key" && chmod 600 "$LAB/key" || exit 1
build "$LAB/bond" "s/\"10\\.200\\.[0-9]\\.1\"/NULL/
	s|^\\(.*keyfile *= \\)NULL|\\1\"$LAB/key\"|" || exit 1
labnets
start iperf inet iperf3 -s
fivelinks || exit 1
tunnel "$LAB/bond" -m 0 || exit 1
echo "median / worst of $runs runs; a ping each 10 ms beside 60 Mbit/s of TCP"
printf '%-68s  %-12s  %-12s  %-12s  %s\n' fault 'pings lost' \
	'pings, ms' 'TCP still, ms' 'TCP again, ms'
for fault; do
	rm -f "$LAB/results"
	n=$runs
	while [ $((n -= 1)) -ge 0 ]; do
		run "$fault" >"$LAB/result"
		tr '\n' ' ' <"$LAB/result" >>"$LAB/results"
		echo >>"$LAB/results"
	done
	[ -z "${VERBOSE-}" ] || cat "$LAB/results"
	printf '%-68s  %-12s  %-12s  %-12s  %s\n' \
		"$(table | sed -n "s/^$fault|//p")" "$(column 1)" \
		"$(column 3)" "$(column 4)" "$(column 5)"
done
