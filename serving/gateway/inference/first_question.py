"""The first question to a version: what it is asked before its traffic, and what that proves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from serving.contract import Model, Signature, Tensors
from serving.errors import ModelServerFailure, PredictionFailed, RejectedByModel, TfgateError
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.client import MAX_TOLD, CallFailed, ModelServerClient
from serving.gateway.inference.example import Write, example, number, picture
from serving.gateway.inference.inference import check_numbers, check_outputs
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE, ModelRef, Question
from serving.gateway.inference.registry import Registry

# A row beside another and itself again: neither sorting, nor dropping what is double, nor anything
# that adds up answers it as if it were alone. It is of ones: 1/x and log(x) have no answer to zero.
_ROWS = (1, 0, 1)
# Goes along with a version's first question, so that a model server can tell it from traffic.
_PROBE = {"tfgate-probe": "1"}


class FirstQuestion:
    """Asks a version of a typed model its example, and one of a generic model what is made up."""

    def __init__(
        self,
        registry: Registry,
        client: ModelServerClient,
        catalog: Catalog,
        *,
        timeout_seconds: float,
    ) -> None:
        self._registry = registry
        self._client = client
        self._catalog = catalog
        self._timeout_seconds = timeout_seconds

    async def ask(self, name: str, version: int) -> str | None:
        """Ask a version; say why it may not answer others, or None if it may.

        Which of its signatures have requests that may share calls is noted in the catalog.

        Raises:
            TfgateError: it does not answer as it promises; `told` says it to operators.
        """
        model = self._registry[name].typed
        if model is None:
            return await self._try_signatures(name, version)
        difference = await self._catalog.difference(name, version, model.signature)
        if difference is not None:
            return difference
        # The first prediction would have to wait for it.
        card = await self._catalog.card(name, version) if model.reads_card else None
        inputs = model.preprocess([model.example])
        answer = await self._client.predict(
            Question(ModelRef(name, version)),
            inputs,
            timeout_seconds=self._timeout_seconds,
            headers=_PROBE,
        )
        outputs = check_outputs(answer.outputs, model.signature, 1)
        check_numbers(outputs)
        _check_answer(model, model.postprocess(inputs, outputs, card))
        live = await self._catalog.live(ModelRef(name, version))
        why = "of a typed model, the signature that it declares is all that was tried"
        others = live.signatures.keys() - {PREDICT_SIGNATURE}
        self._catalog.apart[name, version] = dict.fromkeys(others, why)
        return None

    async def _try_signatures(self, name: str, version: int) -> str | None:
        """Ask a version of a generic model, by each signature, something made of nothing.

        It is ready if one of them answers: with what it promises, and not with NaN alone. What
        its graph refuses tells nothing of it, for nobody knows what it wants.
        """
        live = await self._catalog.live(ModelRef(name, version))
        apart, reasons, answered = {}, [], not live.signatures
        for signature_name, signature in live.signatures.items():
            question = Question(ModelRef(name, version), signature_name, promise=signature)
            if lacking := signature.unsendable:
                apart[signature_name] = f"types that cannot be sent: {', '.join(lacking)}"
                continue
            try:
                reason = await self._try_strings(question, signature)
            except RejectedByModel as error:
                reason = f"whether its rows depend on each other is not known: {error.detail}"
            except TfgateError as error:
                reason = told(error)
                reasons.append(f"signature {signature_name}: {reason}")
            else:
                answered = True
            if reason is not None:
                apart[signature_name] = reason
        if reasons and not answered:
            return "; ".join(reasons)
        self._catalog.apart[name, version] = apart
        return None

    async def _try_strings(self, question: Question, signature: Signature) -> str | None:
        """Ask with texts, and with pictures where the graph has no use for texts.

        Raises:
            TfgateError: as `_try_signature` says.
        """
        try:
            return await self._try_signature(question, signature, number)
        except RejectedByModel as refusal:
            if all(spec.dtype != "string" for spec in signature.inputs.values()):
                raise
            try:
                return await self._try_signature(question, signature, picture)
            except RejectedByModel:
                raise refusal from refusal.__cause__

    async def _try_signature(
        self, question: Question, signature: Signature, write: Write
    ) -> str | None:
        """Ask for rows together, and then for the first of them alone.

        Returns:
            Why calls may not be shared; None if they may: the row was answered the same.

        Raises:
            TfgateError: it does not answer as it promises.
        """
        if not signature.is_batched:
            await self._ask_example(question, signature, _ROWS[:1], write)
            without = [
                name
                for name, spec in (*signature.inputs.items(), *signature.outputs.items())
                if not spec.has_batch
            ]
            return f"these tensors have no batch: {', '.join(without)}"
        together = await self._ask_example(question, signature, _ROWS, write)
        others = [name for name, array in together.items() if len(array) != len(_ROWS)]
        if others:
            return f"these outputs have not a row for each of the inputs': {', '.join(others)}"
        alone = await self._ask_example(question, signature, _ROWS[:1], write)
        for name, array in together.items():
            if not (_same(array[:1], alone[name]) and _same(array[:1], array[-1:])):
                return "a row was answered differently beside another one"
        return None

    async def _ask_example(
        self, question: Question, signature: Signature, rows: Sequence[int], write: Write
    ) -> Tensors:
        answer = await self._client.predict(
            question,
            example(signature, rows, write),
            timeout_seconds=self._timeout_seconds,
            headers=_PROBE,
        )
        outputs = check_outputs(answer.outputs, signature, None)
        numbers = [array for array in outputs.values() if array.dtype.kind == "f" and array.size]
        if numbers and not any(np.isfinite(array).any() for array in numbers):
            message = "it answered with values none of which is a finite number"
            raise PredictionFailed(message)
        return outputs


def told(error: TfgateError) -> str:
    """Say why a question failed, with the model server's own text, which callers are not told."""
    cause = error.__cause__
    if isinstance(error, ModelServerFailure) and isinstance(cause, CallFailed):
        return f"{error.detail}: {cause.details[:MAX_TOLD]}".removesuffix(": ")
    return error.detail


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Tell whether two answers are the same, as far as kernels for other sizes give the same."""
    if one.dtype.kind in "fV":  # V is bfloat16
        return one.shape == other.shape and np.allclose(
            *(one.astype(np.float64), other.astype(np.float64)),
            *((1e-2, 1e-3) if one.itemsize == 2 else (1e-3, 1e-5)),
            equal_nan=True,
        )
    return np.array_equal(one, other)


def _check_answer(model: Model[Any, Any], answers: list[Any]) -> None:
    """See that an answer is what callers are promised, which is not looked at again for each."""
    try:
        TypeAdapter(list[model.response]).validate_python(answers)  # type: ignore[name-defined]  # known at run time
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"][1:]))
        message = f"the example is answered with {where}: {first['msg']}"
        raise PredictionFailed(message) from error
