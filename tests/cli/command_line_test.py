# SPDX-License-Identifier: GPL-2.0-or-later
"""What the program says to bad input: one clear line, the right status, nothing half-written."""
import json
import os
import resource
import signal
import struct
import subprocess
import unittest

from program import NO_LEDGER, PROGRAM, ProgramTest, capture_bytes, golden_messages

HOW_TO_MAKE = " (make it with `natledger record`, or capture an nlmon device)"


def let_no_file_grow():
    """As on a full disk, for whoever has none."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


class CommandLine(ProgramTest):
    def test_version_and_help(self):
        status, out, _ = self.run_it("--version")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"^natledger \d+\.\d+\.\d+\n$")
        for command in ("run", "replay", "record", "table", "cat", "export", "verify", "who",
                        "fields", "config"):
            status, out, _ = self.run_it(command, "--help")
            self.assertEqual(status, 0)
            self.assertIn("--help", out)

    def test_usage_is_exit_2(self):
        for arguments in ((), ("nonsense",), ("run", "--nonsense"), ("who",), ("replay",),
                          ("table", "--record", "xml"), ("fields", "--format", "xml")):
            status, out, error = self.run_it(*arguments)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertNotEqual(error, "")

    # The configuration.

    def test_a_configuration_that_is_not_there(self):
        for command in (["run"], ["config", "check"], ["cat"],
                        ["who", "1.2.3.4:5", "--at", "2014-02-22T12:27:04Z"]):
            self.check_refused(2, "natledger: read configuration /no/such.yaml: No such file or "
                                  "directory (name another with --config, or leave it out for the "
                                  "defaults)", *command, "--config", "/no/such.yaml")

    def test_an_unknown_key(self):
        config = self.write("n.yaml", "source:\n  evnts: [new]\n")
        for command in (["run"], ["config", "check"], ["config", "print"]):
            self.check_refused(2, f"natledger: {config}:2: source.evnts: unknown option; did you "
                                  'mean "events"?', *command, "--config", config)

    def test_the_docs_have_every_option_as_the_reference_does(self):
        _, reference, _ = self.run_it("config", "reference")
        expected = []
        for text in reference.strip().split("\n\n"):
            _, allowed, option = text.splitlines()
            key, _, default = option.partition(": ")
            reload = "yes" if allowed.endswith("A reload (SIGHUP) changes it.") else "no"
            expected.append((f"`{key}`", f"`{default}`", reload))
        rows = []
        for page in ("README.md", "docs/shipping.md"):
            path = os.path.join(os.path.dirname(__file__), "..", "..", page)
            with open(path, encoding="utf-8") as file:
                rows += [line.strip("| \n").split(" | ") for line in file
                         if line.startswith("| `")]
        rows = [tuple(row[:2] + row[3:]) for row in rows if len(row) == 4]
        self.assertEqual(sorted(rows), sorted(expected))

    def test_config_check_print_and_reference(self):
        config = self.write("n.yaml", "tags: [a]\n")
        self.assertEqual(self.run_it("config", "check", "--config", config),
                         (0, f"{config}: good\n", ""))
        status, printed, _ = self.run_it("config", "print", "--config", config)
        self.assertEqual(status, 0)
        self.assertIn("tags: [a]\n", printed)
        again = self.write("again.yaml", printed)
        self.assertEqual(self.run_it("config", "print", "--config", again), (0, printed, ""))
        status, reference, _ = self.run_it("config", "reference")
        self.assertEqual(status, 0)
        keys = [line.split(":")[0] for line in printed.splitlines()]
        for key in keys:
            self.assertIn(f"\n{key}: ", "\n" + reference)
        read_back = self.write("reference.yaml", reference)
        self.assertEqual(self.run_it("config", "check", "--config", read_back)[0], 0)

    # Captures.

    def test_captures_that_are_none(self):
        rows = [
            ("text", b"hello, this is no capture at all", "unknown file format" + HOW_TO_MAKE),
            ("empty", b"", "truncated dump file; tried to read 4 file header bytes, only got 0"
             + HOW_TO_MAKE),
            ("ethernet", capture_bytes([], link_type=1),
             "link type EN10MB (1), not NETLINK (253)" + HOW_TO_MAKE),
            ("other-order", struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 253),
             "made on a machine of the other byte order, which its netlink messages keep (replay "
             "it there)"),
        ]
        for name, content, cause in rows:
            path = self.write(name, content)
            self.check_refused(1, f"natledger: read capture {path}: {cause}", "replay", path)
        self.check_refused(1, "natledger: read capture /no/such.pcap: No such file or directory"
                           + HOW_TO_MAKE, "replay", "/no/such.pcap")

    def test_a_truncated_capture_gives_its_whole_messages(self):
        whole = capture_bytes(golden_messages(3))
        path = self.write("cut.pcap", whole[:-10])
        status, out, error = self.run_it("replay", path)
        self.assertEqual(status, 1)
        self.assertEqual([json.loads(line)["event.sequence"] for line in out.splitlines()], [1, 2])
        self.assertRegex(error, f"^natledger: read capture {path}, packet 3: truncated .* \\(what "
                         "stands before it is taken; for the rest, copy or make it again\\)\n$")

    def test_garbage_messages_are_said_and_passed_over(self):
        good, other = golden_messages(2)
        garbage = [b"\xff" * 40, good[:30], b"", good[:16], os.urandom(64)]
        path = self.write("garbage.pcap", capture_bytes([good, *garbage, other]))
        status, out, error = self.run_it("replay", path)
        self.assertEqual(status, 0)
        self.assertEqual(len(out.splitlines()), 2)
        for line in out.splitlines():
            json.loads(line)
        self.assertIn("a message was not understood: ", error)

    def test_packets_of_other_netlink_families_are_ignored(self):
        path = self.write("route.pcap", capture_bytes(golden_messages(2), family=0))
        self.assertEqual(self.run_it("replay", path), (0, "", ""))

    def test_ulogds_options_need_ulogds_record(self):
        path = self.write("c.pcap", capture_bytes(golden_messages(1)))
        message = "natledger: --eventv1, --timestamp and --device go with --record ulogd"
        for option in (["--eventv1"], ["--timestamp", "false"], ["--device", "x"]):
            self.check_refused(2, message, "replay", *option, path)
            self.check_refused(2, message, "replay", "--record", "text", *option, path)

    def test_output_that_does_not_arrive(self):
        ledger = self.path("ledger")
        capture = self.write("c.pcap", capture_bytes(golden_messages(5)))
        self.run_it("replay", "--ledger", ledger, capture)
        question = ("1.2.3.4:48546", "--at", "2026-11-22T07:09:00Z", "--ledger", ledger)
        for status, arguments in ((6, ("who", *question)), (6, ("who", *question, "--json")),
                                  (1, ("cat", ledger)), (1, ("fields",)), (1, ("--version",)),
                                  (1, ("config", "print")), (1, ("replay", "--help"))):
            with self.subTest(arguments=arguments), open(self.path("out"), "wb") as out:
                done = subprocess.run([PROGRAM, *arguments], stdout=out, stderr=subprocess.PIPE,
                                      text=True, check=False, preexec_fn=let_no_file_grow)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn("File too large", done.stderr)
                if arguments[0] in ("who", "cat"):
                    self.assertEqual(done.stderr.splitlines()[-1], "natledger: write standard "
                                     "output: File too large (make room where it goes)")

    def test_closed_standard_streams_are_not_the_ledger(self):
        ledger = self.path("ledger")
        messages = [b"\0" * 20] + golden_messages(1)  # the first makes a warning
        capture = self.write("c.pcap", capture_bytes(messages))
        done = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", PROGRAM, "replay",
                               "--ledger", ledger, capture], check=False)
        self.assertEqual(done.returncode, 0)
        for name in ("conntrack.json", "state/sequence"):
            with open(os.path.join(ledger, name), "rb") as file:
                self.assertNotIn(b"warning", file.read())

    def test_a_ledger_that_cannot_be(self):
        capture = self.write("c.pcap", capture_bytes(golden_messages(1)))
        self.check_refused(1, "natledger: make directory /no/such/ledger: No such file or "
                              "directory (see ledger.directory)",
                           "replay", "--ledger", "/no/such/ledger", capture)
        self.check_refused(2, "natledger: --ledger holds full records; leave --record out",
                           "replay", "--record", "ulogd", "--ledger", self.path("l"), capture)
        self.assertFalse(os.path.exists(self.path("l")))

    def test_a_pipe_in_place_of_a_segment_is_no_ledger(self):
        capture = self.write("c.pcap", capture_bytes(golden_messages(1)))
        for name in ("conntrack.json", "conntrack-0000000000000000001.json"):
            ledger = self.path("with-" + name)
            pipe = os.path.join(ledger, name)
            os.mkdir(ledger)
            os.mkfifo(pipe)
            with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
                error = f"natledger: read ledger {pipe}: not a regular file (move it away)"
                self.check_refused(1, error, "replay", "--ledger", ledger, capture)
                self.check_refused(1, error, "cat", ledger)
                self.check_refused(6, error, "who", "1.2.3.4:5", "--at", "2026-11-22T07:09:00Z",
                                   "--ledger", ledger)
                self.assertEqual(reader.read(), b"")
            # Nobody has the other end: it must not be waited for.
            self.check_refused(1, error, "replay", "--ledger", ledger, capture)
            self.check_refused(1, error, "cat", ledger)

    def test_who_without_a_ledger_is_exit_6(self):
        self.check_refused(6, NO_LEDGER, "who", "1.2.3.4:5", "--at", "2014-02-22T12:27:04Z",
                           "--ledger", "/no/ledger")

    def test_who_with_a_bad_question_is_exit_2(self):
        self.check_refused(2, 'natledger: --at: "noon" is not a time with its offset, such as '
                              "2014-02-22T12:27:04Z or 2014-02-22T13:27:04+01:00",
                           "who", "1.2.3.4:5", "--at", "noon")

    def test_who_of_a_server(self):
        question = ("who", "1.2.3.4:53500", "--at", "2014-02-22T12:27:04Z")
        server = (*question, "--source", "elasticsearch")
        self.check_refused(2, "natledger: --gateway goes with --source elasticsearch; a ledger is "
                              "of one gateway", *question, "--gateway", "gw1")
        self.check_refused(2, "natledger: --ledger names a directory here, and --source "
                              "elasticsearch has none; --gateway says whose records to look at",
                           *server, "--ledger", self.folder)
        config = self.write("none.yaml", f"ledger: {{state: {self.folder}}}\n")
        self.check_refused(2, "natledger-ship: the configuration has no output.elasticsearch, "
                              "which names the server", *server, "--config", config)
        config = self.write("away.yaml", f"ledger: {{state: {self.folder}}}\n"
                                         "output.elasticsearch: {hosts: ['http://127.0.0.1:1']}\n")
        status, answer, error = self.run_it(*server, "--config", config)
        self.assertEqual((status, answer), (6, ""))
        self.assertRegex(error, "^natledger-ship: ask http://127.0.0.1:1/logs-conntrack.nat-default"
                                ": Failed to connect to 127.0.0.1 port 1")

    def test_cat_of_no_ledger(self):
        self.check_refused(1, NO_LEDGER, "cat", "/no/ledger")

    def test_cat_from_and_to_what_are_no_sequences(self):
        for option in ("--from", "--to"):
            for text in ("-1", "0", "", "x", "1.5", "3x", " 3", "99999999999999999999"):
                self.check_refused(2, f'natledger: {option}: "{text}" is not a sequence, a whole '
                                      "number from 1", "cat", option, text, "/no/ledger")
        self.check_refused(2, "natledger: --from 4 is above --to 3",
                           "cat", "--from", "4", "--to", "3", "/no/ledger")

    def test_a_reader_that_goes_away(self):
        capture = self.write("c.pcap", capture_bytes(golden_messages(20) * 200))
        with subprocess.Popen([PROGRAM, "replay", capture], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            process.stdout.read(10)
            process.stdout.close()
            error = process.stderr.read().decode()
            process.wait()
        # As any filter: `natledger cat | head` ends quietly.
        self.assertEqual((process.returncode, error), (-signal.SIGPIPE, ""))

    # The fields.

    def test_fields(self):
        status, table, _ = self.run_it("fields")
        self.assertEqual(status, 0)
        keys = [line.split()[0] for line in table.splitlines()]
        self.assertIn("conntrack.public", keys)
        self.assertEqual(len(keys), len(set(keys)))
        _, markdown, _ = self.run_it("fields", "--format", "markdown")
        self.assertEqual(len(markdown.splitlines()), len(keys) + 2)
        _, template, _ = self.run_it("fields", "--format", "template")
        properties = json.loads(template)["properties"]
        for key in keys:
            self.assertIn("type", properties[key])
        aliases = {k: v["path"] for k, v in properties.items() if v["type"] == "alias"}
        self.assertEqual(aliases["source.ip"], "src_ip")
        self.assertTrue(set(aliases.values()) <= set(keys))
        _, sql, _ = self.run_it("fields", "--format", "sql")
        self.assertIn('  "src_ip" inet,\n', sql)


if __name__ == "__main__":
    unittest.main()
