"""Numbers and pictures of charts, without widgets: scales, and lines painted into images."""
