"""One file for many threads and processes: who may write, and what a fork leaves whole."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any, Callable, ContextManager, Iterator, List

import pytest

from kie_sync import sqlitefile
from kie_sync.errors import KieJournalError
from kie_sync.sqlitefile import SqliteFile

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
TABLES = "CREATE TABLE notes (word TEXT)"
# How long a thread stays where no fork may come: long enough for one that is let through.
_STAY_S = 0.3


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteFile]:
    made = SqliteFile(tmp_path / "notes.sqlite", "the notes", TABLES, 1)
    yield made
    made.close()


def note(file: SqliteFile, word: str) -> None:
    with file.writing() as connection:
        connection.execute("INSERT INTO notes VALUES (?)", [word])


def notes(file: SqliteFile) -> List[str]:
    with file.reading() as connection:
        return [word for (word,) in connection.execute("SELECT word FROM notes ORDER BY rowid")]


def in_a_child(work: Callable[[], Any]) -> int:
    """Fork, and do this there; it must end by itself."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            os._exit(0 if work() else 3)
        except BaseException:
            os._exit(4)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_who_writes_is_alone_from_the_first_look(file: SqliteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a block reads is still so when it writes: two could else pass the limit of a day together."""
    note(file, "a")
    monkeypatch.setattr(sqlitefile, "_BUSY_S", 0.01)
    other = SqliteFile(file.path, "the notes", TABLES, 1)

    with file.writing():
        with pytest.raises(KieJournalError, match="cannot be written: database is locked"), other.writing() as second:
            second.execute("SELECT word FROM notes").fetchall()

        assert notes(other) == ["a"]
    note(other, "b")
    other.close()
    assert notes(file) == ["a", "b"]


def test_a_block_that_fails_leaves_nothing(file: SqliteFile) -> None:
    with pytest.raises(KeyError), file.writing() as connection:
        connection.execute("INSERT INTO notes VALUES ('half')")
        raise KeyError

    assert notes(file) == []


def test_a_block_within_a_block_is_refused_and_leaves_the_outer_one_whole(file: SqliteFile) -> None:
    """As where a stream is collected as garbage while something is written."""
    with file.writing() as connection:
        connection.execute("INSERT INTO notes VALUES ('outer')")
        with pytest.raises(KieJournalError, match="within a transaction"):
            note(file, "inner")

    assert notes(file) == ["outer"]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="there is no pthread_kill on Windows")
def test_an_interrupt_while_another_writes_leaves_the_file_free(file: SqliteFile) -> None:
    """Ctrl-C is seen when the wait is over: the transaction has begun by then, and would lock out everybody."""
    note(file, "a")
    other, is_waiting, here = SqliteFile(file.path, "the notes", TABLES, 1), threading.Event(), threading.get_ident()

    def hold() -> None:
        with other.writing():
            has_begun.set()
            assert is_waiting.wait(20)
            # The interrupt must find it in the wait, and not on the way there.
            time.sleep(_STAY_S)
            signal.pthread_kill(here, signal.SIGINT)

    has_begun = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    assert has_begun.wait(20)
    with file.reading() as connection:
        connection.set_trace_callback(lambda _: is_waiting.set())
    with pytest.raises(KeyboardInterrupt):
        note(file, "b")
    holder.join()

    with file.reading() as connection:
        assert not connection.in_transaction
    note(file, "c")
    assert notes(file) == ["a", "c"]
    other.close()


@pytest.mark.parametrize(("is_durable", "level"), [(True, 2), (False, 1)], ids=["full", "normal"])
def test_a_commit_is_on_disk_where_that_counts(tmp_path: Path, is_durable: bool, level: int) -> None:
    """PRAGMA synchronous: 2 waits for the disk at each commit (sqlite.org/pragma.html#pragma_synchronous)."""
    file = SqliteFile(tmp_path / "notes.sqlite", "the notes", TABLES, 1, is_durable=is_durable)

    with file.reading() as connection:
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]

    file.close()
    assert found == [level, "wal"]


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("where", ["in a transaction", "while a file is made"])
def test_a_fork_waits_for_other_threads(file: SqliteFile, where: str) -> None:
    """The child does not have that thread, and would wait for its lock for ever."""
    places: Any = {"in a transaction": file.writing, "while a file is made": lambda: sqlitefile._birth}
    held: ContextManager[Any] = places[where]()
    inside, forked = threading.Event(), threading.Event()
    was_early: List[bool] = []

    def stay() -> None:
        with held:
            inside.set()
            was_early.append(forked.wait(_STAY_S))

    busy = threading.Thread(target=stay)
    busy.start()
    inside.wait()
    child = in_a_child(lambda: was_early == [] or note(file, "child") is None)
    forked.set()
    busy.join()

    assert (ended(child), was_early, notes(file)) == (0, [False], ["child"])


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("used", [False, True], ids=["closed at once", "used first"])
def test_a_fork_in_a_transaction_leaves_it_to_the_parent(file: SqliteFile, used: bool) -> None:
    """By whoever writes just now: the child neither uses nor closes the connection that it inherited."""
    with file.writing() as connection:
        connection.execute("INSERT INTO notes VALUES ('parent')")

        def work() -> bool:
            if used:
                with file.reading() as own:
                    assert own is not connection and own.execute("SELECT word FROM notes").fetchall() == []
            file.close()
            # Not of the file: it only fails where the connection is closed.
            return connection.execute("SELECT 1").fetchone() == (1,)

        child = in_a_child(work)
        assert ended(child) == 0

    assert notes(file) == ["parent"]


def test_a_file_that_is_open_at_the_end_of_a_program_is_no_fault(tmp_path: Path) -> None:
    """What is left when modules are taken apart found its own names gone, and said so."""
    code = """if True:
        import os, sys
        from pathlib import Path
        from kie_sync.sqlitefile import SqliteFile
        file = SqliteFile(Path(sys.argv[1]), "the notes", "CREATE TABLE notes (word TEXT)", 1)
        with file.reading():
            pass
        # Outlives the modules that it stands on.
        os.kept = file, sys.modules["kie_sync.sqlitefile"]
        """
    words = [sys.executable, "-c", code, str(tmp_path / "notes.sqlite")]
    environ = {**os.environ, "PYTHONPATH": str(Path(sqlitefile.__file__).parent.parent)}

    program = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)

    assert program.stderr == ""


def test_a_file_in_a_ring_of_garbage_is_closed(file: SqliteFile) -> None:
    """Python finalizes a ring's members in no sure order: here the connection comes before the file that holds it."""
    other = SqliteFile(file.path, "the notes", TABLES, 1)
    ring: List[object] = [other]
    ring.append(ring)
    gc.collect(0)
    note(other, "here")

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        del other, ring
        gc.collect()

    assert [str(warning.message) for warning in told] == []
