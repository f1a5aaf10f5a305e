"""The array type of these modules: always float64, which SciPy's and NumPy's type stubs do not always promise."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
