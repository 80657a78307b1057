"""The rules that `clean` applies when it is given none, each with its default threshold.

The thresholds are cautious: on ordinary photographs (ImageNet) they drop none. Sharpness 50 catches nine in ten photos
blurred by 1 % of their shorter side (Gaussian sigma) and all blurred by 2 %; unblurred photos begin at 140.
"""

from typing import Any, Literal

from dataprep.columns import BLURRED, TOO_BRIGHT, TOO_DARK, TOO_SMALL, UNIFORM
from dataprep.protocols import Rule
from dataprep.stages.measures.hashing import Invariant
from dataprep.stages.rules.crops import DeduplicateCrops
from dataprep.stages.rules.deduplicate import Deduplicate
from dataprep.stages.rules.limits import Require

MIN_SIDE = 32
"""Pixels: what is smaller holds no more than an icon."""
MIN_BRIGHTNESS = 15.0
"""Mean luminance, 0..255: almost black."""
MAX_BRIGHTNESS = 245.0
"""Mean luminance, 0..255: almost white."""
MIN_CONTRAST = 5.0
"""Gray levels: nearly uniform."""
MIN_SHARPNESS = 50.0
"""Squared gray levels at a shorter side of 128 pixels: blurred at the scale that training sees."""
RADIUS = 10
"""Bits of 64: what may be a near duplicate."""
VERIFY_RADIUS = 80
"""Bits of 256, of a second hash that has to agree."""


def standard_rules(
    *,
    min_side: int | None = MIN_SIDE,
    min_brightness: float | None = MIN_BRIGHTNESS,
    max_brightness: float | None = MAX_BRIGHTNESS,
    min_contrast: float | None = MIN_CONTRAST,
    min_sharpness: float | None = MIN_SHARPNESS,
    duplicates: bool = True,
    radius: int | None = RADIUS,
    verify_radius: int | None = VERIFY_RADIUS,
    invariant: Invariant = "none",
    views: bool = False,
    crops: bool = False,
    protect: tuple[str, ...] = (),
    conflicts: Literal["keep", "drop"] = "keep",
) -> tuple[Rule, ...]:
    """Returns the standard rules, in the order in which they judge.

    Flat and dark images go before the search for duplicates, because hashes of nothing are all alike.

    Args:
        min_side: The least height and width, in pixels; None switches the rule off, as for all that follow.
        min_brightness: The least mean luminance, 0..255.
        max_brightness: The largest mean luminance, 0..255.
        min_contrast: The least standard deviation of the luminance, in gray levels.
        min_sharpness: The least variance of the Laplacian at a shorter side of 128 pixels.
        duplicates: Whether exact copies are dropped.
        radius: The largest Hamming distance of near duplicates, in bits of 64; None leaves exact copies only.
        verify_radius: The largest distance of the second hash, in bits of 256; None does without it.
        invariant: Whether mirrored ("flip") or also turned ("dihedral") copies are looked for.
        views: Whether cropped, framed and slightly turned copies are looked for.
        crops: Whether parts of pictures, and pictures with bars or a caption or in negative, are looked for by local features.
        protect: Splits that must not leak: copies of their images in other splits are dropped.
        conflicts: "drop" for groups of copies whose labels disagree to be dropped whole.
    """
    rules: list[Rule] = []
    if min_side is not None:
        rules += [Require("height", least=min_side, reason=TOO_SMALL), Require("width", least=min_side, reason=TOO_SMALL)]
    if min_brightness is not None:
        rules.append(Require("brightness", least=min_brightness, reason=TOO_DARK))
    if max_brightness is not None:
        rules.append(Require("brightness", most=max_brightness, reason=TOO_BRIGHT))
    if min_contrast is not None:
        rules.append(Require("contrast", least=min_contrast, reason=UNIFORM))
    if min_sharpness is not None:
        rules.append(Require("sharpness", least=min_sharpness, reason=BLURRED))
    if duplicates:
        near: dict[str, Any] = {"by": None} if radius is None else {"radius": radius, "invariant": invariant, "views": views}
        near |= {"verify": None} if verify_radius is None else {"verify_radius": verify_radius}
        rules.append(Deduplicate(**near, protect=protect, conflicts=conflicts))
    if duplicates and crops:
        rules.append(DeduplicateCrops(protect=protect, conflicts=conflicts))
    return tuple(rules)
