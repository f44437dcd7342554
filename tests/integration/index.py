"""A package index on loopback with little wheels made on the spot: no test's resolution needs an index of the world."""

from __future__ import annotations

import base64
import hashlib
import threading
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence
    from pathlib import Path

TORCH = "2.7.1+cu128"


def make_wheel(folder: Path, name: str, version: str, requires: Sequence[str] = ()) -> Path:
    """Write a pure-Python wheel of one module, with metadata and a RECORD that pip and Poetry accept."""
    dist_info = f"{name}-{version}.dist-info"
    metadata = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {requirement}" for requirement in requires)]
    files = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n",
        f"{dist_info}/METADATA": "\n".join(["Metadata-Version: 2.1", *metadata, ""]),
        f"{dist_info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
    files[f"{dist_info}/RECORD"] = "\n".join([*record, f"{dist_info}/RECORD,,", ""])
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def write_index(root: Path) -> None:
    """Write a PEP 503 index: numpy, a torch that requires filelock, and tqdm for a test to add and remove."""
    write_packages(
        root,
        (
            ("numpy", "2.3.5", ()),
            ("filelock", "3.20.0", ()),
            ("torch", TORCH, ("filelock",)),
            ("tqdm", "4.67.1", ()),
        ),
    )


def write_packages(root: Path, packages: Iterable[tuple[str, str, Sequence[str]]]) -> None:
    """Write a PEP 503 index of packages, each a name as wheels spell it, a version and the requirements."""
    links: dict[Path, str] = {}
    for name, version, requires in packages:
        folder = root / "simple" / name.replace("_", "-")
        folder.mkdir(parents=True, exist_ok=True)
        wheel = make_wheel(folder, name, version, requires)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        links[folder] = links.get(folder, "") + f'<a href="{quote(wheel.name)}#sha256={digest}">{wheel.name}</a>'
    for folder, text in links.items():
        folder.joinpath("index.html").write_text(f"<!DOCTYPE html><body>{text}</body>", encoding="utf-8")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        pass


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve ``root`` on a free port of loopback while the block runs, and give the index's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            server.shutdown()
            thread.join()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
