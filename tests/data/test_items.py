"""Rows put together to arrays, and rows of unlike length padded."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sweeper.data.items import CHUNK, Item, array_of, collected, image_array, is_ragged
from sweeper.errors import DataError


def together(inputs: list[Any], targets: list[Any] | None = None, known: bool = True) -> Any:
    """(inputs, targets) of items with these."""
    pairs = zip(inputs, targets or range(len(inputs)), strict=True)
    items = [(index, Item(x, y)) for index, (x, y) in enumerate(pairs)]
    return collected(iter(items), "name", len(items) if known else None)


@pytest.mark.parametrize("known", [True, False])
def test_many_rows_come_in_order(known: bool) -> None:
    """More than one chunk, with and without a length that is known before."""
    values = np.arange(2 * CHUNK + 10, dtype=np.float32)
    x, y = together([np.array([value, -value]) for value in values], known=known)
    assert x.dtype == np.float32
    assert x[:, 0].tolist() == values.tolist()
    assert y.tolist() == list(range(len(values)))


def test_whole_numbers_are_codes_and_words_may_grow() -> None:
    """Integers are tensors of int64, so a single input of codes is one; longer words of later rows stay."""
    x, y = together([[1, 2]] * (CHUNK + 1), ["no"] * CHUNK + ["perhaps"])
    assert isinstance(x, torch.Tensor)
    assert x.dtype == torch.int64
    assert y[-1] == "perhaps"
    later, _ = together([1] * CHUNK + [0.5])
    assert later[-1] == 0.5


LENGTHS = [2, 1, 3]
ROWS = [torch.arange(1, length + 1) for length in LENGTHS]


def test_rows_of_unlike_length_are_padded_and_told() -> None:
    """Zeros at the end, and the lengths: second in a pair, last in a tuple, by name in a dict."""
    (x, lengths), _ = together(ROWS)
    assert x.tolist() == [[1, 2, 0], [1, 0, 0], [1, 2, 3]]
    assert lengths.tolist() == LENGTHS
    (_, other, lengths), _ = together([(row, 0.5) for row in ROWS])
    assert (other.tolist(), lengths.tolist()) == ([0.5] * 3, LENGTHS)
    named, _ = together([{"x": row, "z": 0.5} for row in ROWS])
    assert named["lengths"].tolist() == LENGTHS


def test_lengths_that_are_there_are_not_told_again() -> None:
    """An input that holds them, or a mask of the same rows."""
    (_, lengths), _ = together([(row, len(row)) for row in ROWS])
    assert lengths.tolist() == LENGTHS
    masked, _ = together([{"x": row, "attention_mask": row > 0} for row in ROWS])
    assert list(masked) == ["x", "attention_mask"]
    assert masked["attention_mask"].tolist() == [[True, True, False], [True, False, False], [True] * 3]


def test_rows_of_vectors_keep_their_width() -> None:
    """A sequence of vectors is padded along its first axis alone."""
    (x, _), _ = together([np.ones((length, 2)) for length in LENGTHS])
    assert x.shape == (3, 3, 2)
    assert x.sum() == 2 * sum(LENGTHS)


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        ([np.ones((2, 3)), np.ones((2, 4))], None, "item 1 has shape (2, 4) and item 0 (2, 3)"),
        ([1.0, [1.0, 2.0]], None, "item 0 has shape () and item 0 ()"),
        ([(ROWS[0], ROWS[1]), (ROWS[1], ROWS[0])], None, "have unlike lengths"),
        ([1.0, 2.0], [[1], [1, 2]], "targets of unlike length"),
        ([1.0, None], None, "item 1 is None (a gap)"),
        ([1.0, {"a": 1}], None, "item 1 is a dict of a, unlike the items before it"),
        ([{"a": 1}, {"a": 1, "b": 1}], None, "item 1 is a dict of a, b, unlike"),
        ([(1, 2), (1, 2, 3)], None, "item 1 is a tuple of 3 inputs, unlike"),
        ([object()], None, "item 0 is a object"),
        ([], None, "there is not one item in it"),
    ],
)
def test_faults_name_the_item(inputs: Any, targets: Any, words: str) -> None:
    """The first item that does not fit, and how."""
    with pytest.raises(DataError) as caught:
        together(inputs, targets)
    assert words in str(caught.value)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4), ("P", 3), ("1", 3)])
def test_images_are_channels_first_bytes(mode: str, channels: int) -> None:
    """Grey, colour, palette: (channels, height, width)."""
    array = image_array(Image.new(mode, (5, 4)))
    assert (array.shape, array.dtype) == ((channels, 4, 5), np.uint8)


def test_short_floats_of_torch() -> None:
    """bfloat16, which numpy has not, becomes float32."""
    assert array_of(torch.ones(2, dtype=torch.bfloat16), "").dtype == np.float32


def test_what_is_ragged() -> None:
    """Lists and arrays of objects whose rows differ in length; neither a table nor text."""
    assert is_ragged([[1], [1, 2]])
    assert is_ragged(np.array([[1], [1, 2]], dtype=object))
    assert not is_ragged([[1, 2], [3, 4]])
    assert not is_ragged(["a", "bc"])
    assert not is_ragged([1, [2]])
