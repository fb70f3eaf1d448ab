# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies of ledger and state that are put back: what happens afterwards is all in the index, and no
id stands for two records."""
import os
import shutil
import unittest

import agent
import bulk_server
import generator
import shipping

TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))
BEFORE, BETWEEN, BEHIND = 500 * TIMES, 500 * TIMES, 1000 * TIMES  # flows, two records each


class ShipRestored(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.server = bulk_server.BulkServer(self.lab)
        self.addCleanup(self.server.stop)
        self.agent = agent.Agent(self.lab)
        self.agent.configure(bulk_server.options("flush_interval: 50ms"))
        self.ship = shipping.Ship(self.agent)
        self.first = 1

    def record(self, flows):
        """A run in which so many flows come and go, and all of it is shipped."""
        self.agent.start()
        made = generator.generate(self.lab, "churn", flows, live=200, batch=20, per_second=2000,
                                  first=self.first)
        self.first += flows
        self.agent.wait_written()
        self.ship.wait_delivered("elasticsearch")
        self.agent.end()
        return made

    def check(self, *folders):
        """With these put back as they were in between."""
        made = self.record(BEFORE)
        copies = {folder: shutil.copytree(folder, folder + ".copy") for folder in folders}
        made += self.record(BETWEEN)
        for folder, copy in copies.items():
            shutil.rmtree(folder)
            os.rename(copy, folder)
        made += self.record(BEHIND)
        self.assertEqual(self.server.collisions, [])
        flows = sum(b'"event.kind": "event"' in line and b'"event.reason"' not in line
                    for line in self.server.records.values())
        self.assertEqual(flows, len(made))
        print(f"{len(made)} events, each in the index under an id of its own")

    def test_the_ledger(self):
        self.check(self.agent.ledger.folder)

    def test_the_state(self):
        self.check(self.agent.state)

    def test_both(self):
        self.check(self.agent.ledger.folder, self.agent.state)


if __name__ == "__main__":
    unittest.main()
