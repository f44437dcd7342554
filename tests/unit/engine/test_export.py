from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.engine.export import exported
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import EngineUnavailableError

from ..builders import put_on_path

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "app:binary"
WELL = """\
echo "$*" >> {log}
case "$1" in
  create) echo "WARNING: no swap" ; echo c0ffee ;;
  export) printf 'the files of %s' "$2" ;;
  version) echo 26.1.5 ;;
esac"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def docker(monkeypatch: pytest.MonkeyPatch, log: Path, script: str = WELL) -> None:
    put_on_path(monkeypatch, log.parent / "bin", script.format(log=log))


def test_the_files_are_handed_out_and_the_container_is_removed(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(monkeypatch, log)
    with exported(IMAGE) as stream:
        assert stream.read() == b"the files of c0ffee"
    assert log.read_text().splitlines() == [
        f"create --pull never {IMAGE} true",
        "export c0ffee",
        "rm --force c0ffee",
    ]


def test_a_reader_that_stops_early_leaves_nothing_running(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(monkeypatch, log, WELL.replace("printf 'the files of %s' \"$2\"", "exec cat /dev/zero"))
    with pytest.raises(KeyError), exported(IMAGE) as stream:
        raise KeyError(stream.read(1))
    assert log.read_text().splitlines()[-1] == "rm --force c0ffee"


def test_what_the_reader_leaves_of_the_stream_is_not_an_error(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(monkeypatch, log, WELL.replace("printf 'the files of %s' \"$2\"", "head -c 1000000 /dev/zero"))
    with exported(IMAGE) as stream:
        stream.read(1)


def test_an_export_that_fails_is_told_in_dockers_words(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(monkeypatch, log, WELL.replace("printf 'the files of %s' \"$2\"", "echo disk on fire >&2; exit 1"))
    with pytest.raises(EngineUnavailableError, match="disk on fire"), exported(IMAGE):
        pass
    assert log.read_text().splitlines()[-1] == "rm --force c0ffee"


def test_an_image_that_is_not_there_is_not_pulled(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = "echo 'Error: No such image: app:binary' >&2; exit 1"
    docker(monkeypatch, log, WELL.replace('echo "WARNING: no swap" ; echo c0ffee', refusal))
    with pytest.raises(ConfigurationError, match="the engine has no image app:binary") as caught, exported(IMAGE):
        pass
    assert f"fetch it: docker pull {IMAGE}" in caught.value.ways_out


def test_without_a_daemon_there_is_no_engine(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(monkeypatch, log, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    with pytest.raises(EngineUnavailableError, match="daemon does not answer"), exported(IMAGE):
        pass


def test_without_docker_another_way_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineUnavailableError) as caught, exported(IMAGE):
        pass
    assert any("needs no docker" in way for way in caught.value.ways_out)


@pytest.mark.parametrize("name", ["", "--privileged"])
def test_a_name_that_docker_would_take_for_an_option_is_refused(
    name: str, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(monkeypatch, log)
    with pytest.raises(ConfigurationError, match="names no image"), exported(name):
        pass
    assert not log.exists()
