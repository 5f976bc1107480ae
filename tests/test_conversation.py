from __future__ import annotations

import gc
import json
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from wire import TALKERS, Script, chunk, client, event, pieces
from wire import answer as on_wire

from kie_sync import KieAdapter, KieChatAdapter, KieClient, KieConversation, Usage
from kie_sync.errors import (
    KieBudgetError,
    KieInputError,
    KieOutcomeUnknownError,
    KieStreamError,
    KieToolRoundsError,
    KieUnknownModelError,
)
from kie_sync.sandbox import Sandbox
from kie_sync.transport import Lost

CHAT, OTHER, IMAGE = "gemini-3-pro", "gemini-3-flash", "google/nano-banana"
USED = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
PRICE, TAKEN = Decimal("0.1711"), Decimal("0.17")
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


def weather(city: str) -> str:
    return f"clear in {city}"


def said(text: Any, *calls: Any, **more: Any) -> Any:
    """A whole answer on the wire."""
    message = {"role": "assistant", "content": text, **({"tool_calls": list(calls)} if calls else {})}
    choice = {"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}
    return {"id": "x", "choices": [choice], "usage": USED, "credits_consumed": 0.17, **more}


def streamed(*texts: str, calls: Any = (), error: Any = None, finish: str = "stop") -> Any:
    """The same answer in pieces; with an error in place of its end."""
    parts = [event(chunk(text)) for text in texts]
    parts += [event({"choices": [{"delta": {"tool_calls": [each]}}]}) for each in calls]
    if error is None:
        end = chunk(None, "tool_calls" if calls else finish, usage=USED, credits_consumed=0.17)
        parts += [event(end), event("[DONE]")]
    return lambda request: pieces(parts, error=error)


def talk(*answers: Any, **defaults: Any) -> KieConversation:
    return KieConversation(client(Script(*answers)), CHAT, **defaults)


def sent(conversation: KieConversation, number: int = -1) -> Any:
    script: Any = conversation._adapter.client._transport
    return script.requests[number].json


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def answer(text: str) -> Any:
    return {"role": "assistant", "content": text}


@pytest.fixture
def own(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[KieClient]:
    """A client of the sandbox."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    with KieClient(limiter=False) as made:
        yield made


@pytest.mark.parametrize("model", TALKERS)
def test_a_conversation_with_the_sandbox(model: str, own: KieClient) -> None:
    conversation = KieConversation(own, model, system="Be brief.")

    assert conversation.say("2+2?").text == "2 + 2 = 4"
    with conversation.say("3+3?", stream=True) as turn:
        text = "".join(piece.choices[0].delta.content or "" for piece in turn)
    third = conversation.say("the weather?", tools=[weather])

    assert (text, turn.text, turn.finish_reason) == ("3 + 3 = 6", "3 + 3 = 6", "stop")
    assert "clear in" in third.text
    roles = [message["role"] for message in conversation.messages]
    assert roles == ["user", "assistant"] * 2 + ["user", "assistant", "tool", "assistant"]
    assert conversation.usage.prompt_tokens > third.usage.prompt_tokens > 0


@pytest.mark.parametrize("model", TALKERS)
def test_an_answer_closed_early_is_kept_by_every_shape(model: str, own: KieClient) -> None:
    conversation = KieConversation(own, model)

    with conversation.say("tell me a story", stream=True) as turn:
        for _ in turn:
            if turn.text:
                break

    assert conversation.messages == [user("tell me a story"), answer(turn.text)]
    assert (conversation.is_partial, conversation.has_unknown_cost) == (True, True)
    assert conversation.say("2+2?").text == "2 + 2 = 4"
    assert conversation.is_partial is False


def test_what_is_sent() -> None:
    conversation = talk(said("4"), system="Be brief.", reasoning_effort="low")

    conversation.say("2+2?")
    conversation.say("And this?", media="https://x/y.png", reasoning_effort="high", temperature=1)

    body = sent(conversation)
    picture = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        user("2+2?"),
        answer("4"),
        {"role": "user", "content": [picture, {"type": "text", "text": "And this?"}]},
    ]
    assert (body["reasoning_effort"], body["temperature"]) == ("high", 1)
    assert sent(conversation, 0)["reasoning_effort"] == "low"


def test_the_system_prompt_may_change() -> None:
    conversation = talk(said("4"), system="Be brief.")

    conversation.say("a")
    conversation.system = None
    conversation.say("b")

    assert [message["role"] for message in sent(conversation)["messages"]] == ["user", "assistant", "user"]


def test_totals() -> None:
    conversation = talk(said("4"), streamed("4"))

    conversation.say("a")
    list(conversation.say("b", stream=True))

    assert conversation.usage == Usage(2000, 200, 2200)
    assert (conversation.credits, conversation.credits_consumed) == (2 * PRICE, 2 * TAKEN)
    assert conversation.has_unknown_cost is False
    assert repr(conversation) == f"KieConversation('{CHAT}', 4 messages)"


def test_another_model_gets_what_was_said() -> None:
    native = {"shape": "anthropic-messages", "model": CHAT, "content": [{"type": "text", "text": "4"}]}
    conversation = talk(said("4"))
    conversation._messages = [user("a"), {**answer("4"), "native": native}]

    conversation.model = OTHER
    conversation.say("b")

    assert conversation.model == OTHER
    assert sent(conversation)["messages"] == [user("a"), answer("4"), user("b")]
    assert conversation.messages[1]["native"] == native


def test_an_adapter_keeps_its_kind() -> None:
    conversation = KieConversation(KieChatAdapter(client(Script(said("4"))), CHAT))

    conversation.model = OTHER

    assert type(conversation._adapter) is KieChatAdapter
    with pytest.raises(KieInputError, match="this is a model of kind image"):
        conversation.model = IMAGE
    assert conversation.model == OTHER


@pytest.mark.parametrize(
    ("home", "model", "error"),
    [
        (lambda: client(), None, "a conversation needs an adapter, or a client and a model"),
        (lambda: client(), IMAGE, "this is a model of kind image"),
        (lambda: KieAdapter(client(), IMAGE), None, "this is a model of kind image"),
        (lambda: client(), "gemini-3-pr", "no such model"),
    ],
)
def test_with_whom_one_cannot_talk(home: Any, model: Any, error: str) -> None:
    with pytest.raises(KieInputError, match=error):
        KieConversation(home(), model)


def test_a_turn_that_fails_can_be_said_again() -> None:
    conversation = talk(said("4"), {"code": 402, "msg": "Credits insufficient"}, said("5"))
    conversation.say("a")

    with pytest.raises(Exception, match="Credits insufficient"):
        conversation.say("b")
    assert (conversation.messages, conversation.has_unknown_cost) == ([user("a"), answer("4")], False)
    conversation.say("b")

    assert sent(conversation)["messages"] == [user("a"), answer("4"), user("b")]


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("error", [Lost("reset"), KeyboardInterrupt()], ids=["lost", "Ctrl-C"])
def test_a_call_of_unknown_outcome_may_have_been_charged(error: Any, is_stream: bool) -> None:
    conversation = talk(error)

    with pytest.raises((KieOutcomeUnknownError, KeyboardInterrupt)):
        conversation.say("a", stream=is_stream)

    assert (conversation.messages, conversation.has_unknown_cost) == ([], True)


def test_what_is_refused_here_costs_nothing() -> None:
    conversation = talk(said("4"))

    with pytest.raises(KieInputError):
        conversation.say("a", temperature=9)
    with pytest.raises(KieBudgetError):
        conversation.say("a", max_credits=0)

    assert (conversation.messages, conversation.has_unknown_cost) == ([], False)


def test_an_answer_without_usage_has_no_known_price() -> None:
    conversation = talk(said("4", usage=None, credits_consumed=None))

    conversation.say("a")

    assert (conversation.credits, conversation.has_unknown_cost) == (Decimal(0), True)


# Streams


def test_a_stream_that_breaks_off_leaves_the_conversation_as_it_was() -> None:
    conversation = talk(streamed("Once", error=Lost("reset")))

    with pytest.raises(KieStreamError) as raised:
        list(conversation.say("a", stream=True))

    assert raised.value.partial == "Once"
    assert raised.value.run.messages == (user("a"),)
    assert (conversation.messages, conversation.has_unknown_cost) == ([], True)


def test_an_answer_closed_before_its_first_word_is_no_turn() -> None:
    conversation = talk(streamed("Once"))

    with conversation.say("a", stream=True):
        pass

    assert (conversation.messages, conversation.has_unknown_cost) == ([], True)


def test_an_answer_closed_after_its_end_is_whole() -> None:
    conversation = talk(streamed("Once"))

    with conversation.say("a", stream=True) as turn:
        while turn.finish_reason is None:
            next(turn)

    assert (conversation.messages, conversation.is_partial) == ([user("a"), answer("Once")], False)
    assert (conversation.credits, turn.credits_consumed, turn.is_complete) == (PRICE, TAKEN, True)


def test_ctrl_c_keeps_what_came() -> None:
    conversation = talk(streamed("Once ", error=KeyboardInterrupt()))

    with pytest.raises(KeyboardInterrupt), conversation.say("a", stream=True) as turn:
        list(turn)

    assert (conversation.messages, conversation.is_partial) == ([user("a"), answer("Once ")], True)


@pytest.mark.parametrize("end", ["say", "clear", "save", "garbage"])
def test_an_answer_that_is_still_open_is_closed(end: str, tmp_path: Any) -> None:
    conversation = talk(streamed("Once", "upon"), said("4"))
    turn = conversation.say("a", stream=True)
    next(turn)

    if end == "say":
        conversation.say("b")
    elif end == "clear":
        conversation.clear()
    elif end == "save":
        conversation.save(tmp_path / "c.json")
    else:
        del turn
        gc.collect()

    kept = [user("a"), answer("Once")]
    assert conversation.messages[:2] == ([] if end == "clear" else kept)
    if end != "garbage":
        assert list(turn) == []


# Tools


def test_functions_are_called_while_it_streams() -> None:
    conversation = talk(streamed("Let me see. ", calls=[{**CALL, "index": 0}]), streamed("It is ", "clear."))

    turn = conversation.say("a", stream=True, tools=[weather])
    texts = [piece.choices[0].delta.content for piece in turn if piece.choices[0].delta.content]

    assert texts == ["Let me see. ", "It is ", "clear."]
    assert (turn.text, turn.completion.text, len(turn.run.completions)) == ("It is clear.", "It is clear.", 2)
    assert conversation.messages == [
        user("a"),
        {"role": "assistant", "content": "Let me see. ", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "clear in Oslo"},
        answer("It is clear."),
    ]
    assert (turn.credits_consumed, conversation.credits_consumed) == (2 * TAKEN, 2 * TAKEN)
    assert turn.usage == conversation.usage == Usage(2000, 200, 2200)
    assert turn.cost is not None and turn.cost.credits == conversation.credits == 2 * PRICE


def test_a_choice_of_tools_is_of_the_first_round() -> None:
    conversation = talk(said(None, CALL), said("ok"))

    conversation.say("a", tools=[weather], tool_choice="required")

    assert "tool_choice" not in sent(conversation)
    assert sent(conversation, 0)["tool_choice"] == "required"


def test_a_turn_that_fails_half_way_costs_what_its_rounds_did() -> None:
    conversation = talk(said(None, CALL), tools=[weather], max_rounds=2)

    with pytest.raises(KieToolRoundsError) as raised:
        conversation.say("a")

    assert conversation.messages == []
    assert conversation.credits_consumed == 2 * TAKEN
    assert len(raised.value.run.completions) == 2


def test_a_stream_that_fails_half_way_carries_its_rounds() -> None:
    conversation = talk(streamed(calls=[CALL]), streamed("It", error=Lost("reset")), tools=[weather])

    with pytest.raises(KieStreamError) as raised:
        list(conversation.say("a", stream=True))

    assert [message["role"] for message in raised.value.run.messages] == ["user", "assistant", "tool"]
    assert (conversation.messages, conversation.credits_consumed) == ([], TAKEN)


def test_a_stream_closed_between_its_rounds_is_no_turn() -> None:
    def stops(city: str) -> str:
        raise KeyboardInterrupt

    call = {**CALL, "function": {"name": "stops", "arguments": '{"city": "Oslo"}'}}
    conversation = talk(streamed(calls=[call]), tools=[stops])

    with pytest.raises(KeyboardInterrupt), conversation.say("a", stream=True) as turn:
        list(turn)

    assert (conversation.messages, conversation.credits_consumed) == ([], TAKEN)
    assert conversation.has_unknown_cost is False


def test_calls_that_are_the_callers_to_answer() -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    conversation = talk(said(None, CALL), said("clear"), tools=[tool])

    first = conversation.say("a")
    second = conversation.say([{"role": "tool", "tool_call_id": first.tool_calls[0]["id"], "content": "clear"}])

    assert second.text == "clear"
    assert [message["role"] for message in sent(conversation)["messages"]] == ["user", "assistant", "tool"]


def test_structured_answers() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    conversation = talk(said('{"a": 4}'), streamed('{"a"', ": 5}"), response_format=schema)

    assert conversation.say("a").parsed == {"a": 4}
    turn = conversation.say("b", stream=True)
    list(turn)
    assert turn.completion.parsed == {"a": 5}


# On disk


def test_saved_and_loaded(tmp_path: Any) -> None:
    path = tmp_path / "talk.json"
    conversation = talk(said(None, CALL), said("clear"), streamed("Once"), system="Be brief.")
    conversation.say("a", tools=[weather])
    with conversation.say("b", stream=True) as turn:
        next(turn)

    conversation.save(path)
    again = KieConversation.load(path, client(Script(said("4"))), temperature=1)

    assert again.messages == conversation.messages
    assert (again.model, again.system, again.is_partial) == (CHAT, "Be brief.", True)
    for name in ("usage", "credits", "credits_consumed", "has_unknown_cost"):
        assert getattr(again, name) == getattr(conversation, name), name
    again.say("c")
    assert sent(again)["messages"][1:] == [*conversation.messages, user("c")]
    assert sent(again)["temperature"] == 1


def test_loaded_for_another_model(tmp_path: Any) -> None:
    talk(said("4")).save(tmp_path / "talk.json")

    assert KieConversation.load(tmp_path / "talk.json", client(), OTHER).model == OTHER
    assert KieConversation.load(tmp_path / "talk.json", KieAdapter(client(), OTHER)).model == OTHER
    assert KieConversation.load(tmp_path / "talk.json", client(), system="No.").system == "No."


def test_a_model_that_is_gone_is_told(tmp_path: Any) -> None:
    path = tmp_path / "talk.json"
    talk(said("4")).save(path)
    path.write_text(path.read_text().replace(CHAT, "gone"))

    with pytest.raises(KieUnknownModelError):
        KieConversation.load(path, client())


def test_the_messages_are_json() -> None:
    conversation = talk(said(None, CALL), said("clear"), tools=[weather])
    conversation.say("a")

    assert json.loads(json.dumps(conversation.messages)) == conversation.messages
    listed: List[Any] = conversation.messages
    listed.clear()
    assert len(conversation.messages) == 4


def test_files_are_kept_as_urls_and_can_be_saved(tmp_path: Path) -> None:
    """What was shown once is not read again, and the conversation can be written down."""
    uploaded = {"success": True, "code": 200, "msg": "ok", "data": {"downloadUrl": "https://temp/x.mp4"}}
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"x" * 50)
    transport = Script(uploaded, said("a film"), said("still one"))
    conversation = KieConversation(KieChatAdapter(client(transport), CHAT))

    conversation.say("What is it?", media=tmp_path / "film.mp4")
    (tmp_path / "film.mp4").unlink()
    conversation.say("And now?")
    conversation.save(tmp_path / "talk.json")

    assert [request.is_paid for request in transport.requests] == [False, True, True]
    assert conversation.messages[0]["content"][0] == {"type": "image_url", "image_url": {"url": "https://temp/x.mp4"}}
    assert KieConversation.load(tmp_path / "talk.json", client(transport)).messages == conversation.messages


def test_an_answer_that_cannot_be_read_may_have_been_charged() -> None:
    conversation = talk({"choices": []})

    with pytest.raises(KieOutcomeUnknownError):
        list(conversation.say("a", stream=True))

    assert conversation.has_unknown_cost


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("model", [CHAT, "gemini-3-8-flash"])
def test_an_answer_with_half_a_character_can_be_printed_saved_and_sent_again(
    model: str, is_stream: bool, tmp_path: Path
) -> None:
    """Gateways cut text into pieces of so many UTF-16 units; the next turn was refused for good."""
    texts = ["hi \ud83d", "\ude00"] if is_stream else ["hi \ud83d\ude00"]
    plain = [chunk(text) for text in texts] + [chunk(None, "stop")]
    parts = [{"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in texts]
    parts[-1]["candidates"][0]["finishReason"] = "STOP"
    told = plain if model == CHAT else parts
    whole = said("hi \ud83d\ude00") if model == CHAT else parts[-1]

    def reply(request: Any) -> Any:
        return pieces([f"data: {json.dumps(each)}\n\n".encode() for each in told]) if is_stream else on_wire(whole)

    conversation = KieConversation(client(Script(reply, reply)), model)
    for _ in range(2):
        found = conversation.say("a", stream=is_stream)
        shown = [each.choices[0].delta.content or "" for each in found] if is_stream else [found.text]
        "".join(shown).encode()
        assert "".join(shown) == found.completion.text if is_stream else found.text == "hi 😀"
    conversation.save(tmp_path / "talk.json")

    assert conversation.messages[1]["content"] == "hi 😀"


@pytest.mark.parametrize(
    "end",
    [{"type": "server_error", "message": "boom", "credits_consumed": 0.7}, chunk("b", credits_consumed=0.7)],
    ids=["told with the fault", "told before the stream ended"],
)
def test_credits_of_an_answer_that_broke_off_are_counted(end: Any) -> None:
    conversation = talk(lambda request: pieces([event(chunk("a")), event(end)]))

    with pytest.raises(KieStreamError) as raised:
        list(conversation.say("a", stream=True))

    assert pickle.loads(pickle.dumps(raised.value)).credits_consumed == Decimal("0.7")
    assert (conversation.credits_consumed, conversation.has_unknown_cost) == (Decimal("0.7"), True)
