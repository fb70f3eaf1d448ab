# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system that stalls: ext4 on a file, through a loop device, frozen for a while.

Whoever writes to it then waits in the kernel, as behind a controller that hangs.
"""
import os
import threading
import time

import agent
import lab

STALL_S = 2
# A burst of a million lines is 1.3 GB; the file has holes where nothing was written.
DISK_BYTES = 4 << 30


class Disk:

    def __init__(self, the_lab):
        self.image = os.path.join(the_lab.folder, "disk.ext4")
        self.folder = os.path.join(the_lab.folder, "disk")
        self._thread = None
        self._stalled_s = 0

    def __enter__(self):
        with open(self.image, "wb") as file:
            file.truncate(DISK_BYTES)
        lab.call("mkfs.ext4", "-q", "-F", self.image)
        os.mkdir(self.folder)
        lab.call("mount", "-o", "loop", self.image, self.folder)
        return self

    def __exit__(self, *_):
        if self._thread:
            self._thread.join()
        lab.call("umount", self.folder, check=False)

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
