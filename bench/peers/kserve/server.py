"""KServe: custom models behind its V1 protocol; it batches in another container, not in here."""

import os
from typing import Any

import kserve

from bench.peers.saved_models import NAMES, Answer, Row, SavedModel, decode


class Prediction(kserve.Model):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.saved_model = SavedModel(name)
        self.ready = True

    async def preprocess(self, payload: dict[str, Any], headers: Any = None) -> list[Row]:
        return [decode(self.name, instance) for instance in payload["instances"]]

    async def predict(
        self, payload: list[Row], headers: Any = None, response_headers: Any = None
    ) -> dict[str, list[Answer]]:
        return {"predictions": self.saved_model.predict(payload)}


if __name__ == "__main__":
    server = kserve.ModelServer(
        http_port=int(os.environ["PORT"]), workers=1, enable_grpc=False, access_log_format=None
    )
    server.start([Prediction(name) for name in NAMES])
