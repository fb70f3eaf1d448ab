# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk that takes nothing for so long that memory does not suffice, and room held back for stops.

What the kernel then drops is a gap that names the cause; what a stop still has to say is written
into the ballast.
"""
import os
import time
import unittest

import agent
import generator
import ledger

# A full disk is as good as one that stalls.
SMALL, LARGE = "1m", "64m"
FILLING = 2000
FLOWS = 9000  # more than wait in such a ring and such a buffer
PER_SECOND = 5000  # which either takes while it has room
FULL = "error: write the ledger: No space left on device"
# The lines of so many flows do not fit beside the ballast, and the rest of them fits into it.
WITH_BALLAST, BALLAST, BALLAST_BYTES, BALLASTED_FLOWS = "9m", "ballast: 4MiB", 4 << 20, 3000


class Stalled(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)

    def begin(self, size, ballast, **options):
        self.agent = agent.Agent(self.lab, ledger_folder=self.lab.mount("small", size),
                                 ledger_options=("keep: {free: 0}", ballast), **options).start()

    def wait_full(self):
        agent.wait_for("the agent to say that the disk is full", lambda: FULL in self.agent.log())

    def test_what_does_not_fit_into_the_ring(self):
        self.begin(SMALL, "ballast: 0", receive_buffer="512KiB", source="source.ring: 1MiB\n")
        entries = generator.generate(self.lab, "make", FILLING)
        self.wait_full()
        stalled = time.time_ns()
        entries += generator.generate(self.lab, "make", FLOWS, first=FILLING, batch=20,
                                      per_second=PER_SECOND)
        self.lab.mount("small", LARGE)
        self.agent.wait_written()
        agent.wait_for("every flow to be known again", self.is_whole)
        log = "\n".join(self.agent.stop())
        self.assertIn("error: events were lost (reader-too-slow): ", log)
        self.assertIn("(the ring was full: see to the disk, or raise source.ring)", log)
        gaps = self.agent.ledger.coverage("coverage-gap")
        self.assertEqual({gap["coverage.reason"] for gap in gaps}, {"reader-too-slow"})
        flows = self.agent.ledger.flows()
        received = sum(not ledger.is_inferred(flow) for flow in flows)
        dropped = sum(gap["coverage.dropped"] for gap in gaps)
        print(f"{len(entries)} events: {received} received, {dropped} dropped")
        self.assertEqual(received + dropped, len(entries))
        self.assertGreater(dropped, FLOWS // 4)
        for gap in gaps:
            self.assertLess(stalled - 10**9, agent.ns_of(gap["coverage.to"]))
        self.assertEqual(len(flows), len(entries), "each flow once, by its event or from the table")

    def is_whole(self):
        actions = [record["event.action"] for record in self.agent.ledger.records()
                   if record["event.action"] in ("coverage-gap", "coverage-resume")]
        return "coverage-gap" in actions and actions[-1] == "coverage-resume"

    def held_back(self):
        """So many bytes; None: not even a file."""
        path = os.path.join(self.agent.ledger.folder, "ballast")
        return os.path.getsize(path) if os.path.exists(path) else None

    def test_a_stop_on_a_full_disk(self):
        self.begin(WITH_BALLAST, BALLAST)
        agent.wait_for("room to be held back", lambda: self.held_back() == BALLAST_BYTES)
        entries = generator.generate(self.lab, "churn", BALLASTED_FLOWS, live=100)
        self.wait_full()
        # It is not for ordinary lines.
        time.sleep(1)
        self.assertEqual(self.held_back(), BALLAST_BYTES)
        self.agent.stop()
        self.assertIsNone(self.held_back())
        self.assertEqual(len(self.agent.ledger.flows()), len(entries))
        self.lab.mount("small", LARGE)
        self.agent.start()
        agent.wait_for("room to be held back", lambda: self.held_back() == BALLAST_BYTES)
        self.agent.stop()
        self.assertEqual([gap["coverage.reason"]
                          for gap in self.agent.ledger.coverage("coverage-gap")], ["agent-down"])

    def test_no_room_to_hold_back(self):
        self.begin(SMALL, BALLAST)
        agent.wait_for("a warning", lambda: (
            "warning: hold back room for stopping on a full disk: twice ledger.ballast is not "
            "free; such a stop may leave lines unwritten (make room, or lower ledger.ballast)")
            in self.agent.log())
        self.assertIsNone(self.held_back())
        self.agent.stop()


if __name__ == "__main__":
    unittest.main()
