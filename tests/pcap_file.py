# SPDX-License-Identifier: BSD-3-Clause
"""Classic pcap files of Ethernet frames, read and written whole, and the flows of their frames."""
import ipaddress
import os
import pathlib
import struct

LITTLE = (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
BIG = (b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d")
TAGS = (b"\x81\x00", b"\x88\xa8", b"\x91\x00")
PROTOCOLS = {6: "tcp", 17: "udp"}


class NotClassicPcap(Exception):
    """The file is of another kind, or its frames are."""


class Frame:
    def __init__(self, seconds, part, whole, data):
        self.seconds, self.part = seconds, part  # part: micro- or nanoseconds, as the file says
        self.whole = whole  # length on the wire
        self.data = data


def read(path):
    """The file's header and its frames."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in LITTLE else ">"
    if data[:4] not in LITTLE + BIG or struct.unpack_from(order + "I", data, 20)[0] != 1:
        raise NotClassicPcap(f"{path}: no classic pcap file of Ethernet frames")
    frames, at = [], 24
    while at + 16 <= len(data):
        seconds, part, length, whole = struct.unpack_from(order + "4I", data, at)
        frames.append(Frame(seconds, part, whole, bytearray(data[at + 16:at + 16 + length])))
        at += 16 + length
    return data[:24], frames


def write(path, header, frames):
    order = "<" if header[:4] in LITTLE else ">"
    with open(path, "wb") as file:
        file.write(header)
        for frame in frames:
            file.write(struct.pack(order + "4I", frame.seconds, frame.part, len(frame.data),
                                   frame.whole))
            file.write(frame.data)


def skype_captures():
    """Those of $WIRETAG_CAPTURES that hold Skype; None when it is not set."""
    folder = os.environ.get("WIRETAG_CAPTURES")
    if folder is None:
        return None
    return sorted(str(path) for path in pathlib.Path(folder, "skype").iterdir()
                  if path.suffix in (".cap", ".pcap"))


def key_of(proto, a, a_port, b, b_port):
    """A flow, whichever of its ends comes first."""
    ends = sorted([(a, int(a_port or 0)), (b, int(b_port or 0))])
    return (proto.lower(), *ends)


def flow_of(frame):
    """Key, sender's address and payload bytes of IPv4 TCP and UDP; None of anything else."""
    data, at = frame.data, 12
    while bytes(data[at:at + 2]) in TAGS:
        at += 4
    packet = data[at + 2:]
    if data[at:at + 2] != b"\x08\x00" or len(packet) < 20 or packet[9] not in PROTOCOLS:
        return None
    header = 4 * (packet[0] & 15)
    total, _, offset = struct.unpack_from(">HHH", packet, 2)
    if offset & 0x1fff or len(packet) < header + 8:
        return None
    source, destination = (str(ipaddress.IPv4Address(bytes(packet[i:i + 4]))) for i in (12, 16))
    ports = struct.unpack_from(">HH", packet, header)
    own = 8 if packet[9] == 17 or len(packet) < header + 13 else 4 * (packet[header + 12] >> 4)
    key = key_of(PROTOCOLS[packet[9]], source, ports[0], destination, ports[1])
    return key, source, max(total - header - own, 0)
