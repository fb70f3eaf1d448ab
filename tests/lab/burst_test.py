# SPDX-License-Identifier: GPL-2.0-or-later
"""Bursts with the default configuration, while the disk stalls and while signals come."""
import os
import signal
import time
import unittest

import agent
import conntrack
import disk
import generator
import ledger

ENTRIES = 100_000


class Burst(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.lab.need_entries(ENTRIES + ENTRIES // 4)

    def start(self, folder):
        the_agent = agent.Agent(self.lab, ledger_folder=os.path.join(folder, "ledger"))
        return the_agent.start()

    def check_all_ended(self, the_agent, made):
        """Nothing was dropped, and each flow has its one end."""
        log = the_agent.stop()
        self.assertEqual(the_agent.ledger.coverage("coverage-gap"), [], log)
        ends = [flow["src_ip"] for flow in the_agent.ledger.flows()
                if flow["event.action"] == "flow-end"]
        self.assertEqual(ledger.difference(ends, [entry.source for entry in made]), "")

    def test_a_flush_while_the_disk_stalls(self):
        made = generator.generate(self.lab, "make", ENTRIES, batch=1000)
        with disk.Disk(self.lab) as slow:
            the_agent = self.start(slow.folder)
            slow.stall_when(lambda: conntrack.count(self.lab) < ENTRIES - ENTRIES // 10)
            conntrack.flush(self.lab)
            self.assertEqual(conntrack.count(self.lab), 0)
            slow.check_stalled()
            the_agent.wait_written()
            self.check_all_ended(the_agent, made)

    def test_signals_amid_a_burst(self):
        the_agent = self.start(self.lab.folder)
        burst = generator.Generator(self.lab, "churn", ENTRIES // 10, live=1000, mix=True)
        agent.wait_for("the burst to begin", burst.begun)
        hangups = 0
        while burst.process.poll() is None:
            hangups += 1
            the_agent.configure(f"tags: [t{hangups}]\n"
                                f"source.receive_buffer: {hangups % 2 + 64}MiB\n")
            the_agent.process.send_signal(signal.SIGHUP)
            time.sleep(0.01)
        self.assertGreater(hangups, 3)
        # It stops with the last events still on their way.
        made = [entry for entry in burst.done() if entry.action == "made"]
        self.check_all_ended(the_agent, made)
        # Where the socket is never empty a reload waits, and the next one takes its place.
        self.assertGreater(len(the_agent.ledger.coverage("coverage-config")), 0)


if __name__ == "__main__":
    unittest.main()
