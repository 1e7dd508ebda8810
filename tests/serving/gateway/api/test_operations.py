"""What operators and developers ask: health, and the pages that are read."""

import httpx

from tests.in_process import Gateway


def test_a_running_gateway_is_healthy(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}


def test_head_is_get_without_the_body(http: httpx.Client) -> None:
    for path in ("/", "/healthz", "/readyz", "/models", "/docs", "/openapi.json"):
        head, got = http.head(path), http.get(path)

        assert head.status_code == got.status_code == 200, path
        assert head.content == b""
        for name in ("Content-Type", "Content-Length"):
            assert head.headers[name] == got.headers[name], path


def test_head_never_predicts(tfgate: Gateway) -> None:
    answer = tfgate.client.head("/predict/housing")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert tfgate.server.calls == []


def test_the_docs_page_opens(http: httpx.Client) -> None:
    assert "swagger" in http.get("/docs").text.lower()
