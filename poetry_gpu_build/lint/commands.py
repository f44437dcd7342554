"""What commands install: pip under all its names, Poetry; and the stages that an image consists of."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.programs import PROGRAM_FOLDERS
from poetry_gpu_build.documents.shell.programs import python_runs
from poetry_gpu_build.documents.shell.programs import shebang
from poetry_gpu_build.documents.shell.resolve import resolve
from poetry_gpu_build.documents.shell.results import RunsFile
from poetry_gpu_build.documents.shell.scan import scan
from poetry_gpu_build.lint.image import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.documents.dockerfile.model import Dockerfile
    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.documents.dockerfile.model import Stage
    from poetry_gpu_build.documents.mapped import MappedText
    from poetry_gpu_build.documents.shell.arguments import Argument
    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.requirements import Listing

    Read = Callable[[str], "Listing | None"]

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
SYSTEM_INSTALLERS = frozenset({"apt", "apt-get", "aptitude", "apk", "dnf", "microdnf", "yum", "zypper", "pacman"})
_CONDA = frozenset({"conda", "mamba", "micromamba"})

# What each installer does to an environment; another subcommand (list, check, config, cache …) leaves it as it is.
_CHANGES = {
    "uv pip": frozenset({"install", "uninstall", "sync"}),
    "pipx": frozenset({"install", "install-all", "inject", "run", "upgrade", "upgrade-all", "reinstall"}),
    "uv": frozenset({"tool", "add", "sync", "run"}),
    **dict.fromkeys(_CONDA, frozenset({"install", "create", "update", "upgrade", "env", "develop"})),
    "pdm": frozenset({"install", "add", "sync", "update", "self", "plugin"}),
    "pipenv": frozenset({"install", "sync", "update", "upgrade", "uninstall"}),
    "pixi": frozenset({"install", "add", "global", "update", "upgrade", "reinstall"}),
    "rye": frozenset({"sync", "add", "install", "tools"}),
    "hatch": frozenset({"env", "python"}),
    "flit": frozenset({"install"}),
    **dict.fromkeys(("mim", "pipsi"), frozenset({"install", "uninstall", "upgrade"})),
}
# pip's own that leave it; all others count, those of tomorrow too.
_LOOKS = frozenset(
    {"", "cache", "check", "completion", "config", "debug", "freeze", "hash", "help", "index", "inspect", "list"}
    | {"lock", "search", "show"}
)
# Always an installation, whatever stands behind them.
_ALWAYS = frozenset({"get-pip", "ensurepip", "easy_install", "pip-sync", "uvx", "installer"})
_SETS_UP = frozenset({"install", "develop"})
_ASKS = frozenset({"--version", "-V", "--help", "-h"})
# The options before a subcommand that take the next word.
_VALUES = {
    "pip": frozenset({"--python", "--log", "--proxy", "--retries", "--timeout", "--exists-action", "--trusted-host"})
    | {"--cert", "--client-cert", "--cache-dir", "--keyring-provider", "--use-feature", "--use-deprecated"},
    "poetry": frozenset({"-C", "--directory", "-P", "--project"}),
}

_REQUIREMENT = lazy_pattern(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?=$|[\[<>=!~;@ \t]|\$\{_\})")
_FILE = lazy_pattern(r"(?:^|/)([A-Za-z0-9][A-Za-z0-9._-]*?)(?:-[0-9][^/]*|\.git(?:[@#][^/]*)?|[@#][^/]*)?$")
_SEPARATORS = lazy_pattern(r"[-_.]+")
_MAXIMUM_SCRIPTS = 50


class Use:
    """Something that a RUN runs, in the Dockerfile or in a script of the context. Every rule asks, so it remembers."""

    def __init__(self, source: Source, step: Step, body: MappedText | None, read: Read) -> None:
        self.source = source
        """The file that it is written in."""
        self.step = step
        self.body = body
        """The text that the words' places count in; None where they count in the file."""
        self.read = read
        """A file of requirements as the command sees it, where it comes from the build context."""
        self.where = (str(source.path), step.start, step.end)
        """The place, to compare by: what a loop or a function runs twice is written once."""
        command = step.command
        self.program = step.program
        """The program's plain name (``python3 -m pip`` is ``pip``); empty for what is no decided command."""
        words = command.words[-len(step.arguments) :] if command is not None and step.arguments else ()
        self.texts = tuple([word.text for word in words])
        """The program's arguments after normalising, with ``${_}`` for what is unknown."""

    @property
    def line(self) -> int:
        """Counted from 1."""
        return self.source.position(self.step.start).line

    @cached_property
    def installer(self) -> str:
        """The name of the pip-like installer that it is and that changes an environment; else empty."""
        return _installer(self)

    @cached_property
    def required(self) -> frozenset[str]:
        """The names of the distributions that an installer's words, and the files that they name, ask for (PEP 503)."""
        return _required(self)


class Build(NamedTuple):
    """One image that a Dockerfile can make."""

    chain: frozenset[int]
    """The numbers of the stages that it stands on, its own among them."""
    others: frozenset[int]
    """Those that it only copies from, or mounts."""


def builds(dockerfile: Dockerfile) -> tuple[Build, ...]:
    """The images of the stages that no other stage uses; without a FROM everything counts as one."""
    names = {stage.name: stage for stage in dockerfile.stages if stage.name}
    needs = {stage.number: tuple(_needs(stage, dockerfile, names)) for stage in dockerfile.stages}
    used = {other.number for others in needs.values() for other in others}
    ends = [stage for stage in dockerfile.stages if stage.number not in used] or list(dockerfile.stages[-1:])
    if not ends:
        return (Build(frozenset({-1}), frozenset()),)
    return tuple(_build(stage, needs) for stage in ends)


def uses_of_chains(found: Iterable[Use], dockerfile: Dockerfile) -> Iterator[tuple[list[int], list[Use]]]:
    """For each stage that no other stands on: the numbers of those it stands on, and what is used in them, in order."""
    by_stage: dict[int, list[Use]] = {}
    for use in found:
        by_stage.setdefault(use.step.instruction.stage_number, []).append(use)
    parents = {stage.parent.number for stage in dockerfile.stages if stage.parent is not None}
    ends = [stage for stage in dockerfile.stages if stage.number not in parents]
    for chain in [[-1, *sorted(each.number for each in end.ancestry)] for end in ends] or [[-1]]:
        yield chain, [use for number in chain for use in by_stage.get(number, ())]


def _build(end: Stage, needs: Mapping[int, tuple[Stage, ...]]) -> Build:
    chain = frozenset(stage.number for stage in end.ancestry)
    seen, waiting = {end.number}, [end]
    while waiting:
        for other in needs[waiting.pop().number]:
            if other.number not in seen:
                seen.add(other.number)
                waiting.append(other)
    return Build(chain | {-1}, frozenset(seen - chain))


def _needs(stage: Stage, dockerfile: Dockerfile, names: Mapping[str, Stage]) -> Iterator[Stage]:
    """The earlier stages that a stage stands on, copies from or mounts; ``names`` are those of all stages."""
    if stage.parent is not None:
        yield stage.parent
    for instruction in stage.instructions:
        references = [instruction.flag_value("from")] if instruction.keyword in {"COPY", "ADD"} else []
        if instruction.keyword == "RUN":
            references = [mount.from_stage for mount in instruction.mounts()]
        for reference in references:
            # Most references are names, and a file may have thousands of stages.
            other = names.get(reference.lower()) or (dockerfile.stage(reference) if reference.isdecimal() else None)
            if other is not None and other.number < stage.number:
                yield other


def uses(image: Image, documents: Documents) -> tuple[Use, ...]:
    """Everything that the RUNs run, scripts of the context included, in the order of the file."""
    return documents.remember(("uses", image), lambda: tuple(_uses(image, documents)))


def _uses(image: Image, documents: Documents) -> Iterator[Use]:
    seen: set[str] = set()
    folders = _copied_programs(image.dockerfile, documents)
    for step in image.steps:
        run = step.instruction.trigger or step.instruction
        body = None if run.is_json else run.body
        yield Use(image.dockerfile.source, step, body, _reader(step.instruction, image, documents))
        if isinstance(step.resolved, RunsFile):
            yield from _script(step.resolved, step.instruction, image, documents, seen)
        for file in _on_path(step, folders) if folders else ():
            made = step._replace(resolved=file, program="", arguments=())
            yield Use(image.dockerfile.source, made, body, _reader(step.instruction, image, documents))
            yield from _script(file, step.instruction, image, documents, seen)


def _reader(instruction: Instruction, image: Image, documents: Documents) -> Read:
    def read(path: str) -> Listing | None:
        from poetry_gpu_build.lint.requirements import parsed

        source = context_file(path, instruction, image.dockerfile, documents)
        return None if source is None else documents.remember(("listing", source.path), lambda: parsed(source.text))

    return read


def _copied_programs(dockerfile: Dockerfile, documents: Documents) -> frozenset[str]:
    """The folders for programs that a COPY fills: what stands there is run by its name alone."""
    targets: set[str] = set()
    for copy in _copies(dockerfile, documents):
        if copy.destination is not None and not copy.flag_value("from"):
            target = posixpath.normpath(
                posixpath.join(copy.working_directory or "", copy.expand(copy.destination).value)
            )
            targets |= {target, posixpath.dirname(target)}
    return frozenset(targets.intersection(PROGRAM_FOLDERS))


def _on_path(step: Step, folders: Iterable[str]) -> Iterator[RunsFile]:
    """The files that a command may be whose name has no folder."""
    command = step.command
    name = command.words[0].value if command is not None and command.words else None
    if command is None or not name or "/" in name:
        return
    for folder in folders:
        arguments = command.arguments
        yield RunsFile(command.start, command.end, f"{folder}/{name}", "/", "", arguments, command.via, command.command)


def _script(
    file: RunsFile, instruction: Instruction, image: Image, documents: Documents, seen: set[str]
) -> Iterator[Use]:
    """What a script of the context, or of a COPY's here-document, runs; and the scripts that it runs."""
    written = _copied_text(file.path, instruction, image.dockerfile, documents)
    source = image.dockerfile.source if written else context_file(file.path, instruction, image.dockerfile, documents)
    if source is None or len(seen) >= _MAXIMUM_SCRIPTS:
        return
    text = written.text if written else source.text
    key = f"{source.path}:{written.offset if written else 0}"
    if key in seen or (file.interpreter or shebang(text) or "sh") not in {*SHELLS, "source"}:
        return
    seen.add(key)
    for resolved in resolve(scan(text), known_variables(instruction)):
        start, end = resolved.start, resolved.end
        if written:
            start, end = written.original_offset(start), written.original_end(end)
        yield Use(source, Step.of(instruction, resolved, start, end), written, _reader(instruction, image, documents))
        if isinstance(resolved, RunsFile):
            yield from _script(resolved, instruction, image, documents, seen)


def _copied_text(
    path: str, instruction: Instruction, dockerfile: Dockerfile, documents: Documents
) -> MappedText | None:
    """``COPY <<EOF /path``: the text of the here-document that stands at a path; None where none does."""
    run = instruction.trigger or instruction
    inside = posixpath.normpath(posixpath.join(run.working_directory or "", path))
    for copy in reversed(_copies(dockerfile, documents)):
        if not copy.heredocs or copy.destination is None:
            continue
        target = posixpath.normpath(posixpath.join(copy.working_directory or "", copy.expand(copy.destination).value))
        for heredoc in copy.heredocs:
            if copy.offset < run.offset and inside in {target, posixpath.join(target, heredoc.name)}:
                return heredoc.script
    return None


def known_variables(instruction: Instruction) -> Mapping[str, str]:
    """The ARGs and ENVs whose value is known where an instruction runs."""
    run = instruction.trigger or instruction
    known = run.environment.variables().values()
    return {each.name: each.value for each in known if each.value is not None and not each.unknown}


def context_file(path: str, instruction: Instruction, dockerfile: Dockerfile, documents: Documents) -> Source | None:
    """The file of the build context that a RUN means by a path; None where it is none that can be told."""
    run = instruction.trigger or instruction
    inside = posixpath.normpath(posixpath.join(run.working_directory or "", path))
    for copy in _copies(dockerfile, documents):
        if copy.offset >= instruction.offset:
            break
        destination = copy.destination
        if destination is None or copy.flag_value("from"):
            continue
        target = posixpath.normpath(posixpath.join(copy.working_directory or "", copy.expand(destination).value))
        for written in copy.sources:
            source = _context_source(copy.expand(written).value, target, inside, path, documents)
            if source is not None:
                return source
    for mount in run.mounts():
        if mount.type == "bind" and not mount.from_stage and mount.target:
            source = _context_source(mount.source or ".", posixpath.normpath(mount.target), inside, path, documents)
            if source is not None:
                return source
    return None


def _copies(dockerfile: Dockerfile, documents: Documents) -> list[Instruction]:
    """Its COPY and ADD instructions: every script of a long file asks for them."""
    return documents.remember(
        ("copies", id(dockerfile)),
        lambda: [each for each in dockerfile.instructions if each.keyword in {"COPY", "ADD"}],
    )


def _context_source(written: str, target: str, inside: str, path: str, documents: Documents) -> Source | None:
    """``COPY written target``: the file of the context that stands at ``inside`` then."""
    base = posixpath.basename(written)
    if base and base == posixpath.basename(inside):
        return _read(written, documents)
    if inside == target:
        return _read(written, documents)
    below = posixpath.relpath(inside, target) if inside.startswith("/") == target.startswith("/") else path
    return None if below.startswith("..") else _read(posixpath.join(written, below), documents)


def _read(name: str, documents: Documents) -> Source | None:
    inside = posixpath.normpath(posixpath.join(documents.policy.context, name.lstrip("/")))
    if "\0" in inside or inside.startswith(("..", "/")) or len(inside) > 1000:
        return None
    return documents.source(inside)


def subcommand(program: str, texts: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """The first word that is no option, and those behind it.

    >>> subcommand("poetry", ["-C", "/app", "install", "--sync"])
    ('install', ('--sync',))
    """
    words = tuple(texts)
    values = _VALUES.get(program, frozenset())
    index = 0
    while index < len(words):
        if not words[index].startswith("-"):
            return words[index], words[index + 1 :]
        index += 2 if words[index] in values else 1
    return "", ()


def _installer(use: Use) -> str:
    name, texts = use.program, use.texts
    if not name or not _ASKS.isdisjoint(texts[:1]):
        return ""
    if name in _ALWAYS:
        return name
    if name == "python":
        kind, what, rest = python_runs(texts)
        is_setup = kind == "file" and what is not None and posixpath.basename(what) == "setup.py"
        return "setup.py" if is_setup and not _SETS_UP.isdisjoint(rest) else ""
    if name == "setup.py":
        return "" if _SETS_UP.isdisjoint(texts) else name
    word, rest = subcommand("pip" if name == "uv pip" else name, texts)
    if name == "pip":
        return "" if word in _LOOKS else name
    changes = _CHANGES.get(name)
    if changes is None:
        return ""
    if name == "uv" and word == "tool":
        return "uv tool" if not {"install", "upgrade", "run"}.isdisjoint(rest[:1]) else ""
    if name == "uv" and word == "run":
        return "uv run" if any(text.startswith("--with") for text in texts) else ""
    return name if word in changes or "${_}" in word else ""


def is_poetry(use: Use) -> bool:
    """Whether it is a Poetry command."""
    return use.program == "poetry"


def _required(use: Use) -> frozenset[str]:
    names: set[str] = set()
    for text in use.texts:
        if not text.startswith("-") and (name := required_name(text)):
            names.add(name)
    if use.installer:
        from poetry_gpu_build.lint.requirements import listed  # few images have such files

        names |= listed(use)
    return frozenset(names)


def required_name(text: str) -> str:
    """The name of the distribution that a requirement asks for, normalised; empty where it says none."""
    is_file = "://" in text or "git+" in text or text.endswith((".whl", ".tar.gz", ".zip"))
    found = (_FILE.search(text) if is_file else None) or _REQUIREMENT.match(text)
    return "" if found is None else normalised(found[1])


def normalised(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return _SEPARATORS.sub("-", name).lower()


def is_system_install(use: Use) -> bool:
    """``apt-get install …``, ``apk add …``."""
    return use.program in SYSTEM_INSTALLERS and not {"install", "add", "-S", "-Sy"}.isdisjoint(use.texts)


SYSTEM_POETRY = frozenset({"poetry", "python3-poetry", "python-poetry", "py3-poetry"})
_SYSTEM_PIP = frozenset({"python3-pip", "python-pip", "py3-pip"})


def installs_poetry(use: Use) -> bool:
    """Whether Poetry is there behind it."""
    if is_system_install(use):
        return not SYSTEM_POETRY.isdisjoint(use.required)
    name = use.installer
    return bool(name) and name != "setup.py" and _is_install(use, name) and "poetry" in use.required


def installs_pip(use: Use) -> bool:
    """Whether it installs pip itself: get-pip.py, ensurepip, ``pip install -U pip``, the system's package."""
    if is_system_install(use):
        return not _SYSTEM_PIP.isdisjoint(use.required)
    name = use.installer
    if name in {"get-pip", "ensurepip"}:
        return True
    return name in {"pip", "uv pip"} and _is_install(use, name) and "pip" in use.required


def _is_install(use: Use, name: str) -> bool:
    return name in _ALWAYS or subcommand("pip" if name == "uv pip" else name, use.texts)[0] != "uninstall"


def place(use: Use, word: Argument) -> tuple[int, int]:
    """Where a word stands in the file that the command is written in."""
    if use.body is None:
        return word.start, word.end
    return use.body.original_offset(word.start), use.body.original_end(word.end)
