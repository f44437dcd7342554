"""The wheels that serve all GPUs of a case, and which of them are worth naming."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from packaging.version import Version

from poetry_gpu_build.coverage.answer import all_of
from poetry_gpu_build.coverage.base_images import image_starts
from poetry_gpu_build.coverage.code import sass_runs_on
from poetry_gpu_build.coverage.drivers import last_branch_for
from poetry_gpu_build.coverage.hosts import first_driver
from poetry_gpu_build.coverage.toolkits import cudnn_serves
from poetry_gpu_build.coverage.wheels import wheel_runs
from poetry_gpu_build.torch_pin import PYPI

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poetry_gpu_build.coverage.answer import Answer
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.offers.case import Case
    from poetry_gpu_build.values import CudaVersion
    from poetry_gpu_build.values import DriverVersion
    from poetry_gpu_build.values import TorchBuild


class Offer(NamedTuple):
    """A wheel that runs on every GPU of a case, as far as the facts tell."""

    wheel: WheelFact
    answer: Answer
    """Why, with every row that decided."""
    is_machine_code: bool
    """Whether it holds machine code for each; else a driver compiles its PTX at the first start."""
    driver_from: DriverVersion
    """The oldest driver that runs it on all of them."""
    cautions: tuple[Answer, ...] = ()
    """What runs less well: the cuDNN that comes with it has no kernels for a GPU."""

    @property
    def index_name(self) -> str:
        """A short name of its index."""
        return index_name(self.wheel)

    @property
    def index_url(self) -> str | None:
        """The address of its index; None: PyPI, the default one."""
        return None if self.wheel.index == PYPI else self.wheel.index

    @property
    def pin(self) -> str:
        """The version to pin: PyPI's wheels bear no label."""
        return self.wheel.torch.version if self.wheel.index == PYPI else str(self.wheel.torch)

    @property
    def known_by(self) -> str:
        """How somebody knows what is in the wheel; the answer's other rows are NVIDIA's rules."""
        return self.wheel.evidence.status

    def __str__(self) -> str:
        """The wheel, as a sentence names it."""
        return named(self.wheel)


def index_name(wheel: WheelFact) -> str:
    """A short name of its index: ``PyPI``, or the last part of the address, which is the variant."""
    return PYPI if wheel.index == PYPI else wheel.index.rstrip("/").rpartition("/")[2]


def named(wheel: WheelFact) -> str:
    """How to name a wheel: PyPI names no variant, PyTorch's own indexes do."""
    if wheel.index == PYPI:
        return f"torch {wheel.torch.version} from PyPI ({wheel.torch.variant})"
    return f"torch {wheel.torch} from {wheel.index}"


def offers(case: Case) -> tuple[Offer, ...]:
    """Every wheel that runs on all GPUs with the drivers that are known, and installs in the image's Python.

    Best last: machine code before PTX, then by release, of one release what is known best, then the newest CUDA. The
    base image has no say: a wheel brings CUDA's libraries along (see ``refusals``).
    """
    if not case.gpus or case.boards:
        return ()
    found = (_offer(wheel, case) for wheel in case.facts.wheels if wheel.is_published)
    return tuple(sorted((offer for offer in found if offer is not None), key=_worth))


def newest_of_each_index(found: Iterable[Offer]) -> tuple[Offer, ...]:
    """The best of each index, the best of all first."""
    best = {offer.wheel.index: offer for offer in sorted(found, key=_worth)}
    return tuple(sorted(best.values(), key=_worth, reverse=True))


def worth_naming(found: Iterable[Offer], pinned: TorchBuild | None = None) -> tuple[Offer, ...]:
    """The pinned release in another variant, what is known best; then the newest of all."""
    ranked = sorted(found, key=_worth)
    same_release = [each for each in ranked if pinned is not None and each.wheel.torch.version == pinned.version]
    return tuple(dict.fromkeys([*same_release[-1:], *ranked[-1:]]))


def refusals(case: Case, base_image: str) -> tuple[Answer, ...]:
    """Why NVIDIA's container runtime would not start an image on the hosts whose driver is known; empty: it would."""
    asked = [image_starts(base_image, gpu.name, gpu.driver, case.facts) for gpu in case.gpus if gpu.driver is not None]
    return tuple(dict.fromkeys(answer for answer in asked if answer is not None and not answer.runs))


def base_images_that_start(case: Case) -> tuple[str, ...]:
    """The base images of the facts that every host with a known driver starts."""
    return tuple(image.name for image in case.facts.images if not refusals(case, image.name))


def _offer(wheel: WheelFact, case: Case) -> Offer | None:
    """The wheel as an offer; None where it does not serve."""
    answer = all_of(wheel_runs(wheel, gpu.capability, case.facts, driver=gpu.driver) for gpu in case.gpus)
    if not answer.runs or not wheel.installs_on(case.python):
        return None
    driver_from = _driver_from(wheel, case)
    if driver_from is None:
        return None
    is_machine_code = all(
        any(sass_runs_on(code, target, case.facts.sass_rules, wheel.cuda) for code in wheel.sass)
        for target in case.targets
    )
    asked = [cudnn_serves(wheel.cudnn, target, case.facts) for target in case.targets] if wheel.cudnn else []
    cautions = tuple(caution for caution in asked if caution is not None and not caution.runs)
    return Offer(wheel, answer, is_machine_code, driver_from, cautions)


def _driver_from(wheel: WheelFact, case: Case) -> DriverVersion | None:
    """The oldest driver for the wheel on all GPUs; None where no driver is known that would do for each."""
    found = [first_driver(target, wheel.cuda, case.facts, wheel) for target in case.targets]
    firsts = [first for first in found if first is not None]
    if len(firsts) < len(found):
        return None
    lasts = [last.branch for target in case.targets if (last := last_branch_for(target, case.facts)) is not None]
    return max(firsts) if all(max(firsts).branch <= last for last in lasts) else None


def _worth(offer: Offer) -> tuple[bool, Version, int, CudaVersion]:
    return (
        offer.is_machine_code,
        Version(offer.wheel.torch.version),
        -offer.wheel.evidence.rank,
        offer.wheel.cuda,
    )
