#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks of the source tree: lint.py [--root DIR] CHECK

A check prints one line for each thing that is wrong, as file:line: message, and fails when it
printed any. Exit status 77: the check has nothing to look at here. selftest.py sees each fail.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

SKIPPED = 77

# Who may include whom: a file includes its own module and lower floors only. A module is a file
# name, a file name's beginning ("rules" for rules_compile.c), or a folder. The ground floor is
# the only one whose members may include each other.
FLOORS = {
    0: "clock fail likely log text memory community_id place packet reasons application signals flow_end metrics verdict keyed_hash",
    1: "counters evidence decode meter scan yaml checksum",
    2: "flow fragment stream snapshot overload skype_datagram",
    3: "detect host health media",
    4: "action event rules metric",
    5: "policy inquiry",
    6: "notify path shared dpdk mbuf options port listener process capture summary history sink sniff pcapng link",
    7: "eal worker http telemetry replay reload bench export watch wire hook",
    8: "control probe",
    9: "manager",
    10: "main",
}
PART_OF = {"inspect": "path", "inspect_look": "path", "inspect_message": "path",
           "inspect_stream": "path", "inherit": "path"}
FLOOR_OF = {module: floor for floor, names in FLOORS.items() for module in names.split()}

# Headers that only one place may know, or that lib/ must do without: it has no thread and no
# port, and looks inside no mbuf.
ONLY_IN = {"hs.h": "lib/scan.c"}
NOT_IN_LIB = {"pthread.h", "threads.h", "rte_eal.h", "rte_ethdev.h", "rte_launch.h",
              "rte_mbuf.h", "rte_mempool.h"}

BANNED_CALLS = {
    "strcpy": "snprintf", "strcat": "snprintf", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "gets": "fgets", "strtok": "strsep", "atoi": "strtoul", "atol": "strtoul",
    "alloca": "a buffer of fixed size",
}
SPDX = "SPDX-License-Identifier: BSD-3-Clause"
FILE_LINES_MAX = {"app": 600, "lib": 600, "tests": 1000}
FUNCTION_LINES_LONG = 60
FUNCTION_LINES_MAX = 100
SUBJECT_MAX = 72
MISSPELT = "dorp,frowrad,suh"  # on purpose, in tests; an author

root = pathlib.Path(".")
wrong = 0


def complain(path, line, message):
    global wrong
    wrong += 1
    print(f"{path.relative_to(root)}:{line}: {message}")


def files(*suffixes, under=("app", "lib", "tests")):
    """Sorted files below some folders, by suffix ("" for any)."""
    found = []
    for folder in under:
        for path in (root / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                if "" in suffixes or path.suffix in suffixes:
                    found.append(path)
    return sorted(found)


def everything():
    """All text files of the tree, but for git's own and what was built."""
    for path in sorted(root.rglob("*")):
        top = path.relative_to(root).parts[0]
        if not path.is_file() or top in (".git", ".cache") or top.startswith("build"):
            continue
        if "__pycache__" in path.parts:
            continue
        try:
            yield path, path.read_text()
        except UnicodeDecodeError:
            continue


def without_comments(text):
    """C source with comments and strings blanked, line numbers kept."""
    token = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
    return re.sub(token, lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def matches(pattern, text):
    """(line number, match) of each match."""
    for match in re.finditer(pattern, text):
        yield text.count("\n", 0, match.start()) + 1, match


def program(*names):
    for name in names:
        if shutil.which(name):
            return name
    print(f"{names[0]} is not installed")
    sys.exit(SKIPPED)


def check_format():
    """C files are as clang-format would write them."""
    command = [program("clang-format-14", "clang-format"), "--dry-run", "--Werror"]
    run = subprocess.run(command + files(".c", ".h"), capture_output=True, text=True)
    for line in run.stderr.splitlines():
        if "error:" in line:
            path, number, _ = line.split(":", 2)
            complain(pathlib.Path(path), number, "not as clang-format writes it")


def module_of(path):
    """The longest module name that a path below lib/ or app/ belongs to, or None."""
    first = pathlib.PurePath(path).parts[0].split(".")[0]
    first = PART_OF.get(first, first)
    fitting = [m for m in FLOOR_OF if first == m or first.startswith(m + "_")]
    return max(fitting, key=len, default=None)


def check_floors():
    """A file includes its own module and lower floors only."""
    for path in files(".c", ".h", under=("lib", "app")):
        parts = path.relative_to(root).parts
        if parts[:2] == ("app", "ctl"):  # a program of its own
            continue
        own = module_of(pathlib.PurePath(*parts[1:]))
        if own is None:
            complain(path, 1, "no floor: enter its module in FLOORS of tests/lint/lint.py")
            continue
        for number, match in matches(r'(?m)^\s*#\s*include\s+"([^"]+)"', path.read_text()):
            if (path.parent / match[1]).exists():  # beside it
                other = module_of((path.parent / match[1]).relative_to(root / parts[0]))
            else:
                other = module_of(match[1])
            if other is None:
                complain(path, number, f"{match[1]} has no floor")
            elif other != own and FLOOR_OF[other] >= max(FLOOR_OF[own], 1):
                complain(path, number, f"{own} (floor {FLOOR_OF[own]}) may not include "
                         f"{match[1]} (floor {FLOOR_OF[other]})")


def check_includes():
    """Some headers have one place; lib/ has no thread, no port and no mbuf."""
    for path in files(".c", ".h"):
        place = str(path.relative_to(root))
        for number, match in matches(r"(?m)^\s*#\s*include\s+<([^>]+)>", path.read_text()):
            if ONLY_IN.get(match[1], place) != place:
                complain(path, number, f"<{match[1]}> is for {ONLY_IN[match[1]]} alone")
            if place.startswith("lib/") and match[1] in NOT_IN_LIB:
                complain(path, number, f"lib/ does without <{match[1]}>")


def check_licence():
    """The first lines of every source name its licence."""
    scripts = [root / ".ci/run", root / "app/packages.txt"] + files(".sh", ".py")
    for path in files(".c", ".h") + scripts:
        if path.suffix in (".c", ".h"):
            if path.read_text().split("\n")[0] != "// " + SPDX:
                complain(path, 1, f"the first line is not // {SPDX}")
        elif path.exists() and SPDX not in "".join(path.open().readlines()[:3]):
            complain(path, 1, f"no # {SPDX} in the first lines")


def check_words():
    """No banned call, no loose end, no trace of the machine it was written on."""
    banned = r"\b(" + "|".join(BANNED_CALLS) + r")\s*\("
    for path in files(".c", ".h"):
        for number, match in matches(banned, without_comments(path.read_text())):
            complain(path, number, f"{match[1]}(): use {BANNED_CALLS[match[1]]}")
    # Split so that these lines do not match themselves.
    loose = r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b(?!.*#\d)"
    places = r"(?<![\w.>)])/(work|farm|home|root)/|/tmp/w" r"t\b|\b(deb|snapshot)\.debian\."
    captures = r"\bshared/captures"
    for path, text in everything():
        for number, match in matches(loose, text):
            complain(path, number, f"{match[1]} without the number of an issue")
        for number, match in matches(places, text):
            complain(path, number, f"{match[0]} names somebody's own machine")
        if path != root / ".ci/run":
            for number, match in matches(captures, text):
                complain(path, number, "captures are named by $WIRETAG_CAPTURES only")


def check_lengths():
    """Files and functions stay short enough to be read."""
    for path in files(".c"):
        count = path.read_text().count("\n")
        most = FILE_LINES_MAX[path.relative_to(root).parts[0]]
        if count > most:
            complain(path, count, f"{count} lines; {most} are allowed: is it two files?")
    command = [program("ctags"), "--languages=C", "--kinds-C=f", "--fields=+ne", "-f", "-"]
    run = subprocess.run(command + files(".c", ".h"), capture_output=True, text=True, check=True)
    for tag in run.stdout.splitlines():
        name, path, _, *fields = re.sub(r"/\^.*\$/;", "", tag).split("\t")
        number = dict(field.split(":", 1) for field in fields if ":" in field)
        lines = int(number["end"]) - int(number["line"]) + 1
        if lines > FUNCTION_LINES_MAX:
            complain(pathlib.Path(path), number["line"],
                     f"{name}() has {lines} lines; {FUNCTION_LINES_MAX} are allowed")
        elif lines > FUNCTION_LINES_LONG:
            print(f"note: {path}:{number['line']}: {name}() is long: {lines} lines")


def check_lists():
    """Each C file is in the list that builds it, a family's members in its list; suites are run."""
    families = {"lib/detect": "detector", "lib/decode": "decoder"}
    members = {}
    for folder, kind in families.items():
        family = root / folder / (kind + "s.def")
        text = family.read_text() if family.exists() else ""
        members[folder] = set(re.findall(rf"(?m)^{kind.upper()}\((\w+)\)", text))

    for folder, build, ending in (("lib", "lib", ""), ("app", "app", ""),
                                  ("tests/unit", "tests", "_test"),
                                  ("tests/fuzz", "tests", "_fuzz")):
        text = (root / build / "meson.build").read_text()
        fuzz_targets = re.search(r"(?s)fuzz_targets = \{.*?\}", text)
        if ending == "_fuzz":
            text = fuzz_targets[0]
        elif ending == "_test":
            text = text.replace(fuzz_targets[0], "")
        built = {pathlib.PurePath(name).stem for name in re.findall(r"'([^'\n]+)'", text)}
        for path in files(".c", under=(folder,)):
            place = str(path.parent.relative_to(root))
            if path.stem.removesuffix(ending) not in built | members.get(place, set()):
                complain(path, 1, f"not in {build}/meson.build")

    for folder, kind in families.items():
        for path in files(".c", under=(folder,)):
            pattern = rf"(?m)^const struct {kind} {kind}_(\w+)\s*="
            for number, match in matches(pattern, path.read_text()):
                if match[1] not in members[folder]:
                    complain(path, number, f"{match[1]} is not in {folder}/{kind}s.def")
                elif match[1] != path.stem:
                    complain(path, number, f"{match[1]} belongs into {match[1]}.c")

    build, script = root / "tests/meson.build", (root / "tests/run.sh").read_text()
    for number, match in matches(r"suite: .*'(\w+)'", build.read_text()):
        if not re.search(rf"(?m)^\s*.*\b(user_)?tests \".*\b{match[1]}\b", script):
            complain(build, number, f"tests/run.sh does not run the suite {match[1]}")
    # As the user nobody it would be skipped without a word.
    for number, match in matches(r"(?s)\btest\([^)]*?, isolated,.*?suite: .*?'(\w+)'\)", build.read_text()):
        if re.search(rf"(?m)^\s*.*\buser_tests \".*\b{match[1]}\b", script):
            complain(build, number, f"needs root, but the suite {match[1]} runs without")


def check_commits():
    """Subjects read "area: what it now does"."""
    git = [program("git"), "-c", "safe.directory=*", "-C", str(root)]
    if not (root / ".git").exists():
        print("not a git repository")
        sys.exit(SKIPPED)
    log = subprocess.run(git + ["log", "--no-merges", "--format=%h %s"], capture_output=True,
                         text=True, check=True)
    for line in log.stdout.splitlines():
        commit, subject = line.split(" ", 1)
        if len(subject) > SUBJECT_MAX:
            complain(root / commit, 1, f"{len(subject)} columns: {subject}")
        if not re.fullmatch(r"[a-z0-9][\w/.,+ -]*: [^A-Z\s].*[^.\s]|Revert \".*\"", subject):
            complain(root / commit, 1, f"not \"area: what it now does\": {subject}")


def check_spelling():
    """Words that are commonly misspelt."""
    folders = [str(root / name) for name in ("README.md", "app", "config", "lib", "tests", ".ci")]
    skipped = "*.pcap,*.pcapng,*/corpus/*,*/__pycache__/*,selftest.py"
    run = subprocess.run([program("codespell"), "-q", "3", "-S", skipped, "-L", MISSPELT,
                          "--ignore-regex", r"\\[nrt]", *folders],
                         capture_output=True, text=True)
    for line in run.stdout.splitlines():
        path, number, message = line.split(":", 2)
        complain(pathlib.Path(path), number, message.strip())


def check_scripts():
    """shellcheck is silent about shell scripts; python scripts compile."""
    shell = []
    for path in files("") + [root / ".ci/run"]:
        first = path.open("rb").readline() if path.exists() else b""
        if re.match(rb"#!.*\b(ba)?sh\b", first):
            shell.append(path)
        elif first.startswith(b"#!") and b"python" in first:
            if first.strip() != b"#!/usr/bin/python3":
                complain(path, 1, "the interpreter is not /usr/bin/python3")
            try:
                compile(path.read_text(), path, "exec")
            except SyntaxError as error:
                complain(path, error.lineno, error.msg)
    run = subprocess.run([program("shellcheck"), "-x", "-P", "SCRIPTDIR", "-f", "gcc", *shell],
                         capture_output=True, text=True)
    for line in run.stdout.splitlines():
        path, number, _, message = line.split(":", 3)
        complain(pathlib.Path(path), number, message.strip())


CHECKS = {name[6:]: function for name, function in globals().items() if name.startswith("check_")}


def main():
    global root
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[2])
    parser.add_argument("check", choices=CHECKS)
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    CHECKS[arguments.check]()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
