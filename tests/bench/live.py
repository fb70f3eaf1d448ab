# SPDX-License-Identifier: GPL-2.0-or-later
"""Both sides on the same events of the kernel, in the same run: steady loads, and bursts."""
import contextlib
import functools

import agent
import conntrack
import disk
import generator
import measure
import sides

BATCH = 20
# What both sides write of one stays in the page cache: 1.2 and 0.5 KB.
MEMORY_AN_EVENT = 2048
ROTATE = "rotate: {size: 16MiB}"
FIRST_OPEN = 2**22  # the number of the first flow that is open before


def in_turn(makers, last_first):
    """What each makes, in their order; who listens first is served first."""
    running = [make() for make in makers[::-1 if last_first else 1]]
    return running[::-1 if last_first else 1]


def both(the_lab, large_buffers, folder=None, ulogd_first=False):
    return in_turn((lambda: sides.Natledger(the_lab, folder),
                    lambda: sides.Ulogd2(the_lab, large_buffers, folder)), ulogd_first)


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


def two_of_ours(the_lab, other, other_first):
    """This build and the other."""
    return in_turn((lambda: sides.Natledger(the_lab),
                    lambda: sides.Natledger(the_lab, name="the other", program=other)),
                   other_first)


def archiving_or_not(the_lab, plain_first):
    """One that archives each segment at once, and one that archives none."""
    archive = (ROTATE, "compress_after: 1ms")
    return in_turn((lambda: sides.Archiving(the_lab, name="archiving", ledger_options=archive),
                    lambda: sides.Natledger(the_lab, name="plain", ledger_options=(ROTATE,))),
                   plain_first)


def settled(the_lab):
    """One that has nothing left to do about what was there before it."""
    side = sides.Natledger(the_lab)
    side.wait_idle()
    side.begin()
    return [side]


def steady(per_second, seconds, mix=False, start=functools.partial(both, large_buffers=True),
           open_before=0):
    """So many events a second, half of them starts and half ends, for so long, to the sides that
    `start` starts in the lab, where so many flows are open."""
    flows = per_second * seconds // 2
    with new_lab(2 * flows + open_before * 5 // 4) as the_lab:
        if open_before:
            generator.generate(the_lab, "make", open_before, batch=1000, first=FIRST_OPEN)
        running = start(the_lab)
        measure.touch_memory(2 * flows * MEMORY_AN_EVENT)
        options = {"live": per_second // 2, "per_second": per_second // 2, "batch": BATCH}
        made = generator.generate(the_lab, "churn", flows, mix=mix, **options)
        assert len(made) == 2 * flows, len(made)
        return finish(running, len(made))


def flush(entries, large_buffers, stall=False):
    """`conntrack -F` of so many entries. With `stall` the disk of both sides takes nothing for a
    while that begins amid the burst."""
    with new_lab(entries + entries // 4) as the_lab:
        generator.generate(the_lab, "make", entries, batch=1000)
        with disk.Disk(the_lab) if stall else contextlib.nullcontext() as slow:
            running = both(the_lab, large_buffers, slow.folder if slow else None)
            events = conntrack.count(the_lab)
            assert events == entries, events
            if slow:
                slow.stall_when(lambda: conntrack.count(the_lab) < entries - entries // 10)
            conntrack.flush(the_lab)
            assert conntrack.count(the_lab) == 0
            results = finish(running, events)
            if slow:
                slow.check_stalled()
            return results
