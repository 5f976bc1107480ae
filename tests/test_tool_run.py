"""Runs with tools: against the sandbox for what a platform does, over a script for what goes wrong."""

from __future__ import annotations

import json
import logging
import pickle
from decimal import Decimal
from typing import Any, Dict, List

import pytest
from wire import TALKERS, Script, client

from kie_sync import KieChatAdapter, KieClient, KieToolRoundsError, ToolRun
from kie_sync.errors import KieBudgetError, KieInputError, KieOutcomeUnknownError
from kie_sync.sandbox import Sandbox
from kie_sync.transport import Lost

CHAT = "gemini-3-pro"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
ASKED = {"role": "user", "content": "the weather in Oslo?"}


def weather(city: str, days: int = 1) -> Dict[str, Any]:
    """The weather of a city."""
    return {"city": city, "days": days, "sky": "clear"}


def call(name: str = "weather", arguments: str = '{"city": "Oslo"}', id: str = "c1") -> Dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def said(text: Any = None, *calls: Any, **more: Any) -> Dict[str, Any]:
    """A whole answer on the wire."""
    message = {"role": "assistant", "content": text, **({"tool_calls": list(calls)} if calls else {})}
    choice = {"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}
    return {"id": "x", "choices": [choice], "usage": USAGE, "credits_consumed": 0.17, **more}


def adapter(*answers: Any, **settings: Any) -> KieChatAdapter:
    return KieChatAdapter(client(Script(*answers), **settings), CHAT)


def sent(adapter: KieChatAdapter, number: int = -1) -> Any:
    script: Any = adapter.client._transport
    return script.requests[number].json


def answered(id: str, content: str) -> Dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content}


OSLO = '{"city": "Oslo", "days": 1, "sky": "clear"}'


@pytest.mark.parametrize("model", TALKERS)
def test_a_run_against_the_sandbox(model: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    made: List[str] = []

    def weather(city: str, days: int = 2) -> str:
        made.append(city)
        return f"{days} days of sun"

    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    with KieClient(limiter=False) as own:
        run = KieChatAdapter(own, model).run_tools("the weather, please", [weather], system="Be brief.")

    assert len(made) == 1
    assert "days of sun" in run.text
    assert [message["role"] for message in run.messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert len(run.completions) == 2
    assert run.usage is not None
    assert run.usage.prompt_tokens == sum(each.usage.prompt_tokens for each in run.completions if each.usage)


def test_what_is_sent_and_what_comes_of_it() -> None:
    chat = adapter(said(None, call()), said("It is clear."))

    run = chat.run_tools([ASKED], [weather], temperature=1, tool_choice="required")

    first, second = sent(chat, 0), sent(chat, 1)
    assert first["messages"] == [ASKED]
    assert first["tools"][0]["function"]["name"] == "weather"
    assert (first["tool_choice"], "tool_choice" in second) == ("required", False)
    assert (second["tools"], second["temperature"]) == (first["tools"], 1)
    assert second["messages"] == [ASKED, {"role": "assistant", "tool_calls": [call()]}, answered("c1", OSLO)]
    assert run.messages == (*second["messages"], {"role": "assistant", "content": "It is clear."})
    assert (run.text, run.completion, run.parsed) == ("It is clear.", run.completions[1], None)
    assert run.credits_consumed == Decimal("0.34")
    assert run.cost is not None and run.completion is not None and run.completion.cost is not None
    assert run.cost.credits == 2 * (run.completion.cost.credits or 0)


def test_no_calls_is_one_round() -> None:
    run = adapter(said("Hello.")).run_tools("hi", [weather])

    assert (run.text, len(run.completions)) == ("Hello.", 1)


def test_several_calls_at_once_are_answered_in_order() -> None:
    chat = adapter(said(None, call(id="a"), call(arguments='{"city": "Rome"}', id="b")), said("ok"))

    chat.run_tools([ASKED], [weather])

    assert sent(chat)["messages"][2:] == [answered("a", OSLO), answered("b", OSLO.replace("Oslo", "Rome"))]


def fails(city: str) -> str:
    raise ValueError("no such city")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (call("wether"), 'error: there is no function "wether"; there are: weather, fails'),
        (call(arguments="{"), "error: the arguments of weather do not fit: they are not JSON"),
        (call(arguments='{"town": "Oslo"}'), "error: the arguments of weather do not fit: city: Missing required"),
        (call("fails"), "error: fails failed: ValueError: no such city"),
        ({"id": "c1"}, 'error: there is no function ""; there are: weather, fails'),
    ],
    ids=["name", "JSON", "arguments", "exception", "no function"],
)
def test_faults_go_back_to_the_model_and_the_run_goes_on(
    wanted: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    chat = adapter(said(None, wanted), said("I see."))

    with caplog.at_level(logging.WARNING, "kie_sync"):
        run = chat.run_tools([ASKED], [weather, fails])

    assert run.text == "I see."
    assert sent(chat)["messages"][-1]["content"].startswith(told)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_makers_own_form_goes_back_as_it_came() -> None:
    """What OpenAI's shape has no place for, such as Google's signature of a thought, stays in the call."""
    signed = {**call(), "extra_content": {"google": {"thought_signature": "s3cr3t"}}}
    chat = adapter(said(None, signed), said("ok"))

    run = chat.run_tools([ASKED], [weather])

    assert sent(chat)["messages"][1]["tool_calls"] == [signed]
    assert json.loads(json.dumps(run.messages)) == list(run.messages)


def test_on_call_is_told_before_each_call() -> None:
    told: List[Any] = []
    chat = adapter(said(None, call(), call(arguments="[", id="c2")), said("ok"))

    chat.run_tools([ASKED], [weather], on_call=lambda name, arguments: told.append((name, arguments)))

    assert told == [("weather", {"city": "Oslo"}), ("weather", {})]


def test_a_refused_call_ends_the_run_and_nothing_is_lost() -> None:
    def refuse(name: str, arguments: Any) -> None:
        raise PermissionError(name)

    with pytest.raises(PermissionError) as raised:
        adapter(said(None, call())).run_tools([ASKED], [weather], on_call=refuse)

    run: ToolRun = raised.value.run  # type: ignore[attr-defined]
    assert run.messages == (ASKED, {"role": "assistant", "tool_calls": [call()]})
    assert run.credits_consumed == Decimal("0.17")


def test_a_run_without_an_end_is_stopped_and_goes_on_when_asked() -> None:
    chat = adapter(said(None, call()))

    with pytest.raises(KieToolRoundsError) as raised:
        chat.run_tools([ASKED], [weather], max_rounds=3)
    error = pickle.loads(pickle.dumps(raised.value))

    assert "still calls tools after 3 answers (max_rounds=3), which are paid" in str(error)
    assert (len(error.run.completions), error.run.credits_consumed) == (3, Decimal("0.51"))
    assert error.run.messages[-1] == answered("c1", OSLO)
    again = adapter(said("done"))
    assert again.run_tools(error.run.messages, [weather]).text == "done"
    assert sent(again)["messages"] == list(error.run.messages)


def test_calls_that_nobody_has_answered_are_answered_first() -> None:
    """Each once: what an earlier run has called is not called again."""
    made: List[str] = []

    def weather(city: str) -> str:
        made.append(city)
        return "clear"

    two = {"role": "assistant", "tool_calls": [call(id="a"), call(arguments='{"city": "Rome"}', id="b")]}
    chat = adapter(said("done"))

    chat.run_tools([ASKED, two, answered("a", "rain")], [weather])

    assert made == ["Rome"]
    assert sent(chat)["messages"][2:] == [answered("a", "rain"), answered("b", "clear")]


def test_ctrl_c_in_a_function_keeps_what_was_done() -> None:
    def stops(city: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        adapter(said(None, call(id="a"), call("stops", id="b"))).run_tools([ASKED], [weather, stops])

    assert raised.value.run.messages[2:] == (answered("a", OSLO),)  # type: ignore[attr-defined]


def test_an_error_in_the_middle_carries_the_rounds_before_it() -> None:
    with pytest.raises(KieOutcomeUnknownError) as raised:
        adapter(said(None, call()), Lost("reset")).run_tools([ASKED], [weather])

    assert [message["role"] for message in raised.value.run.messages] == ["user", "assistant", "tool"]
    assert len(raised.value.run.completions) == 1


def test_an_error_elsewhere_has_no_run() -> None:
    with pytest.raises(KieOutcomeUnknownError) as raised:
        adapter(Lost("reset")).chat("hi")

    assert raised.value.run is None


# Money


def test_a_limit_is_for_the_whole_run() -> None:
    chat = adapter(said(None, call()))

    with pytest.raises(KieBudgetError) as raised:
        chat.run_tools([ASKED], [weather], max_credits="0.5", allow_unknown_price=True)

    assert "0.51 credits are gone after 3 answers, and max_credits=0.5 for the whole run leaves no more" in str(
        raised.value
    )
    assert raised.value.limit == Decimal("0.5")
    assert len(raised.value.run.completions) == 3


def test_each_round_may_take_what_is_left() -> None:
    asked: List[Any] = []
    chat = adapter(said(None, call()), said("ok"), on_event=lambda event: asked.append(event))

    chat.run_tools([ASKED], [weather], max_credits=1, allow_unknown_price=True)

    limits = [event.call.max_credits for event in asked if hasattr(event, "call")]
    assert limits == [Decimal(1), Decimal("0.83")]


def test_a_price_that_is_not_known_needs_leave() -> None:
    chat = adapter(said(None, call()))

    with pytest.raises(KieBudgetError, match="allow_unknown_price=True"):
        chat.run_tools([ASKED], [weather], max_credits=100)
    assert chat.client._transport.creates == 0  # type: ignore[attr-defined]


def test_an_answer_whose_cost_is_not_known_counts_as_allowed() -> None:
    silent = {**said(None, call()), "usage": None, "credits_consumed": None}
    chat = adapter(silent, silent, said("ok"))

    run = chat.run_tools([ASKED], [weather], max_credits=1, allow_unknown_price=True)

    assert (run.text, run.credits_consumed, run.usage) == ("ok", None, None)
    assert run.cost is not None and run.cost.credits is None and run.cost.unknown


# What is refused before anything is sent


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_rounds": 0}, "max_rounds must be a whole number, 1 or more; got 0"),
        ({"max_rounds": True}, "max_rounds must be a whole number, 1 or more; got true"),
        ({"max_credits": -1}, "max_credits must be a number of credits"),
        ({"stream": True}, "run_tools does not stream; KieConversation(adapter).say(..., stream=True"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools has no function to call"),
        ({"tools": []}, "tools has no function to call"),
        ({"tools": [weather, weather]}, "two have the name weather"),
    ],
)
def test_bad_input_sends_nothing(given: Any, message: str) -> None:
    chat = adapter(said("no"))

    with pytest.raises(KieInputError) as raised:
        chat.run_tools(**{"messages": "hi", "tools": [weather], **given})

    assert message in str(raised.value)
    assert chat.client._transport.creates == 0  # type: ignore[attr-defined]


def test_a_tool_without_a_function_is_the_callers_to_answer() -> None:
    """The run stops there, and goes on when it is answered."""
    door = {"type": "function", "function": {"name": "open_door", "parameters": {"type": "object"}}}
    chat = adapter(said(None, call("open_door", "{}")), said("Open."))

    run = chat.run_tools([ASKED], [weather, door])

    assert run.completion is not None and run.completion.tool_calls == (call("open_door", "{}"),)
    assert run.messages[-1]["role"] == "assistant"
    assert chat.run_tools([*run.messages, answered("c1", "opened")], [weather, door]).text == "Open."


def test_chat_takes_functions_too() -> None:
    chat = adapter(said(None, call()))

    answer = chat.chat([ASKED], tools=[weather])

    assert answer.tool_calls == (call(),)
    assert sent(chat)["tools"][0]["function"]["description"] == "The weather of a city."


def test_the_last_answer_is_parsed() -> None:
    schema = {"type": "object", "properties": {"sky": {"type": "string"}}}

    chat = adapter(said(None, call()), said('{"sky": "clear"}'))
    # Together with functions only where a model has both: by data, as any other parameter.
    with pytest.raises(KieInputError):
        chat.run_tools([ASKED], [weather], response_format=schema)
    assert adapter(said('{"sky": "clear"}')).chat("hi", response_format=schema).parsed == {"sky": "clear"}


def test_an_empty_run_is_one() -> None:
    empty = ToolRun()

    assert (empty.text, empty.completion, empty.parsed, empty.usage, empty.cost) == ("", None, None, None, None)


def test_a_call_that_may_be_cut_off_is_not_made() -> None:
    """Of arguments that were cut off before they began, nothing is left: the function would run with its defaults."""
    made: List[str] = []

    def wipe(folder: str = "everything") -> str:
        made.append(folder)
        return "done"

    cut = said(None, call("wipe", '{"folder": "tmp"}', "c1"), call("wipe", "{}", "c2"))
    cut["choices"][0]["finish_reason"] = "length"
    run = adapter(cut, said("Done.")).run_tools("wipe tmp", [wipe])

    assert made == ["tmp"]
    assert run.messages[2] == answered("c1", "done")
    assert run.messages[3]["content"].startswith("error: ") and "cut off" in run.messages[3]["content"]


@pytest.mark.parametrize("id", [None, ""])
def test_calls_without_ids_are_answered_once(id: Any) -> None:
    made: List[str] = []

    def note(text: str) -> str:
        made.append(text)
        return "noted"

    calls = [{**call("note", json.dumps({"text": text})), "id": id} for text in ("a", "b")]
    messages = [ASKED, {"role": "assistant", "content": None, "tool_calls": calls}, answered("", "noted")]
    adapter(said("Done.")).run_tools(messages, [note])

    assert made == ["b"]


def test_half_a_character_in_what_a_function_gives() -> None:
    """Names of files hold them where they are no UTF-8; the run ended with it."""

    def names() -> str:
        return "caf\udce9"

    run = adapter(said(None, call("names", "{}")), said("One.")).run_tools("which files?", [names])

    assert run.messages[2] == answered("c1", "caf\ufffd")
