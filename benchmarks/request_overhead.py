"""Row 3: a chat call over a kept-alive connection, in processor time of the client."""

from __future__ import annotations

import http.client
import json
from typing import Callable

import requests
from served import served
from side_by_side import cpu_seconds, interleave, report, rounds_asked_for

from kie_sync import KieClient, load_catalog

ROUNDS = rounds_asked_for(11)
CALLS = 200


def timed(call: Callable[[], object]) -> Callable[[], float]:
    """Processor seconds of one call, over many."""

    def run() -> float:
        began = cpu_seconds()
        for _ in range(CALLS):
            call()
        return (cpu_seconds() - began) / CALLS

    return run


if __name__ == "__main__":
    with served() as port:
        base = f"http://127.0.0.1:{port}"
        catalog = load_catalog()
        model = next(
            m
            for m in catalog.values()
            if m.kind == "chat" and m.endpoint.provider.name == next(iter(catalog.providers))
        )
        messages = [{"role": "user", "content": "hello"}]
        body = {"model": model.slug, "messages": messages, "stream": False}
        headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", port)
        session = requests.Session()

        def by_http_client() -> object:
            connection.request("POST", "/chat", json.dumps(body).encode(), headers)
            return json.loads(connection.getresponse().read())

        with KieClient(api_key="k", base_url=base, catalog=catalog) as client:
            taken = interleave(
                {
                    "http.client": timed(by_http_client),
                    "requests.Session.post": timed(
                        lambda: session.post(base + "/chat", json=body, headers=headers).json()
                    ),
                    "KieClient.chat_completions": timed(lambda: client.chat_completions(model.id, messages)),
                },
                ROUNDS,
            )
        report("3 chat call", taken, "http.client", {"KieClient.chat_completions": 5}, unit="us")
