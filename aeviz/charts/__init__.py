"""Arrays become charts, images and files."""
