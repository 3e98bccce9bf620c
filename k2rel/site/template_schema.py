"""Templates in the JSON Schema of a site file: what stands in a file before they are written out."""

from __future__ import annotations

from typing import Any

from k2rel.site.template_text import VARIABLE

__all__ = ["with_templates"]

_FILLED = {"type": "string", "pattern": "[{].+[}]", "description": "a text of a template, such as {n+1}"}
_ONE = {"type": ["string", "number", "boolean"]}
_REPEAT = {
    "type": "object",
    "description": "write the entry once for each value: ranges such as 1..4 or A..D, or lists; of several variables, "
    "each with each",
    "minProperties": 1,
    "propertyNames": {"pattern": f"^{VARIABLE.pattern}$"},
    "additionalProperties": {
        "anyOf": [{"type": "string", "pattern": r"\.\."}, {"type": "array", "items": _ONE, "minItems": 1}]
    },
}
_EACH = {
    "type": "object",
    "description": "what is written once for each value, if it is not a mapping",
    "properties": {"repeat": {"$ref": "#/$defs/Repeat"}, "each": {}},
    "required": ["repeat", "each"],
    "additionalProperties": False,
}
_NAMES: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Each"}]}},
    ]
}
_PATTERNS: dict[str, Any] = {
    "mesh": {
        "type": "array",
        "items": _NAMES,
        "minItems": 1,
        "maxItems": 2,
        "description": "a link from each component of the first list to each of the second; * and ? stand for any "
        "characters; {a} and {b} are the names of the ends, {i} and {j} their places in the lists",
    },
    "one_to_one": {
        "type": "array",
        "items": _NAMES,
        "minItems": 2,
        "maxItems": 2,
        "description": "a link from each component of the first list to that at the same place of the second",
    },
    "pairs": {
        "type": "array",
        "minItems": 1,
        "items": {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
                {"$ref": "#/$defs/Each"},
            ]
        },
        "description": "a link for each pair of names",
    },
}
_BLOCK = {
    "type": "object",
    "description": "entries of another file inside the folder of this one, with values for its parameters",
    "properties": {
        "from": {"type": "string", "description": "the file, such as rack.yaml"},
        "with": {"type": "object", "additionalProperties": _ONE},
        "repeat": {"$ref": "#/$defs/Repeat"},
    },
    "required": ["from"],
    "additionalProperties": False,
}


def with_templates(schema: dict[str, Any]) -> dict[str, Any]:
    """Allow templates where the reader does.

    Examples
    --------
    >>> found = with_templates({"required": ["name", "components"], "properties": {}, "$defs": {}})
    >>> list(found["properties"]), found["anyOf"][1]
    (['blocks'], {'required': ['name', 'blocks']})
    """
    repeated: set[str] = set()
    result: dict[str, Any] = _opened(schema, repeated)
    kinds = result["$defs"]
    for name in repeated:
        if "properties" in kinds.get(name, ()):
            kinds[name]["properties"]["repeat"] = {"$ref": "#/$defs/Repeat"}
    if link := kinds.get("LinkEntry"):
        link["properties"] |= _PATTERNS
        link["required"] = [name for name in link["required"] if name != "between"]
        link["oneOf"] = [{"required": [name]} for name in ("between", *_PATTERNS)]
    kinds |= {"Repeat": _REPEAT, "Each": _EACH, "Block": _BLOCK, "Filled": _FILLED}
    result["properties"]["blocks"] = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Block"}}
    everything = result.pop("required")
    own = [name for name in everything if name in ("format", "name", "title")]
    result["anyOf"] = [{"required": everything}, {"required": [*own, "blocks"]}]
    return result


def _opened(schema: Any, repeated: set[str]) -> Any:
    """Allow texts with braces for values, and repeated elements of lists and mappings; note whose entries repeat."""
    if isinstance(schema, list):
        return [_opened(item, repeated) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        key: _opened(value, repeated) if key not in ("default", "examples") else value for key, value in schema.items()
    }
    for around in ("patternProperties", "additionalProperties"):
        entries = result.get(around)
        if isinstance(entries, dict) and entries:
            if around == "additionalProperties":
                result[around] = _or_each(entries, repeated)
            else:
                named = {pattern: _or_each(entry, repeated) for pattern, entry in entries.items()}
                result[around] = named | {"[{].*[}]": next(iter(named.values()))}  # names of a template
    if "items" in result:
        result["items"] = _or_each(result["items"], repeated)
        if result.get("minItems", 0) > 1:
            result["minItems"] = 1
    one = schema.get("type") in ("number", "integer", "boolean") or isinstance(schema.get("enum"), list)
    if one or "const" in schema or (schema.get("type") == "string" and "pattern" in schema):
        about = {key: result.pop(key) for key in ("title", "description", "default") if key in result}
        return {**about, "anyOf": [result, {"$ref": "#/$defs/Filled"}]}
    return result


def _or_each(schema: Any, repeated: set[str]) -> Any:
    """An entry with a name, or an element of a list; it may be written out of a template."""
    for one in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        if isinstance(one, dict) and "$ref" in one:
            repeated.add(one["$ref"].rpartition("/")[2])
    return {"anyOf": [schema, {"$ref": "#/$defs/Each"}]}
