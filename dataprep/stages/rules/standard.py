"""The rules that `clean` applies when it is given none, each with its default threshold.

By default a rule knows a spoilt photograph by more than one number, and by what is usual in its set, so that it leaves other
pictures alone: documents are bright, skies full of stars dark, X-rays smooth and digits small by nature. A threshold that is
given is a plain limit.

The thresholds are cautious: on ordinary photographs (ImageNet) they drop none. Sharpness 50 catches nine in ten photos
blurred by 1 % of their shorter side (Gaussian sigma) and all blurred by 2 %; unblurred photos begin at 140.
"""

from collections.abc import Callable
from typing import Any, Final

from dataprep.columns import BLURRED, TOO_BRIGHT, TOO_DARK, TOO_SMALL, UNIFORM
from dataprep.protocols import Rule
from dataprep.stages.measures.hashing import Invariant
from dataprep.stages.rules.combine import AllOf
from dataprep.stages.rules.conflicts import Conflicts
from dataprep.stages.rules.deduplicate import Deduplicate
from dataprep.stages.rules.defaults import (
    AUTO,
    LIGHTS,
    MAX_BRIGHTNESS,
    MIN_BRIGHTNESS,
    MIN_CONTRAST,
    MIN_SHARPNESS,
    MIN_SIDE,
    RADIUS,
    SHADOWS,
    SOFTNESS,
    TONES,
    VERIFY_RADIUS,
    Threshold,
)
from dataprep.stages.rules.limits import Require
from dataprep.stages.rules.outliers import FarBelow

SMALL: Final = tuple(AllOf((Require(side, least=MIN_SIDE), FarBelow(side)), TOO_SMALL) for side in ("height", "width"))
"""An icon among photographs; sets of digits and glyphs are small throughout."""
DARK: Final = AllOf(
    (
        Require("brightness", least=MIN_BRIGHTNESS),
        Require("lightest", least=LIGHTS),
        FarBelow("brightness"),
        FarBelow("lightest", usual=LIGHTS),
    ),
    TOO_DARK,
)
"""A photograph that is too dark; stars, cells and masks have lights, and masks of class numbers are dark throughout."""
BRIGHT: Final = AllOf((Require("brightness", most=MAX_BRIGHTNESS), Require("darkest", most=SHADOWS)), TOO_BRIGHT)
"""A photograph that is too bright; pages, plots, drawings and products on white have dark levels."""
BLANK: Final = AllOf(
    (
        Require("contrast", least=MIN_CONTRAST),
        Require("tonal_range", least=TONES),
        FarBelow("contrast"),
        FarBelow("tonal_range", usual=TONES),
    ),
    UNIFORM,
)
"""A picture of nothing; a sky with few stars has a range of levels, masks of class numbers have little contrast throughout."""
BLUR: Final = AllOf(
    (
        Require("sharpness", least=MIN_SHARPNESS),
        Require("relative_sharpness", least=SOFTNESS),
        FarBelow("sharpness", share=0.5, usual=MIN_SHARPNESS),
    ),
    BLURRED,
)
"""A blurred photograph; smears are faint rather than blurred, woods seen from above smooth, and X-rays smooth throughout."""


def standard_rules(
    *,
    min_side: Threshold = AUTO,
    min_brightness: Threshold = AUTO,
    max_brightness: Threshold = AUTO,
    min_contrast: Threshold = AUTO,
    min_sharpness: Threshold = AUTO,
    duplicates: bool = True,
    radius: int | None = RADIUS,
    verify_radius: int | None = VERIFY_RADIUS,
    invariant: Invariant = "none",
    views: bool = False,
    crops: bool = False,
    protect: tuple[str, ...] = (),
    conflicts: Conflicts = "keep",
    prefer: tuple[str, ...] = (),
) -> tuple[Rule, ...]:
    """Returns the standard rules, in the order in which they judge.

    Flat and dark images go before the search for duplicates, because hashes of nothing are all alike.

    Example:
        >>> strict = dp.Pipeline(*dp.standard_rules(min_side=100, radius=None))
        >>> manifest.judge(strict).reasons()
        {'too small': 13}

    Args:
        min_side: The least height and width, in pixels. A number drops all that is below, None nothing, "auto" what `SMALL` says:
            below 32 and at most a fifth of the median of the set. These three ways are those of the next four, too.
        min_brightness: The least mean luminance, 0..255. "auto" is `DARK`, for photographs: a mean below 15 and no level from 60
            up, both at most a fifth of the set's median, unless most of the set have no level from 60 up.
        max_brightness: The largest mean luminance, 0..255. "auto" is `BRIGHT`, for photographs: a mean above 245 and no level
            down to 215.
        min_contrast: The least standard deviation of the luminance, in gray levels. "auto" is `BLANK`: below 5, and less than 30
            from the darkest level to the lightest, both at most a fifth of the set's median, unless most of the set have less
            than 30.
        min_sharpness: The least variance of the Laplacian at a shorter side of 128 pixels. "auto" is `BLUR`, for photographs:
            below 50, below 0.05 of the squared contrast (10 where it is less), and at most half the set's median, unless most
            of the set are below 50.
        duplicates: Whether exact copies are dropped.
        radius: The largest Hamming distance of near duplicates, in bits of 64; None leaves exact copies only.
        verify_radius: The largest distance of the second hash, in bits of 256; None does without it.
        invariant: Whether mirrored ("flip") or also turned ("dihedral") copies are looked for.
        views: Whether cropped, framed and slightly turned copies are looked for.
        crops: Whether parts of pictures, and pictures with bars or a caption or in negative, are looked for by local features.
        protect: Splits that must not leak: copies of their images in other splits are dropped.
        conflicts: What is kept of a group of copies whose labels disagree: "keep" the best, the best of the "majority", or
            "drop" it whole.
        prefer: Which of several copies to keep first: folders, such as "originals/", and columns, as in `Deduplicate`.
    """
    rules: list[Rule] = [
        *_chosen(min_side, SMALL, lambda least: tuple(Require(side, least, reason=TOO_SMALL) for side in ("height", "width"))),
        *_chosen(min_brightness, (DARK,), lambda least: (Require("brightness", least, reason=TOO_DARK),)),
        *_chosen(max_brightness, (BRIGHT,), lambda most: (Require("brightness", most=most, reason=TOO_BRIGHT),)),
        *_chosen(min_contrast, (BLANK,), lambda least: (Require("contrast", least, reason=UNIFORM),)),
        *_chosen(min_sharpness, (BLUR,), lambda least: (Require("sharpness", least, reason=BLURRED),)),
    ]
    if duplicates:
        near: dict[str, Any] = {"by": None} if radius is None else {"radius": radius, "invariant": invariant, "views": views}
        near |= {"verify": None} if verify_radius is None else {"verify_radius": verify_radius}
        rules.append(Deduplicate(**near, protect=protect, conflicts=conflicts, prefer=prefer))
    if duplicates and crops:
        from dataprep.stages.rules.crops import DeduplicateCrops  # few ask for what it loads

        rules.append(DeduplicateCrops(protect=protect, conflicts=conflicts, prefer=prefer))
    return tuple(rules)


def _chosen(threshold: Threshold, default: tuple[Rule, ...], limits: Callable[[Any], tuple[Rule, ...]]) -> tuple[Rule, ...]:
    """Returns the rules of the house, plain limits in their stead, or none."""
    if threshold is None:
        return ()
    return default if threshold == AUTO else limits(threshold)
