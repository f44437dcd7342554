"""The forms in which architectures are shown: text for people, json for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.binaries.contents import FILE
from poetry_gpu_build.commands.base import json_document
from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.lint.formats.characters import well_formed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable

    from poetry_gpu_build.binaries.contents import Contents
    from poetry_gpu_build.binaries.judgement import Judgement
    from poetry_gpu_build.binaries.judgement import Verdict
    from poetry_gpu_build.binaries.library import Library
    from poetry_gpu_build.values import ComputeCapability


def as_text(contents: Contents, judgement: Judgement) -> str:
    """A table for each library, then where it runs, then the answers."""
    if not contents.libraries:
        blocks = [f"{visible(contents.path)} holds no GPU code"]
    else:
        blocks = [*map(_table, contents.libraries), _judged(contents, judgement)]
    return "\n\n".join([*blocks, *map(_verdict, judgement.verdicts)])


def as_json(contents: Contents, judgement: Judgement) -> str:
    """One document."""
    data = {
        "path": well_formed(contents.path),
        "kind": contents.kind,
        "libraries": [_library_data(library) for library in contents.libraries],
        "unread": [{"path": well_formed(path), "fault": well_formed(fault)} for path, fault in contents.unread],
        "judged_by": [
            {
                "path": well_formed(each.library.path),
                "sass": [code.sm for code in each.sass],
                "ptx": [code.sm.replace("sm_", "compute_") for code in each.ptx],
            }
            for each in judgement.deciding
        ],
        "compute_capabilities": {
            "runs": [str(capability) for capability in judgement.runs],
            "does_not_run": [str(capability) for capability in judgement.does_not_run],
        },
        "answers": [
            {
                "target": str(verdict.target),
                "runs": verdict.answer.runs,
                "because": verdict.answer.because,
                "rule": verdict.answer.rule,
                "decided_by": None if verdict.decided_by is None else well_formed(verdict.decided_by),
            }
            for verdict in judgement.verdicts
        ],
    }
    return json_document(data)


FORMATS: dict[str, Callable[[Contents, Judgement], str]] = {"text": as_text, "json": as_json}


def _library_data(library: Library) -> dict[str, Any]:
    return {
        "path": well_formed(library.path),
        "containers": library.containers,
        "code": [
            {
                "name": code.name,
                "kind": code.kind,
                "compute_capability": str(code.architecture.capability),
                "suffix": code.architecture.suffix,
                "entries": entries,
                "containers": containers,
            }
            for code, entries, containers in library.held
        ],
    }


def _table(library: Library) -> str:
    lines = [f"{visible(library.path)}, {_counted(library.containers, 'container')}"]
    widest = len(str(library.containers))
    for code, entries, containers in library.held:
        more = "" if entries == containers else f", {entries} times"
        lines.append(f"  {code.kind:<6}{code.name:<14}in {containers:>{widest}} of {library.containers}{more}")
    return "\n".join(lines)


def _judged(contents: Contents, judgement: Judgement) -> str:
    by = "what is in at least half of its containers" if judgement.by_torch else "every architecture that it holds"
    lines = [f"runs on     {_listed(judgement.runs)}", f"not on      {_listed(judgement.does_not_run)}"]
    if contents.kind != FILE or judgement.by_torch:
        names = ", ".join(visible(each.library.path) for each in judgement.deciding)
        lines.append(f"judged by   {names}: {by}")
    return "\n".join(lines)


def _verdict(verdict: Verdict) -> str:
    answer = verdict.answer
    runs = "runs" if answer.runs else "does not run"
    lines = [f"{verdict.target} {runs}: {answer.because}"]
    if answer.rule:
        lines.append(f"  rule: {answer.rule}")
    if verdict.decided_by is not None:
        lines.append(f"  decided by {visible(verdict.decided_by)}")
    return "\n".join(lines)


def _listed(capabilities: Iterable[ComputeCapability]) -> str:
    return " ".join(map(str, capabilities)) or "none"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
