"""The papers' claims, each with a measurement and a verdict: `python -m theory_checks.all`."""
