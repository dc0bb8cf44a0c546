"""The JSON Schema of ``cloud.yaml``, for editors and other tools."""

from __future__ import annotations

from typing import Any

from stackhaven.model.cloud import Cloud


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12). It knows the form of every key; relations between keys are the rules' part."""
    schema = Cloud.model_json_schema()
    either = [{"required": ["networks"]}, {"required": ["lab"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "anyOf": either}
