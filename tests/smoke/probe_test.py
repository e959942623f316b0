#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""check --probe: what the host lacks, each with the command that mends it. argv: wiretag."""

import json
import os
import subprocess
import sys
import tempfile

WIRETAG = sys.argv[1]
NOWHERE = "ffff:ff:1f.7"


def probe(status, lan="net_null0", **config):
    """{what: (finding, text)}"""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump({"ports": {"lan": lan, "wan": "net_null1"}, "workers": 1,
                   "pairs": [{"name": "wire", "inside": "lan", "outside": "wan"}]} | config, file)
        file.flush()
        done = subprocess.run([WIRETAG, "check", "-c", file.name, "--probe"], text=True,
                              capture_output=True, check=False)
    assert done.returncode == status, done
    lines = done.stdout.splitlines()
    assert "good" in lines[0] and len(lines) <= 24, done
    found = {}
    for line in lines[1:]:
        found.setdefault(line[9:20].strip(), (line[:8].strip(), line[21:]))
    missing = [line for line in lines if line.startswith("MISSING")]
    assert (status == 3) == bool(missing), done
    return found


NONE = {"dpdk": {"memory": "none"}}
good = probe(0, **NONE)
assert {good[what][0] for what in ("port", "pair", "huge pages", "CPUs", "placement", "IOMMU",
                                   "memlock")} == {"ok"}, good
assert good["isolation"][0] == "ok" or "isolcpus=" in good["isolation"][1]

finding, text = probe(3, lan=NOWHERE, **NONE)["port"]
assert finding == "MISSING" and f"no PCI device {NOWHERE}" in text and "lspci" in text
finding, text = probe(3, lan="net_nosuch_nic0", **NONE)["port"]
assert finding == "MISSING" and "apt install librte-net-nosuch-nic" in text

MUCH = 1 << 24  # buffers
finding, text = probe(3, dpdk={"memory": "hugepages", "mbufs": MUCH})["huge pages"]
assert finding == "MISSING" and "echo " in text and "nr_hugepages" in text
finding, text = probe(0, dpdk={"memory": "auto", "mbufs": MUCH})["huge pages"]
assert finding == "hint" and "echo " in text

# A device of this host that the kernel uses is left alone, and how to give it away is said.
for address in sorted(os.listdir("/sys/bus/pci/devices")) \
        if os.path.isdir("/sys/bus/pci/devices") else []:
    driver = os.path.basename(os.path.realpath(f"/sys/bus/pci/devices/{address}/driver"))
    if driver.startswith(("virtio", "e1000", "ena", "nvme")):
        finding, text = probe(3, lan=address, **NONE)["port"]
        assert finding == "MISSING" and f"driverctl set-override {address} vfio-pci" in text
        break
