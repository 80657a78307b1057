"""What bare Python does of the measuring: it imports Python's own modules, few of them, and this package; a test looks."""
