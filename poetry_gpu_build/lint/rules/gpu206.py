"""GPU206: nothing proves that the swap works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import run_of
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.lint.source_build import plain_text
from poetry_gpu_build.lint.source_build import runs_what_is_not_known
from poetry_gpu_build.lint.source_build import scripts_text
from poetry_gpu_build.lint.source_build import swap_proofs
from poetry_gpu_build.lint.source_build import swaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_TORCH = lazy_pattern(r"\btorch\b")
_ORIGIN = lazy_pattern(r"__file__|__path__|__spec__|find_spec|\.origin\b|\.locate_file\b")
_SETS = lazy_pattern(r"(?<![\w$-])PYTHONPATH=(?!\s|$|\"\"|'')")
_CHANGES_PATH = lazy_pattern(r"sys\.path\.(?:insert|append)|site\.addsitedir")
_CLEARS = lazy_pattern(r"(?:-u|--unset)[ =]?PYTHONPATH|\bunset\s[^;&|\n]*PYTHONPATH|\bPYTHONPATH=(?:\s|\"\"|'')")
_ALONE = lazy_pattern(r"\bpython[\d.]*\s+(?:-\w+\s+)*-[a-zA-Z]*[IE]")
_SWAP = "RUN echo /opt/torch > /usr/lib/python3/dist-packages/o.pth\n"
_CODE = "-c 'import torch; assert torch.__file__.startswith(\"/opt\")'\n"


class SwapUnproven(ImageRule):
    """The image proves that a fresh interpreter imports the torch under /opt, with no PYTHONPATH.

    A `.pth` file in the wrong folder, or behind another torch, fails silently: the image builds, and runs with the
    wrong torch or with none. A check that sets PYTHONPATH, or changes `sys.path`, passes whatever the file says.
    `poetry gpu-build swap --apply` proves what it did, and `--check` proves it again.
    """

    code = "GPU206"
    name = "swap-unproven"
    valid = (
        Example(source(f"FROM a\n{_SWAP}RUN python {_CODE}")),
        Example(source(f"FROM a\nENV PYTHONPATH=/opt/torch\n{_SWAP}RUN env -u PYTHONPATH python {_CODE}")),
        Example(source(f"FROM a\nENV PYTHONPATH=/app\n{_SWAP}RUN python -I {_CODE}")),
        Example(
            source(
                f"FROM a\n{_SWAP}COPY c.py /\nRUN python /c.py\n", **{"c.py": "import torch\nprint(torch.__file__)\n"}
            )
        ),
        Example(source("FROM a\nRUN poetry gpu-build swap --apply\n")),
        Example(source(f"FROM a\n{_SWAP}RUN poetry gpu-build swap --check\n")),
        Example(source("FROM a\nRUN poetry install\n")),
    )
    invalid = (
        Example(source(f"FROM a\n{_SWAP}"), ("docker/Dockerfile.source:2:54",)),
        Example(source(f"FROM a\n{_SWAP}RUN python -c 'import torch'\n"), ("docker/Dockerfile.source:2:54",)),
        Example(source(f"FROM a\nRUN python {_CODE}{_SWAP}"), ("docker/Dockerfile.source:3:54",)),
        Example(source(f"FROM a\n{_SWAP}RUN PYTHONPATH=/opt/torch python {_CODE}"), ("docker/Dockerfile.source:3:1",)),
        Example(
            source(f"FROM a\n{_SWAP}ENV PYTHONPATH=/opt/torch\nRUN python {_CODE}"), ("docker/Dockerfile.source:4:1",)
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Look for a check behind the last swap, and at what helps it."""
        found = swaps(image, documents) if image.mode == "source" else ()
        if not found:
            return
        swap = found[-1]
        if any(each.offset >= swap.instruction.offset for each in swap_proofs(image, documents)):
            return
        help_text = "RUN poetry gpu-build swap --check"
        behind = [each for each in image.dockerfile.instructions if each.offset >= swap.instruction.offset]
        checks = [(each, text) for each in behind if (text := _check(each, image, documents)) is not None]
        if not checks:
            if not any(runs_what_is_not_known(each, image, documents) for each in behind):
                message = "nothing behind it proves that torch is imported from /opt"
                yield Hit(image.dockerfile.source, swap.start, swap.end, message, help_text)
            return
        if any(not _is_helped(each, text, is_swap=each is swap.instruction) for each, text in checks):
            return
        for each, _ in checks:
            message = "a check that sets PYTHONPATH proves nothing about the swap"
            yield Hit(image.dockerfile.source, each.offset, each.offset + len(each.keyword), message, help_text)


def _check(instruction: Instruction, image: Image, documents: Documents) -> str | None:
    """The text of a RUN that asks Python where torch is; None for any other instruction."""
    if run_of(instruction).keyword != "RUN":
        return None
    own = plain_text(instruction, image.dockerfile.source)
    text = f"{own}\n{scripts_text(instruction, image, documents)}"
    is_check = "python" in own and _TORCH.search(text) and _ORIGIN.search(text)
    return text if is_check else None


def _is_helped(instruction: Instruction, text: str, *, is_swap: bool) -> bool:
    """Whether torch would be found without the swap. What a swap writes may change sys.path: that is the swap."""
    if not is_swap and _CHANGES_PATH.search(text):
        return True
    if _CLEARS.search(text) or _ALONE.search(text):
        return False
    variable = run_of(instruction).environment.find("PYTHONPATH")
    is_set = variable is not None and (bool(variable.value) or bool(variable.unknown))
    return is_set or _SETS.search(text) is not None
