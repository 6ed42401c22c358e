"""GNSS receivers: NMEA 0183, UBX and RTCM 3 streams to fixes, and corrections from a caster."""
