"""Simpler models that a network must beat to be worth its trouble; none of them is served."""
