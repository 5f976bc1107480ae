"""Local files among arguments: placeholders by content, limits, all faults in one error."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any, Dict, List

import pytest
from PIL import Image

from kie_sync.catalog import read_catalog
from kie_sync.errors import KieInputError
from kie_sync.local_files import Staged, resolve_staged, stage, with_urls
from kie_sync.params import resolve
from kie_sync.records import PaidCall

EDIT, PRO = "google/nano-banana-edit", "nano-banana-pro"
OWN = """
models:
  my/all:
    kind: video
    endpoint: kie-task
    parameters:
      first_frame: {type: image, max_mb: 0.001, formats: [jpeg, png]}
      model_file: {type: file, formats: [obj, glb]}
      anything: {type: file}
      sounds: {type: audios, max_items: 2}
      mask: {type: image, schemes: [https, oss]}
      pictures: {type: list, items: {type: image, formats: [png]}}
      rows: {type: list, items: {type: list, items: {type: image}}}
      elements:
        type: list
        items: {type: object, fields: {name: {}, images: {wire: urls, type: images, max_items: 2, max_mb: 0.001}}}
      style: {type: object, fields: {picture: {type: image}, weight: {type: number}}}
      fixed: {type: image, constant: 'https://x/fixed.png'}
    price: {unit: video, credits: 1, source: s, checked: 2026-01-01}
"""


def png(side: int = 8) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((side, side), 50).save(file, "PNG")
    return file.getvalue()


PNG, GIF, WAV = png(), b"GIF89a" + b"x" * 20, b"RIFF\0\0\0\0WAVEfmt "
LARGE = png(200)


def placeholder(data: bytes, suffix: str) -> str:
    return f"https://upload.invalid/{hashlib.sha256(data).hexdigest()}{suffix}"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("own") / "my.yaml"
    path.write_text(OWN, encoding="utf-8")
    found = read_catalog(path)
    assert found.errors == ()
    return found["my/all"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat.png").write_bytes(PNG)
    (tmp_path / "other name.jpg").write_bytes(PNG)
    return tmp_path


def problems(model: Any, given: Dict[str, Any], **more: Any) -> List[Any]:
    with pytest.raises(KieInputError) as caught:
        resolve_staged(model, stage(model, given, **more))
    return [(problem.kind, problem.where, problem.message) for problem in caught.value.problems]


def test_files_and_urls_may_be_mixed(catalog: Any) -> None:
    given = ["cat.png", "https://x/y.png", Path("other name.jpg"), PNG, GIF]

    staged = stage(catalog[PRO], {"prompt": "cat.png", "image": given})

    cat, gif = placeholder(PNG, ".png"), placeholder(GIF, ".gif")
    assert staged.given == {"prompt": "cat.png", "image": [cat, "https://x/y.png", cat, cat, gif]}
    assert {url: (file.name, file.size, file.format) for url, file in staged.files.items()} == {
        cat: ("cat.png", len(PNG), "png"),
        gif: ("what was given", len(GIF), "gif"),
    }


@pytest.mark.parametrize(
    ("given", "staged"),
    [
        ({"first_frame": PNG}, {"first_frame": placeholder(PNG, ".png")}),
        ({"first_frame": [PNG]}, {"first_frame": [placeholder(PNG, ".png")]}),
        ({"model_file": b"o cube"}, {"model_file": placeholder(b"o cube", "")}),
        ({"sounds": WAV}, {"sounds": placeholder(WAV, ".wav")}),
        ({"pictures": ["cat.png"]}, {"pictures": [placeholder(PNG, ".png")]}),
        ({"pictures": PNG}, {"pictures": placeholder(PNG, ".png")}),
        ({"elements": [{"name": "cat.png", "urls": [PNG]}]},
         {"elements": [{"name": "cat.png", "urls": [placeholder(PNG, ".png")]}]}),
        ({"rows": [[PNG], ["https://x"]]}, {"rows": [[placeholder(PNG, ".png")], ["https://x"]]}),
        ({"elements": {"images": PNG}}, {"elements": {"images": placeholder(PNG, ".png")}}),
        ({"style": {"picture": PNG, "weight": 1}}, {"style": {"picture": placeholder(PNG, ".png"), "weight": 1}}),
        ({"mask": "oss://x"}, {"mask": "oss://x"}),
        ({"fixed": PNG}, {"fixed": PNG}),
        ({"first_frame": None, "elements": None}, {"first_frame": None, "elements": None}),
        ({"first_frame": 7, "nosuch": PNG, "style": "cat.png"}, {"first_frame": 7, "nosuch": PNG, "style": "cat.png"}),
    ],
)  # fmt: skip
def test_wherever_the_grammar_has_files(own: Any, given: Any, staged: Any) -> None:
    assert stage(own, given).given == staged


def test_the_arguments_compare_by_content(catalog: Any) -> None:
    def digest(image: Any) -> str:
        arguments = resolve_staged(catalog[EDIT], stage(catalog[EDIT], {"prompt": "a", "images": image}))
        return PaidCall("id", EDIT, given=arguments.given).digest

    assert digest("cat.png") == digest([PNG]) == digest(Path("other name.jpg")) != digest(LARGE)


def test_what_is_staged_goes_to_the_wire_as_a_url(catalog: Any) -> None:
    staged = stage(catalog[EDIT], {"prompt": "a", "images": "cat.png"})

    arguments = resolve_staged(catalog[EDIT], staged)

    cat = placeholder(PNG, ".png")
    assert arguments.wire == {"prompt": "a", "image_urls": [cat]}
    assert with_urls(arguments.wire, {cat: "https://up/1"}) == {"prompt": "a", "image_urls": ["https://up/1"]}


def test_placeholders_are_replaced_wherever_they_stand() -> None:
    value = {"a": ["p", {"b": "p", "c": ("p", 1)}], "d": "xp", "e": None}

    assert with_urls(value, {"p": "u"}) == {"a": ["u", {"b": "u", "c": ["u", 1]}], "d": "xp", "e": None}


def test_without_files_nothing_is_different(catalog: Any) -> None:
    given = {"prompt": "a", "images": ["https://x/y.png"], "size": "1:1"}

    staged = stage(catalog[PRO], given)

    assert (staged, resolve_staged(catalog[PRO], staged)) == (Staged(given), resolve(catalog[PRO], given))


def test_every_fault_of_files_and_of_the_rest_is_in_one_error(catalog: Any) -> None:
    given = {"images": ["none.png", ".", b"", GIF, b"<html>", "cat.png"], "size": "2:2", "colour": "red"}

    found = problems(catalog[PRO], given)

    assert [(kind, where) for kind, where, _ in found] == [
        ("values", "size"),
        ("unknown", "colour"),
        ("required", "prompt"),
        ("file", "images[0]"),
        ("file", "images[1]"),
        ("file", "images[2]"),
        ("formats", "images[3]"),
        ("formats", "images[4]"),
    ]
    assert [message for _, _, message in found[3:]] == [
        'images[0] must be a file or a URL; there is no file "none.png"',
        'images[1] must be a file; "." is a folder',
        "images[2] must not be empty; what was given has no bytes",
        "images[3] must be jpeg or png or webp; what was given is of format gif, by its content",
        "images[4] must be jpeg or png or webp; what was given is an HTML page, by its content",
    ]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"first_frame": LARGE}, "first_frame may have at most 0.001 MB (1,000 bytes); what was given has SIZE bytes"),
        ({"elements": [{"images": [PNG, LARGE]}]},
         "elements[0].images[1] may have at most 0.001 MB (1,000 bytes); what was given has SIZE bytes"),
        ({"pictures": [GIF]}, "pictures[0] must be png; what was given is of format gif, by its content"),
        ({"sounds": [PNG]}, "sounds[0] must be an audio file; what was given is of format png, by its content"),
        ({"style": {"picture": WAV}},
         "style.picture must be an image file; what was given is of format wav, by its content"),
        ({"model_file": PNG}, "model_file must be obj or glb; what was given is of format png, by its content"),
        ({"pictures": b"no format"},
         "pictures must be png; what was given is of a format that cannot be recognized, by its content"),
        ({"sounds": [WAV, WAV, WAV]}, "sounds must have at most 2 items; it has 3"),
    ],
)  # fmt: skip
def test_the_limits_of_the_entry_count(own: Any, given: Any, found: str) -> None:
    assert [message for _, _, message in problems(own, given)] == [found.replace("SIZE", f"{len(LARGE):,}")]


@pytest.mark.parametrize(
    "given", [{"anything": b"x"}, {"anything": WAV}, {"sounds": b"strange"}, {"model_file": b"v 1"}]
)
def test_what_the_entry_does_not_limit_is_taken(own: Any, given: Any) -> None:
    assert resolve_staged(own, stage(own, given)).given


def test_a_wrong_name_does_not_hide_the_content(here: Path, catalog: Any) -> None:
    (here / "cat.jpg").write_bytes(GIF)

    assert problems(catalog[PRO], {"prompt": "a", "images": "cat.jpg"}) == [
        ("formats", "images", "images must be jpeg or png or webp; cat.jpg is of format gif, by its content")
    ]


def test_paths_out_of_the_folder_are_a_problem_like_others(here: Path, catalog: Any) -> None:
    (here / "inbox").mkdir()

    found = problems(catalog[PRO], {"images": ["cat.png", PNG]}, under=Path("inbox"))

    assert found == [
        ("required", "prompt", "prompt is required"),
        ("file", "images[0]", 'images[0] must be a file under "inbox"; "cat.png" leads out of it'),
    ]
