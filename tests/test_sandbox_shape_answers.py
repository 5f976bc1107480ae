"""What the sandbox writes in the shapes of Anthropic, OpenAI's Responses and Gemini: whole, and event by event."""

from __future__ import annotations

import pytest
from shapecalls import CLAUDE, GEMINI, GPT, calling

from kie_sync.sandbox.signatures import sign

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
THOUGHTS = "The user asks: '2+2?'. A short, clear answer will do."
SIGNATURE = sign(THOUGHTS)


@pytest.fixture(scope="module")
def caller():
    with calling() as caller:
        yield caller


def test_claudes_whole_answer(caller):
    answer = caller.whole(CLAUDE, "2+2?", thinkingFlag=True)

    assert answer == {
        "id": answer["id"],
        "type": "message",
        "role": "assistant",
        "model": "test-claude",
        "content": [
            {"type": "thinking", "thinking": THOUGHTS, "signature": SIGNATURE},
            {"type": "text", "text": "2 + 2 = 4"},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 4,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "service_tier": "standard",
            "output_tokens": 45,
        },
        "credits_consumed": 2.29,
    }


def test_claudes_events(caller):
    events = caller.events(CLAUDE, "2+2?", thinkingFlag=True)

    thought = [THOUGHTS[:18], THOUGHTS[18:36], THOUGHTS[36:]]
    assert events == [
        {
            "type": "message_start",
            "message": {
                **events[0]["message"],
                "content": [],
                "stop_reason": None,
                "usage": {**events[0]["message"]["usage"], "input_tokens": 4, "output_tokens": 1},
            },
        },
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "ping"},
        *(_claude_delta(0, {"type": "thinking_delta", "thinking": piece}) for piece in thought),
        _claude_delta(0, {"type": "signature_delta", "signature": SIGNATURE}),
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        *(_claude_delta(1, {"type": "text_delta", "text": piece}) for piece in ("2 ", "+ ", "2 ", "= ", "4")),
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {
                "input_tokens": 4,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 45,
            },
            "credits_consumed": 2.29,
        },
        {"type": "message_stop"},
    ]


def _claude_delta(index, delta):
    return {"type": "content_block_delta", "index": index, "delta": delta}


def test_claude_calls_a_function_in_pieces(caller):
    tools = [{"name": "weather", "input_schema": CITY}]
    events = caller.events(CLAUDE, "What is the weather in Oslo?", tools=tools)
    whole = caller.whole(CLAUDE, "What is the weather in Oslo?", tools=tools)

    block = {"type": "tool_use", "id": events[1]["content_block"]["id"], "name": "weather", "input": {}}
    assert events[1:3] == [{"type": "content_block_start", "index": 0, "content_block": block}, {"type": "ping"}]
    pieces = [event["delta"]["partial_json"] for event in events[3:-3]]
    assert pieces[0] == "" and len(pieces) == 4 and "".join(pieces) == '{"city":"Oslo"}'
    assert events[-2]["delta"]["stop_reason"] == whole["stop_reason"] == "tool_use"
    assert [{**one, "id": ""} for one in whole["content"]] == [{**block, "id": "", "input": {"city": "Oslo"}}]


def test_gpts_whole_answer(caller):
    answer = caller.whole(GPT, "2+2?", reasoning={"effort": "low", "summary": "auto"}, instructions="Be brief.")

    reasoning, message = answer["output"]
    assert answer == {
        "id": answer["id"],
        "object": "response",
        "created_at": answer["created_at"],
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": "Be brief.",
        "max_output_tokens": None,
        "model": "test-gpt",
        "output": [
            {
                "id": reasoning["id"],
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": THOUGHTS}],
                "encrypted_content": SIGNATURE,
            },
            {
                "id": message["id"],
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "2 + 2 = 4", "annotations": [], "logprobs": []}],
            },
        ],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "low", "summary": "auto"},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 17,
            "output_tokens_details": {"reasoning_tokens": 14},
            "total_tokens": 27,
        },
        "user": None,
        "metadata": {},
        "credits_consumed": 0.95,
    }
    assert [one["id"][:3] for one in answer["output"]] == ["rs_", "msg"]


def test_gpts_events(caller):
    events = caller.events(GPT, "2+2?", reasoning={"effort": "none"})

    response = events[-1]["response"]
    item = response["output"][0]
    at = {"output_index": 0, "item_id": item["id"]}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    begun.pop("credits_consumed")
    told = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **at, "content_index": 0, "part": part},
        *(
            {"type": "response.output_text.delta", **at, "content_index": 0, "delta": piece, "logprobs": []}
            for piece in ("2 ", "+ ", "2 ", "= ", "4")
        ),
        {"type": "response.output_text.done", **at, "content_index": 0, "text": "2 + 2 = 4", "logprobs": []},
        {"type": "response.content_part.done", **at, "content_index": 0, "part": {**part, "text": "2 + 2 = 4"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response, "credits_consumed": 0.19},
    ]
    assert events == [{**event, "sequence_number": number} for number, event in enumerate(told)]
    assert (response["status"], response["credits_consumed"]) == ("completed", 0.19)


def test_gpt_tells_its_thoughts_as_a_summary(caller):
    events = caller.events(GPT, "2+2?", reasoning={"summary": "auto"})

    item = events[-1]["response"]["output"][0]
    at = {"output_index": 0, "item_id": item["id"], "summary_index": 0}
    told = [
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "summary": []}},
        {"type": "response.reasoning_summary_part.added", **at, "part": {"type": "summary_text", "text": ""}},
        *(
            {"type": "response.reasoning_summary_text.delta", **at, "delta": piece}
            for piece in (THOUGHTS[:18], THOUGHTS[18:36], THOUGHTS[36:])
        ),
        {"type": "response.reasoning_summary_text.done", **at, "text": THOUGHTS},
        {"type": "response.reasoning_summary_part.done", **at, "part": {"type": "summary_text", "text": THOUGHTS}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
    ]
    assert events[2:10] == [{**event, "sequence_number": number} for number, event in enumerate(told, 2)]
    assert item["summary"] == [{"type": "summary_text", "text": THOUGHTS}]


def test_gpt_calls_a_function_in_pieces(caller):
    tools = [{"type": "function", "name": "weather", "parameters": CITY}]
    events = caller.events(GPT, "What is the weather in Oslo?", tools=tools)

    item = events[-1]["response"]["output"][-1]
    kinds = [event["type"].partition(".")[2] for event in events]
    assert item == {
        "type": "function_call",
        "id": item["id"],
        "call_id": item["call_id"],
        "name": "weather",
        "arguments": '{"city":"Oslo"}',
        "status": "completed",
    }
    assert (item["id"][:3], item["call_id"][:5]) == ("fc_", "call_")
    assert kinds[2:] == [
        *("output_item.added", "output_item.done"),
        *("output_item.added", *["function_call_arguments.delta"] * 3, "function_call_arguments.done"),
        *("output_item.done", "completed"),
    ]


def test_gpt_searches(caller):
    output = caller.whole(GPT, "Who won?", tools=[{"type": "web_search"}])["output"]

    assert [item["type"] for item in output] == ["reasoning", "web_search_call", "message"]
    assert output[1]["action"] == {"type": "search", "query": "Who won?", "queries": ["Who won?"]}


def test_geminis_whole_answer(caller):
    answer = caller.whole(GEMINI, "2+2?", generationConfig={"thinkingConfig": {"includeThoughts": True}})

    assert answer == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": THOUGHTS, "thought": True},
                        {"text": "2 + 2 = 4", "thoughtSignature": SIGNATURE},
                    ],
                    "role": "model",
                },
                "index": 0,
                "finishReason": "STOP",
            }
        ],
        "modelVersion": "test-gemini",
        "responseId": answer["responseId"],
        "usageMetadata": {
            "promptTokenCount": 4,
            "candidatesTokenCount": 3,
            "totalTokenCount": 49,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
            "thoughtsTokenCount": 42,
        },
        "credits_consumed": 2.29,
    }


def test_geminis_events(caller):
    events = caller.events(GEMINI, "2+2?", generationConfig={"thinkingConfig": {"includeThoughts": True}})

    contents = [event["candidates"][0]["content"] for event in events]
    thought = [THOUGHTS[:18], THOUGHTS[18:36], THOUGHTS[36:]]
    assert contents == [
        *({"role": "model", "parts": [{"text": piece, "thought": True}]} for piece in thought),
        *({"role": "model", "parts": [{"text": piece}]} for piece in ("2 ", "+ ", "2 ", "= ", "4")),
        {"role": "model", "parts": [{"text": "", "thoughtSignature": SIGNATURE}]},
    ]
    finishes = [event["candidates"][0].get("finishReason") for event in events]
    assert finishes == [None] * 8 + ["STOP"]
    counts = [event["usageMetadata"]["candidatesTokenCount"] for event in events]
    assert counts == [0, 0, 0, 0, 1, 1, 2, 3, 3]
    assert [event.get("credits_consumed") for event in events] == [None] * 8 + [2.29]


def test_gemini_calls_functions_with_one_signature(caller):
    declared = [{"name": name, "parametersJsonSchema": CITY} for name in ("weather", "time")]
    whole = caller.whole(GEMINI, "weather and time in Oslo", tools=[{"functionDeclarations": declared}])

    parts = whole["candidates"][0]["content"]["parts"]
    assert [{**part, "functionCall": {**part["functionCall"], "id": ""}} for part in parts] == [
        {
            "functionCall": {"id": "", "name": "weather", "args": {"city": "Oslo"}},
            "thoughtSignature": parts[0]["thoughtSignature"],
        },
        {"functionCall": {"id": "", "name": "time", "args": {"city": "Oslo"}}},
    ]
