from __future__ import annotations

import time
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.binaries.judgement import Judged
from poetry_gpu_build.binaries.library import Library
from poetry_gpu_build.coverage.code import Architecture
from poetry_gpu_build.engine.container import LARGEST_OUTPUT
from poetry_gpu_build.engine.container import run_python
from poetry_gpu_build.engine.image import BuiltImage
from poetry_gpu_build.engine.image import Layer
from poetry_gpu_build.engine.image import inspect_image
from poetry_gpu_build.engine.preflight import Answer
from poetry_gpu_build.engine.verify import compare_labels
from poetry_gpu_build.engine.verify import verify_image
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import EngineUnavailableError
from poetry_gpu_build.errors import UnreadableBinaryError
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

from ..builders import PYPROJECT
from ..builders import cc
from ..builders import facts
from ..builders import gpu
from ..builders import inputs
from ..builders import request
from ..builders import settings
from ..proofs import ID
from ..proofs import ImageDocker
from ..proofs import answer
from ..proofs import wheel_answer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

    from poetry_gpu_build.engine.verify import Verification
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.plan import Plan

IMAGE = "app:source"


def planned(folder: Path, *gpus: str, pyproject: str = PYPROJECT) -> Plan:
    made = inputs(folder, pyproject)
    return make_plan(made, request(*gpus))


def held(*codes: str) -> Judged:
    return Judged(Library("libtorch_cuda.so", 2, ()), tuple(Architecture(cc(code)) for code in codes), ())


class Container:
    """An image's interpreter, and what it was asked."""

    def __init__(self, *answers: Answer | str) -> None:
        self._answers = [each if isinstance(each, Answer) else Answer(0, each, "") for each in answers]
        self.asked: list[tuple[str, tuple[str, ...], bool]] = []

    def __call__(self, image: str, arguments: Sequence[str], *, gpus: bool = False) -> Answer:
        self.asked.append((image, tuple("PROBE" if len(each) > 100 else each for each in arguments), gpus))
        return self._answers[min(len(self.asked), len(self._answers)) - 1]


def verified(
    plan: Plan,
    container: Container,
    *machine: Gpu,
    labels: Mapping[str, str] | None = None,
    code: Judged | UnreadableBinaryError | None = None,
) -> Verification:
    image = BuiltImage(IMAGE, ID, plan.labels if labels is None else labels, 5, ())

    def read(_image: str, _path: str) -> Judged:
        if isinstance(code, UnreadableBinaryError):
            raise code
        return code or held("5.2")

    return verify_image(image, plan, machine, facts(), container, read)


def failed(verification: Verification) -> list[str]:
    return [f"{line.claim}: {line.seen}" for line in verification.lines if line.ok is False]


# --- the whole proof


def test_an_image_that_is_what_its_plan_says_is_proven(tmp_path: Path) -> None:
    verification = verified(planned(tmp_path, "5.2"), Container(answer()))
    assert failed(verification) == []
    assert verification.is_proven


def test_the_interpreter_is_asked_alone_and_as_the_program_will_run(tmp_path: Path) -> None:
    container = Container(answer())
    verified(planned(tmp_path, "5.2"), container)
    # By its id: the name may be another image's in the next moment.
    assert container.asked == [(ID, ("-I", "-c", "PROBE"), False), (ID, ("-c", "PROBE"), False)]


def test_the_wheel_of_the_binary_mode_is_proven_from_site_packages(tmp_path: Path) -> None:
    plan = planned(tmp_path, "8.6")
    assert failed(verified(plan, Container(wheel_answer()), code=held("8.0", "8.6"))) == []
    assert failed(verified(plan, Container(wheel_answer(home="/opt/torch")), code=held("8.6")))


def test_torch_from_elsewhere_fails(tmp_path: Path) -> None:
    verification = verified(planned(tmp_path, "5.2"), Container(answer(home="/usr/lib/python3/dist-packages")))
    assert any("torch comes from /opt/torch" in line for line in failed(verification))


def test_what_only_one_of_the_interpreters_sees_fails(tmp_path: Path) -> None:
    container = Container(answer(), answer(home="/app"))
    assert any("/app" in line for line in failed(verified(planned(tmp_path, "5.2"), container)))


def test_another_version_than_the_plans_fails(tmp_path: Path) -> None:
    verification = verified(planned(tmp_path, "5.2"), Container(answer("2.4.0a0+gitee1b680")))
    assert any("2.4.0a0+gitee1b680" in line for line in failed(verification))


def test_machine_code_for_another_card_fails(tmp_path: Path) -> None:
    verification = verified(planned(tmp_path, "5.2"), Container(answer()), code=held("6.1"))
    assert any("5.2" in line and "6.1" in line for line in failed(verification))


def test_a_library_that_cannot_be_read_fails(tmp_path: Path) -> None:
    broken = UnreadableBinaryError("libtorch_cuda.so is cut off")
    verification = verified(planned(tmp_path, "5.2"), Container(answer()), code=broken)
    assert failed(verification) == ["libtorch_cuda.so can be read: libtorch_cuda.so is cut off"]


SILENT = {
    "no interpreter": (Answer(127, "", 'exec: "python": executable file not found in $PATH\n'), "executable file"),
    "no answer": (Answer(0, "hello\n", ""), "did not tell"),
    "a crash": (Answer(1, "", "Traceback\nSyntaxError: invalid syntax\n"), "SyntaxError"),
    "too slow": (Answer(None, "", ""), "in time"),
    "no JSON": (Answer(0, "gpu-build-probe {\n", ""), "answer"),
    "other JSON": (Answer(0, "gpu-build-probe [1]\n", ""), "answer"),
    "empty": (Answer(0, "gpu-build-probe {}\n", ""), "answer"),
}


@pytest.mark.parametrize("name", SILENT)
def test_an_interpreter_that_tells_nothing_is_one_line_that_fails(tmp_path: Path, name: str) -> None:
    said, because = SILENT[name]
    [line] = failed(verified(planned(tmp_path, "5.2"), Container(said)))
    assert because in line


def test_a_range_is_satisfied_by_what_the_image_chose_of_it(tmp_path: Path) -> None:
    plan = planned(tmp_path, "8.6", pyproject=PYPROJECT.replace('"2.7.1+cu128"', '">=2.7,<3"'))
    assert failed(verified(plan, Container(wheel_answer(version="2.8.0+cu128")), code=held("8.6"))) == []
    assert failed(verified(plan, Container(wheel_answer(version="2.6.0+cu128")), code=held("8.6")))


# --- on this machine's GPUs


def gpu_line(verification: Verification) -> Any:
    return next(line for line in verification.lines if line.claim == "it computes on the GPU")


def test_without_a_gpu_that_line_says_so_and_does_not_fail(tmp_path: Path) -> None:
    line = gpu_line(verified(planned(tmp_path, "5.2"), Container(answer())))
    assert (line.ok, line.seen) == (None, "not tried: this machine has no GPU")


def test_with_one_that_it_is_for_torch_computes_on_it(tmp_path: Path) -> None:
    container = Container(answer(cuda=True, device="GTX 970"))
    verification = verified(planned(tmp_path, "5.2"), container, gpu("5.2", driver="470.82.01"))
    assert (gpu_line(verification).ok, gpu_line(verification).seen) == (True, "GTX 970")
    assert container.asked[0] == (ID, ("-I", "-c", "PROBE", "--cuda"), True)
    assert container.asked[1] == (ID, ("-c", "PROBE"), False)


def test_a_gpu_on_which_torch_does_not_compute_fails(tmp_path: Path) -> None:
    container = Container(answer(cuda=False, device="RuntimeError: no kernel image is available"))
    verification = verified(planned(tmp_path, "5.2"), container, gpu("5.2", driver="470.82.01"))
    assert any("no kernel image" in line for line in failed(verification))


def test_a_gpu_that_it_is_not_for_is_left_alone(tmp_path: Path) -> None:
    container = Container(answer())
    line = gpu_line(verified(planned(tmp_path, "5.2"), container, gpu("9.0", driver="580.65.06")))
    assert line.ok is None
    assert "9.0" in line.seen
    assert not any(gpus for _, _, gpus in container.asked)


def test_where_docker_hands_out_no_gpu_the_rest_is_proven_without(tmp_path: Path) -> None:
    refusal = Answer(125, "", 'docker: Error response from daemon: could not select device driver "" with [[gpu]].\n')
    container = Container(refusal, answer())
    verification = verified(planned(tmp_path, "5.2"), container, gpu("5.2", driver="470.82.01"))
    assert verification.is_proven
    assert gpu_line(verification).ok is None
    assert "could not select device driver" in gpu_line(verification).seen


# --- the labels

PLANNED = {
    "poetry-gpu-build.version": "1.2.3",
    "poetry-gpu-build.mode": "source",
    "poetry-gpu-build.torch": "2.4.1",
    "poetry-gpu-build.targets": "5.2",
    "org.opencontainers.image.revision": "a" * 40,
}


def test_equal_labels_are_a_line_each() -> None:
    lines = list(compare_labels(PLANNED, {**PLANNED, "another": "label"}))
    assert [(line.claim, line.ok) for line in lines] == [
        ("label mode", True),
        ("label torch", True),
        ("label targets", True),
        ("label policy version", True),
        ("label revision", True),
    ]


@pytest.mark.parametrize("label", PLANNED)
def test_another_value_and_a_missing_label_fail(label: str) -> None:
    [line] = [line for line in compare_labels(PLANNED, {**PLANNED, label: "other"}) if line.ok is False]
    assert (line.seen, bool(line.help)) == (f"other; the plan says {PLANNED[label]}", True)
    found = {name: value for name, value in PLANNED.items() if name != label}
    [line] = [line for line in compare_labels(PLANNED, found) if line.ok is False]
    assert line.seen == f"none; the plan says {PLANNED[label]}"


def test_a_revision_with_changes_that_no_commit_tells_is_not_told_as_equal() -> None:
    dirty = {**PLANNED, "org.opencontainers.image.revision": "a" * 40 + "-dirty"}
    [line] = [line for line in compare_labels(dirty, dirty) if line.ok is not True]
    assert (line.claim, line.ok) == ("label revision", None)


@pytest.mark.parametrize("found", [{}, {"org.opencontainers.image.revision": "b" * 40}])
def test_outside_git_the_revision_cannot_be_compared(found: dict[str, str]) -> None:
    [line] = [line for line in compare_labels({}, found) if line.claim == "label revision"]
    assert line.ok is None


# --- what the engine knows of an image


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ImageDocker:
    return ImageDocker(monkeypatch, tmp_path / "docker", PLANNED)


def test_size_labels_and_layers_are_read(docker: ImageDocker) -> None:
    assert inspect_image(IMAGE) == BuiltImage(
        IMAGE,
        ID,
        PLANNED,
        1_230_000_000,
        (
            Layer(725_000_000, ""),
            Layer(30_000_000, "RUN |1 A=b /bin/sh -c apt-get update and so on # buildkit"),
            Layer(1_200_000_000, "COPY /opt/torch /opt/torch # buildkit"),
        ),
    )
    assert docker.asked("pull") == []


def test_an_image_without_labels_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ImageDocker(monkeypatch, tmp_path / "docker", None)
    assert inspect_image(IMAGE).labels == {}


def test_an_image_that_is_not_there_is_not_pulled(docker: ImageDocker) -> None:
    docker.does("image inspect", f"echo 'Error: No such image: {IMAGE}' >&2; exit 1")
    with pytest.raises(ConfigurationError, match="the engine has no image app:source") as caught:
        inspect_image(IMAGE)
    assert f"fetch it: docker pull {IMAGE}" in caught.value.ways_out
    assert docker.asked("pull") == []


def test_without_a_daemon_there_is_no_engine(docker: ImageDocker) -> None:
    for command in ("image inspect", "version"):
        docker.does(command, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    with pytest.raises(EngineUnavailableError, match="daemon does not answer"):
        inspect_image(IMAGE)


@pytest.mark.parametrize("said", ["", "not JSON", "[]", "null", '"text"', '{"Id": ', "[" * 2000])
@pytest.mark.parametrize("command", ["image inspect", "image history"])
def test_an_answer_that_is_none_is_an_error(docker: ImageDocker, said: str, command: str) -> None:
    docker.says(command, said)
    with pytest.raises(EngineUnavailableError):
        inspect_image(IMAGE)


@pytest.mark.parametrize("name", ["", "--privileged"])
def test_a_name_that_docker_would_take_for_an_option_is_refused(docker: ImageDocker, name: str) -> None:
    with pytest.raises(ConfigurationError, match="names no image"):
        inspect_image(name)
    assert docker.asked("") == []


# --- the container


def test_the_container_has_no_network_and_no_pythonpath_and_is_removed(docker: ImageDocker) -> None:
    docker.does("run", 'echo "$@"')
    words = run_python(ID, ["-I", "-c", "1"]).output.split()
    assert words[-5:] == ["python", ID, "-I", "-c", "1"]
    assert "--rm" in words
    for option, value in (
        ("--network", "none"),
        ("--pull", "never"),
        ("--env", "PYTHONPATH="),
        ("--entrypoint", "python"),
    ):
        assert words[words.index(option) + 1] == value
    assert "--gpus" not in words


def test_the_gpus_are_handed_over_on_request(docker: ImageDocker) -> None:
    docker.does("run", 'echo "$@"')
    assert "--gpus all" in run_python(ID, ["-c", "1"], gpus=True).output


@pytest.mark.parametrize("script", ["exec sleep 60", f"head -c {2 * LARGEST_OUTPUT} /dev/zero; exec sleep 60"])
def test_a_container_that_hangs_or_babbles_is_ended(docker: ImageDocker, script: str) -> None:
    docker.does("run", script)
    started = time.monotonic()
    said = run_python(ID, ["-c", "1"], limit_s=1.0)
    assert said.status is None
    assert time.monotonic() - started < 10
    assert len(said.output) <= LARGEST_OUTPUT
    [line] = docker.asked("rm --force gpu-build-verify-")
    assert line.split()[-1] in docker.asked("run")[0]


def test_a_daemon_that_is_gone_meanwhile_is_not_the_images_fault(docker: ImageDocker) -> None:
    for command in ("run", "version"):
        docker.does(command, "echo 'Cannot connect to the Docker daemon' >&2; exit 125")
    with pytest.raises(EngineUnavailableError, match="daemon does not answer"):
        run_python(ID, ["-c", "1"])


def test_the_plan_tells_where_the_compiled_torch_lies(tmp_path: Path) -> None:
    assert planned(tmp_path / "a", "5.2").prefix == load_policy(policies_dir()).source_prefix == "/opt/torch"
    assert planned(tmp_path / "b", "8.6").prefix is None
    own = settings("modes.source.prefix = '/opt/own'")
    assert planned(tmp_path / "c", "5.2", pyproject=own).prefix == "/opt/own"
