"""What this office knows of other offices: status, clones, refused signatures, comparisons."""
