# SPDX-License-Identifier: GPL-2.0-or-later
"""`who` against an oracle, on a made-up ledger: with indexes, without, and with some of them.

    who_oracle_test.py [--questions 1000] [--lines 100000] [--segments 8]
"""
import argparse
import datetime
import glob
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

from lookup import oracle

PROGRAM = os.environ["NATLEDGER"]
MAKER = os.environ["NATLEDGER_MADE_LEDGER"]
STEP_BYTES = 64 << 10  # of the active segment less than that is read line by line
OPTIONS = argparse.Namespace(questions=1000, lines=100_000, segments=8, seed=1)


def time_text(micros):
    day, rest = divmod(micros, 86400 * oracle.US)
    seconds, fraction = divmod(rest, oracle.US)
    return (f"{datetime.date.fromordinal(day)}T{seconds // 3600:02}:{seconds // 60 % 60:02}:"
            f"{seconds % 60:02}.{fraction:06}Z")


def end_text(address, port):
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Question:
    """One that is likely to be hard: near the edge of a flow or of a hole."""

    def __init__(self, chance, truth):
        flow = chance.choice(truth.flows)
        side = chance.choice(flow.sides)
        self.address, self.port = side.address, side.port
        self.remote = self.remote_port = self.protocol = None
        self.skew_s = chance.choice([0, 2, 2, 2, 60])
        begin = flow.latest.start or flow.first.at
        end = flow.latest.end or begin + 3600 * oracle.US
        near = chance.randint(-5 * oracle.US, 5 * oracle.US)
        self.at = chance.choice([begin + near, end + near, chance.randint(*sorted((begin, end))),
                                 begin + chance.randint(0, 86400) * oracle.US])
        if chance.random() < 0.1:
            self.at = chance.choice(chance.choice(truth.coverage.holes)) + near
        if chance.random() < 0.05:
            self.port = None
        if chance.random() < 0.05:
            self.address = "5.6.7.8"
        if chance.random() < 0.3:
            self.remote = side.remote
            if chance.random() < 0.7 and flow.latest.protocol != 1:
                self.remote_port = side.remote_port
        if chance.random() < 0.2:
            self.protocol = chance.choice([6, 17, 1, flow.latest.protocol])

    def arguments(self):
        remote = end_text(self.remote, self.remote_port) if self.remote else ""
        return [end_text(self.address, self.port), time_text(self.at), f"{self.skew_s}s",
                "" if self.protocol is None else str(self.protocol), remote]

    def truth(self, truth):
        return truth.ask(self.address, self.port, self.at, self.skew_s * oracle.US, self.protocol,
                         self.remote, self.remote_port)


def made(*arguments, **options):
    return subprocess.run([MAKER, *map(str, arguments)], check=True, text=True,
                          stdout=subprocess.PIPE, **options).stdout


def lose_lines(directory):
    """In the middle of a segment and at the end of another, as a bad disk may."""
    sealed = sorted(glob.glob(os.path.join(directory, "conntrack-*.json")))
    for path, begin, count in ((sealed[1], 0.5, 3), (sealed[2], 1, 40)):
        with open(path, "rb") as file:
            lines = file.readlines()
        first = min(int(len(lines) * begin), len(lines) - count)
        del lines[first:first + count]
        with open(path, "wb") as file:
            file.writelines(lines)


class WhoOracle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.ledger = os.path.join(folder.name, "ledger")
        made("make", cls.ledger, OPTIONS.lines, OPTIONS.segments, OPTIONS.seed)
        lose_lines(cls.ledger)
        made("archive", cls.ledger, OPTIONS.segments - 2)
        made("index", cls.ledger, STEP_BYTES)
        cls.truth = oracle.Oracle(cls.ledger)
        chance = random.Random(OPTIONS.seed)
        cls.questions = [Question(chance, cls.truth) for _ in range(OPTIONS.questions)]
        cls.expected = [question.truth(cls.truth) for question in cls.questions]

    def check(self, count, way):
        """The first so many questions, in one process; through indexes, line by line, or either."""
        questions = self.questions[:count]
        asked = "".join("\t".join(question.arguments()) + "\n" for question in questions)
        answers = made("ask", self.ledger, way, input=asked).splitlines()
        self.assertEqual(len(answers), len(questions))
        for question, expected, text in zip(questions, self.expected, answers):
            answer = json.loads(text)
            got = (answer["exit"], sorted(flow["flow.id"] for flow in answer["flows"]),
                   answer["covered"])
            self.assertEqual(got, expected, question.arguments())

    def test_the_questions_are_worth_asking(self):
        statuses = [status for status, _, _ in self.expected]
        for status in (0, 1, 3, 4, 5):
            self.assertGreater(statuses.count(status), len(statuses) / 100, status)
        self.assertGreater(len(glob.glob(os.path.join(self.ledger, "*.zst"))), 3)

    def test_1_through_the_indexes(self):
        self.assertEqual(len(glob.glob(os.path.join(self.ledger, "*.idx"))), OPTIONS.segments)
        self.check(len(self.questions), "index")

    def test_2_the_command_itself(self):
        for question, expected in list(zip(self.questions, self.expected))[:20]:
            address, at, skew, protocol, remote = question.arguments()
            command = [PROGRAM, "who", address, "--at", at, "--skew", skew, "--json", "--ledger",
                       self.ledger]
            command += ["--protocol", protocol] if protocol else []
            command += ["--remote", remote] if remote else []
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, expected[0], command)

    def test_3_with_tables_and_indexes_missing_or_damaged(self):
        indexes = sorted(glob.glob(os.path.join(self.ledger, "*.idx")))
        tables = sorted(glob.glob(os.path.join(self.ledger, "*.open")))
        few = min(max(len(self.questions) // 200, 5), 20)  # all lines are read for each
        os.unlink(tables[-1])  # the one before it stands for it, and more lines are read
        self.check(4 * few, "index")
        with open(indexes[1], "r+b") as file:
            file.seek(100)
            file.write(b"damaged")
        self.check(few, "any")
        for path in indexes + tables[:-1]:
            os.unlink(path)
        self.check(few, "lines")
        self.check(few, "any")
        made("index", self.ledger, STEP_BYTES)
        self.check(len(self.questions), "index")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in vars(OPTIONS).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(argv=sys.argv[:1] + rest)


if __name__ == "__main__":
    main()
