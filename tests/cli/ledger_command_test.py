# SPDX-License-Identifier: GPL-2.0-or-later
"""Ledgers made of captures: asked, printed, followed, verified, damaged."""
import json
import os
import subprocess
import unittest

from program import NO_LEDGER, PROGRAM, ProgramTest, capture_bytes, golden_messages


class LedgerCommands(ProgramTest):
    def test_replay_into_a_ledger_and_ask_it(self):
        capture = self.write("c.pcap", capture_bytes(golden_messages(5)))
        ledger = self.path("ledger")
        self.assertEqual(self.run_it("replay", "--ledger", ledger, capture), (0, "", ""))
        status, full, _ = self.run_it("cat", ledger)
        self.assertEqual(status, 0)
        records = [json.loads(line) for line in full.splitlines()]
        self.assertEqual([r["event.sequence"] for r in records], list(range(1, len(records) + 1)))
        self.assertEqual([r["event.action"] for r in records if r["event.kind"] == "state"],
                         ["coverage-start", "coverage-resume", "coverage-stop"])
        status, ulogd, _ = self.run_it("cat", "--record", "ulogd", ledger)
        _, replayed, _ = self.run_it("replay", "--record", "ulogd", capture)
        self.assertEqual(ulogd, replayed)
        status, part, _ = self.run_it("cat", "--from", "3", "--to", "4", ledger)
        self.assertEqual(part.splitlines(), full.splitlines()[2:4])
        status, answer, _ = self.run_it("who", "1.2.3.4:48546", "--at", "2026-11-22T07:09:00Z",
                                        "--ledger", ledger, "--json", "--skew", "0s")
        self.assertIn(status, (0, 4, 5))
        self.assertEqual(json.loads(answer)["exit"], status)

    def test_a_truncated_capture_leaves_a_ledger_in_good_order(self):
        whole = capture_bytes(golden_messages(3), apart_ns=400_000_000)
        cut = self.write("cut.pcap", whole[:-10])
        ledger = self.path("ledger")
        status, out, error = self.run_it("replay", "--ledger", ledger, cut)
        self.assertEqual((status, out), (1, ""))
        self.assertIn(f"natledger: read capture {cut}, packet 3: truncated ", error)
        records = self.records(ledger)
        self.assertEqual([r["event.action"] for r in records if r["event.kind"] == "state"],
                         ["coverage-start", "coverage-resume", "coverage-stop"])
        self.assertEqual(len(records), 5)
        # Up to the last whole packet the record is whole.
        for at, expected in (("0.2", 1), ("0.6", 4)):
            status, answer, _ = self.run_it("who", "1.2.3.4:9", "--at", f"2026-11-22T07:09:0{at}Z",
                                            "--skew", "0s", "--ledger", ledger)
            self.assertEqual(status, expected, answer)

        again = self.write("again.pcap", whole)
        self.assertEqual(self.run_it("replay", "--ledger", ledger, again), (0, "", ""))
        self.assertEqual([name for name in os.listdir(ledger) if name != "state"],
                         ["conntrack.json"])
        records = self.records(ledger)
        self.assertEqual([r["event.sequence"] for r in records], list(range(1, len(records) + 1)))
        self.assertNotIn("sequence-skipped", [r["event.action"] for r in records])

    def records(self, ledger):
        _, lines, _ = self.run_it("cat", ledger)
        return [json.loads(line) for line in lines.splitlines()]

    def make_ledger(self, count):
        ledger = self.path("ledger")
        capture = self.write("c.pcap", capture_bytes(golden_messages(count)))
        self.assertEqual(self.run_it("replay", "--ledger", ledger, capture), (0, "", ""))
        return ledger, os.path.join(ledger, "conntrack.json")

    def test_cat_follows_what_comes(self):
        ledger, _ = self.make_ledger(2)
        _, first, _ = self.run_it("cat", ledger)
        with subprocess.Popen([PROGRAM, "cat", "--follow", "--to", "10", ledger],
                              stdout=subprocess.PIPE, text=True) as follower:
            seen = [follower.stdout.readline() for _ in range(5)]
            self.assertEqual("".join(seen), first)
            self.run_it("replay", "--ledger", ledger, self.path("c.pcap"))
            rest, _ = follower.communicate(timeout=30)
        self.assertEqual(follower.returncode, 0)
        self.assertEqual([json.loads(line)["event.sequence"] for line in rest.splitlines()],
                         [6, 7, 8, 9, 10])

    def test_verify(self):
        ledger, active = self.make_ledger(5)
        size = os.path.getsize(active)
        status, out, error = self.run_it("verify", ledger)
        self.assertEqual((status, out, error), (0, (
            f"{ledger}: whole; 1 segments (0 archived), {size} bytes; 8 lines, numbers 1 to 8, 0 "
            "skipped; 0 torn; 0 seals hold; 0 indexes\n"), ""))
        status, out, _ = self.run_it("verify", "--json", ledger)
        self.assertEqual((status, json.loads(out)["whole"], json.loads(out)["lines"]), (0, True, 8))

        with open(active, "rb") as file:
            lines = file.read().splitlines(keepends=True)
        with open(active, "wb") as file:
            file.writelines(lines[:4] + lines[5:])
        status, out, _ = self.run_it("verify", ledger)
        self.assertEqual(status, 1)
        at = sum(map(len, lines[:4]))
        self.assertIn(f"{active}, byte {at}: before it number 5 missing\n", out)
        self.assertIn(": the agent says 5 flow records, and 4 are here\n", out)
        self.assertIn(f"{ledger}: DAMAGED; ", out)
        status, out, _ = self.run_it("verify", "--json", ledger)
        report = json.loads(out)
        self.assertEqual((status, report["whole"], report["damage_count"]), (1, False, 2))
        self.assertEqual(report["damages"][0],
                         {"file": active, "byte": at, "what": "before it number 5 missing"})

    def test_export_copies_what_is_asked_for(self):
        ledger, active = self.make_ledger(5)
        with open(active, "ab") as file:
            file.write(b'{"torn')
        copy = self.path("copy")
        status, out, error = self.run_it("export", copy, "--ledger", ledger, "--from", "4", "--to",
                                         "2026-11-22T07:09:00Z")
        with open(active, "rb") as file:
            whole = file.read().removesuffix(b'{"torn')
        self.assertEqual((status, out, error), (
            0, f"{copy}: 1 segments, {len(whole)} bytes; numbers 1 to 8\n", ""))
        with open(os.path.join(copy, "conntrack.json"), "rb") as file:
            self.assertEqual(file.read(), whole)
        self.assertEqual(self.run_it("verify", copy)[0], 0)

    def test_what_export_refuses(self):
        ledger, _ = self.make_ledger(2)
        command = ("export", "--ledger", ledger)
        self.check_refused(1, f"natledger: export into {ledger}: it is not empty (name a new "
                              "directory)", *command, ledger)
        copy = self.path("copy")
        for bound in ("0", "-1", "yesterday", "2014-02-22T12:27:04"):
            self.check_refused(2, f'natledger: --from: "{bound}" is neither a sequence from 1 nor '
                                  "a time with its offset, such as 2014-02-22T12:27:04Z",
                               *command, copy, f"--from={bound}")
        self.check_refused(1, "natledger: no segment has a line of that range", *command, copy,
                           "--from", "6")
        os.rmdir(copy)
        self.check_refused(1, "natledger: no segment has a line of that range", *command, copy,
                           "--to", "2020-01-01T00:00:00Z")
        self.check_refused(1, NO_LEDGER, "export", "--ledger", "/no/ledger", self.path("other"))

    def test_verify_of_two_captures(self):
        ledger = self.path("ledger")
        captures = [self.write(name, capture_bytes(golden_messages(5), second=second))
                    for name, second in (("a.pcap", 1795331340), ("b.pcap", 1795331350))]
        self.assertEqual(self.run_it("replay", "--ledger", ledger, *captures), (0, "", ""))
        self.assertEqual(self.run_it("verify", ledger)[0], 0)

    def test_verify_of_no_ledger(self):
        self.check_refused(1, NO_LEDGER, "verify", "/no/ledger")

    def test_an_archive_that_zstd_made_is_read(self):
        ledger, active = self.make_ledger(5)
        _, lines, _ = self.run_it("cat", ledger)
        archive = os.path.join(ledger, "conntrack-0000000000000000001.json.zst")
        subprocess.run(["zstd", "-q", "--rm", "-o", archive, active], check=True)
        status, out, error = self.run_it("cat", ledger)
        self.assertEqual((status, out), (1, lines))
        self.assertEqual(error, f"natledger: passed over a part of {archive}, byte 0: no table of "
                                "frames at the end\n")

    def test_a_damaged_archive_is_a_hole(self):
        ledger, active = self.make_ledger(5)
        archive = os.path.join(ledger, "conntrack-0000000000000000001.json.zst")
        subprocess.run(["zstd", "-q", "--rm", "-o", archive, active], check=True)
        with open(archive, "r+b") as file:
            file.seek(40)
            file.write(b"damaged")
        status, _, error = self.run_it("cat", ledger)
        self.assertEqual(status, 1)
        self.assertIn(": the frame is damaged: ", error)
        status, answer, _ = self.run_it("who", "1.2.3.4:9", "--at", "2026-11-22T07:09:00Z",
                                        "--ledger", ledger)
        self.assertEqual(status, 4, answer)

    def test_between_two_captures_is_a_gap(self):
        ledger = self.path("ledger")
        for name, second in (("a.pcap", 1795331340), ("b.pcap", 1795331340 + 3 * 86400)):
            capture = self.write(name, capture_bytes(golden_messages(5), second=second))
            self.assertEqual(self.run_it("replay", "--ledger", ledger, capture), (0, "", ""))
        status, answer, _ = self.run_it("who", "1.2.3.4:9", "--at", "2026-11-23T12:00:00Z",
                                        "--ledger", ledger)
        self.assertEqual(status, 4, answer)
        self.assertIn("no agent ran", answer)

    def test_a_refused_replay_makes_no_ledger(self):
        ledger = self.path("ledger")
        garbage = self.write("garbage.pcap", b"no capture at all")
        good = self.write("good.pcap", capture_bytes(golden_messages(1)))
        for arguments in ((good, garbage), ("--events", "foo", good)):
            status, _, error = self.run_it("replay", "--ledger", ledger, *arguments)
            self.assertIn(status, (1, 2), error)
            self.assertFalse(os.path.exists(ledger), arguments)


if __name__ == "__main__":
    unittest.main()
