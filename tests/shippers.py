# SPDX-License-Identifier: GPL-2.0-or-later
"""rsyslog and syslog-ng as tailers of a ledger, writing the lines that they read into a file.

Debian's own, unpacked by scripts/install-dependencies: they exclude each other.
"""
import os
import subprocess

UNPACKED = "/opt/natledger-tests"
LIBRARIES = os.path.join(UNPACKED, "syslog-ng-core/usr/lib/syslog-ng")

RSYSLOG = """\
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
template(name="line" type="string" string="%msg%\\n")
ruleset(name="out" queue.type="Direct") {{
  action(type="omfile" file="{output}" template="line")
}}
input(type="imfile" file="{ledger}/conntrack.json" tag="conntrack" ruleset="out"
      freshStartTail="off")
"""

SYSLOG_NG = """\
@version: 3.38
options {{ stats-freq(0); log-msg-size(65536); }};
source ledger {{
  file("{ledger}/conntrack.json" flags(no-parse) follow-freq(0.1) log-fetch-limit(1000)
       log-iw-size(10000));
}};
destination output {{ file("{output}" template("${{MESSAGE}}\\n")); }};
log {{ source(ledger); destination(output); flags(flow-control); }};
"""


class Shipper:
    """`start`, as Lab.start(), runs it, and ends it."""

    def __init__(self, start, folder, ledger_folder):
        os.mkdir(folder)
        self.output = os.path.join(folder, "output")
        config = os.path.join(folder, "config")
        with open(config, "w", encoding="ascii") as file:
            file.write(self.configuration(folder, ledger_folder))
        self.log_path = os.path.join(folder, "log")
        with open(self.log_path, "wb") as log:
            self.process = start(*self.command(folder, config), stdout=log,
                                 stderr=subprocess.STDOUT)

    def configuration(self, folder, ledger_folder):
        return self.CONFIG.format(folder=folder, output=self.output, ledger=ledger_folder)

    def lines(self):
        """What it has written by now."""
        if not os.path.exists(self.output):
            return []
        with open(self.output, encoding="utf-8") as file:
            return file.read().split("\n")[:-1]

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()


class Rsyslog(Shipper):
    CONFIG = RSYSLOG

    def command(self, folder, config):
        usr = os.path.join(UNPACKED, "rsyslog/usr")
        return [f"{usr}/sbin/rsyslogd", "-n", "-f", config, "-i", os.path.join(folder, "pid"),
                "-M", f"{usr}/lib/x86_64-linux-gnu/rsyslog"]


class SyslogNg(Shipper):
    CONFIG = SYSLOG_NG

    def command(self, folder, config):
        usr = os.path.join(UNPACKED, "syslog-ng-core/usr")
        path = f"{usr}/lib/syslog-ng:{usr}/lib/x86_64-linux-gnu"
        return ["env", f"LD_LIBRARY_PATH={path}", f"{usr}/sbin/syslog-ng", "-F", "--no-caps",
                "-f", config, "-R", os.path.join(folder, "persist"),
                "-p", os.path.join(folder, "pid"), "-c", os.path.join(folder, "control"),
                "--module-path", f"{usr}/lib/syslog-ng/3.38"]
