from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.gpu.detect import ask_machine
from poetry_gpu_build.gpu.detect import find_gpus
from poetry_gpu_build.gpu.detect import load_cards_once
from poetry_gpu_build.gpu.detect import machine_detectors
from poetry_gpu_build.gpu.interface import Detection
from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.gpu.nvidia_smi import NvidiaSmiDetector
from poetry_gpu_build.gpu.pci import PciDetector
from poetry_gpu_build.gpu.platforms import Platform
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import DriverVersion

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from poetry_gpu_build.gpu.names import CardTable
    from tests.unit.gpu.conftest import Recorded

FACTS = policies_dir() / "facts"


def gpu(capability: str, *, is_guess: bool = False) -> Gpu:
    return Gpu(capability=ComputeCapability.parse(capability), reported_by="test", is_guess=is_guess)


@dataclass
class Source:
    """A detector with a prepared answer, that counts how often it is asked."""

    name: str
    gpus: tuple[Gpu, ...] = ()
    is_complete: bool = True
    driver: str | None = None
    asked: int = 0

    def detect(self) -> Detection:
        self.asked += 1
        return Detection(
            source=self.name,
            gpus=self.gpus,
            notes=(f"{len(self.gpus)} found",),
            is_complete=self.is_complete,
            driver=DriverVersion.parse(self.driver) if self.driver else None,
        )


# --- the order -------------------------------------------------------------------------------------------------------


def test_the_first_settled_answer_ends_the_asking() -> None:
    first, second = Source("NVML", (gpu("5.2"),)), Source("nvidia-smi", (gpu("8.6"),))

    report = ask_machine([first, second])

    assert report.gpus == first.gpus
    assert (first.asked, second.asked) == (1, 0)


def test_a_source_without_answer_leaves_the_word_to_the_next() -> None:
    report = ask_machine([Source("NVML"), Source("nvidia-smi", (gpu("8.6"),))])

    assert [str(found.capability) for found in report.gpus] == ["8.6"]
    assert report.messages == ("NVML: 0 found", "nvidia-smi: 1 found")


def test_no_gpu_anywhere_is_an_empty_report_that_says_who_was_asked() -> None:
    report = ask_machine([Source("NVML"), Source("nvidia-smi"), Source("PCI id")])

    assert report.gpus == ()
    assert [detection.source for detection in report.detections] == ["NVML", "nvidia-smi", "PCI id"]


def test_a_source_that_missed_a_gpu_gives_way_to_one_that_sees_more() -> None:
    lost_one = Source("NVML", (gpu("5.2"),), is_complete=False)

    report = ask_machine([lost_one, Source("PCI id", (gpu("5.2"), gpu("8.6")))])

    assert [str(found.capability) for found in report.gpus] == ["5.2", "8.6"]


def test_a_source_that_missed_a_gpu_stays_where_nobody_sees_more() -> None:
    lost_one = Source("NVML", (gpu("5.2"),), is_complete=False)

    assert ask_machine([lost_one, Source("PCI id")]).gpus == lost_one.gpus


def test_a_guess_gives_way_to_knowledge_of_the_same_gpus() -> None:
    report = ask_machine([Source("nvidia-smi", (gpu("5.0", is_guess=True),)), Source("PCI id", (gpu("5.2"),))])

    assert [str(found.capability) for found in report.gpus] == ["5.2"]
    assert report.notes == ("nvidia-smi says compute capability 5.0, a guess and PCI id says compute capability 5.2",)


def test_a_guess_stays_where_the_bus_shows_cards_that_the_driver_does_not_lend() -> None:
    lent = Source("nvidia-smi", (gpu("5.2", is_guess=True),))

    assert ask_machine([lent, Source("PCI id", (gpu("5.2"), gpu("8.6")))]).gpus == lent.gpus


def test_the_driver_is_told_by_whoever_knows_it() -> None:
    knows_driver = Source("NVML", driver="580.95.05")

    [found] = ask_machine([knows_driver, Source("PCI id", (gpu("5.2"),))]).gpus

    assert found.driver == DriverVersion.parse("580.95.05")


def test_the_platform_and_the_variable_have_their_notes() -> None:
    report = ask_machine(
        [Source("nvidia-smi", (gpu("5.2"),))], visible_devices="0", platform=Platform(is_jetson=True, is_wsl2=True)
    )

    variable, jetson, wsl2 = report.notes
    assert variable.startswith("CUDA_VISIBLE_DEVICES=0 was not followed")
    assert "x86 images" in jetson
    assert "WSL2" in wsl2


# --- a lying nvidia-smi, with what it really printed -----------------------------------------------------------------


def plug_gtx_970(root: Path) -> None:
    folder = root / "sys/bus/pci/devices/0000:01:00.0"
    folder.mkdir(parents=True)
    for name, value in (("vendor", "0x10de"), ("class", "0x030000"), ("device", "0x13c2")):
        (folder / name).write_text(value, encoding="ascii")


@pytest.fixture
def machine(tmp_path: Path, table: CardTable) -> Callable[[dict[str, str]], tuple[NvidiaSmiDetector, PciDetector]]:
    """A machine with a GTX 970 on the bus, and whatever nvidia-smi the environment finds."""
    plug_gtx_970(tmp_path)
    return lambda environment: (
        NvidiaSmiDetector(lambda: table, environment, tmp_path),
        PciDetector(lambda: table, tmp_path),
    )


def test_a_stale_470_binary_beside_a_580_driver_does_not_decide(
    machine: Callable[[dict[str, str]], tuple[NvidiaSmiDetector, PciDetector]],
    install_nvidia_smi: Callable[[str], dict[str, str]],
    prints: Callable[[bytes, int], str],
    recorded: Callable[[str], Recorded],
) -> None:
    refusal = recorded("a stale 470 binary")
    # Its second answer was not recorded; the driver's version is that of the recorded banner.
    second = b"0, [N/A], GeForce GTX 970, 580.95.05, [N/A]\n"
    environment = install_nvidia_smi(
        f'case "$1" in *compute_cap*) {prints(refusal.stdout, refusal.exit_status)};; *) {prints(second, 0)};; esac'
    )

    report = ask_machine(machine(environment))

    [found] = report.gpus
    assert found.reported_by == "PCI id"
    assert not found.is_guess
    assert found.driver == DriverVersion.parse("580.95.05")
    assert "not a valid field" in report.messages[0]


@pytest.mark.parametrize("lie", [b"0.0", b"99.9"])
def test_an_implausible_capability_falls_through_to_the_next_source(
    machine: Callable[[dict[str, str]], tuple[NvidiaSmiDetector, PciDetector]],
    install_nvidia_smi: Callable[[str], dict[str, str]],
    prints: Callable[[bytes, int], str],
    lie: bytes,
) -> None:
    answer = b"0, [N/A], GeForce GTX 970, " + lie + b", 580.95.05, [N/A]\n"

    report = ask_machine(machine(install_nvidia_smi(prints(answer, 0))))

    [found] = report.gpus
    assert (found.reported_by, str(found.capability)) == ("PCI id", "5.2")
    assert "which no GPU has" in report.messages[0]


def test_no_driver_leaves_the_card_to_the_pci_bus(
    machine: Callable[[dict[str, str]], tuple[NvidiaSmiDetector, PciDetector]],
    install_nvidia_smi: Callable[[str], dict[str, str]],
    prints: Callable[[bytes, int], str],
    recorded: Callable[[str], Recorded],
) -> None:
    output = recorded("no driver")

    report = ask_machine(machine(install_nvidia_smi(prints(output.stdout, output.exit_status))))

    assert [str(found) for found in report.gpus] == ["GeForce GTX 970 (5.2)"]
    assert report.messages[0].startswith("nvidia-smi: exit status 9")


# --- precedence ------------------------------------------------------------------------------------------------------


def test_the_flag_wins_over_the_configuration_and_the_machine_is_not_asked(tmp_path: Path) -> None:
    report = find_gpus(
        flags=["5.2"], configured=["8.6"], environment={"CUDA_VISIBLE_DEVICES": "0"}, facts_dir=FACTS, root=tmp_path
    )

    assert [str(found.capability) for found in report.gpus] == ["5.2"]
    assert [detection.source for detection in report.detections] == ["--gpu"]
    assert report.messages == ()


def test_the_configuration_wins_over_the_machine(tmp_path: Path) -> None:
    plug_gtx_970(tmp_path)

    report = find_gpus(configured=["RTX 5090"], environment={}, facts_dir=FACTS, root=tmp_path)

    assert [found.reported_by for found in report.gpus] == ["[tool.gpu-build] targets"]


def test_a_wrong_flag_is_an_error_and_not_an_absence(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError):
        find_gpus(flags=["GTX 971"], environment={}, facts_dir=FACTS, root=tmp_path)


def test_the_machine_is_asked_in_the_order_of_trust(tmp_path: Path, table: CardTable) -> None:
    detectors = machine_detectors(environment={}, load_cards=lambda: table, root=tmp_path)

    assert [detector.name for detector in detectors] == ["NVML", "nvidia-smi", "PCI id"]


def test_the_table_is_read_once() -> None:
    load_cards = load_cards_once(FACTS)

    assert load_cards() is load_cards()


def test_importing_the_detectors_imports_neither_nvml_nor_reads_the_table() -> None:
    code = "import sys, poetry_gpu_build.gpu.detect; sys.exit('pynvml' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
