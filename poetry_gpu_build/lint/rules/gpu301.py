"""GPU301: the Dockerfiles call `poetry install` in different ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import poetry_installs
from poetry_gpu_build.lint.installs import settings_of
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.installs import PoetryInstall
    from poetry_gpu_build.lint.installs import Setting

    Call = tuple[PoetryInstall, frozenset[Setting]]
    Side = tuple[Image, list[Call]]

_HELP = "write the same calls in both; what a mode switches, POETRY_WITH and POETRY_WITHOUT say"


def _pair(one: str, other: str) -> dict[str, str]:
    """An example's two Dockerfiles, by what follows FROM."""
    return binary(f"FROM a\n{one}", **{"docker/Dockerfile.source": f"FROM a\n{other}"})


class InstallParity(Rule):
    """Both Dockerfiles call `poetry install` in the same way.

    The modes differ in where torch comes from and in nothing else. A group or an option that only one Dockerfile gives
    makes two environments of one project: what works in one image is missing in the other. The calls are compared as
    Poetry reads them: `-n` is `--no-interaction`, and the order does not matter. POETRY_WITH and POETRY_WITHOUT may
    differ by the groups that the policy switches.
    """

    code = "GPU301"
    name = "install-parity"
    valid = (
        Example(_pair("RUN poetry install --no-root -n\n", "RUN poetry --no-interaction install --no-root\n")),
        Example(
            _pair(
                "ENV POETRY_WITH=binary-torch\nRUN poetry install\n",
                "ENV POETRY_WITHOUT=binary_torch\nRUN poetry install\n",
            )
        ),
        Example(_pair("RUN poetry install --with a,b\n", "RUN poetry install --with b --with=A\n")),
        Example(binary("FROM a\nRUN poetry install\n")),
    )
    invalid = (
        Example(
            _pair("RUN poetry install\n", "RUN poetry install --without binary-torch\n"),
            ("docker/Dockerfile.source:2:5",),
        ),
        Example(
            _pair("RUN poetry install --no-root\nRUN poetry install\n", "RUN cd x && poetry install\n"),
            ("docker/Dockerfile:2:5",),
        ),
        Example(
            _pair("RUN poetry install\n", "ENV POETRY_WITH=dev\nRUN poetry install\n"),
            ("docker/Dockerfile.source:3:5",),
        ),
        Example(_pair("RUN A=1 poetry install\n", "RUN poetry install\n"), ("docker/Dockerfile.source:2:5",)),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Lay the calls of both Dockerfiles side by side."""
        one, other = documents.image("binary"), documents.image("source")
        if one is None or other is None:
            return
        policy = documents.policy
        switched = [
            group
            for mode in (policy.binary, policy.source)
            for group in (policy.torch_group, *mode.with_groups, *mode.without_groups)
        ]
        first = [(call, settings_of(call, switched)) for call in poetry_installs(one)]
        second = [(call, settings_of(call, switched)) for call in poetry_installs(other)]
        if [settings for _, settings in first] != [settings for _, settings in second]:
            yield from _differences((one, first), (other, second))


def _differences(one: Side, other: Side) -> Iterator[Hit]:
    from difflib import SequenceMatcher  # only where something differs

    (first, calls), (second, others) = one, other
    keys = [settings for _, settings in calls], [settings for _, settings in others]
    for _, start, end, low, high in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if calls[start:end] and keys[0][start:end] == keys[1][low:high]:
            continue
        common = min(end - start, high - low)
        for call, against in zip(calls[start : start + common], others[low : low + common], strict=True):
            yield _differs(second, against, first, call)
        yield from (_missing(first, call, second) for call, _ in calls[start + common : end])
        yield from (_missing(second, call, first) for call, _ in others[low + common : high])


def _differs(image: Image, call: Call, other: Image, against: Call) -> Hit:
    where = other.dockerfile.position(against[0].step.start)
    here, there = _listed(call[1] - against[1]), _listed(against[1] - call[1])
    parts = [f"only here {here}" if here else "", f"only there {there}" if there else ""]
    said = ", ".join(part for part in parts if part)
    step = call[0].step
    message = f"poetry install differs from {where.path.name}, line {where.line}: {said}"
    return Hit(image.dockerfile.source, step.start, step.end, message, _HELP)


def _missing(image: Image, call: PoetryInstall, other: Image) -> Hit:
    message = f"{other.dockerfile.path.name} has no such poetry install"
    return Hit(image.dockerfile.source, call.step.start, call.step.end, message, _HELP)


def _listed(settings: frozenset[Setting]) -> str:
    return " ".join(f"{name}={value}" if value else name for name, value in sorted(settings))
