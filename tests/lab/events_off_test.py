# SPDX-License-Identifier: GPL-2.0-or-later
"""Events turned off under a running agent: what it cannot have heard of is a gap."""
import time
import unittest

import agent
import traffic
from traffic import TCP, Dial

EVENTS = "net.netfilter.nf_conntrack_events"
PUBLIC = "1.2.3.4:53500"
CALL = Dial("call", TCP, "client", 53400, ("19.1.16.7", 443), "server", ("19.1.16.7", 443))
STAYS = Dial("stays", TCP, "client", 53401, ("19.1.16.7", 443), "server", ("19.1.16.7", 443))


class EventsOff(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab, source="source.heartbeat: 1s\n").start()
        self.calls = self.enterContext(traffic.Calls(self.lab))

    def gaps(self):
        return self.agent.ledger.coverage("coverage-gap")

    def test_a_gap_says_it(self):
        before = time.time_ns()
        self.lab.sysctl(EVENTS, 0)
        self.calls.open(CALL)
        asked = time.time_ns()
        self.lab.call("router", "conntrack", "-D", "-p", "tcp", "--sport", "53400")
        self.calls.open(STAYS)
        agent.wait_for("a gap", self.gaps)
        self.lab.sysctl(EVENTS, 1)
        on_again = time.time_ns()
        agent.wait_for("the end of the gap",
                       lambda: agent.ns_of(self.gaps()[-1]["coverage.to"]) >= on_again)
        agent.wait_for("the flow that stays", lambda: any(
            flow.get("orig.l4.sport") == 53401 and flow.get("event.reason") == "inferred"
            for flow in self.agent.ledger.flows()))
        self.agent.wait_written()
        self.assertEqual({gap["coverage.reason"] for gap in self.gaps()}, {"events-off"})
        self.assertLessEqual(agent.ns_of(self.gaps()[0]["coverage.from"]), before)
        for earlier, later in zip(self.gaps(), self.gaps()[1:]):
            self.assertLessEqual(later["coverage.from"], earlier["coverage.to"])
        status, text = self.agent.who(PUBLIC, "--at", agent.utc(asked), "--skew", "0s")
        self.assertEqual(status, 4, text)
        self.agent.stop()


if __name__ == "__main__":
    unittest.main()
