# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of README.md, "Into Kibana", as they stand there: on the lab's router, against a
real Elasticsearch and a fake Kibana at the addresses that they name. Only the time that is asked
for is another."""
import json
import os
import re
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

import agent
import demo
import kibana
import servers
import traffic
from shipped import run
from waiting import wait_for

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "README.md")

PORT = 9365
STREAM = "logs-conntrack.nat-default"
USER = "elastic"
# What they write is nobody's but theirs: the namespace has its own mounts.
MOUNTS = """\
cp -a /etc "$0/etc" && mount --bind "$0/etc" /etc || exit 1
for there in /var/log /var/lib; do mount -t tmpfs none "$there" || exit 1; done
PATH=$0/bin:$PATH exec bash
"""
MOST_S = 300
STEPS = ("mkdir", "cat", "natledger setup elasticsearch", "natledger run", "natledger setup kibana",
         "natledger who", "natledger ship status")


def steps():
    """The commands, with their here-documents."""
    with open(README, encoding="utf-8") as file:
        section = file.read().partition("\n## Into Kibana\n")[2].partition("\n## ")[0]
    lines = iter(section.partition("\n```sh\n")[2].partition("\n```\n")[0].splitlines())
    for line in lines:
        end = re.search(r"<<'?(\w+)", line)
        while end and line.splitlines()[-1] != end.group(1):
            line += "\n" + next(lines)
        yield line


class Passage(socketserver.ThreadingTCPServer):
    """What connects to it in the lab is connected to a port of this host."""

    daemon_threads = allow_reuse_address = True

    def __init__(self, the_lab, port, to_port):
        with the_lab.inside("router"):
            super().__init__(("127.0.0.1", port), None)
        self.to_port = to_port
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        with socket.create_connection(("127.0.0.1", self.to_port)) as onward:
            back = threading.Thread(target=pump, args=(onward, request), daemon=True)
            back.start()
            pump(request, onward)
            back.join()

    def stop(self):
        self.shutdown()
        self.server_close()


def pump(source, sink):
    try:
        while some := source.recv(1 << 16):
            sink.sendall(some)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of them is gone, and the other hears of it


class Shell:
    """One, as root on the router, to which commands are given."""

    def __init__(self, the_lab, folder, environment):
        self.log_path = os.path.join(folder, "log")
        with open(self.log_path, "wb") as log:
            self.process = the_lab.start("router", "bash", "-c", MOUNTS, folder, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                         env={**os.environ, **environment})

    def status_and_output(self, command):
        mark = f"--{os.urandom(8).hex()}--"
        self.process.stdin.write(f"{command}\necho {mark} $?\n")
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            if line.startswith(mark):
                return int(line.split()[1]), "".join(said)
            said.append(line)
        raise AssertionError(f"the shell ended: {command}\n{self.log()}")

    def run(self, command):
        status, said = self.status_and_output(command)
        assert status == 0, f"{command}: exit {status}\n{said}{self.log()}"
        return said

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()[-3000:]


class FiveMinutes(unittest.TestCase):

    def setUp(self):
        self.server = servers.Elasticsearch(PORT, roles={}).make_elastic()
        self.addCleanup(self.server.remove)
        self.server.start()
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        passage = Passage(self.lab, 9200, PORT)
        self.addCleanup(passage.stop)
        with self.lab.inside("router"):
            self.kibana = kibana.Kibana(port=5601, user=f"{USER}:{servers.PASSWORD}")
        self.addCleanup(self.kibana.stop)
        self.shell = Shell(self.lab, self.make_folder(), self.printed_at_its_first_start())
        self.addCleanup(self.shell.process.stdout.close)
        self.addCleanup(self.shell.process.stdin.close)
        self.calls = traffic.Calls(self.lab)

    def make_folder(self):
        """With what is installed."""
        folder = tempfile.mkdtemp(prefix="natledger-five-")
        self.addCleanup(shutil.rmtree, folder)
        os.mkdir(os.path.join(folder, "bin"))
        for name in ("NATLEDGER", "NATLEDGER_SHIP"):
            program = os.environ[name]
            os.symlink(program, os.path.join(folder, "bin", os.path.basename(program)))
        return folder

    def printed_at_its_first_start(self):
        said = run("openssl", "x509", "-in", self.server.authority, "-noout", "-fingerprint",
                   "-sha256")
        return {"ES_PASSWORD": servers.PASSWORD,
                "ES_FINGERPRINT": said.strip().partition("=")[2].replace(":", "").lower()}

    def waiting(self):
        """How many records are; None where nothing is known yet."""
        status, said = self.shell.status_and_output("natledger ship status --json --for 0")
        found = json.loads(said)["destinations"] if status == 0 else ()
        return found[0]["waiting"] if found else None

    def records(self):
        status, said = self.shell.status_and_output("natledger cat")
        return status == 0 and '"coverage-resume"' in said

    def call_somebody(self):
        """Its time, when it is in the record with as much around it as `who` looks at."""
        wait_for("the agent to record", self.records)
        self.calls.open(demo.ARTICLE)
        self.addCleanup(self.calls.close, demo.ARTICLE.name)
        time.sleep(demo.SKEW_S + 1)
        at = agent.utc(time.time_ns())
        time.sleep(demo.SKEW_S + 1)
        return at

    def test_the_commands_of_the_readme(self):
        commands = list(steps())
        self.assertEqual([name for name, command in zip(STEPS, commands)
                          if command.startswith(name)], list(STEPS))
        self.assertEqual(len(commands), len(STEPS))
        begun, said = time.monotonic(), {}
        for name, command in zip(STEPS, commands):
            if name == "natledger who":
                at = self.call_somebody()
                command, count = re.subn(r"(?<=--at )\S+", at, command)
                self.assertEqual(count, 1)
            said[name] = self.shell.run(command)
        took = time.monotonic() - begun
        self.check_setup(said)
        self.check_answer(said["natledger who"])
        self.check_shipped()
        self.assertLess(took, MOST_S)
        print(f"\n{self.server.name}: the commands of the README took {took:.0f} s\n"
              + said["natledger who"], end="")

    def check_setup(self, said):
        for made in ("component template conntrack-nat@mappings: made",
                     "index template logs-conntrack.nat: made"):
            self.assertIn(made, said["natledger setup elasticsearch"])
        self.assertIn(("dashboard", "natledger-attribution"), self.kibana.objects)
        self.assertEqual(said["natledger setup kibana"],
                         f"{len(self.kibana.objects)} saved objects imported\n")
        self.assertIn("elasticsearch", said["natledger ship status"])

    def check_answer(self, said):
        self.assertIn("192.168.1.129", said)
        link = re.search(r"http://localhost:5601/\S+", said).group(0)
        self.assertIn('conntrack.public:"1.2.3.4:53500"', urllib.parse.unquote(link))
        dashboard = re.search(r"/view/([^?]+)", link).group(1)
        self.assertIn(("dashboard", dashboard), self.kibana.objects)

    def check_shipped(self):
        """All of it, and what the link asks for."""
        wait_for("everything to be shipped", lambda: self.waiting() == 0, 60)
        self.assertTrue(json.loads(self.shell.run("natledger ship audit --json"))["whole"])
        found = self.server.call("POST", f"/{STREAM}/_search", {
            "query": {"term": {"conntrack.public": "1.2.3.4:53500"}}})["hits"]["hits"]
        self.assertEqual([hit["_source"]["conntrack.inside"] for hit in found],
                         ["192.168.1.129:53400"])


if __name__ == "__main__":
    unittest.main()
