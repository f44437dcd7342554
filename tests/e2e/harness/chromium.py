"""A real headless Chromium: Debian's, unpacked beside the engine and driven through its own pipe.

The commands are those of the Chrome DevTools Protocol, one JSON document each, ended by a zero byte; with
`--remote-debugging-pipe` they go through the descriptors 3 and 4, so that no port is opened and no client is needed.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from .cache import cached_folder
from .debs import apt_root
from .debs import architecture
from .debs import machine_repositories
from .debs import unpack
from .process import HarnessError

if TYPE_CHECKING:
    from typing_extensions import Self

# The shell without a window: 64 MB instead of the whole browser's 90, and none of the desktop's libraries.
_PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core", "fontconfig-config")
_ANSWER_S = 60.0


def unpacked_chromium() -> Path:
    """The folder with the browser and those of its libraries that the machine has not, downloaded on first use."""

    def make(folder: Path) -> None:
        with apt_root(*machine_repositories()) as root:
            unpack(root.download_missing(*_PACKAGES), folder)

    return cached_folder("chromium", (architecture(), *_PACKAGES), make)


class Chromium:
    """A browser with one page. A context manager: at the end it is gone."""

    def __init__(self) -> None:
        """Start it."""
        folder = unpacked_chromium()
        self._home = Path(tempfile.mkdtemp(prefix="gpub-chromium-", dir="/tmp"))
        libraries = folder / "usr/lib" / f"{os.uname().machine}-linux-gnu"
        command = [
            *(folder / "usr/lib/chromium/chromium-headless-shell", "--no-sandbox", "--disable-gpu"),
            # Nothing that the browser wants for itself may look like a request of the page.
            *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
            *("--remote-debugging-pipe", f"--user-data-dir={self._home / 'profile'}"),
        ]
        from_us, self._to_it = os.pipe()
        self._from_it, to_us = os.pipe()
        # The shell gives the pipe its numbers: which ones Python has free is not ours to choose.
        script = f'exec 3<&{from_us} 4>&{to_us}; exec "$@"'
        with (self._home / "log").open("wb") as log:
            self._browser = subprocess.Popen(
                ["bash", "-c", script, "bash", *map(str, command)],
                env={
                    **os.environ,
                    "HOME": str(self._home),
                    "LD_LIBRARY_PATH": f"{libraries}:{libraries / 'pulseaudio'}",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(from_us, to_us),
                start_new_session=True,
            )
        os.close(from_us)
        os.close(to_us)
        self._unread = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        """What the page told by itself: requests, console messages, exceptions; oldest first."""

    def __enter__(self) -> Self:
        try:
            target = self.ask("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Network", "Runtime", "Log", "Accessibility"):
                self.ask(f"{domain}.enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._to_it)
        try:
            self._browser.wait(10)
        except subprocess.TimeoutExpired:
            self._browser.kill()
            self._browser.wait()
        os.close(self._from_it)
        shutil.rmtree(self._home, ignore_errors=True)

    def open(self, page: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file, in a window of this size, and wait until it is loaded; forgets earlier events."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.ask("Page.navigate", url=page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._take()

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise HarnessError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def press(self, key: str, code: int, *, text: str = "", shift: bool = False) -> None:
        """Press a key, such as Tab, 9."""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Write what is seen to a PNG file; `whole`: also what lies below the window's edge."""
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the protocol and return its answer."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to_it, json.dumps(message).encode() + b"\0")
        while (answer := self._take()).get("id") != number:
            pass
        if "error" in answer:
            raise HarnessError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _take(self) -> dict[str, Any]:
        """The next message; an event is kept too."""
        deadline = time.monotonic() + _ANSWER_S
        while b"\0" not in self._unread:
            left = deadline - time.monotonic()
            chunk = os.read(self._from_it, 1 << 20) if select.select([self._from_it], [], [], max(left, 0))[0] else b""
            if not chunk:
                raise HarnessError(f"Chromium is silent:\n{(self._home / 'log').read_text(errors='replace')[-3000:]}")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message
