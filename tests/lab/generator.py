# SPDX-License-Identifier: GPL-2.0-or-later
"""The generator of conntrack entries in the router's namespace, and the log that it keeps."""
import os
import subprocess
import typing

PROGRAM = os.environ.get("NATLEDGER_FLOWS", "")


class Entry(typing.NamedTuple):
    """An entry that the kernel said it made, or deleted, between two instants."""
    action: str
    before_ns: int
    after_ns: int
    number: int
    kind: str
    protocol: int
    source: str
    zone: int


class Generator:
    """A run of it, going on while the test does; done() is its end and its log."""

    def __init__(self, lab, action, count, **options):
        argv = [PROGRAM, action, str(count)]
        for key, value in options.items():
            if value is False:
                continue
            argv.append("--" + key.replace("_", "-"))
            if value is not True:
                argv.append(str(value))
        self.log_path = os.path.join(lab.folder, f"flows-{os.urandom(4).hex()}")
        with open(self.log_path, "wb") as log:
            self.process = lab.start("router", *argv, stdout=log, stderr=subprocess.PIPE, text=True)

    def begun(self):
        return os.path.getsize(self.log_path) > 0

    def done(self):
        stderr = self.process.communicate(timeout=120)[1]
        assert self.process.returncode == 0, stderr
        return self.entries()

    def entries(self):
        """What the log says by now."""
        with open(self.log_path, encoding="ascii") as log:
            return [entry_of(line) for line in log if line.endswith("\n")]


def entry_of(line):
    action, before, after, number, kind, protocol, source, zone = line.split()
    return Entry(action, int(before), int(after), int(number), kind, int(protocol), source,
                 int(zone))


def generate(lab, action, count, **options):
    return Generator(lab, action, count, **options).done()
