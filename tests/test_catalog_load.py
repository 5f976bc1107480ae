"""The stored catalog: the same as the YAML, and read only while nothing has changed and nobody else wrote it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

import kie_sync
from kie_sync import Catalog, KieClient, KieConfigError, KieUnknownModelError, load_catalog
from kie_sync.catalog import read_catalog
from kie_sync.catalog_cache import CannotStore, build_catalog, pack_catalog, store_catalog
from kie_sync.catalog_files import _find_included
from kie_sync.catalog_load import cache_folder
from kie_sync.catalog_sources import list_included
from kie_sync.catalog_stored import StoredCatalog, unpack
from kie_sync.yamlfile import mark_at

OWN = """\
include: ['parts/*.yaml']
money: {cny_per_usd: 7.20}
models:
  my/cat:
    kind: image
    endpoint: kie-task
    parameters: {prompt: {required: true}, strength: {type: number, min: 0.10, max: 1.00}}
"""
PART = "models:\n  my/dog: {extends: my/cat, title: Dog, parameters: {strength: null}}\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stored catalogs go to."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("KIE_CATALOG_CACHE", str(folder))
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's file that includes another."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "dog.yaml").write_text(PART, encoding="utf-8")
    file = tmp_path / "own.yaml"
    file.write_text(OWN, encoding="utf-8")
    return file


def is_stored(*paths: Path) -> bool:
    """Whether the catalog of these files comes from its stored form."""
    return isinstance(load_catalog(*paths), StoredCatalog)


def facts(catalog: Catalog) -> Dict[str, Any]:
    """All that a catalog says, digits included."""
    names = ("money", "providers", "endpoints", "tariffs", "plans", "aliases", "default_tariff", "problems", "errors")
    return {"models": repr(dict(catalog)), **{name: repr(getattr(catalog, name)) for name in names}}


# ---- the same as the YAML ----


def test_the_stored_catalog_says_what_the_yaml_says(cache: Path, own: Path) -> None:
    first = load_catalog(own)
    second = load_catalog(own)

    assert (isinstance(first, StoredCatalog), isinstance(second, StoredCatalog)) == (False, True)
    assert facts(second) == facts(read_catalog(own))
    assert [second[name] for name in second] == [first[name] for name in first]
    assert (list(second), len(second), "my/dog" in second, "my/cow" in second, repr(second)) == (
        list(first),
        len(first),
        True,
        False,
        repr(first),
    )


def test_the_shipped_catalog_is_stored_too(cache: Path) -> None:
    load_catalog()

    assert facts(load_catalog()) == facts(read_catalog())
    assert is_stored()


def test_a_stored_catalog_is_a_catalog(cache: Path) -> None:
    load_catalog()
    stored = load_catalog()

    assert isinstance(stored, StoredCatalog)
    assert isinstance(stored, Catalog)
    assert KieClient(api_key="made-up", catalog=stored).catalog is stored


def test_numbers_keep_their_digits(cache: Path, own: Path) -> None:
    load_catalog(own)

    strength = load_catalog(own)["my/cat"].parameters["strength"]

    assert (str(strength.min), str(strength.max), str(load_catalog(own).money.cny_per_usd)) == ("0.10", "1.00", "7.20")


def test_a_stored_model_is_built_once(cache: Path) -> None:
    load_catalog()
    stored = load_catalog()

    assert stored["nano-banana-pro"] is stored["nano-banana-pro"]


def test_an_unknown_id_is_told_what_is_near(cache: Path) -> None:
    load_catalog()
    stored = load_catalog()

    with pytest.raises(KieUnknownModelError, match='did you mean "nano-banana-pro"'):
        stored["nano-bananna-pro"]


def test_places_are_those_of_the_files(cache: Path, own: Path) -> None:
    load_catalog(own)
    stored = load_catalog(own)

    assert isinstance(stored, StoredCatalog)
    mark = mark_at(stored.raw("my/cat"), ("parameters", "strength", "max"))
    assert (mark.file, mark.line, mark.column) == (str(own), 7, 85)


def test_warnings_are_kept_with_their_places(cache: Path, own: Path) -> None:
    (own.parent / "parts" / "dog.yaml").write_text(
        "bases:\n  priced:\n    kind: chat\n    endpoint: kie-chat\n"
        "    price: {unit: 1m_tokens, credits: {input: 1, output: 2}}\n"
        "models:\n  my/talk: {extends: priced, price: {credits: {input: 3}}}\n",
        encoding="utf-8",
    )
    first = load_catalog(own)
    second = load_catalog(own)

    assert [str(problem) for problem in second.problems] == [str(problem) for problem in first.problems]
    assert {problem.line for problem in second.problems if "taken over from priced" in problem.message} == {7}
    assert isinstance(second, StoredCatalog)


# ---- read again where something changed ----


def edit(file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8").replace("7.20", "7.30"), encoding="utf-8")


CHANGES: Dict[str, Callable[[Path], Any]] = {
    "the file": edit,
    "an included file": lambda own: (own.parent / "parts" / "dog.yaml").write_text(PART.replace("Dog", "Hound")),
    "one more file": lambda own: (own.parent / "parts" / "hen.yaml").write_text(PART.replace("dog", "hen")),
    "one file less": lambda own: (own.parent / "parts" / "dog.yaml").unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen(cache: Path, own: Path, change: Callable[[Path], Any]) -> None:
    load_catalog(own)
    assert is_stored(own)

    change(own)

    assert not is_stored(own)
    assert facts(load_catalog(own)) == facts(read_catalog(own))


def test_a_file_that_is_gone_is_an_error(cache: Path, own: Path) -> None:
    load_catalog(own)
    own.unlink()

    with pytest.raises(KieConfigError, match="cannot be read"):
        load_catalog(own)


def test_the_same_name_in_another_folder_is_another_file(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, rate in (("a", "7.1"), ("b", "7.2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "my.yaml").write_text(f"money: {{cny_per_usd: {rate}}}\n", encoding="utf-8")

    rates = []
    for folder in ("a", "b", "a", "b"):
        monkeypatch.chdir(tmp_path / folder)
        rates.append(str(load_catalog("my.yaml").money.cny_per_usd))

    assert rates == ["7.1", "7.2", "7.1", "7.2"]


# ---- not to be trusted ----


def rewrite(file: Path, change: Callable[[bytes], bytes]) -> None:
    file.write_bytes(change(file.read_bytes()))


def with_version(file: Path) -> None:
    """A whole file, of another version."""
    from kie_sync.catalog_stored import pack

    head, lines = unpack(file.read_bytes()) or ({}, [])
    sections, *models = [line.decode() for line in lines]
    file.write_bytes(pack({**head, "version": "0.0.0"}, sections, models))


UNTRUSTED: Dict[str, Callable[[Path], Any]] = {
    "cut": lambda file: rewrite(file, lambda data: data[:-10]),
    "empty": lambda file: rewrite(file, lambda data: b""),
    "one byte": lambda file: rewrite(file, lambda data: data.replace(b"7.20", b"7.30", 1)),
    "of another form": lambda file: rewrite(file, lambda data: data.replace(b" 1 ", b" 2 ", 1)),
    "of another version": with_version,
    "writable by others": lambda file: file.chmod(0o666),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("spoil", UNTRUSTED.values(), ids=UNTRUSTED)
def test_what_is_not_to_be_trusted_is_not_read(cache: Path, own: Path, spoil: Callable[[Path], Any]) -> None:
    load_catalog(own)
    (file,) = cache.iterdir()

    spoil(file)

    assert not is_stored(own)
    assert facts(load_catalog(own)) == facts(read_catalog(own))


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this system has no owners of files")
def test_a_file_of_somebody_else_is_not_read(cache: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_catalog(own)
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)

    assert not is_stored(own)


@pytest.mark.skipif(os.name == "nt", reason="this system has no modes of files")
def test_the_file_is_the_users_alone(cache: Path, own: Path) -> None:
    load_catalog(own)
    (file,) = cache.iterdir()

    assert (file.stat().st_mode & 0o777, cache.stat().st_mode & 0o777) == (0o600, 0o700)


# ---- where nothing is stored ----


def test_a_catalog_with_errors_is_read_each_time_and_tells_them_each_time(cache: Path, own: Path) -> None:
    own.write_text(OWN.replace("image", "imgae"), encoding="utf-8")

    told = [[str(problem) for problem in load_catalog(own).errors] for _ in range(2)]

    assert told[0] == told[1]
    assert told[0][0].startswith(f"{own}:5:11: ")
    assert not cache.exists()


def test_it_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("KIE_CATALOG_CACHE", "OFF")
    load_catalog()

    assert (cache_folder(), is_stored(), list(home.iterdir())) == (None, False, [])


def test_a_folder_that_cannot_be_made_costs_nothing_but_time(
    tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("KIE_CATALOG_CACHE", str(tmp_path / "file" / "cache"))

    assert [is_stored(own), is_stored(own)] == [False, False]
    assert len(load_catalog(own)) == len(read_catalog(own))


def test_a_word_that_could_be_mistaken_is_not_stored(cache: Path, own: Path) -> None:
    own.write_text(OWN.replace("required: true}", "values: {$decimal: a}}"), encoding="utf-8")
    load_catalog(own)

    with pytest.raises(CannotStore, match=r"\$decimal"):
        pack_catalog(read_catalog(own))
    assert not is_stored(own)


def test_old_files_are_removed(cache: Path) -> None:
    cache.mkdir()
    for number in range(23):
        (cache / f"catalog-{number}").write_text("", encoding="utf-8")
        os.utime(cache / f"catalog-{number}", (number, number))
    (cache / "mine.txt").write_text("stays", encoding="utf-8")

    assert store_catalog(read_catalog(), str(cache / "catalog-new"))

    assert sorted(file.name for file in cache.iterdir()) == sorted(
        ["catalog-new", "mine.txt", *(f"catalog-{number}" for number in range(4, 23))]
    )


PLACES = {
    "a folder of one's own": ({"KIE_CATALOG_CACHE": "/tmp/x"}, "/tmp/x"),
    "one below the home": ({"KIE_CATALOG_CACHE": "~/x"}, "~/x"),
    "the user's cache": ({"XDG_CACHE_HOME": "/var/c"}, "/var/c/kie_sync"),
    "a relative one does not count": ({"XDG_CACHE_HOME": "c"}, "~/.cache/kie_sync"),
    "nothing set": ({}, "~/.cache/kie_sync"),
    "set, but empty": ({"KIE_CATALOG_CACHE": " "}, "~/.cache/kie_sync"),
}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="other systems have other places")
@pytest.mark.parametrize(("environ", "place"), PLACES.values(), ids=PLACES)
def test_where_it_is_kept(environ: Dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.delenv("KIE_CATALOG_CACHE")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert cache_folder() == place.replace("~", str(home))


# ---- light, and many at once ----


#: Where the package under test is: a checkout, or where a wheel was installed. It need not be the folder of the tests.
PACKAGES = str(Path(kie_sync.__file__).parent.parent)


def run(code: str, cache: Path) -> List[str]:
    environ = {**os.environ, "KIE_CATALOG_CACHE": str(cache), "PYTHONPATH": PACKAGES}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=cache.parent, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


# An editable install loads pathlib before the first line of any program.
BARE = "import sys; bare = set(sys.modules)"
LOADED = "print(*sorted({'yaml', 'jsonschema', 'dataclasses', 'decimal', 'pathlib'} & (set(sys.modules) - bare)))"


def test_a_start_reads_no_yaml_and_checks_nothing(cache: Path) -> None:
    load_catalog()

    all_ids = run(f"{BARE}; import kie_sync; list(kie_sync.load_catalog()); {LOADED}", cache)
    one_model = run(f"{BARE}; import kie_sync; kie_sync.load_catalog()['nano-banana-pro']; {LOADED}", cache)

    assert all_ids == []
    assert not {"yaml", "jsonschema"} & set(one_model)


def test_only_the_models_asked_for_are_built(cache: Path) -> None:
    head, lines = unpack(pack_catalog(read_catalog())) or ({}, [])
    wanted = head["models"].index("nano-banana-pro")
    spoilt = [line if position in (0, wanted + 1) else b"not JSON" for position, line in enumerate(lines)]

    assert build_catalog(head["models"], spoilt)["nano-banana-pro"] == read_catalog()["nano-banana-pro"]


def test_many_processes_may_begin_at_once(cache: Path, own: Path) -> None:
    environ = {**os.environ, "KIE_CATALOG_CACHE": str(cache), "PYTHONPATH": PACKAGES}
    code = f"import kie_sync, json; print(json.dumps(sorted(kie_sync.load_catalog({str(own)!r}))))"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environ, cwd=own.parent, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    told = [process.communicate()[0] for process in processes]

    assert [json.loads(text) for text in told] == [sorted(read_catalog(own))] * 4
    assert is_stored(own)
    assert [file.name[:8] for file in cache.iterdir()] == ["catalog-"]


PATTERNS = ["*.yaml", "parts/*.yaml", "p*/d*.yaml", "parts/dog.yaml", "./parts/./dog.yaml", "no/*.yaml", "/parts/*", "",
            "../*", "own.yaml/*", "parts"]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_means_the_same_files_at_a_start(own: Path, pattern: str) -> None:
    assert list_included(str(own.parent), pattern) == [name for name, _ in _find_included(own.parent, pattern)]


def test_decimals_come_back_as_they_were() -> None:
    packed = unpack(pack_catalog(read_catalog()))
    assert packed is not None

    assert build_catalog(packed[0]["models"], packed[1]).money.usd_per_credit == Decimal("0.005")
