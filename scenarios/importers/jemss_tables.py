"""Tables of JEMSS: several in one CSV file, each with its name above its header."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class NamedTable:
    """A table of a file.

    Parameters
    ----------
    file : str
        Name of the file, for messages.
    name : str
        Name of the table.
    columns : mapping of str to sequence of str
        Its cells by column, from the first row on; those left out are empty.
    """

    file: str
    name: str
    columns: Mapping[str, Sequence[str]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def texts(self, column: str) -> list[str]:
        """Return the cells of a column.

        Parameters
        ----------
        column : str
            Its name.

        Returns
        -------
        list of str
            The cells.

        Raises
        ------
        InputError
            There is no such column.
        """
        if column not in self.columns:
            raise InputError(
                f"table {self.name!r} has no column {column!r}, only: {', '.join(self.columns)}",
                field=self.file,
            )
        return [cell.strip() for cell in self.columns[column]]

    def numbers(self, column: str, *, lowest: float = -np.inf) -> NDArray[np.float64]:
        """Return the numbers of a column.

        Parameters
        ----------
        column : str
            Its name.
        lowest : float
            Least number that makes sense.

        Returns
        -------
        ndarray of float64, shape (rows,)
            The numbers.

        Raises
        ------
        InputError
            There is no such column, or a cell of it is no number or too low.
        """
        texts = self.texts(column)
        values = np.empty(len(texts))
        for row, text in enumerate(texts):
            try:
                values[row] = float(text)
            except ValueError:
                values[row] = np.nan
            if not (np.isfinite(values[row]) and values[row] >= lowest):
                raise InputError(
                    f"table {self.name!r}, row {row + 1}, {column}: {text!r}",
                    field=self.file,
                    fix="give a number" + (f", {lowest:g} or more" if lowest > -np.inf else ""),
                )
        return values

    def indices(self, column: str, below: int) -> NDArray[np.int64]:
        """Return what a column refers to, counted from 0.

        Parameters
        ----------
        column : str
            Its name; its cells count from 1.
        below : int
            How many rows the other table has.

        Returns
        -------
        ndarray of int64, shape (rows,)
            Rows of that table.

        Raises
        ------
        InputError
            A cell refers to no row.
        """
        values = self.numbers(column)
        wrong = np.flatnonzero((values != np.rint(values)) | (values < 1) | (values > below))
        if len(wrong):
            raise InputError(
                f"table {self.name!r}, row {wrong[0] + 1}, {column}: "
                f"{self.texts(column)[wrong[0]]!r} is none of 1 to {below}",
                field=self.file,
            )
        return values.astype(np.int64) - 1


def read_tables(text: str, file: str) -> dict[str, NamedTable]:
    """Read all tables of a file.

    Parameters
    ----------
    text : str
        The file's text.
    file : str
        Its name, for messages.

    Returns
    -------
    dict of str to NamedTable
        By name.

    Raises
    ------
    InputError
        A table has no header or a row is longer than it.
    """
    found: dict[str, NamedTable] = {}
    block: list[list[str]] = []
    for row in [*csv.reader(io.StringIO(text.lstrip("\ufeff"))), []]:
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            block.append(cells)
        elif block:
            table = _table(block, file)
            found[table.name] = table
            block = []
    return found


def _table(block: list[list[str]], file: str) -> NamedTable:
    name = block[0][0]
    if len(block) < 2:
        raise InputError(f"table {name!r} has no header", field=file)
    header = block[1]
    for number, row in enumerate(block[2:], start=1):
        if len(row) > len(header) and any(row[len(header) :]):
            # what stands beyond the header is a remark where the header's last cells are empty
            del row[len(header) :]
        if not row[0]:
            raise InputError(f"table {name!r}, row {number} begins with an empty cell", field=file)
    rows = [row + [""] * (len(header) - len(row)) for row in block[2:]]
    columns = {
        column: [row[place] for row in rows] for place, column in enumerate(header) if column
    }
    return NamedTable(file, name, columns)


def table_of(tables: Mapping[str, NamedTable], name: str, file: str) -> NamedTable:
    """Return a table that a file must have.

    Parameters
    ----------
    tables : mapping of str to NamedTable
        Those of the file.
    name : str
        The table's name.
    file : str
        Name of the file.

    Returns
    -------
    NamedTable
        The table.

    Raises
    ------
    InputError
        It is missing or empty.
    """
    if name not in tables:
        raise InputError(f"there is no table {name!r}, only: {', '.join(tables)}", field=file)
    if len(tables[name]) == 0:
        raise InputError(f"table {name!r} is empty", field=file)
    return tables[name]
