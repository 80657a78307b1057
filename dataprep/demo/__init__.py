"""What `dataprep demo` calls: a messy folder of real photographs with the truth beside it, and a manifest's score against it."""

from dataprep.demo.messy import make_messy_folder
from dataprep.demo.score import Row, Score, score
from dataprep.demo.truth import File, Truth

__all__ = ["File", "Row", "Score", "Truth", "make_messy_folder", "score"]
