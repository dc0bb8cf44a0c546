from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import PurePath

import pytest

from stackhaven.design.addresses import layout_of
from stackhaven.model.load import parse_cloud
from stackhaven.model.options import UWSGI_FILES, canonical, known_files, options_of
from stackhaven.plan import File
from stackhaven.services.base import Site
from stackhaven.services.contents import declarations_of, plan_of, secret_names

pytestmark = pytest.mark.unit

CLOUD = """\
name: lab
lab: {}
nodes:
  c: {roles: [controller], count: 3}
  k: {roles: [compute, network], count: 2}
"""

KNOWN_WITHOUT_EFFECT = {
    # uWSGI takes any key as a variable of its own.
    ("nova-api-uwsgi.ini", "uwsgi", "name"),
    ("nova-api-uwsgi.ini", "uwsgi", "start-time"),
}


def written() -> Iterator[tuple[str, str, str]]:
    """File, section and option of everything that the services write into files with an option list."""
    for file in files():
        yield from options_in(file)


def files() -> Iterator[File]:
    layout = layout_of(parse_cloud(CLOUD))
    declared = declarations_of(layout)
    site = Site(
        layout=layout, declared=declared, secrets={name: f"({name})" for name in secret_names(declared)}
    )
    for step in plan_of(site):
        for node in step.nodes:
            yield from (r for r in step.resources(node) if isinstance(r, File))


def options_in(file: File) -> Iterator[tuple[str, str, str]]:
    name = "nova-api-uwsgi.ini" if "/uwsgi/" in file.path else PurePath(file.path).name
    if options_of(name) is None:
        return
    parser = configparser.RawConfigParser(
        strict=False, default_section="\0", delimiters=("=",), allow_no_value=True
    )
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(file.content)
    for section in parser.sections():
        for option in parser[section]:
            yield name, section, canonical(name, option)


def test_every_option_that_the_services_write_exists() -> None:
    unknown = set()
    for file, section, option in written():
        known = options_of(file)
        assert known is not None
        if option not in (known.section(section) or {}):
            unknown.add((file, section, option))
    assert unknown - KNOWN_WITHOUT_EFFECT == set()


def test_the_lists_hold_what_the_packages_are_known_to_have() -> None:
    assert len(known_files()) == 15
    for file, section, option in (
        ("nova.conf", "libvirt", "virt_type"),
        ("nova.conf", "keystone_authtoken", "username"),
        ("neutron.conf", "oslo_messaging_rabbit", "rabbit_quorum_queue"),
        ("ml2_conf.ini", "ovn", "ovn_nb_connection"),
        ("glance-api.conf", "os_glance_staging_store", "filesystem_store_datadir"),
        ("keystone.conf", "fernet_tokens", "key_repository"),
        ("placement.conf", "placement_database", "connection"),
        ("neutron_ovn_metadata_agent.ini", "DEFAULT", "metadata_proxy_shared_secret"),
        ("99-stackhaven.cnf", "mariadbd", "wsrep_cluster_address"),
        ("glance-api-uwsgi.ini", "uwsgi", "processes"),
    ):
        known = options_of(file)
        assert known is not None
        assert option in (known.section(section) or {}), (file, section, option)
    assert options_of("no-such.conf") is None


def test_every_uwsgi_file_that_the_services_write_takes_settings() -> None:
    units = {PurePath(file.path).stem for file in files() if "/uwsgi/" in file.path}
    assert {f"{unit}-uwsgi.ini" for unit in units} == UWSGI_FILES
