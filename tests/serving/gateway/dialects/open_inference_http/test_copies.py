"""Tensors that come as bytes are read where they lie."""

import tracemalloc

import numpy as np

from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.open_inference_http.requests import parse
from tests.serving.gateway.dialects.open_inference_http.bodies import live, with_bytes

PICTURES = live(
    Signature(
        inputs={"pixels": TensorSpec("uint8", (None, None, None, 3))},
        outputs={"score": TensorSpec("float32")},
    )
)


def test_reading_pixels_copies_none_of_them() -> None:
    pixels = np.zeros((1, 1000, 1000, 3), np.uint8)
    body, headers = with_bytes({"pixels": pixels})
    tracemalloc.start()
    try:
        asked = parse(body, headers, PICTURES)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert asked.inputs["pixels"].shape == pixels.shape
    assert peak < pixels.nbytes / 10
