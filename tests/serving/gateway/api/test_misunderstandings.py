"""What people take the API for, and how the answer leads them to what it is."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.example_bodies import HOUSE
from tests.in_process import gateway

TEXT = {"text": "What a film!"}
SENTIMENT, HOUSING = "/predict/sentiment", "/predict/housing"


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """One gateway for all: what is wrong leaves no trace."""
    with gateway() as tfgate:
        tfgate.wait_until_ready()
        yield tfgate.client


def problem(http: httpx.Client, path: str, document: Any, status: int = 422) -> Any:
    # Not httpx's own JSON, which refuses NaN.
    headers = {"Content-Type": "application/json"}
    answer = http.post(path, content=json.dumps(document), headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.parametrize(
    "document", [{"instances": [TEXT]}, {"instances": ["a"]}, [TEXT], ["a"], "a", None, 5]
)
def test_several_instances_are_sent_to_batch(http: httpx.Client, document: Any) -> None:
    hint = problem(http, SENTIMENT, document)["hint"]

    assert 'takes one instance, as {"text": …}' in hint
    assert 'POST /predict/sentiment/batch takes several, as {"instances": [' in hint


@pytest.mark.parametrize(
    "document",
    [
        *(TEXT, [TEXT], ["a"], "a", None, {"inputs": ["a"]}, {"instance": TEXT}),
        *({"instances": TEXT}, {"instances": "a"}, {}),
    ],
)
def test_a_single_instance_is_sent_to_the_path_without_batch(
    http: httpx.Client, document: Any
) -> None:
    hint = problem(http, f"{SENTIMENT}/batch", document)["hint"]

    assert hint.startswith('Send {"instances": [{"text": …}, …]}')
    assert "POST /predict/sentiment takes one instance" in hint


def test_rows_of_tensorflow_serving_are_told_what_an_instance_is(http: httpx.Client) -> None:
    found = problem(http, f"{HOUSING}/batch", {"instances": [[1, 2]]})

    assert found["errors"][0]["field"] == "instances.0"
    assert 'is an object, such as {"longitude": …, "latitude": …, …}' in found["hint"]


def test_a_batch_that_is_too_large_is_to_be_split(http: httpx.Client) -> None:
    found = problem(http, f"{SENTIMENT}/batch", {"instances": [TEXT] * 129})

    assert "129" in found["detail"]
    assert "Split it: send at most 128" in found["hint"]
    assert "Split" not in problem(http, f"{SENTIMENT}/batch", {"instances": []})["hint"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lattitude", "latitude"),
        ("Latitude", "latitude"),
        ("LATITUDE", "latitude"),
        ("totalRooms", "total_rooms"),
        ("ocean-proximity", "ocean_proximity"),
        ("median_incom", "median_income"),
    ],
)
def test_a_misspelt_field_gets_the_nearest_name(http: httpx.Client, name: str, meant: str) -> None:
    one = problem(http, HOUSING, {**HOUSE, name: 1})
    several = problem(http, f"{HOUSING}/batch", {"instances": [HOUSE, {**HOUSE, name: 1}]})

    assert one["detail"] == f"{name}: is no field; did you mean {meant}?"
    assert several["detail"] == f"instances.1.{name}: is no field; did you mean {meant}?"


@pytest.mark.parametrize("name", ["colour", "x" * 1_000_000, "\0\x1b\n", "", "💥", "<script>"])
def test_a_field_that_is_like_none_is_told_all_names(http: httpx.Client, name: str) -> None:
    found = problem(http, HOUSING, {**HOUSE, name: 1})

    [error] = found["errors"]
    assert error["field"] == (name[:100] or '""')
    assert found["detail"].startswith(error["field"])
    assert error["message"].startswith("is no field; there are: longitude, latitude, ")
    assert len(found["detail"]) < 500


def test_the_batchs_own_field_is_told_when_misspelt(http: httpx.Client) -> None:
    found = problem(http, f"{HOUSING}/batch", {"instances": [HOUSE], "signature_name": "x"})

    assert "there are: instances" in found["errors"][0]["message"]


@pytest.mark.parametrize(
    ("value", "received"),
    [
        ("near bay", "the text 'near bay'"),
        ("", "the text ''"),
        ("\x1b[31m", r"the text '\x1b[31m'"),
        ("x" * 40, f"the text '{'x' * 40}'"),
        ("x" * 41, "a text of 41 characters"),
        ("x" * 5_000, "a text of 5,000 characters"),
        (None, "null"),
        ([1], "a list of 1 item"),
        ({}, "an object of 0 items"),
        (3.5, 3.5),
    ],
)
def test_what_was_received_is_shown_if_it_is_short(
    http: httpx.Client, value: Any, received: Any
) -> None:
    found = problem(http, HOUSING, {**HOUSE, "ocean_proximity": value})

    assert found["errors"][0]["received"] == received
    assert found["detail"].endswith(f"; received {received}")


@pytest.mark.parametrize(
    ("value", "is_number"), [("3.5", True), (" 3", True), ("3,5", False), ("nan", False)]
)
def test_a_number_in_quotes_is_told_as_such(
    http: httpx.Client, value: str, is_number: bool
) -> None:
    message = problem(http, HOUSING, {**HOUSE, "latitude": value})["errors"][0]["message"]

    assert message == "Input should be a valid number" + is_number * ", without quotes"


def test_hints_name_the_model_that_was_asked(http: httpx.Client) -> None:
    assert "GET /models/housing shows" in problem(http, HOUSING, {})["hint"]
    unknown = problem(http, f"{HOUSING}?version=99", HOUSE, 404)
    assert "GET /models/housing lists" in unknown["hint"]


@pytest.mark.parametrize(
    "version",
    [
        *("1_0", "%2B1", "+1", "%201", "1%20", "%D9%A3", "%EF%BC%91", "1e3", "0x1", "1.0", "-1"),
        *("0", "", "new", "%ED%A0%80", "1%00", "1%0A", "²", str(2**63)),
        *("9" * 5_000, "0" * 5_000 + "1"),
    ],
)
def test_a_version_is_written_in_digits_alone(http: httpx.Client, version: str) -> None:
    found = problem(http, f"{HOUSING}?version={version}", HOUSE)

    [error] = found["errors"]
    assert error["field"] == "query.version"
    assert f"from 1 to {2**63 - 1}, in digits alone" in error["message"]
    assert "?version=3" in found["hint"]


def test_versions_in_digits_are_looked_for(http: httpx.Client) -> None:
    for version in ("1", "01", "%31"):
        problem(http, f"{HOUSING}?version={version}", HOUSE, 200)
    problem(http, f"{HOUSING}?version={2**63 - 1}", HOUSE, 404)


def test_queries_are_told_what_they_should_be(http: httpx.Client) -> None:
    assert "did you mean version?" in problem(http, f"{HOUSING}?verson=1", HOUSE)["detail"]
    assert "did you mean label?" in problem(http, f"{HOUSING}?lable=a", HOUSE)["detail"]
    assert "there are: version, label" in problem(http, f"{HOUSING}?x=1", HOUSE)["detail"]
    for twice in ("version=1&version=1", "version=1&version=2", "version=x&version=1"):
        assert "version 2 times" in problem(http, f"{HOUSING}?{twice}", HOUSE)["detail"]


def test_a_form_encoded_body_is_told_what_curl_lacks(http: httpx.Client) -> None:
    found = http.post(HOUSING, data={"latitude": "37.9"})

    assert found.status_code == 415
    assert "application/x-www-form-urlencoded" in found.json()["detail"]
    assert "curl -d" in found.json()["hint"]
    assert "-H 'Content-Type: application/json'" in found.json()["hint"]


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "x" * 9_999}]
)
def test_a_body_of_no_known_kind_is_told_how_json_is_sent(
    http: httpx.Client, headers: dict[str, str]
) -> None:
    for path, takes_files in (("housing", False), ("image", True), ("image/batch", False)):
        answer = http.post(f"/predict/{path}", content=b"{}", headers=headers)

        assert answer.status_code == 415
        assert "-H 'Content-Type: application/json'" in answer.json()["hint"]
        assert ("curl -F" in answer.json()["hint"]) == takes_files
        assert len(answer.json()["detail"]) < 300
