"""The cache folder: what is dear to make is made once, whole or not at all, and again when its recipe changes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator


_KEPT_UNUSED_S = 14 * 24 * 3600.0


def cache_root() -> Path:
    """The harness's folder below `$XDG_CACHE_HOME`, or below ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "poetry-gpu-build-e2e"


def recipe_key(recipe: Iterable[str | bytes]) -> str:
    """A short name for a recipe: the same parts in the same order give the same key."""
    digest = hashlib.sha256()
    for part in recipe:
        data = part.encode() if isinstance(part, str) else part
        # The length goes in too: ("ab", "c") and ("a", "bc") are two recipes.
        digest.update(str(len(data)).encode() + b":" + data)
    return digest.hexdigest()[:12]


def cached_folder(name: str, recipe: Iterable[str | bytes], make: Callable[[Path], None]) -> Path:
    """The folder that `make` filled for this recipe; made now if no earlier run did.

    `make` gets an empty folder, which takes its final name only when `make` returns: a run that is killed leaves
    nothing that a later run would take for whole. Two runs at once wait for each other.
    """
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    final = root / f"{name}-{recipe_key(recipe)}"
    if final.is_dir():
        # The time of the last use, by which `_forget_unused` goes.
        os.utime(final)
        return final
    with _locked(root / f".{final.name}.lock"):
        if final.is_dir():
            return final
        # A killed run's remains; no living run can own them, as we hold the lock.
        for stale in root.glob(f".{final.name}.part-*"):
            shutil.rmtree(stale, ignore_errors=True)
        part = Path(tempfile.mkdtemp(prefix=f".{final.name}.part-", dir=root))
        # mkdtemp's 0700 would lock apt's unprivileged downloader out.
        part.chmod(0o755)
        try:
            make(part)
            # Unpacking gives the folder the package's time, of years ago.
            os.utime(part)
            part.rename(final)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    _forget_unused(root)
    return final


def _forget_unused(root: Path) -> None:
    """Remove what no run has used for a while: every changed recipe leaves up to a gigabyte behind."""
    oldest = time.time() - _KEPT_UNUSED_S
    for folder in root.glob("[!.]*"):
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
