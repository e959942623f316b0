#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control socket as wiretagctl and bad clients see it. argv: wiretag wiretagctl."""

import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request

from scapy.all import IP, TCP, Ether, Raw, wrpcap

from running import Running, opener, temporary, wait_for

CTL = sys.argv[2]
RULES_MANY = 1200  # more than one answer holds
CLIENTS_MAX = 16

RULES = [{"id": 1, "app": "web", "confidence": "certain", "match": {"http.host": r"www\.example"},
          "note": "ein \u00dcbel"}]


def make_capture(path):
    get = b"GET / HTTP/1.1\r\nHost: www.example\r\n\r\n"
    wrpcap(str(path), [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / ip /
                       TCP(sport=1000, dport=80, flags="PA", seq=1) / Raw(get)
                       for ip in (IP(src="192.0.2.1", dst="198.51.100.1"),
                                  IP(src="192.0.2.2", dst="198.51.100.1"))])


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        line = self.stream.readline()
        return json.loads(line) if line else None

    def ask(self, command, **arguments):
        self.send(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        return self.answer()

    def close(self):
        self.stream.close()
        self.socket.close()


def ctl(*arguments, status=0):
    """What wiretagctl says: on standard output, or on standard error when it fails."""
    done = subprocess.run([CTL, "-s", run.socket, *arguments], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == status, (arguments, done)
    assert (done.stderr == "") == (status == 0), done
    return done.stdout if status == 0 else done.stderr


def ctl_json(*arguments):
    return json.loads(ctl("--json", *arguments))


def answers_agree():
    """Every command, for people and for scripts; its numbers are the metrics'."""
    assert stat.S_IMODE(os.stat(run.socket).st_mode) == 0o660
    before = run.metrics()["wiretag_received_packets_total"]
    status = ctl_json("status")
    assert status["ready"] is True and status["reasons"] == [] and status["rules"] == 1
    assert before <= status["received_packets"] <= run.metrics()["wiretag_received_packets_total"]
    assert "ready      yes" in ctl("status")

    ports = ctl_json("ports")
    assert [(p["name"], p["pair"], p["side"]) for p in ports] == \
        [("lan", "wire", "inside"), ("wan", "wire", "outside")]
    there, back = ctl_json("pairs")
    assert (there["from"], there["to"]) == ("lan", "wan") == (back["to"], back["from"])
    assert there["received"] == there["forwarded"] + there["dropped"] > 0 == back["received"]
    assert there["forwarded"] == there["inspected"] + there["past"] + there["uninspected"]
    (worker,) = ctl_json("workers")
    assert 0 < worker["busy_cycles"] <= worker["cycles"] and worker["polled_ms_ago"] < 1000
    (web,) = ctl_json("apps")
    assert web["app"] == "web" and web["flows"] == 2 and web["action"] == "forward"
    (table,) = ctl_json("tables")
    assert table["flows"] == table["created"] == 2 and table["capacity"] == 4096
    (rule,) = ctl_json("rules")
    assert (rule["id"], rule["matches"], rule["note"]) == (1, 2, RULES[0]["note"])
    assert {d["reason"]: d["packets"] for d in ctl_json("drops")}["policy"] == 0

    hosts = wait_for("hosts", lambda: ctl_json("hosts"))
    assert sorted(h["ip"] for h in hosts) == ["192.0.2.1", "192.0.2.2"]
    (event,) = ctl_json("host", "192.0.2.1")
    assert event["event_type"] == "host" and event["wiretag"]["app"] == "web"
    assert event["wiretag"]["evidence"][0]["example"] == "www.example"
    shown = ctl("host", "192.0.2.1")
    assert "192.0.2.1 runs web: certain" in shown and "www.example" in shown
    assert "nothing is known" in ctl("host", "192.0.2.9", status=1)
    assert "no address" in ctl("host", "x", status=1)
    for command in "ports pairs workers apps hosts flows tables rules drops".split():
        head, *rows = ctl(command).splitlines()
        assert head.upper() == head and rows, command


def pages():
    """The same answers over HTTP, with the files of the page that shows them."""
    def get(path):
        with opener.open(run.url + path, timeout=60) as answer:
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            return answer.headers["Content-Type"], answer.read()

    for path, kind in (("/", "text/html"), ("/wiretag.js", "text/javascript"),
                       ("/wiretag.css", "text/css"), ("/icon.svg", "image/svg+xml")):
        content_type, body = get(path)
        assert content_type.startswith(kind) and len(body) > 100, path
        head = urllib.request.Request(run.url + path, method="HEAD")
        with opener.open(head, timeout=60) as answer:
            assert int(answer.headers["Content-Length"]) == len(body) and answer.read() == b""
    summary = json.loads(get("/api/summary.json")[1])
    assert summary["status"]["rules"] == 1 and "points" in summary["history"]
    assert summary["pairs"][0]["from"] == "lan" and summary["hosts"][0]["app"] == "web"
    (event,) = json.loads(get("/api/host/192.0.2.1")[1])
    assert event["wiretag"]["evidence"][0]["words"].startswith("an HTTP request to a host")
    for path in ("/api/host/192.0.2.9", "/api/host/x", "/api/host/", "/api/", "/../wiretag.js"):
        try:
            get(path)
            raise AssertionError(f"{path} is answered")
        except urllib.error.HTTPError as error:
            assert error.code == 404, path


def live_flows():
    """Each flow once, with filters; a page ends where the next one begins."""
    flows = ctl_json("flows")
    assert sorted(flow["src_ip"] for flow in flows) == ["192.0.2.1", "192.0.2.2"]
    for flow in flows:
        assert flow["event_type"] == "flow" and flow["wiretag"]["app"] == "web"
        assert flow["dest_port"] == 80 and "reason" not in flow["flow"]
        assert flow["flow"]["pkts_toserver"] > 0 and flow["flow_id"] > 0
    (one,) = ctl_json("flows", "--host", "192.0.2.2")
    assert one["src_ip"] == "192.0.2.2"
    assert len(ctl_json("flows", "--host", "198.51.100.1", "--app", "web")) == 2
    assert ctl_json("flows", "--app", "skype") == [] == ctl_json("flows", "--host", "2001:db8::1")
    assert len(ctl_json("flows", "--limit", "1")) == 1
    assert str(one["flow_id"]) in ctl("flows", "--host", "192.0.2.2")
    assert "no address" in ctl("flows", "--host", "x", status=1)
    assert "no rule names" in ctl("flows", "--app", "x", status=1)
    client = Client(run.socket)
    assert client.ask("flows", first=-1)["return"] == "NOK"
    assert client.ask("flows", first=1 << 40)["return"] == "NOK"
    assert client.ask("flows", first=(1 << 32) - 1)["message"] == {"next": None, "flows": []}
    # Each of many who ask at the same time gets an answer to his own question.
    crowd = [(Client(run.socket), f"192.0.2.{1 + i % 2}") for i in range(6)]
    for other, ip in crowd:
        other.send(json.dumps({"command": "flows", "arguments": {"ip": ip}}).encode() + b"\n")
    answers = [(other.answer(), ip) for other, ip in crowd]
    for answer, ip in answers:
        assert answer["return"] == "OK", answer
        assert [flow["src_ip"] for flow in answer["message"]["flows"]] == [ip]
    for other, _ in crowd:
        other.close()
    # One who goes away before the answer leaves the worker free for the next.
    client.send(b'{"command": "flows"}\n')
    client.close()
    client = Client(run.socket)
    answer = wait_for("the worker", lambda: (said := client.ask("flows"))["return"] == "OK" and said)
    assert len(answer["message"]["flows"]) == 2
    client.close()


def completes(*words):
    """What bash offers for the last of these words."""
    script = """PATH=$1:$PATH; source "$2"; shift 2
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _wiretagctl; printf '%s\\n' "${COMPREPLY[@]}" """
    completion = pathlib.Path(__file__).parents[2] / "config/bash-completion/wiretagctl"
    done = subprocess.run(["bash", "-c", script, "bash", pathlib.Path(CTL).resolve().parent,
                           completion, "wiretagctl", *words], capture_output=True, text=True,
                          check=True)
    return sorted(done.stdout.split())


def completion():
    assert completes("rel") == ["reload"]
    assert {"status", "host", "hosts", "top", "capture", "-s"} <= set(completes(""))
    assert completes("reload", "-") == ["--json", "--wait"]
    assert "--seconds" in completes("capture", "--s")
    assert completes("-s", run.socket, "host", "192.") == ["192.0.2.1", "192.0.2.2"]
    assert completes("-s", run.socket, "capture", "--app", "") == ["web"]
    assert completes("capture", f"{run.directory}/wiretag.y") == [f"{run.directory}/wiretag.yaml"]


def wrong_usage():
    for arguments in ([], ["dance"], ["host"], ["ports", "x"], ["--wait", "status"], ["-x"]):
        assert "usage:" in ctl(*arguments, status=2)
    done = subprocess.run([CTL, "-s", f"{run.directory}/none", "status"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 3 and "does wiretag run?" in done.stderr


def config_hash(run):
    hashes = [key[1] for key in run.metrics() if key[0] == "wiretag_config_info"]
    assert len(hashes) == 1 and re.fullmatch("[0-9a-f]{64}", hashes[0]), hashes
    return hashes[0]


def reloads():
    many = [{"id": 10 + i, "app": "many", "match": {"http.host": f"h{i}"}}
            for i in range(RULES_MANY)]
    hashes = [config_hash(run)]
    run.write({"rules": RULES + many, "policy": {"web": "drop"}})
    assert ctl("reload", "--wait") == f"{RULES_MANY + 1} rules in force\n"
    assert len(ctl_json("rules")) == RULES_MANY + 1
    assert ctl_json("apps")[0]["action"] == "drop"
    hashes.append(config_hash(run))
    assert run.metrics()["wiretag_rules_rejected"] == 0

    run.write({"policy": {"web": "dorp"}, "mtu": 9000})
    said = ctl("reload", "--wait", status=1)
    assert "wiretag.yaml:1:" in said and "dorp" in said and "mtu needs a restart" in said
    assert "dorp" in "".join(ctl_json("status")["reload"]["complaints"])
    assert "dorp" in ctl("status")
    assert ctl_json("apps")[0]["action"] == "drop"
    hashes.append(config_hash(run))
    assert hashes[0] != hashes[1] == hashes[2]
    assert run.metrics()["wiretag_rules_rejected"] == 2

    run.write({})
    web.write_text("basic_auth_users: {a: b}\n")
    said = ctl("reload", "--wait", status=1)
    assert f"{web}:1:23: a password is a bcrypt hash" in said, said
    web.write_text("{}\n")
    waiting = [Client(run.socket) for _ in range(3)]
    for client in waiting:
        client.send(b'{"command": "reload", "arguments": {"wait": true}}\n'
                    b'{"command": "rules"}\n')
    waiting.pop().close()  # does not wait after all
    for client in waiting:
        assert client.answer()["message"]["rules"] == 1
        assert client.answer()["message"]["total"] == 1
        client.close()
    assert ctl_json("reload")["reload"] > 0
    run.signal(signal.SIGHUP)


def bad_clients():
    client = Client(run.socket)
    client.send(b'{"version": "0.2"}\n')
    assert client.answer() == {"return": "OK"}
    for byte in b'{"command": "status"}\n':  # drop by drop
        client.send(bytes([byte]))
    assert client.answer()["return"] == "OK"
    assert client.ask("dance")["return"] == "NOK"
    assert client.ask("host", ip=["192.0.2.1"])["return"] == "NOK"
    assert client.ask("hosts", first=-1)["return"] == "OK"
    assert client.ask("rules", first=2**62)["message"] == {"total": 1, "next": None, "rules": []}
    client.send(b'{"command": "status", "arguments": 3}\n{"a": 1}\n')
    assert client.answer()["return"] == "OK" and client.answer()["return"] == "NOK"

    for garbage in (b"\n", b"hello\n", b"[1]\n", b"\0\xff\n", b"[" * 4000 + b"\n", b"x" * 5000,
                    b'{"command": "status", "command": "apps"}\n'):
        other = Client(run.socket)
        other.send(garbage)
        assert other.answer()["return"] == "NOK", garbage
        try:
            assert other.answer() is None
        except ConnectionResetError:
            pass  # it had sent more than was read
        other.close()
    assert client.ask("status")["return"] == "OK"

    # One who asks without end and takes no answer gets stuck alone.
    greedy = Client(run.socket)
    greedy.socket.setblocking(False)
    try:
        while True:
            greedy.socket.send(b'{"command": "rules"}\n' * 50)
    except BlockingIOError:
        pass
    assert client.ask("status")["return"] == "OK"
    greedy.close()

    crowd = []
    for _ in range(CLIENTS_MAX + 3):
        crowd.append(Client(run.socket))
        time.sleep(0.02)  # the kernel lets few wait
    refused = [other.answer() for other in crowd[-3:]]
    assert all(answer["message"] == "too many clients" for answer in refused)
    start = time.monotonic()
    assert client.ask("status")["return"] == "OK"
    run.metrics()
    assert time.monotonic() - start < 1
    for other in crowd:
        other.close()
    wait_for("places", lambda: Client(run.socket).ask("status")["return"] == "OK")
    client.close()


with temporary() as directory:
    make_capture(f"{directory}/traffic.pcap")
    path = f"{directory}/control.sock"
    web = pathlib.Path(directory, "web.yaml")
    web.write_text("{}\n")
    run = Running(directory, {"rules": RULES, "control": {"socket": path},
                              "metrics": {"listen": "127.0.0.1:0", "web_config": "web.yaml"}},
                  f"{directory}/traffic.pcap")
    run.socket = path
    answers_agree()
    pages()
    completion()
    live_flows()
    wrong_usage()
    reloads()
    bad_clients()
    run.stop()
    assert not os.path.exists(path)
