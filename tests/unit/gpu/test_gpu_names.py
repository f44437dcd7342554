from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.facts.load import load_gpus
from poetry_gpu_build.facts.rows import GpuFact
from poetry_gpu_build.gpu.names import CardTable
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from collections.abc import Iterable


def card(name: str, capability: str, *, pci_ids: Iterable[str] = (), check: str = "agrees") -> GpuFact:
    return GpuFact(name, ComputeCapability.parse(capability), frozenset(pci_ids), check)


@pytest.mark.parametrize(
    ("written", "row", "capability"),
    [
        ("GTX 970", "GeForce GTX 970", "5.2"),
        ("GeForce GTX 970", "GeForce GTX 970", "5.2"),
        ("NVIDIA GeForce GTX 970", "GeForce GTX 970", "5.2"),
        ("nvidia  geforce gtx 970", "GeForce GTX 970", "5.2"),
        ("gtx970", "GeForce GTX 970", "5.2"),
        ("rtx 5090", "GeForce RTX 5090", "12.0"),
        ("GTX 970M", "GeForce GTX 970M", "5.2"),
        ("GTX TITAN X", "GeForce GTX TITAN X", "5.2"),
        ("NVIDIA GeForce GTX TITAN X", "GeForce GTX TITAN X", "5.2"),
        ("TITAN X", "TITAN X", "6.1"),
        ("NVIDIA TITAN X", "TITAN X", "6.1"),
        ("GTX TITAN", "GeForce GTX TITAN", "3.5"),
        ("GTX 750 Ti", "GeForce GTX 750 Ti", "5.0"),
        ("P620", "P620", "6.1"),
        ("Quadro P620", "Quadro P620", "6.1"),
        ("P2000", "Quadro P2000", "6.1"),
        ("P100", "Tesla P100", "6.0"),
        ("Tesla T4", "T4", "7.5"),
        ("NVIDIA GB10", "GB10 (DGX Spark)", "12.1"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", "8.9"),
        ("Quadro RTX 6000", "Quadro RTX 6000", "7.5"),
    ],
)
def test_a_card_is_found_by_its_whole_name(table: CardTable, written: str, row: str, capability: str) -> None:
    match = table.by_name(written)

    assert [found.name for found in match.cards] == [row]
    assert match.capability == ComputeCapability.parse(capability)
    assert match.remark is None


@pytest.mark.parametrize(
    "unknown",
    [
        "",
        "NVIDIA",
        "GeForce",
        "970",
        "GTX",
        "GTX 97",
        "GTX 9700",
        "TITAN",
        "GeForce TITAN X",  # the brand of another card: no such name exists
        "GeForce RTX 4000",  # likewise: RTX 4000 is a Quadro, or an Ada
        "GeForce A100",
        "RTX 5090 80GB Turbo",
        "Orin (nvgpu)",
        "Radeon RX 7900 XTX",
        "Laptop GPU",
        "80GB",
    ],
)
def test_a_part_of_a_name_or_a_foreign_name_is_no_card(table: CardTable, unknown: str) -> None:
    assert table.by_name(unknown).cards == ()


def test_a_brand_is_not_optional_where_two_cards_would_share_the_name(table: CardTable) -> None:
    match = table.by_name("RTX 4000")

    assert match.capability is None
    assert match.names == "RTX 4000 Ada (8.9), Quadro RTX 4000 (7.5)"


def test_several_editions_of_one_number_are_no_ambiguity(table: CardTable) -> None:
    match = table.by_name("NVIDIA RTX PRO 6000 Blackwell")

    assert len(match.cards) == 3
    assert match.capability == ComputeCapability(12, 0)


@pytest.mark.parametrize(
    ("written", "row"),
    [
        ("geforce rtx 4090 laptop gpu", "GeForce RTX 4090"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("Tesla V100-PCIE-16GB", "V100"),
        ("NVIDIA GeForce GTX 1060 6GB", "GeForce GTX 1060"),
        ("NVIDIA RTX 4000 Ada Generation Laptop GPU", "RTX 4000 Ada"),
    ],
)
def test_what_a_driver_adds_for_the_board_is_left_out_and_told(table: CardTable, written: str, row: str) -> None:
    match = table.by_name(written)

    assert [found.name for found in match.cards] == [row]
    assert match.doubt is not None
    assert "looked up without" in match.doubt


def test_a_board_with_a_row_of_its_own_is_that_row(table: CardTable) -> None:
    match = table.by_name("Quadro M6000 24GB")

    assert [found.name for found in match.cards] == ["Quadro M6000 24GB"]
    assert match.doubt is None


@pytest.mark.parametrize(
    ("name", "doubt"),
    [
        ("Quadro M620", "the sources disagree on Quadro M620: its chip is 5.0, NVIDIA's page gives another number"),
        ("GTX 750 Ti", "GeForce GTX 750 Ti: agrees (OEM GK106 boards of the same name are 3.0)"),
        ("TITAN X", None),  # not in the PCI list: nothing contradicts it
        ("GTX 970", None),
    ],
)
def test_a_row_whose_sources_disagree_is_a_doubt(table: CardTable, name: str, doubt: str | None) -> None:
    assert table.by_name(name).doubt == doubt


def test_every_card_of_the_table_is_found_by_its_own_name() -> None:
    cards = load_gpus(policies_dir() / "facts")
    table = CardTable(cards)

    assert [card.name for card in cards if table.by_name(card.name).cards != (card,)] == []


def test_a_name_with_a_longer_namesake_of_another_number_is_told(table: CardTable) -> None:
    [titan] = table.by_name("TITAN X").cards
    other = table.mistaken_for(titan)

    assert other is not None
    assert other.name == "GeForce GTX TITAN X"


def test_only_titan_x_has_such_a_namesake() -> None:
    cards = load_gpus(policies_dir() / "facts")
    table = CardTable(cards)

    assert [card.name for card in cards if table.mistaken_for(card)] == ["TITAN X"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("GTX 790", "GeForce GTX 970"),
        ("970", "GeForce GTX 970"),
        ("1080", "GeForce GTX 1080"),
        ("orin", "Jetson Orin NX"),
        ("5090", "GeForce RTX 5090"),
        ("RTX 509O", "GeForce RTX 5090"),
    ],
)
def test_the_nearest_names_hold_the_one_that_was_meant(table: CardTable, typed: str, meant: str) -> None:
    nearest = table.nearest(typed)

    assert meant in nearest
    assert len(nearest) <= 3


def test_nothing_is_near_to_a_foreign_name(table: CardTable) -> None:
    assert table.nearest("zzzzzzzz") == ()


def test_a_pci_id_of_cards_with_one_number_gives_that_number(table: CardTable) -> None:
    assert table.by_pci_id("25b6").names == "A16 (8.6), A2 (8.6)"
    assert table.by_pci_id("25b6").capability == ComputeCapability(8, 6)


def test_a_pci_id_of_cards_with_several_numbers_gives_none() -> None:
    # Made up: the shipped table has no such id.
    table = CardTable([card("One", "5.0", pci_ids=["1234"]), card("Other", "3.0", pci_ids=["1234"])])

    assert table.by_pci_id("1234").capability is None
