"""What the FastAPI-like peers take and give, as a tutorial would write it with pydantic."""

from typing import Literal

from pydantic import BaseModel


class House(BaseModel):
    longitude: float
    latitude: float
    housing_median_age: float
    total_rooms: float
    total_bedrooms: float
    population: float
    households: float
    median_income: float
    ocean_proximity: Literal["<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"]


class Picture(BaseModel):
    image: str


class Review(BaseModel):
    text: str


class Price(BaseModel):
    price: float
    price_low: float
    price_high: float


class Classification(BaseModel):
    label: str
    scores: dict[str, float]


class Houses(BaseModel):
    instances: list[House]


class Prices(BaseModel):
    predictions: list[Price]
