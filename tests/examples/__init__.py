"""Tests of the examples: each is brought as a user brings it, by the folder `examples`."""
