"""`Output`: where it may stand, and what it refuses."""

import pytest

from dataprep.errors import PipelineError
from dataprep.pipeline import Pipeline
from dataprep.protocols import Op
from dataprep.stages import HorizontalFlip, Normalize, Output, Resize

SQUARE = Resize((8, 8))


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        ((SQUARE, Output(), HorizontalFlip()), "`HorizontalFlip` comes before `Output`"),
        ((SQUARE, Output(), Normalize.imagenet()), "`Normalize` comes before `Output`"),
        ((SQUARE, Output("float16"), Output()), "`Output` comes once"),
        ((SQUARE, Normalize.imagenet(), Output("uint8")), "whose values are not bytes"),
    ],
)
def test_it_is_the_last_op(ops: tuple[Op, ...], message: str) -> None:
    """Nothing follows it, and it makes no bytes of normalised values."""
    with pytest.raises(PipelineError, match=message):
        Pipeline(*ops)


def test_its_names_are_checked() -> None:
    """An unknown type or order is refused with those that there are."""
    with pytest.raises(PipelineError, match="one of 'uint8', 'float16', 'bfloat16', 'float32'"):
        Output("half")
    with pytest.raises(PipelineError, match="one of 'contiguous', 'channels_last'"):
        Output(memory="NHWC")
