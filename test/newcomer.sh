#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Does what README says, word for word, as a new user would: the five steps
# with a key, or WireGuard tunnels. Then modems make trouble, while a host of
# the LAN pings another one on the internet. Needs root, iproute2, nftables,
# fping, iperf3, curl and busybox; systemd-networkd is the client of DHCP if it
# is there, else busybox.
#
#	usage: newcomer.sh [-s seed] [seconds [key|wireguard]]
#
# Seconds are those of trouble, 60 if not given. Without a last argument both
# variants run, at once.
#
#	                  eth1 -- m0 --  5 Mbit/s, 20 ms ----+
#	lan ---- router   eth2 -- m1 -- 15 Mbit/s, 80 ms -- isp -- vps
#	     eth0         wwan0 - m2 -- 15 Mbit/s, 80 ms ----+     198.51.100.7
#	    192.168.1.1                                      |
#	                                                    inet, 1.1.1.1
#
# A modem has a server of DHCP and does NAT; its network is 192.168.10K.0/24,
# its public address is of 203.0.113.16K/28, and both change with trouble. The
# router masquerades what leaves by modems and forwards nothing from them, the
# VPS accepts and forwards nothing but what README says. Both have /etc, /run
# and /usr/local/sbin of their own, so that no path of README has to change.
# What is not as README has it: apt-get and systemctl are left out, scp copies
# here, and the third tunnel is made as README makes the second. RATES in the
# environment are other ones than 5 15 15: wireguard-go needs much processor.

# shellcheck disable=SC2317 # waitfor calls some functions

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

NETS='lan router m0 m1 m2 isp vps inet'
MODEMS='0 1 2'
LIMIT=30 # pings in a row, each 100 ms, that may be lost
RATES=${RATES:-5 15 15}
NETWORKD=/lib/systemd/systemd-networkd
how='' failed=0
PATH=$PATH:/usr/local/sbin

usage()
{
	echo "usage: $0 [-s seed] [seconds [key|wireguard]]" >&2
	exit 1
}

# check STATUS TEXT [FILE...]: and the ends of the files if it failed
check()
{
	_status=$1 _text=$2
	shift 2
	if [ "$_status" -eq 0 ]; then
		echo "ok - $how: $_text"
		return
	fi
	echo "not ok - $how: $_text"
	failed=1
	for _f in "$@" "$LAB/client.err" "$LAB/server.err"; do
		[ ! -s "$_f" ] || tail -n 8 "$_f" | sed "s|^|	${_f##*/}: |"
	done
}

# README

# block HEADING STEP PATTERN: the first block of README under this heading, and
# in this step if it is not '', that has a line like this. Lines that begin with
# a tab are a block; empty lines may be in it.
block()
{
	awk -v heading="$1" -v step="$2" -v pattern="$3" '
		function end() {
			if (fits)
				found = text
			text = gap = ""
			fits = 0
			return found != ""
		}
		/^(===|---)[=-]*$/ && was != "" { head = was; number = "" }
		{ was = $0 }
		/^\t/ {
			if (head == heading && (step == "" || number == step)) {
				text = text gap substr($0, 2) "\n"
				gap = ""
				if ($0 ~ pattern)
					fits = 1
			}
			next
		}
		/^$/ { if (text != "") gap = gap "\n"; next }
		{ if (end()) exit }
		/^[0-9]+[.] / { number = $1 + 0 }
		END { end(); printf "%s", found; exit found == "" }' README && return
	_where="\"$1\"${2:+, step $2}"
	echo "README has no block like /$3/ under $_where" >&2
	echo "not ok - $how: README has a block like /$3/ under $_where" >&3
	return 1
}

# say HOST TEXT: runs what README says, in a shell of the host, in the sources
say()
{
	printf '%s\n' "$2" >"$LAB/said"
	at "$1" env PATH="$LAB/bin:$PATH" \
		sh -ec "cd $LAB/src; . $LAB/said" >"$LAB/say.out" 2>&1
}

# does HOST HEADING STEP PATTERN [SED]: says a block, with what sed changes
does()
{
	_block=$(block "$2" "$3" "$4") || exit 1
	_block=$(printf '%s\n' "$_block" | sed "${5-}")
	say "$1" "$_block"
	check $? "$1: $2${3:+, step $3}: $(printf '%s\n' "$_block" |
		awk 'NR == 1 { s = $0 } END { print s (NR > 1 ? " ..." : "") }')" \
		"$LAB/say.out"
}

# the lab

# at NS COMMAND...: as in lab.sh, but hosts have their own files
at()
{
	_ns=$1
	shift
	if [ -f "$LAB/files$_ns.pid" ]; then
		nsenter -t "$(mypid "files$_ns")" -n -m "$@"
	else
		ip netns exec "$_ns-$$" "$@"
	fi
}

begin()
{
	_name=$1 _ns=$2
	shift 2
	if [ -f "$LAB/files$_ns.pid" ]; then
		nsenter -t "$(mypid "files$_ns")" -n -m "$@" </dev/null &
	else
		ip netns exec "$_ns-$$" "$@" </dev/null &
	fi
	echo $! >"$LAB/$_name.pid"
}

# host NS: /etc, /run and /usr/local/sbin of its own. /sys is read-only, which
# tells systemd-networkd that there is no udev.
host()
{
	mkdir -p "$LAB/$1/etc" "$LAB/$1/sbin" && cp -a /etc/. "$LAB/$1/etc" &&
	rm -rf "$LAB/$1/etc/wireguard" "$LAB/$1/etc/systemd/network" &&
	mkdir -m 700 "$LAB/$1/etc/wireguard" || return 1
	mkdir -p "$LAB/$1/etc/systemd/network" "$LAB/$1/etc/sysctl.d" \
		"$LAB/$1/etc/systemd/networkd.conf.d"
	start "files$1" "$1" unshare -m sh -c '
		mount --bind '"$LAB/$1"'/etc /etc &&
		mount --bind '"$LAB/$1"'/sbin /usr/local/sbin &&
		mount -t tmpfs -o mode=755 none /run && mkdir -p /run/systemd || exit 1
		[ -L /var/run ] || mount --bind /run /var/run || exit 1
		mount -o remount,ro /sys
		echo ready; exec sleep 100000'
	waitfor 5 grep -q ready "$LAB/files$1.out"
}

# stubs for what a lab has not
stubs()
{
	mkdir "$LAB/bin"
	cat >"$LAB/bin/scp" <<-END
	#!/bin/sh
	[ "\$1" = -p ] && shift
	case \$1 in
	root@198.51.100.7:/usr/local/sbin/*)
		exec cp -p "$LAB/vps/sbin/\${1##*/}" "\$2" ;;
	root@198.51.100.7:/etc/*)
		exec cp -p "$LAB/vps/etc/\${1#*/etc/}" "\$2" ;;
	esac
	echo "scp: \$*" >&2
	exit 1
	END
	cat >"$LAB/bin/systemctl" <<-'END'
	#!/bin/sh
	[ "$1 $2" = 'enable --now' ] || exit 1
	shift 2
	for unit; do
		case $unit in
		wg-quick@*)
			wg-quick up "${unit#wg-quick@}" || exit 1 ;;
		*)
			exit 1 ;;
		esac
	done
	END
	printf '#!/bin/sh\nexec busybox traceroute "$@"\n' \
		>"$LAB/bin/traceroute"
	chmod 755 "$LAB"/bin/*
}

device()
{
	case $1 in
	0)
		echo eth1 ;;
	1)
		echo eth2 ;;
	2)
		echo wwan0 ;;
	esac
}

# the networks, with all but addresses of modems
nets()
{
	for _ns in $NETS; do
		ip netns add "$_ns-$$" && at "$_ns" ip link set lo up || return 1
	done
	ip link add eth0 netns lan-$$ type veth peer name eth0 netns router-$$
	ip link add eth0 netns vps-$$ type veth peer name vps netns isp-$$
	ip link add eth0 netns inet-$$ type veth peer name inet netns isp-$$
	netaddr lan eth0 192.168.1.100/24
	netaddr router eth0 192.168.1.1/24
	at lan ip route add default via 192.168.1.1
	netaddr vps eth0 198.51.100.7/24
	netaddr isp vps 198.51.100.1/24
	at vps ip route add default via 198.51.100.1
	netaddr inet eth0 192.0.2.2/24
	netaddr isp inet 192.0.2.1/24
	at inet ip addr add 1.1.1.1/32 dev lo
	at inet ip route add default via 192.0.2.1
	at isp ip route add 1.1.1.1 via 192.0.2.2
	at isp sysctl -qw net.ipv4.ip_forward=1
	for _k in $MODEMS; do
		ip link add "$(device "$_k")" netns router-$$ type veth \
			peer name lan netns "m$_k-$$"
		_rate=$(echo "$RATES" | cut -d ' ' -f $((_k + 1)))
		[ "$_k" -eq 0 ] && _delay=10 || _delay=40
		_net=203.0.113
		_set=rate=$_rate,delay=$_delay,queue=100,over=18
		start "linkem$_k" "m$_k" "$LAB/linkem" -s "$SEED" "m$_k-$$" \
			"isp-$$" "wan$_k,10.64.$_k.1/24,10.64.$_k.2/24,$_set"
		waitfor 10 grep -q ready "$LAB/linkem$_k.out" || return 1
		at isp ip route add "$_net.$((16 * _k))/28" dev "wan$_k"
		at "m$_k" ip addr flush dev "wan$_k"
		at "m$_k" sysctl -qw net.ipv4.ip_forward=1
		at "m$_k" nft "add table ip nat;
			add chain ip nat post { type nat hook postrouting priority 100; };
			add rule ip nat post oifname wan$_k masquerade fully-random;
			add table ip filter;
			add chain ip filter forward { type filter hook forward priority 0; };
			add rule ip filter forward iifname wan$_k ct state new,invalid drop"
		echo 0 >"$LAB/age$_k"
	done
}

# what the owner of the router and of the VPS has already
firewalls()
{
	at router sysctl -qw net.ipv4.ip_forward=1
	at router nft 'add table inet home;
		add chain inet home forward {
			type filter hook forward priority 0; policy drop; };
		add rule inet home forward iifname eth0 accept;
		add rule inet home forward ct state established,related accept;
		add chain inet home nat { type nat hook postrouting priority 100; };
		add rule inet home nat oifname { eth1, eth2, wwan0 } masquerade'
	at vps nft 'add table inet filter;
		add chain inet filter input {
			type filter hook input priority 0; policy drop; };
		add rule inet filter input iifname lo accept;
		add rule inet filter input ct state established,related accept;
		add rule inet filter input meta l4proto { icmp, ipv6-icmp } accept;
		add chain inet filter forward {
			type filter hook forward priority 0; policy drop; };
		add rule inet filter forward ct state established,related accept'
}

# on K: a modem comes on, with the addresses of its age
on()
{
	_age=$(cat "$LAB/age$1")
	_sub=192.168.$((100 + $1 + 10 * (_age % 10)))
	at "m$1" ip addr add "203.0.113.$((16 * $1 + 1 + _age % 12))/32" \
		dev "wan$1"
	at "m$1" ip route replace default dev "wan$1"
	at "m$1" ip addr add "$_sub.1/24" dev lan
	at "m$1" ip link set lan up
	cat >"$LAB/udhcpd$1.conf" <<-END
	start $_sub.20
	end $_sub.99
	interface lan
	max_leases 80
	lease_file $LAB/leases$1
	pidfile $LAB/udhcpd$1.run
	option subnet 255.255.255.0
	option router $_sub.1
	option lease 120
	END
	: >"$LAB/leases$1"
	start "udhcpd$1" "m$1" busybox udhcpd -f "$LAB/udhcpd$1.conf"
}

# off K: no carrier for the router; its translations go with its address
off()
{
	stop "udhcpd$1" KILL
	at "m$1" ip link set lan down
	at "m$1" ip addr flush dev lan
	at "m$1" ip addr flush dev "wan$1"
}

older()
{
	echo $(($(cat "$LAB/age$1") + 1)) >"$LAB/age$1"
}

# reconnects K: another public address, and nothing that the router sees
reconnects()
{
	at "m$1" ip addr flush dev "wan$1"
	older "$1"
	_age=$(cat "$LAB/age$1")
	at "m$1" ip addr add "203.0.113.$((16 * $1 + 1 + _age % 12))/32" \
		dev "wan$1"
	at "m$1" ip route replace default dev "wan$1"
}

# the router's clients of DHCP, each with a metric, and a table for tunnels
dhcp()
{
	if [ -x $NETWORKD ]; then
		for _k in $MODEMS; do
			networkfile "$_k" || return 1
		done
		start dhcp router $NETWORKD
		return
	fi
	cat >"$LAB/lease" <<-END
	#!/bin/sh
	case \$1 in
	deconfig)
		ip addr flush dev "\$interface" ;;
	bound|renew)
		ip addr replace "\$ip/\$mask" dev "\$interface"
		for table in main \$TABLE; do
			ip route replace default via "\$router" \\
				dev "\$interface" metric "\$METRIC" \\
				table \$table
		done ;;
	esac
	END
	cat >"$LAB/ifplugd" <<-END
	#!/bin/sh
	carrier() { [ "\$(cat /sys/class/net/\$1/carrier 2>/dev/null)" = 1 ]; }
	ip link set "\$1" up
	while :; do
		until carrier "\$1"; do sleep 0.2; done
		METRIC=\$2 TABLE=\$3 busybox udhcpc -f -i "\$1" -t 3 -T 1 \\
			-A 1 -s $LAB/lease &
		while carrier "\$1"; do sleep 0.2; done
		kill \$!
		wait \$!
		ip addr flush dev "\$1"
	done
	END
	chmod 755 "$LAB/lease" "$LAB/ifplugd"
	for _k in $MODEMS; do
		_table=
		[ "$how" = wireguard ] && _table=$((300 + _k))
		start "dhcp$_k" router "$LAB/ifplugd" "$(device "$_k")" \
			$((101 + _k)) $_table
	done
}

# networkfile K: README has that of eth1 for tunnels
networkfile()
{
	_file=$LAB/router/etc/systemd/network/10-$(device "$1").network
	if [ "$how" = key ]; then
		cat >"$_file" <<-END
		[Match]
		Name=$(device "$1")
		[Network]
		DHCP=ipv4
		[DHCPv4]
		RouteMetric=$((101 + $1))
		END
		return
	fi
	block 'With WireGuard' '' 'Name=eth1' >"$LAB/network" || return 1
	sed "s/Name=eth1/Name=$(device "$1")/
		s/300/$((300 + $1))/; s/101/$((101 + $1))/" \
		"$LAB/network" >"$_file"
}

defaults()
{
	[ "$(at router ip route show default | wc -l)" -eq "$1" ]
}

# udpbond

# up NUMBER: so many links are up at the client
up()
{
	at router udpbond -p >"$LAB/p" &&
	[ "$(grep -c '^udpbond_link_up{.*} 1$' "$LAB/p")" -eq "$1" ]
}

# links SECONDS NUMBER TEXT: within that time so many are up
links()
{
	_begun=$(date +%s)
	waitfor "$1" up "$2"
	_status=$?
	_took=$(($(date +%s) - _begun))
	at router udpbond -l 2>&1 | sed '/^$/,$d' | head -n 8 >"$LAB/l"
	check $_status "$3 ($_took s)" "$LAB/l"
	return "$_status"
}

# starts NAME HOST HEADING STEP PATTERN: "udpbond -t -s && udpbond -s -m 0"
starts()
{
	_block=$(block "$3" "$4" "$5") || exit 1
	say "$2" "${_block%%&&*}"
	check $? "$2: $3, step $4: ${_block%%&&*}" "$LAB/say.out"
	start "$1" "$2" sh -c "exec ${_block#*&&}"
}

client()
{
	start client router sh -c "exec $COMMAND"
}

# left HOST: rules, tables and devices that stay
left()
{
	at "$1" ip rule
	at "$1" ip -6 rule
	at "$1" nft list tables
	at "$1" ip route show table 200 2>/dev/null
	at "$1" ip -o link show | cut -d ' ' -f 2 | sort
}

now()
{
	date +%s.%N
}

# steps 2 to 5, as far as both variants have them in common
compile()
{
	does vps 'Five steps' 2 'apt-get install' \
		'/apt-get install/,/[^\\]$/d'
	if [ "$how" = key ]; then
		does vps 'Five steps' 2 '^.sed -i' "$MAKE"
	else
		does vps 'With WireGuard' '' '"wg%d"' "\$a make static"
	fi
}

copies()
{
	does vps 'Five steps' 3 'install -m 755' "$1"
	does router 'Five steps' 3 '^.scp' "$1"
}

tunnels()
{
	_keys='s|(the router.s.*genkey)|ROUTERKEY|
		s|(the VPS.s.*pubkey)|VPSPUB|; s|(the VPS.s)|VPSKEY|
		s|(the router.s)|ROUTERPUB|'
	_router=$(wg genkey) _vps=$(wg genkey)
	_keys=$(echo "$_keys" | sed "s|ROUTERKEY|$_router|; s|VPSKEY|$_vps|
		s|ROUTERPUB|$(echo "$_router" | wg pubkey)|
		s|VPSPUB|$(echo "$_vps" | wg pubkey)|")
	for _ns in router vps; do
		[ $_ns = router ] && _like='^.Endpoint' || _like='^.ListenPort'
		block 'With WireGuard' '' "$_like" >"$LAB/wg.conf" || exit 1
		(umask 077 && sed "$_keys" "$LAB/wg.conf" \
			>"$LAB/$_ns/etc/wireguard/wg0.conf")
	done
	at vps nft 'insert rule inet filter input udp dport 51820-51852 accept'
	_second=$(block 'With WireGuard' '' 'cd /etc/wireguard') || exit 1
	_third=$(printf '%s\n' "$_second" | sed '/systemctl/d
		s/301/302/g; s/51821/51822/; s/10[.]200[.]1[.]/10.200.2./
		s/wg1/wg2/')
	for _ns in vps router; do
		does "$_ns" 'With WireGuard' '' 'cd /etc/wireguard' '/systemctl/d'
		say "$_ns" "$_third"
		does "$_ns" 'With WireGuard' '' 'cd /etc/wireguard' \
			'/^sed/,/wg1.conf/d; s/wg-quick@wg1/& wg-quick@wg2/'
	done
}

# trouble

# event TEXT: its time, for judge
event()
{
	echo "$(now) 0 $*" >>"$LAB/events"
}

named()
{
	echo "m$1 ($(device "$1"))"
}

# quits LEFT K...: modems go off, and links notice
quits()
{
	_left=$1
	shift
	for _k; do
		off "$_k"
	done
	links 6 "$_left" \
		"$(tail -n 1 "$LAB/events" | cut -d ' ' -f 3-): noticed"
}

restart()
{
	event "$(named "$1") restarts"
	quits 2 "$1"
	sleep 8
	on "$1"
}

address()
{
	event "$(named "$1") changes its address and network"
	quits 2 "$1"
	older "$1"
	on "$1"
}

reconnect()
{
	event "$(named "$1") changes its public address"
	reconnects "$1"
	sleep 3
}

both()
{
	event "$(named "$1") and $(named "$2") restart"
	quits 1 "$1" "$2"
	sleep 6
	on "$1"
	sleep 2
	on "$2"
}

# the pings of the time that the router is off do not count
boot()
{
	_off=$(now)
	stop client
	off "$1"
	if [ "$how" = wireguard ]; then
		for _k in $MODEMS; do
			at router wg-quick down "wg$_k" &
			_pids="${_pids-} $!"
		done >>"$LAB/wg.out" 2>&1
		# shellcheck disable=SC2086
		wait $_pids
		_pids=
		for _k in $MODEMS; do
			at router wg-quick up "wg$_k" &
			_pids="$_pids $!"
		done >>"$LAB/wg.out" 2>&1
		# shellcheck disable=SC2086
		wait $_pids
		_pids=
	fi
	client
	echo "$_off $(now) $(named "$1") is off at boot" >>"$LAB/events"
	links 10 2 "$(named "$1") is off at boot: the others are up"
	sleep 3
	on "$1"
}

# plan: "kind k another", each kind in turn, in a random order
plan()
{
	awk -v seed="$SEED" 'BEGIN {
		srand(seed)
		for (round = 0; round < 200; round++) {
			n = split("restart boot address reconnect both", kind, " ")
			for (; n > 0; n--) {
				i = int(rand() * n) + 1
				k = int(rand() * 3)
				print kind[i], k, (k + 1 + int(rand() * 2)) % 3
				kind[i] = kind[n]
			}
		}
	}'
}

# download SECONDS: Mbit/s of the last ones
download()
{
	at lan timeout $(($1 + 10)) iperf3 -c 1.1.1.1 -R -O 2 -t $(($1 - 2)) \
		-P 4 -f m 2>&1 | tee "$LAB/iperf.out" |
		awk '/SUM.*receiver/ { print int($(NF - 2)) }'
}

# downloads: half of the sum of rates, again if less: the machine may be busy
downloads()
{
	event 'a download'
	_sum=$(($(echo "$RATES" | sed 's/ / + /g')))
	for _try in 1 2 3; do
		_got=$(download 6)
		[ "${_got:-0}" -gt $((_sum / 2)) ] && break
	done
	[ "${_got:-0}" -gt $((_sum / 2)) ]
	check $? "a download: ${_got:-0} of $_sum Mbit/s, try $_try" \
		"$LAB/iperf.out"
}

# trouble SECONDS
trouble()
{
	plan >"$LAB/plan"
	: >"$LAB/events"
	start fping lan fping -D -l -p 100 -t 2000 1.1.1.1
	downloads
	_end=$(($(date +%s) + $1)) _next=$(($(date +%s) + 180))
	exec 4<"$LAB/plan"
	while read -r _kind _one _two <&4; do
		if [ "$(date +%s)" -ge $_next ]; then
			downloads
			_next=$(($(date +%s) + 180))
		fi
		[ "$(date +%s)" -lt $_end ] || break
		"$_kind" "$_one" "$_two"
		links 30 3 \
			"$(tail -n 1 "$LAB/events" | cut -d ' ' -f 3-): all are up"
		sleep 2
	done
	exec 4<&-
	sleep 2
	stop fping INT
	judge
}

# judge: what was lost, in all and by event
judge()
{
	sed -n 's/^\[\([0-9.]*\)\] .* : \[\([0-9]*\)\], .* bytes, \([0-9.]*\) ms.*/\2 \1 \3/p' \
		"$LAB/fping.out" | sort -n >"$LAB/pings"
	awk -v limit=$LIMIT -v how="$how" -v end="$(now)" '
		function gap(n, sent,	i, t) {
			run = 0
			for (i = last + 1; i < n; i++) {
				t = was + (sent - was) * (i - last) / (n - last)
				while (at < events && t >= begin[at + 1])
					at++
				if (at && t < until[at]) {
					unseen++
					run = 0
					continue
				}
				lost++
				if (++run > longest[at])
					longest[at] = run
				if (run > most)
					most = run
			}
		}
		FILENAME ~ /events$/ {
			begin[++events] = $1 - 0.2
			until[events] = $2
			sub(/^[^ ]* [^ ]* /, "")
			text[events] = $0
			next
		}
		$1 == last && NR > 1 { next }
		{
			sent = $2 - $3 / 1000
			if (answers++)
				gap($1, sent)
			last = $1
			was = sent
		}
		END {
			for (i = 1; i <= events; i++)
				printf "%s - %s: %s: %.1f s of pings lost\n",
					longest[i] < limit ? "ok" : "not ok",
					how, text[i], longest[i] / 10
			bad = most >= limit || answers < 10 || end - was > 5
			printf "%s - %s: %d pings, lost %d, the longest time %.1f s, not counted %d\n",
				bad ? "not ok" : "ok", how, last + 1, lost, most / 10, unseen
			exit bad
		}' "$LAB/events" "$LAB/pings" || failed=1
}

# endpoints: where each tunnel comes from, as the VPS sees it, all the time
endpoints()
{
	start endpoints vps sh -c 'while :; do
		wg show all endpoints; sleep 0.5; done'
}

ownmodem()
{
	stop endpoints
	awk '{
		k = substr($1, 3)
		n = split($3, a, /[.:]/)
		if (n < 5)
			next
		seen[k]++
		if ($3 !~ /^203[.]0[.]113[.]/ || int(a[4] / 16) != k) {
			print
			bad = 1
		}
	} END {
		for (k = 0; k < 3; k++)
			if (!seen[k])
				bad = 1
		exit bad
	}' "$LAB/endpoints.out" >"$LAB/strayed"
	check $? 'each tunnel leaves by its own modem, always' "$LAB/strayed"
}

# does it work?
works()
{
	does router 'Does it work?' '' '^.ping -c'
	links 10 3 'all links are up'
	grep -q 'traceroute -n 1.1.1.1' README &&
	say lan 'traceroute -n -q 1 -w 2 -m 4 1.1.1.1' &&
	sed -n '/^ *2 /p' "$LAB/say.out" | grep -q '10[.]99[.]0[.]1'
	check $? 'traceroute has 10.99.0.1 as its second line' "$LAB/say.out"
	_seen=$(seen)
	[ "$_seen" = 198.51.100.7 ]
	check $? "web sites see the address of the VPS: $_seen"
}

# seen: the address that a web site sees
seen()
{
	at lan curl -s -m 5 http://1.1.1.1/cgi-bin/seen
}

ownline()
{
	seen | grep -q '^203[.]0[.]113[.]'
}

site()
{
	mkdir -p "$LAB/www/cgi-bin"
	cat >"$LAB/www/cgi-bin/seen" <<-'END'
	#!/bin/sh
	printf 'Content-Type: text/plain\r\n\r\n'
	echo "$REMOTE_ADDR" | tr -d '[]' | sed 's/^::ffff://'
	END
	chmod 755 "$LAB/www/cgi-bin/seen"
	start httpd inet busybox httpd -f -p 80 -h "$LAB/www"
	start iperf inet iperf3 -s
}

# haswireguard: of the kernel or wireguard-go
haswireguard()
{
	command -v wg-quick >/dev/null && command -v wg >/dev/null || return 1
	command -v wireguard-go >/dev/null && return
	ip link add "wg$$" type wireguard 2>/dev/null &&
	ip link del "wg$$"
}

variant()
{
	how=$1
	if [ "$how" = wireguard ] && ! haswireguard; then
		echo "skipped - $how: no wg-quick and wireguard-go"
		return
	fi
	labopen
	mkdir "$LAB/src"
	cp -R LICENSE Makefile README config.def.h config.mk udpbond.1 \
		udpbond.c "$LAB/src" || exit 1
	MAKE=
	command -v musl-gcc >/dev/null || MAKE='s/^make static/make/'
	buildlinkem && nets && host router && host vps && stubs || exit 1
	firewalls
	site
	echo "ok - $how: seed $SEED"
	for _k in 0 1; do
		on $_k
	done

	does router 'Five steps' 1 'rp_filter=2'
	if [ -x $NETWORKD ]; then
		block 'Start at boot' '' 'ManageForeignRoutes=no' \
			>"$LAB/network" || exit 1
		cp "$LAB/network" \
			"$LAB/router/etc/systemd/networkd.conf.d/udpbond.conf"
	fi
	dhcp || exit 1
	waitfor 15 defaults 2
	does router 'Five steps' 1 'ip route show default'
	[ "$(wc -l <"$LAB/say.out")" -eq 2 ]
	check $? 'a default route for each modem that is on' "$LAB/say.out"
	left router >"$LAB/before.router"
	left vps >"$LAB/before.vps"

	compile
	if [ "$how" = key ]; then
		copies ''
		does vps 'Five steps' 4 '^.nft insert'
	else
		copies '/udpbond[.]key/d'
		tunnels
		left router >"$LAB/before.router"
		left vps >"$LAB/before.vps"
		does vps 'Five steps' 4 '^.nft insert' \
			's/udp dport 9001-9002/iifname "wg*" udp dport 9001-9032/'
		does vps 'With WireGuard' '' 'table inet wgonly'
	fi
	left vps >"$LAB/before.vps"
	starts server vps 'Five steps' 4 '^.udpbond -t -s'
	does router 'Five steps' 4 '^.nft insert' \
		'/ input /d; s/inet filter/inet home/'
	starts client router 'Five steps' 5 '^.udpbond -t -c'
	COMMAND=${_block#*&&}
	links 10 2 'with a modem off: the other links are up'
	on 2
	links 20 3 'it comes on: all links are up' || exit 1
	works
	[ "$how" = key ] || endpoints
	trouble "$SECS"
	[ "$how" = key ] || ownmodem

	stop server
	waitfor 10 ownline
	check $? "without a server the LAN has the router's own line: $(seen)"
	stop client
	for _ns in router vps; do
		left $_ns | diff "$LAB/before.$_ns" - >"$LAB/left"
		check $? "$_ns: nothing is left behind" "$LAB/left"
	done
	waitfor 5 ownline
	check $? "then the LAN has the router's own line: $(seen)"
}

SEED=$$ SECS=60
if [ "${1-}" = -s ]; then
	[ $# -ge 2 ] || usage
	SEED=$2
	shift 2
fi
[ $# -le 2 ] || usage
[ $# -ge 1 ] && SECS=$1
case $SEED$SECS in
*[!0-9]*)
	usage ;;
esac
needroot
need ip iproute2 nft nftables fping fping iperf3 iperf3 curl curl \
	busybox busybox nsenter util-linux sysctl procps make make
exec 3>&1
case ${2-} in
key|wireguard)
	variant "$2" ;;
'')
	both=$(mktemp) || exit 1
	test/newcomer.sh -s "$SEED" "$SECS" wireguard >"$both" 2>&1 &
	one=$!
	test/newcomer.sh -s "$SEED" "$SECS" key &
	two=$!
	trap 'kill $one $two; wait; rm -f "$both"; exit 1' HUP INT TERM
	wait $two || failed=1
	wait $one || failed=1
	cat "$both"
	rm -f "$both" ;;
*)
	usage ;;
esac
exit $failed
