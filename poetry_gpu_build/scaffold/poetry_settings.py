"""poetry.toml: what Poetry must do otherwise in an image (GPU506)."""

from __future__ import annotations

from pathlib import Path

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.toml_edits import setting_fix
from poetry_gpu_build.scaffold.change import Edited

POETRY_TOML = "poetry.toml"
_MARK = "\ufeff"

_TEXT = """\
# The one place where virtual environments are switched off: the image's interpreter is the environment.
# On a developer's machine this means that `poetry install` writes into the active interpreter: build the image instead.
[virtualenvs]
create = false

[installer]
# Poetry's own uninstaller follows RECORD; `pip uninstall` empties a torch that a .pth surfaces from /opt.
builtin-uninstall = true
"""
_WHY = "makes the image's interpreter the environment"
_SETTINGS = (("virtualenvs", "create", False), ("installer", "builtin-uninstall", True))
_HOST = (
    "poetry.toml switches virtual environments off: on this machine, too, `poetry install` then writes into the "
    "active interpreter; build the image instead, or activate an environment first"
)


def poetry_settings(text: str | None) -> Edited:
    """Both settings, every other byte kept. Raises ConfigurationError where that is not possible."""
    if text is None:
        return Edited(_TEXT, _WHY, (_HOST,))
    mark, body = (_MARK, text[1:]) if text.startswith(_MARK) else ("", text)
    notes: tuple[str, ...] = ()
    for table, name, wanted in _SETTINGS:
        document = parse_toml(body, Path(POETRY_TOML))
        found = document.data.get(table)
        if isinstance(found, dict) and found.get(name) is wanted:
            continue
        written = "true" if wanted else "false"
        fix = setting_fix(Source(document.path, body), document, (table,), name, written, is_safe=True)
        if fix is None:
            raise ConfigurationError(
                f"poetry.toml is written in a way in which {table}.{name} cannot be set",
                where=document.locate(table, name),
                ways_out=(f"set it by hand: {name} = {written} under [{table}]",),
            )
        for edit in fix.edits:
            body = body[: edit.start] + edit.text + body[edit.end :]
        notes = (*notes, _HOST) if name == "create" else notes
    return Edited(mark + body, _WHY, notes)
