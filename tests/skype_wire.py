#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What Skype's messages look like on the wire (2003 to 2017), for scripts that make captures.

Only what is public: the places of clear fields, the texts whose CRC is sent in clear, the key stream
that is used twice, constant handshakes. What Skype encrypts is random here. Each function takes the
random numbers' source; "seen" gives frames of the public capture SkypeIRC.cap of 25 August 2006.
"""

import struct
import zlib

# The fake TLS hello to port 443 and its answer; seen in captures of 2015 (Ehlert & Petgang 2006 and
# Adami 2009 describe the former).
FAKE_HELLO = bytes.fromhex(
    '8046010301002d00000010000005000004 00000a000009000064000062000008000003000006'
    '0100800700c00300800600400200800400 80')
FAKE_ANSWER = bytes.fromhex(
    '160301004a02000046030140 1be48602ade029e17774e544b9c99cb431315e02dd779d154a9609ba5da870201c'
    'a0e4f64c6351ae2f8e4ee1e6766a0a88d5d8c55cae98c5e481f22a69bf90580005 00')

# Requests and answers whose text is fixed but for the number: command, rest, by name.
REQUESTS = {
    'probe': ('04da01', '4215'),  # command 0x1b, seen 176
    'ping': ('049a02', '4215'),  # 0x23, seen 307
    'nodes': ('08e202', '42b3799396a0'),  # 0x2c
}
ANSWERS = {
    'accept': ('04e301', '4215'),  # 0x1c
    'pong': ('0ca302', '42fcdf1c73f58056968c'),  # 0x24
    'status': ('057b', '423c25'),  # 0x0f
}

RESEND, ACK, NAK, MEDIA, FRAGMENT = 3, 5, 7, 13, 15


def crc(plain):
    """CRC-32 of the plaintext, without the final inversion, as it is sent in clear."""
    return struct.pack('>I', zlib.crc32(plain) ^ 0xffffffff)


assert crc(bytes.fromhex('04da0115e74215')) == bytes.fromhex('7ce1ba8f')  # seen 176
assert crc(bytes.fromhex('04da017f4d4215')) == bytes.fromhex('fc95755e')  # Biondi & Desclaux 2006


def address_bytes(address):
    return bytes(int(part) for part in address.split('.'))


def template(command, request, rest='4215'):
    """The text of a request, or of the answer to it: it holds the request's number less one."""
    return bytes.fromhex(command) + struct.pack('>H', (request - 1) & 0xffff) + bytes.fromhex(rest)


def refusal(rng, request):
    """51 bytes on the wire that also list other nodes (0x1d)."""
    return template('25eb01', request, '42') + rng.randbytes(34)


def payload(rng, number, plain):
    return struct.pack('>HB', number, 2) + rng.randbytes(4) + crc(plain) + \
        rng.randbytes(len(plain))


def kind_byte(rng, kind):
    """Three bits are random (Biondi & Desclaux 2006: the type is the byte and 0x8f)."""
    return kind | rng.randrange(8) << 4


def acknowledgement(kind, number, address, nonce):
    """ACK or NAK (the byte `kind`): as whom the sender sees the receiver, and a nonce."""
    return struct.pack('>HB', number, kind) + address_bytes(address) + nonce


def resend(rng, number, nonce, destination, plain):
    return struct.pack('>HBB', number, 3, 1) + nonce + address_bytes(destination) + \
        crc(plain) + rng.randbytes(len(plain))


def fragments(rng, numbers, request, size=1340):
    """A long answer in pieces, one for each number: chains of 9 were seen, 1290 to 1350 bytes."""
    for index, number in enumerate(numbers):
        last = 0x80 if index == len(numbers) - 1 else 0
        yield struct.pack('>HBHBB', number, kind_byte(rng, FRAGMENT), request, index | last, 2) + \
            rng.randbytes(size - 7 - rng.randrange(50))


def media(rng, size):
    """Voice, video, files: type 0x0d, never seen in a public capture (Bonfiglio 2007, tstat)."""
    return rng.randbytes(2) + bytes([kind_byte(rng, MEDIA)]) + rng.randbytes(size - 3)


def padding(rng, count):
    """Skype's padding generator."""
    x, out = rng.randrange(256), bytearray()
    for _ in range(count):
        x = (205 * x + 113) & 0xff
        out.append(x)
    return bytes(out)


def keyed(rng, header, texts):
    """A TCP stream's start: clear seed, header, then texts with the key stream begun anew."""
    stream = rng.randbytes(512)
    out = [rng.randbytes(4) + bytes(a ^ b for a, b in zip(header, stream))]
    at = 0
    for plain in texts:
        out.append(bytes(a ^ b for a, b in zip(plain, stream[at:])))
        at += len(plain)
    return out


def client_hello(rng, number):
    """Client 1.2: header that ends in 01, then "client accept", 25 bytes; seen 273, 276."""
    accept = b'\x30' + struct.pack('>H', number) + bytes.fromhex('13f201') + \
        struct.pack('>H', (number - 1) & 0xffff) + b'\x42' + rng.randbytes(16)
    return keyed(rng, bytes.fromhex('00010000000100000001'), [accept])


def node_hello(rng):
    """Peers of 2006: random first word, header that ends in 03, one block of padding; seen 274."""
    header = bytes([rng.randrange(2) | 0x80, rng.randrange(256)]) + \
        bytes.fromhex('0000000100000003')
    return b''.join(keyed(rng, header, [bytes([2 * 40 + 1, 3]) + padding(rng, 39)]))


def late_hello(rng):
    """Since about 2010: header that ends in 0f, a block of padding of any length; seen in 2015."""
    header = bytes([rng.choice((0x04, 0x05, 0x84, 0x85)), rng.randrange(256)]) + \
        bytes.fromhex('000000010000000f')
    blocks = rng.randrange(15, 59)
    return b''.join(keyed(rng, header, [bytes([2 * blocks + 1, 3]) + padding(rng, blocks - 1)]))


def key_exchange(rng, padded):
    """Since about 2010: 48 bytes, then 3 to 63 bytes of padding in clear."""
    return rng.randbytes(48) + padding(rng, padded)


def fake_hello(rng):
    return FAKE_HELLO + padding(rng, 16)


def login(rng):
    """2006: client, server, client, server; two empty records, the second of a type that TLS has not
    at that point (Ehlert & Petgang 2006; seen 297, 314, 316, 361)."""
    third = bytes.fromhex('160301 00cd 4103000980400408c001') + rng.randbytes(192)
    third += bytes.fromhex('000c0117030100') + rng.randbytes(237)
    return [bytes.fromhex('1603010000'), bytes.fromhex('1703010000'), third,
            bytes.fromhex('17030100') + rng.randbytes(228)]


def late_login(rng):
    """2015: the client says its greeting again; the first record ends in padding; seen in 2015."""
    text = bytes.fromhex('42cdefe740d72f1dcb18') + rng.randbytes(180) + padding(rng, 12)
    third = b'\x16\x03\x01' + struct.pack('>H', len(text)) + text
    third += b'\x17\x03\x01' + struct.pack('>H', 96) + rng.randbytes(96)
    return [bytes.fromhex('1603010000'), bytes.fromhex('1703010000'), bytes.fromhex('1603010000'),
            third, bytes.fromhex('17030100') + rng.randbytes(180)]


def version_check(rng, page='getlatestversion'):
    """The request (absolute form, two headers in lower case) and its answer; seen 406, 408."""
    uhash = rng.randbytes(16).hex()
    query = '' if page == 'installed' else f'?ver=1.2.0.18&uhash={uhash}'
    request = (f'GET http://ui.skype.com/ui/2/1.2.0.18/en/{page}{query}'
               ' HTTP/1.1\r\nconnection: Keep-Alive\r\nhost: ui.skype.com\r\n\r\n').encode()
    response = (b'HTTP/1.1 200 OK\r\nServer: Apache\r\nCache-control: no-cache, must revalidate\r\n'
                b'Set-Cookie: SC=CC=:LC=en:VER=2/1.2.0.18/0; path=/; domain=.skype.com;\r\n'
                b'Content-Length: 7\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n1.0.0.1')
    return request, response


def port_mapping(port):
    """NAT-PMP (RFC 6886 3.3): map this UDP port for an hour; seen in 2015."""
    return struct.pack('>BBHHHI', 0, 1, 0, port, port, 3600)
