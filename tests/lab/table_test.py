# SPDX-License-Identifier: GPL-2.0-or-later
"""`natledger table` shows what `conntrack -L -o id` shows, entry by entry, member by member."""
import collections
import json
import re
import unittest

import agent
import conntrack
import generator
import ledger
import traffic

# From there on under another public address than real flows, of which one has a port by chance.
ENTRIES, FIRST = 10_000, 50_000
ICMP, GRE, ICMPV6 = 1, 47, 58
# What answers a message of this type (nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c).
ICMP_ANSWER = {8: 0, 13: 14, 15: 16, 17: 18, 128: 129}
NAMES = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "ipv6-icmp", 132: "sctp",
         136: "udplite"}
COUNTDOWN = re.compile(r"(?<=^.{21}) +\d+s ")


def port_and_address(text):
    """Of "1.2.3.4:5" and "[2001:db8::1]:5"."""
    address, _, port = text.rpartition(":")
    return port, address.strip("[]")


def translated_id(record):
    """ICMP's id as the outside saw it stands in conntrack.public alone."""
    for public in record["conntrack.public"]:
        port, address = port_and_address(public)
        if address == record["reply.ip.daddr.str"]:
            return port
    return str(record["conntrack.icmp.id"])


def as_conntrack_shows_it(record):
    """A record in the names of conntrack(8); see conntrack.entry_of()."""
    status = record.get("conntrack.status", [])
    protocol = record["orig.ip.protocol"]
    entry = {"protocol": protocol, "src": record["src_ip"], "dst": record["dest_ip"],
             "reply src": record["reply.ip.saddr.str"], "reply dst": record["reply.ip.daddr.str"],
             "packets": str(record["orig.raw.pktcount"]), "bytes": str(record["orig.raw.pktlen"]),
             "reply packets": str(record["reply.raw.pktcount"]),
             "reply bytes": str(record["reply.raw.pktlen"]),
             "mark": str(record["ct.mark"]), "id": str(record["ct.id"]),
             "ASSURED": "assured" in status, "UNREPLIED": "seen_reply" not in status}
    for key, ours in (("sport", "orig.l4.sport"), ("dport", "orig.l4.dport"),
                      ("reply sport", "reply.l4.sport"), ("reply dport", "reply.l4.dport"),
                      ("state", "conntrack.tcp_state"), ("state", "conntrack.sctp_state"),
                      ("helper", "conntrack.helper")):
        if ours in record:
            entry[key] = str(record[ours])
    if "conntrack.zone" in record:
        direction = record.get("conntrack.zone_direction")
        entry["zone" + (f"-{direction}" if direction else "")] = str(record["conntrack.zone"])
    if protocol in (ICMP, ICMPV6):
        names = "icmp" if protocol == ICMP else "conntrack.icmp"
        entry |= {"type": str(record[names + ".type"]), "code": str(record[names + ".code"]),
                  "icmp id": str(record["conntrack.icmp.id"]),
                  "reply icmp id": translated_id(record)}
        # A record has the original direction's alone, from which these follow.
        entry |= {"reply type": str(ICMP_ANSWER[int(entry["type"])]), "reply code": entry["code"]}
    if protocol == GRE:
        entry["srckey"], entry["dstkey"] = map(hex, record.get("conntrack.gre.key", [0, 0]))
        entry["reply srckey"], entry["reply dstkey"] = entry["dstkey"], entry["srckey"]
    return entry


def end_of(entry, direction, side):
    """An end as `natledger table` shows it, with the port, the ICMP id or the GRE key."""
    address = entry[direction + side]
    port = entry.get(direction + {"src": "sport", "dst": "dport"}[side],
                     entry.get(direction + "icmp id"))
    if int(entry.get("srckey", "0"), 16) | int(entry.get("dstkey", "0"), 16):
        port = int(entry[direction + side + "key"], 16)
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def for_a_person(entry):
    """The line of `natledger table --human` for an entry of conntrack(8)'s, countdown left out."""
    source, target = end_of(entry, "", "src"), end_of(entry, "", "dst")
    seen, real = end_of(entry, "reply ", "dst"), end_of(entry, "reply ", "src")
    name = NAMES.get(entry["protocol"], str(entry["protocol"]))
    line = f"{name:<9} {entry.get('state', '-'):<11} - {source} -> {target}"
    translated = [f"source as {seen}"] * (seen != source)
    translated += [f"destination is {real}"] * (real != target)
    words = [f"[{', '.join(translated)}]"] if translated else []
    if "packets" in entry:
        words.append(f"{entry['packets']}/{entry['reply packets']} packets "
                     f"{entry['bytes']}/{entry['reply bytes']} bytes")
    words += ["unreplied"] * entry["UNREPLIED"] + ["assured"] * entry["ASSURED"]
    words += ["helper"] * ("helper" in entry)  # its status bit
    words += [f"{key}={entry[key]}" for key in ("mark", "zone", "helper", "id")
              if entry.get(key, "0") != "0"]
    return "  ".join([line, *words])


def as_text(entry):
    return " ".join(f"{name}={value}" for name, value in sorted(entry.items()))


class Table(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.calls = self.enterContext(traffic.Calls(self.lab))

    def fill(self):
        """Entries that have counted packets, and many that have not, of every kind."""
        self.calls.open_everything()
        self.lab.need_entries(ENTRIES)
        return generator.generate(self.lab, "make", ENTRIES, first=FIRST, mix=True)

    def compare(self, with_counters=True):
        theirs = conntrack.table(self.lab)
        records = self.records()
        ours = [as_conntrack_shows_it(record) for record in records]
        if not with_counters:
            for entry in ours:
                for name in ("packets", "bytes", "reply packets", "reply bytes"):
                    self.assertEqual(entry.pop(name), "0")
        self.assertEqual(ledger.difference(map(as_text, ours), map(as_text, theirs)), "")
        return records, theirs

    def records(self):
        done = self.lab.call("router", agent.PROGRAM, "table")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_equals_conntrack(self):
        made = self.fill()
        records, theirs = self.compare()
        self.assertEqual(len(theirs), len(made) + len(traffic.DIALS) + 13)
        kinds = collections.Counter((entry["protocol"], ":" in entry["src"]) for entry in theirs)
        for protocol in (1, 6, 17, 47, 50, 132, 136, 253):
            self.assertGreater(kinds[protocol, False], 300, protocol)
        for protocol in (6, 17, 47, 58, 132, 253):
            self.assertGreater(kinds[protocol, True], 300, protocol)
        for name in ("packets", "zone", "helper", "mark", "state", "ASSURED", "UNREPLIED"):
            self.assertGreater(sum(entry.get(name, "0") not in ("0", False) for entry in theirs),
                               10 if name == "packets" else 300, name)
        self.check_labels(made, records)

    def check_labels(self, made, records):
        """conntrack(8) shows none without a file of their names; the generator knows them."""
        labelled = {entry.source for entry in made if entry.kind == "tcp-label"}
        ours = {record["src_ip"] for record in records if record.get("conntrack.labels") == ["3"]}
        self.assertEqual(ours - {"192.168.1.129"}, labelled)

    def test_without_accounting_and_timestamps(self):
        self.lab.sysctl("net.netfilter.nf_conntrack_acct", 0)
        self.lab.sysctl("net.netfilter.nf_conntrack_timestamp", 0)
        self.calls.open_everything()
        _, theirs = self.compare(with_counters=False)
        self.assertEqual(len(theirs), len(traffic.DIALS) + 13)
        self.assertFalse(any("packets" in entry for entry in theirs))

    def test_for_a_person(self):
        self.calls.open_everything()
        done = self.lab.call("router", agent.PROGRAM, "table", "--human")
        ours = [COUNTDOWN.sub(" - ", line, 1) for line in done.stdout.splitlines()]
        theirs = [for_a_person(entry) for entry in conntrack.table(self.lab)]
        self.assertEqual(ledger.difference(ours, theirs), "")
        self.assertEqual(len(ours), len(traffic.DIALS) + 13)
        both, = (line for line in ours if "192.168.2.130:40002 " in line)
        self.assertIn("tcp       ESTABLISHED - 192.168.2.130:40002 -> 1.2.3.4:8443  [source as "
                      "192.168.1.1:40002, destination is 192.168.1.129:443]  ", both)

    def test_empty(self):
        self.assertEqual(self.records(), [])


if __name__ == "__main__":
    unittest.main()
