from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from stackhaven.model.finding import ModelError
from stackhaven.operate.hostkeys import pin_known_hosts
from stackhaven.operate.session import check_cloud, open_session, port_claims

pytestmark = pytest.mark.unit

LAB = """\
name: lab
lab: {}
nodes:
  c: {roles: [controller], count: 3}
  k: {roles: [compute, network], count: 2}
"""
HOSTS = """\
name: hall
networks:
  management: {cidr: 172.30.1.0/24}
  tunnel: {cidr: 172.30.2.0/24}
  external: {cidr: 172.30.3.0/24}
images: {shared: true}
nodes:
  c: {roles: [controller, network], count: 3, ssh: {address: "c{n}.example", port: 2222, user: deploy}}
  k: {roles: [compute], ssh: {address: k.example}}
"""


def described(directory: Path, text: str) -> Path:
    (path := directory / "cloud.yaml").write_text(text)
    return path


def test_a_lab_is_reached_through_its_hub_with_the_clouds_own_key(tmp_path: Path) -> None:
    session = open_session(described(tmp_path, LAB))
    target = session.targets["c2"]
    assert target.prefix == ("nsenter", "--net=/run/netns/haven-lab-hub", "--")
    assert (target.address, target.user) == (session.layout.node("c2").management, "root")
    assert target.key == session.state.key
    assert target.known_hosts == session.state.known_hosts


def test_hosts_are_reached_as_written_with_the_operators_keys(tmp_path: Path) -> None:
    session = open_session(described(tmp_path, HOSTS))
    target = session.targets["c2"]
    assert (target.address, target.port, target.user) == ("c2.example", 2222, "deploy")
    assert target.key is None
    assert target.prefix == ()


def test_every_secret_that_services_name_is_there_and_masked(tmp_path: Path) -> None:
    session = open_session(described(tmp_path, LAB))
    stored = json.loads(session.state.secrets.read_text())
    assert stored == dict(session.site.secrets)
    assert session.site.secrets["keystone.db"]
    assert session.masker(f"x {stored['keystone.db']} y") == "x **** y"


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = described(tmp_path, LAB)
    first = open_session(path)
    before = {p.name: p.read_bytes() for p in first.state.root.iterdir() if p.is_file()}
    open_session(path)
    assert {p.name: p.read_bytes() for p in first.state.root.iterdir() if p.is_file()} == before


def test_a_wrong_file_leaves_nothing_behind(tmp_path: Path) -> None:
    path = described(tmp_path, LAB.replace("count: 3", "count: 2"))
    with pytest.raises(ModelError):
        open_session(path)
    assert [p.name for p in tmp_path.iterdir()] == ["cloud.yaml"]


def test_the_services_of_a_cloud_share_no_port(tmp_path: Path) -> None:
    checked = check_cloud(described(tmp_path, LAB))
    claims = list(port_claims(checked.require()))
    assert {c.port for c in claims} >= {3306, 5000}
    assert "port-twice" not in {f.rule for f in checked.findings}


@pytest.mark.parametrize("hashed", [False, True])
def test_host_keys_are_pinned_from_the_operators_own(tmp_path: Path, hashed: bool) -> None:
    layout = open_session(described(tmp_path, HOSTS)).layout
    operators, pinned = tmp_path / "operators", tmp_path / "pinned"
    keys = {name: f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 42}{n}" for n, name in enumerate("ABC")}
    operators.write_text(
        f"[c1.example]:2222 {keys['A']}\nk.example,10.0.0.9 {keys['B']}\nother.example {keys['C']}\n"
    )
    if hashed:
        subprocess.run(
            ["ssh-keygen", "-q", "-H", "-f", str(operators)], check=True, capture_output=True, timeout=10
        )
    pin_known_hosts(pinned, layout, operators)
    assert pinned.read_text().splitlines() == [f"[c1.example]:2222 {keys['A']}", f"k.example {keys['B']}"]


def test_a_pinned_key_is_never_replaced(tmp_path: Path) -> None:
    layout = open_session(described(tmp_path, HOSTS)).layout
    operators, pinned = tmp_path / "operators", tmp_path / "pinned"
    operators.write_text(f"k.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'B' * 43}\n")
    pinned.write_text("k.example ssh-ed25519 OLD\n")
    pin_known_hosts(pinned, layout, operators)
    assert pinned.read_text() == "k.example ssh-ed25519 OLD\n"
