"""Given arguments become `Arguments`: names, types, limits, casts; every fault at once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List

import pytest
from conftest import ROOT
from hypothesis import given as given_by
from hypothesis import strategies as st

from kie_sync.catalog import Catalog, read_catalog
from kie_sync.definitions import UNSET, Choice, Model, Parameter
from kie_sync.errors import KieInputError, Problem
from kie_sync.params import Arguments, accept, find_name, nearest, resolve
from kie_sync.values import key_of, to_json

IMAGE = "https://x.example/a.png"


@pytest.fixture(scope="module")
def every() -> Catalog:
    return read_catalog(ROOT / "tests" / "cases" / "grammar.yaml")


def messages(model: Model, given: Dict[str, Any], **how: bool) -> List[str]:
    with pytest.raises(KieInputError) as raised:
        resolve(model, given, **how)
    return [problem.message for problem in raised.value.problems]


def test_arguments_hold_what_was_given_what_counts_and_what_is_sent(catalog: Any) -> None:
    found = resolve(catalog["sora-2-text-to-video"], {"prompt": "a cat", "seconds": "15"})

    assert found == Arguments(
        model="sora-2-text-to-video",
        given={"prompt": "a cat", "duration": 15},
        values={"prompt": "a cat", "aspect_ratio": "16:9", "duration": 15},
        wire={"prompt": "a cat", "n_frames": "15"},
    )


SPELLINGS = {
    "canonical": ("google/nano-banana", {"aspect_ratio": "16:9"}, {"image_size": "16:9"}),
    "wire": ("google/nano-banana", {"image_size": "16:9"}, {"image_size": "16:9"}),
    "alias of all models": ("google/nano-banana", {"size": "16:9"}, {"image_size": "16:9"}),
    "another alias": ("google/nano-banana", {"ratio": "16:9"}, {"image_size": "16:9"}),
    "one image": ("nano-banana-pro", {"image": IMAGE}, {"image_input": [IMAGE]}),
    "a tuple of images": ("nano-banana-pro", {"images": (IMAGE,)}, {"image_input": [IMAGE]}),
    "wire images": ("nano-banana-pro", {"image_input": [IMAGE]}, {"image_input": [IMAGE]}),
    "canonical word": ("nano-banana-pro", {"output_format": "jpeg"}, {"output_format": "jpg"}),
    "wire word": ("nano-banana-pro", {"output_format": "jpg"}, {"output_format": "jpg"}),
    "alias of a name": ("nano-banana-pro", {"format": "jpeg"}, {"output_format": "jpg"}),
    "ratio to words": ("sora-2-text-to-video", {"size": "9:16"}, {"aspect_ratio": "portrait"}),
    "words stay words": ("sora-2-text-to-video", {"aspect_ratio": "landscape"}, {"aspect_ratio": "landscape"}),
    "number": ("sora-2-text-to-video", {"duration": 15}, {"n_frames": "15"}),
    "number as text": ("sora-2-text-to-video", {"n_frames": "15"}, {"n_frames": "15"}),
    "number as float": ("sora-2-text-to-video", {"duration": 15.0}, {"n_frames": "15"}),
    "number as decimal": ("sora-2-text-to-video", {"duration": Decimal("15.00")}, {"n_frames": "15"}),
    "boolean": ("sora-2-text-to-video", {"remove_watermark": False}, {"remove_watermark": False}),
    "boolean as text": ("sora-2-text-to-video", {"remove_watermark": "True"}, {"remove_watermark": True}),
    "none is not given": ("google/nano-banana", {"size": None, "format": None}, {}),
    "two names, one of them none": ("google/nano-banana", {"size": "1:1", "image_size": None}, {"image_size": "1:1"}),
}


@pytest.mark.parametrize(("model", "given", "sent"), SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_means_the_same(catalog: Any, model: str, given: Dict[str, Any], sent: Dict[str, Any]) -> None:
    assert resolve(catalog[model], {"prompt": "a cat", **given}).wire == {"prompt": "a cat", **sent}


def test_a_models_own_name_beats_an_alias(every: Catalog) -> None:
    """`size` is elsewhere an alias of the ratio; here it is a tier of its own."""
    found = resolve(every["test/parameters"], {"prompt": "a cat", "size": "720"})

    assert found.wire["output_resolution"] == "720"


def test_nested_names_are_mapped_too(catalog: Any) -> None:
    given = {"shots": [{"scene": "a", "duration": "7.5"}, {"Scene": "b", "duration": 2}], "duration": 10}

    found = resolve(catalog["sora-2-pro-storyboard"], given)

    assert found.wire["shots"] == [{"Scene": "a", "duration": 7.5}, {"Scene": "b", "duration": 2}]


WRONG: Dict[str, Any] = {
    "two names for one": (
        {"prompt": "x", "size": "1:1", "image_size": "16:9"},
        ["size and image_size are two names for one parameter; give one of them"],
    ),
    "missing": ({}, ["prompt is required"]),
    "empty": ({"prompt": "  "}, ["prompt is required; it is empty"]),
    "unknown": (
        {"prompt": "x", "seed": 1},
        ["seed is not a parameter of this model; it has: prompt, aspect_ratio, output_format"],
    ),
    "unknown, near": (
        {"prompt": "x", "imagesize": "1:1"},
        [
            'imagesize is not a parameter of this model; did you mean "image_size"? '
            "it has: prompt, aspect_ratio, output_format"
        ],
    ),
    "wrong type": ({"prompt": 5}, ["prompt must be text; got 5"]),
    "value, near": (
        {"prompt": "x", "output_format": "jpg"},
        ['output_format must be one of "png", "jpeg"; got "jpg"; did you mean "jpeg"?'],
    ),
    "too long": ({"prompt": "x" * 20001}, ["prompt must have at most 20,000 characters; it has 20,001"]),
    "all at once": (
        {"promt": "x", "size": "7:7", "output_format": True},
        [
            'promt is not a parameter of this model; did you mean "prompt"? '
            "it has: prompt, aspect_ratio, output_format",
            'size must be one of "1:1", "9:16", "16:9", "3:4", "4:3", "3:2", "2:3", "5:4", "4:5", "21:9", "auto"; '
            'got "7:7"',
            'output_format must be one of "png", "jpeg"; got true',
            "prompt is required",
        ],
    ),
}


@pytest.mark.parametrize(("given", "expected"), WRONG.values(), ids=WRONG)
def test_each_fault_has_its_sentence(catalog: Any, given: Dict[str, Any], expected: List[str]) -> None:
    assert messages(catalog["google/nano-banana"], given) == expected


def test_a_problem_says_its_kind_its_place_and_the_wires_name(catalog: Any) -> None:
    with pytest.raises(KieInputError) as raised:
        resolve(catalog["nano-banana-pro"], {"images": ["a.png"]})

    assert raised.value.problems == (
        Problem(
            "url",
            "images",
            'images must be a URL that begins with http:// or https://; got "a.png"; KieAdapter and kie-sync '
            "generate take local files and upload them, as KieClient.upload does",
            "image_input",
        ),
        Problem("required", "prompt", "prompt is required", "prompt"),
    )


def test_a_missing_parameter_is_told_with_its_name_on_the_wire(catalog: Any) -> None:
    assert messages(catalog["sora-2-image-to-video"], {"prompt": "x"}) == [
        "images is required (image_urls on the wire)"
    ]


def test_a_required_list_must_not_be_empty(catalog: Any) -> None:
    assert messages(catalog["google/nano-banana-edit"], {"prompt": "x", "images": []}) == [
        "images is required; it is empty"
    ]


def test_an_optional_list_may_be_empty(catalog: Any) -> None:
    assert resolve(catalog["nano-banana-pro"], {"prompt": "x", "images": []}).wire == {"prompt": "x", "image_input": []}


def test_what_is_wrong_already_is_not_called_missing_as_well(every: Catalog) -> None:
    """A rule says nothing of a parameter whose own value cannot be read."""
    given = {"custom_mode": True, "model": "V5", "style": "s", "title": 5, "instrumental": True}

    assert messages(every["test/song"], given) == ["title must be text; got 5"]


def test_a_price_asks_for_nothing_that_is_missing(catalog: Any) -> None:
    found = resolve(catalog["sora-2-pro-storyboard"], {"shots": [{"duration": 5}], "duration": 25}, partial=True)

    assert found.given == {"shots": [{"duration": Decimal(5)}], "duration": 25}


def test_a_price_still_looks_at_what_is_given(catalog: Any) -> None:
    assert messages(catalog["nano-banana-pro"], {"resolution": "8K"}, partial=True) == [
        'resolution must be one of "1K", "2K", "4K"; got "8K"'
    ]


WIRE_ONLY: Dict[str, Any] = {
    "canonical name": (
        {"prompt": "x", "images": [IMAGE]},
        ["images is not a parameter of this model; it has: prompt, images, aspect_ratio, resolution, output_format"],
    ),
    "canonical word": (
        {"prompt": "x", "output_format": "jpeg"},
        ['output_format must be one of "png", "jpg"; got "jpeg"'],
    ),
}


@pytest.mark.parametrize(("given", "expected"), WIRE_ONLY.values(), ids=WIRE_ONLY)
def test_the_wire_knows_its_own_names_only(catalog: Any, given: Dict[str, Any], expected: List[str]) -> None:
    found = messages(catalog["nano-banana-pro"], given, wire_only=True)

    assert [message.partition("; did")[0].partition("; it has")[0] for message in found] == [
        message.partition("; did")[0].partition("; it has")[0] for message in expected
    ]


def test_on_the_wire_a_shared_name_is_told_apart_by_its_value(catalog: Any) -> None:
    model, messages_ = catalog["gemini-3-pro"], [{"role": "user", "content": "x"}]
    search = [{"type": "function", "function": {"name": "googleSearch"}}]
    own = [{"type": "function", "function": {"name": "mine"}}]

    found = [resolve(model, {"messages": messages_, "tools": tools}, wire_only=True).given for tools in (search, own)]

    assert found == [{"messages": messages_, "google_search": True}, {"messages": messages_, "tools": own}]


def test_a_value_without_a_word_on_the_wire_is_not_sent(catalog: Any) -> None:
    found = resolve(catalog["gemini-3-pro"], {"messages": [{"role": "user"}], "google_search": False})

    assert found.wire == {"messages": [{"role": "user"}]}


def test_a_constant_is_sent_always_and_set_never(every: Catalog) -> None:
    model = every["test/parameters"]

    assert resolve(model, {"prompt": "a cat"}).values["model_name"] == "xl"
    assert messages(model, {"prompt": "a cat", "model_type": "xl"}) == [
        'model_type is always "xl" for this model and cannot be set'
    ]


def test_a_constant_may_come_from_the_wire(every: Catalog) -> None:
    wire = {"prompt": "a cat", "model_type": "xl", "orientation": "landscape"}

    assert resolve(every["test/parameters"], wire, wire_only=True).wire == wire


def test_an_open_model_sends_on_what_it_does_not_know(every: Catalog) -> None:
    found = resolve(every["test/open"], {"prompt": "x", "later": {"a": Decimal("1.50")}})

    assert found.wire == {"prompt": "x", "later": {"a": 1.5}}


def test_an_open_model_sends_nothing_that_json_cannot_hold(every: Catalog) -> None:
    assert messages(every["test/open"], {"prompt": "x", "later": float("nan")}) == [
        "later must be something that JSON can hold; got nan"
    ]


def parameter(kind: str, **words: Any) -> Parameter:
    return Parameter("p", "p", kind, **words)


ACCEPTED = {
    "integer from text": (parameter("integer"), " 5 ", 5),
    "integer from float": (parameter("integer"), 5.0, 5),
    "number from text": (parameter("number"), "0.5", Decimal("0.5")),
    "number from float": (parameter("number"), 0.1, Decimal("0.1")),
    "boolean from text": (parameter("boolean"), "FALSE", False),
    "text for a number among text": (parameter("text", values=(Choice("0.5", "0.5"),)), 0.5, "0.5"),
    "boolean among words": (parameter("boolean", values=(Choice(True, 1), Choice(False, 0))), "true", True),
    "the wire's number for a boolean": (
        parameter("boolean", values=(Choice(True, "1"), Choice(False, "0"))),
        "1",
        True,
    ),
    "a word beside numbers": (parameter("integer", also=("auto",)), "auto", "auto"),
    "a wrapped value": (parameter("text", values=(Choice("a", "a"),), send_as="list"), ["a"], "a"),
    "a structure": (parameter("any"), {"a": [1, None, "x", 2.5]}, {"a": [1, None, "x", 2.5]}),
    "an upper-case scheme": (parameter("image"), "HTTPS://x.example/a", "HTTPS://x.example/a"),
}


@pytest.mark.parametrize(("taker", "value", "taken"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_value_takes_the_parameters_type(taker: Parameter, value: Any, taken: Any) -> None:
    found = accept(taker, value)

    assert (found, type(found)) == (taken, type(taken))


REFUSED = {
    "NaN": (parameter("number"), float("nan")),
    "infinite": (parameter("number"), "inf"),
    "beyond what JSON readers hold": (parameter("number"), "1e999999"),
    "boolean as number": (parameter("integer"), True),
    "number as boolean": (parameter("boolean"), 1),
    "fraction as integer": (parameter("integer"), "5.5"),
    "word as number": (parameter("number"), "five"),
    "list as text": (parameter("text"), ["a"]),
    "set as list": (parameter("list"), {"a"}),
    "text as object": (parameter("object"), "a"),
    "bytes in a structure": (parameter("any"), {"a": b"x"}),
    "NaN in a structure": (parameter("any"), [float("nan")]),
    "a number as key": (parameter("object"), {1: "a"}),
    "bytes in a list": (parameter("list"), [b"x"]),
    "a path as file": (parameter("image"), Path("a.png")),
    "a bare scheme": (parameter("image"), "https://"),
    "a URL that does not match": (parameter("files", pattern=r"\.mp4$"), [IMAGE]),
    "one file for two": (parameter("image"), [IMAGE, IMAGE]),
    "a fault inside": (parameter("object", fields={"a": parameter("integer")}), {"p": "x"}),
}


@pytest.mark.parametrize(("taker", "value"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_does_not_fit_is_not_taken(taker: Parameter, value: Any) -> None:
    assert accept(taker, value) is UNSET


KEYS = [
    (5, "5"),
    (Decimal("5.0"), "5"),
    (0.5, "0.5"),
    (True, "true"),
    ("1K", "1K"),
    ("5", "5"),
    (12345678901234567890123456789012345, "12345678901234567890123456789012345"),
]


@pytest.mark.parametrize(("value", "key"), KEYS)
def test_a_value_as_the_key_of_a_table(value: Any, key: str) -> None:
    assert key_of(value) == key


@pytest.mark.parametrize(
    ("name", "hint"), [("promt", '; did you mean "prompt"?'), ("PROMPT", '; did you mean "prompt"?'), ("xyz", "")]
)
def test_a_near_name_is_offered(name: str, hint: str) -> None:
    assert nearest(name, ["prompt", "duration"]) == hint


@pytest.mark.parametrize(
    ("name", "found"), [("a", "a"), ("w", "a"), ("x", "a"), ("g", "a"), ("h", None), ("none", None)]
)
def test_a_name_is_found_behind_each_of_its_spellings(name: str, found: Any) -> None:
    parameters = {"a": Parameter("a", "w", "text", aliases=("x",))}

    assert find_name(parameters, name, {"g": "a", "h": "elsewhere"}) == found


def test_decimals_become_the_numbers_that_they_are() -> None:
    assert to_json({"a": Decimal("10.0"), "b": (Decimal("0.5"), True, None)}) == {"a": 10, "b": [0.5, True, None]}


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text("ab1.: ", max_size=8),
    st.decimals(),
    st.binary(max_size=3),
    st.lists(st.one_of(st.integers(), st.text("ab1", max_size=5)), max_size=3),
    st.sampled_from(["16:9", "portrait", "2K", "jpg", "png", "15", IMAGE, "1e400", "auto", [IMAGE], {"a": 1}]),
)


@given_by(data=st.data())
def test_whatever_is_given_is_taken_or_refused_with_sentences(every: Catalog, data: st.DataObject) -> None:
    model = every[data.draw(st.sampled_from(sorted(every)))]
    names = [*model.parameters, *(item.wire for item in model.parameters.values()), "size", "nonsense"]
    given = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=6))

    try:
        found = resolve(model, given, partial=True)
    except KieInputError as error:
        assert all(problem.message for problem in error.problems)
    else:
        unknown = {name: value for name, value in given.items() if model.accepts_other and name not in names[:-2]}
        assert resolve(model, {**unknown, **found.given}, partial=True).wire == found.wire


HALF = "caf\udce9"
ENDING = " holds characters that are no text (half of a surrogate pair); was it read in another encoding than UTF-8?"


@pytest.mark.parametrize(
    ("model", "given", "place"),
    [
        ("google/nano-banana", {"prompt": HALF}, "prompt"),
        ("google/nano-banana-edit", {"prompt": "a", "images": f"https://x/{HALF}"}, "images"),
        ("gemini-3-flash", {"messages": [{"role": "user", "content": HALF}]}, "messages[0].content"),
        (
            "gemini-3-flash",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": HALF}]}]},
            "messages[0].content[0].text",
        ),
        ("sora-2-pro-storyboard", {"shots": [{"Scene": HALF, "duration": 5}], "n_frames": "10"}, "shots[0].Scene"),
    ],
    ids=["prompt", "url", "message", "part", "scene"],
)
def test_text_that_is_half_a_character_is_not_sent(catalog: Any, model: str, given: Any, place: str) -> None:
    """Of a command line under a locale without UTF-8 it went out as an escape, and was charged."""
    assert messages(catalog[model], given) == [place + ENDING]


def test_a_name_that_is_half_a_character_is_not_sent(every: Any) -> None:
    model = next(model for model in every.values() if model.accepts_other)

    found = [text for text in messages(model, {HALF: 1, "other": {HALF: 1}}) if text.endswith(ENDING)]

    assert found == [r"caf\udce9" + ENDING, r"other.caf\udce9" + ENDING]


def test_whole_characters_beyond_the_basic_plane_are_text(catalog: Any) -> None:
    assert resolve(catalog["google/nano-banana"], {"prompt": "a 🐈"}).wire["prompt"] == "a 🐈"
