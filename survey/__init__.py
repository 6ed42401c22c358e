"""Clouds and field shots to trees: the forest science.

====================  ==========================================================================
`survey.files`        untrusted clouds and reference systems in; layers and labelled clouds out
`survey.ground`       noise, ground, terrain
`survey.airborne`     one cloud seen from above to trees: `plot.survey_plot` goes the whole way
`survey.terrestrial`  one cloud from within the forest to stems: `plot.survey_stems`
`survey.catalogue`    many clouds as one, in bounded memory: `entry.survey_catalogue`
`survey.field`        a crew's shots to trees, joined with a cloud's
`survey.allometry`    stem diameter, volume, biomass and carbon from what was measured
`survey.linking`      which tree of one list is which of another
`survey.resurvey`     what became of each tree between two surveys
`survey.records`      results as the records that are signed
`survey.report`       charts, maps and a page for people
====================  ==========================================================================

Tasks have lidR's words; `.importlinter` says who may use whom. Metres and degrees inside, easting before northing.
"""
