"""Style, scales and PNG files of all figures."""
