"""purifyjax: numerical experiments on the theory of adversarial training, in JAX.

On the ground: `errors`, `files`, `frozen`, `balls`, `margins`, `seeds`, `stats`. Above it, in the direction of the
imports: `data`, `models`, `attacks`, `training`, `analysis`, `sweep`, `plots`. Theorems are checked by the package
`theory_checks`, which builds on them.
"""

__version__ = "0.1.0"
