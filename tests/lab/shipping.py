# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger-ship beside an agent of the lab."""
import json
import os
import signal
import subprocess

import agent

PROGRAM = os.environ.get("NATLEDGER_SHIP", "")


class Ship:
    """The shipper of one agent's ledger, which may be started and ended often."""

    def __init__(self, the_agent):
        self.agent = the_agent
        self.log_path = os.path.join(the_agent.folder, "ship.log")
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = self.agent.lab.start("router", PROGRAM, "run", "--config",
                                                self.agent.config, stderr=log)
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=agent.PATIENCE_S)
        assert status == 0, (status, self.log())

    def kill(self):
        self.process.kill()
        self.process.wait()

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def status(self):
        """What `natledger-ship status` says of each destination, by name."""
        done = subprocess.run([PROGRAM, "status", "--json", "--for", "0", "--config",
                               self.agent.config], capture_output=True, text=True, check=True)
        return {one["name"]: one for one in json.loads(done.stdout)["destinations"]}

    def said(self):
        """What `status` says to people."""
        return subprocess.run([PROGRAM, "status", "--config", self.agent.config],
                              capture_output=True, text=True, check=True).stdout

    def delivered(self, name):
        """Whether all that is in the ledger has been delivered there, and the books balance."""
        one = self.status().get(name)
        return one and one["waiting"] == 0 and self.check_books(one)

    @staticmethod
    def check_books(one):
        parts = ("delivered", "duplicate", "dead_lettered", "not_selected", "missing")
        assert sum(one[part] for part in parts) == one["next"] - 1, one
        return one

    def wait_delivered(self, name, patience_s=agent.PATIENCE_S):
        """Until everything is; what `status` says then."""
        return agent.wait_for(f"everything to be delivered to {name}",
                              lambda: self.delivered(name), patience_s)
