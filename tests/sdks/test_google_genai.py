"""Google's client against the sandbox's Gemini."""

from __future__ import annotations

import re

import pytest

from .conftest import FUNCTIONS, call

genai = pytest.importorskip("google.genai", reason="needs Google's client: pip install '.[sdks]'")
pydantic = pytest.importorskip("pydantic", reason="comes with the clients")

from google.genai import errors, types  # noqa: E402

MODEL = "test-gemini"
QUESTION = "Use get_weather for Paris, and add 2 and 3"
CALLED = [("get_weather", {"city": "Paris"}), ("add", {"a": 2, "b": 3})]
TOLD = "The tools answered: get_weather: 12 degrees in Paris; add: 5"
THOUGHTS = "The user asks: '2+2?'. A short, clear answer will do."
TOOLS = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name=name, description=text, parameters_json_schema=schema)
            for name, (text, schema) in FUNCTIONS.items()
        ]
    )
]
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)
ALOUD = types.ThinkingConfig(include_thoughts=True)


class City(pydantic.BaseModel):
    name: str
    people: int


def connect(shapes, **given):
    options = {"base_url": f"{shapes.url}/gemini", "api_version": "v1", **given}
    return genai.Client(api_key=shapes.key, http_options=types.HttpOptions(**options))


@pytest.fixture
def models(shapes):
    client = connect(shapes)
    yield client.models
    client.close()


@pytest.fixture
def strict(shapes):
    """With true HTTP errors, which the client knows how to read."""
    client = connect(shapes, headers={"X-Sandbox-Fault": "http-errors"})
    yield client.models
    client.close()


def ask(models, contents, *, is_streamed=False, **config):
    """The parts of an answer, texts joined, and its last chunk."""
    given = {"model": MODEL, "contents": contents, "config": types.GenerateContentConfig(**config)}
    if not is_streamed:
        answer = models.generate_content(**given)
        return answer.candidates[0].content.parts, answer
    chunks = list(models.generate_content_stream(**given))
    return [part for chunk in chunks for part in chunk.candidates[0].content.parts], chunks[-1]


def texts(parts, *, thought=None):
    return "".join(part.text for part in parts if part.text and part.thought is thought)


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
def test_a_question_is_answered(models, is_streamed):
    parts, last = ask(models, "2+2?", is_streamed=is_streamed, system_instruction="Be brief.")

    assert texts(parts) == "2 + 2 = 4"
    assert last.candidates[0].finish_reason == types.FinishReason.STOP
    assert last.usage_metadata.model_dump(exclude_none=True) == {
        "prompt_token_count": 10,
        "prompt_tokens_details": [{"modality": types.MediaModality.TEXT, "token_count": 10}],
        "candidates_token_count": 3,
        "thoughts_token_count": 42,
        "total_token_count": 55,
    }
    assert last.model_version == MODEL


def test_thoughts_are_told_when_asked_for(models):
    whole, _ = ask(models, "2+2?", thinking_config=ALOUD)
    streamed, _ = ask(models, "2+2?", thinking_config=ALOUD, is_streamed=True)

    assert texts(whole, thought=True) == texts(streamed, thought=True) == THOUGHTS
    assert texts(whole) == texts(streamed) == "2 + 2 = 4"


def test_usage_is_a_running_total_on_every_chunk(models):
    chunks = list(models.generate_content_stream(model=MODEL, contents="Tell me about Rome"))

    counts = [chunk.usage_metadata.candidates_token_count for chunk in chunks]
    assert counts == sorted(counts) and len(set(counts)) > 4
    assert all(chunk.usage_metadata.prompt_token_count == 8 for chunk in chunks)


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
def test_functions_are_called_and_their_answers_used(models, is_streamed):
    given = {"tools": TOOLS, "automatic_function_calling": BY_HAND, "is_streamed": is_streamed}
    question = types.Content(role="user", parts=[types.Part(text=QUESTION)])
    asked, _ = ask(models, [question], **given)
    calls = [part.function_call for part in asked if part.function_call]
    answers = [
        types.Part(
            function_response=types.FunctionResponse(
                id=one.id, name=one.name, response={"result": call(one.name, one.args)}
            )
        )
        for one in calls
    ]
    told, last = ask(
        models, [question, types.Content(role="model", parts=asked), types.Content(role="user", parts=answers)], **given
    )

    assert [(one.name, one.args) for one in calls] == CALLED
    assert texts(told) == TOLD
    assert last.candidates[0].finish_reason == types.FinishReason.STOP


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
def test_the_client_calls_python_functions_by_itself(models, is_streamed):
    def add(a: int, b: int) -> int:
        """The sum of two numbers."""
        return a + b

    # Older versions of this client do not understand annotations that are text, as those of this file are.
    add.__annotations__ = {"a": int, "b": int, "return": int}
    parts, _ = ask(models, "Use add for 20 and 22", tools=[add], is_streamed=is_streamed)

    assert texts(parts) == "The tool answered: 42"


@pytest.mark.parametrize(
    ("signature", "text"),
    [(None, "Function call is missing a thought_signature"), (b"no", "Thought signature is not valid")],
)
def test_signatures_have_to_come_back(strict, signature, text):
    question = types.Content(role="user", parts=[types.Part(text="add 2 and 3")])
    asked, _ = ask(strict, [question], tools=TOOLS, automatic_function_calling=BY_HAND)
    changed = types.Content(
        role="model", parts=[types.Part(function_call=asked[0].function_call, thought_signature=signature)]
    )
    answer = types.Part(function_response=types.FunctionResponse(id=None, name="add", response={"result": 5}))
    contents = [question, changed, types.Content(role="user", parts=[answer])]

    with pytest.raises(errors.ClientError, match=text) as raised:
        ask(strict, contents, tools=TOOLS, automatic_function_calling=BY_HAND)

    assert raised.value.code == 400


@pytest.mark.parametrize(
    "form",
    [{"response_schema": City}, {"response_json_schema": City.model_json_schema()}],
    ids=["Google's schema", "JSON Schema"],
)
def test_a_structured_answer_fits_its_schema(models, form):
    _, answer = ask(models, "Tell me about Rome", response_mime_type="application/json", **form)

    assert City.model_validate(answer.parsed) == City(name="Rome", people=1)


@pytest.mark.parametrize(("mode", "names"), [("AUTO", []), ("NONE", []), ("ANY", ["add"])])
def test_the_tool_choice_is_honoured(models, mode, names):
    allowed = ["add"] if mode == "ANY" else None
    calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=allowed)
    parts, _ = ask(
        models,
        "hello",
        tools=TOOLS,
        tool_config=types.ToolConfig(function_calling_config=calling),
        automatic_function_calling=BY_HAND,
    )

    assert [part.function_call.name for part in parts if part.function_call] == names


def test_files_are_counted_by_kind(models):
    parts = [
        types.Part(text="What is this?"),
        types.Part.from_bytes(data=b"\xff\xfb", mime_type="audio/mpeg"),
        types.Part.from_uri(file_uri="https://example.com/cat.png", mime_type="image/png"),
    ]
    answered, last = ask(models, [types.Content(role="user", parts=parts)])

    assert "I was given 2 files." in texts(answered)
    assert {one.modality.value: one.token_count for one in last.usage_metadata.prompt_tokens_details} == {
        "TEXT": 7,
        "IMAGE": 258,
        "AUDIO": 258,
    }


def test_max_output_tokens_cut_the_answer(models):
    _, answer = ask(models, "Tell me", max_output_tokens=5)

    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    used = answer.usage_metadata
    assert (used.candidates_token_count, used.thoughts_token_count) == (3, 2)


def test_a_prompt_can_be_blocked(models):
    answer = models.generate_content(model=MODEL, contents="hi [[fault:blocked]]")
    (chunk,) = models.generate_content_stream(model=MODEL, contents="hi [[fault:blocked]]")

    assert answer.candidates is None and chunk.candidates is None
    assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert chunk.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("chat:code=401", errors.ClientError, 401),
        ("rate-limit", errors.ClientError, 429),
        ("chat:code=500", errors.ServerError, 500),
    ],
)
def test_errors_are_those_of_the_client(strict, fault, error, code):
    with pytest.raises(error) as raised:
        ask(strict, f"hi [[fault:{fault}]]")

    assert raised.value.code == code


def test_an_error_in_the_middle_is_raised(models):
    with pytest.raises(errors.APIError, match=re.escape("The model is overloaded")):
        ask(models, "Tell me [[fault:maker-error]]", is_streamed=True)
