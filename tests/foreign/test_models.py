"""Generic models answer as TensorFlow does, in every dialect, to one and to many."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from serving.contract import Tensors
from serving.gateway.inference.concurrency_limit import MIN_LIMIT
from tests.foreign.comparing import assert_same_array
from tests.foreign.conftest import Answers
from tests.foreign.dialects import DIALECTS
from tests.foreign.dialects.asking import Dialect
from tests.foreign.gateway import Gateway
from tests.foreign.models import FOREIGN_MODELS, Question

CLIENTS = int(MIN_LIMIT)  # so many are never turned away, however slow the machine is
ROUNDS = 4

Case = tuple[str, Question, Tensors]


def cases(dialect: Dialect, right: Answers) -> list[Case]:
    """Return what a dialect can ask, each with its answer."""
    return [
        (name, question, answer)
        for name, model in FOREIGN_MODELS.items()
        for question, answer in zip(model.questions, right[name], strict=True)
        if dialect.takes(question, answer)
    ]


def check(dialect: Dialect, gateway: Gateway, case: Case) -> None:
    name, question, expected = case
    got = dialect.ask(gateway, name, question)
    if got.keys() == {""}:
        [only] = expected  # a single output has no name in some formats
        got = {only: got[""]}
    assert got.keys() == expected.keys()
    for output, array in expected.items():
        told = got[output]
        if dialect.tells_dtypes:
            assert told.dtype == array.dtype, output
        assert_same_array(told, array)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", FOREIGN_MODELS)
def test_one_client_gets_what_tensorflow_answers(
    foreign_gateway: Gateway, right: Answers, name: str, dialect: str
) -> None:
    for case in cases(DIALECTS[dialect], right):
        if case[0] == name:
            check(DIALECTS[dialect], foreign_gateway, case)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_many_clients_at_once_get_the_same(
    foreign_gateway: Gateway, right: Answers, dialect: str
) -> None:
    # All questions about a model are next to each other, so as to meet in one call if they may.
    asked = list(chain(*([case] * ROUNDS for case in cases(DIALECTS[dialect], right))))

    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(lambda case: check(DIALECTS[dialect], foreign_gateway, case), asked))
