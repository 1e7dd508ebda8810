"""What a soak found, as one document; `failures` is empty when all is well."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from soak.clients import Outcome
from soak.schedule import Schedule
from soak.tally import Tally

ACCEPTED_ERRORS = (429, 503, 504)
RETRY_LATER = (429, 503)


@dataclass(frozen=True)
class Outage:
    """When the model server was killed, and when it answered again: times of time.monotonic()."""

    killed: float
    back: float

    def covers(self, error: Outcome, schedule: Schedule) -> bool:
        """Tell whether an error may be due to it."""
        latest = self.back + schedule.recovery_seconds
        return self.killed <= error.ended and error.started <= latest


class Kill(BaseModel):
    """What one kill cost."""

    away_seconds: float = Field(description="until the model server itself answered again")
    errors: dict[str, int] = Field(description="by the code of the problem")
    longest_error_seconds: float = Field(description="how long a refused request waited at most")
    outage_seconds: float = Field(
        description="from the model server's first answer to the end of the last refused request"
    )


class Summary(BaseModel):
    """The whole of it."""

    seconds: float
    right_answers: dict[str, int] = Field(description="by model")
    wrong_answers: int
    versions_published: int
    kills: list[Kill]
    memory_after_warm_up_mb: float
    memory_at_end_mb: float
    memory_growth: float = Field(description="share of the memory after warm-up")
    memory_growth_accepted: float
    failures: list[str]


@dataclass
class Findings:
    """What has been observed in the course of a soak; memory is that of the gateway."""

    tally: Tally
    published: set[tuple[str, int]]
    outages: list[Outage]
    memory_after_warm_up_mb: float = 0.0
    memory_now_mb: float = 0.0

    @property
    def memory_growth(self) -> float:
        """The share by which the gateway has grown."""
        return self.memory_now_mb / self.memory_after_warm_up_mb - 1


def summarise(schedule: Schedule, findings: Findings) -> Summary:
    """Count, and hold what was observed against what the schedule accepts."""
    return Summary(
        seconds=schedule.seconds,
        right_answers=dict(findings.tally.right),
        wrong_answers=findings.tally.num_wrong,
        versions_published=len(findings.published),
        kills=[_kill(outage, findings.tally.errors, schedule) for outage in findings.outages],
        memory_after_warm_up_mb=findings.memory_after_warm_up_mb,
        memory_at_end_mb=findings.memory_now_mb,
        memory_growth=findings.memory_growth,
        memory_growth_accepted=schedule.max_growth,
        failures=_answer_failures(findings)
        + _error_failures(schedule, findings)
        + _memory_failures(schedule, findings),
    )


def _kill(outage: Outage, errors: Sequence[Outcome], schedule: Schedule) -> Kill:
    due = [error for error in errors if outage.covers(error, schedule)]
    return Kill(
        away_seconds=outage.back - outage.killed,
        errors=Counter(error.document["code"] for error in due),
        longest_error_seconds=max((error.seconds for error in due), default=0),
        outage_seconds=max(0, *(error.ended - outage.back for error in due), 0),
    )


def _answer_failures(findings: Findings) -> list[str]:
    tally = findings.tally
    silent = sorted(findings.published - tally.versions)
    failures = [f"wrong answer, {wrong}" for wrong in tally.wrong]
    if tally.num_wrong > len(tally.wrong):
        failures.append(f"{tally.num_wrong - len(tally.wrong)} more wrong answers")
    failures += [f"version {version} of {model} never answered" for model, version in silent]
    return failures


def _error_failures(schedule: Schedule, findings: Findings) -> list[str]:
    failures = []
    for error in findings.tally.errors:
        wrong = _why_unaccepted(error, findings.outages, schedule)
        if wrong:
            code, detail = error.document.get("code"), error.document.get("detail")
            failures.append(f"{wrong}: {error.status} {code}: {detail}")
    return [f"{number} x {failure}" for failure, number in Counter(failures).items()]


def _why_unaccepted(error: Outcome, outages: Sequence[Outage], schedule: Schedule) -> str | None:
    if error.status not in ACCEPTED_ERRORS:
        return "an error that no outage excuses"
    if not any(outage.covers(error, schedule) for outage in outages):
        return f"an error outside the {schedule.recovery_seconds:g} seconds after an outage"
    if error.status in RETRY_LATER and error.retry_after is None:
        return "an error without Retry-After"
    if error.seconds > schedule.deadline_seconds + schedule.slack_seconds:
        return "an error after its deadline"
    return None


def _memory_failures(schedule: Schedule, findings: Findings) -> list[str]:
    if findings.memory_growth <= schedule.max_growth:
        return []
    return [
        f"the gateway has grown by {findings.memory_growth:.1%}, from "
        f"{findings.memory_after_warm_up_mb:.1f} to {findings.memory_now_mb:.1f} MB; "
        f"{schedule.max_growth:.0%} is accepted"
    ]
