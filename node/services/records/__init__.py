"""Records of this office: rules, views, edits, import and export, where an edit is durable.

Face: all of it.
"""
