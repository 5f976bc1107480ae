"""A user's files over the shipped ones: in order, hiding, surviving upgrades."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, List

import pytest
from test_cli import run, run_json

from kie_sync import load_catalog
from kie_sync.catalog import Catalog, data_root, read_catalog
from kie_sync.catalog_places import layers, own_file, user_folder
from kie_sync.errors import KieConfigError, KieUnknownModelError
from kie_sync.params import resolve
from kie_sync.request import wire_body

MODEL = "google/nano-banana"
FAMILY = """\
models:
  my/small: {title: S, kind: image, endpoint: kie-task, parameters: {prompt: {required: true}}}
  my/large: {extends: my/small, title: L, parameters: {seed: {type: integer}}}
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def priced(credits: int) -> str:
    price = f"{{credits: {credits}, source: a test, checked: 2026-11-22}}"
    example = f"{{call: {{prompt: a}}, sends: {{prompt: a}}, price: {{cost_plus_one: {credits + 1}}}}}"
    return f"models:\n  {MODEL}:\n    price: {price}\n    examples: [{example}]\n"


def told(catalog: Catalog) -> List[str]:
    return [str(problem) for problem in catalog.problems]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- which files are in force ----


def test_the_folder_comes_first_then_the_variable_then_what_is_given(
    home: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / ".config" / "kie-sync"
    write(folder / "b.yml", "models: {}\n")
    write(folder / "a.yaml", "models: {}\n")
    for other in (".a.yaml", "notes.txt", "a.yaml~", "c.yaml/x"):
        write(folder / other, "no catalog: [")
    monkeypatch.setenv("KIE_CATALOG", os.pathsep.join(["one.yaml", "", "two.yaml"]))

    assert user_folder() == folder
    assert [(str(layer.path), layer.why) for layer in layers("mine.yaml")] == [
        (str(folder / "a.yaml"), "your own folder"),
        (str(folder / "b.yml"), "your own folder"),
        ("one.yaml", "KIE_CATALOG"),
        ("two.yaml", "KIE_CATALOG"),
        ("mine.yaml", "given"),
    ]
    assert [str(layer.path) for layer in layers("mine.yaml", use_environment=False)] == ["mine.yaml"]


def test_the_last_file_wins(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def price_of(catalog: Catalog) -> Any:
        return catalog[MODEL].prices[-1].amounts

    write(own_file(), priced(11))
    own = price_of(load_catalog())
    monkeypatch.setenv("KIE_CATALOG", str(write(here / "named.yaml", priced(12))))
    named = price_of(load_catalog())
    given = price_of(load_catalog(write(here / "given.yaml", priced(13))))

    assert (own, named, given) == (11, 12, 13)


@pytest.mark.parametrize("value", ["off", " OFF "])
def test_the_users_folder_can_be_left_aside(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(own_file(), priced(11))
    monkeypatch.setenv("KIE_CATALOG", value)

    assert load_catalog()[MODEL].prices[-1].amounts == 4
    assert layers("mine.yaml") == layers("mine.yaml", use_environment=False)


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {}, "{home}/.config/kie-sync"),
        ("linux", {"XDG_CONFIG_HOME": "/elsewhere"}, "/elsewhere/kie-sync"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, "{home}/.config/kie-sync"),
        ("darwin", {}, "{home}/Library/Application Support/kie-sync"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/kie-sync"),
        ("win32", {"LOCALAPPDATA": ""}, "{home}/AppData/Local/kie-sync"),
    ],
)
def test_each_system_has_its_own_place(
    platform: str, variables: Any, folder: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert str(user_folder()) == folder.format(home=home)


def test_a_folder_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> List[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)

    with pytest.raises(KieConfigError, match="cannot be read: Permission denied; KIE_CATALOG=off goes on without it"):
        layers()


# ---- what a file does ----


def test_one_line_changes_the_name_on_the_wire(here: Path) -> None:
    write(own_file(), f"models:\n  {MODEL}:\n    parameters: {{aspect_ratio: {{wire: ratio_on_the_wire}}}}\n")

    model = load_catalog()[MODEL]
    sent = wire_body(model, resolve(model, {"prompt": "a cat", "aspect_ratio": "16:9"}))

    assert sent == {"prompt": "a cat", "ratio_on_the_wire": "16:9"}


def test_a_hidden_model_says_who_hides_it(here: Path) -> None:
    path = write(own_file(), f"models:\n  {MODEL}: null\n")

    catalog = load_catalog()

    assert (MODEL in catalog, len(catalog), told(catalog)) == (False, len(read_catalog()) - 1, [])
    with pytest.raises(KieUnknownModelError) as raised:
        catalog[MODEL]
    assert f"it is hidden by {path}:2" in str(raised.value)
    shown = run("show", MODEL)
    assert (shown.exit_code, f"hidden by {path}:2" in shown.stderr) == (2, True)


def test_a_later_file_brings_a_hidden_model_back(here: Path) -> None:
    one = write(here / "a.yaml", "models: {my/small: null, my/large: null}\n")
    whole = write(here / "family.yaml", FAMILY)

    catalog = read_catalog(whole, one, whole)

    assert ("my/small" in catalog, "my/large" in catalog, catalog.hidden, told(catalog)) == (True, True, {}, [])


def test_models_that_extend_a_hidden_one_stay(here: Path) -> None:
    catalog = read_catalog(write(here / "a.yaml", FAMILY), write(here / "b.yaml", "models: {my/small: null}\n"))

    assert ("my/small" in catalog, list(catalog["my/large"].parameters)) == (False, ["prompt", "seed"])
    assert catalog.errors == ()


STRAYS = {
    "changes": (
        "google/nano-bananas: {price: {credits: 3}}",
        'google/nano-bananas: there is no model google/nano-bananas to change; did you mean "google/nano-banana"?; '
        "the entry is left out (a new model needs title, kind and endpoint)",
    ),
    "hides": (
        "google/nano-bananas: null",
        'google/nano-bananas: there is no model google/nano-bananas to hide; did you mean "google/nano-banana"?',
    ),
}


@pytest.mark.parametrize(("entry", "message"), STRAYS.values(), ids=STRAYS)
def test_a_file_survives_an_upgrade(here: Path, entry: str, message: str) -> None:
    """An entry for a model that a new version lacks is a warning, and the rest of the file counts."""
    path = write(here / "my.yaml", f"models:\n  {entry}\n{priced(7)[len('models:') + 1 :]}")

    catalog = read_catalog(path)

    assert told(catalog) == [f"{path}:2:3: warning: {message}"]
    assert catalog[MODEL].prices[-1].amounts == 7
    checked = run("catalog", "check", str(path))
    assert (checked.exit_code, "0 errors, 1 warning" in checked.stderr) == (0, True)


def test_a_new_model_that_is_not_finished_is_an_error(here: Path) -> None:
    catalog = read_catalog(write(here / "my.yaml", "models:\n  my/new: {title: New, kind: image}\n"))

    assert [problem.message.partition(";")[0] for problem in catalog.errors] == ["endpoint is missing"]


def test_a_replacement_that_is_hidden_is_no_fault(here: Path) -> None:
    old = "  my/old: {extends: my/small, title: O, retired_on: 2026-01-01, replaced_by: my/large}\n"
    write(here / "a.yaml", FAMILY + old)
    write(here / "b.yaml", "models: {my/large: null}\n")

    checked = run("catalog", "check", "a.yaml", "b.yaml")

    assert (checked.exit_code, "replaced_by" in checked.stdout) == (0, False)


# ---- `catalog files`, and the switch ----


def test_the_files_in_force_are_listed_in_order(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = write(own_file(), FAMILY + f"  {MODEL}: null\n  my/broken: {{kind: imge, endpoint: kie-task}}\n")
    monkeypatch.setenv("KIE_CATALOG", str(write(here / "named.yaml", "models: {my/large: {title: X}}\n")))

    shown = run_json("catalog", "files", "--catalog", str(write(here / "given.yaml", "models: {my/small: null}\n")))

    shipped, *rest = shown["files"]
    assert (shipped["file"], shipped["from"]) == (str(data_root() / "models.yaml"), "shipped")
    assert rest == [
        {"file": str(own), "from": "your own folder", "adds": 2, "changes": 0, "hides": 1, "errors": 1},
        {"file": str(here / "named.yaml"), "from": "KIE_CATALOG", "adds": 0, "changes": 1, "hides": 0, "errors": 0},
        {"file": str(here / "given.yaml"), "from": "--catalog", "adds": 0, "changes": 0, "hides": 1, "errors": 0},
    ]
    assert (shown["folder"], shown["is_read"]) == (str(own.parent), True)


def test_the_list_says_where_own_files_belong(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, without = run("catalog", "files"), run("--no-user-catalog", "catalog", "files")
    monkeypatch.setenv("KIE_CATALOG", "off")
    off = run("catalog", "files")

    assert plain.stderr == f"your own folder: {user_folder()} (every .yaml file in it counts, by name)\n"
    assert without.stderr == f"your own folder: {user_folder()}, left aside by --no-user-catalog\n"
    assert off.stderr == f"your own folder: {user_folder()}, left aside by KIE_CATALOG=off\n"


def test_a_run_without_the_users_files(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(own_file(), f"models: {{{MODEL}: null}}\n")
    monkeypatch.setenv("KIE_CATALOG", str(write(here / "named.yaml", FAMILY)))

    with_them, without = (run("models", *words).stdout for words in ([], ["--no-user-catalog"]))

    assert ("my/small" in with_them, f"\n{MODEL} " in with_them) == (True, False)
    assert ("my/small" in without, f"\n{MODEL} " in without) == (False, True)
    assert run("catalog", "check", "--no-user-catalog").exit_code == 0
