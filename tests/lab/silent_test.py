# SPDX-License-Identifier: GPL-2.0-or-later
"""A flow that the kernel never tells of: made with nf_conntrack_events=2 while nobody listened.

The agent finds it in the table when it starts, and `who` names it; but its end will not be heard,
so no answer about it is certain.
"""
import time
import unittest

import agent
import conntrack
import traffic
from traffic import TCP, Dial

PUBLIC = "1.2.3.4:53500"
HOST = "192.168.1.129"
CALL = Dial("silent", TCP, "client", 53400, ("19.1.16.7", 443), "server", ("19.1.16.7", 443))
SKEW_S = 2

NOBODY, NOT_SURE = 1, 5
DOUBT = "but it was found in the table, and the kernel may not tell of its end\n"
VERDICT = f"It may have been {HOST}, but another host, or nobody, cannot be excluded.\n"


class Silent(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        conntrack.silence_unheard(self, self.lab)
        self.calls = self.enterContext(traffic.Calls(self.lab))
        self.calls.open(CALL)
        self.opened = time.time_ns()

    def check_not_sure(self, the_agent, at):
        status, text = the_agent.who(PUBLIC, "--at", agent.utc(at))
        self.assertEqual(status, NOT_SURE, text)
        self.assertIn(f"{HOST}:53400  tcp to 19.1.16.7:443 ", text)
        self.assertIn(VERDICT, text)
        return text

    def test_who_names_it_and_is_not_sure(self):
        the_agent = agent.Agent(self.lab).start()
        time.sleep(SKEW_S + 0.1)
        at = time.time_ns()
        # The record covers this time, and yet it proves nothing of this flow.
        self.assertIn(DOUBT, self.check_not_sure(the_agent, at))
        self.assertEqual(the_agent.who("1.2.3.4:1", "--at", agent.utc(at))[0], NOBODY)
        self.assertIn("The record begins at ", self.check_not_sure(the_agent, self.opened))

        self.lab.call("router", "conntrack", "-D", "-p", "tcp", "--sport", "53400")
        the_agent.wait_written()
        self.assertEqual([(flow["event.action"], flow.get("event.reason"))
                          for flow in the_agent.ledger.flows()], [("flow-start", "inferred")],
                         "not silent: somebody else on this machine listens to conntrack events")
        self.assertIn(DOUBT, self.check_not_sure(the_agent, time.time_ns()))
        the_agent.stop()
        self.assertIn(DOUBT, self.check_not_sure(the_agent, at))


if __name__ == "__main__":
    unittest.main()
