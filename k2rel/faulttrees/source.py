"""An XML file, safely read, that remembers the line of every element.

No entities, no document type with contents, nothing fetched from anywhere, a bound on size, depth and count:
reading a model can neither run code, nor open another file, nor fill the memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from k2rel.errors import InputError, Problem
from k2rel.textio import opened

__all__ = ["Element", "read_xml"]

_MOST_BYTES = 64 * 1024 * 1024
_DEEPEST = 200
_MOST_ELEMENTS = 5_000_000


@dataclass(slots=True)
class Element:
    """One element."""

    tag: str
    attributes: dict[str, str]
    line: int  # from 1
    file: str
    children: list[Element] = field(default_factory=list)
    text: str = ""  # directly within, stripped

    def problem(self, message: str) -> Problem:
        """Place a mistake at this element.

        Examples
        --------
        >>> str(Element("gate", {}, 3, "m.xml").problem("no name"))
        'm.xml:3: gate: no name'
        """
        return Problem(message, self.file, self.line, self.tag)

    def error(self, message: str) -> InputError:
        """Make an error of a mistake at this element.

        Examples
        --------
        >>> str(Element("gate", {}, 3, "m.xml").error("no name"))
        'm.xml:3: gate: no name'
        """
        return InputError(self.problem(message))

    def named(self) -> str:
        """Give the name attribute.

        Examples
        --------
        >>> Element("gate", {"name": "top"}, 1, "m.xml").named()
        'top'
        """
        name = self.attributes.get("name", "").strip()
        if not name:
            raise self.error("needs a name")
        return name

    def truth(self) -> bool:
        """Give the value of a constant.

        Examples
        --------
        >>> Element("constant", {"value": "true"}, 1, "m.xml").truth()
        True
        """
        text = self.attributes.get("value")
        if text not in {"true", "false"}:
            raise self.error(f"needs the value true or false, got '{text}'")
        return text == "true"

    def parts(self) -> Iterator[Element]:
        """Walk through the elements within, without labels and attributes, which say nothing to the model.

        Examples
        --------
        >>> inner = [Element("label", {}, 1, "m.xml"), Element("or", {}, 1, "m.xml")]
        >>> [part.tag for part in Element("define-gate", {}, 1, "m.xml", inner).parts()]
        ['or']
        """
        return (child for child in self.children if child.tag not in {"label", "attributes"})


def read_xml(path: Path, shown: str | None = None) -> Element:
    """Read an XML file, which messages call `shown`, or else by its name.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "m.xml"
    >>> _ = file.write_text("<opsa-mef><label>a</label></opsa-mef>")
    >>> read_xml(file).tag
    'opsa-mef'
    """
    name = shown or path.name
    with opened(path, shown) as stream:
        size = os.fstat(stream.fileno()).st_size  # before it is read, which would take as much memory at once
        if size > _MOST_BYTES:
            raise InputError(Problem(f"is too large: {size:,} bytes, at most {_MOST_BYTES:,}", name))
        data = stream.read()
    return _Reader(name).read(data)


class _Reader:
    """Builds elements while expat walks through the text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stack: list[Element] = []
        self.root: Element | None = None
        self.count = 0
        self.parser: Any = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.EntityDeclHandler = self.entity
        self.parser.ExternalEntityRefHandler = self.outside
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.buffer_text = True

    def fail(self, message: str) -> InputError:
        return InputError(Problem(message, self.name, self.parser.CurrentLineNumber))

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if len(self.stack) >= _DEEPEST:
            raise self.fail(f"elements are nested more than {_DEEPEST} deep")
        if self.count > _MOST_ELEMENTS:
            raise self.fail(f"more than {_MOST_ELEMENTS:,} elements")
        element = Element(tag, attributes, self.parser.CurrentLineNumber, self.name)
        if self.stack:
            self.stack[-1].children.append(element)
        else:
            self.root = element
        self.stack.append(element)

    def end(self, tag: str) -> None:
        self.stack.pop()

    def text(self, data: str) -> None:
        if self.stack and (stripped := data.strip()):
            self.stack[-1].text += stripped

    def entity(self, *_: object) -> None:
        raise self.fail("declares an entity; entities are not read, since they can open files or fill the memory")

    def outside(self, *_: object) -> int:
        raise self.fail("refers to something outside the file, which is not read")

    def read(self, data: bytes) -> Element:
        try:
            self.parser.Parse(data, True)
        except expat.ExpatError as error:
            raise InputError(
                Problem(f"is not well-formed XML: {expat.ErrorString(error.code)}", self.name, error.lineno)
            ) from None
        except (ValueError, LookupError) as error:  # an encoding that Python does not have
            if isinstance(error, InputError):
                raise
            raise InputError(Problem(f"cannot be read as XML: {error}", self.name)) from None
        assert self.root is not None  # expat refuses a file without an element
        return self.root
