#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""More packets than are looked at: what is shed, level by level, and that it ends. argv: wiretag
wiretagctl."""

import signal
import struct
import subprocess
import sys

from running import Running, temporary, wait_for

WIRETAGCTL = sys.argv[2]
BURST, ROW = 64, 64  # packets; full bursts in a row that raise the level
PACKETS = 20480
UNINSPECTED = "wiretag_uninspected_packets_total"
RAISED = "wiretag_overload_raised_total"
LEVEL = "wiretag_overload_level"
RULES = [{"id": 1, "app": "one", "confidence": "certain", "match": {"payload": "^one"}}]


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def frame(number):
    """UDP and TCP in turn, each a flow of its own."""
    source = struct.pack("!4sI", bytes((10, 0, number >> 8, number & 255)), 0x0a010001)
    payload = b"one " + bytes(20)
    if number % 2 == 0:
        protocol, body = 17, struct.pack("!4H", 1024, 9, 8 + len(payload), 0) + payload
    else:
        protocol = 6
        body = struct.pack("!2H2I2BH", 1024, 80, 1, 1, 5 << 4, 0x18, 1000) + bytes(4) + payload
        wrong = source + struct.pack("!2H", protocol, len(body)) + body
        body = body[:16] + struct.pack("!H", checksum(wrong)) + body[18:]
    ip = struct.pack("!2B3H2BH", 0x45, 0, 20 + len(body), number, 0, 64, protocol, 0) + source
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return bytes.fromhex("020000000002 020000000001 0800") + ip + body


def make_capture(path, packets):
    """As fast as it is read: nothing but full bursts until its end, which is calm."""
    with open(path, "wb") as file:
        file.write(struct.pack("<I2H4I", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number in range(packets):
            data = frame(number)
            file.write(struct.pack("<4I", 1700000000, number, len(data), len(data)) + data)


def after_all(directory, capture, **config):
    """The metrics after the last packet and as much calm as it takes."""
    run = Running(directory, {
        "ports": {"lan": f"net_pcap0,rx_pcap={capture}", "wan": "net_null1,no-rx=1"},
        "flows": {"capacity": 65536}, "rules": RULES, "streams": {"capacity": 65536},
        "control": {"socket": f"{directory}/control"}} | config, capture)
    wait_for("all packets",
             lambda: run.metrics()["wiretag_received_packets_total"] == PACKETS)
    wait_for("calm", lambda: run.metrics()[LEVEL] == 0)
    metrics = run.metrics()
    if metrics[RAISED] > 0:
        wait_for("the log", lambda: "worker 0 is overloaded" in run.log())
    done = subprocess.run([WIRETAGCTL, "-s", f"{directory}/control", "workers"],
                          capture_output=True, text=True, check=True)
    assert " polls " in done.stdout, done.stdout
    return metrics, run.stop()


with temporary() as directory:
    make_capture(f"{directory}/traffic.pcap", PACKETS)
    make_capture(f"{directory}/few.pcap", BURST)
    seen, _ = after_all(directory, f"{directory}/traffic.pcap", overload="shed")
    for shed in ("streams", "patterns", "flows"):
        assert seen[RAISED, shed] == 1, seen
    # The burst that completes the row is the first of its level.
    calm = (ROW - 1) * BURST
    level = ROW * BURST
    assert seen[UNINSPECTED, "overload-stream"] == level  # half of the first and second level
    assert seen[UNINSPECTED, "overload-pattern"] == level / 2  # half of the second
    assert seen[UNINSPECTED, "overload-flow"] == PACKETS - calm - 2 * level  # all of the third
    assert seen["wiretag_app_packets_total", "one"] == calm + level / 2
    assert seen["wiretag_flows_created_total"] == calm + 2 * level
    # And packets never.
    assert seen["wiretag_forwarded_packets_total"] == PACKETS, seen
    assert seen["wiretag_drop_packets_total"] == 0

    # It ends while packets come, too, when a reload says that these are none.
    run = Running(directory, {"overload": "shed", "rules": RULES}, f"{directory}/few.pcap")
    wait_for("the last level", lambda: run.metrics()[LEVEL] == 3)
    for overload in ("auto", "shed", "off"):
        run.write({"overload": overload})
        run.signal(signal.SIGHUP)
        level = 3 if overload == "shed" else 0
        wait_for(f"level {level}", lambda: run.metrics()[LEVEL] == level)
    run.stop()

    # Files wait: that is no overload unless someone says so.
    for overload in ("auto", "off"):
        seen, log = after_all(directory, f"{directory}/traffic.pcap", overload=overload)
        assert seen[RAISED] == 0
        assert seen["wiretag_app_packets_total", "one"] == PACKETS
        assert seen["wiretag_forwarded_packets_total"] == PACKETS, seen
        assert "overloaded" not in log, log
