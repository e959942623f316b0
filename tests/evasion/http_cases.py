# SPDX-License-Identifier: BSD-3-Clause
"""HTTP as servers read it (RFC 9110, RFC 9112): what a request is, and whom it is for."""

from model import C, HITS, MARKED, MISSES, S, cut, request

EVIL = b'www.example.org'
POST = (b'POST /form HTTP/1.1\r\nHost: www.example.org\r\nContent-Type: text/plain\r\n')
HOST = HITS['host']


def head(*lines, end=b'\r\n'):
    return end.join([*lines, b'', b''])


def with_length(body, length=None, headers=b''):
    size = str(len(body)).encode() if length is None else length
    return POST + headers + b'Content-Length: ' + size + b'\r\n\r\n' + body


def chunked(*chunks, trailers=b'', extension=b'', headers=b'', size=b'%x'):
    parts = b''.join(size % len(chunk) + extension + b'\r\n' + chunk + b'\r\n' for chunk in chunks)
    return (POST + b'Transfer-Encoding: chunked\r\n' + headers + b'\r\n' + parts +
            b'0\r\n' + trailers + b'\r\n')


def once(suite, name, expect, note, data, dport=80, near='host'):
    """The bytes, one after the other, and one answer."""
    case = suite.case(f'http/{name}', expect, note, near=near)
    connection = case.tcp(dport=dport).open()
    for _, part in cut(data, 1400):
        connection.say(part)
    connection.answer().close()


def exchange(suite, name, expect, note, *messages, near='host'):
    """A connection with several messages of the client's, an answer behind each."""
    case = suite.case(f'http/{name}', expect, note, near=near)
    connection = case.tcp().open()
    for message in messages:
        for _, part in cut(message, 1400):
            connection.say(part)
        connection.answer()
    connection.close()


def add_targets(suite):
    rfc = 'RFC 9112 3.2.2: the authority of an absolute target counts, not Host'
    for name, expect, target, host in (
            ('plain', 'host', b'http://ui.skype.com/', EVIL),
            ('no-path', 'host', b'http://ui.skype.com', EVIL),
            ('query', 'host', b'http://ui.skype.com?x=y', EVIL),
            ('port', 'host', b'http://ui.skype.com:80/', EVIL),
            ('case', 'host', b'HTTP://UI.SkyPe.COM/', EVIL),
            ('https', 'host', b'https://ui.skype.com/', EVIL),
            ('same', 'host', b'http://ui.skype.com/', MARKED),
            ('dot', 'host', b'http://ui.skype.com./', EVIL),
            ('other', None, b'http://www.example.org/', MARKED),
            ('other-port', None, b'http://www.example.org:8080/', MARKED),
            ('user', None, b'http://ui.skype.com@www.example.org/', MARKED),
            ('user-password', None, b'http://ui.skype.com:80@www.example.org/', MARKED),
            ('path', None, b'http://www.example.org/http://ui.skype.com/', EVIL),
            ('query-host', None, b'http://www.example.org?http://ui.skype.com/', EVIL),
            ('suffix', None, b'http://ui.skype.com.evil.example/', MARKED),
            ('empty', None, b'http:///', EVIL)):
        once(suite, f'absolute-{name}', expect, rfc, request(host=host, uri=target))
    once(suite, 'absolute-uri', 'uri', 'RFC 9110 4.2.1: the path is what follows the authority',
         request(uri=b'http://www.example.org/marked/uri'))
    once(suite, 'absolute-no-host', 'host', rfc,
         head(b'GET http://ui.skype.com/ HTTP/1.0', b'User-Agent: plain/1.0'))
    connect = 'RFC 9112 3.2.3: the target of CONNECT is host and port'
    for port in (80, 443, 1080, 3128, 8080, 9999):
        once(suite, f'connect-{port}', 'host', connect,
             request(MARKED + b':443', MARKED + b':443', b'CONNECT'), port)
        once(suite, f'proxy-{port}', 'host', rfc, request(EVIL, b'http://ui.skype.com/'), port)
        once(suite, f'port-{port}', 'host', 'RFC 9110 4.2.1: HTTP may have any port', HOST, port)
        once(suite, f'port-{port}-miss', None, 'RFC 9110 4.2.1: HTTP may have any port',
             MISSES['host'], port)
    once(suite, 'connect-other', None, connect, request(
        MARKED, b'www.example.org:443', b'CONNECT'))
    once(suite, 'connect-evil', None, connect, request(
        MARKED, b'ui.skype.com.evil.example:443', b'CONNECT'), 3128)
    case = suite.case('http/connect-refused-then', 'host',
                      'RFC 9110 15.5.8: asked again with leave')
    connection = case.tcp(dport=3128).open()
    connection.say(request(EVIL, b'www.example.org:443', b'CONNECT'))
    connection.answer(b'HTTP/1.1 407 Authenticate\r\nContent-Length: 0\r\n\r\n')
    connection.say(request(MARKED, MARKED + b':443', b'CONNECT')).answer().close()
    once(suite, 'asterisk', 'host', 'RFC 9112 3.2.4', request(MARKED, b'*', b'OPTIONS'))


def add_hosts(suite):
    rfc, ows = 'RFC 9110 7.2, RFC 3986 3.2.2', 'RFC 9112 5: optional blanks around a value'
    values = {
        'upper': (b'Host: UI.SKYPE.COM', 'host', rfc),
        'mixed': (b'Host: uI.Skype.cOm', 'host', rfc),
        'name-upper': (b'HOST: ui.skype.com', 'host', 'RFC 9110 5.1: names in any case'),
        'name-lower': (b'host: ui.skype.com', 'host', 'RFC 9110 5.1: names in any case'),
        'name-mixed': (b'hOsT: ui.skype.com', 'host', 'RFC 9110 5.1: names in any case'),
        'tight': (b'Host:ui.skype.com', 'host', ows),
        'blanks': (b'Host:     ui.skype.com', 'host', ows),
        'tab': (b'Host:\tui.skype.com', 'host', ows),
        'tabs': (b'Host: \t \tui.skype.com', 'host', ows),
        'blank-behind': (b'Host: ui.skype.com ', 'host', ows),
        'tabs-behind': (b'Host: ui.skype.com\t \t', 'host', ows),
        'many-blanks': (b'Host:' + b' ' * 600 + b'ui.skype.com' + b'\t' * 600, 'host', ows),
        'port': (b'Host: ui.skype.com:80', 'host', rfc),
        'port-other': (b'Host: ui.skype.com:65535', 'host', rfc),
        'port-empty': (b'Host: ui.skype.com:', 'host', 'RFC 3986 3.2.3: a port may be empty'),
        'dot': (b'Host: ui.skype.com.', 'host', 'RFC 1034 3.1: a final dot is the root'),
        'dot-port': (b'Host: ui.skype.com.:80', 'host', 'RFC 1034 3.1: a final dot is the root'),
        'www': (b'Host: www.skype.com', None, rfc),
        'suffix': (b'Host: ui.skype.com.evil.example', None, rfc),
        'prefix': (b'Host: evil-ui.skype.com', None, rfc),
        'sub': (b'Host: a.ui.skype.com', None, rfc), 'short': (b'Host: ui.skype.co', None, rfc),
        'any-byte': (b'Host: uixskypexcom', None, rfc),
        'user': (b'Host: user@ui.skype.com', None, 'RFC 9110 7.2: Host has no user information'),
        'user-of-other': (b'Host: ui.skype.com@evil.example', None,
                          'RFC 9110 7.2: Host has no user information'),
        'url': (b'Host: http://ui.skype.com/', None, 'RFC 9110 7.2: Host has no scheme'),
        'path': (b'Host: ui.skype.com/', None, 'RFC 9110 7.2: Host has no path'),
        'list': (b'Host: ui.skype.com, evil.example', None, 'RFC 9110 7.2: one host'),
        'two-words': (b'Host: ui.skype.com evil.example', None, 'RFC 9110 7.2: one host'),
        'port-letters': (b'Host: ui.skype.com:80x', None, 'RFC 3986 3.2.3: a port is digits'),
        'two-dots': (b'Host: ui.skype.com..', None, 'RFC 1034 3.1: labels are not empty'),
        'brackets': (b'Host: [ui.skype.com]', None, 'RFC 3986 3.2.2: brackets hold addresses'),
        'nul': (b'Host: ui.skype.com\0', None, 'RFC 9110 5.5: NUL is invalid'),
        'nul-inside': (b'Host: ui.skype.com\0.evil.example', None, 'RFC 9110 5.5: NUL is invalid'),
        'bare-cr': (b'Host: ui.skype.com\r.evil.example', None, 'RFC 9112 2.2: bare CR is invalid'),
        'quoted': (b'Host: "ui.skype.com"', None, rfc),
        'blank-before-colon': (b'Host : ui.skype.com', None,
                               'RFC 9112 5.1: a blank before the colon is refused'),
        'name-longer': (b'Hosts: ui.skype.com', None, 'RFC 9110 5.1'),
        'name-prefix': (b'X-Host: ui.skype.com', None, 'RFC 9110 5.1'),
        'name-shorter': (b'Hos: ui.skype.com', None, 'RFC 9110 5.1'),
        'name-dash': (b'Host-: ui.skype.com', None, 'RFC 9110 5.1'),
        'name-joined': (b'XHost: ui.skype.com', None, 'RFC 9110 5.1'),
        'forwarded': (b'X-Forwarded-Host: ui.skype.com', None, 'RFC 9110 5.1'),
        'empty': (b'Host:\r\nX-Next: ui.skype.com', None, rfc),
        'folded': (b'Host:\r\n ui.skype.com', 'host', 'RFC 9112 5.2: a fold is a blank'),
        'folded-tab': (b'Host:\r\n\tui.skype.com', 'host', 'RFC 9112 5.2: a fold is a blank'),
        'folded-twice': (b'Host:\r\n \r\n  ui.skype.com', 'host',
                         'RFC 9112 5.2: a fold is a blank'),
        'folded-behind': (b'Host: ui.skype.com\r\n ', 'host', 'RFC 9112 5.2: a fold is a blank'),
        'folded-inside': (b'Host: ui.skype\r\n .com', None, 'RFC 9112 5.2: a fold is a blank'),
        'folded-evil': (b'Host: ui.skype.com\r\n .evil.example', None,
                        'RFC 9112 5.2: a fold is a blank'),
        'fold-of-other': (b'X-Other: a\r\n Host: ui.skype.com', None,
                          'RFC 9112 5.2: a line that starts with a blank goes on'),
        'tab-fold-of-other': (b'X-Other: a\r\n\tHost: ui.skype.com', None,
                              'RFC 9112 5.2: a line that starts with a blank goes on'),
        'twice-other-last': (b'Host: ui.skype.com\r\nHost: www.example.org', None,
                             'RFC 9112 3.2: two hosts are refused'),
        'twice-other-first': (b'Host: www.example.org\r\nHost: ui.skype.com', None,
                              'RFC 9112 3.2: two hosts are refused'),
    }
    for name, (line, expect, note) in values.items():
        once(suite, f'host-{name}', expect, note, head(b'GET / HTTP/1.1', line, b'Accept: */*'))
    ends = 'RFC 9112 2.2: LF alone may end a line'
    once(suite, 'bare-lf', 'host', ends, request(MARKED, end=b'\n'))
    once(suite, 'bare-lf-some', 'host', ends, b'GET / HTTP/1.1\nHost: ui.skype.com\r\nA: b\n\r\n')
    once(suite, 'bare-lf-miss', None, ends, request(MARKED + b'.evil.example', end=b'\n'))
    once(suite, 'bare-cr', None, 'RFC 9112 2.2: bare CR is invalid', request(MARKED, end=b'\r'))
    empty = 'RFC 9112 2.2: empty lines in front of a request line are ignored'
    for name, lines in (('one', b'\r\n'), ('three', b'\r\n' * 3), ('lf', b'\n'),
                        ('mixed', b'\n\r\n')):
        once(suite, f'empty-lines-{name}', 'host', empty, lines + HOST)
        once(suite, f'empty-lines-{name}-miss', None, empty, lines + MISSES['host'])
    once(suite, 'blank-line-in-front', None, 'RFC 9112 2.2: blanks are no empty line',
         b' \r\n' + HOST)
    once(suite, 'blank-in-front', None, 'RFC 9112 3: a method has no blank in it', b' ' + HOST)


def add_lines(suite):
    version = 'RFC 9112 2.3: the version is HTTP/ and two digits, in capitals'
    for name, text, expect in (('1.0', b'HTTP/1.0', 'host'), ('2.0', b'HTTP/2.0', None),
                               ('lower', b'http/1.1', None), ('none', b'', None),
                               ('letters', b'HTTP/1.x', None), ('name', b'HTTPS/1.1', None),
                               ('long', b'HTTP/1.10', None), ('sip', b'SIP/2.0', None),
                               ('rtsp', b'RTSP/1.0', None)):
        once(suite, f'version-{name}', expect, version, HOST.replace(b'HTTP/1.1', text, 1))
    once(suite, 'ssdp', None, 'RFC 9112 2.3', HOST.replace(b' HTTP/1.1', b'', 1))
    method = 'RFC 9110 9.1: a method is a token, case matters'
    for name, text, expect in (('get', b'GET', 'host'), ('custom', b'M-SEARCH', 'host'),
                               ('odd', b"a!#$%&'*+-.^_`|~9", 'host'), ('slash', b'G/T', None),
                               ('colon', b'GET:', None), ('quote', b'"GET"', None)):
        once(suite, f'method-{name}', expect, method, HOST.replace(b'GET', text, 1))
    for name, text in (('lower', b'propfind'), ('longer', b'PROPFINDS'), ('prefix', b'X-PROPFIND')):
        once(suite, f'marked-method-{name}', None, method, request(method=text), near='method')
    for name, text in (('query', b'/marked/uri?a=b'), ('case', b'/Marked/uri'),
                       ('sub', b'/marked/uri/'),
                       ('inside', b'/a/marked/uri'), ('in-query', b'/?/marked/uri'),
                       ('encoded', b'/marked%2furi'), ('fragment', b'/marked/uri#a')):
        once(suite, f'marked-uri-{name}', None, 'RFC 9110 4.2.3: paths differ by every character',
             request(uri=text), near='uri')
    for name, line in (('other-name', b'X-User-Agent: Marked/1.0'), ('via', b'Via: 1.1 Marked/1.0'),
                       ('inside', b'X-Note: User-Agent: Marked/1.0')):
        once(suite, f'agent-{name}', None, 'RFC 9110 10.1.5', request(headers=[line]), near='agent')
    for name, line, expect in (
            ('lower', b'x-marked: yes', 'header'), ('upper', b'X-MARKED:\tyes  ', 'header'),
            ('folded', b'X-Marked:\r\n  yes', 'header'), ('tight', b'X-Marked:yes', 'header'),
            ('no', b'X-Marked: no', None), ('value-case', b'X-Marked: Yes', None),
            ('longer', b'X-Marked-2: yes', None), ('prefix', b'A-X-Marked: yes', None),
            ('cookie', b'Cookie: x-marked: yes', None), ('blank', b'X-Marked : yes', None),
            ('folded-more', b'X-Marked: yes\r\n no', None),
            ('inside-fold', b'A: b\r\n X-Marked: yes', None)):
        once(suite, f'header-{name}', expect, 'RFC 9110 5.1, RFC 9112 5', request(headers=[line]),
             near='header')
    big = 'RFC 9112 2.2: no limit on a head; RFC 9110 2.3 asks for 8000 bytes of a request line'
    for name, lines in (('one-cookie', [b'Cookie: ' + b'c' * 8192]),
                        ('cookies', [b'Cookie: ' + b'c' * 2040] * 4),
                        ('12k', [b'Cookie: ' + b'c' * 12000]),
                        ('60-lines', [b'X-Line-%d: ' % n + b'v' * 120 for n in range(60)])):
        for kind, host, expect in (('hit', MARKED, 'host'), ('miss', MARKED + b'.example', None)):
            once(suite, f'behind-{name}-{kind}', expect, big, head(
                b'GET / HTTP/1.1', *lines, b'Host: ' + host))
    once(suite, 'long-uri', 'host', big, request(MARKED, b'/' + b'u' * 7900))
    once(suite, 'long-uri-miss', None, big, request(EVIL, b'/' + MARKED * 600))


def add_sequences(suite):
    more = 'RFC 9112 9.3: a connection carries one request after another'
    plain = request()
    for mark, hit in HITS.items():
        if mark == 'payload':
            continue
        exchange(suite, f'second-{mark}', mark, more, plain, hit)
        once(suite, f'pipelined-{mark}', mark, 'RFC 9112 9.3.2', plain + hit + plain)
        exchange(suite, f'second-{mark}-miss', None, more, plain, MISSES[mark], near=mark)
        body = 'RFC 9112 6: what is in a body is no request'
        exchange(suite, f'length-body-{mark}', None, body, with_length(hit), near=mark)
        exchange(suite, f'chunked-body-{mark}', None, body, chunked(hit), near=mark)
        exchange(suite, f'behind-length-{mark}', mark, more, with_length(MISSES[mark]), hit)
        once(suite, f'behind-chunked-{mark}', mark, more, chunked(b'abc', MISSES[mark]) + hit)
    exchange(suite, 'tenth', 'host', more, *[plain] * 9, HOST)
    exchange(suite, 'tenth-miss', None, more, *[plain] * 9, MISSES['host'])
    once(suite, 'pipelined-ten', 'host', 'RFC 9112 9.3.2', plain * 9 + HOST)
    once(suite, 'pipelined-empty-line', 'host', 'RFC 9112 2.2', plain + b'\r\n' + HOST)

    body = 'RFC 9112 6.2: Content-Length bytes are the body'
    for size in (0, 1, 13, 1399, 5000, 100000):
        text = (HOST * (size // len(HOST) + 1))[:size]
        exchange(suite, f'length-{size}-hit', 'host', body, with_length(text), HOST)
        exchange(suite, f'length-{size}-miss', None, body, with_length(text), plain)
    once(suite, 'length-pipelined', 'host', body, with_length(HOST[:-4]) + HOST)
    once(suite, 'length-pipelined-miss', None, body, with_length(HOST + HOST))
    once(suite, 'length-zeros', 'host', 'RFC 9110 8.6: 1*DIGIT',
         with_length(b'abcde', b'0005') + HOST)
    case = suite.case('http/length-split-body', None, body)
    connection = case.tcp().open()
    message = with_length(HOST)
    connection.say(message[:-len(HOST)], HOST).answer().close()
    case = suite.case('http/length-split-head', None, body)
    connection = case.tcp().open()
    connection.say(message[:100], message[100:-len(HOST)], HOST[:9], HOST[9:]).answer().close()
    refused = 'RFC 9112 6.3: the framing is invalid, the server refuses and closes'
    for name, headers in (('differ', b'Content-Length: 5\r\nContent-Length: 0\r\n'),
                          ('plus', b'Content-Length: +5\r\n'), ('hex', b'Content-Length: 0x5\r\n'),
                          ('negative', b'Content-Length: -5\r\n'),
                          ('empty', b'Content-Length: \r\n'),
                          ('words', b'Content-Length: 5 5\r\n'),
                          ('huge', b'Content-Length: 99999999999999999999999\r\n'),
                          ('unknown-coding', b'Transfer-Encoding: chunked, identity\r\n'),
                          ('not-chunked', b'Transfer-Encoding: gzip\r\n')):
        once(suite, f'length-{name}', None, refused, POST + headers + b'\r\nabcde' + HOST)
    once(suite, 'length-same-twice', 'host', 'RFC 9110 8.6: equal values may be taken as one',
         POST + b'Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde' + HOST)

    chunks = 'RFC 9112 7.1: chunks, the last one empty, trailers, an empty line'
    for name, data in (
            ('one', chunked(b'abc')), ('many', chunked(*[b'abc'] * 50)), ('none', chunked()),
            ('upper', chunked(b'abcdefghijkl', size=b'%X')),
            ('zeros', chunked(b'abc', size=b'%08x')),
            ('extension', chunked(b'abc', extension=b';a=b;c="d e"')),
            ('trailers', chunked(b'abc', trailers=b'X-Sum: 1\r\nHost: www.skype.com\r\n')),
            ('holds-end', chunked(b'0\r\n\r\n', b'0\r\n\r\n' + plain)),
            ('big', chunked(b'c' * 30000, b'd' * 30000)),
            ('and-length', chunked(b'abc', headers=b'Content-Length: 500\r\n'))):
        exchange(suite, f'chunked-{name}-hit', 'host', chunks, data, HOST)
        exchange(suite, f'chunked-{name}-miss', None, chunks, data, MISSES['host'])
        once(suite, f'chunked-{name}-pipelined', 'host', chunks, data + HOST)
    for size in (1, 7):
        suite.talk(f'http/chunked-cut-{size}-hit', 'host', chunks,
                   cut(chunked(b'abc', HOST[:40], trailers=b'A: b\r\n') + HOST, size))
        suite.talk(f'http/chunked-cut-{size}-miss', None, chunks,
                   cut(chunked(b'abc', HOST, trailers=b'Host: ui.skype.com\r\n') + plain, size))
        suite.talk(f'http/length-cut-{size}-hit', 'host', body,
                   cut(with_length(HOST[:50]) + HOST, size))
        suite.talk(f'http/length-cut-{size}-miss', None, body, cut(with_length(HOST) + plain, size))
    once(suite, 'chunked-two-chunks-one-request', None, chunks, chunked(HOST[:20], HOST[20:]))
    once(suite, 'chunked-trailer-host', None, 'RFC 9110 6.5.1: Host is not allowed in trailers',
         chunked(b'abc', trailers=b'Host: ui.skype.com\r\n'))
    once(suite, 'chunked-trailer-header', None, 'RFC 9110 6.5: trailers are kept apart',
         chunked(b'abc', trailers=b'X-Marked: yes\r\nUser-Agent: Marked/1.0\r\n'), near='header')
    once(suite, 'chunked-length-shows', None, 'RFC 9112 6.3: the transfer coding wins',
         chunked(b'abc' + HOST, headers=b'Content-Length: 8\r\n'))
    for name, size in (('letters', b'g\r\n'), ('negative', b'-3\r\n'), ('blank', b' \r\n'),
                       ('huge', b'fffffffffffffffff\r\n')):
        once(suite, f'chunked-bad-{name}', None, 'RFC 9112 7.1: no chunk size, the server refuses',
             POST + b'Transfer-Encoding: chunked\r\n\r\n' + size + b'abc\r\n0\r\n\r\n' + HOST)

    last = 'RFC 9112 9.6: a server that reads close reads no further request'
    once(suite, 'behind-close', None, last, request(headers=[b'Connection: close']) + HOST)
    once(suite, 'behind-1.0', None, 'RFC 9112 9.3: HTTP/1.0 closes unless asked to stay',
         plain.replace(b'HTTP/1.1', b'HTTP/1.0') + HOST)
    once(suite, 'behind-1.0-kept', 'host', 'RFC 9112 9.3, C.2.2', request(
        headers=[b'Connection: keep-alive']).replace(b'HTTP/1.1', b'HTTP/1.0') + HOST)
    once(suite, 'behind-garbage', None, 'RFC 9112 2.2: no request line, the server refuses',
         b'garbage\r\n\r\n' + HOST)
    once(suite, 'behind-bad-request', None, 'RFC 9112 3: the server refuses and closes',
         b'GET\r\n\r\n' + HOST)

    upgrade = request(headers=[b'Connection: Upgrade', b'Upgrade: websocket'])
    case = suite.case('http/upgraded', None, 'RFC 9110 7.8: behind 101 another protocol speaks')
    connection = case.tcp().open().say(upgrade)
    connection.answer(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n'
                      b'Upgrade: websocket\r\n\r\n')
    connection.say(HOST).close()
    case = suite.case('http/upgrade-refused', 'host', 'RFC 9110 7.8: a server may ignore Upgrade')
    case.tcp().open().say(upgrade).answer().say(HOST).answer().close()
    case = suite.case('http/tunnelled', None, 'RFC 9110 9.3.6: behind CONNECT is a tunnel')
    connection = case.tcp(dport=3128).open()
    connection.say(request(EVIL, b'www.example.org:443', b'CONNECT'))
    connection.answer(b'HTTP/1.1 200 Connected\r\n\r\n').say(HOST).close()
    case = suite.case('http/preface', None, 'RFC 9113 3.4: the preface begins HTTP/2')
    case.tcp().open().say(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + bytes(9), HOST).answer().close()
    case = suite.case('http/continue', 'host', 'RFC 9110 10.1.1: the body comes behind 100')
    connection = case.tcp().open()
    message = with_length(MISSES['host'], headers=b'Expect: 100-continue\r\n')
    at = message.index(b'\r\n\r\n') + 4
    connection.say(message[:at]).answer(b'HTTP/1.1 100 Continue\r\n\r\n')
    connection.say(message[at:]).answer().say(HOST).answer().close()


def talk(suite, name, expect, note, *turns, dport=80):
    """Turns of the client (str 'C') and the server: (who, bytes...)."""
    case = suite.case(f'http/{name}', expect, note)
    connection = case.tcp(dport=dport).open()
    for who, *pieces in turns:
        for data in pieces:
            (connection.say if who == 'C' else connection.answer)(data)
    connection.close()


def interim(status):
    return b'HTTP/1.1 %d Wait\r\nX-More: HTTP/1.1 101 x\r\n\r\n' % status


OK = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
MOVED = b'HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n'
DENIED = b'HTTP/1.1 407 Authenticate\r\nContent-Length: 0\r\n\r\n'
SWITCHED = b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
CONNECTED = b'HTTP/1.1 200 Connected\r\n\r\n'
UPGRADE = request(headers=[b'Connection: Upgrade', b'Upgrade: websocket'])
CONNECT = request(EVIL, b'www.example.org:443', b'CONNECT')


def add_answers(suite):
    """What follows CONNECT and Upgrade is a request if the answer refuses, and not if it accepts."""
    note = 'RFC 9110 7.8, 9.3.6: the final answer says what is behind Upgrade and CONNECT'
    plain, rest = request(), ('C', HOST)
    for kind, ask, port, yes, no in (('upgrade', UPGRADE, 80, SWITCHED, OK),
                                     ('connect', CONNECT, 3128, CONNECTED, DENIED)):
        def pair(name, *turns, before=(), ask=ask, port=port, yes=yes, no=no, kind=kind):
            """Turns with the one answer and the other in place of None."""
            for end, expect, answer in (('refused', 'host', no), ('accepted', None, yes)):
                told = [tuple(piece if piece is not None else answer for piece in turn)
                        for turn in turns]
                talk(suite, f'{kind}-{name}-{end}', expect, note, *before, *told, dport=port)
        pair('answered', ('C', ask), ('S', None), rest)
        pair('again', ('C', ask), ('S', no), ('C', ask), ('S', None), rest)
        pair('second', ('C', plain), ('S', OK), ('C', ask), ('S', None), rest)
        pair('ahead', ('C', ask, HOST), ('S', None))
        pair('ahead-one-segment', ('C', ask + HOST), ('S', None))
        pair('ahead-cut', ('C', *[part for _, part in cut(ask + HOST, 40)]), ('S', None))
        for status in (100, 102, 103):
            pair(f'interim-{status}', ('C', ask), ('S', interim(status), None), rest)
        pair('interims', ('C', ask), ('S', interim(100), interim(102) + interim(103), None), rest)
        for end, expect, answer in (('refused', 'host', no), ('accepted', None, yes)):
            whole = interim(103) + answer
            talk(suite, f'{kind}-answer-cut-{end}', expect, note, ('C', ask),
                 ('S', *[part for _, part in cut(whole, 1)]), rest, dport=port)
            for order, swap in (('swapped', True), ('twice', False)):
                case = suite.case(f'http/{kind}-answer-{order}-{end}', expect, note)
                connection = case.tcp(dport=port).open().say(ask)
                parts = cut(answer, 11)
                for at, part in (parts[::-1] if swap else sorted(parts * 2)):
                    connection.segment(S, 'PA', part, at=at)
                connection.sent[S] = len(answer)
                connection.segment(C, 'A')
                connection.say(HOST).close()
        talk(suite, f'{kind}-answer-other', None, note, ('C', ask), ('S', b'SSH-2.0-x\r\n' + no),
             rest, dport=port)
        talk(suite, f'{kind}-behind-pipelined', None, note, ('C', plain + ask), ('S', OK, yes), rest,
             dport=port)
        talk(suite, f'{kind}-behind-unanswered', None, note, ('C', plain, ask), ('S', OK, yes), rest,
             dport=port)
        talk(suite, f'{kind}-behind-two', None, note, ('C', plain + plain), ('S', OK), ('C', ask),
             ('S', OK, yes), rest, dport=port)
        case = suite.case(f'http/{kind}-client-only', None, 'nobody saw the answer')
        connection = case.tcp(dport=port)
        connection.acks = False
        connection.segment(C, 'S')
        connection.say(ask, HOST)
    talk(suite, 'connect-moved', 'host', note, ('C', CONNECT), ('S', MOVED), rest, dport=3128)
    talk(suite, 'connect-created', None, note, ('C', CONNECT),
         ('S', b'HTTP/1.1 201 Created\r\n\r\n'), rest, dport=3128)
    body = 'RFC 9110 7.8: the protocol changes behind the whole request'
    for name, ask in (('length', with_length(HOST, headers=b'Upgrade: h2c\r\n')),
                      ('chunked', chunked(HOST, headers=b'Upgrade: h2c\r\n'))):
        talk(suite, f'upgrade-{name}', 'host', body, ('C', ask), ('S', OK), rest)
        talk(suite, f'upgrade-{name}-early', 'host', body, ('C', ask[:-30]), ('S', OK),
             ('C', ask[-30:]), rest)
        talk(suite, f'upgrade-{name}-miss', None, body, ('C', ask), ('S', OK), ('C', plain))
        talk(suite, f'upgrade-{name}-accepted', None, body, ('C', ask), ('S', SWITCHED), rest)
    case = suite.case('http/upgrade-half-closed', 'host', 'RFC 9293 3.6: who closes still hears')
    connection = case.tcp().open().say(UPGRADE, HOST)
    connection.segment(C, 'FA')
    connection.segment(S, 'PA', OK + OK, ack=1001 + len(UPGRADE + HOST) + 1)


def add_elsewhere(suite):
    note = 'RFC 9112 2.1: only a request that a client sends is a request'
    for mark, hit in HITS.items():
        if mark == 'payload':
            continue
        case = suite.case(f'http/in-response-{mark}', None, note, near=mark)
        connection = case.tcp().open().say(request())
        connection.answer(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(hit) + hit).close()
        case = suite.case(f'http/response-second-{mark}', None, note, near=mark)
        connection = case.tcp().open().say(request()).answer()
        connection.say(request()).answer(hit).close()
        case = suite.case(f'http/response-head-{mark}', None, note, near=mark)
        connection = case.tcp().open().say(request())
        fields = b'\r\n'.join(hit.split(b'\r\n')[1:])
        connection.answer(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n' + fields).close()
        case = suite.case(f'http/response-chunk-{mark}', None, note, near=mark)
        connection = case.tcp().open().say(request())
        connection.answer(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
                          b'%x\r\n' % len(hit) + hit + b'\r\n0\r\n' + fields).close()
    for name, data in (
            ('url', request(uri=b'/ui.skype.com')), ('query', request(uri=b'/?Host: ui.skype.com')),
            ('query-encoded', request(uri=b'/?%0d%0aHost:%20ui.skype.com')),
            ('referer', request(headers=[b'Referer: http://ui.skype.com/marked/uri'])),
            ('cookie', request(headers=[b'Cookie: Host: ui.skype.com'])),
            ('origin', request(headers=[b'Origin: http://ui.skype.com'])),
            ('agent', request(agent=b'Host: ui.skype.com')),
            ('url-bare-cr', request(uri=b'/\rHost: ui.skype.com'))):
        once(suite, f'elsewhere-{name}', None, 'RFC 9112 3.2: Host or the target say whom', data)
    smtp = 'RFC 5321 4.1.1.4: a mail that holds a request'
    case = suite.case('http/in-mail', None, smtp)
    connection = case.tcp(dport=25)
    connection.open().answer(b'220 mail.example\r\n').say(b'EHLO a.example\r\n')
    connection.answer(b'250 mail.example\r\n').say(b'DATA\r\n').answer(b'354 go on\r\n')
    connection.say(HOST + b'.\r\n').answer(b'250 done\r\n').close()
    case = suite.case('http/server-first', None, note)
    case.tcp(dport=25).open().answer(b'220 GET / HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n').close()


def add(suite):
    for part in (add_targets, add_hosts, add_lines, add_sequences, add_answers,
                 add_elsewhere):
        part(suite)
