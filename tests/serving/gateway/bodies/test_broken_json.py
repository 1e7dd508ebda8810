"""Bodies that are no JSON: each is told where it breaks off, why, and what to do."""

from collections.abc import Iterator

import httpx
import pytest

from tests.in_process import gateway

JSON = {"Content-Type": "application/json"}
TEXT = '{"text": "a"}'


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """One gateway for all: what is wrong leaves no trace."""
    with gateway() as tfgate:
        yield tfgate.client


def problem(http: httpx.Client, body: bytes) -> dict[str, str]:
    answer = http.post("/predict/sentiment", content=body, headers=JSON)
    found: dict[str, str] = answer.json()
    assert (answer.status_code, found["code"]) == (400, "malformed-body"), found
    return found


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t"])
def test_an_empty_body_is_called_empty(http: httpx.Client, body: bytes) -> None:
    found = problem(http, body)

    assert "the body is empty" in found["detail"]
    assert "GET /models/sentiment " in found["hint"]


@pytest.mark.parametrize(
    ("codec", "told"),
    [
        ("utf-8-sig", "begins with a byte order mark (BOM)"),
        ("utf-16", "encoded as UTF-16"),
        ("utf-16-le", "encoded as UTF-16"),
        ("utf-16-be", "encoded as UTF-16"),
        ("utf-32", "encoded as UTF-32"),
        ("utf-32-le", "encoded as UTF-32"),
        ("utf-32-be", "encoded as UTF-32"),
    ],
)
def test_another_encoding_is_named(http: httpx.Client, codec: str, told: str) -> None:
    for text in (TEXT, f"[{TEXT}]", ' {"text": "ä"}'):
        found = problem(http, text.encode(codec))

        assert told in found["detail"]
        assert "UTF-8 without a byte order mark" in found["hint"]
        assert "PowerShell" in found["hint"]


@pytest.mark.parametrize(
    ("body", "place", "told", "hint"),
    [
        ("{'text': 'a'}", (1, 2), "single quote", "json.dumps"),
        ("{\n\"text\": 'a'}", (2, 9), "single quote", "json.dumps"),
        ("{\u201ctext\u201d: 1}", (1, 2), "typographic quote", "json.dumps"),
        ('{"text": \u2018a\u2019}', (1, 10), "typographic quote", "json.dumps"),
        ('{"text": "a",}', (1, 14), "comma", "Leave that comma out"),
        ('{"text": ["a",]}', (1, 15), "comma", "Leave that comma out"),
        ('{"text": "a"', (1, 12), "cut off", "complete"),
        ('{"text": "a', (1, 11), "cut off", "complete"),
        ('{"text":', (1, 8), "cut off", "complete"),
        ('{text: "a"}', (1, 2), "name", "json.dumps"),
        ('{"text": True}', (1, 10), "True is no JSON", "true, false and null"),
        ('{"text": None}', (1, 11), "None is no JSON", "true, false and null"),
        ('{"text": nan}', (1, 11), "nan is no JSON", "no NaN"),
        ('{"text": undefined}', (1, 10), "undefined is no JSON", "null"),
        (f"{TEXT}{TEXT}", (1, 14), "more after its end", "/batch"),
        (f"{TEXT}\n{TEXT}\n", (2, 1), "more after its end", "/batch"),
        (f"// said\n{TEXT}", (1, 1), "comment", "Leave comments out"),
        (f"# said\n{TEXT}", (1, 1), "comment", "Leave comments out"),
        (f"{TEXT} /* said */", (1, 15), "comment", "Leave comments out"),
        ('{/* said */ "text": "a"}', (1, 2), "comment", "Leave comments out"),
        ('{"text": "a\tb"}', (1, 12), "control character", "\\t for a tab"),
        ('{"text": "a\nb"}', (2, 0), "line break", "\\n for a line break"),
        ('{"text": "a\0b"}', (1, 12), "control character", "\\n"),
        ('{"text": "C:\\data"}', (1, 14), "backslash", "\\\\ for a backslash"),
        ('{"text": "\\ud800"}', (1, 17), "half of a character", "json.dumps"),
        ('{"text": "\\udc00"}', (1, 16), "half of a character", "json.dumps"),
        ('{"\\ud800": "a"}', (1, 9), "half of a character", "json.dumps"),
        ('{"text": "a" "b": 1}', (1, 14), "comma", "json.dumps"),
        ('{"text": "he said "no""}', (1, 20), "comma", '\\" for a double quote'),
        ('{"text" "a"}', (1, 9), "colon", "json.dumps"),
        ('{"text": 01}', (1, 11), "number", "0.5"),
        ('{"text": 1.}', (1, 12), "number", "0.5"),
        ('{"text": 0x1F}', (1, 11), "number", "0.5"),
        ('{"text": 1_000}', (1, 11), "number", "0.5"),
        ('{"text": 1.000.000}', (1, 15), "number", "0.5"),
        (f'{{"text": {"9" * 4_301}}}', (1, 4_311), "more digits than are read", "1e300"),
        ('{"text": +1}', (1, 10), "number", "5 for +5"),
        ('{"text": .5}', (1, 10), "number", "0.5 for .5"),
        ('{"text": 3,5}', (1, 12), "decimal comma", "0.5"),
        ("<p>What a film!</p>", (1, 1), "HTML", "json.dumps"),
        ("@review.json", (1, 1), "@FILE", "command"),
        ("%7B%22text%22%3A1%7D", (1, 1), "percent-encoded", "json.dumps"),
        ("What a film!", (1, 1), "double quotes", "json.dumps"),
        ("text=What+a+film", (1, 2), "double quotes", "json.dumps"),
        ("text;label\ngood;1\n", (1, 2), "double quotes", "json.dumps"),
        ("[" * 100_000, (1, 202), "nested too deeply", "schema"),
    ],
)
def test_the_place_and_the_usual_cause_are_told(
    http: httpx.Client, body: str, place: tuple[int, int], told: str, hint: str
) -> None:
    found = problem(http, body.encode())

    line, column = place
    assert f"line {line}, column {column}: " in found["detail"]
    assert told in found["detail"]
    assert hint in found["hint"]


@pytest.mark.parametrize(
    "body",
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\0\0\0\x18ftypheic", b"GIF89a", b"\xd0\xcf\x11"],
)
def test_a_file_is_no_json(http: httpx.Client, body: bytes) -> None:
    """Not even one whose bytes look like those of an encoding with more of them."""
    found = problem(http, body)

    assert "encoded" not in found["detail"]
    if not body.isascii() or b"\0" in body:
        assert "no text" in found["detail"]
        assert "image/png" in found["hint"]


def test_bytes_that_are_no_utf_8_are_told(http: httpx.Client) -> None:
    assert "not UTF-8" in problem(http, '{"text": "schön"}'.encode("latin-1"))["detail"]


def test_a_compressed_body_that_nobody_announced_is_recognised(http: httpx.Client) -> None:
    found = problem(http, b"\x1f\x8b\x08\x00")

    assert "gzip" in found["detail"]
    assert "Content-Encoding: gzip" in found["hint"]


def test_a_place_is_told_however_far_away(http: httpx.Client) -> None:
    assert "line 50001, column 1: " in problem(http, b"\n" * 50_000 + b"'")["detail"]


@pytest.mark.parametrize("value", ["-0", "1E5", "12345678901234567890", "1e-400"])
def test_every_number_of_json_is_one(http: httpx.Client, value: str) -> None:
    answer = http.post("/predict/sentiment", content=f'{{"text": {value}}}', headers=JSON)

    assert answer.status_code == 422
    assert float(answer.json()["errors"][0]["received"]) == pytest.approx(float(value))


@pytest.mark.parametrize(
    ("value", "told"),
    [("1e400", "infinite"), ("-1e400", "infinite"), ("Infinity", "infinite"), ("NaN", "NaN")],
)
def test_what_is_no_finite_number_is_told_as_such(
    http: httpx.Client, value: str, told: str
) -> None:
    answer = http.post("/predict/sentiment", content=f'{{"text": {value}}}', headers=JSON)

    assert answer.status_code == 422
    assert told in answer.json()["errors"][0]["received"]


@pytest.mark.parametrize("value", ["1,", "[],", '"",', '{"a":1},', "[" * 150 + "]" * 150 + ","])
def test_more_values_than_any_request_needs_are_not_read(http: httpx.Client, value: str) -> None:
    body = f'{{"x": [{value * 100_000}1]}}'
    answer = http.post("/predict/housing", content=body, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert "100,000 values" in answer.json()["detail"]


def test_what_breaks_before_that_is_told_nevertheless(http: httpx.Client) -> None:
    for body, told in (
        (b"{'x': [" + b"1," * 100_000, "single quote"),
        (b'{"x": ' + b"[" * 100_000, "nested too deeply"),
        (b"[]" + b"[]" * 100_000, "more after its end"),
    ):
        assert told in problem(http, body)["detail"]


@pytest.mark.parametrize("text", ["a,[{" * 5_000, '\\"' * 10_000, "\\\\" * 10_000])
def test_what_stands_within_a_text_is_no_value(http: httpx.Client, text: str) -> None:
    body = f'{{"instances": [{", ".join([f"""{{"text": "{text}"}}"""] * 128)}]}}'
    answer = http.post("/predict/sentiment/batch", content=body, headers=JSON)

    assert answer.status_code in {200, 503}, answer.text
