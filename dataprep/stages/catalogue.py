"""Every stage of the house by its role: importing the modules makes them known by name to pipeline files and manifests."""

from inspect import getmembers, isclass
from typing import Final

from dataprep.describe import STAGES
from dataprep.stages import mixes
from dataprep.stages.measures import hashing, local, quality
from dataprep.stages.ops import affine, albumentations, color, effects, geometry, policies, values
from dataprep.stages.rules import crops, deduplicate, limits, outliers


def _stages(*modules: object) -> tuple[type, ...]:
    """Returns the stages that some modules define, by name."""
    found = {name: stage for module in modules for name, stage in getmembers(module, isclass) if STAGES.get(name) is stage}
    return tuple(stage for _, stage in sorted(found.items()))


MEASURES: Final = _stages(hashing, local, quality)
RULES: Final = _stages(crops, deduplicate, limits, outliers)
OPS: Final = _stages(affine, albumentations, color, effects, geometry, policies, values)
MIXES: Final = _stages(mixes)
