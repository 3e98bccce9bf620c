"""Reports: parameterised notebooks, executed by papermill and rendered as self-contained HTML.

``notebook``  what the notebooks call: parameters to study, tables and cases as HTML, results beside the report
``pictures``  plots and drawings, shown in the page and saved beside it
``front_page``  a summary as the first page
``parameters``  those of a notebook, checked by name and type
``duty``      every single failure and the next hours, as a page to hang up
``explorer``  a drawing whose parts fail and recover by a click
``workbook``  tables as CSV and XLSX
``execute``   one notebook, by papermill
``kernels``   kernels as copies of ``forkserver``, a process that has everything imported
``render``    one report: notebook, page, PDF, manifest
``jobs``      what a batch is to render, read and checked
``batch``     many reports, on this machine or a cluster, and their index
``page``      the HTML page around a rendered notebook, and the index
``levels_table``  the first table of a comparison, and two designs drawn side by side
``embedded``  data and script inside a page
``pdf``       a page printed by Chromium
``words``     sentences about sides and loads
``files``     whole files or none
"""

from k2rel.organisation import reading
from k2rel.report.batch import Rendered, render_reports
from k2rel.report.duty import open_duty, show_duty, worst_failure
from k2rel.report.explorer import show_explorer
from k2rel.report.front_page import show_summary
from k2rel.report.levels_table import open_pair, show_pair, show_recommendation
from k2rel.report.notebook import (
    Refused,
    about,
    attempt,
    open_answer,
    open_study,
    save_results,
    show,
    show_cases,
    show_chapter,
    show_steps,
    show_text,
)
from k2rel.report.parameters import check_parameters
from k2rel.report.pictures import Pictures, show_figure
from k2rel.report.words import given_words, load_unit

__all__ = [
    "Pictures",
    "Refused",
    "Rendered",
    "about",
    "attempt",
    "check_parameters",
    "given_words",
    "load_unit",
    "open_answer",
    "open_duty",
    "open_pair",
    "open_study",
    "reading",
    "render_reports",
    "save_results",
    "show",
    "show_cases",
    "show_chapter",
    "show_duty",
    "show_explorer",
    "show_figure",
    "show_pair",
    "show_recommendation",
    "show_steps",
    "show_summary",
    "show_text",
    "worst_failure",
]
