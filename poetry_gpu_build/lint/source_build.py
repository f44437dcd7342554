"""The source build: the RUN that compiles torch, what is set in it, and the swap that makes its output importable."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.arguments import UNKNOWN
from poetry_gpu_build.documents.shell.programs import python_runs
from poetry_gpu_build.documents.shell.results import RunsFile
from poetry_gpu_build.lint.commands import context_file
from poetry_gpu_build.lint.commands import is_poetry
from poetry_gpu_build.lint.commands import subcommand
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.installs import run_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

OPT = "/opt/"
PTH_NAME = "gpu-build-opt.pth"
PACKAGES = lazy_pattern(r"(?:site|dist)-packages")

_SETUP = frozenset({"bdist_wheel", "build", "build_ext", "install", "develop", "bdist_egg"})
_TORCH = lazy_pattern(r"torch", re.IGNORECASE)
_CLONE = lazy_pattern(r"(?:^|/)(?:py)?torch(?:\.git)?(?:[#@].*)?/?$")
_COMMENT = lazy_pattern(r"^[ \t]*#.*$", re.MULTILINE)
_PTH = lazy_pattern(r"(?<![\w.-])[\w.-]+\.pth\b")
_SWAP_PLACE = lazy_pattern(
    r"(?:site|dist)-packages|purelib|platlib|getsitepackages|getusersitepackages|get_python_lib|/opt/"
)
_FRONT = "sys.path.insert"
_APPLY, _CHECK = "--apply", "--check"
# With these another torch in site-packages is not imported: the front form, and taking it away.
_WINS = frozenset({"--front", "--remove-shadow"})
_VALUE = r"(?:\"(?P<double>[^\"\n]*)\"|'(?P<single>[^'\n]*)'|(?P<bare>[^\s;&|\"'()<>]*))"


class SourceBuild(NamedTuple):
    """The one script of a source-mode Dockerfile that compiles torch."""

    instruction: Instruction
    compile: Use
    """The first command in it that compiles."""
    uses: tuple[Use, ...]
    """Everything that it runs."""


class Setting(NamedTuple):
    """What a variable is set to where torch is compiled."""

    value: str | None
    """None where only the build knows."""
    source: Source
    start: int
    """Where the assignment stands: offset in the file, from 0."""
    end: int
    literal: int | None = None
    """Where the value stands, if it is written as it is."""


class Swap(NamedTuple):
    """What writes the ``.pth`` file: ``poetry gpu-build swap --apply``, or a RUN or COPY by its own means."""

    instruction: Instruction
    start: int
    """Where the command or the file's name stands, or the instruction where a script of the context writes it."""
    end: int
    name: str
    """The file's name: ``gpu-build-opt.pth``."""
    wins: bool
    """Whether the torch under /opt is imported even where site-packages holds another."""
    is_command: bool = False
    """Whether it is this plugin's, which tells Poetry that torch is there."""


def source_build(image: Image, documents: Documents) -> SourceBuild | None:
    """The RUN that compiles torch; None where the Dockerfile has none, or is not the source mode's."""
    if image.mode != "source":
        return None
    return documents.remember(("source build", image), lambda: _source_build(image, documents))


def _source_build(image: Image, documents: Documents) -> SourceBuild | None:
    found = uses(image, documents)
    first = next(compiling(found), None)
    if first is None:
        return None
    instruction = first.step.instruction
    return SourceBuild(instruction, first, tuple(use for use in found if use.step.instruction is instruction))


def compiling(found: Sequence[Use]) -> Iterator[Use]:
    """The commands that compile torch: those that compile something, where torch is spoken of."""
    cloned: set[int] = set()
    for use in found:
        instruction = use.step.instruction
        if clones_torch(use):
            cloned.add(instruction.stage_number)
        if not _compiles(use):
            continue
        folder = run_of(instruction).working_directory or ""
        if instruction.stage_number in cloned or _TORCH.search(folder) or _TORCH.search(_script_text(use)):
            yield use


def clones_torch(use: Use) -> bool:
    """``git clone https://github.com/pytorch/pytorch …``."""
    return use.program == "git" and "clone" in use.texts and any(_CLONE.search(text) for text in use.texts)


def is_torch_address(text: str) -> bool:
    """Whether an address is that of torch's repository."""
    return _CLONE.search(text) is not None


def plain_text(instruction: Instruction, source: Source) -> str:
    """What an instruction is written as, each comment line blanked: places in it are those in the file."""
    text = source.text[instruction.offset : instruction.end]
    return _COMMENT.sub(lambda match: " " * len(match[0]), text)


def setting(build: SourceBuild, image: Image, name: str) -> Setting | None:
    """What a variable is set to where torch is compiled; the script's own word comes before ENV and ARG."""
    source = build.compile.source
    offset, text = 0, _COMMENT.sub(lambda match: " " * len(match[0]), source.text)
    if _is_inline(build.compile):
        offset, text = build.instruction.offset, plain_text(build.instruction, source)
    pattern = re.compile(rf"(?<![\w$.-]){re.escape(name)}={_VALUE}")
    matches = list(pattern.finditer(text))
    if matches:
        return _assigned(matches[-1], source, offset, build.instruction)
    return _inherited(build.instruction, image, name)


def _assigned(match: re.Match[str], source: Source, offset: int, instruction: Instruction) -> Setting:
    kind = match.lastgroup or "bare"
    written = match[kind]
    start, end = offset + match.start(), offset + match.end()
    behind = match.string[match.end() : match.end() + 1]
    if behind and not (behind.isspace() or behind in ";&|)"):
        return Setting(None, source, start, end)  # the word goes on: $(…), or another piece in quotes
    if kind == "single" or not re.search(r"[$`\\]", written):
        return Setting(written, source, start, end, offset + match.start(kind))
    expansion = run_of(instruction).expand(written)
    is_known = expansion.is_known and not {"`", "("} & set(written)
    return Setting(expansion.value if is_known else None, source, start, end)


def _inherited(instruction: Instruction, image: Image, name: str) -> Setting | None:
    variable = run_of(instruction).environment.find(name)
    if variable is None:
        return None
    value = None if variable.unknown else variable.value
    length = len(image.dockerfile.source.text)
    start = min(variable.offset, length)
    return Setting(value, image.dockerfile.source, start, min(start + len(name), length))


def swaps(image: Image, documents: Documents) -> tuple[Swap, ...]:
    """What writes a ``.pth`` file for the modules under /opt, in order."""
    written = [swap for each in image.dockerfile.instructions if (swap := _swap(each, image, documents)) is not None]
    return tuple(sorted([*written, *_swap_commands(image, documents)], key=lambda swap: swap.instruction.offset))


def swap_proofs(image: Image, documents: Documents) -> Iterator[Instruction]:
    """The instructions with a ``poetry gpu-build swap`` that proves: each does, but for ``--undo``."""
    for use, options in _swap_uses(image, documents):
        if not options.isdisjoint({_APPLY, _CHECK}):
            yield use.step.instruction


def _swap_commands(image: Image, documents: Documents) -> Iterator[Swap]:
    for use, options in _swap_uses(image, documents):
        if _APPLY in options:
            wins = not options.isdisjoint(_WINS)
            is_here = use.source is image.dockerfile.source
            instruction = use.step.instruction
            start = use.step.start if is_here else instruction.offset
            end = use.step.end if is_here else instruction.offset + len(instruction.keyword)
            yield Swap(instruction, start, end, PTH_NAME, wins, is_command=True)


def _swap_uses(image: Image, documents: Documents) -> Iterator[tuple[Use, frozenset[str]]]:
    """Every ``poetry gpu-build swap``, with its options."""
    for use in uses(image, documents):
        word, rest = subcommand("poetry", use.texts) if is_poetry(use) else ("", ())
        if word == "gpu-build" and rest[:1] == ("swap",):
            yield use, frozenset(text.partition("=")[0] for text in rest[1:])


def _swap(instruction: Instruction, image: Image, documents: Documents) -> Swap | None:
    inner = run_of(instruction)
    if inner.keyword not in {"RUN", "COPY", "ADD"}:
        return None
    own = plain_text(instruction, image.dockerfile.source)
    text = f"{own}\n{scripts_text(instruction, image, documents)}"
    match = _PTH.search(text)
    if match is None or not _SWAP_PLACE.search(text):
        return None
    start, end = match.span() if match.end() <= len(own) else (0, len(instruction.keyword))
    return Swap(instruction, instruction.offset + start, instruction.offset + end, match[0], _FRONT in text)


def scripts_text(instruction: Instruction, image: Image, documents: Documents) -> str:
    """The scripts of the context that a RUN runs, whatever their language, one behind the other."""
    texts: list[str] = []
    for step in image.steps_of(instruction) if run_of(instruction).keyword == "RUN" else ():
        if isinstance(step.resolved, RunsFile):
            found = context_file(step.resolved.path, instruction, image.dockerfile, documents)
            texts += [_COMMENT.sub("", found.text)] if found is not None else []
    return "\n".join(texts)


def runs_what_is_not_known(instruction: Instruction, image: Image, documents: Documents) -> bool:
    """Whether a RUN runs a script that the build context does not tell."""
    return any(
        isinstance(step.resolved, RunsFile)
        and context_file(step.resolved.path, instruction, image.dockerfile, documents) is None
        for step in image.steps_of(instruction)
    )


def _compiles(use: Use) -> bool:
    name, texts = use.program, use.texts
    if name == "python":
        kind, what, rest = python_runs(texts)
        is_setup = kind == "file" and what is not None and posixpath.basename(what) == "setup.py"
        return is_setup and not _SETUP.isdisjoint(rest)
    if name == "cmake":
        return "--build" in texts
    if name in {"ninja", "make"}:
        return not {"--version", "-v"}.issuperset(texts) or not texts
    if name == "build":
        return True
    if name in {"pip", "uv pip"}:
        word, rest = subcommand("pip", texts)
        return word in {"wheel", "install"} and any(_is_checkout(text) for text in rest)
    return False


def _is_checkout(text: str) -> bool:
    if text.startswith("git+"):
        return is_torch_address(text.rpartition("@")[0] or text) or is_torch_address(text)
    if text in {".", "./"}:
        return True
    return text.startswith(("./", "/", UNKNOWN)) and _CLONE.search(text) is not None


def _script_text(use: Use) -> str:
    instruction = use.step.instruction
    return use.source.text[instruction.offset : instruction.end] if _is_inline(use) else use.source.text


def _is_inline(use: Use) -> bool:
    """Whether it stands in the RUN itself, and not in a script that the RUN runs."""
    run = run_of(use.step.instruction)
    return use.body is run.body or (use.body is None and run.is_json)
