"""A gateway that is asked without pause while a test does something to its model server."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from soak.clients import Clients, Outcome
from soak.questions import Question, mixed_questions
from tests import stack

QUESTIONS = mixed_questions()
HOUSES = [question for question in QUESTIONS if question.model == "housing"]
NUM_CLIENTS = 2  # they ask without pause, and leave the servers some of a small machine


@contextmanager
def asking(
    url: str, questions: Sequence[Question], *, num_clients: int = NUM_CLIENTS
) -> Iterator[list[Outcome]]:
    """Put clients in front of a gateway whose model server answers; gives what they hear."""
    outcomes: list[Outcome] = []
    with Clients(url, questions, outcomes.append, num_clients=num_clients):
        wait_for(outcomes, 200)
        yield outcomes


def wait_for(outcomes: list[Outcome], status: int, since: float = 0) -> None:
    """Wait until a request that began after `since` has ended so."""
    stack.wait_until(
        lambda: any(each.status == status and each.started > since for each in outcomes),
        f"an answer with status {status}",
    )


def errors(outcomes: list[Outcome], since: float = 0) -> list[Outcome]:
    return [each for each in outcomes if not each.ok and each.started > since]
