"""The build: the Dockerfile that was chosen, its steps, and the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.case import Case
from poetry_gpu_build.doctor.explain.case import Example
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.situation import Situation

_SIGNAL_9 = 137
_SHELL = {126: "126: the program is not executable", 127: "127: there is no such program in the image"}


class SelectionExpression(Case):
    """Compose was told a Dockerfile that cannot exist: the switch's value is part of its name.

    `docker/${BUILD_FROM_SOURCE:+Dockerfile.source}${BUILD_FROM_SOURCE:-Dockerfile}` gives Dockerfile.sourcetrue for
    true, and Dockerfile.sourcefalse for false: the second half yields the value whenever it is set. Compose cannot
    compare values, so no expression does what is meant.
    """

    name = "selection-expression"
    hints = ("Dockerfile.source",)
    patterns = (
        lazy_pattern(
            r"(?:open|stat|lstat|Dockerfile path:|dockerfile:) ?[\w./ :-]{0,200}"
            r"(?P<file>Dockerfile\.source(?:true|false|yes|no|on|off|TRUE|FALSE|True|False|[01]))(?!\w)"
        ),
    )
    examples = (
        Example(
            "failed to solve: failed to read dockerfile: open docker/Dockerfile.sourcetrue: no such file or directory",
            {"file": "Dockerfile.sourcetrue"},
        ),
        Example(
            "unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat "
            "/src/docker/Dockerfile.sourcefalse: no such file or directory",
            {"file": "Dockerfile.sourcefalse"},
        ),
        Example(
            "failed to solve: failed to read dockerfile: open Dockerfile.source1: no such file or directory",
            {"file": "Dockerfile.source1"},
        ),
    )
    lookalikes = (
        "failed to read dockerfile: open docker/Dockerfile.source: no such file or directory",
        "open docker/Dockerfile.sources: no such file or directory",
    )

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Two files, one variable."""
        policy = situation.policy
        yield f"the modes' files are {policy.binary.dockerfile} and {policy.source.dockerfile}"

    def ways(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Name the file."""
        default = situation.policy.binary.dockerfile
        yield f"in {situation.policy.compose_file}: dockerfile: ${{GPU_BUILD_DOCKERFILE:-{default}}}"
        yield "poetry gpu-build up: sets it by the plan; poetry gpu-build rule GPU402: why no expression does it"
        yield f"until then: GPU_BUILD_DOCKERFILE={situation.policy.source.dockerfile} docker compose up --build"


class NoDockerfile(Case):
    """The Dockerfile is not where it is looked for.

    Its path is taken from the build context (Compose: from `context:`), not from where the command is typed; or it is
    kept out by .dockerignore.
    """

    name = "no-dockerfile"
    hints = ("failed to read dockerfile: open", "evaluate symlinks in Dockerfile path")
    patterns = (
        lazy_pattern(r"failed to read dockerfile: open (?P<file>[^\s:]{1,200}): no such file or directory"),
        lazy_pattern(r"symlinks in Dockerfile path: lstat (?P<file>[^\s:]{1,200}): no such file or directory"),
    )
    identity = ("file",)
    examples = (
        Example(
            "ERROR: failed to solve: failed to read dockerfile: open docker/Dockerfile.gpu: no such file or directory",
            {"file": "docker/Dockerfile.gpu"},
        ),
    )
    lookalikes = (
        "failed to read dockerfile: open docker/Dockerfile.sourcetrue: no such file or directory",
        "failed to read dockerfile: open docker/Dockerfile: permission denied",
    )

    def applies(self, values: Mapping[str, str], _situation: Situation) -> bool:
        """Not where the name itself tells what went wrong."""
        return SelectionExpression.patterns[0].search(f"open {values['file']}") is None

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Where they are looked for."""
        policy = situation.policy
        yield (
            f"by the settings: {policy.binary.dockerfile} and {policy.source.dockerfile}, in the context "
            f"{policy.context}"
        )

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Write it or name it."""
        yield "poetry gpu-build init: writes docker/ into the project, and overwrites nothing"
        yield (
            "modes.binary.dockerfile and modes.source.dockerfile in [tool.gpu-build]: their paths from the "
            "project's root"
        )


class CopyNotFound(Case):
    """COPY names a file that is not in the build context.

    It does not exist, or .dockerignore keeps it out. By the policy poetry.lock stays out of the images (lock =
    "exclude"): a Dockerfile that copies it by name then fails.
    """

    name = "copy-not-found"
    hints = ("failed to compute cache key", "failed to calculate checksum", "excluded by .dockerignore")
    patterns = (
        lazy_pattern(
            r'failed to (?:compute cache key|calculate checksum).{0,200}?: \\?"(?P<file>/[^"\\]{1,200})\\?": not found'
        ),
        lazy_pattern(
            r"COPY failed: file not found in build context or excluded by \.dockerignore: stat (?P<file>[^\s:]{1,200})"
        ),
    )
    identity = ("file",)
    references = ("Onelevenvy/flock#194", "cheran-senthil/TLE#472")
    examples = (
        Example(
            "failed to solve: failed to compute cache key: failed to calculate checksum of ref 3d110d9c::hhgkutn4: "
            '"/poetry.lock": not found',
            {"file": "/poetry.lock"},
        ),
        Example(
            "COPY failed: file not found in build context or excluded by .dockerignore: stat "
            "poetry.lock: file does not exist",
            {"file": "poetry.lock"},
        ),
    )
    lookalikes = ("failed to compute cache key: failed to copy: httpReadSeeker: failed open: 403 Forbidden",)

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The lock is a matter of policy."""
        if values["file"].endswith("poetry.lock"):
            yield f'the policy says lock = "{situation.policy.lock}"'

    def ways(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The name, the ignore file, the setting."""
        if values["file"].endswith("poetry.lock") and situation.policy.lock == "exclude":
            yield (
                "COPY pyproject.toml poetry.lock* ./: a pattern that finds nothing is no error, beside a "
                "file that is there"
            )
            yield 'or lock = "require" in [tool.gpu-build], and take poetry.lock out of .dockerignore'
        yield "<Dockerfile>.dockerignore beside the Dockerfile replaces .dockerignore: look in both"
        yield "poetry gpu-build lint: what the ignore files keep out"


class NoSpace(Case):
    """The disk is full: the builder's, seldom the project's.

    A compile of torch takes tens of GB, an image with torch some 10 GB, and BuildKit keeps what it built.
    """

    name = "no-space"
    hints = ("o space left on device", "Disk quota exceeded")
    patterns = (lazy_pattern(r"[Nn]o space left on device|Disk quota exceeded"),)
    examples = (
        Example("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"),
        Example(
            "failed to copy: failed to send write: write /var/lib/docker/buildkit/content: no space left on device"
        ),
    )
    lookalikes = ("CUDA out of memory.", "No space between tokens")

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """See, then prune."""
        yield "docker system df; df -h /var/lib/docker /tmp: whose disk it is"
        yield "docker builder prune --keep-storage 50GB: the cache mounts (ccache, pip) go too if they are the oldest"
        yield "docker image prune: images without a name"


class KilledStep(Case):
    """A step of the build was ended from outside: exit code 137 is SIGKILL, nearly always the memory.

    The kernel, or the memory limit of the container, ends the largest process: in a compile of torch a compiler or the
    linker.
    """

    name = "step-killed"
    hints = ("exit code: 137", "status 137", "code 137", "OOMKilled")
    patterns = (
        lazy_pattern(r"exit code: 137(?!\d)"),
        lazy_pattern(r"exit(?:ed with)? (?:status|code) 137(?!\d)"),
        lazy_pattern(r'"OOMKilled": ?true'),
    )
    examples = (
        Example(
            'ERROR: process "/bin/sh -c python setup.py bdist_wheel" did not complete successfully: exit code: 137'
        ),
    )
    lookalikes = ("exit code: 1370", "did not complete successfully: exit code: 1")

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The policy's measure."""
        yield (
            f"the compile counts {situation.policy.memory_per_job:g} GiB of free memory for each job: "
            "modes.source.memory-per-job in [tool.gpu-build]"
        )

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Fewer at once, more memory, or who it was."""
        yield "poetry gpu-build --from-source --build-arg MAX_JOBS=2"
        yield (
            "more memory or swap for the builder: Docker Desktop, WSL2 and CI runners give it less than the machine has"
        )
        yield "sudo dmesg | grep -i 'killed process': whether it was the memory"


class FailedStep(Case):
    """A step of the build failed; why stands in the lines above it.

    The exit code is that of the last program in it, and says little: the text holds no error that is known here.
    """

    name = "step-failed"
    weak = True
    hints = ("did not complete successfully: exit code",)
    patterns = (lazy_pattern(r"did not complete successfully: exit code: (?P<code>\d{1,3})(?!\d)"),)
    details = (lazy_pattern(r"> \[(?P<step>[^\]]{1,200})\]"),)
    identity = ("code",)
    examples = (
        Example(
            ' > [app 5/9] RUN poetry install:\nERROR: process "/bin/sh -c poetry install" did not complete '
            "successfully: exit code: 1",
            {"code": "1", "step": "app 5/9"},
        ),
    )
    lookalikes = ("did not complete successfully: exit code: 1370",)

    def applies(self, values: Mapping[str, str], _situation: Situation) -> bool:
        """137 is told apart."""
        return int(values["code"]) != _SIGNAL_9

    def here(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """What a shell means by it."""
        meaning = _SHELL.get(int(values["code"]))
        if meaning is not None:
            yield meaning

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The whole log."""
        yield "docker buildx build --progress=plain … 2>&1 | poetry gpu-build doctor --explain=-: the whole output"
        yield "docker buildx history logs: the output of the last build"
