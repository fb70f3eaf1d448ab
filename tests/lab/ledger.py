# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a ledger's lines, and checks its books. Shares nothing with the program's own reader."""
import collections
import glob
import json
import os
import re
import subprocess

OURS_BEGIN = ', "@timestamp"'
# What ulogd2 took from its own clock, and two readers of one event cannot agree on.
TIMESTAMP = re.compile(r'"timestamp": "[^"]*", ')
NEW_START = re.compile(r'(?<="ct\.event": 1), "flow\.start\.sec": \d+, "flow\.start\.usec": \d+')

NEW, DESTROY = 1, 4


def ulogd_part(line):
    """ulogd2's own line."""
    return line[:line.index(OURS_BEGIN)] + "}"


def without_clock(ulogd_line):
    """A line of ulogd2's without what its clock said: `timestamp`, and the start of NEW."""
    return NEW_START.sub("", TIMESTAMP.sub("", ulogd_line))


def without_own(line):
    """A flow's line without what each reader of an event has of its own: numbers, its clock."""
    record = json.loads(line)
    for key in ("timestamp", "event.sequence", "event.id", "flow.id"):
        del record[key]
    if record["ct.event"] == NEW:
        del record["flow.start.sec"], record["flow.start.usec"]
    return json.dumps(record)


def difference(ours, theirs):
    """What one of two multisets has and the other has not, in short; "" when they are equal."""
    ours, theirs = collections.Counter(ours), collections.Counter(theirs)
    text = ""
    for name, extra in (("only ours", ours - theirs), ("only theirs", theirs - ours)):
        if extra:
            some = "\n  ".join(map(str, list(extra)[:5]))
            text += f"{name}, {extra.total()}, such as\n  {some}\n"
    return text


def is_flow(record):
    return record["event.kind"] == "event"


def is_inferred(record):
    return record.get("event.reason") == "inferred"


class Ledger:
    def __init__(self, folder):
        self.folder = folder

    @property
    def active(self):
        return os.path.join(self.folder, "conntrack.json")

    def files(self):
        """The sealed segments in their order, archived or not, then the active one."""
        found = {}
        for end in (".json.zst", ".json"):  # where both are there, the segment counts
            for path in glob.glob(os.path.join(self.folder, "conntrack-*" + end)):
                found[path.removesuffix(".zst")] = path
        return [found[name] for name in sorted(found)] + [self.active]

    def lines(self):
        """Whole lines; the last of a file may be torn, and is no record then."""
        for path in self.files():
            whole, newline, _ = content_of(path).rpartition(b"\n")
            lines = whole.decode().split("\n") if newline else []
            if lines and not is_json(lines[-1]):
                lines.pop()
            yield from lines

    def records(self):
        return [json.loads(line) for line in self.lines()]

    def first_record(self):
        return json.loads(next(self.lines()))

    def flow_lines(self):
        return [line for line in self.lines() if is_flow(json.loads(line))]

    def flows(self):
        return [record for record in self.records() if is_flow(record)]

    def coverage(self, action):
        return [record for record in self.records() if record["event.action"] == action]


def content_of(path):
    """The bytes of a segment, as zstd sees them where it is archived, which it may be meanwhile;
    none where there is none."""
    if not os.path.exists(path):
        archive = path + ".zst"
        return content_of(archive) if os.path.exists(archive) else b""
    if path.endswith(".zst"):
        return subprocess.run(["zstdcat", path], capture_output=True, check=True).stdout
    with open(path, "rb") as file:
        return file.read()


def is_json(line):
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def check_sequences(records, first=1):
    """Every number from the first on is in one line, or in one range that was skipped."""
    due = first
    for record in records:
        if record["event.action"] == "sequence-skipped":
            assert record["coverage.from_sequence"] == due, (due, record)
            due = record["coverage.to_sequence"] + 1
        assert record["event.sequence"] == due, (due, record)
        due += 1


def check_books(records):
    """What each agent said that it did, by its heartbeats and when it stopped, is what it wrote."""
    since_start = []
    for record in records:
        if record["event.action"] == "coverage-start":
            since_start = []
        since_start.append(record)
        if record["event.action"] in ("coverage-stop", "heartbeat"):
            check_run(since_start, record)


WROTE = re.compile(r"; wrote (\d+) lines, (\d+) inferred, (\d+) of coverage$")
# Of an agent's lines these may stand before its coverage-start.
BEFORE_START = ("segment-sealed", "sequence-skipped", "coverage-gap")


def check_written(records, log):
    """What the agent that stopped last says that it wrote is what it wrote."""
    said, = {tuple(map(int, found.groups())) for found in map(WROTE.search, log) if found}
    wrote, inferred, coverage = said
    first = max(i for i, record in enumerate(records)
                if record["event.action"] == "coverage-start")
    while first > 0 and records[first - 1]["event.action"] in BEFORE_START:
        first -= 1
    run = records[first:]
    flows = [record for record in run if is_flow(record)]
    assert len(run) == wrote, (len(run), said)
    assert sum(map(is_inferred, flows)) == inferred, said
    assert len(run) - len(flows) == coverage, said
    assert wrote == records[-1]["coverage.count.flows"] + inferred + coverage, (said, records[-1])


def check_run(records, stop):
    count = {key.rpartition(".")[2]: value
             for key, value in stop.items() if key.startswith("coverage.count.")}
    assert count["received"] == (count["flows"] + count["ignored"] + count["malformed"]
                                 + count["duplicate"] + count["filtered"]), stop
    assert count["malformed"] == 0, stop
    from_events = [record for record in records if is_flow(record) and not is_inferred(record)]
    assert len(from_events) == count["flows"], (len(from_events), stop)
    gaps = [record for record in records if record["event.action"] == "coverage-gap"]
    assert sum(gap.get("coverage.dropped", 0) for gap in gaps) == count["dropped"], (gaps, stop)
