"""Which models the users ask: all of them, and each as much as is due."""

from collections import Counter

from tfgate.loadtest.users.questions import Model, TypedModel
from tfgate.loadtest.users.served import taking_turns


def test_the_first_users_meet_all_models_and_then_each_as_often_as_is_due() -> None:
    names = ["sentiment", "image", "housing", "churn"]
    models: list[Model] = [TypedModel(name, lambda _: {}) for name in names]

    turns = [model.name for model in taking_turns(models)]

    assert set(turns[: len(names)]) == set(names)
    assert Counter(turns) == {"sentiment": 5, "image": 2, "housing": 3, "churn": 3}
