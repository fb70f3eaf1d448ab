# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger and ulogd2 as the two sides of one run: what each received, wrote, lost and spent."""
import os
import time
import typing

import agent
import ledger
import measure
import ulogd

# ulogd2 is done when its file has not grown for so long.
QUIET_S = 1.0
PATIENCE_S = 600
IDLE_NS = 20 * 10**6  # in a hundred times as long


class Result(typing.NamedTuple):
    """Of one side, in one run."""
    name: str
    events: int  # that the kernel caused
    received: int
    written: int
    cpu_ns: int
    behind_ns: int  # of these, for chain, index and archives, behind the record
    resident_bytes: int

    @property
    def lost(self):
        return self.events - self.written

    @property
    def cpu_us(self):
        """An event, from the kernel to its line; of a run that lost some there is none."""
        if self.lost != 0:
            return None
        return (self.cpu_ns - self.behind_ns) / self.events / 1000

    @property
    def behind_us(self):
        """An event, for what is done with the lines afterwards."""
        return self.behind_ns / self.events / 1000 if self.lost == 0 else None


class Side:
    """A recorder from now on. What it has written is read behind what was there."""

    def __init__(self, name, lab, process, files, is_event):
        self.name = name
        self.lab = lab
        self.pid = process.pid
        self.files = files  # gives their paths, in their order
        self.is_event = is_event
        self.begin()

    def begin(self):
        """What it has done so far does not count."""
        self.size = self._size()
        self.drops = measure.netlink_drops(self.lab, self.pid)
        self.cpu = measure.cpu_ns(self.pid)
        self.behind = measure.cpu_behind_ns(self.pid)

    def _size(self):
        return sum(os.path.getsize(path) for path in self.files() if os.path.exists(path))

    def result(self, events):
        cpu = measure.cpu_ns(self.pid) - self.cpu
        behind = measure.cpu_behind_ns(self.pid) - self.behind
        dropped = measure.netlink_drops(self.lab, self.pid) - self.drops
        return Result(self.name, events, events - dropped, self._events_written(), cpu,
                      behind, measure.resident_bytes(self.pid))

    def _events_written(self):
        written, before = 0, self.size
        for path in self.files():
            if not os.path.exists(path):
                continue
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(min(before, size))
                before -= min(before, size)
                written += sum(map(self.is_event, file))
        return written


def is_event_of_ours(line):
    """Of the load: not of what is shipped beside it."""
    return (line.endswith(b"\n") and b'"event.kind": "event"' in line
            and b'"event.reason": "inferred"' not in line
            and b'"src_ip": "127.0.0.1"' not in line)


class Natledger(Side):
    """Its configuration is the default but for where it writes, and what `ledger_options` and
    `more` say."""

    def __init__(self, lab, folder=None, name="natledger", program=None, ledger_options=(),
                 more=""):
        ledger_folder = os.path.join(folder, "ledger") if folder else None
        self.agent = agent.Agent(lab, name=name, ledger_folder=ledger_folder,
                                 program=program, ledger_options=ledger_options,
                                 source=more).start()
        super().__init__(name, lab, self.agent.process, self.agent.ledger.files,
                         is_event_of_ours)

    def _events_written(self):
        """All that are there: what was in the table before has inferred starts."""
        return sum(is_event_of_ours(line) for path in self.files()
                   for line in ledger.content_of(path).splitlines(keepends=True))

    def wait(self):
        self.agent.wait_written(PATIENCE_S)

    def wait_idle(self):
        """Until it takes less than a hundredth of a processor, its disk being in step."""
        self.wait()
        os.sync()
        spent = 0
        while (so_far := measure.cpu_ns(self.pid)) - spent >= IDLE_NS:
            spent = so_far
            time.sleep(IDLE_NS * 100 / 10**9)

    def stop(self):
        self.agent.end()


class Archiving(Natledger):
    """Its figures are of a run in which it has made archives."""

    def wait(self):
        super().wait()
        assert any(path.endswith(".zst") for path in self.files()), "no archive was made"


class Ulogd2(Side):
    def __init__(self, lab, large_buffers, folder=None):
        self.ulogd = ulogd.Ulogd(lab, large_buffers=large_buffers, output_folder=folder)
        name = "ulogd2, large buffers" if large_buffers else "ulogd2"
        super().__init__(name, lab, self.ulogd.process, lambda: [self.ulogd.output],
                         lambda line: line.endswith(b"\n"))

    def wait(self):
        """What it still has in its socket shows in its file only."""
        size, since = -1, time.monotonic()
        give_up = since + PATIENCE_S
        while time.monotonic() < min(since + QUIET_S, give_up):
            if self._size() != size:
                size, since = self._size(), time.monotonic()
            time.sleep(0.05)

    def stop(self):
        self.ulogd.process.terminate()
        self.ulogd.process.wait(timeout=PATIENCE_S)
