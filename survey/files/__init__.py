"""The border: untrusted clouds and reference systems in, files for others out.

==================  ============================================================================================
`clouds`            one door for LAS, LAZ, COPC, E57 and PLY: what a file says of itself, and its points in chunks
`las`               a whole cloud at once; clouds as LAZ
`crs`               where on Earth a cloud lies, in which unit
`labelled`          a copy of a cloud whose points carry their tree
`copc`              a cloud as COPC
`rasters`           grids as cloud-optimised GeoTIFF
`layers`            trees and crowns (`tree_layer`) as GeoPackage and GeoParquet
==================  ============================================================================================

Headers are read here, with bounds (`las_header`, `laszip`, `copc_tree`, `e57_header`, `ply_header`). Points are
decoded elsewhere: `decoder` starts a process (`decode_worker`) that runs one of `las_points`, `e57_points` and
`ply_points` and sends columns (`column_frames`), or sends whole LAS points as they stand (`raw_points`), and reads its
answer from a pipe (`decode_job`). What is written appears whole or not at all (`whole_file`).
"""
