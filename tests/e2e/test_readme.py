"""What README and API page ask is asked as it stands there, and must get the answers shown."""

import json
import re
import shlex
from typing import Any

import httpx
import pytest

from tests.compare import assert_same
from tests.stack import ROOT

PAGES = "".join((ROOT / page).read_text() for page in ("README.md", "docs/api.md"))
PAIRS = re.findall(r"```sh\n(curl (?:(?!```).)*)```\n+```json\n(.*?)```", PAGES, re.DOTALL)
PREFIX = "http://127.0.0.1:8000"


def ask(http: httpx.Client, command: str) -> dict[str, Any]:
    """Send what the curl command would; a kind of option that is new here is an error."""
    words = iter(shlex.split(command.replace("\\\n", "")))
    assert next(words) == "curl"
    url, content, headers = "", b"", {}
    for word in words:
        match word:
            case "-H":
                name, value = next(words).split(": ")
                headers[name] = value
            case "-d":
                content = next(words).encode()
            case "--data-binary":
                content = (ROOT / next(words).removeprefix("@")).read_bytes()
            case _:
                assert word.startswith(PREFIX), word
                url = word.removeprefix(PREFIX)
    document: dict[str, Any] = http.post(url, content=content, headers=headers).json()
    return document


def test_there_is_a_question_for_each_model_one_for_why_and_one_error() -> None:
    paths = [re.findall(rf"{PREFIX}/predict/(\w+)", command)[0] for command, _ in PAIRS]

    assert sorted(paths) == ["housing", "housing", "housing", "image", "sentiment"]


@pytest.mark.parametrize(("command", "shown"), PAIRS)
def test_the_answer_shown_is_the_answer_given(http: httpx.Client, command: str, shown: str) -> None:
    given, expected = ask(http, command), json.loads(shown)

    given["request_id"] = expected["request_id"]  # new each time
    assert_same(given, expected, tolerance=1e-3)
