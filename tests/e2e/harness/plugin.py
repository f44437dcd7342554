"""This plugin as its users have it: a wheel, installed beside a real Poetry."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .cache import cached_folder
from .process import HarnessError
from .process import run
from .pypi import pip_command

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from collections.abc import Mapping

    from .engine import Engine

CHECKOUT = Path(__file__).resolve().parents[3]
POETRY = "poetry>=2.2,<3"
REQUIREMENTS = (
    POETRY,
    "fastjsonschema>=2.18,<3",
    "installer>=0.7,<2",
    "nvidia-ml-py>=12.535",
    "packaging>=24.2",
    "PyYAML>=6.0",
    "tomlkit>=0.11.4,<1",
)

_PARTS = ("poetry_gpu_build", "policies", "docker", "pyproject.toml", "README.md", "LICENSE")
"""What the wheel is made of."""

_OURS = (
    "BUILD_FROM_SOURCE",
    "GPU_BUILD_",
    "TORCH_",
    "PYTORCH_",
    "MAX_JOBS",
    "BASE_IMAGE",
    "PYTHON_VERSION",
    "GET_PIP_",
)
_POETRYS = ("POETRY_", "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES")

_SCRIPT = """\
#!{python}
import sys
from poetry.console.application import main
sys.exit(main())
"""


def plugin_wheel() -> Path:
    """This checkout as a wheel, built again when a file that goes into it changes."""

    def make(folder: Path) -> None:
        run([*pip_command(), "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, CHECKOUT])

    folder = cached_folder("plugin", [sys.version, *_contents()], make)
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise HarnessError(f"{folder} holds {len(wheels)} wheels")
    return wheels[0]


def _contents() -> Iterator[str | bytes]:
    for part in _PARTS:
        path = CHECKOUT / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                yield str(file.relative_to(CHECKOUT))
                yield file.read_bytes()


@dataclass(frozen=True, slots=True)
class Poetry:
    """The `poetry` command, with this plugin beside it; docker is the engine's."""

    program: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, cwd: Path, timeout_s: float = 600.0) -> subprocess.CompletedProcess[str]:
        """Run `poetry` with these arguments; the exit code is the caller's to judge."""
        return run([self.program, *arguments], env=self.environment, cwd=cwd, check=False, timeout_s=timeout_s)

    def gpu_build(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run `poetry gpu-build`."""
        return self.run("gpu-build", *arguments, cwd=cwd)

    def built(self, *arguments: str, cwd: Path) -> str:
        """Run `poetry gpu-build`, which must succeed; what it and docker wrote to stderr."""
        result = self.gpu_build(*arguments, cwd=cwd)
        if result.returncode != 0:
            raise HarnessError(f"poetry gpu-build {arguments} exited with {result.returncode}:\n{result.stderr}")
        return result.stderr

    def with_env(self, **variables: str) -> Poetry:
        """The same command with these variables set."""
        return replace(self, environment={**self.environment, **variables})


def install_poetry(folder: Path, wheel: Path, engine: Engine) -> Poetry:
    """Make a virtual environment in `folder` with Poetry and the plugin's wheel in it."""
    base = _poetry_packages()
    environment = folder / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", environment])
    python = environment / "bin/python"
    purelib = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).stdout.strip())
    (purelib / "poetry-itself.pth").write_text(f"{base}\n", encoding="utf-8")
    run([*pip_command(), "--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel])
    program = environment / "bin/poetry"
    program.write_text(_SCRIPT.format(python=python), encoding="utf-8")
    program.chmod(0o755)
    return Poetry(program, _environment(engine, folder / "home"))


def _poetry_packages() -> Path:
    """A folder with the newest supported Poetry and all that it and the plugin require, installed once."""

    def make(folder: Path) -> None:
        target = ["--target", str(folder / "site")]
        run([*pip_command(), "--python", sys.executable, "install", "--quiet", *target, *REQUIREMENTS])

    return cached_folder("poetry", [sys.version, *REQUIREMENTS], make) / "site"


def _environment(engine: Engine, home: Path) -> dict[str, str]:
    """The engine's environment, without anything that would decide a plan or a Poetry setting."""
    home.mkdir()
    env = {name: value for name, value in engine.env().items() if not name.startswith((*_OURS, *_POETRYS))}
    return env | {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
