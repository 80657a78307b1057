"""What is reached from outside by name alone."""

from . import lowering as lowering
