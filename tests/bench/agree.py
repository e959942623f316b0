#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whether `wiretag bench` says what `wiretag run` takes: the same packets, the same virtual ports.

    tests/bench/agree.py [--rounds N] [--seconds S] [WIRETAG]

A capture of 256 flows, which caches hold beside all else, is replayed without end by net_pcap into `wiretag run` (cycles a packet as
its metrics count them), into testpmd (`--forward-mode=io`: what the ports alone cost) and from
memory into `wiretag bench mix`. What wiretag adds to the ports, run less testpmd, is to be within
10 % of what it adds to memory, full less io, for the medians of interleaved rounds. Exit status 1
when it is not, 77 where testpmd is missing. Needs two CPUs that do nothing else.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

from scapy.all import IP, UDP, Ether, Raw, wrpcap

TOP = pathlib.Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", type=float, default=3)
parser.add_argument("wiretag", nargs="?", default=str(TOP / "build" / "app" / "wiretag"))
arguments = parser.parse_args()
sys.argv[1:] = [arguments.wiretag]
sys.path.insert(0, str(TOP / "tests" / "smoke"))

from running import Running, skip, temporary  # noqa: E402

FLOWS, MBUFS = 256, 16384
MOST = 0.10


def make_capture(path):
    wrpcap(path, [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") /
                  IP(src=ends[0], dst=ends[1]) / UDP(sport=ports[0], dport=ports[1]) /
                  Raw(bytes(18))
                  for way in (1, -1) for flow in range(FLOWS)
                  for ends in [(f"10.0.{flow >> 8}.{flow & 255}", "192.0.2.1")[::way]]
                  for ports in [(5000 + flow, 40000)[::way]]])


def taken_by_run(directory, capture):
    """Cycles a packet, and of a second."""
    run = Running(directory, {"flows": {"capacity": 1 << 20}, "events": {"file": "off"},
                              "rule_files": [str(TOP / "config" / "rules")],
                              "dpdk": {"memory": "none", "mbufs": MBUFS,
                                       "file_prefix": f"agree-{os.getpid()}"}}, capture)
    time.sleep(1)
    before, began = run.metrics(), time.monotonic()
    time.sleep(arguments.seconds)
    after, ended = run.metrics(), time.monotonic()
    run.stop()
    grown = {name: after[name] - before[name]
             for name in ("wiretag_lcore_busy_cycles_total", "wiretag_lcore_cycles_total",
                          "wiretag_received_packets_total")}
    return (grown["wiretag_lcore_busy_cycles_total"] / grown["wiretag_received_packets_total"],
            grown["wiretag_lcore_cycles_total"] / (ended - began))


def taken_by_testpmd(capture, hertz):
    """Cycles a packet."""
    cpus = sorted(os.sched_getaffinity(0))
    command = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@{cpus[0]},1@{cpus[-1]}", "--no-pci",
               "--no-huge", "-m", "128", "--no-telemetry", "--file-prefix", f"io-{os.getpid()}",
               "--vdev", f"net_pcap0,rx_pcap={capture},infinite_rx=1",
               "--vdev", "net_null1,no-rx=1", "--", "-i", "--nb-cores=1", "--no-lsc-interrupt",
               f"--total-num-mbufs={MBUFS}", "--burst=64"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, bufsize=0)

    def ask(text):
        process.stdin.write(text + "\n")
        said = ""
        while not re.search(r"TX-packets[^~]*TX-packets[^~]*testpmd> $", said):
            character = process.stdout.read(1)
            assert character, said
            said += character
        return sum(map(int, re.findall(r"RX-packets: (\d+)", said))), time.monotonic()

    process.stdin.write("start\n")
    time.sleep(2)
    packets, began = ask("show port stats all")
    time.sleep(arguments.seconds)
    after, ended = ask("show port stats all")
    process.communicate("stop\nquit\n", timeout=60)
    return hertz * (ended - began) / (after - packets)


def taken_by_bench(capture):
    """Cycles a packet of all stages, and of source and sink alone."""
    out = subprocess.run([arguments.wiretag, "bench", "--json", "--capture",
                          capture, "mix"], check=True, stdout=subprocess.PIPE).stdout
    cycles = json.loads(out)["scenarios"][0]["cycles"]
    return cycles["full"]["median"], cycles["io"]["median"]


def main():
    if shutil.which("dpdk-testpmd") is None:
        skip("dpdk-testpmd is not installed (package dpdk-dev)")
    added = {"run": [], "bench": []}
    with temporary() as directory:
        capture = f"{directory}/flows.pcap"
        make_capture(capture)
        for number in range(arguments.rounds):
            run, hertz = taken_by_run(directory, capture)
            ports = taken_by_testpmd(capture, hertz)
            full, memory = taken_by_bench(capture)
            added["run"].append(run - ports)
            added["bench"].append(full - memory)
            print(f"round {number + 1}: run {run:.1f} less testpmd {ports:.1f} = {run - ports:.1f}; "
                  f"bench {full:.1f} less io {memory:.1f} = {full - memory:.1f}", flush=True)
    run, bench = (statistics.median(added[name]) for name in ("run", "bench"))
    is_met = abs(bench / run - 1) <= MOST
    print(f"medians: wiretag adds {run:.1f} cycles a packet, bench says {bench:.1f}: "
          f"{100 * (bench / run - 1):+.0f} %, {'agreed' if is_met else 'NOT agreed'}")
    return 0 if is_met else 1


sys.exit(main())
