"""What builds: the docker daemon, buildx, and the registry that the base image comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.case import Case
from poetry_gpu_build.doctor.explain.case import Example
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.situation import Situation


class ImageGone(Case):
    """The base image's tag does not exist, or no longer.

    NVIDIA takes tags of nvidia/cuda away some time after a version's end of life, and never had some that look right
    (`11.1-…` without the patch number).
    """

    name = "base-image-gone"
    hints = ("manifest unknown", ": not found", "manifest for ")
    patterns = (
        lazy_pattern(r"manifest for (?P<image>[\w./:@-]{3,200}) not found"),
        lazy_pattern(r"(?:docker\.io/|nvcr\.io/|ghcr\.io/)(?P<image>[\w./-]{3,150}:[\w.-]{1,128}): not found"),
        lazy_pattern(r"reading manifest (?P<tag>[\w.-]{1,128}) in (?P<image>[\w./-]{3,150}): manifest unknown"),
    )
    identity = ("image",)
    references = ("NVIDIA/nvidia-docker#1735", "NVIDIA/nvidia-docker#1768", "NVlabs/BundleSDF#30")
    examples = (
        Example(
            "docker: Error response from daemon: manifest for nvidia/cuda:11.0-base-ubuntu20.04 not found: manifest "
            "unknown: manifest unknown.",
            {"image": "nvidia/cuda:11.0-base-ubuntu20.04"},
        ),
        Example(
            "ERROR: failed to solve: nvidia/cuda:11.3.0-cudnn8-devel-ubuntu20.04: "
            "docker.io/nvidia/cuda:11.3.0-cudnn8-devel-ubuntu20.04: not found",
            {"image": "nvidia/cuda:11.3.0-cudnn8-devel-ubuntu20.04"},
        ),
        Example(
            "reading manifest 10.2-cudnn7-devel-ubuntu18.04 in docker.io/nvidia/cuda: manifest unknown: "
            "manifest unknown",
            {"tag": "10.2-cudnn7-devel-ubuntu18.04", "image": "docker.io/nvidia/cuda"},
        ),
    )
    lookalikes = (
        '"/poetry.lock": not found',
        "/bin/sh: 1: nvcc: not found",
        "toomanyrequests: You have reached your pull rate limit.",
    )

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Whose it is."""
        for mode in (situation.policy.binary, situation.policy.source):
            if mode.base_image.endswith(values["image"]):
                yield f"it is the base image of the {mode.name} mode"

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Look, choose, keep."""
        yield (
            f"docker buildx imagetools inspect {values['image']}: whether the registry has it, before hours "
            "of compiling"
        )
        yield (
            "choose a tag that exists: the last patch of the same CUDA (11.8.0, 12.8.1): modes.source.base-image "
            "in [tool.gpu-build]"
        )
        yield "keep a copy of what you build on in a registry of your own"


class PullLimit(Case):
    """The registry's limit of pulls is reached.

    Docker Hub counts anonymous pulls by address: a CI's runners share one.
    """

    name = "pull-limit"
    hints = ("toomanyrequests", "pull rate limit")
    patterns = (lazy_pattern(r"toomanyrequests|(?:reached|exceeded) your (?:unauthenticated )?pull rate limit"),)
    examples = (
        Example("toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating"),
    )
    lookalikes = ("429 Too Many Requests for url: https://download.pytorch.org/whl/cu128/torch/",)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Log in, or mirror."""
        yield "docker login: a login has a limit of its own"
        yield '"registry-mirrors" in /etc/docker/daemon.json, or a copy of the base image in a registry of your own'


class PullDenied(Case):
    """The registry does not hand the image out: there is none of that name, or a login is needed.

    A name without a registry is looked for on Docker Hub: an image that only this machine was to have (a block, the
    result of another build) was not built yet, or lies in another builder.
    """

    name = "pull-denied"
    hints = ("pull access denied", "insufficient_scope", "401 Unauthorized")
    patterns = (
        lazy_pattern(r"pull access denied for (?P<image>[\w./:@-]{2,200}), repository does not exist"),
        lazy_pattern(r"source metadata for (?P<image>[\w./:@-]{2,200}): pull access denied"),
        lazy_pattern(r"pull access denied, repository does not exist|insufficient_scope: authorization failed"),
        lazy_pattern(r"HEAD request to https://(?P<image>[\w./:-]{3,200}): 401 Unauthorized"),
    )
    identity = ("image",)
    references = ("NVIDIA/DCGM#240", "NVIDIA/cuml#5524", "eclipse-openj9/openj9#22441")
    examples = (
        Example(
            "failed to solve: dcgm/toolchain:4.0.0: failed to resolve source metadata for "
            "docker.io/dcgm/toolchain:4.0.0: pull access denied, repository does not exist or may require "
            "authorization: server message: insufficient_scope: authorization failed",
            {"image": "docker.io/dcgm/toolchain:4.0.0"},
        ),
        Example(
            "pull access denied for app, repository does not exist or may require 'docker login': denied",
            {"image": "app"},
        ),
    )
    lookalikes = (
        "permission denied while trying to connect to the Docker daemon socket",
        "manifest for nvidia/cuda:11.0-base not found: manifest unknown",
    )

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Build it, log in, or name its registry."""
        yield f"docker image ls {values.get('image', 'NAME')}: if it was to be built here, build it first"
        yield "docker login REGISTRY, and the registry in the image's name"
        yield "docker buildx ls: a builder of the driver docker-container does not see the images of the docker daemon"


class RegistryUnreachable(Case):
    """The registry cannot be reached.

    The name is not resolved, the network refuses it, or a proxy stands in between: of the docker daemon or of the
    builder, not of the shell.
    """

    name = "registry-unreachable"
    hints = ("failed to do request: ",)
    patterns = (
        lazy_pattern(
            r'failed to do request: (?:Head|Get|HEAD|GET) \\?"https?://(?P<registry>[\w.:-]{1,120})/[^"]{0,300}": '
            r"(?:dial tcp|net/http|proxyconnect|context deadline|EOF|remote error|tls|x509|read tcp)"
        ),
    )
    identity = ("registry",)
    examples = (
        Example(
            'failed to do request: Head "https://registry.invalid/v2/nvidia/cuda/manifests/0.0.0-none": dial tcp: '
            "lookup registry.invalid on 192.0.2.53:53: no such host",
            {"registry": "registry.invalid"},
        ),
    )
    lookalikes = ('failed to do request: Head "https://registry.invalid/v2/x": 404 Not Found',)

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Name, network, proxy."""
        yield f"curl -sI https://{values['registry']}/v2/ on the host of the daemon"
        yield "a proxy: HTTPS_PROXY in the service of the docker daemon, not in the shell"
        yield "docker pull IMAGE beforehand: the docker driver builds with what it has"


class NoBuildx(Case):
    """docker has no buildx, and builds with BuildKit need it.

    Distributions pack it by itself (docker-buildx, docker-buildx-plugin); a client without it falls back to the old
    builder without a word where it can.
    """

    name = "no-buildx"
    hints = ("buildx component is missing", "is not a docker command", "unknown command: docker buildx")
    patterns = (
        lazy_pattern(r"the buildx component is missing or broken"),
        lazy_pattern(r"docker: 'buildx' is not a docker command"),
        lazy_pattern(r"unknown command: docker buildx"),
    )
    references = ("devcontainers/features#478", "toverainc/willow-inference-server#69")
    examples = (
        Example("ERROR: BuildKit is enabled but the buildx component is missing or broken."),
        Example("docker: 'buildx' is not a docker command.\nSee 'docker --help'"),
    )
    lookalikes = ("docker: 'compose' is not a docker command.", 'ERROR: no builder "gpu" found')

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Install it."""
        yield "install docker-buildx-plugin (Docker's packages) or docker-buildx (the distribution's)"
        yield "docker buildx version: it is there, and for this user (~/.docker/cli-plugins hides the system's)"


class LegacyBuilder(Case):
    """The old builder reads the Dockerfile, and knows no --mount.

    It builds one stage after the other and keeps no cache between builds; the Dockerfiles need BuildKit.
    """

    name = "legacy-builder"
    hints = ("nknown flag: ", "option requires BuildKit", "The legacy builder is deprecated")
    patterns = (
        lazy_pattern(r"[Uu]nknown flag: (?:--)?(?P<flag>mount|link|chmod|network|security|parents|exclude)"),
        lazy_pattern(r"the --(?P<flag>\w{1,20}) option requires BuildKit"),
        lazy_pattern(r"DEPRECATED: The legacy builder is deprecated"),
    )
    references = ("moby/moby#40060", "docker-library/docker#514", "vllm-project/vllm#2708")
    examples = (
        Example("Error response from daemon: Dockerfile parse error line 39: Unknown flag: mount", {"flag": "mount"}),
        Example(
            "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/", {"flag": "mount"}
        ),
        Example("unknown flag: --mount", {"flag": "mount"}),
        Example("DEPRECATED: The legacy builder is deprecated and will be removed in a future release.", {}),
    )
    lookalikes = ("unknown flag: --gpus", "BuildKit is enabled but the buildx component is missing or broken.")

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """BuildKit on."""
        yield "poetry gpu-build: builds with BuildKit, and says so where there is none"
        yield "unset DOCKER_BUILDKIT=0, and install buildx; docker-compose 1.x: use docker compose"


class NoDaemon(Case):
    """No docker daemon answers.

    It is not running, this user may not talk to it, or the context names another machine.
    """

    name = "no-docker-daemon"
    hints = ("Cannot connect to the Docker daemon", "connect to the Docker daemon socket", "connect to the docker API")
    patterns = (
        lazy_pattern(r"Cannot connect to the Docker daemon at (?P<address>[\w:/.@-]{1,120}?)\.? Is the docker"),
        lazy_pattern(r"permission denied while trying to connect to the (?P<refused>[Dd]ocker (?:daemon|API))"),
        lazy_pattern(r"failed to connect to the docker API at (?P<address>[\w:/.@-]{1,120})"),
    )
    examples = (
        Example(
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            {"address": "unix:///var/run/docker.sock"},
        ),
        Example(
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            {"refused": "Docker daemon"},
        ),
    )
    lookalikes = ("Cannot connect to the Podman socket",)

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """By what it says."""
        if "refused" in values:
            yield "sudo usermod -aG docker $USER, and log in again; or rootless docker"
        else:
            yield "sudo systemctl start docker; Docker Desktop and WSL2: start the application"
        yield "docker context ls; echo $DOCKER_HOST: which daemon is meant"
