# SPDX-License-Identifier: GPL-2.0-or-later
"""ulogd2 and natledger listen to the same traffic, and write the same lines."""
import collections
import json
import time
import unittest

import agent
import conntrack
import generator
import ledger
import packets
import traffic
import ulogd

# What must stand in ulogd2's line of each kind. A test that compares nothing proves nothing.
KINDS = {
    "tcp snat": {"src_ip": "192.168.1.129", "orig.l4.sport": 40000, "dest_ip": "19.1.16.7",
                 "orig.ip.protocol": 6, "reply.ip.daddr.str": "1.2.3.4", "reply.l4.dport": 40000},
    "tcp dnat": {"src_ip": "1.2.3.9", "dest_ip": "1.2.3.4", "orig.l4.dport": 8443,
                 "reply.ip.saddr.str": "192.168.1.129", "reply.l4.sport": 443,
                 "reply.ip.daddr.str": "1.2.3.9"},
    "tcp both": {"src_ip": "192.168.2.130", "dest_ip": "1.2.3.4", "reply.l4.sport": 443,
                 "reply.ip.saddr.str": "192.168.1.129", "reply.ip.daddr.str": "192.168.1.1"},
    "tcp none": {"src_ip": "192.168.1.129", "dest_ip": "19.1.16.8", "orig.ip.protocol": 6,
                 "reply.ip.saddr.str": "19.1.16.8", "reply.ip.daddr.str": "192.168.1.129"},
    "tcp mark": {"orig.l4.dport": 7777, "ct.mark": 42},
    "tcp helper": {"orig.l4.sport": 40005, "orig.l4.dport": 21},
    "tcp label": {"orig.l4.sport": 40006, "orig.l4.dport": 7779},
    "udp snat": {"orig.ip.protocol": 17, "orig.l4.sport": 41000, "reply.ip.daddr.str": "1.2.3.4"},
    "udp dnat": {"orig.ip.protocol": 17, "orig.l4.dport": 5353, "reply.l4.sport": 53},
    "udp none": {"orig.ip.protocol": 17, "reply.ip.daddr.str": "192.168.1.129"},
    "udp zone": {"orig.ip.protocol": 17, "orig.l4.dport": 9999, "reply.ip.daddr.str": "1.2.3.4"},
    "tcp6 none": {"orig.l4.sport": 42000, "reply.ip.daddr.str": "fd00:1::81", "oob.family": 10},
    "tcp6 snat": {"orig.l4.sport": 42001, "reply.ip.daddr.str": "2001:db8:2::4"},
    "tcp6 dnat": {"orig.l4.sport": 42002, "reply.ip.saddr.str": "fd00:1::81"},
    "udp6 none": {"orig.l4.sport": 42003, "orig.ip.protocol": 17, "oob.family": 10},
    "icmp": {"src_ip": "192.168.1.129", "orig.ip.protocol": 1, "icmp.type": 8,
             "reply.ip.daddr.str": "1.2.3.4"},
    "icmpv6": {"src_ip": "fd00:1::81", "orig.ip.protocol": 58, "oob.family": 10},
    "sctp": {"src_ip": "192.168.1.129", "orig.ip.protocol": packets.SCTP, "orig.l4.dport": 5060},
    "sctp6": {"src_ip": "fd00:1::81", "orig.ip.protocol": packets.SCTP, "orig.l4.dport": 5060},
    "gre": {"src_ip": "192.168.1.129", "orig.ip.protocol": packets.GRE},
    "gre6": {"src_ip": "fd00:1::81", "orig.ip.protocol": packets.GRE},
    "gre with a key": {"src_ip": "192.168.2.130", "orig.ip.protocol": packets.GRE},
    "esp": {"src_ip": "192.168.1.129", "orig.ip.protocol": packets.ESP},
    "unknown": {"src_ip": "192.168.1.129", "orig.ip.protocol": packets.UNKNOWN},
}
# Entries of these protocols are left to time out; the others are deleted.
SHORT_TIMEOUTS = ("udp_timeout", "udp_timeout_stream", "icmp_timeout", "icmpv6_timeout",
                  "gre_timeout")


class UlogdSideBySide(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.ours = agent.Agent(self.lab).start()
        self.theirs = ulogd.Ulogd(self.lab)

    def test_real_traffic(self):
        for timeout in SHORT_TIMEOUTS:
            self.lab.sysctl(f"net.netfilter.nf_conntrack_{timeout}", 1)
        with traffic.Calls(self.lab) as calls:
            calls.open_everything()
            self.end_everything(calls)
            ulogd_lines, our_lines = self.stop_both(len(KINDS))
        self.check_that_each_kind_occurred(ulogd_lines)
        self.check_zone(our_lines)

    def test_entries_of_every_kind(self):
        made = generator.generate(self.lab, "make", 2600, mix=True)
        deleted = generator.generate(self.lab, "delete", 2600, mix=True)
        ulogd_lines, _ = self.stop_both(len(made))
        self.assertEqual(len(ulogd_lines), len(made) + len(deleted))

    def stop_both(self, flows):
        """When both have written all of at least so many flows. Their lines, which agree."""
        agent.wait_for("ulogd2 to write every end",
                       lambda: self.all_ended(self.theirs.lines(), flows))
        self.ours.wait_written()
        self.ours.stop()
        self.theirs.stop()
        ulogd_lines = self.theirs.lines()
        our_lines = self.ours.ledger.flow_lines()
        self.assertEqual(ledger.difference(
            [ledger.without_clock(ledger.ulogd_part(line)) for line in our_lines],
            map(ledger.without_clock, ulogd_lines)), "")
        print(f"{len(ulogd_lines)} lines of ulogd2 and as many of ours agree")
        return ulogd_lines, our_lines

    def end_everything(self, calls):
        in_zone, = conntrack.table(self.lab, "--zone", "5")
        self.assertEqual((in_zone["dport"], in_zone["zone"]), ("9999", "5"))
        for name in ("tcp snat", "tcp snat, port rewritten", "tcp6 none"):
            calls.close(name)
        time.sleep(1.1)
        # Reading the table ends what has timed out; otherwise the kernel takes up to a minute.
        conntrack.table(self.lab)
        left = {entry["protocol"] for entry in conntrack.table(self.lab)}
        self.assertEqual(left, {6, packets.SCTP, packets.ESP, packets.UNKNOWN})
        self.lab.call("router", "conntrack", "-D", "-p", "tcp", "--sport", "40003")
        conntrack.flush(self.lab)
        self.assertEqual(conntrack.count(self.lab), 0)

    @staticmethod
    def all_ended(lines, flows):
        events = collections.Counter(json.loads(line)["ct.event"] for line in lines)
        return events[ledger.NEW] >= flows and events[ledger.NEW] == events[ledger.DESTROY]

    def check_that_each_kind_occurred(self, lines):
        records = [json.loads(line) for line in lines]
        for kind, members in KINDS.items():
            for event in (ledger.NEW, ledger.DESTROY):
                with self.subTest(kind=kind, event=event):
                    found = [record for record in records if record["ct.event"] == event
                             and members.items() <= record.items()]
                    self.assertEqual(len(found), 1, found)
        rewritten = [record for record in records if record["src_ip"] == "192.168.2.130"
                     and record.get("orig.l4.sport") == 40000]
        self.assertEqual(len(rewritten), 2)
        self.assertNotEqual(rewritten[0]["reply.l4.dport"], 40000)
        self.assertEqual(rewritten[0]["reply.ip.daddr.str"], "1.2.3.4")

    def check_zone(self, our_lines):
        """ulogd2 does not say it, so the line it has would be the same without."""
        zones = [record["conntrack.zone"] for record in map(json.loads, our_lines)
                 if record.get("orig.l4.dport") == 9999]
        self.assertEqual(zones, [5, 5])


if __name__ == "__main__":
    unittest.main()
