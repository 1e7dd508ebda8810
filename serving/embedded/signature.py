"""What a Predict request must hold for one signature, and how it is refused; runs nothing.

The checks, their order and their texts are TF Serving's (predict_util.cc) and TensorFlow's
(cc/saved_model/util.cc).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import grpc
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from serving.embedded import tensor_protos
from serving.embedded.statuses import StatusError, invalid_argument
from serving.embedded.tensor_protos import Array

PREDICT_METHOD = "tensorflow/serving/predict"
CLASSIFY_METHOD = "tensorflow/serving/classify"
REGRESS_METHOD = "tensorflow/serving/regress"


@dataclass(frozen=True)
class BoundSignature:
    """A SignatureDef in plain dictionaries: reading protobuf maps on every call is slow."""

    method: str
    inputs: Mapping[str, str]  # alias -> tensor
    defaults: Mapping[str, tensor_pb2.TensorProto]
    outputs: Mapping[str, str]  # alias -> tensor

    @classmethod
    def of(cls, definition: meta_graph_pb2.SignatureDef) -> "BoundSignature":
        """Read a SignatureDef; aliases are kept in alphabetical order."""
        return cls(
            method=definition.method_name,
            inputs={alias: definition.inputs[alias].name for alias in sorted(definition.inputs)},
            defaults=dict(definition.defaults),
            outputs={alias: definition.outputs[alias].name for alias in sorted(definition.outputs)},
        )

    def names(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the tensors that go in, and those that come out."""
        return frozenset(self.inputs.values()), frozenset(self.outputs.values())

    def check_method(self) -> None:
        """Refuse a signature that was exported for no known method; INTERNAL as in TF Serving."""
        methods = (PREDICT_METHOD, CLASSIFY_METHOD, REGRESS_METHOD)
        if self.method not in methods:
            raise StatusError(
                grpc.StatusCode.INTERNAL,
                "Expected prediction signature method_name to be one of "
                f"{{{', '.join(methods)}}}. Was: {self.method}",
            )

    def feeds(self, sent: Mapping[str, tensor_pb2.TensorProto]) -> dict[str, Array]:
        """Return tensor -> value for every input.

        Raises:
            StatusError: INVALID_ARGUMENT for inputs too many, missing, unknown or undecodable.
        """
        self._check_number(sent)
        feeds = {}
        for alias, tensor in self.inputs.items():
            proto = sent[alias] if alias in sent else self.defaults.get(alias)
            if proto is None:
                raise self._missing(alias, sent)
            try:
                feeds[tensor] = tensor_protos.decode(proto)
            except (ValueError, MemoryError) as error:
                raise invalid_argument(f"tensor parsing error: {alias}") from error
        self._check_names(sent)
        return feeds

    def fetches(self, output_filter: Sequence[str]) -> Mapping[str, str]:
        """Return alias -> tensor of the outputs asked for; all without a filter.

        Raises:
            StatusError: INVALID_ARGUMENT for an unknown or repeated output.
        """
        if not output_filter:
            return self.outputs
        chosen: dict[str, str] = {}
        for alias in output_filter:
            if alias not in self.outputs:
                raise invalid_argument(
                    f"output tensor alias not found in signature: {alias} Outputs expected to be "
                    f"in the set {_braced(self.outputs)}."
                )
            if alias in chosen:
                raise invalid_argument(f"duplicate output tensor alias: {alias}")
            chosen[alias] = self.outputs[alias]
        return chosen

    def _check_number(self, sent: Collection[str]) -> None:
        too_few = len(sent) < len(self.inputs) and not self.defaults
        if not too_few and len(sent) <= len(self.inputs):
            return
        raise invalid_argument(
            f"input size does not match signature: {len(sent)}!={len(self.inputs)} "
            f"len({_braced(sent)}) != len({_braced(self.inputs)}). "
            f"Sent extra: {_braced(set(sent) - set(self.inputs))}. "
            f"Missing but required: {_braced(set(self.inputs) - set(sent))}."
        )

    def _check_names(self, sent: Collection[str]) -> None:
        used = set(sent) & set(self.inputs)
        if len(used) != len(sent):
            raise invalid_argument(
                f"Inputs contains invalid name. Used request inputs: {_joined(used)}, "
                f"request input: {_joined(sent)}"
            )

    def _missing(self, alias: str, sent: Collection[str]) -> StatusError:
        return invalid_argument(
            f"Signature input alias: {alias}(feed name: {self.inputs[alias]}) not found in request "
            f"and no default value provided. Inputs expected to be in the request {_braced(sent)}, "
            f"or default input alias set: {_joined(self.defaults)}"
        )


def _joined(aliases: Iterable[str]) -> str:
    return ",".join(sorted(aliases))


def _braced(aliases: Iterable[str]) -> str:
    return f"{{{_joined(aliases)}}}"
