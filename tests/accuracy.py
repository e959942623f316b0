#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Scores verdicts against the truth: found, missed and false flows for each label of a capture.

    accuracy.py [--brief] [--workers N] [--labels LABEL,...] WIRETAG [CAPTURE...]
    accuracy.py --degraded [--brief] WIRETAG [CAPTURE...]

The truth of CAPTURE is in CAPTURE.truth.csv, or in the same name with .truth.csv for its suffix;
captures without one are read together, and must have no Skype at all. Without CAPTURE: all of
$WIRETAG_CAPTURES, those with a truth with 1, 2 and 4 workers. Flows are matched by their addresses
and ports over the whole capture. Flows without payload are scored apart, since nothing but
correlation can find them. Exit status 1 when a flow that carries payload (of one of the labels,
when there are any) is not found above "weak", or a flow or host is false above "weak".

--degraded reads worse copies of the captures with a truth: one direction, losses, beginnings that
are missing. A table tells what is still found; exit status 1 when anything is false above "weak",
or too few are found.
"""
import argparse
import collections
import csv
import functools
import ipaddress
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pcap_file

ORDER = {"none": 0, "weak": 1, "strong": 2, "certain": 3}
WANTED = ("skype-http", "skype-login", "skype-p2p-udp", "skype-p2p-tcp")
NEUTRAL = ("skype-other", "unknown")


def read_truth(capture):
    for path in (capture + ".truth.csv", os.path.splitext(capture)[0] + ".truth.csv"):
        if os.path.exists(path):
            with open(path, newline="", encoding="utf-8") as file:
                return list(csv.DictReader(file))
    return None


def read_verdicts(wiretag, captures, workers):
    """Confidence and verdict of each flow that is called Skype; hosts that are."""
    command = [wiretag, "read", "--json", "--workers", str(workers), *captures]
    # Some captures without Skype are of a kind that is not read, and that is told apart.
    result = subprocess.run(command, check=False, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    if result.returncode > 1 or (len(captures) == 1 and result.returncode != 0):
        sys.exit(f"{captures[0]}: exit status {result.returncode}, {result.stderr.decode()}")
    output = result.stdout
    flows, hosts = {}, {}
    for line in output.splitlines():
        event = json.loads(line)
        verdict = event.get("wiretag", {})
        if verdict.get("app") != "skype":
            continue
        rank = ORDER[verdict["confidence"]]
        if event["event_type"] == "flow":
            key = pcap_file.key_of(event["proto"], event["src_ip"], event.get("src_port"),
                         event["dest_ip"], event.get("dest_port"))
            best = flows.get(key)
            if best is None or rank > best[0]:
                flows[key] = (rank, verdict)
        elif event["event_type"] == "host":
            hosts[verdict["ip"]] = max(hosts.get(verdict["ip"], 0), rank)
    return flows, hosts


def read_payloads(capture):
    """Payload bytes of each flow; None where the file is of a kind that only wiretag reads."""
    try:
        frames = pcap_file.read(capture)[1]
    except pcap_file.NotClassicPcap:
        return None
    payloads = collections.Counter()
    for frame in frames:
        flow = pcap_file.flow_of(frame)
        if flow is not None:
            payloads[flow[0]] += flow[2]
    return payloads


def is_empty(row, key, payloads):
    """No payload: the capture says so, or else the truth."""
    return payloads[key] == 0 if payloads is not None else "no payload" in row.get("reason", "")


def score(truth, flows, payloads):
    """Lists of flows by label and outcome."""
    outcomes = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in truth:
        key = pcap_file.key_of(row["proto"], row["ip_a"], row["port_a"], row["ip_b"], row["port_b"])
        rank = flows.get(key, (0,))[0]
        label = row["label"]
        if label in WANTED and is_empty(row, key, payloads):
            label += " without payload"
        if label == "not-skype":
            outcome = "right" if rank == 0 else "false, weak" if rank == 1 else "false"
        else:
            outcome = "missed" if rank == 0 else "weak" if rank == 1 else "found"
        outcomes[label][outcome].append((key, row["packets"],
                                         row.get("reason", row.get("source", ""))))
    return outcomes


def show(outcomes, is_verbose):
    for label in sorted(outcomes):
        counts = outcomes[label]
        total = sum(map(len, counts.values()))
        print(f"  {label:30} {total:5}: " + ", ".join(
            f"{len(flows)} {outcome} ({sum(int(f[1]) for f in flows)} packets)"
            for outcome, flows in sorted(counts.items())))
        if not is_verbose:
            continue
        for outcome in ("missed", "weak", "false", "false, weak"):
            for key, packets, reason in counts.get(outcome, ()):
                if label not in NEUTRAL:
                    print(f"    {outcome}: {key[0]} {key[1]} {key[2]} {packets}: {reason[:150]}")


def count_wrong(outcomes, labels):
    wrong = len(outcomes["not-skype"]["false"])
    for label in labels:
        wrong += len(outcomes[label]["missed"]) + len(outcomes[label]["weak"])
    return wrong


def score_capture(arguments, capture, truth, workers):
    flows, hosts = read_verdicts(arguments.wiretag, [capture], workers)
    outcomes = score(truth, flows, read_payloads(capture))
    strong = sum(rank > 1 for rank in hosts.values())
    print(f"{capture}, {workers} workers: {strong} hosts, {len(hosts) - strong} weak ones")
    show(outcomes, not arguments.brief)
    return count_wrong(outcomes, arguments.labels.split(","))


PRIVATE = [ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]


@functools.lru_cache(maxsize=None)
def is_inside(address):
    return any(ipaddress.ip_address(address) in net for net in PRIVATE)


def one_direction(is_from_inside):
    def keep(frame, _):
        flow = pcap_file.flow_of(frame)
        return flow is None or is_inside(flow[1]) == is_from_inside
    return keep


def every_second(_, number):
    return number % 2 == 0


def without_beginning():
    """Each flow's first ten packets are missing, as of one that is older than the observer."""
    seen = collections.Counter()

    def keep(frame, _):
        flow = pcap_file.flow_of(frame)
        seen[flow and flow[0]] += 1
        return flow is None or seen[flow[0]] > 10
    return keep


# How a capture can be worse, and the least share of flows with payload that is found all the same.
DEGRADATIONS = {
    "whole": (lambda: lambda frame, number: True, 1),
    "only what clients send": (lambda: one_direction(True), 0.9),
    "only what clients receive": (lambda: one_direction(False), 0.2),
    "every second packet lost": (lambda: every_second, 0.9),
    "the first 10 packets missing": (lambda: lambda frame, number: number >= 10, 1),
    "those of each flow missing": (without_beginning, 0.2),
}


def score_worse(arguments, capture, truth):
    """Prints one line's end. Returns how many flows with payload are found, all, and false ones."""
    flows, _ = read_verdicts(arguments.wiretag, [capture], arguments.workers or 1)
    outcomes = score(truth, flows, read_payloads(capture))
    false = len(outcomes["not-skype"]["false"])
    cells, found, total = [], 0, 0
    for label in WANTED:
        counts = {outcome: len(rows) for outcome, rows in outcomes[label].items()}
        if sum(counts.values()) > 0:
            cells.append(f"{label} {counts.get('found', 0)} of {sum(counts.values())}")
        found += counts.get("found", 0)
        total += sum(counts.values())
    print(f"{', '.join(cells)}; {false} false")
    if not arguments.brief:
        show({label: outcomes[label] for label in (*WANTED, "not-skype")}, True)
    return collections.Counter(found=found, total=total, false=false)


def score_degraded(arguments, captures):
    """Returns in how many ways the result is not good enough, and how much is false."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        worse = os.path.join(folder, "worse.pcap")
        for name, (make_keep, least) in DEGRADATIONS.items():
            sums = collections.Counter(found=0)
            for capture, truth in captures:
                header, frames = pcap_file.read(capture)
                keep = make_keep()
                pcap_file.write(worse, header, [frame for number, frame in enumerate(frames)
                                                if keep(frame, number)])
                print(f"{name}, {os.path.basename(capture)}: ", end="")
                sums += score_worse(arguments, worse, truth)
            is_good = sums["found"] >= least * sums["total"]
            print(f"{name}: {sums['found']} of {sums['total']} flows with payload found, at least "
                  f"{least:.0%} should be; {sums['false']} false" + ("" if is_good else ": BAD"))
            wrong += sums["false"] + (not is_good)
    return wrong


def score_strangers(arguments, captures):
    """Captures without any Skype: how much is wrong."""
    flows, hosts = read_verdicts(arguments.wiretag, captures, arguments.workers or 1)
    false = {key: verdict for key, (rank, verdict) in flows.items() if rank > 1}
    false_hosts = [ip for ip, rank in hosts.items() if rank > 1]
    for key, verdict in false.items():
        print(f"  false: {key}: {verdict}")
    for ip in false_hosts:
        print(f"  false: host {ip}")
    print(f"{len(captures)} captures without Skype: {len(false)} false flows, "
          f"{len(false_hosts)} false hosts; {len(flows) - len(false)} weak flows, "
          f"{len(hosts) - len(false_hosts)} weak hosts")
    return len(false) + len(false_hosts)


def all_captures():
    folder = os.environ.get("WIRETAG_CAPTURES")
    if folder is None:
        sys.exit(77)
    top = pathlib.Path(folder)
    names = [top / "mix.pcap"]
    for part in ("skype", "adjacent", "negatives"):
        names += sorted(path for path in (top / part).rglob("*")
                        if path.is_file() and path.suffix not in (".csv", ".json"))
    return [str(name) for name in names]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--degraded", action="store_true")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--labels", default=",".join(WANTED))
    parser.add_argument("wiretag")
    parser.add_argument("captures", nargs="*")
    arguments = parser.parse_args()
    workers = [arguments.workers or 1]
    if not arguments.captures:
        arguments.captures = all_captures()
        workers = [1, 2, 4]
    wrong, strangers, known = 0, [], []
    for capture in arguments.captures:
        truth = read_truth(capture)
        if truth is None:
            strangers.append(capture)
            continue
        if arguments.degraded:
            known.append((capture, truth))
            continue
        for count in workers:
            wrong += score_capture(arguments, capture, truth, count)
    if arguments.degraded:
        wrong = score_degraded(arguments, known)
    elif strangers:
        wrong += score_strangers(arguments, strangers)
    sys.exit(1 if wrong > 0 else 0)


if __name__ == "__main__":
    main()
