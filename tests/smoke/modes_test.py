#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Modes, cases of failure and rates, changed by reloads while packets come in. argv: wiretag."""

import signal
import time

from scapy.all import IP, UDP, Ether, Raw, wrpcap

from running import Running, temporary, wait_for

TIME = "wiretag_config_last_reload_success_timestamp_seconds"
RECEIVED = "wiretag_received_packets_total"
DROPS = "wiretag_drop_packets_total"
VERDICTS = "wiretag_packets_total"
RULES = [{"id": i, "app": app, "confidence": "certain", "match": {"payload": "^" + app}}
         for i, app in enumerate(("one", "two"), 1)]
POLICY = {"one": "drop", "two": {"tag": {"dscp": "cs1"}}}
PAYLOAD = 1000
CUT = 4  # frames of a round whose IP header is cut short


def make_capture(path):
    frames = [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") /
              IP(src=f"192.0.2.{i}", dst="198.51.100.1") / UDP(sport=1000 + i, dport=9) /
              Raw((b"one", b"two")[i % 2].ljust(PAYLOAD)) for i in range(1, 61)]
    frames += [Ether(bytes(frames[0])[:24])] * CUT
    wrpcap(str(path), frames)


def change(run, **changes):
    """What the packets of the next half second come to under a changed configuration."""
    was = run.metrics()
    run.write(changes)
    run.signal(signal.SIGHUP)
    wait_for("the reload", lambda: run.metrics()[TIME] > was[TIME])
    time.sleep(0.3)
    was = run.metrics()
    time.sleep(0.5)
    now = run.metrics()
    grown = {key: now[key] - was.get(key, 0) for key in now}
    grown["seconds"] = grown["wiretag_lcore_cycles_total"] / now["wiretag_tsc_frequency_hertz"]
    assert grown[RECEIVED] > 0
    assert grown[RECEIVED] == grown["wiretag_forwarded_packets_total"] + grown[DROPS]
    assert grown[VERDICTS] == grown[RECEIVED]
    for mode in ("tap", "monitor"):
        assert now[f"wiretag_{mode}_mode"] == (changes.get("mode") == mode)
    return grown


def about(value, wanted):
    return abs(value - wanted) <= 200 + wanted / 100


def modes(run):
    for mode in ("tap", "monitor", "inline"):
        grown = change(run, mode=mode, policy=POLICY)
        is_inline = mode == "inline"
        share = grown[RECEIVED] * 30 / 64
        for verdict in ("drop", "tag"):
            assert about(grown[VERDICTS, verdict], share if is_inline else 0), (mode, grown)
            assert about(grown[VERDICTS, "would-" + verdict], 0 if is_inline else share), mode
        assert about(grown[DROPS, "policy"], share if is_inline else 0)
        assert grown[DROPS, "monitor"] == (grown[RECEIVED] if mode == "monitor" else 0)


def fail(run):
    for mode in ("inline", "tap"):
        for malformed in ("closed", "open"):
            grown = change(run, mode=mode, policy={}, fail={"malformed": malformed})
            cut = grown[RECEIVED] * CUT / 64
            is_closed = malformed == "closed"
            would = grown[VERDICTS, "would-drop"]
            dropped = grown.get((DROPS, "closed-malformed"), 0)
            assert about(dropped, cut if is_closed and mode == "inline" else 0), grown
            assert about(would, cut if is_closed and mode == "tap" else 0), grown
            assert about(grown["wiretag_uninspected_packets_total", "malformed"], cut - dropped)


def police(run):
    megabits = 80
    grown = change(run, policy={"one": {"police": f"{megabits} Mbit/s"}})
    offered = grown["wiretag_app_bytes_total", "one"]
    frame = 14 + 20 + 8 + PAYLOAD
    passed = offered - grown[DROPS, "police"] * frame
    allowed = megabits * 1e6 / 8 * grown["seconds"]
    print(f"{passed:.0f} of {offered:.0f} bytes passed, {allowed:.0f} were allowed")
    assert offered > 2 * allowed, "too little traffic"
    assert 0.9 * allowed < passed < 1.1 * allowed


with temporary() as directory:
    make_capture(f"{directory}/traffic.pcap")
    running = Running(directory, {"rules": RULES, "policy": POLICY}, f"{directory}/traffic.pcap")
    modes(running)
    fail(running)
    police(running)
    running.stop()
