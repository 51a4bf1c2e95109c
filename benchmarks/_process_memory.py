"""Resident memory of this process, now and at its highest, in bytes (Linux)."""

import gc
from pathlib import Path

PROCESS = Path("/proc/self")


def available():
    """Whether this system tells."""
    return (PROCESS / "clear_refs").exists()


def resident():
    """Resident bytes after a full garbage collection."""
    gc.collect()
    return _kibibytes("VmRSS") * 1024


def forget_peak():
    """Let the peak count from now on."""
    (PROCESS / "clear_refs").write_text("5")


def peak():
    """Most resident bytes since `forget_peak`."""
    return _kibibytes("VmHWM") * 1024


def _kibibytes(field):
    lines = (PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))
