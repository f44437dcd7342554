from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.formats import load
from poetry_gpu_build.lint.formats.interface import Style
from poetry_gpu_build.lint.formats.load import FORMATS
from poetry_gpu_build.lint.formats.load import load_format

HEAVY = ("json", "xml", "hashlib", "urllib", "unicodedata", "difflib", "tempfile")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_found_by_its_name(name: str) -> None:
    assert type(load_format(name, Style())).__name__ == FORMATS[name]


def test_every_file_beside_the_interface_that_holds_a_format_has_a_name() -> None:
    folder = Path(load.__file__).parent
    classes = {path.stem for path in folder.glob("*.py") if "(Format):" in path.read_text(encoding="utf-8")}
    assert classes == set(FORMATS)


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_format("yaml", Style())
    assert caught.value.ways_out == ("use one of: text, json, sarif, github, gitlab, junit",)


def test_text_imports_nothing_that_only_other_formats_need() -> None:
    # In an interpreter of its own: this one has imported everything.
    script = (
        "import io, sys; from pathlib import Path; before = set(sys.modules)\n"
        "from poetry_gpu_build.lint.formats.interface import Report, Style\n"
        "from poetry_gpu_build.lint.formats.load import load_format\n"
        "load_format('text', Style()).write(Report((), Path('/')), io.StringIO())\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) & set(HEAVY) == set()
