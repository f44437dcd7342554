"""What the user said about the mode, and what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.selection.reasons import Reason

if TYPE_CHECKING:
    from poetry_gpu_build.policy import ModeName

FLAG = "BUILD_FROM_SOURCE"
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off", ""})


class Flags(NamedTuple):
    """What the user said about the mode: three options, and the environment's BUILD_FROM_SOURCE (None: not set)."""

    from_source: bool = False
    binary: bool = False
    build_from_source: str | None = None
    all_modes: bool = False
    """Whether this is one of the two plans of --all-modes, which asks for the mode in the user's stead."""


def parse_switch(text: str) -> bool:
    """Read BUILD_FROM_SOURCE: true, 1, yes, on; false, 0, no, off and the empty text; in any case.

    >>> parse_switch("Yes"), parse_switch("")
    (True, False)

    Raises InvalidValueError for anything else.
    """
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise InvalidValueError(
        f"{FLAG}={text!r} is neither yes nor no",
        ways_out=(f"set {FLAG} to true or false, or unset it and let the GPUs decide",),
    )


def requested_mode(flags: Flags) -> tuple[ModeName | None, Reason]:
    """The mode that the flags ask for (None: they leave it open), and the reason that says so.

    Raises ConfigurationError for flags that exclude each other, InvalidValueError for a switch that is none.
    """
    if flags.from_source and flags.binary:
        raise ConfigurationError("--from-source and --binary exclude each other", ways_out=("give one of them",))
    # A switch that cannot be read is an error even where an option overrules it: Compose would still forward it.
    switch = None if flags.build_from_source is None else parse_switch(flags.build_from_source)
    said = f"{FLAG}={flags.build_from_source}"
    if flags.from_source or flags.binary:
        mode: ModeName = "source" if flags.from_source else "binary"
        option = "--all-modes" if flags.all_modes else "--from-source" if flags.from_source else "--binary"
        overruled = f", over {said}" if switch is not None and switch != flags.from_source else ""
        return mode, Reason("flag", f"{option} asks for the {mode} mode{overruled}")
    if switch is not None:
        mode = "source" if switch else "binary"
        return mode, Reason("flag", f"{said} asks for the {mode} mode")
    return None, Reason("flag", f"no flag: neither --from-source, --binary nor {FLAG} is set")
