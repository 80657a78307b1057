"""The columns of a manifest, each written down once: its name, Arrow type and meaning, by who fills it; and the reasons of drops.

Sources, measures, the verdict, the report, exports and the README all take them from here, so that they cannot disagree.
The price is that a new measure of dataprep's own has its columns here, apart from its class; measures of others need no line.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import pyarrow as pa

UNREADABLE: Final = "unreadable"
TOO_SMALL: Final = "too small"
TOO_DARK: Final = "too dark"
TOO_BRIGHT: Final = "too bright"
UNIFORM: Final = "nearly uniform"
BLURRED: Final = "blurred"
EXACT_DUPLICATE: Final = "exact duplicate"
NEAR_DUPLICATE: Final = "near duplicate"
LEAK: Final = "leak"
LABEL_CONFLICT: Final = "label conflict"
OVERRULED: Final = "overruled"


def out_of_range(column: str) -> str:
    """Returns the reason for which `Require` drops, where it is given none."""
    return f"{column} out of range"


def outlier(column: str) -> str:
    """Returns the reason for which `Outliers` drops, where it is given none."""
    return f"{column} outlier"


class Column(NamedTuple):
    """One column of a manifest.

    Attributes:
        name: Its name.
        type: Its Arrow type.
        meaning: The unit of its numbers, or what its values are.
        nullable: Whether a value may be missing.
    """

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = True

    @property
    def field(self) -> pa.Field:
        """The column as a part of a schema."""
        return pa.field(self.name, self.type, self.nullable)


def hash_column(kind: str, bits: int) -> Column:
    """Returns the column of a perceptual hash, such as `phash64` of "PHash" and 64."""
    return Column(f"{kind.lower()}{bits}", pa.binary(bits // 8), f"{bits} bits, row by row, the highest bit of a byte first")


def variants_column(kind: str, bits: int, count: int | None = None) -> Column:
    """Returns the column of the hashes of an image's variants, such as `phash64_variants`; None stands for any number of them."""
    size = bits // 8
    meaning = f"hashes of mirrored, turned, cropped or framed variants, end to end, {size} bytes each"
    return Column(f"{hash_column(kind, bits).name}_variants", pa.binary(-1 if count is None else count * size), meaning)


HASHES: Final = ("PHash", "DHash", "AverageHash", "WaveletHash")
"""The hashes of as many bits for every image."""
BITS: Final = (64, 256)

PAIR: Final = pa.list_(pa.float32(), 2)
"""A place in an image: pixels from the left, pixels from the top."""

DIGEST: Final = pa.binary(32)
"""32 bytes of SHA-256; `hex_of` and `digests_of` lead to hex digits and back."""

TEXT: Final = pa.large_string()
"""Any number of rows; a column of `pa.string()` holds 2 GiB of text, 70 million labels of 30 letters."""

ERROR: Final = Column("error", TEXT, "why it cannot be read or decoded, or null")

COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "clean": (Column("id", pa.int64(), "the record's number, ascending"),),
    "scan": (
        Column("uri", TEXT, "the name of the image, such as its path below the folder", nullable=False),
        Column("label", TEXT, "the class, or null"),
        Column("split", TEXT, "such as train, or null"),
        Column("bytes", pa.int64(), "size of the file in bytes"),
        Column("modified", pa.int64(), "nanoseconds since 1970"),
        ERROR,
    ),
    "store": (Column("version", TEXT, "the ETag of the object, where a store has the images"),),
    "labels": (
        Column("labels", pa.list_(pa.string()), "the classes, where an image may have several; `label` has them as one text"),
        Column("value", pa.float64(), "the number to learn, where labels are numbers"),
    ),
    "targets": (
        Column("boxes", pa.list_(pa.list_(pa.float32(), 4)), "left, top, right, bottom of each, pixels of the upright image"),
        Column("box_labels", pa.list_(pa.string()), "the class of each box"),
        Column("points", pa.list_(PAIR), "x and y of each point, pixels of the upright image"),
        Column(
            "point_visibility", pa.list_(pa.int32()), "0 not labelled, 1 hidden, 2 visible; a point that is not labelled is NaN"
        ),
        Column("point_objects", pa.list_(pa.int32()), "the box that each point belongs to, from 0, or -1 for none"),
        Column("polygons", pa.list_(pa.list_(PAIR)), "the corners of each outline, x and y, pixels of the upright image"),
        Column("polygon_objects", pa.list_(pa.int32()), "the box that each outline belongs to, from 0; one may have several"),
        Column("mask", TEXT, "the uri of an image of class numbers, or run lengths as JSON, as COCO writes them"),
        Column("caption", TEXT, "a text about the image"),
    ),
    "read": (
        Column(
            "digest",
            DIGEST,
            "SHA-256 of the file, 32 bytes; data frames and exports have its 64 hex digits, DuckDB by `hex(digest)`",
        ),
        Column("format", TEXT, "such as JPEG"),
        Column("height", pa.int32(), "pixels, upright"),
        Column("width", pa.int32(), "pixels, upright"),
        Column("remark", TEXT, 'what was done to read it, such as "no end marker" or "12 of 16 bits, scaled to 8", or null'),
        Column("captured", pa.timestamp("ms"), "local time at which the picture was taken, by its EXIF, or null"),
        ERROR,
    ),
    "Luminance": (
        Column("brightness", pa.float32(), "mean luminance, 0 black to 255 white"),
        Column("contrast", pa.float32(), "standard deviation of luminance, gray levels"),
    ),
    "LaplacianVariance": (Column("sharpness", pa.float32(), "variance of the Laplacian, squared gray levels"),),
    "LuminanceHistogram": (
        Column("dark_fraction", pa.float32(), "share of pixels below gray level 16, 0 to 1"),
        Column("bright_fraction", pa.float32(), "share of pixels above gray level 240, 0 to 1"),
        Column("entropy", pa.float32(), "bits of a pixel's gray level, 0 flat to 8 all levels alike"),
    ),
    "Levels": (
        Column("darkest", pa.int32(), "lowest gray level of the luminance, 0 black to 255 white"),
        Column("lightest", pa.int32(), "highest gray level of the luminance, 0 black to 255 white"),
    ),
    "Noise": (Column("noise", pa.float32(), "standard deviation of Gaussian noise, gray levels"),),
    "Colorfulness": (
        Column("saturation", pa.float32(), "mean chroma, 0 gray to 255"),
        Column("colorfulness", pa.float32(), "perceived chroma, 0 gray, 15 slight, 109 extreme"),
    ),
    "ChannelSums": (
        Column("channel_sums", pa.list_(pa.int64()), "sums of R, G and B over all pixels"),
        Column("channel_squares", pa.list_(pa.int64()), "sums of squares of R, G and B over all pixels"),
    ),
    **{kind: tuple(hash_column(kind, bits) for bits in BITS) for kind in HASHES},
    "ColorHash": (Column("colorhash", pa.binary(6), "42 bits and 6 zeros: shares of black, gray and hues, 3 bits each"),),
    "CropResistantHash": (Column("cropresistanthash", pa.large_binary(), "hashes of the regions, end to end, 8 bytes each"),),
    "Miniature": (Column("miniature", pa.binary(1056), "32 × 32 luminance, then Cb and Cr of 4 × 4 cells, one byte each"),),
    "Variants": tuple(variants_column(kind, bits) for kind in HASHES for bits in BITS),
    "LocalFeatures": (
        Column("local_features", pa.large_binary(), "corners of 36 bytes: 32 of a descriptor, x and y in 65536ths of the sides"),
        Column("small_picture", pa.binary(48 * 48), "luminance at 48 × 48 pixels, row by row"),
    ),
    "verdict": (
        Column("keep", pa.bool_(), "whether the image is kept"),
        Column("reason", TEXT, f'why it is dropped, in few words such as "{NEAR_DUPLICATE}", or null'),
        Column(
            "detail",
            TEXT,
            'the same as a sentence for people, such as "distance 2"; "kept by hand" where a rule is overruled; or null',
        ),
        Column("twin", pa.int64(), "the id of the image that a duplicate is a duplicate of, or null"),
        Column("distance", pa.int32(), "bits between the first hashes of the two, 0 for the same content, null without a twin"),
    ),
    "concatenate": (
        Column("part", TEXT, "the name of the manifest that the record comes from"),
        Column("part_id", pa.int64(), "its id there"),
    ),
    "pack": (
        Column("shard", pa.int32(), "the number of the shard that the image was packed into, from 0"),
        Column("offset", pa.int64(), "where its bytes begin there"),
        Column("length", pa.int32(), "how many bytes they are"),
        Column("source_uri", TEXT, "the uri that it had before"),
        Column("source_id", pa.int64(), "the id that it had before"),
    ),
}
"""The columns by who fills them: a step of the way to the manifest, a source that knows targets, or a measure.

Coordinates of targets are continuous: pixel i covers [i, i + 1), so a box of a whole image is 0, 0, width, height. An image in
which there is nothing has an empty list; null means that nobody looked.
"""


TYPES: Final = {column.name: column.type for columns in COLUMNS.values() for column in columns}
KIN: Final = ((pa.string(), TEXT), (pa.binary(), pa.large_binary()))
"""Types of the same values; a column of the first of two holds 2 GiB, and no row can be taken from a longer one."""


def fields_of(filler: str) -> tuple[pa.Field, ...]:
    """Returns the columns that one of `COLUMNS` fills, as parts of a schema, such as those of "LaplacianVariance"."""
    return tuple(column.field for column in COLUMNS[filler])


def names_of(filler: str) -> tuple[str, ...]:
    """Returns the names of the columns that one of `COLUMNS` fills."""
    return tuple(column.name for column in COLUMNS[filler])


def in_types(table: pa.Table) -> pa.Table:
    """Returns a table whose texts and bytes are of the types above where their names are, as `uri` of a source of one's own."""
    for place, field in enumerate(table.schema):
        known = TYPES.get(field.name, field.type)
        if known != field.type and any(known in kinds and field.type in kinds for kinds in KIN):
            table = table.set_column(place, pa.field(field.name, known, field.nullable), table[place].cast(known))
    return table


def hex_of(digests: pa.ChunkedArray | pa.Array) -> list[str | None]:
    """Returns digests as people see them: 64 hex digits each, None where there is none; what is text already stays."""
    return [digest.hex() if isinstance(digest, bytes) else digest for digest in digests.to_pylist()]


def digests_of(texts: Iterable[str | None]) -> pa.Array:
    """Returns the digests of so many texts of hex digits.

    Raises:
        ValueError: One is not 64 hex digits.
    """
    return pa.array([None if text is None else bytes.fromhex(text) for text in texts], DIGEST)
