#!/usr/bin/python3
"""Whether the broker at ADDRESS accepts a login on the default virtual host; the JSON {user, password} is on stdin.

    amqp-login ADDRESS PORT

Speaks the few AMQP 0-9-1 frames of a connection's opening, since a client library or rabbitmqctl takes a hundred
times longer to start. Exits 0 when the virtual host was opened.
"""

import json
import socket
import struct
import sys

DEADLINE_S = 5
METHOD = 1
START, START_OK, TUNE, TUNE_OK, OPEN, OPEN_OK = (10, 10), (10, 11), (10, 30), (10, 31), (10, 40), (10, 41)


def long_string(data):
    return struct.pack(">I", len(data)) + data


def short_string(data):
    return struct.pack(">B", len(data)) + data


def send(sock, method, arguments):
    payload = struct.pack(">HH", *method) + arguments
    sock.sendall(struct.pack(">BHI", METHOD, 0, len(payload)) + payload + b"\xce")


def receive(sock):
    header = exactly(sock, 7)
    size = struct.unpack(">BHI", header)[2]
    payload = exactly(sock, size + 1)[:-1]
    return struct.unpack(">HH", payload[:4]), payload[4:]


def exactly(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise ConnectionError("the broker closed the connection: login refused")
        data += part
    return data


def expect(sock, wanted):
    method, arguments = receive(sock)
    if method != wanted:
        raise ConnectionError(f"the broker answered with method {method}: login refused")
    return arguments


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    account = json.load(sys.stdin)
    try:
        with socket.create_connection((address, port), timeout=DEADLINE_S) as sock:
            sock.sendall(b"AMQP\x00\x00\x09\x01")
            expect(sock, START)
            response = b"\x00" + account["user"].encode() + b"\x00" + account["password"].encode()
            send(
                sock,
                START_OK,
                struct.pack(">I", 0)
                + short_string(b"PLAIN")
                + long_string(response)
                + short_string(b"en_US"),
            )
            tune = expect(sock, TUNE)
            send(sock, TUNE_OK, tune[:8])
            send(sock, OPEN, short_string(b"/") + short_string(b"") + b"\x00")
            expect(sock, OPEN_OK)
    except OSError as error:
        print(f"{address}:{port}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
