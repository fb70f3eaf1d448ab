# SPDX-License-Identifier: GPL-2.0-or-later
"""rsyslog and syslog-ng, with the files of docs/tailing as they are but for paths and addresses,
on a ledger that the agent rotates while it writes, into a real Elasticsearch: every event.id is
there, and once. And ulogd2's lines, as logstash/ulogd.rb makes them, beside them.
"""
import os
import subprocess
import sys
import unittest

import servers
import shippers
from ship_program import PROGRAM
from shipped import TIMES, Shipped, run
from waiting import wait_for

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.append(os.path.join(ROOT, "tests", "lab"))
import agent  # pylint: disable=wrong-import-position
import generator  # pylint: disable=wrong-import-position

PORT = 9361
STREAM = "logs-conntrack.nat-default"
ROTATIONS = 5 * TIMES
SEGMENT_BYTES = 64 << 10
# Some 1,100 bytes a line, two lines a flow; a segment every 0.3 s, as shippers look now and then.
FLOWS = ROTATIONS * SEGMENT_BYTES * 5 // 4 // 2200
PER_SECOND = 125
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
        lab = agent.new_lab()
        self.addCleanup(lab.down)
        recorder = agent.Agent(lab, ledger_options=(f"rotate: {{size: {SEGMENT_BYTES}}}",
                                                    "keep: {free: 0}")).start()
        folder = recorder.ledger.folder
        both = [self.start_shipper(kind, folder) for kind in (Rsyslog, SyslogNg)]
        for one in both:
            self.wait_for(one, "the first record", lambda one=one: self.count_in(one) > 0)
        generator.generate(lab, "churn", FLOWS, live=100, batch=5, per_second=PER_SECOND)
        recorder.wait_written()
        recorder.stop()
        self.records = recorder.ledger.records()
        rotations = len(recorder.ledger.files()) - 1
        self.assertGreaterEqual(rotations, ROTATIONS)
        for one in both:
            self.check_all(one)
        print(f"{rotations} rotations: {len(self.records)} records, once each, by "
              f"{' and by '.join(one.name for one in both)}")
        self.check_read_again(both, folder)

    def check_all(self, one):
        self.wait_for(one, "every record", lambda: self.count_in(one) >= len(self.records))
        self.stream = one.stream()
        self.check_once()
        ids = {record["event.id"] for record in self.records}
        for event_id in list(ids)[:5]:
            self.assertEqual(self.count({"ids": {"values": [event_id]}}), 1)

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


if __name__ == "__main__":
    unittest.main()
