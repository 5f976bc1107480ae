"""What the documentation says is so: generated parts are fresh, examples run, every block of YAML loads."""

from __future__ import annotations

import inspect
import os
import re
import runpy
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import pytest
from click.testing import CliRunner, Result
from conftest import ROOT
from test_cli_sandbox import run as run_apart

import kie_sync
from kie_sync import errors, events
from kie_sync.catalog import Catalog, read_catalog, read_schema
from kie_sync.cli import COMMANDS, main
from kie_sync.errors import KieError
from kie_sync.params import resolve
from kie_sync.pricing import estimate
from kie_sync.yamlfile import read_yaml

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
CATALOG_PAGE = ROOT / "docs" / "catalog.md"
READMES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")}
GUIDES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("docs/guide.md", "docs/zh/guide.md")}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language, its text, the line that it begins in, and what follows up to the next block."""

    language: str
    text: str
    line: int
    after: str


def blocks(text: str, *languages: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    found = list(_FENCE.finditer(text))
    for match, following in zip(found, [*found[1:], None]):
        after = text[match.end() : following.start() if following else len(text)]
        if not languages or match.group(1) in languages:
            yield Block(match.group(1), match.group(2), text.count("\n", 0, match.start()) + 1, after)


def run(*words: str) -> Result:
    """kie-sync with these words."""
    return CliRunner().invoke(main, list(words), prog_name="kie-sync")


# Generated parts


GENERATOR = runpy.run_path(str(ROOT / "docs" / "generate.py"))


@pytest.mark.parametrize("name", GENERATOR["FILES"])
def test_generated_parts_are_up_to_date(name: str) -> None:
    """`make docs` writes them. Older versions of click and rich break lines elsewhere, so spaces do not count."""
    text = (ROOT / name).read_text(encoding="utf-8")

    written = GENERATOR["build"](text)

    assert " ".join(written.split()) == " ".join(text.split())


# docs/catalog.md


class Recipe(NamedTuple):
    """A block of YAML on the catalog's page, with what the page says comes of it."""

    yaml: str
    line: int
    complaint: str
    tables: Tuple[Tuple[str, ...], ...]


def recipes() -> List[Recipe]:
    """Every block of YAML; a block of text right after it is what the check says, a table with `call` its outcomes."""
    page = list(blocks(CATALOG_PAGE.read_text(encoding="utf-8")))
    found = []
    for block, following in zip(page, [*page[1:], Block("", "", 0, "")]):
        if block.language == "yaml":
            complaint = following.text if following.language == "text" and not block.after.strip() else ""
            rows = [row for row in block.after.partition("\n#")[0].splitlines() if row.startswith("|")]
            table = tuple(tuple(cell.strip() for cell in row.strip("|").split(" | ")) for row in rows)
            found.append(Recipe(block.text, block.line, complaint, table if table and table[0][0] == "call" else ()))
    return found


RECIPES = recipes()
RIGHT = [recipe for recipe in RECIPES if not recipe.complaint]
WRONG = [recipe for recipe in RECIPES if recipe.complaint]


def write(folder: Path, wanted: Sequence[Recipe]) -> List[str]:
    """Each recipe as a file, named after its line on the page."""
    paths = [folder / f"line-{recipe.line}.yaml" for recipe in wanted]
    for recipe, path in zip(wanted, paths):
        path.write_text(recipe.yaml, encoding="utf-8")
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def recipe_catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The recipes that are right, all laid over the shipped catalog."""
    return read_catalog(*write(tmp_path_factory.mktemp("recipes"), RIGHT))


def check(folder: Path, wanted: Sequence[Recipe]) -> List[str]:
    """What `kie-sync catalog check --strict` says to recipes, line by line."""
    said = run_apart("catalog", "check", "--strict", *write(folder, wanted)).stdout
    return [line.replace(f"{folder}{os.sep}", "") for line in said.splitlines()]


def test_the_recipes_that_are_right_have_no_fault(tmp_path: Path) -> None:
    """Neither an error nor a warning, golden examples included; nor do they break what is shipped."""
    assert check(tmp_path, RIGHT) == []


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> List[str]:
    """What the check says to the recipes that are wrong."""
    return check(tmp_path_factory.mktemp("wrong"), WRONG)


@pytest.mark.parametrize("recipe", WRONG, ids=lambda each: f"line-{each.line}")
def test_a_wrong_recipe_is_told_as_the_page_says(recipe: Recipe, complaints: List[str]) -> None:
    name = f"line-{recipe.line}.yaml:"

    told = [line.replace(name, "my.yaml:") for line in complaints if line.startswith(name)]

    assert told == recipe.complaint.splitlines()


def outcomes() -> Iterator[Any]:
    """Each cell of the tables beside the recipes."""
    for recipe in RECIPES:
        for row in recipe.tables[2:]:
            named = dict(zip(recipe.tables[0], row))
            for column, cell in named.items():
                if column not in ("call", "model"):
                    name = f"line-{recipe.line}-{named['call']}-{column}"
                    yield pytest.param(recipe, named, column.strip("`"), cell, id=name)


@pytest.mark.parametrize(("recipe", "row", "column", "cell"), list(outcomes()))
def test_a_recipe_gives_what_the_page_says(
    recipe: Recipe, row: Dict[str, str], column: str, cell: str, recipe_catalog: Catalog
) -> None:
    ids = list(read_yaml(recipe.yaml, "page")["models"])
    model = recipe_catalog[row.get("model", ids[-1]).strip("`")]
    given = read_yaml(row["call"].strip("`"), "page")

    if column == "answer":
        assert_answers(model, given, cell)
    else:
        assert price_of(model, given, column) == cell


def assert_answers(model: Any, given: Any, cell: str) -> None:
    """The call is fine, or is refused with this in the message."""
    if cell == "fine":
        resolve(model, given)
        return
    with pytest.raises(KieError) as raised:
        resolve(model, given)
    assert cell in str(raised.value)


def price_of(model: Any, given: Any, tariff: str) -> str:
    """A price as the page writes it."""
    try:
        cost = estimate(model, given, tariff=tariff)
    except KieError as error:
        return f"error: {str(error).partition(': ')[2]}"
    low, high = cost.credits_min, cost.credits_max
    span = "" if low is None else f"{low:f} or more" if high is None else f"{low:f} to {high:f}"
    if cost.credits is None:
        return "unknown" + (f", {span}" if span else "")
    return f"{cost.credits:f}" if low == high else span


def test_every_word_of_the_schema_is_on_the_page() -> None:
    page = CATALOG_PAGE.read_text(encoding="utf-8")
    words = [word for part in read_schema()["$defs"].values() for word in part.get("properties", {})]

    missing = [word for word in words if not re.search(rf"\b{re.escape(word)}\b", page)]

    assert missing == []


# Python on the pages


@pytest.fixture
def quick(sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, an environment that leads to the sandbox, and pauses that are short."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    real = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: real(min(seconds, 0.02)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written_by_hand(text: str) -> str:
    """A page without its generated parts."""
    return re.sub(r"<!-- generated: .*?<!-- /generated -->", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md", "docs/reports.md", "docs/batch.md"])
def test_python_on_the_page_runs(page: str, quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From top to bottom in one namespace, as a reader would; a comment beside a print is what it prints."""
    namespace: Dict[str, Any] = {}
    for block in blocks(written_by_hand((ROOT / page).read_text(encoding="utf-8")), "python"):
        for expected, statement in split_at_comments(block.text):
            capsys.readouterr()
            exec(compile(statement, f"{page}, line {block.line}", "exec"), namespace)
            assert expected is None or capsys.readouterr().out.strip() == expected


def split_at_comments(code: str) -> Iterator[Tuple[Any, str]]:
    """Statements up to each one that says what it prints; the rest as one."""
    waiting = ""
    for line in code.splitlines(keepends=True):
        said = re.match(r"print\(.*\)  # (.*)$", line)
        if said:
            yield None, waiting
            yield said.group(1), line
        waiting = "" if said else waiting + line
    yield None, waiting


def test_the_first_example_saves_a_picture(quick: Path) -> None:
    first = next(blocks(READMES["README.md"], "python"))

    exec(compile(first.text, "README.md", "exec"), {})

    assert (quick / "cat.png").read_bytes().startswith(b"\x89PNG")
    assert len(first.text.strip().splitlines()) <= 5


def test_every_yaml_in_the_readme_is_without_error(tmp_path: Path) -> None:
    for block in blocks(READMES["README.md"], "yaml"):
        path = tmp_path / "my.yaml"
        path.write_text(block.text, encoding="utf-8")
        assert read_catalog(path).errors == ()


# docs/zh/catalog.md


def test_the_blocks_of_the_chinese_page_are_those_of_the_english_one() -> None:
    """The recipes are run from there; so nothing on this page is untried."""
    english = {block.text for block in blocks(CATALOG_PAGE.read_text(encoding="utf-8"))}
    chinese = [block.text for block in blocks((ROOT / "docs" / "zh" / "catalog.md").read_text(encoding="utf-8"))]

    assert len(chinese) > 50
    assert [text for text in chinese if text not in english] == []


def test_the_tables_of_the_chinese_page_say_the_same() -> None:
    """What comes out is the program's own word, in any language."""
    rows = re.compile(r"^\| `\{.*?\}` \| ((?!fine|可以).*) \|$", re.MULTILINE)
    known = {found.group(0) for found in rows.finditer(CATALOG_PAGE.read_text(encoding="utf-8"))}
    chinese = (ROOT / "docs" / "zh" / "catalog.md").read_text(encoding="utf-8").partition("## 价格")[2]

    assert [found.group(0) for found in rows.finditer(chinese) if found.group(0) not in known] == []


# The command line on the pages


def test_every_command_on_the_pages_is_there() -> None:
    """With options that it has."""
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8"), "console", "bash"):
            for line in block.text.splitlines():
                for words in re.findall(
                    r"(?:^\$ |bin/)kie-sync ((?:account |catalog |batch (?=status|report))?[a-z]+)(.*)", line
                ):
                    assert words[0].split()[0] in COMMANDS, line
                    # The word `run` may be left out.
                    known = run(*words[0].replace("batch", "batch run", words[0] == "batch").split(), "--help").output
                    options = re.findall(r" (--?[a-z][a-z-]*)\b", words[1])
                    assert [option for option in options if option not in known] == []


def test_a_limit_on_the_pages_lets_its_call_through(catalog: Catalog) -> None:
    called = re.compile(r"^\$ kie-sync generate (\S+) .*--max-credits (\d+)", re.MULTILINE)
    found = [call for text in READMES.values() for call in called.findall(text)]

    assert found != []
    assert [call for call in found if (estimate(catalog[call[0]], {}).platform_credits_max or 0) > int(call[1])] == []


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

    assert [name for name in COMMANDS if f"## kie-sync {name}\n" not in page] == []


@pytest.mark.parametrize("page", sorted(READMES))
def test_the_readme_names_every_exit_code(page: str) -> None:
    codes = re.findall(r"^ +(\d+)  ", run("--help").output.partition("Exit codes")[2], re.MULTILINE)

    assert [code for code in codes if f"\n| {code} | " not in READMES[page]] == []


@pytest.mark.parametrize("page", sorted(READMES))
def test_the_readme_names_every_variable(page: str, catalog: Catalog) -> None:
    names = {name for provider in catalog.providers.values() for name in (provider.base_url_env, *provider.key_env)}

    assert sorted(name for name in {*names, "KIE_CATALOG", "KIE_JOURNAL"} if f"`{name}`" not in READMES[page]) == []


def test_ci_runs_the_lines_of_the_readme() -> None:
    """`.ci/run` takes the block after the mark, and expects .venv in the checkout."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for mark in re.findall(r"readme_line (\w+)", script):
        found = READMES["README.md"].partition(f"<!-- {mark} -->\n")[2]
        line = next(blocks(found, "bash")).text
        assert found.startswith("```bash\n")
        assert line.count("\n") == 1
        assert line.startswith("python3 -m venv .venv && .venv/bin/python -m pip install ")


# Names, links, languages


@pytest.mark.parametrize("page", sorted(GUIDES))
def test_every_public_name_is_in_the_guide(page: str) -> None:
    text = written_by_hand(GUIDES[page])

    assert [name for name in kie_sync.__all__ if not re.search(rf"`{name}`", text)] == []


@pytest.mark.parametrize("page", sorted(GUIDES))
def test_every_error_is_in_the_guide(page: str) -> None:
    """In the table, and in the tree at the place that it has."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, KieError)]
    tree = next(block.text for block in blocks(GUIDES[page], "text") if block.text.startswith("KieError\n"))

    assert [kind.__name__ for kind in kinds if f"\n| `{kind.__name__}` | " not in GUIDES[page]] == []
    deep = {kind.__name__: sum(issubclass(each, KieError) for each in kind.__mro__) - 1 for kind in kinds}
    assert depths(tree) == deep


def depths(tree: str) -> Dict[str, int]:
    """How deep each name stands in a drawn tree."""
    return {re.sub(r"\W", "", line): re.search(r"K", line).start() // 4 for line in tree.splitlines()}  # type: ignore[union-attr]


@pytest.mark.parametrize("page", sorted(GUIDES))
def test_every_event_is_in_the_guide(page: str) -> None:
    kinds = [kind for _, kind in inspect.getmembers(events, inspect.isclass) if issubclass(kind, events.Event)]

    names = [kind.__name__ for kind in kinds if kind is not events.Event]
    assert [name for name in names if f"`{name}`" not in GUIDES[page]] == []


@pytest.mark.parametrize("pair", [tuple(sorted(READMES)), tuple(sorted(GUIDES))], ids=["README", "guide"])
def test_both_languages_have_the_same_code(pair: Tuple[str, str]) -> None:
    both = [[block[:2] for block in blocks(written_by_hand({**READMES, **GUIDES}[page]))] for page in pair]

    assert both[0] == both[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """To files that are there, and to headings that they have."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if heading:
            assert heading in anchors(path.read_text(encoding="utf-8")), target


def anchors(text: str) -> List[str]:
    """The headings of a page, as links name them."""
    titles = re.findall(r"^#+ (.*)$", _FENCE.sub("", text), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_holds_nothing_of_the_machine_that_wrote_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert re.findall(r"/(?:home|root|work|tmp)/\S*|pypi\.\S+", text) == []
