# SPDX-License-Identifier: GPL-2.0-or-later
"""A flow that a rule has silenced is found by comparing with the table, and so is its end, each no
later than a comparison. Of those made with nf_conntrack_events=2 resync_test.py has the same.
"""
import time
import unittest

import agent
import traffic
from traffic import TCP, Dial

RECONCILE_S = 2
# What a comparison, and the writing of what it found, may take on a busy machine.
SLACK_S = 3
SOURCE = f"source.reconcile: {RECONCILE_S}s\n"
SILENCE = ("add", "rule", "inet", "tracking", "forward", "tcp", "dport", "443", "ct", "state",
           "new", "ct", "event", "set", "assured")
SILENT = Dial("silent", TCP, "client", 53400, ("19.1.16.7", 443), "server", ("19.1.16.7", 443))
HEARD = Dial("heard", TCP, "client", 53401, ("19.1.16.7", 444), "server", ("19.1.16.7", 444))


class Reconcile(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.calls = self.enterContext(traffic.Calls(self.lab))

    def start(self):
        return agent.Agent(self.lab, source=SOURCE).start()

    def wait_for(self, the_agent, action, dial):
        """The record of `dial`'s flow, at most one comparison late."""
        begun = time.monotonic()
        record = agent.wait_for(f"{action} of {dial.name}",
                                lambda: self.find(the_agent, action, dial))
        self.assertLess(time.monotonic() - begun, RECONCILE_S + SLACK_S)
        return record

    def find(self, the_agent, action, dial):
        found = [flow for flow in the_agent.ledger.flows()
                 if flow["event.action"] == action
                 and flow.get("orig.l4.sport") == dial.source_port]
        self.assertLess(len(found), 2)
        return found[0] if found else None

    def delete(self, dial):
        """Takes the flow from the table. Between which instants."""
        before = time.time_ns()
        self.lab.call("router", "conntrack", "-D", "-p", "tcp", "--sport", str(dial.source_port))
        return before, time.time_ns()

    def check_end(self, the_agent, dial, deleted):
        """It is inferred, and its bounds hold the deletion and are a comparison apart."""
        end = self.wait_for(the_agent, "flow-end", dial)
        self.assertEqual(end["event.reason"], "inferred")
        before, after = (agent.ns_of(end[f"flow.end.{bound}"])
                         for bound in ("not_before", "not_after"))
        # Records have microseconds, rounded down.
        self.assertLessEqual(before, deleted[1])
        self.assertGreaterEqual(after + 1000, deleted[0])
        self.assertLess(after - before, (RECONCILE_S + SLACK_S) * 10**9)

    def test_silenced_by_a_rule(self):
        the_agent = self.start()
        self.lab.call("router", "nft", *SILENCE)
        self.calls.open(HEARD)
        self.calls.open(SILENT)
        start = self.wait_for(the_agent, "flow-start", SILENT)
        self.assertEqual(start["event.reason"], "inferred")
        self.assertNotIn("event.reason", self.find(the_agent, "flow-start", HEARD))
        deleted = self.delete(SILENT)
        self.delete(HEARD)
        self.check_end(the_agent, SILENT, deleted)
        self.assertNotIn("event.reason", self.find(the_agent, "flow-end", HEARD))
        the_agent.stop()


if __name__ == "__main__":
    unittest.main()
