"""Rollouts: contents and settings brought to many terminals little by little, watched, and stopped in time."""
