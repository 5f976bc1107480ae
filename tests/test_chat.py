from __future__ import annotations

import gc
import json
import logging
import socket
import time
from decimal import Decimal
from typing import Any, List, Tuple

import pytest
from wire import CHAT, IMAGE, KEY, RawServer, Script, answer, chunk, chunked, client, event, everything_in, pieces

from kie_sync import KieChatAdapter
from kie_sync.completions import ChatMessage, Usage
from kie_sync.errors import (
    KieAuthenticationError,
    KieBudgetError,
    KieInputError,
    KieOutcomeUnknownError,
    KieStreamError,
)
from kie_sync.events import CallRefused, ChatFinished, ChatSubmitting, OutcomeUnknown
from kie_sync.transport import Lost

HELLO = [{"role": "user", "content": "hi"}]
USAGE = {"prompt_tokens": 8, "completion_tokens": 1, "total_tokens": 115}
WHOLE = {
    "id": "c1",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi there"}}],
    "usage": USAGE,
    "credits_consumed": 0.01,
}
# The order of the fact sheet's 8.4.
FULL = [
    event({"choices": [{"delta": {"role": "assistant", "content": ""}, "index": 0}], "id": "c1", "model": CHAT}),
    event({"choices": [{"delta": {"reasoning_content": "hm"}, "index": 0}]}),
    event(chunk("Hi ")),
    event(chunk("there")),
    event({"choices": [{"delta": {}, "finish_reason": "stop", "index": 0}]}),
    event({"choices": [], "usage": USAGE, "credits_consumed": 0.01, "system_fingerprint": ""}),
    event("[DONE]"),
]


def stream(*given: Any, told: Any = None, **more: Any) -> Any:
    response = given[0] if len(given) == 1 and not isinstance(given[0], bytes) else pieces(given)
    return client(Script(response), on_event=told, **more).chat_completions_stream(CHAT, HELLO)


def test_a_stream_in_the_platforms_order() -> None:
    told: List[Any] = []

    found = stream(*FULL, told=told.append)
    parts = list(found)

    assert [part.choices[0].delta.content or "" for part in parts] == ["", "", "Hi ", "there", "", ""]
    assert [part.choices[0].delta.reasoning_content for part in parts][1] == "hm"
    assert (found.text, found.usage, found.credits_consumed) == ("Hi there", Usage(8, 1, 115), Decimal("0.01"))
    assert (found.finish_reason, parts[-1].raw["choices"]) == ("stop", [])
    assert found.cost.credits is not None
    assert told[1:] == [ChatFinished(CHAT, {}, Usage(8, 1, 115), found.cost, credits_consumed=Decimal("0.01"))]
    assert told[0].call.id == told[1].call_id != ""
    assert list(found) == []


def test_all_in_one_piece_and_byte_by_byte() -> None:
    whole = b"".join(FULL)

    assert stream(whole).__class__ and "".join(p.choices[0].delta.content or "" for p in stream(whole)) == "Hi there"
    assert [p.raw for p in stream(*[whole[at : at + 1] for at in range(len(whole))])] == [p.raw for p in stream(whole)]


def test_running_totals_are_not_added_up() -> None:
    first, last = {"prompt_tokens": 8, "completion_tokens": 1}, {"prompt_tokens": 8, "completion_tokens": 2}

    found = stream(event(chunk("a", usage=first)), event(chunk("b", "stop", usage=last)), event("[DONE]"))
    list(found)

    assert found.usage == Usage(8, 2, 10)


def test_no_usage_is_an_unknown_price() -> None:
    found = stream(event(chunk("a", "stop")), event("[DONE]"))
    list(found)

    assert (found.usage, found.cost.credits) == (None, None) and found.cost.unknown


def test_a_price_that_cannot_be_told_is_an_unknown_one() -> None:
    found = stream(event(chunk("a", "stop")), event("[DONE]"))
    list(found)

    found._so_far.usage = Usage(1, -5)

    assert found.cost.credits is None and "0 or more" in str(found.cost.unknown)


CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([event(chunk("a", "stop"))], "a"),
        ([event(chunk("a")), event("[DONE]")], "a"),
        ([event({"choices": [{"delta": {"tool_calls": [CALL]}}]}), event("[DONE]")], ""),
        ([event(chunk(None, "stop")), event("[DONE]")], ""),
        ([b": keep-alive\n\n", event(chunk("a", "stop")), b"event: ping\ndata: \n\n", event("[DONE]")], "a"),
        ([event([chunk("a", "stop")]), event("[DONE]")], "a"),
        ([event(chunk("a", "stop", error=None, code=200)), event("[DONE]")], "a"),
        ([b"\xef\xbb\xbf\r\n" + event(chunk("a", "stop")), event(" [DONE] ")], "a"),
        ([event(chunk("a", "stop")), event("[DONE]"), event({"error": {"message": "too late"}})], "a"),
    ],
    ids=[
        "no end mark",
        "no finish",
        "calls only",
        "empty",
        "keep-alive",
        "list",
        "null error",
        "mark",
        "after the end",
    ],
)
def test_ends_that_are_well(given: Any, text: str) -> None:
    found = stream(*given)

    assert "".join(part.choices[0].delta.content or "" for part in found) == found.text == text


def test_a_break_after_the_answer_is_complete_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The text was whole and paid, only the end mark was missing."""
    with caplog.at_level(logging.WARNING, "kie_sync"):
        found = stream(pieces([event(chunk("a")), event(chunk(None, "stop"))], error=Lost("reset")))
        parts = list(found)

    assert (len(parts), found.text) == (2, "a")
    assert "after its answer was complete" in caplog.text


BROKEN = [
    ("silent close", [event(chunk("so "))], "without a finish reason"),
    ("end mark alone", [event("[DONE]")], "without an answer"),
    (
        "thoughts alone",
        [event({"choices": [{"delta": {"reasoning_content": "hm"}}]}), event("[DONE]")],
        "without an answer",
    ),
    ("half event", [event(chunk("so ")), b'data: {"choices": [{"delta"'], "without a finish reason"),
    ("not JSON", [event(chunk("so ")), event("oops")], "is not JSON"),
    ("deep JSON", [event(chunk("so ")), event("[" * 100000)], "is not JSON"),
    ("not an object", [event(chunk("so ")), event("7")], "is not an object"),
    ("empty list", [event(chunk("so ")), event([])], "is not an object"),
    (
        "event: error",
        [event(chunk("so ")), event({"type": "error", "error": {"type": "api_error", "message": "down"}}, "error")],
        "broke the stream off: down",
    ),
    ("server_error", [event({"type": "server_error", "message": "being maintained"})], "being maintained"),
    ("error in data", [event({"error": {"code": 503, "message": "overloaded"}})], r"overloaded \(KieServerError\)"),
    ("error as text", [event({"error": "overloaded"})], "overloaded"),
    ("envelope in data", [event(chunk("so ")), event({"code": 402, "msg": "Credits insufficient"})], "KieInsufficient"),
    ("code as text", [event({"code": "500", "msg": "x"})], "off: x"),
    ("no words", [event("{}", "error")], "no reason given"),
    ("plain text", [b"Service unavailable\n"], "without a finish reason"),
]


@pytest.mark.parametrize(("given", "reason"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_stream_that_breaks_is_an_error_with_what_had_come(given: Any, reason: str) -> None:
    told: List[Any] = []
    response = pieces(given)
    found = stream(response, told=told.append)

    with pytest.raises(KieStreamError, match=reason) as caught:
        list(found)

    error = caught.value
    assert error.partial == ("so " if b"so " in given[0] else "")
    assert (error.model, error.method, error.http_status) == (CHAT, "POST", 200)
    assert told[1:] == [ChatFinished(CHAT, {}, None, found.cost, error, is_complete=False)]
    assert response.headers["X-Closed"] == "1" and list(found) == []


def test_an_answer_that_failed_still_says_what_it_took() -> None:
    """The Responses API tells usage and credits inside the response that failed."""
    usage = {"input_tokens": 8, "output_tokens": 1, "total_tokens": 9}
    failed = {"status": "failed", "error": {"message": "down"}, "usage": usage, "credits_consumed": 0.02}
    given = pieces(
        [
            event({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "so "}),
            event({"type": "response.failed", "response": failed}),
        ]
    )

    with pytest.raises(KieStreamError, match="off: down") as caught:
        list(client(Script(given)).chat_completions_stream("gpt-5-codex", HELLO))

    error = caught.value
    assert (error.partial, error.usage, error.credits_consumed) == ("so ", Usage(8, 1, 9), Decimal("0.02"))


def test_a_lost_connection_is_an_error_with_what_had_come() -> None:
    usage = event(chunk("so ", usage=USAGE))

    with pytest.raises(KieStreamError, match="broke off: no further piece") as caught:
        list(stream(pieces([usage], error=Lost("no further piece came in time"))))

    assert (caught.value.partial, caught.value.usage) == ("so ", Usage(8, 1, 115))
    assert isinstance(caught.value.__cause__, Lost)


@pytest.mark.parametrize(
    "data", [{"error": {"message": f"bad {KEY}", "type": KEY}}, f'{{"{KEY}', {"code": 401, "msg": KEY}]
)
def test_a_key_that_a_stream_echoes_stays_hidden(data: Any, caplog: pytest.LogCaptureFixture) -> None:
    told: List[Any] = []

    with caplog.at_level(logging.DEBUG), pytest.raises(KieStreamError) as caught:
        list(stream(event(chunk(f"so {KEY}")), event(data), told=told.append))

    assert KEY not in everything_in(caught.value) + caplog.text + repr(told)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"code": 401, "msg": "Unauthorized"}, KieAuthenticationError),
        (pieces([b' {"code": 401, "msg"', b': "Unauthorized"}']), KieAuthenticationError),
        (pieces([b'[{"error": {"code": 401, "message": "no"}}]'], 401), KieAuthenticationError),
        (pieces([b"<html>"]), KieOutcomeUnknownError),
        (pieces([b"", b"\n"]), KieOutcomeUnknownError),
        (pieces([b"data: x"], 502), KieOutcomeUnknownError),
        (pieces([b'{"choices'], error=Lost("cut")), KieOutcomeUnknownError),
        (pieces([], error=Lost("cut")), KieOutcomeUnknownError),
    ],
    ids=["whole", "pieces", "Google", "page", "nothing", "bad gateway", "cut", "cut at once"],
)
def test_what_is_no_stream_is_found_before_the_first_piece(given: Any, kind: Any) -> None:
    told: List[Any] = []

    with pytest.raises(kind):
        stream(given, told=told.append)

    assert [type(event) for event in told] == [
        ChatSubmitting, OutcomeUnknown if kind is KieOutcomeUnknownError else CallRefused
    ]  # fmt: skip


def test_a_whole_answer_where_a_stream_was_asked_for_is_one_piece() -> None:
    parts = {"choices": [{"message": {"content": [{"type": "text", "text": "Hi there"}]}}]}

    for whole in (WHOLE, pieces([json.dumps(WHOLE).encode()]), parts):
        found = stream(whole if not isinstance(whole, dict) else answer(whole))
        assert [part.choices[0].delta.content for part in found] == ["Hi there"]
        assert (found.finish_reason, found.text) == ("stop", "Hi there")
    with pytest.raises(KieOutcomeUnknownError):
        list(stream(answer({"choices": []})))


@pytest.mark.parametrize("how", ["close", "with", "drop", "never begun"])
def test_closing_early_closes_the_connection_and_is_told_once(how: str) -> None:
    """A loop that was left with `break` kept its socket until some collection, and was never told as finished."""
    told: List[Any] = []
    response = pieces(FULL)
    found = stream(response, told=told.append)
    gc.disable()
    try:
        if how == "with":
            with found:
                next(found)
        elif how != "never begun":
            next(found)
        if how == "drop":
            del found
        else:
            found.close()
            found.close()
            assert list(found) == []
    finally:
        gc.enable()

    assert (response.headers["X-Closed"], [type(event) for event in told]) == ("1", [ChatSubmitting, ChatFinished])


def test_a_stream_that_is_dropped_early_says_so() -> None:
    told: List[Any] = []
    ends: List[Tuple[bool, bool]] = []

    for count, is_dropped in ((0, False), (3, False), (3, True), (5, False), (5, True), (99, False)):
        found = stream(*FULL, told=told.append)
        for _ in zip(range(count), found):
            continue
        if not is_dropped:
            found.close()
        del found
        ends.append((told[-1].is_complete, told[-1].is_dropped))

    # With its finish reason, the answer is there.
    assert ends == [(False, False), (False, False), (False, True), (True, False), (True, True), (True, False)]


def test_a_stream_that_is_interrupted_is_not_complete() -> None:
    def parts() -> Any:
        yield FULL[2]
        raise KeyboardInterrupt

    told: List[Any] = []
    with pytest.raises(KeyboardInterrupt), stream(pieces(parts()), told=told.append) as found:
        list(found)

    assert (told[-1].error, told[-1].is_complete) == (None, False)


def test_a_stream_outlives_its_client() -> None:
    def serve(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in FULL:
            connection.sendall(chunked(part, is_whole=False))
            time.sleep(0.01)
        connection.sendall(b"0\r\n\r\n")

    with RawServer(serve) as server:
        found = client(base_url=server.url).chat_completions_stream(CHAT, HELLO)
        gc.collect()
        text = "".join(part.choices[0].delta.content or "" for part in found)

    assert text == "Hi there"


def test_a_stall_past_the_timeout_is_an_error() -> None:
    def serve(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(chunked(event(chunk("so ")), is_whole=False))
        time.sleep(0.5)

    with RawServer(serve) as server, client(base_url=server.url, chat_timeout_s=0.1) as kie:
        found = kie.chat_completions_stream(CHAT, HELLO)
        with pytest.raises(KieStreamError, match="no further piece came in time") as caught:
            list(found)

    assert (caught.value.partial, len(server.requests)) == ("so ", 1)


def test_a_closed_stream_closes_its_socket() -> None:
    is_closed: List[bool] = []

    def serve(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(chunked(event(chunk("so ")), is_whole=False))
        connection.settimeout(2)
        is_closed.append(connection.recv(1) == b"")

    with RawServer(serve) as server, client(base_url=server.url) as kie:
        with kie.chat_completions_stream(CHAT, HELLO) as found:
            next(found)
        deadline = time.monotonic() + 2
        while not is_closed and time.monotonic() < deadline:
            time.sleep(0.005)

    assert is_closed == [True]


def test_a_whole_answer() -> None:
    told: List[Any] = []
    script = Script(WHOLE)

    found = client(script, on_event=told.append).chat_completions(
        CHAT, HELLO, context={"who": 1}, include_thoughts=False
    )

    request = script.requests[0]
    assert (found.text, found.usage, found.credits_consumed, found.model) == (
        "Hi there",
        Usage(8, 1, 115),
        Decimal("0.01"),
        CHAT,
    )
    assert (request.url, request.wants_stream) == (f"https://api.kie.ai/{CHAT}/v1/chat/completions", False)
    assert request.json == {"messages": HELLO, "include_thoughts": False, "stream": False}
    assert told[0] == ChatSubmitting(CHAT, {"who": 1}, request, told[0].price)
    assert told[0].price.credits is None
    assert told[1:] == [
        ChatFinished(CHAT, {"who": 1}, found.usage, found.cost, credits_consumed=found.credits_consumed)
    ]


@pytest.mark.parametrize("body", [{"choices": []}, {"choices": [{}]}, {"code": 200, "data": None}, {"choices": KEY}])
def test_an_answer_without_an_answer_is_unknown(body: Any) -> None:
    told: List[Any] = []

    with pytest.raises(KieOutcomeUnknownError) as caught:
        client(Script(body), on_event=told.append).chat_completions(CHAT, HELLO)

    assert told[1:] == [OutcomeUnknown(CHAT, {}, told[0].request, caught.value)] and KEY not in everything_in(
        caught.value
    )


def test_odd_figures_of_usage_do_not_cost_the_answer() -> None:
    odd = {**WHOLE, "usage": {"prompt_tokens": 10**400, "completion_tokens": "x", "total_tokens": None}}

    assert client(Script(odd)).chat_completions(CHAT, HELLO).text == "Hi there"


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_wrong_tariff_is_found_before_anything_is_paid(is_stream: bool) -> None:
    """The answer had come and was paid when the price could not be told, and it was thrown away."""
    script = Script(WHOLE)
    kie = client(script)

    with pytest.raises(KieInputError, match="no tariff nosuch"):
        (kie.chat_completions_stream if is_stream else kie.chat_completions)(CHAT, HELLO, tariff="nosuch")

    assert script.requests == []


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_listener_may_refuse(is_stream: bool) -> None:
    def refuse(event: Any) -> None:
        raise KieBudgetError("too much")

    script = Script(WHOLE)
    kie = client(script, on_event=refuse)

    with pytest.raises(KieBudgetError):
        (kie.chat_completions_stream if is_stream else kie.chat_completions)(CHAT, HELLO)

    assert script.requests == []


def test_a_model_of_images_does_not_chat() -> None:
    with pytest.raises(KieInputError, match="of kind image; make it with"):
        client(Script(WHOLE)).chat_completions(IMAGE, HELLO)


@pytest.mark.parametrize("messages", ["hi", HELLO, HELLO[0], [ChatMessage("user", "hi")], ChatMessage("user", "hi")])
def test_messages_in_every_form(messages: Any) -> None:
    script = Script(WHOLE)

    client(script).chat_completions(CHAT, messages)

    assert script.requests[0].json["messages"] == HELLO


@pytest.mark.parametrize(
    "given", [FULL, [b"".join(FULL)], FULL[:-1], [FULL[2], FULL[4]], [event(chunk("Hi there", "stop"))]]
)
def test_the_loop_of_the_readme_is_safe(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the order, each piece has a choice."""
    adapter = KieChatAdapter(client(Script(pieces(given))), CHAT)

    for part in adapter.chat_simple(user_message="hi", system_prompt="be short", stream=True):
        print(part.choices[0].delta.content or "", end="")

    assert capsys.readouterr().out in ("Hi there", "Hi ")


def test_google_is_another_host_with_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "g-second")
    monkeypatch.setenv("GOOGLE_API_KEY", "g-first")
    script = Script(pieces(FULL))

    list(client(script).chat_completions_stream("gemini-3-flash-preview", HELLO))

    request = script.requests[0]
    assert request.url == "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"
    assert (script.keys, request.json["stream_options"]) == (["g-first"], {"include_usage": True})


EMPTY = f"{CHAT}: the answer is empty (finish reason: length), and is charged all the same; "


@pytest.mark.parametrize(
    ("about", "known"),
    [
        ({"usage": USAGE, "credits_consumed": 0.01}, "the platform took 0.01 credits"),
        ({"usage": USAGE}, "its price is 0.000429 credits"),
        ({}, "what it cost was not told"),
    ],
    ids=["taken", "usage", "nothing"],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_an_empty_answer_that_is_charged_is_told_with_its_cost(
    caplog: pytest.LogCaptureFixture, clock: Any, is_stream: bool, about: Any, known: str
) -> None:
    whole = {"choices": [{"index": 0, "finish_reason": "length", "message": {"content": ""}}], **about}

    with caplog.at_level(logging.WARNING, "kie_sync"):
        if is_stream:
            list(stream(event(chunk("", "length", **about)), event("[DONE]")))
        else:
            client(Script(whole), clock).chat_completions(CHAT, HELLO)

    assert [record.getMessage() for record in caplog.records] == [EMPTY + known]


def test_an_answer_that_calls_a_tool_or_is_not_read_is_not_empty(caplog: pytest.LogCaptureFixture) -> None:
    calls = [event({"choices": [{"delta": {"tool_calls": [CALL]}, "finish_reason": "tool_calls"}]}), event("[DONE]")]

    with caplog.at_level(logging.WARNING, "kie_sync"):
        list(stream(*calls))
        stream(*FULL).close()

    assert caplog.records == []


def test_google_charges_for_thinking_that_its_total_alone_tells() -> None:
    """0.50 and 3.00 dollars for 1M tokens (ai.google.dev, pricing: output, thinking included)."""
    whole = {**WHOLE, "usage": {"prompt_tokens": 4, "completion_tokens": 33, "total_tokens": 76}}
    adapter = KieChatAdapter(client(Script(answer(whole)), api_keys={"google": "g"}), "gemini-3-flash-preview")

    assert adapter.chat("hi").cost.usd == (4 * Decimal("0.50") + 72 * Decimal("3.00")) / 1_000_000
