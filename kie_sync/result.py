"""What a finished task made: files to fetch, or data; and its price."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Union

from .errors import KieTaskError
from .pricing import CostEstimate


@dataclass(frozen=True)
class Result:
    """What a finished task made.

    Answers to names and to keys: `result.urls` and `result["image_urls"]`, `result["video_url"]`.

    Attributes:
        result: what sort of files they are: image, video, audio, or none.
        urls: the files' URLs; they expire, plan on 24 hours.
        data: the platform's whole result, for what is not a file.
        cost: the customer's price.
        credits_consumed: what the platform says it took, None if it did not say.
        duration_s: seconds from the task's creation to its end, as the platform tells.
        arguments: what was given, under canonical names.
    """

    model: str
    task_id: str
    result: str
    urls: Tuple[str, ...]
    cost: CostEstimate
    credits_consumed: Optional[Decimal] = None
    duration_s: Optional[float] = None
    state: str = "success"
    data: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    _save: Optional[Callable[[Result, Union[str, Path]], List[Path]]] = field(default=None, compare=False, repr=False)

    @property
    def url(self) -> Optional[str]:
        """The first file's URL."""
        return self.urls[0] if self.urls else None

    def keys(self) -> List[str]:
        """The keys that `[...]` knows."""
        kind = [f"{self.result}_url", f"{self.result}_urls"] if self.result in ("image", "video", "audio") else []
        own = ["urls", "url", "task_id", "model", "state", "cost", "credits_consumed", "duration_s"]
        return [*kind, *own, *(key for key in self.data if key not in kind and key not in own)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __getitem__(self, key: str) -> Any:
        if key == f"{self.result}_urls":
            return list(self.urls)
        if key == f"{self.result}_url":
            return self.url
        if key == "urls":
            return list(self.urls)
        if key in ("url", "task_id", "model", "state", "cost", "credits_consumed", "duration_s"):
            return getattr(self, key)
        if key in self.data:
            return self.data[key]
        raise KeyError(f"{key}; there are: {', '.join(self.keys())}")

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def save(self, path: Union[str, Path]) -> List[Path]:
        """Fetch the files: to this file, into this folder, or to a pattern. Returns where they are.

        Nothing is overwritten: where the name is taken, the next free number is added to it. Every error has
        `task_id`: the result is paid, and can be fetched again.

        Args:
            path: a file; a folder, which exists or ends with a slash; or a pattern such as
                `out/{model}-{task_id}-{n}.{ext}`.

        Raises:
            KieInputError: there can be no file there.
            KieNotFoundError: the link has expired, and the platform gives no fresh one.
            KieConnectionError: the file could not be fetched whole.
            KieSaveError: it could not be written here.
        """
        if self._save is None:
            raise KieTaskError(
                "this result came without a connection; use client.download(url, path)",
                task_id=self.task_id,
                model=self.model,
            )
        return self._save(self, path)

    def to_dict(self) -> Dict[str, Any]:
        """As JSON can hold it; amounts are text."""
        return {
            "model": self.model,
            "task_id": self.task_id,
            "state": self.state,
            "urls": list(self.urls),
            "credits_consumed": None if self.credits_consumed is None else str(self.credits_consumed),
            "duration_s": self.duration_s,
            "cost": self.cost.to_dict(),
            "data": dict(self.data),
        }

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_save": None}
