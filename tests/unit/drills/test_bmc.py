from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pytest
from pyghmi.exceptions import IpmiException

from stackhaven.drills import bmc
from stackhaven.drills.bmc import Asked
from stackhaven.drills.deeds import Power, PowerIs
from stackhaven.drills.errors import DrillError
from stackhaven.drills.ground import Ground
from stackhaven.drills.hands import Hands
from stackhaven.model.fencing import BmcAccess

pytestmark = pytest.mark.unit

ACCESS = BmcAccess(
    kind="redfish", address="bmc1.example", user="admin", password_name="fencing.bmc", verify_tls=True
)
ASKED = Asked(verb="off", kind="ipmi", address="192.0.2.7", user="admin", password="s3cret", verify_tls=True)


class Library:
    """A BMC as the library shows it, with what it was told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.state, self.error = "on", error
        self.told: list[tuple[str, object]] = []

    def get_power(self) -> dict[str, Any]:
        if self.error:
            raise self.error
        return {"powerstate": self.state}

    def set_power(self, powerstate: str, wait: int | bool = False) -> dict[str, Any]:
        self.told.append((powerstate, wait))
        self.state = "off" if powerstate == "off" else "on"
        return {}


@pytest.mark.parametrize(
    ("verb", "told", "state"),
    [
        ("off", [("off", 60)], "off"),
        ("on", [("on", 60)], "on"),
        ("reset", [("reset", False)], "on"),
        ("look", [], "on"),
    ],
)
def test_an_order_is_carried_out_and_its_outcome_is_what_the_bmc_says(
    monkeypatch: pytest.MonkeyPatch, verb: bmc.Verb, told: list[tuple[str, object]], state: str
) -> None:
    library = Library()
    monkeypatch.setattr(bmc, "IpmiCommand", lambda **_: library)
    assert bmc.carry_out(Asked(**{**asdict(ASKED), "verb": verb})) == state
    assert library.told == told


@pytest.mark.parametrize("verify", [True, False])
def test_a_certificate_of_its_own_is_taken_only_where_that_is_written(
    monkeypatch: pytest.MonkeyPatch, verify: bool
) -> None:
    seen: list[Any] = []

    def connect(*_: str, verifycallback: Any) -> Library:
        seen.append(verifycallback)
        return Library()

    monkeypatch.setattr(bmc, "RedfishCommand", connect)
    bmc.carry_out(Asked(**{**asdict(ASKED), "kind": "redfish", "verb": "look", "verify_tls": verify}))
    assert (seen[0] is None) is verify


def test_what_a_bmc_refuses_is_said_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(asdict(ASKED))))
    monkeypatch.setattr(bmc, "IpmiCommand", lambda **_: Library(IpmiException("wrong password s3cret")))
    assert bmc.main() == 1
    assert json.loads(capsys.readouterr().out) == {"error": "wrong password ***"}


class Child:
    """The process that asks, with what it was given."""

    def __init__(self, out: str = "", error: Exception | None = None) -> None:
        self.out, self.error = out, error
        self.argv: list[str] = []
        self.given: dict[str, Any] = {}

    def run(self, argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.argv, self.given = argv, json.loads(options["input"])
        assert options["timeout"] == bmc.ASKED_S
        if self.error:
            raise self.error
        return subprocess.CompletedProcess(argv, 0, self.out, "")


def test_the_password_goes_by_standard_input_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child('{"state": "off"}')
    monkeypatch.setattr(bmc.subprocess, "run", child.run)
    assert bmc.order("c1", ACCESS, "s3cret", "off") == "off"
    assert child.given["password"] == "s3cret"
    assert "s3cret" not in " ".join(child.argv)


@pytest.mark.parametrize(
    ("child", "said"),
    [
        (Child('{"error": "timed out"}'), "timed out"),
        (Child("Traceback"), "it could not be asked"),
        (Child(error=subprocess.TimeoutExpired("x", 1)), "no answer within 90 s"),
    ],
)
def test_a_bmc_that_does_not_obey_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, child: Child, said: str
) -> None:
    monkeypatch.setattr(bmc.subprocess, "run", child.run)
    with pytest.raises(DrillError, match=said) as raised:
        bmc.order("c1", ACCESS, "s3cret", "off")
    assert "bmc1.example" in str(raised.value)
    assert raised.value.rule == "drill-power"


def test_hands_switch_existing_machines_by_their_bmcs(
    monkeypatch: pytest.MonkeyPatch, hosts_with_bmcs: Ground, hosts: Ground
) -> None:
    orders: list[tuple[str, str, str, str]] = []

    def order(machine: str, access: BmcAccess, password: str, verb: bmc.Verb) -> str:
        orders.append((machine, access.address, password, verb))
        return "off"

    monkeypatch.setattr("stackhaven.drills.hands.order", order)
    object.__setattr__(hosts_with_bmcs.site, "secrets", {"fencing.bmc": "pw"})
    hands = Hands(hosts_with_bmcs)
    hands.do(Power(node="c2", verb="off"))
    assert hands.do(PowerIs(node="c2", state="off")) == "off"
    assert not hands.holds(PowerIs(node="c2", state="on"))
    assert orders == [("c2", "bmc-c2.example", "pw", verb) for verb in ("off", "look", "look")]
    with pytest.raises(DrillError, match="stand still"):
        hands.do(Power(node="c2", verb="freeze"))
    with pytest.raises(DrillError, match="drill-no-bmc"):
        Hands(hosts).do(Power(node="c2", verb="off"))
