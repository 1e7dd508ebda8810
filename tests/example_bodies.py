"""The declared models' examples, as documents that may be sent."""

from typing import Any

from serving.models import MODELS

EXAMPLES: dict[str, dict[str, Any]] = {
    name: model.example.model_dump(mode="json") for name, model in MODELS.items()
}
HOUSE = EXAMPLES["housing"]
