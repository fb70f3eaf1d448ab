# SPDX-License-Identifier: GPL-2.0-or-later
"""Every panel and saved search on real servers that have days of made-up traffic."""
import json
import os
import random
import re
import unittest

import panels
import servers
import shipped

LINES, SEED = 6000, 7  # with ends and starts that were concluded
# Since then its clock may have been wrong.
WRONG_FROM = "2026-11-03T00:00:00.000000Z"
QUESTIONS = 150


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
            {"event.action": "clock-step", "coverage.from": WRONG_FROM,
             "coverage.to": last["@timestamp"], "coverage.clock.step_ns": -30 * 10**9},
            {"event.action": "sequence-skipped", "coverage.from_sequence": 5,
             "coverage.to_sequence": 8}), 1):
        sequence = last["event.sequence"] + number
        record = {"@timestamp": last["@timestamp"], "event.kind": "state",
                  "event.action": more.pop("event.action"), "event.sequence": sequence,
                  "event.id": f"{last['event.id'].rsplit('-', 1)[0]}-{sequence}",
                  "observer.name": last["observer.name"], **more}
        yield json.dumps(record, separators=(",", ":"))


class Days(panels.Panels):
    @classmethod
    def make_lines(cls):
        made = os.path.join(cls.folder, "made")
        shipped.run(shipped.MADE_LEDGER, "make", made, str(LINES), "4", str(SEED))
        return list(richer(shipped.run(shipped.NATLEDGER, "cat", made).splitlines(),
                           random.Random(SEED)))

    def test_4_the_link_of_a_question_finds_the_flows_of_its_answer(self):
        starts = self.starts()
        ended = {record["flow.id"] for record in self.records
                 if record["event.action"] == "flow-end"}
        found = self.check_links(random.Random(4).sample(starts, 60)
                                 + [start for start in starts if start["flow.id"] not in ended])
        for kind, protocol in (("snat", "tcp"), ("snat", "icmp"), ("dnat", "tcp"), ("none", "tcp")):
            self.assertGreater(found[kind, protocol, "ended"], 0, kind)
        self.assertGreater(sum(number for key, number in found.items() if key[2] == "open"), 0)

    def test_4_whatever_who_finds_the_link_shows(self):
        chance, found = random.Random(5), 0
        ends = [record for record in self.records
                if {"event.start", "conntrack.public"} <= set(record)]
        for record in chance.sample(ends, QUESTIONS):
            key = chance.choice(["event.start", "event.end"])
            at = panels.moved(record.get(key, record["event.start"]), chance.uniform(-40, 40))
            public = record["conntrack.public"][0]
            query, flows = self.link_query(public, at)
            self.assertLessEqual(flows, {row["flow.id"] for name in panels.FLOW_LISTS
                                         for row in self.rows(name, query)}, (public, at))
            found += len(flows)
        print(f"{QUESTIONS} questions, {found} flows in their answers")
        self.assertGreater(found, QUESTIONS // 3)

    def test_4_the_link_shows_the_holes_that_touch_the_time(self):
        self.check_holes(self.records[0]["@timestamp"])


class NewestElasticsearch(Days, unittest.TestCase):
    @classmethod
    def make_server(cls):
        return servers.Elasticsearch(9341)


class OldestElasticsearch(Days, unittest.TestCase):
    @classmethod
    def make_server(cls):
        return servers.Elasticsearch(9342, servers.ELASTICSEARCH_7)


class OpenSearch2(Days, unittest.TestCase):
    @classmethod
    def make_server(cls):
        return servers.OpenSearch(9343)


if __name__ == "__main__":
    unittest.main()
