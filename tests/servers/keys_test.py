# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Elasticsearch behind TLS that is only asked with API keys, each with the rights of one
role of --print-role: what is set up, shipped and asked so, and what is refused."""
import json
import os
import random
import ssl
import subprocess
import unittest

import servers
import shipped
from shipped import run
from ship_program import PROGRAM

LINES = 2000


class Keys(shipped.Shipped, unittest.TestCase):

    @classmethod
    def make_server(cls):
        cls.roles = json.loads(run(PROGRAM, "setup", "elasticsearch", "--print-role"))
        server = servers.Elasticsearch(9318, roles={}, with_keys=True)
        cls.trusted = f"certificate_authorities: {server.authority}"
        return server

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ledger, cls.records = cls.make_ledger("ledger", LINES, 2, 7)
        cls.keys = {role: cls.make_key(role) for role in cls.roles}

    @classmethod
    def make_key(cls, role):
        """As its maker is told of it."""
        return cls.server.call("POST", "/_security/api_key",
                               {"name": role, "role_descriptors": {role: cls.roles[role]}})

    def configure_key(self, key, trusted=None, path=None):
        """`key`: as the server calls it encoded, or id:key."""
        path = path or self.config
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"ledger: {{directory: {self.ledger}, state: {self.ledger}/state}}\n"
                       f'output.elasticsearch: {{hosts: ["{self.server.url}"], api_key: "{key}", '
                       f"flush_interval: 100ms, ssl: {{{trusted or self.trusted}}}}}\n")
        return path

    def of(self, role, **options):
        return self.configure_key(self.keys[role]["encoded"], **options)

    def fingerprint(self):
        """Of the CA's certificate, in the form in which Elasticsearch prints it."""
        said = servers.run("openssl", "x509", "-in", self.server.authority, "-noout",
                           "-fingerprint", "-sha256")
        return said.strip().partition("=")[2].replace(":", "").lower()

    def by_fingerprint(self):
        return f"ca_trusted_fingerprint: {self.fingerprint()}"

    def refused(self, *argv, status=1):
        """What it says."""
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    def setup(self, config):
        return (PROGRAM, "setup", "elasticsearch", "--config", config)

    def test_1_the_server_shows_a_certificate_of_the_authority(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            ssl.get_server_certificate(("127.0.0.1", self.server.port),
                                       ca_certs="/etc/ssl/certs/ca-certificates.crt")

    def test_2_setup(self):
        for role in ("natledger_ship", "natledger_who"):
            self.assertIn("(for the rights it needs see --print-role)",
                          self.refused(*self.setup(self.of(role))))
        said = run(*self.setup(self.of("natledger_setup", trusted=self.by_fingerprint())))
        self.assertIn("\n3 changed\n", said)
        self.assertIn("\n0 changed\n", "\n" + run(*self.setup(self.of("natledger_setup"))))

    def test_3_another_authority_gets_nothing(self):
        fingerprint = self.fingerprint()
        other = fingerprint[::-1]
        self.of("natledger_ship", trusted=f"ca_trusted_fingerprint: {other}")
        self.ship.start()
        self.ship.wait_said("(look at the server's certificate")
        self.ship.kill()
        self.assertEqual(self.ship.books()["delivered"] if self.ship.books() else 0, 0)

    def test_4_ship(self):
        """With a key that is taken away amid it, and another one."""
        first = self.make_key("natledger_ship")
        self.server.call("DELETE", "/_security/api_key", {"ids": [first["id"]]})
        self.configure_key(f"{first['id']}:{first['api_key']}")
        self.ship.start()
        self.ship.wait_said("(look at the credentials, and at the rights of their role)")
        self.assertNotIn(first["api_key"], self.ship.log())
        second = self.keys["natledger_ship"]
        self.configure_key(f"{second['id']}:{second['api_key']}", trusted=self.by_fingerprint())
        self.ship.hang_up()
        one = self.finish()
        self.assertEqual(one["delivered"], len(self.records), self.ship.log())
        self.assertNotIn("may double records", self.ship.log())
        self.check_once()
        self.assertEqual(self.audit()["once"], len(self.records))
        print(f"{len(self.records)} records shipped with an API key, once each")

    def test_5_ask(self):
        record = random.Random(7).choice([one for one in self.records
                                          if {"event.end", "conntrack.public"} <= set(one)])
        asked = (shipped.NATLEDGER, "who", record["conntrack.public"][0], "--at",
                 record["event.end"], "--source", "elasticsearch", "--json", "--config")
        self.assertIn("the role natledger_who", self.refused(*asked, self.of("natledger_ship"),
                                                             status=6))
        for trusted in (self.trusted, self.by_fingerprint()):
            config = self.of("natledger_who", trusted=trusted)
            done = subprocess.run([*asked, config], capture_output=True, text=True,
                                          check=False)
            self.assertEqual(done.stderr, "")
            self.assertIn(record["flow.id"],
                          [flow["flow.id"] for flow in json.loads(done.stdout)["flows"]])


if __name__ == "__main__":
    unittest.main()
