"""Advice on what the image installs beside torch: features that the card lacks, CuPy, NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion
from packaging.version import Version

from poetry_gpu_build.coverage import cupy
from poetry_gpu_build.coverage import features
from poetry_gpu_build.coverage.answer import all_of
from poetry_gpu_build.selection.reasons import Reason
from poetry_gpu_build.selection.reasons import listed

if TYPE_CHECKING:
    from collections.abc import Collection

    from poetry_gpu_build.coverage.answer import Answer
    from poetry_gpu_build.facts.rows import CupyFact
    from poetry_gpu_build.required import Required
    from poetry_gpu_build.selection.advice.situation import Situation

_TORCH = "torch"
_NUMPY = "numpy"
# No row about torch and NumPy is about a later torch, and the table is not read for one.
NUMPY_2_SINCE = Version("2.3")


def lacking_features(situation: Situation) -> list[Reason]:
    """What a package of the image needs and a target does not have: one line for each feature."""
    requirements, targets = situation.requirements, situation.targets
    wanted: dict[str, Required | None] = {}
    if any(target < features.TORCH_LACKS_NOTHING_FROM for target in targets):
        wanted[_TORCH] = None
    if requirements is not None and targets:
        asked = (requirements.find(name) for name in sorted(features.DISTRIBUTIONS & requirements.names))
        wanted |= {required.name: required for required in asked if required is not None}
    if not wanted:
        return []
    found = []
    told: dict[str, set[object]] = {}
    for fact in features.features_of(wanted, situation.packages.features):
        # A package that does not work on a card at all need not be told part by part.
        already = told.setdefault(fact.package, set())
        answers = {target: features.works_on(fact, target) for target in targets if target not in already}
        noes = {target: answer for target, answer in answers.items() if not answer.runs}
        if noes:
            already.update(noes)
            text = f"{fact.what} needs a GPU of {fact.oldest} or newer: not for {listed(list(noes))}"
            found.append(Reason("advice", text, fact.evidence.doubt))
    return found


def cupy_that_does_not_fit(situation: Situation) -> list[Reason]:
    """A CuPy distribution against the cards, their drivers, and the CUDA of the image: one line for each."""
    asked = situation.cupy
    found = []
    for fact, required in asked:
        answer = _cupy_fits(fact, situation, required.extras)
        if not answer.runs:
            text = f"{required} does not fit: {answer.because}{_fitting(situation)}"
            found.append(Reason("advice", text, answer.doubt))
    if len(asked) > 1:
        names = " and ".join(required.name for _, required in asked)
        text = f"{names} are installed into one image and overwrite each other: keep one, in a group of the mode"
        found.append(Reason("advice", text, "documented"))
    return found


def numpy_that_does_not_fit(situation: Situation) -> list[Reason]:
    """NumPy against CuPy, and NumPy 2 against a torch that was built before it."""
    numpy = None if situation.requirements is None else situation.requirements.find(_NUMPY)
    if numpy is None:
        return []
    found = []
    for fact, required in situation.cupy:
        answer = cupy.takes_numpy(fact, required, numpy, situation.packages.cupy_numpy)
        if answer is not None and not answer.runs:
            found.append(Reason("advice", answer.because, answer.doubt))
    return found + _torch_before_numpy_2(situation, numpy)


def _torch_before_numpy_2(situation: Situation, numpy: Required) -> list[Reason]:
    torch = situation.torch
    try:
        release = None if torch is None else Version(torch.version)
    except InvalidVersion:
        return []
    if torch is None or release is None or release >= NUMPY_2_SINCE:
        return []
    from packaging.specifiers import SpecifierSet

    for row in situation.packages.torch_numpy:
        if SpecifierSet(row.versions).contains(release) and not numpy.must_be(row.numpy):
            text = f"torch {torch} works with numpy {row.numpy} only, which nothing in its metadata says"
            return [Reason("advice", f"{text}: ask for that, {numpy} allows others", row.evidence.doubt)]
    return []


def _cupy_fits(fact: CupyFact, situation: Situation, extras: Collection[str] = ()) -> Answer:
    drivers = {gpu.driver for gpu in situation.question.gpus if gpu.driver is not None}
    driven = (cupy.driver_runs(fact, driver, situation.facts) for driver in sorted(drivers))
    at_hand = dict.fromkeys((situation.mode.cuda, situation.cuda))
    return all_of(
        [
            cupy.compiles_for(fact, situation.targets),
            cupy.has_libraries(fact, tuple(at_hand), extras),
            *(answer for answer in driven if answer is not None),
        ]
    )


def _fitting(situation: Situation) -> str:
    """The distribution that would fit this mode's image, and where it goes."""
    setting = f"modes.{situation.mode.name}.with in [tool.gpu-build]"
    for fact in reversed(situation.packages.cupy):
        if _cupy_fits(fact, situation).runs:
            return f". {fact.package} does, in a group that {setting} names"
    return ""
