"""The command line in TF Serving's flag names and syntax; starts nothing and imports no TensorFlow.

`Flags` holds every flag that changes what this server does. Flags of TF Serving whose subject we
do not have (REST, monitoring, TPU, TF Lite) are accepted, so that one command line
starts either server, and are reported by name.
"""

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from serving.embedded.statuses import invalid_argument

# TF Serving ties its default number of gRPC threads to the processors (server.h).
_DEFAULT_THREADS = 4 * (os.cpu_count() or 1)

_LARGEST_PORT = 65535

Value = int | float | str | bool


@dataclass(frozen=True)
class Flags:
    """Flags with an effect here: TF Serving's, with its defaults, and `grpc_bind_address`."""

    port: int = 8500
    grpc_socket_path: str = ""
    grpc_bind_address: str = "127.0.0.1"  # ours: a server on a laptop is not offered to the network
    grpc_channel_arguments: str = ""
    ssl_config_file: str = ""
    grpc_max_threads: int = _DEFAULT_THREADS
    enable_grpc_healthcheck_service: bool = False
    model_config_file: str = ""
    model_config_file_poll_wait_seconds: int = 0
    model_name: str = "default"
    model_base_path: str = ""
    allow_version_labels_for_unavailable_models: bool = False
    file_system_poll_wait_seconds: int = 1
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    saved_model_tags: str = "serve"
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 0
    enable_signature_method_name_check: bool = False
    enable_serialization_as_tensor_content: bool = False
    enable_batching: bool = False
    batching_parameters_file: str = ""
    tensorflow_session_parallelism: int = 0
    tensorflow_intra_op_parallelism: int = 0
    tensorflow_inter_op_parallelism: int = 0
    per_process_gpu_memory_fraction: float = 0.0
    mixed_precision: str = ""

    def check(self) -> None:
        """Refuse what TF Serving refuses before it reads a file.

        Raises:
            StatusError: INVALID_ARGUMENT for a combination that cannot serve.
        """
        if not 0 <= self.port <= _LARGEST_PORT:
            raise invalid_argument(f"--port takes 0 to {_LARGEST_PORT}, not {self.port}.")
        if self.port == 0 and not self.grpc_socket_path:
            raise invalid_argument(
                "At least one of server_options.grpc_port or server_options.grpc_socket_path "
                "must be set."
            )
        if not self.model_base_path and not self.model_config_file:
            raise invalid_argument(
                "Both server_options.model_base_path and server_options.model_config_file are "
                "empty!"
            )
        if self.mixed_precision not in {"", "bfloat16"}:
            raise invalid_argument(
                f"--mixed_precision takes bfloat16, not {self.mixed_precision!r}."
            )
        if self.batching_parameters_file and not self.enable_batching:
            raise invalid_argument(
                "server_options.batching_parameters_file is set without setting "
                "server_options.enable_batching to true."
            )


# Accepted for the sake of a shared command line: flag -> the type of its value.
FLAGS_WITHOUT_EFFECT: dict[str, type] = {
    "rest_api_port": int,
    "rest_api_num_threads": int,
    "rest_api_timeout_in_ms": int,
    "rest_api_enable_cors_support": bool,
    "enable_per_model_batching_parameters": bool,
    "num_load_threads": int,
    "num_unload_threads": int,
    "flush_filesystem_caches": bool,
    "tensorflow_session_config_file": str,
    "use_alts_credentials": bool,
    "platform_config_file": str,
    "monitoring_config_file": str,
    "remove_unused_fields_from_bundle_metagraph": bool,
    "prefer_tflite_model": bool,
    "num_tflite_pools": int,
    "num_tflite_interpreters_per_pool": int,
    "xla_cpu_compilation_enabled": bool,
    "xla_gpu_compilation_enabled": bool,
    "enable_profiler": bool,
    "thread_pool_factory_config_file": str,
    "skip_initialize_tpu": bool,
}


@dataclass(frozen=True)
class CommandLine:
    """What a command line said: the flags, those without effect here, and what no one knows."""

    flags: Flags
    without_effect: tuple[str, ...] = ()
    unknown: tuple[str, ...] = field(default=())


def usage() -> str:
    """List the flags, for --help."""
    with_defaults = "".join(
        f"  --{flag.name}={flag.default}\n" for flag in dataclasses.fields(Flags)
    )
    return (
        "TensorFlow Serving's flags, with their defaults:\n"
        f"{with_defaults}Accepted without effect: "
        f"{', '.join(f'--{name}' for name in FLAGS_WITHOUT_EFFECT)}\n"
    )


def parse(arguments: Sequence[str]) -> CommandLine:
    """Read TF Serving's flags; the last of a repeated flag counts.

    Both `--flag=value` and `--flag value` are read; a bare boolean flag means true, and otherwise
    takes `true` or `false` in small letters.

    Raises:
        StatusError: INVALID_ARGUMENT for a value that its flag cannot take.
    """
    values: dict[str, Value] = {}
    without_effect: list[str] = []
    unknown: list[str] = []
    remaining = list(arguments)
    while remaining:
        argument = remaining.pop(0)
        name, equals, text = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or name not in _TYPES:
            unknown.append(argument)
            continue
        if not equals:
            text = "true" if _TYPES[name] is bool else (remaining.pop(0) if remaining else "")
        value = _value(name, text)
        if name in FLAGS_WITHOUT_EFFECT:
            without_effect.append(name)
        else:
            values[name] = value
    flags = dataclasses.replace(Flags(), **values)  # type: ignore[arg-type]
    return CommandLine(flags, tuple(without_effect), tuple(unknown))


_TYPES: dict[str, type] = FLAGS_WITHOUT_EFFECT | {
    flag.name: cast("type", flag.type) for flag in dataclasses.fields(Flags)
}
_ACCEPTED = {int: "a whole number", float: "a number", bool: "true or false"}


def _value(name: str, text: str) -> Value:
    kind = _TYPES[name]
    try:
        value: Value = {"true": True, "false": False}[text] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise invalid_argument(f"--{name} takes {_ACCEPTED[kind]}, not '{text}'.") from None
    return value
