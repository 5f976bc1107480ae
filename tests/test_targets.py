"""Places for results: files, folders, patterns; names that cannot leave them; nothing overwritten."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kie_sync.errors import KieInputError
from kie_sync.targets import Target, parse_target, safe_name, try_out


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "odd{}").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("cat.png", Target("file", Path("cat.png"))),
        ("folder", Target("folder", Path("folder"))),
        ("new/", Target("folder", Path("new"))),
        (Path("a/cat.png"), Target("file", Path("a/cat.png"))),
        ("odd{}", Target("folder", Path("odd{}"))),
        ("{n}.{ext}", Target("pattern", Path("{n}.{ext}"))),
        ("out/{model}/", Target("pattern", Path("out/{model}/{model}-{task_id}-{n}.{ext}"))),
    ],
)
def test_what_a_place_is(given: Any, target: Target) -> None:
    assert parse_target(given) == target


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", 'path must be a file, a folder or a pattern; got ""'),
        ("a\0b", "path must be a file, a folder or a pattern"),
        ("/dev/null", "is a device or a pipe"),
        ("{name}.png", "path knows no {name}; there are: {model}, {task_id}, {n}, {ext}"),
        ("{}.png", "path knows no {}"),
        ("{0}.png", "path knows no {0}"),
        ("{model.__class__}.png", "path knows no {model.__class__}"),
        ("{n.png", "a brace too many or too few"),
        ("n}.png", "a brace too many or too few"),
        ("{model!r}.png", "and {n:03} for 001"),
        ("{model:>99999999}.png", "and {n:03} for 001"),
        ("{n:{model}}.png", "and {n:03} for 001"),
        ("~nobody-of-this-name/x", "names a home that is not known"),
    ],
)
def test_what_is_no_place(given: str, told: str) -> None:
    with pytest.raises(KieInputError) as caught:
        parse_target(given)

    assert told in str(caught.value)


ABOUT = {"model": "google/nano", "task_id": "t1", "suffix": "png"}


@pytest.mark.parametrize(
    ("given", "number", "count", "path"),
    [
        ("cat.jpg", 1, 1, "cat.jpg"),
        ("cat.jpg", 2, 3, "cat-2.jpg"),
        ("folder", 1, 1, "folder/google-nano-t1-1.png"),
        ("out/{model}-{task_id}-{n}.{ext}", 2, 3, "out/google-nano-t1-2.png"),
        ("{model}/{task_id}/{n:03}.{ext}", 7, 9, "google-nano/t1/007.png"),
        ("{model}.{ext}", 2, 3, "google-nano-2.png"),
        ("{model}.{ext}", 1, 1, "google-nano.png"),
        ("{{{n}}}.{ext}", 1, 1, "{1}.png"),
    ],
)
def test_where_each_file_goes(given: str, number: int, count: int, path: str) -> None:
    assert parse_target(given).path_for(number, count, **ABOUT) == Path(path)


@pytest.mark.parametrize(
    ("model", "task_id", "suffix", "path"),
    [
        ("../..", "../../etc/passwd", "png", "out/result/etc-passwd.png"),
        ("/abs", "C:\\x\0y", "", "out/abs/C-x-y"),
        ("..", "..", "", "out/result/result"),
        ("con", "nul.txt", "png", "out/_con/_nul.txt.png"),
        ("{n}", "a\nb", "png", "out/n/a-b.png"),
    ],
)
def test_what_is_filled_in_never_leads_out(model: str, task_id: str, suffix: str, path: str) -> None:
    found = parse_target("out/{model}/{task_id}.{ext}").path_for(1, 1, model=model, task_id=task_id, suffix=suffix)

    assert found == Path(path)


def test_a_step_of_dots_alone_gets_a_name() -> None:
    assert parse_target("out/{ext}./x").path_for(1, 1, model="m", task_id="t", suffix="") == Path("out/result/x")


@pytest.mark.parametrize(
    ("name", "safe"), [("CON", "_CON"), ("com1.png", "_com1.png"), ("console", "console"), ("LPT9", "_LPT9")]
)
def test_names_of_devices_are_changed(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    ("given", "folder"),
    [("a/cat.png", "a"), ("a/b/", "a/b"), ("a/{model}/{n}", "a"), ("{n}", "."), ("a{{}}/{n}", "a{}")],
)
def test_the_folder_of_a_place(given: str, folder: str) -> None:
    assert parse_target(given).folder == Path(folder)


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ("cat.png", {"cat.png", "cat-1.png", "cat-2-3.png"}),
        ("folder/", {"folder/cat.png", "folder/cat-2.png"}),
        ("folder", {"folder/cat.png", "folder/cat-2.png"}),
        ("", {"cat.png", "cat-1.png", "cat-2-3.png", "cat-x.png", "cat.jpg"}),
        ("folder/{n}.{ext}", set()),
        ("cat-{n}.{ext}", {"cat-2-3.png"}),
        ("cat.{ext}", {"cat-2-3.png"}),
        ("{task_id}/{model}.png", {"folder/cat-2.png"}),
        ("{task_id}/../cat-2.jpg", set()),
        ("other.png", set()),
    ],
)
def test_what_a_place_holds_already(here: Path, given: str, held: Any) -> None:
    files = ("cat.png", "cat-1.png", "cat-2-3.png", "cat-x.png", "cat.jpg", "folder/cat.png", "folder/cat-2.png")
    for name in files:
        (here / name).write_bytes(b"x")
    (here / "cat-4.png").write_bytes(b"")
    (here / "cat-5.png").mkdir()

    target = parse_target(given or here)

    listed = (*files, "cat-4.png", "cat-5.png", "cat-6.png", "\0")
    assert {name for name in listed if target.holds(Path(name), 2, 3, model="cat", task_id="folder")} == held


def test_trying_a_place_leaves_nothing(here: Path) -> None:
    before = sorted(here.rglob("*"))

    for given in ("cat.png", "folder", "a/b/c/", "a/{model}/{n}.{ext}"):
        try_out(parse_target(given))

    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("given", ["file/cat.png", "file/a/", "file/{n}"])
def test_a_place_below_a_file_is_found_out(here: Path, given: str) -> None:
    (here / "file").write_bytes(b"")

    with pytest.raises(OSError):
        try_out(parse_target(given))

    assert sorted(os.listdir(here)) == ["file", "folder", "odd{}"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_without_rights_is_found_out(here: Path) -> None:
    (here / "folder").chmod(0o500)

    with pytest.raises(PermissionError):
        try_out(parse_target("folder/a/b.png"))
