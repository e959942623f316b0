#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Calls, chats and file transfers between simulated Skype nodes, and a super node at work.

No public capture holds a call of that protocol: sizes and rates are the literature's, named where
they are used; see skype_nodes.py for whom the names stand.
"""

import collections

import skype_wire as wire
from simulated_network import START, View
from skype_nodes import SkypeNode

FRAME = 0.030  # seconds; Bonfiglio et al. 2007: iSAC, 30 or 60 ms, 16 to 50 datagrams/s each way


def voice(rng):
    """Network World 2005: 115 to 190 bytes."""
    return rng.randrange(115, 191)


def video(rng):
    """tstat: more than a tenth of the datagrams have 400 to 490 or 800 to 980 bytes."""
    kind = rng.random()
    return rng.randrange(400, 491) if kind < 0.25 else \
        rng.randrange(800, 981) if kind < 0.35 else voice(rng)


def held(rng):
    return rng.randrange(20, 40)


def bulk(_):
    return 1400


def trickle(rng):
    return rng.randrange(1100, 1300)


def small(rng):
    return rng.randrange(24, 60)


class Call:
    """A call, or a transfer alone, between two nodes, over relays or none."""

    def __init__(self, world, caller, callee, relays=()):
        self.world, self.network, self.rng = world, world.network, caller.rng
        self.caller, self.callee, self.relays = caller, callee, list(relays)
        there, back = self.relays[:1], self.relays[-1:]
        # Hops of each direction; two relays: one for each direction.
        self.routes = {True: self.hops([caller, *there, callee]),
                       False: self.hops([callee, *back, caller])}
        self.connections = {}  # (source, target) -> (connection, side)
        self.media = set()
        self.holds = []
        self.transports = ['udp']
        self.path = 'relayed' if relays else 'direct'
        self.bytes = collections.Counter()  # payload by both ends of a hop
        self.start = self.end = None
        self.is_over = False
        world.calls.append(self)

    @staticmethod
    def hops(nodes):
        return list(zip(nodes, nodes[1:]))

    def carry(self, direction, size, kind):
        for source, target in self.routes[direction]:
            self.bytes[frozenset((source, target))] += size
            connection, side = self.connections.get((source, target), (None, None))
            if connection is None:
                source.send(target, wire.media(self.rng, size), kind)
            else:
                connection.say(side, self.rng.randbytes(size),
                               acknowledged=self.rng.random() < 0.5)

    def stream(self, direction, seconds, interval, sizes, kind):
        end = self.network.now + seconds
        while self.network.now < end:
            self.carry(direction, sizes(self.rng), kind)
            yield interval * self.rng.uniform(0.9, 1.1)

    def exchange(self, seconds, sizes=voice, interval=FRAME, kind='voice', back=None,
                 back_interval=None):
        """Both ways for so long; no silence suppression (Baset & Schulzrinne 2004)."""
        self.media.add(kind)
        begin = self.network.now
        self.start = begin if self.start is None else self.start
        self.network.start(self.stream(True, seconds, interval, sizes, kind))
        self.network.start(self.stream(False, seconds, back_interval or interval, back or sizes,
                                       kind))
        yield seconds
        self.end = self.network.now

    def hold(self, seconds):
        """About three datagrams a second (Baset & Schulzrinne 2004)."""
        begin = self.network.now
        yield from self.exchange(seconds, held, 0.33, 'held')
        self.media.remove('held')
        self.holds.append([begin, self.network.now])

    def signal(self, connection, seconds):
        """One TCP segment for about a hundred datagrams (Network World 2005)."""
        for _ in range(int(seconds / 3)):
            yield 3.0
            if self.is_over:
                return
            connection.say(True, self.rng.randbytes(self.rng.randrange(12, 40)))

    def connect(self, source, target):
        """From now on media between these two go over TCP."""
        connection = yield from source.meet(target, 'media')
        self.connections[source, target] = (connection, True)
        self.connections[target, source] = (connection, False)
        if 'tcp' not in self.transports:
            self.transports.append('tcp')
        return connection

    def tick(self, connection):
        """In TCP calls, 4 bytes at whole seconds (Adami et al. 2009)."""
        while True:
            for pause in (1, 2, 1, 3):
                yield float(pause)
                if self.is_over:
                    return
                connection.say(True, self.rng.randbytes(4))

    def hang_up(self, connections):
        """Runs of 19 bytes less than 3 s apart end a TCP call (Adami et al. 2009)."""
        is_tcp, self.is_over = bool(self.connections), True
        for connection in connections:
            for _ in range(4 if is_tcp else 1):
                yield from connection.talk((True, self.rng.randbytes(19)),
                                           (False, self.rng.randbytes(19)))
                yield 0.5
            if connection is not self.caller.link:
                yield from connection.close()


def records(calls, view):
    """What is to be known of the calls on the link of a view, for each node on its inside."""
    found = []
    for call in calls:
        for node, role, peer in ((call.caller, 'caller', call.callee),
                                 (call.callee, 'callee', call.caller),
                                 *((relay, 'relay', None) for relay in call.relays)):
            if node not in view.inside:
                continue
            found.append({
                'ip': view.seen(node), 'role': role, 'path': call.path if peer else 'relaying',
                # Who is seen: the other party, or the relays; by a relay: both parties.
                'peers': sorted({view.seen(one) for one in (
                    (call.caller, call.callee) if peer is None else call.relays or [peer])}),
                'media': sorted(call.media), 'transports': call.transports,
                'start': round(START + call.start, 3), 'end': round(START + call.end, 3),
                'holds': [[round(START + time, 3) for time in hold] for hold in call.holds],
                'bytes': sum(count for ends, count in call.bytes.items() if node in ends)})
    return found


# Scenarios.

def after_start(world, process):
    def run():
        yield from world.start_of_2006(world.client)
        yield 5.0
        yield from process
    world.network.start(run())


def friend(world):
    return SkypeNode(world.network, '10.0.0.5', '192.0.2.99')


def place(call):
    """Signalling is over TCP (Baset & Schulzrinne 2004): to the peer, or to the own super node."""
    caller, callee = call.caller, call.callee
    if call.relays:
        connection = caller.link
        for relay in set(call.relays):
            yield from caller.ask(relay, 'ping', 'pong')
    else:
        yield from caller.ask(callee, 'ping', 'pong')
        connection = yield from caller.meet(callee, 'signalling')
    yield from connection.talk((True, call.rng.randbytes(300)), (False, call.rng.randbytes(120)))
    yield 4.0  # it rings
    call.network.start(call.signal(connection, 300))
    return connection


def simple(call, *phases):
    connection = yield from place(call)
    for phase in phases:
        yield from phase
    yield from call.hang_up([connection])


def direct_call(world):
    call = Call(world, world.client, friend(world))
    after_start(world, simple(call, call.exchange(40.0)))


def lan_call(world):
    """By private addresses (Villoing 2006); the view is the caller's own link."""
    neighbour = SkypeNode(world.network, '192.168.1.3')
    call = Call(world, world.client, neighbour)
    after_start(world, simple(call, call.exchange(40.0)))


def relayed_udp(world):
    """By the own super node."""
    call = Call(world, world.client, friend(world), [world.nodes[7]])
    after_start(world, simple(call, call.exchange(40.0)))


def relayed_stranger(world):
    """By a node of which nothing else is known: on the wire like a direct call to it."""
    call = Call(world, world.client, friend(world), [world.nodes[9]])
    after_start(world, simple(call, call.exchange(40.0)))


def relayed_split(world):
    """One relay for each direction; up to four relays are asked (Baset & Schulzrinne 2004)."""
    call = Call(world, world.client, friend(world), [world.nodes[8], world.nodes[9]])
    after_start(world, simple(call, call.exchange(40.0)))


def relayed_tcp(world):
    """UDP is blocked."""
    call = Call(world, world.client, friend(world), [world.nodes[0]])

    def process():
        yield from world.start_behind_firewall(world.client, None)
        yield 5.0
        call.transports = []
        first = yield from call.connect(world.client, world.nodes[0])
        yield from call.connect(call.callee, world.nodes[0])
        yield 4.0
        world.network.start(call.tick(first))
        yield from call.exchange(60.0)
        yield from call.hang_up([first])
    world.network.start(process())


def hold(world):
    call = Call(world, world.client, friend(world))
    after_start(world, simple(call, call.exchange(20.0), call.hold(15.0), call.exchange(20.0)))


def video_call(world):
    call = Call(world, world.client, friend(world))
    after_start(world, simple(call, call.exchange(15.0), call.exchange(30.0, video, 0.02, 'video')))


def chat(world):
    """Messages that are acknowledged; no call."""
    def process():
        client, peer = world.client, friend(world)
        connection = yield from client.meet(peer, 'chat')
        for turn in range(12):
            one, two = (client, peer) if turn % 3 else (peer, client)
            number = one.tell(two, client.rng.randbytes(client.rng.randrange(40, 200)), 'message')
            yield from two.acknowledged(one, number)
            yield client.rng.uniform(1.0, 6.0)
        yield from connection.close()
    after_start(world, process())


def skype_out(world):
    """To a gateway, UDP port 12340, about 20 ms apart; from some point on the first four bytes stay,
    all others are random (Bonfiglio et al. 2007). TCP as to a login server (Ehlert & Petgang 2006).
    """
    gateway = SkypeNode(world.network, '198.51.100.40', port=12340)
    call = Call(world, world.client, gateway)
    call.media.add('voice')
    call.path = 'phone'

    def one_way(source, target):
        identity = call.rng.randbytes(4)
        for index in range(2000):
            first = call.rng.randbytes(4) if index < 7 else identity
            data = first + call.rng.randbytes(call.rng.randrange(30, 60))
            call.bytes[frozenset((source, target))] += len(data)
            source.send(target, data, 'skype-out')
            yield 0.020

    def process():
        world.network.start(world.log_in(world.client, server=gateway, port=33033))
        yield 4.0
        call.start = world.network.now
        world.network.start(one_way(world.client, gateway))
        yield from one_way(gateway, world.client)
        call.end = world.network.now
    after_start(world, process())


def switch(world):
    """A file is sent during a call: UDP stops, everything goes on over TCP (Villoing 2006)."""
    call = Call(world, world.client, friend(world))

    def process():
        connection = yield from place(call)
        yield from call.exchange(25.0)
        yield 0.5
        media = yield from call.connect(call.caller, call.callee)
        world.network.start(call.exchange(20.0))
        yield from call.exchange(20.0, bulk, 1400 / 125000, 'file', small, 0.1)
        yield 0.2
        yield from call.hang_up([connection, media])
    after_start(world, process())


def transfer_direct(world):
    """About 1 Mbit/s (Villoing 2006)."""
    call = Call(world, world.client, friend(world))

    def process():
        connection = yield from place(call)
        call.transports = []
        media = yield from call.connect(call.caller, call.callee)
        yield from call.exchange(15.0, bulk, 1400 / 125000, 'file', small, 0.1)
        yield 0.2
        yield from call.hang_up([connection, media])
    after_start(world, process())


def transfer_relayed(world):
    """About 3 kbyte/s (Villoing 2006)."""
    call = Call(world, world.client, friend(world), [world.nodes[7]])
    after_start(world, simple(call, call.exchange(60.0, trickle, 0.4, 'file', small, 0.8)))


def super_node(world):
    """Serves 150 clients, relays two calls; seen on its own link and on a caller's."""
    network = world.network
    node = SkypeNode(network, '192.0.2.10')
    node.gateway = world.gateway
    clients = [SkypeNode(network, f'10.{i // 200}.{i % 200}.7', f'203.0.113.{1 + i}')
               for i in range(150)]
    calls = [Call(world, *pair, [node]) for pair in (clients[:2], clients[2:4])]

    def served(client, number):
        if number % 8 == 7:
            yield from client.probe(node, 'refuse')
            return
        yield from client.probe(node, 'accept', not_decoded=number % 5 == 0)
        yield from client.join(node)
        for _ in range(3):
            yield client.rng.uniform(20.0, 60.0)
            yield from client.ask(node, 'ping', 'pong')

    def relayed(call):
        yield from simple(call, call.exchange(40.0))

    network.start(world.start_of_2006(node))
    for number, client in enumerate(clients):
        network.start(served(client, number), 20.0 + network.rng.uniform(0.0, 1.0 if number < 4
                                                                        else 200.0))
    for call, time in zip(calls, (90.0, 110.0)):
        network.start(relayed(call), time)
    return {'super-node': View(network, [node]), 'super-node-client': View(network, clients[:1])}


CALLS = {
    'direct-call': direct_call, 'lan-call': lan_call, 'relayed-udp': relayed_udp,
    'relayed-stranger': relayed_stranger, 'relayed-split': relayed_split,
    'relayed-tcp': relayed_tcp, 'hold': hold, 'video-call': video_call, 'chat': chat,
    'skype-out': skype_out, 'switch': switch, 'transfer-direct': transfer_direct,
    'transfer-relayed': transfer_relayed, 'super-node': super_node,
}
