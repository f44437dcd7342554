"""GPU507: torch's group has swallowed other dependencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.manifest import TORCH
from poetry_gpu_build.documents.manifest import array
from poetry_gpu_build.documents.manifest import dependencies
from poetry_gpu_build.documents.manifest import normalised
from poetry_gpu_build.documents.manifest import table
from poetry_gpu_build.lint.manifest import toml_hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit

_FILE = "pyproject.toml"
_HEADER = "[tool.poetry.group.binary-torch.dependencies]\ntorch = '2'\n"
# torch, its parts and its family; then packages that need torch, and would pull it in from any other group.
_FAMILY = lazy_pattern(r"(py)?torch(vision|audio|text|data|metrics|rl|-.*)?|(pytorch-)?triton(-.*)?|nvidia-.*")
_NEED_TORCH = frozenset(
    {
        "accelerate",
        "bitsandbytes",
        "deepspeed",
        "flash-attn",
        "lightning",
        "sb3-contrib",
        "stable-baselines3",
        "timm",
        "xformers",
    }
)


def _locked(*packages: tuple[str, str]) -> str:
    return "".join(f"[[package]]\nname = '{a}'\n[package.dependencies]\n{b} = '*'\n" for a, b in packages)


class SwallowedDependencies(Rule):
    """torch's group holds torch, and nothing that the other mode needs as well.

    The source mode leaves the whole group out. In TOML every line behind a header belongs to it: a group that was put
    above other dependencies takes them along, and pytest or numpy are missing from the source image.
    """

    code = "GPU507"
    name = "swallowed-dependencies"
    valid = (
        Example({_FILE: f"{_HEADER}torchvision = '*'\ntriton = '*'\nnvidia-nccl-cu12 = '*'\nlightning = '*'\n"}),
        Example({_FILE: f"{_HEADER}a = '*'\n", "poetry.lock": _locked(("a", "B_b"), ("b-b", "torch"), ("c", "c"))}),
        Example({_FILE: "[project]\ndependencies = ['numpy']\n"}),
    )
    invalid = (
        Example({_FILE: f"{_HEADER}pytest = '*'\nmypy = '*'\n"}, (f"{_FILE}:3:1", f"{_FILE}:4:1")),
        Example({_FILE: f"{_HEADER}a = '*'\n", "poetry.lock": _locked(("a", "b"), ("b", "a"))}, (f"{_FILE}:3:1",)),
        Example(
            {_FILE: "[dependency-groups]\nbinary_torch = ['torch', 'numpy>=2', {include-group = 'dev'}]\n"},
            (f"{_FILE}:2:26", f"{_FILE}:2:38"),
        ),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Find what is in the group, and is neither of torch's family nor in need of torch by the lock."""
        document = documents.pyproject
        if document is None:
            return
        group = normalised(documents.policy.torch_group)
        needing: frozenset[str] | None = None
        for each in dependencies(document):
            if each.group != group:
                continue
            if not each.is_group and (_FAMILY.fullmatch(each.name) or each.name in _NEED_TORCH):
                continue
            if needing is None:  # asked for only where something is in doubt: locks are large
                needing = _needing_torch(documents.lock)
            if not each.is_group and each.name in needing:
                continue
            what = f"the group {each.name}" if each.is_group else each.name
            message = f"{what} is no part of torch, and the source mode leaves it out with {group}"
            yield from toml_hit(documents, document, each.key, message, "move it to the main dependencies or its group")


def _needing_torch(lock: TomlDocument | None) -> frozenset[str]:
    """The packages of the lock that need torch, directly or by way of others."""
    wanted_by: dict[str, set[str]] = {}
    for package in array(lock.data, "package") if lock is not None else ():
        for name in table(package, "dependencies"):
            wanted_by.setdefault(normalised(name), set()).add(normalised(str(package.get("name", ""))))
    found: set[str] = set()
    waiting = [TORCH]
    while waiting:
        new = wanted_by.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return frozenset(found)
