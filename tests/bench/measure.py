# SPDX-License-Identifier: GPL-2.0-or-later
"""What a process spent and holds, as /proc says, and the machine that it ran on."""
import mmap
import os
import platform
import statistics
import subprocess
import time

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


# natledger's thread that works behind the record: chain, index, archives.
BEHIND = "housekeeping"


def cpu_ns(pid):
    """On a processor so far, all threads: schedstat has ns where stat has ticks of 10 ms."""
    return sum(spent for _, spent in threads(pid))


def cpu_behind_ns(pid):
    return sum(spent for name, spent in threads(pid) if name == BEHIND)


def threads(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as file:
            name = file.read().strip()
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            yield name, int(file.read().split()[0])


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE_BYTES


def most_resident_bytes(pid):
    """Since its start."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        line, = (line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def netlink_drops(lab, pid):
    """What the kernel dropped of the netlink sockets of `pid` in the router's namespace."""
    lines = lab.call("router", "cat", "/proc/net/netlink").stdout.splitlines()
    drops = lines[0].split().index("Drops")
    return sum(int(fields[drops]) for fields in map(str.split, lines[1:])
               if int(fields[2]) == pid)


def touch_memory(amount):
    """Takes so many bytes and gives them back, so that those who want memory next get it at once.

    A virtual machine may have given what was idle back to its host, who needs microseconds to give
    a page again; that would be counted as the work of whoever touches it first.
    """
    amount -= amount % PAGE_BYTES
    with mmap.mmap(-1, amount) as memory:
        memory[::PAGE_BYTES] = bytes(amount // PAGE_BYTES)


def run_cpu_s(argv):
    """Runs it to its end. The seconds of processor it took, and those that passed."""
    begun = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (argv, process.returncode, error)
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun


def spread(values, digits=2):
    """"minimum / median / maximum", or the one value."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    numbers = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{number:.{digits}f}" for number in numbers)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    memory = os.sysconf("SC_PHYS_PAGES") * PAGE_BYTES / 2**30
    return (f"{len(models)} x {models[0] if models else platform.machine()}, {memory:.0f} GiB, "
            f"Linux {platform.release()}")


def commit():
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(["git", "-C", here, "describe", "--always", "--dirty", "--abbrev=10"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
