# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that is away while much is recorded: nothing is lost, and it all comes in order."""
import os
import unittest

import agent
import bulk_server
import generator
import shipping

TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))
FLOWS = 50_000 * TIMES  # two records each
PATIENCE_S = 60 + 30 * TIMES


class ShipAway(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab)
        self.agent.configure(bulk_server.options("backoff: {max: 1s}"))
        self.ship = shipping.Ship(self.agent)

    def test_away_and_back(self):
        self.agent.start()
        made = generator.generate(self.lab, "churn", FLOWS, live=1000, batch=50, per_second=5000)
        self.agent.wait_written(PATIENCE_S)
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
