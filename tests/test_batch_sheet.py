"""The contact sheet: what stands on it, that nothing on it loads or runs, and that it is whole or not there."""

from __future__ import annotations

import html.parser
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import unquote, urlsplit

import pytest

from kie_sync.batch.results import RowResult
from kie_sync.batch.sheet import write_sheet
from kie_sync.errors import KieConfigError

NOW = 1_795_000_000.0


class Page(html.parser.HTMLParser):
    """A page as a browser would take it: its elements with their attributes, and the text of each row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: List[Tuple[str, Dict[str, Optional[str]]]] = []
        self.rows: Dict[str, List[str]] = {}
        self.totals: List[str] = []
        self._row = ""
        self._is_in_totals = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        named = dict(attrs)
        self.elements.append((tag, named))
        if tag == "article":
            self._row = named["id"] or ""
            self.rows[self._row] = []
        self._is_in_totals = self._is_in_totals or named.get("class") == "totals"

    def handle_endtag(self, tag: str) -> None:
        self._row = "" if tag == "article" else self._row
        self._is_in_totals = self._is_in_totals and tag != "dl"

    def handle_data(self, data: str) -> None:
        if self._row and data.strip():
            self.rows[self._row].append(data.strip())
        elif self._is_in_totals and data.strip():
            self.totals.append(data.strip())

    def find(self, *tags: str) -> List[Dict[str, Optional[str]]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def row(number: int = 1, state: str = "success", **more: Any) -> RowResult:
    given = {"given": {"prompt": f"cat {number}"}, "price": Decimal(4), "consumed": Decimal("4.0"), **more}
    return RowResult(number, None, f"k{number}", "my/model", state, **given)


def sheet(folder: Path, *rows: RowResult, title: str = "cats") -> Page:
    path = write_sheet(folder / "index.html", rows, title=title)
    return Page(path.read_text(encoding="utf-8"))


def test_a_row_with_everything(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"PNG")

    page = sheet(
        tmp_path,
        RowResult(
            7,
            8,
            "k7",
            "my/model",
            "success",
            {"prompt": "a cat", "size": "1K", "tags": ["x", 1]},
            "t7",
            (str(tmp_path / "a.png"),),
            ("https://files.example/a.png",),
            NOW + 86400,
            Decimal("4"),
            Decimal("3.50"),
            NOW,
            NOW + 12,
            12.34,
        ),
    )

    shown = ["7", "line 8", "success", "3.5 credits", "a cat", "my/model", "task t7", "all of it"]
    given = ["prompt", "a cat", "size", "1K", "tags", '["x", 1]']
    credits = ["credits estimated", "4", "credits consumed", "3.5"]
    times = ["created", "2026-11-18 11:06:40 UTC", "finished", "2026-11-18 11:06:52 UTC", "took", "12.3 s"]
    files = ["key", "k7", "files", "a.png"]
    assert page.rows["row-7"] == [*shown, *given, *credits, *times, *files]
    assert page.find("img") == [{"src": "./a.png", "alt": "row 7: a cat", "loading": "lazy"}]
    assert str(tmp_path) not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_what_is_not_known_is_no_zero(tmp_path: Path) -> None:
    page = sheet(
        tmp_path,
        row(1),
        row(2, consumed=None),
        row(3, price=None),
        row(4, "unknown", consumed=None),
        row(5, "unknown", price=None, consumed=None),
        row(6, "failed", consumed=Decimal(0)),
        row(7, "bad", consumed=None),
    )

    assert page.totals == [
        *("rows", "7", "3 done"),
        *("credits consumed", "8", "of 1 row not known yet"),
        *("credits estimated, of paid rows", "8", "without 1 row of unknown price"),
        *("outcome unknown", "2", "perhaps paid: 4 credits, and 1 of unknown price"),
    ]
    prices = [page.rows[f"row-{number}"][2] for number in range(1, 8)]
    assert prices == ["4 credits", "~4 credits", "4 credits", "~4 credits", "price unknown", "0 credits", "cat 7"]


def test_text_stays_text(tmp_path: Path) -> None:
    """Prompts, names, errors and ids are other people's: none of them becomes an element, or breaks an attribute."""
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    name = tmp_path / 'a" onload="x.png'
    name.write_bytes(b"PNG")
    (tmp_path / "a.txt").write_text(evil, encoding="utf-8")
    files = (str(name), str(tmp_path / "a.txt"))

    page = sheet(
        tmp_path,
        RowResult(1, None, evil, evil, "success", {evil: evil, "prompt": evil}, evil, files, error=evil),
        RowResult(2, None, "", "m", evil, urls=(f"https://x/{evil}", "javascript:alert(1)"), error="\ud800 half"),
        title=evil,
    )

    tags = {tag for tag, _ in page.elements}
    assert "script" not in tags and not [each for _, each in page.elements if any(key.startswith("on") for key in each)]
    assert len(page.find("img")) == 1 and evil in page.rows["row-1"]
    assert [each["href"] for each in page.find("a")] == [page.find("img")[0]["src"], f"https://x/{evil}"]


@pytest.mark.parametrize("name", ["a b.png", "a#1.png", "50%41.png", "what?.png", "猫 & co.png", "C:x.png", "a'b.png"])
def test_links_lead_to_the_files_beside_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / name).write_bytes(b"PNG")

    page = sheet(tmp_path, row(files=(str(tmp_path / "files" / name),)))

    (link,) = [urlsplit(each["src"] or "") for each in page.find("img")]
    assert (link.scheme, link.netloc, link.query, link.fragment) == ("", "", "", "")
    assert (tmp_path / unquote(link.path)).read_bytes() == b"PNG"


def test_links_are_relative_to_the_page_and_not_to_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    Path("out", "a.png").write_bytes(b"PNG")
    write_sheet(Path("out", "index.html"), [row(files=("out/a.png",))], title="cats")

    page = Page(Path("out", "index.html").read_text(encoding="utf-8"))

    assert page.find("img")[0]["src"] == "./a.png"


def test_each_file_is_shown_as_what_it_is(tmp_path: Path) -> None:
    names = ("a.JPG", "b.mp4", "c.mp3", "d.txt", "e.zip")
    for name in names:
        (tmp_path / name).write_text(f"in {name}", encoding="utf-8")

    page = sheet(tmp_path, row(files=tuple(str(tmp_path / name) for name in (*names, "gone.png"))))

    assert [each["src"] for each in page.find("img")] == ["./a.JPG"]
    moving = [(each["src"], each["preload"], "controls" in each) for each in page.find("video", "audio")]
    assert moving == [("./b.mp4", "none", True), ("./c.mp3", "none", True)]
    assert "in d.txt" in page.rows["row-1"] and "gone.png is not here any more" in page.rows["row-1"]
    assert [each["href"] for each in page.find("a")] == ["./a.JPG", "./e.zip"]


def test_a_long_text_is_shown_in_part(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 100_000, encoding="utf-8")

    path = write_sheet(tmp_path / "index.html", [row(files=(str(tmp_path / "a.txt"),))], title="cats")

    assert path.stat().st_size < 20_000


def test_a_file_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()

    page = sheet(tmp_path, row(files=(str(tmp_path / "a.txt"),)))

    assert page.rows["row-1"][0].startswith("a.txt cannot be read: ")


def test_what_is_no_file_is_shown_as_text(tmp_path: Path) -> None:
    page = sheet(tmp_path, row(data={"text": "a <b>cat</b>"}))

    assert page.rows["row-1"][0] == '{"text": "a <b>cat</b>"}'


def test_a_bad_row_is_shown_as_it_was_written(tmp_path: Path) -> None:
    columns = {"prompt": "a cat", "size": "9K", "remark": "mine"}

    page = sheet(tmp_path, RowResult(1, 2, "", "my/model", "bad", error="size must be 1K", columns=columns))

    shown = ["1", "line 2", "bad", "a cat", "size must be 1K", "my/model", "all of it"]
    given = ["prompt", "a cat", "size", "9K", "remark", "mine"]
    assert page.rows["row-1"] == [*shown, *given]


def test_a_result_that_is_not_on_disk_is_linked_and_not_loaded(tmp_path: Path) -> None:
    page = sheet(tmp_path, row(urls=("https://files.example/a.png",), expires_at=NOW))

    assert page.find("img", "video") == []
    (link,) = page.find("a")
    assert (link["href"], link["rel"]) == ("https://files.example/a.png", "noreferrer noopener")
    assert page.rows["row-1"][0] == "not fetched; at the platform until 2026-11-18 11:06:40 UTC:"


def test_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    """No script at all; the one `link` says that there is no icon to be fetched."""
    (tmp_path / "a.png").write_bytes(b"PNG")
    page = sheet(tmp_path, row(files=(str(tmp_path / "a.png"),)), row(2, urls=("https://files.example/b.png",)))

    loaded = [each.get("src") for _, each in page.elements if each.get("src")]
    assert page.find("script", "iframe", "object") == [] and loaded == ["./a.png"]
    assert [each["href"] for each in page.find("link")] == ["data:,"]
    assert "url(" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_rows_can_be_chosen_by_state(tmp_path: Path) -> None:
    page = sheet(tmp_path, row(1), row(2, "failed"), row(3))

    choices = [each["id"] for each in page.find("input")]
    assert choices == ["show-all", "show-success", "show-failed"]
    classes = [each["class"] for each in page.find("article")]
    assert classes == ["row is-success", "row is-failed", "row is-success"]
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "body:has(#show-failed:checked) .row:not(.is-failed){display:none}" in text


def test_many_rows_are_not_kept_in_memory(tmp_path: Path) -> None:
    """They are read one after the other, from what may be read only once."""
    many = (row(number, given={"prompt": "a cat in the snow " * 20}) for number in range(1, 3001))
    write_sheet(tmp_path / "warm.html", [row()], title="cats")

    tracemalloc.start()
    write_sheet(tmp_path / "index.html", many, title="cats")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (tmp_path / "index.html").stat().st_size > 3_000_000
    assert peak < 500_000


def test_no_rows_are_a_page_too(tmp_path: Path) -> None:
    page = sheet(tmp_path / "new" / "folder")

    assert page.rows == {} and page.totals[:2] == ["rows", "0"]


def test_a_run_that_breaks_leaves_the_old_page(tmp_path: Path) -> None:
    def rows() -> Iterator[RowResult]:
        yield row()
        raise RuntimeError("broken")

    sheet(tmp_path, row(1), row(2))
    before = (tmp_path / "index.html").read_bytes()
    with pytest.raises(RuntimeError):
        write_sheet(tmp_path / "index.html", rows(), title="cats")

    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_bytes() == before


def test_a_place_that_cannot_be_written_to_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(KieConfigError, match=r"index\.html cannot be written: "):
        write_sheet(tmp_path / "file" / "index.html", [row()], title="cats")
