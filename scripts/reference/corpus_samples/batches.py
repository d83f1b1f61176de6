"""idx, CIFAR-100, and CIFAR-10's batches as Python 3 saves them."""

import gzip
import pickle
import struct

import numpy as np

from sample import SAMPLES, picture, planes, sample


def idx(array):
    kind = {"uint8": 0x08, "int32": 0x0C}[str(array.dtype)]
    head = struct.pack(">BBBB", 0, 0, kind, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def fill_idx(made, pattern, parts, pack=lambda content: content):
    """`pattern` names the files: {split} and {kind}."""
    for split, name, labels, images in parts:
        made.write(pattern.format(split=name, kind="images-idx3"), pack(idx(np.stack(images))))
        made.write(pattern.format(split=name, kind="labels-idx1"), pack(idx(np.array(labels, np.uint8))))
        for index, (label, image) in enumerate(zip(labels, images)):
            made.expect(split, label, f"{split}_{index:05}", image)


@sample
def mnist(made):
    made.classes = [str(number) for number in range(10)]
    images = [picture(number, 9, 7, 1) for number in range(8)]
    parts = [("train", "train", [5, 0, 9, 1, 3], images[:5]), ("test", "t10k", [7, 2, 0], images[5:])]
    fill_idx(made, "{split}-{kind}-ubyte.gz", parts, lambda content: gzip.compress(content, mtime=0))


@sample
def fashion(made):
    """Not compressed, with dots in the names, and with a description."""
    made.classes = ["T-shirt/top", "Trouser", "Coat"]
    made.write("corpus.toml", 'name = "fashion"\nlayout = "idx"\nclasses = ["T-shirt/top", "Trouser", "Coat"]\n')
    images = [picture(number, 4, 6, 1) for number in range(4)]
    parts = [("train", "train", [2, 0, 1], images[:3]), ("test", "t10k", [1], images[3:])]
    fill_idx(made, "{split}-{kind}-ubyte", parts)
    for name in [name for name in made.files if name.endswith("ubyte")]:
        made.files[name.replace("-idx", ".idx")] = made.files.pop(name)


@sample
def emnist_letters(made):
    """Labels from 1; names in a mapping with other line ends."""
    made.classes = ["Aa", "Bb", "Cc"]
    made.write("emnist-letters-mapping.txt", "1 65 97\r\n2 66 98\r\n3 67 99\r\n")
    images = [picture(number, 5, 5, 1) for number in range(4)]
    parts = [("train", "train", [3, 1], images[:2]), ("test", "test", [2, 3], images[2:])]
    fill_idx(made, "emnist-letters-{split}-{kind}-ubyte", parts)
    for image in made.images:
        image["label"] -= 1


@sample
def qmnist(made):
    """Eight numbers for each image; no test split."""
    made.classes = [str(number) for number in range(10)]
    images = [picture(number, 5, 5, 1) for number in range(12)]
    made.write("qmnist-train-images-idx3-ubyte", idx(np.stack(images)))
    made.write("qmnist-train-labels-idx2-int", idx(np.array([[4, *range(7)]] * 12, np.int32)))
    for index, image in enumerate(images):
        made.expect("test" if index == 9 else "train", 4, f"train_{index:05}", image)


def cifar100_images(made):
    made.classes = ["apple", "bear", "cup"]
    return [("train", [(1, 0), (0, 2), (1, 1)]), ("test", [(0, 1), (1, 2)])]


@sample
def cifar100(made):
    """Coarse label, fine label, pixels; lists with a byte order mark and other line ends."""
    for split, labels in cifar100_images(made):
        records = b""
        for index, (coarse, fine) in enumerate(labels):
            image = picture(index + 10 * len(labels))
            records += bytes([coarse, fine]) + planes(image).tobytes()
            made.expect(split, fine, f"{split}_{index:05}", image)
        made.write(f"{split}.bin", records)
    made.write("fine_label_names.txt", "\ufeffapple\r\nbear\r\ncup\r\n")
    made.write("coarse_label_names.txt", "\ufefffruit\r\nothers\r\n")


@sample
def cifar100_python(made):
    for split, labels in cifar100_images(made):
        images = [picture(index + 10 * len(labels)) for index in range(len(labels))]
        names = [f"thing_s_{index:06}.png" for index in range(len(labels))]
        for (_, fine), name, image in zip(labels, names, images):
            made.expect(split, fine, name, image)
        batch = {
            "filenames": names,
            "batch_label": "1 of 1",
            "fine_labels": [fine for _, fine in labels],
            "coarse_labels": [coarse for coarse, _ in labels],
            "data": np.stack([planes(image) for image in images]),
        }
        made.write(split, pickle.dumps(batch, 4))
    made.write("meta", pickle.dumps({"fine_label_names": made.classes, "coarse_label_names": ["fruit", "others"]}, 4))


def cifar10_saved_anew(protocol):
    def fill(made):
        made.classes = ["cat", "dog"]
        images = [picture(index) for index in range(3)]
        labels = [1, 0, 1]
        rows = np.stack([planes(image) for image in images])
        # The forms that people's scripts leave.
        forms = [
            {"data": rows, "labels": labels},
            {b"data": rows, b"labels": np.array(labels)},
            {"data": np.asfortranarray(rows), "labels": tuple(np.int64(label) for label in labels)},
            {"data": rows.reshape(-1, 3, 32, 32), "labels": np.array(labels, ">i4")},
            {"data": np.stack(images), "labels": np.array(labels, np.uint8)},
            {"data": rows, "labels": labels, "extra": {"deep": [None, 1.5, True, -70000, 2**40, 2**80, b"\\'\n\xff"]}},
        ]
        for number, form in enumerate(forms, 1):
            for index, (label, image) in enumerate(zip(labels, images)):
                form.setdefault("filenames", []).append(f"ähm'\"\\_{number}_{index}.png")
                made.expect("train", label, f"ähm'\"\\_{number}_{index}.png", image)
            made.write(f"data_batch_{number}", pickle.dumps(form, protocol))
        test = {"data": rows[:1], "labels": labels[:1]}
        made.write("test_batch", pickle.dumps(test, protocol))
        made.expect("test", 1, "test_batch_00000", images[0])
        made.write("batches.meta", pickle.dumps({"label_names": made.classes}, protocol))

    return fill


for protocol in range(6):
    SAMPLES[f"cifar10_protocol{protocol}"] = cifar10_saved_anew(protocol)
