"""What differs between a switch and what is wanted of it, from the switch's own answers."""

from __future__ import annotations

import json

import pytest

from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

chassis = program("chassis", "chassis")
WANTED = {
    "external_ids": {"system-id": "k1", "ovn-encap-ip": "10.1.0.21"},
    "bridges": [{"name": "br-ex", "datapath_type": "netdev", "ports": ["ext0"]}],
    "manager": "ptcp:6640:127.0.0.1",
    "up": ["br-ex"],
}


class Switch:
    """Answers the few questions that the program asks, and takes its changes."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.bridges: dict[str, tuple[str, set[str]]] = {}
        self.managers: list[str] = []

    def vsctl(self, *arguments: str) -> str:
        match arguments:
            case ("--format=json", _, "list", "Open_vSwitch"):
                return json.dumps({"data": [[["map", list(map(list, self.ids.items()))]]]})
            case ("--format=json", _, "list", "Bridge"):
                return json.dumps({"data": [[name, kind] for name, (kind, _) in self.bridges.items()]})
            case ("--format=json", _, "list", "Manager"):
                return json.dumps({"data": [[m] for m in self.managers]})
            case ("list-ports", name):
                return "\n".join(self.bridges[name][1])
            case ("set", "open", ".", setting):
                key, value = setting.removeprefix("external-ids:").split("=", 1)
                self.ids[key] = value.strip('"')
            case ("--may-exist", "add-br", name, "--", "set", "bridge", _, kind):
                self.bridges[name] = (kind.split("=")[1], set())
            case ("set", "bridge", name, kind):
                self.bridges[name] = (kind.split("=")[1], self.bridges[name][1])
            case ("--may-exist", "add-port", name, port):
                self.bridges[name][1].add(port)
            case ("set-manager", target):
                self.managers = [target]
            case _:
                raise AssertionError(arguments)
        return ""


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Switch:
    made = Switch()
    monkeypatch.setattr(chassis, "vsctl", made.vsctl)
    return made


def apply(switch: Switch) -> list[str]:
    said = []
    for sentence, arguments in chassis.differences(WANTED):
        switch.vsctl(*arguments)
        said.append(sentence)
    return said


def test_an_empty_switch_is_filled_once(switch: Switch) -> None:
    assert apply(switch) == [
        "system-id is None",
        "ovn-encap-ip is None",
        "no bridge br-ex",
        "no port ext0 on br-ex",
        "no local manager",
    ]
    assert apply(switch) == []


def test_only_what_differs_is_changed_and_the_rest_stays(switch: Switch) -> None:
    apply(switch)
    switch.ids |= {"system-id": "another", "of-somebody-else": "1"}
    switch.bridges["br-ex"] = ("system", {"ext0", "patch-1"})
    assert apply(switch) == ["system-id is 'another'", "datapath of br-ex"]
    assert switch.ids["of-somebody-else"] == "1"
    assert switch.bridges["br-ex"] == ("netdev", {"ext0", "patch-1"})
