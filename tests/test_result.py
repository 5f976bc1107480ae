from __future__ import annotations

import json
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any, List

import pytest

from kie_sync.errors import KieTaskError
from kie_sync.pricing import CostEstimate
from kie_sync.result import Result

COST = CostEstimate(
    "m", "cost_plus_one", Decimal(5), Decimal(5), Decimal(5), Decimal(4), Decimal("0.025"), Decimal("0.175")
)


def result(kind: str = "image", **more: Any) -> Result:
    about = {"urls": ("https://f/1.png", "https://f/2.png"), "credits_consumed": Decimal(4), "duration_s": 12.5}
    return Result("m", "t1", kind, cost=COST, data={"resultUrls": ["https://f/1.png"], "seed": 7}, **{**about, **more})


@pytest.mark.parametrize("kind", ["image", "video", "audio"])
def test_answers_to_the_keys_of_its_kind(kind: str) -> None:
    made = result(kind)

    assert made[f"{kind}_urls"] == ["https://f/1.png", "https://f/2.png"]
    assert made[f"{kind}_url"] == made["url"] == made.url == "https://f/1.png"
    assert (made["urls"], made["task_id"], made["cost"], made["seed"]) == (list(made.urls), "t1", COST, 7)


def test_reads_like_a_mapping() -> None:
    """`in` asked for key 0, and raised."""
    made = result()

    assert ("image_url" in made, "video_url" in made, 0 in made) == (True, False, False)
    assert list(made) == made.keys()
    assert dict(made)["image_urls"] == ["https://f/1.png", "https://f/2.png"]
    assert (made.get("video_url"), made.get("x", 1), made.get("state")) == (None, 1, "success")


def test_every_key_has_a_value() -> None:
    made = result("none", urls=())

    assert [made[key] for key in made] and made.url is None and "none_url" not in made


def test_an_unknown_key_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="video_url; there are: image_url, image_urls, urls"):
        result()["video_url"]


def test_can_be_written_as_json() -> None:
    assert json.loads(json.dumps(result().to_dict()))["credits_consumed"] == "4"
    assert json.loads(json.dumps(result(credits_consumed=None).to_dict()))["cost"]["credits"] == "5"


def test_pickles_without_its_connection() -> None:
    made = result(_save=lambda result, path: [])

    found = pickle.loads(pickle.dumps(made))

    assert found == made
    with pytest.raises(KieTaskError, match=r"client\.download") as caught:
        found.save("x.png")
    assert caught.value.task_id == "t1"


def test_saves_through_what_made_it(tmp_path: Path) -> None:
    asked: List[Any] = []
    made = result(_save=lambda result, path: asked.append((result.task_id, path)) or [tmp_path])

    assert made.save("x.png") == [tmp_path]
    assert asked == [("t1", "x.png")]
