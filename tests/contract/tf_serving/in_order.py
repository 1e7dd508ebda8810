"""Repeating a recorded sequence, in which every call depends on the ones before it.

States change in the background, so a recorded status is waited for and not sampled once.
"""

from collections.abc import Callable, Mapping, Sequence

import grpc
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusResponse, ModelVersionStatus

from tests.contract.tf_serving import recorded
from tests.contract.tf_serving.recorded import Case, Outcome
from tests.stack import wait_until

Play = Callable[[grpc.Channel, Case], Outcome]


def play(
    channel: grpc.Channel,
    cases: Sequence[Case],
    before: Mapping[str, Callable[[], object]] | None = None,
    special: Mapping[str, Play] | None = None,
) -> None:
    """Repeat the cases; `before` does something ahead of a case, `special` asks it another way."""
    for case in cases:
        (before or {}).get(case["id"], lambda: None)()
        ask = (special or {}).get(case["id"], recorded.ask)
        if case["method"] == "GetModelStatus":
            wait_for_status(channel, case)
        else:
            assert ask(channel, case) == recorded.expected(case), case["id"]


def wait_for_status(channel: grpc.Channel, case: Case) -> None:
    """Wait until the status is the recorded one, or one a moment further on its way there."""
    wanted = _on_the_way(recorded.expected(case))
    wait_until(
        lambda: _on_the_way(recorded.ask(channel, case)) == wanted,
        f"the status of {case['id']}",
    )


def _on_the_way(outcome: Outcome) -> Outcome:
    # START lasts for a tenth of a second at most; whether a call meets it or LOADING is chance.
    if outcome.code != "OK":
        return outcome
    status = GetModelStatusResponse.FromString(outcome.answer)
    for version in status.model_version_status:
        if version.state == ModelVersionStatus.LOADING:
            version.state = ModelVersionStatus.START
    return Outcome("OK", answer=status.SerializeToString(deterministic=True))
