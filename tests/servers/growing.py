# SPDX-License-Identifier: GPL-2.0-or-later
"""A ledger that grows and is rotated while others read it, by the ledger's own code and without a
kernel: `natledger replay`, again and again, goes on with it."""
import json
import os
import struct
import subprocess
import sys

from shipped import NATLEDGER, run

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "golden"))
import ulogd_golden_test as golden  # pylint: disable=wrong-import-position

SEGMENT_BYTES = 64 << 10
FLOWS = 18  # at a time, two lines each: two such make a segment
APART_NS = 10**7
BEGUN_NS = 1795331340 * 10**9


def messages():
    """The NEW and the DESTROY of one flow, each with where its id is."""
    rows = {row["event"]: row for row in reversed(list(golden.rows()))
            if row["case"] == "tcp_snat" and row["ulogd"] == "2.0.8"}
    for event in ("NEW", "DESTROY"):
        message = bytes.fromhex(rows[event]["netlink_hex"])
        known = struct.pack(">I", json.loads(rows[event]["ulogd_json"])["ct.id"])
        assert message.count(known) == 1
        yield message, known


class Growing:

    def __init__(self, folder):
        os.mkdir(folder)
        self.folder = os.path.join(folder, "ledger")
        self._capture = os.path.join(folder, "capture")
        self._config = os.path.join(folder, "natledger.yaml")
        with open(self._config, "w", encoding="ascii") as file:
            file.write(f"ledger: {{rotate: {{size: {SEGMENT_BYTES}}}, keep: {{free: 0}}}}\n")
        self._messages = list(messages())
        self._flows = 0
        self.grow()

    def grow(self):
        written = []
        for _ in range(FLOWS):
            self._flows += 1
            mine = struct.pack(">I", self._flows)
            at = BEGUN_NS + self._flows * APART_NS
            written += [(at + later, message.replace(known, mine))
                        for later, (message, known) in enumerate(self._messages)]
        golden.write_capture(self._capture, written)
        run(NATLEDGER, "replay", "--config", self._config, "--ledger", self.folder, self._capture)

    def rotations(self):
        return sum(name.startswith("conntrack-") and name.endswith(".json")
                   for name in os.listdir(self.folder))

    def records(self):
        done = subprocess.run([NATLEDGER, "cat", self.folder], capture_output=True, text=True,
                              check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]
