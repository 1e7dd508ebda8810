"""What was measured, as lines of JSON that are only ever added to: a cut run loses nothing."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Field, TypeAdapter

from bench.load import Load
from bench.open_loop import OpenLoop


class Session(BaseModel):
    """The state of machine and code when a command began to measure."""

    kind: Literal["session"] = "session"
    revision: str
    machine: dict[str, str]
    versions: dict[str, str]


class Cell(BaseModel):
    """One run of the load generator in one round."""

    kind: Literal["cell"] = "cell"
    system: str
    workload: str
    connections: int
    round: int
    load: Load
    cpu_ms: float  # of the system's own processor time, an answer; without the model server's
    foreign_cpu_share: float  # of all processors' time, used by what was not measured


class Footprint(BaseModel):
    """What a system needed to start, and weighed after its load in one round."""

    kind: Literal["footprint"] = "footprint"
    system: str
    round: int
    ready_seconds: float
    resident_mb: list[float]  # of each process, the largest first; without the model server


class BareCall(BaseModel):
    """One Predict call after another from a grpc.aio client, without a gateway."""

    kind: Literal["bare_call"] = "bare_call"
    workload: str
    round: int
    p50_ms: float
    p99_ms: float


class EmbeddedCall(BaseModel):
    """The embedded server over one connection: medians of a call, and of TensorFlow's part of it.

    What is between them, the server, the client and the way there take.
    """

    kind: Literal["embedded_call"] = "embedded_call"
    round: int
    call_ms: float
    session_ms: float


class BestBatch(BaseModel):
    """TensorFlow called in process by two threads, with one size of batch."""

    kind: Literal["best_batch"] = "best_batch"
    model: str
    batch_size: int
    round: int
    predictions_per_second: float


class Costs(BaseModel):
    """What requests cost the system itself: its own processor time, without the model server's."""

    accepted_us: float  # one that is answered, where it is saturated
    refused_us: float  # one that is refused

    def bound(self, share: float) -> float:
        """How much of its peak is left at a share of the saturation, if each must be read."""
        ratio = self.refused_us / self.accepted_us
        return min(share, 1.0, max(0.0, (1 - share * ratio) / (1 - ratio)))


class OverloadPoint(BaseModel):
    """A system at one share of the load that saturates it."""

    kind: Literal["overload"] = "overload"
    system: str
    workload: str
    share: float
    saturation_per_second: float
    outcome: OpenLoop
    costs: Costs | None = None  # of a system that refuses by itself


class Piece(BaseModel):
    """What one piece of the request path costs."""

    kind: Literal["piece"] = "piece"
    workload: str
    name: str
    microseconds: float


Limit = BareCall | EmbeddedCall | BestBatch
Record = Session | Cell | Footprint | Limit | OverloadPoint | Piece
RecordT = TypeVar("RecordT", bound=Record)
_LINE: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


class Results:
    """The records of one file, and new ones at its end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text().splitlines() if file.exists() else []
        self._records = [_LINE.validate_json(line) for line in lines]

    def add(self, record: Record) -> None:
        """Keep a record, on disk at once."""
        self._records.append(record)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as file:
            file.write(record.model_dump_json() + "\n")

    def all(self, kind: type[RecordT]) -> list[RecordT]:
        """List the records of a kind, the oldest first."""
        return [record for record in self._records if isinstance(record, kind)]
