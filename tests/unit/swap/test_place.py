from __future__ import annotations

import sys
from pathlib import Path

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.swap import place
from poetry_gpu_build.swap.container import container_sign
from poetry_gpu_build.swap.place import checked_prefix
from poetry_gpu_build.swap.place import image_interpreter
from poetry_gpu_build.swap.place import read_site

# A line of a host's, and those of a step of BuildKit with `--network=host` and without (Docker 26.1).
HOST = "26 1 254:0 / / rw,relatime - ext4 /dev/vda1 rw\n28 26 0:24 / /dev/shm rw - tmpfs tmpfs rw\n"
BUILDKIT = (
    "50 42 0:39 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A\n"
    "61 50 254:0 /var/lib/docker/buildkit/executor/resolv.conf /etc/resolv.conf ro - ext4 /dev/vda1 rw\n"
    "62 50 254:0 /var/lib/docker/buildkit/executor/hosts /etc/hosts ro - ext4 /dev/vda1 rw\n"
)


def root(folder: Path, mountinfo: str | None = HOST, *files: str) -> Path:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if mountinfo is not None:
        folder.joinpath("proc/self").mkdir(parents=True)
        folder.joinpath("proc/self/mountinfo").write_text(mountinfo)
    return folder


def test_a_host_shows_no_sign_of_a_container(tmp_path: Path) -> None:
    assert container_sign({}, root(tmp_path)) is None


def test_a_machine_without_proc_shows_none_either(tmp_path: Path) -> None:
    assert container_sign({}, tmp_path) is None


@pytest.mark.parametrize("marker", [".dockerenv", "run/.containerenv"])
def test_docker_and_podman_leave_a_file(tmp_path: Path, marker: str) -> None:
    assert container_sign({}, root(tmp_path, HOST, marker)) == f"/{marker}"


def test_podman_and_nspawn_set_a_variable(tmp_path: Path) -> None:
    assert container_sign({"container": "podman"}, root(tmp_path)) == "container=podman"


def test_a_step_of_buildkit_shows_by_what_is_mounted(tmp_path: Path) -> None:
    assert container_sign({}, root(tmp_path, BUILDKIT)) == "/etc/hosts is mounted"


@pytest.mark.parametrize("line", ["", "short", "26 1 254:0 /", "\udcff"])
def test_a_strange_line_is_no_sign(tmp_path: Path, line: str) -> None:
    folder = root(tmp_path, "")
    folder.joinpath("proc/self/mountinfo").write_bytes(line.encode("utf-8", "surrogateescape"))
    assert container_sign({}, folder) is None


@pytest.fixture
def opt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "opt"
    folder.mkdir()
    monkeypatch.setattr(place, "OPT", folder)
    return folder


def test_a_folder_below_opt_is_a_prefix(opt: Path) -> None:
    assert checked_prefix(f"{opt}/torch") == opt / "torch"
    assert checked_prefix(f"{opt}/torch/2.4") == opt / "torch" / "2.4"


@pytest.mark.parametrize("text", ["/opt", "/usr/lib", "opt/torch", "/opt/../usr/torch", "", "/optional/torch"])
def test_another_place_is_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="lies outside /opt"):
        checked_prefix(text)


@pytest.mark.parametrize(
    "text", ["/opt/to\nrch", "/opt/torch\n", "/opt/torch ", " /opt/torch", "/opt/t\0", "/opt/t\u2028"]
)
def test_what_would_end_the_line_of_the_pth_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="newline"):
        checked_prefix(text)


def test_a_prefix_that_is_a_link_is_refused(opt: Path, tmp_path: Path) -> None:
    opt.joinpath("torch").symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="through a link"):
        checked_prefix(f"{opt}/torch")


def test_a_prefix_below_a_link_is_refused(opt: Path, tmp_path: Path) -> None:
    opt.joinpath("link").symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="through a link"):
        checked_prefix(f"{opt}/link/torch")


def test_the_active_environment_is_the_images(tmp_path: Path) -> None:
    assert image_interpreter({"VIRTUAL_ENV": str(tmp_path)}) == tmp_path / "bin" / "python"


def test_an_environment_of_poetrys_own_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/opt/poetry")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "_base_executable", "/usr/bin/python3.10")
    assert image_interpreter({}) == Path("/usr/bin/python3.10")


def test_poetrys_interpreter_is_the_images_where_it_has_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert image_interpreter({}) == Path(sys.executable)


def test_a_folder_of_packages_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a folder"):
        read_site(Path(sys.executable), tmp_path / "none")


def test_a_folder_of_packages_with_a_newline_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a\nb"
    folder.mkdir()
    with pytest.raises(ConfigurationError, match="control character"):
        read_site(Path(sys.executable), folder)


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/true"])
def test_what_is_no_interpreter_is_refused(python: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        read_site(Path(python))
