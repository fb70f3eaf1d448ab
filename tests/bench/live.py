# SPDX-License-Identifier: GPL-2.0-or-later
"""Both sides on the same events of the kernel, in the same run: steady loads, and bursts."""
import contextlib
import os
import threading
import time

import agent
import conntrack
import generator
import lab
import sides

STALL_S = 2
# Of the frozen disk; a burst of a million lines is 1.2 GB.
DISK_BYTES = 4 << 30
BATCH = 20


def both(the_lab, large_buffers, folder=None):
    return [sides.Natledger(the_lab, folder), sides.Ulogd2(the_lab, large_buffers, folder)]


def finish(running, events):
    """Each side's result, once it has written all that it will."""
    for side in running:
        side.wait()
    results = [side.result(events) for side in running]
    for side in running:
        side.stop()
    return results


@contextlib.contextmanager
def new_lab(entries):
    the_lab = agent.new_lab()
    try:
        the_lab.need_entries(entries)
        yield the_lab
    finally:
        the_lab.down()


def steady(per_second, seconds, mix=False):
    """So many events a second, half of them starts and half ends, for so long."""
    flows = per_second * seconds // 2
    with new_lab(2 * flows) as the_lab:
        running = both(the_lab, large_buffers=True)
        options = {"live": per_second // 2, "per_second": per_second // 2, "batch": BATCH}
        made = generator.generate(the_lab, "churn", flows, mix=mix, **options)
        assert len(made) == 2 * flows, len(made)
        return finish(running, len(made))


def flush(entries, large_buffers, stall=False):
    """`conntrack -F` of so many entries. With `stall` the disk of both sides takes nothing for a
    while that begins amid the burst."""
    with new_lab(entries + entries // 4) as the_lab:
        generator.generate(the_lab, "make", entries, batch=1000)
        with Disk(the_lab) if stall else contextlib.nullcontext() as disk:
            running = both(the_lab, large_buffers, disk.folder if disk else None)
            events = conntrack.count(the_lab)
            assert events == entries, events
            if disk:
                disk.stall_when(lambda: conntrack.count(the_lab) < entries - entries // 10)
            conntrack.flush(the_lab)
            assert conntrack.count(the_lab) == 0
            results = finish(running, events)
            if disk:
                disk.check_stalled()
            return results


class Disk:
    """A file system that can be frozen: ext4 on a file, through a loop device."""

    def __init__(self, the_lab):
        self.image = os.path.join(the_lab.folder, "disk.ext4")
        self.folder = os.path.join(the_lab.folder, "disk")
        self._thread = None
        self.stalled = None  # the monotonic times between which nothing was written

    def __enter__(self):
        with open(self.image, "wb") as file:
            file.truncate(DISK_BYTES)
        lab.call("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", self.image)
        os.mkdir(self.folder)
        lab.call("mount", "-o", "loop", self.image, self.folder)
        return self

    def __exit__(self, *_):
        if self._thread:
            self._thread.join()
        lab.call("umount", self.folder, check=False)

    def stall_when(self, begun):
        self._thread = threading.Thread(target=self._stall, args=(begun,))
        self._thread.start()

    def _stall(self, begun):
        agent.wait_for("the burst", begun)
        lab.call("fsfreeze", "--freeze", self.folder)
        frozen = time.monotonic()
        try:
            time.sleep(STALL_S)
        finally:
            lab.call("fsfreeze", "--unfreeze", self.folder)
        self.stalled = (frozen, time.monotonic())

    def check_stalled(self):
        self._thread.join()
        begun, ended = self.stalled
        assert ended - begun >= STALL_S, self.stalled
