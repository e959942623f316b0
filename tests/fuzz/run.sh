#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Fuzzes one target for $FUZZ_SECONDS (10) from fresh seeds: run.sh PROGRAM [LIBFUZZER OPTION...]
#
# A finding fails, and its input stays beside the program as PROGRAM-crash-..., to be run again
# with: PROGRAM FILE
set -eu
program=$1
shift
target=$(basename "$program" _fuzz)
here=$(dirname "$0")
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$corpus/seeds" "$corpus/found"
"$here/seeds.py" "$target" "$corpus/seeds"
"$program" -max_total_time="${FUZZ_SECONDS:-10}" -error_exitcode=1 -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
	-artifact_prefix="$program-" -print_final_stats=1 "$@" "$corpus/found" "$corpus/seeds"
