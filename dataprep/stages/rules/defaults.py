"""The numbers of the standard rules, by themselves: what help shows without loading a rule."""

from typing import Final, Literal, TypeAlias

AUTO: Final = "auto"
"""The default of a threshold."""
Threshold: TypeAlias = float | Literal["auto"] | None
"""A plain limit, "auto" for the rule of the house, or None for no rule."""

MIN_SIDE: Final = 32
"""Pixels: what is smaller holds no more than an icon."""
MIN_BRIGHTNESS: Final = 15.0
"""Mean luminance, 0..255: almost black."""
MAX_BRIGHTNESS: Final = 245.0
"""Mean luminance, 0..255: almost white."""
MIN_CONTRAST: Final = 5.0
"""Gray levels: nearly uniform."""
MIN_SHARPNESS: Final = 50.0
"""Squared gray levels at a shorter side of 128 pixels: blurred at the scale that training sees."""
LIGHTS: Final = 60
"""Gray level: darkened photographs do not reach it, stars and fluorescent cells do."""
SHADOWS: Final = 215
"""Gray level: faded photographs stay above it, ink and pencil do not."""
TONES: Final = 30
"""Gray levels from the darkest to the lightest: nearly uniform pictures have fewer, nearly empty ones more."""
SOFTNESS: Final = 0.05
"""Sharpness over squared contrast: faint and smooth pictures have little sharpness, but no less than their contrast gives."""
RADIUS: Final = 16
"""Bits of 64: what may be a near duplicate."""
VERIFY_RADIUS: Final = 96
"""Bits of 256, of a second hash that has to agree."""
