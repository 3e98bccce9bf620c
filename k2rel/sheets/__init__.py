"""Tables that a person gives, as files have them: one rule of what parts the cells, of decimals, and of encodings.

``files``     what a file is: text, a workbook, or something that is no table
``workbook``  the sheet of an Excel workbook, as text
``head``      titles, what parts the cells, and ``sep=``
``table``     small tables, read whole
``records``   the same or JSON lines, from a file or a stream
``blocks``    long ones, read in a stream of bytes without what is no row
"""

from k2rel.sheets.blocks import Rows
from k2rel.sheets.files import NOT_UTF8, opened_table
from k2rel.sheets.head import MARKS, Head, head_of, hinted
from k2rel.sheets.records import read_records
from k2rel.sheets.table import Numbers, Record, Table, read_table

__all__ = [
    "MARKS",
    "NOT_UTF8",
    "Head",
    "Numbers",
    "Record",
    "Rows",
    "Table",
    "head_of",
    "hinted",
    "opened_table",
    "read_records",
    "read_table",
]
