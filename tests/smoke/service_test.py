#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the service manager hears, and what it says of the unit. argv: wiretag wiretagctl unit."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys

from scapy.all import IP, UDP, Ether, wrpcap

from running import Running, temporary

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


with temporary() as directory:
    if shutil.which("systemd-analyze"):
        check_unit(directory)
    wrpcap(f"{directory}/traffic.pcap", [Ether() / IP() / UDP()])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(f"{directory}/notify")
    listener.settimeout(30)
    os.environ["NOTIFY_SOCKET"] = f"{directory}/notify"
    run = Running(directory, {}, f"{directory}/traffic.pcap")
    heard = [listener.recv(100) for _ in range(3)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"], heard
    run.stop()
    listener.setblocking(False)
    while (last := listener.recv(100)) == b"WATCHDOG=1":
        pass
    assert last == b"STOPPING=1", last
