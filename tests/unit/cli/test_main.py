from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest

from stackhaven.cli import commands, main
from stackhaven.cli.commands import Entry
from stackhaven.cli.context import App, pass_app
from stackhaven.errors import HavenError, InputError
from stackhaven.plan.mask import Masker

pytestmark = pytest.mark.unit

HEAVY = ("pydantic", "rich", "ruamel", "jinja2", "networkx", "openstack", "asyncio", "importlib.metadata")
GOOD = "name: lab\nlab: {}\nnodes: {c: {roles: [controller], count: 3}, k: {roles: [compute, network], count: 2}}\n"


@click.command()
@pass_app
@click.option("--how", default="well")
def doomed(app: App, how: str) -> int:
    """Fail in a chosen way."""
    errors: dict[str, BaseException] = {
        "error": HavenError("the node burns", why="it is hot", todo="pour water", rule="fire"),
        "input": InputError("not so"),
        "defect": RuntimeError("secret-value-123 leaked"),
        "interrupt": KeyboardInterrupt(),
        "pipe": BrokenPipeError(),
    }
    if how in errors:
        raise errors[how]
    return 1 if how == "degraded" else 0


@pytest.fixture
def doom(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[__name__]
    monkeypatch.setattr(Entry, "module", property(lambda _: module.__name__))
    monkeypatch.setattr(commands, "SECTIONS", (("Test", (Entry("doomed", "x:doomed", "Fail."),)),))


def test_help_is_grouped_by_verbs_and_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--help"]) == 0
    text = capsys.readouterr().out
    for expected in ("Design:", "Build:", "check ", "schema ", "completion ", "Exit codes"):
        assert expected in text


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom stackhaven.cli.main import run\nassert run(['--help']) == 0\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == "[]\n"


def test_completing_imports_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    items = main.cli.shell_complete(click.Context(main.cli), "ch")
    assert [(i.value, bool(i.help)) for i in items] == [("check", True)]


def test_every_listed_command_exists() -> None:
    for _, entries in commands.available():
        for entry in entries:
            found = main.cli.get_command(click.Context(main.cli), entry.name)
            assert isinstance(found, click.Command), entry
            assert found.help, entry


def test_an_unknown_command_suggests_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["chekc"]) == 2
    assert "did you mean `haven check`?" in capsys.readouterr().err


def test_a_misplaced_file_option_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["check", "-f", "x"]) == 2
    assert "haven --file FILE COMMAND" in capsys.readouterr().err


@pytest.mark.usefixtures("doom")
@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        ("well", 0, ""),
        ("degraded", 1, ""),
        ("error", 1, "error: [fire] the node burns\n  why: it is hot\n  do:  pour water"),
        ("input", 2, "error: not so"),
        ("interrupt", 130, "the same command goes on"),
        ("pipe", 1, ""),
    ],
)
def test_every_end_has_its_exit_code_and_words(
    how: str, code: int, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "close", lambda: None)
    assert main.run(["doomed", "--how", how]) == code
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("doom")
def test_a_defect_is_one_line_and_a_report_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(App, "masked", lambda _, text: Masker(["secret-value-123"])(text))
    assert main.run(["doomed", "--how", "defect"]) == 70
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    (report,) = (tmp_path / "stackhaven").iterdir()
    assert str(report) in err
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    assert "RuntimeError: **** leaked" in text
    assert "secret-value-123" not in text


def test_the_file_comes_from_option_environment_or_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.run(["check"]) == 2
    assert "cloud.yaml does not exist" in capsys.readouterr().out
    (tmp_path / "other.yaml").write_text(GOOD)
    assert main.run(["--file", "other.yaml", "check"]) == 0
    monkeypatch.setenv("HAVEN_FILE", "other.yaml")
    assert main.run(["check"]) == 0
    assert "5 machines, 3 controllers" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("haven ")
