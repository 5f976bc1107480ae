"""`catalog files`: which catalog files are in force, in order, and what each of them does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Set

import click

from ...catalog import Catalog, data_root, read_catalog
from ...catalog_files import read_with_includes
from ...catalog_places import CATALOG_VARIABLE, GIVEN, OFF, is_off, layers, user_folder
from ...yamlfile import YamlMap
from ..run import Run, common_options, print_json
from ..tables import print_table


@click.command()
@common_options
@click.pass_obj
def files(run: Run) -> None:
    """List the catalog files in force, in order; the last one wins.

    For each: who named it, how many models it adds, changes and hides, and how many faults it has. Your own
    files belong into the folder that is named below the list; they survive upgrades.
    """
    over = layers(*run.catalogs, use_environment=not run.is_shipped_only)
    catalog = read_catalog(*(layer.path for layer in over))
    shipped = read_catalog()
    known = set(shipped) | {problem.model for problem in shipped.errors}
    found: List[Dict[str, Any]] = [
        {"file": str(data_root().joinpath("models.yaml")), "from": "shipped", "adds": len(known), "errors": 0}
    ]
    for layer in over:
        found.append(_facts(Path(layer.path), layer.why, known, catalog))
    own = {"folder": str(user_folder()), "is_read": not (run.is_shipped_only or is_off())}
    if run.as_json:
        print_json({"files": found, **own})
        return
    rows = [
        [each["file"], each["from"], *(str(each.get(word) or "") for word in ("adds", "changes", "hides", "errors"))]
        for each in found
    ]
    counted = ("adds", "changes", "hides", "errors")
    print_table(("file", "from", *counted), rows, numbers=counted)
    if own["is_read"]:
        run.say(f"your own folder: {user_folder()} (every .yaml file in it counts, by name)")
    else:
        why = "--no-user-catalog" if run.is_shipped_only else f"{CATALOG_VARIABLE}={OFF}"
        run.say(f"your own folder: {user_folder()}, left aside by {why}")


def _facts(path: Path, why: str, known: Set[str], catalog: Catalog) -> Dict[str, Any]:
    read, _ = read_with_includes(path, str(path), path.parent)
    models = read.get("models")
    given = models if isinstance(models, YamlMap) else YamlMap()
    hides = {name for name, entry in given.items() if entry is None and name in known}
    changes = {name for name in given if name in known} - hides
    # What a later file hides again was added all the same; what is left out with a warning was not.
    adds = {name for name in given if name not in known and (name in catalog or name in catalog.hidden)}
    known -= hides
    known |= adds
    places = {str(path), *(mark.file for mark in given.key_marks.values())}
    errors = sum(problem.file in places for problem in catalog.errors)
    return {
        "file": str(path),
        "from": "--catalog" if why == GIVEN else why,
        "adds": len(adds),
        "changes": len(changes),
        "hides": len(hides),
        "errors": errors,
    }
