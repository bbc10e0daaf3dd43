"""The command `silian`: verbs over `hub.client`. Heavy imports wait for their verb."""
