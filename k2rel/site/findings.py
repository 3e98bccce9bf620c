"""What pydantic finds wrong with the entries of a file, in words, where it stands in the file.

A form that may be of several kinds is tried as each, and pydantic tells of all of them, by the names of their classes.
Only keys of the file are kept, and what one kind says of the form alone is not said where another went further.
"""

from __future__ import annotations

from collections import defaultdict
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from k2rel.errors import closest
from k2rel.site.names import KeyPath

__all__ = ["findings", "known_keys", "words_of"]

# pydantic's words for the rules that people break most, in ours
_RULES = {
    "string_pattern_mismatch": "does not match the pattern {pattern}",
    "string_too_long": "is longer than {max_length} characters",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of few digits",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "too_short": "needs at least {min_length} entries",
    "too_long": "has more than {max_length} entries",
}

# what an entry must be, where it is of another kind altogether
_KINDS = {
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "entries of the form key: value",
    "model_type": "entries of the form key: value",
    "model_attributes_type": "entries of the form key: value",
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
}


def findings(data: Any, document: type[BaseModel], error: ValidationError) -> list[tuple[KeyPath, str]]:
    """Say where in the data each mistake stands, and what it is.

    Examples
    --------
    >>> class Form(BaseModel):
    ...     clients: list[int] | dict[str, int]
    >>> try:
    ...     Form.model_validate({"clients": "x"})
    ... except ValidationError as error:
    ...     findings({"clients": "x"}, Form, error)
    [(('clients',), "must be a list or entries of the form key: value, got 'x'")]
    """
    items = error.errors()
    # a list with a wrong entry counts as short of it too
    wrong = {item["loc"][:n] for item in items for n in range(len(item["loc"]))}
    items = [item for item in items if item["type"] != "too_short" or item["loc"] not in wrong]
    by_path: dict[KeyPath, list[Any]] = defaultdict(list)
    for item in items:
        by_path[_path(data, item)].append(item)
    further = {path[:n] for path in by_path for n in range(len(path))}
    result = []
    for path, found in by_path.items():
        kinds = [item for item in found if item["type"] in _KINDS]
        others = [item for item in found if item["type"] not in _KINDS]
        if kinds and not others and path not in further:
            words = " or ".join(dict.fromkeys(_KINDS[item["type"]] for item in kinds))
            result.append((path, _with_value(f"must be {words}", kinds[0])))
        result += [(path, message) for message in dict.fromkeys(_said(item, path, document) for item in others)]
    return result


def words_of(error: ValidationError) -> str:
    """Say what is wrong with one value, where its place is said by who gave it.

    Examples
    --------
    >>> class Form(BaseModel):
    ...     coverage: float
    >>> try:
    ...     Form.model_validate({"coverage": "x"})
    ... except ValidationError as error:
    ...     words_of(error)
    "must be a number, got 'x'"
    """
    item: Any = error.errors()[0]
    return _with_value(f"must be {_KINDS[item['type']]}", item) if item["type"] in _KINDS else _broken(item)


def _path(data: Any, item: Any) -> KeyPath:
    """Keys of the file, without the alternatives that pydantic tried."""
    path: list[str | int] = []
    here = data
    for key in item["loc"]:
        if (isinstance(here, dict) and key in here) or (
            isinstance(here, list) and isinstance(key, int) and key < len(here)
        ):
            here = here[key]
        elif not (item["type"] == "missing" and key == item["loc"][-1]):
            continue
        path.append(key)
    return tuple(path)


def _said(item: Any, path: KeyPath, document: type[BaseModel]) -> str:
    """Words for a finding that is not about the kind of an entry alone."""
    if item["type"] == "missing":
        return "is missing"
    if item["type"] == "extra_forbidden":
        known = known_keys(document, path[:-1])
        if path[-1] in known:  # of another form of the same
            return "cannot be combined with the other entries here"
        return f"is not a known entry here{closest(str(path[-1]), known)}"
    return _broken(item)


def _broken(item: Any) -> str:
    """The rule that a value breaks."""
    rule = _RULES.get(item["type"])
    message = item["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return _with_value(rule.format(**item.get("ctx", {})) if rule is not None else message, item)


def _with_value(message: str, item: Any) -> str:
    """A message with the value that it is about, where that is short."""
    shown = repr(item.get("input"))
    if "got" not in message and len(shown) < 60 and not isinstance(item.get("input"), dict):
        message += f", got {shown}"
    return message


def known_keys(document: type[BaseModel], path: KeyPath) -> list[str]:
    """List the entries that a form knows at a place, for suggestions.

    Examples
    --------
    >>> from k2rel.site.document import SiteDocument
    >>> known_keys(SiteDocument, ("variants", "v")), known_keys(SiteDocument, ("sides",))
    (['title', 'reason', 'changes'], [])
    """
    here: list[Any] = [document]
    for key in path:
        here = [below for kind in here for below in _below(kind, key)] or ([] if not _is_alternative(key) else here)
    forms = [kind for kind in here if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return list(dict.fromkeys(field.alias or name for kind in forms for name, field in kind.model_fields.items()))


def _is_alternative(key: str | int) -> bool:
    """Whether a key of pydantic's names an alternative of several forms, and no entry of the file."""
    return isinstance(key, str) and (key[:1].isupper() or key[:1] == "_" or "[" in key)


def _below(kind: Any, key: str | int) -> list[Any]:
    """The forms of what stands under a key of a form."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        return _forms(fields[str(key)]) if key in fields else []
    if get_origin(kind) is dict:
        return _forms(get_args(kind)[1])
    return [form for inner in get_args(kind) if inner is not Ellipsis for form in _forms(inner)]


def _forms(annotation: Any) -> list[Any]:
    """Alternatives of an annotation."""
    if get_origin(annotation) is Annotated:
        return _forms(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [form for inner in get_args(annotation) for form in _forms(inner)]
    return [annotation]
