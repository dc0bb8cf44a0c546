"""ICMP and WebSocket, byte by byte."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.observe.verify.check import CheckFailedError
from stackhaven.observe.verify.icmp import checksum, echo_request, is_reply
from stackhaven.observe.verify.websocket import frame, upgrade_request

pytestmark = pytest.mark.unit


def reply_to(request: bytes) -> bytes:
    return b"\0" + request[1:]


def test_the_checksum_of_the_standard() -> None:
    data = bytes.fromhex("0001f203f4f5f6f7")
    assert checksum(data) == 0x220D


@given(st.binary(max_size=100), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_a_packet_with_its_checksum_sums_to_zero(payload: bytes, identifier: int, number: int) -> None:
    assert checksum(echo_request(identifier, number, payload)) == 0


def test_a_reply_is_known_with_and_without_its_ip_header() -> None:
    packet = reply_to(echo_request(1, 7, b"abc"))
    header = struct.pack("!B", 0x45) + bytes(19)
    assert is_reply(packet, 7, b"abc")
    assert is_reply(header + packet, 7, b"abc")
    assert not is_reply(packet, 8, b"abc")
    assert not is_reply(packet, 7, b"abd")
    assert not is_reply(echo_request(1, 7, b"abc"), 7, b"abc")


@given(st.binary(max_size=60))
def test_no_packet_is_too_odd(packet: bytes) -> None:
    assert not is_reply(packet, 7, b"a payload that is not in it")


def test_a_frame_in_pieces() -> None:
    whole = b"\x82\x0cRFB 003.008\n"
    for cut in range(len(whole)):
        assert frame(whole[:cut]) is None
    assert frame(whole + b"more") == b"RFB 003.008\n"


def test_a_closing_frame_is_no_screen() -> None:
    with pytest.raises(CheckFailedError, match="kind 8"):
        frame(b"\x88\x02\x03\xe8")


def test_the_request_names_the_host_and_the_token() -> None:
    text = upgrade_request("192.0.2.5:6080", "/?token=abc").decode()
    assert text.startswith("GET /?token=abc HTTP/1.1\r\nHost: 192.0.2.5:6080\r\n")
    assert text.endswith("\r\n\r\n")
