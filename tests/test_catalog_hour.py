"""An hour of a person who does not program: slips in a copy of the shipped catalog, told at their place, and mended."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import pytest
from click.testing import CliRunner
from conftest import ROOT

from kie_sync.cli import main


class Slip(NamedTuple):
    """What a hand did: `was` became `now` in a file; and what is said, in which the slip's line stands as LINE,
    and that of other text as OTHER."""

    was: str
    now: str
    says: str
    file: str = "models.yaml"
    on: str = ""
    other: str = ""


_HEAD = """\
  nano-banana-pro:
    title: Nano Banana Pro
    kind: image
    endpoint: kie-task
    source: docs.kie.ai/market/google/pro-image-to-image, and the customer's model table
    checked: 2026-11-22
    parameters:
"""
_RATIO = "      aspect_ratio:  {values: [1:1, 2:3, 3:2, 3:4,"
_TIER = "      resolution:    {values: [1K, 2K, 4K], default: 1K}\n"
_TABLE = "      by: resolution\n      credits: {1K: 24, 2K: 36, 4K: 48}\n"
_TEXT = "prompt:        {type: text, required: true, max_length: 10000}\n      images:        {wire: image_input"

SLIPS: Dict[str, Slip] = {
    "a typo in a key": Slip(
        _TIER,
        _TIER.replace("values", "vlaues"),
        'LINE:23: nano-banana-pro: parameters.resolution.vlaues: there is no word vlaues here; did you mean "values"?',
    ),
    "a typo in an entry's own key": Slip(
        _HEAD,
        _HEAD.replace("parameters", "paramters"),
        'LINE:5: nano-banana-pro: paramters: there is no word paramters here; did you mean "parameters"?',
        on="paramters",
    ),
    "one space too few": Slip(
        _HEAD,
        _HEAD.replace("    title", "   title"),
        "LINE:4: nano-banana-pro: this line begins with 3 spaces; write 4, as the lines that it belongs with",
        on="   title",
    ),
    "an entry that slid to the left": Slip(
        _HEAD,
        _HEAD.replace("  nano", "   nano", 1),
        "LINE:4: nano-banana-pro: this line begins with 3 spaces; write 2, as the lines that it belongs with",
    ),
    "a ratio with a space": Slip(
        _RATIO,
        _RATIO.replace("1:1", "1: 1"),
        "LINE:32: nano-banana-pro: parameters.aspect_ratio.values[0]: this is read as a mapping; "
        "write 1:1, without the space, or quote it",
    ),
    "a ratio that is a number": Slip(
        _RATIO,
        _RATIO.replace("1:1", "1.5"),
        "LINE:32: nano-banana-pro: parameters.aspect_ratio.values[0]: "
        '1.5 is a number, the wire wants text; write "1.5"',
    ),
    "a price as text": Slip(
        _TABLE,
        _TABLE.replace("36", "'36'"),
        'LINE:29: nano-banana-pro: price.credits.2K: "36" is not an amount; '
        "write 36, without quotes or a unit, not_offered or unknown",
        on="'36'",
    ),
    "a price with a unit": Slip(
        _TABLE,
        _TABLE.replace("36", "36 credits"),
        'LINE:29: nano-banana-pro: price.credits.2K: "36 credits" is not an amount; '
        "write 36, without quotes or a unit, not_offered or unknown",
        on="36 credits",
    ),
    "a model twice": Slip(
        "  google/nano-banana-edit:\n",
        "  google/nano-banana:\n",
        "LINE:3: google/nano-banana: the key google/nano-banana stands twice; the first is in line OTHER; "
        "remove one of them",
        other="  google/nano-banana:\n",
    ),
    "a model twice, in two files": Slip(
        "  grok-4-5:\n",
        "  nano-banana-pro:\n",
        "LINE:3: nano-banana-pro: this model stands in models.yaml:OTHER already, and counts as it stands there",
        other="  nano-banana-pro:\n",
        file="models/grok.yaml",
    ),
    "a missing comma in a list": Slip(
        _RATIO,
        _RATIO.replace("2:3,", "2:3"),
        "LINE:37: nano-banana-pro: parameters.aspect_ratio.values[1]: 2:3 3:2 is read as one value; "
        "a comma is missing: write 2:3, 3:2",
    ),
    "a missing comma beside the default": Slip(
        "      output_format: {values: {png: png, jpeg: jpg}, default: png}\n",
        "      output_format: {values: [png jpeg], default: png}\n",
        "LINE:32: nano-banana-pro: parameters.output_format.values[0]: png jpeg is read as one value; "
        "a comma is missing: write png, jpeg",
    ),
    "a missing comma in a mapping": Slip(
        _TEXT,
        _TEXT.replace("true,", "true"),
        "LINE:49: nano-banana-pro: a comma is missing here; write true, max_length",
    ),
    "a tab": Slip(
        _TABLE,
        _TABLE.replace("      by", "\tby"),
        "LINE:1: nano-banana-pro: a tab stands where YAML wants spaces; begin this line with 6 spaces",
    ),
    "a date in another order": Slip(
        _HEAD,
        _HEAD.replace("2026-11-22", "22/11/2026"),
        "LINE:14: nano-banana-pro: checked: 22/11/2026 does not look right; write the date as 2026-11-22",
        on="22/11",
    ),
    "a day that is none": Slip(
        _HEAD,
        _HEAD.replace("2026-11-22", "2026-11-31"),
        "LINE:14: nano-banana-pro: checked: 2026-11-31 is no day of the calendar; "
        "write the date as year-month-day, such as 2026-11-22",
        on="2026-11-31",
    ),
    "an alias that is another parameter's name": Slip(
        _TIER,
        _TIER.replace("1K}", "1K, aliases: [aspect_ratio]}"),
        "LINE:68: nano-banana-pro: parameters.resolution.aliases[0]: the name aspect_ratio belongs to aspect_ratio "
        "already; write another one, or remove it",
    ),
    "a shared alias that is taken": Slip(
        "  output_format: {title: File format of the result, aliases: [format]}\n",
        "  output_format: {title: File format of the result, aliases: [size]}\n",
        "LINE:63: names.output_format.aliases[0]: the name size belongs to aspect_ratio already; "
        "write another one, or remove it",
    ),
    "an unknown kind": Slip(
        _HEAD,
        _HEAD.replace("kind: image", "kind: picture"),
        'LINE:11: nano-banana-pro: kind: picture is not allowed; did you mean "image"? '
        "it must be one of image, video, audio, music, upscale, tool, chat",
        on="picture",
    ),
    "an unknown endpoint": Slip(
        _HEAD,
        _HEAD.replace("kie-task", "kie-tsak"),
        'LINE:15: nano-banana-pro: endpoint: there is no endpoint kie-tsak; did you mean "kie-task"? there are: '
        "kie-task, kie-chat, ",
        on="kie-tsak",
    ),
    "a hole in a price table": Slip(
        _TABLE,
        _TABLE.replace(", 4K: 48", ""),
        "LINE:16: nano-banana-pro: price.credits: the price table has no resolution 4K; "
        "add the amount, or not_offered or unknown",
        on="credits",
    ),
    "an entry half deleted": Slip(
        _HEAD,
        "".join(_HEAD.splitlines(keepends=True)[:2]),
        "LINE:7: nano-banana-pro: this line stands deeper than line OTHER, which has its value already; "
        "write it as deep as that one, or put back the line that it belongs under",
        on=f"      {_TEXT}",
        other="    title: Nano Banana Pro\n",
    ),
    "the first lines of an entry deleted": Slip(
        _HEAD,
        "".join(_HEAD.splitlines(keepends=True)[3:]),
        "LINE:5: google/nano-banana-edit: the keys endpoint, source, checked, parameters, price, tariffs and examples "
        "stand twice; the first is in line ",
    ),
}


def check(folder: Path) -> Dict[str, Any]:
    done = CliRunner().invoke(main, ["catalog", "check", str(folder), "--strict", "--json"])
    found: Dict[str, Any] = json.loads(done.stdout)
    assert (done.exit_code, found["errors"] > 0) in ((0, False), (2, True))
    return found


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalog")
    shutil.copy(ROOT / "models.yaml", folder)
    shutil.copytree(ROOT / "models", folder / "models")
    return folder


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_slip_is_told_at_its_line_with_what_to_write(copy: Path, slip: Slip) -> None:
    file = copy / slip.file
    before = file.read_text(encoding="utf-8")
    assert before.count(slip.was) == 1
    after = before.replace(slip.was, slip.now)
    start = before.index(slip.was)
    line = after[: after.index(slip.on, start)].count("\n") + 1

    file.write_text(after, encoding="utf-8")
    try:
        found = check(copy)
    finally:
        file.write_text(before, encoding="utf-8")

    first = found["problems"][0]
    first_file = (copy / "models.yaml").read_text(encoding="utf-8")
    other = first_file[: first_file.index(slip.other)].count("\n") + 1
    said = slip.says.replace("LINE", str(line)).replace("OTHER", str(other))
    told = f"{first['file']}:{first['line']}:{first['column']}: {first['path']}: {first['message']}"
    assert told.startswith(f"{slip.file}:{said}")


def test_after_the_fixes_the_check_passes(copy: Path) -> None:
    found = check(copy)

    assert (found["errors"], found["warnings"], found["problems"]) == (0, 0, [])


def test_slips_in_several_files_and_entries_are_told_in_one_go(copy: Path) -> None:
    """One bad entry hides no other, and a file that is no YAML does not end the check."""
    wanted = [
        SLIPS["a missing comma in a mapping"],
        Slip("  grok-4-5:", "  google/nano-banana:", "", "models/grok.yaml"),
    ]
    wanted.append(
        Slip("checked: 2026-08-19\n    note: >-", "checked: 19.08.2026\n    note: >-", "", "models/grok.yaml")
    )
    wanted.append(Slip("    title: Gemini 3 Flash\n    kind: chat", "    kind: chatt", ""))
    before = {path: path.read_text(encoding="utf-8") for path in {copy / slip.file for slip in wanted}}
    for slip in wanted:
        text = (copy / slip.file).read_text(encoding="utf-8")
        (copy / slip.file).write_text(text.replace(slip.was, slip.now, 1), encoding="utf-8")

    try:
        found = check(copy)
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")

    said: List[str] = [f"{problem['file']} {problem['path']}" for problem in found["problems"]]
    assert said == [
        "models.yaml nano-banana-pro",
        "models.yaml gemini-3-flash: kind",
        "models/grok.yaml grok-4-3: checked",
        "models/grok.yaml google/nano-banana",
    ]
