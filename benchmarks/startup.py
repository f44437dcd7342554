"""What the installed plugin adds to every Poetry command, shown on the shortest one: ``poetry --version``.

Run it with the interpreter of an environment that holds Poetry and this plugin's wheel. It makes one throw-away copy of
that one, in which every distribution is a symbolic link, and puts the plugin's in and out: two environments differ by
some ms even where they hold the same. It measures without, with and again without the plugin by turns, and begins
elsewhere each time, so that neither a machine that grows slower nor what ran before favours one:

- *command*: the whole ``poetry --version``, from outside. This is what a user waits for.
- *plugins*: the time that Poetry spends inside it to find, import and activate its plugins.

For each it prints the medians, their difference and the ratio. The second measurement without the plugin is the
control: a difference no larger than the control's says nothing. The budget is a difference below 2 ms, and 1 ms for
*plugins*, which a machine too busy for the first can still tell. The first round warms the caches and is not counted.

An editable install is measured as it is, and costs more than a wheel: it adds an entry to ``sys.path``, and Python's
search for entry points reads that whole folder.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    Links = list[tuple[Path, Path]]

PLUGIN = "poetry_gpu_build"

#: What ``Application._load_plugins`` does, timed.
LOAD_PLUGINS = """
import time
from poetry.console.application import Application
from poetry.plugins.application_plugin import ApplicationPlugin
from poetry.plugins.plugin_manager import PluginManager

application = Application()
start = time.perf_counter()
manager = PluginManager(ApplicationPlugin.group)
manager.load_plugins()
manager.activate(application)
print((time.perf_counter() - start) * 1000)
"""


def environment(folder: Path) -> Path:
    """Make an environment in ``folder`` that mirrors the running one, all but the plugin."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    for entry, here in mirrored(python):
        if PLUGIN not in entry.name and entry.name != "__pycache__" and not here.exists():
            here.symlink_to(entry)
    return python


def mirrored(python: Path) -> Iterator[tuple[Path, Path]]:
    """Each entry of the running site-packages, and where the mirror has it."""
    site = "import sysconfig; print(sysconfig.get_path('purelib'))"
    mirror = Path(run(python, "-c", site, cwd=python.parent).strip())
    for path in dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))):
        for entry in Path(path).iterdir():
            yield entry, mirror / entry.name


def command_ms(python: Path, folder: Path) -> float:
    """Run ``poetry --version`` and return its duration in milliseconds."""
    start = time.perf_counter()
    run(python, "-m", "poetry", "--version", cwd=folder)
    return (time.perf_counter() - start) * 1000


def plugins_ms(python: Path, folder: Path) -> float:
    """Let a fresh Poetry load its plugins, and return how long that took in milliseconds."""
    return float(run(python, "-c", LOAD_PLUGINS, cwd=folder))


def measured(measure: Callable[[Path, Path], float], python: Path, links: Links, first: int) -> list[float]:
    """Measure without, with, and again without the plugin, in an order that begins elsewhere each time."""
    plugin = (False, True, False)
    times = dict.fromkeys(range(len(plugin)), 0.0)
    for number in ((first + step) % len(plugin) for step in range(len(plugin))):
        for entry, here in links:
            here.unlink(missing_ok=True)
            if plugin[number]:
                here.symlink_to(entry)
        times[number] = measure(python, python.parent)
    return list(times.values())


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command without the settings of whoever measures, and return its stdout."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("POETRY_", "PYTHON"))}
    return subprocess.run(command, cwd=cwd, env=environ, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="rounds (default: 20)")
    runs = parser.parse_args().runs

    installed = [entry.name for entry in Path(sysconfig.get_path("purelib")).iterdir() if PLUGIN in entry.name]
    if not installed:
        sys.exit(
            f"{sys.executable} does not hold the plugin: install its wheel there, beside Poetry, and run this again"
        )
    print("measuring", "a wheel" if PLUGIN in installed and not _editable(installed) else "an EDITABLE install")

    with tempfile.TemporaryDirectory() as temporary:
        python = environment(Path(temporary))
        links = [(entry, here) for entry, here in mirrored(python) if PLUGIN in entry.name]
        for title, measure in (("command", command_ms), ("plugins", plugins_ms)):
            rounds = [measured(measure, python, links, first) for first in range(runs + 1)][1:]
            a, b, again = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"{title}, median of {runs}: {a:.2f} ms without the plugin, {b:.2f} ms with it")
            print(f"    difference {b - a:+.2f} ms, ratio {b / a:.3f} (control: {again - a:+.2f} ms, {again / a:.3f})")


def _editable(installed: list[str]) -> bool:
    return any(name.endswith(".pth") for name in installed)


if __name__ == "__main__":
    main()
