#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client, the wire and a server: wire.py TEST, in namespaces of its own (isolated.sh).

      namespace "client"                                                   namespace "server"
    +--------------------+        +------------------------------+        +--------------------+
    | curl           c0 -|--veth--|- c-wire   wiretag   s-wire  -|--veth--|- s0          nginx |
    | 192.0.2.1          |        |  net_af_packet0  ..packet1   |        |          192.0.2.2 |
    | 2001:db8::1        |        +------------------------------+        |        2001:db8::2 |
    +--------------------+                                                +--------------------+

Neither end knows that there is anything between them.
"""

import collections
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from appliance import TOP, Appliance, check, start_capture, stop_capture, wait_for

DIRECTORY = pathlib.Path(tempfile.mkdtemp())
SERVERS = ("192.0.2.2", "[2001:db8::2]")
CLIENTS = ("192.0.2.1", "2001:db8::1")
SKYPE, OTHER = "ui.skype.com", "www.example"
CS1 = 8
BIG_BYTES = 100_000_000


def sh(command, **options):
    return subprocess.run(command, shell=True, check=True, text=True, **options)


def make_network():
    sh("ip netns add client && ip netns add server")
    for end, name, number in (("c", "client", 1), ("s", "server", 2)):
        inside = f"ip -n {name}"
        sh(f"ip link add {end}-wire type veth peer name {end}0 netns {name}")
        sh(f"ip link set {end}-wire up && {inside} link set {end}0 up && {inside} link set lo up")
        sh(f"{inside} address add 192.0.2.{number}/24 dev {end}0")
        sh(f"{inside} address add 2001:db8::{number}/64 dev {end}0 nodad")
        # Else frames leave without checksums, and larger than any wire would carry.
        off = "tx off tso off gso off gro off"
        sh(f"ethtool -K {end}-wire {off} && ip netns exec {name} ethtool -K {end}0 {off}",
           stdout=subprocess.DEVNULL)


def make_server():
    """nginx with pages of 1 byte, of some packets and of 100 MB; their SHA-256 by name."""
    pages = DIRECTORY / "pages"
    pages.mkdir()
    block = os.urandom(1_000_000)
    contents = {"byte": [b"x"], "some": [block[:50_000]], "big": [block] * (BIG_BYTES // 10**6)}
    sums = {}
    for name, blocks in contents.items():
        (pages / name).write_bytes(b"".join(blocks))
        sums[name] = hashlib.sha256(b"".join(blocks)).hexdigest()
    for path in (DIRECTORY, pages):
        path.chmod(0o755)
    (DIRECTORY / "nginx.conf").write_text(
        f"daemon off; pid {DIRECTORY}/nginx.pid; error_log {DIRECTORY}/error.log; user root;\n"
        "events {}\n"
        "http { access_log off;\n"
        f"  client_body_temp_path {DIRECTORY}/body; proxy_temp_path {DIRECTORY}/proxy;\n"
        f"  fastcgi_temp_path {DIRECTORY}/f; uwsgi_temp_path {DIRECTORY}/u;\n"
        f"  scgi_temp_path {DIRECTORY}/s;\n"
        f"  server {{ listen 80; listen [::]:80; root {pages}; }} }}\n")
    subprocess.Popen(["ip", "netns", "exec", "server", "nginx", "-p", DIRECTORY, "-e",
                      DIRECTORY / "error.log", "-c", DIRECTORY / "nginx.conf"])
    wait_for("nginx", (DIRECTORY / "nginx.pid").exists)
    return sums


def start_get(server, page, host=OTHER, *options):
    """curl, under way; its page goes to sha256sum."""
    command = ["ip", "netns", "exec", "client", "curl", "-sS", "-g", "-f", "-H", f"Host: {host}",
               *options, f"http://{server}/{page}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def end_get(process):
    """The page's SHA-256, or None when curl gave up."""
    digest = hashlib.sha256()
    while block := process.stdout.read(1 << 20):
        digest.update(block)
    return digest.hexdigest() if process.wait() == 0 else None


def get(*arguments):
    return end_get(start_get(*arguments))


def appliance(policy=None):
    return Appliance("net_af_packet0,iface=c-wire", "net_af_packet1,iface=s-wire",
                     rule_files=[str(TOP / "config/rules")],
                     policy={"default": "forward", **(policy or {})})


class Capture:
    """What one end of the wire sees, while the context lasts."""

    FIELDS = ("frame.number", "ip.src", "ipv6.src", "tcp.stream", "tcp.len", "tcp.seq",
              "http.host", "ip.dsfield.dscp", "ipv6.tclass.dscp", "vlan.id", "vlan.priority",
              "ip.checksum.status", "tcp.checksum.status", "ip.version")
    Packet = collections.namedtuple("Packet", "number source stream length sequence host dscp "
                                              "vlan checksums")

    def __init__(self, namespace, interface):
        self.path = DIRECTORY / f"{interface}.pcap"
        self.place = interface, "ip", "netns", "exec", namespace
        self.packets = []

    def __enter__(self):
        self.process = start_capture(self.path, *self.place)
        return self

    def __exit__(self, *_):
        time.sleep(0.5)
        stop_capture(self.process)
        fields = " ".join(f"-e {field}" for field in self.FIELDS)
        table = sh(f"tshark -r {self.path} -Y tcp -o ip.check_checksum:TRUE "
                   f"-o tcp.check_checksum:TRUE -T fields {fields}",
                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        for line in table.splitlines():
            f = dict(zip(self.FIELDS, line.split("\t")))
            is_good = f["tcp.checksum.status"] == "1" and \
                (f["ip.version"] == "6" or f["ip.checksum.status"] == "1")
            vlan = (int(f["vlan.id"]), int(f["vlan.priority"])) if f["vlan.id"] else None
            self.packets.append(self.Packet(
                int(f["frame.number"]), f["ip.src"] or f["ipv6.src"], int(f["tcp.stream"]),
                int(f["tcp.len"]), int(f["tcp.seq"]), f["http.host"],
                int(f["ip.dsfield.dscp"] or f["ipv6.tclass.dscp"]), vlan, is_good))
        check(self.packets, "nothing was captured")

    def streams(self, host):
        """For each connection that asked this host: its packets before and from the request."""
        for stream in sorted({packet.stream for packet in self.packets if packet.host == host}):
            packets = [packet for packet in self.packets if packet.stream == stream]
            first = next(i for i, packet in enumerate(packets) if packet.host == host)
            yield packets[:first], packets[first:]


def test_pages(sums):
    """Pages arrive intact, and the books know every packet."""
    with appliance() as wiretag:
        for server in SERVERS:
            for page in ("byte", "big"):
                check(get(server, page) == sums[page], page, "of", server, "is damaged")
        metrics = wiretag.metrics()
        metrics.check_books()
        check(metrics.get("wiretag_received_bytes_total") > 2 * BIG_BYTES, "too few bytes")
        check(metrics.get("wiretag_hosts") == 0, "somebody is taken for a Skype host")
        wiretag.stop()


def test_host(sums):
    """Who asks ui.skype.com is a Skype host; who asks others is not."""
    with appliance() as wiretag:
        for server in SERVERS:
            check(get(server, "some", OTHER) == sums["some"], "the other page")
            check(get(server, "some", SKYPE) == sums["some"], "Skype's page")
        wait_for("two hosts", lambda: wiretag.metrics().get("wiretag_hosts") == 2)
        metrics = wiretag.metrics()
        check(metrics.get("wiretag_app_flows_total", app="skype") == 2, "flows of Skype")
        wiretag.stop()
        hosts = {r["wiretag"]["ip"]: r["wiretag"] for r in wiretag.records("host")}
        check(set(hosts) == set(CLIENTS), "hosts:", hosts)
        check(all(host["app"] == "skype" for host in hosts.values()), hosts)
        flows = [r for r in wiretag.records("flow") if r.get("app_proto") == "http"]
        check(sorted(r["wiretag"]["app"] for r in flows) == ["skype"] * 2 + ["unknown"] * 2, flows)


def all_get(hosts):
    return [start_get(server, "some", host, "--max-time", "4") for server in SERVERS
            for host in hosts]


def test_dscp(sums):
    """From the request on, all packets of Skype's flows carry CS1, and no other; checksums hold."""
    with appliance({"skype": {"tag": {"dscp": "cs1"}}}) as wiretag:
        with Capture("server", "s0") as far, Capture("client", "c0") as near:
            for process in all_get((OTHER, SKYPE)):
                check(end_get(process) == sums["some"], "a page is damaged")
        wiretag.stop()
    for end, sender in ((far, CLIENTS), (near, ("192.0.2.2", "2001:db8::2"))):
        streams = list(end.streams(SKYPE))
        check(len(streams) == 2, len(streams), "connections to Skype")
        tagged = {packet.number for _, late in streams for packet in late
                  if packet.source in sender}
        carries = {packet.number for packet in end.packets if packet.dscp == CS1}
        check(len(tagged) >= 4, "only", len(tagged), "packets to tag")
        check(carries == tagged, "CS1 is on", carries, "and should be on", tagged)
        check(all(packet.dscp in (0, CS1) for packet in end.packets), "other code points")
        bad = [packet for packet in end.packets if not packet.checksums]
        check(not bad, "checksums are wrong:", bad)


def test_vlan(_):
    """From the request on, all packets of Skype's flows carry the tag, and no other."""
    with appliance({"skype": {"tag": {"vlan": 100, "pcp": 1}}}) as wiretag:
        with Capture("server", "s0") as far:
            for process in all_get((OTHER, SKYPE)):
                end_get(process)
        wiretag.stop()
    streams = list(far.streams(SKYPE))
    check(len(streams) == 2, len(streams), "connections to Skype")
    tagged = {packet.number for _, late in streams for packet in late if packet.source in CLIENTS}
    carries = {packet.number for packet in far.packets if packet.vlan == (100, 1)}
    check(carries == tagged, "the tag is on", carries, "and should be on", tagged)
    check(all(packet.vlan in (None, (100, 1)) for packet in far.packets), "other tags")
    check(all(packet.checksums for packet in far.packets), "checksums are wrong")


def test_drop(sums):
    """Skype's connections die; those before, beside and after them live."""
    with appliance({"skype": "drop"}) as wiretag:
        before = [start_get(server, "big", OTHER, "--limit-rate", "20M") for server in SERVERS]
        time.sleep(0.5)
        dropped = all_get([SKYPE])
        check(all(end_get(process) is None for process in dropped), "a page of Skype arrived")
        check(all(process.returncode == 28 for process in dropped), "curl did not time out")
        for server in SERVERS:
            check(get(server, "some", OTHER) == sums["some"], "a page after that")
        for process in before:
            check(end_get(process) == sums["big"], "a page under way")
        metrics = wiretag.metrics()
        check(metrics.get("wiretag_drop_packets_total", reason="policy") >= 2, "no drop counted")
        metrics.check_books()
        wiretag.stop()


TESTS = {name[5:]: function for name, function in globals().items() if name.startswith("test_")}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in TESTS:
        sys.exit("usage: wire.py " + "|".join(TESTS))
    make_network()
    TESTS[sys.argv[1]](make_server())
