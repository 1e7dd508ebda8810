"""What GET /models/{model} says of each signature: its tensors, and how it is asked."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.examples import Address, Dialect, example_body, example_requests


class Tensor(BaseModel):
    """One tensor of a signature."""

    dtype: str = Field(examples=["float32"])
    shape: list[int | None] | None = Field(
        description="null stands for any size, and in the place of the list for any shape",
        examples=[[None, 224, 224, 3]],
    )


class Input(Tensor):
    """A tensor that is sent."""

    optional: bool = Field(description="whether the version has a default for it")


class SignatureDescription(BaseModel):
    """A signature, with a request in each dialect that can ask it."""

    inputs: dict[str, Input]
    outputs: dict[str, Tensor]
    apart: str | None = Field(
        description="why its requests are sent to the model one by one; null if they are joined "
        "with others that come at the same time"
    )
    examples: dict[Dialect, str] = Field(
        description="requests that fit: lines for a shell, and for `tf_serving_grpc` a program in "
        "Python. Their values are made up: a graph that wants others, such as pictures or a "
        "serialized tf.Example, refuses them"
    )
    body: dict[str, Any] | None = Field(
        description="what /v2/models/{model}/infer takes; where the only value of `data` does not "
        "fill the shape, it stands for all of them. null for what JSON cannot carry"
    )


def describe_signatures(
    model: str,
    signatures: Mapping[str, Signature],
    apart: Mapping[str, str] | None,
    address: Address,
) -> dict[str, SignatureDescription]:
    """Describe the signatures of a version.

    `apart` says why those of its signatures that have requests of their own do; None if it has not
    proved yet that any may share one.
    """
    return {
        name: SignatureDescription(
            inputs={
                tensor: Input(**_tensor(spec), optional=tensor in signature.optional)
                for tensor, spec in signature.inputs.items()
            },
            outputs={tensor: Tensor(**_tensor(spec)) for tensor, spec in signature.outputs.items()},
            apart="it has not answered its first question yet"
            if apart is None
            else apart.get(name),
            examples=example_requests(model, name, signature, address),
            body=example_body(name, signature),
        )
        for name, signature in signatures.items()
    }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"dtype": spec.dtype, "shape": None if spec.shape is None else list(spec.shape)}
