"""Every stage of the house by its role, known by name to pipeline files and manifests from here on."""

from dataprep.stages.color import Brightness, ColorJitter, Contrast, Grayscale, Hue, Normalize, Saturation
from dataprep.stages.custom import Albumentations
from dataprep.stages.deduplicate import Deduplicate
from dataprep.stages.describe import register
from dataprep.stages.geometry import CenterCrop, Pad, RandomCrop, RandomResizedCrop, Resize
from dataprep.stages.hashing import AverageHash, ColorHash, CropResistantHash, DHash, PHash, Variants, WaveletHash
from dataprep.stages.mixing import CutMix, MixUp
from dataprep.stages.output import Output
from dataprep.stages.policies import RandAugment, TrivialAugmentWide
from dataprep.stages.quality import ChannelSums, Colorfulness, LaplacianVariance, Luminance, LuminanceHistogram, Noise
from dataprep.stages.rules import Outliers, Readable, Require
from dataprep.stages.tone import Equalize, GaussianBlur, JpegCompression, Posterize, RandomErasing, Sharpness, Solarize
from dataprep.stages.turns import Affine, HorizontalFlip, Rotate, VerticalFlip

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
