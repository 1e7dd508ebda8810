"""What the gateway's metrics say at a moment."""

import httpx
from prometheus_client.parser import text_string_to_metric_families


def reading(url: str, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that have these labels, whatever others they have."""
    samples = [
        sample.value
        for family in text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert samples, f"there is no {name} with {labels}"
    return sum(samples)
