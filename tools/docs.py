"""Writes the generated pages of docs/: settings, rules, cards and explained errors; with --check tests them.

The schema's descriptions and the rules' docstrings are the text: one place to say what a setting or a rule means. What
holds for a card is asked of the program itself (gpus_page). --check tests every link too.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run as a file, it sees only its own folder

from poetry_gpu_build.doctor.explain.page import explain_page
from poetry_gpu_build.doctor.explain.registry import all_cases
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.lint.rule_page import all_pages
from tools.gpus_page import gpus_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.lint.rule_page import RulePage

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "docs" / "configuration.md"
RULES = ROOT / "docs" / "rules.md"
GPUS = ROOT / "docs" / "gpus.md"
RULE_PAGES = ROOT / "docs" / "rules"
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

<!-- Written by `make docs` from the rules' own docstrings and policies/rules.toml. -->

What [the linter](linter.md) checks; each rule's page says why, with an example. An error makes the exit code 1, a
warning does not; `*` marks the rules whose findings `--fix` can mend, with `--unsafe-fixes` where that may change what
is built. `poetry gpu-build rule GPU401` prints a page.
"""
_FAMILIES = {
    "GPU1": "How pip and Poetry are used",
    "GPU2": "The source build",
    "GPU3": "Both Dockerfiles",
    "GPU4": "Compose",
    "GPU5": "The manifests",
    "GPU9": "The linter itself",
}
_RULE_NOTE = "<!-- Written by `make docs` from the rule's own docstring and examples. -->\n\n"
_LINK = re.compile(r"\[[^\]]*\]\((?!https?://|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def main() -> int:
    """Write or check; returns 1 where a page is stale or a link leads nowhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a stale page or a dead link")
    check = parser.parse_args().check
    rules = all_pages()
    pages = {CONFIGURATION: configuration_page(), RULES: rules_page(rules), GPUS: gpus_page(ROOT / "policies")}
    pages |= {ROOT / str(rule.doc): _RULE_NOTE + rule.description for rule in rules}
    pages[ROOT / "docs" / "explain.md"] = explain_page(all_cases())
    left_over = [path for path in sorted(RULE_PAGES.glob("*")) if path not in pages]
    if not check:
        for path, page in pages.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(page, encoding="utf-8")
        for path in left_over:
            path.unlink()
        return 0
    problems = [*dead_links(), *(f"{path.relative_to(ROOT)} is of no rule: run `make docs`" for path in left_over)]
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


def rules_page(rules: Sequence[RulePage]) -> str:
    """The rules by their families, a row each, with a link to the rule's page."""
    blocks = [_RULES_HEADER]
    for family, title in _FAMILIES.items():
        rows = [f"## {title}", "", "| code | name | severity | fix | what it asks |", "|---|---|---|---|---|"]
        for rule in (each for each in rules if each.code.startswith(family)):
            summary = rule.summary.replace("|", "\\|")
            mark = "\\*" if rule.fixable else ""
            rows.append(f"| [{rule.code}](rules/{rule.code}.md) | {rule.name} | {rule.severity} | {mark} | {summary} |")
        blocks.append("\n".join(rows) + "\n")
    return "\n".join(blocks)


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
