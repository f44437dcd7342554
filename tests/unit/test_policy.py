from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.policy import Policy
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import TorchBuild

from .builders import cc
from .builders import policy

SCHEMA: dict[str, Any] = json.loads((policies_dir() / "gpu-build.schema.json").read_text(encoding="utf-8"))


# --- the shipped policy is the text


def test_the_binary_mode_is_the_teams() -> None:
    mode = policy().binary
    assert mode.dockerfile == "docker/Dockerfile"
    assert mode.base_image == "nvidia/cuda:12.8.1-devel-ubuntu22.04"
    assert mode.cuda == CudaVersion(12, 8)
    assert mode.torch == TorchBuild("2.7.1", "cu128")
    assert mode.with_groups == ("binary-torch",)
    assert mode.without_groups == ()


def test_the_source_mode_is_the_teams() -> None:
    mode = policy().source
    assert mode.dockerfile == "docker/Dockerfile.source"
    assert mode.base_image == "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04"
    assert mode.cuda == CudaVersion(11, 8)
    assert mode.torch == TorchBuild("2.4.1")
    assert mode.with_groups == ()
    assert mode.without_groups == ("binary-torch",)


def test_the_floors_and_defaults_are_the_teams() -> None:
    shipped = policy()
    assert shipped.floor == cc("6.0")
    assert shipped.source_targets == (cc("5.2"),)
    assert shipped.torch_ref == "v2.4.1"
    assert shipped.source_prefix == "/opt/torch"
    assert shipped.default_mode == "binary"
    assert shipped.torch_group == "binary-torch"
    assert shipped.targets == ()
    assert shipped.image is None
    assert shipped.lock == "exclude"
    assert shipped.host_install == "refuse"


def test_a_mode_is_found_by_its_name() -> None:
    shipped = policy()
    assert shipped.mode("binary") is shipped.binary
    assert shipped.mode("source") is shipped.source


def test_a_project_without_settings_has_the_shipped_policy() -> None:
    pyproject = parse_toml("[project]\nname = 'x'\n", Path("pyproject.toml"))
    assert load_policy(policies_dir(), pyproject) == load_policy(policies_dir())


def test_the_shipped_policy_has_the_form_of_the_schema() -> None:
    fastjsonschema.compile(SCHEMA)(read_toml(policies_dir() / "modes.toml").data)


# --- the schema and the loader agree


def leaves(node: dict[str, Any], above: str = "") -> set[str]:
    """The keys that hold a value, dotted."""
    found: set[str] = set()
    for name, inner in node["properties"].items():
        dotted = f"{above}{name}"
        found |= leaves(inner, f"{dotted}.") if "properties" in inner else {dotted}
    return found


CHANGES = {
    "default-mode": "'source'",
    "torch-group": "'torch'",
    "python": "'3.12'",
    "image": "'registry.example:5000/team/app'",
    "torch-image": "'registry.example:5000/team/torch'",
    "targets": "['8.6']",
    "floor": "'wheel'",
    "context": "'sub'",
    "compose-file": "'compose.yml'",
    "lock": "'require'",
    "host-install": "'allow'",
    "build-args": "{ A = 'x' }",
    "cache.from": "['r.example/team/cache']",
    "cache.to": "['type=registry,ref=r.example/team/cache,mode=max']",
    "lint.select": "['GPU1']",
    "lint.ignore": "['GPU305']",
    "lint.per-file-ignores": "{ 'docker/*' = ['GPU1'] }",
    "lint.severity": "{ GPU305 = 'info' }",
    "modes.binary.dockerfile": "'Dockerfile'",
    "modes.binary.base-image": "'nvidia/cuda:12.6.3-devel-ubuntu22.04'",
    "modes.binary.cuda": "'12.6'",
    "modes.binary.torch": "'2.8.0+cu126'",
    "modes.binary.with": "['extra']",
    "modes.binary.without": "['extra']",
    "modes.binary.build-args": "{ A = 'x' }",
    "modes.binary.floor": "'7.5'",
    "modes.source.dockerfile": "'Dockerfile'",
    "modes.source.base-image": "'nvidia/cuda:12.6.3-devel-ubuntu22.04'",
    "modes.source.cuda": "'12.6'",
    "modes.source.torch": "'2.6.0'",
    "modes.source.with": "['extra']",
    "modes.source.without": "['extra']",
    "modes.source.build-args": "{ A = 'x' }",
    "modes.source.torch-ref": "'v2.6.0'",
    "modes.source.prefix": "'/opt/pytorch/2.6'",
    "modes.source.targets": "['3.5', '5.2']",
    "modes.source.memory-per-job": "2.5",
}


def test_the_table_of_changes_is_the_schema() -> None:
    assert set(CHANGES) == leaves(SCHEMA)


@pytest.mark.parametrize(("key", "value"), CHANGES.items())
def test_every_key_of_the_schema_is_read(key: str, value: str) -> None:
    assert policy(f"{key} = {value}") != policy()


def test_every_object_of_the_schema_refuses_what_it_does_not_know() -> None:
    def objects(node: object) -> list[dict[str, Any]]:
        if not isinstance(node, dict):
            return []
        inner = [found for value in node.values() for found in objects(value)]
        return [node, *inner] if node.get("type") == "object" else inner

    assert all("additionalProperties" in node for node in objects(SCHEMA))


# --- overrides


def changed(key: str) -> Policy:
    return policy(f"{key} = {CHANGES[key]}")


def test_one_setting_changes_one_thing() -> None:
    shipped = policy()
    assert changed("modes.binary.floor") == shipped._replace(floor=cc("7.5"))


def test_the_base_images_tag_tells_its_cuda() -> None:
    assert changed("modes.source.base-image").source.cuda == CudaVersion(12, 6)


def test_the_toolkit_that_is_said_counts_more_than_the_tag() -> None:
    lines = "modes.source.base-image = 'nvidia/cuda:12.6.3-devel-ubuntu22.04'\nmodes.source.cuda = '12.8'"
    assert policy(lines).source.cuda == CudaVersion(12, 8)


@pytest.mark.parametrize(
    ("image", "cuda"),
    [
        ("registry.example:5000/mirror/cuda:11.8-devel", CudaVersion(11, 8)),
        ("nvidia/cuda:12.8.1", CudaVersion(12, 8)),
        ("nvidia/cuda:12.8.1-devel-ubuntu22.04@sha256:0123abcd", CudaVersion(12, 8)),
        ("nvidia/cuda:12.8@sha256:0123abcd", CudaVersion(12, 8)),
    ],
)
def test_the_cuda_is_read_from_tags_of_every_form(image: str, cuda: CudaVersion) -> None:
    assert policy(f"modes.binary.base-image = '{image}'").binary.cuda == cuda


@pytest.mark.parametrize("image", ["mirror/cuda", "mirror/cuda:latest", "registry.example:5000/cuda", "cuda@sha256:01"])
def test_an_image_whose_tag_tells_no_cuda_needs_to_be_told(image: str) -> None:
    error = refused(f"modes.binary.base-image = '{image}'")
    assert "does not tell its CUDA version" in error.message
    assert "modes.binary.cuda" in error.ways_out[0]


def test_the_torch_group_is_on_in_one_mode_and_off_in_the_other() -> None:
    other = changed("torch-group")
    assert other.binary.with_groups == ("torch",)
    assert other.source.without_groups == ("torch",)


def test_further_groups_stand_beside_the_torch_group() -> None:
    assert changed("modes.binary.with").binary.with_groups == ("binary-torch", "extra")
    assert changed("modes.source.without").source.without_groups == ("binary-torch", "extra")


def test_a_modes_build_arguments_are_laid_over_those_of_both() -> None:
    lines = "build-args = { A = 'both', B = 'both' }\nmodes.source.build-args = { B = 'source' }"
    changed_policy = policy(lines)
    assert dict(changed_policy.binary.build_args) == {"A": "both", "B": "both"}
    assert dict(changed_policy.source.build_args) == {"A": "both", "B": "source"}


# --- every kind of bad setting is one error, with its line


def refused(lines: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        policy(lines)
    assert caught.value.exit_code == 2
    assert len(caught.value.message.splitlines()) == 1
    assert caught.value.ways_out
    return caught.value


@pytest.mark.parametrize(
    ("lines", "line", "nearest"),
    [
        ("torch-grup = 'x'", 2, "torch-group"),
        ("target = ['5.2']", 2, "targets"),
        ("python = '3.10'\ndefault_mode = 'binary'", 3, "default-mode"),
        ("mode.binary.floor = '6.0'", 2, "modes"),
        ("modes.binery.floor = '6.0'", 2, "binary"),
        ("modes.binary.flor = '6.0'", 2, "floor"),
        ("modes.source.torch_ref = 'v2.4.1'", 2, "torch-ref"),
        ("[tool.gpu-build.mode.binary]\nfloor = '6.0'", 2, "modes"),
        ("[tool.gpu-build.modes.source]\nmemory-per-jobs = 4", 3, "memory-per-job"),
    ],
)
def test_an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one(lines: str, line: int, nearest: str) -> None:
    error = refused(lines)
    assert "unknown key" in error.message
    assert error.where is not None
    assert error.where.line == line
    assert f"'{nearest}'" in error.ways_out[0]


def test_a_key_that_is_near_to_nothing_gets_the_list_of_all() -> None:
    error = refused("xyzzy = 1")
    assert all(key in error.ways_out[0] for key in ("targets", "python", "modes"))


@pytest.mark.parametrize(
    ("lines", "line", "expected"),
    [
        ("default-mode = 'both'", 2, "binary"),
        ("default-mode = 1", 2, "binary"),
        ("torch-group = ['a']", 2, "a string"),
        ("python = 3.10", 2, "a string"),
        ("targets = '5.2'", 2, "an array"),
        ("targets = ['5.2',\n  8.6]", 3, "a string"),
        ("targets = []", 2, "at least 1"),
        ("context = ''", 2, "longer"),
        ("build-args = { A = 1 }", 2, "a string"),
        ("modes = 3", 2, "a table"),
        ("modes.binary = []", 2, "a table"),
        ("modes.binary.with = 'a'", 2, "an array"),
        ("modes.binary.with = ['a', 3]", 2, "a string"),
        ("modes.binary.floor = 6.0", 2, "a string"),
        ("modes.source.memory-per-job = '4'", 2, "a number"),
        ("modes.source.memory-per-job = true", 2, "a number"),
        ("modes.source.memory-per-job = 0", 2, "0.5"),
        ("lock = 'keep'", 2, "require"),
        ("lock = true", 2, "require"),
        ("host-install = 'yes'", 2, "allow"),
        ("floor = 'six'", 2, "'six', and must be \"wheel\""),
        ("floor = ['wheel']", 2, "is a list: ['wheel'], and must be \"wheel\""),
        ("floor = 6", 2, 'is 6, and must be "wheel"'),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_line_and_what_is_allowed(
    lines: str, line: int, expected: str
) -> None:
    error = refused(lines)
    assert error.where is not None
    assert error.where.line == line
    assert expected in error.message


@pytest.mark.parametrize("number", ["6", "6.0", "'6.0'"])
def test_a_number_where_the_floor_is_a_word_is_shown_its_place(number: str) -> None:
    assert 'modes.binary.floor = "6.0"' in refused(f"floor = {number}").ways_out[0]


def test_the_word_where_the_floor_is_a_number_is_shown_its_place() -> None:
    error = refused("modes.binary.floor = 'wheel'")
    assert error.where is not None
    assert error.where.line == 2
    assert 'floor = "wheel" in [tool.gpu-build] itself' in error.ways_out[0]


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ("modes.binary.floor = 'six'", 2),
        ("modes.binary.torch = 'newest'", 2),
        ("modes.source.targets = ['5.2', 'GTX 970']", 2),
        ("modes.source.targets = [\n  '5.2',\n  'old',\n]", 4),
        ("modes.source.memory-per-job = nan", 2),
        ("modes.source.memory-per-job = inf", 2),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_with_its_line_and_how_to_write_it(lines: str, line: int) -> None:
    error = refused(lines)
    assert error.where is not None
    assert error.where.line == line
    assert error.ways_out


@pytest.mark.parametrize(
    "lines",
    [
        "python = '3'",
        "python = '2.7'",
        "torch-group = ''",
        "torch-group = 'a b'",
        "image = 'Team/App'",
        "image = 'app:latest'",
        "image = ''",
        "image = 'a//b'",
        "image = 'a b'",
        "modes.binary.base-image = ''",
        "modes.binary.base-image = '-x:12.8'",
        "modes.binary.base-image = 'nvidia/cuda:12.8 --privileged'",
        "modes.source.torch-ref = '--upload-pack=x'",
        "modes.source.torch-ref = ''",
        "modes.source.prefix = '/opt'",
        "modes.source.prefix = '/usr/lib/torch'",
        "modes.source.prefix = '/opt/../usr/torch'",
        "modes.source.prefix = '/opt/torch/'",
        "modes.source.prefix = 'opt/torch'",
        'modes.source.prefix = "/opt/torch\\n"',
        "modes.source.cuda = '12'",
        "build-args = { 'A=B' = 'x' }",
        "build-args = { '' = 'x' }",
    ],
)
def test_a_text_of_the_wrong_form_is_refused(lines: str) -> None:
    assert refused(lines).where is not None


@pytest.mark.parametrize("image", ["app", "team/app", "registry.example/team/app", "localhost:5000/a", "a-b/c_d.e"])
def test_every_name_of_an_image_is_accepted(image: str) -> None:
    assert policy(f"image = '{image}'").image == image


@pytest.mark.parametrize(
    "text", ["tool.gpu-build = 3", "[tool]\ngpu-build = 'x'", "[[tool.gpu-build]]\nimage = 'a'", "[tool]\ngpu-build=[]"]
)
def test_settings_that_are_no_table_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="must be a table") as caught:
        load_policy(policies_dir(), parse_toml(text, Path("pyproject.toml")))
    assert caught.value.where is not None
    assert caught.value.where.line > 0
