"""What Poetry and pip do to torch, and what keeps them from installing at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.case import Case
from poetry_gpu_build.doctor.explain.case import Example
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.situation import Situation


class PoetryReplacesTorch(Case):
    """Poetry replaces or removes a torch that is installed.

    In a source image that is the compiled one: with a .pth in place `pip uninstall` empties /opt, hours of compiling
    gone with exit code 0. It happens where the versions differ, and in `poetry sync`, which removes what is not in the
    lock.
    """

    name = "poetry-replaces-torch"
    hints = ("Updating torch ", "Downgrading torch ", "Removing torch ", "Uninstalling torch-")
    patterns = (
        lazy_pattern(
            r"(?P<operation>Updating|Downgrading) torch \((?P<installed>[\w.+!-]{1,40}) -> (?P<locked>[\w.+!-]{1,40})"
        ),
        lazy_pattern(r"(?P<operation>Removing) torch \((?P<installed>[\w.+!-]{1,40})\)"),
        lazy_pattern(r"(?P<operation>Uninstalling) torch-(?P<installed>\d[\w.+!]{1,40}):"),
    )
    references = ("python-poetry/poetry#10273",)
    examples = (
        Example(
            "  - Updating torch (2.4.1 -> 2.7.1+cu128)",
            {"operation": "Updating", "installed": "2.4.1", "locked": "2.7.1+cu128"},
        ),
        Example(
            "  \x1b[34;1m-\x1b[39;22m \x1b[39mDowngrading \x1b[39m\x1b[36mtorch\x1b[39m\x1b[39m "
            "(\x1b[39m2.8.0 -> 2.7.1+cu128)",
            {"operation": "Downgrading", "installed": "2.8.0", "locked": "2.7.1+cu128"},
        ),
        Example("  • Removing torch (2.4.1)", {"operation": "Removing", "installed": "2.4.1"}),
        Example("    Uninstalling torch-2.4.1:", {"operation": "Uninstalling", "installed": "2.4.1"}),
    )
    lookalikes = ("  - Updating torchvision (0.19.1 -> 0.22.1)", "  - Installing torch (2.7.1+cu128)")

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Whose torch it was."""
        source = str(situation.policy.source.torch)
        if values["installed"] == source:
            yield (
                f"torch {source} is the one that the source mode compiles: in the source image this empties "
                f"{situation.policy.source_prefix}"
            )
        elif situation.told.is_source:
            yield f"the text speaks of the source image, whose torch lies in {situation.policy.source_prefix}"
        else:
            yield "in the binary image it is what the lock asks for, and costs a second layer with a torch"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The plugin in the image, then proof."""
        yield (
            "install the plugin beside Poetry in the image: pip install poetry poetry-gpu-build; it tells "
            "Poetry that torch is provided"
        )
        yield "poetry gpu-build swap --check: what is left of the compiled torch; build the image again if it is gone"
        yield "poetry config installer.builtin-uninstall true (Poetry 2.5.1): a folder under /opt is not emptied"


class PoetryInstallsTorch(Case):
    """Poetry installs a torch wheel.

    In the binary image that is meant. In a source image it puts a second torch beside the compiled one, and the binary
    one wins: POETRY_WITH and POETRY_WITHOUT do nothing without this plugin, and a main dependency that needs torch
    brings it in all the same.
    """

    name = "poetry-installs-torch"
    hints = ("Installing torch ",)
    patterns = (lazy_pattern(r"Installing torch \((?P<version>[\w.+!-]{1,40})\)(?!: Failed)"),)
    examples = (
        Example(
            "#14 [source 6/9] RUN poetry install --without binary-torch # Dockerfile.source\n"
            "  - Installing torch (2.7.1+cu128)",
            {"version": "2.7.1+cu128"},
        ),
    )
    lookalikes = ("  - Installing torch (2.5.1): Failed", "  - Installing torchvision (0.22.1+cu128)")
    weak = True

    def is_weak(self, situation: Situation) -> bool:
        """In the binary image it is as it should be."""
        return not situation.told.is_source

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """By the image."""
        group = situation.policy.torch_group
        if situation.told.is_source:
            yield "the text speaks of the source image: there it is wrong"
        yield f'poetry.lock must say groups = ["{group}"] for torch: with "main", leaving the group out changes nothing'

    def ways(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The group, and who asks for torch."""
        yield (
            f"[tool.poetry.group.{situation.policy.torch_group}] with optional = true; poetry gpu-build lint "
            "looks at it"
        )
        yield "poetry show --why torch: the dependency that asks for it"
        yield "install the plugin beside Poetry in the image: pip install poetry poetry-gpu-build"


class PoetryRemovesItself(Case):
    """Poetry removes itself.

    `poetry sync` (and `install --sync`) with virtualenvs.create = false removes from the interpreter whatever is not in
    the lock, and Poetry with it, if it lives there. The exit code is 0, and the next `poetry` is not found.
    """

    name = "poetry-removes-itself"
    hints = ("Removing poetry",)
    patterns = (lazy_pattern(r"Removing (?P<package>poetry(?:-core)?) \("),)
    examples = (Example("  - Removing poetry (2.5.1)", {"package": "poetry"}),)
    lookalikes = ("  - Removing poetry-plugin-export (1.9.0)", "Removing poetry.lock")

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Not sync, or not there."""
        yield "RUN poetry install, not sync, where virtualenvs.create = false"
        yield "or Poetry in a venv of its own: python3 -m venv /opt/poetry; the plugin goes in there with it"


class PoetryNoCandidates(Case):
    """The lock names a torch of which no wheel fits this image.

    No wheel for this Python, this platform (aarch64, macOS), or the index that the lock names has none: wheels of
    PyTorch's own indexes (`+cu128`) are not on PyPI.
    """

    name = "poetry-no-candidates"
    hints = ("Unable to find installation candidates",)
    patterns = (
        lazy_pattern(
            r"Unable to find installation candidates for (?P<package>torch\w{0,10}) \((?P<version>[\w.+!-]{1,40})\)"
        ),
    )
    details = (
        lazy_pattern(r"(?P<skipped>\d{1,4}) wheel\(s\) were skipped as your project's environment does not support"),
        lazy_pattern(r"lib/(?P<python>python3\.\d{1,2})/site-packages"),
    )
    identity = ("package",)
    references = ("python-poetry/poetry#10125", "python-poetry/poetry#7237", "suxrobGM/bookshelf-scanner#1")
    examples = (
        Example(
            "  - Installing torch (2.7.1+cu128): Failed\n\n    | Unable to find installation candidates for torch "
            "(2.7.1+cu128)\n    | \n    | This is likely not a Poetry issue.\n    | \n    |   - 24 candidate(s) were "
            "identified for the package\n    |   - 24 wheel(s) were skipped as your project's "
            "environment does not support "
            "the identified abi tags",
            {"package": "torch", "version": "2.7.1+cu128", "skipped": "24"},
        ),
    )
    lookalikes = ("Unable to find installation candidates for numpy (2.1.0)",)

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Python and index."""
        yield f"the images' Python is {situation.policy.python} (python in [tool.gpu-build])"
        if "skipped" in values:
            yield "the index has wheels of that version, and all are for another Python or platform"
        elif "+" in values["version"]:
            yield (
                "a version with + stands on PyTorch's own index alone: the project must name it as the source of torch"
            )

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The Python, the source, the lock."""
        variant = values["version"].partition("+")[2]
        if variant:
            yield f'[[tool.poetry.source]] url = "https://download.pytorch.org/whl/{variant}", priority = "explicit"'
        yield "poetry debug tags, in the image: what its Python takes; choose a torch that has wheels for it"
        yield "poetry lock --regenerate, after a change of the source or the version"


class PoetryHashes(Case):
    """The wheel that came is not the one that was locked.

    The index has replaced it, a proxy or a cache served something else, or the lock was made against another index.
    """

    name = "poetry-hashes"
    hints = ("not found in known hashes", "found (known hashes", "Invalid hashes")
    patterns = (
        lazy_pattern(r"Hash for (?P<package>[\w.-]{1,80}) \([\w.+!-]{1,40}\) from archive"),
        lazy_pattern(r"Invalid hashes \(sha256:.{0,80}\) for (?P<package>[\w.-]{1,80}) "),
    )
    identity = ("package",)
    references = ("zylon-ai/private-gpt#1611", "python-poetry/poetry#7146")
    examples = (
        Example(
            "Hash for torch (2.1.2) from archive torch-2.1.2-cp311-cp311-win_amd64.whl not found in known hashes (was: "
            "sha256:7ff818fc)",
            {"package": "torch"},
        ),
    )
    lookalikes = ("pip: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",)

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The cache, then the lock."""
        yield "poetry cache clear --all .: a download that was broken off"
        yield f"poetry lock --regenerate: the hashes of {values['package']} as the index has them now"


class PoetryStaleLock(Case):
    """poetry.lock does not fit pyproject.toml any more.

    pyproject.toml was changed after the lock was made. Poetry says so late in a build: after the base image, and after
    hours of compiling if that comes first.
    """

    name = "poetry-stale-lock"
    hints = ("changed significantly since poetry.lock",)
    patterns = (lazy_pattern(r"pyproject\.toml changed significantly since poetry\.lock was last generated"),)
    examples = (
        Example(
            "pyproject.toml changed significantly since poetry.lock was last generated. Run `poetry "
            "lock` to fix the lock file."
        ),
    )
    lookalikes = ("Warning: poetry.lock is not up to date with pyproject.toml of a plugin",)

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The policy on the lock."""
        if situation.policy.lock == "exclude":
            yield 'the policy keeps poetry.lock out of the images (lock = "exclude"): it came in, or this is the host'

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Lock, and check before the build."""
        yield "poetry lock"
        yield "poetry check --lock, before a build"


class PoetryUnsolvable(Case):
    """Poetry finds no set of versions that fits.

    All groups are resolved together, those that are never installed too: two torches in two groups cannot be locked,
    and a package that asks for a newer torch than the group pins stops the lock.
    """

    name = "poetry-unsolvable"
    hints = ("version solving failed",)
    patterns = (lazy_pattern(r"version solving failed"),)
    details = (
        lazy_pattern(
            r"(?P<package>[\w.-]{1,80})(?: \([^()]{1,80}\))? (?:depends on|requires) torch \((?P<torch>[^()]{1,80})\)"
        ),
    )
    references = ("python-poetry/poetry#4231",)
    examples = (
        Example(
            "Because torchvision (0.12.0+cu113) depends on torch (1.11.0+cu113)\n and my_package depends on torch "
            "(1.11.0), torchvision is forbidden.\nSo, because my_package depends on torchvision "
            "(0.12.0+cu113), version "
            "solving failed.",
            {"package": "my_package", "torch": "1.11.0"},
        ),
        Example("So, because app depends on pandas (>=3), version solving failed.", {}),
    )
    lookalikes = ("SAT solving failed",)

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The group's pin."""
        pinned = situation.pinned
        if pinned is not None and "torch" in values:
            yield f"the project asks for torch {pinned.pin.constraint!r}, at {pinned.pin.where}"
        if "torch" in values:
            yield "a compiled torch cannot be locked beside it: it is provided, not locked (the source mode's own)"

    def ways(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """One torch for all."""
        if "package" in values:
            yield (
                f"choose a {values['package']} that goes with the torch of the group "
                f"{situation.policy.torch_group}, or the other way"
            )
        yield "torchvision and torchaudio: of the same index and variant as torch, in the same group"
        yield "poetry lock -vv: which requirement excludes which"


class ExternallyManaged(Case):
    """pip refuses: the distribution manages this Python (PEP 668).

    Debian 12, Ubuntu 23.04 and newer mark their Python so. In an image of its own it is safe to overrule it; on a host
    it is not. Poetry does not ask, and fails at the first thing it should remove.
    """

    name = "externally-managed"
    hints = ("externally-managed-environment", "environment is externally managed")
    patterns = (lazy_pattern(r"externally-managed-environment|environment is externally managed"),)
    examples = (Example("error: externally-managed-environment\n\n\xd7 This environment is externally managed"),)
    lookalikes = ("WARNING: Running pip as the 'root' user",)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """In the image only."""
        yield "in the Dockerfile: ENV PIP_BREAK_SYSTEM_PACKAGES=1 (for Poetry's removals, too)"
        yield "on the host: a venv, or pipx; this plugin builds images, and installs nothing on a host"


class PoetryIndexNotJson(Case):
    """The package index answered with something that is not JSON.

    Poetry asks its built-in index (PyPI) by a JSON interface. A proxy that answers with a page of its own, a login, or
    a mirror that has only the simple interface ends so.
    """

    name = "poetry-index-not-json"
    hints = ("Expecting value: line 1 column 1",)
    patterns = (lazy_pattern(r"Expecting value: line 1 column 1 \(char 0\)"),)
    details = (
        lazy_pattern(
            r"(?P<by>[Pp]oetry|Resolving dependencies|Updating dependencies|Cannot install|(?:Invalid)?JSONDecodeError)"
        ),
    )
    needs = ("by",)
    examples = (
        Example(
            "Resolving dependencies... (1.2s)\n\n  JSONDecodeError\n\n  Expecting value: line 1 column 1 (char 0)",
            {"by": "JSONDecodeError"},
        ),
    )
    lookalikes = ("web: Expecting value: line 1 column 1 (char 0)",)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Name the mirror as a source."""
        yield '[[tool.poetry.source]] name = "mirror", url = "https://…/simple/", priority = "primary": not PyPI'
        yield "pip index versions torch --verbose, in the image: what the index answers"


class SourceNotExplicit(Case):
    """Every package is looked for on PyTorch's index.

    A source that is not explicit is asked for everything; PyTorch's index answers 403 for what it has not. The lock
    takes minutes, and may take packages from there that are older than PyPI's.
    """

    name = "source-not-explicit"
    hints = ("Authorization error accessing",)
    patterns = (
        lazy_pattern(r"Authorization error accessing (?P<index>https://download\.pytorch\.org/whl/\w{1,20})/(?!torch)"),
    )
    identity = ("index",)
    references = ("python-poetry/poetry#6409",)
    examples = (
        Example(
            "Source (pytorch-cpu): Authorization error accessing https://download.pytorch.org/whl/cpu/pexpect/",
            {"index": "https://download.pytorch.org/whl/cpu"},
        ),
    )
    lookalikes = ("Source (internal): Authorization error accessing https://example.org/simple/pexpect/",)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Explicit."""
        yield 'priority = "explicit" at that [[tool.poetry.source]], and source = "…" at torch and its companions alone'


class GroupNotFound(Case):
    """A dependency group is named that the project has not.

    `--with` and `--without` refuse it; a variable that names one (POETRY_WITH) only warns.
    """

    name = "group-not-found"
    hints = ("Group(s) not found",)
    patterns = (lazy_pattern(r"Group\(s\) not found: (?P<group>[\w.-]{1,80})"),)
    examples = (Example("Group(s) not found: binary-torch (via --without)", {"group": "binary-torch"}),)
    lookalikes = ("Group not found: docker",)

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Whether it is the policy's."""
        if values["group"] == situation.policy.torch_group:
            yield "it is the group that the policy expects torch in"

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Write it or name another."""
        yield f"poetry gpu-build init; or write [tool.poetry.group.{values['group']}] with optional = true"
        yield "or name the project's own: torch-group in [tool.gpu-build]"
