"""What a cleaning run tells people: the numbers of its summary, and the report, a page to look at and to overrule."""

from dataprep.report.finding import Finding
from dataprep.report.page import write_report
from dataprep.report.summary import Summary, summarize

__all__ = ["Finding", "Summary", "summarize", "write_report"]
