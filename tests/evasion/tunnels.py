# SPDX-License-Identifier: BSD-3-Clause
"""Everything that packets are wrapped in: links, tags, labels, tunnels, extension headers."""

import struct

from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting, PadN)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import GRE, Dot1AD, Dot1Q
from scapy.layers.ppp import PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from model import C, HITS, MARKED, MISSES, RAW, S, SLL, SLL2

INSIDE = HITS['host'].index(MARKED) + 4


def udp(case, side, port, version=4, **fields):
    """UDP between the tunnel's ends, to `port` of the far one."""
    return case.ip(side, version, outer=True) / UDP(sport=50000, dport=port, **fields)


def gtp_u(payload, *extensions, flags=0x30, sequence=b''):
    """3GPP TS 29.281 5.1: a G-PDU; extensions are (type, content) with content of 4n - 2 bytes."""
    rest = b''
    if extensions or sequence:
        flags |= (4 if extensions else 0) | (2 if sequence else 0)
        kinds = [kind for kind, _ in extensions] + [0]
        rest = (sequence or b'\0\0') + b'\0' + bytes([kinds[0]])
        for (_, content), following in zip(extensions, kinds[1:]):
            rest += bytes([(len(content) + 2) // 4]) + content + bytes([following])
    payload = bytes(payload)
    return Raw(struct.pack('>BBHI', flags, 255, len(rest) + len(payload), 0x1234) + rest + payload)


def geneve(payload, protocol, options=b''):
    """RFC 8926 3.4."""
    return Raw(struct.pack('>BBHI', len(options) // 4, 0, protocol, 7 << 8) + options +
               bytes(payload))


def pseudowire(frame, control):
    """RFC 4448 4.6: Ethernet behind the labels, with or without a control word."""
    return Raw((bytes(4) if control else b'') + bytes(frame))


def sll(side, protocol):
    """LINKTYPE_LINUX_SLL: received or sent, Ethernet, address, protocol."""
    return struct.pack('>HHH8sH', 0 if side == S else 4, 1, 6, b'\2\0\0\0\0\1', protocol)


def sll2(side, protocol):
    return struct.pack('>HHIHBB8s', protocol, 0, 3, 1, 0 if side == S else 4, 6, b'\2\0\0\0\0\1')


def tags(case):
    """Wraps of layer 2: name, note, wrap of an IP packet, for both versions of it."""
    q, ad, ieee = Dot1Q, Dot1AD, 'IEEE 802.1Q 9.3'
    return {
        'vlan': (ieee, lambda p, s: case.ether(s) / q(vlan=10) / p),
        'priority-tag': (ieee, lambda p, s: case.ether(s) / q(vlan=0, prio=5) / p),
        'vlan-4095': (ieee, lambda p, s: case.ether(s) / q(vlan=4095, prio=7, id=1) / p),
        'service-tag': (ieee, lambda p, s: case.ether(s) / ad(vlan=10) / p),
        'qinq': (ieee, lambda p, s: case.ether(s) / ad(vlan=10) / q(vlan=20) / p),
        'qinq-8100': (ieee, lambda p, s: case.ether(s) / q(vlan=10) / q(vlan=20) / p),
        'qinq-9100': ('an old tag type of many switches', lambda p, s: case.ether(
            s, type=0x9100) / Raw(b'\0\x0a\x81\0' + bytes(q(vlan=20) / p))),
        'three-tags': (ieee, lambda p, s: case.ether(s) / ad(vlan=1) / q(vlan=2) / q(vlan=3) / p),
        'four-tags': (ieee, lambda p, s: case.ether(s) / ad(vlan=1) / ad(vlan=2) / q(vlan=3) /
                      q(vlan=4) / p),
    }


def labels(case):
    rfc, wire = 'RFC 3032 2.1', 'RFC 4448 4.6'

    def stack(*numbers):
        whole = None
        for i, number in enumerate(numbers):
            label = MPLS(label=number, s=int(i == len(numbers) - 1), ttl=60)
            whole = label if whole is None else whole / label
        return whole

    def behind(side, payload, *numbers):
        return case.ether(side, type=0x8847) / Raw(bytes(stack(*numbers)) + bytes(payload))
    return {
        'mpls': (rfc, lambda p, s: behind(s, p, 100)),
        'mpls-two': (rfc, lambda p, s: behind(s, p, 100, 200)),
        'mpls-five': (rfc, lambda p, s: behind(s, p, 100, 200, 300, 400, 500)),
        'mpls-entropy': ('RFC 6790 4.2: an indicator and any label', lambda p, s: behind(
            s, p, 100, 7, 424242)),
        'mpls-vlan': (rfc, lambda p, s: case.ether(s) / Dot1Q(vlan=5, type=0x8847) /
                      Raw(bytes(stack(100)) + bytes(p))),
        'pseudowire': (wire, lambda p, s: behind(s, bytes(case.ether(s) / p), 100)),
        'pseudowire-word': (wire, lambda p, s: behind(s, pseudowire(case.ether(s) / p, True), 100)),
        'pseudowire-two': (wire, lambda p, s: behind(s, pseudowire(case.ether(s) / p, True), 1000,
                                                     2000)),
        'pseudowire-vlan': (wire, lambda p, s: behind(s, pseudowire(
            case.ether(s) / Dot1Q(vlan=7) / p, True), 100)),
        'pseudowire-vlan-plain': (wire, lambda p, s: behind(s, case.ether(s) / Dot1Q(vlan=7) / p,
                                                            100)),
    }


def ethernet_of(kind):
    return 0x86dd if kind == 6 else 0x0800


def layer3(case, version):
    """Tunnels between two routers of IP version `version`."""
    def outer(side, **fields):
        return case.ip(side, version, outer=True, **fields)

    def around(side, rest):
        return case.ether(side) / outer(side) / rest

    def number(packet):
        return 6 if IPv6 in packet else 4

    def vxlan(packet, side, **fields):
        return case.ether(side) / udp(case, side, 4789, version) / VXLAN(vni=7, flags=8, **fields) \
            / case.ether(side) / packet
    gre, ip_ip = 'RFC 2784 2, RFC 2890', 'RFC 2003 3.1, RFC 2473, RFC 4213 3.5'
    ran, session = '3GPP TS 29.281 5.1', (0x85, b'\0\x09')
    return {
        'gre': (gre, lambda p, s: around(s, GRE() / p)),
        'gre-key': (gre, lambda p, s: around(s, GRE(key_present=1, key=77) / p)),
        'gre-sequence': (gre, lambda p, s: around(s, GRE(seqnum_present=1, seqence_number=5) / p)),
        'gre-checksum': (gre, lambda p, s: around(s, GRE(chksum_present=1) / p)),
        'gre-all': (gre, lambda p, s: around(s, GRE(chksum_present=1, key_present=1, key=77,
                                                    seqnum_present=1, seqence_number=5) / p)),
        'gre-ethernet': ('RFC 7637 3.2 and Linux: transparent Ethernet bridging',
                         lambda p, s: around(s, GRE(proto=0x6558) / case.ether(s) / p)),
        'gre-ethernet-vlan': (gre, lambda p, s: around(s, GRE(proto=0x6558) / case.ether(s) /
                                                       Dot1Q(vlan=9) / p)),
        'gre-mpls': ('RFC 4023 4.2', lambda p, s: around(s, GRE(proto=0x8847) / MPLS(
            label=30, s=1) / Raw(bytes(p)))),
        'gre-gre': (gre, lambda p, s: around(s, GRE() / IP(src='192.0.2.1', dst='192.0.2.2') /
                                             GRE() / p)),
        'ip-in-ip': (ip_ip, lambda p, s: case.ether(s) / (
            outer(s, nh=41 if number(p) == 6 else 4) if version == 6 else
            outer(s, proto=41 if number(p) == 6 else 4)) / p),
        'vxlan': ('RFC 7348 5', vxlan),
        'vxlan-vlan': ('RFC 7348 6.1 and practice', lambda p, s: case.ether(s) / udp(
            case, s, 4789, version) / VXLAN(vni=7, flags=8) / case.ether(s) / Dot1Q(vlan=3) / p),
        'geneve': ('RFC 8926 3.4', lambda p, s: case.ether(s) / udp(case, s, 6081, version) /
                   geneve(case.ether(s) / p, 0x6558)),
        'geneve-options': ('RFC 8926 3.5', lambda p, s: case.ether(s) / udp(
            case, s, 6081, version) / geneve(case.ether(s) / p, 0x6558,
                                             b'\1\1\1\1abcd' + b'\1\2\2\2abcdefgh')),
        'geneve-ip': ('RFC 8926 3.4', lambda p, s: case.ether(s) / udp(
            case, s, 6081, version) / geneve(p, ethernet_of(number(p)))),
        'gtp-u': (ran, lambda p, s: case.ether(s) / udp(case, s, 2152, version) / gtp_u(p)),
        'gtp-u-sequence': (ran, lambda p, s: case.ether(s) / udp(case, s, 2152, version) /
                           gtp_u(p, sequence=b'\0\5')),
        'gtp-u-session': ('3GPP TS 38.415 5.5.2', lambda p, s: case.ether(s) / udp(
            case, s, 2152, version) / gtp_u(p, session)),
        'gtp-u-extensions': (ran, lambda p, s: case.ether(s) / udp(case, s, 2152, version) /
                             gtp_u(p, (0xc0, b'\0\1'), (0x40, b'\0\2'), session,
                                   (0x20, bytes(6)))),
    }


def broadband(case):
    def session(packet):
        kind = b'\0\x57' if isinstance(packet, IPv6) else b'\0\x21'
        return PPPoE(sessionid=3) / Raw(kind + bytes(packet))
    rfc = 'RFC 2516 4, RFC 1661 2'
    return {
        'pppoe': (rfc, lambda p, s: case.ether(s, type=0x8864) / session(p)),
        'pppoe-vlan': (rfc, lambda p, s: case.ether(s) / Dot1Q(vlan=7, type=0x8864) / session(
            p)),
        'pppoe-qinq': (rfc, lambda p, s: case.ether(s) / Dot1AD(vlan=70) / Dot1Q(
            vlan=7, type=0x8864) / session(p)),
        'pppoe-short-protocol': ('RFC 1661 6.5', lambda p, s: case.ether(s, type=0x8864) / Raw(
            b'\x11\0\0\3' + struct.pack('>H', len(p) + 1) +
            (b'\x57' if IPv6 in p else b'\x21') + bytes(p))),
        'pppoe-gre': (rfc, lambda p, s: case.ether(s, type=0x8864) / session(
            case.ip(s, outer=True) / GRE() / p)),
    }


def teredo(case):
    """RFC 4380: IPv6 in UDP, with what may stand in front of it."""
    case.ends6[C] = '2001:0:' + case.ends6[C].removeprefix('2001:db8:')

    def wrap(front):
        def frame(packet, side):
            ports = {'sport': 50000, 'dport': 3544} if side == C else \
                {'sport': 3544, 'dport': 50000}
            return case.ether(side) / case.ip(side, outer=True) / UDP(**ports) / Raw(
                front + bytes(packet))
        return frame
    authentication = b'\0\1\0\0' + bytes(8) + b'\0'
    origin = b'\0\0' + bytes([0xff ^ 80, 0xff, 1, 2, 3, 4])
    return {
        'teredo': ('RFC 4380 5.1.1', wrap(b'')),
        'teredo-authentication': ('RFC 4380 5.1.1', wrap(authentication)),
        'teredo-origin': ('RFC 4380 5.1.1', wrap(origin)),
        'teredo-both': ('RFC 4380 5.1.1', wrap(authentication + origin)),
    }


def links(version):
    protocol = ethernet_of(version)
    return {
        'sll': (SLL, lambda p, s: sll(s, protocol) + bytes(p)),
        'sll-vlan': (SLL, lambda p, s: sll(s, 0x8100) + b'\0\x0a' + struct.pack(
            '>H', protocol) + bytes(p)),
        'sll2': (SLL2, lambda p, s: sll2(s, protocol) + bytes(p)),
        'sll2-vlan': (SLL2, lambda p, s: sll2(s, 0x8100) + b'\0\x0a' + struct.pack(
            '>H', protocol) + bytes(p)),
        'raw': (RAW, lambda p, s: bytes(p)),
    }


def converse(case, version, data):
    case.tcp(version=version).open().say(data).answer().close()


def wrapped(suite, name, version, note, make, hit_only=False):
    """The case, and its near miss; make(case) is the wrap."""
    for kind, data, expect in (('hit', HITS['host'], 'host'), ('miss', MISSES['host'], None)):
        if kind == 'miss' and hit_only:
            continue
        case = suite.case(f'tunnels/{name}-{version}-{kind}', expect, note)
        case.wrap = make(case)
        converse(case, version, data)


def add_wraps(suite):
    probe = suite.__class__().case('probe', None, '')
    for version in (4, 6):
        for family in (tags, labels, broadband):
            for name, (note, _) in family(probe).items():
                wrapped(suite, name, version, note,
                        lambda case, family=family, name=name: family(case)[name][1],
                        hit_only=version == 6 and 'three' not in name)
        for outer in (4, 6):
            for name, (note, _) in layer3(probe, outer).items():
                wrapped(suite, f'{name}-over-{outer}', version, note,
                        lambda case, name=name, outer=outer: layer3(case, outer)[name][1],
                        hit_only=outer == 6)
        for name, (link, wrap) in links(version).items():
            for kind, data, expect in (('hit', HITS['host'], 'host'),
                                       ('miss', MISSES['host'], None)):
                case = suite.case(f'tunnels/{name}-{version}-{kind}', expect,
                                  'tcpdump.org/linktypes.html', link)
                case.wrap = wrap
                converse(case, version, data)
    for name, (note, _) in teredo(probe).items():
        wrapped(suite, name, 6, note, lambda case, name=name: teredo(case)[name][1])


def add_extensions(suite):
    """IPv6 extension headers between the header and TCP."""
    order = 'RFC 8200 4.1: nodes accept extension headers in any order but Hop-by-Hop first'
    pad = [PadN(optdata=b'\0\0\0\0')]

    def hop():
        return IPv6ExtHdrHopByHop(options=pad)

    def options():
        return IPv6ExtHdrDestOpt(options=pad)

    def routing():
        return IPv6ExtHdrRouting(addresses=[], segleft=0)

    def long_options():
        return IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(250))] * 8)

    def auth():
        return AH(spi=1, seq=1, payloadlen=4, icv=bytes(12), padding=b'')
    chains = {
        'hop': [hop], 'options': [options], 'routing': [routing], 'long': [long_options],
        'hop-options': [hop, options], 'options-routing': [options, routing],
        'routing-options': [routing, options], 'recommended': [hop, options, routing, options],
        'auth': [auth], 'hop-auth-options': [hop, auth, options], 'options-twice': [options] * 2,
        'six-options': [options] * 6,
    }
    for name, chain in chains.items():
        for kind, data, expect in (('hit', HITS['host'], 'host'), ('miss', MISSES['host'], None)):
            case = suite.case(f'tunnels/ip6-{name}-{kind}', expect, order)

            def split(packet, chain=chain):
                header = packet.copy()
                header.remove_payload()
                header.plen = None
                whole = b''
                kinds = [{hop: 0, options: 60, routing: 43, long_options: 60, auth: 51}[part]
                         for part in chain] + [6]
                for part, following in zip(chain, kinds[1:]):
                    extension = part()
                    extension.nh = following
                    whole += bytes(extension)
                segment = bytes(packet.__class__(bytes(packet)).payload)
                header.nh = kinds[0]
                return [header / Raw(whole + segment)]
            case.split = split
            converse(case, 6, data)


def add_stacks(suite):
    """Wraps in wraps, and where following them ends."""
    def wide(case):
        def wrap(packet, side):
            inside = case.ether(side) / Dot1Q(vlan=30) / case.ip(side, outer=True) / GRE(
                key_present=1, key=5) / packet
            return case.ether(side) / Dot1AD(vlan=10) / Dot1Q(vlan=20, type=0x8847) / MPLS(
                label=300, s=1) / pseudowire(inside, True)
        return wrap

    def deep(levels):
        def make(case):
            def wrap(packet, side):
                for _ in range(levels):
                    packet = case.ip(side, outer=True, proto=4) / packet
                return case.ether(side) / packet
            return wrap
        return make
    wrapped(suite, 'stack', 4, 'RFC 4448, RFC 2784', wide)
    for levels in (2, 3):
        wrapped(suite, f'ip-in-ip-{levels}', 4, 'RFC 2003 3.1', deep(levels))
    for levels in (40, 60):
        case = suite.case(f'tunnels/too-deep-{levels}', None,
                          'a limit of ours: deeper packets are forwarded and counted')
        case.wrap = deep(levels)(case)
        converse(case, 4, HITS['host'])
    # One 5-tuple in two VLANs, or two tunnels, is two flows: halves do not make a request.
    for name, make in (
            ('vlans', lambda case, n: lambda p, s: case.ether(s) / Dot1Q(vlan=n) / p),
            ('keys', lambda case, n: lambda p, s: case.ether(s) / case.ip(s, outer=True) / GRE(
                key_present=1, key=n) / p),
            ('networks', lambda case, n: lambda p, s: case.ether(s) / udp(case, s, 4789) /
             VXLAN(vni=n, flags=8) / case.ether(s) / p)):
        case = suite.case(f'tunnels/two-{name}', None, 'two networks: two connections')
        connection = case.tcp()
        case.wrap = make(case, 10)
        connection.open().say(HITS['host'][:INSIDE])
        case.wrap = make(case, 20)
        connection.say(HITS['host'][INSIDE:]).answer()


def add_not_tunnels(suite):
    """What looks like a wrap and is none: the request in it goes nowhere."""
    def alone(name, note, make, data=HITS['host']):
        case = suite.case(f'tunnels/no-{name}', None, note)
        case.wrap = lambda packet, side: make(case, packet, side)
        converse(case, 4, data)
    other = 'RFC 6335 6: another port is another service'
    alone('vxlan-port', other, lambda c, p, s: c.ether(s) / udp(c, s, 4790) / VXLAN(
        vni=7, flags=8) / c.ether(s) / p)
    alone('geneve-port', other, lambda c, p, s: c.ether(s) / udp(c, s, 6082) / geneve(
        c.ether(s) / p, 0x6558))
    alone('gtp-port', other, lambda c, p, s: c.ether(s) / udp(c, s, 2153) / gtp_u(p))
    alone('vxlan-flag', 'RFC 7348 5: without the I flag there is no network',
          lambda c, p, s: c.ether(s) / udp(c, s, 4789) / Raw(bytes(8) + bytes(c.ether(s) / p)))
    alone('geneve-version', 'RFC 8926 3.4: packets of an unknown version are dropped',
          lambda c, p, s: c.ether(s) / udp(c, s, 6081) / Raw(
              b'\x40' + bytes(geneve(c.ether(s) / p, 0x6558))[1:]))
    alone('gtp-version', '3GPP TS 29.281 5.1: version 1', lambda c, p, s: c.ether(s) / udp(
        c, s, 2152) / gtp_u(p, flags=0x50))
    alone('gtp-charging', '3GPP TS 29.281 5.1: PT 0 is GTP prime', lambda c, p, s: c.ether(s) / udp(
        c, s, 2152) / gtp_u(p, flags=0x20))
    alone('gtp-echo', '3GPP TS 29.281 7.2.1: an echo request carries no packet',
          lambda c, p, s: c.ether(s) / udp(c, s, 2152) / Raw(
              b'\x30\x01' + bytes(gtp_u(p))[2:]))
    alone('gre-version', 'RFC 2784 2.1: version 0 is required', lambda c, p, s: c.ether(s) / c.ip(
        s, outer=True, proto=47) / Raw(b'\0\3\x08\0' + bytes(p)))
    alone('gre-ethertype', 'RFC 2784 2.4: the protocol type names the payload',
          lambda c, p, s: c.ether(s) / c.ip(s, outer=True, proto=47) / Raw(
              b'\0\0\x88\xb5' + bytes(p)))
    alone('ip-version', 'RFC 2473: protocol 41 carries IPv6', lambda c, p, s: c.ether(s) / c.ip(
        s, outer=True, proto=41) / Raw(bytes(p)))
    case = suite.case('tunnels/no-teredo-address', None,
                      'RFC 4380 5.3.1, 5.4.1: one of the addresses is of Teredo or link-local')
    case.wrap = lambda packet, side, case=case: case.ether(side) / udp(case, side, 3544) / packet
    converse(case, 6, HITS['host'])
    alone('ethertype', 'RFC 791: IPv4 has the type 0x0800', lambda c, p, s: c.ether(
        s, type=0x88b5) / Raw(bytes(p)))
    alone('pppoe-discovery', 'RFC 2516 5: discovery carries no packet', lambda c, p, s: c.ether(
        s, type=0x8863) / Raw(b'\x11\x09\0\0' + struct.pack('>H', len(p) + 2) + b'\0\x21' +
                              bytes(p)))
    alone('pppoe-code', 'RFC 2516 6: the code of a session is 0', lambda c, p, s: c.ether(
        s, type=0x8864) / Raw(b'\x11\x01\0\3' + struct.pack('>H', len(p) + 2) + b'\0\x21' +
                              bytes(p)))
    alone('ppp-protocol', 'RFC 1661 2: 0xc021 is link control', lambda c, p, s: c.ether(
        s, type=0x8864) / PPPoE(sessionid=3) / Raw(b'\xc0\x21' + bytes(p)))
    alone('encrypted', 'RFC 4303 2: what is behind ESP is not for us', lambda c, p, s: c.ether(
        s) / c.ip(s, outer=True, proto=50) / Raw(bytes(8) + bytes(p)))
    alone('in-tcp', 'a tunnel in a TCP payload is a payload', lambda c, p, s: c.ether(s) / c.ip(
        s, outer=True, proto=6) / Raw(struct.pack('>HHIIBBHHH', 50000, 4789, 1, 1, 0x50, 0x18, 500,
                                                  0, 0) + bytes(VXLAN(vni=7)) + bytes(p)))
    for version in (4, 6):
        case = suite.case(f'tunnels/no-icmp-{version}', None,
                          'RFC 792, RFC 4443 3.3: an error quotes a packet, nobody sends it')
        connection = case.tcp(version=version)
        case.wrap = lambda packet, side, case=case, version=version: case.ether(side) / (
            case.ip(side, version, outer=True) /
            (ICMP(type=11) if version == 4 else ICMPv6TimeExceeded()) / bytes(packet))
        connection.say(HITS['host'])
    case = suite.case('tunnels/no-length', None, 'RFC 791 3.1: a packet ends where its length says')
    connection = case.tcp().open()

    def shortened(packet):
        whole = bytes(packet)
        header = IP(whole[:20])
        header.len, header.chksum = 40, None
        return [header / Raw(whole[20:])]
    case.split = shortened
    connection.acks = False
    connection.fake(0, HITS['host'])


def add(suite):
    for part in (add_wraps, add_extensions, add_stacks, add_not_tunnels):
        part(suite)
