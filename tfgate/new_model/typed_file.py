"""The typed file of a model, complete, written from a signature of a version on disk."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from numpy.typing import NDArray

from serving.contract import Signature, Tensors, TensorSpec
from serving.gateway.inference.example import example
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE
from serving.tensors import decode_all
from tfgate.inspection.saved_model import Version
from tfgate.inspection.verdict import can_be_asked, unsendable
from tfgate.new_model.layout import WIDTH, opened
from tfgate.new_model.names import class_name, field_names
from tfgate.new_model.tensors import (
    Tensor,
    aliases,
    answers,
    column,
    field,
    literal,
    output_field,
    quoted,
)

_RECORDED = "The first of the requests that the version was warmed up with."
_MADE_UP = "Made up: write what people ask. It is shown to them, and asked of each new version."
_RAISES = """

    Raises:
        InvalidInput: lists that may have any length have different ones.
    \"\"\""""
_TEMPLATE = Template(Path(__file__).with_name("typed_file.txt").read_text(encoding="utf-8"))
_SECONDS_PER_VALUE = 1e-7  # to copy a number, or a short text, from a request to a column


class NotTyped(Exception):
    """No typed file can be written for a version; the message says why, and what to do instead."""


@dataclass(frozen=True)
class TypedModel:
    """What a typed file says: its tensors, and what they hold in an example.

    The example is `recorded` if it is a request that the version is warmed up with.
    """

    name: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    example: Tensors
    recorded: bool
    defaults: Mapping[str, NDArray[Any]]


def typed_model(name: str, version: Version) -> TypedModel:
    """Look at the signature that a typed file is to declare.

    Raises:
        NotTyped: it has none, or one whose rows have no answers of their own.
    """
    signature = version.signatures.get(PREDICT_SIGNATURE)
    if signature is None:
        there = ", ".join(version.signatures) or "none"
        raise NotTyped(
            f"{version.place} has no signature {PREDICT_SIGNATURE}, which a typed model asks; "
            f"there are {there}. Export one by that name"
        )
    _check(version, signature)
    inputs, outputs = (
        [Tensor(each, fields[each], specs[each]) for each in specs]
        for specs in (signature.inputs, signature.outputs)
        for fields in [field_names(specs)]
    )
    recorded = _recorded(version, signature)
    made = example(Signature(signature.inputs, signature.outputs), (1,))
    return TypedModel(
        name=name,
        inputs=inputs,
        outputs=outputs,
        example=recorded or made,
        recorded=recorded is not None,
        defaults=_defaults(version),
    )


def _check(version: Version, signature: Signature) -> None:
    ways = f"ask it as it is, under /v1/models/{version.place.model} or /v2/models/"
    ways += version.place.model
    if wrong := unsendable(signature):
        raise NotTyped(f"{version.place} has {', '.join(wrong)}, which cannot be sent")
    if not can_be_asked(version, PREDICT_SIGNATURE):
        raise NotTyped(f"{version.place} cannot be asked: 'tfgate inspect' says why")
    tensors = {**signature.inputs, **signature.outputs}
    alone = [f"{each} ({spec})" for each, spec in tensors.items() if not spec.has_batch]
    if alone or not signature.inputs:
        reason = f"{', '.join(alone)} has no free first dimension" if alone else "it takes nothing"
        raise NotTyped(
            f"a typed model has a row for each instance, and {reason}. Export it with None as the "
            f"first size of every tensor, or {ways}"
        )


def _recorded(version: Version, signature: Signature) -> Tensors | None:
    """Find the first request that the version is warmed up with and that fits."""
    for request in version.warmup.requests if version.warmup else ():
        if request.model_spec.signature_name not in {"", PREDICT_SIGNATURE}:
            continue
        try:
            recorded = decode_all(request.inputs)
        except ValueError:
            continue
        if all(_fits(recorded.get(each), spec) for each, spec in signature.inputs.items()):
            return {each: recorded[each] for each in signature.inputs}
    return None


def _fits(array: NDArray[Any] | None, spec: TensorSpec) -> bool:
    return (
        array is not None
        and array.dtype == spec.numpy_dtype
        and spec.admits(array.shape)
        and array.size > 0
    )


def _defaults(version: Version) -> dict[str, NDArray[Any]]:
    """Give what a row has where an input is left out: a default of several rows is none of one."""
    specs = version.signatures[PREDICT_SIGNATURE].inputs
    return {
        name: array
        for name, array in version.details[PREDICT_SIGNATURE].defaults.items()
        if _fits(array, specs[name]) and len(array) == 1
    }


def typed_file(model: TypedModel) -> str:
    """Write the file."""
    varies = any(each.varies for each in model.inputs)
    constants = "\n".join(_constants(model, varies=varies))
    columns = "\n".join(f"{column(each)}," for each in model.inputs)
    answered = _answers(model)
    values = opened(f"example={class_name(model.name)}Request(", _values(model), ")", indent=4)
    return _TEMPLATE.substitute(
        name=model.name,
        Name=class_name(model.name),
        ml_dtypes="import ml_dtypes\n" if _uses_bfloat16(model) else "",
        numpy="import numpy as np\n" if "np." in columns + answered + values else "",
        fields_import=_fields_import(model),
        constants=f"\n{constants}\n" if constants else "",
        fields="\n".join(field(each, model.defaults.get(each.name)) for each in model.inputs),
        answer_fields="\n".join(map(output_field, model.outputs)),
        raises=_RAISES if varies else '"""',
        columns=columns,
        seconds=_seconds(model),
        answers=answered,
        postprocess=_postprocess(class_name(model.name)),
        answer=opened("{", _keys(model), "}", indent=8),
        inputs=opened("inputs={", _specs(model.inputs), "}", indent=8),
        outputs=opened("outputs={", _specs(model.outputs), "}", indent=8),
        source=_RECORDED if model.recorded else _MADE_UP,
        values=values,
    )


def _uses_bfloat16(model: TypedModel) -> bool:
    return any(each.spec.dtype == "bfloat16" for each in model.inputs)


def _fields_import(model: TypedModel) -> str:
    # In the order of ruff: Int8 before Int16, and classes before functions.
    names = sorted({each.kind for each in model.inputs} - {"bool", "str"}, key=_naturally)
    texts = [each for each in model.outputs if each.spec.dtype == "string"]
    names += ["base64_of"] if any(each.is_file for each in texts) else []
    names += ["stacked"] if any(each.is_stacked for each in model.inputs) else []
    names += ["texts_of"] if any(not each.is_file for each in texts) else []
    line = f"from serving.fields import {', '.join(names)}"
    if len(line) > WIDTH:
        line = opened("from serving.fields import (", names, ")", indent=0)
    return f"{line}\n" if names else ""


def _naturally(name: str) -> tuple[str, int]:
    letters = name.rstrip("0123456789")
    return letters, int(name[len(letters) :] or 0)


def _constants(model: TypedModel, *, varies: bool) -> list[str]:
    lines = []
    if any(each.is_text for each in model.inputs):
        lines.append("MAX_CHARACTERS = 10_000  # of a text; choose what the model is meant for")
    if varies:
        lines.append("MAX_LENGTH = 1_000  # of a list; choose what the model is meant for")
    if any(each.is_text and each.sizes for each in model.inputs):
        lines += ["", "Text = Annotated[str, Field(max_length=MAX_CHARACTERS)]"]
    types = [line for each in model.inputs for line in aliases(each)]
    return [*lines, *([""] if lines and types and "Text" not in lines[-1] else []), *types]


def _seconds(model: TypedModel) -> str:
    num_values = sum(math.prod(size or 1 for size in each.sizes) for each in model.inputs)
    return f"{max(1e-6, _SECONDS_PER_VALUE * num_values):.0e}".replace("e-0", "e-")


def _answers(model: TypedModel) -> str:
    values = list(map(answers, model.outputs))
    if len(values) == 1 and len(values[0]) < WIDTH - len("    columns = (,)"):
        return f"    columns = ({values[0]},)"
    return opened("columns = (", values, ")", indent=4)


def _postprocess(name: str) -> str:
    parameters = "_inputs: Tensors, outputs: Tensors, _card: ModelCard | None"
    line = f"def postprocess({parameters}) -> list[{name}Response]:"
    if len(line) <= WIDTH:
        return line
    return f"def postprocess(\n    {parameters}\n) -> list[{name}Response]:"


def _keys(model: TypedModel) -> list[str]:
    return [f"{quoted(each.field)}: row[{index}]" for index, each in enumerate(model.outputs)]


def _values(model: TypedModel) -> list[str]:
    return [f"{each.field}={literal(each, model.example[each.name])}" for each in model.inputs]


def _specs(tensors: Iterable[Tensor]) -> list[str]:
    return [f"{quoted(each.name)}: {spec_of(each.spec)}" for each in tensors]


def spec_of(spec: TensorSpec) -> str:
    if spec.shape == (None,):
        return f'TensorSpec("{spec.dtype}")'
    return f'TensorSpec("{spec.dtype}", {spec.shape})'
