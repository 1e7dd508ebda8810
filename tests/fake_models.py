"""What the fake model server serves: each declared model, computed by a few lines of numpy.

The answers are plausible, differ from row to row as their inputs do, and never depend on the other
rows of a call; nothing was learned for them.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import grpc
import numpy as np

from serving.card import DataSet, InputStatistics, Metric, ModelCard, Split
from serving.class_sets import P_VALUES
from serving.contract import Signature, Tensors, TensorSpec
from serving.familiarity import FAMILIARITY
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE
from serving.models import MODELS
from serving.models.housing import DISTANCE, EXPLAINED, LIMITS, NUM_NEIGHBOURS
from tests.fake_model_server import (
    DEFAULT_SIGNATURE,
    DESCRIBE_SIGNATURE,
    FakeModelServer,
    FakeSignature,
    FakeVersion,
    Refused,
)

_GOOD = ("warm", "funny", "loved", "delight", "wonderful", "good")
_BAD = ("waste", "wooden", "unfunny", "worst", "boring", "bad")
_KINDS = (b"INLAND", b"NEAR BAY", b"NEAR OCEAN", b"<1H OCEAN", b"ISLAND")
# Where California lies, and how its block groups are: some of what the data says.
_RANGES = {
    "longitude": (-124.35, -114.31),
    "latitude": (32.54, 41.95),
    "housing_median_age": (1, 52),
    "total_rooms": (2, 39_320),
    "total_bedrooms": (1, 6_445),
    "population": (3, 35_682),
    "households": (1, 6_082),
    "median_income": (0.5, 15),
}
_DESCRIBE = Signature(
    inputs={"request": TensorSpec("string")}, outputs={"card": TensorSpec("string")}
)


def housing(inputs: Tensors) -> Tensors:
    """Price houses by income, place and bedrooms; the interval is a fifth to either side."""
    place = np.array([_KINDS.index(kind) for kind in inputs["ocean_proximity"]])  # [batch]
    bedrooms = np.nan_to_num(inputs["total_bedrooms"], nan=400)
    price = 40_000 * inputs["median_income"] + 10_000 * place + 10 * bedrooms
    low, high = 0.8 * price, 1.2 * price
    familiarity = np.where(inputs["longitude"] < -124.4, 0.01, 0.5)  # at sea, it is low
    outputs = {
        "price": price,
        "price_low": low,
        "price_high": high,
        FAMILIARITY: familiarity,
        DISTANCE: np.ones_like(price),
        LIMITS: np.broadcast_to([0, 1e6], (len(price), 2)),
    }
    return {name: array.astype(np.float32) for name, array in outputs.items()}


def explain_house(inputs: Tensors) -> Tensors:
    """Put a price down to the same things, and to one neighbour."""
    outputs, size = housing(inputs), len(inputs["population"])
    added = np.zeros((size, len(EXPLAINED)), np.float32)
    names = list(EXPLAINED)
    added[:, names.index("median_income")] = 40_000 * inputs["median_income"]
    added[:, names.index("total_bedrooms")] = 10 * np.nan_to_num(inputs["total_bedrooms"], nan=400)
    added[:, 0] = outputs["price"] - added.sum(axis=1) - 1_000
    near = np.zeros((size, NUM_NEIGHBOURS), np.float32)
    near[:, 0] = 1
    return {
        **outputs,
        "base": np.full(size, 1_000, np.float32),
        "features": np.array([[name.encode() for name in names]] * size, dtype=object).reshape(
            size, len(names)
        ),
        "contributions": added,
        **{
            f"neighbour_{name}": near
            for name in ("kilometres", "latitudes", "longitudes", "prices", "weights")
        },
    }


def sentiment(inputs: Tensors) -> Tensors:
    """Count good words and bad ones, of as many texts as there are."""
    if inputs["text"].ndim != 1:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "input must be a vector")
    texts = [text.decode().lower() for text in inputs["text"]]
    good = np.array([sum(map(text.count, _GOOD)) for text in texts], np.float32)
    bad = np.array([sum(map(text.count, _BAD)) for text in texts], np.float32)
    scores = np.stack([1 + 9 * bad, 1 + 9 * good], axis=1)  # [batch, 2]
    outputs = _classified(scores, ["negative", "positive"])
    familiarity = np.array([0.5 if text.isascii() else 0.01 for text in texts], np.float32)
    return {**outputs, FAMILIARITY: familiarity, P_VALUES: outputs["scores"]}


def explain_text(inputs: Tensors) -> Tensors:
    """Put a sentiment down to the words between spaces, to all of them alike."""
    outputs = sentiment(inputs)
    texts = [text.decode() for text in inputs["text"]]
    places = [[found.span() for found in re.finditer(r"\S+", text)] for text in texts]
    shape = len(texts), max(map(len, places), default=1)
    words = np.full(shape, b"", object)
    starts, ends = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    added = np.zeros(shape, np.float32)
    for row, (text, found) in enumerate(zip(texts, places, strict=True)):
        words[row, : len(found)] = [text[start:end].lower().encode() for start, end in found]
        starts[row, : len(found)], ends[row, : len(found)] = np.transpose(found)
        negative, positive = outputs["scores"][row]
        added[row, : len(found)] = (np.log(positive / negative) - 0.25) / len(found)
    return {
        **outputs,
        "base": np.full(len(texts), 0.25, np.float32),
        "words": words,
        "starts": starts,
        "ends": ends,
        "contributions": added,
    }


def image(inputs: Tensors) -> Tensors:
    """Score ten classes by the brightness of as many parts of the picture."""
    flat = inputs["pixels"].reshape(len(inputs["pixels"]), -1)  # [batch, 3072]
    parts = np.array_split(flat.astype(np.float32), 10, axis=1)
    scores = np.stack([1 + part.mean(axis=1) for part in parts], axis=1)  # [batch, 10]
    outputs = _classified(scores, [f"class {number}" for number in range(10)])
    familiarity = np.where(flat.std(axis=1) < 1, 0.01, 0.5).astype(np.float32)  # plain: strange
    return {**outputs, FAMILIARITY: familiarity, P_VALUES: outputs["scores"]}


def explain_image(inputs: Tensors) -> Tensors:
    """Put the two best classes down to the top row, the better one more."""
    outputs = image(inputs)
    best = np.argsort(-outputs["scores"], axis=1, kind="stable")[:, :2]  # [batch, 2]
    maps = np.zeros((*best.shape, 32, 32), np.float32)
    maps[:, 0, 0], maps[:, 1, 0] = 0.125, -0.125
    bases = np.ones(best.shape, np.float32)
    return {
        **outputs,
        "explained_classes": np.take_along_axis(outputs["classes"], best, axis=1),
        "maps": maps,
        "bases": bases,
        "logits": bases + maps.sum(axis=(2, 3)),
    }


def _classified(scores: np.typing.NDArray[np.float32], labels: list[str]) -> Tensors:
    classes = np.array([[label.encode() for label in labels]] * len(scores), dtype=object)
    return {
        "classes": classes.reshape(scores.shape),
        "scores": scores / scores.sum(axis=1, keepdims=True),
    }


ANSWERS: dict[str, Callable[[Tensors], Tensors]] = {
    "housing": housing,
    "image": image,
    "sentiment": sentiment,
}


EXPLANATIONS: dict[str, Callable[[Tensors], Tensors]] = {
    "housing": explain_house,
    "image": explain_image,
    "sentiment": explain_text,
}


def older_version(model: str, number: int) -> FakeVersion:
    """Make a version that was exported before there was anything that a version may lack."""
    made, declared = declared_version(model, number), MODELS[model].signature
    lacking = declared.optional_outputs
    outputs = {name: spec for name, spec in declared.outputs.items() if name not in lacking}
    run = made.signatures[DEFAULT_SIGNATURE].run

    def answer(inputs: Tensors) -> Tensors:
        return {name: array for name, array in run(inputs).items() if name not in lacking}

    asked = FakeSignature(Signature(declared.inputs, outputs), answer)
    described = made.signatures[DESCRIBE_SIGNATURE]
    return FakeVersion({DEFAULT_SIGNATURE: asked, DESCRIBE_SIGNATURE: described})


def _explained(model: str) -> dict[str, FakeSignature]:
    """Make the signature `explain` of a model that has one."""
    declared = MODELS[model]
    if declared.explanation is None or model not in EXPLANATIONS:
        return {}
    outputs = {**declared.signature.outputs, **declared.explanation.outputs}
    signature = Signature(declared.signature.inputs, outputs)
    return {EXPLAIN_SIGNATURE: FakeSignature(signature, EXPLANATIONS[model])}


def declared_version(
    model: str,
    number: int,
    answer: Callable[[Tensors], Tensors] | None = None,
    *,
    described: Callable[[ModelCard], ModelCard] = lambda card: card,
) -> FakeVersion:
    """Make a version of a declared model, with a card; `answer` is in the place of its function.

    `described` may make another card of its card.
    """
    signature = MODELS[model].signature
    run = answer or ANSWERS.get(model) or _zeros(signature)
    text = described(card(model, number)).model_dump_json().encode()

    def describe(inputs: Tensors) -> Tensors:
        return {"card": np.array([text] * len(inputs["request"]), dtype=object)}

    return FakeVersion(
        {
            DEFAULT_SIGNATURE: FakeSignature(signature, run),
            DESCRIBE_SIGNATURE: FakeSignature(_DESCRIBE, describe),
            **_explained(model),
        }
    )


def declared_models() -> FakeModelServer:
    """Serve version 1 of every declared model."""
    return FakeModelServer({name: {1: declared_version(name, 1)} for name in MODELS})


def _zeros(signature: Signature) -> Callable[[Tensors], Tensors]:
    """Answer with zeros and empty strings, for a model that nobody has written a function for."""

    def run(inputs: Tensors) -> Tensors:
        size = len(next(iter(inputs.values())))
        return {
            name: np.full(
                (size, *spec.row_shape), b"" if spec.dtype == "string" else 0, spec.numpy_dtype
            )
            for name, spec in signature.outputs.items()
        }

    return run


def card(model: str, number: int) -> ModelCard:
    """What a version says of itself."""
    return ModelCard(
        name=model,
        version=number,
        task="a stand-in for a test",
        data_set=DataSet(
            name="none",
            source="https://example.org/data",
            sha256="0" * 64,
            split=Split(train=8, validation=1, test=1),
            split_method="none",
        ),
        metrics=[Metric(name="accuracy", value=0.9, unit="share", definition="of nothing")],
        hyper_parameters={"units": 1},
        learning_curves=[],
        input_statistics={
            name: InputStatistics(
                minimum=low, maximum=high, mean=(low + high) / 2, standard_deviation=1
            )
            for name, (low, high) in (_RANGES if model == "housing" else {}).items()
        },
        parameters=1,
        seed=0,
        libraries={},
        trained_at=datetime(2020, 1, 1, tzinfo=UTC),
        training_seconds=1,
    )
