"""What the gateway is asked: requests for every model, of several sizes, each with its body."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from bench.workloads import WORKLOADS, Instance
from serving.models import MODELS

NUM_PER_WORKLOAD = 8


@dataclass(frozen=True, eq=False)
class Question:
    """One request: the model that is asked, its instances, and the query that picks a version."""

    model: str
    instances: list[Instance]
    batch: bool = False
    query: str = ""

    @property
    def path(self) -> str:
        """Where it is posted to."""
        return f"/predict/{self.model}{'/batch' if self.batch else ''}{self.query}"

    @cached_property
    def body(self) -> bytes:
        """Its JSON."""
        content: Any = {"instances": self.instances} if self.batch else self.instances[0]
        return json.dumps(content).encode()

    @cached_property
    def requests(self) -> list[BaseModel]:
        """Its instances as the gateway sees them once they are validated."""
        request = MODELS[self.model].request
        return [request.model_validate_json(json.dumps(each)) for each in self.instances]


def mixed_questions() -> list[Question]:
    """Draw some requests of each of the benchmark's workloads."""
    return [
        Question(workload.model, instances, batch=workload.batch_size is not None)
        for workload in WORKLOADS.values()
        for instances in workload.requests()[:NUM_PER_WORKLOAD]
    ]
