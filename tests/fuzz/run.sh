#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Fuzzes one target from fresh seeds, for $FUZZ_SECONDS where that is set:
#
#	run.sh SECONDS PROGRAM [LIBFUZZER OPTION...]
#
# A finding fails, and its input stays beside the program as PROGRAM-crash-..., to be run again
# with: PROGRAM FILE
set -eu
seconds=${FUZZ_SECONDS:-$1} program=$2
shift 2
target=$(basename "$program" _fuzz)
here=$(dirname "$0")
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$corpus/seeds" "$corpus/found"
"$here/seeds.py" "$target" "$corpus/seeds"
"$program" -max_total_time="$seconds" -error_exitcode=1 -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
	-artifact_prefix="$program-" -print_final_stats=1 "$@" "$corpus/found" "$corpus/seeds"
