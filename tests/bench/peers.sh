#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# wiretag next to nDPI on the same packets and the same core, in interleaved rounds:
#
#     tests/bench/peers.sh [-q] [-r ROUNDS] [-w WIRETAG] [CAPTURE...]
#
# Without a capture: mix.pcap and all of negatives/ in $WIRETAG_CAPTURES; without that, the sample
# that tests/make_sample.py makes. Each trace is gone through with new IPv4 addresses in every
# pass, so that every flow is new:
#
# -q: one quick round on the sample, to try it, not to measure.
#
#     ndpiReader   Debian's, with its own figure; it reads a file with ten passes
#     libndpi      the library on packets in memory, ten passes (libndpi.c)
#     http-skype   the same, restricted to what HTTP and Skype need
#     wiretag      `wiretag bench mix-new`: all of the path, with the copy of each packet into a
#                  buffer, the tag and the sink, which the others do not have
#
# Medians of thousands of packets a second, then how many times as many wiretag does. Exit status
# 77 where nDPI is missing (Debian: libndpi-bin libndpi-dev libpcap-dev, and a compiler).
set -eu

here=$(dirname "$0")
rounds=5
wiretag=$here/../../build/app/wiretag
quick=

while getopts qr:w: option; do
	case $option in
	q) quick=--quick rounds=1 ;;
	r) rounds=$OPTARG ;;
	w) wiretag=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

if ! command -v ndpiReader >/dev/null || ! pkg-config --exists libndpi libpcap; then
	echo "nDPI is not installed: apt-get install libndpi-bin libndpi-dev libpcap-dev"
	exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

build()
{
	# shellcheck disable=SC2046 # flags
	${CC:-cc} -O3 -march=native -o "$work/$1" "$here/$1.c" \
		$(pkg-config --cflags --libs libndpi libpcap)
}

# The core that `wiretag bench` chooses: the last of those that it may use.
last_core()
{
	taskset -cp $$ | sed 's/.*[^0-9]//'
}

measure()
{
	case $1 in
	ndpiReader)
		taskset -c "$core" ndpiReader -i "$work/ten.pcap" -v 0 |
			sed -n 's/.*nDPI throughput: *\([0-9.]*\) \([KM]\) pps.*/\1 \2/p' |
			awk '{ print $2 == "M" ? $1 * 1000 : $1 }'
		;;
	libndpi) taskset -c "$core" "$work/libndpi" "$work/once.pcap" all ;;
	http-skype) taskset -c "$core" "$work/libndpi" "$work/once.pcap" http-skype ;;
	wiretag)
		# shellcheck disable=SC2086 # may be nothing
		"$wiretag" bench $quick --json --rules "$here/../../config/rules" --stage full \
			--capture "$work/once.pcap" mix-new |
			sed -n 's/^ *"mpps": *\([0-9.]*\).*/\1/p' | awk '{ print $1 * 1000 }'
		;;
	esac
}

median()
{
	sort -n "$work/$1.kpps" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

compare()
{
	name=$1
	shift
	frames=$("$work/trace" "$work/once.pcap" "$work/ten.pcap" "$@")
	rm -f "$work"/*.kpps
	for round in $(seq "$rounds"); do
		for peer in ndpiReader libndpi http-skype wiretag; do
			[ -t 2 ] && printf '\r\033[K%s: round %s, %s' "$name" "$round" $peer >&2
			measure $peer 2>"$work/said" >>"$work/$peer.kpps" || {
				cat "$work/said" >&2
				exit 1
			}
		done
	done
	[ -t 2 ] && printf '\r\033[K' >&2
	ours=$(median wiretag)
	echo "$name: $frames frames, $rounds rounds on CPU $core"
	for peer in wiretag ndpiReader:20 libndpi:6 http-skype:3; do
		bar=${peer#*:}
		peer=${peer%:*}
		awk -v peer="$peer" -v bar="$bar" -v ours="$ours" -v theirs="$(median "$peer")" \
			'BEGIN {
				times = ours / theirs
				printf("  %-12s %8.0f kpps", peer, theirs)
				if (bar + 0 > 0)
					printf("  %5.1f times, at least %d: %s", times, bar,
						times >= bar ? "met" : "NOT met")
				print ""
			}'
	done
}

build trace
build libndpi
core=$(last_core)
if [ $# -gt 0 ]; then
	compare captures "$@"
elif [ -n "${WIRETAG_CAPTURES:-}" ] && [ -z "$quick" ]; then
	compare mix.pcap "$WIRETAG_CAPTURES/mix.pcap"
	find "$WIRETAG_CAPTURES/negatives" -name '*.pcap*' | sort >"$work/list"
	# shellcheck disable=SC2046 # names without spaces
	compare negatives $(cat "$work/list")
else
	"$here/../make_sample.py" "$work/sample.pcap"
	compare sample "$work/sample.pcap"
fi
