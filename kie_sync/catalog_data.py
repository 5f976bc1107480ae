"""Where the shipped catalog lies: the only place that knows."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

SCHEMA_FILE = "schemas/catalog.schema.json"
OWN_SCHEMA_FILE = "schemas/own.schema.json"


def data_root() -> Any:
    """The folder that holds models.yaml and schemas/: inside the package when built, else the checkout."""
    from importlib import resources
    from pathlib import Path

    built = resources.files("kie_sync").joinpath("_data")
    return built if built.is_dir() else Path(__file__).resolve().parent.parent


def data_folder() -> Optional[str]:
    """The same as a path, found without loading much; None where the package is no folder of files."""
    package = os.path.dirname(os.path.abspath(__file__))
    built = os.path.join(package, "_data")
    root = built if os.path.isdir(built) else os.path.dirname(package)
    return root if os.path.isfile(os.path.join(root, "models.yaml")) else None


def read_schema() -> Dict[str, Any]:
    """The schema of a catalog file."""
    import json

    schema: Dict[str, Any] = json.loads(data_root().joinpath(SCHEMA_FILE).read_text(encoding="utf-8"))
    return schema
