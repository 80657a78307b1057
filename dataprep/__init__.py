"""dataprep: from a pile of images to batches that a model can trust.

    import dataprep as dp

    pipeline = dp.Pipeline(*dp.standard_rules(), dp.RandomResizedCrop(224), dp.HorizontalFlip(), dp.Normalize())
    manifest = dp.clean("photos", pipeline)
    loader = dp.Loader(manifest, batch_size=64, sampler=dp.Sampler(seed=0), backend=dp.Torch(workers=2))

Importing it loads no framework; `Torch`, `Transform` and `ImageDataset` load torch when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dataprep.apply import export, materialize, quarantine, undo
from dataprep.backends.threads import Threads
from dataprep.clean import clean
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
    AverageHash,
    Brightness,
    CenterCrop,
    ChannelSums,
    Colorfulness,
    ColorHash,
    CropResistantHash,
    Deduplicate,
    DHash,
    Hash,
    HorizontalFlip,
    LaplacianVariance,
    Luminance,
    LuminanceHistogram,
    Noise,
    Normalize,
    Outliers,
    PHash,
    RandomResizedCrop,
    Readable,
    Require,
    Resize,
    Rotate,
    Variants,
    WaveletHash,
    register,
)
from dataprep.stages.standard import standard_rules
from dataprep.types import Batch, Drops, Recipe, Spec, Statistics

if TYPE_CHECKING:
    from dataprep.backends.torch import ImageDataset, Torch, Transform

__version__ = "0.1.0"

__all__ = [
    "AverageHash",
    "Batch",
    "Brightness",
    "CenterCrop",
    "ChannelSums",
    "ColorHash",
    "Colorfulness",
    "CropResistantHash",
    "DHash",
    "DataprepError",
    "DecodeError",
    "Deduplicate",
    "Drops",
    "EpochSampler",
    "Folder",
    "Hash",
    "HorizontalFlip",
    "ImageDataset",
    "LaplacianVariance",
    "Loader",
    "LoaderError",
    "LoaderStats",
    "Local",
    "Luminance",
    "LuminanceHistogram",
    "Manifest",
    "ManifestError",
    "Noise",
    "Normalize",
    "Outliers",
    "Overrides",
    "PHash",
    "Part",
    "Pipeline",
    "PipelineError",
    "RandomResizedCrop",
    "Readable",
    "Recipe",
    "Require",
    "Resize",
    "Rotate",
    "Sampler",
    "Several",
    "SourceError",
    "Spec",
    "StateError",
    "Statistics",
    "Threads",
    "Torch",
    "Transform",
    "Variants",
    "WaveletHash",
    "clean",
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

_LAZY = {"ImageDataset": "torch", "Torch": "torch", "Transform": "torch"}
"""Names that load a framework, and the extra that installs it."""


def __getattr__(name: str) -> Any:
    """Imports a name that needs a framework when it is first asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'dataprep' has no attribute {name!r}")
    extra = _LAZY[name]
    try:
        return getattr(import_module(f"dataprep.backends.{extra}"), name)
    except ModuleNotFoundError as error:
        if error.name != extra:
            raise
        raise ImportError(f"dataprep.{name} needs {extra}: pip install 'dataprep-images[{extra}]'") from error


warn_of_namesake()
