"""The operator's files say the same in two spellings."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stackhaven.operate.operator_files import clouds_yaml, openrc, write_operator_files
from stackhaven.operate.session import open_session

pytestmark = pytest.mark.unit

CLOUD = """
name: little
lab: {}
services: [keystone]
nodes:
  control: {roles: [controller], count: 3}
"""
ODD = "a'b\"c $d: #e"


def test_clouds_yaml_holds_one_cloud_under_its_name() -> None:
    text = clouds_yaml("little", auth_url="http://192.0.2.5:5000/v3", password=ODD, region="North")
    entry = YAML(typ="safe").load(text)["clouds"]["little"]
    assert entry["auth"]["password"] == ODD
    assert entry["auth"]["auth_url"] == "http://192.0.2.5:5000/v3"
    assert entry["region_name"] == "North"
    assert entry["interface"] == "public"


def test_openrc_survives_a_shell() -> None:
    text = openrc(auth_url="http://192.0.2.5:5000/v3", password=ODD, region="North")
    script = text + 'printf "%s|%s|%s" "$OS_PASSWORD" "$OS_AUTH_URL" "${OS_CLOUD-none}"'
    environment = {**os.environ, "OS_CLOUD": "another"}
    shell = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True, env=environment)
    assert shell.stdout == f"{ODD}|http://192.0.2.5:5000/v3|none"


def test_both_files_are_written_for_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "cloud.yaml"
    file.write_text(CLOUD)
    session = open_session(file)
    write_operator_files(session)
    for path in (session.state.clouds_yaml, session.state.openrc):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert session.site.secrets["keystone.admin"] in path.read_text()
        assert session.layout.vip_public in path.read_text()
