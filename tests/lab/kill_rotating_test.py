# SPDX-License-Identifier: GPL-2.0-or-later
"""Killed as in kill_test.py, by an agent that seals, begins and archives segments all the while."""
import unittest

import agent
import kill_test


class KillRotating(kill_test.Kill):
    rounds = 10

    def make_agent(self):
        return agent.Agent(self.lab, ledger_options=("rotate: {size: 64KiB}",
                                                     "compress_after: 200ms", "keep: {free: 0}"))

    def check_segments(self, count):
        """Those that were left by a kill, and many more."""
        archived = sum(path.endswith(".zst") for path in self.agent.ledger.files())
        print(f"{count} sealed segments, {archived} of them archived")
        self.assertGreater(count, 2 * len(self.written))
        self.assertGreater(archived, self.rounds)


if __name__ == "__main__":
    unittest.main()
