from __future__ import annotations

import os
from pathlib import Path

import pytest

from poetry_gpu_build.doctor.cdi import find_specs

from ..patience import ends_soon

YAML = "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: '0'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "etc/cdi"
    path.mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nvidia.yaml", YAML),
        ("nvidia.yaml", "kind: 'nvidia.com/gpu'  # written by nvidia-ctk\r\n"),
        ("nvidia.yaml", 'devices: []\nkind: "nvidia.com/gpu"'),
        ("nvidia.json", '{"cdiVersion":"0.5.0","kind":"nvidia.com/gpu","devices":[]}'),
        ("nvidia.json", '{\n  "kind": "nvidia.com/gpu"\n}\n'),
    ],
)
def test_a_specification_of_nvidias_gpus_is_found(tmp_path: Path, folder: Path, name: str, text: str) -> None:
    folder.joinpath(name).write_text(text, encoding="utf-8")
    assert find_specs(tmp_path, ()).files == (f"/etc/cdi/{name}",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("amd.yaml", "kind: amd.com/gpu\n"),
        ("nvidia.yaml", "# kind: nvidia.com/gpu\nkind: intel.com/gpu\n"),
        ("nvidia.yaml", "kind: nvidia.com/gpu-extra\n"),
        ("nvidia.yaml", "mankind: nvidia.com/gpu\n"),
        ("nvidia.yaml", ""),
        ("nvidia.yaml.bak", YAML),
        ("nvidia.conf", YAML),
    ],
)
def test_anything_else_is_none(tmp_path: Path, folder: Path, name: str, text: str) -> None:
    folder.joinpath(name).write_text(text, encoding="utf-8")
    assert find_specs(tmp_path, ()) == ((), ())


def test_the_folders_that_docker_names_count(tmp_path: Path, folder: Path) -> None:
    folder.joinpath("nvidia.yaml").write_text(YAML, encoding="utf-8")
    assert find_specs(tmp_path, ["/opt/cdi"]).files == ()
    assert find_specs(tmp_path, ["/opt/cdi", "/etc/cdi", "/etc/cdi"]).files == ("/etc/cdi/nvidia.yaml",)


def test_no_folder_is_no_fault(tmp_path: Path) -> None:
    assert find_specs(tmp_path, ()) == ((), ())


@pytest.mark.parametrize("named", ["", "etc/cdi", "\0", "/etc/\0"])
def test_a_folder_that_is_no_path_is_a_fault_and_not_the_end(tmp_path: Path, folder: Path, named: str) -> None:
    folder.joinpath("nvidia.yaml").write_text(YAML, encoding="utf-8")
    specs = find_specs(tmp_path, [named, "/etc/cdi"])
    assert specs.files == ("/etc/cdi/nvidia.yaml",)
    assert len(specs.faults) == 1


def test_bytes_that_are_no_text_stop_nothing(tmp_path: Path, folder: Path) -> None:
    folder.joinpath("broken.yaml").write_bytes(b"\xff\xfe\x00")
    folder.joinpath("good.yaml").write_bytes(b"# caf\xe9\n" + YAML.encode())
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.yaml")).write_text(YAML, encoding="utf-8")
    assert len(find_specs(tmp_path, ()).files) == 2


def test_a_pipe_is_not_waited_for(tmp_path: Path, folder: Path) -> None:
    os.mkfifo(folder / "nvidia.yaml")
    folder.joinpath("nvidia.json").mkdir()
    folder.joinpath("gone.yaml").symlink_to("nowhere")
    assert find_specs(tmp_path, ()).files == ()


@pytest.mark.parametrize("line", ["kind: ", "kind" + " " * 1000, "{" * 1000, ' \t\n"kind"'])
def test_a_huge_file_is_read_in_part_and_soon(tmp_path: Path, folder: Path, line: str) -> None:
    folder.joinpath("huge.yaml").write_text(line * (3 * 2**20 // len(line)), encoding="utf-8")
    with ends_soon():
        assert find_specs(tmp_path, ()).files == ()


def test_a_folder_of_thousands_is_looked_at_in_part(tmp_path: Path, folder: Path) -> None:
    for number in range(1000):
        folder.joinpath(f"{number}.yaml").write_text(YAML, encoding="utf-8")
    assert 0 < len(find_specs(tmp_path, ()).files) <= 256
