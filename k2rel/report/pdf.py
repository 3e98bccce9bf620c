"""A page as PDF, printed by the Chromium that is installed: Chromium itself, Chrome or Edge."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from k2rel.errors import RenderError
from k2rel.report.files import temporary_folder, whole

__all__ = ["NO_CHROMIUM", "chromium", "print_pdf"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome", "msedge")
_APPLICATIONS = ("Google Chrome", "Chromium", "Microsoft Edge", "Brave Browser")  # of macOS
_PROGRAMS = ("Google/Chrome/Application/chrome.exe", "Chromium/Application/chrome.exe",
             "Microsoft/Edge/Application/msedge.exe", "BraveSoftware/Brave-Browser/Application/brave.exe")  # fmt: skip
_ROOTS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "PROGRAMW6432", "LOCALAPPDATA")  # of Windows, for all users or for one
_LIMIT_S = 120
NO_CHROMIUM = (
    "no PDF was made: there is no Chromium on this machine (looked for " + ", ".join(_NAMES) + ", and where Chrome, "
    "Chromium and Edge are installed); install one of them, or print the HTML page from a browser"
)


def chromium() -> str | None:
    """Find a Chromium: by its name, and where systems keep programs that have no name to be called by.

    Examples
    --------
    >>> program = chromium()  # None where there is none
    """
    named = (found for name in _NAMES if (found := shutil.which(name)))
    return next(named, None) or next((str(place) for place in _places(sys.platform) if place.is_file()), None)


def _places(system: str) -> Iterator[Path]:
    """Where installers put them."""
    if system == "darwin":
        for applications in (Path("/Applications"), Path.home() / "Applications"):
            for name in _APPLICATIONS:
                yield applications / f"{name}.app" / "Contents" / "MacOS" / name
    if system == "win32":
        for program in _PROGRAMS:
            for root in _ROOTS:
                if folder := os.environ.get(root):
                    yield Path(folder) / program


def print_pdf(page: Path, target: Path) -> Path:
    """Print a page.

    Examples
    --------
    >>> print_pdf(Path("none.html"), Path("none.pdf"))
    Traceback (most recent call last):
        ...
    k2rel.errors.RenderError: PDF: there is no page none.html
    """
    if not page.is_file():
        raise RenderError(f"PDF: there is no page {page}")
    program = chromium()
    if program is None:
        raise RenderError(NO_CHROMIUM)
    with temporary_folder() as profile, whole(target) as temporary:
        words = [
            program, "--headless", "--disable-gpu", "--disable-extensions", "--no-first-run",
            # a container's root has no other way, and the page is our own
            *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            f"--user-data-dir={profile}", "--no-pdf-header-footer", f"--print-to-pdf={temporary.resolve()}",
            page.resolve().as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(
                words, capture_output=True, timeout=_LIMIT_S, check=False, text=True, errors="replace"
            )
        except subprocess.TimeoutExpired:
            raise RenderError(f"PDF: {Path(program).name} took longer than {_LIMIT_S} s for {page.name}") from None
        except OSError as error:
            raise RenderError(f"PDF: {program} cannot be run: {error.strerror or error}") from None
        if not temporary.is_file() or temporary.read_bytes()[:5] != b"%PDF-":
            last = done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise RenderError(f"PDF: {Path(program).name} did not print {page.name}: {last[0][:200]}")
    return target
