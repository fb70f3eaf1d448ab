# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's ulogd2 in the router's namespace, writing a line of JSON for each event."""
import glob
import os

import agent
import lab

CONFIG = """\
[global]
logfile="{folder}/ulogd.log"
{plugins}
stack=events:NFCT,addresses:IP2STR,lines:JSON

[events]
hash_enable=0
event_mask=5
{buffers}

[lines]
file="{output}"
sync=1
"""
LARGE_BUFFERS = """\
netlink_socket_buffer_size=16777216
netlink_socket_buffer_maxsize=33554432"""
PLUGINS = ("ulogd_inpflow_NFCT.so", "ulogd_filter_IP2STR.so", "ulogd_output_JSON.so")
NETLINK_NETFILTER = 12


def find_plugin(name):
    found = glob.glob(f"/usr/lib/*/ulogd/{name}")
    if not found:
        raise lab.LabError(f"ulogd2's {name} is not installed (apt install ulogd2 ulogd2-json)")
    return found[0]


class Ulogd:
    """Debian's own settings but for the buffers, and for where it writes."""

    def __init__(self, the_lab, large_buffers=True, output_folder=None):
        self.lab = the_lab
        self.folder = os.path.join(the_lab.folder, "ulogd")
        os.mkdir(self.folder)
        self.output = os.path.join(output_folder or self.folder, "ulogd.json")
        plugins = "\n".join(f'plugin="{find_plugin(name)}"' for name in PLUGINS)
        config = os.path.join(self.folder, "ulogd.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG.format(folder=self.folder, output=self.output, plugins=plugins,
                                     buffers=LARGE_BUFFERS if large_buffers else ""))
        self.process = the_lab.start("router", "ulogd", "-c", config)
        agent.wait_for("ulogd2 to listen", self._listens)

    def _listens(self):
        """Whether its socket is in some multicast group."""
        if self.process.poll() is not None:
            raise AssertionError(f"ulogd2 ended: {self.log()}")
        sockets = self.lab.call("router", "cat", "/proc/net/netlink").stdout.splitlines()[1:]
        for fields in map(str.split, sockets):
            protocol, port_id, groups = fields[1:4]
            if int(protocol) == NETLINK_NETFILTER and int(port_id) == self.process.pid:
                return int(groups, 16) != 0
        return False

    def log(self):
        with open(os.path.join(self.folder, "ulogd.log"), encoding="utf-8") as log:
            return log.read()

    def lines(self):
        with open(self.output, encoding="utf-8") as lines:
            return [line[:-1] for line in lines if line.endswith("\n")]

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=10)
        assert status == 0, (status, self.log())
        assert "losing events" not in self.log(), self.log()
