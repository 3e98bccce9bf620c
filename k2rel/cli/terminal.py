"""What a terminal, or whatever else reads standard output, can show: its encoding, and whether it obeys commands."""

from __future__ import annotations

import codecs
import sys
from functools import cache
from typing import Any, TextIO

__all__: list[str] = []

_HANDLER = "k2rel.plainly"
_PLAIN = {
    "≥": ">=", "≤": "<=", "–": "-", "—": "-", "−": "-", "…": "...", "→": "->", "←": "<-", "×": "x", "±": "+-",
    "·": ".", "∞": "infinite", "✓": "yes", "✗": "no", "τ": "tau", "λ": "lambda", "θ": "theta", "π": "pi", "ω": "omega",
    "γ": "gamma", "σ": "sigma", "μ": "u", "µ": "u", "°": " deg ", "²": "^2", "³": "^3", "\u00a0": " ",
}  # fmt: skip
"""Signs of ours in those of every encoding."""

_HANDLES = {"<stdout>": -11, "<stderr>": -12}  # of Windows
_OBEYS = 4


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """What stands in place of signs that an encoding has not: the like of them, or their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign) or encodable(sign, "ascii") for sign in signs), error.end


def encodable(text: str, encoding: str | None) -> str:
    """A text for programs in an encoding: signs that it has not stand as their numbers."""
    encoding = encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def make_ready() -> None:
    """Let no sign that an output's encoding has not, such as one of a Windows code page, end a command."""
    codecs.register_error(_HANDLER, _plainly)
    for out, usual in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        # names whose bytes are no text are among these signs, whatever the encoding
        if getattr(out, "errors", "") == usual and hasattr(out, "reconfigure"):
            out.reconfigure(errors=_HANDLER)


def obeys(out: TextIO) -> bool:
    """Whether a terminal is there that takes commands for colours and lines; of Windows it is asked to."""
    return out.isatty() and (sys.platform != "win32" or _asked(_HANDLES.get(getattr(out, "name", ""), 0)))


@cache
def _asked(number: int) -> bool:
    import ctypes

    system: Any = vars(ctypes)["WinDLL"]("kernel32")
    system.GetStdHandle.restype = ctypes.c_void_p
    handle, mode = ctypes.c_void_p(system.GetStdHandle(number)), ctypes.c_ulong()
    return bool(
        system.GetConsoleMode(handle, ctypes.byref(mode)) and system.SetConsoleMode(handle, mode.value | _OBEYS)
    )
