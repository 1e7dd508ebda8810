"""MLServer: one runtime class for all models, speaking the V2 protocol."""

import asyncio
import os
from typing import Any

import numpy as np
from mlserver import MLModel, MLServer
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.settings import ModelSettings, Settings
from mlserver.types import InferenceRequest, InferenceResponse, RequestInput, ResponseOutput
from mlserver.utils import install_uvloop_event_loop

from bench.peers.saved_models import NAMES, SavedModel, decode, stack


class Prediction(MLModel):
    async def load(self) -> bool:
        self.saved_model = SavedModel(self.name)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        tensors = {tensor.name: _array(tensor) for tensor in payload.inputs}
        if self.name == "image":
            tensors = stack([decode("image", {"image": file}) for file in tensors["image"]])
        outputs = self.saved_model.run(tensors)
        return InferenceResponse(
            model_name=self.name,
            outputs=[_output(name, array) for name, array in outputs.items()],
        )


def _array(tensor: RequestInput) -> Any:
    if tensor.datatype == "BYTES":
        return np.array(StringCodec.decode_input(tensor))
    array = NumpyCodec.decode_input(tensor)
    # It makes a column of what has one dimension.
    return array.reshape(-1) if len(tensor.shape) == 1 else array


def _output(name: str, array: Any) -> ResponseOutput:
    if array.dtype == object:
        texts = [text.decode() for text in array.ravel()]
        return ResponseOutput(name=name, shape=list(array.shape), datatype="BYTES", data=texts)
    return NumpyCodec.encode_output(name, array)


async def main() -> None:
    # The worker process finds the class by its import path.
    implementation = "bench.peers.mlserver.server.Prediction"
    settings = Settings(
        host="127.0.0.1",
        http_port=int(os.environ["PORT"]),
        grpc_port=int(os.environ["SPARE_PORT"]),
        metrics_endpoint=None,
        parallel_workers=1,
        debug=False,
    )
    await MLServer(settings).start(
        [
            ModelSettings(
                name=name,
                implementation=implementation,
                max_batch_size=128,
                max_batch_time=0.005,
            )
            for name in NAMES
        ]
    )


if __name__ == "__main__":
    install_uvloop_event_loop()
    asyncio.run(main())
