#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Tests udpbond: prints a line for each test and counts them at the end. Part 1
# needs no privileges; it builds udpbond and runs the tests without a network.
# Part 2 needs root; a LAN host reaches the internet through both ends, in
# namespaces that test/lab.sh makes and removes. Arguments name the sections to
# run, one after the other. Without any all are run: lanes of them in labs of
# their own beside part 1, at last the quiet ones, which judge times, alone.
#
#	lan ------- router ==wg0 (10 Mbit/s, 20 ms)====== vps ------- inet
#	       192.168.1.1   ==wg1-wg4 (70 Mbit/s, 80 ms)==   203.0.113.1
#	                tun-bond                      tun-bond
#
# Limits on times have wide margins; test/bench.sh measures performance.

cd "$(dirname "$0")" || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

part1='building units fuzzed foreign commandline simulation'
lane1='strangers offloads interop ipv6links sanitized valgrinded hostile'
lane2='asking confined odd ends hooked neighbours twosites sealed'
quiet='emulator defaults calls trouble full'
part2="$lane1 $lane2 $quiet"

passed=0 failed=0 skipped=0

strict='-std=c99 -pedantic -Wall -Wextra -Werror -O2'
sanitize='-std=c99 -g -O1 -fsanitize=address,undefined -fno-omit-frame-pointer'
source='LICENSE Makefile README config.def.h config.mk udpbond.1 udpbond.c
	test.sh test .ci .gitignore'

# counting

# try NAME COMMAND...: one test
try()
{
	name=$1
	shift
	if "$@" >"$LAB/log" 2>&1; then
		echo "ok - $name"
		passed=$((passed + 1))
		return
	fi
	echo "not ok - $name"
	failed=$((failed + 1))
	tail -n 60 "$LAB/log" | sed 's/^/	/'
	for f in client.err server.err linkem.err; do
		[ -s "$LAB/$f" ] && tail -n 5 "$LAB/$f" | sed "s/^/	$f: /"
	done
}

skip()
{
	echo "skipped - $1"
	skipped=$((skipped + 1))
}

# have TOOL TEST...: tries it if there is the tool
have()
{
	if command -v "$1" >/dev/null; then
		shift
		try "$@"
	else
		skip "$2: no $1"
	fi
}

# counted LABEL COMMAND...: a program that prints a line for each of its tests
counted()
{
	label=$1
	shift
	"$@" >"$LAB/lines" 2>"$LAB/lines.err"
	status=$?
	grep -E '^(not )?ok - ' "$LAB/lines" | sed "s/ok - /&$label: /"
	passed=$((passed + $(grep -c '^ok - ' "$LAB/lines")))
	failed=$((failed + $(grep -c '^not ok - ' "$LAB/lines")))
	try "$label: all were run and passed" allpassed $status
}

allpassed()
{
	cat "$LAB/lines.err"
	grep -v '^ok - ' "$LAB/lines"
	[ "$1" -eq 0 ] && grep -q '^ok - ' "$LAB/lines" &&
	not grep -q '^not ok - ' "$LAB/lines"
}

# not COMMAND...
not()
{
	! "$@"
}

# part 1: building

# compiles COMPILER FILE...: without a word
compiles()
{
	cc=$1
	shift
	for f; do
		# shellcheck disable=SC2086
		"$cc" $strict -D_GNU_SOURCE -DVERSION='"0"' \
			-o "$LAB/strict" "$SRC/$f" -lm || return 1
	done
}

defaultbuild()
{
	rm -f "$SRC/config.h"
	make -C "$SRC" && cmp "$SRC/config.def.h" "$SRC/config.h" &&
	echo '/* mine */' >>"$SRC/config.h" &&
	make -C "$SRC" CFLAGS='-std=c99 -O0' && grep -q mine "$SRC/config.h"
}

# 112 kB without symbols, and nothing to load
staticbuild()
{
	build "$LAB/static" '' && make -C "$LAB/static" static || return 1
	strip "$LAB/static/udpbond"
	size=$(wc -c <"$LAB/static/udpbond")
	echo "$size bytes"
	[ "$size" -le 114688 ] && "$LAB/static/udpbond" -v &&
	not grep -q ld-musl "$LAB/static/udpbond"
}

staticadvice()
{
	not make -C "$SRC" static STATICCC=no-such-cc >"$LAB/advice" 2>&1 &&
	grep 'musl-tools' "$LAB/advice"
}

installs()
{
	files='/usr/local/sbin/udpbond /usr/local/share/man/man1/udpbond.1'
	make -C "$SRC" DESTDIR="$LAB/dest" install || return 1
	for f in $files; do
		[ -f "$LAB/dest$f" ] || return 1
	done
	make -C "$SRC" DESTDIR="$LAB/dest" uninstall || return 1
	for f in $files; do
		[ ! -e "$LAB/dest$f" ] || return 1
	done
}

distbuilds()
{
	make -C "$SRC" dist && mkdir "$LAB/dist" &&
	tar -xzf "$SRC"/udpbond-*.tar.gz -C "$LAB/dist" &&
	make -C "$LAB"/dist/udpbond-* CFLAGS='-std=c99 -O0'
}

cleans()
{
	make -C "$SRC" clean && [ ! -e "$SRC/udpbond" ]
}

cppchecks()
{
	cppcheck -q --std=c99 --enable=warning,performance,portability \
		--inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=missingInclude \
		-D_GNU_SOURCE -DVERSION='"0"' -I"$SRC" \
		"$SRC/udpbond.c" "$SRC/test/linkem.c" "$SRC/test/flood.c" \
		"$SRC/test/middle.c" "$SRC/test/streams.c"
}

# the wall clock may be set to anything at any time
noclock()
{
	nm -D -u "$BOND/udpbond" >"$LAB/names"
	cat "$LAB/names"
	grep -w clock_gettime "$LAB/names" &&
	not grep -Ew 'time|ftime|gettimeofday|localtime(_r)?' "$LAB/names" &&
	grep -E 'clock_gettime\(|CLOCK_' "$SRC/udpbond.c" >"$LAB/clocks" &&
	not grep -v 'clock_gettime(CLOCK_MONOTONIC, ' "$LAB/clocks"
}

# goclean: test/quic.go builds, with Cubic too
goclean()
{
	gofmt -d test/quic.go >"$LAB/gofmt" 2>&1
	cat "$LAB/gofmt"
	[ ! -s "$LAB/gofmt" ] && goquic vet test/quic.go && buildquic
}

building()
{
	have gcc 'gcc builds udpbond without a warning' \
		compiles gcc udpbond.c
	have clang 'clang builds udpbond without a warning' \
		compiles clang udpbond.c
	have gcc 'gcc builds linkem without a warning' \
		compiles gcc test/linkem.c
	have clang 'clang builds linkem without a warning' \
		compiles clang test/linkem.c
	have gcc 'gcc builds middle without a warning' \
		compiles gcc test/middle.c
	have clang 'clang builds middle without a warning' \
		compiles clang test/middle.c
	try 'make copies config.h once and builds' defaultbuild
	have nm 'udpbond never asks for the time of day' noclock
	have musl-gcc 'make static: below 112 kB, nothing to load' staticbuild
	try 'make static without musl says what to install' staticadvice
	try 'make install and uninstall' installs
	try 'make dist: the archive builds' distbuilds
	try 'make clean' cleans
	have cppcheck 'cppcheck has nothing to say' cppchecks
	have shellcheck 'shellcheck has nothing to say' \
		shellcheck test.sh test/*.sh .ci/run
	if havequic; then
		try 'go builds quic.go, gofmt and vet have nothing to say' \
			goclean
	else
		skip 'go builds quic.go: no go, or no quic-go'
	fi
	have mandoc 'mandoc has nothing to say about the man page' \
		mandoc -T lint udpbond.1
}

# part 1: units

# unitbuild CC FLAG...: parity, compress and traffic vary in it
unitbuild()
{
	cc=$1
	shift
	mkdir -p "$LAB/units" && cp "$SRC/udpbond.c" "$LAB/units" || return 1
	sed '/int parity/s/const //; /int compress/s/const //
		/Traffic traffic/s/const //' config.def.h >"$LAB/units/config.h"
	"$cc" -std=c99 -D_GNU_SOURCE -DVERSION='"0"' "$@" -I"$LAB/units" \
		-o "$LAB/${UNIT:-unit}" "$SRC/test/unit.c"
}

# unitrun [FLAG...]: builds and runs them
unitrun()
{
	unitbuild "${CC:-cc}" "$@" && (cd "$SRC" && "$LAB/${UNIT:-unit}")
}

# beside the others, as it takes long
unitsanitized()
{
	# shellcheck disable=SC2086,SC2030
	(UNIT=sanitized && unitrun $sanitize) >"$LAB/sanitized.out" 2>&1
	status=$?
	grep -v '^ok - ' "$LAB/sanitized.out"
	[ $status -eq 0 ] && nosanitizer "$LAB/sanitized.out"
}

# foundrun [FLAG...]: links that are found; -w: its config.h can be written
foundrun()
{
	"${CC:-cc}" -std=c99 -w -D_GNU_SOURCE -DVERSION='"0"' "$@" \
		-I"$LAB/units" -o "$LAB/found" "$SRC/test/found.c" &&
		"$LAB/found"
}

foundsanitized()
{
	# shellcheck disable=SC2086
	foundrun $sanitize >"$LAB/lines" 2>&1
	status=$?
	grep -v '^ok - ' "$LAB/lines"
	[ $status -eq 0 ] && nosanitizer "$LAB/lines"
}

# superrun PACKETS [FLAG...]: cuts and joins random superpackets
superrun()
{
	n=$1
	shift
	${CC:-cc} -std=c99 -D_GNU_SOURCE -DVERSION='"0"' "$@" -I"$SRC" \
		-o "$LAB/super" "$SRC/test/super.c" && "$LAB/super" -n "$n"
}

supersanitized()
{
	# shellcheck disable=SC2086
	superrun 15000 $sanitize >"$LAB/lines" 2>&1
	status=$?
	cat "$LAB/lines"
	[ $status -eq 0 ] && nosanitizer "$LAB/lines"
}

# nosanitizer FILE...: has no report of one
nosanitizer()
{
	not grep -E 'runtime error|Sanitizer' "$@"
}

# loadbuild CC OUTPUT ROWS: with so many links, or those of config.def.h
loadbuild()
{
	mkdir -p "$LAB/load" && cp "$SRC/udpbond.c" "$LAB/load" || return 1
	awk -v rows="$3" '/^\t[{] "wg/ && rows { while (n < rows) printf \
		"\t{ NULL, \"10.200.%d.1\", \"10.200.%d.2\", %d, 2, 70, 70 },\n",
		n, n, 9001 + n++; next } { print }' config.def.h \
		>"$LAB/load/config.h"
	# shellcheck disable=SC2086
	"$1" $strict -D_GNU_SOURCE -DVERSION='"0"' -finstrument-functions \
		-I"$LAB/load" -o "$2" "$SRC/test/load.c"
}

units()
{
	unitsanitized >"$LAB/sanitized.err" 2>&1 &
	sanitized=$!
	counted unit unitrun -O1
	counted found foundrun
	try 'found: the same with ASan and UBSan' foundsanitized
	try 'load: it builds without a warning' \
		loadbuild "${CC:-cc}" "$LAB/load/few" ''
	try 'load: it builds with 255 links' \
		loadbuild "${CC:-cc}" "$LAB/load/many" 255
	counted load "$LAB/load/few"
	counted load "$LAB/load/many"
	counted super superrun 100000 -O2
	try 'super: with ASan and UBSan' supersanitized
	wait $sanitized
	try 'unit: the same with ASan and UBSan' \
		replayed $? "$LAB/sanitized.err"
}

# part 1: inputs that others could send, and random changes of them

fuzzed()
{
	try 'fuzz: it builds' compiles gcc test/fuzz.c
	# shellcheck disable=SC2086
	try 'fuzz: it builds with ASan and UBSan' ${CC:-cc} $sanitize \
		-fno-sanitize-recover=undefined -finstrument-functions \
		-D_GNU_SOURCE -I"$SRC" -o "$LAB/fuzz" "$SRC/test/fuzz.c" || return
	have nm 'state.h names all variables of udpbond.c' states
	fuzz datagram 400 'datagrams from the links'
	fuzz tun 400 'packets from the TUN device'
	fuzz control 350 'requests at the control socket'
	fuzz config 2000 'configurations and key files'
	fuzz parity 1000 'packets and parities'
}

# states: no variable but those of state.h, of config.h, and scratch
states()
{
	{
		grep -o 'F([a-z]*)' "$SRC/test/state.h" | tr -d 'F()'
		sed -n 's/^static const.*[ *]\([a-z][a-z]*\)[][ ]*=.*/\1/p' \
			"$SRC/config.def.h"
		printf '%s\n' a buf frees from only out refs sealed t
	} >"$LAB/known"
	${CC:-cc} -std=c99 -D_GNU_SOURCE -DVERSION='"0"' -fno-pie -c \
		-o "$LAB/variables.o" "$SRC/udpbond.c" || return 1
	nm "$LAB/variables.o" | sed -n 's/\.[0-9]*$//
		s/^[0-9a-f]* [bdBD] \(.*\.\)*//p' >"$LAB/names"
	grep -x bond "$LAB/names" && not grep -vxFf "$LAB/known" "$LAB/names"
}

# fuzz TARGET MUTATIONS WHAT
fuzz()
{
	try "fuzz: $3, and $2 changes of them" fuzzrun "$1" "$2"
}

fuzzrun()
(
	cd "$LAB" && "$LAB/fuzz" -n "$2" "$1" "$SRC/test/corpus/$1"/*
)

# part 1: other byte orders and word sizes, if there are compilers for them

foreign()
{
	foreignrun mips mips-linux-gnu-gcc
	foreignrun mipsel mipsel-linux-gnu-gcc
	foreignrun arm arm-linux-gnueabi-gcc
	foreignrun aarch64 aarch64-linux-gnu-gcc
	foreignrun s390x s390x-linux-gnu-gcc
	foreignrun i386 i686-linux-gnu-gcc
}

# foreignrun MACHINE COMPILER
foreignrun()
{
	if command -v "$2" >/dev/null && command -v "qemu-$1-static" >/dev/null
	then
		try "$1: unit tests and superpackets" foreigntests "$1" "$2"
	else
		skip "$1: no $2 and qemu-$1-static"
	fi
}

foreigntests()
{
	unitbuild "$2" -static -O1 &&
	"$2" -static -O1 -std=c99 -D_GNU_SOURCE -DVERSION='"0"' \
		-o "$LAB/super" "$SRC/test/super.c" || return 1
	# those left out take most of the time, and are the same everywhere
	(cd "$SRC" && "qemu-$1-static" "$LAB/unit" 'rate and delay' \
		'segments lost' 'GSO packets lost' 'random parity' needs) \
		>"$LAB/lines" 2>&1
	status=$?
	grep -v '^ok - ' "$LAB/lines"
	[ $status -eq 0 ] && "qemu-$1-static" "$LAB/super" -n 20000
}

# part 1: the simulator, both ends in virtual time

# simbuild: as the comment in sim.c says
simbuild()
{
	mkdir "$LAB/sim" && cp "$SRC/udpbond.c" "$LAB/sim" || return 1
	sed '/Linkconf links/s/const //; /int parity/s/const //
		/int compress/s/const //' config.def.h >"$LAB/sim/config.h"
	for i in 0 1; do
		${CC:-cc} -std=c99 -D_GNU_SOURCE -DVERSION='"sim"' -O2 \
			-I"$LAB/sim" -DSIDE=side$i -c -o "$LAB/sim/side$i.o" \
			"$SRC/test/side.c" || return 1
	done
	${CC:-cc} -std=c99 -D_GNU_SOURCE -O2 -o "$LAB/sim/sim" \
		"$SRC/test/sim.c" "$SRC/test/simtcp.c" "$SRC/test/simquic.c" \
		"$LAB"/sim/side?.o
}

# simbegin: runs beside the other sections of part 1
simbegin()
{
	try 'sim: it builds' simbuild
	"$LAB/sim/sim" >"$LAB/sim.out" 2>"$LAB/sim.err" &
	echo $! >"$LAB/sim.pid"
}

simend()
{
	wait "$(mypid sim)"
	status=$?
	rm "$LAB/sim.pid"
	cat "$LAB/sim.err" >&2
	cat "$LAB/sim.out"
	return $status
}

simulation()
{
	counted sim simend
	try 'sim: links, traffic and faults at random' \
		"$LAB/sim/sim" -s 1 -n 5
}

# quickbuild DIR SED-SCRIPT [MAKE-ARGUMENT...]: of what carries little
quickbuild()
{
	build "$@" CFLAGS='-std=c99 -O0'
}

# part 1: the command line

version()
{
	[ "$("$BOND/udpbond" -v 2>&1)" = "udpbond-$(sed -n \
		's/^VERSION = //p' config.mk)" ]
}

usages()
{
	for args in '-c -m' '-c -m x' '-c -m -1' '-c -s' '-c more' -x ''; do
		echo "udpbond $args"
		# shellcheck disable=SC2086
		"$BOND/udpbond" $args >"$LAB/usage" 2>&1 && return 1
		cat "$LAB/usage"
		[ -s "$LAB/usage" ] || return 1
	done
	"$BOND/udpbond" -h 2>/dev/null | cmp - "$LAB/usage"
}

# newkey FILE
newkey()
{
	(umask 077; rm -f "$1"; "$LAB/bond/udpbond" -k >"$1")
}

newkeys()
{
	newkey "$LAB/key1" && newkey "$LAB/key2" &&
	not cmp -s "$LAB/key1" "$LAB/key2" && grep -Ex '[0-9a-f]{64}' "$LAB/key1"
}

# -k and -v to a full disk: an error, status 1
nospace()
{
	for flag in -k -v; do
		"$BOND/udpbond" $flag >/dev/full 2>"$LAB/error"
		[ $? -eq 1 ] && grep 'No space left' "$LAB/error" || return 1
	done
}

# onlo: sed commands for links that any machine has
onlo='s/"wg[0-4]"/NULL/; s/"10\.200\.\([0-9]\)\.1"/"127.0.\1.1"/
	s/"10\.200\.\([0-9]\)\.2"/"127.0.\1.2"/'

checked()
{
	quickbuild "$LAB/lo" "$onlo" && "$LAB/lo/udpbond" -t
}

# refused SED-SCRIPT REGEX: -t names the row and the field
refused()
{
	quickbuild "$LAB/bad" "$onlo;$1" || return 1
	"$LAB/bad/udpbond" -t >"$LAB/bad/out" 2>&1
	status=$?
	cat "$LAB/bad/out"
	[ $status -ne 0 ] && grep -qE "$2" "$LAB/bad/out"
}

# badconfigs: what is wrong|sed script|what is said
badconfigs()
{
	while IFS='|' read -r what script said; do
		try "-t refuses $what" refused "$script" "$said"
	done <<-'END'
	two links with one port|/9003,/s/9003/9002/|links.2.*: port
	port 0|/9003,/s/9003/0/|links.2.*: port
	port 65536|/9003,/s/9003/65536/|links.2.*: port
	a client address that is none|/9003,/s/127.0.2.1/127.0.2.256/|links.2.*: client
	a server address that is none|/9003,/s/127.0.2.2/vps/|links.2.*: server
	IPv4 and IPv6 in one link|/9003,/s/127.0.2.2/::1/|links.2.*: client and server
	a negative rate upwards|/9003,/s/ 70, / -70, /|links.2.*: up
	a negative rate downwards|/9003,/s/70 }/-70 }/|links.2.*: down
	priority 62|/9003,/s/9003, 2,/9003, 62,/|links.2.*: priority
	any server address without a key|/9003,/s/"127.0.2.2"/NULL/|links.2.*: server
	any client address without a key|/9003,/s/"127.0.2.1"/NULL/|links.2.*: client
	a public server without a key|/9003,/s/127.0.2.2/203.0.113.2/|links.2.*: server
	two links with one name|/900[34],/s/NULL/"lo"/|links.3.*: device
	two links that go one way|/9003,/s/127.0.2./127.0.1./g|links.2.*: device
	the same way, one of them on a device|/9003,/s/NULL, *"127.0.2.1", "127.0.2.2"/"lo", "127.0.1.1", "127.0.1.2"/|links.2.*: device
	a link with one address at both ends|/9003,/s/127.0.2.2/127.0.2.1/|links.2.*: client and server: both
	a client at 0.0.0.0|/9003,/s/127.0.2.1/0.0.0.0/|links.2.*: client: 0.0.0.0
	a server at a multicast address|/9003,/s/127.0.2.2/224.0.0.1/|links.2.*: server: 224.0.0.1
	a link inside the TUN network|s/192.168.50.1.32/127.0.2.9\/24/|links.2.*: client or server: .*clientaddr 127.0.2.9.24
	one TUN address at both ends|s/10.99.0.1.32/192.168.50.1\/32/|serveraddr: 192.168.50.1.32 is there twice
	a root directory that is /|s,/var/run/udpbond,/,|chrootdir: "/"
	a root directory in /tmp|s,/var/run/udpbond,/tmp/udpbond,|chrootdir: /tmp/ .* others
	memory of 2.4 GB|s/\(queuepkts *= \)4096/\11048576/|queuepkts, .*: 2[0-9]* MB, more than 1024
	a user beyond all numbers|s/\(runas *= \)[0-9]*/\1-1/|runas
	a negative weight|s/\(rttweight *= \)10/\1-10/|rttweight
	satpercent of 0|s/\(satpercent *= \)80/\10/|satpercent
	heartbeats each 0 ms|s/\(hbinterval *= \)100/\10/|hbinterval
	reorderpkts no power of 2|s/\(reorderpkts *= \)8192/\15000/|reorderpkts
	a port of all protocols|s/\("dns", *\)IPPROTO_UDP/\10/|traffic.0.: port: protocol 0 has none
	DSCP 64|/"call"/s/ 32,/ 64,/|traffic.4.: dscp: 64
	traffic of use for 61 s|/"udp"/s/250 /61000 /|traffic.5.: use: 61000
	two kinds of traffic with one name|/"udp"/s/"udp"/"dns"/|traffic.5.: name: "dns" is that of traffic.0.
	a network of the LAN with bits of a host|s,192.168.1.0/24,192.168.1.5/24,|lannets: 192.168.1.5/24: write 192.168.1.0/24
	a LAN around the address of the client|s,192.168.1.0/24,192.168.50.0/24,|lannets: 192.168.50.0/24 overlaps .*192.168.50.1/32
	a TUN address without a prefix|s/192.168.50.1.32/192.168.50.1/|clientaddr
	a key file that is missing|s/\(keyfile *= \)NULL/\1"\/no\/key"/|/no/key
	END
}

# a device that is missing is no mistake: it may come
missing()
{
	quickbuild "$LAB/bad" "$onlo"';/9003,/s/NULL/"nolink0"/' &&
	"$LAB/bad/udpbond" -t >"$LAB/bad/out" 2>&1
	status=$?
	cat "$LAB/bad/out"
	[ $status -eq 0 ] &&
	grep 'warning: links.2.*: device: there is no nolink0' "$LAB/bad/out" &&
	grep '0 to mend, 1 warnings' "$LAB/bad/out"
}

commandline()
{
	try '-v prints the version' version
	try 'wrong arguments print the usage' usages
	try '-k prints a new key' newkeys
	try '-k and -v tell when the disk is full' nospace
	try '-t is content with a good configuration' checked
	badconfigs
	try '-t warns of a device that is missing' missing
}

# part 2: the emulated links are what they are said to be

emulator()
{
	counted linkem "$SRC/test/linkem.sh"
}

# part 2: what is tried with every build

bothping()
{
	at router ping -q -c 5 -i 0.2 -W 2 10.99.0.1 &&
	at vps ping -q -c 5 -i 0.2 -W 2 192.168.50.1
}

# fetch NS HOST: a file from there, which must be what was served
fetch()
{
	at "$1" curl -sS -g -m 60 -o "$LAB/got" "http://$2/file" &&
	cmp "$LAB/got" "$LAB/www/file"
}

# upload: the file from the LAN, to a host that compares it
upload()
{
	at lan curl -sS -m 60 -H Expect: --data-binary "@$LAB/www/file" \
		http://203.0.113.1/cgi-bin/same | grep same
}

# iperf OPTION...: from the LAN to the internet
iperf()
{
	waitfor 5 iperffree inet
	at lan timeout 30 iperf3 -c 203.0.113.1 -f m "$@"
}

tcpflows()
{
	iperf -P 8 -t 2 && iperf -P 8 -t 2 -R
}

# udp [PERCENT]: 4 Mbit/s up, then down, at most 2 % lost, or as much as an
# emulated processor may need
udp()
{
	most=${1:-2}
	for dir in '' -R; do
		iperf -u -b 4M -l 1000 -t 1 ${dir:+"$dir"} >"$LAB/udp" ||
			return 1
		cat "$LAB/udp"
		sed -n 's/.*(\([0-9.e+-]*\)%) *receiver.*/\1/p' "$LAB/udp" |
			awk -v most="$most" '{ exit !($1 <= most) }' || return 1
	done
}

# larger than the TUN's MTU: in fragments, or refused with its size
large()
{
	at lan ping -q -c 3 -i 0.2 -W 2 -s 4000 203.0.113.1 || return 1
	at lan ping -c 2 -i 0.2 -W 2 -M 'do' -s 1440 203.0.113.1 \
		>"$LAB/large" 2>&1
	cat "$LAB/large"
	grep -E 'mtu ?= ?1[0-9]{3}' "$LAB/large"
}

# core LABEL
core()
{
	try "$1: both ends ping each other" bothping
	try "$1: a LAN host reaches the internet" reach
	try "$1: a file comes down unharmed" fetch lan 203.0.113.1
	try "$1: a file goes up unharmed" upload
	try "$1: eight TCP flows, both ways" tcpflows
	try "$1: UDP, both ways" udp
	try "$1: packets larger than the MTU" large
}

core6()
{
	try "$1: IPv6 inside, ping" at router ping -q -c 3 -i 0.2 -W 2 fd50::2
	try "$1: IPv6 inside, the other way" \
		at vps ping -q -c 3 -i 0.2 -W 2 fd50::1
	try "$1: IPv6 inside, a file" fetch router '[fd50::2]'
}

# part 2: asking the program

# linkis NUMBER STATE: as -l says
linkis()
{
	at router "$BOND/udpbond" -l | grep "^wg$1  *$2 "
}

isdown()
{
	linkis "$1" '\(DOWN\|probing\)'
}

notdown()
{
	linkis "$1" '\(up\|lossy\|stalled\|spare\)'
}

# lines FILE HEADER REGEX...: what comes with -m, all of it known
lines()
{
	file=$1
	shift
	{ IFS='|'; known="^($*)\$"; unset IFS; }
	grep -Ev "$known" "$file" && return 1
	for re; do
		grep -Em 1 "^$re\$" "$file" || return 1
	done
}

ip='\[?[0-9a-f.:]+\]?'
metrics="Link[0-9] \\($ip\\) - RTT: (-, BW: -, Score: -, DOWN|\
[0-9]+\\.[0-9]ms, BW: [0-9]+\\.[0-9]/[0-9]+\\.[0-9] Mbps \\([0-9]+%\\), \
Score: [0-9]+, (OK|SATURATED|LOSSY))"
statistics="$ip:[0-9]+ - Packets: [0-9]+, Bytes: [0-9]+, \
Last seq: [0-9]+, RTT: [0-9]+ms"
totals="Total - in order: [0-9]+, reordered: [0-9]+, late: [0-9]+, \
lost: [0-9]+, repaired: [0-9]+, duplicates: [0-9]+, ([A-Za-z ]+: [0-9]+, )*\
dropped: (none|[a-z ]+ [0-9]+(, [a-z ]+ [0-9]+)*)"
# what -l says
headline="udpbond [^ ]+, (client|server) of $ip"
since="session for [0-9]+ (min|h) [0-9]+ (s|min), [0-9] of [0-9] links up, \
[0-9.]+ Mbit/s up, [0-9.]+ down"
heading='link +state +Mbit/s +limit +in use +30 s ago +now'
history='[#.]+( [ _.:=+*#-]*)?'
uplink="wg[0-4] +[A-Za-z]+ +[0-9.]+ up +[0-9.]+ $history"
downlink=" (-|[0-9.]+ ms, [0-9.]+% lost) +[0-9.]+ down +[0-9.]+ $history"
sentby='[A-Za-z0-9._-]+ +sent by wg[0-4] [0-9]+%(, wg[0-4] [0-9]+%)*'
details='wg[0-4] - [a-z]+(, [a-z ]+: -?[0-9.]+( Mbps|ms|%))+'
offloads='Offload - TUN in: on, TUN out: on(, [A-Za-z_]+: on)+'
traffic='[A-Za-z0-9._-]+ wg[0-4]: [0-9]+(, wg[0-4]: [0-9]+)*'
queue='Queue - flows: [0-9]+(, [A-Za-z ]+: [0-9.]+(ms)?)+'

clientmetrics()
{
	waitfor 10 printed client '^Link4 ' 2 &&
	lines "$LAB/client.out" '=== Link Metrics ===' "$metrics" \
		"$totals"
}

# usr1 NAME HEADER: prints its metrics at once
usr1()
{
	before=$(grep -c "$2" "$LAB/$1.out")
	kill -USR1 "$(mypid "$1")"
	waitfor 2 printed "$1" "$2" "$((before + 1))"
}

# printed NAME LINE TIMES
printed()
{
	[ "$(grep -c "$2" "$LAB/$1.out")" -ge "$3" ]
}

serverstatistics()
{
	usr1 server '=== Link Statistics ===' &&
	lines "$LAB/server.out" '=== Link Statistics ===' "$statistics" \
		"$totals" &&
	[ "$(grep -c ' - Packets: ' "$LAB/server.out")" -ge 5 ]
}

status()
{
	for ns in router vps; do
		at $ns env LC_ALL=C "$BOND/udpbond" -l >"$LAB/status" &&
		lines "$LAB/status" "$headline" "$since" "$heading" "$uplink" \
			"$downlink" "$sentby" '' "$totals" "$details" "$queue" \
			"$offloads" '=== Traffic ===' "$traffic" || return 1
	done
}

# again: -l -m where there is no terminal, until the client ends
again()
{
	begin ask router "$BOND/udpbond" -l -m 1 >"$LAB/again"
	waitfor 5 grep -E '^wg4 +up( +[0-9.]+){4}$' "$LAB/again" &&
	not grep -Ev '^(wg[0-4] +[A-Za-z]+( +(-|[0-9.]+)){4})$' \
		"$LAB/again"
	status=$?
	stop ask
	return $status
}

# prometheus NS: the text format, with its conventions for names
prometheus()
{
	at "$1" "$BOND/udpbond" -p >"$LAB/prom" || return 1
	awk '
	function bad(why) { print why ": " $0; failed = 1 }
	/^# HELP udpbond_[a-z0-9_]+ [^ ]/ { help[$3] = 1; next }
	/^# TYPE udpbond_[a-z0-9_]+ (counter|gauge)$/ {
		if (!($3 in help)) bad("no help before")
		if ($3 in type) bad("type twice")
		if (($3 ~ /_total$/) != ($4 == "counter")) bad("type or name")
		type[$3] = $4
		next
	}
	/^udpbond_[a-z0-9_]+([{][a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*[}])? -?[0-9.e+-]+$/ {
		name = $0
		sub(/[{ ].*/, "", name)
		series = $0
		sub(/ [^ ]*$/, "", series)
		if (!(name in type)) bad("no type before")
		if (series in seen) bad("twice")
		seen[series] = 1
		if (/[{,]link="/) links++
		next
	}
	{ bad("no such line in the format") }
	END {
		if (links < 20) { print "few lines have a link"; failed = 1 }
		exit failed
	}' "$LAB/prom"
}

noroot()
{
	for opt in -l -p; do
		at router setpriv --reuid=65534 --regid=65534 --clear-groups \
			"$BOND/udpbond" $opt >"$LAB/status" 2>&1 && return 1
		cat "$LAB/status"
		grep 'needs root' "$LAB/status" &&
		not grep -E 'RTT|udpbond_' "$LAB/status" || return 1
	done
}

# a start without privileges ends with a reason
nostart()
{
	at vps timeout 5 setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$BOND/udpbond" -s >"$LAB/status" 2>&1
	status=$?
	cat "$LAB/status"
	[ $status -ne 0 ] && [ $status -ne 124 ] && [ -s "$LAB/status" ]
}

# badstart: a start with a bad configuration ends as -t does
badstart()
{
	quickbuild "$LAB/bad" '/9003,/s/9003/9002/' || return 1
	for opt in c s; do
		not at router timeout 5 "$LAB/bad/udpbond" -$opt \
			>"$LAB/bad/out" 2>&1 &&
		grep 'links.2.*: port' "$LAB/bad/out" || return 1
	done
}

noinstance()
{
	not at inet "$BOND/udpbond" -l >"$LAB/status" 2>&1 &&
	grep . "$LAB/status"
}

tundevice()
{
	at router ip addr show tun-bond | grep 'inet 192.168.50.1/32' &&
	at vps ip addr show tun-bond | grep 'inet 10.99.0.1/32' &&
	[ "$(at router cat /sys/class/net/tun-bond/mtu)" -eq 1379 ]
}

memory()
{
	echo "client $(rss client) kB, server $(rss server) kB"
	[ "$(rss client)" -lt 12288 ] && [ "$(rss server)" -lt 12288 ]
}

# part 2: the choice of links

idleping()
{
	pings lan 50 50 203.0.113.1 >"$LAB/pings"
	median=$(pingtimes <"$LAB/pings" | percentile 50)
	echo "median $median ms"
	echo "$median" | awk '{ exit !($1 > 15 && $1 < 30) }'
}

# onlybeats COMMAND...: 80 heartbeats a second, meanwhile, on wg1 to wg4; or it
# shows what both ends say, before and after
onlybeats()
{
	bothsay >"$LAB/said"
	begun=$(date +%s)
	before=$(starlinkpackets)
	"$@" || return 1
	pkts=$(($(starlinkpackets) - before))
	secs=$(($(date +%s) - begun))
	echo "$pkts packets on wg1-wg4 in $secs s"
	[ "$pkts" -lt $(((secs + 1) * 88)) ] && return
	bothsay | diff -U 99 "$LAB/said" -
	return 1
}

# bothsay: the rate of each link, what was sent by it, and why
bothsay()
{
	for ns in router vps; do
		at $ns "$BOND/udpbond" -l | sed "s/^/$ns: /" |
			grep -E 'wg[0-9] - |Queue|: [0-9]+, wg'
	done
}

# browsing: 60 kB, or 45 packets, ten times
browsing()
{
	for i in 1 2 3 4 5 6 7 8 9 10; do
		at lan curl -sS -m 10 -o "$LAB/got" -w "$i %{time_total} s\n" \
			http://203.0.113.1/60k || return 1
		sleep 0.4
	done
}

# stream: 600 packets in 5 s
stream()
{
	iperf -u -b 1M -l 1000 -t 5 -R
}

# flow RATE [-R]: one TCP flow of 8 s has that many Mbit/s at the end
flow()
{
	least=$1
	shift
	iperf -C cubic -t 8 "$@" --get-server-output >"$LAB/flow"
	cat "$LAB/flow"
	rates <"$LAB/flow" | tail -n 3 | mean 1 | awk -v least="$least" '
		{ print "mean", $1; exit !($1 >= least) }'
}

# download SECONDS: one TCP flow in the background, named load
download()
{
	waitfor 5 iperffree inet
	rm -f "$LAB/load.out"
	start load lan timeout 30 iperf3 -c 203.0.113.1 -C cubic -f m -t "$1" -R
}

# ping beside a download
busyping()
{
	download 8
	sleep 3
	pings lan 200 20 203.0.113.1 >"$LAB/pings"
	stop load
	p50=$(pingtimes <"$LAB/pings" | percentile 50)
	p90=$(pingtimes <"$LAB/pings" | percentile 90)
	echo "p50 $p50 ms, p90 $p90 ms"
	echo "$p50 $p90" | awk '{ exit !($1 < 40 && $2 < 60) }'
}

# ACKs replaced by newer ones, of a download of 2 s
ackmerges()
{
	merged >"$LAB/merged"
	iperf -t 2 -R >"$LAB/flow" && merged >>"$LAB/merged"
	tr '\n' ' ' <"$LAB/merged" | awk '
		{ print "ACKs merged:", $2 - $1; exit !($2 - $1 > 1000) }'
}

merged()
{
	at router "$BOND/udpbond" -l | sed -n 's/.*ACKs merged: \([0-9]*\).*/\1/p'
}

# part 2: trouble with links

# wg0 silent for 3 s, a ping each 10 ms
silentlink()
{
	start pings lan timeout 15 fping -c 700 -p 10 -t 2000 203.0.113.1
	sleep 1
	linkctl 'wg0 silent=1'
	waitfor 3 isdown 0
	down=$?
	sleep 2
	linkctl 'wg0 silent=0'
	sleep 5
	lost=$(lostinarow 700 <"$LAB/pings.out")
	rm "$LAB/pings.out"
	stop pings
	echo "down: $down, lost in a row: $lost"
	[ $down -eq 0 ] && [ "$lost" -lt 80 ] && waitfor 10 linkis 0 up &&
	waitfor 10 quickping
}

# a ping over wg0
quickping()
{
	at lan ping -c 1 -W 1 203.0.113.1 | grep -E 'time=[1-4][0-9]\.?[0-9]* '
}

# a file while 2 % are lost
lossyfile()
{
	starlink loss=2
	fetch lan 203.0.113.1
	status=$?
	starlink loss=0
	return $status
}

# silentdownload: two links fall silent and come back meanwhile
silentdownload()
{
	download 12
	sleep 2
	linkctl 'wg1 silent=1' 'wg2 silent=1'
	waitfor 4 isdown 1 && waitfor 4 isdown 2
	down=$?
	sleep 2
	linkctl 'wg1 silent=0' 'wg2 silent=0'
	waitfor 10 notdown 1 && waitfor 10 notdown 2
	back=$?
	wait "$(mypid load)"
	rm "$LAB/load.pid"
	rates <"$LAB/load.out" >"$LAB/rates"
	echo "down: $down, back: $back, Mbit/s:"
	cat "$LAB/rates"
	[ $down -eq 0 ] && [ $back -eq 0 ] || return 1
	# it never stands still for long, and goes on
	awk '{ if ($1 < 2) still++ } END { exit still > 3 }' "$LAB/rates" &&
	tail -n 2 "$LAB/rates" | mean 1 | awk '{ exit !($1 > 10) }'
}

# deletedlink NUMBER: its device goes, and comes again
deletedlink()
{
	linkctl "wg$1 down"
	waitfor 5 isdown "$1" && waitfor 5 reach || return 1
	sleep 1
	linkctl "wg$1 up"
	waitfor 15 notdown "$1" && reach
}

# part 2: ends that come and go

# restart NAME: ends well, starts again, and traffic flows
restart()
{
	stop "$1" || return 1
	sleep 1
	"$1" "$BOND" -m 1 && waitfor 30 reach
}

# a crash leaves no word to the peer, and its routes and rules
crashed()
{
	crash "$1"
	"$1" "$BOND" -m 1 && waitfor 30 reach
}

serversecond()
{
	untunnel
	client "$BOND" -m 1
	sleep 2
	server "$BOND" -m 1
	waitfor 30 reach
}

sighup()
{
	kill -HUP "$(mypid client)"
	sleep 0.5
	waitfor 5 reach && alive client
}

# the TUN follows a link
lowermtu()
{
	linkctl 'wg1 mtu=1300'
	kill -HUP "$(mypid client)" "$(mypid server)"
	waitfor 10 tunmtuis 1259 && waitfor 30 reach || return 1
	linkctl 'wg1 mtu=1420'
	kill -HUP "$(mypid client)" "$(mypid server)"
	waitfor 10 tunmtuis 1379 && waitfor 30 reach
}

tunmtuis()
{
	[ "$(at router cat /sys/class/net/tun-bond/mtu)" -eq "$1" ]
}

# both ends end with 0 and leave nothing
cleanend()
{
	stop client && stop server || return 1
	for ns in router vps; do
		at $ns ip link show tun-bond && return 1
		at $ns grep udpbond /proc/net/unix && return 1
		at $ns ip rule | grep -E '^(199|200):' && return 1
		at $ns ip route show table 200 2>/dev/null | grep . && return 1
		at $ns nft list tables | grep . && return 1
	done
	return 0
}

# a command that fails is reported, and traffic flows all the same
upfails()
{
	quickbuild "$LAB/upfails" '/^static const char \*clientup/a\
		"exit 3",' && fresh "$LAB/upfails" -m 0 &&
	grep 'exit 3' "$LAB/client.err"
}

# a router without nft has no filter, and says so
withoutnft()
{
	quickbuild "$LAB/nonft" '/clientup/,/clientdown/s/"nft/"nonft/' &&
	fresh "$LAB/nonft" -m 0 &&
	grep 'nonft .*failed with status 127' "$LAB/client.err" &&
	untunnel && norules
}

# a command that fails at the end, too, and further signals lose none
downfails()
{
	quickbuild "$LAB/downfails" '/^static const char \*clientdown/a\
		"exit 4", "sleep 1",' && fresh "$LAB/downfails" -m 0 || return 1
	pid=$(mypid client)
	for sig in INT INT TERM HUP USR1; do
		kill -s $sig "$pid"
		sleep 0.1
	done
	running "$pid"
	early=$?
	waitfor 3 ended "$pid"
	stop client && [ $early -eq 0 ] && grep 'exit 4' "$LAB/client.err" &&
	norules
}

# up commands that hang at the client, and down commands at the server
hangs()
{
	quickbuild "$LAB/hangs" '/clientlinkup/,/^};/s/^};/"sleep 300",\
		};/
		/serverdown/,/nft delete/s/.*nft delete.*/&\
		"sleep 300",/' && fresh "$LAB/hangs" -m 0 || return 1
	pid=$(mypid client) pid2=$(mypid server)
	kill "$pid" "$pid2"
	not waitfor 5 ended "$pid" || return 1
	waitfor 10 ended "$pid" && waitfor 5 ended "$pid2" &&
	stop client && stop server &&
	grep 'udpbond: commands: still running' "$LAB/client.err" &&
	grep 'down commands: still running' "$LAB/server.err" &&
	norules
}

# without its TUN device an end goes, with an error
deletedtun()
{
	fresh "$LAB/bond" -m 0 || return 1
	pid=$(mypid client)
	at router ip link del tun-bond
	waitfor 5 ended "$pid"
	stop client
	[ $? -eq 1 ] && grep 'device is gone' "$LAB/client.err" &&
	norules
}

# a key that others can read is none
openkey()
{
	chmod 644 "$LAB/key1"
	"$LAB/key/udpbond" -t >"$LAB/checked" 2>&1
	status=$?
	chmod 600 "$LAB/key1"
	[ $status -ne 0 ] && grep 'keyfile' "$LAB/checked"
}

# wrongkey: another one than the server's gets nowhere
wrongkey()
{
	untunnel
	quickbuild "$LAB/wrongkey" \
		"s|^\\(.*keyfile *= \\)NULL|\\1\"$LAB/key2\"|" || return 1
	server "$LAB/key" -m 0
	client "$LAB/wrongkey" -m 0
	not waitfor 4 reach
}

severaladdrs()
{
	fresh "$LAB/addrs" -m 0 || return 1
	for a in 192.168.50.1/32 192.168.51.1/30 fd00:50::1/64; do
		at router ip addr show tun-bond | grep "inet6* $a" || return 1
	done
}

# part 2: what takes no more

# oddly COMMAND...: prints a script that leaves both ends outputs which hold up
# neither packets nor the end
oddly()
{
	{
		echo '#!/bin/sh'
		"$@"
		echo 'exec "$@"'
	} >"$LAB/oddly"
	chmod 755 "$LAB/oddly"
	WRAP=$LAB/oddly fresh "$LAB/bond" -m 1 || return 1
	pings lan 30 100 203.0.113.1 >"$LAB/pings"
	cat "$LAB/pings"
	[ "$(pingtimes <"$LAB/pings" | wc -l)" -eq 30 ] && understood &&
	alive client && alive server && cleanend
}

brokenpipe()
{
	cat <<-'END'
	mkfifo "$0.$$"
	exec 3<>"$0.$$" >"$0.$$" 2>&1 3<&-
	END
}

# full from the start, so that its writer would wait
fullpipe()
{
	cat <<-'END'
	mkfifo "$0.$$"
	exec 1<>"$0.$$" 2>&1
	head -c 65536 /dev/zero
	END
}

# fullsockets NS [-R]: those of two links, for 2 s, during 40 Mbit/s that way
fullsockets()
{
	ns=$1
	shift
	waitfor 5 iperffree inet
	start load lan timeout 30 iperf3 -c 203.0.113.1 -u -b 40M -l 1200 \
		-t 8 "$@"
	sleep 1
	start pings lan timeout 15 fping -c 150 -p 20 -t 2000 203.0.113.1
	choke "$ns" wg1 wg2 && waitfor 4 socketfull "$ns"
	full=$?
	sleep 2
	unchoke "$ns" wg1 wg2
	wait "$(mypid pings)"
	stop load
	times=$(pingtimes <"$LAB/pings.out")
	rm "$LAB/pings.pid" "$LAB/pings.out" "$LAB/load.out"
	n=$(echo "$times" | grep -c .)
	p90=$(echo "$times" | percentile 90)
	echo "full: $full, pings: $n of 150, p90 $p90 ms"
	[ $full -eq 0 ] && [ "$n" -ge 145 ] && alive client && alive server &&
	echo "$p90" | awk '{ exit !($1 < 130) }' &&
	waitfor 10 noneisdown && fetch lan 203.0.113.1
}

# socketfull NS: what waits to be sent by wg1 (port 9002) or wg2 is as much as
# it may be
socketfull()
{
	at "$1" cat /proc/net/udp | awk -v most="$(printf %08X \
		"$(cat /proc/sys/net/core/wmem_default)")" '
		$2 $3 ~ /:232[AB]/ && substr($5, 1, 8) "" >= most "" { full = 1 }
		END { exit !full }'
}

# what was lost meanwhile leaves links lossy for a while
noneisdown()
{
	for i in 0 1 2 3 4; do
		notdown $i || return 1
	done
}

# part 2: hosts and users that are near, see flood.c

# sends NS SORT FROM TO COUNT [DEVICE]: so many packets of 100 bytes
sends()
{
	at "$1" "$LAB/flood" send "$2" "$3" "$4" $(($5 * 10)) 100 100 ${6:+"$6"}
}

# tuncount: packets into the router's TUN device and out of it
tuncount()
{
	at router cat /sys/class/net/tun-bond/statistics/tx_packets \
		/sys/class/net/tun-bond/statistics/rx_packets | tr '\n' ' '
}

# once RP_FILTER: what a LAN host sends to addresses that nobody has goes
# through the tunnel once, and no more than an answer for each comes
once()
{
	for ns in router vps; do
		at $ns sysctl -qw "net.ipv4.conf.all.rp_filter=$1"
	done
	reach
	status=$?
	before=$(tuncount)
	for to in 10.99.0.77 192.168.50.77; do
		sends lan ttl 192.168.1.100 $to 20
	done
	sleep 0.5
	for ns in router vps; do
		at $ns sysctl -qw net.ipv4.conf.all.rp_filter=0
	done
	echo "in and out before and after: $before $(tuncount)"
	[ $status -eq 0 ] && echo "$before $(tuncount)" |
		awk '{ exit !($3 - $1 <= 50 && $4 - $2 <= 50) }'
}

# the LAN is reached from beside the server by nobody
notforwarded()
{
	at inet ip route add 192.168.1.0/24 via 203.0.113.2
	at inet ping -q -c 2 -i 0.2 -W 1 192.168.1.100
	status=$?
	at inet ip route del 192.168.1.0/24
	[ $status -eq 1 ]
}

# the client sends what is not from the LAN, and inet would see it
foreignsource()
{
	at inet nft -f - <<-'END' || return 1
	table ip seen {
		chain in {
			type filter hook prerouting priority -300
			ip saddr { 10.200.0.1, 198.51.100.7 } counter
		}
	}
	END
	sends router udp 198.51.100.7 203.0.113.1 20 tun-bond
	sends router udp 10.200.0.1 203.0.113.1 20 tun-bond
	sleep 0.3
	at inet nft list table ip seen >"$LAB/seen"
	at inet nft delete table ip seen
	grep counter "$LAB/seen" && grep 'packets 0 ' "$LAB/seen"
}

# stray NS OTHER LAN-ADDRESS: what has no business in the tunnel does not come
# out of it, neither of a link nor of a network, nor to many
stray()
{
	start watch "$2" "$LAB/flood" watch tun-bond 192.0.2.1 192.0.2.2 1
	sleep 0.2
	while read -r sort from to; do
		sends "$1" "$sort" "$from" "$to" 2 tun-bond || return 1
	done <<-END
	advert fe80::1 ff02::1
	udp fe80::1 fd50::1
	udp fd50::2 fe80::1
	udp fd50::2 ff05::2
	udp 169.254.1.1 $3
	udp $3 169.254.1.1
	udp $3 224.0.0.251
	udp 224.0.0.251 $3
	udp $3 255.255.255.255
	udp 10.200.1.1 $3
	udp 10.200.1.2 $3
	udp $3 10.200.1.1
	udp $3 10.200.1.2
	END
	sleep 0.3
	stop watch
	cat "$LAB/watch.out"
	grep -c 'strange 0$' "$LAB/watch.out"
	status=$?
	rm -f "$LAB/watch.out"
	return "$status"
}

# the peer's advertisement makes no default route, whatever the tunnel carries
noadvert()
{
	for ns in router vps; do
		sends $ns advert fe80::1 ff02::1 2 tun-bond || return 1
	done
	sleep 0.3
	for ns in router vps; do
		at $ns ip -6 route >"$LAB/routes"
		cat "$LAB/routes"
		not grep 'proto ra' "$LAB/routes" || return 1
	done
}

# anybody says to the server that what it sent is too big; a ping that big
forgedmtu()
{
	for mtu in 1280 576 575 552 68; do
		at inet "$LAB/flood" send toobig 203.0.113.1 203.0.113.2 \
			100 $mtu 50 &&
		at lan ping -q -c 3 -i 0.2 -W 1 -M 'do' -s 1200 203.0.113.1 &&
		tunmtuis 1379
		status=$?
		[ $status -eq 0 ] || break
	done
	at vps ip route flush cache
	return "$status"
}

# with a key one that is true could be believed, but no less than IPv6 needs
forgedmtu6()
{
	at inet "$LAB/flood" send toobig 203.0.113.1 203.0.113.2 100 1280 50
	at lan ping -q -c 5 -i 0.2 -W 1 -s 1300 203.0.113.1
	at vps ip -6 addr show dev tun-bond >"$LAB/addrs6"
	at vps ip route flush cache
	cat "$LAB/addrs6"
	grep 'fd50::2/64' "$LAB/addrs6"
}

# a user of the router without privileges begins no session
nosteal()
{
	sessions=$(grep -c 'session: started' "$LAB/server.err")
	at router "$LAB/flood" steal 10.200.0.1 10.200.0.2 9001 1000 \
		>"$LAB/stolen" || return 1
	cat "$LAB/stolen"
	[ "$(cat "$LAB/stolen")" = 'answers 0' ] && reach &&
	[ "$(grep -c 'session: started' "$LAB/server.err")" -eq "$sessions" ]
}

# questions without end, of a user who may not ask, cost next to nothing
askers()
{
	before=$(cputime client)
	at router "$LAB/flood" ask udpbond/tun-bond 1500 || return 1
	after=$(cputime client)
	echo "CPU time: $before s before, $after s after"
	echo "$before $after" | awk '{ exit !($2 - $1 < 0.2) }' &&
		at router "$BOND/udpbond" -l >"$LAB/status"
}

# a LAN host has the address of the client on an IPv6 link, and says bye
forgedlink()
{
	told=$(grep -c 'peer has ended' "$LAB/server.err")
	at router sysctl -qw net.ipv6.conf.all.forwarding=1
	at router ip addr add fd00:1::1/64 dev lan0 nodad
	at lan ip addr add fd00:1::100/64 dev eth0 nodad
	at lan ip route add fd00:200::/32 via fd00:1::1
	at lan ping -q -c 1 -W 2 fd00:200:0::1
	status=$?
	sends lan bye fd00:200:0::1 fd00:200:0::2 5
	sleep 0.5
	at lan ip addr del fd00:1::100/64 dev eth0
	at router ip addr del fd00:1::1/64 dev lan0
	at router sysctl -qw net.ipv6.conf.all.forwarding=0
	[ $status -eq 0 ] &&
	[ "$(grep -c 'peer has ended' "$LAB/server.err")" -eq "$told" ]
}

# flooded: two links of 10 Mbit/s, an upload of 10 s, and in the middle for 5 s
# 9000 small UDP packets a second of another LAN host, to random ports
flooded()
{
	linkctl 'wg1 rate=10 delay=10'
	at lan ip addr add 192.168.1.101/24 dev eth0
	fresh "$LAB/two" -m 0 && waitfor 5 iperffree inet && sleep 1
	rm -f "$LAB/load.out"
	start load lan timeout 30 iperf3 -c 203.0.113.1 -C cubic -f m -t 10 \
		--get-server-output
	sleep 3
	start flood lan "$LAB/flood" send udp 192.168.1.101 203.0.113.1 \
		9000 200 5000
	pings lan 45 100 203.0.113.1 >"$LAB/pings"
	wait "$(mypid load)"
	rm "$LAB/load.pid"
	stop flood
	at lan ip addr del 192.168.1.101/24 dev eth0
	linkctl 'wg1 rate=70 delay=40'
	sed '1,/^Server output/d' "$LAB/load.out" | rates >"$LAB/rates"
	quiet=$(mean 2 3 <"$LAB/rates") noisy=$(mean 5 8 <"$LAB/rates")
	n=$(pingtimes <"$LAB/pings" | wc -l)
	p50=$(pingtimes <"$LAB/pings" | percentile 50)
	echo "pings: $n of 45, p50 $p50 ms; Mbit/s: $quiet without, $noisy with"
	echo "$n $p50 $quiet $noisy" |
		awk '{ exit !($1 >= 40 && $2 < 60 && $4 >= $3 / 4) }'
}

# part 2: a second site, with processes of its own on the same VPS

# twonets: lan2, router2 and two links
twonets()
{
	NETS="$NETS lan2 router2"
	for ns in lan2 router2; do
		ip netns add "$ns-$$" && at $ns ip link set lo up || return 1
	done
	ip link add eth0 netns lan2-$$ type veth peer name lan0 \
		netns router2-$$
	netaddr lan2 eth0 192.168.2.100/24
	netaddr router2 lan0 192.168.2.1/24
	at lan2 ip route add default via 192.168.2.1
	for i in 0 1; do
		ip link add st$i netns router2-$$ type veth peer name st$i \
			netns vps-$$
		netaddr router2 st$i 10.201.$i.1/24
		netaddr vps st$i 10.201.$i.2/24
	done
}

# linkup and linkdown, and where the LAN goes meanwhile

hookbuild()
{
	_dir=$1
	shift
	quickbuild "$LAB/$_dir" "s/LANDEV \"eth0\"/LANDEV \"lan0\"/
		/^static const char \\*clientlinkup/a\\
		\"echo \$STATE \$PEER >>$LAB/states\",
		/^static const char \\*clientlinkdown/a\\
		\"echo \$STATE >>$LAB/states\",
		$*"
}

# said LINE...: the last of what the hooks said
said()
{
	printf '%s\n' "$@" >"$LAB/wanted"
	tail -n $# "$LAB/states" | diff "$LAB/wanted" -
}

linkdown()
{
	said 'linkup 10.99.0.1/32' && stop server && waitfor 15 said linkdown &&
	at router ip rule >"$LAB/rules" && not grep '^200:' "$LAB/rules" &&
	grep '^201:.*unreachable' "$LAB/rules" &&
	not at lan ping -c 1 -W 2 203.0.113.1 >"$LAB/pings" &&
	grep -i unreachable "$LAB/pings"
}

linkagain()
{
	server "$LAB/hooked" -m 0
	waitfor 30 reach && said linkdown 'linkup 10.99.0.1/32'
}

linkend()
{
	stop client && said 'linkup 10.99.0.1/32' linkdown && norules
}

# six PING-OPTION...: from the LAN to the internet, by IPv6
six()
{
	at lan ping -6 -W 2 "$@" 2001:db8:9::1 >"$LAB/pings" 2>&1
}

blocked()
{
	fresh "$LAB/hooked" -m 0 && not six -c 1 &&
	grep -i unreachable "$LAB/pings" && reach
}

carried()
{
	fresh "$LAB/six" -m 0 && waitfor 5 six -c 1 && six -c 3 &&
	at vps nft list table inet tun-bond | grep 'ip6 saddr @lan6.*masq' &&
	grep ' 0% packet loss' "$LAB/pings"
}

hooked()
{
	try 'hooks: they build' hookbuild hooked \
		'/^#define OFFLINE/s/lookup main/unreachable/'
	try 'hooks: the tunnel comes up' fresh "$LAB/hooked" -m 0
	try 'hooks: without a server the LAN is told that there is no way' \
		linkdown
	try 'hooks: the server is back, and so is the LAN' linkagain
	try 'hooks: at the end linkdown is run, no rule is left' linkend
	netaddr6 lan eth0 2001:db8:1::100/64
	netaddr6 router lan0 2001:db8:1::1/64
	netaddr6 vps eth0 2001:db8:9::2/64
	netaddr6 inet eth0 2001:db8:9::1/64
	at lan ip -6 route add default via 2001:db8:1::1
	at router sysctl -qw net.ipv6.conf.all.forwarding=1
	try 'IPv6 of the LAN is unreachable while a link is up' blocked
	try 'IPv6 in the tunnel: it builds' hookbuild six \
		's|50.1/32"|50.1/32 fd75:6462::1/128"|
		s|99.0.1/32"|99.0.1/32 fd75:6462::2/128"|'
	try 'IPv6 of the LAN is carried' carried
	untunnel
	for ns in lan vps inet; do
		at $ns ip -6 addr flush dev eth0 scope global
	done
	at router ip -6 addr flush dev lan0 scope global
}

netaddr6()
{
	at "$1" ip addr add "$3" dev "$2" nodad
}

# what README says of a second site
buildsite2()
{
	newkey "$LAB/keysite" && quickbuild "$LAB/site2" "
		s|^\\(.*keyfile *= \\)NULL|\\1\"$LAB/keysite\"|
		s/192\.168\.1\.0/192.168.2.0/; s/\"tun-bond\"/\"tun-bond2\"/
		s/192\.168\.50\.1/192.168.50.2/; s/10\.99\.0\.1/10.99.0.2/
		s/2000000000/2000000001/; /\"wg[2-4]\"/d
		s/\"wg/\"st/; s/\"10\.200/\"10.201/g; s/900\([12]\)/910\1/"
}

# server2: the second site's
server2()
{
	start server2 vps "$LAB/site2/udpbond" -s -m 0
}

reach2()
{
	at lan2 ping -q -c 1 -W 1 203.0.113.1
}

bothsites()
{
	server2
	start client2 router2 "$LAB/site2/udpbond" -c -m 0
	waitfor 30 reach2 && reach
}

# a file to either LAN at once
fetchboth()
{
	start fetch2 lan2 curl -sS -m 60 -o "$LAB/got2" \
		http://203.0.113.1/file
	fetch lan 203.0.113.1
	status=$?
	wait "$(mypid fetch2)" && rm "$LAB/fetch2.pid" &&
	cmp "$LAB/got2" "$LAB/www/file" && [ $status -eq 0 ]
}

# says DIR NS MINE OTHERS: -l and -p say something of those links only
says()
{
	at "$2" "$1/udpbond" -l >"$LAB/status" &&
	at "$2" "$1/udpbond" -p >>"$LAB/status" &&
	grep "$3" "$LAB/status" && not grep "$4" "$LAB/status"
}

ownsays()
{
	one='10\.200\.\|link="wg' two='10\.201\.\|link="st'
	says "$LAB/bond" router "$one" "$two" &&
	says "$LAB/bond" vps "$one" "$two" &&
	says "$LAB/site2" router2 "$two" "$one" &&
	says "$LAB/site2" vps "$two" "$one"
}

# twice: a second process with a configuration in use says so, and leaves the
# first one's device, table and routes
twice()
{
	site1 >"$LAB/before"
	not at vps timeout 10 "$LAB/bond/udpbond" -s >"$LAB/second" 2>&1 &&
	cat "$LAB/second" &&
	grep 'cannot make tun-bond (already there' "$LAB/second" &&
	site1 | diff "$LAB/before" - && reach
}

# site1: what the commands of the first site's server have set up
site1()
{
	at vps nft list table inet tun-bond
	at vps ip route show dev tun-bond
}

# apart HOW: the other site's server ends, and the LAN pings meanwhile
apart()
{
	site1 >"$LAB/before"
	grep masquerade "$LAB/before" && waitfor 30 reach2 || return 1
	start pings lan fping -c 40 -p 100 -t 2000 203.0.113.1
	sleep 1
	"$1" server2
	wait "$(mypid pings)"
	rm "$LAB/pings.pid"
	row=$(lostinarow 40 <"$LAB/pings.out")
	rm "$LAB/pings.out"
	echo "lost in a row: $row"
	[ "$row" -le 5 ] && not reach2 && site1 | diff "$LAB/before" -
}

twosites()
{
	try 'two sites: the first one comes up' fresh "$LAB/bond" -m 0
	try 'two sites: another LAN and router' twonets
	try 'two sites: the second one builds' buildsite2
	try 'two sites: both come up' bothsites
	try 'two sites: a file to either LAN at once' fetchboth
	try 'two sites: -l and -p say of each its own' ownsays
	try 'two sites: no LAN reaches the other' \
		not at lan2 ping -q -c 2 -i 0.2 -W 1 192.168.1.100
	try 'the same site twice is refused, the first goes on' twice
	try 'two sites: one server ends, the other goes on' apart stop
	server2
	try 'two sites: one server crashes, the other goes on' apart crash
	server2
	try 'two sites: the second one comes back' waitfor 30 reach2
	stop client2
	stop server2
}

# part 2: the labs

# fresh DIR [OPTION...]: a new tunnel, from that build, with empty logs
fresh()
{
	BOND=$1
	untunnel
	rm -f "$LAB"/client.out "$LAB"/client.err \
		"$LAB"/server.out "$LAB"/server.err
	tunnel "$@"
}

withlinks4()
{
	stop linkem
	fivelinks
}

withlinks6()
{
	stop linkem
	all=queue=100,over=80,mtu=1420
	links "$(link6 0),rate=10,delay=10,$all" \
		"$(link6 1),rate=70,delay=40,$all" \
		"$(link6 2),rate=70,delay=40,$all" \
		"$(link6 3),rate=70,delay=40,$all" \
		"$(link6 4),rate=70,delay=40,$all"
}

# two addresses on each TUN
inside6='s|"192.168.50.1/32"|"192.168.50.1/32 fd50::1/64"|
	s|"10.99.0.1/32"|"10.99.0.1/32 fd50::2/64"|'

# sanitizers and valgrind need /proc, and more system calls
unconfined='/^static const int \(runas\|seccomp\)/s/= [0-9]*/= 0/
	s|"/var/run/udpbond"|NULL|'

# the links are IPv6 ones
outside6='s/"10\.200\.\([0-9]\)\.\([12]\)"/"fd00:200:\1::\2"/g'

# the configuration as it stands, and nothing set by hand
defaults()
{
	try 'the tunnel comes up' fresh "$LAB/bond" -m 1
	try 'the TUN devices have their addresses and MTU' tundevice
	try 'memory at rest is below 12 MB' memory
	core defaults
	try 'a ping takes the quickest link' idleping
	try 'idle: nothing but heartbeats on wg1-wg4' onlybeats sleep 3
	try 'browsing: nothing but heartbeats on wg1-wg4' onlybeats browsing
	try '1 Mbit/s: nothing but heartbeats on wg1-wg4' onlybeats stream
	try 'one TCP download takes all links' flow 100 -R
	try 'one TCP upload takes all links' flow 100
	try 'a ping beside a download stays quick' busyping
	try 'ACKs of a download are merged' ackmerges
	if at lan sysctl -qw net.ipv4.tcp_ecn=3 2>"$LAB/log" &&
		at inet sysctl -qw net.ipv4.tcp_ecn=3; then
		try 'ACKs of a download with AccECN are merged' ackmerges
		at lan sysctl -qw net.ipv4.tcp_ecn=2
		at inet sysctl -qw net.ipv4.tcp_ecn=2
	else
		skip 'AccECN: this kernel has none'
	fi
}

# a system call for each packet
calls()
{
	try 'calls: without offloads it builds' build "$LAB/calls" \
		'/^static const int \(tunsegment\|udpsegment\|udpgro\)/s/1/0/'
	try 'calls: the tunnel comes up' fresh "$LAB/calls" -m 0
	try 'calls: -l says that all are off' offloadsare off off off off
	core calls
	try 'calls: one TCP download takes all links' flow 100 -R
	try 'calls: two links die during a download' silentdownload
	try 'calls: the server is restarted' restart server
	try 'calls: the client crashes' crashed client
}

# each offload off by itself
offloads()
{
	onecall tunsegment off off on on
	onecall udpsegment on on off on
	onecall udpgro on on on off
}

# onecall SWITCH STATE...: without one of them
onecall()
{
	switch=$1
	shift
	try "without $switch: it builds" build "$LAB/calls" \
		"/^static const int $switch/s/1/0/"
	try "without $switch: the tunnel comes up" fresh "$LAB/calls" -m 0
	try "without $switch: -l says so" offloadsare "$@"
	try "without $switch: a file comes down" fetch lan 203.0.113.1
	try "without $switch: a file goes up" upload
	try "without $switch: eight TCP flows, both ways" tcpflows
}

# offloadsare STATE...: of TUN in, TUN out, UDP_SEGMENT, UDP_GRO
offloadsare()
{
	words="Offload - TUN in: $1, TUN out: $2, UDP_SEGMENT: $3, UDP_GRO: $4"
	at vps "$BOND/udpbond" -l | grep -x "$words"
}

# what the kernel knows of both workers: the user, no other groups, three
# capabilities (net_admin, net_raw and net_bind_service), no new privileges, a
# filter, an empty root
isconfined()
{
	for end in client server; do
		pid=$(worker $end)
		grep -E '^(Uid|Gid|Groups|CapPrm|CapEff|NoNew|Seccomp):' \
			"/proc/$pid/status"
		[ "$(awk '/^(Uid|Gid):/ { print $2, $3, $4, $5 }
			/^Groups:/ { print NF }
			/^(CapPrm|CapEff):/ { print $2 }
			/^(NoNewPrivs|Seccomp):/ { print $2 }' \
			"/proc/$pid/status" | tr '\n' ' ')" = "$1" ] &&
		[ -z "$(ls -A "/proc/$pid/root")" ] || return 1
	done
}

# the parents, and without confinement the workers, are processes of root
asroot()
{
	for pid; do
		for what in Uid Gid Seccomp; do
			[ "$(grep "^$what:" "/proc/$pid/status")" = \
				"$(grep "^$what:" /proc/self/status)" ] ||
				return 1
		done
		[ "$(stat -L -c %i "/proc/$pid/root")" = \
			"$(stat -L -c %i /)" ] || return 1
	done
}

# The numbers are those of before, so what is not in the filter by one of these
# names is missed.
othernames()
{
	cat >"$LAB/calls.h" <<-'END'
	#include <sys/syscall.h>
	#ifdef __NR_clock_gettime
	#define __NR_clock_gettime32 SYS_clock_gettime
	enum { SYS_clock_gettime_ = __NR_clock_gettime };
	#undef SYS_clock_gettime
	#define SYS_clock_gettime SYS_clock_gettime_
	#undef __NR_clock_gettime
	#endif
	END
	quickbuild "$LAB/named" '' CC="${CC:-cc} -include $LAB/calls.h" &&
	fresh "$LAB/named" -m 1 && cleanend
}

confinedlines()
{
	"$1/udpbond" -t >"$LAB/checked" 2>/dev/null
	grep -A 5 'confined' "$LAB/checked"
	shift
	for line; do
		grep -xE "  $line" "$LAB/checked" || return 1
	done
}

# the client's down commands were run
norules()
{
	at router ip rule >"$LAB/rules"
	not grep -E '^(199|200|201):' "$LAB/rules"
}

# without its parent the worker ends well; nobody runs the down commands
parentkilled()
{
	told=$(grep -c 'peer has ended' "$LAB/server.err")
	pid=$(worker client)
	stop client KILL
	waitfor 1 ended "$pid" && tail -n 1 "$LAB/client.err" | grep stopping &&
	sleep 0.2 && # till the server hears
	[ "$(grep -c 'peer has ended' "$LAB/server.err")" -gt "$told" ] &&
	not at router ip link show tun-bond && at router ip rule | grep '^200:' &&
	client "$BOND" -m 1 && waitfor 30 reach
}

# another process of the worker's user has it wait for no packets: it tells the
# peer and ends with status 1, the down commands are run
workerlimited()
{
	told=$(grep -c 'peer has ended' "$LAB/server.err")
	pid=$(mypid client)
	setpriv --reuid="$id" --regid="$id" --clear-groups \
		prlimit --pid "$(worker client)" --nofile=3:3 || return 1
	waitfor 3 ended "$pid"
	stop client
	[ $? -eq 1 ] && grep 'ppoll: Invalid argument' "$LAB/client.err" &&
	[ "$(grep -c 'peer has ended' "$LAB/server.err")" -gt "$told" ] &&
	norules &&
	client "$BOND" -m 1 && waitfor 30 reach
}

# without its worker the parent runs the down commands, and says so
workerkilled()
{
	pid=$(mypid client)
	kill -KILL "$(worker client)"
	waitfor 3 ended "$pid"
	stop client
	[ $? -eq 1 ] && grep 'killed by signal 9' "$LAB/client.err" &&
	not at router ip link show tun-bond &&
	norules &&
	client "$BOND" -m 1 && waitfor 30 reach
}

# badroot WHAT: that is no root directory
badroot()
{
	quickbuild "$LAB/full" "s|/var/run/udpbond|$LAB/root|
		/serverup/,\$s/^	\".*/	\":\",/" &&
	not at inet timeout 5 "$LAB/full/udpbond" -s >"$LAB/status" 2>&1 &&
	grep "chrootdir.*$1" "$LAB/status"
}

badroots()
{
	echo >"$LAB/root"
	badroot 'Not a directory' || return 1
	rm "$LAB/root"
	mkdir "$LAB/root"
	chmod 777 "$LAB/root"
	badroot 'may write' || return 1
	chmod 755 "$LAB/root"
	echo >"$LAB/root/file"
	badroot 'empty'
}

confined()
{
	bits=3400
	id=2000000000
	ids="$id $id $id $id"
	kept='capabilities: net_admin net_raw net_bind_service'
	try 'confined: the tunnel comes up' fresh "$LAB/bond" -m 1
	try 'no user, files, privileges, or system calls more than needed' \
		isconfined "$ids $ids 1 000000000000$bits 000000000000$bits 1 2 "
	try '-t says how it is confined' confinedlines "$BOND" \
		"user and group: $id" 'root directory: /var/run/udpbond' \
		"$kept" 'new privileges: none' 'system calls: [0-9]+'
	try 'confined: SIGHUP opens the links anew' sighup
	try 'confined: the MTU of a link is lowered' lowermtu
	try 'confined: a device is deleted and made again' deletedlink 2
	try 'confined: the parents are processes of root' asroot \
		"$(mypid client)" "$(mypid server)"
	try 'confined: the parent is killed, the worker ends well' parentkilled
	try 'confined: the worker is killed, the down commands are run' \
		workerkilled
	have prlimit 'confined: the worker may open no files, a clean end' \
		workerlimited
	try 'confined: a clean end leaves nothing behind' cleanend
	try 'confined: a root directory must be empty, and only for root' \
		badroots
	try "confined: with the names that a 32-bit musl has for calls" \
		othernames
	try 'not confined: it builds' quickbuild "$LAB/free" "$unconfined"
	try 'not confined: the tunnel comes up' fresh "$LAB/free" -m 1
	try 'not confined: processes of root as others' asroot \
		"$(worker client)" "$(worker server)"
	try 'not confined: -t says so' confinedlines "$BOND" 'user: off' \
		'root directory: off' "$kept" 'new privileges: none' \
		'system calls: off'
	try 'not confined: a clean end leaves nothing behind' cleanend
}

asking()
{
	try 'asking: the tunnel comes up' fresh "$LAB/bond" -m 1
	try 'client metrics each second, every line known' clientmetrics
	try 'server statistics on SIGUSR1, every line known' serverstatistics
	try 'SIGUSR1 prints metrics at once' usr1 client '=== Link Metrics'
	try '-l asks both ends' status
	try '-l -m asks again and again' again
	try '-p asks the client' prometheus router
	try '-p asks the server' prometheus vps
	try '-l and -p are refused to others than root' noroot
	try '-l without an instance says so' noinstance
	try 'a start without root says why not' nostart
	try 'a start with a bad configuration is refused' badstart
}

trouble()
{
	try 'trouble: the tunnel comes up' fresh "$LAB/bond" -m 1
	try 'the first link dies silently and comes back' silentlink
	try 'two links die during a download and come back' silentdownload
	try '2 % lost on wg1-wg4: a file comes down unharmed' lossyfile
	try 'the device of wg0 is deleted and made again' deletedlink 0
	try 'the device of wg3 is deleted and made again' deletedlink 3
	try 'SIGHUP opens the links anew' sighup
}

ends()
{
	try 'ends: the tunnel comes up' fresh "$LAB/bond" -m 1
	try 'the server is restarted' restart server
	try 'the client is restarted' restart client
	try 'the server crashes' crashed server
	try 'the client crashes' crashed client
	try 'the server starts second' serversecond
	try 'a clean end leaves nothing behind' cleanend
	try 'the TUN device is deleted: status 1, the down commands are run' \
		deletedtun
	try 'an up command that fails is reported' upfails
	try 'a router without nft' withoutnft
	try 'a down command that fails, and signals meanwhile' downfails
	try 'commands that hang: the end is 10 s late' hangs
	try 'several addresses: it builds' quickbuild "$LAB/addrs" \
		's|"192.168.50.1/32"|"192.168.50.1/32 192.168.51.1/30 fd00:50::1/64"|'
	try 'several addresses: the TUN device has all of them' severaladdrs
}

odd()
{
	try 'stdout and stderr go to a full disk' \
		oddly echo 'exec >/dev/full 2>&1'
	try 'stdin, stdout and stderr are closed' \
		oddly echo 'exec <&- >&- 2>&-'
	try 'stdout and stderr are a pipe whose reader is gone' \
		oddly brokenpipe
	try 'stdout and stderr are a pipe that nobody reads' \
		oddly fullpipe
}

full()
{
	try 'full sockets: the tunnel comes up' fresh "$LAB/bond" -m 0
	try 'the sockets of two links are full at the server' \
		fullsockets vps -R
	try 'the sockets of two links are full at the client' \
		fullsockets router
}

sealed()
{
	try 'key: it builds' build "$LAB/key" "$inside6
		s|^\\(.*keyfile *= \\)NULL|\\1\"$LAB/key1\"|"
	newkey "$LAB/key1"
	newkey "$LAB/key2"
	try 'key: the tunnel comes up' fresh "$LAB/key" -m 0
	core key
	core6 key
	try 'key: a forged MTU leaves IPv6 addresses alone' forgedmtu6
	try 'key: the server is restarted' restart server
	try 'key: a file that others can read is refused' openkey
	try 'key: a wrong key gets nowhere' wrongkey
}

neighbours()
{
	try 'neighbours: the tunnel comes up' fresh "$LAB/bond" -m 0
	for i in 0 1 2; do
		try "rp_filter $i: no packet goes through the tunnel twice" \
			once $i
	done
	try 'the LAN is not reached from beside the server' notforwarded
	try 'only what is from the LAN leaves the server' foreignsource
	try 'the client sends nothing stray' stray router vps 192.168.1.100
	try 'the server sends nothing stray' stray vps router 192.168.1.100
	try 'an advertisement of the peer makes no route' noadvert
	try 'ICMP of anybody changes no MTU' forgedmtu
	try 'a user of the router begins no session' nosteal
	try 'a user of the router asks without end' askers
	try 'flood: it builds' build "$LAB/two" \
		'/"wg[2-4]"/d; s/2,  *70, 70 }/1, 10, 10 }/'
	try 'flood: another LAN host pings and sends' flooded
}

# a hostile host on the way of a bond, in namespaces of its own
hostile()
{
	counted hostile "$SRC/test/hostile.sh"
}

# devices that come and go, mistakes that -t finds, and one who has all that was
# sent and sends it again: at once, as they wait most of the time
strangers()
{
	beside found
	beside middle twoclients renewals secrecy
	beside doctor
	beside newcomer 20 key
	beside mistakes
}

# beside NAME [ARG...]: a script with namespaces of its own runs beside the
# other sections
beside()
{
	_name=$1
	shift
	echo "$*" >"$LAB/$_name.args"
	"$SRC/test/$_name.sh" "$@" >"$LAB/$_name.out" 2>&1 &
	echo $! >"$LAB/$_name.beside"
}

# besideend: one that failed runs once more when the others have ended: the
# machine may have been too busy for what it has to see in time
besideend()
{
	again=''
	for file in "$LAB"/*.beside; do
		[ -f "$file" ] || continue
		name=${file##*/} name=${name%.beside}
		wait "$(cat "$file")"
		status=$?
		rm "$file"
		if [ $status -eq 0 ]; then
			counted "$name" replayed 0 "$LAB/$name.out"
		else
			sed -n "s/^not ok/# $name, beside others: &/p" \
				"$LAB/$name.out"
			again="$again $name"
		fi
	done
	for name in $again; do
		# shellcheck disable=SC2046
		counted "$name" "$SRC/test/$name.sh" $(cat "$LAB/$name.args")
	done
}

# replayed STATUS FILE: what a command said, with its status
replayed()
{
	cat "$2"
	return "$1"
}

# The kernel's header for superpackets is in the machine's own byte order,
# which qemu-user does not turn, so the alien does without.
interop()
{
	newkey "$LAB/keyi"
	key="s|^\\(.*keyfile *= \\)NULL|\\1\"$LAB/keyi\"|"
	alien mips mips-linux-gnu-gcc 'big-endian, 32 bits'
	alien s390x s390x-linux-gnu-gcc 'big-endian, 64 bits'
	alien arm arm-linux-gnueabi-gcc 'little-endian, 32 bits'
}

# alien MACHINE COMPILER WHAT: a server of another kind, and a native client
alien()
{
	if ! command -v "$2" >/dev/null || ! command -v "qemu-$1-static" >/dev/null
	then
		skip "interop: no $2 and qemu-$1-static"
		return
	fi
	kind="interop: $1 ($3)"
	untunnel
	try "$kind: it builds" build "$LAB/alien" "$key;
		/^static const int \\(tunsegment\\|udpsegment\\|udpgro\\)/s/1/0/" \
		CC="$2" CFLAGS='-std=c99 -O2' LDFLAGS=-static
	try "$kind: a native client builds" build "$LAB/native" "$key"
	WRAP="qemu-$1-static" server "$LAB/alien" -m 0
	BOND=$LAB/native
	client "$BOND" -m 0
	try "$kind: the tunnel comes up" waitfor 30 reach
	try "$kind: a file comes down" fetch lan 203.0.113.1
	try "$kind: a file goes up" upload
	try "$kind: UDP both ways" udp 50
	try "$kind: the client crashes" crashed client
	try "$kind: each understood all" understood
	untunnel
}

# no datagram was dropped for what is in it
understood()
{
	# after a crash the name is free again a moment later
	waitfor 5 at router "$BOND/udpbond" -l
	for ns in router vps; do
		at $ns "$BOND/udpbond" -l | grep '^Total'
	done >"$LAB/status"
	cat "$LAB/status"
	[ "$(grep -c . "$LAB/status")" -eq 2 ] &&
	not grep -E 'dropped:.*(malformed|short|version|address|replay|window)' \
		"$LAB/status"
}

ipv6links()
{
	try 'IPv6 links: it builds' build "$LAB/six" "$inside6;$outside6"
	untunnel
	withlinks6
	try 'IPv6 links: the tunnel comes up' fresh "$LAB/six" -m 1
	core 'IPv6 links'
	core6 'IPv6 links'
	try 'IPv6 links: a LAN host has not the address of one' forgedlink
	try 'IPv6 links: metrics, every line known' clientmetrics
	untunnel
	withlinks4
}

sanitized()
{
	try 'ASan, UBSan: it builds' \
		build "$LAB/san" "$inside6;$unconfined" CFLAGS="$sanitize" \
		LDFLAGS=
	try 'ASan, UBSan: the tunnel comes up' fresh "$LAB/san" -m 1
	core 'ASan, UBSan'
	core6 'ASan, UBSan'
	try 'ASan, UBSan: a link dies silently' silentlink
	try 'ASan, UBSan: the server is restarted' restart server
	try 'ASan, UBSan: a clean end' cleanend
	try 'ASan, UBSan: nothing reported' \
		nosanitizer "$LAB/client.err" "$LAB/server.err"
}

# some seconds of traffic
valgrindrun()
{
	WRAP='valgrind -q --error-exitcode=99 --leak-check=full' \
		fresh "$LAB/val" -m 1 &&
	fetch lan 203.0.113.1 && udp 50 && stop client && stop server &&
	not grep '^==' "$LAB/client.err" "$LAB/server.err"
}

valgrinded()
{
	build "$LAB/val" "$unconfined" CFLAGS='-std=c99 -g -O1' LDFLAGS=
	have valgrind 'valgrind: nothing reported' valgrindrun
}

# what all of part 2 needs
lab()
{
	need ip iproute2 tc iproute2 nft nftables iperf3 iperf3 curl curl \
		fping fping ping iputils-ping sysctl procps busybox busybox
	buildlinkem && buildflood || exit 1
	labnets
	mkdir "$LAB/www"
	head -c 8000000 /dev/urandom >"$LAB/www/file"
	mkdir "$LAB/www/cgi-bin"
	cat >"$LAB/www/cgi-bin/same" <<-'END'
	#!/bin/sh
	printf 'Content-Type: text/plain\r\n\r\n'
	cmp - ../file && echo same
	END
	chmod 755 "$LAB/www/cgi-bin/same"
	head -c 60000 /dev/urandom >"$LAB/www/60k"
	for ns in lan vps inet; do
		start httpd$ns $ns busybox httpd -f -p 80 -h "$LAB/www"
	done
	start iperf inet iperf3 -s
	fivelinks || exit 1
}

# section NAME: those of part 2 make the lab when they are the first
section()
{
	case " $part1 " in
	*" $1 "*)
		"$1"
		return ;;
	esac
	if [ "$(id -u)" -ne 0 ]; then
		skip "$1: needs root, for network namespaces"
		return
	fi
	[ -d "$LAB/www" ] || lab
	"$1"
}

# sections NAME...
sections()
{
	case " $* " in
	*' simulation '*)
		simbegin ;;
	esac
	for section; do
		section "$section"
	done
	besideend
}

# lane NAME SECTION...: this script once more, beside part 1
lane()
{
	_name=$1
	shift
	./test.sh "$@" >"$LAB/$_name.out" 2>&1 &
	echo $! >"$LAB/$_name.lane"
}

# laneend NAME: its lines and counts
laneend()
{
	wait "$(cat "$LAB/$1.lane")"
	rm "$LAB/$1.lane"
	end='\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped'
	sed "/^$end\$/d" "$LAB/$1.out"
	counts=$(sed -n "s/^$end\$/\1 \2 \3/p" "$LAB/$1.out")
	try "$1: it came to its end" [ -n "$counts" ]
	# shellcheck disable=SC2086
	set -- ${counts:-0 0 0}
	passed=$((passed + $1)) failed=$((failed + $2))
	skipped=$((skipped + $3))
}

# all of them; part 1 gives way to the lanes, as it waits for nothing
# shellcheck disable=SC2086
all()
{
	if [ "$(id -u)" -ne 0 ]; then
		sections $part1 $part2
		return
	fi
	lane lane1 $lane1
	lane lane2 $lane2
	renice 5 $$ >/dev/null
	sections $part1
	renice 0 $$ >/dev/null
	laneend lane1
	laneend lane2
	sections $quiet
}

for name; do
	case " $part1 $part2 " in
	*" $name "*)
		;;
	*)
		echo "usage: $0 [section...], of $part1 $part2" >&2
		exit 1 ;;
	esac
done
need cc gcc make make
labopen
SRC=$LAB/src
BOND=$LAB/bond
mkdir "$SRC"
# shellcheck disable=SC2086
cp -R $source "$SRC"
cp config.def.h "$SRC/config.h"
build "$BOND" || exit 1
if [ $# -gt 0 ]; then
	sections "$@"
else
	all
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
