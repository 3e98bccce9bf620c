"""What stands inside a page: HTML, data that cannot end their element, script that the page names by its hash."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = ["as_html", "embedded_json", "script_source"]


def as_html(text: str) -> HTML:
    """Give what a notebook shows as it stands.

    Examples
    --------
    >>> as_html("<p>x</p>").data
    '<p>x</p>'
    """
    from IPython.display import HTML

    return HTML(text)  # type: ignore[no-untyped-call]


def embedded_json(data: object) -> str:
    """Write data for a script element that is not run.

    Examples
    --------
    >>> "<" in embedded_json({"a": "</script>"})
    False
    """
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def script_source(script: str) -> str:
    """Name a script in a content security policy, under which only that script runs.

    Examples
    --------
    >>> script_source("alert(1)")
    "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
