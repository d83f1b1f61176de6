"""A Lightning loop: resnet18 on a folder of images, recorded by a callback.

    python lightning_loop.py --data FOLDER --out RUN [--epochs 5] [--size 32] [--limit N]

FOLDER holds `train` and `test`, and in each a folder a class.
"""

import argparse

import lightning
import torch
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, models, transforms

import deepviz


class Classifier(lightning.LightningModule):
    """resnet18, with the first convolution that small images need."""

    def __init__(self, classes, size):
        super().__init__()
        self.model = models.resnet18(num_classes=classes)
        if size < 64:
            self.model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.loss_of = torch.nn.CrossEntropyLoss()

    def training_step(self, batch, index):
        images, labels = batch
        return self.loss_of(self.model(images), labels)

    def validation_step(self, batch, index):
        images, labels = batch
        outputs = self.model(images)
        accuracy = (outputs.argmax(1) == labels).float().mean()
        self.log_dict({"val_loss": self.loss_of(outputs, labels), "val_acc": accuracy}, prog_bar=True)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)


def some_of(images, count):
    """So many images of a data set, evenly spread over its classes."""
    count = min(count, len(images))
    return Subset(images, [index * len(images) // count for index in range(count)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder that holds train/CLASS/*.jpg and test/CLASS/*.jpg")
    parser.add_argument("--out", required=True, help="run folder to write")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--size", type=int, default=32, help="side of the images in pixels (default 32)")
    parser.add_argument("--limit", type=int, help="train on so many images, and test on a quarter as many")
    options = parser.parse_args()

    lightning.seed_everything(1)
    as_input = [transforms.ToTensor(), transforms.Normalize([0.491, 0.482, 0.447], [0.247, 0.243, 0.262])]
    resize = [transforms.Resize(options.size), transforms.CenterCrop(options.size)]
    flipped = transforms.Compose([*resize, transforms.RandomHorizontalFlip(), *as_input])
    train = datasets.ImageFolder(f"{options.data}/train", flipped)
    test = datasets.ImageFolder(f"{options.data}/test", transforms.Compose([*resize, *as_input]))
    model = Classifier(len(test.classes), options.size)
    if options.limit:
        train, test = some_of(train, options.limit), some_of(test, options.limit // 4)

    trainer = lightning.Trainer(
        max_epochs=options.epochs,
        callbacks=[deepviz.lightning(options.out, every="2 per epoch")],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(model, DataLoader(train, batch_size=64, shuffle=True, drop_last=True), DataLoader(test, batch_size=250))
    print(f"{1 - trainer.callback_metrics['val_acc']:.1%} of the test images are misclassified")
