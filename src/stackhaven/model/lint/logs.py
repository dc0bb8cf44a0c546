"""Log patterns, shippers, monitoring and machines of the provisioner."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from stackhaven.model.lint.parsers import commands, options
from stackhaven.model.lint.rule import WARNING, Hit, between_files, in_file
from stackhaven.model.lint.sources import Source

_LEVELS = ("DEBUG", "INFO", "AUDIT", "WARNING", "ERROR", "CRITICAL", "TRACE")


@in_file(
    "grok-alternation",
    kinds=("grok",),
    catches=("E-41",),
    title="A bar is missing or inside brackets",
    why="[A|a] matches the bar too, and two words without a bar between them are one word: levels are not recognised "
    "and their lines are lost to every alarm.",
)
def _alternation(source: Source) -> Iterator[Hit]:
    for number, line in enumerate(source.lines, 1):
        pattern = line.split(None, 1)[1] if re.match(r"^[A-Z]\w*\s", line) else ""
        glued = re.search(r"(CRITICAL|WARNING|ERROR|DEBUG|INFO|TRACE)(\[[A-Za-z|]+\]\w+)", pattern)
        if glued:
            what = f"{glued[1]}{glued[2]} is one word: a bar is missing between two levels"
            yield Hit(source, number, what, f"write {glued[1]}|{glued[2].replace('|', '')}")
        elif re.search(r"\[\w\|\w\]", pattern):
            yield Hit(source, number, "a bar inside brackets is matched as a bar", "write [Aa]")


@in_file(
    "grok-level",
    kinds=("grok",),
    catches=("E-41",),
    title="A level that is not matched",
    why="Lines of a level the pattern does not know are tagged as failures or dropped.",
    severity=WARNING,
)
def _level(source: Source) -> Iterator[Hit]:
    for number, line in enumerate(source.lines, 1):
        found = re.match(r"^(\w*LOGLEVEL)\s+(.{1,500})$", line)
        if not found:
            continue
        try:
            missed = [level for level in _LEVELS if not re.search(rf"(?:{found[2]})", level)]
        except (re.error, RecursionError):
            yield Hit(source, number, f"{found[1]} is not a pattern", "count its brackets")
            continue
        if missed:
            yield Hit(source, number, f"{found[1]} does not match {', '.join(missed)}", "add them")


@in_file(
    "multiline-after-grok",
    kinds=("grok",),
    catches=("E-41",),
    title="Lines are joined after they were parsed",
    why="A traceback is parsed line by line first: its first line alone keeps the fields.",
)
def _multiline(source: Source) -> Iterator[Hit]:
    grok = 0
    for number, line in enumerate(source.lines, 1):
        if re.match(r"^\s*grok\s*\{", line):
            grok = grok or number
        if re.match(r"^\s*multiline\s*\{", line) and grok:
            what = f"multiline comes after grok (line {grok})"
            yield Hit(source, number, what, "join lines in the input's codec, before any filter")
            return


@in_file(
    "grok-field-name",
    kinds=("grok",),
    catches=("E-41",),
    title="A field that is called something else than it is",
    why="A process id called response makes every graph of responses wrong.",
    severity=WARNING,
)
def _field(source: Source) -> Iterator[Hit]:
    for number, line in enumerate(source.lines, 1):
        found = re.search(
            r"%\{TIMESTAMP_ISO8601:\w+\}\s*%\{(?:NUMBER|INT|POSINT):(response|status|bytes)\}", line
        )
        if found:
            what = f"the number behind the time is the process id, and is called {found[1]}"
            yield Hit(source, number, what, "name it pid")


_READ = re.compile(
    r"(?:ssl_certificate|ssl[ _]ca|ssl_certificate_authorities)[\"']?\s*(?:=>|:|=)\s*"
    r"\[?\s*[\"']([^\"']+\.crt)"
)


@between_files(
    "cert-path-differs",
    catches=("E-39",),
    title="A certificate is read where it was not written",
    why="The shipper and its server must use one certificate; a file of another name is missing or an old one.",
)
def _cert(sources: Sequence[Source]) -> Iterator[Hit]:
    made = {
        m[1]: (s.file, n)
        for s in sources
        for n, line in enumerate(s.lines, 1)
        for m in re.finditer(r"openssl req\b.*-out\s+(\S+\.crt)", line)
    }
    if not made:
        return
    bases = {path.rsplit("/", 1)[-1] for path in made}
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            found = _READ.search(line)
            if found and found[1] not in made and found[1].rsplit("/", 1)[-1] not in bases:
                what = f"{found[1]} is read, and what is made is {', '.join(sorted(made))}"
                yield Hit(source, number, what, "use one path everywhere")


_PROMPT = re.compile(r"@([\w.-]+?)(?:\s|:~|\]).*[#$]\s*scp\s+\S+@([\w.-]+):")


@in_file(
    "copy-from-itself",
    kinds=("shell",),
    catches=("E-39",),
    title="A copy from and to the same machine",
    why="The certificate never leaves the machine it was made on.",
)
def _itself(source: Source) -> Iterator[Hit]:
    for number, line in enumerate(source.lines, 1):
        found = _PROMPT.search(line)
        if found and found[1] == found[2]:
            what = f"{found[2]} copies from itself"
            yield Hit(source, number, what, "write the machine that has the file")


@in_file(
    "memcached-size",
    kinds=("memcached", "shell"),
    catches=("E-42",),
    title="The cache is not the size it was set to",
    why="CACHESIZE counts MiB, limit_maxbytes bytes: when they differ the figures are of another machine or of a "
    "process started before the change.",
    severity=WARNING,
)
def _cache_size(source: Source) -> Iterator[Hit]:
    told = [(o.value.strip("\"'"), o.line) for o in options(source) if o.name == "CACHESIZE"]
    for number, line in enumerate(source.lines, 1):
        found = re.search(r"limit_maxbytes\s+(\d{1,15})", line)
        if found and told and told[0][0].isdigit() and int(told[0][0][:9]) * 2**20 != int(found[1]):
            what = f"CACHESIZE is {told[0][0]} MiB, limit_maxbytes {int(found[1]) // 2**20} MiB"
            yield Hit(source, number, what, "restart memcached, and look at the same machine")


_XCAT = (
    "groups",
    "ip",
    "mac",
    "mgt",
    "bmc",
    "netboot",
    "arch",
    "primarynic",
    "installnic",
    "profile",
    "provmethod",
    "os",
    "cfgmgr",
    "cfgmgtmethod",
    "cfgmgtroles",
    "cfgserver",
    "cfgmgtserver",
    "monserver",
    "nfsserver",
    "postscripts",
    "postbootscripts",
    "conserver",
    "serialport",
    "serialspeed",
    "xcatmaster",
    "power",
    "cons",
    "nicips",
    "nicnetworks",
    "nictypes",
    "domain",
    "nameservers",
    "dynamicrange",
)


@in_file(
    "attribute-misspelt",
    kinds=("xcat",),
    catches=("E-33",),
    title="A machine attribute that does not exist",
    why="The provisioner stores it without a word, and the node installs with the default.",
)
def _attribute(source: Source) -> Iterator[Hit]:
    for command in commands(source):
        if command.words[0] not in {"chdef", "mkdef"}:
            continue
        for word in command.words[1:]:
            name, equals, _ = word.partition("=")
            if equals and name.isidentifier() and name not in _XCAT:
                near = get_close_matches(name, _XCAT, n=1, cutoff=0.6)
                if near:
                    yield Hit(
                        source, command.line, f"there is no attribute {name}", f"did you mean {near[0]}?"
                    )


@in_file(
    "nodes-planned-differ",
    kinds=("xcat",),
    catches=("E-33", "E-49"),
    title="A group is defined with another number of machines",
    why="Nodes that exist in the inventory only are waited for, monitored and never there.",
    severity=WARNING,
)
def _planned(source: Source) -> Iterator[Hit]:
    sizes: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(source.lines, 1):
        for found in re.finditer(r"\b([a-z]+)\[(\d{1,4})-(\d{1,4})\]", line):
            count = int(found[3]) - int(found[2]) + 1
            known, where = sizes.setdefault(found[1], (count, number))
            if known != count:
                what = f"{found[1]} is {count} machines here and {known} in line {where}"
                yield Hit(source, number, what, "write the same range everywhere")


@in_file(
    "juju-machine-shared",
    kinds=("juju",),
    catches=("E-50",),
    title="A machine is hypervisor and controller at once",
    why="Guests take the memory the control plane needs, and losing the machine costs both.",
    severity=WARNING,
)
def _shared(source: Source) -> Iterator[Hit]:
    units: dict[str, list[tuple[str, int]]] = {}
    service, inside = "", False
    for number, line in enumerate(source.lines, 1):
        if re.match(r"^\s{2}[\w-]+:\s*$", line):
            service, inside = line.strip().rstrip(":"), False
        inside = inside or bool(re.match(r"^\s+to:", line))
        for target in re.findall(r"(?:lxc|lxd|kvm)?:?(\d+)(?=[\"',\]\s]|$)", line) if inside else []:
            units.setdefault(target, []).append((service, number))
        if inside and re.match(r"^\s{4}\w", line) and not re.match(r"^\s+to:", line):
            inside = False
    for target, placed in units.items():
        names = {name for name, _ in placed}
        computes = [n for n in names if "nova-compute" in n]
        control = sorted(n for n in names if re.search(r"controller|keystone|percona|mysql|rabbit|glance", n))
        if computes and control:
            what = f"machine {target} holds nova-compute and {', '.join(control)}"
            yield Hit(source, placed[0][1], what, "give hypervisors machines of their own")
