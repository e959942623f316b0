#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real captures, if $WIRETAG_CAPTURES has them: what must be found, and what must not.

    captures.py WIRETAG SOURCE_DIR [EVERY]

Every capture is read by itself. Its books must balance, and its packets are those of the list.
Of the lists, only each EVERY-th capture: $CAPTURES_EVERY, or as told, or all of them.
"""

import collections
import concurrent.futures
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SKIPPED = 77
LINK_TYPES = {'1', '12', '14', '101', '113', '228', '229', '276'}
# Small tables: a thousand runs start faster.
LIMITS = 'flows: {capacity: 4096}\n'
URI_RULE = "rules: [{id: 1, app: page, confidence: weak, match: {http.uri: '/Security/Digest/'}}]\n"

failures = 0


def expect(condition, message):
    global failures
    if not condition:
        failures += 1
        print(f'FAIL  {message}')


class Reader:
    def __init__(self, program, source, config):
        self.command = [program, 'read', '--json', '-c', config,
                        '-r', pathlib.Path(source) / 'config/rules']

    def read(self, path, *arguments):
        """The records by type, after the checks that hold for every capture."""
        done = subprocess.run([*self.command, *arguments, path], capture_output=True)
        name = path.name
        lines = done.stderr.decode(errors='replace').splitlines()
        expect(done.returncode in (0, 1), f'{name}: exit status {done.returncode}: {lines[-5:]}')
        expect(len(lines) == done.returncode, f'{name}: status {done.returncode}, said {lines}')
        expect(all(line.startswith(f'{path}: ') for line in lines), f'{name}: said {lines}')
        records = collections.defaultdict(list)
        for line in done.stdout.decode().splitlines():
            record = json.loads(line)
            records[record['event_type']].append(record)
        self.balance(name, records)
        return records

    @staticmethod
    def balance(name, records):
        stats = records['stats']
        expect(len(stats) == 1, f'{name}: {len(stats)} stats records')
        if len(stats) != 1:
            return
        stats = stats[0]['stats']
        inside = sum(flow['flow']['pkts_toserver'] + flow['flow']['pkts_toclient']
                     for flow in records['flow'])
        expect(inside + stats['not_flow'] == stats['packets'],
               f"{name}: {inside} in flows + {stats['not_flow']} is not {stats['packets']}")
        expect(stats['flows'] == len(records['flow']),
               f"{name}: {stats['flows']} flows, {len(records['flow'])} records")


def check_skype_irc(reader, folder):
    path = folder / 'skype/skype-irc.cap'
    records = reader.read(path)
    expect(records['stats'][0]['stats']['packets'] == 2263, 'skype-irc: 2263 packets')
    hosts = [record['wiretag'] for record in records['host']]
    clients = [host for host in hosts if host['ip'] == '192.168.1.2']
    expect(len(clients) == 1, f'skype-irc: no 192.168.1.2 in {hosts}')
    # The others are nodes that its connections prove.
    expect({host['app'] for host in hosts} == {'skype'}, f'skype-irc: {hosts}')
    for host in clients:
        expect((host['ip'], host['app'], host['confidence'], host.get('version')) ==
               ('192.168.1.2', 'skype', 'certain', '1.2.0.18'), f'skype-irc: {host}')
        startups = [step['timestamp'][:23] for step in host['steps'] if step['step'] == 'startup']
        expect(startups == ['2006-08-25T19:32:21.748', '2006-08-25T19:36:08.724'],
               f'skype-irc: startups {startups}')
        expect(host['port'] == 35990, f"skype-irc: port {host['port']}")
    checks = [flow for flow in records['flow'] if flow['wiretag'].get('role') == 'version-check']
    expect(len(checks) == 2, f'skype-irc: {len(checks)} version checks, not 2')
    for flow in checks:
        expect((flow['dest_port'], flow['wiretag']['app']) == (80, 'skype'), f'skype-irc: {flow}')
    for workers in ('2', '4'):
        again = reader.read(path, '--workers', workers)
        same = all(sorted(map(json.dumps, records[kind])) == sorted(map(json.dumps, again[kind]))
                   for kind in records)
        expect(same, f'skype-irc: {workers} workers find something else')


def check_resegmented(reader, folder):
    """One conversation, cut and shuffled in many ways, always shows its two requests."""
    for path in sorted((folder / 'decode/tcp_resegment').glob('*.pcap')):
        if 'fragmented' in path.name:
            continue
        evidence = [item for record in reader.read(path)['host']
                    for item in record['wiretag']['evidence'] if item['signal'] == 'http-uri']
        expect([item['count'] for item in evidence] == [2], f'{path.name}: {evidence}')


def check_list(reader, folder, name, may_be_skype, every):
    with open(folder / f'{name}.csv', newline='') as file:
        rows = list(csv.DictReader(file))[::every]

    def check(row):
        records = reader.read(folder / row['file'])
        packets = sum(record['stats']['packets'] for record in records['stats'])
        expected = int(row['packets']) if row.get('linktype', '1') in LINK_TYPES else 0
        expect(packets == expected, f"{row['file']}: {packets} packets, not {expected}")
        apps = {record['wiretag']['app'] for record in records['flow'] + records['host']}
        expect(may_be_skype or 'skype' not in apps, f"{row['file']}: is no Skype")

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        collections.deque(pool.map(check, rows), maxlen=0)
    print(f'{name}: {len(rows)} captures')


def main():
    folder = os.environ.get('WIRETAG_CAPTURES')
    if not folder:
        print('skipped: $WIRETAG_CAPTURES is not set')
        return SKIPPED
    folder = pathlib.Path(folder)
    every = int(os.environ.get('CAPTURES_EVERY') or (sys.argv[3:] or ['1'])[0])
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as config:
        config.write(LIMITS)
        config.flush()
        reader = Reader(sys.argv[1], sys.argv[2], config.name)
        check_skype_irc(reader, folder)
        with tempfile.TemporaryDirectory() as source:
            rules = pathlib.Path(source) / 'config/rules/uri.yaml'
            rules.parent.mkdir(parents=True)
            rules.write_text(URI_RULE)
            check_resegmented(Reader(sys.argv[1], source, config.name), folder)
        check_list(reader, folder, 'decode', False, every)
        check_list(reader, folder, 'adjacent', True, every)
        check_list(reader, folder, 'negatives', False, every)
    print(f'{failures} failures')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
