"""A bridge of our own for the engine's containers, with one masquerading rule, both gone afterwards.

dockerd would make its own bridge by writing chains into the machine's packet filter and leave them there. One
bridge and one nftables table can be removed again without a trace. A machine whose own filter drops forwarded
packets (a Docker installed the ordinary way does) stops this bridge as well.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

from .cache import cached_folder
from .debs import apt_root
from .debs import architecture
from .debs import machine_repositories
from .debs import unpack
from .process import HarnessError
from .process import run

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_TOOLS = ("iproute2", "nftables")


class Bridge:
    """A network bridge with an address, and the rule that lets its containers reach what the machine reaches."""

    def __init__(self) -> None:
        """Make the bridge; raises `HarnessError` when the machine does not let us."""
        self._env = _tools_env()
        self._forwarded = _FORWARDING.read_text()
        for number in itertools.count():
            if number > 200:
                raise HarnessError("no free name and subnet for a bridge: are 200 engines running?")
            self.name = f"gpub{number}"
            network = f"10.213.{number}"
            # The kernel refuses a name that is taken: making the link is what reserves the number.
            if network not in self._addresses() and self._try("ip", "link", "add", self.name, "type", "bridge"):
                break
        self.address = f"{network}.1"
        """The machine, as its containers see it; servers of a test listen here."""
        try:
            self._run("ip", "address", "add", f"{self.address}/24", "dev", self.name)
            self._run("ip", "link", "set", self.name, "up")
            self._run("nft", "-f", "-", input_text=_rules(self.name, f"{network}.0/24"))
            if self._forwarded.strip() != "1":
                _FORWARDING.write_text("1\n")
        except BaseException:
            self.remove()
            raise

    @property
    def mtu(self) -> int:
        """The smallest packet size of the machine's links: a container's larger packets would be lost."""
        sizes = [link["mtu"] for link in self._links() if link["operstate"] == "UP" and link["ifname"] != self.name]
        return min(sizes, default=1500)

    def remove(self) -> None:
        """Take back everything that was made."""
        self._try("nft", "delete", "table", "ip", self.name)
        self._try("ip", "link", "delete", self.name)
        others = any(link["ifname"].startswith("gpub") for link in self._links())
        if self._forwarded.strip() != "1" and not others:
            _FORWARDING.write_text(self._forwarded)

    def _links(self) -> list[dict[str, Any]]:
        links: list[dict[str, Any]] = json.loads(self._run("ip", "-json", "address"))
        return links

    def _addresses(self) -> str:
        return self._run("ip", "-4", "address") + self._run("ip", "-4", "route")

    def _run(self, *arguments: str, input_text: str | None = None) -> str:
        return run(arguments, env=self._env, input_text=input_text).stdout

    def _try(self, *arguments: str) -> bool:
        return run(arguments, env=self._env, check=False).returncode == 0


def _rules(bridge: str, subnet: str) -> str:
    return (
        f"table ip {bridge} {{\n"
        "  chain postrouting {\n"
        "    type nat hook postrouting priority 100;\n"
        f'    ip saddr {subnet} oifname != "{bridge}" masquerade\n'
        "  }\n"
        "}\n"
    )


def _tools_env() -> dict[str, str]:
    """An environment in which `ip` and `nft` are found; a bare machine has neither."""

    def make(folder: Path) -> None:
        with apt_root(*machine_repositories()) as apt:
            unpack(apt.download_missing(*_TOOLS), folder)

    folder = cached_folder("nettools", (architecture(), *_TOOLS), make)
    libraries = folder / "usr/lib" / f"{os.uname().machine}-linux-gnu"
    system = "/usr/sbin:/usr/bin:/sbin:/bin"
    return {
        "PATH": os.pathsep.join([str(folder / "usr/sbin"), str(folder / "sbin"), str(folder / "bin"), system]),
        "LD_LIBRARY_PATH": os.pathsep.join([str(libraries), str(folder / "lib" / libraries.name)]),
        "LC_ALL": "C.UTF-8",
    }
