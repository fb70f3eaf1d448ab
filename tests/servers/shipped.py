# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests on real servers share: a ledger, natledger-ship, and what the server has of it."""
import collections
import json
import os
import shutil
import subprocess
import tempfile

import servers
import ship_program

TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))
NATLEDGER = os.environ.get("NATLEDGER", "")
MADE_LEDGER = os.environ.get("NATLEDGER_MADE_LEDGER", "")
PATIENCE_S = 180 if TIMES == 1 else 900


def run(*argv, status=0):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == status, (argv, done.returncode, done.stdout, done.stderr)
    return done.stdout


class Shipped:
    """For a TestCase whose make_server() says on which server. One start serves all its tests."""

    setup_user = ship_user = None
    stream = "logs-conntrack.nat-default"
    server = folder = ledger = None
    records = ()

    @classmethod
    def setUpClass(cls):
        cls.server = cls.make_server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        cls.folder = tempfile.mkdtemp(prefix="natledger-shipped-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        print(f"\n{cls.server.name}")

    @classmethod
    def make_ledger(cls, name, lines, segments, seed):
        """Its folder, and its records."""
        ledger = os.path.join(cls.folder, name)
        run(MADE_LEDGER, "make", ledger, str(lines), str(segments), str(seed))
        return ledger, [json.loads(line) for line in run(NATLEDGER, "cat", ledger).splitlines()]

    def setUp(self):
        self.config = os.path.join(self.folder, "natledger.yaml")
        self.configure(self.ship_user)
        self.ship = ship_program.Ship(self.config, os.path.join(self.folder, "log"),
                                      patience_s=PATIENCE_S)
        self.addCleanup(self.ship.kill)

    def configure(self, user, more="", url=None, password=servers.PASSWORD):
        options = [f'hosts: ["{url or self.server.url}"]', "flush_interval: 100ms"]
        if user:
            options += [f"username: {user}", f"password: {password}"]
        if self.server.authority:
            options.append(f"ssl: {{certificate_authorities: {self.server.authority}}}")
        if more:
            options.append(more)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"ledger: {{directory: {self.ledger}, state: {self.ledger}/state}}\n"
                       f"output.elasticsearch: {{{', '.join(options)}}}\n")

    def ship_all(self):
        self.ship.start()
        return self.finish()

    def finish(self):
        one = self.ship.wait_delivered()
        self.ship.stop()
        return one

    def search(self, query, **more):
        self.server.call("POST", f"/{self.stream}/_refresh")
        return self.server.call("POST", f"/{self.stream}/_search",
                                {"size": 0, "track_total_hits": True, "query": query, **more})

    def count(self, query):
        return self.search(query)["hits"]["total"]["value"]

    def backing_indices(self):
        return self.server.call("GET", f"/{self.stream}/_search?size=0")["_shards"]["total"]

    def check_once(self, but=()):
        """Each id is in the index once, over all backing indices; those of the numbers `but` are
        not."""
        self.check_finds({"match_all": {}}, [record for record in self.records
                                             if record["event.sequence"] not in but])

    def check_finds(self, query, records):
        """It finds the documents of these records, once each, and no other."""
        self.server.call("POST", f"/{self.stream}/_refresh")
        counts, after = collections.Counter(), None
        while page := self.page_of_ids(query, after):
            counts.update({bucket["key"]["id"]: bucket["doc_count"] for bucket in page})
            after = page[-1]["key"]
        wanted = {record["event.id"] for record in records}
        self.assertEqual([name for name in sorted(wanted) if counts[name] != 1], [])
        self.assertEqual(set(counts), wanted)

    def page_of_ids(self, query, after):
        """How often there is each id of what it finds, after the key of the page before."""
        by_id = {"size": 5000, "sources": [{"id": {"terms": {"field": "event.id"}}}]}
        if after:
            by_id["after"] = after
        answer = self.server.call("POST", f"/{self.stream}/_search", {
            "size": 0, "query": query, "aggs": {"all": {"composite": by_id}}})
        return answer["aggregations"]["all"]["buckets"]

    def audit(self, status=0):
        report = json.loads(run(ship_program.PROGRAM, "audit", "--json", "--config", self.config,
                                status=status))
        self.assertEqual(report["whole"], status == 0)
        return report
