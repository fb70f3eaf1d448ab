# SPDX-License-Identifier: GPL-2.0-or-later
"""A start goes on with the flows that the run before left open: those that are gone have an
inferred end, the others keep their id.
"""
import unittest

import agent
import conntrack
import generator
import ledger

FLOWS = 10_000


class Restart(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.lab.need_entries(3 * FLOWS)
        self.agent = agent.Agent(self.lab).start()
        self.made = generator.generate(self.lab, "make", FLOWS, mix=True)
        self.agent.wait_written()

    def ids(self, action):
        """flow.id by source, of the records with that action."""
        return {record["src_ip"]: record["flow.id"] for record in self.agent.ledger.flows()
                if record["event.action"] == action}

    def go_on(self, gone):
        """Starts again, deletes what is still open: a start and an end of each flow, of one id."""
        self.agent.start()
        self.agent.wait_written()
        starts = self.ids("flow-start")
        self.assertEqual(len(starts), FLOWS)
        inferred = [record for record in self.agent.ledger.flows()
                    if record["event.action"] == "flow-end"]
        self.assertTrue(all(map(ledger.is_inferred, inferred)))
        self.assertEqual(ledger.difference([record["src_ip"] for record in inferred],
                                           [entry.source for entry in gone]), "")
        self.check_bounds(inferred, gone)
        generator.generate(self.lab, "delete", FLOWS - len(gone), first=len(gone), mix=True)
        self.agent.wait_written()
        self.agent.stop()
        self.assertEqual(len(self.agent.ledger.flows()), 2 * FLOWS)
        self.assertEqual(self.ids("flow-end"), starts)
        print(f"{len(inferred)} inferred ends, {FLOWS - len(gone)} flows kept their id")

    def check_bounds(self, inferred, gone):
        when = {entry.source: entry for entry in gone}
        for end in inferred:
            entry = when[end["src_ip"]]
            self.assertLessEqual(agent.ns_of(end["flow.end.not_before"]), entry.after_ns)
            self.assertGreaterEqual(agent.ns_of(end["flow.end.not_after"]) + 1000, entry.before_ns)

    def test_after_a_stop(self):
        self.agent.stop()
        self.go_on(generator.generate(self.lab, "delete", FLOWS // 2, mix=True))

    def test_after_a_kill(self):
        self.agent.kill()
        self.go_on(generator.generate(self.lab, "delete", FLOWS // 2, mix=True))

    def test_twice(self):
        """The ids are then of two epochs before this one's."""
        self.agent.stop()
        self.agent.start()
        self.agent.stop()
        self.go_on(generator.generate(self.lab, "delete", FLOWS // 2, mix=True))

    def test_a_reboot_ends_them_all(self):
        self.agent.stop()
        conntrack.flush(self.lab)
        self.agent.reboot()
        self.agent.start()
        again = generator.generate(self.lab, "make", 10, mix=True)
        self.agent.wait_written()
        self.agent.stop()
        ends = [record for record in self.agent.ledger.flows()
                if record["event.action"] == "flow-end"]
        self.assertEqual(len(ends), FLOWS)
        self.assertTrue(all(map(ledger.is_inferred, ends)))
        self.assertEqual(len(self.agent.ledger.flows()), 2 * FLOWS + len(again))

    def test_who_goes_on_knowing(self):
        self.agent.stop()
        self.agent.start()
        public = next(record for record in self.agent.ledger.flows()
                      if record.get("conntrack.nat.kind") == "snat"
                      and record["network.transport"] == "tcp")
        generator.generate(self.lab, "delete", 1, first=FLOWS - 1, mix=True)
        self.agent.wait_written()
        now = self.agent.written_to()
        end = public["conntrack.public"][0]
        remote = f"{public['reply.ip.saddr.str']}:{public['reply.l4.sport']}"
        status, text = self.agent.who(end, "--at", agent.utc(now), "--remote", remote,
                                      "--skew", "0s")
        self.assertEqual(status, 0, text)
        self.agent.stop()


if __name__ == "__main__":
    unittest.main()
