from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.gpu.explicit import FROM_CONFIGURATION
from poetry_gpu_build.gpu.explicit import FROM_FLAG
from poetry_gpu_build.gpu.explicit import ExplicitTargets
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.gpu.names import CardTable


def read(table: CardTable, *texts: str, name: str = FROM_FLAG) -> tuple[Gpu, ...]:
    return ExplicitTargets(texts, name, lambda: table).detect().gpus


def refusal(table: CardTable, text: str, name: str = FROM_FLAG) -> InvalidValueError:
    with pytest.raises(InvalidValueError) as raised:
        read(table, text, name=name)
    return raised.value


def never() -> CardTable:
    raise AssertionError("the table of cards was loaded")


@pytest.mark.parametrize("text", ["5.2", "52", "sm_52", "SM_52", "compute_52", " 5.2 "])
def test_a_compute_capability_is_read_in_every_usual_form(text: str) -> None:
    [gpu] = ExplicitTargets((text,), FROM_FLAG, never).detect().gpus

    assert gpu.capability == ComputeCapability(5, 2)
    assert gpu.reported_by == "--gpu"
    assert gpu.name is None
    assert not gpu.is_guess


def test_a_card_is_read_by_its_name(table: CardTable) -> None:
    [gpu] = read(table, "gtx 970", name=FROM_CONFIGURATION)

    assert str(gpu) == "GeForce GTX 970 (5.2)"
    assert gpu.reported_by == "[tool.gpu-build] targets"
    assert not gpu.is_guess
    assert gpu.note is None


def test_the_order_is_kept_and_a_repetition_left_out(table: CardTable) -> None:
    gpus = read(table, "RTX 5090", "5.2", "sm_52", "GTX 970")

    assert [str(gpu) for gpu in gpus] == ["GeForce RTX 5090 (12.0)", "compute capability 5.2", "GeForce GTX 970 (5.2)"]


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("Quadro M3000M", "the sources disagree on Quadro M3000M"),
        ("GTX 750 Ti", "OEM GK106 boards"),
        ("geforce rtx 4090 laptop gpu", 'looked up without "laptop gpu"'),
    ],
)
def test_a_doubtful_row_makes_a_guess_that_says_why(table: CardTable, name: str, note: str) -> None:
    [gpu] = read(table, name)

    assert gpu.is_guess
    assert note in (gpu.note or "")
    assert str(gpu).endswith("a guess")


def test_titan_x_warns_of_its_older_namesake(table: CardTable) -> None:
    [gpu] = read(table, "titan x")

    assert gpu.capability == ComputeCapability(6, 1)
    assert gpu.note == "not to be mistaken for GeForce GTX TITAN X (5.2)"
    assert not gpu.is_guess


def test_a_jetson_is_told_that_x86_images_do_not_apply(table: CardTable) -> None:
    [gpu] = read(table, "Jetson Orin NX")

    assert "x86" in (gpu.note or "")


def test_an_unknown_name_offers_the_nearest_names(table: CardTable) -> None:
    error = refusal(table, "GTX 971")

    assert error.message == "--gpu: no card of the table is called 'GTX 971'"
    assert "GeForce GTX 970" in error.ways_out[0]
    assert "5.2" in error.ways_out[-1]


def test_an_ambiguous_name_lists_the_candidates(table: CardTable) -> None:
    error = refusal(table, "RTX 5000")

    assert "RTX 5000 Ada (8.9), Quadro RTX 5000 (7.5)" in error.message
    assert error.ways_out[0] == 'write the whole name: "RTX 5000 Ada" or "Quadro RTX 5000"'


@pytest.mark.parametrize(
    ("number", "card"), [("970", "GeForce GTX 970"), ("750", "GeForce GTX 750"), ("5090", "GeForce RTX 5090")]
)
def test_a_bare_card_number_is_no_capability_and_offers_the_card(table: CardTable, number: str, card: str) -> None:
    assert card in refusal(table, number).ways_out[0]


@pytest.mark.parametrize("text", ["99.9", "0.0", "12", "sm_9", "sm_5x", "compute_", "5.2+PTX", "", "  "])
def test_what_is_no_capability_and_no_card_is_refused(table: CardTable, text: str) -> None:
    error = refusal(table, text)

    assert error.exit_code == 2
    assert error.ways_out


def test_a_single_digit_major_without_minor_is_explained(table: CardTable) -> None:
    assert refusal(table, "12").ways_out == ("if you mean generation 12, write 12.0",)


@pytest.mark.parametrize("text", ["0.0", "0.9", "sm_09"])
def test_a_generation_zero_is_shown_no_number_that_is_none_either(table: CardTable, text: str) -> None:
    assert "52" in refusal(table, text).ways_out[0]
    assert "generation" not in refusal(table, text).ways_out[0]


@pytest.mark.parametrize(
    ("name", "way_out"),
    [(FROM_FLAG, '--gpu "5.2" --gpu "8.6"'), (FROM_CONFIGURATION, '["5.2", "8.6"]')],
)
def test_a_list_is_told_how_to_write_it(table: CardTable, name: str, way_out: str) -> None:
    assert way_out in refusal(table, "5.2; 8.6", name).ways_out[0]


def test_an_error_in_the_configuration_has_its_place(table: CardTable) -> None:
    where = Position(Path("pyproject.toml"), 12, 1)

    with pytest.raises(InvalidValueError) as raised:
        ExplicitTargets(("GTX 971",), FROM_CONFIGURATION, lambda: table, where).detect()

    assert raised.value.where == where
    assert raised.value.message.startswith("[tool.gpu-build] targets:")
