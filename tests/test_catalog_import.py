"""`catalog import`: the platform's pages become entries that pass the check; nothing known is touched."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List

import pytest
from conftest import ROOT
from test_cli_sandbox import run
from wire import shipped

from kie_sync.catalog import data_root, read_catalog
from kie_sync.pages.drafting import draft_entry
from kie_sync.pages.reading import read_pages
from kie_sync.params import resolve
from kie_sync.yamlfile import read_yaml

PAGES = ROOT / "tests" / "pages"
PICTURE, CLIP, SPEECH = PAGES / "picture-edit.md", PAGES / "clip.md", PAGES / "speech.json"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def imported(*args: str) -> Dict[str, Any]:
    """The models that an import prints, read as a catalog file is read."""
    result = run("catalog", "import", *args)
    assert result.exit_code == 0, result.stderr
    models: Dict[str, Any] = read_yaml(result.stdout, "stdout")["models"]
    return models


def page(properties: str, *, model: str = "acme/x", path: str = "/api/v1/jobs/createTask", top: str = "# X") -> str:
    """A page with these fields of the input, as JSON."""
    schema = {
        "type": "object",
        "properties": {"model": {"type": "string", "enum": [model]}, "input": json.loads(properties)},
    }
    body = {"content": {"application/json": {"schema": schema}}}
    document = {"openapi": "3.0.1", "paths": {path: {"post": {"requestBody": body}}}}
    return f"{top}\n\n```json\n{json.dumps(document)}\n```\n"


def parameter(schema: Dict[str, Any], name: str = "x") -> Dict[str, Any]:
    """What becomes of one field."""
    return parameters(page(json.dumps({"type": "object", "properties": {name: schema}})))


def parameters(text: str) -> Dict[str, Any]:
    """The parameters of the entry that is made of this page."""
    described = read_pages(text, "test")[0]
    draft = draft_entry(described, shipped().names, endpoint="kie-task", source="a page", checked="2026-11-22")
    found: Dict[str, Any] = draft.entry["parameters"]
    return found


# The three pages


def test_the_three_pages_pass_the_check_after_only_the_price_is_filled_in(here: Path) -> None:
    done = run("catalog", "import", str(PICTURE), str(CLIP), str(SPEECH), "--file", "my.yaml")
    written = (here / "my.yaml").read_text(encoding="utf-8")
    filled = re.sub(r"unknown: it is not on the page", "credits: 8", written)
    (here / "my.yaml").write_text(filled, encoding="utf-8")

    checked = run("catalog", "check", "--strict", "my.yaml")

    assert (done.exit_code, done.stdout) == (0, "")
    assert written.count("unknown: it is not on the page") == filled.count("credits: 8") == 3
    assert (checked.exit_code, checked.stdout) == (0, "")
    assert run("price", "acme/clip-2", "--catalog", "my.yaml").exit_code == 0


def test_an_image_model_with_images_to_edit() -> None:
    entry = imported(str(PICTURE), "--source", "a page")["acme/picture-edit"]
    today = entry["checked"]

    assert re.fullmatch(r"\d{4}-\d\d-\d\d", today)
    assert entry == {
        "title": "Acme - Picture Edit",
        "kind": "image",
        "endpoint": "kie-task",
        "source": "a page",
        "checked": today,
        "parameters": {
            "prompt": {"type": "text", "required": True, "max_length": 5000},
            "images": {
                "wire": "image_urls",
                "type": "images",
                "required": True,
                "max_items": 8,
                "max_mb": 30,
                "formats": ["jpeg", "png", "webp"],
            },
            # One of the ratios stands without quotes on the page; it is a ratio all the same.
            "aspect_ratio": {"wire": "image_size", "values": ["1:1", "9:16", "16:9", "auto"], "default": "1:1"},
            "resolution": {"values": {"1K": "1K", "2K": "2K", "4K": "4k"}, "default": "1K"},
            "output_format": {"values": ["png", "jpeg"], "default": "png"},
            # A sample address is no default.
            "mask": {"wire": "mask_url", "type": "image", "max_mb": 5, "formats": ["png"]},
            "seed": {"type": "integer", "min": 0, "max": 2147483647},
            "safety_checker": {"wire": "enable_safety_checker", "type": "boolean", "default": True},
        },
        "price": {"unit": "image", "unknown": "it is not on the page", "source": "a page", "checked": today},
        "examples": [
            {
                "call": {
                    "prompt": "a cat by the window",
                    "images": ["https://example.com/a.png"],
                    "aspect_ratio": "16:9",
                    "resolution": "4K",
                    "output_format": "png",
                },
                "sends": {
                    "prompt": "a cat by the window",
                    "image_urls": ["https://example.com/a.png"],
                    "image_size": "16:9",
                    "resolution": "4k",
                    "output_format": "png",
                },
            }
        ],
    }


def test_a_video_model_with_lengths_as_text_and_a_list_of_scenes() -> None:
    entry = imported(str(CLIP))["acme/clip-2"]

    assert (entry["kind"], entry["price"]["unit"]) == ("video", "video")
    assert entry["source"] == "docs.kie.ai/market/acme/clip-2"
    assert entry["parameters"] == {
        "prompt": {"type": "text", "max_length": 2500},
        "first_frame": {"wire": "first_frame_url", "type": "image", "max_mb": 10, "formats": ["jpeg", "png"]},
        "duration": {"values": [5, 10, 15], "default": 5, "send_always": True, "send_as": "text"},
        "aspect_ratio": {"values": ["16:9", "9:16", "1:1"], "default": "16:9"},
        "resolution": {"wire": "quality", "values": {"720p": "720p", "1080p": "1080P"}, "default": "720p"},
        "sound": {"wire": "generate_audio", "type": "boolean", "default": False},
        "multi_shots": {"type": "boolean", "default": False, "send_always": True},
        "shots": {
            "wire": "multi_prompt",
            "type": "list",
            "max_items": 5,
            "items": {
                "type": "object",
                "fields": {
                    "prompt": {"type": "text", "required": True, "max_length": 500},
                    "duration": {"type": "integer", "required": True, "min": 1, "max": 12},
                },
            },
        },
        "videos": {
            "wire": "reference_video_urls",
            "type": "videos",
            "max_items": 3,
            "max_mb": 50,
            "formats": ["mp4", "mov"],
            "media": {"seconds": [2, 10]},
        },
        "cfg_scale": {"type": "number", "default": read_yaml("0.5", ""), "min": 0, "max": 1},
    }
    assert entry["examples"][0]["sends"]["duration"] == "10"
    assert entry["examples"][0]["call"]["shots"][0] == {"prompt": "a dog runs", "duration": 4}


def test_a_speech_model_from_the_schema_answer(here: Path) -> None:
    """A model whose one text is not called prompt takes a PROMPT on the command line all the same."""
    assert run("catalog", "import", str(SPEECH), "--file", "my.yaml").exit_code == 0
    model = read_catalog("my.yaml")["acme/speech-turbo-tts"]

    assert model.kind == "audio"
    assert resolve(model, {"prompt": "Good morning."}).wire == {"text": "Good morning.", "voice": "Roger"}
    assert model.parameters["audios"].media == {"seconds": [5, 30]}
    assert {choice.value for choice in model.parameters["voice"].values or ()} == {"Aria", "Roger", "No"}


def test_the_documentation_shows_what_really_comes_out() -> None:
    said = re.sub(r"checked: \S+", "checked: 2026-11-22", run("catalog", "import", str(SPEECH)).stdout)

    assert said in (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")


def test_what_was_guessed_stands_beside_it_as_a_todo() -> None:
    said = run("catalog", "import", str(CLIP)).stdout
    lines = said.partition("    examples:")[0].splitlines()
    before: Dict[str, str] = {}
    for at, line in enumerate(lines):
        before.setdefault(line.split(":")[0].strip(), lines[at - 1].strip())

    assert before["resolution"] == "# TODO: guessed: the name, for quality"
    assert before["prompt"] == '# TODO: a rule? The page says: "Takes effect when multi_shots is false."'
    assert before["price"].startswith("# TODO: write credits in place of unknown")
    assert before["aspect_ratio"].startswith("duration:")


# Fields, one by one

TEXT, URLS = {"type": "string"}, {"type": "array", "items": {"type": "string", "format": "uri"}}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({**TEXT, "description": "Max length: 2,000 characters"}, {"type": "text", "max_length": 2000}),
        ({**TEXT, "description": "2-300 characters"}, {"type": "text", "min_length": 2, "max_length": 300}),
        ({**TEXT, "description": "About 80 characters are best"}, {"type": "text"}),
        ({**TEXT, "maxLength": 10, "description": "up to 20 characters"}, {"type": "text", "max_length": 10}),
        ({"type": "integer", "minimum": 1, "maximum": 4}, {"type": "integer", "min": 1, "max": 4}),
        ({"type": "integer", "description": "How many (1-10)"}, {"type": "integer", "min": 1, "max": 10}),
        ({"type": "integer", "description": "A step of the 3-1 plan"}, {"type": "integer"}),
        ({"type": "boolean", "default": False}, {"type": "boolean", "default": False}),
        ({"enum": ["a", "b"]}, {"values": ["a", "b"]}),
        ({**TEXT, "enum": ["5", "10"], "default": "5"}, {"values": [5, 10], "default": 5, "send_as": "text"}),
        ({**TEXT, "enum": ["05", "10"]}, {"values": ["05", "10"]}),
        # Pages forget quotes, or put too many.
        ({**TEXT, "enum": [5, 10], "default": 5}, {"values": [5, 10], "default": 5, "send_as": "text"}),
        ({**TEXT, "enum": [0.5, 1], "default": 1}, {"values": ["0.5", "1"], "default": "1"}),
        ({"type": "number", "enum": ["1", "2"], "default": "1"}, {"values": [1, 2], "default": 1}),
        ({"type": "integer", "default": "3"}, {"type": "integer", "default": 3}),
        ({"type": "boolean", "default": "false"}, {"type": "boolean", "default": False}),
        ({**TEXT, "enum": ["a", "b"], "default": "c"}, {"values": ["a", "b"]}),
        ({"type": "array", "items": TEXT, "maxItems": 3}, {"type": "list", "max_items": 3, "items": {"type": "text"}}),
        ({"type": "object", "properties": {"a": TEXT}}, {"type": "object", "fields": {"a": {"type": "text"}}}),
        ({"description": "anything"}, {"type": "any"}),
        ({"type": "integer", "maxLength": 5, "pattern": "x"}, {"type": "integer"}),
        ({"oneOf": [{"type": "null"}, TEXT]}, {"type": "text"}),
    ],
)
def test_fields(schema: Dict[str, Any], expected: Dict[str, Any]) -> None:
    assert parameter(schema) == {"x": expected}


@pytest.mark.parametrize(
    ("name", "schema", "expected"),
    [
        ("image_urls", {**URLS, "description": "up to 8 images, max 30MB"}, {"max_items": 8, "max_mb": 30}),
        ("image_urls", {**URLS, "description": "supports jpeg, png"}, {"formats": ["jpeg", "png"]}),
        ("image_urls", {**URLS, "description": "2-4 images"}, {"min_items": 2, "max_items": 4}),
        ("image_urls", {**URLS, "description": "An array containing a single image URL"}, {"max_items": 1}),
        # Two sizes are of two things: neither is the limit.
        ("image_urls", {**URLS, "description": "max 10MB each, max 30MB for all"}, {}),
        ("image_urls", {**URLS, "description": "a 30MB picture was tried once"}, {}),
    ],
)
def test_limits_of_files_in_words(name: str, schema: Dict[str, Any], expected: Dict[str, Any]) -> None:
    assert parameter(schema, name) == {"images": {"wire": "image_urls", "type": "images", **expected}}


@pytest.mark.parametrize(
    ("wire", "schema", "name"),
    [
        ("image_size", {"enum": ["1:1", "16:9"]}, "aspect_ratio"),
        ("image_size", {"enum": ["small", "large"]}, "image_size"),
        ("size", {"enum": ["1K", "2K"]}, "resolution"),
        ("quality", {"enum": ["basic", "high"]}, "quality"),
        ("audio", {"type": "boolean"}, "sound"),
        ("audio", {"type": "string", "format": "uri"}, "audio"),
        ("n", {"type": "integer"}, "count"),
        ("tail_image_url", {"type": "string"}, "last_frame"),
        ("something_new", {"type": "string"}, "something_new"),
    ],
)
def test_names_are_guessed_by_the_table_and_by_what_the_values_look_like(
    wire: str, schema: Dict[str, Any], name: str
) -> None:
    assert list(parameter(schema, wire)) == [name]


def test_two_fields_never_get_one_name() -> None:
    fields = {"image_url": TEXT, "image_urls": URLS, "images": URLS}
    text = page(json.dumps({"type": "object", "properties": fields}))

    assert list(parameters(text)) == ["image_url", "image_urls", "images"]


def test_presets_become_ratios() -> None:
    words = ["square_hd", "portrait_4_3", "landscape_16_9"]

    assert parameter({"enum": words, "default": "square_hd"}, "image_size") == {
        "aspect_ratio": {
            "wire": "image_size",
            "values": {"1:1": "square_hd", "3:4": "portrait_4_3", "16:9": "landscape_16_9"},
            "default": "1:1",
        }
    }


def test_a_page_with_several_ids_gives_heirs() -> None:
    text = page('{"type": "object", "properties": {"prompt": {"type": "string"}}}')
    text = text.replace('"enum": ["acme/x"]', '"enum": ["acme/x", "acme/x-fast"]')
    result = run("catalog", "import", "-", "--json", stdin=text)
    models = json.loads(result.stdout)["models"]

    assert models["acme/x-fast"]["extends"] == "acme/x"
    assert json.loads(result.stdout)["problems"] == []


def test_a_sample_that_breaks_its_own_page_is_told(here: Path) -> None:
    text = CLIP.read_text(encoding="utf-8").replace("example: '10'", "example: '12'")
    result = run("catalog", "import", "-", stdin=text)

    assert "# TODO: the page's own sample is not what this entry sends:" in result.stdout
    assert 'must be one of 5, 10, 15; got "12"' in " ".join(result.stdout.replace("#", "").split())
    sends = read_yaml(result.stdout, "")["models"]["acme/clip-2"]["examples"][0]["sends"]
    assert sends == {"duration": "5", "multi_shots": False}


# What is refused


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", ["no call with a model and an input", "there is no OpenAPI block"]),
        (page("{}", path="/api/v1/veo/generate"), ["is called by POST /api/v1/veo/generate", "kie-task"]),
        ('{"code": 404, "msg": "no such model", "data": null}', ["refused (code 404): no such model"]),
        ('{"code": 200, "data": {"model": "m", "openapi": null}}', ["publishes no schema of m"]),
        ('{"code": 200', ["begins as JSON, but is not JSON"]),
        ("```yaml\nopenapi: 3.0.0\npaths: [\n```\n", ["OpenAPI block cannot be read", "standard input:"]),
        (page("{}", model="nano-banana-pro"), ["nano-banana-pro", "catalog drift"]),
    ],
)
def test_what_cannot_be_imported_says_why(text: str, words: List[str], here: Path) -> None:
    result = run("catalog", "import", "-", "--file", "my.yaml", stdin=text)

    assert (result.exit_code, result.stdout) == (2, "")
    assert [word for word in words if word not in result.stderr] == []
    assert not (here / "my.yaml").exists()


def test_everything_wrong_is_told_at_once_and_nothing_is_written(here: Path) -> None:
    (here / "known.md").write_text(page("{}", model="nano-banana-pro"), encoding="utf-8")
    (here / "empty.md").write_text("# Nothing\n", encoding="utf-8")

    result = run("catalog", "import", "known.md", "empty.md", str(CLIP), "--file", "my.yaml")

    assert result.exit_code == 2
    assert "known.md: nano-banana-pro: the catalog has this model" in result.stderr
    assert "empty.md: no call with a model" in result.stderr
    assert not (here / "my.yaml").exists()


def test_known_models_can_be_left_out(here: Path) -> None:
    (here / "known.md").write_text(page("{}", model="nano-banana-pro"), encoding="utf-8")

    assert list(imported("known.md", str(CLIP), "--skip-known")) == ["acme/clip-2"]


def test_a_name_that_is_no_file_says_how_to_fetch_it() -> None:
    for name in ("nano-banana-pro", "acme/not-known", "https://docs.kie.ai/market/x.md"):
        result = run("catalog", "import", name)

        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: {name}: the page cannot be read: ")
        assert result.stderr.endswith("; to ask the network for it, add --fetch\n")


# Into a file


def test_an_entry_is_added_behind_what_is_there(here: Path) -> None:
    before = "# mine\nmodels:\n  google/nano-banana: {note: seen}   # kept\n"
    (here / "my.yaml").write_text(before, encoding="utf-8")

    run("catalog", "import", str(CLIP), "--file", "my.yaml")

    after = (here / "my.yaml").read_text(encoding="utf-8")
    assert after.startswith(before)
    assert list(read_yaml(after, "")["models"]) == ["google/nano-banana", "acme/clip-2"]


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("models: {a: {title: b}}\n", "must be the last section"),
        ("models:\n  acme/other: {}\ntariffs: {}\n", "must be the last section"),
        ("- a\n", "is no catalog file"),
        ("models: [\n", "has a fault; put it right first"),
    ],
)
def test_a_file_that_cannot_take_it_stays_as_it_is(before: str, words: str, here: Path) -> None:
    (here / "my.yaml").write_text(before, encoding="utf-8")

    result = run("catalog", "import", str(CLIP), "--file", "my.yaml")

    assert (result.exit_code, words in result.stderr) == (2, True)
    assert (here / "my.yaml").read_text(encoding="utf-8") == before
    assert [path.name for path in here.iterdir()] == ["my.yaml"]


def test_the_shipped_catalog_is_never_written() -> None:
    file = Path(str(data_root().joinpath("models.yaml")))
    before = file.read_bytes()

    result = run("catalog", "import", str(CLIP), "--file", str(file))

    assert (result.exit_code, "is the shipped catalog" in result.stderr) == (2, True)
    assert file.read_bytes() == before
