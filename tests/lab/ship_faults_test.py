# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that fails in every way, mixed at random, while the agent and natledger-ship are killed:
each line of the ledger is in the index once or among the dead letters once."""
import collections
import json
import os
import random
import signal
import time
import unittest

import agent
import elasticsearch
import faults
import generator
import shipping

TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))
KILLS = 10 * TIMES
REQUESTS = 1000 * TIMES
ADDRESS, PORT = "19.1.16.7", 9200
POISON = 97  # of so many numbers one that no index takes


class PoisonedNumbers:
    def __contains__(self, number):
        return number % POISON == 0


class ShipFaults(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.seed = os.environ.get("NATLEDGER_SEED") or str(random.randrange(2**32))
        print(f"\nseed {self.seed}")
        self.dice = random.Random(self.seed)
        with self.lab.inside("server"):
            self.server = elasticsearch.Elasticsearch(address=ADDRESS, port=PORT)
        self.addCleanup(self.server.stop)
        self.server.poison = PoisonedNumbers()
        self.server.fault = faults.at_random(self.dice)
        self.agent = agent.Agent(self.lab)
        self.ship = shipping.Ship(self.agent)

    def configure(self):
        self.agent.configure(
            f'output.elasticsearch: {{hosts: ["http://{ADDRESS}:{PORT}"], bulk_max_size: 5, '
            f"worker: {self.dice.choice((1, 4))}, timeout: 200ms, flush_interval: 10ms, "
            "backoff: {init: 5ms, max: 20ms}}\n")

    def kill_one(self):
        """The agent, natledger-ship, or both, at any instant or amid a request. When that was."""
        time.sleep(self.dice.uniform(0.1, 1.2))
        child = agent.wait_for("natledger-ship", self.agent.children)[-1]
        victims = self.dice.choice(((self.agent.process.pid,), (child,),
                                    (self.agent.process.pid, child)))
        if self.dice.random() < 0.5:
            seen = len(self.server.served)
            agent.wait_for("a request", lambda: len(self.server.served) > seen)
        at = time.monotonic()
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        agent.wait_for("natledger-ship to be gone", lambda: child not in self.agent.children())
        if self.agent.process.pid in victims:
            self.agent.process.wait()
            self.configure()
            self.agent.start()
        else:
            # Else it pauses longer each time.
            self.agent.hang_up()
        return at

    def test_mixed(self):
        self.configure()
        self.agent.start()
        load = generator.Generator(self.lab, "churn", 3 * REQUESTS, live=200, batch=5,
                                   per_second=300)
        killed = [self.kill_one() for _ in range(KILLS)]
        made = load.done()
        self.agent.wait_written()
        self.ship.wait_delivered(patience_s=600)
        self.agent.stop(whole_run=False)
        # Also what the stop itself said.
        self.ship.start()
        self.ship.wait_delivered()
        self.ship.stop()
        self.check(made, killed)

    def check(self, made, killed):
        records = self.agent.ledger.records()
        wanted = {record["event.sequence"] for record in records}
        letters = f"{self.agent.state}/dead-letters/elasticsearch.ndjson"
        with open(letters, encoding="utf-8") as file:
            dead = collections.Counter(json.loads(line)["sequence"] for line in file)
        both = self.server.sequences() + dead
        self.assertEqual({number: count for number, count in both.items() if count != 1}, {})
        self.assertEqual(set(both), wanted)
        self.assertEqual(set(dead), {number for number in wanted if number % POISON == 0})
        gaps = {record["coverage.reason"] for record in records
                if record["event.action"] == "coverage-gap"}
        self.assertLessEqual(gaps, {"agent-down"})
        amid = sum(any(one.under_way(at) for one in self.server.served) for at in killed)
        print(f"{len(made)} events, {self.server.bulks} requests, {len(killed)} kills, {amid} of "
              f"them amid one; {len(wanted)} records, {len(dead)} dead letters, "
              f"{len(self.server.indices)} backing indices")
        self.assertGreaterEqual(amid, 0.3 * KILLS)
        self.assertGreaterEqual(self.server.bulks, REQUESTS)


if __name__ == "__main__":
    unittest.main()
