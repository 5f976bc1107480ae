"""`kie-sync chat`: one question, and a conversation that is fed with lines."""

from __future__ import annotations

import inspect
import json
import stat
from pathlib import Path
from typing import Any, Iterator, List, Union

import pytest
from click.testing import CliRunner, Result
from wire import CHAT, TALKERS, Script, chunk, client, event, pieces

from kie_sync import KieClient, KieConversation
from kie_sync.cli import main
from kie_sync.cli.chat import as_message
from kie_sync.cli.chat_session import COMMANDS, Session
from kie_sync.cli.run import Run
from kie_sync.sandbox import Sandbox
from kie_sync.transport import Lost

USED = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


def run(*args: str, stdin: str = "") -> Result:
    """Run a command in this process, stdout and stderr apart (click before 8.2 mixes them unless told)."""
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
    return CliRunner(**apart).invoke(main, list(args), input=stdin, catch_exceptions=False)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return tmp_path


# One question


@pytest.mark.parametrize("model", TALKERS)
def test_a_question_from_stdin(model: str) -> None:
    result = run("chat", model, stdin="2+2?")

    assert (result.exit_code, result.stdout) == (0, "2 + 2 = 4\n")
    assert " tokens in, " in result.stderr


@pytest.mark.parametrize("model", TALKERS)
def test_json_is_a_line_for_each_piece_and_the_whole_at_last(model: str) -> None:
    result = run("chat", model, "2+2?", "--json")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    *some, whole = lines
    assert "".join(line["choices"][0]["delta"].get("content") or "" for line in some) == "2 + 2 = 4"
    assert whole["choices"][0]["message"]["content"] == "2 + 2 = 4"
    assert (whole["usage"]["prompt_tokens"] > 0, "cost" in whole, "credits_consumed" in whole) == (True, True, True)
    assert "unexplained_credits" not in whole
    alone = run("chat", model, "2+2?", "--json", "--no-stream").stdout.splitlines()
    assert [json.loads(line)["choices"][0]["message"]["content"] for line in alone] == ["2 + 2 = 4"]


def test_options_of_the_model() -> None:
    result = run("chat", CHAT, "Tell me a long story", "--max-tokens", "3", "--reasoning-effort", "low", "--json")

    assert json.loads(result.stdout.splitlines()[-1])["choices"][0]["finish_reason"] == "length"
    assert "reasoning_effort must be one of" in run("chat", CHAT, "hi", "--reasoning-effort", "huge").stderr


@pytest.mark.parametrize("flag", [(), ("--no-stream",)])
def test_thoughts_go_to_stderr(flag: Any) -> None:
    result = run("chat", CHAT, "2+2?", "--thoughts", *flag)

    assert result.stdout == "2 + 2 = 4\n"
    assert result.stderr.startswith("The user asks: '2+2?'. A short, clear answer will do.\n")
    assert "The user asks" not in run("chat", CHAT, "2+2?").stderr


def test_a_conversation_from_command_to_command(here: Path) -> None:
    assert run("chat", CHAT, "2+2?", "--system", "Be brief.", "--save", "talk.json").exit_code == 0
    assert run("chat", CHAT, "3+3?", "--load", "talk.json", "--save", "talk.json").exit_code == 0

    saved = json.loads((here / "talk.json").read_text())
    assert [message["role"] for message in saved["messages"]] == ["user", "assistant"] * 2
    assert saved["system"] == "Be brief."
    assert stat.S_IMODE((here / "talk.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hi", "--save", "there.json"], "--save there.json: there is something already; load it to go on with it"),
        (["hi", "--save", "no/talk.json"], "--save no/talk.json: nothing can be written there"),
        (["hi", "--load", "gone.json"], "gone.json: the conversation cannot be read: No such file or directory"),
        (["hi", "--load", "there.json"], "there.json: this is no saved conversation"),
        (["-p", 'messages=[{"role": "user"}]', "--load", "x"], "leave out PROMPT, --system, --image and --load"),
        (["hi", "--max-tokens", "4", "-p", "max_tokens=5"], "max_tokens stands there twice: as --max-tokens and as -p"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_bought(
    words: List[str], message: str, here: Path, sandbox: Sandbox
) -> None:
    (here / "there.json").write_text("hello")
    before = sandbox.chats

    result = run("chat", CHAT, *words)

    assert (result.exit_code, sandbox.chats) == (2, before)
    assert message in result.stderr


def test_what_the_platform_took_beyond_the_price_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    end = chunk(None, "stop", usage=USED, credits_consumed=1.5)
    answers = lambda *_, **about: pieces([event(chunk("hi")), event(end), event("[DONE]")])  # noqa: E731
    monkeypatch.setattr("kie_sync.transport.HttpTransport.__call__", answers)

    plain = run("chat", CHAT, "hello", "--journal", "off")
    as_json = run("chat", CHAT, "hello", "--journal", "off", "--json")

    assert (
        f"warning: {CHAT}: the platform took 1.5 credits, and by the catalog the tokens used cost 0.048" in plain.stderr
    )
    assert "the price sheet that this project was given" in plain.stderr
    assert json.loads(as_json.stdout.splitlines()[-1])["unexplained_credits"] == "1.452"
    assert "the platform took 1.5 credits" in json.loads(as_json.stderr.splitlines()[0])["warning"]


# A session, line by line


Line = Union[str, BaseException]


class Talk:
    """A session that is fed with lines, and what it shows."""

    def __init__(self, home: KieClient, capsys: pytest.CaptureFixture[str]) -> None:
        self.client, self._capsys = home, capsys
        self.conversation = KieConversation(home, CHAT)

    def __call__(self, *lines: Line, **more: Any) -> Any:
        typed: Iterator[Line] = iter(lines)

        def read(prompt: str) -> str:
            line = next(typed, EOFError())
            if isinstance(line, BaseException):
                raise line
            return line

        self.session = Session(Run(), self.client, self.conversation, {}, as_message, read=read, **more)
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
