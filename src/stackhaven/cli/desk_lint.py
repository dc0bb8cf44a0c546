"""``haven lint``: rules over clouds, designs, and the configuration files of clouds that others built."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.cli.desk_files import DESIGN_FILE, document, kind_of, open_file
from stackhaven.design.checks import PLAN_RULES, check
from stackhaven.errors import InputError
from stackhaven.model.finding import Finding, ModelError, Severity, dotted
from stackhaven.model.lint import Source, explain
from stackhaven.model.lint import lint as lint_sources
from stackhaven.model.lint.handbook import page
from stackhaven.model.lint.rule import rules
from stackhaven.model.lint.sarif import as_sarif
from stackhaven.model.load import check_text
from stackhaven.model.rules import explain as explain_model
from stackhaven.model.source import read_text

EXIT_WRONG = 2
FILES_MOST = 2000
_SKIP = {".git", ".venv", ".haven", "node_modules", "__pycache__"}
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--explain", "rule_id", metavar="RULE", help="Say what a rule is about and why.")
@click.option("--rules", "list_rules", is_flag=True, help="List every rule.")
@click.option("--handbook", is_flag=True, help="Print the reference page of all rules.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--sarif", is_flag=True, help="Print the findings as SARIF 2.1.0.")
@pass_app
def lint(
    app: App,
    *,
    paths: tuple[Path, ...],
    rule_id: str | None,
    list_rules: bool,
    handbook: bool,
    as_json: bool,
    sarif: bool,
) -> int:
    """Judge a cloud by the rules of good design, and explain them.

    PATHS are cloud.yaml files, designs, configuration files of any cloud (haproxy.cfg, keepalived.conf, nova.conf,
    galera.cnf, rings, templates and so on) or folders of them; files are read together, so that relations between
    them are seen. Default: ./cloud.yaml and ./design.yaml. Nothing is touched. Exit code 2 when there is an error.
    """
    if rule_id is not None:
        return _explain(rule_id)
    if handbook:
        click.echo(page(), nl=False)
        return 0
    if list_rules:
        for name, about in sorted(_texts().items()):
            click.echo(f"{name:28} {about}")
        return 0
    found = _judge([p for path in (paths or _usual(app.file)) for p in _files(path)])
    errors = sum(f.severity is Severity.ERROR for f in found)
    if sarif:
        click.echo(json.dumps(as_sarif(found, _texts(), version("stackhaven")), indent=2))
    elif as_json:
        click.echo(json.dumps([f.as_data() for f in found], indent=2))
    else:
        for finding in found:
            sign = click.style(finding.severity, fg=_COLOURS[finding.severity])
            click.echo(str(finding).replace(f": {finding.severity}: ", f": {sign}: ", 1))
        warnings = len(found) - errors
        click.echo(f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}")
    return EXIT_WRONG if errors else 0


def _explain(rule_id: str) -> int:
    said = explain(rule_id) or explain_model(rule_id)
    plan = PLAN_RULES.get(rule_id)
    if plan:
        said = f"{plan.id} (designs)\n{plan.why}" + "".join(f"\n  case {case}" for case in plan.catches)
    if not said:
        raise InputError(
            f"there is no rule {rule_id}", todo="haven lint --rules lists them", rule="rule-unknown"
        )
    click.echo(said)
    return 0


def _texts() -> dict[str, str]:
    return {r.id: r.title for r in rules().values()} | {r.id: r.why for r in PLAN_RULES.values()}


def _usual(cloud: Path) -> tuple[Path, ...]:
    there = tuple(path for path in (cloud, DESIGN_FILE) if path.exists())
    return there or (cloud,)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    count = 0
    for file in sorted(path.rglob("*")):
        if _SKIP.intersection(file.parts) or not file.is_file():
            continue
        count += 1
        if count > FILES_MOST:
            raise InputError(
                f"{path} has more than {FILES_MOST} files", todo="name folders below it", rule="lint-many"
            )
        yield file


def _judge(files: list[Path]) -> list[Finding]:
    found: list[Finding] = []
    sources: list[Source] = []
    for path in files:
        try:
            text = read_text(path)
        except ModelError as error:
            found += error.findings
            continue
        kind = kind_of(text, str(path)) if path.suffix in {".yaml", ".yml"} else ""
        if kind == "cloud" or (not kind and path.name == "cloud.yaml"):
            found += check_text(text, str(path)).findings
        elif kind == "design" or (not kind and path.name == "design.yaml"):
            found += _design(path)
        elif kind != "hardware":
            sources.append(Source(str(path), text))
    found += lint_sources(sources)
    return sorted(dict.fromkeys(found), key=lambda f: (f.file, f.line, f.rule))


def _design(path: Path) -> list[Finding]:
    try:
        opened = open_file(path)
        places = document(path)
    except ModelError as error:
        return list(error.findings)
    except InputError as error:
        return [Finding(rule=error.rule or "design", what=error.what, todo=error.todo, file=str(path))]
    located = []
    for finding in check(opened.topology, str(path)):
        line, column = places.at(finding.path)
        located.append(
            Finding(
                rule=finding.rule,
                what=f"{dotted(finding.path)}: {finding.what}",
                todo=finding.todo,
                file=str(path),
                line=line,
                column=column,
                path=finding.path,
                severity=finding.severity,
            )
        )
    return located
