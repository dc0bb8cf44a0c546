from __future__ import annotations

import pytest

from stackhaven.model.cloud import Cloud
from stackhaven.model.fencing import BmcAccess, bmcs_of, is_fenced, lab_bmc_network, password_names
from stackhaven.model.load import parse_cloud
from stackhaven.model.secrets import IPMI_PASSWORD_LENGTH, new_secret

pytestmark = pytest.mark.unit

LAB = "name: x\nlab: {}\nservices: [keystone]\nnodes: {c: {roles: [controller], count: 3}}\n"
NETWORKS = "networks: {management: {cidr: 10.0.0.0/24}, tunnel: {cidr: 10.0.1.0/24}, external: {cidr: 10.0.2.0/24}}\n"


def cloud(text: str) -> Cloud:
    return parse_cloud(text)


def test_a_lab_with_pacemaker_gives_every_machine_a_bmc_in_a_network_of_its_own() -> None:
    fenced = cloud(LAB + "vip: {provider: pacemaker}\n")
    network = lab_bmc_network("x")
    assert is_fenced(fenced)
    assert [b.address for b in bmcs_of(fenced).values()] == [str(network[101 + n]) for n in range(3)]
    assert password_names(fenced) == ("fencing.bmc",)
    networks = fenced.networks
    assert not any(
        network.overlaps(n.cidr) for n in (networks.management, networks.tunnel, networks.external)
    )


@pytest.mark.parametrize("vip", ["", "vip: {provider: pacemaker, test_without_fencing: true}\n"])
def test_without_fencing_a_lab_has_no_bmcs_unless_they_are_asked_for(vip: str) -> None:
    assert not is_fenced(cloud(LAB + vip))
    assert bmcs_of(cloud(LAB + vip)) == {}
    assert len(bmcs_of(cloud(LAB + vip + "fencing: {}\n"))) == 3


def test_a_machine_alone_has_nobody_to_fence_it() -> None:
    alone = LAB.replace(", count: 3", "") + "vip: {provider: pacemaker}\n"
    assert not is_fenced(cloud(alone))


def test_what_a_machine_says_of_its_bmc_goes_before_the_rule() -> None:
    text = (
        "name: x\nservices: [keystone]\nvip: {provider: pacemaker}\n"
        + NETWORKS
        + "fencing: {kind: ipmi, address: '{name}.bmc', user: ops}\n"
        "nodes:\n"
        "  c: {roles: [controller], count: 2, ssh: {address: 'c{n}'}}\n"
        "  d: {roles: [controller], ssh: {address: d}, bmc: {kind: redfish, address: 10.9.0.3, password_name: d.bmc}}\n"
    )
    found = bmcs_of(cloud(text))
    assert found["c2"] == BmcAccess(
        kind="ipmi", address="c2.bmc", user="ops", password_name="fencing.bmc", verify_tls=True
    )
    assert found["d"] == BmcAccess(
        kind="redfish", address="10.9.0.3", user="ops", password_name="d.bmc", verify_tls=True
    )
    assert password_names(cloud(text)) == ("d.bmc", "fencing.bmc")


def test_secrets_fit_what_takes_them() -> None:
    password = new_secret("fencing.bmc")
    assert len(password) == IPMI_PASSWORD_LENGTH
    assert password.isalnum()
    assert 128 <= len(new_secret("corosync.authkey").encode()) <= 4096
