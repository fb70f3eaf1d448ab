# SPDX-License-Identifier: GPL-2.0-or-later
"""The program, run once and looked at; captures to give it."""
import json
import os
import struct
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["NATLEDGER"]
HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden", "ulogd-golden.jsonl")


def golden_messages(count):
    with open(GOLDEN, encoding="utf-8") as lines:
        return [bytes.fromhex(json.loads(next(lines))["netlink_hex"]) for _ in range(count)]


def capture_bytes(messages, link_type=253, family=12, second=1795331340, apart_ns=1):
    out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, link_type)
    for i, message in enumerate(messages):
        packet = struct.pack(">HH10xH", 4, 824, family) + message
        out += struct.pack("<IIII", second, i * apart_ns, len(packet), len(packet)) + packet
    return out


NO_LEDGER = ("natledger: read ledger /no/ledger: No such file or directory (give the ledger's "
             "directory; root and ledger.group may read it)")


class ProgramTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as out:
            out.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def run_it(self, *arguments):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False,
                              timeout=60)
        return done.returncode, done.stdout, done.stderr

    def check_refused(self, status, error, *arguments):
        self.assertEqual(self.run_it(*arguments), (status, "", error + "\n"))
