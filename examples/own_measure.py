"""A measure of your own, the rule that looks at its column, and the checks of both.

python examples/own_measure.py
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

import dataprep as dp
from dataprep.testing import check_measure, check_rule, encoded, photo, write_images


@dp.register
@dataclass(frozen=True)
class ChannelSpread:
    """The column `channel_spread`: the mean distance of a pixel's largest channel from its smallest, 0 for gray.

    Attributes:
        side: The shorter side, in pixels, that the image is reduced to.
    """

    side: int = 64
    channels: ClassVar[int] = 3
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = (pa.field("channel_spread", pa.float32()),)

    def measure(self, image: dp.Image) -> Mapping[str, object]:
        """Returns the spread of (H, W, 3) RGB, 0 to 255."""
        return {"channel_spread": float(np.ptp(image, axis=2).mean())}


COLOURED = dp.Require("channel_spread", least=2, reason="no colour", measure=ChannelSpread())

if __name__ == "__main__":
    check_measure(ChannelSpread())
    check_rule(COLOURED)
    with tempfile.TemporaryDirectory() as folder:
        path = write_images(folder, 5)[0]
        path.with_name("gray.jpg").write_bytes(encoded(photo(7)[:, :, 0]))
        manifest = dp.clean(folder, dp.Pipeline(COLOURED), engine=dp.Local(0))
    print(manifest)
    print(manifest.reasons())
