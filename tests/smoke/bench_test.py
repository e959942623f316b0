#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`wiretag bench` in small: every scenario runs, and the JSON is what scripts read."""
import json
import os
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1)
RULES = os.path.join(os.environ["WIRETAG_SOURCE"], "config", "rules")
STAGES = {"io", "decode", "lookup", "full"}


def bench(*arguments):
    return subprocess.run([PROGRAM, "bench", "--rules", RULES, *arguments], capture_output=True,
                          text=True, timeout=120, check=False)


class BenchTest(unittest.TestCase):
    def check_scenario(self, scenario):
        cycles = scenario["cycles"]
        self.assertLessEqual(STAGES, set(cycles))
        for stage in cycles.values():
            self.assertEqual(stage["rounds"], 2)
            self.assertLess(0, stage["p1"])
            self.assertLessEqual(stage["p1"], stage["median"])
            self.assertLessEqual(stage["median"], stage["p99"])
        self.assertLess(0, scenario["mpps"])
        self.assertAlmostEqual(scenario["ratio"],
                               cycles["io"]["median"] / cycles["full"]["median"], 3)
        self.assertLess(0, scenario["flows"])
        self.assertLessEqual(scenario["bytes_per_flow"], 96.1)
        if scenario["bar"] is not None:
            self.assertIn(scenario["bar"]["limit"], ("at-least", "at-most"))
            self.assertIn(scenario["bar"]["met"], (True, False))

    def test_every_scenario(self):
        result = bench("--quick", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")  # progress is for terminals
        report = json.loads(result.stdout)
        self.assertEqual(report["machine"]["rounds"], 2)
        names = [scenario["name"] for scenario in report["scenarios"]]
        for name in ("flows-10k", "flows-1m-zipf", "flood", "churn-10m", "http-100-10000", "hash",
                     "watched", "segments", "segments-swapped"):
            self.assertIn(name, names)
        for scenario in report["scenarios"]:
            with self.subTest(scenario["name"]):
                self.check_scenario(scenario)

    def test_table(self):
        result = bench("--quick", "vlan", "flows-10k")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^vlan .*cycles more .*met$")
        self.assertRegex(result.stdout, r"(?m)^flows-10k .*full / io .*met$")

    def test_one_stage(self):
        result = bench("--quick", "--json", "--rounds", "1", "--stage", "full", "flows-10k")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(set(json.loads(result.stdout)["scenarios"][0]["cycles"]), {"full"})

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "one CPU")
    def test_two_workers(self):
        result = bench("--quick", "--json", "--workers", "2", "flows-10k", "http-10-10")
        self.assertEqual(result.returncode, 0, result.stderr)
        for scenario in json.loads(result.stdout)["scenarios"]:
            self.assertEqual(scenario["workers"], 2)
            cycles = scenario["cycles"]
            self.assertAlmostEqual(scenario["scaling"],
                                   cycles["full"]["median"] / cycles["together"]["median"], 3)

    def test_more_workers_than_cpus(self):
        count = len(os.sched_getaffinity(0)) + 1
        result = bench("--quick", "--workers", str(count), "flows-10k")
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"--workers {count}", result.stderr)

    def test_verdicts_kept(self):
        """A flood takes verdicts only where not all flows found a place from the beginning."""
        result = bench("--quick", "--json", "flood")
        self.assertLess(0.7, json.loads(result.stdout)["scenarios"][0]["verdicts_kept"])

    def test_wrong_usage(self):
        result = bench("flows-9k")
        self.assertEqual(result.returncode, 2)
        self.assertIn("flows-9k", result.stderr)
        self.assertIn("flows-10k", result.stderr)
        for arguments in (["--rounds", "0"], ["--stage", "nope"], ["--nope"], ["mix"]):
            with self.subTest(arguments):
                self.assertEqual(bench("--quick", *arguments).returncode, 2)

    def test_bad_capture(self):
        result = bench("--capture", "/nonexistent.pcap", "mix")
        self.assertEqual(result.returncode, 1)
        self.assertIn("/nonexistent.pcap", result.stderr)


unittest.main()
