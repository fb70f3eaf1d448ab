# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that can go wrong between natledger-ship and its server, each alone and then mixed:
every record is in the index once or among the dead letters once."""
import json
import os
import random
import re
import shutil
import time
import typing
import unittest
from datetime import datetime

import elasticsearch
import faults
import faulty
from faulty import NATLEDGER
from waiting import PATIENCE_S, wait_for

TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))


class Row(typing.NamedTuple):
    """A fault, and what the log says of it. `holds`: somebody has to mend it, so it waits long."""
    fault: object
    says: str
    holds: bool = False


LIFTED = {
    "reset unread": Row(faults.reset_unread, "reset by peer"),
    "reset behind": Row(faults.reset_behind, "reset by peer"),
    "cut": Row(faults.cut, "send to "),
    "broken JSON": Row(faults.broken_json, "sent an answer that is no whole JSON"),
    "wrong count": Row(faults.wrong_count, "did not answer for each of the 100 records"),
    "dripping": Row(faults.dripping, "timed out"),
    "endless": Row(faults.endless, "the answer does not end"),
    "HTML 200": Row(faults.status(200, faults.HTML, kind="text/html"),
                    "sent an answer that is no whole JSON"),
    "HTML 502": Row(faults.status(502, faults.HTML, kind="text/html"),
                    "answered status 502 (look at the server)"),
    "429": Row(faults.status(429), "answered status 429 status_429: for the test (it has too much"),
    "408": Row(faults.status(408), "answered status 408"),
    "500": Row(faults.status(500), "answered status 500"),
    "503": Row(faults.status(503), "answered status 503"),
    "403 block": Row(faults.error(403, "cluster_block_exception", "FORBIDDEN/6"),
                     "(the cluster is blocked: make room on it, or lift the block)"),
    "302": Row(faults.redirect, "is that the right address, and is there a proxy", True),
    "401": Row(faults.status(401), "look at the credentials, and at the rights", True),
    "403": Row(faults.status(403), "look at the credentials, and at the rights", True),
    "404": Row(faults.status(404), "is that the right address", True),
    "HTML 400": Row(faults.status(400, faults.HTML, kind="text/html"),
                    "status 400 (is that the right address, and is there a proxy", True),
    "405": Row(faults.status(405), "is that the right address", True),
    "406": Row(faults.status(406), "is that the right address", True),
    "415": Row(faults.status(415), "is that the right address", True),
    "501": Row(faults.status(501), "is that the right address", True),
    "item 429": Row(faults.item_faults["item 429"], "did not take 50 of 100 records yet"),
    "item 503": Row(faults.item_faults["item 503"], "the server has too much to do, or is not"),
    "item 403 block": Row(faults.item_faults["item 403 block"],
                          "the index is blocked: make room on the server, or lift the block"),
    "item 403": Row(faults.item_faults["item 403"],
                    "give its role create_doc and auto_configure", True),
    "item 404": Row(faults.item_faults["item 404"], "natledger-ship setup elasticsearch", True),
    "item closed": Row(faults.item_faults["item closed"], "natledger-ship setup", True),
}


class Alone(faulty.Shipped):

    def warnings(self):
        return [line for line in self.ship.log().splitlines() if " warning: ship to " in line]

    def check_lifted(self, row):
        """The fault is there for a while, and then it is not."""
        self.server.fault = row.fault
        self.ship.start()
        self.ship.wait_said(row.says)
        before = self.server.bulks
        time.sleep(1)
        if row.holds:
            self.assertLessEqual(self.server.bulks - before, 1, "it asks and asks")
        self.assertEqual(len(self.warnings()), 1, self.ship.log())
        self.server.fault = None
        if row.holds:
            self.ship.hang_up()
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})

    def test_faults_that_are_lifted(self):
        for name, row in LIFTED.items():
            with self.subTest(name):
                self.begin()
                self.check_lifted(row)

    def ship_with(self, fault):
        self.server.fault = fault
        self.ship.start()
        self.ship.wait_delivered()
        self.ship.stop()
        return self.check_once()

    def test_refused_connections(self):
        self.server.refusing = True
        self.ship.start()
        self.ship.wait_said("reset by peer")
        self.server.refusing = False
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})

    def test_nobody_listens(self):
        self.configure(hosts='["http://127.0.0.1:1"]')
        self.ship.start()
        self.ship.wait_said("Couldn't connect to server")
        self.assertEqual(len(self.warnings()), 1, self.ship.log())
        self.configure()
        self.ship.hang_up()
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})

    def test_the_next_host_is_asked(self):
        self.configure(hosts=f'["http://127.0.0.1:1", "{self.server.url}"]')
        self.assertEqual(self.ship_with(None), {})

    def test_the_next_host_is_asked_where_one_answers_rubbish(self):
        other = elasticsearch.Elasticsearch()
        self.addCleanup(other.stop)
        other.fault = LIFTED["HTML 200"].fault
        self.configure(hosts=f'["{other.url}", "{self.server.url}"]')
        self.assertEqual(self.ship_with(None), {})

    def test_hosts_that_are_no_urls(self):
        says = '"localhost:9200" is no URL (https://host:9200)'
        self.configure(hosts='["localhost:9200"]')
        self.ship.start()
        self.assertEqual(self.ship.process.wait(timeout=PATIENCE_S), 2, self.ship.log())
        self.assertIn(says, self.ship.log())
        self.configure()
        self.ship.start()
        self.ship.wait_said("shipping to elasticsearch")
        self.configure(hosts='["localhost:9200"]')
        self.ship.hang_up()
        self.ship.wait_said(f"{says}; everything stays as it was")
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})

    def test_status_says_how_late_it_is_and_for_how_long(self):
        self.server.fault = lambda *_: time.sleep(0.2)
        self.configure(bulk_max_size=2)
        self.ship.start()
        wait_for("some to be delivered", lambda: self.server.bulks > 3)
        said = re.search(r"elasticsearch: (\d+) records wait from (\d+) on, the oldest for (\d+) "
                         r"s; (\d+) records/s go, all in about (\d+) s",
                         self.ship.said("--for", "2s"))
        waiting, first, lag, rate, left = map(int, said.groups())
        times = {one["event.sequence"]: datetime.fromisoformat(one["@timestamp"][:-1])
                 for one in map(json.loads, faulty.run(NATLEDGER, "cat", self.ledger).splitlines())}
        last = max(times)
        self.assertEqual(waiting, last + 1 - first)
        oldest = min(number for number in times if number >= first)
        self.assertEqual(lag, int((times[last] - times[oldest]).total_seconds()))
        self.assertTrue(1 <= rate <= 10, rate)
        self.assertAlmostEqual(left, waiting / rate, delta=left / 2)

    def test_retry_after_is_kept_to(self):
        self.server.fault = faults.status(429, headers=("Retry-After: 1",))
        self.ship.start()
        wait_for("the first request", lambda: self.server.bulks)
        time.sleep(2.2)
        self.assertLessEqual(self.server.bulks, 4)
        self.server.fault = None
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})

    def test_a_proxy_that_cannot_unpack(self):
        self.assertEqual(self.ship_with(faults.silent_on_gzip), {})
        self.assertIn("bodies go plain from now on", self.ship.log())

    def test_an_old_server_that_knows_no_filter_path(self):
        self.assertEqual(self.ship_with(faults.unknown_parameter), {})

    def test_too_large_requests(self):
        self.assertEqual(self.ship_with(faults.too_large), {})

    def test_a_record_that_is_too_large(self):
        dead = self.ship_with(faults.status(413, b""))
        self.assertEqual(set(dead), self.wanted)

    def test_a_record_that_spoils_its_request(self):
        self.assertEqual(set(self.ship_with(faults.poisoned_request)), {77})
        self.assertIn("status 400 illegal_argument_exception: the record is poison",
                      self.ship.log())

    def test_records_that_no_index_takes(self):
        self.server.poison = {5, 6, 100, 299}
        self.assertEqual(set(self.ship_with(None)), {5, 6, 100, 299})
        self.assertIn("status 400 document_parsing_exception: failed to parse", self.ship.log())

    def test_a_line_that_lost_its_id(self):
        """A damaged disk changed one letter."""
        self.ledger = shutil.copytree(self.ledger, os.path.join(self.folder, "ledger"))
        path = os.path.join(self.ledger, "conntrack.json")
        with open(path, "r+b") as file:
            lines = file.read().splitlines(keepends=True)
            lines[7] = lines[7].replace(b'"event.id"', b'"event.ie"')
            file.seek(0)
            file.writelines(lines)
        self.configure()
        self.assertEqual(set(self.ship_with(None)), {json.loads(lines[7])["event.sequence"]})
        self.assertIn("status 0 no_id: the line is damaged", self.ship.log())

    def spoilt(self):
        """How many these do something to: two of each hundred, from the eighth on."""
        return len(range(7, len(self.wanted), 50))

    def test_the_failure_store(self):
        self.assertEqual(len(self.ship_with(faults.kept_in_failure_store)), self.spoilt())
        self.assertIn("kept it in the failure store", self.ship.log())

    def test_a_failure_store_that_failed(self):
        self.assertEqual(len(self.ship_with(faults.failed_failure_store)), self.spoilt())

    def test_somebody_elses_documents_under_our_ids(self):
        dead = self.ship_with(faults.foreign_document)
        self.assertEqual(len(dead), self.spoilt())
        self.assertIn("id_collision", self.ship.log())

    def test_rollovers_between_a_lost_answer_and_the_next(self):
        """Each batch's first answer is lost, and the stream rolls over."""
        seen = set()

        def once(server, connection, request):
            lost = request.body[:200] not in seen
            seen.add(request.body[:200])
            return faults.rolled_over_behind(server, connection, request) if lost else None
        self.assertEqual(self.ship_with(once), {})
        self.assertGreater(len(self.server.indices), 2)


class Mixed(faulty.Shipped):
    """At random, with the program killed at random."""

    lines = 3000 * TIMES
    kills = 10 * TIMES
    poison_share = 0.01

    def test_mixed(self):
        seed = os.environ.get("NATLEDGER_SEED") or str(random.randrange(2**32))
        print(f"\nseed {seed}")
        dice = random.Random(seed)
        wanted = sorted(self.wanted)
        self.server.poison = set(dice.sample(wanted, int(len(wanted) * self.poison_share)))
        self.server.fault = faults.at_random(dice)
        killed = []
        while len(killed) < self.kills:
            self.configure(bulk_max_size=5, worker=dice.choice((1, 4)), timeout="200ms",
                           backoff="{init: 5ms, max: 20ms}")
            self.ship.start()
            time.sleep(dice.uniform(0.1, 1.2))
            # Half of them whatever it does then, half with the next request.
            if dice.random() < 0.5:
                seen = len(self.server.served)
                wait_for("a request", lambda at=seen: len(self.server.served) > at)
            self.ship.lives()
            killed.append(time.monotonic())
            self.ship.kill()
        self.ship.start()
        self.ship.wait_delivered(patience_s=600)
        self.ship.stop()
        dead = self.check_once()
        self.assertEqual(set(dead), self.server.poison)
        amid = sum(any(one.under_way(at) for one in self.server.served) for at in killed)
        self.assertGreaterEqual(amid, 0.3 * self.kills)
        self.assertGreaterEqual(self.server.bulks, 1000 * TIMES)
        print(f"{self.server.bulks} requests, {self.kills} kills, {amid} of them amid one; "
              f"{len(self.wanted)} records, {len(dead)} dead letters, "
              f"{len(self.server.indices)} backing indices")


if __name__ == "__main__":
    unittest.main()
