"""The comparison of sweeps with a loop tells a ratio for every size."""

import re

from benchmarks import sweep_rate


def test_a_ratio_for_every_number_of_seeds(capsys):
    assert sweep_rate.main(["--dimensions", "16", "--cells", "1", "2", "--pace", "0.01"]) == 0
    told = capsys.readouterr().out
    assert len(re.findall(r"d = 16, [12] seeds: [\d.e+]+ cells/s, [\d.]+ times those of a loop", told)) == 2
