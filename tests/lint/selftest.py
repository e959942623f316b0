#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sees every check of lint.py fail: breaks a copy of the tree in one way at a time."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).parents[2]
C = "// SPDX-License-Identifier: BSD-3-Clause\n"
LONG = C + "int f(void);\n\nint f(void)\n{\n" + "\tf();\n" * 101 + "\treturn 0;\n}\n"

# check, file, what is appended to it (a new file is made), part of the complaint that follows
BROKEN = [
    ("format", "lib/fail.h", "int  f( void );\n", "not as clang-format"),
    ("floors", "lib/flow.h", '#include "path.h"\n', "flow (floor 2) may not include path.h"),
    ("floors", "lib/flow.h", '#include "stream.h"\n', "flow (floor 2) may not include stream.h"),
    ("floors", "lib/decode/x.c", C + '#include "detect/detect.h"\n', "decode (floor 1) may not"),
    ("floors", "lib/nowhere.c", C, "no floor"),
    ("floors", "lib/flow.h", '#include "nowhere.h"\n', "nowhere.h has no floor"),
    ("includes", "lib/rules.h", "#include <hs.h>\n", "lib/scan.c alone"),
    ("includes", "lib/flow.h", "#include <rte_ethdev.h>\n", "lib/ does without"),
    ("licence", "lib/x.c", "int x;\n", "the first line is not"),
    ("licence", "tests/x.py", "#!/usr/bin/python3\n", "no # SPDX"),
    ("words", "lib/x.c", C + "void f(void)\n{\n\tstrcpy(a, b);\n}\n", "use snprintf"),
    ("words", "lib/fail.h", "// TO" "DO: later\n", "without the number"),
    ("words", "README.md", "see /wo" "rk/main\n", "somebody's own machine"),
    ("words", "tests/x.sh", "ls ../shared/" "captures\n", "$WIRETAG_CAPTURES only"),
    ("lengths", "lib/x.c", LONG, "f() has 105 lines"),
    ("lengths", "lib/x.c", C + "\n" * 600, "600 are allowed"),
    ("lists", "lib/x.c", C, "not in lib/meson.build"),
    ("lists", "tests/unit/x_test.c", C, "not in tests/meson.build"),
    ("lists", "tests/fuzz/memory_fuzz.c", C, "not in tests/meson.build"),
    ("lists", "lib/detect/x.c", C + "const struct detector detector_x = {\n", "not in lib/detect/"),
    ("lists", "tests/meson.build", "test('x', y, suite: 'nowhere')\n", "does not run the suite"),
    ("spelling", "README.md", "teh wire\n", "teh ==>"),
    ("scripts", "tests/x.sh", "#!/bin/sh\nrm $1\n", "SC2086"),
    ("scripts", "tests/x.py", "#!/usr/bin/env python3\n", "the interpreter is not"),
    ("scripts", "tests/x.py", "#!/usr/bin/python3\nif:\n", "invalid syntax"),
    ("commits", None, "Lib: add a thing", "not \"area:"),
    ("commits", None, "lib: add a thing.", "not \"area:"),
    ("commits", None, "lib: " + "a" * 70, "75 columns"),
]


def git(tree, *arguments):
    subprocess.run(["git", "-C", tree, "-c", "user.name=lint", "-c", "user.email=lint@localhost",
                    "-c", "commit.gpgsign=false", *arguments], check=True, capture_output=True)


def lint(tree, check):
    run = subprocess.run([tree / "tests/lint/lint.py", "--root", tree, check],
                         capture_output=True, text=True)
    return run.returncode, run.stdout.splitlines()


def sees(tree, check, name, text, complaint):
    before_status, before = lint(tree, check)
    if before_status == 77:
        return None
    if name is None:
        git(tree, "commit", "--allow-empty", "-m", text)
    else:
        path = tree / name
        old = path.read_text() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((old or "") + text)
    status, after = lint(tree, check)
    if name is None:
        git(tree, "reset", "--hard", "HEAD~1")
    elif old is None:
        path.unlink()
    else:
        path.write_text(old)
    return status == 1 and any(complaint in line for line in after if line not in before)


def main():
    failed = skipped = 0
    with tempfile.TemporaryDirectory() as directory:
        tree = pathlib.Path(directory) / "tree"
        shutil.copytree(TREE, tree, ignore=shutil.ignore_patterns(".git", "build*", ".cache"))
        git(tree, "init", "-q")
        git(tree, "commit", "--allow-empty", "-m", "tree: begin")
        for check, name, text, complaint in BROKEN:
            seen = sees(tree, check, name, text, complaint)
            if seen is None:
                skipped += 1
            elif not seen:
                failed += 1
                print(f"{check} does not see {name or 'a commit'} + {text[-60:]!r}")
    print(f"{len(BROKEN) - failed - skipped} seen, {failed} not seen, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
