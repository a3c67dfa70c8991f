"""One self-contained HTML page about a run: scores, curves over time, and pictures side by side."""

from .page import report_page
from .pictures import Exhibit, PictureCollector, ProfileLine, Still

__all__ = ["Exhibit", "PictureCollector", "ProfileLine", "Still", "report_page"]
