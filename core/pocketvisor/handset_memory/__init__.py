"""A handset's RAM among its guests: what they hold, what they share, and who gives some back."""
