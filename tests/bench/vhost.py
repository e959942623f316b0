#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""wiretag between two vhost ports, next to `testpmd --forward-mode=io` in its place.

    tests/smoke/isolated.sh tests/bench/vhost.py [--rounds N] [--seconds S] [--flows N,N] [--no-huge]

A generator in a process of its own (testpmd's flowgen on virtio_user) sends 64-byte packets both
ways as fast as they are taken, on the first CPU; the forwarder polls on the last one. Forwarded is
what comes back to the generator. Each round starts wiretag, with all rules and every packet tagged,
and then testpmd. A full queue holds the sender up instead of losing packets: this is the
throughput of a path in software, not of RFC 2544. --no-huge is to try it, not to measure. Needs
root, two CPUs, and 1 GiB of free huge pages; exit status 77 where something is missing.
"""
import argparse
import contextlib
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("WIRETAG", str(TOP / "build" / "app" / "wiretag"))
sys.path.insert(0, str(TOP / "tests" / "smoke"))

from appliance import Appliance, check, skip, wait_for  # noqa: E402

BARS = {1024: 0.80, 1000000: 0.60}
HUGE_MB = 512  # for each process
DIRECTORY = pathlib.Path(tempfile.mkdtemp())
CPUS = sorted(os.sched_getaffinity(0))


def memory(huge):
    """virtio_user shares one file with the other side: without --single-file-segments and memory
    taken at the start it shares the first page only, and after 512 packets nothing passes."""
    if huge is None:
        return ["--no-huge", "-m", "128"]
    return ["--huge-dir", str(huge), "-m", str(HUGE_MB), "--single-file-segments",
            "--iova-mode=va"]


class Testpmd:
    """testpmd with a prompt; a context that ends with it stopped."""

    def __init__(self, name, cpu, huge, devices, *more):
        self.log = DIRECTORY / f"{name}.log"
        command = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@{CPUS[0]},1@{cpu}", "--no-pci",
                   "--file-prefix", name, "--no-telemetry", *memory(huge)]
        for device in devices:
            command += ["--vdev", device]
        self.command = [*command, "--", "-i", "--nb-cores=1", "--no-lsc-interrupt",
                        "--total-num-mbufs=" + ("32768" if huge else "8192"), *more]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, text=True,
                                        stdout=open(self.log, "w"), stderr=subprocess.STDOUT)
        wait_for("testpmd's prompt", lambda: self.said().endswith("testpmd> "))
        return self

    def __exit__(self, kind, *_):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("stop\nquit\n")
            self.process.stdin.flush()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if kind is not None:
            print(self.log.read_text()[-3000:])

    def said(self):
        check(self.process.poll() is None, "testpmd ended:", self.log.read_text()[-2000:])
        return self.log.read_text()

    def do(self, command):
        """What it answers to a command."""
        before = len(self.said())
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        wait_for(f"an answer to {command}", lambda: self.said()[before:].endswith("testpmd> "))
        return self.said()[before:]

    def received(self):
        """Packets that came back on both ports so far, and when."""
        answer = self.do("show port stats all")
        return sum(map(int, re.findall(r"RX-packets: (\d+)", answer))), time.monotonic()

    def is_connected(self):
        return self.do("show port summary all").count(" up ") == 2


def sockets():
    return [str(DIRECTORY / f"v{number}.sock") for number in range(2)]


def vhost_ports():
    return [f"net_vhost{number},iface={path}" for number, path in enumerate(sockets())]


def generator(huge, flows):
    virtio = "packed_vq=1,in_order=1,mrg_rxbuf=0,vectorized=1" if huge else "packed_vq=1"
    ports = [f"net_virtio_user{number},path={path},{virtio}"
             for number, path in enumerate(sockets())]
    return Testpmd("gen", CPUS[0], huge, ports, "--forward-mode=flowgen",
                   f"--flowgen-flows={flows}")


@contextlib.contextmanager
def testpmd(huge, _):
    with Testpmd("dut", CPUS[-1], huge, vhost_ports(), "--forward-mode=io") as program:
        program.do("start")
        yield


@contextlib.contextmanager
def wiretag(huge, flows):
    size = "hugepages" if huge else "none"
    with Appliance(*vhost_ports(), until="/-/healthy", lcores={"workers": [CPUS[-1]]},
                   flows={"capacity": 1 << (2 * flows).bit_length() if huge else 65536},
                   events={"file": "off"}, telemetry="off", overload="off",
                   rule_files=[str(TOP / "config" / "rules")],
                   policy={"default": {"tag": {"dscp": "cs1"}}},
                   dpdk={"memory": size, "mbufs": 32768 if huge else 8192}) as appliance:
        yield
        appliance.metrics().check_books()
        flows_seen = appliance.metrics().get("wiretag_flows_created_total")
        check(flows_seen >= min(flows, 1024), "wiretag saw only", flows_seen, "flows")


def rate(forwarder, huge, flows, seconds):
    """Millions of packets a second through it."""
    for path in sockets():
        pathlib.Path(path).unlink(missing_ok=True)
    with forwarder(huge, flows), generator(huge, flows) as source:
        wait_for("both links", source.is_connected)
        source.do("start")
        wait_for("the first packets", lambda: source.received()[0] > 2 * flows)
        packets, began = source.received()
        time.sleep(seconds)
        after, ended = source.received()
        check(after > packets, "nothing comes back any more")
        return (after - packets) / (ended - began) / 1e6


def huge_pages():
    """A place for them, in this test's own namespace."""
    free = int(re.search(r"HugePages_Free: *(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    if free * 2 < 2 * HUGE_MB:
        skip("1 GiB of free huge pages is needed: echo 1024 > /proc/sys/vm/nr_hugepages")
    place = pathlib.Path("/run/huge")
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", place], check=True)
    return place


def compare(huge, flows, rounds, seconds):
    rates = {testpmd: [], wiretag: []}
    for number in range(rounds):
        for forwarder, values in rates.items():
            values.append(rate(forwarder, huge, flows, seconds))
        print(f"{flows:8} flows, round {number + 1}: testpmd io {rates[testpmd][-1]:6.2f} Mpps, "
              f"wiretag {rates[wiretag][-1]:6.2f} Mpps, "
              f"{rates[wiretag][-1] / rates[testpmd][-1]:.2f}", flush=True)
    share = statistics.median(rates[wiretag]) / statistics.median(rates[testpmd])
    bar = BARS.get(flows)
    verdict = "" if bar is None else f", at least {bar:.2f}: {'met' if share >= bar else 'NOT met'}"
    print(f"{flows:8} flows, medians: {share:.2f} of testpmd io{verdict}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--flows", default=",".join(map(str, BARS)))
    parser.add_argument("--no-huge", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("dpdk-testpmd") is None:
        skip("dpdk-testpmd is not installed (package dpdk-dev)")
    if len(CPUS) < 2:
        skip("two CPUs are needed")
    huge = None if arguments.no_huge else huge_pages()
    for flows in map(int, arguments.flows.split(",")):
        compare(huge, flows, arguments.rounds, arguments.seconds)


main()
