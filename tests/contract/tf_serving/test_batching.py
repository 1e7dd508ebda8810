"""The recorded calls to a server that runs calls together."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.contract.tf_serving import held, recorded, saved_models
from tests.contract.tf_serving.recorded import Case
from tests.contract.tf_serving.servers import embedded_server, wait_until_available, write_config
from tests.stack import wait_until

pytestmark = pytest.mark.usefixtures("own_flags_only")

CASES = {case["id"]: case for case in recorded.read("batching")}
RAGGED = [case for name, case in CASES.items() if name.startswith("ragged_concurrent")]
QUEUED = [case for name, case in CASES.items() if name.startswith("queue_")]
# What another of them holds up, or takes longer than its deadline.
TOGETHER = {*(case["id"] for case in [*RAGGED, *QUEUED]), "batch_deadline_while_queued"}
EMPTY = {"size0_last", "size1_after_size0"}
ALONE = [case for name, case in CASES.items() if name not in TOGETHER | EMPTY]


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version of the slow model that no other module holds or releases."""
    version = tmp_path_factory.mktemp("slow") / "2"
    saved_models.build_slow(version)
    return version


@pytest.fixture(scope="module")
def server(
    models: Path, slow: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[grpc.Channel]:
    folder = tmp_path_factory.mktemp("batching")
    base_paths = {"multi": models / "multi", "clf": models / "clf", "slow": slow.parent}
    base_paths["half_plus_two"] = models / "saved_model_half_plus_two_cpu"
    config, batching = folder / "models.config", folder / "batching.config"
    write_config(config, base_paths)
    recording = (recorded.RECORDINGS / "batching.json").read_text(encoding="utf-8")
    batching.write_text(json.loads(recording)["batching_parameters"], encoding="utf-8")
    with embedded_server(
        f"--model_config_file={config}",
        "--enable_batching=true",
        f"--batching_parameters_file={batching}",
        "--grpc_max_threads=32",
    ) as channel:
        yield channel


@pytest.mark.parametrize("case", ALONE, ids=lambda case: case["id"])
def test_answers_as_recorded(server: grpc.Channel, case: Case) -> None:
    assert recorded.ask(server, case) == recorded.expected(case)


def test_a_call_without_rows_waits_for_one_with_rows(server: grpc.Channel) -> None:
    empty, one = (CASES[name] for name in sorted(EMPTY))
    assert recorded.ask(server, empty, timeout=0.3) == recorded.expected(empty)
    assert recorded.ask(server, one) == recorded.expected(one)


def take_the_thread(server: grpc.Channel) -> tuple[list[grpc.Future], Case]:
    """Send full batches of the held model until one runs and one waits; the others are refused."""
    case = recorded.until_released(QUEUED[0])
    del case["request_b64"]
    calls: list[grpc.Future] = [recorded.start(server, case) for _ in QUEUED]

    def all_but_two_are_refused() -> bool:
        waiting = sum(not call.done() for call in calls)
        if waiting == 1:  # the others came before the first one ran
            calls.append(recorded.start(server, case))
        return waiting == 2

    wait_until(all_but_two_are_refused, "one batch at work and one that waits")
    return calls, case


def test_a_full_queue_refuses(server: grpc.Channel, slow: Path) -> None:
    accepted, refused = recorded.expected(QUEUED[0]), recorded.expected(QUEUED[-1])
    with held.holding(slow):
        calls, case = take_the_thread(server)
        held.release(slow)
        outcomes = Counter(recorded.outcome(call, case) for call in calls)
    assert outcomes == {accepted: 2, refused: len(calls) - 2}


def test_calls_that_wait_together_run_together(server: grpc.Channel, slow: Path) -> None:
    """Different shapes in one batch are refused, equal ones each get their own rows back."""
    cases = [*RAGGED, CASES["one"], CASES["size3_padded_to_4"]]
    with held.holding(slow):
        take_the_thread(server)
        calls = [recorded.start(server, case) for case in cases]
        # The server takes calls in order: when this one is answered, the others wait.
        wait_until_available(server, "slow", 1)
        held.release(slow)
        for call, case in zip(calls, cases, strict=True):
            assert recorded.outcome(call, case) == recorded.expected(case), case["id"]
