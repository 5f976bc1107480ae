"""The house holds: who imports whom, what ring 0 may touch, closed vocabularies, no model id in code."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Set

import pytest
from conftest import ROOT

from kie_sync import definitions, quoting, readers, rules
from kie_sync.catalog import read_schema
from kie_sync.pages import naming

PACKAGE = ROOT / "kie_sync"

PURE = (
    "errors",
    "definitions",
    "yaml_faults",
    "yamlfile",
    "yamledit",
    "values",
    "conditions",
    "wire",
    "readers",
    "rules",
    "params",
    "content",
    "input_schema",
    "figures",
    "quoting",
    "pricing",
    "request",
    "catalog_versions",
    "catalog_data",
    "catalog_stored",
    "catalog_sources",
    "catalog_files",
    "catalog_shipped",
    "catalog_extends",
    "catalog_overlay",
    "catalog_lookup",
    "catalog_parameters",
    "catalog_prices",
    "catalog_rules",
    "catalog_build",
    "catalog_repricing",
    "catalog_problems",
    "catalog_shapes",
    "catalog_cases",
    "catalog",
    "catalog_check",
    "records",
    "holds",
    "response",
    "result",
    "refusals",
    "messages",
    "strict",
    "typed",
    "functions",
    "completions",
    "totals",
    "assembly",
    "shapes",
    "sse",
    "events",
    "places",
)
IO = (
    "clock",
    "catalog_places",
    "catalog_cache",
    "catalog_load",
    "config",
    "transport",
    "sender",
    "connection",
    "account",
    "payonce",
    "budget",
    "balance",
    "limiter_memory",
    "processes",
    "sqlitefile",
    "limiter_file",
    "limiter",
    "guards",
    "waiter",
    "tasks",
    "chat_stream",
    "chat",
    "file_sources",
    "local_files",
    "uploads",
    "chat_files",
    "targets",
    "downloads",
    "client",
)
FACE = (
    "calculate",
    "usage",
    "task",
    "purchase",
    "saving",
    "tool_run",
    "chat_calls",
    "adapter",
    "kinds",
    "turns",
    "conversation_file",
    "conversation",
)

# Module: what it may import inside kie_sync. To import more, change table and module together, and say why.
MAY_IMPORT: Dict[str, Set[str]] = {
    # ring 0: pure
    "errors": set(),
    "definitions": set(),
    # What a slip means is found by trying to mend it; the reader only says where it stopped.
    "yaml_faults": set(),
    "yamlfile": {"errors", "yaml_faults"},
    # Writing is apart from reading: only the commands that change a catalog file load it.
    "yamledit": {"errors", "yamlfile"},
    "values": set(),
    "conditions": {"definitions", "values"},
    "wire": {"definitions", "values"},
    "readers": {"definitions", "values"},
    "rules": {"conditions", "definitions", "errors", "values"},
    "params": {"definitions", "errors", "readers", "rules", "values", "wire"},
    # What a file is, of those that come and of those that go: by its bytes.
    "content": set(),
    "input_schema": {"definitions", "values"},
    "figures": {"values"},
    "quoting": {"conditions", "definitions", "errors", "figures", "params", "values"},
    "pricing": {"definitions", "errors", "figures", "params", "quoting"},
    "request": {"definitions", "errors", "params", "shapes", "values"},
    # catalog_build was one file of 526 lines: the names, the parameters, the rules and the prices became modules.
    # Old words are read as new ones before anybody else sees them.
    "catalog_versions": {"errors", "yamlfile"},
    # Every start loads these two, and `catalog_load`: apart from `catalog`, so that a start costs little.
    "catalog_data": set(),
    "catalog_stored": {"errors"},
    "catalog_sources": {"catalog_stored"},
    "catalog_shipped": {"catalog_files", "catalog_sources", "errors", "yamlfile"},
    "catalog_files": {"catalog_stored", "catalog_versions", "errors", "yaml_faults", "yamlfile"},
    # What an entry takes from others is settled before anything is built, and looked at again where a fault is told.
    "catalog_extends": {"params", "yamlfile"},
    # What a user's file does to the models below it, apart from building them: `catalog` had no room for it.
    "catalog_overlay": {"catalog_extends", "errors", "params", "yamlfile"},
    "catalog_lookup": {"definitions", "params", "values"},
    "catalog_parameters": {"catalog_lookup", "definitions", "params", "values"},
    "catalog_prices": {"catalog_lookup", "definitions", "params", "values"},
    "catalog_rules": {"catalog_lookup", "definitions"},
    "catalog_build": {
        "catalog_lookup",
        "catalog_parameters",
        "catalog_prices",
        "catalog_rules",
        "definitions",
        "input_schema",
        "params",
    },
    # What the schema says of files, in words; what a whole model does not keep is `catalog_check`'s.
    "catalog_shapes": {"params", "values"},
    "catalog_problems": {"catalog_extends", "catalog_lookup", "errors", "yamlfile"},
    "catalog_cases": {"conditions", "definitions", "errors", "params", "values"},
    "catalog": {
        "catalog_build",
        "catalog_data",
        "catalog_extends",
        "catalog_files",
        "catalog_lookup",
        "catalog_overlay",
        "catalog_problems",
        "catalog_shapes",
        "catalog_shipped",
        "catalog_stored",
        "definitions",
        "errors",
        "params",
        "yamlfile",
    },
    # What a changed price is, apart from the file that it is written into.
    "catalog_repricing": {"definitions", "params", "values"},
    # A whole catalog, looked at from above: what `catalog check` and the editors of entries ask.
    "catalog_check": {
        "catalog",
        "catalog_cases",
        "catalog_files",
        "catalog_lookup",
        "conditions",
        "definitions",
        "errors",
        "params",
        "pricing",
        "request",
        "values",
        "yamlfile",
    },
    "records": {"values"},
    # The ledger as the core sees it, beside what a journal is.
    "holds": {"values"},
    # A finished task may be read from a journal's record as well as from the wire.
    "response": {"definitions", "errors", "records"},
    "result": {"errors", "pricing"},
    "refusals": {"definitions", "errors", "response"},
    "messages": {"values"},
    # What an answer should be like, and what comes of its text: a schema, a class, or OpenAI's strict form of one.
    "strict": set(),
    "typed": {"definitions", "errors", "strict", "values"},
    # Python functions as tools: only their hints and their call; who calls them when is `tool_run`.
    "functions": {"errors", "typed", "values"},
    # An answer knows the form that it was asked for in, so that `parsed` can say what does not fit.
    "completions": {"errors", "messages", "pricing", "typed"},
    # Sums over several answers, for runs and conversations.
    "totals": {"completions", "pricing"},
    # Characters that were cut in two are put together again.
    "assembly": {"completions", "messages", "pricing", "response", "values"},
    # Codecs: bodies out of definitions and arguments, answers out of what came.
    "shapes": {"completions", "definitions", "errors", "messages", "params", "response", "values"},
    "sse": {"errors"},
    "events": {"completions", "definitions", "errors", "pricing", "records", "request", "response"},
    # Whose turn it is, without a clock or a file: so that every case of it is a row of a table.
    "places": set(),
    # ring 1: clock, environment, network
    "clock": set(),
    # Which files are in force: it reads the environment and a folder, and every start asks it.
    "catalog_places": {"errors"},
    # `pack` and `unpack` are pure; the file, the environment and whose file it is are not.
    "catalog_cache": {"__init__", "catalog", "catalog_data", "catalog_stored", "yamlfile"},
    "catalog_load": {
        "__init__",
        "catalog",
        "catalog_cache",
        "catalog_data",
        "catalog_places",
        "catalog_sources",
        "catalog_stored",
    },
    "config": {"catalog_load", "catalog_places", "definitions", "errors"},
    "transport": {"config", "definitions", "errors", "refusals", "request", "response"},
    # What may be re-sent, and when: `transport` is the one door, `sender` decides who goes through it again.
    "sender": {"clock", "config", "definitions", "errors", "refusals", "request", "response", "transport"},
    # What every call stands on, in one hand: so that `tasks` and `chat` need not know the client.
    "connection": {*PURE, "clock", "config", "sender"},
    "account": {*PURE, "connection"},
    "payonce": {*PURE, "connection"},
    # The guards: listeners of their own, which `guards` puts in order and the client hands to its `Listeners`.
    "budget": {"definitions", "errors", "events", "figures", "params", "pricing", "records", "values"},
    "balance": {"clock", "errors", "events", "values"},
    "limiter_memory": {"clock", "places"},
    "processes": set(),
    # What the journal and the limiter keep is shared by threads and processes in the same way.
    "sqlitefile": {"errors"},
    # Loaded only where a file is named, for it needs sqlite3.
    "limiter_file": {"places", "processes", "sqlitefile"},
    "limiter": {
        "clock",
        "config",
        "definitions",
        "errors",
        "events",
        "limiter_file",
        "limiter_memory",
        "places",
        "records",
    },
    # `files` was both ways in one. Going out: what may be given and how it is read, what it means among arguments, and
    # the calls. Coming in: where files go and under which names, and the fetching.
    "file_sources": {"content", "values"},
    "local_files": {"content", "definitions", "errors", "file_sources", "params"},
    "uploads": {
        "connection",
        "content",
        "definitions",
        "errors",
        "file_sources",
        "local_files",
        "request",
        "response",
        "values",
    },
    "targets": {"errors", "values"},
    "downloads": {"clock", "content", "errors", "request", "response", "sender", "targets", "transport"},
    # `journal` is named where one is opened, and loaded only then.
    # So is `ledger`.
    "guards": {
        "balance",
        "budget",
        "catalog",
        "clock",
        "config",
        "errors",
        "events",
        "holds",
        "journal",
        "ledger",
        "limiter",
        "records",
    },
    "waiter": {"clock", "definitions", "errors", "events", "response"},
    # `config` knows whether a callback URL is this machine itself.
    "tasks": {*PURE, "config", "connection", "waiter"},
    # A chat's price has a bound where its words and its answer have one; its limits are checked there.
    # `payonce` reads who pays, as for tasks.
    "chat": {*PURE, "budget", "chat_files", "chat_stream", "connection", "local_files", "payonce", "uploads"},
    # Files in messages: what `local_files` is for parameters.
    "chat_files": {*PURE, "file_sources", "local_files"},
    "chat_stream": {*PURE, "transport"},
    "client": {
        *PURE,
        "account",
        "budget",
        "catalog_load",
        "chat",
        "chat_stream",
        "clock",
        "config",
        "connection",
        "downloads",
        "guards",
        "payonce",
        "sender",
        "tasks",
        "transport",
        "uploads",
        "waiter",
    },
    # ring 2: the face
    "calculate": {"catalog", "catalog_load", "definitions", "errors", "params", "pricing"},
    # After a call: from results, answers and records back to quantities.
    "usage": {
        "chat_stream",
        "completions",
        "definitions",
        "errors",
        "params",
        "pricing",
        "response",
        "result",
        "shapes",
        "values",
    },
    # One check of a task id serves the question and the handle.
    "task": {"errors", "pricing", "records", "request", "response", "result"},
    # From arguments to a task: what is on record comes before what is bought.
    "purchase": {*PURE, *IO},
    # What a save means for somebody who has paid; the client's own `download` knows of no task.
    "saving": {"client", "downloads", "errors", "events", "result"},
    # The loop of a run with tools, driven by the adapter and by conversations.
    "tool_run": {*PURE, "budget"},
    # The chat half of the adapter, which was one file of 320 lines.
    "chat_calls": {*PURE, *IO, "tool_run"},
    "adapter": {*PURE, *IO, "chat_calls", "purchase", "saving", "task", "usage"},
    # The names of the customer's, narrowed: `adapter` holds all that they do.
    "kinds": {"adapter"},
    # A conversation: what is said and answered, a turn that streams, and the file that it is kept in.
    "turns": {*PURE, "chat_stream", "tool_run"},
    "conversation_file": {*PURE, "targets"},
    "conversation": {*PURE, "adapter", "chat", "chat_stream", "client", "conversation_file", "tool_run", "turns"},
    # ring 3: outside
    "journal_rows": {*PURE, "budget", "processes"},
    "journal_notes": {*PURE, "journal_rows", "sqlitefile"},
    "recovery": {*PURE, *IO, *FACE, "journal", "journal_notes"},
    "journal": {*PURE, "budget", "config", "journal_notes", "journal_rows", "processes", "sqlitefile"},
    # Accounts of the user's customers: `usage` says what a task cost, the journal what became of a call.
    "ledger": {*PURE, "budget", "config", "journal", "sqlitefile", "usage"},
    # A callback is a hint: the task is read again with the client, and its listeners are told.
    "webhooks": {*PURE, "client", "connection", "tasks"},
    # Many calls of the face, by a journal; sheets and reports are counted and drawn from what is on record.
    "batch": {*PURE, *IO, *FACE, "journal"},
    # What the platform publishes about its models, and what it answers, read: texts in, values out.
    "pages": {*PURE, "chat_stream"},
    "sandbox": {"catalog", "definitions", "errors", "input_schema", "params", "pricing"},
    "cli": {*PURE, *IO, *FACE, "batch", "journal", "ledger", "pages", "recovery", "sandbox", "webhooks"},
    # The public names, resolved when first used, by a table of its own; `__init__.pyi` is for editors.
    "__init__": set(),
}

# Under `if TYPE_CHECKING:` a module may name these beside the table.
MAY_NAME: Dict[str, Set[str]] = {"adapter": {"model_ids"}, "client": {"model_ids"}}

MAX_LINES = 300
# Over 300 lines, each with the reason why there is no second noun in it.
LONGER: Dict[str, int] = {
    "definitions.py": 440,  # values only: as long as the catalog has words
    "errors.py": 335,  # one tree, drawn at its top
    "client.py": 330,  # every setting of a client, and the platform's own calls, a method each
}

# Read the clock or the environment, sleep, or reach the network: rings 1 and up.
IMPURE_MODULES = {
    "asyncio",
    "http",
    "random",
    "requests",
    "select",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
    "urllib3",
}
IMPURE_NAMES = {
    "os.environ",
    "os.getenv",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "urllib.request",
}
READ_FILES = {
    "yamlfile",
    "catalog",
    "catalog_cache",
    "catalog_data",
    "catalog_load",
    "catalog_sources",
    "catalog_files",
    "catalog_check",
    "catalog_places",
    "config",
    "file_sources",
    "targets",
    "downloads",
    "client",
    "processes",
    "conversation_file",
}

HEAVY = (
    "requests",
    "urllib3",
    "yaml",
    "jsonschema",
    "sseclient",
    "backoff",
    "click",
    "rich",
    "asyncio",
    "PIL",
    "werkzeug",
    "pydantic",
)


class Import(NamedTuple):
    """One import: the file that has it, what it names inside the package, and whether types alone need it."""

    file: Path
    line: int
    module: str
    is_for_types: bool

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def python_files() -> List[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)


def unit_of(path: Path) -> str:
    """The row of the table that a file belongs to: its module, or its subpackage."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def for_types(tree: ast.Module) -> Set[ast.AST]:
    """Every node under `if TYPE_CHECKING:`."""
    blocks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    ]
    return {inner for block in blocks for statement in block.body for inner in ast.walk(statement)}


def imports_of(path: Path) -> Iterator[Import]:
    """Each import of a file, those inside functions too; names inside kie_sync come as `kie_sync.module`."""
    tree = tree_of(path)
    typed = for_types(tree)
    package = ("kie_sync", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            found = (
                [f"{module}.{alias.name}" for alias in node.names] if module == "kie_sync" or node.level else [module]
            )
            found = [name if is_module(name) else module for name in found]
        else:
            continue
        for name in dict.fromkeys(found):
            yield Import(path, node.lineno, name, node in typed)


def is_module(dotted: str) -> bool:
    """Whether a dotted name inside the package is a file or folder of it, not something that a module defines."""
    path = ROOT.joinpath(*dotted.split("."))
    return path.is_dir() or any(path.with_suffix(suffix).is_file() for suffix in (".py", ".pyi"))


def test_every_module_has_its_row() -> None:
    """A new module is a decision: it gets a row, in the table of its ring."""
    units = {unit_of(path) for path in python_files()}

    assert units - set(MAY_IMPORT) == set(), "modules without a row in MAY_IMPORT"


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_table(path: Path) -> None:
    unit = unit_of(path)
    wrong = []

    for found in imports_of(path):
        if not found.module.startswith("kie_sync."):
            continue
        target = found.module.split(".")[1]
        allowed = MAY_IMPORT.get(unit, set()) | {unit} | (MAY_NAME.get(unit, set()) if found.is_for_types else set())
        if target not in allowed:
            wrong.append(f"{found}, which {unit} may not")

    assert wrong == []


def test_the_table_has_no_circle() -> None:
    """Whoever follows the table downwards arrives: nothing later is called by anything earlier."""
    table = {name: set(targets) for name, targets in MAY_IMPORT.items()}
    while table:
        bottom = {name for name, targets in table.items() if not targets & set(table)}
        assert bottom, f"these import each other: {sorted(table)}"
        table = {name: targets for name, targets in table.items() if name not in bottom}


@pytest.mark.parametrize("name", PURE)
def test_ring_0_is_pure(name: str) -> None:
    """No clock, no environment, no sleep, no network in the pure stages."""
    paths = [path for path in python_files() if unit_of(path) == name]
    trees = [tree_of(path) for path in paths]
    assert paths

    loaded = {found.module.split(".")[0] for path in paths for found in imports_of(path)} & IMPURE_MODULES
    named = {ast.unparse(node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    touched = {text for text in named for impure in IMPURE_NAMES if text == impure or text.endswith("." + impure)}

    assert loaded | touched == set()


@pytest.mark.parametrize(
    "path", [p for p in python_files() if len(p.relative_to(PACKAGE).parts) == 1], ids=lambda p: p.name
)
def test_files_are_read_where_the_table_says(path: Path) -> None:
    """Only the catalog's readers and `files` open files."""
    calls = [node.func for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    opened = {ast.unparse(f) for f in calls if isinstance(f, ast.Name) and f.id == "open"}
    opened |= {
        ast.unparse(f)
        for f in calls
        if isinstance(f, ast.Attribute) and f.attr in ("read_text", "read_bytes", "write_text", "write_bytes")
    }

    assert not opened or path.stem in READ_FILES, f"{path.name} uses {opened}"


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_too_long(path: Path) -> None:
    """When a file passes 300 lines, look for the second noun hiding in it."""
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= LONGER.get(str(path.relative_to(PACKAGE)), MAX_LINES)


def test_no_longer_than_needed() -> None:
    """A file that has come down to 300 lines again loses its exception."""
    unneeded = [name for name in LONGER if len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) <= MAX_LINES]

    assert unneeded == []


def test_there_is_no_utils_module() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}

    assert [path.name for path in python_files() if path.stem in vague] == []


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
        return node.value if isinstance(node.value, str) else node.value.decode("utf-8", "replace")
    return ""


def literals_of(tree: ast.Module) -> Iterator[ast.AST]:
    """Every text literal of a module, parts of f-strings too, docstrings aside."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, holders) and node.body and isinstance(node.body[0], ast.Expr)
    }
    yield from (node for node in ast.walk(tree) if text_of(node) and node not in docstrings)


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_model_id_stands_in_code(path: Path, catalog: Any) -> None:
    """If a model seems to need an `if`, it needs a new kind: schema, code, tests and documentation in one change."""
    ids = set(catalog)

    named = [
        f"line {node.lineno}: {text_of(node)}" for node in literals_of(tree_of(path)) if text_of(node).strip() in ids
    ]

    assert named == []


def test_the_reader_of_literals_sees_ids_and_skips_docstrings() -> None:
    tree = ast.parse('"""an-id"""\ndef f():\n    """an-id"""\n    return ["an-id", f"an-id{1}", b"an-id"]\n')

    assert [text_of(node) for node in literals_of(tree)] == ["an-id"] * 3


def enums_of(schema: Any, name: str) -> List[Set[str]]:
    """Each enum that stands under a property of this name, wherever in the schema; `const`s aside."""
    found: List[Set[str]] = []
    if isinstance(schema, dict):
        for key, part in schema.items():
            if key == name and isinstance(part, dict):
                for place in (part, part.get("propertyNames"), part.get("items")):
                    if isinstance(place, dict) and "enum" in place:
                        found.append(set(place["enum"]))
            found += enums_of(part, name)
    elif isinstance(schema, list):
        for part in schema:
            found += enums_of(part, name)
    return found


@pytest.mark.parametrize(
    ("where", "word", "registry"),
    [
        (("properties",), "kinds", definitions.KINDS),
        (("$defs", "model"), "kind", definitions.KINDS),
        (("properties", "kinds"), "result", definitions.RESULTS),
        (("properties", "names"), "looks", definitions.LOOKS),
        (("$defs", "parameter"), "type", definitions.TYPES),
        (("$defs", "item"), "type", definitions.TYPES),
        (("$defs", "parameter"), "send_as", definitions.CASTS),
        (("$defs", "item"), "send_as", definitions.CASTS),
        (("$defs", "rule"), "kind", definitions.RULES),
        (("properties", "endpoints"), "shape", definitions.SHAPES),
        (("$defs", "price"), "unit", definitions.UNITS),
        (("$defs", "price_case"), "unit", definitions.UNITS),
    ],
    ids=[
        "kinds",
        "kinds.result",
        "names.looks",
        "model.kind",
        "parameter.type",
        "item.type",
        "parameter.send_as",
        "item.send_as",
        "rule.kind",
        "endpoint.shape",
        "price.unit",
        "price_case.unit",
    ],
)
def test_schema_and_code_know_the_same_words(where: Any, word: str, registry: Any) -> None:
    part = read_schema()
    for step in where:
        part = part[step]

    found = enums_of(part, word)

    assert found and all(words == set(registry) for words in found)


def test_every_kind_of_rule_has_its_function() -> None:
    assert {"when", *rules._KINDS} == set(definitions.RULES)


def test_every_type_has_its_reader() -> None:
    """Lists and objects are read by methods of their own."""
    assert {*readers.READERS, *definitions.LIST_TYPES, "object"} == set(definitions.TYPES)


def test_every_look_of_values_has_its_test() -> None:
    assert set(naming.LOOKS) == set(definitions.LOOKS)


def test_every_kind_of_token_can_be_counted() -> None:
    assert set(quoting.TOKENS) == {f"{kind}_tokens" for kind in definitions.TOKEN_KINDS}


def test_every_kind_of_model_is_described(catalog: Any) -> None:
    assert {model.kind for model in catalog.values()} <= set(definitions.KINDS)


def test_the_tests_need_what_the_sandbox_needs() -> None:
    """setup.cfg lists it twice: pip before 21.2 cannot read an extra that names another one of ours."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = {name: set(text.split()) for name, text in setup["options.extras_require"].items()}

    assert extras["sandbox"] <= extras["test"]


def test_importing_the_package_loads_nothing_heavy() -> None:
    """requests, yaml, jsonschema, sseclient, backoff, click and rich load when first used."""
    code = f"import sys, kie_sync; print([name for name in {HEAVY!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == "[]"
