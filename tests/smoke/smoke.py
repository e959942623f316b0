#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The real program on virtual ports: smoke.py TEST, in namespaces of its own (isolated.sh)."""

import concurrent.futures
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

from appliance import (PROGRAM, TOP, Appliance, check, skip, start_capture, stop_capture,
                       wait_for)

import frames

DIRECTORY = pathlib.Path(tempfile.mkdtemp())


def sh(command):
    subprocess.run(command, shell=True, check=True)


def pcap_ports(there, back, more=""):
    """Two ports that receive these frames, and the captures of what they transmit."""
    ports, sent = [], []
    for number, records in enumerate((there, back)):
        received = DIRECTORY / f"rx{number}.pcap"
        frames.write_pcap(received, records)
        sent.append(DIRECTORY / f"tx{number}.pcap")
        ports.append(f"net_pcap{number},rx_pcap={received},tx_pcap={sent[-1]}{more}")
    return ports, sent


def check_same(sent, received):
    """Byte for byte, in order."""
    for number, (a, b) in enumerate(zip(sent, received)):
        check(a == b, f"frame {number} was\n{a.hex()}\nbut left as\n{b.hex()}\n")
    check(len(sent) == len(received), len(sent), "frames went in,", len(received), "came out")


def forward(**config):
    """Frames of every kind leave as they came, in order, both ways; none is left behind."""
    there = frames.frames() * 20
    back = list(reversed(there))
    ports, sent = pcap_ports(there, back)
    with Appliance(*ports, mtu=9000, **config) as wiretag:
        wiretag.wait_received(len(there) + len(back)).check_books()
        stats = wiretag.stop()
    check(stats["packets"] == len(there) + len(back), stats)
    check_same(there, frames.read_pcap(sent[1]))
    check_same(back, frames.read_pcap(sent[0]))


def test_forward():
    forward()


def test_forward_hugepages():
    for free in pathlib.Path("/sys/kernel/mm/hugepages").glob("*/free_hugepages"):
        size = int(free.parent.name.removeprefix("hugepages-").removesuffix("kB"))
        if int(free.read_text()) * size >= 256 * 1024:
            forward(dpdk={"memory": "hugepages", "mbufs": 8192})
            return
    skip("fewer than 256 MiB of huge pages are free")


def start_stop(*ports, **more):
    """Starts and stops on both signals."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with Appliance(*ports, **more) as wiretag:
            time.sleep(0.2)
            wiretag.metrics().check_books()
            wiretag.stop(number)


def test_null():
    start_stop("net_null0", "net_null1,size=1500")


def test_ring():
    start_stop("net_ring0", "net_ring1")


def virtual_machine(sockets):
    """testpmd in the place of one: a capture goes to the first socket, the second is captured."""
    out = DIRECTORY / "vm-out.pcap"
    frames.write_pcap(DIRECTORY / "empty.pcap", [])
    frames.write_pcap(DIRECTORY / "vm-in.pcap", on_the_wire())
    devices = (f"net_pcap0,rx_pcap={DIRECTORY}/vm-in.pcap,tx_pcap={DIRECTORY}/unused.pcap",
               *(f"net_virtio_user{number},path={path}" for number, path in enumerate(sockets)),
               f"net_pcap1,rx_pcap={DIRECTORY}/empty.pcap,tx_pcap={out}")
    command = ["dpdk-testpmd", "--lcores", "0@0,1@0", "--no-huge", "-m", "128", "--no-pci",
               "--file-prefix", "vm", "--no-telemetry"]
    for device in devices:
        command += ["--vdev", device]
    command += ["--", "-i", "--forward-mode=io", "--total-num-mbufs=4096",
                "--no-lsc-interrupt", "--no-flush-rx"]
    return subprocess.Popen(command, text=True, stdin=subprocess.PIPE,
                            stdout=open(DIRECTORY / "vm.log", "w"),
                            stderr=subprocess.STDOUT), out


def test_vhost():
    sockets = [f"{DIRECTORY}/v{number}.sock" for number in range(2)]
    ports = [f"net_vhost{number},iface={path}" for number, path in enumerate(sockets)]
    start_stop(*ports, until="/-/healthy")  # no link yet
    with Appliance(*ports, until="/-/healthy") as wiretag:
        testpmd, out = virtual_machine(sockets)
        wait_for("link", lambda: wiretag.metrics().get("wiretag_port_up") == 2)
        testpmd.stdin.write("start\n")
        testpmd.stdin.flush()
        wiretag.wait_received(len(on_the_wire())).check_books()
        wiretag.stop()
        testpmd.communicate("stop\nquit\n")
        check_same(on_the_wire(), frames.read_pcap(out))


def through_kernel(sender, receiver, wiretag, records):
    """What is sent on one interface arrives on the other as it was."""
    path = DIRECTORY / f"{receiver}.pcap"
    process = start_capture(path, receiver)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((sender, 0))
        for record in records:
            raw.send(record)
    try:
        wait_for("the frames", lambda: len(frames.read_pcap(path)) >= len(records), 10)
    finally:
        stop_capture(process)
        wiretag.metrics().check_books()
        check_same(records, frames.read_pcap(path))


def on_the_wire():
    """Frames that a kernel interface with an MTU of 1500 sends: whole headers, no jumbo."""
    return [frame for frame in frames.frames() if 14 < len(frame) <= 1518]


def survives_af_packet(frame):
    """What DPDK's af_packet driver hands on as it is. The kernel takes the outer tag off, and the
    driver puts it back as 802.1Q even if it was 802.1ad; its fanout asks the kernel to put IPv4
    fragments together. Nobody behind it can undo either."""
    is_fragment = frame[12:14] == b"\x08\0" and frame[20:22] not in (b"\0\0", b"\x40\0")
    return frame[12:14] != b"\x88\xa8" and not is_fragment


def test_af_packet():
    for side in ("left", "right"):
        sh(f"ip link add {side} type veth peer name {side}-wire")
        for name in (side, f"{side}-wire"):
            sh(f"ip link set {name} up")
            sh(f"ethtool -K {name} tx off tso off gso off gro off >/dev/null")
    ports = "net_af_packet0,iface=left-wire", "net_af_packet1,iface=right-wire"
    start_stop(*ports)
    with Appliance(*ports) as wiretag:
        records = [frame for frame in on_the_wire() if survives_af_packet(frame)]
        through_kernel("left", "right", wiretag, records)
        through_kernel("right", "left", wiretag, records)
        wiretag.stop()


def test_tap():
    if not pathlib.Path("/dev/net/tun").exists():
        skip("no /dev/net/tun")
    ports = "net_tap0,iface=tap0", "net_tap1,iface=tap1"
    start_stop(*ports)
    with Appliance(*ports) as wiretag:
        sh("ip link set tap0 up; ip link set tap1 up")
        through_kernel("tap0", "tap1", wiretag, on_the_wire())
        through_kernel("tap1", "tap0", wiretag, on_the_wire())
        wiretag.stop()


def is_up(interface):
    link = json.loads(subprocess.check_output(["ip", "-j", "link", "show", interface]))[0]
    return "UP" in link["flags"]


def test_link():
    """What happens to the link of one port, happens to the other's; our own doing does not count."""
    if not pathlib.Path("/dev/net/tun").exists():
        skip("no /dev/net/tun")
    socket_path = f"{DIRECTORY}/v0.sock"
    told = DIRECTORY / "told"
    hooks = {event: f"echo $WIRETAG_EVENT >>{told}" for event in ("ready", "degraded", "stopping")}
    with Appliance("net_tap0,iface=tap0", "net_tap1,iface=tap1", hooks=hooks) as wiretag:
        wait_for("the first hook", told.exists)
        for turn, (one, other) in enumerate((("tap0", "tap1"), ("tap0", "tap1"),
                                             ("tap1", "tap0")), 1):
            sh(f"ip link set {one} down")
            wait_for(f"{other} to go down", lambda other=other: not is_up(other))
            metrics = wiretag.metrics()
            held = {dict(labels)["port"]: value for (name, labels), value
                    in metrics.samples.items() if name == "wiretag_port_held"}
            check(held == {"in": other == "tap0", "out": other == "tap1"}, held)
            status, text = wiretag.ask("/-/ready")
            check(status == 503 and "held down" in text, status, text)
            sh(f"ip link set {one} up")
            wait_for("both links", lambda: wiretag.ask("/-/ready")[0] == 200)
            for port in ("in", "out"):
                wait_for("all changes", lambda port=port, turn=turn: wiretag.metrics().get(
                    "wiretag_port_link_changes_total", port=port) == 2 * turn)
            wait_for("the hooks", lambda turn=turn: told.read_text().count("ready") == turn + 1)
        through_kernel("tap0", "tap1", wiretag, on_the_wire())
        sh("ip link set tap1 down")
        wait_for("tap0 to go down", lambda: not is_up("tap0"))
        wiretag.stop()
    check(told.read_text().split() == ["ready", "degraded"] * 4 + ["stopping"], told.read_text())
    # A virtual machine that comes, and goes.
    with Appliance(f"net_vhost0,iface={socket_path}", "net_tap1,iface=tap1",
                   until="/-/healthy") as wiretag:
        testpmd = virtual_machine([socket_path])[0]
        wait_for("both links", lambda: wiretag.ask("/-/ready")[0] == 200)
        testpmd.communicate("quit\n")
        wait_for("tap1 to go down", lambda: not is_up("tap1"))
        wiretag.stop()


def test_reset():
    """A port whose driver asks for a reset gets it, with no worker at it meanwhile."""
    os.environ["LD_PRELOAD"] = os.environ["RESET_EVENT"]
    with Appliance("net_null0", "net_null1,no-rx=1") as wiretag:
        del os.environ["LD_PRELOAD"]
        for turn in range(1, 4):
            wiretag.process.send_signal(signal.SIGUSR1)
            wait_for("the reset", lambda turn=turn: wiretag.log.read_text().count(
                "port 'in' is reset") == turn)
            wiretag.wait_received(wiretag.metrics().get("wiretag_received_packets_total") + 1)
        check(wiretag.ask("/-/ready")[0] == 200, "it is not ready")
        wiretag.metrics().check_books()
        wiretag.stop()
        check("not ready port" not in wiretag.log.read_text(), wiretag.log.read_text())


def endless_ports():
    """Two ports that receive the same frames over and over, as fast as they are taken."""
    records = [frame for frame in frames.frames() if len(frame) < 1600]
    received = DIRECTORY / "endless.pcap"
    frames.write_pcap(received, records)
    return [f"net_pcap{number},rx_pcap={received},infinite_rx=1" for number in range(2)]


def scrape_to_the_end(wiretag):
    """Asks for the metrics until nobody answers; every page is whole. How many there were."""
    for pages in itertools.count():
        status, text = wiretag.ask("/metrics")
        if status == 0:
            return pages
        check(status == 200, "/metrics answers", status)
        check(text.rsplit("\n", 2)[-2].startswith("wiretag_scrape_duration_seconds "), text[-200:])


def stop_under_scrapes(wiretag):
    """Four ask as fast as they can when the program is told to end: it answers, and ends in time."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        scrapers = [pool.submit(scrape_to_the_end, wiretag) for _ in range(4)]
        time.sleep(0.5)
        wiretag.stop()
        pages = [scraper.result(timeout=30) for scraper in scrapers]
    check(min(pages) > 0, "pages:", pages)


def test_metrics():
    """At each of 100 scrapes under traffic the books balance, and nothing runs backwards."""
    with Appliance(*endless_ports(), hooks={"stopping": "sleep 1"}) as wiretag:
        before = {}
        for _ in range(100):
            metrics = wiretag.metrics()
            metrics.check_books()
            for series, value in metrics.samples.items():
                if series[0].endswith("_total"):
                    check(value >= before.get(series, 0), series, "went from",
                          before.get(series, 0), "to", value)
            before = metrics.samples
        check(metrics.get("wiretag_received_packets_total") > 1000, "there was no traffic")
        promtool = subprocess.run(["promtool", "check", "metrics"], input=metrics.text, text=True,
                                  capture_output=True)
        check(promtool.returncode == 0 and promtool.stderr == "", promtool.stderr)
        check(wiretag.ask("/-/healthy")[0] == 200, "/-/healthy")
        check(wiretag.ask("/nothing")[0] == 404, "/nothing")
        stop_under_scrapes(wiretag)


def test_telemetry():
    """DPDK's own client reads the same numbers, and they balance."""
    commands = ("info", "ports", "pairs", "workers", "flows", "apps", "verdicts", "rules", "hosts",
                "health")
    with Appliance(*endless_ports()) as wiretag:
        answers = {}
        for command in commands:
            client = subprocess.run(["dpdk-telemetry.py", "-f", "wiretag"], text=True,
                                    input=f"/wiretag/{command}\n", capture_output=True)
            check(client.returncode == 0, client.stderr)
            answers[command] = json.loads(client.stdout)[f"/wiretag/{command}"]
            check(answers[command] is not None, command, "is not answered")
        for wire in answers["pairs"].values():
            check(wire["received"] == wire["forwarded"] + wire["dropped"] > 0, wire)
            check(wire["forwarded"] == wire["inspected"] + wire["past_inspection"] +
                  wire["uninspected"], wire)
        check(answers["info"]["ports"] == len(answers["ports"]) == 2, answers["info"])
        check(answers["health"]["ready"] == 1, answers["health"])
        wiretag.stop()


def test_bad_config():
    """All that is wrong, each with its place; exit status 1 and nothing started."""
    path = DIRECTORY / "bad.yaml"
    path.write_text("ports: {in: net_null0, out: nonsense}\n"
                    "pairs:\n  - {name: wire, inside: in, outside: nowhere}\n"
                    "mtu: many\n"
                    "rules:\n  - {id: 1, app: a, match: {http.host: '('}}\n"
                    "policy: {a: tagg}\n")
    for command in ("run", "check"):
        run = subprocess.run([PROGRAM, command, "-c", path], capture_output=True, text=True)
        check(run.returncode == 1, command, "exit status", run.returncode, run.stderr)
        lines = run.stderr.splitlines()
        check(all(line.startswith(f"{path}:") for line in lines), run.stderr)
        for place in ("1:", "3:", "4:", "6:", "7:"):
            check(any(line.startswith(f"{path}:{place}") for line in lines), place, run.stderr)
    run = subprocess.run([PROGRAM, "run", "-c", "/nonexistent.yaml"], capture_output=True)
    check(run.returncode == 1, "a missing file gives", run.returncode)
    run = subprocess.run([PROGRAM, "nonsense"], capture_output=True)
    check(run.returncode == 2, "an unknown command gives", run.returncode)


def test_examples():
    """What we show, is good."""
    for path in sorted((TOP / "config").glob("**/*.yaml")):
        if "ports:" in path.read_text():
            run = subprocess.run([PROGRAM, "check", "-c", path], capture_output=True, text=True)
            check(run.returncode == 0, path, run.stderr)
            dump = subprocess.run([PROGRAM, "check", "-c", path, "--dump-config"],
                                  capture_output=True, text=True)
            again = pathlib.Path(tempfile.gettempdir(), "dump.yaml")
            again.write_text(dump.stdout)
            run = subprocess.run([PROGRAM, "check", "-c", again], capture_output=True, text=True)
            check(run.returncode == 0, path, "as it is shown", run.stderr)
    run = subprocess.run([PROGRAM, "check", "--print-eal", "-c",
                          TOP / "config/examples/no-nic-pcap.yaml"], capture_output=True, text=True)
    check("--no-pci --vdev net_pcap0,rx_iface_in=veth0,tx_iface=veth0" in run.stdout, run)


TESTS = {name[5:]: function for name, function in globals().items() if name.startswith("test_")}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in TESTS:
        sys.exit("usage: smoke.py " + "|".join(TESTS))
    TESTS[sys.argv[1]]()
