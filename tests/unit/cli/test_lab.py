from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stackhaven.cli.context import App
from stackhaven.cli.lab import lab
from stackhaven.errors import HavenError
from stackhaven.lab.home import Home
from stackhaven.lab.image import FACTS_FILE

pytestmark = pytest.mark.unit

CLOUD = """\
name: demo
{lab}
nodes:
  c1: {{roles: [controller, compute, network]{ssh}}}
{networks}
"""
HOSTS_NETWORKS = """\
networks:
  management: {cidr: 192.0.2.0/24}
  tunnel: {cidr: 198.51.100.0/24}
  external: {cidr: 203.0.113.0/24}
images: {shared: false}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("STACKHAVEN_HOME", str(tmp_path / "home"))
    return Home.of_environment()


@pytest.fixture
def cloud(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.yaml"
    path.write_text(CLOUD.format(lab="lab: {}", ssh="", networks=""))
    return path


def run(cloud: Path, *words: str) -> Result:
    return CliRunner().invoke(lab, words, obj=App(file=cloud))


def refused(result: Result) -> HavenError:
    assert isinstance(result.exception, HavenError), result.output
    return result.exception


def test_a_lab_that_was_never_made_is_said_so(home: Home, cloud: Path) -> None:
    result = run(cloud, "status")
    assert result.exit_code == 0
    assert "`haven lab up` makes it" in result.output
    assert json.loads(run(cloud, "status", "--json").stdout)["nodes"] == []


def test_power_of_a_lab_that_was_never_made_is_refused(home: Home, cloud: Path) -> None:
    assert refused(run(cloud, "power", "off", "c1")).rule == "lab-down"


def test_a_cloud_of_existing_hosts_has_no_lab(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(CLOUD.format(lab="", ssh=", ssh: {address: c1.example}", networks=HOSTS_NETWORKS))
    assert refused(run(path, "status")).rule == "lab-none"


def test_a_name_without_purge_is_refused(home: Home, cloud: Path) -> None:
    assert refused(run(cloud, "down", "--name", "demo")).rule == "lab-name"


def test_a_name_that_is_a_path_purges_nothing(home: Home, cloud: Path) -> None:
    (home.root / "labs").mkdir(parents=True)
    assert refused(run(cloud, "down", "--purge", "--name", "../labs")).rule == "lab-name"
    assert (home.root / "labs").is_dir()


@pytest.mark.parametrize("target", ["10.0.0.1", ":80", "10.0.0.1:http"])
def test_a_target_is_an_address_and_a_port(home: Home, cloud: Path, target: str) -> None:
    assert refused(run(cloud, "forward", target)).rule == "lab-forward"


def test_images_are_listed_and_pruned(home: Home, cloud: Path) -> None:
    image = home.images / "0123456789ab"
    image.mkdir(parents=True)
    (image / FACTS_FILE).write_text(json.dumps({"name": "trixie", "built_at": "2025-01-01", "size_mb": 7}))
    assert "0123456789ab" in run(cloud, "image", "--list").output
    assert "removed 0123456789ab" in run(cloud, "image", "--prune").output
    assert "no images" in run(cloud, "image", "--list").output
