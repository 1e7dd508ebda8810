"""Whether requests may come, by how the models stand."""

from collections.abc import Collection, Mapping

from serving.errors import FieldError, ModelServerUnavailable, ModelUnavailable, TfgateError
from serving.gateway.inference.monitor import ModelState


def check_ready(
    found: Mapping[str, ModelState], required: Collection[str], *, takes_any: bool = False
) -> dict[str, str]:
    """Return the models that cannot be asked all the same, each with the reason.

    Raises:
        ModelUnavailable: none can be asked, or one of those that are required cannot.
        ModelServerUnavailable: nor can the model server.
    """
    missing = {model: state.missing for model, state in found.items() if state.missing}
    missing |= dict.fromkeys(set(required) - found.keys(), "models.config does not list it")
    # A model server that has none of those known here may have others, which can be asked.
    may_have_others = takes_any and not any(each.error or each.versions for each in found.values())
    nothing_is_ready = missing.keys() >= found.keys() and not may_have_others
    if nothing_is_ready or not missing.keys().isdisjoint(required):
        raise _not_ready(found, missing)
    return missing


def _not_ready(found: Mapping[str, ModelState], missing: Mapping[str, str]) -> TfgateError:
    fields = [FieldError(model, reason) for model, reason in missing.items()]
    if found and all(state.error for state in found.values()):
        # What keeps every model from being looked at is not about any of them.
        return ModelServerUnavailable(fields[0].message, fields=fields)
    detail = "; ".join(f"{model}: {reason}" for model, reason in missing.items())
    return ModelUnavailable(detail or "models.config lists no model yet", fields=fields)
