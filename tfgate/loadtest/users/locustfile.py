"""Locust users who ask whatever models a gateway serves, each one of them again and again.

Run it against a gateway: locust -f tfgate/loadtest/users/locustfile.py --host http://127.0.0.1:8000
It imports nothing of the gateway, as its callers do: locust and Pillow are enough.
"""

import json
import random
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from locust import FastHttpUser, between, events, stats, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner

from tfgate.loadtest.users.questions import Model, Question
from tfgate.loadtest.users.served import CannotTell, served_models, taking_turns
from tfgate.loadtest.users.shapes import SHAPES, Shape

__all__ = ["Caller", "Shape"]

SOURCE = random.Random()  # noqa: S311  # no secret depends on it
LONGEST_SECONDS = 30  # the gateway gives up long before
SHED = "shed"  # by the gateway's own decision, to keep the others quick
stats.PERCENTILES_TO_CHART = [0.5, 0.95, 0.99]


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """Add what locust does not know; the shape can also be chosen on its web page."""
    parser.add_argument(
        "--shape", choices=list(SHAPES), default="steady", help="how the number of users changes"
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        help="ask this model, and all others that are given so; without it, all that are served",
        include_in_web_ui=False,
    )
    parser.add_argument(
        "--api-key",
        default="",
        help="sent as Authorization: Bearer",
        env_var="TFGATE_API_KEY",
        # A secret field is covered on the page, but its value is in the page's source.
        include_in_web_ui=False,
    )


@events.test_start.add_listener
def meet_models(environment: Environment, **_: Any) -> None:
    """Find out what can be asked; what cannot be is a failure that is counted."""
    if isinstance(environment.runner, MasterRunner):
        return  # it asks nothing itself
    options: Any = environment.parsed_options
    models: list[Model] = []
    try:
        found = served_models(environment.host or "", options.api_key, options.model, SOURCE)
    except CannotTell as error:
        found = {"": error}
    for name, model in found.items():
        if isinstance(model, CannotTell):
            _count_failure(environment, name, model)
        else:
            models.append(model)
    Caller.models = cycle(taking_turns(models))


def _count_failure(environment: Environment, name: str, error: Exception) -> None:
    environment.events.request.fire(
        request_type="GET",
        name=name or "models",
        response_time=0,
        response_length=0,
        exception=error,
        context={},
    )


class Caller(FastHttpUser):
    """Somebody who asks one model, waits about a second, and asks again."""

    models: Iterator[Model] = iter(())
    wait_time = between(0.5, 1.5)
    insecure = False
    connection_timeout = network_timeout = LONGEST_SECONDS

    def on_start(self) -> None:
        """Take the next model."""
        model = next(Caller.models, None)
        if model is None:
            raise StopUser
        self.model = model

    @task(19)
    def ask_one(self) -> None:
        """Send one question."""
        self.post(self.model.one(SOURCE))

    @task(1)
    def ask_several(self) -> None:
        """Send a batch."""
        self.post(self.model.several(SOURCE))

    def post(self, question: Question) -> None:
        """Send a question; whatever is not an answer of this model is a failure."""
        headers = dict(question.headers)
        if key := self.environment.parsed_options.api_key:
            headers["Authorization"] = f"Bearer {key}"
        with self.client.post(
            question.path,
            data=question.body,  # type: ignore[arg-type]  # locust passes bytes on
            headers=headers,
            name=self.model.name,
            catch_response=True,
        ) as answer:
            failure = self._failure(answer)
            if failure is not None:
                answer.failure(failure)

    def _failure(self, answer: Any) -> str | None:
        if answer.status_code == 0:
            return f"no answer: {type(answer.error).__name__}"
        if answer.status_code != 200:
            return _refusal(answer)
        try:
            name = self.model.answered_by(answer.headers, answer.content)
        except (KeyError, TypeError, ValueError):
            return "200, but no answer of a model"
        return None if name == self.model.name else f"answered by {name}"


def _refusal(answer: Any) -> str:
    try:
        document = json.loads(answer.content)
    except ValueError:
        return f"{answer.status_code}, not JSON"
    code = document.get("code", "") if isinstance(document, dict) else ""
    return SHED if code == "overloaded" else f"{answer.status_code} {code}".rstrip()
