"""CSV inventories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fleetrun.errors import InputError, Problem
from fleetrun.loading.inventory import load_inventory
from fleetrun.model.inventory import Inventory
from fleetrun.model.values import TemplateText

Load = Callable[[str, str], Inventory]
Problems = Callable[[str, str], tuple[Problem, ...]]


def test_a_row_is_a_device(load: Load) -> None:
    """Columns are variables, as text; empty cells are not set; groups are split at `;`."""
    inventory = load(
        "fleet.csv",
        "name,ansible_host,groups,site,ansible_port\n"
        "gw-1,10.0.0.1,gateways;berlin,berlin,2222\n"
        "s-1,,sensors; berlin ;,,\n"
        "\n"
        "# not a device\n"
        "lone,10.0.0.3,,,\n",
    )
    devices = inventory.devices
    assert list(devices) == ["gw-1", "s-1", "lone"]
    assert (
        devices["gw-1"].layers.source
    ) == {"ansible_host": "10.0.0.1", "site": "berlin", "ansible_port": "2222"}
    assert devices["s-1"].layers.source == {}
    assert [
        device.groups for device in devices.values()
    ] == [("berlin", "gateways"), ("berlin", "sensors"), ("ungrouped",)]
    assert inventory.groups["berlin"].devices == ("gw-1", "s-1")


def test_quotes_spaces_and_byte_order_mark(load: Load) -> None:
    """Files of spreadsheets load: BOM, CRLF, quoted cells with commas and line ends."""
    inventory = load(
        "fleet.csv", '\ufeffname, note ,x\r\na , "one, two\nthree ""3""", \r\nb,,1\r\n'
    )
    assert inventory.devices["a"].layers.source == {"note": 'one, two\nthree "3"'}
    mark = inventory.devices["b"].mark
    assert mark is not None
    assert mark.line == 4


def test_cells_with_braces_are_templates(load: Load) -> None:
    """A CSV file is the operator's text."""
    source = load("fleet.csv", "name,a,b\nd,{{ x }},{x}\n").devices["d"].layers.source
    assert (
        isinstance(source["a"], TemplateText), isinstance(source["b"], TemplateText)
    ) == (True, False)


def test_rows_share_equal_text(load: Load) -> None:
    """A value of many rows is one object in memory."""
    inventory = load("fleet.csv", "name,site\n" + "".join(f"d{n},berlin\n" for n in range(50)))
    assert len({id(d.layers.source["site"]) for d in inventory.devices.values()}) == 1
    assert len({id(d.groups) for d in inventory.devices.values()}) == 1


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the header has no column `name`"),
        ("host,groups\na,b\n", 1, "the header has no column `name`"),
        ("name;groups\na;b\n", 1, "the header has no column `name`"),
        ("name,a,a\n", 1, "the column `a` stands twice in the header"),
        ("name,device-type\n", 1, "the column `device-type` cannot be a variable"),
        ("name,\n", 1, "the column `` cannot be a variable"),
        ("# c\nname,x\nd1\n", 3, "the row has 1 cells, the header has 2"),
        ("name,x\nd1,2,3\n", 2, "the row has 3 cells, the header has 2"),
        ("name,x\nd1,2\nd2,2\nd1,3\n", 4, "the device `d1` stands twice: lines 2 and 4"),
        ("name,x\na b,2\n", 2, "`a b` cannot be the name of a device: it holds ` `; allowed are "
         "letters, digits and `. _ - : @`"),
        ("name,x\n,2\n", 2, "`` cannot be the name of a device: it is empty"),
        ("name,groups\nd,a/b\n", 2, "`a/b` cannot be the name of a group: it holds `/`"),
        ('name,x\nd,"a"b\n', 2, "this is not valid CSV: ',' expected after '\"'"),
        ('name,x\nd,"a\n', 2, "this is not valid CSV: unexpected end of data"),
        ("name,x\nd," + "y" * 200_000 + "\n", 2,
         "this is not valid CSV: field larger than field limit (131072)"),
    ],
)
def test_tells_what_is_wrong_and_where(
    text: str, line: int, message: str, problems_of: Problems
) -> None:
    """A mistake gives one problem with its line."""
    problems = problems_of("fleet.csv", text)
    assert [(line, message)] == [(p.mark.line if p.mark else 0, p.message) for p in problems]


def test_advises_on_the_wrong_separator(problems_of: Problems) -> None:
    """A spreadsheet that saves with semicolons is the usual reason."""
    problem = problems_of("fleet.csv", "name;groups\na;b\n")[0]
    assert problem.hint == "separate the columns by commas, not by ';'"


def test_a_device_that_another_source_names_too_is_still_found_twice(tmp_path: Path) -> None:
    """Duplicates are looked for within the file, whatever came before it."""
    (tmp_path / "a.ini").write_text("d1\n")
    (tmp_path / "fleet.csv").write_text("name\nd1\nd1\n")
    with pytest.raises(InputError) as caught:
        load_inventory([f"{tmp_path}/a.ini", f"{tmp_path}/fleet.csv"])
    assert caught.value.kind == "input/duplicate-device"


def test_a_source_may_be_given_twice(load: Load, tmp_path: Path) -> None:
    """The second reading changes nothing."""
    inventory = load("fleet.csv", "name,groups\nd1,a\nd2,b\n")
    again = load_inventory([f"{tmp_path}/fleet.csv", f"{tmp_path}/fleet.csv"])
    assert inventory.devices == again.devices


def test_very_many_problems_are_counted_not_listed(problems_of: Problems) -> None:
    """A file that is wrong in every line does not flood the terminal."""
    problems = problems_of("fleet.csv", "name\n" + "a b\n" * 5000)
    assert len(problems) == 201
    assert problems[-1].kind == "input/too-many-problems"


def test_bad_bytes_have_a_place(tmp_path: Path) -> None:
    """A file that is no UTF-8 is told with line and column."""
    (tmp_path / "fleet.csv").write_bytes(b"name,x\n" + b"d1,a\n" + b"d2,b\xe9r\n")
    with pytest.raises(InputError) as caught:
        load_inventory([f"{tmp_path}/fleet.csv"])
    mark = caught.value.problems[0].mark
    assert mark is not None
    assert (caught.value.kind, mark.line, mark.column) == ("input/encoding", 3, 5)
