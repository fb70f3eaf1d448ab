# SPDX-License-Identifier: GPL-2.0-or-later
"""What an agent says of a kernel that is not set as it should be, and where it will not begin."""
import os
import unittest

import agent

PREFIX = "net.netfilter.nf_conntrack_"
WITHOUT_NET_ADMIN = ("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin")
# As root, but bound by the modes of files.
WITHOUT_DAC = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps",
               "-dac_override,-dac_read_search")
NO_NET_ADMIN = ("natledger: receive conntrack events: CAP_NET_ADMIN is missing (run as root, or "
                "give the service AmbientCapabilities=CAP_NET_ADMIN)\n")
EVENTS_2 = ("warning: nf_conntrack_events is 2: a flow that begins while no agent runs is never "
            "heard of, not even when it ends (start with --set-sysctls, or sysctl -w "
            "net.netfilter.nf_conntrack_events=1)")
ACCT_0 = ("warning: nf_conntrack_acct is 0: packets and bytes of new flows will read 0 (start with "
          "--set-sysctls, or sysctl -w net.netfilter.nf_conntrack_acct=1)")
TIMESTAMP_0 = ("warning: nf_conntrack_timestamp is 0: starts and ends will be the times of "
               "reading, an end up to a minute late (start with --set-sysctls, or sysctl -w "
               "net.netfilter.nf_conntrack_timestamp=1)")
NO_RULE = ("warning: no rule uses connection tracking, so there will be no records (add one that "
           "does: nft masquerade, or `ct state`)")
# Of an agent that saw nothing: one line of its start, one of resume, one of its stop.
STOPPING = ("info: stopping: received 0, flows 0, ignored 0, malformed 0, duplicate 0, filtered 0, "
            "dropped by the kernel 0; wrote 3 lines, 0 inferred, 3 of coverage")


class Sysctl(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab)

    def set(self, **values):
        for key, value in values.items():
            self.lab.sysctl(PREFIX + key, value)

    def values(self):
        return {key: int(self.lab.sysctl(PREFIX + key)) for key in ("acct", "timestamp", "events")}

    def recording(self):
        return (f"info: recording new, destroy events into {self.agent.ledger.folder} from "
                "sequence 2")

    def recorded_sysctls(self):
        start, = self.agent.ledger.coverage("coverage-start")
        return {key: start["coverage.sysctl." + key] for key in ("acct", "timestamp", "events")}

    def test_what_is_off_is_said_and_left_alone(self):
        found = {"acct": 0, "timestamp": 0, "events": 2}
        self.set(**found)
        log = self.agent.start().stop()
        self.assertEqual(log, [EVENTS_2, ACCT_0, TIMESTAMP_0, self.recording(), STOPPING])
        self.assertEqual(self.values(), found)
        self.assertEqual(self.recorded_sysctls(), found)

    def test_set_sysctls_turns_on_what_is_off(self):
        self.set(acct=0, timestamp=0, events=2)
        log = self.agent.start("--set-sysctls").stop()
        self.assertEqual(log, ["info: set net.netfilter.nf_conntrack_acct: 0 -> 1",
                               "info: set net.netfilter.nf_conntrack_timestamp: 0 -> 1",
                               "info: set net.netfilter.nf_conntrack_events: 2 -> 1",
                               self.recording(), STOPPING])
        good = {"acct": 1, "timestamp": 1, "events": 1}
        self.assertEqual(self.values(), good)
        self.assertEqual(self.recorded_sysctls(), good)

    def test_set_sysctls_changes_nothing_else(self):
        log = self.agent.start("--set-sysctls").stop()
        self.assertEqual(log, [self.recording(), STOPPING])

    def test_no_rule_that_tracks(self):
        self.lab.call("router", "nft", "flush", "ruleset")
        log = self.agent.start().stop()
        self.assertEqual(log, [NO_RULE, self.recording(), STOPPING])

    def check_refused(self, text, *options, prefix=()):
        status, stderr = self.agent.refused(*options, prefix=prefix)
        self.assertEqual((status, stderr), (1, text))

    def test_without_events_it_does_not_begin(self):
        self.set(events=0)
        self.check_refused(
            "natledger: nf_conntrack_events is 0: the kernel sends no events at all (start with "
            "--set-sysctls, or sysctl -w net.netfilter.nf_conntrack_events=1)\n")
        self.assertFalse(os.path.exists(self.agent.ledger.folder))
        log = self.agent.start("--set-sysctls").stop()
        self.assertEqual(log, ["info: set net.netfilter.nf_conntrack_events: 0 -> 1",
                               self.recording(), STOPPING])

    def test_without_the_capability_it_does_not_begin(self):
        self.check_refused(NO_NET_ADMIN, prefix=WITHOUT_NET_ADMIN)
        self.assertFalse(os.path.exists(self.agent.ledger.folder))
        self.assertFalse(os.path.exists(self.agent.state))

    def test_without_the_capability_it_does_not_record_nor_show_the_table(self):
        capture = self.lab.folder + "/capture.pcap"
        done = self.lab.call("router", *WITHOUT_NET_ADMIN, agent.PROGRAM, "record", capture,
                             check=False)
        self.assertEqual((done.returncode, done.stderr), (1, NO_NET_ADMIN))
        self.assertFalse(os.path.exists(capture))
        done = self.lab.call("router", *WITHOUT_NET_ADMIN, agent.PROGRAM, "table", check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (1, "", "natledger: read the conntrack table: Operation not permitted "
                          "(needs CAP_NET_ADMIN and the module nf_conntrack_netlink)\n"))

    def test_a_receive_buffer_that_is_cut_short(self):
        """In a user namespace of its own nobody goes beyond net.core.rmem_max."""
        asking = agent.Agent(self.lab, "asking", receive_buffer="1GiB")
        done = self.lab.call("router", "unshare", "--user", "--map-root-user", "--net",
                             agent.PROGRAM, "record", self.lab.folder + "/c.pcap", "--for", "10ms",
                             "--config", asking.config)
        said = [line for line in agent.log_text(done.stderr) if "receive_buffer" in line]
        self.assertRegex("\n".join(said), (
            r"^warning: source.receive_buffer is 1GiB and the kernel gave \w+: without "
            r"CAP_NET_ADMIN in the initial user namespace it gives net.core.rmem_max at most, and "
            r"a burst is lost sooner \(run the agent in that namespace, or there sysctl -w "
            r"net.core.rmem_max=1073741824\)$"))

    def test_a_ledger_that_it_may_not_write(self):
        os.mkdir(self.agent.ledger.folder, 0o555)
        self.check_refused(f"natledger: write ledger {self.agent.ledger.folder}: Permission denied "
                           "(see ledger.directory)\n", prefix=WITHOUT_DAC)
        self.assertEqual(os.listdir(self.agent.ledger.folder), [])

    def test_one_ledger_one_agent(self):
        self.agent.start()
        self.check_refused(
            f"natledger: lock ledger {self.agent.ledger.folder}: another natledger writes it (stop "
            "that one, or give this one its own ledger.directory)\n")
        self.agent.stop()

    def test_one_state_one_agent(self):
        self.agent.start()
        with open(self.agent.config, encoding="utf-8") as file:
            config = file.read()
        other = self.lab.folder + "/other"
        with open(self.agent.config, "w", encoding="utf-8") as file:
            file.write(config.replace(self.agent.ledger.folder, other))
        self.check_refused(
            f"natledger: lock {self.agent.state}/sequence: another natledger uses this state (give "
            "each its own ledger.state)\n")
        self.assertEqual(os.listdir(other), [])
        with open(self.agent.config, "w", encoding="utf-8") as file:
            file.write(config)
        self.agent.stop()


if __name__ == "__main__":
    unittest.main()
