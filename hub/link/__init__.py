"""The gRPC face of the link: what a parent offers its children."""
