"""Every measured number that the model and the simulation rest on, in one file beside this one.

`python -m bench.capacity measure` writes the file anew; nothing else holds a measured number.
"""

from pathlib import Path

from pydantic import BaseModel

FILE = Path(__file__).with_name("measured.json")


class Costs(BaseModel):
    """What one kind of request costs; microseconds of one processor unless named otherwise.

    Fitted to closed loops at 4, 16 and 64 connections: `gateway_request + gateway_call * calls per
    request`, and `server_call + server_row * rows per call`.
    """

    gateway_request: float
    gateway_call: float
    server_call: float
    server_row: float
    client_request: float  # of the load generator
    wire: float  # of a call, both ways: what one connection's median leaves
    spread: float  # of the logarithm of an answer's time over one connection


class Point(BaseModel):
    """A closed loop over so many connections."""

    connections: int
    per_second: float
    p50_ms: float
    p99_ms: float
    rows_per_call: float


class Connections(BaseModel):
    """What one more connection between a gateway and a model server takes, at either end."""

    gateway_bytes: float
    server_bytes: float
    gateway_descriptors: float


class Series(BaseModel):
    """The series of one gateway's /metrics, and how long a line of one is."""

    base: int
    of_model: int
    of_version: int  # that has answered
    line_bytes: float


class Process(BaseModel):
    """What a process is before it does anything."""

    start_seconds: float
    resident_mb: float


class Measured(BaseModel):
    """All of it."""

    machine: str
    costs: dict[str, Costs]
    checks: dict[str, list[Point]]
    refusal: float  # microseconds of a gateway's processor for an answer 429
    metrics_in_files: (
        float  # microseconds of a request, more than in memory: several workers count so
    )
    connections: Connections
    series: Series
    gateway: Process
    gateway_loaded_mb: float
    server: Process


def load() -> Measured:
    """Read what was measured last."""
    return Measured.model_validate_json(FILE.read_text())


def save(measured: Measured) -> None:
    """Write what was measured, rounded to what can be known."""
    FILE.write_text(measured.model_dump_json(indent=2) + "\n")
