"""The recipe of a model that is trained on a table, written from the same signature."""

from tfgate.new_model.typed_file import TypedModel


def recipe_file(model: TypedModel) -> str:
    raise NotImplementedError
