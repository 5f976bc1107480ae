"""What the catalog says, as frozen values: the words of models.yaml, typed.

Nothing here reads, decides or sends. `catalog` builds these; every other module takes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Dict, Mapping, Optional, Tuple, Union


class Unset:
    """The type of `UNSET`: not given, which differs from None."""

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "UNSET"


UNSET = Unset()

# The closed vocabularies; tests/test_architecture.py holds each equal to the schema's enum.
KINDS = ("image", "video", "audio", "music", "upscale", "tool", "chat")
RESULTS = ("image", "video", "audio", "text", "none")
# Those of them that come as files.
FILE_RESULTS = ("image", "video", "audio")
FILE_TYPES = {
    "image": "image",
    "images": "image",
    "video": "video",
    "videos": "video",
    "audio": "audio",
    "audios": "audio",
    "file": "file",
    "files": "file",
}
LIST_TYPES = ("images", "videos", "audios", "files", "list")
TYPES = ("text", "integer", "number", "boolean", "object", "list", "any", *FILE_TYPES)
CASTS = ("text", "integer", "number", "list", "single")
RULES = (
    "when",
    "at-least-one",
    "exactly-one",
    "excludes",
    "requires",
    "sum-max",
    "same-length",
    "unique",
    "less-than",
    "refers-to",
)
SHAPES = ("task", "chat-completions", "anthropic-messages", "openai-responses", "gemini-contents")
# How the values of a parameter may look, for a guess at its name.
LOOKS = ("ratio", "tier", "number", "flag")
UNITS = ("image", "video", "audio", "request", "second", "megapixel", "1k_characters", "1k_tokens", "1m_tokens")
TOKEN_KINDS = ("input", "output", "cached_input", "cache_write", "cache_write_1h", "audio_input", "audio_output")


@dataclass(frozen=True)
class Source:
    """Where a fact was read, and when it was last checked (a date as text)."""

    source: str = ""
    checked: str = ""


@dataclass(frozen=True)
class Choice:
    """An allowed value: the caller's word and the wire's."""

    value: Any
    wire: Any


@dataclass(frozen=True)
class Parameter:
    """What a model accepts under one name.

    `name` is the canonical name, `wire` the platform's. Limits that are None do not apply.
    `also` lists single values allowed beside the range. `max_mb` and `formats` are held against
    local files; `media` holds limits that only the platform can check (pixels, seconds), and
    that are shown, not enforced.
    """

    name: str
    wire: str
    type: str
    title: str = ""
    note: str = ""
    aliases: Tuple[str, ...] = ()
    required: bool = False
    default: Any = UNSET
    send_always: bool = False
    constant: Any = UNSET
    send_as: Optional[str] = None
    values: Optional[Tuple[Choice, ...]] = None
    min: Optional[Decimal] = None
    max: Optional[Decimal] = None
    multiple_of: Optional[Decimal] = None
    also: Tuple[Any, ...] = ()
    min_length: Optional[int] = None
    max_length: Optional[int] = None
    pattern: Optional[str] = None
    min_items: Optional[int] = None
    max_items: Optional[int] = None
    max_mb: Optional[Decimal] = None
    formats: Tuple[str, ...] = ()
    schemes: Tuple[str, ...] = ("http", "https")
    media: Mapping[str, Any] = field(default_factory=dict)
    items: Optional[Parameter] = None
    fields: Optional[Mapping[str, Parameter]] = None
    source: Source = Source()

    @property
    def is_list(self) -> bool:
        return self.type in LIST_TYPES


@dataclass(frozen=True)
class Condition:
    """When a rule or a price applies: one test of one parameter, or a combination.

    `all`, `any` and `negated` combine; otherwise `path` names a parameter (`elements[].name`
    goes into the items of a list) and the other fields are its test, all of which must hold.
    `values` and `not_values` look at the default where nothing was given; `present` does not.
    `where` keeps only those items of a list for which it holds; its paths begin at the item.
    """

    all: Tuple[Condition, ...] = ()
    any: Tuple[Condition, ...] = ()
    negated: Optional[Condition] = None
    path: str = ""
    values: Optional[Tuple[Any, ...]] = None
    not_values: Optional[Tuple[Any, ...]] = None
    present: Optional[bool] = None
    count_min: Optional[int] = None
    count_max: Optional[int] = None
    min: Optional[Decimal] = None
    max: Optional[Decimal] = None
    matches: Optional[str] = None
    where: Optional[Condition] = None


@dataclass(frozen=True)
class Limits:
    """What a rule demands of one parameter, in the parameters' own words."""

    required: bool = False
    forbidden: bool = False
    ignored: bool = False
    values: Optional[Tuple[Any, ...]] = None
    not_values: Tuple[Any, ...] = ()
    min: Optional[Decimal] = None
    max: Optional[Decimal] = None
    multiple_of: Optional[Decimal] = None
    min_length: Optional[int] = None
    max_length: Optional[int] = None
    pattern: Optional[str] = None
    min_items: Optional[int] = None
    max_items: Optional[int] = None
    default: Any = UNSET


@dataclass(frozen=True)
class Term:
    """One addend of a sum: numbers at a path, their count, or the length of texts, times a factor.

    With `where`, only those items of a list count for which it holds.
    """

    path: str
    measure: str = "value"
    times: Decimal = Decimal(1)
    where: Optional[Condition] = None


@dataclass(frozen=True)
class Rule:
    """A demand over several parameters. `groups` is what `of` lists; `say` is its own sentence.

    With `each`, the rule is held against every item of that list, and its paths begin at the item.
    """

    kind: str
    say: str = ""
    each: str = ""
    when: Optional[Condition] = None
    then: Mapping[str, Limits] = field(default_factory=dict)
    groups: Tuple[Tuple[str, ...], ...] = ()
    terms: Tuple[Term, ...] = ()
    first: str = ""
    second: str = ""
    min: Union[Decimal, str, None] = None
    max: Union[Decimal, str, None] = None


# A cell of a price table is an amount, or one of these words.
NOT_OFFERED = "not_offered"
UNKNOWN = "unknown"
Table = Union[Decimal, str, Mapping[str, Any]]


@dataclass(frozen=True)
class Count:
    """How many results one call makes: a parameter's value, or a range known only afterwards."""

    parameter: Optional[str] = None
    min: Union[Decimal, str] = Decimal(1)
    max: Union[Decimal, str, None] = None
    likely: Optional[Decimal] = None


@dataclass(frozen=True)
class Seconds:
    """What a price per second counts: a parameter, the length of given media, or both."""

    parameter: Optional[str] = None
    divided_by: Optional[str] = None
    media: Tuple[str, ...] = ()
    unknown_at: Tuple[Any, ...] = ()
    min: Optional[Decimal] = None
    max: Optional[Decimal] = None


@dataclass(frozen=True)
class Surcharge:
    """Credits for each item of some parameters, counted together, beyond those that are free."""

    per: Tuple[str, ...]
    amount: Decimal
    free: int = 0


@dataclass(frozen=True)
class Observation:
    """A newer figure that somebody saw; it is shown, and never charged."""

    text: str
    seen: str
    source: str


@dataclass(frozen=True)
class Price:
    """What something costs: `amounts` per `unit`, by the parameters in `by`.

    `currency` is `credits` or `usd`. `results` is how many results one charge covers.
    `cases` are tried in order and the first whose `when` holds is the price.
    """

    unit: str
    amounts: Table
    currency: str = "credits"
    by: Tuple[str, ...] = ()
    when: Optional[Condition] = None
    cases: Tuple[Price, ...] = ()
    count: Optional[Count] = None
    results: int = 1
    seconds: Optional[Seconds] = None
    pixels_by: str = ""
    pixels: Mapping[str, Decimal] = field(default_factory=dict)
    characters: Tuple[str, ...] = ()
    surcharges: Tuple[Surcharge, ...] = ()
    asks: Mapping[str, str] = field(default_factory=dict)
    unknown: str = ""
    note: str = ""
    valid_from: str = ""
    valid_until: str = ""
    observed: Tuple[Observation, ...] = ()
    source: Source = Source()


@dataclass(frozen=True)
class Tariff:
    """How the customer's price follows from the platform's.

    With `margins`, it is the platform's cost plus so many credits per result of a kind, or per
    1M tokens; without, each model states a price of its own under `tariffs`.
    """

    name: str
    title: str = ""
    providers: Tuple[str, ...] = ()
    margins: Optional[Mapping[str, Decimal]] = None
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """A package of credits that somebody sells: the platform's own, or the customer's."""

    name: str
    title: str
    title_zh: str
    seller: str
    credits: Decimal
    price: Decimal
    currency: str
    source: Source = Source()


@dataclass(frozen=True)
class Money:
    """The two exchange rates: US dollars for a credit, yuan for a dollar."""

    usd_per_credit: Decimal
    cny_per_usd: Decimal
    source: Source = Source()


@dataclass(frozen=True)
class Provider:
    """Who serves models: where, under which key, within which limits (creates per seconds).

    `paths` are its calls beside the endpoints (credits, uploads); those in `upload` go to the
    upload host, which keeps a file for `upload_lives_hours`, and results for `results_live_hours` (0: not known).
    """

    name: str
    title: str
    base_url: str
    base_url_env: str
    key_env: Tuple[str, ...]
    upload_url: str = ""
    upload_lives_hours: Decimal = Decimal(0)
    results_live_hours: Decimal = Decimal(0)
    paths: Mapping[str, str] = field(default_factory=dict)
    creates: int = 0
    per_seconds: Decimal = Decimal(0)
    running: int = 0
    key_page: str = ""
    docs_url: str = ""


@dataclass(frozen=True)
class Endpoint:
    """A way of calling: paths, where things stand in the answer, which words mean what.

    Places in an answer are dotted paths; the first that holds something counts. `failure_codes` are those of a
    status answer under HTTP 200 that say that the task itself failed, not the question. With `bills_thinking`, what a
    chat's total has beyond its two parts is thinking, and is charged as output.
    """

    name: str
    provider: Provider
    shape: str
    path: str = ""
    path_before_model: str = ""
    model_in: str = "body"
    body: Mapping[str, Any] = field(default_factory=dict)
    stream_body: Mapping[str, Any] = field(default_factory=dict)
    bills_thinking: bool = False
    callback: str = ""
    status_path: str = ""
    status_query: str = ""
    task_id: Tuple[str, ...] = ()
    state: Tuple[str, ...] = ()
    pending: Tuple[str, ...] = ()
    success: Tuple[str, ...] = ()
    failure: Tuple[str, ...] = ()
    failure_codes: Tuple[int, ...] = ()
    result: Tuple[str, ...] = ()
    urls: Tuple[str, ...] = ()
    places: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Pace:
    """Poll every so many seconds, until so many have passed (None: from then on)."""

    every_s: float
    until_s: Optional[float] = None


@dataclass(frozen=True)
class Waiting:
    """How long and how often to look at a task of one kind; all in seconds."""

    paces: Tuple[Pace, ...]
    deadline_s: float
    missing_grace_s: float


@dataclass(frozen=True)
class Example:
    """A golden example: the call, the exact body, the price in credits by tariff.

    `quantities` is what the price needs and the call does not say: tokens, `input_seconds`, facts it asks for.
    `on` is the date whose price is meant; without it the price in force.
    """

    call: Mapping[str, Any]
    sends: Mapping[str, Any]
    price: Mapping[str, Optional[Decimal]]
    quantities: Mapping[str, Any] = field(default_factory=dict)
    on: str = ""


@dataclass(frozen=True)
class Model:
    """One model of the catalog, whole."""

    id: str
    title: str
    kind: str
    result: str
    endpoint: Endpoint
    slug: str
    parameters: Mapping[str, Parameter]
    rules: Tuple[Rule, ...]
    prices: Tuple[Price, ...]
    tariffs: Mapping[str, Price]
    waiting: Waiting
    money: Money
    all_tariffs: Mapping[str, Tariff]
    examples: Tuple[Example, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    accepts_other: bool = False
    context_tokens: Optional[int] = None
    output_tokens: Optional[int] = None
    media: Tuple[str, ...] = ()
    advice: Tuple[str, ...] = ()
    note: str = ""
    retired_on: str = ""
    replaced_by: str = ""
    source: Source = Source()
    input_schema: Dict[str, Any] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return f"Model({self.id!r}, kind={self.kind!r}, endpoint={self.endpoint.name!r})"
