"""From a request to an answer: routes out of the catalog's endpoints, the key, faults, and files."""

from __future__ import annotations

import hmac
import logging
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

from werkzeug.wrappers import Request, Response

from ..definitions import Endpoint, Model, Provider
from ..errors import KieConfigError
from .answers import (
    CHAT_KEY_TEXT,
    GOOGLE_KEY_TEXT,
    GOOGLE_MODEL_TEXT,
    MODEL_TEXT,
    Refusal,
    Refused,
    gateway_page,
    google_refusal,
    json_answer,
    kie_refusal,
    kie_success,
    refuse_if_asked,
    upload_refusal,
)
from .callbacks import Callbacks
from .chat import Conversation
from .faults import HEADER, FaultBook, faults_in
from .filehost import FileHost
from .jobs import Jobs
from .question import last_words
from .state import LoggedRequest, State
from .uploads import File, Uploads, fields_of
from .works import Works

_log = logging.getLogger("kie_sync.sandbox")

Faults = Mapping[str, str]
# Where the makers' own clients put the key.
_KEY_HEADERS = {"anthropic-messages": ("x-api-key",), "gemini-contents": ("x-goog-api-key",)}
# Google's other path, which its client takes for a whole answer.
_WHOLE = ":generateContent"


def _no_magic(request: Request) -> List[str]:
    return []


@dataclass(frozen=True)
class Route:
    """How one path is answered: its place among the faults, how it refuses, and what it does."""

    place: str
    work: Callable[[Request, Faults], Response]
    refuse: Refusal = kie_refusal
    key_refused: Callable[[], Refused] = lambda: Refused(401, "You do not have access permissions")
    magic: Callable[[Request], List[str]] = _no_magic
    key_headers: Tuple[str, ...] = ()


class App:
    """The whole surface of the platforms, for one account and one key."""

    def __init__(self, models: Mapping[str, Model], state: State, book: FaultBook, key: str, secret: str) -> None:
        self.base_url = ""
        self._state, self._book, self._key = state, book, key
        self._works = Works()
        self._uploads = Uploads(lambda: self.base_url, self._file_at)
        self._host = FileHost(book, self._file_at)
        self.callbacks = Callbacks(state, secret, lambda: self.base_url)
        task_models = [model for model in models.values() if model.endpoint.shape == "task"]
        self._jobs = Jobs(task_models, state, book, self.callbacks)
        self._chats: Dict[Tuple[str, str], Model] = {}
        self._routes: Dict[Tuple[str, str], Route] = {}
        self._chat_patterns: List[Tuple[re.Pattern[str], Endpoint]] = []
        for endpoint in {model.endpoint.name: model.endpoint for model in models.values()}.values():
            self._add_common(endpoint.provider)
            if endpoint.shape == "task":
                self._add_tasks(endpoint)
            else:
                self._add_chat(endpoint)
        for model in models.values():
            if model.endpoint.shape != "task":
                self._chats[(model.endpoint.path, model.slug)] = model

    def answer(self, request: Request) -> Response:
        """The answer to one request.

        Raises:
            Dropped: the connection is to be closed instead.
        """
        seen = LoggedRequest(request.method, request.path, "Authorization" in request.headers)
        is_file = request.method in ("GET", "HEAD") and request.path.startswith(("/files/", "/kieai/"))
        if is_file and (seen.authorized or (len(self._key) > 7 and self._key in _all_of(request))):
            self._state.leaks.append(seen)
        self._state.requests.append(seen)
        # Read whole, so that the next request on this connection begins where this one ends.
        request.get_data(cache=True, parse_form_data=request.mimetype == "multipart/form-data")
        path = request.path
        if is_file:
            found = self._jobs.result_at(path)
            return self._host.serve(request, list(found[0].magic) if found else [])
        if path == "/":
            return Response("kie-sync sandbox: KIE.ai, played on this machine\n", content_type="text/plain")
        route = self._routes.get((request.method, path)) or self._chat_route(request)
        if route is not None:
            return self._follow(route, request)
        if any(known == path for _, known in self._routes):
            return json_answer({"code": 405, "msg": "Method Not Allowed", "data": None}, status=405)
        if re.search(r"/v\d\w*/chat/completions$|:(streamG|g)enerateContent$", path):
            return kie_refusal(Refused(500, "The page does not exist", with_data=False), {})
        return json_answer({"code": 404, "msg": "Not Found", "data": None}, status=404)

    def _follow(self, route: Route, request: Request) -> Response:
        faults: Faults = {}
        try:
            try:
                is_json = request.mimetype == "application/json"
                header, magic = request.headers.get(HEADER, ""), route.magic(request)
                faults = self._book.take(
                    route.place,
                    header=header,
                    magic=magic,
                    owner=request.get_data(as_text=True) if is_json else request.full_path,
                )
            except KieConfigError as err:
                raise Refused(400, str(err)) from err
            if "html" in faults:
                return gateway_page(int(float(faults["html"] or 502)))
            if not self._knows_key(request, route.key_headers):
                raise route.key_refused()
            refuse_if_asked(faults)
            answer = route.work(request, faults)
        except Refused as refused:
            answer = route.refuse(refused, faults)
        if "slow" in faults:
            self._state.sleep(float(faults["slow"]))
        return answer

    def _knows_key(self, request: Request, own_headers: Tuple[str, ...]) -> bool:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        given = [key] if scheme.lower() == "bearer" else []
        # The makers' own clients have headers of their own for it.
        given += [request.headers[name] for name in own_headers if name in request.headers]
        return any(hmac.compare_digest(key.strip().encode(), self._key.encode()) for key in given)

    def _add_common(self, provider: Provider) -> None:
        """The provider's calls beside its endpoints."""
        common = {
            "credits": ("GET", Route("credits", self._credits, key_refused=lambda: Refused(401, "Unauthorized"))),
            "download_url": ("POST", Route("query", self._download_url)),
            "upload_base64": ("POST", Route("upload", _upload(self._uploads.by_base64), upload_refusal)),
            "upload_stream": ("POST", Route("upload", _upload(self._uploads.by_stream), upload_refusal)),
            "upload_url": ("POST", Route("upload", _upload(self._uploads.by_url), upload_refusal)),
        }
        for word, (method, route) in common.items():
            if word in provider.paths:
                self._routes[method, provider.paths[word]] = route

    def _credits(self, request: Request, faults: Faults) -> Response:
        return kie_success(float(self._state.balance), faults)

    def _add_tasks(self, endpoint: Endpoint) -> None:
        jobs = self._jobs

        def create(request: Request, faults: Faults) -> Response:
            return jobs.create(request, endpoint, faults, request.headers.get(HEADER, ""))

        def query(request: Request, faults: Faults) -> Response:
            return jobs.query(request, endpoint, faults, self.base_url)

        def magic(request: Request) -> List[str]:
            return jobs.magic_of_query(request, endpoint)

        self._routes["POST", endpoint.path] = Route("create", create, magic=jobs.magic_of_create)
        self._routes["GET", endpoint.status_path] = Route("query", query, magic=magic)

    def _add_chat(self, endpoint: Endpoint) -> None:
        slug = "(?P<slug>.+)" if endpoint.model_in == "path" else ""
        before = endpoint.path_before_model if slug else ""
        paths = [endpoint.path, _WHOLE] if endpoint.shape == "gemini-contents" else [endpoint.path]
        path = "|".join(re.escape(one) for one in paths)
        self._chat_patterns.append((re.compile(f"{re.escape(before)}{slug}(?:{path})"), endpoint))

    def _chat_route(self, request: Request) -> Optional[Route]:
        for pattern, endpoint in self._chat_patterns:
            found = pattern.fullmatch(request.path)
            if found is None or request.method != "POST":
                continue
            slug = found.groupdict().get("slug")
            if slug is not None and (endpoint.path, slug) not in self._chats:
                continue
            return self._chat(endpoint, slug)
        return None

    def _chat(self, endpoint: Endpoint, slug: Optional[str]) -> Route:
        is_google = endpoint.provider.name == "google"

        def work(request: Request, faults: Faults) -> Response:
            fields = fields_of(request)
            name = slug if slug is not None else str(fields.get("model", "")).split("models/", 1)[-1]
            model = self._chats.get((endpoint.path, name))
            if model is None:
                raise Refused(404, GOOGLE_MODEL_TEXT.format(name)) if is_google else Refused(422, MODEL_TEXT)
            conversation = Conversation(model, fields, faults, self._state, request.path)
            if not is_google:
                self._state.require(conversation.credits)
            return conversation.answer()

        if is_google:
            return Route("chat", work, google_refusal, lambda: Refused(400, GOOGLE_KEY_TEXT), _chat_magic)
        own = _KEY_HEADERS.get(endpoint.shape, ())
        return Route("chat", work, kie_refusal, lambda: Refused(401, CHAT_KEY_TEXT, with_data=False), _chat_magic, own)

    def _download_url(self, request: Request, faults: Faults) -> Response:
        url = fields_of(request).get("url")
        is_ours = isinstance(url, str) and url.startswith(self.base_url + "/")
        if not isinstance(url, str) or not is_ours or self._file_at(urlsplit(url).path) is None:
            raise Refused(422, "url is wrong")
        return kie_success(url.partition("?")[0] + "?download=1", faults)

    def _file_at(self, path: str) -> Optional[File]:
        found = self._jobs.result_at(path)
        return self._works.file(*found) if found else self._uploads.file(unquote(path).lstrip("/"))


def _all_of(request: Request) -> str:
    """The URL and the headers of a request."""
    return "\n".join([request.url, *(value for _, value in request.headers)])


def _chat_magic(request: Request) -> List[str]:
    fields = request.get_json(force=True, silent=True)
    return faults_in(last_words(fields))


def _upload(receive: Callable[[Request], Dict[str, Any]]) -> Callable[[Request, Faults], Response]:
    def work(request: Request, faults: Faults) -> Response:
        data = receive(request)
        return json_answer({"success": True, "code": 200, "msg": "File uploaded successfully", "data": data})

    return work
