"""One task: from what it was asked, and the clock, follow its state, its record and its results."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from .answers import dumps

# Sandbox seconds from creation to the end, by what the model makes.
DURATIONS = {"image": 2.0, "video": 6.0, "audio": 3.0}
OTHER_DURATION = 2.0

WAITING, QUEUING, GENERATING, SUCCESS, FAIL = "waiting", "queuing", "generating", "success", "fail"


@dataclass(frozen=True)
class Task:
    """A task as it was accepted. Nothing in it changes: all else follows from the time."""

    id: str
    model: str
    input: Mapping[str, Any]
    credits: Decimal
    created: float
    duration: float
    result: str = "image"
    words: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    files: int = 1
    ending: str = ""
    callback: str = ""
    variants: Mapping[str, str] = field(default_factory=dict)
    magic: Tuple[str, ...] = ()

    @property
    def ends(self) -> float:
        return self.created if "skip-states" in self.variants else self.created + self.duration

    def is_known_at(self, now: float) -> bool:
        return now >= self.created + float(self.variants.get("null-first", 0))

    def state_at(self, now: float, variants: Optional[Mapping[str, str]] = None) -> str:
        variants = self.variants if variants is None else variants
        if now >= self.ends or "skip-states" in variants:
            return FAIL if "fail" in variants else SUCCESS
        done = (now - self.created) / self.duration
        if "unknown-state" in variants and done >= 0.25:
            return variants["unknown-state"] or "archiving"
        if "queuing" in variants and 0.2 <= done < 0.5:
            return QUEUING
        return WAITING if done < 0.25 else GENERATING

    def credits_at(self, now: float) -> Decimal:
        """Taken from the beginning, given back when the task has failed."""
        return Decimal(0) if self.state_at(now) == FAIL else self.credits

    def urls(self, base: str) -> List[str]:
        return [f"{base}/files/{self.id}/{number}.{self.ending}" for number in range(1, self.files + 1)]

    def record_at(
        self, now: float, variants: Mapping[str, str], base: str, unix_ms: Callable[[float], int]
    ) -> Dict[str, Any]:
        """`data` of recordInfo."""
        state = self.state_at(now, variants)
        ended = state in (SUCCESS, FAIL)
        code, message = None, None
        if state == FAIL:
            code, message = _failure(variants.get("fail", ""))
        seconds = self.ends - self.created
        return {
            "taskId": self.id,
            "model": self.model,
            "state": state,
            # The platform encodes the input twice.
            "param": dumps({"input": dumps(self.input), "model": self.model}),
            "resultJson": self._result(state, variants, base),
            "failCode": code,
            "failMsg": message,
            "costTime": (round(seconds * 1000) if "cost-ms" in variants else round(seconds)) if ended else None,
            "completeTime": unix_ms(self.ends) if ended else None,
            "createTime": unix_ms(self.created),
            "creditsConsumed": 0.0 if state == FAIL else float(self.credits),
        }

    def _result(self, state: str, variants: Mapping[str, str], base: str) -> Any:
        if "result-null" in variants:
            return None
        if state != SUCCESS:
            return ""
        if "result-malformed" in variants:
            return '{"resultUrls":["http'
        if not self.ending:
            value: Dict[str, Any] = {"resultObject": {"text": self.words, "model": self.model}}
        else:
            value = {"resultUrls": [] if "result-empty" in variants else self.urls(base)}
        return value if "result-object" in variants else dumps(value)


def _failure(text: str) -> Any:
    """Code and message of `fail=MESSAGE` or `fail=CODE|MESSAGE`."""
    code, bar, message = text.partition("|")
    if bar:
        return code, message
    return "500", text or "Internal error, please try again later"
