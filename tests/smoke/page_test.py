#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The status page in headless Chromium, with hosts that run Skype and one that attacks who looks.
argv: wiretag wiretagctl directory-for-screenshots."""

import json
import pathlib
import subprocess
import sys
import urllib.error

TESTS = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from scapy.all import IP, TCP, Ether, PcapReader, PcapWriter, Raw

import browser
from running import Running, opener, skip, temporary, wait_for

SHOTS = pathlib.Path(sys.argv[3])
EVIL = "<img src=x onerror=alert(1)>"
EVIL_HOST = "192.0.2.66"
SKYPE_HOST = "192.168.10.20"
RULES = [{"id": 90, "app": "evil", "confidence": "certain", "match": {"http.user_agent": "<img.*"}}]
STEPS = "startup login bootstrap network-setup call media teardown".split()


def make_capture(path):
    """The sample, and a client whose name is HTML."""
    sample = f"{run_directory}/sample.pcap"
    subprocess.run([TESTS / "make_sample.py", sample], check=True)
    request = f"GET / HTTP/1.1\r\nHost: example\r\nUser-Agent: {EVIL}\r\n\r\n".encode()
    with PcapReader(sample) as reader, PcapWriter(path, linktype=1) as writer:
        for packet in reader:
            writer.write(packet)
        packet = (Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") /
                  IP(src=EVIL_HOST, dst="198.51.100.9") /
                  TCP(sport=1000, dport=80, flags="PA", seq=1) / Raw(request))
        packet.time = 1709283700
        writer.write(packet)


def get(path):
    with opener.open(run.url + path, timeout=20) as answer:
        return answer.headers, json.load(answer)


def refused(path):
    try:
        opener.open(run.url + path, timeout=20)
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    raise AssertionError(f"{path} is answered")


def answers():
    """What the page asks for, as scripts see it."""
    summary = wait_for("history", lambda: len(get("/api/summary.json")[1]["history"]["points"]) > 2
                       and get("/api/summary.json")[1])
    assert summary["status"]["ready"] is True and summary["pairs"][0]["from"] == "lan"
    assert len(summary["history"]["columns"]) == len(summary["history"]["points"][-1]) == 9
    assert summary["history"]["points"][-1][1] > 0, "no rate"
    headers, events = get(f"/api/host/{SKYPE_HOST}")
    assert headers["Content-Type"] == "application/json"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    (skype,) = [event["wiretag"] for event in events if event["wiretag"]["app"] == "skype"]
    assert skype["steps"] and all(line["words"] for line in skype["evidence"]), skype
    assert get(f"/api/host/{EVIL_HOST}")[1][0]["wiretag"]["evidence"][0]["example"] == EVIL
    assert refused("/api/host/192.0.2.9") == (404, b'"nothing is known of this host"')
    for path in ("/api/host/", "/api/host/x", "/api/host/" + "9" * 2000, "/api/", "/api/host",
                 "/wiretag.css/", "/../wiretag.yaml", "/index.html"):
        assert refused(path)[0] == 404, path


def wait_numbers(page):
    page.wait("document.querySelector('#pairs tbody tr') !== null")
    page.wait("!document.querySelector('#pairs td.number').textContent.startsWith('0')")


def overview(page):
    page.open(run.url + "/")
    wait_numbers(page)
    for table, word in (("workers", "%"), ("apps", "skype"), ("hosts", SKYPE_HOST),
                        ("drops", "not-ip")):
        page.wait(f"document.getElementById('{table}').textContent.includes({json.dumps(word)})")
    assert page.run("document.getElementById('state').textContent") == "ready"
    if page.run("typeof Chart !== 'undefined'"):
        assert page.run("document.querySelectorAll('canvas[role=img][aria-label]').length") == 4
        page.wait("CHARTS[0].chart.data.datasets[0].data.length > 2")
    else:
        assert page.run("!document.getElementById('no-charts').hidden")
    # Every table has a name and heads for its columns; nothing is wider than the window.
    assert page.run("[...document.querySelectorAll('th')].every(th => th.scope === 'col')")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(SHOTS / "page-light.png")


def calls(page):
    """Shown while there are any."""
    assert page.run("document.getElementById('calls-section').hidden")
    row = {"ip": SKYPE_HOST, "app": "skype", "step": EVIL, "since": "2026-01-01T00:00:00.1+0000",
           "last": "2026-01-01T00:00:01.1+0000"}
    page.run(f"fill({{...before, calls: [{json.dumps(row)}]}})")
    assert not page.run("document.getElementById('calls-section').hidden")
    assert EVIL in page.run("document.querySelector('#calls tbody').textContent")
    assert page.run("document.querySelector('#calls a').hash") == f"#host/{SKYPE_HOST}"


def keyboard(page):
    """From the top to a host and back with Tab and Enter alone, while tables are refreshed."""
    page.run("document.activeElement.blur()")
    page.key("Tab", 9)
    assert page.run("document.activeElement.className") == "skip"
    for _ in range(60):
        page.key("Tab", 9)
        if page.run("document.activeElement.closest('#hosts') !== null"):
            break
    was = page.run("document.activeElement.textContent")
    rounds = page.run("before.time_ns")
    page.wait(f"before.time_ns > {rounds}")
    assert page.run("document.activeElement.textContent") == was, "a refresh took the focus"
    page.press_enter()
    page.wait("document.activeElement.id === 'host-title'")
    page.wait("document.querySelector('#host-apps li') !== null")
    assert was in page.run("document.getElementById('host-title').textContent")
    assert page.run("document.getElementById('overview').hidden")


def one_host(page, scheme):
    page.prefer(scheme)
    page.run(f"location.hash = 'host/{SKYPE_HOST}'")
    page.wait("document.querySelectorAll('.steps li').length === 7")
    steps = page.run("[...document.querySelectorAll('.steps b')].map(b => b.textContent)")
    assert steps == STEPS
    reached = page.run("[...document.querySelectorAll('.steps .reached b')].map(b => b.textContent)")
    assert {"startup", "login", "bootstrap", "network-setup"} <= set(reached), reached
    times = page.run("[...document.querySelectorAll('.events time')].map(t => t.dateTime)")
    assert times == sorted(times) and len(times) > 8
    page.screenshot(SHOTS / f"host-{scheme}.png")


def attack(page):
    """What traffic says is text, wherever it is shown."""
    page.run(f"location.hash = 'host/{EVIL_HOST}'")
    page.wait(f"document.getElementById('host-apps').textContent.includes({json.dumps(EVIL)})")
    for bad in ("<b>x</b>", "%", "%3Cimg%20src=x%3E"):
        page.run(f"location.hash = 'host/' + {json.dumps(bad)}")
        page.wait("document.getElementById('host').hidden ||"
                  "document.getElementById('host-apps').textContent !== ''")
    assert page.run("document.images.length") == 0
    assert page.run("document.querySelector('#host b, #host i, #host script')") is None


def dark(page):
    page.prefer("dark")
    page.run("location.hash = ''")
    page.wait("!document.getElementById('overview').hidden")
    back = page.run("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, back.removeprefix("rgb(").removesuffix(")").split(","))) < 150, back
    rounds = page.run("before.time_ns")
    page.wait(f"before.time_ns > {rounds}")
    page.screenshot(SHOTS / "page-dark.png")


def silence(page):
    """The page says that nobody answers any more."""
    run.stop()
    page.wait("!document.getElementById('trouble').hidden")
    assert "does not answer" in page.run("document.getElementById('trouble').textContent")


if not browser.is_there():
    skip("chromium is not installed: app/install.sh browser")
SHOTS.mkdir(parents=True, exist_ok=True)
with temporary() as run_directory:
    make_capture(f"{run_directory}/traffic.pcap")
    run = Running(run_directory, {"rules": RULES, "rule_files": [str(TESTS.parent / "config/rules")]},
                  f"{run_directory}/traffic.pcap")
    answers()
    with browser.Browser(1280, 1400) as chromium:
        overview(chromium)
        calls(chromium)
        keyboard(chromium)
        one_host(chromium, "light")
        attack(chromium)
        one_host(chromium, "dark")
        dark(chromium)
        # Nothing but the questions about hosts that do not exist.
        said = [line for line in chromium.said
                if "/api/host/%3C" not in line.get("entry", {}).get("url", "")]
        assert said == [], said
        silence(chromium)
