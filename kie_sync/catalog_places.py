"""Which catalog files are in force, and in which order; the last one wins.

1. the shipped `models.yaml` and what it includes;
2. every `*.yaml` and `*.yml` in the user's own folder, by name;
3. the files that `KIE_CATALOG` names; `KIE_CATALOG=off` leaves the user's folder aside as well;
4. the files that are given: `--catalog`, `load_catalog(...)`.

Loaded at every start, so it imports nothing that is heavy.
"""

from __future__ import annotations

import os
import sys
from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import List, Tuple, Union

CATALOG_VARIABLE = "KIE_CATALOG"
OFF = "off"
GIVEN = "given"
# Where commands write what a user adds and changes, when they are not told another file.
OWN_FILE = "my-models.yaml"
_ENDINGS = (".yaml", ".yml")

# A catalog file that is laid over those before it; `why` says in words who named it.
Layer = namedtuple("Layer", ("path", "why"))


def settings_folder(variable: str, *fallback: str) -> str:
    """The folder of this user for a sort of settings: on Windows and macOS one for all of them, else as XDG says."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support")
    # A relative value counts as not set (XDG Base Directory Specification).
    named = os.environ.get(variable, "")
    return named if os.path.isabs(named) else os.path.join(home, *fallback)


def user_folder() -> Path:
    """Where a user's own catalog files are, for every call and every run."""
    from pathlib import Path

    return Path(_user_folder())


def own_file() -> Path:
    """The user's own file, which commands write into."""
    return user_folder() / OWN_FILE


def is_off() -> bool:
    """Whether `KIE_CATALOG` says that only the shipped files, and those given, count."""
    return os.environ.get(CATALOG_VARIABLE, "").strip().lower() == OFF


def layers(*given: Union[str, Path], use_environment: bool = True) -> Tuple[Layer, ...]:
    """The files over the shipped ones, in order.

    Args:
        given: what the caller names; they come last.
        use_environment: also the user's folder, and what `KIE_CATALOG` names.

    Raises:
        KieConfigError: the user's folder cannot be read.
    """
    found: List[Layer] = []
    if use_environment and not is_off():
        found += [Layer(path, "your own folder") for path in _own_files(_user_folder())]
        named = os.environ.get(CATALOG_VARIABLE, "").split(os.pathsep)
        found += [Layer(part, CATALOG_VARIABLE) for part in named if part]
    return (*found, *(Layer(os.fspath(path), GIVEN) for path in given))


def _user_folder() -> str:
    return os.path.join(settings_folder("XDG_CONFIG_HOME", ".config"), "kie-sync")


def _own_files(folder: str) -> List[str]:
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        from .errors import KieConfigError

        message = f"the folder of your own catalog files, {folder}, cannot be read: {error.strerror or error}"
        raise KieConfigError(f"{message}; {CATALOG_VARIABLE}={OFF} goes on without it") from error
    # What begins with a dot is an editor's or a file manager's own.
    paths = [os.path.join(folder, name) for name in names if name.endswith(_ENDINGS) and not name.startswith(".")]
    return [path for path in paths if os.path.isfile(path)]
