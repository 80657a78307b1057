"""What a loader may be asked for beside images and labels: frozen descriptions of columns and what becomes of what they hold.

Coordinates are continuous, in pixels of the upright image: pixel i covers [i, i + 1). They follow the image through all ops, and
are delivered as float32, in pixels of the last picture.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen

from dataprep.arguments import as_tuple, check, is_number, is_whole, one_of
from dataprep.errors import LoaderError

Names: TypeAlias = tuple[str, ...]


def _names(given: str | Iterable[str]) -> Any:
    """Returns names as a tuple, also of one alone."""
    return (given,) if isinstance(given, str) else as_tuple(given)


def _are_names(given: object) -> bool:
    return isinstance(given, tuple) and all(isinstance(name, str) and name for name in given)


NAME: Final = check(
    lambda given: isinstance(given, str) and given != "", "give the name of a column of the manifest", LoaderError
)
NAMES: Final = check(
    _are_names, "give the names of columns of the manifest, each a list as long as that of the places", LoaderError
)
SHARE: Final = check(lambda given: is_number(given) and 0 <= given <= 1, "give a share, 0 to 1", LoaderError)
FLAG: Final = check(lambda given: isinstance(given, bool), "give True or False", LoaderError)
MISSING: Final = one_of("refuse", "empty", kind=LoaderError)


@frozen(kw_only=True)
class Places:
    """What boxes, points and outlines are all asked.

    Attributes:
        relative: Whether the numbers are shares of the image's width and height.
        labels: Further columns with one value for each place, which stay with it: strings as class numbers, -1 for none, see
            `Loader.vocabularies`; numbers as they are.
        missing: "refuse" images where the column is null, since nobody looked, or take it for "empty".
        stored: Whether coordinates are of the pixels as the file stores them, though EXIF says that the image is to be turned.
    """

    relative: bool = field(default=False, validator=FLAG)
    labels: Names = field(default=(), converter=_names, validator=NAMES)
    missing: Literal["refuse", "empty"] = field(default="refuse", validator=MISSING)
    stored: bool = field(default=False, validator=FLAG)


@frozen
class Boxes(Places):
    """Boxes around objects: for each image (k, 4) float32 left, top, right, bottom in pixels of the picture as it is delivered.

    A turned box becomes the smallest upright one around what is left of it. Of a box that leaves the picture only what is inside
    is kept, and nothing, nor its labels, where that is less than `visible` of it. A box without an area is left out.

    Example:
        >>> dp.Boxes("bbox", format="xywh", labels="category", visible=0.2).column
        'bbox'

    Attributes:
        column: The column, a list of four numbers for each image. None in it means that nobody looked, which is refused.
        format: "xyxy" left, top, right, bottom; "xywh" left, top, width, height; "cxcywh" the middle, then width and height.
        relative: Whether the numbers are shares of the image's width and height.
        labels: Further columns with one value for each box, which stay with it: strings as class numbers, -1 for none, see
            `Loader.vocabularies`; numbers as they are.
        visible: The share of a box, of what of it lies in the image, that has to be left for it to be kept.
        missing: "refuse" images where the column is null, or take it for "empty", no boxes.
        stored: Whether coordinates are of the pixels as the file stores them, though EXIF says that the image is to be turned.
    """

    column: str = field(default="boxes", validator=NAME)
    format: Literal["xyxy", "xywh", "cxcywh"] = field(
        default="xyxy", validator=one_of("xyxy", "xywh", "cxcywh", kind=LoaderError)
    )
    visible: float = field(default=0.1, validator=SHARE)


@frozen
class Points(Places):
    """Points such as key points: for each image (k, 2) float32 x and y in pixels of the picture as it is delivered.

    Example:
        >>> dp.Points("points", labels="joint", unseen="nan", mirrored=(0, 2, 1)).mirrored
        (0, 2, 1)

    Attributes:
        column: The column, a list of two numbers for each image; NaN stays NaN.
        relative: Whether the numbers are shares of the image's width and height.
        labels: Further columns with one value for each point, which stay with it, as those of `Boxes`.
        unseen: What becomes of points that are not to be seen any more: "keep" them where they are moved to, make them "nan",
            which keeps their number and their order, or "drop" them with their labels.
        mirrored: The order that the points have in a mirrored image, such as (0, 2, 1) where the second and the third are a left
            and a right eye; it holds for every so many points of an image. () leaves it as it is.
        missing: "refuse" images where the column is null, or take it for "empty", no points.
        stored: Whether coordinates are of the pixels as the file stores them, though EXIF says that the image is to be turned.
    """

    column: str = field(default="points", validator=NAME)
    unseen: Literal["keep", "nan", "drop"] = field(default="keep", validator=one_of("keep", "nan", "drop", kind=LoaderError))
    mirrored: tuple[int, ...] = field(
        default=(),
        converter=as_tuple,
        validator=check(
            lambda given: isinstance(given, tuple) and sorted(given) == list(range(len(given))),
            "give each index from 0 once, in the order that a mirrored image has",
            LoaderError,
        ),
    )


@frozen
class Polygons(Places):
    """Outlines: for each image a list of (c, 2) float32 corners, x and y in pixels of the picture as it is delivered.

    Of an outline that leaves the picture only what is inside is kept, and nothing, nor its labels, where that is less than
    `visible` of its area. One without an area is left out.

    Example:
        >>> import pyarrow as pa
        >>> square = [[[32, 24], [96, 24], [96, 72], [32, 72]]]
        >>> table = pa.table({"image": ["photos/cat/0000.jpg"], "polygons": [square]})
        >>> loader = dp.Loader(dp.clean(table), dp.Pipeline(dp.Resize((48, 64))), batch_size=1, targets=dp.Polygons())
        >>> next(iter(loader)).targets["polygons"][0]
        [tensor([[16., 12.],
                [48., 12.],
                [48., 36.],
                [16., 36.]])]

    Attributes:
        column: The column, a list of lists of two numbers for each image.
        relative: Whether the numbers are shares of the image's width and height.
        labels: Further columns with one value for each outline, which stay with it, as those of `Boxes`.
        visible: The share of an outline's area, of what of it lies in the image, that has to be left for it to be kept.
        missing: "refuse" images where the column is null, or take it for "empty", no outlines.
        stored: Whether coordinates are of the pixels as the file stores them, though EXIF says that the image is to be turned.
    """

    column: str = field(default="polygons", validator=NAME)
    visible: float = field(default=0.1, validator=SHARE)


@frozen
class Mask:
    """A class number for each pixel: (B, H, W), turned, cut and resized with the images, by the nearest pixel.

    It is a file that the manifest's source reads, as large as its image: gray levels or indices of a palette, which are taken as
    class numbers; or run lengths as COCO writes them, as JSON: `{"size": [height, width], "counts": ...}`, 1 inside, or a list
    of such with a `"value"` each, of which a later one covers an earlier one. A JPEG, which keeps no numbers, is refused.

    Example:
        >>> import pyarrow as pa
        >>> from pathlib import Path
        >>> _ = Path("mask.png").write_bytes(encoded(np.eye(96, 128, dtype=np.uint8), "PNG"))
        >>> table = pa.table({"image": ["photos/cat/0000.jpg"], "mask": ["mask.png"]})
        >>> loader = dp.Loader(dp.clean(table), dp.Pipeline(dp.CenterCrop(64)), batch_size=1, targets=dp.Mask())
        >>> next(iter(loader)).targets["mask"].shape
        torch.Size([1, 64, 64])

    Attributes:
        column: The column of uris or of JSON.
        fill: What lies where nothing of the image is to be seen; losses are told to leave it out, as by `ignore_index=255`.
        threshold: From which value on a pixel is 1, else 0, for masks of 0 and 255 and for JPEG; None takes values as they are.
        dtype: "uint8", or "int64" as `torch.nn.CrossEntropyLoss` wants it, which also holds masks of 16 bits.
        missing: "refuse" images where the column is null, or take it for "empty": `fill` everywhere.
        stored: Whether the mask is of the pixels as the image's file stores them, though EXIF says that it is to be turned.
    """

    column: str = field(default="mask", validator=NAME)
    fill: int = field(
        default=255, validator=check(lambda given: is_whole(given) and given >= 0, "give a class number", LoaderError)
    )
    threshold: int | None = field(
        default=None, validator=check(lambda given: given is None or is_whole(given), "give a value, or None", LoaderError)
    )
    dtype: Literal["uint8", "int64"] = field(default="uint8", validator=one_of("uint8", "int64", kind=LoaderError))
    missing: Literal["refuse", "empty"] = field(default="refuse", validator=MISSING)
    stored: bool = field(default=False, validator=FLAG)

    def __attrs_post_init__(self) -> None:
        """Checks that the fill fits the type."""
        if self.dtype == "uint8" and self.fill > 255:
            raise LoaderError(f'Mask(fill={self.fill}): "uint8" holds 0 to 255; use dtype="int64"')


@frozen
class Column:
    """A column of the manifest as it is: numbers as a tensor, strings as a list, lists of numbers as a list of tensors.

    Example:
        >>> loader = dp.Loader(manifest, batch_size=4, train=False, targets=dp.Column("uri"))
        >>> next(iter(loader)).targets["uri"][:2]
        ['cat/0000.jpg', 'cat/0002.jpg']

    Attributes:
        column: Its name.
        missing: What stands where it is null; None refuses nulls, but floats are NaN there.
    """

    column: str = field(validator=NAME)
    missing: Any = None


Target: TypeAlias = Boxes | Points | Polygons | Mask | Column

CANONICAL: Final[dict[str, Target]] = {
    target.column: target for target in (Boxes(), Points(), Polygons(), Mask(), Column("caption"))
}
"""What the name alone of a column stands for, where sources fill it in one way."""

LABELS: Final = {"boxes": "box_labels", "polygons": "polygon_objects"}
"""The labels that come with them, where there are any."""
