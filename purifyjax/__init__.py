"""purifyjax: numerical experiments on the theory of adversarial training, in JAX.

Rooms, in the direction of the imports: `data`, `models`, `attacks`, `training`, `analysis`, `sweep`,
`stats`, `plots`. The package `theory_checks` builds on them and states the theorems' claims.
"""

__version__ = "0.1.0"
