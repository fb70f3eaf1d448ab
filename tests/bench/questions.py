# SPDX-License-Identifier: GPL-2.0-or-later
"""`who` from exec to exit on ledgers of all sizes, and what index and archive take of a record."""
import contextlib
import glob
import os
import random
import shutil
import subprocess
import tempfile
import time

import agent

MAKER = os.environ.get("NATLEDGER_MADE_LEDGER", "")
LINES_A_SEGMENT = 240_000  # 256 MiB
DAYS = 3                   # what made_ledger spreads its lines over


def maker(*arguments):
    subprocess.run([MAKER, *map(str, arguments)], check=True)


@contextlib.contextmanager
def unindexed(path, most):
    """Without the last lines of a file, so many bytes: on average the index ends so far back."""
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - most))
        file.readline()
        end = file.tell()
        rest = file.read()
        file.truncate(end)
        yield
        file.seek(end)
        file.write(rest)


@contextlib.contextmanager
def made_ledger(lines):
    """Archived but for the newest sealed segment, and indexed."""
    folder = tempfile.mkdtemp(prefix="natledger-bench-", dir="/var/tmp")
    try:
        ledger = os.path.join(folder, "ledger")
        segments = max(3, lines // LINES_A_SEGMENT)
        maker("make", ledger, lines, segments, 1)
        with unindexed(os.path.join(ledger, "conntrack.json"), 4 << 20):
            maker("index", ledger, 8 << 20)
        maker("archive", ledger, segments - 2)
        os.sync()
        yield ledger
    finally:
        shutil.rmtree(folder)


def bytes_a_record(ledger, lines, end):
    return sum(map(os.path.getsize, glob.glob(os.path.join(ledger, "*" + end)))) / lines


def archived_bytes_a_record(ledger):
    """Of the oldest archive; its name and the next one's say how many lines it has."""
    paths = sorted(glob.glob(os.path.join(ledger, "conntrack-*.json*")))
    first, behind = (int(os.path.basename(path)[10:29]) for path in paths[:2])
    return os.path.getsize(paths[0]) / (behind - first)


def drop_from_cache(ledger):
    for path in glob.glob(os.path.join(ledger, "conntrack*")):
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def ask(ledger, count, cold):
    """Milliseconds of each of so many questions, from exec to exit, sorted."""
    chance = random.Random(count)
    took = []
    for _ in range(count):
        address = f"1.2.3.{chance.choice((4, 5))}:{chance.randrange(1024, 4024)}"
        second = chance.randrange(3600, DAYS * 86400 - 3600)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1793491200 + second))
        if cold:
            drop_from_cache(ledger)
        begun = time.monotonic()
        done = subprocess.run([agent.PROGRAM, "who", address, "--at", at, "--ledger", ledger],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        took.append((time.monotonic() - begun) * 1e3)
        assert done.returncode in (0, 1, 3, 4, 5), done.returncode
    return sorted(took)


def percentile(values, part):
    return values[min(len(values) - 1, int(len(values) * part))]
