"""Saving what was paid: every error says so, listeners are told, and nothing is fetched twice."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from test_uploads import Notes
from wire import CREATED, IMAGE, Script, client, pieces, success

from kie_sync import KieImageAdapter
from kie_sync.errors import KieAPIError, KieConnectionError, KieInputError, KieNotFoundError, KieSaveError
from kie_sync.events import FilesSaved
from kie_sync.records import Record
from kie_sync.response import Response
from kie_sync.transport import Lost

GO_ON = (
    "; the result is paid, and nothing needs to be bought again: fetch it with "
    'adapter.task("t1").wait().save(...), or `kie-sync task t1 -o ...`'
)
URLS = ("https://f/1.png", "https://f/2.png")


class Kept(Notes):
    """A journal that knows which files of the one task were saved."""

    def __init__(self, files: Dict[str, str]) -> None:
        super().__init__()
        self.files = files

    def __call__(self, event: Any) -> None:
        if isinstance(event, FilesSaved):
            self.files.update(event.files)

    def find_task(self, task_id: str) -> Optional[Record]:
        return Record("id", IMAGE, "success", 0.0, task_id=task_id, files=self.files)


def made(clock: Any, *answers: Any, urls: Any = URLS[:1], **settings: Any) -> Any:
    script = Script(CREATED, success(*urls), *answers)
    return KieImageAdapter(client(script, clock, **settings), IMAGE).generate("a", context={"row": 7}), script


def full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_listeners_are_told_where_the_files_are(tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: List[Any] = []
    monkeypatch.chdir(tmp_path)
    result, _ = made(clock, pieces([b"1"]), pieces([b"2"]), urls=URLS, on_event=told.append)

    saved = result.save("cat.png")

    assert saved == [Path("cat-1.png"), Path("cat-2.png")]
    files = dict(zip(URLS, (str(tmp_path / "cat-1.png"), str(tmp_path / "cat-2.png"))))
    assert told[-1] == FilesSaved(IMAGE, {"row": 7}, "t1", files)


@pytest.mark.parametrize(
    ("answers", "kind", "message"),
    [
        ([Lost("reset")], KieConnectionError, "reset"),
        ([pieces([b"gone"], 404), {"code": 422, "msg": "url is wrong"}], KieNotFoundError, "its link has expired"),
    ],
)
def test_an_error_of_the_way_says_that_it_is_paid(
    tmp_path: Path, clock: Any, answers: Any, kind: Any, message: str
) -> None:
    result, _ = made(clock, *answers)

    with pytest.raises(kind) as caught:
        result.save(tmp_path)

    assert (caught.value.task_id, caught.value.model) == ("t1", IMAGE)
    assert caught.value.message.startswith(message) and caught.value.message.endswith(GO_ON)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_full_disk(tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = made(clock, pieces([b"1"]))
    for name in ("link", "replace"):
        monkeypatch.setattr(os, name, full)

    with pytest.raises(KieSaveError) as caught:
        result.save(tmp_path / "cat.png")

    assert caught.value.message == f"the files could not be saved: No space left on device{GO_ON}"
    assert (caught.value.task_id, caught.value.model, list(tmp_path.iterdir())) == ("t1", IMAGE, [])
    assert isinstance(caught.value.__cause__, OSError) and isinstance(caught.value, KieAPIError)


def test_a_folder_that_cannot_be(tmp_path: Path, clock: Any) -> None:
    (tmp_path / "file").write_bytes(b"")
    result, script = made(clock, pieces([b"1"]))

    with pytest.raises(KieSaveError, match=r"could not be saved: .* \(.*file"):
        result.save(tmp_path / "file" / "cat.png")

    assert len(script.requests) == 2


def test_a_place_that_is_none_is_bad_input(clock: Any) -> None:
    result, _ = made(clock)

    with pytest.raises(KieInputError, match=r"path knows no \{name\}"):
        result.save("{name}.png")


def test_what_came_before_something_went_wrong_is_told(tmp_path: Path, clock: Any) -> None:
    told: List[Any] = []
    result, _ = made(clock, pieces([b"1"]), Lost("reset"), urls=URLS, on_event=told.append)

    with pytest.raises(KieConnectionError):
        result.save(tmp_path / "cat.png")

    assert told[-1].files == {URLS[0]: str(tmp_path / "cat-1.png")}


def test_what_is_there_already_is_not_fetched_again(tmp_path: Path, clock: Any) -> None:
    """After a half-way save, the next one fetches what is missing, and no second copy of the rest."""
    journal = Kept({})
    result, script = made(clock, pieces([b"1"]), Lost("reset"), urls=URLS, journal=journal)
    with pytest.raises(KieConnectionError):
        result.save(tmp_path / "cat.png")
    script.answers = [pieces([b"2"])]
    before = len(script.requests)

    for _ in range(2):
        assert result.save(tmp_path / "cat.png") == [tmp_path / "cat-1.png", tmp_path / "cat-2.png"]

    assert len(script.requests) == before + 1


@pytest.mark.parametrize("change", ["gone", "elsewhere", "another name", "a pattern", "the folder above"])
def test_what_is_not_there_any_more_is_fetched(tmp_path: Path, clock: Any, change: str) -> None:
    result, script = made(clock, *[Response(200, b"1")] * 2, journal=Kept({}))
    first = result.save(tmp_path / "cat.png")[0]
    if change == "gone":
        first.unlink()
    place = {"gone": "cat.png", "elsewhere": "other/cat.png", "another name": "dog.png"}.get(change, "cat.png")
    given = {"a pattern": tmp_path / "c{n}t.{ext}", "the folder above": tmp_path.parent}.get(change, tmp_path / place)
    wanted = {"a pattern": "c1t", "the folder above": f"../{IMAGE.replace('/', '-')}-t1-1"}.get(change)

    (saved,) = result.save(given)

    assert saved.resolve().with_suffix("") == (tmp_path / (wanted or place)).resolve().with_suffix("")
    assert [request.method for request in script.requests[2:]] == ["GET", "GET"]
