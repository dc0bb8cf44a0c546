"""Write `src/stackhaven/model/options/*.json`: every option each configuration file knows, asked of its own programs.

    python3 tools/option_lists.py TREE

TREE is a root directory with all packages of the cloud installed (`haven lab image` makes one). Per file: section,
option, and what is known of its value (type, bounds, choices, whether it is a secret). Options that only have a new
name are kept under their old one with `now`. Run it again for a new release and read the diff.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src/stackhaven/model/options"
TIMEOUT_S = 120

COMMON = (
    "oslo.log",
    "oslo.concurrency",
    "oslo.db",
    "oslo.messaging",
    "oslo.cache",
    "oslo.policy",
    "oslo.middleware",
    "oslo.reports",
    "oslo.limit",
    "oslo.service.service",
    "oslo.service.periodic_task",
    "oslo.service.sslutils",
    "oslo.service.wsgi",
    "oslo.versionedobjects",
    "osprofiler",
)
SERVICE = (
    *COMMON,
    "keystonemiddleware.auth_token",
    "keystonemiddleware.audit",
    "castellan.config",
    "oslo.privsep",
)
NAMESPACES = {
    "keystone.conf": ("keystone", *COMMON),
    "glance-api.conf": (
        "glance.api",
        "glance.cache",
        "glance",
        "glance.store",
        "glance.multi_store",
        *SERVICE,
    ),
    "placement.conf": ("placement.conf", *SERVICE),
    "nova.conf": ("nova.conf", "os_vif", *SERVICE),
    "neutron.conf": (
        "neutron",
        "neutron.agent",
        "neutron.base.agent",
        "neutron.db",
        "neutron.extensions",
        "neutron.experimental",
        "nova.auth",
        "ironic.auth",
        "placement.auth",
        "designate.auth",
        *SERVICE,
    ),
    "ml2_conf.ini": ("neutron.ml2", "neutron.ml2.ovn", "oslo.log"),
    "neutron_ovn_metadata_agent.ini": (
        "neutron.ovn.metadata.agent",
        "neutron.agent",
        "neutron.metadata.agent",
        "neutron.ml2.ovn",
        *COMMON,
        "oslo.privsep",
    ),
}
STORES = {"glance-api.conf": ("glance_store", "os_glance_staging_store", "os_glance_tasks_store")}
"""The first section's options may stand in the others and in every section that names a backend."""

AUTH_PLUGINS = ("password", "v3password", "v3applicationcredential")
ASK_AUTH = f"""
import json
from keystoneauth1 import loading
print(json.dumps([[o.dest, o.secret] for p in {AUTH_PLUGINS} for o in loading.get_plugin_loader(p).get_options()]))
"""

Spec = dict[str, Any]
Options = dict[str, dict[str, Spec]]


def main() -> None:
    """Ask every program and write one file each."""
    tree = sys.argv[1]
    auth = {
        name.replace("-", "_"): {"secret": True} if secret else {}
        for name, secret in json.loads(ask(tree, "python3", "-c", ASK_AUTH))
    }
    for file, namespaces in NAMESPACES.items():
        write(file, oslo_options(tree, file, namespaces, auth))
    write("99-stackhaven.cnf", {section: mariadb_options(tree) for section in ("mariadbd", "mysqld")})
    write("uwsgi.ini", {"uwsgi": uwsgi_options(tree)})


def oslo_options(tree: str, file: str, namespaces: tuple[str, ...], auth: dict[str, Spec]) -> Options:
    """All options of an oslo.config program; sections that sign in somewhere take the auth plugins' options too."""
    argv = [part for namespace in namespaces for part in ("--namespace", namespace)]
    answer = json.loads(ask(tree, "oslo-config-generator", "--format", "json", *argv))
    options: Options = {}
    for section, group in answer["options"].items():
        known = options.setdefault(section, {})
        for option in group["opts"]:
            known[option["dest"]] = spec_of(option)
        if "auth_type" in known:
            known.update({name: spec for name, spec in auth.items() if name not in known})
    for section, group in answer["deprecated_options"].items():
        for option in group:
            now = f"[{option['replacement_group']}] {option['replacement_name']}"
            options.setdefault(section, {}).setdefault(option["name"].replace("-", "_"), {"now": now})
    for store in STORES.get(file, ())[1:]:
        options.setdefault(store, {}).update(options[STORES[file][0]])
    return options


def spec_of(option: dict[str, Any]) -> Spec:
    """What is known of a value, without what is usual."""
    kind = option["type"].removesuffix(" value")
    spec: Spec = {} if kind in {"string", "unknown"} else {"type": kind}
    for bound in ("min", "max"):
        if option[bound] is not None and kind in {"integer", "floating point", "port"}:
            spec[bound] = option[bound]
    choices = [choice[0] for choice in option["choices"]]
    if choices and all(isinstance(choice, str) and choice for choice in choices):
        spec["choices"] = choices
    if option["secret"]:
        spec["secret"] = True
    if option["deprecated_for_removal"]:
        spec["removal"] = True
    return spec


def mariadb_options(tree: str) -> dict[str, Spec]:
    """Every variable of the database server."""
    table = ask(tree, "mariadbd", "--no-defaults", "--verbose", "--help").split("\n---", 1)[1]
    names = re.findall(r"^([a-z][A-Za-z0-9-]+) ", table.split("\n\n", 1)[0], flags=re.MULTILINE)
    return {name.replace("-", "_"): {} for name in names}


def uwsgi_options(tree: str) -> dict[str, Spec]:
    """Every option of uWSGI with its Python plugin, and `name`, which our template reads."""
    names = re.findall(r"--([a-z][a-z0-9-]+)", ask(tree, "uwsgi_python3", "--help"))
    return {name: {} for name in sorted(set(names))}


def ask(tree: str, *argv: str) -> str:
    """What a program in the tree prints."""
    return subprocess.run(
        ["chroot", tree, *argv],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=TIMEOUT_S,
    ).stdout


def write(file: str, options: Options) -> None:
    """One section a line, sorted, so that a release's changes are a short diff."""
    lines = [
        f"{json.dumps(section)}: {json.dumps(options[section], sort_keys=True, separators=(',', ':'))}"
        for section in sorted(options)
        if options[section]
    ]
    (TARGET / f"{file}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    count = sum(map(len, options.values()))
    sys.stdout.write(f"{file}: {count} options in {len(lines)} sections\n")


if __name__ == "__main__":
    main()
