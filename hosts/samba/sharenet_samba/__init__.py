"""The program of Sharenet's file server hosts: makes share servers, each an isolated Samba, as JSON requests ask."""

PROGRAM_VERSION = "1.0.0"
PROTOCOL_VERSION = 1
