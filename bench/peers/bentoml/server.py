"""BentoML: one service, one batchable API a model; the framework batches across requests."""

import bentoml

from bench.peers.saved_models import SavedModel, decode
from bench.peers.schemas import Classification, House, Picture, Price, Review

BATCHING = {"batchable": True, "max_batch_size": 128, "max_latency_ms": 1000}


@bentoml.service(
    workers=1,
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
    tracing={"sample_rate": 0.0},
)
class Predictions:
    def __init__(self) -> None:
        self.housing_model = SavedModel("housing")
        self.image_model = SavedModel("image")
        self.sentiment_model = SavedModel("sentiment")

    @bentoml.api(**BATCHING)
    def housing(self, instances: list[House]) -> list[Price]:
        answers = self.housing_model.predict([house.model_dump() for house in instances])
        return [Price(**answer) for answer in answers]

    @bentoml.api(**BATCHING)
    def image(self, instances: list[Picture]) -> list[Classification]:
        rows = [decode("image", picture.model_dump()) for picture in instances]
        return [Classification(**answer) for answer in self.image_model.predict(rows)]

    @bentoml.api(**BATCHING)
    def sentiment(self, instances: list[Review]) -> list[Classification]:
        answers = self.sentiment_model.predict([review.model_dump() for review in instances])
        return [Classification(**answer) for answer in answers]
