"""The module's widget and its sections."""
