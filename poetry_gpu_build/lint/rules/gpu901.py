"""GPU901: what may be a pip or a Poetry command, and cannot be decided."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.programs import shebang
from poetry_gpu_build.documents.shell.results import RunsFile
from poetry_gpu_build.documents.shell.results import Undecidable
from poetry_gpu_build.lint.commands import SHELLS
from poetry_gpu_build.lint.commands import context_file
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.downloads import unchecked
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary
from poetry_gpu_build.lint.services import hit_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.compose.problems import Kind
    from poetry_gpu_build.documents.compose.problems import Problem
    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_NAMES = r"pip[0-9.]*|ensurepip|get-pip(?:\.py)?|easy_install|pipx|poetry|conda|mamba|micromamba"
_NAMED = lazy_pattern(rf"(?<![\w.-])(?:{_NAMES}|uv\s+(?:pip|tool|add|sync))(?![\w-])")
# An unknown program with pip's own words behind it.
_LIKE_PIP = lazy_pattern(
    r"\S+(?:\s+(?:-\S+|\$\{_\}|\S*setup\.py))*\s+(?:install|uninstall|download|wheel|inject|sync)(?:\s|$)"
)
# An unlisted program that is handed a whole command: retry 5 pip install x.
_PASSED_ON = lazy_pattern(
    r"(?:^|[\s/'\"=;&|!(])(?:(?:uv\s+)?pip[0-9.]*|pipx|easy_install|conda|mamba|poetry)(?:\s+-\S+)*"
    r"\s+(?:install|uninstall|wheel|download|inject|add|sync)(?:\s|$)"
)
# Code that makes the name of what it runs, or the code itself, only when it runs.
_HIDES = lazy_pattern(r"__import__\((?!\s*['\"][\w.]+['\"]\s*\))|import_module\((?!\s*['\"])|b64decode|fromhex\(|rot13")
_COMPOSE = "docker/docker-compose.yml"
_SHOWS = frozenset({"echo", "printf", "grep", "test", "[", "[[", "export", "alias", "trap", "eval", "set", "which"})
_KNOWN = frozenset({"pip", "uv", "uv pip", "pipx", "get-pip", "poetry", "easy_install", "conda", "mamba", "apt-get"})
# What people read into a shell that installs nothing.
_HARMLESS = lazy_pattern(
    r"shell\.\w+ hook|ssh-agent|dircolors|\bpyenv (?:virtualenv-)?init|shellenv|direnv hook|env activate"
    r"|/activate\b|os-release|lsb-release|/profile\b|\.(?:profile|bashrc|bash_profile|zshrc)\b|/env\b|nvm\.sh|setvars\.sh"
)
_HELP = {
    "program": "write the program's name: python -m pip install …",
    "script": "write the commands into the RUN, or into a script of the context",
    "input": "download a file, check it, and run it; or write the commands into the RUN",
    "file": "write the script's name",
    "code": "call pip from the shell, not from code",
    "syntax": "write it so that a shell can read it",
    "limit": "write it with fewer layers",
}

# Compose's problems that may hide something, and what to do about each.
_UNREAD: dict[Kind, str] = {
    "remote": "copy what it names into the project: there it is read, and reviewed",
    "too-much": "write it with fewer anchors, merges and services, or in several files",
}


class MayBePip(ImageRule):
    """A command that may be pip's or Poetry's is written so that everyone sees which it is.

    `$(which pip) install` and a script out of a pipe are decided only when they run: no reader and no linter can tell
    whether they break the policy. Unknown commands in which nothing hints at pip or Poetry are left alone. The same
    goes for what is not read at all: an instruction or a Compose file beyond all measure, and Compose files of other
    machines.
    """

    code = "GPU901"
    name = "undecidable"
    valid = (
        Example(binary('FROM a\nRUN exec "$@"\nRUN python -c "import torch"\nRUN . /etc/os-release\n')),
        Example(binary('FROM a\nRUN eval "$(conda shell.bash hook)" && $CC -v && echo pip install x\n')),
        Example(binary("FROM a\nRUN rm -rf ~/.cache/pip && ln -s /usr/bin/pip3 /usr/bin/pip\n")),
    )
    invalid = (
        Example(binary("FROM a\nRUN $(which pip) install x\n"), ("docker/Dockerfile:2:5",)),
        Example(binary("FROM a\nRUN a && $TOOL -q install x\n"), ("docker/Dockerfile:2:10",)),
        Example(binary("FROM a\nRUN python -c 'import pip; pip.main([])'\n"), ("docker/Dockerfile:2:16",)),
        Example(binary("FROM a\nRUN base64 -d <<< cGlw | sh\n"), ("docker/Dockerfile:2:26",)),
        Example(binary('FROM a\nRUN sh "$SCRIPT"\n'), ("docker/Dockerfile:2:8",)),
        Example(
            binary("FROM a\nRUN echo 'pip install x' > /a.sh\nRUN chmod +x /a.sh && sh /a.sh\n"),
            ("docker/Dockerfile:3:26",),
        ),
        Example(binary("FROM a\nRUN retry 5 pip install x\n"), ("docker/Dockerfile:2:5",)),
        Example(binary("FROM a\nRUN <<EOF\n#!/usr/bin/env python3\nimport pip\nEOF\n"), ("docker/Dockerfile:2:1",)),
        Example(
            binary(
                "FROM a\nCOPY . .\nRUN python tools/setup.py\n",
                **{"tools/setup.py": "import subprocess\nsubprocess.run(['pip', 'install', 'x'])\n"},
            ),
            ("docker/Dockerfile:3:12",),
        ),
        Example(binary("FROM a\nRUN : \\\n" + f"  {'x' * 60_000} \\\n" * 5 + "  pip\n"), ("docker/Dockerfile:2:1",)),
        Example({_COMPOSE: "include: ['oci://example.org/app']\n"}, (f"{_COMPOSE}:1:11",)),
        Example({_COMPOSE: "a: " + "[" * 200 + "]" * 200 + "\n"}, (f"{_COMPOSE}:1:103",)),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Check each Dockerfile, and what is not read of the Compose files."""
        yield from super().check(documents)
        if "compose" not in documents.told_kinds:
            return
        told: set[Problem] = set()
        for each in documents.with_each_compose:
            for problem in each.compose.problems if each.compose is not None else ():
                if problem.kind in _UNREAD and problem not in told:
                    told.add(problem)
                    yield from hit_at(documents, problem.position, problem.message, _UNREAD[problem.kind])

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find what is unknown and hints at pip or Poetry."""
        dockerfile = image.dockerfile
        for problem in dockerfile.problems:
            if problem.is_limit:
                start = dockerfile.source.offset(problem.position.line, problem.position.column)
                yield Hit(dockerfile.source, start, start, problem.message, _HELP["limit"])
        for instruction in image.dockerfile.instructions:
            yield from _other_language(instruction, image)
        seen: set[tuple[str, int, int]] = set()
        written: dict[str, Instruction] = {}
        naming = _Naming()
        for use in uses(image, documents):
            written.update(_written(use, naming))
            run = use.step.instruction.trigger or use.step.instruction
            # A download that is run unchecked is GPU108's, until somebody checks it.
            if use.where in seen or _is_other(run.shebang) or use.where in unchecked(image, documents).runs:
                continue
            found = _doubt(use, image, documents, naming) or _made_before(use, written)
            if found is not None:
                seen.add(use.where)
                message, kind = found
                yield Hit(use.source, use.step.start, use.step.end, message, _HELP.get(kind))


def _doubt(use: Use, image: Image, documents: Documents, naming: _Naming) -> tuple[str, str] | None:
    """What is doubtful about a command, and the kind of the doubt; None for nothing."""
    resolved = use.step.resolved
    if isinstance(resolved, Undecidable):
        written = use.source.text[use.step.start : use.step.end]
        hints = _hints(resolved, written, use, naming)
        return (f"may be a pip command: {resolved.reason}", resolved.kind) if hints else None
    if isinstance(resolved, RunsFile):
        calls = _calls_pip(resolved, use, image, documents)
        return ("a script in another language names pip or Poetry", "code") if calls else None
    if use.program in _SHOWS | _KNOWN or not _PASSED_ON.search(" ".join(use.texts)):
        return None
    return f"{use.program} may run a pip command", "program"


class _Naming:
    """Whether a RUN names pip or Poetry; each is looked through once, however many commands it has."""

    def __init__(self) -> None:
        self._known: dict[int, bool] = {}

    def of(self, instruction: Instruction) -> bool:
        at = instruction.offset
        if at not in self._known:
            self._known[at] = instruction.body is not None and bool(_NAMED.search(instruction.body.text))
        return self._known[at]


def _written(use: Use, naming: _Naming) -> Iterator[tuple[str, Instruction]]:
    """The names of the files that a RUN which names pip writes with ``>`` or `tee`."""
    command = use.step.command
    if command is None or not naming.of(use.step.instruction):
        return
    targets = [each.target.literal for each in command.command.redirections if each.operator.startswith(">")]
    for target in [*targets, *(use.texts if use.program == "tee" else ())]:
        if target and not target.startswith(("/dev/", "-")):
            yield posixpath.basename(target), use.step.instruction


def _made_before(use: Use, written: dict[str, Instruction]) -> tuple[str, str] | None:
    """What runs is a file that an earlier RUN wrote: within one RUN it is followed, across RUNs it is not."""
    path = use.step.resolved.path if isinstance(use.step.resolved, RunsFile) else use.program
    maker = written.get(posixpath.basename(path)) if path else None
    if maker is None or maker is use.step.instruction:
        return None
    return f"runs a file that the RUN on line {maker.line} writes, and that names pip or Poetry", "script"


def _hints(doubt: Undecidable, written: str, use: Use, naming: _Naming) -> bool:
    known = f"{doubt.text}\n{written}"
    match doubt.kind:
        case "limit":
            return True
        case "script" | "input" | "file":
            return not _HARMLESS.search(known)
        case "program":
            return bool(_NAMED.search(known) or _LIKE_PIP.match(doubt.text))
        case "syntax":
            instruction = use.step.instruction
            return naming.of(instruction) if instruction.body is not None else bool(_NAMED.search(known))
    return bool(_NAMED.search(known) or (doubt.kind == "code" and _HIDES.search(known)))


def _calls_pip(file: RunsFile, use: Use, image: Image, documents: Documents) -> bool:
    """Whether a script of the context is no shell script, and names pip."""
    source = context_file(file.path, use.step.instruction, image.dockerfile, documents)
    if source is None or (file.interpreter or shebang(source.text) or "sh") in {*SHELLS, "source"}:
        return False
    return bool(_NAMED.search(source.text))


def _is_other(first_line: str) -> bool:
    return bool(first_line) and shebang(first_line) not in SHELLS


def _other_language(instruction: Instruction, image: Image) -> Iterator[Hit]:
    """``RUN <<EOF`` whose first line names another interpreter than a shell."""
    run = instruction.trigger or instruction
    if run.keyword == "RUN" and run.body is not None and _is_other(run.shebang) and _NAMED.search(run.body.text):
        end = instruction.offset + len(instruction.keyword)
        message = f"a script in another language ({shebang(run.shebang)}) names pip or Poetry"
        yield Hit(image.dockerfile.source, instruction.offset, end, message, _HELP["code"])
