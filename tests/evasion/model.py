# SPDX-License-Identifier: BSD-3-Clause
"""What the cases of the evasion set are made of: captures, connections and requests.

A case is one capture and what a server that follows the standards reads in it: one of the marks
below, each a value of one buffer, or nothing. Cases have addresses of their own, so that all of
them can be put into one capture as well.
"""

import random
import zlib

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

C, S = 'client', 'server'
ETHERNET, SLL, RAW, SLL2 = 1, 113, 101, 276

# What a rule looks for: the buffer, and a pattern. Each is an application of its own.
MARKS = {
    'host': ('http.host', r'ui\.skype\.com'), 'uri': ('http.uri', '/marked/uri'),
    'method': ('http.method', 'PROPFIND'), 'agent': ('http.user_agent', r'Marked/1\.0'),
    'header': ('http.header', 'x-marked: yes'), 'payload': ('payload', 'payload-marked'),
    'sni': ('tls.sni', r'marked\.example'), 'quic': ('quic.sni', r'marked\.example'),
    'query': ('dns.query', r'marked\.example'),
}
MARKED, PLAIN = b'ui.skype.com', b'xy.skype.com'  # of one length, so that one may cover the other
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'


def request(host=b'www.example.org', uri=b'/', method=b'GET', agent=b'plain/1.0', headers=(),
            end=b'\r\n'):
    lines = [method + b' ' + uri + b' HTTP/1.1', b'Host: ' + host, b'User-Agent: ' + agent]
    return end.join([*lines, *headers, b'', b''])


# The request that carries each mark, and one that only looks like it.
HITS = {'host': request(host=MARKED), 'uri': request(uri=b'/marked/uri'),
        'method': request(method=b'PROPFIND'), 'agent': request(agent=b'Marked/1.0'),
        'header': request(headers=[b'X-Marked: yes']),
        'payload': b'\x13\x37 a payload-marked protocol\r\n'}
MISSES = {'host': request(host=MARKED + b'.evil.example'), 'uri': request(uri=b'/marked/urib'),
          'method': request(method=b'UNPROPFIND'), 'agent': request(agent=b'Marked/1.0b'),
          'header': request(headers=[b'X-Marked: yes, no']),
          'payload': b'\x13\x37 a payload-market protocol\r\n'}


def cut(data, size):
    """The data in segments: (offset, bytes)."""
    return [(at, data[at:at + size]) for at in range(0, len(data), size)]


class Case:
    def __init__(self, number, name, expect, note, link, near):
        self.name, self.expect, self.note, self.link = name, expect, note, link
        self.mark = expect or near  # what it carries, or only seems to
        self.group = name.partition('/')[0]
        self.tshark = None  # why tshark reads something else, if it does
        self.frames = []
        high, low = number >> 8, number & 255
        self.ends4 = {C: f'10.{high}.{low}.10', S: f'198.18.{high}.{low}'}
        self.ends6 = {C: f'2001:db8:{number:x}::10', S: f'2001:db8:{number:x}::80'}
        self.outer4 = {C: f'172.16.{high}.{low}', S: f'172.17.{high}.{low}'}
        self.outer6 = {C: f'2001:db8:{number:x}:f::1', S: f'2001:db8:{number:x}:f::2'}
        self.rng = random.Random(zlib.crc32(name.encode()))
        self.split = lambda packet: [packet]  # one IP packet into those that are sent
        self.wrap = lambda packet, side: self.ether(side) / packet  # and those into frames
        self.next_id = 1

    @staticmethod
    def ether(side, **fields):
        macs = ('02:00:00:00:00:01', '02:00:00:00:00:02')
        src, dst = macs if side == C else macs[::-1]
        return Ether(src=src, dst=dst, **fields)

    def ip(self, side, version=4, outer=False, **fields):
        """The header of a packet that `side` sends."""
        if version == 6:
            ends = self.outer6 if outer else self.ends6
            return IPv6(src=ends[side], dst=ends[S if side == C else C], hlim=64, **fields)
        ends = self.outer4 if outer else self.ends4
        self.next_id += 1
        header = {'src': ends[side], 'dst': ends[S if side == C else C], 'ttl': 64,
                  'id': self.next_id, **fields}
        return IP(**header)

    def put(self, packet, side=C):
        for part in self.split(packet):
            self.frames.append(bytes(self.wrap(part, side)))

    def tcp(self, **settings):
        return Tcp(self, **settings)


class Tcp:
    """A connection of a case. The server acknowledges what it has taken, and nothing else."""

    def __init__(self, case, version=4, sport=40000, dport=80, isn=1000, server_isn=5000,
                 window=64240, time=None):
        self.case, self.version, self.window = case, version, window
        self.ports = {C: sport, S: dport}
        self.isn = {C: isn, S: server_isn}
        self.sent = {C: 0, S: 0}  # bytes behind the SYN
        self.taken = []  # what the server has got: (from, to)
        self.time = time  # of RFC 7323; None: not used
        self.ip_fields, self.acks = {}, True

    def frontier(self):
        end = 0
        for start, stop in sorted(self.taken):
            if start > end:
                break
            end = max(end, stop)
        return end

    def segment(self, side, flags, data=b'', at=None, sequence=None, ack=None, time=None, **fields):
        """`at` is an offset behind the SYN, `sequence` a number as it stands in the segment."""
        other = S if side == C else C
        if sequence is None:
            base = self.isn[side] + ('S' not in flags)
            sequence = base + (at if at is not None else 0 if 'S' in flags else self.sent[side])
        if ack is None:
            ack = 0
            if 'A' in flags:
                ack = self.isn[other] + 1 + (self.frontier() if side == S else self.sent[S])
        options = list(fields.pop('options', ()))
        if time is None and self.time is not None:
            self.time += 1
            time = self.time
        if time is not None:
            options += [('NOP', None), ('NOP', None), ('Timestamp', (time % 2**32, 0))]
        window = fields.pop('window', self.window)
        ip_fields = {**self.ip_fields, **fields.pop('ip', {})}
        segment = TCP(sport=self.ports[side], dport=self.ports[other], seq=sequence % 2**32,
                      ack=ack % 2**32, flags=flags, window=window, options=options, **fields)
        if data:
            segment /= Raw(data)
        self.case.put(self.case.ip(side, self.version, **ip_fields) / segment, side)

    def open(self):
        self.segment(C, 'S', options=[('MSS', 1460)])
        self.segment(S, 'SA', options=[('MSS', 1460)])
        self.segment(C, 'A')
        return self

    def put(self, at, data, taken=True, flags='PA', **fields):
        """A segment of the client's, which the server takes or not."""
        self.segment(C, flags, data, at=at, **fields)
        if taken:
            self.taken.append((at, at + len(data)))
            self.sent[C] = max(self.sent[C], at + len(data))
        if self.acks:
            self.segment(S, 'A')
        return self

    def say(self, *pieces):
        for data in pieces:
            self.put(self.sent[C], data)
        return self

    def fake(self, at, data, **fields):
        return self.put(at, data, taken=False, **fields)

    def answer(self, data=ANSWER):
        for _, part in cut(data, 1400):
            self.segment(S, 'PA', part)
            self.sent[S] += len(part)
        self.segment(C, 'A')
        return self

    def close(self):
        self.segment(C, 'FA')
        self.segment(S, 'FA', ack=self.isn[C] + 2 + self.sent[C])
        self.segment(C, 'A', at=self.sent[C] + 1, ack=self.isn[S] + 2 + self.sent[S])
        return self

    def reset(self, side=C):
        self.segment(side, 'RA')
        return self


class Suite:
    """All cases, in the order in which they were made."""

    def __init__(self):
        self.cases = []

    def case(self, name, expect, note, link=ETHERNET, near='host'):
        """`near` is the mark that a near miss (`expect` is None) only seems to carry."""
        if any(case.name == name for case in self.cases):
            raise ValueError(f'two cases are called {name}')
        for mark in {expect, near} - {None}:
            if mark not in MARKS:
                raise ValueError(f'{name}: {mark} is no mark')
        case = Case(len(self.cases) + 1, name, expect, note, link, near)
        self.cases.append(case)
        return case

    def talk(self, name, expect, note, pieces, near='host', **settings):
        """A whole connection: the client's (offset, bytes), an answer, the end."""
        case = self.case(name, expect, note, near=near)
        connection = case.tcp(**settings).open()
        for at, data in pieces:
            connection.put(at, data)
        connection.answer().close()
        return case

    def trick(self, name, note, play):
        """Two cases of one trick: play(case, real, fake) sends two hosts of one length, of which
        the server takes `real`."""
        for kind, real, fake in (('hit', MARKED, PLAIN), ('miss', PLAIN, MARKED)):
            case = self.case(f'{name}-{kind}', 'host' if kind == 'hit' else None, note)
            play(case, real, fake)
