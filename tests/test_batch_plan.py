"""The plan of a batch: what columns mean, what rows cost, and everything that is wrong with a table."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest

from kie_sync import KieClient
from kie_sync.batch import ModelTotal, Plan, plan
from kie_sync.batch.columns import read_template
from kie_sync.batch.planned import fit_name
from kie_sync.budget import expected_credits
from kie_sync.errors import KieInputError, KieUnknownModelError
from kie_sync.params import resolve
from kie_sync.pricing import quote

IMAGE, PRO, EDIT, CHAT = "google/nano-banana", "nano-banana-pro", "google/nano-banana-edit", "gemini-3-flash"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def client(catalog: Any) -> Iterator[KieClient]:
    """Without a key: a plan needs none."""
    with KieClient(catalog=catalog) as made:
        yield made


def planned(client: KieClient, *rows: Any, **about: Any) -> Plan:
    return plan(list(rows), client=client, **{"name": "jobs", "model": IMAGE, **about})


def reasons(found: Plan) -> List[Tuple[int, str]]:
    return [(bad.number, bad.reasons) for bad in found.bad]


# Columns


def test_columns_are_parameters_by_any_of_their_names(client: KieClient) -> None:
    """Canonical, on the wire, or an alias; text is read as its parameter wants it."""
    found = planned(client, {"prompt": "a", "aspect_ratio": "1:1"}, {"prompt": "a", "image_size": "1:1"})

    assert [row.given for row in found.rows] == [{"prompt": "a", "aspect_ratio": "1:1"}] * 2
    assert [row.key.partition(":")[2] for row in found.rows] == ["1", "2"], "the same content, however it is written"


def test_a_table_of_several_models(client: KieClient) -> None:
    found = planned(client, {"prompt": "a", "@model": PRO}, {"prompt": "a"}, {"prompt": "b", "@model": PRO})

    assert [row.model for row in found.rows] == [PRO, IMAGE, PRO]
    assert found.totals == (
        ModelTotal(PRO, 2, Decimal(48), Decimal(48), 0),
        ModelTotal(IMAGE, 1, Decimal(4), Decimal(4), 0),
    )


def test_mapped_columns_and_several_for_one_list(client: KieClient) -> None:
    columns = {"words": "prompt", "first": "image_urls", "second": "image_urls"}
    row = {"words": "a", "first": "https://a/1.png", "second": "https://a/2.png"}

    (found,) = planned(client, row, model=EDIT, columns=columns).rows

    assert found.given == {"prompt": "a", "images": ["https://a/1.png", "https://a/2.png"]}
    assert found.columns == row


def test_a_cell_that_begins_as_json_is_a_list(client: KieClient) -> None:
    found = planned(client, {"prompt": "[Verse]", "image_urls": '["https://a/1.png"]'}, model=EDIT)

    assert found.rows[0].given == {"prompt": "[Verse]", "images": ["https://a/1.png"]}


def test_a_row_says_more_than_a_constant(client: KieClient) -> None:
    found = planned(
        client,
        {"prompt": "a", "aspect_ratio": "1:1"},
        {"prompt": "a"},
        constants={"image_size": "16:9", "output_format": "png"},
    )

    assert [row.given for row in found.rows] == [
        {"prompt": "a", "aspect_ratio": "1:1", "output_format": "png"},
        {"prompt": "a", "aspect_ratio": "16:9", "output_format": "png"},
    ]


def test_a_number_where_text_is_wanted(client: KieClient) -> None:
    """Excel and frames make numbers of what looks like one."""
    assert planned(client, {"prompt": 1984}).rows[0].given == {"prompt": "1984"}


def test_a_prompt_from_a_template(client: KieClient) -> None:
    """Its columns are no parameters, and neither is the one that names the row."""
    row = {"sku": 7, "colour": "red", "animal": "cat"}

    found = planned(client, row, prompt="a {colour} {animal} {{7}}", key="sku")

    assert [(each.given, each.key.partition(":")[0]) for each in found.rows] == [({"prompt": "a red cat {7}"}, "7")]


def test_a_column_that_is_called_by_a_number(client: KieClient) -> None:
    assert planned(client, {"2024": "red"}, prompt="a {2024} cat").rows[0].given == {"prompt": "a red cat"}


def test_the_prompt_may_name_its_row(client: KieClient) -> None:
    """And is an argument all the same: it would be left out unsaid where a model can do without one."""
    found = planned(client, {"prompt": "a cat"}, key="prompt")

    assert [(row.given, row.key.partition(":")[0]) for row in found.rows] == [({"prompt": "a cat"}, "a cat")]


def test_a_template_may_hold_a_column_called_prompt(client: KieClient) -> None:
    found = planned(client, {"prompt": "a cat"}, prompt="{prompt}, in oil")

    assert found.rows[0].given == {"prompt": "a cat, in oil"}


def test_a_column_of_a_template_may_be_a_parameter_too(client: KieClient) -> None:
    found = planned(client, {"aspect_ratio": "1:1"}, prompt="fit for {aspect_ratio}")

    assert found.rows[0].given == {"prompt": "fit for 1:1", "aspect_ratio": "1:1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a {colour", "prompt has a brace too many or too few"),
        ("a {}", "prompt takes a column's name in braces, as in {colour}, and nothing more; got {}"),
        ("{a.__class__}", "got {a.__class__}"),
        ("{a[0]}", "got {a[0]}"),
        ("{a!r}", "got {a!r}"),
        ("{a:>999999999}", "got {a:>999999999}"),
        ("{a:{b}}", "got {a:{b}}"),
    ],
)
def test_a_template_takes_columns_and_nothing_more(text: str, message: str) -> None:
    with pytest.raises(KieInputError) as caught:
        read_template(text)

    assert message in str(caught.value)


# What is wrong


def test_every_bad_row_is_named_with_all_its_reasons(client: KieClient) -> None:
    found = planned(
        client,
        {"prompt": "a", "aspect_ratio": "7:77", "output_format": "bmp"},
        {"prompt": "a"},
        {"aspect_ratio": "1:1"},
        {"prompt": "a", "@model": "nano-bananas"},
    )

    assert [row.number for row in found.rows] == [2]
    assert [(bad.number, len(bad.problems)) for bad in found.bad] == [(1, 2), (3, 1), (4, 1)]
    assert "aspect_ratio must be one of" in found.bad[0].reasons and "output_format must be" in found.bad[0].reasons
    assert found.bad[1].reasons == "prompt is required"
    with pytest.raises(KieInputError) as caught:
        found.check()
    assert str(caught.value).startswith("batch jobs: 3 things to put right:\n  - row 1: aspect_ratio must be one of")
    found.check(skip_bad=True)


def test_what_no_row_has_is_named_once(client: KieClient) -> None:
    rows = [{"animal": "cat", "aspect_ratio": "7:77"}, {"animal": "dog"}]
    found, alone = planned(client, *rows, ignore=["animal"]), planned(client, {"aspect_ratio": "1:1"})

    with pytest.raises(KieInputError) as caught:
        found.check()
    problems = [problem.message for problem in caught.value.problems]
    assert problems[0] == (
        "every row: prompt is required; name its column with columns= (--map COLUMN=prompt), or make it of columns "
        'with prompt= (--prompt "a {colour} {animal}")'
    )
    assert len(problems) == 2 and problems[1].startswith("row 1: aspect_ratio must be one of")
    assert "prompt" not in problems[1] and found.bad[0].reasons.endswith("; prompt is required")
    with pytest.raises(KieInputError, match=r"batch jobs: row 1: prompt is required\Z"):
        alone.check()


def test_other_arguments_that_no_row_has_are_named_once_too(client: KieClient) -> None:
    found = planned(client, {"prompt": "a"}, {"prompt": "b"}, model=EDIT)

    with pytest.raises(KieInputError) as caught:
        found.check()
    text = "every row: images is required (image_urls on the wire); name its column with columns= (--map COLUMN=images)"
    assert [problem.message for problem in caught.value.problems] == [text]


def test_a_row_without_what_the_template_wants(client: KieClient) -> None:
    found = planned(client, {"colour": "red"}, {"animal": "cat", "colour": "red"}, prompt="a {colour} {animal}")

    assert reasons(found) == [(1, 'the prompt wants "animal", which is empty in this row')]


def test_a_prompt_that_stands_there_twice(client: KieClient) -> None:
    found = planned(client, {"prompt": "x", "animal": "cat"}, prompt="a {animal}")

    text = "the prompt stands there twice: as a template, and as a column or a constant; give one of them"
    assert reasons(found) == [(1, text)]


def test_json_that_is_broken(client: KieClient, catalog: Any) -> None:
    wants_object = next(
        (model.id, name)
        for model in catalog.values()
        if model.endpoint.shape == "task"
        for name, parameter in model.parameters.items()
        if parameter.type == "object" or (parameter.items is not None and parameter.items.type == "object")
    )

    found = planned(client, {wants_object[1]: '[{"a": 1'}, model=wants_object[0])

    assert f"{wants_object[1]} begins as JSON, but is not JSON" in found.bad[0].reasons


def test_a_column_that_means_nothing_is_told_once(client: KieClient) -> None:
    found = planned(client, {"prompt": "a", "aspect_rati": "1:1", "note": "x"}, {"prompt": "b", "aspect_rati": "1:1"})

    assert [problem.message for problem in found.problems] == [
        'the column "aspect_rati" is no parameter of google/nano-banana; did you mean "aspect_ratio"?; '
        "name it with columns= (--map aspect_rati=PARAMETER), or leave it aside with ignore= (--ignore aspect_rati)",
        'the column "note" is no parameter of google/nano-banana; name it with columns= (--map note=PARAMETER), '
        "or leave it aside with ignore= (--ignore note)",
    ]
    assert (len(found.rows), found.bad) == (2, ())
    with pytest.raises(KieInputError):
        found.check(skip_bad=True)
    planned(client, {"prompt": "a", "note": "x"}, ignore=["note"]).check()


def test_a_column_of_another_model_is_the_rows_own_fault(client: KieClient) -> None:
    pro = {"prompt": "a", "@model": PRO, "resolution": "2K"}

    found = planned(client, pro, {"prompt": "a", "resolution": "2K"}, {"prompt": "a"})

    assert (found.problems, [row.number for row in found.rows]) == ((), [1, 3])
    assert found.bad[0].reasons.startswith('"resolution" is no parameter of google/nano-banana')


def test_a_column_of_ours_that_is_none(client: KieClient) -> None:
    found = planned(client, {"prompt": "a", "@modle": PRO})

    assert found.problems[0].message.startswith('the column "@modle" is none of ours: @model is')


def test_a_purpose_without_its_column(client: KieClient) -> None:
    found = planned(client, {"prompt": "a"}, columns={"colour": "aspect_ratio"}, key="sku")

    assert [problem.message for problem in found.problems] == [
        'map names the column "colour", which no row has; there are: prompt',
        'key names the column "sku", which no row has; there are: prompt',
    ]


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (CHAT, KieInputError, "is a chat model: a chat has no key, so that a batch could not promise to pay for it"),
        ("nano-banana-por", KieUnknownModelError, "nano-banana-pro"),
    ],
)
def test_a_model_that_cannot_be_had(client: KieClient, model: str, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        planned(client, {"prompt": "a"}, model=model)
    assert message in planned(client, {"prompt": "a", "@model": model}).bad[0].reasons


def test_a_row_without_a_model(client: KieClient) -> None:
    found = planned(client, {"prompt": "a"}, model=None)

    assert reasons(found) == [(1, "it has no model; name one with model= (--model), or in a column @model")]


def test_no_rows_at_all(client: KieClient) -> None:
    with pytest.raises(KieInputError, match="there are no rows"):
        planned(client).check()


@pytest.mark.parametrize("name", [None, "", "a b", "x" * 81])
def test_a_batch_has_a_name(client: KieClient, name: Any) -> None:
    with pytest.raises(KieInputError, match=r"name \(--name\) is what the journal knows the batch by"):
        planned(client, {"prompt": "a"}, name=name)


def test_a_files_own_name_will_do(client: KieClient, tmp_path: Path) -> None:
    path = tmp_path / "my jobs (2).csv"
    path.write_text("prompt\na\n", encoding="utf-8")

    assert plan(path, client=client, model=IMAGE).name == "my-jobs-2"
    assert plan(str(path), client=client, model=IMAGE).rows[0].line == 2
    assert fit_name("x" * 100) == "x" * 80


# Keys


def keys(found: Plan) -> List[str]:
    return [row.key for row in found.rows]


def test_equal_rows_are_two_purchases_and_their_order_does_not_matter(client: KieClient) -> None:
    cat, dog = {"prompt": "cat"}, {"prompt": "dog"}

    first, second = planned(client, cat, dog, cat), planned(client, dog, cat, cat)

    assert len(set(keys(first))) == 3
    assert sorted(keys(first)) == sorted(keys(second))
    assert set(keys(first)).isdisjoint(keys(planned(client, cat, dog, cat, model=PRO))), "the model is part of it"


def test_a_named_row_that_changes_is_a_new_row(client: KieClient) -> None:
    before = planned(client, {"prompt": "cat", "sku": "a"}, {"prompt": "cat", "sku": "b"}, key="sku")
    after = planned(client, {"prompt": "dog", "sku": "a"}, {"prompt": "cat", "sku": "b"}, key="sku")

    assert [key.partition(":")[0] for key in keys(before)] == ["a", "b"]
    assert (keys(before)[0] == keys(after)[0], keys(before)[1] == keys(after)[1]) == (False, True)
    assert before.is_keyed


def test_a_key_names_one_row(client: KieClient) -> None:
    rows = [{"prompt": "cat", "sku": "a"}, {"prompt": "dog", "sku": "a"}, {"prompt": "dog"}, {"prompt": "x", "sku": 9}]
    rows.append({"prompt": "x", "sku": "y" * 381})

    found = planned(client, *rows, key="sku")

    assert reasons(found) == [
        (2, 'its key "a" stands in row 1, too; a key names one row'),
        (3, 'its key, in the column "sku", is empty'),
        (5, "its key may have 380 characters; it has 381"),
    ]


def test_a_local_file_counts_by_its_content(client: KieClient, tmp_path: Path) -> None:
    one, other = tmp_path / "1.png", tmp_path / "2.png"
    one.write_bytes(PNG + b"one")
    other.write_bytes(PNG + b"one")
    row = {"prompt": "a", "image_urls": str(one)}

    before = planned(client, row, model=EDIT)
    same = planned(client, {**row, "image_urls": str(other)}, model=EDIT)
    one.write_bytes(PNG + b"two")
    after = planned(client, row, model=EDIT)

    assert keys(before) == keys(same) != keys(after)
    assert before.rows[0].given == {"prompt": "a", "images": str(one)}, "it stands there by its path"


# Prices


def test_a_row_that_costs_too_much_is_bad(client: KieClient) -> None:
    found = planned(client, {"prompt": "a", "@model": PRO}, {"prompt": "b"}, max_per_row="20")

    assert reasons(found) == [(1, "it can cost 24 credits, over the 20 of max_per_row (--max-per-row)")]
    with pytest.raises(KieInputError, match="max_per_row must be a number of credits"):
        planned(client, {"prompt": "a"}, max_per_row="much")


def test_an_unknown_price_is_counted_apart(catalog: Any, client: KieClient) -> None:
    """It adds nothing, is not 0, and counts as over a limit."""
    entry = next(model for model in catalog.values() if _is_unpriced(model))
    row = {**entry.examples[0].call, "@model": entry.id}

    found = planned(client, row, {"prompt": "b"})
    limited = planned(client, row, max_per_row=20)
    allowed = planned(client, row, max_per_row=20, allow_unknown_price=True)

    assert found.totals[0] == ModelTotal(entry.id, 1, Decimal(0), Decimal(0), 1)
    assert (found.rows[0].price, found.rows[0].most) == (None, None)
    assert "it is not known what it costs" in limited.bad[0].reasons
    assert allowed.bad == ()


def _is_unpriced(model: Any) -> bool:
    """A model whose price nobody knows, by its own example."""
    if model.endpoint.shape != "task" or not model.examples:
        return False
    return expected_credits(quote(model, resolve(model, model.examples[0].call))) is None
