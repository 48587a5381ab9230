"""Tables: what is read, what is refused, and that every refusal says where the fault is and what to do."""

import csv
import datetime as dt
import errno
import gzip
import io
import json
import re
import sys
import tarfile
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pellucid.errors import MissingExtraError, TableError
from pellucid.extras import require
from pellucid.tables.reading import (
    check_table_file,
    find_column,
    numeric_columns,
    read_table,
    source,
    table_suffix,
    to_frame,
    write_table,
)

pl = pytest.importorskip("polars", reason="tables are read with polars: pip install 'pellucid[tables]'")


def put(folder, content, name="homes.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(function, *arguments, **options):
    with pytest.raises(TableError) as caught:
        function(*arguments, **options)
    return str(caught.value)


# ---- what is read ---------------------------------------------------------------------------------------------------

READ = {
    "plain": ("a,b\n1,x\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
    "no newline at the end": ("a,b\n1,x\n2,y", {"a": [1, 2], "b": ["x", "y"]}),
    "carriage returns": ("a,b\r\n1,x\r\n2,y\r\n", {"a": [1, 2], "b": ["x", "y"]}),
    "mixed line ends": ("a,b\n1,x\r\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
    "byte-order mark": (b'\xef\xbb\xbf"a",b\n1,2\n', {"a": [1], "b": [2]}),
    "semicolons": ("a;b\n1;x,y\n", {"a": [1], "b": ["x,y"]}),
    "semicolons, a comma in a name": ("a;b, c;d\n1;2;3\n", {"a": [1], "b, c": [2], "d": [3]}),
    "quoted semicolon in a name": ('"a;b;c",d\n1,2\n', {"a;b;c": [1], "d": [2]}),
    "tabs": ("a\tb\n1\t2\n", {"a": [1], "b": [2]}),
    "one column": ("a\n1\n2\n", {"a": [1, 2]}),
    "quoted numbers": ('"a","b"\n"1","2.5"\n"2","-3e2"\n', {"a": [1, 2], "b": [2.5, -300.0]}),
    "quoted and empty": ('a,b\n"1",""\n"2","5"\n', {"a": [1, 2], "b": [None, 5]}),
    "empty text is missing": ('a,b\n"",1\nx,2\n,3\n', {"a": [None, "x", None], "b": [1, 2, 3]}),
    "numbers after spaces": ("a, b\n1, 2\n3,  4\n", {"a": [1, 3], " b": [2, 4]}),
    "spaces for a missing number": ("a,b\n1,x\n ,y\n", {"a": [1, None], "b": ["x", "y"]}),
    "plus signs": ("a\n+1\n+2\n", {"a": [1, 2]}),
    "infinity": ("a,b\n1.5,1\ninf,2\n-inf,3\n", {"a": [1.5, np.inf, -np.inf], "b": [1, 2, 3]}),
    "booleans": ("a,b\ntrue,True\nfalse,False\n", {"a": [True, False], "b": [True, False]}),
    "integers beyond 64 bits": ("a\n1\n99999999999999999999\n", {"a": [1.0, 1e20]}),
    "a column with no value": ("a,b\n1,\n2,\n", {"a": [1, 2], "b": [None, None]}),
    "one stray text": ("a\n1\nn/a\n3\n", {"a": ["1", "n/a", "3"]}),
    "text after thousands of numbers": ("a\n" + "1\n" * 5000 + "x\n", {"a": ["1"] * 5000 + ["x"]}),
    "blank lines": ("a,b\n1,2\n\n3,4\n\n  \n", {"a": [1, 3], "b": [2, 4]}),
    "blank lines, carriage returns": ("a,b\r\n1,2\r\n\r\n3,4\r\n\r\n", {"a": [1, 3], "b": [2, 4]}),
    "one column, blank lines": ("a\n1\n\n3\n\n\n", {"a": [1, None, 3]}),
    "line breaks in quotes": ('a,b\n"x\n\ny",1\nz,2\n', {"a": ["x\n\ny", "z"], "b": [1, 2]}),
    "line break in a name": ('"a\nb",c\n1,2\n', {"a\nb": [1], "c": [2]}),
    "quotation marks in a name": ('"a ""b""",c\n1,2\n', {'a "b"': [1], "c": [2]}),
    "carriage return in quotes": ('a,b\n1,"x\r"\n\n2,"\r"\n', {"a": [1, 2], "b": ["x\r", "\r"]}),
    "inches": ('a,b\n5" pipe,2\n6" pipe,3\n7" pipe,4\n', {"a": ['5" pipe', '6" pipe', '7" pipe'], "b": [2, 3, 4]}),
    "inches beside quotes": ('a,b\n5" pipe,"6, or so"\n7,"8"\n', {"a": ['5" pipe', "7"], "b": ["6, or so", "8"]}),
    "inches and a blank line": ('a,b\n5" pipe,1\n\n6" pipe,2\n', {"a": ['5" pipe', '6" pipe'], "b": [1, 2]}),
    "UTF-8": ("straße,b\nMünchen,1\n", {"straße": ["München"], "b": [1]}),
    "Excel's separator": ("sep=;\na;b\n1;x,y\n", {"a": [1], "b": ["x,y"]}),
    "Excel's separator, quoted": (b'\xef\xbb\xbf"sep=|"\r\na,b|c\r\n1|2\r\n', {"a,b": [1], "c": [2]}),
    "Excel's separator, a tab": ("SEP=\t\na,b;c\td\n1\t2\n", {"a,b;c": [1], "d": [2]}),
    "a name like Excel's separator": ("sep=x\n1\n", {"sep=x": [1]}),
    "a separator at every line's end": ("a;b;\n1;2;\n3;;\n", {"a": [1, 3], "b": [2, None]}),
    "separators at every line's end": ("a,b, ,\r\n1,x,,  \r\n\r\n2,y,,\r\n", {"a": [1, 2], "b": ["x", "y"]}),
    "one column and a separator": ("sep=,\na,\n1,\n,\n3,\n", {"a": [1, None, 3]}),
    "spaces in cells and names": (" a ,b\n x, y \nz,\n", {" a ": [" x", "z"], "b": [" y ", None]}),
}


@pytest.mark.parametrize("case", READ)
def test_reads_csv(tmp_path, case):
    content, expected = READ[case]
    path = put(tmp_path, content)
    before = path.read_bytes()
    frame = read_table(path)
    assert frame.to_dict(as_series=False) == expected
    assert path.read_bytes() == before
    for name, values in expected.items():
        kinds = {type(value) for value in values if value is not None} or {str}
        assert {bool: pl.Boolean, int: pl.Int64, float: pl.Float64, str: pl.String}[kinds.pop()] == frame[name].dtype


def test_suffix_decides_and_unknown_suffix_is_looked_into(tmp_path):
    assert read_table(put(tmp_path, "a,b\tc\n1\t2\n", "homes.TSV")).columns == ["a,b", "c"]
    assert read_table(put(tmp_path, "a;b\n1;2\n", "homes.data")).columns == ["a", "b"]
    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "homes.bin")
    assert read_table(str(tmp_path / "homes.bin"))["a"].to_list() == [1, 2]


def test_name_with_wildcards_is_a_plain_file(tmp_path):
    put(tmp_path, "a\n1\n", "homes1.csv")
    assert read_table(put(tmp_path, "a\n2\n", "homes[1].csv"))["a"].to_list() == [2]
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "b1.pq")
    pl.DataFrame({"a": [2]}).write_parquet(tmp_path / "b[1].pq")
    assert read_table(tmp_path / "b[1].pq")["a"].to_list() == [2]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(*[st.text('x1,;" \n\r\té', max_size=6)] * 2), min_size=1, max_size=6),
    # Python 3.11 quotes a lone carriage return only if the line end holds one.
    style=st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_ALL, "\n")]),
    blank=st.booleans(),
)
def test_reads_any_text_that_csv_writes(tmp_path, rows, style, blank):
    assume(not any("\r\r" in text or text.endswith("\r") for row in rows for text in row))  # refused: see below
    path = tmp_path / "text.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=style[0], lineterminator=style[1])
        writer.writerows([("a", "b"), *((f"t{a}", b) for a, b in rows), ("t", "text")])
        file.write("\n" * blank)
    frame = read_table(path)
    assert frame.rows() == [*((f"t{a}", b or None) for a, b in rows), ("t", "text")]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.text('ab1,"\n\r \t', max_size=40))
def test_any_text_is_read_as_csv_reads_it_or_refused(tmp_path, content):
    path = put(tmp_path, "first,second\n" + content)
    try:
        frame = read_table(path)
    except TableError:
        return
    with path.open(newline="", encoding="utf-8") as file:
        _, *rows = [fields for fields in csv.reader(file, strict=True) if len(fields) == 2]
    assert frame.height == len(rows)
    for column, values in zip(frame.get_columns(), zip(*rows, strict=True), strict=True):
        if column.dtype == pl.String:
            assert column.to_list() == [value or None for value in values]
        else:
            assert column.to_list() == [float(value) if value.strip() else None for value in values]


def test_cells_stay_as_they_stand_beside_other_text(tmp_path):
    frame = read_table(put(tmp_path, "a,b\n 1,+1.50\nx ,n/a\n007,\n"))
    assert frame.to_dict(as_series=False) == {"a": [" 1", "x ", "007"], "b": ["+1.50", "n/a", None]}


# ---- what is refused ------------------------------------------------------------------------------------------------

REFUSED = {
    "empty": ("", ["is empty", "expected a table"]),
    "blank": ("\n\n", ["line 1 is blank", "column names"]),
    "only a byte-order mark": (b"\xef\xbb\xbf", ["line 1 is blank"]),
    "header only": ("a,b\n", ["line 1", "no rows"]),
    "header and blank lines": ("a,b\n\n\n", ["no rows"]),
    "short row": ("a,b,c\n1,2,3\n4,5\n", ["line 3", "2 fields", "header has 3", "','", "Give every line 3 fields"]),
    "long row": ("a,b\n1,2\n3,4,5\n", ["line 3", "3 fields", "header has 2", "quotation marks"]),
    "ragged after quoted breaks": ('a,b\n"x\n\ny",2\n"u\nv",1,2\n', ["line 5", "3 fields"]),
    "comment at the end": ("a,b\n1,2\n# exported today\n", ["line 3", "1 field,", "header has 2"]),
    "space before a quotation mark": ('a,b\n1, "x, y"\n', ["line 2", "3 fields"]),
    "NUL": (b"a,b\n1,2\n3,\x004\n", ["line 3, byte 3", "NUL", "save the file again"]),
    "Latin-1": ("a,b\nx,1\nMünchen,2\n".encode("latin-1"), ["line 3, byte 2", "0xfc", "save the file as UTF-8"]),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), ["UTF-16", "save it as UTF-8"]),
    "UTF-16 without its mark": ("a,b\n1,2\n".encode("utf-16-le"), ["line 1", "NUL", "UTF-16"]),
    "open quotation mark": ('a,b\n1,x\n2,"y\n3,z\n', ["line 3", "never closed", "close it"]),
    "very long field": ('a,b\n1,"' + "x\n" * 70_000, ["line 2", "longer than", "never closed"]),
    "text after a closing mark": ('a,b\n"x"y,2\n', ["line 2", "closing quotation mark", "as two"]),
    "old Macintosh": ("a,b\r1,2\r3,4\r", ["line 1", "carriage return", "ordinary line ends"]),
    "line ends converted twice": ("a,b\r\r\n1,x\r\r\n", ["line 1", "two carriage returns", "ordinary line ends"]),
    "carriage return inside": ("a,b\n1,2\nx\ry,4\n", ["line 3", "carriage return"]),
    "duplicate names": ("a,b,a\n1,2,3\n", ["'a' (columns 1, 3)", "rename"]),
    "no header": ("1,0,1\n3,4,5\n", ["'1' (columns 1, 3)", "put a line of names"]),
    "a nameless column": (",a\n0,1\n", ["1 column without a name", "position 1", "index=False"]),
    "nameless columns": ("a, ,\n0,1,2\n", ["2 columns without a name", "position 2, 3"]),
    "names that only spaces tell apart": ("age,b,age \n1,2,3\n", ["'age' and 'age '", "(columns 1, 3)", "rename"]),
    "a value below no name": ("a,b,,\n1,2,,\n3,4,5,\n", ["1 column without a name", "position 3"]),
    "short row below Excel's separator": ("sep=;\na;b\n1;2\n3\n", ["line 4", "1 field,", "header has 2", "';'"]),
    "blank below Excel's separator": ("sep=;\n\na;b\n", ["line 2 is blank"]),
    "only Excel's separator": ("sep=;\n", ["no columns"]),
    "Excel's separator and a header": ("sep=;\na;b\n", ["line 2", "no rows"]),
    "separators alone": (",,\n1,2,3\n", ["line 1 is blank"]),
    "JSON Lines": ('{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', ["JSON Lines", "end in .jsonl"]),
    "a JSON list": ('[\n  {"a": 1}\n]\n', ["one JSON list", "line of its own"]),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ["Excel workbook", "save the sheet as CSV"]),
    "half a zip archive": (b"PK\x03\x04\x00\x00", ["zip archive"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_csv(tmp_path, case):
    content, words = REFUSED[case]
    path = put(tmp_path, content)
    before = path.read_bytes()
    message = refusal(read_table, path)
    assert str(path) in message
    for word in words:
        assert word in message
    assert message.count("\n") <= 1
    assert path.read_bytes() == before


@pytest.mark.parametrize(("member", "kind"), [("xl/workbook.xml", "Excel workbook"), ("homes.csv", "zip archive")])
@pytest.mark.parametrize("name", ["homes.csv", "homes.xlsx", "homes.parquet"])
def test_refuses_archives_under_any_name(tmp_path, name, member, kind):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr(member, "a,b\n1,2\n")
    message = refusal(read_table, tmp_path / name)
    assert f"{name}: this looks like" in message
    assert kind in message


def test_refuses_parquet_that_is_not(tmp_path):
    whole = tmp_path / "whole.parquet"
    pl.DataFrame({"a": list(range(1000)), "b": ["x"] * 1000}).write_parquet(whole)
    content = whole.read_bytes()
    assert "rename it to end in .parquet" in refusal(read_table, put(tmp_path, content, "homes.csv"))
    for length in (4, 8, 100, len(content) - 1):
        message = refusal(read_table, put(tmp_path, content[:length], "cut.parquet"))
        assert "cut.parquet is cut short" in message
        assert "copy it again" in message
    damaged = content[:-12] + b"\xff" * 8 + content[-4:]
    assert "is damaged" in refusal(read_table, put(tmp_path, damaged, "damaged.parquet"))
    message = refusal(read_table, put(tmp_path, "a,b\n1,2\n", "text.pq"))
    assert "text.pq is not a Parquet file" in message
    assert "name it .csv" in message
    pl.DataFrame({"a": []}).write_parquet(tmp_path / "none.parquet")
    assert "none.parquet has column names but no rows" in refusal(read_table, tmp_path / "none.parquet")
    pl.DataFrame({"": [1], "a": [2]}).write_parquet(tmp_path / "nameless.parquet")
    assert "without a name, at position 1" in refusal(read_table, tmp_path / "nameless.parquet")


def test_refuses_what_is_no_file(tmp_path, monkeypatch):
    put(tmp_path, "a\n1\n", "homes.csv")
    assert "is a folder" in refusal(read_table, tmp_path)
    message = refusal(read_table, tmp_path / "Hoems.csv")
    assert f"there is no file {tmp_path / 'Hoems.csv'}; did you mean {tmp_path / 'homes.csv'}?" in message
    assert refusal(read_table, tmp_path / "weather.txt").endswith("weather.txt")
    assert f"the folder {tmp_path / 'dtaa'} does not exist" in refusal(read_table, tmp_path / "dtaa" / "homes.csv")
    if Path("/dev/null").exists():
        assert "not an ordinary file" in refusal(read_table, "/dev/null")

    def forbidden(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)  # a mode would not stop the superuser, who runs tests in containers
    message = refusal(read_table, tmp_path / "homes.csv")
    assert message == f"cannot read {tmp_path / 'homes.csv'}: Permission denied"


# ---- JSON Lines -----------------------------------------------------------------------------------------------------

JSON_LINES = {
    "plain": ('{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n', {"a": [1, 2], "b": ["x", "y"]}),
    "no newline at the end": ('{"a": 1}\n{"a": 2}', {"a": [1, 2]}),
    "another order": ('{"b": 1, "a": 2}\n{"a": 4, "b": 3}\n', {"b": [1, 3], "a": [2, 4]}),
    "keys that come later": (
        '{"a": 1}\n{"b": "x"}\n{"a": 3, "c": true}\n{}\n',
        {"a": [1, None, 3, None], "b": [None, "x", None, None], "c": [None, None, True, None]},
    ),
    "null": ('{"a": null, "b": null}\n{"a": 2.5}\n', {"a": [None, 2.5], "b": [None, None]}),
    "integers among floats": ('{"a": 1}\n{"a": 2.5}\n{"a": 1e3}\n', {"a": [1.0, 2.5, 1000.0]}),
    "64 bits": ('{"a": 9223372036854775807}\n{"a": -9223372036854775808}\n', {"a": [2**63 - 1, -(2**63)]}),
    "beyond 64 bits": ('{"a": 9223372036854775808}\n{"a": 1}\n', {"a": [2.0**63, 1.0]}),
    "beyond floats": (f'{{"a": 1e999}}\n{{"a": -{"1" * 5000}}}\n', {"a": [np.inf, -np.inf]}),
    "infinity as Python writes it": ('{"a": Infinity}\n{"a": 1}\n', {"a": [np.inf, 1.0]}),
    "texts of numbers": ('{"a": "1"}\n{"a": ""}\n{"a": " x "}\n', {"a": ["1", "", " x "]}),
    "true and false": ('{"a": true}\n{"a": false}\n', {"a": [True, False]}),
    "escapes": ('{"\\u00e4": "\\ud83d\\ude00", "b": "x\\ny"}\n', {"ä": ["😀"], "b": ["x\ny"]}),
    "byte-order mark": (b'\xef\xbb\xbf{"a": 1}\r\n', {"a": [1]}),
    "blank lines": ('\n{"a": 1}\n \n{"a": 2}\n\n', {"a": [1, 2]}),
    "line separators in text": ('{"a": "x\u2028y\u0085z"}\n', {"a": ["x\u2028y\u0085z"]}),
}


@pytest.mark.parametrize("name", ["homes.jsonl", "homes.NDJSON", "homes.data"])
@pytest.mark.parametrize("case", JSON_LINES)
def test_reads_json_lines(tmp_path, case, name):
    content, expected = JSON_LINES[case]
    frame = read_table(put(tmp_path, content, name))
    assert frame.to_dict(as_series=False) == expected
    for key, values in expected.items():
        kinds = {type(value) for value in values if value is not None} or {str}
        assert {bool: pl.Boolean, int: pl.Int64, float: pl.Float64, str: pl.String}[kinds.pop()] == frame[key].dtype


KEYS = st.text(min_size=1, max_size=3).filter(lambda key: key == key.strip() and key.isprintable())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), ascii_only=st.booleans())
def test_reads_any_objects_that_json_writes(tmp_path, data, ascii_only):
    kinds = st.sampled_from([st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(), st.booleans()])
    keys = data.draw(st.dictionaries(KEYS, kinds, min_size=1, max_size=3))
    record = st.fixed_dictionaries({}, optional={key: st.none() | values for key, values in keys.items()})
    records = [dict.fromkeys(keys), *data.draw(st.lists(record, max_size=5))]
    lines = (json.dumps(each, ensure_ascii=ascii_only) + "\n" for each in records)
    frame = read_table(put(tmp_path, "".join(lines), "homes.jsonl"))
    assert frame.to_dicts() == [{key: each.get(key) for key in keys} for each in records]


BAD_JSON_LINES = {
    "an object within": ('{"a": 1}\n{"a": 2, "b": {"c": 3}}\n', ["line 2, key 'b'", "an object"]),
    "a list within": ('{"a": [1, 2]}\n', ["line 1, key 'a'", "a list"]),
    "number and text": ('{"a": 1}\n{}\n\n{"a": "x"}\n', ["key 'a'", "number in line 1, text in line 4", "'x'"]),
    "boolean and number": ('{"a": true}\n{"a": 0}\n', ["key 'a'", "true or false in line 1, number in line 2"]),
    "cut short": (
        '{"a": 1}\n{"a": 2, "b\n',
        ["line 2 cannot be read as JSON from character 12 on", "one whole object in each line"],
    ),
    "two in a line": ('{"a": 1} {"a": 2}\n', ["line 1", "from character 10 on"]),
    "an object over many lines": ('{\n  "a": 1\n}\n', ["line 1", "one whole object in each line"]),
    "a list in a line": ('{"a": 1}\n[1]\n', ["line 2: a list, not an object"]),
    "a number in a line": ('{"a": 1}\n5\n', ["line 2: 5, not an object"]),
    "deep": ('{"a": ' + "[" * 200_000 + "\n", ["line 1", "one whole object"]),
    "one list": ('[{"a": 1},\n{"a": 2}]\n', ["one JSON list", "line of its own"]),
    "CSV": ("a,b\n1,2\n", ["line 1", "from character 1 on", "one whole object in each line"]),
    "repeated key": ('{"a": 1, "b": 2, "a": 3}\n', ["line 1: the key 'a' comes twice"]),
    "a nameless key": ('{"": 1}\n', ["without a name"]),
    "keys that only spaces tell apart": ('{"a": 1}\n{"a ": 2}\n', ["'a' and 'a '", "rename"]),
    "half a character": ('{"a": 1}\n{"a": null, "b": "\\ud83d"}\n', ["line 2", "\\ud83d is half a character"]),
    "Latin-1": (b'{"a": "M\xfcnchen"}\n', ["line 1, byte 9", "save the file as UTF-8"]),
    "objects without keys": ("{}\n{}\n", ["no columns"]),
    "blank": (" \n\n", ["no rows", "one JSON object a line"]),
    "empty": ("", ["is empty"]),
    "Parquet": (b"PAR1....", ["rename it to end in .parquet"]),
}


@pytest.mark.parametrize("case", BAD_JSON_LINES)
def test_refuses_json_lines(tmp_path, case):
    content, words = BAD_JSON_LINES[case]
    path = put(tmp_path, content, "homes.jsonl")
    message = refusal(read_table, path)
    assert message.startswith(str(path))
    for word in words:
        assert word in message
    assert "\n" not in message


# ---- gzip -----------------------------------------------------------------------------------------------------------

PACKED = {
    "homes.csv.gz": "a,b\n1,x\n2,y\n",
    "homes.TSV.GZ": "a\tb\n1\tx\n2\ty\n",
    "homes.jsonl.gz": '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
    "homes.ndjson.gz": '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
    "homes.gz": "a;b\n1;x\n2;y\n",
    "homes.csv": "a,b\n1,x\n2,y\n",
    "homes": '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
}


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """Give the folder in which temporary copies are made."""
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("name", PACKED)
def test_reads_gzip(tmp_path, copies, name):
    content = PACKED[name].encode()
    for packed in (gzip.compress(content), gzip.compress(content[:5]) + gzip.compress(content[5:]), content):
        path = put(tmp_path, packed, name)
        check_table_file(path)
        assert read_table(path).to_dict(as_series=False) == {"a": [1, 2], "b": ["x", "y"]}
    assert not list(copies.iterdir())


def test_reads_packed_parquet(tmp_path):
    frame = pl.DataFrame(TABLE)
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    for name in ("homes.parquet.gz", "homes.gz"):
        assert read_table(put(tmp_path, gzip.compress(buffer.getvalue()), name)).equals(frame)


def test_refuses_damaged_gzip(tmp_path, copies):
    numbers = np.random.default_rng(7).integers(0, 1000, size=2000)
    whole = gzip.compress(b"a\n" + b"\n".join(b"%d" % number for number in numbers))
    for length in (2, 9, 100, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        message = refusal(read_table, put(tmp_path, whole[:length], "homes.csv.gz"))
        assert "homes.csv.gz is cut short" in message
        assert "copy it again" in message
    for position in (2, 300, len(whole) - 6, len(whole) - 1):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        message = refusal(read_table, put(tmp_path, bytes(damaged), "homes.csv.gz"))
        assert re.search("homes.csv.gz is (a damaged gzip archive|cut short)", message)
    assert "is a damaged gzip archive" in refusal(read_table, put(tmp_path, whole + b"rubbish", "homes.csv.gz"))
    assert not list(copies.iterdir())


def test_refuses_what_is_wrong_within_gzip(tmp_path, copies):
    message = refusal(read_table, put(tmp_path, gzip.compress(b"a,b\n1\n"), "homes.csv.gz"))
    assert message.startswith(f"{tmp_path / 'homes.csv.gz'}, line 2: 1 field")
    assert "is empty" in refusal(read_table, put(tmp_path, gzip.compress(b""), "homes.csv.gz"))
    twice = gzip.compress(gzip.compress(b"a\n1\n"))
    assert "a gzip archive within a gzip archive" in refusal(read_table, put(tmp_path, twice, "homes.csv.gz"))
    with tarfile.open(tmp_path / "homes.tar.gz", "w:gz") as archive:
        archive.add(put(tmp_path, "a\n1\n"), "homes.csv")
    assert "a tar archive: unpack it" in refusal(read_table, tmp_path / "homes.tar.gz")
    assert not list(copies.iterdir())


def test_refuses_an_archive_that_fills_the_disk(tmp_path, copies, monkeypatch):
    content = b"a\n" + b"0\n" * 500_000
    path = put(tmp_path, gzip.compress(content), "homes.csv.gz")
    assert read_table(path).height == 500_000  # small, however well it packs
    monkeypatch.setattr(source, "UNPACKED_BYTES", 1000)
    message = refusal(read_table, path)
    assert f"{path} unpacks to more than" in message
    assert "200 times its size" in message
    assert "unpack it and give that file" in message
    assert not list(copies.iterdir())
    monkeypatch.setattr(source, "UNPACKED_TIMES", 2000)  # no archive of gzip's is packed that well
    assert read_table(path).height == 500_000


def test_suffix_is_the_one_before_gz():
    assert [table_suffix(Path(name)) for name in ("a.CSV", "a.b.jsonl.GZ", "a.gz", "a", "a.gz.csv", ".gz")] == [
        ".csv",
        ".jsonl",
        "",
        "",
        ".csv",
        "",
    ]


# ---- standard input -------------------------------------------------------------------------------------------------


def pipe(monkeypatch, content, terminal=False):
    stream = io.TextIOWrapper(io.BytesIO(content))
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stdin", stream)


def test_reads_standard_input(monkeypatch, copies, capsys):
    buffer = io.BytesIO()
    pl.DataFrame({"a": [1, 2], "b": ["x", "ü"]}).write_parquet(buffer)
    text = "a;b\n1;x\n2;ü\n".encode()
    lines = ' {"a": 1, "b": "x"}\n{"a": 2, "b": "ü"}\n'.encode()
    for content in (text, lines, buffer.getvalue()):
        for piped in (content, gzip.compress(content)):
            for path in ("-", Path("-")):
                pipe(monkeypatch, piped)
                check_table_file(Path(path))
                assert read_table(path).rows() == [(1, "x"), (2, "ü")]
    assert capsys.readouterr() == ("", "")
    assert not list(copies.iterdir())


def test_a_terminal_is_told_what_is_waited_for(monkeypatch, capsys):
    pipe(monkeypatch, b"a\n1\n", terminal=True)
    assert read_table("-").rows() == [(1,)]
    assert capsys.readouterr().err == "reading the table from standard input; end with Ctrl-D\n"


def test_messages_call_it_standard_input(monkeypatch):
    for content, words in {
        b"": "standard input is empty",
        b"a,b\n1\n": "standard input, line 2: 1 field",
        gzip.compress(b"a,b\n1\n")[:-3]: "standard input is cut short",
        b'{"a": 1}\n5\n': "standard input, line 2: 5, not an object",
        b"PAR1PAR0": "standard input is cut short",
        b"PK\x03\x04": "standard input: this looks like a zip archive",
    }.items():
        pipe(monkeypatch, content)
        assert refusal(read_table, "-").startswith(words)
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal(read_table, "-") == "there is no standard input to read a table from; give a file"

    class Broken(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Broken())))
    assert refusal(read_table, "-") == "cannot read standard input: Input/output error"


# ---- columns --------------------------------------------------------------------------------------------------------


def test_find_column():
    columns = ["Price", " area", "rooms", "price per m2"]
    assert find_column(columns, " area", "homes.csv") == " area"
    message = refusal(find_column, columns, "pricee", Path("homes.csv"), role="target")
    assert message.startswith("there is no column 'pricee' (wanted as target) in homes.csv; did you mean 'Price'?\n")
    assert message.endswith("Columns: 'Price', ' area', 'rooms', 'price per m2'")
    assert "did you mean ' area'?" in refusal(find_column, columns, "AREA", "homes.csv")
    message = refusal(find_column, [f"column{i}" for i in range(30)], "zebra", "homes.csv")
    assert "did you mean" not in message
    assert message.endswith("'column11' and 18 more")


@pytest.fixture(params=["polars", "pandas", "pyarrow"])
def wrap(request):
    library = pytest.importorskip(request.param)
    if request.param == "polars":
        return lambda columns: pl.DataFrame(columns, strict=False)
    return library.DataFrame if request.param == "pandas" else library.table


class TestNumericColumns:
    def test_values(self, wrap):
        frame = wrap(
            {
                "integer": [1, 2**53 + 1],
                "float": [0.1, -1e300],
                "boolean": [True, False],
                "decimal": [Decimal("1.25"), Decimal("-3.50")],
                "text": ["x", "y"],
            }
        )
        matrix = numeric_columns(frame, ["boolean", "integer", "float", "decimal"])
        assert matrix.dtype == np.float64
        assert matrix.flags.c_contiguous
        np.testing.assert_array_equal(matrix, [[1, 1, 0.1, 1.25], [0, 2.0**53, -1e300, -3.5]])
        assert numeric_columns(frame, []).shape == (2, 0)

    def test_text(self, wrap):
        frame = wrap({"age": ["1", "2", "n/a", "4", "n/a"], "size": [1, 2, 3, 4, 5]})
        message = refusal(numeric_columns, frame, ["size", "age"], Path("homes.csv"))
        assert message == (
            "homes.csv: a column cannot be used as numbers:\n"
            "  column 'age', row 3: 'n/a' is not a number (2 of 5 values are not)\n"
            "Correct the table."
        )

    def test_the_remedy_is_the_callers(self, wrap):
        frame = wrap({"age": ["1", "n/a"], "y": [1, 2]})
        assert refusal(numeric_columns, frame, ["age"], remedy="Ask Ann.").endswith("\nAsk Ann.")

    def test_missing(self, wrap):
        frame = wrap({"a": [1, None, 3, None], "b": [True, None, False, True], "c": [None, "x", "2", "3"]})
        message = refusal(numeric_columns, frame, ["a", "b", "c"])
        assert "column 'a', row 2: no value (2 of 4 values are missing)" in message
        assert "column 'b', row 2: no value (1 of 4 values is missing)" in message
        assert "column 'c', row 2: 'x' is not a number (1 of 3 values is not); row 1: no value (1 of 4" in message
        assert message.startswith("the table: 3 columns cannot be used as numbers:")

    def test_not_finite(self, wrap):
        message = refusal(numeric_columns, wrap({"a": [1.0, 2.0, -np.inf, np.inf]}), ["a"])
        assert "column 'a', row 3: -inf is not a finite number (2 of 4 values are not)" in message

    def test_dates_and_lists(self, wrap):
        frame = wrap({"day": [dt.datetime(2024, 5, 1)] * 2, "long": [dt.timedelta(1)] * 2})
        message = refusal(numeric_columns, frame, ["day", "long"])
        assert "column 'day' holds dates or times (Datetime" in message
        assert "column 'long' holds dates or times (Duration" in message

    def test_empty(self, wrap):
        message = refusal(numeric_columns, wrap({"a": [None, None], "b": [1, 2]}), ["a", "b"])
        assert "column 'a' is empty: none of its 2 rows has a value" in message

    def test_absent(self, wrap):
        message = refusal(numeric_columns, wrap({"area": [1]}), ["Area"], "homes.csv")
        assert "no column 'Area' in homes.csv; did you mean 'area'?" in message

    def test_many_are_counted(self, wrap):
        frame = wrap({f"c{i}": ["x"] for i in range(11)})
        message = refusal(numeric_columns, frame, [f"c{i}" for i in range(11)])
        assert "11 columns" in message
        assert "column 'c7'" in message
        assert "'c8'" not in message
        assert "\n  and 3 more columns\nCorrect the table." in message


def test_numeric_columns_of_other_kinds():
    frame = pl.DataFrame(
        {
            "nan": [1.0, float("nan")],
            "text": ["1", "2"],
            "comma": ["1,5", "2"],
            "list": [[1], [2]],
            "class": pl.Series(["1", "2"], dtype=pl.Categorical),
            "long": ["a" * 100, "b"],
            "big": pl.Series([1, 2**100], dtype=pl.Int128),
        }
    )
    message = refusal(numeric_columns, frame, frame.columns)
    assert "column 'nan', row 2: nan is not a finite number (1 of 2 values is not)" in message
    assert "column 'text' holds text (String), though every value is a number; convert it" in message
    assert "column 'comma', row 1: '1,5' is not a number (1 of 2 values is not); decimal comma: write 1.5" in message
    assert "column 'list' holds values of another kind (List(Int64)), not numbers" in message
    assert "column 'class' holds text (Categorical), though" in message
    assert max(map(len, message.splitlines())) < 120
    np.testing.assert_array_equal(numeric_columns(frame, ["big"]), [[1.0], [2.0**100]])


def test_numeric_columns_of_python_objects():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "good": pandas.Series([1, Decimal("2.5"), True], dtype=object),
            "mixed": pandas.Series([1, "x", None], dtype=object),
            "text": pandas.Series([1, "2", 3], dtype=object),
            "huge": pandas.Series([1, 10**400, 3], dtype=object),
            "complex": pandas.Series([1j, 2, 3]),
            "NA": pandas.array([1, None, 3], dtype="Int64"),
        }
    )
    np.testing.assert_array_equal(numeric_columns(frame, ["good"]), [[1.0], [2.5], [1.0]])
    message = refusal(numeric_columns, frame, [name for name in frame.columns if name != "good"])
    assert "column 'mixed', row 2: 'x' is not a number (1 of 2 values is not); row 3: no value" in message
    assert "column 'text' holds text (Object), though every value is a number" in message
    assert "column 'huge', row 2: 1000" in message
    assert "column 'complex' holds values of another kind" in message
    assert "column 'NA', row 2: no value (1 of 3 values is missing)" in message


# ---- frames ---------------------------------------------------------------------------------------------------------


def test_to_frame_takes_what_narwhals_wraps():
    narwhals = pytest.importorskip("narwhals")
    frame = pl.DataFrame({"a": [1]})
    assert to_frame(narwhals.from_native(frame)).to_native() is frame
    assert to_frame(to_frame(frame)).to_native() is frame


@pytest.mark.parametrize("data", [{"a": [1]}, np.ones((2, 2)), [[1]], None, "homes.csv", pl.Series([1])])
def test_to_frame_says_what_it_takes(data):
    with pytest.raises(TypeError, match=f"pandas or polars DataFrame or a pyarrow Table, not {type(data).__name__}"):
        to_frame(data)


def test_to_frame_refuses_lazy_frames():
    narwhals = pytest.importorskip("narwhals")
    lazy = pl.LazyFrame({"a": [1]})
    for data in (lazy, narwhals.from_native(lazy)):
        with pytest.raises(TypeError, match=re.escape("not a LazyFrame; call its .collect() first")):
            to_frame(data)


def test_to_frame_refuses_names_that_cannot_be_asked_for():
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    for frame in (pandas.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]), pyarrow.table([[1], [2]], names=["a", "a"])):
        assert refusal(to_frame, frame) == "the table has more than one column named 'a'; rename them"
    assert "must be text, not 0, 1; rename them" in refusal(to_frame, pandas.DataFrame([[1, 2]]))


# ---- writing --------------------------------------------------------------------------------------------------------

TABLE = {
    "number": [0.1, None, 1e-7, 3.0],
    "integer": [1, 2, -(2**60), None],
    "text": ["x", None, 'a "quoted", word', "line\nbreak\r"],
    "flag": [True, False, None, True],
}


WRITTEN = ["out.csv", "out.tsv", "out.jsonl", "out.ndjson", "out.parquet", "out.PQ"]
WRITTEN += ["out.csv.gz", "out.TSV.gz", "out.jsonl.GZ", "out.ndjson.gz"]


@pytest.mark.parametrize("name", WRITTEN)
def test_written_table_reads_back(tmp_path, name):
    frame = pl.DataFrame(TABLE)
    write_table(frame, tmp_path / name)
    assert read_table(tmp_path / name).equals(frame)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_lone_missing_values_read_back(tmp_path):
    frame = pl.DataFrame({"a": [1, None, 3, None, None]})
    write_table(frame, tmp_path / "out.csv")
    assert read_table(tmp_path / "out.csv").equals(frame)


def test_packed_is_what_would_be_written_unpacked_and_the_same_each_time(tmp_path):
    frame = pl.DataFrame(TABLE)
    for suffix in (".csv", ".tsv", ".jsonl", ".ndjson"):
        for name in ("out", "first", "second"):
            write_table(frame, tmp_path / f"{name}{suffix}{'' if name == 'out' else '.gz'}")
        packed = (tmp_path / f"first{suffix}.gz").read_bytes()
        assert packed == (tmp_path / f"second{suffix}.gz").read_bytes()
        assert packed[3:8] == bytes(5)  # no name and no time
        assert gzip.decompress(packed) == (tmp_path / f"out{suffix}").read_bytes()


def test_json_lines_has_no_nan(tmp_path):
    write_table(pl.DataFrame({"a": [1.0, np.nan, -np.inf], "b": ["x", "", None]}), tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"a": 1.0, "b": "x"}, {"a": None, "b": ""}, {"a": None, "b": None}]


def test_write_to_standard_output(capsys):
    write_table(pl.DataFrame({"a": [1, None], "b": ["x", "y"]}), None)
    assert capsys.readouterr().out == "a,b\n1,x\n,y\n"


def test_closed_standard_output_is_left_to_the_caller(monkeypatch):
    class Closed(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(BrokenPipeError):
        write_table(pl.DataFrame({"a": [1]}), None)


def test_existing_file_stays_unless_told_otherwise(tmp_path):
    path = put(tmp_path, "precious\n")
    path.chmod(0o640)
    assert refusal(write_table, pl.DataFrame({"a": [1]}), path) == f"{path} exists; choose another name or add --force"
    assert path.read_bytes() == b"precious\n"
    write_table(pl.DataFrame({"a": [1]}), path, overwrite=True)
    assert path.read_bytes() == b"a\n1\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_writes_through_a_link(tmp_path):
    path = put(tmp_path, "old\n")
    (tmp_path / "link.csv").symlink_to(path)
    write_table(pl.DataFrame({"a": [1]}), tmp_path / "link.csv", overwrite=True)
    assert (tmp_path / "link.csv").is_symlink()
    assert path.read_bytes() == b"a\n1\n"


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.gz", "out.parquet"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_interruption_leaves_nothing(tmp_path, monkeypatch, name, error):
    path = put(tmp_path, "precious\n", name)

    def interrupted(descriptor):
        raise error

    monkeypatch.setattr("os.fsync", interrupted)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else TableError
    with pytest.raises(expected) as caught:
        write_table(pl.DataFrame({"a": [1]}), path, overwrite=True)
    assert path.read_bytes() == b"precious\n"
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    if expected is TableError:
        assert str(caught.value) == f"cannot write {path}: No space left on device"


def test_refuses_to_write(tmp_path):
    frame = pl.DataFrame({"a": [1]})
    message = refusal(write_table, frame, tmp_path / "out.xlsx")
    assert "out.xlsx: its name must end in .csv, .tsv (text) or .parquet, .pq (Parquet)" in message
    assert ".jsonl, .ndjson (JSON Lines)" in message
    for name in ("out.parquet.gz", "out.gz", "out.json", "out.csv.zip"):
        assert f"{name}: its name must end in" in refusal(write_table, frame, tmp_path / name)
    assert "the folder" in refusal(write_table, frame, tmp_path / "none" / "out.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "folder.csv: it is a folder" in refusal(write_table, frame, tmp_path / "folder.csv", overwrite=True)
    assert "cannot write" in refusal(write_table, pl.DataFrame({"a": [[1]]}), tmp_path / "nested.csv")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.csv"]


# ---- extras ---------------------------------------------------------------------------------------------------------


def test_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(
        MissingExtraError, match=re.escape("reading tables needs polars: pip install 'pellucid[tables]'")
    ):
        read_table(put(tmp_path, "a\n1\n"))
    with pytest.raises(MissingExtraError, match="writing tables needs polars"):
        write_table(None, None)


def test_package_with_a_fault_of_its_own_tells_it(tmp_path, monkeypatch):
    put(tmp_path, "import a_module_it_lacks\n", "faulty_package.py")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_module_it_lacks") as caught:
        require("faulty_package", "tables", purpose="reading tables")
    assert not isinstance(caught.value, MissingExtraError)
