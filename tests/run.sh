#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what the tests need, builds with gcc and clang, and runs every test:
#
#	sudo tests/run.sh [--no-install] [--quick] [--long]
#
#	--no-install  only use what is there
#	--quick       one build, without sanitizers and fuzzing: the round of everyday work
#	--long        fuzz each target for ten minutes, reload the policy for one, read
#		      every capture with sanitizers too, cut 100,000 conversations
#
# Without root, with --no-install, tests of network interfaces are skipped. WIRETAG_CAPTURES names
# a directory of captures that some tests read; without it they are skipped.
#
# Goes on after a failure, shows what failed, and ends with "N passed, N failed, N skipped"; the
# exit status is 0 when at least one passed and none failed. Builds and logs stay in build-tests/.
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
work=$top/build-tests
logs=$work/logs
install=1 quick=0 fuzz_seconds='' reload_seconds=15 captures_every=''
cutting_rounds=2000
passed=0 failed=0 skipped=0 job=
nobody=(--reuid nobody --regid nogroup --clear-groups)

usage()
{
	sed -n '3,/^set /{s/^# \{0,1\}//p}' "$0"
}

while [ $# -gt 0 ]; do
	case $1 in
	--no-install) install=0 ;;
	--quick) quick=1 ;;
	--long) fuzz_seconds=600 reload_seconds=60 captures_every=1 cutting_rounds=100000 ;;
	-h | --help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

if [ "$(id -u)" -ne 0 ] && [ $install -eq 1 ]; then
	echo "root is needed to install packages and to make network interfaces:" >&2
	echo "	sudo $0" >&2
	echo "or run what needs no root: $0 --no-install" >&2
	exit 2
fi

# Each step is a process group of its own, so that an interrupt ends all of it.
set -m
# shellcheck disable=SC2317 # called by traps
end()
{
	trap '' INT TERM HUP
	if [ -n "$job" ]; then
		kill -TERM -- "-$job"
		wait "$job"
	fi 2>/dev/null
	[ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$work"
}
trap end EXIT
trap 'echo; echo interrupted; exit 130' INT TERM HUP

# run NAME COMMAND...: one line of progress; what it said is kept in $logs/NAME.log.
run()
{
	local name=$1 status start=$SECONDS
	shift
	log=$logs/${name//[^a-z0-9]/-}.log
	printf '%-44s' "$name"
	"$@" >"$log" 2>&1 </dev/null &
	job=$!
	wait $job
	status=$?
	job=
	if [ $status -eq 0 ]; then
		printf 'ok     %4d s' $((SECONDS - start))
	else
		printf 'FAILED %4d s' $((SECONDS - start))
	fi
	return $status
}

# A step that counts as one test.
step()
{
	if run "$@"; then
		passed=$((passed + 1))
		echo
	else
		failed=$((failed + 1))
		printf '\n----- the end of %s\n' "$log"
		tail -n 60 "$log"
		echo "-----"
		return 1
	fi
}

# Only interfaces and the package need root. user_tests NAME BUILD SUITE... is tests() as the user
# nobody, where that user may read this directory.
user_tests()
{
	local as_user=()
	if [ "$(id -u)" -eq 0 ] && setpriv "${nobody[@]}" test -r "$top/tests/run.sh"; then
		chown -R nobody:nogroup "$work/$2"
		as_user=(setpriv "${nobody[@]}" env HOME=/nonexistent)
	fi
	tests "$@"
}

# tests NAME BUILD SUITE...: meson's tests of some suites, each single test counted.
tests()
{
	local name=$1 build=$work/$2 status counts p f s suites=()
	shift 2
	for suite in "$@"; do
		suites+=(--suite "$suite")
	done
	rm -f "$build/meson-logs/testlog.json"
	run "$name" ${as_user[@]+"${as_user[@]}"} meson test -C "$build" --no-rebuild --print-errorlogs "${suites[@]}"
	status=$?
	counts=$("$top/tests/count.py" "$build/meson-logs/testlog.json") || counts="0 0 0"
	read -r p f s <<<"$counts"
	if [ $status -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	echo "  $p passed, $f failed, $s skipped"
	if [ $status -ne 0 ]; then
		printf -- '----- the end of %s\n' "$log"
		tail -n 200 "$log"
		echo "-----"
	fi
}

# build NAME DIRECTORY OPTION...: a meson build; a new one when the old cannot be reconfigured.
build()
{
	local name=$1 directory=$work/$2
	shift 2
	step "$name" build_in "$directory" "$@"
}

# shellcheck disable=SC2317 # called by step
build_in()
{
	local directory=$1
	shift
	if [ -d "$directory" ] && ! meson setup --reconfigure "$@" "$directory" "$top"; then
		rm -rf "$directory"
	fi
	[ -d "$directory" ] || meson setup "$@" "$directory" "$top" || return
	ninja -C "$directory"
}

cd "$top" || exit
mkdir -p "$logs" || exit
[ $install -eq 0 ] || step "packages" app/install.sh build demo test package browser
export ASAN_OPTIONS=abort_on_error=0:detect_leaks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export FUZZ_SECONDS=$fuzz_seconds RELOAD_SECONDS=$reload_seconds
export CAPTURES_EVERY=$captures_every CUTTING_ROUNDS=$cutting_rounds

export CC=gcc
if build "build, gcc, release" gcc --buildtype=release; then
	tests "lint" gcc lint
	user_tests "unit, golden, simulator" gcc unit golden simulator
	user_tests "evasion" gcc evasion
	user_tests "smoke: the real program" gcc smoke
	tests "virtual ports" gcc isolated
	[ $quick -eq 1 ] || user_tests "instructions a packet" gcc bench-guard
	[ $quick -eq 1 ] || tests "install and package" gcc deploy
	[ $quick -eq 1 ] || tests "a client, the wire and a server" gcc e2e
fi
if [ $quick -eq 0 ]; then
	export CC=clang-14
	if build "build, clang, ASan and UBSan" asan --buildtype=debugoptimized \
			-Db_sanitize=address,undefined -Db_lundef=false; then
		user_tests "unit, golden, smoke, ASan and UBSan" asan unit golden smoke
		tests "virtual ports, e2e, ASan and UBSan" asan isolated e2e
	fi
	if build "build, clang, libFuzzer" fuzz --buildtype=debugoptimized -Dfuzz=true \
			-Dtests=false; then
		tests "fuzz" fuzz fuzz
	fi
fi

echo "took $SECONDS s; logs are in $logs"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
