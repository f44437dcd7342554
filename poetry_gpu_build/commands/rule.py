"""`poetry gpu-build rule`: explains a rule of the linter, or lists them all."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar

from cleo.formatters.formatter import Formatter
from cleo.helpers import argument
from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.commands.base import json_document
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from cleo.io.inputs.argument import Argument
    from cleo.io.inputs.option import Option

    from poetry_gpu_build.lint.rule_page import RulePage

_FORMATS = ("text", "json")


class GpuBuildRuleCommand(GpuBuildBaseCommand):
    """Explains a rule."""

    name = "gpu-build rule"
    description = "Explains a rule of the linter: what, why, an example, what to do. Without one, lists them all."
    help = """\
  <comment>poetry gpu-build rule</comment>                           all rules
  <comment>poetry gpu-build rule GPU401</comment>                    one of them
  <comment>poetry gpu-build rule sidecar-publishes-port</comment>    the same, by its name

In the list, * marks the rules whose findings <info>poetry gpu-build lint --fix</info> can mend, with --unsafe-fixes
where that may change what is built.

Exit codes: 0 done, 2 there is no such rule."""

    arguments: ClassVar[list[Argument]] = [argument("rule", "The rule's code or name.", optional=True)]
    options: ClassVar[list[Option]] = [
        option("format", None, f"How to show it: {', '.join(_FORMATS)}.", flag=False),
    ]

    def run_command(self) -> int:
        """Show the page, or the list."""
        from poetry_gpu_build.lint.rule_page import all_pages

        form = self.option("format") or "text"
        if form not in _FORMATS:
            raise ConfigurationError(f"there is no format {form}", ways_out=(f"use one of: {', '.join(_FORMATS)}",))
        pages = all_pages()
        asked = self.argument("rule")
        if asked is None:
            self.result(json_document({"rules": [_data(page) for page in pages]}) if self.wants_json else _list(pages))
            return 0
        page = _find(asked, pages)
        if self.wants_json:
            self.result(json_document({**_data(page), "description": page.description}))
        else:
            self._show(page)
        return 0

    def _show(self, page: RulePage) -> None:
        """The page's text, its headings marked."""
        from poetry_gpu_build.lint.rule_page import plain_lines

        for line, is_heading in plain_lines(page):
            escaped = Formatter.escape(line)
            self.line(f"<info>{escaped}</>" if is_heading else escaped)


def _list(pages: tuple[RulePage, ...]) -> str:
    width = max(len(page.name) for page in pages)
    return "\n".join(
        f"{page.code} {page.severity:<7} {'*' if page.fixable else ' '} {page.name:<{width}}  {page.summary}"
        for page in pages
    )


def _data(page: RulePage) -> dict[str, Any]:
    return {
        "code": page.code,
        "name": page.name,
        "severity": page.severity,
        "fixable": page.fixable,
        "summary": page.summary,
    }


def _find(asked: str, pages: tuple[RulePage, ...]) -> RulePage:
    from difflib import get_close_matches

    known = {name: page for page in pages for name in (page.code, page.name)}
    for name in (asked.upper(), asked.lower()):
        if name in known:
            return known[name]
    nearest = [*get_close_matches(asked.upper(), known, n=3), *get_close_matches(asked.lower(), known, n=3)]
    shown = asked if len(asked) <= 40 else f"{asked[:40]}…"
    raise ConfigurationError(
        f"there is no rule {shown}",
        ways_out=(f"did you mean {', '.join(nearest)}?" if nearest else "see them all: poetry gpu-build rule",),
    )
