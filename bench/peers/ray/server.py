"""Ray Serve: one deployment that holds the three models, each with its own batch of requests."""

import os
import threading
from itertools import chain

import ray
from ray import serve
from starlette.requests import Request

from bench.peers.saved_models import Answer, Row, SavedModel, decode, split

batched = serve.batch(max_batch_size=32, batch_wait_timeout_s=0.005)


@serve.deployment(num_replicas=1, max_ongoing_requests=256)
class Predictions:
    def __init__(self) -> None:
        self.models = {name: SavedModel(name) for name in ("housing", "image", "sentiment")}
        self.batches = {"housing": self.housing, "image": self.image, "sentiment": self.sentiment}

    @batched
    async def housing(self, requests: list[list[Row]]) -> list[list[Answer]]:
        return self.predict("housing", requests)

    @batched
    async def image(self, requests: list[list[Row]]) -> list[list[Answer]]:
        return self.predict("image", requests)

    @batched
    async def sentiment(self, requests: list[list[Row]]) -> list[list[Answer]]:
        return self.predict("sentiment", requests)

    def predict(self, model: str, requests: list[list[Row]]) -> list[list[Answer]]:
        predictions = self.models[model].predict(list(chain.from_iterable(requests)))
        return split(predictions, [len(rows) for rows in requests])

    async def __call__(self, request: Request) -> dict[str, list[Answer]]:
        model = request.url.path.rpartition("/")[2]
        rows = [decode(model, instance) for instance in (await request.json())["instances"]]
        return {"predictions": await self.batches[model](rows)}


if __name__ == "__main__":
    ray.init(include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(
        Predictions.bind(),  # type: ignore[attr-defined]  # the decorator adds it
        route_prefix="/predict",
        logging_config={"enable_access_log": False},
    )
    threading.Event().wait()
