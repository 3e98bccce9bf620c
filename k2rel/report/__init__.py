"""Reports: parameterised notebooks, executed by papermill and rendered as self-contained HTML.

``notebook``  what the notebooks call: parameters to study, tables and cases as HTML, results beside the report
``render``    execute, render, index; failures kept apart
``files``     whole files or none
``explorer``  a drawing whose parts fail and recover by a click
``page``      the HTML page around a rendered notebook, and the index
"""

from k2rel.report.explorer import show_explorer
from k2rel.report.notebook import open_study, save_results, show, show_cases, show_figure, show_steps, show_text
from k2rel.report.render import Rendered, render_reports

__all__ = [
    "Rendered",
    "open_study",
    "render_reports",
    "save_results",
    "show",
    "show_cases",
    "show_explorer",
    "show_figure",
    "show_steps",
    "show_text",
]
