"""The explorer as a page of its own, on the loopback address and behind a token unless told otherwise.

There is no kernel behind it: the page can ask for figures of the levels that are offered, and for nothing else.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import socket
import sys
import threading
import webbrowser
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from k2rel.bundled import input_file
from k2rel.design.targets import checked_target
from k2rel.errors import InputError
from k2rel.explore.ahead import what_is_ahead
from k2rel.explore.answers import PAGE_STYLE, SCRIPT, answer, choices, first_choice, sites
from k2rel.report.embedded import embedded_json, script_source
from k2rel.report.glossed import glossary_html, linked
from k2rel.signs import in_html, plain_signs
from k2rel.terms import terms

__all__ = ["ExplorerServer", "serve"]

_MOST_BYTES = 10_000
_COOKIE = "k2rel_token"  # with the port behind it: a browser keeps cookies by host alone
_TERMS = (
    "availability", "capacity", "coverage", "credible interval", "downtime", "engine", "failed takeover",
    "failure rate", "failures per year", "ideal takeovers", "interruption", "markov chain", "overload", "path",
    "redundancy", "repair contract", "role", "side", "single point of failure", "standby ready", "switchover time",
    "takeover", "takeovers as modelled", "target", "unavailability",
)  # fmt: skip
"""Terms of the page's glossary; its figures come and go, the glossary stays."""


def _glossed(found: dict[str, Any]) -> dict[str, Any]:
    """An answer whose texts link to the glossary."""
    texts = ("figures", "verdict", "ahead")
    return {name: linked(text, _TERMS)[0] if name in texts else text for name, text in found.items()}


class _Handler(BaseHTTPRequestHandler):
    """Answers three questions: the page, the figures of a choice, and what is ahead of a state."""

    server: ExplorerServer
    timeout = 30
    server_version = "k2rel"
    sys_version = ""

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def _send(self, code: int, kind: str, body: str, more: dict[str, str] | None = None) -> None:
        data = body.encode("utf-8")
        self.send_response(code)
        headers = {
            "Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(data)), "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
        }  # fmt: skip
        for name, value in (headers | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, code: int, message: str) -> None:
        self.close_connection = True
        self._send(code, "text/plain", message + "\n")

    def _token(self) -> str:
        """Our own cookie; whatever others of this host look like does not matter."""
        pairs = (one.strip().partition("=") for one in ";".join(self.headers.get_all("Cookie", [])).split(";"))
        return next((value for name, _, value in pairs if name == self.server.cookie), "")

    def _allowed(self, token: str) -> bool:
        wanted = self.server.token
        return not wanted or secrets.compare_digest(token.encode("utf-8", "replace"), wanted.encode())

    def _own_host(self) -> bool:
        """Whether the page was asked for by an address of ours: a foreign name that leads here is refused."""
        return not self.server.hosts or self.headers.get("Host", "") in self.server.hosts

    def do_GET(self) -> None:
        """Give the page; a token in the address becomes a cookie, so that it does not stay in the history."""
        try:
            place = urlsplit(self.path)
        except ValueError:
            return self._refuse(400, "invalid address")
        if not self._own_host():
            return self._refuse(403, "this server answers to its own address only")
        if place.path != "/":
            return self._refuse(404, "there is only one page here")
        given = parse_qs(place.query).get("token", [""])[0]
        if given and (self._allowed(given) or self.server.is_first_use(given)):
            cookie = f"{self.server.cookie}={self.server.token}; HttpOnly; SameSite=Strict; Path=/"
            return self._send(303, "text/plain", "", {"Location": "/", "Set-Cookie": cookie})
        if not self._allowed(self._token()):
            return self._refuse(403, "a token is needed: use the complete address that k2rel explore printed")
        try:
            page, policy = self.server.page()
        except InputError as error:
            return self._refuse(500, str(error))
        return self._send(200, "text/html", page, {"Content-Security-Policy": policy})

    def do_POST(self) -> None:
        """Compute the figures of a choice, or what is ahead of a state."""
        if not self._own_host() or not self._allowed(self._token()):
            return self._refuse(403, "a token is needed")
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            return self._refuse(411, "the length is missing")
        answered = {"/ask": answer, "/present": what_is_ahead}.get(self.path)
        if answered is None or not 0 < length <= _MOST_BYTES:
            return self._refuse(404 if answered is None else 413, "no such request")
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            return self._refuse(415, "JSON is needed")
        try:
            asked = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError, OSError):
            return self._refuse(400, "the request is not JSON")
        if not isinstance(asked, dict):
            return self._refuse(400, "the request is not a JSON object")
        with self.server.lock:
            found = _glossed(answered(asked, self.server.sites, self.server.data))
        return self._send(200, "application/json", json.dumps(found))


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class ExplorerServer(ThreadingHTTPServer):
    """The server of one explorer.

    Examples
    --------
    >>> with ExplorerServer("L1") as server:
    ...     server.url[:17]
    'http://127.0.0.1:'
    """

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"  # where it would let two servers have one port

    def __init__(
        self, level: str, address: str = "127.0.0.1", port: int = 0, *, token: bool = True, data: str | None = None,
        target: str = "",
    ) -> None:  # fmt: skip
        file = input_file(level)
        text = str(file.resolve()) if file.is_file() else level
        self.level = text
        self.data = data
        self.sites, self.known = sites(text, data), choices(text, data)
        self.token = secrets.token_urlsafe(24) if token else ""
        self.lock = threading.Lock()
        self._once = ""
        self.asked = first_choice(text, f"{checked_target(target):.12g}" if target else "", data)
        if not address.strip():  # to the system that means every address of the machine
            raise InputError("explore: an address is needed, such as 127.0.0.1, or 0.0.0.0 for all of this machine")
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            super().__init__((address, port), _Handler)
        except (OSError, OverflowError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"explore: cannot listen on {address} port {port}: {reason}") from None
        self.cookie = f"{_COOKIE}_{self.server_port}"
        listening = ipaddress.ip_address(str(self.server_address[0]).partition("%")[0])
        self.local = listening.is_loopback
        names = ("127.0.0.1", "localhost", "[::1]", _in_url(str(listening)))
        self.hosts = {f"{name}:{self.server_port}" for name in names} if self.local else set()
        self.everywhere = listening.is_unspecified

    def once(self) -> str:
        """An address that counts once, for a browser, whose command line every user of the machine can read."""
        with self.lock:
            self._once = secrets.token_urlsafe(24) if self.token else ""
        return self.url.replace(self.token, self._once) if self.token else self.url

    def is_first_use(self, given: str) -> bool:
        """Whether that is the address that counts once; from now on it counts no more."""
        with self.lock:
            known = bool(self._once) and secrets.compare_digest(given.encode("utf-8", "replace"), self._once.encode())
            self._once = "" if known else self._once
        return known

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no error; the rest is said in a line."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print(f"k2rel: explore: {type(error).__name__}: {plain_signs(str(error)[:200], '')}", file=sys.stderr)

    @property
    def url(self) -> str:
        """The address to open, from this machine where it listens to all."""
        host = str(self.server_address[0])
        own = "[::1]" if ":" in host else "127.0.0.1"
        shown = own if self.everywhere else _in_url(host)
        return f"http://{shown}:{self.server_port}/" + (f"?token={self.token}" if self.token else "")

    def page(self) -> tuple[str, str]:
        """Give the page and its content security policy.

        Examples
        --------
        >>> with ExplorerServer("L1") as server:
        ...     server.page()[1].split("; ")[4]
        "connect-src 'self'"
        """
        with self.lock:
            state = {
                **self.known,
                "asked": self.asked,
                "failed": [],
                "critical": [],
                **_glossed(answer(self.asked, self.sites, self.data)),
            }
        if "site" not in state:
            raise InputError(state["message"])
        script = f"{{{SCRIPT}\n{(Path(__file__).parent / 'start.js').read_text(encoding='utf-8')}}}"
        data = embedded_json(state)
        title = in_html(f"k2rel explorer: {Path(self.level).name}")
        page = (
            f"<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
            "<meta name='viewport' content='width=device-width, initial-scale=1'><link rel='icon' href='data:,'>"
            f"<style>{PAGE_STYLE}</style></head><body><header><h1>{title}</h1></header>"
            f"<main></main><footer class='k2live'>{glossary_html([terms()[key] for key in _TERMS])}</footer>"
            f"<script type='application/json'>{data}</script><script>{script}</script></body></html>\n"
        )
        policy = (
            f"default-src 'none'; script-src {script_source(script)}; style-src 'unsafe-inline'; img-src data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return page, policy


def serve(
    level: str, *, address: str = "127.0.0.1", port: int = 0, token: bool = True, browser: bool = True,
    data: str | None = None, target: str = "",
) -> None:  # fmt: skip
    """Serve the explorer until Ctrl-C.

    Examples
    --------
    >>> serve("L9")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: there is no level, design or file 'L9'; known: L1, ...
    """
    with ExplorerServer(level, address, port, token=token, data=data, target=target) as server:
        print(server.url, flush=True)
        if not server.local:
            others = f"all addresses of this machine, {socket.gethostname()}," if server.everywhere else "this address"
            print(
                f"k2rel: other machines reach {others} at port {server.server_port}; the connection is not encrypted"
                + (", including the token" if token else ""),
                file=sys.stderr,
            )
        if not token:
            print("k2rel: without a token, whoever reaches this address can use it", file=sys.stderr)
        print("k2rel: Ctrl-C ends it", file=sys.stderr)
        if browser:
            threading.Thread(target=partial(webbrowser.open, server.once()), daemon=True).start()
        server.serve_forever()
