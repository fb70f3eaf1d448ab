# SPDX-License-Identifier: GPL-2.0-or-later
"""A ledger shipped to real servers: everything arrives, once, and is found."""
import collections
import ipaddress
import json
import os
import random
import shutil
import time
import unittest

import agent_state
import servers
from ship_program import PROGRAM
from shipped import MADE_LEDGER, NATLEDGER, TIMES, Shipped, run

LINES = 20_000 * TIMES
KILLS = 10 * TIMES
INSIDE = "192.168.0.0/22"


class OneServer(Shipped):
    """What has to hold on each; the classes below say which one."""

    keep = ("--keep", "90d")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ledger, cls.records = cls.make_ledger("ledger", LINES, 4, 7)
        run(MADE_LEDGER, "archive", cls.ledger, "2")

    def forget(self):
        """The cursor, so that the whole ledger is shipped again."""
        shutil.rmtree(os.path.join(self.ledger, "state", "cursors"), ignore_errors=True)

    def test_1_setup(self):
        setup = (PROGRAM, "setup", "elasticsearch", *self.keep, "--config", self.config)
        if self.ship_user:
            self.configure(self.ship_user)
            run(*setup, status=1)  # has no right to
        self.configure(self.setup_user)
        first = run(*setup)
        self.assertNotIn("\n0 changed\n", first)
        for made in ("component template conntrack-nat@mappings: made",
                     "component template conntrack-nat@settings: made",
                     "index template logs-conntrack.nat: made"):
            self.assertIn(made, first)
        second = run(*setup)
        self.assertIn("\n0 changed\n", second)
        print(second, end="")

    def test_2_ship(self):
        one = self.ship_all()
        self.assertEqual(one["delivered"], len(self.records), self.ship.log())
        self.check_once()
        self.check_mapping()
        self.check_searches()
        self.forget()
        again = self.ship_all()
        self.assertEqual(again["duplicate"], len(self.records), self.ship.log())
        self.check_once()
        print(f"{len(self.records)} records, once each; again: all of them duplicates")

    def check_mapping(self):
        wanted = json.loads(run(NATLEDGER, "fields", "--format", "template"))["properties"]
        caps = self.server.call("GET", f"/{self.stream}/_field_caps?fields=*")["fields"]
        for name, how in wanted.items():
            kind = how["type"] if how["type"] != "alias" else wanted[how["path"]]["type"]
            self.assertEqual(list(caps[name]), [kind], name)
        leaves = {name for name, types in caps.items()
                  if not name.startswith("_") and list(types) != ["object"]}
        self.assertEqual(leaves - set(wanted), set())
        known = {key for record in self.records for key in record}
        self.assertEqual(known - set(wanted), set())

    def check_searches(self):
        """By translated port, and by network: what the ledger has, and nothing else."""
        by_port = collections.defaultdict(list)
        for record in self.records:
            for port in record.get("conntrack.nat.port", ()):
                by_port[port].append(record)
        ports = sorted(by_port, key=lambda port: len(by_port[port]))
        for port in ports[:3] + ports[-3:]:
            self.check_finds({"term": {"conntrack.nat.port": port}}, by_port[port])
        network = ipaddress.ip_network(INSIDE)
        inside = [record for record in self.records
                  if "src_ip" in record and ipaddress.ip_address(record["src_ip"]) in network]
        self.assertGreater(len(inside), 0)
        self.assertLess(len(inside), len(self.records))
        for field in ("src_ip", "source.ip"):
            self.check_finds({"term": {field: INSIDE}}, inside)

    def test_3_killed_amid_rollovers(self):
        """Whatever is in flight when it dies, and wherever the stream goes meanwhile."""
        self.forget()
        dice = random.Random(os.environ.get("NATLEDGER_SEED"))
        for number in range(KILLS):
            self.configure(self.ship_user, "bulk_max_size: 200, timeout: 5s, "
                                           f"worker: {dice.choice((1, 4))}")
            self.ship.start()
            time.sleep(dice.uniform(0.05, 0.4))
            self.ship.kill()
            if number % 3 == 0:
                self.server.call("POST", f"/{self.stream}/_rollover")
        self.ship_all()
        self.check_once()
        print(f"{KILLS} kills, {self.backing_indices()} backing indices, "
              f"{len(self.records)} records once each")
        letters = f"{self.ledger}/state/dead-letters/elasticsearch.ndjson"
        self.assertEqual(os.path.getsize(letters), 0)

    def backing_index(self, event_id):
        """Which one has it."""
        hits = self.server.call("POST", f"/{self.stream}/_search",
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
        again = self.server.call("PUT", f"/{self.stream}/_create/{twice['event.id']}", twice)
        newest = again["_index"]
        self.assertNotEqual(first, newest)
        # The role that ships may not.
        self.server.call("POST", f"/{self.stream}/_refresh")
        report = self.audit(status=1)
        numbers = [number for first, last in report["missing"] for number in range(first, last + 1)]
        self.assertEqual(numbers, [record["event.sequence"] for record in lost])
        self.assertEqual(report["doubled"], [[twice["event.sequence"]] * 2])
        self.server.call("DELETE", f"/{newest}/_doc/{twice['event.id']}")
        said = run(PROGRAM, "backfill", "--from", "1", "--config", self.config)
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
        again = run(PROGRAM, "retry-dead-letters", "--config", self.config, status=1)
        self.assertEqual(again, f"0 delivered, 0 were there, {count} are dead letters\n")
        with open(letters, encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), count)
        template["template"]["mappings"]["properties"]["event.id"]["type"] = "keyword"
        template["template"]["mappings"]["properties"]["event.sequence"] = {"type": "long"}
        self.server.call("PUT", "/_index_template/refusing", template)
        self.server.call("POST", f"/{stream}/_rollover")
        mended = run(PROGRAM, "retry-dead-letters", "--config", self.config)
        self.assertEqual(mended, f"{count} delivered, 0 were there, 0 are dead letters\n")
        self.assertEqual(os.path.getsize(letters), 0)
        self.assertEqual(self.audit()["once"], count)
        print(f"{count} dead letters, delivered when the mapping was mended")

    def test_7_state_from_before_the_destination(self):
        """It looks as if nothing was ever sent; the server knows better."""
        self.ledger, self.records = self.make_ledger("earlier", 2000, 1, 17)
        self.configure(self.ship_user)
        state = os.path.join(self.ledger, "state")
        for fate in "delivered", "duplicate":
            agent_state.make_first(self.ledger, state)
            self.assertEqual(self.ship_all()[fate], len(self.records), self.ship.log())
            shutil.rmtree(state)
            for order in "_refresh", "_rollover", "_rollover":
                self.server.call("POST", f"/{self.stream}/{order}")
        ledger = self.records[0]["event.id"].split("-")[0]
        self.check_finds({"prefix": {"event.id": f"{ledger}-"}}, self.records)


class NewestElasticsearch(OneServer, unittest.TestCase):
    """With security on: each does what it must with the least rights."""

    setup_user, ship_user = "natledger_setup", "natledger_ship"
    port, version = 9311, None

    @classmethod
    def make_server(cls):
        roles = json.loads(run(PROGRAM, "setup", "elasticsearch", "--print-role"))
        return servers.Elasticsearch(cls.port, cls.version, roles=roles)


class Elasticsearch7(NewestElasticsearch):

    port, version = 9315, servers.ELASTICSEARCH_7
    # Without the module that has policies, 7.17 takes their path for a document of an index _ilm.
    keep = ()


@servers.of_all()
class Elasticsearch8(NewestElasticsearch):

    port, version = 9317, servers.ELASTICSEARCH_8


class OpenSearch2(OneServer, unittest.TestCase):

    port, version = 9313, servers.OPENSEARCH_2

    @classmethod
    def make_server(cls):
        return servers.OpenSearch(cls.port, cls.version)

    def test_6_a_pipeline_that_drops(self):
        """What the server took and threw away was not delivered. Only this one has such a part."""
        self.ledger, self.records = self.make_ledger("dropped", 300, 1, 13)
        self.stream = "logs-conntrack.nat-dropped"
        self.server.call("PUT", "/_ingest/pipeline/drops", {"processors": [
            {"drop": {"if": "ctx['event.action'] == 'flow-start'"}}]})
        self.server.call("PUT", "/_index_template/dropping", {
            "index_patterns": [self.stream], "data_stream": {}, "priority": 500,
            "composed_of": ["conntrack-nat@mappings", "conntrack-nat@settings"],
            "template": {"settings": {"index.default_pipeline": "drops"}}})
        self.configure(self.ship_user, f"data_stream: {self.stream}")
        dropped = [record["event.sequence"] for record in self.records
                   if record["event.action"] == "flow-start"]
        self.assertGreater(len(dropped), 0)
        self.assertEqual(self.ship_all()["dead_lettered"], len(dropped))
        self.check_once(but=dropped)
        self.assertIn("status 200 dropped: a pipeline of the server dropped it", self.ship.log())


@servers.of_all()
class OpenSearch2WithSecurity(OneServer, unittest.TestCase):
    """Its rights have names of their own."""

    setup_user, ship_user = "natledger_setup", "natledger_ship"

    @classmethod
    def make_server(cls):
        roles = json.loads(run(PROGRAM, "setup", "elasticsearch", "--print-role", "--server",
                               "opensearch"))
        return servers.OpenSearch(9321, roles=roles)


@servers.of_all(java_from=21)
class OpenSearch3(OpenSearch2):

    port, version = 9319, servers.OPENSEARCH_3


if __name__ == "__main__":
    said = servers.newest_elasticsearch()[1]
    if said:
        print(said)
    unittest.main()
