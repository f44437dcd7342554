"""Downloads one wheel whole, or not at all: a file under its own name has the hash that the index names."""

from __future__ import annotations

import hashlib
import http.client
import shutil
from typing import TYPE_CHECKING

from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse
    from pathlib import Path

    from tools.refresh.index import Index
    from tools.refresh.index import IndexFile

    Progress = Callable[[str, int, int], None]
    """Told the file's name, the bytes that have come, and all that will come (0: the index does not tell)."""

_AT_A_TIME = 2**20


def download(index: Index, file: IndexFile, folder: Path, progress: Progress) -> Path:
    """Download ``file`` into ``folder``, if it is not there already. Raises ConfigurationError; leaves no half file."""
    path = folder / file.name
    _make(folder)
    if path.is_file() and _sha256(path) == file.sha256:
        return path
    part = path.with_name(f"{path.name}.part")
    try:
        with index.opened(file.url, file.name) as answer:
            _receive(answer, part, file, progress)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _receive(answer: HTTPResponse, part: Path, file: IndexFile, progress: Progress) -> None:
    told = answer.headers.get("Content-Length", "")
    size = int(told) if told.isdecimal() else 0
    _check_room(part.parent, file.name, size)
    digest, come = hashlib.sha256(), 0
    try:
        with part.open("wb", buffering=0) as target:
            while block := _block(answer, file, come, size):
                digest.update(block)
                target.write(block)
                come += len(block)
                progress(file.name, come, size)
    except OSError as error:
        raise ConfigurationError(
            f"{part} cannot be written: {error.strerror or error}",
            ways_out=("name a folder with room for it: --downloads FOLDER",),
        ) from error
    if size and come != size:
        raise _half(file, come, size)
    if digest.hexdigest() != file.sha256:
        raise ConfigurationError(
            f"{file.name} has the sha256 {digest.hexdigest()}, and the index names {file.sha256}: it is another file",
            ways_out=("run it again; where that does not help, what lies between you and the index has spoilt it",),
        )


def _block(answer: HTTPResponse, file: IndexFile, come: int, size: int) -> bytes:
    try:
        return answer.read(_AT_A_TIME)
    except (OSError, http.client.HTTPException) as error:
        raise _half(file, come, size) from error


def _half(file: IndexFile, come: int, size: int) -> ConfigurationError:
    return ConfigurationError(
        f"{file.name} broke off after {come:,} of {size:,} bytes", ways_out=("run it again; nothing of it was kept",)
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot hold downloads: {error.strerror or error}", ways_out=("name another: --downloads FOLDER",)
        ) from error


def _check_room(folder: Path, name: str, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ConfigurationError(
            f"{name} takes {size / 1e6:,.0f} MB, and {folder} has room for {free / 1e6:,.0f} MB",
            ways_out=("name a folder on a larger disk: --downloads FOLDER",),
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_AT_A_TIME):
            digest.update(block)
    return digest.hexdigest()
