"""The harness itself: what the other tests stand on is there and is real."""

from __future__ import annotations

import json
import urllib.request
import zipfile
from typing import TYPE_CHECKING

from .harness.bases import BINARY_BASE
from .harness.bases import SOURCE_BASE
from .harness.process import run
from .harness.standin import TAG

if TYPE_CHECKING:
    from pathlib import Path

    from .harness.engine import Engine
    from .harness.gitserver import GitServer
    from .harness.index import Index


def bake(engine: Engine, context: Path, dockerfile: str, **target: object) -> None:
    """Build one Dockerfile the way the plugin does: a definition on standard input."""
    (context / "Dockerfile").write_text(dockerfile)
    definition = {"target": {"default": {"context": str(context), "tags": ["harness:test"], **target}}}
    engine.docker("buildx", "bake", "--progress=plain", "-f", "-", cwd=context, input_text=json.dumps(definition))


def run_in(engine: Engine, image: str, *command: str) -> str:
    return engine.docker("run", "--rm", "--network", "none", image, *command).stdout


def test_the_engine_is_the_private_one(engine: Engine) -> None:
    version = json.loads(engine.docker("version", "--format", "{{json .}}").stdout)
    root = engine.docker("info", "--format", "{{.DockerRootDir}}").stdout.strip()
    assert version["Server"]["Version"].startswith("26.1.5")
    assert root == str(engine.folder / "data")


def test_buildx_and_compose_are_plugins_of_the_client(engine: Engine) -> None:
    assert "0.13.1" in engine.docker("buildx", "version").stdout
    assert "2.26.1" in engine.docker("compose", "version").stdout


def test_bake_builds_a_definition_from_standard_input(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "greeting").write_text("hello\n")
    bake(engine, tmp_path, "FROM scratch\nCOPY greeting /\n")
    assert "harness" in engine.docker("images").stdout


def test_a_plain_build_reaches_apt_and_the_package_index(bases: Engine, tmp_path: Path) -> None:
    apt = "apt-get -qq update && apt-get -qq install --yes curl ca-certificates git build-essential"
    pip = "python3.11 -m venv /v && /v/bin/pip install --quiet six"
    bake(bases, tmp_path, f"FROM {BINARY_BASE}\nRUN {apt}\nRUN {pip}\n")


def test_the_bases_hold_python_but_neither_pip_nor_poetry(bases: Engine) -> None:
    search = "python3.11 --version; command -v pip pip3 poetry; python3.11 -c 'import pip' 2>/dev/null && echo pip"
    for image in (BINARY_BASE, SOURCE_BASE):
        assert run_in(bases, image, "sh", "-c", f"{search}; true").split()[0::2] == ["Python"]


def test_nvcc_compiles_for_the_one_architecture_asked_for(bases: Engine) -> None:
    script = """\
set -eu
cd /tmp
echo '__global__ void k(int *p) { *p = 1; }' > k.cu
nvcc -shared -Xcompiler -fPIC -cudart none -gencode arch=compute_52,code=sm_52 k.cu -o k.so
cuobjdump --list-elf k.so
cuobjdump --list-ptx k.so 2>&1 || true
"""
    said = run_in(bases, SOURCE_BASE, "sh", "-c", script)
    assert [word for line in said.splitlines() for word in line.split(".") if word.startswith("sm_")] == ["sm_52"]
    assert ".ptx" not in said


def test_nvcc_accepts_the_images_own_cxx_compiler(bases: Engine) -> None:
    assert "release 11.8" in run_in(bases, SOURCE_BASE, "nvcc", "--version")
    assert run_in(bases, SOURCE_BASE, "g++", "-dumpversion").strip() == "11"


def test_a_build_clones_the_tag_from_the_git_server(bases: Engine, git_server: GitServer, tmp_path: Path) -> None:
    clone = f"git clone --quiet --depth 1 --branch {TAG} {git_server.url('whole/pytorch.git')} /src"
    check = "grep -q 2.4.0a0 /src/version.txt && test $(git -C /src rev-list --count HEAD) = 1"
    bake(bases, tmp_path, f"FROM {BINARY_BASE}\nRUN {clone} && {check}\n")


def test_get_pip_installs_pip_and_what_it_is_told(bases: Engine, index: Index, tmp_path: Path) -> None:
    fetch = f"curl -fsSL {index.file_url('get-pip.py')} | python3.11 - pip setuptools wheel six"
    check = "python3.11 -m pip --version && python3.11 -c 'import setuptools, wheel, six'"
    bake(bases, tmp_path, f"FROM {BINARY_BASE}\nRUN {fetch}\nRUN {check}\n")


def test_the_index_lists_the_wheel_with_its_hash(index: Index) -> None:
    with urllib.request.urlopen(f"{index.simple_url}torch/") as answer:
        page = answer.read().decode()
    assert "torch-2.7.1%2Bcu128-cp311-cp311-linux_x86_64.whl#sha256=" in page


def test_the_binary_wheel_holds_machine_code_and_metadata(index: Index) -> None:
    wheel = next(index.folder.glob("torch-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read("torch-2.7.1+cu128.dist-info/METADATA").decode()
    assert "torch/lib/libtorch_cuda.so" in names
    assert any(name.startswith("torch/_C.") and name.endswith(".so") for name in names)
    assert "Requires-Dist: filelock" in metadata
    assert "Requires-Dist: typing-extensions>=4.8.0" in metadata


def test_the_binary_wheel_installs_and_knows_its_architectures(bases: Engine, index: Index, tmp_path: Path) -> None:
    pip = f"/v/bin/pip install --quiet --extra-index-url {index.simple_url} torch==2.7.1+cu128"
    bake(bases, tmp_path, f"FROM {SOURCE_BASE}\nRUN python3.11 -m venv /v && {pip}\n")
    ask = "import torch; print(torch.__version__, torch.version.cuda, torch._C._cuda_getArchFlags())"
    said = run_in(bases, "harness:test", "/v/bin/python", "-c", ask)
    assert said.split() == ["2.7.1+cu128", "12.8", "sm_75", "sm_80", "sm_86", "sm_90"]
    library = "/v/lib/python3.11/site-packages/torch/lib/libtorch_cuda.so"
    listed = run_in(bases, "harness:test", "cuobjdump", "--list-elf", library).splitlines()
    # Two files of kernels, each with code for every architecture.
    assert sorted(line.split(".")[-2] for line in listed if line) == sorted(2 * ["sm_75", "sm_80", "sm_86", "sm_90"])


def test_the_broken_variant_fails_with_the_compilers_words(
    bases: Engine, git_server: GitServer, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(
        f"FROM {SOURCE_BASE}\n"
        f"RUN git clone --quiet --depth 1 --branch {TAG} {git_server.url('broken/pytorch.git')} /src\n"
        "WORKDIR /src\n"
        "RUN python3.11 -m venv /v && /v/bin/pip install --quiet -r requirements.txt\n"
        "RUN TORCH_CUDA_ARCH_LIST=5.2 MAX_JOBS=1 /v/bin/python setup.py bdist_wheel\n"
    )
    result = bases.docker("buildx", "build", "--progress=plain", tmp_path, check=False)
    assert result.returncode != 0
    assert 'error: expected a ";"' in result.stderr


def test_stopping_leaves_nothing_behind(engine: Engine) -> None:
    from .harness.engine import Engine as AnotherEngine

    with AnotherEngine() as other:
        folder, address, pid = other.folder, other.address, other.pid
        assert address != engine.address
    assert not folder.exists()
    assert address not in run(["cat", "/proc/net/fib_trie"]).stdout
    assert run(["kill", "-0", str(pid)], check=False).returncode != 0
