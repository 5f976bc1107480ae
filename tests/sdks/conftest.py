"""The makers' own clients against the sandbox: what they read without a word must be right, and then it is faithful."""

from __future__ import annotations

from typing import Any, Iterator

import pytest
from conftest import ROOT

from kie_sync.catalog import read_catalog
from kie_sync.sandbox import Sandbox

# Two functions that a question can name; the answers of the second are worked out by the tests.
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SUM = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}
FUNCTIONS = {"get_weather": ("The weather in a city", CITY), "add": ("The sum of two numbers", SUM)}


def call(name: str, arguments: Any) -> str:
    """What these functions answer."""
    return str(arguments["a"] + arguments["b"]) if name == "add" else f"12 degrees in {arguments['city']}"


@pytest.fixture(scope="session")
def shapes() -> Iterator[Sandbox]:
    """A sandbox with a model of each shape."""
    with Sandbox(catalog=read_catalog(ROOT / "tests/cases/chat_shapes.yaml"), speed=100) as running:
        yield running
