# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures every number that natledger promises, beside ulogd2 where it has one.

Prints a table, and with --write puts it into tests/bench/README.md. With --check the exit status is
1 when something that must be reached was missed.
"""
import argparse
import datetime
import itertools
import json
import statistics
import sys
import typing

import delivering
import disk
import lab
import live
import measure
import questions
import report
import single

MIB = 2**20
PER_SECOND = 20_000  # where CPU is compared


class Verdict(typing.NamedTuple):
    """One promise: what was measured, and whether it is enough."""
    what: str
    must: str
    aim: str
    measured: str
    met: bool


class Bench:
    def __init__(self, options):
        self.options = options
        self.quick = options.quick
        self.runs = []  # (load, [Result of each side])
        self.verdicts = []
        self.figures = []  # (what, text)
        self.captures = single.Captures()

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def verdict(self, *row):
        self.verdicts.append(Verdict(*row))
        self.say(report.verdict_line(self.verdicts[-1]))

    def live(self, load, results):
        self.runs.append((load, results))
        for result in results:
            self.say(report.run_line(load, result))

    def cpu(self):
        """The promise of a tenth: many events, none lost on either side."""
        ulogd_first = itertools.cycle((False, True))
        ratios = [theirs / ours for ours, theirs in self.repeated_cpu(
            4 if self.quick else 10,
            start=lambda the_lab: live.both(the_lab, True, ulogd_first=next(ulogd_first)))]
        text = f"1/{measure.spread(ratios, 1)}" if ratios else "no run without loss"
        self.verdict(f"CPU an event, kernel to line, against ulogd2, {PER_SECOND:,} events/s",
                     "<= 1/6", "<= 1/10", text, bool(ratios) and statistics.median(ratios) >= 6)

    def against(self, program):
        """Two natledgers on the same events: what a change costs or saves, to two in a hundred."""
        other_first = itertools.cycle((False, True))
        ratios = [ours / other for ours, other in self.repeated_cpu(
            2 if self.quick else 5,
            start=lambda the_lab: live.two_of_ours(the_lab, program, next(other_first)))]
        self.figure(f"CPU an event, as a part of what {program} takes",
                    measure.spread(ratios) if ratios else "no run without loss")

    def repeated_cpu(self, seconds, **options):
        """What an event took of either side, for each run in which neither lost any."""
        for number in range(self.options.repeats):
            results = live.steady(PER_SECOND, seconds, **options)
            self.live(f"{PER_SECOND:,} events/s for {seconds} s, run {number + 1}", results)
            cpu_us = [result.cpu_us for result in results]
            if None not in cpu_us:
                yield cpu_us

    def steady(self):
        seconds = 6 if self.quick else 60
        for per_second in (1_000, 5_000, 20_000):
            results = live.steady(per_second, seconds)
            self.live(f"{per_second:,} events/s for {seconds} s", results)
            self.verdict(f"lost at {per_second:,} events/s", "0", "0", str(results[0].lost),
                         results[0].lost == 0)
        results = live.steady(5_000, seconds, mix=True)
        self.live(f"5,000 events/s of 28 kinds for {seconds} s", results)

    def flush(self):
        for entries in (200_000,) if self.quick else (200_000, 1_000_000):
            for large in (False, True):
                self.flush_once(entries, large, False)
            self.flush_once(entries, False, True)

    def flush_once(self, entries, large, stall):
        results = live.flush(entries, large, stall)
        load = f"flush of {entries:,} entries"
        if large:
            load += " beside ulogd2 with large buffers"
        if stall:
            load += f", the disk stalls for {disk.STALL_S} s"
        self.live(load, results)
        self.verdict(f"lost in a {load}", "0", "0", str(results[0].lost), results[0].lost == 0)

    def replay(self):
        events = 200_000 if self.quick else 1_000_000
        for mix in (False, True):
            single.replay_per_second(self.captures, events, mix)
            rates = [single.replay_per_second(self.captures, events, mix) / 1e6
                     for _ in range(self.options.repeats)]
            kinds = "28 kinds of flows" if mix else "TCP with source NAT"
            text = f"{measure.spread(rates)} M/s"
            if mix:
                self.figure(f"replay of {events:,} events, {kinds}", text)
            else:
                self.verdict(f"replay of {events:,} events, {kinds}, records a second of CPU",
                             ">= 1 M/s", ">= 2 M/s", text, statistics.median(rates) >= 1)

    def figure(self, what, text):
        self.figures.append((what, text))
        self.say(f"{what}: {text}")

    def instructions(self):
        count = single.instructions_per_event(self.captures)
        self.figure("instructions an event, replay, TCP with source NAT", f"{count:,.0f}")

    def memory(self):
        resident, idle = single.resident_after_burst()
        flows = single.LIVE_FLOWS
        self.verdict(f"memory with {flows:,} live flows, after a burst of {3 * flows:,} events",
                     "<= 64 MiB", "<= 26 MiB", f"{resident / MIB:.1f} MiB (idle: "
                     f"{idle / MIB:.1f} MiB)", resident <= 64 * MIB)

    def flows(self):
        """What open flows cost: each event that comes while they are there, and in memory."""
        most = 100_000 if self.quick else 1_000_000
        for flows in (0, most // 10, most):
            results = live.steady(PER_SECOND, 4 if self.quick else 10, open_before=flows,
                                  start=live.settled)
            self.live(f"{PER_SECOND:,} events/s with {flows:,} flows open besides", results)
        none, many = single.resident_with(0), single.resident_with(most)
        rest, peak = ((after - before) / most for before, after in zip(none, many))
        self.verdict(f"memory of the agent a live flow, at {most:,}", "<= 100 bytes", "",
                     f"{rest:.0f} bytes; {peak:.0f} at most, while they are compared and indexed",
                     rest <= 100)

    def archives(self):
        """Whether archiving slows down what is between the kernel and the line."""
        self.cost_of("segments are archived", live.archiving_or_not)

    def cost_of(self, what, either):
        """What an event costs an agent of which that holds, against one of which it does not."""
        plain_first = itertools.cycle((False, True))
        pairs = list(self.repeated_cpu(
            4 if self.quick else 10,
            start=lambda the_lab: either(the_lab, next(plain_first))))
        ratios = [beside / plain for beside, plain in pairs]
        self.figure(f"CPU an event, kernel to line, while {what}, as a part of that without",
                    measure.spread(ratios) if ratios else "no run without loss")

    def start(self):
        entries = 100_000 if self.quick else 1_000_000
        rounds = [single.start_dump(entries) for _ in range(1 if self.quick else 3)]
        wall, cpu, bare = ([each[i] for each in rounds] for i in range(3))
        ratio = statistics.median(wall) / statistics.median(bare)
        self.verdict(f"start with {entries:,} entries in the table, until each has its record",
                     "< 3 s", "<= 1.3 x a bare dump",
                     f"{measure.spread(wall)} s (CPU {measure.spread(cpu)} s); {ratio:.2f} x a "
                     f"bare dump, {measure.spread(bare)} s", statistics.median(wall) < 3)

    def shipping(self):
        """A record from the ledger to acknowledged, beside the tailers that people use."""
        rounds = 1 if self.quick else 3
        with delivering.made_ledger(40_000 if self.quick else 400_000) as ledger:
            lines = delivering.count_lines(ledger)
            sides = {
                "natledger-ship": lambda: delivering.ours(ledger, lines, 0),
                "natledger-ship, gzip": lambda: delivering.ours(ledger, lines, 1),
                "the floor": lambda: delivering.floor(ledger, lines, False),
                "the floor, gzip": lambda: delivering.floor(ledger, lines, True),
                "syslog-ng": lambda: delivering.theirs(delivering.SyslogNg, ledger, lines),
                "rsyslog": lambda: delivering.theirs(delivering.Rsyslog, ledger, lines)}
            took = {name: [measure_side() for _ in range(rounds)]
                    for name, measure_side in sides.items()}
        cpu = {name: [us for us, _ in runs] for name, runs in took.items()}
        middle = {name: statistics.median(values) for name, values in cpu.items()}
        for name, runs in took.items():
            self.figure(f"CPU a record shipped, {name}", f"{measure.spread(cpu[name])} us; "
                        f"{statistics.median(wire for _, wire in runs):.0f} bytes on the wire")
        plain = middle["natledger-ship"] / middle["syslog-ng"]
        self.verdict("CPU a record shipped, plain, as a part of syslog-ng's", "<= 1/3", "",
                     f"{plain:.2f}", plain <= 1 / 3)
        packed = middle["natledger-ship, gzip"] / middle["the floor, gzip"]
        self.verdict("CPU a record shipped, gzip, against the floor", "<= 1.5 x", "<= 1.2 x",
                     f"{packed:.2f} x", packed <= 1.5)

    def away(self):
        """A server that is not there while much is recorded."""
        events = 100_000 if self.quick else 1_000_000
        run = delivering.away(events)
        self.figure(f"memory of natledger-ship, its server away, {run.waited // 10:,} and "
                    f"{run.waited:,} records waiting",
                    f"{run.resident_early / MIB:.1f} and {run.resident_late / MIB:.1f} MiB")
        self.verdict(f"lost of {events:,} events while the server is away", "0", "",
                     f"{run.lost}", run.lost == 0)
        least = 5 * delivering.COMING
        self.verdict(f"catching up while {delivering.COMING:,} events/s come",
                     f">= {least:,} records/s", "", f"{run.back_per_second:,.0f} records/s",
                     run.back_per_second >= least)

    def beside_shipping(self):
        self.cost_of("the ledger is shipped", delivering.shipped_or_not)

    def who(self):
        sizes = (100_000,) if self.quick else (100_000, 1_000_000, 10_000_000)
        for lines in sizes:
            with questions.made_ledger(lines) as ledger:
                for cold in (False, True):
                    self.who_once(ledger, lines, cold)
                self.bytes_a_record(ledger, lines)

    def who_once(self, ledger, lines, cold):
        took = questions.ask(ledger, 100 if self.quick else 1000, cold)
        middle, worst = (questions.percentile(took, part) for part in (0.5, 0.99))
        self.verdict(f"who, {lines:,} records, {'cold' if cold else 'warm'} cache, exec to exit",
                     "p99 < 50 ms", "p50 < 5 ms", f"p50 {middle:.1f} ms, p99 {worst:.1f} ms",
                     worst < 50)

    def bytes_a_record(self, ledger, lines):
        index = questions.bytes_a_record(ledger, lines, ".idx")
        self.verdict(f"index bytes a record, {lines:,} records", "<= 24", "<= 16",
                     f"{index:.1f}", index <= 24)
        tables = questions.bytes_a_record(ledger, lines, ".open")
        self.figure(f"bytes of tables of open flows a record, {lines:,} records", f"{tables:.2f}")
        archived = questions.archived_bytes_a_record(ledger)
        self.figure(f"archived bytes a record, {lines:,} records", f"{archived:.0f}")


ROWS = ("cpu", "steady", "flush", "replay", "instructions", "memory", "flows",
        "archives", "start", "who", "shipping",
        "away", "beside_shipping")


def parse():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", metavar="ROW", nargs="*", help=f"{', '.join(ROWS)} (default: all)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a must is missed")
    parser.add_argument("--against", metavar="PROGRAM",
                        help="only compare with another natledger on the same events")
    parser.add_argument("--repeats", type=int, default=5, help="of what is repeated (default: 5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load")
    parser.add_argument("--json", action="store_true", help="the results as JSON")
    parser.add_argument("--write", metavar="FILE", help="put the tables into this file of Markdown")
    options = parser.parse_args()
    for row in options.rows:
        if row not in ROWS:
            parser.error(f"there is no row {row}; there are {', '.join(ROWS)}")
    return options


def main():
    options = parse()
    bench = Bench(options)
    try:
        if options.against:
            bench.against(options.against)
        for row in options.rows or (() if options.against else ROWS):
            getattr(bench, row)()
    finally:
        bench.captures.remove()
    about = f"{measure.machine()}; {datetime.date.today()}; commit {measure.commit()}"
    text = report.markdown(about, bench.runs, bench.verdicts, bench.figures)
    if options.json:
        print(json.dumps(report.as_json(about, bench.runs, bench.verdicts, bench.figures)))
    else:
        print(text)
    if options.write:
        report.replace_results(options.write, text)
    return 1 if options.check and not all(row.met for row in bench.verdicts) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except lab.LabError as failure:
        sys.exit(f"bench: {failure}")
