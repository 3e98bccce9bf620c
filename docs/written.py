"""What the site writes by itself: the commands, the glossary, the names of columns, and the notebooks as they run.

``{k2rel-commands}``    every command with its options, from the parser
``{k2rel-glossary}``    the terms, from the package's own glossary
``{k2rel-columns}``     the columns of tables, from the package's own nomenclature
formulas                as MathML, which browsers draw by themselves; the usual script would be fetched from elsewhere
notebooks               copied from ``notebooks/`` before pages are read, executed as any page with code
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from k2rel.cli import _parser
from k2rel.terms import terms

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parent / "notebooks"


class Written(SphinxDirective):
    """A part of a page that is written as Markdown by a function and read as if it stood there."""

    has_content = False

    def text(self) -> Iterator[str]:
        """The lines."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Read the lines, headings among them."""
        lines = [line for block in self.text() for line in block.split("\n")]
        node = nodes.section()
        node.document = self.state.document
        self.state.nested_parse(StringList(lines, source=self.__class__.__name__), self.content_offset, node, True)
        return list(node.children)


def plain(text: str) -> str:
    """A text in which nothing is taken for markup."""
    return re.sub(r"([\\`*_<>|\[\]{}])", r"\\\1", " ".join(text.split()))


def sentence(text: str | None) -> str:
    """What a command does, as a sentence."""
    said = plain(text or "").rstrip(".")
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def options_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """A table of what a command takes."""
    shown = [action for action in parser._actions if action.help is not argparse.SUPPRESS and action.dest != "help"]
    shown = [action for action in shown if not isinstance(action, argparse._SubParsersAction)]
    if not shown:
        return
    formatter = argparse.HelpFormatter(parser.prog)
    yield "| argument or option | what it is |\n|---|---|"
    for action in shown:
        if action.option_strings:
            value = "" if action.nargs == 0 else f" {formatter._format_args(action, action.dest.upper())}"
            name = ", ".join(f"{option}{value}" for option in action.option_strings)
        else:
            name = formatter._format_args(action, action.dest.upper())
        default = action.default
        values = vars(action) | {"default": default, "prog": parser.prog}
        text = (action.help or "") % values
        yield f"| `{name.replace('|', chr(92) + '|')}` | {plain(text)} |"


def sub_commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Commands below a command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


class Commands(Written):
    """Every command with its options."""

    def text(self) -> Iterator[str]:
        """A section a command."""
        for name, parser in sub_commands(_parser()).items():
            yield f"## k2rel {name}\n\n{sentence(parser.description)}\n"
            below = sub_commands(parser)
            yield "\n".join(options_of(parser)) + "\n"
            for sub, inner in below.items():
                yield f"### k2rel {name} {sub}\n\n{sentence(inner.description)}\n"
                yield "\n".join(options_of(inner)) + "\n"


class Glossary(Written):
    """The terms, each once."""

    def text(self) -> Iterator[str]:
        """An entry a term."""
        for term in terms().values():
            also = f" *Also: {plain('; '.join(term.also))}.*" if term.also else ""
            where = f" ({plain(term.standard)})" if term.standard else ""
            see = ", ".join(f"[{terms()[near].term}](#{terms()[near].anchor})" for near in term.see)
            more = f" See {see}." if see else ""
            yield f"({term.anchor})="
            yield f"**{plain(term.term)}**\n: {plain(term.definition)}{where}{also}{more}\n"


class Columns(Written):
    """The columns of tables: title, unit, what it is, former names."""

    def text(self) -> Iterator[str]:
        """A row a column."""
        from k2rel import nomenclature

        yield "| name | title | unit | what it is | former names |\n|---|---|---|---|---|"
        for row in nomenclature().reset_index().to_dict("records"):
            title = plain(row["title"])
            titled = f"[{title}](glossary.md#{terms()[row['term']].anchor})" if row["term"] else title
            cells = (f"`{row['key']}`", titled, *(plain(row[key]) for key in ("unit", "definition", "former_names")))
            yield f"| {' | '.join(cells)} |"


def copy_notebooks(app: Sphinx) -> None:
    """Put the notebooks among the pages."""
    target = HERE / "notebooks"
    target.mkdir(exist_ok=True)
    known = {path.name for path in NOTEBOOKS.glob("*.ipynb")}
    for path in target.glob("*.ipynb"):
        if path.name not in known:
            path.unlink()
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        copy = target / path.name
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:  # else all would be read again
            copy.write_text(text, encoding="utf-8")


def write_formula(writer: HTML5Translator, node: nodes.Element) -> None:
    """Write a formula of a docstring as MathML."""
    display = "block" if isinstance(node, nodes.math_block) else "inline"
    writer.body.append(convert(node.astext(), display=display))
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, object]:
    """Tell Sphinx."""
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
    app.add_directive("k2rel-commands", Commands)
    app.add_directive("k2rel-glossary", Glossary)
    app.add_directive("k2rel-columns", Columns)
    app.add_config_value("made_with", "", "env")  # all is read again where it has changed
    app.connect("builder-inited", copy_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
