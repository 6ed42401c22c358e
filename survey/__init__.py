"""Clouds and field shots to trees: the forest science.

====================  ==========================================================================
`survey.files`        untrusted clouds and reference systems in; layers and labelled clouds out
`survey.ground`       noise, ground, terrain
`survey.airborne`     one cloud seen from above to trees: `plot.survey_plot` goes the whole way
`survey.allometry`    stem diameter, volume, biomass and carbon from what was measured
====================  ==========================================================================

`records` turns a result into the records that are signed. Tasks have lidR's words. Metres and degrees inside, easting
before northing.
"""
