"""Recovery after a restored backup or a lost disk, and the detection of cloned stores."""
