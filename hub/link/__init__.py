"""The gRPC side of the link: what a parent offers its children."""
