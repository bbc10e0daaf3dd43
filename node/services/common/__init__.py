"""What several services share: pages, reasons."""
