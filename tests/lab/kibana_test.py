# SPDX-License-Identifier: GPL-2.0-or-later
"""Every panel and saved search on real servers that have what an agent recorded of real traffic:
translations of each kind, flows that ended and flows that are open, holes of each kind but a clock
that was set."""
import unittest

import agent
import conntrack
import generator
import ledger
import panels
import servers
import traffic

# Room for about a hundred events.
TINY = "64KiB"
# From there on under another public address than real ones, of which one has a port by chance.
FLOWS, FIRST = 1500, 50_000
# Of the flows that are asked for by their public end.
PROTOCOLS = ("tcp", "udp", "icmp", "ipv6-icmp")
KINDS = (("snat", "ipv4"), ("dnat", "ipv4"), ("both", "ipv4"), ("none", "ipv4"),
         ("snat", "ipv6"), ("dnat", "ipv6"), ("none", "ipv6"))
LINES, GENERATED = [], set()


def beat(the_agent):
    """Until it says how it is."""
    before = len(the_agent.ledger.coverage("heartbeat"))
    agent.wait_for("a heartbeat", lambda: len(the_agent.ledger.coverage("heartbeat")) > before)


def concluded(the_agent, action):
    return any(ledger.is_inferred(record) for record in the_agent.ledger.coverage(action))


def record_traffic(the_lab):
    """An agent's ledger: a run that a crash of the machine ended, one in good order, one whose
    buffer was too small."""
    the_agent = agent.Agent(the_lab, source="source.heartbeat: 1s\n").start()
    the_agent.wait_written()
    the_agent.kill()
    the_agent.reboot()
    the_agent.start()
    with traffic.Calls(the_lab) as calls:
        calls.open_everything()
        the_agent.wait_written()
        beat(the_agent)
    conntrack.flush(the_lab)
    with traffic.Calls(the_lab) as calls:
        calls.open_everything()
        the_agent.wait_written()
        the_agent.end()
        the_agent.configure(f"source.receive_buffer: {TINY}\nsource.heartbeat: 1s\n")
        the_agent.start()
        with the_agent.held():
            made = generator.generate(the_lab, "make", FLOWS, first=FIRST)
            # An end that nobody hears of.
            the_lab.call("router", "conntrack", "-D", "-p", "tcp", "--sport", "40004")
        GENERATED.update(entry.source for entry in made)
        agent.wait_for("the end to be concluded", lambda: concluded(the_agent, "flow-end"))
        the_agent.wait_written()
        beat(the_agent)
        the_agent.end()
    return [line.rstrip("\n") for line in the_agent.ledger.lines()]


def setUpModule():
    the_lab = agent.new_lab()
    unittest.addModuleCleanup(the_lab.down)
    LINES.extend(record_traffic(the_lab))


class RealTraffic(panels.Panels):
    unseen_columns = ("coverage.clock.step_ns",)

    @classmethod
    def make_lines(cls):
        return LINES

    def test_4_the_link_of_a_question_finds_each_kind_of_flow(self):
        starts = [start for start in self.starts()
                  if start.get("network.transport") in PROTOCOLS
                  and start["src_ip"] not in GENERATED]
        found = self.check_links(starts)
        print(dict(found))
        for state in ("ended", "open"):
            for kind, family in KINDS:
                self.assertGreater(found[kind, family, "tcp", state], 0, (kind, family, state))
            for protocol in PROTOCOLS:
                self.assertGreater(sum(found[kind, family, protocol, state]
                                       for kind, family in KINDS), 0, (protocol, state))


class NewestElasticsearch(RealTraffic, unittest.TestCase):
    @classmethod
    def make_server(cls):
        return servers.Elasticsearch(9351)


class OpenSearch2(RealTraffic, unittest.TestCase):
    @classmethod
    def make_server(cls):
        return servers.OpenSearch(9353)


if __name__ == "__main__":
    unittest.main()
