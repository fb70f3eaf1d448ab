# SPDX-License-Identifier: GPL-2.0-or-later
"""Events faster than a tiny buffer: what is lost is counted, stated, and made up for.

A quick agent on a quiet machine keeps up even so; it is held back where it must lose some.
"""
import time
import unittest

import agent
import conntrack
import generator
import ledger

# Room for about a hundred events.
TINY = "64KiB"
BURST = 10_000
FEW = 2000
LATER = 50


class Overrun(unittest.TestCase):
    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.lab.need_entries(2 * BURST)
        self.agent = agent.Agent(self.lab, receive_buffer=TINY).start()
        self.begun = time.time_ns()

    def records_when_whole(self):
        """The ledger, once the last gap has been followed by a resume."""
        self.agent.wait_written()
        return agent.wait_for("coverage-resume after the last gap", self.whole_records)

    def whole_records(self):
        records = self.agent.ledger.records()
        actions = [record["event.action"] for record in reversed(records)
                   if record["event.action"] in ("coverage-gap", "coverage-resume")]
        return records if actions[0] == "coverage-resume" else None

    def check_gaps(self, records, caused):
        """Every event that the kernel caused was received, or dropped within a stated gap."""
        gaps = [record for record in records if record["event.action"] == "coverage-gap"]
        self.assertGreater(len(gaps), 0)
        for gap in gaps:
            self.assertEqual((gap["coverage.reason"], gap["coverage.dropped_exact"]),
                             ("overrun", True))
            self.assertTrue(self.begun - 10**9 < agent.ns_of(gap["coverage.from"])
                            <= agent.ns_of(gap["coverage.to"]) < time.time_ns(), gap)
        dropped = sum(gap["coverage.dropped"] for gap in gaps)
        received = sum(ledger.is_flow(record) and not ledger.is_inferred(record)
                       for record in records)
        print(f"{caused} events caused, {received} received, {dropped} dropped "
              f"in {len(gaps)} gaps")
        self.assertEqual(received + dropped, caused)
        self.assertGreater(dropped, caused // 4)
        return gaps

    def test_starts_that_were_dropped_are_inferred(self):
        made = generator.generate(self.lab, "make", BURST // 2)
        with self.agent.held():
            made += generator.generate(self.lab, "make", BURST // 2, first=BURST // 2)
        records = self.records_when_whole()
        gaps = self.check_gaps(records, BURST)
        starts = [record for record in records if record["event.action"] == "flow-start"]
        self.assertEqual(ledger.difference([flow["src_ip"] for flow in starts],
                                           [entry.source for entry in made]), "")
        inferred = [flow for flow in starts if ledger.is_inferred(flow)]
        self.assertEqual(len(inferred), sum(gap["coverage.dropped"] for gap in gaps))
        self.check_inside_gaps(inferred, gaps)
        self.check_that_it_goes_on()

    def test_drops_while_the_queue_is_read(self):
        """What is dropped behind the first word of a loss belongs to it too: nothing is queued
        until the queue is empty."""
        burst = generator.Generator(self.lab, "make", BURST, batch=5, per_second=BURST)
        while burst.process.poll() is None:
            with self.agent.held():
                time.sleep(0.05)
            time.sleep(0.05)
        burst.done()
        records = self.records_when_whole()
        gaps = self.check_gaps(records, BURST)
        inferred = [record for record in records if ledger.is_inferred(record)]
        self.assertEqual(len(inferred), sum(gap["coverage.dropped"] for gap in gaps))
        self.check_inside_gaps(inferred, gaps)
        self.check_that_it_goes_on()

    def check_inside_gaps(self, flows, gaps):
        """The kernel's own start of each lies where the ledger says that events are missing."""
        spans = [(agent.ns_of(gap["coverage.from"]), agent.ns_of(gap["coverage.to"]))
                 for gap in gaps]
        for flow in flows:
            start = agent.ns_of(flow["event.start"])
            self.assertTrue(any(begin <= start <= end for begin, end in spans), flow)

    def check_that_it_goes_on(self):
        later = generator.generate(self.lab, "make", LATER, first=BURST, per_second=200, batch=1)
        self.agent.wait_written()
        self.agent.stop()
        seen = {record["src_ip"]: record for record in self.agent.ledger.flows()}
        for entry in later:
            self.assertNotIn("event.reason", seen[entry.source])

    def test_a_flush(self):
        # Slowly enough that none is lost.
        generator.generate(self.lab, "make", FEW, per_second=1000, batch=5)
        self.agent.wait_written()
        self.assertEqual(self.agent.ledger.coverage("coverage-gap"), [])
        with self.agent.held():
            conntrack.flush(self.lab)
        self.assertEqual(conntrack.count(self.lab), 0)
        records = self.records_when_whole()
        gaps = self.check_gaps(records, 2 * FEW)
        inferred = [record["event.action"] for record in records if ledger.is_inferred(record)]
        self.assertEqual(inferred, ["flow-end"] * sum(gap["coverage.dropped"] for gap in gaps))
        self.check_that_it_goes_on()


if __name__ == "__main__":
    unittest.main()
