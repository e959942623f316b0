#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sees that verdicts do not depend on how fast a capture is replayed.

    replay_speed.py WIRETAG CAPTURE...

However haltingly the bytes come, through a FIFO, every record is the same. When the capture itself
was made of a replay, ten times slower to ten times faster, pauses are no evidence any more: the
clients and their ports are the same, and all but a few of the flows; what is found besides is
counted. Without CAPTURE: those of $WIRETAG_CAPTURES that hold Skype.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import pcap_file

SPEEDS = (0.1, 0.5, 2, 10)
PIECES = 40


def read(wiretag, capture):
    """All records. Their order is that of a keyed hash, another one each time."""
    return sorted(subprocess.run([wiretag, "read", "--json", capture], check=True,
                                 stdout=subprocess.PIPE).stdout.splitlines())


def feed(fifo, data):
    with open(fifo, "wb", buffering=0) as file:
        for i in range(PIECES):
            file.write(data[i * len(data) // PIECES:(i + 1) * len(data) // PIECES])
            time.sleep(0.02 * (i % 3))


def halting(wiretag, capture, folder):
    fifo = f"{folder}/fifo"
    os.mkfifo(fifo)
    feeder = threading.Thread(target=feed, args=(fifo, pathlib.Path(capture).read_bytes()))
    feeder.start()
    lines = read(wiretag, fifo)
    feeder.join()
    os.unlink(fifo)
    return lines


def verdicts(lines):
    """The flows that are Skype for sure, and the clients with a port."""
    flows, clients = set(), set()
    for line in lines:
        event = json.loads(line)
        verdict = event.get("wiretag", {})
        if verdict.get("app") != "skype" or verdict["confidence"] == "weak":
            continue
        if event["event_type"] == "flow":
            flows.add((event["proto"], event["src_ip"], event["src_port"], event["dest_ip"],
                       event["dest_port"]))
        elif event["event_type"] == "host" and verdict["confidence"] == "certain" and \
                "port" in verdict:
            clients.add((verdict["ip"], verdict["port"], verdict.get("version")))
    return flows, clients


def stretch(capture, out, factor):
    header, frames = pcap_file.read(capture)
    start = frames[0].seconds * 10**6 + frames[0].part
    for frame in frames:
        moment = frame.seconds * 10**6 + frame.part
        frame.seconds, frame.part = divmod(start + int((moment - start) * factor), 10**6)
    pcap_file.write(out, header, frames)


def check(wiretag, capture):
    expected = read(wiretag, capture)
    flows, clients = verdicts(expected)
    is_right = len(flows) > 0
    with tempfile.TemporaryDirectory() as folder:
        found = halting(wiretag, capture, folder)
        if found != expected:
            print(f"{capture}: haltingly: {len(set(found) ^ set(expected))} other records")
            is_right = False
        for factor in SPEEDS:
            stretch(capture, f"{folder}/other.pcap", factor)
            other_flows, other_clients = verdicts(read(wiretag, f"{folder}/other.pcap"))
            lost, more = flows - other_flows, other_flows - flows
            print(f"{capture}: {factor} times as long: {len(flows)} flows, {len(lost)} lost, "
                  f"{len(more)} more; {len(clients)} clients, "
                  f"{len(clients ^ other_clients)} other")
            is_right &= clients == other_clients and len(lost) + len(more) <= len(flows) / 20
    return is_right


def main():
    wiretag, captures = sys.argv[1], sys.argv[2:]
    if not captures:
        captures = pcap_file.skype_captures()
        if captures is None:
            return 77
    return 0 if all([check(wiretag, capture) for capture in captures]) else 1


if __name__ == "__main__":
    sys.exit(main())
