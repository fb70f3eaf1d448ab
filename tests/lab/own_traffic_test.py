# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger-ship's own connections are not recorded; others to the same place are."""
import socket
import unittest

import agent
import bulk_server
import generator
import shipping

PLACE = (bulk_server.ADDRESS, bulk_server.PORT)


class OwnTraffic(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.server = bulk_server.BulkServer(self.lab, closes=True)
        self.addCleanup(self.server.stop)
        self.agent = agent.Agent(self.lab)
        self.agent.configure(bulk_server.options("flush_interval: 50ms", "bulk_max_size: 100"))
        self.ship = shipping.Ship(self.agent)

    def to_the_server(self):
        return [record for record in self.agent.ledger.flows()
                if (record["dest_ip"], record["orig.l4.dport"]) == PLACE]

    def test_left_out(self):
        self.agent.start()
        made = generator.generate(self.lab, "churn", 2000, live=100, batch=20, per_second=1000)
        # One that is not ours, from the same machine to the same place.
        with self.lab.inside("router"):
            socket.create_connection(PLACE, timeout=5).close()
        self.agent.wait_written()
        self.ship.wait_delivered("elasticsearch")
        # A start finds those that are still in the table.
        self.agent.end()
        self.agent.start()
        self.ship.wait_delivered("elasticsearch")
        self.agent.stop(whole_run=False)
        self.assertGreater(len(self.server.peers), 10)
        foreign = {(record["src_ip"], record["orig.l4.sport"]) for record in self.to_the_server()}
        self.assertEqual(len(foreign), 1)
        filtered = sum(stop["coverage.count.filtered"]
                       for stop in self.agent.ledger.coverage("coverage-stop"))
        self.assertGreater(filtered, 10)
        flows = [record for record in self.agent.ledger.flows()
                 if record["src_ip"] not in {source for source, _ in foreign}]
        self.assertEqual(len(flows), len(made))
        print(f"{len(self.server.peers)} requests, {filtered} events of their connections left out")


if __name__ == "__main__":
    unittest.main()
