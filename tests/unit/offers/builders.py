"""Advice for cards, as short as a test wants to say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.offers.case import Case
from poetry_gpu_build.offers.ways_out import WaysOut
from poetry_gpu_build.offers.ways_out import find_ways_out

from ..builders import facts
from ..builders import gpu
from ..builders import policy

if TYPE_CHECKING:
    from poetry_gpu_build.gpu.interface import Gpu


def ways(*gpus: Gpu | str, settings: str = "") -> WaysOut:
    """What serves these; ``5.2@470.82.01`` is a card in a machine with that driver."""
    return find_ways_out(Case.under(policy(settings), tuple(map(_gpu, gpus)), facts()))


def wheels(found: WaysOut) -> dict[str, str]:
    """The pin of each index that has one."""
    return {offer.index_name: offer.pin for offer in found.offers}


def cudas(found: WaysOut) -> list[str]:
    return [str(each.toolkit.cuda) for each in found.compiles]


def _gpu(item: Gpu | str) -> Gpu:
    if not isinstance(item, str):
        return item
    capability, _, driver = item.partition("@")
    return gpu(capability, driver=driver or None)
