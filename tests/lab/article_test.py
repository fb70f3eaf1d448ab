# SPDX-License-Identifier: GPL-2.0-or-later
"""192.168.1.129:53400 calls 19.1.16.7:443 and is seen there as 1.2.3.4:53500. Who was that?

The worked example of an article of 2014 on logging translations, asked live; and every answer that
`who` can give.
"""
import time
import unittest

import agent
import traffic
from traffic import TCP, Dial

PUBLIC = "1.2.3.4:53500"
INSIDE = "192.168.1.129:53400"
ARTICLE = Dial("article", TCP, "client", 53400, ("19.1.16.7", 443), "server", ("19.1.16.7", 443))
# Two hosts that the router gives one public port, since their remote ends differ.
FIRST = Dial("first", TCP, "client", 50000, ("19.1.16.7", 80), "server", ("19.1.16.7", 80))
SECOND = Dial("second", TCP, "client2", 50000, ("19.1.16.7", 81), "server", ("19.1.16.7", 81))
SHARED = "1.2.3.4:50000"
SKEW_S = 2

ONE_HOST, NOBODY, MALFORMED, SEVERAL, CANNOT_SAY, NOT_SURE, COULD_NOT_LOOK = range(7)


class Article(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab).start()
        self.started = time.time_ns()
        self.calls = self.enterContext(traffic.Calls(self.lab))

    def check(self, status, *question):
        """The status that `who` exits with; the same in both forms. The JSON answer."""
        text_status, text = self.agent.who(*question)
        json_status, answer = self.agent.who_json(*question)
        self.assertEqual((text_status, json_status, answer["exit"]), (status,) * 3, (text, answer))
        self.hosts = {flow["inside"] for flow in answer["flows"]}
        return text, answer

    @staticmethod
    def sleep_past_skew():
        time.sleep(SKEW_S + 0.1)

    def test_while_the_flow_is_open_and_after(self):
        self.calls.open(ARTICLE)
        self.sleep_past_skew()
        at = time.time_ns()
        text, answer = self.check(ONE_HOST, PUBLIC, "--at", agent.utc(at))
        self.assertIn("It was 192.168.1.129.\n", text)
        self.assertIn(INSIDE, text)
        flow, = answer["flows"]
        self.assertEqual(
            {key: flow[key] for key in ("inside", "public", "remote", "nat", "protocol", "end")},
            {"inside": INSIDE, "public": PUBLIC, "remote": "19.1.16.7:443", "nat": "snat",
             "protocol": "tcp", "end": None})
        self.assertEqual((answer["verdict"], answer["covered"]), ("one-host", True))

        # What is asked about the present is answered when the agent has seen it.
        self.check(ONE_HOST, PUBLIC, "--at", agent.utc(time.time_ns()), "--skew", "0s")

        self.lab.call("router", "conntrack", "-D", "-p", "tcp", "--sport", "53400")
        ended = time.time_ns()
        _, answer = self.check(ONE_HOST, PUBLIC, "--at", agent.utc(at))
        flow, = answer["flows"]
        self.assertLessEqual(agent.ns_of(flow["end"]), ended)
        time.sleep(0.2)
        after = agent.utc(time.time_ns())
        self.check(NOBODY, PUBLIC, "--at", after, "--skew", "100ms")
        self.check(ONE_HOST, PUBLIC, "--at", after)
        self.agent.stop()
        self.check(ONE_HOST, PUBLIC, "--at", agent.utc(at), "--skew", "100ms")

    def test_nobody(self):
        self.calls.open(ARTICLE)
        self.sleep_past_skew()
        at = agent.utc(time.time_ns())
        text, answer = self.check(NOBODY, "1.2.3.4:1", "--at", at)
        self.assertIn("Nobody: the record is whole there and shows no such flow.\n", text)
        self.assertEqual((answer["verdict"], answer["flows"], answer["holes"]), ("nobody", [], []))
        self.check(NOBODY, PUBLIC, "--at", at, "--protocol", "udp")
        self.check(NOBODY, PUBLIC, "--at", at, "--remote", "19.1.16.8:443")

    def test_malformed(self):
        at = agent.utc(time.time_ns())
        for question in ((PUBLIC, "--at", "2014-02-22T12:27:04"), ("1.2.3:53500", "--at", at),
                         (PUBLIC, "--at", at, "--skew", "soon"), (PUBLIC,),
                         (PUBLIC, "--at", at, "--protocol", "tpc")):
            self.assertEqual(self.agent.who(*question)[0], MALFORMED, question)

    def test_several_hosts_and_which_remote_decides(self):
        self.calls.open(FIRST)
        self.calls.open(SECOND)
        self.sleep_past_skew()
        at = agent.utc(time.time_ns())
        text, answer = self.check(SEVERAL, SHARED, "--at", at)
        self.assertEqual(self.hosts, {"192.168.1.129:50000", "192.168.2.130:50000"})
        self.assertEqual({flow["public"] for flow in answer["flows"]}, {SHARED})
        self.assertIn("--remote 19.1.16.7:81  192.168.2.130\n", text)
        self.check(ONE_HOST, SHARED, "--at", at, "--remote", "19.1.16.7:81")
        self.assertEqual(self.hosts, {"192.168.2.130:50000"})
        self.check(SEVERAL, SHARED, "--at", at, "--remote", "19.1.16.7")

    def test_before_the_record_begins(self):
        self.calls.open(ARTICLE)
        before = agent.utc(self.started - 3600 * 10**9)
        text, answer = self.check(CANNOT_SAY, "1.2.3.4:1", "--at", before)
        self.assertIn("The record begins at ", text)
        self.assertFalse(answer["covered"])
        # A flow that began later was not there, but another may have been.
        self.check(CANNOT_SAY, PUBLIC, "--at", before)

    def test_in_a_gap(self):
        self.calls.open(ARTICLE)
        self.agent.wait_written()
        self.agent.stop()
        time.sleep(0.5)
        in_gap = time.time_ns()
        time.sleep(0.5)
        self.agent.start()
        question = ("--at", agent.utc(in_gap), "--skew", "100ms")
        text, answer = self.check(CANNOT_SAY, "1.2.3.4:1", *question)
        self.assertIn("The record has a hole there:\n", text)
        self.assertIn("no agent ran", text)
        hole, = answer["holes"]
        self.assertEqual(hole["reason"], "agent-down")
        self.assertTrue(agent.ns_of(hole["from"]) < in_gap < agent.ns_of(hole["to"]), hole)

        text, _ = self.check(NOT_SURE, PUBLIC, *question)
        self.assertEqual(self.hosts, {INSIDE})
        self.assertIn("It may have been 192.168.1.129, but another host, or nobody, cannot be "
                      "excluded.\n", text)

    def test_no_ledger(self):
        nowhere = self.lab.folder + "/nowhere"
        status, text = self.agent.who(PUBLIC, "--at", agent.utc(self.started), "--ledger", nowhere)
        self.assertEqual(status, COULD_NOT_LOOK, text)
        self.assertEqual(text,
                         f"natledger: read ledger {nowhere}: No such file or directory (give the "
                         "ledger's directory; root and ledger.group may read it)\n")


if __name__ == "__main__":
    unittest.main()
