#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The simulator against the proofs, and wiretag against the simulator.

    simulator_test.py WIRETAG SOURCE_DIR PROOFS_LIBRARY

Every proof of skype_datagram.h and skype_stream.h must fire on what it is about and nowhere else;
and `wiretag read` must find the calls and nothing else, the version checks, and balance its books in
every scenario.
"""

import collections
import ctypes
import itertools
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import call_matrix
import skype_simulator
import skype_wire

REQUESTS, ANSWERS = set(skype_wire.REQUESTS), set(skype_wire.ANSWERS)
# Kind of datagram -> its type (enum skype_type); every other kind is a payload.
TYPES = {'resend': 3, 'ack': 5, 'nak': 7, 'fragment': 15, 'voice': 13, 'video': 13, 'held': 13,
         'file': 13, 'keep-alive': 13}
STREAM_PROOFS = {
    'fake-hello': 'skype_is_fake_hello', 'fake-answer': 'skype_is_fake_answer',
    'greeting': 'skype_is_login_greeting', 'login-answer': 'skype_is_login_answer',
    'login-request': 'skype_is_login_request', 'key-stream': 'skype_reuses_key_stream',
    'key-stream-unpadded': 'skype_reuses_key_stream_unpadded',
    'key-exchange': 'skype_pads_key_exchange',
}
STREAM_BYTES = 128

failures = 0
fired = collections.Counter()


def expect(condition, message):
    global failures
    if not condition:
        failures += 1
        print(f'FAIL  {message}')


class Datagram(ctypes.Structure):
    """struct skype_datagram"""
    _fields_ = [('id', ctypes.c_uint16), ('length', ctypes.c_uint16), ('type', ctypes.c_uint8),
                ('fragment', ctypes.c_uint8), ('request_id', ctypes.c_uint16),
                ('iv', ctypes.c_uint32), ('crc', ctypes.c_uint32), ('address', ctypes.c_uint32),
                ('nonce', ctypes.c_uint32)]


class Trace(ctypes.Structure):
    """struct skype_trace"""
    _fields_ = [('id', ctypes.c_uint16), ('length', ctypes.c_uint16), ('crc', ctypes.c_uint32),
                ('unrolled', ctypes.c_uint32 * 2)]


class Proofs:
    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        for name in [*STREAM_PROOFS.values(), 'skype_datagram_read', 'skype_request_of',
                     'skype_is_reply', 'skype_is_sibling', 'skype_is_copy', 'skype_is_resend']:
            getattr(self.library, name).restype = ctypes.c_bool

    def read(self, payload):
        datagram = Datagram()
        return datagram if self.library.skype_datagram_read(
            payload, ctypes.c_size_t(len(payload)), ctypes.byref(datagram)) else None

    def trace(self, datagram):
        trace = Trace()
        self.library.skype_trace(ctypes.byref(datagram), ctypes.byref(trace))
        return trace

    def pair(self, name, one, two, *more):
        return getattr(self.library, name)(ctypes.byref(one), ctypes.byref(two), *more)

    def stream(self, data):
        return {mark for mark, name in STREAM_PROOFS.items() if
                getattr(self.library, name)(data, ctypes.c_size_t(len(data)))}


def are_siblings(one, two):
    """Texts that differ in nothing but the messages' own numbers, at offset 2 or 3."""
    difference = ((one.number - 1) ^ (two.number - 1)) & 0xffff
    if difference == 0 or len(one.plain) != len(two.plain):
        return False
    found = bytes(a ^ b for a, b in zip(one.plain, two.plain))
    number = struct.pack('>H', difference)
    return any(found == bytes(at) + number + bytes(len(found) - at - 2) for at in (2, 3))


class Scenario:
    """The datagrams and streams of one scenario, put to every proof."""

    def __init__(self, name, view, proofs):
        self.name, self.proofs = name, proofs
        self.packets = [packet for packet in view.packets() if packet.mark is not None]
        self.connections = view.network.connections
        self.of_flow = collections.defaultdict(list)
        self.of_sender = collections.defaultdict(list)
        for packet in self.packets:
            datagram = proofs.read(packet.payload)
            ends = frozenset(((packet.source, packet.sport), (packet.target, packet.dport)))
            self.alone(packet, datagram)
            if datagram is not None:
                self.of_flow[ends].append((packet, datagram))
                self.of_sender[packet.source].append((packet, datagram))

    def expect(self, proof, found, wanted, packet):
        fired[proof] += found
        expect(found == wanted, f'{self.name}: {proof} is {found} of {packet.mark}')

    def alone(self, packet, datagram):
        kind = packet.mark.kind
        if kind == 'skype-out':
            return  # random bytes
        self.expect('is datagram', datagram is not None, True, packet)
        if datagram is not None:
            self.expect(f'type of {kind}', datagram.type == TYPES.get(kind, 2), True, packet)
            found = self.proofs.library.skype_request_of(ctypes.byref(datagram))
            self.expect('is request', found, kind in REQUESTS, packet)

    def replies(self):
        """To the requests of the flow, of which one is the right one."""
        for packets in self.of_flow.values():
            requests = {packet.mark.number for packet, _ in packets if packet.mark.about is None}
            for packet, datagram in packets[:200]:
                for number in requests:
                    accepted = ctypes.c_bool()
                    found = self.proofs.library.skype_is_reply(
                        ctypes.byref(datagram), ctypes.c_uint16(number), ctypes.byref(accepted))
                    wanted = packet.mark.kind in ANSWERS and packet.mark.about == number
                    self.expect('is reply', found, wanted, packet)
                    if found:
                        self.expect('accepted', accepted.value, packet.mark.kind == 'accept', packet)

    def resends(self):
        for packets in self.of_flow.values():
            some = packets[:100]
            messages = [entry for entry in some if entry[1].type == 2]
            for (again, resend), (nak, denial), (first, message) in itertools.product(
                    some, [entry for entry in some if entry[1].type == 7], messages):
                wanted = again.mark.kind == 'resend' and \
                    again.mark.about == nak.mark.about == first.mark.number and \
                    first.source is again.source
                trace = ctypes.byref(self.proofs.trace(message))
                for target, is_right in ((again.target, True), (again.source, False)):
                    address = ctypes.c_uint32(struct.unpack(
                        '>I', skype_wire.address_bytes(target.public))[0])
                    found = self.proofs.pair('skype_is_resend', resend, denial, trace, address)
                    self.expect('is resend', found, wanted and is_right, again)

    def pairs(self):
        """Messages of one node among the last 24 of it."""
        for packets in self.of_sender.values():
            messages = [(packet, self.proofs.trace(datagram)) for packet, datagram in packets
                        if datagram.type == 2]
            for index, (packet, trace) in enumerate(messages):
                for other, earlier in messages[max(0, index - 24):index]:
                    one, two = packet.mark, other.mark
                    self.expect('is sibling', self.proofs.pair('skype_is_sibling', trace, earlier),
                                are_siblings(one, two), packet)
                    self.expect('is copy', self.proofs.pair('skype_is_copy', trace, earlier),
                                one.plain == two.plain and one.number != two.number, packet)

    def streams(self):
        for connection in self.connections:
            for side, wanted in connection.marks.items():
                found = self.proofs.stream(connection.stream[side][:STREAM_BYTES])
                fired.update(found)
                expect(found == wanted, f'{self.name}: stream {sorted(found)}, not {sorted(wanted)}')

    def check(self):
        self.replies()
        self.resends()
        self.pairs()
        self.streams()


def key(proto, *ends):
    return proto.lower(), frozenset((address, int(port)) for address, port in ends)


class Reader:
    def __init__(self, program, source):
        self.command = [program, 'read', '--json', '-r', pathlib.Path(source) / 'config/rules']

    def read(self, path):
        done = subprocess.run([*self.command, path], capture_output=True, check=True)
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def check(self, name, path, truth, calls):
        """Every packet is in its flow; version checks and calls, and only they, are found as such."""
        packets, checks, versions = collections.Counter(), set(), set()
        records = self.read(path)
        found = call_matrix.calls_of(records)
        wrong = call_matrix.check(name, calls, found)
        expect(not wrong, f'{name}: {wrong}')
        fired.update(f"call, {call['path']}" for call in found)
        for record in records:
            verdict = record.get('wiretag', {})
            if record['event_type'] == 'flow':
                ends = key(record['proto'], (record['src_ip'], record['src_port']),
                           (record['dest_ip'], record['dest_port']))
                packets[ends] += record['flow']['pkts_toserver'] + record['flow']['pkts_toclient']
                if verdict.get('role') == 'version-check':
                    checks.add(ends)
            elif record['event_type'] == 'host' and 'version' in verdict:
                versions.add((verdict['ip'], verdict['app'], verdict['version']))
        rows = {key(row['proto'], (row['ip_a'], row['port_a']), (row['ip_b'], row['port_b'])): row
                for row in truth}
        expect(packets == {ends: row['packets'] for ends, row in rows.items()},
               f'{name}: packets by flow')
        wanted = {ends for ends, row in rows.items() if row['label'] == 'skype-http'}
        expect(checks == wanted, f'{name}: version checks {checks}, not {wanted}')
        fired['version check'] += len(checks)
        clients = {row['ip_a'] for row in truth if row['label'] == 'skype-http'}
        expect(versions == {(client, 'skype', '1.2.0.18') for client in clients},
               f'{name}: versions {versions}')


def main():
    reader = Reader(sys.argv[1], sys.argv[2])
    proofs = Proofs(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        for scenario in skype_simulator.SCENARIOS:
            for name, view in skype_simulator.build(scenario).items():
                Scenario(name, view, proofs).check()
                path = pathlib.Path(folder) / f'{name}.pcap'
                view.write(path)
                reader.check(name, path, view.truth(), view.calls)
                path.unlink()
    again = skype_simulator.build('later-start')['later-start']
    first = list(skype_simulator.build('later-start')['later-start'].frames())
    expect(first == list(again.frames()), 'the same seed gives the same frames')
    for proof in ['is request', 'is reply', 'is sibling', 'is copy', 'is resend', 'accepted',
                  'version check', *STREAM_PROOFS, *(f'call, {path}' for path in call_matrix.PATHS)]:
        expect(fired[proof] > 0, f'{proof}: never fired')
    print(f'{failures} failures;', dict(fired))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
