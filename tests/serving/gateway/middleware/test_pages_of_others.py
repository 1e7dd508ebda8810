"""What browsers are told: of every page, and of pages of other origins that want to ask."""

import httpx
import pytest

from tests.in_process import gateway

ORIGIN = "https://shop.example"


def test_browsers_may_not_frame_a_page_or_load_anything_else(http: httpx.Client) -> None:
    for path in ("/", "/docs"):
        headers = http.get(path).headers

        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_the_page_runs_no_script_but_its_own(http: httpx.Client) -> None:
    assert "unsafe" not in http.get("/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("asked", ["bytes=0-5", "bytes=9999999999-", "lines=1-2", "x", ""])
def test_a_file_is_given_as_a_whole(http: httpx.Client, asked: str) -> None:
    answer = http.get("/static-offline-docs/favicon.png", headers={"Range": asked})

    assert answer.status_code == 200
    assert answer.content == http.get("/static-offline-docs/favicon.png").content


def test_problems_with_files_lead_to_their_meaning(http: httpx.Client) -> None:
    for method, path in [("GET", "/static-offline-docs/no"), ("PUT", "/static-offline-docs/no")]:
        problem = http.request(method, path).json()

        assert problem["instance"] == path
        assert http.get(problem["type"]).json()["code"] == problem["code"]
        assert "GET /docs " in problem["hint"]


def test_other_origins_are_kept_out(http: httpx.Client) -> None:
    answer = http.get("/models", headers={"Origin": ORIGIN})

    assert "access-control-allow-origin" not in answer.headers


def test_origins_that_are_named_may_ask_and_read_every_answer() -> None:
    with gateway(cors_origins=f"https://other.example, {ORIGIN}") as tfgate:
        http, ours = tfgate.client, {"Origin": ORIGIN}
        asked = {
            **ours,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, x-api-key, traceparent",
        }
        assert http.options("/predict/housing", headers=asked).status_code == 200
        answer = http.post("/predict/housing", json={}, headers=ours)
        stranger = http.get("/models", headers={"Origin": "https://stranger.example"})

    assert answer.status_code == 422
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in stranger.headers
