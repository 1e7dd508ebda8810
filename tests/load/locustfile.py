"""Locust users who ask the three models as people would: one class each, with varied questions.

Run it against a gateway: locust -f tests/load/locustfile.py --host http://127.0.0.1:8000
"""

import random
from typing import Any

from locust import FastHttpUser, between, task

from serving.models import MODELS

_GOOD = ["a wonderful cast", "a moving story", "beautifully filmed", "I laughed until I cried"]
_BAD = ["a waste of time", "wooden acting", "I nearly fell asleep", "the plot makes no sense"]


class _Person(FastHttpUser):
    """Somebody who asks, waits a little, and asks again."""

    abstract = True
    wait_time = between(0.05, 0.2)

    def ask(self, model: str, question: dict[str, Any]) -> None:
        """Ask one question; an answer from another model, or none, is a failure."""
        with self.client.post(
            f"/predict/{model}", json=question, catch_response=True, name=model
        ) as answer:
            if answer.status_code != 200:
                answer.failure(f"{answer.status_code}: {answer.text}")
            elif answer.json()["model"] != model:
                answer.failure(f"answered by {answer.json()['model']}")


class Reviewer(_Person):
    """Writes reviews of 20 to 400 words."""

    @task
    def review(self) -> None:
        """Praise or complain."""
        phrases = random.choice([_GOOD, _BAD])  # noqa: S311  # no secret depends on it
        words = ", ".join(random.choices(phrases, k=random.randint(5, 100)))  # noqa: S311
        self.ask("sentiment", {"text": f"This film: {words}."})


class Photographer(_Person):
    """Sends the model's example picture."""

    @task
    def picture(self) -> None:
        """Ask what is in it."""
        self.ask("image", MODELS["image"].example.model_dump(mode="json"))


class Buyer(_Person):
    """Looks at houses all over California."""

    @task
    def house(self) -> None:
        """Ask for a price."""
        house = MODELS["housing"].example.model_dump(mode="json")
        house["median_income"] = random.uniform(1, 12)  # noqa: S311
        house["housing_median_age"] = random.uniform(1, 52)  # noqa: S311
        self.ask("housing", house)
