"""`load_catalog`: the catalog of this machine, from its stored form while nothing has changed.

YAML is read, and a user's files are checked, only when a file's content has changed since. A built package brings
the stored form of the shipped catalog along; everything else is kept in the user's cache folder, a file for each set
of catalog files. A stored form counts only when it is whole, of this version, the user's own, and writable by nobody
else. `KIE_CATALOG_CACHE` names another folder, or is "off": then the YAML is read at each start.

Loaded at every start, so it imports nothing that is heavy.
"""

from __future__ import annotations

import os
import sys

from . import __version__
from .catalog_data import SCHEMA_FILE, data_folder
from .catalog_places import CATALOG_VARIABLE as CATALOG_VARIABLE
from .catalog_places import layers
from .catalog_sources import digest_of, is_unchanged
from .catalog_stored import StoredCatalog, digest, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Dict, List, Optional, Sequence, Union

    from .catalog import Catalog

CACHE_VARIABLE = "KIE_CATALOG_CACHE"
STORED_FILE = "catalog.stored"


def load_catalog(*paths: Union[str, Path], use_environment: bool = True) -> Catalog:
    """Read the shipped model catalog, and lay a user's own files over it.

    Args:
        paths: further YAML files; the last one wins.
        use_environment: before `paths`, also read what is in the user's own folder, and what `KIE_CATALOG` names
            (`KIE_CATALOG=off`: neither).

    Raises:
        KieConfigError: a file cannot be read.
    """
    files = [layer.path for layer in layers(*paths, use_environment=use_environment)]
    folder = cache_folder()
    if folder is None:
        return _read(files)
    root = data_folder()
    if not files and root is not None:
        shipped = _find(os.path.join(root, STORED_FILE), root, files, is_ours=True)
        if shipped is not None:
            return shipped
    file = os.path.join(folder, f"catalog-{_key(root, files)}")
    return _find(file, root, files) or _read(files, file)


def cache_folder() -> Optional[str]:
    """Where stored catalogs are kept; None where `KIE_CATALOG_CACHE` is "off"."""
    named = os.environ.get(CACHE_VARIABLE, "").strip()
    if named.lower() == "off":
        return None
    if named:
        return os.path.expanduser(named)
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    else:
        # A relative value counts as not set (XDG Base Directory Specification).
        cache_home = os.environ.get("XDG_CACHE_HOME", "")
        base = cache_home if os.path.isabs(cache_home) else os.path.join(home, ".cache")
    return os.path.join(base, "kie_sync")


def _read(files: Sequence[str], store_in: str = "") -> Catalog:
    """The catalog from its YAML; stored where nothing is wrong with it."""
    from .catalog import read_catalog

    catalog = read_catalog(*files)
    if store_in and not catalog.errors:
        from .catalog_cache import store_catalog

        store_catalog(catalog, store_in)
    return catalog


def _find(file: str, root: Optional[str], files: Sequence[str], *, is_ours: bool = False) -> Optional[Catalog]:
    """The catalog that is stored in a file; None where it is not there, not to be trusted, or not of these files."""
    try:
        with open(file, "rb") as stream:
            if not (is_ours or _is_own(os.fstat(stream.fileno()))):
                return None
            found = unpack(stream.read())
        if found is None or not _is_current(found[0], root, files):
            return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    # `catalog` registers the class as one of its own; it is not loaded for that.
    stored: Catalog = StoredCatalog(*found, build=_build, read=lambda: _read(files))  # type: ignore[assignment]
    return stored


def _build(ids: List[str], lines: List[bytes]) -> Catalog:
    from .catalog_cache import build_catalog

    return build_catalog(ids, lines)


def _is_own(status: os.stat_result) -> bool:
    """Whether only this user can have written a file: it says where keys go."""
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def _is_current(head: Dict[str, Any], root: Optional[str], files: Sequence[str]) -> bool:
    if root is None or head["version"] != __version__ or len(head["sources"]) != 1 + len(files):
        return False
    if digest_of(os.path.join(root, SCHEMA_FILE)) != head["schema"]:
        return False
    firsts = [os.path.join(root, "models.yaml"), *files]
    return all(
        is_unchanged(first, source["patterns"], source["files"]) for source, first in zip(head["sources"], firsts)
    )


def _key(root: Optional[str], files: Sequence[str]) -> str:
    """Names a set of files: by their places, and by the names that messages give them."""
    named = [str(root), *(part for file in files for part in (file, os.path.abspath(file)))]
    return digest("\0".join(named).encode("utf-8", "surrogateescape"))
