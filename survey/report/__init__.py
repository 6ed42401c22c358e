"""What a forester looks at: charts, maps and sections of a survey, and one page that holds them all."""
