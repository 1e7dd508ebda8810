"""The recorded reloads that are odd, get stuck, or bring a model that cannot load."""

import shutil
from pathlib import Path

import grpc
import pytest

from tests.contract.tf_serving import recorded
from tests.contract.tf_serving.conftest import Serve
from tests.contract.tf_serving.in_order import play
from tests.contract.tf_serving.recorded import Case, Outcome

# The recorder's clients gave up after 6 seconds; that they give up is what counts.
SECONDS_UNTIL_THE_CLIENT_GIVES_UP = 1.5


@pytest.mark.parametrize(
    "recording",
    [
        "reload_broken_model",
        "reload_version_without_pb",
        "reload_odd_empty_name",
        "reload_odd_platform_unknown_new_model",
    ],
)
def test_odd_reload(serve: Serve, models: Path, recording: str) -> None:
    with serve() as channel:
        play(channel, recorded.read(recording, models))


def test_missing_base_path_holds_up_reloads_but_not_answers(
    serve: Serve, models: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    shutil.copytree(
        models / "saved_model_half_plus_two_cpu", folder / "saved_model_half_plus_two_cpu"
    )

    def give_up(channel: grpc.Channel, case: Case) -> Outcome:
        return recorded.ask(channel, case, SECONDS_UNTIL_THE_CLIENT_GIVES_UP)

    def base_path_appears() -> None:
        shutil.copytree(folder / "saved_model_half_plus_two_cpu", tmp_path / "late")
        (tmp_path / "late").rename(folder / "late")

    with serve(folder) as channel:
        play(
            channel,
            recorded.read("reload_stuck_missing_path", folder),
            before={"7_status_late_after_dir_appears": base_path_appears},
            special={"1_missing_base_path": give_up, "5_reload_while_stuck": give_up},
        )


@pytest.mark.usefixtures("own_flags_only")  # leaves a server that takes no configuration any more
def test_missing_platform_is_remembered(serve: Serve, models: Path) -> None:
    with serve() as channel:
        play(channel, recorded.read("reload_odd_platform_missing", models))
