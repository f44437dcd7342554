"""Writes the generated pages of docs/: settings and rules; with --check tests them, and every link.

The schema's descriptions and the rules' docstrings are the text: one place to say what a setting or a rule means.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.lint.registry import select_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "docs" / "configuration.md"
RULES = ROOT / "docs" / "rules.md"
PAGES = ("*.md", "docs/**/*.md", "examples/**/*.md")

_HEADER = """\
# Settings

<!-- Written by `make docs` from policies/gpu-build.schema.json and policies/modes.toml. -->

Everything stands in `[tool.gpu-build]` of `pyproject.toml`, and everything has a default: a project with
`docker/Dockerfile`, `docker/Dockerfile.source` and a `binary-torch` group needs no settings. An unknown key or a value
of the wrong form is an error that names the line.

| key | default | meaning |
|---|---|---|
"""
_RULES_HEADER = """\
# The rules of the linter

<!-- Written by `make docs` from the rules' own docstrings. -->

`gpu-build-lint` checks Dockerfiles, the Compose file and the manifests of a project against the policy:

```console
$ gpu-build-lint
$ gpu-build-lint --select GPU1,GPU401 docker/Dockerfile
```

A comment silences a rule for the line or the instruction below it, `# gpu-build: ignore[GPU101] reason`, or for the
file, `# gpu-build: ignore-file[GPU101]`. Errors make the exit code 1; warnings do not.

| code | name | severity | what it finds |
|---|---|---|---|
"""
_LINK = re.compile(r"\[[^\]]*\]\((?!https?://|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def main() -> int:
    """Write or check; returns 1 where a page is stale or a link leads nowhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a stale page or a dead link")
    check = parser.parse_args().check
    pages = {CONFIGURATION: configuration_page(), RULES: rules_page()}
    if not check:
        for path, page in pages.items():
            path.write_text(page, encoding="utf-8")
        return 0
    problems = list(dead_links())
    for path, page in pages.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != page:
            problems.append(f"{path.relative_to(ROOT)} is stale: run `make docs`")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def configuration_page() -> str:
    """The page as the schema and the shipped policy say it should be."""
    schema = json.loads((ROOT / "policies" / "gpu-build.schema.json").read_text(encoding="utf-8"))
    defaults = read_toml(ROOT / "policies" / "modes.toml").data
    rows = (f"| `{key}` | {_default(key, defaults)} | {text} |" for key, text in _settings(schema, schema))
    return _HEADER + "\n".join(rows) + "\n"


def rules_page() -> str:
    """The rules, a row each: the summary is the first line of the rule's docstring."""
    rows = []
    for rule in select_rules((), ()):
        summary = (rule.__doc__ or "").partition("\n")[0].strip().replace("|", "\\|")
        rows.append(f"| {rule.code} | {rule.name} | {rule.severity} | {summary} |")
    return _RULES_HEADER + "\n".join(rows) + "\n"


def dead_links() -> Iterator[str]:
    """Relative links of the Markdown pages to files that do not exist."""
    for pattern in PAGES:
        for page in sorted(ROOT.glob(pattern)):
            for match in _LINK.finditer(page.read_text(encoding="utf-8")):
                if not (page.parent / match[1]).exists():
                    yield f"{page.relative_to(ROOT)}: no such file: {match[1]}"


def _settings(node: dict[str, Any], schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each setting's dotted key and description, in the schema's order."""
    for name, child in node["properties"].items():
        resolved = _resolved(child, schema)
        if "properties" in resolved:
            yield from _settings(resolved, schema, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", resolved["description"]


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    if reference is None:
        return node
    target: Any = schema
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return dict(target)


def _default(key: str, defaults: dict[str, Any]) -> str:
    value: Any = defaults
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else f"`{json.dumps(value)}`"


if __name__ == "__main__":
    sys.exit(main())
