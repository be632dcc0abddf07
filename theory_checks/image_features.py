"""Which component of images a network uses: `python -m theory_checks.image_features --dataset digits`.

Splits images into a robust part (few strong axes) and a non-robust part (many weak ones), trains a small convolutional
network cleanly and adversarially, and tells how well it knows test images by either part alone. Exit status: 0 done,
else as of `theory_checks.all`.
"""

from __future__ import annotations

import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from purifyjax.commands.ending import computing, run
from purifyjax.commands.terminal import WIDTH, fold
from purifyjax.errors import require

if TYPE_CHECKING:
    import pandas as pd

# ε for pixels in [0, 1]. On digits nets trained cleanly keep less than a tenth there; the others are customary.
RADII = {"digits": 0.75, "mnist": 2.0, "cifar10": 0.5, "svhn": 0.5}
_WORDS = {
    "clean": "whole image",
    "robust_part": "robust part alone",
    "nonrobust_part": "non-robust part alone",
    "pgd": "whole image, PGD-20",
}
_NETS = {"clean": "standard", "robust": "adversarial"}


@dataclass(frozen=True)
class Options:
    """Follow robust and non-robust components of real images through standard and adversarial training."""

    dataset: str = "digits"
    """digits (comes with scikit-learn), mnist, cifar10 or svhn."""
    data_dir: Path | None = None
    """Folder with the data set's official files; not needed for digits."""
    seeds: str = "8"
    """How many seeds (`4`: 100 to 103), or which ones (`3,5,8`)."""
    radius: float | None = None
    """ℓ2 radius of the adversary, for pixels in [0, 1]; default: 0.75 digits, 2 mnist, 0.5 cifar10 and svhn."""
    threshold: float | None = None
    """Axes whose class amplitude exceeds it are robust; default: where either part holds half of the class energy."""
    steps: int = 424
    """Steps of each training; measured every largest divisor of it up to 50."""
    learning_rate: float = 0.1
    """At the start; it falls to 0 along half a cosine."""
    samples: int = 10_000
    """Training images, at most."""
    points: int = 500
    """Test images, at most."""
    out: Path | None = None
    """Where table and figure go; default: results/image-features-DATASET."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return run(lambda: _main(arguments), kept="no training is kept: run the same command again")


def _main(arguments: list[str] | None) -> int:
    from purifyjax.commands.arguments import parse

    options = parse(Options, arguments, "python -m theory_checks.image_features")
    with computing():
        return follow(options)


def follow(options: Options) -> int:
    """Load, train, measure, write and print; the exit status."""
    from purifyjax.commands.arguments import require_count, require_number
    from purifyjax.commands.seeds import parse_seeds

    require(options.dataset in RADII, "--dataset", options.dataset, f"one of {', '.join(RADII)}")
    radius = RADII[options.dataset] if options.radius is None else options.radius
    require_number("--radius", radius)
    require_number("--learning-rate", options.learning_rate)
    if options.threshold is not None:
        require_number("--threshold", options.threshold)
    for flag, count, least in (
        ("steps", options.steps, 1),
        ("samples", options.samples, 2),
        ("points", options.points, 1),
    ):
        require_count(f"--{flag}", count, least)
    seeds = parse_seeds(options.seeds)

    # Imported late: bad options are then told at once.
    from purifyjax.commands.progress import say
    from purifyjax.commands.terminal import width
    from purifyjax.data.images import load
    from purifyjax.files import write_bytes
    from purifyjax.plots import image_features as plot
    from purifyjax.plots import style
    from theory_checks.measuring.image_features import image_features
    from theory_checks.options import writable

    images = load(options.dataset, options.data_dir)  # pyright: ignore[reportArgumentType]
    out = writable(options.out or Path("results") / f"image-features-{options.dataset}")
    started = time.monotonic()
    found = image_features(
        images,
        seeds=seeds,
        radius=radius,
        threshold=options.threshold,
        steps=options.steps,
        learning_rate=options.learning_rate,
        samples=options.samples,
        points=options.points,
    )
    for name, frame in (("curve", found.curve), ("accuracies", found.accuracies)):
        write_bytes(out / f"{name}.parquet", frame.to_parquet())
    robust, rest = len(found.parts.robust_axes), len(found.parts.nonrobust_axes)
    setting = f"{options.dataset}: {robust} robust and {rest} non-robust axes, threshold {found.parts.threshold:.3g}"
    figure = plot.figure(found.curve, classes=images.classes, title=f"{setting}, ε = {radius:g}")
    style.save(figure, out / "image_features")
    told = f"{setting}; adversary ℓ2, radius {radius:g}; {len(seeds)} seeds"
    print(f"\n{textwrap.fill(told, width())}\n")
    print(table(found.accuracies, width()))
    for net, seed in found.diverged:
        print(f"{_NETS[net]} training of seed {seed} diverged and is left out")
    say(f"{time.monotonic() - started:.0f} s; tables and figure: {out}")
    return 0


def table(accuracies: pd.DataFrame, columns: int = WIDTH) -> str:
    """Accuracies at the end as plain text: the mean over seeds, and the extreme seeds with their 95% intervals.

    Lines that are longer than so many columns are folded.
    """
    lines = [f"{'training':<12} {'measured on':<22} {'mean':>6}  {'lowest seed':<22} {'highest seed':<22}".rstrip()]
    for (net, measure), rows in accuracies.groupby(["net", "measure"], sort=False):
        share = rows["correct"] / rows["points"]
        extremes = [_interval(rows.iloc[int(row)]) for row in (share.argmin(), share.argmax())]
        lines.append(
            f"{_NETS[str(net)]:<12} {_WORDS[str(measure)]:<22} {100 * share.mean():5.1f}%  "
            f"{extremes[0]:<22} {extremes[1]:<22}".rstrip()
        )
    return "\n".join(folded for line in lines for folded in fold(line, columns))


def _interval(row: pd.Series) -> str:
    from purifyjax.stats import clopper_pearson

    correct, points = int(row["correct"]), int(row["points"])
    low, high = clopper_pearson(correct, points)
    return f"{100 * correct / points:5.1f}% [{100 * low:.1f}, {100 * high:.1f}]"


if __name__ == "__main__":
    sys.exit(main())
