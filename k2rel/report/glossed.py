"""The glossary of a page: the terms that stand in its headings and sentences, each linked to its definition."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache

from k2rel.quantities import quantities
from k2rel.signs import in_html
from k2rel.terms import Term, plural, terms

__all__ = ["glossary_html", "linked", "with_glossary"]


def _with_plurals(*names: str) -> frozenset[str]:
    return frozenset(form for name in names for form in (name, plural(name)) if form)


_NEVER = _with_plurals("a", "v", "r", "p", "field", "set")
"""Short forms by which a term is looked up, and which mean something else on a page."""
_NOT_IN_SENTENCES = _with_plurals(
    "service", "first order", "exact", "ideal", "cycle", "tested", "evidence", "contract", "simulate", "simulated",
    "criticality", "element",
)  # everyday words there  # fmt: skip
_WHOLE = re.compile(
    r"<(script|style|svg|code|pre|button|summary|nav|h[1-6]|a)\b.*?</\1>|<!--.*?-->|<[^>]*>|[^<]+", flags=re.S
)
_HEADING = re.compile(r"(<th\b[^>]*>)(\s*)([^<]+?)(\s*)(?=<)")
_SENTENCES = ("p", "li", "dd")


@cache
def _by_name() -> Mapping[str, Term]:
    """Terms by every form of their names; abbreviations as they are, since FITs are no fits, others in lower case."""
    found: dict[str, Term] = {}
    for term in terms().values():
        for name in term.forms:
            if name.lower() not in _NEVER:
                found.setdefault(_folded(name), term)
    return found


def _is_abbreviation(name: str) -> bool:
    return len(name) > 1 and (name.isupper() or (name.endswith("s") and name[:-1].isupper()))


def _folded(name: str) -> str:
    return name if _is_abbreviation(name) else name.lower()


@cache
def _in_sentences() -> re.Pattern[str]:
    """Any form that says in a sentence what the term means, the longest first."""
    quoted = {name: re.escape(in_html(name)) for name in _by_name() if name not in _NOT_IN_SENTENCES}
    either = [text if _is_abbreviation(name) else f"(?i:{text})" for name, text in quoted.items()]
    return re.compile(rf"(?<![\w\-/])(?:{'|'.join(sorted(either, key=len, reverse=True))})(?![\w\-/])")


@cache
def _of_headings() -> Mapping[str, Term]:
    """Terms by the titles of the columns that have them."""
    return {quantity.title: terms()[quantity.term] for quantity in quantities().values() if quantity.term}


def _of_heading(title: str) -> Term | None:
    plain = title.partition(" [")[0].strip()
    return _of_headings().get(title) or _by_name().get(plain) or _by_name().get(plain.lower())


def _link(term: Term, text: str) -> str:
    return f"<a class='term' href='#{term.anchor}' title='{in_html(term.definition)}'>{text}</a>"


def linked(body: str, known: Collection[str] | None = None) -> tuple[str, list[Term]]:
    """Link headings of columns, and the first sentence with each term, to the glossary; say which terms these are.

    `known` are the keys of the terms that the page's glossary has; by default all there are.

    Examples
    --------
    >>> linked("<p>coverage of the coverage</p>")[0].count("<a class='term' href='#term-coverage'")
    1
    >>> [term.key for term in linked("<table><tr><th>RAW</th></tr></table><p>switch_A</p>")[1]]
    ['raw']
    """
    used: dict[str, Term] = {}
    said: set[str] = set()

    def counts(term: Term | None) -> bool:
        return term is not None and (known is None or term.key in known)

    def of_heading(found: re.Match[str]) -> str:
        term = _of_heading(found[3])
        if term is None or not counts(term):
            return found[0]
        used[term.key] = term
        return found[1] + found[2] + _link(term, found[3]) + found[4]

    def in_sentence(found: re.Match[str]) -> str:
        term = _by_name()[found[0] if found[0] in _by_name() else found[0].lower()]
        if term.key in said or not counts(term):
            return found[0]
        said.add(term.key)
        used[term.key] = term
        return _link(term, found[0])

    depth = 0
    pieces = []
    for match in _WHOLE.finditer(_HEADING.sub(of_heading, body)):
        piece = match[0]
        if piece.startswith("<"):
            name = re.match(r"</?(\w*)", piece)
            if match[1] is None and name and name[1] in _SENTENCES:
                depth = 0 if piece.startswith("</") else 1
        elif depth:
            piece = _in_sentences().sub(in_sentence, piece)
        pieces.append(piece)
    return "".join(pieces), sorted(used.values(), key=lambda term: term.key)


def glossary_html(used: Collection[Term]) -> str:
    """The chapter with the definitions of some terms; those that they point to are linked where they are among them.

    Examples
    --------
    >>> glossary_html([terms()["coverage"]]).count("id='term-coverage'")
    1
    """
    keys = {term.key for term in used}
    items = ""
    for term in used:
        near = ", ".join(
            f"<a href='#{terms()[k].anchor}'>{in_html(terms()[k].term)}</a>" for k in term.see if k in keys
        )
        tail = f" <span class='limits'>({in_html(term.standard)})</span>" if term.standard else ""
        tail += f" See {near}." if near else ""
        items += f"<dt id='{term.anchor}'>{in_html(term.term)}</dt><dd>{in_html(term.definition)}{tail}</dd>\n"
    return f"<h2 id='glossary'>Glossary</h2>\n<dl class='terms'>\n{items}</dl>\n"


def with_glossary(body: str) -> str:
    """Add the glossary of a page at its end; nothing where none of the terms stands on it.

    Examples
    --------
    >>> with_glossary("<p>nothing</p>")
    '<p>nothing</p>'
    """
    text, used = linked(body)
    return text + glossary_html(used) if used else text
