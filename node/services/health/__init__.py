"""The state of this office: status, problems, verification."""
