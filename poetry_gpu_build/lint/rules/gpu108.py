"""GPU108: a download is run, and nobody looks whether it worked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.commands import place
from poetry_gpu_build.lint.downloads import unchecked
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_HELP = "curl --fail --output FILE URL && python FILE"


class UncheckedDownload(ImageRule):
    """A downloaded script is run only when the download worked.

    Without `--fail` curl exits with 0 on a 404 and hands the error page to the interpreter; in a pipe without pipefail,
    and in `$(…)` or `<(…)`, nobody sees curl's exit code, and half a script is run as far as it came. The layer is
    cached as a success. Where this rule finds something, GPU901 says nothing of the script: once the download is
    checked, it asks what the script installs.
    """

    code = "GPU108"
    name = "unchecked-download"
    valid = (
        Example(binary("FROM a\nRUN curl -fsSL https://x/get-pip.py -o /g.py && python /g.py\n")),
        Example(binary('FROM a\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN curl -fsSL https://x | bash\n')),
        Example(binary("FROM a\nRUN curl -sSL https://x/a.tgz | tar xz\n")),
    )
    invalid = (
        Example(binary("FROM a\nRUN curl -sSL https://x | python3 -\n"), ("docker/Dockerfile:2:5",)),
        Example(binary("FROM a\nRUN a && curl -fsSL https://x | sudo -E bash -\n"), ("docker/Dockerfile:2:10",)),
        Example(binary("FROM a\nRUN wget -qO- https://x | tee y | sh\n"), ("docker/Dockerfile:2:5",)),
        Example(
            binary('FROM a\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN curl -sSL -of https://x | bash\n'),
            ("docker/Dockerfile:3:5",),
            {
                "docker/Dockerfile": 'FROM a\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\n'
                "RUN curl --fail -sSL -of https://x | bash\n"
            },
        ),
        Example(
            binary("FROM a\nRUN curl https://x/get-pip.py -o /g.py \\\n && python /g.py\n"),
            ("docker/Dockerfile:2:5",),
            {"docker/Dockerfile": "FROM a\nRUN curl --fail https://x/get-pip.py -o /g.py \\\n && python /g.py\n"},
        ),
        Example(binary('FROM a\nRUN bash -c "$(curl -fsSL https://x)"\n'), ("docker/Dockerfile:2:16",)),
        Example(binary("FROM a\nRUN bash <(curl -fsSL https://x)\n"), ("docker/Dockerfile:2:12",)),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find the downloads that an interpreter runs, and what they lack."""
        for use, lacks in unchecked(image, documents).downloads:
            message = f"the download is run, and not checked: {' and '.join(lacks)}"
            fix = _fix(use) if lacks == ("no --fail",) else None
            yield Hit(use.source, use.step.start, use.step.end, message, _HELP, fix)


def _fix(use: Use) -> Fix | None:
    command = use.step.command
    if command is None or use.step.instruction.is_json:
        return None
    start, end = place(use, command.words[0])
    if use.source.text[start:end] != "curl":
        return None
    return Fix("add --fail", (Edit(use.source.path, end, end, " --fail"),), is_safe=True)
