# SPDX-License-Identifier: BSD-3-Clause
"""wiretag's numbers for DPDK's own exporter: usertools/dpdk-telemetry-exporter.py, from 24.07 on,
loads this from share/dpdk/telemetry-endpoints. wiretag's own /metrics has more."""

BOOKS = ("received", "forwarded", "dropped", "inspected", "past_inspection", "uninspected")


def info():
    """What each metric is; the exporter puts dpdk_ before the names."""
    metrics = {"wiretag_ready": {"help": "1 when every port is up and every worker polls, else 0.",
                                 "type": "gauge"}}
    for name in BOOKS:
        metrics[f"wiretag_{name}_packets"] = {
            "help": f"Packets {name.replace('_', ' ')}, by pair and direction.", "type": "counter"}
    metrics |= {
        "wiretag_cycles": {"help": "TSC cycles of a worker.", "type": "counter"},
        "wiretag_busy_cycles": {"help": "TSC cycles in polls that received a packet.",
                                "type": "counter"},
        "wiretag_flows": {"help": "Flows in the table of a worker.", "type": "gauge"},
        "wiretag_app_bytes": {"help": "Bytes by application.", "type": "counter"},
        "wiretag_hosts": {"help": "Hosts of which something is known.", "type": "gauge"},
    }
    return metrics


def pages(sock, command):
    """All entries of a command that answers in pages: DPDK cuts a reply at 16 KiB."""
    first = 0
    while page := sock.cmd(f"{command},{first}" if first else command):
        yield from page.values()
        first = max(map(int, page)) + 1


def metrics(sock):
    """(name, value, labels) of every sample."""
    samples = [("wiretag_ready", sock.cmd("/wiretag/health")["ready"], {})]
    for pair in pages(sock, "/wiretag/pairs"):
        labels = {"pair": pair["pair"], "direction": pair["direction"]}
        samples += [(f"wiretag_{name}_packets", pair[name], labels) for name in BOOKS]
    for worker in pages(sock, "/wiretag/workers"):
        labels = {"lcore": worker["lcore"]}
        samples += [(f"wiretag_{name}", worker[name], labels)
                    for name in ("cycles", "busy_cycles", "flows")]
    for app in pages(sock, "/wiretag/apps"):
        samples.append(("wiretag_app_bytes", app["bytes"], {"app": app["name"]}))
    samples.append(("wiretag_hosts", sock.cmd("/wiretag/hosts")["hosts"], {}))
    return samples
