"""HOT templates, rally tasks, JSON and the Ruby of old test beds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from stackhaven.model.finding import ModelError
from stackhaven.model.lint.rule import WARNING, Hit, in_file
from stackhaven.model.lint.sources import Source
from stackhaven.model.source import parse

_HOT = ("hot",)
_DEEPEST = 40


def _template(source: Source) -> dict[str, Any]:
    try:
        data = parse(source.text, source.file).data
    except ModelError:
        return {}
    return data if isinstance(data, dict) else {}


def _uses(data: Any, function: str, depth: int = 0) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(data, dict):
        for key, value in data.items():
            if key == function:
                yield str(value[0] if isinstance(value, list) and value else value)
            yield from _uses(value, function, depth + 1)
    elif isinstance(data, list):
        for item in data:
            yield from _uses(item, function, depth + 1)


def _line(source: Source, word: str) -> int:
    pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    return next((n for n, line in enumerate(source.lines, 1) if pattern.search(line)), 0)


def _names(data: dict[str, Any], key: str) -> dict[str, Any]:
    part = data.get(key)
    return {str(k): v for k, v in part.items()} if isinstance(part, dict) else {}


@in_file(
    "hot-parameter-unknown",
    kinds=_HOT,
    catches=("E-35",),
    title="get_param of a parameter nobody declared",
    why="The stack is refused; after a rename, only in the branch that is rarely taken.",
)
def _unknown(source: Source) -> Iterator[Hit]:
    data = _template(source)
    known = set(_names(data, "parameters")) | {"OS::stack_name", "OS::stack_id", "OS::project_id"}
    for name in sorted(set(_uses(data.get("resources"), "get_param")) - known):
        yield Hit(
            source,
            _line(source, name),
            f"get_param: {name} is not declared",
            "declare it, or correct its name",
        )


@in_file(
    "hot-parameter-unused",
    kinds=_HOT,
    catches=("E-35",),
    title="A parameter that nothing uses",
    why="Often the sign that a literal or another name is used where the parameter was meant.",
    severity=WARNING,
)
def _unused(source: Source) -> Iterator[Hit]:
    data = _template(source)
    used = set(_uses(data, "get_param"))
    for name in sorted(set(_names(data, "parameters")) - used):
        yield Hit(source, _line(source, name), f"parameter {name} is never used", "use it or remove it")


@in_file(
    "hot-resource-unknown",
    kinds=_HOT,
    catches=("E-35",),
    title="A reference to a resource that is not there",
    why="get_attr and get_resource need a resource of this template.",
)
def _resource(source: Source) -> Iterator[Hit]:
    data = _template(source)
    resources = _names(data, "resources")
    for function in ("get_resource", "get_attr"):
        for name in sorted(set(_uses(data, function)) - set(resources)):
            what = f"{function}: there is no resource {name}"
            yield Hit(source, _line(source, name), what, "add it, or correct its name")


_GROUPS = ("OS::Heat::AutoScalingGroup", "OS::Heat::ResourceGroup", "OS::Heat::InstanceGroup")


def _typed(data: dict[str, Any], *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in _names(data, "resources").items():
        if isinstance(resource, dict) and resource.get("type") in types:
            properties = resource.get("properties")
            yield name, properties if isinstance(properties, dict) else {}


@in_file(
    "hot-group-attribute",
    kinds=_HOT,
    catches=("E-35",),
    title="A group is asked for one server's attribute",
    why="A group has lists (outputs_list, refs); first_address of a group is empty, and the member behind it too.",
)
def _group_attribute(source: Source) -> Iterator[Hit]:
    data = _template(source)
    groups = {name for name, _ in _typed(data, *_GROUPS)}
    for number, line in enumerate(source.lines, 1):
        found = re.search(
            r"get_attr:?\s*\[?\s*[\"']?(\w+)[\"']?\s*,\s*[\"']?(first_address|networks|accessIPv4)", line
        )
        if found and found[1] in groups:
            what = f"{found[1]} is a group and has no {found[2]}"
            yield Hit(source, number, what, "put the member into the group's own template")


@in_file(
    "hot-parameter-shadows",
    kinds=_HOT,
    catches=("E-35",),
    title="A parameter stands where a resource of the template is meant",
    why="The template makes a pool and asks the user for a pool's id: members land in another pool or in none.",
    severity=WARNING,
)
def _shadows(source: Source) -> Iterator[Hit]:
    data = _template(source)
    resources = _names(data, "resources")
    for name in sorted(_names(data, "parameters")):
        meant = name.removesuffix("_id")
        if meant != name and meant in resources and name in set(_uses(data, "get_param")):
            what = f"parameter {name} is used although resource {meant} is made here"
            yield Hit(source, _line(source, name), what, f"write get_resource: {meant}")


@in_file(
    "hot-group-fixed",
    kinds=_HOT,
    catches=("E-36",),
    title="A scaling group that cannot scale",
    why="With min_size equal to max_size every alarm is heard and nothing happens.",
)
def _fixed(source: Source) -> Iterator[Hit]:
    data = _template(source)
    for name, properties in _typed(data, "OS::Heat::AutoScalingGroup"):
        least, most = properties.get("min_size"), properties.get("max_size")
        if least is not None and least == most:
            what = f"{name} has min_size {least} and max_size {most}: it never grows"
            yield Hit(source, _line(source, "max_size"), what, "let max_size be larger")


@in_file(
    "hot-floating-router-port",
    kinds=_HOT,
    catches=("E-46",),
    title="A floating IP on a router's port",
    why="The address belongs to the guest's port; on the router's nobody is behind it.",
)
def _floating(source: Source) -> Iterator[Hit]:
    data = _template(source)
    router_ports = {
        str(p.get("port", {}).get("get_resource"))
        for _, p in _typed(data, "OS::Neutron::RouterInterface")
        if isinstance(p.get("port"), dict)
    }
    for name, properties in _typed(data, "OS::Neutron::FloatingIP", "OS::Neutron::FloatingIPAssociation"):
        port = properties.get("port_id")
        if isinstance(port, dict) and str(port.get("get_resource")) in router_ports:
            what = f"{name} is on port {port['get_resource']}, which is a router's"
            yield Hit(source, _line(source, name), what, "write the guest's port")


@in_file(
    "sg-open-database-hot",
    kinds=_HOT,
    catches=("E-29",),
    title="A template opens a database to the world",
    why="Only the application servers call it.",
)
def _open(source: Source) -> Iterator[Hit]:
    for name, properties in _typed(_template(source), "OS::Neutron::SecurityGroup"):
        for opening in properties.get("rules") or []:
            if not isinstance(opening, dict):
                continue
            everyone = (
                opening.get("remote_ip_prefix", "0.0.0.0/0") == "0.0.0.0/0"
                and "remote_group_id" not in opening
            )
            if str(opening.get("port_range_min")) in {"3306", "5432", "27017"} and everyone:
                what = f"{name} opens port {opening['port_range_min']} to every address"
                yield Hit(
                    source, _line(source, str(opening["port_range_min"])), what, "write remote_group_id"
                )


_SCENARIO = re.compile(r"[\"']?([A-Z][A-Za-z]+\.[a-z][a-z_]+)[\"']?\s*:")
_SCENARIO_MISSPELT = re.compile(
    r"[\"']?((?:Authenticate|NovaServers|KeystoneBasic)\.[a-z_]*[-A-Z ][\w-]*)[\"']?\s*:"
)


@in_file(
    "rally-task",
    kinds=("rally",),
    catches=("E-43",),
    title="A rally task that measures something else",
    why="failure_rate is a percentage, not a count; a scenario's name with a hyphen is not found; an SLA that the "
    "report does not repeat was never checked.",
)
def _rally(source: Source) -> Iterator[Hit]:
    for number, line in enumerate(source.lines, 1):
        wrong = _SCENARIO_MISSPELT.search(line)
        if wrong:
            yield Hit(
                source, number, f"there is no scenario {wrong[1]}", "rally plugin list --name finds its name"
            )
        if re.search(r"max_failure_percent|max_avg_duration_per_iteration\b", line):
            yield Hit(
                source,
                number,
                "the criterion is not one of rally's",
                "failure_rate: {max: 1} is in percent",
                WARNING,
            )
        rate = re.search(r"failure_rate[\"']?\s*:\s*\{[\"']?max[\"']?\s*:\s*(\d+)", line)
        if rate and int(rate[1][:6]) > 20:
            what = f"failure_rate max {rate[1]} allows {rate[1]} percent to fail"
            yield Hit(source, number, what, "failure_rate counts percent", WARNING)


@in_file(
    "statistic-sum",
    kinds=("json",),
    catches=("E-52",),
    title="A statistic whose sum is not average times count",
    why="One of the three figures is wrong; reports built on it are too.",
)
def _statistic(source: Source) -> Iterator[Hit]:
    try:
        data = json.loads(source.text)
    except (ValueError, RecursionError):
        return
    for item in data if isinstance(data, list) else [data]:
        if not isinstance(item, dict) or not {"avg", "count", "sum"} <= set(item):
            continue
        values = [item[key] for key in ("avg", "count", "sum")]
        if all(isinstance(v, int | float) and abs(v) < 1e15 for v in values):
            average, count, total = values
            if abs(average * count - total) > 1e-6 * max(1.0, abs(total)):
                what = f"sum is {total}, and avg times count is {average * count:.6f}"
                yield Hit(source, _line(source, "sum"), what, "find which of the three was copied wrongly")


@in_file(
    "json-broken",
    kinds=("json", "ruby"),
    catches=("E-53",),
    title="JSON that is not JSON, or in a Ruby file",
    why="A role without its last brace uploads as an error or not at all.",
)
def _json(source: Source) -> Iterator[Hit]:
    looks = source.text.lstrip().startswith("{")
    if source.base.endswith(".rb"):
        if looks and '"' in source.text[:200]:
            yield Hit(source, 1, "a .rb file holds JSON", "name it .json and upload it as JSON")
        return
    try:
        json.loads(source.text)
    except json.JSONDecodeError as error:
        opened, closed = source.text.count("{"), source.text.count("}")
        missing = f"; {opened - closed} closing brace(s) are missing" if opened > closed else ""
        yield Hit(
            source,
            error.lineno,
            f"not JSON: {error.msg.lower()}{missing}",
            "python3 -m json.tool shows where",
        )
    except (ValueError, RecursionError):
        yield Hit(source, 0, "not JSON that can be read", "is a number or the nesting far too large?")


@in_file(
    "ruby-end",
    kinds=("vagrant",),
    catches=("E-53",),
    title="Blocks and `end` do not match",
    why="The file is refused, or the loop ends before the machines are made.",
)
def _end(source: Source) -> Iterator[Hit]:
    depth = 0
    for number, line in enumerate(source.lines, 1):
        text = line.split("#")[0]
        if re.search(r"\bdo\b(\s*\|[^|]*\|)?\s*$|^\s*(if|unless|def|class|module|case|while)\b", text):
            depth += 1
        if re.match(r"^\s*end\b", text):
            depth -= 1
        if depth < 0:
            yield Hit(source, number, "an `end` too many", "remove it")
            return
    if depth > 0:
        yield Hit(source, len(source.lines), f"{depth} block(s) are never ended", "add `end`")


@in_file(
    "ruby-variable",
    kinds=("vagrant",),
    catches=("E-53",),
    title="A variable nobody set",
    why="The loop over machines stops at its first use.",
)
def _variable(source: Source) -> Iterator[Hit]:
    known: set[str] = set()
    for number, line in enumerate(source.lines, 1):
        for group in re.findall(r"\|([\w\s,]+)\|", line):
            known.update(w.strip() for w in group.split(","))
        known.update(re.findall(r"^\s*(\w+)\s*=(?!=)", line))
        for name in re.findall(r"#\{([a-z_]\w*)(?:\[|\.|\})", line) + re.findall(r"\b([a-z_]+)\.vm\.", line):
            if name not in known and name not in {"config", "ENV"}:
                yield Hit(
                    source, number, f"{name} is used and never set", f"known here: {', '.join(sorted(known))}"
                )
