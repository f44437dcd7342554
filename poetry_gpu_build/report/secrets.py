"""Keeps out of a report what looks like a secret: CI uploads it, and more people read it than a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable

HIDDEN = "***"

_NAME = re.compile(r"TOKEN|SECRET|PASS|PWD|CREDENTIAL|AUTH|API_?KEY|ACCESS_?KEY|PRIVATE", re.IGNORECASE)
# Prefixes that GitHub, GitLab, Slack, AWS, Hugging Face, PyPI and the signers of JSON web tokens give theirs.
_VALUE = re.compile(r"(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|AKIA|hf_|pypi-|eyJ)|-----BEGIN ")
# https://user:password@host, and https://token@host.
_IN_ADDRESS = re.compile(r"://(?:[^/\s:@]{0,200}:[^/\s@]{1,500}|[^/\s:@]{16,500})@")
# Longer ones are digests or keys; nothing that says why a step ran.
_LONGEST_SHOWN = 64
# A shorter one would blank half the report: "a".
_SHORTEST_HIDDEN = 6


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable is better not shown.

    >>> looks_secret("GITHUB_TOKEN", "x"), looks_secret("PYTHON_VERSION", "3.10")
    (True, False)
    >>> looks_secret("INDEX", "https://me:pass@example.org/simple")
    True
    """
    if _NAME.search(name) or _VALUE.match(value) or _IN_ADDRESS.search(value):
        return True
    return len(value) > _LONGEST_SHOWN or not value.isprintable()


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """What hides these values, and every password in an address.

    >>> redactor(["s3cr3t"])("curl https://me:pw@example.org -d s3cr3t")
    'curl https://***@example.org -d ***'
    """
    values = sorted({value for value in secrets if len(value) >= _SHORTEST_HIDDEN}, key=len, reverse=True)

    def redact(text: str) -> str:
        for value in values:
            text = text.replace(value, HIDDEN)
        return _IN_ADDRESS.sub(f"://{HIDDEN}@", text) if "@" in text else text

    return redact


def secret_arguments(arguments: Iterable[tuple[str, str]]) -> list[str]:
    """The values of these build arguments that are better not shown anywhere: by their name, or by their own form."""
    return [value for name, value in arguments if _NAME.search(name) or _VALUE.match(value)]
