"""A plain PyTorch loop: resnet18 on a folder of images, recorded.

    python loop.py --data FOLDER --out RUN [--epochs 10] [--size 32] [--limit N]
    deepviz serve RUN

FOLDER holds `train` and `test`, and in each a folder a class. Without a GPU it trains as well, slowly, at 32 x 32.
"""

import argparse

import torch
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, models, transforms

import deepviz

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", required=True, help="folder that holds train/CLASS/*.jpg and test/CLASS/*.jpg")
parser.add_argument("--out", required=True, help="run folder to write")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--size", type=int, default=32, help="side of the images in pixels (default 32)")
parser.add_argument("--limit", type=int, help="train on so many images, and test on a quarter as many")
options = parser.parse_args()


def some_of(images, count):
    """So many images of a data set, evenly spread over its classes."""
    count = min(count, len(images))
    return Subset(images, [index * len(images) // count for index in range(count)])


torch.manual_seed(1)
device = "cuda" if torch.cuda.is_available() else "cpu"
as_input = [transforms.ToTensor(), transforms.Normalize([0.491, 0.482, 0.447], [0.247, 0.243, 0.262])]
resize = [transforms.Resize(options.size), transforms.CenterCrop(options.size)]
train = datasets.ImageFolder(
    f"{options.data}/train",
    transforms.Compose([*resize, transforms.RandomHorizontalFlip(), transforms.RandomCrop(options.size, 4), *as_input]),
)
test = datasets.ImageFolder(f"{options.data}/test", transforms.Compose([*resize, *as_input]))
classes = test.classes
if options.limit:
    train, test = some_of(train, options.limit), some_of(test, options.limit // 4)
loader = DataLoader(train, batch_size=64, shuffle=True, drop_last=True)
test_loader = DataLoader(test, batch_size=250)

model = models.resnet18(num_classes=len(classes))
if options.size < 64:
    # The first convolution of resnet18 halves the image; a small one has no pixels to spare.
    model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
model.to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=options.epochs * len(loader))
loss_of = torch.nn.CrossEntropyLoss()

with deepviz.Recorder(
    options.out, model, train=loader, test=test, optimizer=optimizer, every="2 per epoch"
) as recorder:
    for epoch in range(options.epochs):
        model.train()
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            outputs = model(images)
            loss = loss_of(outputs, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recorder.step(loss=loss, error=(outputs.argmax(1) != labels).float().mean())
            schedule.step()
        model.eval()
        with torch.no_grad():
            results = [(model(images.to(device)), labels.to(device)) for images, labels in test_loader]
        outputs, labels = (torch.cat(parts) for parts in zip(*results, strict=True))
        error = (outputs.argmax(1) != labels).float().mean()
        recorder.eval(loss=loss_of(outputs, labels), error=error)
        print(f"epoch {epoch + 1}: {error:.1%} of the test images are misclassified")
