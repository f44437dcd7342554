"""The pre-commit hook: added to the configuration as text, so that every byte of it stays; PyYAML only looks."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.scaffold.change import Edited
from poetry_gpu_build.scaffold.change import end_of_line

if TYPE_CHECKING:
    import yaml

PRE_COMMIT = ".pre-commit-config.yaml"
HOOK = "gpu-build-lint"

# A local hook, by way of Poetry: the plugin lives in Poetry's own environment, whose other scripts are not on PATH.
# All files at once: a rule compares files with each other, and what it finds may stand in one that was not changed.
_ENTRY = f"""\
- repo: local
  hooks:
    - id: {HOOK}
      name: {HOOK}
      entry: poetry gpu-build lint
      language: system
      pass_filenames: false
      files: (?i)(dockerfile|compose|ignore$|pyproject\\.toml$|poetry\\.(toml|lock)$)
"""
_WHY = "lints before each commit"


def pre_commit(text: str | None) -> Edited:
    """The configuration with the hook in it; as it was, and a note, where it is written in an unusual way."""
    if text is None:
        return Edited("repos:\n" + _indented(_ENTRY, 2), _WHY)
    import yaml

    try:
        before = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return _by_hand(text, "is no YAML that can be read")
    if _has_hook(before):
        return Edited(text)
    after = _inserted(text, node)
    if after is None or not _is_added(before, after):
        return _by_hand(text, "is written in a way that is left to a person")
    return Edited(after, _WHY)


def hook_by_hand(where: str, folder: str = "") -> str:
    """What to do where the hook is not added."""
    command = f"poetry --directory {folder} gpu-build lint" if folder else "poetry gpu-build lint"
    return f"add the hook to {where} by hand: repo: local, id: {HOOK}, language: system, entry: {command}"


def _by_hand(text: str, why: str) -> Edited:
    return Edited(text, notes=(f"{PRE_COMMIT} {why}, and stays as it is; {hook_by_hand('it')}",))


def _has_hook(data: Any) -> bool:
    repositories = data.get("repos") if isinstance(data, dict) else None
    hooks = [
        hook
        for repository in (repositories if isinstance(repositories, list) else [])
        if isinstance(repository, dict) and isinstance(repository.get("hooks"), list)
        for hook in repository["hooks"]
    ]
    return any(isinstance(hook, dict) and hook.get("id") == HOOK for hook in hooks)


def _inserted(text: str, node: yaml.Node | None) -> str | None:
    """The hook behind the last entry of ``repos``, indented like it; None where repos is no block of entries."""
    import yaml

    end = end_of_line(text)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    repositories = next((value for key, value in pairs if key.value == "repos"), None)
    if node is None or (isinstance(node, yaml.MappingNode) and not node.flow_style and repositories is None):
        gap = "" if not text or text.endswith("\n") else end
        return text + gap + ("repos:\n" + _indented(_ENTRY, 2)).replace("\n", end)
    if not isinstance(repositories, yaml.SequenceNode) or repositories.flow_style or not repositories.value:
        return None
    last = _last(repositories)
    # PyYAML leaves a byte-order mark out of its offsets.
    at = last.end_mark.index + text.startswith("\ufeff")
    if last.end_mark.column:
        behind = text.find("\n", at) + 1
        at = behind or len(text)
    gap = "" if text[:at].endswith("\n") else end
    added = _indented(_ENTRY, repositories.start_mark.column).replace("\n", end)
    return text[:at] + gap + added + text[at:]


def _last(node: yaml.Node) -> yaml.Node:
    """What ends the node: a block ends only where the next token begins, behind comments."""
    import yaml

    while isinstance(node, (yaml.SequenceNode, yaml.MappingNode)) and node.value and not node.flow_style:
        node = node.value[-1] if isinstance(node, yaml.SequenceNode) else node.value[-1][1]
    return node


def _is_added(before: Any, after: str) -> bool:
    """Whether the hook was added to what was there, and nothing else changed."""
    import yaml

    try:
        data = yaml.safe_load(after)
    except (yaml.YAMLError, ValueError):
        return False
    entry = yaml.safe_load(_ENTRY)
    wanted = {**(before or {}), "repos": [*(before or {}).get("repos", []), *entry]}
    return bool(data == wanted)


def _indented(text: str, columns: int) -> str:
    return "".join(" " * columns + line for line in text.splitlines(keepends=True))
