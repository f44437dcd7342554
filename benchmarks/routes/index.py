"""A stand-in for download.pytorch.org on loopback: the real host's name, the facts' wheels, no megabyte of torch.

The installers have that address built in and offer no other, so they are led here by the proxy that they do honour
(`HTTPS_PROXY`), and trust a certificate made for this one run (`SSL_CERT_FILE`). The pages list what the facts say is
published; each wheel is real and holds nothing but its metadata, without requirements: only the choice of torch is
asked.
"""

from __future__ import annotations

import html
import io
import ssl
import subprocess
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING
from typing import NamedTuple
from urllib.parse import quote
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.routes.truth import Wheel

HOST = "download.pytorch.org"
_CPU = "cpu"


class StandIn(NamedTuple):
    """Where the stand-in is reached, and the certificate to trust."""

    proxy: str
    authority: Path

    @property
    def environment(self) -> dict[str, str]:
        """What leads an installer here: pip reads PIP_CERT, uv SSL_CERT_FILE, both the proxy."""
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), self.proxy)
        return {**proxies, "SSL_CERT_FILE": str(self.authority), "PIP_CERT": str(self.authority)}


@contextmanager
def stand_in(wheels: Iterable[Wheel], folder: Path) -> Iterator[StandIn]:
    """Serve these wheels, each on its variant's page, until the block ends; the keys are made in ``folder``."""
    files = _files(wheels)
    authority, certificate, key = _certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    class Handler(_Handler):
        tls = context
        served = files

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield StandIn(f"http://127.0.0.1:{server.server_address[1]}", authority)
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """A proxy that opens one tunnel, to itself."""

    protocol_version = "HTTP/1.1"
    tls: ssl.SSLContext
    served: dict[str, bytes]

    def do_CONNECT(self) -> None:
        """End the tunnel here and speak TLS in it; only for the one host."""
        if self.path != f"{HOST}:443":
            self.send_error(502)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_GET(self) -> None:
        """Answer with a page or a wheel."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer without the page or the wheel."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        body = self.served.get(unquote(self.path))
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/zip")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if with_body and body is not None:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: a run asks some hundred times."""


def _files(wheels: Iterable[Wheel]) -> dict[str, bytes]:
    """Every address of the index: a page for each variant, and its wheels; each release for the CPU too."""
    files: dict[str, bytes] = {}
    links: dict[str, dict[str, str]] = {}
    for wheel in wheels:
        for variant in (wheel.variant, _CPU):
            name = f"torch-{wheel.torch}+{variant}-py3-none-any.whl"
            files[f"/whl/{variant}/{name}"] = _wheel(f"{wheel.torch}+{variant}", wheel.requires_python)
            python = html.escape(wheel.requires_python)
            link = f'<a href="/whl/{variant}/{quote(name)}" data-requires-python="{python}">{name}</a>\n'
            links.setdefault(variant, {})[name] = link
    for variant, by_name in links.items():
        page = "".join(["<!DOCTYPE html>\n<html><body>\n", *by_name.values(), "</body></html>\n"])
        files[f"/whl/{variant}/torch/"] = page.encode()
    return files


def _wheel(version: str, requires_python: str) -> bytes:
    folder = f"torch-{version}.dist-info"
    members = {
        "METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\nRequires-Python: {requires_python}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: none\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "".join(f"{folder}/{name},,\n" for name in ("METADATA", "WHEEL", "RECORD")),
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{folder}/{name}", text)
    return data.getvalue()


def _certificate(folder: Path) -> tuple[Path, Path, Path]:
    """An authority of two days, and the host's certificate by it; its key is in the third file."""
    authority, signing, request, certificate, key, extensions = (
        folder / name for name in ("ca.pem", "ca.key", "host.csr", "host.pem", "host.key", "host.ext")
    )
    extensions.write_text(f"subjectAltName=DNS:{HOST}\nbasicConstraints=critical,CA:FALSE\n", encoding="utf-8")
    new = ("-newkey", "rsa:2048", "-nodes", "-sha256")
    _openssl("req", "-x509", *new, "-days", "2", "-subj", "/CN=stand-in", "-keyout", signing, "-out", authority)
    _openssl("req", *new, "-subj", f"/CN={HOST}", "-keyout", key, "-out", request)
    by = ("-CA", authority, "-CAkey", signing, "-CAcreateserial", "-days", "2", "-extfile", extensions)
    _openssl("x509", "-req", "-in", request, *by, "-out", certificate)
    return authority, certificate, key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
