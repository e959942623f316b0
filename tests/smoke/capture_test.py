#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""wiretagctl capture while packets are forwarded: what is asked for, all of it and nothing else, as
tshark reads it. argv: wiretag wiretagctl."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

from scapy.all import IP, TCP, UDP, Ether, IPv6, Raw, wrpcap

from running import Running, skip, temporary, wait_for

CTL = sys.argv[2]
CLIENT, OTHER, SERVER = "192.0.2.1", "192.0.2.2", "198.51.100.1"
RULES = [{"id": 1, "app": "web", "confidence": "certain", "match": {"http.host": r"www\.example"}},
         {"id": 2, "app": "bad", "confidence": "certain", "match": {"payload": "^bad"}}]
LARGE = 9000


def make_capture(path):
    get = b"GET / HTTP/1.1\r\nHost: www.example\r\n\r\n"
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    wrpcap(str(path), [
        ether / IP(src=CLIENT, dst=SERVER) / TCP(sport=1000, dport=80, flags="PA", seq=1) / get,
        ether / IP(src=SERVER, dst=CLIENT) / UDP(sport=53, dport=1000) / Raw(bytes(20)),
        ether / IP(src=OTHER, dst=SERVER) / UDP(sport=1001, dport=9) / Raw(b"bad" + bytes(60)),
        ether / IP(src=OTHER, dst=SERVER) / UDP(sport=1002, dport=9) / Raw(bytes(LARGE)),
        ether / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1, dport=9) / Raw(bytes(9)),
        Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff", type=0x806) / Raw(bytes(28)),
    ])


def capture(*arguments, status=0):
    """What it says, on standard error."""
    done = subprocess.run([CTL, "-s", run.socket, "capture", *arguments], capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == status and done.stdout == "", (arguments, done)
    return done.stderr


def read(path, *fields):
    """Fields of each packet."""
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=;", "-E",
               "occurrence=f"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cut short" not in done.stderr and "damaged" not in done.stderr, done.stderr
    return [line.split(";") for line in done.stdout.splitlines()]


def missing(path):
    """What the file's last block says of lost packets."""
    data = open(path, "rb").read()
    length = int.from_bytes(data[-4:], "little")
    block = data[-length:]
    assert block[:4] == b"\5\0\0\0" and block[20:24] == b"\5\0\x08\0", block
    return int.from_bytes(block[24:32], "little")


def one_host():
    path = f"{directory}/host.pcapng"
    said = capture("--host", CLIENT, "--packets", "500", path)
    packets = read(path, "ip.src", "ip.dst", "frame.comment", "frame.interface_name",
                   "frame.time_epoch")
    assert said.startswith(f"500 packets in {path}, "), said
    assert f" {missing(path)} found no room" in said, said
    assert len(packets) == 500 and {packet[0] for packet in packets} == {CLIENT, SERVER}
    assert all(CLIENT in packet[:2] for packet in packets)
    assert {packet[3] for packet in packets} == {"lan"}
    assert all(abs(float(packet[4]) - time.time()) < 200 for packet in packets)
    comments = {packet[2] for packet in packets}
    assert any(comment.startswith("web (certain), flow ") and ", forwarded, " in comment
               for comment in comments), comments
    return next(c for c in comments if c.startswith("web")).split("flow ")[1].split(",")[0]


def one_flow(flow):
    path = f"{directory}/flow.pcapng"
    capture("--flow", flow, "--packets", "100", path)
    packets = read(path, "ip.src", "tcp.srcport", "tcp.dstport")
    assert packets == [[CLIENT, "1000", "80"]] * 100, packets[:3]


def one_application():
    """What is dropped is there, too."""
    path = f"{directory}/app.pcapng"
    capture("--app", "bad", "--packets", "100", path)
    packets = read(path, "udp.srcport", "frame.comment")
    assert {packet[0] for packet in packets} == {"1001"} and len(packets) == 100
    assert {packet[1].split(", ", 2)[2] for packet in packets} == {"dropped, policy"}, packets[0]
    assert capture("--host", SERVER, "--app", "web", "--packets", "5", path).startswith("5 ")
    assert read(path, "tcp.srcport") == [["1000"]] * 5


def everything():
    """Frames that are not IP; large ones are cut, and say how long they were."""
    path = f"{directory}/all.pcapng"
    capture("--packets", "1000", path)
    packets = read(path, "eth.type", "frame.len", "frame.cap_len")
    assert {packet[0] for packet in packets} == {"0x0800", "0x86dd", "0x0806"}
    large = [packet for packet in packets if int(packet[1]) > LARGE]
    assert large and all(packet[2] == "2048" for packet in large), large[:2]
    capture("--host", "2001:db8::2", "--packets", "7", path)
    assert read(path, "ipv6.src") == [["2001:db8::1"]] * 7


def wait_for_room():
    """After somebody who went away without a word."""
    command = [CTL, "-s", run.socket, "capture", "--packets", "1", f"{directory}/next.pcapng"]
    wait_for("room for the next", lambda: subprocess.run(
        command, capture_output=True, check=False).returncode == 0)


def ends():
    """A time limit without packets, an interrupt, a pipe, one who goes away."""
    path = f"{directory}/end.pcapng"
    assert capture("--host", "203.0.113.1", "--seconds", "1", path) == \
        f"0 packets in {path}, 0 found no room and are missing\n"
    assert read(path, "frame.number") == []
    command = [CTL, "-s", run.socket, "capture", "--host", CLIENT]
    process = subprocess.Popen([*command, path], stderr=subprocess.PIPE, text=True)
    wait_for("packets", lambda: os.path.exists(path) and os.path.getsize(path) > 20000)
    assert "one at a time" in capture(f"{directory}/none", status=1)
    assert not os.path.exists(f"{directory}/none")
    process.send_signal(signal.SIGINT)
    assert " packets in " in process.communicate(timeout=60)[1] and process.returncode == 0
    missing(path)
    piped = subprocess.run(
        f"{' '.join(command)} --packets 50 - 2>{directory}/said | tshark -n -r - -T json -e ip.src",
        shell=True, capture_output=True, text=True, check=True, timeout=120)
    assert len(json.loads(piped.stdout)) == 50
    process = subprocess.Popen([*command, path], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    process.kill()
    process.wait()
    wait_for_room()


def who_takes_nothing():
    """A stalled reader costs the capture packets, and nobody else any."""
    before = run.metrics()
    process = subprocess.Popen([CTL, "-s", run.socket, "capture", "-"], stderr=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    time.sleep(3)
    after = run.metrics()
    assert after["wiretag_received_packets_total"] > before["wiretag_received_packets_total"]
    assert after["wiretag_received_packets_total"] == \
        after["wiretag_forwarded_packets_total"] + after["wiretag_drop_packets_total"]
    assert after["wiretag_drop_packets_total"] == after["wiretag_drop_packets_total", "policy"]
    process.send_signal(signal.SIGINT)
    assert b" 0 found no room" not in process.communicate(timeout=60)[1]


def mistakes():
    path = f"{directory}/mistake.pcapng"
    for arguments, words in ((("--host", "x"), "no address"), (("--app", "nope"), "no rule names")):
        assert words in capture(*arguments, path, status=1)
    for arguments in (("--packets", "0", path), ("--flow", "x", path), (), ("--wait", path)):
        assert "usage:" in capture(*arguments, status=2)
    assert "No such file" in capture(f"{directory}/no/where", status=1)
    assert not os.path.exists(path)
    wait_for_room()


if shutil.which("tshark") is None:
    skip("tshark is not installed")
with temporary() as directory:
    make_capture(f"{directory}/traffic.pcap")
    run = Running(directory, {"rules": RULES, "policy": {"bad": "drop"}, "mtu": 9200,
                              "control": {"socket": f"{directory}/control.sock"}},
                  f"{directory}/traffic.pcap")
    run.socket = f"{directory}/control.sock"
    one_flow(one_host())
    one_application()
    everything()
    mistakes()
    ends()
    who_takes_nothing()
    run.stop()
