# SPDX-License-Identifier: GPL-2.0-or-later
"""Every panel and saved search on real servers: the request that Kibana would send for it finds
what a plain count over the ledger's lines says, and that is not nothing."""
import collections
import datetime
import json
import os
import random
import re
import subprocess
import unittest
import urllib.parse

import kibana_requests
import servers
import ship_program
import shipped

FILE = os.path.join(os.path.dirname(__file__), "..", "..", "kibana", "natledger.ndjson")
LINES, SEED = 6000, 7  # with ends and starts that were concluded
INTERVAL_S = 3600
DURATIONS = ((0, 1), (1, 10), (10, 60), (60, 600), (600, 3600), (3600, 86400), (86400, None))
# An estimate, of whichever server.
CARDINALITY_ERROR = 0.03


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
        lambda record: record["event.action"] == "coverage-gap" and "coverage.dropped" in record,
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
    "natledger-inside-servers": (ended_of("dnat"), (by("conntrack.inside"),), FLOWS_AND_BYTES),
    "natledger-ports-used": (flow_ended, (by_time,), (different("conntrack.nat.port"),)),
    "natledger-top-ports": (
        lambda record: flow_ended(record) and bool(values(record, "conntrack.nat.port")),
        (by("conntrack.nat.port"),), (count,)),
    "natledger-durations": (lambda record: flow_ended(record) and "flow.duration.sec" in record,
                            (by_duration,), (count,)),
    "natledger-protocols": (flow_ended, (by("network.transport"),), (count,)),
}


def richer(lines, chance):
    """A made ledger has no bytes, an even clock, no facts of a kernel, and none of the rarer
    records."""
    facts = ('"coverage.sysctl.acct":1,"coverage.sysctl.timestamp":1,"coverage.sysctl.events":1,'
             '"coverage.kernel":"6.1.0",')
    def random_number(match):
        return f"{match.group(1)}{chance.randrange(1, 10 ** 7)}"

    for line in lines:
        line = re.sub(r'("(?:orig|reply)\.raw\.pktlen": ?)0', random_number, line)
        line = re.sub(r'("coverage\.clock\.error_ns": ?)0', random_number, line)
        if chance.random() < 0.9:
            line = line.replace('"coverage.clock.synchronised":false',
                                '"coverage.clock.synchronised":true')
        yield line.replace('"coverage.boot_id"', f'{facts}"coverage.boot_id"')
    last = json.loads(lines[-1])
    for number, more in enumerate((
            {"event.action": "clock-step", "coverage.from": last["@timestamp"],
             "coverage.to": last["@timestamp"], "coverage.clock.step_ns": -1500000000},
            {"event.action": "sequence-skipped", "coverage.from_sequence": 5,
             "coverage.to_sequence": 8}), 1):
        sequence = last["event.sequence"] + number
        record = {"@timestamp": last["@timestamp"], "event.kind": "state",
                  "event.action": more.pop("event.action"), "event.sequence": sequence,
                  "event.id": f"{last['event.id'].rsplit('-', 1)[0]}-{sequence}",
                  "observer.name": last["observer.name"], **more}
        yield json.dumps(record, separators=(",", ":"))


class Panels(shipped.Shipped):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.objects = kibana_requests.Objects(FILE)
        made, _ = cls.make_ledger("made", LINES, 4, SEED)
        cls.ledger = os.path.join(cls.folder, "ledger")
        os.makedirs(cls.ledger)
        lines = list(richer(shipped.run(shipped.NATLEDGER, "cat", made).splitlines(),
                            random.Random(SEED)))
        with open(os.path.join(cls.ledger, "conntrack.json"), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
        cls.records = [json.loads(line) for line in lines]
        times = sorted(record["@timestamp"] for record in cls.records)
        cls.time_range = times[0], times[-1]

    def test_1_shipped(self):
        shipped.run(ship_program.PROGRAM, "setup", "elasticsearch", "--config", self.config)
        self.ship_all()
        self.check_once()

    def ask(self, request):
        self.server.call("POST", f"/{self.stream}/_refresh")
        answer = self.server.call("POST", f"/{self.objects.title}/_search", request)
        self.assertEqual(answer["_shards"]["failed"], 0)
        return answer

    def test_2_the_list_of_fields_is_what_the_server_has(self):
        found = self.server.call("GET", f"/{self.objects.title}/_field_caps?fields=*")["fields"]
        listed = self.objects.by_id["natledger"]["attributes"]["fields"]
        for field in listed:
            if field["name"].startswith("_"):
                continue
            (kind, caps), = found[field["name"]].items()
            self.assertEqual(([kind], caps["searchable"], caps["aggregatable"]),
                             (field["esTypes"], field["searchable"], field["aggregatable"]),
                             field["name"])
        names = {field["name"] for field in listed}
        missing = {name for name, kinds in found.items()
                   if not name.startswith("_") and "object" not in kinds} - names
        self.assertEqual(missing, set())

    def test_2_every_search_and_chart_is_tested(self):
        charts = {name for name, one in self.objects.of_type("visualization").items()
                  if one["visState"]["type"] != "markdown"}
        self.assertEqual(set(self.objects.of_type("search")), set(ROWS))
        self.assertEqual(charts, set(CHARTS))

    def test_3_searches(self):
        for name, belongs in ROWS.items():
            with self.subTest(name=name):
                expected = [record for record in self.records if belongs(record)]
                answer = self.ask(self.objects.rows_request(name, self.time_range, size=10000))
                hits = [hit["_source"] for hit in answer["hits"]["hits"]]
                self.assertEqual(answer["hits"]["total"]["value"], len(expected))
                self.assertGreater(len(hits), 0)
                self.assertEqual(sorted(hit["event.id"] for hit in hits),
                                 sorted(record["event.id"] for record in expected))
                for column in self.objects.by_id[name]["attributes"]["columns"]:
                    self.assertTrue(any(values(hit, column) for hit in hits), column)
                times = [ms(hit["@timestamp"]) for hit in hits]
                self.assertEqual(times, sorted(times, reverse=True))

    def test_3_charts(self):
        for name, (belongs, keys, metrics) in CHARTS.items():
            with self.subTest(name=name):
                expected = [record for record in self.records if belongs(record)]
                answer = self.ask(self.objects.chart_request(name, self.time_range, INTERVAL_S))
                self.assertEqual(answer["hits"]["total"]["value"], len(expected))
                aggs = self.objects.aggs(name)
                self.chart = name
                self.assertGreater(self.check(answer["aggregations"], expected, list(keys),
                                              metrics, [agg for agg in aggs
                                                        if agg["schema"] != "metric"]), 0)

    def check(self, answer, records, keys, metrics, aggs):
        """How many groups there are, each found right."""
        if not keys:
            return self.check_metrics(answer, records, metrics)
        groups = collections.defaultdict(list)
        for record in records:
            for key in keys[0](record):
                groups[key].append(record)
        buckets = kibana_requests.buckets_of(answer[aggs[0]["id"]])
        self.check_which(buckets, groups, metrics, aggs[0])
        return sum(self.check(bucket, groups[key], keys[1:], metrics, aggs[1:])
                   for key, bucket in buckets if bucket["doc_count"])

    def check_which(self, buckets, groups, metrics, agg):
        """Each once, with all of its records; of terms the greatest."""
        size = agg["params"].get("size", len(buckets))
        self.assertEqual(len({key for key, _ in buckets}), len(buckets))
        for key, bucket in buckets:
            self.assertEqual(bucket["doc_count"], len(groups[key]), (self.chart, key))
        if agg["type"] == "terms":
            greatest = sorted((metrics[0](group) for group in groups.values() if group),
                              reverse=True)
            self.assertEqual([metrics[0](groups[key]) for key, _ in buckets], greatest[:size])
        else:
            self.assertEqual(sum(bucket["doc_count"] > 0 for _, bucket in buckets),
                             sum(bool(group) for group in groups.values()))

    def check_metrics(self, answer, records, metrics):
        for number, metric in enumerate(metrics, 1):
            if metric is count:
                continue
            found, expected = answer[str(number)]["value"], metric(records)
            if self.chart == "natledger-ports-used":
                self.assertAlmostEqual(found, expected, delta=CARDINALITY_ERROR * expected)
            else:
                self.assertEqual(found, expected, (self.chart, number))
        return 1

    def link_query(self, public, at):
        """What the link of a question has in it, and the flows of the answer that it comes with."""
        done = subprocess.run(
            [shipped.NATLEDGER, "who", public, "--at", at, "--ledger", self.ledger, "--json",
             "--kibana", "https://kibana"], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        answer = json.loads(done.stdout)
        query = re.search(r"query:'(.*)'\)\)$", urllib.parse.unquote(answer["kibana"])).group(1)
        return query, {flow["flow.id"] for flow in answer["flows"]}

    def rows(self, name, query):
        hits = self.ask(self.objects.rows_request(name, self.time_range, query))["hits"]["hits"]
        return [hit["_source"] for hit in hits]

    def test_4_the_link_of_a_question_finds_the_flows_of_its_answer(self):
        chance, found = random.Random(4), collections.Counter()
        ended = {record["flow.id"]: record for record in self.records if flow_ended(record)}
        starts = [record for record in self.records if record["event.action"] == "flow-start"
                  and "event.start" in record]
        for record in chance.sample(starts, 60) + [record for record in starts
                                                   if record["flow.id"] not in ended]:
            is_open = record["flow.id"] not in ended
            query, flows = self.link_query(record["conntrack.public"][0], record["event.start"])
            rows = self.rows("natledger-ended-flows", query)
            begun = self.rows("natledger-begun-flows", query)
            self.assertIn(record["flow.id"], flows)
            shown = {row["flow.id"] for row in rows + begun}
            self.assertLessEqual(flows, shown)
            self.assertEqual(record["flow.id"] in {row["flow.id"] for row in rows}, not is_open)
            for row in rows + begun:
                self.assertIn(record["conntrack.public"][0], row["conntrack.public"])
            found[record["conntrack.nat.kind"], record["network.transport"], is_open] += 1
        self.assertGreater(sum(number for key, number in found.items() if key[2]), 0)
        for kind, protocols in (("snat", ("tcp", "udp", "icmp")), ("dnat", ("tcp", "udp")),
                                ("none", ("tcp", "udp"))):
            self.assertGreater(sum(found[kind, protocol, False] for protocol in protocols), 0, kind)

    def test_4_the_link_shows_the_holes_that_touch_the_time(self):
        gaps = [record for record in self.records if record["event.action"] == "coverage-gap"]
        for gap in gaps:
            query, _ = self.link_query("1.2.3.4:5", gap["coverage.from"])
            rows = self.rows("natledger-holes", query)
            self.assertIn(gap["event.id"], [row["event.id"] for row in rows])
        query, _ = self.link_query("1.2.3.4:5", self.records[0]["@timestamp"])
        rows = self.rows("natledger-holes", query)
        self.assertEqual([row for row in rows if row["event.action"] == "coverage-gap"], [])


class NewestElasticsearch(Panels, unittest.TestCase):
    @classmethod
    def make_server(cls):
        return servers.Elasticsearch(9341)


class OpenSearch2(Panels, unittest.TestCase):
    @classmethod
    def make_server(cls):
        return servers.OpenSearch(9343)


if __name__ == "__main__":
    unittest.main()
