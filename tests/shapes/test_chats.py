from __future__ import annotations

import pytest
from turns import models

from kie_sync.catalog_check import model_faults


@pytest.mark.parametrize("name", ["test/anthropic", "test/gemini"])
def test_the_invented_models_send_what_their_examples_say(name: str) -> None:
    assert list(model_faults(models()[name], list(models()))) == []
