from __future__ import annotations

from typing import Any, Dict

import pytest

from kie_sync.shapes.body import call_input, native_content, put, split_system
from kie_sync.shapes.media import Medium, medium_of, text_of
from kie_sync.shapes.reading import arguments_text, count_in, object_in, objects_in, word_in


def test_dotted_places_share_what_they_stand_in() -> None:
    body: Dict[str, Any] = {}

    put(body, "reasoning.effort", "low")
    put(body, "reasoning.summary", "auto")
    put(body, "stream", True)

    assert body == {"reasoning": {"effort": "low", "summary": "auto"}, "stream": True}


def test_a_place_leads_into_a_copy_of_what_stands_there() -> None:
    given = {"effort": "low"}
    body: Dict[str, Any] = {"reasoning": given, "text": "x"}

    put(body, "reasoning.summary", "auto")
    put(body, "text.format", "json")

    assert body == {"reasoning": {"effort": "low", "summary": "auto"}, "text": {"format": "json"}}
    assert given == {"effort": "low"}


def test_the_system_is_set_apart_in_its_order() -> None:
    messages = [{"role": role} for role in ("system", "user", "developer", "assistant", "tool", "other")]

    assert split_system(messages) == ([messages[0], messages[2]], [messages[1], *messages[3:]])


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("", {}),
        (" ", {}),
        (None, {}),
        ('{"a"', {"arguments": '{"a"'}),
        ("[1]", {"arguments": "[1]"}),
        ("[" * 100_000, {"arguments": "[" * 100_000}),
        (7, {"arguments": 7}),
    ],
    ids=["object", "read already", "empty", "blank", "none", "cut", "list", "deep", "number"],
)
def test_arguments_of_a_call_are_an_object_and_never_lost(arguments: Any, found: Any) -> None:
    assert call_input(arguments) == found


def shown(url: Any) -> Any:
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize(
    ("part", "medium", "kind"),
    [
        (shown("https://a.example/x.png?v=1"), Medium("https://a.example/x.png?v=1", "image/png"), "image"),
        (shown("https://a.example/x.mp4"), Medium("https://a.example/x.mp4", "video/mp4"), "video"),
        (shown("https://a.example/x.mp3"), Medium("https://a.example/x.mp3", "audio/mpeg"), "audio"),
        (shown("https://a.example/x.pdf"), Medium("https://a.example/x.pdf", "application/pdf"), "pdf"),
        (shown("https://a.example/x"), Medium("https://a.example/x", ""), "image"),
        (shown("data:image/png;base64,AAAA"), Medium("data:image/png;base64,AAAA", "image/png", "AAAA"), "image"),
        (shown("data:audio/mp4;x=1;base64,AA"), Medium("data:audio/mp4;x=1;base64,AA", "audio/mp4", "AA"), "audio"),
        (
            {"type": "image_url", "image_url": "https://a.example/x.gif"},
            Medium("https://a.example/x.gif", "image/gif"),
            "image",
        ),
    ],
)
def test_what_a_part_shows(part: Any, medium: Medium, kind: str) -> None:
    found = medium_of(part)

    assert (found, found and found.kind) == (medium, kind)


@pytest.mark.parametrize("part", [{"type": "text", "text": "a"}, "x", None, {"type": "image_url"}, shown(7)])
def test_other_parts_show_no_file(part: Any) -> None:
    assert medium_of(part) is None


def test_the_text_of_a_content() -> None:
    parts = [{"type": "text", "text": "a"}, shown("x"), {"type": "text", "text": "b"}, "c"]

    assert [text_of(content) for content in ("a", parts, None, 7)] == ["a", "a\nb", "", ""]


NATIVE = {"shape": "s", "model": "m", "content": [1]}


@pytest.mark.parametrize(
    ("native", "content"),
    [
        (NATIVE, [1]),
        ({**NATIVE, "shape": "other"}, None),
        ({**NATIVE, "model": "other"}, None),
        ({**NATIVE, "content": []}, None),
        ({**NATIVE, "content": "x"}, None),
        (None, None),
        ("x", None),
    ],
)
def test_an_answer_goes_back_as_it_came_to_the_model_that_gave_it(native: Any, content: Any) -> None:
    assert native_content({"role": "assistant", "native": native}, "s", "m") == content


def test_single_values_whatever_came() -> None:
    assert [count_in(value) for value in (3, 3.0, -1, True, "3", None, float("inf"))] == [
        3,
        3,
        None,
        None,
        None,
        None,
        None,
    ]
    assert [word_in(value) for value in ("a", "", 3, None)] == ["a", None, None, None]
    assert [object_in(value) for value in ({"a": 1}, [], None)] == [{"a": 1}, {}, {}]
    assert [objects_in(value) for value in ([{"a": 1}, 3], {"a": 1}, None)] == [[{"a": 1}], [], []]
    texts = [arguments_text(value) for value in ({"a": [1, "ä"]}, {}, None, [1], "x")]
    assert texts == ['{"a":[1,"ä"]}', "{}", "{}", "{}", "{}"]


def test_half_a_character_in_a_calls_arguments() -> None:
    assert call_input('{"a": "\\ud83d"}') == {"a": "\ufffd"}
