# SPDX-License-Identifier: GPL-2.0-or-later
"""Two clients, a NAT router and a server, in network namespaces of their own.

    client  192.168.1.129, fd00:1::81 --+
                                        +-- router  1.2.3.4, 2001:db8:2::4 -- server  19.1.16.7
    client2 192.168.2.130, fd00:2::82 --+                                             19.1.16.8

Whatever ends a test, a kill included, a process that outlives it takes the namespaces down.
"""
import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile

HOSTS = ("client", "client2", "router", "server")
RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "router.nft")
MOST_ENTRIES = "net.netfilter.nf_conntrack_max"
CLONE_NEWNET = 0x40000000

# host, its end of the link, its address; the router's end, its address. A host per line.
LINKS = (("client", "192.168.1.129/24", "fd00:1::81/64", "lan1", "192.168.1.1/24", "fd00:1::1/64"),
         ("client2", "192.168.2.130/24", "fd00:2::82/64", "lan2", "192.168.2.1/24", "fd00:2::1/64"),
         ("server", "1.2.3.9/24", "2001:db8:2::9/64", "wan", "1.2.3.4/24", "2001:db8:2::4/64"))

ROUTER_SYSCTLS = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding",
                  "net.netfilter.nf_conntrack_acct", "net.netfilter.nf_conntrack_timestamp",
                  "net.netfilter.nf_conntrack_events")


# So many times the rounds of a test; scripts/soak asks for more.
TIMES = int(os.environ.get("NATLEDGER_TIMES", "1"))


class LabError(Exception):
    """The lab cannot run here: what was tried, and what would help."""


def call(*argv, check=True, **options):
    """Runs a program to its end; `check` makes a failure say what the program said."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False,
                              **options)
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed (scripts/install-dependencies)") from None
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
    return done


class Lab:
    """The four hosts, named nl-<process id>-client and so on, until down() or the process's end."""

    def __init__(self):
        self.run_name = str(os.getpid())
        self.folder = tempfile.mkdtemp(prefix=f"natledger-lab-{self.run_name}-")
        self._processes = []
        self._cleaner = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "clean-after", self.run_name, self.folder],
            stdin=subprocess.PIPE, start_new_session=True)
        try:
            make_hosts(self.run_name)
        except BaseException:
            self.down()
            raise

    def down(self):
        """Ends every process in the namespaces, then these; returns when all is gone."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._cleaner.communicate()

    def command(self, host, *argv):
        """The command line that runs `argv` on `host`, in the process that is started."""
        return ["ip", "netns", "exec", netns_of(self.run_name, host), *argv]

    def call(self, host, *argv, **options):
        return call(*self.command(host, *argv), **options)

    def start(self, host, *argv, **options):
        """A process that goes on; it does not outlive the lab."""
        process = subprocess.Popen(self.command(host, *argv), **options)
        self._processes.append(process)
        return process

    def inside(self, host):
        return inside(netns_of(self.run_name, host))

    def sysctl(self, key, value=None):
        """Reads the router's `key`, or writes it."""
        with self.inside("router"):
            return sysctl(key, value)

    def mount(self, name, size):
        """A file system of its own, of so many bytes; again, to give it another size."""
        path = os.path.join(self.folder, name)
        again = "remount," if os.path.ismount(path) else ""
        os.makedirs(path, exist_ok=True)
        call("mount", "-t", "tmpfs", "-o", f"{again}size={size}", "tmpfs", path)
        return path

    def need_entries(self, count):
        """Makes room for `count` entries. The limit is the machine's; it is put back at the end."""
        present = int(sysctl(MOST_ENTRIES))
        if present >= count:
            return
        self._cleaner.stdin.write(f"{present}\n".encode())
        self._cleaner.stdin.flush()
        sysctl(MOST_ENTRIES, count)


def netns_of(run, host):
    return f"nl-{run}-{host}"


@contextlib.contextmanager
def inside(netns):
    """This thread is in `netns` meanwhile; a socket that it opens stays there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as home, \
            open(f"/run/netns/{netns}", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise LabError(f"enter {netns}: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


def sysctl(key, value=None):
    """Of the namespace that this thread is in."""
    path = "/proc/sys/" + key.replace(".", "/")
    try:
        if value is not None:
            with open(path, "w", encoding="ascii") as file:
                file.write(str(value))
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError as error:
        raise LabError(f"sysctl {key}: {error.strerror} (needs root in the initial network "
                       "namespace, and a kernel with connection tracking)") from None


def make_hosts(run):
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces, which needs root (sudo)")
    clean()
    for host in HOSTS:
        make_host(netns_of(run, host))
    for link in LINKS:
        join(run, *link)
    set_routes(run)
    router = netns_of(run, "router")
    call("ip", "netns", "exec", router, "nft", "-f", RULES)
    with inside(router):
        for key in ROUTER_SYSCTLS:
            sysctl(key, 1)


def make_host(netns):
    try:
        call("ip", "netns", "add", netns)
    except LabError as error:
        raise LabError(f"make a network namespace: {error} (needs CAP_SYS_ADMIN and a kernel with "
                       "CONFIG_NET_NS; in a container: --privileged)") from None
    with inside(netns):
        sysctl("net.ipv6.conf.default.accept_dad", 0)  # else addresses wait for a second or two
    call("ip", "-n", netns, "link", "set", "lo", "up")


def join(run, host, address4, address6, router_end, router_address4, router_address6):
    name, router = netns_of(run, host), netns_of(run, "router")
    call("ip", "link", "add", "eth0", "netns", name,
         "type", "veth", "peer", "name", router_end, "netns", router)
    ends = ((name, "eth0", (address4, address6)),
            (router, router_end, (router_address4, router_address6)))
    for netns, device, _ in ends:
        call("ip", "-n", netns, "link", "set", device, "up")
    for netns, device, addresses in ends:
        for address in addresses:
            nodad = ["nodad"] if ":" in address else []
            call("ip", "-n", netns, "address", "add", address, "dev", device, *nodad)


def set_routes(run):
    def route(host, *argv):
        call("ip", "-n", netns_of(run, host), "route", "add", *argv)

    for host, gateway4, gateway6 in (("client", "192.168.1.1", "fd00:1::1"),
                                     ("client2", "192.168.2.1", "fd00:2::1")):
        route(host, "default", "via", gateway4)
        route(host, "default", "via", gateway6)
    for address in ("19.1.16.7", "19.1.16.8"):
        call("ip", "-n", netns_of(run, "server"), "address", "add", f"{address}/32", "dev", "eth0")
        route("router", f"{address}/32", "via", "1.2.3.9")
    route("server", "192.168.0.0/16", "via", "1.2.3.4")
    route("server", "fd00::/16", "via", "2001:db8:2::4")


def run_names():
    """The runs whose namespaces are there."""
    try:
        names = os.listdir("/run/netns")
    except FileNotFoundError:
        return set()
    return {name.split("-")[1] for name in names if name.startswith("nl-")}


def take_down(run):
    for host in HOSTS:
        name = netns_of(run, host)
        if not os.path.exists(f"/run/netns/{name}"):
            continue
        for pid in call("ip", "netns", "pids", name, check=False).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
        # Another run may be at it too.
        refusal = call("ip", "netns", "delete", name, check=False).stderr.strip()
        if os.path.exists(f"/run/netns/{name}"):
            raise LabError(f"delete network namespace {name}: {refusal}")


def clean():
    """Takes down what processes that are no more have left."""
    for run in run_names():
        if run.isdigit() and not os.path.exists(f"/proc/{run}"):
            take_down(run)


def clean_after(run, folder):
    """Waits for the end of the process that keeps the other end of standard input."""
    limits = sys.stdin.read().split()
    take_down(run)
    for name in os.listdir(folder):
        if os.path.ismount(os.path.join(folder, name)):
            call("umount", os.path.join(folder, name), check=False)
    shutil.rmtree(folder, ignore_errors=True)
    if limits:
        sysctl(MOST_ENTRIES, limits[0])


def up(run):
    """Hosts that stay until down."""
    if run in run_names():
        raise LabError(f"the namespaces nl-{run}-* are there already (scripts/lab down)")
    try:
        make_hosts(run)
    except BaseException:
        take_down(run)
        raise


if __name__ == "__main__":
    ACTIONS = {"up": up, "down": take_down, "clean": clean, "clean-after": clean_after}
    try:
        ACTIONS[sys.argv[1]](*sys.argv[2:])
    except LabError as failure:
        sys.exit(f"lab: {failure}")
