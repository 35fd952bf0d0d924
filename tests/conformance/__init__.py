"""The behaviour that was observed on Windows, case by case: tests/data, see its README."""
