# SPDX-License-Identifier: GPL-2.0-or-later
"""A ledger shipped to real servers: everything arrives, once, and is found."""
import collections
import ipaddress
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import servers

TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))
LINES = 20_000 * TIMES
KILLS = 10 * TIMES
NATLEDGER = os.environ.get("NATLEDGER", "")
SHIP = os.environ.get("NATLEDGER_SHIP", "")
MADE_LEDGER = os.environ.get("NATLEDGER_MADE_LEDGER", "")
STREAM = "logs-conntrack.nat-default"
PATIENCE_S = 180
INSIDE = "192.168.0.0/22"


def run(*argv, status=0):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == status, (argv, done.returncode, done.stdout, done.stderr)
    return done.stdout


class OneServer:
    """What has to hold on each; the classes below say which one."""

    setup_user = ship_user = None
    records = None

    @classmethod
    def setUpClass(cls):
        cls.server = cls.make_server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        cls.folder = tempfile.mkdtemp(prefix="natledger-shipped-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.ledger = os.path.join(cls.folder, "ledger")
        run(MADE_LEDGER, "make", cls.ledger, str(LINES), "4", "7")
        run(MADE_LEDGER, "archive", cls.ledger, "2")
        cls.records = [json.loads(line) for line in run(NATLEDGER, "cat", cls.ledger).splitlines()]
        print(f"\n{cls.server.name}")

    def setUp(self):
        self.process = None
        self.config = os.path.join(self.folder, "natledger.yaml")
        self.configure(self.ship_user)
        self.addCleanup(self.end)

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def configure(self, user, more=""):
        options = [f'hosts: ["{self.server.url}"]', "flush_interval: 100ms"]
        if user:
            options += [f"username: {user}", f"password: {servers.PASSWORD}"]
        if self.server.authority:
            options.append(f"ssl: {{certificate_authorities: {self.server.authority}}}")
        if more:
            options.append(more)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"ledger: {{directory: {self.ledger}, state: {self.ledger}/state}}\n"
                       f"output.elasticsearch: {{{', '.join(options)}}}\n")

    def start(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen([SHIP, "run", "--config", self.config], stderr=log)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            return file.read()

    def status(self):
        report = json.loads(run(SHIP, "status", "--json", "--for", "0", "--config",
                                self.config))
        one, = report["destinations"] or [None]
        if one:
            parts = ("delivered", "duplicate", "dead_lettered", "not_selected", "missing")
            self.assertEqual(sum(one[part] for part in parts), one["next"] - 1)
        return one

    def wait_delivered(self):
        give_up = time.monotonic() + PATIENCE_S
        while not (one := self.status()) or one["waiting"]:
            self.assertIsNone(self.process.poll(), self.log())
            self.assertLess(time.monotonic(), give_up, self.log())
            time.sleep(0.2)
        return one

    def ship_all(self):
        self.start()
        one = self.wait_delivered()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=60), 0)
        return one

    def forget(self):
        """The cursor, so that the whole ledger is shipped again."""
        shutil.rmtree(os.path.join(self.ledger, "state", "cursors"), ignore_errors=True)

    def search(self, query, **more):
        self.server.call("POST", f"/{STREAM}/_refresh")
        return self.server.call("POST", f"/{STREAM}/_search",
                                {"size": 0, "track_total_hits": True, "query": query, **more})

    def count(self, query):
        return self.search(query)["hits"]["total"]["value"]

    def check_once(self):
        """Each number is in the index once, over all backing indices."""
        self.server.call("POST", f"/{STREAM}/_refresh")
        counts, after = collections.Counter(), None
        while page := self.page_of_numbers(after):
            counts.update({bucket["key"]["number"]: bucket["doc_count"] for bucket in page})
            after = page[-1]["key"]
        wanted = [record["event.sequence"] for record in self.records]
        self.assertEqual([number for number in wanted if counts[number] != 1], [])
        self.assertEqual(len(counts), len(wanted))

    def page_of_numbers(self, after):
        """How often there is each number, of all documents, after the key of the page before."""
        by_number = {"size": 5000, "sources": [{"number": {"terms": {"field": "event.sequence"}}}]}
        if after:
            by_number["after"] = after
        answer = self.server.call("POST", f"/{STREAM}/_search",
                                  {"size": 0, "aggs": {"all": {"composite": by_number}}})
        return answer["aggregations"]["all"]["buckets"]

    def test_1_setup(self):
        self.configure(self.setup_user)
        first = run(SHIP, "setup", "elasticsearch", "--keep", "90d", "--config", self.config)
        self.assertNotIn("\n0 changed\n", first)
        for made in ("component template conntrack-nat@mappings: made",
                     "component template conntrack-nat@settings: made",
                     "index template logs-conntrack.nat: made"):
            self.assertIn(made, first)
        second = run(SHIP, "setup", "elasticsearch", "--keep", "90d", "--config", self.config)
        self.assertIn("\n0 changed\n", second)
        print(second, end="")

    def test_2_ship(self):
        one = self.ship_all()
        self.assertEqual(one["delivered"], len(self.records), self.log())
        self.check_once()
        self.check_mapping()
        self.check_found()
        self.forget()
        again = self.ship_all()
        self.assertEqual(again["duplicate"], len(self.records), self.log())
        self.check_once()
        print(f"{len(self.records)} records, once each; again: all of them duplicates")

    def check_mapping(self):
        wanted = json.loads(run(NATLEDGER, "fields", "--format", "template"))["properties"]
        caps = self.server.call("GET", f"/{STREAM}/_field_caps?fields=*")["fields"]
        for name, how in wanted.items():
            kind = how["type"] if how["type"] != "alias" else wanted[how["path"]]["type"]
            self.assertEqual(list(caps[name]), [kind], name)
        leaves = {name for name, types in caps.items()
                  if not name.startswith("_") and list(types) != ["object"]}
        self.assertEqual(leaves - set(wanted), set())
        known = {key for record in self.records for key in record}
        self.assertEqual(known - set(wanted), set())

    def check_found(self):
        ports = collections.Counter(port for record in self.records
                                    for port in record.get("conntrack.nat.port", ()))
        for port, count in (ports.most_common(3) + ports.most_common()[-3:]):
            self.assertEqual(self.count({"term": {"conntrack.nat.port": port}}), count, port)
        network = ipaddress.ip_network(INSIDE)
        inside = sum(ipaddress.ip_address(record["src_ip"]) in network
                     for record in self.records if "src_ip" in record)
        self.assertGreater(inside, 0)
        self.assertLess(inside, len(self.records))
        for field in ("src_ip", "source.ip"):
            self.assertEqual(self.count({"term": {field: INSIDE}}), inside, field)

    def test_3_killed_amid_rollovers(self):
        """Whatever is in flight when it dies, and wherever the stream goes meanwhile."""
        self.forget()
        dice = random.Random(os.environ.get("NATLEDGER_SEED"))
        for number in range(KILLS):
            self.configure(self.ship_user, "bulk_max_size: 200, timeout: 5s, "
                                           f"worker: {dice.choice((1, 4))}")
            self.start()
            time.sleep(dice.uniform(0.05, 0.4))
            self.process.kill()
            self.process.wait()
            if number % 3 == 0:
                self.server.call("POST", f"/{STREAM}/_rollover")
        self.ship_all()
        self.check_once()
        indices = self.server.call("GET", f"/{STREAM}/_search?size=0")["_shards"]["total"]
        print(f"{KILLS} kills, {indices} backing indices, {len(self.records)} records once each")
        letters = f"{self.ledger}/state/dead-letters/elasticsearch.ndjson"
        self.assertEqual(os.path.getsize(letters), 0)


    def audit(self, status=0):
        report = json.loads(run(SHIP, "audit", "--json", "--config", self.config, status=status))
        self.assertEqual(report["whole"], status == 0)
        return report

    def backing_index(self, event_id):
        """Which one has it."""
        hits = self.server.call("POST", f"/{STREAM}/_search",
                                {"query": {"term": {"event.id": event_id}}})["hits"]["hits"]
        return hits[0]["_index"]

    def test_4_audit_and_backfill(self):
        """What somebody took away or doubled is seen; what is missing is delivered again, and
        nothing else, wherever in the stream it is."""
        self.assertEqual(self.audit()["once"], len(self.records))
        dice = random.Random(os.environ.get("NATLEDGER_SEED"))
        lost = sorted(dice.sample(self.records, 30), key=lambda one: one["event.sequence"])
        for record in lost:
            index = self.backing_index(record["event.id"])
            self.server.call("DELETE", f"/{index}/_doc/{record['event.id']}")
        twice = next(one for one in self.records if one not in lost)
        first = self.backing_index(twice["event.id"])
        newest = self.server.call("PUT", f"/{STREAM}/_create/{twice['event.id']}", twice)["_index"]
        self.assertNotEqual(first, newest)
        # The role that ships may not.
        self.server.call("POST", f"/{STREAM}/_refresh")
        report = self.audit(status=1)
        numbers = [number for first, last in report["missing"] for number in range(first, last + 1)]
        self.assertEqual(numbers, [record["event.sequence"] for record in lost])
        self.assertEqual(report["doubled"], [[twice["event.sequence"]] * 2])
        self.server.call("DELETE", f"/{newest}/_doc/{twice['event.id']}")
        said = run(SHIP, "backfill", "--from", "1", "--config", self.config)
        self.assertIn(", 0 are dead letters\n", said)
        self.audit()
        self.check_once()
        print(f"30 records lost and found: {said}", end="")

    def test_5_dead_letters(self):
        """What is refused waits for somebody to mend the cause."""
        whole, stream = self.ledger, "logs-conntrack.nat-refused"
        self.ledger = os.path.join(self.folder, "refused")
        self.addCleanup(setattr, self, "ledger", whole)
        run(MADE_LEDGER, "make", self.ledger, "300", "1", "11")
        admin = self.server.user and self.server.user[0]
        self.configure(admin, f"data_stream: {stream}")
        template = {"index_patterns": [f"{stream}*"], "data_stream": {}, "priority": 500,
                    "template": {"mappings": {"properties": {"event.id": {"type": "long"}}}}}
        self.server.call("PUT", "/_index_template/refusing", template)
        refused = self.ship_all()
        count = refused["dead_lettered"]
        self.assertEqual(refused["next"] - 1 - refused["missing"], count)
        letters = f"{self.ledger}/state/dead-letters/elasticsearch.ndjson"
        with open(letters, encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), count)
        again = run(SHIP, "retry-dead-letters", "--config", self.config, status=1)
        self.assertEqual(again, f"0 delivered, 0 were there, {count} are dead letters\n")
        with open(letters, encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), count)
        template["template"]["mappings"]["properties"]["event.id"]["type"] = "keyword"
        template["template"]["mappings"]["properties"]["event.sequence"] = {"type": "long"}
        self.server.call("PUT", "/_index_template/refusing", template)
        self.server.call("POST", f"/{stream}/_rollover")
        mended = run(SHIP, "retry-dead-letters", "--config", self.config)
        self.assertEqual(mended, f"{count} delivered, 0 were there, 0 are dead letters\n")
        self.assertEqual(os.path.getsize(letters), 0)
        self.assertEqual(self.audit()["once"], count)
        print(f"{count} dead letters, delivered when the mapping was mended")


class NewestElasticsearch(OneServer, unittest.TestCase):
    """With security on: each does what it must with the least rights."""

    setup_user, ship_user = "natledger_setup", "natledger_ship"

    @classmethod
    def make_server(cls):
        roles = json.loads(run(SHIP, "setup", "elasticsearch", "--print-role"))
        return servers.Elasticsearch(9311, roles=roles)


class OpenSearch2(OneServer, unittest.TestCase):

    @classmethod
    def make_server(cls):
        return servers.OpenSearch(9313)


if __name__ == "__main__":
    said = servers.newest_elasticsearch()[1]
    if said:
        print(said)
    unittest.main()
