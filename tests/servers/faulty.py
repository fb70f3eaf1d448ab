# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger-ship, a ledger, and a fake server between them and the truth."""
import collections
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import elasticsearch

NATLEDGER = os.environ.get("NATLEDGER", "")
SHIP = os.environ.get("NATLEDGER_SHIP", "")
MADE_LEDGER = os.environ.get("NATLEDGER_MADE_LEDGER", "")
PATIENCE_S = 60
SECRET = "of-the-tests-2"


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (argv, done.returncode, done.stdout, done.stderr)
    return done.stdout


def wait_for(what, condition, patience_s=PATIENCE_S):
    give_up = time.monotonic() + patience_s
    while not (result := condition()):
        if time.monotonic() > give_up:
            raise AssertionError(f"waited {patience_s} s in vain for {what}")
        time.sleep(0.01)
    return result


class Shipped(unittest.TestCase):
    """A test's own state, of a ledger that is made once."""

    lines = 300

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="natledger-faults-")
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.ledger = os.path.join(folder, "ledger")
        run(MADE_LEDGER, "make", cls.ledger, str(cls.lines), "2", "5")
        cls.wanted = {json.loads(line)["event.sequence"]
                      for line in run(NATLEDGER, "cat", cls.ledger).splitlines()}

    def setUp(self):
        self.process = None
        self.begin()

    def begin(self):
        """With nothing shipped, and a server that has nothing."""
        self.folder = tempfile.mkdtemp(prefix="natledger-faults-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.config = os.path.join(self.folder, "natledger.yaml")
        self.log_path = os.path.join(self.folder, "log")
        self.serve(elasticsearch.Elasticsearch())

    def serve(self, server):
        self.server = server
        self.addCleanup(server.stop)
        self.configure()

    def configure(self, **options):
        """`options` of output.elasticsearch instead of these."""
        wanted = {"hosts": f'["{self.server.url}"]', "timeout": "2s", "flush_interval": "10ms",
                  "bulk_max_size": "100", "backoff": "{init: 10ms, max: 100ms}", **options}
        text = ", ".join(f"{name}: {value}" for name, value in wanted.items())
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"ledger: {{directory: {self.ledger}, state: {self.folder}/state}}\n"
                       f"output.elasticsearch: {{{text}}}\n")

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([SHIP, "run", "--config", self.config], stderr=log)
        self.addCleanup(self.kill)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=PATIENCE_S), 0, self.log())

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def status(self):
        report = json.loads(run(SHIP, "status", "--json", "--for", "0", "--config", self.config))
        one, = report["destinations"] or [None]
        if one:
            parts = ("delivered", "duplicate", "dead_lettered", "not_selected", "missing")
            self.assertEqual(sum(one[part] for part in parts), one["next"] - 1)
        return one

    def wait_delivered(self, patience_s=PATIENCE_S):
        def delivered():
            self.assertIsNone(self.process.poll(), self.log())
            one = self.status()
            return one and one["waiting"] == 0 and one
        try:
            return wait_for("everything to be delivered", delivered, patience_s)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.log()[-3000:]}") from failure

    def dead(self):
        """How often there is a dead letter of each number."""
        path = f"{self.folder}/state/dead-letters/elasticsearch.ndjson"
        with open(path, encoding="utf-8") as file:
            return collections.Counter(json.loads(line)["sequence"] for line in file)

    def check_once(self):
        """Each number is in the index once, or among the dead letters once."""
        there, dead = self.server.sequences(), self.dead()
        both = there + dead
        self.assertEqual({number: count for number, count in both.items() if count != 1}, {})
        self.assertEqual(set(both), self.wanted)
        self.assertNotIn(SECRET, self.log())
        return dead
