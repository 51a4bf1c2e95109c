"""The soak benchmark in its short form: memory and time stay flat over many fits."""

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/statm")
def test_forty_fits_and_fifteen_hundred_predicts_are_flat(pytestconfig):
    script = pytestconfig.rootpath / "benchmarks" / "soak.py"
    if not script.exists():
        pytest.skip("the benchmarks are not part of a source distribution")
    done = subprocess.run(
        [sys.executable, str(script), "--quick"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
