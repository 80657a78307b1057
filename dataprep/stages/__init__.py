"""What users compose: measures (pixels to columns), rules (table to drops), ops (image to image) and mixes (batch to batch)."""

from dataprep.stages.color import Brightness, ColorJitter, Contrast, Grayscale, Hue, Normalize, Saturation
from dataprep.stages.custom import Albumentations
from dataprep.stages.deduplicate import Deduplicate
from dataprep.stages.describe import register
from dataprep.stages.geometry import CenterCrop, Pad, RandomCrop, RandomResizedCrop, Resize
from dataprep.stages.hashing import AverageHash, ColorHash, CropResistantHash, DHash, Hash, PHash, Variants, WaveletHash
from dataprep.stages.mixing import CutMix, MixUp
from dataprep.stages.output import Output
from dataprep.stages.policies import RandAugment, TrivialAugmentWide
from dataprep.stages.quality import ChannelSums, Colorfulness, LaplacianVariance, Luminance, LuminanceHistogram, Noise
from dataprep.stages.rules import Outliers, Readable, Require
from dataprep.stages.tone import Equalize, GaussianBlur, JpegCompression, Posterize, RandomErasing, Sharpness, Solarize
from dataprep.stages.turns import Affine, HorizontalFlip, Rotate, VerticalFlip

__all__ = [
    "MEASURES",
    "MIXES",
    "OPS",
    "RULES",
    "Affine",
    "Albumentations",
    "AverageHash",
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
    "Deduplicate",
    "Equalize",
    "GaussianBlur",
    "Grayscale",
    "Hash",
    "HorizontalFlip",
    "Hue",
    "JpegCompression",
    "LaplacianVariance",
    "Luminance",
    "LuminanceHistogram",
    "MixUp",
    "Noise",
    "Normalize",
    "Outliers",
    "Output",
    "PHash",
    "Pad",
    "Posterize",
    "RandAugment",
    "RandomCrop",
    "RandomErasing",
    "RandomResizedCrop",
    "Readable",
    "Require",
    "Resize",
    "Rotate",
    "Saturation",
    "Sharpness",
    "Solarize",
    "TrivialAugmentWide",
    "Variants",
    "VerticalFlip",
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
OPS = (
    Affine,
    Albumentations,
    Brightness,
    CenterCrop,
    ColorJitter,
    Contrast,
    Equalize,
    GaussianBlur,
    Grayscale,
    HorizontalFlip,
    Hue,
    JpegCompression,
    Normalize,
    Output,
    Pad,
    Posterize,
    RandAugment,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Resize,
    Rotate,
    Saturation,
    Sharpness,
    Solarize,
    TrivialAugmentWide,
    VerticalFlip,
)
MIXES = (CutMix, MixUp)

for _stage in (*MEASURES, *RULES, *OPS, *MIXES):
    register(_stage)
