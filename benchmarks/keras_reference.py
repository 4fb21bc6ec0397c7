"""The same network in Keras on TensorFlow, for benchmarks/training.py; runs without aeviz or torch.

`python keras_reference.py images.npz EPOCHS BATCH THREADS SEED` prints the seconds of each epoch
as a JSON list on its last line; it ends with status 3 where Keras or TensorFlow is missing.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
MISSING = 3


def main(path: str, epochs: int, batch: int, threads: int, seed: int) -> None:
    """Train and print how long each epoch took, its validation included."""
    try:
        import keras  # pyright: ignore[reportMissingImports]
        import numpy as np
        import tensorflow as tf  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        print(error)
        sys.exit(MISSING)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(seed)
    with np.load(path) as arrays:
        train, validation = (
            arrays[part].reshape(-1, 784).astype("float32") / 255 for part in ("train", "test")
        )
    dense = keras.layers.Dense
    model = keras.Sequential(
        [
            keras.Input((784,)),
            dense(128, "relu"),
            dense(64, "relu"),
            dense(32),
            dense(64, "relu"),
            dense(128, "relu"),
            dense(784, "sigmoid"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse")
    seconds: list[float] = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # after validation
            seconds.append(time.perf_counter() - self.began)

    history = model.fit(
        train,
        train,
        epochs=epochs,
        batch_size=batch,
        validation_data=(validation, validation),
        verbose=0,
        callbacks=[Clock()],
    )
    print(
        json.dumps(
            {
                "seconds": seconds,
                "mse": history.history["val_loss"][-1],
                "versions": f"Keras {keras.__version__} on TensorFlow {tf.__version__}",
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
