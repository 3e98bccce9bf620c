"""Texts of a template: ``leaf_{n}``, ``{2*n-1}``, ``{n:02}``, and the values that a variable takes.

What stands between braces is a name or whole-number arithmetic (``+ - * // %`` and parentheses) of names, read by a
small parser. ``{{`` and ``}}`` are braces themselves.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from k2rel.errors import InputError, closest
from k2rel.site.source import as_written

__all__ = ["VARIABLE", "Scalar", "Steps", "Variables", "combinations", "counted", "filled", "values_of"]

Scalar = str | int | float | bool
Variables = Mapping[str, Scalar]

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_TOKEN = re.compile(rf"\s*(?:(\d{{1,9}})|({VARIABLE.pattern})|(//|[-+*%()]))\s*")
_PADDED = re.compile(r"0(\d)")
_RANGE = re.compile(r"\s*(-?\d{1,9}|[A-Za-z])\s*\.\.\s*(-?\d{1,9}|[A-Za-z])\s*")
_TOO_LARGE = re.compile(r"\d{10,}(?=\s*(\.\.|$))")
_LONGEST = 4000
_LARGEST = 10**9
_MOST_STEPS = 50_000
_MOST_LISTED = 200_000

_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip


def filled(text: str, variables: Variables) -> Scalar:
    """Put values into a text; a text that is one pair of braces and nothing else is the value itself.

    Examples
    --------
    >>> filled("leaf_{n:02} to spine_{2*n-1}", {"n": 3}), filled("{n+1}", {"n": 3}), filled("{{n}}", {"n": 3})
    ('leaf_03 to spine_5', 4, '{n}')
    """
    pieces = _pieces(text)
    if len(pieces) == 1 and pieces[0][0]:
        return _value(pieces[0][1], variables)
    result = "".join(as_written(_value(piece, variables)) if inside else piece for inside, piece in pieces)
    if len(result) > _LONGEST:
        raise InputError(f"'{text[:40]}' becomes longer than {_LONGEST} characters")
    return result


@lru_cache(maxsize=10_000)
def _pieces(text: str) -> tuple[tuple[bool, str], ...]:
    """A text in pieces, each with whether it stood in braces."""
    result: list[tuple[bool, str]] = []
    for found in _PIECE.finditer(text):
        piece = found.group()
        if found.group(1) is not None:
            result.append((True, found.group(1)))
        elif piece in "{}":
            raise InputError(f"'{text[:60]}' has an unmatched brace; write a literal brace twice, {piece * 2}")
        else:
            result.append((False, piece[0] if piece in ("{{", "}}") else piece))
    return tuple(result)


def _value(inside: str, variables: Variables) -> Scalar:
    """Value of what stands between two braces."""
    expression, colon, form = inside.partition(":")
    value = variables[expression] if expression in variables else _Arithmetic(expression, variables).result()
    if not colon:
        return value
    digits = _PADDED.fullmatch(form)
    if digits is None:
        raise InputError(f"'{{{inside[:40]}}}': a width is written as {{n:02}}, for two digits at least")
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(
            f"'{{{inside[:40]}}}': '{as_written(value)[:40]}' is not a whole number, and only whole "
            "numbers have a width"
        )
    return f"{value:0{digits.group(1)}}"


class _Arithmetic:
    """One expression, read from left to right by recursive descent."""

    def __init__(self, text: str, variables: Variables) -> None:
        self.text, self.variables = text, variables
        self.tokens: list[re.Match[str]] = []
        place = 0
        while place < len(text) and (found := _TOKEN.match(text, place)) is not None:
            self.tokens.append(found)
            place = found.end()
        if place < len(text) or not text.strip() or len(text) > 80:
            divided = "; whole numbers are divided by //" if "/" in text[place : place + 1] else ""
            raise self.refusal(f"is neither a variable nor arithmetic such as {{n+1}} or {{2*n}}{divided}")

    def refusal(self, why: str) -> InputError:
        return InputError(f"'{{{self.text[:60]}}}' {why}")

    def result(self) -> Scalar:
        value = self._sum()
        if self.tokens:
            raise self.refusal(f"continues with '{self.tokens[0].group().strip()}' after its end")
        return value

    def _sign(self) -> str:
        return (self.tokens[0].group(3) or "") if self.tokens else ""

    def _chain(self, signs: tuple[str, ...], below: Callable[[], Scalar]) -> Scalar:
        value = below()
        while (sign := self._sign()) in signs:
            del self.tokens[0]
            left, right = self._number(value), self._number(below())
            if sign in ("//", "%") and right == 0:
                raise self.refusal("divides by 0")
            value = _OPERATIONS[sign](left, right)
            if abs(value) > _LARGEST:
                raise self.refusal(f"is more than {_LARGEST:,}")
        return value

    def _sum(self) -> Scalar:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Scalar:
        return self._chain(("*", "//", "%"), self._single)

    def _single(self) -> Scalar:
        if not self.tokens:
            raise self.refusal("is incomplete")
        number, name, sign = self.tokens.pop(0).groups()
        if number is not None:
            return int(number)
        if name is not None:
            if name not in self.variables:
                near = closest(name, self.variables) if self.variables else ""
                raise self.refusal(f"needs a variable '{name}', which is not defined{near}")
            return self.variables[name]
        if sign == "-":
            return -self._number(self._single())
        if sign == "(":
            value = self._sum()
            if self._sign() != ")":
                raise self.refusal("has a parenthesis that is not closed")
            del self.tokens[0]
            return value
        raise self.refusal(f"has a '{sign}' where a number or a name should be")

    def _number(self, value: Scalar) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.refusal(f"calculates with '{as_written(value)[:40]}', which is not a whole number")
        return value


def values_of(given: object, variables: Variables) -> Sequence[Scalar]:
    """Values that a variable of ``repeat`` takes: ``1..4``, ``A..D``, or a list of these and of single values.

    Examples
    --------
    >>> list(values_of("1..{n}", {"n": 3})), list(values_of(["A", "x..z", 7], {}))
    ([1, 2, 3], ['A', 'x', 'y', 'z', 7])
    """
    if isinstance(given, str):
        found = _range(given, variables)
        if found is None:
            raise InputError(f"a range such as 1..4 or a list such as [a, b] is needed, got '{given[:40]}'")
        return found
    if not isinstance(given, list):
        raise InputError(f"a range such as 1..4 or a list such as [a, b] is needed, got {_shown(given)}")
    if not given:
        raise InputError("the list is empty; give a value at least")
    values: list[Scalar] = []
    for item in given:
        if not isinstance(item, Scalar):
            raise InputError(f"a list of single values such as [a, b] is needed, got {_shown(item)} in it")
        several = _range(item, variables) if isinstance(item, str) else None
        if several is None:
            values.append(filled(item, variables) if isinstance(item, str) else item)
        elif len(several) > _MOST_LISTED:
            raise InputError(f"{len(several):,} values are too many for a list; at most {_MOST_LISTED:,}")
        else:
            values += several
    return values


def _shown(value: object) -> str:
    return "nothing" if value is None else f"'{str(value)[:40]}'"


def _range(text: str, variables: Variables) -> Sequence[Scalar] | None:
    """Values of ``first..last``; None where a text is no range."""
    if ".." not in text:
        return None
    written = str(filled(text, variables))
    ends = _RANGE.fullmatch(written)
    if ends is None and (long := _TOO_LARGE.search(written)):
        raise InputError(f"'{text[:40]}': {long.group()[:12]} is too large; the ends of a range have up to nine digits")
    if ends is None:
        raise InputError(f"'{text[:40]}' is not a range; write one as 1..4 or A..D, with both ends")
    first, last = ends.groups()
    if first.isalpha() != last.isalpha() or (first.isalpha() and first.isupper() != last.isupper()):
        raise InputError(f"'{text[:40]}' has ends of two kinds; a range is written as 1..4 or A..D")
    if not first.isalpha() and any(re.match("-?0[0-9]", end) for end in (first, last)):
        raise InputError(
            f"'{text[:40]}': numbers are written without leading zeros; where they are used, {{n:02}} has two digits"
        )
    start, stop = (ord(end) if end.isalpha() else int(end) for end in (first, last))
    if stop < start and "{" not in text:  # worked out from other variables, it is a range without a value
        raise InputError(f"'{text[:40]}' counts down; write {last}..{first}")
    if first.isalpha():
        return [chr(code) for code in range(start, stop + 1)]
    return range(start, stop + 1)


def combinations(repeat: Mapping[str, Any], variables: Variables) -> Iterator[dict[str, Scalar]]:
    """Every choice of values, the last variable running fastest; later variables see earlier ones.

    Examples
    --------
    >>> [(one["a"], one["b"]) for one in combinations({"a": "1..2", "b": "{a}..2"}, {})]
    [(1, 1), (1, 2), (2, 2)]
    """
    names = list(repeat)
    if not names:
        yield dict(variables)
        return
    rest = {name: repeat[name] for name in names[1:]}
    for value in values_of(repeat[names[0]], variables):
        yield from combinations(rest, {**variables, names[0]: value})


class Steps:
    """How many values were tried for variables on which others depend, in all templates of a file."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self) -> None:
        """Try another one, or refuse."""
        self.taken += 1
        if self.taken > _MOST_STEPS:
            raise InputError(f"tries more than {_MOST_STEPS:,} values, with those of all templates before it")


def counted(repeat: Mapping[str, Any], variables: Variables, steps: Steps | None = None) -> int:
    """How many choices of values there are, without going through them where they do not depend on each other.

    Examples
    --------
    >>> counted({"a": "1..1000000", "b": "1..1000000"}, {}), counted({"a": "1..4", "b": "{a+1}..4"}, {})
    (1000000000000, 6)
    """
    steps = steps or Steps()

    def count(names: Sequence[str], known: Variables) -> int:
        if not names:
            return 1
        values = values_of(repeat[names[0]], known)
        if not any("{" in str(repeat[name]) for name in names[1:]):
            return len(values) * (count(names[1:], known) if values else 0)
        total = 0
        for value in values:
            steps.take()
            total += count(names[1:], {**known, names[0]: value})
        return total

    return count(list(repeat), variables)
