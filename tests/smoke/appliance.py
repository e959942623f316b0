# SPDX-License-Identifier: BSD-3-Clause
"""The real program as tests configure, start, ask and stop it."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

PROGRAM = os.environ.get("WIRETAG", "wiretag")
START_SECONDS = 60
SKIPPED = 77


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(map(str, what)))


def wait_for(what, condition, seconds=60):
    """The first true answer of `condition`."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        check(time.monotonic() < end, f"waited {seconds} s for {what}")
        time.sleep(0.05)
    return answer


def start_capture(path, interface, *prefix):
    """dumpcap into `path`, once it has begun; `prefix` is a command that runs it elsewhere."""
    process = subprocess.Popen([*prefix, "dumpcap", "-q", "-P", "-i", interface, "-w", path],
                               stderr=subprocess.PIPE, text=True)
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("File:"):
            return process
    raise AssertionError(f"dumpcap does not start: {said}")


def stop_capture(process):
    process.terminate()
    process.communicate()


class Metrics:
    """One page of metrics: families in one piece, no series twice."""

    LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
    LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)",?')

    def __init__(self, text):
        self.text = text
        self.samples = {}
        ended, family = set(), None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                ended.add(family)
                family = line.split()[2]
                check(family not in ended, f"{family} is in two pieces")
            elif not line.startswith("#"):
                match = self.LINE.fullmatch(line)
                check(match and match[1].startswith(family), "no sample of", family, line)
                labels = tuple(sorted(self.LABEL.findall(match[2] or "")))
                check((match[1], labels) not in self.samples, "twice:", line)
                self.samples[match[1], labels] = float(match[3])

    def get(self, name, **labels):
        """The sum of the series of `name` that have all of `labels`."""
        wanted = set(labels.items())
        return sum(value for (other, have), value in self.samples.items()
                   if other == name and wanted <= set(have))

    def label_values(self, name, label):
        return sorted({dict(have)[label] for other, have in self.samples if other == name})

    def check_books(self):
        """Every packet is accounted for, by pair and direction and in total."""
        wires = [{}] + [{"pair": pair, "direction": direction}
                        for pair in self.label_values("wiretag_received_packets_total", "pair")
                        for direction in self.label_values("wiretag_received_packets_total",
                                                           "direction")]
        check(len(wires) > 2, "no pair in the books")
        for wire in wires:
            received, forwarded, dropped, inspected, past, uninspected = (
                self.get(f"wiretag_{name}_packets_total", **wire)
                for name in ("received", "forwarded", "drop", "inspected", "past_inspection",
                             "uninspected"))
            check(received == forwarded + dropped, wire, "received", received, "but forwarded",
                  forwarded, "and dropped", dropped)
            check(forwarded == inspected + past + uninspected, wire, "forwarded", forwarded,
                  "but inspected", inspected, "past", past, "uninspected", uninspected)
        check(self.get("wiretag_packets_total") == self.get("wiretag_received_packets_total"),
              "verdicts do not add up to what was received")


class Appliance:
    """`wiretag run` with one pair of ports; a context that ends with it stopped."""

    def __init__(self, inside, outside, until="/-/ready", **config):
        self.until = until
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.events = self.directory / "events.json"
        self.log = self.directory / "log"
        self.process = None
        self.config = {
            "ports": {"in": inside, "out": outside},
            "pairs": [{"name": "wire", "inside": "in", "outside": "out"}],
            "workers": 1,
            "flows": {"capacity": 4096},
            "dpdk": {"memory": "none", "mbufs": 8192},
            "events": {"file": str(self.events)},
            **config,
        }

    def __enter__(self):
        path = self.directory / "wiretag.yaml"
        path.write_text(json.dumps(self.config))  # which is YAML
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([PROGRAM, "run", "-c", path], stdout=log, stderr=log)
        wait_for("the program to be ready", self.is_ready, START_SECONDS)
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind is not None:
            print("----- what the program said")
            print(self.log.read_text(errors="replace")[-8000:])

    def ask(self, path):
        """(status, body) of its HTTP server, (0, "") when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", 9932, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except ConnectionError:
            return 0, ""
        finally:
            connection.close()

    def is_ready(self):
        check(self.process.poll() is None, "the program ended with", self.process.returncode)
        return self.ask(self.until)[0] == 200

    def metrics(self):
        status, text = self.ask("/metrics")
        check(status == 200, "/metrics answers", status)
        return Metrics(text)

    def wait_received(self, packets):
        def received():
            metrics = self.metrics()
            return metrics.get("wiretag_received_packets_total") >= packets and metrics
        return wait_for(f"{packets} packets", received)

    def stop(self, number=signal.SIGTERM):
        """Stops in time, with exit status 0 and books that balance: the stats record."""
        self.process.send_signal(number)
        check(self.process.wait(60) == 0, "exit status", self.process.returncode)
        records = self.records()
        check(records and records[-1]["event_type"] == "stats", "the last record is no stats")
        stats = records[-1]["stats"]
        check(stats["packets"] == sum(stats["reasons"].values()), "stats:", stats)
        flows = [record["flow"] for record in records if record["event_type"] == "flow"]
        packets = sum(flow["pkts_toserver"] + flow["pkts_toclient"] for flow in flows)
        if "records_lost" not in stats:
            check(packets + stats["not_flow"] == stats["packets"], "flow records have", packets,
                  "packets, stats:", stats)
        return stats

    def records(self, kind=None):
        lines = self.events.read_text().splitlines() if self.events.exists() else []
        records = [json.loads(line) for line in lines]
        return [r for r in records if kind in (None, r["event_type"])]
