"""The slider under a phone, and its past."""
