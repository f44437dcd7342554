"""Asks, before anything is built, whether this engine can build and will keep the result.

Every question answers in milliseconds where the engine is well; each has a limit for where it is not, because an
unreachable builder otherwise hangs for 20 s and a docker without buildx falls back to the legacy builder in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poetry_gpu_build.brief import run_briefly
from poetry_gpu_build.engine.caches import INLINE
from poetry_gpu_build.engine.caches import read_caches
from poetry_gpu_build.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from poetry_gpu_build.engine.options import BuildOptions

    Ask = Callable[[Sequence[str]], "Answer"]

TIMEOUT_SECONDS = 20
# More than any short answer; a docker that babbles fills no memory.
_MOST_BYTES = 64 * 2**20
# The driver of the daemon's own builder: it keeps what it builds, and is as alive as the daemon.
DOCKER_DRIVER = "docker"
# How `docker info` names the newer image store, and the caches that the daemon's builder can write with it.
CONTAINERD_STORE = "io.containerd.snapshotter"
CONTAINERD_CACHES = (INLINE, "local", "registry", "gha")
# A BuildKit that runs elsewhere.
REMOTE_DRIVER = "remote"
# "Driver: " may stand without a value, with the next field on the next line.
_FIELD = re.compile(r"^(?P<name>[A-Z][A-Za-z ]*):[ \t]*(?P<value>.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a short docker command said."""

    status: int | None
    """The exit status; None: it gave no answer within the limit."""
    output: str
    errors: str


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that can build: buildx's version, the builder and its driver."""

    buildx: str
    builder: str
    driver: str


def ask_docker(arguments: Sequence[str], *, instead: str = "plan without it: --dry-run") -> Answer:
    """Run a short docker command without input, within the limit; ``instead`` is the way out that needs no docker.

    Raises EngineUnavailableError where there is no docker.
    """
    try:
        ran = run_briefly(["docker", *arguments], timeout_s=TIMEOUT_SECONDS, most_bytes=_MOST_BYTES)
    except FileNotFoundError as error:
        raise EngineUnavailableError(
            "docker is not installed, or not on PATH",
            ways_out=("install Docker Engine 23 or newer with its buildx plugin", instead),
        ) from error
    except OSError as error:  # not executable, not a program
        raise EngineUnavailableError(
            f"docker cannot be run: {error.strerror or error}",
            ways_out=("check the docker on PATH: command -v docker", instead),
        ) from error
    if ran is None:
        return Answer(None, "", "")
    output, errors = (text.decode("utf-8", "replace").replace("\r\n", "\n") for text in (ran.out, ran.errors))
    return Answer(ran.status, output, errors)


def check_engine(options: BuildOptions, ask: Ask = ask_docker) -> Engine:
    """Find the engine that will build. Raises EngineUnavailableError, with what to do, for each way it could not."""
    buildx = _check_buildx(ask)
    name, driver = _check_builder(options.builder, ask)
    if driver == DOCKER_DRIVER or options.load:
        check_daemon(ask)
    if driver != DOCKER_DRIVER and not options.keeps_something:
        raise EngineUnavailableError(
            f"the builder {name} uses the driver {driver}, which keeps nothing of a build by itself",
            ways_out=("say where the image goes: --push, --load or --output", "or use another builder: --builder NAME"),
        )
    if driver == DOCKER_DRIVER:
        _check_image_store(options, ask)
    if options.allow:
        _check_bake_allows(buildx, ask)
    return Engine(buildx, name, driver)


def check_compose(ask: Ask = ask_docker) -> None:
    """Check that Compose and the daemon answer. Raises EngineUnavailableError."""
    answer = ask(["compose", "version"])
    if answer.status != 0:
        raise EngineUnavailableError(
            "this docker has no working Compose",
            ways_out=("install the Compose plugin: docker-compose-plugin, or docker-compose on Debian",),
        )
    check_daemon(ask)


def _check_buildx(ask: Ask) -> str:
    answer = ask(["buildx", "version"])
    if answer.status == 0:
        # github.com/docker/buildx v0.13.1 788433953af10f2a698f5c07611dddce2e08c7a0
        words = answer.output.split()
        return words[1].lstrip("v") if len(words) > 1 else "of unknown version"
    silence = quoted(answer, "docker buildx version") if answer.status is None else ""
    raise EngineUnavailableError(
        f"this docker has no working buildx{silence}, and would fall back to the legacy builder",
        ways_out=("install the buildx plugin: docker-buildx-plugin, or docker-buildx on Debian and Ubuntu",),
    )


def _check_builder(builder: str | None, ask: Ask) -> tuple[str, str]:
    """The builder's name and driver.

    `docker buildx inspect` exits 0 for a builder that is out of reach (measured on 0.13.1): its text must be read.
    """
    answer = ask(["buildx", "inspect", *([builder] if builder else [])])
    # The builder's own fields come before those of its nodes: of two with one name the first counts.
    told = [(match["name"], match["value"].strip()) for match in _FIELD.finditer(answer.output)]
    fields = dict(reversed(told))
    name = builder or fields.get("Name") or "default"
    driver, fault = fields.get("Driver", ""), fields.get("Error", "")
    if driver == REMOTE_DRIVER and ("Status", "running") not in told:
        # One that buildx starts itself may be inactive; a remote one is so only where nobody answers.
        fault = fault or f"{fields.get('Endpoint', 'its endpoint')} is {fields.get('Status', 'silent')}"
    if answer.status == 0 and driver and not fault:
        return name, driver
    if builder is None or driver == DOCKER_DRIVER:
        # This builder is the daemon: what is wrong with it, the daemon's own check says better.
        check_daemon(ask)
    reason = f" ({fault})" if fault else quoted(answer, f"docker buildx inspect {name}")
    raise EngineUnavailableError(
        f"the builder {name} does not answer{reason}",
        ways_out=(
            "list the builders: docker buildx ls",
            f"start it: docker buildx inspect --bootstrap {name}",
            "or choose another one: --builder NAME",
        ),
    )


def _check_image_store(options: BuildOptions, ask: Ask) -> None:
    """The daemon's builder exports what its image store can hold: the older one knows inline caches and gzip only.

    Asked for a cache, it says so itself, without the ways out; a compression it ignores without a word.
    """
    exports = [cache for cache in read_caches(options.cache_to) if cache.type != INLINE]
    compressed = options.compression is not None or any("compression=" in output for output in options.outputs)
    if not exports and not compressed:
        return
    is_newer = CONTAINERD_STORE in ask(["info", "--format", "{{json .DriverStatus}}"]).output
    if is_newer:
        unknown = [cache for cache in exports if cache.type not in CONTAINERD_CACHES]
        what = f"write a cache of type={unknown[0].type}" if unknown else ""
    else:
        what = f"write the cache {exports[0].written!r}" if exports else "choose how layers are compressed"
    if not what:
        return
    ways = ["make one that can, and name it with --builder: docker buildx create --driver docker-container --name NAME"]
    if not is_newer:
        ways.append(
            'or switch on the containerd image store: "features": {"containerd-snapshotter": true} in daemon.json'
        )
    if exports:
        ways.append("or keep the cache in the image: --cache-to type=inline, with --push")
    raise EngineUnavailableError(f"the builder of this Docker daemon cannot {what}", ways_out=tuple(ways))


def _check_bake_allows(buildx: str, ask: Ask) -> None:
    """`bake` learnt --allow later than `build`: 0.13.1 does not know it."""
    if "--allow" not in ask(["buildx", "bake", "--help"]).output:
        raise EngineUnavailableError(
            f"buildx {buildx} cannot grant entitlements to bake (--allow)", ways_out=("install a newer buildx",)
        )


def check_daemon(ask: Ask) -> None:
    """Check that the daemon answers. Raises EngineUnavailableError."""
    answer = ask(["version", "--format", "{{.Server.Version}}"])
    if answer.status == 0 and answer.output.strip():
        return
    raise EngineUnavailableError(
        "the Docker daemon does not answer" + quoted(answer, "docker version"),
        ways_out=(
            "start it: systemctl start docker, or Docker Desktop",
            "if it runs elsewhere, say where: DOCKER_HOST, or docker context use NAME",
        ),
    )


def quoted(answer: Answer, command: str) -> str:
    """The last line of what a command said was wrong, in brackets; empty where it said nothing."""
    if answer.status is None:
        return f" ({command} gave no answer within {TIMEOUT_SECONDS} s)"
    lines = answer.errors.strip().splitlines()
    return f" ({lines[-1].removeprefix('ERROR: ')})" if lines else ""
