"""What happens after a backup was restored or a disk was lost; which of two stores is a clone."""
