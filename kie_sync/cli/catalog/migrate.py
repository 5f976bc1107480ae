"""`catalog migrate`: a file of an older version, rewritten in the words of this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

import click

from ...catalog_repricing import plain
from ...catalog_versions import VERSION, modernise, old_words, version_of
from ...errors import KieConfigError
from ...yamledit import CannotEdit, put, rename_key
from ...yamlfile import YamlMap, read_yaml
from ..run import Run, common_options, print_json
from .writing import Draft, is_installed, read_text


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@common_options
@click.pass_obj
def migrate(run: Run, files: Tuple[str, ...], dry_run: bool) -> None:
    """Bring catalog files of an older version up to this one.

    Words that were renamed are renamed, and schema_version is set; comments, order and layout stay. Files of
    older versions are read all the same, with a warning. Each file that is included is named by itself.
    """
    drafts = [_draft(Path(file)) for file in files]
    found: List[Dict[str, Any]] = []
    for draft in drafts:
        has_changed = draft.before != draft.after
        if has_changed and not dry_run:
            draft.write()
        found.append({"file": str(draft.file), "diff": draft.show(), "is_written": has_changed and not dry_run})
        if not run.as_json:
            click.echo(draft.show(), nl=False)
        how = "a dry run, nothing was written" if dry_run else f"is at version {VERSION} now"
        run.say(f"{draft.file}: {how if has_changed else f'nothing to change for version {VERSION}'}")
    if run.as_json:
        print_json({"version": VERSION, "files": found})


def _draft(file: Path) -> Draft:
    if is_installed(file):
        raise click.UsageError(f"{file} belongs to the installed package; an upgrade brings it up to date")
    if not file.is_file():
        raise KieConfigError(f"there is no file {file}")
    text = read_text(file)
    root = read_yaml(text, str(file))
    if not isinstance(root, YamlMap):
        raise KieConfigError(f"{file} is no catalog file: it is not a mapping")
    if version_of(root) > VERSION:
        raise KieConfigError(
            f"{file} is of version {version_of(root)}; this kie-sync knows up to {VERSION}; upgrade it"
        )
    edited = text
    try:
        for section, old, new, _ in list(old_words(root)):
            edited = rename_key(edited, (section, old), new)
        if "schema_version" in root and root["schema_version"] != VERSION:
            edited = put(edited, ("schema_version",), VERSION)
        modernise(root)
        if plain(read_yaml(edited, "")) != plain(root):
            raise CannotEdit("it is written in a way that this command cannot change")
    except CannotEdit as error:
        raise click.UsageError(f"{file}: {error}") from error
    return Draft(file, text, edited)
