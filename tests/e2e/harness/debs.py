"""Debian packages without installing them: a private apt root, downloads, and unpacking.

The mirror's address is asked of the machine's own apt each time and is never written down here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .process import HarnessError
from .process import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator


KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Verifies every suite of the Debian archive; the package debian-archive-keyring is in every Debian."""

_INRELEASE = re.compile(r"^'(?P<uri>\S+?)/?dists/(?P<suite>[^/']+)/InRelease'")


@dataclasses.dataclass(frozen=True, slots=True)
class Repository:
    """One suite of one mirror."""

    uri: str
    suite: str
    components: tuple[str, ...] = ("main",)

    def as_source(self) -> str:
        """The repository as a stanza of a deb822 sources file."""
        return (
            f"Types: deb\nURIs: {self.uri}\nSuites: {self.suite}\n"
            f"Components: {' '.join(self.components)}\nSigned-By: {KEYRING}\n"
        )


class AptRoot:
    """A folder in which apt keeps its own sources, lists and archives, apart from the machine's."""

    def __init__(self, folder: Path, repositories: tuple[Repository, ...]) -> None:
        self._folder = folder
        sources = folder / "sources"
        for needed in (sources, folder / "state/lists/partial", folder / "cache/archives/partial"):
            needed.mkdir(parents=True, exist_ok=True)
        for number, repository in enumerate(repositories):
            (sources / f"{number}.sources").write_text(repository.as_source())

    def update(self) -> None:
        """Fetch the package lists; a signature that the Debian keyring does not verify is an error."""
        self._apt("update", "--error-on=any")

    def download(self, *packages: str) -> list[Path]:
        """Download exactly these packages, without what they depend on."""
        target = self._folder / "downloads"
        target.mkdir(exist_ok=True)
        # An empty dpkg status: the suite decides the version, not what the machine has installed.
        self._apt("-o", "Dir::State::status=/dev/null", "download", *packages, cwd=target)
        return sorted(target.glob("*.deb"))

    def download_missing(self, *packages: str) -> list[Path]:
        """Download these packages and those of their dependencies that the machine has not installed."""
        self._apt("install", "--download-only", "--reinstall", "--yes", "--no-install-recommends", *packages)
        return sorted((self._folder / "cache/archives").glob("*.deb"))

    def _apt(self, *arguments: str, cwd: Path | None = None) -> None:
        folder = self._folder
        configuration = folder / "apt.conf"
        configuration.write_text(
            'Dir::Etc::sourcelist "/dev/null";\n'
            f'Dir::Etc::sourceparts "{folder}/sources";\n'
            f'Dir::State::lists "{folder}/state/lists";\n'
            f'Dir::Cache "{folder}/cache";\n'
            # Root's cache folder is closed to the user that apt would download as.
            'APT::Sandbox::User "root";\n'
            # The machine's hooks (package notifiers, the emptying of archives) are not for this root.
            "#clear APT::Update;\n#clear DPkg;\n"
        )
        run(["apt-get", "-qq", "-c", configuration, *arguments], cwd=cwd)


def debian_codename() -> str:
    """The machine's suite, such as bookworm."""
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip('"')
    raise HarnessError("/etc/os-release names no VERSION_CODENAME: is this Debian?")


@functools.cache
def machine_repositories() -> tuple[Repository, ...]:
    """The Debian suites that the machine's apt is set up for: the release first, then updates and security.

    Asked with `--print-uris`, which reads both forms of source files and needs no package lists.
    """
    codename = debian_codename()
    printed = run(["apt-get", "update", "--print-uris"]).stdout.splitlines()
    listed = [Repository(match["uri"], match["suite"]) for match in map(_INRELEASE.match, printed) if match]
    found = []
    for suite in (codename, f"{codename}-updates", f"{codename}-security"):
        candidates = list(dict.fromkeys(repository for repository in listed if repository.suite == suite))
        # A third party may call its suite by the same name: what Debian has signed is Debian's.
        genuine = candidates if len(candidates) < 2 else list(filter(_is_debian, candidates))
        found += genuine[:1]
    if not found or found[0].suite != codename:
        raise HarnessError(f"apt's sources name no {codename} suite of the Debian archive")
    return tuple(found)


def _is_debian(repository: Repository) -> bool:
    try:
        with apt_root(repository):
            return True
    except HarnessError:
        return False


def debian_repository(suite: str, *components: str) -> Repository:
    """A suite of the Debian archive, from the mirror that the machine uses for its own release."""
    return Repository(machine_repositories()[0].uri, suite, components or ("main",))


@contextlib.contextmanager
def apt_root(*repositories: Repository) -> Iterator[AptRoot]:
    """A private apt root with fresh package lists, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gpu-build-apt-") as folder:
        root = AptRoot(Path(folder), repositories)
        root.update()
        yield root


def unpack(debs: Iterable[Path], target: Path) -> None:
    """Unpack packages as files: no maintainer script runs."""
    for deb in debs:
        run(["dpkg-deb", "-x", deb, target])


def fetch(target: Path, repository: Repository, *packages: str) -> None:
    """Download packages from a repository and unpack them into `target`, without what they depend on."""
    with apt_root(repository) as root:
        unpack(root.download(*packages), target)


def architecture() -> str:
    """Debian's name for the machine's processor, such as amd64."""
    return run(["dpkg", "--print-architecture"]).stdout.strip()
