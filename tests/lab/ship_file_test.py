# SPDX-License-Identifier: GPL-2.0-or-later
"""output.file: ulogd2's own lines, in a file that outsiders rotate."""
import glob
import os
import random
import time
import unittest

import agent
import disk
import generator
import ledger
import shipping
import ulogd

TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))
KILLS = 10 * TIMES
ROTATIONS = 5

LOGROTATE = """\
{path} {{
  rotate 1000
  size 1
  missingok
  postrotate
    kill -HUP {pid}
  endscript
}}
"""


class ShipFile(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab)
        self.folder = os.path.join(self.lab.folder, "out")
        os.mkdir(self.folder)

    def start(self, folder=None, more=""):
        self.path = os.path.join(folder or self.folder, "ulogd.json")
        self.agent.configure(f"output.file: {{path: {self.path}{more}}}\nship: {{start: false}}\n")
        self.agent.start()
        self.ship = shipping.Ship(self.agent).start()

    def lines(self):
        """Of the file and of those rotated away, oldest first."""
        def age(path):
            return -int(path.rpartition(".")[2]) if path != self.path else 1
        lines = []
        for path in sorted(glob.glob(self.path + "*"), key=age):
            with open(path, encoding="utf-8") as file:
                content = file.read()
            self.assertTrue(content == "" or content.endswith("\n"), path)
            lines += content.splitlines()
        return lines

    def check_lines(self):
        """Each record's line, in order, once. How many there are."""
        self.agent.wait_written()
        self.agent.stop()
        self.ship.wait_delivered("file")
        self.ship.stop()
        expected = [ledger.ulogd_part(line) for line in self.agent.ledger.flow_lines()]
        self.assertEqual(ledger.difference(self.lines(), expected), "")
        self.assertEqual(self.lines(), expected)
        return len(expected)

    def test_the_same_lines_as_ulogd2(self):
        self.start(more=", sync: true")
        theirs = ulogd.Ulogd(self.lab)
        made = generator.generate(self.lab, "make", 2600, mix=True)
        deleted = generator.generate(self.lab, "delete", 2600, mix=True)
        count = len(made) + len(deleted)
        agent.wait_for("ulogd2 to write every end", lambda: len(theirs.lines()) == count)
        self.agent.wait_written()
        theirs.stop()
        self.assertEqual(self.check_lines(), count)
        self.assertEqual(ledger.difference(map(ledger.without_clock, self.lines()),
                                           map(ledger.without_clock, theirs.lines())), "")
        print(f"{count} lines of ulogd2 and as many of output.file agree")

    def test_rotated_by_logrotate(self):
        self.start()
        config = os.path.join(self.lab.folder, "logrotate.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(LOGROTATE.format(path=self.path, pid=self.ship.process.pid))
        os.chmod(config, 0o644)
        burst = generator.Generator(self.lab, "churn", 3000 * ROTATIONS, live=500, batch=20,
                                    per_second=3000)
        for _ in range(ROTATIONS):
            time.sleep(0.8)
            self.lab.call("router", "logrotate", "--force", "--state",
                          os.path.join(self.lab.folder, "logrotate.state"), config)
        burst.done()
        count = self.check_lines()
        self.assertEqual(len(glob.glob(self.path + ".*")), ROTATIONS)
        print(f"{count} lines in {ROTATIONS + 1} files")

    def test_killed_often(self):
        self.start()
        burst = generator.Generator(self.lab, "churn", 1000 * KILLS, live=500, batch=20,
                                    per_second=1000)
        dice = random.Random(os.environ.get("NATLEDGER_SEED"))
        for number in range(KILLS):
            time.sleep(dice.uniform(0, 1.5))
            self.ship.kill()
            if number % 3 == 0:
                os.rename(self.path, f"{self.path}.{1000 - number}")
            self.ship.start()
        made = burst.done()
        count = self.check_lines()
        self.assertEqual(count, len(made))
        print(f"{KILLS} kills, {count} lines")

    def test_a_power_cut(self):
        """What the cursor says is in the file."""
        with disk.Disk(self.lab) as its_disk:
            self.start(folder=its_disk.folder)
            made = generator.generate(self.lab, "churn", 1000, live=500, batch=20, per_second=2000)
            self.agent.wait_written()
            self.ship.wait_delivered("file")
            its_disk.cut_power()
            self.ship.kill()
            its_disk.power_up()
            self.ship.start()
            self.assertEqual(self.check_lines(), len(made))

    def test_a_full_disk_cuts_no_line(self):
        self.start(folder=self.lab.mount("small", 1 << 20))
        made = generator.generate(self.lab, "churn", 2000, live=500, batch=20, per_second=2000)
        said = (f"ship to file: write {self.path}: No space left on device (make room, or mend the "
                "disk)")
        agent.wait_for("the shipper to say that the disk is full", lambda: said in self.ship.log())
        self.ship.kill()
        self.ship.start()
        time.sleep(1)
        self.lab.mount("small", 16 << 20)
        self.assertEqual(self.check_lines(), len(made))


if __name__ == "__main__":
    unittest.main()
