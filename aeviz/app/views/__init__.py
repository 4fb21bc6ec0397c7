"""The parts that the pages call, a file for each page that needs one."""
