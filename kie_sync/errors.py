"""The error tree: everything that `kie_sync` raises on purpose.

    KieError
      KieCatalogError             the model catalog is wrong: file, line, column
      KieConfigError              no key, a bad URL, a bad setting
        KieJournalError           the journal cannot be read or written
        KieLedgerError            the ledger of accounts cannot be read or written
      KieInputError               the caller's arguments; also a ValueError
        KieUnknownModelError      also a KeyError
      KieBudgetError              refused before sending: a limit the caller set
      KieAccountError             refused before sending: the customer's account cannot pay
      KieToolRoundsError          a model that goes on calling tools: a limit the caller set
      KieAPIError                 the platform said no, or said nothing readable
        KieAuthenticationError         401, 403
        KieInsufficientBalanceError    402, 433, and "Credits insufficient" under any code
        KieNotFoundError               404, and a task that stays unknown
        KieValidationError             400, 422, and parameter faults under 500
        KieRateLimitError              429, 430
        KieServerError                 5xx, 455, 505
        KieConnectionError             nothing intelligible came back
          KieOutcomeUnknownError       a paid call may or may not have been accepted
        KieStreamError                 a stream that broke or ended early
        KieAnswerError                 a whole answer, paid, that is not in the form that was asked for
        KieTaskError                   a task exists: `task_id`, `model`
          KieTaskFailedError           the platform says that it failed
          KieSaveError                 made and paid, and its files could not be written here
          KieTaskTimeoutError          also a TimeoutError: we stopped watching, the task goes on

Values are attributes, the message is built from them, and every instance pickles.
No message, attribute or repr holds an API key.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Optional, Sequence, Tuple, Type, Union


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the caller's arguments.

    Attributes:
        kind: what sort of fault it is (`required`, `unknown`, `values`, `max_length`, ...).
        where: the parameter as the caller wrote it, with a path into nested items.
        message: the whole sentence, without the model's id.
        wire: the name on the wire of the parameter, where there is one.
    """

    kind: str
    where: str
    message: str
    wire: str = ""

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class CatalogProblem:
    """One thing wrong with the catalog, and where: lines and columns count from 1."""

    file: str
    line: int
    column: int
    path: str
    message: str
    model: str = ""
    is_warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}"
        label = "warning: " if self.is_warning else ""
        return f"{place}: {label}{self.path}: {self.message}" if self.path else f"{place}: {label}{self.message}"


def _restore(cls: Type[KieError], args: Tuple[Any, ...], state: dict[str, Any]) -> KieError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class KieError(Exception):
    """The root of the tree.

    Attributes:
        run: of what `run_tools` raises: the `ToolRun` so far, with all that was said and paid; None of anything else.
    """

    run: Any = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> Tuple[Any, ...]:
        return _restore, (type(self), self.args, dict(self.__dict__))


class KieCatalogError(KieError):
    """The catalog is wrong. `problems` has all of it; the other attributes are the first one's."""

    def __init__(self, problems: Sequence[CatalogProblem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        self.file, self.line, self.column, self.path = first.file, first.line, first.column, first.path
        super().__init__("\n".join(str(problem) for problem in self.problems))


class KieConfigError(KieError):
    """A setting is missing or wrong: the key, a URL, an extra that is not installed."""


class KieJournalError(KieConfigError):
    """The journal cannot be read or written. A call that could not be written down was not sent."""


class KieLedgerError(KieConfigError):
    """The ledger of accounts cannot be read or written. A call whose credits could not be held was not sent."""


class KieInputError(KieError, ValueError):
    """The arguments do not fit the model. Nothing was sent. `problems` names everything wrong."""

    def __init__(self, model: str, problems: Sequence[Problem]) -> None:
        self.model = model
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            message = f"{model}: {self.problems[0]}"
        else:
            listed = "\n".join(f"  - {problem}" for problem in self.problems)
            message = f"{model}: {len(self.problems)} things to put right:\n{listed}"
        super().__init__(message)


class KieUnknownModelError(KieInputError, KeyError):
    """No model of that id is in the catalog."""

    def __init__(self, model: str, hint: str) -> None:
        super().__init__(model, [Problem("unknown_model", "model", f"no such model in the catalog; {hint}")])


class KieBudgetError(KieError):
    """Refused before sending: the price passes a limit that the caller set.

    Attributes:
        credits: the estimated price in credits, None when it is unknown.
        limit: the limit in credits.
    """

    def __init__(self, message: str, *, credits: Optional[Decimal] = None, limit: Optional[Decimal] = None) -> None:
        super().__init__(message)
        self.credits = credits
        self.limit = limit


class KieAccountError(KieError):
    """Refused before sending: the account of the caller's customer cannot pay, or there is none.

    Attributes:
        account: its name in the ledger.
        needed: what would have been held, in the customer's credits; None when that is not known.
        available: what it has, without what is held; None where that was not asked for.
    """

    def __init__(
        self, message: str, *, account: str = "", needed: Optional[Decimal] = None, available: Optional[Decimal] = None
    ) -> None:
        super().__init__(message)
        self.account = account
        self.needed = needed
        self.available = available


class KieToolRoundsError(KieError):
    """The model still calls tools after `max_rounds` answers. `run_tools(error.run.messages, ...)` goes on."""


class KieAPIError(KieError):
    """The platform refused, failed, or could not be understood.

    Attributes:
        status_code: the code that decided, from the body where it has one, else HTTP's.
        code: the platform's own code or word, as it came.
        http_status: HTTP's own status; None when no answer came.
        method, url: of the request, without any key.
        retry_after: seconds that the server asked us to wait, if it did.
        task_id: the task concerned, once there is one.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: Optional[int] = None,
        code: Union[int, str, None] = None,
        http_status: Optional[int] = None,
        method: str = "",
        url: str = "",
        retry_after: Optional[float] = None,
        task_id: Optional[str] = None,
        model: Optional[str] = None,
    ) -> None:
        self.status_code = status_code
        self.code = status_code if code is None else code
        self.http_status = http_status
        self.method = method
        self.url = url
        self.retry_after = retry_after
        self.task_id = task_id
        self.model = model
        super().__init__(message)

    def about_task(self, task_id: str, model: Optional[str], message: str = "") -> KieAPIError:
        """The same error, which says what task it concerns; in other words where some are given."""
        self.task_id, self.model = task_id, model
        if message:
            self.message, self.args = message, (message,)
        return self

    def __str__(self) -> str:
        about = [f"code {self.status_code}"] if self.status_code is not None else []
        if self.method:
            about.append(f"{self.method} {self.url}")
        if self.task_id:
            about.append(f"task {self.task_id}")
        return f"{self.message} ({'; '.join(about)})" if about else self.message


class KieAuthenticationError(KieAPIError):
    """The key is wrong, lacks permission, or this address is not on its white-list."""


class KieInsufficientBalanceError(KieAPIError):
    """Not enough credits, or the key's own spending limit is reached."""


class KieNotFoundError(KieAPIError):
    """No such task or path."""


class KieValidationError(KieAPIError):
    """The platform does not accept the request."""


class KieRateLimitError(KieAPIError):
    """Too many calls; the call was refused, not queued."""


class KieServerError(KieAPIError):
    """The platform failed or is under maintenance, and said so."""


class KieConnectionError(KieAPIError):
    """Nothing intelligible came back."""


class KieOutcomeUnknownError(KieConnectionError):
    """A paid call may or may not have been accepted. It was not sent again."""


class KieStreamError(KieAPIError):
    """A stream broke or ended early.

    Attributes:
        partial: the text that had arrived.
        usage: what the platform had reported of tokens, None if nothing.
        cost: its price, a `CostEstimate`; unknown where the end of the answer was not told.
        credits_consumed: what the platform says it took, None if nothing.
    """

    def __init__(self, message: str, *, partial: str = "", usage: Any = None, cost: Any = None, **about: Any) -> None:
        self.credits_consumed = about.pop("credits_consumed", None)
        super().__init__(message, **about)
        self.partial, self.usage, self.cost = partial, usage, cost


class KieAnswerError(KieAPIError):
    """A whole answer that is not in the form that was asked for. It is paid.

    Attributes:
        completion: the answer.
        text: its text.
        cost: its price, a `CostEstimate`.
    """

    def __init__(self, message: str, *, completion: Any = None, **about: Any) -> None:
        super().__init__(message, **about)
        self.completion = completion
        self.text = getattr(completion, "text", "")
        self.cost = getattr(completion, "cost", None)


class KieTaskError(KieAPIError):
    """Something about a task that exists; `task_id` and `model` say which."""


class KieTaskFailedError(KieTaskError):
    """The platform says that the task failed: `fail_code` and `fail_msg` are its words."""

    def __init__(
        self, message: str, *, fail_code: Optional[str] = None, fail_msg: Optional[str] = None, **about: Any
    ) -> None:
        super().__init__(message, **about)
        self.fail_code = fail_code
        self.fail_msg = fail_msg


class KieSaveError(KieTaskError):
    """The task is done and paid, and its files could not be written here: a full disk, a folder without rights.

    Nothing needs to be bought again: `adapter.task(task_id).wait().save(...)` fetches them. The `OSError` is its cause.
    """


class KieTaskTimeoutError(KieTaskError, TimeoutError):
    """We stopped watching; the task goes on, and is paid. Wait again with its `task_id`."""
