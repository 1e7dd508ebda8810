"""Models that nobody has written a file for: a form from the signature, or the request as JSON."""

import json
from pathlib import Path

from playwright.sync_api import expect

from serving.contract import Signature, Tensors, TensorSpec
from tests import stack
from tests.e2e.page.conftest import Visit
from tests.e2e.page.steps import answer, ask, asked, choose_example, open_other, shown
from tests.fake_model_server import DEFAULT_SIGNATURE, FakeSignature, FakeVersion
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.programs import needs
from tests.typed_files import TYPED, write

pytestmark = needs("chromium", package="chromium")


def test_a_generic_model_gets_a_form_from_its_signature(visit: Visit) -> None:
    page = visit()
    open_other(page, "forest")

    expect(shown(page).get_by_role("row", name="features")).to_contain_text("[any, 4]")
    shown(page).get_by_label("features 2").fill("1.5")
    shown(page).get_by_label("kind 0").fill("oak")
    with page.expect_request("**/infer") as sent:
        ask(page)

    inputs = json.loads(sent.value.post_data or "")["inputs"]
    assert [each["data"] for each in inputs] == [[0, 0, 1.5, 0], ["oak"]]
    expect(answer(page).get_by_role("heading", name="score")).to_be_visible()
    expect(answer(page).get_by_role("heading", name="leaf")).to_be_visible()


def test_an_answer_is_told_as_that_of_a_form_that_was_changed_since(visit: Visit) -> None:
    page = visit("#/forest")
    ask(page)
    expect(answer(page).get_by_role("heading", name="score")).to_be_visible()

    shown(page).get_by_label("features 0").fill("2")
    expect(answer(page)).to_contain_text("The question has been changed since")

    ask(page)
    expect(answer(page)).not_to_contain_text("The question has been changed since")


def test_another_signature_has_another_form(visit: Visit) -> None:
    page = visit("#/forest")

    shown(page).get_by_label("signature").select_option("one score")
    ask(page)

    expect(shown(page).get_by_label("kind 0")).to_have_count(0)
    expect(answer(page).get_by_role("heading", name="score")).to_be_visible()
    expect(answer(page).get_by_role("heading", name="leaf")).to_have_count(0)


def test_a_request_is_written_as_json(visit: Visit) -> None:
    page = visit("#/forest")
    shown(page).get_by_role("button", name="As JSON").click()
    box = shown(page).get_by_label("request")
    body = json.loads(box.input_value())
    body["inputs"][0]["datatype"] = "FP64"

    box.fill(json.dumps(body))
    ask(page)
    expect(answer(page).get_by_role("alert")).to_contain_text("features")

    box.fill("{")
    expect(shown(page).get_by_text("This is no JSON yet.")).to_be_visible()
    urls = asked(page)
    ask(page)
    assert urls == []
    assert box.evaluate("box => box.validationMessage") == "This is no JSON yet."


def test_one_value_fills_a_large_tensor(visit: Visit) -> None:
    page = visit("#/pictures")

    expect(shown(page).get_by_label("pixels UINT8")).to_have_value("[ 0 ]")
    ask(page)

    expect(answer(page).get_by_role("heading", name="score")).to_be_visible()


def test_why_requests_are_sent_one_by_one_is_shown(visit: Visit) -> None:
    page = visit("#/without%20a%20batch")

    expect(shown(page)).to_contain_text("one by one: these tensors have no batch")
    ask(page)
    expect(answer(page).get_by_role("heading", name="total")).to_be_visible()


def test_what_json_cannot_carry_is_said_and_shown_in_other_dialects(visit: Visit) -> None:
    page = visit("#/halves")

    expect(shown(page)).to_contain_text("JSON cannot carry")
    expect(shown(page).get_by_role("button", name="Ask", exact=True)).to_be_disabled()
    shown(page).get_by_text("Use it in a program", exact=True).click()
    shown(page).get_by_text("Open Inference Protocol", exact=True).click()
    expect(shown(page).locator("pre:visible")).to_contain_text("Inference-Header-Content-Length")


def test_a_name_that_is_nobodys_is_told(visit: Visit) -> None:
    page = visit()
    page.get_by_label("another model").fill("<b>nobody")
    page.keyboard.press("Enter")

    expect(shown(page).get_by_role("alert")).to_contain_text("there is no model '<b>nobody'")


def test_a_typed_model_of_a_users_own_gets_a_field_for_each_of_its_own(
    visit: Visit, tmp_path: Path
) -> None:
    folder = write(tmp_path / "typed", ticket=TICKET)
    server = declared_models()

    def run(inputs: Tensors) -> Tensors:
        return {"y": inputs["x"] * 2}

    signature = Signature({"x": TensorSpec("float32")}, {"y": TensorSpec("float32")})
    server.models["ticket"] = {1: FakeVersion({DEFAULT_SIGNATURE: FakeSignature(signature, run)})}
    with listening(server) as address, stack.gateway(address, models_path=str(folder)) as at:
        stack.wait_until_ready(at)
        page = visit("#/ticket", at=at)
        expect(shown(page).get_by_label("kind")).to_be_visible()
        expect(shown(page).get_by_role("button", name="Ask", exact=True)).to_be_disabled()

        shown(page).get_by_label("x", exact=True).fill("21")
        shown(page).get_by_label("kind").select_option("b")
        shown(page).get_by_label("urgent").select_option("true")
        shown(page).get_by_label("tags").fill('["one", "two"]')
        with page.expect_request("**/predict/ticket") as sent:
            ask(page)
        expect(answer(page).get_by_role("row", name="y")).to_contain_text("42")
        body = json.loads(sent.value.post_data or "")
        assert body == {"x": 21, "kind": "b", "urgent": True, "tags": ["one", "two"], "note": None}

        shown(page).get_by_label("tags").fill("no JSON")
        choose_example(page, "its own example")
        expect(shown(page).get_by_label("tags")).to_have_value("[]")
        expect(answer(page).get_by_role("row", name="y")).to_contain_text("2")


def test_an_answer_of_steps_with_intervals_is_drawn(visit: Visit, tmp_path: Path) -> None:
    server = declared_models()
    signature = Signature({"x": TensorSpec("float32")}, {"y": TensorSpec("float32")})
    version = FakeVersion({DEFAULT_SIGNATURE: FakeSignature(signature, lambda x: {"y": x["x"]})})
    server.models["steps"] = {1: version}
    folder = write(tmp_path / "typed", steps=STEPS)
    with listening(server) as address, stack.gateway(address, models_path=str(folder)) as at:
        stack.wait_until_ready(at)
        page = visit("#/steps", at=at)
        choose_example(page, "its own example")

        expect(answer(page).get_by_role("img", name="y: value by hour")).to_be_visible()
        answer(page).get_by_text("As a table").click()
        expect(answer(page).get_by_role("row", name="2 3 1 10")).to_be_visible()


TICKET = (
    TYPED.replace(
        "    x: float\n",
        '    x: float\n    kind: Literal["a", "b"]\n    urgent: bool\n    tags: list[str]\n'
        "    note: str | None = None\n",
    )
    .replace("import numpy as np\n", "from typing import Literal\n\nimport numpy as np\n")
    .replace("Request(x=1)", 'Request(x=1, kind="a", urgent=False, tags=[])')
)
STEPS = TYPED.replace("y: float", "y: list[dict[str, float]]").replace(
    '[{"y": each}',
    '[{"y": [dict(hour=h, value=each + h, low=each, high=each + 9) for h in range(3)]}',
)
