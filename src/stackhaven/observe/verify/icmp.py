"""One ICMP echo, without a program that a host may not have."""

from __future__ import annotations

import os
import secrets
import socket
import struct
import time

ECHO_REQUEST = 8
ECHO_REPLY = 0
HEADER = struct.Struct("!BBHHH")
IP_HEADER_BYTES = 20


def ping(address: str, *, timeout_s: float) -> float | None:
    """Seconds to the answer, or None without one. Needs root, or a group that the kernel lets ping."""
    payload = secrets.token_bytes(16)
    number = secrets.randbelow(0x10000)
    began = time.monotonic()
    try:
        with _open() as connection:
            connection.sendto(echo_request(os.getpid() & 0xFFFF, number, payload), (address, 0))
            while (left := began + timeout_s - time.monotonic()) > 0:
                connection.settimeout(left)
                data, sender = connection.recvfrom(2048)
                if sender[0] == address and is_reply(data, number, payload):
                    return time.monotonic() - began
    except OSError:
        return None
    return None


def _open() -> socket.socket:
    """Raw as root; else the kind that the kernel offers to others."""
    kind = socket.SOCK_RAW if os.geteuid() == 0 else socket.SOCK_DGRAM
    return socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)


def echo_request(identifier: int, number: int, payload: bytes) -> bytes:
    """The packet with its checksum (RFC 792)."""
    blank = HEADER.pack(ECHO_REQUEST, 0, 0, identifier, number)
    return HEADER.pack(ECHO_REQUEST, 0, checksum(blank + payload), identifier, number) + payload


def is_reply(packet: bytes, number: int, payload: bytes) -> bool:
    """Whether it answers our request. A raw socket gives the IP header too."""
    if packet[:1] and packet[0] >> 4 == 4 and len(packet) >= IP_HEADER_BYTES:
        packet = packet[(packet[0] & 0x0F) * 4 :]
    if len(packet) < HEADER.size:
        return False
    kind, _, _, _, sequence = HEADER.unpack_from(packet)
    return kind == ECHO_REPLY and sequence == number and packet[HEADER.size :] == payload


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
