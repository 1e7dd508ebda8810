"""Requests that name no version go to the newest that has proved itself, as long as it is there."""

from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.inference.router import Router

ANY, OTHER = ModelRef("housing"), ModelRef("image")


def test_the_newest_version_that_has_proved_itself_is_asked() -> None:
    router = Router()

    router.prefer("housing", [3, 11, 7])

    assert router.routes == {ANY: ModelRef("housing", 11)}


def test_when_it_has_gone_the_next_one_is_asked_and_in_the_end_the_model_server_chooses() -> None:
    router = Router()
    router.prefer("housing", [1, 2])
    router.prefer("image", [2])

    router.withdraw(ModelRef("housing", 2))
    assert router.routes[ANY] == ModelRef("housing", 1)

    router.withdraw(ModelRef("housing", 1))
    assert router.routes == {OTHER: ModelRef("image", 2)}


def test_a_label_that_has_gone_withdraws_no_version() -> None:
    router = Router()
    router.prefer("housing", [1])

    router.withdraw(ModelRef("housing", label="stable"))

    assert router.routes == {ANY: ModelRef("housing", 1)}


def test_none_is_preferred_while_none_has_proved_itself() -> None:
    router = Router()
    router.prefer("housing", [1])

    router.prefer("housing", [])

    assert router.routes == {}
