# SPDX-License-Identifier: GPL-2.0-or-later
"""Real traffic through the router: TCP and UDP by ordinary sockets, ICMP by ping, others raw."""
import contextlib
import socket
import typing

import packets

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM


class Dial(typing.NamedTuple):
    """Somebody calls an address, and somebody answers, where the router's rules send it."""
    name: str
    protocol: socket.SocketKind
    caller: str
    source_port: int
    called: tuple
    answerer: str
    answers_at: tuple


DIALS = (
    Dial("tcp snat", TCP, "client", 40000, ("19.1.16.7", 443), "server", ("19.1.16.7", 443)),
    # The public address's port 40000 is taken for this remote end, so another is found.
    Dial("tcp snat, port rewritten", TCP, "client2", 40000, ("19.1.16.7", 443), "server",
         ("19.1.16.7", 443)),
    Dial("tcp dnat", TCP, "server", 40001, ("1.2.3.4", 8443), "client", ("192.168.1.129", 443)),
    Dial("tcp both", TCP, "client2", 40002, ("1.2.3.4", 8443), "client", ("192.168.1.129", 443)),
    Dial("tcp none", TCP, "client", 40003, ("19.1.16.8", 443), "server", ("19.1.16.8", 443)),
    Dial("tcp mark", TCP, "client", 40004, ("19.1.16.7", 7777), "server", ("19.1.16.7", 7777)),
    Dial("tcp helper", TCP, "client", 40005, ("19.1.16.7", 21), "server", ("19.1.16.7", 21)),
    Dial("tcp label", TCP, "client", 40006, ("19.1.16.7", 7779), "server", ("19.1.16.7", 7779)),
    Dial("udp snat", UDP, "client", 41000, ("19.1.16.7", 53), "server", ("19.1.16.7", 53)),
    Dial("udp dnat", UDP, "server", 41001, ("1.2.3.4", 5353), "client", ("192.168.1.129", 53)),
    Dial("udp none", UDP, "client", 41002, ("19.1.16.8", 53), "server", ("19.1.16.8", 53)),
    Dial("udp zone", UDP, "client", 41003, ("19.1.16.7", 9999), "server", ("19.1.16.7", 9999)),
    Dial("tcp6 none", TCP, "client", 42000, ("2001:db8:2::9", 443), "server",
         ("2001:db8:2::9", 443)),
    Dial("tcp6 snat", TCP, "client", 42001, ("2001:db8:2::9", 8066), "server",
         ("2001:db8:2::9", 8066)),
    Dial("tcp6 dnat", TCP, "server", 42002, ("2001:db8:2::4", 8443), "client",
         ("fd00:1::81", 443)),
    Dial("udp6 none", UDP, "client", 42003, ("2001:db8:2::9", 53), "server",
         ("2001:db8:2::9", 53)),
)


class Calls:
    """Open connections, by name; of UDP the two sockets that have spoken. Closed on leaving."""

    def __init__(self, lab):
        self.lab = lab
        self._open = {}
        self._ends = {}  # of TCP, the caller's and the answerer's

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in list(self._open):
            self.close(name)

    def close(self, name):
        self._open.pop(name).close()

    def open(self, dial):
        with contextlib.ExitStack() as ends:
            listener = self._socket(ends, dial.answerer, dial, dial.answers_at)
            if dial.protocol == TCP:
                listener.listen()
            caller = self._socket(ends, dial.caller, dial, ("", dial.source_port))
            caller.connect(dial.called)
            caller.send(b"who am I?")
            if dial.protocol == TCP:
                answerer, _ = listener.accept()
                ends.enter_context(answerer)
                listener.close()  # others are answered at this address too
                answerer.recv(100)
                answerer.send(b"you know")
                self._ends[dial.name] = caller, answerer
            else:
                _, seen = listener.recvfrom(100)
                listener.sendto(b"you know", seen)
            assert caller.recv(100) == b"you know"
            self._open[dial.name] = ends.pop_all()

    def speak(self, dial):
        """The caller says something more, and the answerer hears it."""
        caller, answerer = self._ends[dial.name]
        caller.send(b"still there?")
        assert answerer.recv(100) == b"still there?"

    def _socket(self, ends, host, dial, address):
        family = socket.AF_INET6 if ":" in dial.called[0] else socket.AF_INET
        with self.lab.inside(host):
            end = ends.enter_context(socket.socket(family, dial.protocol))
        end.settimeout(10)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.bind(address)
        return end

    def open_everything(self):
        """Every kind of flow that the rules know."""
        for dial in DIALS:
            self.open(dial)
        for host in ("client", "client2"):
            ping(self.lab, host, "19.1.16.7")
            ping(self.lab, host, "2001:db8:2::9")
        send_raw(self.lab)


def ping(lab, host, target):
    lab.call(host, "ping", "-c", "1", "-W", "5", target)


def send_raw(lab):
    """Packets that make entries of protocols without ordinary sockets; nobody answers."""
    for target in ("19.1.16.7", "2001:db8:2::9"):
        packets.send(lab, "client", target, packets.SCTP, packets.sctp_init(43000, 5060))
        packets.send(lab, "client", target, packets.GRE, packets.gre())
        packets.send(lab, "client", target, packets.ESP, packets.esp())
        packets.send(lab, "client", target, packets.UNKNOWN, b"experiment")
    packets.send(lab, "client2", "19.1.16.8", packets.GRE, packets.gre_of_pptp(7))
