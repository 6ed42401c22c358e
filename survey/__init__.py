"""Clouds to trees: the forest science.

`survey.plot.survey_plot` goes the whole way for one airborne cloud. The steps have lidR's words, one module each:
`ground`, `terrain`, `canopy`, `locate`, `segment`, `crowns`, `allometry`; `las` and `crs` stand at the border;
`records` turns a result into the records that are signed. Metres and degrees inside, easting before northing.
"""
