# SPDX-License-Identifier: GPL-2.0-or-later
"""ulogd2's own lines, byte for byte: each recorded message through `natledger replay`.

Injected is only what no message holds, as ulogd2 took it from its clock: `timestamp`, the start of
NEW, and the end of DESTROY where the kernel gave none.
"""
import collections
import json
import os
import re
import struct
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ["NATLEDGER"]
CLOCK_KEYS = {"NEW": ("flow.start.sec", "flow.start.usec"),
              "DESTROY": ("flow.end.sec", "flow.end.usec")}
ICMPV6_KEYS = re.compile(r' "icmpv6\.(code|type)": \d+,')

# The rows of 2.0.9 take part without the keys that 2.0.8 does not have.
NEWER_ROWS = {(case, event)
              for case in ("tcp_snat", "tcp_dnat", "tcp6_no_nat", "udp_snat", "icmpv6_echo",
                           "gre_v0_snat", "proto253_snat", "inject_icmpv6_zone9")
              for event in ("NEW", "DESTROY")}


def rows():
    with open(os.path.join(HERE, "ulogd-golden.jsonl"), encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if "hash_enable=0" in row["mode"] and row["ulogd_json"] is not None:
                yield row


def packet_time_ns(row):
    """When the message was read: from the clock's keys of the line, else as recorded."""
    line = json.loads(row["ulogd_json"])
    kernel_clock = row["event"] == "DESTROY" and row["sysctl"]["nf_conntrack_timestamp"]
    sec, usec = CLOCK_KEYS[row["event"]]
    if kernel_clock or sec not in line:
        return row["recv_ns"]
    return line[sec] * 10**9 + line[usec] * 1000


def write_capture(path, messages):
    """A pcap of LINKTYPE_NETLINK with nanoseconds, written by hand."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 253))
        for at_ns, message in messages:
            packet = struct.pack(">HH10xH", 4, 824, 12) + message
            out.write(struct.pack("<IIII", at_ns // 10**9, at_ns % 10**9, len(packet), len(packet)))
            out.write(packet)


def replay(tz, messages, *options):
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "capture.pcap")
        write_capture(capture, messages)
        done = subprocess.run([PROGRAM, "replay", "--record", "ulogd", *options, capture],
                              env={**os.environ, "TZ": tz}, capture_output=True, check=True)
    return done.stdout.decode().splitlines()


def inject_timestamp(line, expected, key):
    """`line` with the value that `expected` has for `key`."""
    value = re.search(rf'"{key}": "([^"]*)"', expected).group(1)
    return re.sub(rf'"{key}": "[^"]*"', f'"{key}": "{value}"', line, count=1)


class UlogdGolden(unittest.TestCase):
    maxDiff = None

    def replay_all(self, column, key, *options):
        """(row, expected line, our line) of every row, one replay for each time zone."""
        by_zone = collections.defaultdict(list)
        for row in rows():
            by_zone[row["tz"]].append(row)
        self.assertEqual(set(by_zone), {"UTC", "Asia/Kolkata", "America/St_Johns", "Europe/Berlin"})
        compared = []
        for tz, zone_rows in by_zone.items():
            messages = [(packet_time_ns(r), bytes.fromhex(r["netlink_hex"])) for r in zone_rows]
            lines = replay(tz, messages, *options)
            self.assertEqual(len(lines), len(zone_rows))
            for row, line in zip(zone_rows, lines):
                expected = row[column]
                if row["ulogd"] == "2.0.9":
                    self.assertIn((row["case"], row["event"]), NEWER_ROWS)
                    expected = ICMPV6_KEYS.sub("", expected)
                compared.append((row, expected, inject_timestamp(line, expected, key), line))
        return compared

    def check_all(self, column, key, *options):
        compared = self.replay_all(column, key, *options)
        versions = collections.Counter(row["ulogd"] for row, *_ in compared)
        self.assertEqual(versions, {"2.0.8": 200, "2.0.9": 16})
        for row, expected, injected, raw in compared:
            with self.subTest(case=row["case"], event=row["event"], tz=row["tz"]):
                self.assertEqual(injected, expected)
                self.check_form_of_timestamp(expected, raw, key)

    def check_form_of_timestamp(self, expected, raw, key):
        """Injected, but of the same form: the offset's suffix and all."""
        form = re.compile(rf'"{key}": "([^"]*)"')
        theirs, ours = (re.sub(r"T[\d:]{8}", "T", form.search(x).group(1)) for x in (expected, raw))
        self.assertEqual(ours, theirs)

    def test_json(self):
        self.check_all("ulogd_json", "timestamp")

    def test_eventv1(self):
        self.check_all("ulogd_json_eventv1", "@timestamp", "--eventv1")

    def test_an_update_gives_no_line(self):
        with open(os.path.join(HERE, "ulogd-golden.jsonl"), encoding="utf-8") as lines:
            updates = [row for row in map(json.loads, lines)
                       if row["event"] == "UPDATE" and row["ulogd_json"] is None
                       and "hash_enable=0" in row["mode"]]
        self.assertEqual(len(updates), 20)
        messages = [(row["recv_ns"], bytes.fromhex(row["netlink_hex"])) for row in updates]
        self.assertEqual(replay("UTC", messages), [])

    def test_a_changed_byte_in_any_other_key_is_seen(self):
        """The comparison above fails for each key but the injected ones."""
        keys = set()
        for row, expected, injected, _ in self.replay_all("ulogd_json", "timestamp"):
            for match in re.finditer(r'"([^"]+)": ("[^"]*"|\d+)', injected):
                name, value = match.groups()
                if name == "timestamp":
                    continue
                changed = self.with_one_byte_changed(injected, match.start(2), value)
                again = inject_timestamp(changed, expected, "timestamp")
                self.assertNotEqual(again, expected, (row["case"], name))
                keys.add(name)
        self.assertGreaterEqual(len(keys), 25)

    @staticmethod
    def with_one_byte_changed(line, start, value):
        at = start + (1 if value.startswith('"') else 0)
        digit = "8" if line[at] != "8" else "7"
        return line[:at] + digit + line[at + 1:]

    def test_device_and_timestamp_options(self):
        row = next(rows())
        message = [(packet_time_ns(row), bytes.fromhex(row["netlink_hex"]))]
        plain, = replay("UTC", message)
        self.assertEqual(replay("UTC", message, "--device", "gw \"1\""),
                         [plain.replace('"dvc": "Netfilter"', '"dvc": "gw \\"1\\""')])
        without = re.sub(r'"timestamp": "[^"]*", ', "", plain)
        self.assertEqual(replay("UTC", message, "--timestamp", "false"), [without])
        self.assertEqual(replay("UTC", message, "--timestamp", "false", "--eventv1"),
                         [without.replace("{", '{"@version": 1, ', 1)])


if __name__ == "__main__":
    unittest.main()
