"""FastAPI with TensorFlow in the same process: `async def` endpoints that call the model."""

import os

import uvicorn
from fastapi import FastAPI

from bench.peers.saved_models import SavedModel, decode
from bench.peers.schemas import (
    Classification,
    House,
    Houses,
    Picture,
    Price,
    Prices,
    Review,
)

app = FastAPI()
housing, image, sentiment = (SavedModel(name) for name in ("housing", "image", "sentiment"))


@app.post("/predict/housing")
async def predict_price(house: House) -> Price:
    return Price(**housing.predict([house.model_dump()])[0])


@app.post("/predict/housing/batch")
async def predict_prices(houses: Houses) -> Prices:
    answers = housing.predict([house.model_dump() for house in houses.instances])
    return Prices(predictions=[Price(**answer) for answer in answers])


@app.post("/predict/image")
async def classify_picture(picture: Picture) -> Classification:
    return Classification(**image.predict([decode("image", picture.model_dump())])[0])


@app.post("/predict/sentiment")
async def classify_review(review: Review) -> Classification:
    return Classification(**sentiment.predict([review.model_dump()])[0])


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), access_log=False)
