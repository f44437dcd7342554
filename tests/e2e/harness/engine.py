"""A private Docker engine: Debian's own dockerd, BuildKit inside it, started and stopped by the test run.

The machine's Docker, if it has one, is neither used nor seen: own socket, own data, own client configuration.
Builds reach the package index and the servers of the tests through a bridge of the engine's own, because no bake
definition can ask buildx 0.13.1 for the host's network (only Compose files can).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .cache import cached_folder
from .debs import architecture
from .debs import debian_repository
from .debs import fetch
from .debs import machine_repositories
from .network import Bridge
from .process import HarnessError
from .process import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self


_ENGINE_SUITE = "trixie"
_ENGINE_PACKAGES = ("docker.io", "docker-cli", "containerd", "docker-buildx", "docker-compose")
"""Engine 26.1.5, buildx 0.13.1, compose 2.26.1; dynamically linked, they run on bookworm's C library."""

_RUNTIME_PACKAGES = ("runc",)
"""From the machine's own suite: trixie's runc wants a newer C library than bookworm's."""

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 60.0


def unpacked_engine() -> Path:
    """The folder with the engine's programs, downloaded on first use."""

    def make(folder: Path) -> None:
        fetch(folder, debian_repository(_ENGINE_SUITE), *_ENGINE_PACKAGES)
        fetch(folder, machine_repositories()[0], *_RUNTIME_PACKAGES)

    recipe = (architecture(), _ENGINE_SUITE, *_ENGINE_PACKAGES, *_RUNTIME_PACKAGES)
    return cached_folder("engine", recipe, make)


class Engine:
    """A dockerd of our own. Use as a context manager, or call `start` and `stop`."""

    def __init__(
        self, *, keep: bool = False, bridge: bool = True, containerd: bool = False, folder: Path | None = None
    ) -> None:
        """`keep` leaves images and logs behind at the end; `folder` is where they live (default: a new one).

        Without `bridge` only builds with `--network host` have a network. With `containerd` images are kept by
        containerd, the newer of Docker's two stores, whose builder has every exporter that BuildKit has.
        """
        self._keep = keep
        self._wants_bridge = bridge
        self._containerd = containerd
        self._bridge: Bridge | None = None
        # Directly below /tmp: a unix socket's path must stay below 108 characters, and pytest's tmp_path is long.
        self.folder = folder or Path(tempfile.mkdtemp(prefix="gpub-", dir="/tmp"))
        self.socket = self.folder / "docker.sock"
        self.log = self.folder / "dockerd.log"
        self._programs = unpacked_engine()
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """The value of DOCKER_HOST."""
        return f"unix://{self.socket}"

    @property
    def address(self) -> str:
        """The machine's address as a build sees it: a test's server has to listen here."""
        return self._bridge.address if self._bridge else "127.0.0.1"

    @property
    def pid(self) -> int | None:
        """The daemon's process id while it runs."""
        return self._daemon.pid if self._daemon else None

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """An environment (a copy of `base`, default this process's) in which `docker` is this engine's client."""
        env = dict(os.environ if base is None else base)
        # What the caller's shell says about another engine or builder must not leak into a test.
        for name in [name for name in env if name.startswith(("DOCKER_", "BUILDX_", "BUILDKIT_", "COMPOSE_"))]:
            del env[name]
        programs = [str(self._programs / "usr/bin"), str(self._programs / "usr/sbin")]
        return env | {
            "PATH": os.pathsep.join([*programs, env.get("PATH", os.defpath)]),
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(self.folder / "config"),
            "DOCKER_BUILDKIT": "1",
        }

    def docker(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        input_text: str | None = None,
        check: bool = True,
        timeout_s: float = 600.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run the docker client; raises `HarnessError` when it fails and `check` is set."""
        client = self._programs / "usr/bin/docker"
        return run(
            [client, *arguments], env=self.env(), cwd=cwd, input_text=input_text, check=check, timeout_s=timeout_s
        )

    def builds_running(self) -> list[int]:
        """The process ids of what the engine runs for builds and containers: all below it but its containerd."""
        children: dict[int, list[int]] = {}
        names: dict[int, str] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has just ended
                head, _, tail = stat.read_text().rpartition(")")
                number, _, names_end = head.partition(" (")
                names[int(number)] = names_end
                children.setdefault(int(tail.split()[1]), []).append(int(number))
        found, left = [], [self.pid] if self.pid else []
        while left:
            below = [child for child in children.get(left.pop(), []) if names[child] != "containerd"]
            found += below
            left += below
        return found

    def wait_until_idle(self, *, timeout_s: float) -> None:
        """Wait until nothing runs for a build or a container; raises `HarnessError` when something still does."""
        deadline = time.monotonic() + timeout_s
        while running := self.builds_running():
            if time.monotonic() > deadline:
                raise HarnessError(f"the engine still runs {running} after {timeout_s:.0f} s")
            time.sleep(0.05)

    def start(self) -> None:
        """Start the daemon and wait until it answers; raises `HarnessError` with the log's end if it does not."""
        try:
            self._arrange()
            self._launch()
            self._wait_until_ready()
        except BaseException:
            # Also on Ctrl-C: a bridge or a daemon that nobody knows of would outlive us.
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the daemon and what it started, unmount, and remove its data unless told to keep it."""
        daemon, self._daemon = self._daemon, None
        if daemon:
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._kill_containerd()
                daemon.kill()
                daemon.wait()
        self._unmount()
        bridge, self._bridge = self._bridge, None
        if bridge:
            bridge.remove()
        if not self._keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _arrange(self) -> None:
        for name in ("data", "exec", "config/cli-plugins"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for plugin in (self._programs / "usr/libexec/docker/cli-plugins").iterdir():
            link = self.folder / "config/cli-plugins" / plugin.name
            link.unlink(missing_ok=True)
            link.symlink_to(plugin)
        features = {"features": {"containerd-snapshotter": self._containerd}}
        (self.folder / "config/daemon.json").write_text(json.dumps(features))

    def _launch(self) -> None:
        arguments: list[str | Path] = [
            self._programs / "usr/sbin/dockerd",
            *("--data-root", self.folder / "data"),
            *("--exec-root", self.folder / "exec"),
            *("--pidfile", self.folder / "dockerd.pid"),
            *("--host", self.host),
            *("--config-file", self.folder / "config/daemon.json"),
            # No packet filter of the machine is touched.
            *("--iptables=false", "--ip6tables=false", "--ip-forward=false"),
            *self._network_arguments(),
        ]
        with self.log.open("wb") as log:
            # A session of its own: the terminal's Ctrl-C must reach the tests first, which then stop the daemon.
            self._daemon = subprocess.Popen(
                [str(argument) for argument in arguments],
                env=self.env(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _network_arguments(self) -> tuple[str, ...]:
        if not self._wants_bridge:
            return ("--bridge=none",)
        self._bridge = Bridge()
        return (f"--bridge={self._bridge.name}", f"--mtu={self._bridge.mtu}")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._daemon is None or self._daemon.poll() is not None:
                break
            if self.socket.exists() and self.docker("version", check=False).returncode == 0:
                return
            time.sleep(0.05)
        said = self.log.read_text(errors="replace")[-6000:]
        raise HarnessError(f"dockerd did not answer on {self.host}; its log ends with:\n{said}")

    def _kill_containerd(self) -> None:
        # Only reached when dockerd had to be killed: it ends its containerd itself otherwise.
        pidfile = self.folder / "exec/containerd/containerd.pid"
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(pidfile.read_text()), signal.SIGKILL)

    def _unmount(self) -> None:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        inside = [line.split()[1] for line in mounts if line.split()[1].startswith(f"{self.folder}/")]
        for mountpoint in reversed(inside):
            run(["umount", "--lazy", mountpoint], check=False)
