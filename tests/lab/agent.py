# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger in the router's namespace, and the commands that ask it."""
import contextlib
import datetime
import glob
import json
import os
import re
import signal
import struct
import subprocess
import time
import uuid

import lab
import ledger
from waiting import PATIENCE_S, wait_for

PROGRAM = os.environ.get("NATLEDGER", "")


def natledger(*argv, patience_s=PATIENCE_S, **options):
    """Runs a command that only reads files, on this host."""
    return subprocess.run([PROGRAM, *argv], capture_output=True, text=True, timeout=patience_s,
                          check=False, **options)


def log_text(stderr):
    """The log without its times and process ids: "warning: nf_conntrack_acct is 0 ..."."""
    return [line.partition("] ")[2] for line in stderr.splitlines()]


class Follower:
    """Looks for words in what is added to the plain segments of a ledger from now on."""

    def __init__(self, folder):
        self.pattern = os.path.join(folder, "conntrack*.json")
        self.seen = {inode: size for _, inode, size in self._files()}  # bytes, by inode

    def _files(self):
        for path in glob.glob(self.pattern):
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(path)
                yield path, status.st_ino, status.st_size

    def saw(self, words):
        for path, inode, size in list(self._files()):
            seen = self.seen.get(inode, 0)
            if size == seen:
                continue
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                if os.fstat(file.fileno()).st_ino != inode:
                    continue  # renamed meanwhile; found the next time
                offset = max(0, seen - len(words)) if inode in self.seen else 0
                file.seek(offset)
                added = file.read()
                self.seen[inode] = offset + len(added)
                if words in added:
                    return True
        return False


class Agent:
    """One ledger, and the agent that writes it, which may be started and ended often."""

    def __init__(self, the_lab, name="agent", receive_buffer="64MiB", ledger_folder=None,
                 state_folder=None, program=None, source="", ledger_options=("keep: {free: 0}",)):
        self.lab = the_lab
        self.program = program or PROGRAM
        self.folder = os.path.join(the_lab.folder, name)
        os.mkdir(self.folder)
        self.state = state_folder or os.path.join(self.folder, "state")
        self.ledger = ledger.Ledger(ledger_folder or os.path.join(self.folder, "ledger"))
        self.config = os.path.join(self.folder, "natledger.yaml")
        self.log_path = os.path.join(self.folder, "log")
        self.process = None
        self._boot_id = None  # a file, shown to the agent instead of the kernel's
        self._ledger_options = "".join(", " + option for option in ledger_options)
        self.configure(f"source.receive_buffer: {receive_buffer}\n{source}")

    def configure(self, more=""):
        """Writes its configuration, with these lines more."""
        with open(self.config + ".new", "w", encoding="utf-8") as file:
            file.write(f"ledger: {{directory: {self.ledger.folder}, state: {self.state}, "
                       f'group: ""{self._ledger_options}}}\n'
                       f"observer: {{name: router}}\n{more}")
        os.replace(self.config + ".new", self.config)

    def reload(self, more=""):
        """With these lines more in its configuration. Returns what it says of that."""
        self.configure(more)
        return self.hang_up()

    def hang_up(self):
        before = len(self._reloads())
        self.process.send_signal(signal.SIGHUP)
        wait_for("the agent to reload", lambda: len(self._reloads()) > before)
        self.wait_written()
        return self._reloads()[-1]

    def _reloads(self):
        return [line for line in log_text(self.log()) if ": reload: " in line]

    def command(self, *options):
        return [self.program, "run", "--config", self.config, *options]

    def reboot(self):
        """The next start is on another boot."""
        self._boot_id = os.path.join(self.lab.folder, "boot_id")
        with open(self._boot_id, "w", encoding="ascii") as file:
            file.write(f"{uuid.uuid4()}\n")

    def refused(self, *options, prefix=()):
        """Runs an agent that cannot begin; its exit status, and what it said."""
        done = self.lab.call("router", *prefix, *self.command(*options), check=False)
        return done.returncode, done.stderr

    def start(self, *options):
        """Returns when everything that was open before has been recorded."""
        follow = Follower(self.ledger.folder)
        self.spawn(*options)
        wait_for("coverage-resume in the ledger", lambda: self._resumed(follow))
        return self

    def spawn(self, *options):
        """Returns at once."""
        booted = ()
        if self._boot_id:
            # In the mount namespace that it has to itself.
            booted = ("sh", "-c", 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"',
                      self._boot_id)
        with open(self.log_path, "wb") as log:
            self.process = self.lab.start("router", *booted, *self.command(*options), stderr=log)

    def _resumed(self, follow):
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended: {self.log()}")
        return follow.saw(b'"coverage-resume"')

    def wait_written(self, patience_s=PATIENCE_S):
        """Until all that has happened by now is in the ledger."""
        until = time.time_ns()
        wait_for("the agent to write what has happened", lambda: self.written_to() >= until,
                 patience_s)

    def written_to(self):
        """Up to when the agent says that its ledger is whole."""
        with open(os.path.join(self.state, "covered"), "rb") as file:
            _, written_to = struct.unpack("=Qq", file.read(16))
        return written_to

    def stop(self, first=1, whole_run=True):
        """In good order; the numbers begin with `first`, and the books of a run that is there as a
        whole must balance. Returns the log."""
        self.end()
        records = self.ledger.records()
        assert records[-1]["event.action"] == "coverage-stop", records[-1]
        log = log_text(self.log())
        if whole_run:
            ledger.check_books(records)
            ledger.check_written(records, log)
        ledger.check_sequences(records, first)
        self.verify()
        return log

    def verify(self):
        """What `natledger verify` reports of its ledger, which must be whole."""
        # Under a sanitizer of threads 200,000 lines take more than a minute.
        done = natledger("verify", "--config", self.config, "--json", patience_s=10 * PATIENCE_S)
        assert done.returncode == 0, done.stdout + done.stderr
        report = json.loads(done.stdout)
        assert report["whole"] and report["notes"] == [], report
        return report

    def end(self):
        """The same, without a look at the books, which takes its time for a million lines."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=PATIENCE_S)
        assert status == 0, (status, self.log())

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def children(self):
        """The processes of natledger-ship that it said it started, which are there."""
        started = re.findall(r"started natledger-ship, process (\d+)", self.log())
        return [int(pid) for pid in started if os.path.exists(f"/proc/{pid}")]

    @contextlib.contextmanager
    def held(self):
        """It gets no CPU meanwhile: what comes stays in the kernel's buffer, or does not fit."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def who(self, *argv):
        """The exit status of `natledger who`, and its answer."""
        done = natledger("who", *argv, "--config", self.config)
        return done.returncode, done.stdout + done.stderr

    def who_json(self, *argv):
        status, answer = self.who(*argv, "--json")
        return status, json.loads(answer)


def utc(ns):
    """RFC 3339, as `who --at` wants it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + f".{ns % 10**9:09d}Z"


def ns_of(text):
    """Back from what records say, in microseconds."""
    return round(datetime.datetime.fromisoformat(text).timestamp() * 10**6) * 1000


def new_lab():
    for name in ("NATLEDGER", "NATLEDGER_FLOWS"):
        if not os.access(os.environ.get(name, ""), os.X_OK):
            raise lab.LabError(f"${name} names no program (run the lab through ctest)")
    return lab.Lab()
