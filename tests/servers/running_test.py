# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/servers: what it starts goes on, is listed, and ends with all that belongs to it."""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

COMMAND = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts",
                       "servers")
PORT = 9345
URL = f"http://127.0.0.1:{PORT}"
PATIENCE_S = 400


def runs(pid):
    """What ended and was not waited for has no command line any more."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read() != b""
    except FileNotFoundError:
        return False


class Running(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="natledger-running-")
        self.addCleanup(folder.cleanup)
        self.environment = {**os.environ, "NATLEDGER_RUNNING": folder.name}
        self.addCleanup(self.command, "stop")

    def command(self, *argv, status=0):
        done = subprocess.run([COMMAND, *argv], capture_output=True, text=True, check=False,
                              timeout=PATIENCE_S, env=self.environment)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stderr

    def listed(self):
        """Process and folder of the one that runs."""
        kind, url, _, pid, folder = self.command("list").split()
        self.assertEqual((kind, url), ("opensearch", URL))
        return int(pid), folder

    def check_gone(self, pid, folder):
        self.assertFalse(runs(pid))
        self.assertFalse(os.path.exists(folder))
        self.assertEqual(self.command("list"), "")

    def test_start_list_stop(self):
        self.assertEqual(self.command("start", "opensearch", "--port", str(PORT)), URL + "\n")
        pid, folder = self.listed()
        with urllib.request.urlopen(URL, timeout=10) as answer:
            self.assertEqual(json.load(answer)["version"]["distribution"], "opensearch")
        self.assertEqual(
            self.command("start", "opensearch", "--port", str(PORT), status=1),
            f"servers: port {PORT}: Address already in use (scripts/servers list; --port takes "
            "another)\n")
        self.assertEqual(self.command("stop", "1", status=1),
                         "servers: no server of ours runs on port 1\n")
        self.assertEqual(self.listed(), (pid, folder))
        self.assertEqual(self.command("stop", str(PORT)), f"stopped opensearch on port {PORT}\n")
        self.check_gone(pid, folder)

    def test_ended_by_itself(self):
        self.command("start", "opensearch", "--port", str(PORT))
        pid, folder = self.listed()
        os.kill(pid, signal.SIGKILL)
        give_up = time.monotonic() + PATIENCE_S
        while self.command("list"):
            self.assertLess(time.monotonic(), give_up)
        self.check_gone(pid, folder)

    def test_number_of_somebody_else(self):
        """A process that has the number of one that ended is not stopped for it."""
        with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
                ["sleep", "600"], start_new_session=True) as other:
            record = {"kind": "opensearch", "port": PORT, "url": URL, "session": other.pid,
                      "begun": "1", "folder": os.path.join(folder, "server")}
            with open(os.path.join(self.environment["NATLEDGER_RUNNING"], f"{PORT}.json"), "w",
                      encoding="utf-8") as file:
                json.dump(record, file)
            self.assertEqual(self.command("stop"), "")
            self.assertIsNone(other.poll())
            other.kill()


if __name__ == "__main__":
    unittest.main()
