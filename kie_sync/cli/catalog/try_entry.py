"""`catalog try`: one paid run of an entry, and what it shows about the entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Dict, List, Mapping, Optional, Tuple

import click

from ... import KieAdapter, KieClient
from ...definitions import Model
from ...errors import KieError
from ...events import TaskSubmitting
from ...pricing import CostEstimate
from ...response import read_param
from ...result import Result
from ...values import key_of
from ..arguments import argument_options, files_under_option, read_arguments
from ..delivery import deliver, output_option, waiting_options
from ..limits import limit_options
from ..progress import Progress
from ..run import Run, common_options, journal_option
from ..tables import amount, counted

_DIFFERS = 1


@dataclass
class _Findings:
    """What a run says about an entry; `differs` where the entry is not as the platform is."""

    sentences: List[str] = field(default_factory=list)
    differs: bool = False

    def add(self, sentence: str, *, differs: bool = False) -> None:
        self.sentences.append(sentence)
        self.differs = self.differs or differs


@click.command(name="try")
@argument_options
@files_under_option
@output_option
@waiting_options
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@limit_options
@journal_option
@common_options
@click.pass_context
def try_(
    ctx: click.Context,
    model_id: str,
    prompt: Optional[str],
    pairs: Tuple[str, ...],
    files_under: Optional[str],
    output: Optional[str],
    poll_interval: Optional[float],
    max_wait: Optional[float],
    yes: bool,
    max_credits: Optional[Decimal],
    allow_unknown_price: bool,
) -> None:
    """Try a catalog entry with one real, paid call.

    Says first what the call will cost, and asks. Without PROMPT and -p, the entry's first example is the call.
    Afterwards it compares what the platform took with the price of the entry, and what the platform kept of the
    request with what was sent. Exits with 1 when something differs; the call is on record like any other.
    """
    run = ctx.find_object(Run) or Run()
    catalog = run.load_catalog(asked=model_id)
    model = catalog[model_id]
    if model.endpoint.shape != "task":
        raise click.UsageError(
            f"{model_id} is a chat model; kie-sync chat {model_id} shows its price behind the answer"
        )
    given = read_arguments(model, prompt, pairs) or _example(model)
    run.output = output
    sent: Dict[str, Any] = {}
    with Progress(run) as progress:

        def listen(event: Any) -> None:
            if isinstance(event, TaskSubmitting) and event.request is not None:
                # Not the prepared request: local files have their addresses only now.
                sent.update(event.request.json["input"])
            progress(event)

        with run.open_client(catalog=catalog, on_event=listen, files_under=files_under) as client:
            adapter = KieAdapter(client, model_id)
            # What can be refused without a call is refused before the question.
            adapter.prepare(arguments=given)
            if not _agrees(run, client, model, adapter.estimate_cost(arguments=given), yes=yes):
                run.say("not made; nothing was paid")
                return
            task = adapter.submit(
                arguments=given,
                poll_interval=poll_interval,
                max_wait_time=max_wait,
                max_credits=max_credits,
                allow_unknown_price=allow_unknown_price,
            )
            run.task_id, run.is_known = task.task_id, True
            result = task.wait()
            deliver(run, result, output)
            findings = _Findings()
            _compare_price(findings, result)
            _compare_input(findings, sent, _kept(adapter, task.task_id))
    for sentence in findings.sentences:
        run.tell("finding", sentence) if run.as_json else run.say(f"- {sentence}")
    if findings.differs:
        ctx.exit(_DIFFERS)


def _kept(adapter: KieAdapter, task_id: str) -> Mapping[str, Any]:
    """The input as the platform kept it; {} where it does not show it."""
    try:
        return read_param(adapter.query_task(task_id).raw)
    except KieError:
        # The result is delivered; a look more is worth no error.
        return {}


def _example(model: Model) -> Mapping[str, Any]:
    if not model.examples:
        raise click.UsageError(f"{model.id} has no example; give PROMPT or -p")
    return model.examples[0].call


def _agrees(run: Run, client: KieClient, model: Model, expected: CostEstimate, *, yes: bool) -> bool:
    """Say what it costs, and whether the user wants it."""
    provider = model.endpoint.provider
    settings = client.connection.settings
    where = provider.title if settings.is_real(provider) else settings.base_url(provider)
    run.say(f"{model.id}: one call to {where}; by the catalog the platform takes {_cost(expected)}")
    if yes:
        return True
    if run.as_json:
        raise click.UsageError("this call is paid; with --json, say --yes")
    return click.confirm("Make it, and pay?", default=False, err=True)


def _cost(expected: CostEstimate) -> str:
    if expected.platform_credits is not None:
        return counted(expected.platform_credits, "credit")
    if expected.platform_credits_max is not None:
        return f"{amount(expected.platform_credits_max)} credits at most"
    return f"an unknown number of credits ({expected.unknown or 'no figure'})"


def _compare_price(findings: _Findings, result: Result) -> None:
    took, known = result.credits_consumed, result.cost.platform_credits
    if took is None:
        findings.add("the platform does not say how many credits it took")
    elif known is None:
        findings.add(
            f"the platform took {counted(took, 'credit')}; the entry knows no price "
            f"({result.cost.unknown or 'no figure'})",
            differs=True,
        )
    elif took == known:
        findings.add(f"the price is right: {counted(took, 'credit')}")
    else:
        findings.add(f"the price is wrong: {counted(known, 'credit')} by the entry, {amount(took)} taken", differs=True)


def _compare_input(findings: _Findings, sent: Mapping[str, Any], inner: Mapping[str, Any]) -> None:
    """What the platform kept of the input; it keeps what it takes, and drops what it does not know."""
    if not inner:
        findings.add("the platform does not show what it kept of the request, so that fields cannot be compared")
        return
    lost = [name for name in sent if name not in inner]
    other = [name for name in sent if name in inner and not _same(inner[name], sent[name])]
    for name in lost:
        findings.add(f"{name} was sent, and the platform did not keep it", differs=True)
    for name in other:
        findings.add(f"{name}: {sent[name]!r} was sent, {inner[name]!r} was kept", differs=True)
    if not lost and not other:
        findings.add(f"the platform kept every field as it was sent: {', '.join(sent)}")


def _same(kept: Any, sent: Any) -> bool:
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        return all(name in kept and _same(kept[name], value) for name, value in sent.items())
    if isinstance(sent, (list, tuple)) and isinstance(kept, (list, tuple)):
        return len(kept) == len(sent) and all(_same(one, two) for one, two in zip(kept, sent))
    return type(kept) is type(sent) and (kept == sent or key_of(kept) == key_of(sent))
