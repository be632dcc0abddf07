"""Tasks that come with the package, see `purifyjax.grids`."""
