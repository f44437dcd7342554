"""What BuildKit refuses in an instruction once its line is taken apart: unknown keywords and flags, too few arguments …

The rules are those of BuildKit's frontend/dockerfile/instructions (parse.go, bflag.go); the words are ours.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.dockerfile.expansion import Budget
from poetry_gpu_build.documents.dockerfile.heredocs import heredoc_word
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Flag
    from poetry_gpu_build.documents.dockerfile.model import Instruction

# The flags of each instruction; "switch" takes true or false or nothing, "list" may stand several times.
_COPY_FLAGS = {"chown": "text", "chmod": "text", "link": "switch", "exclude": "list"}
_FLAGS: dict[str, dict[str, str]] = {
    "ADD": {**_COPY_FLAGS, "keep-git-dir": "switch", "checksum": "text", "unpack": "switch"},
    "COPY": {**_COPY_FLAGS, "from": "text", "parents": "switch"},
    "FROM": {"platform": "text"},
    "HEALTHCHECK": dict.fromkeys(("interval", "timeout", "start-period", "start-interval", "retries"), "text"),
    "RUN": {"mount": "list", "network": "text", "security": "text", "device": "list"},
}

# BuildKit does not look at the flags of these.
_UNCHECKED = frozenset(("ARG", "STOPSIGNAL"))

KEYWORDS = frozenset(
    (
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
        *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    )
)

_AT_LEAST_ONE = frozenset(("ENV", "LABEL", "EXPOSE", "VOLUME", "ARG", "HEALTHCHECK", "ONBUILD"))
_EXACTLY_ONE = frozenset(("MAINTAINER", "WORKDIR", "USER", "STOPSIGNAL"))
_RUN_VALUES = {"network": ("default", "none", "host"), "security": ("sandbox", "insecure")}

_STAGE_NAME = lazy_pattern(r"[a-z][a-z0-9-_.]*\Z")
_DURATION = r"[+-]?(?:0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)\Z"

Refusal = tuple[int, str]


def check(instruction: Instruction) -> Iterator[Refusal]:
    """The offsets and messages of what is wrong."""
    keyword = instruction.keyword
    if keyword not in KEYWORDS:
        yield instruction.offset, f"there is no instruction {keyword!r}"
        return
    if keyword not in _UNCHECKED and (instruction.flags and not _is_none(instruction)):
        yield from _check_flags(instruction)
    yield from _check_number(instruction)
    match keyword:
        case "FROM":
            yield from _check_from(instruction)
        case "COPY" | "ADD":
            destination = instruction.destination
            if destination is not None and heredoc_word(destination.text, Budget()) is not None:
                yield destination.offset, f"{keyword} needs a path as its destination, not a heredoc"
        case "HEALTHCHECK":
            yield from _check_healthcheck(instruction)
        case "ONBUILD":
            yield from _check_onbuild(instruction)
        case "SHELL" if not (instruction.is_json and instruction.arguments):
            yield instruction.offset, 'SHELL needs the JSON form: SHELL ["/bin/bash", "-c"]'
        case "VOLUME":
            for volume in instruction.arguments:
                if not volume.text.strip():
                    yield volume.offset, "a VOLUME must not be empty"


def _is_none(instruction: Instruction) -> bool:
    """``HEALTHCHECK NONE`` is read before its flags are."""
    return instruction.keyword == "HEALTHCHECK" and [a.text.upper() for a in instruction.arguments[:1]] == ["NONE"]


def _check_number(instruction: Instruction) -> Iterator[Refusal]:
    keyword, number = instruction.keyword, len(instruction.arguments)
    if keyword in _AT_LEAST_ONE and not number and instruction.trigger is None:
        yield instruction.offset, f"{keyword} needs at least one argument"
    elif keyword in _EXACTLY_ONE and number != 1:
        yield instruction.offset, f"{keyword} needs an argument"
    elif keyword in ("COPY", "ADD") and number < 2:
        yield instruction.offset, f"{keyword} needs a source and a destination"


def _check_flags(instruction: Instruction) -> Iterator[Refusal]:
    keyword = instruction.keyword
    known = _FLAGS.get(keyword, {})
    seen: set[str] = set()
    for flag in instruction.flags:
        kind = known.get(flag.name)
        if kind is None:
            yield flag.offset, f"{keyword} has no flag --{flag.name}"
        elif flag.name in seen and kind != "list":
            yield flag.offset, f"the flag --{flag.name} is given twice"
        else:
            seen.add(flag.name)
            yield from _check_flag(flag, kind)


def _check_flag(flag: Flag, kind: str) -> Iterator[Refusal]:
    if kind == "switch":
        if flag.value is not None and flag.value.text.lower() not in ("true", "false"):
            yield flag.offset, f"the flag --{flag.name} is true or false"
        return
    if flag.value is None:
        yield flag.offset, f"the flag --{flag.name} needs a value"
        return
    value = flag.value.text
    values = _RUN_VALUES.get(flag.name, ())
    if values and value not in values:
        yield flag.offset, f"--{flag.name} is one of {', '.join(values)}"
    elif flag.name == "mount":
        yield from _check_mount(flag, value)


def _check_mount(flag: Flag, value: str) -> Iterator[Refusal]:
    """What can be told before variables have values."""
    from poetry_gpu_build.documents.dockerfile.mounts import split_fields  # only for files that mount something

    fields = split_fields(value)
    if fields is None:
        yield flag.offset, "the mount is empty, or its quotes are wrong"
        return
    for field in fields:
        key, _, raw = field.partition("=")
        if key.lower() == "from" and "$" in raw[:-1]:
            yield flag.offset, "a mount's from takes no variable: name a stage that is FROM the variable's image"


def _check_from(instruction: Instruction) -> Iterator[Refusal]:
    arguments = instruction.arguments
    if len(arguments) == 3 and arguments[1].text.lower() == "as":
        if _STAGE_NAME.match(arguments[2].text.lower()) is None:
            message = f"{arguments[2].text!r} is no name of a stage: a letter, then letters, digits, - _ and ."
            yield arguments[2].offset, message
    elif len(arguments) != 1:
        yield instruction.offset, "FROM needs an image, or an image and `AS name`"


def _check_onbuild(instruction: Instruction) -> Iterator[Refusal]:
    trigger = instruction.trigger
    if trigger is not None and trigger.keyword.strip() in ("ONBUILD", "MAINTAINER", "FROM"):
        yield trigger.offset, f"{trigger.keyword} cannot be a trigger of ONBUILD"


def _check_healthcheck(instruction: Instruction) -> Iterator[Refusal]:
    arguments = instruction.arguments
    if not arguments:
        return
    kind = arguments[0].text.upper()
    if kind == "NONE":
        if len(arguments) > 1:
            yield arguments[1].offset, "HEALTHCHECK NONE takes no arguments"
        return
    if kind != "CMD":
        yield arguments[0].offset, f"HEALTHCHECK is followed by CMD or NONE, not by {arguments[0].text!r}"
    elif len(arguments) == 1:
        yield arguments[0].offset, "HEALTHCHECK CMD needs a command"
    for flag in instruction.flags:
        value = flag.value.text if flag.value is not None else ""
        if flag.name == "retries" and value and (not re.match(r"[+]?[0-9]+\Z|-0+\Z", value) or len(value) > 10):
            yield flag.offset, "--retries is a number, 0 or more"
        elif flag.name in _FLAGS["HEALTHCHECK"] and flag.name != "retries" and not _is_duration(value):
            yield flag.offset, f"--{flag.name} is a time such as 30s or 1m30s, a millisecond at least"


def _is_duration(value: str) -> bool:
    """Whether Go's time.ParseDuration reads it, as nothing or a millisecond or more."""
    if not value:
        return True
    if re.match(_DURATION, value) is None:
        return False
    seconds = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"([0-9.]+)(ns|us|µs|μs|ms|s|m|h)", value)
    total = sum(float(number) * seconds[unit] for number, unit in parts)
    return total == 0 or (total >= 0.000999999 and not value.startswith("-"))
