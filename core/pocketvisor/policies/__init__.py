"""What governs a profile: signed policies and orders, and who keeps to them."""
