"""The page of docs/: every case with its meaning and an example, as the cases themselves say it."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.case import link
from poetry_gpu_build.doctor.explain.lines import clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.doctor.explain.case import Case

_WIDTH = 120
_HEADER = """\
# What an error means for this project

<!-- Written by `make docs` from the cases in poetry_gpu_build/doctor/explain/cases/. -->

```console
$ poetry gpu-build doctor --explain build.log
$ docker run --gpus all app:binary 2>&1 | poetry gpu-build doctor --explain -
$ poetry gpu-build doctor --explain - --gpu "GTX 970" < error.txt
```

Each error below is told once, with the first place in the text, how often it is there, what it means, what it means
here (`here:`, by the project's pin and policy, the facts, and the cards of the text, of `--gpu`, of
`[tool.gpu-build]` or of this machine), and what to do (`help:`). What causes others comes first. A fact that nobody
measured is marked: `(known by: …)`. It works without a GPU, without docker and outside a project, and sends nothing
anywhere.

The text may be of any size; colours, carriage returns, time stamps, the prefixes of BuildKit and Compose, and UTF-16
(with a byte order mark, or of a text that is mostly ASCII) do not matter; a compressed text is refused, with the
command that unpacks it. A setting that cannot be used is noted, and the rest of the project counts. Of one error up to
five are told apart, such as two cards that torch warns of. With `--format json` all of it is one document:
`explanations[]` with `name`, `line`, `times`, `quote`, `values`, `meaning`, `here`, `ways_out` and `references`.

Exit codes: 0 something was explained · 1 nothing was recognised · 2 a usage error, or the text cannot be read.

"""


def explain_page(cases: Sequence[Case]) -> str:
    """The page, in Markdown, with the cases in the order in which they are told."""
    return _HEADER + "\n".join(line for case in cases for line in _section(case)).rstrip() + "\n"


def _section(case: Case) -> Iterator[str]:
    yield f"## {case.name}"
    yield ""
    yield f"{case.title}."
    yield ""
    yield "```text"
    yield from (clean(line).rstrip() for line in case.examples[0].text.strip("\n").split("\n"))
    yield "```"
    for paragraph in case.meaning.split("\n\n"):
        yield ""
        yield fill(" ".join(paragraph.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
    if case.references:
        yield ""
        yield f"Met in {', '.join(f'[{reference}]({link(reference)})' for reference in case.references)}."
    yield ""
