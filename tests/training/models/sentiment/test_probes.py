"""The texts that were written to be difficult."""

import numpy as np

from training.models.sentiment.probes import probes


def test_ten_kinds_have_as_many_positive_texts_as_negative_ones() -> None:
    everything, *kinds = probes().values()
    assert len(kinds) == 10
    assert sum(map(len, kinds)) == len(everything) >= 200
    assert all(len(kind) >= 20 and np.mean(kind.targets) == 0.5 for kind in kinds)


def test_they_are_what_the_model_would_be_asked() -> None:
    texts = [text.decode() for text in next(iter(probes().values())).inputs["text"]]
    assert len(set(texts)) == len(texts)
    assert "Posted by anna77 on 3 May at 21:14: so glad that I went, it's a gem <3" in texts
    assert "👍👍👍" in texts
