# SPDX-License-Identifier: GPL-2.0-or-later
"""conntrack(8): the table as the tool that everybody knows shows it."""
import glob
import re

import agent

# What counts down or up, or how often an entry is held just now.
PASSING = ("use", "delta-time")
NETLINK_NETFILTER = 12
EVENTS = "net.netfilter.nf_conntrack_events"
EVENT_GROUPS = 7  # new, update, destroy
NAME_AND_VALUE = re.compile(r"([\w-]+)=(\S*)")


def table(lab, *options):
    """The entries of the router's table, IPv4 and IPv6, each a dict; see entry_of()."""
    lines = []
    for family in ("ipv4", "ipv6"):
        done = lab.call("router", "conntrack", "-L", "-o", "id", "-f", family, *options)
        lines += done.stdout.splitlines()
    return [entry_of(line) for line in lines]


def entry_of(line):
    """Of a name that stands twice, the second is the reply direction's: "src" and "reply src"."""
    _, protocol, timeout, rest = line.split(None, 3)
    entry = {"protocol": int(protocol)}
    assert timeout.isdigit(), line
    state = rest.split()[0]
    if "=" not in state and not state.startswith("["):
        entry["state"] = state
    for flag in ("UNREPLIED", "ASSURED"):
        entry[flag] = f"[{flag}]" in rest
    icmp = "type=" in rest
    for name, value in NAME_AND_VALUE.findall(rest):
        # In ICMP's tuples `id` is the query's; the entry's own stands at the end.
        if name == "id" and (not icmp or "reply icmp id" in entry):
            entry["id"] = value
            continue
        if name == "id":
            name = "icmp id"
        if name not in PASSING:
            entry[f"reply {name}" if name in entry else name] = value
    return entry


def flush(lab):
    for family in ("ipv4", "ipv6"):
        lab.call("router", "conntrack", "-F", "-f", family)


def count(lab):
    return int(lab.call("router", "conntrack", "-C").stdout)


def nobody_listens():
    """Whether no process of any namespace has a socket in a group of conntrack's events."""
    for path in glob.glob("/proc/[0-9]*/net/netlink"):
        try:
            with open(path, encoding="ascii") as file:
                sockets = [line.split() for line in file.readlines()[1:]]
        except OSError:
            continue  # it has ended
        if any(int(protocol) == NETLINK_NETFILTER and int(groups, 16) & EVENT_GROUPS
               for _, protocol, _, groups, *_ in sockets):
            return False
    return True


def silence_unheard(test, lab):
    """Until the end of `test`: of a flow that nobody listens to when it is made, the router's
    kernel tells nothing, ever. Returns when nobody listens."""
    test.addCleanup(lab.sysctl, EVENTS, lab.sysctl(EVENTS))
    lab.sysctl(EVENTS, 2)
    # Listeners count machine-wide.
    agent.wait_for("all others on this machine to stop listening to conntrack events",
                   nobody_listens)
