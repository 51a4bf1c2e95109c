"""Pictures in scikit-learn's Display form: compute once, draw later."""

from skattn._display_attention import AttentionDisplay
from skattn._display_gates import GateDisplay
from skattn._display_training import TrainingDisplay

__all__ = ["AttentionDisplay", "GateDisplay", "TrainingDisplay"]
