"""Pictures of the terminal for docs/catalog.md: each command is run, and what it says is what the page shows.

A story begins in an empty folder, with files that the page shows itself, on the day below.
Folders, addresses and task ids, which differ on every machine, are always the same here; `~` is the user's home.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple
from unittest import mock

from click.testing import CliRunner

from kie_sync.catalog import read_catalog
from kie_sync.catalog_data import data_root
from kie_sync.cli import main
from kie_sync.clock import SystemClock
from kie_sync.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent
DAY = "2026-11-22T12:00:00Z"
HOME = "/ann"
OWN = f"{HOME}/.config/kie-sync/my-models.yaml"
SHIPPED = "~/venv/lib/python3.13/site-packages/kie_sync/_data/models.yaml"
TASK = "c31df5470890472628ba36f692a10944"
_BLOCK = re.compile(r"^```(?:yaml|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OUTSIDE = ("KIE_", "GEMINI_", "GOOGLE_", "XDG_", "HOME", "USERPROFILE", "LOCALAPPDATA")


class Story(NamedTuple):
    """Commands in their order, and what they stand on.

    Attributes:
        lines: the commands; one that ends otherwise than with 0 has its exit code before it, as in `1 kie-sync ...`.
        files: the name of each file, and where its text comes from: the page's block with this word, or a file of
            the tests' pages, or `imported`; then what is other in it.
        catalogs: what `KIE_CATALOG` names.
        answer: what is typed; the story then plays in a sandbox that has the models of `my.yaml`.
    """

    lines: Sequence[str]
    files: Mapping[str, Tuple[str, ...]] = MappingProxyType({})
    catalogs: str = ""
    answer: str = ""


_PICTURE = {"my.yaml": ("acme/picture:",)}
_CHANGED = (
    "max_length: 5000",
    "max_length: 10000",
    ", 9:16]",
    "]",
    "2K: 12",
    "2K: 15",
    "title: Acme Picture\n",
    "title: Acme Picture\n    retired_on: 2026-12-01\n    replaced_by: nano-banana-pro\n",
    "      resolution: ",
    "      style:        {required: true}\n      resolution: ",
    "    examples:\n      - call:  {prompt: a cat, ",
    "    examples:\n      - call:  {prompt: a cat, style: calm, ",
)
STORIES: Dict[str, Story] = {
    "check": Story(["kie-sync catalog check my.yaml"], _PICTURE),
    "use": Story(
        [
            "kie-sync show acme/picture --catalog my.yaml",
            "kie-sync price acme/picture -p resolution=2K --catalog my.yaml",
            'kie-sync preview acme/picture "a cat" -p size=16:9 --catalog my.yaml',
        ],
        _PICTURE,
    ),
    "on": Story(
        ["kie-sync price acme/dated --catalog my.yaml", "kie-sync price acme/dated --on 2026-05-01 --catalog my.yaml"],
        {"my.yaml": ("acme/dated:",)},
    ),
    "files": Story(["kie-sync catalog files"], {OWN: ("google/nano-banana-edit:",), **_PICTURE}, catalogs="my.yaml"),
    "hidden": Story(["2 kie-sync show grok-4-7"], {OWN: ("google/nano-banana-edit:",)}),
    "price": Story(
        [
            "kie-sync catalog price acme/picture --file my.yaml",
            "kie-sync catalog price acme/picture --set 2K=15 --from 2026-12-01 --source letter --file my.yaml",
            "kie-sync price acme/picture -p resolution=2K --on 2026-12-01 --catalog my.yaml",
        ],
        _PICTURE,
    ),
    "new": Story(["kie-sync catalog new acme/poster --like acme/picture --file my.yaml"], _PICTURE),
    "diff": Story(
        ["1 kie-sync catalog diff old.yaml new.yaml"],
        {"old.yaml": ("acme/picture:",), "new.yaml": ("acme/picture:", *_CHANGED)},
    ),
    "migrate": Story(
        ["kie-sync catalog check my.yaml", "kie-sync catalog migrate my.yaml"],
        {
            "my.yaml": (
                "plans:\n  friends:",
                "money:",
                "schema_version: 1\nmoney:",
                "usd_per_credit",
                "credit_usd",
                "cny_per_usd",
                "usd_cny",
            )
        },
    ),
    "import": Story(
        ["kie-sync catalog import speech.json --file my.yaml", "kie-sync catalog check my.yaml"],
        {"speech.json": ("tests/pages/speech.json",), **_PICTURE},
    ),
    "drift": Story(
        ["1 kie-sync catalog drift saved-pages/ --catalog my.yaml"],
        {
            "my.yaml": ("imported", "max: 1.2}", "max: 1.5}", "Roger, No", "Roger"),
            "saved-pages/speech.json": ("tests/pages/speech.json",),
            "saved-pages/clip.md": ("tests/pages/clip.md",),
        },
    ),
    "try": Story(['kie-sync catalog try acme/picture "a cat" --catalog my.yaml -o cat.png'], _PICTURE, answer="y\n"),
    "answer": Story(
        ["kie-sync catalog answer acme/picture answer.json --catalog my.yaml"],
        {"answer.json": ('"resultJson"',), **_PICTURE},
    ),
    "broken": Story(["2 kie-sync catalog check my.yaml"], {"my.yaml": ("acme/broken:",)}),
    "explain": Story(
        [
            "kie-sync catalog explain nano-banana-pro.size",
            "2 kie-sync catalog explain nano-banana-pro.resolutoin",
            "kie-sync catalog explain acme-family --catalog my.yaml",
        ],
        {"my.yaml": ("acme-family:",)},
    ),
    "resolved": Story(["kie-sync show acme/large --resolved --catalog my.yaml"], {"my.yaml": ("acme-family:",)}),
    "docs": Story(["kie-sync catalog docs max_items"]),
}


@cache
def picture(name: str) -> str:
    """A block of the commands of a story, with what they say."""
    story = STORIES[name]
    with _place(story) as folder:
        text = "\n".join(_told(line, story, folder) for line in story.lines)
    return f"```console\n{text}```\n"


@cache
def imported() -> str:
    """The entry that `catalog import` makes of the tests' page about a speech model."""
    with _place(Story([], {"speech.json": ("tests/pages/speech.json",)})):
        done = CliRunner().invoke(main, ["catalog", "import", "speech.json"])
    text = done.output
    # Before click 8.2 the output has stderr in it, where the command counts.
    return f"```yaml\n{text[text.index('models:') :].partition('acme/speech-turbo-tts: not written')[0]}```\n"


def _told(line: str, story: Story, folder: str) -> str:
    code, _, command = line.partition("kie-sync ")
    done = CliRunner().invoke(main, shlex.split(command), input=story.answer, prog_name="kie-sync")
    if done.exit_code != int(code or 0):
        raise SystemExit(f"kie-sync {command} ended with {done.exit_code}: {done.output}")
    return f"$ kie-sync {command}\n{_same_everywhere(done.output, folder)}"


def _same_everywhere(text: str, folder: str) -> str:
    places = {str(data_root().joinpath("models.yaml")): SHIPPED, f"{folder}{HOME}": "~"}
    lines = []
    for line in text.splitlines(keepends=True):
        for found, shown in places.items():
            line = line.replace(found, shown)
        lines.append(line)
    if lines and lines[0].startswith("file  "):
        lines = _aligned(lines)
    return re.sub(r"\b[0-9a-f]{32}\b", TASK, re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:32935", "".join(lines)))


def _aligned(lines: List[str]) -> List[str]:
    """A table whose first column holds paths, set anew for the paths that are shown."""
    rows = [re.match(r"(\S+)  +(.*\n)", line) for line in lines]
    found = [(row.group(1), row.group(2)) if row else None for row in rows]
    width = max(len(row[0]) for row in found if row)
    return [f"{row[0].ljust(width)}  {row[1]}" if row else line for row, line in zip(found, lines)]


@contextlib.contextmanager
def _place(story: Story) -> Iterator[str]:
    """An empty folder with the files of a story, on the day of the pictures, in nobody's environment."""
    before = os.getcwd()
    outside = [name for name in os.environ if name.startswith(_OUTSIDE)]
    with TemporaryDirectory() as folder, _sandbox(story) as environment:
        real = os.path.realpath(folder)
        own = {
            "HOME": f"{real}{HOME}",
            "XDG_CONFIG_HOME": f"{real}{HOME}/.config",
            "KIE_CATALOG_CACHE": "off",
            "KIE_CATALOG": story.catalogs,
            **environment,
            "KIE_JOURNAL": f"{real}/journal.sqlite",
        }
        day = mock.patch.object(SystemClock, "date", lambda self: DAY)
        with mock.patch.dict(os.environ, own), day:
            for name in set(outside) - set(own):
                del os.environ[name]
            os.makedirs(f"{real}{HOME}/work")
            os.chdir(f"{real}{HOME}/work")
            try:
                for name, (source, *swaps) in story.files.items():
                    path = Path(real + name if name.startswith("/") else name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(_text(source, swaps), encoding="utf-8")
                yield real
            finally:
                os.chdir(before)


@contextlib.contextmanager
def _sandbox(story: Story) -> Iterator[Dict[str, str]]:
    """What leads to a sandbox with the story's models, or nowhere where nothing is sent."""
    if not story.answer:
        yield dict.fromkeys(("KIE_BASE_URL", "GEMINI_BASE_URL"), "http://127.0.0.1:32935")
        return
    with TemporaryDirectory() as folder:
        path = Path(folder, "my.yaml")
        path.write_text(_text(*story.files["my.yaml"], ()), encoding="utf-8")
        with Sandbox(catalog=read_catalog(path), speed=200.0) as sandbox:
            yield sandbox.environment()


def _text(source: str, swaps: Sequence[str]) -> str:
    if source == "imported":
        text = imported()[len("```yaml\n") : -len("```\n")]
    elif source.startswith("tests/"):
        text = (ROOT / source).read_text(encoding="utf-8")
    else:
        page = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")
        text = next((block for block in _BLOCK.findall(page) if source in block), "")
    for old, new in zip(swaps[::2], swaps[1::2]):
        if old not in text:
            raise SystemExit(f"{old} is not in {source}")
        text = text.replace(old, new)
    return text


if __name__ == "__main__":
    import sys

    for wanted in sys.argv[1:] or STORIES:
        print(f"--- {wanted}\n{picture(wanted)}")
    print(imported())
