"""A package index (PEP 503) and a plain file server for builds, on one of the machine's own addresses."""

from __future__ import annotations

import functools
import hashlib
import html
import http.server
import re
import sys
import threading
import urllib.parse
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from typing_extensions import Self


class Index:
    """Serves a folder: its wheels as an index under /simple/, every file of it under /files/. A context manager.

    The same index answers under /whl/<variant>/, as PyTorch's own indexes are called.

    The folder is read at each request: a wheel that is put there later is served.
    """

    def __init__(self, folder: Path, *, address: str = "127.0.0.1") -> None:
        """Listen on a free port of `address`, which for builds is the engine's `address`."""
        self.folder = folder
        self.requests: list[str] = []
        """The path of every request so far, for tests that ask what was fetched."""
        handler = functools.partial(_Handler, folder, self.requests)
        self._server = _Server((address, 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://{address}:{self._server.server_port}"

    @property
    def simple_url(self) -> str:
        """What pip's --index-url and a source of Poetry take."""
        return f"{self.url}/simple/"

    def variant_url(self, variant: str) -> str:
        """The same index under the name of a CUDA variant, such as cu128."""
        return f"{self.url}/whl/{variant}"

    def file_url(self, name: str) -> str:
        """The address of a file in the folder."""
        return f"{self.url}/files/{urllib.parse.quote(name)}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that was cut: an interrupted build does that."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, folder: Path, requests: list[str], *args: Any) -> None:
        self._folder = folder
        self._requests = requests
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer with a page or a file."""
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self._requests.append(path)
        match path.strip("/").split("/"):
            case ["simple"] | ["whl", _]:
                self._page((f"{name}/", name) for name in sorted(self._projects()))
            case ["simple", project] | ["whl", _, project] if _normalised(project) in self._projects():
                self._page(map(_link, self._projects()[_normalised(project)]))
            case ["files", *parts]:
                self._file(self._folder.joinpath(*parts))
            case _:
                self.send_error(404)

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing: a test's output is the test's."""

    def _projects(self) -> dict[str, list[Path]]:
        projects: dict[str, list[Path]] = {}
        for wheel in sorted(self._folder.glob("*.whl")):
            projects.setdefault(_normalised(wheel.name.split("-")[0]), []).append(wheel)
        return projects

    def _page(self, links: Iterable[tuple[str, str]]) -> None:
        anchors = "".join(f'<a href="{html.escape(target)}">{html.escape(text)}</a><br>\n' for target, text in links)
        self._answer(f"<!DOCTYPE html>\n<html><body>\n{anchors}</body></html>\n".encode(), "text/html; charset=utf-8")

    def _file(self, path: Path) -> None:
        if not path.is_file() or not path.resolve().is_relative_to(self._folder.resolve()):
            self.send_error(404)
            return
        self._answer(path.read_bytes(), "application/octet-stream")

    def _answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _link(wheel: Path) -> tuple[str, str]:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"/files/{urllib.parse.quote(wheel.name)}#sha256={digest}", wheel.name


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
