from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from stackhaven.cli.main import cli

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"!?\[(?:[^][]|\[[^][]*\])*\]\(([^()\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^ {4,}(?:\$ )?|^\$ |^|`)haven ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)", re.MULTILINE)
FENCE_BODY = re.compile(r"^```[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    """The text without fenced code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Every link to a file of the repository, with its anchor."""
    for target in LINK.findall(prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        yield (page.parent / path).resolve() if path else page, anchor


def commands(page: Path) -> set[str]:
    """The first two words after every `haven` in code, inline or in blocks."""
    text = page.read_text(encoding="utf-8")
    code = [
        *FENCE_BODY.findall(text),
        *re.findall(r"^ {4,}.*$", text, re.MULTILINE),
        *re.findall(r"`[^`\n]+`", text),
    ]
    return {found for part in code for found in COMMAND.findall(part)}


def anchors(page: Path) -> set[str]:
    """What can stand after `#`, as usual renderers make it of headings."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {word.strip().replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = [str(target) for target, _ in links(page) if not target.exists()]
    lost += [f"{t}#{a}" for t, a in links(page) if a and t.suffix == ".md" and a not in anchors(t)]
    assert lost == []


def test_every_page_is_reachable_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            waiting += [target for target, _ in links(page)]
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in reached] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_named_exists(page: Path) -> None:
    context = click.Context(cli)
    unknown = []
    for words in sorted(commands(page)):
        first, _, second = words.partition(" ")
        found = cli.get_command(context, first)
        if found is None or (isinstance(found, click.Group) and second and second not in found.commands):
            unknown.append(f"haven {words}")
    assert unknown == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("# One `b` two\n[x](b.md) ![y](#one-b-two)\n```\n[z](c.md)\n```\n", encoding="utf-8")
    assert list(links(page)) == [(tmp_path / "b.md", ""), (page, "one-b-two")]
    assert anchors(page) == {"one-b-two"}


def test_commands_are_found_wherever_code_stands(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("Say `haven lab up` or\n\n    haven verify --keep\n\n```console\n$ haven log last\n```\n")
    assert commands(page) == {"lab up", "verify", "log last"}
