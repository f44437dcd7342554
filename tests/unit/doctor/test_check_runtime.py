from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.doctor.cdi import Specs
from poetry_gpu_build.doctor.checks.runtime import check_runtime
from poetry_gpu_build.doctor.checks.runtime import judge_runtime
from poetry_gpu_build.doctor.docker_info import read_info
from poetry_gpu_build.doctor.seen import Wish
from poetry_gpu_build.doctor.seen import look
from poetry_gpu_build.engine.preflight import Answer

from .world import INFO
from .world import Docker
from .world import recorded
from .world import world

if TYPE_CHECKING:
    from pathlib import Path

NO_SPECS = Specs(())
CDI_ON = INFO._replace(cdi_folders=("/etc/cdi",))


def test_a_runtime_of_nvidia_is_well() -> None:
    info = read_info(Answer(0, recorded("info-nvidia-26.1.5"), ""))
    assert not isinstance(info, str)
    line = judge_runtime(info, NO_SPECS, [])
    assert (line.mark, line.seen) == ("ok", "docker has the runtime nvidia")


def test_a_cdi_device_that_docker_found_is_well() -> None:
    line = judge_runtime(INFO._replace(devices=("nvidia.com/gpu=0", "nvidia.com/gpu=all")), None, [])
    assert (line.mark, line.seen) == ("ok", "docker has the CDI device nvidia.com/gpu=0 and 1 more")


def test_a_device_of_another_vendor_is_none() -> None:
    assert judge_runtime(INFO._replace(devices=("amd.com/gpu=0", "nvidia.com/gpux=1")), NO_SPECS, []).mark == "problem"


def test_a_specification_that_docker_reads_is_well() -> None:
    assert judge_runtime(CDI_ON, Specs(("/etc/cdi/nvidia.yaml",)), []).mark == "ok"


def test_a_specification_that_docker_does_not_read_is_a_warning() -> None:
    line = judge_runtime(INFO, Specs(("/etc/cdi/nvidia.yaml",)), [])
    assert line.mark == "warning"
    assert any("daemon.json" in remedy for remedy in line.remedies)


def test_a_toolkit_that_docker_was_not_told_of_is_a_warning() -> None:
    line = judge_runtime(INFO, NO_SPECS, ["nvidia-ctk"])
    assert line.mark == "warning"
    assert any("nvidia-ctk runtime configure --runtime=docker" in remedy for remedy in line.remedies)


@pytest.mark.parametrize(("specs", "programs"), [(NO_SPECS, []), (None, []), (None, ["nvidia-ctk"])])
def test_nothing_that_hands_over_the_gpu_is_a_problem(specs: Specs | None, programs: list[str]) -> None:
    # What is installed here says nothing of a daemon that runs elsewhere.
    line = judge_runtime(INFO, specs, programs)
    assert line.mark == "problem"
    assert "nvidia-container-toolkit" in line.remedies[0]


@pytest.fixture
def machine_with_a_card(tmp_path: Path) -> Path:
    """A file system whose PCI bus shows a GTX 970 (10de:13c2)."""
    folder = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
    folder.mkdir(parents=True)
    for name, value in (("vendor", "0x10de"), ("class", "0x030000"), ("device", "0x13c2")):
        folder.joinpath(name).write_text(f"{value}\n", encoding="ascii")
    return tmp_path


def test_the_edge_looks_at_the_machine(machine_with_a_card: Path) -> None:
    folder = machine_with_a_card / "etc/cdi"
    folder.mkdir(parents=True)
    folder.joinpath("nvidia.yaml").write_text("cdiVersion: 0.5.0\nkind: nvidia.com/gpu\n", encoding="utf-8")
    docker = Docker()
    docker.answers["info"] = Answer(0, '{"ServerVersion": "28.0", "Name": "vm", "CDISpecDirs": ["/etc/cdi"]}', "")
    [line] = check_runtime(look(Wish(), world(machine_with_a_card, docker)))
    assert (line.mark, line.seen) == ("ok", "docker reads the CDI specification /etc/cdi/nvidia.yaml")


def test_without_an_engine_nothing_is_said_of_it(machine_with_a_card: Path) -> None:
    [line] = check_runtime(look(Wish(), world(machine_with_a_card)))
    assert line.reason_not_looked_at == "no engine"


def test_a_machine_without_a_gpu_needs_none(tmp_path: Path) -> None:
    assert [line.mark for line in check_runtime(look(Wish(), world(tmp_path, Docker())))] == ["ok"]


def test_a_folder_that_cannot_be_read_is_told(machine_with_a_card: Path) -> None:
    folder = machine_with_a_card / "etc/cdi"
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be", encoding="utf-8")
    lines = list(check_runtime(look(Wish(), world(machine_with_a_card, Docker()))))
    assert [line.mark for line in lines] == ["problem", "warning"]
    assert "/etc/cdi cannot be read" in lines[1].seen
