"""A Hugging Face Trainer: a small ResNet on a folder of images, recorded by a callback.

    python hf_trainer.py --data FOLDER --out RUN [--epochs 5] [--size 32] [--limit N]

FOLDER holds `train` and `test`, and in each a folder a class. Nothing is downloaded: the network begins untrained.
"""

import argparse
import tempfile

import torch
from torch.utils.data import Dataset, Subset
from torchvision import datasets
from transformers import ResNetConfig, ResNetForImageClassification, Trainer, TrainingArguments, ViTImageProcessor

import deepviz


class Images(Dataset):
    """Images as the Trainer takes them."""

    def __init__(self, folder, processor):
        self.images = datasets.ImageFolder(folder)
        self.classes = self.images.classes
        self.processor = processor

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image, label = self.images[index]
        return {"pixel_values": self.processor(image, return_tensors="pt")["pixel_values"][0], "labels": label}


def some_of(images, count):
    """So many images of a data set, evenly spread over its classes."""
    count = min(count, len(images))
    return Subset(images, [index * len(images) // count for index in range(count)])


def accuracy_of(predictions):
    """What the Trainer calls `eval_accuracy`."""
    outputs, labels = torch.as_tensor(predictions.predictions), torch.as_tensor(predictions.label_ids)
    return {"accuracy": float((outputs.argmax(1) == labels).float().mean())}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder that holds train/CLASS/*.jpg and test/CLASS/*.jpg")
    parser.add_argument("--out", required=True, help="run folder to write")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--size", type=int, default=32, help="side of the images in pixels (default 32)")
    parser.add_argument("--limit", type=int, help="train on so many images, and test on a quarter as many")
    options = parser.parse_args()

    side = {"height": options.size, "width": options.size}
    processor = ViTImageProcessor(size=side, image_mean=[0.491, 0.482, 0.447], image_std=[0.247, 0.243, 0.262])
    train, test = (Images(f"{options.data}/{split}", processor) for split in ("train", "test"))
    config = ResNetConfig(
        embedding_size=32,
        hidden_sizes=[32, 64, 128],
        depths=[1, 1, 1],
        layer_type="basic",
        id2label=dict(enumerate(test.classes)),
        label2id={name: index for index, name in enumerate(test.classes)},
    )
    if options.limit:
        train, test = some_of(train, options.limit), some_of(test, options.limit // 4)

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=ResNetForImageClassification(config),
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=options.epochs,
                per_device_train_batch_size=64,
                per_device_eval_batch_size=250,
                learning_rate=2e-3,
                logging_steps=10,
                eval_strategy="epoch",
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=train,
            eval_dataset=test,
            compute_metrics=accuracy_of,
            callbacks=[deepviz.transformers(options.out, processor, test=test, every="2 per epoch")],
        )
        trainer.train()
