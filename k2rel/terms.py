"""The terms of art, each defined once: what the glossary lists, and what headings and pages link to."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from k2rel.bundled import data_dir
from k2rel.errors import InputError, nearest
from k2rel.signs import plain_signs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Term", "find_term", "glossary", "plural", "terms"]


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of the glossary.

    Parameters
    ----------
    term : str
        As it is written.
    definition : str
        One or two sentences.
    standard : str
        Standard, with its clause where there is one; may be empty.
    see : tuple of str
        Keys of related terms.
    also : tuple of str
        Synonyms, abbreviations, irregular plurals.

    Examples
    --------
    >>> Term("MTTR", "Mean time to restoration.", "", (), ()).key
    'mttr'
    """

    term: str
    definition: str
    standard: str
    see: tuple[str, ...]
    also: tuple[str, ...]

    @property
    def key(self) -> str:
        """What the term is found by: its name in lower case."""
        return self.term.lower()

    @property
    def forms(self) -> tuple[str, ...]:
        """All names of the term, each with its plural behind it.

        Examples
        --------
        >>> Term("priority", "Order of repair.", "", (), ("k of n",)).forms
        ('priority', 'priorities', 'k of n')
        """
        return tuple(dict.fromkeys(form for name in (self.term, *self.also) for form in (name, plural(name)) if form))

    @property
    def anchor(self) -> str:
        """Where it stands on a page that has it."""
        return "term-" + re.sub(r"[^a-z0-9]+", "-", self.key).strip("-")

    def row(self) -> dict[str, str]:
        """The entry as a row of a table; related terms as they are written.

        Examples
        --------
        >>> terms()["mttr"].row()["see"]
        'MTTF; repair contract'
        """
        see = "; ".join(terms()[key].term for key in self.see)
        also = "; ".join(self.also)
        return {"term": self.term, "definition": self.definition, "standard": self.standard, "also": also, "see": see}


_PLURAL = re.compile(r"(?:.*[^a-zA-Z])?(?:[a-z]{3,}|[A-Z]{3,})")


def plural(name: str) -> str:
    """The regular plural of a name; nothing for a sign, a single letter and what ends with an s.

    Examples
    --------
    >>> plural("cut set"), plural("capacity"), plural("SPOF"), plural("k of n")
    ('cut sets', 'capacities', 'SPOFs', '')
    """
    if not _PLURAL.fullmatch(name) or name.lower().endswith("s"):
        return ""
    return f"{name[:-1]}ies" if re.search(r"[^aeiou]y$", name) else f"{name}s"


@cache
def terms() -> Mapping[str, Term]:
    """Read the glossary.

    Returns
    -------
    mapping of str to Term
        The terms by their keys, in the order of the alphabet.

    Examples
    --------
    >>> terms()["coverage"].see
    ('failed takeover', 'takeover')
    """
    with (data_dir() / "glossary.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Term(
                row["term"], row["definition"], row["standard"],
                tuple(word.lower() for word in row["see"].split("; ") if word),
                tuple(word for word in row["also"].split("; ") if word),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip
    return MappingProxyType({row.key: row for row in rows})


def find_term(word: str) -> Term:
    """Find a term by its name, a synonym or an abbreviation, in any case.

    Parameters
    ----------
    word : str
        Such as ``"coverage"`` or ``"SPOF"``.

    Returns
    -------
    Term
        The entry.

    Raises
    ------
    InputError
        If the glossary has no such term.

    Examples
    --------
    >>> find_term("spof").term
    'single point of failure'
    """
    wanted = " ".join(str(word).replace("_", " ").split()).lower()
    if wanted in terms():
        return terms()[wanted]
    names: dict[str, Term] = {}
    for entry in terms().values():
        names.update(dict.fromkeys(map(str.lower, entry.forms), entry))
    if wanted in names:
        return names[wanted]
    meant = [names[name].term for name in nearest(wanted, names)]
    near = f"; did you mean {' or '.join(map(repr, dict.fromkeys(meant)))}?" if meant else ""
    raise InputError(f"glossary: there is no term '{plain_signs(str(word)[:60], '')}'{near}")


def glossary() -> pd.DataFrame:
    """List the terms of art that tables, pages and messages use.

    Returns
    -------
    pandas.DataFrame
        A row for each term, in the order of the alphabet: ``definition``, ``standard`` with its clause, ``also``
        (synonyms, abbreviations), ``see`` (related terms).

    Examples
    --------
    >>> glossary().loc["coverage", "definition"]
    'Probability that a takeover succeeds, given that it is needed and the standby is ready.'
    """
    import pandas as pd

    return pd.DataFrame([entry.row() for entry in terms().values()]).set_index("term")
