#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The sample capture in, the expected output out, byte for byte.

    run.py [--update] WIRETAG SOURCE_DIR

Expected outputs lie beside this script; --update writes them anew, to be read before they are
committed. JSON lines are compared sorted: in which order flows expire is nobody's business.
"""

import argparse
import difflib
import pathlib
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).parent
POLICY = 'policy: {skype: drop}\n'

failures = 0


def check(what, expected, found):
    global failures
    if expected == found:
        print(f'ok    {what}')
        return
    failures += 1
    print(f'FAIL  {what}')
    lines = difflib.unified_diff(expected.splitlines(True), found.splitlines(True),
                                 'expected', 'found', n=1)
    sys.stdout.writelines(lines)


class Golden:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.rules = pathlib.Path(arguments.source).resolve() / 'config/rules'
        self.program = pathlib.Path(arguments.wiretag).resolve()

    def read(self, *arguments, status=0, error='', data=None):
        """Standard output of `wiretag read`, run beside the captures."""
        done = subprocess.run([self.program, 'read', '-r', self.rules, *arguments], input=data,
                              cwd=self.folder, capture_output=True)
        name = ' '.join(map(str, arguments))
        check(f'{name}: status and standard error', f'{status}\n{error}',
              f'{done.returncode}\n{done.stderr.decode()}')
        return done.stdout.decode()

    def fails(self, stdout, status, error, *arguments):
        """What it says when its output goes nowhere, or its arguments make no sense."""
        with open(stdout, 'wb') as stream:
            done = subprocess.run([self.program, 'read', *arguments], stdout=stream,
                                  stderr=subprocess.PIPE, cwd=self.folder)
        check(f'status {status}: {error}', f'{status} {error}',
              f'{done.returncode} {done.stderr.decode().splitlines()[0]}')

    def records(self, *arguments, **more):
        return ''.join(sorted(self.read('--json', *arguments, **more).splitlines(True)))

    def compare(self, name, found):
        path = here / name
        if self.arguments.update:
            path.write_text(found)
        check(name, path.read_text() if path.exists() else '', found)


def cut(path, size):
    data = path.read_bytes()
    out = path.with_name('cut.pcap')
    out.write_bytes(data[:size])
    return data


def check_all(golden, sample):
    records = golden.records(sample.name)
    golden.compare('sample.json', records)
    golden.compare('sample.txt', golden.read(sample.name))
    for workers in ('2', '4'):
        check(f'{workers} workers find the same', records,
              golden.records('--workers', workers, sample.name))

    data = cut(sample, 20000)
    check('standard input gives the same', records, golden.records('-', data=data))
    error = ('cut.pcap: byte 20000: truncated dump file;'
             ' tried to read 1522 captured bytes, only got 386\n')
    golden.compare('cut.txt', golden.read('cut.pcap', status=1, error=error))

    # What no policy touches comes out as it went in; only the snapshot length may differ.
    golden.read('--write', 'copy.pcap', sample.name)
    copy = (golden.folder / 'copy.pcap').read_bytes()
    check('--write copies', repr(data[:16] + data[20:]), repr(copy[:16] + copy[20:]))
    (golden.folder / 'drop.yaml').write_text(POLICY)
    golden.read('-c', 'drop.yaml', '--write', 'dropped.pcap', sample.name)
    golden.compare('dropped.txt', golden.read('dropped.pcap'))

    broken = 'nowhere.pcap: No such file or directory\n'
    golden.read('nowhere.pcap', status=1, error=broken)
    golden.compare('several.txt', golden.read('nowhere.pcap', sample.name, 'copy.pcap', status=1,
                                              error=broken))

    rules = ('-r', golden.rules)
    golden.fails('/dev/full', 1, 'standard output: No space left on device', *rules, sample.name)
    golden.fails('/dev/null', 1, '/dev/full: No space left on device', *rules, sample.name,
                 '--write', '/dev/full')
    golden.fails('/dev/null', 1, 'sample.pcap: would be overwritten before it is read', *rules,
                 'copy.pcap', sample.name, '--write', sample.name)
    check('and it is not', repr(data), repr(sample.read_bytes()))
    golden.fails('/dev/null', 2, 'wiretag read: which capture?')
    golden.fails('/dev/null', 2, "wiretag read: --workers is from 1 to 64, not '0'",
                 '--workers', '0', sample.name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--update', action='store_true')
    parser.add_argument('wiretag')
    parser.add_argument('source')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sample = pathlib.Path(name) / 'sample.pcap'
        script = pathlib.Path(arguments.source) / 'tests/make_sample.py'
        subprocess.run([script, sample], check=True, stderr=subprocess.DEVNULL)
        check_all(Golden(arguments, sample.parent), sample)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
