# SPDX-License-Identifier: BSD-3-Clause
"""IP fragments of both versions: whatever the order, the server reads the whole packet or none."""

import random

from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import GRE
from scapy.packet import Raw

from model import C, HITS, MARKED, MISSES, PLAIN, cut, request

TOGETHER = {4: 'RFC 791 3.2: fragments are put together by offset',
            6: 'RFC 8200 4.5: fragments are put together by offset'}
MISSING = {4: 'RFC 791 3.2: without all fragments there is no datagram',
           6: 'RFC 8200 4.5: without all fragments there is no packet'}


def piece(packet, at, data, more, number):
    """The fragment of `packet` that holds `data` at `at`."""
    header = packet.copy()
    header.remove_payload()
    if isinstance(packet, IPv6):
        header.plen, header.nh = None, 44
        header /= IPv6ExtHdrFragment(nh=packet.nh, offset=at // 8, m=int(more), id=number)
    else:
        header.len = header.chksum = None
        header.id, header.flags, header.frag = number & 0xffff, 'MF' if more else 0, at // 8
    return header / Raw(data)


def body(packet):
    """A whole packet's payload, with the right checksums."""
    whole = packet.__class__(bytes(packet))
    return whole, bytes(whole.payload)


def fragments(packet, size, number):
    whole, data = body(packet)
    return [piece(whole, at, part, at + size < len(data), number) for at, part in cut(data, size)]


class Splitter:
    """Splits a case's packets with payload: arrange(pieces, whole, data, number) says how."""

    def __init__(self, size, arrange=None):
        self.size, self.arrange, self.number = size, arrange, 0x1000

    def __call__(self, packet):
        whole, data = body(packet)
        if Raw not in whole:
            return [packet]
        self.number += 1
        parts = fragments(packet, self.size, self.number)
        if self.arrange is None:
            return parts
        return self.arrange(parts, whole, data, self.number)


def shuffled(seed):
    def arrange(parts, *_):
        parts = list(parts)
        random.Random(seed).shuffle(parts)
        return parts
    return arrange


def talk(suite, name, expect, note, version, split, data, pieces=None, near='host'):
    case = suite.case(name, expect, note, near=near)
    connection = case.tcp(version=version).open()
    case.split = split
    for at, part in pieces or [(0, data)]:
        connection.put(at, part)
    case.split = lambda packet: [packet]
    connection.answer().close()
    return case


def add_orders(suite):
    orders = {'ordered': None, 'backwards': lambda parts, *_: parts[::-1],
              'last-first': lambda parts, *_: parts[-1:] + parts[:-1],
              'shuffled': shuffled(7)}
    for version in (4, 6):
        for size in (8, 16, 24, 40, 64):
            for name, order in orders.items():
                talk(suite, f'ip/fragments-{version}-{size}-{name}-hit', 'host', TOGETHER[version],
                     version, Splitter(size, order), HITS['host'])
                if size in (8, 40):
                    talk(suite, f'ip/fragments-{version}-{size}-{name}-miss', None,
                         TOGETHER[version], version, Splitter(size, order), MISSES['host'])
        for mark in ('uri', 'method', 'agent', 'header', 'payload'):
            for kind, data in (('hit', HITS[mark]), ('miss', MISSES[mark])):
                talk(suite, f'ip/tiny-{version}-{mark}-{kind}', mark if kind == 'hit' else None,
                     TOGETHER[version], version, Splitter(8, shuffled(3)), data, near=mark)


def add_repeats(suite):
    for version in (4, 6):
        note = {4: 'RFC 791 3.2: a copy changes nothing',
                6: 'RFC 8200 4.5: exact duplicates may be ignored'}[version]
        ways = {'each-twice': lambda parts, *_: [part for part in parts for _ in (0, 1)],
                'all-twice': lambda parts, *_: parts + parts,
                'first-again-last': lambda parts, *_: parts + parts[:1],
                'last-again-first': lambda parts, *_: parts[-1:] + parts}
        for name, way in ways.items():
            for kind, data in (('hit', HITS['host']), ('miss', MISSES['host'])):
                talk(suite, f'ip/{name}-{version}-{kind}', 'host' if kind == 'hit' else None, note,
                     version, Splitter(24, way), data)
        missing = {'first': lambda parts, *_: parts[1:],
                   'middle': lambda parts, *_: parts[:2] + parts[3:],
                   'last': lambda parts, *_: parts[:-1]}
        for name, way in missing.items():
            case = suite.case(f'ip/without-{name}-{version}', None, MISSING[version])
            connection = case.tcp(version=version).open()
            connection.acks = False
            case.split = Splitter(24, way)
            connection.fake(0, HITS['host'])
        case = suite.case(f'ip/without-middle-then-again-{version}', 'host', MISSING[version])
        connection = case.tcp(version=version).open()
        case.split = Splitter(24, missing['middle'])
        connection.fake(0, HITS['host'])
        case.split = Splitter(24)
        connection.put(0, HITS['host'])
        case.split = lambda packet: [packet]
        connection.answer().close()


def add_overlaps(suite):
    """A fragment that covers others with something else."""
    note = {4: 'RFC 5722 and RFC 8200 4.5 for IPv6, and what Linux does for IPv4 as well: a packet '
               'with overlapping fragments is dropped, with all of its fragments',
            6: 'RFC 5722, RFC 8200 4.5: a packet with overlapping fragments is dropped'}
    start = 20 + 16 + 6  # where the host begins: the TCP header, "GET / HTTP/1.1\r\n", "Host: "
    begin = start // 8 * 8

    def covering(first, size):
        def arrange(parts, whole, data, number):
            other = data.replace(MARKED, PLAIN)
            fake = piece(whole, begin, other[begin:begin + size], True, number)
            return [fake, *parts] if first else [*parts[:-1], fake, parts[-1]]
        return arrange

    for version in (4, 6):
        for name, first, size in (('teardrop', False, 8), ('inverse', True, 8),
                                  ('wide', False, 32), ('wide-first', True, 32)):
            part = 8 if 'wide' in name else 24  # the fake covers several, or lies inside of one
            case = suite.case(f'ip/{name}-{version}', None, note[version])
            connection = case.tcp(version=version).open()
            connection.acks = False
            case.split = Splitter(part, covering(first, size))
            connection.fake(0, HITS['host'])
        case = suite.case(f'ip/overlap-then-again-{version}', 'host', note[version])
        connection = case.tcp(version=version).open()
        case.split = Splitter(24, covering(False, 8))
        connection.fake(0, HITS['host'].replace(MARKED, PLAIN))
        case.split = lambda packet: [packet]
        connection.put(0, HITS['host']).answer().close()


def add_strange(suite):
    for version in (4, 6):
        case = suite.case(f'ip/other-number-{version}', None,
                          'RFC 791 3.2, RFC 8200 4.5: pieces of two packets are no packet')
        connection = case.tcp(version=version).open()
        connection.acks = False
        case.split = Splitter(24, lambda parts, whole, data, number, v=version: parts[:2] + [
            piece(whole, 48, data[48:], False, number + 77)])
        connection.fake(0, HITS['host'])
        case = suite.case(f'ip/two-interleaved-{version}', 'host', TOGETHER[version])
        connection = case.tcp(version=version).open()
        kept = []
        case.split = Splitter(24, lambda parts, *_, kept=kept: kept.extend(parts) or [])
        connection.acks = False
        half = HITS['host'].index(MARKED) + 4
        connection.say(HITS['host'][:half], HITS['host'][half:])
        case.split = lambda packet: [packet]
        for part in kept[::2] + kept[1::2]:
            case.put(part)
        connection.answer().close()
        case = suite.case(f'ip/each-segment-{version}', 'host', TOGETHER[version])
        connection = case.tcp(version=version).open()
        case.split = Splitter(16, lambda parts, *_: parts[::-1])
        connection.say(*[part for _, part in cut(HITS['host'], 11)])
        case.split = lambda packet: [packet]
        connection.answer().close()
        case = suite.case(f'ip/segments-swapped-too-{version}', 'host', TOGETHER[version])
        connection = case.tcp(version=version).open()
        case.split = Splitter(16, lambda parts, *_: parts[::-1])
        for at, part in cut(HITS['host'], 25)[::-1]:
            connection.put(at, part)
        case.split = lambda packet: [packet]
        connection.answer().close()
        case = suite.case(f'ip/long-request-{version}', 'host', TOGETHER[version])
        connection = case.tcp(version=version).open()
        case.split = Splitter(552, shuffled(5))
        connection.say(request(host=PLAIN, headers=[b'Cookie: ' + b'c' * 1200]))
        connection.answer()
        connection.say(request(host=MARKED, headers=[b'Cookie: ' + b'c' * 1200]))
        case = suite.case(f'ip/past-64k-{version}', None,
                          'RFC 791 3.1, RFC 8200 4.5: no packet is longer than 65535 bytes')
        connection = case.tcp(version=version).open()
        connection.acks = False
        case.split = Splitter(24, lambda parts, whole, data, number: [
            parts[0], piece(whole, 65528, data[24:], False, number)])
        connection.fake(0, HITS['host'])
        case = suite.case(f'ip/two-ends-{version}', None,
                          'RFC 791 3.2, RFC 8200 4.5: two last fragments contradict each other')
        connection = case.tcp(version=version).open()
        connection.acks = False
        case.split = Splitter(24, lambda parts, whole, data, number: [
            parts[0], piece(whole, 24, data[24:48], False, number), *parts[2:]])
        connection.fake(0, HITS['host'])
        for kind, mark in (('hit', 'payload'), ('miss', None)):
            case = suite.case(f'ip/udp-{version}-{kind}', mark, TOGETHER[version], near='payload')
            case.split = Splitter(8, shuffled(9))
            case.put(case.ip(C, version) / UDP(sport=40000, dport=9000) /
                     Raw(HITS['payload'] if mark else MISSES['payload']))
            # Tunnels: the outer packet in fragments, the inner packet in fragments, both.
            for name, inner, outer in (('outer', False, True), ('inner', True, False),
                                       ('both', True, True)):
                case = suite.case(f'ip/gre-{name}-{version}-{kind}', 'host' if mark else None,
                                  TOGETHER[version])
                around = Splitter(32, shuffled(2)) if outer else lambda packet: [packet]
                inside = Splitter(24, shuffled(4)) if inner else lambda packet: [packet]

                def split(packet, case=case, around=around, inside=inside, version=version):
                    if Raw not in packet:
                        return [case.ip(C, version, outer=True) / GRE() / packet]
                    return [whole for part in inside(packet) for whole in
                            around(case.ip(C, version, outer=True) / GRE() / part)]
                connection = case.tcp().open()
                case.split = split
                connection.acks = False
                connection.say(HITS['host'] if mark else MISSES['host'])

    case = suite.case('ip/atomic-6', 'host', 'RFC 6946: a fragment header without fragments')
    connection = case.tcp(version=6).open()
    case.split = Splitter(1400)
    connection.say(HITS['host'])
    case.split = lambda packet: [packet]
    connection.answer().close()
    case = suite.case('ip/odd-length-6', None,
                      'RFC 8200 4.5: a length that is no multiple of 8, but in the last fragment')
    connection = case.tcp(version=6).open()
    connection.acks = False
    case.split = Splitter(24, lambda parts, whole, data, number: [
        piece(whole, 0, data[:43], True, number), piece(whole, 40, data[40:], False, number)])
    connection.fake(0, HITS['host'])
    case = suite.case('ip/other-tos-4', 'host', TOGETHER[4])
    connection = case.tcp().open()

    def other_tos(parts, *_):
        for number, part in enumerate(parts):
            part.tos = number % 2 * 8
        return parts
    case.split = Splitter(24, other_tos)
    connection.say(HITS['host'])
    case = suite.case('ip/other-protocol-4', None,
                      'RFC 791 2.3: protocol is part of what names a datagram')

    def other_protocol(parts, *_):
        parts[2].proto = 17
        return parts
    connection = case.tcp().open()
    connection.acks = False
    case.split = Splitter(24, other_protocol)
    connection.fake(0, HITS['host'])
    for version in (4, 6):
        case = suite.case(f'ip/first-fragment-only-looks-{version}', None, MISSING[version])
        connection = case.tcp(version=version).open()
        connection.acks = False
        case.split = Splitter(104, lambda parts, *_: parts[:1])
        connection.fake(0, HITS['host'] + bytes(100))


def add(suite):
    for part in (add_orders, add_repeats, add_overlaps, add_strange):
        part(suite)
