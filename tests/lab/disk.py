# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system that stalls, or loses its power: ext4 on a file, through a loop device.

Frozen for a while, whoever writes to it waits in the kernel, as behind a controller that hangs.
Shut down, it forgets what was not synced.
"""
import fcntl
import os
import struct
import threading
import time

import agent
import lab

STALL_S = 2
# A burst of a million lines is 1.3 GB; the file has holes where nothing was written.
DISK_BYTES = 4 << 30
# EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: not even the journal is written any more.
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2


class Disk:

    def __init__(self, the_lab):
        self.image = os.path.join(the_lab.folder, "disk.ext4")
        # Who has a mount namespace of his own, as each process in a network namespace, must see it
        # go: what he held would live on, shut down.
        self._shared = os.path.join(the_lab.folder, "shared")
        self.folder = os.path.join(self._shared, "disk")
        self._thread = None
        self._stalled_s = 0

    def __enter__(self):
        with open(self.image, "wb") as file:
            file.truncate(DISK_BYTES)
        lab.call("mkfs.ext4", "-q", "-F", self.image)
        os.mkdir(self._shared)
        lab.call("mount", "--bind", self._shared, self._shared)
        lab.call("mount", "--make-shared", self._shared)
        os.mkdir(self.folder)
        self._mount()
        return self

    def _mount(self):
        lab.call("mount", "-o", "loop", self.image, self.folder)

    def cut_power(self):
        folder = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(folder, SHUTDOWN, struct.pack("=I", NO_LOG_FLUSH))
        os.close(folder)

    def power_up(self):
        """Nobody may have a file of it open."""
        lab.call("umount", self.folder)
        self._mount()

    def __exit__(self, *_):
        if self._thread:
            self._thread.join()
        for folder in (self.folder, self._shared):
            lab.call("umount", folder, check=False)

    def stall_when(self, begun):
        """For STALL_S, as soon as `begun` gives something true."""
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
        self._stalled_s = time.monotonic() - frozen

    def check_stalled(self):
        self._thread.join()
        assert self._stalled_s >= STALL_S, self._stalled_s
