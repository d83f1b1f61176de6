"""Corpora: the bytes behind what the network sees, or a refusal with the name of what stands in the way."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from labelled import NORMALIZE, PREPROCESS, Compose, Folder, GaussianBlur, RandomFlip, ToTensor, pixels, written
from recorded import Normalize
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

from deepviz import Refused
from deepviz.datasets import evenly_spaced
from deepviz.normalisation import Normalisation


def test_normalisation_is_undone_to_the_byte() -> None:
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16).repeat(3, 1, 1)
    for mean, std in (([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), ([0.5] * 3, [0.5] * 3), ([0.0] * 3, [1.0] * 3)):
        found = Normalisation(tuple(mean), tuple(std)).bytes_of(Normalize(mean, std)(every.float() / 255))
        assert found is not None and torch.equal(found, every)
    bytes_ = Normalisation((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), "byte")
    found = bytes_.bytes_of(bytes_.input_of(every))
    assert found is not None and torch.equal(found, every)
    unit = Normalisation()
    for value in (0.5 / 255, 1.5, -1 / 255, float("nan"), float("inf"), (7 + 2e-3) / 255):
        assert unit.bytes_of(torch.full((3, 2, 2), value)) is None, value
    assert unit.bytes_of(torch.full((3, 2, 2), (7 + 5e-4) / 255)) is not None


def test_the_corpus_has_the_bytes_behind_the_inputs(tmp_path: Path) -> None:
    test, train = Folder(10, PREPROCESS, 2), Folder(20, PREPROCESS)
    corpus = written(tmp_path, test, DataLoader(train, batch_size=4))
    assert torch.equal(pixels(tmp_path, "train", 20), train.pixels)
    assert torch.equal(pixels(tmp_path, "test", 10), test.pixels)
    assert corpus.normalisation == Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert corpus.ids == [20, 21, 22, 23, 25, 26, 27, 28] and corpus.images is not None
    assert torch.equal(corpus.images[4], test[5][0])


def test_without_normalisation_there_is_none(tmp_path: Path) -> None:
    corpus = written(tmp_path, Folder(10, ToTensor()))
    assert corpus.normalisation.table() == {"values": "unit", "mean": "none", "std": "none"}
    corpus = written(tmp_path, Folder(10, lambda image: image.float()))
    assert corpus.normalisation.table() == {"values": "byte", "mean": "none", "std": "none"}
    assert corpus.size.train == 0


def test_one_mean_stands_for_all_channels(tmp_path: Path) -> None:
    grey = Folder(10, Compose([ToTensor(), lambda image: (image - 0.5) / 0.25]))
    corpus = written(tmp_path, grey, normalisation=Normalisation((0.5,), (0.25,)))
    assert corpus.normalisation.table()["mean"] == [0.5, 0.5, 0.5]


def test_training_images_get_the_test_images_transform(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    augmented = Compose([RandomFlip(), GaussianBlur(), ToTensor(), NORMALIZE])
    train = Folder(20, augmented)
    random.seed(1)
    written(tmp_path, Folder(10, PREPROCESS, 2), train)
    assert torch.equal(pixels(tmp_path, "train", 20), train.pixels) and train.transform is augmented
    assert capsys.readouterr().err == "deepviz: training images are kept with the test images' transform\n"


def test_a_subset_of_the_same_data_set_gets_it_too(tmp_path: Path) -> None:
    # random_split's halves share their data set, whose transform one of them would change for both.
    train = Folder(20, Compose([RandomFlip(), ToTensor(), NORMALIZE]))
    halves: Any = ConcatDataset([Subset(train, [3, 5, 7]), Subset(Subset(train, range(10, 20)), [0, 9])])
    written(tmp_path, Folder(10, PREPROCESS, 2), halves)
    assert torch.equal(pixels(tmp_path, "train", 5), train.pixels[[3, 5, 7, 10, 19]])


def test_a_transform_that_cannot_be_changed_is_used_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Own(Dataset[Any]):
        def __init__(self) -> None:
            self.inner = Folder(6, None)

        def __len__(self) -> int:
            return 6

        def __getitem__(self, index: int) -> Any:
            image, label = self.inner[index]
            return PREPROCESS(image.flip(-1)), label

    written(tmp_path, Folder(10, PREPROCESS, 2), Own())
    assert torch.equal(pixels(tmp_path, "train", 6), Folder(6, None).pixels.flip(-1))
    assert "with their own transform, random changes included" in capsys.readouterr().err


def test_images_that_are_no_bytes_are_refused_naming_the_transform(tmp_path: Path) -> None:
    blurred = Folder(10, Compose([ToTensor(), GaussianBlur(), NORMALIZE]))
    with pytest.raises(Refused, match=r"after `GaussianBlur` are not made of bytes.*put it before ToTensor"):
        written(tmp_path, blurred)
    unknown = Folder(10, lambda image: (image.float() / 255 - 0.45) / 0.225)
    with pytest.raises(Refused, match=r"add mean=\[0\.485, 0\.456, 0\.406\], std="):
        written(tmp_path, unknown)
    with pytest.raises(Refused, match="check mean= and std="):
        written(tmp_path, unknown, normalisation=Normalisation((0.4,), (0.3,)))
    assert written(tmp_path, unknown, normalisation=Normalisation((0.45,), (0.225,))).size.test == 10


def test_the_loop_may_normalise_what_the_data_set_gives(tmp_path: Path) -> None:
    given = Normalisation((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    for transform in (ToTensor(), None):
        test = Folder(10, transform, 2)
        corpus = written(tmp_path, test, normalisation=given)
        assert corpus.normalisation == given and torch.equal(pixels(tmp_path, "test", 10), test.pixels)
        assert corpus.images is not None
        expected = Normalize([0.5, 0.4, 0.3], [0.2, 0.2, 0.2])(test.pixels[5].float() / 255)
        assert torch.allclose(corpus.images[4], expected, atol=1e-6)
    with pytest.raises(Refused, match=r"gives bytes.*divides by 255 alone"):
        written(tmp_path, Folder(10, None, 2))


def test_random_numbers_and_data_sets_stay(tmp_path: Path) -> None:
    train = Folder(20, Compose([RandomFlip(), ToTensor(), NORMALIZE]))
    random.seed(3), torch.manual_seed(3)
    expected = random.Random(3).random()
    before = dict(vars(train))
    written(tmp_path, train, train)
    assert random.random() == expected and vars(train) == before


def test_a_large_split_is_sampled_evenly_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = written(tmp_path, Folder(10, PREPROCESS, 2), Folder(20, PREPROCESS), limit=(5, 4))
    assert torch.equal(pixels(tmp_path, "train", 5), Folder(20, PREPROCESS).pixels[::4])
    assert torch.equal(pixels(tmp_path, "test", 4), Folder(10, PREPROCESS, 2).pixels[[0, 2, 5, 7]])
    assert corpus.ids == [5, 6, 7, 8]
    assert "5 of the 20 train images are kept" in capsys.readouterr().err
    assert evenly_spaced(3, 5) == [0, 1, 2]


def test_images_are_read_on_one_thread_and_threads_stay_as_they_were(tmp_path: Path) -> None:
    seen = []

    def counted(image: Any) -> Any:
        seen.append(torch.get_num_threads())
        return image

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        written(tmp_path, Folder(10, Compose([*PREPROCESS.transforms, counted])))
        assert set(seen) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
