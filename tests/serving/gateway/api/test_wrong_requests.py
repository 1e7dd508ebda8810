"""Every way to ask wrongly, with its exact status and code; and what all problems share."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from serving.errors import all_errors
from tests.drawings import as_json, drawing, file_of
from tests.example_bodies import EXAMPLES, HOUSE
from tests.in_process import gateway

JSON = {"Content-Type": "application/json"}
NAN = float("nan")
NOT_UTF_8 = b'{"text": "\xff\xfe"}'
DEEP = b"[" * 100_000 + b"]" * 100_000


@dataclass(frozen=True)
class Wrong:
    """A request and the problem it must get."""

    status: int
    code: str
    path: str
    body: Any = b""
    headers: dict[str, str] = field(default_factory=lambda: JSON)
    method: str = "POST"
    fields: tuple[str, ...] = ()

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def image(data: bytes, status: int, code: str, **more: Any) -> list[Wrong]:
    """The same wrong picture in each of the ways in which pictures come."""
    return [
        Wrong(status, code, "/predict/image", as_json(data), **more),
        Wrong(status, code, "/predict/image", data, {"Content-Type": "image/png"}, **more),
    ]


SENTIMENT, IMAGE, HOUSING = "/predict/sentiment", "/predict/image", "/predict/housing"
CASES = {
    "empty body": [Wrong(400, "malformed-body", SENTIMENT)],
    "no JSON": [Wrong(400, "malformed-body", SENTIMENT, b"{text: hello}")],
    "half JSON": [Wrong(400, "malformed-body", SENTIMENT, b'{"text": "hel')],
    "no UTF-8": [Wrong(400, "malformed-body", SENTIMENT, NOT_UTF_8)],
    "lone surrogate": [Wrong(400, "malformed-body", SENTIMENT, b'{"text": "\\ud800"}')],
    "nested too deep": [
        Wrong(400, "malformed-body", SENTIMENT, DEEP),
        Wrong(400, "malformed-body", SENTIMENT, b'{"text": ' + DEEP + b"}"),
        Wrong(400, "malformed-body", SENTIMENT, b'{"a":' * 40_000 + b"1" + b"}" * 40_000),
        Wrong(400, "malformed-body", IMAGE, b'{"image": ' + DEEP + b"}"),
        Wrong(400, "malformed-body", f"{HOUSING}/batch", b'{"instances": ' + DEEP + b"}"),
    ],
    "not an object": [Wrong(422, "invalid-input", SENTIMENT, ["hello"])],
    "missing field": [Wrong(422, "invalid-input", SENTIMENT, {}, fields=("text",))],
    "extra field": [
        Wrong(422, "invalid-input", SENTIMENT, {"text": "a", "lang": "en"}, fields=("lang",))
    ],
    "text of wrong type": [Wrong(422, "invalid-input", SENTIMENT, {"text": 5}, fields=("text",))],
    "empty text": [Wrong(422, "invalid-input", SENTIMENT, {"text": ""}, fields=("text",))],
    "blank text": [Wrong(422, "invalid-input", SENTIMENT, {"text": " <br/> "}, fields=("text",))],
    "text too long": [
        Wrong(422, "invalid-input", SENTIMENT, {"text": "a" * 20_001}, fields=("text",))
    ],
    "blank text in a batch": [
        Wrong(
            *(422, "invalid-input", f"{SENTIMENT}/batch"),
            {"instances": [{"text": "good"}, {"text": " "}]},
            fields=("instances.1.text",),
        )
    ],
    "wrong house in a batch": [
        Wrong(
            *(422, "invalid-input", f"{HOUSING}/batch"),
            {"instances": [HOUSE, {**HOUSE, "latitude": 400}]},
            fields=("instances.1.latitude",),
        )
    ],
    "only the first wrong instance is told": [
        Wrong(
            *(422, "invalid-input", f"{HOUSING}/batch"),
            {"instances": [HOUSE, {**HOUSE, "latitude": 400}, {**HOUSE, "longitude": 400}]},
            fields=("instances.1.latitude",),
        )
    ],
    "an integer of 400 digits": [
        Wrong(422, "invalid-input", HOUSING, {**HOUSE, "latitude": 10**400}, fields=("latitude",))
    ],
    "nothing but unknown fields": [
        Wrong(
            *(422, "invalid-input", f"{HOUSING}/batch"),
            {"instances": [{f"k{i}": 1 for i in range(5_000)}] * 128},
        )
    ],
    "an unknown field with a long name": [
        Wrong(422, "invalid-input", HOUSING, {**HOUSE, "x" * 9_999: 1}, fields=("x" * 100,))
    ],
    "empty batch": [
        Wrong(422, "invalid-input", f"{HOUSING}/batch", {"instances": []}, fields=("instances",))
    ],
    "extra field beside the instances": [
        Wrong(
            *(422, "invalid-input", f"{HOUSING}/batch", {"instances": [HOUSE], "version": 1}),
            fields=("version",),
        )
    ],
    "batch too large": [
        Wrong(
            *(422, "invalid-input", f"{HOUSING}/batch"),
            {"instances": [HOUSE] * 129},
            fields=("instances",),
        )
    ],
    "several wrong fields": [
        Wrong(
            *(422, "invalid-input", HOUSING, {**HOUSE, "latitude": 400, "total_rooms": -1}),
            fields=("latitude", "total_rooms"),
        )
    ],
    "NaN": [Wrong(422, "invalid-input", HOUSING, {**HOUSE, "latitude": NAN}, fields=("latitude",))],
    "infinity": [
        Wrong(
            422,
            "invalid-input",
            HOUSING,
            {**HOUSE, "households": float("inf")},
            fields=("households",),
        )
    ],
    "more bedrooms than rooms": [
        Wrong(
            422,
            "invalid-input",
            HOUSING,
            {**HOUSE, "total_bedrooms": 9e5},
            fields=("total_bedrooms",),
        )
    ],
    "unknown proximity": [
        Wrong(
            422,
            "invalid-input",
            HOUSING,
            {**HOUSE, "ocean_proximity": "x"},
            fields=("ocean_proximity",),
        )
    ],
    "no base64": [Wrong(422, "invalid-input", IMAGE, {"image": "???"}, fields=("image",))],
    "no picture": image(b"hello", 422, "invalid-image", fields=("image",)),
    "truncated picture": image(
        file_of(drawing(), "JPEG")[:400], 422, "invalid-image", fields=("image",)
    ),
    "format not accepted": image(file_of(drawing(), "ICO"), 422, "invalid-image"),
    "picture of too many bytes": image(
        file_of(drawing()) + bytes(5_000_000), 413, "payload-too-large", fields=("image",)
    ),
    "body too large": [
        Wrong(413, "payload-too-large", SENTIMENT, b'{"text": "' + b"a" * 33_000_000 + b'"}')
    ],
    "unknown model": [
        Wrong(404, "unknown-model", "/predict/weather", {}),
        Wrong(404, "unknown-model", "/predict/weather/batch", {}),
        Wrong(404, "unknown-model", "/models/weather", method="GET"),
    ],
    "unknown path": [
        Wrong(404, "not-found", "/nothing", method="GET"),
        Wrong(404, "not-found", "/errors/nothing", method="GET"),
        Wrong(404, "not-found", "/healthz/", method="GET"),
        Wrong(404, "not-found", f"{SENTIMENT}/", HOUSE),
    ],
    "wrong method": [
        Wrong(405, "method-not-allowed", SENTIMENT, method="GET"),
        Wrong(405, "method-not-allowed", f"{SENTIMENT}/batch", method="PUT"),
        Wrong(405, "method-not-allowed", "/models", method="DELETE"),
    ],
    "version that is no number": [
        Wrong(422, "invalid-input", f"{HOUSING}?version=new", HOUSE, fields=("query.version",)),
        Wrong(422, "invalid-input", f"{HOUSING}?version=0", HOUSE, fields=("query.version",)),
    ],
    "misspelt query": [
        Wrong(422, "invalid-input", f"{HOUSING}?verison=1", HOUSE, fields=("query.verison",)),
        Wrong(422, "invalid-input", f"{HOUSING}?version=1&label=stable", HOUSE),
        Wrong(422, "invalid-input", f"{HOUSING}?version=1&version=2", HOUSE),
        Wrong(422, "invalid-input", f"{HOUSING}?label=a&label=a", HOUSE),
    ],
    "wrong content type": [
        Wrong(415, "unsupported-media-type", SENTIMENT, b"hello", {"Content-Type": "text/plain"}),
        Wrong(415, "unsupported-media-type", SENTIMENT, {"text": "a"}, {"Content-Type": ""}),
        Wrong(415, "unsupported-media-type", SENTIMENT, b"", {"Content-Type": "image/png"}),
        Wrong(415, "unsupported-media-type", f"{IMAGE}/batch", b"", {"Content-Type": "image/png"}),
    ],
    "compressed body": [
        Wrong(
            *(415, "unsupported-media-type", SENTIMENT, b'{"text": "a"}'),
            {**JSON, "Content-Encoding": "br"},
        ),
        Wrong(
            *(400, "malformed-body", SENTIMENT, b'{"text": "a"}'),
            {**JSON, "Content-Encoding": "deflate"},
        ),
        Wrong(
            *(400, "malformed-body", SENTIMENT, b'{"text": "a"}'),
            {**JSON, "Content-Encoding": "gzip"},
        ),
        Wrong(
            *(413, "payload-too-large", SENTIMENT, gzip.compress(bytes(50_000_000))),
            {**JSON, "Content-Encoding": "gzip"},
        ),
    ],
    "broken form": [
        Wrong(400, "malformed-body", IMAGE, b"x", {"Content-Type": "multipart/form-data"}),
        Wrong(
            400, "malformed-body", IMAGE, b"x", {"Content-Type": "multipart/form-data; boundary=b"}
        ),
    ],
    "form in a charset that is none": [
        Wrong(
            *(400, "malformed-body", IMAGE),
            b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\nx\r\n--b--\r\n',
            {"Content-Type": "multipart/form-data; boundary=b; charset=undefined"},
        )
    ],
    "form without a file": [
        Wrong(
            *(400, "malformed-body", IMAGE),
            b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nx\r\n--b--\r\n',
            {"Content-Type": "multipart/form-data; boundary=b"},
        ),
        Wrong(
            400,
            "malformed-body",
            IMAGE,
            b"--b--\r\n",
            {"Content-Type": "multipart/form-data; boundary=b"},
        ),
    ],
}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """One gateway for all: what is wrong leaves no trace."""
    with gateway() as tfgate:
        yield tfgate.client


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_request_gets_its_problem(http: httpx.Client, name: str) -> None:
    for case in CASES[name]:
        answer = http.request(case.method, case.path, content=case.content, headers=case.headers)

        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (case.status, case.code), problem
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert problem["status"] == case.status
        assert problem["instance"] == case.path.partition("?")[0]
        assert problem["request_id"] == answer.headers["X-Request-ID"]
        assert problem["detail"]
        assert problem["hint"]
        if case.fields:
            assert tuple(error["field"] for error in problem["errors"]) == case.fields


def test_the_type_of_every_problem_leads_to_its_meaning(http: httpx.Client) -> None:
    for error in all_errors():
        meaning = http.get(f"/errors/{error.code}").json()

        assert (meaning["code"], meaning["hint"]) == (error.code, error.hint)
        assert meaning["meaning"]


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 10**30, -(10**299)])
def test_a_number_of_any_size_is_told_as_one(http: httpx.Client, number: int) -> None:
    for path, name in (("sentiment", "text"), ("housing", "latitude"), ("image", "image")):
        answer = http.post(f"/predict/{path}", json={**EXAMPLES[path], name: number})

        assert answer.status_code == 422
        if path == "housing":
            assert float(answer.json()["errors"][0]["received"]) == pytest.approx(float(number))


def test_the_message_says_what_was_received_and_what_is_accepted(http: httpx.Client) -> None:
    problem = http.post("/predict/housing", json={**HOUSE, "latitude": 400}).json()

    (error,) = problem["errors"]
    assert error["received"] == 400
    assert "less than or equal to 90" in error["message"]


def test_no_problem_repeats_the_payload(http: httpx.Client) -> None:
    private = "my private words, which are longer than what is shown"

    answers = [
        http.post("/predict/sentiment", json={"text": [private]}),
        http.post("/predict/sentiment", json=private),
        http.post("/predict/sentiment", content=f'{{"text": "{private}'.encode(), headers=JSON),
        http.post("/predict/housing", json={**HOUSE, "ocean_proximity": private}),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 400, 422]
    assert all(private[:20] not in answer.text for answer in answers)


def test_a_wrong_method_is_told_the_right_ones(http: httpx.Client) -> None:
    for path, allowed in (
        (SENTIMENT, "POST"),
        (f"{IMAGE}/batch", "POST"),
        ("/models", "GET, HEAD"),
    ):
        answer = http.request("PATCH", path)

        assert answer.status_code == 405
        assert answer.headers["Allow"] == allowed
        assert allowed in answer.json()["detail"]
