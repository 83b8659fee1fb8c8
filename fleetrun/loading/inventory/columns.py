"""Variables of very many devices as columns of JSON, and back.

Devices with the same variables in the same order share a shape; a shape has one
column per variable. Of a column with few different texts each is kept once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, overload

from typing_extensions import override

from fleetrun.errors import Mark
from fleetrun.model.values import NO_VARS, SecretText, TemplateText, Value, Vars

#: Kinds of columns: texts and numbers as they are; few different ones; all else.
_PLAIN, _FEW, _MIXED = "plain", "few", "mixed"
_MAX_FEW: Final = 4096


class NotKeptError(Exception):
    """The values hold what must not be kept."""


def pack_values(rows: Sequence[Vars]) -> dict[str, Any]:
    """Returns the variables of all rows as plain JSON. Raises NotKeptError for secrets."""
    shapes: dict[tuple[str, ...], tuple[int, list[Vars]]] = {}
    shape_of = []
    for values in rows:
        index, members = shapes.setdefault(tuple(values), (len(shapes), []))
        members.append(values)
        shape_of.append(index)
    return {
        "shape_of": shape_of,
        "shapes": [
            [list(names), [_column([values[name] for values in members]) for name in names]]
            for names, (_, members) in shapes.items()
        ],
    }


def _column(cells: list[Value]) -> list[Any]:
    if any(type(cell) is not str for cell in cells):
        return [_MIXED, [_packed(cell) for cell in cells]]
    different = {cell: index for index, cell in enumerate(dict.fromkeys(cells))}
    if len(different) <= min(_MAX_FEW, len(cells) // 2):
        return [_FEW, list(different), [different[cell] for cell in cells]]
    return [_PLAIN, cells]


def _packed(value: Value) -> Any:
    """A value as JSON; what JSON has no word for in an object of one key."""
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, TemplateText):
        mark = value.mark
        place = [mark.file, mark.line, mark.column, mark.length] if mark else None
        return {"$template": [str(value), place]}
    if isinstance(value, Mapping):
        return {"$map": [[name, _packed(item)] for name, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_packed(item) for item in value]
    what = "a secret" if isinstance(value, SecretText) else type(value).__name__
    raise NotKeptError(what)


def _unpacked(value: Any) -> Value:
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]  # plain JSON
    if "$map" in value:
        return {name: _unpacked(item) for name, item in value["$map"]}
    text, place = value["$template"]
    mark = None
    if place is not None:
        file, line, column, length = place
        mark = Mark(file=file, line=line, column=column, length=length)
    return TemplateText(text, mark)


def unpack_values(packed: Mapping[str, Any], count: int) -> Sequence[Vars]:
    """Returns the variables of all rows, each made when it is asked for.

    Raises ValueError, KeyError or TypeError for what `pack_values` did not write.
    """
    return _Rows(packed, count)


class _Rows(Sequence[Vars]):
    """The rows of packed variables."""

    def __init__(self, packed: Mapping[str, Any], count: int) -> None:
        self._shape_of: list[int] = packed["shape_of"]
        if len(self._shape_of) != count:
            raise ValueError("there are not as many rows as names")
        self._names = [tuple(names) for names, _ in packed["shapes"]]
        self._columns = [[_cells(*column) for column in columns]
                         for _, columns in packed["shapes"]]
        self._row_in_shape = self._places(len(self._names))

    def _places(self, shapes: int) -> list[int]:
        """Of each row its place in its shape's columns."""
        if shapes == 1:
            return list(range(len(self._shape_of)))
        counts = [0] * shapes
        places = []
        for shape in self._shape_of:
            places.append(counts[shape])
            counts[shape] += 1
        return places

    @overload
    def __getitem__(self, row: int) -> Vars: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Vars]: ...

    @override
    def __getitem__(self, row: int | slice) -> Vars | Sequence[Vars]:
        if isinstance(row, slice):
            return [self[index] for index in range(*row.indices(len(self)))]
        shape, at = self._shape_of[row], self._row_in_shape[row]
        names = self._names[shape]
        if not names:
            return NO_VARS
        cells = [column[at] for column in self._columns[shape]]
        return dict(zip(names, cells, strict=True))

    @override
    def __len__(self) -> int:
        return len(self._shape_of)


def _cells(kind: str, *parts: list[Any]) -> Sequence[Value]:
    if kind == _FEW:
        return _Few(*parts)
    return [_unpacked(cell) for cell in parts[0]] if kind == _MIXED else parts[0]


class _Few(Sequence[Value]):
    """A column of few different texts."""

    def __init__(self, texts: list[str], indices: list[int]) -> None:
        self._texts = texts
        self._indices = indices

    @overload
    def __getitem__(self, row: int) -> Value: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Value]: ...

    @override
    def __getitem__(self, row: int | slice) -> Any:
        if isinstance(row, slice):
            return [self._texts[index] for index in self._indices[row]]
        return self._texts[self._indices[row]]

    @override
    def __iter__(self) -> Iterator[Value]:
        return map(self._texts.__getitem__, self._indices)

    @override
    def __len__(self) -> int:
        return len(self._indices)
