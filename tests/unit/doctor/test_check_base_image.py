from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.doctor.checks.base_image import Found
from poetry_gpu_build.doctor.checks.base_image import check_base_image
from poetry_gpu_build.doctor.checks.base_image import judge_base_image
from poetry_gpu_build.doctor.checks.base_image import look_for_image
from poetry_gpu_build.doctor.checks.base_image import read_registry
from poetry_gpu_build.doctor.seen import Wish
from poetry_gpu_build.doctor.seen import look
from poetry_gpu_build.engine.preflight import Answer

from .world import Docker
from .world import no_docker
from .world import world

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04"
ABSENT = Answer(1, "\n", f"Error response from daemon: No such image: {IMAGE}\n")
# What buildx 0.13.1 printed for a registry that answers 404 (MANIFEST_UNKNOWN), for one that answers 401, and without
# a network.
GONE = "ERROR: 127.0.0.1:33009/nvidia/cuda:11.8.0: not found\n"
CLOSED = (
    "ERROR: pull access denied, repository does not exist or may require authorization: authorization failed: "
    "no basic auth credentials\n"
)
NO_NETWORK = (
    'ERROR: failed to do request: Head "https://registry-1.docker.io/v2/nvidia/cuda/manifests/11.8.0": '
    "dial tcp: lookup registry-1.docker.io: no such host\n"
)
# What docker says where the client's configuration names a credential helper that is not installed.
NO_HELPER = (
    "ERROR: error getting credentials - err: exec: "
    '"docker-credential-desktop": executable file not found in $PATH, out: ``\n'
)


@pytest.mark.parametrize(
    ("errors", "place"),
    [
        (GONE, "nowhere"),
        ("ERROR: manifest unknown: manifest unknown\n", "nowhere"),
        (CLOSED, "refused"),
        (NO_NETWORK, "unknown"),
        (NO_HELPER, "unknown"),
        ("", "unknown"),
        ("\n\n", "unknown"),
    ],
)
def test_what_the_registry_answered_is_read_from_its_text(errors: str, place: str) -> None:
    assert read_registry(Answer(1, "", errors)).place == place


def test_no_answer_within_the_limit_is_unknown() -> None:
    found = read_registry(Answer(None, "", ""))
    assert found.place == "unknown"
    assert "20 s" in found.told


def test_a_megabyte_of_error_is_cut() -> None:
    assert len(read_registry(Answer(1, "", "ERROR: \x1b[2J" + "x" * 10**6)).told) <= 200


@pytest.mark.parametrize(("place", "mark"), [("engine", "ok"), ("registry", "ok")])
def test_an_image_that_can_be_had_is_well(place: str, mark: str) -> None:
    line = judge_base_image("source", IMAGE, Found(place))  # type: ignore[arg-type]
    assert line.mark == mark
    assert IMAGE in line.seen


def test_an_image_that_is_gone_is_a_problem_with_the_key_to_change() -> None:
    line = judge_base_image("source", IMAGE, Found("nowhere", "x: not found"))
    assert line.mark == "problem"
    assert "modes.source.base-image" in line.remedies[0]


def test_an_image_that_is_not_given_is_a_problem() -> None:
    line = judge_base_image("binary", IMAGE, Found("refused", "pull access denied"))
    assert line.mark == "problem"
    assert "docker login" in line.remedies[0]


def test_what_cannot_be_told_is_a_warning() -> None:
    line = judge_base_image("source", IMAGE, Found("unknown", "no such host"))
    assert line.mark == "warning"
    assert "not known (no such host)" in line.seen
    assert f"docker pull {IMAGE}" in line.remedies[0]


def test_the_registry_is_not_asked_for_what_the_engine_has() -> None:
    docker = Docker()
    assert look_for_image(IMAGE, docker, is_kept=True).place == "engine"
    assert docker.asked == [f"image inspect --format {{{{.Id}}}} {IMAGE}"]


def test_what_the_engine_has_is_of_no_use_to_a_builder_elsewhere() -> None:
    docker = Docker()
    assert look_for_image(IMAGE, docker, is_kept=False).place == "registry"
    assert docker.asked == [f"buildx imagetools inspect {IMAGE}"]


def test_it_is_the_image_of_the_mode_that_is_asked_for(tmp_path: Path) -> None:
    docker = Docker()
    docker.answers |= {"image inspect": ABSENT, "buildx imagetools": Answer(1, "", GONE)}
    [line] = check_base_image(look(Wish(gpus=("5.2",)), world(tmp_path, docker)))
    assert line.mark == "problem"
    assert f"buildx imagetools inspect {IMAGE}" in docker.asked


def test_without_an_engine_nothing_is_looked_at(tmp_path: Path) -> None:
    [line] = check_base_image(look(Wish(), world(tmp_path)))
    assert line.reason_not_looked_at == "no engine"


def test_an_engine_that_goes_away_in_between_is_none(tmp_path: Path) -> None:
    seen = look(Wish(), world(tmp_path, Docker()))
    object.__setattr__(seen, "world", seen.world._replace(ask=no_docker))
    [line] = check_base_image(seen)
    assert line.reason_not_looked_at == "no engine"
