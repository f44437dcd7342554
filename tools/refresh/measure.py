"""Reads a wheel with the project's own reader, and says what its row of the facts must hold."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.utils import parse_wheel_filename

from poetry_gpu_build.binaries.fatbin import PTX
from poetry_gpu_build.binaries.fatbin import SASS
from poetry_gpu_build.binaries.judgement import is_torch
from poetry_gpu_build.binaries.judgement import judge
from poetry_gpu_build.binaries.read import read_path
from poetry_gpu_build.binaries.wheel import zip_faults
from poetry_gpu_build.errors import UnreadableBinaryError
from poetry_gpu_build.facts.evidence import MEASURED
from poetry_gpu_build.torch_pin import PYPI
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import TorchBuild
from tools.refresh.comparison import Measured

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from pathlib import Path

    from poetry_gpu_build.binaries.contents import Contents
    from poetry_gpu_build.binaries.judgement import Judged
    from poetry_gpu_build.binaries.library import Library
    from poetry_gpu_build.coverage.code import Architecture
    from poetry_gpu_build.facts.rows import CompatibilityFacts

_TORCH_PYTHON = "torch/lib/libtorch_python.so"
_VERSION_FILE = "torch/version.py"
_VERSION = re.compile(r"^(?P<name>__version__|cuda|git_version)\b[^=\n]*= *'(?P<value>[^'\n]*)'", re.MULTILINE)
# What torch was told to compile for, as torch.cuda.get_arch_list() splits it: `sm_50 sm_60 compute_60`. Any text may
# stand right before it: its copy in the library begins with no zero byte.
_FLAGS = re.compile(rb"((?:sm|compute)_\d+[af]?(?: (?:sm|compute)_\d+[af]?)+)\x00")
_CUDNN = re.compile(r"^Requires-Dist: *nvidia-cudnn-cu\d+ *\(?==([\d.]+)", re.MULTILINE)
_REQUIRES_PYTHON = re.compile(r"^Requires-Python: *(\S.*?) *$", re.MULTILINE)


class Origin(NamedTuple):
    """Where and when a wheel was got."""

    listed_on: str
    """The index as the rows name it: ``PyPI``, or an address."""
    date: str
    sha256: str
    pythons: tuple[str, ...]
    """The CPythons for which its index lists a wheel of that release."""

    def evidence(self, how: str) -> dict[str, str]:
        """What a row says of how it is known; ``how`` names what was read."""
        of = "PyPI wheel" if self.listed_on == PYPI else f"wheel of {self.listed_on}"
        return {"status": MEASURED, "source": f"measured {self.date} on the {of}: {how}", "sha256": self.sha256}


class TorchWheel(NamedTuple):
    """What a torch wheel tells of itself."""

    build: TorchBuild
    cuda: str
    git: str
    sass: tuple[ComputeCapability, ...]
    """In at least half of the containers of libtorch_cuda.so."""
    ptx: tuple[ComputeCapability, ...]
    told_sass: tuple[ComputeCapability, ...]
    """By torch's own arch string, the ``sm_`` of ``torch.cuda.get_arch_list()``."""
    told_ptx: tuple[ComputeCapability, ...]
    """Its ``compute_``."""
    requires_python: str
    cudnn: str | None
    remarks: tuple[str, ...]


def measure(path: Path, facts: CompatibilityFacts, origin: Origin) -> Measured:
    """Read a wheel. Raises UnreadableBinaryError: it is corrupt, holds no GPU code, or contradicts itself."""
    name, version, _, _ = parse_wheel_filename(path.name)
    if canonicalize_name(name) == "torch":
        return _torch(path, read_torch(path, facts), origin)
    return _library(path, canonicalize_name(name), str(version), origin)


def read_torch(path: Path, facts: CompatibilityFacts) -> TorchWheel:
    """Read a torch wheel. Raises UnreadableBinaryError."""
    with zip_faults(path.name), zipfile.ZipFile(path) as archive:
        version = _member(archive, _VERSION_FILE.__eq__, path).decode()
        metadata = _member(archive, lambda name: name.endswith(".dist-info/METADATA"), path).decode()
        found = {match["name"]: match["value"] for match in _VERSION.finditer(version)}
        if "cuda" not in found:
            raise UnreadableBinaryError(
                f"{path.name} is torch {found.get('__version__')} without CUDA: there is nothing to measure",
                ways_out=("name a release whose wheel is compiled for CUDA",),
            )
        flags = _FLAGS.findall(_member(archive, _TORCH_PYTHON.__eq__, path))
    if len(set(flags)) != 1:
        raise UnreadableBinaryError(f"{path.name}: {_TORCH_PYTHON} holds {len(set(flags))} arch strings, not one")
    told = flags[0].decode().split()
    judged = _torch_library(read_path(path), path, facts)
    requires = _REQUIRES_PYTHON.search(metadata)
    cudnn = _CUDNN.search(metadata)
    build = TorchBuild.parse(found["__version__"])
    if build.variant is None:  # up to 2.0, the wheels on PyPI name no variant even inside
        build = TorchBuild(build.version, f"cu{found['cuda'].replace('.', '')}")
    return TorchWheel(
        build=build,
        cuda=found["cuda"],
        git=found.get("git_version", ""),
        sass=_plain(judged.sass),
        ptx=_plain(judged.ptx),
        told_sass=_told(told, "sm_"),
        told_ptx=_told(told, "compute_"),
        requires_python="" if requires is None else requires[1],
        cudnn=None if cudnn is None else cudnn[1],
        remarks=tuple(_fewer(judged)),
    )


def _torch(path: Path, torch: TorchWheel, origin: Origin) -> Measured:
    if (torch.sass, torch.ptx) != (torch.told_sass, torch.told_ptx):
        told = ", ".join(map(str, torch.told_sass))
        raise UnreadableBinaryError(
            f"{path.name} contradicts itself: libtorch_cuda.so holds {', '.join(map(str, torch.sass))} with PTX for "
            f"{', '.join(map(str, torch.ptx)) or 'nothing'}, and its arch string says {told} with PTX for "
            f"{', '.join(map(str, torch.told_ptx)) or 'nothing'}",
            ways_out=("write the row by hand, with the status conflict, and say in its note what was seen",),
        )
    read: dict[str, Any] = {
        "cuda": torch.cuda,
        "sass": [str(each) for each in torch.sass],
        "ptx": [str(each) for each in torch.ptx],
        "requires_python": torch.requires_python,
        "pythons": [*origin.pythons],
        "size_mb": round(path.stat().st_size / 1e6),
        "git": torch.git,
    }
    if torch.cudnn is not None:
        read["cudnn"] = torch.cudnn
    key = {"torch": torch.build.version, "variant": str(torch.build.variant)}
    how = f"fatbin walk of torch/lib/libtorch_cuda.so, arch string of {_TORCH_PYTHON}"
    return Measured("wheel", key, read, origin.evidence(how), torch.remarks)


def _library(path: Path, name: str, version: str, origin: Origin) -> Measured:
    libraries = read_path(path).libraries
    if not libraries:
        raise UnreadableBinaryError(f"{path.name} holds no GPU code", ways_out=("name a wheel that does",))
    portable = _in_most(libraries, PTX)
    read: dict[str, Any] = {
        "sass": [str(each) for each in _in_most(libraries, SASS)],
        # Older PTX stands beside it for single kernels, and is never the one that a newer card needs.
        "ptx": [str(each) for each in portable[-1:]],
    }
    how = f"fatbin walk, in most of {len(libraries)} libraries" if len(libraries) > 1 else "fatbin walk"
    remarks = tuple(map(_described, libraries))
    return Measured("library", {"name": name, "version": version}, read, origin.evidence(how), remarks)


def _in_most(libraries: Iterable[Library], kind: str) -> tuple[ComputeCapability, ...]:
    """What is in more than half of a wheel's libraries: one of cuDNN's five keeps what the others have dropped."""
    each = [{held.code.architecture for held in library.held if held.code.kind == kind} for library in libraries]
    plain = [set(_plain(architectures)) for architectures in each]
    return tuple(sorted(code for code in set().union(*plain) if 2 * sum(code in one for one in plain) > len(plain)))


def _torch_library(contents: Contents, path: Path, facts: CompatibilityFacts) -> Judged:
    for judged in judge(contents, (), facts).deciding:
        if is_torch(judged.library.path):
            return judged
    raise UnreadableBinaryError(f"{path.name} holds no libtorch_cuda.so with GPU code")


def _fewer(judged: Judged) -> Iterable[str]:
    """What does not count, because it is in less than half of the containers."""
    counted = {*judged.sass, *judged.ptx}
    for held in judged.library.held:
        if held.code.architecture not in counted:
            where = f"in {held.containers} of {judged.library.containers} containers"
            yield f"{held.code.kind} {held.code.architecture.sm} {where}"


def _described(library: Library) -> str:
    codes = " ".join(f"{held.code.kind}:{held.code.architecture.sm}={held.containers}" for held in library.held)
    return f"{library.path}, {library.containers} containers: {codes}"


def _plain(architectures: Iterable[Architecture]) -> tuple[ComputeCapability, ...]:
    """Without the suffixes, which a row of the facts has no room for: `sm_90a` is 9.0."""
    return tuple(sorted({architecture.capability for architecture in architectures}))


def _told(flags: list[str], prefix: str) -> tuple[ComputeCapability, ...]:
    named = {flag.rstrip("af") for flag in flags if flag.startswith(prefix)}
    return tuple(sorted(map(ComputeCapability.parse, named)))


def _member(archive: zipfile.ZipFile, wanted: Callable[[str], bool], path: Path) -> bytes:
    for name in archive.namelist():
        if wanted(name):
            return archive.read(name)
    raise UnreadableBinaryError(f"{path.name} is no wheel of torch: a file is missing that every one of them has")
