"""The states of a model's versions, as TF Serving tells them."""

from collections.abc import Sequence

from serving.errors import UnknownModel, UnknownVersion
from serving.gateway.dialects.tf_serving_rest.protobuf_json import write_message
from serving.gateway.inference.catalog import VersionState
from serving.gateway.inference.model_ref import ModelRef


def write(ref: ModelRef, states: Sequence[VersionState]) -> bytes:
    """Write the states of all versions, or of the one that is asked for; a label means nothing.

    Raises:
        UnknownModel: there is no version at all.
        UnknownVersion: there is no such version.
    """
    if not states:
        message = f"Could not find any versions of model {ref.name}"
        raise UnknownModel(message)
    if ref.version is not None:
        states = [state for state in states if state.version == ref.version]
    if not states:
        message = f"Could not find version {ref.version} of model {ref.name}"
        raise UnknownVersion(message)
    return write_message({"model_version_status": [_status(state) for state in states]})


def _status(state: VersionState) -> dict[str, object]:
    return {
        "version": str(state.version),
        "state": state.state,
        "status": {"error_code": state.code or "OK", "error_message": state.error or ""},
    }
