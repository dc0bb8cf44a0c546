"""A YAML file with the place of every key and value, so that an error can point at its line.

The composed node graph is walked here rather than loaded, because a loader stops at the first duplicate key
and forgets where the others stood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from stackhaven.model.finding import Finding, ModelError, Path

LARGEST_BYTES = 2 * 2**20
"""A cloud of 5,000 machines written one by one has about 1 MB."""

MOST_VALUES = 200_000
DEEPEST = 40
_PREFIX = "tag:yaml.org,2002:"
_TYPED = frozenset(_PREFIX + kind for kind in ("null", "bool", "int", "float"))


@dataclass(frozen=True)
class Place:
    """Line and column, from 1, of a key and of its value."""

    key: tuple[int, int]
    value: tuple[int, int]


@dataclass
class Document:
    """The file's content as plain data, and where each path of it stands."""

    file: str
    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    values: int = 0
    scalars: Any = field(default_factory=lambda: YAML(typ="safe", pure=True).constructor, repr=False)

    def at(self, path: Path, *, key: bool = False) -> tuple[int, int]:
        """Line and column of a path, or of the nearest part above it that the file has."""
        for length in range(len(path), 0, -1):
            place = self.places.get(path[:length])
            if place is not None:
                return place.key if key or length < len(path) else place.value
        return (1, 1) if self.places else (0, 0)


def read_text(path: FilePath) -> str:
    """The text of a file.

    Raises:
        ModelError: rule ``file-...`` when there is no such file, or it is not a text of sensible size.

    """
    try:
        if path.is_dir():
            raise _unusable(path, "file-directory", "is a directory", "name the cloud.yaml in it with --file")
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        todo = "name the file with --file, or start from one of examples/"
        raise _unusable(path, "file-missing", "does not exist", todo) from None
    except OSError as error:
        raise _unusable(path, "file-unreadable", f"cannot be read: {error.strerror}", "") from None
    if len(raw) > LARGEST_BYTES:
        todo = "write alike machines as one entry with `count`"
        raise _unusable(path, "file-huge", f"is larger than {LARGEST_BYTES // 2**20} MiB", todo)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise _unusable(path, "file-binary", "is not a UTF-8 text", "name a YAML file with --file")
    return text


def parse(text: str, file: str) -> Document:
    """The document; duplicate keys and unknown tags are left in its `findings`.

    Raises:
        ModelError: rule ``yaml-...`` when there is no structure to go on with.

    """
    try:
        nodes = list(YAML(typ="safe", pure=True).compose_all(text))
    except MarkedYAMLError as error:
        raise ModelError((_syntax(error, file),)) from None
    except (YAMLError, RecursionError) as error:
        what = " ".join(str(error).split())[:200]
        raise ModelError((Finding(rule="yaml-syntax", what=f"not YAML: {what}", file=file),)) from None
    nodes = [n for n in nodes if n is not None]
    document = Document(file=file)
    if not nodes:
        todo = "start from one of examples/"
        raise ModelError((Finding(rule="yaml-empty", what="the file is empty", todo=todo, file=file),))
    if len(nodes) > 1:
        line, column = _mark(nodes[1])
        what = "a second YAML document begins here (`---`); one file describes one cloud"
        raise ModelError((Finding(rule="yaml-many", what=what, file=file, line=line, column=column),))
    if not isinstance(nodes[0], MappingNode):
        what = "the file is not a mapping of keys to values"
        todo = "begin with `name: mycloud`"
        line, column = _mark(nodes[0])
        finding = Finding(rule="yaml-shape", what=what, todo=todo, file=file, line=line, column=column)
        raise ModelError((finding,))
    document.data = _construct(document, nodes[0], ())
    return document


def _construct(document: Document, node: Node, path: Path) -> Any:
    document.values += 1
    if document.values > MOST_VALUES or len(path) > DEEPEST:
        what = "the file unfolds into too many values; do its aliases (`*name`) refer to themselves?"
        raise ModelError((Finding(rule="yaml-unfolds", what=what, file=document.file),))
    if isinstance(node, MappingNode):
        return _mapping(document, node, path)
    if isinstance(node, SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            document.places[here] = Place(_mark(item), _mark(item))
            items.append(_construct(document, item, here))
        return items
    return _scalar(document, node, path)


def _mapping(document: Document, node: MappingNode, path: Path) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    merged: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        if key_node.tag == _PREFIX + "merge":
            merges = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
            for merge in merges:
                merged = {**_construct(document, merge, path), **merged}
            continue
        if not isinstance(key_node, ScalarNode):
            _note(document, key_node, path, "yaml-key", "a key must be a single word")
            continue
        key = _characters(document, key_node, path)
        here = (*path, key)
        if key in result:
            first = document.places[here].key[0]
            _note(
                document, key_node, here, "yaml-duplicate", f"{key} stands here a second time (line {first})"
            )
            continue
        written = value_node.start_mark.index != value_node.end_mark.index
        document.places[here] = Place(_mark(key_node), _mark(value_node if written else key_node))
        result[key] = _construct(document, value_node, here)
    return {**merged, **result}


def _scalar(document: Document, node: Node, path: Path) -> Any:
    tag = str(node.tag)
    if not tag.startswith(_PREFIX):
        _note(document, node, path, "yaml-tag", f"unknown YAML tag {tag}")
        return _characters(document, node, path)
    if tag not in _TYPED:
        return _characters(document, node, path)
    try:
        return document.scalars.construct_object(node)
    except (ValueError, YAMLError):
        return node.value


def _characters(document: Document, node: Node, path: Path) -> str:
    """The text of a scalar; two escapes that make one character together, as JSON writes it, are that character."""
    units = str(node.value).encode("utf-16-le", "surrogatepass")
    try:
        return units.decode("utf-16-le")
    except UnicodeDecodeError:
        what = "half a character (an escape `\\ud800` to `\\udfff`); write the character"
        _note(document, node, path, "yaml-character", what)
        return units.decode("utf-16-le", "replace")


def _note(document: Document, node: Node, path: Path, rule: str, what: str) -> None:
    line, column = _mark(node)
    todo = "remove or rename one of the two" if rule == "yaml-duplicate" else ""
    document.findings.append(
        Finding(rule=rule, what=what, todo=todo, file=document.file, line=line, column=column, path=path)
    )


def _mark(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _syntax(error: MarkedYAMLError, file: str) -> Finding:
    mark = error.problem_mark or error.context_mark
    what = " ".join(filter(None, ("not YAML:", error.context, error.problem)))
    todo = ""
    if "\\t" in what or "tab" in what:
        todo = "indent with spaces, never with tabs"
    elif "mapping values are not allowed" in what:
        todo = "put quotes around a value that holds `: `, and check the indentation"
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Finding(rule="yaml-syntax", what=what, todo=todo, file=file, line=line, column=column)


def _unusable(path: FilePath, rule: str, what: str, todo: str) -> ModelError:
    return ModelError((Finding(rule=rule, what=f"{path} {what}", todo=todo, file=str(path)),))
