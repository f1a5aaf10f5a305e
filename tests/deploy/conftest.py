from pathlib import Path

import pytest

from .submitting import Site, site_in


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site whose `rackrisk` only writes down how it is called."""
    return site_in(tmp_path, pretend=True)


@pytest.fixture
def real_site(tmp_path: Path) -> Site:
    """A site with the real `rackrisk`."""
    return site_in(tmp_path, pretend=False)
