from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.facts.rows import GpuFact
from poetry_gpu_build.gpu.names import CardTable
from poetry_gpu_build.gpu.pci import PciDetector
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import DriverVersion

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.gpu.interface import Detection

VGA, CONTROLLER_3D, AUDIO = "0x030000", "0x030200", "0x040300"
GTX_970, GTX_750_TI, QUADRO_M620 = "0x13c2", "0x1380", "0x13b4"


def plug(root: Path, address: str, device: str, *, kind: str = VGA, vendor: str = "0x10de") -> None:
    folder = root / "sys/bus/pci/devices" / address
    folder.mkdir(parents=True)
    for name, value in (("vendor", vendor), ("class", kind), ("device", device)):
        (folder / name).write_text(f"{value}\n", encoding="ascii")


def ask(root: Path, table: CardTable) -> Detection:
    return PciDetector(lambda: table, root).detect()


def test_a_card_is_known_by_its_id_without_any_driver(tmp_path: Path, table: CardTable) -> None:
    plug(tmp_path, "0000:01:00.0", GTX_970)

    detection = ask(tmp_path, table)

    [gpu] = detection.gpus
    assert str(gpu) == "GeForce GTX 970 (5.2)"
    assert gpu.reported_by == "PCI id"
    assert gpu.note == "known by PCI id 10de:13c2 at 0000:01:00.0"
    assert gpu.driver is None
    assert detection.is_settled


def test_the_loaded_driver_is_told(tmp_path: Path, table: CardTable) -> None:
    plug(tmp_path, "0000:01:00.0", GTX_970)
    (tmp_path / "sys/module/nvidia").mkdir(parents=True)
    (tmp_path / "sys/module/nvidia/version").write_text("580.95.05\n", encoding="ascii")

    assert ask(tmp_path, table).driver == DriverVersion.parse("580.95.05")


@pytest.mark.parametrize(
    ("device", "kind", "vendor"),
    [
        ("0x0fbb", AUDIO, "0x10de"),  # the card's own sound function
        ("0x1626", VGA, "0x8086"),  # another maker's
        ("0x1af1", "0x068000", "0x10de"),  # an NVSwitch
    ],
)
def test_what_is_no_nvidia_gpu_is_not_seen(
    tmp_path: Path, table: CardTable, device: str, kind: str, vendor: str
) -> None:
    plug(tmp_path, "0000:01:00.1", device, kind=kind, vendor=vendor)

    detection = ask(tmp_path, table)

    assert detection.gpus == ()
    assert detection.notes == ("the PCI bus has no NVIDIA GPU",)


def test_cards_without_an_output_are_seen_in_bus_order(tmp_path: Path, table: CardTable) -> None:
    plug(tmp_path, "0000:81:00.0", GTX_970)
    plug(tmp_path, "0000:02:00.0", "0x20b2", kind=CONTROLLER_3D)

    assert [str(gpu) for gpu in ask(tmp_path, table).gpus] == ["A100 (8.0)", "GeForce GTX 970 (5.2)"]


def test_an_unknown_id_is_a_note_with_the_id(tmp_path: Path, table: CardTable) -> None:
    plug(tmp_path, "0000:01:00.0", "0xfffe")

    detection = ask(tmp_path, table)

    assert detection.gpus == ()
    assert detection.notes == ("the card at 0000:01:00.0 has PCI id 10de:fffe, which the table does not know",)
    assert not detection.is_complete


def test_an_id_of_cards_with_several_numbers_is_not_guessed(tmp_path: Path) -> None:
    plug(tmp_path, "0000:01:00.0", "0x1234")
    # Made up: the shipped table has no such id.
    table = CardTable(
        GpuFact(name, ComputeCapability.parse(number), frozenset({"1234"}), "agrees")
        for name, number in (("One", "5.0"), ("Other", "3.0"))
    )

    detection = ask(tmp_path, table)

    assert detection.gpus == ()
    assert detection.notes == (
        "the card at 0000:01:00.0 has PCI id 10de:1234, which several cards share: One (5.0), Other (3.0)",
    )


@pytest.mark.parametrize(("device", "reason"), [(GTX_750_TI, "OEM GK106"), (QUADRO_M620, "the sources disagree")])
def test_a_row_whose_sources_disagree_is_a_guess(tmp_path: Path, table: CardTable, device: str, reason: str) -> None:
    plug(tmp_path, "0000:01:00.0", device)

    [gpu] = ask(tmp_path, table).gpus

    assert gpu.is_guess
    assert reason in (gpu.note or "")


def test_a_machine_without_a_pci_bus_is_a_note_and_needs_no_table(tmp_path: Path) -> None:
    def never() -> CardTable:
        raise AssertionError("the table of cards was loaded")

    detection = PciDetector(never, tmp_path).detect()

    assert detection.notes == ("the PCI bus cannot be read: No such file or directory",)


def test_a_device_that_cannot_be_read_is_passed_over(tmp_path: Path, table: CardTable) -> None:
    plug(tmp_path, "0000:01:00.0", GTX_970)
    (tmp_path / "sys/bus/pci/devices/0000:00:00.0").mkdir()

    assert len(ask(tmp_path, table).gpus) == 1
