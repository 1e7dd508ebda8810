import pytest

from serving.embedded.flags import Flags, parse
from serving.embedded.statuses import StatusError


def test_both_ways_to_give_a_value_and_bare_booleans() -> None:
    line = parse(["--port=1", "--model_name", "m", "--enable_grpc_healthcheck_service"])
    assert line.flags == Flags(port=1, model_name="m", enable_grpc_healthcheck_service=True)


def test_the_last_of_a_repeated_flag_counts() -> None:
    assert parse(["--port=1", "--port=2"]).flags.port == 2


def test_flags_without_effect_are_accepted_and_named() -> None:
    line = parse(["--rest_api_port", "8501", "--monitoring_config_file=x"])
    assert line.without_effect == (
        "rest_api_port",
        "monitoring_config_file",
    )
    assert line.unknown == ()


def test_unknown_arguments_are_kept_apart() -> None:
    assert parse(["--no_such_flag=1", "word", "--port=3"]).unknown == ("--no_such_flag=1", "word")


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("--port=abc", "--port takes a whole number, not 'abc'."),
        ("--port", "--port takes a whole number, not ''."),
        ("--rest_api_port=abc", "--rest_api_port takes a whole number, not 'abc'."),
        ("--enable_profiler=1", "--enable_profiler takes true or false, not '1'."),
        ("--enable_model_warmup=True", "--enable_model_warmup takes true or false, not 'True'."),
        ("--enable_model_warmup=maybe", "--enable_model_warmup takes true or false, not 'maybe'."),
        ("--per_process_gpu_memory_fraction=x", "--per_process_gpu_memory_fraction takes a number"),
    ],
)
def test_bad_values_say_what_is_accepted(argument: str, text: str) -> None:
    with pytest.raises(StatusError, match="INVALID_ARGUMENT") as refusal:
        parse([argument])
    assert text in refusal.value.message


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (Flags(), "Both server_options.model_base_path and server_options.model_config_file"),
        (Flags(port=0, model_base_path="/m"), "At least one of server_options.grpc_port or"),
        (Flags(port=70000, model_base_path="/m"), "--port takes 0 to 65535, not 70000."),
        (Flags(port=-1, model_base_path="/m"), "--port takes 0 to 65535, not -1."),
        (Flags(batching_parameters_file="b", model_base_path="/m"), "enable_batching to true."),
        (Flags(mixed_precision="float8", model_base_path="/m"), "takes bfloat16, not 'float8'."),
    ],
)
def test_combinations_that_cannot_serve(flags: Flags, text: str) -> None:
    with pytest.raises(StatusError, match="INVALID_ARGUMENT") as refusal:
        flags.check()
    assert text in refusal.value.message
