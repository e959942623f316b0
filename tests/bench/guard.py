#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Counts the instructions that the packet's path spends on a packet, and compares them with those
kept in instructions.json: more than 3 % more fails and names the stage.

    guard.py PROGRAM BUILD SOURCE            compares; exit status 77 where that is not possible
    guard.py PROGRAM BUILD SOURCE --update   keeps what it counts

BUILD says how the program was made ("gcc 12.2.0 release"): other compilers make other
instructions. Counted by callgrind, so no other work on the machine moves the figures; only the
secret of the flow tables does, by a few in a thousand.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PACKETS = 51200
COUNTED = PACKETS + PACKETS // 16  # with those that warm up
ALLOWED = 1.03
SLACK = 1.0  # instructions: what is next to nothing may double
SCENARIOS = ["flows-10k", "flood", "churn-10m", "http-10-10", "vlan"]
STAGES = {
    "decode": "decode_burst",
    "lookup": "flow_lookup_burst",
    "inspect": "inspect_burst",
    "act": "action_burst",
    "count": "path_count",
    "full": "lane_run",
}
SKIP = 77


def count(program, rules, scenario, folder):
    """Instructions a packet of each stage, what it calls included."""
    profile = os.path.join(folder, scenario)
    subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=lane_run",
                    "--callgrind-out-file=" + profile, program, "bench", "--rules", rules,
                    "--quick", "--rounds", "1", "--packets", str(PACKETS), "--stage", "full",
                    scenario], check=True, capture_output=True, text=True)
    listing = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", profile],
                             check=True, capture_output=True, text=True).stdout
    counts = {}
    for stage, function in STAGES.items():
        match = re.search(rf"(?m)^\s*([\d,]+) .*:{function}(?:\.\S+)? \[", listing)
        if match is None:
            sys.exit(f"{scenario}: {function}() is not among what callgrind saw")
        counts[stage] = round(int(match[1].replace(",", "")) / COUNTED, 1)
    return counts


def compare(scenario, counts, kept):
    """Prints a line and returns whether no stage became worse."""
    worse = [stage for stage, value in counts.items()
             if value > max(kept[stage] * ALLOWED, kept[stage] + SLACK)]
    figures = ", ".join(f"{stage} {value} ({kept[stage]})" for stage, value in counts.items())
    print(f"{scenario}: {figures}" + "".join(f"; {stage.upper()} IS WORSE" for stage in worse))
    return not worse


def main():
    program, build, source = sys.argv[1:4]
    folder = pathlib.Path(source) / "tests" / "bench"
    file = folder / "instructions.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    is_update = sys.argv[4:] == ["--update"]

    if shutil.which("valgrind") is None or shutil.which("callgrind_annotate") is None:
        print("valgrind is not installed")
        return SKIP
    if not is_update and build not in kept:
        print(f"nothing is kept for {build}, only for {', '.join(kept)}")
        return SKIP
    with tempfile.TemporaryDirectory() as scratch:
        counts = {scenario: count(program, str(pathlib.Path(source) / "config" / "rules"),
                                  scenario, scratch) for scenario in SCENARIOS}
    if is_update:
        kept[build] = counts
        file.write_text(json.dumps(kept, indent=1) + "\n")
        return 0
    good = [compare(scenario, counts[scenario], kept[build][scenario]) for scenario in SCENARIOS]
    if not all(good):
        print(f"If the work is worth it: {sys.argv[0]} PROGRAM '{build}' SOURCE --update, and say "
              "in the commit what it buys.")
    return 0 if all(good) else 1


sys.exit(main())
