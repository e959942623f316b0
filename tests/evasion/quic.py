# SPDX-License-Identifier: BSD-3-Clause
"""Names in QUIC's first packets (RFC 9000, RFC 9001, RFC 9369): where a server finds one."""

import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from model import C, S, cut
from others import NAME, NEAR, datagram, hello

PLAIN = b'www.example.org'
MINIMUM, TAG = 1200, 16
INITIAL, ZERO_RTT, HANDSHAKE = 0, 1, 2  # as version 1 numbers them
PING, HANDSHAKE_DONE = b'\1', b'\x1e'
SALTS = {  # version: the salt, the prefix of labels, what version 2 adds to a type
    1: ('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', b'quic ', 0),
    0x6b3343cf: ('0dede3def700a6db819381be6e269dcbf9bd2ed9', b'quicv2 ', 1),
    0xff00001d: ('afbfec289993d24c9e9786f19c6111e04390a899', b'quic ', 0),
    0xff00001b: ('c3eef712c72ebb5a11a7d2432bb46365bef9f502', b'quic ', 0),
}
V1, V2, DRAFT_29, DRAFT_27 = SALTS


def varint(value, size=None):
    """RFC 9000 16, in `size` bytes, or as few as will do."""
    size = size or next(size for size in (1, 2, 4, 8) if value < 1 << 8 * size - 2)
    return (value | (size.bit_length() - 1) << 8 * size - 2).to_bytes(size, 'big')


def crypto(message, start=0, end=None, size=None):
    """RFC 9000 19.6: a CRYPTO frame with a part of the message."""
    part = message[start:end]
    return b'\6' + varint(start, size) + varint(len(part), size) + part


def expand(secret, label, length):
    """RFC 8446 7.1, without context."""
    label = b'tls13 ' + label
    info = struct.pack('>HB', length, len(label)) + label + b'\0\1'
    return hmac.digest(secret, info, 'sha256')[:length]


def protect(version, dcid, frames, side=C, kind=INITIAL, number=0, number_size=2, token=b'',
            token_size=None, scid=b'', room=MINIMUM, keys=None, key_id=None, flags=0xc0):
    """A packet of `room` bytes, filled up with PADDING. The keys are those of `version` and `dcid`
    unless `keys` names another version, and `key_id` another ID."""
    salt, prefix, _ = SALTS[keys or version]
    secret = hmac.digest(bytes.fromhex(salt), dcid if key_id is None else key_id, 'sha256')
    secret = expand(secret, side.encode() + b' in', 32)
    key, vector, mask_key = (expand(secret, prefix + label, size)
                             for label, size in ((b'key', 16), (b'iv', 12), (b'hp', 16)))
    kind_here = (kind + SALTS[version][2]) % 4
    header = struct.pack('>BI', flags | kind_here << 4 | number_size - 1, version)
    header += bytes([len(dcid)]) + dcid + bytes([len(scid)]) + scid
    if kind == INITIAL:
        header += varint(len(token), token_size) + token
    rest = max(room - len(header) - 2, number_size + len(frames) + TAG)
    plain = number.to_bytes(number_size, 'big')
    header += varint(rest, 2) + plain
    nonce = (int.from_bytes(vector, 'big') ^ number).to_bytes(12, 'big')
    body = AESGCM(key).encrypt(nonce, frames.ljust(rest - number_size - TAG, b'\0'), header)
    # RFC 9001 5.4: the number and the low bits of the first byte are masked.
    sample = body[4 - number_size:20 - number_size]
    mask = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor().update(sample)
    masked = bytes(a ^ b for a, b in zip(plain, mask[1:]))
    return bytes([header[0] ^ mask[0] & 15]) + header[1:-number_size] + masked + body


def extension(kind, data):
    return struct.pack('>HH', kind, len(data)) + data


def send(case, *packets, side=C, version=4, ports=(40000, 443)):
    """One datagram."""
    datagram(case, b''.join(packets), side, version, ports)


def whole(suite, name, expect, note, frames, quic=V1, ip=4, dcid=8, **settings):
    """A datagram of one packet."""
    case = suite.case(f'quic/{name}', expect, note, near='quic')
    send(case, protect(quic, case.rng.randbytes(dcid), frames, **settings), version=ip)


def add_headers(suite):
    asked, near = crypto(hello(NAME)), crypto(hello(NEAR[0]))
    for quic, name in ((V1, 'v1'), (V2, 'v2'), (DRAFT_29, 'draft-29'), (DRAFT_27, 'draft-27')):
        note = 'RFC 9369 3' if quic == V2 else 'RFC 9001 5.2'
        for ip in (4, 6):
            whole(suite, f'{name}-{ip}', 'quic', note, asked, quic, ip)
            whole(suite, f'{name}-{ip}-miss', None, note, near, quic, ip)
    for dcid in range(9, 21):
        whole(suite, f'dcid-{dcid}', 'quic', 'RFC 9000 7.2: 8 to 20 bytes', asked, dcid=dcid)
    for dcid in (0, 7, 21):
        whole(suite, f'dcid-{dcid}', None, 'RFC 9000 7.2, 17.2: 8 to 20 bytes', asked, dcid=dcid)
    for scid in (8, 20):
        whole(suite, f'scid-{scid}', 'quic', 'RFC 9000 17.2', asked, scid=bytes(scid))
    whole(suite, 'scid-21', None, 'RFC 9000 17.2: 20 bytes at most', asked, scid=bytes(21))
    for size, number in ((1, 0), (1, 255), (2, 0), (3, 70000), (4, 0), (4, 0xfffffffe)):
        whole(suite, f'number-{size}-{number}', 'quic', 'RFC 9000 17.1: a number of 1 to 4 bytes',
              asked, number=number, number_size=size)
    token = 'RFC 9000 17.2.2: a token of any length'
    for length in (1, 63, 64, 300):
        whole(suite, f'token-{length}', 'quic', token, asked, token=bytes(length), quic=V2)
    for size in (2, 4, 8):
        whole(suite, f'token-length-{size}', 'quic', 'RFC 9000 16: numbers may be long', asked,
              token=b'token', token_size=size)
    whole(suite, 'name-in-token', None, token, crypto(hello(PLAIN)), token=asked)
    whole(suite, 'reserved-bits', None, 'RFC 9000 17.2: they must be 0', asked, flags=0xcc)
    whole(suite, 'fixed-bit', None, 'RFC 9000 17.2: without it, no packet', asked, flags=0x80)
    whole(suite, 'small', None, 'RFC 9000 14.1: discarded in less than 1200 bytes', asked,
          room=MINIMUM - 1)
    whole(suite, 'large', 'quic', 'RFC 9000 14.1: 1200 bytes at least', asked, room=1400)


def add_keys(suite):
    asked, note = crypto(hello(NAME)), 'RFC 9001 5.2: keys of the version and the ID'
    whole(suite, 'salt-of-v2', None, note, asked, V1, keys=V2)
    whole(suite, 'salt-of-v1', None, note, asked, V2, keys=V1)
    whole(suite, 'salt-of-draft', None, note, asked, V1, keys=DRAFT_29)
    whole(suite, 'other-id', None, note, asked, key_id=b'other ID')
    whole(suite, 'keys-of-server', None, note, asked, side=S)
    for kind in (1, 2, 3):
        whole(suite, f'v1-type-{kind}', None, 'RFC 9000 17.2: only type 0 is Initial', asked,
              kind=kind)
        whole(suite, f'v2-type-{(kind + 1) % 4}', None, 'RFC 9369 3.2: only type 1 is Initial',
              asked, V2, kind=kind)
    for version in (0, 2, 0x0a0a0a0a, 0x709a50c4):
        case = suite.case(f'quic/version-{version:x}', None, 'RFC 9000 6.1: versions that are not '
                          'known', near='quic')
        packet = protect(V1, case.rng.randbytes(8), asked)
        send(case, packet[:1] + version.to_bytes(4, 'big') + packet[5:])
    note = 'RFC 9001 5.5: what does not authenticate is discarded'
    for name, at in (('tag', -1), ('frames', 100), ('padding', 800), ('number', 18), ('dcid', 7)):
        case = suite.case(f'quic/bit-in-{name}', None, note, near='quic')
        packet = bytearray(protect(V1, case.rng.randbytes(8), asked))
        packet[at] ^= 1
        send(case, bytes(packet))
    case = suite.case('quic/truncated', None, 'RFC 9000 17.2: a length behind the end', near='quic')
    send(case, protect(V1, case.rng.randbytes(8), asked, room=1300)[:-1])
    for name, side in (('server', S), ('client', C)):
        case = suite.case(f'quic/from-server-keys-of-{name}', None,
                          'RFC 8446 4.1.2: the client says hello', near='quic')
        dcid = case.rng.randbytes(8)
        send(case, protect(V1, dcid, crypto(hello(PLAIN))))
        send(case, protect(V1, dcid, asked, side), side=S)


def add_frames(suite):
    message = hello(NAME)
    near, at = hello(NEAR[0]), message.index(NAME) + 6
    note = 'RFC 9000 19.6: bytes of a stream, in any order'

    def both(name, note, arrange, **settings):
        for kind, data, expect in (('hit', message, 'quic'), ('miss', near, None)):
            whole(suite, f'{name}-{kind}', expect, note, arrange(data), **settings)
    for size in (1, 7, 30):
        both(f'frames-{size}', note, lambda data, size=size: b''.join(
            crypto(data, start, start + size) for start, _ in cut(data, size)))
        both(f'frames-{size}-backwards', note, lambda data, size=size: b''.join(
            crypto(data, start, start + size) for start, _ in cut(data, size)[::-1]))
    both('overlap', 'RFC 9000 2.2: the same bytes again', lambda data: crypto(data, 20) +
         crypto(data, 0, at) + crypto(data), quic=V2)
    both('between', 'RFC 9000 12.4: what Initial packets hold', lambda data: bytes(9) + crypto(
        data, at) + PING * 3 + b'\2\5\0\1\0\0\0' + bytes(40) + crypto(data, 0, at) + PING, ip=6)
    both('ecn', 'RFC 9000 19.3.2', lambda data: b'\3\5\0\0\0\1\2\3' + crypto(data))
    both('empty', 'RFC 9000 19.6: a frame may be empty', lambda data: crypto(b'') + crypto(data))
    for size in (4, 8):
        both(f'long-numbers-{size}', 'RFC 9000 16: numbers may be long',
             lambda data, size=size: crypto(data, at, size=size) + crypto(data, 0, at, size))
    asked = crypto(message)
    missing = 'RFC 9000 2.2: a stream is read up to its first gap'
    whole(suite, 'hole', None, missing, crypto(message, 0, at) + crypto(message, at + 1))
    whole(suite, 'no-end', None, 'RFC 9000 19.6: a frame that ends behind its packet',
          asked[:2] + b'\x7f\xff' + asked[3:])
    stream = 'RFC 9000 12.4: no frame of Initial packets'
    whole(suite, 'stream', None, stream, b'\x0a\0' + varint(len(message)) + message)
    whole(suite, 'behind-other', None, stream, HANDSHAKE_DONE + asked)
    whole(suite, 'in-close', None, 'RFC 9000 19.19: a reason is text',
          b'\x1c\0\0' + varint(len(asked)) + asked)
    for number, name in enumerate(NEAR):
        whole(suite, f'near-{number}', None, 'RFC 6066 3', crypto(hello(name)))
    whole(suite, 'upper', 'quic', 'RFC 6066 3: names in any case', crypto(hello(NAME.upper())))
    whole(suite, 'other-kind', None, 'RFC 6066 3: host_name is 0', crypto(hello(NAME, kind=1)))
    named = message[message.index(NAME) - 5:]
    for kind in (16, 21, 51, 57):
        whole(suite, f'in-extension-{kind}', None, 'RFC 6066 3: server_name is 0', crypto(
            hello(PLAIN, extension(kind, extension(0, named)))))
    whole(suite, 'server-hello', None, 'RFC 8446 4.1.2', crypto(b'\2' + message[1:]))


def add_datagrams(suite):
    far, rfc = extension(21, bytes(1500)), 'RFC 9001 4: a hello may span packets'
    for name, quic, ip, order, front, behind in (
            ('name-first', V1, 4, 1, b'', far), ('name-last', V2, 4, 1, far, b''),
            ('name-first-swapped', V1, 6, -1, b'', far),
            ('name-last-swapped', V1, 4, -1, far, b'')):
        for kind, host, expect in (('hit', NAME, 'quic'), ('miss', NEAR[0], None)):
            case = suite.case(f'quic/two-{name}-{kind}', expect, rfc, near='quic')
            message, dcid = hello(host, front, behind=behind), case.rng.randbytes(8)
            for number, start in [(0, 0), (1, 1000)][::order]:
                send(case, protect(quic, dcid, crypto(message, start, start + 1000), number=number),
                     version=ip)
    message, asked = hello(NAME), crypto(hello(NAME))
    rfc = 'RFC 9000 12.2: several packets in a datagram'

    def joined(name, expect, note, *packets, ip=4, quic=V1):
        """Packets of one connection: keyword arguments, or bytes as they are."""
        case = suite.case(f'quic/{name}', expect, note, near='quic')
        dcid = case.rng.randbytes(8)
        send(case, *(packet if isinstance(packet, bytes) else protect(
            quic, **{'dcid': dcid, 'number': number, 'room': 500, **packet})
            for number, packet in enumerate(packets)), version=ip)
    at = message.index(NAME) + 6
    halves = [{'frames': crypto(message, at)}, {'frames': crypto(message, 0, at)}]
    ping, last = {'frames': PING}, {'frames': asked, 'room': MINIMUM}
    joined('joined', 'quic', rfc, *halves, {'frames': PING})
    joined('joined-6', 'quic', rfc, *halves[::-1], {'frames': PING}, ip=6, quic=V2)
    joined('joined-miss', None, rfc, {'frames': crypto(hello(NEAR[0]))}, ping, ping)
    for kind in (ZERO_RTT, HANDSHAKE):
        other = {'frames': PING, 'kind': kind, 'room': 300}
        for quic in (V1, V2):
            joined(f'before-type-{kind}-{quic:x}', 'quic', rfc, last, other, quic=quic)
            joined(f'behind-type-{kind}-{quic:x}', 'quic', rfc, other, last, quic=quic)
        joined(f'type-{kind}-miss', None, rfc, {'frames': crypto(hello(PLAIN))}, ping,
               {'frames': asked, 'kind': kind})
        joined(f'type-{kind}-plain', None, rfc, {'frames': crypto(hello(PLAIN))},
               protect(V1, bytes(8), asked, kind=kind)[:18] + message.ljust(1182))
    case = suite.case('quic/behind-broken', 'quic', 'RFC 9000 12.2: the others are read when one '
                      'does not open', near='quic')
    dcid = case.rng.randbytes(8)
    broken = protect(V1, dcid, PING, room=200)
    send(case, broken[:-1] + bytes([broken[-1] ^ 1]), protect(V1, dcid, asked, number=1))
    joined('other-id-joined', None, 'RFC 9000 12.2: packets with another ID are ignored',
           {'frames': PING, 'room': 200}, {**last, 'dcid': b'other ID'})
    joined('short-header', None, rfc, {'frames': crypto(hello(PLAIN)), 'room': MINIMUM},
           b'\x41' + bytes(8) + asked)
    joined('behind-packet', None, 'RFC 9000 12.2: bytes that are no packet',
           {'frames': crypto(hello(PLAIN)), 'room': MINIMUM}, bytes(9) + message)
    joined('plain', None, 'RFC 9001 5: all is encrypted', asked.ljust(MINIMUM))
    case = suite.case('quic/later', None, 'RFC 9000 17.3.1: later packets are no hellos',
                      near='quic')
    dcid = case.rng.randbytes(8)
    send(case, protect(V1, dcid, crypto(hello(PLAIN))))
    send(case, protect(V1, dcid, crypto(b'\2' + bytes(90)), S), side=S)
    send(case, protect(V1, dcid, asked, kind=HANDSHAKE))
    send(case, b'\x41' + dcid + asked.ljust(MINIMUM))
    case = suite.case('quic/other-port', 'quic', 'RFC 9000 5: any port', near='quic')
    send(case, protect(V1, case.rng.randbytes(8), asked), ports=(40000, 8443))


def add(suite):
    for part in (add_headers, add_keys, add_frames, add_datagrams):
        part(suite)
