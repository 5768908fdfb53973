#!/bin/sh
# See LICENSE file for copyright and license details.
#
# Shows udpbond at work on one machine, in a minute: client and server, five
# emulated links between them, and a host behind each end. See lab.sh.
# On a terminal it is a picture that moves, elsewhere lines of text. The figures
# at the end are those of this run; one that is not as it should be makes the
# exit status 1.

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/lab.sh disable=SC1091
. test/lab.sh

PINGEVERY=5             # 1/100 s between two pings of the game
STRIP=120               # pings in the picture, two a character
LATE=20                 # pings later, one without an answer counts as lost
NONE=9999               # ms, of no answer at all
BONDLINES=18            # for what udpbond -l says
NAPS=0.4                # s between two pictures
ADSL=20                 # ms there and back
STARLINK=70             # Mbit/s

live=false
failed=0
step=0
gamestart=
gameend=0

# time and figures

# clock: 1/100 s
clock()
{
	read -r _up _ </proc/uptime
	echo "${_up%.*}${_up#*.}"
}

# sent: the number of the game's next ping
sent()
{
	_now=$(clock)
	[ "$gameend" -eq 0 ] || _now=$gameend
	echo $(((_now - ${gamestart:-$_now}) / PINGEVERY))
}

# gamestat FROM TO LATE: of these pings "now median worst lost count quick
# strip": ms, ms, ms; quick is the first that took the quickest link's way; LATE
# of the newest may have no answer yet
gamestat()
{
	awk -F '[][ ,]+' -v from="$1" -v to="$2" -v late="$3" \
		-v strip="$STRIP" -v levels="$levels" -v adsl="$ADSL" \
		-v none="$NONE" '
		$5 == "bytes" {
			rtt[$3 + 0] = $6
		}
		# sign N: for ping N and the next
		function sign(n,  i, worst) {
			for (i = n; i < n + 2; i++)
				if (!(i in rtt) && i >= 0 && i < to - late)
					return "!"
				else if (i in rtt && rtt[i] > worst)
					worst = rtt[i]
			i = int(worst / 30) + 1
			return worst ? level[i > 8 ? 8 : i] : " "
		}
		END {
			split(levels, level, " ")
			now = median = worst = none
			quick = to
			for (i = to - 1; i >= from; i--) {
				if (!(i in rtt)) {
					lost += i < to - late
					continue
				}
				if (!count++)
					worst = now = rtt[i]
				if (rtt[i] > worst)
					worst = rtt[i]
				if (rtt[i] < 2 * adsl)
					quick = i
				ms[int(rtt[i] + 0.5)]++
			}
			for (i = n = 0; count && n < count / 2; i++)
				n += ms[median = i]
			printf "%.0f %.0f %.0f %d %d %d ", now, median, worst,
				lost, to - from, quick
			for (i = to - to % 2 - strip; i < to; i += 2)
				printf "%s", sign(i)
			print ""
		}' "$LAB/game.out"
}

# linkbytes FILE: what each link has carried to the router so far
linkbytes()
{
	linkstat | sed -n 's/^\(wg[0-4]\) b .* bytes=\([0-9]*\).*/\1 \2/p' >"$1"
}

# shares FILE FILE: of what went between, the percentage on wg0, and the number
# of links that carried a hundredth or more
shares()
{
	awk '
		NR == FNR { was[$1] = $2; next }
		{ n[$1] = $2 - was[$1]; sum += n[$1] }
		END {
			for (i in n)
				used += n[i] > 0 && n[i] >= sum / 100
			print sum ? int(100 * n["wg0"] / sum + 0.5) : 0, used + 0
		}' "$1" "$2"
}

# loadrate FROM TO: Mbit/s of the download between these times
loadrate()
{
	rates <"$LAB/load.out" | mean $((($1 - loadstart) / 100 + 1)) \
		$((($2 - loadstart) / 100)) | sed 's/[.].*//'
}

# the picture

screenopen()
{
	case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
	*[Uu][Tt][Ff]-8* | *[Uu][Tt][Ff]8*)
		levels='▁ ▂ ▃ ▄ ▅ ▆ ▇ █'
		;;
	*)
		levels='_ . - = + * # @'
		;;
	esac
	rows=24
	[ -t 1 ] && [ "${TERM:-dumb}" != dumb ] || return
	size=$(stty size <&1 2>/dev/null)
	[ "${size%% *}" -gt 0 ] 2>/dev/null && rows=${size%% *}
	[ "$rows" -lt 24 ] && BONDLINES=$((rows > 8 ? rows - 6 : 2))
	live=true
	# another screen, no cursor, long lines are cut
	printf '\033[?1049h\033[?25l\033[?7l\033[2J'
}

screenclose()
{
	$live && printf '\033[?7h\033[?25h\033[?1049l'
	live=false
}

# shellcheck disable=SC2317
demoend()
{
	_rc=$?
	trap '' HUP INT PIPE TERM
	screenclose
	(exit "$_rc")
	labclose
}

# bondlines FILL: the first part of what udpbond says, if FILL in a fixed height
bondlines()
{
	at router "$LAB/bond/udpbond" -l 2>&1 |
	awk -v lines="$BONDLINES" -v fill="$1" '
		/^$/ { end = 1 }
		!end && NR <= lines { print; n++ }
		END { while (fill && n++ < lines) print "" }'
}

gamelines()
{
	now=$NONE
	[ -z "$gamestart" ] ||
	read -r now median worst lost count _ strip <<-END
		$(gamestat 0 "$(sent)" "$LATE")
	END
	if [ "$now" -eq "$NONE" ]; then
		printf 'game      -\n\n'
	else
		echo "game      now $now ms, median $median ms," \
			"worst $worst ms, $lost of $count lost"
		echo "last 6 s  $strip"
	fi
}

loadline()
{
	if alive load; then
		echo "download  $(rates <"$LAB/load.out" | tail -n 1) Mbit/s"
	else
		echo 'download  -'
	fi
}

picture()
{
	bondlines "$1"
	echo
	gamelines
	loadline
}

# draw: all at once and in place; a line is cleared first, as at the last column
# that would take its end
draw()
{
	{
		printf '%s\n%s\n' "$title" "$look"
		picture 1
	} >"$LAB/picture"
	awk -v rows="$rows" '
		NR == 1 { printf "\033[H\033[K\033[1m%s\033[0m", $0 }
		NR > 1 && NR <= rows { printf "\r\n\033[K%s", $0 }
		END { printf "\033[J" }' "$LAB/picture"
}

# show SECONDS TITLE LOOK: a step
show()
{
	step=$((step + 1)) title="$step of 6: $2" look="        $3"
	until=$(($(clock) + $1 * 100))
	$live || printf '\n*** %s\n%s\n' "$title" "$look"
	while [ "$(clock)" -lt "$until" ]; do
		$live && draw
		sleep "$NAPS"
		alive client && alive server && alive linkem && continue
		screenclose
		echo "$0: something ended that should not:" >&2
		cat "$LAB/client.err" "$LAB/server.err" "$LAB/linkem.err" >&2
		exit 1
	done
	$live || {
		echo
		picture 0
	}
}

# the steps

# load NAME SECONDS [OPTION...]: from the internet to the LAN
load()
{
	_load=$1 _secs=$2
	shift 2
	waitfor 5 iperffree inet
	start "$_load" lan timeout $((_secs + 10)) \
		iperf3 -c 203.0.113.1 -R -f m --forceflush -t "$_secs" "$@"
}

# light NAME: what is to be carried by one link
light()
{
	load "$1" 20 -u -b 1M -l 1000
}

setup()
{
	echo 'building udpbond and the link emulator'
	buildlinkem && build "$LAB/bond" || exit 1
	labnets
	fivelinks || exit 1
	start iperf inet iperf3 -s
	tunnel "$LAB/bond" && return
	echo "$0: the tunnel does not come up, the server said:" >&2
	cat "$LAB/server.err" >&2
	exit 1
}

steps()
{
	light light
	linkbytes "$LAB/light0"
	show 6 'light use, 1 Mbit/s. Only wg0 carries it' \
		'wg0 is ADSL: 10 Mbit/s, 20 ms. wg1 to wg4: Starlink, 70 Mbit/s, 80 ms.'
	linkbytes "$LAB/light1"
	stop light

	load load 40
	loadstart=$(clock)
	linkbytes "$LAB/load0"
	show 9 'a download, one TCP flow. The links fill' \
		'One link alone has 70 Mbit/s at most, all have 290.'
	linkbytes "$LAB/load1"

	start game lan timeout 60 fping -c 1000 -b 100 -p $((PINGEVERY * 10)) \
		-t 2000 203.0.113.1
	gamestart=$(clock)
	show 9 'a game beside it, 20 packets a second' \
		'The links are full, and the game stays at 20 ms.'

	cut=$(clock) cutping=$(($(sent) - 1)) # its answer is on the way
	linkctl 'wg0 silent=1'
	show 4 'wg0 goes silent for 4 s. The game goes on' \
		'It is at 80 ms, the delay of the links that are left.'

	back=$(clock) backping=$(sent)
	linkctl 'wg0 silent=0'
	show 8 'wg0 comes back. The game returns to it' \
		'And the download has five links again.'

	stop load
	light light2
	linkbytes "$LAB/end0"
	show 6 'the download ends, light use again' \
		'All is on wg0, with copies of the game on another link.'
	linkbytes "$LAB/end1"
	gameend=$(clock)
	sleep 1 # the last answers
	stop game
}

# verdict LABEL OK FIGURES GOOD BAD: what was measured and what it means
verdict()
{
	if [ "$2" -ne 0 ]; then
		_means=$4
	else
		_means="NOT AS IT SHOULD BE: $5"
		failed=1
	fi
	printf '%-12s%s\n%-12s%s\n' "$1" "$3" '' "$_means"
}

figures()
{
	echo 'What was measured in this run:'
	read -r share _ <<-END
		$(shares "$LAB/light0" "$LAB/light1")
	END
	verdict 'light use' $((share >= 80)) \
		"$(rates <"$LAB/light.out" | mean) Mbit/s, $share % of it on wg0" \
		'The quickest link carries all that it has room for.' \
		'the quickest link has room for it.'

	read -r _ used <<-END
		$(shares "$LAB/load0" "$LAB/load1")
	END
	rate=$(loadrate $((loadstart + 400)) "$cut")
	verdict 'download' $((rate > 2 * STARLINK)) \
		"$rate Mbit/s of 290, on $used links" \
		'One TCP flow gets far more than one link has, which is 70 at most.' \
		'it should be far more than the 70 of one link.'

	read -r _ median worst lost count _ <<-END
		$(gamestat 0 "$cutping" 0)
	END
	verdict 'game' $((median < 2 * ADSL && lost * 50 <= count)) \
		"median $median ms, worst $worst ms, $lost of $count lost" \
		'It does not wait behind the download that fills the links.' \
		"it should stay near $ADSL ms and lose next to nothing."

	read -r _ median worst lost count _ <<-END
		$(gamestat "$cutping" "$backping" 0)
	END
	rate=$(loadrate "$cut" "$back")
	_game="median $median ms, worst $worst ms, $lost of $count lost"
	verdict 'wg0 silent' $((worst < 400 && lost <= 1 && rate > STARLINK)) \
		"$_game; download $rate Mbit/s" \
		'The other links carry on at once, at their own delay of 80 ms.' \
		'the other links should carry on at once.'

	read -r _ _ _ _ _ quick _ <<-END
		$(gamestat "$backping" "$(sent)" 0)
	END
	read -r share _ <<-END
		$(shares "$LAB/end0" "$LAB/end1")
	END
	after=$(((quick - backping) * PINGEVERY / 10)) # 1/10 s
	_game="used by the game after $((after / 10)).$((after % 10)) s"
	verdict 'wg0 back' $((after < 30 && share >= 60)) \
		"$_game; $share % on wg0 after the download" \
		'A link that works again is used again, and the others rest.' \
		'it should be used at once, and at the end alone.'

	read -r _ median worst lost count _ <<-END
		$(gamestat 0 "$(sent)" 0)
	END
	verdict 'all in all' $((worst < 400 && lost * 100 <= count)) \
		"the game: median $median ms, worst $worst ms, $lost of $count lost" \
		'It never noticed that the links were full, and its own was cut.' \
		'it noticed.'
	[ "$failed" -eq 0 ] && return
	read -r _load _ </proc/loadavg
	echo "Is this machine too busy? Its load is $_load," \
		"with $(getconf _NPROCESSORS_ONLN) processors."
}

needroot
need cc gcc make make ip iproute2 nft nftables iperf3 iperf3 fping fping \
	ping iputils-ping sysctl procps
labopen
trap demoend EXIT
setup
screenopen
steps
screenclose
figures
exit "$failed"
