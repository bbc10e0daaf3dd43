"""Enrolment: invite an office, issue and renew certificates, revoke them.

Face: all of it.
"""
