"""The command `silian`: verbs over `hub.client.client`. Heavy imports wait for their verb."""
