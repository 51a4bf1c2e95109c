"""What a result was measured on: machine, versions, settings."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import skattn

PACKAGES = (
    "tensorflow",
    "keras",
    "scikeras",
    "scikit-learn",
    "numpy",
    "torch",
    "skorch",
    "fasttext-community",
    "joblib",
    "onnxruntime",
)
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "MKL_NUM_THREADS", ONEDNN)
UNITS = {"avx2": "avx2", "avx512f": "avx512", "avx512_bf16": "avx512", "amx_bf16": "amx"}


def stamp():
    """Machine, versions and settings as a JSON-ready dict, without the machine's name."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "skattn": skattn.__version__,
        "packages": {name: _version(name) for name in PACKAGES},
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
    }


def kind_of_machine():
    """Name of the folder for this kind of machine's results: what decides the speed of products.

    The best of the processor's vector units, and the setting of oneDNN where it is not left alone.
    """
    units = [name for flag, name in UNITS.items() if flag in _processor().split()]
    words = {"0": ["no_onednn"], "1": ["onednn"]}.get(os.environ.get(ONEDNN), [])
    return "_".join([*(units[-1:] or [platform.machine()]), *words])


def _version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit():
    """The checkout's commit, with "+" when files differ from it; None outside a checkout."""
    here = Path(__file__).parent
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()


def _processor():
    """The processor's name and the vector units that decide its matrix products."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    facts = {}
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    flags = set(facts.get("flags", "").split()) & set(UNITS)
    return " ".join([facts.get("model name", platform.machine()), *sorted(flags)])


def _memory_gib():
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError):
        return None
