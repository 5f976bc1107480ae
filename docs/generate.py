"""Writes the generated parts of the documentation: `make docs`; with `--check` it only says what is out of date.

A generated part stands between `<!-- generated: NAME -->` and `<!-- /generated -->`.
Facts come from the code, the schema, the catalog and the command line itself.
"""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import shlex
import sys
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Set, Tuple

from click.testing import CliRunner

from kie_sync import KieAdapter, KieClient
from kie_sync.catalog import Catalog, read_catalog, read_schema
from kie_sync.catalog_lookup import LIMITS
from kie_sync.cli import COMMANDS, main
from kie_sync.cli.account import COMMANDS as ACCOUNT_COMMANDS
from kie_sync.cli.batch import COMMANDS as BATCH_COMMANDS
from kie_sync.cli.catalog import COMMANDS as CATALOG_COMMANDS
from kie_sync.cli.catalog.docs import part_words
from kie_sync.cli.run import as_json
from kie_sync.cli.words import price_lines
from kie_sync.definitions import Model, Price
from kie_sync.errors import CatalogProblem

ROOT = Path(__file__).resolve().parent.parent
TERMINAL = runpy.run_path(str(ROOT / "docs" / "terminal.py"))
FILES = (
    "README.md",
    "README.zh-CN.md",
    "docs/cli.md",
    "docs/catalog.md",
    "docs/guide.md",
    "docs/zh/catalog.md",
    "docs/zh/guide.md",
    "docs/architecture.md",
)
# Values beside a range, formats and what only the platform can check have words of their own.
_TOLD_APART = ("also", "formats", "media")
COLUMNS = ("parameter", "also called", "type", "required or default", "allowed", "about")
_PART = re.compile(r"(<!-- generated: ([\w -]+) -->\n).*?(<!-- /generated -->)", re.DOTALL)

_COMPLAINT = re.compile(r"^```yaml\n((?:(?!```).*\n)*)```\n\n```text\n(?:(?!```).*\n)*```\n", re.MULTILINE)

# The words around generated tables, and the commands' own lines, in Chinese.
ZH: Mapping[str, str] = json.loads((ROOT / "docs" / "zh" / "words.json").read_text(encoding="utf-8"))


def _say(text: str, lang: str) -> str:
    return ZH[text] if lang == "zh" else text


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


@contextmanager
def _empty_folder() -> Iterator[None]:
    before = os.getcwd()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


@cache
def _run(*words: str) -> str:
    done = CliRunner().invoke(main, list(words), prog_name="kie-sync", terminal_width=100)
    if done.exit_code != 0:
        raise SystemExit(f"kie-sync {' '.join(words)} ended with {done.exit_code}: {done.output}")
    return str(done.output)


@cache
def _catalog() -> Catalog:
    """The shipped catalog, read once for all pages."""
    return read_catalog()


# The command line


def command_table(lang: str) -> str:
    rows = [(f"`{name}`", text if lang == "en" else ZH[f"kie-sync {name}"]) for name, (_, text) in COMMANDS.items()]
    return table([_say("command", lang), _say("what it does", lang)], rows)


def exit_table() -> str:
    """The exit codes, from the first page of help."""
    listed = _run("--help").partition("Exit codes:\n")[2].partition("\n\n")[0]
    # A line without a code goes on with the one before it.
    lines = re.sub(r"\n +(?=[a-z])", " ", listed).splitlines()
    return table(["exit code", "means"], [line.split(None, 1) for line in lines])


def retired(lang: str) -> str:
    """Which models their makers have withdrawn."""
    names = ", ".join(f"`{model.id}`" for model in _catalog().values() if model.retired_on)
    return f"{_say('Withdrawn by their makers, so that calls to the real platform may be refused:', lang)} {names}\n"


@cache
def demo() -> str:
    """What `kie-sync demo` prints; port and task ids, which differ each time, are always the same here."""
    with _empty_folder():
        said = _run("demo")
    ids = iter(("b9f403f1e94f5a8e123a59841e17fb7d", "c31df5470890472628ba36f692a10944"))
    for task_id in dict.fromkeys(re.findall(r"[0-9a-f]{32}", said)):
        said = said.replace(task_id, next(ids))
    said = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:32935", re.sub(r"^[\w ]+, \d+ s\n", "", said, flags=re.MULTILINE))
    return f"```text\n{said}```\n"


def command_pages() -> str:
    groups = {"account": ACCOUNT_COMMANDS, "batch": BATCH_COMMANDS, "catalog": CATALOG_COMMANDS}
    pages = [(), *((name,) for name in COMMANDS)]
    pages += [(group, name) for group, names in groups.items() for name in names]
    text = ""
    for words in sorted(pages, key=lambda words: list(COMMANDS).index(words[0]) if words else -1):
        name = " ".join(("kie-sync", *words))
        text += f"## {name}\n\n```text\n{_run(*words, '--help').rstrip()}\n```\n\n"
    return text.rstrip() + "\n"


# The catalog's words


def word_table(name: str) -> str:
    """Every word of one part of a catalog file, from the schema's own descriptions."""
    return table(["word", "what it says"], [(f"`{word}`", text) for word, text in part_words(read_schema(), name)])


# The models


def families(lang: str) -> str:
    """How many models there are of each sort, with the first ones."""
    found: Dict[Tuple[str, str, str], List[str]] = {}
    for model in _catalog().values():
        shape = "" if model.endpoint.shape == "task" else model.endpoint.shape
        found.setdefault((model.kind, model.endpoint.provider.title, shape), []).append(f"`{model.id}`")
    rows = [(*sort, len(ids), ", ".join(ids[:3]) + (", ..." if len(ids) > 3 else "")) for sort, ids in found.items()]
    return table([_say(word, lang) for word in ("kind", "served by", "shape of chat", "models", "such as")], rows)


def is_written_out(catalog: Catalog, model_id: str) -> bool:
    """Whether a model gets a section of its own: those of the first file; the families stand in a table."""
    return bool(catalog.raw(model_id).mark.file == "models.yaml")


def models(lang: str) -> str:
    catalog = _catalog()
    with KieClient(catalog=catalog) as client:
        return "\n".join(
            model_section(client, catalog[model_id], lang) for model_id in catalog if is_written_out(catalog, model_id)
        )


def others(lang: str) -> str:
    """The chat models without a section of their own, with what a million tokens cost."""
    catalog = _catalog()
    rows = [
        (
            f"`{model.id}`",
            model.title,
            model.endpoint.shape,
            "; ".join(_token_rates(each, lang) for each in model.prices),
        )
        for model in catalog.values()
        if model.kind == "chat" and not is_written_out(catalog, model.id)
    ]
    return table([_say(word, lang) for word in ("model", "title", "shape of chat", "credits for 1M tokens")], rows)


def task_families(lang: str) -> str:
    """The other models without a section of their own: a row for each kind in each family's file."""
    catalog = _catalog()
    found: Dict[Tuple[str, str], List[Model]] = {}
    for model in catalog.values():
        if model.kind != "chat" and not is_written_out(catalog, model.id):
            family = Path(catalog.raw(model.id).mark.file).stem.replace("-", " ")
            found.setdefault((family, model.kind), []).append(model)
    rows = [(*sort, ", ".join(f"`{each.id}`" for each in group), _span(group, lang)) for sort, group in found.items()]
    return table([_say(word, lang) for word in ("family", "kind", "model ids", "credits")], rows)


def _span(group: Sequence[Model], lang: str) -> str:
    """What some models cost, from the least to the most for each unit; conditions are left to `show`."""
    found: Dict[str, List[Decimal]] = {}
    is_whole = True
    for model in group:
        lines = [line for price in model.prices for line in price_lines(price)]
        known = [line for line in lines if line.get("currency") == "credits"]
        is_whole &= bool(known)
        for line in known:
            found.setdefault(line["unit"], []).append(line["amount"])
    texts = []
    for unit, amounts in found.items():
        span = " - ".join(str(as_json(each)) for each in dict.fromkeys((min(amounts), max(amounts))))
        texts.append(f"{span} / {_say(unit.replace('_', ' '), lang)}")
    return "; ".join([*texts, *([] if is_whole else [_say("some unknown" if texts else "unknown", lang)])])


def _token_rates(price: Price, lang: str) -> str:
    if not isinstance(price.amounts, Mapping):
        return _say("unknown", lang)
    text = ", ".join(f"{kind} {as_json(amount)}" for kind, amount in price.amounts.items())
    for word, day in (("from", price.valid_from), ("until", price.valid_until)):
        text += f" ({_say(word, lang)} {day})" if day else ""
    return text


def model_section(client: KieClient, model: Model, lang: str) -> str:
    shown = json.loads(_run("show", model.id, "--json"))
    example = model.examples[0]
    adapter = KieAdapter(client, model.id)
    text = f"### `{model.id}`\n\n{model.title}; {model.kind}, {model.endpoint.provider.title}.\n"
    if model.retired_on:
        instead = f"; {_say('use', lang)} `{model.replaced_by}`" if model.replaced_by not in ("", "none") else ""
        text += f"**{_say('Withdrawn', lang)}: {model.retired_on}**{instead}.\n"
    text += f"\n```python\n{python_call(model, example.call)}\n```\n\n"
    text += f"```console\n{command_line(model, example.call)}\n```\n\n"
    body = adapter.prepare(arguments=example.call).json
    text += f"{_say('Sent', lang)}:\n\n```json\n{json.dumps(as_json(body), ensure_ascii=False, indent=1)}\n```\n\n"
    tariffs = list(model.all_tariffs)
    estimates = shown["price"]["estimates"]
    rows = [(_conditions(line["given"], model), *(line[name] for name in tariffs)) for line in estimates]
    head = [_say("for", lang), *(f"`{name}`" for name in tariffs)]
    text += f"{_say('Price in credits', lang)}:\n\n{table(head, rows)}\n"
    head = [_say(word, lang) for word in COLUMNS]
    text += table(head, list(_parameters(shown, model, lang)))
    if shown["rules"]:
        text += f"\n{_say('Rules', lang)}:\n\n" + "".join(f"- {rule}\n" for rule in shown["rules"])
    notes = [note for note in (*shown["price"]["notes"], *model.advice, model.note) if note]
    return text + ("\n" + "".join(f"- {note}\n" for note in notes) if notes else "")


def _conditions(given: Mapping[str, Any], model: Model) -> str:
    return ", ".join(f"{name} {value}" for name, value in given.items()) or f"1 {model.result}"


def _parameters(shown: Mapping[str, Any], model: Model, lang: str) -> Iterator[Tuple[str, ...]]:
    for fact in shown["parameters"]:
        name = fact["name"]
        wire = [fact["wire"]] if fact["wire"] != name.rpartition(".")[2] else []
        aliases = [alias for alias, behind in model.aliases.items() if behind == name]
        also = ", ".join(f"`{word}`" for word in dict.fromkeys([*wire, *fact.get("aliases", []), *aliases]))
        default = _say("required", lang) if fact["required"] else _word(fact["default"]) if "default" in fact else ""
        about = fact.get("note") or fact.get("title", "")
        yield f"`{name}`", also, fact["type"], default, _allowed(fact), about


def _allowed(fact: Mapping[str, Any]) -> str:
    listed = ", ".join(_choice(choice["value"], choice["wire"]) for choice in fact.get("values") or [])
    limits = [
        f"{name} {_word(fact[name])}" for name in (*LIMITS, "send_as") if name in fact and name not in _TOLD_APART
    ]
    limits += [f"formats {'/'.join(fact['formats'])}"] if "formats" in fact else []
    return "; ".join([*([listed] if listed else []), *limits])


def _choice(value: Any, wire: Any) -> str:
    is_plain = wire is not None and not isinstance(wire, (list, dict))
    return f"{_word(value)} ({_word(wire)})" if is_plain and wire != value else _word(value)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(as_json(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (int, str, bool)) or value is None else float(value)


def _py(value: Any) -> str:
    """A value as Python source, with double quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_py(name)}: {_py(item)}" for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_py, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(_plain(value))


def python_call(model: Model, call: Mapping[str, Any]) -> str:
    """The example's call through the library."""
    kind = f"Kie{model.kind.title()}Adapter" if model.kind in ("image", "video", "chat") else "KieAdapter"
    given = dict(call)
    first = [_py(given.pop("messages"))] if model.kind == "chat" else []
    words = ", ".join([*first, *(f"{name}={_py(value)}" for name, value in given.items())])
    method = "chat" if model.kind == "chat" else "generate"
    return f'{kind}(client, "{model.id}").{method}({words})'


def command_line(model: Model, call: Mapping[str, Any]) -> str:
    """The same on the command line."""
    given = dict(call)
    words = ["kie-sync", "chat" if model.kind == "chat" else "generate", model.id]
    if "prompt" in given:
        words.append(str(given.pop("prompt")))
    messages = given.get("messages") or []
    if messages and messages[-1]["role"] == "user":
        words.append(messages[-1]["content"])
        words += [word for turn in messages[:-1] for word in ("--system", turn["content"])]
        del given["messages"]
    for name, value in given.items():
        plain = _plain(value)
        text = json.dumps(plain, ensure_ascii=False) if isinstance(plain, (list, dict, bool)) else str(plain)
        words += ["-p", f"{name}={text}"]
    return "$ " + " ".join(shlex.quote(word) for word in words)


# Tariffs and plans


def tariffs(lang: str) -> str:
    rows = []
    for tariff in _catalog().tariffs.values():
        rows.append((f"`{tariff.name}`", tariff.title, tariff.note))
    return table([_say("tariff", lang), _say("title", lang), _say("note", lang)], rows)


def plans(lang: str) -> str:
    head = [_say(word, lang) for word in ("title", "seller", "credits", "price")]
    rows = []
    for plan in _catalog().plans.values():
        title = plan.title_zh if lang == "zh" else f"{plan.title} {plan.title_zh}"
        rows.append((title, plan.seller, f"{plan.credits:,}", f"{plan.price} {plan.currency}"))
    return table(head, rows)


# The code


def modules() -> str:
    """Each module with its ring, its own first line, and what it may import: the table that the tests hold."""
    sys.path.insert(0, str(ROOT / "tests"))
    house = runpy.run_path(str(ROOT / "tests" / "test_architecture.py"))
    rings = {"0 pure": house["PURE"], "1 I/O": house["IO"], "2 face": house["FACE"]}
    rows = []
    for name, allowed in house["MAY_IMPORT"].items():
        path = ROOT / "kie_sync" / name
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        ring = next((ring for ring, names in rings.items() if name in names), "3 outer")
        about = (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").splitlines()[0].rstrip(":.")
        rows.append((ring, f"`{name}{'/' if path.is_dir() else ''}`", about, _allowed_imports(set(allowed), rings)))
    return table(["ring", "module", "what it knows", "may import"], rows)


def _allowed_imports(allowed: Set[str], rings: Mapping[str, Sequence[str]]) -> str:
    words = []
    for ring, names in rings.items():
        if set(names) <= allowed:
            words.append(f"ring {ring[0]}")
            allowed -= set(names)
    return ", ".join([*words, *(f"`{name}`" for name in sorted(allowed))]) or "-"


PARTS: Dict[str, Callable[..., str]] = {
    "commands": command_table,
    "families": families,
    "models": models,
    "others": others,
    "tasks": task_families,
    "tariffs": tariffs,
    "plans": plans,
    "words": word_table,
    "pages": command_pages,
    "exits": exit_table,
    "retired": retired,
    "modules": modules,
    "demo": demo,
    "terminal": TERMINAL["picture"],
    "imported": TERMINAL["imported"],
}


def complaint(found: Any) -> str:
    """A block of YAML, and below it what the check says to it."""
    with _empty_folder():
        Path("my.yaml").write_text(found.group(1), encoding="utf-8")
        said = CliRunner().invoke(main, ["catalog", "check", "my.yaml", "--json"]).stdout
    problems = json.loads(said)["problems"]
    lines = "".join(f"{CatalogProblem(**problem)}\n" for problem in problems)
    return f"```yaml\n{found.group(1)}```\n\n```text\n{lines}```\n"


def build(text: str) -> str:
    """A page's text with its generated parts written anew, and what the check says below YAML that is wrong."""
    text = _COMPLAINT.sub(complaint, text)

    def write(found: Any) -> str:
        name, *arguments = found.group(2).split()
        return f"{found.group(1)}{PARTS[name](*arguments)}{found.group(3)}"

    return _PART.sub(write, text)


def stale() -> List[str]:
    """The files whose generated parts are not what they should be."""
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in FILES}
    return [name for name, text in texts.items() if build(text) != text]


if __name__ == "__main__":
    if "--check" in sys.argv:
        wrong = stale()
        sys.exit(f"out of date, run `make docs`: {', '.join(wrong)}" if wrong else 0)
    for name in FILES:
        path = ROOT / name
        path.write_text(build(path.read_text(encoding="utf-8")), encoding="utf-8")
