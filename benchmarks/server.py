"""A server for the benchmarks, in a process of its own: prebuilt bytes, connections that stay open, nothing else.

Usage: python server.py  (prints its port, then serves until its stdin closes)
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import zlib
from typing import Dict, List, Tuple

from paced_shapes import SHAPES, shape_of

EVENTS = 20_000
PACED_EVENTS = 60
PACE_S = 0.02
# What a chat's message asks for: how the stream is packed, and how many pieces it has.
_ORDER = re.compile(rb"(plain|gzip) (\d+)")


def event(number: int, size: int = 60) -> bytes:
    """One chat chunk as the platform sends it, about 200 bytes."""
    delta = {"content": "x" * size}
    chunk = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": number,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


ENDING = b"data: [DONE]\n\n"
COMPLETION = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(COMPLETION)
) + COMPLETION
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSED_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def chunked(pieces: List[bytes]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def in_groups(events: List[bytes], size: int) -> List[bytes]:
    return [b"".join(events[start : start + size]) for start in range(0, len(events), size)]


def big(mebibytes: int) -> List[bytes]:
    """One event of so many MiB, in pieces of 512 bytes."""
    whole = event(1, mebibytes << 20) + ENDING
    return [whole[start : start + 512] for start in range(0, len(whole), 512)]


_EVENTS = [event(number) for number in range(EVENTS)] + [ENDING]
BODIES: Dict[str, Tuple[bytes, bytes]] = {
    "/single": (STREAM_HEAD, chunked(_EVENTS)),
    "/grouped": (STREAM_HEAD, chunked(in_groups(_EVENTS, 80))),
    "/closed": (CLOSED_HEAD, b"".join(_EVENTS)),
    "/big1": (STREAM_HEAD, chunked(big(1))),
    "/big5": (STREAM_HEAD, chunked(big(5))),
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            path = first.split(" ")[1].partition("?")[0]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            order = _ORDER.search(body)
            if path in BODIES:
                writer.writelines(BODIES[path])
            elif path == "/paced":
                await send_paced(writer)
            elif order and shape_of(path):
                await send_paced_shape(writer, shape_of(path), int(order[2]), is_gzip=order[1] == b"gzip")
            else:
                writer.write(ANSWER)
            await writer.drain()
            if path == "/closed":
                break
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        pass  # the client has gone, or the benchmark is over
    finally:
        writer.close()


async def send_paced(writer: asyncio.StreamWriter) -> None:
    """Each event on its own, at a fixed pace, saying when it left."""
    writer.write(STREAM_HEAD)
    for _ in range(PACED_EVENTS):
        await asyncio.sleep(PACE_S)
        loop_time = asyncio.get_running_loop().time()
        piece = b'data: {"left": %.9f}\n\n' % loop_time
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
    writer.write(chunked([ENDING]))


async def send_paced_shape(writer: asyncio.StreamWriter, shape: str, count: int, *, is_gzip: bool) -> None:
    """So many pieces of a chat's answer, each on its own, at a fixed pace; the text of each says when it left."""
    packer = zlib.compressobj(wbits=31)
    writer.write(STREAM_HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") if is_gzip else STREAM_HEAD)

    async def send(event: bytes) -> None:
        piece = packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH) if is_gzip else event
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()

    answer, texts = SHAPES[shape](), []
    for event in answer.opening:
        await send(event)
    for _ in range(count):
        await asyncio.sleep(PACE_S)
        texts.append(f"left={asyncio.get_running_loop().time():.9f};")
        await send(answer.piece(texts[-1]))
    for event in answer.ending("".join(texts)):
        await send(event)
    writer.write(b"0\r\n\r\n")


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
