"""How a chat's answer is shown: text on stdout as it comes, thoughts and figures on stderr, or all of it as JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Optional

import click

from ..completions import ChatCompletion, Usage
from ..conversation import KieConversation
from ..turns import TurnStream
from .delivery import price_sentence, took
from .run import Run, print_line
from .tables import counted


def show_answer(
    run: Run, conversation: KieConversation, said: Any, *, is_stream: bool, with_thoughts: bool
) -> ChatCompletion:
    """Say something, and show the answer: as it comes, or when it is whole."""
    if is_stream:
        with conversation.say(said, stream=True) as stream:
            _show_pieces(run, stream, with_thoughts)
        completion: ChatCompletion = stream.completion
    else:
        completion = conversation.say(said)
        if not run.as_json:
            if with_thoughts and completion.reasoning_content:
                click.echo(click.style(completion.reasoning_content, dim=True), err=True)
            click.echo(completion.text, nl=bool(completion.text))
    if run.as_json:
        _print_whole(completion)
        return completion
    for call in completion.tool_calls:
        click.echo(json.dumps(call, ensure_ascii=False))
    run.say(f"{tokens(completion.usage)}; {price_sentence(completion.cost)}{took(completion.credits_consumed)}")
    return completion


def say_total(run: Run, conversation: KieConversation) -> None:
    """What a conversation took in all."""
    more = "; more was charged, or may have been, and is not known" if conversation.has_unknown_cost else ""
    price = f"price: {counted(conversation.credits, 'credit')}{took(conversation.credits_consumed)}"
    run.say(f"in all: {tokens(conversation.usage)}; {price}{more}")


def tokens(usage: Optional[Usage]) -> str:
    """How many tokens went in and came out."""
    if usage is None:
        return "tokens not told"
    return f"{usage.prompt_tokens:,} tokens in, {usage.completion_tokens:,} out"


def _show_pieces(run: Run, stream: TurnStream, with_thoughts: bool) -> None:
    is_thinking = False
    run.is_answering = True
    try:
        for chunk in stream:
            if run.as_json:
                print_line(chunk.to_dict())
                continue
            delta = chunk.choices[0].delta
            if with_thoughts and delta.reasoning_content:
                is_thinking = True
                click.echo(click.style(delta.reasoning_content, dim=True), err=True, nl=False)
            if delta.content:
                if is_thinking:
                    click.echo(err=True)
                is_thinking = False
                click.echo(delta.content, nl=False)
        run.is_answering = False
    finally:
        if is_thinking:
            click.echo(err=True)
        if stream.text and not stream.text.endswith("\n") and not run.as_json:
            click.echo()


def _print_whole(completion: ChatCompletion) -> None:
    """The last line of a chat with `--json`."""
    more = completion.unexplained_credits or Decimal(0)
    told = {"unexplained_credits": more} if more else {}
    print_line({"object": "chat.completion", **completion.to_dict(), **told})
