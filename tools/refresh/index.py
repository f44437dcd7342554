"""A package index (PEP 503): which wheels it has of a release, and which of them is measured."""

from __future__ import annotations

import base64
import re
import ssl
import urllib.error
import urllib.request
from contextlib import contextmanager
from html.parser import HTMLParser
from http.client import HTTPException
from typing import TYPE_CHECKING
from typing import NamedTuple
from urllib.parse import unquote
from urllib.parse import urldefrag
from urllib.parse import urljoin
from urllib.parse import urlsplit

from packaging.utils import InvalidWheelFilename
from packaging.utils import canonicalize_name
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

    from packaging.requirements import Requirement

    from tools.refresh.pip_settings import PipSettings

_INTERPRETER = re.compile(r"(?:cp|py)(\d)(\d*)")
_TIMEOUT_SECONDS = 180
# The page of torch, a thousand files, has 0.4 MB.
_LARGEST_PAGE = 64 * 2**20


class IndexFile(NamedTuple):
    """One wheel as the index lists it."""

    name: str
    url: str
    sha256: str
    """As the index names it; a file without one is not measured."""


class Index:
    """An index, and the way to speak to it."""

    def __init__(self, settings: PipSettings) -> None:
        self._settings = settings
        handlers: list[urllib.request.BaseHandler] = []
        if settings.proxy is not None:
            proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else {}
            handlers.append(urllib.request.ProxyHandler(proxies))
        try:
            context = ssl.create_default_context(cafile=settings.certificates)
        except OSError as error:
            raise ConfigurationError(
                f"the certificates {settings.certificates} of pip's configuration cannot be read: {error}",
                ways_out=("mend pip's setting `cert`",),
            ) from error
        handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def wheel(self, requirement: Requirement) -> IndexFile:
        """The wheel that is measured for ``name==version``: for Linux on x86-64, and for the oldest Python it is for.

        Raises ConfigurationError where the index cannot be asked, or has no such wheel.
        """
        [version] = [Version(each.version) for each in requirement.specifier]
        listed = self._listed(requirement.name)
        fitting = [file for file in listed if _version(file) == version and _python(file)]
        if not fitting:
            known = sorted({found for found in map(_version, listed) if found is not None})
            of_release = [file.name for file in listed if _version(file) == version]
            what = "no wheel for Linux on x86-64" if of_release else "no such release"
            raise ConfigurationError(
                f"{requirement}: {what} on {_shown(self._page(requirement.name))}",
                ways_out=(f"choose one of: {', '.join(map(str, known[-12:])) or 'nothing is there'}",),
            )
        file = min(fitting, key=_python_and_name)
        if not file.sha256:
            raise ConfigurationError(
                f"{file.name}: the index names no sha256, so nothing tells whether a download is that file",
                ways_out=("ask another index: --index URL, or pip's setting index-url",),
            )
        return file

    def releases(self, name: str) -> list[Version]:
        """The final releases that have a wheel for Linux on x86-64, oldest first. Raises ConfigurationError."""
        versions = ((file, _version(file)) for file in self._listed(name))
        return sorted({found for file, found in versions if found and not found.is_prerelease and _python(file)})

    def pythons(self, name: str) -> dict[Version, list[str]]:
        """Of each release the CPythons that have a wheel for Linux on x86-64, ascending: ``3.9``, ``3.10``.

        Raises ConfigurationError.
        """
        found: dict[Version, set[tuple[int, int]]] = {}
        for file in self._listed(name):
            version = _version(file)
            if version is not None and (python := _python(file)) is not None:
                found.setdefault(version, set()).add(python)
        return {version: [f"{major}.{minor}" for major, minor in sorted(each)] for version, each in found.items()}

    @contextmanager
    def opened(self, url: str, what: str) -> Iterator[HTTPResponse]:
        """The answer to a request. Raises ConfigurationError, where nobody answers or the answer is an error."""
        parts = urlsplit(url)
        headers = {"Accept": "text/html, application/octet-stream, */*", "Accept-Encoding": "identity"}
        if parts.username is not None:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(secret).decode()}"
            url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        with self._answer(urllib.request.Request(url, headers=headers), what) as answer:
            yield answer

    def _answer(self, request: urllib.request.Request, what: str) -> HTTPResponse:
        shown = _shown(request.full_url)
        try:
            answer: HTTPResponse = self._opener.open(request, timeout=_TIMEOUT_SECONDS)
        except urllib.error.HTTPError as error:
            raise ConfigurationError(
                f"{what}: {shown} answers {error.code} {error.reason}",
                ways_out=("check the name, and the index that pip is configured with: pip config list",),
            ) from error
        # URLError is an OSError: no network, no such host, a certificate that nobody vouches for; HTTPException: what
        # answers speaks no HTTP; ValueError: no address at all.
        except (OSError, HTTPException, ValueError) as error:
            raise ConfigurationError(
                f"{what}: {shown} cannot be reached: {getattr(error, 'reason', error)}",
                ways_out=("check the network, and the index that pip is configured with: pip config list",),
            ) from error
        return answer

    def _page(self, name: str) -> str:
        return urljoin(f"{self._settings.index_url.rstrip('/')}/", f"{canonicalize_name(name)}/")

    def _listed(self, name: str) -> list[IndexFile]:
        page = self._page(name)
        with self.opened(page, name) as answer:
            try:
                text = answer.read(_LARGEST_PAGE).decode("utf-8", "replace")
            except (OSError, HTTPException) as error:
                raise ConfigurationError(f"{_shown(page)} broke off: {error}", ways_out=("run it again",)) from error
            base = answer.geturl()
        parser = _Links()
        parser.feed(text)
        return [_file(urljoin(base, link)) for link in parser.links]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href")
        if tag == "a" and address:
            self.links.append(address)


def _file(link: str) -> IndexFile:
    url, fragment = urldefrag(link)
    sha256 = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
    return IndexFile(unquote(urlsplit(url).path.rpartition("/")[2]), url, sha256)


def _version(file: IndexFile) -> Version | None:
    try:
        return parse_wheel_filename(file.name)[1]
    except InvalidWheelFilename:  # a source distribution, or an installer of old
        return None


def _python(file: IndexFile) -> tuple[int, int] | None:
    """The oldest CPython that it is for, `cp310` → (3, 10); None where it is not for Linux on x86-64.

    None also for an ABI of its own (`cp313t`), of which there is always a usual twin.
    """
    found = [
        (int(match[1]), int(match[2] or 0))
        for tag in parse_wheel_filename(file.name)[3]
        if "linux" in tag.platform and tag.platform.endswith("x86_64") and not tag.abi.endswith("t")
        if (match := _INTERPRETER.fullmatch(tag.interpreter))
    ]
    return min(found, default=None)


def _python_and_name(file: IndexFile) -> tuple[tuple[int, int], str]:
    return _python(file) or (0, 0), file.name


def _shown(url: str) -> str:
    """An address without the secret that may stand in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
