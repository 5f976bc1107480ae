"""docs/callbacks.md: its Python runs, against the sandbox, and its tables are those of the code."""

from __future__ import annotations

import json
import re
import time
from dataclasses import fields
from typing import Any, Dict, List

import pytest
from conftest import ROOT

from kie_sync.sandbox import FAULTS, Sandbox
from kie_sync.webhooks import REASONS, Application, Delivery, sign

PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("docs/callbacks.md", "docs/zh/callbacks.md")}
SECRET = "whsec-of-the-page"


def blocks(page: str) -> List[str]:
    return re.findall(r"^```\w+\n.*?^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def python(heading: str) -> Any:
    """The block of Python under a heading of the page, compiled."""
    text = PAGES["docs/callbacks.md"].partition(f"\n## {heading}\n")[2]
    found = re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return compile(found[1], f"docs/callbacks.md, {heading}", "exec")


@pytest.fixture
def task_id(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> str:
    """A task of the sandbox, to which the environment leads."""
    for name, value in {**sandbox.environment(), "KIE_WEBHOOK_SECRET": SECRET}.items():
        monkeypatch.setenv(name, value)
    namespace: Dict[str, Any] = {}
    exec(python("Ask for one"), namespace)
    made: str = namespace["task"].task_id
    while not namespace["task"].query().is_final:
        time.sleep(0.01)
    return made


def callback(task_id: str, secret: str = SECRET) -> Any:
    """Body and headers of a callback."""
    now = int(time.time())
    body = json.dumps({"code": 200, "data": {"taskId": task_id}}).encode()
    return body, {"X-Webhook-Timestamp": str(now), "X-Webhook-Signature": sign(task_id, now, secret)}


def post(app: Any, body: bytes, headers: Dict[str, str]) -> int:
    """The status that a WSGI application answers."""
    from werkzeug.test import Client

    return Client(app).post("/kie", data=body, headers=headers, content_type="application/json").status_code


def test_the_wsgi_example_receives(task_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: Dict[str, Any] = {}
    exec(python("Plain WSGI"), namespace)
    app: Application = namespace["app"]

    statuses = [post(app, *callback(task_id)), post(app, *callback(task_id, "guessed"))]
    app.close()

    assert statuses == [200, 401]
    assert capsys.readouterr().out.startswith(f"{task_id} success http")


def test_the_flask_example_receives(task_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It compiles everywhere, and runs where Flask is installed."""
    code = python("Flask")
    pytest.importorskip("flask")
    namespace: Dict[str, Any] = {"__name__": "page"}
    exec(code, namespace)

    assert [post(namespace["app"], *callback(task_id)), post(namespace["app"], *callback(task_id, "no"))] == [200, 401]
    assert capsys.readouterr().out.startswith(f"{task_id} success http")


def test_the_django_example_receives(task_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It compiles everywhere, and runs where Django is installed, with the middleware that it opts out of."""
    code = python("Django")
    pytest.importorskip("django")
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    namespace: Dict[str, Any] = {"__name__": "page"}
    exec(code, namespace)
    urls = type("urls", (), {"urlpatterns": [path("kie", namespace["kie"])]})
    settings.configure(
        ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], SECRET_KEY="x", MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"]
    )
    django.setup()
    app = get_wsgi_application()

    assert [post(app, *callback(task_id)), post(app, *callback(task_id, "guessed"))] == [200, 401]
    assert capsys.readouterr().out.startswith(f"{task_id} success http")


def test_the_example_of_a_queue_works(task_id: str) -> None:
    namespace: Dict[str, Any] = {}
    exec(python("Plain WSGI"), namespace)
    namespace["client"] = namespace["KieClient"]()
    exec(python("A queue of your own"), namespace)

    assert namespace["work"](namespace["receive"](*callback(task_id))) == "success"
    namespace["client"].close()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_tables_are_complete(page: str) -> None:
    text = PAGES[page]
    attributes = {part.name for part in fields(Delivery)} | {
        name for name, value in vars(Delivery).items() if isinstance(value, property)
    }

    def rows(names: Any) -> List[str]:
        return [name for name in names if f"\n| `{name}` | " not in text]

    assert rows(attributes) == rows(REASONS) == rows(name for name in FAULTS if name.startswith("callback-")) == []


def test_both_languages_have_the_same_code() -> None:
    assert blocks("docs/callbacks.md") == blocks("docs/zh/callbacks.md")
