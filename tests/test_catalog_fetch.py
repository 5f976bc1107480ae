"""Pages from the network: asked for by name, the key to the platform's own host alone."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

import pytest
from conftest import ROOT
from test_cli_sandbox import run

from kie_sync.yamlfile import read_yaml

PAGES = ROOT / "tests" / "pages"
KEY = "k-made-up-0123456789"


class Site:
    """A host that serves pages, and keeps what it was asked, with the key that came along."""

    def __init__(self, pages: Dict[str, bytes]) -> None:
        self.pages = pages
        self.asked: List[Tuple[str, Optional[str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, self.headers.get("Authorization")))
                body = site.pages.get(self.path)
                self.send_response(404 if body is None else 200)
                self.end_headers()
                self.wfile.write(b'{"code": 404, "msg": "no such page"}' if body is None else body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    """The platform itself, which publishes one schema."""
    monkeypatch.chdir(tmp_path)
    site = Site({"/api/v1/models/acme/speech-turbo-tts/schema": (PAGES / "speech.json").read_bytes()})
    monkeypatch.setenv("KIE_BASE_URL", site.url)
    monkeypatch.setenv("KIE_API_KEY", KEY)
    yield site
    site.close()


@pytest.fixture
def docs() -> Iterator[Site]:
    """Another host, with the documentation."""
    site = Site({"/market/acme/clip-2.md": (PAGES / "clip.md").read_bytes(), "/quickstart.md": b"# Quick start\n"})
    links = "\n".join(f"- [x]({site.url}{path}): words" for path in site.pages)
    site.pages["/llms.txt"] = f"# Docs\n{links}\n".encode()
    yield site
    site.close()


def test_a_models_schema_is_asked_of_the_platform_with_the_key(platform: Site) -> None:
    result = run("catalog", "import", "acme/speech-turbo-tts", "--fetch")

    entry = read_yaml(result.stdout, "")["models"]["acme/speech-turbo-tts"]
    assert entry["source"] == "the platform's schema of acme/speech-turbo-tts"
    assert platform.asked == [("/api/v1/models/acme/speech-turbo-tts/schema", f"Bearer {KEY}")]


def test_a_page_of_another_host_gets_no_key(platform: Site, docs: Site) -> None:
    result = run("catalog", "import", f"{docs.url}/market/acme/clip-2.md", "--fetch", "--json")

    assert result.exit_code == 0, result.stderr
    assert docs.asked == [("/market/acme/clip-2.md", None)]
    assert platform.asked == []


def test_an_index_is_followed_to_the_pages_of_the_market(platform: Site, docs: Site) -> None:
    result = run("catalog", "drift", f"{docs.url}/llms.txt", "--fetch")

    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, "acme/clip-2")
    assert [path for path, _ in docs.asked] == ["/llms.txt", "/market/acme/clip-2.md"]


def test_without_fetch_nothing_is_asked(platform: Site, docs: Site) -> None:
    for name in ("acme/speech-turbo-tts", f"{docs.url}/market/acme/clip-2.md", f"{docs.url}/llms.txt"):
        assert run("catalog", "import", name).exit_code == 2
    assert platform.asked == docs.asked == []


def test_what_cannot_be_fetched_says_so_without_the_key(platform: Site, docs: Site) -> None:
    missing = run("catalog", "import", f"{docs.url}/market/none.md", "--fetch")
    unknown = run("catalog", "import", "acme/none", "--fetch")

    assert (missing.exit_code, "could not be fetched: HTTP 404" in missing.stderr) == (3, True)
    assert (unknown.exit_code, "no such page" in unknown.stderr) == (3, True)
    assert KEY not in missing.output + missing.stderr + unknown.output + unknown.stderr


def test_drift_alone_asks_for_every_task_model_of_the_catalog(platform: Site) -> None:
    """A model that the platform does not know any more has drifted, too."""
    result = run("catalog", "drift", "--fetch")

    assert result.exit_code == 1
    assert "nano-banana-pro\n  the platform does not know this model" in result.stdout
    assert {path for path, _ in platform.asked} >= {"/api/v1/models/nano-banana-pro/schema"}
    assert {key for _, key in platform.asked} == {f"Bearer {KEY}"}


def test_a_plain_address_of_another_machine_is_refused(platform: Site) -> None:
    result = run("catalog", "import", "http://docs.example.com/x.md", "--fetch")

    assert (result.exit_code, "must use https" in result.stderr) == (2, True)
