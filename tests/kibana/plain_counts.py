# SPDX-License-Identifier: GPL-2.0-or-later
"""What each panel and saved search should show, counted over the lines of a ledger."""
import datetime

INTERVAL_S = 3600
DURATIONS = ((0, 1), (1, 10), (10, 60), (60, 600), (600, 3600), (3600, 86400), (86400, None))


def ms(text):
    """Of a date, what a server keeps of it."""
    text = text.replace("Z", "+00:00")
    at = datetime.datetime.fromisoformat(text) - datetime.datetime(1970, 1, 1,
                                                                   tzinfo=datetime.timezone.utc)
    return at // datetime.timedelta(milliseconds=1)


def values(record, key):
    value = record.get(key)
    return [] if value is None else value if isinstance(value, list) else [value]


def by(key):
    def keys(record):
        return [str(value).lower() if isinstance(value, bool) else value
                for value in values(record, key)]
    return keys


def by_time(record):
    return [ms(record["@timestamp"]) // (INTERVAL_S * 1000) * INTERVAL_S * 1000]


def by_duration(record):
    return [(low, high) for low, high in DURATIONS
            if low <= record["flow.duration.sec"] and (high is None
                                                       or record["flow.duration.sec"] < high)]


def count(records):
    return len(records)


def total(key):
    return lambda records: sum(record.get(key, 0) for record in records)


def most(key):
    def found(records):
        all_values = [record[key] for record in records if key in record]
        if key == "@timestamp":
            all_values = [ms(value) for value in all_values]
        return max(all_values, default=None)
    return found


def different(key):
    return lambda records: len({value for record in records for value in values(record, key)})


def flow_ended(record):
    return record["event.action"] == "flow-end"


def ended_of(*kinds):
    return lambda record: flow_ended(record) and record["conntrack.nat.kind"] in kinds


def action(*actions):
    return lambda record: record["event.action"] in actions


BY_GATEWAY = by("observer.name")
FLOWS_AND_BYTES = (count, total("orig.raw.pktlen"), total("reply.raw.pktlen"))
FROM_INSIDE = ("none", "snat", "both")
# Of each saved search: which records are its rows.
ROWS = {
    "natledger-ended-flows": flow_ended,
    "natledger-begun-flows": action("flow-start", "flow-update"),
    "natledger-translated-ports": lambda record: bool(values(record, "conntrack.nat.port")),
    "natledger-holes": action("coverage-gap", "sequence-skipped", "clock-step"),
    "natledger-skipped": action("sequence-skipped"),
    "natledger-recorded": action("coverage-start", "coverage-config", "coverage-resume",
                                 "coverage-stop"),
}
# Charts that begin with the least: the gateway that lags most is to be seen.
LEAST_FIRST = {"natledger-newest"}
# Of each visualization: which records it is about, by what they are grouped, what is said of each
# group.
CHARTS = {
    "natledger-inside-per-port": (
        lambda record: bool(values(record, "conntrack.nat.port")),
        (by("conntrack.nat.port"), by("conntrack.inside")), (count,)),
    "natledger-remote-of-inside": (
        lambda record: record.get("conntrack.nat.kind") in FROM_INSIDE,
        (by("dest_ip"), by("orig.l4.dport")), (count,)),
    "natledger-remote-of-outside": (
        lambda record: record.get("conntrack.nat.kind") == "dnat",
        (by("src_ip"), by("conntrack.inside")), (count,)),
    "natledger-newest": (lambda record: True, (BY_GATEWAY,),
                         (most("@timestamp"), most("event.sequence"))),
    "natledger-heartbeats": (action("heartbeat"), (by_time, BY_GATEWAY), (count,)),
    "natledger-gaps": (action("coverage-gap"), (BY_GATEWAY, by("coverage.reason")),
                       (count, total("coverage.dropped"))),
    "natledger-dropped": (
        lambda record: record.get("coverage.reason") in ("overrun", "reader-too-slow")
        and "coverage.dropped" in record,
        (by_time, BY_GATEWAY), (total("coverage.dropped"),)),
    "natledger-clock-error": (action("heartbeat"), (by_time, BY_GATEWAY),
                              (most("coverage.clock.error_ns"),)),
    "natledger-clock-state": (action("heartbeat"),
                              (BY_GATEWAY, by("coverage.clock.synchronised")), (count,)),
    "natledger-open-flows": (action("heartbeat"), (by_time, BY_GATEWAY),
                             (most("coverage.live_flows"),)),
    "natledger-flows": (flow_ended, (by_time, by("conntrack.nat.kind")), (count,)),
    "natledger-bytes": (flow_ended, (by_time,), FLOWS_AND_BYTES[1:]),
    "natledger-inside-hosts": (ended_of(*FROM_INSIDE), (by("src_ip"),), FLOWS_AND_BYTES),
    "natledger-inside-bytes": (ended_of(*FROM_INSIDE), (by("src_ip"),),
                               (total("reply.raw.pktlen"), total("orig.raw.pktlen"))),
    "natledger-inside-servers": (ended_of("dnat"), (by("conntrack.inside"),), FLOWS_AND_BYTES),
    "natledger-ports-used": (flow_ended, (by_time,), (different("conntrack.nat.port"),)),
    "natledger-top-ports": (
        lambda record: flow_ended(record) and bool(values(record, "conntrack.nat.port")),
        (by("conntrack.nat.port"),), (count,)),
    "natledger-durations": (lambda record: flow_ended(record) and "flow.duration.sec" in record,
                            (by_duration,), (count,)),
    "natledger-protocols": (flow_ended, (by("network.transport"),), (count,)),
}
