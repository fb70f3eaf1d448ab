# SPDX-License-Identifier: GPL-2.0-or-later
"""A capture made while an agent ran gives, replayed, the records that the agent wrote."""
import os
import subprocess
import unittest

import agent
import conntrack
import generator
import ledger
import traffic

class RecordReplay(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab).start()
        self.capture = self.lab.folder + "/capture.pcap"

    def record_traffic(self):
        """Three seconds of it; nothing is left open."""
        recorder = self.lab.start("router", agent.PROGRAM, "record", self.capture, "--for", "3s",
                                  "--config", self.agent.config, stderr=subprocess.PIPE, text=True)
        # It subscribes, then makes the file.
        agent.wait_for("the capture to begin", lambda: os.path.exists(self.capture))
        with traffic.Calls(self.lab) as calls:
            calls.open_everything()
            conntrack.flush(self.lab)
            entries = generator.generate(self.lab, "churn", 520, live=200, mix=True)
            said = recorder.communicate(timeout=agent.PATIENCE_S)[1]
            self.agent.wait_written()
            self.agent.stop()
        self.assertEqual(recorder.returncode, 0, said)
        return entries, said

    def replay(self, *options):
        done = agent.natledger("replay", "--config", self.agent.config, *options, self.capture)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_replay_gives_what_the_agent_wrote(self):
        entries, said = self.record_traffic()
        ours = self.agent.ledger.flow_lines()
        self.assertEqual(said, f"natledger: captured {len(ours)} messages in {self.capture}\n")
        self.assertGreaterEqual(len(ours), len(entries) + 2 * len(traffic.DIALS))

        full = self.replay()
        self.assertEqual(ledger.difference(map(ledger.without_own, full),
                                           map(ledger.without_own, ours)), "")
        ulogd_lines = self.replay("--record", "ulogd")
        self.assertEqual(ledger.difference(
            map(ledger.without_clock, ulogd_lines),
            [ledger.without_clock(ledger.ulogd_part(line)) for line in ours]), "")
        # The same message is one line in each form, byte for byte.
        self.assertEqual(ulogd_lines, [ledger.ulogd_part(line) for line in full])
        self.assertEqual(self.replay(), full)


if __name__ == "__main__":
    unittest.main()
