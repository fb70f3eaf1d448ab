# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger by itself: replay, instructions, memory, the dump at start."""
import contextlib
import os
import re
import shutil
import signal
import tempfile
import time

import agent
import generator
import lab
import live
import measure
import sides

LIVE_FLOWS = 100_000


class Captures:
    """Recorded in the lab, kept on tmpfs while the bench runs."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="natledger-bench-", dir="/dev/shm")
        self._recorded = {}

    def remove(self):
        shutil.rmtree(self.folder)

    def of(self, events, mix):
        """The path of a capture with exactly so many events."""
        if (events, mix) not in self._recorded:
            path = os.path.join(self.folder, f"{events}{'-mix' if mix else ''}.pcap")
            record(path, events, mix)
            self._recorded[events, mix] = path
        return self._recorded[events, mix]


def record(path, events, mix):
    with live.new_lab(events) as the_lab:
        recorder = the_lab.start("router", agent.PROGRAM, "record", path)
        agent.wait_for("the recorder to listen", lambda: os.path.exists(path))
        time.sleep(0.5)
        generator.generate(the_lab, "churn", events // 2, live=1000, per_second=20_000, batch=100,
                           mix=mix)
        time.sleep(1)
        recorder.send_signal(signal.SIGINT)
        assert recorder.wait(timeout=60) == 0


@contextlib.contextmanager
def scratch(folder):
    path = tempfile.mkdtemp(dir=folder)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def replay_command(folder, capture):
    config = os.path.join(folder, "natledger.yaml")
    with open(config, "w", encoding="ascii") as file:
        # One file, so that its lines can be counted, and no seal to be hashed.
        file.write("ledger: {sync: never, rotate: {size: 2GiB}}\n")
    return [agent.PROGRAM, "replay", "--config", config, "--ledger",
            os.path.join(folder, "ledger"), capture]


def replay_per_second(captures, events, mix):
    """Records for each second of processor; the ledger is whole."""
    capture = captures.of(events, mix)
    measure.touch_memory(events * live.MEMORY_AN_EVENT)
    with scratch(captures.folder) as folder:
        cpu_s, _ = measure.run_cpu_s(replay_command(folder, capture))
        with open(os.path.join(folder, "ledger", "conntrack.json"), "rb") as file:
            lines = sum(map(sides.is_event_of_ours, file))
    assert lines == events, (lines, events)
    return events / cpu_s


def instructions_per_event(captures, few=20_000, many=60_000):
    """What an event more costs, so that starting up is left out."""
    counts = [instructions(captures, captures.of(events, False)) for events in (few, many)]
    return (counts[1] - counts[0]) / (many - few)


def instructions(captures, capture):
    with scratch(captures.folder) as folder:
        done = lab.call("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                        *replay_command(folder, capture))
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def resident_after_burst():
    """Bytes held with so many live flows, after twice as many came at once; and just before."""
    with live.new_lab(3 * LIVE_FLOWS) as the_lab:
        watched = agent.Agent(the_lab).start()
        idle = measure.resident_bytes(watched.process.pid)
        generator.generate(the_lab, "make", 2 * LIVE_FLOWS, batch=1000)
        generator.generate(the_lab, "delete", LIVE_FLOWS, batch=1000)
        watched.wait_written()
        time.sleep(1)
        resident = measure.resident_bytes(watched.process.pid)
        starts = len(watched.ledger.flows())
        assert starts == 3 * LIVE_FLOWS, starts
        watched.end()
        return resident, idle


def resident_with(flows):
    """Bytes held with so many flows open since before the start: once everything about them is
    written and indexed, and at most on the way there."""
    with live.new_lab(flows + flows // 4) as the_lab:
        if flows:
            generator.generate(the_lab, "make", flows, batch=1000)
        side = sides.Natledger(the_lab)
        side.wait_idle()
        resident = measure.resident_bytes(side.pid), measure.most_resident_bytes(side.pid)
        side.stop()
        return resident


def start_dump(entries):
    """Seconds from the subscription until all that was open is recorded, the processor's seconds
    of it, and those of a bare loop over the dump."""
    with live.new_lab(entries + entries // 4) as the_lab:
        generator.generate(the_lab, "make", entries, batch=1000)
        bare_s, _ = measure.run_cpu_s(the_lab.command("router", generator.PROGRAM, "dump",
                                                      str(entries)))
        started = agent.Agent(the_lab).start()
        end_ns = time.time_ns()
        cpu_s = measure.cpu_ns(started.process.pid) / 1e9
        begin_ns = agent.ns_of(started.ledger.first_record()["@timestamp"])
        started.end()
        return (end_ns - begin_ns) / 1e9, cpu_s, bare_s
