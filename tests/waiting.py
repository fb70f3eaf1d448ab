# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for what another program does."""
import time

PATIENCE_S = 60


def wait_for(what, condition, patience_s=PATIENCE_S):
    """Until `condition` gives something true, and that."""
    give_up = time.monotonic() + patience_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > give_up:
            raise AssertionError(f"waited {patience_s} s in vain for {what}")
        time.sleep(0.01)
