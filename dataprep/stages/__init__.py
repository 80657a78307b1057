"""What users compose: measures (pixels to columns), rules (the table to drops) and ops (image to image at load time)."""

from dataprep.stages.color import Brightness, Normalize
from dataprep.stages.deduplicate import Deduplicate
from dataprep.stages.describe import register
from dataprep.stages.geometry import CenterCrop, HorizontalFlip, RandomResizedCrop, Resize, Rotate
from dataprep.stages.hashing import AverageHash, ColorHash, CropResistantHash, DHash, Hash, PHash, Variants, WaveletHash
from dataprep.stages.quality import ChannelSums, Colorfulness, LaplacianVariance, Luminance, LuminanceHistogram, Noise
from dataprep.stages.rules import Outliers, Readable, Require

__all__ = [
    "MEASURES",
    "OPS",
    "RULES",
    "AverageHash",
    "Brightness",
    "CenterCrop",
    "ChannelSums",
    "ColorHash",
    "Colorfulness",
    "CropResistantHash",
    "DHash",
    "Deduplicate",
    "Hash",
    "HorizontalFlip",
    "LaplacianVariance",
    "Luminance",
    "LuminanceHistogram",
    "Noise",
    "Normalize",
    "Outliers",
    "PHash",
    "RandomResizedCrop",
    "Readable",
    "Require",
    "Resize",
    "Rotate",
    "Variants",
    "WaveletHash",
    "register",
]

MEASURES = (
    AverageHash,
    ChannelSums,
    ColorHash,
    Colorfulness,
    CropResistantHash,
    DHash,
    LaplacianVariance,
    Luminance,
    LuminanceHistogram,
    Noise,
    PHash,
    Variants,
    WaveletHash,
)
RULES = (Deduplicate, Outliers, Readable, Require)
OPS = (Brightness, CenterCrop, HorizontalFlip, Normalize, RandomResizedCrop, Resize, Rotate)

for _stage in (*MEASURES, *RULES, *OPS):
    register(_stage)
