"""A Debian bookworm root file system for images, with what CUDA images and Dockerfiles of a project need in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .cache import cached_folder
from .debs import KEYRING
from .debs import Repository
from .debs import apt_root
from .debs import architecture
from .debs import machine_repositories
from .debs import unpack
from .process import run

SUITE = "bookworm"
PYTHON = "3.11"

_PACKAGES = (
    # What Dockerfiles ask apt for: being there already makes that step a matter of a second.
    *("build-essential", "ca-certificates", "ccache", "cmake", "curl", "git", "ninja-build", "openssh-client"),
    *(f"python{PYTHON}", f"python{PYTHON}-dev", f"python{PYTHON}-venv"),
    # ubuntu22.04's compiler, and the newest that nvcc 11.8 accepts.
    "g++-11",
)

_MACHINE_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def certificate_bundle() -> bytes | None:
    """The authorities that this machine trusts; None when it has no bundle (then the image's own package decides)."""
    named = os.environ.get("SSL_CERT_FILE")
    for path in (Path(named) if named else _MACHINE_BUNDLE, _MACHINE_BUNDLE):
        if path.is_file():
            return path.read_bytes()
    return None


def root_filesystem() -> Path:
    """A tar file of the root file system, made on first use (a minute or two)."""
    repositories = _repositories()
    sources = [repository.as_source() for repository in repositories]
    recipe: list[str | bytes] = [architecture(), *sources, _apt_settings(), Path(__file__).read_bytes()]

    def make(folder: Path) -> None:
        root = folder / "root"
        _debootstrap(root, repositories[0])
        _furnish(root, repositories)
        run(["tar", "--create", "--numeric-owner", "--one-file-system", "-f", folder / "rootfs.tar", "-C", root, "."])
        shutil.rmtree(root)

    return cached_folder("rootfs", recipe, make) / "rootfs.tar"


def _repositories() -> tuple[Repository, ...]:
    """bookworm's suites from the machine's mirror; only the release when the machine runs another suite."""
    own = machine_repositories()
    if own[0].suite == SUITE:
        return own
    return (Repository(own[0].uri, SUITE),)


def _apt_settings() -> str:
    """What the machine's apt is told about fetching, such as a proxy or a mirror that stands still in time."""
    wanted = ("Acquire::Check-", "Acquire::http", "Acquire::Retries")
    dumped = run(["apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', "Acquire"]).stdout
    return "".join(f"{line}\n" for line in dumped.splitlines() if line.startswith(wanted))


def _debootstrap(root: Path, repository: Repository) -> None:
    tools = root.parent / "tools"
    # The machine's own dpkg status decides what is missing: debootstrap always, wget on a bare machine.
    with apt_root(*machine_repositories()) as apt:
        unpack(apt.download_missing("debootstrap"), tools)
    env = dict(os.environ) | {
        "DEBOOTSTRAP_DIR": str(tools / "usr/share/debootstrap"),
        "PATH": os.pathsep.join([str(tools / "usr/bin"), str(tools / "usr/sbin"), "/usr/sbin:/usr/bin:/sbin:/bin"]),
        "LD_LIBRARY_PATH": str(tools / "usr/lib" / f"{os.uname().machine}-linux-gnu"),
    }
    script = tools / "usr/sbin/debootstrap"
    flags = ("--variant=minbase", f"--keyring={KEYRING}")
    run(["sh", script, *flags, repository.suite, root, repository.uri], env=env, timeout_s=900)
    shutil.rmtree(tools)


def _furnish(root: Path, repositories: tuple[Repository, ...]) -> None:
    """Install the packages, and make the root as silent about its making as a published image is."""
    (root / "etc/apt/sources.list").unlink(missing_ok=True)
    sources = "\n".join(repository.as_source() for repository in repositories)
    (root / "etc/apt/sources.list.d/debian.sources").write_text(sources)
    (root / "etc/apt/apt.conf.d/90machine").write_text(_apt_settings())
    bundle = certificate_bundle()
    if bundle is not None:
        # Before any package, as the mirror itself may speak https.
        place = root / _MACHINE_BUNDLE.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(bundle)
    _in_root(root, "apt-get", "-qq", "update")
    # Up to date now, so that no build of a test upgrades anything.
    _in_root(root, "apt-get", "-qq", "--yes", "upgrade")
    _in_root(root, "apt-get", "-qq", "--yes", "--no-install-recommends", "install", *_PACKAGES)
    _in_root(root, "apt-get", "clean")
    for listing in (root / "var/lib/apt/lists").iterdir():
        shutil.rmtree(listing) if listing.is_dir() else listing.unlink()
    # No build reads these; importing the root takes time by the file.
    for name in ("doc", "info", "locale", "man"):
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    for name in ("etc/resolv.conf", "etc/hostname"):
        (root / name).unlink(missing_ok=True)
    # Debian's Python refuses pip outside a virtual environment (PEP 668); that of ubuntu22.04, which this root
    # stands in for, does not.
    (root / f"usr/lib/python{PYTHON}/EXTERNALLY-MANAGED").unlink(missing_ok=True)
    for name in ("gcc", "g++"):
        (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{name}-11")


def _in_root(root: Path, *arguments: str) -> None:
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    run(["chroot", root, *arguments], env=env, timeout_s=900)
