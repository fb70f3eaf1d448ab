# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk that is too small for the record: the oldest segments go, and writing goes on."""
import os
import re
import unittest

import agent
import generator
import ledger
import shipping

SIZE = 16 << 20
FREE_PERCENT = 25
# More than twice what the disk holds; some 1,100 bytes a line, two lines a flow.
FLOWS = 18_000
PER_SECOND = 1500
REMOVED = re.compile(r"warning: removed \d+ segments of the ledger, up to number (\d+), since less "
                     r"than 25 % of the file system was free ")


LOST = re.compile(r"error: the numbers (\d+) to (\d+) were not delivered to file and are removed, "
                  r"lost to it")


class Retention(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(
            self.lab, ledger_folder=self.lab.mount("small", SIZE),
            ledger_options=("rotate: {size: 1MiB}", f"keep: {{free: {FREE_PERCENT}%}}"))

    def free_percent(self):
        status = os.statvfs(self.agent.ledger.folder)
        return 100 * status.f_bavail // status.f_blocks

    def test_the_oldest_go_and_writing_goes_on(self):
        self.agent.start()
        entries = generator.generate(self.lab, "churn", FLOWS, live=500, batch=20,
                                     per_second=PER_SECOND)
        self.agent.wait_written()
        agent.wait_for("room", lambda: self.free_percent() >= FREE_PERCENT)
        files = self.agent.ledger.files()
        first = self.agent.ledger.first_record()["event.sequence"]
        self.assertEqual(os.path.basename(files[0]), f"conntrack-{first:019d}.json")
        removed = [int(number) for number in REMOVED.findall(self.agent.log())]
        self.assertGreater(len(removed), 1)
        self.assertEqual(removed[-1], first - 1)
        self.agent.stop(first, whole_run=False)
        self.check_newest(entries)
        self.check_who(entries)

    def check_newest(self, entries):
        """Without a gap from the first that is there to the last that happened."""
        self.assertEqual(self.agent.ledger.coverage("coverage-gap"), [])
        stop, = self.agent.ledger.coverage("coverage-stop")
        self.assertEqual(stop["coverage.count.flows"], len(entries))
        kept = [record["src_ip"] for record in self.agent.ledger.flows()
                if record["event.action"] == "flow-end"]
        ended = [entry.source for entry in entries if entry.action == "deleted"]
        self.assertGreater(len(kept), len(ended) // 10)
        self.assertLess(len(kept), len(ended))
        self.assertEqual(ledger.difference(kept, ended[-len(kept):]), "")

    def check_who(self, entries):
        """Of what was removed nothing is claimed; of what is there all is known."""
        first_ns = agent.ns_of(self.agent.ledger.first_record()["@timestamp"])
        last = entries[-1].before_ns
        early = self.agent.who("1.2.3.4:1", "--at", agent.utc(first_ns - 10 * 10**9))
        self.assertEqual(early[0], 4, early)
        self.assertIn("The record begins at ", early[1])
        middle = self.agent.who("1.2.3.4:1", "--at", agent.utc((first_ns + last) // 2),
                                "--skew", "0s")
        self.assertEqual(middle[0], 1, middle)

    def test_what_was_not_delivered_is_said_to_be_lost(self):
        """A destination that is away for longer than there is room."""
        folder = os.path.join(self.lab.folder, "away")
        path = os.path.join(folder, "ulogd.json")
        self.agent.configure(f"output.file: {{path: {path}}}\n")
        self.agent.start()
        ship = shipping.Ship(self.agent)
        agent.wait_for("a cursor", lambda: ship.status().get("file"))
        generator.generate(self.lab, "churn", FLOWS, live=500, batch=20, per_second=PER_SECOND)
        self.agent.wait_written()
        agent.wait_for("room", lambda: self.free_percent() >= FREE_PERCENT)
        first = self.agent.ledger.first_record()["event.sequence"]
        said = [(int(one), int(last)) for one, last in LOST.findall(self.agent.log())]
        self.assertEqual(said[-1], (1, first - 1))
        os.mkdir(folder)
        one = ship.wait_delivered("file")
        self.assertEqual(one["lost"], first - 1)
        lines = [ledger.ulogd_part(line) for line in self.agent.ledger.flow_lines()]
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read().splitlines(), lines)
        self.assertIn(f"ship to file: the numbers 1 to {first - 1} were removed before they were "
                      "delivered, and are lost to this destination", self.agent.log())
        self.agent.stop(first, whole_run=False)
        print(f"{first - 1} numbers lost to a destination that was away, {len(lines)} delivered")


if __name__ == "__main__":
    unittest.main()
