"""Connections that are kept open: closed by the other side between two calls, or with more in them than asked for."""

from __future__ import annotations

import socket
from typing import Callable

import pytest
from wire import IMAGE, reset

from faults.proxy import Exchange, relay
from faults.world import World
from kie_sync import KieAdapter, KieOutcomeUnknownError

CREATE = "/api/v1/jobs/createTask"


def kept_open(then: Callable[[Exchange], None], extra: bytes = b"") -> Callable[[Exchange], None]:
    """Answer, keep the connection, and do this with it."""

    def act(exchange: Exchange) -> None:
        answer = exchange.forward().framed().replace(b"Connection: close", b"Connection: keep-alive")
        exchange.send(answer + extra)
        then(exchange)

    return act


def close_at_once(exchange: Exchange) -> None:
    exchange.connection.close()


def reset_at_once(exchange: Exchange) -> None:
    reset(exchange.connection)


def close_when_used(exchange: Exchange) -> None:
    exchange.connection.recv(1, socket.MSG_PEEK)
    exchange.connection.close()


def reset_when_used(exchange: Exchange) -> None:
    exchange.connection.recv(1, socket.MSG_PEEK)
    reset(exchange.connection)


def serve_next(exchange: Exchange) -> None:
    relay(Exchange(exchange.proxy, exchange.connection))


@pytest.mark.parametrize("then", [close_at_once, reset_at_once], ids=lambda then: then.__name__)
def test_a_connection_that_has_gone_is_not_used(world: World, then: Callable[[Exchange], None]) -> None:
    prompt = f"stale: {then.__name__}"
    client = world.client()
    world.proxy.arm(kept_open(then), times=1)
    client.credits()
    world.proxy.disarm()

    task = KieAdapter(client, IMAGE).submit(prompt)

    assert world.paid(prompt) == [task.task_id]
    assert [seen.path for seen in world.proxy.seen].count(CREATE) == 1


@pytest.mark.parametrize("then", [close_when_used, reset_when_used], ids=lambda then: then.__name__)
def test_a_paid_call_on_a_connection_that_goes_just_then_is_not_sent_again(
    world: World, then: Callable[[Exchange], None]
) -> None:
    """It may have been read: HTTP libraries that send it again on a new connection can buy twice."""
    prompt = f"stale: {then.__name__}"
    client = world.client()
    world.proxy.arm(kept_open(then), times=1)
    client.credits()
    connections = world.proxy.connections

    with pytest.raises(KieOutcomeUnknownError) as raised:
        KieAdapter(client, IMAGE).submit(prompt)

    assert (world.paid(prompt), world.proxy.connections) == ([], connections)
    assert [record.state for record in world.on_record()] == ["unknown"]
    assert world.leaks(raised.value) == []


@pytest.mark.parametrize("then", [close_when_used, reset_when_used], ids=lambda then: then.__name__)
def test_a_question_on_such_a_connection_is_asked_again(world: World, then: Callable[[Exchange], None]) -> None:
    client = world.client()
    world.proxy.arm(kept_open(then), times=1)

    assert client.credits() == client.credits()
    assert world.leaks() == []


def test_what_was_not_asked_for_is_nobodys_answer(world: World) -> None:
    """A second answer in the same packet: the next call must not take it for its own."""
    prompt = "two answers on a connection that stays"
    strange = b'{"code":200,"data":{"taskId":"not-yours"}}'
    extra = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(strange), strange)
    client = world.client()
    world.proxy.arm(kept_open(serve_next, extra), times=1)
    client.credits()
    world.proxy.arm(relay)

    task = KieAdapter(client, IMAGE).submit(prompt)

    assert [task.task_id] == world.paid(prompt)
