"""Python functions as tools of a chat: their schema, their arguments, their answers.

pydantic reads type hints and docstrings; it is loaded when the first function comes. A mapping in OpenAI's form may
carry its function under `call`; then its own schema counts, and jsonschema holds the arguments against it.
"""

from __future__ import annotations

import inspect
import json
import logging
import re
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, get_type_hints

from .errors import KieInputError, Problem
from .typed import adapter_of, check_value, faults_of, import_pydantic, schema_fault, told
from .values import show

logger = logging.getLogger("kie_sync")
CALL = "call"
# The wire's rule for names.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_LONGEST_FAULT = 300


@dataclass(frozen=True)
class Tool:
    """A tool that a model may call: its form on the wire, and the function behind it, if that is here."""

    wire: Any
    function: Optional[Callable[..., Any]] = None
    is_typed: bool = False

    @property
    def name(self) -> str:
        """The function's name; empty where the tool is none of the caller's own."""
        about = self.wire.get("function") if isinstance(self.wire, Mapping) else None
        return str(about.get("name") or "") if isinstance(about, Mapping) else ""

    def answer(self, arguments: Any) -> str:
        """Call the function; what goes wrong is told to the model in few words, and logged."""
        function = self.function
        if function is None:
            raise LookupError(self.name)
        try:
            positional, named = self._read(arguments)
        except ValueError as error:
            logger.warning("the model called %s with arguments that do not fit: %s", self.name, error)
            return _fault(f"the arguments of {self.name} do not fit: {error}")
        try:
            return text_of(function(*positional, **named))
        except Exception as error:
            logger.warning("the function %s failed; the model is told, and the run goes on", self.name, exc_info=error)
            return _fault(f"{self.name} failed: {type(error).__name__}: {error}")

    def _read(self, arguments: Any) -> Tuple[Sequence[Any], Mapping[str, Any]]:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        try:
            value = json.loads(text or "{}")
        except (ValueError, RecursionError) as error:
            raise ValueError(f"they are not JSON: {error}") from error
        if not isinstance(value, dict):
            raise ValueError("they are not a JSON object")
        if self.is_typed:
            from pydantic import ValidationError

            try:
                positional, named = _collector(self.function).validate_json(text or "{}")
            except ValidationError as error:
                raise ValueError(told(faults_of(error))) from error
            return positional, named
        check_value(self.wire["function"].get("parameters") or {}, value)
        return (), value


def read_tools(model: str, given: Any) -> List[Tool]:
    """The tools of a call: Python functions, or OpenAI's mappings with or without a function under `call`.

    Raises:
        KieInputError: a function that cannot be a tool; all of them are told.
        KieConfigError: a function, and pydantic is not installed.
    """
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    problems: List[Problem] = []
    tools: List[Tool] = []
    for number, one in enumerate(listed):
        where = f"tools[{number}]"
        try:
            tools.append(_tool(one, where))
        except ValueError as error:
            problems.append(Problem("type", where, f"{where}: {error}"))
    names = [tool.name for tool in tools if tool.name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(Problem("unique", "tools", f"tools: two have the name {name}; give each its own"))
    if problems:
        raise KieInputError(model, problems)
    return tools


def plain_tools(model: str, given: Any) -> Any:
    """The tools of a call as they go over the wire; what is no function stays as it is, and is checked as data."""
    listed = [given] if callable(given) else given
    if not isinstance(listed, (list, tuple)):
        return given
    if any(callable(one) or (isinstance(one, Mapping) and CALL in one) for one in listed):
        return [tool.wire for tool in read_tools(model, listed)]
    return given


def _tool(one: Any, where: str) -> Tool:
    if isinstance(one, Tool):
        return one
    if isinstance(one, Mapping):
        function = one.get(CALL)
        if CALL in one and not callable(function):
            raise ValueError(f"{CALL} must be a Python function; got {show(function)}")
        tool = Tool({name: value for name, value in one.items() if name != CALL}, function)
        if function is not None and not tool.name:
            raise ValueError(
                'a tool with a function needs a name, as in {"type": "function", "function": {"name": ...}}'
            )
        fault = schema_fault(tool.wire["function"].get("parameters") or {}) if function is not None else None
        if fault is not None:
            raise ValueError(f"the parameters of {tool.name} are no JSON Schema{fault}")
        return tool
    if not callable(one) or isinstance(one, type):
        raise ValueError(f"a tool is a Python function, or a mapping in OpenAI's form; got {show(one)}")
    return _typed_tool(one, where)


def _typed_tool(function: Callable[..., Any], where: str) -> Tool:
    import_pydantic(f"a Python function among the tools ({where})")
    name = str(getattr(function, "__name__", ""))
    if not _NAME.match(name):
        hint = f'give it a name with `def`, or {{"type": "function", "function": {{"name": ...}}, "{CALL}": ...}}'
        raise ValueError(f"{show(function)} has no name of letters, digits, _ and - (64 at most); {hint}")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ValueError(f"{name} is asynchronous, and would never be awaited; give a plain function")
    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    if kinds & {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL}:
        raise ValueError(f"{name} takes arguments by position alone; a model gives them by name")
    about: Dict[str, Any] = {"name": name, "parameters": _schema_of(function)}
    says = inspect.cleandoc(function.__doc__ or "").strip()
    described = {"name": name, **({"description": says} if says else {}), "parameters": about["parameters"]}
    return Tool({"type": "function", "function": described}, function, is_typed=True)


def _schema_of(function: Callable[..., Any]) -> Dict[str, Any]:
    from pydantic.errors import PydanticUserError

    try:
        return dict(_collector(function).json_schema())
    except (PydanticUserError, TypeError, NameError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{function.__name__}: pydantic makes no schema of its type hints: {reason}") from error


def _collector(function: Any) -> Any:
    """What checks arguments for a function, and hands them over instead of calling it."""

    def collect(*positional: Any, **named: Any) -> Any:
        return positional, named

    # By the names that the function itself sees; pydantic would look among ours.
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    known = [each.replace(annotation=hints.get(name, each.empty)) for name, each in signature.parameters.items()]
    collect.__annotations__ = hints
    collect.__signature__ = signature.replace(parameters=known)  # type: ignore[attr-defined]  # As inspect reads it.
    return adapter_of(collect)


def text_of(value: Any) -> str:
    """What a function gives back, as the text that a model reads: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    try:
        from pydantic_core import to_jsonable_python
    except ImportError:
        if is_dataclass(value) and not isinstance(value, type):
            return asdict(value)
        raise TypeError(f"{type(value).__name__} cannot be written as JSON") from None
    return to_jsonable_python(value)


def _fault(text: str) -> str:
    """What a model is told of a fault: no more than it needs to try again."""
    return "error: " + (text if len(text) <= _LONGEST_FAULT else text[: _LONGEST_FAULT - 3] + "...")


def unknown_name(name: str, known: Sequence[str]) -> str:
    """What a model is told that called a function which is not there."""
    logger.warning("the model called %s, which is none of its tools (%s)", show(name), ", ".join(known))
    return _fault(f"there is no function {show(name)}; there are: {', '.join(known)}")


def cut_off(name: str) -> str:
    """What a model is told of a call at the end of an answer that was too long."""
    logger.warning("the answer ended at its limit of length in a call of %s, which was not made", show(name))
    return _fault(f"the answer was cut off at its limit of length, perhaps in this call; {name} was not called")
