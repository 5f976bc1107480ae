"""What may be sent again, and what an answer without a usable body means.

Questions that cost nothing are sent again on connection faults, 5xx and 429. Paid calls are sent again
only on 429 and where no connection was made: the platform has no idempotency key.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import Any, Callable, ContextManager, Dict, Iterator, Optional, Tuple, Type

from .clock import Clock
from .config import ApiKey, Settings, origin
from .definitions import Provider
from .errors import (
    KieAPIError,
    KieConfigError,
    KieConnectionError,
    KieOutcomeUnknownError,
    KieRateLimitError,
    KieServerError,
)
from .refusals import LOOK_FIRST, read_refusal, unreadable
from .request import Request
from .response import Response
from .transport import Lost, NeverSent, Transport

logger = logging.getLogger("kie_sync")


class Sender:
    """Sends a request, again where that is safe, and raises the platform's refusals."""

    def __init__(self, transport: Transport, settings: Settings, clock: Clock, *, attempts: int = 5) -> None:
        self._transport, self._settings, self._clock, self._attempts = transport, settings, clock, attempts

    def send(
        self,
        request: Request,
        provider: Optional[Provider],
        *,
        attempts: Optional[int] = None,
        longest_s: float = float("inf"),
        pausing: Callable[[KieAPIError, float], ContextManager[None]] = lambda error, pause_s: nullcontext(),
    ) -> Response:
        """Send, and give an answer that is not a refusal.

        Args:
            attempts: how often at most.
            longest_s: how long at most to wait for a connection, and for an answer.
            pausing: entered for each pause before it is sent again, with what went wrong and the seconds.

        Raises:
            KieAPIError: the platform refused; the class says why.
            KieConnectionError: no connection could be made, or nothing intelligible came back.
            KieOutcomeUnknownError: the same of a paid call that may have been accepted.
        """
        import backoff

        waits = backoff.expo(base=2, factor=1, max_value=30)
        next(waits, None)
        last = attempts or self._attempts
        for attempt in range(1, last + 1):
            key = self._key_for(request, provider)
            try:
                return self._send_once(request, key, longest_s)
            except KieAPIError as error:
                if isinstance(error, KieRateLimitError) and provider is not None and is_create(request):
                    error = _with_limit(error, provider)
                if key is not None:
                    key.hide_in(error)
                if attempt == last or not may_send_again(request, error):
                    raise
                pause = error.retry_after
                if pause is None:
                    pause = _with_jitter(float(next(waits)), is_limit=isinstance(error, KieRateLimitError))
                logger.info("%s %s: %s; again in %.1f s", request.method, request.url, error.message, pause)
                with pausing(error, pause):
                    self._clock.sleep(pause)
        raise AssertionError("unreachable")  # pragma: no cover  (the last attempt returns or raises)

    def hide_key(self, error: BaseException, provider: Provider) -> None:
        """Mask the provider's key in an error made of what the provider answered."""
        self._settings.key(provider).hide_in(error)

    def _send_once(self, request: Request, key: Optional[ApiKey], longest_s: float) -> Response:
        timeouts = self._settings.timeouts
        read_s = timeouts.chat_s if request.is_chat else timeouts.read_s
        try:
            response = self._transport(
                request, key=key, timeout_s=(min(timeouts.connect_s, longest_s), min(read_s, longest_s))
            )
            if not request.provider:
                return response
            if request.wants_stream and response.chunks is not None:
                response = _peek(response)
        except NeverSent as error:
            raise KieConnectionError(f"{error}; nothing was sent", method=request.method, url=request.url) from error
        except Lost as error:
            raise _lost(request, str(error)) from error
        if response.chunks is not None:
            return response
        try:
            refusal = read_refusal(response, is_paid=request.is_paid)
        except ValueError as error:
            raise unreadable(response, is_paid=request.is_paid, reason=_reason(response, error)) from error
        if refusal is not None:
            raise refusal
        return response

    def _key_for(self, request: Request, provider: Optional[Provider]) -> Optional[ApiKey]:
        if provider is None:
            return None
        own = {origin(self._settings.base_url(provider)), origin(self._settings.upload_url(provider))}
        if origin(request.url) not in own:
            raise KieConfigError(
                f"the key of {provider.title} goes to its own hosts only, not to {origin(request.url)[1]}"
            )
        return self._settings.key(provider)


def is_create(request: Request) -> bool:
    """Whether it makes a task: the other call that is paid is a chat."""
    return request.is_paid and not request.is_chat


def _with_limit(error: KieRateLimitError, provider: Provider) -> KieRateLimitError:
    """The same with the limit that the catalog knows: it is one of new tasks, not of chats or questions."""
    if provider.creates:
        error.message += f" ({provider.title} takes {provider.creates} new tasks in {provider.per_seconds} s)"
        error.args = (error.message,)
    return error


def may_send_again(request: Request, error: KieAPIError) -> bool:
    """Whether sending once more is safe, and may help."""
    if isinstance(error.__cause__, NeverSent):
        return not error.__cause__.is_final
    if isinstance(error, KieRateLimitError) and error.status_code == 429:
        return True
    if request.is_paid:
        # Also under code 430, and the words "call frequency is too high" under another code: the platform's pages say
        # of 429 alone that the call is rejected, not queued (docs.kie.ai, getting started, 2026-08). 430 stands on
        # older pages only, and nobody has recorded what became of a task under it.
        return False
    retried: Tuple[Type[KieAPIError], ...] = (KieConnectionError, KieServerError, KieRateLimitError)
    return isinstance(error, retried)


def _with_jitter(pause: float, *, is_limit: bool) -> float:
    """Half of the pause, and a random part of the other half; a limit of so many per 10 s wants longer ones."""
    import backoff

    whole = pause * 2.5 if is_limit else pause
    return whole / 2 + float(backoff.full_jitter(whole / 2))


def _lost(request: Request, reason: str) -> KieConnectionError:
    about: Dict[str, Any] = {"method": request.method, "url": request.url}
    if request.is_paid:
        return KieOutcomeUnknownError(
            f"{reason}: it is not known whether the call was accepted and paid; it was not sent again. {LOOK_FIRST}",
            **about,
        )
    return KieConnectionError(reason, **about)


def _reason(response: Response, error: ValueError) -> str:
    if 300 <= response.status < 400:
        return "a redirect, which no key follows"
    return "not JSON" if type(error).__name__ in ("JSONDecodeError", "UnicodeDecodeError") else str(error)


def _peek(response: Response) -> Response:
    """Look at a stream's first byte: JSON there, or a bad status, means that this is no stream of events."""
    assert response.chunks is not None
    chunks = response.chunks
    first = b""
    for piece in chunks:
        first += piece
        if first.lstrip(b"\xef\xbb\xbf \t\r\n"):
            break
    start = first.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    is_events = response.status == 200 and start not in (b"{", b"[", b"<")
    if is_events and start:
        return Response(
            response.status, b"", response.headers, response.method, response.url, _chain(first, chunks), response.close
        )
    return Response(response.status, first + b"".join(chunks), response.headers, response.method, response.url)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
