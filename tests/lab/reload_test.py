# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration changes while events come: all of it or nothing, and no event is lost."""
import os
import signal
import time
import unittest

import agent
import conntrack
import generator
import ledger
import traffic
from traffic import TCP, Dial

NETLINK_NETFILTER = 12
NEW, UPDATE, DESTROY = 1, 2, 4
CALL = Dial("call", TCP, "client", 53400, ("19.1.16.7", 443), "server", ("19.1.16.7", 443))
STAYS = " (the old configuration stays, all of it)"
ONE_HOST, NOBODY, CANNOT_SAY = 0, 1, 4
SKEW_S = 2


class Reload(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab)

    def configs(self):
        return self.agent.ledger.coverage("coverage-config")

    def groups(self):
        """Which groups the sockets in the router's namespace are in that hear of conntrack."""
        with open(f"/proc/{self.agent.process.pid}/net/netlink", encoding="ascii") as file:
            sockets = [line.split() for line in file.readlines()[1:]]
        return {int(groups, 16) for _, protocol, _, groups, *_ in sockets
                if int(protocol) == NETLINK_NETFILTER and int(groups, 16) != 0}

    def test_tags_change_amid_a_burst(self):
        self.agent.start()
        # Paced: where the socket is never empty a reload waits, and the next one takes its place.
        burst = generator.Generator(self.lab, "churn", 12_000, live=1000, mix=True, batch=20,
                                    per_second=3000)
        agent.wait_for("the burst to begin", burst.begun)
        reloads = 0
        while burst.process.poll() is None:
            reloads += 1
            self.agent.configure(f"tags: [t{reloads:06}]\n")
            self.agent.process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
        made = [entry for entry in burst.done() if entry.action == "made"]
        self.agent.reload("tags: [t999999]\n")
        self.agent.stop()
        records = self.agent.ledger.records()
        self.assertEqual(self.agent.ledger.coverage("coverage-gap"), [])
        ends = [record["src_ip"] for record in records if record["event.action"] == "flow-end"]
        self.assertEqual(ledger.difference(ends, [entry.source for entry in made]), "")
        print(f"{reloads} reloads, {len(self.configs())} of them followed")
        self.assertGreater(len(self.configs()), 3)
        self.check_tags(records)

    def check_tags(self, records):
        """Between two of the records that tell of a reload all lines are of one configuration."""
        tags, latest, seen = None, "", []
        for record in records:
            if record["event.action"] == "coverage-config":
                self.assertLessEqual(latest, record["@timestamp"], "treated the new way too early")
                tags = None
            if not ledger.is_flow(record):
                continue
            latest = max(latest, record["@timestamp"])
            if tags is None:
                tags = record.get("tags", [])
                seen.append(tags)
            self.assertEqual(record.get("tags", []), tags, record)
        self.assertGreater(len(seen), 2)
        self.assertEqual(seen, sorted(seen), "the newest file counts")

    def check_refused(self, why):
        """The file that is there is refused, and what is recorded is as it was."""
        self.assertEqual(self.agent.hang_up(), f"error: reload: {why}{STAYS}")
        self.assertEqual(self.configs(), [])
        self.assertEqual(self.groups(), {NEW | DESTROY})
        conntrack.flush(self.lab)
        generator.generate(self.lab, "make", 10)
        self.agent.wait_written()
        flows = self.agent.ledger.flows()
        self.assertEqual({tuple(flow["tags"]) for flow in flows}, {("before",)})
        self.assertEqual({flow["ct.event"] for flow in flows} - {NEW, DESTROY}, set())

    def test_what_is_refused_changes_nothing(self):
        self.agent.configure("tags: [before]\n")
        self.agent.start()
        rest = "source.events: 7\nsource.receive_buffer: 1MiB\ntags: [after]\n"
        self.agent.configure(rest + "source.ring: 16MiB\n")
        self.check_refused("source.ring cannot change while running; restart natledger")
        self.agent.configure(rest + "source.max_flows: 9\nledger.sync: always\n")
        self.check_refused("source.max_flows, ledger.sync cannot change while running; restart "
                           "natledger")
        self.agent.configure(rest + "enrich: [natt]\n")
        self.check_refused(f'{self.agent.config}:6: enrich: unknown enricher "natt"; did you mean '
                           '"nat"?')
        self.agent.configure(rest + "enrich: [{nat: {x: 1}}]\n")
        self.check_refused(f"{self.agent.config}:6: enrich.nat: takes no options")
        os.remove(self.agent.config)
        self.check_refused(f"read configuration {self.agent.config}: No such file or directory "
                           "(name another with --config, or leave it out for the defaults)")
        self.agent.configure("tags: [before]\n")
        self.assertEqual(self.agent.hang_up(), "info: reload: no option has changed")
        self.assertEqual(len(self.configs()), 1)
        self.agent.stop()

    def test_events_come_and_go(self):
        calls = self.enterContext(traffic.Calls(self.lab))
        self.agent.configure("source.events: [destroy]\n")
        self.agent.start()
        self.assertEqual(self.groups(), {DESTROY})
        calls.open(CALL)
        self.assertEqual(self.agent.reload("source.events: [new, update, destroy]\n"),
                         "info: reload: source.events: [destroy] -> [new, update, destroy]")
        self.assertEqual(self.groups(), {NEW | UPDATE | DESTROY})
        agent.wait_for("the table to be compared",
                       lambda: len(self.agent.ledger.coverage("coverage-resume")) == 2)
        starts = [flow for flow in self.agent.ledger.flows() if flow["ct.event"] == NEW]
        self.assertEqual([(flow["src_ip"], flow["event.reason"]) for flow in starts],
                         [("192.168.1.129", "inferred")])
        self.check_nobody(NOBODY)
        self.agent.reload("source.events: [destroy]\n")
        self.assertEqual(self.groups(), {DESTROY})
        self.check_nobody(CANNOT_SAY)
        self.assertEqual([config["coverage.events"] for config in self.configs()],
                         [["new", "update", "destroy"], ["destroy"]])
        generator.generate(self.lab, "make", 10)
        conntrack.flush(self.lab)
        self.agent.stop()
        flows = self.agent.ledger.flows()
        ends = [flow for flow in flows if flow["ct.event"] == DESTROY]
        self.assertEqual(len(ends), 11)
        self.assertEqual({flow["flow.id"] for flow in starts} - {flow["flow.id"] for flow in ends},
                         set())
        self.assertEqual(len([flow for flow in flows if flow["ct.event"] == NEW]), 1)

    def check_nobody(self, verdict):
        """About a time that the present configuration has gone on for."""
        time.sleep(SKEW_S + 0.1)
        at = agent.utc(time.time_ns())
        time.sleep(SKEW_S + 0.1)
        self.agent.wait_written()
        status, text = self.agent.who("1.2.3.4:1", "--at", at)
        self.assertEqual(status, verdict, text)

    def test_a_greater_receive_buffer_holds_more(self):
        self.agent = agent.Agent(self.lab, name="small", receive_buffer="64KiB")
        self.agent.start()
        self.assertEqual(self.agent.reload("source.receive_buffer: 64MiB\n"),
                         "info: reload: source.receive_buffer: 64KiB -> 64MiB")
        with self.agent.held():
            made = generator.generate(self.lab, "make", 2000)
        self.agent.wait_written()
        self.agent.stop()
        self.assertEqual(self.agent.ledger.coverage("coverage-gap"), [])
        self.assertEqual(len(self.agent.ledger.flows()), len(made))

    def test_heartbeats(self):
        self.agent.configure("source.heartbeat: 1s\n")
        self.agent.start()
        generator.generate(self.lab, "make", 100)
        agent.wait_for("heartbeats",
                       lambda: len(self.agent.ledger.coverage("heartbeat")) >= 3)
        beat = self.agent.ledger.coverage("heartbeat")[-1]
        self.assertEqual(beat["coverage.count.flows"], 100)
        self.assertEqual(beat["coverage.live_flows"], conntrack.count(self.lab))
        self.assertIsInstance(beat["coverage.clock.synchronised"], bool)
        self.agent.reload("source.heartbeat: 0\n")
        beats = len(self.agent.ledger.coverage("heartbeat"))
        time.sleep(2.5)
        self.agent.stop()
        self.assertEqual(len(self.agent.ledger.coverage("heartbeat")), beats)


if __name__ == "__main__":
    unittest.main()
