"""What crews measure on foot: readings to trees, and these joined with the trees of a cloud.

===========  ===========================================================================
`visits`     readings of a device, grouped by the tree that the crew stood at
`measure`    height from shots, diameter from caliper readings, with errors
`place`      where a tree stands: beside a receiver, or off a station by a shot's vector
`trees`      the trees of a crew's day
`join`       crew's trees and cloud's trees as one, and where both disagree
===========  ===========================================================================
"""
