"""Joins truths to the answers that they are about: which fit, which are wrong, what they add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from serving.errors import FieldError, InvalidInput
from serving.gateway.feedback.answers import Asked, KeptAnswer
from serving.gateway.feedback.store import Join, Store
from serving.gateway.feedback.sums import (
    BIN_CONFIDENCE,
    BIN_CORRECT,
    CORRECT,
    COVERED,
    INTERVALS,
    LABELS,
    NUMBERS,
    SQUARED_ERROR,
    Amounts,
    label_amounts,
    number_amounts,
)
from serving.gateway.inference.answer_rows import MAX_ROWS, Labels
from serving.gateway.telemetry import metrics
from serving.gateway.validation import describe

Outcome = Literal["joined", "already-given", "unknown"]
_MAX_COMPARED = 40  # characters of a label
_MAX_LABELS = 20  # that are told


@dataclass(frozen=True)
class Truth:
    """What was right in place of an answer's rows: labels, or numbers.

    `field` is the name under which they were given. One of them is for the row with the `index`, or
    for the only one; several are for all rows.
    """

    asked: Asked
    field: str
    given: Sequence[str | float]
    is_list: bool
    index: int | None = None


@dataclass(frozen=True)
class Joined:
    """What came of a truth: to how many rows it was joined, of which answer."""

    outcome: Outcome
    answer: KeptAnswer | None
    num_rows: int


async def join(store: Store, truths: Sequence[Truth], places: Sequence[str]) -> list[Joined]:
    """Join truths to their answers: each counts once, or none does if one is wrong.

    `places` say where each stands in the request's body.

    Raises:
        InvalidInput: one does not fit its answer.
        StoreUnavailable: the store cannot be used.
    """
    answers = await store.find([each.asked for each in truths])
    joins = {
        number: Join(answer, _amounts(truth, answer, place))
        for number, (truth, answer, place) in enumerate(zip(truths, answers, places, strict=True))
        if answer is not None
    }
    new = dict(zip(joins, await store.join(list(joins.values())), strict=True))
    joined = []
    for number, answer in enumerate(answers):
        rows = new.get(number)
        if answer is None or rows is None:
            joined.append(Joined("unknown", None, 0))
            continue
        for row in rows:
            _count(answer, joins[number].amounts[row])
        joined.append(Joined("joined" if rows else "already-given", answer, len(rows)))
    return joined


def _amounts(truth: Truth, answer: KeptAnswer, place: str) -> Mapping[int, Amounts]:
    """Say what the truths of the rows add.

    Raises:
        InvalidInput: they do not fit the answer.
    """
    indices = _indices(truth, answer, place)
    rows = answer.rows
    amounts: dict[int, Amounts] = {}
    for number, (index, given) in enumerate(zip(indices, truth.given, strict=True)):
        here = f"{place}{truth.field}" + (f".{number}" if truth.is_list else "")
        if isinstance(rows, Labels):
            if isinstance(given, float):
                message = f"version {answer.version} answered a label; send label"
                raise _wrong(here, message, given)
            _check_label(rows, given, here)
            amounts[index] = label_amounts(rows, index, given)
        else:
            if isinstance(given, str):
                message = f"version {answer.version} answered a number; send value"
                raise _wrong(here, message, given)
            amounts[index] = number_amounts(rows, index, given)
    return amounts


def _indices(truth: Truth, answer: KeptAnswer, place: str) -> Sequence[int]:
    num_rows, num_kept = answer.num_rows, len(answer.rows)
    answered = f"{num_rows} row{'' if num_rows == 1 else 's'}"
    if truth.is_list:
        if len(truth.given) != num_rows:
            message = f"has {len(truth.given)} items, and the request had {answered}"
            raise _wrong(f"{place}{truth.field}", message)
        if num_rows > num_kept:
            message = f"the request had {answered}, of which the first {MAX_ROWS:,} are kept"
            raise _wrong(f"{place}{truth.field}", f"{message}; give each by its index")
        return range(num_rows)
    if truth.index is None:
        if num_rows != 1:
            message = f"the request had {answered}; say which by index, or give a list of them all"
            raise _wrong(f"{place}{truth.field}", message)
        return [0]
    if truth.index >= num_rows:
        message = f"is beyond the request's {answered}, which are counted from 0"
        raise _wrong(f"{place}index", message, truth.index)
    if truth.index >= num_kept:
        message = f"of a request's rows, the first {MAX_ROWS:,} are kept"
        raise _wrong(f"{place}index", message, truth.index)
    return [truth.index]


def _check_label(rows: Labels, given: str, here: str) -> None:
    """See that a label is one of the version's, where these are known.

    Raises:
        InvalidInput: it is not.
    """
    if isinstance(rows.classes, int):
        if not _is_index(given, rows.classes):
            message = f"is no label: they are the numbers 0 to {rows.classes - 1}"
            raise _wrong(here, message, given)
    elif rows.classes is not None and given not in rows.classes:
        nearest = get_close_matches(given[:_MAX_COMPARED], rows.classes, n=1)
        meant = f"; did you mean {nearest[0]}?" if nearest else ""
        more = ", …" if len(rows.classes) > _MAX_LABELS else ""
        there = ", ".join(rows.classes[:_MAX_LABELS]) + more
        raise _wrong(here, f"is no label: there are {there}{meant}", given)


def _is_index(given: str, num_classes: int) -> bool:
    """Tell whether a text is the number of a class, written as `str` does."""
    is_number = given.isascii() and given.isdecimal() and len(given) <= len(str(num_classes))
    return is_number and given == str(int(given)) and int(given) < num_classes


def _wrong(field: str, message: str, received: str | float | None = None) -> InvalidInput:
    told = f"{field}: {message}"
    shown = None if received is None else describe(received)
    if shown is not None and not message.endswith("?"):
        told += f"; received {shown}"
    hint = "Correct the fields named in `errors`; nothing of this request was joined."
    return InvalidInput(told, hint=hint, fields=[FieldError(field, message, shown)])


def _count(answer: KeptAnswer, amounts: Amounts) -> None:
    """Count a row's truth in the metrics, which add up over gateways and time."""
    model, version = answer.model, answer.version
    _ = metrics.SERIES[model, version]  # with it, the series of a version long gone are dropped
    side = (model, str(version), answer.route)
    metrics.FEEDBACK.labels(*side, _outcome(amounts)).inc()
    if NUMBERS in amounts:
        metrics.FEEDBACK_SQUARED_ERROR.labels(*side).inc(amounts[SQUARED_ERROR])
    for number, (confidence, correct) in enumerate(zip(BIN_CONFIDENCE, BIN_CORRECT, strict=True)):
        if confidence in amounts:
            bin_ = f"{(number + 1) / len(BIN_CORRECT):g}"
            metrics.FEEDBACK_CONFIDENCE.labels(*side, bin_).inc(amounts[confidence])
            metrics.FEEDBACK_CORRECT.labels(*side, bin_).inc(amounts[correct])


def _outcome(amounts: Amounts) -> str:
    if LABELS in amounts:
        return "correct" if amounts[CORRECT] else "wrong"
    if INTERVALS in amounts:
        return "covered" if amounts[COVERED] else "missed"
    return "number"
