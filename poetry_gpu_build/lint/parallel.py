"""Shares many Dockerfiles out over the machine's cores: no finding in one depends on the others that were named."""

from __future__ import annotations

import gc
import os
from functools import partial
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.documents import is_dockerfile
from poetry_gpu_build.lint.documents import kind_of
from poetry_gpu_build.lint.session import Linted
from poetry_gpu_build.lint.session import lint_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence
    from pathlib import Path

    from poetry_gpu_build.lint.registry import Selection

# Below, starting the processes takes longer than they save (measured: 100 Dockerfiles take 0.25 s in one process).
FEWEST = 100
# What a process holds in memory at a time; each share reads the project's manifest and the policy anew.
_SHARE = 40


def lint_many(root: Path, selection: Selection, files: Sequence[Path]) -> Linted:
    """As lint_files, in several processes where there are many Dockerfiles and the system can fork."""
    dockerfiles = [path for path in dict.fromkeys(files) if is_dockerfile(path)]
    others = [path for path in files if not is_dockerfile(path)]
    workers = min(_cores(), len(dockerfiles) // _SHARE)
    # What is found in a script comes from the Dockerfile that runs it.
    has_scripts = any(kind_of(path) == "image" for path in others)
    if len(dockerfiles) < FEWEST or workers < 2 or has_scripts or not hasattr(os, "fork"):
        return lint_files(root, selection, files, {})

    from multiprocessing import get_context

    # First here: settings that cannot be used are told once, and the processes inherit what this has imported.
    done = [lint_files(root, selection, dockerfiles[:1], {})]
    if others:
        done.append(lint_files(root, selection, others, {}))
    shares = [dockerfiles[at : at + _SHARE] for at in range(1, len(dockerfiles), _SHARE)]
    with get_context("fork").Pool(workers, initializer=_start) as pool:
        done += pool.imap(partial(_lint_share, root, selection), shares)
    return _joined(root, done)


def _lint_share(root: Path, selection: Selection, files: Sequence[Path]) -> Linted:
    linted = lint_files(root, selection, files, {})
    gc.collect()  # at a moment at which little is left to look through
    return linted


def _start() -> None:
    """What a process does first: it leaves interrupts to its parent, and what it inherited out of its collections."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()


def _cores() -> int:
    """The cores that this process may use: in a container fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _joined(root: Path, done: Iterable[Linted]) -> Linted:
    shares = list(done)
    problems = {str(problem): problem for share in shares for problem in share.problems}
    return Linted(
        root,
        tuple(sorted((finding for share in shares for finding in share.findings), key=lambda each: each.order)),
        {path: source for share in shares for path, source in share.sources.items()},
        tuple(problems[said] for said in sorted(problems)),
        {path: is_there for share in shares for path, is_there in share.looked_at.items()},
    )
