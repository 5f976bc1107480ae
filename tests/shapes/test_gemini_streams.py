from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from test_gemini_answers import PRICE, USAGE, event
from turns import assembled

from kie_sync.shapes.gemini_contents import Reader, parse_completion

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
values = st.dictionaries(words, st.one_of(st.none(), st.booleans(), st.integers(), words), max_size=3)
texts = st.one_of(
    st.builds(lambda text: {"text": text}, words), st.builds(lambda text: {"text": text, "thought": True}, words)
)
others = st.one_of(
    st.builds(lambda name, args: {"functionCall": {"name": name, "args": args}}, words, values),
    st.builds(lambda mark: {"functionCall": {"id": mark, "name": "f"}, "thoughtSignature": mark}, words),
    st.builds(lambda text, mark: {"text": text, "thoughtSignature": mark}, words, words),
    st.builds(lambda text: {"executableCode": {"code": text}}, words),
)


@st.composite
def answers(draw: Any) -> Any:
    """A whole answer, and a stream that brings it: plain texts cut anywhere, the rest as it is."""
    parts = draw(st.lists(st.one_of(texts, others), max_size=6))
    pieces = []
    for number, part in enumerate(parts):
        if "id" in part.get("functionCall", {}):
            part["functionCall"]["id"] = f"{number}{part['functionCall']['id']}"
        text = part.get("text", "")
        if "thoughtSignature" in part or not text:
            pieces.append(part)
            continue
        places = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=4))})
        pieces += [{**part, "text": text[a:b]} for a, b in zip(places, places[1:])]
    cuts = sorted({0, len(pieces), *draw(st.lists(st.integers(0, len(pieces)), max_size=4))})
    finish = draw(st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY"]))
    stream = [event(pieces[a:b], usageMetadata={**USAGE, "candidatesTokenCount": 1}) for a, b in zip(cuts, cuts[1:])]
    return event(parts, finish, usageMetadata=USAGE), [*stream, event([], finish, usageMetadata=USAGE)]


@given(answers())
def test_however_it_is_cut_it_is_the_whole_answer(case: Any) -> None:
    raw, events = case
    reader = Reader(model="gemini-x")

    found = assembled(reader, events, PRICE)

    expected = parse_completion(raw, model="gemini-x")
    assert found == replace(expected, cost=PRICE)
    assert found.message.native == expected.message.native
    assert parse_completion(events, model="gemini-x") == expected
