"""How large bodies may be; what is sent after the limit is not waited for."""

import httpx

from tests.example_bodies import EXAMPLES
from tests.in_process import Gateway, gateway


def test_a_body_without_length_is_cut_off_at_the_limit(http: httpx.Client) -> None:
    answer = http.post(
        "/predict/sentiment",
        content=(b"a" * 1_000_000 for _ in range(40)),
        headers={"Content-Type": "application/json"},
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "payload-too-large")


def test_an_announced_length_above_the_limit_is_refused_before_it_is_sent(tfgate: Gateway) -> None:
    lengths = {"Content-Length": "99000000"}

    answer = tfgate.ask("/predict/sentiment", {}, lengths, withheld=1).answer()

    assert (answer.status, answer.code) == (413, "payload-too-large")


def test_the_limit_is_the_settings(http: httpx.Client) -> None:
    with gateway(max_body_bytes=1_000) as tfgate:
        for length, status in ((900, 200), (1_000, 413)):
            document = {"text": "a" * length}
            assert tfgate.client.post("/predict/sentiment", json=document).status_code == status


def test_a_client_that_leaves_in_the_middle_harms_nobody(tfgate: Gateway) -> None:
    with tfgate.ask("/predict/sentiment", EXAMPLES["sentiment"], withheld=10):
        tfgate.wait_until_inside(1)

    tfgate.wait_until_inside(0)
    assert tfgate.client.post("/predict/sentiment", json=EXAMPLES["sentiment"]).is_success
