"""Row 2e: a paced answer in each shape of chat, plain and gzip'd: how late a piece is in the caller's hands.

The other side is a raw socket that reads the same stream in the same run; the two take turns. Both clocks are the
machine's monotonic one. A shape whose codec is not there is left out, and says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import socket
import statistics
import tempfile
import time
import zlib
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

from paced_shapes import PATHS
from served import served

from kie_sync import KieAdapter, KieClient
from kie_sync.catalog import read_catalog

_LEFT = re.compile(rb"left=([0-9.]+);")
# The endpoint that serves a shape; an entry of our own for each, so that no model's facts play a part.
_ENDPOINTS = {
    "chat-completions": "kie-chat",
    "anthropic-messages": "kie-claude",
    "openai-responses": "kie-codex",
    "gemini-contents": "kie-gemini",
}
_ENTRY = """
  paced-{shape}:
    title: Paced
    kind: chat
    endpoint: {endpoint}
    source: this benchmark
    checked: 2026-11-22
    parameters: {{messages: {{type: list, required: true, min_items: 1, items: {{type: object}}}}}}
    price: {{unit: 1m_tokens, credits: {{input: 1, output: 1}}, source: this benchmark, checked: 2026-11-22}}
"""


def raw_lags(port: int, shape: str, packing: str, count: int) -> List[float]:
    """Bytes of a socket, taken out of their chunks, and unpacked."""
    body = f'{{"ask": "{packing} {count}"}}'.encode()
    head = f"POST {PATHS[shape]} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    unpack = zlib.decompressobj(wbits=31).decompress if packing == "gzip" else bytes
    found: List[float] = []
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(head + body)
        for piece in _chunks(link):
            found += [time.monotonic() - float(left) for left in _LEFT.findall(unpack(piece))]
            if len(found) >= count:
                break
    return found[:count]


def _chunks(link: socket.socket) -> Iterator[bytes]:
    data = link.recv(65536)
    while b"\r\n\r\n" not in data:
        data += link.recv(65536)
    data = data.partition(b"\r\n\r\n")[2]
    while True:
        size, end, rest = data.partition(b"\r\n")
        if end and len(rest) >= int(size, 16) + 2:
            length = int(size, 16)
            yield rest[:length]
            data = rest[length + 2 :]
        else:
            data += link.recv(65536)


def our_lags(adapter: KieAdapter, packing: str, count: int) -> List[float]:
    """The pieces of `chat(stream=True)`, as a caller gets them."""
    found = []
    with adapter.chat(f"{packing} {count}", stream=True) as stream:
        for chunk in stream:
            text = chunk.choices[0].delta.content
            if text:
                found += [time.monotonic() - float(left) for left in _LEFT.findall(text.encode())]
    if len(found) != count:
        raise SystemExit(f"{adapter.model.id}: {len(found)} of {count} pieces came")
    return found


def measure(
    readers: Dict[str, Callable[[str, int], List[float]]], packing: str, count: int, rounds: int
) -> Dict[str, List[float]]:
    """Each reader's lags over all rounds, in an order that turns."""
    taken: Dict[str, List[float]] = {name: [] for name in readers}
    names = list(readers)
    for number in range(rounds):
        for step in range(len(names)):
            name = names[(number + step) % len(names)]
            taken[name] += readers[name](packing, count)
    return taken


def middle_and_late(lags: List[float]) -> Tuple[float, float]:
    """The median and the 99th percentile, in ms."""
    ordered = sorted(lags)
    return statistics.median(ordered) * 1e3, ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)] * 1e3


def has_codec(shape: str) -> bool:
    return importlib.util.find_spec(f"kie_sync.shapes.{shape.replace('-', '_')}") is not None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--events", type=int, default=100)
    asked = parser.parse_args()
    shapes = [shape for shape in _ENDPOINTS if has_codec(shape)]
    with tempfile.TemporaryDirectory() as folder, served() as port:
        path = Path(folder) / "paced.yaml"
        entries = "".join(_ENTRY.format(shape=shape, endpoint=_ENDPOINTS[shape]) for shape in shapes)
        path.write_text(f"models:{entries}", encoding="utf-8")
        client = KieClient(api_key="k", base_url=f"http://127.0.0.1:{port}", catalog=read_catalog(path), limiter=False)
        print(f"2e one piece each 20 ms, {asked.events} pieces, {asked.rounds} rounds: from leaving the server, in ms")
        print(f"  {'':<36}{'raw socket':>18}{'kie_sync':>18}{'over raw':>12}")
        print(f"  {'':<36}{'median / p99':>18}{'median / p99':>18}{'median':>12}")
        for shape in shapes:
            adapter = KieAdapter(client, f"paced-{shape}")
            our_lags(adapter, "plain", 3)
            for packing in ("plain", "gzip"):
                taken = measure(
                    {
                        "raw": lambda packing, count, shape=shape: raw_lags(port, shape, packing, count),
                        "ours": lambda packing, count, adapter=adapter: our_lags(adapter, packing, count),
                    },
                    packing,
                    asked.events,
                    asked.rounds,
                )
                raw, ours = middle_and_late(taken["raw"]), middle_and_late(taken["ours"])
                cells = "".join(f"{middle:>10.2f} /{late:6.2f}" for middle, late in (raw, ours))
                print(f"  {shape + ', chunked ' + packing:<36}{cells}{ours[0] - raw[0]:>12.2f}")
        client.close()
    for shape in sorted(set(_ENDPOINTS) - set(shapes)):
        print(f"  {shape}: there is no codec")


if __name__ == "__main__":
    main()
