"""Where pages come from: files, folders, standard input and, asked for by name, the network."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, List, Sequence, Tuple
from urllib.parse import quote, urljoin, urlsplit

import click

from ...catalog import Catalog
from ...config import check_url, origin
from ...definitions import Provider
from ...errors import KieConfigError, KieConnectionError
from ...pages.reading import Page, read_pages
from ..run import Command

_SUFFIXES = (".md", ".json", ".yaml", ".yml")
_LISTED = re.compile(r"\((https?://[^\s)]+\.md)\)|(?<!\()(https?://\S+\.md)\b")


@dataclass(frozen=True)
class Source:
    """The text of one page.

    Attributes:
        where: what to call it.
        source: the same for the catalog's `source`, where it is known.
        is_listed: it was found in a folder or an index, where other pages are as well.
    """

    where: str
    text: str
    source: str = ""
    is_listed: bool = False


def page_options(command: Command) -> Command:
    """`PAGE...` and `--fetch`."""
    fetch = click.option(
        "--fetch",
        is_flag=True,
        help="PAGE is an address, of a page or of an llms.txt, or a model's id; ask the network for it.",
    )
    return fetch(command)


def read_sources(catalog: Catalog, given: Sequence[str], *, fetch: bool) -> List[Source]:
    """The texts of pages.

    Raises:
        KieConfigError: one cannot be read.
        KieAPIError: one cannot be fetched.
    """
    found: List[Source] = []
    for name in given:
        if fetch and not (name == "-" or Path(name).exists()):
            found += _fetched(catalog, name)
        elif name == "-":
            found.append(Source("standard input", sys.stdin.read()))
        else:
            found += _from_files(catalog, Path(name), name)
    return found


def read_all(sources: Sequence[Source]) -> Tuple[List[Tuple[Source, Page]], List[str]]:
    """Every page of the texts, and a sentence for each text that holds none and was named for itself."""
    found: List[Tuple[Source, Page]] = []
    faults: List[str] = []
    for source in sources:
        try:
            found += [(source, page) for page in read_pages(source.text, source.where)]
        except KieConfigError as error:
            if not source.is_listed:
                faults.append(error.message)
    if sources and not found and not faults:
        faults.append(f"none of the {len(sources)} pages is about a model")
    return found, faults


def home_of(catalog: Catalog) -> Provider:
    """The provider whose pages these are: the first that publishes its models."""
    return next(provider for provider in catalog.providers.values() if "models" in provider.paths)


def source_of(catalog: Catalog, source: Source, page: Page) -> str:
    """Where the facts were read, for the entry's `source`."""
    if source.source:
        return source.source
    docs = urlsplit(home_of(catalog).docs_url).netloc
    if page.link and docs:
        return f"{docs}/{page.link.lstrip('/')}"
    return f"the platform's page {page.title}" if page.title else f"the platform's schema of {page.model_id}"


def _from_files(catalog: Catalog, path: Path, named: str) -> List[Source]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES and file.is_file())
        if not files:
            raise KieConfigError(f"{path}: there is no page in this folder ({', '.join(_SUFFIXES)})")
        return [replace(source, is_listed=True) for file in files for source in _from_files(catalog, file, str(file))]
    try:
        return [Source(str(path), path.read_text(encoding="utf-8-sig"))]
    except UnicodeDecodeError as error:
        raise KieConfigError(f"{path}: the file is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        is_name = "://" in named or named in catalog or not path.suffix
        hint = "; to ask the network for it, add --fetch" if is_name else ""
        raise KieConfigError(f"{named}: the page cannot be read: {error.strerror or error}{hint}") from error


def _fetched(catalog: Catalog, name: str) -> List[Source]:
    from ... import KieClient
    from ...request import Request, join

    provider = home_of(catalog)
    with KieClient(catalog=catalog, limiter=False) as client:
        connection = client.connection
        base_url = connection.settings.base_url(provider)

        def get(url: str) -> str:
            # The key goes to the platform's own host, and nowhere else.
            is_home = origin(url) == origin(base_url)
            request = Request("GET", url, provider=provider.name if is_home else "")
            response = connection.sender.send(request, provider if is_home else None)
            if response.status != 200:
                raise KieConnectionError(
                    f"{url}: the page could not be fetched: HTTP {response.status}",
                    status_code=response.status,
                    method="GET",
                    url=url,
                )
            return response.body.decode("utf-8", "replace")

        if re.match(r"https?://", name):
            check_url(name.partition("?")[0].partition("#")[0], "--fetch")
            return _from_web(name, get)
        url = join(base_url, f"{provider.paths['models']}/{quote(name)}/schema")
        return [Source(url, get(url), f"the platform's schema of {name}")]


def _from_web(url: str, get: Callable[[str], str]) -> List[Source]:
    if urlsplit(url).path.endswith("llms.txt"):
        links = [one or two for one, two in _LISTED.findall(get(url))]
        # Other pages of the documentation are about the platform, not about a model.
        links = [link for link in dict.fromkeys(urljoin(url, link) for link in links) if "/market/" in link]
        if not links:
            raise KieConfigError(f"{url}: it lists no page of the market")
        return [replace(source, is_listed=True) for link in links for source in _from_web(link, get)]
    address = urlsplit(url)
    path = address.path[: -len(".md")] if address.path.endswith(".md") else address.path
    return [Source(url, get(url), f"{address.netloc}{path}")]
