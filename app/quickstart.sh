#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# From a fresh Debian 12 to verdicts: sudo app/quickstart.sh
#
# Installs packages, builds a release, makes a sample capture, says who runs what in it, and then
# carries the sample over a wire between two virtual ports, with metrics. Nothing outside of
# build-quickstart/ is changed but for the packages; no NIC and no huge pages are needed.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build="build-quickstart"
metrics=127.0.0.1:9932
shown='ready|received|forwarded|drop_packets|inspected|past|uninspected|app_.*skype|rule|hosts|flows'
appliance=
last="the quick start failed: see above"

# shellcheck disable=SC2317 # called by the trap
end()
{
	[ -z "$appliance" ] || kill -KILL "$appliance" 2>/dev/null || :
	[ -z "${SUDO_UID:-}" ] || [ ! -d $build ] ||
		chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" $build
	printf '\n%s\n' "$last"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

step()
{
	printf '\n== %s\n' "$*"
}

# Shows a command and runs it.
show()
{
	printf '$ %s\n' "$*"
	"$@"
}

wait_ready()
{
	for _ in $(seq 100); do
		kill -0 $appliance
		! curl -sf -o /dev/null $metrics/-/ready || return 0
		sleep 0.1
	done
	echo "it is not ready after 10 s"
	return 1
}

cd "$top"
step "1/5 packages"
show app/install.sh build demo

step "2/5 build"
if [ ! -f $build/build.ninja ]; then
	rm -rf $build
	show meson setup --buildtype=release -Dtests=false $build
fi
show ninja -C $build

step "3/5 a sample capture: web, DNS and TLS of some hosts, and one Skype client"
show tests/make_sample.py $build/sample.pcap

step "4/5 who runs what in it, and why"
show $build/app/wiretag read -r config/rules $build/sample.pcap

step "5/5 the same packets over a wire between two virtual ports"
rm -f $build/out.pcap $build/events.json
head -c 24 $build/sample.pcap >$build/nothing.pcap
cat >$build/quickstart.yaml <<EOF
ports:
  lan: net_pcap0,rx_pcap=$build/sample.pcap,tx_pcap=$build/unused.pcap
  wan: net_pcap1,rx_pcap=$build/nothing.pcap,tx_pcap=$build/out.pcap
pairs:
  - {name: wire, inside: lan, outside: wan}
rule_files: [../config/rules]
flows: {capacity: 65536}
events: {file: $build/events.json}
metrics: {listen: "$metrics"}
dpdk: {memory: none, mbufs: 8192, file_prefix: quickstart}
EOF
show cat $build/quickstart.yaml
echo "$ $build/app/wiretag run -c $build/quickstart.yaml"
$build/app/wiretag run -c $build/quickstart.yaml &
appliance=$!
wait_ready
sleep 2
printf '\n$ curl -s %s/metrics\n' $metrics
curl -sS $metrics/metrics >$build/metrics.txt
grep -E "^wiretag_($shown)" $build/metrics.txt | grep -v ' 0$'
echo "(and $(grep -vc '^#' $build/metrics.txt) series in all: $build/metrics.txt)"
printf '\n$ kill -TERM %s\n' $appliance
kill -TERM $appliance
wait $appliance
appliance=
printf '\n'
show grep '"event_type":"host"' $build/events.json
printf '\n'
/usr/bin/python3 - <<EOF
import sys
sys.path.insert(0, "tests")
from frames import read_pcap
sent, received = (read_pcap(f"$build/{name}.pcap") for name in ("sample", "out"))
print(len(sent), "frames went in,", len(received), "came out:",
      "byte for byte the same" if sent == received else "NOT the same")
sys.exit(sent != received)
EOF
last="the quick start went well: README.md says how to go on, config/wiretag.yaml is the reference"
