"""The content key of a compiled torch: equal keys, equal bytes in /opt, as far as a Dockerfile can promise it. Pure.

What decides the bytes counts, even where it is not known to: a build argument of the user's own, a file that is copied,
the repository that is cloned (nobody can tell a mirror from a fork by its address). What decides only the time or the
way does not: parallel jobs, proxies, passwords, cache mounts, comments, names of stages, and the arguments that no
stage of the compile declares. Each part can be shown, so that two keys can be compared.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.report.secrets import looks_secret
from poetry_gpu_build.selection.flags import FLAG
from poetry_gpu_build.torch_image.script import is_shell
from poetry_gpu_build.torch_image.script import without_comments
from poetry_gpu_build.torch_image.stages import origin
from poetry_gpu_build.torch_image.stages import stages_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.documents.dockerfile.model import Dockerfile
    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.documents.dockerfile.model import Mount
    from poetry_gpu_build.documents.dockerfile.model import Stage
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.values import ComputeCapability

#: The stage whose place the published image takes.
STAGE = "torch"
#: Both modes make images for it, and no other.
PLATFORM = "linux/amd64"
LONGEST_TAG = 128

# Raised where the same parts would mean another thing.
_FORM = "1"
_KEY_IN_TAG = 16
# They decide how many compilers run at once; the flag is one of two spellings of yes, or the build stops.
_SPEED = frozenset({"MAX_JOBS", "COMPILE_GIB_PER_JOB", "NVCC_THREADS", "CMAKE_BUILD_PARALLEL_LEVEL", FLAG})
# BuildKit's own, which its cache does not count either.
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"})
# ENV and ARG count as the variables of the steps that they reach; the rest describes an image and not its files.
_STEPS = frozenset({"RUN", "COPY", "ADD", "WORKDIR", "USER", "SHELL", "ONBUILD"})
# What comes and goes with a mount of these is not in the layer.
_PASSING_MOUNTS = frozenset({"cache", "secret", "ssh", "tmpfs"})
_PASSING_FLAGS = frozenset({"mount", "network", "security", "link", "from"})
_PASSWORD = re.compile(r"(?<=://)[^/\s@]+@")
_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_.-]")


class Part(NamedTuple):
    """One thing that decides the bytes."""

    kind: str
    """platform, syntax, base, variable, step or file."""
    name: str
    value: str
    """What it is; a digest for what is long, or better not shown."""
    text: str = ""
    """For a reader: a step, or the name of a stage; it does not count."""


class TorchKey(NamedTuple):
    """The key, and all that went into it."""

    digest: str
    """64 hexadecimal digits."""
    parts: tuple[Part, ...]


def torch_key(dockerfile: Dockerfile, stage: Stage, files: Mapping[str, str]) -> TorchKey:
    """The key of a stage of a Dockerfile that was read with its build arguments.

    ``files`` are those of the context that its steps take (``torch_image.files``), each with its digest.
    """
    stages = stages_for(dockerfile, stage)
    numbers = {each.number: at for at, each in enumerate(stages)}
    variables: dict[tuple[str, str], Part] = {}
    steps: list[Part] = []
    for at, each in enumerate(stages):
        parent = each.parent
        base = f"stage {numbers[parent.number]}" if parent is not None else each.base_image.value
        base += f" for {each.platform.value}" if each.platform.value else ""
        steps.append(Part("base", f"stage {at}", base, each.name))
        for number, instruction in enumerate((i for i in each.instructions if i.keyword in _STEPS), start=1):
            values = _variables(instruction) if instruction.keyword == "RUN" else {}
            variables |= {(name, value): Part("variable", name, value) for name, value in values.items()}
            words = [*_words(dockerfile, instruction, numbers), *(f"{name}={value}" for name, value in values.items())]
            text = " ".join(instruction.text.text.split())
            steps.append(Part("step", f"stage {at}, {number}", _digest(instruction.keyword, *words), text))
    copied = [Part("file", path, digest) for path, digest in sorted(files.items())]
    frontend = [Part("syntax", "", each.value) for each in dockerfile.directives if each.name == "syntax"]
    parts = (
        Part("platform", "", PLATFORM),
        *frontend,
        *(variables[name] for name in sorted(variables)),
        *steps,
        *copied,
    )
    return TorchKey(_digest(_FORM, *(text for part in parts for text in part[:3])), parts)


def torch_tag(policy: Policy, arch_list: Sequence[ComputeCapability], key: TorchKey) -> str:
    """The tag that people can read and that only this key has: ``torch2.4.1-cu118-sm52-py3.10-0123456789abcdef``."""
    archs = "-".join(capability.sm.replace("_", "") for capability in arch_list)
    source = policy.source
    readable = _NOT_IN_A_TAG.sub("_", f"torch{source.torch}-{source.cuda.variant}-{archs}-py{policy.python}")
    return f"{readable[: LONGEST_TAG - _KEY_IN_TAG - 1]}-{key.digest[:_KEY_IN_TAG]}"


def _variables(instruction: Instruction) -> dict[str, str]:
    """The variables that a step sees, but for those that decide nothing."""
    seen = {
        name: "" if variable.value is None else variable.value
        for name, variable in sorted(instruction.environment.variables().items())
        if name not in _SPEED and name.upper() not in _PROXIES
    }
    return {name: _shown(name, _PASSWORD.sub("", value)) for name, value in seen.items()}


def _shown(name: str, value: str) -> str:
    return f"sha256:{_digest(value)}" if looks_secret(name, value) else value


def _words(dockerfile: Dockerfile, instruction: Instruction, numbers: Mapping[int, int]) -> Iterator[str]:
    """What a step says, its variables put in where BuildKit does so, the stages by their numbers."""
    for flag in instruction.flags:
        if flag.name not in _PASSING_FLAGS:
            yield f"--{flag.name}={instruction.expand(flag.value.text if flag.value is not None else '').value}"
    reference = instruction.expand(instruction.flag_value("from")).value
    if reference:
        yield f"--from={_stage_of(dockerfile, instruction, reference, numbers)}"
    for mount in instruction.mounts():
        if mount.from_stage or mount.type not in _PASSING_MOUNTS:
            yield _mount(mount, _stage_of(dockerfile, instruction, mount.from_stage, numbers))
    if instruction.keyword == "RUN" and instruction.body is not None:
        text = instruction.body.text
        yield without_comments(text) if is_shell(instruction.shebang, instruction.shell) else text
        return
    expands = instruction.keyword in ("COPY", "ADD", "WORKDIR", "USER")
    for argument in instruction.arguments:
        yield instruction.expand(argument).value if expands else argument.text
    for heredoc in instruction.heredocs:
        yield instruction.expand(heredoc.script).value if heredoc.expand else heredoc.script.text


def _mount(mount: Mount, origin_name: str) -> str:
    options = [f"{name}={value}" for name, value in sorted(mount.options.items()) if name != "from"]
    return " ".join(("--mount", mount.type, origin_name, mount.source, mount.target, *options))


def _stage_of(dockerfile: Dockerfile, instruction: Instruction, reference: str, numbers: Mapping[int, int]) -> str:
    stage = origin(dockerfile, instruction, reference)
    return f"stage {numbers[stage.number]}" if stage is not None else reference


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        # The length goes in too: ("ab", "c") and ("a", "bc") are two keys.
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()
