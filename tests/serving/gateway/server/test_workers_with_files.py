"""Several workers follow the files that all of them read.

Nobody runs behind them, so who is let in hears 503.
"""

from pathlib import Path

import httpx

from tests import stack
from tests.workers import listening
from tfgate.keys import create, revoke

LET_IN, SHUT_OUT = {503}, {401}


def test_every_worker_follows_the_file_and_waits_for_a_good_one(tmp_path: Path) -> None:
    keys = tmp_path / "keys.jsonl"
    create(keys, "other")
    key = create(keys, "everything")
    with stack.gateway_process(keys_file=str(keys), workers="2") as (running, url):

        def statuses() -> set[int]:
            # Each on a connection of its own, which the kernel gives to either worker.
            headers = {"Authorization": f"Bearer {key}"}
            return {httpx.get(f"{url}/models", headers=headers).status_code for _ in range(12)}

        stack.wait_until(lambda: len(listening(running)) == 2, "both workers")
        assert statuses() == LET_IN

        good = keys.read_text()
        keys.write_text("broken")
        listening(running)[0].kill()
        stack.wait_until(lambda: len(listening(running)) == 1, "a worker's death")
        assert statuses() == LET_IN, "the other one has the keys from before"
        keys.write_text(good)
        stack.wait_until(lambda: len(listening(running)) == 2, "another worker")
        assert statuses() == LET_IN

        revoke(keys, "everything")
        stack.wait_until(lambda: statuses() == SHUT_OUT, "refusal by both")


def test_a_worker_that_dies_waits_for_a_list_of_models_that_is_being_written(
    tmp_path: Path,
) -> None:
    config = tmp_path / "models.config"
    config.write_text("model_config_list {}")
    with stack.gateway_process(models_config=str(config), workers="2") as (running, url):
        stack.wait_until(lambda: len(listening(running)) == 2, "both workers")

        config.write_text("model_config_list {")
        listening(running)[0].kill()
        stack.wait_until(lambda: len(listening(running)) == 1, "a worker's death")
        assert httpx.get(f"{url}/healthz").is_success
        config.unlink()
        assert httpx.get(f"{url}/healthz").is_success
        config.write_text("model_config_list {}")
        stack.wait_until(lambda: len(listening(running)) == 2, "another worker")


def test_a_list_of_models_that_is_none_is_told_before_any_worker_starts(tmp_path: Path) -> None:
    config = tmp_path / "models.config"
    config.write_text("nonsense {")

    message = stack.refusal(models_config=str(config), workers="2")

    assert f"{config} is no models.config" in message
