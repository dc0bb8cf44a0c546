"""``haven``: finds the command, runs it, and turns every error into words and an exit code."""

from __future__ import annotations

import importlib
import sys
from difflib import get_close_matches
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from stackhaven.cli.commands import available, find
from stackhaven.cli.context import DEFAULT_FILE, App
from stackhaven.errors import HavenError

EXIT_INTERRUPTED = 130
EXIT_UNEXPECTED = 70
_EPILOG = """\
\b
Exit codes: 0 done, 1 failed or degraded, 2 what you wrote is wrong and nothing
was touched, 3 `haven plan` has changes to show, 70 a defect of haven itself,
130 interrupted.
"""


class LazyGroup(click.Group):
    """Commands by table: a module is imported when its command is called, so that help is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every command, in the table's order."""
        return [entry.name for _, entries in available() for entry in entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now; None when there is none of this name."""
        entry = find(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.attribute, None)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the one that was meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"did you mean `haven {near[0]}`?" if near else "`haven --help` lists all commands"
            raise click.UsageError(f"there is no command {args[0]!r}; {hint}", ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, from the table: completing must not import them all."""
        entries = (entry for _, group in available() for entry in group)
        items = [CompletionItem(e.name, help=e.help) for e in entries if e.name.startswith(incomplete)]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The commands by what they are for."""
        for title, entries in available():
            with formatter.section(title):
                formatter.write_dl([(entry.name, entry.help) for entry in entries], col_max=16)


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"haven {version('stackhaven')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    default=DEFAULT_FILE,
    envvar="HAVEN_FILE",
    metavar="FILE",
    help="The description of the cloud. Default: $HAVEN_FILE, or ./cloud.yaml.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context, file: Path) -> None:
    """Design, build, watch, break and operate a highly available OpenStack from one file.

    A newcomer types `haven check`, `haven up` and `haven verify`.
    """
    ctx.ensure_object(App).file = file


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code. No exception leaves, and no traceback reaches a person."""
    app = App()
    try:
        result = cli.main(args=arguments, prog_name="haven", standalone_mode=False, obj=app)
    except HavenError as error:
        _complain(app.masked(str(error)))
        return error.exit_code
    except click.ClickException as error:
        _usage(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted; the same command goes on where this one stopped")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        from stackhaven.cli.crash import save_report

        report = save_report(error, app)
        _complain(f"unexpected {type(error).__name__}, a defect of haven; details are in {report}")
        return EXIT_UNEXPECTED
    return result if isinstance(result, int) else 0


def _usage(error: click.ClickException) -> None:
    error.show()
    if isinstance(error, click.NoSuchOption) and error.option_name in {"-f", "--file"}:
        click.echo("The file is named before the command: haven --file FILE COMMAND", err=True)


def _complain(text: str) -> None:
    click.echo(click.style("error: ", fg="red", bold=True) + text, err=True)
