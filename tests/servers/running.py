# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers that go on running when the command that started them has ended; scripts/servers.

What runs is written down in a folder that a boot empties, a file a port. A server is known by its
session, and that by the start of its first process: a number that the kernel has given to somebody
else since is left alone.
"""
import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import servers

FOLDER = os.environ.get("NATLEDGER_RUNNING", "/run/natledger-servers")
STOP_S, KILL_S = 30, 10  # until it is killed, and until that is said to have failed
STATE, SESSION, BEGUN = 0, 3, 19  # of /proc/PID/stat, behind the name
KINDS = {"elasticsearch": (9200, lambda port, roles: servers.Elasticsearch(port, roles=roles)),
         "elasticsearch-7": (9207, lambda port, roles: servers.Elasticsearch(port, "7.17.29",
                                                                             roles=roles)),
         "opensearch": (9202, lambda port, roles: servers.OpenSearch(port, roles=roles))}


def stat_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def members(record):
    """The processes of that server which are still there."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            fields = stat_of(pid)
            if int(fields[SESSION]) != record["session"] or fields[STATE] in "ZX":
                continue
            if int(pid) == record["session"] and fields[BEGUN] != record["begun"]:
                return []
            found.append(int(pid))
    return found


def path_of(port):
    return os.path.join(FOLDER, f"{port}.json")


def records():
    """Of those that run; what has ended by itself is forgotten, with its folder."""
    names = os.listdir(FOLDER) if os.path.isdir(FOLDER) else ()
    for port in sorted(int(name.partition(".")[0]) for name in names):
        with open(path_of(port), encoding="utf-8") as file:
            record = json.load(file)
        if members(record):
            yield record
        else:
            forget(record)


def forget(record):
    shutil.rmtree(record["folder"], ignore_errors=True)
    os.remove(path_of(record["port"]))


def write_down(server, kind):
    session = server.process.pid
    record = {"kind": kind, "port": server.port, "url": server.url, "session": session,
              "begun": stat_of(session)[BEGUN], "folder": server.folder}
    os.makedirs(FOLDER, exist_ok=True)
    with open(path_of(server.port), "w", encoding="utf-8") as file:
        json.dump(record, file)


def need_free(port):
    for each in (port, port + 100):  # the latter is for the nodes of a cluster
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", each))
            except OSError as error:
                raise servers.ServerError(f"port {each}: {error.strerror} (scripts/servers list; "
                                          "--port takes another)") from error


def roles(kind):
    program = os.environ.get("NATLEDGER_SHIP")
    if not program:
        raise servers.ServerError("--secure needs natledger-ship, which says what its users may "
                                  "(cmake --preset release && cmake --build --preset release)")
    return json.loads(servers.run(program, "setup", "elasticsearch", "--print-role", "--server",
                                  kind))


def start(kind, port, secure):
    usual_port, make = KINDS[kind]
    port = port or usual_port
    list(records())
    need_free(port)
    server = make(port, roles(kind) if secure else None)
    print(f"starting {server.name}", file=sys.stderr, flush=True)
    try:
        server.start()
        write_down(server, kind)
    except BaseException:
        server.remove()
        raise
    print(server.url)
    if secure:
        print(f"users {servers.ADMIN} (may do everything), natledger_setup and natledger_ship, "
              f"password {servers.PASSWORD}; CA {server.authority}", file=sys.stderr)


def signal_all(record, number):
    for pid in members(record):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def ends_within(record, seconds):
    give_up = time.monotonic() + seconds
    while members(record):
        if time.monotonic() > give_up:
            return False
        time.sleep(0.1)
    return True


def stop(ports):
    running = {record["port"]: record for record in records()}
    for port in ports or running:
        if port not in running:
            raise servers.ServerError(f"no server of ours runs on port {port}")
        record = running[port]
        signal_all(record, signal.SIGTERM)
        if not ends_within(record, STOP_S):
            signal_all(record, signal.SIGKILL)
            if not ends_within(record, KILL_S):
                raise servers.ServerError(f"processes {members(record)} do not end")
        forget(record)
        print(f"stopped {record['kind']} on port {port}")


def show():
    for record in records():
        print(f"{record['kind']} {record['url']} pid {record['session']} {record['folder']}")


def parse():
    parser = argparse.ArgumentParser(prog="scripts/servers")
    commands = parser.add_subparsers(dest="command", required=True)
    start_it = commands.add_parser("start", help="returns when it answers, and prints its URL")
    start_it.add_argument("kind", choices=KINDS)
    start_it.add_argument("--port", type=int, help="instead of " + ", ".join(
        f"{port} ({kind})" for kind, (port, _) in KINDS.items()))
    start_it.add_argument("--secure", action="store_true",
                          help="TLS, passwords, and the users that natledger-ship wants")
    commands.add_parser("list", help="what runs")
    stop_it = commands.add_parser("stop", help="without a port, all that it started")
    stop_it.add_argument("ports", metavar="PORT", type=int, nargs="*")
    return parser.parse_args()


def main():
    options = parse()
    # So that what is half started is taken down again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        if options.command == "start":
            start(options.kind, options.port, options.secure)
        elif options.command == "stop":
            stop(options.ports)
        else:
            show()
    except (servers.ServerError, OSError, subprocess.SubprocessError) as failure:
        sys.exit(f"servers: {failure}")
    except KeyboardInterrupt:
        sys.exit("servers: interrupted")


if __name__ == "__main__":
    main()
