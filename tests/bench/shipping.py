# SPDX-License-Identifier: GPL-2.0-or-later
"""What it takes to ship a record, of natledger-ship, of the tailers that people use, and at least.

All read the same lines and send them to the same sink, one after the other; what the sink takes is
not counted.
"""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

import agent
import measure
import questions
import shippers

SHIP = os.environ.get("NATLEDGER_SHIP", "")
SINK = os.environ.get("NATLEDGER_BULK_SINK", "")
PORT = 9400
PATIENCE_S = 600
BATCH, BATCH_BYTES = 5000, 5 << 20

OURS = """\
ledger: {{directory: {ledger}, state: {folder}/state}}
output.elasticsearch: {{hosts: ["http://127.0.0.1:{port}"], dedup: false, compression_level: {level}}}
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

    def __enter__(self):
        self.process = subprocess.Popen([SINK, "serve", str(PORT)])
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


def ours(ledger, lines, level):
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "natledger.yaml")
        with open(config, "w", encoding="ascii") as file:
            file.write(OURS.format(ledger=ledger, folder=folder, port=PORT, level=level))
        return shipped(lines, lambda: subprocess.Popen([SHIP, "run", "--config", config],
                                                       stderr=subprocess.DEVNULL))


def theirs(kind, ledger, lines):
    with tempfile.TemporaryDirectory() as folder:
        def start():
            return kind(lambda *argv, **options: subprocess.Popen(argv, **options),
                        os.path.join(folder, "tailer"), ledger).process
        return shipped(lines, start)


def floor(ledger, lines, gzip):
    """Reading, framing and sending, and no more."""
    with Sink() as sink:
        argv = [SINK, "floor", os.path.join(ledger, "conntrack.json"), str(PORT)]
        cpu_s, _ = measure.run_cpu_s(argv + (["gzip"] if gzip else []))
        records, wire = sink.counts()
        assert records == lines, (records, lines)
        return cpu_s * 1e6 / lines, wire / lines


def count_lines(ledger):
    with open(os.path.join(ledger, "conntrack.json"), "rb") as file:
        return sum(1 for _ in file)
