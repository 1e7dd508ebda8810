"""The right answers, by TensorFlow itself, and the check of a system's answers against them.

TensorFlow runs in a process of its own, so that the harness stays small beside what it measures.
"""

import json
import sys
from pathlib import Path

from bench.ask import NoAnswer, ask
from bench.dialects import Answer, Dialect
from bench.processes import output_of
from bench.repository import repository
from bench.workloads import ALL_WORKLOADS, Workload

NUM_CHECKED = 4  # requests of each workload
RELATIVE_TOLERANCE = 1e-3
ABSOLUTE_TOLERANCE = 1e-4  # of a probability


class WrongAnswer(Exception):
    """A system answered something else than the model says."""


def write_reference(folder: Path) -> Path:
    """Compute the answers to the first requests of every workload, unless a file has them."""
    file = folder / "reference.json"
    if not file.exists():
        log = folder / "logs" / "reference.log"
        file.write_bytes(output_of("bench.reference", str(repository(folder)), log=log))
    return file


def check_answers(url: str, dialect: Dialect, workload: Workload, reference: Path) -> None:
    """Ask the first requests and compare.

    Raises:
        WrongAnswer: there is no good answer, or it is not the reference's.
    """
    expected: list[list[Answer]] = json.loads(reference.read_text())[workload.name]
    for question, answers in zip(dialect.questions(workload), expected, strict=False):
        try:
            reply = ask(url, dialect.path(workload), question, seconds=60)
        except NoAnswer as error:
            message = f"{workload.name}: {error}"
            raise WrongAnswer(message) from error
        if dialect.read is not None:
            _compare(workload, dialect.read(workload, dialect.decode(reply)), answers)


def _compare(workload: Workload, answers: list[Answer], expected: list[Answer]) -> None:
    if len(answers) != len(expected):
        message = f"{workload.name}: {len(answers)} answers instead of {len(expected)}"
        raise WrongAnswer(message)
    for answer, right in zip(answers, expected, strict=True):
        if not answer or not all(_is_close(value, right[name]) for name, value in answer.items()):
            message = f"{workload.name}: answered {answer}; TensorFlow says {right}"
            raise WrongAnswer(message)


def _is_close(value: float, right: float) -> bool:
    return abs(value - right) <= max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * abs(right))


def _compute(models: Path) -> dict[str, list[list[Answer]]]:
    from bench.peers.saved_models import SavedModel, decode  # noqa: PLC0415 - TensorFlow

    computed = {}
    for workload in ALL_WORKLOADS.values():
        model = SavedModel(workload.model, models)
        computed[workload.name] = [
            [
                answer.get("scores", answer) if isinstance(answer, dict) else {"y": answer}
                for answer in model.predict([decode(workload.model, each) for each in instances])
            ]
            for instances in workload.requests()[:NUM_CHECKED]
        ]
    return computed


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_compute(Path(sys.argv[1]))))
