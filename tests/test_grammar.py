"""The grammar can say everything: each shape of rule, value and price in tests/cases/grammar.yaml, kept and broken.

The examples there are run by `test_every_example_sends_and_costs_what_it_says`; here are the calls that must
fail, each with its whole message, and the prices that are ranges, unknown, or bound to a date.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

import pytest
from conftest import ROOT

from kie_sync.catalog import Catalog, read_catalog, read_schema
from kie_sync.catalog_check import model_faults
from kie_sync.definitions import CASTS, RULES, TOKEN_KINDS, TYPES, UNITS
from kie_sync.errors import KieInputError
from kie_sync.params import resolve
from kie_sync.pricing import CostEstimate, estimate
from kie_sync.yamlfile import read_yaml

GRAMMAR = ROOT / "tests" / "cases" / "grammar.yaml"
IMAGE, VIDEO, SOUND = "https://x.example/i.png", "https://x.example/v.mp4", "https://x.example/a.mp3"


@pytest.fixture(scope="module")
def grammar() -> Catalog:
    """The shipped catalog with the invented models laid over it."""
    return read_catalog(GRAMMAR)


def invented() -> Mapping[str, Any]:
    models: Mapping[str, Any] = read_yaml(GRAMMAR.read_text(encoding="utf-8"), "grammar.yaml")["models"]
    return models


def element(name: str, files: int, **more: Any) -> Dict[str, Any]:
    return {"name": name, "description": "d", "urls": [IMAGE] * files, **more}


def test_the_invented_models_have_no_fault(grammar: Catalog) -> None:
    assert grammar.problems == ()


@pytest.mark.parametrize("model_id", list(invented()))
def test_every_example_sends_and_costs_what_it_says(grammar: Catalog, model_id: str) -> None:
    assert list(model_faults(grammar[model_id], list(grammar))) == []


@pytest.mark.parametrize("model_id", list(invented()))
def test_what_goes_on_the_wire_is_accepted_from_the_wire(grammar: Catalog, model_id: str) -> None:
    model = grammar[model_id]

    for example in model.examples:
        wire = resolve(model, example.call).wire

        assert resolve(model, wire, wire_only=True).wire == wire


# What it shows, the model, the call, everything that is wrong with it.
BROKEN: List[Tuple[str, str, Dict[str, Any], List[str]]] = [
    (
        "required when",
        "song",
        {"model": "V5", "custom_mode": True, "instrumental": True},
        ["style is required when custom_mode is true", "title is required when custom_mode is true"],
    ),
    (
        "required when two hold",
        "song",
        {"model": "V5", "custom_mode": True, "style": "s", "title": "t"},
        ["prompt is required when custom_mode is true and instrumental is false"],
    ),
    (
        "forbidden when",
        "song",
        {"model": "V5", "custom_mode": False, "prompt": "p", "vocal_gender": "m"},
        ["vocal_gender is not allowed when custom_mode is false"],
    ),
    (
        "forbidden by a flag",
        "song",
        {"model": "V5", "custom_mode": True, "style": "s", "title": "t", "instrumental": True, "vocal_gender": "f"},
        ["vocal_gender is not allowed when instrumental is true"],
    ),
    (
        "only if",
        "song",
        {"model": "V4", "custom_mode": False, "prompt": "p", "duration": 20},
        ['duration is not allowed when not (version is "V5" or "V6")'],
    ),
    (
        "length by another value",
        "song",
        {"model": "V4", "custom_mode": True, "prompt": "x" * 3001, "style": "s", "title": "t" * 81},
        [
            'prompt must have at most 3,000 characters; it has 3,001 when version is "V4"',
            'title must have at most 80 characters; it has 81 when version is "V4"',
        ],
    ),
    (
        "length by a flag",
        "song",
        {"model": "V5", "custom_mode": False, "prompt": "x" * 501},
        ["prompt must have at most 500 characters; it has 501 when custom_mode is false"],
    ),
    (
        "values by another value",
        "ratios",
        {"prompt": "p", "aspect_ratio": "27:16", "resolution": "2K"},
        ['aspect_ratio must not be "27:16" when resolution is "2K" or "4K"'],
    ),
    (
        "absent or auto",
        "ratios",
        {"prompt": "p", "resolution": "4K"},
        ['resolution must not be "4K" when aspect_ratio is not given or aspect_ratio is "auto"'],
    ),
    (
        "only these values",
        "ratios",
        {
            "prompt": "p",
            "background": "transparent",
            "output_format": "jpeg",
            "aspect_ratio": "1:1",
            "resolution": "2K",
        },
        [
            'output_format must be one of "png"; got "jpeg" when background is "transparent"',
            'resolution must be one of "1K"; got "2K" when background is "transparent"',
        ],
    ),
    (
        "range by another value",
        "ratios",
        {"prompt": "p", "image": IMAGE, "safety_tolerance": 3},
        ["safety_tolerance must be 2 or less; got 3 when image is given"],
    ),
    (
        "items by another value",
        "ratios",
        {"prompt": "p", "aspect_ratio": "1:1", "resolution": "4K", "images": [IMAGE, IMAGE]},
        ['images must have at most 1 item; it has 2 when resolution is "4K"'],
    ),
    (
        "exact items when",
        "ratios",
        {"prompt": "p", "template_id": 1, "images": [IMAGE]},
        ["images must have exactly 2 items; it has 1 when template_id is given"],
    ),
    (
        "range of items when",
        "ratios",
        {"prompt": "p", "generation_type": "frames", "images": [IMAGE] * 3},
        ['images must have at most 2 items; it has 3 when generation_type is "frames"'],
    ),
    (
        "one value only when",
        "ratios",
        {"prompt": "p", "generation_type": "reference", "seconds": 4},
        ['seconds must be one of 8; got 4 when generation_type is "reference"'],
    ),
    (
        "condition on a range and a count",
        "ratios",
        {"prompt": "p", "safety_tolerance": 5, "images": [IMAGE], "output_format": "jpeg"},
        [
            'output_format must not be "jpeg" when safety_tolerance is 5 or more and images has 1 item '
            "or more and has at most 7 items"
        ],
    ),
    (
        "exactly one: none",
        "extend",
        {"duration": 5},
        ["give exactly one of task_id with audio_id or upload_url with version"],
    ),
    (
        "exactly one: half a group",
        "extend",
        {"duration": 5, "task_id": "t"},
        ["give exactly one of task_id with audio_id or upload_url with version"],
    ),
    (
        "exactly one: both",
        "extend",
        {"duration": 5, "task_id": "t", "audio_id": "a", "upload_url": SOUND, "version": "v"},
        [
            "give exactly one of task_id with audio_id or upload_url with version; got task_id with "
            "audio_id and upload_url with version"
        ],
    ),
    (
        "dependency",
        "extend",
        {"duration": 5, "upload_url": SOUND, "version": "v", "index": 1},
        ["index needs task_id as well"],
    ),
    (
        "dependency on a value",
        "extend",
        {"duration": 5, "task_id": "t", "audio_id": "a", "align_audio_reverse": True},
        ["align_audio must be one of true; got false when align_audio_reverse is true"],
    ),
    (
        "parameters of one mode",
        "extend",
        {"duration": 5, "task_id": "t", "audio_id": "a", "open_scenedet": True},
        ['open_scenedet is not allowed when not (mode is "basic"): only the basic mode has it'],
    ),
    (
        "exclusive",
        "extend",
        {"duration": 5, "task_id": "t", "audio_id": "a", "template_id": 3},
        ["duration and template_id exclude each other"],
    ),
    (
        "required without another",
        "extend",
        {"task_id": "t", "audio_id": "a"},
        ["duration is required when template_id is not given"],
    ),
    (
        "ordered pair",
        "extend",
        {"duration": 5, "task_id": "t", "audio_id": "a", "vocal_start": 20, "vocal_end": 20},
        ["vocal_start must be less than vocal_end; got 20 and 20"],
    ),
    (
        "span too short",
        "extend",
        {"duration": 5, "task_id": "t", "audio_id": "a", "vocal_start": 20, "vocal_end": 29.5},
        ["vocal_end minus vocal_start must be at least 10 and at most 30; it is 9.5"],
    ),
    (
        "span too long",
        "extend",
        {"duration": 5, "task_id": "t", "audio_id": "a", "vocal_start": 0, "vocal_end": 31},
        ["vocal_end minus vocal_start must be at least 10 and at most 30; it is 31"],
    ),
    ("at least one", "three-ways", {"prompt": "p"}, ["give at least one of images or videos"]),
    (
        "not both true",
        "three-ways",
        {
            "prompt": "p",
            "images": [IMAGE],
            "customize_multi_shots": True,
            "prefer_multi_shots": True,
            "multi_prompt": [{"prompt": "a", "duration": 1}],
        },
        ["prefer_multi_shots must not be true when customize_multi_shots is true"],
    ),
    (
        "a flag needs a list",
        "three-ways",
        {"prompt": "p", "images": [IMAGE], "customize_multi_shots": True},
        ["multi_prompt is required when customize_multi_shots is true"],
    ),
    (
        "a list needs a flag",
        "three-ways",
        {"prompt": "p", "images": [IMAGE], "multi_prompt": [{"prompt": "a", "duration": 1}]},
        ["multi_prompt is not allowed when customize_multi_shots is not true"],
    ),
    (
        "unique names",
        "three-ways",
        {"prompt": "p", "images": [IMAGE], "elements": [element("a", 2), element("a", 3)]},
        ['each elements[].name must be different; "a" stands more than once'],
    ),
    (
        "each: span",
        "three-ways",
        {"prompt": "p", "images": [IMAGE], "elements": [element("a", 2), element("b", 1, end=2000)]},
        ["elements[1]: end minus start must be at least 3000 and at most 8000; it is 2000 when urls has 1 item"],
    ),
    (
        "each: no span with images",
        "three-ways",
        {"prompt": "p", "images": [IMAGE], "elements": [element("a", 2, end_time=5000)]},
        ["elements[0]: end is not allowed when urls has 2 items or more: a span goes with a video"],
    ),
    (
        "sum over kept items",
        "three-ways",
        {"prompt": "p", "images": [IMAGE] * 6, "elements": [element("a", 2), element("b", 2)]},
        [
            "the number of images + the number of elements whose urls has 2 items or more must be at "
            "most 7; it is 8 when videos is not given and not (elements has an item whose urls has 1 "
            "item)"
        ],
    ),
    (
        "smaller sum with a video subject",
        "three-ways",
        {"prompt": "p", "images": [IMAGE] * 4, "elements": [element("a", 2), element("b", 1)]},
        [
            "the number of images + the number of elements whose urls has 2 items or more must be at "
            "most 4; it is 5 when videos is given or elements has an item whose urls has 1 item"
        ],
    ),
    (
        "count of kept items",
        "three-ways",
        {"prompt": "p", "images": [IMAGE], "elements": [element(str(n), 1) for n in range(4)]},
        ["the number of elements whose urls has 1 item must be at most 3; it is 4"],
    ),
    (
        "count of kept items when",
        "three-ways",
        {"prompt": "p", "images": [IMAGE], "videos": [VIDEO], "elements": [element(str(n), 1) for n in range(2)]},
        ["the number of elements whose urls has 1 item must be at most 1; it is 2 when videos is given"],
    ),
    (
        "variant: video only",
        "three-ways",
        {"prompt": "p", "videos": [VIDEO], "aspect_ratio": "1:1", "duration": 5},
        [
            'aspect_ratio must be one of "auto"; got "1:1" when videos is given and images is not given',
            "duration is not allowed when videos is given and images is not given",
        ],
    ),
    (
        "variant: no video",
        "three-ways",
        {"prompt": "p", "images": [IMAGE], "aspect_ratio": "auto"},
        ['aspect_ratio must not be "auto" when videos is not given'],
    ),
    (
        "false with a video",
        "three-ways",
        {"prompt": "p", "images": [IMAGE], "videos": [VIDEO], "audio": True},
        ["audio must be one of false; got true when videos is given"],
    ),
    (
        "prompt names an @element",
        "three-ways",
        {"prompt": "@tom sleeps", "images": [IMAGE]},
        ["elements is required when prompt matches @\\w: the prompt names an element"],
    ),
    (
        "sum with 2 x",
        "override",
        {
            "prompt": "p",
            "images": [IMAGE] * 4,
            "character_ids": ["a"],
            "clips": [{"url": VIDEO, "start": 0, "end": 1}] * 2,
        },
        [
            "the number of images + 2 x the number of clips + the number of character_ids must be at "
            "most 7; it is 9: at most 7 places"
        ],
    ),
    (
        "ordered pairs in a list",
        "override",
        {"prompt": "p", "clips": [{"url": VIDEO, "start": 0, "end": 1}, {"url": VIDEO, "start": 3, "end": 2}]},
        ["clips[].start must be less than clips[].end; got 3 and 2"],
    ),
    (
        "longest span in a list",
        "override",
        {"prompt": "p", "clips": [{"url": VIDEO, "start": 0, "end": 11}]},
        ["clips[].end minus clips[].start must be at most 10; it is 11"],
    ),
    (
        "sum of differences",
        "override",
        {"prompt": "p", "clips": [{"url": VIDEO, "start": 0, "end": 8}, {"url": VIDEO, "start": 1, "end": 9}]},
        ["clips[].end + -1 x clips[].start must be at most 15; it is 16: the clips together"],
    ),
    (
        "exclusive groups",
        "override",
        {"prompt": "p", "first_frame_url": IMAGE, "last_frame_url": IMAGE, "images": [IMAGE], "character_ids": ["a"]},
        ["first_frame, last_frame and images, character_ids exclude each other"],
    ),
    ("last needs first", "override", {"prompt": "p", "last_frame": IMAGE}, ["last_frame needs first_frame as well"]),
    (
        "media forbid a flag",
        "reference-video",
        {"prompt": "p", "images": [IMAGE], "web_search": True},
        ["web_search is not allowed when images is given or videos is given or audios is given"],
    ),
    (
        "a sound needs company",
        "reference-video",
        {"prompt": "p", "audios": [SOUND]},
        ["images is required when audios is given and videos is not given: a sound needs an image or a video"],
    ),
    (
        "count by a flag",
        "sequence",
        {"prompt": "p", "count": 5},
        ["count must be 4 or less; got 5 when enable_sequential is false"],
    ),
    (
        "flag forbids a list",
        "sequence",
        {"prompt": "p", "enable_sequential": True, "color_palette": [{"hex": "#000000", "ratio": "50.00%"}] * 3},
        ["color_palette is not allowed when enable_sequential is true"],
    ),
    (
        "forbidden in two cases",
        "sequence",
        {"prompt": "p", "images": [IMAGE], "thinking_mode": True},
        ["thinking_mode is not allowed when enable_sequential is true or images is given"],
    ),
    (
        "equal lengths",
        "sequence",
        {"prompt": "p", "images": [IMAGE, IMAGE], "bbox_list": [[[0, 0, 1, 1]]]},
        ["bbox_list and images must have the same number of items; bbox_list has 1, images has 2"],
    ),
    (
        "arrays of arrays of arrays",
        "sequence",
        {"prompt": "p", "images": [IMAGE], "bbox_list": [[[0, 0, 1, 1], [0, 1], [1, 1, 1, -1]]]},
        ["bbox_list[0] must have at most 2 items; it has 3"],
    ),
    (
        "patterns in a list",
        "sequence",
        {"prompt": "p", "color_palette": [{"hex": "#00000G", "ratio": "50%"}] * 3},
        [
            'color_palette[0].hex must look like ^#[0-9A-Fa-f]{6}$; got "#00000G"',
            'color_palette[0].ratio must look like ^\\d{1,3}\\.\\d{2}%$; got "50%"',
            'color_palette[1].hex must look like ^#[0-9A-Fa-f]{6}$; got "#00000G"',
            'color_palette[1].ratio must look like ^\\d{1,3}\\.\\d{2}%$; got "50%"',
            'color_palette[2].hex must look like ^#[0-9A-Fa-f]{6}$; got "#00000G"',
            'color_palette[2].ratio must look like ^\\d{1,3}\\.\\d{2}%$; got "50%"',
        ],
    ),
    (
        "references between ids",
        "dialogue",
        {
            "speakers": [{"id": "A", "voice": "Kore"}],
            "dialogue": [{"speaker": "A", "text": "x"}, {"speaker": "B", "text": "y"}],
        },
        ['dialogue[].speaker "B" is not among the speakers[].id: "A"'],
    ),
    (
        "sum of lengths",
        "dialogue",
        {
            "speakers": [{"id": "A", "voice": "Kore"}],
            "dialogue": [{"speaker": "A", "text": "x" * 30}, {"speaker": "A", "text": "y" * 21}],
        },
        ["the length of dialogue[].text must be at most 50; it is 51"],
    ),
    (
        "unique ids",
        "dialogue",
        {
            "speakers": [{"id": "A", "voice": "Kore"}, {"id": "A", "voice": "Puck"}],
            "dialogue": [{"speaker": "A", "text": "x"}],
        },
        ['each speakers[].id must be different; "A" stands more than once'],
    ),
    (
        "sum equals: less",
        "shots",
        {"shots": [{"prompt": "a", "duration": 4}]},
        ["shots[].duration must be at least 5 (duration); it is 4: the shots fill the video"],
    ),
    (
        "sum equals: more",
        "shots",
        {"shots": [{"prompt": "a", "duration": 11}], "duration": 10},
        ["shots[].duration must be at most 10 (duration); it is 11: the shots fill the video"],
    ),
    (
        "sum bounded by a parameter",
        "shots",
        {"shots": [{"prompt": "a", "duration": 5}], "extras": [{"seconds": 2.5}, {"seconds": 2.75}]},
        ["extras[].seconds must be at most 5 (duration); it is 5.25"],
    ),
    ("too short", "parameters", {"prompt": "ab"}, ["prompt must have 3 characters or more; it has 2"]),
    ("too long", "parameters", {"prompt": "x" * 21}, ["prompt must have at most 20 characters; it has 21"]),
    (
        "constant",
        "parameters",
        {"prompt": "a cat", "model_name": "xs"},
        ['model_name is always "xl" for this model and cannot be set'],
    ),
    (
        "value map",
        "parameters",
        {"prompt": "a cat", "aspect_ratio": "1:1"},
        ['aspect_ratio must be one of "16:9", "9:16"; got "1:1"'],
    ),
    (
        "number sent as text",
        "parameters",
        {"prompt": "a cat", "seed": 2147483648},
        ["seed must be 2147483647 or less; got 2147483648"],
    ),
    (
        "numeric enum",
        "parameters",
        {"prompt": "a cat", "strength": 0.7},
        ["strength must be one of 0, 0.5, 1; got 0.7"],
    ),
    ("text enum", "parameters", {"prompt": "a cat", "size": 480}, ['size must be one of "720", "1080"; got 480']),
    ("one file", "parameters", {"prompt": "a cat", "image": [IMAGE, IMAGE]}, ["image takes one URL; got 2"]),
    (
        "single out of a list",
        "parameters",
        {"prompt": "a cat", "references": [IMAGE, IMAGE]},
        ["references must have at most 1 item; it has 2"],
    ),
    (
        "url scheme",
        "parameters",
        {"prompt": "a cat", "either": ["http://x.example/a"]},
        ['either must be a URL that begins with https:// or oss://; got "http://x.example/a"'],
    ),
    (
        "local file",
        "parameters",
        {"prompt": "a cat", "either": "a.png"},
        [
            'either must be a URL that begins with https:// or oss://; got "a.png"; KieAdapter and kie-sync '
            "generate take local files and upload them, as KieClient.upload does"
        ],
    ),
    (
        "pattern",
        "parameters",
        {"prompt": "a cat", "timestamps": "1-2"},
        ['timestamps must look like ^\\d+(\\.\\d+)?,\\d+(\\.\\d+)?$; got "1-2"'],
    ),
    ("exact items", "parameters", {"prompt": "a cat", "pair": [SOUND]}, ["pair must have exactly 2 items; it has 1"]),
    (
        "ranges and sentinels",
        "parameters",
        {"prompt": "a cat", "duration": 1},
        ['duration must be 2 or more, or -1, "auto"; got 1'],
    ),
    ("multiple of", "parameters", {"prompt": "a cat", "steps": 0.75}, ["steps must be a multiple of 0.5; got 0.75"]),
    (
        "boolean with words",
        "parameters",
        {"prompt": "a cat", "switch": "maybe"},
        ['switch must be one of true, false; got "maybe"'],
    ),
    (
        "nested enum and name",
        "parameters",
        {"prompt": "a cat", "options": {"level": 3, "nite": "n"}},
        [
            "options.level must be one of 1, 2; got 3",
            'options.nite is not a parameter of this model; did you mean "note"? it has: level, note',
        ],
    ),
    (
        "not JSON",
        "parameters",
        {"prompt": "a cat", "extra": object},
        ["extra must be something that JSON can hold; got <class 'object'>"],
    ),
    (
        "items of a list",
        "parameters",
        {"prompt": "a cat", "figures": [0, 1.5, "x"]},
        [
            "figures[0] must be 1 or more; got 0",
            "figures[1] must be a whole number; got 1.5",
            'figures[2] must be a number; got "x"',
        ],
    ),
    (
        "union: 0 or 2 to 10",
        "whole-input",
        {"prompt": "p", "video": VIDEO, "duration": 1},
        ["duration must be 2 or more, or 0; got 1"],
    ),
    ("multiple of 4", "frames", {"prompt": "p", "num_frames": 82}, ["num_frames must be a multiple of 4; got 82"]),
    (
        "not offered by rule",
        "two-factors",
        {"prompt": "p", "resolution": "1080P", "duration": 10},
        ['duration must not be "10" when resolution is "1080P": 1080P comes in 6 seconds'],
    ),
    (
        "letter case",
        "two-factors",
        {"prompt": "p", "resolution": "4K"},
        ['resolution must be one of "768P", "1080P", "4k"; got "4K"; did you mean "4k"?'],
    ),
]


@pytest.mark.parametrize(
    ("model", "given", "messages"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_a_broken_rule_says_what_is_wrong(
    grammar: Catalog, model: str, given: Dict[str, Any], messages: List[str]
) -> None:
    with pytest.raises(KieInputError) as raised:
        resolve(grammar[f"test/{model}"], given)

    assert [problem.message for problem in raised.value.problems] == messages


KEPT: List[Tuple[str, str, Dict[str, Any]]] = [
    ("required when", "song", {"model": "V5", "custom_mode": True, "instrumental": True, "style": "s", "title": "t"}),
    ("only if", "song", {"model": "V6", "custom_mode": False, "prompt": "p", "duration": 20}),
    (
        "length by another value",
        "song",
        {"model": "V5", "custom_mode": True, "prompt": "x" * 5000, "style": "s", "title": "t" * 100},
    ),
    ("absent or auto", "ratios", {"prompt": "p", "resolution": "4K", "aspect_ratio": "16:9"}),
    ("only these values", "ratios", {"prompt": "p", "background": "transparent"}),
    ("range by another value", "ratios", {"prompt": "p", "safety_tolerance": 6}),
    ("exact items when", "ratios", {"prompt": "p", "template_id": 1, "images": [IMAGE, IMAGE]}),
    ("exactly one: the other group", "extend", {"duration": 5, "upload_url": SOUND, "version": "v"}),
    ("dependency", "extend", {"duration": 5, "task_id": "t", "audio_id": "a", "index": 0}),
    (
        "dependency on a value",
        "extend",
        {"duration": 5, "task_id": "t", "audio_id": "a", "align_audio": True, "align_audio_reverse": True},
    ),
    (
        "parameters of one mode",
        "extend",
        {"duration": 5, "task_id": "t", "audio_id": "a", "mode": "basic", "open_scenedet": False},
    ),
    ("not required with another", "extend", {"task_id": "t", "audio_id": "a", "template_id": 7}),
    ("span", "extend", {"duration": 5, "task_id": "t", "audio_id": "a", "vocal_start": 20, "vocal_end": 30}),
    ("half a pair", "extend", {"duration": 5, "task_id": "t", "audio_id": "a", "vocal_start": 20}),
    (
        "one true",
        "three-ways",
        {"prompt": "p", "images": [IMAGE], "customize_multi_shots": False, "prefer_multi_shots": True},
    ),
    (
        "each: images, or a video with a span",
        "three-ways",
        {
            "prompt": "@a",
            "images": [IMAGE],
            "elements": [element("a", 4), element("b", 1, start_time=1000, end_time=9000)],
        },
    ),
    ("sum over kept items", "three-ways", {"prompt": "p", "images": [IMAGE] * 6, "elements": [element("a", 2)]}),
    ("variant: video only", "three-ways", {"prompt": "p", "video": VIDEO, "size": "auto"}),
    (
        "sum with 2 x",
        "override",
        {"prompt": "p", "images": [IMAGE] * 3, "clips": [{"url": VIDEO, "start": 0, "end": 1}] * 2},
    ),
    ("exclusive groups", "override", {"prompt": "p", "first_frame": IMAGE, "last_frame": IMAGE}),
    ("an empty list counts as absent", "override", {"prompt": "p", "first_frame": IMAGE, "images": []}),
    ("count by a flag", "sequence", {"prompt": "p", "enable_sequential": True, "n": 12}),
    (
        "arrays of arrays of arrays",
        "sequence",
        {"prompt": "p", "images": [IMAGE], "bbox_list": [[[0, 0, 1, 1], [1, 1, 2, 2]]]},
    ),
    (
        "references between ids",
        "dialogue",
        {
            "speakers": [{"id": "A", "voice": "Kore"}, {"id": "B", "voice": "Puck"}],
            "dialogue": [{"speaker": "B", "text": "x" * 50}],
        },
    ),
    (
        "sum equals",
        "shots",
        {"shots": [{"prompt": "a", "duration": 4}, {"prompt": "b", "duration": 6}], "duration": "10"},
    ),
    ("sentinel", "whole-input", {"prompt": "p", "video": VIDEO, "duration": "0"}),
    ("sentinel that is a word", "parameters", {"prompt": "a cat", "duration": "auto"}),
    ("another URL scheme", "reference-video", {"prompt": "p", "images": ["asset://abc"]}),
    ("a list of one for one file", "parameters", {"prompt": "a cat", "image": [IMAGE]}),
]


@pytest.mark.parametrize(("model", "given"), [case[1:] for case in KEPT], ids=[case[0] for case in KEPT])
def test_a_rule_that_is_kept_says_nothing(grammar: Catalog, model: str, given: Dict[str, Any]) -> None:
    assert resolve(grammar[f"test/{model}"], given).notices == ()


IGNORED = [
    (
        "ratio with an image",
        "sequence",
        {"prompt": "p", "images": [IMAGE], "aspect_ratio": "1:1"},
        "aspect_ratio has no effect when images is given: the first image decides",
    ),
    (
        "duration with a clip",
        "override",
        {"prompt": "p", "clips": [{"url": VIDEO, "start": 0, "end": 1}], "duration": 6},
        "duration has no effect when clips is given",
    ),
    (
        "ratio with one image",
        "ratios",
        {"prompt": "p", "images": [IMAGE], "aspect_ratio": "1:1"},
        "aspect_ratio has no effect when images has 1 item",
    ),
]


@pytest.mark.parametrize(
    ("model", "given", "notice"), [case[1:] for case in IGNORED], ids=[case[0] for case in IGNORED]
)
def test_what_has_no_effect_is_sent_and_told(grammar: Catalog, model: str, given: Dict[str, Any], notice: str) -> None:
    assert resolve(grammar[f"test/{model}"], given).notices == (notice,)


Figures = Tuple[Optional[str], Optional[str], Optional[str], Optional[str]]


def figures(quoted: CostEstimate) -> Figures:
    """Likely, low and high platform-plus-margin credits as text, and why something is unknown."""
    likely, low, high = (
        None if part is None else str(part) for part in (quoted.credits, quoted.credits_min, quoted.credits_max)
    )
    return likely, low, high, quoted.unknown


# What it shows, the model, what is given, likely, low, high (with the margin of 1), why it is unknown.
PRICES: List[Tuple[str, str, Dict[str, Any], Figures]] = [
    ("a cap on the results", "afterwards", {"max_images": 4}, ("24", "6", "24", None)),
    ("results counted afterwards", "afterwards", {"max_images": 4, "image_count": 2}, ("12", "12", "12", None)),
    ("no upper bound", "layers", {"size": "2K"}, (None, "30", None, "the number of results is known only afterwards")),
    (
        "a tier that the platform picks",
        "layers",
        {"size": "auto", "chosen_size": "1.5K", "image_count": 3},
        ("24", "24", "24", None),
    ),
    (
        "a tier that is not told",
        "layers",
        {"image_count": 3},
        (
            None,
            "24",
            "45",
            "the price goes by chosen_size, the tier that the platform picks from the input; say chosen_size=",
        ),
    ),
    (
        "a cell that is not published",
        "two-factors",
        {"resolution": "4k", "duration": 10},
        (None, None, None, "no price is published for resolution 4k, duration 10"),
    ),
    (
        "the parent's resolution",
        "parent",
        {},
        (
            None,
            "15.4",
            "28",
            "the price goes by parent_resolution, the resolution of the task that is extended; say parent_resolution=",
        ),
    ),
    ("the parent's resolution, told", "parent", {"parent_resolution": "480p"}, ("15.4", "15.4", "15.4", None)),
    (
        "the length is the sound's",
        "avatar",
        {},
        (None, "1", "2401", "the length of audio is not known before the run; say input_seconds="),
    ),
    (
        "the length is chosen by the model",
        "reference-video",
        {"duration": -1},
        (None, "100.2", "373", "duration -1 leaves the length open"),
    ),
    (
        "both lengths are open",
        "in-and-out",
        {"videos": [VIDEO]},
        (
            None,
            None,
            None,
            "duration -1 leaves the length open; the length of videos is not known before the run; say input_seconds=",
        ),
    ),
    (
        "0 is the whole input",
        "whole-input",
        {"video": VIDEO},
        (None, "33", "161", "the length of video is not known before the run; say input_seconds="),
    ),
    ("seconds, told by the common name", "per-second", {"duration_seconds": 10}, ("181", "181", "181", None)),
    ("an empty list is no video", "reference-video", {"videos": []}, ("125", "125", "125", None)),
    ("two times two results", "two-results", {"image_count": 4}, ("12", "12", "12", None)),
    ("a preset of less than a megapixel", "megapixels", {"size": "1:1", "count": 2}, ("22", "22", "22", None)),
    (
        "nothing to count",
        "characters",
        {},
        (None, None, None, "the price goes by the length of prompt, which was not given"),
    ),
    ("all free surcharges", "surcharge-together", {"images": [IMAGE, IMAGE]}, ("49", "49", "49", None)),
    ("tokens that were not told", "speech-tokens", {}, (None, None, None, "say input_tokens and audio_output_tokens")),
    (
        "a direction of tokens without a price",
        "speech-tokens",
        {"output_tokens": 5},
        (None, None, None, "no price is known for output tokens"),
    ),
    (
        "none of an unknown kind",
        "speech-tokens",
        {"input_tokens": 1000000, "output_tokens": 0},
        ("71", "71", "71", None),
    ),
    (
        "a kind of token that says unknown",
        "cache-tokens",
        {"speed": "fast", "cached_input_tokens": 1},
        (None, None, None, "no price is known for cached input tokens"),
    ),
    (
        "tokens by a tier",
        "cache-tokens",
        {"speed": "fast", "input_tokens": 1000, "output_tokens": 1000},
        ("9.602", "9.602", "9.602", None),
    ),
    ("nothing is published", "unpublished", {}, (None, None, None, "no price is published")),
    ("free", "free", {}, ("0", "0", "0", None)),
]


@pytest.mark.parametrize(
    ("model", "given", "expected"), [case[1:] for case in PRICES], ids=[case[0] for case in PRICES]
)
def test_prices_ranges_and_unknowns(grammar: Catalog, model: str, given: Dict[str, Any], expected: Figures) -> None:
    assert figures(estimate(grammar[f"test/{model}"], given)) == expected


DATED = [
    ("before the promotion", "dated", "2026-02-28", "9"),
    ("on its first day", "dated", "2026-03-01", "5"),
    ("in the last hour of its last day", "dated", "2026-03-31T23:00:00Z", "5"),
    ("after its end", "dated", "2026-04-01", None),
    ("just before an instant", "dated", "2026-06-01T11:59:59Z", None),
    ("from an instant on", "dated", "2026-06-01T12:00:00Z", "7"),
    ("without a date the latest", "dated", None, "7"),
    ("before the first publication", "reference-video", "2026-05-31", None),
    ("up to an instant", "reference-video", "2026-10-07T05:59:59Z", "125"),
    ("at the instant", "reference-video", "2026-10-07T06:00:00Z", None),
]


@pytest.mark.parametrize(("model", "on", "credits"), [case[1:] for case in DATED], ids=[case[0] for case in DATED])
def test_a_price_counts_from_its_date_to_its_end(
    grammar: Catalog, model: str, on: Optional[str], credits: Optional[str]
) -> None:
    assert estimate(grammar[f"test/{model}"], {}, on=on).credits == (None if credits is None else Decimal(credits))


def test_a_price_after_its_end_says_so(grammar: Catalog) -> None:
    assert estimate(grammar["test/dated"], {}, on="2026-04-01").unknown == "the price was valid until 2026-03-31"


def test_what_is_not_offered_is_refused_not_unknown(grammar: Catalog) -> None:
    model = read_catalog(GRAMMAR)["test/two-factors"]
    without_rule = type(model)(**{**vars(model), "rules": ()})

    with pytest.raises(KieInputError) as raised:
        estimate(without_rule, {"resolution": "1080P", "duration": 10})

    assert str(raised.value) == "test/two-factors: resolution 1080P, duration 10 is not offered"


def test_account_level_rebates_are_no_part_of_a_price(grammar: Catalog) -> None:
    """P23: a credit is worth US$ 0.005, whatever package it was bought in."""
    quoted = estimate(grammar["test/fraction"], {})

    assert (quoted.usd, quoted.cny) == (Decimal("0.0212"), Decimal("0.1484"))


# ---- the files use every word that the schema knows ----

WORD_MAPS = ("parameter", "item", "test", "term", "then", "rule", "price", "price_case", "model")


def used_words(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield key
            yield from used_words(value)
    elif isinstance(node, list):
        for value in node:
            yield from used_words(value)
    elif isinstance(node, str):
        yield node


@cache
def both_files() -> Set[str]:
    files = [ROOT / "models.yaml", *(ROOT / "models").rglob("*.yaml")]
    shipped = [read_yaml(file.read_text(encoding="utf-8"), file.name) for file in files]
    return {*used_words([part["models"] for part in shipped]), *used_words(invented())}


@pytest.mark.parametrize("part", WORD_MAPS)
def test_every_word_of_the_schema_is_used(part: str) -> None:
    words = set(read_schema()["$defs"][part]["properties"])

    assert words - both_files() - {"slug", "result", "aliases"} == set()


@pytest.mark.parametrize(
    "kinds", [RULES[1:], UNITS, CASTS, TOKEN_KINDS, TYPES], ids=["rules", "units", "casts", "tokens", "types"]
)
def test_every_kind_is_used(kinds: Tuple[str, ...]) -> None:
    assert set(kinds) - both_files() == set()


def test_every_wire_input_is_json(grammar: Catalog) -> None:
    for model_id in invented():
        for example in grammar[model_id].examples:
            wire = resolve(grammar[model_id], example.call).wire

            assert json.loads(json.dumps(wire)) == wire


def test_a_fact_that_the_price_asks_for_must_be_one_that_it_knows(grammar: Catalog) -> None:
    with pytest.raises(KieInputError) as raised:
        estimate(grammar["test/parent"], {"parent_resolution": "8K"})

    assert str(raised.value) == "test/parent: parent_resolution must be one of 480p, 720p; got 8K"
