"""`poetry gpu-build torch`, and what a build makes of a published compile; docker is a script here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from ..builders import gpu
from ..builders import put_on_path
from ..builders import settings
from ..builders import tree

if TYPE_CHECKING:
    from .conftest import Machine
    from .conftest import Poetry
    from .conftest import Ran

RECORDED = Path(__file__).parents[1] / "engine" / "recorded"
REPOSITORY = "registry.example/team/torch"
DIGEST = f"sha256:{'a' * 64}"
DOCKER = f"""\
echo "$*" >> 'FOLDER/asked'
case "$*" in
  'buildx version') cat '{RECORDED}/buildx-version-0.13.1.txt' ;;
  'buildx inspect'*) sed 's#linux/amd64, #PLATFORM, #' '{RECORDED}/inspect-docker-0.13.1.txt' ;;
  'version '*) cat '{RECORDED}/version-26.1.txt' ;;
  'buildx bake '*) cat > 'FOLDER/definition'; test ! -f 'FOLDER/pushed' || mv 'FOLDER/pushed' 'FOLDER/held' ;;
  'buildx imagetools inspect '*)
    if test -f 'FOLDER/held'; then cat 'FOLDER/held'; exit 0; fi
    for name; do :; done
    test -f 'FOLDER/down' && name='dial tcp: connection refused' || name="$name: not found"
    echo "ERROR: $name" >&2; exit 1 ;;
  *) echo "not asked for: $*" >&2; exit 64 ;;
esac"""


@dataclass(frozen=True)
class Registry:
    """A docker whose registry holds what a test puts there."""

    folder: Path

    def holds(self, wanted: dict[str, Any], *, name: str = "held", **labels: str) -> None:
        image = {"os": "linux", "architecture": "amd64", "config": {"Labels": {**wanted["labels"], **labels}}}
        text = json.dumps({"manifest": {"digest": DIGEST}, "image": image})
        (self.folder / name).write_text(text, encoding="utf-8")

    def is_down(self) -> None:
        (self.folder / "down").touch()

    @property
    def asked(self) -> str:
        path = self.folder / "asked"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def built(self) -> dict[str, Any]:
        """The one target of the definition that was built; empty where nothing was."""
        path = self.folder / "definition"
        if not path.exists():
            return {}
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["target"]["source"]
        return found


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, *, platform: str = "linux/amd64") -> Registry:
    script = DOCKER.replace("FOLDER", str(folder)).replace("PLATFORM", platform)
    put_on_path(monkeypatch, folder, script)
    return Registry(folder)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Registry:
    root.joinpath("pyproject.toml").write_text(settings(f'torch-image = "{REPOSITORY}"'), encoding="utf-8")
    return stand_in(monkeypatch, tmp_path / "bin")


def data(ran: Ran) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran.out)
    return found


def wanted(poetry: Poetry, options: str = "") -> dict[str, Any]:
    ran = poetry(f"gpu-build torch --dry-run --format json {options}")
    assert ran.status == 0, ran.err
    found: dict[str, Any] = data(ran)["torch_image"]
    return found


# --- what it is


def test_a_dry_run_shows_the_name_the_key_and_its_parts_and_asks_nobody(poetry: Poetry, registry: Registry) -> None:
    ran = poetry("gpu-build torch --dry-run")
    assert ran.status == 0
    told = wanted(poetry)
    assert told["state"] == "planned"
    assert f"torch image: {told['reference']}\n  key {told['key']}\n" in ran.out
    assert "variable TORCH_REF" in ran.out
    assert "MAX_JOBS" not in ran.out.replace("RUN", "").partition("step")[0]
    assert {"kind": "variable", "name": "TORCH_REF", "value": "v2.4.1", "text": ""} in told["parts"]
    assert registry.asked == ""


def test_without_the_setting_it_is_exit_2_with_the_line_to_write(poetry: Poetry) -> None:
    for options in ("", "--dry-run", "--check"):
        ran = poetry(f"gpu-build torch {options}")
        assert ran.status == 2
        assert 'torch-image = "registry.example/team/torch"' in ran.words


def test_a_machine_whose_gpus_the_wheel_serves_compiles_for_the_policy_s_targets(
    poetry: Poetry, registry: Registry, machine: Machine
) -> None:
    default = wanted(poetry)
    assert default["labels"]["poetry-gpu-build.torch-archs"] == "5.2"
    machine.has(gpu("8.6", driver="570.124.06"))
    assert wanted(poetry) == default
    assert wanted(poetry, "--gpu 8.6")["labels"]["poetry-gpu-build.torch-archs"] == "8.6"
    assert registry.asked == ""


def test_a_machine_that_needs_the_source_mode_compiles_what_its_build_would(
    poetry: Poetry, registry: Registry, machine: Machine
) -> None:
    machine.has(gpu("3.5", driver="470.42.01"), gpu("8.6", driver="470.42.01"))
    reference = wanted(poetry)["reference"]
    assert "-sm35-sm86-" in reference
    planned = data(poetry("gpu-build --dry-run --format json"))
    assert planned["torch_image"] == reference
    assert registry.asked == ""


# --- whether it is published


def test_check_is_0_if_it_is_published_and_1_if_it_is_not(poetry: Poetry, registry: Registry) -> None:
    ran = poetry("gpu-build torch --check")
    assert (ran.status, ran.out) == (1, f"not published: {wanted(poetry)['reference']}\n")
    registry.holds(wanted(poetry))
    ran = poetry("gpu-build torch --check")
    assert (ran.status, ran.out) == (0, f"published: {wanted(poetry)['reference']}@{DIGEST}\n")
    assert not registry.built


def test_check_of_another_image_under_the_name_is_1_with_the_reason(poetry: Poetry, registry: Registry) -> None:
    registry.holds(wanted(poetry), **{"poetry-gpu-build.torch": "2.4.0"})
    ran = poetry("gpu-build torch --check --format json")
    assert ran.status == 1
    assert data(ran)["torch_image"]["state"] == "refused"


def test_check_of_a_registry_that_does_not_answer_is_4(poetry: Poetry, registry: Registry) -> None:
    registry.is_down()
    ran = poetry("gpu-build torch --check")
    assert ran.status == 4
    assert "connection refused" in ran.words


@pytest.mark.parametrize("other", ["--push", "--dry-run", "--force"])
def test_check_only_looks(other: str, poetry: Poetry, registry: Registry) -> None:
    assert poetry(f"gpu-build torch --check {other}").status == 2
    assert registry.asked == ""


# --- publishing it


def test_publishing_builds_the_one_stage_under_the_key_s_tag(poetry: Poetry, registry: Registry, root: Path) -> None:
    told = wanted(poetry)
    registry.holds(told, name="pushed")
    before = tree(root)
    ran = poetry("gpu-build torch --push --no-lint")
    assert (ran.status, ran.out) == (0, f"published {told['reference']}@{DIGEST}\n")
    built = registry.built
    assert (built["target"], built["tags"]) == ("torch", [told["reference"]])
    assert told["labels"].items() <= built["labels"].items()
    assert "contexts" not in built
    assert "bake --file - --progress auto --push" in registry.asked
    assert tree(root) == before


def test_what_is_published_is_not_built_again_unless_it_is_forced(poetry: Poetry, registry: Registry) -> None:
    registry.holds(wanted(poetry))
    ran = poetry("gpu-build torch --push")
    assert ran.status == 0
    assert f"already published: {wanted(poetry)['reference']}@{DIGEST}" in ran.out
    assert not registry.built
    assert poetry("gpu-build torch --push --force").status == 0
    assert registry.built


def test_nothing_is_compiled_for_a_registry_that_does_not_answer(poetry: Poetry, registry: Registry) -> None:
    registry.is_down()
    assert poetry("gpu-build torch --push").status == 4
    assert not registry.built
    ran = poetry("gpu-build torch")
    assert (ran.status, ran.out) == (0, f"built {wanted(poetry)['reference']}\n")


def test_another_image_under_the_name_is_replaced_only_by_force(poetry: Poetry, registry: Registry) -> None:
    registry.holds(wanted(poetry), **{"poetry-gpu-build.torch-key": "0" * 64})
    ran = poetry("gpu-build torch --push")
    assert ran.status == 2
    assert "--force" in ran.words
    assert not registry.built


def test_a_registry_that_holds_something_else_after_the_push_is_6(poetry: Poetry, registry: Registry) -> None:
    registry.holds(wanted(poetry), name="pushed", **{"poetry-gpu-build.torch": "2.4.0"})
    ran = poetry("gpu-build torch --push")
    assert ran.status == 6
    assert "2.4.0" in ran.words


def test_a_builder_for_another_platform_is_refused(
    poetry: Poetry, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, tmp_path / "arm", platform="linux/arm64")
    ran = poetry("gpu-build torch --push")
    assert ran.status == 4
    assert "linux/arm64" in ran.words
    assert not registry.built


@pytest.mark.parametrize("options", ["--format yaml", "--progress loud", "--build-arg X", "--gpu pear"])
def test_what_is_no_option_is_exit_2(options: str, poetry: Poetry, registry: Registry) -> None:
    assert poetry(f"gpu-build torch {options}").status == 2
    assert not registry.built


# --- a build that takes it

BUILD = "gpu-build --gpu 5.2 --no-verify --no-lint"


def test_a_build_takes_the_published_compile_by_its_digest(poetry: Poetry, registry: Registry) -> None:
    told = wanted(poetry)
    registry.holds(told)
    ran = poetry(f"{BUILD} --format json")
    assert ran.status == 0, ran.err
    assert registry.built["contexts"]["torch"] == f"docker-image://{told['reference']}@{DIGEST}"
    plan = data(ran)
    assert plan["torch_image"] == f"{told['reference']}@{DIGEST}"
    assert {"step": "compile", "text": f"taken from {told['reference']}@{DIGEST} (published)", "status": None} in plan[
        "reasons"
    ]


@pytest.mark.parametrize(
    ("state", "said"),
    [("absent", "is not published"), ("down", "could not be looked for"), ("other", "is not taken, because its label")],
)
def test_a_build_that_finds_none_compiles_and_says_so(
    state: str, said: str, poetry: Poetry, registry: Registry
) -> None:
    if state == "down":
        registry.is_down()
    if state == "other":
        registry.holds(wanted(poetry), **{"poetry-gpu-build.torch-archs": "6.1"})
    ran = poetry(BUILD)
    assert ran.status == 0
    assert f"note: torch is compiled here: {wanted(poetry)['reference']}" in ran.err
    assert said in ran.err
    assert "torch" not in registry.built.get("contexts", {})


def test_a_builder_for_another_platform_compiles(
    poetry: Poetry, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = wanted(poetry)
    other = stand_in(monkeypatch, tmp_path / "arm", platform="linux/arm64")
    other.holds(told)
    assert "linux/arm64" in poetry(BUILD).err
    assert "torch" not in other.built.get("contexts", {})


@pytest.mark.parametrize(
    "options",
    [
        *("--no-torch-image", "--docker-no-cache", "--set source.args.TORCH_REF=main", "--set *.platform=linux/arm64"),
        *("--target torch", "--target torch-build"),
    ],
)
def test_a_build_that_must_compile_asks_no_registry(options: str, poetry: Poetry, registry: Registry) -> None:
    registry.holds(wanted(poetry))
    assert poetry(f"{BUILD} {options}").status == 0
    assert "imagetools" not in registry.asked
    assert "torch" not in registry.built.get("contexts", {})


def test_a_build_without_the_setting_or_of_the_wheel_asks_no_registry(
    poetry: Poetry, registry: Registry, root: Path
) -> None:
    poetry("gpu-build --gpu 8.6 --no-verify --no-lint")
    root.joinpath("pyproject.toml").write_text(settings(""), encoding="utf-8")
    assert data(poetry(f"{BUILD} --format json"))["torch_image"] is None
    assert "imagetools" not in registry.asked


def test_a_dry_run_of_a_build_says_what_it_would_look_for(poetry: Poetry, registry: Registry) -> None:
    ran = poetry("gpu-build --gpu 5.2 --dry-run")
    assert f"would look for {wanted(poetry)['reference']}" in ran.out
    assert "no-torch-image" in poetry("gpu-build --gpu 5.2 --dry-run --no-torch-image").out
    bake = json.loads(poetry("gpu-build --gpu 5.2 --dry-run --format bake").out)
    assert "contexts" not in bake["target"]["source"]
    assert registry.asked == ""


def test_compose_compiles_and_says_so_before(poetry: Poetry, registry: Registry) -> None:
    said = "Compose takes no published torch"
    assert said in poetry("gpu-build up --gpu 5.2 --dry-run").err
    assert said not in poetry("gpu-build up --gpu 8.6 --dry-run").err
    assert registry.asked == ""
