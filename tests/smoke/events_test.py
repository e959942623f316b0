#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Event records while packets are forwarded at full speed: they fit the schema, rotation loses and
cuts none, and a file or reader that takes nothing costs records, counted, and never a packet.
argv: wiretag wiretagctl."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import jsonschema
from scapy.all import IP, UDP, Ether, Raw, wrpcap

from running import Running, temporary, wait_for

WIRETAG, CTL = sys.argv[1:3]
TOP = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((TOP / "config/events.schema.json").read_text())
FLOWS = 4096  # and room for fewer: flows end all the time
CAPACITY = 512
RULES = [{"id": 1, "app": "one", "confidence": "certain", "match": {"payload": "^one"}}]

jsonschema.Draft202012Validator.check_schema(SCHEMA)
validator = jsonschema.Draft202012Validator(SCHEMA)


def make_capture(path):
    wrpcap(str(path), [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") /
                       IP(src=f"192.0.{i >> 8}.{i & 255}", dst="198.51.100.1") /
                       UDP(sport=1000, dport=9) / Raw((b"one", b"two")[i % 16 > 0] + bytes(20))
                       for i in range(FLOWS)])


def start(directory, capture, events, rules=RULES):
    """The program, and its control socket."""
    return Running(directory, {
        "rules": rules, "flows": {"capacity": CAPACITY},
        "events": {"stats_interval": "1s"} | events,
        "control": {"socket": f"{directory}/control.sock"}}, capture)


def check_schema(lines, most=3000):
    """Of many lines those of a kind that is rare, and some of the others."""
    seen = {}
    for line in lines:
        record = json.loads(line)
        kind = record["event_type"]
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= most:
            validator.validate(record)
    return seen


def check_forwarding(before, after):
    """No packet was lost between two scrapes, and the worker was at work."""
    received = after["wiretag_received_packets_total"]
    assert received > before["wiretag_received_packets_total"], "the worker stood still"
    assert received == after["wiretag_forwarded_packets_total"], after
    assert after["wiretag_drop_packets_total"] == 0
    for lost in ("rx_missed", "rx_nombuf", "rx_errors", "tx_errors"):
        assert after[f"wiretag_port_{lost}_total"] == 0, lost
    assert after["wiretag_degraded", "worker-stalled"] == 0


def stalls(directory, capture, events, sink, reason, while_stalled=lambda run: None):
    """Records are lost for this reason, packets are not, and the program ends in time."""
    run = start(directory, capture, events)
    before = run.metrics()
    lost = wait_for("lost records",
                    lambda: (now := run.metrics())["wiretag_export_dropped_total", reason] > 0
                    and now)
    assert lost["wiretag_export_dropped_total", sink] > 0
    while_stalled(run)
    time.sleep(1)
    after = run.metrics()
    assert after["wiretag_export_dropped_total", reason] > \
        lost["wiretag_export_dropped_total", reason]
    check_forwarding(before, after)
    assert run.scrape_seconds < 5
    began = time.monotonic()
    run.stop()
    assert time.monotonic() - began < 30
    print(sink, reason, {key: value for key, value in after.items() if "export" in key[0]})


def fifo(directory, capture):
    os.mkfifo(f"{directory}/fifo")
    stalls(directory, capture, {"file": f"{directory}/fifo"}, "file", "stalled")


def silent_reader(directory, capture):
    """It listens and takes nothing; a file beside it gets its records all the same."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{directory}/reader.sock")
    listener.listen()

    def file_grows(run):
        was = run.metrics()["wiretag_export_records_total", "file"]
        wait_for("the file", lambda: run.metrics()["wiretag_export_records_total", "file"] > was)

    stalls(directory, capture,
           {"unix": f"{directory}/reader.sock", "file": f"{directory}/beside.json"}, "unix",
           "stalled", file_grows)
    with open(f"{directory}/beside.json", encoding="ascii") as lines:
        assert set(check_schema(lines)) == {"flow", "detection", "host", "stats"}
    listener.close()


def no_reader(directory, capture):
    stalls(directory, capture, {"unix": f"{directory}/nobody.sock"}, "unix", "no-reader")


def full_disk(directory, capture):
    """The file ends with a whole record, whatever the moment."""
    small = pathlib.Path(directory) / "small"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=False,
                          capture_output=True)
    if done.returncode != 0:
        print("full disk: skipped, as nothing can be mounted here")
        return
    try:
        stalls(directory, capture, {"file": f"{small}/events.json"}, "file", "write-failed")
        data = (small / "events.json").read_bytes()
        assert data.endswith(b"\n") and len(data) > 50000
        check_schema(data.splitlines())
    finally:
        subprocess.run(["umount", small], check=True)


def rotation(directory, capture):
    """By SIGHUP and by wiretagctl: every record is in exactly one file, whole."""
    path = pathlib.Path(directory) / "events.json"
    # Without rules all that the workers tell are the ends of flows, and these are counted.
    run = start(directory, capture, {"file": str(path)}, rules=[])
    before = run.metrics()
    for i in range(6):
        time.sleep(0.3)
        path.rename(f"{directory}/rotated.{i}")
        if i % 2 == 0:
            run.signal(signal.SIGHUP)
        else:
            subprocess.run([CTL, "-s", f"{directory}/control.sock", "reopen"], check=True)
        wait_for("the new file", path.exists)
    after = run.metrics()
    check_forwarding(before, after)
    run.stop()
    files = [pathlib.Path(f"{directory}/rotated.{i}") for i in range(6)] + [path]
    assert all(file.stat().st_size > 0 for file in files), "a file got nothing"
    lines = [line for file in files for line in file.read_bytes().splitlines(True)]
    assert all(line.endswith(b"}\n") for line in lines), "a record is cut"
    seen = check_schema(lines)
    stats = json.loads(lines[-1])["stats"]
    lost = stats.get("records_lost", 0)
    assert seen["flow"] > FLOWS and seen["stats"] >= 2, seen
    assert seen["flow"] + lost == stats["flows"], (seen, stats)
    print("rotation", seen, "lost", lost)


def sample(directory):
    """What `wiretag read --json` says of the sample capture."""
    capture = f"{directory}/sample.pcap"
    subprocess.run([TOP / "tests/make_sample.py", capture], check=True, stderr=subprocess.DEVNULL)
    text = subprocess.run([WIRETAG, "read", "--json", "-r", TOP / "config/rules", capture],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    seen = check_schema(text.splitlines())
    assert set(seen) == {"flow", "host", "stats"}, seen
    broken = json.loads(text.splitlines()[0])
    for change in ({"flow_id": "1"}, {"event_type": "flaw"}, {"more": 1}, {"community_id": "1:"},
                   {"timestamp": "now"}):
        assert not validator.is_valid(broken | change), change


with temporary() as top:
    make_capture(f"{top}/traffic.pcap")
    sample(top)
    for test in (rotation, fifo, silent_reader, no_reader, full_disk):
        place = f"{top}/{test.__name__}"
        os.mkdir(place)
        test(place, f"{top}/traffic.pcap")
