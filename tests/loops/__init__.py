"""One set of scenarios, run unchanged in every event loop: `scenarios` above `drivers`, a process for each loop."""
