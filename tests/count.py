#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Counts single tests in meson's testlog.json: prints "PASSED FAILED SKIPPED".

cmocka programs count by what their summaries say, everything else as one test.
"""

import json
import re
import sys


def summary(output, kind):
    return sum(map(int, re.findall(rf"(?m)^\[  {kind}\s*\] (?:\S+: )?(\d+) test\(s\)", output)))


def count(test):
    output = test.get("stdout", "") + test.get("stderr", "")
    counts = [summary(output, kind) for kind in ("PASSED", "FAILED", "SKIPPED")]
    result = test["result"]
    if result == "SKIP":
        return [0, 0, 1]
    if result in ("OK", "EXPECTEDFAIL"):
        return counts if any(counts) else [1, 0, 0]
    counts[1] = max(counts[1], 1)  # it may have died before its summary
    return counts


def main():
    with open(sys.argv[1], encoding="utf-8") as log:
        print(*map(sum, zip([0, 0, 0], *(count(json.loads(line)) for line in log))))


main()
