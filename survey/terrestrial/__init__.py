"""Clouds from tripods and mobile scanners to stems: `plot.survey_stems` goes the whole way."""
