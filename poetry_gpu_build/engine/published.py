"""Asks a registry whether a compiled torch is published there, and whether it is the one that it is called."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal
from typing import NamedTuple

from poetry_gpu_build.engine.preflight import ask_docker
from poetry_gpu_build.engine.preflight import quoted
from poetry_gpu_build.torch_image.key import PLATFORM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.engine.preflight import Ask

State = Literal["published", "absent", "unreachable", "refused"]

# Not `{{json .}}`: that asks for the attestations too, each a request of its own.
_FORMAT = '{"manifest": {{json .Manifest}}, "image": {{json .Image}}}'
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PLATFORMS = re.compile(r"^Platforms:[ \t]*([^\s,*]+)", re.MULTILINE)


class Found(NamedTuple):
    """What a registry said of a compiled torch."""

    state: State
    reference: str
    """With the digest where it is published: a tag may be moved while a build runs."""
    reason: str = ""
    """Why it cannot be taken."""


def look_up(reference: str, labels: Mapping[str, str], builder: str | None, ask: Ask = ask_docker) -> Found:
    """Look for an image with these labels; ``builder`` may know how its registry is reached."""
    chosen = ["--builder", builder] if builder else []
    answer = ask(["buildx", "imagetools", "inspect", *chosen, "--format", _FORMAT, reference])
    if answer.status != 0:
        # ERROR: registry/team/torch:tag: not found. A host or a credential helper may be "not found" too.
        if answer.errors.rstrip().endswith(f"{reference}: not found"):
            return Found("absent", reference)
        reason = quoted(answer, "docker buildx imagetools inspect").strip(" ()") or "it said nothing"
        return Found("unreachable", reference, reason)
    try:
        said = json.loads(answer.output)
    except (ValueError, RecursionError):
        said = None
    digest = _text(said, "manifest", "digest")
    if not _DIGEST.fullmatch(digest):
        return Found("unreachable", reference, "docker buildx imagetools inspect did not say its digest")
    reason = _objection(_image(said), labels)
    return Found("refused" if reason else "published", f"{reference}@{digest}", reason)


def builder_platform(builder: str | None, ask: Ask = ask_docker) -> str:
    """What the builder builds for if nobody says otherwise: the first platform of its first node; "" if unknown."""
    answer = ask(["buildx", "inspect", *([builder] if builder else [])])
    found = _PLATFORMS.search(answer.output)
    return found[1] if found else ""


def _image(said: Any) -> Any:
    """The image's configuration; of an index the one for our platform."""
    image = said.get("image") if isinstance(said, dict) else None
    if isinstance(image, dict) and "os" not in image:
        return image.get(PLATFORM)
    return image


def _objection(image: Any, labels: Mapping[str, str]) -> str:
    platform = f"{_text(image, 'os')}/{_text(image, 'architecture')}"
    if platform != PLATFORM:
        return f"it is not for {PLATFORM}" + (f" but for {platform}" if platform != "/" else "")
    for name, value in labels.items():
        said = _text(image, "config", "Labels", name)
        if said != value:
            return f"its label {name} says {said!r}, and this build needs {value!r}"
    return ""


def _text(value: Any, *keys: str) -> str:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
