# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger-ship, run by a test, and what it says of itself."""
import json
import os
import signal
import subprocess

from waiting import PATIENCE_S, wait_for

PROGRAM = os.environ.get("NATLEDGER_SHIP", "")
# Each number up to the cursor is one of these.
BOOKS = ("delivered", "duplicate", "dead_lettered", "not_selected", "missing")


def popen(*argv, **options):
    return subprocess.Popen(argv, **options)


class Ship:
    """With one configuration; it may be started and ended often. `start`, called as popen() is,
    starts a program where it is to run."""

    def __init__(self, config, log_path, start=popen, patience_s=PATIENCE_S):
        self.config = config
        self.patience_s = patience_s
        self.log_path = log_path
        self.process = None
        self._start = start

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = self._start(PROGRAM, "run", "--config", self.config, stderr=log)
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=PATIENCE_S)
        assert status == 0, (status, self.log())

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def lives(self):
        assert self.process is None or self.process.poll() is None, self.log()

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def said(self, *options):
        """What `status` prints."""
        return subprocess.run([PROGRAM, "status", *options, "--config", self.config],
                              capture_output=True, text=True, check=True).stdout

    def status(self):
        """What that says of each destination, by name; the books of each balance."""
        found = {}
        for one in json.loads(self.said("--json", "--for", "0"))["destinations"]:
            assert sum(one[part] for part in BOOKS) == one["next"] - 1, one
            found[one["name"]] = one
        return found

    def wait_until(self, what, condition, patience_s=None):
        """What it gives once that is true; the program, if it was started here, lives so long."""
        def holds():
            self.lives()
            return condition()
        try:
            return wait_for(what, holds, patience_s or self.patience_s)
        except AssertionError as failure:
            said = self.log()[-3000:] if os.path.exists(self.log_path) else ""
            raise AssertionError(f"{failure}\n{said}") from failure

    def wait_said(self, text):
        self.wait_until(f'the log to say "{text}"', lambda: text in self.log())

    def books(self, name="elasticsearch"):
        """What `status` says of that destination, once there is a cursor of it."""
        return self.status().get(name)

    def wait_delivered(self, name="elasticsearch", patience_s=None):
        """Until all that is in the ledger has been; its books then."""
        def delivered():
            one = self.books(name)
            return one and one["waiting"] == 0 and one
        return self.wait_until(f"everything to be delivered to {name}", delivered, patience_s)
