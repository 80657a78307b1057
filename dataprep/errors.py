"""What can go wrong, as exceptions that say what, which rule, and what to do.

    DataprepError
    ├── SourceError      a source that cannot be listed, or a file of it that cannot be read
    ├── DecodeError      bytes that do not decode to an image (in `clean` a row's `error`, never raised)
    ├── PipelineError    stages that do not fit together, or a pipeline file that cannot be understood
    ├── ManifestError    a file that is not a manifest, of another version, or without a needed column
    ├── LoaderError      batches that cannot be made from this manifest and pipeline
    └── StateError       a saved state that belongs to another run

Bad data is a row, bad code is an exception: a broken image ends as a dropped row of the manifest.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class DataprepError(Exception):
    """The root of every error that dataprep raises on purpose.

    Example:
        >>> try:
        ...     manifest = dp.clean("phtos")
        ... except dp.DataprepError as error:
        ...     print(error)
        no such folder: phtos; did you mean 'photos'?
    """


class SourceError(DataprepError, OSError):
    """A source cannot be listed, or one of its files cannot be read.

    Example:
        >>> dp.clean("phtos")
        Traceback (most recent call last):
            ...
        dataprep.errors.SourceError: no such folder: phtos; did you mean 'photos'?

    Attributes:
        of_image: Whether it is the fault of an image, which another `clean` would drop for it.
    """

    of_image = True


class DecodeError(DataprepError, ValueError):
    """Bytes do not decode to an image.

    Example:
        >>> dp.decode(b"")
        Traceback (most recent call last):
            ...
        dataprep.errors.DecodeError: the file is empty
    """


class PipelineError(DataprepError, ValueError):
    """Stages do not fit together, or a pipeline file cannot be understood.

    Example:
        >>> dp.Pipeline(dp.Normalize.imagenet(), dp.HorizontalFlip(), dp.CenterCrop(64))
        Traceback (most recent call last):
            ...
        dataprep.errors.PipelineError: `HorizontalFlip` works on 8-bit pixels; put it before `Normalize`
    """


class ManifestError(DataprepError, ValueError):
    """A file is not a manifest of this version, or lacks a column that a rule needs.

    Example:
        >>> dp.Manifest.read("missing.parquet")
        Traceback (most recent call last):
            ...
        dataprep.errors.ManifestError: missing.parquet cannot be read: No such file or directory
    """


class LoaderError(DataprepError, ValueError):
    """Batches cannot be made from this manifest with this pipeline.

    Example:
        >>> dp.Loader(manifest, batch_size=64)
        Traceback (most recent call last):
            ...
        dataprep.errors.LoaderError: batches of 64 need 64 images but 12 are there; use a smaller batch_size, or ...
    """


class StateError(DataprepError, ValueError):
    """A saved state belongs to another manifest, seed or version.

    Example:
        >>> loader = dp.Loader(manifest, batch_size=4, sampler=dp.Sampler(seed=1))
        >>> loader.load_state_dict(dp.Loader(manifest, batch_size=4).state_dict())
        Traceback (most recent call last):
            ...
        dataprep.errors.StateError: the state was saved with seed 0, here it is 1; use the same to resume
    """


def suggestion(word: str, known: Iterable[str]) -> str:
    """Returns the end of an error about a misspelt `word`: the closest known words, or all of them."""
    names = sorted(known)
    close = get_close_matches(word, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(name) for name in close) + "?"
    return "known: " + ", ".join(names)
