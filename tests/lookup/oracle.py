# SPDX-License-Identifier: GPL-2.0-or-later
"""Who was behind an address, told from the raw lines, line by line and without an index.

It shares no code with the program: it reads what the enrichers wrote (conntrack.public and .inside)
where the program reads ulogd2's keys, and goes by the rules of docs/ and of `who --help`.
"""
import collections
import glob
import json
import os
import subprocess

US = 1_000_000
REAPING_US = 60 * US
READING_US = 2 * US


def micros(text):
    """Microseconds of "2026-11-22T12:27:04.123456Z" since the day that the oracle counts from."""
    days = micros.days.get(text[:10])
    if days is None:
        import datetime
        days = micros.days[text[:10]] = datetime.date.fromisoformat(text[:10]).toordinal()
    seconds = int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    return (days * 86400 + seconds) * US + int(text[20:26])


micros.days = {}


def time_of(record, key):
    return micros(record[key]) if key in record else None


def read_lines(directory):
    """The whole lines of all segments, in their order."""
    sealed = {}
    for path in glob.glob(os.path.join(directory, "conntrack-*.json*")):
        if path.endswith((".json", ".json.zst")):
            sealed.setdefault(path.split(".json")[0], []).append(path)
    paths = [min(sealed[name], key=len) for name in sorted(sealed)]
    paths.append(os.path.join(directory, "conntrack.json"))
    for path in paths:
        if path.endswith(".zst"):
            text = subprocess.run(["zstdcat", path], capture_output=True, check=True).stdout
        else:
            with open(path, "rb") as file:
                text = file.read()
        yield from text.splitlines()


Side = collections.namedtuple("Side", "address port inside remote remote_port")
Flow = collections.namedtuple("Flow", "id first latest told sides")
Seen = collections.namedtuple(
    "Seen", "at action start end not_after there_until gone_by clock protocol zone sides")


def split_end(text):
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        return address, int(rest[1:]) if rest else None
    address, _, port = text.partition(":")
    return address, int(port) if port else None


def sides_of(record):
    kind = record["conntrack.nat.kind"]
    inside = split_end(record["conntrack.inside"])[0]
    icmp = record.get("conntrack.icmp.id")
    for i, text in enumerate(record["conntrack.public"]):
        if kind in ("snat", "both") and i == 0:
            remote, port = record["reply.ip.saddr.str"], record.get("reply.l4.sport", icmp)
        elif kind == "none":
            remote, port = record["dest_ip"], record.get("orig.l4.dport", icmp)
        else:
            remote, port = record["src_ip"], record.get("orig.l4.sport", icmp)
        yield Side(*split_end(text), inside, remote, port)


def seen_in(record):
    return Seen(micros(record["@timestamp"]), record["event.action"],
                time_of(record, "event.start"), time_of(record, "event.end"),
                time_of(record, "flow.start.not_after"), time_of(record, "flow.end.not_before"),
                time_of(record, "flow.end.not_after"), record.get("flow.start.clock"),
                record["orig.ip.protocol"], record.get("conntrack.zone", 0),
                list(sides_of(record)))


class Coverage:
    """Between which instants everything is recorded."""

    def __init__(self):
        self.spans = []  # (from, to, whether what was open at its begin is known)
        self.holes = []
        self.begin = None  # of the span that goes on
        self.resumed = self.may_resume = False
        self.last = None
        self.told = 0
        self.comparisons = []  # (when, numbers of the first and last line whose flows it was of)
        self.run_from = self.whole_from = 0

    def close(self, at):
        if self.begin is not None and at > self.begin:
            self.spans.append((self.begin, at, self.resumed))
        self.begin = None

    def open(self, at):
        self.begin = at
        self.resumed = False

    def hole(self, begin, end, goes_on):
        self.close(begin - 1)
        self.holes.append((begin, end))
        if goes_on:
            self.open(end + 1)

    def missing(self, until, number):
        self.whole_from = number
        begin = max(self.told, self.last or 0)
        self.told = max(begin, until)
        self.hole(begin, self.told, self.begin is not None)
        self.may_resume = False

    def record(self, record):
        action, at = record["event.action"], micros(record["@timestamp"])
        if action == "coverage-start":
            self.close(max(self.told, self.last or 0))
            self.open(at)
            self.may_resume = True
            self.run_from = record["event.sequence"]
        elif action == "coverage-resume":
            self.compared(record)
        elif action == "coverage-stop":
            self.close(at)
        elif action == "coverage-gap":
            self.hole(micros(record["coverage.from"]), micros(record["coverage.to"]),
                      self.begin is not None and record["coverage.reason"] != "agent-down")
        self.told = max(self.told, at)

    def compared(self, record):
        self.comparisons.append((micros(record["coverage.from"]),
                                 max(self.run_from, self.whole_from), record["event.sequence"]))
        open_from = record.get("coverage.open_from_sequence")
        if self.may_resume if open_from is None else open_from >= self.whole_from:
            self.resumed = True

    def comparisons_of(self, told):
        return [at for at, begin, end in self.comparisons if begin <= told <= end]

    def covers(self, begin, end, starts):
        return any(a <= begin and end <= b and (known or not starts) for a, b, known in self.spans)

    def touched(self, begin, end):
        return any(a <= end and begin <= b for a, b in self.holes)


class Oracle:
    def __init__(self, directory):
        self.coverage = Coverage()
        self.by_end = collections.defaultdict(list)  # (address, port) -> flows
        self.by_address = collections.defaultdict(list)
        flows, last = {}, 0
        for line in read_lines(directory):
            record = json.loads(line)
            number, state = record["event.sequence"], record["event.kind"] == "state"
            skipped = (record["event.action"] == "sequence-skipped" and
                       record["coverage.from_sequence"] <= last + 1 and
                       record["coverage.to_sequence"] + 1 >= number)
            if last and number != last + 1 and not skipped:
                late = "flow.start.not_after" if record.get("event.reason") == "inferred" else ""
                self.coverage.missing(micros(record.get(late) or record["@timestamp"]) +
                                      REAPING_US, number)
            self.coverage.whole_from = self.coverage.whole_from or number
            last = number
            if record["event.action"] in ("segment-sealed", "sequence-skipped"):
                continue
            if state:
                self.coverage.record(record)
            else:
                seen = seen_in(record)
                flows.setdefault(record["flow.id"], [seen, seen, 0])[1:] = seen, number
            self.coverage.last = micros(record["@timestamp"])
        self.coverage.close(self.coverage.last)
        self.flows = [Flow(flow_id, first, latest, told, latest.sides)
                      for flow_id, (first, latest, told) in flows.items()]
        for flow in self.flows:
            for address, port in {(side.address, side.port) for side in flow.sides}:
                self.by_end[address, port].append(flow)
            for address in {side.address for side in flow.sides}:
                self.by_address[address].append(flow)

    def doubts(self, flow, at, skew):
        """None when it was not there; else whether that is doubtful."""
        first, latest = flow.first, flow.latest
        timed = latest if latest.start is not None else first
        first_seen = first.not_after if first.not_after is not None else first.at
        doubt = False
        if timed.start is not None:
            if at < timed.start - skew:
                if timed.clock != "receipt" or at < timed.start - skew - READING_US:
                    return None
                doubt = True
        elif at < first_seen:
            doubt = True
        if latest.gone_by is not None:
            if at > latest.gone_by + skew:
                return None
            return doubt or at > latest.there_until - skew
        if latest.action == "flow-end":
            if at > latest.end + skew:
                return None
            return doubt or not (latest.clock == "kernel" or at <= latest.end - REAPING_US - skew)
        compared = self.coverage.comparisons_of(flow.told)
        if any(time >= at + skew for time in compared):
            return doubt
        if first.not_after is not None and at + skew > first.not_after:
            return True
        since = max([first_seen] + [time for time in compared if time <= at + skew])
        return doubt or not self.coverage.covers(since, at + skew, False)

    def ask(self, address, port, at, skew, protocol, remote, remote_port):
        """(exit status, ids of the flows, whether the record is whole there)."""
        found, hosts, certain = [], set(), False
        flows = self.by_address[address] if port is None else self.by_end[address, port]
        for flow in flows:
            for side in flow.sides:
                fits = (side.address == address and port in (None, side.port) and
                        protocol in (None, flow.latest.protocol) and
                        remote in (None, side.remote) and remote_port in (None, side.remote_port))
                doubt = self.doubts(flow, at, skew) if fits else None
                if doubt is None:
                    continue
                found.append(flow.id)
                hosts.add((side.inside, flow.latest.zone))
                certain |= not doubt
        covered = (self.coverage.covers(at - skew, at + skew, True) and
                   not self.coverage.touched(at - skew, at + skew))
        if len(hosts) > 1:
            status = 3
        elif port is None:
            status = 0 if covered and (not hosts or certain) else 4
        elif not hosts:
            status = 1 if covered else 4
        else:
            status = 0 if covered and certain else 5
        return status, sorted(found), covered
