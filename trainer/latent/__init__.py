"""What can be computed on codes alone: axes, neighbours, contours, the file of a map."""
