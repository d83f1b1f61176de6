"""MATLAB files, STL-10, and corpora with lists beside the images."""

import io
import json

import numpy as np
from scipy.io import savemat

from sample import encoded, picture, put, sample


@sample
def svhn(made):
    """X: height, width, channels, images; 10 stands for the digit 0. One file compressed, one not."""
    made.classes = [str(number) for number in range(10)]
    for split, labels, compress in [("train", [10, 1, 9], True), ("test", [5], False)]:
        images = [picture(index + len(labels)) for index in range(len(labels))]
        out = io.BytesIO()
        columns = np.array(labels, np.uint8 if compress else np.float64)[:, None]
        savemat(out, {"X": np.stack(images, axis=3), "y": columns}, do_compression=compress)
        made.write(f"{split}_32x32.mat", out.getvalue())
        for index, (label, image) in enumerate(zip(labels, images)):
            made.expect(split, label % 10, f"{split}_{index:05}", image)


@sample
def stl10(made):
    """Column by column, labels from 1, and images without labels."""
    made.classes = ["airplane", "bird", "car"]
    made.write("class_names.txt", "airplane\nbird\ncar\n")
    columns = lambda image: image.transpose(2, 1, 0).tobytes()
    for split, labels in [("train", [2, 3]), ("test", [1])]:
        images = [picture(index + len(labels), 96, 96) for index in range(len(labels))]
        made.write(f"{split}_X.bin", b"".join(columns(image) for image in images))
        made.write(f"{split}_y.bin", bytes(labels))
        for index, (label, image) in enumerate(zip(labels, images)):
            made.expect(split, label - 1, f"{split}_{index:05}", image)
    made.write("unlabeled_X.bin", columns(picture(9, 96, 96)) * 3)
    made.write("fold_indices.txt", "0 1\n")


@sample
def tiny_imagenet(made):
    ids = ["n02", "n01", "n10"]
    made.write("wnids.txt", "\r\n".join(ids))
    made.write("words.txt", "n01\tgoldfish, Carassius\nn02\tcrane, bird\nn10\tcrane, machine\nn99\tother\n")
    made.classes = ["goldfish", "crane, bird", "crane, machine"]
    for label, wnid in enumerate(sorted(ids)):
        made.write(f"train/{wnid}/{wnid}_boxes.txt", f"{wnid}_0.JPEG\t0\t0\t62\t62\n")
        for number in [0, 2, 10]:
            put(made, "train", label, f"train/{wnid}/images/{wnid}_{number}.JPEG", 20 * label + number)
    lines = []
    for number, label in enumerate([2, 0]):
        put(made, "test", label, f"val/images/val_{number}.JPEG", 90 + number)
        lines.append(f"val_{number}.JPEG\t{sorted(ids)[label]}\t0\t32\t44\t62\n")
    made.write("val/val_annotations.txt", "".join(lines))
    put(made, None, None, "val/images/val_2.JPEG", 1)
    for number in range(4):
        put(made, None, None, f"test/images/test_{number}.JPEG", number)


@sample
def gtsrb(made):
    made.classes = [f"sign {number}" for number in range(43)]
    made.write("corpus.toml", f'name = "gtsrb"\nlayout = "gtsrb"\nclasses = {json.dumps(made.classes)}\n')
    for label in [0, 7, 42]:
        made.write(f"GTSRB/Training/{label:05}/GT-{label:05}.csv", "Filename;Width;Height;ClassId\n")
        for number in range(2):
            put(made, "train", label, f"GTSRB/Training/{label:05}/00000_{number:05}.ppm", label + number, kind="PPM")
    rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    for number, label in enumerate([42, 7]):
        put(made, "test", label, f"GTSRB/Final_Test/Images/{number:05}.ppm", 50 + number, kind="PPM")
        rows.append(f"{number:05}.ppm;53;54;6;5;48;49;{label}")
    made.write("GT-final_test.csv", "\r\n".join(rows))


@sample
def pets(made):
    made.classes = ["Abyssinian", "Great Pyrenees"]
    lists = {"trainval": ["Abyssinian_1 1 1 1", "great_pyrenees_12 2 2 1"], "test": ["Abyssinian_100 1 1 1"]}
    for number, (name, lines) in enumerate(lists.items()):
        made.write(f"annotations/{name}.txt", "\n".join(["#Image CLASS-ID SPECIES BREED ID", *lines]))
        for line in lines:
            image, label = line.split()[:2]
            split = "test" if name == "test" else "train"
            put(made, split, int(label) - 1, f"images/{image}.jpg", number + 7 * int(label), (9, 5 + number))
    put(made, None, None, "images/Abyssinian_101.jpg", 0)
    made.write("images/Abyssinian_102.mat", b"x")
    made.write("annotations/trimaps/Abyssinian_1.png", encoded(picture(1, 9, 5, 1)))


@sample
def flowers(made):
    made.classes = ["pink primrose", "orchid", "bells"]
    made.write("corpus.toml", f'name = "flowers102"\nlayout = "flowers"\nclasses = {json.dumps(made.classes)}\n')
    labels, out = [1, 3, 2, 2, 1], [io.BytesIO(), io.BytesIO()]
    savemat(out[0], {"labels": np.array([labels], np.uint8)}, do_compression=True)
    ids = {"trnid": [[4, 1]], "valid": [[2]], "tstid": [[3, 5]]}
    savemat(out[1], {name: np.array(numbers, np.uint16) for name, numbers in ids.items()}, do_compression=True)
    made.write("imagelabels.mat", out[0].getvalue())
    made.write("setid.mat", out[1].getvalue())
    for number in range(1, 6):
        made.write(f"jpg/image_{number:05}.jpg", encoded(picture(number, 6, 8)))
    for name, split in [("trnid", "train"), ("tstid", "test")]:
        for number in ids[name][0]:
            made.expect(split, labels[number - 1] - 1, f"image_{number:05}.jpg", picture(number, 6, 8))


@sample
def food(made):
    made.classes = ["apple_pie", "sushi"]
    made.write("meta/classes.txt", "apple_pie\nsushi\n")
    made.write("meta/labels.txt", "Apple pie\nSushi\n")
    for name, lines in [("train", ["apple_pie/1005649", "sushi/12"]), ("test", ["sushi/7"])]:
        made.write(f"meta/{name}.txt", "\n".join(lines) + "\n")
        for line in lines:
            put(made, name, made.classes.index(line.split("/")[0]), f"images/{line}.jpg", len(line))
    put(made, None, None, "images/sushi/8.jpg", 0)
