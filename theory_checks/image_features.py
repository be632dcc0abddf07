"""Which component of images a network uses: `python -m theory_checks.image_features --dataset digits`.

Splits images into a robust part (few strong axes) and a non-robust part (many weak ones), trains a small convolutional
network cleanly and adversarially, and tells how well it knows test images by either part alone. Exit status: 0 done,
2 unusable settings.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tyro

from purifyjax.errors import ConfigError, require
from purifyjax.stats import clopper_pearson
from theory_checks.options import writable
from theory_checks.seeds import parse_seeds

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
    options = tyro.cli(Options, args=arguments, prog="python -m theory_checks.image_features")
    try:
        run(options)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted: nothing was written", file=sys.stderr)
        return 130
    return 0


def run(options: Options) -> None:
    """Load, train, measure, write and print."""
    require(options.dataset in RADII, "--dataset", options.dataset, f"one of {', '.join(RADII)}")
    radius = RADII[options.dataset] if options.radius is None else options.radius
    require(radius > 0 and np.isfinite(radius), "--radius", radius, "a positive number")
    seeds = parse_seeds(options.seeds)

    # Imported late: `--help` and bad options then answer at once.
    from purifyjax.data.images import load
    from purifyjax.files import atomic_path
    from purifyjax.plots import image_features as plot
    from purifyjax.plots import style
    from theory_checks.measuring.image_features import image_features

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
        with atomic_path(out / f"{name}.parquet") as temporary:
            frame.to_parquet(temporary)
    robust, rest = len(found.parts.robust_axes), len(found.parts.nonrobust_axes)
    setting = f"{options.dataset}: {robust} robust and {rest} non-robust axes, threshold {found.parts.threshold:.3g}"
    figure = plot.figure(found.curve, classes=images.classes, title=f"{setting}, ε = {radius:g}")
    style.save(figure, out / "image_features")
    print(f"\n{setting}; adversary ℓ2, radius {radius:g}; {len(seeds)} seeds\n")
    print(table(found.accuracies))
    for net, seed in found.diverged:
        print(f"{_NETS[net]} training of seed {seed} diverged and is left out")
    print(f"{time.monotonic() - started:.0f} s; tables and figure: {out}", file=sys.stderr)


def table(accuracies: pd.DataFrame) -> str:
    """Accuracies at the end as plain text: the mean over seeds, and the extreme seeds with their 95% intervals."""
    lines = [f"{'training':<12} {'measured on':<22} {'mean':>6}  {'lowest seed':<22} {'highest seed':<22}".rstrip()]
    for (net, measure), rows in accuracies.groupby(["net", "measure"], sort=False):
        share = rows["correct"] / rows["points"]
        extremes = [_interval(rows.iloc[int(row)]) for row in (share.argmin(), share.argmax())]
        lines.append(
            f"{_NETS[str(net)]:<12} {_WORDS[str(measure)]:<22} {100 * share.mean():5.1f}%  "
            f"{extremes[0]:<22} {extremes[1]:<22}".rstrip()
        )
    return "\n".join(lines)


def _interval(row: pd.Series) -> str:
    correct, points = int(row["correct"]), int(row["points"])
    low, high = clopper_pearson(correct, points)
    return f"{100 * correct / points:5.1f}% [{100 * low:.1f}, {100 * high:.1f}]"


if __name__ == "__main__":
    sys.exit(main())
