"""The cluster of the VIP: what it runs, how it is fenced, and the helper that brings it there."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stackhaven.design.addresses import layout_of
from stackhaven.design.layout import Layout
from stackhaven.model.load import parse_cloud
from stackhaven.plan import Command, File, Resource, Unit
from stackhaven.services.contents import plan_of
from stackhaven.services.pacemaker import corosync_conf
from stackhaven.services.pacemaker.resources import cluster_of
from tests.unit.services.clouds import site_of
from tests.unit.services.programs import SERVICES, program

pytestmark = pytest.mark.unit

helper = program("pacemaker", "cluster_resources")
FILES = SERVICES / "pacemaker" / "files"
LAB = "name: x\nlab: {}\nservices: [keystone]\nnodes: {c: {roles: [controller], count: 3}}\n"


def layout(vip: str = "", rest: str = "") -> Layout:
    return layout_of(parse_cloud(f"{LAB}vip: {{provider: pacemaker{vip}}}\n{rest}"))


def resources_of(layout: Layout) -> ET.Element:
    return ET.fromstring(cluster_of(layout).resources)


def pairs(element: ET.Element, kind: str = "instance_attributes") -> dict[str, str]:
    return {pair.get("name", ""): pair.get("value", "") for pair in element.findall(f"{kind}/nvpair")}


def primitives(layout: Layout, kind: str) -> dict[str, dict[str, str]]:
    found = resources_of(layout).iter("primitive")
    return {p.get("id", ""): pairs(p) for p in found if p.get("type") == kind}


def work(cloud: str) -> dict[str, tuple[Resource, ...]]:
    """The resources of each step on its first node."""
    return {step.name: step.resources(step.nodes[0]) for step in plan_of(site_of(cloud))}


def test_membership_is_encrypted_and_lost_after_what_the_operator_says() -> None:
    text = corosync_conf(layout(", token_s: 1.5"))
    for line in ("crypto_cipher: aes256", "crypto_hash: sha256", "keyfile: /etc/corosync/authkey"):
        assert line in text
    for line in ("token: 1500", "token_coefficient: 0", "consensus: 1800"):
        assert line in text
    assert [f"name: c{n}" in text and f"nodeid: {n}" in text for n in (1, 2, 3)] == [True] * 3
    assert "two_node" not in text


def test_each_controller_is_fenced_by_the_others_only() -> None:
    wanted = layout()
    devices = primitives(wanted, "fence_ipmilan")
    assert {name: p["pcmk_host_list"] for name, p in devices.items()} == {
        f"fence-c{n}": f"c{n}" for n in (1, 2, 3)
    }
    assert {p["ip"] for p in devices.values()} == {n.bmc.address for n in wanted.controllers if n.bmc}
    assert {p["power_wait"] for p in devices.values()} == {"0"}
    rules = ET.fromstring(cluster_of(wanted).constraints).findall("rsc_location")
    assert {(r.get("rsc"), r.get("node"), r.get("score")) for r in rules} == {
        (f"fence-c{n}", f"c{n}", "-INFINITY") for n in (1, 2, 3)
    }
    assert cluster_of(wanted).properties["stonith-enabled"] == "true"


def test_redfish_insists_on_a_known_certificate_unless_told_otherwise() -> None:
    strict = primitives(layout(rest="fencing: {kind: redfish, verify_tls: true}\n"), "fence_redfish")
    assert len(strict) == 3
    assert not any("ssl_insecure" in p for p in strict.values())
    loose = primitives(layout(rest="fencing: {kind: redfish}\n"), "fence_redfish")
    assert {p["ssl_insecure"] for p in loose.values()} == {"1"}


def test_the_test_profile_has_no_fencing_even_where_bmcs_are_described() -> None:
    wanted = layout(", test_without_fencing: true", "fencing: {}\n")
    assert primitives(wanted, "fence_ipmilan") == {}
    assert cluster_of(wanted).properties["stonith-enabled"] == "false"


def test_the_vip_is_where_a_load_balancer_answers() -> None:
    wanted = layout()
    top = ET.fromstring(cluster_of(wanted).constraints)
    together = {(c.get("rsc"), c.get("with-rsc"), c.get("score")) for c in top.findall("rsc_colocation")}
    assert together == {
        ("vip", "answers-clone", "INFINITY"),
        ("answers-clone", "balancer-clone", "INFINITY"),
    }
    known = {e.get("id") for e in resources_of(wanted)}
    named = [e.get(key) for e in top for key in ("rsc", "with-rsc", "first", "then") if e.get(key)]
    assert set(named) <= known


def test_both_vips_move_together() -> None:
    wanted = layout_of(
        parse_cloud(
            LAB + "networks: {management: {cidr: 10.9.0.0/24}}\n"
            "vip: {provider: pacemaker, internal: 10.9.0.5, public: 10.9.0.6}\n"
        )
    )
    group = resources_of(wanted).find("group")
    assert group is not None
    assert [pairs(p)["ip"] for p in group.findall("primitive")] == ["10.9.0.5", "10.9.0.6"]
    assert {pairs(p)["nic"] for p in group.findall("primitive")} == {"mgmt0"}


def external(first: str) -> Layout:
    nodes = (
        f"nodes:\n  a: {{roles: [controller], interfaces: {{external: {first}}}}}\n"
        "  c: {roles: [controller], count: 2, interfaces: {external: eth2}}\n"
    )
    head = LAB.split("nodes:", maxsplit=1)[0] + nodes
    networks = "networks: {external: {cidr: 10.8.0.0/22, floating: [10.8.1.0, 10.8.1.99]}}\n"
    return layout_of(parse_cloud(f"{head}{networks}vip: {{provider: pacemaker, public: 10.8.0.5}}\n"))


def test_a_public_vip_is_on_the_interface_of_the_external_network() -> None:
    found = primitives(external("eth2"), "IPaddr2")["vip-10-8-0-5"]
    assert found == {"ip": "10.8.0.5", "cidr_netmask": "22", "nic": "eth2"}


def test_interfaces_of_other_names_are_told_node_by_node() -> None:
    wanted = external("eth7")
    group = resources_of(wanted).find("group")
    assert group is not None
    public = next(p for p in group.findall("primitive") if p.get("id") == "vip-10-8-0-5")
    by_node = {}
    for attributes in public.findall("instance_attributes"):
        expression = attributes.find("rule/expression")
        if expression is not None:
            assert (expression.get("attribute"), expression.get("operation")) == ("#uname", "eq")
            by_node[expression.get("value")] = attributes.find("nvpair").get("value")  # type: ignore[union-attr]
    assert by_node == {"a": "eth7", "c1": "eth2", "c2": "eth2"}
    ids = [e.get("id") for e in resources_of(wanted).iter() if e.get("id")]
    assert len(ids) == len(set(ids))


def test_every_id_of_the_configuration_is_unique_and_no_secret_is_in_it() -> None:
    site = site_of("pacemaker")
    cluster = cluster_of(site.layout)
    ids = [
        e.get("id") for text in (cluster.resources, cluster.constraints) for e in ET.fromstring(text).iter()
    ]
    present = [i for i in ids if i]
    assert len(present) == len(set(present))
    assert not any(value in json.dumps(cluster.as_data()) for value in site.secrets.values())


def test_the_cluster_and_nobody_else_starts_the_balancer() -> None:
    enabled = {
        cloud: [
            r.enabled for r in work(cloud)["haproxy.start"] if isinstance(r, Unit) and "haproxy" in r.name
        ]
        for cloud in ("pacemaker", "lab")
    }
    assert enabled == {"pacemaker": [False], "lab": [True]}


def test_one_provider_retires_the_other() -> None:
    def stopped(cloud: str, step: str) -> set[str]:
        return {r.name for r in work(cloud)[step] if isinstance(r, Unit) and r.active is False}

    assert stopped("pacemaker", "pacemaker.files") == {"keepalived.service", "haven-vip-majority.service"}
    assert stopped("lab", "keepalived.alone") == {"pacemaker.service", "corosync.service"}


def test_passwords_are_read_by_root_alone_and_only_from_files() -> None:
    files = {r.path: r for r in work("pacemaker")["pacemaker.files"] if isinstance(r, File)}
    passwords = [f for path, f in files.items() if path.startswith("/etc/stackhaven/fencing/")]
    assert len(passwords) == 3
    assert all(
        f.sensitive and f.mode == 0o600
        for f in (*passwords, replace(files["/etc/corosync/authkey"], mode=0o600))
    )


def test_the_ipmi_tool_is_never_given_a_password(tmp_path: Path) -> None:
    tool = tmp_path / "ipmitool"
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    tool.chmod(0o755)
    said = subprocess.run(
        [
            "bash",
            str(FILES / "fence_ipmitool.sh"),
            "-I",
            "lanplus",
            "-U",
            "a b",
            "-P",
            "/etc/x",
            "chassis",
            "power",
        ],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    assert said.stdout.splitlines() == ["-I", "lanplus", "-U", "a b", "-f", "/etc/x", "chassis", "power"]


WANT: dict[str, Any] = {
    "resources": '<resources><primitive id="a" class="systemd" type="x"/></resources>',
    "constraints": "<constraints/>",
    "properties": {"stonith-enabled": "true"},
}


class Cluster:
    """As much of cibadmin as the helper uses."""

    def __init__(self, **sections: str) -> None:
        self.sections = sections
        self.orders: list[list[str]] = []

    def run(self, argv: list[str], stdin: str = "") -> SimpleNamespace:
        if argv[0] == "crmadmin":
            return SimpleNamespace(returncode=0, stdout="", stderr="")
        scope = argv[argv.index("--scope") + 1]
        if "--query" in argv:
            there = self.sections.get(scope)
            return SimpleNamespace(returncode=0 if there else 1, stdout=there or "", stderr="")
        self.orders.append(argv[1:])
        self.sections[scope] = stdin
        return SimpleNamespace(returncode=0, stdout="", stderr="")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cluster]:
    def make(**sections: str) -> Cluster:
        made = Cluster(**sections)
        monkeypatch.setattr(helper, "run", made.run)
        return made

    return make


def options(**values: str) -> str:
    return str(helper.property_set(values))


def test_what_the_cluster_adds_and_how_it_indents_is_no_difference(cluster: Callable[..., Cluster]) -> None:
    cluster(
        resources='<resources>\n  <primitive type="x" class="systemd" id="a"/>\n</resources>',
        constraints="<constraints/>",
        crm_config=options(**{"stonith-enabled": "true", "dc-version": "3.0.0"}),
    )
    assert helper.differences(WANT) == []


def test_every_drift_is_seen(cluster: Callable[..., Cluster]) -> None:
    cluster(
        resources='<resources><primitive id="a" class="systemd" type="y"/></resources>',
        constraints='<constraints><rsc_location id="cli-ban" rsc="a" node="c1" score="-INFINITY"/></constraints>',
        crm_config=options(**{"stonith-enabled": "false"}),
    )
    assert helper.differences(WANT) == [
        "resources differ",
        "constraints differ",
        "stonith-enabled is false, not true",
    ]


def test_a_silent_cluster_is_a_difference_and_not_a_crash(cluster: Callable[..., Cluster]) -> None:
    cluster()
    assert helper.differences(WANT) == ["the cluster does not answer"]


@pytest.mark.parametrize(
    ("there", "scopes"),
    [
        ('<primitive id="a"/>', ["crm_config", "resources", "constraints"]),
        (
            '<primitive id="a"/><primitive id="old"/>',
            ["crm_config", "constraints", "resources", "constraints"],
        ),
    ],
)
def test_constraints_never_name_a_resource_that_is_not_there(
    cluster: Callable[..., Cluster], there: str, scopes: list[str]
) -> None:
    made = cluster(
        resources=f"<resources>{there}</resources>", constraints="<constraints/>", crm_config=options()
    )
    helper.apply(WANT)
    assert [order[order.index("--scope") + 1] for order in made.orders] == scopes
    assert helper.differences(WANT) == []


def test_the_first_content_is_whole_and_never_replaces_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cib = tmp_path / "cib.xml"
    monkeypatch.setattr(helper, "CIB", str(cib))
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr("pwd.getpwnam", lambda _: SimpleNamespace(pw_uid=0, pw_gid=0))
    helper.seed(WANT)
    top = ET.parse(cib).getroot()
    assert cib.stat().st_mode & 0o777 == 0o600
    assert [e.tag for e in top.findall("configuration/*")] == [
        "crm_config",
        "nodes",
        "resources",
        "constraints",
    ]
    assert helper.properties(top) == WANT["properties"]
    helper.seed({**WANT, "resources": "<resources/>"})
    assert ET.parse(cib).find(".//primitive") is not None


class _Alive(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's signature
        return


@pytest.fixture
def balancer() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), _Alive) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def agent(action: str, environment: Mapping[str, str]) -> int:
    argv = ["bash", str(FILES / "balancer_answers.sh"), action]
    return subprocess.run(argv, env={**os.environ, **environment}, timeout=30, check=False).returncode


def test_the_agent_tells_answering_silent_and_not_watched_apart(tmp_path: Path, balancer: HTTPServer) -> None:
    codes = "OCF_SUCCESS=0 OCF_ERR_GENERIC=1 OCF_ERR_UNIMPLEMENTED=3 OCF_NOT_RUNNING=7\n"
    (tmp_path / "ocf-shellfuncs").write_text(codes)
    environment = {
        "OCF_FUNCTIONS_DIR": str(tmp_path),
        "HA_RSCTMP": str(tmp_path),
        "OCF_RESOURCE_INSTANCE": "answers",
        "OCF_RESKEY_port": str(balancer.server_port),
        "OCF_RESKEY_CRM_meta_on_node": "127.0.0.1",
    }
    order = ["monitor", "start", "monitor", "stop", "monitor", "start"]
    assert [agent(action, environment) for action in order] == [7, 0, 0, 0, 7, 0]
    balancer.shutdown()
    balancer.server_close()
    assert agent("monitor", environment) == 1


def test_the_plan_looks_before_it_changes_the_cluster() -> None:
    (command,) = work("pacemaker")["pacemaker.resources"]
    assert isinstance(command, Command)
    assert command.check[-1] == "check"
    assert json.loads(command.check_stdin) == json.loads(command.stdin)
