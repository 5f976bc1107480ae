"""`batch status` and `batch report` after real calls to a sandbox: what they say is on record, and how to go on."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any, List

import pytest
from test_cli_sandbox import IMAGE, QUICK, error_of, run

from kie_sync.sandbox import Sandbox

# The sandbox takes 4 credits for it, as the shipped catalog says.
TOO_LOW = f"""\
models:
  {IMAGE}:
    price: {{unit: image, credits: 3, source: a test, checked: 2026-01-10}}
"""


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "journal.sqlite"
    for name, value in {**sandbox.environment(), "KIE_JOURNAL": str(path)}.items():
        monkeypatch.setenv(name, value)
    return path


def buy(prompt: str, key: str = "", *more: str) -> None:
    run("generate", IMAGE, prompt, *(("--key", key) if key else ()), *QUICK, *more)


def shown(*words: str) -> Any:
    result = run("batch", *words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def bought() -> None:
    """Batch `cats`: a row that is done and saved, one that is not saved, a failed and an unknown one; and a call of
    no batch."""
    buy("one", "batch/cats/1", "-o", "out/")
    buy("two", "batch/cats/2")
    buy("three [[fault:fail=no luck]]", "batch/cats/3")
    buy("four [[fault:accept-then-drop]]", "batch/cats/4")
    buy("five", "batch/dogs/1", "-o", "out/")
    buy("six")


def lines_of(text: str) -> List[List[str]]:
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


@pytest.mark.usefixtures("bought")
def test_status_lists_the_batches() -> None:
    result = run("batch", "status")

    head, cats, dogs = lines_of(result.stdout)
    assert head[2:] == ["rows", "done", "running", "failed", "unknown", "left", "estimated", "consumed"]
    assert (cats[0], cats[2:]) == ("cats", ["4", "2", "0", "1", "1", "3", "8", "8"])
    assert (dogs[0], dogs[2:]) == ("dogs", ["1", "1", "0", "0", "0", "0", "4", "4"])


@pytest.mark.usefixtures("bought")
def test_status_of_one_batch_says_how_to_go_on(tmp_path: Path) -> None:
    call_id = shown("status", "cats")["unknown"][0][:12]

    result = run("batch", "status", "cats")

    lines = result.stdout.splitlines()
    assert "the same `kie-sync batch` command fetches and waits, too" in result.stderr
    assert re.fullmatch(r"cats: 4 rows on record, \d{4}-.* UTC to \d{4}-.* UTC", lines[0])
    assert [line.split() for line in lines[1:5]] == [
        ["state", "rows"],
        ["unknown", "1"],
        ["failed", "1"],
        ["success", "2"],
    ]
    assert lines[5:] == [
        "8 credits consumed",
        "8 credits estimated",
        "1 done and not on disk:",
        f"  kie-sync collect -o {tmp_path / 'out'}",
        "1 of unknown outcome, perhaps paid, 4 credits:",
        f"  kie-sync reconcile; kie-sync settle {call_id} --charged|--not-charged",
        "1 failed:",
        "  kie-sync batch ROWS --name cats --retry-failed",
    ]


@pytest.mark.usefixtures("bought")
def test_what_status_says_to_do_leaves_nothing(tmp_path: Path) -> None:
    """Each command as it is printed; the row of unknown outcome was not paid, and is bought under its key."""
    steps = {step["what"]: step["command"].split() for step in shown("status", "cats")["next"]}
    call_id = shown("status", "cats")["unknown"][0]

    collected = run(*steps["1 done and not on disk"][1:])
    settled = run("settle", call_id[:12], "--not-charged")
    buy("four", "batch/cats/4", "-o", "out/")
    status = shown("status", "cats")

    # The call of no batch was not on disk, either.
    assert (collected.exit_code, settled.exit_code, len(list((tmp_path / "out").glob("*.png")))) == (0, 0, 5)
    assert (status["states"], status["left"]) == ({"failed": 1, "success": 3}, 1)
    assert run("batch", "status", "dogs").stderr == "every row on record is done and on disk\n"


def test_a_task_that_goes_on_is_resumed() -> None:
    buy("a [[fault:null-first=500]]", "batch/cats/1", "--max-wait", "0.01", "-o", "out/")
    status = shown("status", "cats")
    resumed = run(*status["next"][0]["command"].replace("FOLDER", "out").split()[1:], *QUICK)

    assert status["next"] == [{"what": "1 paid and not finished", "command": "kie-sync resume -o FOLDER"}]
    assert (status["credits_consumed"], status["calls_without_consumption"]) == ("0", 1)
    assert resumed.exit_code == 0 and shown("status", "cats")["left"] == 0


def test_a_refused_row_is_sent_again_by_the_same_batch() -> None:
    buy("a [[fault:code=422]]", "batch/cats/1")

    status = shown("status", "cats", "--journal", "journal.sqlite")

    command = "kie-sync batch ROWS --name cats --journal journal.sqlite"
    assert status["next"] == [{"what": "1 refused, and not paid", "command": command}]
    assert (status["states"], status["credits_estimated"]) == ({"refused": 1}, "0")


def test_a_batch_that_nobody_knows_is_bad_input() -> None:
    buy("one", "batch/cats/1")

    for command in ("status", "report"):
        result = run("batch", command, "cat", "--json")
        assert result.exit_code == 2
        assert 'no batch "cat" is on record in ' in error_of(result)["message"]
        assert error_of(result)["message"].endswith('; did you mean "cats"? there are: cats')


def test_without_batches_it_says_where_it_looked(journal: Path) -> None:
    assert run("batch", "status").stderr == f"no batches on record in {journal}\n"
    assert run("batch", "report").stderr == f"no calls on record in {journal}\n"
    assert "no batch is" in error_of(run("batch", "status", "cats", "--json"))["message"]


@pytest.mark.usefixtures("bought")
def test_the_report_counts_every_call() -> None:
    result = run("batch", "report")

    lines = result.stdout.splitlines()
    cells = [IMAGE, "6", "4", "1", "1", "80.0 %", "16", "16", "0", "0"]
    assert lines_of(lines[0])[0][:4] == ["model", "calls", "success", "failed"]
    assert lines_of(lines[1])[0][:10] == cells and lines_of(lines[2])[0][:10] == ["all", *cells[1:]]
    assert lines[3] == "1 call of unknown outcome, perhaps paid: 4 credits; `kie-sync reconcile` compares balances"


def test_a_price_that_was_not_known_is_told(tmp_path: Path) -> None:
    price = "price: {unit: image, unknown: nobody says, source: a test, checked: 2026-01-10, credits: null}"
    (tmp_path / "my.yaml").write_text(f"models:\n  {IMAGE}:\n    {price}\n", encoding="utf-8")
    buy("one", "batch/cats/1", "--catalog", "my.yaml")

    lines = run("batch", "report").stdout.splitlines()

    assert lines_of(lines[1])[0][6:8] == ["0 +1?", "4"]
    assert lines[-1] == "1 call paid without a known price, which the estimate leaves out"
    assert lines_of(run("batch", "status").stdout)[1][-2:] == ["0 +1?", "4"]


@pytest.mark.usefixtures("bought")
def test_the_report_by_batch_and_of_one_batch() -> None:
    everything, one = shown("report"), shown("report", "cats")

    assert [(each["batch"], each["calls"]) for each in everything["by_batch"]] == [("cats", 4), ("dogs", 1), (None, 1)]
    assert [(each["batch"], each["calls"]) for each in one["by_batch"]] == [("cats", 4)]
    assert one["total"]["credits_consumed"] == "8" and one["total"]["success_rate"] == pytest.approx(2 / 3)
    assert run("batch", "report", "--by", "batch").stdout.splitlines()[3].startswith("(none)")


@pytest.mark.usefixtures("bought")
def test_the_report_since_a_day() -> None:
    assert shown("report", "--since", "2020-01-01")["total"]["calls"] == 6
    assert shown("report", "cats", "--since", "2999-01-01")["total"]["calls"] == 0
    assert "since 2999-01-01" in run("batch", "report", "--since", "2999-01-01").stderr
    assert run("batch", "report", "--since", "yesterday").exit_code == 2


@pytest.mark.usefixtures("bought")
def test_the_report_as_csv() -> None:
    buy("a [[fault:null-first=100000]]", "batch/late/1", "--max-wait", "0.01")

    result = run("batch", "report", "--by", "batch", "--csv")

    rows = {row["batch"]: row for row in csv.DictReader(result.stdout.splitlines())}
    assert list(rows) == ["cats", "dogs", "", "late"]
    names = ("success", "failed", "unknown", "credits_consumed", "credits_at_stake", "success_rate", "duration_p50_s")
    assert [rows["cats"][name] for name in names][:5] == ["2", "1", "1", "8", "4"]
    assert [rows["late"][name] for name in names] == ["0", "0", "0", "0", "0", "", ""]
    assert rows["late"]["calls_without_consumption"] == "1"


def test_csv_and_json_are_one_too_many() -> None:
    assert run("batch", "report", "--csv", "--json").exit_code == 2


@pytest.mark.usefixtures("bought")
def test_the_report_as_a_page(tmp_path: Path) -> None:
    result = run("batch", "report", "cats", "--html", "new/report.html")

    page = (tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    assert result.exit_code == 0 and "the page is new/report.html" in result.stderr
    assert "<h1>Batch cats</h1>" in page and f"{IMAGE}: 8 expected, 8 taken" in page


def test_a_page_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    assert run("batch", "report", "--html", "file/report.html").exit_code == 2


def test_a_wrong_price_is_named_with_its_place_and_put_right_by_the_command(tmp_path: Path) -> None:
    """From the estimate that was too low to the price that fits, by what the report says to run."""
    own = ("--catalog", "my.yaml")
    (tmp_path / "my.yaml").write_text(TOO_LOW, encoding="utf-8")
    buy("one", "", *own)
    buy("two", "", *own)

    wrong = shown("report", *own)["wrong_prices"]
    call_id = wrong[0].get("differences")[0].pop("last_id")
    lines = run("batch", "report", *own).stdout.splitlines()
    warned = run("batch", "report", "--csv", *own).stderr
    command = wrong[0]["command"].split()
    changed = run(*command[1:])
    after = shown("report", *own)

    difference = {"credits_estimated": "3", "credits_consumed": "4", "calls": 2}
    how = f"kie-sync catalog price {IMAGE} --set credits=4 --catalog my.yaml"
    assert wrong == [{"model": IMAGE, "place": "my.yaml:3", "command": how, "differences": [difference]}]
    sentence = f"{IMAGE} [my.yaml:3]: 3 estimated, 4 taken (2 calls, the last {call_id[:12]}); put it right: {how}"
    assert lines[-1] == f"wrong price: {sentence}"
    assert sentence in warned
    assert changed.exit_code == 0, changed.stderr
    assert (after["wrong_prices"], after["total"]["difference"]) == ([], "2")


def test_a_price_of_many_figures_is_left_to_be_chosen(tmp_path: Path) -> None:
    table = "price: {unit: image, by: output_format, credits: {png: 3, jpeg: 9}, source: a test, checked: 2026-01-10}"
    (tmp_path / "my.yaml").write_text(f"models:\n  {IMAGE}:\n    {table}\n", encoding="utf-8")
    buy("one", "", "--catalog", "my.yaml")

    (wrong,) = shown("report", "--catalog", "my.yaml")["wrong_prices"]

    assert wrong["command"] == f"kie-sync catalog price {IMAGE} --catalog my.yaml"


def test_the_figure_is_that_of_the_price_in_force(tmp_path: Path) -> None:
    dated = (
        "price: [{unit: image, credits: 9, source: a test, checked: 2026-01-10}, "
        "{unit: image, credits: 3, valid_from: 2026-01-11, source: a test, checked: 2026-01-11}]"
    )
    (tmp_path / "my.yaml").write_text(f"models:\n  {IMAGE}:\n    {dated}\n", encoding="utf-8")
    buy("one", "", "--catalog", "my.yaml")

    (wrong,) = shown("report", "--catalog", "my.yaml")["wrong_prices"]

    assert wrong["command"] == f"kie-sync catalog price {IMAGE} --set credits=4 --catalog my.yaml"


def test_no_figure_is_made_of_a_price_that_the_calls_did_not_have(tmp_path: Path) -> None:
    """5 credits are as wrong as the 3 were; 5 * 4 / 3 would be no better."""
    (tmp_path / "my.yaml").write_text(TOO_LOW, encoding="utf-8")
    buy("one", "", "--catalog", "my.yaml")
    (tmp_path / "my.yaml").write_text(TOO_LOW.replace("credits: 3", "credits: 5"), encoding="utf-8")

    (wrong,) = shown("report", "--catalog", "my.yaml")["wrong_prices"]

    assert wrong["command"] == f"kie-sync catalog price {IMAGE} --catalog my.yaml"


def test_a_model_that_is_in_no_catalog_any_more_has_no_price_to_put_right(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(TOO_LOW, encoding="utf-8")
    (tmp_path / "without.yaml").write_text(f"models:\n  {IMAGE}: null\n", encoding="utf-8")
    buy("one", "", "--catalog", "my.yaml")

    report = shown("report", "--catalog", "without.yaml")

    assert (report["by_model"][0]["model"], report["by_model"][0]["difference"]) == (IMAGE, "1")
    assert report["wrong_prices"] == []
