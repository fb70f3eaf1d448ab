# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger-ship, a ledger, and a fake server between them and the truth."""
import collections
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import elasticsearch
import ship_program

NATLEDGER = os.environ.get("NATLEDGER", "")
MADE_LEDGER = os.environ.get("NATLEDGER_MADE_LEDGER", "")
SECRET = "of-the-tests-2"


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (argv, done.returncode, done.stdout, done.stderr)
    return done.stdout


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
        self.begin()

    def begin(self):
        """With nothing shipped, and a server that has nothing."""
        self.folder = tempfile.mkdtemp(prefix="natledger-faults-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.config = os.path.join(self.folder, "natledger.yaml")
        self.ship = ship_program.Ship(self.config, os.path.join(self.folder, "log"))
        self.addCleanup(self.ship.kill)
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
        self.assertNotIn(SECRET, self.ship.log())
        return dead
