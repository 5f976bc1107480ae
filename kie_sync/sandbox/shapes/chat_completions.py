"""OpenAI's chat completions, as KIE sends them, and as Google's compatible endpoint does.

Source: docs.kie.ai/market/gemini; ai.google.dev, "OpenAI compatibility".
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ...definitions import Endpoint
from ..question import Call, Question, ToolAnswer, Turn, compact, joined, kind_of_media
from ..replies import Reply
from ..signatures import is_genuine, is_signed_id
from .form import Answer, Event, mapping, mappings, refused, whole_number

_SEARCH = "googleSearch"
SHAPE = "chat-completions"
# Google's own (10.1 of its documentation): what a call without one of its signatures is told.
_NO_SIGNATURE = (
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, "
    "and missing thought_signature may lead to degraded model performance. "
    "Additional data, function call `default_api:{}` , position {}."
)
_BAD_SIGNATURE = "Thought signature is not valid."


def skeleton() -> Dict[str, Any]:
    part = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
    return {
        "type": "object",
        "properties": {
            "messages": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["role"],
                    "properties": {
                        "role": {"enum": ["developer", "system", "user", "assistant", "tool"]},
                        "content": {"type": ["string", "array", "null"], "items": part},
                        "tool_calls": {"type": "array", "items": {"type": "object"}},
                    },
                },
            }
        },
    }


def read(body: Mapping[str, Any]) -> Question:
    turns: List[Turn] = []
    system: List[str] = []
    position = 0
    for message in mappings(body.get("messages")):
        role, text = message["role"], _text(message.get("content"))
        if role in ("system", "developer"):
            system.append(text)
        elif role == "tool":
            answer = ToolAnswer(text, str(message.get("name") or ""), str(message.get("tool_call_id") or ""))
            turns.append(Turn("tool", answers=(answer,)))
        else:
            calls = mappings(message.get("tool_calls"))
            position += 1
            _check_signatures(calls, position)
            turns.append(Turn(role, text, _media(message.get("content")), tuple(_call(call) for call in calls)))
    form = mapping(body.get("response_format"))
    schema: Optional[Any] = None
    if form.get("type") == "json_schema":
        schema = mapping(mapping(form.get("json_schema")).get("schema"))
    elif form.get("type") == "json_object":
        schema = {}
    choice = body.get("tool_choice")
    tools, wants_search = _tools(body.get("tools"))
    return Question(
        joined(turns),
        "\n".join(system),
        tools=tools,
        choice=str(mapping(mapping(choice).get("function")).get("name") or choice or "auto"),
        one_at_a_time=body.get("parallel_tool_calls") is False,
        schema=schema,
        wants_search=wants_search,
        max_tokens=whole_number(body.get("max_tokens")) or whole_number(body.get("max_completion_tokens")),
        effort=str(body.get("reasoning_effort") or ""),
        # Google's endpoint knows no such field, and refuses it.
        shows_thoughts=body.get("include_thoughts", True) is not False,
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in mappings(content) if part.get("type") == "text")


def _media(content: Any) -> Any:
    parts = [part for part in mappings(content) if part.get("type") != "text"]
    return tuple(kind_of_media(str(mapping(part.get("image_url")).get("url", ""))) for part in parts)


def _call(call: Mapping[str, Any]) -> Call:
    function = mapping(call.get("function"))
    return Call(str(function.get("name", "")), compact(function.get("arguments")), str(call.get("id") or ""))


def _check_signatures(calls: List[Mapping[str, Any]], position: int) -> None:
    for call in calls:
        signature = mapping(mapping(call.get("extra_content")).get("google")).get("thought_signature")
        if signature is not None and not is_genuine(signature):
            raise refused(_BAD_SIGNATURE)
        if signature is None and is_signed_id(call.get("id"), SHAPE):
            raise refused(_NO_SIGNATURE.format(mapping(call.get("function")).get("name"), position))


def _tools(tools: Any) -> Any:
    functions = [mapping(tool.get("function")) for tool in mappings(tools)]
    named = {str(one["name"]): one.get("parameters") or {"type": "object"} for one in functions if "name" in one}
    wants_search = named.pop(_SEARCH, None) is not None
    return named, wants_search


def parameters(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body


def streams(body: Mapping[str, Any], endpoint: Endpoint, path: str) -> bool:
    return body.get("stream", endpoint.provider.name != "google") is True


def charged(reply: Reply) -> int:
    # Hidden thinking is not charged: a recorded answer (8 in, 1 out, 115 in all) took 0.01 credits.
    return reply.completion_tokens


def _usage(answer: Answer, done: float = 1.0) -> Dict[str, Any]:
    reply = answer.reply
    completion = int(reply.completion_tokens * done)
    usage: Dict[str, Any] = {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": completion,
        # Hidden thinking counts here and nowhere else, so the total is no sum of the two.
        "total_tokens": reply.prompt_tokens + completion + reply.reasoning_tokens,
    }
    if reply.cached_tokens or reply.audio_tokens:
        usage["prompt_tokens_details"] = {"cached_tokens": reply.cached_tokens, "audio_tokens": reply.audio_tokens}
    if not answer.is_google:
        usage["completion_tokens_details"] = {
            "text_tokens": completion,
            "audio_tokens": 0,
            "reasoning_tokens": reply.reasoning_tokens,
        }
    return usage


def _calls(answer: Answer) -> List[Dict[str, Any]]:
    calls = []
    for number, call in enumerate(answer.reply.calls):
        name = f"call_{answer.id[:23]}{number}"
        one: Dict[str, Any] = {
            "id": f"call_{answer.signed_id(number, SHAPE)}" if answer.is_google else name,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        if answer.is_google:
            one["extra_content"] = {"google": {"thought_signature": answer.signature}}
        calls.append(one)
    return calls


def _thoughts(answer: Answer) -> str:
    return "" if answer.is_google else answer.thoughts


def whole(answer: Answer) -> Dict[str, Any]:
    reply = answer.reply
    message: Dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.calls:
        message["content"] = None
        message["tool_calls"] = _calls(answer)
    if _thoughts(answer):
        message["reasoning_content"] = _thoughts(answer)
    found: Dict[str, Any] = {
        "id": f"chatcmpl-{answer.id}",
        "object": "chat.completion",
        "created": answer.created,
        "choices": [{"index": 0, "finish_reason": reply.finish, "message": message}],
    }
    if answer.has_usage:
        found["usage"] = _usage(answer)
    if answer.is_google:
        found["model"] = answer.slug
    elif answer.has_usage:
        found["credits_consumed"] = answer.credits
    return found


def events(answer: Answer) -> List[Event]:
    reply, found = answer.reply, []
    deltas: List[Dict[str, Any]] = [{"content": text} for text in answer.pieces(reply.text)]
    for number, call in enumerate(_calls(answer)):
        if answer.is_google:
            # Whole calls, without an index (dayu-agent's issues).
            deltas.append({"tool_calls": [call]})
            continue
        function = call["function"]
        first = {**call, "index": number, "function": {**function, "arguments": ""}}
        deltas.append({"tool_calls": [first]})
        for piece in answer.pieces(function["arguments"], 3):
            deltas.append({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
    if not answer.is_google:
        found.append(_chunk(answer, {"role": "assistant", "content": ""}))
        length = max(1, -(-len(_thoughts(answer)) // 3))
        pieces = [_thoughts(answer)[at : at + length] for at in range(0, len(_thoughts(answer)), length)]
        found += [_chunk(answer, {"reasoning_content": piece}) for piece in pieces]
    for number, delta in enumerate(deltas):
        found.append(_chunk(answer, delta, done=(number + 1) / len(deltas), is_delta=True))
    found.append(_chunk(answer, {}, finish=reply.finish, done=1.0))
    if not answer.is_google and answer.has_usage:
        last = _frame(answer, [])
        last.update(usage=_usage(answer), credits_consumed=answer.credits, system_fingerprint="")
        found.append(Event(last))
    return [*found, Event("[DONE]")]


def failure(answer: Answer, sent: List[Event]) -> List[Event]:
    error = {"message": "The server had an error while processing your request.", "type": "server_error", "code": None}
    return [Event({"error": {**error, "param": None}})]


def _chunk(
    answer: Answer, delta: Mapping[str, Any], *, finish: Optional[str] = None, done: float = 0.0, is_delta: bool = False
) -> Event:
    choice: Dict[str, Any] = {"delta": {**delta, "role": "assistant"} if answer.is_google else delta, "index": 0}
    if finish is not None:
        choice["finish_reason"] = finish
    chunk = _frame(answer, [choice])
    wants_usage = mapping(answer.body.get("stream_options")).get("include_usage") is True
    if answer.is_google and answer.has_usage and wants_usage:
        chunk["usage"] = _usage(answer, done)
    return Event(chunk, is_delta=is_delta)


def _frame(answer: Answer, choices: List[Dict[str, Any]]) -> Dict[str, Any]:
    return {
        "choices": choices,
        "id": f"chatcmpl-{answer.id}",
        "created": answer.created,
        "model": answer.slug,
        "object": "chat.completion.chunk",
    }
