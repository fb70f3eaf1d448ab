# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger-ship as a child of the agent: started, watched, told of reloads, ended."""
import os
import pwd
import random
import re
import signal
import subprocess
import time
import unittest

import agent
import generator
import ledger
import shipping

TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))
KILLS = 10 * TIMES
USER = "natledger"


def uid_of(pid):
    return os.stat(f"/proc/{pid}").st_uid


class ShipChild(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab)
        self.ship = shipping.Ship(self.agent)
        self.folder = os.path.join(self.lab.folder, "out")
        os.mkdir(self.folder)
        self.path = os.path.join(self.folder, "ulogd.json")
        self.agent.configure(self.output())

    def output(self, more=""):
        return f"output.file: {{path: {self.path}}}\n{more}"

    def children(self):
        return self.agent.children()

    def child(self):
        return agent.wait_for("natledger-ship to run", self.children)[-1]

    def check_lines(self):
        """Each record's line, in order, once. How many there are."""
        self.agent.wait_written()
        self.ship.wait_delivered("file")
        self.agent.stop(whole_run=False)
        self.assertEqual(self.children(), [])
        expected = [ledger.ulogd_part(line) for line in self.agent.ledger.flow_lines()]
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(file.read().splitlines(), expected)
        return len(expected)

    def test_killed_often(self):
        """It costs no event; and it is there again."""
        self.agent.start()
        burst = generator.Generator(self.lab, "churn", 1000 * KILLS, live=500, batch=20,
                                    per_second=1000)
        dice = random.Random(os.environ.get("NATLEDGER_SEED"))
        for _ in range(KILLS):
            pid = self.child()
            time.sleep(dice.uniform(0, 1))
            os.kill(pid, signal.SIGKILL)
            agent.wait_for("it to be gone", lambda gone=pid: gone not in self.children())
            self.agent.hang_up()
        made = burst.done()
        self.assertEqual(self.check_lines(), len(made))
        self.assertEqual(self.agent.log().count("natledger-ship was ended by signal 9; it is "
                                                "started again in"), KILLS)
        print(f"{KILLS} kills, {len(made)} lines")

    def test_started_again_by_itself(self):
        self.agent.start()
        first = self.child()
        os.kill(first, signal.SIGKILL)
        agent.wait_for("another", lambda: set(self.children()) - {first})
        generator.generate(self.lab, "make", 100)
        self.check_lines()

    def test_reloads(self):
        """It opens its file anew, and goes and comes with the configuration."""
        self.agent.start()
        first = self.child()
        generator.generate(self.lab, "make", 100)
        self.agent.wait_written()
        self.ship.wait_delivered("file")
        os.rename(self.path, self.path + ".1")
        self.agent.hang_up()
        agent.wait_for("a new file", lambda: os.path.exists(self.path))
        self.assertEqual(self.child(), first)
        os.unlink(self.path)
        os.rename(self.path + ".1", self.path)
        self.agent.reload()
        agent.wait_for("it to be gone", lambda: not self.children())
        generator.generate(self.lab, "delete", 100)
        self.agent.reload(self.output())
        self.child()
        self.assertEqual(self.check_lines(), 200)

    def wakes_of_watch(self):
        """How often the thread that watches natledger-ship has gone to sleep."""
        tasks = f"/proc/{self.agent.process.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/comm", encoding="ascii") as file:
                if file.read() != "ship-watch\n":
                    continue
            with open(f"{tasks}/{task}/status", encoding="ascii") as file:
                return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", file.read(),
                                     re.MULTILINE).group(1))
        raise AssertionError("nobody watches natledger-ship")

    def check_sleeps(self):
        time.sleep(0.5)
        before = self.wakes_of_watch()
        time.sleep(3)
        self.assertEqual(self.wakes_of_watch(), before)

    def test_whoever_watches_sleeps_while_there_is_nothing_to_do(self):
        self.agent.start()
        self.child()
        self.check_sleeps()
        self.agent.reload()
        agent.wait_for("it to be gone", lambda: not self.children())
        self.check_sleeps()
        self.agent.reload(self.output())
        self.child()
        self.agent.stop()

    def test_not_started_where_it_is_a_service_of_its_own(self):
        self.agent.configure(self.output("ship: {start: false}\n"))
        self.agent.start()
        self.ship.start()
        generator.generate(self.lab, "make", 100)
        self.agent.wait_written()
        self.ship.wait_delivered("file")
        self.ship.stop()
        self.assertEqual(self.children(), [])
        self.agent.stop()

    def test_ends_when_the_agent_is_killed(self):
        self.agent.start()
        self.child()
        self.agent.kill()
        agent.wait_for("it to be gone", lambda: not self.children())
        self.agent.start()
        self.child()
        generator.generate(self.lab, "make", 100)
        self.check_lines()

    def test_gives_up_root(self):
        try:
            pwd.getpwnam(USER)
        except KeyError:
            subprocess.run(["useradd", "-r", "-M", "-s", "/usr/sbin/nologin", USER], check=True)
            self.addCleanup(subprocess.run, ["userdel", USER], check=True)
        wanted = pwd.getpwnam(USER).pw_uid
        for folder in (self.lab.folder, self.agent.folder):
            os.chmod(folder, 0o755)
        os.chown(self.folder, wanted, -1)
        options = self.agent.config
        with open(options, encoding="utf-8") as file:
            text = file.read()
        with open(options, "w", encoding="utf-8") as file:
            file.write(text.replace('group: ""', "group: adm"))
        self.agent.start()
        pid = self.child()
        agent.wait_for("it to give up root", lambda: uid_of(pid) == wanted)
        generator.generate(self.lab, "make", 100)
        self.agent.wait_written()
        self.ship.wait_delivered("file")
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            effective = re.search(r"^CapEff:\s*([0-9a-f]+)", file.read(), re.MULTILINE)
        self.assertEqual(int(effective.group(1), 16), 0)
        self.check_lines()


if __name__ == "__main__":
    unittest.main()
