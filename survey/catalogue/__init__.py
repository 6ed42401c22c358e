"""Many cloud files surveyed as one: tile by tile, in bounded memory, with the same trees however it is cut.

==============  ================================================================================
`entry`         `survey_catalogue`: start here
`inventory`     which files, in which CRS, where they overlap
`spool`         each file decoded once, its points laid down by blocks of 25 m
`plan`          which tiles, each with what lies around it
`ground`        a job: which points of a tile are ground
`trees`         a job: the trees of a tile
`numbering`     one number for each tree of the whole area
`exports`       layers, rasters and labelled clouds of the whole area
`run`           jobs on any executor; what is done stays done
`cluster`       a Dask cluster as the executor
`estimates`     the trees that were written, for records
==============  ================================================================================
"""
