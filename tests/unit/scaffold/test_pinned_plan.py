"""What `advise --apply` writes has a plan, wherever advise says that a wheel serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.offers.case import Case
from poetry_gpu_build.offers.ways_out import find_ways_out
from poetry_gpu_build.plan import Inputs
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.project import read_project
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.scaffold.pinning import chosen_offer
from poetry_gpu_build.scaffold.pinning import pin_torch

from ..builders import PYPROJECT
from ..builders import facts
from ..builders import gpu
from ..builders import inputs
from ..builders import request

if TYPE_CHECKING:
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.offers.wheels import Offer
    from poetry_gpu_build.plan import Plan

CAPABILITIES = sorted({each for toolkit in facts().toolkits for each in toolkit.compiles})
DRIVERS = (None, "470.256.02", "510.108.03", "550.144.03", "580.95.05", "595.45.04")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return inputs(tmp_path_factory.mktemp("project"))


def applied(before: Inputs, offer: Offer, card: Gpu, *settings: str) -> Plan:
    """The plan for this card after the offer was pinned, with these settings added by hand."""
    chosen = chosen_offer(offer, (card.capability,), before.policy)
    changes = pin_torch(PYPROJECT, before.project, before.policy, before.facts, chosen, has_lock=False).changes
    text = changes[0].after if changes else PYPROJECT
    if settings:
        has_table = "[tool.gpu-build]\n" in text
        lines = "\n".join(settings)
        text = text.replace("[tool.gpu-build]\n", f"[tool.gpu-build]\n{lines}\n") if has_table else text
        text = text if has_table else f"{text}\n[tool.gpu-build]\n{lines}\n"
    document = parse_toml(text, before.project.pyproject.path)
    policy = load_policy(policies_dir(), document)
    after = Inputs(read_project(document, policy.python), policy, before.facts, before.version)
    return make_plan(after, request(card))


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("capability", CAPABILITIES, ids=str)
def test_what_is_applied_is_planned_or_the_base_image_is_the_further_step_that_advise_names(
    before: Inputs, capability: object, driver: str | None
) -> None:
    card = gpu(str(capability), name="NVIDIA GeForce", driver=driver)
    found = find_ways_out(Case.under(before.policy, (card,), before.facts))
    for offer in {*found.offers[:1], *found.offers[-1:]}:
        if not found.refusals:
            plan = applied(before, offer, card)
            assert (plan.mode, plan.torch) == ("binary", str(offer.wheel.torch))
            continue
        with pytest.raises(NoModeServesError, match="refuses a GPU of the brand geforce"):
            applied(before, offer, card)
        # What advise says then: one of these images, or one that asks for no CUDA.
        others = (*found.other_base_images, "plain")
        for image in others:
            settings = (f'modes.binary.base-image = "{image}"', f'modes.binary.cuda = "{offer.wheel.cuda}"')
            plan = applied(before, offer, card, *settings)
            assert (plan.mode, plan.base_image) == ("binary", image)
