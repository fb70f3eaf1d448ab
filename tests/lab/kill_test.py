# SPDX-License-Identifier: GPL-2.0-or-later
"""Killed in the middle of a burst and started again, twenty times: nothing is lost unsaid.

The bursts, their times and their flows are the generator's; of the agent only the ledger is asked.
"""
import os
import random
import re
import time
import unittest

import agent
import generator
import killed_agent
import ledger

# In turn: one as fast as it goes, whose lines the agent writes in large pieces, and a paced one.
BURSTS = ({"count": 5000, "live": 1000, "batch": 100},
          {"count": 2000, "live": 500, "batch": 20, "per_second": 8000})
SLOWEST_KILL_S = (0.04, 0.2)
MOST_FLOWS = max(burst["count"] for burst in BURSTS)
# How far before a kill its gap may begin: an agent that is behind has not seen its socket empty.
MOST_BEHIND_NS = 2 * 10**9
# A round takes at least so long; scripts/soak gives it time enough for a bound on that in gaps.
ROUND_S = float(os.environ.get("NATLEDGER_ROUND_S", "0"))
TRICKLE = 20  # flows a second
SOURCE = re.compile(rb'"src_ip": "([^"]*)"')


class Kill(killed_agent.KilledAgent):
    rounds = 20

    def setUp(self):
        super().setUp()
        seed = random.randrange(2**32)
        self.random = random.Random(seed)
        print(f"seed {seed}")
        self.kills = []  # when, and by when the next agent was there
        self.hits = 0

    def test_killed_amid_bursts(self):
        began = time.time_ns()
        trickle = self.trickle() if ROUND_S else None
        for number in range(self.rounds):
            round_end = time.monotonic() + ROUND_S
            self.burst_and_kill(number)
            time.sleep(max(0, round_end - time.monotonic()))
        if trickle:
            self.entries += trickle.done()
            self.agent.wait_written()
        gaps = self.check_ledger()
        in_gaps = sum(end - begin for begin, end in gaps) / (time.time_ns() - began)
        print(f"{self.hits} of {self.rounds} kills amid a burst; {in_gaps:.2%} of the time in gaps")
        self.assertGreaterEqual(self.hits, self.rounds // 2)
        self.assertEqual(len(gaps), self.rounds)
        for (begin, end), (killed, started) in zip(gaps, self.kills):
            self.assertTrue(killed - MOST_BEHIND_NS < begin <= killed < end <= started,
                            (begin, killed, end, started))
        if ROUND_S:
            self.assertLess(in_gaps, 0.01)

    def trickle(self):
        """Traffic all the while."""
        return generator.Generator(self.lab, "churn", int(self.rounds * ROUND_S * TRICKLE),
                                   first=2**23, live=10, batch=1, per_second=TRICKLE)

    def test_killed_while_starting(self):
        burst = generator.Generator(self.lab, "churn", 8000, live=1000, batch=20, per_second=2000)
        agent.wait_for("the burst to begin", burst.begun)
        time.sleep(0.3)
        self.agent.kill()
        self.remember_written()
        time.sleep(1)  # so that flows come and go unseen, however quick the starts are
        # Half of the starts come so far that they have a record of their own, as busy as the
        # machine may be meanwhile.
        patience_s, far = 0.3, 0
        for _ in range(self.rounds):
            self.agent.spawn()
            time.sleep(self.random.uniform(0, patience_s))
            self.agent.kill()
            self.remember_written()
            came_far = " recording " in self.agent.log()
            far += came_far
            patience_s *= 0.7 if came_far else 1.6
        self.agent.start()
        self.entries = burst.done()
        self.agent.wait_written()
        gaps = self.check_ledger()
        print(f"{far} of {self.rounds} starts came far")
        self.assertGreater(len(gaps), self.rounds // 4)

    def burst_and_kill(self, number):
        fast = number % len(BURSTS)
        burst = generator.Generator(self.lab, "churn", first=number * MOST_FLOWS, **BURSTS[fast])
        agent.wait_for("the burst to begin", burst.begun)
        time.sleep(self.random.uniform(0.002, SLOWEST_KILL_S[fast]))
        killed = time.time_ns()
        self.agent.kill()
        self.remember_written()
        newest = b"".join(map(ledger.content_of, self.agent.ledger.files()[-3:]))
        written = set(SOURCE.findall(newest))
        self.agent.start()
        self.kills.append((killed, time.time_ns()))
        entries = burst.done()
        self.agent.wait_written()
        self.entries += entries
        begun = any(entry.source.encode() in written for entry in entries)
        self.hits += begun and entries[-1].before_ns > killed


if __name__ == "__main__":
    unittest.main()
