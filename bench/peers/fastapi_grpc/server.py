"""The usual gateway: FastAPI, one gRPC call a request, TensorFlow's own functions for tensors."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import tensorflow as tf
import uvicorn
from fastapi import FastAPI, Request
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from bench.peers.saved_models import Answer, Row, answers, decode, stack
from bench.peers.schemas import (
    Classification,
    House,
    Houses,
    Picture,
    Price,
    Prices,
    Review,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with grpc.aio.insecure_channel(os.environ["MODEL_SERVER"]) as channel:
        app.state.stub = PredictionServiceStub(channel)
        yield


app = FastAPI(lifespan=lifespan)


async def ask(stub: Any, model: str, rows: list[Row]) -> list[Answer]:
    request = PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = "serving_default"
    for name, array in stack(rows).items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    response = await stub.Predict(request, timeout=10)
    return answers({name: tf.make_ndarray(proto) for name, proto in response.outputs.items()})


@app.post("/predict/housing")
async def predict_price(house: House, request: Request) -> Price:
    rows = [house.model_dump()]
    return Price(**(await ask(request.app.state.stub, "housing", rows))[0])


@app.post("/predict/housing/batch")
async def predict_prices(houses: Houses, request: Request) -> Prices:
    rows = [house.model_dump() for house in houses.instances]
    predictions = await ask(request.app.state.stub, "housing", rows)
    return Prices(predictions=[Price(**prediction) for prediction in predictions])


@app.post("/predict/image")
async def classify_picture(picture: Picture, request: Request) -> Classification:
    rows = [decode("image", picture.model_dump())]
    return Classification(**(await ask(request.app.state.stub, "image", rows))[0])


@app.post("/predict/sentiment")
async def classify_review(review: Review, request: Request) -> Classification:
    rows = [review.model_dump()]
    return Classification(**(await ask(request.app.state.stub, "sentiment", rows))[0])


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), access_log=False)
