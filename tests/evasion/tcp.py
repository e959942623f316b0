# SPDX-License-Identifier: BSD-3-Clause
"""TCP: bytes that are cut, shuffled, sent twice, or that the server does not take."""

import itertools

from model import ANSWER, C, HITS, MARKED, MISSES, PLAIN, S, cut, request

HEAD, TAIL = b'GET / HTTP/1.1\r\nHost: ', b'\r\nUser-Agent: plain/1.0\r\n\r\n'
ORDER = 'RFC 9293 3.4: a byte is where its sequence number puts it, in whatever segment it comes'
AGAIN = 'RFC 9293 3.10.7.4: what was acknowledged before is trimmed from a segment'
WINDOW = 'RFC 9293 3.10.7.4: a segment outside the receive window is dropped'
SUM = 'RFC 9293 3.1: a segment with a wrong checksum is dropped'
EVIL = request(host=MARKED + b'.evil.example')


def whole(host):
    return HEAD + host + TAIL


def add_cuts(suite):
    for mark, hit in HITS.items():
        for kind, data, expect in (('hit', hit, mark), ('miss', MISSES[mark], None)):
            suite.talk(f'tcp/whole-{mark}-{kind}', expect, ORDER, [(0, data)], mark)
            suite.talk(f'tcp/bytes-{mark}-{kind}', expect, ORDER, cut(data, 1), mark)
            suite.talk(f'tcp/bytes-backwards-{mark}-{kind}', expect, ORDER, cut(data, 1)[::-1],
                       mark)
            case = suite.case(f'tcp/bytes-ip6-{mark}-{kind}', expect, ORDER, near=mark)
            connection = case.tcp(version=6).open()
            for at, part in cut(data, 3):
                connection.put(at, part)
            connection.answer().close()
    line = HITS['host'].index(b'\r\n') + 2
    field_end = HITS['host'].index(MARKED) + len(MARKED) + 2
    for at in range(1, field_end + 1):
        where = f'request-{at:02}' if at <= line else f'host-{at - line:02}'
        halves = [(0, HITS['host'][:at]), (at, HITS['host'][at:])]
        suite.talk(f'tcp/split-{where}', 'host', ORDER, halves)
        suite.talk(f'tcp/swapped-{where}', 'host', ORDER, halves[::-1])
    for at in range(line, EVIL.index(b'.example') + 8 + 2):
        halves = [(0, EVIL[:at]), (at, EVIL[at:])]
        suite.talk(f'tcp/split-evil-{at - line:02}', None, ORDER, halves)
        suite.talk(f'tcp/swapped-evil-{at - line:02}', None, ORDER, halves[::-1])
    for kind, data, expect in (('hit', HITS['host'], 'host'), ('miss', EVIL, None)):
        thirds = [(0, data[:20]), (20, data[20:30]), (30, data[30:])]
        for order in itertools.permutations(range(3)):
            name = ''.join(str(i + 1) for i in order)
            suite.talk(f'tcp/order-{name}-{kind}', expect, ORDER, [thirds[i] for i in order])
        for size in (2, 5, 7):
            pieces = cut(data, size)
            suite.talk(f'tcp/backwards-{size}-{kind}', expect, ORDER, pieces[::-1])
            odd = pieces[1::2] + pieces[::2]
            suite.talk(f'tcp/odd-first-{size}-{kind}', expect, ORDER, odd)


def add_repeats(suite):
    for kind, host, expect in (('hit', MARKED, 'host'), ('miss', PLAIN, None)):
        data = whole(host)
        a, b = (0, data[:28]), (28, data[28:])
        suite.talk(f'tcp/again-first-{kind}', expect, AGAIN, [a, a, b])
        suite.talk(f'tcp/again-both-{kind}', expect, AGAIN, [a, a, b, b])
        suite.talk(f'tcp/again-after-{kind}', expect, AGAIN, [a, b, a])
        suite.talk(f'tcp/again-longer-{kind}', expect, AGAIN, [a, (0, data)])
        suite.talk(f'tcp/again-inside-{kind}', expect, AGAIN, [a, (5, data[5:15]), b])
        suite.talk(f'tcp/overlap-tail-{kind}', expect, AGAIN, [a, (20, data[20:])])
        suite.talk(f'tcp/overlap-early-{kind}', expect, ORDER, [(20, data[20:]), (0, data[:28])])
        suite.talk(f'tcp/overlap-covers-{kind}', expect, ORDER, [(20, data[20:30]), (0, data)])
        suite.talk(f'tcp/overlap-inside-{kind}', expect, ORDER,
                   [(15, data[15:40]), (20, data[20:25]), (0, data[:15]), (40, data[40:])])
        suite.talk(f'tcp/overlap-all-{kind}', expect, AGAIN,
                   [(at, data[at:at + 6]) for at in range(0, len(data), 3)])
        case = suite.case(f'tcp/every-frame-twice-{kind}', expect, AGAIN)
        case.split = lambda packet: [packet, packet]
        case.tcp().open().say(a[1], b[1]).answer().close()
        case = suite.case(f'tcp/again-after-answer-{kind}', expect, AGAIN)
        case.tcp().open().say(data).answer().put(0, data).close()

    def other_after(case, real, fake):
        connection = case.tcp().open().say(HEAD + real)
        connection.fake(0, HEAD + fake).say(TAIL).answer().close()
    suite.trick('tcp/other-after', AGAIN, other_after)

    def other_longer(case, real, fake):
        connection = case.tcp().open().say(HEAD + real)
        connection.put(0, HEAD + fake + TAIL).answer().close()
    suite.trick('tcp/other-longer', AGAIN, other_longer)

    def other_tail(case, real, fake):
        connection = case.tcp().open().say(HEAD + real)
        connection.put(len(HEAD), fake + TAIL).answer().close()
    suite.trick('tcp/other-tail', AGAIN, other_tail)

    early = ('RFC 9293 3.10.7.4 leaves open which copy of waiting bytes stays; here the first, as '
             'in Windows and, where the later one starts no earlier, Linux and BSD')

    def early_same_place(case, real, fake):
        connection = case.tcp().open().put(len(HEAD), real)
        connection.put(len(HEAD), fake).put(0, HEAD).say(TAIL).answer().close()
    suite.trick('tcp/early-same-place', early, early_same_place)

    def early_then_behind(case, real, fake):
        connection = case.tcp().open().put(len(HEAD), real)
        connection.put(len(HEAD) + 2, fake[2:] + TAIL).put(len(HEAD), fake[:2])
        connection.put(0, HEAD).answer().close()
    suite.trick('tcp/early-then-behind', early, early_then_behind)

    def byte_by_byte(case, real, fake):
        connection = case.tcp().open().say(HEAD)
        for at, part in cut(real, 1):
            connection.put(len(HEAD) + at, part)
            connection.fake(len(HEAD) + at, fake[at:at + 1])
        connection.say(TAIL).answer().close()
    suite.trick('tcp/other-byte-by-byte', AGAIN, byte_by_byte)


def add_numbers(suite):
    wrap = 'RFC 9293 3.4: sequence numbers are modulo 2^32'
    for before in (0, 1, 2, 10, 16, 22, 30, 36):
        isn = 2**32 - 1 - before
        for kind, host, expect in (('hit', MARKED, 'host'), ('miss', PLAIN, None)):
            data = whole(host)
            if before % 4 == 0 or kind == 'hit':
                suite.talk(f'tcp/wrap-{before}-{kind}', expect, wrap, cut(data, 9), isn=isn)
            if before in (10, 22):
                suite.talk(f'tcp/wrap-{before}-backwards-{kind}', expect, wrap,
                           cut(data, 9)[::-1], isn=isn)
    for isn in (2**31 - 20, 2**31, 0):
        suite.talk(f'tcp/isn-{isn:x}', 'host', wrap, cut(HITS['host'], 9), isn=isn)

    far = 'RFC 9293 3.10.7.4: the window ends at RCV.NXT + RCV.WND'
    cookie = b'Cookie: ' + b'c' * 1500 + b'\r\n'
    begin = b'GET / HTTP/1.1\r\n' + cookie + b'Host: '

    def beyond_window(case, real, fake):
        connection = case.tcp(window=512).open()
        connection.fake(len(begin), fake)
        for _, part in cut(begin, 500):
            connection.say(part)
        connection.say(real + TAIL).answer().close()
    suite.trick('tcp/beyond-window', far, beyond_window)

    for name, distance in (('half-way', 2**31), ('quarter', 2**30), ('behind', -2**30),
                           ('just-behind', -len(HEAD) - 12)):
        def outside(case, real, fake, distance=distance):
            connection = case.tcp().open().say(HEAD)
            connection.fake(len(HEAD) + distance, fake)
            connection.say(real + TAIL).answer().close()
        suite.trick(f'tcp/outside-{name}', WINDOW, outside)


def add_handshakes(suite):
    queued = 'RFC 9293 3.10.7.2 and RFC 7413: data of a SYN counts if the SYN-ACK acknowledges it'

    def syn(case, data, taken, **settings):
        connection = case.tcp(**settings)
        connection.segment(C, 'S', data, options=[('MSS', 1460), (34, b'cookie42')])
        if taken:
            connection.taken.append((0, len(data)))
            connection.sent[C] = len(data)
        connection.segment(S, 'SA', options=[('MSS', 1460)])
        connection.segment(C, 'A')
        return connection

    for version in (4, 6):
        for kind, host, expect in (('hit', MARKED, 'host'), ('miss', PLAIN, None)):
            case = suite.case(f'tcp/fast-open-{version}-{kind}', expect, queued)
            syn(case, whole(host), True, version=version).answer().close()
    for kind, host, expect in (('hit', MARKED, 'host'), ('miss', PLAIN, None)):
        case = suite.case(f'tcp/fast-open-part-{kind}', expect, queued)
        syn(case, HEAD + host[:4], True).say(host[4:] + TAIL).answer().close()
        case = suite.case(f'tcp/fast-open-refused-same-{kind}', expect, queued)
        syn(case, whole(host), False).say(whole(host)).answer().close()
        case = suite.case(f'tcp/third-segment-has-data-{kind}', expect, ORDER)
        connection = case.tcp()
        connection.segment(C, 'S')
        connection.segment(S, 'SA')
        connection.say(whole(host)).answer().close()
        case = suite.case(f'tcp/simultaneous-open-{kind}', expect, 'RFC 9293 3.5 figure 7')
        connection = case.tcp()
        connection.segment(C, 'S')
        connection.segment(S, 'S', ack=0)
        connection.segment(C, 'SA')
        connection.segment(S, 'SA')
        connection.say(whole(host)).answer().close()
        case = suite.case(f'tcp/split-handshake-{kind}', expect,
                          'RFC 9293 3.5: the answer to a SYN may be an ACK and then a SYN')
        connection = case.tcp()
        connection.segment(C, 'S')
        connection.segment(S, 'A', sequence=0)
        connection.segment(S, 'S', ack=0)
        connection.segment(C, 'SA')
        connection.segment(S, 'A', at=0)
        connection.say(whole(host)).answer().close()
        case = suite.case(f'tcp/second-syn-{kind}', expect,
                          'RFC 9293 3.10.7.3: the SYN-ACK says which SYN it answers')
        connection = case.tcp(isn=90000)
        connection.segment(C, 'S', sequence=20000)
        connection.segment(C, 'S')
        connection.segment(S, 'SA')
        connection.segment(C, 'A')
        connection.say(HEAD + host, TAIL).answer().close()
        case = suite.case(f'tcp/syn-twice-{kind}', expect, AGAIN)
        connection = case.tcp()
        connection.segment(C, 'S')
        connection.segment(C, 'S')
        connection.segment(S, 'SA')
        connection.segment(S, 'SA')
        connection.segment(C, 'A')
        connection.say(HEAD + host, TAIL).answer().close()

    def refused(case, real, fake):
        syn(case, whole(fake), False).say(whole(real)).answer().close()
    suite.trick('tcp/fast-open-refused', queued, refused)

    def accepted(case, real, fake):
        syn(case, whole(real), True).fake(0, whole(fake)).answer().close()
    suite.trick('tcp/fast-open-then-other', queued, accepted)

    case = suite.case('tcp/closed-port', None, 'RFC 9293 3.5.2: nobody listens')
    connection = case.tcp()
    connection.segment(C, 'S')
    connection.segment(S, 'RA', sequence=0)
    connection.acks = False
    connection.fake(0, HITS['host'])


def add_probes(suite):
    alive = 'RFC 9293 3.8.4: a keep-alive repeats the last byte, or none, one before RCV.NXT'
    for kind, host, expect in (('hit', MARKED, 'host'), ('miss', PLAIN, None)):
        for name, garbage in (('byte', b'\0'), ('empty', b'')):
            case = suite.case(f'tcp/keep-alive-{name}-{kind}', expect, alive)
            connection = case.tcp().open().put(-1, garbage, taken=False)
            connection.say(HEAD).fake(len(HEAD) - 1, garbage)
            connection.say(host + TAIL).answer().close()
        case = suite.case(f'tcp/zero-window-probe-{kind}', expect,
                          'RFC 9293 3.8.6.1: a probe carries the next byte, refused at first')
        connection = case.tcp().open().say(HEAD)
        connection.segment(S, 'A', window=0)
        connection.window, window = 0, connection.window
        connection.fake(len(HEAD), host[:1])
        connection.fake(len(HEAD), host[:1])
        connection.window = window
        connection.segment(S, 'A')
        connection.say(host + TAIL).answer().close()

    def probe(case, real, fake):
        connection = case.tcp(window=len(HEAD)).open()
        connection.window = 0
        connection.say(HEAD).fake(len(HEAD), fake)
        connection.window = 64240
        connection.segment(S, 'A')
        connection.say(real + TAIL).answer().close()
    suite.trick('tcp/zero-window-data', 'RFC 9293 3.10.7.4: with a window of 0 no data is taken',
                probe)


def add_refused(suite):
    """Segments that arrive and that the server must not take."""
    kinds = [
        ('checksum', SUM, {'chksum': 0xdead}),
        ('checksum-zero', SUM, {'chksum': 0}),
        ('ip-checksum', 'RFC 1122 3.2.1.2: a datagram with a wrong header checksum is dropped',
         {'ip': {'chksum': 0xdead}}),
        ('no-ack', 'RFC 9293 3.10.7.4: fifth, a segment without ACK is dropped', {'flags': 'P'}),
        ('no-flags', 'RFC 9293 3.10.7.4: fifth, a segment without ACK is dropped', {'flags': ''}),
        ('ack-of-unsent', 'RFC 9293 3.10.7.4: an ACK of what was not sent drops the segment',
         {'ack': 5001 + 2**20}),
        ('with-syn', 'RFC 9293 3.10.7.4: fourth, a SYN brings a challenge ACK',
         {'flags': 'SPA'}),
        ('short-offset', 'RFC 9293 3.1: a header has at least five words', {'dataofs': 4}),
        ('long-offset', 'RFC 9293 3.1: data cannot start behind the segment', {'dataofs': 15}),
    ]
    for name, note, fields in kinds:
        for version in (4, 6):
            if version == 6 and 'ip' in fields:
                continue

            def refused(case, real, fake, fields=fields, version=version):
                connection = case.tcp(version=version).open().say(HEAD)
                connection.fake(len(HEAD), fake, **fields)
                connection.say(real + TAIL).answer().close()
            suite.trick(f'tcp/refused-{name}-{version}', note, refused)

    for name, fields in (('checksum', {'chksum': 0xdead}), ('no-ack', {'flags': 'P'})):
        case = suite.case(f'tcp/only-{name}', None, SUM if name == 'checksum' else kinds[3][1])
        case.tcp().open().fake(0, HITS['host'], **fields).reset(S)

    paws = 'RFC 7323 5.3: a segment with an older timestamp is dropped'

    def old(case, real, fake):
        connection = case.tcp(time=70000).open().say(HEAD)
        connection.fake(len(HEAD), fake, time=60000)
        connection.say(real + TAIL).answer().close()
    suite.trick('tcp/paws', paws, old)

    def old_wrapped(case, real, fake):
        connection = case.tcp(time=3).open().say(HEAD)
        connection.fake(len(HEAD), fake, time=2**32 - 500)
        connection.say(real + TAIL).answer().close()
    suite.trick('tcp/paws-wrapped', paws, old_wrapped)

    case = suite.case('tcp/timestamp-turns', 'host', 'RFC 7323 5.2: numbers modulo 2^32')
    case.tcp(time=2**32 - 8).open().say(HEAD, MARKED, TAIL).answer().close()


def add_ends(suite):
    reset = 'RFC 9293 3.10.7.4 (RFC 5961 3.2): a RST counts at RCV.NXT only'
    for kind, host, expect in (('hit', MARKED, 'host'), ('miss', PLAIN, None)):
        for name, flags, at in (('rst', 'R', 2**30), ('rst-in-window', 'R', 2000),
                                ('rst-old', 'R', -2000), ('syn', 'S', 2**30),
                                ('syn-in-window', 'S', 2000), ('fin-outside', 'FA', 2**30)):
            if kind == 'miss' and name != 'rst':
                continue
            case = suite.case(f'tcp/stray-{name}-{kind}', expect, reset)
            connection = case.tcp().open().say(HEAD)
            connection.segment(C, flags, at=len(HEAD) + at - (flags == 'S'),
                               **({} if 'A' in flags else {'ack': 0}))
            connection.say(host + TAIL).answer().close()
        case = suite.case(f'tcp/stray-server-rst-{kind}', expect, reset)
        connection = case.tcp().open().say(HEAD)
        connection.segment(S, 'R', at=2**30)
        connection.say(host + TAIL).answer().close()
        case = suite.case(f'tcp/server-closed-first-{kind}', expect,
                          'RFC 9293 3.6: half-closed, the client may go on')
        connection = case.tcp().open().say(HEAD)
        connection.segment(S, 'FA')
        connection.sent[S] += 1
        connection.segment(C, 'A')
        connection.say(host + TAIL)
        connection.segment(C, 'FA')
        case = suite.case(f'tcp/data-with-fin-{kind}', expect, 'RFC 9293 3.4: text, then the FIN')
        connection = case.tcp().open().say(HEAD)
        connection.put(len(HEAD), host + TAIL, flags='FPA')
        case = suite.case(f'tcp/fin-early-{kind}', expect, ORDER)
        connection = case.tcp().open()
        connection.put(len(HEAD), host + TAIL, flags='FPA')
        connection.put(0, HEAD)

    gone = 'RFC 9293 3.10.7.4: nothing is taken behind a FIN or a RST'
    case = suite.case('tcp/data-behind-fin', None, gone)
    connection = case.tcp().open().say(HEAD)
    connection.segment(C, 'FA')
    connection.segment(S, 'A', ack=1000 + 2 + len(HEAD))
    connection.fake(len(HEAD) + 1, MARKED + TAIL)
    case = suite.case('tcp/data-in-place-of-fin', None, gone)
    connection = case.tcp().open().say(HEAD)
    connection.segment(C, 'FA')
    connection.segment(S, 'A', ack=1000 + 2 + len(HEAD))
    connection.fake(len(HEAD), MARKED + TAIL)
    for side in (C, S):
        case = suite.case(f'tcp/data-behind-{side}-rst', None, gone)
        connection = case.tcp().open().say(HEAD).reset(side)
        connection.acks = False
        connection.fake(len(HEAD), MARKED + TAIL)
    case = suite.case('tcp/data-with-rst', None, 'RFC 9293 3.10.7.4: the text of a RST is ignored')
    case.tcp().open().fake(0, HITS['host'], flags='RA')

    reuse = 'RFC 9293 3.6.1: a new connection may have the ports of a closed one'
    for end in ('fin', 'rst', 'server-rst'):
        for kind, first, second in (('hit', PLAIN, MARKED), ('first-only', MARKED, PLAIN),
                                    ('miss', PLAIN, PLAIN)):
            case = suite.case(f'tcp/reuse-{end}-{kind}', None if kind == 'miss' else 'host', reuse)
            connection = case.tcp().open().say(whole(first)).answer()
            if end == 'fin':
                connection.close()
            else:
                connection.reset(S if end == 'server-rst' else C)
            again = case.tcp(isn=700000000, server_isn=900000000).open()
            again.say(HEAD, second, TAIL).answer().close()
    case = suite.case('tcp/reuse-no-end', 'host', reuse)
    case.tcp().open().say(HEAD).reset(S)
    case.tcp(isn=1000, server_isn=777).open().say(HEAD, MARKED, TAIL).answer().close()


def add_one_way_fast_open(suite):
    """The answer to a SYN with data takes another way: where its sender goes on tells what it said."""
    note = 'RFC 7413 4.2.2: the sender goes on behind what the SYN-ACK acknowledged'

    def syn(case, data):
        connection = case.tcp()
        connection.acks = False
        connection.segment(C, 'S', data, options=[('MSS', 1460), (34, b'cookie42')])
        return connection

    def taken(case, real, fake):
        connection = syn(case, whole(real))
        connection.segment(C, 'A', at=len(whole(real)))
        connection.put(0, whole(fake))

    def taken_then_more(case, real, fake):
        syn(case, HEAD + real[:4]).put(len(HEAD) + 4, real[4:] + TAIL)

    def refused(case, real, fake):
        connection = syn(case, whole(fake))
        connection.segment(C, 'A')
        connection.say(whole(real))

    suite.trick('tcp/client-only-fast-open-taken', note, taken)
    suite.trick('tcp/client-only-fast-open-more', note, taken_then_more)
    suite.trick('tcp/client-only-fast-open-refused', note, refused)


def add_partial(suite):
    """Not all of the connection passes the wire."""
    late = 'a tap that starts late; RFC 9112 2.1: a request starts with its request line'
    for kind, host, expect in (('hit', MARKED, 'host'), ('miss', PLAIN, None)):
        case = suite.case(f'tcp/mid-stream-{kind}', expect, late)
        connection = case.tcp()
        connection.say(whole(host)).answer().close()
        case = suite.case(f'tcp/mid-stream-split-{kind}', expect, late)
        connection = case.tcp()
        connection.say(HEAD + host[:3], host[3:] + TAIL).answer().close()
        case = suite.case(f'tcp/mid-stream-ack-first-{kind}', expect, late)
        connection = case.tcp()
        connection.segment(C, 'A')
        connection.say(HEAD + host[:3], host[3:] + TAIL).answer().close()
        case = suite.case(f'tcp/no-syn-ack-{kind}', expect, late)
        connection = case.tcp()
        connection.segment(C, 'S')
        connection.segment(C, 'A')
        connection.say(HEAD + host[:3], host[3:] + TAIL).answer().close()
        one = 'asymmetric routing: the other direction takes another way'
        case = suite.case(f'tcp/client-only-{kind}', expect, one)
        connection = case.tcp()
        connection.acks = False
        connection.segment(C, 'S')
        connection.segment(C, 'A')
        connection.say(HEAD + host[:3], host[3:], TAIL)
        connection.segment(C, 'FA')
        case = suite.case(f'tcp/client-only-swapped-{kind}', expect, one)
        connection = case.tcp()
        connection.acks = False
        connection.segment(C, 'S')
        connection.segment(C, 'A')
        connection.put(len(HEAD), host + TAIL).put(0, HEAD)
    add_one_way_fast_open(suite)
    case = suite.case('tcp/mid-stream-fields', None, late)
    case.tcp().say(b'anguage: en\r\nHost: ' + MARKED + TAIL).answer().close()
    case = suite.case('tcp/mid-stream-half-line', None, late)
    case.tcp().say(b'TTP/1.1\r\nHost: ' + MARKED + TAIL).answer().close()
    case = suite.case('tcp/server-only', None, 'a response is no request, whatever is in it')
    connection = case.tcp()
    connection.segment(S, 'SA', ack=1001)
    connection.segment(S, 'PA', ANSWER[:-2] + HITS['host'], ack=1100)
    waits = 'RFC 9293 3.8: the server waits for what is missing'
    case = suite.case('tcp/hole', None, waits)
    case.tcp().open().say(HEAD[:8]).put(len(HEAD), MARKED + TAIL)
    case = suite.case('tcp/hole-in-host', None, waits)
    case.tcp().open().say(HEAD + MARKED[:2]).put(len(HEAD) + 3, MARKED[3:] + TAIL)
    case = suite.case('tcp/hole-at-start', None, waits)
    case.tcp().open().put(1, HITS['host'])


def add_headers(suite):
    ignored = 'RFC 9293 3.1: what a receiver does not know it ignores'
    for name, fields in (
            ('ecn', {'flags': 'PAEC'}), ('reserved', {'reserved': 7}),
            ('options', {'options': [('MSS', 9), ('NOP', None), (253, b'experiment')]}),
            ('long-header', {'options': [('NOP', None)] * 40}),
            ('urgent-pointer-unset', {'urgptr': 5})):
        for kind, host, expect in (('hit', MARKED, 'host'), ('miss', PLAIN, None)):
            case = suite.case(f'tcp/header-{name}-{kind}', expect, ignored)
            case.tcp().open().put(0, HEAD, **fields).put(len(HEAD), host + TAIL, **fields).answer()
    padding = 'IEEE 802.3 4A.2.3.2.4: behind the IP packet is padding'
    for kind, host, expect in (('hit', MARKED, 'host'), ('miss', PLAIN, None)):
        case = suite.case(f'tcp/padding-{kind}', expect, padding)
        case.wrap = lambda packet, side, case=case: \
            bytes(case.ether(side) / packet) + b'ui.skype.com'
        case.tcp().open().say(HEAD, host, TAIL).answer().close()
    case = suite.case('tcp/padding-completes', None, padding)
    case.wrap = lambda packet, side: bytes(case.ether(side) / packet) + MARKED + TAIL
    case.tcp().open().say(HEAD).reset()


def add(suite):
    for part in (add_cuts, add_repeats, add_numbers, add_handshakes, add_probes, add_refused,
                 add_ends, add_partial, add_headers):
        part(suite)
