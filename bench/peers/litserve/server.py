"""LitServe: one LitAPI a model; its batches of requests are flattened into batches of rows."""

import os
from itertools import chain
from typing import Any

import litserve

from bench.peers.saved_models import Answer, Row, SavedModel, decode, split


class Prediction(litserve.LitAPI):
    def __init__(self, model: str) -> None:
        # LitServe's own way to batch: up to 32 requests, or those of 5 ms.
        super().__init__(max_batch_size=32, batch_timeout=0.005, api_path=f"/predict/{model}")
        self.model = model

    def setup(self, device: str) -> None:
        self.saved_model = SavedModel(self.model)

    def decode_request(self, request: dict[str, Any]) -> list[Row]:
        return [decode(self.model, instance) for instance in request["instances"]]

    def batch(self, inputs: list[list[Row]]) -> list[list[Row]]:
        return inputs

    def predict(self, requests: list[list[Row]]) -> list[list[Answer]]:
        answers = self.saved_model.predict(list(chain.from_iterable(requests)))
        return split(answers, [len(rows) for rows in requests])

    def unbatch(self, output: list[list[Answer]]) -> list[list[Answer]]:
        return output

    def encode_response(self, output: list[Answer]) -> dict[str, list[Answer]]:
        return {"predictions": output}


if __name__ == "__main__":
    server = litserve.LitServer([Prediction(name) for name in ("housing", "image", "sentiment")])
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        generate_client_file=False,
        log_level="warning",
    )
