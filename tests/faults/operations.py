"""What is being done while something goes wrong: each operation is prepared, done, and looked at afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type

from wire import CHAT, IMAGE

from kie_sync import KieAdapter, KieClient, QueryTaskResponse, Result, Task

from .table import DONE, RUNNING, UNKNOWN
from .world import World

# Seconds of a wait: a few looks, for what passes after one of them.
MAX_WAIT_S = 7.0


# What `Save` has made: the task, and the journal with nothing but it.
_finished: Dict[Any, Tuple[Task, bytes]] = {}


class Operation:
    """One thing that a caller does.

    Args:
        prompt: of the paid call that it is about; no other test uses it.
    """

    is_paid = False

    def __init__(self, world: World, prompt: str) -> None:
        self.world, self.prompt = world, prompt
        self.task: Optional[Task] = None
        self.base_url = world.proxy.url

    def prepare(self) -> None:
        """What has to be there before; nothing goes wrong yet."""

    def do(self, client: KieClient) -> Any:
        """Do it; this is when something goes wrong."""
        raise NotImplementedError

    def check_value(self, value: Any) -> None:
        """What it gave, when all was well."""

    def count(self) -> int:
        """How many paid calls the sandbox has in its books."""
        return len(self.world.paid(self.prompt))

    def states(self, outcome: str) -> List[str]:
        """What the journal has to say."""
        return []


class Submit(Operation):
    is_paid = True

    def do(self, client: KieClient) -> Any:
        return KieAdapter(client, IMAGE).submit(self.prompt, key="row-1")

    def check_value(self, value: Any) -> None:
        assert [value.task_id] == self.world.paid(self.prompt)

    def states(self, outcome: str) -> List[str]:
        return [{DONE: "accepted", UNKNOWN: "unknown"}.get(outcome, "refused")]


class Chat(Operation):
    is_paid = True

    def __init__(self, world: World, prompt: str) -> None:
        super().__init__(world, prompt)
        self.before = world.sandbox.chats

    def do(self, client: KieClient) -> Any:
        return KieAdapter(client, CHAT).chat(self.prompt).text

    def check_value(self, value: Any) -> None:
        assert value

    def count(self) -> int:
        return self.world.sandbox.chats - self.before

    def states(self, outcome: str) -> List[str]:
        return [{DONE: "success", UNKNOWN: "unknown", "KieStreamError": "unknown"}.get(outcome, "refused")]


class Stream(Chat):
    def do(self, client: KieClient) -> Any:
        stream = KieAdapter(client, CHAT).chat(self.prompt, stream=True)
        for _ in stream:
            pass
        return stream.text


class OfTask(Operation):
    """About a task that was made, and paid, before anything went wrong."""

    def prepare(self) -> None:
        self.task = KieAdapter(self.world.client(), IMAGE).submit(self.prompt)

    def states(self, outcome: str) -> List[str]:
        return ["accepted"]


class Wait(OfTask):
    def do(self, client: KieClient) -> Any:
        assert self.task is not None
        return KieAdapter(client, IMAGE).task(self.task.task_id).wait(max_wait_time=MAX_WAIT_S)

    def check_value(self, value: Any) -> None:
        assert value.urls

    def states(self, outcome: str) -> List[str]:
        return [{DONE: "success", RUNNING: "running", "KieTaskFailedError": "failed"}.get(outcome, "accepted")]


class Look(OfTask):
    seen: Optional[QueryTaskResponse] = None

    def do(self, client: KieClient) -> Any:
        assert self.task is not None
        self.seen = client.query_task(self.task.task_id)
        return self.seen

    def states(self, outcome: str) -> List[str]:
        # Whoever sees the end writes it down.
        if self.seen is None or not self.seen.is_final:
            return ["accepted"]
        return ["success" if self.seen.is_success else "failed"]

    def check_value(self, value: Any) -> None:
        assert self.task is not None
        assert value.task_id == self.task.task_id


class Save(OfTask):
    """About one and the same task in all tests: to make a picture takes the sandbox longer than all the rest."""

    def __init__(self, world: World, prompt: str) -> None:
        super().__init__(world, "a picture for all tests")
        self.place = world.folder / "out"

    def prepare(self) -> None:
        made = self.world.sandbox, self.world.proxy
        if made not in _finished:
            super().prepare()
            assert self.task is not None
            self.task.wait()
            self.world.journal.close()
            _finished[made] = (self.task, self.world.journal_path.read_bytes())
        else:
            self.task, journal = _finished[made]
            self.world.journal_path.write_bytes(journal)
        self.result: Result = KieAdapter(self.world.client(), IMAGE).task(self.task.task_id).wait()

    def do(self, client: KieClient) -> Any:
        result = KieAdapter(client, IMAGE).task(self.result.task_id).wait()
        # Files are on hosts of their own: the one that the client is led to.
        urls = tuple(url.replace(self.world.proxy.url, self.base_url) for url in result.urls)
        return replace(result, urls=urls).save(self.place)

    def check_value(self, value: List[Path]) -> None:
        assert [path.read_bytes()[:8] for path in value] == [b"\x89PNG\r\n\x1a\n"]
        assert [list(record.files.values()) for record in self.world.on_record()] == [[str(path) for path in value]]

    def states(self, outcome: str) -> List[str]:
        return ["success"]


class DownloadUrl(Save):
    def do(self, client: KieClient) -> Any:
        return client.download_url(self.result.urls[0])

    def check_value(self, value: Any) -> None:
        assert isinstance(value, str)


class Credits(Operation):
    def do(self, client: KieClient) -> Any:
        return client.credits()

    def check_value(self, value: Any) -> None:
        assert value > 0


class Upload(Operation):
    def prepare(self) -> None:
        self.file = self.world.folder / "photo.png"
        # More than a socket takes at once, so that a reset comes in the middle of it.
        self.file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 1_000_000)

    def do(self, client: KieClient) -> Any:
        return client.upload(self.file)

    def check_value(self, value: Any) -> None:
        assert value.startswith("http")


OPERATIONS: Mapping[str, Type[Operation]] = {
    "submit": Submit,
    "chat": Chat,
    "stream": Stream,
    "wait": Wait,
    "look": Look,
    "credits": Credits,
    "upload": Upload,
    "download_url": DownloadUrl,
    "save": Save,
}
