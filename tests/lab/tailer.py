# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a ledger as log shippers do, while it is written: files by inode, lines by newline."""
import glob
import os
import threading
import time

POLL_S = 0.005


class Tailer:
    """A file found under the glob is followed, whatever its name becomes."""

    def __init__(self, folder):
        self.pattern = os.path.join(folder, "conntrack*.json")
        self.lines = []  # whole ones, of all files, as they came
        self._files = {}  # by inode: the open file, and what came since its last newline
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopping.is_set():
            self._poll()
            time.sleep(POLL_S)
        self._poll()

    def _poll(self):
        for path in glob.glob(self.pattern):
            try:
                file = open(path, "rb")
            except FileNotFoundError:
                continue  # renamed meanwhile: found under its new name next time
            inode = os.fstat(file.fileno()).st_ino
            if inode in self._files:
                file.close()
            else:
                self._files[inode] = [file, b""]
        for place in self._files.values():
            *lines, place[1] = (place[1] + place[0].read()).split(b"\n")
            self.lines += lines

    def pause(self):
        """What it has read by now is all, whatever becomes of the files."""
        self._stopping.set()
        self._thread.join()

    def stop(self):
        """Once more to the end of every file; then `lines` is all that was seen."""
        self.pause()
        for file, _ in self._files.values():
            file.close()
