"""The variants: each file here that does not start with an underscore defines one."""
