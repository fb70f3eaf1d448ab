# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the first inputs of the fuzz targets out of the recorded messages.

    python3 tests/fuzz/make_seeds.py
"""
import json
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")

CONFIGS = {
    "all": """source: {mode: event, events: [new, update, destroy], receive_buffer: 64MiB}
source.ring: 256MiB
ledger: {directory: /var/log/natledger, state: /var/lib/natledger, sync: 1s, group: adm}
observer.name: gw1
log: {level: info, to: stderr}
tags: [a, "b c"]
enrich: [duration, {nat: {}}]
""",
    "mask": "source.events: 0x5\nledger.sync: always\n",
    "wrong": "sorce: {events: [nwe]}\nledger: [1, 2]\n",
    "empty": "",
}


def write(target, name, content):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as out:
        out.write(content)


def pcap(messages):
    out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 253)
    for message in messages:
        packet = struct.pack(">HH10xH", 4, 824, 12) + message
        out += struct.pack("<IIII", 1795331340, 1, len(packet), len(packet)) + packet
    return out


def pcapng(messages):
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", 253, 0, 65535))
    for message in messages:
        packet = struct.pack(">HH10xH", 4, 824, 12) + message
        out += block(6, struct.pack("<IIIII", 0, 0, 1, len(packet), len(packet)) + packet)
    return out


def main():
    seen = {}
    with open(os.path.join(GOLDEN, "ulogd-golden.jsonl"), encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            seen.setdefault((row["case"], row["event"]), bytes.fromhex(row["netlink_hex"]))
    for (case, event), message in seen.items():
        write("netlink", f"{case}-{event}", message)
    few = list(seen.values())[:3]
    write("netlink", "three", b"".join(few))
    write("capture", "three.pcap", pcap(few))
    write("capture", "three.pcapng", pcapng(few))
    write("capture", "none.pcap", pcap([]))
    for name, text in CONFIGS.items():
        write("config", name, text.encode())
    for case in ("tcp_snat", "tcp_snat_and_dnat", "icmp_timestamp", "inject_gre_keys", "tcp6_dnat"):
        with open(os.path.join(GOLDEN, case, "full.jsonl"), "rb") as lines:
            write("ledger", case, lines.read())
    write("ledger", "coverage",
          b'{"@timestamp":"2026-11-22T07:08:00.000000Z","event.kind":"state","event.action":'
          b'"coverage-start","event.sequence":1,"event.id":"a-b-1","coverage.events":["new"]}\n'
          b'{"@timestamp":"2026-11-22T07:09:00.000000Z","event.kind":"state","event.action":'
          b'"coverage-gap","event.sequence":2,"event.id":"a-b-2","coverage.from":'
          b'"2026-11-22T07:08:30.000000Z","coverage.to":"2026-11-22T07:09:00.000000Z",'
          b'"coverage.reason":"overrun","coverage.dropped":5,"coverage.dropped_exact":true}\n')


if __name__ == "__main__":
    main()
