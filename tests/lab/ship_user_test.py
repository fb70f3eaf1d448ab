# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger-ship as a user who may not do what it has to: one clear message of which file, who, and
what to do; and it goes on once it may."""
import os
import pwd
import subprocess
import unittest

import agent
import generator
import shipping

USER = "natledger"


class ShipUser(unittest.TestCase):

    def setUp(self):
        try:
            pwd.getpwnam(USER)
        except KeyError:
            subprocess.run(["useradd", "-r", "-M", "-s", "/usr/sbin/nologin", USER], check=True)
            self.addCleanup(subprocess.run, ["userdel", USER], check=True)
        self.uid = pwd.getpwnam(USER).pw_uid
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab)
        self.ship = shipping.Ship(self.agent)
        for folder in (self.lab.folder, self.agent.folder):
            os.chmod(folder, 0o755)
        self.folder = os.path.join(self.lab.folder, "out")
        os.mkdir(self.folder, mode=0o755)
        os.chown(self.folder, self.uid, -1)
        self.path = os.path.join(self.folder, "ulogd.json")
        self.output = f"output.file: {{path: {self.path}}}\n"
        self.configure(self.output)

    def configure(self, more, group="adm"):
        self.agent.configure(more)
        with open(self.agent.config, encoding="utf-8") as file:
            text = file.read()
        with open(self.agent.config, "w", encoding="utf-8") as file:
            file.write(text.replace('group: ""', f'group: "{group}"'))

    def wait_said(self, text):
        agent.wait_for(f'the log to say "{text}"', lambda: text in self.agent.log())

    def said(self, text):
        return sum(text in line for line in self.agent.log().splitlines())

    def check_shipped(self):
        generator.generate(self.lab, "make", 100)
        self.agent.wait_written()
        self.ship.wait_delivered("file")
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 100)

    def test_who_may_do_all_of_it(self):
        self.agent.start()
        self.check_shipped()
        self.assertEqual(self.said(" may not read "), 0)
        self.agent.stop()

    def test_the_configuration(self):
        """It was read by root; a reload cannot be."""
        os.chmod(self.agent.config, 0o600)
        self.agent.start()
        self.wait_said(f"natledger may not read {self.agent.config}, which natledger-ship has to "
                       "read again, on a reload or for a connection (let that user, or a group of "
                       "its, read it, or see ship.user)")
        self.check_shipped()
        self.agent.hang_up()
        self.wait_said(f"reload as natledger: read configuration {self.agent.config}: Permission "
                       "denied")
        self.assertEqual(self.said(" may not read "), 1)
        self.agent.stop()

    def test_a_secret(self):
        path = os.path.join(self.agent.folder, "password")
        with open(path, "w", encoding="ascii") as file:
            file.write("of-the-tests\n")
        os.chmod(path, 0o600)
        self.configure(self.output + 'output.elasticsearch: {hosts: ["http://127.0.0.1:1"], '
                       f"username: ship, password_file: {path}}}\n")
        self.agent.start()
        self.wait_said(f"natledger may not read {path}, which natledger-ship has to read")
        self.agent.hang_up()
        self.wait_said(f"password_file: read {path}: Permission denied (natledger-ship must be "
                       "able to read it, as natledger)")
        self.check_shipped()
        self.agent.stop()

    def test_the_ledger(self):
        """Nothing of it is shipped until its group may read it; no event is lost to that."""
        self.configure(self.output, group="")
        self.agent.start()
        self.wait_said(f"read {self.agent.ledger.folder} as natledger: Permission denied (let "
                       "ledger.group read the ledger and its state, or see ship.user)")
        self.wait_said("natledger-ship ended with status 1; it is started again in ")
        self.assertFalse(os.path.exists(self.path))
        subprocess.run(["chgrp", "-R", "adm", self.agent.ledger.folder, self.agent.state],
                       check=True)
        subprocess.run(["chmod", "-R", "g+rX", self.agent.ledger.folder, self.agent.state],
                       check=True)
        self.configure(self.output)
        self.agent.end()
        self.agent.start()
        self.check_shipped()
        self.agent.stop()

    def test_the_folder_of_the_file(self):
        os.chown(self.folder, 0, 0)
        self.agent.start()
        self.wait_said(f"ship to file: open {self.path}: Permission denied (let natledger write it "
                       "and its folder, or see output.file.path and ship.user)")
        os.chown(self.folder, self.uid, -1)
        self.check_shipped()
        self.agent.stop()


if __name__ == "__main__":
    unittest.main()
