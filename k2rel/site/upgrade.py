"""Rewrites a site file of format 1 in format 2: only the lines that must change, and only where nothing is lost.

Holders are listed as format 1 asks them; classes that its list of full service leaves out get ``priority: background``,
and the list goes. The new text must give the same records, of every variant too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml.nodes import ScalarNode

import k2rel.site.document as doc
from k2rel.errors import InputError
from k2rel.site.editing import Editor
from k2rel.site.formats import of_format_2, order_by_side, yielding
from k2rel.site.read import document_of, site_of
from k2rel.site.source import KeyPath, yaml_source, yaml_text

__all__ = ["Upgraded", "upgraded"]


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A file in format 2, and what was changed, by line of the file as it was."""

    text: str
    changes: tuple[tuple[int, str], ...]


def upgraded(path: Path) -> Upgraded:
    """Rewrite a file in format 2; one that is in it already stays as it is.

    Examples
    --------
    >>> from k2rel.bundled import site_path
    >>> done = upgraded(site_path("L2R", "0.1"))
    >>> [what for _, what in done.changes]
    ['format: 2', 'ftp: priority: background', 'full_service: goes']
    """
    text, name = yaml_text(path), str(path)
    source = yaml_source(text, name)
    base = document_of(source, None)
    if base.format == 2:
        site_of(source)
        return Upgraded(text, ())
    variants = [None, *base.variants]
    documents = {variant: document_of(source, variant) for variant in variants}
    # what no reader of format 1 takes has no records to compare with
    readable = not any(True for _ in of_format_2(base))
    as_it_was = {one: site_of(source, variant=one) for one in variants} if readable else None
    editor = Editor(text, source)
    _put_format(editor)
    for variant, document in documents.items():
        _order_holders(editor, document, variant)
    _give_priorities(editor, documents)
    new = editor.done()
    again = yaml_source(new, name)
    for variant in variants:
        site = site_of(again, variant=variant)
        if as_it_was is not None and site != as_it_was[variant]:
            where: KeyPath = ("format",) if variant is None else ("variants", variant)
            raise InputError(source.problem(where, "would not be the same in format 2; rewrite it manually"))
    return Upgraded(new, tuple(sorted(editor.said)))


def _order_holders(editor: Editor, document: doc.SiteDocument, variant: str | None) -> None:
    """List holders as they are asked, where a file, or a variant of it, lists them."""
    base: KeyPath = () if variant is None else ("variants", variant, "changes")
    for name, role in document.roles.items():
        path: KeyPath = (*base, "roles", name, "holders")
        if path in editor.source.lines:
            order = order_by_side([holder.side for holder in role.holders], tuple(document.sides))
            if order != list(range(len(order))):
                editor.reorder(path, order)
                editor.say(path, f"{name}: holders in the order in which they were tried")


def _give_priorities(editor: Editor, documents: dict[str | None, doc.SiteDocument]) -> None:
    base = documents[None]
    behind = yielding(base)
    for variant, document in documents.items():
        changes: KeyPath = ("variants", variant or "", "changes")
        if (*changes, "full_service") in editor.source.lines:
            raise editor.refusal(
                (*changes, "full_service"),
                "a variant's list of full service has no equivalent in format 2, where each class has its priority; "
                "give "
                "'priority' to its classes manually",
            )
        if yielding(document) != behind:
            raise editor.refusal(
                changes, "in this variant other classes yield than without it; give 'priority' to them manually"
            )
    for name in base.traffic:
        if name in behind and base.traffic[name].priority != "background":
            if "priority" in base.traffic[name].model_fields_set:
                raise editor.refusal(
                    ("traffic", name, "priority"), "and the list of full service contradict each other"
                )
            editor.add_after(("traffic", name, "demand"), "priority", "background")
            editor.say(("traffic", name), f"{name}: priority: background")
    if base.full_service is not None:
        editor.say(("full_service",), "full_service: goes")
        editor.remove(("full_service",))


def _put_format(editor: Editor) -> None:
    node = editor.at(("format",))[2]
    if not isinstance(node, ScalarNode) or node.value != "1":
        raise editor.refusal(("format",), "write it as a number, 1, where it stands")
    editor.edits.append((node.start_mark.index, node.end_mark.index, "2"))
    editor.say(("format",), "format: 2")
