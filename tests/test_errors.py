from __future__ import annotations

import copy
import inspect
import pickle
import re
import threading
from decimal import Decimal
from typing import Any, Dict, List

import pytest

from kie_sync import errors
from kie_sync.completions import Usage
from kie_sync.errors import (
    CatalogProblem,
    KieAPIError,
    KieBudgetError,
    KieCatalogError,
    KieConfigError,
    KieError,
    KieInputError,
    KieStreamError,
    KieTaskFailedError,
    KieTaskTimeoutError,
    KieUnknownModelError,
    Problem,
)

ABOUT: Dict[str, Any] = {
    "status_code": 422,
    "code": "E7",
    "http_status": 200,
    "method": "POST",
    "url": "https://x/y",
    "retry_after": 2.5,
    "task_id": "t1",
    "model": "m",
}
SAMPLES: List[KieError] = [
    KieError("said"),
    KieCatalogError(
        [CatalogProblem("a.yaml", 3, 7, "models.x", "wrong", "x"), CatalogProblem("a.yaml", 4, 1, "", "w")]
    ),
    KieConfigError("no key"),
    KieInputError(
        "m", [Problem("required", "prompt", "prompt is required", "prompt"), Problem("values", "size", "no")]
    ),
    KieUnknownModelError("m", "did you mean n?"),
    KieBudgetError("too much", credits=Decimal("5.5"), limit=Decimal(5)),
    KieStreamError("broke", partial="so f", usage=Usage(1, 2, 3), **ABOUT),
    KieTaskFailedError("failed", fail_code="500", fail_msg="Internal Error", **ABOUT),
    *[
        kind("said", **ABOUT)
        for kind in vars(errors).values()
        if inspect.isclass(kind) and issubclass(kind, KieAPIError) and kind not in (KieStreamError, KieTaskFailedError)
    ],
]


def same(one: KieError, other: KieError) -> bool:
    return (type(one), one.args, str(one), vars(one)) == (type(other), other.args, str(other), vars(other))


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_pickles_with_all_its_attributes(error: KieError) -> None:
    found = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]

    assert all(same(one, error) for one in [*found, copy.copy(error), copy.deepcopy(error)])


def test_pickles_in_threads() -> None:
    done: List[bool] = []

    def work() -> None:
        done.extend(same(pickle.loads(pickle.dumps(error)), error) for error in SAMPLES)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done == [True] * 8 * len(SAMPLES)


def test_the_tree_is_the_one_that_is_drawn() -> None:
    """Indentation in the module's docstring is the base class in the code."""
    drawn = re.findall(r"^( {4,})(Kie\w+)", errors.__doc__ or "", re.MULTILINE)
    path: List[str] = []
    parents = {}
    for indent, name in drawn:
        depth = {4: 0, 6: 1, 8: 2, 9: 2, 10: 3, 11: 3}[len(indent)]
        path[depth:] = [name]
        parents[name] = path[depth - 1] if depth else "Exception"

    assert parents == {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, Exception)
    }


@pytest.mark.parametrize(
    ("kind", "also"),
    [(KieInputError, ValueError), (KieUnknownModelError, KeyError), (KieTaskTimeoutError, TimeoutError)],
)
def test_is_also_the_builtin_one(kind: Any, also: Any) -> None:
    assert issubclass(kind, also)


def test_one_problem_makes_a_sentence_and_several_a_list() -> None:
    one, two = Problem("values", "a", "a is wrong"), Problem("values", "b", "b is wrong")

    assert str(KieInputError("m", [one])) == "m: a is wrong"
    assert str(KieInputError("m", [one, two])) == "m: 2 things to put right:\n  - a is wrong\n  - b is wrong"


def test_an_unknown_model_does_not_print_as_key_errors_do() -> None:
    assert str(KieUnknownModelError("m", "there are: n")) == "m: no such model in the catalog; there are: n"


def test_an_api_error_says_code_place_and_task() -> None:
    assert str(KieAPIError("said", **ABOUT)) == "said (code 422; POST https://x/y; task t1)"
    assert str(KieAPIError("said")) == "said"
    assert KieAPIError("said", status_code=500).code == 500


def test_a_catalog_error_says_where() -> None:
    warning = CatalogProblem("a.yaml", 1, 2, "x", "odd", is_warning=True)

    assert str(KieCatalogError([warning, CatalogProblem("b.yaml", 3, 4, "", "bad")])) == (
        "a.yaml:1:2: warning: x: odd\nb.yaml:3:4: bad"
    )
