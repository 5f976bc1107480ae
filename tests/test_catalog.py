"""Catalog files: found, laid over each other, and good for all models but the broken ones."""

from __future__ import annotations

import copy
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from conftest import ROOT

from kie_sync import catalog as module
from kie_sync.catalog import Catalog, data_root, read_catalog, read_schema, show_path
from kie_sync.catalog_check import model_faults
from kie_sync.catalog_files import read_with_includes
from kie_sync.errors import KieCatalogError, KieConfigError, KieError, KieUnknownModelError
from kie_sync.params import resolve
from kie_sync.pricing import estimate, quote
from kie_sync.yamlfile import Mark, YamlList, YamlMap, read_yaml

# The customer's ten, and the platform's chat models beside the two among them.
SHIPPED = 10 + 47 - 2 + 177
GOOD = "  my/cat: {kind: image, endpoint: kie-task, parameters: {prompt: {required: true}}}\n"


def read(folder: Path, text: str, name: str = "my.yaml") -> Catalog:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_catalog(path)


def told(catalog: Catalog, folder: Path) -> List[str]:
    return [str(problem).replace(f"{folder}/", "") for problem in catalog.problems]


def price(catalog: Catalog, model: str, **given: Any) -> Any:
    return estimate(catalog[model], given).credits


# ---- the mapping ----


def test_the_shipped_catalog_is_a_mapping_of_models(catalog: Catalog) -> None:
    assert (len(catalog), "nano-banana-pro" in catalog, "x" in catalog, repr(catalog)) == (
        SHIPPED,
        True,
        False,
        f"Catalog({SHIPPED} models)",
    )


def test_a_model_is_built_once(catalog: Catalog) -> None:
    assert catalog["nano-banana-pro"] is catalog["nano-banana-pro"]


def test_a_model_prints_short(catalog: Catalog) -> None:
    assert repr(catalog["nano-banana-pro"]) == "Model('nano-banana-pro', kind='image', endpoint='kie-task')"


def test_the_first_tariff_is_the_default(catalog: Catalog) -> None:
    assert catalog.default_tariff == "cost_plus_one"


def test_a_models_raw_entry_can_be_read(catalog: Catalog) -> None:
    assert catalog.raw("nano-banana-pro")["title"] == "Nano Banana Pro"


UNKNOWN = {
    "nano-bananna-pro": 'did you mean "nano-banana-pro"?',
    "nano-banana-edit": 'did you mean "google/nano-banana-edit"?',
    "nothing like it": "`kie-sync models` lists them all",
}


@pytest.mark.parametrize(("model_id", "hint"), UNKNOWN.items())
def test_an_unknown_id_is_told_what_is_near(catalog: Catalog, model_id: str, hint: str) -> None:
    with pytest.raises(KieUnknownModelError) as raised:
        catalog[model_id]

    assert str(raised.value) == f"{model_id}: no such model in the catalog; {hint}"


def test_an_id_that_is_no_text_is_unknown(catalog: Any) -> None:
    with pytest.raises(KieUnknownModelError, match="5: no such model"):
        catalog[5]


def test_a_path_is_shown_as_a_person_writes_it() -> None:
    assert show_path(("rules", 0, "then", "a.b", "values", 2)) == "rules[0].then.a.b.values[2]"


# ---- one file over another ----


def test_one_price_can_be_changed_by_one_line(tmp_path: Path) -> None:
    catalog = read(tmp_path, "models:\n  nano-banana-pro: {price: {credits: {2K: 30}}}\n")

    assert [price(catalog, "nano-banana-pro", resolution=tier) for tier in ("1K", "2K", "4K")] == [25, 31, 49]


def test_a_model_can_be_added(tmp_path: Path) -> None:
    catalog = read(tmp_path, "models:\n" + GOOD)

    assert (len(catalog), list(catalog)[-1], catalog["my/cat"].title) == (SHIPPED + 1, "my/cat", "my/cat")


def test_a_model_can_be_hidden(tmp_path: Path) -> None:
    catalog = read(tmp_path, "models:\n  nano-banana-pro: null\n")

    assert (len(catalog), "nano-banana-pro" in catalog) == (SHIPPED - 1, False)


def test_lists_are_replaced(tmp_path: Path) -> None:
    catalog = read(tmp_path, "models:\n  nano-banana-pro: {parameters: {aspect_ratio: {values: [1:1, 2:1]}}}\n")

    assert [choice.value for choice in catalog["nano-banana-pro"].parameters["aspect_ratio"].values or ()] == [
        "1:1",
        "2:1",
    ]


def test_a_rate_and_an_alias_can_be_changed(tmp_path: Path) -> None:
    catalog = read(tmp_path, "money: {cny_per_usd: 7.2}\nnames: {aspect_ratio: {aliases: [shape]}}\n")

    found = estimate(catalog["google/nano-banana"], {"shape": "1:1"})

    assert (found.usd, found.cny) == (Decimal("0.025"), Decimal("0.18"))


def test_a_provider_and_an_endpoint_can_be_added(tmp_path: Path) -> None:
    text = (
        "providers: {mine: {base_url: 'https://me.example/', base_url_env: MY_URL, key_env: [MY_KEY]}}\n"
        "endpoints: {my-chat: {provider: mine, shape: chat-completions, path: /chat}}\n"
        "models:\n  my/chat: {kind: chat, endpoint: my-chat}\n"
    )

    model = read(tmp_path, text)["my/chat"]

    assert (model.endpoint.provider.base_url, model.endpoint.path, model.result) == (
        "https://me.example",
        "/chat",
        "text",
    )


def test_a_later_file_lies_over_an_earlier_one(tmp_path: Path) -> None:
    for name, amount in (("a.yaml", 7), ("b.yaml", 8)):
        (tmp_path / name).write_text(f"models: {{google/nano-banana: {{price: {{credits: {amount}}}}}}}\n")

    catalog = read_catalog(tmp_path / "a.yaml", str(tmp_path / "b.yaml"))

    assert price(catalog, "google/nano-banana") == 9


def test_the_place_of_a_fault_is_in_the_file_that_made_it(tmp_path: Path) -> None:
    catalog = read(tmp_path, "models:\n  nano-banana-pro:\n    price: {credits: {8K: 60}}\n")

    assert told(catalog, tmp_path) == [
        "my.yaml:3:27: nano-banana-pro: price.credits.8K: resolution does not allow 8K; it allows 1K, 2K, 4K"
    ]


@pytest.mark.parametrize("section", ["models", "money", "names", "kinds", "providers", "endpoints", "tariffs", "plans"])
def test_a_section_with_nothing_in_it_takes_nothing_away(tmp_path: Path, section: str) -> None:
    catalog = read(tmp_path, f"{section}:\n")

    assert (catalog.problems, len(catalog), price(catalog, "google/nano-banana")) == ((), SHIPPED, 5)


# ---- files ----


def test_a_file_that_is_not_there_is_a_setting_to_put_right(tmp_path: Path) -> None:
    with pytest.raises(
        KieConfigError, match=r"the catalog file .*none\.yaml cannot be read: No such file or directory"
    ):
        read_catalog(tmp_path / "none.yaml")


BAD_FILES = {
    "not UTF-8": (b"models:\n  a: \xff\n", "my.yaml:2:6: the file is not UTF-8 text; save it as UTF-8"),
    "UTF-16": ("models:".encode("utf-16"), "my.yaml:1:1: the file is not UTF-8 text; save it as UTF-8"),
    "a tab": (b"models:\n\ta: 1\n", "my.yaml:2:1: a tab stands where YAML wants spaces; begin this line with 2 spaces"),
    "a list": (b"- a\n", "my.yaml:1:1: a catalog file is a mapping, with models: at its top"),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_cannot_be_understood_leaves_the_others(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "my.yaml").write_bytes(content)

    catalog = read_catalog(tmp_path / "my.yaml")

    assert (told(catalog, tmp_path), len(catalog)) == ([message], SHIPPED)


def test_an_unknown_id_says_which_files_were_not_read(tmp_path: Path) -> None:
    catalog = read(tmp_path, "- a\n")

    with pytest.raises(KieUnknownModelError, match=r"\(not read, because of faults: .*my\.yaml\)"):
        catalog["my/cat"]


def test_files_can_be_included(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.yaml").write_text("models:\n" + GOOD)
    (tmp_path / "more" / "b.yaml").write_text("models:\n" + GOOD.replace("my/cat", "my/dog"))

    catalog = read(tmp_path, "include: ['more/*.yaml']\nmodels:\n" + GOOD.replace("my/cat", "my/hen"))

    assert list(catalog)[SHIPPED:] == ["my/hen", "my/cat", "my/dog"]


def test_a_file_does_not_include_itself(tmp_path: Path) -> None:
    catalog = read(tmp_path, "include: ['*.yaml']\nmodels:\n" + GOOD)

    assert catalog.problems == ()


INCLUDES = {
    "none": ("include: [none.yaml]", "my.yaml:1:11: include: there is no file none.yaml beside this file or below it"),
    "above": ("include: [../a.yaml]", "my.yaml:1:11: include: there is no file ../a.yaml beside this file or below it"),
    "a folder": ("include: [more]", "my.yaml:1:11: include: the catalog file {}/more cannot be read: Is a directory"),
    "no list": ("include: more.yaml", "my.yaml:1:10: include: more.yaml is text, it must be a list"),
    "nothing": ("include: ['']", "my.yaml:1:11: include: there is no file  beside this file or below it"),
    "a second step": (
        "include: [b.yaml]",
        "b.yaml:1:1: include: an included file cannot include others; list them in the first file",
    ),
}


@pytest.mark.parametrize(("text", "message"), INCLUDES.values(), ids=INCLUDES)
def test_what_cannot_be_included_is_told_and_left_out(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "b.yaml").write_text("include: [c.yaml]\n")

    catalog = read(tmp_path, f"{text}\nmodels:\n{GOOD}")

    assert told(catalog, tmp_path) == [message.format(tmp_path).replace(f"{tmp_path}/", "")]
    assert "my/cat" in catalog


def test_a_model_that_stands_twice_counts_as_it_stands_first(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("models:\n" + GOOD.replace("kind: image", "kind: video"))

    catalog = read(tmp_path, "include: [a.yaml]\nmodels:\n" + GOOD)

    assert (told(catalog, tmp_path), catalog["my/cat"].kind) == (
        ["a.yaml:2:3: my/cat: this model stands in my.yaml:3 already, and counts as it stands there"],
        "image",
    )


def test_a_base_that_stands_twice_counts_as_it_stands_first(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("bases:\n  family: {kind: video, endpoint: kie-task}\n")

    catalog = read(tmp_path, "include: [a.yaml]\nbases:\n  family: {kind: image, endpoint: kie-task}\n")

    assert told(catalog, tmp_path) == [
        "a.yaml:2:3: family: this base stands in my.yaml:3 already, and counts as it stands there"
    ]


# ---- what is broken stays alone ----


def test_a_broken_entry_hides_no_other(tmp_path: Path) -> None:
    catalog = read(tmp_path, "models:\n  my/bad: {kind: immage, endpoint: kie-task}\n" + GOOD)

    assert (len(catalog), "my/bad" in catalog, "my/cat" in catalog) == (SHIPPED + 1, False, True)
    with pytest.raises(KieCatalogError) as raised:
        catalog["my/bad"]
    assert (raised.value.line, raised.value.column) == (2, 18)
    assert str(raised.value).endswith(
        'my/bad: kind: immage is not allowed; did you mean "image"? '
        "it must be one of image, video, audio, music, upscale, tool, chat"
    )


def test_a_shipped_model_that_a_user_broke_says_so_at_every_look(tmp_path: Path) -> None:
    catalog = read(tmp_path, "models: {nano-banana-pro: {kind: tool, endpoint: none}}\n")

    for _ in range(2):
        with pytest.raises(KieCatalogError, match="there is no endpoint none; there are: kie-task, kie-chat, "):
            catalog["nano-banana-pro"]


def test_an_untouched_model_is_checked_when_it_is_asked_for(catalog: Catalog) -> None:
    """An installed catalog is not checked whole: looking up a model builds it, and may find a fault."""
    base = read_yaml((ROOT / "models.yaml").read_text(encoding="utf-8"), "models.yaml")
    base["models"]["nano-banana-pro"]["endpoint"] = "gone"
    catalog = Catalog(base, [])

    assert (catalog.problems, "nano-banana-pro" in catalog) == ((), True)
    with pytest.raises(KieCatalogError, match="nano-banana-pro: endpoint: there is no endpoint gone"):
        catalog["nano-banana-pro"]
    assert "nano-banana-pro" not in catalog


SECTIONS = {
    "a wrong figure": (
        "money: {cny_per_usd: 0}",
        "my.yaml:1:22: money.cny_per_usd: 0 is too small; it must be more than 0",
    ),
    "no mapping": ("tariffs: [a]", "my.yaml:1:10: tariffs: it is a list, and must be a mapping"),
    "models as a list": ("models: [a]", "my.yaml:1:9: models: it is a list, and must be a mapping"),
    "a new kind": (
        "kinds: {picture: {result: image}}",
        'my.yaml:1:9: kinds.picture: picture is not allowed; did you mean "image"? '
        "it must be one of image, video, audio, music, upscale, tool, chat",
    ),
    "nothing left": (
        "tariffs: {cost_plus_one: null, reference: null}",
        "my.yaml:1:10: tariffs: nothing is left of this section; it counts as shipped",
    ),
    "a typo": (
        "modles: {}",
        'my.yaml:1:1: modles: there is no word modles here; did you mean "models"? the words are: '
        "schema_version, include, money, names, kinds, providers, endpoints, tariffs, plans, bases, models",
    ),
    "a model at the top": (
        "my/x: {kind: image}",
        "my.yaml:1:1: my/x: my/x looks like a model; indent it under models:",
    ),
    "another version": (
        "schema_version: 3",
        "my.yaml:1:17: schema_version: this file is of version 3, and this kie-sync knows up to 2; upgrade kie-sync",
    ),
    "an unknown provider": (
        "endpoints: {mine: {provider: kei, shape: chat-completions, path: /x}}",
        'my.yaml:1:30: endpoints.mine.provider: there is no provider kei; did you mean "kie"? there are: kie, google',
    ),
}


@pytest.mark.parametrize(("text", "message"), SECTIONS.values(), ids=SECTIONS)
def test_a_broken_section_counts_as_shipped(tmp_path: Path, text: str, message: str) -> None:
    catalog = read(tmp_path, text + "\n")

    assert message in [line.partition("\n")[0] for line in told(catalog, tmp_path)]
    assert (len(catalog), price(catalog, "google/nano-banana")) == (SHIPPED, 5)


def test_models_of_a_provider_that_was_taken_away_say_so(tmp_path: Path) -> None:
    catalog = read(tmp_path, "providers: {google: null}\n")

    assert len(catalog) == SHIPPED - 2
    with pytest.raises(KieCatalogError, match="there is no endpoint google-chat"):
        catalog["gemini-3-flash-preview"]


def test_errors_are_the_problems_that_are_no_warnings(tmp_path: Path) -> None:
    catalog = read(tmp_path, "models:\n  a: {kind: image, endpoint: kie-task, price: {unit: image, credits: '5'}}\n")

    assert [problem.is_warning for problem in catalog.problems] == [True, True, False]
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in catalog.problems][1:] == [
        "my.yaml:2:47: warning: a: price: the price has no checked; write where it was read and when",
        'my.yaml:2:70: a: price.credits: "5" is not an amount; '
        "write 5, without quotes or a unit, not_offered or unknown",
    ]
    assert catalog.errors == catalog.problems[2:]


# ---- the shipped files ----


def test_the_schema_is_read_from_beside_the_catalog() -> None:
    assert read_schema() == json.loads((data_root() / "schemas" / "catalog.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def other_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout of its own, as a maintainer may edit it."""
    (tmp_path / "schemas").mkdir()
    for name in ("models.yaml", "schemas/catalog.schema.json"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(module, "data_root", lambda: tmp_path)
    yield tmp_path


def test_a_shipped_catalog_that_is_no_yaml_is_refused(other_root: Path) -> None:
    (other_root / "models.yaml").write_text("models: [")

    with pytest.raises(KieCatalogError, match=r"^models\.yaml:"):
        read_catalog()


@pytest.mark.parametrize("change", ["kinds:\n  image:\n    rseult: image\nxkinds:", "xkinds:"], ids=["wrong", "gone"])
def test_a_shipped_section_that_is_wrong_is_refused(other_root: Path, change: str) -> None:
    """There is nothing to fall back to."""
    text = (other_root / "models.yaml").read_text(encoding="utf-8")
    (other_root / "models.yaml").write_text(text.replace("\nkinds:", f"\n{change}", 1), encoding="utf-8")

    with pytest.raises(KieCatalogError, match="kinds"):
        read_catalog()


# ---- a seeded storm of slips ----

WORDS = (
    "credits",
    "usd",
    "unknown",
    "values",
    "type",
    "list",
    "images",
    "text",
    "second",
    "by",
    "prompt",
    "when",
    "then",
    "of",
    "any_of",
    "not",
    "min",
    "items",
    "fields",
    "each",
    "where",
    "count",
    "not_offered",
    "auto",
    "16:9",
    "1K",
    "required",
    "wire",
    "default",
    "send_as",
    "single",
    "constant",
    "also",
    "cases",
    "seconds",
    "asks",
    "extends",
    "responses",
    "a[].b",
    "",
)


def paths(node: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Any, ...]]:
    if path:
        yield path
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, part in parts:
        yield from paths(part, (*path, key))


def slip(chance: random.Random, document: Dict[str, Any]) -> None:
    """One thing deleted, replaced, renamed, added or copied to where it does not belong."""
    all_paths = list(paths(document))
    path, other = chance.choice(all_paths), chance.choice(all_paths)
    holder: Any = document
    for step in path[:-1]:
        holder = holder[step]
    copied: Any = document
    for step in other:
        copied = copied[step]
    word = chance.choice(WORDS)
    junk = chance.choice([None, True, 0, -1, 5, Decimal("2.5"), "", word, [], {}, [word], {word: 1}, {word: [1]}])
    action = chance.randrange(5)
    if action == 0:
        del holder[path[-1]]
    elif action == 1 and isinstance(holder, dict):
        holder[word] = holder.pop(path[-1])
    elif action == 2 and isinstance(holder, dict):
        holder[word] = junk
    else:
        holder[path[-1]] = copy.deepcopy(copied) if action == 3 else junk


def grown(node: Any) -> Any:
    """Plain data as if it had been read from a file."""
    if isinstance(node, dict):
        tree = YamlMap()
        for key, part in node.items():
            tree[str(key)] = grown(part)
            tree.key_marks[str(key)] = tree.value_marks[str(key)] = Mark("my.yaml", 1, 1)
        return tree
    if isinstance(node, list):
        row = YamlList()
        row.extend(grown(part) for part in node)
        row.marks = [Mark("my.yaml", 1, 1)] * len(node)
        return row
    return node


@pytest.fixture(scope="module")
def base() -> YamlMap:
    found: YamlMap = read_yaml((ROOT / "models.yaml").read_text(encoding="utf-8"), "models.yaml")
    return found


@pytest.fixture(scope="module")
def grammar() -> YamlMap:
    found: YamlMap = read_yaml((ROOT / "tests" / "cases" / "grammar.yaml").read_text(encoding="utf-8"), "grammar.yaml")
    return found


@pytest.mark.parametrize("seed", range(12))
def test_no_slip_ends_in_anything_but_our_own_errors(base: YamlMap, grammar: YamlMap, seed: int) -> None:
    chance = random.Random(seed)
    known = {**base["models"], **grammar["models"]}
    for _ in range(5):
        model_id = chance.choice(list(known))
        document: Dict[str, Any] = {"models": {model_id: copy.deepcopy(known[model_id])}}
        for _ in range(chance.randint(1, 3)):
            slip(chance, document["models"])
        layer = grown(document)

        catalog = Catalog(base, [layer], touched=set(layer["models"]), sections=set(layer))

        other = "google/nano-banana" if model_id != "google/nano-banana" else "nano-banana-pro"
        assert estimate(catalog[other], {}).credits in (5, 25)
        for name in layer["models"]:
            try:
                model = catalog[name]
                assert all(message for _, message, _ in model_faults(model, list(catalog)))
                for example in known[model_id]["examples"]:
                    quote(model, resolve(model, example["call"]))
            except KieError as error:
                assert str(error)


@pytest.fixture(scope="module")
def families() -> YamlMap:
    """The shipped files, all of them."""
    found, problems = read_with_includes(ROOT / "models.yaml", "models.yaml", ROOT)
    assert problems == []
    return found


@pytest.mark.parametrize("seed", range(6))
def test_no_slip_in_what_entries_share_does_either(families: YamlMap, seed: int) -> None:
    chance = random.Random(seed)
    heirs = [name for name, entry in families["models"].items() if "extends" in entry]
    for _ in range(3):
        name = chance.choice(heirs)
        above = families["models"][name]["extends"]
        section = "bases" if above in families["bases"] else "models"
        document: Dict[str, Any] = {"models": {name: copy.deepcopy(families["models"][name])}}
        document.setdefault(section, {})[above] = copy.deepcopy(families[section][above])
        for _ in range(chance.randint(1, 3)):
            slip(chance, document[chance.choice(list(document))])
        layer = grown(document)

        catalog = Catalog(families, [layer], touched=set(families["models"]), sections=set(layer))

        assert estimate(catalog["nano-banana-pro"], {}).credits == 25
        told = [str(problem) for problem in catalog.problems]
        assert len(told) == len(set(told))
        for model_id in (name, *heirs[:3]):
            try:
                model = catalog[model_id]
                assert all(message for _, message, _ in model_faults(model, list(catalog)))
            except KieError as error:
                assert model_id in str(error)
