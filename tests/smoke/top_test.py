#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""wiretagctl top as people see it, in a terminal of tmux, and as logs do. argv: wiretag wiretagctl."""

import json
import os
import re
import shutil
import subprocess
import sys

from scapy.all import IP, TCP, Ether, Raw, wrpcap

from running import Running, skip, temporary, wait_for

CTL = sys.argv[2]
TITLES = ("PAIR", "WORKER", "APPLICATION", "HOST")
RULES = [{"id": 1, "app": "web", "confidence": "certain", "match": {"http.host": r"www\.example"}}]


def make_capture(path):
    get = b"GET / HTTP/1.1\r\nHost: www.example\r\n\r\n"
    wrpcap(str(path), [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") /
                       IP(src=f"192.0.2.{i}", dst="198.51.100.1") /
                       TCP(sport=1000, dport=80, flags=flags, seq=1) / Raw(load)
                       for i in range(1, 40) for flags, load in (("PA", get), ("A", b""))])


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, columns, rows, command):
        self.socket = f"{run.directory}/tmux"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  command)

    def tmux(self, *arguments):
        # The shell of who runs this may be one that refuses: nobody's is.
        environment = {**os.environ, "SHELL": "/bin/sh"}
        return subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True,
                              text=True, check=False, env=environment).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p").rstrip("\n").split("\n")

    def shows(self, *patterns):
        """The screen, once each of these regular expressions is on one of its lines."""
        def seen():
            screen = self.screen()
            return all(any(re.search(p, line) for line in screen) for p in patterns) and screen
        try:
            return wait_for(patterns, seen, 30)
        except AssertionError:
            print("\n".join(self.screen()))
            raise

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def is_over(self):
        return self.tmux("list-sessions") == ""


def screens():
    environment = "TERM=screen LANG=C.UTF-8"
    terminal = Terminal(80, 24, f"{environment} {CTL} -s {run.socket} top")
    screen = terminal.shows(r"lan > wan +[1-9][\d.]* [kM]? +[1-9][\d.]* [kMG]? +0 +0$",
                            r"^1 +\d [#.]{20} +\d", "^1 +.*#", "192.0.2.", "forward")
    print("\n".join(screen))
    assert all(any(line.startswith(title) for line in screen) for title in TITLES), screen
    assert len(screen) <= 24 and max(map(len, screen)) <= 80
    assert re.match(r"\d\d:\d\d:\d\d  wiretag \S+  inline  ready", screen[0])
    hosts = sum("192.0.2." in line for line in screen)
    terminal.resize(80, 50)
    wait_for("more hosts", lambda: sum("192.0.2." in line for line in terminal.screen()) > hosts, 30)
    for columns, rows in ((20, 3), (1, 1), (200, 60)):
        terminal.resize(columns, rows)
    terminal.shows("lan > wan")

    run.write({"policy": {"web": "drop"}})
    subprocess.run([CTL, "-s", run.socket, "reload", "--wait"], check=True)
    terminal.shows("DROPPED ", "the policy drops")
    terminal.keys("q")
    wait_for("the end", terminal.is_over, 30)


def logs():
    top = [CTL, "-s", run.socket, "top"]
    done = subprocess.run([*top, "-b", "-n", "4"], capture_output=True, text=True, check=True,
                          timeout=60)
    lines = done.stdout.splitlines()
    print(done.stdout)
    assert len(lines) == 4
    matches = [re.fullmatch(r"\S+Z (?:ready|NOT-READY) received \S+ [kM]?pkt/s \S+ [kMG]?bit/s "
                            r"dropped (\d+)/s busy (\S+) % flows \d+ hosts 39", line)
               for line in lines]
    # On a busy machine a worker may stand still for a second.
    assert all(matches) and any(int(m[1]) > 0 and float(m[2]) > 0 for m in matches)
    done = subprocess.run([*top, "--json", "-n", "1"], capture_output=True, text=True, check=True,
                          timeout=60)
    summary = json.loads(done.stdout)
    assert summary["apps"][0]["app"] == "web" and len(summary["hosts"]) == 24
    no_terminal = subprocess.run(top, capture_output=True, text=True, check=False, timeout=60)
    assert no_terminal.returncode == 3 and "top -b" in no_terminal.stderr
    nobody = subprocess.run([CTL, "-s", f"{run.directory}/none", "top", "-b"], capture_output=True,
                            text=True, check=False, timeout=60)
    assert nobody.returncode == 3 and "does wiretag run?" in nobody.stderr


def loses_wiretag():
    """It says so, and goes on when there is one again."""
    terminal = Terminal(80, 24, f"TERM=screen {CTL} -s {run.socket} top")
    terminal.shows("lan > wan")
    run.stop()
    terminal.shows("does not answer")
    terminal.keys("C-c")
    wait_for("the end", terminal.is_over, 30)
    assert not os.path.exists(run.socket)


if shutil.which("tmux") is None:
    skip("tmux is not installed")
with temporary() as directory:
    make_capture(f"{directory}/traffic.pcap")
    path = f"{directory}/control.sock"
    run = Running(directory, {"rules": RULES, "control": {"socket": path}},
                  f"{directory}/traffic.pcap")
    run.socket = path
    screens()
    logs()
    loses_wiretag()
