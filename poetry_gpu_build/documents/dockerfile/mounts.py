"""``RUN --mount=type=…,target=…``: a line of comma-separated values (RFC 4180 quotes), with variables in the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.dockerfile.model import Mount
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from poetry_gpu_build.documents.dockerfile.environment import Environment
    from poetry_gpu_build.documents.dockerfile.model import Flag

MOUNT_TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")

_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}
_OPTIONS = frozenset(
    (
        *("type", "from", "source", "target", "readonly", "readwrite", "id", "sharing", "required", "size"),
        *("mode", "uid", "gid", "env"),
    )
)
_WITHOUT_VALUE = frozenset(("readonly", "readwrite", "required"))
_QUOTED = lazy_pattern(r'"((?:[^"]|"")*)"(,|\Z)')


def parse_mount(flag: Flag, environment: Environment) -> Mount:
    """Take a mount apart; what BuildKit refuses about it is in ``error``."""
    fields = split_fields(flag.value.text if flag.value is not None else "")
    options: dict[str, str] = {}
    unknown: set[str] = set()
    errors = [] if fields else ["the mount is empty, or its quotes are wrong"]
    for field in fields or ():
        written, equals, raw = field.partition("=")
        key = _ALIASES.get(written.lower(), written.lower())
        if key not in _OPTIONS:
            errors.append(f"a mount has no option {written!r}")
        elif not equals and key not in _WITHOUT_VALUE:
            errors.append(f"the mount's option {written!r} needs a value")
        expansion = environment.expand(raw)
        unknown.update(expansion.unknown)
        if expansion.error:
            errors.append(expansion.error)
        options[key] = expansion.value if equals else "true"
    kind = options.get("type", "bind").lower()
    if kind not in MOUNT_TYPES and "type" in options and not unknown:
        errors.append(f"there is no mount type {kind!r}")
    return Mount(
        kind,
        options.get("source", ""),
        options.get("target", ""),
        options.get("from", ""),
        options.get("id", ""),
        options,
        tuple(sorted(unknown)),
        flag.offset,
        errors[0] if errors else "",
    )


def split_fields(text: str) -> list[str] | None:
    """The fields of the line; None where it is empty or a quote stands where none may."""
    if not text:
        return None
    if '"' not in text:
        return text.split(",")
    fields: list[str] = []
    at = 0
    while True:
        if text.startswith('"', at):
            match = _QUOTED.match(text, at)
            if match is None:
                return None
            fields.append(match[1].replace('""', '"'))
            at = match.end()
            if not match[2]:
                return fields
            continue
        end = text.find(",", at)
        field = text[at:] if end < 0 else text[at:end]
        if '"' in field:
            return None
        fields.append(field)
        if end < 0:
            return fields
        at = end + 1
