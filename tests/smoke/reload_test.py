#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reloads while packets are forwarded at full speed: no packet is lost, and each has the verdict of
the old policy or of the new one. argv: wiretag. $RELOAD_SECONDS: how long, 15 by default."""

import os
import signal
import time

from scapy.all import IP, UDP, Ether, Raw, wrpcap

from running import Running, temporary, wait_for

SECONDS = int(os.environ.get("RELOAD_SECONDS", "15"))
RULES_MANY = 10000 if SECONDS >= 60 else 2000
OK = "wiretag_config_last_reload_successful"
TIME = "wiretag_config_last_reload_success_timestamp_seconds"
VERDICTS = "wiretag_packets_total"


def rule(number, app, pattern):
    return {"id": number, "app": app, "confidence": "certain", "match": {"payload": pattern}}


# Every packet is of `one` or of `two`, and each policy drops one and tags the other: a packet that
# is forwarded untouched had the verdict of neither.
RULES = [rule(1, "one", "^one"), rule(2, "two", "^two")]
POLICIES = [{"one": "drop", "two": {"tag": {"dscp": "cs1"}}},
            {"one": {"tag": {"dscp": "ef"}}, "two": "drop"}]


def make_capture(path):
    wrpcap(str(path), [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") /
                       IP(src=f"192.0.2.{i}", dst="198.51.100.1") / UDP(sport=1000 + i, dport=9) /
                       Raw((b"one", b"two")[i % 2] + bytes(20)) for i in range(1, 65)])


def check_books(before, after):
    """Nothing got lost between two scrapes, and the worker was at work."""
    received = after["wiretag_received_packets_total"]
    assert received == after["wiretag_forwarded_packets_total"] + \
        after["wiretag_drop_packets_total"], after
    assert received > before["wiretag_received_packets_total"], "the worker stood still"
    assert after["wiretag_drop_packets_total"] == \
        after["wiretag_drop_packets_total", "policy"], "dropped, but not by the policy"
    for lost in ("rx_missed", "rx_nombuf", "rx_errors", "tx_errors"):
        assert after[f"wiretag_port_{lost}_total"] == 0, lost
    assert after["wiretag_degraded", "worker-stalled"] == 0
    neither = after[VERDICTS, "forward"] - before[VERDICTS, "forward"]
    assert neither == 0, f"{neither} packets have the verdict of neither policy"


def reload_each_second(run):
    before = run.metrics()
    drops = 0
    for i in range(SECONDS):
        was = run.metrics()
        run.write({"policy": POLICIES[(i + 1) % 2]})
        run.signal(signal.SIGHUP)
        wait_for("the reload", lambda: run.metrics()[TIME] > was[TIME], 30)
        time.sleep(1)
        now = run.metrics()
        assert now[OK] == 1
        check_books(was, now)
        drops += now[VERDICTS, "drop"] - was[VERDICTS, "drop"]
        tags = now[VERDICTS, "tag"] - was[VERDICTS, "tag"]
        assert tags > 0 and drops > 0
    # Flows that began under the first policy are dropped and tagged by the newest alone.
    for app in ("one", "two"):
        name = "wiretag_app_packets_total"
        assert now[name, app] > before[name, app]
    print(f"bursts while it reloads: {burst_times(before, now)}")
    print(f"{SECONDS} reloads, {now['wiretag_received_packets_total']:.0f} packets")


def refuse(run):
    """What is wrong changes nothing, and says where."""
    before = run.metrics()
    for changes, complaint in [
        ({"policy": {"one": "dorp"}}, "wiretag.yaml:1:"),
        ({"rules": [rule(1, "one", "(")]}, "wiretag.yaml:1:"),
        ({"mtu": 9000}, "mtu needs a restart"),
        ({"workers": 2}, "workers needs a restart"),
        ({"flows": {}}, "flows.capacity needs a restart"),
        ({"ports": run.config["ports"] | {"wan": "net_null2"}}, "ports needs a restart"),
    ]:
        said = len(run.log())
        run.write(changes)
        run.signal(signal.SIGHUP)
        wait_for("the refusal", lambda: "changes nothing" in run.log()[said:])
        assert complaint in run.log()[said:], run.log()[said:]
        now = run.metrics()
        assert now[OK] == 0 and now[TIME] == before[TIME]
        assert now["wiretag_degraded", "reload-failed"] == 1
        assert now["wiretag_ready"] == 1
        check_books(before, now)


def burst_times(was, now):
    """Shares of the bursts between two scrapes that took at most so long, for people."""
    name = "wiretag_burst_duration_seconds_bucket"
    grown = {float(key[1]): now[key] - was.get(key, 0) for key in now
             if isinstance(key, tuple) and key[0] == name and
             ("e-" in key[1] or "." in key[1])}
    count = now["wiretag_burst_duration_seconds_count"] - \
        was["wiretag_burst_duration_seconds_count"]
    return ", ".join(f"{100 * grown[limit] / count:.4f} % in {1e6 * limit:.0f} us"
                     for limit in sorted(grown) if grown[limit] >= 0.5 * count)


def many(start):
    return RULES + [rule(10 + i, "many", f"^x{i * 7919 % 1000003:06d}[a-f]+{start + i}")
                    for i in range(RULES_MANY)]


def compile_many(run):
    """Many rules compile beside the packets, and whoever asks is answered meanwhile."""
    was = run.metrics()
    run.write({"rules": many(0), "policy": POLICIES[0]})
    run.signal(signal.SIGHUP)
    start, scrapes, slowest = time.monotonic(), 0, 0
    while True:
        now = run.metrics()
        scrapes += 1
        slowest = max(slowest, run.scrape_seconds)
        check_books(was, now)
        if now["wiretag_rules_loaded"] == len(RULES) + RULES_MANY:
            break
        assert time.monotonic() - start < 100 + RULES_MANY / 20, run.log()
        time.sleep(0.1)
    took = time.monotonic() - start
    print(f"bursts while they compile: {burst_times(was, now)}")
    print(f"{RULES_MANY} rules in {took:.1f} s; slowest of {scrapes} scrapes: {slowest:.3f} s")
    assert slowest < 1
    assert now[OK] == 1
    return took


def compile_nothing(run, took):
    """What is known is not compiled again: not the patterns, nor each to see whether it is right."""
    for policy in POLICIES:
        was, said, start = run.metrics(), len(run.log()), time.monotonic()
        run.write({"rules": many(0), "policy": policy})
        run.signal(signal.SIGHUP)
        wait_for("the reload", lambda: run.metrics()[TIME] > was[TIME], 100)
        again = time.monotonic() - start
        wait_for("the log", lambda: "rules in force, 0 sets of patterns compiled" in
                 run.log()[said:])
        print(f"the same rules again: {again:.2f} s")
        assert again < took / 2


def stop_while_compiling(run):
    """A compile cannot be interrupted, and does not hold up the end all the same."""
    run.write({"rules": many(RULES_MANY), "policy": POLICIES[0]})
    run.signal(signal.SIGHUP)
    time.sleep(0.3)
    start = time.monotonic()
    run.stop()
    print(f"stopped while it compiled: {time.monotonic() - start:.1f} s")


with temporary() as directory:
    make_capture(f"{directory}/traffic.pcap")
    run = Running(directory, {"rules": RULES, "policy": POLICIES[0]}, f"{directory}/traffic.pcap")
    # Flows whose first packets are on their way.
    wait_for("verdicts", lambda: run.metrics()[VERDICTS, "drop"] > 0)
    reload_each_second(run)
    refuse(run)
    compile_nothing(run, compile_many(run))
    stop_while_compiling(run)
