# SPDX-License-Identifier: GPL-2.0-or-later
"""Every panel and saved search on real servers that have days of made-up traffic."""
import collections
import json
import os
import random
import re
import unittest

import panels
import servers
import shipped
from lookup import oracle
from lookup.who_oracle_test import end_text

LINES, SEED = 6000, 7  # with ends and starts that were concluded
# Since then its clock may have been wrong.
WRONG_FROM = "2026-11-03T00:00:00.000000Z"
ASKED_ABOUT = 32
GATEWAYS = 30  # more than are shown of them


def richer(lines, chance):
    """A made ledger has no bytes, an even clock, no facts of a kernel, one gateway, and none of the
    rarer records."""
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
        line = line.replace('"coverage.boot_id"', f'{facts}"coverage.boot_id"')
        yield re.sub(r'("observer\.name": ?"gw)1"',
                     lambda match: f'{match.group(1)}{chance.randrange(GATEWAYS)}"', line)
    last = json.loads(lines[-1])
    for number, more in enumerate((
            {"event.action": "clock-step", "coverage.from": WRONG_FROM,
             "coverage.to": last["@timestamp"], "coverage.clock.step_ns": -30 * 10**9},
            {"event.action": "sequence-skipped", "coverage.from_sequence": 5,
             "coverage.to_sequence": 8},
            {"event.action": "coverage-gap", "coverage.reason": "malformed", "coverage.dropped": 3,
             "coverage.dropped_exact": True, "coverage.from": last["@timestamp"],
             "coverage.to": last["@timestamp"]}), 1):
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
            self.assertGreater(sum(found[kind, family, protocol, "ended"]
                                   for family in ("ipv4", "ipv6")), 0, kind)
        self.assertGreater(sum(number for key, number in found.items() if key[3] == "open"), 0)

    def questions(self, chance, record):
        """In each of the ways, about a flow or about what was there shortly before or after."""
        side = chance.choice(list(oracle.sides_of(record)))
        public = end_text(side.address, side.port)
        begun = record["event.start"]
        at = panels.moved(record.get(chance.choice(["event.start", "event.end"]), begun),
                          chance.uniform(-40, 40))
        return [(public, at), (side.address, at), (public, begun, "--remote", side.remote),
                (public, begun, "--remote", end_text(side.remote, side.remote_port)),
                (public, at, "--protocol", str(record["orig.ip.protocol"]))]

    def test_4_whatever_who_finds_the_link_shows(self):
        chance, found = random.Random(5), collections.Counter()
        flows_of = [record for record in self.records
                    if {"event.start", "conntrack.public"} <= set(record)]
        icmp = [record for record in flows_of if "conntrack.icmp.id" in record]
        for record in chance.sample(flows_of, ASKED_ABOUT) + chance.sample(icmp, ASKED_ABOUT // 4):
            for number, question in enumerate(self.questions(chance, record)):
                query, flows = self.link_query(*question)
                # Of an address alone more than Kibana lists at once.
                shown = {row["flow.id"] for name in panels.FLOW_LISTS
                         for row in self.rows(name, query, 10000)}
                self.assertLessEqual(flows, shown, question)
                found[number] += len(flows)
        print(f"{dict(found)} flows in the answers to each kind of question")
        for number, least in enumerate((ASKED_ABOUT // 3, ASKED_ABOUT, ASKED_ABOUT, ASKED_ABOUT,
                                        ASKED_ABOUT // 3)):
            self.assertGreater(found[number], least, number)

    def test_4_an_answer_of_the_server_has_the_same_link(self):
        for start in random.Random(6).sample(self.starts(), 5):
            question = start["conntrack.public"][0], start["event.start"]
            self.assertEqual(self.link_query(*question, source=(
                "--source", "elasticsearch", "--config", self.config)), self.link_query(*question))

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


@servers.of_all()
class Elasticsearch8(Days, unittest.TestCase):
    @classmethod
    def make_server(cls):
        return servers.Elasticsearch(9344, servers.ELASTICSEARCH_8)


@servers.of_all(java_from=21)
class OpenSearch3(Days, unittest.TestCase):
    @classmethod
    def make_server(cls):
        return servers.OpenSearch(9346, servers.OPENSEARCH_3)


if __name__ == "__main__":
    unittest.main()
