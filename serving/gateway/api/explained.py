"""Answers with what they come from: both are given by the signature `explain`, in one call."""

import asyncio
from collections.abc import Sequence
from typing import Any

from serving.contract import Model, Tensors
from serving.errors import NotExplainable
from serving.gateway.api.slow_preprocessing import Threads
from serving.gateway.dialects.calls import Asked, Asking, check_explained
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.client import Answer
from serving.gateway.inference.inference import check_numbers
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE, Question
from serving.gateway.inference.registry import ServedModel
from serving.gateway.telemetry.request_context import RequestContext


class Explained:
    """Asks one typed model why."""

    def __init__(
        self, served: ServedModel, model: Model[Any, Any], catalog: Catalog, threads: Threads
    ) -> None:
        self._threads = threads
        self._served = served
        self._model = model
        self._explanation = model.explanation
        self._catalog = catalog

    def check(self, num_instances: int) -> None:
        """See that so many instances may be asked about.

        Raises:
            NotExplainable: no answer of the model is explained.
            InvalidInput: there are too many.
        """
        if self._explanation is None:
            error = NotExplainable(f"the file of {self._served.name} has no explanation")
            raise self._catalog.not_explainable(error, self._served.name)
        check_explained(num_instances)

    async def ask(
        self, asked: Question, inputs: Tensors, context: RequestContext, *, deadline: float
    ) -> Answer:
        """Have rows answered and explained by one version.

        Raises:
            NotExplainable: the version does not explain its answers, or not as is declared.
            TfgateError: it cannot answer.
        """
        asking = Asking(self._served, asked.ref, self._catalog, context, deadline, is_paid=True)
        try:
            live = await asking.live()
            difference = self._difference(live)
            if difference is None:
                answer = await asking.predict(Asked(inputs, EXPLAIN_SIGNATURE))
                if answer.version != live.version:
                    # What a candidate has failed to explain, the stable version was asked.
                    difference = self._difference(await asking.live())
        except NotExplainable as error:
            raise self._catalog.not_explainable(error, self._served.name) from None
        if difference is not None:
            raise NotExplainable(difference)
        check_numbers(answer.outputs)
        return answer

    async def add(
        self, answers: Sequence[Any], requests: Sequence[Any], inputs: Tensors, outputs: Tensors
    ) -> list[Any]:
        """Put beside each answer what it comes from.

        In a thread: to find each word of 20,000 characters takes up to a tenth of a second.
        """
        assert self._explanation is not None  # noqa: S101  # check() has seen to it
        run, explain = asyncio.get_running_loop().run_in_executor, self._explanation.postprocess
        reasons = await run(self._threads.pool, explain, requests, inputs, outputs)
        return [
            {**answer, "explanation": reason}
            for answer, reason in zip(answers, reasons, strict=True)
        ]

    def _difference(self, live: LiveVersion) -> str | None:
        """Say what a version does not give of what the model's file makes words of, if anything.

        Raises:
            NotExplainable: the version has no signature that explains.
        """
        assert self._explanation is not None  # noqa: S101  # check() has seen to it
        found = live.signature(EXPLAIN_SIGNATURE).outputs
        declared = {**self._model.signature.outputs, **self._explanation.outputs}
        for name, spec in declared.items():
            if name not in found and name in self._model.signature.optional_outputs:
                continue
            if found.get(name) != spec:
                return (
                    f"version {live.version} of {live.model} explains otherwise than its file "
                    f"says: the output {name} is {found.get(name, 'missing')}, declared is {spec}"
                )
        return None
