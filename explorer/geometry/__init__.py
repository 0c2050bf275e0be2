"""Page Geometry: distances of codes against those of pictures; only `page` is used from outside."""
