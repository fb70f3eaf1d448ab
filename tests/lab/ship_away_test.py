# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that is away while much is recorded: nothing is lost, and it all comes in order."""
import os
import re
import unittest

import agent
import bulk_server
import generator
import shipping

TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))
FLOWS = 50_000 * TIMES  # two records each
FIRST = 10_000  # more than a batch
MOST_MORE_KB = 48 << 10  # what then comes is twice as much; sanitizers keep what is freed
PATIENCE_S = 60 + 30 * TIMES


class ShipAway(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab)
        self.agent.configure(bulk_server.options("backoff: {max: 1s}"))
        self.ship = shipping.Ship(self.agent)

    def record(self, flows, first):
        made = generator.generate(self.lab, "churn", flows, live=1000, batch=50, per_second=5000,
                                  first=first)
        self.agent.wait_written(PATIENCE_S)
        return made

    def resident_kb(self):
        """Of natledger-ship."""
        with open(f"/proc/{self.agent.children()[-1]}/status", encoding="ascii") as file:
            return int(re.search(r"^VmRSS:\s*(\d+) kB", file.read(), re.MULTILINE).group(1))

    def test_away_and_back(self):
        self.agent.start()
        made = self.record(FIRST, first=1)
        before = self.resident_kb()
        made += self.record(FLOWS - FIRST, first=FIRST + 1)
        print(f"resident: {before} KiB with {2 * FIRST} records waiting, {self.resident_kb()} KiB "
              f"with {2 * FLOWS}")
        self.assertLess(self.resident_kb() - before, MOST_MORE_KB)
        one = self.ship.status()["elasticsearch"]
        self.assertGreaterEqual(one["waiting"], len(made))
        self.assertEqual(one["delivered"], 0)
        server = bulk_server.BulkServer(self.lab)
        self.addCleanup(server.stop)
        # It goes on meanwhile.
        more = generator.Generator(self.lab, "churn", FLOWS // 10, live=500, batch=20,
                                   per_second=2500, first=FLOWS + 1)
        agent.wait_for("the first to be delivered", lambda: server.sequences)
        print(self.ship.said(), end="")
        made += more.done()
        self.agent.wait_written(PATIENCE_S)
        self.ship.wait_delivered(patience_s=PATIENCE_S)
        self.agent.stop()
        numbers = [record["event.sequence"] for record in self.agent.ledger.records()]
        sent = server.sequences
        # What was written behind the last delivery is the agent's last word.
        self.assertGreater(len(sent), len(numbers) - 10)
        self.assertEqual(sent, numbers[:len(sent)])
        self.assertEqual(len(self.agent.ledger.flows()), len(made))
        print(f"{len(sent)} records in order, {len(made)} of flows")


if __name__ == "__main__":
    unittest.main()
