# SPDX-License-Identifier: GPL-2.0-or-later
"""A real server in trouble: nothing is lost, nothing is there twice, and the log says what it was.

One server for all, each case with a ledger and a data stream of its own.
"""
import contextlib
import json
import os
import threading
import time
import unittest

import servers
from relay import Relay
from ship_program import PROGRAM
from shipped import TIMES, Shipped, run

PORT, RELAY_PORT = 9351, 9352
STREAMS = "logs-conntrack.nat"
LINES = 4000
LOST_ANSWERS = 5 * TIMES
LOST_REMOVALS = 2 * TIMES  # amid the same doubt
# So that many requests are needed, and none waits longer than a test can.
SMALL = "bulk_max_size: 100, timeout: 10s, backoff: {init: 200ms, max: 1s}"
# One thread that writes, and one request that waits for it.
NARROW = "thread_pool.write.queue_size: 1\nnode.processors: 1\n"
# While somebody has to mend something, natledger-ship tries so seldom.
HOLD_S = 30
GOES_ON = "ship to elasticsearch: goes on"


class Trouble(Shipped, unittest.TestCase):

    setup_user, ship_user = "natledger_setup", "natledger_ship"

    @classmethod
    def make_server(cls):
        # The rights that --print-role asks for, on the stream of each case.
        text = run(PROGRAM, "setup", "elasticsearch", "--print-role")
        roles = json.loads(text.replace(f"{STREAMS}-default", f"{STREAMS}-*"))
        return servers.Elasticsearch(PORT, roles=roles, settings=NARROW)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls("configure")
        case.ledger, case.config = cls.folder, os.path.join(cls.folder, "natledger.yaml")
        case.configure(cls.setup_user)
        run(PROGRAM, "setup", "elasticsearch", "--config", case.config)

    def setUp(self):
        super().setUp()
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.folder, "log"))

    def begin(self, name, lines=LINES, more=SMALL, **how):
        """A ledger, a stream, and natledger-ship under way from the one to the other."""
        self.ledger, self.records = self.make_ledger(name, lines, 2, lines + len(name))
        self.stream = f"{STREAMS}-{name}"
        self.more = f"data_stream: {self.stream}, {more}"
        self.configure(self.ship_user, self.more, **how)
        self.ship.start()

    def wait_first(self):
        self.ship.wait_until("the first record to be delivered",
                             lambda: (one := self.ship.books()) and one["delivered"])

    def wait_some(self):
        """Amid the load: some are delivered, and some are not."""
        self.wait_first()
        self.assertTrue(self.ship.books()["waiting"], "there is too little to ship")

    def check_whole(self, refused=()):
        """What the index has, what audit says of it and what the books say agree."""
        one = self.finish()
        self.assertEqual(one["delivered"] + one["duplicate"], len(self.records) - len(refused))
        self.assertEqual(one["dead_lettered"], len(refused))
        self.assertEqual(one["lost"], 0)
        self.check_once(but=refused)
        self.assertEqual(self.audit()["once"], len(self.records) - len(refused))
        print(f"{self.id().rpartition('.')[2]}: {len(self.records)} records: "
              f"{one['delivered']} delivered, {one['duplicate']} were there, "
              f"{one['dead_lettered']} dead letters")
        return one

    def block(self, name, value):
        self.server.call("PUT", f"/{self.stream}/_settings", {f"index.blocks.{name}": value})

    def blocked(self, name, status):
        self.begin(name.replace("_", ""))
        self.wait_some()
        self.block(name, True)
        # Also where the test ends before its end.
        self.addCleanup(self.block, name, None)
        self.ship.wait_said(f"yet, the first with status {status} cluster_block_exception")
        self.assertIn("(the index is blocked: make room on the server, or lift the block)",
                      self.ship.log())
        before = self.ship.books()["next"]
        time.sleep(2)
        self.assertEqual(self.ship.books()["next"], before)
        self.block(name, None)
        self.check_whole()
        self.assertIn(GOES_ON, self.ship.log())

    def test_write_block(self):
        self.blocked("write", 403)

    def test_flood_stage(self):
        self.blocked("read_only_allow_delete", 429)

    def test_server_killed(self):
        self.begin("killed")
        self.wait_some()
        self.server.kill()
        self.ship.wait_said(f"send to {self.server.url}: ")
        self.server.start()
        up = time.monotonic()
        self.check_whole()
        self.assertIn(GOES_ON, self.ship.log())
        self.assertLess(time.monotonic() - up, 30, "it waits long after the server is back")

    def load(self, stop):
        document = json.dumps({"@timestamp": "2026-11-01T00:00:00Z", "dvc": "beside"})
        body = f'{{"create":{{}}}}\n{document}\n' * 500
        while not stop.is_set():
            self.server.call("POST", f"/{STREAMS}-beside/_bulk?filter_path=took", body)

    def test_queue_full(self):
        stop = threading.Event()
        others = [threading.Thread(target=self.load, args=(stop,)) for _ in range(6)]
        self.addCleanup(stop.set)
        for other in others:
            other.start()
        self.begin("queue", more=SMALL + ", worker: 4")
        self.ship.wait_said("yet, the first with status 429 es_rejected_execution_exception")
        stop.set()
        for other in others:
            other.join()
        self.assertIn("(the server has too much to do, or is not whole)", self.ship.log())
        self.check_whole()
        self.assertIn(GOES_ON, self.ship.log())

    def test_mapping_conflict(self):
        """Somebody mapped a field otherwise: the records that have it are refused, no others."""
        field = "conntrack.zone"
        parts = ["conntrack-nat@mappings", "conntrack-nat@settings"]
        self.server.call("PUT", "/_index_template/conflict", {
            "index_patterns": [f"{STREAMS}-conflict"], "data_stream": {}, "priority": 500,
            "composed_of": parts,
            "template": {"mappings": {"properties": {field: {"type": "ip"}}}}})
        self.begin("conflict")
        refused = [one["event.sequence"] for one in self.records if field in one]
        self.assertTrue(refused)
        self.ship.wait_said(" records were refused for good, one with status 400 "
                       "document_parsing_exception: ")
        self.assertIn(f"failed to parse field [{field}] of type [ip]", self.ship.log())
        self.check_whole(refused)
        with open(f"{self.ledger}/state/dead-letters/elasticsearch.ndjson",
                  encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), len(refused))

    def test_wrong_password(self):
        self.begin("password", password="of-somebody-else")
        self.ship.wait_said("answered status 401 security_exception: ")
        self.assertIn("(look at the credentials, and at the rights of their role)", self.ship.log())
        self.assertEqual(self.ship.books()["next"], 1)
        self.configure(self.ship_user, self.more)
        self.ship.hang_up()
        told = time.monotonic()
        self.wait_first()
        self.assertLess(time.monotonic() - told, HOLD_S / 2)
        self.check_whole()

    def roll_over_amid(self, name, part, times):
        """Every other answer to such requests is lost, and the stream is in the next index when
        natledger-ship asks again."""
        lost = []

        def is_lost(number):
            if number % 2 or len(lost) == times:
                return False
            lost.append(number)
            self.server.call("POST", f"/{self.stream}/_rollover")
            return True
        relay = Relay(self.server, RELAY_PORT, part, is_lost)
        self.addCleanup(relay.close)
        self.begin(name, 250 * times, SMALL.replace("10s", "3s"), url=relay.url)
        one = self.check_whole()
        self.assertEqual(len(lost), times)
        self.assertEqual(self.backing_indices(), times + 1)
        self.assertIn(f"send to {relay.url}: Empty reply from server", self.ship.log())
        return one["duplicate"]

    def test_rollover_amid_lost_answers(self):
        """The records are in the index before, and are sent again into the one behind it."""
        there = self.roll_over_amid("answers", "nat-answers/_bulk", LOST_ANSWERS)
        # And those that were sent again until it was certain where they are.
        self.assertGreaterEqual(there, 100 * LOST_ANSWERS)

    def test_rollover_amid_lost_removals(self):
        """So are those, and then nobody knows whether the copies are gone: all of it happens to
        the same hundred records."""
        self.assertGreaterEqual(self.roll_over_amid("removals", "/_bulk", LOST_REMOVALS), 100)


if __name__ == "__main__":
    said = servers.newest_elasticsearch()[1]
    if said:
        print(said)
    unittest.main()
