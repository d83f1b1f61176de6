"""Recorders for the loops of Lightning, transformers, Keras and fastai: callbacks, each over `Recorder`.

The libraries are imported when a callback is made. `options` are those of `Recorder` (`every`, `classes`, `limit` and
so on); they take precedence over what the callback finds in the loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import Refused
from .loop import Loop, Path, library_of
from .normalisation import of_processor


def lightning(path: Path, *, attribute: str = "model", **options: Any) -> Any:
    """A callback for `lightning.Trainer(callbacks=[...])`, or of `pytorch_lightning`.

    `attribute` is where the LightningModule has its network; without such an attribute it is the network itself. Images
    come from the trainer's loaders, the first of several for validation. Of what validation logs, a loss (`val_loss`)
    and an accuracy or error from 0 to 1 (`val_acc`, `val_accuracy`, `val_error`) are recorded.
    """
    library = library_of("lightning.pytorch", "pytorch_lightning")
    loop = Loop(path, options)

    class DeepViz(library.Callback):  # type: ignore[misc,name-defined]
        step = 0

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            network: Any = getattr(pl_module, attribute, None)
            optimizers = trainer.optimizers
            self.step = trainer.global_step
            loop.begin(
                network if hasattr(network, "named_parameters") else pl_module,
                train=_first(trainer.train_dataloader),
                test=_first(trainer.val_dataloaders),
                steps_per_epoch=_steps(trainer),
                optimizer=optimizers[0] if optimizers else None,
                first_step=trainer.global_step or None,
            )

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            # Of accumulated gradients several minibatches make a step.
            if trainer.global_step != self.step:
                self.step = trainer.global_step
                loop.step(outputs.get("loss") if isinstance(outputs, Mapping) else outputs)

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            # The module's own on_validation_epoch_end, where many modules log, comes after the callbacks' one.
            if not trainer.sanity_checking:
                loop.evaluated(trainer.callback_metrics)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            loop.close()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            loop.close()

    return DeepViz()


def _first(loaders: Any) -> Any:
    """The first of several loaders, which stand in a list or under names."""
    if isinstance(loaders, Mapping):
        loaders = list(loaders.values())
    return loaders[0] if isinstance(loaders, (list, tuple)) and loaders else loaders


def _steps(trainer: Any) -> int | None:
    """Updates an epoch; None where they cannot be told."""
    batches = trainer.num_training_batches
    if not isinstance(batches, int) and batches == float("inf"):
        return None
    return max(1, -(-int(batches) // max(1, int(trainer.accumulate_grad_batches))))


def transformers(path: Path, image_processor: Any = None, **options: Any) -> Any:
    """A callback for `transformers.Trainer(callbacks=[...])`.

    Training images come from the trainer; those of the evaluation are given as `test=`, for a trainer shows them to
    callbacks only when it evaluates. Both are data sets whose items are dictionaries with `pixel_values` and `labels`;
    the image processor says how they were normalised. The loss is recorded where the trainer logs it
    (`logging_steps`), and `eval_loss` and `eval_accuracy` of evaluations.
    """
    library = library_of("transformers")
    loop = Loop(path, options)
    normalisation = of_processor(image_processor) if image_processor is not None else None

    class DeepViz(library.TrainerCallback):  # type: ignore[misc,name-defined]
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            shown = getattr(kwargs.get("eval_dataloader"), "dataset", None)
            if shown is None and not {"test", "corpus"} & set(options):
                raise Refused(
                    "the Trainer does not show its evaluation images before it evaluates; give them to the callback: "
                    "deepviz.transformers(path, processor, test=eval_dataset)"
                )
            loop.begin(
                kwargs["model"],
                train=getattr(kwargs.get("train_dataloader"), "dataset", None),
                test=shown,
                steps_per_epoch=max(1, round(state.max_steps / max(1, state.num_train_epochs))),
                # The one that accelerate has wrapped.
                optimizer=getattr(kwargs.get("optimizer"), "optimizer", kwargs.get("optimizer")),
                classes=_labels(kwargs["model"]),
                mean=normalisation and normalisation.mean,
                std=normalisation and normalisation.std,
                first_step=state.global_step or None,
            )

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            loop.step()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if logs and "loss" in logs:
                loop.log(float(logs["loss"]), logs.get("learning_rate"))

        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
            loop.evaluated(metrics or {}, "eval_")

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            loop.close()

    return DeepViz()


def _labels(model: Any) -> list[str] | None:
    """Class names of a transformers model's configuration, unless they are its placeholders (`LABEL_0`, ...)."""
    names = getattr(getattr(model, "config", None), "id2label", None)
    if not names:
        return None
    ordered = [str(names[key]) for key in sorted(names, key=int)]
    return None if all(name == f"LABEL_{index}" for index, name in enumerate(ordered)) else ordered


def keras(path: Path, **options: Any) -> Any:
    """A callback for `model.fit(callbacks=[...])` of Keras 3 on its PyTorch backend.

    Images are given by `test=` (and `train=`), as `fit` takes them, `(images, labels)` in arrays, or as data sets of
    (image, label) with images C x H x W. Of `fit`'s logs the loss is recorded, a mean since the epoch began, and of
    validation `val_loss` and `val_accuracy`. A model of another backend, one without a graph of layers (a subclass of
    keras.Model), and layers that deepViz does not have are refused.
    """
    from .keras_images import dataset_of, optimizer_of

    library = library_of("keras")
    is_channels_last = library.config.image_data_format() == "channels_last"
    given = {key: dataset_of(options[key], is_channels_last) for key in ("train", "test") if key in options}
    loop = Loop(path, options | given)

    class DeepViz(library.callbacks.Callback):  # type: ignore[misc,name-defined]
        def on_train_begin(self, logs: Any = None) -> None:
            backend = library.backend.backend()
            if backend != "torch":
                raise Refused(
                    f"Keras runs on {backend}, so the model cannot be recorded; set KERAS_BACKEND=torch before it is "
                    "imported"
                )
            from .keras_mirror import mirror_of

            loop.begin(
                mirror_of(self.model, is_channels_last),
                steps_per_epoch=(self.params or {}).get("steps"),
                optimizer=optimizer_of(self.model),
            )

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            loop.step((logs or {}).get("loss"))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            loop.evaluated(logs or {}, "val_")

        def on_train_end(self, logs: Any = None) -> None:
            loop.close()

    return DeepViz()


def fastai(path: Path, **options: Any) -> Any:
    """A callback for fastai's `Learner(..., cbs=...)`; of `fine_tune` both phases are recorded, one after the other.

    Images come from the learner's `dls`, and mean and deviation from the `Normalize` of its minibatches. Of validation
    the loss and the metrics `accuracy` or `error_rate` are recorded.
    """
    from .loops_fastai import images_of, normalisation_of, optimizer_of

    library = library_of("fastai.callback.core")
    loop = Loop(path, options)

    class DeepViz(library.Callback):  # type: ignore[misc,name-defined]
        # After fastai's own Recorder, whose values are read.
        order = 60

        def before_fit(self) -> None:
            if hasattr(self.learn, "lr_finder") or hasattr(self.learn, "gather_preds"):
                return
            dls = self.learn.dls
            given = {
                "train": None if "train" in options else images_of(dls.train, "train"),
                "test": None if "test" in options else images_of(dls.valid, "test"),
                "classes": list(getattr(dls, "vocab", None) or []) or None,
                "optimizer": optimizer_of(self.learn),
                **normalisation_of(dls),
            }
            loop.begin(self.learn.model, steps_per_epoch=len(dls.train), **given)

        def after_batch(self) -> None:
            if self.learn.training:
                loop.step(self.learn.loss)

        def after_epoch(self) -> None:
            recorder = getattr(self.learn, "recorder", None)
            if recorder is not None and recorder.values:
                # The first name is `epoch`, which has no value.
                names = ["valid_" + name.removeprefix("valid_") for name in recorder.metric_names[1:]]
                loop.evaluated(dict(zip(names, recorder.values[-1], strict=False)), "valid_")

        def after_fit(self) -> None:
            loop.close()

    return DeepViz()
