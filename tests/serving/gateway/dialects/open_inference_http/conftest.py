"""A gateway before a model server with the typed models, and a generic one."""

from collections.abc import Iterator

import httpx
import ml_dtypes
import numpy as np
import pytest

from serving.contract import Signature, Tensors, TensorSpec
from tests.fake_model_server import FakeModelServer, FakeSignature, FakeVersion
from tests.fake_models import declared_models
from tests.in_process import Gateway, gateway

# Each output tells what came as one input.
MIRROR = Signature(
    inputs={
        "numbers": TensorSpec("float32", (None, None)),
        "words": TensorSpec("string"),
        "flags": TensorSpec("bool"),
    },
    outputs={
        "doubled": TensorSpec("float32", (None, None)),
        "shouted": TensorSpec("string"),
        "denied": TensorSpec("bool"),
    },
)
HALF = Signature(inputs={"x": TensorSpec("float16")}, outputs={"y": TensorSpec("bfloat16")})
SCALAR = Signature(inputs={"x": TensorSpec("int64", ())}, outputs={"y": TensorSpec("int64", ())})


def _mirror(inputs: Tensors) -> Tensors:
    with np.errstate(over="ignore"):
        doubled = 2 * inputs["numbers"]
    return {
        "doubled": doubled,
        "shouted": np.array([word.upper() for word in inputs["words"]], object),
        "denied": ~inputs["flags"],
    }


def _half(inputs: Tensors) -> Tensors:
    return {"y": inputs["x"].astype(ml_dtypes.bfloat16) / ml_dtypes.bfloat16(2)}


def _add_one(inputs: Tensors) -> Tensors:
    return {"y": np.array(inputs["x"] + 1)}


def models() -> FakeModelServer:
    """Serve the declared models, and `mine` in versions 1 and 2, of which 1 is labelled stable."""
    version = FakeVersion(
        {
            "serving_default": FakeSignature(MIRROR, _mirror),
            "half": FakeSignature(HALF, _half),
            "scalar": FakeSignature(SCALAR, _add_one),
        }
    )
    server = declared_models()
    server.models["mine"] = {1: version, 2: version}
    server.labels["mine"] = {"stable": 1}
    return server


@pytest.fixture
def tfgate() -> Iterator[Gateway]:
    with gateway(models()) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


@pytest.fixture
def http(tfgate: Gateway) -> httpx.Client:
    return tfgate.client
