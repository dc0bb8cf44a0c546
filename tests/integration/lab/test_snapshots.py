from __future__ import annotations

from collections.abc import Callable

import pytest

from stackhaven.errors import HavenError, InputError
from stackhaven.lab import snapshots
from tests.integration.lab.conftest import Bench

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_revert_brings_back_what_was_and_not_what_was_deleted(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.up()
    one.on("n1", "echo one > /root/file; ln -s file /root/link; ln /root/file /root/hard")
    one.on("n1", "rm /etc/issue; rm -r /etc/update-motd.d; mkdir /etc/update-motd.d")
    with pytest.raises(HavenError) as caught:
        snapshots.take(one.lab, "one")
    assert caught.value.rule == "lab-running"
    one.lab.down()
    snapshots.take(one.lab, "one")
    assert snapshots.taken(one.lab) == ("one",)

    one.up()
    one.on(
        "n1",
        "echo two > /root/file; echo new > /etc/issue; echo new > /etc/update-motd.d/x; touch /root/later",
    )
    one.lab.down()
    snapshots.revert(one.lab, "one")
    one.up()
    assert one.on("n1", "cat /root/file /root/link /root/hard").split() == ["one"] * 3
    assert (
        one.on("n1", "ls /etc/issue 2>/dev/null; ls -A /etc/update-motd.d; ls /root/later 2>/dev/null; true")
        == ""
    )
    assert one.on("n1", "stat -c %h /root/file") == "2"

    one.lab.down()
    snapshots.revert(one.lab, "one")
    with pytest.raises(InputError):
        snapshots.take(one.lab, "one")
    with pytest.raises(InputError):
        snapshots.take(one.lab, "../x")
    with pytest.raises(InputError) as unknown:
        snapshots.revert(one.lab, "two")
    assert "one" in unknown.value.todo
