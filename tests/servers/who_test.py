# SPDX-License-Identifier: GPL-2.0-or-later
"""`who` asked of real servers: what it says is what the ledgers say that were shipped to them."""
import glob
import json
import multiprocessing.pool
import os
import random
import shutil
import subprocess
import tempfile
import unittest

import servers
from lookup import oracle
from lookup.who_oracle_test import Question, lose_lines, made
from ship_program import PROGRAM, Ship

TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))
QUESTIONS = 100 * TIMES
LINES = 6000 * TIMES
NATLEDGER = os.environ["NATLEDGER"]
STREAM = "logs-conntrack.nat-default"
PATIENCE_S = 180
VERDICTS = ("one-host", "nobody", None, "several-hosts", "cannot-say", "one-host-not-sure")


def run(*argv, status=0):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == status, (argv, done.returncode, done.stdout, done.stderr)
    return done


class Ledger:
    """A made-up ledger with lines missing, its questions, and what it answers itself."""

    def __init__(self, folder, seed, replace=()):
        self.directory = os.path.join(folder, f"ledger-{seed}")
        made("make", self.directory, LINES, 4, seed)
        for path in glob.glob(os.path.join(self.directory, "conntrack*.json")):
            self.change(path, replace)
        lose_lines(self.directory)
        made("archive", self.directory, 2)
        made("index", self.directory, 64 << 10)
        self.truth = oracle.Oracle(self.directory)
        records = [json.loads(line) for line in oracle.read_lines(self.directory)]
        self.id = records[0]["event.id"].split("-")[0]
        self.addresses = {oracle.split_end(end)[0] for record in records
                          for end in record.get("conntrack.public", ())}

    @staticmethod
    def change(path, replace):
        with open(path, encoding="ascii") as file:
            text = file.read()
        for before, after in replace:
            text = text.replace(before, after)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def questions(self, chance, count):
        return [Question(chance, self.truth) for _ in range(count)]

    def answers(self, questions):
        asked = "".join("\t".join(question.arguments()) + "\n" for question in questions)
        return [json.loads(line)
                for line in made("ask", self.directory, "any", input=asked).splitlines()]


def combined(answers, listing):
    """The exit status that several gateways' answers come to."""
    hosts = {(i, flow["host"], flow["zone"]) for i, answer in enumerate(answers)
             for flow in answer["flows"]}
    certain = any(flow["doubt"] is None for answer in answers for flow in answer["flows"])
    covered = all(answer["covered"] for answer in answers)
    if len(hosts) > 1:
        return 3
    if listing:
        return 0 if covered and (certain or not hosts) else 4
    if not hosts:
        return 1 if covered else 4
    return 0 if covered and certain else 5


class OneServer:
    """What has to hold on each; the classes below say which one."""

    setup_user = ship_user = who_user = admin = None

    @classmethod
    def setUpClass(cls):
        cls.server = cls.make_server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        cls.folder = tempfile.mkdtemp(prefix="natledger-asked-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.first = Ledger(cls.folder, 7)
        # Of the same addresses, under the same name; and of others.
        cls.second = Ledger(cls.folder, 8)
        cls.third = Ledger(cls.folder, 9, [('"1.2.3.', '"1.2.9.'), ('"gw1"', '"gw3"')])
        cls.ledgers = [cls.first, cls.second, cls.third]
        run(PROGRAM, "setup", "elasticsearch", "--config", cls.configure("setup", cls.setup_user))
        cls.asking = cls.configure("asking", cls.who_user)
        print(f"\n{cls.server.name}")

    @classmethod
    def configure(cls, name, user, ledger=None, stream=STREAM, url=None, drop="[]"):
        options = [f'hosts: ["{url or cls.server.url}"]', "flush_interval: 100ms", "timeout: 10s",
                   f"data_stream: {stream}", f"drop_fields: {drop}"]
        if user:
            options += [f"username: {user}", f"password: {servers.PASSWORD}"]
        if cls.server.authority:
            options.append(f"ssl: {{certificate_authorities: {cls.server.authority}}}")
        directory = ledger or os.path.join(cls.folder, "none")
        state = f"{directory}/state"
        os.makedirs(state, exist_ok=True)
        path = os.path.join(cls.folder, f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"ledger: {{directory: {directory}, state: {state}}}\n"
                       f"output.elasticsearch: {{{', '.join(options)}}}\n")
        return path

    def ship(self, ledger, user, stream=STREAM, drop="[]"):
        config = self.configure("shipping", user, ledger, stream, drop=drop)
        shipper = Ship(config, os.path.join(self.folder, "log"), patience_s=PATIENCE_S)
        self.addCleanup(shipper.kill)
        shipper.start()
        shipper.wait_delivered()
        shipper.stop()
        self.server.call("POST", f"/{stream}/_refresh")

    def command(self, question, *more, config=None):
        address, at, skew, protocol, remote = question.arguments()
        command = [NATLEDGER, "who", address, "--at", at, "--skew", skew, "--source",
                   "elasticsearch", "--config", config or self.asking, *more]
        command += ["--protocol", protocol] if protocol else []
        return command + (["--remote", remote] if remote else [])

    def ask(self, question, *more, config=None):
        done = subprocess.run(self.command(question, "--json", *more, config=config),
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "", question.arguments())
        answer = json.loads(done.stdout)
        self.assertEqual(answer["exit"], done.returncode)
        self.assertEqual(answer["verdict"], VERDICTS[done.returncode])
        return answer

    def ask_all(self, questions, *more, config=None):
        with multiprocessing.pool.ThreadPool(2) as pool:
            return pool.map(lambda question: self.ask(question, *more, config=config), questions)

    def check_same(self, questions, asked, told):
        """The servers' answers and a ledger's: not only the verdict, all of them."""
        for question, answer, expected in zip(questions, asked, told):
            gateways = answer.pop("gateways")
            self.assertTrue(answer.pop("source").startswith(self.server.url))
            self.assertEqual(len(gateways), 1)
            self.assertEqual(answer, expected, question.arguments())

    def check_worth(self, answers):
        statuses = [answer["exit"] for answer in answers]
        for status in (0, 1, 3, 4, 5):
            self.assertGreater(statuses.count(status), 0, status)

    def test_1_one_gateway(self):
        self.ship(self.first.directory, self.ship_user)
        questions = self.first.questions(random.Random(1), QUESTIONS)
        told = self.first.answers(questions)
        self.check_worth(told)
        self.check_same(questions, self.ask_all(questions), told)
        print(f"{len(questions)} questions: what the ledger answers")

    def test_2_three_gateways(self):
        self.ship(self.second.directory, self.ship_user)
        self.server.call("POST", f"/{STREAM}/_rollover")
        self.ship(self.third.directory, self.ship_user)
        chance = random.Random(2)
        for ledger in self.ledgers:
            questions = ledger.questions(chance, QUESTIONS // 10)
            asked = self.ask_all(questions, "--gateway", ledger.id)
            self.check_same(questions, asked, ledger.answers(questions))
        questions = self.third.questions(chance, 5)
        asked = self.ask_all(questions, "--gateway", "gw3")
        self.check_same(questions, asked, self.third.answers(questions))
        self.check_together(chance)

    def check_together(self, chance):
        """Each gateway that had the address counts, and no other."""
        questions = [question for ledger in self.ledgers
                     for question in ledger.questions(chance, QUESTIONS // 10)]
        told = [ledger.answers(questions) for ledger in self.ledgers]
        alone = several = 0
        for i, (question, answer) in enumerate(zip(questions, self.ask_all(questions))):
            behind = [k for k, ledger in enumerate(self.ledgers)
                      if question.address in ledger.addresses] or range(len(self.ledgers))
            those = [told[k][i] for k in behind]
            self.assertEqual(sorted(gateway["ledger"] for gateway in answer["gateways"]),
                             sorted(self.ledgers[k].id for k in behind))
            self.assertEqual(answer["exit"], combined(those, question.port is None),
                             question.arguments())
            self.assertEqual(sorted(flow["flow.id"] for flow in answer["flows"]),
                             sorted(flow["flow.id"] for each in those for flow in each["flows"]))
            alone += len(those) == 1
            several += len(those) > 1
        self.assertGreater(alone, 0)
        self.assertGreater(several, 0)
        print(f"{len(questions)} questions to three gateways in one index, {several} of them to "
              "several at once: what their ledgers answer together")

    def test_3_what_is_not_shipped_is_not_covered(self):
        """The server has the first lines and some of the next, as amid a batch."""
        lines = list(oracle.read_lines(self.first.directory))
        # It ends with a line that is older than the heartbeat before it, and a hole begins so.
        older = self.after_heartbeats(lines)
        hole, end = older[len(older) // 2], older[-1]
        self.assertLess(hole + 50, end)
        # Beyond 300 holes the server is asked for less, and each may begin earlier.
        some = lines[:hole + 1] + [line for i, line in enumerate(lines[hole + 2:end + 1])
                                   if i % (50 * TIMES) != 0 or i == end - hole - 2]
        cut = os.path.join(self.folder, "cut")
        os.makedirs(cut)
        with open(os.path.join(cut, "conntrack.json"), "wb") as file:
            file.writelines(line + b"\n" for line in some)
        stream = "logs-conntrack.nat-cut"
        self.ship(cut, self.admin, stream)
        config = self.configure("asking-cut", self.admin, stream=stream)
        questions = self.first.questions(random.Random(3), QUESTIONS // 5)
        asked = "".join("\t".join(question.arguments()) + "\n" for question in questions)
        told = [json.loads(line) for line in made("ask", cut, "lines", input=asked).splitlines()]
        asked = self.ask_all(questions, config=config)
        self.assertGreater(sum(answer["exit"] == 4 for answer in asked), len(asked) / 10)
        self.check_same(questions, asked, told)

    @staticmethod
    def after_heartbeats(lines):
        """Where a line tells of an earlier time than the heartbeat before it."""
        records = [json.loads(line) for line in lines]
        return [i for i in range(1, len(records))
                if records[i - 1]["event.action"] == "heartbeat"
                and records[i]["@timestamp"] < records[i - 1]["@timestamp"]]

    def test_4_where_it_cannot_look(self):
        question = self.first.questions(random.Random(4), 1)[0]
        away = self.configure("away", self.who_user, url=f"http://127.0.0.1:{self.server.port + 5}")
        done = run(*self.command(question, config=away), status=6)
        self.assertEqual(done.stdout, "")
        self.assertIn(f"ask http://127.0.0.1:{self.server.port + 5}/{STREAM}: ", done.stderr)
        self.assertIn("onnect", done.stderr)
        done = run(*self.command(question, "--gateway", "gw2"), status=6)
        self.assertIn('it has no gateway "gw2"', done.stderr)
        nothing = self.configure("nothing", self.admin, stream="logs-none-x")
        done = run(*self.command(question, config=nothing), status=6)
        self.assertIn("see output.elasticsearch.data_stream", done.stderr)
        empty = os.path.join(self.folder, "empty.yaml")
        with open(empty, "w", encoding="utf-8") as file:
            file.write(f"ledger: {{state: {self.folder}}}\n")
        done = run(*self.command(question, config=empty), status=2)
        self.assertIn("no output.elasticsearch", done.stderr)
        run(*self.command(question, "--skew", "soon"), status=2)

    def test_4_where_records_lack_what_finds_them(self):
        question = self.first.questions(random.Random(4), 1)[0]
        for number, drop in enumerate(("[reply.ip.daddr.str]", "[orig.l4.sport]", "[event.end]")):
            less = os.path.join(self.folder, f"less-{number}")
            os.makedirs(less)
            with open(os.path.join(less, "conntrack.json"), "wb") as file:
                file.writelines(line + b"\n"
                                for line in list(oracle.read_lines(self.first.directory))[:200])
            stream = f"logs-conntrack.nat-less{number}"
            self.ship(less, self.admin, stream, drop)
            config = self.configure("asking-less", self.admin, stream=stream)
            done = run(*self.command(question, config=config), status=6)
            self.assertIn("flows there lack keys by which they are found", done.stderr)

    def test_5_each_question_is_in_the_audit_log(self):
        question = self.first.questions(random.Random(5), 1)[0]
        answer = self.ask(question, "--case", "4711")
        with open(os.path.join(self.folder, "none", "state", "audit.json"),
                  encoding="utf-8") as file:
            line = json.loads(file.readlines()[-1])
        self.assertEqual((line["case"], line["verdict"], line["source"]),
                         ("4711", answer["verdict"], f"{self.server.url}/{STREAM}"))


class NewestElasticsearch(OneServer, unittest.TestCase):
    """With security on: who asks may do nothing else."""

    setup_user, ship_user, who_user = "natledger_setup", "natledger_ship", "natledger_who"
    admin = servers.ADMIN
    port, version = 9331, None

    @classmethod
    def make_server(cls):
        roles = json.loads(run(PROGRAM, "setup", "elasticsearch", "--print-role").stdout)
        return servers.Elasticsearch(cls.port, cls.version, roles=roles)

    def test_6_without_the_right_to_ask(self):
        question = self.first.questions(random.Random(6), 1)[0]
        shipping = self.configure("shipper", self.ship_user)
        done = run(*self.command(question, config=shipping), status=6)
        self.assertIn("the role natledger_who of natledger-ship setup elasticsearch", done.stderr)


@servers.of_all()
class OpenSearch2WithSecurity(NewestElasticsearch):
    """Its rights have names of their own."""

    @classmethod
    def make_server(cls):
        roles = json.loads(run(PROGRAM, "setup", "elasticsearch", "--print-role", "--server",
                               "opensearch").stdout)
        return servers.OpenSearch(9339, roles=roles)


@servers.of_all()
class Elasticsearch8(NewestElasticsearch):

    port, version = 9335, servers.ELASTICSEARCH_8


class OpenSearch2(OneServer, unittest.TestCase):

    port, version = 9333, servers.OPENSEARCH_2

    @classmethod
    def make_server(cls):
        return servers.OpenSearch(cls.port, cls.version)


@servers.of_all(java_from=21)
class OpenSearch3(OpenSearch2):

    port, version = 9337, servers.OPENSEARCH_3


if __name__ == "__main__":
    unittest.main()
