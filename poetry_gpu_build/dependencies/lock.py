"""poetry.lock reduced to the packages of some groups, as the lock of a reduced manifest. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from typing import Any

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Mapping

    from packaging.utils import NormalizedName

# From 2.1 a lock says of each package which groups want it (Poetry 2.0).
_TELLS_GROUPS = (2, 1)

# Locker._get_content_hash, as it was before Poetry 2.3 counted [dependency-groups] in. A later one reads in the first
# line which Poetry wrote a lock, and takes this form from an older one: so every Poetry from 2.2 takes it.
HEADER = (
    "# The part of poetry.lock that torch's step installs, with the content hash of Poetry 2.2.0 (poetry-gpu-build)."
)
_LEGACY_KEYS = ("dependencies", "source", "extras", "dev-dependencies")
_PROJECT_KEYS = ("requires-python", "dependencies", "optional-dependencies")


def lock_of(
    groups: Collection[NormalizedName], lock: Mapping[str, Any], manifest: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The lock that ``manifest``, with these groups alone, would have; None for a lock that does not tell groups."""
    metadata = lock.get("metadata", {})
    if _version(metadata.get("lock-version", "")) < _TELLS_GROUPS:
        return None
    packages = [reduced for package in lock.get("package", []) if (reduced := _package(package, groups)) is not None]
    kept = {key: value for key, value in metadata.items() if key in ("lock-version", "python-versions")}
    return {"package": packages, "metadata": {**kept, "content-hash": content_hash(manifest)}}


def content_hash(manifest: Mapping[str, Any]) -> str:
    """What ties a lock to a manifest, in the form that every Poetry from 2.2 takes from a lock under HEADER."""
    project = {key: value for key, value in manifest.get("project", {}).items() if key in _PROJECT_KEYS}
    poetry = manifest.get("tool", {}).get("poetry", {})
    relevant = {key: poetry[key] for key in (*_LEGACY_KEYS, "group") if key in poetry}
    # Before [project] there was [tool.poetry] alone, and what it lacks counted as null.
    hashed = {"project": project, "tool": {"poetry": relevant}} if project else dict.fromkeys(_LEGACY_KEYS) | relevant
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()


def _package(package: Mapping[str, Any], groups: Collection[NormalizedName]) -> dict[str, Any] | None:
    """A package as these groups want it; None where none does."""
    wanting = [group for group in package.get("groups", []) if canonicalize_name(group) in groups]
    if not wanting:
        return None
    reduced = {**package, "groups": wanting}
    markers = package.get("markers")
    if isinstance(markers, dict):
        of_them = {group: marker for group, marker in markers.items() if canonicalize_name(group) in groups}
        reduced["markers"] = of_them
        if not of_them:
            del reduced["markers"]
    return reduced


def _version(text: str) -> tuple[int, ...]:
    parts = str(text).split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()
