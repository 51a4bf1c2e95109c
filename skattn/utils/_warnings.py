"""Warnings that name the user's own line."""

import sys
import warnings
from pathlib import Path

import sklearn

# Frames of these packages lie between the user's line and the one that warns.
_SKIPPED = (str(Path(__file__).parents[1]), str(Path(sklearn.__file__).parent))


def warn(message):
    """Warn at the innermost line that is neither ours nor scikit-learn's.

    From Python 3.12 on, ``skip_file_prefixes`` of `warnings.warn` does the same.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_SKIPPED):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)
