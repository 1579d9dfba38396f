"""The command line: init, template, doctor, lab and new for the analyst; demo, load, run, check, audit, report.

Exit code 0; 1 when the data or the machine say no; 2 for usage; 70 for a fault of ours; 130 when stopped by Ctrl-C.
"""

from custvalue.cli.entry import main

__all__ = ["main"]
