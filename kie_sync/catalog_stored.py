"""A catalog that was checked once, as it is stored: JSON, a line for each model, read when the model is asked for.

    kie_sync catalog 1 DIGEST      of all that follows
    {...}                          head: version, files and their digests, model ids, warnings
    {...}                          all sections but `models`
    {...}                          one model, completed by what it extends; as many lines as models

Nothing here is heavy, for this is what every start reads: no YAML, no schema, no dataclass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

try:  # hashlib loads OpenSSL, which costs a third of a bare start
    from _blake2 import blake2b
except ImportError:  # pragma: no cover  (a Python without it)
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Type

    from .errors import CatalogProblem

MAGIC = b"kie_sync catalog 1 "
# A number with its digits; JSON's own would become a float.
DECIMAL = "$decimal"
_SHARED = ("money", "providers", "endpoints", "tariffs", "plans", "aliases", "default_tariff")


def digest(data: bytes) -> str:
    """What tells one content from every other."""
    return blake2b(data, digest_size=20).hexdigest()


def pack(head: Dict[str, Any], sections: str, models: List[str]) -> bytes:
    """What is written to a file."""
    rest = "\n".join([json.dumps(head), sections, *models]).encode("ascii")
    return MAGIC + digest(rest).encode("ascii") + b"\n" + rest


def unpack(data: bytes) -> Optional[Tuple[Dict[str, Any], List[bytes]]]:
    """The head, and the lines after it; None where the data are not whole, or of another form."""
    first, _, rest = data.partition(b"\n")
    if first != MAGIC + digest(rest).encode("ascii"):
        return None
    head, *lines = rest.split(b"\n")
    return json.loads(head), lines


class StoredCatalog(Mapping):  # type: ignore[type-arg]
    """Stands for a `Catalog` without errors: reads of it only what is asked for.

    Args:
        head, lines: as `unpack` gives them.
        build: gives the catalog of these lines, without the places of things.
        read: gives the catalog as its YAML files say it; asked for places, and for what went wrong.
    """

    def __init__(
        self,
        head: Dict[str, Any],
        lines: List[bytes],
        *,
        build: Callable[[List[str], List[bytes]], Any],
        read: Callable[[], Any],
    ) -> None:
        self._head, self._lines, self._build, self._read = head, lines, build, read
        self._ids: Dict[str, None] = dict.fromkeys(head["models"])
        self._built: Any = None
        self._as_read: Any = None
        self._problems: Optional[Tuple[CatalogProblem, ...]] = None

    def __getitem__(self, model_id: str) -> Any:
        if model_id in self._ids:
            try:
                return self._plain()[model_id]
            except _catalog_error():
                pass  # told with its place by what stands in the files
        return self._whole()[model_id]

    def __contains__(self, model_id: object) -> bool:
        return model_id in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def __repr__(self) -> str:
        return f"Catalog({len(self)} models)"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._plain() if name in _SHARED else self._whole(), name)

    @property
    def problems(self) -> Tuple[CatalogProblem, ...]:
        """The warnings; a catalog with errors is not stored."""
        if self._problems is None:
            found: Any = self._head["problems"]
            if found:
                from .errors import CatalogProblem

                found = [CatalogProblem(**problem) for problem in found]
            self._problems = tuple(found)
        return self._problems

    @property
    def errors(self) -> Tuple[CatalogProblem, ...]:
        """None: a catalog with errors is not stored."""
        return ()

    def _plain(self) -> Any:
        if self._built is None:
            self._built = self._build(self._head["models"], self._lines)
        return self._built

    def _whole(self) -> Any:
        if self._as_read is None:
            self._as_read = self._read()
        return self._as_read


def _catalog_error() -> Type[Exception]:
    """The class, loaded only when something was raised."""
    from .errors import KieCatalogError

    return KieCatalogError
