"""The JSON Schema of a site file, by which an editor completes and checks it.

It comes from the pydantic models; what the reader puts in before they see the file (values of assumptions, limits,
templates) is allowed here too.
"""

from __future__ import annotations

from typing import Any

from k2rel.site.document import SiteDocument
from k2rel.site.limits import FAMILIES, LIMITED
from k2rel.site.template_schema import with_templates

__all__ = ["json_schema"]

_REFERENCE = {"type": "string", "pattern": "^=.", "description": "an assumption's value"}

_NUMBER = {"type": ["number", "string"]}
_LIMITS = {
    "type": "object",
    "description": "a value that is known within limits",
    "properties": {
        "value": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "distribution": {"enum": list(FAMILIES)},
        **{key: {"type": "string"} for key in ("evidence", "source", "reason")},
    },
    "required": ["value", "low", "high"],
    "additionalProperties": False,
}


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of a site file.

    Examples
    --------
    >>> json_schema()["title"]
    'k2rel site file'
    """
    schema = with_templates(_with_limits(_with_references(SiteDocument.model_json_schema(by_alias=True))))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "k2rel site file"}


def _with_references(schema: Any) -> Any:
    """Allow ``=name`` wherever one value stands, as the reader does."""
    if isinstance(schema, list):
        return [_with_references(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _with_references(value) if key != "default" else value for key, value in schema.items()}
    one_value = schema.get("type") in ("number", "integer", "boolean")
    if one_value or isinstance(schema.get("enum"), list) or isinstance(schema.get("const"), str | int):
        about = {key: result.pop(key) for key in ("title", "description", "default") if key in result}
        return {**about, "anyOf": [result, _REFERENCE]}
    return result


def _with_limits(schema: Any) -> Any:
    """Allow a value with limits wherever a number stands that may have them."""
    if isinstance(schema, list):
        return [_with_limits(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _with_limits(value) for key, value in schema.items()}
    properties = result.get("properties", {})
    for key in dict.fromkeys(name.removeprefix("path_failover_").removeprefix("fence_") for name in LIMITED):
        if key in properties:
            about = {name: properties[key].pop(name) for name in ("title", "description") if name in properties[key]}
            for form in properties[key].get("anyOf", ()):  # of numbers by what failed, each
                if isinstance(form.get("additionalProperties"), dict):
                    form["additionalProperties"] = {"anyOf": [form["additionalProperties"], _LIMITS]}
            properties[key] = {**about, "anyOf": [properties[key], _LIMITS]}
    return result
