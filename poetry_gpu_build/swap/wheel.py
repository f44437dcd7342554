"""The wheel that the compile left: checked before a byte of it is unpacked, then unpacked with `installer`."""

from __future__ import annotations

import hashlib
import stat
import warnings
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from typing import NamedTuple

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.records import parse_record_file
from installer.sources import WheelFile
from packaging.utils import InvalidWheelFilename
from packaging.utils import parse_wheel_filename
from packaging.version import InvalidVersion
from packaging.version import Version

from poetry_gpu_build.binaries.wheel import CautiousFile
from poetry_gpu_build.binaries.wheel import zip_faults
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import UnreadableBinaryError
from poetry_gpu_build.swap.tree import INSTALLER_NAME
from poetry_gpu_build.swap.tree import INSTALLER_TEXT
from poetry_gpu_build.swap.tree import TORCH
from poetry_gpu_build.swap.tree import UNINSTALLERS
from poetry_gpu_build.swap.tree import read_headers

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator

    from installer.records import RecordEntry
    from installer.utils import Scheme

_PATTERN = "torch-*.whl"
_HASH = "sha256"
# A compiled torch for every architecture takes 5 GB; deflate shrinks at best to a 1032nd, real wheels to a tenth.
_HIGHEST_RATIO, _RATIO_FROM_BYTES = 200, 2**28
_LONGEST_METADATA = 2**22


class Wheel(NamedTuple):
    """A wheel of torch that can be unpacked."""

    path: Path
    version: str
    digest: str
    """SHA-256 of the file: whether it is the one that was unpacked before."""


def find_wheel(path: Path) -> Path:
    """The wheel at a path: itself, or the only one of torch in a folder. Raises ConfigurationError."""
    if not path.is_dir():
        return path
    found = sorted(path.glob(_PATTERN))
    if len(found) == 1:
        return found[0]
    listed = ", ".join(wheel.name for wheel in found)
    raise ConfigurationError(
        f"{path} holds {len(found)} wheels of torch: {listed}" if found else f"{path} holds no wheel of torch",
        ways_out=("name the wheel itself: poetry gpu-build swap --apply dist/torch-….whl",),
    )


def check_wheel(path: Path) -> Wheel:
    """Read what a wheel says of itself, and refuse what must not be unpacked.

    Raises UnreadableBinaryError for a file that is no whole wheel, ConfigurationError for one that is not torch's.
    """
    name = path.name
    try:
        file_name, file_version, _, _ = parse_wheel_filename(name)
    except InvalidWheelFilename as error:
        raise ConfigurationError(
            f"{path} is not the name of a wheel", ways_out=("name the wheel that the compile left in dist/",)
        ) from error
    if file_name != TORCH:
        raise ConfigurationError(f"{name} is a wheel of {file_name}, not of torch")
    with _opened(path, name) as archive, zip_faults(name):
        _check_members(archive, path)
        wheel_name, version = _metadata(archive, name)
        if wheel_name != TORCH or not _same_version(version, file_version):
            raise UnreadableBinaryError(f"{name} says inside that it is {wheel_name} {version}")
        _check_record(archive, name)
    with path.open("rb") as file, zip_faults(name):
        digest = hashlib.sha256()
        while chunk := file.read(2**20):
            digest.update(chunk)
    return Wheel(path, version, digest.hexdigest())


def unpack_wheel(wheel: Wheel, folder: Path, python: Path, on_file: Callable[[str], None]) -> None:
    """Unpack a wheel that was checked into a folder, so that nobody can uninstall it.

    Its scripts are for the interpreter ``python``. Raises UnreadableBinaryError where a file is not what the wheel's
    RECORD says, and OSError.
    """
    name = wheel.path.name
    with _opened(wheel.path, name) as archive:
        source = WheelFile(archive)
        destination = _Destination(folder, python, _hashes(source), on_file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of __pycache__ folders, which are left out
            _install(source, destination, name)
        dist_info = folder / source.dist_info_dir
    for useless in UNINSTALLERS:
        dist_info.joinpath(useless).unlink(missing_ok=True)
    dist_info.joinpath(INSTALLER_NAME).write_text(INSTALLER_TEXT, encoding="utf-8")


def _install(source: WheelFile, destination: _Destination, name: str) -> None:
    try:
        install(source, destination, {})
    except FileExistsError as error:
        raise UnreadableBinaryError(f"{name} is corrupt: {error}") from error
    except OSError:
        raise
    except (
        InstallerError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        KeyError,
        NotImplementedError,
    ) as error:
        raise UnreadableBinaryError(f"{name} is corrupt: {error}") from error


class _Destination(SchemeDictionaryDestination):
    """The layout of `pip install --target`; compares what is written with RECORD, and writes none."""

    def __init__(self, folder: Path, python: Path, hashes: dict[str, str], on_file: Callable[[str], None]) -> None:
        root = str(folder)
        schemes = dict.fromkeys(("purelib", "platlib", "data"), root)
        schemes |= {"scripts": f"{root}/bin", "headers": f"{root}/include"}
        super().__init__(schemes, interpreter=str(python), script_kind="posix", hash_algorithm=_HASH)
        self._hashes = hashes
        self._on_file = on_file

    def write_to_fs(self, scheme: Scheme, path: str, stream: object, is_executable: bool) -> RecordEntry:  # noqa: FBT001
        self._on_file(path)
        written: RecordEntry = super().write_to_fs(scheme, path, stream, is_executable)  # type: ignore[arg-type]
        wanted = self._hashes.get(path) if scheme in ("purelib", "platlib") else None
        if wanted is not None and written.hash_ is not None and written.hash_.value != wanted:
            raise ValueError(f"{path} is not what its RECORD says")
        return written

    def finalize_installation(
        self, scheme: Scheme, record_file_path: str, records: Iterable[tuple[Scheme, RecordEntry]]
    ) -> None:
        """Write no RECORD."""


@contextmanager
def _opened(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    """Open a wheel; what is wrong with it as a ZIP file is an error here, what the block raises is not touched."""
    with zip_faults(name):
        file = CautiousFile(path)
    with file:
        with zip_faults(name):
            archive = zipfile.ZipFile(file)
        with archive:
            yield archive


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    members = archive.infolist()
    for member in members:
        name = member.filename
        parts = PurePosixPath(name).parts
        mode = member.external_attr >> 16
        if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or not parts:
            raise UnreadableBinaryError(f"{path.name} would write outside its folder: {name!r}")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UnreadableBinaryError(f"{path.name} holds something that is no file, such as a link: {name!r}")
        if member.flag_bits & 0x1:
            raise UnreadableBinaryError(f"{path.name} is encrypted")
    size = path.stat().st_size
    if sum(member.compress_size for member in members) > size:
        raise UnreadableBinaryError(f"{path.name} is corrupt: its files overlap")
    unpacked = sum(member.file_size for member in members)
    if unpacked > max(_RATIO_FROM_BYTES, _HIGHEST_RATIO * size):
        raise UnreadableBinaryError(f"{path.name} would unpack to {unpacked:,} bytes from {size:,}: no wheel does")


def _metadata(archive: zipfile.ZipFile, name: str) -> tuple[str, str]:
    found = {top for member in archive.namelist() if (top := member.partition("/")[0]).endswith(".dist-info")}
    if len(found) != 1:
        listed = ", ".join(sorted(found)) or "none"
        raise UnreadableBinaryError(f"{name} must hold one dist-info folder, and holds: {listed}")
    for wanted in ("METADATA", "WHEEL", "RECORD"):
        try:
            size = archive.getinfo(f"{min(found)}/{wanted}").file_size
        except KeyError as error:
            raise UnreadableBinaryError(f"{name} has no {wanted}") from error
        if size > _LONGEST_METADATA:
            raise UnreadableBinaryError(f"{name}: its {wanted} would take {size:,} bytes")
    return read_headers(archive.read(f"{min(found)}/METADATA"))


def _check_record(archive: zipfile.ZipFile, name: str) -> None:
    """Whether RECORD names all files, and no others; their contents are compared as they are written."""
    source = WheelFile(archive)
    try:
        listed = _record(source)
        # Only of SHA-256 are the hashes there when a file has been written.
        other_hashes = any(hash_ and not hash_.startswith(f"{_HASH}=") for hash_ in listed.values())
        source.validate_record(validate_contents=other_hashes)
    except (InstallerError, ValueError) as error:
        issues = getattr(error, "issues", None) or [str(error)]
        raise UnreadableBinaryError(f"{name} is corrupt: {issues[0]}") from error
    missing = listed.keys() - set(archive.namelist())
    if missing:
        raise UnreadableBinaryError(f"{name} is not whole: {min(missing)} is in its RECORD and not in it")


def _hashes(source: WheelFile) -> dict[str, str]:
    return {path: value.removeprefix(f"{_HASH}=") for path, value in _record(source).items() if value.startswith(_HASH)}


def _record(source: WheelFile) -> dict[str, str]:
    """What RECORD says: each file's hash, by its path."""
    return {path: hash_ for path, hash_, _ in parse_record_file(source.read_dist_info("RECORD").splitlines())}


def _same_version(version: str, other: Version) -> bool:
    try:
        return Version(version) == other
    except InvalidVersion:
        return False
