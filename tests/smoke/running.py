# SPDX-License-Identifier: BSD-3-Clause
"""`wiretag run` on virtual devices, without huge pages and without any interface of the host."""

import atexit
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

WIRETAG = sys.argv[1]
SKIPPED = 77

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def wait_for(what, condition, seconds=120):
    """The first true answer of `condition`."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)
    return answer


class Running:
    """A program that forwards all that a capture holds, again and again, at full speed."""

    def __init__(self, directory, config, capture):
        self.directory = pathlib.Path(directory)
        self.path = self.directory / "wiretag.yaml"
        self.log_path = self.directory / "log"
        self.config = {
            "ports": {"lan": f"net_pcap0,rx_pcap={capture},infinite_rx=1",
                      "wan": "net_null1,no-rx=1"},
            "pairs": [{"name": "wire", "inside": "lan", "outside": "wan"}],
            "workers": 1,
            "mtu": 1500,
            "flows": {"capacity": 4096},
            "metrics": {"listen": "127.0.0.1:0"},
            "control": {"socket": "off"},
            "dpdk": {"memory": "none", "file_prefix": f"wiretag-test-{os.getpid()}"},
        } | config
        self.write({})
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([WIRETAG, "run", "-c", self.path], stdout=log,
                                            stderr=log)
        atexit.register(self.process.kill)
        self.url = wait_for("the metrics' address", self.find_url)
        wait_for("packets", lambda: self.metrics()["wiretag_received_packets_total"] > 0)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def find_url(self):
        assert self.process.poll() is None, self.log()
        match = re.search(r"metrics at (\S+)/\n", self.log())
        return match and match[1]

    def write(self, changes):
        """A new file in the old one's place, in one step."""
        new = self.directory / "new"
        new.write_text(json.dumps(self.config | changes))  # which is YAML
        new.rename(self.path)

    def signal(self, number):
        self.process.send_signal(number)

    def metrics(self):
        """{name: sum, (name, label's value): sum of these}"""
        start = time.monotonic()
        with opener.open(self.url + "/metrics", timeout=10) as page:
            text = page.read().decode()
        self.scrape_seconds = time.monotonic() - start
        sums = {}
        for name, labels, value in re.findall(r"(?m)^(\w+)(?:\{(.*)\})? (\S+)$", text):
            for key in [name] + [(name, label) for label in re.findall(r'="([^"]*)"', labels)]:
                sums[key] = sums.get(key, 0) + float(value)
        return sums

    def stop(self):
        self.process.terminate()
        assert self.process.wait(100) == 0, self.log()
        log = self.log()
        assert "ERROR: AddressSanitizer" not in log and "runtime error" not in log, log
        return log


def temporary():
    return tempfile.TemporaryDirectory(prefix="wiretag-")
