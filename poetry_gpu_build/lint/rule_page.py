"""A rule as it is described: the page of docs/rules/, of `poetry gpu-build rule`, and of `--format sarif`.

The rule's class is the one source: its docstring says what and why, its examples show it.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING
from typing import Literal
from typing import NamedTuple

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.fixes import unified_diff
from poetry_gpu_build.lint.formats.interface import Report
from poetry_gpu_build.lint.formats.interface import Style
from poetry_gpu_build.lint.formats.text import TextFormat
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.registry import known_codes
from poetry_gpu_build.lint.registry import load_rule
from poetry_gpu_build.lint.registry import select_rules
from poetry_gpu_build.lint.rule import EngineRule
from poetry_gpu_build.lint.run import run_rules
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.lint.rule import Example
    from poetry_gpu_build.lint.rule import Rule
    from poetry_gpu_build.lint_policy import Severity
    from poetry_gpu_build.policy import Policy

Precision = Literal["very-high", "high", "medium", "low"]

_LANGUAGES = {".toml": "toml", ".lock": "toml", ".yml": "yaml", ".yaml": "yaml", ".sh": "sh", ".py": "python"}
_WIDTH = 100
# Where the examples are, for themselves: nothing is read from there.
_ROOT = Path("/project")


class RulePage(NamedTuple):
    """What a reader has to know of a rule; it holds no check."""

    code: str
    name: str
    summary: str
    """One sentence of plain text."""
    description: str
    """The page, in Markdown: what it does, why it is bad, an example, what to do."""
    severity: Severity
    """As the shipped policy says."""
    doc: str | None = None
    """Where the page stands: a URL, or a path of the documentation such as ``docs/rules/GPU101.md``."""
    tags: tuple[str, ...] = ()
    precision: Precision = "high"
    """How few of its findings are wrong."""
    fixable: bool = False
    """Whether some of its findings can be mended by `--fix` or `--unsafe-fixes`."""


def all_pages() -> tuple[RulePage, ...]:
    """The pages of all rules under the shipped policy, in the order of their codes."""
    policy = load_policy(policies_dir())
    return tuple(rule_page(load_rule(code), policy) for code in known_codes())


def page_of(code: str) -> RulePage:
    """The page of one rule under the shipped policy; the code must be known."""
    return rule_page(load_rule(code), load_policy(policies_dir()))


def rule_page(rule: Rule, policy: Policy) -> RulePage:
    """Describe a rule from its class; its first example with a fix is shown, or its first."""
    severity = policy.lint.severities[rule.code]
    summary, reason = _docstring(rule)
    example = next((each for each in rule.invalid if each.fixed), rule.invalid[0])
    report = _linted(rule, example, policy)
    fix = next((finding.fix for finding in report.findings if finding.fix is not None), None)
    option = "--fix" if fix is None or fix.is_safe else "--fix --unsafe-fixes"
    fixable = example.fixed is not None
    blocks = (
        f"# {rule.code}: {rule.name}",
        summary,
        f"{severity.capitalize()} by default; {f'`{option}` can mend it' if fixable else 'to be mended by hand'}.",
        "## Why",
        reason,
        "## What is found",
        *_files(example.files),
        _found(report),
        *_mended(example, option),
        "## What is right",
        *_files(_shown(rule.valid).files),
        "## Silencing it",
        _silencing(rule.code),
    )
    description = "\n\n".join(block for block in blocks if block) + "\n"
    doc = f"docs/rules/{rule.code}.md"
    return RulePage(rule.code, rule.name, summary, description, severity, doc, fixable=fixable)


def plain_lines(page: RulePage) -> Iterator[tuple[str, bool]]:
    """The page for a terminal, line by line, and whether each is a heading: no marks, code indented, not fenced."""
    fence = ""
    for line in page.description.splitlines():
        if fence:
            if line == fence:
                fence = ""
            else:
                yield f"    {line}".rstrip(), False
        elif line.startswith("```"):
            fence = line.rstrip("abcdefghijklmnopqrstuvwxyz")
        else:
            is_heading = line.startswith("#")
            yield line.lstrip("# ") if is_heading else line, is_heading


def _docstring(rule: Rule) -> tuple[str, str]:
    """What it says in its first line, and behind it, each paragraph a line less ragged."""
    summary, _, rest = (type(rule).__doc__ or "").partition("\n")
    paragraphs = "\n".join(line.strip() for line in rest.strip().splitlines()).split("\n\n")
    return summary.strip(), "\n\n".join(fill(each, _WIDTH, break_on_hyphens=False) for each in paragraphs)


def _shown(valid: tuple[Example, ...]) -> Example:
    """The first example of what is right that has something in it."""
    return next((each for each in valid if any(each.files.values())), valid[0])


def _files(files: Mapping[str, str]) -> Iterator[str]:
    """Each file that has a text, under its name."""
    for path, text in files.items():
        yield f"`{path}`:" if text else f"`{path}` is empty."
        if text:
            yield _fenced(text, _language(path))


def _language(path: str) -> str:
    name = path.rpartition("/")[2]
    if "dockerfile" in name.lower():
        return "dockerfile"
    return next((language for ending, language in _LANGUAGES.items() if name.endswith(ending)), "text")


def _fenced(text: str, language: str) -> str:
    """A block of code, between fences that are longer than any in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.removesuffix(chr(10))}\n{fence}".replace("\ufeff", "")


def _linted(rule: Rule, example: Example, policy: Policy) -> Report:
    """What the rule says of an example."""

    def read(path: Path) -> Source | None:
        text = example.files.get(path.relative_to(_ROOT).as_posix())
        return None if text is None else Source(path, text)

    # What the engine says is about what all the others find.
    rules = select_rules(Selection()) if isinstance(rule, EngineRule) else (rule,)
    findings = run_rules(Documents(_ROOT, policy, read), rules)
    return Report(tuple(finding for finding in findings if finding.code == rule.code), _ROOT)


def _found(report: Report) -> str:
    """The findings as they are printed, without the summary."""
    *findings, _summary = TextFormat(Style(width=_WIDTH)).render(report)
    return "The linter says:\n\n" + _fenced("".join(findings).rstrip("\n"), "text")


def _mended(example: Example, option: str) -> Iterator[str]:
    if example.fixed:
        yield f"## What `{option}` makes of it"
    for path, text in (example.fixed or {}).items():
        yield _fenced(unified_diff(path, example.files.get(path), text), "diff")


def _silencing(code: str) -> str:
    above = _fenced(f"# gpu-build: ignore[{code}] why it does not count here\n", "dockerfile")
    settings = _fenced(f'[tool.gpu-build.lint]\nignore = ["{code}"]\n', "toml")
    return (
        f"For one place, a comment on its line or above it, or above its instruction:\n\n{above}\n\n"
        f"For a file, the same with `ignore-file[{code}]`. For the project, in `pyproject.toml`:\n\n{settings}"
    )
