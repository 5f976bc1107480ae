"""What the sandbox takes for a chat: each kind of token at its own rate, told in each shape's own words."""

from __future__ import annotations

from decimal import Decimal

import pytest
from shapecalls import CHAT, CLAUDE, GEMINI, GPT, SHAPES, calling


@pytest.fixture(scope="module")
def caller():
    with calling() as caller:
        yield caller


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("fault", "credits"),
    [
        ("", Decimal("0.14")),  # 14 x 10000 / 1M
        ("cached=10", Decimal("0.05")),
        ("cached=100", Decimal("0.01")),
        ("cache-write=10", Decimal("0.165")),
        ("cache-write-1h=10", Decimal("0.24")),
        ("cached=4;cache-write=4;cache-write-1h=4", Decimal("0.154")),
    ],
)
def test_each_kind_of_input_has_its_price(caller, shape, fault, credits):
    before = caller.sandbox.balance
    fields = {
        GPT: {"reasoning": {"effort": "none"}},
        GEMINI: {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
    }
    question = "Tell me about a city of 1234567890 people"
    answer = caller.whole(shape, question, fault=fault, **fields.get(shape, {}))

    output = Decimal("2.10")  # 42 x 50000 / 1M
    assert abs(Decimal(str(answer["credits_consumed"])) - credits - output) <= Decimal("0.005")
    assert before - caller.sandbox.balance == Decimal(str(answer["credits_consumed"]))


def test_sound_has_its_price_too(caller):
    part = {"inlineData": {"mimeType": "audio/mpeg", "data": "aGk="}}
    contents = [{"parts": [part, {"text": "2+2?"}]}]
    answer = caller.post(GEMINI, {"contents": contents, "stream": False}, timeout=10).json()

    # 258 x 30000, 4 x 10000 and 45 x 50000 credits a million.
    assert answer["credits_consumed"] == 10.03
    assert {"modality": "AUDIO", "tokenCount": 258} in answer["usageMetadata"]["promptTokensDetails"]


def test_cached_tokens_are_told_in_each_shapes_words(caller):
    fault = "cached=2;cache-write=1;cache-write-1h=1"
    claude = caller.whole(CLAUDE, "2+2?", fault=fault)["usage"]
    gpt = caller.whole(GPT, "2+2?", fault=fault)["usage"]
    gemini = caller.whole(GEMINI, "2+2?", fault=fault)["usageMetadata"]
    chat = caller.whole(CHAT, "2+2?", fault=fault)["usage"]

    assert (claude["input_tokens"], claude["cache_read_input_tokens"], claude["cache_creation_input_tokens"]) == (
        0,
        2,
        2,
    )
    assert claude["cache_creation"] == {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 1}
    assert (gpt["input_tokens"], gpt["input_tokens_details"]) == (4, {"cached_tokens": 2, "cache_write_tokens": 2})
    assert (gemini["promptTokenCount"], gemini["cachedContentTokenCount"]) == (4, 2)
    assert (chat["prompt_tokens"], chat["prompt_tokens_details"]) == (4, {"cached_tokens": 2, "audio_tokens": 0})
