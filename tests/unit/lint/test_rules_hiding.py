"""A second pip command is found however it hides, or said to be undecidable; and no Dockerfile stops a rule."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.rules.gpu101 import SinglePipCommand
from poetry_gpu_build.lint.rules.gpu102 import PipAfterPoetry
from poetry_gpu_build.lint.rules.gpu103 import ForeignPoetryInstaller
from poetry_gpu_build.lint.rules.gpu104 import SplitBootstrap
from poetry_gpu_build.lint.rules.gpu106 import PoetrySync
from poetry_gpu_build.lint.rules.gpu107 import InertToggle
from poetry_gpu_build.lint.rules.gpu108 import UncheckedDownload
from poetry_gpu_build.lint.rules.gpu901 import MayBePip
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

ROOT = Path("/project")
POLICY = load_policy(policies_dir())
RULES = (
    SinglePipCommand,
    PipAfterPoetry,
    ForeignPoetryInstaller,
    SplitBootstrap,
    PoetrySync,
    InertToggle,
    UncheckedDownload,
    MayBePip,
)
BOOTSTRAP = "FROM a\nRUN pip install poetry\n"

FOUND = [
    "RUN pip3.11 install x",
    "RUN /usr/bin/pip install x",
    "RUN $VIRTUAL_ENV/bin/pip install x",
    "RUN python3.12 -Im pip install x",
    "RUN python -m pip._internal install x",
    "RUN python /tmp/get-pip.py x",
    "RUN python -m ensurepip --upgrade",
    "RUN uv --quiet pip install x",
    "RUN uv tool install x",
    "RUN uv sync",
    "RUN pipx install x",
    "RUN easy_install x",
    "RUN python setup.py -q install",
    "RUN mamba install -y x",
    "RUN pip --cache-dir /c --no-input install x",
    "RUN pip uninstall -y x",
    "RUN p''ip install x",
    "RUN pi\\\np install x",
    "RUN P=pip; $P install x",
    'ARG P=pip\nRUN "$P" install x',
    'ENV DO="pip install"\nRUN $DO x',
    "RUN sudo -EH env A=1 nice pip install x",
    "RUN poetry run pip install x",
    "RUN bash -lc 'pip install x'",
    'RUN ["bash", "-c", "pip install x"]',
    'RUN ["pip", "install", "x"]',
    "RUN eval 'pip install x'",
    "RUN xargs pip install < requirements.txt",
    "RUN if a; then b || (pip install x); fi",
    "RUN echo `pip install x`",
    'RUN f() { pip "$@"; }; f install x',
    "RUN <<EOF\nset -e\npip install x\nEOF",
    "RUN bash <<EOF\npip install x\nEOF",
    "RUN echo 'pip install x' > /a.sh; sh /a.sh",
    "RUN ln -s /usr/bin/pip /q; /q install x",
    "ONBUILD RUN pip install x",
    "COPY s.sh /\nRUN /s.sh",
    "COPY <<EOF /r.sh\npip install x\nEOF\nRUN sh /r.sh",
    "WORKDIR /app\nCOPY <<-'E' ./\n\tpip install x\n\tE\nRUN ./E",
    "WORKDIR /app\nCOPY . .\nRUN sh -e s.sh",
    "RUN --mount=type=bind,target=/src /src/s.sh",
    "FROM a AS other\nRUN pip install y\nRUN pip install z",
]
UNDECIDABLE = [
    "RUN $(which pip) install x",
    "RUN $INSTALLER install x",
    "RUN /usr/bin/pi? install x",
    'RUN sh -c "$SCRIPT"',
    "RUN $SHELL -c 'pip install x'",
    "RUN base64 -d <<< cGlwIGluc3RhbGwgeA== | sh",
    "RUN curl -f x | sh",
    "RUN bash <(curl x)",
    'RUN . "$SCRIPT"',
    "RUN python -c 'import pip; pip.main()'",
    "RUN python - <<EOF\nimport pip\nEOF",
    "RUN perl -e 'system(\"pip install x\")'",
    "RUN retry 5 pip install x",
    "RUN make install PIP='pip install x'",
    "RUN <<EOF\n#!/usr/bin/python3\nimport pip\nEOF",
    'RUN echo "pip install x',
]


def documents(text: str) -> Documents:
    files = {"docker/Dockerfile": text, "s.sh": "pip install x\nsh s.sh\n./s.sh\n"}

    def read(path: Path) -> Source | None:
        found = files.get(path.relative_to(ROOT).as_posix())
        return None if found is None else Source(path, found)

    return Documents(ROOT, POLICY, read)


@pytest.mark.parametrize("text", FOUND)
def test_a_hidden_second_pip_command_is_found(text: str) -> None:
    assert len(list(SinglePipCommand().check(documents(f"{BOOTSTRAP}{text}\n")))) == 1


@pytest.mark.parametrize("text", UNDECIDABLE)
def test_what_may_be_a_pip_command_is_reported(text: str) -> None:
    assert list(MayBePip().check(documents(f"{BOOTSTRAP}{text}\n")))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RUN pip install x",
        "FROM",
        "FROM a AS a\nFROM a AS a\nCOPY --from=a . .\nCOPY --from=9 . .\nCOPY --from=$X a b",
        "COPY\nADD\nENV\nARG\nRUN\nONBUILD\nONBUILD ONBUILD RUN pip",
        'FROM a\nRUN []\nRUN [""]\nRUN ["pip"\nRUN ["poetry", "sync"]',
        "FROM a\nRUN poetry sync\\",
        "FROM a\nRUN curl -\nRUN curl | | sh\nRUN pip\nRUN poetry -C\nRUN uv tool\nRUN python setup.py",
        "FROM a\nRUN pip install " + "x " * 100_000,
        "FROM a\n" + "RUN pip install x\n" * 2_000,
        "FROM a\nRUN " + "$(" * 2_000 + "pip install x",
        "FROM a\nRUN " + "curl x | sh; " * 1_000,
        "FROM a\nRUN python -m venv v && " + "v/bin/pip install x && " * 1_000 + "make",
        "FROM a\nRUN pip install \x00\ud800 /\x00 ../../..\nCOPY \x00 \x00\nRUN /\x00/a.sh",
        "".join(f"FROM s{number} AS s{number + 1}\nCOPY --from=s{number} a a\n" for number in range(500)),
    ],
    ids=range(15),
)
def test_no_dockerfile_stops_a_rule(text: str) -> None:
    of = documents(text)
    began = time.perf_counter()
    for rule in RULES:
        for hit in rule().check(of):
            assert 0 <= hit.start <= hit.end <= len(hit.source.text)
    assert time.perf_counter() - began < 5
