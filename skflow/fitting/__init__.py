"""From rows to a trained flow: what "auto" means, where a fit starts, how rows pass through it."""
