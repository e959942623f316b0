#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rules and alerts of config/prometheus and the dashboard of config/grafana: promtool's tests of
them, every name in them is one of ours, and a real Prometheus that scrapes the running program has
an alert fire. argv: wiretag."""

import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import urllib.parse
import urllib.request

from scapy.all import IP, UDP, Ether, Raw, wrpcap

from running import Running, opener, skip, temporary, wait_for

TOP = pathlib.Path(__file__).resolve().parents[2]
RULES = sorted((TOP / "config/prometheus").glob("*.yml"))
DASHBOARD = TOP / "config/grafana/wiretag.json"
OTHERS = {"up", "process_start_time_seconds", "process_cpu_seconds_total",
          "process_resident_memory_bytes"}


def promtool(*arguments, cwd=None):
    done = subprocess.run(["promtool", *arguments], cwd=cwd, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_rules(directory):
    promtool("check", "rules", *RULES)
    for path in [*RULES, TOP / "tests/prometheus/alerts_test.yml"]:
        shutil.copy(path, directory)
    promtool("test", "rules", "alerts_test.yml", cwd=directory)
    tested = (TOP / "tests/prometheus/alerts_test.yml").read_text()
    for alert in re.findall(r"alert: (\w+)", (TOP / "config/prometheus/alerts.yml").read_text()):
        assert f'alertname="{alert}"' in tested, f"no test has {alert} fire"


def test_names():
    """No query asks for what is not there."""
    listed = set(re.findall(r"(?m)^METRIC\((\w+), (\w+)", (TOP / "lib/metrics.def").read_text()))
    known = OTHERS | {name for name, kind in listed if kind != "HISTOGRAM"}
    known |= {name + end for name, kind in listed if kind == "HISTOGRAM"
              for end in ("_bucket", "_sum", "_count")}
    known |= set(re.findall(r"record: (\S+)", "".join(path.read_text() for path in RULES)))
    asked = [expression for path in RULES
             for expression in re.findall(r"(?s)expr: (?:>-)?(.*?)\n +(?:for|- record):",
                                          path.read_text() + "\n      - record:")]
    dashboard = json.loads(DASHBOARD.read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    asked += [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(asked) > 40 and all(panel["title"] and panel["targets"] for panel in panels)
    for expression in asked:
        names = set(re.findall(r"\b(?:wiretag|process|up)[\w:]*", re.sub('"[^"]*"', "", expression)))
        assert names and names <= known, (expression, names - known)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Prometheus:
    """A real one that scrapes `target` each second; alerts fire at once."""

    def __init__(self, directory, target):
        for path in RULES:
            text = re.sub(r"for: \w+", "for: 1s", path.read_text())
            (directory / path.name).write_text(text)
        (directory / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml", "alerts.yml"],
            "scrape_configs": [{"job_name": "wiretag", "static_configs": [{"targets": [target]}]}],
        }))
        promtool("check", "config", directory / "prometheus.yml")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            ["prometheus", "--config.file", directory / "prometheus.yml", "--storage.tsdb.path",
             directory / "data", "--web.listen-address", self.url.removeprefix("http://")],
            stdout=subprocess.DEVNULL, stderr=open(directory / "prometheus.log", "wb"))

    def query(self, expression):
        """The values of all series of the answer."""
        query = urllib.parse.urlencode({"query": expression})
        try:
            with opener.open(f"{self.url}/api/v1/query?{query}", timeout=10) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError:
            assert self.process.poll() is None, "prometheus ended"
            return []
        return [float(series["value"][1]) for series in result]

    def firing(self, alert):
        return self.query(f'ALERTS{{alertname="{alert}",alertstate="firing"}}') == [1]


def test_scrape(directory):
    capture = f"{directory}/traffic.pcap"
    wrpcap(capture, [Ether() / IP(src="192.0.2.1", dst="198.51.100.1") / UDP() / Raw(bytes(20))])
    run = Running(directory, {}, capture)
    place = directory / "prometheus"
    place.mkdir()
    prometheus = Prometheus(place, run.url.removeprefix("http://"))
    try:
        wait_for("a scrape", lambda: prometheus.query("up") == [1])
        wait_for("a recorded rate", lambda: sum(
            prometheus.query("wiretag:received_packets:rate1m")) > 0)
        busy = wait_for("the load", lambda: prometheus.query("wiretag:lcore_busy:ratio_rate1m"))
        assert 0 < busy[0] <= 1, busy
        # Every sample was taken: none is there twice, none has a wrong time.
        assert prometheus.query("scrape_samples_scraped - scrape_samples_post_metric_relabeling"
                                ) == [0]
        assert prometheus.query("scrape_samples_scraped")[0] > 200
        assert not prometheus.firing("WiretagReloadFailed")
        run.write({"policy": {"default": "dorp"}})
        run.signal(signal.SIGHUP)
        wait_for("the alert", lambda: prometheus.firing("WiretagReloadFailed"))
        run.write({})
        run.signal(signal.SIGHUP)
        wait_for("its end", lambda: not prometheus.firing("WiretagReloadFailed"))
        run.stop()
        wait_for("the alert", lambda: prometheus.firing("WiretagDown"))
    finally:
        prometheus.process.terminate()
        prometheus.process.wait(30)


if shutil.which("promtool") is None or shutil.which("prometheus") is None:
    skip("no package prometheus")
test_names()
with temporary() as name:
    test_rules(name)
    test_scrape(pathlib.Path(name))
