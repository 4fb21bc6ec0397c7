"""The app for AppTest: app.py, run from a folder without pages/.

Beside a folder of that name AppTest takes an app for one of Streamlit's older kind in every run:
what app.py says about it at a server's start is forgotten by then.
"""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parents[2] / "app.py"))
