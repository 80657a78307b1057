"""Every stage of the house by its role: importing the modules makes them known by name to pipeline files and manifests."""

from types import ModuleType
from typing import Final

from dataprep.describe import STAGES
from dataprep.stages import mixes
from dataprep.stages.measures import hashing, local, miniature, quality
from dataprep.stages.ops import affine, albumentations, color, effects, geometry, policies, torchvision, values  # noqa: F401  torchvision registers
from dataprep.stages.rules import combine, crops, deduplicate, limits, outliers


def _stages(*modules: ModuleType) -> tuple[type, ...]:
    """Returns the stages that some modules define, by name."""
    names = {module.__name__ for module in modules}
    return tuple(stage for _, stage in sorted(STAGES.items()) if stage.__module__ in names)


MEASURES: Final = _stages(hashing, local, miniature, quality)
RULES: Final = _stages(combine, crops, deduplicate, limits, outliers)
OPS: Final = _stages(affine, albumentations, color, effects, geometry, policies, values)
MIXES: Final = _stages(mixes)
