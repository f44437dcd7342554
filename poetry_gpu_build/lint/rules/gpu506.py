"""GPU506: poetry.toml does not make the image's interpreter the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.manifest import table
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.manifest import toml_hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.lint.toml_edits import setting_fix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Fix

_FILE = "poetry.toml"
_CREATE = "[virtualenvs]\ncreate = false\n"
_UNINSTALL = "[installer]\nbuiltin-uninstall = true\n"


class _Setting(NamedTuple):
    table: str
    name: str
    wanted: bool
    why: str
    is_safe: bool

    @property
    def written(self) -> str:
        return "true" if self.wanted else "false"


_SETTINGS = (
    # Not safe to write: on the host, too, Poetry then installs into the interpreter that runs.
    _Setting("virtualenvs", "create", False, "Poetry makes a virtual environment inside the image", is_safe=False),
    _Setting("installer", "builtin-uninstall", True, "pip uninstall empties a torch in /opt", is_safe=True),
)


class VirtualenvsCreate(Rule):
    """poetry.toml says that the image's interpreter is the environment, and that Poetry uninstalls by itself.

    With a virtual environment in the image, `python` is not the interpreter that has the packages, and the compiled
    torch is surfaced for another one. Without `installer.builtin-uninstall`, Poetry calls `pip uninstall`, which
    removes the files of a torch that a .pth surfaces from /opt, and which Debian's pip refuses (PEP 668).
    """

    code = "GPU506"
    name = "virtualenvs-create"
    valid = (
        Example({_FILE: _CREATE + _UNINSTALL}),
        Example({_FILE: "virtualenvs.create = false\ninstaller.builtin-uninstall = true\n"}),
        Example({"pyproject.toml": "[project]\nname = 'a'\n"}),
    )
    invalid = (
        Example({_FILE: _CREATE}, (f"{_FILE}:1:1",), {_FILE: f"{_CREATE}\n{_UNINSTALL}"}),
        Example(
            {_FILE: "[virtualenvs]\nin-project = true\n" + _UNINSTALL},
            (f"{_FILE}:1:1",),
            {_FILE: "[virtualenvs]\ncreate = false\nin-project = true\n" + _UNINSTALL},
        ),
        Example(
            {_FILE: "[virtualenvs]\ncreate = 'false'\n" + _UNINSTALL},
            (f"{_FILE}:2:1",),
            {_FILE: _CREATE + _UNINSTALL},
        ),
        Example(
            {_FILE: "virtualenvs = {create = true}\n" + _UNINSTALL},
            (f"{_FILE}:1:16",),
            {_FILE: "virtualenvs = {create = false}\n" + _UNINSTALL},
        ),
        Example(
            {_FILE: "# ours\n[cache]\n"},
            (f"{_FILE}:1:1", f"{_FILE}:1:1"),
            {_FILE: f"{_CREATE}\n# ours\n[cache]\n\n{_UNINSTALL}"},
        ),
        Example({"docker/Dockerfile": "FROM a\n", "pyproject.toml": "[project]\n"}, ("pyproject.toml:1:1",)),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Look at both settings; without a poetry.toml both are missing from the images."""
        document = documents.poetry_toml
        if document is not None:
            first, second = (list(_check_setting(setting, document, documents)) for setting in _SETTINGS)
            if first and second and _same_place(first[0].fix, second[0].fix):
                # Two texts at one place have no order: one of them goes to the top.
                above = [list(_check_setting(setting, document, documents, at_top=True)) for setting in _SETTINGS]
                if not _same_place(above[0][0].fix, second[0].fix):
                    first = above[0]
                elif not _same_place(first[0].fix, above[1][0].fix):
                    second = above[1]
            yield from (*first, *second)
            return
        manifest = documents.source("pyproject.toml")
        if manifest is not None and documents.images and documents.source(_FILE) is None:
            help_text = f"write one: {' '.join((_CREATE + _UNINSTALL).split(chr(10)))}".strip()
            yield Hit(manifest, 0, 0, "there is no poetry.toml beside it: Poetry works by its defaults", help_text)


def _same_place(one: Fix | None, other: Fix | None) -> bool:
    return one is not None and other is not None and one.edits[0].start == other.edits[0].start


def _check_setting(
    setting: _Setting, document: TomlDocument, documents: Documents, *, at_top: bool = False
) -> Iterator[Hit]:
    if table(document.data, setting.table).get(setting.name) is setting.wanted:
        return
    name = f"{setting.table}.{setting.name}"
    message = f"poetry.toml lacks {name} = {setting.written}: {setting.why}"
    help_text = f"write {setting.name} = {setting.written} under [{setting.table}]"
    for hit in toml_hit(documents, document, (setting.table, setting.name), message, help_text):
        where = (setting.table,)
        fix = setting_fix(
            hit.source, document, where, setting.name, setting.written, is_safe=setting.is_safe, at_top=at_top
        )
        yield hit._replace(fix=fix)
