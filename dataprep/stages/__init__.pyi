"""What users compose, and where it lives."""

from .catalogue import MEASURES, MIXES, OPS, RULES
from .color import Brightness, ColorJitter, Contrast, Grayscale, Hue, Normalize, Saturation
from .custom import Albumentations
from .deduplicate import Deduplicate
from .describe import register
from .geometry import CenterCrop, Pad, RandomCrop, RandomResizedCrop, Resize
from .hashing import AverageHash, ColorHash, CropResistantHash, DHash, Hash, PHash, Variants, WaveletHash
from .mixing import CutMix, MixUp
from .output import Output
from .policies import RandAugment, TrivialAugmentWide
from .quality import ChannelSums, Colorfulness, LaplacianVariance, Luminance, LuminanceHistogram, Noise
from .rules import Outliers, Readable, Require
from .tone import Equalize, GaussianBlur, JpegCompression, Posterize, RandomErasing, Sharpness, Solarize
from .turns import Affine, HorizontalFlip, Rotate, VerticalFlip

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
