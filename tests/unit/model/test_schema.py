from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from stackhaven.model.schema import json_schema

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[3] / "examples"


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("name", ["lab", "small", "one", "hosts"])
def test_the_examples_fit_it(name: str) -> None:
    jsonschema.validate(load((EXAMPLES / f"{name}.yaml").read_text()), json_schema())


@pytest.mark.parametrize(
    "text",
    [
        "{name: x, nodes: {c: {roles: [controller]}}}",
        "{name: x, lab: {}, nodes: {}}",
        "{name: x, lab: {}, nodes: {c: {roles: [king]}}}",
        "{name: x, lab: {}, nodes: {c: {roles: [controller]}}, typo: 1}",
        "{name: X!, lab: {}, nodes: {c: {roles: [controller]}}}",
    ],
)
def test_an_editor_refuses_what_the_model_refuses(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(load(text), json_schema())


def test_every_key_is_described() -> None:
    schema = json_schema()
    silent = [
        f"{name}.{key}"
        for name, part in [("Cloud", schema), *schema["$defs"].items()]
        for key, value in part.get("properties", {}).items()
        if not value.get("description") and "$ref" not in value
    ]
    assert silent == []
