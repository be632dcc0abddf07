"""What the figure of robust optimisation shows, read back from its artists."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from purifyjax.plots import robust_optimisation, style

SEEDS = 3
RADII = {"l1": 2.0, "l2": 0.8, "linf": 0.1}
NETS = tuple(robust_optimisation.NETS)
ATTACKS = tuple(f"{norm} {method}" for method in ("one-step", "PGD") for norm in RADII)


def correct(seed, net, attack, factor):
    """Of 200; 0 for the attack is none."""
    place = 0 if attack is None else 1 + ATTACKS.index(attack)
    return int(190 - 5 * seed - 3 * NETS.index(net) - factor * (30 + 4 * place))


def measured(factors=(0.5, 1.0, 2.0)):
    rows = [(seed, net, "none", 0.0, correct(seed, net, None, 0), 200) for seed in range(SEEDS) for net in NETS]
    rows += [
        (seed, net, attack, factor * RADII[attack.split()[0]], correct(seed, net, attack, factor), 200)
        for seed in range(SEEDS)
        for net in NETS
        for attack in ATTACKS
        for factor in factors
    ]
    return pd.DataFrame(rows, columns=["seed", "net", "attack", "radius", "correct", "points"])


def drawn(table=None, **options) -> Figure:
    return robust_optimisation.figure(measured() if table is None else table, radii=RADII, **options)


def panels(figure: Figure) -> list[Any]:
    """The axes, as Any: matplotlib types its artists too widely to read numbers back from them."""
    return list(figure.axes)


def curves(axes) -> dict[str, Any]:
    return {line.get_label(): line for line in axes.lines if line.get_label() in NETS}


def test_every_panel_shows_its_attack_on_every_net():
    figure = drawn()
    titles = [f"{style.NORMS[a.split()[0]]} attack, {a.split()[1].replace('-', ' ')}" for a in ATTACKS]
    assert [axes.get_title(loc="left") for axes in panels(figure)] == titles
    for axes, attack in zip(panels(figure), ATTACKS, strict=True):
        lines = curves(axes)
        assert tuple(lines) == NETS
        radius = RADII[attack.split()[0]]
        for net, band in zip(NETS, axes.collections, strict=True):
            # Clean accuracy is every attack's at radius 0.
            counts = [[correct(s, net, attack if f else None, f) for s in range(SEEDS)] for f in (0, 0.5, 1, 2)]
            assert lines[net].get_xdata() == pytest.approx(radius * np.array([0, 0.5, 1, 2]))
            assert lines[net].get_ydata() == pytest.approx(np.mean(counts, axis=1) / 200)
            at_end = band.get_paths()[0].vertices
            at_end = at_end[np.isclose(at_end[:, 0], 2 * radius), 1]
            assert (at_end.min(), at_end.max()) == pytest.approx((min(counts[-1]) / 200, max(counts[-1]) / 200))


def test_the_training_radius_is_marked_in_the_panels_of_its_norm():
    for radii, marked in ((RADII, 6), ({"l2": 0.7}, 2), ({}, 0)):
        figure = robust_optimisation.figure(measured(), radii=radii)
        found = 0
        for axes, attack in zip(panels(figure), ATTACKS, strict=True):
            verticals = [line for line in axes.lines if line.get_label() not in NETS]
            assert [line.get_xdata()[0] for line in verticals] == [r for n, r in radii.items() if n in attack.split()]
            found += len(verticals)
        assert found == marked
        (legend,) = figure.legends
        assert ("training radius" in [t.get_text() for t in legend.get_texts()]) == bool(radii)


def test_nets_are_told_apart_by_colour_marker_and_dashes():
    lines = curves(panels(drawn())[0])
    looks = {net: (to_hex(line.get_color()), line.get_marker(), line.is_dashed()) for net, line in lines.items()}
    assert len(set(looks.values())) == len(NETS)
    for norm in RADII:
        (one, shape, solid), (other, same, dashed) = looks[norm], looks[f"{norm} PGD"]
        assert one == other and shape == same and not solid and dashed
    assert len({colour for colour, *_ in looks.values()}) == 4 and looks["baseline"][0] == style.CLEAN


def test_axes_are_shared_where_they_can_be_compared():
    axes = panels(drawn())
    assert len({a.get_ylim() for a in axes}) == 1
    for norm, above, below in zip(RADII, axes[:3], axes[3:], strict=True):
        assert above.get_xlim() == below.get_xlim()
        assert below.get_xlabel() == rf"radius $\varepsilon$ ({style.NORMS[norm]} norm)" and not above.get_xlabel()
    assert [a.get_ylabel() for a in axes] == ["accuracy on test images", "", ""] * 2


def test_what_was_not_measured_is_left_out():
    table = measured()
    figure = drawn(table[~table["attack"].str.contains("PGD") & (table["net"] != "l2")])
    axes = panels(figure)
    assert len(axes) == 3 and all("l2" not in curves(a) for a in axes)
    assert not any("ell_2" in t.get_text() and "PGD" not in t.get_text() for t in figure.legends[0].get_texts())
    first, *_ = panels(drawn(table[table["attack"] != "l1 one-step"]))
    assert [t.get_text() for t in first.texts] == ["not measured"] and not curves(first)
    # A seed that diverged has no counts.
    table.loc[table["seed"] == 2, ["correct", "points"]] = 0
    line = curves(panels(drawn(table))[0])["baseline"]
    expected = np.mean([correct(seed, "baseline", "l1 one-step", 2) for seed in (0, 1)]) / 200
    assert line.get_ydata()[-1] == pytest.approx(expected)
    for nothing in (measured().iloc[:0], measured().assign(correct=0, points=0)):
        assert [t.get_text() for t in panels(drawn(nothing, title="Experiment"))[0].texts] == ["no measurements"]


def test_radius_zero_may_be_measured_with_the_attack_and_the_larger_set_counts():
    table = measured((0.0, 1.0))
    clean = table["attack"] == "none"
    table.loc[clean, ["correct", "points"]] = [300, 400]
    expected = np.mean([correct(seed, "l1", None, 0) for seed in range(SEEDS)]) / 200
    for rows, at_zero in ((table, 0.75), (table[~clean], expected)):
        line = curves(panels(drawn(rows))[0])["l1"]
        assert line.get_xdata() == pytest.approx([0, 2])
        assert line.get_ydata()[0] == pytest.approx(at_zero)


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="lacks the columns attack, points"):
        drawn(measured().drop(columns=["attack", "points"]))


def test_saved_the_same_every_time_and_without_pyplot(tmp_path):
    one, two = (
        style.save(drawn(title="Robust optimisation"), tmp_path / folder / "figure") for folder in ("one", "two")
    )
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert plt.get_fignums() == []


def test_text_is_whole_and_does_not_overlap():
    figure = drawn(title="Robust optimisation")
    with style.theme():
        figure.canvas.draw()
    written = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in panels(figure):
        written += [axes.xaxis.label, axes.yaxis.label, *(t for t in axes.get_children() if isinstance(t, Text))]
    boxes = [(t.get_text(), t.get_window_extent()) for t in written if t.get_text() and t.get_visible()]
    assert len(boxes) == 1 + 8 + 3 + 2 + 6
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)
    # The legend is below every curve.
    legend = figure.legends[0].get_window_extent()
    assert all(legend.y1 < axes.get_window_extent().y0 for axes in panels(figure))
