# SPDX-License-Identifier: GPL-2.0-or-later
"""rsyslog and syslog-ng, with the files of docs/tailing as they are but for paths and addresses,
on a ledger that is rotated while it grows, into a real Elasticsearch: every event.id is
there, and once. And ulogd2's lines, as logstash/ulogd.rb makes them, beside them.
"""
import collections
import json
import os
import subprocess
import sys
import time
import unittest

import growing
import servers
import shippers
from ship_program import PROGRAM
from shipped import TIMES, Shipped, run
from waiting import wait_for

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.append(os.path.join(ROOT, "tests", "logstash"))
import ulogd_test  # pylint: disable=wrong-import-position

PORT = 9361
STREAM = "logs-conntrack.nat-default"
ROTATIONS = 5 * TIMES
APART_S = 0.1  # a segment every 0.3 s or so, as shippers look now and then
PATIENCE_S = 120


class Sample:
    """A shipper whose configuration is a file of docs/tailing, behind what a distribution's own
    file says before it; `name` is that of the file and of the stream."""

    def configuration(self, folder, ledger_folder):
        path = os.path.join(ROOT, "docs", "tailing", f"{self.name}.conf")
        with open(path, encoding="ascii") as file:
            text = file.read()
        for there, here in (("/var/log/natledger/", f"{ledger_folder}/"),
                            ("/var/log/rsyslog-", f"{folder}/"), (STREAM, self.stream()),
                            *self.ADDRESSES):
            if there != "/var/log/rsyslog-" or self.name == "rsyslog":
                assert there in text, f"{path}: no {there}"
            text = text.replace(there, here)
        return self.BEFORE.format(folder=folder) + text

    @classmethod
    def stream(cls):
        return STREAM.replace("default", cls.name)


class Rsyslog(Sample, shippers.Rsyslog):
    name = "rsyslog"
    BEFORE = 'global(workDirectory="{folder}")\n'
    ADDRESSES = (('serverport="9200"', f'serverport="{PORT}"'),)


class SyslogNg(Sample, shippers.SyslogNg):
    name = "syslog-ng"
    BEFORE = "@version: 3.38\n"
    ADDRESSES = (("127.0.0.1:9200", f"127.0.0.1:{PORT}"),)


class Tailers(Shipped, unittest.TestCase):

    @classmethod
    def make_server(cls):
        return servers.Elasticsearch(PORT)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls("configure")
        case.ledger, case.config = cls.folder, os.path.join(cls.folder, "natledger.yaml")
        case.configure(None)
        run(PROGRAM, "setup", "elasticsearch", "--config", case.config)

    def start_shipper(self, kind, ledger_folder):
        def start(*argv, **options):
            process = subprocess.Popen(argv, **options)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            return process
        folder = os.path.join(self.folder, f"{kind.name}-{os.urandom(4).hex()}")
        return kind(start, folder, ledger_folder)

    def test_rotations(self):
        ledger = growing.Growing(os.path.join(self.folder, "growing"))
        both = [self.start_shipper(kind, ledger.folder) for kind in (Rsyslog, SyslogNg)]
        for one in both:
            self.wait_for(one, "the first record", lambda one=one: self.count_in(one) > 0)
        while ledger.rotations() < ROTATIONS:
            ledger.grow()
            time.sleep(APART_S)
        ledger.grow()
        self.records = ledger.records()
        for one in both:
            self.check_all(one)
        print(f"{ledger.rotations()} rotations: {len(self.records)} records, once each, by "
              f"{' and by '.join(one.name for one in both)}")
        self.check_read_again(both, ledger.folder)

    def check_all(self, one):
        self.wait_for(one, "every record", lambda: self.count_in(one) >= len(self.records))
        self.stream = one.stream()
        self.check_once()
        ids = [record["event.id"] for record in self.records]
        for first in range(0, len(ids), 1000):
            some = ids[first:first + 1000]
            self.assertEqual(self.count({"ids": {"values": some}}), len(some))

    def check_read_again(self, both, folder):
        """By one that knows nothing of what was read before: the server says that it is there."""
        with open(os.path.join(folder, "conntrack.json"), encoding="utf-8") as file:
            lines = len(file.readlines())
        self.assertGreater(lines, 0)
        for one in both:
            one.process.kill()
            one.process.wait()
            before = self.conflicts(one)
            self.start_shipper(type(one), folder)
            self.wait_for(one, "lines to be read again",
                          lambda: self.conflicts(one) >= before + lines)
            self.check_all(one)

    def count_in(self, one):
        self.stream = one.stream()
        try:
            return self.count({"match_all": {}})
        except servers.ServerError:
            return 0  # no stream yet

    def conflicts(self, one):
        """How many documents the server has refused there, as it had them."""
        stats = self.server.call("GET", f"/{one.stream()}/_stats/indexing")
        return stats["_all"]["total"]["indexing"]["index_failed"]

    def wait_for(self, one, what, condition):
        try:
            wait_for(f"{one.name}: {what}", condition, PATIENCE_S)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{one.log()[-3000:]}") from None

    def test_lines_of_ulogd2(self):
        """As logstash-ulogd.conf sends them, beside a ledger's records: all are taken, once each,
        and found by what the script has added."""
        self.ledger, self.records = self.make_ledger("beside", 300, 1, 5)
        self.configure(None)
        self.ship_all()
        self.assertEqual(self.count({"match_all": {}}), len(self.records))
        flow = next(record for record in self.records if record["event.action"] == "flow-end"
                    and record["conntrack.nat.kind"] == "snat" and "conntrack.nat.port" in record)
        answer = self.who(flow)
        self.assertEqual(answer["exit"], 0)
        lines = list(dict.fromkeys(row["ulogd_json"] for row in ulogd_test.rows()))
        made = ulogd_test.run_script(lines)
        self.assertEqual(self.send(made), {201})
        self.assertEqual(self.send(made), {409})
        self.assertEqual(self.count({"match_all": {}}), len(self.records) + len(made))
        of_ulogd2 = {"bool": {"must_not": {"exists": {"field": "event.id"}}}}
        for key in ("conntrack.public", "conntrack.inside", "conntrack.nat.kind",
                    "conntrack.nat.port", "source.nat.ip", "flow.duration.sec", "event.action",
                    "network.transport", "observer.name"):
            self.check_found(key, made, of_ulogd2)
        # Of ulogd2's nobody knows whether any is missing: `who` answers from the others alone.
        self.assertEqual(self.who(flow), answer)
        alone = self.who(next(one for one in made if one["event.action"] == "flow-end"
                              and one["conntrack.nat.kind"] == "snat" and "event.end" in one))
        self.assertEqual((alone["exit"], alone["flows"]), (4, []))
        print(f"{len(made)} lines of ulogd2 beside {len(self.records)} records")

    def who(self, flow):
        done = subprocess.run([os.environ["NATLEDGER"], "who", flow["conntrack.public"][0], "--at",
                               flow["event.end"], "--source", "elasticsearch", "--config",
                               self.config, "--json"], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout)

    def send(self, made):
        """The statuses that the server gives them."""
        body = ""
        for one in made:
            record = {key: value for key, value in one.items() if key != "@metadata"}
            record["data_stream"] = {"type": "logs", "dataset": "conntrack.nat",
                                     "namespace": "default"}
            action = {"create": {"_id": one["@metadata"]["ulogd_id"]}}
            body += f"{json.dumps(action)}\n{json.dumps(record)}\n"
        answer = self.server.call("POST", f"/{STREAM}/_bulk", body)
        return {item["create"]["status"] for item in answer["items"]}

    def check_found(self, key, made, of_ulogd2):
        """Each value, in as many documents as have it."""
        wanted = collections.Counter()
        for one in made:
            value = one.get(key, [])
            wanted.update(value if isinstance(value, list) else [value])
        answer = self.search(of_ulogd2, aggs={"all": {"terms": {"field": key, "size": 1000}}})
        found = {bucket["key"]: bucket["doc_count"]
                 for bucket in answer["aggregations"]["all"]["buckets"]}
        self.assertEqual(found, wanted, key)


if __name__ == "__main__":
    unittest.main()
