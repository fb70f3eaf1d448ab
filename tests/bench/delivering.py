# SPDX-License-Identifier: GPL-2.0-or-later
"""What it takes to ship a record, of natledger-ship, of the tailers that people use, and at least.

All read the same lines and send them to the same sink, one after the other; what the sink takes is
not counted.
"""
import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import typing
import urllib.request

import agent
import generator
import ledger
import live
import measure
import questions
import shippers
import sides

SHIP = os.environ.get("NATLEDGER_SHIP", "")
SINK = os.environ.get("NATLEDGER_BULK_SINK", "")
PORT = 9400
PATIENCE_S = 600
BATCH, BATCH_BYTES = 5000, 5 << 20

OURS = """\
ledger: {{directory: {ledger}, state: {folder}/state}}
output.elasticsearch: {{hosts: ["http://127.0.0.1:{port}"], dedup: false,
  compression_level: {level}}}
"""
SYSLOG_NG = """\
@version: 3.38
options {{ stats-freq(0); log-msg-size(65536); }};
source ledger {{
  file("{ledger}/conntrack.json" flags(no-parse) follow-freq(0.1) log-fetch-limit(10000)
       log-iw-size(100000));
}};
destination output {{
  http(url("http://127.0.0.1:{port}/_bulk") method("POST") workers(1)
       headers("Content-Type: application/x-ndjson")
       batch-lines({batch}) batch-bytes({batch_bytes}) batch-timeout(1000)
       body("{{\\"create\\":{{}}}}\\n${{MESSAGE}}") delimiter("\\n") body-suffix("\\n"));
}};
log {{ source(ledger); destination(output); flags(flow-control); }};
"""
RSYSLOG = """\
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omelasticsearch")
template(name="line" type="string" string="%msg%")
ruleset(name="out" queue.type="LinkedList" queue.size="100000" queue.dequeuebatchsize="{batch}"
        queue.workerthreads="1") {{
  action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" template="line"
         searchIndex="sink" searchType="" bulkmode="on" maxbytes="5m" writeoperation="create"
         bulkid="" errorfile="{folder}/errors" action.resumeRetryCount="-1")
}}
input(type="imfile" file="{ledger}/conntrack.json" tag="conntrack" ruleset="out"
      freshStartTail="off")
"""


@contextlib.contextmanager
def made_ledger(lines):
    """One plain segment, on tmpfs."""
    folder = tempfile.mkdtemp(prefix="natledger-bench-", dir="/dev/shm")
    try:
        questions.maker("make", os.path.join(folder, "ledger"), lines, 1, 1)
        yield os.path.join(folder, "ledger")
    finally:
        shutil.rmtree(folder)


class Sink:
    """Counts the records that come, and the bytes that carry them."""

    def __init__(self, the_lab=None):
        self.start = functools.partial(the_lab.start, "router") if the_lab else (
            lambda *argv: subprocess.Popen(argv))

    def __enter__(self):
        self.process = self.start(SINK, "serve", str(PORT))
        agent.wait_for("the sink to listen", self._listens)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _listens(self):
        with contextlib.suppress(OSError):
            return self.counts() is not None
        return False

    @staticmethod
    def counts():
        """Records, and bytes."""
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/count", timeout=10) as answer:
            return json.loads(answer.read())


class SyslogNg(shippers.SyslogNg):
    CONFIG = SYSLOG_NG.replace("{port}", str(PORT)).replace("{batch}", str(BATCH)).replace(
        "{batch_bytes}", str(BATCH_BYTES))


class Rsyslog(shippers.Rsyslog):
    CONFIG = RSYSLOG.replace("{port}", str(PORT)).replace("{batch}", str(BATCH))


def shipped(lines, start):
    """What the process that `start` starts took a record, in us, and the bytes of a record on the
    wire: from its start until all has been acknowledged."""
    with Sink() as sink:
        process = start()
        try:
            agent.wait_for("all to be shipped", lambda: sink.counts()[0] >= lines, PATIENCE_S)
            # What it does behind the last answer.
            time.sleep(0.3)
            spent = measure.cpu_ns(process.pid)
        finally:
            process.kill()
            process.wait()
        records, wire = sink.counts()
        assert records == lines, (records, lines)
        return spent / lines / 1000, wire / lines


def ours(folder_of_lines, lines, level):
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "natledger.yaml")
        with open(config, "w", encoding="ascii") as file:
            file.write(OURS.format(ledger=folder_of_lines, folder=folder, port=PORT, level=level))
        return shipped(lines, lambda: subprocess.Popen([SHIP, "run", "--config", config],
                                                       stderr=subprocess.DEVNULL))


def theirs(kind, folder_of_lines, lines):
    with tempfile.TemporaryDirectory() as folder:
        def start():
            return kind(lambda *argv, **options: subprocess.Popen(argv, **options),
                        os.path.join(folder, "tailer"), folder_of_lines).process
        return shipped(lines, start)


def floor(folder_of_lines, lines, gzip):
    """Reading, framing and sending, and no more."""
    with Sink() as sink:
        argv = [SINK, "floor", os.path.join(folder_of_lines, "conntrack.json"), str(PORT)]
        cpu_s, _ = measure.run_cpu_s(argv + (["gzip"] if gzip else []))
        records, wire = sink.counts()
        assert records == lines, (records, lines)
        return cpu_s * 1e6 / lines, wire / lines


def count_lines(folder_of_lines):
    with open(os.path.join(folder_of_lines, "conntrack.json"), "rb") as file:
        return sum(1 for _ in file)


class Away(typing.NamedTuple):
    """A server that is not there while much is recorded, and then is."""
    waited: int             # records
    resident_early: int     # bytes of natledger-ship, with a tenth of them waiting
    resident_late: int      # and with all
    back_per_second: float  # delivered, while others came
    lost: int               # events, of those that the kernel caused


COMING = 5000  # events a second while it catches up
TO_SINK = (f'output.elasticsearch: {{hosts: ["http://127.0.0.1:{PORT}"], dedup: false, '
           "backoff: {max: 1s}}\n")


def away(events):
    with live.new_lab(events + events // 4) as the_lab:
        recorder = agent.Agent(the_lab)
        recorder.configure(TO_SINK)
        recorder.start()
        child = child_of(recorder)

        def churn(count, first, per_second):
            return generator.Generator(the_lab, "churn", count // 2, live=2500, batch=50,
                                       per_second=per_second // 2, first=first)
        caused = len(churn(events // 10, 1, 20_000).done())
        recorder.wait_written(PATIENCE_S)
        early = measure.resident_bytes(child)
        caused += len(churn(events - events // 10, 2**22, 20_000).done())
        recorder.wait_written(PATIENCE_S)
        late = measure.resident_bytes(child)
        waited = waiting(recorder)
        more = churn(COMING * 20, 2**23, COMING)
        rate = catch_up(the_lab, waited)
        caused += len(more.done())
        recorder.wait_written(PATIENCE_S)
        recorder.end()
        written = sum(sides.is_event_of_ours(line) for path in recorder.ledger.files()
                      for line in ledger.content_of(path).splitlines(keepends=True))
        return Away(waited, early, late, rate, caused - written)


def child_of(recorder):
    started = agent.wait_for("natledger-ship", lambda: re.search(
        r"started natledger-ship, process (\d+)", recorder.log()))
    return int(started.group(1))


def waiting(recorder):
    done = subprocess.run([SHIP, "status", "--json", "--for", "0", "--config", recorder.config],
                          capture_output=True, text=True, check=True)
    one, = json.loads(done.stdout)["destinations"]
    assert one["next"] == 1, one
    return one["waiting"]


def catch_up(the_lab, waited):
    """Records a second, from the first that comes to the last of those that waited."""
    with the_lab.inside("router"), Sink(the_lab) as sink:
        agent.wait_for("the first record", lambda: sink.counts()[0] > 0, PATIENCE_S)
        begun, before = time.monotonic(), sink.counts()[0]
        agent.wait_for("what waited", lambda: sink.counts()[0] >= waited, PATIENCE_S)
        return (sink.counts()[0] - before) / (time.monotonic() - begun)


class Shipping(sides.Natledger):
    """One whose ledger is shipped as it is written, into a sink beside it."""

    def __init__(self, the_lab, **options):
        self.sink = the_lab.start("router", SINK, "serve", str(PORT))
        super().__init__(the_lab, more=TO_SINK, **options)

    def stop(self):
        super().stop()
        self.sink.kill()
        self.sink.wait()


def shipped_or_not(the_lab, plain_first):
    return live.in_turn((lambda: Shipping(the_lab, name="shipping"),
                         lambda: sides.Natledger(the_lab, name="plain")), plain_first)
