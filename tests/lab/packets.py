# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets of protocols that have no ordinary socket, through raw ones."""
import socket
import struct

GRE, ESP, SCTP, UNKNOWN = 47, 50, 132, 253


def send(lab, host, target, protocol, payload):
    """One packet; the kernel gives it its IP header."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with lab.inside(host), socket.socket(family, socket.SOCK_RAW, protocol) as raw:
        raw.sendto(payload, (target, 0))


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sctp_init(source_port, target_port):
    """RFC 9260, an INIT chunk; the checksum is little-endian, and connection tracking looks."""
    chunk = struct.pack(">BBHIIHHI", 1, 0, 20, 0x1234, 65536, 1, 1, 1)
    packet = struct.pack(">HHII", source_port, target_port, 0, 0) + chunk
    return packet[:8] + struct.pack("<I", crc32c(packet)) + packet[12:]


def gre():
    """RFC 2784, version 0: no key that connection tracking would read."""
    return struct.pack(">HH", 0, 0x0800) + bytes(20)


def gre_of_pptp(call_id):
    """RFC 2637, version 1: the call id is the tuple's key."""
    return struct.pack(">HHHHI", 0x3001, 0x880B, 4, call_id, 1) + bytes(4)


def esp():
    return struct.pack(">II", 0x100, 1) + bytes(16)
