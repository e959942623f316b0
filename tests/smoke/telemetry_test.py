#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-telemetry.py gets every /wiretag command. argv: metrics_server."""

import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

COMMANDS = "info ports pairs workers flows apps verdicts rules hosts health".split()
# How many there can be, and how many one reply shows.
PAGED = {
    "ports": (16, 8),
    "pairs": (16, 8),
    "workers": (64, 8),
    "apps": (256, 64),
    "rules": (256, 128),
}
REPLY_BYTES = 16 * 1024  # DPDK cuts what is longer


class Client:
    """Asks the server of one runtime directory and file prefix."""

    def __init__(self, runtime, prefix):
        self.environment = os.environ | {"RUNTIME_DIRECTORY": runtime}
        self.command = ["dpdk-telemetry.py", "-f", prefix]

    def ask(self, *commands):
        """What /wiretag/<command> answers, in order."""
        out = subprocess.run(
            self.command,
            input="".join(f"/wiretag/{command}\n" for command in commands),
            env=self.environment,
            stdout=subprocess.PIPE,
            timeout=20,
            check=True,
            text=True,
        ).stdout
        answers = []
        for command, line in zip(commands, out.splitlines(), strict=True):
            answer = json.loads(line)
            assert len(json.dumps(answer, separators=(",", ":"))) < REPLY_BYTES, command
            answers.append(answer["/wiretag/" + command.split(",")[0]])
        return answers


def check_replies(client):
    replies = dict(zip(COMMANDS, client.ask(*COMMANDS)))
    print(json.dumps(replies))
    info = replies["info"]
    assert info["version"] == "0.1.0"
    assert (info["pairs"], info["ports"], info["workers"], info["apps"]) == (2, 4, 3, 2)
    assert [port["name"] for port in replies["ports"].values()] == ["p0", "p1", "p2", "p3"]
    assert replies["ports"]["1"]["device"] == 'net_pcap1,rx_pcap="a\\b\nc"'
    assert replies["ports"]["0"]["speed_bytes"] == 1250000000
    assert [worker["lcore"] for worker in replies["workers"].values()] == [1, 2, 3]
    assert [app["name"] for app in replies["apps"].values()] == ["unknown", "skype"]
    assert set(replies["rules"]) == {"1001", "1002", "1003", "1004", "1005", "other"}
    assert set(replies["verdicts"]) == {"forward", "tag", "drop", "would_tag", "would_drop"}
    assert set(replies["hosts"]) == {"hosts", "capacity", "learned", "expired", "evicted"}
    assert replies["flows"]["capacity"] == 3 << 16
    assert replies["health"]["ready"] == 1 and replies["health"]["reasons"] == []
    assert replies["health"]["age_ms"] < 5000


def check_books(client):
    pairs = client.ask("pairs")[0]
    assert [(books["pair"], books["direction"]) for books in pairs.values()] == [
        ("uplink-0", "inside_to_outside"),
        ("uplink-0", "outside_to_inside"),
        ('lab "2"', "inside_to_outside"),
        ('lab "2"', "outside_to_inside"),
    ]
    for books in pairs.values():
        inspection = ("inspected", "past_inspection", "uninspected")
        assert books["received"] > 0
        assert books["received"] == books["forwarded"] + books["dropped"]
        assert books["forwarded"] == sum(books[name] for name in inspection)
        for group in ("dropped", "uninspected"):
            parts = [number for name, number in books.items() if name.startswith(group + "_")]
            assert len(parts) >= 2 and books[group] == sum(parts), (group, books)


class Socket:
    """In the place of the one that DPDK's exporter hands to an endpoint."""

    def __init__(self, client):
        self.client = client

    def cmd(self, command):
        return self.client.ask(command.removeprefix("/wiretag/"))[0]


def check_endpoint(client):
    """DPDK's exporter gets every sample once, and a description of each."""
    path = pathlib.Path(__file__).resolve().parents[2] / "config/telemetry-endpoints/wiretag.py"
    spec = importlib.util.spec_from_file_location("endpoint", path)
    endpoint = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(endpoint)
    samples = endpoint.metrics(Socket(client))
    assert {name for name, _, _ in samples} == set(endpoint.info())
    assert all(info["type"] in ("counter", "gauge") and info["help"]
               for info in endpoint.info().values())
    series = {(name, tuple(sorted(labels.items()))) for name, _, labels in samples}
    assert len(series) == len(samples) == 1 + 4 * 6 + 3 * 3 + 2 + 1, len(samples)
    assert all(isinstance(value, int) for _, value, _ in samples)


def check_parameters(client):
    """Where a list starts; nonsense is no crash."""
    for parameter, keys in (
        ("2", ["2"]),
        ("3", []),
        ("99999999999999999999", []),
        ("-1", []),
        ("x", ["0", "1", "2"]),
    ):
        workers = client.ask("workers," + parameter)[0]
        assert list(workers or {}) == keys, (parameter, workers)


def check_most(client):
    """With the most of everything, in the largest numbers, every reply is whole."""
    client.ask(*COMMANDS)
    for name, (most, page) in PAGED.items():
        seen = set()
        for first in range(0, most, page):
            reply = client.ask(f"{name},{first}")[0]
            reply.pop("other", None)
            # DPDK leaves out what does not fit.
            assert len(reply) == page and not reply.keys() & seen, (name, first, reply)
            assert name == "rules" or len({len(entry) for entry in reply.values()}) == 1, reply
            seen |= reply.keys()
    reasons = client.ask("health")[0]["reasons"]
    assert len(reasons) == 16 + 64 and all(reasons), reasons


def main():
    if shutil.which("dpdk-telemetry.py") is None:
        print("dpdk-telemetry.py is not installed (package dpdk-dev)")
        return 77
    prefix = f"wiretag-test-{os.getpid()}"
    with tempfile.TemporaryDirectory() as runtime:
        arguments = f"-l 0 --no-huge -m 64 --no-pci --file-prefix={prefix}".split()
        client = Client(runtime, prefix)
        server = subprocess.Popen(
            [sys.argv[1], "telemetry", *arguments],
            env=client.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            if "ready\n" not in server.stdout:
                sys.exit("the server did not start")
            for check in (check_replies, check_books, check_parameters, check_endpoint):
                check(client)
            server.send_signal(signal.SIGUSR2)
            time.sleep(0.5)
            check_most(client)
        finally:
            server.terminate()
            assert server.wait(10) == 0, server.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
