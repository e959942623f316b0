#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Skype's nodes of 2006 and 2015 in a simulated network: what they send when they start.

What comes from public captures (SkypeIRC.cap of 25 August 2006, and one of 2015) is said to be
"seen"; the rest is literature: Baset & Schulzrinne 2004, Ehlert & Petgang 2006, Biondi & Desclaux
2006, Bonfiglio et al. 2007, Rossi et al. 2008, tstat, and Villoing 2006, a talk on Skype's traffic.
"""

import collections
import itertools

import skype_wire as wire
from simulated_network import Connection, Network, Node, View, resolve

# What a datagram is: its own number, the number it answers, its plaintext where it has a fixed one.
Mark = collections.namedtuple('Mark', 'kind number about plain')


class SkypeNode(Node):
    """Anything that speaks Skype on one port, UDP and TCP: client, peer, super node."""

    def __init__(self, network, address, public=None, port=None):
        super().__init__(network, address, public)
        self.port = port or self.rng.randrange(2000, 65000)
        self.number = self.rng.randrange(0x1000, 0xe000)  # one counter for all destinations
        self.link = None  # to its super node

    @property
    def end(self):
        return self, self.port

    def take(self, step=2):
        number = self.number
        self.number = (number + step) & 0xffff
        return number

    def send(self, peer, payload, kind, number=0, about=None, plain=None):
        self.network.datagram(self.end, peer.end, payload, 'skype-p2p-udp',
                              'datagrams of the Skype port', Mark(kind, number, about, plain))

    # Datagrams.

    def tell(self, peer, plain, kind, about=None, step=2):
        number = self.take(step)
        self.send(peer, wire.payload(self.rng, number, plain), kind, number, about, plain)
        return number

    def request(self, peer, name):
        command, rest = wire.REQUESTS[name]
        return self.tell(peer, wire.template(command, self.number, rest), name)

    def answer(self, peer, name, request):
        if name == 'refuse':
            plain = wire.refusal(self.rng, request)
        else:
            command, rest = wire.ANSWERS[name]
            plain = wire.template(command, request, rest)
        self.tell(peer, plain, name, request)

    def acknowledge(self, peer, number, kind=wire.ACK):
        nonce = self.rng.randbytes(4)
        self.send(peer, wire.acknowledgement(wire.kind_byte(self.rng, kind), number, peer.public,
                                             nonce),
                  'nak' if kind == wire.NAK else 'ack', number, number)
        return nonce

    def ask(self, peer, name, answer):
        number = self.request(peer, name)
        yield peer.delay
        peer.answer(self, answer, number)

    def probe(self, peer, answer, not_decoded=False):
        """Not decoded: asked under source 0.0.0.0 since the public address is not known yet."""
        number = self.request(peer, 'probe')
        if not_decoded:
            yield peer.delay
            nonce = peer.acknowledge(self, number, wire.NAK)
            yield 0.0002
            command, rest = wire.REQUESTS['probe']
            plain = wire.template(command, number, rest)
            self.send(peer, wire.resend(self.rng, number, nonce, peer.public, plain), 'resend',
                      number, number, plain)
        yield peer.delay
        peer.answer(self, answer, number)

    def repeat(self, peer):
        """Nobody answers: the same number and text again, under new keys, after 2 and 4 s (seen)."""
        plain = self.rng.randbytes(20)
        number = self.tell(peer, plain, 'message')
        for pause in (self.rng.uniform(2.03, 2.08), self.rng.uniform(4.0, 4.04)):
            yield pause
            self.send(peer, wire.payload(self.rng, number, plain), 'repeated', number, None, plain)

    def broadcast(self, peers):
        """346 bytes to known nodes at once, which only acknowledge (seen)."""
        plain = self.rng.randbytes(335)
        for peer in peers:
            number = self.tell(peer, plain, 'broadcast', step=1)
            self.network.start(self.acknowledged(peer, number))
            yield 0.0003

    def acknowledged(self, peer, number):
        yield peer.delay
        peer.acknowledge(self, number)

    def fetch_nodes(self, peer):
        """A list of nodes: one datagram of about 670 bytes; from some peers nine fragments (seen)."""
        number = self.request(peer, 'nodes')
        yield peer.delay
        peer.tell(self, self.rng.randbytes(650), 'message', number)
        yield 0.2
        number = self.tell(peer, self.rng.randbytes(30), 'message')
        yield peer.delay
        numbers = [peer.take(1) for _ in range(9)]
        for own, fragment in zip(numbers, wire.fragments(self.rng, numbers, number)):
            peer.send(self, fragment, 'fragment', own, number)
            yield 0.001

    def keep_alive(self, peer, seconds):
        """Three bytes every 20 s (Rossi et al. 2008; of at most 4 bytes: tstat)."""
        for _ in range(int(seconds / 20)):
            yield 20.0
            self.send(peer, wire.media(self.rng, 3), 'keep-alive')
            yield peer.delay
            peer.send(self, wire.media(self.rng, 3), 'keep-alive')

    # TCP.

    def connect(self, peer, reason='peer', port=None):
        return Connection((self, self.next_port()), (peer, port or peer.port), 'skype-p2p-tcp',
                          reason)

    def join(self, node, reason='super node'):
        """Client 1.2 greets a node (seen 267 to 294)."""
        connection = self.link = self.connect(node, reason)
        yield from connection.open()
        hello, accept = wire.client_hello(self.rng, self.take())
        yield from connection.talk(
            (True, hello), (False, wire.node_hello(self.rng), 'key-stream'),
            (True, accept, 'key-stream-unpadded'), (False, self.rng.randbytes(587)),
            (True, self.rng.randbytes(16)))

    def join_late(self, node, paddings):
        """Clients since about 2010: a key exchange in the first message, with 3 to 63 bytes of
        padding (seen in 2015), of which at least 5 prove something."""
        connection = self.link = self.connect(node, 'super node')
        yield from connection.open()
        for side, padded in zip((True, False), paddings):
            marks = ['key-exchange'] if padded >= 5 else []
            yield from connection.talk((side, wire.key_exchange(self.rng, padded), *marks))
        yield from connection.talk((True, self.rng.randbytes(8)), (False, self.rng.randbytes(40)),
                                   (True, self.rng.randbytes(300)))

    def join_as_web(self, node):
        """To port 443 behind a fake TLS hello (seen in 2015; Ehlert & Petgang 2006)."""
        connection = self.link = self.connect(node, 'super node', 443)
        yield from connection.open()
        yield from connection.talk(
            (True, wire.fake_hello(self.rng), 'fake-hello'), (False, wire.FAKE_ANSWER, 'fake-answer'),
            (True, wire.late_hello(self.rng), 'key-stream'),
            (False, wire.late_hello(self.rng), 'key-stream'), (True, self.rng.randbytes(120)))

    def meet(self, peer, reason='peer'):
        """Peers of 2006 greet each other; gives the connection."""
        connection = self.connect(peer, reason)
        yield from connection.open()
        yield from connection.talk((True, wire.node_hello(self.rng), 'key-stream'),
                                   (False, wire.node_hello(self.rng), 'key-stream'),
                                   (True, self.rng.randbytes(140)))
        return connection

    def connect_back(self, client):
        """For a node, tests whether the client's port can be reached: UDP, then TCP (seen 773 ff.)."""
        number = self.tell(client, self.rng.randbytes(8), 'message')
        yield 0.001
        client.acknowledge(self, number)
        yield 0.13
        connection = yield from self.meet(client, 'connects back')
        yield 0.8
        yield from connection.close()


class World:
    """Servers, super nodes and ordinary peers, and a client behind a NAT."""

    def __init__(self, seed):
        self.network = Network(seed)
        self.login = Node(self.network, '198.51.100.33')
        self.event = Node(self.network, '198.51.100.34')
        self.web = Node(self.network, '198.51.100.31')
        self.nodes = [SkypeNode(self.network, f'198.51.100.{101 + 9 * i}') for i in range(10)]
        self.late_nodes = [SkypeNode(self.network, f'203.0.113.{10 + i}', port=40001 + i % 35)
                           for i in range(60)]
        self.calls = []
        self.client = self.behind_nat('192.168.1.2', '192.0.2.77')
        self.gateway = self.client.gateway

    def behind_nat(self, address, public):
        client = SkypeNode(self.network, address, public)
        client.gateway = Node(self.network, '192.168.1.1')
        return client

    def visit(self, client, server, port, messages, label, reason, marks):
        """Messages go either way in turn; closed after 30 s of silence (seen)."""
        connection = Connection((client, client.next_port()), (server, port), label, reason)
        yield from connection.open()
        for side, message in zip(itertools.cycle((True, False)), messages):
            yield from connection.talk((side, message))
        for side in (True, False):
            connection.marks[side].update(marks[side])
        yield 1.0 if label == 'skype-http' else 30.0
        yield from connection.close()

    def check_version(self, client, page):
        yield from resolve(client, 'ui.skype.com', self.web.address)
        yield 0.01
        yield from self.visit(client, self.web, 80, wire.version_check(client.rng, page),
                              'skype-http', page, {True: [], False: []})

    def log_in(self, client, is_late=False, server=None, port=33033):
        messages = (wire.late_login if is_late else wire.login)(client.rng)
        if is_late:  # the client says two things in a row
            messages = messages[:2] + [messages[2] + messages[3], messages[4]]
        yield from self.visit(client, server or self.login, port, messages, 'skype-login',
                              'login or event server',
                              {True: ['greeting', 'login-request'], False: ['login-answer']})

    def start_of_2006(self, client, is_first=False):
        """As seen twice in SkypeIRC.cap. Ends when the client is connected and logged in."""
        network, nodes = self.network, self.nodes
        # Baset & Schulzrinne 2004: the first start after installation says so, in addition.
        if is_first:
            network.start(self.check_version(client, 'installed'), 14.0)
        network.start(self.check_version(client, 'getlatestversion'), 15.0 if is_first else 3.1)
        client.request(nodes[0], 'probe')
        yield 1.08
        for node in nodes[1:5]:
            client.request(node, 'probe')
            yield 0.00005
        yield 1.0
        yield from client.probe(nodes[5], 'refuse', not_decoded=True)
        yield 0.0004
        yield from client.probe(nodes[6], 'refuse')
        yield 0.0004
        yield from client.probe(nodes[7], 'accept')
        yield 0.0004
        yield from client.join(nodes[7])
        network.start(self.log_in(client), 0.5)
        network.start(self.log_in(client, server=self.event, port=12350), 16.0)
        yield 1.2
        yield from self.learn_network(client)

    def learn_network(self, client):
        """Nodes, how far they are, whether one's own port can be reached (seen 295 ff., 773 ff.)."""
        nodes = self.nodes
        yield from client.fetch_nodes(nodes[8])
        for node in nodes[8], nodes[9], nodes[8], nodes[9]:
            yield from client.ask(node, 'ping', 'pong')
        number = client.tell(nodes[9], client.rng.randbytes(30), 'message')
        yield nodes[9].delay
        nodes[9].answer(client, 'status', number)
        yield from client.broadcast(nodes)
        self.network.start(client.repeat(nodes[0]))
        stranger = SkypeNode(self.network, '198.51.100.222')
        yield from stranger.connect_back(client)

    def start_of_2015(self, client):
        """As seen in 2015: nothing answers UDP but pings; Microsoft's nodes answer TCP."""
        network, nodes, rng = self.network, self.late_nodes, client.rng
        for name in ('api.skype.com', 'dsn4.d.skype.net', '335.0.7.7.3.rst1.r.skype.net'):
            yield from resolve(client, name, '198.51.100.36')
        router = (client, client.next_port()), (client.gateway, 5351)
        network.datagram(*router, wire.port_mapping(client.port), 'skype-other', 'NAT-PMP')
        client.tell(nodes[0], rng.randbytes(rng.randrange(11, 27)), 'late-probe')
        for turn in range(10):
            yield 1.01
            for node in nodes[5 * turn + 1:5 * turn + 6]:
                client.tell(node, rng.randbytes(rng.randrange(11, 27)), 'late-probe')
            if turn == 4:
                for node, paddings in zip(nodes, (None, (4, 5), (rng.randrange(6, 64), 63))):
                    network.start(self.reach_late(client, node, paddings))
        network.start(self.log_in(client, is_late=True))
        for node in nodes[50:53]:
            for _ in range(5):  # unanswered pings, each with a number of its own
                client.request(node, 'ping')
                yield 0.3

    def reach_late(self, client, node, paddings):
        """Without paddings: 1.6 s after a SYN in vain, port 443 of the same node (44 of 44 seen)."""
        if paddings is None:
            self.network.start(client.connect(node, 'super node').open_in_vain())
            yield 1.607
            yield from client.join_as_web(node)
        else:
            yield from client.join_late(node, paddings)

    def start_behind_firewall(self, client, last_port):
        """UDP, then TCP to the same port, then 80, then 443 (Baset & Schulzrinne 2004; Villoing)."""
        network, node = self.network, self.nodes[0]
        for peer in self.nodes[:5]:
            client.request(peer, 'probe')
        yield 5.1
        if last_port is None:  # only UDP is blocked
            yield from client.join(node)
        else:
            network.start(client.connect(node).open_in_vain())
            yield 6.0
        if last_port == 80:
            yield from self.join_port_80(client, node)
        if last_port == 443:
            network.start(client.connect(node, port=80).open_in_vain(refused=True))
            yield 6.0
            yield from client.join_as_web(node)
        network.start(self.log_in(client, port=443 if last_port == 443 else 33033))

    @staticmethod
    def join_port_80(client, node):
        """No HTTP: the stream of all other ports (Ehlert & Petgang 2006)."""
        connection = client.link = client.connect(node, 'super node', 80)
        yield from connection.open()
        yield from connection.talk((True, wire.node_hello(client.rng), 'key-stream'),
                                   (False, wire.node_hello(client.rng), 'key-stream'))

    def view(self):
        return View(self.network, [self.client])


# Scenarios: each fills a world, of which the client's link is what is looked at.

def first_start(world):
    world.network.start(world.start_of_2006(world.client, is_first=True))


def later_start(world):
    world.network.start(world.start_of_2006(world.client))


def start_2015(world):
    world.network.start(world.start_of_2015(world.client))


def udp_blocked(world):
    world.network.start(world.start_behind_firewall(world.client, None))


def udp_blocked_80(world):
    world.network.start(world.start_behind_firewall(world.client, 80))


def udp_blocked_443(world):
    world.network.start(world.start_behind_firewall(world.client, 443))


def idle(world):
    """Four minutes: a keep-alive every 20 s, a refresh of the node every 60 s (Baset & Schulzrinne)."""
    def process():
        client, node = world.client, world.nodes[9]
        yield from world.start_of_2006(client)
        world.network.start(client.keep_alive(node, 200.0))
        for _ in range(4):
            yield 60.0
            yield from client.link.talk((True, client.rng.randbytes(14)),
                                        (False, client.rng.randbytes(12)))
        yield from client.link.close()
    world.network.start(process())


STARTS = {
    'first-start': first_start, 'later-start': later_start, 'start-2015': start_2015,
    'udp-blocked': udp_blocked, 'udp-blocked-80': udp_blocked_80,
    'udp-blocked-443': udp_blocked_443, 'idle': idle,
}
