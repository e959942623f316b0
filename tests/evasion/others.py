# SPDX-License-Identifier: BSD-3-Clause
"""What is not HTTP: payload of TCP and UDP, and the names in TLS and DNS."""

import struct

from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import UDP
from scapy.packet import Raw

from model import C, HITS, MISSES, S, cut

NAME = b'marked.example'
NEAR = (b'marked.example.evil', b'unmarked.example', b'markedxexample', b'marked.exampl')


def datagram(case, data, side=C, version=4, ports=(40000, 9000), **fields):
    sport, dport = ports if side == C else ports[::-1]
    case.put(case.ip(side, version) / UDP(sport=sport, dport=dport, **fields) / Raw(data), side)


def hello(name, extra=b'', kind=0, behind=b''):
    """RFC 8446 4.1.2: a ClientHello in a record, with RFC 6066's server name."""
    entry = struct.pack('>BH', kind, len(name)) + name
    entries = struct.pack('>H', len(entry)) + entry
    extensions = extra + struct.pack('>HH', 0, len(entries)) + entries + behind
    body = (b'\3\3' + bytes(range(32)) + b'\0' + b'\0\4\x13\1\xc0\x2f' + b'\1\0' +
            struct.pack('>H', len(extensions)) + extensions)
    return b'\1' + struct.pack('>I', len(body))[1:] + body


def records(message, size=16000, kind=22):
    return b''.join(struct.pack('>BHH', kind, 0x0301, len(part)) + part
                    for _, part in cut(message, size))


def add_payload(suite):
    note = 'the first bytes of either side, wherever they are cut'
    hit, miss = HITS['payload'], MISSES['payload']
    for version in (4, 6):
        for kind, data, mark in (('hit', hit, 'payload'), ('miss', miss, None)):
            case = suite.case(f'others/udp-payload-{version}-{kind}', mark, note, near='payload')
            datagram(case, data, version=version)
            case = suite.case(f'others/udp-payload-answer-{version}-{kind}', mark, note,
                              near='payload')
            datagram(case, b'hello', version=version)
            datagram(case, data, S, version)
            case = suite.case(f'others/tcp-payload-answer-{version}-{kind}', mark, note,
                              near='payload')
            case.tcp(version=version, dport=9000).open().say(b'hello').answer(data).close()
            case = suite.case(f'others/tcp-payload-second-{version}-{kind}', mark, note,
                              near='payload')
            case.tcp(version=version, dport=9000).open().say(b'hello').answer().say(data).close()
        case = suite.case(f'others/udp-two-datagrams-{version}', None,
                          'RFC 768: datagrams are apart', near='payload')
        datagram(case, hit[:14], version=version)
        datagram(case, hit[14:], version=version)
        case = suite.case(f'others/udp-checksum-{version}', None,
                          'RFC 1122 4.1.3.4: a wrong checksum drops the datagram', near='payload')
        datagram(case, hit, version=version, chksum=0xdead)
    case = suite.case('others/tcp-two-directions', None, 'RFC 9293 3.4: two streams, not one',
                      near='payload')
    case.tcp(dport=9000).open().say(hit[:14]).answer(hit[14:]).close()
    case = suite.case('others/udp-no-checksum-4', 'payload', 'RFC 768: 0 is no checksum')
    datagram(case, hit, chksum=0)
    case = suite.case('others/udp-no-checksum-6', None, 'RFC 8200 8.1: IPv6 demands a checksum',
                      near='payload')
    datagram(case, hit, version=6, chksum=0)
    for mark in ('host', 'uri', 'method', 'agent', 'header'):
        case = suite.case(f'others/udp-{mark}', None, 'RFC 9110 4.2.1: HTTP/1 speaks over TCP',
                          near=mark)
        datagram(case, HITS[mark], ports=(40000, 80))
    case = suite.case('others/udp-length-short', None, 'RFC 768: the length says where it ends',
                      near='payload')
    datagram(case, hit, len=12)


def add_tls(suite):
    rfc = 'RFC 6066 3: the server name of a ClientHello'

    def say(name, expect, note, data, size=1400, backwards=False, dport=443):
        pieces = cut(data, size)
        suite.talk(f'others/tls-{name}', expect, note, pieces[::-1] if backwards else pieces,
                   'sni', dport=dport)
    whole = records(hello(NAME))
    say('name', 'sni', rfc, whole)
    say('name-upper', 'sni', 'RFC 6066 3: names in any case', records(hello(NAME.upper())))
    say('other-port', 'sni', rfc, whole, dport=4433)
    for size in (1, 5, 9, 40):
        say(f'cut-{size}', 'sni', rfc, whole, size)
        say(f'cut-{size}-backwards', 'sni', rfc, whole, size, True)
        say(f'records-{size}', 'sni', 'RFC 8446 5.1: a message may span records',
            records(hello(NAME), size))
        say(f'cut-{size}-miss', None, rfc, records(hello(NEAR[0])), size)
    say('behind-2k', 'sni', rfc, records(hello(NAME, struct.pack('>HH', 21, 2000) + bytes(2000))))
    for number, near in enumerate(NEAR):
        say(f'near-{number}', None, rfc, records(hello(near)))
    say('other-kind', None, 'RFC 6066 3: host_name is 0', records(hello(NAME, kind=1)))
    say('in-data', None, 'RFC 8446 5: application data is no handshake',
        records(hello(b'www.example.org')) + records(hello(NAME), kind=23))
    say('in-padding', None, 'RFC 7685', records(hello(b'www.example.org', struct.pack(
        '>HH', 21, 18 + 5) + b'\0\0\0\x13\0\x11\0\0\x0e' + NAME)))
    say('wrong-record', None, 'RFC 8446 5.1', records(hello(NAME), kind=21))
    case = suite.case('others/tls-from-server', None, 'RFC 8446 4.1.2: the client says hello',
                      near='sni')
    case.tcp(dport=443).open().say(records(hello(b'www.example.org'))).answer(whole).close()
    case = suite.case('others/tls-in-http', None, 'RFC 9112 6: a body is a body', near='sni')
    case.tcp().open().say(b'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n' %
                          len(whole), whole).answer().close()


def add_dns(suite):
    rfc = 'RFC 1035 4.1.2: the question'
    ports = (40000, 53)

    def ask(name, expect, note, message, version=4, side=C):
        case = suite.case(f'others/dns-{name}', expect, note, near='query')
        datagram(case, bytes(message), side, version, ports)
    ask('name', 'query', rfc, DNS(rd=1, qd=DNSQR(qname=NAME)))
    ask('name-6', 'query', rfc, DNS(rd=1, qd=DNSQR(qname=NAME)), 6)
    ask('upper', 'query', 'RFC 1035 2.3.3: names in any case', DNS(rd=1, qd=DNSQR(
        qname=NAME.upper())))
    ask('aaaa', 'query', rfc, DNS(rd=1, qd=DNSQR(qname=NAME, qtype='AAAA')))
    for number, near in enumerate(NEAR):
        ask(f'near-{number}', None, rfc, DNS(rd=1, qd=DNSQR(qname=near)))
    ask('in-additional', None, rfc, DNS(rd=1, qd=DNSQR(qname=b'www.example.org'), ar=DNSRR(
        rrname=NAME, rdata='192.0.2.1')))
    ask('label-with-dot', None, 'RFC 1035 3.1: labels have lengths', bytes(DNS(
        rd=1, qd=DNSQR(qname=b'www.example.org')))[:12] + b'\x0emarked.example\0\0\1\0\1')
    case = suite.case('others/dns-answer-names', None, 'RFC 1035 4.1.3: an answer asks nothing',
                      near='query')
    datagram(case, bytes(DNS(rd=1, id=5, qd=DNSQR(qname=b'www.example.org'))), C, 4, ports)
    datagram(case, bytes(DNS(rd=1, qr=1, id=5, qd=DNSQR(qname=b'www.example.org'), an=DNSRR(
        rrname=b'www.example.org', type='CNAME', rdata=NAME))), S, 4, ports)
    message = bytes(DNS(rd=1, qd=DNSQR(qname=NAME)))
    framed = struct.pack('>H', len(message)) + message
    for size in (1, 2, 9, 100):
        suite.talk(f'others/dns-tcp-{size}', 'query', 'RFC 7766 8: a length in front', cut(
            framed, size), dport=53)


def add(suite):
    for part in (add_payload, add_tls, add_dns):
        part(suite)
