"""Images as standardised rows."""

import numpy as np
import pytest

from purifyjax.data.images import Images, standardised
from purifyjax.errors import ConfigError


def images(seed=0, n=40, m=10):
    draw = np.random.default_rng(seed)
    x, held = (draw.uniform(0, 0.5, (count, 4, 3, 2)).astype(np.float32) for count in (n, m))
    return Images(x, np.arange(n) % 5, held, np.arange(m) % 5, 5, "made up")


def test_training_pixels_have_mean_0_and_variance_1_and_images_come_back():
    made = images()
    rows = standardised(made, 1000, 1000)
    assert rows.train_x.shape == (40, 24) and rows.shape == (4, 3, 2) and rows.classes == 5
    assert abs(rows.train_x.mean()) < 1e-5 and abs(rows.train_x.std() - 1) < 1e-5
    np.testing.assert_allclose(rows.pixels(rows.test_x), made.test_x, atol=1e-6)
    np.testing.assert_allclose(rows.test_x[0], (made.test_x[0].ravel() - rows.mean) / rows.std, atol=1e-5)
    assert rows.train_y.tolist() == made.train_y.tolist() and rows.train_y.dtype == np.int32


def test_fewer_images_keep_their_labels_and_are_the_same_at_every_call():
    made = images()
    marked = made._replace(train_x=made.train_x + np.arange(40, dtype=np.float32)[:, None, None, None])
    few = standardised(marked, 7, 3)
    assert few.train_x.shape == (7, 24) and few.test_x.shape == (3, 24)
    which = np.floor(few.pixels(few.train_x).max(axis=(1, 2, 3)) + 1e-3).astype(int)
    np.testing.assert_array_equal(few.train_y, which % 5)
    assert few.digest == standardised(marked, 7, 3).digest


def test_the_digest_tells_data_apart():
    made = images()
    other = made._replace(test_y=np.roll(made.test_y, 1))
    digests = {standardised(some, 40, 10).digest for some in (made, images(seed=1), other)}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("samples", "points", "grey", "says"),
    [(0, 5, False, "samples = 0"), (5, 0, False, "points = 0"), (5, 5, True, "spread of the training pixels")],
)
def test_nothing_to_learn_from_is_refused(samples, points, grey, says):
    made = images()
    made = made._replace(train_x=np.full_like(made.train_x, 0.25)) if grey else made
    with pytest.raises(ConfigError, match=says):
        standardised(made, samples, points)
