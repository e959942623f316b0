#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fills a manual page with what the programs say of themselves: fill.py PAGE.scd WIRETAG WIRETAGCTL

A line `@help PROGRAM [COMMAND]@` becomes what `PROGRAM COMMAND --help` prints, `@keys@` the keys of
the configuration, from `wiretag check --help`. What comes out is text for scdoc.
"""

import re
import subprocess
import sys

PAGE, WIRETAG, WIRETAGCTL = sys.argv[1:]


def ask(program, *arguments):
    path = {"wiretag": WIRETAG, "wiretagctl": WIRETAGCTL}[program]
    return subprocess.run([path, *arguments, "--help"], check=True, capture_output=True,
                          text=True).stdout


def literal(text):
    text = text.partition("\nThe keys of FILE")[0]  # they have a page of their own
    return f"```\n{text.rstrip()}\n```\n"


def escaped(text):
    return re.sub(r"([\\_*#\[\]<>~`|])", r"\\\1", text)


def keys():
    """'  key: default    # range; reload', and a line with what it means, to a list."""
    for key, default, allowed, meaning in re.findall(
            r"(?m)^  (\S+): (.*)    # (.*)\n        (.*)$", ask("wiretag", "check")):
        allowed, reload, _ = allowed.partition("; taken over by a reload")
        yield (f"*{escaped(key)}*: {escaped(allowed)}++\n"
               f"{escaped(meaning)}.++\n"
               f"Default: {escaped(default)}.{' Taken over by a reload.' if reload else ''}\n\n")


for line in open(PAGE, encoding="utf-8"):
    if match := re.fullmatch(r"@help (\w+) ?(\w*)@\n", line):
        print(literal(ask(*filter(None, match.groups()))), end="")
    elif line == "@keys@\n":
        print("".join(keys()), end="")
    else:
        print(line, end="")
