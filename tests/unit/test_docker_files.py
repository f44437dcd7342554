"""The shipped docker/ files hold the policy's defaults, and its rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.dependencies.context import ALL
from poetry_gpu_build.dependencies.context import TORCH
from poetry_gpu_build.engine import named_context
from poetry_gpu_build.lint import source_build
from poetry_gpu_build.resources import docker_dir
from poetry_gpu_build.swap import pth

from .builders import policy

if TYPE_CHECKING:
    from poetry_gpu_build.policy import ModeName

EXAMPLE = docker_dir().parent / "examples" / "minimal"
MODES: tuple[ModeName, ...] = ("binary", "source")
_HEREDOC = re.compile(r"<<-?'?(?P<name>[A-Z]+)'?\n(?P<body>.*?)\n(?P=name)$", re.MULTILINE | re.DOTALL)


def dockerfile(mode: ModeName) -> str:
    name = policy().mode(mode).dockerfile.removeprefix("docker/")
    return (docker_dir() / name).read_text(encoding="utf-8")


def arguments(text: str) -> dict[str, set[str | None]]:
    """Every default that an ARG has, by its name."""
    found: dict[str, set[str | None]] = {}
    for name, value in re.findall(r"^ARG (\w+)(?:=(.*))?$", text, re.MULTILINE):
        found.setdefault(name, set()).add(value.strip('"'))
    return found


def instructions(text: str) -> str:
    """The file without comments, and with each instruction on one line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines).replace("\\\n", " ")


def without_compile(text: str) -> str:
    return _HEREDOC.sub(lambda match: "" if match["name"] == "COMPILE" else match[0], text)


@pytest.mark.parametrize("mode", MODES)
def test_the_defaults_of_its_arguments_are_the_policys(mode: ModeName) -> None:
    shipped = policy()
    found = arguments(dockerfile(mode))
    assert found["BASE_IMAGE"] == {shipped.mode(mode).base_image}
    assert found["PYTHON_VERSION"] == {shipped.python}
    assert found["POETRY_WITH"] == {",".join(shipped.mode(mode).with_groups)}
    assert found["POETRY_WITHOUT"] == {",".join(shipped.mode(mode).without_groups)}


def test_the_defaults_of_the_compile_are_the_policys() -> None:
    shipped = policy()
    found = arguments(dockerfile("source"))
    assert found["TORCH_REF"] == {shipped.torch_ref}
    assert found["PYTORCH_BUILD_VERSION"] == {shipped.source.torch.version}
    assert found["TORCH_CUDA_ARCH_LIST"] == {";".join(str(target) for target in shipped.source_targets)}


def test_the_binary_mode_compiles_nothing() -> None:
    assert not {"TORCH_REF", "TORCH_CUDA_ARCH_LIST", "MAX_JOBS"} & set(arguments(dockerfile("binary")))


def test_the_poetry_install_lines_of_both_modes_are_identical() -> None:
    binary, source = (
        re.findall(r"^.*poetry install.*$", instructions(dockerfile(mode)), re.MULTILINE) for mode in MODES
    )
    assert binary == source
    assert len(binary) == 3


@pytest.mark.parametrize("mode", MODES)
def test_torch_and_the_rest_are_installed_by_one_command_in_two_layers(mode: ModeName) -> None:
    torch, rest, root = re.findall(r"poetry install .*$", instructions(dockerfile(mode)), re.MULTILINE)
    assert torch == rest
    assert "--no-root" in torch
    assert "--only-root" in root


@pytest.mark.parametrize("mode", MODES)
def test_what_is_installed_from_comes_out_of_the_stage_that_a_named_context_replaces(mode: ModeName) -> None:
    text = instructions(dockerfile(mode))
    stage = re.search(rf"^FROM \w+ AS {named_context.STAGE}\n(?P<body>.*?)^FROM ", text, re.MULTILINE | re.DOTALL)
    assert stage is not None
    command = f"poetry {named_context.COMMAND} --output /{named_context.PLACE}"
    ends = {"binary": command, "source": f"{command} --without-torch"}
    assert stage["body"].strip().splitlines()[-1] == f"RUN {ends[mode]}"
    taken = re.findall(rf"from={named_context.STAGE}[ ,](?:source=)?(\S+?)[ ,]", text)
    folders = [f"/{named_context.PLACE}/{name}" for name in (TORCH, ALL)]
    assert [path for path in taken if path not in folders] == []
    assert set(taken) == set(folders)


@pytest.mark.parametrize("mode", MODES)
def test_whatever_downloads_does_so_on_cache_mounts(mode: ModeName) -> None:
    apt = ("/var/lib/apt/lists", "/var/cache/gpu-build-apt")
    needs = {"apt-get ": apt, "get-pip.py ": ("/root/.cache/pip",), "poetry install ": ("/root/.cache/pypoetry",)}
    text = _HEREDOC.sub(lambda match: " ".join(match["body"].split()), dockerfile(mode))
    for line in instructions(text).splitlines():
        mounted = re.findall(r"--mount=type=cache,(?:id=\S+?,)?target=([^,\s]+)", line)
        for command, folders in needs.items():
            if line.startswith("RUN ") and command in line:
                assert set(folders) <= set(mounted), line
    assert "rm -rf /var/lib/apt/lists" not in text


def test_no_other_build_waits_for_the_compile() -> None:
    (mounts,) = re.findall(r"^RUN (.*)<<'COMPILE'$", instructions(dockerfile("source")), re.MULTILINE)
    assert "sharing=locked" not in mounts


@pytest.mark.parametrize("mode", MODES)
def test_there_is_one_pip_command_outside_the_compile(mode: ModeName) -> None:
    text = re.sub(r"--mount=\S+", "", instructions(without_compile(dockerfile(mode))))
    commands = [part.strip() for line in text.splitlines() for part in re.split(r"&&|;|\|\|", line)]
    pip = [part for part in commands if re.search(r"(^|/|\s)(pip3?|get-pip\.py)\s+\S", part) and "curl" not in part]
    assert len(pip) == 1
    assert all(name in pip[0] for name in ("pip", "setuptools", "wheel", "POETRY_REQUIREMENT", "GPU_BUILD_REQUIREMENT"))


@pytest.mark.parametrize("mode", MODES)
def test_the_script_is_checked_before_it_runs(mode: ModeName) -> None:
    text = dockerfile(mode)
    assert "curl --fail" in text
    assert text.index("sha256sum --check") < text.index("python /tmp/get-pip.py")
    assert [len(value or "") for value in arguments(text)["GET_PIP_SHA256"]] == [64]


@pytest.mark.parametrize("mode", MODES)
def test_no_line_asks_for_another_frontend(mode: ModeName) -> None:
    assert not re.search(r"^#\s*syntax\s*=", dockerfile(mode), re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("forbidden", ["poetry.lock", "poetry config", "POETRY_VIRTUALENVS", "PYTHONPATH="])
def test_the_policy_is_not_undermined(mode: ModeName, forbidden: str) -> None:
    assert forbidden not in instructions(dockerfile(mode))


@pytest.mark.parametrize("mode", MODES)
def test_the_manifests_are_installed_before_the_code_is_copied(mode: ModeName) -> None:
    text = instructions(dockerfile(mode))
    manifests, install, code = (
        text.index(part) for part in ("COPY pyproject.toml poetry.toml", "poetry install", "COPY . .")
    )
    assert manifests < install < code
    last = text.rindex("--no-root")
    assert text.index("COPY --from=deps /deps/all ./") < last < code


@pytest.mark.parametrize(
    ("mode", "proof"),
    [("binary", "RUN env -u PYTHONPATH python -I <<'PROOF'"), ("source", "RUN poetry gpu-build swap --check")],
)
def test_the_last_run_proves_the_origin_of_torch(mode: ModeName, proof: str) -> None:
    assert [line for line in dockerfile(mode).splitlines() if line.startswith("RUN ")][-1] == proof


def test_the_swap_stands_between_the_torch_and_the_first_installation() -> None:
    text = instructions(dockerfile("source"))
    torch, swap, install = (
        text.index(part) for part in ("COPY --from=torch /opt/torch", "poetry gpu-build swap --apply", "poetry install")
    )
    assert torch < swap < install


def test_the_binary_mode_swaps_nothing() -> None:
    assert "swap" not in instructions(dockerfile("binary"))


def test_the_stage_that_is_copied_holds_nothing_else() -> None:
    stage = re.search(r"^FROM scratch AS torch\n(?P<body>.*?)^FROM ", dockerfile("source"), re.MULTILINE | re.DOTALL)
    assert stage is not None
    assert stage["body"].split() == ["COPY", "--from=torch-build", "/opt/torch", "/opt/torch"]


def test_the_linter_and_the_swap_call_the_file_the_same() -> None:
    assert source_build.PTH_NAME == pth.PTH_NAME


def test_the_prefix_is_the_policys() -> None:
    assert f"COPY --from=torch {policy().source_prefix} {policy().source_prefix}" in dockerfile("source")


@pytest.mark.parametrize(("mode", "own"), [("binary", "false | 0 | no | off"), ("source", "true | 1 | yes | on")])
def test_the_first_step_checks_the_flag(mode: ModeName, own: str) -> None:
    text = dockerfile(mode)
    first = _HEREDOC.search(text)
    assert first is not None
    assert first["name"] == "CHECK"
    assert own in first["body"].split(";;")[0]
    assert "poetry gpu-build up" in first["body"]


def test_all_that_leaves_the_compile_is_one_folder_of_opt() -> None:
    copied = re.findall(r"^COPY --from=(\S+) (\S+) (\S+)$", dockerfile("source"), re.MULTILINE)
    assert ("torch-build", "/opt/torch", "/opt/torch") in copied
    assert [entry for entry in copied if entry[0] == "torch-build"] == [("torch-build", "/opt/torch", "/opt/torch")]


def test_compose_publishes_no_port_and_forwards_the_flag() -> None:
    compose = (docker_dir() / "docker-compose.yml").read_text(encoding="utf-8")
    assert not re.search(r"^\s*ports:", compose, re.MULTILINE)
    assert re.search(r"^\s*- BUILD_FROM_SOURCE$", compose, re.MULTILINE)
    assert "dockerfile: ${GPU_BUILD_DOCKERFILE:-docker/Dockerfile}" in compose


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.source", "docker-compose.yml"])
def test_the_example_holds_the_same_files(name: str) -> None:
    # But for the project's own name, which Compose's containers and images bear.
    own = (docker_dir() / name).read_text(encoding="utf-8").replace("poetry-gpu-build:", "hello-gpu:")
    example = (EXAMPLE / "docker" / name).read_text(encoding="utf-8")
    assert example == own.replace("\nname: poetry-gpu-build\n", "\nname: hello-gpu\n")
