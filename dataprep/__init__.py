"""dataprep: from a pile of images to batches that a model can trust.

    import dataprep as dp

    pipeline = dp.Pipeline(*dp.standard_rules(), dp.RandomResizedCrop(224), dp.HorizontalFlip(), dp.Normalize())
    manifest = dp.clean("photos", pipeline)
    loader = dp.Loader(manifest, batch_size=64, sampler=dp.Sampler(seed=0), backend=dp.Torch(workers=2))

Importing it loads no framework; `Torch`, `Transform`, `ImageDataset` and `Dali` load theirs when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dataprep.apply import export, materialize, quarantine, undo
from dataprep.backends.threads import Threads
from dataprep.clean import clean
from dataprep.concatenate import concatenate
from dataprep.decode import decode
from dataprep.delivery import LoaderStats
from dataprep.engines import Local
from dataprep.errors import DataprepError, DecodeError, LoaderError, ManifestError, PipelineError, SourceError, StateError
from dataprep.loader import Loader
from dataprep.manifest import Manifest
from dataprep.namesake import warn_of_namesake
from dataprep.overrides import Overrides
from dataprep.pipeline import Pipeline
from dataprep.report import summarize, write_report
from dataprep.sampler import EpochSampler, Sampler
from dataprep.sources import Folder, Part, Several
from dataprep.split import split
from dataprep.stages import (
    Affine,
    Albumentations,
    AverageHash,
    Brightness,
    CenterCrop,
    ChannelSums,
    Colorfulness,
    ColorHash,
    ColorJitter,
    Contrast,
    CropResistantHash,
    CutMix,
    Deduplicate,
    DHash,
    Equalize,
    GaussianBlur,
    Grayscale,
    Hash,
    HorizontalFlip,
    Hue,
    JpegCompression,
    LaplacianVariance,
    Luminance,
    LuminanceHistogram,
    MixUp,
    Noise,
    Normalize,
    Outliers,
    Output,
    Pad,
    PHash,
    Posterize,
    RandAugment,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Readable,
    Require,
    Resize,
    Rotate,
    Saturation,
    Sharpness,
    Solarize,
    TrivialAugmentWide,
    Variants,
    VerticalFlip,
    WaveletHash,
    register,
)
from dataprep.stages.standard import standard_rules
from dataprep.types import Batch, Drops, Recipe, Spec, Statistics

if TYPE_CHECKING:
    from dataprep.backends.dali import Dali
    from dataprep.backends.torch import ImageDataset, Torch, Transform

__version__ = "0.1.0"

__all__ = [
    "Affine",
    "Albumentations",
    "AverageHash",
    "Batch",
    "Brightness",
    "CenterCrop",
    "ChannelSums",
    "ColorHash",
    "ColorJitter",
    "Colorfulness",
    "Contrast",
    "CropResistantHash",
    "CutMix",
    "DHash",
    "Dali",
    "DataprepError",
    "DecodeError",
    "Deduplicate",
    "Drops",
    "EpochSampler",
    "Equalize",
    "Folder",
    "GaussianBlur",
    "Grayscale",
    "Hash",
    "HorizontalFlip",
    "Hue",
    "ImageDataset",
    "JpegCompression",
    "LaplacianVariance",
    "Loader",
    "LoaderError",
    "LoaderStats",
    "Local",
    "Luminance",
    "LuminanceHistogram",
    "Manifest",
    "ManifestError",
    "MixUp",
    "Noise",
    "Normalize",
    "Outliers",
    "Output",
    "Overrides",
    "PHash",
    "Pad",
    "Part",
    "Pipeline",
    "PipelineError",
    "Posterize",
    "RandAugment",
    "RandomCrop",
    "RandomErasing",
    "RandomResizedCrop",
    "Readable",
    "Recipe",
    "Require",
    "Resize",
    "Rotate",
    "Sampler",
    "Saturation",
    "Several",
    "Sharpness",
    "Solarize",
    "SourceError",
    "Spec",
    "StateError",
    "Statistics",
    "Threads",
    "Torch",
    "Transform",
    "TrivialAugmentWide",
    "Variants",
    "VerticalFlip",
    "WaveletHash",
    "clean",
    "concatenate",
    "decode",
    "export",
    "materialize",
    "quarantine",
    "register",
    "split",
    "standard_rules",
    "summarize",
    "undo",
    "write_report",
]

_LAZY = {"Dali": "dali", "ImageDataset": "torch", "Torch": "torch", "Transform": "torch"}
"""Names that load a framework: the module in `backends`, which is also the extra that installs it."""

_LIBRARIES = {"torch": "torch", "nvidia": "dali", "nvidia.dali": "dali"}
"""What the frameworks are imported as, and the extra of each."""


def __getattr__(name: str) -> Any:
    """Imports a name that needs a framework when it is first asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'dataprep' has no attribute {name!r}")
    try:
        return getattr(import_module(f"dataprep.backends.{_LAZY[name]}"), name)
    except ModuleNotFoundError as error:
        extra = _LIBRARIES.get(str(error.name))
        if extra is None:
            raise
        raise ImportError(f"dataprep.{name} needs {extra}: pip install 'dataprep-images[{extra}]'") from error


warn_of_namesake()
