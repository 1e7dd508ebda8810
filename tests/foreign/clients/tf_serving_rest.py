"""TensorFlow Serving's REST API as its documentation calls it, with requests: `URL`."""

import base64
import json
import sys
from typing import Any

import requests

KERAS = "two_ids_of_keras"
ROWS = [{"user": 1, "item": 0}, {"user": 2, "item": 7}]


def b64(text: str) -> dict[str, str]:
    return {"b64": base64.b64encode(text.encode()).decode()}


def told(response: requests.Response) -> Any:
    return {
        "status": response.status_code,
        "type": response.headers["Content-Type"],
        "json": response.json(),
    }


def main(url: str) -> dict[str, Any]:
    def get(path: str) -> Any:
        return told(requests.get(f"{url}/v1/models/{path}", timeout=60))

    def post(path: str, body: Any) -> Any:
        return told(requests.post(f"{url}/v1/models/{path}", data=json.dumps(body), timeout=60))

    examples = {"signature_name": "regress_x_to_y", "examples": [{"x": 1.0}, {"x": [5.0]}]}
    return {
        "status": get(KERAS),
        "version_status": get(f"{KERAS}/versions/1"),
        "metadata": get(f"{KERAS}/metadata"),
        "rows": post(f"{KERAS}:predict", {"instances": ROWS}),
        "columns": post(f"{KERAS}:predict", {"inputs": {"user": [1, 2], "item": [0, 7]}}),
        "version": post(f"{KERAS}/versions/1:predict", {"instances": ROWS}),
        "label": post(f"{KERAS}/labels/stable:predict", {"instances": ROWS}),
        "one_input": post("half_plus_two:predict", {"instances": [[1.0], [5.0]]}),
        "signature": post(
            "three_signatures:predict",
            {
                "signature_name": "distance",
                "inputs": {"start": [[0, 0, 0]], "end": [[3, 4, 0.5]]},
            },
        ),
        "b64": post("words_in_table:predict", {"instances": [b64("dog"), "Käse", b64("")]}),
        "classify": post(
            "classifier:classify", {"examples": [{"x": [0.5, 1.5]}, {"x": [-2.0, 300.0]}]}
        ),
        "context": post(
            "classifier:classify",
            {"context": {"x": [0.5, 1.5]}, "examples": [{"tag": "a"}, {"tag": b64("b"), "n": 1}]},
        ),
        "regress": post("half_plus_two:regress", examples),
        "nobody": get("nobody"),
        "nobody_predicts": post("nobody:predict", {"instances": ROWS}),
        "wrong_key": post(f"{KERAS}:predict", {"instances": [{"users": 1, "item": 2}]}),
        "wrong_type": post(f"{KERAS}:predict", {"instances": [{"user": "a", "item": 2}]}),
        "wrong_shape": post(f"{KERAS}:predict", {"inputs": {"user": [[1]], "item": [2]}}),
        "wrong_label": post(f"{KERAS}/labels/other:predict", {"instances": ROWS}),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
