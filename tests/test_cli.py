"""The commands that send nothing: whole outputs, exit codes, and how light `--help` is."""

from __future__ import annotations

import importlib
import inspect
import io
import json
import logging
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator, List, Type

import click
import pytest
from click.testing import CliRunner, Result

import kie_sync
from kie_sync import errors
from kie_sync.cli import COMMANDS, main
from kie_sync.cli.exits import exit_code
from kie_sync.cli.progress import Progress
from kie_sync.cli.run import Run
from kie_sync.cli.tables import plain_lines, print_table
from kie_sync.cli.words import allowed_of, price_lines, rule_sentence
from kie_sync.definitions import Condition, Limits, Parameter, Price, Rule, Seconds, Surcharge, Term
from kie_sync.events import TaskCreated, TaskFinished, TaskPolled, TaskSubmitting
from kie_sync.response import Response

MY_CATALOG = """\
schema_version: 1
models:
  my/model:
    title: Mine
    kind: image
    endpoint: kie-task
    source: a test
    checked: 2026-11-22
    parameters:
      prompt:  {type: text, required: true}
      quality: {wire: q, values: [low, high], default: low}
    price: {unit: image, by: quality, credits: {low: 2, high: 7.5}, source: a test, checked: 2026-11-22}
    tariffs:
      reference: {unit: image, credits: 9, source: a test, checked: 2026-11-22}
    examples:
      - call:  {prompt: a, quality: high}
        sends: {prompt: a, q: high}
        price: {cost_plus_one: 8.5, reference: 9}
"""
BROKEN = """\
  my/broken:
    title: Broken
    kind: imge
    endpoint: kie-task
    parameters:
      prompt: {type: text}
"""
FAULT = (
    'my.yaml:21:11: my/broken: kind: imge is not allowed; did you mean "image"? '
    "it must be one of image, video, audio, music, upscale, tool, chat"
)


def run(*args: str, stdin: str = "") -> Result:
    """Run a command in this process, stdout and stderr apart (click before 8.2 mixes them unless told)."""
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
    return CliRunner(**apart).invoke(main, list(args), input=stdin, catch_exceptions=False)


def run_json(*args: str) -> Any:
    """The JSON document of a command that goes well and says nothing else."""
    result = run(*args, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def my_catalog(here: Path) -> str:
    (here / "my.yaml").write_text(MY_CATALOG, encoding="utf-8")
    return "my.yaml"


@pytest.fixture
def broken_catalog(here: Path) -> str:
    (here / "my.yaml").write_text(MY_CATALOG + BROKEN, encoding="utf-8")
    return "my.yaml"


# The list of commands


def test_help_is_light() -> None:
    """`kie-sync --help` loads none of the libraries that make a start slow."""
    heavy = {"requests", "urllib3", "yaml", "jsonschema", "rich", "sseclient", "backoff", "asyncio"}
    code = (
        "import sys\nfrom kie_sync.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set(sys.modules) & {heavy!r}), file=sys.stderr)"
    )
    root = str(Path(kie_sync.__file__).parent.parent)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)

    assert done.stderr.strip() == "[]"
    assert done.stdout.startswith("Usage: ")


@pytest.mark.parametrize("name", COMMANDS)
def test_list_of_commands_says_what_each_command_says(name: str) -> None:
    command: click.Command = getattr(importlib.import_module(f"kie_sync.cli.{COMMANDS[name][0]}"), name)

    assert command.name == name
    assert (command.help or "").splitlines()[0] == COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_takes_a_catalog(name: str) -> None:
    first = {"account": "check", "batch": "status", "catalog": "check"}
    words = [name, first[name]] if name in first else [name]

    result = run(*words, "--help")

    assert result.exit_code == 0
    assert "--catalog FILE" in result.stdout
    assert "--json" in result.stdout


def test_sandbox_help_lists_every_fault() -> None:
    from kie_sync.sandbox import FAULTS

    text = run("sandbox", "--help").stdout

    assert [name for name in FAULTS if f"\n    {name}" not in text] == []


def test_version() -> None:
    result = run("--version")

    assert (result.exit_code, result.stdout) == (0, f"kie-sync {kie_sync.__version__}\n")


def test_unknown_command_says_what_is_near() -> None:
    result = run("pric")

    assert result.exit_code == 2
    assert result.stderr.endswith('error: there is no command "pric"; did you mean "price"?\n')


@pytest.mark.parametrize("words", [(), ("catalog",)], ids=["kie-sync", "catalog"])
def test_a_group_alone_shows_its_commands(words: Any) -> None:
    """As `--help` does, and not as the message of an error."""
    result = run(*words)

    assert (result.exit_code, result.stdout, result.stderr) == (0, run(*words, "--help").stdout, "")


def test_usage_error_as_json() -> None:
    result = run("price", "--json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert json.loads(result.stderr)["error"]["exit_code"] == 2


# Exit codes


def _all_errors(cls: Type[errors.KieError] = errors.KieError) -> Iterator[Type[errors.KieError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _all_errors(child)


EXIT_CODES = {
    "KieError": 2,
    "KieCatalogError": 2,
    "KieConfigError": 2,
    "KieJournalError": 2,
    "KieLedgerError": 2,
    "KieInputError": 2,
    "KieUnknownModelError": 2,
    "KieBudgetError": 2,
    "KieAccountError": 2,
    "KieAPIError": 3,
    "KieAuthenticationError": 3,
    "KieInsufficientBalanceError": 3,
    "KieNotFoundError": 3,
    "KieValidationError": 3,
    "KieRateLimitError": 3,
    "KieServerError": 3,
    "KieConnectionError": 3,
    "KieToolRoundsError": 2,
    "KieAnswerError": 4,
    "KieTaskError": 4,
    "KieTaskFailedError": 4,
    "KieSaveError": 7,
    "KieOutcomeUnknownError": 5,
    "KieStreamError": 5,
    "KieTaskTimeoutError": 6,
}


def test_every_error_class_has_an_exit_code() -> None:
    found = {cls.__name__: exit_code(cls.__new__(cls)) for cls in _all_errors() if cls.__module__ == "kie_sync.errors"}

    assert found == EXIT_CODES


# Models


def test_models_of_a_kind() -> None:
    head, *rows = run("models", "--kind", "image").stdout.splitlines()

    images = [model.id for model in kie_sync.load_catalog().values() if model.kind == "image"]
    assert head.split() == ["model", "kind", "title", "retired"]
    assert [row.split()[:2] for row in rows] == [[model_id, "image"] for model_id in images]


def test_models_as_a_table() -> None:
    assert run("models", "--search", "2.5 flash p").stdout == (
        "model                     kind  title                              retired\n"
        "gemini-2.5-flash-preview  chat  Gemini 2.5 Flash Preview (Google)  "
        "since 2026-02-17; use gemini-3-flash-preview\n"
    )


def test_models_found_by_text_as_json() -> None:
    assert run_json("models", "--search", "2.5 FLASH PREVIEW") == [
        {
            "id": "gemini-2.5-flash-preview",
            "title": "Gemini 2.5 Flash Preview (Google)",
            "kind": "chat",
            "provider": "google",
            "retired_on": "2026-02-17",
            "replaced_by": "gemini-3-flash-preview",
        }
    ]


def test_no_model_found() -> None:
    result = run("models", "--search", "no such thing")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no model fits; `kie-sync models` lists them all\n"


def test_schema_is_the_wire_input() -> None:
    found = run_json("schema", "google/nano-banana")

    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(found["properties"]) == ["prompt", "image_size", "output_format"]


def test_show_of_a_model_of_ones_own(my_catalog: str) -> None:
    result = run("show", "my/model", "--catalog", my_catalog)

    assert result.stdout == (
        "my/model: Mine (image, KIE.ai, kie-task)\n"
        "\n"
        "Parameters\n"
        "name     also called  type  default   allowed    about\n"
        "prompt                text  required\n"
        "quality  q            text  low       low, high\n"
        "\n"
        "Price\n"
        "KIE.ai: 2 credits per image (quality low)\n"
        "KIE.ai: 7.5 credits per image (quality high)\n"
        "credits by tariff:\n"
        "for           cost_plus_one  reference\n"
        "quality low               3          9\n"
        "quality high            8.5          9\n"
        "Source: a test (checked 2026-11-22)\n"
        "\n"
        "Source: a test (checked 2026-11-22)\n"
    )


ODD_CATALOG = """\
models:
  odd/cases:
    title: Odd
    kind: video
    endpoint: kie-task
    source: a test
    checked: 2026-11-22
    retired_on: 2026-01-01
    replaced_by: google/nano-banana
    note: an odd one
    parameters:
      prompt:     {type: text, required: true}
      mode:       {values: [std, pro], default: std}
      sound:      {type: boolean, default: false}
      duration:   {type: integer, min: 3, max: 15, default: 5}
      resolution: {values: [720p, 1080p], default: 720p}
    rules:
      - {kind: when, when: {mode: std}, then: {resolution: {values: [720p]}}, say: only pro has 1080p}
    price:
      unit: second
      seconds: duration
      cases:
        - {when: {mode: pro, sound: true}, by: resolution, credits: {720p: 20, 1080p: 27}}
        - {when: {mode: pro}, by: resolution, credits: {720p: 14, 1080p: not_offered}}
        - {credits: 5}
      source: a test
      checked: 2026-11-22
  odd/free:
    title: Without a price
    kind: chat
    endpoint: kie-chat
    accepts_other: true
    parameters:
      messages: {type: list, required: true, items: {type: object}}
"""


def test_show_has_a_line_for_each_choice_that_changes_the_price(here: Path) -> None:
    """What a rule forbids, or the platform does not offer, has none."""
    (here / "odd.yaml").write_text(ODD_CATALOG, encoding="utf-8")

    text = run("show", "odd/cases", "--catalog", "odd.yaml").stdout

    assert "RETIRED on 2026-01-01; use google/nano-banana\n" in text
    assert text.partition("credits by tariff:\n")[2].partition("Source")[0] == (
        "for                                                  cost_plus_one  reference\n"
        "resolution 720p, mode std, sound false, duration 3              16    unknown\n"
        "resolution 720p, mode std, sound false, duration 5              26    unknown\n"
        "resolution 720p, mode std, sound false, duration 15             76    unknown\n"
        "resolution 720p, mode std, sound true, duration 3               16    unknown\n"
        "resolution 720p, mode std, sound true, duration 5               26    unknown\n"
        "resolution 720p, mode std, sound true, duration 15              76    unknown\n"
        "resolution 720p, mode pro, sound false, duration 3              43    unknown\n"
        "resolution 720p, mode pro, sound false, duration 5              71    unknown\n"
        "resolution 720p, mode pro, sound false, duration 15            211    unknown\n"
        "resolution 720p, mode pro, sound true, duration 3               61    unknown\n"
        "resolution 720p, mode pro, sound true, duration 5              101    unknown\n"
        "resolution 720p, mode pro, sound true, duration 15             301    unknown\n"
        "resolution 1080p, mode pro, sound true, duration 3              82    unknown\n"
        "resolution 1080p, mode pro, sound true, duration 5             136    unknown\n"
        "resolution 1080p, mode pro, sound true, duration 15            406    unknown\n"
    )


def test_show_of_a_model_without_a_price(here: Path) -> None:
    (here / "odd.yaml").write_text(ODD_CATALOG, encoding="utf-8")

    text = run("show", "odd/free", "--catalog", "odd.yaml").stdout

    assert "and any other name, which is sent as it stands\n" in text
    assert text.endswith("\nPrice\nthe catalog has none\n\nSource: not stated (checked never)\n")


def test_show_of_too_many_combinations_names_the_command_that_answers(here: Path) -> None:
    many = ODD_CATALOG.replace("values: [std, pro]", f"values: [std, pro, {', '.join(f'x{n}' for n in range(20))}]")
    (here / "odd.yaml").write_text(many, encoding="utf-8")

    text = run("show", "odd/cases", "--catalog", "odd.yaml").stdout

    assert "by tariff: more than 60 combinations; `kie-sync price odd/cases -p ...` answers for one\n" in text


def test_show_says_what_newer_prices_were_seen() -> None:
    assert "seen 2026-10-06: 1K: 18, 2K: 18, 4K: 24 credits" in run("show", "nano-banana-pro").stdout


def test_show_of_a_storyboard() -> None:
    text = run("show", "sora-2-pro-storyboard").stdout

    assert "RETIRED on 2026-07-02; nothing takes its place\n" in text
    assert "shots[].scene     Scene " in text
    assert "- the shots together must not be longer than the video (shots[].duration at most duration)\n" in text
    assert "duration 25            226        250\n" in text


def test_show_of_a_chat_model() -> None:
    text = run("show", "gemini-3-pro").stdout

    assert "1,000,000 tokens of context; 65,536 tokens out at most; text, image, video, audio, pdf\n" in text
    assert "1M output tokens            701       7000\n" in text
    assert "- reference: ten times the cost" in text


def test_every_model_can_be_shown(catalog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one catalog for all: what is read again at each start is tested above."""
    monkeypatch.setattr(Run, "load_catalog", lambda *_, **__: catalog)
    for model in catalog:
        result = run("show", model)
        assert (result.exit_code, result.stdout.partition(":")[0]) == (0, model)
        assert run_json("show", model)["id"] == model


# Preview


def test_preview_is_the_whole_request() -> None:
    assert run_json("preview", "google/nano-banana", "a cat", "-p", "size=16:9") == {
        "method": "POST",
        "url": "https://api.kie.ai/api/v1/jobs/createTask",
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer ***"},
        "json": {"model": "google/nano-banana", "input": {"prompt": "a cat", "image_size": "16:9"}},
    }


@pytest.mark.parametrize(
    ("model", "pair", "sent"),
    [
        ("nano-banana-pro", "size=16:9", {"aspect_ratio": "16:9"}),
        ("nano-banana-pro", "images=https://x/y.png", {"image_input": ["https://x/y.png"]}),
        ("google/nano-banana-edit", "images=https://x/y.png", {"image_urls": ["https://x/y.png"]}),
        ("sora-2-text-to-video", "n_frames=15", {"n_frames": "15"}),
        ("sora-2-text-to-video", "duration=15", {"n_frames": "15"}),
    ],
)
def test_preview_uses_the_models_own_names(model: str, pair: str, sent: Any) -> None:
    assert run_json("preview", model, "a cat", "-p", pair)["json"]["input"] == {"prompt": "a cat", **sent}


def test_preview_refuses_images_where_a_model_takes_none() -> None:
    result = run("preview", "google/nano-banana", "a cat", "-p", "images=https://x/y.png", "--json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert [problem["where"] for problem in json.loads(result.stderr)["error"]["problems"]] == ["images"]


def test_preview_honours_the_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_BASE_URL", "http://127.0.0.1:4000/")

    result = run("preview", "google/nano-banana", "a cat")

    assert result.stdout.startswith("POST http://127.0.0.1:4000/api/v1/jobs/createTask\n")


def test_preview_of_a_chat() -> None:
    assert run_json("preview", "gemini-3-flash", "hello", "-p", "reasoning_effort=low", "--stream") == {
        "method": "POST",
        "url": "https://api.kie.ai/gemini-3-flash/v1/chat/completions",
        "headers": {"Content-Type": "application/json", "Accept": "text/event-stream", "Authorization": "Bearer ***"},
        "json": {"messages": [{"role": "user", "content": "hello"}], "reasoning_effort": "low", "stream": True},
    }


def test_a_repeated_argument_is_a_list() -> None:
    sent = run_json("preview", "nano-banana-pro", "a", "-p", "images=https://x/1.png", "-p", "images=https://x/2.png")

    assert sent["json"]["input"]["image_input"] == ["https://x/1.png", "https://x/2.png"]


def test_an_argument_in_json() -> None:
    sent = run_json(
        "preview",
        "sora-2-pro-storyboard",
        "-p",
        'shots=[{"scene": "a", "duration": 5}]',
        "-p",
        'shots={"scene": "b", "duration": 5}',
        "-p",
        "duration=10",
    )

    assert sent["json"]["input"] == {
        "shots": [{"Scene": "a", "duration": 5}, {"Scene": "b", "duration": 5}],
        "n_frames": "10",
    }


def test_a_text_that_begins_as_json_is_a_text() -> None:
    sent = run_json("preview", "google/nano-banana", "-p", "prompt=[Verse 1] a cat")

    assert sent["json"]["input"] == {"prompt": "[Verse 1] a cat"}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["size"], "-p size: write it as NAME=VALUE"),
        (["=16:9"], "-p =16:9: write it as NAME=VALUE"),
        (["images=[https://x/y.png]"], "-p images=[https://x/y.png]: the value begins as JSON, but is not JSON"),
        (["prompt=a dog"], "the prompt stands there twice"),
    ],
)
def test_arguments_that_cannot_be_read(pairs: List[str], message: str) -> None:
    words = [word for pair in pairs for word in ("-p", pair)]

    result = run("preview", "nano-banana-pro", "a cat", *words)

    assert result.exit_code == 2
    assert message in result.stderr


def test_an_unknown_model_says_what_is_near() -> None:
    result = run("preview", "nano-banana", "a cat")

    assert result.exit_code == 2
    assert result.stderr == 'error: nano-banana: no such model in the catalog; did you mean "google/nano-banana"?\n'


# Prices: every figure of the customer's sheet, in both tariffs

MILLION = "1000000"
FIGURES = [
    ("google/nano-banana", [], "5", "5"),
    ("google/nano-banana-edit", [], "5", "6"),
    ("nano-banana-pro", [], "25", "25"),
    ("nano-banana-pro", ["-p", "resolution=1K"], "25", "25"),
    ("nano-banana-pro", ["-p", "resolution=2K"], "37", "36"),
    ("nano-banana-pro", ["-p", "resolution=4K"], "49", "48"),
    ("sora-2-text-to-video", ["-p", "duration=10"], "31", "40"),
    ("sora-2-text-to-video", ["-p", "n_frames=15"], "46", "60"),
    ("sora-2-image-to-video", ["-p", "duration=10"], "31", "40"),
    ("sora-2-image-to-video", ["-p", "duration=15"], "46", "60"),
    ("sora-2-pro-storyboard", ["-p", "duration=10"], "91", "100"),
    ("sora-2-pro-storyboard", ["-p", "duration=15"], "136", "150"),
    ("sora-2-pro-storyboard", ["-p", "duration=25"], "226", "250"),
    ("gemini-3-pro", ["--input-tokens", MILLION], "101", "1000"),
    ("gemini-3-pro", ["--output-tokens", MILLION], "701", "7000"),
    ("gemini-3-pro", ["--input-tokens", "1000", "--output-tokens", "1000"], "0.802", "8"),
    ("gemini-3-flash", ["--input-tokens", MILLION], "31", "300"),
    ("gemini-3-flash", ["--output-tokens", MILLION], "181", "1800"),
    ("gemini-3-flash", ["--input-tokens", "1000", "--output-tokens", "1000"], "0.212", "2.1"),
    ("google/nano-banana", ["--count", "3"], "15", "15"),
    ("nano-banana-pro", ["--count", "2", "-p", "resolution=2K"], "74", "72"),
]


@pytest.mark.parametrize(("model", "words", "cost_plus_one", "reference"), FIGURES)
def test_prices(model: str, words: List[str], cost_plus_one: str, reference: str) -> None:
    found = {
        "default": run_json("price", model, *words)["credits"],
        "cost_plus_one": run_json("price", model, *words, "--tariff", "cost_plus_one")["credits"],
        "reference": run_json("price", model, *words, "--tariff", "reference")["credits"],
    }

    assert found == {"default": cost_plus_one, "cost_plus_one": cost_plus_one, "reference": reference}


def test_price_as_json_is_the_whole_estimate() -> None:
    assert run_json("price", "nano-banana-pro", "-p", "resolution=2K") == {
        "model": "nano-banana-pro",
        "tariff": "cost_plus_one",
        "credits": "37",
        "credits_min": "37",
        "credits_max": "37",
        "platform_credits": "36",
        "usd": "0.185",
        "cny": "1.295",
        "items": [
            {"text": "resolution 2K", "quantity": "1", "unit": "image", "credits": "36"},
            {"text": "Platform cost plus one credit", "quantity": "1", "unit": "image", "credits": "1"},
        ],
        "unknown": None,
        "notes": [
            "seen 2026-10-06: 1K: 18, 2K: 18, 4K: 24 credits "
            "(KIE live model catalog (copy in trevorotts1/openclaw-onboarding)); not the price in force"
        ],
        "platform_credits_max": "36",
    }


def test_price_as_text_shows_both_tariffs() -> None:
    assert run("price", "google/nano-banana-edit").stdout == (
        "google/nano-banana-edit\n"
        "tariff         credits    US$    CNY  platform credits\n"
        "cost_plus_one        5  0.025  0.175                 4\n"
        "reference            6   0.03   0.21                 4\n"
        "cost_plus_one: Google Nano Banana Edit: 1 image, 4 credits\n"
        "cost_plus_one: Platform cost plus one credit: 1 image, 1 credit\n"
        "reference: Google Nano Banana Edit: 1 image, 6 credits\n"
    )


def test_price_of_a_chat_without_tokens_is_its_rates() -> None:
    assert run("price", "gemini-3-flash").stdout == (
        "gemini-3-flash: credits for 1M tokens; --input-tokens and --output-tokens give the price of a call\n"
        "for               cost_plus_one  reference\n"
        "1M input tokens              31        300\n"
        "1M output tokens            181       1800\n"
        "- reference: ten times the cost; per 1,000 tokens instead of per 10,000 looks like a slip "
        "in the price sheet\n"
    )
    assert run_json("price", "gemini-3-flash")["rates_per_1m_tokens"] == {"input": "31", "output": "181"}


def test_price_that_is_unknown_says_why() -> None:
    result = run("price", "gemini-2.5-flash-preview", "--input-tokens", "5", "--tariff", "cost_plus_one")

    assert result.exit_code == 0
    assert "cost_plus_one: not known: Google published no price" in result.stdout


def test_unknown_tariff() -> None:
    result = run("price", "nano-banana-pro", "--tariff", "refrence")

    assert result.exit_code == 2
    assert 'there is no tariff refrence; did you mean "reference"?' in result.stderr


def test_plans() -> None:
    assert run("plans").stdout == (
        "plan            title       名称        seller    credits     price\n"
        "kie-basic       basic       基础        KIE.ai       1000     5 USD\n"
        "kie-standard    standard    标准        KIE.ai      10000    50 USD\n"
        "kie-pro         pro         专业        KIE.ai     105000   500 USD\n"
        "kie-enterprise  enterprise  企业        KIE.ai     275000  1250 USD\n"
        "new-user        new user    新用户赠送  customer      100     0 CNY\n"
        "trial           trial       体验版      customer      500    18 CNY\n"
        "basic           basic       基础版      customer     2000    68 CNY\n"
        "standard        standard    标准版      customer     5000   158 CNY\n"
        "pro             pro         专业版      customer    20000   588 CNY\n"
    )


def test_plans_as_json() -> None:
    assert run_json("plans")[0] == {
        "name": "kie-basic",
        "title": "basic",
        "title_zh": "基础",
        "seller": "KIE.ai",
        "credits": "1000",
        "price": "5",
        "currency": "USD",
        "source": "the price sheet that this project was given",
        "checked": "2026-11-22",
    }


# Catalog files of one's own


@pytest.mark.parametrize(
    "words",
    [["--catalog", "my.yaml", "price", "my/model"], ["price", "my/model", "--catalog", "my.yaml"]],
    ids=["before", "after"],
)
def test_catalog_option_before_and_after_the_command(my_catalog: str, words: List[str]) -> None:
    assert run_json(*words)["credits"] == "3"


def test_catalog_in_the_environment(my_catalog: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_CATALOG", my_catalog)

    assert run_json("preview", "my/model", "a", "-p", "quality=high")["json"]["input"] == {"prompt": "a", "q": "high"}


def test_a_broken_entry_is_a_warning_for_the_other_models(broken_catalog: str) -> None:
    result = run("price", "google/nano-banana", "--catalog", broken_catalog, "--json")

    assert (result.exit_code, json.loads(result.stdout)["credits"]) == (0, "5")
    assert json.loads(result.stderr) == {"warning": FAULT}


def test_a_broken_entry_is_an_error_for_who_asks_for_it(broken_catalog: str) -> None:
    result = run("price", "my/broken", "--catalog", broken_catalog)

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"error: {FAULT}\n")


def test_catalog_check_of_the_shipped_files() -> None:
    result = run("catalog", "check", "--strict")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("models read; 0 errors, 0 warnings\n")


def test_catalog_check_of_a_broken_file(broken_catalog: str) -> None:
    result = run("catalog", "check", broken_catalog)

    assert (result.exit_code, result.stdout) == (2, f"{FAULT}\n")


def test_catalog_check_runs_the_examples(here: Path) -> None:
    (here / "my.yaml").write_text(MY_CATALOG.replace("cost_plus_one: 8.5", "cost_plus_one: 8"), encoding="utf-8")

    found = run("catalog", "check", "my.yaml", "--json")

    assert found.exit_code == 2
    assert json.loads(found.stdout)["problems"] == [
        {
            "file": "my.yaml",
            "line": 18,
            "column": 32,
            "path": "my/model: examples[0].price.cost_plus_one",
            "message": "the price is 8.5",
            "model": "my/model",
            "is_warning": False,
        }
    ]


def test_catalog_check_finds_examples_of_shipped_models_that_a_file_breaks(here: Path) -> None:
    (here / "my.yaml").write_text("models: {google/nano-banana: {price: {credits: 6}}}\n", encoding="utf-8")

    result = run("catalog", "check", "my.yaml")

    assert result.exit_code == 2
    assert "google/nano-banana: examples[0].price.cost_plus_one: the price is 7\n" in result.stdout


def test_catalog_check_strict_fails_on_warnings(here: Path) -> None:
    text = MY_CATALOG.partition("    examples:")[0]
    (here / "my.yaml").write_text(text, encoding="utf-8")

    relaxed, strict = run("catalog", "check", "my.yaml"), run("catalog", "check", "my.yaml", "--strict")

    assert (relaxed.exit_code, strict.exit_code) == (0, 2)
    assert "warning: my/model: it has no example" in strict.stdout


def test_catalog_file_that_is_not_there() -> None:
    result = run("catalog", "check", "no.yaml")

    assert result.exit_code == 2
    assert result.stderr == "error: the catalog file no.yaml cannot be read: No such file or directory\n"


# Words and tables


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (Rule("at-least-one", groups=(("a",), ("b", "c"))), "at least one of a, b with c"),
        (Rule("exactly-one", groups=(("a",), ("b",))), "exactly one of a, b"),
        (Rule("excludes", say="never both", groups=(("a",), ("b",))), "never both (only one of a, b)"),
        (Rule("requires", first="a", groups=(("b", "c"),)), "a needs b with c"),
        (Rule("same-length", groups=(("a", "b"),)), "a with b have the same number of items"),
        (Rule("unique", groups=(("a[].name",),)), "each a[].name is different"),
        (Rule("less-than", first="a", second="b", max="c"), "a less than b, apart at most c"),
        (Rule("excludes", each="shots", groups=(("a",), ("b",))), "each of shots: only one of a, b"),
        (
            Rule("sum-max", max=2, terms=(Term("shots", "count", where=Condition(path="fast", values=(True,))),)),
            "the number of shots whose fast is true at most 2",
        ),
        (Rule("refers-to", first="a", second="b[].name"), "a must be one of b[].name"),
        (
            Rule("sum-max", terms=(Term("a", "count"), Term("b", times=Decimal(2))), min=1, max=9),
            "the number of a + 2 x b at least 1 and at most 9",
        ),
        (
            Rule(
                "when",
                when=Condition(path="mode", values=("fast",)),
                then={
                    "a": Limits(required=True, max_items=1),
                    "b": Limits(forbidden=True),
                    "c": Limits(values=(1, 2), default=1),
                    "d": Limits(ignored=True),
                    "e": Limits(not_values=("x",)),
                },
            ),
            'when mode is "fast": a is required, 1 item at most; b is not allowed; '
            'c must be one of 1, 2, defaults to 1; d has no effect; e must not be "x"',
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Rule) else "",
)
def test_rules_in_words(rule: Rule, sentence: str) -> None:
    assert rule_sentence(rule) == sentence


def test_limits_in_words() -> None:
    parameter = Parameter(
        "a",
        "a",
        "images",
        min_items=1,
        max_items=1,
        max_mb=Decimal(10),
        formats=("png",),
        items=Parameter("", "", "text", max_length=5, pattern="^x"),
        also=("auto",),
        media={"ratio": [Decimal("0.4"), Decimal("2.5")], "pixels": [100, 36000000], "total_seconds": 30},
    )

    assert allowed_of(parameter) == (
        '1 item exactly; or "auto"; 10 MB each at most; png; ratio 0.4 to 2.5; pixels 100 to 36,000,000; '
        "total seconds 30; each: 5 characters at most; must match ^x"
    )


def test_prices_in_words() -> None:
    price = Price(
        "second",
        {},
        cases=(
            Price(
                "second",
                {"720p": Decimal(3), "1080p": "not_offered"},
                by=("resolution",),
                when=Condition(path="v", present=True),
                seconds=Seconds("duration", media=("videos",)),
                surcharges=(Surcharge(("images",), Decimal(2), 1),),
            ),
            Price("image", Decimal("0.5"), currency="usd", results=4),
            Price("image", "unknown", unknown="nobody says"),
        ),
    )

    assert [(line["when"], line["text"]) for line in price_lines(price)] == [
        ("v is given, resolution 720p", "3 credits per second of duration + videos"),
        ("v is given, resolution 1080p", "not offered"),
        ("for each of images beyond 1", "plus 2 credits"),
        ("otherwise", "US$ 0.5 per 4 images"),
        ("otherwise", "nobody says"),
    ]


def test_tables_count_chinese_characters_as_two() -> None:
    assert plain_lines([("名称", "n"), ("a", "10")], [False, True]) == ["名称   n", "a     10"]


# On a terminal


class Terminal(io.StringIO):
    """What a person looks at."""

    def isatty(self) -> bool:
        return True


def test_tables_are_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())

    print_table(("name", "credits"), [("[bold]cat[/bold]", "5")], numbers=("credits",))

    text = sys.stdout.getvalue()  # type: ignore[attr-defined]
    assert "[bold]cat[/bold]" in text  # a value is no markup
    assert "─" in text


def test_progress_moves_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    run = Run()

    with Progress(run) as progress:
        progress(TaskSubmitting("m"))
        progress(TaskCreated("m", task_id="t1"))
        progress(TaskPolled("m", task_id="t1", state="generating", progress=40, elapsed_s=3))
        progress(TaskFinished("m", task_id="t1"))

    text = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "task t1 created\n" in text
    assert "generating 40 %, 3 s" in text
    assert (run.task_id, run.is_buying, run.is_known, run.is_over) == ("t1", False, True, True)


def test_progress_is_a_line_for_each_change_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(Run()) as progress:
        for state, elapsed in (("waiting", 1), ("waiting", 2), ("generating", 3), ("", 4)):
            progress(TaskPolled("m", task_id="t1", state=state, elapsed_s=elapsed))
        logging.getLogger("kie_sync").warning("task %s is odd", "t1")

    assert capsys.readouterr().err == "waiting, 1 s\ngenerating, 3 s\nnot listed yet, 4 s\nwarning: task t1 is odd\n"


def test_interrupt_before_the_answer_to_a_paid_call_is_an_unknown_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows then whether the call was accepted; the message must not sound as if it was not."""

    def interrupted(self: Any, request: Any, **_: Any) -> Any:
        if request.is_paid:
            raise KeyboardInterrupt
        return Response(200, b'{"code": 200, "data": 10}', {}, request.method, request.url)

    monkeypatch.setenv("KIE_API_KEY", "a-key")
    monkeypatch.setattr("kie_sync.transport.HttpTransport.__call__", interrupted)

    result = run("generate", "google/nano-banana", "a cat")

    assert result.exit_code == 130
    assert "error: interrupted while the call was on its way: whether it was accepted, and paid, is not known\n" in (
        result.stderr
    )
    assert "kie-sync reconcile" in result.stderr


def test_the_real_platform_is_warned_about_as_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that was withdrawn is a warning of ours, not a Python warning with a place in the source."""
    monkeypatch.setenv("KIE_API_KEY", "a-key")
    monkeypatch.setattr("kie_sync.connection._warned_about", set())
    monkeypatch.setattr("kie_sync.transport.HttpTransport.__call__", _refuse)

    result = run("generate", "sora-2-text-to-video", "a cat", "--json")

    told = [json.loads(line) for line in result.stderr.splitlines()]
    assert result.exit_code == 3
    assert "was withdrawn by its maker" in told[0]["warning"]
    assert told[1]["error"]["type"] == "KieValidationError"


def _refuse(self: Any, request: Any, **_: Any) -> Response:
    return Response(200, b'{"code": 422, "msg": "The model name is not supported"}', {}, request.method, request.url)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["google/nano-banana", "--input-tokens", "5"],
            "--input-tokens: the price of google/nano-banana does not go by tokens; it is for each image",
        ),
        (
            ["sora-2-text-to-video", "--input-tokens", "5", "--output-tokens", "6"],
            "--input-tokens and --output-tokens: the price of sora-2-text-to-video does not go by tokens; "
            "it is for each second",
        ),
        (
            ["gemini-3-flash", "--count", "2"],
            "--count: the price of gemini-3-flash goes by tokens; use --input-tokens, --output-tokens",
        ),
    ],
    ids=["image", "video", "chat"],
)
def test_price_refuses_figures_that_its_price_does_not_go_by(words: List[str], message: str) -> None:
    """They were passed over without a word."""
    result = run("price", *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(f"error: {message}\n")


def test_models_says_null_where_nothing_takes_a_models_place() -> None:
    """It said "none", which reads as a model of that name."""
    found = {model["id"]: model["replaced_by"] for model in run_json("models")}

    assert "none" not in found.values() and found["google/nano-banana"] is None
    assert found == {
        model.id: None if model.replaced_by in ("", "none") else model.replaced_by
        for model in kie_sync.load_catalog().values()
    }
