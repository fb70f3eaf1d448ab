# SPDX-License-Identifier: GPL-2.0-or-later
"""What `setup elasticsearch` makes: bodies and roles as they stand in golden/, made once on each
kind of server, lifecycle too, which the real ones that tests can have do not know.

UPDATE_GOLDEN=1 writes the golden files anew, to be read as a diff.
"""
import json
import os
import subprocess
import tempfile
import unittest

import setup_server

PROGRAM = os.environ.get("NATLEDGER_SHIP", "")
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
KINDS = ("elasticsearch", "elasticsearch-7", "opensearch")
UNREACHABLE = "http://127.0.0.1:1"


class Setup(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="natledger-setup-")
        self.addCleanup(folder.cleanup)
        self.config = os.path.join(folder.name, "natledger.yaml")
        self.configure()

    def configure(self, *hosts, more=""):
        listed = ", ".join(f'"{host}"' for host in hosts or (UNREACHABLE,))
        folder = os.path.dirname(self.config)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"ledger: {{directory: {folder}, state: {folder}/state}}\n"
                       f"output.elasticsearch: {{hosts: [{listed}], timeout: 5s{more}}}\n")

    def run_it(self, *options, status=0):
        done = subprocess.run(
            [PROGRAM, "setup", "elasticsearch", "--config", self.config, *options],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr if status else done.stdout

    def serve(self, kind):
        server = setup_server.SetupServer(kind)
        self.addCleanup(server.stop)
        self.configure(server.url)
        return server

    def check_golden(self, name, text):
        path = os.path.join(GOLDEN, name)
        if "UPDATE_GOLDEN" in os.environ:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(text, file.read())

    def golden_steps(self, kind):
        """Path and body of each."""
        with open(os.path.join(GOLDEN, f"{kind}.txt"), encoding="utf-8") as file:
            steps = file.read().removesuffix("\n\n").split("\n\n")
        return [(head.removeprefix("PUT "), json.loads(body))
                for head, _, body in (step.partition("\n") for step in steps)]

    def test_printed_for_each_kind_of_server(self):
        for kind in KINDS:
            with self.subTest(kind):
                said = self.run_it("--print", "--keep", "180d", "--server", kind)
                self.check_golden(f"{kind}.txt", said)
        self.assertEqual(self.run_it("--print", "--keep", "180d"),
                         self.run_it("--print", "--keep", "180d", "--server", "elasticsearch"))

    def test_printed_without_a_lifecycle(self):
        for kind in KINDS:
            with self.subTest(kind):
                said = self.run_it("--print", "--server", kind)
                self.assertEqual([line for line in said.splitlines() if line.startswith("PUT ")],
                                 ["PUT /_component_template/conntrack-nat@mappings",
                                  "PUT /_component_template/conntrack-nat@settings",
                                  "PUT /_index_template/logs-conntrack.nat"])
                self.assertNotIn("lifecycle", said)

    def test_printed_roles(self):
        self.check_golden("roles.txt", self.run_it("--print-role"))
        self.configure(more=", dedup: false")
        self.check_golden("roles-no-dedup.txt", self.run_it("--print-role"))
        self.check_golden("roles-opensearch-no-dedup.txt",
                          self.run_it("--print-role", "--server", "opensearch"))
        self.configure()
        self.check_golden("roles-opensearch.txt",
                          self.run_it("--print-role", "--server", "opensearch"))
        self.assertEqual(self.run_it("--print-role", "--server", "elasticsearch-7"),
                         self.run_it("--print-role"))

    def test_a_server_that_is_set_up_is_not_told_what_it_is(self):
        self.assertIn("--server is for --print and --print-role",
                      self.run_it("--server", "opensearch", status=2))

    def test_a_server_that_it_does_not_know_is_not_printed_for(self):
        self.assertIn("--server", self.run_it("--print", "--server", "solr", status=2))

    def test_made_once(self):
        """With a lifecycle policy: what is printed, and nothing the second time."""
        for kind in KINDS:
            with self.subTest(kind):
                server = self.serve(kind)
                first = self.run_it("--keep", "180d")
                self.assertEqual(server.puts, self.golden_steps(kind))
                self.assertEqual(first, "lifecycle policy conntrack-nat: made\n"
                                        "component template conntrack-nat@mappings: made\n"
                                        "component template conntrack-nat@settings: made\n"
                                        "index template logs-conntrack.nat: made\n4 changed\n")
                second = self.run_it("--keep", "180d")
                self.assertEqual(len(server.puts), 4)
                self.assertEqual(second, first.replace(": made", ": as it should be")
                                 .replace("4 changed", "0 changed"))

    def test_another_time_to_keep_changes_the_policy(self):
        for kind in KINDS:
            with self.subTest(kind):
                server = self.serve(kind)
                self.run_it("--keep", "180d")
                said = self.run_it("--keep", "90d")
                self.assertIn("lifecycle policy conntrack-nat: changed\n", said)
                self.assertIn("\n1 changed\n", said)
                path, body = server.puts[-1]
                self.assertIn('"90d"', json.dumps(body))
                self.assertEqual(path.partition("?")[0], self.golden_steps(kind)[0][0])
                self.assertIn("\n0 changed\n", self.run_it("--keep", "90d"))

    def test_a_server_without_policies(self):
        for kind in KINDS:
            with self.subTest(kind):
                server = self.serve(kind)
                server.has_policies = False
                said = self.run_it("--keep", "180d")
                self.assertIn("lifecycle policy conntrack-nat: this server knows none (status 400",
                              said)
                self.assertIn("\n3 changed\n", said)
                self.assertNotIn("lifecycle", json.dumps(server.puts))
                self.assertIn("\n0 changed\n", self.run_it("--keep", "180d"))

    def test_a_server_in_trouble_is_not_taken_for_one_without_policies(self):
        server = self.serve("elasticsearch")
        server.refusal = 503
        said = self.run_it("--keep", "180d", status=1)
        self.assertIn(f"make the lifecycle policy conntrack-nat on {server.url}: status 503", said)

    def test_the_next_host_is_asked(self):
        server = self.serve("elasticsearch")
        self.configure(UNREACHABLE, server.url)
        self.assertIn("\n4 changed\n", self.run_it("--keep", "180d"))

    def test_no_host_answers(self):
        self.configure(UNREACHABLE, "http://127.0.0.1:2")
        said = self.run_it(status=1)
        self.assertIn("make the component template conntrack-nat@mappings on http://127.0.0.1:",
                      said)


if __name__ == "__main__":
    unittest.main()
