"""What a Keras model needs beyond plain variables: lookup tables, assets, an initialiser."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.contract.tf_serving.servers import embedded_server
from tests.serving.embedded.numbered import request


def test_an_export_with_a_vocabulary_file_answers_as_keras_does(tmp_path: Path) -> None:
    vocabulary = tmp_path / "words.txt"
    vocabulary.write_text("good\nbad\n")
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            str(vocabulary),
            *(tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
            *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
        ),
        num_oov_buckets=1,
    )
    model = keras.Sequential([keras.Input([1], dtype="int64"), keras.layers.Embedding(3, 4)])
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive._tf_trackable.table = table

    def embed(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": model(table.lookup(x)[:, None])[:, 0]}

    archive.add_endpoint("serving_default", embed, [tf.TensorSpec([None], tf.string, "x")])
    archive.write_out(str(tmp_path / "model" / "1"), verbose=False)
    vocabulary.unlink()  # from now on the export's own copy must do

    words = ["bad", "good", "neither"]
    message = request()
    message.inputs["x"].CopyFrom(tf.make_tensor_proto(words, tf.string))
    with embedded_server(f"--model_base_path={tmp_path / 'model'}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(message, timeout=30)
    expected = keras.ops.convert_to_numpy(model(np.array([[1], [0], [2]])))[:, 0]
    np.testing.assert_allclose(tf.make_ndarray(answer.outputs["y"]), expected)
