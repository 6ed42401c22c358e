"""How well trees, stems and links were found, beside what a plain filter finds."""
