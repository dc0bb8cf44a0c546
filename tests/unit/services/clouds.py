"""Clouds to compute plans of: what services read is a layout, secrets and what all services declare."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from stackhaven.design.addresses import layout_of
from stackhaven.model.fencing import password_names
from stackhaven.model.load import parse_cloud
from stackhaven.services.base import Site
from stackhaven.services.contents import declarations_of, secret_names

EXAMPLES = Path(__file__).parents[3] / "examples"
SMALL = "name: little\nlab: {}\nservices: [keystone]\nnodes:\n  c: {roles: [controller], count: 3}\n"
ODD = """
name: odd
lab: {datapath: kernel}
vip: {internal: 10.9.0.5, public: 10.9.0.6}
networks:
  management: {cidr: 10.9.0.0/24}
settings:
  nova.conf: {DEFAULT: {report_interval: 7}, api: {compute_link_prefix: "https://odd.example"}}
  99-stackhaven.cnf: {mysqld: {innodb_lock_wait_timeout: 9}}
nodes:
  c: {roles: [controller], count: 5}
  k: {roles: [compute, network], count: 3}
"""
TEXTS = {
    "small": SMALL,
    "odd": ODD,
    **{name: (EXAMPLES / f"{name}.yaml").read_text() for name in ("lab", "one", "hosts", "pacemaker")},
}


@cache
def site_of(name: str) -> Site:
    """The site of one of `TEXTS`, its secrets as plain as can be: ``secret-<name>-value``."""
    layout = layout_of(parse_cloud(TEXTS[name]))
    declared = declarations_of(layout)
    names = (*secret_names(declared), *password_names(layout.cloud))
    secrets = {secret: f"secret-{secret}-value" for secret in names}
    return Site(layout=layout, secrets=secrets, declared=declared, kernel_datapath=name == "odd")
