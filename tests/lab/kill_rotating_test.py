# SPDX-License-Identifier: GPL-2.0-or-later
"""Killed as in kill_test.py, by an agent that seals, begins and archives segments all the while."""
import unittest

import agent
import kill_test
import lab


class KillRotating(kill_test.Kill):
    rounds = 10 * lab.TIMES

    def make_agent(self):
        return agent.Agent(self.lab, ledger_options=("rotate: {size: 64KiB}",
                                                     "compress_after: 200ms", "keep: {free: 0}"))

    def check_ledger(self):
        agent.wait_for("an archive", self.archived)
        return super().check_ledger()

    def archived(self):
        return sum(path.endswith(".zst") for path in self.agent.ledger.files())

    def check_segments(self, count):
        """Those that were left by a kill, and more."""
        print(f"{count} sealed segments, {self.archived()} of them archived")
        self.assertGreater(count, len(self.written))


if __name__ == "__main__":
    unittest.main()
