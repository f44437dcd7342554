"""Reads from buildx's own output why a build failed: the step, its place in the Dockerfile, its last words. Pure.

buildx ends a failed build with a summary, in a terminal and without one, from 0.13 to current; with
`--progress=rawjson` the step and its output are in the JSON instead. Recorded outputs: tests/unit/engine/recorded/.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTPUT_LINES = 20

_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# ------
#  > [app 5/9] RUN poetry install:
# 0.051 the step's last lines
# ------
_STEP = re.compile(r"^------\n > (?P<step>.*):\n(?P<output>(?:(?!------\n).*\n)*)------$", re.MULTILINE)
# Dockerfile:12
# --------------------
#   11 |     an excerpt
_PLACE = re.compile(r"^(?P<file>[^\n]*?):(?P<line>\d{1,9})\n-{20}$", re.MULTILINE)
_ERROR = re.compile(r"^ERROR: (?:target (?P<target>[^\s:]+): )?(?:failed to solve: )?(?P<text>.*)", re.MULTILINE)
_EXIT_CODE = re.compile(r"did not complete successfully: exit code: (\d{1,9})")
_TIMESTAMP = re.compile(r"^\d+\.\d{1,3} ")
# #7 ERROR: process "…" did not complete successfully: exit code: 1
_FAILED_STEP = re.compile(r"^#(\d+) ERROR: process ", re.MULTILINE)
_LINE_WITH_BRACE = re.compile(r"^\{", re.MULTILINE)
# What begins with a brace and is no JSON: the piece at which the kept end begins, seldom more. Each costs a scan.
_MOST_BROKEN_DOCUMENTS = 100
# Without buildx's own "ERROR:" the last line may be anything: a piece of JSON, or of a binary.
_LONGEST_LAST_LINE = 500
OUT_OF_MEMORY = 137  # 128 + SIGKILL, which is how the kernel ends what takes too much memory


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a build failed, as far as its output tells."""

    error: str
    """buildx's last word."""
    step: str | None = None
    """``[app 5/9] RUN poetry install``."""
    dockerfile: str | None = None
    """The file's name as buildx prints it."""
    line: int = 0
    output: tuple[str, ...] = ()
    """The last lines that the step printed."""
    exit_code: int | None = None
    """Of the process in the step; None where the step was no process."""


def read_failure(text: str) -> Failure:
    """Read the end of what a failed `docker buildx bake` wrote to stderr; any text gives an answer."""
    plain = _TERMINAL_CODES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    steps = list(_STEP.finditer(plain))
    step, output = _step_of(steps[-1]) if steps else _step_of_json(plain)
    # The summary holds ten lines; without a terminal the step's own lines hold all of them.
    output = _lines_of_failed_step(plain) or output
    places = list(_PLACE.finditer(plain))
    errors = [match for match in _ERROR.finditer(plain) if match["text"].strip()]
    error = errors[-1]["text"].strip() if errors else _last_line(plain)
    code = _EXIT_CODE.search(error) or (None if step is None else _last_exit_code(plain))
    return Failure(
        error=error,
        step=step,
        dockerfile=places[-1]["file"] if places else None,
        line=int(places[-1]["line"]) if places else 0,
        output=output[-OUTPUT_LINES:],
        exit_code=int(code[1]) if code else None,
    )


def _step_of(match: re.Match[str]) -> tuple[str, tuple[str, ...]]:
    lines = match["output"].rstrip("\n").split("\n") if match["output"].strip() else []
    return match["step"], tuple(_TIMESTAMP.sub("", line).rstrip() for line in lines)


def _lines_of_failed_step(text: str) -> tuple[str, ...]:
    """What the failed step printed, by `--progress=plain`: lines such as `#7 0.051 error: …`."""
    failed = list(_FAILED_STEP.finditer(text))
    if not failed:
        return ()
    lines = re.findall(rf"^#{failed[-1][1]} \d+\.\d{{1,3}} (.*)$", text, re.MULTILINE)
    return tuple(line.rstrip() for line in lines)


def _step_of_json(text: str) -> tuple[str | None, tuple[str, ...]]:
    """The failed step and its output from `--progress=rawjson`."""
    failed: dict[str, Any] | None = None
    logs: dict[str, list[tuple[str, bytes]]] = {}
    for status in _json_documents(text):
        for vertex in _dicts(status.get("vertexes")):
            # The step that failed, not those that were cancelled because of it.
            if vertex.get("error") and "context canceled" not in str(vertex["error"]):
                failed = vertex
        for log in _dicts(status.get("logs")):
            data = _decoded(log.get("data"))
            logs.setdefault(str(log.get("vertex")), []).append((str(log.get("timestamp")), data))
    if failed is None:
        return None, ()
    pieces = sorted(logs.get(str(failed.get("digest")), []), key=lambda piece: piece[0])
    output = b"".join(data for _, data in pieces).decode("utf-8", "replace")
    return str(failed.get("name")), tuple(line.rstrip() for line in output.splitlines())


def _json_documents(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object that begins a line: 0.13 indents them over many lines, newer ones write one a line."""
    decoder = json.JSONDecoder()
    at = broken = 0
    while broken < _MOST_BROKEN_DOCUMENTS and (start := _LINE_WITH_BRACE.search(text, at)) is not None:
        try:
            value, at = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):  # no JSON, or a number of more digits than Python converts
            at = start.end()
            broken += 1
            continue
        if isinstance(value, dict):
            yield value


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _decoded(data: Any) -> bytes:
    try:
        return base64.b64decode(str(data or ""), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _last_exit_code(text: str) -> re.Match[str] | None:
    found = list(_EXIT_CODE.finditer(text))
    return found[-1] if found else None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_LONGEST_LAST_LINE] if lines else "buildx gave no reason"
