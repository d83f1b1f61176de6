"""Parquet tables, WebDataset shards, class folders in an archive."""

import gzip
import io
import json
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq

from sample import encoded, picture, sample


def table(images, labels, features, column="label", names=None, **options):
    """A parquet file as the `datasets` library writes it."""
    files = [{"bytes": image and encoded(image[0]), "path": image and image[1]} for image in images]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    made = pa.table({"image": pa.array(files, kind), column: labels})
    if features is not None:
        description = {"image": {"_type": "Image"}, column: {"names": features, "_type": "ClassLabel"}}
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": description}})})
    out = io.BytesIO()
    pq.write_table(made, out, row_group_size=2, **options)
    return out.getvalue()


@sample
def parquet(made):
    """Snappy and zstd, several shards and row groups; test labels are -1, so validation is the test split."""
    made.classes = ["cat", "dog", "owl"]
    number = 0
    for name, labels, codec in [
        ("train-00000-of-00002", [2, 0, 1], "snappy"),
        ("train-00001-of-00002", [1, 1], "zstd"),
        ("validation-00000-of-00001", [0, 2], "none"),
        ("test-00000-of-00001", [-1, -1, -1], "snappy"),
    ]:
        images = [((picture(number + index, 7, 9)), f"{name[:5]}_{number + index}.png") for index in range(len(labels))]
        made.write(f"data/{name}.parquet", table(images, labels, made.classes, compression=codec))
        split = {"train": "train", "valid": "test"}.get(name[:5])
        for label, (image, file) in zip(labels, images):
            if split:
                made.expect(split, label, file, image)
        number += len(labels)


@sample
def parquet_words(made):
    """Labels in words, no description, no test split, one row without a label, one without an image."""
    made.classes = ["bird", "cat"]
    images = [(picture(index, 7, 9), None) for index in range(4)]
    labels = ["cat", "bird", None, "cat"]
    made.write("train.parquet", table([*images[:3], None], labels, None))
    for row in [0, 1]:
        made.expect("train", made.classes.index(labels[row]), f"train_{row:05}", images[row][0])


def tar(files, mode="w", kind=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=kind) as packed:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@sample
def webdataset(made):
    """Shards of samples: labels in words with a list of classes, in .cls or .json; one shard compressed."""
    made.classes = ["owl", "cat"]
    made.write("classes.txt", "owl\ncat\n")
    shards = {"train-000000.tar": [0, 1], "train-000001.tar.gz": [1], "val-000000.tar": [0]}
    number = 0
    for shard, labels in shards.items():
        files = {}
        for label in labels:
            image, key = picture(number, 6, 5), f"deep/{number:06}"
            files[f"{key}.jpg"] = encoded(image)
            if number % 2:
                files[f"{key}.json"] = json.dumps({"caption": "x", "label": label}).encode()
            else:
                files[f"{key}.cls"] = f"{made.classes[label]}\n".encode()
            made.expect("test" if shard.startswith("val") else "train", label, f"{number:06}.jpg", image)
            number += 1
        if shard.startswith("train-000000"):
            files["deep/x.jpg"] = encoded(picture(1, 6, 5))
        packed = tar(files)
        made.write(shard, gzip.compress(packed, mtime=0) if shard.endswith(".gz") else packed)


@sample
def packed(made):
    """One set of class folders as tar (in three dialects), tar.gz and zip."""
    made.classes = ["cat", "dog"]
    files = {}
    for split, count in [("train", 3), ("test", 1)]:
        for label, name in enumerate(made.classes):
            for number in range(count):
                image = picture(10 * label + number + count, 6, 5)
                # Longer than the names of the oldest dialect.
                path = f"{'wrapping_folder_' * 6}/{split}/{name}/{number}_{'long' * 10}.png"
                files[path] = encoded(image)
                made.expect(split, label, path.rsplit("/", 1)[1], image)
    # The order in an archive is not that of ids.
    files = dict(reversed(files.items()))
    made.write("pax.tar", tar(files))
    made.write("gnu.tar", tar(files, kind=tarfile.GNU_FORMAT))
    made.write("corpus.tgz", gzip.compress(tar({f"./{name}": files[name] for name in files}), mtime=0))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for index, (name, content) in enumerate(files.items()):
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED if index % 2 else zipfile.ZIP_STORED
            archive.writestr(entry, content)
    made.write("corpus.zip", out.getvalue())
