"""`demo`: one of each kind, made in a sandbox of its own."""

from __future__ import annotations

import itertools
import os
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Mapping
from urllib.parse import urlsplit

import click

from .. import Catalog, CostEstimate, KieAdapter, KieClient
from .. import sandbox as sandboxes
from ..definitions import Model
from ..errors import KieConfigError, KieError
from ..figures import tidy
from ..pricing import estimate
from .arguments import check_output
from .delivery import save
from .progress import Progress
from .run import Run, common_options, print_json
from .tables import amount, counted

FOLDER = "kie-demo"
# Tasks are quick at this speed; making the real picture and clip takes the time that it takes.
SPEED, POLL_S = 200.0, 0.1
PROMPTS = {
    "image": "一只可爱的橘猫 (a cute orange cat)",
    "video": "a paper boat sails down a rainy street",
    "chat": "Say in one sentence what a catalog is good for.",
}


@click.command()
@click.option("-o", "--output", metavar="FOLDER", default=FOLDER, show_default=True, help="Where the files go.")
@common_options
@click.pass_obj
def demo(run: Run, output: str) -> None:
    """Make a picture, a video and a chat answer in a sandbox.

    The sandbox is KIE.ai played on this machine, on a free port, for as long as the demo lasts. No key is
    read, nothing reaches a real host, and nothing is spent.
    """
    check_output(os.path.join(output, ""))
    catalog = run.load_catalog(use_environment=False)
    with sandboxes.Sandbox(catalog=catalog, speed=SPEED) as sandbox, Progress(run) as progress:
        run.say(f"KIE.ai is played on {sandbox.url}: nothing leaves this machine, and nothing is spent.")
        with KieClient(
            sandbox.key, sandbox.url, catalog=catalog, on_event=progress, max_credits_per_day=False
        ) as client:
            adapters = {KieAdapter(client, find_model(catalog, kind).id): prompt for kind, prompt in PROMPTS.items()}
            made = [_make(run, adapter, prompt, output) for adapter, prompt in adapters.items()]
            left = client.credits()
        if run.as_json:
            print_json({"sandbox": sandbox.url, "folder": output, "made": made, "credits_left": tidy(left)})
            return
    run.say("")
    for thing in made:
        click.echo(f"{thing['kind']}: {', '.join(thing['files'])}")
        click.echo(f"  {thing['model']}, {counted(thing['credits'], 'credit')}, US$ {amount(thing['usd'])}")
        if catalog[thing["model"]].retired_on:
            click.echo("  its maker has withdrawn this model; here it is only played")
    click.echo(f"{amount(left)} credits are left in the sandbox.")


def find_model(catalog: Catalog, kind: str) -> Model:
    """The first model of a kind that a prompt alone is enough for.

    One that is still in use comes before one that is not, and one whose price is known then before others.

    Raises:
        KieConfigError: the catalog has none.
    """
    first = next(iter(catalog.providers))
    fitting = [
        model
        for model in catalog.values()
        if model.kind == kind
        and model.endpoint.provider.name == first
        and all(name in ("prompt", "messages") for name, parameter in model.parameters.items() if parameter.required)
    ]
    if not fitting:
        raise KieConfigError(f"the demo finds no model of kind {kind} that needs a prompt only")
    return min(fitting, key=lambda model: (bool(model.retired_on), not _is_priced(model)))


def _is_priced(model: Model) -> bool:
    """Whether a prompt alone has a known price; of a chat, its tokens."""
    if model.kind == "chat":
        return any(isinstance(price.amounts, Mapping) for price in model.prices)
    try:
        return estimate(model, {"prompt": "a"}).credits is not None
    except KieError:
        return False


def _make(run: Run, adapter: KieAdapter, prompt: str, output: str) -> Dict[str, Any]:
    run.say(f"\n{adapter.model.kind} from {adapter.model.id}: {prompt}")
    about: Dict[str, Any] = {"kind": adapter.model.kind, "model": adapter.model.id, "prompt": prompt}
    if adapter.model.kind == "chat":
        return {**about, **_make_answer(run, adapter, prompt, output)}
    result = adapter.generate(arguments={"prompt": prompt}, poll_interval=POLL_S)
    suffix = PurePosixPath(urlsplit(result.urls[0]).path).suffix
    files = save(run, result.save, os.path.join(output, f"{adapter.model.kind}{suffix}"))
    return {**about, "task_id": result.task_id, "files": files, **_cost(result.cost)}


def _make_answer(run: Run, adapter: KieAdapter, prompt: str, output: str) -> Dict[str, Any]:
    with adapter.chat_simple(prompt, stream=True) as stream:
        for chunk in stream:
            if not run.as_json:
                click.echo(chunk.choices[0].delta.content or "", nl=False, err=True)
    run.say("")
    return {"text": stream.text, "files": [_write_answer(stream.text, Path(output))], **_cost(stream.cost)}


def _write_answer(text: str, folder: Path) -> str:
    """Into answer.txt, or the next free name: as with results, nothing is overwritten."""
    for number in itertools.count(1):
        file = folder / ("answer.txt" if number == 1 else f"answer-{number}.txt")
        try:
            with file.open("x", encoding="utf-8") as opened:
                opened.write(f"{text}\n")
        except FileExistsError:
            continue
        break
    return str(file)


def _cost(cost: CostEstimate) -> Dict[str, Any]:
    return {"tariff": cost.tariff, "credits": cost.credits, "usd": cost.usd}
