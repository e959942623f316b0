#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `wiretag read` reports of each simulated scenario: the confusion matrix of calls.

    call_matrix.py [--noise] WIRETAG

Prints a row a scenario: what it holds, what was reported, with 1, 2 and 4 workers. --noise mixes it
with the captures of $WIRETAG_CAPTURES/negatives, none of which holds Skype. Exit status 1 when a
report is wrong where it need not be, or depends on the number of workers; 77 without the captures.
"""
import argparse
import datetime
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import jsonschema

import skype_simulator
from simulated_network import START

# Scenarios that cannot be told from another, and what they look like.
AMBIGUOUS = {'relayed-stranger': {'path': 'direct'}}
NOISE_BYTES = 40_000_000  # of frames, so that a run takes seconds
SCHEMA = jsonschema.Draft202012Validator(json.loads(
    (pathlib.Path(__file__).resolve().parents[1] / 'config/events.schema.json').read_text()))
PATHS = ('direct', 'relayed', 'relaying', 'phone')


def seconds_of(text):
    return datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%f%z').timestamp()


def record_of(verdict):
    """A call event, in the words of skype_calls.records()."""
    peers = verdict.get('relays') or [verdict[key] for key in ('peer', 'other_peer')
                                      if key in verdict]
    return {'ip': verdict['ip'], 'path': verdict['path'], 'peers': sorted(peers),
            'media': sorted(verdict['media']),
            'transports': sorted(name.lower() for name in verdict['transport']),
            'start': seconds_of(verdict['start']), 'end': seconds_of(verdict['end']),
            'hold': verdict['hold_s'],
            'bytes': verdict['bytes_sent'] + verdict['bytes_received']}


def wanted_of(name, call):
    return {**call, **AMBIGUOUS.get(name, {})}


def differs(found, wanted):
    """Whether a call is not the wanted one: times to 2 s, bytes to a tenth."""
    held = sum(end - start for start, end in wanted['holds'])
    same = found['ip'] == wanted['ip'] and all(
        sorted(found[field]) == sorted(wanted[field])
        for field in ('path', 'peers', 'media', 'transports'))
    near = all(abs(found[field] - wanted[field]) <= 2 for field in ('start', 'end'))
    return not same or not near or abs(found['hold'] - held) > 3 or \
        abs(found['bytes'] - wanted['bytes']) > wanted['bytes'] / 10


def check(name, calls, found):
    """What is wrong with the calls that were found; empty when nothing is."""
    wanted = sorted((wanted_of(name, call) for call in calls), key=lambda call: call['start'])
    found = sorted(found, key=lambda call: call['start'])
    if len(found) != len(wanted) or any(map(differs, found, wanted)):
        return f'calls {found}, not {wanted}'
    return ''


def read(wiretag, workers, captures):
    done = subprocess.run([wiretag, 'read', '--json', '--workers', str(workers), *captures],
                          capture_output=True, check=False)
    records = [json.loads(line) for line in done.stdout.decode().splitlines()]
    for record in records:
        if record['event_type'] in ('call', 'host'):
            SCHEMA.validate(record)
    return records


def calls_of(records):
    return [record_of(record['wiretag']) for record in records
            if record['event_type'] == 'call']


def story_of(records):
    """Calls and what the hosts went through, in a form that can be compared."""
    hosts = sorted(
        json.dumps([record['wiretag'][key] for key in ('ip', 'confidence', 'super_node', 'steps')])
        for record in records if record['event_type'] == 'host')
    return hosts, sorted(map(json.dumps, calls_of(records)))


def frames_of(path):
    """(seconds, frame) of an Ethernet pcap; nothing of any other file."""
    data = pathlib.Path(path).read_bytes()
    order = {b'\xd4\xc3\xb2\xa1': '<', b'\xa1\xb2\xc3\xd4': '>'}.get(data[:4])
    if order is None or struct.unpack(order + 'I', data[20:24])[0] != 1:
        return
    at = 24
    while at + 16 <= len(data):
        second, micro, kept, _ = struct.unpack(order + 'IIII', data[at:at + 16])
        yield second + micro / 1e6, data[at + 16:at + 16 + kept]
        at += 16 + kept


def noise():
    """Frames of all negatives, each capture from START on, by time."""
    frames, left = [], NOISE_BYTES
    for path in sorted(pathlib.Path(os.environ['WIRETAG_CAPTURES'], 'negatives').rglob('*.pcap')):
        first = None
        for time, frame in frames_of(path):
            first = time if first is None else first
            if 0 <= time - first < 60 and left > 0:
                frames.append((START + time - first, frame))
                left -= len(frame)
    return sorted(frames)


def write(path, frames):
    with open(path, 'wb') as out:
        out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for time, data in frames:
            micro = round(time * 1e6)
            out.write(struct.pack('<IIII', micro // 1000000, micro % 1000000, len(data),
                                  len(data)) + data)


def words(calls):
    return '; '.join(f"{'+'.join(call['media'])} {call['path']}" for call in calls) or '-'


def row(name, view, wiretag, path):
    runs = [read(wiretag, workers, [path]) for workers in (1, 2, 4)]
    found = calls_of(runs[0])
    wrong = check(name, view.calls, found)
    if any(story_of(run) != story_of(runs[0]) for run in runs):
        wrong = wrong or 'depends on the number of workers'
    mark = wrong or ('ambiguous' if name in AMBIGUOUS else 'right')
    print(f'| {name} | {words(view.calls)} | {words(found)} | {mark} |', flush=True)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--noise', action='store_true')
    parser.add_argument('wiretag')
    arguments = parser.parse_args()
    if arguments.noise and 'WIRETAG_CAPTURES' not in os.environ:
        sys.exit(77)
    background = noise() if arguments.noise else []
    print('| scenario | holds | reported | |\n|---|---|---|---|')
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for scenario in skype_simulator.SCENARIOS:
            for name, view in skype_simulator.build(scenario).items():
                path = pathlib.Path(folder) / 'view.pcap'
                write(path, sorted([*view.frames(), *background], key=lambda entry: entry[0]))
                good &= row(name, view, arguments.wiretag, path)
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
