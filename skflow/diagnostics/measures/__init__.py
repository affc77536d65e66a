"""Figures about densities: arrays in, findings out; estimators are not looked at."""
