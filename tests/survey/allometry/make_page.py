"""Write docs/allometry.md: ``python -m tests.survey.allometry.make_page``."""

from pathlib import Path

from survey.allometry.page import describe_equations

PAGE = Path(__file__).parents[3] / "docs" / "allometry.md"

if __name__ == "__main__":
    PAGE.write_text(describe_equations(), encoding="utf-8")
