# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that were under way when the kernel first knew them: their starts are no beginnings.

One whose entry is deleted amid its life and comes back with the next packet
(nf_conntrack_tcp_loose), and entries that a program gives to the kernel, as conntrackd does when a
gateway takes over.
"""
import time
import unittest

import agent
import traffic
from traffic import TCP, Dial

PUBLIC = "1.2.3.4:53500"
CALL = Dial("call", TCP, "client", 53400, ("19.1.16.7", 443), "server", ("19.1.16.7", 443))
NOTE = "    it was under way when the gateway first knew it\n"
PICKED_UP = "picked-up"


class PickedUp(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab).start()
        self.calls = self.enterContext(traffic.Calls(self.lab))

    def conntrack(self, *argv):
        self.lab.call("router", "conntrack", *argv)

    def told(self, port):
        """What the ledger says of the flows of that inside port: actions and reasons."""
        self.agent.wait_written()
        return [(flow["event.action"], flow.get("event.reason"))
                for flow in self.agent.ledger.flows() if flow.get("orig.l4.sport") == port]

    def test_tcp_amid_its_life(self):
        self.calls.open(CALL)
        self.conntrack("-D", "-p", "tcp", "--sport", "53400")
        self.calls.speak(CALL)
        flows = [("flow-start", None), ("flow-end", None), ("flow-start", PICKED_UP)]
        self.assertEqual(self.told(53400), flows)
        time.sleep(0.1)
        asked = time.time_ns()
        status, text = self.agent.who(PUBLIC, "--at", agent.utc(asked), "--skew", "0s")
        self.assertEqual(status, 0, text)
        self.assertIn(NOTE, text)
        # The next agent knows it from the ledger.
        self.agent.stop()
        self.agent.start()
        self.conntrack("-D", "-p", "tcp", "--sport", "53400")
        self.assertEqual(self.told(53400), [*flows, ("flow-end", PICKED_UP)])
        status, answer = self.agent.who_json(PUBLIC, "--at", agent.utc(asked), "--skew", "0s")
        self.assertEqual((status, [flow["picked_up"] for flow in answer["flows"]]), (0, [True]))
        self.agent.stop()

    def give(self, port, *how):
        self.conntrack("-I", "-s", "192.168.1.129", "-d", "19.1.16.7", "-p", "tcp", "--sport",
                       str(port), "--dport", "443", "-t", "60", *how)

    def test_entries_that_are_given(self):
        self.give(40001, "--state", "ESTABLISHED", "-u", "SEEN_REPLY,ASSURED")
        self.give(40002, "--state", "ESTABLISHED")
        self.give(40003, "--state", "SYN_SENT", "-u", "SEEN_REPLY")
        self.give(40004, "--state", "SYN_SENT")
        self.give(40005, "--state", "SYN_RECV")
        for port, reason in ((40001, PICKED_UP), (40002, PICKED_UP), (40003, PICKED_UP),
                             (40004, None), (40005, None)):
            self.assertEqual(self.told(port), [("flow-start", reason)], port)
        self.agent.stop()


if __name__ == "__main__":
    unittest.main()
