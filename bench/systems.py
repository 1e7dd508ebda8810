"""Which systems are compared, how each is run, and which language it speaks."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bench import nginx
from bench.dialects import (
    BENTOML,
    BINARY,
    ECHO,
    INSTANCES,
    KSERVE,
    OPEN_INFERENCE,
    PLAIN,
    TF_SERVING,
    TFGATE,
    Dialect,
)
from bench.environments import BUILD, python_of
from bench.grpc_dialects import OPEN_INFERENCE_GRPC, TF_SERVING_GRPC
from bench.revisions import revision_folder
from bench.workloads import ALL_WORKLOADS, WORKLOADS
from tfgate.up import REAL_SERVER


@dataclass(frozen=True)
class System:
    """One thing that answers over HTTP.

    In `command` and `environment` these are filled in at the start: {port} to listen on,
    {spare_port}, on which gRPC is answered, {model_server} to ask, as host:port, and {repository},
    the folder of the models. Without a command, the model server itself is the system.
    """

    name: str
    title: str
    dialect: Dialect
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    needs_model_server: bool = False
    workloads: tuple[str, ...] = tuple(WORKLOADS)
    configuration: str = ""
    packages: tuple[str, ...] = ()
    is_limit: bool = False
    bound_setting: str = ""  # the variable that bounds what is inside; the rest is refused at once


def _tfgate(workers: int) -> System:
    return System(
        name="tfgate" if workers == 1 else f"tfgate-{workers}w",
        title=f"tfgate, {workers} worker{'s' if workers > 1 else ''}",
        dialect=TFGATE,
        command=(sys.executable, "-m", "serving.gateway"),
        environment={
            "TFGATE_PORT": "{port}",
            "TFGATE_GRPC_PORT": "{spare_port}",
            "TFGATE_MODEL_SERVER": "{model_server}",
            "TFGATE_WORKERS": str(workers),
            "TFGATE_DRAIN_SECONDS": "0",
        },
        needs_model_server=True,
        configuration="default settings",
        bound_setting="TFGATE_MAX_REQUESTS",
    )


def _spoken(name: str, title: str, dialect: Dialect, *workloads: str) -> System:
    """Give the same gateway, asked in another dialect."""
    return replace(
        _tfgate(1), name=name, title=f"tfgate, {title}", dialect=dialect, workloads=workloads
    )


def _peer(name: str, title: str, dialect: Dialect, configuration: str, *packages: str) -> System:
    return System(
        name=name,
        title=title,
        dialect=dialect,
        command=(str(python_of(name)), "-m", f"bench.peers.{name}.server"),
        environment={
            "PORT": "{port}",
            "SPARE_PORT": "{spare_port}",
            "REPOSITORY": "{repository}",
        },
        configuration=configuration,
        packages=packages,
    )


def _limit(name: str, title: str, application: str) -> System:
    return System(
        name=name,
        title=title,
        dialect=ECHO,
        command=(sys.executable, "-m", "bench.echo", application),
        environment={"PORT": "{port}"},
        workloads=("house",),
        is_limit=True,
    )


# tfgate as it was before its second look at speed.
EARLIER_REVISION = "034c41e"
EARLIER = f"tfgate_{EARLIER_REVISION}"


def _earlier() -> System:
    folder = revision_folder(EARLIER_REVISION)
    now = _tfgate(1)
    return replace(
        now,
        name=EARLIER,
        title=f"tfgate, revision {EARLIER_REVISION}",
        # Without the working directory first, which holds today's code.
        command=(sys.executable, "-P", *now.command[1:]),
        environment={**now.environment, "PYTHONPATH": str(folder)},
    )


_SPOKEN = [
    _spoken("tfgate_v2", "/v2 with binary tensors", BINARY, "house", "rows64"),
    _spoken("tfgate_v2_json", "/v2 with JSON", OPEN_INFERENCE, "house", "rows64"),
    _spoken("tfgate_v1", "/v1 in rows", TF_SERVING, "house", "rows9"),
    _spoken("tfgate_oip_grpc", "Open Inference over gRPC", OPEN_INFERENCE_GRPC, "house", "rows64"),
    _spoken("tfgate_tfs_grpc", "TF Serving's gRPC", TF_SERVING_GRPC, "house", "rows64"),
]
_BEHIND_NGINX = replace(
    _tfgate(1),
    name="tfgate_nginx",
    title="tfgate, 1 worker behind nginx, which sheds in front",
    command=(sys.executable, "-m", "bench.behind_nginx"),
    environment={
        "PORT": "{port}",
        "TFGATE_PORT": "{spare_port}",
        "TFGATE_MODEL_SERVER": "{model_server}",
        "TFGATE_DRAIN_SECONDS": "0",
    },
    configuration="default settings, k8s/in-front/nginx.conf",
    bound_setting="",
)
IN_FRONT = (_BEHIND_NGINX.name,)
DIALECTS = tuple(system.name for system in _SPOKEN)

_ALL = [
    _tfgate(1),
    _tfgate(2),
    *_SPOKEN,
    _earlier(),
    _BEHIND_NGINX,
    replace(
        _peer(
            "fastapi_grpc",
            "plain FastAPI-to-gRPC gateway",
            PLAIN,
            "`async def`, pydantic in and out, tf.make_tensor_proto, one grpc.aio stub",
            *("fastapi", "grpcio", "tensorflow-serving-api"),
        ),
        environment={"PORT": "{port}", "MODEL_SERVER": "{model_server}"},
        needs_model_server=True,
    ),
    _peer(
        "fastapi_tensorflow",
        "FastAPI with TensorFlow in process",
        PLAIN,
        "`async def`, pydantic in and out, the signature called directly",
        *("fastapi", "tensorflow"),
    ),
    replace(
        _peer(
            "bentoml",
            "BentoML",
            BENTOML,
            "workers 1; batchable, max_batch_size 128, max_latency_ms 1000; access log, metrics "
            "and tracing off",
            "bentoml",
        ),
        command=(
            *(str(python_of("bentoml")), "-m", "bentoml", "serve", "--host", "127.0.0.1"),
            *("--port", "{port}", "bench.peers.bentoml.server:Predictions"),
        ),
        environment={
            "BENTOML_HOME": str(BUILD / "bentoml-home"),
            "BENTOML_DO_NOT_TRACK": "True",
        },
    ),
    _peer(
        "litserve",
        "LitServe",
        INSTANCES,
        "a LitAPI and a worker per model; max_batch_size 32, batch_timeout 5 ms",
        "litserve",
    ),
    replace(
        _peer(
            "ray",
            "Ray Serve",
            INSTANCES,
            "1 replica; max_batch_size 32, batch_wait_timeout_s 0.005; access log off",
            "ray",
        ),
        environment={"PORT": "{port}", "RAY_USAGE_STATS_ENABLED": "0"},
    ),
    replace(
        _peer(
            "mlserver",
            "MLServer",
            OPEN_INFERENCE,
            "parallel_workers 1; max_batch_size 128, max_batch_time 5 ms",
            "mlserver",
        ),
        workloads=tuple(ALL_WORKLOADS),
    ),
    replace(
        _peer(
            "kserve",
            "KServe",
            KSERVE,
            "workers 1, V1 protocol; it batches in a sidecar only",
            "kserve",
        ),
        workloads=(*WORKLOADS, "rows9"),
    ),
    System(
        name="tf_serving_rest",
        title="TensorFlow Serving's REST API (C++)",
        dialect=TF_SERVING,
        command=(),
        needs_model_server=True,
        workloads=tuple(ALL_WORKLOADS),
        configuration="--rest_api_num_threads=16",
    ),
    _limit("asgi_echo", "limit: a bare ASGI function, no model", "bare"),
    _limit("fastapi_echo", "limit: FastAPI echo with pydantic in and out, no model", "fastapi"),
]


def all_systems() -> list[System]:
    """List every system, also those that cannot run here."""
    return list(_ALL)


def has_real_server() -> bool:
    """Tell whether TensorFlow Serving answers here, and not the embedded server."""
    return shutil.which(REAL_SERVER) is not None


def installed_systems() -> dict[str, System]:
    """Name every system that can run here.

    Those of other programs are not where their binary is not, nor an earlier tfgate where git does
    not know its revision.
    """
    is_here = {
        "tf_serving_rest": has_real_server(),
        _BEHIND_NGINX.name: nginx.PROGRAM is not None,
        EARLIER: revision_folder(EARLIER_REVISION).exists(),
    }
    return {system.name: system for system in _ALL if is_here.get(system.name, True)}
