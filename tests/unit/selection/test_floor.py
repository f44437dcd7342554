"""`[tool.gpu-build] floor = "wheel"`: the mode is what the pinned wheel says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.plan import plan_every_mode
from poetry_gpu_build.selection.decision import mode_by_policy
from poetry_gpu_build.selection.select import select_mode

from ..builders import PYPROJECT
from ..builders import cc
from ..builders import inputs
from ..builders import policy
from ..builders import question
from ..builders import request

if TYPE_CHECKING:
    from pathlib import Path

FOLLOWS = "floor = 'wheel'"
CU126 = "2.7.1+cu126"
CU128 = "2.7.1+cu128"


def said(*targets: str, wheel: str | None, settings: str = FOLLOWS) -> tuple[str, str]:
    """The mode by the policy alone, and the reason."""
    asked = question(*targets, wheel=wheel, settings=settings)
    mode, reason = mode_by_policy(asked.policy, asked.targets, asked.floor)
    return mode, reason.text


@pytest.mark.parametrize(
    ("wheel", "target", "mode"),
    [
        (CU126, "3.7", "source"),
        (CU126, "5.2", "binary"),
        (CU126, "6.1", "binary"),
        (CU126, "8.9", "binary"),
        (CU126, "12.0", "source"),  # newer than the wheel: a floor by number would have let it through
        (CU128, "6.1", "source"),
        (CU128, "7.0", "source"),
        (CU128, "7.5", "binary"),
        (CU128, "8.7", "source"),  # a gap: only 8.7's own code runs there
        (CU128, "12.1", "binary"),
        (CU128, "13.0", "binary"),  # by its PTX
    ],
)
def test_the_binary_mode_takes_what_the_pinned_wheel_runs_on(wheel: str, target: str, mode: str) -> None:
    assert said(target, wheel=wheel)[0] == mode


def test_the_reason_names_the_wheel_and_not_the_number() -> None:
    for target in ("5.2", "3.7"):
        text = said(target, wheel=CU126)[1]
        assert f"the pinned torch {CU126}" in text
        assert "6.0" not in text


@pytest.mark.parametrize("wheel", ["2.7.1", "2.99.0+cu128", None])
@pytest.mark.parametrize(("target", "mode"), [("5.2", "source"), ("6.1", "binary")])
def test_a_wheel_of_which_nothing_is_known_leaves_the_number_and_that_is_said(
    wheel: str | None, target: str, mode: str
) -> None:
    found, text = said(target, wheel=wheel)
    assert found == mode
    assert "6.0" in text
    assert "nothing is known of the wheel" in text


def test_the_number_is_the_fallback_where_both_are_set() -> None:
    both = f"{FOLLOWS}\nmodes.binary.floor = '7.5'"
    assert said("6.1", wheel=CU126, settings=both)[0] == "binary"
    assert said("6.1", wheel=None, settings=both)[0] == "source"


def test_without_the_setting_the_number_decides() -> None:
    assert said("5.2", wheel=CU126, settings="")[0] == "source"
    assert not policy().floor_follows_wheel


def test_a_card_below_the_number_gets_the_wheel_without_a_flag() -> None:
    selection = select_mode(question("5.2", wheel=CU126, settings=FOLLOWS))
    assert selection.mode == "binary"
    assert "below the policy's floor" not in "\n".join(map(str, selection.reasons))


def test_a_card_that_the_wheel_lacks_is_compiled_for_instead_of_refused() -> None:
    with pytest.raises(NoModeServesError):
        select_mode(question("6.1", wheel=CU128))
    assert select_mode(question("6.1", wheel=CU128, settings=FOLLOWS)).mode == "source"


def test_a_card_that_no_mode_serves_is_still_refused() -> None:
    # cu126 has no code for 12.0, and the source mode's CUDA 11.8 none either.
    with pytest.raises(NoModeServesError):
        select_mode(question("12.0", wheel=CU126, settings=FOLLOWS))


def test_both_modes_divide_the_targets_by_the_wheel(tmp_path: Path) -> None:
    text = PYPROJECT.replace("cu128", "cu126") + f"\n[tool.gpu-build]\n{FOLLOWS}\n"
    binary, source = plan_every_mode(inputs(tmp_path, text), request("3.5", "5.2", "8.6"))
    assert binary.targets == (cc("5.2"), cc("8.6"))
    assert source.targets == (cc("3.5"),)


@pytest.mark.parametrize("value", ["'6.0'", "6.0", "'Wheel'", "''", "true", "['wheel']"])
def test_another_value_is_refused_and_the_number_s_own_key_named(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        policy(f"floor = {value}")
    assert "modes.binary.floor" in str(caught.value)
