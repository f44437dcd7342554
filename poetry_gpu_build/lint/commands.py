"""What commands install: pip under all its names, Poetry; and the stages that an image consists of."""

from __future__ import annotations

import posixpath
import re
from functools import cached_property
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.shell.programs import python_runs
from poetry_gpu_build.documents.shell.programs import shebang
from poetry_gpu_build.documents.shell.resolve import resolve
from poetry_gpu_build.documents.shell.results import RunsFile
from poetry_gpu_build.documents.shell.scan import scan
from poetry_gpu_build.documents.shell.syntax import Parameter
from poetry_gpu_build.lint.image import Step

if TYPE_CHECKING:
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

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
SYSTEM_INSTALLERS = frozenset({"apt", "apt-get", "aptitude", "apk", "dnf", "microdnf", "yum", "zypper", "pacman"})
_CONDA = frozenset({"conda", "mamba", "micromamba"})

# What each installer does to an environment; another subcommand (list, check, config, cache …) leaves it as it is.
_CHANGES = {
    "uv pip": frozenset({"install", "uninstall", "sync"}),
    "pipx": frozenset({"install", "install-all", "inject", "run", "upgrade", "upgrade-all", "reinstall"}),
    "uv": frozenset({"tool", "add", "sync"}),
    **dict.fromkeys(_CONDA, frozenset({"install", "create", "update", "upgrade", "env"})),
}
# pip's own that leave it; all others count, those of tomorrow too.
_LOOKS = frozenset(
    {"", "cache", "check", "completion", "config", "debug", "freeze", "hash", "help", "index", "inspect", "list"}
    | {"lock", "search", "show"}
)
# Always an installation, whatever stands behind them.
_ALWAYS = frozenset({"get-pip", "ensurepip", "easy_install", "pip-sync"})
_ASKS = frozenset({"--version", "-V", "--help", "-h"})
# The options before a subcommand that take the next word.
_VALUES = {
    "pip": frozenset({"--python", "--log", "--proxy", "--retries", "--timeout", "--exists-action", "--trusted-host"})
    | {"--cert", "--client-cert", "--cache-dir", "--keyring-provider", "--use-feature", "--use-deprecated"},
    "poetry": frozenset({"-C", "--directory", "-P", "--project"}),
}

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?=$|[\[<>=!~;@ \t]|\$\{_\})")
_FILE = re.compile(r"(?:^|/)([A-Za-z0-9][A-Za-z0-9._-]*?)(?:-[0-9][^/]*|\.git(?:[@#][^/]*)?|[@#][^/]*)?$")
_SEPARATORS = re.compile(r"[-_.]+")
_MAXIMUM_SCRIPTS = 50


class Use:
    """Something that a RUN runs, in the Dockerfile or in a script of the context. Every rule asks, so it remembers."""

    def __init__(self, source: Source, step: Step, body: MappedText | None = None) -> None:
        self.source = source
        """The file that it is written in."""
        self.step = step
        self.body = body
        """The text that the words' places count in; None where they count in the file."""
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
        """The names of the distributions that an installer's words ask for, normalised (PEP 503)."""
        return _required(self)


class Build(NamedTuple):
    """One image that a Dockerfile can make."""

    chain: frozenset[int]
    """The numbers of the stages that it stands on, its own among them."""
    others: frozenset[int]
    """Those that it only copies from, or mounts."""


def builds(dockerfile: Dockerfile) -> tuple[Build, ...]:
    """The images of the stages that no other stage uses; without a FROM everything counts as one."""
    used: set[int] = set()
    for stage in dockerfile.stages:
        used |= {other.number for other in _needs(stage, dockerfile)}
    ends = [stage for stage in dockerfile.stages if stage.number not in used] or list(dockerfile.stages[-1:])
    if not ends:
        return (Build(frozenset({-1}), frozenset()),)
    return tuple(_build(stage, dockerfile) for stage in ends)


def chains(dockerfile: Dockerfile) -> tuple[frozenset[int], ...]:
    """The numbers of the stages that stand on each other, for each stage that no other stands on."""
    parents = {stage.parent.number for stage in dockerfile.stages if stage.parent is not None}
    ends = [stage for stage in dockerfile.stages if stage.number not in parents]
    return tuple([frozenset(each.number for each in end.ancestry) | {-1} for end in ends]) or (frozenset({-1}),)


def _build(end: Stage, dockerfile: Dockerfile) -> Build:
    chain = frozenset(stage.number for stage in end.ancestry)
    seen, waiting = {end.number}, [end]
    while waiting:
        for other in _needs(waiting.pop(), dockerfile):
            if other.number not in seen:
                seen.add(other.number)
                waiting.append(other)
    return Build(chain | {-1}, frozenset(seen - chain))


def _needs(stage: Stage, dockerfile: Dockerfile) -> Iterator[Stage]:
    """The earlier stages that a stage stands on, copies from or mounts."""
    if stage.parent is not None:
        yield stage.parent
    for instruction in stage.instructions:
        references = [instruction.flag_value("from")] if instruction.keyword in {"COPY", "ADD"} else []
        if instruction.keyword == "RUN":
            references = [mount.from_stage for mount in instruction.mounts()]
        for reference in references:
            other = dockerfile.stage(reference) if reference else None
            if other is not None and other.number < stage.number:
                yield other


def uses(image: Image, documents: Documents) -> tuple[Use, ...]:
    """Everything that the RUNs run, scripts of the context included, in the order of the file."""
    return documents.remember(("uses", image.dockerfile.path), lambda: tuple(_uses(image, documents)))


def _uses(image: Image, documents: Documents) -> Iterator[Use]:
    seen: set[str] = set()
    for step in image.steps:
        run = step.instruction.trigger or step.instruction
        yield Use(image.dockerfile.source, step, None if run.is_json else run.body)
        if isinstance(step.resolved, RunsFile):
            yield from _script(step.resolved, step.instruction, image, documents, seen)


def _script(
    file: RunsFile, instruction: Instruction, image: Image, documents: Documents, seen: set[str]
) -> Iterator[Use]:
    """What a script of the context, or of a COPY's here-document, runs; and the scripts that it runs."""
    written = _copied_text(file.path, instruction, image.dockerfile)
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
        yield Use(source, Step.of(instruction, resolved, start, end), written)
        if isinstance(resolved, RunsFile):
            yield from _script(resolved, instruction, image, documents, seen)


def _copied_text(path: str, instruction: Instruction, dockerfile: Dockerfile) -> MappedText | None:
    """``COPY <<EOF /path``: the text of the here-document that stands at a path; None where none does."""
    run = instruction.trigger or instruction
    inside = posixpath.normpath(posixpath.join(run.working_directory or "", path))
    for copy in reversed(dockerfile.instructions):
        if not copy.heredocs or copy.keyword not in {"COPY", "ADD"} or copy.destination is None:
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
    copies = [
        each for each in dockerfile.instructions if each.keyword in {"COPY", "ADD"} and each.offset < instruction.offset
    ]
    for copy in copies:
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
        return "setup.py" if is_setup and not {"install", "develop"}.isdisjoint(rest) else ""
    word, rest = subcommand("pip" if name == "uv pip" else name, texts)
    if name == "pip":
        return "" if word in _LOOKS else name
    changes = _CHANGES.get(name)
    if changes is None:
        return ""
    if name == "uv" and word == "tool":
        return "uv tool" if not {"install", "upgrade", "run"}.isdisjoint(rest[:1]) else ""
    return name if word in changes or "${_}" in word else ""


def is_poetry(use: Use) -> bool:
    """Whether it is a Poetry command."""
    return use.program == "poetry"


def _required(use: Use) -> frozenset[str]:
    names: set[str] = set()
    for text in use.texts:
        if text.startswith("-"):
            continue
        is_file = "://" in text or "git+" in text or text.endswith((".whl", ".tar.gz", ".zip"))
        found = (_FILE.search(text) if is_file else None) or _REQUIREMENT.match(text)
        if found is not None:
            names.add(normalised(found[1]))
    return frozenset(names)


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


# --- the one source-build script

_BUILDS = frozenset({"bdist_wheel", "build", "build_ext", "install", "develop", "bdist_egg"})
_BUILD_PROGRAMS = frozenset({"cmake", "ninja", "make", "build", "nvcc", "bazel", "meson"})
_PREFIXES = ("--target", "--prefix", "--root", "-t")


def exempt(found: Iterable[Use], image: Image) -> frozenset[tuple[str, int, int]]:
    """The places of the pip commands of the one source-build script that leave the image's environment alone."""
    if image.mode == "binary":
        return frozenset()
    listed = list(found)
    makers = [use for use in listed if use.program in _BUILD_PROGRAMS]
    script = next((use.step.instruction for use in [*filter(_builds_python, listed), *makers]), None)
    inside = [use for use in listed if use.step.instruction is script]
    venvs: list[str] = []
    active = False
    places: set[tuple[str, int, int]] = set()
    for use in inside:
        venvs += _venv(use)
        active = active or _activates(use, venvs)
        if use.installer and (_builds_only(use) or _goes_to_opt(use) or active or _is_in(use, venvs)):
            places.add(use.where)
    return frozenset(places)


def _builds_python(use: Use) -> bool:
    """Whether it makes a distribution: the surest sign of the source-build script."""
    if use.program == "python":
        kind, what, rest = python_runs(use.texts)
        is_setup = kind == "file" and what is not None and posixpath.basename(what) == "setup.py"
        return is_setup and not _BUILDS.isdisjoint(rest)
    return _builds_only(use) or (use.installer == "pip" and _goes_to_opt(use))


def _builds_only(use: Use) -> bool:
    return use.installer == "pip" and subcommand("pip", use.texts)[0] in {"wheel", "download"}


def _goes_to_opt(use: Use) -> bool:
    texts = use.texts
    for number, text in enumerate(texts):
        name, equals, value = text.partition("=")
        if name in _PREFIXES:
            folder = value if equals else "".join(texts[number + 1 : number + 2])
            return posixpath.normpath(folder).startswith("/opt/")
    return False


def _signature(word: Argument) -> str:
    """A word as written, variables by their name: the same text is the same folder."""
    written = ""
    for piece in word.pieces:
        if piece.value is not None:
            written += piece.value
        else:
            written += f"${piece.part.name}" if isinstance(piece.part, Parameter) else "\0"
    return written.rstrip("/")


def _venv(use: Use) -> list[str]:
    """The folders of the virtual environments that a command makes."""
    command = use.step.command
    if command is None:
        return []
    if use.program not in {"venv", "virtualenv"} and not (use.program == "uv" and "venv" in use.texts[:1]):
        return []
    folders = [_signature(word) for word in command.words[-len(use.texts) :] if not word.text.startswith("-")]
    return [folder for folder in folders[-1:] if folder not in {"", "venv", "/"} and "\0" not in folder]


def _is_in(use: Use, venvs: list[str]) -> bool:
    """Whether a venv's own pip or interpreter runs it; or, for uv, whether it is told to install there."""
    command = use.step.command
    if command is None or not command.words:
        return False
    program = _signature(command.words[0])
    told = [_signature(word).partition("=")[2] or _signature(word) for word in command.words[1:]]
    words = [program, *(told if use.program == "uv pip" else ())]
    return any(word == venv or word.startswith(f"{venv}/") for word in words for venv in venvs)


def _activates(use: Use, venvs: list[str]) -> bool:
    command = use.step.command
    if command is None or use.program not in {".", "source", "export"}:
        return False
    folders = [_signature(word).removeprefix("PATH=").partition(":")[0] for word in command.words[1:]]
    return any(folder in {f"{venv}/bin", f"{venv}/bin/activate"} for folder in folders for venv in venvs)
