"""A ledger by URL: what a wrong one is told, and that no password is shown. benchmarks/ledger_storm.py uses one."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from wire import CREATED, Script, client

from kie_sync.errors import KieConfigError, KieLedgerError
from kie_sync.ledger import open_ledger

HAS_SQLALCHEMY = importlib.util.find_spec("sqlalchemy") is not None
needs_sqlalchemy = pytest.mark.skipif(not HAS_SQLALCHEMY, reason="SQLAlchemy (extra: sql) is not installed")
URL = "postgresql+psycopg://ann:s3cret@127.0.0.1:1/shop"


def test_without_sqlalchemy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)

    with pytest.raises(KieConfigError) as caught:
        open_ledger(URL)

    assert "install `kie-sync[sql]` and your database's driver, such as psycopg, or name a file" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_client_is_told_at_its_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    transport = Script(CREATED)

    with pytest.raises(KieConfigError, match="needs SQLAlchemy"):
        client(transport, ledger=URL, account="ann").create_task("m", {}, hold=1)

    assert transport.requests == []


@needs_sqlalchemy
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("oracle://ann:s3cret@host/shop", "a ledger is kept in postgresql, mysql, mariadb, or in an SQLite file"),
        (
            "postgresql+nodriver://ann:s3cret@host/shop",
            "the driver of .* is not installed .looked for postgresql.nodriver",
        ),
        ("://s3cret", "the ledger's URL cannot be read"),
        ("postgresql://ann:x@host:s3cret/shop", "the ledger's URL cannot be read"),
        ("postgresql://ann:x@s3cret@host/shop", r"the ledger's URL cannot be read; .*write @ as %40"),
    ],
)
def test_a_url_that_will_not_do_is_told_without_its_password(url: str, said: str) -> None:
    with pytest.raises(KieConfigError, match=said) as caught:
        open_ledger(url)

    assert "s3cret" not in "".join(traceback.format_exception(type(caught.value), caught.value, None))


@pytest.mark.parametrize("url", ["postgresql:/ann:s3cret@host/shop", Path(URL), "mysql+pymysql:ann:s3cret@host"])
def test_a_url_with_too_few_slashes_becomes_no_file(url: Any) -> None:
    with pytest.raises(KieConfigError, match="write it as postgresql://user:password@host/name") as caught:
        open_ledger(url)

    assert "s3cret" not in str(caught.value)


@needs_sqlalchemy
@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://ann@127.0.0.1:1/shop?password=s3cret",
        "postgresql+psycopg://ann@127.0.0.1:1/shop?sslpassword=s3cret&bogus=s3cret",
    ],
)
def test_what_stands_behind_the_question_mark_of_a_url_is_not_shown(url: str) -> None:
    """Drivers take a password there, too."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    ledger = open_ledger(url)

    with pytest.raises(KieLedgerError) as caught:
        ledger.check()

    assert "s3cret" not in f"{caught.value} {ledger!r} {ledger.name}"
    ledger.close()


@needs_sqlalchemy
def test_a_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for driver in ("psycopg2", "psycopg"):
        monkeypatch.setitem(sys.modules, driver, None)

    with pytest.raises(KieConfigError, match=r"the driver of postgresql://ann:\*\*\*@host/shop is not installed"):
        open_ledger("postgresql://ann:s3cret@host/shop")


@needs_sqlalchemy
@pytest.mark.parametrize("work", [lambda it: it.create("ann"), lambda it: it.balance("ann"), lambda it: it.check()])
def test_a_server_that_is_not_there_is_told_without_the_password(work: Any) -> None:
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    ledger = open_ledger(URL)

    with pytest.raises(KieLedgerError, match=r"the ledger .*ann:\*\*\*@127\.0\.0\.1:1/shop cannot be") as caught:
        work(ledger)

    assert "s3cret" not in f"{caught.value} {caught.value!r} {ledger!r} {ledger.name}"
    ledger.close()
