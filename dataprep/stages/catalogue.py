"""Every stage of the house by its role: importing the modules makes them known by name to pipeline files and manifests."""

from inspect import getmembers, isclass
from types import ModuleType
from typing import Final

from dataprep.describe import STAGES
from dataprep.stages import mixes
from dataprep.stages.measures import hashing, local, quality
from dataprep.stages.ops import affine, albumentations, color, effects, geometry, policies, values
from dataprep.stages.rules import crops, deduplicate, limits, outliers


def _stages(*modules: ModuleType) -> tuple[type, ...]:
    """Returns the stages that some modules define, not those that they import, by name."""
    found = [stage for module in modules for _, stage in getmembers(module, isclass) if stage.__module__ == module.__name__]
    return tuple(sorted((stage for stage in found if STAGES.get(stage.__name__) is stage), key=lambda stage: stage.__name__))


MEASURES: Final = _stages(hashing, local, quality)
RULES: Final = _stages(crops, deduplicate, limits, outliers)
OPS: Final = _stages(affine, albumentations, color, effects, geometry, policies, values)
MIXES: Final = _stages(mixes)
