#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every command that README.md and the manual pages show is good: run here against an appliance that
has seen the sample, or run by another test that is named below, or, where it changes the host, at
least shell. A new command that fits none of these fails. In namespaces of its own (isolated.sh).
argv: wiretag wiretagctl."""

import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/smoke")]
WIRETAG, WIRETAGCTL = map(os.path.abspath, sys.argv[1:])
os.environ["WIRETAG"] = WIRETAG

# pylint: disable=wrong-import-position
from appliance import Appliance, check, wait_for  # noqa: E402

PROGRAMS = ("sudo|build/app/wiretag|build/app/wiretagctl|wiretag|wiretagctl|curl|echo|meson|ninja|"
            "systemctl|driverctl|dpdk-telemetry.py|dpdk-testpmd|app/[a-z.]+|tests/[a-z/_.]+|"
            "config/[a-z/]+\\.sh|ethtool|promtool|socat|journalctl")

# Which other test runs it.
ELSEWHERE = {
    r"app/quickstart\.sh": "e2e quickstart",
    r"tests/run\.sh": "what runs this",
    r"app/install\.sh": "run.sh",
    r"config/debian/build\.sh": "deploy package",
    r"tests/accuracy\.py": "golden accuracy",
    r"tests/readdress\.py": "golden readdress",
    r"meson install": "deploy install",
    r"wiretag bench": "smoke bench",
    r"tests/bench/peers\.sh": "smoke bench-peers",
    r"tests/bench/scrape\.py": "smoke bench-scrape",
    r"tests/smoke/isolated\.sh": "isolated bench-vhost",
    r"wiretagctl capture": "smoke capture",
}
# What changes the host or needs a NIC: shell that can be read.
HOST = r"driverctl|hugepages|systemctl|journalctl|ethtool|wiretag run"


def commands(text, indent):
    """Commands in blocks and, with arguments, between backticks; each once, in order."""
    shown = re.findall(rf"(?m)^{indent}(?:\$ )?((?:{PROGRAMS})(?: .*)?)$", text)
    inline = re.findall(rf"`((?:{PROGRAMS}) [^`]+)`", text.replace("\n", " "))
    # `wiretag read` names a command; there is nothing to run.
    for command in shown + [text for text in inline if not re.fullmatch(r"wiretag \w+", text)]:
        yield re.sub(r"\s+#.*", "", command).removesuffix("++")


def alternatives(command):
    """'a b|c' is 'a b' and 'a c'; 'host IP' between bars is one of them."""
    head, *rest = command.split(" ", 1)
    if not rest or "|" not in rest[0] or " | " in rest[0]:
        return [command]
    return [f"{head} {word}" for word in rest[0].split("|")]


def prepare(directory):
    """What the commands name."""
    subprocess.run([TOP / "tests/make_sample.py", directory / "sample.pcap"], check=True,
                   stdout=subprocess.DEVNULL)
    (directory / "nothing.pcap").write_bytes((directory / "sample.pcap").read_bytes()[:24])
    (directory / "build").mkdir()
    (directory / "build/app").symlink_to(pathlib.Path(WIRETAG).parent)
    shutil.copytree(TOP / "config/rules", directory / "rules")
    (directory / "my-rules").symlink_to("rules")
    (directory / "bin").mkdir()
    for program in WIRETAG, WIRETAGCTL:
        (directory / "bin" / pathlib.Path(program).name).symlink_to(program)
    os.environ["PATH"] = f"{directory}/bin:{os.environ['PATH']}"


def run(command, directory):
    command = re.sub(r"\bFILE\.\.\.|\bCAPTURE\.\.\.|(?<!-c )\bFILE\b", "sample.pcap", command)
    command = command.replace("-c FILE", "-c wiretag.yaml").replace(" IP", " 192.168.10.20")
    command = command.removeprefix("sudo ")
    if re.match(r"(\S*/)?wiretagctl top$", command):
        command += " -b -n 1"
    done = subprocess.run(["bash", "-c", command], cwd=directory, capture_output=True, text=True,
                          check=False, timeout=120,
                          input="/wiretag/info\n" if "telemetry" in command else "")
    # --probe may find that this host lacks something.
    good = (0, 3) if "--probe" in command else (0,)
    check(done.returncode in good, command, "gives", done.returncode, done.stdout[-2000:],
          done.stderr[-2000:])
    silent = re.search(r"--write|wiretagctl reopen", command)
    check(done.stdout or silent, command, "says nothing")


def is_elsewhere(command):
    return any(re.search(pattern, command) for pattern in ELSEWHERE)


def look_at(command, directory):
    if is_elsewhere(command):
        return "elsewhere"
    if re.search(HOST, command):
        subprocess.run(["bash", "-n", "-c", command], check=True)
        return "read"
    for alternative in alternatives(command):
        run(alternative, directory)
    return "run"


def main():
    pages = [((TOP / "README.md").read_text(), "    ")]
    pages += [(page.read_text(), "\t") for page in (TOP / "config/man").glob("*.scd")]
    shown = dict.fromkeys(itertools.chain(*(commands(*page) for page in pages)))
    check(len(shown) > 15, "only", len(shown), "commands were found")
    receive = "rx_pcap={0}/{1},tx_pcap={0}/out-{1}"
    directory = pathlib.Path(tempfile.mkdtemp())
    prepare(directory)
    with Appliance("net_pcap0," + receive.format(directory, "sample.pcap"),
                   "net_pcap1," + receive.format(directory, "nothing.pcap"),
                   rule_files=[str(TOP / "config/rules")]) as appliance:
        appliance.wait_received(249)
        wait_for("hosts", lambda: appliance.metrics().get("wiretag_hosts") > 0)
        config = appliance.directory / "wiretag.yaml"
        (directory / "wiretag.yaml").write_text(config.read_text())
        for command in shown:
            print(f"{look_at(command, directory):10} {command}")


main()
