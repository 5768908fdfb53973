#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Mistakes: each in two namespaces of its own, all at once, and what both logs,
# udpbond -l and udpbond -t of both ends say of it. Needs root; takes some 40 s.
# With -v it prints all that was said.
#
#	c.MISTAKE-PID                           s.MISTAKE-PID
#	10.200.0.1  == wg0, or eth0 ==========  10.200.0.2
#	10.200.1.1  == wg1, or eth1 ==========  10.200.1.2, and so on
#	client                                  server, with 10.9.0.2
#
# Devices wgN are like those of WireGuard: without ARP. Rows with ethN have a
# key, the server 10.9.0.2, and no client address.

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

NETS=''
all=''                                # the mistakes
failed=0 verbose=0
[ "$1" != -v ] || verbose=1

# builds

# mistaken: the end of config.h: the environment says what the mistake is. ROW0
# to ROW4 are device,client,server,port,rate with - for NULL.
mistaken()
{
	cat <<-'EOF'
	#include <stdio.h>
	__attribute__((constructor))
	static void
	mistaken(void)
	{
		static char s[LEN(links)][3][64];
		static char row[] = "ROW0";
		const char *e, **to;
		int i, j;

		for (i = 0; i < LEN(links); i++, row[3]++) {
			if (!(e = getenv(row)) || sscanf(e, "%63[^,],%63[^,],"
			    "%63[^,],%d,%lf", s[i][0], s[i][1], s[i][2],
			    &links[i].port, &links[i].up) < 4)
				continue;
			links[i].down = links[i].up;
			for (j = 0; j < 3; j++) {
				to = &(&links[i].device)[j];
				*to = s[i][j][0] == '-' ? NULL : s[i][j];
			}
		}
		lannets = getenv("LANS");
		keyfile = getenv("KEY");
		if ((e = getenv("BEAT")))
			hbinterval = atoi(e);
		if (!getenv("COMMANDS"))
			clientup[0] = clientlinkup[0] = clientlinkdown[0] =
			    clientdown[0] = serverup[0] = serverdown[0] = NULL;
	}
	EOF
}

# build NAME ROWS [FORMAT]
build()
{
	mkdir "$LAB/$1" && cp config.mk Makefile "$LAB/$1" &&
	sed "s/Format = 3/Format = ${3-3}/" udpbond.c >"$LAB/$1/udpbond.c" &&
	{
		sed "s/LAN \"192.168.1.0\/24\"/LAN \"\$LANS\"/
			s/lannets     = LAN/lannets     = NULL/
			s/const Linkconf/Linkconf/
			s/const int hbinterval/int hbinterval/
			s/linkoverhead  = 60/linkoverhead  = 0/
			s/, [0-9]*, [0-9]* },/, 0, 0 },/
			/^	{ \"wg[$2-9]/d" config.def.h
		mistaken
	} >"$LAB/$1/config.h" &&
	nice make -s -C "$LAB/$1" CFLAGS='-std=c99 -O0 -w' udpbond
}

# the mistakes

# lab NAME wg|eth LINKS: its namespaces
lab()
{
	NETS="$NETS c.$1 s.$1"
	all="$all $1"
	for _end in c s; do
		ip netns add "$_end.$1-$$" || exit 1
	done
	_mac='' _arp=on
	[ "$2" = eth ] || { _mac='address 02:00:00:00:00:01'; _arp=off; }
	for _i in 0 1 2 3 4; do
		[ "$_i" -lt "$3" ] || break
		echo "link add $2$_i netns c.$1-$$ $_mac type veth" \
			"peer name $2$_i netns s.$1-$$ $_mac"
	done | ip -b - || exit 1
	for _end in 1 2; do
		for _i in 0 1 2 3 4; do
			[ "$_i" -lt "$3" ] || break
			_dev=$2$_i
			echo "addr add 10.200.$_i.$_end/24 dev $_dev"
			echo "link set $_dev arp $_arp up"
			[ "$2" = wg ] || [ $_end -eq 2 ] ||
			echo "route add default via 10.200.$_i.2 dev $_dev" \
				"metric $((100 + _i))"
		done >"$LAB/batch.$_end"
	done
	echo 'addr add 10.9.0.2/32 dev lo' >>"$LAB/batch.2"
	echo 'link set lo up' | tee -a "$LAB/batch.1" >>"$LAB/batch.2"
	ip -n "c.$1-$$" -b "$LAB/batch.1" &&
	ip -n "s.$1-$$" -b "$LAB/batch.2" || exit 1
	at "s.$1" sysctl -qw net.ipv4.conf.all.arp_ignore=1
}

# program END NAME PROGRAM [VARIABLE=VALUE...]: what this end is
program()
{
	_end=$1 _name=$2 _bond=$LAB/$3/udpbond
	shift 3
	{
		printf '#!/bin/sh\nexec env'
		for _arg in "$@"; do
			printf " '%s'" "$_arg"
		done
		printf ' %s "$@"\n' "$_bond"
	} >"$LAB/$_end.$_name.sh"
	chmod +x "$LAB/$_end.$_name.sh"
}

# firewall NS HOOK accept|drop [RULE...]
firewall()
{
	_ns=$1
	{
		echo 'add table inet f'
		echo "add chain inet f c { type filter hook $2 priority 0;" \
			"policy $3; }"
		shift 3
		for _rule; do
			echo "add rule inet f c $_rule"
		done
	} >"$LAB/rules"
	at "$_ns" nft -f "$LAB/rules"
}

# ask END.NAME t|l: in the background, to END.NAME.t or END.NAME.l
ask()
{
	_option="-$2"
	[ "$2" = l ] || case $1 in
	c.*) _option='-t -c';;
	s.*) _option='-t -s';;
	esac
	# shellcheck disable=SC2086
	{
		at "$1" timeout 10 "$LAB/$1.sh" $_option
		echo "status $?"
	} >"$LAB/$1.$2" 2>&1 &
}

# asked c|s t|l: of all labs
asked()
{
	_pids=''
	for _name in $all; do
		[ -f "$LAB/$1.$_name.sh" ] || continue
		ask "$1.$_name" "$2"
		_pids="$_pids $!"
	done
	# shellcheck disable=SC2086
	wait $_pids
}

# started c|s
started()
{
	for _name in $all; do
		[ -f "$LAB/$1.$_name.sh" ] || continue
		[ ! -f "$LAB/$1.$_name.pid" ] || continue
		start "$1.$_name" "$1.$_name" "$LAB/$1.$_name.sh" "-$1" -m 0
	done
}

# what they say

# check STATUS MISTAKE TEXT
check()
{
	[ "$1" -eq 0 ] && echo "ok - $2: $3" && return
	echo "not ok - $2: $3"
	failed=1
}

# said MISTAKE WHERE REGEX: in c.err, c.l, c.t of the client, s.err ...
said()
{
	_file=$LAB/${2%.*}.$1.${2#*.}
	grep -qE -- "$3" "$_file" && check 0 "$1" "$2: $3" && return
	check 1 "$1" "$2: $3"
	tail -n 12 "$_file"
}

# unsaid MISTAKE WHERE REGEX: what would mislead
unsaid()
{
	! grep -E -- "$3" "$LAB/${2%.*}.$1.${2#*.}"
	check $? "$1" "$2: not $3"
}

# told MISTAKE END [LINK: ]REGEX: in the log and in -l
told()
{
	_link='' _what=$3
	case $3 in
	eth[0-9]:*|wg[0-9]:*|[0-9]:*)
		_link=${3%%: *} _what=${3#*: };;
	esac
	said "$1" "$2.err" "^udpbond: link [a-z0-9]*$_link: $_what"
	awk -v link="${_link:-[a-z]}" '/^[a-z0-9]+ / { name = $1 }
		/^  / && name ~ link' "$LAB/$2.$1.l" >"$LAB/$2.$1.of"
	said "$1" "$2.of" "^  $_what"
}

# works MISTAKE: all links, and no end finds fault
works()
{
	said "$1" c.l 'session for .*, [35] of [35] links up'
	said "$1" s.l 'session for .*, [35] of [35] links up'
	unsaid "$1" c.l '^  [a-z]'
	unsaid "$1" s.l '^  [a-z]'
	unsaid "$1" s.err 'hear the|nothing comes|failed'
	unsaid "$1" c.err 'answer|failed'
}

needroot
need ip iproute2 make make nft nftables tc iproute2 setpriv util-linux \
	iperf3 iperf3 ping iputils-ping sysctl procps
labopen
build three 3 &
build five 5 &
build two 2 &
build format 3 4 &
wait
for f in key otherkey; do
	"$LAB/three/udpbond" -k >"$LAB/$f" && chmod 600 "$LAB/$f" || exit 1
done

# eth NUMBER [SERVER [PORT]]: a row
eth()
{
	echo "eth$1,-,${2-10.9.0.2},${3-900$(($1 + 1))}"
}

# wg NUMBER [CLIENT [SERVER [PORT]]]
wg()
{
	echo "wg$1,${2:-10.200.$1.1},${3:-10.200.$1.2},${4:-900$(($1 + 1))}"
}

key=KEY=$LAB/key
lan=LANS=192.168.77.0/24
keyed()
{
	_end=$1 _name=$2 _build=$3
	shift 3
	program "$_end" "$_name" "$_build" "$key" "ROW0=$(eth 0)" \
		"ROW1=$(eth 1)" "ROW2=$(eth 2)" "$@"
}

# running mistakes

lab off wg 3
program c off three

lab silent eth 3 # the same, but its host does not say so
keyed c silent three "ROW0=$(eth 0 10.9.0.3)" "ROW1=$(eth 1 10.9.0.3)" \
	"ROW2=$(eth 2 10.9.0.3)"
keyed s silent three
firewall s.silent forward drop
at s.silent sysctl -qw net.ipv4.ip_forward=1

lab rejected wg 3
program c rejected three
program s rejected three
firewall s.rejected input accept 'udp dport 9001 reject' \
	'udp dport 9000-9009 reject with icmpx type admin-prohibited'

lab dropped wg 3
program c dropped three
program s dropped three COMMANDS=1
firewall s.dropped input drop

lab port wg 3 # wg1 has another one, that of wg2 is dropped
program c port three
program s port three COMMANDS=1 "ROW1=$(wg 1 '' '' 9009)"
firewall s.port input accept 'tcp dport 9001 drop' 'udp dport != 9000-9009 drop' \
	'udp dport 9999 counter packets 9001 bytes 1 drop' 'udp dport 9003 drop'

# an address of the client, or of the server: wg1 at the client, wg2 at the
# server, wg3 at both; those of wg4 are swapped at both
lab client wg 5
for end in c s; do
	rows="ROW3=$(wg 3 10.200.3.9) ROW4=$(wg 4 10.200.4.2 10.200.4.1)"
	[ $end = c ] && rows="$rows ROW1=$(wg 1 10.200.1.9)"
	[ $end = s ] && rows="$rows ROW2=$(wg 2 10.200.2.9)"
	# shellcheck disable=SC2086
	program $end client five $rows
done
lab server wg 5
for end in c s; do
	rows="ROW3=$(wg 3 '' 10.200.3.9)"
	[ $end = c ] && rows="$rows ROW1=$(wg 1 '' 10.200.1.9)"
	[ $end = s ] && rows="$rows ROW2=$(wg 2 '' 10.200.2.9)"
	# shellcheck disable=SC2086
	program $end server five $rows
done
lab vps eth 3 # a key: eth1 at the client, eth2 at the server
keyed c vps three "ROW1=$(eth 1 10.200.1.9)"
keyed s vps three "ROW2=$(eth 2 10.9.0.3)"
lab swapped wg 3
for end in c s; do
	program $end swapped three "ROW0=$(wg 0 10.200.0.2 10.200.0.1)" \
		"ROW1=$(wg 1 10.200.1.2 10.200.1.1)" \
		"ROW2=$(wg 2 10.200.2.2 10.200.2.1)"
done

lab wrongkey eth 3
keyed c wrongkey three
keyed s wrongkey three "KEY=$LAB/otherkey"
lab clientkey wg 3
program c clientkey three "$key"
program s clientkey three
lab serverkey wg 3
program c serverkey three
program s serverkey three "$key"

lab order wg 3
program c order three
program s order three "ROW1=$(wg 2)" "ROW2=$(wg 1)"
lab orderkey eth 3
keyed c orderkey three
keyed s orderkey three "ROW1=$(eth 2)" "ROW2=$(eth 1)"
lab portskey eth 3 # the ports stayed where they were
keyed c portskey three
keyed s portskey three "ROW1=$(eth 2 10.9.0.2 9002)" \
	"ROW2=$(eth 1 10.9.0.2 9003)"

lab fewer wg 3 # at the server; the second row is missing
program c fewer three
program s fewer two "ROW1=$(wg 2)"
lab fewerkey eth 3
keyed c fewerkey three
keyed s fewerkey two "ROW1=$(eth 2)"
lab more wg 3
program c more two "ROW1=$(wg 2)"
program s more three
lab morekey eth 3
keyed c morekey two "ROW1=$(eth 2)"
keyed s morekey three
lab last eth 3 # the last row is missing
keyed c last two
keyed s last three

lab version wg 3
program c version three
program s version format
lab versionkey eth 3
keyed c versionkey format
keyed s versionkey three

lab beat wg 3
program c beat three BEAT=50
program s beat three BEAT=1000

# mistakes at a start

lab root wg 3
program c root three
program s root three
lab overlap wg 3
program c overlap three LANS=192.168.50.0/24
lab bits wg 3
program c bits three LANS=192.168.77.1/24
lab nft wg 3
program c nft three COMMANDS=1 "$lan" "PATH=$LAB/bin"
program s nft three
mkdir "$LAB/bin"
for f in ip awk sh; do
	ln -s "$(command -v $f)" "$LAB/bin/$f"
done

# what works but for something

lab nets wg 3 # no mistake
for end in c s; do
	program $end nets three COMMANDS=1 \
		'LANS=192.168.77.0/24 192.168.78.0/24'
done

lab forward eth 3
keyed c forward three COMMANDS=1 "$lan"
keyed s forward three
firewall c.forward forward drop

buildlinkem
lab rates wg 0 # configured: three times as much
emulated=''
for i in 0 1 2; do
	emulated="$emulated $(link4 $i),rate=10,delay=20,queue=100,mtu=1420"
done
# shellcheck disable=SC2086
start linkem c.rates "$LAB/linkem" -s 1 "c.rates-$$" "s.rates-$$" $emulated
for end in c s; do
	program $end rates three COMMANDS=1 "$lan" "ROW0=$(wg 0),30" \
		"ROW1=$(wg 1),30" "ROW2=$(wg 2),30"
done

# eth1 is missing, eth2 has no route, what comes to eth3 is dropped, eth4 has no
# address
lab device eth 5
keyed c device five "ROW3=$(eth 3)" "ROW4=$(eth 4)"
keyed s device five "ROW3=$(eth 3)" "ROW4=$(eth 4)"
at c.device ip link set eth1 name other
at c.device ip route del default dev eth2
at c.device ip addr flush dev eth4
at c.device sysctl -qw net.ipv4.conf.all.rp_filter=0 \
	net.ipv4.conf.eth0.rp_filter=0 net.ipv4.conf.eth3.rp_filter=1

lab modem eth 3 # eth0 and eth1 go by one
ip netns add "m.modem-$$" || exit 1
NETS="$NETS m.modem"
for i in 0 1; do
	at c.modem ip link del eth$i
	ip link add eth$i netns "c.modem-$$" type veth \
		peer name eth$i netns "m.modem-$$"
	at m.modem ip addr add 10.200.$i.2/24 dev eth$i
	at m.modem ip link set eth$i up
	at c.modem ip addr add 10.200.$i.1/24 dev eth$i
	at c.modem ip link set eth$i up
	at c.modem ip route add default via 10.200.$i.2 dev eth$i metric 10$i
done
ip link add eth3 netns "m.modem-$$" type veth peer name eth3 netns "s.modem-$$"
at m.modem ip addr add 203.0.113.2/24 dev eth3
at s.modem ip addr add 203.0.113.1/24 dev eth3
at m.modem ip link set eth3 up
at s.modem ip link set eth3 up
at m.modem ip route add default via 203.0.113.1
at m.modem sysctl -qw net.ipv4.ip_forward=1
at m.modem nft 'add table inet n; add chain inet n c {
	type nat hook postrouting priority 100; };
	add rule inet n c oifname eth3 masquerade'
keyed c modem three
keyed s modem three

# without root, both ways
nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
chmod 755 "$LAB/three" "$LAB"

waitfor 5 grep -q ready "$LAB/linkem.out"
for end in s c; do # these take longer
	start $end.rates $end.rates "$LAB/$end.rates.sh" -$end -m 0
done
start iperfserver s.rates iperf3 -s -1
waitfor 5 at c.rates ping -q -c 1 -W 1 -I 192.168.50.1 10.99.0.1
start iperf c.rates iperf3 -R -t 30 -P 3 -B 192.168.50.1 -c 10.99.0.1
asked s t
started s
# shellcheck disable=SC2086
at c.root $nobody "$LAB/three/udpbond" -c >"$LAB/c.root.nobody" 2>&1
asked c t
started c
sleep 12 # 5 s are enough where nothing else runs
# shellcheck disable=SC2086
at c.root $nobody "$LAB/three/udpbond" -l >>"$LAB/c.root.nobody" 2>&1
at c.nets ip rule >"$LAB/c.nets.rule"
at s.nets ip route >"$LAB/s.nets.rule"
asked c l
asked s l
if [ $verbose -eq 1 ]; then
	for f in "$LAB"/[cs].*.err "$LAB"/[cs].*.[lt] "$LAB"/c.root.nobody; do
		echo "=== ${f##*/}"
		cat "$f"
	done
fi

# what they said

rows='both need the same rows in the same order'
nobodyhere='no client is heard: does it run\? does a firewall here drop UDP'
lost='nothing comes from the client by this link: does it have this row'
silent='no answer from [0-9.]*:900[1-5]:'
refused='refused by [0-9.]*:900[1-3]: is udpbond running there, with this row'

told off c "$refused"
said off c.err 'offline: no link is up'
said off c.l 'no session, 0 of 3 links up'
said off c.t "links.0. .wg0.: $refused"
told silent c "$silent does udpbond run there, with this key"
said silent s.err "offline: $nobodyhere"
said silent s.l "^  $nobodyhere"
told rejected c "$refused"
told rejected c '10.200.1.2:9002 is unreachable: .*a firewall reject UDP'
said rejected s.err "offline: $nobodyhere"
said rejected s.l "^  $nobodyhere"
told dropped c "$silent does udpbond run there, .*a firewall drop UDP"
said dropped s.err "offline: $nobodyhere"
said dropped s.l "^  $nobodyhere"
said dropped s.t 'firewall, table inet f: drops UDP ports 9001 9002 9003'
said dropped s.err 'firewall, table inet f: drops UDP ports 9001 9002 9003'

told port c "wg1: $refused and port"
told port c "wg2: $silent is the modem online, the port right"
told port s "wg1: $lost"
told port s "wg2: $lost"
said port s.t 'firewall, table inet f: drops UDP ports 9003$'
said port s.err 'firewall, table inet f: drops UDP ports 9003$'

told client c 'wg1: 10.200.1.9 is not an address of wg1'
told client c "wg2: $silent .*see the log there"
told client c 'wg3: 10.200.3.9 is not an address of wg3'
told client c 'wg4: 10.200.4.2 is not an address of wg4'
said client c.t 'the device does not have the address 10.200.1.9'
told client s "wg1: $lost"
told client s 'wg2: datagrams come from 10.200.2.1:9003: the row has another'
told client s 'wg4: 10.200.4.1 is not an address of this host'
said client s.t 'no device has the address 10.200.4.1'
told server c "wg1: no answer from 10.200.1.9"
told server c "wg2: $refused"
told server s "wg1: $lost"
told server s 'wg2: 10.200.2.9 is not an address of this host'
told server s 'wg3: 10.200.3.9 is not an address of this host'
said server s.t 'no device has the address 10.200.2.9'
told vps c 'eth1: no answer from 10.200.1.9'
told vps c "eth2: $refused"
told vps s "eth1: $lost"
told vps s 'eth2: 10.9.0.3 is not an address of this host'
told swapped c 'wg0: 10.200.0.2 is not an address of wg0'
told swapped s 'wg0: 10.200.0.1 is not an address of this host'
said swapped s.t 'no device has the address 10.200.0.1'

told wrongkey c "$silent does udpbond run there, with this key"
told wrongkey s 'datagrams from 10.200.0.1:[0-9]* have another key: copy'
told clientkey c "$silent does udpbond run there, with this key"
told clientkey s 'datagrams from .* are encrypted: both ends need a keyfile'
told serverkey c "$silent does udpbond run there, without a keyfile"
told serverkey s 'datagrams from .* are not encrypted: both ends need a'

for end in c s; do
	for how in order orderkey; do
		told $how $end "this is links.1. at the other end: $rows"
		told $how $end "this is links.2. at the other end: $rows"
	done
	for how in version versionkey; do
		told $how $end 'the other end has another version: install'
	done
done
[ "$(grep -c 'the peer sends' "$LAB/c.version.err")" -eq 1 ]
check $? version 'it is said once in the log'
said orderkey c.t "this is links.1. at the other end: $rows"
said version c.t 'the other end has another version'
works portskey
for how in fewer fewerkey; do
	told $how c "1: $refused"
	told $how c "2: this is links.1. at the other end: $rows"
	told $how s "2: this is links.2. at the other end: $rows"
done
for how in more morekey; do
	told $how c "2: this is links.2. at the other end: $rows"
	told $how s "1: $lost"
	told $how s "2: this is links.1. at the other end: $rows"
done
told last s "eth2: $lost"
unsaid last c.l '^  [a-z]'
works beat

said root c.nobody '^udpbond: needs root$'
said root c.nobody 'needs root: only root is answered'
said overlap c.err 'lannets: 192.168.50.0/24 overlaps .*choose another'
said overlap c.t '1 to mend'
said bits c.err 'lannets: 192.168.77.1/24: write 192.168.77.0/24'
said bits c.t '1 to mend'
said nft c.err 'nft: not found'
said nft c.err '^udpbond: nft is not in PATH, the commands need it'
said nft c.t '^udpbond: nft is not in PATH, the commands need it'

works nets
for net in 192.168.77.0/24 192.168.78.0/24; do
	said nets c.rule "200:.*from $net lookup 200"
	said nets s.rule "^$net dev tun-bond"
done
works forward
said forward c.err 'firewall, table inet f: drops, and has no rule for tun-bond'
said forward c.t 'firewall, table inet f: drops, and has no rule for tun-bond'
said rates s.l 'down: most was (9|1[0-9]).[0-9] of 30.0 Mbit/s configured'
said rates s.l ', most was (9|1[0-9]).[0-9] Mbps'

said device c.err 'there is no eth1 now, the link is down until there is'
told device c 'eth1: there is no such device'
told device c 'eth2: no route to 10.9.0.2 by this way: a default route'
said device c.t 'no route to 10.9.0.2 by this way: a default route'
told device c "eth3: $silent .*see the log there"
told device s 'eth3: hears the other end, .*, a route or rp_filter there'
said device c.t 'rp_filter is 1 for eth3: .*all.rp_filter=2'
told device c 'eth4: the device has no address'
told device s "eth2: $lost"
told modem s 'eth0: seems to go the same way as eth1: by one modem'

# the rest ends with its namespace
rm -f "$LAB"/*.pid
exit $failed
