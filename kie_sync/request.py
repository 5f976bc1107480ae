"""What is sent: `Request`, and the functions that build one from definitions and arguments.

A request never holds a key; `transport` adds it on the way out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional
from urllib.parse import quote as quote_path
from urllib.parse import urlencode, urlsplit

from .definitions import Endpoint, Model, Provider
from .errors import KieConfigError, KieInputError, Problem
from .params import Arguments
from .shapes import codec_for
from .values import NOT_UTF8, show, to_json, unsendable


@dataclass(frozen=True)
class Request:
    """One HTTP request, without the key.

    Attributes:
        provider: whose key goes with it; "" sends none.
        is_paid: whether it may cost money, so that it is never sent twice by itself.
        wants_stream: whether the answer is to be read as it comes.
        body: bytes, or an iterable of bytes with a length, instead of `json`.
        is_chat: whether what is paid is a chat, not a new task.
    """

    method: str
    url: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    provider: str = ""
    is_paid: bool = False
    wants_stream: bool = False
    body: Any = None
    is_chat: bool = False

    def to_dict(self) -> Dict[str, Any]:
        """As JSON can hold it, with the key's place shown and the key masked."""
        headers = dict(self.headers)
        if self.provider:
            headers["Authorization"] = "Bearer ***"
        return {"method": self.method, "url": self.url, "headers": headers, "json": self.json}


def join(base_url: str, path: str) -> str:
    """A path on a base URL. A base URL that holds the path's beginning already is taken as it was meant."""
    own = urlsplit(base_url).path.rstrip("/")
    return base_url + (path[len(own) :] if own and path.startswith(f"{own}/") else path)


JSON = {"Content-Type": "application/json"}


def wire_body(model: Model, arguments: Arguments, *, stream: bool = False) -> Dict[str, Any]:
    """The model's own part of a body: the input of a task, the whole body of a chat."""
    if model.endpoint.shape == "task":
        return dict(arguments.wire)
    endpoint = model.endpoint
    body: Dict[str, Any] = {"model": model.slug} if endpoint.model_in == "body" else {}
    body.update(to_json(endpoint.body))
    body.update(codec_for(endpoint.shape).build_body(model, arguments))
    # Always said: KIE streams by default, Google does not, and gpt-5-2 was recorded doing neither as documented.
    body["stream"] = stream
    if stream:
        body.update(to_json(endpoint.stream_body))
    return body


def build_create(model: Model, arguments: Arguments, base_url: str, *, callback_url: Optional[str] = None) -> Request:
    """The call that makes a task, and costs money."""
    return build_raw_create(
        model.endpoint, model.slug, wire_body(model, arguments), base_url, callback_url=callback_url
    )


def build_raw_create(
    endpoint: Endpoint, slug: str, wire_input: Mapping[str, Any], base_url: str, *, callback_url: Optional[str] = None
) -> Request:
    """The same from a wire input that somebody else made.

    Raises:
        KieInputError: text in it cannot be sent as UTF-8.
    """
    place = unsendable(wire_input, "input")
    if place is not None:
        raise KieInputError(slug, [Problem("text", place, f"{place} {NOT_UTF8}")])
    body: Dict[str, Any] = {"model": slug, **to_json(endpoint.body), "input": dict(wire_input)}
    if callback_url is not None and endpoint.callback:
        body[endpoint.callback] = callback_url
    return Request(
        "POST", join(base_url, endpoint.path), json=body, headers=JSON, provider=endpoint.provider.name, is_paid=True
    )


def build_chat(model: Model, arguments: Arguments, base_url: str, *, stream: bool) -> Request:
    """A chat call; it costs money."""
    endpoint = model.endpoint
    path = endpoint.path
    if endpoint.model_in == "path":
        path = endpoint.path_before_model + quote_path(model.slug) + endpoint.path
    headers = {**JSON, "Accept": "text/event-stream"} if stream else JSON
    return Request(
        "POST",
        join(base_url, path),
        json=wire_body(model, arguments, stream=stream),
        headers=headers,
        provider=endpoint.provider.name,
        is_paid=True,
        wants_stream=stream,
        is_chat=True,
    )


def check_task_id(task_id: Any, model: str = "task") -> None:
    """Whether it can be a task's id.

    Raises:
        KieInputError: it is empty, or no text: most likely a task was never made.
    """
    if not isinstance(task_id, str) or not task_id.strip():
        text = f"a task id must be text that is not empty, as a task or an error holds it; got {show(task_id)}"
        raise KieInputError(model, [Problem("type", "task_id", text)])


def build_status(endpoint: Endpoint, task_id: str, base_url: str) -> Request:
    """The question after a task's state.

    Raises:
        KieInputError: this is no task id.
    """
    check_task_id(task_id)
    query = urlencode({endpoint.status_query: task_id})
    return Request("GET", f"{join(base_url, endpoint.status_path)}?{query}", provider=endpoint.provider.name)


def build_credits(provider: Provider, base_url: str) -> Request:
    """The question after the balance."""
    return Request("GET", join(base_url, _path(provider, "credits")), provider=provider.name)


def build_download_url(provider: Provider, base_url: str, url: str) -> Request:
    """The question after a fresh link to a result; links live 20 minutes."""
    return Request(
        "POST", join(base_url, _path(provider, "download_url")), json={"url": url}, headers=JSON, provider=provider.name
    )


def _path(provider: Provider, call: str) -> str:
    """The path of one of a provider's calls beside the endpoints.

    Raises:
        KieConfigError: the catalog knows none.
    """
    if call not in provider.paths:
        known = ", ".join(provider.paths) or "none"
        raise KieConfigError(f"{provider.title} has no path for {call} in the catalog; it has: {known}")
    return provider.paths[call]


def build_download(url: str, *, first_byte: int = 0, version: str = "") -> Request:
    """A result file, or its rest, if it is still this version. It gets no key.

    Unpacked, so that lengths and places count the bytes of the file itself.
    """
    headers = {"Accept-Encoding": "identity"}
    if first_byte:
        headers["Range"] = f"bytes={first_byte}-"
        if version:
            headers["If-Range"] = version
    return Request("GET", url, headers=headers, wants_stream=True)
