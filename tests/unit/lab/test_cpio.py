from __future__ import annotations

import gzip
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.lab import cpio

pytestmark = pytest.mark.unit


def unpack(data: bytes) -> dict[str, tuple[int, bytes]]:
    """A reader of the format, written from its description."""
    raw, at, found = gzip.decompress(data), 0, {}
    while True:
        assert raw[at : at + 6] == b"070701"
        fields = [int(raw[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = raw[at + 110 : at + 110 + name_size - 1].decode()
        at += (110 + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, raw[at : at + size])
        at += (size + 3) // 4 * 4


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,9}(/[a-z]{1,9})?", fullmatch=True), st.binary(max_size=50), max_size=5
    )
)
def test_what_goes_in_comes_out(files: dict[str, bytes]) -> None:
    found = unpack(cpio.archive(cpio.file(name, content) for name, content in files.items()))
    assert {name: content for name, (_, content) in found.items()} == files


def test_kinds_and_modes() -> None:
    found = unpack(
        cpio.archive(
            [
                cpio.directory("dev"),
                cpio.character_device("dev/console", 5, 1),
                cpio.file("i", b"", mode=0o755),
            ]
        )
    )
    assert stat.S_ISDIR(found["dev"][0])
    assert stat.S_ISCHR(found["dev/console"][0])
    assert found["i"][0] == stat.S_IFREG | 0o755


def test_the_same_entries_are_the_same_bytes() -> None:
    assert cpio.archive([cpio.file("a", b"x")]) == cpio.archive([cpio.file("a", b"x")])
