"""`catalog new`: asked for step by step, or like a neighbour; checked before it is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest
from test_cli import run, run_json

from kie_sync import load_catalog
from kie_sync.catalog import read_catalog
from kie_sync.catalog_places import own_file
from kie_sync.clock import SystemClock
from kie_sync.pricing import estimate
from kie_sync.yamlfile import read_yaml

ANSWERS = [
    *("My Picture", "image", "", "the page"),
    # prompt: its own name, any value, text, must be given
    *("prompt", "", "", "", "y"),
    # size is aspect_ratio everywhere; the platform calls it ratio
    *("size", "ratio", "1:1, 16:9", "n", "1:1"),
    *("resolution", "", "1K,4K", "n", "1K"),
    *("size",),
    *("images", "urls", "", "", "n", ""),
    "",
    *("", "resolution", "5", "seven", "7.5", "the price list"),
]
WRITTEN = """\
  my/picture:
    title: My Picture
    kind: image
    endpoint: kie-task
    source: the page
    checked: TODAY
    parameters:
      prompt: {type: text, required: true}
      aspect_ratio: {wire: ratio, values: [1:1, 16:9], default: 1:1}
      resolution: {values: [1K, 4K], default: 1K}
      images: {wire: urls, type: images}
    price:
      unit: image
      by: resolution
      credits: {1K: 5, 4K: 7.5}
      source: the price list
      checked: TODAY
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answers(lines: List[str]) -> str:
    return "\n".join(lines) + "\n"


def test_an_entry_is_asked_for_step_by_step() -> None:
    result = run("catalog", "new", "my/picture", stdin=answers(ANSWERS))

    assert result.exit_code == 0, result.stderr
    today = SystemClock().date()[:10]
    assert own_file().read_text(encoding="utf-8").endswith(f"models:\n{WRITTEN.replace('TODAY', today)}")
    assert "size is called aspect_ratio everywhere; taken as that" in result.stderr
    assert "aspect_ratio is in the list already" in result.stderr
    assert "seven is no figure; write it as 20 or 7.5" in result.stderr
    assert f"my/picture: written into {own_file()}\nto fill in: it has no example" in result.stderr
    assert (
        estimate(load_catalog()["my/picture"], {"resolution": "4K"}).platform_credits
        == estimate(load_catalog()["my/picture"], {"resolution": "4K", "size": "16:9"}).platform_credits
    )


def test_a_chat_model_is_asked_for_tokens() -> None:
    result = run(
        "catalog",
        "new",
        "my/chat",
        "--title",
        "C",
        "--kind",
        "chat",
        stdin=answers(["", "", "", "30", "100", "a page"]),
    )

    assert result.exit_code == 0, result.stderr
    model = load_catalog()["my/chat"]
    assert (model.prices[0].unit, model.prices[0].amounts) == ("1m_tokens", {"input": 30, "output": 100})


def test_what_an_option_says_is_not_asked() -> None:
    words = ("--title", "T", "--kind", "video", "--endpoint", "kie-task", "--source", "s")
    result = run("catalog", "new", "my/v", *words, stdin=answers(["", "", "", ""]))

    assert result.exit_code == 0, result.stderr
    assert "Title" not in result.stderr and "Endpoint" not in result.stderr
    entry: Any = read_yaml(own_file().read_text(encoding="utf-8"), "")["models"]["my/v"]
    assert entry["price"] == {"unit": "video", "unknown": "not entered yet"}


def test_a_neighbour_gives_what_is_not_its_own() -> None:
    """Parameters, rules and amounts; no source, no date, no example, no name on the wire."""
    found = run_json("catalog", "new", "my/pro", "--like", "nano-banana-pro")

    entry: Any = read_yaml(own_file().read_text(encoding="utf-8"), "")["models"]["my/pro"]
    assert list(entry) == ["title", "kind", "endpoint", "parameters", "price"]
    assert (entry["title"], entry["price"]) == (
        "My Pro",
        {"unit": "image", "by": "resolution", "credits": {"1K": 24, "2K": 36, "4K": 48}},
    )
    assert entry["parameters"]["images"]["wire"] == "image_input"
    assert (found["is_written"], found["errors"], len(found["to_fill_in"])) == (True, [], 4)
    assert "my/pro" in load_catalog()


def test_what_a_neighbour_takes_over_is_written_out() -> None:
    run_json("catalog", "new", "my-grok", "--like", "grok-4-5", "--source", "a page")

    entry: Any = read_yaml(own_file().read_text(encoding="utf-8"), "")["models"]["my-grok"]
    assert ("extends" in entry, entry["price"]["unit"], entry["source"]) == (False, "1m_tokens", "a page")
    assert load_catalog()["my-grok"].slug == "my-grok"


@pytest.mark.parametrize("model", load_catalog())
def test_every_shipped_model_can_be_a_neighbour(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from kie_sync.cli.catalog.new import _copied

    catalog = load_catalog()
    entry = _copied(catalog, model, "my/copy", {})

    assert "source" not in entry and "examples" not in entry and "extends" not in entry
    assert set(entry.get("parameters") or {}) == set(catalog[model].parameters)


def test_an_entry_is_added_to_what_the_file_has(here: Path) -> None:
    text = "# mine\nmodels:\n  # one\n  my/one: {title: O, kind: image, endpoint: kie-task}   # short\n# end\n"
    (here / "my.yaml").write_text(text, encoding="utf-8")

    result = run("catalog", "new", "my/pro", "--like", "nano-banana-pro", "--file", "my.yaml")

    assert result.exit_code == 0
    assert "warning: my.yaml is not in force by itself" in result.stderr
    after = (here / "my.yaml").read_text(encoding="utf-8")
    assert after.startswith(text[: text.index("# end")] + "  my/pro:\n    title: My Pro\n")
    assert after.endswith("\n# end\n")


def test_a_neighbour_in_the_same_file_is_found(here: Path) -> None:
    """`--file` is enough: nobody has to name it with --catalog as well."""
    text = "models: {my/one: {title: O, kind: image, endpoint: kie-task, parameters: {prompt: {}}}}\n"
    (here / "my.yaml").write_text(text, encoding="utf-8")

    result = run("catalog", "new", "my/two", "--like", "my/one", "--file", "my.yaml")

    assert result.exit_code == 0, result.output
    assert list(read_catalog(here / "my.yaml")["my/two"].parameters) == ["prompt"]


def test_a_dry_run_writes_nothing() -> None:
    result = run("catalog", "new", "my/pro", "--like", "nano-banana-pro", "--dry-run")

    assert (result.exit_code, own_file().exists()) == (0, False)
    assert "+  my/pro:\n" in result.stdout


def test_what_does_not_pass_the_check_is_not_written() -> None:
    """A default that is not among the values."""
    lines = ["", "a", "", "1, 2", "n", "3", "", "", "", ""]
    words = ("--title", "T", "--kind", "image", "--endpoint", "kie-task")

    result = run("catalog", "new", "my/x", *words, stdin=answers(lines))

    assert (result.exit_code, own_file().exists()) == (2, False)
    assert "a does not allow its own default 3; it allows 1, 2" in result.stderr
    assert "the entry does not pass the check, so nothing was written" in result.stderr


WRONG = {
    "a model that is there": (["nano-banana-pro"], "there is a model nano-banana-pro already"),
    "no such neighbour": (["my/x", "--like", "nano-banana-por"], 'did you mean "nano-banana-pro"?'),
    "no such endpoint": (["my/x", "--endpoint", "kie-tsak"], 'there is no endpoint kie-tsak; did you mean "kie-task"?'),
    "questions for a program": (["my/x", "--json"], "--json asks no questions; name a neighbour with --like"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_told(words: List[str], message: str) -> None:
    result = run("catalog", "new", *words)

    assert (result.exit_code in (2, 130), own_file().exists()) == (True, False)
    assert message in result.stderr


def test_an_end_in_the_middle_writes_nothing() -> None:
    """In a process of its own: click 8.1, the last for Python 3.9, gives its own tests empty lines without end."""
    words = [sys.executable, "-m", "kie_sync.cli", "catalog", "new", "my/x"]

    ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    assert (ended.returncode, own_file().exists()) == (130, False)
    assert "interrupted" in ended.stderr
