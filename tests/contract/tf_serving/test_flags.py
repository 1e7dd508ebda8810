"""The recorded calls to servers started with flags of their own."""

from collections import Counter
from pathlib import Path

import grpc
import pytest

from tests.contract.tf_serving import held, recorded, saved_models
from tests.contract.tf_serving.servers import embedded_server, wait_until_available, write_config
from tests.stack import wait_until

pytestmark = pytest.mark.usefixtures("own_flags_only")


def test_answers_as_tensor_content(models: Path, tmp_path: Path) -> None:
    config = tmp_path / "models.config"
    base_paths = {
        "half_plus_two": models / "saved_model_half_plus_two_cpu",
        "multi": models / "multi",
    }
    write_config(config, base_paths)
    flags = ["--enable_serialization_as_tensor_content=true", f"--model_config_file={config}"]
    with embedded_server(*flags) as channel:
        for case in recorded.read("tensor_content_flag"):
            assert recorded.ask(channel, case) == recorded.expected(case), case["id"]


def test_checked_method_names_health_and_labels_at_start(models: Path, tmp_path: Path) -> None:
    config = tmp_path / "models.config"
    config.write_text(
        f"""model_config_list {{
          config {{ name: "half_plus_two" model_platform: "tensorflow"
                    base_path: "{models}/saved_model_half_plus_two_cpu" }}
          config {{ name: "clf" model_platform: "tensorflow" base_path: "{models}/clf" }}
          config {{ name: "hp2v" model_platform: "tensorflow"
                    base_path: "{models}/saved_model_half_plus_two_2_versions"
                    model_version_policy {{ specific {{ versions: 123 versions: 124 }} }}
                    version_labels {{ key: "stable" value: 123 }}
                    version_labels {{ key: "future" value: 999 }} }} }}""",
        encoding="utf-8",
    )
    with embedded_server(
        f"--model_config_file={config}",
        "--enable_signature_method_name_check=true",
        "--rest_api_enable_cors_support=true",
        "--rest_api_timeout_in_ms=400",
        "--allow_version_labels_for_unavailable_models=true",
        "--enable_grpc_healthcheck_service=true",
    ) as channel:
        wait_until_available(channel, "hp2v", 2)
        for case in recorded.read("strict_and_extras"):
            assert recorded.ask(channel, case) == recorded.expected(case), case["id"]


def test_calls_beyond_the_threads_are_refused(tmp_path: Path) -> None:
    version = tmp_path / "2"
    saved_models.build_slow(version)
    cases = [recorded.until_released(case) for case in recorded.read("grpc_threads_exhausted")]
    num_refused = sum("error" in case for case in cases)
    flags = ["--model_name=slow", f"--model_base_path={tmp_path}", "--grpc_max_threads=8"]
    with embedded_server(*flags) as channel, held.holding(version):
        calls: list[grpc.Future] = [recorded.start(channel, case) for case in cases]
        wait_until(lambda: sum(call.done() for call in calls) == num_refused, "the refusals")
        held.release(version)
        outcomes = [recorded.outcome(call, case) for call, case in zip(calls, cases, strict=True)]
    # Which of the calls are refused is chance; how many, and in which words, is not.
    assert Counter(outcomes) == Counter(recorded.expected(case) for case in cases)
