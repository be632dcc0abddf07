"""Training, monitors and attacks of all seeds on eight devices and on one: the same numbers."""

import os
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import sys
import jax, numpy as np
from purifyjax.attacks import APGD, FGM, worst_case
from purifyjax.balls import Ball
from purifyjax.training.recipes import feature_purification
from theory_checks.measuring.monitor import Monitor
from theory_checks.measuring.points import fresh_points
from theory_checks.measuring.two_layer import margin_of, parameters, stages
assert jax.device_count() == int(sys.argv[2])
training, tau = feature_purification(dimension=32, sparsity=9, neurons=64, pace=0.1, batch_size=32)
seeds, nets = np.arange(5), {}  # not a multiple of the devices
for stage in stages(training, Monitor(Ball(tau), points=64, steps=2, mixtures=True)):
    nets[stage.name] = stage.train(seeds, nets)
x, y = fresh_points(seeds, 64, training.data, "monitor")
attacks = (FGM(), APGD(steps=5, restarts=2))
found = worst_case(jax.random.key(0), margin_of(64), parameters(nets["robust"]), x, y, Ball(tau), attacks, chunk=32)
named = {f"{net}-{name}": values for net, arrays in nets.items() for name, values in arrays.items()}
np.savez(sys.argv[1], margin=found.margin, standing=found.standing, **named)
"""


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("devices"), []
    for count in (1, 8):
        about = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={count}", "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, "-c", PROGRAM, str(folder / f"{count}.npz"), str(count)]
        done = subprocess.run(command, env=os.environ | about, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found.append(dict(np.load(folder / f"{count}.npz")))
    return found


def test_devices_share_seeds_and_change_nothing(numbers):
    one, eight = numbers
    assert one.keys() == eight.keys() and len(one["standing"]) == 5
    for name, values in one.items():
        np.testing.assert_allclose(eight[name], values, rtol=1e-5, atol=1e-6, err_msg=name)
    assert (one["standing"] == eight["standing"]).all() and len(np.unique(one["margin"], axis=0)) == 5
