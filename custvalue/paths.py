"""Where the files that travel with the package are: in the checkout, or inside the installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shared_folder(name: str) -> Path:
    """Return the folder `sql`, `notebooks` or `sample_data`, wherever the package was installed from."""
    inside = _PACKAGE / "share" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def sample_data() -> Path:
    """Return the folder of the sample shop that ships with the package: a simulated retailer.

    Examples
    --------
    >>> import custvalue as cv
    >>> (cv.sample_data() / "orders.csv.gz").is_file()
    True
    """
    return shared_folder("sample_data")


def shipped_map(name: str) -> Path | None:
    """Return the mapping file that ships under this name, if there is one."""
    file = _PACKAGE / "data" / "maps" / f"{name}.toml"
    return file if file.is_file() else None


def shipped_maps() -> list[str]:
    """Return the names of the mapping files that ship."""
    return sorted(file.stem for file in (_PACKAGE / "data" / "maps").glob("*.toml"))
