"""The attack in the window: a hostile guest beside another one, and the score sheet of what came of it."""
