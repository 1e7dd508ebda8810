"""Bodies: how large they may be, however they arrive, and what becomes of those that do not."""

import socket

import httpx

JSON = {"Content-Type": "application/json"}


def test_a_body_without_length_is_cut_off_at_the_limit(http: httpx.Client) -> None:
    chunks = (b"a" * 1_000_000 for _ in range(40))

    answer = http.post("/predict/sentiment", content=chunks, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (413, "payload-too-large")


def test_an_announced_length_above_the_limit_is_refused_before_it_is_sent(gateway: str) -> None:
    url = httpx.URL(gateway)
    head = (
        "POST /predict/sentiment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 99000000\r\n\r\n"
    )

    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_leaves_in_the_middle_harms_nobody(http: httpx.Client, gateway: str) -> None:
    url = httpx.URL(gateway)
    head = (
        "POST /predict/sentiment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        'Content-Length: 1000\r\n\r\n{"text": "half'
    )
    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        connection.sendall(head.encode())

    assert http.post("/predict/sentiment", json={"text": "still there?"}).status_code == 200
