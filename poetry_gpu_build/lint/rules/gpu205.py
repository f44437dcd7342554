"""GPU205: a swap that another torch hides, or that Poetry takes for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.manifest import TORCH
from poetry_gpu_build.documents.manifest import dependencies
from poetry_gpu_build.documents.manifest import normalised
from poetry_gpu_build.documents.manifest import optional_groups
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import groups_of
from poetry_gpu_build.lint.installs import poetry_installs
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.lint.source_build import source_build
from poetry_gpu_build.lint.source_build import swaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.installs import PoetryInstall

_FRONT_LINE = "import sys; sys.path.insert(0, '/opt/torch')"
_PLACE = "/usr/lib/python3/dist-packages"
_LINE = f"RUN echo /opt/torch > {_PLACE}/o.pth\n"
_COMMAND = "RUN poetry gpu-build swap --apply\n"
_OPTIONAL = "[tool.poetry.group.binary-torch]\noptional = true\n"
_GROUP = "[tool.poetry.group.binary-torch.dependencies]\ntorch = '2'\n"


class SwapShadowed(ImageRule):
    """The swap wins over any other torch, and is not called like the distribution.

    Python appends the path lines of a `.pth` file to `sys.path`, behind site-packages: a binary torch that is installed
    there is imported instead of the compiled one. A file called `torch.pth` is an editable install to Poetry
    (`<distribution>.pth`), which then installs torch again at every run. `poetry gpu-build swap --apply` names the file
    well and tells Poetry that torch is there; a torch that another tool installs hides it all the same.
    """

    code = "GPU205"
    name = "swap-shadowed"
    valid = (
        Example(source(f"FROM a\nRUN poetry install\n{_LINE}", **{"pyproject.toml": _OPTIONAL + _GROUP})),
        Example(
            source(
                f"FROM a\nENV POETRY_WITHOUT=binary_torch\nRUN poetry install\n{_LINE}", **{"pyproject.toml": _GROUP}
            )
        ),
        Example(source(f'FROM a\nRUN poetry install --with binary-torch\nRUN echo "{_FRONT_LINE}" > {_PLACE}/o.pth\n')),
        Example(source("FROM a\nRUN curl https://a.example/torch.pth --output /models/torch.pth\n")),
        Example(source(f"FROM a\n{_COMMAND}RUN poetry install --with binary-torch\n")),
        Example(source(f"FROM a\nRUN pip install torch==2.7.1\n{_COMMAND.rstrip()} --remove-shadow\n")),
    )
    invalid = (
        Example(source(f"FROM a\nRUN echo /opt/torch > {_PLACE}/torch.pth\n"), ("docker/Dockerfile.source:2:54",)),
        Example(source(f"FROM a\nRUN poetry install --with binary-torch\n{_LINE}"), ("docker/Dockerfile.source:3:54",)),
        Example(
            source(f"FROM a\nENV POETRY_WITH=binary_torch\nRUN poetry install\n{_LINE}"),
            ("docker/Dockerfile.source:4:54",),
        ),
        Example(
            source(f"FROM a\nRUN poetry install\n{_LINE}", **{"pyproject.toml": _GROUP}),
            ("docker/Dockerfile.source:3:54",),
        ),
        Example(source(f"FROM a\nRUN pip install torch==2.7.1\n{_LINE}"), ("docker/Dockerfile.source:3:54",)),
        Example(source(f"FROM a\n{_COMMAND}RUN pip install torch==2.7.1\n"), ("docker/Dockerfile.source:2:5",)),
        Example(
            source(
                f"FROM a\nRUN poetry install\n{_LINE}", **{"pyproject.toml": "[project]\ndependencies = ['torch']\n"}
            ),
            ("docker/Dockerfile.source:3:54",),
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Look at each swap's name and form, and at what brings a torch of its own."""
        found = swaps(image, documents) if image.mode == "source" else ()
        by_tool = _torch_of_tools(image, documents) if found else None
        by_poetry = None if any(swap.is_command for swap in found) else _torch_of_poetry(image, documents)
        because = by_tool or by_poetry
        for swap in found:
            name = normalised(swap.name.removesuffix(".pth"))
            if name == TORCH:
                message = f"{swap.name}: Poetry takes it for an editable install of torch, and installs torch again"
                yield Hit(image.dockerfile.source, swap.start, swap.end, message, "call it gpu-build-opt.pth")
            elif because is not None and not swap.wins:
                message = f"a plain path line loses against the torch that {because}"
                otherwise = "add --remove-shadow" if swap.is_command else "write: " + _FRONT_LINE
                yield Hit(
                    image.dockerfile.source, swap.start, swap.end, message, f"leave that torch out, or {otherwise}"
                )


def _torch_of_tools(image: Image, documents: Documents) -> str | None:
    """What puts a torch into site-packages beside Poetry; None where nothing does."""
    build = source_build(image, documents)
    for use in uses(image, documents):
        if (build is None or use.step.instruction is not build.instruction) and _installs_torch(use):
            return f"{use.installer} installs on line {use.line}"
    return None


def _torch_of_poetry(image: Image, documents: Documents) -> str | None:
    """Why `poetry install` puts a torch into site-packages; None where it does not."""
    for install in poetry_installs(image):
        because = _poetry_torch(install, documents) if install.takes_dependencies else None
        if because is not None:
            return because
    return None


def _installs_torch(use: Use) -> bool:
    if not use.installer or TORCH not in use.required or "uninstall" in use.texts[:1]:
        return False
    return not any(text.partition("=")[0] in {"--target", "-t", "--prefix", "--root"} for text in use.texts)


def _poetry_torch(install: PoetryInstall, documents: Documents) -> str | None:
    """Why `poetry install` brings a torch, as far as the options and the manifest tell."""
    own = normalised(documents.policy.torch_group)
    taken, left, only = _groups(install, "with"), _groups(install, "without"), _groups(install, "only")
    where = "poetry install brings"
    if own not in left and (own in taken or own in only or install.has("--all-groups")):
        return f"{where} with the group {own}"
    document = documents.pyproject
    if document is None:
        return None
    optional = optional_groups(document)
    for each in dependencies(document):
        if each.name != TORCH or each.is_group or (each.group or "main") in left:
            continue
        is_taken = (each.group or "main") in only if only else each.group not in optional
        if is_taken or (each.group is not None and each.group in taken):
            return f"{where} as a {'main dependency' if each.group is None else f'part of {each.group}'}"
    return None


def _groups(install: PoetryInstall, name: str) -> frozenset[str]:
    options = {value for option, value in install.options if option == f"--{name}"}
    told = [value for variable, value in install.environment if variable == f"POETRY_{name.upper()}"]
    return groups_of(",".join([*options, *told]))
