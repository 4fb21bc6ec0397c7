"""Arrays become charts, pictures and files."""
