from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from ..builders import gpu
from ..builders import tree
from ..proofs import ID
from ..proofs import ImageDocker
from ..proofs import answer
from ..proofs import library
from ..proofs import wheel_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Machine
    from .conftest import Poetry
    from .conftest import Ran

    Make = Callable[..., ImageDocker]

RECORDED = Path(__file__).parents[1] / "engine" / "recorded"


@pytest.fixture
def make(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a docker with the image of this target, which is what its plan says; `labels` replace its own."""

    def made(target: str, **labels: str | None) -> ImageDocker:
        plan = json.loads(poetry(f"gpu-build --dry-run --no-lint --format json --gpu {target}").out)
        found = {**plan["labels"], **{f"poetry-gpu-build.{name}": value for name, value in labels.items()}}
        docker = ImageDocker(
            monkeypatch, tmp_path / "docker", {name: value for name, value in found.items() if value is not None}
        )
        docker.says("run", answer() if plan["mode"] == "source" else wheel_answer())
        docker.says("cp", library(*((int(target.replace(".", "")),) if plan["mode"] == "source" else (75, 80, 86, 90))))
        return docker

    return made


def document(ran: Ran) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran.out)
    assert found["schema_version"] == 1
    return found


def failing(ran: Ran) -> list[str]:
    [image] = document(ran)["images"]
    return [line["claim"] for line in image["proof"] if line["ok"] is False]


# --- the command


def test_a_good_image_is_proven_a_line_for_each_claim(make: Make, poetry: Poetry, root: Path) -> None:
    make("5.2")
    before = tree(root)
    ran = poetry("gpu-build verify minimal:source --gpu 5.2")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert lines[0] == "minimal:source: 1.23 GB in 3 layers"
    assert "  ✓ label mode: source" in lines
    assert any(line.startswith("  ✓ torch comes from /opt/torch: /opt/torch/torch/__init__.py") for line in lines)
    assert any(line.startswith("  ✓ its machine code runs on 5.2: ") for line in lines)
    assert "  - it computes on the GPU: not tried: this machine has no GPU" in lines
    assert not any("✗" in line for line in lines)
    assert lines[-3:] == [
        "    725 MB  (no instruction is recorded)",
        "     30 MB  RUN apt-get update and so on",
        "    1.2 GB  COPY /opt/torch /opt/torch",
    ]
    assert tree(root) == before


@pytest.mark.parametrize("target", ["5.2", "8.6"])
def test_the_mode_is_the_one_that_the_image_says(make: Make, poetry: Poetry, target: str) -> None:
    make(target)
    ran = poetry(f"gpu-build verify minimal:any --gpu {target} --format json")
    assert (ran.status, failing(ran), ran.err) == (0, [], "")


@pytest.mark.parametrize("target", ["5.2", "8.6"])
def test_without_any_gpu_it_is_held_against_the_targets_that_it_says(make: Make, poetry: Poetry, target: str) -> None:
    make(target)
    ran = poetry("gpu-build verify minimal:any --format json")
    assert (ran.status, failing(ran)) == (0, [])


def test_the_document_holds_all_that_was_seen(make: Make, poetry: Poetry) -> None:
    make("5.2")
    [image] = document(poetry("gpu-build verify minimal:source --gpu 5.2 --format json"))["images"]
    assert (image["name"], image["id"], image["size"], image["proven"]) == ("minimal:source", ID, 1_230_000_000, True)
    assert image["labels"]["poetry-gpu-build.mode"] == "source"
    assert [layer["size"] for layer in image["layers"]] == [725_000_000, 30_000_000, 1_200_000_000]
    assert all(set(line) == {"claim", "seen", "ok", "help"} for line in image["proof"])


def test_labels_of_another_plan_are_exit_6(make: Make, poetry: Poetry) -> None:
    make("5.2", torch="2.3.0", version=None)
    ran = poetry("gpu-build verify minimal:source --gpu 5.2")
    assert ran.status == 6
    assert "  ✗ label torch: 2.3.0; the plan says 2.4.1" in ran.out
    assert "  ✗ label policy version: none; the plan says " in ran.out
    assert "error: minimal:source is not what the plan says: 2 lines of the proof failed" in ran.err


def test_other_cards_than_the_images_are_told(make: Make, poetry: Poetry) -> None:
    make("5.2")
    ran = poetry("gpu-build verify minimal:source --gpu 3.5 --format json")
    assert ran.status == 6
    assert failing(ran) == ["label targets", "its machine code runs on 3.5"]


def test_an_image_whose_interpreter_does_not_answer_is_exit_6(make: Make, poetry: Poetry) -> None:
    make("5.2").does("run", "echo 'exec: \"python\": executable file not found' >&2; exit 127")
    ran = poetry("gpu-build verify minimal:source --gpu 5.2 --format json")
    assert ran.status == 6
    assert failing(ran) == ["its interpreter tells about torch"]
    assert document(ran)["error"]["exit_code"] == 6


def test_an_image_of_nobody_is_told_by_its_labels(make: Make, poetry: Poetry) -> None:
    make("8.6", mode=None, torch=None, targets=None, version=None)
    ran = poetry("gpu-build verify ubuntu --gpu 8.6 --format json")
    assert ran.status == 6
    assert failing(ran) == ["label mode", "label torch", "label targets", "label policy version"]


@pytest.mark.parametrize("label", ["x", "--help", "99.9", "5.2;;\x1b[31m", ";", "0.0", "9" * 5000])
def test_a_label_that_is_no_list_of_targets_is_told_as_another(make: Make, poetry: Poetry, label: str) -> None:
    make("5.2", targets=label)
    ran = poetry("gpu-build verify minimal:source")
    assert ran.status == 6
    assert "✗ label targets: " in ran.out
    assert "\x1b" not in ran.out + ran.err


def test_a_machine_that_the_mode_does_not_serve_is_told_how_to_name_the_other(
    make: Make, poetry: Poetry, machine: Machine
) -> None:
    make("5.2")
    machine.has(gpu("12.0", driver="580.65.06"))
    ran = poetry("gpu-build verify minimal:source --format json")
    assert ran.status == 3
    assert document(ran)["error"]["ways_out"][0].endswith("--gpu 5.2")


def test_the_machines_gpu_is_used_where_docker_hands_it_over(make: Make, poetry: Poetry, machine: Machine) -> None:
    docker = make("5.2")
    machine.has(gpu("5.2", driver="470.82.01"))
    docker.says("run", answer(cuda=True, device="GTX 970"))
    ran = poetry("gpu-build verify minimal:source")
    assert ran.status == 0
    assert "✓ it computes on the GPU: GTX 970" in ran.out
    assert [" --gpus all " in line for line in docker.asked("run")] == [True, False]


def test_an_image_that_is_not_there_is_exit_2(make: Make, poetry: Poetry) -> None:
    make("5.2").does("image inspect", "echo 'Error: No such image: gone' >&2; exit 1")
    ran = poetry("gpu-build verify gone --format json")
    assert ran.status == 2
    assert document(ran)["error"]["message"] == "the engine has no image gone"


def test_without_docker_it_is_exit_4(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert poetry("gpu-build verify minimal:source").status == 4


@pytest.mark.parametrize("line", ["--format yaml", "--gpu nonsense"])
def test_wrong_options_are_exit_2(make: Make, poetry: Poetry, line: str) -> None:
    make("5.2")
    assert poetry(f"gpu-build verify minimal:source {line}").status == 2


# --- behind a build


@pytest.fixture
def engine(make: Make) -> Callable[..., ImageDocker]:
    """Makes a docker that builds, and has the image of this target afterwards."""

    def made(target: str, **labels: str | None) -> ImageDocker:
        docker = make(target, **labels)
        docker.does("buildx version", f"cat '{RECORDED}/buildx-version-0.13.1.txt'")
        docker.does("buildx inspect", f"cat '{RECORDED}/inspect-docker-0.13.1.txt'")
        docker.does("buildx bake", "cat > /dev/null")
        return docker

    return made


def test_a_build_ends_with_the_proof(engine: Make, poetry: Poetry) -> None:
    engine("5.2")
    ran = poetry("gpu-build --gpu 5.2")
    assert (ran.status, ran.out) == (0, "built minimal:source\n")
    assert "✓ torch comes from /opt/torch" in ran.err


def test_the_document_of_a_build_holds_the_proof(engine: Make, poetry: Poetry) -> None:
    engine("5.2")
    found = document(poetry("gpu-build --gpu 5.2 --format json"))
    assert [image["proven"] for image in found["images"]] == [True]


def test_a_build_whose_image_is_something_else_is_exit_6(engine: Make, poetry: Poetry) -> None:
    engine("5.2").says("run", answer("2.4.0a0+gitee1b680"))
    ran = poetry("gpu-build --gpu 5.2")
    assert (ran.status, ran.out) == (6, "")
    assert "✗ its version is 2.4.1: 2.4.0a0+gitee1b680" in ran.err
    assert "error: minimal:source is not what the plan says" in ran.err
    assert "PYTORCH_BUILD_VERSION" in ran.err


def test_no_proof_on_request(engine: Make, poetry: Poetry) -> None:
    docker = engine("5.2")
    ran = poetry("gpu-build --gpu 5.2 --no-verify")
    assert (ran.status, docker.asked("run"), docker.asked("image")) == (0, [], [])
    assert "verified" not in ran.err


@pytest.mark.parametrize(
    ("options", "because"),
    [
        ("--output type=local,dest=out", "not in the local Docker"),
        ("--target torch", "no whole image"),
        ("--set source.tags=other", "--set"),
        ("--set *.platform=linux/arm64", "--set"),
    ],
)
def test_what_is_not_there_to_look_at_is_said(engine: Make, poetry: Poetry, options: str, because: str) -> None:
    docker = engine("5.2")
    ran = poetry(f"gpu-build --gpu 5.2 {options}")
    assert (ran.status, docker.asked("run")) == (0, [])
    [note] = [line for line in ran.err.splitlines() if line.startswith("note: nothing was verified")]
    assert because in note


def remote(docker: ImageDocker) -> None:
    """A builder that keeps nothing by itself."""
    said = RECORDED.joinpath("inspect-docker-0.13.1.txt").read_text(encoding="utf-8")
    docker.says("buildx inspect", re.sub(r"^(Driver: +)docker$", r"\1docker-container", said, flags=re.MULTILINE))


def test_what_was_only_pushed_is_not_verified(engine: Make, poetry: Poetry) -> None:
    docker = engine("5.2")
    remote(docker)
    ran = poetry("gpu-build --gpu 5.2 --push")
    assert (ran.status, docker.asked("run")) == (0, [])
    assert "note: nothing was verified: the image is not in the local Docker" in ran.err


def test_what_another_builder_loads_is(engine: Make, poetry: Poetry) -> None:
    docker = engine("5.2")
    remote(docker)
    assert poetry("gpu-build --gpu 5.2 --load").status == 0
    assert len(docker.asked("run")) == 2
