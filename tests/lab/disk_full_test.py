# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk that fills up within a line: the rest is written when there is room, or never.

The write is cut where the room ends, so this is also the sure way to a torn line.
"""
import os
import unittest

import agent
import generator
import killed_agent
import ledger

# Of both burst and disk so much that the disk cannot hold the lines.
FLOWS = 2000
SMALL, LARGE = "1m", "64m"
FULL = ("error: write the ledger: No space left on device; events wait in memory, then in the "
        "kernel (make room, or mend the disk)")


class DiskFull(killed_agent.KilledAgent):
    maxDiff = None

    def make_agent(self):
        return agent.Agent(self.lab, ledger_folder=self.lab.mount("small", SMALL),
                           ledger_options=("keep: {free: 0}", "ballast: 0"))

    def fill(self):
        """Returns when the disk is full, and what it holds."""
        self.entries = generator.generate(self.lab, "churn", FLOWS, live=FLOWS)
        agent.wait_for("the agent to say that the disk is full",
                       lambda: FULL in agent.log_text(self.agent.log()))
        with open(self.agent.ledger.active, "rb") as file:
            return file.read()

    def test_nothing_is_lost_when_there_is_room_again(self):
        other = agent.Agent(self.lab, name="other").start()
        content = self.fill()
        self.assertFalse(content.endswith(b"\n"), "the room ended with a line")
        self.lab.mount("small", LARGE)
        for each in (self.agent, other):
            each.wait_written()
        self.assertEqual(self.agent.stop()[1], FULL)
        other.stop()
        with open(self.agent.ledger.active, "rb") as file:
            self.assertEqual(file.read(len(content)), content)
        self.assertEqual(self.agent.ledger.coverage("coverage-gap"), [])
        # The agent that had room all the time wrote the same.
        lines = self.agent.ledger.flow_lines()
        self.assertEqual(len(lines), len(self.entries))
        self.assertEqual(ledger.difference(map(ledger.without_own, lines),
                                           map(ledger.without_own, other.ledger.flow_lines())), "")

    def test_killed_with_a_torn_line(self):
        self.fill()
        self.agent.kill()
        self.go_on_with_room()

    def test_stopped_with_a_torn_line(self):
        """Its patience ends; the next agent says what was not written."""
        self.fill()
        self.agent.process.terminate()
        self.assertEqual(self.agent.process.wait(timeout=agent.PATIENCE_S), 1)
        self.assertEqual(agent.log_text(self.agent.log())[-1],
                         "error: write records into the ledger: No space left on device (make "
                         "room, or mend the disk)")
        self.go_on_with_room()

    def go_on_with_room(self):
        self.remember_written()
        self.assertEqual(self.torn, 1)
        self.lab.mount("small", LARGE)
        self.agent.start()
        self.assertIn("warning: ledger: the last line was torn: ", "\n".join(
            agent.log_text(self.agent.log())))
        self.assertEqual(len(self.check_ledger()), 1)
        self.assertEqual(len(os.listdir(self.agent.ledger.folder)), 2)


if __name__ == "__main__":
    unittest.main()
