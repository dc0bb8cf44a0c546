"""Virtual BMCs: orders to the power switch, and what Redfish and the process's settings say."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from stackhaven.design.addresses import layout_of
from stackhaven.errors import HavenError
from stackhaven.lab.bmc import ipmi
from stackhaven.lab.bmc.certificate import make_certificate
from stackhaven.lab.bmc.redfish import System
from stackhaven.lab.bmc.settings import BmcSettings, as_text, from_text
from stackhaven.lab.bmc.switch import Switch
from stackhaven.lab.spec import LabSpec, spec_of
from stackhaven.model.fencing import lab_bmc_network
from stackhaven.model.load import parse_cloud

pytestmark = pytest.mark.unit

UUID_ = UUID("9b3c7c1e-53f1-5c6e-8a51-1d1f5a0c1d1e")
SYSTEM = "/redfish/v1/Systems/n1"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"


class Power:
    """A lab that takes its time; `history` is what was done, in order."""

    def __init__(self, *, on: bool = True, seconds: float = 0.0, refuses: bool = False) -> None:
        self.on, self.seconds, self.refuses = on, seconds, refuses
        self.history: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def power_off(self, name: str) -> None:
        if self.refuses:
            raise HavenError("still alive")
        self._do("off", on=False)

    def switch_on(self, name: str) -> None:
        assert self.gate.wait(5)
        self._do("on", on=True)

    def shutdown(self, name: str) -> bool:
        self._do("shutdown", on=False)
        return True

    def running(self) -> tuple[str, ...]:
        return ("n1",) if self.on else ()

    def _do(self, what: str, *, on: bool) -> None:
        time.sleep(self.seconds)
        self.on = on
        self.history.append(what)


def done(power: Power, count: int) -> list[str]:
    deadline = time.monotonic() + 5
    while len(power.history) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    return power.history


def spec(vip: str = "vip: {provider: pacemaker}") -> LabSpec:
    nodes = "nodes: {c: {roles: [controller], count: 3}, k: {roles: [compute, network], count: 2}}"
    return spec_of(layout_of(parse_cloud(f"name: x\nlab: {{}}\n{vip}\n{nodes}\n")))


def test_off_is_answered_when_it_is_off() -> None:
    power = Power(seconds=0.05)
    Switch(power, "n1").off()
    assert power.history == ["off"]


def test_on_is_answered_at_once_and_counts_as_on_from_then() -> None:
    power = Power(on=False)
    power.gate.clear()
    switch = Switch(power, "n1")
    switch.on()
    assert switch.is_on()
    assert power.history == []
    power.gate.set()
    assert done(power, 1) == ["on"]


def test_orders_are_carried_out_in_the_order_of_their_arrival() -> None:
    power = Power(on=False, seconds=0.05)
    switch = Switch(power, "n1")
    switch.on()
    switch.off()
    assert power.history == ["on", "off"]
    switch.cycle()
    switch.shutdown()
    assert done(power, 5) == ["on", "off", "off", "on", "shutdown"]


def test_a_node_that_cannot_be_switched_off_is_not_switched_on_and_can_be_tried_again() -> None:
    power = Power(refuses=True)
    switch = Switch(power, "n1")
    with pytest.raises(HavenError):
        switch.cycle()
    power.refuses = False
    switch.cycle()
    assert done(power, 2) == ["off", "on"]


def test_ipmi_forgets_sessions_of_long_ago_but_never_a_bmc(monkeypatch: pytest.MonkeyPatch) -> None:
    servers: dict[Any, Any] = {object(): {0: "bmc"}}
    clients = {("10.0.0.1", port): {623: port} for port in range(1000)}
    monkeypatch.setattr(ipmi.library.Session, "bmc_handlers", servers | clients)
    ipmi._forget_old_sessions()
    kept = ipmi.library.Session.bmc_handlers
    assert set(servers) <= set(kept)
    assert [key[1] for key in kept if isinstance(key, tuple)] == list(range(1000 - 256, 1000))


def test_redfish_leads_from_the_root_to_the_reset_action() -> None:
    power = Power()
    service = System(Switch(power, "n1"), UUID_)
    root = service.get("/redfish/v1").document
    assert root is not None
    systems = service.get(root["Systems"]["@odata.id"]).document
    assert systems is not None
    system = service.get(systems["Members"][0]["@odata.id"]).document
    assert system is not None
    assert system["PowerState"] == "On"
    target = system["Actions"]["#ComputerSystem.Reset"]["target"]
    assert service.post(target, {"ResetType": "ForceOff"}).status is HTTPStatus.NO_CONTENT
    after = service.get(SYSTEM).document
    assert after is not None
    assert after["PowerState"] == "Off"


def test_every_reset_type_that_redfish_offers_works() -> None:
    power = Power()
    service = System(Switch(power, "n1"), UUID_)
    document = service.get(f"{SYSTEM}/").document
    assert document is not None
    offered = document["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"]
    for kind in offered:
        assert service.post(RESET, {"ResetType": kind}).status is HTTPStatus.NO_CONTENT
    expected = ["on", "on", "off", "off", "on", "off", "on", "shutdown"]
    assert done(power, len(expected)) == expected


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (RESET, {"ResetType": "Nmi"}, HTTPStatus.BAD_REQUEST),
        (RESET, {}, HTTPStatus.BAD_REQUEST),
        (RESET, ["On"], HTTPStatus.BAD_REQUEST),
        (RESET, None, HTTPStatus.BAD_REQUEST),
        ("/redfish/v1/Systems/other/Actions/ComputerSystem.Reset", {"ResetType": "On"}, HTTPStatus.NOT_FOUND),
    ],
)
def test_redfish_refuses_what_it_does_not_know_and_does_nothing(
    path: str, body: Any, status: HTTPStatus
) -> None:
    power = Power()
    answer = System(Switch(power, "n1"), UUID_).post(path, body)
    assert answer.status is status
    assert answer.document is not None
    assert set(answer.document["error"]) == {"code", "message"}
    assert power.history == []


def test_redfish_says_so_when_the_power_cannot_be_taken() -> None:
    answer = System(Switch(Power(refuses=True), "n1"), UUID_).post(RESET, {"ResetType": "ForceOff"})
    assert answer.status is HTTPStatus.INTERNAL_SERVER_ERROR


def test_settings_survive_their_file() -> None:
    settings = BmcSettings(home=Path("/h"), spec=spec(), passwords={"c1": "a", "k1": "b"})
    assert from_text(as_text(settings)) == settings


def test_a_certificate_names_its_addresses_and_its_key_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "redfish.pem"
    make_certificate(file, name="x", addresses=["10.0.0.1", "10.0.0.2"])
    assert file.stat().st_mode & 0o777 == 0o600
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "10.0.0.2"]
    key = load_pem_private_key(file.read_bytes(), password=None)
    assert key.public_key() == certificate.public_key()


def test_bmcs_have_a_network_of_their_own_which_only_controllers_are_on() -> None:
    lab = spec()
    cidr = lab_bmc_network("x")
    assert [b.address for b in lab.bmcs] == [str(cidr[101 + n]) for n in range(5)]
    network = lab.networks[-1]
    assert (network.name, network.cidr) == ("bmc", cidr)
    assert network.further == tuple(f"{b.address}/24" for b in lab.bmcs)
    interfaces = {n.name: [nic.address for nic in n.nics if nic.interface == "bmc0"] for n in lab.nodes}
    assert interfaces == {f"c{n}": [f"{cidr[10 + n]}/24"] for n in (1, 2, 3)} | {"k1": [], "k2": []}


def test_a_lab_that_does_not_fence_has_neither() -> None:
    lab = spec("")
    assert lab.bmcs == ()
    assert [n.name for n in lab.networks] == ["management", "tunnel", "external"]
