# SPDX-License-Identifier: GPL-2.0-or-later
"""`who` asked again and again while the agent writes, seals, indexes and archives segments: each
answer is the one that a ledger at rest gives."""
import os
import time
import unittest

import agent
import generator
import traffic
from traffic import TCP, UDP, Dial

PUBLIC = "1.2.3.4:53500"
HOST = "192.168.1.129"
LONG = Dial("long", TCP, "client", 53400, ("19.1.16.7", 443), "server", ("19.1.16.7", 443))
SHORT = Dial("short", UDP, "client", 41000, ("19.1.16.7", 53), "server", ("19.1.16.7", 53))
OPTIONS = ("rotate: {size: 64KiB}", "compress_after: 1ms", "keep: {free: 0}")
FLOWS, PER_SECOND = 4000, 500
ENOUGH = 60


class WhoMeanwhile(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab, ledger_options=OPTIONS).start()

    def end_of(self, call):
        """Its public end, by the ledger."""
        flow = next(flow for flow in self.agent.ledger.flows()
                    if flow.get("orig.l4.sport") == call.source_port)
        return flow["conntrack.public"][0]

    def test_each_answer_is_the_same(self):
        calls = self.enterContext(traffic.Calls(self.lab))
        calls.open(LONG)
        calls.open(SHORT)
        time.sleep(0.1)
        there = time.time_ns()
        time.sleep(0.1)
        self.lab.call("router", "conntrack", "-D", "-p", "udp", "--sport", str(SHORT.source_port))
        self.agent.wait_written()
        time.sleep(0.1)
        gone = time.time_ns()
        short_end = self.end_of(SHORT)
        # End, instant, how it is to be answered, and with whom.
        questions = ((PUBLIC, there, 0, [HOST]), (short_end, there, 0, [HOST]),
                     (PUBLIC, gone, 0, [HOST]), (short_end, gone, 1, []),
                     ("1.2.3.4:1", there, 1, []))
        load = generator.Generator(self.lab, "churn", FLOWS, live=200, batch=5,
                                   per_second=PER_SECOND)
        asked = 0
        while load.process.poll() is None or asked < ENOUGH:
            end, at, status, hosts = questions[asked % len(questions)]
            got, answer = self.agent.who_json(end, "--at", agent.utc(at), "--skew", "0s")
            self.assertEqual((got, [flow["host"] for flow in answer["flows"]]), (status, hosts),
                             (end, answer))
            asked += 1
        load.done()
        names = os.listdir(self.agent.ledger.folder)
        archives, indexes = (sum(name.endswith(end) for name in names) for end in (".zst", ".idx"))
        print(f"{asked} answers, {archives} archives, {indexes} indexes")
        self.assertGreater(archives, 20)
        self.assertGreater(indexes, 20)
        self.agent.stop()


if __name__ == "__main__":
    unittest.main()
