"""Arrays and trees of them that are equal by value, do not change, and are hashed once."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.frozen import FrozenArray, FrozenTree, frozen

NUMBERS = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 4.0]], np.float32)


def tree(shift: float = 0.0):
    return {"weight": NUMBERS + np.float32(shift), "layers": [np.arange(3), (np.float32(2.0),)]}


# Equality


@pytest.mark.parametrize(
    "same",
    [NUMBERS.copy(), jnp.asarray(NUMBERS), NUMBERS.tolist(), np.asfortranarray(NUMBERS), NUMBERS.T.copy().T],
    ids=["numpy", "jax", "list", "fortran", "view"],
)
def test_equal_numbers_are_equal_and_hash_alike(same):
    if isinstance(same, list):
        same = np.array(same, np.float32)
    assert FrozenArray(same) == FrozenArray(NUMBERS)
    assert hash(FrozenArray(same)) == hash(FrozenArray(NUMBERS))
    assert len({FrozenArray(same), FrozenArray(NUMBERS)}) == 1


@pytest.mark.parametrize(
    "other",
    [
        NUMBERS.astype(np.float64),
        NUMBERS.reshape(3, 2),
        NUMBERS.ravel(),
        NUMBERS[:1],
        np.nextafter(NUMBERS, np.float32(9.0)),
        NUMBERS.T,
    ],
    ids=["dtype", "shape", "rank", "fewer", "last bit", "transposed"],
)
def test_another_dtype_shape_or_number_is_another_array(other):
    assert FrozenArray(other) != FrozenArray(NUMBERS)
    assert len({FrozenArray(other), FrozenArray(NUMBERS)}) == 2


def test_arrays_of_equal_hash_are_compared_by_their_bytes():
    """Hashes may collide."""
    one, other = FrozenArray([1.0, 2.0]), FrozenArray([1.0, 3.0])
    other._hash = one._hash
    assert hash(one) == hash(other)
    assert one != other


def test_equality_is_of_bytes():
    """NaN is equal to itself, so that records with it are found again; −0 is not 0, since 1/x tells them apart."""
    assert FrozenArray([np.nan, 1.0]) == FrozenArray([np.nan, 1.0])
    assert FrozenArray([0.0]) != FrozenArray([-0.0])
    assert FrozenArray(NUMBERS) != NUMBERS.tolist()
    assert FrozenArray(2.0) == FrozenArray(np.float64(2.0))


def test_trees_are_equal_by_structure_and_leaves():
    assert FrozenTree(tree()) == FrozenTree(tree())
    assert hash(FrozenTree(tree())) == hash(FrozenTree(tree()))
    assert FrozenTree(jax.tree.map(jnp.asarray, {"w": NUMBERS})) == FrozenTree({"w": NUMBERS})
    assert FrozenTree(tree(1.0)) != FrozenTree(tree())
    assert FrozenTree({"w": NUMBERS}) != FrozenTree({"v": NUMBERS})
    assert FrozenTree([NUMBERS]) != FrozenTree((NUMBERS,))
    assert FrozenTree(NUMBERS) != FrozenArray(NUMBERS)
    assert len({FrozenTree(tree()), FrozenTree(tree()), FrozenTree(tree(1.0))}) == 2


# What they hold


def test_numbers_are_kept():
    array = FrozenArray(jnp.asarray(NUMBERS))
    np.testing.assert_array_equal(array.array, NUMBERS)
    assert array.array.dtype == np.float32
    assert array.tolist() == NUMBERS.tolist()
    assert repr(array) == "FrozenArray(shape=(2, 3), dtype=float32)"
    kept = FrozenTree(tree()).tree
    assert jax.tree.structure(kept) == jax.tree.structure(tree())
    jax.tree.map(np.testing.assert_array_equal, kept, tree())


def test_what_is_frozen_stays_as_it_is():
    array = FrozenArray(NUMBERS)
    assert frozen(array) is array
    assert frozen(NUMBERS) == array


def test_frozen_numbers_cannot_be_written():
    array = FrozenArray(NUMBERS).array
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 5.0
    for leaf in jax.tree.leaves(FrozenTree(tree()).tree):
        with pytest.raises(ValueError, match="read-only"):
            leaf[...] = 5.0


def test_later_changes_of_the_source_are_not_seen():
    source = NUMBERS.copy()
    array, whole = FrozenArray(source), FrozenTree({"w": source})
    source += 1.0
    np.testing.assert_array_equal(array.array, NUMBERS)
    np.testing.assert_array_equal(whole.tree["w"], NUMBERS)
    assert array == FrozenArray(NUMBERS) and whole == FrozenTree({"w": NUMBERS})


# In jit


@pytest.mark.parametrize(
    "freeze", [lambda shift: FrozenArray(NUMBERS + np.float32(shift)), lambda s: FrozenTree(tree(s))]
)
def test_equal_static_arguments_share_a_program(freeze):
    traces = 0

    def total(held, x):
        nonlocal traces
        traces += 1
        leaves = [held.array] if isinstance(held, FrozenArray) else jax.tree.leaves(held.tree)
        return x * sum(float(np.sum(leaf)) for leaf in leaves)

    run = jax.jit(total, static_argnums=0)
    first, second, third = (float(run(freeze(shift), 2.0)) for shift in (0.0, 0.0, 1.0))
    assert traces == 2
    assert first == second
    assert third == first + 2.0 * NUMBERS.size
