#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""lib/host/call.h on what crosses a View: counts per second and flow in, calls out."""

import collections
import ctypes
import socket

from simulated_network import START, UDP

CLIENT, NODE, GATEWAY = range(3)
PATHS = ('direct', 'relayed', 'relaying', 'phone')
MEDIA = {1: 'voice', 2: 'video', 4: 'file'}
TRANSPORTS = {1: 'udp', 2: 'tcp'}
GATEWAY_PORT = 12340


class Counts(ctypes.Structure):
    """struct call_counts"""
    _fields_ = [(name, ctypes.c_uint32) for name in ('media', 'video', 'others', 'bytes')]


class Second(ctypes.Structure):
    """struct call_second"""
    _fields_ = [('second', ctypes.c_uint64), ('flow_id', ctypes.c_uint64),
                ('peer', ctypes.c_uint8 * 16), ('peer_kind', ctypes.c_uint8),
                ('is_tcp', ctypes.c_bool), ('counts', Counts * 2)]


class Call(ctypes.Structure):
    """struct call"""
    _fields_ = [('start_s', ctypes.c_uint64), ('end_s', ctypes.c_uint64),
                ('hold_s', ctypes.c_uint64), ('bytes', ctypes.c_uint64 * 2),
                ('flow_id', ctypes.c_uint64), ('path', ctypes.c_uint8), ('media', ctypes.c_uint8),
                ('transports', ctypes.c_uint8), ('peer_count', ctypes.c_uint8),
                ('peers', ctypes.c_uint8 * 16 * 2)]

    def record(self):
        peers = {socket.inet_ntoa(bytes(peer)[12:]) for peer in self.peers[:self.peer_count]}
        return {'path': PATHS[self.path], 'peers': sorted(peers),
                'media': [name for bit, name in MEDIA.items() if self.media & bit],
                'transports': [name for bit, name in TRANSPORTS.items() if self.transports & bit],
                'start': self.start_s, 'end': self.end_s, 'hold': self.hold_s,
                'bytes': sum(self.bytes)}


def known_nodes(view):
    """Whoever accepted a client, or was greeted as a node."""
    nodes = {packet.source for packet in view.packets()
             if packet.mark is not None and packet.mark.kind == 'accept'}
    for connection in view.network.connections:
        if connection.marks[True] & {'key-stream-unpadded', 'fake-hello'}:
            nodes.add(connection.ends[False][0])
    return nodes


def is_media(packet, is_gateway):
    if packet.protocol != UDP:
        return len(packet.payload) > 19
    return is_gateway or (len(packet.payload) > 4 and packet.payload[2] & 0x8f == 0x0d)


def seconds(view):
    """What a worker would tell of the flows that are Skype's, by time."""
    nodes, found = known_nodes(view), {}
    flows = collections.defaultdict(lambda: len(flows) + 1)
    for packet in view.packets():
        ends = frozenset(((packet.source, packet.sport), (packet.target, packet.dport)))
        label, _ = view.network.labels[packet.protocol, ends]
        if label not in ('skype-p2p-udp', 'skype-p2p-tcp', 'skype-login'):
            continue
        received = packet.source not in view.inside
        peer, port = (packet.source, packet.sport) if received else (packet.target, packet.dport)
        is_gateway = packet.protocol == UDP and port == GATEWAY_PORT
        time = START + int(packet.time)
        second = found.setdefault((time, packet.protocol, ends), Second(
            time, flows[packet.protocol, ends], (ctypes.c_uint8 * 16)(
                *bytes(10), 0xff, 0xff, *socket.inet_aton(view.seen(peer))),
            GATEWAY if is_gateway else NODE if peer in nodes else CLIENT, packet.protocol != UDP))
        size, counts = len(packet.payload), second.counts[received]
        if is_media(packet, is_gateway):
            counts.media += 1
            counts.bytes += size
            counts.video += 400 <= size <= 490 or 800 <= size <= 980
        elif packet.protocol == UDP:
            counts.others += 1
    return sorted(found.values(), key=lambda second: second.second)


def watch(library, view):
    """The calls that are found, as dictionaries like those of skype_calls.records()."""
    library.call_watch_take.restype = ctypes.c_bool
    state, call, calls = ctypes.create_string_buffer(8192), Call(), []  # more than sizeof

    def take(now):
        while library.call_watch_take(state, ctypes.c_uint64(now), ctypes.byref(call)):
            calls.append(call.record())

    last = 0
    for second in seconds(view):
        take(second.second)
        library.call_watch_add(state, ctypes.byref(second))
        last = second.second
    take(last + 60)
    return sorted(calls, key=lambda one: one['start'])
