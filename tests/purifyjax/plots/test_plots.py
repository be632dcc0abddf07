"""What the figures show, read back from their artists."""

import itertools
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from purifyjax.plots import (
    classes,
    cosines,
    dial,
    mechanism,
    neuron,
    perturbation,
    radius_curves,
    style,
    training_curves,
    transfer,
)
from purifyjax.stats import clopper_pearson

RADIUS = 0.14


def robustness():
    rows = []
    for seed in (0, 1):
        for net, share in (("clean", 0.3), ("robust", 0.9)):
            rows.append((seed, net, "none", 0.0, 4000, 4096))
            rows += [
                (seed, net, "worst", factor * RADIUS, int(1000 * share / factor) - 7 * seed, 1024)
                for factor in (1.0, 1.5, 2.0)
            ]
            rows.append((seed, net, "worst", RADIUS, int(4000 * share) - 20 * seed, 4096))
            rows.append((seed, net, "noise", RADIUS, 4096, 4096))
    return pd.DataFrame(rows, columns=["seed", "net", "attack", "radius", "correct", "points"])


def stronger():
    """The same curve, and one a fifth lower that all attacks together give."""
    frame, worst = robustness(), robustness().query("attack == 'worst'")
    weaker = worst.assign(attack="worst-gradient")
    frame.loc[worst.index, "correct"] = (0.8 * worst.correct).astype(int)
    return pd.concat([frame, weaker], ignore_index=True)


def coordinates(size=200, feature=150, seed=0):
    rng = np.random.default_rng(seed)
    clean, robust = rng.normal(0.04, 0.01, size), rng.normal(0, 0.01, size)
    clean[feature], robust[feature] = 1.0, 1.5
    return pd.DataFrame({"coordinate": np.arange(size), "clean": -clean, "robust": -robust})


def neurons(count=50):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "seed": np.repeat([0, 1], count),
            "live_clean": np.tile([True, True, True, False], count // 2),
            "live_robust": np.tile([True, False], count),
            "cos_init_clean": rng.uniform(0.0, 0.3, 2 * count),
            "cos_init_robust": rng.uniform(0.0, 0.12, 2 * count),
            "cos_clean_robust": rng.uniform(0.6, 1.0, 2 * count),
        }
    )


def history():
    step = np.arange(0, 50, 10)
    stages = [("clean", step), ("robust", step + 60)]
    return pd.concat(
        pd.DataFrame(
            {
                "seed": seed,
                "stage": stage,
                "step": steps,
                "loss": 0.7 / (1 + step) + 0.01 * seed,
                "clean_accuracy": 0.9 + 0.02 * seed,
                "robust_accuracy": np.where(step % 20 == 0, 0.5 + 0.1 * seed, np.nan),
            }
        )
        for seed in (0, 1)
        for stage, steps in stages
    )


def certificates():
    rows = [
        (seed, net, method, norm, factor * RADIUS, int(count * (1 + 0.1 * seed) / factor), 500)
        for seed in (0, 1)
        for net, certified in (("clean", 20), ("robust", 200))
        for factor in (0.5, 1.0, 1.25)
        for method, norm, count in (
            ("loose", "l2", certified),
            ("tight", "l2", 1.1 * certified),
            ("x", "linf", 400),
        )
    ]
    return pd.DataFrame(rows, columns=["seed", "net", "method", "norm", "radius", "certified", "points"])


def point(size=60, active=10):
    rng = np.random.default_rng(0)
    code = np.where(np.arange(size) % (size // active) == 0, rng.uniform(0.2, 0.6, size), 0.0)
    values = {"clean": rng.normal(-0.1, 0.02, size), "robust": np.where(code > 0, -0.3, 0.0)}
    return pd.concat(
        pd.DataFrame({"net": net, "coordinate": np.arange(size), "value": value, "code": code})
        for net, value in values.items()
    )


def participations():
    rng = np.random.default_rng(1)
    rows = [
        (s, net, n * rng.uniform(0.5, 2)) for s in (0, 1) for net, n in (("clean", 40), ("robust", 8)) for _ in "x" * 50
    ]
    return pd.DataFrame(rows, columns=["seed", "net", "participation"])


def pairs(seeds=2):
    rows = [
        (net, s, t, correct + s + 2 * t, 256)
        for net, correct in (("clean", 3), ("robust", 250), ("clean to robust", 240))
        for s in range(seeds)
        for t in range(seeds)
    ]
    return pd.DataFrame(rows, columns=["net", "source", "target", "correct", "points"])


def models():
    rows = [
        (seed, family, "model", training, factor * RADIUS, clean, int(clean * max(0.0, 1 - factor * frailty)), 100)
        for seed in (0, 1)
        for family, clean, frailty in (("linear", 100, 1.0), ("polynomial", 60, 0.3), ("ReLU net", 100, 0.0))
        for training in ("clean", "FGM", "exact")
        for factor in (0.0, 0.5, 1.0)
    ]
    columns = ["seed", "family", "model", "training", "radius", "clean", "robust", "points"]
    return pd.DataFrame(rows, columns=columns)


FIGURES = {
    "classes": lambda: classes.figure(models(), RADIUS, bound=0.58, title="Simpler classes"),
    "radius_curves": lambda: radius_curves.figure(robustness(), RADIUS, title="Experiment"),
    "certified": lambda: radius_curves.figure(robustness(), RADIUS, certificates(), title="Experiment"),
    "with and without": lambda: radius_curves.figure(stronger(), RADIUS, certificates(), title="Experiment"),
    "perturbation": lambda: perturbation.figure(point(), participations(), 20, 12, title="Experiment"),
    "dial": lambda: dial.figure(turned(), title="Experiment"),
    "mechanism": lambda: mechanism.figure(operated(), radius=RADIUS, title="Experiment"),
    "transfer": lambda: transfer.figure(pairs(), title="Experiment"),
    "neuron": lambda: neuron.figure(coordinates(), title="Experiment"),
    "cosines": lambda: cosines.figure(neurons(), title="Experiment"),
    "training_curves": lambda: training_curves.figure(history(), radius=RADIUS, title="Experiment"),
}


def panels(figure: Figure) -> list[Any]:
    """The axes, as Any: matplotlib types its artists too widely to read numbers back from them."""
    return list(figure.axes)


def texts(figure):
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]


@pytest.mark.parametrize("name", FIGURES)
def test_saved_as_png_and_svg_the_same_every_time(name, tmp_path):
    png, svg = style.save(FIGURES[name](), tmp_path / "one" / "figure.v1")
    again = style.save(FIGURES[name](), tmp_path / "two" / "figure.v1")
    assert sorted(p.name for p in png.parent.iterdir()) == ["figure.v1.png", "figure.v1.svg"]
    assert png.read_bytes().startswith(b"\x89PNG") and b"<svg" in svg.read_bytes()
    assert [p.read_bytes() for p in (png, svg)] == [p.read_bytes() for p in again]


@pytest.mark.parametrize("name", FIGURES)
def test_no_global_state_is_left(name, tmp_path):
    with mpl.rc_context():
        mpl.rcdefaults()
        before = dict(mpl.rcParams)
        style.save(FIGURES[name](), tmp_path / "figure")
        assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", FIGURES)
def test_text_is_whole_and_does_not_overlap(name):
    figure = FIGURES[name]()
    with style.theme():
        figure.canvas.draw()
    # Ticks place themselves; these are what this package writes.
    written = list(figure.texts)
    for axes in panels(figure):
        written += [
            axes.xaxis.label,
            axes.yaxis.label,
            *(t for t in axes.get_children() if isinstance(t, Text)),
        ]
        written += axes.get_legend().get_texts() if axes.get_legend() else []
    written += [text for legend in figure.legends for text in legend.get_texts()]
    boxes = [(t.get_text(), t.get_window_extent()) for t in written if t.get_text() and t.get_visible()]
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0, text
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)
    # The last panel may be a bar of colours, which has its label at the side.
    assert figure.axes[0].get_ylabel() and (figure.axes[-1].get_xlabel() or figure.axes[-2].get_xlabel())


@pytest.mark.parametrize("draw", [module.figure for module in (neuron, cosines, training_curves)])
def test_missing_columns_are_named(draw):
    with pytest.raises(ValueError, match=r"lacks the columns .*(clean|loss)"):
        draw(pd.DataFrame({"seed": [0]}))


def test_radius_curves_show_mean_and_hull_of_exact_intervals():
    axes = panels(radius_curves.figure(robustness(), RADIUS))[0]
    lines = {line.get_label(): line for line in axes.lines}
    x, y = lines["after adversarial training"].get_data()
    assert x == pytest.approx([0, RADIUS, 1.5 * RADIUS, 2 * RADIUS])
    # At the claim's radius the 4096 points count, not the curve's 1024.
    assert y[1] == pytest.approx((3600 + 3580) / 2 / 4096)
    band = axes.collections[1].get_paths()[0].vertices
    at_radius = band[np.isclose(band[:, 0], RADIUS), 1]
    low, high = clopper_pearson([3600, 3580], 4096)
    assert (at_radius.min(), at_radius.max()) == pytest.approx((low.min(), high.max()))
    marked = [line for line in axes.lines if np.allclose(line.get_xdata(), RADIUS)]
    assert len(marked) == 1 and "0.14" in marked[0].get_label()
    levels = {float(line.get_ydata()[0]) for line in axes.lines if line.get_linestyle() == ":"}
    assert levels == {0.01, 0.99}


def test_radius_curves_show_each_seed_at_the_claims_radius():
    zoom = panels(radius_curves.figure(robustness(), RADIUS))[1]
    bars = [container for container in zoom.containers if len(container.lines[0].get_xdata()) == 2]
    assert len(bars) == 2
    assert bars[1].lines[0].get_ydata() == pytest.approx([3600 / 4096, 3580 / 4096])


def test_radius_curves_show_seeds_that_miss_the_limit():
    frame = robustness()
    frame.loc[(frame["net"] == "clean") & (frame["radius"] == RADIUS), "correct"] = 200
    lower = panels(radius_curves.figure(frame, RADIUS))[2]
    assert lower.get_ylim()[1] > clopper_pearson(200, 4096)[1] > 0.05
    # Far off, the strip keeps its scale.
    lower = panels(radius_curves.figure(robustness(), RADIUS))[2]
    assert lower.get_ylim()[1] == pytest.approx(0.025)


def test_radius_curves_of_nothing():
    empty = robustness().iloc[:0]
    assert any("no measurements" in t.get_text() for t in texts(radius_curves.figure(empty, RADIUS)))


def test_certified_accuracy_is_the_best_methods_mean_over_seeds():
    axes = panels(radius_curves.figure(robustness(), RADIUS, certificates()))[0]
    dashed = {
        line.get_color(): line for line in axes.lines if line.get_linestyle() == "--" and len(line.get_xdata()) == 3
    }
    x, y = dashed[style.ROBUST].get_data()
    assert x == pytest.approx([0.5 * RADIUS, RADIUS, 1.25 * RADIUS])
    assert y[1] == pytest.approx((220 + 242) / 2 / 500)
    # The shade ends where either bound does, and reaches from the certificate to the attack.
    shade = [c.get_paths()[0].vertices for c in axes.collections if c.get_alpha() == 0.1][1]
    assert (shade[:, 0].min(), shade[:, 0].max()) == pytest.approx((0.5 * RADIUS, 1.25 * RADIUS))
    at_radius = shade[np.isclose(shade[:, 0], RADIUS), 1]
    assert (at_radius.min(), at_radius.max()) == pytest.approx((462 / 1000, (3600 + 3580) / 2 / 4096))
    assert any("certified" in t.get_text() for t in axes.get_legend().get_texts())


def test_without_certificates_nothing_changes():
    plain, empty = (radius_curves.figure(robustness(), RADIUS, c) for c in (None, certificates().iloc[:0]))
    other = radius_curves.figure(robustness(), RADIUS, certificates().query("norm == 'linf'"))
    for figure in (empty, other):
        assert [t.get_text() for t in texts(figure)] == [t.get_text() for t in texts(plain)]
        assert [len(axes.lines) for axes in panels(figure)] == [len(axes.lines) for axes in panels(plain)]


def test_the_curve_without_the_strongest_attack_is_drawn_beside_it():
    plain, figure = radius_curves.figure(robustness(), RADIUS), radius_curves.figure(stronger(), RADIUS)
    words = "without attacks on the kinks"
    assert words in [t.get_text() for t in texts(figure)] and words not in [t.get_text() for t in texts(plain)]
    curves = [line for line in panels(figure)[0].lines if line.get_color() == style.ROBUST]
    thin, main = sorted(curves, key=lambda line: line.get_linewidth())
    (whole,) = (line for line in panels(plain)[0].lines if line.get_color() == style.ROBUST)
    np.testing.assert_array_equal(thin.get_xydata(), whole.get_xydata())
    # Nothing is broken at radius 0 by either.
    assert main.get_ydata()[1:] == pytest.approx(0.8 * thin.get_ydata()[1:], abs=1e-3)
    assert main.get_ydata()[0] == thin.get_ydata()[0]


def test_perturbation_sets_the_active_features_apart():
    frame = point()
    figure = perturbation.figure(frame, participations(), 20, 12)
    left, right, robust_left, _, numbers = panels(figure)
    for axes, net in ((left, "clean"), (robust_left, "robust")):
        rows = frame[frame["net"] == net]
        active = rows[rows["code"] > 0].sort_values("code")
        heights = [segment[1][1] for segment in axes.collections[0].get_segments()]
        assert heights == pytest.approx(list(active["value"] / np.linalg.norm(rows["value"])))
    assert len(right.collections[0].get_segments()) == 50
    words = " ".join(t.get_text() for t in texts(figure))
    assert "10 features, 100% of" in words and "50 features, 0% of" in words
    assert [line.get_xdata()[0] for line in numbers.lines] == [20, 12]
    assert [patch.get_data().values.sum() for patch in numbers.patches] == pytest.approx([1, 1])


def test_perturbation_rejects_several_points_and_says_when_there_is_none():
    with pytest.raises(ValueError, match="one point"):
        perturbation.figure(pd.concat([point(), point()]), participations(), 20, 12)
    figure = perturbation.figure(point().assign(value=0.0), participations().iloc[:0], 20, 12)
    words = [t.get_text() for t in texts(figure)]
    assert words.count("no perturbation") == 4 and words.count("no perturbations") == 1


def turned():
    rows = [
        (seed, net, change, c, 1.0, 0.1 * c + 0.02 * seed, 1.0 - 0.05 * c, 0.1 / c, 0.9)
        for seed in (0, 1)
        for net, change in (("clean", "none"), ("clean", "mixture out"), ("robust", "none"), ("robust", "mixture in"))
        for c in (1.0, 2.0, 5.0)
    ]
    quantities = [name for name, _ in dial.PANELS]
    return pd.DataFrame(rows, columns=["seed", "net", "change", "c", *quantities])


def test_dial_has_a_line_a_net_in_every_panel():
    figure = dial.figure(turned())
    assert [axes.get_title(loc="left") for axes in figure.axes] == [words for _, words in dial.PANELS]
    for axes in panels(figure):
        assert [line.get_label() for line in axes.get_lines()] == [words for _, words, _, _ in dial.KINDS]
    np.testing.assert_allclose(panels(figure)[1].get_lines()[0].get_ydata(), [0.11, 0.21, 0.51])


def operated():
    shares = {
        ("clean", "none"): (1.0, 0.01),
        ("clean", "mixture out"): (0.99, 0.6),
        ("robust", "mixture in"): (1.0, 0.02),
        ("robust", "none"): (1.0, 0.99),
        ("clean", "trained on"): (1.0, 0.0),
    }
    rows = [
        (seed, net, change, radius, 1000 * share - 10 * seed * (0 < share < 1), 1000)
        for (net, change), both in shares.items()
        for radius, share in zip((0.0, RADIUS), both, strict=True)
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows, columns=["seed", "net", "change", "radius", "correct", "points"])


def test_mechanism_has_its_cells_and_a_row_for_every_operation():
    cells, rows = mechanism.figure(operated(), radius=RADIUS).axes
    assert [text.get_text() for text in cells.texts] == [
        "0.5% at τ\n(100.0% clean)",
        "59.5% at τ\n(98.5% clean)",
        "1.5% at τ\n(100.0% clean)",
        "98.5% at τ\n(100.0% clean)",
    ]
    names = [label.get_text() for label in rows.get_yticklabels()]
    assert names == [
        "clean net",
        "clean net, mixture out",
        "clean net, trained on",
        "robust net, mixture in",
        "robust net",
    ]
    with pytest.raises(ValueError, match="no rows of the robust net with the change 'mixture in'"):
        mechanism.figure(operated().query("change != 'mixture in'"), radius=RADIUS)


def test_transfer_has_sources_as_rows_and_one_scale():
    figure = transfer.figure(pairs())
    clean, *_, bar = panels(figure)
    assert [t.get_text() for t in clean.texts] == [f"{100 * n / 256:.1f}%" for n in (3, 5, 4, 6)]
    maps = [axes.collections[0] for axes in panels(figure)[:3]]
    assert {m.get_clim() for m in maps} == {(0, 100)}
    assert bar.get_ylabel() == "accuracy in %"
    # Numbers would not fit the cells of many seeds; kinds that are not there are left out.
    many = panels(transfer.figure(pairs(12).query("net == 'clean'")))
    assert len(many) == 2 and not many[0].texts
    with pytest.raises(ValueError, match="no pairs"):
        transfer.figure(pairs().iloc[:0])


def test_neuron_is_oriented_and_its_mixture_annotated():
    frame = coordinates()
    figure = neuron.figure(frame)
    words = " ".join(t.get_text() for t in texts(figure))
    for net in ("clean", "robust"):
        weights = -frame[net].to_numpy() / np.linalg.norm(frame[net])
        others = np.delete(weights, 150)
        assert f"feature 150: {weights[150]:.2f}" in words
        assert f"{others.mean():+.4f} ± " in words
    assert len(figure.axes) == 4


def test_neuron_whose_mixture_follows_the_labels_signs():
    frame = coordinates()
    signs = np.where(np.arange(len(frame)) % 2 == 0, 1, -1)
    mixed = frame.assign(clean=signs * frame["clean"], robust=signs * frame["robust"], label_weight=2.0 * signs)
    assert [t.get_text() for t in texts(neuron.figure(mixed))] == [t.get_text() for t in texts(neuron.figure(frame))]


def test_neuron_rejects_several_neurons():
    with pytest.raises(ValueError, match="one neuron"):
        neuron.figure(pd.concat([coordinates(), coordinates()]))


def test_neuron_without_weights_says_so():
    frame = coordinates().assign(clean=0.0, robust=np.nan)
    assert sum("zero or not finite" in t.get_text() for t in texts(neuron.figure(frame))) == 4


def test_cosines_count_live_neurons_only():
    frame = neurons()
    frame.loc[~frame["live_clean"], "cos_init_clean"] = 0.99
    panel, _, last = panels(cosines.figure(frame))
    heights = {round(bar.get_x(), 3): bar.get_height() for bar in panel.patches if bar.get_width() < 0.03}
    assert sum(heights.values()) == pytest.approx(1)
    assert heights[0.975] == 0
    live = frame[frame["live_clean"] & frame["live_robust"]]
    median = live.groupby("seed")["cos_clean_robust"].median().mean()
    share = live.groupby("seed")["cos_clean_robust"].agg(lambda c: (c >= 0.5**0.5).mean()).mean()
    words = " ".join(t.get_text() for t in last.texts)
    assert f"median {median:.3f}" in words and f"{100 * share:.1f}% are" in words


def test_cosines_mark_the_bounds():
    figure = cosines.figure(neurons())
    marks = [next(x for x in axes.lines if x.get_linestyle() == "--").get_xdata()[0] for axes in panels(figure)]
    assert marks == pytest.approx([0.2, 0.1, 0.5**0.5])


def test_cosines_of_dead_neurons_say_so():
    figure = cosines.figure(neurons().assign(live_robust=False))
    assert sum("no live neurons" in t.get_text() for t in texts(figure)) == 2


def test_training_curves_skip_what_was_not_measured_and_mark_the_switch():
    upper, lower = panels(training_curves.figure(history(), radius=RADIUS))
    assert upper.get_yscale() == "log"
    switch = [line for line in lower.lines if line.get_linestyle() == "--"]
    assert len(switch) == 1 and list(switch[0].get_xdata()) == [50, 50]
    robust = [line for line in lower.lines if line.get_color() == style.ROBUST]
    assert [list(line.get_xdata()) for line in robust] == [[0, 20, 40], [60, 80, 100]]
    assert np.concatenate([line.get_ydata() for line in robust]) == pytest.approx(0.55)
    legend = lower.get_legend()
    assert legend is not None and len(legend.get_texts()) == 2


def test_training_curves_of_one_stage_have_no_switch():
    frame = history()
    upper, _ = panels(training_curves.figure(frame.loc[frame["stage"] == "robust"]))
    assert not [line for line in upper.lines if line.get_linestyle() == "--"]
    assert [t.get_text() for t in upper.texts] == ["adversarial training"]


def test_figures_do_not_need_pyplot():
    assert isinstance(FIGURES["cosines"](), Figure)
    assert plt.get_fignums() == []
