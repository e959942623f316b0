#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the service manager hears, and what it says of the unit. argv: wiretag wiretagctl unit."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

from scapy.all import IP, UDP, Ether, wrpcap

from running import Running, temporary, wait_for
from stall import Stalled, threads

WIRETAG, WIRETAGCTL, UNIT = map(os.path.abspath, sys.argv[1:])
EXPOSURE_MAX = "25"  # tenths


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done


def check_unit(directory):
    """Right, and hardened; with the programs where they were built."""
    text = pathlib.Path(UNIT).read_text()
    for word in text.split():
        if word.endswith(("/bin/wiretag", "/bin/wiretagctl")):
            path = word.split("=", 1)[1]
            text = text.replace(f"={path} ", f"={WIRETAGCTL if path.endswith('ctl') else WIRETAG} ")
    unit = pathlib.Path(directory, "wiretag.service")
    unit.write_text(text)
    analyze("verify", "--man=no", "--recursive-errors=no", str(unit))
    analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", str(unit))


def hear(listener, seconds):
    """All that is said meanwhile."""
    end, heard = time.monotonic() + seconds, []
    while (left := end - time.monotonic()) > 0:
        listener.settimeout(left)
        try:
            heard.append(listener.recv(200))
        except TimeoutError:
            pass
    return heard


def workers(run):
    done = subprocess.run([WIRETAGCTL, "-s", run.config["control"]["socket"], "workers"],
                          capture_output=True, text=True, check=True)
    return done.stdout


def check_stall(run, listener):
    """A worker hangs: seen within a second, by all who should; and the watchdog is not fed."""
    (worker,) = threads(run.process.pid, "worker-")
    was = run.metrics()
    assert was["wiretag_degraded", "worker-stalled"] == 0
    with Stalled(worker):
        start = time.monotonic()
        wait_for("the stall", lambda: run.metrics()["wiretag_degraded", "worker-stalled"], 30)
        seen = time.monotonic() - start
        hear(listener, 1)  # what was said before, or as the stall began
        heard = hear(listener, 3)
        assert b"WATCHDOG=1" not in heard, heard
        now = run.metrics()
        assert now["wiretag_ready"] == 0
        assert now["wiretag_lcore_stalls_total"] == was["wiretag_lcore_stalls_total"] + 1
        assert "HANGS" in workers(run), workers(run)
        assert "worker 0 has not polled for" in run.log()
    wait_for("the worker", lambda: run.metrics()["wiretag_ready"])
    wait_for("the watchdog", lambda: b"WATCHDOG=1" in hear(listener, 1))
    assert "polls again" in run.log()
    assert "HANGS" not in workers(run)
    after = run.metrics()
    assert after["wiretag_received_packets_total"] > now["wiretag_received_packets_total"]
    print(f"a worker that hangs was seen after {seen:.2f} s")


def check_end(run):
    """A worker that hangs does not hold up the end."""
    (worker,) = threads(run.process.pid, "worker-")
    with Stalled(worker) as stalled:
        run.process.terminate()
        wait_for("the end", lambda: "does not stop within" in run.log(), 60)
        stalled.reap()
        assert run.process.wait(60) == 3, run.log()


with temporary() as directory:
    if shutil.which("systemd-analyze"):
        check_unit(directory)
    wrpcap(f"{directory}/traffic.pcap", [Ether() / IP() / UDP()])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(f"{directory}/notify")
    listener.settimeout(30)
    os.environ["NOTIFY_SOCKET"] = f"{directory}/notify"
    run = Running(directory, {"control": {"socket": f"{directory}/control"}}, f"{directory}/traffic.pcap")
    heard = [listener.recv(100) for _ in range(3)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"], heard
    check_stall(run, listener)
    run.stop()
    listener.setblocking(False)
    while (last := listener.recv(100)) == b"WATCHDOG=1":
        pass
    assert last == b"STOPPING=1", last
    check_end(Running(directory, {}, f"{directory}/traffic.pcap"))
