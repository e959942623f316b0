#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`meson install` into a directory: all that belongs there, and it fits together. argv: build."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1])
FILES = """
bin/wiretag bin/wiretagctl etc/logrotate.d/wiretag etc/wiretag/wiretag.yaml
lib/systemd/system/wiretag.service lib/sysusers.d/wiretag.conf lib/tmpfiles.d/wiretag.conf
lib/udev/rules.d/60-wiretag.rules share/wiretag/rules/skype.yaml share/wiretag/examples/numa.yaml
share/bash-completion/completions/wiretagctl share/wiretag/web/index.html share/wiretag/web/wiretag.js
""".split()
PAGES = ["man8/wiretag.8", "man8/wiretagctl.8", "man5/wiretag.yaml.5", "man5/wiretag-rules.5"]


def run(*command, **more):
    return subprocess.run(command, check=True, text=True, capture_output=True, **more).stdout


def check_manual(pages):
    """Without mistakes in it, and with every key and command."""
    texts = {}
    for page in PAGES:
        path = pages / page
        texts[page] = subprocess.run(["man", "--warnings", "-l", path], check=True, text=True,
                                     capture_output=True, env={"MANWIDTH": "200"})
        assert texts[page].stderr == "", texts[page].stderr
        texts[page] = texts[page].stdout
    help_text = run(BUILD / "app/wiretag", "check", "--help")
    keys = re.findall(r"(?m)^  ([a-z_.]+): ", help_text)
    assert len(keys) > 30, keys
    for key in keys:
        assert re.search(rf"(?m)^ +{re.escape(key)}: ", texts["man5/wiretag.yaml.5"]), key
    for command in re.findall(r"(?m)^  (\w+)", run(BUILD / "app/wiretagctl", "--help")):
        assert re.search(rf"(?m)^ +{command}\b", texts["man8/wiretagctl.8"]), command


with tempfile.TemporaryDirectory(prefix="wiretag-") as directory:
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", directory)
    prefix = next(pathlib.Path(directory).glob("**/bin/wiretag")).parent.parent
    for name in FILES:
        assert (prefix / name).is_file() or list(pathlib.Path(directory).glob(f"**/{name}")), name
    config = next(pathlib.Path(directory).glob("**/etc/wiretag/wiretag.yaml"))
    # The rules' own place does not exist yet.
    text = config.read_text().replace(str(pathlib.Path("/") / prefix.relative_to(directory)),
                                      str(prefix))
    config.write_text(text)
    said = run(prefix / "bin/wiretag", "check", "-c", config)
    assert re.search(r"1 pairs, [1-9]\d* rules: good", said), said
    for example in (prefix / "share/wiretag/examples").iterdir():
        run(prefix / "bin/wiretag", "check", "-c", example)
    pages = prefix / "share/man"
    if shutil.which("man") and pages.is_dir():
        check_manual(pages)
