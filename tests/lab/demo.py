# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts/demo shows, once the program is built."""
import contextlib
import json
import signal
import sys
import threading
import time

import agent
import lab
import traffic
from traffic import TCP, Dial

ARTICLE = Dial("article", TCP, "client", 53400, ("19.1.16.7", 443), "server", ("19.1.16.7", 443))
# Two clients that want the same port. Towards two remote ends both get it, and only these tell them
# apart; towards one, the second gets another.
SAME_PORT = [Dial("first", TCP, "client", 50000, ("19.1.16.7", 80), "server", ("19.1.16.7", 80)),
             Dial("second", TCP, "client2", 50000, ("19.1.16.7", 81), "server", ("19.1.16.7", 81)),
             Dial("third", TCP, "client2", 50000, ("19.1.16.7", 80), "server", ("19.1.16.7", 80))]
SKEW_S = 2

TRANSLATIONS = {"none": "", "snat": "source translated", "dnat": "destination translated",
                "both": "both ends translated"}


def say(text=""):
    print(text, flush=True)


def step(text):
    say(f"\n== {text}")


def record_line(record):
    """One record, short."""
    transport = record.get("network.transport", record.get("orig.ip.protocol"))
    inside, public = record.get("conntrack.inside"), record.get("conntrack.public", [])
    kind = TRANSLATIONS[record["conntrack.nat.kind"]]
    text = (f"  {record['event.action']:<11} {transport:<9} {inside} seen as {', '.join(public)}"
            f"{f' ({kind})' if kind else ''}")
    if "flow.duration.sec" in record:
        text += f", {record['flow.duration.sec']} s"
    return text


class Follower:
    """Shows the records of a ledger as they are written."""

    def __init__(self, path):
        self.path = path
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with open(self.path, encoding="utf-8") as file:
            rest = ""
            while True:
                last = self.stopping.is_set()
                rest += file.read()
                *lines, rest = rest.split("\n")
                for record in map(json.loads, lines):
                    if record["event.kind"] == "event":
                        say(record_line(record))
                if last:
                    return
                time.sleep(0.05)

    def stop(self):
        self.stopping.set()
        self.thread.join()


def ask(the_agent, *question):
    say(f"\n$ natledger who {' '.join(question)}")
    status, text = the_agent.who(*question)
    say("\n".join("  " + line for line in text.rstrip().split("\n")))
    say(f"  (exit status {status})")


def send_traffic(the_lab, calls):
    calls.open(ARTICLE)
    for dial in SAME_PORT:
        calls.open(dial)
    for dial in traffic.DIALS:
        if dial.name in ("tcp dnat", "udp snat", "tcp6 none", "tcp6 snat"):
            calls.open(dial)
    traffic.ping(the_lab, "client", "19.1.16.7")
    traffic.ping(the_lab, "client", "2001:db8:2::9")


def show(the_lab):
    step("A NAT router (1.2.3.4) with two clients behind it and a server before it")
    say("  client 192.168.1.129 and client2 192.168.2.130 -> router 1.2.3.4 -> server 19.1.16.7")
    the_agent = agent.Agent(the_lab).start()
    with open(the_agent.log_path, encoding="utf-8") as log:
        say("".join("  " + line for line in log).rstrip())

    step("Traffic: TCP, UDP, ICMP, IPv6, a port forward, two clients that want the same port")
    follower = Follower(the_agent.ledger.active)
    with traffic.Calls(the_lab) as calls:
        send_traffic(the_lab, calls)
        the_agent.wait_written()
        time.sleep(SKEW_S + 1)  # within whole seconds, and the skew inside the record
        at = agent.utc(time.time_ns() // 10**9 * 10**9)
        step("One record: ulogd2's own line, and ours after it")
        line = next(line for line in the_agent.ledger.lines() if '"192.168.1.129:53400"' in line)
        say("  " + line)

        step("Somebody saw 1.2.3.4 port 53500. Who was that?")
        ask(the_agent, "1.2.3.4:53500", "--at", at)
        step("Two hosts behind one port at the same time; the remote end decides")
        ask(the_agent, "1.2.3.4:50000", "--at", at)
        ask(the_agent, "1.2.3.4:50000", "--at", at, "--remote", "19.1.16.7:81")
    step("The flows end")
    the_lab.call("router", "conntrack", "-F")
    the_agent.wait_written()
    follower.stop()

    step("The agent is away for a second. What happened meanwhile it does not claim to know")
    the_agent.stop()
    in_gap = time.time_ns()
    time.sleep(1)
    the_agent.start()
    ask(the_agent, "1.2.3.4:60000", "--at", agent.utc(in_gap), "--skew", "100ms")
    the_agent.stop()
    step("All is taken down again")


def main():
    # Ctrl-C and a kill unwind, so that the lab is taken down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        the_lab = lab.Lab()
        with contextlib.ExitStack() as stack:
            stack.callback(the_lab.down)
            show(the_lab)
    except lab.LabError as failure:
        sys.exit(f"demo: {failure}")
    except KeyboardInterrupt:
        sys.exit("demo: stopped; all is taken down")


if __name__ == "__main__":
    main()
