# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests of Kibana's objects on a server that has a ledger: the requests that Kibana would send
find what plain counts over the ledger's lines say."""
import collections
import datetime
import json
import os
import re
import subprocess
import urllib.parse

import kibana_requests
import plain_counts
import ship_program
import shipped

FILE = os.path.join(os.path.dirname(__file__), "..", "..", "kibana", "natledger.ndjson")
# Of an estimate, whichever server makes it.
CARDINALITY_ERROR = 0.03
FLOW_LISTS = ("natledger-ended-flows", "natledger-begun-flows")


def moved(at, by_s):
    """A record's time, so much later, as a question has it."""
    later = datetime.datetime.fromisoformat(at) + datetime.timedelta(seconds=by_s)
    return later.isoformat()


class Panels(shipped.Shipped):
    """For a TestCase with make_server(), and make_lines(): a ledger's lines, in their order."""

    unseen_columns = ()  # that no record of the ledger has

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.objects = kibana_requests.Objects(FILE)
        cls.ledger = os.path.join(cls.folder, "ledger")
        lines = cls.make_lines()
        os.makedirs(cls.ledger)
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
        self.assertEqual(set(self.objects.of_type("search")), set(plain_counts.ROWS))
        self.assertEqual(charts, set(plain_counts.CHARTS))

    def test_3_searches(self):
        for name, belongs in plain_counts.ROWS.items():
            with self.subTest(name=name):
                expected = [record for record in self.records if belongs(record)]
                answer = self.ask(self.objects.rows_request(name, self.time_range, size=10000))
                hits = [hit["_source"] for hit in answer["hits"]["hits"]]
                self.assertEqual(answer["hits"]["total"]["value"], len(expected))
                self.assertGreater(len(hits), 0)
                self.assertEqual(sorted(hit["event.id"] for hit in hits),
                                 sorted(record["event.id"] for record in expected))
                self.check_columns(name, hits)
                times = [plain_counts.ms(hit["@timestamp"]) for hit in hits]
                self.assertEqual(times, sorted(times, reverse=True))

    def check_columns(self, name, hits):
        """Each is there in some row, as a record's own key."""
        for column in self.objects.by_id[name]["attributes"]["columns"]:
            if column not in self.unseen_columns:
                self.assertTrue(any(plain_counts.values(hit, column) for hit in hits), column)

    def test_3_charts(self):
        for name, (belongs, keys, metrics) in plain_counts.CHARTS.items():
            with self.subTest(name=name):
                expected = [record for record in self.records if belongs(record)]
                answer = self.ask(self.objects.chart_request(name, self.time_range,
                                                             plain_counts.INTERVAL_S))
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
        """Each once, with all of its records; of terms the greatest, or the least."""
        size = agg["params"].get("size", len(buckets))
        self.assertEqual(len({key for key, _ in buckets}), len(buckets))
        for key, bucket in buckets:
            self.assertEqual(bucket["doc_count"], len(groups[key]), (self.chart, key))
        if agg["type"] == "terms":
            first = sorted((metrics[0](group) for group in groups.values() if group),
                           reverse=self.chart not in plain_counts.LEAST_FIRST)
            self.assertEqual([metrics[0](groups[key]) for key, _ in buckets], first[:size])
        else:
            self.assertEqual(sum(bucket["doc_count"] > 0 for _, bucket in buckets),
                             sum(bool(group) for group in groups.values()))

    def check_metrics(self, answer, records, metrics):
        for number, metric in enumerate(metrics, 1):
            if metric is plain_counts.count:
                continue
            found, expected = answer[str(number)]["value"], metric(records)
            if self.chart == "natledger-ports-used":
                self.assertAlmostEqual(found, expected, delta=CARDINALITY_ERROR * expected)
            else:
                self.assertEqual(found, expected, (self.chart, number))
        return 1

    def link_query(self, public, at, *more, source=()):
        """What a question's link has in it, and the flows of the answer that it comes with.
        `source`: where to ask; the ledger, unless said."""
        done = subprocess.run(
            [shipped.NATLEDGER, "who", public, "--at", at, *more,
             *(source or ("--ledger", self.ledger)), "--json", "--kibana", "https://kibana"],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        answer = json.loads(done.stdout)
        query = re.search(r"query:'(.*)'\)\)$", urllib.parse.unquote(answer["kibana"])).group(1)
        return query, {flow["flow.id"] for flow in answer["flows"]}

    def rows(self, name, query, size=500):
        request = self.objects.rows_request(name, self.time_range, query, size)
        return [hit["_source"] for hit in self.ask(request)["hits"]["hits"]]

    def check_link(self, start):
        """The link of a question about a flow, when it had just begun: by each of its public ends
        it is found, and so are the other flows of the answer. Whether its end was there."""
        for public in start["conntrack.public"]:
            query, flows = self.link_query(public, start["event.start"])
            rows = self.rows("natledger-ended-flows", query)
            begun = self.rows("natledger-begun-flows", query)
            self.assertIn(start["flow.id"], flows)
            self.assertIn(start["flow.id"], [row["flow.id"] for row in begun])
            self.assertLessEqual(flows, {row["flow.id"] for row in rows + begun})
            for row in rows + begun:
                self.assertIn(public, row["conntrack.public"])
        return start["flow.id"] in [row["flow.id"] for row in rows]

    def check_links(self, starts):
        """How often there is each kind of translation, family, protocol, and whether it is
        open."""
        ended = {record["flow.id"] for record in self.records if plain_counts.flow_ended(record)}
        found = collections.Counter()
        for start in starts:
            has_end = start["flow.id"] in ended
            self.assertEqual(self.check_link(start), has_end, start)
            found[start["conntrack.nat.kind"], start["network.type"], start["network.transport"],
                  "ended" if has_end else "open"] += 1
        return found

    def starts(self):
        return [record for record in self.records
                if record["event.action"] == "flow-start" and "event.start" in record]

    def check_holes(self, clear_at):
        """The link of a question shows the gaps that touch its time; none at another time."""
        gaps = [record for record in self.records if record["event.action"] == "coverage-gap"]
        self.assertGreater(len(gaps), 0)
        for gap in gaps:
            query, _ = self.link_query("1.2.3.4:5", gap["coverage.from"])
            shown = [row["event.id"] for row in self.rows("natledger-holes", query)]
            self.assertIn(gap["event.id"], shown)
        query, _ = self.link_query("1.2.3.4:5", clear_at)
        shown = [row["event.action"] for row in self.rows("natledger-holes", query)]
        self.assertNotIn("coverage-gap", shown)
