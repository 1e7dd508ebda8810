"""Locust users who ask the three models as people would: one class each, with varied questions.

Run it against a gateway: locust -f tfgate/loadtest/users/locustfile.py --host http://127.0.0.1:8000
It imports nothing of the gateway, as its callers do: locust and Pillow are enough.
"""

import json
import random
from typing import Any, ClassVar

from locust import FastHttpUser, between, events, stats, task
from locust.argument_parser import LocustArgumentParser

from tfgate.loadtest.users.houses import house
from tfgate.loadtest.users.pictures import SMALL_PICTURES, picture
from tfgate.loadtest.users.reviews import review
from tfgate.loadtest.users.shapes import SHAPES, Shape

__all__ = ["HousingUser", "ImageUser", "SentimentUser", "Shape"]

SOURCE = random.Random()  # noqa: S311  # no secret depends on it
JSON = "application/json"
MOST_INSTANCES = 16
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
        "--api-key",
        default="",
        help="sent as Authorization: Bearer",
        env_var="TFGATE_API_KEY",
        # A secret field is covered on the page, but its value is in the page's source.
        include_in_web_ui=False,
    )


class ModelUser(FastHttpUser):
    """Somebody who asks one model, waits about a second, and asks again."""

    abstract = True
    model: ClassVar[str]
    wait_time = between(0.5, 1.5)
    insecure = False
    connection_timeout = network_timeout = LONGEST_SECONDS

    def instance(self) -> dict[str, Any]:
        """Think of one question."""
        raise NotImplementedError

    @task(19)
    def ask_one(self) -> None:
        """Send one question."""
        self.post("", JSON, json.dumps(self.instance()).encode())

    @task(1)
    def ask_several(self) -> None:
        """Send a batch."""
        instances = [self.instance() for _ in range(SOURCE.randint(2, MOST_INSTANCES))]
        self.post("/batch", JSON, json.dumps({"instances": instances}).encode())

    def post(self, path: str, media_type: str, body: bytes) -> None:
        """Send a body; whatever is not an answer of this model is a failure."""
        headers = {"Content-Type": media_type}
        if key := self.environment.parsed_options.api_key:
            headers["Authorization"] = f"Bearer {key}"
        with self.client.post(
            f"/predict/{self.model}{path}",
            data=body,  # type: ignore[arg-type]  # locust passes bytes on
            headers=headers,
            name=self.model,
            catch_response=True,
        ) as answer:
            failure = self._failure(answer)
            if failure is not None:
                answer.failure(failure)

    def _failure(self, answer: Any) -> str | None:
        if answer.status_code == 0:
            return f"no answer: {type(answer.error).__name__}"
        try:
            document = answer.json()
        except ValueError:
            return f"{answer.status_code}, not JSON"
        if answer.status_code != 200:
            code = document.get("code", "")
            return SHED if code == "overloaded" else f"{answer.status_code} {code}".rstrip()
        return None if document["model"] == self.model else f"answered by {document['model']}"


class SentimentUser(ModelUser):
    """Writes reviews."""

    model = "sentiment"
    weight = 5

    def instance(self) -> dict[str, Any]:
        """Praise or complain."""
        return {"text": review(SOURCE)}


class ImageUser(ModelUser):
    """Sends pictures: most as they are, some inside JSON."""

    model = "image"
    weight = 2

    def instance(self) -> dict[str, Any]:
        """Take a thumbnail; who writes JSON has scaled the picture down."""
        return {"image": picture(SOURCE, SMALL_PICTURES).base64}

    @task(20)
    def upload(self) -> None:
        """Send a file."""
        taken = picture(SOURCE)
        self.post("", taken.media_type, taken.content)


class HousingUser(ModelUser):
    """Looks at houses all over California."""

    model = "housing"
    weight = 3

    def instance(self) -> dict[str, Any]:
        """Describe a block group."""
        return house(SOURCE)
