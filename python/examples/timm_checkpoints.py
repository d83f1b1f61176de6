"""Checkpoints after the fact: a network of timm is trained and kept once an epoch; then the checkpoints become a run.

    python timm_checkpoints.py --data FOLDER --out RUN [--epochs 5] [--size 32] [--limit N] [--model resnet10t]
    python timm_checkpoints.py --data FOLDER --out RUN --checkpoints 'output/*/checkpoint-*.pth.tar' --model resnet50

The second form records what a training program of yours has kept. FOLDER holds `train` and `test`, and in each a folder
a class.
"""

import argparse
import tempfile

import timm
import torch
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

import deepviz


def some_of(images, count):
    """So many images of a data set, evenly spread over its classes."""
    count = min(count, len(images))
    return Subset(images, [index * len(images) // count for index in range(count)])


def train_and_keep(model, images, epochs, folder):
    """Trains as a program that knows nothing of deepViz; returns the checkpoints' pattern."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    model.train()
    for epoch in range(epochs):
        for inputs, labels in DataLoader(images, batch_size=64, shuffle=True, drop_last=True):
            loss = torch.nn.functional.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: the last minibatch's loss is {loss.item():.2f}")
        content = {"epoch": epoch + 1, "state_dict": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save(content, f"{folder}/checkpoint-{epoch + 1}.pth.tar")
    return f"{folder}/checkpoint-*.pth.tar"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder that holds train/CLASS/*.jpg and test/CLASS/*.jpg")
    parser.add_argument("--out", required=True, help="run folder to write")
    parser.add_argument("--checkpoints", help="a pattern in quotes: record these instead of training")
    parser.add_argument("--model", default="resnet10t", help="a network of timm (default resnet10t)")
    parser.add_argument("--weights", default="model", choices=("model", "ema"))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--size", type=int, default=32, help="side of the images in pixels (default 32)")
    parser.add_argument("--limit", type=int, help="train on so many images, and test on a quarter as many")
    options = parser.parse_args()

    torch.manual_seed(1)
    classes = datasets.ImageFolder(f"{options.data}/test").classes
    model = timm.create_model(options.model, num_classes=len(classes))
    mean, std = model.pretrained_cfg["mean"], model.pretrained_cfg["std"]
    resize = [transforms.Resize(options.size), transforms.CenterCrop(options.size)]
    transform = transforms.Compose([*resize, transforms.ToTensor(), transforms.Normalize(mean, std)])
    train, test = (datasets.ImageFolder(f"{options.data}/{split}", transform) for split in ("train", "test"))
    if options.limit:
        train, test = some_of(train, options.limit), some_of(test, options.limit // 4)

    with tempfile.TemporaryDirectory() as folder:
        checkpoints = options.checkpoints or train_and_keep(model, train, options.epochs, folder)
        deepviz.record_checkpoints(options.out, model, checkpoints, train=train, test=test, weights=options.weights)
