"""`kie-sync chat` as a conversation: a session that is fed with lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator, Union

import pytest
from wire import CHAT, Script, chunk, client, event, pieces

from kie_sync import KieClient, KieConversation
from kie_sync.cli.chat import as_message
from kie_sync.cli.chat_session import COMMANDS, Session
from kie_sync.cli.run import Run
from kie_sync.sandbox import Sandbox
from kie_sync.transport import Lost

USED = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return tmp_path


Line = Union[str, BaseException]


class Talk:
    """A session that is fed with lines, and what it shows."""

    def __init__(self, home: KieClient, capsys: pytest.CaptureFixture[str]) -> None:
        self.client, self._capsys = home, capsys
        self.conversation = KieConversation(home, CHAT)

    def __call__(self, *lines: Line, arguments: Any = None, **more: Any) -> Any:
        typed: Iterator[Line] = iter(lines)

        def read(prompt: str) -> str:
            line = next(typed, EOFError())
            if isinstance(line, BaseException):
                raise line
            return line

        defaults = {"arguments": arguments or {}}
        self.conversation.defaults.update(defaults)
        self.session = Session(Run(), self.client, self.conversation, defaults, as_message, read=read, **more)
        self.session.talk()
        self.conversation = self.session._conversation
        return self._capsys.readouterr()


@pytest.fixture
def talk(capsys: pytest.CaptureFixture[str]) -> Iterator[Talk]:
    with KieClient(limiter=False) as home:
        yield Talk(home, capsys)


def test_questions_and_totals(talk: Talk) -> None:
    said = talk("2+2?", "", "3+3?")

    assert said.out == "2 + 2 = 4\n3 + 3 = 6\n\n"
    assert said.err.startswith(f"{CHAT}; /help lists the commands, Ctrl-D leaves\n")
    assert said.err.count(" tokens in, ") == 3
    assert "\nin all: " in said.err


def test_a_line_that_goes_on(talk: Talk) -> None:
    talk("first \\", "second", "//help is what I type")

    asked = [message["content"] for message in talk.conversation.messages if message["role"] == "user"]
    assert asked == ["first \nsecond", "/help is what I type"]


def test_every_command_is_in_the_help(talk: Talk) -> None:
    said = talk("/help")

    assert [command for command in COMMANDS if f"\n{command} " not in said.err] == []


def test_the_commands(talk: Talk, here: Path) -> None:
    (here / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    said = talk(
        "/system Be brief.",
        "/image dot.png",
        "what is it?",
        "/cost",
        "/model gemini-3-pro",
        "/save talk.json",
        "2+2?",
        "/save",
        "/quit",
        "never said",
    )

    saved = json.loads((here / "talk.json").read_text())
    assert (saved["model"], saved["system"], len(saved["messages"])) == ("gemini-3-pro", "Be brief.", 4)
    assert saved["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert isinstance(saved["messages"][2]["content"], str)
    assert (said.err.count("in all: "), said.err.count("saved to talk.json")) == (2, 2)
    assert "never said" not in said.out


def test_new_and_load(talk: Talk, here: Path) -> None:
    talk("2+2?", "/save talk.json")

    said = talk("/new", "3+3?", "/load talk.json", "5+5?")

    asked = [message["content"] for message in talk.conversation.messages if message["role"] == "user"]
    assert asked == ["2+2?", "5+5?"]
    assert f"{CHAT}; 2 messages\n" in said.err
    assert len(json.loads((here / "talk.json").read_text())["messages"]) == 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/hlep", "there is no /hlep; /help lists the commands, and // begins a line with a slash"),
        ("/model", "/model needs a word: /model ID"),
        ("/model gemini-3-flas", 'no such model in the catalog; did you mean "gemini-3-flash"'),
        ("/model google/nano-banana", "this is a model of kind image"),
        ("/load gone.json", "gone.json: the conversation cannot be read"),
        ("/save", "/save needs a file: /save FILE"),
        ("/save there.json", "/save there.json: there is something already"),
        ("/image gone.png", "gone.png: there is no such file"),
        ("/image there.json", "error: there.json must be a picture, a video, a sound or a PDF file"),
        ("/quit now", "/quit stands alone"),
        ("hello [[fault:envelope=402]]", "(code 402; "),
        ("hello [[fault:silent-close]]", "the stream ended without a finish reason"),
    ],
)
def test_an_error_does_not_end_the_session(line: str, message: str, talk: Talk, here: Path) -> None:
    (here / "there.json").write_text("hello")

    said = talk("2+2?", line, "3+3?")

    assert said.err.count("error: ") == 1
    assert message in said.err
    assert said.out.endswith("3 + 3 = 6\n\n")
    assert [message["content"] for message in talk.conversation.messages][::2] == ["2+2?", "3+3?"]


def test_a_file_that_the_model_does_not_take_is_refused_at_once(talk: Talk, here: Path) -> None:
    (here / "talk.mp3").write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x00")

    said = talk("/model gpt-5-4", "/image talk.mp3", "2+2?", "/quit")

    assert "error: talk.mp3: this model does not take sounds; it takes: pictures" in said.err
    assert said.out == "2 + 2 = 4\n"


def test_another_model_is_asked_without_what_it_does_not_take(talk: Talk, here: Path) -> None:
    """Options, and files not yet shown; the first model gets its options again."""
    (here / "talk.mp3").write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x00")
    given = {"reasoning_effort": "low", "max_tokens": 90}

    said = talk("/image talk.mp3", "/model claude-haiku-4-5", "2+2?", "/quit", arguments=given)

    assert "claude-haiku-4-5 does not take reasoning_effort=low; left out\n" in said.err
    assert "talk.mp3: this model does not take sounds" in said.err
    assert said.out == "2 + 2 = 4\n"
    assert talk.conversation.defaults["arguments"] == {"max_tokens": 90}
    talk(f"/model {CHAT}", arguments=given)
    assert talk.conversation.defaults["arguments"] == given


def test_other_words_for_leaving_and_for_beginning_anew(talk: Talk) -> None:
    said = talk("2+2?", "/clear", "3+3?", "/exit", "never said")

    assert [message["content"] for message in talk.conversation.messages] == ["3+3?", "3 + 3 = 6"]
    assert "error" not in said.err


def test_ctrl_c_at_an_empty_line_says_how_to_leave(talk: Talk) -> None:
    said = talk(KeyboardInterrupt(), "2+2?")

    assert "Ctrl-D or /quit leaves\n" in said.err
    assert said.out == "2 + 2 = 4\n\n"


def scripted(talk: Talk, *answers: Any) -> None:
    talk.client = client(Script(*answers))
    talk.conversation = KieConversation(talk.client, CHAT)


def test_ctrl_c_in_an_answer_keeps_what_came(talk: Talk, here: Path) -> None:
    scripted(talk, pieces([event(chunk("Once upon"))], error=KeyboardInterrupt()))  # type: ignore[arg-type]

    said = talk("a story", save="talk.json")

    assert said.out == "Once upon\n\n"
    assert "stopped; what came of the answer is kept, and may be charged as a whole\n" in said.err
    assert "more was charged, or may have been, and is not known" in said.err
    assert json.loads((here / "talk.json").read_text())["messages"][1]["content"] == "Once upon"


def test_ctrl_c_before_an_answer_keeps_nothing(talk: Talk) -> None:
    scripted(talk, KeyboardInterrupt())

    said = talk("a story")

    assert "stopped before any text came; the call may have been accepted, and may be charged\n" in said.err
    assert talk.conversation.messages == []


def test_an_answer_that_breaks_off_can_be_asked_for_again(talk: Talk) -> None:
    whole = pieces([event(chunk("There", "stop", usage=USED, credits_consumed=0.05)), event("[DONE]")])
    scripted(talk, pieces([event(chunk("Once"))], error=Lost("reset")), whole)

    said = talk("a", "a")

    assert said.out == "Once\nThere\n\n"
    assert [message["content"] for message in talk.conversation.messages] == ["a", "There"]


def test_an_answer_in_one_piece(talk: Talk) -> None:
    assert talk("2+2?", is_stream=False, with_thoughts=True).out == "2 + 2 = 4\n\n"
