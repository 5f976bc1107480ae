"""docs/ledger.md: its Python runs, against the sandbox, and the ledger on Django's ORM keeps the protocol's rules."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from conftest import ROOT

from kie_sync.sandbox import Sandbox

PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("docs/ledger.md", "docs/zh/ledger.md")}
FLOW = ("Open accounts", "A call pays", "Chats", "Statements, and the proof")


def blocks(page: str) -> List[str]:
    return re.findall(r"^```\w+\n.*?^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def python(heading: str) -> List[str]:
    """The blocks of Python under a heading of the page."""
    text = PAGES["docs/ledger.md"].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found


def test_the_page_runs(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One section after the other; what is printed is what stands behind the line."""
    for name, value in {**sandbox.environment(), "KIE_JOURNAL": str(tmp_path / "journal.sqlite")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    namespace: Dict[str, Any] = {}
    code = "".join(block for heading in FLOW for block in python(heading))

    exec(compile(code, "docs/ledger.md", "exec"), namespace)
    namespace["client"].close()

    printed, promised = capsys.readouterr().out.splitlines(), re.findall(r"print\(.*\)  # (.+)", code)
    assert [printed[0], printed[1], printed[-1]] == promised
    kinds = [line.split()[1] for line in printed[2:-1]]
    assert kinds == ["bonus", "topup", *["hold", "capture"] * 3]


_SETUP = """
import json, sys
from decimal import Decimal
from django.conf import settings

database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}
settings.configure(INSTALLED_APPS=["shop"], DATABASES={"default": database}, USE_TZ=True,
                   DEFAULT_AUTO_FIELD="django.db.models.AutoField")
import django
django.setup()
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)

from kie_sync import KieAccountError, KieClient, KieImageAdapter, KieTaskFailedError
from kie_sync.ledger import Ledger
from shop.credits import DjangoLedger
from shop.models import Account, CreditHold

Account.objects.create(name="ann", credits=100)
ledger, told = DjangoLedger(), {}


def error_of(work):
    try:
        return str(work())
    except Exception as error:
        return type(error).__name__


def has():
    balance = ledger.balance("ann")
    return [str(balance.available.normalize() + 0), str(balance.held.normalize() + 0)]

told["protocol"] = isinstance(ledger, Ledger)
made = [ledger.hold("ann", Decimal(30), key="k1", ref=ref) for ref in ("- m plus", "t1 m plus")]
told["held"] = [has(), made[1].ref, CreditHold.objects.count()]
told["too much"] = error_of(lambda: ledger.hold("ann", Decimal("70.000001"), key="k2"))
told["other facts"] = error_of(lambda: ledger.hold("ann", Decimal(31), key="k1"))
told["nobody"] = error_of(lambda: ledger.hold("zoe", Decimal(1), key="k3"))
told["no hold"] = error_of(lambda: ledger.capture("k9", Decimal(1)))
for _ in range(2):
    ledger.capture("k1", Decimal("12.5"))
told["captured"] = has()
told["otherwise"] = error_of(lambda: ledger.release("k1"))
ledger.hold("ann", Decimal(1), key="k4")
for _ in range(2):
    ledger.release("k4")
told["released"] = has()
with KieClient(journal=True, ledger=ledger, account="ann") as client:
    adapter = KieImageAdapter(client, "google/nano-banana")
    adapter.generate("a cat")
    told["bought"] = has()
    task = adapter.submit("a dog")
    told["on its way"] = has()
with KieClient(journal=True, ledger=DjangoLedger()) as other:
    KieImageAdapter(other, "google/nano-banana").task(task.task_id).wait()
told["ended elsewhere"] = has()
told["refused"] = error_of(lambda: adapter.submit("a cat", hold=500))
ledger.hold("ann", Decimal(1), key="k5")
ledger.capture("k5", Decimal(90))
told["overdrawn"] = [*has(), ledger.balance("ann").is_overdrawn, error_of(lambda: adapter.submit("a cat", hold=0))]
print(json.dumps(told))
"""


def test_the_ledger_on_djangos_orm_keeps_the_rules(sandbox: Sandbox, tmp_path: Path) -> None:
    """It compiles everywhere, and runs where Django is installed, in a process of its own."""
    models, methods = python("Django")
    for number, code in enumerate((models, methods)):
        compile(code, f"docs/ledger.md, Django, {number}", "exec")
    pytest.importorskip("django")
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, code in (("__init__", ""), ("models", models), ("credits", methods)):
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    search = os.pathsep.join((str(ROOT), str(tmp_path)))
    places = {"PYTHONPATH": search, "KIE_JOURNAL": str(tmp_path / "journal.sqlite")}
    about: Any = {"env": {**os.environ, **sandbox.environment(), **places}, "cwd": tmp_path, "timeout": 120}

    done = subprocess.run([sys.executable, "-c", _SETUP], capture_output=True, text=True, check=False, **about)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "protocol": True,
        "held": [["70", "30"], "t1 m plus", 1],
        "too much": "KieAccountError",
        "other facts": "ValueError",
        "nobody": "KieAccountError",
        "no hold": "KeyError",
        "captured": ["87.5", "0"],
        "otherwise": "ValueError",
        "released": ["87.5", "0"],
        "bought": ["82.5", "0"],
        "on its way": ["77.5", "5"],
        "ended elsewhere": ["77.5", "0"],
        "refused": "KieAccountError",
        "overdrawn": ["-12.5", "0", True, "KieAccountError"],
    }


def test_both_languages_have_the_same_code() -> None:
    assert blocks("docs/ledger.md") == blocks("docs/zh/ledger.md")
