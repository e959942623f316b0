#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a scrape costs: scrape.py WIRETAG [WORKERS [TURNS]]

Processor time of the manager for one scrape with WORKERS (16) workers, and what ten scrapes a
second take from a worker: packets for a second of its processor time with and without them, in
TURNS (7) turns. Whoever asks needs a CPU of his own for the packets of a second on the clock to stay
the same.
"""

import os
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "smoke"))
from running import Running, temporary  # pylint: disable=wrong-import-position
from scapy.all import IP, UDP, Ether, Raw, wrpcap  # pylint: disable=wrong-import-position

SCRAPES = 100
TURN_SECONDS = 1
RECEIVED = "wiretag_received_packets_total"
WORKERS = int(sys.argv[2]) if len(sys.argv) > 2 else 16
TURNS = int(sys.argv[3]) if len(sys.argv) > 3 else 7


def thread_seconds(run, name):
    """Processor time of the thread in whose name this is."""
    for task in pathlib.Path(f"/proc/{run.process.pid}/task").iterdir():
        if name in (task / "comm").read_text():
            return int((task / "schedstat").read_text().split()[0]) / 1e9
    raise LookupError(name)


def manager_seconds(run):
    return thread_seconds(run, "wiretag")


def cost(run):
    """Of one scrape, in seconds: what the thread does anyway is taken off."""
    start, busy = time.monotonic(), manager_seconds(run)
    for _ in range(SCRAPES):
        run.metrics()
    took, busy = time.monotonic() - start, manager_seconds(run) - busy
    idle = manager_seconds(run)
    time.sleep(took)
    return (busy - (manager_seconds(run) - idle)) / SCRAPES


def rate(run, scrapes):
    """Packets for a second of the worker during one turn with so many scrapes."""
    was, start = run.metrics()[RECEIVED], time.monotonic()
    worker = thread_seconds(run, "worker")
    for i in range(scrapes):
        time.sleep(max(0, start + i * TURN_SECONDS / scrapes - time.monotonic()))
        run.metrics()
    time.sleep(max(0, start + TURN_SECONDS - time.monotonic()))
    return (run.metrics()[RECEIVED] - was) / (thread_seconds(run, "worker") - worker)


with temporary() as name:
    capture = f"{name}/traffic.pcap"
    wrpcap(capture, [Ether() / IP(src=f"192.0.2.{i}") / UDP() / Raw(bytes(20)) for i in range(250)])
    many = {"workers": WORKERS, "streams": {"capacity": 256}, "fragments": {"capacity": 1},
            "ports": {"lan": "net_null0", "wan": "net_null1,no-rx=1"}}
    run = Running(name, many, capture)
    workers = run.log().count("polls on CPU")
    print(f"{cost(run) * 1000:.2f} ms of the manager's CPU for a scrape, {workers} workers")
    run.stop()
    run = Running(name, {}, capture)
    ratios = [rate(run, 10) / rate(run, 0) for _ in range(TURNS)]
    print(f"{statistics.median(ratios):.3f} of the packets with ten scrapes a second "
          f"({min(ratios):.3f} to {max(ratios):.3f} in {TURNS} turns), {os.cpu_count()} CPUs")
    run.stop()
