"""Rows 2a-2d: server-sent events over the project's own transport, beside a raw socket."""

from __future__ import annotations

import json
import socket
import statistics
import time
from typing import Callable, Iterator, List, Union

from served import served
from side_by_side import cpu_seconds, interleave, ratio, report, rounds_asked_for

from kie_sync.config import ApiKey
from kie_sync.request import Request
from kie_sync.sse import read_events
from kie_sync.transport import HttpTransport

ROUNDS = rounds_asked_for(7)
Data = Union[str, bytes]


def raw_lines(port: int, path: str) -> Iterator[Data]:
    """The least that can be done: bytes of a socket, cut at line ends; chunk sizes fall out as lines of no event."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        rest = b""
        while True:
            piece = link.recv(65536)
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"data: "):
                    yield line[6:]
                    if line == b"data: [DONE]":
                        return
            if not piece:
                return


def our_events(transport: HttpTransport, port: int, path: str) -> Iterator[Data]:
    """Through `HttpTransport` and `kie_sync.sse`, as a chat stream goes."""
    request = Request("GET", f"http://127.0.0.1:{port}{path}", wants_stream=True)
    response = transport(request, key=ApiKey("k"), timeout_s=(5, 60))
    assert response.chunks is not None
    for event in read_events(response.chunks):
        yield event.data
        if event.data == "[DONE]":
            return


def parse_all(events: Iterator[Data]) -> int:
    count = 0
    for data in events:
        if data not in ("[DONE]", b"[DONE]"):
            json.loads(data)
            count += 1
    return count


def timed(
    events: Callable[[], Iterator[Data]], clock: Callable[[], float], *, per_event: bool = True
) -> Callable[[], float]:
    def run() -> float:
        began = clock()
        count = parse_all(events())
        return (clock() - began) / (count if per_event else 1)

    return run


def latencies(events: Iterator[Data]) -> List[float]:
    """Seconds from leaving the server to arriving; both clocks are the machine's monotonic one."""
    return [time.monotonic() - json.loads(data)["left"] for data in events if data not in ("[DONE]", b"[DONE]")]


def main() -> None:
    transport = HttpTransport()
    with served() as port:
        for row, path, target in (
            ("2a one event per HTTP chunk", "/single", 2.5),
            ("2b 80 events per HTTP chunk", "/grouped", 1.7),
            ("2b no length, closed at the end", "/closed", 1.7),
        ):
            taken = interleave(
                {
                    "raw socket and json.loads": timed(lambda path=path: raw_lines(port, path), cpu_seconds),
                    "kie_sync": timed(lambda path=path: our_events(transport, port, path), cpu_seconds),
                },
                ROUNDS,
            )
            report(
                f"{row}, processor time of an event",
                taken,
                "raw socket and json.loads",
                {"kie_sync": target},
                unit="us",
            )

        raw = latencies(raw_lines(port, "/paced"))
        ours = latencies(our_events(transport, port, "/paced"))
        slowest = sorted(ours)[int(len(ours) * 0.99) - 1]
        times = statistics.median(ours) / statistics.median(raw)
        verdict = "met" if times <= 2 and slowest < 0.01 else "MISSED"
        print("\n2c latency at a pace of 20 ms (target: median x <= 2, p99 < 10 ms)")
        middle, raw_middle = statistics.median(ours) * 1e3, statistics.median(raw) * 1e3
        print(f"  raw {raw_middle:.2f} ms, kie_sync {middle:.2f} ms  x {times:.2f}")
        print(f"  p99 {slowest * 1e3:.2f} ms: {verdict}")

        taken = interleave(
            {
                "1 MiB event": timed(lambda: our_events(transport, port, "/big1"), time.perf_counter, per_event=False),
                "5 MiB event": timed(lambda: our_events(transport, port, "/big5"), time.perf_counter, per_event=False),
            },
            ROUNDS,
        )
        report("2d big events in pieces of 512 bytes", taken, "1 MiB event", {"5 MiB event": 7})
        print(f"  5 MiB: target <= 50 ms; ratio {ratio(taken['5 MiB event'], taken['1 MiB event']):.2f}")
    transport.close()


if __name__ == "__main__":
    main()
