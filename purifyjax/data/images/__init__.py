"""Image data sets as arrays: `load(name, directory) -> Images`. Nothing is downloaded."""

from purifyjax.data.images.files import checksum
from purifyjax.data.images.rows import Rows, standardised
from purifyjax.data.images.sets import Images, Name, load

__all__ = ["Images", "Name", "Rows", "checksum", "load", "standardised"]
