"""Tables as people have them: whoever reads one takes the same forms, and refuses the others in a sentence."""

import datetime as dt
import sys
import zipfile

import openpyxl
import pytest
import xlsxwriter

import k2rel
from k2rel.cables import read_cables
from k2rel.design.costs import read_costs
from k2rel.errors import InputError
from k2rel.field import read_field, read_takeovers, read_times
from k2rel.rates import read_rates
from k2rel.sheets import workbook

CABLED = {"cam-*": "client", "sw-*": "gige_switch", "nas": "server"}
READERS = {
    "a field log": (
        "model,failures,drive_days\nA,3,1000.5\n\nB,2,2000\n",
        lambda path: [(one.name, one.failures, one.hours) for one in read_field(path).exposures],
        [("A", 3, 24 * 1000.5), ("B", 2, 24 * 2000.0)],
    ),
    "rates": (
        "id,component_types,lambda_per_h,mttr_4h_contract_h\nmine,psu,4e-6,6.5\n",
        lambda path: [(row.id, row.rate_per_h, dict(row.mttr_h)) for row in read_rates(path).rows.values()],
        [("mine", 4e-6, {"4h": 6.5})],
    ),
    "prices": (
        "kind,what,cost [EUR]\nstock,*,400.5\n\nduplicate,psu,1000\n",
        lambda path: dict(read_costs(path).prices),
        {("stock", "*"): 400.5, ("duplicate", "psu"): 1000.0},
    ),
    "takeovers": (
        "role,tried,succeeded\nfile_system,3,2\n",
        lambda path: [(one.role, one.tried, one.succeeded) for one in read_takeovers(path)],
        [("file_system", 3, 2)],
    ),
    "repairs": (
        "type,time\npsu,4.5 h\npsu,30 min\n",
        lambda path: [(one.name, one.count, one.total_h) for one in read_times(path, "type")],
        [("psu", 2, 5.0)],
    ),
    "cables": (
        "From,To\ncam-1,sw-1\nsw-1,nas\n",
        lambda path: list(read_cables(path, types=CABLED).devices),
        ["cam-1", "sw-1", "nas"],
    ),
}


def parted(text, mark):
    return text.replace(",", mark).replace(".", ",")


def sheet(path, text):
    book = openpyxl.Workbook()
    for line in text.splitlines():
        cells = [float(cell) if cell.replace(".", "", 1).isdigit() else cell for cell in line.split(",")]
        book.active.append(cells)
    book.save(path)


FORMS = {
    "as it is": str.encode,
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "lines of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "lines of an old Mac": lambda text: text.replace("\n", "\r").encode(),
    "lines of both": lambda text: text.replace("\n", "\r\n", 1).encode(),
    "semicolons": lambda text: parted(text, ";").encode(),
    "sep=;": lambda text: ("sep=;\n" + parted(text, ";")).encode(),
    "sep=; in capitals, quoted": lambda text: ('"SEP=;"\r\n' + parted(text, ";")).encode(),
    "sep= a tab": lambda text: ("sep=\t\n" + parted(text, "\t")).encode(),
    "bars": lambda text: parted(text, "|").encode(),
    "separators at the end": lambda text: text.replace("\n\n", "\n,,\n").replace("\n", ",,\n").encode(),
    "rows of separators": lambda text: (text + ",,,,\n,,,,\n").encode(),
    "blank lines above": lambda text: ("\n\n" + text).encode(),
    "a mark of direction in a title": lambda text: text.replace("\n", "\u202e\n", 1).encode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_takes_every_form(tmp_path, reader, form) -> None:
    text, read, expected = READERS[reader]
    path = tmp_path / "table.csv"
    path.write_bytes(FORMS[form](text))
    assert read(path) == expected


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_takes_a_workbook(tmp_path, reader) -> None:
    text, read, expected = READERS[reader]
    sheet(tmp_path / "table.xlsx", text)
    assert read(tmp_path / "table.xlsx") == expected


REFUSED = {
    "Latin-1 in the titles": (lambda text: "é".encode("latin-1") + text.encode(), ":1: is not UTF-8 text"),
    "Latin-1 in a row": (lambda text: text.encode() + "é\n".encode("latin-1"), "is not UTF-8 text; save it as 'CSV UTF-8'"),
    "zero bytes": (lambda text: text.replace("\n", "\0\n", 1).encode(), ":1: is not text: it contains zero bytes"),
    "UTF-16 without a mark": (lambda text: text.encode("utf-16-le"), "is not text"),
    "nothing": (lambda text: b"", "is empty"),
    "blank lines": (lambda text: b"\n \n\n", "is empty"),
    "a hint alone": (lambda text: b"sep=;\n", "is empty"),
    "an open quote in the titles": (lambda text: b'"' + text.encode(), ":1: a quotation mark in the row of titles"),
    "an open quote": (lambda text: text[:-1].encode() + b'\n"x,' + text.encode(), "a quotation mark is opened here"),
    "a title twice": (lambda text: f"{text.split(',')[0]},{text}".encode(), "there are two columns"),
    "an old workbook": (lambda text: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "(.xls), or has a password; save its sheet as .xlsx"),
    "what is packed": (lambda text: b"\x1f\x8b\x08\x00", "is compressed; unpack it first"),
    "a page": (lambda text: b"<html><table>", "is a page (HTML or XML)"),
    "a zip cut short": (lambda text: b"PK\x03\x04" + text.encode(), "is the file complete? Else save its sheet as CSV"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", REFUSED)
@pytest.mark.parametrize("reader", [name for name in READERS if name != "cables"])
def test_every_reader_refuses_what_is_no_table(tmp_path, reader, wrong) -> None:
    text, read, _ = READERS[reader]
    make, said = REFUSED[wrong]
    (tmp_path / "table.csv").write_bytes(make(text))
    with pytest.raises(InputError) as caught:
        read(tmp_path / "table.csv")
    assert said in str(caught.value)


def test_lists_of_cables_refuse_other_files_with_the_same_words(tmp_path) -> None:
    for wrong in ("an old workbook", "what is packed", "a page", "a zip cut short", "nothing", "a hint alone"):
        make, said = REFUSED[wrong]
        (tmp_path / "table.csv").write_bytes(make(""))
        with pytest.raises(InputError) as caught:
            read_cables(tmp_path / "table.csv")
        assert said in str(caught.value)


def test_lines_are_those_of_the_file(log) -> None:
    """Arrow passes over empty lines, so that a row is not its line."""
    text = "\ntime,failed\n\n10,1\n\n,\n20,0\n\nten,1\n"
    with pytest.raises(InputError, match=r"log\.csv:9: time: 'ten' is not a valid time"):
        read_field(log(text))
    with pytest.raises(InputError, match=r"log\.csv:6: is not a valid table: 3 cells for 2 columns"):
        read_field(log("time,failed\n10,1\n\n\n20,0\n30,1,5\n"))
    with pytest.raises(InputError, match=r"log\.csv:5: cost: 'x': a number, 0 or more"):
        read_costs(log("kind,what,cost\nstock,*,1\n\n\nduplicate,psu,x\n"))


def test_a_cell_without_a_title_is_not_passed_over(log) -> None:
    """1,5 in a file whose rows end with a separator would be a 1."""
    with pytest.raises(InputError, match=r"log\.csv:2: .*without a title"):
        read_field(log("failed,time,\n1,1,5\n0,2,\n"))
    with pytest.raises(InputError, match="more cells than there are columns"):
        read_costs(log("kind,what,cost,\nstock,*,1,5\n"))
    with pytest.raises(InputError, match="in column 3, which has no title"):
        read_costs(log("kind,what,,cost\nstock,*,1,5\n"))


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("kind;what;cost\nstock;*;1.234,5\n", 1234.5),
        ("kind;what;cost\nstock;*;3.000\nduplicate;psu;2,5\n", 3000),
        ("kind;what;cost\nstock;*;3,000\nduplicate;psu;2.5\n", 3000),
        ("kind;what;cost\nstock;*;3 000\n", 3000),
        ('kind,what,cost\nstock,*,"2,5"\n', 2.5),
        ('kind,what,cost\nstock,*,"3,000"\nduplicate,psu,2.5\n', 3000),
    ],
)
def test_decimals_of_prices_are_those_of_their_column(log, text, cost) -> None:
    assert read_costs(log(text)).prices["stock", "*"] == cost


@pytest.mark.parametrize("text", ["kind;what;cost\nstock;*;3.000\n", 'kind,what,cost\nstock,*,"3,000"\n'])
def test_what_nothing_decides_is_refused_without_an_option_that_is_not_there(log, text) -> None:
    with pytest.raises(InputError, match="can be 3") as caught:
        read_costs(log(text))
    assert "--decimal" not in str(caught.value)


def test_a_semicolon_table_of_rates_gives_the_same_answer(k2, log) -> None:
    text = "id,component_types,lambda_per_h,law,mttr_4h_contract_h\nmine,psu,4.5e-6,weibull(shape=1.2),6.5\n"
    one = k2("availability", "L1", "--rates", log(text, "a.csv"), "--format", "json").json
    other = log("sep=;\n" + text.replace(",", ";").replace("4.5e", "4,5e").replace("6.5", "6,5"), "b.csv")
    two = k2("availability", "L1", "--rates", other, "--format", "json").json
    assert one["services"] == two["services"]


# workbooks ----------------------------------------------------------------------------------------------------------

LIVES = [
    ["unit", "start", "end", "failed"],
    ["a", dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1), True],
    ["b", dt.date(2020, 1, 1), dt.datetime(2020, 1, 11, 12), False],
]


def book(path, rows, change=lambda book: None):
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    change(made)
    made.save(path)
    return path


def test_dates_durations_and_empty_rows_of_a_workbook(tmp_path) -> None:
    data = read_field(book(tmp_path / "a.xlsx", [[None], *LIVES, [None, None], []]))
    assert (data.hours, data.lives[0].failures) == (366 * 24 + 10.5 * 24, 1)
    data = read_field(book(tmp_path / "b.xlsx", [["time", "failed"], [dt.timedelta(hours=36), 1], ["4 h", 0]]))
    assert data.hours == 40


def test_hidden_and_empty_sheets_do_not_count_and_a_wrong_extent_loses_nothing(tmp_path) -> None:
    def change(made) -> None:
        made.create_sheet("empty")
        hidden = made.create_sheet("lists")
        hidden.append(["a", "b"])
        hidden.sheet_state = "hidden"

    whole = book(tmp_path / "a.xlsx", LIVES, change)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as new:
        for part in old.namelist():
            new.writestr(part, old.read(part).replace(b'<dimension ref="A1:D3"', b'<dimension ref="A1:B2"'))
    assert read_field(whole).hours == read_field(tmp_path / "b.xlsx").hours == 366 * 24 + 10.5 * 24


def test_a_formula_counts_by_its_value_and_one_without_is_refused(tmp_path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as made:
        made.add_worksheet().write_row(0, 0, ["time", "failed"])
        made.worksheets()[0].write_row(1, 0, [5, 1])
        made.worksheets()[0].write_formula(2, 0, "=A2*2", None, 10)
        made.worksheets()[0].write(2, 1, 0)
    assert read_field(path).hours == 15
    with pytest.raises(InputError, match=r":3: the formula in column 1 has no value yet; open the workbook in Excel"):
        read_field(book(tmp_path / "b.xlsx", [["time", "failed"], [5, 1], ["=A2*2", 0]]))


def other(*parts):
    def make(path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in parts:
                archive.writestr(name, data)

    return make


def changed(old, new):
    def make(path) -> None:
        whole = book(path.with_name("whole.xlsx"), LIVES)
        with zipfile.ZipFile(whole) as archive:
            parts = [(name, archive.read(name)) for name in archive.namelist()]
        other(*((name, data.replace(old, new)) for name, data in parts))(path)

    return make


WORKBOOKS = {
    "two sheets": (
        lambda path: book(path, LIVES, lambda made: made.create_sheet("x").append(["a"])),
        "has 2 sheets with content ('Sheet', 'x'); keep one",
    ),
    "nothing": (lambda path: book(path, []), "has no sheet with content"),
    "open document": (other(("mimetype", "x"), ("content.xml", "<a/>")), "(.ods); save its sheet as .xlsx or as CSV"),
    "binary": (other(("xl/workbook.bin", "x")), "(.xlsb); save its sheet as .xlsx or as CSV"),
    "a zip": (other(("2024-01-01.csv", "a,b")), "is a zip archive, not a table; unpack it first"),
    "a cell of 30 MB": (changed(b"</sheetData>", b"<row><c><v>" + b"1" * 30_000_000), "longer than Excel allows"),
    "row 2,000,000,000": (changed(b'<row r="2"', b'<row r="2000000000"'), "has more than 1,048,576 rows"),
    "parts that are damaged": (changed(b"<sheetData>", b"<sheetData"), "is a damaged workbook"),
    "large styles": (changed(b"</styleSheet>", b" " * 21_000_000 + b"</styleSheet>"), "is larger than 20 MB"),
}


@pytest.mark.parametrize("kind", WORKBOOKS)
def test_workbooks_that_are_not_read_say_what_to_do(tmp_path, kind, monkeypatch) -> None:
    monkeypatch.setattr(workbook, "_MOST_ROWS", 1000 if kind.startswith("row") else workbook._MOST_ROWS)
    make, said = WORKBOOKS[kind]
    make(tmp_path / "a.xlsx")
    with pytest.raises(InputError) as caught:
        read_field(tmp_path / "a.xlsx")
    assert (said if not kind.startswith("row") else "has more than 1,000 rows") in str(caught.value)


def test_a_bit_that_has_turned_is_told(tmp_path) -> None:
    whole = bytearray(book(tmp_path / "a.xlsx", LIVES).read_bytes())
    for place in range(100, len(whole), 97):
        turned = bytearray(whole)
        turned[place] ^= 0x55
        (tmp_path / "b.xlsx").write_bytes(turned)
        try:
            read_field(tmp_path / "b.xlsx")
        except InputError as error:
            assert str(error).startswith(str(tmp_path / "b.xlsx"))


def test_without_openpyxl_its_name_is_told(tmp_path, monkeypatch) -> None:
    path = book(tmp_path / "a.xlsx", LIVES)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError, match=r"pip install 'k2rel\[excel\]'; or save the sheet as CSV"):
        read_field(path)


def test_a_study_takes_rates_from_a_workbook(tmp_path) -> None:
    sheet(tmp_path / "rates.xlsx", READERS["rates"][0])
    assert k2rel.study("L1", rates=tmp_path / "rates.xlsx").rates_row("psu_A_1") == "mine"
