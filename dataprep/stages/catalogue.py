"""Every stage of the house by its role, known by name to pipeline files and manifests from here on."""

from dataprep.describe import register
from dataprep.stages.measures.hashing import AverageHash, ColorHash, CropResistantHash, DHash, PHash, Variants, WaveletHash
from dataprep.stages.measures.quality import ChannelSums, Colorfulness, LaplacianVariance, Luminance, LuminanceHistogram, Noise
from dataprep.stages.mixes import CutMix, MixUp
from dataprep.stages.ops.affine import Affine, HorizontalFlip, Rotate, VerticalFlip
from dataprep.stages.ops.albumentations import Albumentations
from dataprep.stages.ops.color import Brightness, ColorJitter, Contrast, Grayscale, Hue, Saturation
from dataprep.stages.ops.effects import Equalize, GaussianBlur, JpegCompression, Posterize, RandomErasing, Sharpness, Solarize
from dataprep.stages.ops.geometry import CenterCrop, Pad, RandomCrop, RandomResizedCrop, Resize
from dataprep.stages.ops.policies import RandAugment, TrivialAugmentWide
from dataprep.stages.ops.values import Normalize, Output
from dataprep.stages.rules.deduplicate import Deduplicate
from dataprep.stages.rules.limits import Readable, Require
from dataprep.stages.rules.outliers import Outliers

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
