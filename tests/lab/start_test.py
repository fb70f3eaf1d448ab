# SPDX-License-Identifier: GPL-2.0-or-later
"""A start misses no flow and tells of none twice; a clean stop and start leave one stated gap."""
import os
import signal
import sys
import time
import unittest

import agent
import generator
import ledger


# Tells the process that listens at a netlink port of a made-up event.
SPEAK_TO = """
import socket, sys
NETLINK_NETFILTER = 12
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as speaker:
    speaker.sendto(bytes(64), (int(sys.argv[1]), 0))
"""


class Start(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab)

    def check_same(self, starts, made):
        self.assertEqual(ledger.difference([flow["src_ip"] for flow in starts],
                                           [entry.source for entry in made]), "")

    def starts(self):
        return [flow for flow in self.agent.ledger.flows() if flow["event.action"] == "flow-start"]

    def test_flows_older_than_the_agent_are_inferred(self):
        made = generator.generate(self.lab, "make", 520, mix=True)
        self.agent.start()
        started = time.time_ns()
        self.agent.stop()
        starts = self.starts()
        self.check_same(starts, made)
        by_source = {entry.source: entry for entry in made}
        for flow in starts:
            entry = by_source[flow["src_ip"]]
            self.assertEqual(flow["event.reason"], "inferred")
            self.assertEqual((flow["event.id"], flow["flow.start.clock"]),
                             (flow["flow.id"], "kernel"))
            # Microseconds, rounded down.
            start = agent.ns_of(flow["event.start"])
            self.assertTrue(entry.before_ns - 1000 <= start <= entry.after_ns, (flow, entry))
            self.assertTrue(entry.after_ns < agent.ns_of(flow["flow.start.not_after"]) < started)

    def test_an_inferred_flow_ends_under_the_same_id(self):
        made = generator.generate(self.lab, "make", 260, mix=True)
        self.agent.start()
        generator.generate(self.lab, "delete", 260, mix=True)
        self.agent.wait_written()
        self.agent.stop()
        begun, ended = ({flow["flow.id"]: flow["src_ip"] for flow in self.agent.ledger.flows()
                         if flow["event.action"] == action}
                        for action in ("flow-start", "flow-end"))
        self.assertEqual(begun, ended)
        self.assertEqual(len(begun), len(made))

    def test_no_process_can_speak_for_the_kernel(self):
        self.agent.start()
        port = str(self.agent.process.pid)
        ports = self.lab.call("router", "cat", "/proc/net/netlink").stdout.split()
        self.assertIn(port, ports)
        done = self.lab.call("router", sys.executable, "-c", SPEAK_TO, port, check=False)
        self.assertIn("ConnectionRefusedError", done.stderr)
        self.assertIn("ignored 0, malformed 0", "".join(self.agent.stop()))

    def test_flows_made_during_the_start_appear_once(self):
        for number in range(5):
            with self.subTest(round=number):
                running = generator.Generator(self.lab, "make", 2000, first=number * 2000,
                                              per_second=5000, batch=10)
                time.sleep(0.15)
                self.agent.start()
                made = running.done()
                self.agent.wait_written()
                self.agent.stop()
                generator.generate(self.lab, "delete", 2000, first=number * 2000)
                self.check_once(made)

    def check_once(self, made):
        """In the last run each flow has one start; both sorts of start occurred."""
        starts = []
        for record in reversed(self.agent.ledger.records()):
            if record["event.action"] == "coverage-start":
                break
            if record["event.action"] == "flow-start":
                starts.append(record)
        self.check_same(starts, made)
        inferred = sum(map(ledger.is_inferred, starts))
        self.assertTrue(0 < inferred < len(made), inferred)

    def test_a_stop_takes_what_is_queued(self):
        self.agent.start()
        self.agent.process.send_signal(signal.SIGSTOP)
        made = generator.generate(self.lab, "make", 260, mix=True)
        made_by = time.time_ns()
        self.agent.process.send_signal(signal.SIGTERM)
        self.agent.process.send_signal(signal.SIGCONT)
        self.agent.stop()
        self.check_same(self.starts(), made)
        stop, = self.agent.ledger.coverage("coverage-stop")
        self.assertGreaterEqual(agent.ns_of(stop["@timestamp"]), made_by)

    def test_stop_and_start_go_on_in_the_same_file(self):
        self.agent.start()
        generator.generate(self.lab, "churn", 100, live=100)
        self.agent.wait_written()
        stopping = time.time_ns()
        self.agent.stop()
        stopped = time.time_ns()
        inode = os.stat(self.agent.ledger.active).st_ino
        with open(self.agent.ledger.active, "rb") as file:
            before = file.read()
        time.sleep(0.3)
        starting = time.time_ns()
        self.agent.start()
        started = time.time_ns()
        self.agent.stop()

        self.assertEqual(self.agent.ledger.files(), [self.agent.ledger.active])
        self.assertEqual(os.stat(self.agent.ledger.active).st_ino, inode)
        with open(self.agent.ledger.active, "rb") as file:
            self.assertEqual(file.read(len(before)), before)
        records = self.agent.ledger.records()
        self.assertEqual([record["event.sequence"] for record in records],
                         list(range(1, len(records) + 1)))
        self.assertEqual(
            [record["event.action"] for record in records if not ledger.is_flow(record)],
            ["coverage-start", "coverage-resume", "coverage-stop",
             "coverage-gap", "coverage-start", "coverage-resume", "coverage-stop"])
        gap, = self.agent.ledger.coverage("coverage-gap")
        self.assertEqual(gap["coverage.reason"], "agent-down")
        begun = agent.ns_of(gap["coverage.from"])
        self.assertTrue(stopping <= begun <= stopped, (stopping, begun, stopped))
        self.assertTrue(starting <= agent.ns_of(gap["coverage.to"]) <= started, gap)
        self.assertEqual(gap["coverage.from"], records[-5]["@timestamp"])


if __name__ == "__main__":
    unittest.main()
