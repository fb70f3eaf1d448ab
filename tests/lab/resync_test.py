# SPDX-License-Identifier: GPL-2.0-or-later
"""What no event told is made up for: after gaps, also where they follow each other closely, tuples
are used again, zones hide entries, the table is being resized, and where a flow is silent.

The truth is the generator's log and the kernel's own table.
"""
import collections
import threading
import time
import unittest

import agent
import conntrack
import generator
import lab
import ledger

TINY = "64KiB"  # room for about a hundred events
FLOWS = 4000
BUCKETS = "net.netfilter.nf_conntrack_buckets"


def key_of_entry(entry):
    """What tells flows apart, of an entry as conntrack(8) shows it."""
    zones = (entry.get("zone"), entry.get("zone-orig"), entry.get("zone-reply"))
    return (entry["protocol"], entry["src"], entry["dst"], entry.get("sport"), entry.get("dport"),
            entry.get("icmp id"), *zones)


def key_of_record(record):
    """The same of a record."""
    ports = [str(record[key]) if key in record else None
             for key in ("orig.l4.sport", "orig.l4.dport")]
    if record["orig.ip.protocol"] == 47:  # conntrack(8) shows its keys elsewhere
        ports = [None, None]
    icmp_id = record.get("conntrack.icmp.id")
    zones = [None, None, None]
    if "conntrack.zone" in record:
        place = {None: 0, "orig": 1, "reply": 2}[record.get("conntrack.zone_direction")]
        zones[place] = str(record["conntrack.zone"])
    return (record["orig.ip.protocol"], record["src_ip"], record["dest_ip"], *ports,
            None if icmp_id is None else str(icmp_id), *zones)


class Resync(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.lab.need_entries(8 * FLOWS)
        self.begun = time.time_ns()

    def start(self, **options):
        self.agent = agent.Agent(self.lab, **options).start()

    def make(self, count, first=0, action="make", **options):
        return generator.generate(self.lab, action, count, first=first, mix=True, **options)

    def make_slowly(self, count, first=0):
        """So that hardly any is lost, and that those are known before it goes on."""
        entries = self.make(count, first, per_second=2000, batch=10)
        self.whole()
        return entries

    def whole(self):
        """The ledger's records, once all gaps have been made up for."""
        self.agent.wait_written()
        return agent.wait_for("coverage-resume after the last gap", self.whole_records)

    def whole_records(self):
        records = self.agent.ledger.records()
        for record in reversed(records):
            if record["event.action"] in ("coverage-gap", "coverage-resume"):
                return records if record["event.action"] == "coverage-resume" else None
        return None

    def check(self, records):
        """Against the kernel's table, and each end against the table's truth."""
        lives = collections.defaultdict(list)
        for record in filter(ledger.is_flow, records):
            lives[record["flow.id"]].append(record)
        open_flows = []
        for life in lives.values():
            actions = [record["event.action"] for record in life]
            self.assertLessEqual(actions.count("flow-end"), 1, life)
            self.assertLessEqual(actions.count("flow-start"), 1, life)
            if actions[-1] != "flow-end":
                open_flows.append(key_of_record(life[-1]))
        entries = [key_of_entry(entry) for entry in conntrack.table(self.lab)]
        self.assertEqual(ledger.difference(open_flows, entries), "")
        return lives

    def check_bounds(self, records, gone):
        """The kernel deleted each of `gone` within the bounds that its inferred end has."""
        deleted = collections.defaultdict(list)
        for entry in gone:
            deleted[entry.source].append((entry.before_ns, entry.after_ns))
        inferred = [record for record in records if record["event.action"] == "flow-end"
                    and ledger.is_inferred(record)]
        for end in inferred:
            # Records have microseconds, rounded down.
            not_before = agent.ns_of(end["flow.end.not_before"])
            not_after = agent.ns_of(end["flow.end.not_after"]) + 1000
            self.assertTrue(any(not_before <= after and before <= not_after
                                for before, after in deleted[end["src_ip"]]), end)
            self.assertLess(not_after - not_before, 120 * 10**9)
            self.assertNotIn("event.end", end)
        return inferred

    def finish(self, records):
        self.check(records)
        dropped = [gap["coverage.dropped"] for gap in records
                   if gap["event.action"] == "coverage-gap"]
        print(f"{self.id().rpartition('.')[2]}: {sum(dropped)} dropped in {len(dropped)} gaps, "
              f"{sum(map(ledger.is_inferred, records))} inferred")
        self.agent.stop()

    def test_ends_that_were_lost(self):
        self.start(receive_buffer=TINY)
        self.make_slowly(FLOWS)
        with self.agent.held():
            gone = self.make(FLOWS // 2, action="delete")
            self.make(FLOWS // 2, first=FLOWS)
        records = self.whole()
        inferred = self.check_bounds(records, gone)
        self.assertGreater(len(inferred), FLOWS // 4)
        # Those that were told and those that were concluded are together all.
        ends = [record["src_ip"] for record in records if record["event.action"] == "flow-end"]
        self.assertEqual(ledger.difference(ends, [entry.source for entry in gone]), "")
        self.finish(records)

    def test_gap_upon_gap(self):
        """Again and again while the one before is still being made up for."""
        self.start(receive_buffer=TINY)
        self.make_slowly(FLOWS)
        gone = []
        for turn in range(8):
            with self.agent.held():
                gone += self.make(FLOWS // 16, first=turn * FLOWS // 16, action="delete")
                self.make(FLOWS // 16, first=FLOWS + turn * FLOWS // 16)
            time.sleep(0.01 * turn)
        records = self.whole()
        self.assertGreater(len(self.check_bounds(records, gone)), 0)
        self.finish(records)

    def test_tuples_used_again(self):
        """In the gap a flow ends and another begins on its tuple, mostly with the same ct.id."""
        self.start(receive_buffer=TINY)
        before = self.make_slowly(FLOWS // 2)
        with self.agent.held():
            gone = self.make(FLOWS // 2, action="delete")
            again = self.make(FLOWS // 2)
        records = self.whole()
        inferred = self.check_bounds(records, gone)
        self.assertGreater(len(inferred), FLOWS // 8)
        lives = self.check(records)
        self.assertEqual(len(lives), len(before) + len(again))
        starts = [record["src_ip"] for record in records
                  if record["event.action"] == "flow-start"]
        self.assertEqual(ledger.difference(starts, [entry.source for entry in before + again]), "")
        self.finish(records)

    def test_traffic_meanwhile(self):
        """Flows come and go all through gaps and comparisons."""
        self.start(receive_buffer="1MiB")
        self.make_slowly(FLOWS)
        churn = generator.Generator(self.lab, "churn", 4 * FLOWS, first=2 * FLOWS, live=FLOWS // 2,
                                    per_second=4000, batch=20, mix=True)
        gone = []
        for turn in range(4):
            with self.agent.held():
                gone += self.make(FLOWS // 4, first=turn * FLOWS // 4, action="delete")
                time.sleep(0.3)
            time.sleep(0.5)
        gone += [entry for entry in churn.done() if entry.action == "deleted"]
        records = self.whole()
        self.check_bounds(records, gone)
        self.finish(records)

    def test_table_resized_meanwhile(self):
        self.start(receive_buffer=TINY)
        self.make_slowly(FLOWS)
        size = int(lab.sysctl(BUCKETS))
        self.addCleanup(lab.sysctl, BUCKETS, size)
        resizing = threading.Event()

        def resize():
            for turn in range(200):
                lab.sysctl(BUCKETS, size * 2 if turn % 2 == 0 else size)
                if resizing.wait(0.005):
                    return

        thread = threading.Thread(target=resize)
        thread.start()
        with self.agent.held():
            gone = self.make(FLOWS // 2, action="delete")
        time.sleep(1)
        resizing.set()
        thread.join()
        records = self.whole()
        self.check_bounds(records, gone)
        self.finish(records)


class Silent(unittest.TestCase):
    """The kernel tells nothing of a flow that it made with nf_conntrack_events=2 unheard."""

    def test_its_end_is_noticed_by_the_next_comparison(self):
        the_lab = agent.new_lab()
        self.addCleanup(the_lab.down)
        conntrack.silence_unheard(self, the_lab)
        generator.generate(the_lab, "make", 100)
        the_agent = agent.Agent(the_lab, source="source.reconcile: 1s\n").start()
        gone = generator.generate(the_lab, "delete", 50)

        def ends():
            return [record for record in the_agent.ledger.flows()
                    if record["event.action"] == "flow-end"]

        agent.wait_for("fifty ends", lambda: len(ends()) == 50, patience_s=10)
        self.assertTrue(all(map(ledger.is_inferred, the_agent.ledger.flows())),
                        "not silent: somebody else on this machine listens")
        self.assertEqual(ledger.difference([end["src_ip"] for end in ends()],
                                           [entry.source for entry in gone]), "")
        deleted = {entry.source: entry for entry in gone}
        for end in ends():
            before, after = (agent.ns_of(end[f"flow.end.{bound}"])
                             for bound in ("not_before", "not_after"))
            self.assertLess(after - before, 5 * 10**9)
            self.assertLessEqual(before, deleted[end["src_ip"]].after_ns)
            # Records have microseconds, rounded down.
            self.assertGreaterEqual(after + 1000, deleted[end["src_ip"]].before_ns)
        the_agent.stop()


if __name__ == "__main__":
    unittest.main()
