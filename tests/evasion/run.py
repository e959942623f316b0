#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Requests that are cut, wrapped or shuffled, and what only looks like one: run.py WIRETAG

    run.py WIRETAG [--keep DIRECTORY] [--group GROUP] [--no-tshark] [CASE...]

Makes one capture for each case, classifies each with `wiretag read --json` and compares with what a
server that follows the standards reads. Then tshark reads all of them, and wherever it reads
something else, the case must say why.

    --keep   leave captures and manifest.json in this directory
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import differences
import http_cases
import ip
import model
import others
import quic
import tcp
import tunnels

GROUPS = {'tcp': tcp, 'ip': ip, 'tunnels': tunnels, 'http': http_cases, 'others': others,
          'quic': quic}
START, BETWEEN = 1_000_000_000, 0.01  # seconds


def make_cases():
    suite = model.Suite()
    for module in GROUPS.values():
        module.add(suite)
    for patterns, why in differences.DIFFERENCES:
        for pattern in patterns.split():
            matching = [case for case in suite.cases if fnmatch.fnmatchcase(case.name, pattern)]
            if not matching:
                raise ValueError(f'differences.py: no case is like {pattern}')
            for case in matching:
                case.tshark = why
    return suite.cases


def write_pcap(path, case):
    with open(path, 'wb') as out:
        out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, case.link))
        for number, frame in enumerate(case.frames):
            micros = round(number * BETWEEN * 1e6)
            out.write(struct.pack('<IIII', START + micros // 1000000, micros % 1000000,
                                  len(frame), len(frame)) + frame)


def capture_of(directory, case):
    return directory / (case.name.replace('/', '-') + '.pcap')


def registered():
    """The buffers that rules can name, in their order."""
    text = (SOURCE / 'lib/detect/buffers.def').read_text()
    return re.findall(r'(?m)^BUFFER\(\w+, "([^"]+)"', text)


def write_rules(directory, buffers):
    lines = [f'  - {{id: {number}, app: {app}, confidence: certain, match: '
             f"{{{buffer}: '{pattern}'}}}}"
             for number, (app, (buffer, pattern)) in enumerate(model.MARKS.items(), 1)
             if buffer in buffers]
    (directory / 'rules.yaml').write_text('\n'.join(['rules:', *lines, '']))
    (directory / 'wiretag.yaml').write_text('flows: {capacity: 1024}\nrule_files: [rules.yaml]\n')


def write_manifest(directory, cases):
    entries = [{'case': case.name, 'group': case.group, 'capture': capture_of(directory, case).name,
                'expected': case.expect,
                'buffer': model.MARKS[case.mark][0],
                'standard': case.note, 'tshark': case.tshark} for case in cases]
    text = json.dumps(entries, indent=1, ensure_ascii=False)
    (directory / 'manifest.json').write_text(text + '\n', encoding='utf-8')


# What wiretag reads.

def classify(wiretag, directory, case):
    """What is wrong with the verdict on a case, None for nothing."""
    command = [wiretag, 'read', '--json', '-c', str(directory / 'wiretag.yaml'),
               str(capture_of(directory, case))]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if ran.returncode != 0:
        return f'exit status {ran.returncode}: {ran.stderr.strip()[:200]}'
    records = [json.loads(line) for line in ran.stdout.splitlines()]
    flows = [record for record in records if record['event_type'] == 'flow']
    stats = next(record for record in records if record['event_type'] == 'stats')['stats']
    packets = sum(flow['flow']['pkts_toserver'] + flow['flow']['pkts_toclient'] for flow in flows)
    if packets + stats['not_flow'] != len(case.frames):
        return f'{packets} packets in flows, {stats["not_flow"]} in none, {len(case.frames)} in all'
    marked = [flow for flow in flows if flow['wiretag']['app'] != 'unknown']
    found = [flow['wiretag']['app'] for flow in marked]
    if found != ([case.expect] if case.expect else []):
        return f'found {found}'
    for flow in marked:
        ends = {flow['src_ip'], flow['dest_ip']}
        if ends not in (set(case.ends4.values()), set(case.ends6.values())):
            return f'in the flow of {flow["src_ip"]} and {flow["dest_ip"]}'
    return None


# What tshark reads.

FIELDS = ['frame.number', 'http.request.method', 'http.request.uri', 'http.host',
          'http.user_agent', 'http.request.line', 'tls.handshake.extensions_server_name',
          'dns.qry.name', 'frame.protocols']


def tshark_marks(fields):
    """The marks in the fields of a frame."""
    method, uri, host, agent, lines, sni, query, protocols = fields
    marks = set()
    if method:
        hosts = [re.sub(r'\.?(:\d*)?$', '', name.strip().lower()) for name in host]
        marks |= {'host'} if 'ui.skype.com' in hosts else set()
        marks |= {'method'} if 'PROPFIND' in method else set()
        marks |= {'uri'} if '/marked/uri' in uri else set()
        marks |= {'agent'} if 'Marked/1.0' in agent else set()
        if any(re.fullmatch(r'(?i:x-marked):\s*yes\s*(\\r)?(\\n)?', line) for line in lines):
            marks.add('header')
    if 'marked.example' in map(str.lower, sni):
        marks.add('quic' if 'quic' in protocols[0].split(':') else 'sni')
    marks |= {'query'} if 'marked.example' in map(str.lower, query) else set()
    return marks


def tshark(directory, cases):
    """The marks that tshark finds in each case: all in one capture, a process each half."""
    whole = directory / f'all-{os.getpid()}-{cases[0].name.replace("/", "-")}.pcapng'
    captures = [capture_of(directory, case) for case in cases]
    subprocess.run(['mergecap', '-a', '-w', whole, *captures], check=True)
    command = ['tshark', '-n', '-o', 'tcp.reassemble_out_of_order:TRUE', '-r', str(whole),
               '-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=|']
    for field in FIELDS:
        command += ['-e', field]
    lines = subprocess.run(command, capture_output=True, text=True, errors='replace', timeout=240,
                           check=True).stdout.replace(r'\t', ' ').splitlines()
    whole.unlink()
    owners = [case.name for case in cases for _ in case.frames]
    found = {case.name: set() for case in cases}
    for line in lines:
        number, *fields = line.split('\t')
        found[owners[int(number) - 1]] |= tshark_marks([
            [part for part in field.split('|') if part] for field in fields])
    return found


def compare_tshark(directory, cases):
    """Disagreements without an explanation, and explanations without a disagreement."""
    # Payload is ours alone: tshark has no field for the first bytes of a flow.
    cases = [case for case in cases if case.expect != 'payload']
    half = len(cases) // 2
    parts = [part for part in (cases[:half], cases[half:]) if part]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = {}
        for part in pool.map(lambda part: tshark(directory, part), parts):
            found.update(part)
    wrong = {}
    for case in cases:
        expected = {case.expect} - {None}
        if (found[case.name] != expected) == (case.tshark is None):
            wrong[case.name] = (f'tshark reads {sorted(found[case.name])}, we {sorted(expected)}: '
                                f'{case.tshark or "no explanation"}')
    return wrong


# All of it.

def arguments_of_command():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('wiretag')
    parser.add_argument('cases', nargs='*')
    parser.add_argument('--keep', type=pathlib.Path)
    parser.add_argument('--group', choices=GROUPS)
    parser.add_argument('--no-tshark', action='store_true')
    return parser.parse_intermixed_args()


def summarise(cases, failed, skipped):
    for group, count in collections.Counter(case.group for case in cases).items():
        bad = sum(case.group == group and case.name in failed for case in cases)
        print(f'{group:8} {count:4} cases, {bad:3} do not pass')
    misses = sum(case.expect is None for case in cases)
    print(f'{len(cases)} cases, {misses} of them near misses; {skipped} skipped: no such buffer')


def without_cases(cases, buffers):
    """Prints what there is for each buffer; the buffers that lack cases or near misses."""
    lacking = []
    for buffer in buffers:
        aimed = [case for case in cases if model.MARKS[case.mark][0] == buffer]
        misses = sum(case.expect is None for case in aimed)
        print(f'{buffer:15} {len(aimed):4} cases, {misses:3} of them near misses')
        if misses in (0, len(aimed)):
            print(f'LACKING {buffer}: no rule of it is tried, or none with a near miss: add a mark '
                  'to model.py, and cases')
            lacking.append(buffer)
    return lacking


def run(arguments, directory):
    """True when there is no surprise."""
    everything, buffers = make_cases(), registered()
    can_run = [case for case in everything
               if model.MARKS[case.mark][0] in buffers]
    cases = [case for case in can_run if (not arguments.cases or case.name in arguments.cases)
             and arguments.group in (None, case.group)]
    for case in cases:
        write_pcap(capture_of(directory, case), case)
    write_manifest(directory, cases)
    write_rules(directory, buffers)
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        verdicts = pool.map(lambda case: classify(arguments.wiretag, directory, case), cases)
        failed = {case.name: why for case, why in zip(cases, verdicts) if why is not None}
    for name, why in failed.items():
        print(f'FAILED {name}: {why}')
    wrong = {}
    if not arguments.no_tshark:
        wrong = compare_tshark(directory, cases)
        for name, why in wrong.items():
            print(f'DIFFERS {name}: {why}')
    summarise(cases, failed, len(everything) - len(can_run))
    lacking = without_cases(can_run, buffers)
    return not (failed or wrong or lacking)


def main():
    arguments = arguments_of_command()
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        return 0 if run(arguments, arguments.keep) else 1
    with tempfile.TemporaryDirectory() as directory:
        return 0 if run(arguments, pathlib.Path(directory)) else 1


if __name__ == '__main__':
    sys.exit(main())
