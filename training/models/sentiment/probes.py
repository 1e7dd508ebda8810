"""Short texts in ten kinds, written to be difficult, and never trained on: `probes.tsv`."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from serving.models.sentiment import clean
from training.data.examples import Examples

_FILE = Path(__file__).with_name("probes.tsv")


def probes() -> Mapping[str, Examples]:
    """Give all of them, and those of each kind, by what they are; half of each are positive."""
    with _FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    kinds: dict[str, list[list[str]]] = {}
    for row in rows:
        kinds.setdefault(row[0], []).append(row)
    named = {f"all {len(rows)} texts": rows}
    named |= {f"{kind}, {len(texts)} texts": texts for kind, texts in kinds.items()}
    return {name: _examples(texts) for name, texts in named.items()}


def _examples(rows: list[list[str]]) -> Examples:
    texts = [clean(text).encode() for _kind, _label, text in rows]
    labels = [int(label) for _kind, label, _text in rows]
    return Examples({"text": np.array(texts, dtype=object)}, np.array(labels))
