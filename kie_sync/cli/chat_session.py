"""`kie-sync chat` at a terminal, without a question: a conversation, line by line, until Ctrl-D."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

import click

from .. import KieClient, KieConversation
from ..config import state_folder
from ..errors import KieError
from .answers import say_total, show_answer
from .run import Run

PROMPT, MORE = "> ", "... "
_HISTORY_LINES = 1000

COMMANDS: Mapping[str, str] = {
    "/help": "this list",
    "/save FILE": "write the conversation to a file, now and after each answer",
    "/load FILE": "go on with a conversation from a file",
    "/cost": "tokens and credits so far",
    "/model ID": "ask another model from now on",
    "/system TEXT": "what the model is told beforehand; without TEXT nothing",
    "/new": "forget what was said",
    "/image FILE_OR_URL": "show a picture or another file with the next question",
    "/quit": "leave, as Ctrl-D does",
}


class Session:
    """A conversation at a terminal.

    Args:
        defaults: what every question asks for.
        as_message: a question and its files as one message; refuses a file that does not go.
        read: shows a prompt and gives a line; EOFError at the end, KeyboardInterrupt for Ctrl-C.
        save: the file that the conversation is written to after each answer.
    """

    def __init__(
        self,
        run: Run,
        client: KieClient,
        conversation: KieConversation,
        defaults: Dict[str, Any],
        as_message: Callable[[str, List[str]], Any],
        *,
        is_stream: bool = True,
        with_thoughts: bool = False,
        images: Optional[List[str]] = None,
        save: Optional[str] = None,
        read: Callable[[str], str] = input,
    ) -> None:
        self._run, self._client, self._conversation = run, client, conversation
        self._defaults, self._as_message = defaults, as_message
        self._is_stream, self._with_thoughts = is_stream, with_thoughts
        self._images: List[str] = list(images or ())
        self._file, self._read = save, read

    def talk(self) -> None:
        """Read and answer until the end."""
        self._run.say(f"{self._conversation.model}; /help lists the commands, Ctrl-D leaves")
        while True:
            try:
                line = self._read_lines()
                if line.strip() == "/quit":
                    break
                if line.strip():
                    self._answer(line)
            except KeyboardInterrupt:
                click.echo(err=True)
                self._run.say("Ctrl-D or /quit leaves")
            except EOFError:
                click.echo()
                break
        say_total(self._run, self._conversation)

    def _read_lines(self) -> str:
        """What was typed; a line that ends with a backslash goes on in the next one."""
        lines = [self._read(PROMPT)]
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1][:-1]
            lines.append(self._read(MORE))
        return "\n".join(lines)

    def _answer(self, line: str) -> None:
        try:
            if line.startswith("/") and not line.startswith("//"):
                self._obey(line.strip())
            else:
                self._ask(line[1:] if line.startswith("//") else line)
        except (KieError, click.ClickException) as error:
            # The conversation is as it was before, and goes on.
            message = error.format_message() if isinstance(error, click.ClickException) else str(error)
            click.echo(f"error: {message}", err=True)
        finally:
            self._run.is_answering = False

    def _ask(self, text: str) -> None:
        message = self._as_message(text, self._images)
        before = len(self._conversation.messages)
        try:
            show_answer(
                self._run, self._conversation, message, is_stream=self._is_stream, with_thoughts=self._with_thoughts
            )
        except KeyboardInterrupt:
            click.echo(err=True)
            is_kept = len(self._conversation.messages) > before
            self._run.say(
                "stopped; what came of the answer is kept, and may be charged as a whole"
                if is_kept
                else "stopped before any text came; the call may have been accepted, and may be charged"
            )
            if not is_kept:
                return
        self._images = []
        if self._file is not None:
            self._conversation.save(self._file)

    def _obey(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        rest = rest.strip()
        known = {command.partition(" ")[0]: command.partition(" ")[2] for command in COMMANDS}
        if name not in known:
            raise click.UsageError(f"there is no {name}; /help lists the commands, and // begins a line with a slash")
        if known[name] and not rest and name not in ("/system", "/save"):
            raise click.UsageError(f"{name} needs a word: {name} {known[name]}")
        getattr(self, f"_{name[1:]}")(rest)

    def _help(self, rest: str) -> None:
        width = max(len(command) for command in COMMANDS)
        for command, text in COMMANDS.items():
            click.echo(f"{command:{width}}  {text}", err=True)
        self._run.say("A line that ends with \\ goes on in the next one. Ctrl-C stops an answer, and keeps what came.")

    def _save(self, rest: str) -> None:
        path = rest or self._file
        if path is None:
            raise click.UsageError("/save needs a file: /save FILE")
        if path != self._file:
            check_place(path, "/save")
        self._conversation.save(path)
        self._file = path
        self._run.say(f"saved to {path}")

    def _load(self, rest: str) -> None:
        loaded = KieConversation.load(rest, self._client, **self._defaults)
        if self._conversation.messages:
            say_total(self._run, self._conversation)
        self._conversation, self._file = loaded, rest
        self._run.say(f"{loaded.model}; {len(loaded.messages)} messages")

    def _cost(self, rest: str) -> None:
        say_total(self._run, self._conversation)

    def _model(self, rest: str) -> None:
        self._conversation.model = rest
        self._run.say(rest)

    def _system(self, rest: str) -> None:
        self._conversation.system = rest or None

    def _new(self, rest: str) -> None:
        self._conversation.clear()
        self._images, self._file = [], None

    def _image(self, rest: str) -> None:
        self._as_message("", [rest])
        self._images.append(rest)

    def _quit(self, rest: str) -> None:
        raise click.UsageError("/quit stands alone")


def check_place(path: str, where: str) -> None:
    """See that a conversation can be written to a file of its own, before it is paid for.

    Raises:
        click.UsageError: something is there already, or nothing can be written there.
    """
    target = Path(path).expanduser()
    if target.exists():
        raise click.UsageError(
            f"{where} {path}: there is something already; load it to go on with it, or name another file"
        )
    if not os.access(target.absolute().parent, os.W_OK | os.X_OK):
        raise click.UsageError(f"{where} {path}: nothing can be written there")


@contextlib.contextmanager
def history() -> Iterator[None]:
    """What was typed before, under the arrow keys; kept for this user's eyes alone."""
    try:
        import readline
    except ImportError:
        yield
        return
    path = state_folder() / "chat_history"
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            readline.set_history_length(_HISTORY_LINES)
            readline.write_history_file(path)
