"""GPU204: nothing makes the compiled torch importable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import poetry_installs
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.lint.source_build import runs_what_is_not_known
from poetry_gpu_build.lint.source_build import swaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_SWAP = 'RUN echo /opt/torch > "$(python -c \'import sysconfig; print(sysconfig.get_path("purelib"))\')/opt.pth"\n'


class SwapMissing(ImageRule):
    """In the source mode `poetry gpu-build swap --apply` makes the torch under /opt importable.

    The source mode leaves torch's group out, so that Poetry installs no torch: without the swap the image has none. The
    command stands before `poetry install`, which then knows that torch is there. A `.pth` file that is written by other
    means stands behind it: Poetry would replace, and delete, a torch that it finds and did not choose. PYTHONPATH is no
    swap. Poetry's own interpreter (`python -I`), sudo and cron do not see it.
    """

    code = "GPU204"
    name = "swap-missing"
    valid = (
        Example(source("FROM a\nRUN poetry gpu-build swap --apply\nRUN poetry install\n")),
        Example(source(f"FROM a\nRUN poetry install\n{_SWAP}")),
        Example(source("FROM a\nRUN poetry install\nCOPY <<E /usr/lib/python3/dist-packages/o.pth\n/opt/torch\nE\n")),
        Example(
            source(
                "FROM a\nRUN poetry install\nCOPY s.py /\nRUN python /s.py\n", **{"s.py": "'o.pth' 'purelib' '/opt/t'"}
            )
        ),
        Example(source("FROM a\nRUN make\n")),
    )
    invalid = (
        Example(source("FROM a\nRUN poetry install\n"), ("docker/Dockerfile.source:2:5",)),
        Example(source("FROM a\nRUN poetry install\nENV PYTHONPATH=/opt/t\n"), ("docker/Dockerfile.source:2:5",)),
        Example(source(f"FROM a\n{_SWAP}RUN poetry install\n"), ("docker/Dockerfile.source:3:5",)),
        Example(source("FROM a\nRUN poetry install\n# /opt/t > torch.pth\n"), ("docker/Dockerfile.source:2:5",)),
        Example(
            source("FROM a\nRUN poetry install\nRUN poetry gpu-build swap --check\n"), ("docker/Dockerfile.source:2:5",)
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Look for the command, or for another swap at or behind the first install of dependencies."""
        install = next((each for each in poetry_installs(image) if each.takes_dependencies), None)
        if image.mode != "source" or install is None:
            return
        at = install.step.instruction.offset
        if any(swap.is_command or swap.instruction.offset >= at for swap in swaps(image, documents)):
            return
        behind = [each for each in image.dockerfile.instructions if each.offset >= at]
        if any(runs_what_is_not_known(each, image, documents) for each in behind):
            return
        message = "nothing makes the torch under /opt importable"
        help_text = "RUN poetry gpu-build swap --apply, before poetry install"
        yield Hit(image.dockerfile.source, install.step.start, install.step.end, message, help_text)
